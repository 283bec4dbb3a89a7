//! What each room must not know, checked against manifests and sources. The table stands in app/ARCHITECTURE.md.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// Names of a package's dependencies, without those for its tests.
fn dependencies(package: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(package).join("Cargo.toml")).expect("a manifest");
    let manifest: toml::Table = text.parse().expect("valid");
    manifest.get("dependencies").and_then(|table| table.as_table()).map(|table| table.keys().cloned().collect()).unwrap_or_default()
}

/// Whether a file holds unit tests alone.
fn is_tests(path: &Path) -> bool {
    path.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| stem == "tests" || stem.ends_with("_tests"))
}

/// Every source file below a folder, with its text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.clone(), std::fs::read_to_string(&path).expect("text")));
            }
        }
    }
    found
}

/// The same without files of unit tests.
fn product(folder: &str) -> impl Iterator<Item = (PathBuf, String)> {
    sources(folder).into_iter().filter(|(path, _)| !is_tests(path))
}

/// The code of a file: without comments, and without its unit tests at the end.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    text.lines().map(|line| line.split("//").next().unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

const ASYNC_AND_NETWORK: &[&str] = &["tokio", "futures", "reqwest", "hyper", "axum", "tonic", "rdkafka", "krafka", "h2", "async-std", "smol"];
/// What opens a connection; addresses as plain values may be anywhere.
const CONNECTIONS: &[&str] = &["TcpStream", "TcpListener", "UdpSocket", "UnixStream", "ToSocketAddrs"];
const DRAWING: &[&str] = &["egui", "eframe", "egui-wgpu", "wgpu", "winit"];

fn assert_none(package: &str, banned: &[&str]) {
    let found: Vec<String> = dependencies(package).into_iter().filter(|name| banned.contains(&name.as_str())).collect();
    assert!(found.is_empty(), "{package} must not depend on {found:?}");
}

fn assert_sources_without(folder: &str, banned: &[&str]) {
    for (path, text) in product(folder) {
        for word in banned {
            assert!(!code(&text).contains(word), "{} must not use {word}", path.display());
        }
    }
}

#[test]
fn the_model_knows_no_io_no_async_no_drawing_and_no_client() {
    assert_none("collectors/model", ASYNC_AND_NETWORK);
    assert_none("collectors/model", DRAWING);
    assert_sources_without("collectors/model/src", CONNECTIONS);
    assert_sources_without("collectors/model/src", &["std::fs", "std::process", "async fn"]);
}

#[test]
fn collectors_know_neither_engine_nor_window_nor_one_another() {
    let packages = ["otlp", "kafka", "http", "grpc"];
    for package in packages {
        let folder = format!("collectors/{package}");
        assert_none(&folder, DRAWING);
        let found: Vec<String> = dependencies(&folder).into_iter().filter(|name| name.starts_with("switchboard-") && name != "switchboard-model").collect();
        assert!(found.is_empty(), "{folder} must know the model only, not {found:?}");
    }
}

#[test]
fn the_engine_knows_no_network_no_disk_no_async_no_drawing_and_no_client() {
    assert_none("app/engine", ASYNC_AND_NETWORK);
    assert_none("app/engine", DRAWING);
    assert_none("app/engine", &["rusqlite", "switchboard-otlp", "switchboard-kafka", "switchboard-http", "switchboard-grpc", "switchboard-lab"]);
    assert_sources_without("app/engine/src", CONNECTIONS);
    assert_sources_without("app/engine/src", &["std::fs", "std::process", "async fn", "SystemTime::now"]);
}

#[test]
fn the_lab_is_seen_only_through_its_traffic() {
    let found: Vec<String> = dependencies("app/lab").into_iter().filter(|name| name.starts_with("switchboard")).collect();
    assert!(found.is_empty(), "the lab must not know {found:?}");
}

/// Whether code names what opens, reads, writes or looks for files.
fn touches_files(code: &str) -> bool {
    ["std::fs", "fs::", "File::", "OpenOptions", ".exists()", ".is_file()", ".is_dir()", ".read_dir()", ".canonicalize()", ".metadata()"]
        .iter()
        .any(|word| code.contains(word))
}

