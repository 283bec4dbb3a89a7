//! A small request and a small unary call on loopback, one after another: by the whole desk, by reqwest and tonic alone over a connection that is kept and
//! over a new one each time, as a request of ours goes (a call keeps its connection), each on a runtime of as many threads as the desk's; and a commit of
//! the ledger before and after.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use switchboard_desk::ledger::{ComposedIntent, Ending, Ledger, NewRun, Settled, Settlement, TargetKind};
use switchboard_desk::send::draft::{Draft, GrpcDraft, HttpDraft, Request, SchemaFrom};
use switchboard_desk::send::{SchemaBoard, SendCommand};
use switchboard_model::{Outcome, Receipt};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::desk::Desk;
use crate::{percentile, us};

/// All are measured in turns, so that they meet the same disturbances.
const NUM_TURNS: usize = 30;
const NUM_IN_A_TURN: usize = 20;
const ANSWER: &str = r#"{"orderId":4711,"customer":"joe","total":12.5,"state":"PAID"}"#;
const PROTO: &str = "syntax = \"proto3\"; package opentelemetry.proto.collector.trace.v1;\nmessage Request {}\nmessage Response {}\n\
                     service TraceService { rpc Export(Request) returns (Response); }\n";
const METHOD: &str = "opentelemetry.proto.collector.trace.v1.TraceService/Export";

struct Discard;

#[tonic::async_trait]
impl TraceService for Discard {
    async fn export(&self, request: tonic::Request<ExportTraceServiceRequest>) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        drop(request);
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

fn listener(runtime: &Runtime) -> (TcpListener, SocketAddr) {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

fn serve_http(runtime: &Runtime) -> SocketAddr {
    let (listener, address) = listener(runtime);
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _best_effort = stream.set_nodelay(true);
            let answer = hyper::service::service_fn(|_: http::Request<hyper::body::Incoming>| async {
                Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from_static(ANSWER.as_bytes()))))
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    address
}

fn serve_grpc(runtime: &Runtime) -> SocketAddr {
    let (listener, address) = listener(runtime);
    let incoming = tonic::transport::server::TcpIncoming::from(listener).with_nodelay(Some(true));
    runtime.spawn(tonic::transport::Server::builder().add_service(TraceServiceServer::new(Discard)).serve_with_incoming(incoming));
    address
}

fn reqwest(num_idle: usize) -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(num_idle).redirect(reqwest::redirect::Policy::none());
    builder.tls_certs_only([]).timeout(Duration::from_secs(30)).build().expect("a client")
}

fn get(runtime: &Runtime, client: &reqwest::Client, url: &str) {
    let body = runtime.block_on(async { client.get(url).send().await?.bytes().await }).expect("an answer");
    assert!(body == ANSWER.as_bytes());
}

async fn connect(address: SocketAddr) -> TraceServiceClient<tonic::transport::Channel> {
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{address}")).expect("an address").timeout(Duration::from_secs(10));
    TraceServiceClient::new(endpoint.connect().await.expect("connected"))
}

/// A ledger of its own, and the two commits that each call has.
struct Commits {
    ledger: Ledger,
    runtime: Runtime,
    _folder: tempfile::TempDir,
}

impl Commits {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::open(&folder.path().join("ledger.sqlite")).expect("a ledger");
        Self { ledger, runtime: tokio::runtime::Builder::new_current_thread().build().expect("a runtime"), _folder: folder }
    }

    /// Those of the call of this number.
    fn both(&self, number: usize) -> [Duration; 2] {
        let target = "http://127.0.0.1:8080".to_owned();
        let run = NewRun {
            replay_id: format!("s-{number}"),
            profile: "bench".to_owned(),
            operator: "ada".to_owned(),
            cluster: target.clone(),
            cluster_id: target.clone(),
            target: target.clone(),
            num_planned: 1,
            at_ns: 1,
        };
        let intent = ComposedIntent {
            target_kind: TargetKind::Http,
            target,
            call: "GET /order".to_owned(),
            partition: None,
            hash: "ab".repeat(16),
            size_bytes: 100,
            send_name: format!("s-{number}"),
            at_ns: 1,
        };
        let begun = Instant::now();
        let ids = self.runtime.block_on(self.ledger.begin_call(run, intent)).expect("written");
        let before = begun.elapsed();
        let begun = Instant::now();
        let settlement = Settlement { settled: Settled::Tried(Outcome::Done(Receipt::Answered(200))), at_ns: 2 };
        self.runtime.block_on(self.ledger.end_call(ids, settlement, Ending::Finished)).expect("written");
        [before, begun.elapsed()]
    }
}

