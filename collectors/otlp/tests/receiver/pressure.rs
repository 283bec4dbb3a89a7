//! A full queue, a full budget, slow senders.

use std::time::Duration;

use base64::Engine;
use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, StreamBody};
use hyper_util::rt::TokioIo;
use prost::Message;
use switchboard_model::ItemKind;
use switchboard_otlp::testing::trace_request;
use switchboard_otlp::{Config, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::loopback::{Answer, GRPC_TRACES, Loopback, TRACES, framed, free_ports, good_span, grpc, gzip, post, request, zstd};

const PROTO: (&str, &str) = ("content-type", "application/x-protobuf");

/// `google.rpc.Status` as far as a retry hint needs it.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

#[derive(Clone, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

fn assert_retry_hint(status: &Status) {
    assert_eq!((status.code, status.details.len()), (14, 1), "{status:?}");
    assert_eq!(status.details[0].type_url, "type.googleapis.com/google.rpc.RetryInfo");
    let delay = RetryInfo::decode(status.details[0].value.as_slice()).unwrap().retry_delay.unwrap();
    assert!((1..=30).contains(&delay.seconds), "{delay:?}");
}

fn assert_unavailable_over_http(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    assert!((1..=30).contains(&answer.header("retry-after").parse::<u64>().unwrap()));
    assert_retry_hint(&Status::decode(answer.body.clone()).unwrap());
}

fn assert_unavailable_over_grpc(answer: &Answer) {
    assert_eq!((answer.status, answer.grpc_status()), (StatusCode::OK, 14), "{answer:?}");
    let details = base64::engine::general_purpose::STANDARD_NO_PAD.decode(answer.header("grpc-status-details-bin")).unwrap();
    assert_retry_hint(&Status::decode(details.as_slice()).unwrap());
}

fn impatient() -> Limits {
    Limits { queue_wait: Duration::from_millis(150), ..Limits::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_is_told_and_every_span_counted() {
    // One batch fits, a second one does not.
    let mut loopback = Loopback::with(free_ports(), impatient(), 4_096).await;
    let body = trace_request(0, 20);
    let first = post(loopback.http(), TRACES, &[PROTO], body.clone()).await;
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(loopback.figures(ItemKind::Span), (20, 0, 0, 0));
    assert_unavailable_over_http(&post(loopback.http(), TRACES, &[PROTO], body.clone()).await);
    assert_eq!(loopback.figures(ItemKind::Span), (40, 20, 0, 0));
    assert_unavailable_over_grpc(&grpc(loopback.grpc(), GRPC_TRACES, &[], framed(&body)).await);
    assert_eq!(loopback.figures(ItemKind::Span), (60, 40, 0, 0));
    assert_eq!(loopback.counts().queued[ItemKind::Span.index()], 20);
    loopback.drain();
    assert_eq!((loopback.num_spans(), loopback.counts().queued[ItemKind::Span.index()]), (20, 0));
    loopback.stores_a_good_request().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_request_is_taken_in_part_and_the_rest_counted() {
    // 20,000 spans are some 8 MiB, in batches of 1 MiB, of which three fit.
    let mut loopback = Loopback::with(free_ports(), impatient(), 3 << 20).await;
    let body = trace_request(0, 20_000);
    for (encoding, body) in [(None, body.clone()), (Some("gzip"), gzip(&body)), (Some("zstd"), zstd(&body))] {
        let before = loopback.counts();
        let mut headers = vec![PROTO];
        headers.extend(encoding.map(|encoding| ("content-encoding", encoding)));
        assert_unavailable_over_http(&post(loopback.http(), TRACES, &headers, body).await);
        let after = loopback.counts();
        let span = ItemKind::Span.index();
        assert_eq!(after.received[span] - before.received[span], 20_000, "{encoding:?}");
        let num_queued = after.queued[span];
        assert!(num_queued > 4_000, "{encoding:?}: {num_queued}");
        assert_eq!(after.refused[span] - before.refused[span], 20_000 - num_queued, "{encoding:?}");
        loopback.spans.clear();
        loopback.drain();
        assert_eq!(loopback.num_spans() as u64, num_queued, "{encoding:?}");
    }
    loopback.stores_a_good_request().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_waits_goes_on_when_there_is_room() {
    let mut loopback = Loopback::with(free_ports(), Limits::default(), 2 << 20).await;
    let to = loopback.http();
    let long = tokio::spawn(async move { post(to, TRACES, &[PROTO], trace_request(0, 20_000)).await });
    loopback.wait_for("all of a long request", |loopback| loopback.num_spans() == 20_000).await;
    assert_eq!(long.await.unwrap().status, StatusCode::OK);
    assert_eq!(loopback.figures(ItemKind::Span), (20_000, 0, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_without_room_in_flight_is_told_so() {
    let config = Config { in_flight_bytes: 256 << 10, ..free_ports() };
    let mut loopback = Loopback::with(config, Limits::default(), 64 << 20).await;
    let body = trace_request(0, 2_000);
    assert!(body.len() > 256 << 10);
    assert_unavailable_over_http(&post(loopback.http(), TRACES, &[PROTO], body.clone()).await);
    assert_unavailable_over_grpc(&grpc(loopback.grpc(), GRPC_TRACES, &[], framed(&body)).await);
    // It fits as it came, but not what it becomes.
    let compressed = zstd(&body);
    assert!(compressed.len() < 200 << 10, "{}", compressed.len());
    assert_unavailable_over_http(&post(loopback.http(), TRACES, &[PROTO, ("content-encoding", "zstd")], compressed).await);
    // How many spans they held nobody knows.
    let (received, refused, undecodable, _) = loopback.figures(ItemKind::Span);
    assert_eq!((received, refused, undecodable), (0, 0, 3));
    loopback.stores_a_good_request().await;
    loopback
        .wait_for("the refusals", |loopback| loopback.refusals.iter().filter(|refusal| refusal.rule == "budget").map(|refusal| refusal.count).sum::<u64>() == 3)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_largest_request_passes_the_smallest_budget() {
    let config = Config { in_flight_bytes: switchboard_otlp::SMALL_IN_FLIGHT_BYTES, ..free_ports() };
    let mut loopback = Loopback::with(config, Limits::default(), 512 << 20).await;
    let mut num_spans = 165_000;
    let mut body = trace_request(0, num_spans);
    while body.len() > 64 << 20 {
        num_spans -= 1_000;
        body = trace_request(0, num_spans);
    }
    assert!(body.len() > 60 << 20);
    let compressed = zstd::encode_all(body.as_slice(), 1).unwrap();
    let answer = grpc(loopback.grpc(), GRPC_TRACES, &[], framed(&body)).await;
    assert_eq!(answer.grpc_status(), 0, "{answer:?}");
    let answer = post(loopback.http(), TRACES, &[PROTO, ("content-encoding", "zstd")], compressed).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    loopback.drain();
    assert_eq!(loopback.num_spans() as u64, num_spans * 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_bodies_are_cut() {
    let limits = Limits { body_grace: Duration::from_secs(1), ..Limits::default() };
    let mut loopback = Loopback::with(free_ports(), limits, 64 << 20).await;
    let stream = TcpStream::connect(loopback.http()).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    // A byte now, and then no more.
    let (send, body) = tokio::sync::mpsc::channel::<Result<http_body::Frame<Bytes>, std::convert::Infallible>>(1);
    send.send(Ok(http_body::Frame::data(Bytes::from_static(&[0x0a])))).await.unwrap();
    let stream = futures_of(body);
    let request = http::Request::builder()
        .method("POST")
        .uri(TRACES)
        .header("host", "localhost")
        .header("content-type", "application/x-protobuf")
        .body(BodyExt::boxed(StreamBody::new(stream)))
        .unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(10), sender.send_request(request)).await.expect("in time").unwrap();
    assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(loopback.figures(ItemKind::Span), (0, 0, 1, 1));
    drop(send);
    loopback.stores_a_good_request().await;
    loopback.wait_for("the refusal", |loopback| loopback.refusals.iter().any(|refusal| refusal.rule == "slow body")).await;
}

fn futures_of<T: Send + Sync + 'static>(receiver: tokio::sync::mpsc::Receiver<T>) -> impl futures::Stream<Item = T> + Send + Sync + 'static {
    futures::stream::unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|item| (item, receiver)) })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_heads_and_silent_connections_are_cut() {
    let limits = Limits { head: Duration::from_secs(1), ..Limits::default() };
    let mut loopback = Loopback::with(free_ports(), limits, 64 << 20).await;
    let mut slow = TcpStream::connect(loopback.http()).await.unwrap();
    slow.write_all(b"POST /v1/traces HTTP/1.1\r\nhost: local").await.unwrap();
    let mut silent = TcpStream::connect(loopback.grpc()).await.unwrap();
    for stream in [&mut slow, &mut silent] {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await.expect("cut in time");
        assert!(read.is_err() || rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    }
    loopback.wait_for("the refusal", |loopback| loopback.refusals.iter().any(|refusal| refusal.rule == "slow head")).await;
    loopback.stores_a_good_request().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_say_nothing_keep_no_good_sender_out() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let limits = Limits { connections: 64, head: Duration::from_secs(3), ..Limits::default() };
    let mut loopback = Loopback::with(free_ports(), limits, 64 << 20).await;
    let mut silent = Vec::new();
    for number in 0..150 {
        let mut stream = TcpStream::connect(if number % 2 == 0 { loopback.grpc() } else { loopback.http() }).await.unwrap();
        match number % 4 {
            0 => stream.write_all(PREFACE).await.unwrap(),
            1 => {}
            2 => stream.write_all(&PREFACE[..24]).await.unwrap(),
            _ => stream.write_all(b"POST /v1/traces HTTP/1.1\r\n").await.unwrap(),
        }
        silent.push(stream);
    }
    let began = std::time::Instant::now();
    for _ in 0..10 {
        loopback.stores_a_good_request().await;
    }
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    loopback.wait_for("the refusal", |loopback| loopback.refusals.iter().any(|refusal| refusal.rule == "connections")).await;
    // Within 10 s, here 3, all of them are gone.
    for mut stream in silent {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await.expect("cut in time");
        assert!(read.is_err() || !rest.starts_with(b"HTTP/1.1 200"));
    }
    loopback.stores_a_good_request().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_are_bounded() {
    let mut loopback = Loopback::start().await;
    let mut stream = TcpStream::connect(loopback.http()).await.unwrap();
    stream.write_all(b"POST /v1/traces HTTP/1.1\r\nhost: localhost\r\n").await.unwrap();
    let line = format!("x-filler: {}\r\n", "x".repeat(1_000));
    let mut answer = vec![0; 64];
    let mut num_sent = 0;
    // It ends long before that, once what lies in between is full: with an answer, or cut off.
    while num_sent < 64 << 20 && stream.write_all(line.as_bytes()).await.is_ok() {
        num_sent += line.len();
    }
    assert!(num_sent < 64 << 20, "nobody stopped it");
    if let Ok(num_read @ 1..) = stream.read(&mut answer).await {
        assert!(answer[..num_read].starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
    }
    loopback.wait_for("the refusal", |loopback| loopback.refusals.iter().any(|refusal| refusal.rule == "head size")).await;
    loopback.stores_a_good_request().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_http_is_listed() {
    let mut loopback = Loopback::start().await;
    for (bytes, rule) in [(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01][..], "tls"), (b"\x00\x00\x00\x01hello", "not http")] {
        for to in [loopback.http(), loopback.grpc()] {
            let mut stream = TcpStream::connect(to).await.unwrap();
            stream.write_all(bytes).await.unwrap();
            let mut answer = Vec::new();
            tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.expect("closed").ok();
        }
        loopback
            .wait_for(rule, |loopback| loopback.refusals.iter().filter(|refusal| refusal.rule == rule).map(|refusal| refusal.count).sum::<u64>() == 2)
            .await;
    }
    assert!(loopback.refusals[0].next_step.contains("without TLS"), "{:?}", loopback.refusals);
    loopback.stores_a_good_request().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_bounded() {
    let limits = Limits { connections: 4, ..Limits::default() };
    let mut loopback = Loopback::with(free_ports(), limits, 64 << 20).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        let stream = TcpStream::connect(loopback.http()).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake::<_, http_body_util::Full<Bytes>>(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let body = http_body_util::Full::new(Bytes::from(request(vec![good_span(1)]).encode_to_vec()));
        let message = http::Request::post(TRACES).header("host", "localhost").header(PROTO.0, PROTO.1).body(body).unwrap();
        assert_eq!(sender.send_request(message).await.unwrap().status(), StatusCode::OK);
        held.push(sender);
    }
    let mut fifth = TcpStream::connect(loopback.http()).await.unwrap();
    let mut rest = Vec::new();
    assert!(fifth.read_to_end(&mut rest).await.is_err() || rest.is_empty());
    loopback.wait_for("the refusal", |loopback| loopback.refusals.iter().any(|refusal| refusal.rule == "connections")).await;
    drop(held);
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    loop {
        let mut probe = TcpStream::connect(loopback.http()).await.unwrap();
        probe.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        if probe.read_to_end(&mut answer).await.is_ok() && answer.starts_with(b"HTTP/1.1 404") {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "no place became free");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
