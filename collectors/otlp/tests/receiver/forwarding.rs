//! Passing on: the same bytes arrive at the endpoint behind; what cannot be passed on is counted and told.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use prost::Message;
use switchboard_model::{FailureKind, SourcePhase};
use switchboard_otlp::testing::trace_request;
use switchboard_otlp::{Config, Limits};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::loopback::{GRPC_TRACES, Loopback, TRACES, framed, framed_as, free_ports, good_span, grpc, gzip, post, request, zstd};

const PROTO: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");

struct Arrived {
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

/// An endpoint that takes what comes, and answers with a status that a test can change.
struct Endpoint {
    address: SocketAddr,
    arrived: mpsc::Receiver<Arrived>,
    status: Arc<AtomicU16>,
}

impl Endpoint {
    async fn start() -> Self {
        Self::on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap())
    }

    fn on(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let (sender, arrived) = mpsc::channel(1_000);
        let status = Arc::new(AtomicU16::new(200));
        let answer_with = Arc::clone(&status);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sender, answer_with) = (sender.clone(), Arc::clone(&answer_with));
                tokio::spawn(async move {
                    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                        let (sender, status) = (sender.clone(), answer_with.load(Ordering::SeqCst));
                        async move {
                            let (head, body) = request.into_parts();
                            let body = body.collect().await.unwrap().to_bytes();
                            sender.send(Arrived { path: head.uri.path().to_owned(), headers: head.headers, body }).await.unwrap();
                            let mut response = Response::new(Full::new(Bytes::new()));
                            *response.status_mut() = StatusCode::from_u16(status).unwrap();
                            Ok::<_, Infallible>(response)
                        }
                    });
                    Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await.ok();
                });
            }
        });
        Self { address, arrived, status }
    }

    async fn next(&mut self) -> Arrived {
        tokio::time::timeout(Duration::from_secs(20), self.arrived.recv()).await.expect("in time").expect("running")
    }
}

