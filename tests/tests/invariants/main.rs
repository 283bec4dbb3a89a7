//! What each room must not know, checked against manifests and sources. The table stands in app/ARCHITECTURE.md.
//!
//! Each check is a function of a source or a manifest, with a test beside it that it finds what it forbids. Packages and families of sources are found
//! by their folders, and files that may do what others may not are those that do: a list of them that is no longer true fails.

mod families;
mod house;
mod source;
mod test_places;

use std::collections::BTreeSet;
use std::path::Path;

use house::{Package, files, from_root, package_in, packages, read, root};
use source::{Source, tokens};

/// What a room may know of the house, and what it must not depend on.
struct Room {
    folder: &'static str,
    /// Packages of the house.
    knows: &'static [&'static str],
    /// Crates, each list for one reason.
    never: &'static [&'static [&'static str]],
}

const NETWORK_AND_ASYNC: &[&str] = &[
    "async-std",
    "axum",
    "futures",
    "futures-util",
    "h2",
    "http-body",
    "hyper",
    "hyper-util",
    "krafka",
    "rdkafka",
    "rdkafka-sys",
    "reqwest",
    "rustls",
    "smol",
    "socket2",
    "tokio",
    "tokio-rustls",
    "tokio-util",
    "tonic",
    "tower",
    "ureq",
];
const DRAWING: &[&str] =
    &["eframe", "egui", "egui-wgpu", "egui-winit", "egui_extras", "egui_kittest", "egui_plot", "egui_table", "egui_tiles", "epaint", "wgpu", "winit"];
/// What says where the user keeps things: asked by whoever starts the program, so that no test reads or writes what is there.
const HOMES: &[&str] = &["directories", "dirs", "dirs-sys", "etcetera", "home", "homedir", "xdg"];
const STORES: &[&str] = &["libsqlite3-sys", "redb", "rocksdb", "rusqlite", "sled", "sqlx"];

/// Every room but the collectors, which are found by their folder.
const ROOMS: &[Room] = &[
    Room { folder: "app", knows: &["switchboard-desk", "switchboard-engine", "switchboard-lab", "switchboard-model", "switchboard-window"], never: &[STORES] },
    // And collectors: it is where they meet the engine.
    Room { folder: "app/desk", knows: &["switchboard-engine", "switchboard-model"], never: &[DRAWING, HOMES] },
    Room { folder: "app/engine", knows: &["switchboard-model"], never: &[NETWORK_AND_ASYNC, DRAWING, STORES] },
    Room { folder: "app/lab", knows: &[], never: &[DRAWING, STORES] },
    Room { folder: "app/window", knows: &["switchboard-desk", "switchboard-engine", "switchboard-model"], never: &[NETWORK_AND_ASYNC, STORES, HOMES] },
    Room { folder: "collectors/model", knows: &[], never: &[NETWORK_AND_ASYNC, DRAWING, STORES] },
    // Nor anything else.
    Room { folder: "tests/measure", knows: &[], never: &[] },
];

/// They see the whole program.
const WHOLE: &[&str] = &["tests", "tests/fuzz"];

const COLLECTOR: Room = Room { folder: "collectors/*", knows: &["switchboard-model"], never: &[DRAWING, STORES] };

impl Room {
    /// Dependencies that the room must not have; `collectors` are named by all that read a family of sources.
    fn forbidden<'d>(&self, dependencies: &'d BTreeSet<String>, collectors: &BTreeSet<String>) -> Vec<&'d str> {
        let is_forbidden = |name: &str| {
            let is_of_house = name == "switchboard" || name.starts_with("switchboard-");
            let is_known = self.knows.contains(&name) || self.folder == "app/desk" && collectors.contains(name);
            is_of_house && !is_known || self.never.iter().any(|list| list.contains(&name))
        };
        dependencies.iter().map(String::as_str).filter(|name| is_forbidden(name)).collect()
    }
}

fn collectors() -> BTreeSet<String> {
    packages().iter().filter(|package| package.is_collector()).map(|package| package.name.clone()).collect()
}

