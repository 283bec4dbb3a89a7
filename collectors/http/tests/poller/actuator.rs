//! The poller against a real server: what it tells of a good actuator.

use std::sync::Arc;
use std::time::Duration;

use crate::application::{Application, Reply, breaker, event};
use crate::observed::{Observed, config, runtime};
use serde_json::{Value, json};
use switchboard_http::{Auth, Config};
use switchboard_model::{BreakerEventKind, BreakerState, Fact, FailureKind, ItemKind, SourceCommand, SourcePhase, is_own_trace, parse_traceparent};

/// 2026-11-21T11:00:00.123456789+01:00, ns since the Unix epoch.
const TEN_O_CLOCK_NS: i64 = 1_795_255_200_123_456_789;

#[test]
fn states_and_events_are_told_with_the_librarys_own_times_and_each_event_once() {
    let runtime = runtime();
    let application = Application::start(&runtime);
    application.tells(
        json!({"payments": breaker("OPEN", 17), "stock": {"state": "HALF_OPEN", "failureRate": "-1.0%", "bufferedCalls": 2, "failedCalls": 0, "notPermittedCalls": 0}}),
        json!([event(1, "ERROR", None), event(2, "STATE_TRANSITION", Some("CLOSED_TO_OPEN")), event(3, "NOT_PERMITTED", None)]),
    );
    let mut seen =
        Observed::start_with(&runtime, Config { poll_interval: Duration::from_millis(100), instance: Some("orders-1".into()), ..config(&application.url()) });
    seen.until("three polls", |seen| seen.breakers().count() >= 6);
    assert_eq!(seen.until_status(SourcePhase::Live, None).0, "2 circuit breakers are read");

    let payments = seen.breakers().find(|breaker| breaker.name == "payments").expect("told");
    assert_eq!((payments.caller.as_deref(), payments.instance.as_deref(), payments.origin.as_str()), (Some("orders"), Some("orders-1"), "actuator"));
    assert_eq!((payments.state, payments.failure_rate_percent), (Some(BreakerState::Open), Some(62.5)));
    assert_eq!((payments.not_permitted_calls, payments.buffered_calls, payments.failed_calls), (Some(17), Some(8), Some(5)));
    let stock = seen.breakers().find(|breaker| breaker.name == "stock").expect("told");
    assert_eq!((stock.state, stock.failure_rate_percent), (Some(BreakerState::HalfOpen), None), "-1.0% is not a rate");

    // A flap that no poll saw, since states are read only before and after it.
    application.tells(
        json!({"payments": breaker("OPEN", 1)}),
        json!([
            event(2, "STATE_TRANSITION", Some("CLOSED_TO_OPEN")),
            event(3, "NOT_PERMITTED", None),
            event(4, "STATE_TRANSITION", Some("OPEN_TO_HALF_OPEN")),
            event(4, "STATE_TRANSITION", Some("HALF_OPEN_TO_OPEN")),
        ]),
    );
    seen.until("the new events", |seen| seen.events().count() >= 5);
    let polls = seen.breakers().count();
    seen.until("two more polls", |seen| seen.breakers().count() >= polls + 2);
    let transition = |from, to| BreakerEventKind::Transition { from, to };
    let events: Vec<_> = seen.events().map(|event| ((event.at_ns - TEN_O_CLOCK_NS) / 1_000_000_000, event.kind)).collect();
    assert_eq!(
        events,
        [
            (1, BreakerEventKind::Error),
            (2, transition(BreakerState::Closed, BreakerState::Open)),
            (3, BreakerEventKind::NotPermitted),
            (4, transition(BreakerState::Open, BreakerState::HalfOpen)),
            (4, transition(BreakerState::HalfOpen, BreakerState::Open)),
        ]
    );
    assert!(seen.breakers().rev().take(3).all(|breaker| breaker.state == Some(BreakerState::Open)));
    let Some(Fact::Instance(instance)) = seen.facts.first() else { panic!("who answers is told first") };
    assert_eq!((instance.address.clone(), instance.instance.as_deref(), instance.changing), (application.url(), Some("orders-1"), false));
    let counts = seen.counts();
    assert_eq!((counts.refused[ItemKind::Fact.index()], counts.undecodable_requests), (0, 0));
}

