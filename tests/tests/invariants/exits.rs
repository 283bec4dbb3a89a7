//! Every way out of the program: which files speak to others, through what, and what they ask for by it. A new one anywhere is not in the table, and fails.

use std::collections::{BTreeMap, BTreeSet};

use crate::house::{from_root, packages};
use crate::source::Source;

/// A kind of client: what names it, and what can be asked of it (with `*` at its end, all that begins so).
struct Speech {
    through: &'static [&'static str],
    verbs: &'static [&'static str],
}

const SPEECHES: &[Speech] = &[
    // Sockets, and the looking up of names.
    Speech {
        through: &[
            "socket2",
            "std::net::TcpStream",
            "std::net::ToSocketAddrs",
            "std::net::UdpSocket",
            "std::os::unix::net",
            "tokio::net::TcpSocket",
            "tokio::net::TcpStream",
            "tokio::net::ToSocketAddrs",
            "tokio::net::UdpSocket",
            "tokio::net::UnixDatagram",
            "tokio::net::UnixStream",
            "tokio::net::lookup_host",
        ],
        verbs: &["bind", "connect", "connect_timeout", "lookup_host", "send_to", "to_socket_addrs"],
    },
    Speech { through: &["rustls::ClientConnection", "tokio_rustls::TlsConnector"], verbs: &["connect", "connect_with"] },
    // HTTP.
    Speech {
        through: &["h2::client", "hyper::client", "hyper_util::client"],
        verbs: &["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT", "handshake", "request", "send_request"],
    },
    Speech {
        through: &["reqwest::Client", "reqwest::ClientBuilder", "reqwest::RequestBuilder", "reqwest::blocking", "reqwest::get"],
        verbs: &["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT", "delete", "execute", "get", "head", "patch", "post", "put", "request"],
    },
    // gRPC, also by clients that are generated of a service.
    Speech {
        through: &["tonic::client", "tonic::transport::Channel", "tonic::transport::Endpoint", "*_client"],
        verbs: &[
            "check",
            "client_streaming",
            "connect",
            "connect_lazy",
            "export",
            "list",
            "server_reflection_info",
            "server_streaming",
            "streaming",
            "unary",
            "watch",
        ],
    },
    // Brokers.
    Speech {
        through: &["krafka::Kafka", "krafka::admin", "krafka::client", "krafka::consumer", "krafka::producer"],
        verbs: &["admin", "alter_*", "connect", "consumer", "create_*", "delete_*", "describe_*", "elect_*", "incremental_*", "list_*", "producer", "remove_*"],
    },
    Speech {
        through: &["rdkafka::ClientConfig", "rdkafka::admin", "rdkafka::client", "rdkafka::config", "rdkafka::consumer", "rdkafka::producer"],
        verbs: &["assign", "commit*", "create", "create_with_context", "fetch_*", "from_config", "offsets_*", "seek*", "send", "send_result", "subscribe"],
    },
    // Queues of librdkafka's, and what is asked of it by the one file that may.
    Speech {
        through: &["crate::native::DeliveryQueue", "crate::native::EventQueue", "crate::native::RecordQueue"],
        verbs: &["enqueue", "fetch_*", "offsets_*", "purge", "start"],
    },
    // The ways that the others build on these.
    Speech { through: &["switchboard_http::Caller", "switchboard_grpc::Caller"], verbs: &["call"] },
    Speech { through: &["switchboard_grpc::reflect"], verbs: &["reflect"] },
    Speech {
        through: &["switchboard_kafka::Sender", "switchboard_kafka::batch_limit", "switchboard_kafka::extent", "switchboard_kafka::read_originals"],
        verbs: &["batch_limit", "connect", "ends", "enqueue", "extent", "extents_of_times", "num_partitions", "read_originals"],
    },
];

/// What the desk asks of servers and clusters, by what it asks it of.
const ASKED_AT_THE_DESK: &[(&[&str], &[&str])] = &[
    (&["servers", "."], &["call", "reflect", "request", "resolve"]),
    (&["access", "(", ")", "."], &["connect", "extent", "extents", "read", "size_limit"]),
    (&["access", "."], &["connect", "extent", "extents", "read", "size_limit"]),
    (&["sender", "."], &["ends", "num_partitions", "queue"]),
];

