//! A receiver on free ports, and clients that send to it byte by byte as a test wants it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as ProstValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use switchboard_model::{Batch, Fact, Input, Intake, IntakeCounts, ItemKind, LogBatch, Outlet, Redactor, Refusal, SourceId, SourceStatus, SpanBatch, channel};
use switchboard_otlp::{Bound, Config, Limits, OtlpReceiver};

pub const SOURCE: SourceId = SourceId(1);
pub const TRACES: &str = "/v1/traces";
pub const GRPC_TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
pub const GRPC_LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
const GRPC_HEADERS: [(&str, &str); 2] = [("content-type", "application/grpc"), ("te", "trailers")];

/// A receiver and both ends of its queue.
pub struct Loopback {
    pub receiver: Option<OtlpReceiver>,
    pub intake: Intake,
    pub outlet: Outlet,
    pub bound: Bound,
    pub statuses: Vec<SourceStatus>,
    pub refusals: Vec<Refusal>,
    pub spans: Vec<SpanBatch>,
    pub logs: Vec<LogBatch>,
}

pub fn free_ports() -> Config {
    Config { grpc_port: Some(0), http_port: Some(0), ..Config::default() }
}

impl Loopback {
    pub async fn start() -> Self {
        Self::with(free_ports(), Limits::default(), 256 << 20).await
    }

    pub async fn with(config: Config, limits: Limits, queue_bytes: usize) -> Self {
        let (intake, outlet) = channel(queue_bytes);
        let redactor = Arc::new(Redactor::new([7; 16], &[]));
        let receiver = OtlpReceiver::start_with_limits(config, limits, intake.sink(SOURCE), redactor, &tokio::runtime::Handle::current());
        let bound = receiver.bound().await.unwrap_or_default();
        Self { receiver: Some(receiver), intake, outlet, bound, statuses: vec![], refusals: vec![], spans: vec![], logs: vec![] }
    }

    pub fn grpc(&self) -> SocketAddr {
        self.bound.grpc[0]
    }

    pub fn http(&self) -> SocketAddr {
        self.bound.http[0]
    }

    pub fn counts(&self) -> IntakeCounts {
        self.intake.counts().into_iter().find(|(source, _)| *source == SOURCE).map(|(_, counts)| counts).unwrap_or_default()
    }

    /// Received, refused, undecodable requests and bytes, of one kind of item.
    pub fn figures(&self, kind: ItemKind) -> (u64, u64, u64, u64) {
        let counts = self.counts();
        (counts.received[kind.index()], counts.refused[kind.index()], counts.undecodable_requests, counts.undecodable_bytes)
    }

    /// Takes what waits in the queue.
    pub fn drain(&mut self) {
        while let Some(input) = self.outlet.recv(Duration::ZERO) {
            match input {
                Input::Status(status) => self.statuses.push(status),
                Input::Batch(Batch::Spans(batch)) => self.spans.push(batch),
                Input::Batch(Batch::Logs(batch)) => self.logs.push(batch),
                Input::Batch(Batch::Facts(batch)) => self.refusals.extend(batch.facts.into_iter().map(|fact| match fact {
                    Fact::Refused(refusal) => refusal,
                    other => panic!("no such fact comes from here: {other:?}"),
                })),
                Input::Batch(other) => panic!("no such batch comes from here: {other:?}"),
            }
        }
    }

