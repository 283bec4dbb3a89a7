//! Our decoder beside prost: on generated requests both must read the same, over protobuf and over JSON.

use std::fmt::Write;
use std::ops::ControlFlow;

use base64::Engine;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as ProstValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};
use proptest::prelude::*;
use prost::Message;
use switchboard_model::{AttrRow, Attrs, Batch, BatchHeader, Redactor, ResourceRow, TextArena, Value, WellKnown};

use super::{Context, Encoding, Signal, Tally, Undecodable, decode};

fn redactor() -> Redactor {
    Redactor::new([7; 16], &[])
}

fn decode_all(signal: Signal, encoding: Encoding, request: &[u8]) -> Result<(Vec<Batch>, Tally), Undecodable> {
    let redactor = redactor();
    let context = Context { header: BatchHeader { received_ns: 5, ..BatchHeader::default() }, redactor: &redactor, environment: "test" };
    let mut batches = Vec::new();
    let tally = decode(signal, encoding, request.into(), context, &mut |_| true, &mut |batch| {
        batches.push(batch);
        ControlFlow::Continue(())
    })?;
    Ok((batches, tally))
}

/// An attribute written out.
type PlainAttrs = Vec<(String, WellKnown, String)>;

fn plain_value(value: Value, text: &TextArena) -> String {
    match value {
        Value::Str(at) => format!("str {}", text.get(at)),
        Value::I64(number) => format!("i64 {number}"),
        Value::F64(number) => format!("f64 {:x}", number.to_bits()),
        Value::Bool(truth) => format!("bool {truth}"),
        Value::Bytes(at) => format!("bytes {:?}", text.bytes(at)),
        Value::List(at) => format!("list {}", text.get(at)),
    }
}

fn plain_attrs(rows: &[AttrRow], attrs: Attrs, text: &TextArena) -> PlainAttrs {
    rows[attrs.range()].iter().map(|row| (text.get(row.key).to_owned(), row.known, plain_value(row.value, text))).collect()
}

fn plain_resource(row: &ResourceRow, rows: &[AttrRow], text: &TextArena) -> Vec<String> {
    let mut plain: Vec<String> =
        [row.service_name, row.namespace, row.environment, row.version, row.instance].iter().map(|at| text.get(*at).to_owned()).collect();
    plain.push(format!("{:?} {:?}", row.instance_source, plain_attrs(rows, row.attrs, text)));
    plain
}

/// A span or record written out, with all that belongs to it.
#[derive(Clone, Debug, PartialEq)]
struct Plain {
    resource: Vec<String>,
    scope: String,
    fields: String,
    attrs: PlainAttrs,
    rows: Vec<(String, PlainAttrs)>,
}

fn ours(batches: &[Batch]) -> Vec<Plain> {
    let mut all = Vec::new();
    for batch in batches {
        match batch {
            Batch::Spans(batch) => {
                assert_eq!(batch.header.received_ns, 5);
                let text = &batch.text;
                for span in &batch.spans {
                    let mut rows = Vec::new();
                    for event in &batch.events[span.events.range()] {
                        rows.push((format!("event {} {}", event.time_ns, text.get(event.name)), plain_attrs(&batch.attrs, event.attrs, text)));
                    }
                    for link in &batch.links[span.links.range()] {
                        rows.push((format!("link {} {}", link.trace_id, link.span_id), plain_attrs(&batch.attrs, link.attrs, text)));
                    }
                    let fields = format!(
                        "{} {} {} {} {} {:?} {:?} {:?} {:?} {:?} {} {}",
                        span.trace_id,
                        span.span_id,
                        span.parent_span_id,
                        span.start_ns,
                        span.end_ns,
                        text.get(span.name),
                        span.kind as u8,
                        span.status as u8,
                        text.get(span.status_message),
                        text.get(span.trace_state),
                        span.flags,
                        span.truncated
                    );
                    all.push(Plain {
                        resource: plain_resource(&batch.resources[span.resource as usize], &batch.attrs, text),
                        scope: text.get(span.scope).to_owned(),
                        fields,
                        attrs: plain_attrs(&batch.attrs, span.attrs, text),
                        rows,
                    });
                }
            }
            Batch::Logs(batch) => {
                let text = &batch.text;
                for log in &batch.logs {
                    let fields = format!(
                        "{} {} {:?} {} {} {} {}",
                        log.time_ns,
                        log.severity,
                        text.get(log.severity_text),
                        plain_value(log.body, text),
                        log.trace_id,
                        log.span_id,
                        log.truncated
                    );
                    all.push(Plain {
                        resource: plain_resource(&batch.resources[log.resource as usize], &batch.attrs, text),
                        scope: text.get(log.scope).to_owned(),
                        fields,
                        attrs: plain_attrs(&batch.attrs, log.attrs, text),
                        rows: Vec::new(),
                    });
                }
            }
            other => panic!("no such batch comes from here: {other:?}"),
        }
    }
    all
}

