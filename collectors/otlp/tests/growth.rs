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

/// How much the shorter requests hold.
const NUM: usize = 512;

/// Requests by what they hold, so many times.
fn requests(num: usize) -> Vec<(&'static str, ExportTraceServiceRequest)> {
    let one = |resource_spans: Vec<ResourceSpans>| ExportTraceServiceRequest { resource_spans };
    let long = |part: &str| text(part.repeat((48 << 10) / part.len()));
    vec![
        ("unclosed brackets in texts", one(vec![of(vec![], (0..num / 32).map(|_| span(vec![attr("body", long("\"token\":{"))])).collect())])),
        ("addresses in texts", one(vec![of(vec![], (0..num / 32).map(|_| span(vec![attr("body", long("://a:b"))])).collect())])),
        ("quotes in texts", one(vec![of(vec![], (0..num / 32).map(|_| span(vec![attr("body", long("\\\"password\\\":\\\""))])).collect())])),
        (
            "attributes of one span",
            one(vec![of(vec![], vec![span((0..num * 16).map(|number| attr(&format!("k{number}"), text(format!("v{number}")))).collect())])]),
        ),
        ("attributes of a resource of many spans", {
            let resource = (0..num * 16).map(|number| attr(&format!("k{number}"), text("v".to_owned()))).collect();
            one(vec![of(resource, (0..num / 8).map(|_| span(vec![attr("body", long("x"))])).collect())])
        }),
        ("lists in lists", one(vec![of(vec![], (0..num / 4).map(|_| span(vec![attr("list", nested(60, 4))])).collect())])),
        ("a long list", one(vec![of(vec![], vec![span(vec![attr("list", nested(1, num * 16))])])])),
        ("a long map", {
            let values = (0..num * 16).map(|number| attr(&format!("k{number}"), text("v".to_owned()))).collect();
            one(vec![of(vec![], vec![span(vec![attr("map", AnyValue { value: Some(Value::KvlistValue(KeyValueList { values })) })])])])
        }),
        ("resources", one((0..num * 8).map(|_| of(vec![attr("a", text("b".to_owned()))], vec![span(vec![])])).collect())),
        ("scopes", {
            let scope = |number: usize| ScopeSpans {
                scope: Some(InstrumentationScope { name: format!("s{number}"), ..InstrumentationScope::default() }),
                spans: vec![span(vec![])],
                ..ScopeSpans::default()
            };
            one(vec![ResourceSpans { scope_spans: (0..num * 8).map(scope).collect(), ..ResourceSpans::default() }])
        }),
        ("events", {
            let events = (0..num * 16).map(|_| Event { name: "exception".to_owned(), ..Event::default() }).collect();
            one(vec![of(vec![], vec![Span { events, ..span(vec![]) }])])
        }),
        ("members of a tracestate", {
            let state = |number: usize| format!("k{number}=1,{}", "a=1,".repeat((48 << 10) / 4));
            one(vec![of(vec![], (0..num / 32).map(|number| Span { trace_state: state(number), ..span(vec![]) }).collect())])
        }),
        ("parts of a member of a tracestate", {
            let state = |number: usize| format!("k{number}=1,ot={}", "th:g;".repeat((48 << 10) / 5));
            one(vec![of(vec![], (0..num / 32).map(|number| Span { trace_state: state(number), ..span(vec![]) }).collect())])
        }),
        ("different names", one(vec![of(vec![], (0..num * 4).map(|number| span(vec![attr(&format!("k{number}"), text("v".to_owned()))])).collect())])),
    ]
}

/// The same of logs.
fn log_requests(num: usize) -> Vec<(&'static str, ExportLogsServiceRequest)> {
    let of = |log_records: Vec<LogRecord>| ResourceLogs { scope_logs: vec![ScopeLogs { log_records, ..ScopeLogs::default() }], ..ResourceLogs::default() };
    let one = |resource_logs: Vec<ResourceLogs>| ExportLogsServiceRequest { resource_logs };
    let log = |body: AnyValue| LogRecord { time_unix_nano: 5, severity_text: "INFO".to_owned(), body: Some(body), ..LogRecord::default() };
    let long = |part: &str| text(part.repeat((48 << 10) / part.len()));
    let bodies = |part: &str| one(vec![of((0..num / 32).map(|_| log(long(part))).collect())]);
    vec![
        ("unclosed brackets in bodies", bodies("\"token\":{")),
        ("escaped elements in bodies", bodies("\\u003cpassword\\u003e")),
        ("lists in bodies", one(vec![of((0..num / 4).map(|_| log(nested(60, 4))).collect())])),
        ("numbers in bodies", {
            let number = |number: usize| AnyValue { value: Some(Value::IntValue(4_111_111_111_111_111 + number as i64)) };
            one(vec![of((0..num * 16).map(|at| log(number(at))).collect())])
        }),
        ("different bodies", one(vec![of((0..num * 16).map(|number| log(text(format!("order {number} was accepted")))).collect())])),
        ("attributes of one record", {
            let attributes = (0..num * 16).map(|number| attr(&format!("k{number}"), text(format!("v{number}")))).collect();
            one(vec![of(vec![LogRecord { attributes, ..log(text("x".to_owned())) }])])
        }),
        ("resources of logs", one((0..num * 8).map(|_| of(vec![log(text("x".to_owned()))])).collect())),
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
    for ((what, short), (_, long)) in requests(NUM).into_iter().zip(requests(NUM * 2)) {
        assert_linear(&format!("{what} in protobuf"), &short.encode_to_vec(), &long.encode_to_vec(), &decode);
        assert_linear(&format!("{what} in JSON"), &json(&short), &json(&long), &decode_json);
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
    for ((what, short), (_, long)) in log_requests(NUM).into_iter().zip(log_requests(NUM * 2)) {
        assert_linear(&format!("{what} in protobuf"), &short.encode_to_vec(), &long.encode_to_vec(), &decode);
        assert_linear(&format!("{what} in JSON"), &json(&short), &json(&long), &decode_json);
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
        assert_linear(&part.escape_ascii().to_string(), &body(part, LEN), &body(part, LEN * 2), &decode);
    }
}

fn json(request: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(request).expect("JSON")
}

/// Fails unless the long request takes at most so many times as long as the short one, as [`growth::assert_linear`] has it.
fn assert_linear(what: &str, short: &[u8], long: &[u8], work: &dyn Fn(&[u8])) {
    let grown = long.len() as f64 / short.len() as f64;
    assert!((1.9..2.2).contains(&grown), "{what}: {grown}");
    let request = |len: usize| if len == NUM { short.to_vec() } else { long.to_vec() };
    let what = format!("{what}, {} KiB", short.len() >> 10);
    // Where things lie in memory is another matter each time: what grows too fast does so always.
    let measure = || growth::assert_linear(&what, NUM, request, |request| work(request));
    assert!((0..3).any(|_| std::panic::catch_unwind(std::panic::AssertUnwindSafe(measure)).is_ok()), "{what}");
}
