//! What is to be read of a request, by way of prost.

use std::fmt::Write;

use base64::Engine;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as ProstValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use switchboard_model::WellKnown;

use super::{Plain, PlainAttrs, redactor};

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

pub(super) fn expected_value(value: Option<&AnyValue>) -> String {
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

pub(super) fn expected_spans(request: &ExportTraceServiceRequest) -> Vec<Plain> {
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

pub(super) fn expected_logs(request: &ExportLogsServiceRequest) -> Vec<Plain> {
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
