//! Ports that are taken, ports of any number, and the end.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use prost::Message;
use switchboard_model::{FailureKind, ItemKind, Redactor, SourceCommand, SourcePhase, channel};
use switchboard_otlp::{Config, Limits, OtlpReceiver};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use crate::loopback::{GRPC_TRACES, Loopback, SOURCE, TRACES, framed, free_ports, good_span, grpc, grpc_in_work, http1, post, request};

const PROTO: (&str, &str) = ("content-type", "application/x-protobuf");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_loopback_addresses_answer() {
    let mut loopback = Loopback::start().await;
    let has_v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await.is_ok();
    for addresses in [&loopback.bound.grpc, &loopback.bound.http] {
        assert_eq!(addresses.len(), if has_v6 { 2 } else { 1 });
        assert!(addresses.iter().all(|address| address.ip().is_loopback() && address.port() == addresses[0].port()));
    }
    for address in loopback.bound.http.clone() {
        assert!(post(address, TRACES, &[PROTO], request(vec![good_span(1)]).encode_to_vec()).await.status.is_success());
    }
    for address in loopback.bound.grpc.clone() {
        assert_eq!(grpc(address, GRPC_TRACES, &[], framed(&request(vec![good_span(1)]).encode_to_vec())).await.grpc_status(), 0);
    }
    loopback.wait_for("the state", |loopback| loopback.statuses.last().is_some_and(|status| status.phase == SourcePhase::Live)).await;
    let status = loopback.statuses.last().unwrap();
    assert!(status.detail.contains(&loopback.grpc().to_string()) && status.detail.contains(&loopback.http().to_string()), "{}", status.detail);
    assert_eq!((status.failure, status.next_step.as_str()), (None, ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_port_is_a_state_and_tried_again() {
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = other.local_addr().unwrap().port();
    let mut loopback = Loopback::with(Config { grpc_port: Some(port), ..free_ports() }, Limits::default(), 64 << 20).await;
    loopback.wait_for("the state", |loopback| loopback.statuses.last().is_some_and(|status| status.phase == SourcePhase::Degraded)).await;
    let status = loopback.statuses.last().unwrap().clone();
    assert_eq!(status.failure, Some(FailureKind::Connect));
    assert!(status.detail.contains(&format!("127.0.0.1:{port} (gRPC) cannot be listened on: another program listens there")), "{}", status.detail);
    assert!(status.next_step.contains("grpc_port"), "{}", status.next_step);
    // The other port works meanwhile.
    assert!(post(loopback.http(), TRACES, &[PROTO], request(vec![good_span(1)]).encode_to_vec()).await.status.is_success());
    drop(other);
    loopback.receiver.as_ref().unwrap().command(SourceCommand::Refresh);
    loopback.wait_for("the port", |loopback| loopback.statuses.last().is_some_and(|status| status.phase == SourcePhase::Live)).await;
    let answer = grpc((Ipv4Addr::LOCALHOST, port).into(), GRPC_TRACES, &[], framed(&request(vec![good_span(1)]).encode_to_vec())).await;
    assert_eq!(answer.grpc_status(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_port_at_all_is_failed_and_comes_back_by_itself() {
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = other.local_addr().unwrap().port();
    let config = Config { grpc_port: None, http_port: Some(port), ..Config::default() };
    let mut loopback = Loopback::with(config, Limits::default(), 64 << 20).await;
    assert!(loopback.bound.http.is_empty());
    loopback.wait_for("the state", |loopback| loopback.statuses.last().is_some_and(|status| status.phase == SourcePhase::Failed)).await;
    drop(other);
    loopback.wait_for("the port", |loopback| loopback.statuses.last().is_some_and(|status| status.phase == SourcePhase::Live)).await;
    assert!(post((Ipv4Addr::LOCALHOST, port).into(), TRACES, &[PROTO], Vec::new()).await.status.is_success());
    // Every state came after the one that says it is being tried.
    assert_eq!(loopback.statuses[0].source, SOURCE);
    let none = Loopback::with(Config { grpc_port: None, http_port: None, ..Config::default() }, Limits::default(), 1 << 20);
    let mut none = tokio::time::timeout(Duration::from_secs(5), none).await.expect("nothing is waited for");
    none.wait_for("the state", |none| none.statuses.last().is_some_and(|status| status.phase == SourcePhase::Failed)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_taken_on_ipv6_only_is_told() {
    let Ok(other) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await else { return };
    let port = other.local_addr().unwrap().port();
    let config = Config { http_port: Some(port), grpc_port: None, ..Config::default() };
    let mut loopback = Loopback::with(config, Limits::default(), 64 << 20).await;
    loopback.wait_for("the state", |loopback| loopback.statuses.last().is_some_and(|status| status.phase == SourcePhase::Degraded)).await;
    assert!(loopback.statuses.last().unwrap().detail.contains(&format!("[::1]:{port}")));
    drop(other);
    loopback.wait_for("the address", |loopback| loopback.statuses.last().is_some_and(|status| status.phase == SourcePhase::Live)).await;
    assert!(post((Ipv6Addr::LOCALHOST, port).into(), TRACES, &[PROTO], Vec::new()).await.status.is_success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg(target_os = "linux")]
async fn dockers_bridge_is_a_choice() {
    let mut loopback = Loopback::with(Config { docker_bridge: true, ..free_ports() }, Limits::default(), 64 << 20).await;
    // Where Docker runs its address is listened on and that is said; where it does not, that is said.
    let has_docker = std::fs::read_to_string("/proc/net/route").is_ok_and(|routes| routes.contains("docker0"));
    let phase = if has_docker { SourcePhase::Live } else { SourcePhase::Degraded };
    loopback.wait_for("the state", |loopback| loopback.statuses.last().is_some_and(|status| status.phase == phase)).await;
    let status = loopback.statuses.last().unwrap();
    let sentence = if has_docker { "Every container on Docker's bridge can send to" } else { "172.17.0.1" };
    assert!(status.detail.contains(sentence), "{}", status.detail);
    assert!(has_docker || status.next_step.contains("docker_bridge"), "{}", status.next_step);
    let headers = [("host", "host.docker.internal:4318"), PROTO];
    let answer = http1(loopback.http(), http::Method::POST, TRACES, &headers, request(vec![good_span(1)]).encode_to_vec()).await;
    assert!(answer.status.is_success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_takes_less_than_half_a_second_whatever_hangs() {
    let mut loopback = Loopback::with(free_ports(), Limits::default(), 2_000).await;
    let (grpc_address, http_address) = (loopback.grpc(), loopback.http());
    // A silent connection, one in the middle of a head, one whose body does not come, and requests that wait for room: of the long one
    // only what an empty queue takes is taken.
    let mut silent = TcpStream::connect(grpc_address).await.unwrap();
    let mut begun = TcpStream::connect(http_address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut begun, b"POST /v1/tr").await.unwrap();
    let mut half = TcpStream::connect(http_address).await.unwrap();
    let head = b"POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-protobuf\r\ncontent-length: 100\r\n\r\nabc";
    tokio::io::AsyncWriteExt::write_all(&mut half, head).await.unwrap();
    let long = switchboard_otlp::testing::trace_request(0, 20_000);
    let waiting_long = tokio::spawn(async move { post(http_address, TRACES, &[PROTO], long).await });
    let deadline = Instant::now() + Duration::from_secs(20);
    while loopback.figures(ItemKind::Span).0 == 0 {
        assert!(Instant::now() < deadline, "nothing of the long one is taken");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let waiting = grpc_in_work(grpc_address, GRPC_TRACES, framed(&switchboard_otlp::testing::trace_request(0, 20))).await;
    // The wait itself: both are turned away again and again, for a part of the time that they would wait for room (5 s).
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!waiting.is_finished() && !waiting_long.is_finished());
    let (num_taken, ..) = loopback.figures(ItemKind::Span);
    assert!(num_taken < 20_000, "the rest of the long one waits");
    let began = Instant::now();
    loopback.intake.close(SOURCE);
    loopback.receiver.take().unwrap().stop().await;
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    // Those that waited were told; nothing of them is counted.
    assert_eq!(waiting.await.unwrap().grpc_status(), 14);
    assert_eq!(waiting_long.await.unwrap().status.as_u16(), 503);
    assert_eq!(loopback.figures(ItemKind::Span), (num_taken, 0, 0, 0));
    for stream in [&mut silent, &mut begun, &mut half] {
        let mut rest = Vec::new();
        tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await.expect("closed").ok();
    }
    assert!(TcpStream::connect(http_address).await.is_err(), "the port is free again");
    let again = TcpListener::bind(grpc_address).await;
    assert!(again.is_ok(), "{again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_rounds_leave_nothing_behind() {
    let (intake, _outlet) = channel(64 << 20);
    let redactor = Arc::new(Redactor::new([7; 16], &[]));
    let num_descriptors = || std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let mut first = None;
    for round in 0..50 {
        let receiver = OtlpReceiver::start(free_ports(), intake.sink(SOURCE), Arc::clone(&redactor), &tokio::runtime::Handle::current());
        let bound = receiver.bound().await.unwrap();
        assert!(post(bound.http[0], TRACES, &[PROTO], request(vec![good_span(1)]).encode_to_vec()).await.status.is_success());
        intake.close(SOURCE);
        receiver.stop().await;
        assert!(TcpStream::connect(bound.http[0]).await.is_err(), "round {round}");
        first.get_or_insert(num_descriptors());
    }
    // Other tests of this program open and close theirs meanwhile; fifty rounds of leaks would be hundreds.
    assert!(num_descriptors() < first.unwrap() + 150);
    assert_eq!(intake.counts()[0].1.received[ItemKind::Span.index()], 50);
}
