//! Starting and stopping leaves nothing behind. Alone in its process, since it counts the process's threads and descriptors.
#![cfg(target_os = "linux")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard_grpc::{Config, GrpcHealth};
use switchboard_model::{Input, Redactor, SourceId, SourcePhase, channel};
use tokio::runtime::Runtime;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

const DEADLINE: Duration = Duration::from_secs(20);

/// Threads and descriptors of this process.
fn counts() -> (usize, usize) {
    let count = |folder: &str| std::fs::read_dir(folder).expect("proc").count();
    (count("/proc/self/task"), count("/proc/self/fd"))
}

/// Waits until the counts are as expected, or, where nothing is expected, until they have not changed for half a second.
fn settled(expected: Option<(usize, usize)>) -> (usize, usize) {
    let deadline = Instant::now() + DEADLINE;
    let (mut last, mut since) = (counts(), Instant::now());
    loop {
        std::thread::sleep(Duration::from_millis(20));
        let now = counts();
        if now != last {
            (last, since) = (now, Instant::now());
        }
        if expected.map_or(since.elapsed() > Duration::from_millis(500), |expected| now == expected) || Instant::now() > deadline {
            return now;
        }
    }
}

/// Starts a collector, waits until it is live, stops it as the session does.
fn round(runtime: &Runtime, url: &str) {
    let (intake, mut outlet) = channel(1 << 20);
    let config = Config { url: url.to_owned(), ..Config::default() };
    let collector = GrpcHealth::start(config, intake.sink(SourceId(1)), Arc::new(Redactor::new([1; 16], &[])), runtime.handle());
    let deadline = Instant::now() + DEADLINE;
    loop {
        assert!(Instant::now() < deadline, "it is live within {DEADLINE:?}");
        if matches!(outlet.recv(Duration::from_millis(50)), Some(Input::Status(status)) if status.phase == SourcePhase::Live) {
            break;
        }
    }
    intake.close(SourceId(1));
    let started = Instant::now();
    runtime.block_on(collector.stop());
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
}

#[test]
fn a_hundred_rounds_of_start_and_stop_leave_threads_and_descriptors_as_before() {
    let runtime = Runtime::new().expect("a runtime");
    let incoming = runtime.block_on(async { TcpIncoming::bind("127.0.0.1:0".parse().expect("an address")) }).expect("a port");
    let url = format!("http://{}", incoming.local_addr().expect("bound"));
    let (_reporter, health) = tonic_health::server::health_reporter();
    runtime.spawn(Server::builder().add_service(health).serve_with_incoming(incoming));
    // What is made once, such as the runtime's threads, is made in the first round.
    round(&runtime, &url);
    let before = settled(None);
    for _ in 0..100 {
        round(&runtime, &url);
    }
    assert_eq!(settled(Some(before)), before, "threads and descriptors");
}
