//! The collector against real servers.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use switchboard_grpc::{Config, GrpcHealth};
use switchboard_model::{
    Batch, Fact, FailureKind, HealthFact, HealthState, Input, Intake, Outlet, Redactor, SourceCommand, SourceId, SourcePhase, SourceStatus, channel,
    is_own_trace, parse_traceparent,
};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tonic::codegen::tokio_stream::{self, StreamExt as _};
use tonic::metadata::MetadataMap;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_health::server::{HealthReporter, health_reporter};

/// How long anything may take that is waited for.
const DEADLINE: Duration = Duration::from_secs(20);

/// A collector with its queue, and all that came out of it.
struct Observed {
    collector: Option<GrpcHealth>,
    facts: Vec<HealthFact>,
    statuses: Vec<SourceStatus>,
    intake: Intake,
    outlet: Outlet,
}

impl Observed {
    fn start(runtime: &Runtime, config: Config) -> Self {
        let (intake, outlet) = channel(1 << 20);
        let sink = intake.sink(SourceId(1));
        let collector = GrpcHealth::start(config, sink, Arc::new(Redactor::new([1; 16], &[])), runtime.handle());
        Self { collector: Some(collector), facts: Vec::new(), statuses: Vec::new(), intake, outlet }
    }

    #[track_caller]
    fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !holds(self) {
            assert!(Instant::now() < deadline, "{what}: not within {DEADLINE:?}; statuses: {:#?}, facts: {:?}", self.statuses, self.states());
            match self.outlet.recv(Duration::from_millis(50)) {
                Some(Input::Status(status)) => self.statuses.push(status),
                Some(Input::Batch(Batch::Facts(batch))) => self.facts.extend(batch.facts.into_iter().map(|fact| match fact {
                    Fact::Health(health) => health,
                    other => panic!("only health is told, not {other:?}"),
                })),
                Some(Input::Batch(other)) => panic!("only facts are told, not {other:?}"),
                None => {}
            }
        }
    }

    #[track_caller]
    fn until_status(&mut self, phase: SourcePhase, failure: Option<FailureKind>) -> (String, String) {
        self.until(&format!("{phase:?} {failure:?}"), |seen| seen.statuses.last().is_some_and(|status| (status.phase, status.failure) == (phase, failure)));
        let status = self.statuses.last().expect("just seen");
        (status.detail.clone(), status.next_step.clone())
    }

    #[track_caller]
    fn until_state(&mut self, asked: &str, state: HealthState) {
        self.until(&format!("{asked:?} is {state:?}"), |seen| seen.states().get(asked) == Some(&state));
    }

    /// The newest state of each name.
    fn states(&self) -> BTreeMap<&str, HealthState> {
        self.facts.iter().map(|fact| (fact.asked.as_str(), fact.state)).collect()
    }

    fn stop(&mut self, runtime: &Runtime) -> Duration {
        self.intake.close(SourceId(1));
        let started = Instant::now();
        runtime.block_on(self.collector.take().expect("stopped once").stop());
        started.elapsed()
    }
}

fn runtime() -> Runtime {
    Runtime::new().expect("a runtime")
}

/// A configuration that asks often.
fn config(url: &str, asked: &[&str]) -> Config {
    Config {
        name: "health".into(),
        url: url.into(),
        service: Some("orders".into()),
        asked: asked.iter().map(|&asked| asked.to_owned()).collect(),
        recheck_interval: Duration::from_millis(300),
        check_interval: Duration::from_millis(100),
        request_timeout: Duration::from_millis(500),
        ..Config::default()
    }
}

fn bind(runtime: &Runtime, address: SocketAddr) -> (SocketAddr, TcpIncoming) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        // A port that was just left may be held for a moment.
        match runtime.block_on(async { TcpIncoming::bind(address) }) {
            Ok(incoming) => return (incoming.local_addr().expect("bound"), incoming),
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    }
}

fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().expect("an address")
}

/// A server with tonic's own health service.
fn serve(runtime: &Runtime, address: SocketAddr) -> (SocketAddr, HealthReporter, JoinHandle<()>) {
    let (address, incoming) = bind(runtime, address);
    let (reporter, health) = health_reporter();
    let task = runtime.spawn(async move { Server::builder().add_service(health).serve_with_incoming(incoming).await.expect("serves") });
    (address, reporter, task)
}

/// Ends a server with all its connections: tonic's go on until they are dropped with its runtime.
fn serve_in_runtime_of_its_own(address: SocketAddr) -> (SocketAddr, HealthReporter, Runtime) {
    let runtime = Runtime::new().expect("a runtime");
    let (address, reporter, _task) = serve(&runtime, address);
    (address, reporter, runtime)
}