fn expected_text(text: &str) -> String {
    redactor().redact_text(text).unwrap_or_else(|| text.to_owned())
}

fn json(value: Option<&AnyValue>, out: &mut String) {
    match value.and_then(|any| any.value.as_ref()) {
        None | Some(ProstValue::StringValueStrindex(_)) => out.push_str("null"),
        Some(ProstValue::StringValue(text)) => out.push_str(&serde_json::to_string(text).unwrap()),
        Some(ProstValue::BoolValue(truth)) => write!(out, "{truth}").unwrap(),
        Some(ProstValue::IntValue(number)) => write!(out, "{number}").unwrap(),
        Some(ProstValue::DoubleValue(number)) if number.is_finite() => out.push_str(&serde_json::to_string(number).unwrap()),
        Some(ProstValue::DoubleValue(number)) => {
            out.push_str(if number.is_nan() {
                "\"NaN\""
            } else if *number > 0.0 {
                "\"Infinity\""
            } else {
                "\"-Infinity\""
            });
        }
        Some(ProstValue::BytesValue(bytes)) => write!(out, "\"{}\"", base64::engine::general_purpose::STANDARD.encode(redactor().redact_bytes(bytes))).unwrap(),
        Some(ProstValue::ArrayValue(list)) => {
            out.push('[');
            for (at, value) in list.values.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                json(Some(value), out);
            }
            out.push(']');
        }
        Some(ProstValue::KvlistValue(list)) => {
            out.push('{');
            for (at, pair) in list.values.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                out.push_str(&serde_json::to_string(&pair.key).unwrap());
                out.push(':');
                json(pair.value.as_ref(), out);
            }
            out.push('}');
        }
    }
}

fn expected_value(value: Option<&AnyValue>) -> String {
    match value.and_then(|any| any.value.as_ref()) {
        None | Some(ProstValue::StringValueStrindex(_)) => "str ".to_owned(),
        Some(ProstValue::StringValue(text)) => format!("str {}", expected_text(text)),
        Some(ProstValue::BoolValue(truth)) => format!("bool {truth}"),
        Some(ProstValue::IntValue(number)) => expected_number(&number.to_string(), format!("i64 {number}")),
        Some(ProstValue::DoubleValue(number)) => {
            let told = format!("f64 {:x}", number.to_bits());
            if (1e13..1e19).contains(number) && number.fract() == 0.0 { expected_number(&number.to_string(), told) } else { told }
        }
        Some(ProstValue::BytesValue(bytes)) => format!("bytes {:?}", redactor().redact_bytes(bytes)),
        Some(_) => {
            let mut text = String::new();
            json(value, &mut text);
            format!("list {}", expected_text(&text))
        }
    }
}

/// A card's number is a secret as a number too.
fn expected_number(digits: &str, told: String) -> String {
    redactor().redact_text(digits).map_or(told, |clean| format!("str {clean}"))
}

