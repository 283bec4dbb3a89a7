//! What fuzzing begins with: small inputs of every kind, as the tests of the readers have them. `UPDATE_CORPORA=1 cargo test -p switchboard-tests
//! --release --test corpora` writes them.

mod sending;

use switchboard_kafka::testing::record_batch;
use switchboard_model::{
    Attrs, BATCH_VERSION, Batch, BatchHeader, BreakerEventFact, BreakerEventKind, BreakerFact, BreakerState, Broker, ClusterFact, ClusterRef, FAILURE_DIALECTS,
    Fact, FactBatch, FailureField, GroupFact, GroupKind, GroupMember, GroupOffset, HeaderDecoder, HealthFact, HealthState, InstanceFact, OpenTransaction,
    PartitionFact, PlaceRow, RecordBatch, RecordRow, Refusal, SourceId, TailState, TopicFact, own_traceparent,
};
use switchboard_otlp::testing as otlp;

use crate::targets::{RECEIVED_NS, REDACTOR};

/// One input.
pub struct Seed {
    /// The target's name.
    pub target: &'static str,
    /// Its file's name in the target's corpus.
    pub name: String,
    /// What is read.
    pub bytes: Vec<u8>,
}

/// When the spans begin, ns since the Unix epoch.
const START_NS: u64 = 1_790_000_000_000_000_000;

const TRACES: &str = r#"{"resourceSpans":[
{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"orders"}},{"key":"service.instance.id","value":{"stringValue":"orders-1"}}]},
"scopeSpans":[{"scope":{"name":"shop"},"spans":[
{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7","name":"POST /orders","kind":2,"startTimeUnixNano":"1790000000000000000",
"endTimeUnixNano":"1790000000200000000","attributes":[{"key":"http.response.status_code","value":{"intValue":"503"}},{"key":"order.id","value":{"stringValue":"4711"}}],
"status":{"code":2,"message":"payments is down"},"events":[{"name":"exception","timeUnixNano":"1790000000150000000","attributes":[
{"key":"exception.type","value":{"stringValue":"io.github.resilience4j.circuitbreaker.CallNotPermittedException"}},
{"key":"exception.message","value":{"stringValue":"CircuitBreaker 'payments' is OPEN and does not permit further calls"}}]}]},
{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b8","parentSpanId":"00f067aa0ba902b7","name":"orders.placed publish","kind":4,
"startTimeUnixNano":"1790000000100000000","endTimeUnixNano":"1790000000110000000","attributes":[{"key":"messaging.system","value":{"stringValue":"kafka"}},
{"key":"messaging.destination.name","value":{"stringValue":"orders.placed"}},{"key":"messaging.destination.partition.id","value":{"stringValue":"2"}},
{"key":"messaging.kafka.offset","value":{"intValue":100}}]},
{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b9","parentSpanId":"00f067aa0ba902b7","name":"POST","kind":"SPAN_KIND_CLIENT",
"startTimeUnixNano":1790000000120000000,"endTimeUnixNano":1790000000130000000,"attributes":[{"key":"server.address","value":{"stringValue":"payments"}},
{"key":"peer.service","value":{"stringValue":"payments"}},{"key":"http.request.resend_count","value":{"intValue":"1"}},
{"key":"url.full","value":{"stringValue":"http://user:secret@payments:8080/pay?card=4111111111111111"}}]}]}]},
{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shipping"}}]},"scopeSpans":[{"spans":[
{"traceId":"5bf92f3577b34da6a3ce929d0e0e4736","spanId":"10f067aa0ba902b7","name":"orders.placed process","kind":5,"startTimeUnixNano":"1790000000300000000",
"endTimeUnixNano":"1790000000400000000","links":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b8"}],"attributes":[
{"key":"messaging.consumer.group.name","value":{"stringValue":"shipping"}},{"key":"messaging.destination.name","value":{"stringValue":"orders.placed"}},
{"key":"messaging.system","value":{"stringValue":"kafka"}}]}]}]}]}"#;

const ODD_TRACES: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":{"kvlistValue":{"values":[{"key":"b","value":{"arrayValue":{"values":[
{"doubleValue":"NaN"},{"bytesValue":"AAEC/w=="},{"boolValue":true},{}]}}}]}}},{"key":"service.name","value":null}]},"scopeSpans":[{"spans":[
{"traceId":"AAAAAAAAAAAAAAAAAAAAAQ==","spanId":"","name":"\ud83d\ude00 \ud83d","kind":99,"startTimeUnixNano":"-1","endTimeUnixNano":1e400,"unknown":[[[{}]]],
"attributes":[{"key":"k","value":{"intValue":"9223372036854775808"}}]},{"trace_id":"4BF92F3577B34DA6A3CE929D0E0E4736","span_id":"00F067AA0BA902B7"}]}]}]}"#;

