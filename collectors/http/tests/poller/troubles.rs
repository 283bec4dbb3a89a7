//! The poller against what can go wrong: what it says of it, that it comes back, and that it ends in time.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use crate::application::{Application, Reply, breaker, event};
use crate::observed::{DEADLINE, Observed, config, runtime};
use serde_json::json;
use switchboard_http::{Auth, Config};
use switchboard_model::{FailureKind, SourcePhase};
use tokio::runtime::Runtime;

fn impatient(url: &str) -> Config {
    Config { request_timeout: Duration::from_millis(300), poll_interval: Duration::from_millis(100), ..config(url) }
}

/// Asserts what is said of a server whose `circuitbreakers` answer so.
#[track_caller]
fn assert_says(runtime: &Runtime, reply: Reply, expected: (SourcePhase, FailureKind), detail: &str, next_step: &str) -> (Application, Observed) {
    let application = Application::start(runtime);
    application.tells(json!({}), json!([]));
    application.reply("circuitbreakers", reply);
    let mut seen = Observed::start_with(runtime, impatient(&application.url()));
    let said = seen.until_status(expected.0, Some(expected.1));
    assert_eq!(said, (detail.replace("AT", &format!("{}/circuitbreakers", application.url())).replace("URL", &application.url()), next_step.to_owned()));
    assert_eq!(seen.breakers().count(), 0);
    (application, seen)
}

const EXPOSE: &str = "Add circuitbreakers,circuitbreakerevents to management.endpoints.web.exposure.include";
const CORRECT_URL: &str = "Correct url: it is the actuator's base, such as http://HOST:PORT/actuator";
const ADD_CREDENTIALS: &str = "Add username and password, or bearer, to this source in the profile";

#[test]
fn an_endpoint_that_is_not_exposed_names_the_setting() {
    let runtime = runtime();
    let application = Application::start(&runtime);
    let mut seen = Observed::start(&runtime, &application.url());
    let (detail, next_step) = seen.until_status(SourcePhase::Degraded, Some(FailureKind::Peer));
    assert_eq!(detail, format!("{}/circuitbreakers answered 404: the endpoint is not exposed, or no actuator is there", application.url()));
    assert_eq!(next_step, format!("{EXPOSE}, and look whether management.server.port names another port"));

    application.reply("", Reply::Json(json!({"_links": {"self": {}, "health": {}}})));
    seen.until("the links are read", |seen| seen.statuses.last().is_some_and(|status| status.next_step == EXPOSE));
    assert_eq!(seen.statuses.last().expect("seen").detail, format!("{}/circuitbreakers answered 404: the endpoint is not exposed", application.url()));

    application.reply("circuitbreakers", Reply::Json(json!({"circuitBreakers": {"payments": breaker("OPEN", 1)}})));
    seen.until("states", |seen| seen.breakers().count() >= 1 && seen.statuses.last().is_some_and(|status| status.detail.starts_with("states are read")));
    let (detail, next_step) = seen.until_status(SourcePhase::Degraded, Some(FailureKind::Peer));
    assert_eq!(detail, format!("states are read, but {}/circuitbreakerevents answered 404: changes between two polls are not seen", application.url()));
    assert_eq!(next_step, "Add circuitbreakerevents to management.endpoints.web.exposure.include");

    application.reply("circuitbreakerevents", Reply::Json(json!({"circuitBreakerEvents": []})));
    seen.until_status(SourcePhase::Live, None);
}