#[test]
fn no_room_depends_on_what_it_must_not_know() {
    let collectors = collectors();
    assert!(collectors.contains("switchboard-kafka"), "{collectors:?}");
    for package in packages().iter().filter(|package| !WHOLE.contains(&package.folder.as_str())) {
        let room = if package.is_collector() { Some(&COLLECTOR) } else { ROOMS.iter().find(|room| room.folder == package.folder) };
        let room = room.unwrap_or_else(|| panic!("{} is a new room: say here, and in the table, what it may know", package.folder));
        let found = room.forbidden(&package.dependencies, &collectors);
        assert!(found.is_empty(), "{} must not depend on {found:?}", package.folder);
    }
    for room in ROOMS {
        package_in(room.folder);
    }
    assert_eq!(package_in("tests/measure").dependencies, none(), "the model's tests use it");
}

#[test]
fn a_dependency_that_is_forbidden_is_seen() {
    let collectors = BTreeSet::from(["switchboard-amqp".to_owned(), "switchboard-kafka".to_owned()]);
    let forbidden = |folder: &str, dependency: &str| {
        let room = ROOMS.iter().find(|room| room.folder == folder).unwrap_or(&COLLECTOR);
        !room.forbidden(&BTreeSet::from([dependency.to_owned()]), &collectors).is_empty()
    };
    for (folder, dependency) in [
        ("app/window", "tokio"),
        ("app/window", "reqwest"),
        ("app/window", "rusqlite"),
        ("app/window", "rdkafka"),
        ("app/window", "switchboard-amqp"),
        ("app/window", "switchboard"),
        ("app/desk", "directories"),
        ("app/desk", "egui"),
        ("app/desk", "eframe"),
        ("app/desk", "wgpu"),
        ("app/desk", "switchboard-window"),
        ("app", "switchboard-amqp"),
        ("app/engine", "futures"),
        ("app/engine", "rusqlite"),
        ("app/engine", "switchboard-otlp"),
        ("app/lab", "switchboard-model"),
        ("collectors/model", "krafka"),
        ("collectors/model", "switchboard-measure"),
        ("tests/measure", "switchboard-model"),
        ("collectors/amqp", "switchboard-kafka"),
        ("collectors/amqp", "switchboard-engine"),
        ("collectors/amqp", "egui"),
    ] {
        assert!(forbidden(folder, dependency), "{folder} on {dependency}");
    }
    for (folder, dependency) in
        [("app/window", "egui"), ("app/desk", "switchboard-amqp"), ("app/desk", "rusqlite"), ("collectors/amqp", "tokio"), ("app", "eframe")]
    {
        assert!(!forbidden(folder, dependency), "{folder} on {dependency}");
    }
}

/// Files of packages whose code is so, from the workspace's folder.
fn where_it_is<'p>(packages: impl IntoIterator<Item = &'p Package>, is_so: impl Fn(&Source) -> bool) -> BTreeSet<String> {
    let sources = packages.into_iter().flat_map(|package| &package.product);
    sources.filter(|source| is_so(source)).map(|source| from_root(&source.path)).collect()
}

/// The same of one package.
fn where_in(folder: &str, is_so: impl Fn(&Source) -> bool) -> BTreeSet<String> {
    where_it_is([&package_in(folder)], is_so)
}

fn names_any(source: &Source, paths: &[&str]) -> bool {
    paths.iter().any(|path| source.names(path))
}

fn has_any(source: &Source, words: &[&str]) -> bool {
    words.iter().any(|word| source.has_word(word))
}

/// Whether code opens a connection; addresses as plain values may be anywhere.
fn connects(source: &Source) -> bool {
    has_any(source, &["TcpListener", "TcpStream", "ToSocketAddrs", "UdpSocket", "UnixDatagram", "UnixListener", "UnixStream"])
}

/// Whether code opens, reads, writes or looks for files.
fn touches_files(source: &Source) -> bool {
    let methods = ["canonicalize", "exists", "is_dir", "is_file", "is_symlink", "metadata", "read_dir", "read_link", "symlink_metadata", "try_exists"];
    // Pictures are files, too.
    let saves = names_any(source, &["image::open", "image::save_buffer"]) || source.calls("save_with_format");
    source.names("std::fs") || saves || methods.iter().any(|method| source.calls(method) || names_last(source, &format!("Path::{method}")))
}

fn starts_processes(source: &Source) -> bool {
    source.names("std::process")
}

fn is_async(source: &Source) -> bool {
    has_any(source, &["async", "await"])
}

fn reads_a_clock(source: &Source) -> bool {
    names_any(source, &["std::time::Instant", "std::time::SystemTime"])
}

