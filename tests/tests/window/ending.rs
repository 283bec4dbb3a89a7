//! A window is told to end, and writes its report first; a lab that was killed is started again.

use serde_json::{Value, json};
use switchboard_model::now_ns;
use switchboard_tests::program;

use crate::window::{TRACE, Window, is_driven};
use switchboard_tests::display::{DEADLINE, until};

#[test]
fn told_to_end_while_a_window_is_open_it_writes_its_report_first() {
    if !is_driven() {
        return;
    }
    for how in ["TERM", "HUP"] {
        let folder = tempfile::tempdir().expect("a folder");
        let report = folder.path().join("report.json");
        let (grpc_port, http_port) = program::free_ports().expect("free ports");
        let (report_arg, grpc, http) = (report.display().to_string(), grpc_port.to_string(), http_port.to_string());
        let mut window = Window::start(folder, http_port, &["watch", "--report", &report_arg, "--otlp-grpc-port", &grpc, "--otlp-http-port", &http]);
        let start = now_ns();
        window.send(&json!([{
            "traceId": TRACE, "spanId": "00f067aa0ba902b7", "name": "POST /checkout", "kind": 2,
            "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + 42_000_000).to_string(),
        }]));

        program::signal(window.program.pid(), how).expect("told");
        assert_eq!(window.program.wait(DEADLINE).expect("ends"), 0, "{how}: {}", window.log());
        let written = program::read_json(&report).expect("a report");
        assert_eq!(written["schema"], 1, "{how}");
        assert_eq!(switchboard_tests::agreement::unaccounted(&written), Vec::<String>::new(), "{how}");
        assert!(written.to_string().contains("注文"), "{how}: what came before it was told to end is in it");
        let parts = std::fs::read_dir(window.folder.path()).expect("a folder").flatten();
        assert_eq!(parts.filter(|entry| entry.path().extension().is_some_and(|end| end == "part")).count(), 0, "{how}: nothing half written stays");
    }
}

#[test]
fn a_lab_that_was_killed_is_started_again_from_the_window() {
    if !is_driven() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report.json");
    let report_arg = report.display().to_string();
    let mut window = Window::start(folder, 0, &["demo", "--no-script", "--rate", "5", "--report", &report_arg]);
    // Rows that the pointer rests on stay as they are.
    window.display.xdotool(&["mousemove", "0", "0"]);
    // Waits until the window shows a trace that began later: then a lab is at work.
    let trace_since = |since_ns: i64| {
        window.run("Show traces");
        let newest = || {
            // Without a row that is selected nothing can be copied.
            let is_selected = || window.eyes.look().iter().any(|thing| thing.role == "list item" && thing.is("checked"));
            window.press_until("a row is selected", &["Home"], is_selected);
            window.run("Copy as JSON");
        };
        let begins = |text: &str| serde_json::from_str::<Value>(text).ok().and_then(|trace| trace["start_ns"].as_i64());
        window.copied(newest, |text| begins(text).is_some_and(|start_ns| start_ns > since_ns));
    };
    trace_since(0);
    let killed = window.lab().expect("the lab");
    program::signal(killed, "KILL").expect("killed");
    until("the end of the lab is told", || window.log().contains("The demo's lab has ended by itself (signal: 9 (SIGKILL))").then_some(()));
    let ended_ns = now_ns();

    // The command can be chosen only once the window itself knows of that end.
    window.run("Start the demo's lab again");
    let again = until("another lab runs", || window.lab());
    assert_ne!(again, killed);
    // It was told to go, and a session that began with it watches it.
    until("a session begins anew", || (window.log().matches("The session begins").count() == 2).then_some(()));
    trace_since(ended_ns);
    assert_eq!(window.lab(), Some(again), "one is enough");

    program::signal(window.program.pid(), "TERM").expect("told to end");
    assert_eq!(window.program.wait(DEADLINE).expect("ends"), 0, "{}", window.log());
    let report = program::read_json(&report).expect("a report");
    assert_eq!(switchboard_tests::agreement::unaccounted(&report), Vec::<String>::new());
    for array in ["services", "channels", "interactions", "groups"] {
        assert!(report[array].as_array().is_some_and(|rows| !rows.is_empty()), "{array} is empty: {}", window.log());
    }
}
