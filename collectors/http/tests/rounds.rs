//! Starting and stopping leaves nothing behind. Alone in its process, since it counts the process's threads and descriptors.
#![cfg(target_os = "linux")]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use switchboard_http::{Config, HttpPoller};
use switchboard_measure::rounds;
use switchboard_model::{Input, Redactor, SourceId, SourcePhase, channel};
use tokio::runtime::Runtime;

#[test]
fn a_hundred_rounds_of_start_and_stop_leave_threads_and_descriptors_as_before() {
    let runtime = Runtime::new().expect("a runtime");
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
    let config = Config { url: format!("http://{}/actuator", listener.local_addr().expect("bound")), ..Config::default() };
    let router = Router::new()
        .route("/actuator/circuitbreakers", get(async || r#"{"circuitBreakers":{}}"#))
        .route("/actuator/circuitbreakerevents", get(async || r#"{"circuitBreakerEvents":[]}"#));
    runtime.spawn(async move { axum::serve(listener, router).await });
    rounds::assert_nothing_stays(
        || {
            let (intake, outlet) = channel(1 << 20);
            let redactor = Arc::new(Redactor::new([1; 16], &[]));
            let poller = HttpPoller::start(config.clone(), intake.sink(SourceId(1)), redactor, runtime.handle());
            (intake, outlet, poller)
        },
        |(_, outlet, _)| matches!(outlet.recv(Duration::from_millis(50)), Some(Input::Status(status)) if status.phase == SourcePhase::Live),
        |(intake, _outlet, poller)| {
            intake.close(SourceId(1));
            runtime.block_on(poller.stop());
        },
    );
}
