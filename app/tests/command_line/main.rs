//! The program as it is called: what it says of itself, and of mistakes; and what it sends without a window, where there is leave and where not.

mod without_leave;

use std::path::Path;
use std::process::{Command, Output};

use switchboard_kafka::testing::MockKafka;
use switchboard_kafka::testing::sending::read_all;

/// Runs it without a display, in a home of its own.
fn switchboard(args: &[&str]) -> Output {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.args(args).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    for name in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
        command.env(name, home.path());
    }
    command.output().expect("starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What it told to a script.
fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {} {}", text(&output.stdout), text(&output.stderr)))
}

#[test]
fn help_names_every_subcommand_and_option() {
    let help = text(&switchboard(&["--help"]).stdout);
    for word in ["demo", "watch", "lab", "--profile", "--headless", "--for", "--report", "--screenshot", "--memory"] {
        assert!(help.contains(word), "{word} is missing:\n{help}");
    }
}

#[test]
fn a_profile_that_is_not_there_is_told_with_the_next_step() {
    let output = switchboard(&["watch", "--headless", "--profile", "no-such-profile.toml"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("no-such-profile.toml") && said.contains("Check the path"), "{said}");
}

#[test]
fn values_out_of_range_are_refused_with_an_example() {
    for (args, told) in [(["--for", "soon"], "write 40s"), (["--memory", "1MiB"], "write 512MiB"), (["--size", "1x1"], "write 1600x1000")] {
        let output = switchboard(&["watch", args[0], args[1]]);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(told), "{}", text(&output.stderr));
    }
}

/// A profile with a cluster called shop that may be written to, and a ledger of its own.
fn profile(folder: &Path, brokers: &str) -> String {
    let path = folder.join("shop.toml");
    let ledger = folder.join("ledger.sqlite");
    let text = format!(
        "name = \"shop\"\nledger = {:?}\n[[kafka]]\nname = \"shop\"\nbrokers = \"{brokers}\"\nwrite = true\npoll_s = 0.2\n",
        ledger.display().to_string()
    );
    std::fs::write(&path, text).expect("written");
    path.display().to_string()
}

#[test]
fn records_of_a_file_are_sent_without_a_window_and_a_second_time_none_is() {
    let cluster = MockKafka::new(1).expect("a cluster");
    cluster.cluster().create_topic("orders", 1, 1).expect("a topic");
    let folder = tempfile::tempdir().expect("a folder");
    let profile = profile(folder.path(), &cluster.brokers());
    let file = folder.path().join("orders.jsonl");
    let line = |value: &str| format!("{{\"topic\":\"orders\",\"key\":{{\"text\":\"k\"}},\"value\":{{\"text\":\"{value}\"}}}}\n");
    std::fs::write(&file, line("a") + &line("b")).expect("written");
    let file = file.display().to_string();
    let args = ["replay", "--file", &file, "--to", "shop", "--profile", &profile, "--unseen"];
    let dry = switchboard(&[&args[..], &["--dry-run"]].concat());
    let told = json(&dry);
    assert_eq!((dry.status.code(), &told["num_records"], told["outcomes"].is_null()), (Some(0), &2.into(), true), "{told}");
    assert!(told["file"].as_str().is_some_and(|path| path.ends_with("orders.jsonl")), "{told}");
    let sent = switchboard(&args);
    let told = json(&sent);
    assert_eq!((sent.status.code(), &told["outcomes"]["persisted"]), (Some(0), &2.into()), "{told}");
    let values = |num| read_all(&cluster.brokers(), "orders", num).into_iter().filter_map(|record| record.value).collect::<Vec<_>>();
    assert_eq!(values(2), [b"a".to_vec(), b"b".to_vec()]);
    let again = switchboard(&args);
    let told = json(&again);
    assert_eq!((again.status.code(), &told["num_records"], &told["skipped"][1]["reason"]), (Some(1), &0.into(), &"sent before".into()), "{told}");
    assert_eq!(values(2).len(), 2);
}

#[test]
fn a_file_needs_a_cluster_of_the_profile_to_go_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let profile = profile(folder.path(), "127.0.0.1:9");
    let output = switchboard(&["replay", "--file", "orders.jsonl", "--profile", &profile]);
    assert!(output.status.code() == Some(2) && text(&output.stderr).contains("--to"), "{}", text(&output.stderr));
    let output = switchboard(&["replay", "--file", "orders.jsonl", "--to", "nowhere", "--profile", &profile]);
    assert!(output.status.code() == Some(1) && text(&output.stderr).contains("no source of the profile is called nowhere"), "{}", text(&output.stderr));
}