fn expected_attrs(attributes: &[KeyValue]) -> PlainAttrs {
    let one = |pair: &KeyValue| {
        let value = if redactor().is_secret_name(&pair.key) { expected_secret(pair.value.as_ref()) } else { expected_value(pair.value.as_ref()) };
        (pair.key.clone(), WellKnown::of(&pair.key), value)
    };
    attributes.iter().map(one).collect()
}

fn expected_secret(value: Option<&AnyValue>) -> String {
    let raw = match value.and_then(|any| any.value.as_ref()) {
        None => Vec::new(),
        Some(ProstValue::StringValue(text)) => text.clone().into_bytes(),
        Some(ProstValue::BytesValue(bytes)) => bytes.clone(),
        Some(ProstValue::BoolValue(truth)) => truth.to_string().into_bytes(),
        Some(ProstValue::IntValue(number)) => number.to_string().into_bytes(),
        Some(ProstValue::DoubleValue(number)) => number.to_string().into_bytes(),
        Some(_) => {
            let mut text = String::new();
            json(value, &mut text);
            text.into_bytes()
        }
    };
    if raw.is_empty() { "str ".to_owned() } else { format!("str {}", redactor().replacement(&raw)) }
}

fn expected_resource(resource: Option<&Resource>) -> Vec<String> {
    let attrs = resource.map(|resource| expected_attrs(&resource.attributes)).unwrap_or_default();
    let find = |known: WellKnown| {
        let text = |value: &str| match value.split_once(' ') {
            Some(("f64", bits)) => f64::from_bits(u64::from_str_radix(bits, 16).unwrap()).to_string(),
            Some(("bytes", list)) => id_text(&serde_json::from_str::<Vec<u8>>(list).unwrap()),
            Some((_, text)) => text.to_owned(),
            None => String::new(),
        };
        let told = attrs.iter().filter(|(_, found, _)| *found == known).map(|(name, _, value)| (WellKnown::trusted(name).1, text(value)));
        told.filter(|(_, text)| !text.is_empty()).min_by_key(|(trust, _)| *trust).map(|(_, text)| text).unwrap_or_default()
    };
    let environment = find(WellKnown::Environment);
    let (host, pid) = (find(WellKnown::HostName), find(WellKnown::ProcessPid));
    let (instance, source) = match (find(WellKnown::ServiceInstanceId), find(WellKnown::PodUid)) {
        (id, _) if !id.is_empty() => (id, "InstanceId"),
        (_, pod) if !pod.is_empty() => (pod, "PodUid"),
        _ if !host.is_empty() && !pid.is_empty() => (format!("{host}:{pid}"), "HostAndPid"),
        _ => (String::new(), "Unknown"),
    };
    vec![
        find(WellKnown::ServiceName),
        find(WellKnown::ServiceNamespace),
        if environment.is_empty() { "test".to_owned() } else { environment },
        find(WellKnown::ServiceVersion),
        instance,
        format!("{source} {attrs:?}"),
    ]
}

