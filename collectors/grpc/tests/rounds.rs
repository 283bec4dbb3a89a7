//! Starting and stopping leaves nothing behind. Alone in its process, since it counts the process's threads and descriptors.
#![cfg(target_os = "linux")]

#[path = "../../model/tests/rounds/mod.rs"]
mod rounds;

use switchboard_grpc::{Config, GrpcHealth};
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
    let start = |sink, redactor| GrpcHealth::start(config.clone(), sink, redactor, runtime.handle());
    rounds::assert_nothing_stays(&runtime, start, GrpcHealth::stop);
}