#[test]
fn polls_can_be_recognised_and_carry_the_credentials() {
    let runtime = runtime();
    for (auth, expected) in [
        (Auth::None, None),
        (Auth::Basic { user: "ops".into(), password: "geheim".into() }, Some("Basic b3BzOmdlaGVpbQ==")),
        (Auth::Bearer("abc".into()), Some("Bearer abc")),
    ] {
        let application = Application::start(&runtime);
        application.tells(json!({}), json!([]));
        let config = Config { auth, ..config(&application.url()) };
        assert!(!format!("{config:?}").contains("geheim") && !format!("{config:?}").contains("abc"));
        let mut seen = Observed::start_with(&runtime, config);
        assert_eq!(seen.until_status(SourcePhase::Live, None).0, "no call has gone through a breaker yet");
        let asked = application.asked();
        assert!(
            asked.iter().any(|asked| asked.path == "/actuator/circuitbreakerevents") && asked.iter().any(|asked| asked.path == "/actuator/circuitbreakers")
        );
        let mut traces = Vec::new();
        for asked in &asked {
            let header = |name: &str| asked.headers.get(name).map(|value| value.to_str().expect("text"));
            let context = parse_traceparent(header("traceparent").expect("one")).expect("valid");
            assert!(is_own_trace(context.trace_id));
            traces.push(context.trace_id);
            assert_eq!(header("user-agent"), Some(concat!("switchboard/", env!("CARGO_PKG_VERSION"))));
            assert_eq!(header("authorization"), expected);
        }
        let num_traces = traces.len();
        traces.dedup();
        assert_eq!(traces.len(), num_traces, "each request is a trace of its own");
    }
}

#[test]
fn a_list_of_names_tells_no_states() {
    let runtime = runtime();
    let application = Application::start(&runtime);
    application.tells(json!(["payments", "stock"]), json!([event(2, "STATE_TRANSITION", Some("CLOSED_TO_OPEN"))]));
    let mut seen = Observed::start(&runtime, &application.url());
    let (detail, next_step) = seen.until_status(SourcePhase::Degraded, Some(FailureKind::Peer));
    assert!(detail.ends_with("names its breakers but not their states, as Resilience4j 1.x does: states come from events alone"), "{detail}");
    assert_eq!(next_step, "Update the application to Resilience4j 2");
    seen.until("facts", |seen| seen.breakers().count() >= 2 && seen.events().count() == 1);
    assert!(seen.breakers().all(|breaker| breaker.state.is_none() && breaker.buffered_calls.is_none()));
}

#[test]
fn entries_that_cannot_be_read_are_told_and_all_others_are_read() {
    let runtime = runtime();
    let application = Application::start(&runtime);
    let mut odd = event(1, "ERROR", None);
    odd["creationTime"] = json!("yesterday");
    application.tells(json!({"payments": breaker("SIDEWAYS", 0), "broken": 7}), json!([odd, 5, event(2, "SUCCESS", None)]));
    let mut seen = Observed::start(&runtime, &application.url());
    let (detail, _) = seen.until_status(SourcePhase::Degraded, Some(FailureKind::Protocol));
    assert!(detail.ends_with("3 entries cannot be read, all others are"), "{detail}");
    seen.until("more polls", |seen| seen.breakers().count() >= 3);
    assert!(seen.breakers().all(|breaker| breaker.name == "payments" && breaker.state.is_none()));
    assert_eq!(seen.events().count(), 1);
    assert_eq!(seen.counts().refused[ItemKind::Fact.index()], 1, "the event without a time is counted once, not at each poll");
}