fn id_text(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

fn has_id(bytes: &[u8], len: usize) -> bool {
    bytes.len() == len && bytes.iter().any(|byte| *byte != 0)
}

fn clamped(nanoseconds: u64) -> i64 {
    i64::try_from(nanoseconds).unwrap_or(i64::MAX)
}

fn expected_spans(request: &ExportTraceServiceRequest) -> Vec<Plain> {
    let mut all = Vec::new();
    for of_resource in &request.resource_spans {
        for of_scope in &of_resource.scope_spans {
            for span in &of_scope.spans {
                if !has_id(&span.trace_id, 16) || !has_id(&span.span_id, 8) || !matches!(span.parent_span_id.len(), 0 | 8) {
                    continue;
                }
                let times = [span.start_time_unix_nano, span.end_time_unix_nano];
                let has_late_time = times.into_iter().chain(span.events.iter().map(|event| event.time_unix_nano)).any(|time| i64::try_from(time).is_err());
                let has_bad_link = span.links.iter().any(|link| !has_id(&link.trace_id, 16) || !has_id(&link.span_id, 8));
                let mut rows = Vec::new();
                for event in &span.events {
                    let head = format!("event {} {}", clamped(event.time_unix_nano), expected_text(&event.name));
                    rows.push((head, expected_attrs(&event.attributes)));
                }
                for link in span.links.iter().filter(|link| has_id(&link.trace_id, 16) && has_id(&link.span_id, 8)) {
                    rows.push((format!("link {} {}", id_text(&link.trace_id), id_text(&link.span_id)), expected_attrs(&link.attributes)));
                }
                let parent = if span.parent_span_id.is_empty() { "0000000000000000".to_owned() } else { id_text(&span.parent_span_id) };
                let status = span.status.clone().unwrap_or_default();
                let fields = format!(
                    "{} {} {} {} {} {:?} {:?} {:?} {:?} {:?} {} {}",
                    id_text(&span.trace_id),
                    id_text(&span.span_id),
                    parent,
                    clamped(span.start_time_unix_nano),
                    clamped(span.end_time_unix_nano),
                    expected_text(&span.name),
                    if (0..=5).contains(&span.kind) { span.kind } else { 0 },
                    if (0..=2).contains(&status.code) { status.code } else { 0 },
                    expected_text(&status.message),
                    expected_text(&span.trace_state),
                    span.flags,
                    has_late_time || has_bad_link
                );
                all.push(Plain {
                    resource: expected_resource(of_resource.resource.as_ref()),
                    scope: of_scope.scope.as_ref().map(|scope| expected_text(&scope.name)).unwrap_or_default(),
                    fields,
                    attrs: expected_attrs(&span.attributes),
                    rows,
                });
            }
        }
    }
    all
}

fn expected_logs(request: &ExportLogsServiceRequest) -> Vec<Plain> {
    let mut all = Vec::new();
    for of_resource in &request.resource_logs {
        for of_scope in &of_resource.scope_logs {
            for log in &of_scope.log_records {
                let time = if log.time_unix_nano == 0 { log.observed_time_unix_nano } else { log.time_unix_nano };
                let id = |bytes: &[u8], len: usize| if bytes.len() == len { id_text(bytes) } else { "0".repeat(len * 2) };
                let is_late = i64::try_from(log.time_unix_nano).is_err() || i64::try_from(log.observed_time_unix_nano).is_err();
                let fields = format!(
                    "{} {} {:?} {} {} {} {}",
                    clamped(time),
                    if (0..=24).contains(&log.severity_number) { log.severity_number } else { 0 },
                    expected_text(&log.severity_text),
                    expected_value(log.body.as_ref()),
                    id(&log.trace_id, 16),
                    id(&log.span_id, 8),
                    is_late
                );
                let mut attrs = expected_attrs(&log.attributes);
                if !log.event_name.is_empty() {
                    attrs.push(("event.name".to_owned(), WellKnown::Other, format!("str {}", expected_text(&log.event_name))));
                }
                all.push(Plain {
                    resource: expected_resource(of_resource.resource.as_ref()),
                    scope: of_scope.scope.as_ref().map(|scope| expected_text(&scope.name)).unwrap_or_default(),
                    fields,
                    attrs,
                    rows: Vec::new(),
                });
            }
        }
    }
    all
}

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

fn traces(odd: bool) -> impl Strategy<Value = ExportTraceServiceRequest> {
    let of_scope = (scope(), proptest::collection::vec(span_of(odd), 0..4)).prop_map(|(scope, spans)| ScopeSpans { scope, spans, schema_url: "s".to_owned() });
    let of_resource = (resource(odd), proptest::collection::vec(of_scope, 0..3)).prop_map(|(resource, scope_spans)| ResourceSpans {
        resource,
        scope_spans,
        schema_url: String::new(),
    });
    proptest::collection::vec(of_resource, 0..3).prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

fn logs(odd: bool) -> impl Strategy<Value = ExportLogsServiceRequest> {
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

fn num_spans(request: &ExportTraceServiceRequest) -> usize {
    request.resource_spans.iter().flat_map(|of_resource| &of_resource.scope_spans).map(|of_scope| of_scope.spans.len()).sum()
}

/// `left_out` must account for what is not among the rows.
fn check(request_items: usize, found: &(Vec<Batch>, Tally), expected: &[Plain]) {
    let (batches, tally) = found;
    assert_eq!(ours(batches), expected);
    assert_eq!(tally.num_items, request_items as u64);
    assert_eq!(tally.num_rejected(), (request_items - expected.len()) as u64);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spans_over_protobuf_read_as_prost_reads_them(request in traces(true)) {
        let bytes = request.encode_to_vec();
        check(num_spans(&request), &decode_all(Signal::Traces, Encoding::Protobuf, &bytes).unwrap(), &expected_spans(&request));
    }

    #[test]
    fn spans_over_json_read_as_prost_reads_them(request in traces(false)) {
        let text = serde_json::to_string(&request).unwrap();
        check(num_spans(&request), &decode_all(Signal::Traces, Encoding::Json, text.as_bytes()).unwrap(), &expected_spans(&request));
    }

    #[test]
    fn logs_over_protobuf_read_as_prost_reads_them(request in logs(true)) {
        let expected = expected_logs(&request);
        check(expected.len(), &decode_all(Signal::Logs, Encoding::Protobuf, &request.encode_to_vec()).unwrap(), &expected);
    }

    #[test]
    fn logs_over_json_read_as_prost_reads_them(request in logs(false)) {
        let expected = expected_logs(&request);
        let text = serde_json::to_string(&request).unwrap();
        check(expected.len(), &decode_all(Signal::Logs, Encoding::Json, text.as_bytes()).unwrap(), &expected);
    }

    /// Cut anywhere, a request is broken for both or whole for both.
    #[test]
    fn a_cut_request_is_broken_where_prost_says_so(request in traces(true), at in any::<prop::sample::Index>()) {
        let bytes = request.encode_to_vec();
        let cut = &bytes[..at.index(bytes.len() + 1)];
        let prost = ExportTraceServiceRequest::decode(cut);
        let ours = decode_all(Signal::Traces, Encoding::Protobuf, cut);
        prop_assert_eq!(prost.is_err(), ours.is_err());
    }

    /// Whatever is flipped, nothing panics, nothing is lost from the count, and every row points into its batch.
    #[test]
    fn flipped_bytes_do_no_harm(request in traces(true), flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), signal in 0_usize..3) {
        let mut bytes = request.encode_to_vec();
        if bytes.is_empty() {
            return Ok(());
        }
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let signal = [Signal::Traces, Signal::Logs, Signal::Metrics][signal];
        if let Ok((batches, tally)) = decode_all(signal, Encoding::Protobuf, &bytes) {
            let num_rows = ours(&batches).len() as u64;
            if signal != Signal::Metrics {
                prop_assert_eq!(num_rows + tally.num_rejected(), tally.num_items);
            }
        }
        decode_all(signal, Encoding::Json, &bytes).ok();
    }
}

#[test]
fn a_long_request_is_cut_into_batches_that_say_the_same() {
    let bytes = crate::testing::trace_request(0, 20_000);
    let request = ExportTraceServiceRequest::decode(bytes.as_slice()).unwrap();
    let (batches, tally) = decode_all(Signal::Traces, Encoding::Protobuf, &bytes).unwrap();
    assert!(batches.len() > 5, "{}", batches.len());
    for batch in &batches {
        assert!(batch.size_bytes() <= (1 << 20) + 4_096, "{}", batch.size_bytes());
    }
    assert_eq!((tally.num_items, tally.num_rejected()), (20_000, 0));
    assert_eq!(ours(&batches), expected_spans(&request));
    // As JSON it is longer than what is held back, and comes in the same pieces.
    let text = serde_json::to_string(&request).unwrap();
    let (from_json, tally) = decode_all(Signal::Traces, Encoding::Json, text.as_bytes()).unwrap();
    assert_eq!((tally.num_items, tally.num_rejected()), (20_000, 0));
    assert_eq!(from_json, batches);
}

#[test]
fn every_text_stands_once_in_its_batch() {
    let (batches, _) = decode_all(Signal::Traces, Encoding::Protobuf, &crate::testing::trace_request(0, 1_000)).unwrap();
    let [Batch::Spans(batch)] = batches.as_slice() else { panic!("one batch") };
    let texts: std::collections::HashSet<&[u8]> = (0..batch.text.num_strings()).map(|at| batch.text.bytes(switchboard_model::Str(at as u32))).collect();
    assert_eq!(texts.len(), batch.text.num_strings());
    assert!(batch.text.num_strings() < 2_100, "{}", batch.text.num_strings());
}

#[test]
fn a_resource_behind_its_spans_is_still_theirs() {
    let request = ExportTraceServiceRequest::decode(crate::testing::trace_request(0, 3).as_slice()).unwrap();
    // The same fields, the scope's spans first, in two halves of the resource.
    let of_resource = &request.resource_spans[0];
    let resource = of_resource.resource.clone().unwrap();
    let mut message = Vec::new();
    prost::encoding::message::encode(2, &of_resource.scope_spans[0], &mut message);
    for attribute in &resource.attributes {
        prost::encoding::message::encode(1, &Resource { attributes: vec![attribute.clone()], ..Resource::default() }, &mut message);
    }
    let mut bytes = Vec::new();
    prost::encoding::encode_key(1, prost::encoding::WireType::LengthDelimited, &mut bytes);
    prost::encoding::encode_varint(message.len() as u64, &mut bytes);
    bytes.extend(message);
    assert_eq!(ExportTraceServiceRequest::decode(bytes.as_slice()).unwrap(), request);
    let (batches, _) = decode_all(Signal::Traces, Encoding::Protobuf, &bytes).unwrap();
    assert_eq!(ours(&batches), expected_spans(&request));
}

#[test]
fn data_points_are_counted() {
    let point = NumberDataPoint { time_unix_nano: 1, ..NumberDataPoint::default() };
    let metric = |data| Metric { name: "m".to_owned(), data: Some(data), ..Metric::default() };
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            scope_metrics: vec![ScopeMetrics {
                metrics: vec![
                    metric(metric::Data::Gauge(Gauge { data_points: vec![point.clone(); 3] })),
                    metric(metric::Data::Sum(Sum { data_points: vec![point; 4], ..Sum::default() })),
                ],
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    };
    for (encoding, bytes) in [(Encoding::Protobuf, request.encode_to_vec()), (Encoding::Json, serde_json::to_vec(&request).unwrap())] {
        let (batches, tally) = decode_all(Signal::Metrics, encoding, &bytes).unwrap();
        assert!(batches.is_empty());
        assert_eq!(tally, Tally::of_items(7), "{encoding:?}");
    }
}

#[test]
fn lenient_json() {
    let odd = r#"{"unknown": [[{}]], "resource_spans": [null, {"instrumentationLibrarySpans": [{
        "spans": [{
            "trace_id": "W47/95gDgQPSabnzgRvmfg==", "spanId": "5B8EFFF798038103", "parentSpanId": null, "name": "n", "kind": "SPAN_KIND_SERVER",
            "start_time_unix_nano": 5, "endTimeUnixNano": "7", "status": {"code": "STATUS_CODE_ERROR", "message": "m"}, "traceState": "ot=th:c",
            "attributes": [{"key": "a", "value": {"intValue": "12"}}, {"key": "b", "value": {"int_value": 13}}, {"key": "c", "value": "plain"},
                {"key": "d", "value": {"doubleValue": "NaN"}}, {"key": "e", "value": {"arrayValue": {"values": [{"stringValue": "x"}, {"kvlistValue": {"values": []}}]}}},
                {"key": "f"}, {"key": "g", "value": {"bytesValue": "AQI="}}],
            "more": {"deep": [1, 2]}
        }],
        "instrumentationLibrary": {"name": "lib"}
    }], "resource": {"attributes": {"service.name": "old"}}}]}"#;
    let (batches, tally) = decode_all(Signal::Traces, Encoding::Json, odd.as_bytes()).unwrap();
    assert!(tally.has_base64_ids);
    let [Batch::Spans(batch)] = batches.as_slice() else { panic!("one batch") };
    assert!((batch.spans[0].sample_weight - 4.0).abs() < f32::EPSILON);
    let [span] = ours(&batches).try_into().unwrap();
    assert_eq!(span.scope, "lib");
    assert_eq!(span.resource[0], "old");
    assert_eq!(span.fields, r#"5b8efff798038103d269b9f3811be67e 5b8efff798038103 0000000000000000 5 7 "n" 2 2 "m" "ot=th:c" 0 false"#);
    let values: Vec<&str> = span.attrs.iter().map(|(_, _, value)| value.as_str()).collect();
    assert_eq!(values, ["i64 12", "i64 13", "str plain", "f64 7ff8000000000000", r#"list ["x",{}]"#, "str ", "bytes [1, 2]"]);
}

#[test]
fn the_number_of_a_card_is_no_number_to_keep() {
    let any = |value: ProstValue| Some(AnyValue { value: Some(value) });
    let cards = [
        any(ProstValue::IntValue(4_111_111_111_111_111)),
        any(ProstValue::DoubleValue(4_111_111_111_111_111.0)),
        any(ProstValue::IntValue(30_569_309_025_904)),
    ];
    // What fails Luhn's sum, what no issuer begins with, times in ms, us and ns, the ends of the range.
    let others = [4_111_111_111_111_112, 9_876_543_210_987_654, 1_764_310_894_123, 1_764_310_894_123_456, 1_764_310_894_123_456_789, i64::MAX, i64::MIN, 4_111];
    let others = others.map(|number| any(ProstValue::IntValue(number)));
    let num_cards = cards.len();
    for (at, value) in cards.into_iter().chain(others).enumerate() {
        let record = LogRecord {
            time_unix_nano: 5,
            body: value.clone(),
            attributes: vec![KeyValue { key: "a".to_owned(), value: value.clone(), ..KeyValue::default() }],
            ..LogRecord::default()
        };
        let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
        let request = ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] };
        for (encoding, bytes) in [(Encoding::Protobuf, request.encode_to_vec()), (Encoding::Json, serde_json::to_vec(&request).unwrap())] {
            let (batches, _) = decode_all(Signal::Logs, encoding, &bytes).unwrap();
            let [Batch::Logs(batch)] = batches.as_slice() else { panic!("one batch") };
            let kept = [plain_value(batch.logs[0].body, &batch.text), plain_value(batch.attrs[batch.logs[0].attrs.range()][0].value, &batch.text)];
            for kept in kept {
                assert_eq!(kept.starts_with("str redacted:"), at < num_cards, "{encoding:?} {value:?}: {kept}");
                assert_eq!(kept, expected_value(value.as_ref()), "{encoding:?}");
            }
        }
    }
}

#[test]
fn json_of_another_signal_is_told() {
    let error = decode_all(Signal::Traces, Encoding::Json, br#"{"resourceLogs": []}"#).unwrap_err();
    assert!(error.to_string().contains("resourceLogs"), "{error}");
    assert_eq!(decode_all(Signal::Traces, Encoding::Json, b"{}").unwrap().1, Tally::default());
}
