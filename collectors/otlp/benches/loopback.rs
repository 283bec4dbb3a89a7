//! OTLP over gRPC on loopback, 1,000 spans a request: our receiver up to the queue, beside a bare tonic server that
//! decodes with prost and throws all away. The same small sender is in the figures of both.

mod processor_time;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use switchboard_model::{Redactor, SourceId, channel};
use switchboard_otlp::testing::trace_request;
use switchboard_otlp::{Config, OtlpReceiver};

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

fn loopback(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let message = trace_request(0, NUM_SPANS);
    let mut frame = vec![0];
    frame.extend_from_slice(&(message.len() as u32).to_be_bytes());
    frame.extend_from_slice(&message);
    let frame = Bytes::from(frame);

    let (intake, mut outlet) = channel(64 << 20);
    let engine = std::thread::spawn(move || while outlet.recv(Duration::from_secs(2)).is_some() {});
    let config = Config { grpc_port: Some(0), http_port: None, ..Config::default() };
    let receiver = OtlpReceiver::start(config, intake.sink(SourceId(1)), Arc::new(Redactor::new([7; 16], &[])), runtime.handle());
    let ours = runtime.block_on(receiver.bound()).expect("a port").grpc[0];

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
    for (name, to) in [("ours", ours), ("tonic_and_prost", bare)] {
        let mut sender = runtime.block_on(connect(to));
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|num_requests| {
                processor_time::of(|| {
                    runtime.block_on(async {
                        for _ in 0..num_requests {
                            export(&mut sender, &frame).await;
                        }
                    });
                })
            });
        });
    }
    group.finish();
    intake.close(SourceId(1));
    runtime.block_on(receiver.stop());
    engine.join().expect("no panic");
}

criterion_group!(benches, loopback);
criterion_main!(benches);
