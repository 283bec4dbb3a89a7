//! What of an item cannot be read costs that part, not the item, and is named; and where a request that missed its address
//! is sent.

use http::StatusCode;
use opentelemetry_proto::tonic::common::v1::any_value::Value as ProstValue;
use prost::Message;
use serde_json::{Value as Json, json};
use switchboard_model::{ItemKind, SpanBatch};

use crate::loopback::{Answer, GRPC_LOGS, Loopback, TRACES, attr, framed, good_span, grpc, post, request};

const PROTO: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");

/// A request of one span, with these fields beside its ids.
fn span_json(fields: &str) -> String {
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"orders"}}}}]}},"scopeSpans":[{{"spans":[{{"traceId":"0123456789abcdef0123456789abcdef","spanId":"0123456789abcdef","name":"n",{fields}}}]}}]}}]}}"#
    )
}

/// The attributes of the only span, as text.
fn attrs(batch: &SpanBatch) -> Vec<(String, String)> {
    let rows = &batch.attrs[batch.spans[0].attrs.range()];
    rows.iter().map(|row| (batch.text.get(row.key).to_owned(), row.value.to_text(&batch.text).into_owned())).collect()
}

fn partial(answer: &Answer) -> String {
    let answer: Json = serde_json::from_slice(&answer.body).unwrap();
    answer["partialSuccess"]["errorMessage"].as_str().unwrap_or_default().to_owned()
}

