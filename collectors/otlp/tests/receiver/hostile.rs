//! What no exporter sends: each case names its status and what it adds to the counters, and the next good request is
//! stored.

use http::StatusCode;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as ProstValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use switchboard_model::{ItemKind, SpanId, Value};

use crate::loopback::{GRPC_LOGS, GRPC_TRACES, Loopback, TRACES, attr, framed, framed_as, good_span, grpc, gzip, post, request, zstd};

const PROTO: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");
const BAD_REQUEST: (u16, u16) = (400, 3);
const TOO_LARGE: (u16, u16) = (413, 8);
const FINE: (u16, u16) = (200, 0);

/// What a case adds: received and refused spans, undecodable requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Added {
    received: u64,
    refused: u64,
    undecodable: u64,
}

const UNDECODABLE: Added = Added { received: 0, refused: 0, undecodable: 1 };

fn stored(num_spans: u64) -> Added {
    Added { received: num_spans, ..Added::default() }
}

fn refused(num_spans: u64) -> Added {
    Added { received: num_spans, refused: num_spans, undecodable: 0 }
}

/// Sends a body over HTTP and gRPC; both must answer alike and count alike.
async fn check(loopback: &mut Loopback, case: &str, body: &[u8], encoding: Option<&str>, (http_status, grpc_status): (u16, u16), added: Added) {
    let mut headers = vec![PROTO];
    headers.extend(encoding.map(|encoding| ("content-encoding", encoding)));
    let over_http = Box::pin(counted(loopback, async |to| post(to.http(), TRACES, &headers, body.to_vec()).await)).await;
    assert_eq!(over_http.0.status.as_u16(), http_status, "{case} over HTTP: {}", over_http.0.text());
    assert_eq!(over_http.1, (added, body.len() as u64 * added.undecodable), "{case} over HTTP");
    assert_eq!(over_http.0.header("retry-after"), "", "{case}: a sender must not try it again");
    let headers: Vec<(&str, &str)> = encoding.map(|encoding| ("grpc-encoding", encoding)).into_iter().collect();
    let frame = framed_as(u8::from(encoding.is_some()), body.len() as u32, body);
    let over_grpc = Box::pin(counted(loopback, async |to| grpc(to.grpc(), GRPC_TRACES, &headers, frame.clone()).await)).await;
    assert_eq!((over_grpc.0.status, over_grpc.0.grpc_status()), (StatusCode::OK, grpc_status), "{case} over gRPC: {:?}", over_grpc.0);
    assert_eq!(over_grpc.1, (added, frame.len() as u64 * added.undecodable), "{case} over gRPC");
    loopback.stores_a_good_request().await;
}

