//! Passes accepted requests on to one existing endpoint, unchanged: the bytes as they came, compressed or not.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use parking_lot::Mutex;
use switchboard_model::Backoff;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::answer::{GRPC, JSON, PROTOBUF, Protocol};
use crate::board::{Board, ForwardState};
use crate::config::{Bound, Limits};
use crate::decode::{Encoding, Signal};
use crate::decompress::Compression;
use crate::stopping::Stopping;

/// Stands on what was passed on once, so that two receivers that point at each other do not pass it around without end.
pub(crate) const FORWARDED: HeaderName = HeaderName::from_static("switchboard-forwarded");
/// Time for one attempt.
const ATTEMPT: Duration = Duration::from_secs(10);
/// How long a loss is told as a present trouble.
const LOSS_SHOWN: Duration = Duration::from_mins(1);
/// What a waiting request weighs besides its body.
const OVERHEAD_BYTES: usize = 512;

/// A request that was accepted, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Passed {
    pub(crate) signal: Signal,
    pub(crate) protocol: Protocol,
    pub(crate) compression: Compression,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Passed {
    fn num_bytes(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        self.body.len() + headers + OVERHEAD_BYTES
    }
}

/// Where to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Endpoint {
    is_grpc: bool,
    /// `host:port`, as written.
    authority: String,
    host: String,
    port: u16,
    /// Path before OTLP's own.
    base: String,
}

impl Endpoint {
    fn parse(text: &str) -> Result<Self, String> {
        let form = || format!("{:?} is not of the form http://host:port or grpc://host:port", without_userinfo(text));
        let (is_grpc, rest) = match (text.strip_prefix("http://"), text.strip_prefix("grpc://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err(form()),
        };
        let uri: Uri = format!("http://{rest}").parse().map_err(|_| form())?;
        let authority = uri.authority().ok_or_else(form)?;
        let port = authority.port_u16().unwrap_or(if is_grpc { 4317 } else { 4318 });
        let host = authority.host().to_owned();
        // A password may hold what ends an authority, so that its rest looks like a path.
        if host.is_empty() || rest.contains('@') || port == 0 {
            return Err(form());
        }
        Ok(Self { is_grpc, authority: format!("{host}:{port}"), host, port, base: uri.path().trim_end_matches('/').to_owned() })
    }

    /// Whether it is one of our own addresses.
    async fn is_ours(&self, bound: &Bound) -> bool {
        let ours: Vec<SocketAddr> = bound.grpc.iter().chain(&bound.http).copied().filter(|address| address.port() == self.port).collect();
        if ours.is_empty() {
            return false;
        }
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        if host.eq_ignore_ascii_case("localhost") || host.eq_ignore_ascii_case("host.docker.internal") {
            return true;
        }
        let is_our_ip = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified() || ours.iter().any(|address| address.ip() == ip);
        match host.parse::<IpAddr>() {
            Ok(ip) => is_our_ip(ip),
            Err(_) => tokio::net::lookup_host((host, self.port)).await.is_ok_and(|mut found| found.any(|address| is_our_ip(address.ip()))),
        }
    }
}

#[derive(Default)]
struct Waiting {
    requests: VecDeque<Passed>,
    num_bytes: usize,
    num_lost: u64,
    lost_why: String,
    lost_at: Option<Instant>,
}

/// The queue of what is to be passed on, and the one task that does it.
#[derive(Clone)]
pub(crate) struct Forwarder {
    waiting: Arc<Mutex<Waiting>>,
    came: Arc<Notify>,
    limit_bytes: usize,
}

impl Forwarder {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { waiting: Arc::default(), came: Arc::default(), limit_bytes: limits.forward_bytes }
    }

    /// Takes a request to pass on; beyond the queue's bound it is lost, and counted.
    pub(crate) fn pass(&self, request: Passed) {
        if request.headers.contains_key(FORWARDED) {
            return;
        }
        let num_bytes = request.num_bytes();
        let mut waiting = self.waiting.lock();
        if waiting.num_bytes + num_bytes > self.limit_bytes {
            waiting.lose(format!("more than {} MiB waited", self.limit_bytes >> 20));
        } else {
            waiting.num_bytes += num_bytes;
            waiting.requests.push_back(request);
        }
        drop(waiting);
        self.came.notify_one();
    }