#[test]
fn states_are_told_as_they_change_and_an_unknown_name_is_named() {
    let runtime = runtime();
    let (address, reporter, _server) = serve(&runtime, any_port());
    runtime.block_on(reporter.set_service_status("lab.Orders", ServingStatus::Serving));
    let mut seen = Observed::start(&runtime, config(&format!("http://{address}"), &["", "lab.Orders"]));
    seen.until_state("", HealthState::Serving);
    seen.until_state("lab.Orders", HealthState::Serving);
    assert_eq!(seen.until_status(SourcePhase::Live, None), ("the health of 2 services is followed".to_owned(), String::new()));
    let first = &seen.facts[0];
    assert_eq!((first.endpoint.clone(), first.service.as_deref()), (format!("http://{address}"), Some("orders")));

    runtime.block_on(reporter.set_service_status("lab.Orders", ServingStatus::NotServing));
    seen.until_state("lab.Orders", HealthState::NotServing);
    assert_eq!(seen.states()[""], HealthState::Serving);
    runtime.block_on(reporter.set_service_status("lab.Orders", ServingStatus::Serving));
    seen.until_state("lab.Orders", HealthState::Serving);
    assert_eq!(seen.statuses.last().expect("one").phase, SourcePhase::Live, "not serving is the server's state, not the source's");
    drop(seen);

    let mut seen = Observed::start(&runtime, config(&format!("http://{address}"), &["", "lab.Invoices"]));
    seen.until_state("lab.Invoices", HealthState::ServiceUnknown);
    let (detail, next_step) = seen.until_status(SourcePhase::Degraded, Some(FailureKind::Peer));
    assert_eq!(detail, format!("http://{address} knows no health service named lab.Invoices"));
    assert_eq!(next_step, r#"Correct health of this source in the profile: full names such as package.Service, or "" for the whole server"#);
    runtime.block_on(reporter.set_service_status("lab.Invoices", ServingStatus::NotServing));
    seen.until_state("lab.Invoices", HealthState::NotServing);
    seen.until_status(SourcePhase::Live, None);
}

#[test]
fn a_change_is_told_by_the_watch_before_the_next_check() {
    let runtime = runtime();
    let (address, reporter, _server) = serve(&runtime, any_port());
    let mut seen = Observed::start(&runtime, Config { recheck_interval: Duration::from_hours(1), ..config(&format!("http://{address}"), &[""]) });
    seen.until("the check's and the watch's first answers", |seen| seen.facts.len() >= 2);
    runtime.block_on(reporter.set_service_status("", ServingStatus::NotServing));
    seen.until_state("", HealthState::NotServing);
    assert_eq!(seen.facts.len(), 3);
    seen.collector.as_ref().expect("runs").command(SourceCommand::Refresh);
    seen.until("a check that was asked for", |seen| seen.facts.len() >= 4);
}

#[test]
fn an_unchanged_state_is_told_again_and_again() {
    let runtime = runtime();
    let (address, _reporter, _server) = serve(&runtime, any_port());
    // Before it starts: what passes until the first look must not be missing.
    let started = Instant::now();
    let mut seen = Observed::start(&runtime, config(&format!("http://{address}"), &[""]));
    seen.until("several times", |seen| seen.facts.len() >= 6);
    assert!(started.elapsed() > Duration::from_millis(900), "but not in a hurry: {:?}", started.elapsed());
    assert!(seen.facts.iter().all(|fact| fact.state == HealthState::Serving));
    assert!(Config::default().recheck_interval < Duration::from_secs(10) && Config::default().check_interval < Duration::from_secs(10));
}

#[test]
fn a_server_that_goes_is_unknown_and_comes_back() {
    let runtime = runtime();
    let (address, _reporter, server) = serve_in_runtime_of_its_own(any_port());
    let mut seen = Observed::start(&runtime, config(&format!("http://{address}"), &["", "lab.Orders"]));
    seen.until_state("", HealthState::Serving);
    server.shutdown_background();
    seen.until_state("", HealthState::NotAsked);
    seen.until("refused", |seen| seen.statuses.last().is_some_and(|status| status.detail.contains("refused")));
    let status = seen.statuses.last().expect("seen");
    assert_eq!((status.phase, status.failure), (SourcePhase::Failed, Some(FailureKind::Connect)));
    assert_eq!(status.detail, format!("http://{address}: connection refused, nothing listens there"));
    assert_eq!(status.next_step, "Start the server, or correct the port in url");

    let (_, reporter, _server) = serve_in_runtime_of_its_own(address);
    runtime.block_on(reporter.set_service_status("lab.Orders", ServingStatus::NotServing));
    let back = Instant::now();
    seen.until_state("", HealthState::Serving);
    seen.until_state("lab.Orders", HealthState::NotServing);
    seen.until_status(SourcePhase::Live, None);
    assert!(back.elapsed() < Duration::from_secs(10), "{:?}", back.elapsed());
}

/// A health service that answers as it is told to.
#[derive(Clone, Debug)]
struct Scripted {
    check: Result<i32, Status>,
    hangs: bool,
    /// Whether a watch is offered: it tells once that the server serves.
    watches: bool,
    /// How many of the next checks fail.
    misses: Arc<Mutex<usize>>,
    metadata: Arc<Mutex<Vec<(&'static str, MetadataMap)>>>,
}

#[tonic::async_trait]
impl Health for Scripted {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        self.metadata.lock().expect("no panic").push(("check", request.metadata().clone()));
        {
            let mut misses = self.misses.lock().expect("no panic");
            if *misses > 0 {
                *misses -= 1;
                return Err(Status::unavailable("draining"));
            }
        }
        if self.hangs {
            std::future::pending::<()>().await;
        }
        self.check.clone().map(|status| Response::new(HealthCheckResponse { status }))
    }

    type WatchStream = tonic::codegen::BoxStream<HealthCheckResponse>;

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        self.metadata.lock().expect("no panic").push(("watch", request.metadata().clone()));
        if self.watches {
            let first: Result<HealthCheckResponse, Status> = Ok(HealthCheckResponse { status: 1 });
            let stream: Self::WatchStream = Box::pin(tokio_stream::iter([first]).chain(tokio_stream::pending()));
            return Ok(Response::new(stream));
        }
        Err(Status::unimplemented("no watch"))
    }
}

