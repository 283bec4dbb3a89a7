//! Work on a request grows with its length and no faster, whatever is in it.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use switchboard_measure::growth;
use switchboard_model::{BatchHeader, Redactor};
use switchboard_otlp::testing::{decode_json_log_request, decode_json_trace_request, decode_log_request, decode_trace_request};

fn text(text: String) -> AnyValue {
    AnyValue { value: Some(Value::StringValue(text)) }
}

fn attr(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

fn span(attributes: Vec<KeyValue>) -> Span {
    Span { trace_id: vec![1; 16], span_id: vec![2; 8], name: "s".to_owned(), attributes, ..Span::default() }
}

fn of(resource: Vec<KeyValue>, spans: Vec<Span>) -> ResourceSpans {
    let resource = Some(Resource { attributes: resource, ..Resource::default() });
    ResourceSpans { resource, scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }], ..ResourceSpans::default() }
}

/// Lists in lists with texts at each level.
fn nested(depth: usize, breadth: usize) -> AnyValue {
    (0..depth).fold(text("\"token\":{".to_owned()), |inner, _| {
        let mut values = vec![text("{\"token\":{[".to_owned()); breadth];
        values.push(inner);
        AnyValue { value: Some(Value::ArrayValue(ArrayValue { values })) }
    })
}

/// A long text of such parts.
fn long(part: &str) -> AnyValue {
    text(part.repeat((48 << 10) / part.len()))
}

/// Half of what the long requests hold.
const NUM: usize = 512;

