//! The one file of unsafe code, and what it asks of librdkafka.

use std::collections::BTreeSet;

use crate::checks::meets_groups;
use crate::house::{files, from_root, none, packages, read, root, these, where_it_is};
use crate::source::tokens;

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