fn serve_scripted(runtime: &Runtime, check: Result<i32, Status>, hangs: bool) -> (String, Scripted) {
    serve_so(runtime, Scripted { check, hangs, watches: false, misses: Arc::default(), metadata: Arc::default() })
}

fn serve_so(runtime: &Runtime, scripted: Scripted) -> (String, Scripted) {
    let (address, incoming) = bind(runtime, any_port());
    runtime.spawn(Server::builder().add_service(HealthServer::new(scripted.clone())).serve_with_incoming(incoming));
    (format!("http://{address}"), scripted)
}

#[test]
fn where_no_watch_is_offered_it_checks_and_every_request_can_be_recognised() {
    let runtime = runtime();
    let (url, scripted) = serve_scripted(&runtime, Ok(2), false);
    let mut seen = Observed::start(&runtime, config(&url, &[""]));
    seen.until("several checks", |seen| seen.facts.len() >= 4);
    assert_eq!(seen.states()[""], HealthState::NotServing);
    assert_eq!(seen.until_status(SourcePhase::Live, None).0, "the server's health is followed");
    let asked = scripted.metadata.lock().expect("no panic").clone();
    assert_eq!(asked.iter().filter(|(method, _)| *method == "watch").count(), 1, "what is not offered is not asked for again");
    for (method, metadata) in asked {
        let text = |name: &str| metadata.get(name).map(|value| value.to_str().expect("text").to_owned()).unwrap_or_default();
        assert!(parse_traceparent(&text("traceparent")).is_some_and(|context| is_own_trace(context.trace_id)), "{metadata:?}");
        assert!(text("user-agent").starts_with(concat!("switchboard/", env!("CARGO_PKG_VERSION"))), "{metadata:?}");
        assert_eq!(text("grpc-timeout").is_empty(), method == "watch", "a check has a deadline, a watch goes on");
    }
}

#[test]
fn answers_of_the_servers_own_are_told_with_the_next_step() {
    let runtime = runtime();
    let everybody = "Let the server answer grpc.health.v1.Health to everybody";
    let log = "Look into the server's log";
    for (answer, phase, failure, detail, next_step) in [
        (
            Status::unauthenticated("no token"),
            SourcePhase::Failed,
            FailureKind::Authenticate,
            "URL asks for credentials (UNAUTHENTICATED)",
            "Let the server answer grpc.health.v1.Health without credentials",
        ),
        (
            Status::permission_denied("no"),
            SourcePhase::Failed,
            FailureKind::Authorise,
            "URL does not allow its health to be read (PERMISSION_DENIED)",
            everybody,
        ),
        (
            Status::unimplemented(""),
            SourcePhase::Degraded,
            FailureKind::Peer,
            "URL does not offer grpc.health.v1.Health",
            "Register the standard health service in the server, or remove this source from the profile",
        ),
        (Status::resource_exhausted("slow\ndown"), SourcePhase::Failed, FailureKind::Limit, "URL answered RESOURCE_EXHAUSTED (slow down)", log),
        (Status::internal("boom"), SourcePhase::Failed, FailureKind::Peer, "URL answered Internal (boom)", log),
        (Status::unavailable("draining"), SourcePhase::Failed, FailureKind::Peer, "URL answered Unavailable (draining)", log),
    ] {
        let (url, _scripted) = serve_scripted(&runtime, Err(answer), false);
        let mut seen = Observed::start(&runtime, config(&url, &[""]));
        let said = seen.until_status(phase, Some(failure));
        assert_eq!(said, (detail.replace("URL", &url), next_step.to_owned()));
        seen.until_state("", HealthState::NotAsked);
    }
}

