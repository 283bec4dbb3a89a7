//! What the largest request takes while it is decompressed and decoded. A process of its own, so that nothing else is measured.

#![cfg(target_os = "linux")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use switchboard_model::{Batch, Input, Redactor, SourceId, channel};
use switchboard_otlp::testing::trace_request;
use switchboard_otlp::{Config, OtlpReceiver};

/// What a request may take beside the engine's memory.
const MOST_BYTES: u64 = 80 << 20;
const NUM_SPANS: u64 = 165_000;
const NUM_JSON_SPANS: u64 = 255_000;
const NUM_LONG_SPANS: u64 = 225_000;

/// Memory of this process that is in use, in bytes.
fn resident_bytes() -> u64 {
    let told = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = told.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
    line.split_ascii_whitespace().nth(1).expect("a number").parse::<u64>().expect("a number") << 10
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("compressed")
}

/// A request in JSON of nearly the largest size, one of whose texts was cut in the middle of a character; `broken` stands in it too, and
/// `around` in its resource and in its scope.
fn json_request(num_spans: u64, broken: &[u8], around: &str) -> Vec<u8> {
    let mut body = Vec::with_capacity(63 << 20);
    for part in [
        r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":{"stringValue":""#,
        around,
        r#""}}]},"scopeSpans":[{"scope":{"name":""#,
        around,
        r#""},"spans":["#,
    ] {
        body.extend_from_slice(part.as_bytes());
    }
    for number in 0..num_spans {
        let comma = if number == 0 { "" } else { "," };
        let cut = if number == num_spans / 2 { r"\ud83d" } else { "" };
        let span = format!(
            r#"{comma}{{"traceId":"{:032x}","spanId":"{:016x}","name":"GET /orders{cut}","kind":2,"startTimeUnixNano":"1764310894123456789","endTimeUnixNano":"1764310894223456789","attributes":[{{"key":"order.id","value":{{"stringValue":"order-{number}"#,
            number + 1,
            number + 1,
        );
        body.extend_from_slice(span.as_bytes());
        if number == num_spans / 2 {
            body.extend_from_slice(broken);
        }
        body.extend_from_slice(br#""}}]}"#);
    }
    body.extend_from_slice(b"]}]}]}");
    body
}

fn post(to: SocketAddr, (content, encoding): (&str, &str), body: &[u8]) -> String {
    let mut stream = TcpStream::connect(to).expect("a connection");
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/{content}\r\ncontent-encoding: {encoding}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn the_largest_request_takes_little_more_than_its_length() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    // What waits for the engine is not the request's.
    let (intake, mut outlet) = channel(2 << 20);
    let config = Config { grpc_port: None, http_port: Some(0), ..Config::default() };
    let receiver = OtlpReceiver::start(config, intake.sink(SourceId(1)), Arc::new(Redactor::new([1; 16], &[])), runtime.handle());
    let to = runtime.block_on(receiver.bound()).expect("bound").http[0];
    let (is_over, num_spans, peak) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let engine = std::thread::spawn({
        let (is_over, num_spans) = (Arc::clone(&is_over), Arc::clone(&num_spans));
        move || {
            while !is_over.load(Ordering::SeqCst) {
                if let Some(Input::Batch(Batch::Spans(batch))) = outlet.recv(Duration::from_millis(5)) {
                    num_spans.fetch_add(batch.spans.len() as u64, Ordering::SeqCst);
                }
            }
        }
    });
    let watcher = std::thread::spawn({
        let (is_over, peak) = (Arc::clone(&is_over), Arc::clone(&peak));
        move || {
            while !is_over.load(Ordering::SeqCst) {
                peak.fetch_max(resident_bytes(), Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    });
    let plain = trace_request(0, NUM_SPANS);
    assert!((60 << 20..64 << 20).contains(&plain.len()), "{}", plain.len());
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 1).expect("compressed");
    let (cut, latin) = (json_request(NUM_JSON_SPANS, b"", ""), json_request(NUM_JSON_SPANS, b"caf\xe9", ""));
    // A span, its resource and its scope each as long as they are read, each letter an escape.
    let escapes = r"\u0041".repeat((2 << 20) / 6 - 32);
    let long = json_request(NUM_LONG_SPANS, escapes.repeat(2).as_bytes(), &escapes);
    for body in [&cut, &long] {
        assert!((60 << 20..64 << 20).contains(&body.len()), "{}", body.len());
    }
    let bodies = [
        ("x-protobuf", "gzip", NUM_SPANS, gzip(&plain)),
        ("x-protobuf", "zstd", NUM_SPANS, zstd(&plain)),
        ("json", "gzip", NUM_JSON_SPANS, gzip(&cut)),
        ("json", "zstd", NUM_JSON_SPANS, zstd(&latin)),
        ("json", "identity", NUM_JSON_SPANS, cut),
        ("json", "identity", NUM_LONG_SPANS, long),
    ];
    drop((plain, latin));
    let mut expected = 0;
    for round in 1..=3 {
        for (content, encoding, num, body) in &bodies {
            let before = resident_bytes();
            peak.store(0, Ordering::SeqCst);
            let answer = post(to, (content, encoding), body);
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            let grown = peak.load(Ordering::SeqCst).saturating_sub(before);
            println!("{content}, {encoding}, round {round}: {} MiB more, its body of {} MiB included", grown >> 20, body.len() >> 20);
            assert!(grown <= MOST_BYTES, "{content}, {encoding}, round {round}: {} MiB more", grown >> 20);
            expected += num;
            let deadline = std::time::Instant::now() + Duration::from_secs(30);
            while num_spans.load(Ordering::SeqCst) < expected {
                assert!(std::time::Instant::now() < deadline, "{} of {expected} spans", num_spans.load(Ordering::SeqCst));
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
    // One item that is as long as the request, each letter an escape.
    let body = {
        let escapes = r"\u0041".repeat(10 << 20);
        let parts = [r#"{"resourceSpans":[{"resource":{},"scopeSpans":[{"scope":{},"spans":[{"traceId":"01","name":""#, &escapes, r#""}]}]}]}"#];
        parts.concat().into_bytes()
    };
    let before = resident_bytes();
    peak.store(0, Ordering::SeqCst);
    let answer = post(to, ("json", "identity"), &body);
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("longer than 4 MiB"), "{answer}");
    let grown = peak.load(Ordering::SeqCst).saturating_sub(before);
    assert!(grown <= MOST_BYTES, "one long item: {} MiB more", grown >> 20);
    is_over.store(true, Ordering::SeqCst);
    engine.join().expect("no panic");
    watcher.join().expect("no panic");
    runtime.block_on(receiver.stop());
}
