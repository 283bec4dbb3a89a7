use std::{collections::HashSet, io::Read as _, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::{
            ExportLogsServiceRequest, ExportLogsServiceResponse,
            logs_service_server::{LogsService, LogsServiceServer},
        },
        trace::v1::{
            ExportTraceServiceRequest, ExportTraceServiceResponse,
            trace_service_server::{TraceService, TraceServiceServer},
        },
    },
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use parking_lot::Mutex;
use prost::Message as _;
use tonic::{
    Request, Response, Status,
    codec::CompressionEncoding,
    transport::{Server, server::TcpIncoming},
};

/// Where a lab sends its telemetry.
pub struct Ports {
    pub grpc: u16,
    pub http: u16,
}

/// A span and whose it is.
#[derive(Clone)]
pub struct Seen {
    pub service: String,
    pub span: Span,
}

#[derive(Default)]
struct Store {
    ids: HashSet<(Vec<u8>, Vec<u8>)>,
    spans: Vec<Seen>,
    num_duplicates: usize,
}

/// A receiver of OTLP over gRPC and HTTP that keeps every span once.
pub struct Sink {
    store: Arc<Mutex<Store>>,
    ports: Ports,
}

/// An attribute's text; numbers as decimals.
pub fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    match attributes.iter().find(|a| a.key == key)?.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        _ => None,
    }
}

impl Sink {
    pub async fn start() -> Self {
        let store: Arc<Mutex<Store>> = Arc::default();
        let http = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let grpc = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ports = Ports { grpc: grpc.local_addr().unwrap().port(), http: http.local_addr().unwrap().port() };
        let router = Router::new().route("/v1/traces", post(take_http)).layer(DefaultBodyLimit::disable()).with_state(store.clone());
        tokio::spawn(async move { axum::serve(http, router).await.unwrap() });
        let traces = TraceServiceServer::new(Grpc(store.clone())).accept_compressed(CompressionEncoding::Gzip).accept_compressed(CompressionEncoding::Zstd);
        let logs = LogsServiceServer::new(Grpc(store.clone()));
        let server = Server::builder().add_service(traces).add_service(logs);
        tokio::spawn(async move { server.serve_with_incoming(TcpIncoming::from(grpc)).await.unwrap() });
        Self { store, ports }
    }

    pub fn ports(&self) -> Ports {
        Ports { grpc: self.ports.grpc, http: self.ports.http }
    }

    pub fn spans(&self) -> Vec<Seen> {
        self.store.lock().spans.clone()
    }

    /// Spans that came more than once.
    pub fn num_duplicates(&self) -> usize {
        self.store.lock().num_duplicates
    }
}

fn take(store: &Mutex<Store>, request: ExportTraceServiceRequest) {
    let mut store = store.lock();
    for resource_spans in request.resource_spans {
        let resource = resource_spans.resource.unwrap_or_default().attributes;
        let service = text(&resource, "service.name").unwrap();
        assert_eq!(text(&resource, "service.namespace").as_deref(), Some("shop"));
        assert!(text(&resource, "service.instance.id").unwrap().starts_with(&service));
        for span in resource_spans.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            if store.ids.insert((span.trace_id.clone(), span.span_id.clone())) {
                store.spans.push(Seen { service: service.clone(), span });
            } else {
                store.num_duplicates += 1;
            }
        }
    }
}

async fn take_http(State(store): State<Arc<Mutex<Store>>>, headers: HeaderMap, body: Bytes) -> (StatusCode, Vec<u8>) {
    let body = match headers.get("content-encoding").map(|encoding| encoding.to_str().unwrap()) {
        Some("gzip") => {
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut plain).unwrap();
            plain
        }
        Some("zstd") => zstd::decode_all(&body[..]).unwrap(),
        _ => body.to_vec(),
    };
    let is_json = headers["content-type"] == "application/json";
    let request = if is_json { serde_json::from_slice(&body).unwrap() } else { ExportTraceServiceRequest::decode(&body[..]).unwrap() };
    take(&store, request);
    (StatusCode::OK, if is_json { b"{}".to_vec() } else { Vec::new() })
}

struct Grpc(Arc<Mutex<Store>>);

#[tonic::async_trait]
impl TraceService for Grpc {
    async fn export(&self, request: Request<ExportTraceServiceRequest>) -> Result<Response<ExportTraceServiceResponse>, Status> {
        take(&self.0, request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Grpc {
    async fn export(&self, _: Request<ExportLogsServiceRequest>) -> Result<Response<ExportLogsServiceResponse>, Status> {
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}
