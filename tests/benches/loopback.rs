//! OTLP over gRPC on loopback, 1,000 spans a request: our receiver with what it sends stored, joined and on the map, and the
//! same up to the queue; beside a bare tonic server that decodes with prost and throws all away. The same small sender is in
//! the figures of all three.

#[path = "../../collectors/otlp/benches/processor_time/mod.rs"]
mod processor_time;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use switchboard_engine::{EngineConfig, EngineThread};
use switchboard_model::{Intake, Redactor, SourceId, SourceInfo, SourceKind, channel};
use switchboard_otlp::testing::trace_request_at;
use switchboard_otlp::{Config, OtlpReceiver};
use tokio::runtime::Runtime;

const NUM_SPANS: u64 = 1_000;

struct Discard;

#[tonic::async_trait]
impl TraceService for Discard {
    async fn export(&self, request: tonic::Request<ExportTraceServiceRequest>) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        drop(request);
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

async fn connect(to: SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = tokio::net::TcpStream::connect(to).await.expect("a connection");
    stream.set_nodelay(true).expect("an option");
    let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
    tokio::spawn(connection);
    sender
}

async fn export(sender: &mut SendRequest<Full<Bytes>>, frame: &Bytes) {
    let request = http::Request::post("http://localhost/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::new(frame.clone()))
        .expect("a request");
    let body = sender.send_request(request).await.expect("an answer").into_body().collect().await.expect("a whole answer");
    assert_eq!(body.trailers().and_then(|trailers| trailers.get("grpc-status")).map(http::HeaderValue::as_bytes), Some(&b"0"[..]));
}

/// Requests made beforehand: so many spans that none of them is still stored when it comes again.
const NUM_REQUESTS: u64 = 500;
/// What the engine may keep; its half for spans holds fewer than come before one comes again.
const MEMORY_BYTES: usize = 96 << 20;

fn frames() -> Vec<Bytes> {
    let now_ns = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_nanos() as u64;
    let frame = |at: u64| {
        let message = trace_request_at(now_ns, at * NUM_SPANS, NUM_SPANS);
        let mut frame = vec![0];
        frame.extend_from_slice(&(message.len() as u32).to_be_bytes());
        frame.extend_from_slice(&message);
        Bytes::from(frame)
    };
    (0..NUM_REQUESTS).map(frame).collect()
}

/// A receiver of ours, and the port it listens on.
fn receiver(intake: &Intake, runtime: &Runtime) -> (OtlpReceiver, SocketAddr) {
    let config = Config { grpc_port: Some(0), http_port: None, ..Config::default() };
    let receiver = OtlpReceiver::start(config, intake.sink(SourceId(1)), Arc::new(Redactor::new([7; 16], &[])), runtime.handle());
    let address = runtime.block_on(receiver.bound()).expect("a port").grpc[0];
    (receiver, address)
}

fn loopback(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let frames = frames();

    let (to_map, outlet) = channel(64 << 20);
    let source = SourceInfo { id: SourceId(1), name: "OTLP".to_owned(), kind: SourceKind::Otlp, environment: None };
    let config = EngineConfig { memory_bytes: MEMORY_BYTES, started_ns: 0 };
    let engine = EngineThread::spawn(config, vec![source], outlet, to_map.clone(), Box::new(|| {}));
    let (map_receiver, map) = receiver(&to_map, &runtime);

    let (to_queue, mut outlet) = channel(64 << 20);
    let sinkhole = std::thread::spawn(move || while outlet.recv(Duration::from_secs(20)).is_some() {});
    let (queue_receiver, queue) = receiver(&to_queue, &runtime);

    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
    let bare = listener.local_addr().expect("an address");
    drop(listener);
    let service = TraceServiceServer::new(Discard).max_decoding_message_size(64 << 20);
    runtime.spawn(tonic::transport::Server::builder().add_service(service).serve(bare));
    runtime.block_on(async {
        while tokio::net::TcpStream::connect(bare).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });

    let mut group = criterion.benchmark_group("grpc_loopback_processor_time");
    group.throughput(Throughput::Elements(NUM_SPANS)).sample_size(20);
    for (name, to) in [("stored_and_mapped", map), ("to_the_queue", queue), ("tonic_and_prost_thrown_away", bare)] {
        let mut sender = runtime.block_on(connect(to));
        let mut next = frames.iter().cycle();
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|num_requests| {
                processor_time::of(|| {
                    runtime.block_on(async {
                        for frame in next.by_ref().take(num_requests as usize) {
                            export(&mut sender, frame).await;
                        }
                    });
                    while to_map.num_bytes_queued() > 0 {
                        std::thread::sleep(Duration::from_micros(200));
                    }
                })
            });
        });
    }
    group.finish();
    let counts = engine.report().recv().expect("a report").sources[0].counts;
    assert_eq!((counts.duplicate, counts.refused), (0, 0), "each span was new: {counts:?}");
    assert!(counts.stored > 0 && counts.evicted > 0, "{counts:?}");
    runtime.block_on(async { tokio::join!(map_receiver.stop(), queue_receiver.stop()) });
    to_queue.close(SourceId(1));
    drop((engine, to_queue));
    drop(sinkhole);
}

criterion_group!(benches, loopback);
criterion_main!(benches);
