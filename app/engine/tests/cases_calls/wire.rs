//! OTLP/JSON in, report out: spans as senders write them, decoded as the receiver does, in several orders.

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::{Value, json};
use switchboard_engine::view::{HopKind, HopReport, InteractionReport, Report, Snapshot};
use switchboard_engine::{Engine, EngineConfig};
use switchboard_model::{Batch, BatchHeader, Input, Redactor, SourceId, SourceInfo, SourceKind};

/// When the session begins, ns since the Unix epoch.
const START_NS: i64 = 1_795_258_800_000_000_000;
const MS: i64 = 1_000_000;

pub const INTERNAL: u8 = 1;
pub const SERVER: u8 = 2;
pub const CLIENT: u8 = 3;
pub const PRODUCER: u8 = 4;
pub const CONSUMER: u8 = 5;

/// A span as JSON, of a service.
#[derive(Clone, Debug)]
pub struct Wire {
    pub service: String,
    pub json: Value,
}

/// A span that starts a second into the session and takes 10 ms.
pub fn span(service: &str, kind: u8, trace: u64, id: u64, parent: u64) -> Wire {
    let mut json = json!({ "traceId": format!("{trace:032x}"), "spanId": format!("{id:016x}"), "name": "operation", "kind": kind, "attributes": [] });
    if parent != 0 {
        json["parentSpanId"] = format!("{parent:016x}").into();
    }
    Wire { service: service.to_owned(), json }.at(1_000, 10)
}

fn any(value: &Value) -> Value {
    match value {
        Value::String(text) => json!({ "stringValue": text }),
        Value::Bool(truth) => json!({ "boolValue": truth }),
        Value::Number(number) => json!({ "intValue": number.to_string() }),
        // As it is to stand on the wire.
        other => other.clone(),
    }
}

pub fn attributes(of: &Value) -> Value {
    of.as_object().expect("an object").iter().map(|(key, value)| json!({ "key": key, "value": any(value) })).collect()
}

impl Wire {
    pub fn at(mut self, start_ms: i64, duration_ms: i64) -> Self {
        let start_ns = START_NS + start_ms * MS;
        self.json["startTimeUnixNano"] = start_ns.to_string().into();
        self.json["endTimeUnixNano"] = (start_ns + duration_ms * MS).to_string().into();
        self
    }

    pub fn with(mut self, of: Value) -> Self {
        let list = self.json["attributes"].as_array_mut().expect("a list");
        list.extend(attributes(&of).as_array().expect("a list").iter().cloned());
        self
    }

    pub fn named(mut self, name: &str) -> Self {
        self.json["name"] = name.into();
        self
    }

    pub fn status(mut self, code: u8) -> Self {
        self.json["status"] = json!({ "code": code });
        self
    }

    pub fn failed(self) -> Self {
        self.status(2)
    }

    pub fn event(mut self, of: Value) -> Self {
        let event = json!({ "timeUnixNano": self.json["startTimeUnixNano"].clone(), "name": "exception", "attributes": attributes(&of) });
        match self.json["events"].as_array_mut() {
            Some(events) => events.push(event),
            None => self.json["events"] = json!([event]),
        }
        self
    }
}

/// The request that carries these spans.
pub fn request(of: &[Wire]) -> String {
    let resource = |wire: &Wire| {
        json!({
            "resource": { "attributes": attributes(&json!({ "service.name": wire.service })) },
            "scopeSpans": [{ "scope": { "name": "test" }, "spans": [wire.json] }],
        })
    };
    json!({ "resourceSpans": of.iter().map(resource).collect::<Vec<_>>() }).to_string()
}

pub fn batches(body: &str, received_ms: i64) -> Vec<Batch> {
    let header = BatchHeader { source: SourceId(1), received_ns: START_NS + received_ms * MS, ..BatchHeader::default() };
    let mut batches = Vec::new();
    let rejected = switchboard_otlp::testing::decode_json_trace_request(body.as_bytes(), header, &Redactor::new([7; 16], &[]), |batch| batches.push(batch));
    assert_eq!(rejected, Some(0), "{body}");
    batches
}