    /// Waits until what came satisfies a test.
    pub async fn wait_for(&mut self, what: &str, mut satisfied: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            self.drain();
            if satisfied(self) {
                return;
            }
            assert!(Instant::now() < deadline, "{what} did not come; last status {:?}, refusals {:?}", self.statuses.last(), self.refusals);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub fn num_spans(&self) -> usize {
        self.spans.iter().map(|batch| batch.spans.len()).sum()
    }

    /// Sends a good request and sees its span stored: whatever came before has done no harm.
    pub async fn stores_a_good_request(&mut self) {
        self.drain();
        let before = self.num_spans();
        let answer = post(self.http(), TRACES, &[("content-type", "application/x-protobuf")], request(vec![good_span(1)]).encode_to_vec()).await;
        assert_eq!(answer.status, StatusCode::OK);
        self.drain();
        assert_eq!(self.num_spans(), before + 1);
        let answer = grpc(self.grpc(), GRPC_TRACES, &[], framed(&request(vec![good_span(2)]).encode_to_vec())).await;
        assert_eq!(answer.grpc_status(), 0, "{answer:?}");
        self.drain();
        assert_eq!(self.num_spans(), before + 2);
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub trailers: HeaderMap,
}

impl Answer {
    pub fn grpc_status(&self) -> u16 {
        let value = self.trailers.get("grpc-status").or_else(|| self.headers.get("grpc-status")).expect("a gRPC status");
        value.to_str().unwrap().parse().unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    async fn read(response: Response<hyper::body::Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let collected = body.collect().await.expect("a whole answer");
        let trailers = collected.trailers().cloned().unwrap_or_default();
        Self { status: head.status, headers: head.headers, body: collected.to_bytes(), trailers }
    }
}

/// A POST over HTTP/1.1 with the usual host.
pub async fn post(to: SocketAddr, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let host = to.to_string();
    let mut all = vec![("host", host.as_str())];
    all.extend_from_slice(headers);
    http1(to, Method::POST, path, &all, body).await
}

/// Any request over HTTP/1.1, with no header but those given (and the length).
pub async fn http1(to: SocketAddr, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let stream = tokio::net::TcpStream::connect(to).await.expect("a connection");
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1.1");
    let driver = tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).body(Full::new(Bytes::from(body))).unwrap();
    for (name, value) in headers {
        request.headers_mut().append(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    let answer = Answer::read(sender.send_request(request).await.expect("an answer")).await;
    driver.abort();
    answer
}

/// Any request over HTTP/2, for any authority.
pub async fn http2(to: SocketAddr, authority: &str, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let stream = tokio::net::TcpStream::connect(to).await.expect("a connection");
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
    let driver = tokio::spawn(connection);
    let answer = Answer::read(sender.send_request(http2_request(authority, method, path, headers, body)).await.expect("an answer")).await;
    driver.abort();
    answer
}

fn http2_request(authority: &str, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Request<Full<Bytes>> {
    let mut request =
        Request::builder().version(Version::HTTP_2).method(method).uri(format!("http://{authority}{path}")).body(Full::new(Bytes::from(body))).unwrap();
    for (name, value) in headers {
        request.headers_mut().append(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    request
}

/// A gRPC call that goes on by itself, once the receiver has it in work: another one on its connection is answered.
pub async fn grpc_in_work(to: SocketAddr, path: &str, body: Vec<u8>) -> tokio::task::JoinHandle<Answer> {
    let stream = tokio::net::TcpStream::connect(to).await.expect("a connection");
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
    tokio::spawn(connection);
    let mut send = |path: &str, body| sender.send_request(http2_request(&to.to_string(), Method::POST, path, &GRPC_HEADERS, body));
    let (call, empty) = (send(path, body), send(GRPC_LOGS, framed(&[])));
    assert_eq!(Answer::read(empty.await.expect("an answer")).await.grpc_status(), 0);
    tokio::spawn(async move {
        // Without its sender a connection would end.
        let _sender = sender;
        Answer::read(call.await.expect("an answer")).await
    })
}

/// A gRPC call whose body is given whole, frame and all.
pub async fn grpc(to: SocketAddr, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let all = [&GRPC_HEADERS[..], headers].concat();
    http2(to, &to.to_string(), Method::POST, path, &all, body).await
}

/// A message in its frame, not compressed.
pub fn framed(message: &[u8]) -> Vec<u8> {
    framed_as(0, message.len() as u32, message)
}

pub fn framed_as(flag: u8, length: u32, message: &[u8]) -> Vec<u8> {
    let mut frame = vec![flag];
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(message);
    frame
}

pub fn attr(key: &str, value: ProstValue) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

pub fn good_span(number: u8) -> Span {
    Span {
        trace_id: vec![number; 16],
        span_id: vec![number; 8],
        name: format!("span {number}"),
        kind: 2,
        start_time_unix_nano: 1_790_000_000_000_000_000,
        end_time_unix_nano: 1_790_000_000_000_001_000,
        attributes: vec![attr("http.route", ProstValue::StringValue("/orders/{id}".to_owned()))],
        ..Span::default()
    }
}

pub fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let resource = Resource { attributes: vec![attr("service.name", ProstValue::StringValue("orders".to_owned()))], ..Resource::default() };
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() }] }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 19).unwrap()
}