const LOGS: &str = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"orders"}}]},"scopeLogs":[{"logRecords":[
{"timeUnixNano":"1790000000000000000","observedTimeUnixNano":"1790000000000000001","severityNumber":17,"severityText":"ERROR","body":{"stringValue":"order 4711 failed"},
"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7","attributes":[{"key":"password","value":{"stringValue":"geheim"}}]}]}]}]}"#;

const METRICS: &str = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","gauge":{"dataPoints":[{"asInt":"1"}]}},
{"name":"b","histogram":{"dataPoints":[{"count":"2","sum":3.5,"bucketCounts":["1","1"],"explicitBounds":[1]}],"aggregationTemporality":2}},
{"name":"c","sum":{"dataPoints":[{"asDouble":1.5},{"asDouble":"Infinity"}],"isMonotonic":true}}]}]}]}"#;

const ACTUATORS: [&str; 7] = [
    r#"{"circuitBreakers":{"payments":{"failureRate":"62.5%","slowCallRate":"-1.0%","bufferedCalls":8,"failedCalls":5,"notPermittedCalls":17,"state":"OPEN"},
"new":{"state":"SIDEWAYS","failureRate":{},"bufferedCalls":-1},"broken":7}}"#,
    r#"{"circuitBreakers":["userServices","",4]}"#,
    r#"{"circuitBreakerEvents":[{"circuitBreakerName":"payments","type":"STATE_TRANSITION","creationTime":"2026-11-21T10:00:00.123456789+01:00[Europe/Berlin]",
"stateTransition":"CLOSED_TO_OPEN"},{"circuitBreakerName":"payments","type":"NOT_PERMITTED","creationTime":"2026-11-21T09:00:00Z"},{"type":1}]}"#,
    r#"{"retryEvents":[{"retryName":"pay","type":"RETRY","creationTime":"2026-11-21T10:00:00.1Z[Etc/UTC]","numberOfAttempts":1}]}"#,
    r#"{"timeLimiterEvents":[{"timeLimiterName":"pay","type":"TIMEOUT","creationTime":"+999999999-12-31T23:59:59.999999999-18:00"}]}"#,
    r#"{"app":{"instance":{"id":"orders-1"}},"process":{"pid":4711}}"#,
    r#"{"_links":{"self":{"href":"http://localhost/actuator","templated":false},"retryevents":{"href":"x"}}}"#,
];

const CONTEXTS: [&str; 18] = [
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
    "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1-05e3ac9a4f6e3b90",
    "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1",
    "4bf92f3577b34da6%3Af067aa0ba902b7%3A0%3A1",
    "11803532876627986230\n67667974448284343",
    "a3ce929d0e0e4736\n00f067aa0ba902b7",
    "4BF92F35-77B3-4DA6-A3CE-929D0E0E4736",
    "{4bf92f35-77b3-4da6-a3ce-929d0e0e4736}",
    "urn:uuid:4bf92f35-77b3-4da6-a3ce-929d0e0e4736",
    "4711",
    "order-4711",
    "orders.placed-retry-5000",
    "orders.placed.shipping.DLT\norders.placed",
    "orders.placed-shipping-dlt\norders.placed",
    "x-correlation-id",
    "kafka_dlt-original-offset",
    "dbPassword",
];

const SECRETS: [&str; 10] = [
    r#"{"user":"a","db_password":"geheim","pin":1234,"nested":{"apiKey":"sk_live_4eC39HqLyjWDarjtT1zdp7dc"}}"#,
    "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "postgres://orders:s3cret@db:5432/shop?sslpassword=x&token=abc",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\nafter",
    "card 4111 1111 1111 1111, not 4111 1111 1111 1112",
    "<login><password>geheim</password><token attr='x'>y</token></login>",
    "password=geheim; Cookie: session=abc; Basic dXNlcjpwYXNz",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a AKIAIOSFODNN7EXAMPLE xoxb-123456789012-abcdefabcdef",
    "{\\\"password\\\":\\\"ge\\\\\\\"heim\\\",\\\"token\\\":null}",
    "pässwörd: ü, password: \u{1f511}, 密码=x",
];