/// Whether code waits for another thread, for a future or for time to pass.
fn waits(source: &Source) -> bool {
    let methods = ["recv", "recv_deadline", "recv_timeout", "wait", "wait_for", "wait_timeout", "wait_until", "wait_while"];
    source.has_word("block_on")
        || names_any(source, &["std::thread::sleep", "std::thread::park"])
        || source.has_sequence(&[".", "join", "(", ")"])
        || methods.iter().any(|method| source.calls(method))
}

/// Whether code names more of the engine than what it shows.
fn looks_into_the_engine(source: &Source) -> bool {
    let is_inside =
        |path: &String| path.starts_with("switchboard_engine::") && path != "switchboard_engine::view" && !path.starts_with("switchboard_engine::view::");
    source.paths().iter().any(is_inside)
}

/// Whether code names what collects, or what writes down what was sent.
fn runs_the_desk(source: &Source) -> bool {
    names_any(source, &["switchboard_desk::session", "switchboard_desk::ledger::Ledger"])
}

/// Whether code makes what sends records, or hands records to it.
fn produces(source: &Source) -> bool {
    let words = ["BaseProducer", "FutureProducer", "RD_KAFKA_PRODUCER", "ThreadedProducer", "rd_kafka_produce", "rd_kafka_produceva"];
    has_any(source, &words) || names_any(source, &["rdkafka::producer", "krafka::producer"])
}

/// Whether code names what a path ends with.
fn names_last(source: &Source, last: &str) -> bool {
    source.paths().iter().any(|path| path == last || path.ends_with(&format!("::{last}")))
}

/// Whether code asks librdkafka about groups, or joins one.
fn meets_groups(source: &Source) -> bool {
    has_any(source, &["StreamConsumer", "committed_offsets", "fetch_group_list"])
}

/// A check with sources in which it must see something, and others that it must pass by.
type Case = (fn(&Source) -> bool, &'static [&'static str], &'static [&'static str]);

#[test]
fn what_is_forbidden_is_seen_in_a_source() {
    let source = |text: &str| Source::new(Path::new("src/lib.rs"), text);
    let cases: [Case; 12] = [
        (connects, &["use std::net::TcpStream as Line;", "std::net::UdpSocket::bind(at)"], &["use std::net::SocketAddr;", "// TcpStream", "\"TcpStream\""]),
        (
            touches_files,
            &[
                "std::fs::read(path)",
                "use std::{fs, io};",
                "if path.exists() {}",
                "use std::fs::File as Page;",
                "use std::path::Path;\nfn f() { paths.filter(Path::is_file) }",
                "std::path::Path::exists(p)",
                "picture.save_with_format(path, format)",
                "image::open(path)",
                "#[cfg(test)]\nmod tests {}\nfn f() { std::fs::read(path) }",
            ],
            &["let offsets = profile.path();", "#[cfg(test)]\nmod tests { use std::fs; }\nfn f() {}"],
        ),
        (starts_processes, &["use std::process::Command;", "use std::{process as p};"], &["let process = 1;"]),
        (is_async, &["async fn f() {}", "let f = async move {};", "f().await"], &["fn awaited() {}"]),
        (reads_a_clock, &["std::time::SystemTime::now()", "use std::time::{Duration, Instant};"], &["use std::time::Duration;"]),
        (
            waits,
            &["pollster::block_on(f)", "thread.join()", "use std::thread;\nfn f() { thread::sleep(d) }", "receiver.recv_timeout(d)"],
            &["names.join(\", \")", "receiver.try_recv()"],
        ),
        (
            looks_into_the_engine,
            &[
                "use switchboard_engine::Engine;",
                "use switchboard_engine::{view::Snapshot, store::Store};",
                "use switchboard_engine::*;",
                "use switchboard_engine as e;\nfn f() { e::store::f() }",
            ],
            &["use switchboard_engine::view::{Query, Snapshot};", "use wgpu::StoreOp::Store;"],
        ),
        (
            runs_the_desk,
            &["use switchboard_desk::session::Session;", "use switchboard_desk::ledger::{LetterKey, Ledger};", "switchboard_desk::session::f()"],
            &["use switchboard_desk::ledger::{LetterKey, LetterRecord};", "use switchboard_desk::sources_desk::SourcesBoard;"],
        ),
        (
            produces,
            &["use rdkafka::producer::*;", "RDKafkaType::RD_KAFKA_PRODUCER", "use rdkafka as r;\nfn f() { r::producer::f() }"],
            &["fn producer() {}", "use krafka::admin::NewTopic;"],
        ),
        (
            |source| source.names("rdkafka::admin"),
            &[
                "use rdkafka::admin::AdminClient;",
                "use rdkafka::{\n    admin::{AdminClient},\n    Offset,\n};",
                "use rdkafka::{Offset, admin};",
                "use rdkafka::*;",
            ],
            &["use krafka::{\n    Kafka,\n    admin::NewTopic,\n};\nuse rdkafka::{Offset, mocking::MockCluster};\nlet admin = kafka.admin();"],
        ),
        (meets_groups, &["client.fetch_group_list(None, t)", "use rdkafka::consumer::StreamConsumer as Reader;"], &["// StreamConsumer"]),
        (
            |source| names_last(source, "WritePermit::from_profile"),
            &["WritePermit::from_profile(&rules)", "use m::WritePermit as P;\nfn f() { P::from_profile() }"],
            &["Profile::from_profile()"],
        ),
    ];
    for (number, (is_so, found, passed_by)) in cases.into_iter().enumerate() {
        for text in found {
            assert!(is_so(&source(text)), "{number} must see {text}");
        }
        for text in passed_by {
            assert!(!is_so(&source(text)), "{number} must pass by {text}");
        }
    }
}

