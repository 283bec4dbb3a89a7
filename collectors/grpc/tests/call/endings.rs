//! How calls end: by the server's own word, whatever it is, or by what becomes of the connection.

use bytes::Bytes;
use futures::StreamExt as _;
use hyper::body::Frame;
use switchboard_grpc::{Schema, StatusDetailContent};
use switchboard_model::{Outcome, Receipt};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tonic::{Code, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::calls::queue;
use crate::server::{Server, always, answer, framed, grpc, messages, origin, permit, shop, trailers};
use crate::told::{Told, call, caller, not_done, possibly, sent, to};

const GRPC: (&str, &[u8]) = ("content-type", b"application/grpc");

/// Calls a server that answers everything alike.
async fn ended(answer: impl Fn() -> axum::http::Response<tonic::body::Body> + Send + Sync + 'static) -> (Outcome, Told) {
    let server = Server::start(always(answer)).await;
    call(&caller(&server), to(&server.origin(), "/shop.Shop/Get"), sent(&[b"a"])).await
}

#[tokio::test]
async fn every_code_of_a_server_is_its_own_word() {
    let server = Server::start(grpc(|path, _| async move {
        let code: i32 = path.rsplit('/').next().and_then(|code| code.parse().ok()).expect("a code");
        let status = Status::new(Code::from_i32(code), "told so");
        // Before anything, and after a message.
        if code % 2 == 0 { Err(status) } else { Ok(messages(vec![Ok(Bytes::from_static(b"a")), Err(status)])) }
    }))
    .await;
    let caller = caller(&server);
    for code in 1..=16 {
        let method = format!("/shop.Shop/{code}").leak();
        let (outcome, told) = call(&caller, to(&server.origin(), method), sent(&[])).await;
        assert_eq!(outcome, Outcome::Done(Receipt::Called(code)));
        assert_eq!((told.end().code, told.end().message.as_str(), told.messages.len()), (code, "told so", (code % 2) as usize));
    }
    assert_eq!(server.num_connections(), 1, "a call that the server ended leaves its connection as it is");
}

#[tokio::test]
async fn a_code_that_nobody_knows_is_told_as_it_is() {
    let (outcome, told) = ended(|| answer(&[GRPC, ("grpc-status", b"4711")], vec![])).await;
    assert_eq!((outcome, told.end().code), (Outcome::Done(Receipt::Called(4711)), 4711));
    assert!(told.headers.is_none(), "they are its end");
    let (outcome, _) = ended(|| answer(&[GRPC], vec![trailers(&[("grpc-status", b"what")])])).await;
    assert_eq!(outcome, Outcome::Done(Receipt::Called(2)));
}

#[tokio::test]
async fn a_method_that_is_not_there_is_the_servers_word() {
    let server = Server::start(shop()).await;
    let (outcome, told) = call(&caller(&server), to(&server.origin(), "/shop.Shop/Other"), sent(&[b"a"])).await;
    assert_eq!((outcome, told.end().message.as_str()), (Outcome::Done(Receipt::Called(12)), "no such method"));
}

#[tokio::test]
async fn a_message_is_decoded_whatever_it_is() {
    for (sent, told_as) in [(&b"50%25 %C3%BC%0Ab"[..], "50% ü\nb"), (b"%ff%fe", "\u{fffd}\u{fffd}"), (b"caf\xe9", "caf\u{fffd}"), (b"100%", "100%")] {
        let (outcome, told) = ended(move || answer(&[GRPC], vec![trailers(&[("grpc-status", b"5"), ("grpc-message", sent)])])).await;
        assert_eq!((outcome, told.end().message.as_str()), (Outcome::Done(Receipt::Called(5)), told_as));
    }
}

#[tokio::test]
async fn trailers_are_told_with_all_that_is_in_them() {
    let end = [("grpc-status", &b"0"[..]), ("x-cost", b"12"), ("x-trace-bin", b"AAH/")];
    let (outcome, told) = ended(move || answer(&[GRPC, ("x-head", b"1")], vec![framed(b"a"), framed(b""), trailers(&end)])).await;
    assert_eq!((outcome, told.messages.as_slice()), (Outcome::Done(Receipt::Called(0)), &[Bytes::from_static(b"a"), Bytes::new()][..]));
    assert_eq!((told.header("x-head"), told.end().trailers.len()), ("1", 3));
    assert_eq!(told.end().trailers["x-cost"], "12");
}

#[tokio::test]
async fn details_come_as_bytes_and_are_read_by_a_schema() {
    let server = Server::start(grpc(|_, _| async {
        let details = ErrorDetails::with_bad_request_violation("order.id", "must be positive");
        Err(Status::with_error_details(Code::InvalidArgument, "no", details))
    }))
    .await;
    let (_, told) = call(&caller(&server), to(&server.origin(), "/shop.Shop/Get"), sent(&[])).await;
    let details = Schema::empty().status_details(&told.end().details);
    let pairs = vec![("order.id".to_owned(), "must be positive".to_owned())];
    assert_eq!(details[0].content, StatusDetailContent::Standard(pairs));
    // Bytes that are nothing, and no base64 at all: tonic panics at the second.
    for (sent, digits) in [(&b"/////w=="[..], "ffffffff"), (b"!!!", "212121"), (b"", "")] {
        let (outcome, told) = ended(move || answer(&[GRPC], vec![trailers(&[("grpc-status", b"13"), ("grpc-status-details-bin", sent)])])).await;
        assert_eq!(outcome, Outcome::Done(Receipt::Called(13)));
        let details = Schema::empty().status_details(&told.end().details);
        match details.first().map(|detail| &detail.content) {
            Some(StatusDetailContent::Hex { digits: told, .. }) => assert_eq!(told, digits),
            other => assert!(other.is_none() && digits.is_empty(), "{other:?}"),
        }
    }
    // Before any message, too, and larger than servers' headers usually are.
    let large = "A".repeat(100_000);
    let (outcome, told) = ended(move || answer(&[GRPC, ("grpc-status", b"9"), ("grpc-status-details-bin", large.as_bytes())], vec![])).await;
    assert_eq!((outcome, told.end().details.len()), (Outcome::Done(Receipt::Called(9)), 75_000));
}

#[tokio::test]
async fn an_end_without_a_status_is_nobodys_word() {
    for frames in [vec![], vec![framed(b"a")], vec![framed(b"a"), trailers(&[("x-other", b"1")])]] {
        let num_messages = usize::from(!frames.is_empty());
        let frames = std::sync::Mutex::new(Some(frames));
        let (outcome, told) = ended(move || answer(&[GRPC], frames.lock().expect("whole").take().expect("one call"))).await;
        assert!(possibly(&outcome).contains("without a status"), "{outcome:?}");
        assert_eq!((told.end().code, told.messages.len()), (2, num_messages));
    }
}

#[tokio::test]
async fn a_message_that_is_not_whole_is_no_success() {
    for cut in [&[0][..], &[0, 0, 0], &[0, 0, 0, 0, 9, b'a', b'b']] {
        let cut = Bytes::from_static(cut);
        let (outcome, told) = ended(move || answer(&[GRPC], vec![framed(b"a"), Frame::data(cut.clone()), trailers(&[("grpc-status", b"0")])])).await;
        assert_eq!((outcome, told.end().code, told.messages.len()), (Outcome::Done(Receipt::Called(0)), 13, 1));
        assert!(told.end().message.contains("in the midst of a message"), "{:?}", told.end());
    }
    let (outcome, told) = ended(|| answer(&[GRPC], vec![Frame::data(Bytes::from_static(&[0, 0, 0, 0, 9, b'a']))])).await;
    assert!(possibly(&outcome).contains("in the midst of a message: at least 8 bytes"), "{outcome:?}");
    assert_eq!(told.end().code, 13);
}

#[tokio::test]
async fn messages_that_cannot_be_read_are_told() {
    for (headers, bytes, part) in [
        (vec![GRPC], &[9, 0, 0, 0, 1, b'a'][..], "compression flag"),
        (vec![GRPC], &[1, 0, 0, 0, 1, b'a'], "compressed-flag"),
        (vec![GRPC, ("grpc-encoding", b"gzip")], &[1, 0, 0, 0, 1, b'a'], "decompressing"),
        (vec![GRPC, ("grpc-encoding", b"snappy")], &[1, 0, 0, 0, 1, b'a'], "snappy"),
    ] {
        let (outcome, _) = ended(move || answer(&headers, vec![Frame::data(Bytes::from_static(bytes)), trailers(&[("grpc-status", b"0")])])).await;
        assert!(possibly(&outcome).contains(part), "{part}: {outcome:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_none_of_grpc_is_nobodys_word() {
    for (status, code) in [(200, 2), (404, 12), (401, 16), (403, 7), (502, 14), (503, 14), (500, 2), (400, 13)] {
        let (outcome, told) = ended(move || {
            let mut response = answer(&[("content-type", b"text/html")], vec![Frame::data(Bytes::from_static(b"<html>"))]);
            *response.status_mut() = axum::http::StatusCode::from_u16(status).expect("a status");
            response
        })
        .await;
        assert!(possibly(&outcome).contains(&format!("HTTP {status}, text/html")), "{outcome:?}");
        assert_eq!((told.end().code, told.headers.is_some()), (code, false));
    }
}

#[tokio::test]
async fn a_server_that_is_killed_in_the_midst_leaves_it_open() {
    // Before its headers, and after.
    for method in ["/shop.Shop/Silent", "/shop.Shop/Never"] {
        let (heard, mut is_heard) = mpsc::channel(8);
        let mut server = Server::start(grpc(move |path, request| {
            let heard = heard.clone();
            async move {
                let _ = request.into_inner().message().await;
                heard.send(()).await.expect("a test");
                if path.ends_with("Silent") { futures::future::pending().await } else { Ok(Response::new(futures::stream::pending().boxed())) }
            }
        }))
        .await;
        let (origin, caller) = (server.origin(), caller(&server));
        let killing = async {
            is_heard.recv().await.expect("a call");
            server.kill().await;
        };
        let ((outcome, told), ()) = tokio::join!(call(&caller, to(&origin, method), sent(&[b"a"])), killing);
        assert!(possibly(&outcome).contains("broke off"), "{outcome:?}");
        assert_eq!(told.end().code, 14);
    }
}

/// A server that answers the first stream by these bytes, once it has read headers.
async fn by_hand(bytes: &'static [u8]) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.expect("written");
        until_headers(&mut stream).await;
        stream.write_all(bytes).await.expect("written");
        let mut sink = [0; 1024];
        while stream.read(&mut sink).await.is_ok_and(|num_bytes| num_bytes > 0) {}
    });
    address
}

/// Reads frames until one begins a stream (HEADERS).
async fn until_headers(stream: &mut TcpStream) {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await.expect("a preface");
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.expect("a frame");
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        stream.read_exact(&mut payload).await.expect("a payload");
        if head[3] == 1 {
            return;
        }
    }
}

