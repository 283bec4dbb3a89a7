//! Work on a request grows with its length and no faster, whatever is in it.

#[path = "../../model/tests/growth/mod.rs"]
mod growth;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use switchboard_model::{BatchHeader, Redactor};
use switchboard_otlp::testing::{decode_json_trace_request, decode_trace_request};

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
        ("different names", one(vec![of(vec![], (0..num * 4).map(|number| span(vec![attr(&format!("k{number}"), text("v".to_owned()))])).collect())])),
    ]
}

#[test]
fn twice_the_request_takes_twice_the_time() {
    const NUM: usize = 512;
    let redactor = Redactor::new([7; 16], &[]);
    let decode = |request: &[u8]| {
        std::hint::black_box(decode_trace_request(request, BatchHeader::default(), &redactor, |batch| drop(std::hint::black_box(batch))));
    };
    let decode_json = |request: &[u8]| {
        std::hint::black_box(decode_json_trace_request(request, BatchHeader::default(), &redactor, |batch| drop(std::hint::black_box(batch))));
    };
    for ((what, short), (_, long)) in requests(NUM).into_iter().zip(requests(NUM * 2)) {
        let protobuf = (short.encode_to_vec(), long.encode_to_vec());
        let json = (serde_json::to_vec(&short).expect("JSON"), serde_json::to_vec(&long).expect("JSON"));
        for (encoding, (short, long), work) in [("protobuf", protobuf, &decode as &dyn Fn(&[u8])), ("JSON", json, &decode_json)] {
            let grown = long.len() as f64 / short.len() as f64;
            assert!((1.9..2.2).contains(&grown), "{what}: {grown}");
            let request = |len: usize| if len == NUM { short.clone() } else { long.clone() };
            let what = format!("{what} in {encoding}, {} KiB", short.len() >> 10);
            // Where things lie in memory is another matter each time: what grows too fast does so always.
            let measure = || growth::assert_linear(&what, NUM, request, |request| work(request));
            assert!((0..3).any(|_| std::panic::catch_unwind(std::panic::AssertUnwindSafe(measure)).is_ok()), "{what}");
        }
    }
}