const FINDS: [&str; 12] = [
    "4711\norder 4711 failed",
    "-12.5\n{\"a\":-12.5}",
    "2@100\n2@100",
    "orders.placed 2@100\n",
    "orders-7-2@100\n",
    "orders[2]@100\n",
    "orders:2:100\n",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\n4bf92f3577b34da6a3ce929d0e0e4736",
    "4BF92F35-77B3-4DA6-A3CE-929D0E0E4736\nK\u{fffd}",
    "a3ce929d0e0e4736\nA3CE929D0E0E4736",
    "ÄRGER\nÄrger",
    "1\n\0\0\0\u{1}",
];

/// All of them.
pub fn seeds() -> Vec<Seed> {
    let mut found = Vec::new();
    let mut add = |target, name: String, bytes: &[u8]| found.push(Seed { target, name, bytes: bytes.to_vec() });
    let mut texts = |target, texts: &[&str]| texts.iter().enumerate().for_each(|(number, text)| add(target, format!("seed-{number:02}"), text.as_bytes()));
    texts("actuator", &ACTUATORS);
    texts("context", &CONTEXTS);
    texts("find", &FINDS);
    texts("otlp_json", &[TRACES, ODD_TRACES, LOGS, METRICS]);
    texts("engine", &[TRACES, ODD_TRACES, LOGS]);
    texts("redact", &SECRETS);
    texts("profile", &profiles().iter().map(String::as_str).collect::<Vec<_>>());
    for (name, bytes) in protobuf() {
        add("otlp_protobuf", name.to_owned(), &bytes);
        add("engine", name.to_owned(), &bytes);
    }
    for (name, bytes) in records() {
        add("record", name, &bytes);
    }
    for (target, name, bytes) in sending::all() {
        add(target, name, &bytes);
    }
    for (name, batch) in batches() {
        add("batch", name.to_owned(), &serde_json::to_vec(&batch).expect("a batch can be written"));
    }
    found
}

/// The sample, and each of its tables by itself.
fn profiles() -> Vec<String> {
    let sample = include_str!("../../../../assets/profiles/sample.toml");
    let lines: Vec<&str> = sample.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).collect();
    let tables: Vec<usize> = (0..=lines.len()).filter(|at| lines.get(*at).is_none_or(|line| line.starts_with('['))).collect();
    let parts = tables.windows(2).map(|edges| format!("{}\n", lines[edges[0]..edges[1]].join("\n")));
    std::iter::once(format!("{}\n", lines.join("\n"))).chain(parts).collect()
}

/// A field of protobuf that has a length.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut written = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length > 0x7f {
        written.push(length as u8 | 0x80);
        length >>= 7;
    }
    written.push(length as u8);
    written.extend_from_slice(bytes);
    written
}

/// A field of eight bytes.
fn fixed(number: u8, value: u64) -> Vec<u8> {
    [&[number << 3 | 1][..], &value.to_le_bytes()].concat()
}

/// An attribute with a text.
fn attribute(number: u8, key: &str, value: &str) -> Vec<u8> {
    field(number, &[field(1, key.as_bytes()), field(2, &field(1, value.as_bytes()))].concat())
}

/// Requests behind a byte that says of what they are.
fn protobuf() -> Vec<(&'static str, Vec<u8>)> {
    let resource = field(1, &attribute(1, "service.name", "orders"));
    let severity = [2 << 3, 17];
    let log = [fixed(1, START_NS), severity.to_vec(), field(5, &field(1, b"order 4711 failed")), attribute(6, "token", "geheim"), field(9, &[7; 16])].concat();
    let logs = field(1, &[resource.clone(), field(2, &field(2, &log))].concat());
    let point = field(1, &fixed(3, START_NS));
    let metric = [field(1, b"a"), field(5, &point), field(1, b"b"), field(9, &point)].concat();
    let metrics = field(1, &[resource, field(2, &field(2, &metric))].concat());
    let of = |signal: u8, request: &[u8]| [&[signal][..], request].concat();
    vec![
        ("traces", of(0, &otlp::trace_request_at(START_NS, 0, 1))),
        ("traces-11", of(0, &otlp::trace_request_at(START_NS, 0, 11))),
        ("logs", of(1, &logs)),
        ("metrics", of(2, &metrics)),
    ]
}

/// Parts behind their lengths, as the target reads them.
fn parts(parts: &[Option<&[u8]>]) -> Vec<u8> {
    let written = parts.iter().flat_map(|part| match part {
        Some(part) => [&[part.len().min(254) as u8][..], &part[..part.len().min(254)]].concat(),
        None => vec![u8::MAX],
    });
    written.collect()
}