    /// Passes on what comes, until the source is closed.
    pub(crate) async fn run(self, endpoint: String, board: Board, mut bound: watch::Receiver<Option<Bound>>, mut stopping: Stopping) {
        let run = async {
            let mut state = ForwardState { endpoint: without_userinfo(&endpoint), ..ForwardState::default() };
            let target = match Endpoint::parse(&endpoint) {
                Ok(target) => target,
                Err(why) => {
                    self.refuse(why, &mut state, &board).await;
                    return;
                }
            };
            // Ours may be port 0, so it is known only now; a port that is bound later is looked at again.
            if bound.wait_for(Option::is_some).await.is_err() {
                return;
            }
            let http = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector());
            let grpc = Client::builder(TokioExecutor::new()).timer(TokioTimer::new()).http2_only(true).build(connector());
            board.forward(&state);
            let mut pause = Backoff::default();
            loop {
                let ours = bound.borrow_and_update().clone().unwrap_or_default();
                if target.is_ours(&ours).await {
                    self.refuse("it is this receiver itself".to_owned(), &mut state, &board).await;
                    return;
                }
                let Some(request) = self.first() else {
                    self.tell(&mut state, &board);
                    let quiet = Duration::from_secs(if state.is_losing { 5 } else { 3_600 });
                    tokio::select! {
                        () = self.came.notified() => {}
                        () = tokio::time::sleep(quiet) => {}
                    }
                    continue;
                };
                let outcome = send(&request, &target, &http, &grpc).await;
                match outcome {
                    Outcome::Taken => {
                        self.drop_first();
                        state.failing = None;
                        pause = Backoff::default();
                    }
                    Outcome::Refused(why) => {
                        self.drop_first();
                        self.waiting.lock().lose(why);
                        state.failing = None;
                    }
                    Outcome::TryAgain(why, after) => {
                        state.failing = Some(why);
                        let until = Instant::now() + after.unwrap_or_else(|| pause.next_delay());
                        // What is lost meanwhile is told meanwhile.
                        while Instant::now() < until {
                            self.tell(&mut state, &board);
                            tokio::time::sleep_until(until.min(Instant::now() + Duration::from_secs(1))).await;
                        }
                    }
                }
                self.tell(&mut state, &board);
            }
        };
        tokio::select! {
            () = run => {}
            () = stopping.told() => {}
        }
    }

    fn first(&self) -> Option<Passed> {
        self.waiting.lock().requests.front().cloned()
    }

    fn drop_first(&self) {
        let mut waiting = self.waiting.lock();
        if let Some(request) = waiting.requests.pop_front() {
            waiting.num_bytes -= request.num_bytes();
        }
    }

    fn tell(&self, state: &mut ForwardState, board: &Board) {
        let waiting = self.waiting.lock();
        state.num_lost = waiting.num_lost;
        state.lost_why.clone_from(&waiting.lost_why);
        state.is_losing = waiting.lost_at.is_some_and(|at| at.elapsed() < LOSS_SHOWN);
        drop(waiting);
        board.forward(state);
    }

    /// Says that nothing can be passed on, and counts what comes nevertheless.
    async fn refuse(&self, why: String, state: &mut ForwardState, board: &Board) {
        state.refused = Some(why.clone());
        loop {
            {
                let mut waiting = self.waiting.lock();
                let num_waiting = waiting.requests.len() as u64;
                waiting.requests.clear();
                waiting.num_bytes = 0;
                if num_waiting > 0 {
                    waiting.lose(why.clone());
                    waiting.num_lost += num_waiting - 1;
                }
            }
            self.tell(state, board);
            self.came.notified().await;
        }
    }
}