/// What a request adds to the counters, beside its answer; and the bytes counted as undecodable.
async fn counted<T>(loopback: &mut Loopback, send: impl AsyncFn(&Loopback) -> T) -> (T, (Added, u64)) {
    let before = loopback.figures(ItemKind::Span);
    let answer = send(loopback).await;
    let after = loopback.figures(ItemKind::Span);
    let added = Added { received: after.0 - before.0, refused: after.1 - before.1, undecodable: after.2 - before.2 };
    (answer, (added, after.3 - before.3))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bombs() {
    let mut loopback = Loopback::start().await;
    // A whole request, blown up by one attribute of zeros.
    let blown = |num_bytes: usize| {
        let mut span = good_span(1);
        span.attributes.push(attr("zeros", ProstValue::BytesValue(vec![0; num_bytes])));
        request(vec![span]).encode_to_vec()
    };
    let small = blown(8 << 20);
    check(&mut loopback, "8 MiB of zeros as gzip", &gzip(&small), Some("gzip"), TOO_LARGE, UNDECODABLE).await;
    check(&mut loopback, "8 MiB of zeros as zstd", &zstd(&small), Some("zstd"), TOO_LARGE, UNDECODABLE).await;
    let large = vec![0; 200 << 20];
    check(&mut loopback, "200 MiB of zeros as gzip", &gzip(&large), Some("gzip"), TOO_LARGE, UNDECODABLE).await;
    check(&mut loopback, "200 MiB of zeros as zstd", &zstd::encode_all(large.as_slice(), 1).unwrap(), Some("zstd"), TOO_LARGE, UNDECODABLE).await;
    drop(large);
    // Not much compressed, and too long all the same.
    let mut noise: Vec<u8> = Vec::with_capacity(66 << 20);
    let mut state = 1_u64;
    while noise.len() < 66 << 20 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        noise.extend_from_slice(&(state >> 40).to_le_bytes());
    }
    check(&mut loopback, "66 MiB of noise as zstd", &zstd::encode_all(noise.as_slice(), 1).unwrap(), Some("zstd"), TOO_LARGE, UNDECODABLE).await;
    for (case, body) in [("gzip in name only", b"not gzip at all".to_vec()), ("gzip cut off", gzip(&small)[..100].to_vec()), ("an empty gzip", Vec::new())] {
        check(&mut loopback, case, &body, Some("gzip"), BAD_REQUEST, UNDECODABLE).await;
    }
    check(&mut loopback, "zstd cut off", &zstd(&small)[..20], Some("zstd"), BAD_REQUEST, UNDECODABLE).await;
    let huge_window = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 0x01, 0x00, 0x00];
    check(&mut loopback, "zstd with a window of 2 TiB", &huge_window, Some("zstd"), BAD_REQUEST, UNDECODABLE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_too_long_as_they_are() {
    let mut loopback = Loopback::start().await;
    let long = vec![0; (64 << 20) + 1];
    let (answer, counts) = counted(&mut loopback, async |to| post(to.http(), TRACES, &[PROTO], long.clone()).await).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    // Its length was said, so nothing of it was read.
    assert_eq!(counts, (UNDECODABLE, 0));
    let (answer, counts) = counted(&mut loopback, async |to| grpc(to.grpc(), GRPC_TRACES, &[], framed(&long)).await).await;
    assert_eq!((answer.grpc_status(), counts.0), (8, UNDECODABLE));
    assert!(answer.header("grpc-message").contains("64 MiB"), "{answer:?}");
    loopback.stores_a_good_request().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lengths_that_are_not_so() {
    let mut loopback = Loopback::start().await;
    let message = request(vec![good_span(1)]).encode_to_vec();
    let length = message.len() as u32;
    for (case, frame, status) in [
        ("a frame longer than its body", framed_as(0, length + 1, &message), 3),
        ("a frame shorter than its body", framed_as(0, length - 1, &message), 3),
        ("a frame of 4 GiB", framed_as(0, u32::MAX, &message), 8),
        ("a frame cut in its prefix", vec![0, 0, 0], 3),
        ("no frame", Vec::new(), 3),
        ("two frames", [framed(&message), framed(&message)].concat(), 3),
        ("an unknown flag", framed_as(2, length, &message), 3),
        ("compressed, nobody says how", framed_as(1, length, &message), 13),
    ] {
        let (answer, counts) = counted(&mut loopback, async |to| grpc(to.grpc(), GRPC_TRACES, &[], frame.clone()).await).await;
        assert_eq!((answer.grpc_status(), counts.0), (status, UNDECODABLE), "{case}");
        loopback.stores_a_good_request().await;
    }
    for cut in 1..message.len() {
        let (answer, counts) = counted(&mut loopback, async |to| post(to.http(), TRACES, &[PROTO], message[..cut].to_vec()).await).await;
        assert_eq!((answer.status, counts), (StatusCode::BAD_REQUEST, (UNDECODABLE, cut as u64)), "cut at {cut}");
        assert_eq!(answer.header("content-type"), "application/x-protobuf");
    }
    check(&mut loopback, "an empty request", &[], None, FINE, stored(0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids() {
    let mut loopback = Loopback::start().await;
    let with = |change: fn(&mut Span)| {
        let mut span = good_span(9);
        change(&mut span);
        span
    };
    let bad = [
        ("a trace id of zeros", with(|span| span.trace_id = vec![0; 16]), "trace id"),
        ("no trace id", with(|span| span.trace_id = vec![]), "trace id"),
        ("a trace id of 15 bytes", with(|span| span.trace_id = vec![1; 15]), "trace id"),
        ("a trace id of 17 bytes", with(|span| span.trace_id = vec![1; 17]), "trace id"),
        ("a trace id in hex", with(|span| span.trace_id = b"00112233445566778899aabbccddeeff".to_vec()), "trace id"),
        ("a span id of zeros", with(|span| span.span_id = vec![0; 8]), "span id"),
        ("a span id of 7 bytes", with(|span| span.span_id = vec![1; 7]), "span id"),
        ("a parent id of 9 bytes", with(|span| span.parent_span_id = vec![1; 9]), "parent span id"),
    ];
    for (case, span, word) in &bad {
        // Alone it is refused; beside a good one only it is left out.
        let alone = request(vec![span.clone()]).encode_to_vec();
        check(&mut loopback, case, &alone, None, BAD_REQUEST, refused(1)).await;
        let beside = request(vec![good_span(1), span.clone(), good_span(2)]).encode_to_vec();
        check(&mut loopback, case, &beside, None, FINE, Added { received: 3, refused: 1, undecodable: 0 }).await;
        let answer = post(loopback.http(), TRACES, &[PROTO], beside).await;
        let partial = opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse::decode(answer.body).unwrap().partial_success.unwrap();
        assert_eq!(partial.rejected_spans, 1, "{case}");
        assert!(partial.error_message.contains(word), "{case}: {}", partial.error_message);
    }
    let mixed = serde_json::to_vec(&request(vec![good_span(1), bad[0].1.clone()])).unwrap();
    let answer = post(loopback.http(), TRACES, &[JSON], mixed).await;
    assert_eq!(answer.status, StatusCode::OK);
    let partial: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(partial["partialSuccess"]["rejectedSpans"], "1", "{partial}");
    // A good request's answer says nothing at all.
    let answer = post(loopback.http(), TRACES, &[PROTO], request(vec![good_span(1)]).encode_to_vec()).await;
    assert!(answer.body.is_empty());
    let answer = post(loopback.http(), TRACES, &[JSON], serde_json::to_vec(&request(vec![good_span(1)])).unwrap()).await;
    assert_eq!((answer.text().as_str(), answer.header("content-type")), ("{}", "application/json"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_that_cannot_be_so() {
    let mut loopback = Loopback::start().await;
    let mut cycle = [good_span(1), good_span(2), good_span(3)];
    cycle[0].parent_span_id = vec![2; 8];
    cycle[1].parent_span_id = vec![1; 8];
    cycle[2].parent_span_id = vec![3; 8];
    for span in &mut cycle {
        span.trace_id = vec![7; 16];
    }
    check(&mut loopback, "parents in a circle", &request(cycle.to_vec()).encode_to_vec(), None, FINE, stored(3)).await;
    let backwards = Span { start_time_unix_nano: 10, end_time_unix_nano: 5, ..good_span(4) };
    check(&mut loopback, "an end before its start", &request(vec![backwards]).encode_to_vec(), None, FINE, stored(1)).await;
    let span = loopback.spans.iter().flat_map(|batch| &batch.spans).find(|span| span.span_id == SpanId(0x0404_0404_0404_0404)).unwrap();
    assert_eq!((span.start_ns, span.end_ns, span.truncated), (10, 5, false));
    let far = Span { start_time_unix_nano: u64::MAX, end_time_unix_nano: u64::MAX, ..good_span(5) };
    check(&mut loopback, "times of u64::MAX", &request(vec![far]).encode_to_vec(), None, FINE, stored(1)).await;
    let span = loopback.spans.iter().flat_map(|batch| &batch.spans).find(|span| span.span_id == SpanId(0x0505_0505_0505_0505)).unwrap();
    assert_eq!((span.start_ns, span.end_ns, span.truncated), (i64::MAX, i64::MAX, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn much_of_everything() {
    let mut loopback = Loopback::start().await;
    let megabyte = "é".repeat(500_000) + "x";
    let mut span = Span { name: megabyte.clone(), ..good_span(6) };
    span.attributes.push(attr(&megabyte, ProstValue::StringValue(megabyte.clone())));
    check(&mut loopback, "names of 1 MB", &request(vec![span]).encode_to_vec(), None, FINE, stored(1)).await;
    {
        let batch = loopback.spans.iter().find(|batch| batch.spans[0].span_id == SpanId(0x0606_0606_0606_0606)).unwrap();
        let span = batch.spans[0];
        assert!(span.truncated);
        let attr = batch.attrs[span.attrs.range()][1];
        for text in [batch.text.get(span.name), batch.text.get(attr.key), &attr.value.to_text(&batch.text)] {
            assert_eq!((text.len(), text.chars().all(|c| c == 'é')), (64 << 10, true));
        }
    }
    let mut span = good_span(7);
    span.attributes = (0..5_000).map(|number| attr(&format!("key {number}"), ProstValue::IntValue(number))).collect();
    span.events = vec![opentelemetry_proto::tonic::trace::v1::span::Event { name: "e".to_owned(), ..Default::default() }; 3_000];
    span.links = vec![opentelemetry_proto::tonic::trace::v1::span::Link { trace_id: vec![1; 16], span_id: vec![1; 8], ..Default::default() }; 2_000];
    check(&mut loopback, "10,000 rows in a span", &request(vec![span]).encode_to_vec(), None, FINE, stored(1)).await;
    let span = loopback.spans.iter().flat_map(|batch| &batch.spans).find(|span| span.span_id == SpanId(0x0707_0707_0707_0707)).unwrap();
    assert_eq!((span.attrs.len(), span.events.len(), span.links.len(), span.truncated), (1_024, 1_024, 1_024, true));
    // A resource of a megabyte stands in every batch of its request: it must not multiply.
    let mut heavy = request((0..200).map(|_| good_span(8)).collect());
    let attributes = (0..1_000).map(|number| attr(&format!("r{number}"), ProstValue::StringValue(number.to_string().repeat(600)))).collect();
    heavy.resource_spans[0].resource.as_mut().unwrap().attributes = attributes;
    loopback.drain();
    let num_batches = loopback.spans.len();
    check(&mut loopback, "a resource of a megabyte", &heavy.encode_to_vec(), None, FINE, stored(200)).await;
    assert!(loopback.spans.len() <= num_batches + 8, "{} batches", loopback.spans.len() - num_batches);
}

fn nested(depth: usize) -> AnyValue {
    let mut value = AnyValue { value: Some(ProstValue::StringValue("bottom".to_owned())) };
    for _ in 0..depth {
        value = AnyValue { value: Some(ProstValue::ArrayValue(ArrayValue { values: vec![value] })) };
    }
    value
}

/// The same on the wire, deeper than prost's own encoder goes.
fn nested_on_the_wire(depth: usize) -> Vec<u8> {
    let mut value = vec![0x0a, 1, b'x'];
    for _ in 0..depth {
        // AnyValue.array_value { ArrayValue.values { … } }
        for tag in [0x0a_u8, 0x2a] {
            let mut outer = vec![tag];
            prost::encoding::encode_varint(value.len() as u64, &mut outer);
            outer.extend_from_slice(&value);
            value = outer;
        }
    }
    value
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn depth() {
    let mut loopback = Loopback::start().await;
    let mut span = good_span(1);
    span.attributes = vec![attr("list", nested(30).value.unwrap())];
    check(&mut loopback, "30 deep", &request(vec![span]).encode_to_vec(), None, FINE, stored(1)).await;
    for (depth, truncated) in [(64, false), (65, true), (1_000, true), (100_000, true)] {
        let mut attribute = vec![0x0a, 4, b'd', b'e', b'e', b'p', 0x12];
        let value = nested_on_the_wire(depth);
        prost::encoding::encode_varint(value.len() as u64, &mut attribute);
        attribute.extend(value);
        let mut span = good_span(0xaa).encode_to_vec();
        span.push(0x4a);
        prost::encoding::encode_varint(attribute.len() as u64, &mut span);
        span.extend(attribute);
        let mut message = span;
        for field in [0x12_u8, 0x12, 0x0a] {
            let mut outer = vec![field];
            prost::encoding::encode_varint(message.len() as u64, &mut outer);
            outer.extend(message);
            message = outer;
        }
        loopback.drain();
        loopback.spans.clear();
        check(&mut loopback, &format!("{depth} deep"), &message, None, FINE, stored(1)).await;
        let batch = &loopback.spans[0];
        let span = batch.spans[0];
        assert_eq!(span.truncated, truncated, "{depth}");
        let Value::List(list) = batch.attrs[span.attrs.end as usize - 1].value else { panic!("a list") };
        let text = batch.text.get(list);
        let (opens, inside) = (text.matches('[').count(), text.trim_matches(['[', ']']));
        assert_eq!((opens, inside), if truncated { (64, "\"…\"") } else { (depth, "\"x\"") }, "{depth}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_json() {
    let mut loopback = Loopback::start().await;
    let value = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    let span = |value: &str| {
        format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"0123456789abcdef0123456789abcdef","spanId":"0123456789abcdef","attributes":[{{"key":"k","value":{value}}}]}}]}}]}}]}}"#
        )
    };
    let deep_outside = format!(r#"{{"resourceSpans":[{{"more":{}}}]}}"#, value(100_000));
    for (case, body, status, added) in [
        ("20 deep", span(&value(20)), 200, stored(1)),
        // The attribute cannot be read, and is all that is lost.
        ("129 deep", span(&value(129)), 200, stored(1)),
        ("100,000 deep", span(&value(100_000)), 200, stored(1)),
        ("100,000 deep where nobody looks", deep_outside, 200, stored(0)),
        ("cut off", span("1")[..100].to_owned(), 400, UNDECODABLE),
        ("no object", "[]".to_owned(), 400, UNDECODABLE),
        ("no JSON", "resourceSpans".to_owned(), 400, UNDECODABLE),
        ("empty", String::new(), 400, UNDECODABLE),
        ("something after it", span("1") + "{}", 400, UNDECODABLE),
        ("spans that are no list", r#"{"resourceSpans":{"a":1}}"#.to_owned(), 400, UNDECODABLE),
        ("an empty object", "{}".to_owned(), 200, stored(0)),
        ("a kind that is an object", span("1").replace(r#""spanId""#, r#""kind":{},"spanId""#), 400, refused(1)),
    ] {
        let (answer, counts) = counted(&mut loopback, async |to| post(to.http(), TRACES, &[JSON], body.clone().into_bytes()).await).await;
        assert_eq!((answer.status.as_u16(), counts), (status, (added, body.len() as u64 * added.undecodable)), "{case}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "application/json", "{case}");
        if status == 400 {
            let error: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(error["code"], 3, "{case}");
            assert!(!error["message"].as_str().unwrap().is_empty(), "{case}");
        }
        loopback.stores_a_good_request().await;
    }
}

fn log_request(num_records: usize) -> ExportLogsServiceRequest {
    let record = LogRecord {
        time_unix_nano: 5,
        severity_number: 9,
        body: Some(AnyValue { value: Some(ProstValue::StringValue("hello".to_owned())) }),
        attributes: vec![attr("a", ProstValue::IntValue(1))],
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs { log_records: vec![record; num_records], ..ScopeLogs::default() }];
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_and_spans_on_each_others_paths() {
    let mut loopback = Loopback::start().await;
    check(&mut loopback, "logs on the traces' path", &log_request(3).encode_to_vec(), None, BAD_REQUEST, refused(3)).await;
    let answer = grpc(loopback.grpc(), GRPC_TRACES, &[], framed(&log_request(3).encode_to_vec())).await;
    assert!(answer.header("grpc-message").contains("/v1/logs"), "{answer:?}");
    let as_json = serde_json::to_vec(&log_request(1)).unwrap();
    let (answer, counts) = counted(&mut loopback, async |to| post(to.http(), TRACES, &[JSON], as_json.clone()).await).await;
    assert_eq!((answer.status, counts.0), (StatusCode::BAD_REQUEST, UNDECODABLE));
    assert!(answer.text().contains("resourceLogs"), "{}", answer.text());
    let answer = grpc(loopback.grpc(), GRPC_LOGS, &[], framed(&request(vec![good_span(1), good_span(2)]).encode_to_vec())).await;
    assert_eq!(answer.grpc_status(), 3);
    assert!(answer.header("grpc-message").contains("/v1/traces"), "{answer:?}");
    assert_eq!(loopback.figures(ItemKind::Log), (2, 2, 1, as_json.len() as u64));
    let answer = grpc(loopback.grpc(), GRPC_LOGS, &[], framed(&log_request(4).encode_to_vec())).await;
    assert_eq!(answer.grpc_status(), 0);
    loopback.drain();
    assert_eq!(loopback.logs.iter().map(|batch| batch.logs.len()).sum::<usize>(), 4);
    loopback.wait_for("the refusals", |loopback| loopback.refusals.iter().any(|refusal| refusal.rule == "other signal")).await;
}