fn none() -> BTreeSet<String> {
    BTreeSet::new()
}

fn these<const N: usize>(files: [&str; N]) -> BTreeSet<String> {
    files.map(str::to_owned).into()
}

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

/// What the window's package shows of its shell.
const OF_THE_SHELL: &[&str] = &["ScreenshotError", "ScreenshotOptions", "Stroke", "Strokes", "WindowApp", "run_window", "screenshot"];

/// What a file of the window names that lies above it or beside it: nothing below the views knows a view or the shell around them, no view knows
/// the shell or another view.
fn looks_up(file: &str, source: &Source) -> Vec<String> {
    let mut module: Vec<&str> = file.trim_start_matches("app/window/src/").trim_end_matches(".rs").split('/').collect();
    if matches!(module.last(), Some(&("mod" | "lib"))) {
        module.pop();
    }
    let is_above = |path: &[&str]| match (&module[..], path) {
        ([] | ["shell" | "testing", ..], _) => false,
        (_, ["shell" | "*", ..]) => true,
        (_, [name, ..]) if OF_THE_SHELL.contains(name) => true,
        (["views", view, ..], ["views", named, ..]) => view != named,
        (["views"], _) => false,
        (_, ["views", ..]) => true,
        _ => false,
    };
    let mut found = Vec::new();
    for path in source.paths() {
        let path: Vec<&str> = path.split("::").collect();
        let num_up = path.iter().take_while(|part| **part == "super").count();
        let of_crate = match path[0] {
            "crate" => path[1..].to_vec(),
            "super" => [&module[..module.len().saturating_sub(num_up)], &path[num_up..]].concat(),
            _ => continue,
        };
        if is_above(&of_crate) {
            found.push(of_crate.join("::"));
        }
    }
    found
}

#[test]
fn in_the_window_no_view_knows_another_one_and_nothing_below_knows_any() {
    let seen = |file: &str, text: &str| looks_up(file, &Source::new(Path::new("src/lib.rs"), text)).join(" ");
    for (file, text, found) in [
        ("views/map/panel/edge.rs", "use crate::{figures, views::{groups::cells, map::scene::find}};", "views::groups::cells"),
        ("views/map/panel/edge.rs", "use super::super::super::groups::cells;", "views::groups::cells"),
        ("views/map/panel/edge.rs", "use super::super::scene::find;", ""),
        ("views/map/mod.rs", "use super::groups;", "views::groups"),
        ("views/log/view.rs", "use crate::shell::settings::Settings;", "shell::settings::Settings"),
        ("widgets/detail/ui.rs", "use crate::views::breakers::strip_ui;", "views::breakers::strip_ui"),
        ("widgets/detail/ui.rs", "use crate::{WindowApp, figures};", "WindowApp"),
        ("widgets/detail/ui.rs", "use egui::Stroke;", ""),
        ("figures.rs", "use super::views::map;", "views::map"),
        ("views.rs", "use map::MapPane; use crate::view::View;", ""),
        ("shell/app.rs", "use crate::views::{Views, map};", ""),
    ] {
        assert_eq!(seen(&format!("app/window/src/{file}"), text), found, "{file}: {text}");
    }
    let window = package_in("app/window");
    let files: Vec<(String, &Source)> = window.product.iter().map(|source| (from_root(&source.path), source)).collect();
    let of_view = |file: &String| file.strip_prefix("app/window/src/views/")?.split_once('/').map(|(view, _)| view.to_owned());
    let views: BTreeSet<String> = files.iter().filter_map(|(file, _)| of_view(file)).collect();
    assert!(views.len() >= 8 && views.contains("map"), "{views:?}");
    for (file, source) in &files {
        let found = looks_up(file, source);
        assert!(found.is_empty(), "{file} must not know {found:?}");
    }
}