#[test]
fn a_refresh_polls_at_once() {
    let runtime = runtime();
    let application = Application::start(&runtime);
    application.tells(json!({"payments": breaker("CLOSED", 0)}), json!([]));
    let mut seen = Observed::start_with(&runtime, Config { poll_interval: Duration::from_hours(1), ..config(&application.url()) });
    seen.until("the first poll", |seen| seen.breakers().count() == 1);
    application.tells(json!({"payments": breaker("OPEN", 0)}), json!([]));
    seen.poller.as_ref().expect("runs").command(SourceCommand::Refresh);
    seen.until("the second poll", |seen| seen.breakers().last().is_some_and(|breaker| breaker.state == Some(BreakerState::Open)));
}

/// An event ring and a state for each of two instances.
fn two_instances() -> [(Value, Value); 2] {
    [
        (breaker("OPEN", 9), json!([event(1, "ERROR", None), event(9, "STATE_TRANSITION", Some("CLOSED_TO_OPEN"))])),
        (breaker("CLOSED", 0), json!([event(5, "SUCCESS", None)])),
    ]
}

#[test]
fn instances_in_turn_that_name_themselves_are_told_apart() {
    let runtime = runtime();
    let application = Application::start(&runtime);
    let [one, two] = two_instances();
    let turns =
        |field: &str, one: &Value, two: &Value| Reply::Turns(vec![(Some("orders-1"), json!({ field: one })), (Some("orders-2"), json!({ field: two }))]);
    application.reply("circuitbreakers", turns("circuitBreakers", &json!({ "payments": one.0 }), &json!({ "payments": two.0 })));
    application.reply("circuitbreakerevents", turns("circuitBreakerEvents", &one.1, &two.1));
    let mut seen = Observed::start(&runtime, &application.url());
    let is_in_turn = |seen: &Observed| seen.statuses.last().is_some_and(|status| status.detail.contains("in turn"));
    seen.until("taking turns", is_in_turn);
    let status = seen.statuses.last().expect("seen");
    assert_eq!((status.phase, status.failure), (SourcePhase::Degraded, Some(FailureKind::Peer)));
    assert_eq!(
        status.detail,
        format!("several instances answer in turn behind {} (orders-1, orders-2): states of those that do not name themselves are not told", application.url())
    );
    assert_eq!(status.next_step, "Write one source per instance into the profile, each with the instance's own address");
    seen.until("both", |seen| ["orders-1", "orders-2"].iter().all(|name| seen.breakers().any(|breaker| breaker.instance.as_deref() == Some(name))));
    for breaker in seen.breakers() {
        let expected = if breaker.instance.as_deref() == Some("orders-1") { BreakerState::Open } else { BreakerState::Closed };
        assert_eq!(breaker.state, Some(expected), "{breaker:?}");
    }
    assert!(seen.facts.iter().any(|fact| matches!(fact, Fact::Instance(instance) if instance.changing)));
}

#[test]
fn instances_in_turn_that_do_not_name_themselves_are_known_by_their_events_and_not_shown_as_flapping() {
    let runtime = runtime();
    let application = Application::start(&runtime);
    let [one, two] = two_instances();
    let turns = |field: &str, one: &Value, two: &Value| Reply::Turns(vec![(None, json!({ field: one })), (None, json!({ field: two }))]);
    application.reply("circuitbreakers", turns("circuitBreakers", &json!({ "payments": one.0 }), &json!({ "payments": two.0 })));
    application.reply("circuitbreakerevents", turns("circuitBreakerEvents", &one.1, &two.1));
    let mut seen = Observed::start(&runtime, &application.url());
    seen.until("taking turns", |seen| seen.statuses.last().is_some_and(|status| status.detail.contains("in turn")));
    let told = seen.breakers().count();
    seen.until("more polls", |seen| seen.breakers().count() >= told + 6);
    assert!(seen.breakers().skip(told + 2).all(|breaker| breaker.state.is_none() && breaker.not_permitted_calls.is_none()), "unknown instead of flapping");
    let counts = seen.counts();
    assert_eq!(counts.folded[ItemKind::Fact.index()] + seen.events().count() as u64, 3, "each event is told or counted");
}