#[test]
fn one_miss_is_a_miss_and_no_failure() {
    let runtime = runtime();
    for watches in [false, true] {
        let (url, scripted) = serve_so(&runtime, Scripted { check: Ok(1), hangs: false, watches, misses: Arc::default(), metadata: Arc::default() });
        let num_left = || *scripted.misses.lock().expect("no panic");
        let fail = |num: usize| *scripted.misses.lock().expect("no panic") = num;
        let mut seen = Observed::start(&runtime, config(&url, &[""]));
        seen.until_status(SourcePhase::Live, None);
        let num_statuses = seen.statuses.len();
        // One check that fails, and all is as it was.
        fail(1);
        seen.until("it was asked and missed", |_| num_left() == 0);
        let num_facts = seen.facts.len();
        seen.until("it is asked on", |seen| seen.facts.len() >= num_facts + 3);
        assert_eq!(seen.statuses[num_statuses..], [], "watches: {watches}");
        assert!(seen.facts.iter().all(|fact| fact.state == HealthState::Serving), "watches: {watches}, {:?}", seen.facts);
        // The next one after that is told.
        fail(1_000);
        let (detail, _) = seen.until_status(SourcePhase::Failed, Some(FailureKind::Peer));
        assert_eq!(detail, format!("{url} answered Unavailable (draining)"), "watches: {watches}");
        assert!(num_left() <= 998, "watches: {watches}, {}", num_left());
        seen.until_state("", HealthState::NotAsked);
        fail(0);
        seen.until_status(SourcePhase::Live, None);
        seen.until_state("", HealthState::Serving);
    }
}

#[test]
fn a_server_that_hangs_or_says_nothing_known_is_unknown() {
    let runtime = runtime();
    let (url, _scripted) = serve_scripted(&runtime, Ok(1), true);
    let mut seen = Observed::start(&runtime, config(&url, &[""]));
    let (detail, next_step) = seen.until_status(SourcePhase::Failed, Some(FailureKind::Peer));
    assert_eq!(detail, format!("{url} did not answer within 500ms"));
    assert_eq!(next_step, "Look whether the server hangs, or is paused in a debugger");
    seen.until_state("", HealthState::NotAsked);
    assert!(seen.stop(&runtime) < Duration::from_millis(500));

    let (url, _scripted) = serve_scripted(&runtime, Ok(77), false);
    let mut seen = Observed::start(&runtime, config(&url, &[""]));
    seen.until_state("", HealthState::Unknown);
}

/// Answers each connection's first bytes with these, and closes it.
fn raw_server(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(answer);
        }
    });
    format!("http://{address}")
}

