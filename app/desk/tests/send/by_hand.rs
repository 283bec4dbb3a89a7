//! Streams that are driven by hand: messages and bodies are seen while they still come, and nothing that was refused goes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderName, HeaderValue};
use parking_lot::Mutex;
use switchboard_desk::ledger::SettledAs;
use switchboard_desk::send::draft::SchemaFrom;
use switchboard_desk::send::{Question, SendAsk, SendBoard, SendCommand, Sent, SentId, Status};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::cancels::{NO_SOURCES, TRIES, WITHIN};
use crate::sending::{Sending, Told, asked, grpc, http};

const CLOSED: &str = "this stream is not open any more";
const STOCK: &str = r#"syntax = "proto3"; package shop.v1;
message Item { string sku = 1; int32 num = 2; }
message Done { int32 num = 1; }
service Stock { rpc Chat (stream Item) returns (stream Done); rpc Import (stream Item) returns (Done); rpc Hold (stream Item) returns (Done); }
"#;
const TEXTS: [&str; 3] = [r#"{"sku":"lamp"}"#, r#"{"sku":"chair"}"#, r#"{"sku":"table"}"#];

/// What came to a server in its order: each item by its name, and how a call ended.
type Heard = Arc<Mutex<Vec<String>>>;

/// A server that tells how many items have come: to `Chat` after each, to `Import` after the last one. `Hold` reads none.
async fn stock() -> (SocketAddr, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let heard = Heard::default();
    let kept = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let kept = Arc::clone(&kept);
            tokio::spawn(async move {
                let Ok(mut connection) = h2::server::handshake(stream).await else { return };
                while let Some(Ok((request, respond))) = connection.accept().await {
                    tokio::spawn(answer(request, respond, Arc::clone(&kept)));
                }
            });
        }
    });
    (address, heard)
}

async fn answer(request: http::Request<h2::RecvStream>, mut respond: SendResponse<Bytes>, heard: Heard) -> Result<(), h2::Error> {
    let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    let head = || http::Response::builder().header("content-type", "application/grpc").body(()).expect("a head");
    let done = |num: u8| Bytes::copy_from_slice(&[0, 0, 0, 0, 2, 8, num]);
    let (mut body, mut came, mut num) = (request.into_body(), Vec::new(), 0);
    if method == "Hold" {
        std::future::pending::<()>().await;
    }
    let mut says = if method == "Chat" { Some(respond.send_response(head(), false)?) } else { None };
    while let Some(part) = body.data().await {
        let part = part.inspect_err(|error| heard.lock().push(format!("{:?}", error.reason())))?;
        body.flow_control().release_capacity(part.len())?;
        came.extend_from_slice(&part);
        // An item is short: its length is one byte. Before its name stand the field's number and a length.
        while came.len() >= 5 && came.len() >= 5 + usize::from(came[4]) {
            let message: Vec<u8> = came.drain(..5 + usize::from(came[4])).skip(5).collect();
            num += 1;
            heard.lock().push(String::from_utf8_lossy(&message[2..]).into_owned());
            if let Some(says) = &mut says {
                says.send_data(done(num), false)?;
            }
        }
    }
    heard.lock().push("half-close".to_owned());
    let mut says = if let Some(says) = says { says } else { respond.send_response(head(), false)? };
    if method == "Import" {
        says.send_data(done(num), false)?;
    }
    says.send_trailers(HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]))
}

