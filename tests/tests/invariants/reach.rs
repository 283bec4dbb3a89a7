//! Which files open connections and files, read clocks, wait, start collectors, make producers and permits: those that are named here, and no others.

use std::collections::BTreeSet;
use std::path::Path;

use crate::checks::{connects, is_async, looks_into_the_engine, names_last, produces, reads_a_clock, runs_the_desk, starts_processes, touches_files, waits};
use crate::families;
use crate::house::{Package, none, packages, read, root, these, where_in, where_it_is};
use crate::source::Source;

#[test]
fn model_and_engine_know_no_network_no_disk_no_process_and_no_async() {
    for room in ["collectors/model", "app/engine"] {
        assert_eq!(where_in(room, |source| connects(source) || touches_files(source) || starts_processes(source) || is_async(source)), none(), "{room}");
    }
    // Time enters the engine as data; its thread measures how long it works.
    assert_eq!(where_in("app/engine", reads_a_clock), these(["app/engine/src/thread.rs"]));
}

#[test]
fn the_window_knows_no_network_no_disk_and_no_store_and_waits_for_nothing() {
    let window = "app/window";
    assert_eq!(where_in(window, |source| connects(source) || starts_processes(source) || is_async(source)), none());
    assert_eq!(where_in(window, |source| looks_into_the_engine(source) || runs_the_desk(source)), none());
    // Files are others' affair, but for the desktop's own settings, which say whether to keep still, and a picture without a window.
    assert_eq!(where_in(window, touches_files), these(["app/window/src/shell/desktop_motion.rs", "app/window/src/shell/screenshot.rs"]));
    // A picture without a window waits for the graphics adapter, on no thread that draws; and a test's reader for its answers.
    assert_eq!(where_in(window, waits), these(["app/window/src/shell/screenshot.rs", "app/window/src/testing/reader.rs"]));
}

#[test]
fn only_what_a_user_starts_asks_where_the_user_keeps_things() {
    assert_eq!(where_in("app", |source| source.names("directories")), these(["app/src/folders.rs"]));
    assert_eq!(where_in("app", |source| names_last(source, "folders::data")), these(["app/src/main.rs", "app/src/replay.rs", "app/src/send.rs"]));
}

#[test]
fn what_is_made_for_tests_is_named_by_no_product_source() {
    // It is compiled with the rest, so that program and tests share one build, and the linker leaves it out.
    let for_tests = |file: &str| file.contains("/testing/") || file.ends_with("/testing.rs") || file.ends_with("/fuzzing.rs");
    let names_it = |source: &Source| source.paths().iter().any(|path| path.split("::").any(|part| part == "testing" || part == "fuzzing"));
    let packages = packages();
    let product = || packages.iter().filter(|package| !package.folder.starts_with("tests"));
    let found: Vec<String> = where_it_is(product(), names_it).into_iter().filter(|file| !for_tests(file)).collect();
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn the_lab_is_seen_only_through_its_traffic() {
    let packages = packages();
    let of_house: Vec<String> = packages.iter().map(Package::crate_name).filter(|name| name != "switchboard_lab").collect();
    assert_eq!(where_in("app/lab", |source| of_house.iter().any(|name| source.names(name))), none());
}

/// What a collector is started with, and what that is made of.
const CONFIG: &[&str] = &["Auth", "Config", "DEFAULT_IN_FLIGHT_BYTES", "SMALL_IN_FLIGHT_BYTES", "TokenSource"];

/// Whether code names more of a collector than what it is started with.
fn names_more_than_config(source: &Source, collector: &str) -> bool {
    source.paths().iter().any(|path| {
        let mut parts = path.split("::");
        parts.next() == Some(collector) && parts.next().is_some_and(|name| !CONFIG.contains(&name))
    })
}

#[test]
fn only_the_session_meets_collectors() {
    let packages = packages();
    let others = || packages.iter().filter(|package| package.folder.starts_with("app"));
    for collector in packages.iter().filter(|package| package.is_collector()) {
        let name = collector.crate_name();
        let (session, elsewhere): (Vec<String>, Vec<String>) =
            where_it_is(others(), |source| source.names(&name)).into_iter().partition(|file| is_session(file));
        assert!(!session.is_empty(), "the session has moved");
        // The family's settings say what its collector is started with.
        assert_eq!(elsewhere, [families::home(collector.family())], "all others must leave {name} to the session");
        let more = where_it_is(others(), |source| names_more_than_config(source, &name));
        assert!(more.iter().all(|file| is_session(file)), "{more:?} must leave {name} to the session, but for its settings");
    }
}

#[test]
fn more_than_settings_is_seen() {
    let more = |text: &str| names_more_than_config(&Source::new(Path::new("src/lib.rs"), text), "switchboard_kafka");
    assert!(more("use switchboard_kafka::{Config, Sender};") && more("use switchboard_kafka as k;\nfn f() { k::KafkaCollector::start() }"));
    assert!(!more("use switchboard_kafka::{Config, TokenSource};\nuse switchboard_model::Sink;\nfn f() { Config::new(a, b) }"));
}

fn is_session(file: &str) -> bool {
    file == "app/desk/src/session.rs" || file.starts_with("app/desk/src/session/")
}

#[test]
fn only_the_sender_makes_a_producer_and_only_the_session_a_permit() {
    let packages = packages();
    // The lab's services send, as anybody's would; so do the tests.
    let observers = || packages.iter().filter(|package| package.folder != "app/lab" && !package.folder.starts_with("tests"));
    // What makes one, what hands it records; and for tests others' producers, and the door for records that no real one sends.
    let kafka = ["client.rs", "native.rs", "testing/mod.rs", "testing/sending.rs", "testing/session.rs"].map(|file| format!("collectors/kafka/src/{file}"));
    assert_eq!(where_it_is(observers(), produces), BTreeSet::from(kafka));
    // What defines the role, and who asks for it.
    assert_eq!(
        where_it_is(observers(), |source| names_last(source, "Role::Send")),
        these(["collectors/kafka/src/client.rs", "collectors/kafka/src/sender.rs"])
    );
    let sender = read(&root().join("collectors/kafka/src/sender.rs"));
    assert!(sender.contains("pub async fn connect(config: &Config, permit: SendPermit"), "a sender is made from a permit");
    for family in ["http", "grpc"] {
        let caller = read(&root().join(format!("collectors/{family}/src/call/caller.rs")));
        assert!(caller.contains("pub fn new(permit: SendPermit"), "a caller is made from a permit");
    }
    let reflecting = read(&root().join("collectors/grpc/src/call/reflect.rs"));
    assert!(reflecting.contains("pub async fn reflect(\n    permit: &SendPermit"), "what methods take is asked with a permit");
    let permits = where_it_is(observers(), |source| names_last(source, "SendPermit::from_rules"));
    let (session, elsewhere): (Vec<String>, Vec<String>) = permits.into_iter().partition(|file| is_session(file));
    assert!(!session.is_empty(), "the session has moved");
    // For tests.
    assert_eq!(elsewhere, ["collectors/kafka/src/testing/sending.rs"]);
}