fn to(endpoint: SocketAddr) -> Config {
    Config { forward: Some(format!("http://{endpoint}")), ..free_ports() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_bytes_arrive() {
    let mut endpoint = Endpoint::start().await;
    let mut loopback = Loopback::with(to(endpoint.address), Limits::default(), 64 << 20).await;
    let mut span = good_span(1);
    span.attributes.push(crate::loopback::attr(
        "authorization",
        opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue("Bearer abcdefgh12345678".to_owned()),
    ));
    let message = request(vec![span]);
    let (proto, json) = (message.encode_to_vec(), serde_json::to_vec(&message).unwrap());
    for (path, content_type, encoding, body) in [
        (TRACES, PROTO, None, proto.clone()),
        (TRACES, PROTO, Some("gzip"), gzip(&proto)),
        (TRACES, PROTO, Some("zstd"), zstd(&proto)),
        (TRACES, JSON, None, json.clone()),
        (TRACES, JSON, Some("gzip"), gzip(&json)),
        ("/v1/logs", PROTO, None, Vec::new()),
        ("/v1/metrics", PROTO, None, Vec::new()),
    ] {
        let mut headers = vec![content_type, ("x-scope-orgid", "tenant-1"), ("user-agent", "an exporter")];
        headers.extend(encoding.map(|encoding| ("content-encoding", encoding)));
        assert_eq!(post(loopback.http(), path, &headers, body.clone()).await.status, StatusCode::OK);
        let arrived = endpoint.next().await;
        let case = format!("{path} {content_type:?} {encoding:?}");
        assert_eq!((arrived.path.as_str(), &arrived.body[..]), (path, &body[..]), "{case}");
        let header = |name: &str| arrived.headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!((header("content-type"), header("content-encoding")), (Some(content_type.1), encoding), "{case}");
        assert_eq!(
            (header("x-scope-orgid"), header("user-agent"), header("host")),
            (Some("tenant-1"), Some("an exporter"), Some(endpoint.address.to_string().as_str()))
        );
    }
    // What came over gRPC goes on over HTTP without its frame.
    for (encoding, flag, body) in [(None, 0, proto.clone()), (Some("gzip"), 1, gzip(&proto)), (Some("gzip"), 0, proto.clone())] {
        let headers: Vec<_> = encoding.map(|encoding| ("grpc-encoding", encoding)).into_iter().collect();
        let answer = grpc(loopback.grpc(), GRPC_TRACES, &headers, framed_as(flag, body.len() as u32, &body)).await;
        assert_eq!(answer.grpc_status(), 0);
        let arrived = endpoint.next().await;
        assert_eq!((arrived.path.as_str(), &arrived.body[..]), (TRACES, &body[..]));
        assert_eq!(arrived.headers.get("content-encoding").is_some(), flag == 1);
        assert_eq!(arrived.headers["content-type"], "application/x-protobuf");
    }
    // What is refused here is not passed on; the next good one is.
    assert_eq!(post(loopback.http(), TRACES, &[PROTO], vec![0xff]).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(post(loopback.http(), TRACES, &[PROTO, ("origin", "http://evil.example")], proto.clone()).await.status, StatusCode::FORBIDDEN);
    // What another receiver passed on already is stored, and ends here.
    assert_eq!(post(loopback.http(), TRACES, &[PROTO, ("switchboard-forwarded", "1")], proto.clone()).await.status, StatusCode::OK);
    assert_eq!(post(loopback.http(), TRACES, &[PROTO, ("x-last", "1")], proto).await.status, StatusCode::OK);
    assert!(endpoint.next().await.headers.contains_key("x-last"));
    loopback.wait_for("the state", |loopback| loopback.statuses.last().is_some_and(|status| status.phase == SourcePhase::Live)).await;
    assert!(loopback.statuses.last().unwrap().detail.contains(&format!("Passing requests on to http://{}", endpoint.address)));
}

#[derive(Clone)]
struct Server(mpsc::Sender<ExportTraceServiceRequest>);

#[tonic::async_trait]
impl TraceService for Server {
    async fn export(&self, request: tonic::Request<ExportTraceServiceRequest>) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        self.0.send(request.into_inner()).await.unwrap();
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grpc_endpoint_takes_what_is_passed_on() {
    let address = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        listener.local_addr().unwrap()
    };
    let (sender, mut arrived) = mpsc::channel(10);
    let service = TraceServiceServer::new(Server(sender)).accept_compressed(tonic::codec::CompressionEncoding::Gzip);
    tokio::spawn(tonic::transport::Server::builder().add_service(service).serve(address));
    let config = Config { forward: Some(format!("grpc://{address}")), ..free_ports() };
    let mut loopback = Loopback::with(config, Limits::default(), 64 << 20).await;
    let message = request(vec![good_span(1)]);
    let proto = message.encode_to_vec();
    for (encoding, body) in [(None, proto.clone()), (Some("gzip"), gzip(&proto))] {
        let mut headers = vec![PROTO];
        headers.extend(encoding.map(|encoding| ("content-encoding", encoding)));
        assert_eq!(post(loopback.http(), TRACES, &headers, body.clone()).await.status, StatusCode::OK);
        let passed = tokio::time::timeout(Duration::from_secs(20), arrived.recv()).await.expect("in time").expect("running");
        assert_eq!(passed, message, "{encoding:?}");
    }
    assert_eq!(grpc(loopback.grpc(), GRPC_TRACES, &[], framed(&proto)).await.grpc_status(), 0);
    assert!(tokio::time::timeout(Duration::from_secs(20), arrived.recv()).await.expect("in time").is_some());
    // JSON has no form in gRPC: it is lost, and that is told.
    assert_eq!(post(loopback.http(), TRACES, &[JSON], serde_json::to_vec(&message).unwrap()).await.status, StatusCode::OK);
    loopback.wait_for("the loss", |loopback| loopback.statuses.last().is_some_and(|status| status.phase == SourcePhase::Degraded)).await;
    let status = loopback.statuses.last().unwrap();
    assert!(status.detail.contains("1 request was not passed on: JSON cannot be passed on over gRPC"), "{}", status.detail);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_bounded_and_losses_are_counted() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let body = trace_request(0, 100);
    // Room for three requests, headers and all.
    let limits = Limits { forward_bytes: body.len() * 3 + 4_096, ..Limits::default() };
    let mut loopback = Loopback::with(to(address), limits, 64 << 20).await;
    for _ in 0..8 {
        assert_eq!(post(loopback.http(), TRACES, &[PROTO], body.clone()).await.status, StatusCode::OK);
    }
    let lost = |loopback: &Loopback| loopback.statuses.last().is_some_and(|status| status.detail.contains("5 requests were not passed on"));
    loopback.wait_for("the losses", lost).await;
    let status = loopback.statuses.last().unwrap();
    assert_eq!((status.phase, status.failure), (SourcePhase::Degraded, Some(FailureKind::Peer)));
    assert!(status.detail.contains(&format!("Passing requests on to http://{address} fails")), "{}", status.detail);
    // What waited arrives once the endpoint is there, and no more than that.
    let mut endpoint = Endpoint::on(TcpListener::bind(address).await.unwrap());
    for _ in 0..3 {
        assert_eq!(endpoint.next().await.body, body);
    }
    loopback.wait_for("the state", |loopback| loopback.statuses.last().is_some_and(|status| !status.detail.contains("fails"))).await;
    let status = loopback.statuses.last().unwrap();
    assert!(status.detail.contains("5 requests were not passed on"), "{}", status.detail);
    assert!(endpoint.arrived.try_recv().is_err());
    assert_eq!(loopback.num_spans(), 800);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_refuses_loses_one_and_one_that_is_busy_none() {
    let mut endpoint = Endpoint::start().await;
    let mut loopback = Loopback::with(to(endpoint.address), Limits::default(), 64 << 20).await;
    endpoint.status.store(400, Ordering::SeqCst);
    post(loopback.http(), TRACES, &[PROTO, ("x-number", "1")], Vec::new()).await;
    assert_eq!(endpoint.next().await.headers["x-number"], "1");
    let lost =
        |loopback: &Loopback| loopback.statuses.last().is_some_and(|status| status.detail.contains("1 request was not passed on: it answered with HTTP 400"));
    loopback.wait_for("the loss", lost).await;
    endpoint.status.store(503, Ordering::SeqCst);
    post(loopback.http(), TRACES, &[PROTO, ("x-number", "2")], Vec::new()).await;
    assert_eq!(endpoint.next().await.headers["x-number"], "2");
    loopback.wait_for("the state", |loopback| loopback.statuses.last().is_some_and(|status| status.detail.contains("fails: it answers with HTTP 503"))).await;
    endpoint.status.store(200, Ordering::SeqCst);
    assert_eq!(endpoint.next().await.headers["x-number"], "2");
    loopback.wait_for("the state", |loopback| loopback.statuses.last().is_some_and(|status| !status.detail.contains("fails"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_never_passes_on_to_itself() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let config = Config { http_port: Some(port), grpc_port: Some(0), forward: Some(format!("http://{host}:{port}")), ..Config::default() };
        let mut loopback = Loopback::with(config, Limits::default(), 64 << 20).await;
        loopback.wait_for("the state", |loopback| loopback.statuses.last().is_some_and(|status| status.detail.contains("it is this receiver itself"))).await;
        let status = loopback.statuses.last().unwrap();
        assert_eq!(status.phase, SourcePhase::Degraded);
        assert!(status.next_step.contains("forward"), "{}", status.next_step);
        assert_eq!(post(loopback.http(), TRACES, &[PROTO], request(vec![good_span(1)]).encode_to_vec()).await.status, StatusCode::OK);
        loopback.wait_for("the loss", |loopback| loopback.statuses.last().is_some_and(|status| status.detail.contains("1 request was not passed on"))).await;
        assert_eq!(loopback.num_spans(), 1, "stored once, sent nowhere");
        loopback.receiver.take().unwrap().stop().await;
    }
    let config = Config { forward: Some("collector:4318".to_owned()), ..free_ports() };
    let mut loopback = Loopback::with(config, Limits::default(), 64 << 20).await;
    loopback.wait_for("the state", |loopback| loopback.statuses.last().is_some_and(|status| status.detail.contains("is not of the form"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_does_not_wait_for_the_endpoint() {
    // An endpoint that takes connections and says nothing.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut loopback = Loopback::with(to(listener.local_addr().unwrap()), Limits::default(), 64 << 20).await;
    post(loopback.http(), TRACES, &[PROTO], Vec::new()).await;
    let (_held, _) = tokio::time::timeout(Duration::from_secs(20), listener.accept()).await.expect("in time").unwrap();
    let began = Instant::now();
    loopback.receiver.take().unwrap().stop().await;
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
}