/// What requests are full of, and what makes one that holds a number of it.
type Kind<T> = (&'static str, fn(usize) -> T);

fn kinds_of_requests() -> Vec<Kind<ExportTraceServiceRequest>> {
    fn one(resource_spans: Vec<ResourceSpans>) -> ExportTraceServiceRequest {
        ExportTraceServiceRequest { resource_spans }
    }
    fn bodies(part: &str, num: usize) -> ExportTraceServiceRequest {
        one(vec![of(vec![], (0..num).map(|_| span(vec![attr("body", long(part))])).collect())])
    }
    fn states(num: usize, begin: &str, part: &str) -> ExportTraceServiceRequest {
        let state = |number: usize| format!("k{number}=1,{begin}{}", part.repeat((48 << 10) / part.len()));
        one(vec![of(vec![], (0..num).map(|number| Span { trace_state: state(number), ..span(vec![]) }).collect())])
    }
    vec![
        ("unclosed brackets in texts", |num| bodies("\"token\":{", num / 32)),
        ("addresses in texts", |num| bodies("://a:b", num / 32)),
        ("quotes in texts", |num| bodies("\\\"password\\\":\\\"", num / 32)),
        ("attributes of one span", |num| {
            one(vec![of(vec![], vec![span((0..num * 16).map(|number| attr(&format!("k{number}"), text(format!("v{number}")))).collect())])])
        }),
        ("attributes of a resource of many spans", |num| {
            let resource = (0..num * 16).map(|number| attr(&format!("k{number}"), text("v".to_owned()))).collect();
            one(vec![of(resource, (0..num / 8).map(|_| span(vec![attr("body", long("x"))])).collect())])
        }),
        ("lists in lists", |num| one(vec![of(vec![], (0..num / 4).map(|_| span(vec![attr("list", nested(60, 4))])).collect())])),
        ("a long list", |num| one(vec![of(vec![], vec![span(vec![attr("list", nested(1, num * 16))])])])),
        ("a long map", |num| {
            let values = (0..num * 16).map(|number| attr(&format!("k{number}"), text("v".to_owned()))).collect();
            one(vec![of(vec![], vec![span(vec![attr("map", AnyValue { value: Some(Value::KvlistValue(KeyValueList { values })) })])])])
        }),
        ("resources", |num| one((0..num * 8).map(|_| of(vec![attr("a", text("b".to_owned()))], vec![span(vec![])])).collect())),
        ("scopes", |num| {
            let scope = |number: usize| ScopeSpans {
                scope: Some(InstrumentationScope { name: format!("s{number}"), ..InstrumentationScope::default() }),
                spans: vec![span(vec![])],
                ..ScopeSpans::default()
            };
            one(vec![ResourceSpans { scope_spans: (0..num * 8).map(scope).collect(), ..ResourceSpans::default() }])
        }),
        ("events", |num| {
            let events = (0..num * 16).map(|_| Event { name: "exception".to_owned(), ..Event::default() }).collect();
            one(vec![of(vec![], vec![Span { events, ..span(vec![]) }])])
        }),
        ("members of a tracestate", |num| states(num / 32, "", "a=1,")),
        ("parts of a member of a tracestate", |num| states(num / 32, "ot=", "th:g;")),
        ("different names", |num| one(vec![of(vec![], (0..num * 4).map(|number| span(vec![attr(&format!("k{number}"), text("v".to_owned()))])).collect())])),
    ]
}

/// The same of logs.
fn kinds_of_logs() -> Vec<Kind<ExportLogsServiceRequest>> {
    fn one(resource_logs: Vec<ResourceLogs>) -> ExportLogsServiceRequest {
        ExportLogsServiceRequest { resource_logs }
    }
    fn of(log_records: Vec<LogRecord>) -> ResourceLogs {
        ResourceLogs { scope_logs: vec![ScopeLogs { log_records, ..ScopeLogs::default() }], ..ResourceLogs::default() }
    }
    fn log(body: AnyValue) -> LogRecord {
        LogRecord { time_unix_nano: 5, severity_text: "INFO".to_owned(), body: Some(body), ..LogRecord::default() }
    }
    fn bodies(part: &str, num: usize) -> ExportLogsServiceRequest {
        one(vec![of((0..num).map(|_| log(long(part))).collect())])
    }
    vec![
        ("unclosed brackets in bodies", |num| bodies("\"token\":{", num / 32)),
        ("escaped elements in bodies", |num| bodies("\\u003cpassword\\u003e", num / 32)),
        ("lists in bodies", |num| one(vec![of((0..num / 4).map(|_| log(nested(60, 4))).collect())])),
        ("numbers in bodies", |num| {
            let number = |number: usize| AnyValue { value: Some(Value::IntValue(4_111_111_111_111_111 + number as i64)) };
            one(vec![of((0..num * 16).map(|at| log(number(at))).collect())])
        }),
        ("different bodies", |num| one(vec![of((0..num * 16).map(|number| log(text(format!("order {number} was accepted")))).collect())])),
        ("attributes of one record", |num| {
            let attributes = (0..num * 16).map(|number| attr(&format!("k{number}"), text(format!("v{number}")))).collect();
            one(vec![of(vec![LogRecord { attributes, ..log(text("x".to_owned())) }])])
        }),
        ("resources of logs", |num| one((0..num * 8).map(|_| of(vec![log(text("x".to_owned()))])).collect())),
    ]
}

#[test]
fn twice_the_request_takes_twice_the_time() {
    let redactor = Redactor::new([7; 16], &[]);
    let decode = |request: &[u8]| {
        std::hint::black_box(decode_trace_request(request, BatchHeader::default(), &redactor, |batch| drop(std::hint::black_box(batch))));
    };
    let decode_json = |request: &[u8]| {
        std::hint::black_box(decode_json_trace_request(request, BatchHeader::default(), &redactor, |batch| drop(std::hint::black_box(batch))));
    };
    for (what, request) in kinds_of_requests() {
        assert_linear(&format!("{what} in protobuf"), NUM, |num| request(num).encode_to_vec(), decode);
        assert_linear(&format!("{what} in JSON"), NUM, |num| json(&request(num)), decode_json);
    }
}

#[test]
fn twice_the_logs_take_twice_the_time() {
    let redactor = Redactor::new([7; 16], &[]);
    let decode = |request: &[u8]| {
        std::hint::black_box(decode_log_request(request, BatchHeader::default(), &redactor, |batch| drop(std::hint::black_box(batch))));
    };
    let decode_json = |request: &[u8]| {
        std::hint::black_box(decode_json_log_request(request, BatchHeader::default(), &redactor, |batch| drop(std::hint::black_box(batch))));
    };
    for (what, request) in kinds_of_logs() {
        assert_linear(&format!("{what} in protobuf"), NUM, |num| request(num).encode_to_vec(), decode);
        assert_linear(&format!("{what} in JSON"), NUM, |num| json(&request(num)), decode_json);
    }
}

#[test]
fn twice_the_broken_text_takes_twice_the_time_to_mend() {
    // U+FFFD is three times as long as a byte, and an item of 4 MiB at most is read.
    const LEN: usize = 1 << 19;
    let redactor = Redactor::new([7; 16], &[]);
    let decode = |request: &[u8]| {
        let mut num_batches = 0;
        decode_json_log_request(request, BatchHeader::default(), &redactor, |batch| {
            num_batches += 1;
            drop(std::hint::black_box(batch));
        });
        assert!(num_batches > 0, "it was refused");
    };
    let body = |part: &[u8], len: usize| {
        let before = &br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"5","body":{"stringValue":""#[..];
        [before, &part.repeat(len / part.len())[..], &br#""}}]}]}]}"#[..]].concat()
    };
    let parts: [&[u8]; 9] =
        [b"\xff", b"a\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", br"\ud83d", br"\ude00\ud83d", br"\ud83d\ud83d\ude00", b"\\\\\\ud83d\xff"];
    for part in parts {
        assert_linear(&part.escape_ascii().to_string(), LEN, |len| body(part, len), decode);
    }
}

fn json(request: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(request).expect("JSON")
}

/// As [`growth::assert_linear`] has it, of requests whose length grows as it is told to.
fn assert_linear(what: &str, len: usize, request: impl Fn(usize) -> Vec<u8>, work: impl Fn(&[u8])) {
    let [short, long] = [2 * len / growth::SPAN, 2 * len].map(|len| request(len).len());
    let grown = long as f64 / short as f64 / growth::SPAN as f64;
    assert!((0.9..1.25).contains(&grown), "{what}: from {short} to {long} bytes");
    growth::assert_linear(&format!("{what}, {} KiB", long >> 10), len, request, |request| work(request));
}
