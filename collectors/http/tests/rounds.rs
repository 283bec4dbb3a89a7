//! Starting and stopping leaves nothing behind. Alone in its process, since it counts the process's threads and descriptors.
#![cfg(target_os = "linux")]

#[path = "../../model/tests/rounds/mod.rs"]
mod rounds;

use axum::Router;
use axum::routing::get;
use switchboard_http::{Config, HttpPoller};
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
    let start = |sink, redactor| HttpPoller::start(config.clone(), sink, redactor, runtime.handle());
    rounds::assert_nothing_stays(&runtime, start, HttpPoller::stop);
}