#[test]
fn statuses_name_the_cause_and_the_next_step() {
    let runtime = runtime();
    let reply = |status, headers: Vec<(&'static str, String)>| Reply::Body(status, headers, b"{}".to_vec());
    let location = |to: &str| vec![("location", to.to_owned())];
    for (status, headers, failure, detail, next_step) in [
        (401, vec![], FailureKind::Authenticate, "AT asks for credentials (401)", ADD_CREDENTIALS),
        (
            403,
            vec![],
            FailureKind::Authorise,
            "AT does not allow this user to read it (403)",
            "Permit this user to GET the actuator's endpoints, or use another user",
        ),
        (
            302,
            location("/login?continue"),
            FailureKind::Authenticate,
            "AT answered 302 and points to /login?continue; redirects are not followed",
            ADD_CREDENTIALS,
        ),
        (
            307,
            location("https://a:geheim1@b/x"),
            FailureKind::Protocol,
            "AT answered 307 and points to https://REDACTED@b/x; redirects are not followed",
            "Write into url the address that answers by itself",
        ),
        (
            301,
            vec![],
            FailureKind::Protocol,
            "AT answered 301 and points to nowhere; redirects are not followed",
            "Write into url the address that answers by itself",
        ),
        (429, vec![], FailureKind::Limit, "AT answered 429: too many requests", "Raise poll_s of this source in the profile"),
        (500, vec![], FailureKind::Peer, "AT answered 500 Internal Server Error", "Look into the application's log"),
        (204, vec![], FailureKind::Peer, "AT answered 204 No Content", "Look into the application's log"),
    ] {
        let application = Application::start(&runtime);
        application.tells(json!({}), json!([]));
        application.reply("circuitbreakers", reply(status, headers));
        let mut seen = Observed::start(&runtime, &application.url());
        let (said, said_next) = seen.until_status(SourcePhase::Failed, Some(failure));
        assert!(!said.contains("geheim1"), "{said}");
        let said = match said.find("redacted:") {
            Some(at) => said.replace(&said[at..said[at..].find('@').expect("a host") + at], "REDACTED"),
            None => said,
        };
        assert_eq!(said, detail.replace("AT", &format!("{}/circuitbreakers", application.url())), "{status}");
        assert_eq!(said_next, next_step, "{status}");
    }
}

#[test]
fn credentials_that_are_not_accepted_are_told_apart_from_missing_ones() {
    let runtime = runtime();
    let application = Application::start(&runtime);
    application.reply("circuitbreakerevents", Reply::Body(401, vec![], vec![]));
    let auth = Auth::Basic { user: "ops".into(), password: "wrong".into() };
    let mut seen = Observed::start_with(&runtime, Config { auth, ..config(&application.url()) });
    let (detail, next_step) = seen.until_status(SourcePhase::Failed, Some(FailureKind::Authenticate));
    assert_eq!(detail, format!("{}/circuitbreakerevents does not accept the credentials (401)", application.url()));
    assert_eq!(next_step, "Correct username and password, or bearer, of this source in the profile");
}

#[test]
fn hostile_bodies_are_told_and_counted() {
    let runtime = runtime();
    let body = |content_type: &str, body: &[u8]| Reply::Body(200, vec![("content-type", content_type.to_owned())], body.to_vec());
    let failed = |kind| (SourcePhase::Failed, kind);
    let page = "<!doctype html><html><body>Please sign in</body></html>";
    let not_a_login = format!("{CORRECT_URL}, not that of a login page or a proxy");
    for (content_type, text) in [("text/html", page), ("application/json", page)] {
        let (_application, seen) =
            assert_says(&runtime, body(content_type, text.as_bytes()), failed(FailureKind::Protocol), "AT answered an HTML page instead of JSON", &not_a_login);
        assert!(seen.counts().undecodable_requests >= 1 && seen.counts().undecodable_bytes >= text.len() as u64);
    }
    for (text, reason) in [
        (&b""[..], "EOF while parsing a value at line 1 column 0"),
        (b"circuits: none", "expected value at line 1 column 1"),
        (b"{\"circuitBreakers\":", "EOF while parsing a value at line 1 column 19"),
        (&[b'['; 200][..], "recursion limit exceeded at line 1 column 128"),
        (b"{\"circuitBreakers\":{\"\xff\":{}}}", "invalid unicode code point at line 1 column 22"),
    ] {
        assert_says(&runtime, body("application/json", text), failed(FailureKind::Protocol), &format!("AT answered what is no JSON ({reason})"), CORRECT_URL);
    }
    for text in ["{}", "[1,2]", "null", r#"{"circuitBreakers":"OPEN"}"#] {
        let (_application, seen) = assert_says(
            &runtime,
            body("application/json", text.as_bytes()),
            failed(FailureKind::Protocol),
            "AT answered JSON, but not that of Resilience4j",
            CORRECT_URL,
        );
        assert!(seen.counts().undecodable_requests >= 1);
    }
    let smaller = "Lower eventConsumerBufferSize of the breakers, or correct url";
    for reply in [body("application/json", &vec![b' '; (1 << 20) + 1]), Reply::Endless] {
        assert_says(&runtime, reply, failed(FailureKind::Limit), "AT answered more than 1 MiB", smaller);
    }
    let hangs = "Look whether the application hangs, or is paused in a debugger";
    for reply in [Reply::Hangs, Reply::Trickles] {
        assert_says(&runtime, reply, failed(FailureKind::Peer), "URL took the request but did not answer it within 300ms", hangs);
    }
}

#[test]
fn an_answer_of_one_mebibyte_is_read() {
    let runtime = runtime();
    let application = Application::start(&runtime);
    let mut text = json!({"circuitBreakers": {"payments": breaker("OPEN", 3)}}).to_string().into_bytes();
    text.resize(1 << 20, b' ');
    application.tells(json!({}), json!([]));
    application.reply("circuitbreakers", Reply::Body(200, vec![], text));
    let mut seen = Observed::start(&runtime, &application.url());
    seen.until("its breaker", |seen| seen.breakers().count() >= 1);
}

/// Answers each connection's first bytes with these, and closes it.
fn raw_server(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(answer);
        }
    });
    address
}