pub fn engine() -> Engine {
    let mut engine = Engine::new(EngineConfig { memory_bytes: 512 << 20, started_ns: START_NS });
    engine.add_source(SourceInfo { id: SourceId(1), name: "OTLP".to_owned(), kind: SourceKind::Otlp, environment: None });
    engine
}

fn apply(of: &[Batch]) -> Engine {
    let mut engine = engine();
    for batch in of {
        engine.apply(Input::Batch(batch.clone()));
    }
    engine
}

/// The report after these spans, each in a request of its own, the same in whatever order they came.
pub fn report(of: &[Wire]) -> Report {
    let mut arrived: Vec<Batch> = of.iter().enumerate().flat_map(|(at, wire)| batches(&request(std::slice::from_ref(wire)), 2_000 + at as i64)).collect();
    let told = |arrived: &[Batch]| apply(arrived).report(&[]);
    let first = told(&arrived);
    arrived.reverse();
    assert_eq!(first, told(&arrived), "backwards it ends in another report");
    let mut rng = StdRng::seed_from_u64(of.len() as u64);
    for _ in 0..6 {
        arrived.shuffle(&mut rng);
        assert_eq!(first, told(&arrived), "in another order it ends in another report");
    }
    first
}

/// What the window shows after these spans, once nothing is held back any more.
pub fn snapshot(of: &[Wire]) -> Snapshot {
    let mut engine = apply(&batches(&request(of), 2_000));
    engine.apply(Input::Batch(Batch::Tick(BatchHeader { source: SourceId(1), received_ns: START_NS + 40_000 * MS, ..BatchHeader::default() })));
    engine.snapshot(&[])
}

fn name(name: Option<&String>) -> &str {
    name.map_or("?", String::as_str)
}

/// From, to, over what, how many, and of these errors, retries and time-outs.
pub fn row(row: &InteractionReport) -> String {
    let counts = [("e", row.errors), ("r", row.retries), ("t", row.timeouts)];
    let told: Vec<String> = counts.iter().filter(|(_, num)| *num > 0).map(|(sign, num)| format!(" {sign}{num}")).collect();
    format!("{} > {} {} x{}{}", name(row.from.as_ref()), name(row.to.as_ref()), row.via, row.calls, told.concat())
}

pub fn rows(of: &[Wire]) -> Vec<String> {
    report(of).interactions.iter().map(row).collect()
}

/// What hops of a kind ended with.
pub fn statuses(report: &Report, kind: HopKind) -> Vec<String> {
    let told = |hop: &HopReport| hop.statuses.iter().map(|(status, num)| format!("{status} x{num}")).collect::<Vec<_>>();
    report.hops.iter().filter(|hop| hop.kind == kind).flat_map(told).collect()
}

pub fn hops(report: &Report, kind: HopKind) -> Vec<String> {
    report.hops.iter().filter(|hop| hop.kind == kind).map(|hop| format!("{} > {} x{}", name(hop.from.as_ref()), name(hop.to.as_ref()), hop.calls)).collect()
}

/// Calls that each service received, where it received some.
pub fn received(report: &Report) -> Vec<String> {
    report.services.iter().filter(|service| service.calls > 0).map(|service| format!("{} x{}", service.name, service.calls)).collect()
}

pub fn channels(report: &Report) -> Vec<String> {
    report.channels.iter().map(|channel| format!("{} ({})", channel.name, channel.system.as_deref().unwrap_or("?"))).collect()
}

/// Errors, and the status that decided.
pub fn ended(of: Wire) -> (u64, String) {
    let report = report(&[of]);
    let kind = if report.hops.iter().any(|hop| hop.kind == HopKind::Process) { HopKind::Process } else { HopKind::Call };
    (report.interactions.iter().map(|row| row.errors).sum(), statuses(&report, kind).join(", "))
}
