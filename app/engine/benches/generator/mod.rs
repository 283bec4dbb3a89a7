//! Spans as the budgets mean them, for the benches of this package.

use switchboard_model::{
    AttrRow, Attrs, BatchHeader, InstanceSource, ResourceRow, SourceId, SpanBatch, SpanId, SpanKind, SpanRow, SpanStatus, Str, TextArena, TraceId, Value,
    WellKnown,
};

/// The first span starts then, ns since the Unix epoch.
pub const START_NS: i64 = 1_795_258_800_000_000_000;
/// Spans of a batch.
pub const SPANS_PER_BATCH: u64 = 1_000;
/// Services in a row: each answers the one before and calls the next.
const SERVICES: [&str; 5] = ["storefront", "orders", "payments", "ledger", "archive"];

/// Stirs a number.
pub fn mix(number: u64) -> u64 {
    let mut word = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word ^= word >> 29;
    word = word.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word ^ word >> 32
}

/// The id of a trace by its number, from 1.
pub fn trace_id(number: u64) -> TraceId {
    TraceId(u128::from(mix(number)) << 64 | u128::from(mix(number ^ 0x5555)))
}

/// What stands in `request.id` of a span; spans count from ten times their trace's number.
pub fn request_id(span: u64) -> String {
    format!("req-{:016x}", mix(span ^ 0xabcd))
}

/// "The span": 10 attributes, 8 of few values and 2 unique. Traces of 10: a server and a client span in each of 5
/// services, each service's spans in batches of its own, as exporters send them.
pub struct Generator {
    text: TextArena,
    keys: Vec<(Str, (WellKnown, u8))>,
    services: Vec<Str>,
    few: Vec<Str>,
    routes: Vec<Str>,
}

const KEYS: [&str; 10] = [
    "http.request.method",
    "http.route",
    "http.response.status_code",
    "server.address",
    "server.port",
    "network.protocol.version",
    "thread.name",
    "deployment.zone",
    "request.id",
    "db.row.key",
];

impl Generator {
    /// What all batches share.
    pub fn new() -> Self {
        let mut text = TextArena::default();
        let keys = KEYS.iter().map(|key| (text.push(key.as_bytes()), WellKnown::trusted(key))).collect();
        let services = SERVICES.iter().map(|service| text.push(service.as_bytes())).collect();
        let few = (0..8).map(|at| text.push(format!("value-{at}").as_bytes())).collect();
        let routes = (0..40).map(|at| text.push(format!("GET /api/resource-{at}/{{id}}").as_bytes())).collect();
        Self { text, keys, services, few, routes }
    }

    /// Of each 500 traces: one batch a service.
    pub fn batch(&self, number: u64) -> SpanBatch {
        let service = (number % SERVICES.len() as u64) as usize;
        let first_trace = number / SERVICES.len() as u64 * (SPANS_PER_BATCH / 2);
        let mut text = self.text.clone();
        let mut attrs = Vec::with_capacity(10 * SPANS_PER_BATCH as usize);
        let mut spans = Vec::with_capacity(SPANS_PER_BATCH as usize);
        for at in 0..SPANS_PER_BATCH {
            let trace = first_trace + at / 2 + 1;
            let is_client = at % 2 == 1;
            // Of 10 spans of a trace: server, client, server, client …
            let place = service as u64 * 2 + u64::from(is_client);
            let span_id = |place: u64| mix(trace * 10 + place) | 1;
            let random = mix((trace * 10 + place) ^ 0xabcd);
            let start = attrs.len() as u32;
            let callee = self.services[(service + 1) % SERVICES.len()];
            let values = [
                Value::Str(self.few[(random & 3) as usize]),
                Value::Str(self.routes[(random >> 8) as usize % 40]),
                Value::I64(200 + (random >> 16) as i64 % 3),
                Value::Str(if is_client { callee } else { self.services[service] }),
                Value::I64(8080 + service as i64),
                Value::Str(self.few[(random >> 24 & 1) as usize]),
                Value::Str(self.few[(random >> 32 & 7) as usize]),
                Value::Str(self.few[(random >> 40 & 2) as usize]),
                Value::Str(text.push(request_id(trace * 10 + place).as_bytes())),
                Value::Str(text.push(format!("{:016x}-{:016x}", mix(random), random).as_bytes())),
            ];
            attrs.extend(self.keys.iter().zip(values).map(|((key, told), value)| AttrRow::new(*key, *told, value)));
            let start_ns = START_NS + number as i64 * 1_000_000 + place as i64 * 50_000;
            spans.push(SpanRow {
                trace_id: trace_id(trace),
                span_id: SpanId(span_id(place)),
                parent_span_id: if place == 0 { SpanId::NONE } else { SpanId(span_id(place - 1)) },
                start_ns,
                end_ns: start_ns + (random >> 40) as i64 % 20_000_000 + 100_000,
                name: self.routes[(random >> 8) as usize % 40],
                kind: if is_client { SpanKind::Client } else { SpanKind::Server },
                status: if random.is_multiple_of(50) { SpanStatus::Error } else { SpanStatus::Unset },
                status_message: Str::EMPTY,
                trace_state: Str::EMPTY,
                flags: 0x101,
                scope: Str::EMPTY,
                resource: 0,
                attrs: Attrs { start, end: attrs.len() as u32 },
                links: Attrs::default(),
                events: Attrs::default(),
                sample_weight: 1.0,
                truncated: false,
            });
        }
        let service_name = self.services[service];
        let resources = vec![ResourceRow { service_name, instance: service_name, instance_source: InstanceSource::InstanceId, ..ResourceRow::default() }];
        let header = BatchHeader { source: SourceId(1), received_ns: START_NS + number as i64 * 1_000_000, ..BatchHeader::default() };
        SpanBatch { header, text, resources, spans, attrs, ..SpanBatch::default() }
    }
}