#[test]
fn what_is_no_grpc_server_is_told() {
    let runtime = runtime();
    let (address, incoming) = {
        let listener = runtime.block_on(tokio::net::TcpListener::bind(any_port())).expect("a port");
        (listener.local_addr().expect("bound"), listener)
    };
    // A status whose details are no base64; tonic's client panics over it.
    let unreadable = axum::Router::new().route(
        "/grpc.health.v1.Health/{method}",
        axum::routing::post(|| async { [("content-type", "application/grpc"), ("grpc-status", "14"), ("grpc-status-details-bin", "!!!")] }),
    );
    let (unreadable_address, unreadable_incoming) = {
        let listener = runtime.block_on(tokio::net::TcpListener::bind(any_port())).expect("a port");
        (listener.local_addr().expect("bound"), listener)
    };
    runtime.spawn(async move { axum::serve(unreadable_incoming, unreadable).await });
    runtime.spawn(async move { axum::serve(incoming, axum::Router::new()).await });
    for (url, phase, failure, part) in [
        (
            raw_server(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"),
            SourcePhase::Failed,
            FailureKind::Protocol,
            "speaks HTTP/1, which carries no gRPC",
        ),
        (raw_server(b"SSH-2.0-OpenSSH_9.2\r\n"), SourcePhase::Failed, FailureKind::Connect, "no connection"),
        (raw_server(b""), SourcePhase::Failed, FailureKind::Connect, "no connection"),
        (format!("http://{address}"), SourcePhase::Degraded, FailureKind::Peer, "does not offer grpc.health.v1.Health"),
        (format!("http://{unreadable_address}"), SourcePhase::Failed, FailureKind::Peer, "its status cannot be read"),
    ] {
        let mut seen = Observed::start(&runtime, config(&url, &[""]));
        let (detail, next_step) = seen.until_status(phase, Some(failure));
        assert!(detail.contains(part), "{detail}");
        assert!(!next_step.is_empty());
        seen.until_state("", HealthState::NotAsked);
    }
}

#[test]
fn an_address_that_is_none_is_told_without_what_is_secret_in_it() {
    let runtime = runtime();
    for (url, reason) in [
        ("", "empty string"),
        ("localhost:50051", "it begins neither with http:// nor with https://"),
        ("dns:///orders:50051", "invalid format"),
        ("http://ops:geheim@localhost:50051", "it holds credentials, which a health service is not asked with"),
    ] {
        let mut seen = Observed::start(&runtime, config(url, &[""]));
        let (detail, next_step) = seen.until_status(SourcePhase::Failed, Some(FailureKind::Connect));
        assert_eq!(detail, format!("the address of this source cannot be used: {reason}"), "{url}");
        assert_eq!(next_step, "Write url as http://HOST:PORT, or https://HOST:PORT where the server speaks TLS");
    }
}

#[test]
fn more_names_than_the_bound_are_told() {
    let runtime = runtime();
    let (address, reporter, _server) = serve(&runtime, any_port());
    let names: Vec<String> = (0..70).map(|number| format!("lab.S{number}")).collect();
    for name in &names {
        runtime.block_on(reporter.set_service_status(name, ServingStatus::Serving));
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut seen = Observed::start(&runtime, config(&format!("http://{address}"), &names));
    let (detail, _) = seen.until_status(SourcePhase::Degraded, Some(FailureKind::Limit));
    assert_eq!(detail, "70 health services are to be asked, of which the first 64 are");
    seen.until("64 are", |seen| seen.states().len() == 64);
}

#[test]
fn tls_is_spoken_and_a_mismatch_is_named() {
    let runtime = runtime();
    let issued = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
    let identity = Identity::from_pem(issued.cert.pem(), issued.signing_key.serialize_pem());
    let (address, incoming) = bind(&runtime, any_port());
    let (_reporter, health) = health_reporter();
    let server = Server::builder().tls_config(ServerTlsConfig::new().identity(identity)).expect("a certificate");
    runtime.spawn(async move { { server }.add_service(health).serve_with_incoming(incoming).await });

    let tls = config(&format!("https://{address}"), &[""]);
    let mut seen = Observed::start(&runtime, Config { root_certificate_pem: Some(issued.cert.pem().into_bytes()), ..tls.clone() });
    seen.until_state("", HealthState::Serving);
    seen.until_status(SourcePhase::Live, None);

    let mut seen = Observed::start(&runtime, tls);
    let (detail, next_step) = seen.until_status(SourcePhase::Failed, Some(FailureKind::Authenticate));
    assert!(detail.contains("its certificate is not trusted"), "{detail}");
    assert_eq!(next_step, "Add its issuer to this machine's trusted certificates, or correct the host's name in url");

    let mut seen = Observed::start(&runtime, config(&format!("http://{address}"), &[""]));
    let said = seen.until_status(SourcePhase::Failed, Some(FailureKind::Protocol));
    assert_eq!(said, (format!("http://{address} speaks TLS where plain text was asked for"), "Write https:// instead of http:// in url".to_owned()));

    let (plain, _reporter, _server) = serve(&runtime, any_port());
    let mut seen = Observed::start(&runtime, config(&format!("https://{plain}"), &[""]));
    let said = seen.until_status(SourcePhase::Failed, Some(FailureKind::Protocol));
    assert_eq!(
        said,
        (format!("https://{plain} speaks plain text where TLS was asked for"), "Write http:// instead of https:// in url, or correct the port".to_owned())
    );
}

#[test]
fn a_server_that_does_not_know_its_health_was_asked() {
    let runtime = runtime();
    // 0 = UNKNOWN.
    let (url, _scripted) = serve_scripted(&runtime, Ok(0), false);
    let mut seen = Observed::start(&runtime, config(&url, &[""]));
    seen.until_state("", HealthState::Unknown);
    assert_eq!(seen.until_status(SourcePhase::Live, None).0, "the server's health is followed");
}