#[test]
fn only_what_a_user_starts_asks_where_the_user_keeps_things() {
    assert_eq!(where_in("app", |source| source.names("directories")), these(["app/src/folders.rs"]));
    assert_eq!(where_in("app", |source| names_last(source, "folders::data")), these(["app/src/main.rs"]));
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
    assert!(sender.contains("pub async fn connect(config: &Config, permit: WritePermit"), "a sender is made from a permit");
    let permits = where_it_is(observers(), |source| names_last(source, "WritePermit::from_profile"));
    let (session, elsewhere): (Vec<String>, Vec<String>) = permits.into_iter().partition(|file| is_session(file));
    assert!(!session.is_empty(), "the session has moved");
    // For tests.
    assert_eq!(elsewhere, ["collectors/kafka/src/testing/sending.rs"]);
}

/// Whether any of a file's text is unsafe, or lets it be.
fn is_unsafe(text: &str) -> bool {
    tokens(text).iter().any(|token| ["unsafe", "unsafe_code"].contains(token))
}

#[test]
fn unsafe_code_stands_in_one_file() {
    assert!(is_unsafe("fn f() { unsafe { g() } }") && is_unsafe("#![expect(unsafe_code)]") && !is_unsafe("// unsafe\nfn f() { g(\"unsafe\") }"));
    let found: Vec<String> = files(&root(), "rs").iter().filter(|path| is_unsafe(&read(path))).map(|path| from_root(path)).collect();
    assert_eq!(found, ["collectors/kafka/src/native.rs"]);
    let manifest: toml::Table = read(&root().join("Cargo.toml")).parse().expect("valid");
    assert_eq!(manifest["workspace"]["lints"]["rust"]["unsafe_code"].as_str(), Some("deny"));
    for package in packages().iter().filter(|package| !package.is_apart) {
        let manifest: toml::Table = read(&root().join(&package.folder).join("Cargo.toml")).parse().expect("valid");
        assert_eq!(manifest["lints"]["workspace"].as_bool(), Some(true), "{} does not take the workspace's lints", package.folder);
    }
}

/// What reading and sending need of librdkafka beyond rdkafka. Nothing of it asks for groups, and nothing of it is an admin call: those
/// abort the process when a coordinator goes away while it is asked.
const LIBRDKAFKA: &[&str] = &[
    // Clients, and where they connect to.
    "rd_kafka_conf_set_events",
    "rd_kafka_conf_set_resolve_cb",
    "rd_kafka_err2str",
    "rd_kafka_error_code",
    "rd_kafka_error_destroy",
    "rd_kafka_error_string",
    "rd_kafka_last_error",
    "rd_kafka_oauthbearer_set_token",
    "rd_kafka_oauthbearer_set_token_failure",
    // Queues and events.
    "rd_kafka_event_destroy",
    "rd_kafka_event_error",
    "rd_kafka_event_error_string",
    "rd_kafka_event_log",
    "rd_kafka_event_message_next",
    "rd_kafka_event_type",
    "rd_kafka_queue_destroy",
    "rd_kafka_queue_get_main",
    "rd_kafka_queue_new",
    "rd_kafka_queue_poll",
    // Reading without a group.
    "rd_kafka_consume_batch_queue",
    "rd_kafka_consume_start_queue",
    "rd_kafka_consume_stop",
    "rd_kafka_header_get_all",
    "rd_kafka_message_destroy",
    "rd_kafka_message_headers",
    "rd_kafka_message_timestamp",
    "rd_kafka_offsets_for_times",
    "rd_kafka_topic_destroy",
    "rd_kafka_topic_name",
    "rd_kafka_topic_new",
    // Sending.
    "rd_kafka_header_add",
    "rd_kafka_headers_destroy",
    "rd_kafka_headers_new",
    "rd_kafka_message_status",
    "rd_kafka_produceva",
    "rd_kafka_purge",
    // The mock cluster's request log.
    "rd_kafka_handle_mock_cluster",
    "rd_kafka_mock_get_requests",
    "rd_kafka_mock_request_api_key",
    "rd_kafka_mock_request_destroy_array",
    "rd_kafka_mock_start_request_tracking",
];

