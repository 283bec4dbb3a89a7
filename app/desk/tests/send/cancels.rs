//! What is cancelled has ended within 200 ms for whoever looks, whatever its server does, and the ledger says whether it had left.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use switchboard_desk::ledger::SettledAs;
use switchboard_desk::send::draft::{Body, Draft, Payload, SchemaFrom};
use switchboard_desk::send::{Question, SendCommand};
use switchboard_desk::session::now_ns;
use switchboard_kafka::testing::MockKafka;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::sending::{Sending, Told, grpc, http, record};

pub const NO_SOURCES: &str = "[otlp]\ngrpc_port = 0\nhttp_port = 0\n";
/// What a cancel may take, by the desk's own clock.
pub const WITHIN: Duration = Duration::from_millis(200);
/// On a busy machine one of so many has to be in time: what always takes longer is the desk's own.
pub const TRIES: usize = 5;
/// More than what waits in the buffers of two sockets.
const LONG: usize = 12 << 20;

/// A server that takes connections, says this, and reads nothing. How many connections have as much for it as tells that what was sent has left.
async fn never_reads(says: &'static [u8], num_told: usize) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let heard = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                // Whoever has gone again is not told.
                let _ = stream.write_all(says).await;
                let mut looked_at = vec![0; num_told];
                // What is looked at so is not read.
                while stream.peek(&mut looked_at).await.is_ok_and(|num| (1..num_told).contains(&num)) {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                counted.fetch_add(1, Ordering::SeqCst);
                std::future::pending::<()>().await;
                drop(stream);
            });
        }
    });
    (address, heard)
}

/// Sends it and cancels it, some times; how each ended in the ledger, once the quickest was quick enough.
async fn cancelled(sending: &Sending, heard: &AtomicUsize, draft: impl Fn() -> Draft) -> Vec<SettledAs> {
    let mut quickest = Duration::MAX;
    let mut ends = Vec::new();
    for _ in 0..TRIES {
        let heard_before = heard.load(Ordering::SeqCst);
        let told = match sending.send(draft()).await {
            Told::Asks(Question::Confirm { .. }) => sending.confirm(None).await,
            told => told,
        };
        let Told::Sent(sent) = told else { panic!("{told:?}") };
        sending.until("request", |_| (heard.load(Ordering::SeqCst) > heard_before).then_some(())).await;
        let at_ns = now_ns();
        sending.session.send(SendCommand::Cancel(sent.sent_id));
        let sent = sending.settled().await;
        let ended_ns = sent.ended_ns.expect("it has ended");
        quickest = quickest.min(Duration::from_nanos(ended_ns.saturating_sub(at_ns).unsigned_abs()));
        ends.push(sent.settled.as_ref().expect("an end").counts_as());
        let is_record = sent.ask.draft.kind() == switchboard_desk::send::draft::RequestKind::Record;
        let has_left = ends.last() == Some(&SettledAs::Possibly) || sent.answer.status.is_some();
        assert!(sent.answer.is_cancelled || !has_left || is_record, "{sent:?}");
    }
    assert!(quickest <= WITHIN, "{quickest:?}");
    let lines = sending.lines().await;
    assert_eq!(lines.iter().map(|line| line.settled.counts_as()).collect::<Vec<_>>(), ends, "{lines:?}");
    ends
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_let_go_whether_its_server_reads_or_answers() {
    let (address, heard) = never_reads(b"", 16).await;
    for length in [0, LONG] {
        let sending = Sending::start(NO_SOURCES);
        let draft = || {
            http(|http| {
                http.url = format!("http://{address}/");
                (http.method, http.body) = if length == 0 { ("GET".to_owned(), Body::None) } else { ("PUT".to_owned(), Body::Text("x".repeat(length))) };
            })
        };
        assert_eq!(cancelled(&sending, &heard, draft).await, [SettledAs::Possibly; TRIES], "{length}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_let_go_whether_its_server_reads_or_not() {
    // Settings without a setting, with which a server of HTTP/2 begins (RFC 9113, 6.5).
    let (address, heard) = never_reads(&[0, 0, 0, 4, 0, 0, 0, 0, 0], 4_096).await;
    let sending = Sending::start(NO_SOURCES);
    let folder = sending.folder.path().join("requests");
    std::fs::create_dir_all(&folder).expect("a folder");
    let proto = "syntax = \"proto3\";\npackage a;\nmessage T { string text = 1; }\nservice S { rpc Put (T) returns (T); }\n";
    std::fs::write(folder.join("a.proto"), proto).expect("written");
    let draft = || {
        grpc(|grpc| {
            (grpc.url, grpc.method) = (format!("http://{address}"), "a.S/Put".to_owned());
            grpc.schema = SchemaFrom::Protos { files: vec!["a.proto".to_owned()], roots: Vec::new() };
            grpc.messages = vec![format!("{{\"text\":\"{}\"}}", "x".repeat(LONG / 8))];
        })
    };
    assert_eq!(cancelled(&sending, &heard, draft).await, [SettledAs::Possibly; TRIES]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_let_go_whose_broker_answers_nothing() {
    const TOPIC: &str = "orders";
    let cluster = MockKafka::new(1).expect("a cluster");
    cluster.cluster().create_topic(TOPIC, 1, 1).expect("a topic");
    let source = format!("[[kafka]]\nname = \"shop\"\nbrokers = \"{}\"\nwrite = true\npoll_s = 0.2\n", cluster.brokers());
    let sending = Sending::start(&format!("{NO_SOURCES}{source}"));
    let is_known = || sending.session.snapshot().sources.iter().any(|source| source.cluster_id.is_some());
    sending.until("cluster", |_| is_known().then_some(())).await;
    cluster.cluster().broker_round_trip_time(1, Duration::from_mins(1)).expect("slow");
    let mut quickest = Duration::MAX;
    for _ in 0..TRIES {
        let draft = record(|record| (record.topic, record.value) = (TOPIC.to_owned(), Payload::Text("a".to_owned())));
        let Told::Sent(sent) = sending.send(draft).await else { panic!("it was not sent") };
        let at_ns = now_ns();
        sending.session.send(SendCommand::Cancel(sent.sent_id));
        let sent = sending.settled().await;
        quickest = quickest.min(Duration::from_nanos(sent.ended_ns.expect("it has ended").saturating_sub(at_ns).unsigned_abs()));
        assert_ne!(sent.settled.as_ref().expect("an end").counts_as(), SettledAs::Done);
        // Why it was not sent is told last.
        sending.until("rest", |_| sending.session.operations().board().running.is_empty().then_some(())).await;
    }
    assert!(quickest <= WITHIN, "{quickest:?}");
    cluster.cluster().broker_round_trip_time(1, Duration::ZERO).expect("quick");
}
