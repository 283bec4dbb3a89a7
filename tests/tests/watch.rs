//! `switchboard watch` without a profile: whatever an SDK sends to the OTLP ports is reported. And a flood of it.

use std::path::Path;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use switchboard_tests::agreement::unaccounted;
use switchboard_tests::program::{Program, free_ports, read_json};

/// Beyond what the flood itself takes.
const WITHIN: Duration = Duration::from_mins(2);
/// That many of the flood's spans are more than 64 MiB hold: their values alone are.
const ENOUGH: u64 = 300_000;

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) }), ..KeyValue::default() }
}

/// That many spans, each in a trace of its own and with values that no other span has.
fn request(first: u64, num_spans: u64) -> Vec<u8> {
    let now_ns = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_nanos() as u64;
    let spans = (first..first + num_spans)
        .map(|number| Span {
            trace_id: (u128::from(number) << 64 | 0xfeed).to_be_bytes().to_vec(),
            span_id: (number + 1).to_be_bytes().to_vec(),
            name: "GET /orders/{id}".to_owned(),
            kind: 2,
            start_time_unix_nano: now_ns,
            end_time_unix_nano: now_ns + 5_000_000,
            attributes: (0..10).map(|at| attribute(&format!("key.{at}"), &format!("value-{at}-{}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))).collect(),
            ..Span::default()
        })
        .collect();
    let resource = Resource { attributes: vec![attribute("service.name", "flood")], ..Resource::default() };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }],
    }
    .encode_to_vec()
}

fn peak_rss_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

#[test]
fn a_flood_of_unique_values_stays_within_its_memory_and_is_accounted_for() {
    let flood_s = std::env::var("SWITCHBOARD_FLOOD_S").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("r.json").display().to_string();
    let (grpc_port, http_port) = free_ports().expect("free ports");
    let (grpc, http) = (grpc_port.to_string(), http_port.to_string());
    let args = ["watch", "--headless", "--memory", "64MiB", "--otlp-grpc-port", &grpc, "--otlp-http-port", &http, "--report", &report];
    let mut program = Program::start(&args).expect("starts");
    program.wait_for_line("OTLP · live", Duration::from_mins(1)).expect("listens");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _already = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    let (mut sent, mut refused) = (0, 0);
    let begun = Instant::now();
    // A slow machine floods for longer: until there was more than fits.
    while begun.elapsed() < Duration::from_secs(flood_s) || (sent < ENOUGH && begun.elapsed() < Duration::from_secs(flood_s) + WITHIN) {
        let body = request(sent + refused, 1000);
        let send = client.post(format!("http://127.0.0.1:{http_port}/v1/traces")).header("content-type", "application/x-protobuf").body(body).send();
        let answer = runtime.block_on(send).expect("answers");
        match answer.status().as_u16() {
            200 => sent += 1000,
            503 => refused += 1000,
            other => panic!("status {other}"),
        }
    }
    let peak_bytes = peak_rss_bytes(program.pid());
    program.signal("TERM").expect("told to end");
    assert_eq!(program.wait(WITHIN).expect("ends"), 0, "{}", program.output());
    let report = read_json(Path::new(&report)).expect("a report");
    assert_eq!(unaccounted(&report), Vec::<String>::new());
    let spans = &report["sources"][0]["by_kind"]["span"];
    assert_eq!(spans["received"].as_u64(), Some(sent + refused), "{spans}");
    assert_eq!(spans["refused"].as_u64(), Some(refused), "{spans}");
    assert!(spans["evicted"].as_u64() > Some(0), "the flood was too small to evict: {spans}");
    println!("{sent} spans stored or evicted, {refused} refused, peak RSS {:?} MiB", peak_bytes.map(|bytes| bytes >> 20));
    if let Some(peak_bytes) = peak_bytes {
        assert!(peak_bytes <= 214 << 20, "peak RSS {} MiB", peak_bytes >> 20);
    }
}