/// Begins a call that stays open for messages by hand, and waits until the drafted one shows as gone, so that others can follow it.
async fn open(sending: &Sending, address: SocketAddr, method: &str) -> SentId {
    let folder = sending.folder.path().join("requests");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("stock.proto"), STOCK).expect("written");
    let draft = grpc(|grpc| {
        (grpc.url, grpc.method) = (format!("http://{address}"), format!("shop.v1.Stock/{method}"));
        grpc.schema = SchemaFrom::Protos { files: vec!["stock.proto".to_owned()], roots: Vec::new() };
        grpc.messages = vec![TEXTS[0].to_owned()];
    });
    let told = match sending.say(SendCommand::Send(SendAsk { by_hand: true, ..asked(draft) })).await {
        Told::Asks(Question::Confirm { .. }) => sending.confirm(None).await,
        told => told,
    };
    let Told::Sent(sent) = told else { panic!("{told:?}") };
    sending.until("message of an open stream", |board| board.sent.first().filter(|sent| sent.is_open && ours(sent) == TEXTS[..1]).map(|_| ())).await;
    sent.sent_id
}

/// Writes a message into an open stream, and waits until it shows whether it was taken: why not, or `None`.
async fn write(sending: &Sending, sent_id: SentId, text: &str) -> Option<String> {
    let before = sending.session.send_board().by_hand.as_ref().map_or(0, |by_hand| by_hand.number);
    sending.session.send(SendCommand::Message(sent_id, text.to_owned()));
    let by_hand = sending.until("word of a message", |board| board.by_hand.clone().filter(|by_hand| by_hand.number > before)).await;
    assert_eq!((by_hand.sent_id, by_hand.number), (sent_id, before + 1));
    by_hand.refused
}

/// Writes a message that is refused for this reason.
async fn refused(sending: &Sending, sent_id: SentId, text: &str, reason: &str) {
    let refused = write(sending, sent_id, text).await;
    assert!(refused.as_ref().is_some_and(|refused| refused.contains(reason)), "{text}: {refused:?}");
}

/// Those of a call that went, as they were written.
fn ours(sent: &Sent) -> Vec<&str> {
    sent.answer.messages.iter().filter(|message| message.is_ours).map(|message| message.text.as_str()).collect()
}