/// Sends a span; what is stored of it, and what its sender is told.
async fn stored(loopback: &mut Loopback, body: &str) -> (SpanBatch, String) {
    loopback.drain();
    loopback.spans.clear();
    let answer = post(loopback.http(), TRACES, &[JSON], body.as_bytes().to_vec()).await;
    assert_eq!(answer.status, StatusCode::OK, "{body}: {}", answer.text());
    loopback.drain();
    assert_eq!(loopback.num_spans(), 1, "{body}");
    (loopback.spans.remove(0), partial(&answer))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_null_is_not_set_and_half_a_character_is_replaced() {
    let mut loopback = Loopback::start().await;
    let table = [
        (r#"{"arrayValue":null}"#, ""),
        (r#"{"kvlistValue":null}"#, ""),
        (r#"{"bytesValue":null}"#, ""),
        (r#"{"stringValue":null}"#, ""),
        (r#"{"intValue":null}"#, ""),
        ("{}", ""),
        ("null", ""),
        (r#"{"arrayValue":{"values":null}}"#, "[]"),
        (r#"{"arrayValue":{"values":[null,{"stringValue":"a"}]}}"#, r#"[null,"a"]"#),
        (r#"{"kvlistValue":{"values":[null,{"key":"a","value":null}]}}"#, r#"{"a":null}"#),
        (r#"{"stringValue":"cut \ud83d"}"#, "cut \u{fffd}"),
        (r#"{"stringValue":"\ude00 whole \ud83d\ude00"}"#, "\u{fffd} whole \u{1f600}"),
    ];
    for (value, expected) in table {
        let (batch, told) =
            stored(&mut loopback, &span_json(&format!(r#""attributes":[{{"key":"odd","value":{value}}},{{"key":"good","value":{{"intValue":7}}}}]"#))).await;
        assert_eq!(attrs(&batch), [("odd".to_owned(), expected.to_owned()), ("good".to_owned(), "7".to_owned())], "{value}");
        assert_eq!((told.as_str(), batch.spans[0].truncated), ("", false), "{value}");
    }
    // Everywhere else in a span, and rows that are null.
    let everywhere = r#""traceState":"a\ud800","status":{"code":2,"message":"m\ud800"},"attributes":[null,{"key":"k\ud800","value":{"stringValue":"v"}}],"events":[null,{"name":"e\udfff"}],"links":[null]"#;
    let (batch, told) = stored(&mut loopback, &span_json(everywhere)).await;
    let span = batch.spans[0];
    assert_eq!((batch.text.get(span.status_message), batch.text.get(batch.events[0].name)), ("m\u{fffd}", "e\u{fffd}"));
    assert_eq!((attrs(&batch)[0].0.as_str(), batch.links.len(), told.as_str()), ("k\u{fffd}", 0, ""));
    assert_eq!(loopback.figures(ItemKind::Span).1, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_of_a_json_span_costs_that_part_and_is_named() {
    let mut loopback = Loopback::start().await;
    let good = r#"{"key":"good","value":{"intValue":"7"}}"#;
    let table = [
        (format!(r#""attributes":[{good},{{"key":"flag","value":{{"boolValue":"maybe"}}}}]"#), "1 attribute", "\"flag\""),
        (format!(r#""attributes":[{{"key":"num","value":{{"intValue":"12x"}}}},{good}]"#), "1 attribute", "\"num\""),
        (format!(r#""attributes":[{{"key":"raw","value":{{"bytesValue":"%%"}}}},{good}]"#), "1 attribute", "base64"),
        (
            format!(r#""attributes":[{good},{{"key":{{}},"value":{{"intValue":1}}}},{{"key":"huge","value":{{"doubleValue":1e999}}}}]"#),
            "2 attributes",
            "attribute",
        ),
        (format!(r#""attributes":[{good},5,"text"]"#), "2 attributes", "attribute"),
        (format!(r#""attributes":[{good}],"events":[{{"name":"kept","attributes":[{{"key":"x","value":{{"intValue":"y"}}}}]}}]"#), "1 attribute", "\"x\""),
        (format!(r#""attributes":[{good}],"events":[{{"name":"kept"}},{{"timeUnixNano":"soon"}},7]"#), "2 events", "timeUnixNano"),
        (format!(r#""attributes":[{good}],"links":[{{"traceId":7}},{{"traceId":{{}}}}]"#), "2 links", "link"),
        (format!(r#""attributes":[{good}],"events":{{"a":1}}"#), "1 event", "list"),
    ];
    for (fields, num, named) in table {
        let (batch, told) = stored(&mut loopback, &span_json(&fields)).await;
        assert_eq!(attrs(&batch), [("good".to_owned(), "7".to_owned())], "{fields}");
        assert!(told.contains(num) && told.contains(named) && batch.spans[0].truncated, "{fields}: {told}");
        assert!(batch.events.iter().all(|event| batch.text.get(event.name) == "kept"), "{fields}");
    }
    assert_eq!(loopback.figures(ItemKind::Span), (9, 0, 0, 0));
    loopback
        .wait_for("what was left out", |loopback| loopback.refusals.iter().any(|refusal| refusal.rule == "attribute" && refusal.next_step.contains("\"flag\"")))
        .await;
    // A resource's attribute costs itself, too.
    let body =
        span_json(&format!(r#""attributes":[{good}]"#)).replace(r#"{"key":"service.name""#, r#"{"key":"odd","value":{"intValue":"x"}},{"key":"service.name""#);
    let (batch, told) = stored(&mut loopback, &body).await;
    assert_eq!(batch.text.get(batch.resources[0].service_name), "orders");
    assert!(told.contains("1 attribute") && told.contains("\"odd\""), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_span_that_is_refused_for_something_else_than_its_ids_is_not_refused_for_them() {
    let mut loopback = Loopback::start().await;
    for (field, named) in [(r#""startTimeUnixNano":"soon""#, "startTimeUnixNano"), (r#""kind":{}"#, "kind"), (r#""status":{"code":[]}"#, "status")] {
        let answer = post(loopback.http(), TRACES, &[JSON], span_json(field).into_bytes()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.text().contains(named), "{}", answer.text());
    }
    loopback
        .wait_for("the refusal", |loopback| {
            loopback.refusals.iter().any(|refusal| refusal.rule == "undecodable item" && refusal.next_step.contains("startTimeUnixNano"))
        })
        .await;
    let answer = post(loopback.http(), TRACES, &[JSON], span_json(r#""flags":1"#).replace("0123456789abcdef0123456789abcdef", "00").into_bytes()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    loopback.wait_for("the refusal", |loopback| loopback.refusals.iter().any(|refusal| refusal.rule == "ids")).await;
}

/// A field of bytes, by its number.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    prost::encoding::encode_varint(bytes.len() as u64, &mut field);
    field.extend_from_slice(bytes);
    field
}

fn request_of(span: &[u8], resource: &[u8]) -> Vec<u8> {
    field(1, &[field(1, resource), field(2, &field(2, span))].concat())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_of_a_protobuf_span_costs_that_part_and_is_named() {
    let mut loopback = Loopback::start().await;
    let span = good_span(3).encode_to_vec();
    // A value whose length reaches past its end, behind its key.
    let broken = [field(1, b"odd"), field(2, &[0x0a, 99, b'x'])].concat();
    let text = [field(1, b"k\xff"), field(2, &field(1, b"v\xfe"))].concat();
    let event = |attr: &[u8]| [field(2, b"kept"), field(3, attr)].concat();
    let table: Vec<(Vec<u8>, &str, &str)> = vec![
        (field(9, &broken), "1 attribute", "\"odd\""),
        (field(9, &[0xff]), "1 attribute", "attribute"),
        (field(11, &event(&broken)), "1 attribute", "\"odd\""),
        (field(11, &[0x12, 99]), "1 event", "event"),
        (field(13, &[0x0a, 99]), "1 link", "link"),
        (field(13, &field(1, &[1; 5])), "1 link", "names no span"),
        // Text that is not UTF-8 is no mistake to be told of.
        (field(9, &text), "", ""),
    ];
    for (odd, num, named) in table {
        loopback.drain();
        loopback.spans.clear();
        let body =
            request_of(&[span.clone(), odd.clone()].concat(), &field(1, &attr("service.name", ProstValue::StringValue("orders".to_owned())).encode_to_vec()));
        let answer = post(loopback.http(), TRACES, &[PROTO], body).await;
        assert_eq!(answer.status, StatusCode::OK, "{odd:?}");
        loopback.drain();
        let batch = loopback.spans.remove(0);
        let told = attrs(&batch);
        assert_eq!(told[0], ("http.route".to_owned(), "/orders/{id}".to_owned()), "{odd:?}");
        let answer = opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse::decode(answer.body).unwrap();
        let message = answer.partial_success.map(|partial| partial.error_message).unwrap_or_default();
        if num.is_empty() {
            assert_eq!((told[1].clone(), message.as_str()), (("k\u{fffd}".to_owned(), "v\u{fffd}".to_owned()), ""));
        } else {
            assert!(message.contains(num) && message.contains(named) && batch.spans[0].truncated, "{odd:?}: {message}");
            assert_eq!(told.len(), 1);
        }
        assert!(batch.events.iter().all(|event| batch.text.get(event.name) == "kept"), "{odd:?}");
    }
    assert_eq!(loopback.figures(ItemKind::Span), (7, 0, 0, 0));
    // Of a resource, over gRPC.
    let resource = [field(1, &broken), field(1, &attr("service.name", ProstValue::StringValue("orders".to_owned())).encode_to_vec())].concat();
    loopback.spans.clear();
    let answer = grpc(loopback.grpc(), "/opentelemetry.proto.collector.trace.v1.TraceService/Export", &[], framed(&request_of(&span, &resource))).await;
    assert_eq!(answer.grpc_status(), 0);
    loopback.drain();
    assert_eq!(loopback.spans[0].text.get(loopback.spans[0].resources[0].service_name), "orders");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_records_lose_no_more_than_what_cannot_be_read() {
    let mut loopback = Loopback::start().await;
    let body = json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": [
        { "body": { "intValue": "x" }, "severityText": "INFO", "attributes": [{ "key": "odd", "value": { "boolValue": 7 } }, { "key": "good", "value": { "arrayValue": null } }] },
        { "body": { "stringValue": "well" } },
    ] }] }] });
    let answer = post(loopback.http(), "/v1/logs", &[JSON], body.to_string().into_bytes()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(partial(&answer).contains("1 attribute, 1 body"), "{}", partial(&answer));
    let record = [field(5, &[0x0a, 99]), field(6, &[0xff])].concat();
    let answer = grpc(loopback.grpc(), GRPC_LOGS, &[], framed(&field(1, &field(2, &field(2, &record))))).await;
    assert_eq!(answer.grpc_status(), 0);
    loopback.drain();
    assert_eq!(loopback.logs.iter().map(|batch| batch.logs.len()).sum::<usize>(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_misses_the_address_is_told_the_real_one() {
    let mut loopback = Loopback::start().await;
    let body = request(vec![good_span(1)]).encode_to_vec();
    let (http_port, grpc_port) = (loopback.http().port(), loopback.grpc().port());
    for (path, meant) in [
        ("/v1/traces/", "/v1/traces"),
        ("//v1/traces", "/v1/traces"),
        ("/v1/trace", "/v1/traces"),
        ("/V1/Traces", "/v1/traces"),
        ("/v1/traces/v1/traces", "/v1/traces"),
        ("/api/v2/spans", "/v1/traces"),
        ("/v1/logs/", "/v1/logs"),
        ("/v1/log", "/v1/logs"),
        ("/metrics", "/v1/metrics"),
    ] {
        let answer = post(loopback.http(), path, &[PROTO], body.clone()).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        let said = format!("http://localhost:{http_port}{meant}");
        assert!(answer.text().contains(&said), "{path}: {}", answer.text());
    }
    let said = format!("http://localhost:{http_port}/v1/traces");
    loopback.wait_for("the refusal", |loopback| loopback.refusals.iter().any(|refusal| refusal.rule == "path" && refusal.next_step.contains(&said))).await;
    // What nobody means, on the other port; and gRPC is sent to its own.
    let answer = post(loopback.grpc(), "/", &[JSON], Vec::new()).await;
    assert!(answer.text().contains(&format!("http://localhost:{http_port}/v1/traces")) && !answer.text().contains("4318"), "{}", answer.text());
    let answer = grpc(loopback.http(), TRACES, &[], framed(&body)).await;
    assert!(answer.header("grpc-message").contains(&format!("http://localhost:{grpc_port}")), "{answer:?}");
    loopback.stores_a_good_request().await;
}
