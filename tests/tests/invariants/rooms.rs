//! On which packages and crates each package may depend.

use std::collections::BTreeSet;

use crate::house::{none, package_in, packages, read, root};

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
