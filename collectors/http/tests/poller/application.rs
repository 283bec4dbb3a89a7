//! A real HTTP server that answers as an application with an actuator does, or as one that should not be trusted.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How an endpoint answers.
#[derive(Clone, Debug)]
pub enum Reply {
    /// With status, headers and body.
    Body(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// With JSON.
    Json(Value),
    /// With JSON of the one and the other in turn, each with the header given.
    Turns(Vec<(Option<&'static str>, Value)>),
    /// Never.
    Hangs,
    /// With a byte now and then, for ever.
    Trickles,
    /// With a body without end.
    Endless,
    /// With half a body, whereupon the connection breaks off.
    BreaksOff,
}

/// What was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    pub headers: HeaderMap,
}

#[derive(Clone, Debug, Default)]
struct Shared {
    replies: Arc<Mutex<HashMap<String, Reply>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// With a status; `None` = the connection breaks off.
    failing_once: Arc<Mutex<HashMap<String, Option<u16>>>>,
}

/// A running server.
#[derive(Debug)]
pub struct Application {
    pub address: SocketAddr,
    shared: Shared,
    task: JoinHandle<()>,
}

impl Application {
    /// Starts one on a free port, with no endpoint.
    pub fn start(runtime: &tokio::runtime::Runtime) -> Self {
        Self::start_at(runtime, "127.0.0.1:0".parse().expect("an address"), Shared::default())
    }

    fn start_at(runtime: &tokio::runtime::Runtime, address: SocketAddr, shared: Shared) -> Self {
        let listener = runtime.block_on(TcpListener::bind(address)).expect("a port");
        let address = listener.local_addr().expect("bound");
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let task = runtime.spawn(async move { axum::serve(listener, router).await.expect("serves") });
        Self { address, shared, task }
    }

    /// A router that answers as this server does, for a listener of the caller's own.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.shared.clone())
    }

    /// The actuator's address.
    pub fn url(&self) -> String {
        format!("http://{}/actuator", self.address)
    }

    /// From now on the endpoint (`circuitbreakers`, …; `""` = the list of links) answers so.
    pub fn reply(&self, endpoint: &str, reply: Reply) {
        let path = format!("/actuator/{endpoint}");
        self.shared.replies.lock().unwrap_or_else(PoisonError::into_inner).insert(path.trim_end_matches('/').to_owned(), reply);
    }

    /// From now on this path answers so.
    pub fn reply_at(&self, path: &str, reply: Reply) {
        self.shared.replies.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), reply);
    }

    /// The endpoint's next answer is this status, or with `None` breaks off, and no further one.
    pub fn fail_once(&self, endpoint: &str, status: Option<u16>) {
        self.shared.failing_once.lock().unwrap_or_else(PoisonError::into_inner).insert(format!("/actuator/{endpoint}"), status);
    }

    /// Breakers and events as Resilience4j 2 tells them.
    pub fn tells(&self, breakers: impl Into<Value>, events: impl Into<Value>) {
        self.reply("circuitbreakers", Reply::Json(json!({ "circuitBreakers": breakers.into() })));
        self.reply("circuitbreakerevents", Reply::Json(json!({ "circuitBreakerEvents": events.into() })));
    }

    /// All that was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the server with all its connections.
    pub fn down(&self, runtime: &tokio::runtime::Runtime) {
        self.task.abort();
        runtime.block_on(async {
            while !self.task.is_finished() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
    }

    /// Starts it again on its port.
    pub fn up(self, runtime: &tokio::runtime::Runtime) -> Self {
        Self::start_at(runtime, self.address, self.shared.clone())
    }
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    shared.asked.lock().unwrap_or_else(PoisonError::into_inner).push(Asked { path: path.clone(), headers: request.headers().clone() });
    if let Some(status) = shared.failing_once.lock().unwrap_or_else(PoisonError::into_inner).remove(&path) {
        return match status {
            Some(status) => StatusCode::from_u16(status).expect("a status").into_response(),
            None => breaks_off(),
        };
    }
    let reply = {
        let mut replies = shared.replies.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Reply::Turns(turns)) = replies.get_mut(&path) {
            turns.rotate_left(1);
        }
        replies.get(&path).cloned()
    };
    let json = |body: &Value| ([("content-type", "application/vnd.spring-boot.actuator.v3+json")], body.to_string());
    match reply {
        None => (StatusCode::NOT_FOUND, json(&json!({"status": 404, "error": "Not Found"}))).into_response(),
        Some(Reply::Json(body)) => json(&body).into_response(),
        Some(Reply::Turns(turns)) => match &turns[0] {
            (Some(instance), body) => ([("x-instance-id", *instance)], json(body)).into_response(),
            (None, body) => json(body).into_response(),
        },
        Some(Reply::Body(status, headers, body)) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Body::from(body)).expect("a response")
        }
        Some(Reply::Hangs) => std::future::pending().await,
        Some(Reply::Trickles) => Body::from_stream(futures::stream::repeat(()).then(|()| async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok::<_, std::io::Error>(Bytes::from_static(b" "))
        }))
        .into_response(),
        Some(Reply::BreaksOff) => breaks_off(),
        Some(Reply::Endless) => {
            Body::from_stream(futures::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 16 << 10])))).into_response()
        }
    }
}

fn breaks_off() -> Response {
    let parts = [Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("it breaks off"))];
    Body::from_stream(futures::stream::iter(parts)).into_response()
}

/// A breaker as Resilience4j 2 tells it.
pub fn breaker(state: &str, not_permitted_calls: u64) -> Value {
    json!({"failureRate": "62.5%", "slowCallRate": "0.0%", "failureRateThreshold": "50.0%", "slowCallRateThreshold": "100.0%", "bufferedCalls": 8,
        "failedCalls": 5, "slowCalls": 0, "slowFailedCalls": 0, "notPermittedCalls": not_permitted_calls, "state": state})
}

/// An event of the breaker `payments`, so many seconds after ten o'clock.
pub fn event(second: u32, kind: &str, transition: Option<&str>) -> Value {
    let time = format!("2026-11-21T11:{:02}:{:02}.123456789+01:00[Europe/Berlin]", second / 60, second % 60);
    json!({"circuitBreakerName": "payments", "type": kind, "creationTime": time, "errorMessage": null, "durationInMs": null, "stateTransition": transition})
}