#[test]
fn an_instance_that_info_names_is_told_and_its_successor_too() {
    let runtime = runtime();
    let application = Application::start(&runtime);
    application.tells(json!({"payments": breaker("OPEN", 9)}), json!([]));
    application.reply("info", Reply::Json(json!({"app": {"instanceId": "orders-a"}})));
    let mut seen = Observed::start(&runtime, &application.url());
    seen.until("a poll", |seen| seen.breakers().count() >= 1);
    assert_eq!(seen.breakers().last().and_then(|breaker| breaker.instance.as_deref()), Some("orders-a"));
    seen.until_status(SourcePhase::Live, None);
    application.tells(json!({"payments": breaker("CLOSED", 0)}), json!([]));
    application.reply("info", Reply::Json(json!({"app": {"instanceId": "orders-b"}})));
    let (detail, _) = seen.until_status(SourcePhase::Degraded, Some(FailureKind::Peer));
    assert_eq!(detail, format!("another instance answers behind {} than before (orders-a, orders-b)", application.url()));
    seen.until("its state", |seen| {
        seen.breakers().last().is_some_and(|breaker| breaker.instance.as_deref() == Some("orders-b") && breaker.state == Some(BreakerState::Closed))
    });
}

#[test]
fn tls_is_spoken_and_a_mismatch_is_named() {
    let runtime = runtime();
    let application = Application::start(&runtime);
    application.tells(json!({"payments": breaker("CLOSED", 0)}), json!([]));
    let issued = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
    let certificate_pem = issued.cert.pem().into_bytes();
    let tls = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![issued.cert.der().clone()], rustls::pki_types::PrivateKeyDer::Pkcs8(issued.signing_key.serialize_der().into()))
        .expect("a key");
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
    let address = listener.local_addr().expect("bound");
    let router = application.router();
    runtime.spawn(async move { axum::serve(TlsListener { listener, acceptor: tokio_rustls::TlsAcceptor::from(Arc::new(tls)) }, router).await });
    let fast = |url: String| Config { poll_interval: Duration::from_millis(100), ..config(&url) };

    let mut seen = Observed::start_with(&runtime, Config { root_certificate_pem: Some(certificate_pem), ..fast(format!("https://{address}/actuator")) });
    seen.until("a breaker over TLS", |seen| seen.breakers().count() >= 2);
    seen.until_status(SourcePhase::Live, None);

    let mut seen = Observed::start_with(&runtime, fast(format!("https://{address}/actuator")));
    let (detail, next_step) = seen.until_status(SourcePhase::Failed, Some(FailureKind::Authenticate));
    assert!(detail.contains("its certificate is not trusted"), "{detail}");
    assert_eq!(next_step, "Add its issuer to this machine's trusted certificates, or correct the host's name in url");

    let mut seen = Observed::start_with(&runtime, fast(format!("http://{address}/actuator")));
    let (detail, next_step) = seen.until_status(SourcePhase::Failed, Some(FailureKind::Protocol));
    assert_eq!(detail, format!("http://{address}/actuator answered what is no HTTP: the port speaks TLS, or another protocol"));
    assert_eq!(next_step, "Write https:// in url if the port speaks TLS, else correct the port");

    let mut seen = Observed::start_with(&runtime, fast(application.url().replace("http://", "https://")));
    let (detail, next_step) = seen.until_status(SourcePhase::Failed, Some(FailureKind::Protocol));
    assert_eq!(detail, format!("https://{}/actuator speaks plain text where TLS was asked for", application.address));
    assert_eq!(next_step, "Write http:// instead of https:// in url, or correct the port");
}

/// A listener whose connections speak TLS.
struct TlsListener {
    listener: tokio::net::TcpListener,
    acceptor: tokio_rustls::TlsAcceptor,
}

impl axum::serve::Listener for TlsListener {
    type Io = tokio_rustls::server::TlsStream<tokio::net::TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, peer)) = self.listener.accept().await else { continue };
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
