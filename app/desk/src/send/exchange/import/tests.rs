//! Samples as browsers, programs and people write them, what comes back of what this program writes, and what is made to hurt.

mod commands;
mod hostile;
mod openapi;
mod round_trip;

use super::*;
use crate::send::draft::{Auth, Body, GrpcDraft, HttpDraft, Request};

/// The one request of a text.
fn http(text: &str) -> (HttpDraft, Vec<String>) {
    let imported = from_text(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    match &imported.drafts[..] {
        [Draft { request: Request::Http(http), .. }] => (http.clone(), imported.notes),
        other => panic!("one request: {other:?}"),
    }
}

/// The one call of a text.
fn grpc(text: &str) -> (GrpcDraft, Vec<String>) {
    let imported = from_text(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    match &imported.drafts[..] {
        [Draft { request: Request::Grpc(grpc), .. }] => (grpc.clone(), imported.notes),
        other => panic!("one call: {other:?}"),
    }
}

fn header<'h>(http: &'h HttpDraft, name: &str) -> Option<&'h str> {
    http.headers.iter().find(|pair| pair.name.eq_ignore_ascii_case(name)).map(|pair| pair.value.as_str())
}

/// A HAR as a browser saves it, shortened.
const HAR: &str = r#"{"log": {"version": "1.2", "creator": {"name": "WebInspector", "version": "537.36"}, "pages": [], "entries": [
  {"_initiator": {"type": "script"}, "startedDateTime": "2024-05-01T10:00:00.000Z", "time": 12.3,
   "request": {"method": "POST", "url": "https://shop.example/api/orders?page=1&access_token=hunter2Zq7", "httpVersion": "http/2.0",
     "headers": [{"name": ":authority", "value": "shop.example"}, {"name": ":method", "value": "POST"}, {"name": "content-length", "value": "17"},
       {"name": "content-type", "value": "application/json"}, {"name": "accept", "value": "application/json"}, {"name": "Cookie", "value": "session=hunter2Zq7"},
       {"name": "authorization", "value": "Bearer hunter2Zq7"}, {"name": "traceparent", "value": "00-1-2-01"}, {"name": "x-api-key", "value": "hunter2Zq7"},
       {"name": "x-tmpl", "value": "{{7*7}}"}],
     "queryString": [{"name": "page", "value": "1"}], "cookies": [{"name": "session", "value": "hunter2Zq7"}], "headersSize": -1, "bodySize": 17,
     "postData": {"mimeType": "application/json", "text": "{\"sku\":\"lamp {{x}}\",\"password\":\"hunter2Zq7\"}"}},
   "response": {"status": 200, "content": {"size": 2, "text": "{}"}}, "cache": {}, "timings": {}},
  {"request": {"method": "POST", "url": "http://joe:hunter2Zq7@h/login", "headers": [{"name": "Host", "value": "h"}, {"name": "Connection", "value": "keep-alive"}],
     "postData": {"mimeType": "application/x-www-form-urlencoded", "params": [{"name": "user", "value": "joe"}, {"name": "password", "value": "hunter2Zq7"}]}}, "response": {}},
  {"request": {"method": "GET", "url": "wss://h/live", "headers": []}, "response": {}},
  {"request": {"method": "GET", "url": "data:text/plain,x", "headers": []}, "response": {}},
  {"request": null}, {}
]}}"#;

#[test]
fn every_entry_of_a_har_is_a_draft_without_what_was_secret() {
    let imported = from_text(HAR).expect("a HAR");
    let told = format!("{imported:?}");
    assert!(!told.contains("hunter"), "{told}");
    assert_eq!(imported.drafts.len(), 2);
    let Request::Http(first) = &imported.drafts[0].request else { unreachable!("a request") };
    assert_eq!((first.method.as_str(), first.url.as_str()), ("POST", "https://shop.example/api/orders?page=1&access_token=redacted:000000"));
    let names: Vec<&str> = first.headers.iter().map(|pair| pair.name.as_str()).collect();
    assert_eq!(names, ["accept", "x-tmpl"]);
    assert_eq!(header(first, "x-tmpl"), Some("\\{{7*7}}"), "what is imported is no template");
    assert_eq!(first.body, Body::Json("{\"sku\":\"lamp \\{{x}}\",\"password\":\"redacted:000000\"}".to_owned()));
    assert_eq!(first.auth, Auth::None);
    let Request::Http(second) = &imported.drafts[1].request else { unreachable!("a request") };
    assert_eq!(second.url, "http://h/login");
    assert!(matches!(&second.body, Body::Form(pairs) if pairs[1].value == "redacted:000000"), "{second:?}");
    for note in ["header cookie", "header authorization", "header x-api-key", "trace", "redacted:000000", "no HTTP requests"] {
        assert!(imported.notes.iter().any(|told| told.contains(note)), "{note}: {:?}", imported.notes);
    }
    let entry = r#"{"request": {"method": "GET", "url": "http://h/a"}, "response": {"content": {"text": "x"}}}"#;
    assert_eq!(http(entry).0.url, "http://h/a", "one entry is enough");
}

#[test]
fn what_is_known_and_not_read_says_what_to_do() {
    for (text, told) in [
        ("", "nothing was pasted"),
        ("hello", "nothing that can be read"),
        ("{\"a\": 1}", "nothing that can be read"),
        ("{\"log\": {\"entries\": []}}", "no entry"),
        ("{\"log\": 1}", "cannot be read as HAR"),
        ("{\"log\":", "cannot be read as JSON: EOF"),
        ("[]", "Paste the whole HAR"),
        ("{\"swagger\": \"2.0\", \"paths\": {}}", "Swagger 2.0"),
        ("swagger: '2.0'\npaths: {}\n", "Swagger 2.0"),
        ("openapi: 4.0.0\npaths: {}\n", "another OpenAPI"),
        ("openapi: 3.1.0\npaths: {}\n", "no operations"),
        ("openapi: 3.1.0\npaths: [\n", "cannot be read as YAML: line"),
        ("{\"info\": {\"schema\": \"https://schema.getpostman.com\"}, \"item\": []}", "Postman"),
        ("{\"_type\": \"export\", \"resources\": []}", "Insomnia"),
        ("curl ^\"http://h/^\" ^\n  -H ^\"accept: */*^\"", "Copy as cURL (bash)"),
        ("curl \"http://h/\" ^\n  -H \"a: b\"", "Copy as cURL (bash)"),
        ("Invoke-WebRequest -UseBasicParsing -Uri \"http://h/\"", "PowerShell"),
        ("$session = New-Object Microsoft.PowerShell.Commands.WebRequestSession", "PowerShell"),
        ("fetch(\"http://h/\", {\"method\": \"GET\"});", "console of a browser"),
        ("kcat -b h -t t", "kcat"),
        ("wget http://h/", "Write it for curl"),
        ("curl 'http://h/", "a quote has no end"),
        ("curl -s", "names no address"),
        ("grpcurl -plaintext h:1 list", "make no call"),
        ("grpcurl -plaintext h:1", "an address and a method"),
    ] {
        let refused = from_text(text).expect_err(text).to_string();
        assert!(refused.contains(told), "{text:?}: {refused}");
    }
    assert_eq!(from_text(&"a".repeat(IMPORT_BYTES_MAX + 1)), Err(ImportError::TooLong(IMPORT_BYTES_MAX)));
    let long = format!("openapi: 3.0.0\n#{}\n", "x".repeat(OPENAPI_BYTES_MAX));
    assert_eq!(from_text(&long), Err(ImportError::TooLong(OPENAPI_BYTES_MAX)));
}