#[test]
fn files_are_seen_however_they_are_touched() {
    for touched in ["std::fs::read(path)", "use std::{fs, io};\nfs::write(path, text)", "if path.exists() {", "let file = File::open(path)?;"] {
        assert!(touches_files(touched), "{touched}");
    }
    assert!(!touches_files("let offsets = profile.path();"));
}

#[test]
fn the_window_knows_no_network_no_disk_and_waits_for_nothing() {
    assert_sources_without("app/window/src", CONNECTIONS);
    let banned =
        ["std::process", "tokio::", "reqwest::", "tonic::", "rdkafka::", "switchboard_otlp", "switchboard_kafka", "switchboard_http", "switchboard_grpc"];
    assert_sources_without("app/window/src", &banned);
    assert_sources_without("app/window/src", &["crate::session", "crate::live", "Store::"]);
    for (path, text) in product("app/window/src") {
        // A picture without a window waits for the graphics adapter, on no thread that draws.
        assert!(path.ends_with("screenshot.rs") || !code(&text).contains("block_on"), "{} must wait for nothing", path.display());
    }
    // Files are others' affair, but for the desktop's own settings, which say whether to keep still.
    let reads_files: Vec<PathBuf> = product("app/window/src").filter(|(_, text)| touches_files(&code(text))).map(|(path, _)| path).collect();
    assert_eq!(reads_files, [root().join("app/window/src/desktop_motion.rs")]);
}

/// What a collector is started with, and what that is made of.
const CONFIG: &[&str] = &["Config", "Auth", "TokenSource", "DEFAULT_IN_FLIGHT_BYTES", "SMALL_IN_FLIGHT_BYTES"];

#[test]
fn only_the_session_meets_collectors_and_it_draws_nothing() {
    for (path, text) in ["app/src", "app/desk/src", "app/window/src", "app/engine/src", "app/lab/src"].into_iter().flat_map(product) {
        let code = code(&text);
        let is_session = path.ends_with("app/desk/src/session.rs") || path.to_string_lossy().contains("app/desk/src/session/");
        for family in ["otlp", "kafka", "http", "grpc"] {
            let word = format!("switchboard_{family}");
            let mut named = code.split(&word).skip(1).map(|rest| rest.trim_start_matches(':').split(|c: char| !c.is_alphanumeric() && c != '_').next());
            if path.ends_with(format!("app/desk/src/sources/{family}.rs")) {
                // A family's settings say what its own collector is started with.
                assert!(named.all(|name| name.is_some_and(|name| CONFIG.contains(&name))), "{} must start nothing", path.display());
            } else {
                assert!(is_session || named.next().is_none(), "{} must leave {word} to the session", path.display());
            }
        }
        assert!(!is_session || !(code.contains("egui") || code.contains("eframe")), "the session must not draw");
    }
}

#[test]
fn only_the_sender_makes_a_producer_and_only_the_session_a_permit() {
    let producers = ["BaseProducer", "FutureProducer", "ThreadedProducer", "rd_kafka_produceva", "rd_kafka_produce"];
    // What defines its settings, what makes it, what hands it records; and the test door for records that no real producer sends.
    let allowed = ["client.rs", "sender.rs", "native.rs", "testing/mod.rs"].map(|file| root().join("collectors/kafka/src").join(file));
    for folder in [
        "app/src",
        "app/desk/src",
        "app/window/src",
        "app/engine/src",
        "collectors/model/src",
        "collectors/otlp/src",
        "collectors/kafka/src",
        "collectors/http/src",
        "collectors/grpc/src",
    ] {
        for (path, text) in product(folder) {
            let code = code(&text);
            assert!(allowed.contains(&path) || !producers.iter().any(|word| code.contains(word)), "{} must not make a producer", path.display());
            let may_permit = path.ends_with("app/desk/src/session.rs") || path.starts_with(root().join("app/desk/src/session"));
            assert!(may_permit || !code.contains("WritePermit::from_profile"), "{} must leave permits to the session", path.display());
        }
    }
    let sender = std::fs::read_to_string(root().join("collectors/kafka/src/sender.rs")).expect("the sender");
    assert!(sender.contains("pub async fn connect(config: &Config, permit: WritePermit"), "a sender is made from a permit");
    // Nobody else asks for a client that sends.
    for (path, text) in product("collectors/kafka/src") {
        assert!(path.ends_with("sender.rs") || path.ends_with("client.rs") || !code(&text).contains("Role::Send"), "{}", path.display());
    }
}

