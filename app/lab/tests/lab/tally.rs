use std::collections::{BTreeMap, HashMap};

use opentelemetry_proto::tonic::trace::v1::{span::SpanKind, status::StatusCode};
use serde_json::Value;

use crate::sink::{Seen, text};

/// Calls of one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    pub attempts: u64,
    pub errors: u64,
    pub retries: u64,
    pub timeouts: u64,
}

/// From, to, via.
pub type Way = (Option<String>, String, String);

/// What happened: by the spans, or by the books.
#[derive(Debug, Default)]
pub struct Tally {
    pub calls: BTreeMap<Way, Calls>,
    pub records: BTreeMap<String, u64>,
    /// Group and channel → deliveries.
    pub deliveries: BTreeMap<(String, String), u64>,
    /// Whether a span tells of a call that a breaker refused.
    pub has_refusal: bool,
}

impl Tally {
    pub fn of(seen: &[Seen]) -> Self {
        let mut tally = Self::default();
        let servers: HashMap<&[u8], &str> = seen
            .iter()
            .filter(|seen| seen.span.kind == SpanKind::Server as i32)
            .map(|seen| (seen.span.parent_span_id.as_slice(), seen.service.as_str()))
            .collect();
        // Where a call never reached its callee, others to the same address did.
        let mut by_port: HashMap<String, &str> = HashMap::new();
        for seen in seen.iter().filter(|seen| seen.span.kind == SpanKind::Client as i32) {
            if let (Some(port), Some(to)) = (text(&seen.span.attributes, "server.port"), servers.get(seen.span.span_id.as_slice())) {
                by_port.insert(port, to);
            }
        }
        for Seen { service, span } in seen {
            let value = |key: &str| text(&span.attributes, key);
            let is_error = span.status.as_ref().is_some_and(|status| status.code == StatusCode::Error as i32);
            tally.has_refusal |= span.events.iter().any(|event| {
                text(&event.attributes, "exception.message").is_some_and(|m| m == "CircuitBreaker 'payment-client' is OPEN and does not permit further calls")
            });
            let via = if value("rpc.system.name").is_some() { "grpc" } else { "http" }.to_owned();
            match SpanKind::try_from(span.kind).unwrap() {
                SpanKind::Client => {
                    let by_address = || value("server.port").and_then(|port| by_port.get(&port).copied());
                    let to = servers.get(span.span_id.as_slice()).copied().or_else(by_address).map(str::to_owned);
                    let to = to.or_else(|| value("service.peer.name")).unwrap_or_default();
                    let calls = tally.calls.entry((Some(service.clone()), to, via.clone())).or_default();
                    calls.attempts += 1;
                    calls.errors += u64::from(is_error);
                    // gRPC has no attribute for it; nothing is tried again over gRPC while no instance dies.
                    calls.retries += u64::from(value("http.request.resend_count").is_some());
                    calls.timeouts += u64::from(value("error.type").as_deref() == Some("timeout"));
                }
                SpanKind::Server if span.parent_span_id.is_empty() && !value("url.path").is_some_and(|path| path.starts_with("/actuator")) => {
                    let calls = tally.calls.entry((None, service.clone(), via)).or_default();
                    calls.attempts += 1;
                    calls.errors += u64::from(is_error);
                }
                SpanKind::Producer => {
                    assert!(value("messaging.kafka.offset").is_some(), "{span:?}");
                    *tally.records.entry(value("messaging.destination.name").unwrap()).or_default() += 1;
                }
                SpanKind::Consumer => {
                    let way = (value("messaging.consumer.group.name").unwrap(), value("messaging.destination.name").unwrap());
                    let num_records = if let Some(count) = value("messaging.batch.message_count") {
                        assert_eq!(count, span.links.len().to_string());
                        assert!(span.links.iter().all(|link| text(&link.attributes, "messaging.kafka.offset").is_some()));
                        span.links.len() as u64
                    } else {
                        assert!(value("messaging.kafka.offset").is_some() && value("messaging.destination.partition.id").is_some());
                        1
                    };
                    *tally.deliveries.entry(way).or_default() += num_records;
                }
                _ => {}
            }
        }
        tally
    }

    pub fn read(books: &Value) -> Self {
        let list = |name: &str| books[name].as_array().unwrap().clone();
        let word = |line: &Value, key: &str| line[key].as_str().unwrap().to_owned();
        let number = |line: &Value, key: &str| line[key].as_u64().unwrap();
        Self {
            calls: list("calls")
                .iter()
                .map(|line| {
                    let way = (line["from"].as_str().map(str::to_owned), word(line, "to"), word(line, "via"));
                    let figures = Calls {
                        attempts: number(line, "calls"),
                        errors: number(line, "errors"),
                        retries: number(line, "retries"),
                        timeouts: number(line, "timeouts"),
                    };
                    (way, figures)
                })
                .collect(),
            records: list("records").iter().map(|line| (word(line, "channel"), number(line, "records"))).collect(),
            deliveries: list("deliveries").iter().map(|line| ((word(line, "group"), word(line, "channel")), number(line, "count"))).collect(),
            has_refusal: false,
        }
    }
}
