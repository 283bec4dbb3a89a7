//! What code can be asked: whether it connects, opens files, waits, looks where it must not.

use std::path::Path;

use crate::source::Source;

fn names_any(source: &Source, paths: &[&str]) -> bool {
    paths.iter().any(|path| source.names(path))
}

fn has_any(source: &Source, words: &[&str]) -> bool {
    words.iter().any(|word| source.has_word(word))
}

/// Whether code opens a connection; addresses as plain values may be anywhere.
pub fn connects(source: &Source) -> bool {
    has_any(source, &["TcpListener", "TcpStream", "ToSocketAddrs", "UdpSocket", "UnixDatagram", "UnixListener", "UnixStream"])
}

/// Whether code opens, reads, writes or looks for files.
pub fn touches_files(source: &Source) -> bool {
    let methods = ["canonicalize", "exists", "is_dir", "is_file", "is_symlink", "metadata", "read_dir", "read_link", "symlink_metadata", "try_exists"];
    // Pictures are files, too.
    let saves = names_any(source, &["image::open", "image::save_buffer"]) || source.calls("save_with_format");
    source.names("std::fs") || saves || methods.iter().any(|method| source.calls(method) || names_last(source, &format!("Path::{method}")))
}

pub fn starts_processes(source: &Source) -> bool {
    source.names("std::process")
}

pub fn is_async(source: &Source) -> bool {
    has_any(source, &["async", "await"])
}

pub fn reads_a_clock(source: &Source) -> bool {
    names_any(source, &["std::time::Instant", "std::time::SystemTime"])
}

/// Whether code waits for another thread, for a future or for time to pass.
pub fn waits(source: &Source) -> bool {
    let methods = ["recv", "recv_deadline", "recv_timeout", "wait", "wait_for", "wait_timeout", "wait_until", "wait_while"];
    source.has_word("block_on")
        || names_any(source, &["std::thread::sleep", "std::thread::park"])
        || source.has_sequence(&[".", "join", "(", ")"])
        || methods.iter().any(|method| source.calls(method))
}

/// Whether code names more of the engine than what it shows.
pub fn looks_into_the_engine(source: &Source) -> bool {
    let is_inside =
        |path: &String| path.starts_with("switchboard_engine::") && path != "switchboard_engine::view" && !path.starts_with("switchboard_engine::view::");
    source.paths().iter().any(is_inside)
}

/// Whether code names what collects, or what writes down what was sent.
pub fn runs_the_desk(source: &Source) -> bool {
    names_any(source, &["switchboard_desk::session", "switchboard_desk::ledger::Ledger"])
}

/// Whether code makes what sends records, or hands records to it.
pub fn produces(source: &Source) -> bool {
    let words = ["BaseProducer", "FutureProducer", "RD_KAFKA_PRODUCER", "ThreadedProducer", "rd_kafka_produce", "rd_kafka_produceva"];
    has_any(source, &words) || names_any(source, &["rdkafka::producer", "krafka::producer"])
}

/// Whether code names what a path ends with.
pub fn names_last(source: &Source, last: &str) -> bool {
    source.paths().iter().any(|path| path == last || path.ends_with(&format!("::{last}")))
}

/// Whether code asks librdkafka about groups, or joins one.
pub fn meets_groups(source: &Source) -> bool {
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
            |source| names_last(source, "SendPermit::from_rules"),
            &["SendPermit::from_rules(&rules)", "use m::SendPermit as P;\nfn f() { P::from_rules() }"],
            &["Style::from_rules()"],
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