impl Waiting {
    fn lose(&mut self, why: String) {
        self.num_lost += 1;
        self.lost_why = why;
        self.lost_at = Some(Instant::now());
    }
}

/// An address as it may be shown: a user and a password before the host are not.
fn without_userinfo(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").map_or(("", address), |(scheme, rest)| (&address[..scheme.len() + 3], rest));
    // A password may itself hold what ends an authority: all up to the last @ goes.
    rest.rsplit_once('@').map_or_else(|| address.to_owned(), |(_, host)| format!("{scheme}…@{host}"))
}

fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(Duration::from_secs(5)));
    connector.set_nodelay(true);
    connector
}

enum Outcome {
    Taken,
    /// The endpoint will never take it.
    Refused(String),
    /// Not now; after so long, if it said so.
    TryAgain(String, Option<Duration>),
}

type HttpClient = Client<HttpConnector, Full<Bytes>>;

async fn send(passed: &Passed, endpoint: &Endpoint, http: &HttpClient, grpc: &HttpClient) -> Outcome {
    let request = if endpoint.is_grpc { grpc_request(passed, endpoint) } else { http_request(passed, endpoint) };
    let request = match request {
        Ok(request) => request,
        Err(why) => return Outcome::Refused(why),
    };
    let client = if endpoint.is_grpc { grpc } else { http };
    let attempt = async {
        let response = client.request(request).await.map_err(|error| in_full(&error))?;
        let (head, body) = response.into_parts();
        let trailers = http_body_util::Limited::new(body, 1 << 20).collect().await.map_err(|error| error.to_string())?.trailers().cloned();
        Ok::<_, String>((head, trailers.unwrap_or_default()))
    };
    let (head, trailers) = match tokio::time::timeout(ATTEMPT, attempt).await {
        Err(_) => return Outcome::TryAgain("no answer within 10 s".to_owned(), None),
        Ok(Err(why)) => return Outcome::TryAgain(why, None),
        Ok(Ok(answer)) => answer,
    };
    if endpoint.is_grpc && head.status == StatusCode::OK {
        let status = trailers.get("grpc-status").or_else(|| head.headers.get("grpc-status")).and_then(|status| status.to_str().ok()?.parse::<u8>().ok());
        return match status {
            Some(0) => Outcome::Taken,
            // What OTLP calls retryable: cancelled, deadline, aborted, out of range, unavailable, data loss.
            Some(1 | 4 | 10 | 11 | 14 | 15) => Outcome::TryAgain(format!("it answers with gRPC status {}", status.unwrap_or(0)), None),
            Some(status) => Outcome::Refused(format!("it answered with gRPC status {status}")),
            None => Outcome::Refused("it answered without a gRPC status".to_owned()),
        };
    }
    match head.status.as_u16() {
        200..=299 if !endpoint.is_grpc => Outcome::Taken,
        429 | 502 | 503 | 504 => Outcome::TryAgain(format!("it answers with HTTP {}", head.status), retry_after(&head.headers)),
        _ => Outcome::Refused(format!("it answered with HTTP {}", head.status)),
    }
}

fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.clamp(1, 30)))
}

/// Headers that belong to one connection, or that this request gets anew.
fn is_own_to_connection(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "host"
            | "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authorization"
            | "transfer-encoding"
            | "te"
            | "trailer"
            | "upgrade"
            | "expect"
            | "content-length"
            | "content-type"
            | "content-encoding"
            | "grpc-encoding"
            | "grpc-accept-encoding"
            | "accept-encoding"
            | "grpc-timeout"
            | "origin"
    )
}