/// A dead letter of every framework, and records that are none.
fn records() -> Vec<(String, Vec<u8>)> {
    let traceparent = own_traceparent(1);
    let mut found = vec![
        ("plain".to_owned(), parts(&[Some(b"orders"), Some(b"4711"), Some(br#"{"order":4711,"password":"geheim"}"#)])),
        ("tombstone".to_owned(), parts(&[Some(b"orders-dlt"), None, None, Some(b"traceparent"), Some(traceparent.as_bytes()), Some(b"x-request-id"), None])),
        ("chosen".to_owned(), parts(&[Some(b"chosen"), Some(b"\0\0\x12\x67"), Some(b"\xff\xfe"), Some(b"b3"), Some(b"4bf92f3577b34da6-f067aa0ba902b7")])),
    ];
    for dialect in FAILURE_DIALECTS {
        let mut all: Vec<Option<&[u8]>> = vec![Some(b"orders.placed.DLT"), Some(b"4711"), Some(b"{}")];
        for (name, field, decoder) in dialect.headers {
            all.extend([Some(name.as_bytes()), Some(value(*field, *decoder))]);
        }
        found.push((dialect.name.replace(' ', "-"), parts(&all)));
    }
    found
}

/// What stands in a header.
fn value(field: FailureField, decoder: HeaderDecoder) -> &'static [u8] {
    match (decoder, field) {
        (HeaderDecoder::Text, FailureField::Origin) => b"orders.placed",
        (HeaderDecoder::Text, FailureField::Stack) => {
            b"java.lang.IllegalStateException: none left\n\tat shop.Stock.take(Stock.java:41)\nCaused by: java.io.IOException: gone"
        }
        (HeaderDecoder::Text, _) => b"java.lang.IllegalStateException",
        (HeaderDecoder::Be32 | HeaderDecoder::Count, _) => &[0, 0, 0, 2],
        (HeaderDecoder::Be64, _) => &[0, 0, 1, 0xa0, 0xc3, 0x4d, 0x21, 0],
        (HeaderDecoder::BigInteger, _) => &[1, 44],
        (HeaderDecoder::AsciiDecimal, _) => b"7",
    }
}

fn batches() -> Vec<(&'static str, Batch)> {
    let header = BatchHeader { version: BATCH_VERSION, source: SourceId(0), received_ns: RECEIVED_NS };
    let mut spans = Vec::new();
    otlp::decode_trace_request(&otlp::trace_request_at(START_NS, 0, 2), header, &REDACTOR, |batch| spans.push(batch));
    let mut logs = Vec::new();
    otlp::decode_json_log_request(LOGS.as_bytes(), header, &REDACTOR, |batch| logs.push(batch));
    let record = record_batch(header, "orders", (Some(b"4711"), None), &[(b"x-request-id", Some(b"4711"))], REDACTOR.clone());
    let cluster = ClusterRef { system: "kafka".to_owned(), cluster_id: None, name: "k".to_owned() };
    let facts = FactBatch { header, facts: vec![Fact::TopicGone { cluster: cluster.clone(), topic: "orders".to_owned() }, Fact::ClockSet { by_ns: -1 }] };
    let others = [
        ("records", Batch::Records(record)),
        ("records-elsewhere", Batch::Records(records_elsewhere(header))),
        ("facts", Batch::Facts(facts)),
        ("facts-of-all-kinds", Batch::Facts(FactBatch { header, facts: facts_of_all_kinds(&cluster) })),
        ("tick", Batch::Tick(header)),
    ];
    let mut linked = Vec::new();
    otlp::decode_json_trace_request(TRACES.as_bytes(), header, &REDACTOR, |batch| linked.push(batch));
    let decoded = [("spans", spans.pop()), ("spans-with-links-and-events", linked.pop()), ("logs", logs.pop())];
    decoded.into_iter().filter_map(|(name, batch)| Some((name, batch?))).chain(others).collect()
}

/// The same dead letter three times, whose place is a partition's, opaque, and none.
fn records_elsewhere(header: BatchHeader) -> RecordBatch {
    let traceparent = own_traceparent(1);
    let headers: [(&[u8], Option<&[u8]>); 4] = [
        (b"traceparent", Some(traceparent.as_bytes())),
        (b"x-correlation-id", Some(b"4711")),
        (b"kafka_dlt-exception-fqcn", Some(b"java.lang.IllegalStateException")),
        (b"retry_topic-backoff-timestamp", Some(&[1, 0xa0, 0xc3, 0x4d, 0x21, 0])),
    ];
    let mut batch = record_batch(header, "orders-retry-0", (None, Some(b"\xff\xfe")), &headers, REDACTOR.clone());
    let opaque = PlaceRow::Opaque(batch.text.push(&[0x0a, 0x7f]));
    for (at, place) in [(1, opaque), (2, PlaceRow::None)] {
        let Attrs { end, .. } = batch.records[0].headers;
        batch.headers.extend_from_within(..end as usize);
        batch.correlations.extend_from_within(..1);
        let headers = Attrs { start: at * end, end: (at + 1) * end };
        batch.records.push(RecordRow { place, headers, correlations: Attrs { start: at, end: at + 1 }, ..batch.records[0] });
    }
    batch
}

fn facts_of_all_kinds(cluster: &ClusterRef) -> Vec<Fact> {
    let (cluster, topic, named) = (cluster.clone(), "orders".to_owned(), Some("orders".to_owned()));
    let open = OpenTransaction { transactional_id: named.clone(), since_ns: Some(RECEIVED_NS), since_at_least: true, first_offset: Some(7) };
    let offset = |partition, committed, end| GroupOffset {
        topic: topic.clone(),
        partition,
        committed,
        end,
        low: Some(1),
        last_stable: Some(7),
        readable_behind: Some(2),
        open_transaction: Some(open.clone()),
    };
    let member = GroupMember { member_id: "m".to_owned(), client_id: "c".to_owned(), host: "/127.0.0.1".to_owned(), assignment: vec![(topic.clone(), 0)] };
    let group = |read_ns, committed, end| GroupFact {
        cluster: cluster.clone(),
        group: "shipping".to_owned(),
        kind: Some(GroupKind::Classic),
        state: Some("Stable".to_owned()),
        members: Some(vec![member.clone()]),
        offsets: vec![offset(0, Some(committed), Some(end)), offset(1, None, Some(3)), offset(7, Some(9), None)],
        read_ns,
        ..GroupFact::default()
    };
    let breaker = BreakerFact {
        caller: named.clone(),
        instance: None,
        name: "payments".to_owned(),
        state: Some(BreakerState::HalfOpen),
        failure_rate_percent: Some(62.5),
        not_permitted_calls: Some(17),
        buffered_calls: Some(8),
        failed_calls: Some(5),
        origin: "actuator".to_owned(),
    };
    let transition = BreakerEventKind::Transition { from: BreakerState::Closed, to: BreakerState::Open };
    let event = |kind, at_ns| BreakerEventFact { caller: named.clone(), instance: None, name: "payments".to_owned(), kind, at_ns };
    let refusal = Refusal { peer: "192.0.2.1:4711".to_owned(), host: named.clone(), origin: None, rule: "host".to_owned(), next_step: String::new(), count: 3 };
    let partition = PartitionFact { partition: 0, leader: Some(1), low: Some(1), high: Some(9) };
    let not_tailed = TailState::NotTailed("too large".to_owned());
    let told = |tail, topic_id, made_again_ns| TopicFact {
        cluster: cluster.clone(),
        topic: topic.clone(),
        partitions: vec![partition.clone()],
        tail,
        topic_id,
        made_again_ns,
    };
    vec![
        Fact::Cluster(ClusterFact { cluster: cluster.clone(), brokers: vec![Broker { broker_id: 1, host: "broker".to_owned(), port: 9092 }] }),
        Fact::Topic(told(TailState::Tailed, None, None)),
        Fact::Topic(told(not_tailed, named.clone(), Some(RECEIVED_NS))),
        Fact::Group(group(RECEIVED_NS - 4_000_000_000, 5, 8)),
        Fact::Group(group(RECEIVED_NS - 2_000_000_000, 6, 9)),
        Fact::Group(group(RECEIVED_NS, 6, 12)),
        Fact::GroupGone { cluster: cluster.clone(), group: "billing".to_owned() },
        Fact::Breaker(breaker),
        Fact::BreakerEvent(event(transition, RECEIVED_NS - 1_000_000)),
        Fact::BreakerEvent(event(BreakerEventKind::NotPermitted, RECEIVED_NS)),
        Fact::Instance(InstanceFact { address: "127.0.0.1:8080".to_owned(), service: named.clone(), instance: None, changing: false, process_id: Some(4711) }),
        Fact::Health(HealthFact { endpoint: "127.0.0.1:50051".to_owned(), service: named, asked: String::new(), state: HealthState::NotServing }),
        Fact::Refused(refusal),
    ]
}
