//! Our decoder beside prost: on generated requests both must read the same, over protobuf and over JSON.

mod expected;
mod generated;

use std::ops::ControlFlow;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as ProstValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::prelude::*;
use prost::Message;
use switchboard_model::{AttrRow, Attrs, Batch, BatchHeader, Redactor, ResourceRow, TextArena, Value, WellKnown};

use self::expected::{expected_logs, expected_spans, expected_value};
use self::generated::{logs, traces};
use crate::decode::{Context, Encoding, Signal, Tally, Undecodable, decode};

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
