//! The demo without a window: its report agrees with the books of its business.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use switchboard_kafka::testing::apache_kafka;
use switchboard_tests::agreement::{differences, unaccounted, untold_changes};
use switchboard_tests::program::{Program, read_json};

fn run_demo(folder: &Path, more_args: &[&str]) -> (Value, Value) {
    let file = |name: &str| folder.join(name).display().to_string();
    let (report, books) = (file("r.json"), file("b.json"));
    let mut args = vec!["demo", "--headless", "--for", "40s", "--report", &report, "--books", &books];
    args.extend(more_args);
    let mut program = Program::start(&args).expect("starts");
    let code = program.wait(Duration::from_secs(150)).expect("ends");
    assert!(code == 0 || (code == 3 && program.output().contains("No screenshot")), "exit code {code}:\n{}", program.output());
    (read_json(Path::new(&report)).expect("a report"), read_json(Path::new(&books)).expect("books"))
}

fn check(report: &Value, books: &Value) {
    assert_eq!(unaccounted(report), Vec::<String>::new());
    let found = differences(report, books);
    assert!(found.is_empty(), "report and books differ:\n{}", found.join("\n"));
    // Its states were read 40 s after the lab was there, or later: breakers had been read many times since these changes.
    let before_ns = books["started_ns"].as_i64().expect("a time") + 30_000_000_000;
    assert_eq!(untold_changes(report, books, before_ns), Vec::<String>::new());
    assert_eq!(report["schema"], 1);
    for array in ["sources", "services", "channels", "interactions", "hops", "groups", "breakers", "dead_letters"] {
        assert!(report[array].as_array().is_some_and(|rows| !rows.is_empty()), "{array} is empty");
    }
    let any = |array: &str, holds: &dyn Fn(&Value) -> bool| report[array].as_array().expect("an array").iter().any(holds);
    assert!(any("breakers", &|row| row["state"] == "open" || row["state"] == "half_open"), "no breaker is open: {}", report["breakers"]);
    assert!(any("breakers", &|row| row["callee"] == "payments"), "no breaker's callee is known: {}", report["breakers"]);
    assert!(any("groups", &|row| row["verdict"] == "growing" && row["lag"].as_u64() > Some(0)), "no group lags: {}", report["groups"]);
    assert!(any("dead_letters", &|row| row["origin"] == "orders.placed" && row["dialect"].is_string()), "{}", report["dead_letters"]);
    assert!(any("services", &|row| row["instances"] == 2), "no service has two instances: {}", report["services"]);
    assert!(any("interactions", &|row| row["retries"].as_u64() > Some(0) && row["timeouts"].as_u64() > Some(0)), "no call was tried again");
    assert!(any("sources", &|row| row["counts"]["duplicate"].as_u64() > Some(0)), "no export came twice");
}

#[test]
fn on_the_mock_cluster_the_report_agrees_with_the_books() {
    let folder = tempfile::tempdir().expect("a folder");
    let picture = folder.path().join("map.png");
    let (report, books) = run_demo(folder.path(), &["--screenshot", &picture.display().to_string()]);
    check(&report, &books);
    // The mock tells of no members: who reads what is told from the spans of those who do.
    let reads = |reader: &Value| reader["client_id"].is_string() && reader["partitions"].as_array().is_some_and(|partitions| !partitions.is_empty());
    let is_told = |row: &&Value| row["members"].is_null() && row["readers_from_spans"].as_array().is_some_and(|readers| readers.iter().any(reads));
    let num_told = report["groups"].as_array().expect("an array").iter().filter(is_told).count();
    assert!(num_told >= 3, "spans tell who reads: {}", report["groups"]);
    if picture.is_file() {
        assert!(std::fs::metadata(&picture).expect("a file").len() > 10_000, "the picture is empty");
    } else {
        println!("skipped the picture: there is no graphics adapter");
    }
}

#[test]
fn on_apache_kafka_the_report_agrees_with_the_books() {
    let Some(kafka) = apache_kafka("on_apache_kafka_the_report_agrees_with_the_books") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (report, books) = run_demo(folder.path(), &["--kafka", &kafka]);
    check(&report, &books);
    let members = report["groups"].as_array().expect("an array").iter().filter(|row| row["members"].as_u64() > Some(0)).count();
    assert!(members >= 3, "a broker that lists groups tells their members: {}", report["groups"]);
}