/// What a file asks for that speaks to others; `None` = it does not.
fn said(source: &Source) -> Option<BTreeSet<String>> {
    let paths = source.paths();
    let called: BTreeSet<&str> = {
        let by_dot = source.code.windows(3).filter(|window| window[0] == "." && (window[2] == "(" || window[2] == "::")).map(|window| window[1].as_str());
        let by_path = paths.iter().filter_map(|path| path.rsplit_once("::")).map(|(_, last)| last);
        by_dot.chain(by_path).collect()
    };
    let mut found = BTreeSet::new();
    let mut speaks = false;
    for Speech { verbs, .. } in SPEECHES.iter().filter(|speech| speech.through.iter().any(|path| names(&paths, path))) {
        speaks = true;
        let is_verb = |name: &&str| verbs.iter().any(|verb| verb.strip_suffix('*').map_or(name == verb, |begin| name.starts_with(begin)));
        found.extend(called.iter().copied().filter(is_verb).map(str::to_owned));
    }
    for (before, verbs) in ASKED_AT_THE_DESK {
        for verb in *verbs {
            let sequence: Vec<&str> = before.iter().copied().chain([*verb, "("]).collect();
            if source.has_sequence(&sequence) {
                speaks = true;
                found.insert(format!("{}.{verb}", before[0]));
            }
        }
    }
    speaks.then_some(found)
}

/// Whether one of these paths is this one or lies within it, also where all that stands beside it is named by `*`. `*_client` are generated clients.
fn names(paths: &[String], path: &str) -> bool {
    if let Some(end) = path.strip_prefix('*') {
        return paths.iter().any(|named| named.split("::").any(|part| part.ends_with(end)) && named.contains("::"));
    }
    let is_within = |named: &str, path: &str| named.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
    paths.iter().any(|named| is_within(named, path) || named.strip_suffix("::*").is_some_and(|all_of| is_within(path, all_of)))
}

/// Files that speak to others, and what each asks for.
const EXITS: &[(&str, &[&str])] = &[
    // The demo looks for ports that are free.
    ("app/src/demo.rs", &["bind"]),
    // What is sent: with a permit, by what the session lets the desk reach.
    ("app/desk/src/send/desk/call.rs", &["servers.call"]),
    ("app/desk/src/send/desk/flight.rs", &["sender.queue"]),
    ("app/desk/src/send/desk/many.rs", &["servers.call", "servers.request"]),
    ("app/desk/src/send/desk/records.rs", &["access.connect", "sender.num_partitions"]),
    ("app/desk/src/send/desk/reflection.rs", &["servers.reflect"]),
    ("app/desk/src/send/desk/replies.rs", &["sender.num_partitions"]),
    ("app/desk/src/send/desk/request.rs", &["servers.request"]),
    ("app/desk/src/send/desk/sending.rs", &["servers.resolve"]),
    // Records again: they are read, and sent by the same.
    ("app/desk/src/send/replay/range.rs", &["access.extent", "access.extents"]),
    ("app/desk/src/send/replay/run.rs", &["access.connect", "sender.ends", "sender.num_partitions"]),
    ("app/desk/src/send/replay/run/sending.rs", &["sender.queue"]),
    ("app/desk/src/send/record_file/export.rs", &["access.read"]),
    ("app/desk/src/send/replay/source.rs", &["access.read"]),
    ("app/desk/src/session/kept_callers.rs", &[]),
    ("app/desk/src/send/replay/target.rs", &["access.size_limit"]),
    // Names of servers are looked up here, once, before leave is asked for; and here permits are made.
    (
        "app/desk/src/session/kafka_access.rs",
        &[
            "batch_limit",
            "connect",
            "ends",
            "enqueue",
            "extent",
            "extents_of_times",
            "num_partitions",
            "read_originals",
            "sender.ends",
            "sender.num_partitions",
        ],
    ),
    ("app/desk/src/session/servers.rs", &["call", "lookup_host", "reflect"]),
    // Requests and calls, with a permit.
    ("collectors/grpc/src/call/answers.rs", &["streaming"]),
    ("collectors/grpc/src/call/connection.rs", &["handshake"]),
    ("collectors/grpc/src/call/dial.rs", &["connect"]),
    ("collectors/grpc/src/call/watched.rs", &[]),
    ("collectors/http/src/call/connection.rs", &["handshake", "send_request"]),
    ("collectors/http/src/call/open.rs", &["connect"]),
    ("collectors/http/src/call/tls.rs", &[]),
    ("collectors/http/src/call/watch.rs", &[]),
    // Sources that ask: they read.
    ("collectors/grpc/src/endpoint.rs", &["connect", "connect_lazy", "connect_timeout"]),
    ("collectors/grpc/src/follow.rs", &["check", "watch"]),
    ("collectors/http/src/client.rs", &["get", "request"]),
    ("collectors/kafka/src/asking/answer.rs", &[]),
    (
        "collectors/kafka/src/asking/broker.rs",
        &[
            "admin",
            "connect",
            "describe_configs",
            "describe_consumer_groups",
            "describe_producers",
            "describe_share_group_offsets",
            "describe_streams_groups",
            "describe_topics",
            "describe_transactions",
            "list_consumer_group_offsets",
            "list_consumer_groups",
            "list_offsets",
            "list_topics",
            "list_transactions",
        ],
    ),
    ("collectors/kafka/src/asking/gate.rs", &["bind", "connect"]),
    // Brokers, by librdkafka: read from, and by the sender, which has a permit, written to.
    ("collectors/kafka/src/client.rs", &[]),
    ("collectors/kafka/src/count.rs", &["start"]),
    ("collectors/kafka/src/extents.rs", &["fetch_cluster_id", "offsets_for_time"]),
    ("collectors/kafka/src/native.rs", &[]),
    ("collectors/kafka/src/observer.rs", &["fetch_cluster_id", "fetch_metadata", "offsets_for_time"]),
    ("collectors/kafka/src/originals.rs", &["start"]),
    ("collectors/kafka/src/sender.rs", &["enqueue", "fetch_cluster_id", "fetch_metadata", "fetch_watermarks", "purge"]),
    ("collectors/kafka/src/tail.rs", &["fetch_watermarks", "start"]),
    // The receiver's ends of what was connected to it, and what it passes on.
    ("collectors/otlp/src/connection.rs", &[]),
    ("collectors/otlp/src/forward.rs", &["POST", "lookup_host", "request"]),
];