#[test]
fn what_is_no_http_is_told() {
    let runtime = runtime();
    for (answer, failure, part) in [
        (&b"SSH-2.0-OpenSSH_9.2\r\n"[..], FailureKind::Protocol, "answered what is no HTTP: the port speaks TLS, or another protocol"),
        (b"", FailureKind::Connect, "the connection broke off"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{", FailureKind::Connect, "the connection broke off"),
    ] {
        let mut seen = Observed::start_with(&runtime, impatient(&format!("http://{}/actuator", raw_server(answer))));
        let (detail, next_step) = seen.until_status(SourcePhase::Failed, Some(failure));
        assert!(detail.contains(part), "{detail}");
        assert!(!next_step.is_empty());
    }
}

#[test]
fn an_address_that_is_none_is_told_without_what_is_secret_in_it() {
    let runtime = runtime();
    for (url, reason) in [
        ("", "relative URL without a base"),
        ("localhost:8081/actuator", "it begins neither with http:// nor with https://"),
        ("ftp://localhost/actuator", "it begins neither with http:// nor with https://"),
        ("http://ops:geheim@localhost/actuator", "it holds credentials; they belong into username and password"),
    ] {
        let mut seen = Observed::start(&runtime, url);
        let (detail, next_step) = seen.until_status(SourcePhase::Failed, Some(FailureKind::Connect));
        assert_eq!(detail, format!("the address of this source cannot be used: {reason}"));
        assert_eq!(next_step, "Write url as http://HOST:PORT/actuator, with the management port if there is one");
        assert!(seen.stop(&runtime) < Duration::from_millis(500));
    }
}

#[test]
fn it_comes_back_when_the_application_does_and_tells_no_event_twice() {
    let runtime = runtime();
    let application = Application::start(&runtime);
    application.tells(json!({"payments": breaker("OPEN", 3)}), json!([event(1, "ERROR", None)]));
    let mut seen = Observed::start(&runtime, &application.url());
    seen.until("it is read", |seen| seen.breakers().count() >= 2);
    seen.until_status(SourcePhase::Live, None);
    application.down(&runtime);
    let (detail, next_step) = loop {
        let said = seen.until_status(SourcePhase::Failed, Some(FailureKind::Connect));
        if said.0.contains("refused") {
            break said;
        }
        let num_statuses = seen.statuses.len();
        seen.until("the next status", |seen| seen.statuses.len() > num_statuses);
    };
    assert_eq!(detail, format!("{}: connection refused, nothing listens there", application.url()));
    assert_eq!(next_step, "Start the application, or correct the port (management.server.port may name another one)");
    let read = seen.breakers().count();
    let application = application.up(&runtime);
    let back = Instant::now();
    seen.until("it is read again", |seen| seen.breakers().count() >= read + 2);
    assert!(back.elapsed() < DEADLINE / 2);
    seen.until_status(SourcePhase::Live, None);
    assert_eq!(seen.events().count(), 1);
    drop(application);
}

#[test]
fn it_stops_within_half_a_second_whatever_is_under_way() {
    let runtime = runtime();
    let application = Application::start(&runtime);
    application.tells(json!({"payments": breaker("OPEN", 3)}), json!([]));
    for reply in [None, Some(Reply::Hangs), Some(Reply::Trickles), Some(Reply::Endless)] {
        if let Some(reply) = reply {
            application.reply("circuitbreakers", reply);
        }
        let num_asked = application.asked().len();
        let mut seen = Observed::start(&runtime, &application.url());
        let deadline = Instant::now() + DEADLINE;
        while application.asked().len() < num_asked + 2 {
            assert!(Instant::now() < deadline, "it asks");
            std::thread::yield_now();
        }
        let took = seen.stop(&runtime);
        assert!(took < Duration::from_millis(500), "{took:?}");
    }
}

#[test]
fn one_miss_is_a_miss_and_no_failure() {
    let runtime = runtime();
    let application = Application::start(&runtime);
    application.tells(json!({"payments": breaker("OPEN", 3)}), json!([event(1, "ERROR", None)]));
    let mut seen = Observed::start(&runtime, &application.url());
    seen.until_status(SourcePhase::Live, None);
    let fails = || Reply::Body(500, vec![], b"{}".to_vec());
    let num_asked = |endpoint: &str| application.asked().iter().filter(|asked| asked.path.ends_with(endpoint)).count();
    for (endpoint, status) in ["circuitbreakerevents", "circuitbreakers"].into_iter().flat_map(|endpoint| [(endpoint, Some(500)), (endpoint, None)]) {
        let num_statuses = seen.statuses.len();
        // One answer of 500 or one that breaks off, and all is as it was.
        let (asked, read) = (num_asked(endpoint), seen.breakers().count());
        application.fail_once(endpoint, status);
        seen.until("it was asked and missed", |_| num_asked(endpoint) > asked);
        seen.until("states are read on", |seen| seen.breakers().count() >= read + 3);
        assert_eq!(seen.statuses[num_statuses..], [], "{endpoint} {status:?}");
    }
    application.reply("circuitbreakerevents", fails());
    let (detail, next_step) = seen.until_status(SourcePhase::Degraded, Some(FailureKind::Peer));
    let address = application.url();
    assert_eq!(
        detail,
        format!("states are read, but {address}/circuitbreakerevents answered 500 Internal Server Error: changes between two polls are not seen")
    );
    assert_eq!(next_step, "Look into the application's log");
    let read = seen.breakers().count();
    seen.until("states are read on", |seen| seen.breakers().count() >= read + 3);
    application.reply("circuitbreakers", fails());
    assert_eq!(seen.until_status(SourcePhase::Failed, Some(FailureKind::Peer)).0, format!("{address}/circuitbreakers answered 500 Internal Server Error"));
    application.reply("circuitbreakers", Reply::BreaksOff);
    assert!(seen.until_status(SourcePhase::Failed, Some(FailureKind::Connect)).0.contains("the connection broke off"));
    application.tells(json!({"payments": breaker("OPEN", 3)}), json!([event(1, "ERROR", None)]));
    seen.until("it is live again", |seen| seen.statuses.last().is_some_and(|status| status.phase == SourcePhase::Live));
    assert_eq!(seen.events().count(), 1);
}

#[test]
fn an_address_beside_the_actuator_is_corrected() {
    let runtime = runtime();
    let application = Application::start(&runtime);
    let base = application.url();
    let origin = base.trim_end_matches("/actuator").to_owned();
    application.tells(json!({"payments": breaker("OPEN", 3)}), json!([]));
    let corrected = |url: &str, phase: SourcePhase, failure: FailureKind| {
        let mut seen = Observed::start(&runtime, url);
        let (detail, next_step) = seen.until_status(phase, Some(failure));
        assert_eq!(seen.breakers().count(), 0);
        (detail, next_step)
    };
    let offered = format!("Write url = \"{base}\" for this source into the profile");
    for url in [origin.clone(), format!("{origin}/"), format!("{base}/circuitbreakers"), format!("{base}/circuitbreakerevents/"), format!("{base}/health")] {
        let (detail, next_step) = corrected(&url, SourcePhase::Degraded, FailureKind::Peer);
        assert!(detail.ends_with(&format!("; an actuator answers at {base}")), "{url}: {detail}");
        assert_eq!(next_step, offered, "{url}");
    }
    // A web page answers everything that is no endpoint.
    application.reply_at("/circuitbreakerevents", Reply::Body(200, vec![("content-type", "text/html".to_owned())], b"<html>".to_vec()));
    assert_eq!(corrected(&origin, SourcePhase::Failed, FailureKind::Protocol).1, offered);
    let hidden = Application::start(&runtime);
    hidden.reply("", Reply::Json(json!({"_links": {"self": {}, "health": {}}})));
    let origin = hidden.url().trim_end_matches("/actuator").to_owned();
    let (_, next_step) = corrected(&origin, SourcePhase::Degraded, FailureKind::Peer);
    assert_eq!(next_step, format!("Write url = \"{}\" for this source into the profile, and {}", hidden.url(), EXPOSE.replace("Add", "add")));
}
