//! Senders in other languages, with OpenTelemetry's own SDKs, against the whole program: what they say they sent is what the
//! report tells.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use switchboard_tests::agreement::unaccounted;
use switchboard_tests::program::{Program, free_ports, read_json};

/// Runs a script of `tests/peers`, which keeps its own time limits, and gives what it prints.
fn peer(script: &str, args: &[&str]) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(script);
    let output = Command::new(&path).args(args).output().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(output.status.success(), "{script} {args:?} ended with {}:\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn rows<'a>(report: &'a Value, array: &str) -> &'a [Value] {
    report[array].as_array().unwrap_or_else(|| panic!("{array} is no array"))
}

/// The one row of an array with these fields.
#[track_caller]
fn the_row<'a>(report: &'a Value, array: &str, fields: &[(&str, &str)]) -> &'a Value {
    let found: Vec<&Value> = rows(report, array).iter().filter(|row| fields.iter().all(|(field, value)| row[*field] == *value)).collect();
    assert_eq!(found.len(), 1, "rows of {array} with {fields:?}; all: {:#}", report[array]);
    found[0]
}

/// Asserts an interaction's counts, and that the span of the sender's that stands for it is its evidence.
#[track_caller]
fn assert_interaction(report: &Value, sent: &Value, from: &str, to: &str, via: &str, evidence_kinds: &[&str]) {
    let row = the_row(report, "interactions", &[("from", from), ("to", to), ("via", via)]);
    assert_eq!((row["calls"].as_u64(), row["errors"].as_u64()), (Some(1), Some(0)), "{row:#}");
    let evidence = rows(&row["evidence"], "exemplars");
    let is_evidence = |span: &Value| evidence.iter().any(|exemplar| exemplar["trace_id"] == span["trace_id"] && exemplar["span_id"] == span["span_id"]);
    let is_end = |span: &&Value| [from, to].iter().any(|end| span["service"] == *end) && evidence_kinds.iter().any(|kind| span["kind"] == *kind);
    assert!(rows(sent, "spans").iter().filter(is_end).any(is_evidence), "the evidence {:#} is none of the spans sent: {:#}", row["evidence"], sent["spans"]);
}

/// How many of these the senders say they sent.
fn num_sent(sent: &[Value], what: &str) -> u64 {
    sent.iter().map(|part| part[what].as_array().map_or_else(|| part[what].as_u64(), |rows| Some(rows.len() as u64)).expect("a count")).sum()
}

#[test]
fn what_sdks_of_other_languages_send_is_what_the_report_tells() {
    if std::env::var_os("CI_PEERS").is_none() {
        println!("skipped: CI_PEERS is not set (this test fetches SDKs from PyPI and the npm registry)");
        return;
    }
    for script in ["otel_python.sh", "otel_node.sh"] {
        peer(script, &["install"]);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("r.json").display().to_string();
    let (grpc_port, http_port) = free_ports().expect("free ports");
    let (grpc, http) = (grpc_port.to_string(), http_port.to_string());
    let args = ["watch", "--headless", "--otlp-grpc-port", &grpc, "--otlp-http-port", &http, "--report", &report];
    let mut program = Program::start(&args).expect("starts");
    program.wait_for_line("OTLP · live", Duration::from_mins(1)).expect("listens");
    let (grpc, http) = (format!("127.0.0.1:{grpc_port}"), format!("127.0.0.1:{http_port}"));
    let mut sent: Vec<Value> = serde_json::from_str(&peer("otel_python.sh", &["--grpc", &grpc, "--http", &http])).expect("JSON");
    let from_node: Vec<Value> = serde_json::from_str(&peer("otel_node.sh", &["--http", &http])).expect("JSON");
    sent.extend(from_node);
    // Both have ended, and end only once all that they sent was answered. What is not stored by then is told below.
    let num_stored: u64 = ["spans", "num_logs"].iter().map(|what| num_sent(&sent, what)).sum();
    if let Err(error) = program.wait_for_line(&format!("· {num_stored} items stored"), Duration::from_secs(20)) {
        eprintln!("{error}");
    }
    program.signal("TERM").expect("told to end");
    assert_eq!(program.wait(Duration::from_secs(90)).expect("ends"), 0, "{}", program.output());
    let report = read_json(Path::new(&report)).expect("a report");

    assert_eq!(unaccounted(&report), Vec::<String>::new());
    let by_kind = &report["sources"][0]["by_kind"];
    for (kind, count, expected) in [
        ("span", "stored", num_sent(&sent, "spans")),
        ("log", "stored", num_sent(&sent, "num_logs")),
        ("metric_point", "folded", num_sent(&sent, "num_metric_points")),
    ] {
        assert_eq!(by_kind[kind][count].as_u64(), Some(expected), "{kind}s: {by_kind:#}");
    }
    assert_eq!((rows(&report, "refused").len(), report["sources"][0]["undecodable_requests"].as_u64()), (0, Some(0)));

    for part in &sent {
        let transport = part["transport"].as_str().expect("a name");
        let service = |name: &str| format!("{transport}-{name}");
        for name in ["shop", "stock"] {
            let row = the_row(&report, "services", &[("name", &service(name)), ("namespace", "peers")]);
            assert_eq!((row["calls"].as_u64(), row["errors"].as_u64(), row["instances"].as_u64()), (Some(1), Some(0), Some(1)), "{row:#}");
        }
        let via = if part["topic"].is_null() { "http" } else { "grpc" };
        assert_interaction(&report, part, &service("shop"), &service("stock"), via, &["CLIENT", "SERVER"]);
        if let Some(topic) = part["topic"].as_str() {
            assert_interaction(&report, part, &service("shop"), &service("billing"), topic, &["PRODUCER", "CONSUMER"]);
            the_row(&report, "channels", &[("name", topic)]);
            let failed: Vec<&Value> = rows(&report, "interactions").iter().filter(|row| row["from"] == service("billing")).collect();
            assert_eq!(failed.len(), 1, "{failed:#?}");
            assert_eq!((failed[0]["calls"].as_u64(), failed[0]["errors"].as_u64()), (Some(1), Some(1)), "the exception: {:#}", failed[0]);
        }
    }
}