fn head(passed: &Passed, uri: &str, content_type: &'static str) -> Result<Request<Full<Bytes>>, String> {
    let mut request = Request::new(Full::default());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri.parse().map_err(|_| format!("{uri} is not an address"))?;
    let headers = request.headers_mut();
    for (name, value) in &passed.headers {
        if !is_own_to_connection(name) {
            headers.append(name.clone(), value.clone());
        }
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(FORWARDED, HeaderValue::from_static("1"));
    Ok(request)
}

fn encoding(compression: Compression) -> Option<HeaderValue> {
    match compression {
        Compression::Identity => None,
        Compression::Gzip => Some(HeaderValue::from_static("gzip")),
        Compression::Zstd => Some(HeaderValue::from_static("zstd")),
    }
}

fn http_request(passed: &Passed, endpoint: &Endpoint) -> Result<Request<Full<Bytes>>, String> {
    let path = match passed.signal {
        Signal::Traces => "/v1/traces",
        Signal::Logs => "/v1/logs",
        Signal::Metrics => "/v1/metrics",
    };
    let content_type = if passed.protocol == Protocol::Http(Encoding::Json) { JSON } else { PROTOBUF };
    let mut request = head(passed, &format!("http://{}{}{path}", endpoint.authority, endpoint.base), content_type)?;
    if let Some(encoding) = encoding(passed.compression) {
        request.headers_mut().insert(header::CONTENT_ENCODING, encoding);
    }
    *request.body_mut() = Full::new(passed.body.clone());
    Ok(request)
}

fn grpc_request(passed: &Passed, endpoint: &Endpoint) -> Result<Request<Full<Bytes>>, String> {
    if passed.protocol == Protocol::Http(Encoding::Json) {
        return Err("JSON cannot be passed on over gRPC unchanged; forward to an http:// endpoint".to_owned());
    }
    let path = match passed.signal {
        Signal::Traces => "opentelemetry.proto.collector.trace.v1.TraceService",
        Signal::Logs => "opentelemetry.proto.collector.logs.v1.LogsService",
        Signal::Metrics => "opentelemetry.proto.collector.metrics.v1.MetricsService",
    };
    let mut request = head(passed, &format!("http://{}/{path}/Export", endpoint.authority), GRPC)?;
    request.headers_mut().insert(header::TE, HeaderValue::from_static("trailers"));
    if let Some(encoding) = encoding(passed.compression) {
        request.headers_mut().insert(HeaderName::from_static("grpc-encoding"), encoding);
    }
    let mut framed = BytesMut::with_capacity(passed.body.len() + 5);
    framed.put_u8(u8::from(passed.compression != Compression::Identity));
    framed.put_u32(passed.body.len() as u32);
    framed.extend_from_slice(&passed.body);
    *request.body_mut() = Full::new(framed.freeze());
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn endpoints_and_loops() {
        let bound = Bound { grpc: vec!["127.0.0.1:4317".parse().unwrap()], http: vec!["127.0.0.1:4318".parse().unwrap(), "172.17.0.1:4318".parse().unwrap()] };
        for ours in [
            "http://localhost:4318",
            "grpc://127.0.0.1:4317",
            "http://[::1]:4318/",
            "http://LOCALHOST",
            "http://0.0.0.0:4317",
            "http://127.8.8.8:4317",
            "http://172.17.0.1:4318",
        ] {
            assert!(Endpoint::parse(ours).unwrap().is_ours(&bound).await, "{ours}");
        }
        for other in ["http://localhost:5318", "grpc://10.0.0.1:4317", "http://172.17.0.2:4318"] {
            assert!(!Endpoint::parse(other).unwrap().is_ours(&bound).await, "{other}");
        }
        for bad in ["", "localhost:4318", "https://localhost:4318", "http://", "http://me@host:1", "ftp://x", "http://host:0"] {
            assert!(Endpoint::parse(bad).is_err(), "{bad}");
        }
        for secret in ["http://user:hunter2@host:1", "user:hunter2@host", "ftp://hunter2@host", "http://u:hunter2/@b@host/p", "http://u:hunter2?@host"] {
            let why = Endpoint::parse(secret).unwrap_err();
            assert!(!why.contains("hunter2") && why.contains("host"), "{why}");
        }
        assert_eq!(without_userinfo("http://host:1/p"), "http://host:1/p");
        let with_base = Endpoint::parse("http://host:1/otlp/").unwrap();
        assert_eq!((with_base.base.as_str(), with_base.authority.as_str()), ("/otlp", "host:1"));
    }
}