#[tokio::test]
async fn a_reset_is_told_by_its_reason() {
    // RST_STREAM on stream 1.
    let resets: [(&[u8], i32, bool, &str); 5] = [
        (&[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 7], 14, false, "REFUSED_STREAM"),
        (&[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8], 1, true, "CANCEL"),
        (&[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 2], 13, true, "INTERNAL_ERROR"),
        (&[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 11], 8, true, "ENHANCE_YOUR_CALM"),
        // GOAWAY that names no stream as its last.
        (&[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 14, true, "closed the connection"),
    ];
    for (bytes, code, is_possible, part) in resets {
        let address = by_hand(bytes).await;
        let origin = origin(&format!("http://{address}"));
        let caller = switchboard_grpc::Caller::new(permit(&origin, &[address]), switchboard_grpc::CallConfig::default()).expect("a caller");
        let (outcome, told) = call(&caller, to(&origin, "/shop.Shop/Get"), sent(&[b"a"])).await;
        let reason = if is_possible { possibly(&outcome) } else { not_done(&outcome) };
        assert!(reason.contains(part), "{reason}");
        assert_eq!(told.end().code, code, "{reason}");
    }
}

#[tokio::test]
async fn nothing_is_sent_twice() {
    // A server that closes each connection once it has read a call.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (read, mut is_read) = mpsc::channel(16);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.expect("written");
            until_headers(&mut stream).await;
            read.send(()).await.expect("a test");
        }
    });
    let origin = origin(&format!("http://{address}"));
    let caller = switchboard_grpc::Caller::new(permit(&origin, &[address]), switchboard_grpc::CallConfig::default()).expect("a caller");
    for _ in 0..3 {
        let (outcome, _) = call(&caller, to(&origin, "/shop.Shop/Get"), sent(&[b"a"])).await;
        possibly(&outcome);
        is_read.recv().await.expect("one");
        assert!(is_read.try_recv().is_err(), "one call is read once");
    }
}

