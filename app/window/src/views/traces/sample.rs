//! Made-up traces, for tests and benches.

use switchboard_engine::view::{EventView, LogView, RecordView, RowId, SpanLink, SpanView, TraceList, TraceRow, TraceView};
use switchboard_model::{MessageRef, Place, RawHash, SpanId, SpanKind, SpanStatus, TraceId};

/// The trace that all of them are.
pub(crate) const TRACE: TraceId = TraceId(0x19ab_4c11_0b77_4d20_8c01_77aa_11c2_0c47);
/// When it begins, ns since the Unix epoch.
pub(crate) const START_NS: i64 = crate::testing::NOW_NS - 40_000_000_000;
/// A millisecond.
pub(crate) const MS: i64 = 1_000_000;

/// A span: id, parent, service, name, start and duration in ms since the trace began.
pub(crate) fn span(id: u64, parent: u64, service: &str, name: &str, at_ms: i64, duration_ms: i64) -> SpanView {
    SpanView {
        trace_id: TRACE,
        span_id: SpanId(id),
        parent_span_id: SpanId(parent),
        service: service.to_owned(),
        instance: Some(format!("{service}-1")),
        name: name.to_owned(),
        kind: SpanKind::Internal,
        status: SpanStatus::Unset,
        failure: None,
        start_ns: START_NS + at_ms * MS,
        duration_ns: duration_ms * MS,
        attributes: Vec::new(),
        links: Vec::new(),
        linked_by: Vec::new(),
        collision: false,
        truncated: false,
        status_message: String::new(),
        version: Some("v1.8.2".to_owned()),
        scope: "io.opentelemetry.spring".to_owned(),
        normalised: Vec::new(),
        events: Vec::new(),
        received_ns: START_NS + (at_ms + duration_ms) * MS + 900 * MS,
    }
}

/// The same, of a kind.
pub(crate) fn of_kind(kind: SpanKind, span: SpanView) -> SpanView {
    SpanView { kind, ..span }
}

/// The same, failed.
pub(crate) fn failed(message: &str, span: SpanView) -> SpanView {
    SpanView { status: SpanStatus::Error, failure: Some("failed".to_owned()), status_message: message.to_owned(), ..span }
}