#[test]
fn unsafe_code_stands_in_one_file() {
    let mut found = Vec::new();
    for folder in ["app", "collectors", "tests"] {
        for (path, text) in sources(folder) {
            let code = code(&text);
            if code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe") || code.contains("unsafe_code") {
                found.push(path.strip_prefix(root()).expect("inside").display().to_string());
            }
        }
    }
    found.retain(|path| path != "tests/tests/invariants.rs");
    assert_eq!(found, ["collectors/kafka/src/native.rs"]);
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
    assert!(manifest.contains("unsafe_code = \"deny\""));
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
fn librdkafka_functions(code: &str) -> std::collections::BTreeSet<String> {
    let words = code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| word.starts_with("rd_kafka_"));
    words.filter(|word| !word.ends_with("_t") && !word.starts_with("rd_kafka_vu_s")).map(str::to_owned).collect()
}

#[test]
fn librdkafka_reads_and_sends_and_is_asked_nothing_else() {
    let native = root().join("collectors/kafka/src/native.rs");
    for folder in ["app", "collectors", "tests/src"] {
        for (path, text) in sources(folder) {
            let named = librdkafka_functions(&code(&text));
            if path == native {
                let allowed: std::collections::BTreeSet<String> = LIBRDKAFKA.iter().map(|name| (*name).to_owned()).collect();
                assert_eq!(named, allowed, "the list and the file must agree");
            } else {
                assert!(named.is_empty(), "{} must leave {named:?} to {}", path.display(), native.display());
            }
        }
    }
    // Nor by way of rdkafka. The lab's readers do join groups, as its services' would.
    for (path, text) in product("collectors/kafka/src").chain(product("app/src")).chain(product("app/desk/src")) {
        let code = code(&text);
        for word in ["fetch_group_list", "rdkafka::consumer::StreamConsumer", "committed_offsets"] {
            assert!(!code.contains(word), "{} must not use {word}", path.display());
        }
    }
    for (path, text) in product("collectors/kafka/src").chain(product("app/src")).chain(product("app/desk/src")).chain(product("app/lab/src")) {
        assert!(!names_admin(&code(&text)), "{} must make no admin call by librdkafka", path.display());
    }
}

/// Whether code names rdkafka's admin client, by its path or in a list of what is used of the crate.
fn names_admin(code: &str) -> bool {
    let code: String = code.split_whitespace().collect();
    let mut lists = code.split("rdkafka::{").skip(1).filter_map(|rest| rest.split(';').next());
    code.contains("rdkafka::admin") || lists.any(|list| list.split(['{', ',']).any(|name| name.starts_with("admin")))
}

#[test]
fn an_admin_client_is_seen_however_it_is_used() {
    for used in ["use rdkafka::admin::AdminClient;", "use rdkafka::{\n    admin::{AdminClient},\n    Offset,\n};", "use rdkafka::{Offset, admin};"] {
        assert!(names_admin(used), "{used}");
    }
    assert!(!names_admin("use krafka::{\n    Kafka,\n    admin::NewTopic,\n};\nuse rdkafka::{Offset, mocking::MockCluster};\nlet admin = kafka.admin();"));
}

#[test]
fn the_top_level_is_tidy() {
    let allowed = ["Cargo.toml", "Cargo.lock", "app", "collectors", "assets", "tests", "README.md", "screenshots", "LICENSE-MIT", "LICENSE-APACHE", "target"];
    for entry in std::fs::read_dir(root()).expect("a folder") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        assert!(name.starts_with('.') || allowed.contains(&name.as_str()), "{name} does not belong at the top");
    }
}