#[tokio::test]
async fn a_connection_that_was_lost_between_calls_is_replaced_before_the_next() {
    let mut server = Server::start(shop()).await;
    let (origin, caller) = (server.origin(), caller(&server));
    let done = Outcome::Done(Receipt::Called(0));
    let (outcome, _) = call(&caller, to(&origin, "/shop.Shop/Get"), sent(&[b"a"])).await;
    assert_eq!(outcome, done);
    server.kill().await;
    let again = Server::start_at(server.address, shop()).await;
    let deadline = std::time::Instant::now() + crate::server::DEADLINE;
    loop {
        let (outcome, told) = call(&caller, to(&origin, "/shop.Shop/Get"), sent(&[b"a"])).await;
        if outcome == done {
            break;
        }
        // Until this side has seen the end of the connection, a call may be lost with it: it says so, and is not made again.
        assert!(told.has_left && told.messages.is_empty() && std::time::Instant::now() < deadline, "{outcome:?}");
    }
    assert_eq!(again.num_connections(), 1);
}

#[tokio::test]
async fn a_server_that_is_gone_before_was_surely_not_called() {
    let mut server = Server::start(shop()).await;
    let origin = server.origin();
    let caller = caller(&server);
    server.kill().await;
    let (outcome, told) = call(&caller, to(&origin, "/shop.Shop/Get"), queue(mpsc::channel(1).1)).await;
    assert!(not_done(&outcome).contains("nothing listens there. Start the server"), "{outcome:?}");
    assert!(!told.has_left);
}