#[test]
fn these_files_speak_to_others_and_ask_for_no_more() {
    let packages = packages();
    // The lab's services speak to one another; tests to whom they like.
    let product = packages.iter().filter(|package| package.folder != "app/lab" && !package.folder.starts_with("tests"));
    let sources = product.flat_map(|package| &package.product).filter(|source| !source.path.to_string_lossy().contains("/testing"));
    let found: BTreeMap<String, BTreeSet<String>> = sources.filter_map(|source| Some((from_root(&source.path), said(source)?))).collect();
    let expected: BTreeMap<String, BTreeSet<String>> =
        EXITS.iter().map(|(file, verbs)| ((*file).to_owned(), verbs.iter().map(|verb| (*verb).to_owned()).collect())).collect();
    let others: Vec<_> = found.iter().filter(|(file, verbs)| expected.get(*file) != Some(*verbs)).collect();
    assert!(others.is_empty(), "what these ask others for has to be looked at, and to be in the table: {others:#?}");
    let gone: Vec<&String> = expected.keys().filter(|file| !found.contains_key(*file)).collect();
    assert_eq!(gone, Vec::<&String>::new(), "these speak to nobody any more");
}

#[test]
fn a_way_out_is_seen_whatever_it_is() {
    let said = |text: &str| said(&Source::new(std::path::Path::new("src/lib.rs"), text)).map(|verbs| verbs.into_iter().collect::<Vec<_>>().join(" "));
    for (text, verbs) in [
        ("use std::net::TcpStream as Line;\nfn f() { Line::connect(at) }", "connect"),
        ("fn f() { std::net::UdpSocket::bind(at)?.send_to(b, at) }", "bind send_to"),
        ("use tokio::net;\nfn f() { net::TcpStream::connect(at) }", "connect"),
        ("use tokio::net::*;\nfn f() { lookup_host(at) }", ""),
        ("use h2::client;\nfn f() { client::handshake(io).send_request(r, true) }", "handshake send_request"),
        ("use reqwest::Client;\nfn f() { client.post(url).send() }", "post"),
        ("fn f() { reqwest::get(url) }", "get"),
        ("use tonic_health::pb::health_client::HealthClient;\nfn f() { HealthClient::connect(at); client.check(r) }", "check connect"),
        ("use o::trace_service_client::TraceServiceClient as T;\nfn f() { T::new(c).export(r) }", "export"),
        ("use rdkafka::consumer::{BaseConsumer, Consumer};\nfn f() { c.subscribe(t); c.commit_message(m, a) }", "commit_message subscribe"),
        ("use krafka::admin::AdminClient;\nfn f() { a.delete_topics(t) }", "delete_topics"),
        ("use rdkafka::ClientConfig;\nfn f() { ClientConfig::new().create::<A>() }", "create"),
        ("fn f() { office.config.servers.reflect(s, m) }", "servers.reflect"),
        ("fn f() { reach.access().connect(id, None) }", "access.connect"),
        ("use switchboard_grpc as g;\nfn f() { g::reflect(p) }", "reflect"),
    ] {
        assert_eq!(said(text).as_deref(), Some(verbs), "{text}");
    }
    for text in ["use std::net::SocketAddr;", "// TcpStream::connect", "fn f(client: C) { client.get(1); map.request() }", "mod clients;\nuse tonic::Status;"] {
        assert_eq!(said(text), None, "{text}");
    }
}