/// A trace of these spans.
pub(crate) fn of(spans: Vec<SpanView>) -> TraceView {
    TraceView { spans, ..TraceView::default() }
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// A checkout whose payment times out and is tried again, whose order is published, read by three groups, and dies in one.
pub(crate) fn checkout() -> TraceView {
    let mut pay = failed("timed out after 2000 ms", of_kind(SpanKind::Client, span(4, 2, "orders", "POST /pay", 120, 2_003)));
    pay.attributes = pairs(&[
        ("http.method", "POST"),
        ("http.url", "http://payments:8080/pay"),
        ("error.type", "timeout"),
        ("net.peer.name", "payments"),
        ("http.request.resend_count", "0"),
        ("thread.name", "reactor-http-3"),
        ("x-correlation-id", "4704"),
        ("http.request.header.authorization", "redacted:ab12cd"),
    ]);
    pay.normalised = pairs(&[("http.request.method", "POST"), ("url.full", "http://payments:8080/pay"), ("server.address", "payments")]);
    pay.events = vec![EventView {
        time_ns: pay.start_ns + 2_001 * MS,
        name: "exception".to_owned(),
        attributes: pairs(&[("exception.type", "java.util.concurrent.TimeoutException"), ("exception.message", "no answer within 2000 ms")]),
    }];
    let mut publish = of_kind(SpanKind::Producer, span(9, 2, "orders", "publish orders.placed", 2_190, 6));
    publish.attributes = pairs(&[
        ("messaging.system", "kafka"),
        ("messaging.destination.name", "orders.placed"),
        ("messaging.destination.partition.id", "0"),
        ("messaging.kafka.offset", "18204"),
    ]);
    let link_to = |span_id: u64| SpanLink { trace_id: TRACE, span_id: SpanId(span_id) };
    publish.linked_by = vec![link_to(12)];
    let mut process = failed("shipTo is null", of_kind(SpanKind::Consumer, span(11, 9, "inventory", "process OrderPlaced", 2_196, 11)));
    process.collision = true;
    let mut linked = of_kind(SpanKind::Consumer, span(12, 9, "shipping", "process orders.placed", 2_199, 71));
    linked.links = vec![link_to(9), SpanLink { trace_id: TraceId(0xaa01), span_id: SpanId(77) }];
    let mut spans = vec![
        of_kind(SpanKind::Server, span(1, 0, "web-bff", "POST /checkout", 0, 2_214)),
        of_kind(SpanKind::Client, span(20, 1, "web-bff", "orders.Orders/Place", 38, 2_140)),
        of_kind(SpanKind::Server, span(2, 20, "orders", "orders.Orders/Place", 44, 2_105)),
        of_kind(SpanKind::Client, span(3, 2, "orders", "INSERT orders", 66, 38)),
        pay,
        of_kind(SpanKind::Server, span(5, 4, "payments", "POST /pay", 140, 40)),
        of_kind(SpanKind::Client, span(6, 2, "orders", "POST /pay (retry)", 2_126, 47)),
        of_kind(SpanKind::Server, span(7, 6, "payments", "POST /pay", 2_121, 44)),
        span(8, 2, "orders", "outbox insert", 2_176, 9),
        publish,
        process,
        linked,
        of_kind(SpanKind::Consumer, span(13, 9, "notifications", "process orders.placed", 2_198, 52)),
        failed("shipTo is null", of_kind(SpanKind::Producer, span(14, 11, "inventory", "publish orders.placed-dlt", 2_204, 3))),
        of_kind(SpanKind::Server, span(15, 0xdead, "fraud", "Check", 2_150, 22)),
    ];
    for attempt in 0..9 {
        spans.push(failed("shipTo is null", span(30 + attempt, 11, "inventory", "map order", 2_197, 1)));
    }
    let log = |at_ms: i64, severity: u8, body: &str, span_id: u64| LogView {
        time_ns: START_NS + at_ms * MS,
        received_ns: START_NS + at_ms * MS + 900 * MS,
        severity,
        service: "orders".to_owned(),
        body: body.to_owned(),
        trace_id: TRACE,
        span_id: SpanId(span_id),
        row: RowId(at_ms as u64),
        instance: Some("orders-1".to_owned()),
        attributes: Vec::new(),
    };
    let logs = vec![
        log(130, 13, "pool exhausted, waiting (20/20)", 4),
        log(2_123, 17, "payment call timed out after 2000 ms", 4),
        log(2_124, 9, "retry 1 of 1", 4),
        log(2_180, 9, "order 4704 placed", 2),
    ];
    TraceView { spans, logs, records: vec![record()] }
}

/// The record that the checkout publishes.
pub(crate) fn record() -> RecordView {
    RecordView {
        at: MessageRef { cluster: "lab-kafka".to_owned(), channel: "orders.placed".to_owned(), place: Place::at(0, 18_204) },
        timestamp_ns: Some(START_NS + 2_192 * MS),
        key: Some(b"4704".to_vec()),
        value: Some(br#"{"orderId":4704,"customer":"c-1182","lines":[{"sku":"AX-19","quantity":2}],"shipTo":null}"#.to_vec()),
        headers: vec![
            ("traceparent".to_owned(), Some(b"00-19ab4c110b774d208c0177aa11c20c47-0000000000000009-01".to_vec())),
            ("x-correlation-id".to_owned(), Some(b"4704".to_vec())),
            ("kafka_replyPartition".to_owned(), Some(vec![0, 0, 0, 2])),
            ("authorization".to_owned(), Some(b"redacted:ab12cd".to_vec())),
        ],
        trace_id: Some(TRACE),
        row: RowId(41),
        value_size_bytes: 88,
        key_size_bytes: 4,
        headers_readable: true,
        redacted: true,
        truncated: false,
        raw_hash: RawHash(0x0c47),
        received_ns: START_NS + 2_400 * MS,
        correlations: vec![("x-correlation-id".to_owned(), "4704".to_owned())],
    }
}

/// A trace of so many spans: batches of short calls below a few long ones, of which some fail.
pub(crate) fn large(num_spans: u64) -> TraceView {
    let mut spans = vec![of_kind(SpanKind::Server, span(1, 0, "importer", "import catalogue", 0, (num_spans as i64).max(10)))];
    for id in 2..=num_spans {
        let batch = 2 + (id - 2) / 50 * 50;
        let at_ms = id as i64;
        let own = if id == batch {
            span(id, 1, "importer", "import batch", at_ms, 50)
        } else {
            of_kind(SpanKind::Client, span(id, batch, "catalog", "INSERT items", at_ms, 1))
        };
        spans.push(if id % 4_999 == 0 { failed("duplicate key", own) } else { own });
    }
    of(spans)
}

/// A list of traces, of which the first is the checkout.
pub(crate) fn list() -> TraceList {
    let row = |number: u64, root_service: &str, root_name: &str, duration_ms: i64, num_errors: u32| TraceRow {
        trace_id: if number == 0 { TRACE } else { TraceId(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_0000 + u128::from(number)) },
        root_service: root_service.to_owned(),
        root_name: root_name.to_owned(),
        has_root: number != 4,
        start_ns: START_NS - number as i64 * 1_700 * MS,
        duration_ns: Some(duration_ms * MS),
        num_spans: 24 - number as u32,
        num_errors,
        services: ["web-bff", "orders", "payments", "inventory", "shipping"].iter().take(5 - number as usize % 4).map(|name| (*name).to_owned()).collect(),
        num_services: if number == 0 { 7 } else { 5 - number as u32 % 4 },
        part: None,
    };
    let rows = vec![
        row(0, "web-bff", "POST /checkout", 2_214, 12),
        row(1, "web-bff", "POST /checkout", 212, 0),
        row(2, "web-bff", "GET /catalog", 48, 0),
        row(3, "shipping", "nightly labels", 1_240, 1),
        row(4, "inventory", "process OrderPlaced", 19, 0),
        row(5, "web-bff", "GET /catalog", 41, 0),
    ];
    TraceList { matching: 1_482, looked_at_spans: 184_202, oldest_ns: Some(START_NS - 400_000 * MS), is_capped: true, rows }
}