/// What each takes, in turns; the desk's is told twice.
struct Took {
    answered: Vec<Duration>,
    settled: Vec<Duration>,
    kept: Vec<Duration>,
    anew: Vec<Duration>,
    before: Vec<Duration>,
    after: Vec<Duration>,
}

fn in_turns(desk: &Desk, draft: &Arc<Draft>, mut kept: impl FnMut(), mut anew: impl FnMut()) -> Took {
    let commits = Commits::new();
    let mut took = Took { answered: Vec::new(), settled: Vec::new(), kept: Vec::new(), anew: Vec::new(), before: Vec::new(), after: Vec::new() };
    let timed = |work: &mut dyn FnMut()| {
        let begun = Instant::now();
        work();
        begun.elapsed()
    };
    for turn in 0..NUM_TURNS {
        for _ in 0..NUM_IN_A_TURN {
            let (answered, settled, _) = desk.send(draft);
            took.answered.push(answered);
            took.settled.push(settled);
        }
        took.kept.extend((0..NUM_IN_A_TURN).map(|_| timed(&mut kept)));
        took.anew.extend((0..NUM_IN_A_TURN).map(|_| timed(&mut anew)));
        for [before, after] in (0..NUM_IN_A_TURN).map(|number| commits.both(turn * NUM_IN_A_TURN + number)) {
            took.before.push(before);
            took.after.push(after);
        }
    }
    took
}

fn print(what: &str, alone: &str, took: &mut Took) {
    println!("\n{what}, µs {:>42} {:>9}", "p50", "p95");
    let line = |name: &str, took: &mut Vec<Duration>| println!("{name:<48} {:>9.0} {:>9.0}", us(percentile(took, 50)), us(percentile(took, 95)));
    line("the desk, until its answer shows", &mut took.answered);
    line("the desk, until its outcome is on the disk", &mut took.settled);
    line(&format!("{alone} alone, connection kept"), &mut took.kept);
    line(&format!("{alone} alone, a new connection"), &mut took.anew);
    line("a commit before it", &mut took.before);
    line("a commit after it", &mut took.after);
    let p50 = |took: &mut Vec<Duration>| us(percentile(took, 50));
    let beyond = p50(&mut took.answered) - p50(&mut took.anew) - p50(&mut took.before);
    println!("{:<48} {beyond:>9.0}", "beyond a new connection and the commit before");
    let beyond = p50(&mut took.answered) - p50(&mut took.kept) - p50(&mut took.before);
    println!("{:<48} {beyond:>9.0}", "beyond a kept connection and the commit before");
}

pub fn measure() {
    let server = Runtime::new().expect("a runtime");
    let runtime = Runtime::new().expect("a runtime");
    let desk = Desk::start("");

    let http = serve_http(&server);
    let url = format!("http://{http}/order");
    let draft = Arc::new(Draft { name: String::new(), request: Request::Http(HttpDraft { url: url.clone(), ..HttpDraft::default() }) });
    let (pooled, unpooled) = (reqwest(1), reqwest(0));
    let mut took = in_turns(&desk, &draft, || get(&runtime, &pooled, &url), || get(&runtime, &unpooled, &url));
    print("A small GET", "reqwest", &mut took);

    let grpc = serve_grpc(&server);
    std::fs::write(desk.folder.path().join("requests/trace.proto"), PROTO).expect("written");
    let schema = SchemaFrom::Protos { files: vec!["trace.proto".to_owned()], roots: Vec::new() };
    let call = GrpcDraft { url: format!("http://{grpc}"), method: METHOD.to_owned(), schema, ..GrpcDraft::default() };
    // As the window asks when a server is chosen.
    desk.session.send(SendCommand::Describe(Box::new(call.clone()), None));
    desk.until("schema", |board| board.schemas.values().any(|schema| matches!(schema, SchemaBoard::Known(_))).then_some(()));
    let draft = Arc::new(Draft { name: String::new(), request: Request::Grpc(call) });
    let mut kept = runtime.block_on(connect(grpc));
    let export = ExportTraceServiceRequest::default;
    let mut took = in_turns(
        &desk,
        &draft,
        || drop(runtime.block_on(kept.export(export())).expect("an answer")),
        || drop(runtime.block_on(async { connect(grpc).await.export(export()).await }).expect("an answer")),
    );
    print("A small unary call", "tonic", &mut took);
    desk.stop();
}
