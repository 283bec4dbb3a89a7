//! Starting and stopping leaves nothing behind. Alone in its process, since it counts the process's threads and descriptors.
#![cfg(target_os = "linux")]

use std::sync::Arc;
use std::time::Duration;

use switchboard_grpc::{Config, GrpcHealth};
use switchboard_measure::rounds;
use switchboard_model::{Input, Redactor, SourceId, SourcePhase, channel};
use tokio::runtime::Runtime;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

#[test]
fn a_hundred_rounds_of_start_and_stop_leave_threads_and_descriptors_as_before() {
    let runtime = Runtime::new().expect("a runtime");
    let incoming = runtime.block_on(async { TcpIncoming::bind("127.0.0.1:0".parse().expect("an address")) }).expect("a port");
    let config = Config { url: format!("http://{}", incoming.local_addr().expect("bound")), ..Config::default() };
    let (_reporter, health) = tonic_health::server::health_reporter();
    runtime.spawn(Server::builder().add_service(health).serve_with_incoming(incoming));
    rounds::assert_nothing_stays(
        || {
            let (intake, outlet) = channel(1 << 20);
            let redactor = Arc::new(Redactor::new([1; 16], &[]));
            let collector = GrpcHealth::start(config.clone(), intake.sink(SourceId(1)), redactor, runtime.handle());
            (intake, outlet, collector)
        },
        |(_, outlet, _)| matches!(outlet.recv(Duration::from_millis(50)), Some(Input::Status(status)) if status.phase == SourcePhase::Live),
        |(intake, _outlet, collector)| {
            intake.close(SourceId(1));
            runtime.block_on(collector.stop());
        },
    );
}