/// A call that is open and has not ended, with this many messages that went, and came.
fn open_with(board: &SendBoard, num_ours: usize, num_theirs: u64) -> Option<()> {
    let sent = board.sent.first()?;
    (sent.is_open && sent.is_going() && ours(sent).len() == num_ours && sent.answer.num_received() == num_theirs).then_some(())
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_and_answers_are_seen_while_a_stream_is_open_and_half_close_ends_it() {
    for (method, answers, received) in [("Chat", [1, 2, 3], "{\"num\":1}\n{\"num\":2}\n{\"num\":3}\n"), ("Import", [0; 3], "{\"num\":3}\n")] {
        let (address, heard) = stock().await;
        let sending = Sending::start(NO_SOURCES);
        let sent_id = open(&sending, address, method).await;
        for (num, num_answers) in (1..).zip(answers) {
            if num > 1 {
                assert_eq!(write(&sending, sent_id, TEXTS[num - 1]).await, None);
            }
            sending.until("message of an open stream", |board| open_with(board, num, num_answers).filter(|()| heard.lock().len() >= num)).await;
            assert_eq!(heard.lock().len(), num, "nothing else goes, and no end");
        }
        sending.session.send(SendCommand::HalfClose(sent_id));
        refused(&sending, sent_id, TEXTS[0], CLOSED).await;
        let sent = sending.settled().await;
        assert_eq!((sent.answer.status.clone(), sent.outcome_word()), (Some(Status::Grpc { code: 0, message: String::new() }), Some("called")));
        assert_eq!((ours(&sent), sent.answer.received().as_deref()), (TEXTS.to_vec(), Some(received)));
        assert!(!sent.is_open && !sent.answer.is_cancelled, "{sent:?}");
        assert_eq!(*heard.lock(), ["lamp", "chair", "table", "half-close"]);
        let lines: Vec<_> = sending.lines().await.into_iter().map(|line| (line.call, line.settled.counts_as())).collect();
        assert_eq!(lines, [(format!("shop.v1.Stock/{method}"), SettledAs::Done)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_stream_that_is_cancelled_is_told_so_at_once_and_reset() {
    let (address, heard) = stock().await;
    let sending = Sending::start(NO_SOURCES);
    let mut quickest = Duration::MAX;
    for num in 1..=TRIES {
        let sent_id = open(&sending, address, "Chat").await;
        assert_eq!(write(&sending, sent_id, TEXTS[1]).await, None);
        sending.until("answer", |board| open_with(board, 2, 2)).await;
        let begun = Instant::now();
        sending.session.send(SendCommand::Cancel(sent_id));
        let sent = sending.settled().await;
        quickest = quickest.min(begun.elapsed());
        assert!(sent.answer.is_cancelled && !sent.is_open && sent.answer.status.is_none(), "{sent:?}");
        // What had come by then stays.
        assert_eq!((sent.outcome_word(), sent.answer.received().as_deref()), (Some("possibly sent"), Some("{\"num\":1}\n{\"num\":2}\n")));
        sending.until("reset", |_| (heard.lock().len() == 3 * num).then_some(())).await;
        assert_eq!(heard.lock()[3 * num - 3..], ["lamp", "chair", "Some(CANCEL)"]);
        refused(&sending, sent_id, "{}", CLOSED).await;
    }
    assert!(quickest <= WITHIN, "{quickest:?}");
    assert_eq!(sending.lines().await.iter().map(|line| line.settled.counts_as()).collect::<Vec<_>>(), [SettledAs::Possibly; TRIES]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_refused_does_not_go_and_the_stream_goes_on() {
    let (address, heard) = stock().await;
    let sending = Sending::start(NO_SOURCES);
    let sent_id = open(&sending, address, "Chat").await;
    for (text, reason) in [(r#"{"sku":"#, "EOF"), (r#"{"price":1}"#, "price"), (r#"{"num":"few"}"#, "line 1, column 12"), ("[]", "line 1")] {
        refused(&sending, sent_id, text, reason).await;
    }
    assert_eq!(write(&sending, sent_id, TEXTS[1]).await, None);
    sending.until("answer", |board| open_with(board, 2, 2)).await;
    assert_eq!(*heard.lock(), ["lamp", "chair"]);
    // Where a server reads nothing, what waits for it is bounded.
    let sent_id = open(&sending, address, "Hold").await;
    let long = format!(r#"{{"sku":"{}"}}"#, "x".repeat(32 << 10));
    let (mut num_taken, mut refused) = (0, None);
    while refused.is_none() && num_taken < 100 {
        refused = write(&sending, sent_id, &long).await;
        num_taken += usize::from(refused.is_none());
    }
    assert!(refused.is_some_and(|refused| refused.contains("messages wait to be taken by the server")), "{num_taken}");
    sending.until("messages that wait", |board| open_with(board, 1 + num_taken, 0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_seen_before_it_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (address, (go_on, waits)) = (listener.local_addr().expect("an address"), oneshot::channel::<()>());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        assert!(stream.read(&mut [0; 4096]).await.is_ok_and(|len| len > 0));
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n6\r\nfirst \r\n").await.expect("sent");
        waits.await.expect("told to go on");
        stream.write_all(b"6\r\nsecond\r\n0\r\n\r\n").await.expect("sent");
    });
    let sending = Sending::start(NO_SOURCES);
    let Told::Sent(_) = sending.send(http(|http| http.url = format!("http://{address}/"))).await else { panic!("it was not sent") };
    let begun = sending.until("part", |board| board.sent.first().filter(|sent| !sent.answer.body.is_empty()).cloned()).await;
    let status = Some(Status::Http { status: 200, version: "HTTP/1.1" });
    assert_eq!((&begun.answer.body[..], &begun.answer.status, begun.is_going()), (&b"first "[..], &status, true));
    go_on.send(()).expect("it waits");
    let sent = sending.settled().await;
    assert_eq!((&sent.answer.body[..], sent.outcome_word()), (&b"first second"[..], Some("answered")));
    assert!(sent.answer.wire_bytes.is_some() && sent.answer.cut.is_none(), "{sent:?}");
}
