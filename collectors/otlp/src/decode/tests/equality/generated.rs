//! Requests of any kind.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as ProstValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};
use proptest::prelude::*;

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[a-zA-Z0-9 ./é\"\\\\\n-]{0,24}",
        1 => Just("Bearer abcdef0123456789".to_owned()),
        1 => Just("https://joe:hunter22@db.local/x?sig=verysecret1".to_owned()),
    ]
}

fn any_key() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{1,3}\\.[a-z]{1,3}",
        4 => proptest::sample::select(vec![
            "service.name", "service.namespace", "service.instance.id", "service.version", "deployment.environment", "k8s.pod.uid", "host.name",
            "process.pid", "http.method", "messaging.destination.name", "password", "http.request.header.authorization", "",
        ])
        .prop_map(str::to_owned),
    ]
}

fn any_value(with_odd_doubles: bool) -> impl Strategy<Value = Option<AnyValue>> {
    let double = if with_odd_doubles { any::<f64>().boxed() } else { any::<i32>().prop_map(|number| f64::from(number) / 8.0).boxed() };
    let leaf = prop_oneof![
        any_text().prop_map(ProstValue::StringValue),
        any::<bool>().prop_map(ProstValue::BoolValue),
        any::<i64>().prop_map(ProstValue::IntValue),
        double.prop_map(ProstValue::DoubleValue),
        proptest::collection::vec(any::<u8>(), 0..12).prop_map(ProstValue::BytesValue),
    ];
    let some = leaf.prop_recursive(3, 12, 4, |inner| {
        let any = inner.prop_map(|value| AnyValue { value: Some(value) });
        prop_oneof![
            proptest::collection::vec(any.clone(), 0..4).prop_map(|values| ProstValue::ArrayValue(ArrayValue { values })),
            proptest::collection::vec((any_key(), any), 0..4).prop_map(|pairs| {
                let values = pairs.into_iter().map(|(key, value)| KeyValue { key, value: Some(value), ..KeyValue::default() }).collect();
                ProstValue::KvlistValue(KeyValueList { values })
            }),
        ]
    });
    proptest::option::weighted(0.9, some.prop_map(|value| AnyValue { value: Some(value) }))
}

fn attributes(with_odd_doubles: bool) -> impl Strategy<Value = Vec<KeyValue>> {
    let pair = (any_key(), any_value(with_odd_doubles)).prop_map(|(key, value)| KeyValue { key, value, ..KeyValue::default() });
    proptest::collection::vec(pair, 0..5)
}

fn id(len: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        12 => proptest::collection::vec(1_u8..=255, len),
        1 => Just(vec![0; len]),
        1 => Just(Vec::new()),
        1 => proptest::collection::vec(any::<u8>(), len - 1),
    ]
}

fn nanoseconds() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0_u64..2_000_000_000_000_000_000, 1 => any::<u64>(), 1 => Just(u64::MAX)]
}

fn span_of(odd: bool) -> impl Strategy<Value = Span> {
    let event = (nanoseconds(), any_text(), attributes(odd)).prop_map(|(time_unix_nano, name, attributes)| span::Event {
        time_unix_nano,
        name,
        attributes,
        dropped_attributes_count: 3,
    });
    let link = (id(16), id(8), attributes(odd)).prop_map(|(trace_id, span_id, attributes)| span::Link {
        trace_id,
        span_id,
        attributes,
        trace_state: "a=b".to_owned(),
        flags: 1,
        ..span::Link::default()
    });
    let status = proptest::option::of((any_text(), 0_i32..4).prop_map(|(message, code)| Status { message, code }));
    let trace_state = prop_oneof![Just(String::new()), Just("ot=th:8,a=b".to_owned())];
    (
        (id(16), id(8), prop_oneof![2 => Just(Vec::new()), 3 => id(8)], any_text(), 0_i32..8),
        (nanoseconds(), nanoseconds(), trace_state, any::<u32>(), status),
        (attributes(odd), proptest::collection::vec(event, 0..3), proptest::collection::vec(link, 0..3)),
    )
        .prop_map(|((trace_id, span_id, parent_span_id, name, kind), (start, end, trace_state, flags, status), (attributes, events, links))| Span {
            trace_id,
            span_id,
            trace_state,
            parent_span_id,
            flags,
            name,
            kind,
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            attributes,
            dropped_attributes_count: 7,
            events,
            links,
            status,
            ..Span::default()
        })
}

fn scope() -> impl Strategy<Value = Option<InstrumentationScope>> {
    proptest::option::of("[a-z.]{0,9}".prop_map(|name| InstrumentationScope { name, version: "1".to_owned(), ..InstrumentationScope::default() }))
}

fn resource(odd: bool) -> impl Strategy<Value = Option<Resource>> {
    proptest::option::of(attributes(odd).prop_map(|attributes| Resource { attributes, ..Resource::default() }))
}

pub(super) fn traces(odd: bool) -> impl Strategy<Value = ExportTraceServiceRequest> {
    let of_scope = (scope(), proptest::collection::vec(span_of(odd), 0..4)).prop_map(|(scope, spans)| ScopeSpans { scope, spans, schema_url: "s".to_owned() });
    let of_resource = (resource(odd), proptest::collection::vec(of_scope, 0..3)).prop_map(|(resource, scope_spans)| ResourceSpans {
        resource,
        scope_spans,
        schema_url: String::new(),
    });
    proptest::collection::vec(of_resource, 0..3).prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

pub(super) fn logs(odd: bool) -> impl Strategy<Value = ExportLogsServiceRequest> {
    let record = ((nanoseconds(), nanoseconds(), 0_i32..30, any_text()), (any_value(odd), attributes(odd), id(16), id(8), any_text())).prop_map(
        |((time, observed, severity_number, severity_text), (body, attributes, trace_id, span_id, event_name))| LogRecord {
            time_unix_nano: time,
            observed_time_unix_nano: observed,
            severity_number,
            severity_text,
            body,
            attributes,
            trace_id,
            span_id,
            event_name,
            ..LogRecord::default()
        },
    );
    let of_scope = (scope(), proptest::collection::vec(record, 0..4)).prop_map(|(scope, log_records)| ScopeLogs { scope, log_records, ..ScopeLogs::default() });
    let of_resource = (resource(odd), proptest::collection::vec(of_scope, 0..3)).prop_map(|(resource, scope_logs)| ResourceLogs {
        resource,
        scope_logs,
        schema_url: String::new(),
    });
    proptest::collection::vec(of_resource, 0..3).prop_map(|resource_logs| ExportLogsServiceRequest { resource_logs })
}