/// The functions of librdkafka that a file names; types end in `_t`, or are bindgen's own.
fn librdkafka_functions(text: &str) -> BTreeSet<&str> {
    let functions = tokens(text).into_iter().filter(|word| word.starts_with("rd_kafka_"));
    functions.filter(|word| !word.ends_with("_t") && !word.starts_with("rd_kafka_vu_s")).collect()
}

#[test]
fn librdkafka_reads_and_sends_and_is_asked_nothing_else() {
    assert_eq!(librdkafka_functions("ffi::rd_kafka_poll(x as ffi::rd_kafka_t) // rd_kafka_new").into_iter().collect::<Vec<_>>(), ["rd_kafka_poll"]);
    let native = root().join("collectors/kafka/src/native.rs");
    for path in files(&root(), "rs") {
        let text = read(&path);
        let named = librdkafka_functions(&text);
        if path == native {
            let allowed: BTreeSet<&str> = LIBRDKAFKA.iter().copied().collect();
            assert_eq!(named, allowed, "the list and the file must agree");
        } else {
            assert!(named.is_empty(), "{} must leave {named:?} to {}", path.display(), native.display());
        }
    }
    // Nor by way of rdkafka. The lab's readers do join groups, as its services' would.
    let packages = packages();
    let program = || packages.iter().filter(|package| !package.folder.starts_with("tests"));
    assert_eq!(where_it_is(program(), |source| source.names("rdkafka::admin")), none());
    assert_eq!(where_it_is(program(), meets_groups), these(["app/lab/src/broker/reader.rs"]));
}

/// What is allowed at the top, beside what begins with a dot.
const TOP: &[&str] = &[
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "app",
    "assets",
    "collectors",
    "deny.toml",
    "fuzz",
    "screenshots",
    "target",
    "tests",
];

#[test]
fn the_top_level_is_tidy() {
    for entry in std::fs::read_dir(root()).expect("a folder") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        assert!(name.starts_with('.') || TOP.contains(&name.as_str()), "{name} does not belong at the top");
    }
}

#[test]
fn every_package_is_of_the_workspace_and_in_the_table_of_the_house() {
    let manifest: toml::Table = read(&root().join("Cargo.toml")).parse().expect("valid");
    let members: BTreeSet<&str> = manifest["workspace"]["members"].as_array().expect("a list").iter().filter_map(|member| member.as_str()).collect();
    let packages = packages();
    let found: BTreeSet<&str> = packages.iter().filter(|package| !package.is_apart).map(|package| package.folder.as_str()).collect();
    assert_eq!(members, found);
    let architecture = read(&root().join("app/ARCHITECTURE.md"));
    for package in &packages {
        let row = format!("| `{}/` | `{}` |", package.folder, package.name);
        assert!(architecture.contains(&row), "the table of the house has no row {row}");
    }
}

/// Paths from the workspace's folder that a page names in backticks; those with a `*` or a `…` are meant for many.
fn paths_named(page: &str) -> Vec<&str> {
    let is_path = |text: &&str| {
        let first = text.split('/').next().unwrap_or_default();
        text.contains('/') && (["app", "assets", "collectors", "screenshots", "tests"].contains(&first) || text.starts_with(".ci/"))
    };
    let quoted = page.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let words = quoted.filter_map(|text| text.split_whitespace().next());
    words.filter(is_path).filter(|text| !text.contains(['*', '…', '<', '$'])).collect()
}

#[test]
fn what_pages_name_is_there() {
    assert_eq!(paths_named("see `app/gone.rs` and `.ci/lane NAME`, not `a/b`, `app/*` or app/x"), ["app/gone.rs", ".ci/lane"]);
    for page in ["README.md", "CONTRIBUTING.md", "app/ARCHITECTURE.md"] {
        let text = read(&root().join(page));
        let gone: Vec<&str> = paths_named(&text).into_iter().filter(|path| !root().join(path).exists()).collect();
        assert!(gone.is_empty(), "{page} names {gone:?}, which is not there");
    }
}
