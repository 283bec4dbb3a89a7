//! HTTP requests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use switchboard_desk::ledger::{SettledAs, TargetKind};
use switchboard_desk::send::draft::{Auth, Body, Pair, RepeatDraft};
use switchboard_desk::send::{Question, SendCommand, Status};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::sending::{Sending, Told, http};

/// A server that keeps what it was sent, word for word, and answers each connection with the same.
pub struct Server {
    pub address: SocketAddr,
    pub num_connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// One that answers so; without an answer it is silent.
    pub async fn start(answer: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (num_connections, requests) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<String>>>::default());
        let (counted, kept) = (Arc::clone(&num_connections), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let kept = Arc::clone(&kept);
                tokio::spawn(async move {
                    let (mut text, mut part) = (String::new(), [0; 4096]);
                    while let Ok(len) = stream.read(&mut part).await {
                        text.push_str(&String::from_utf8_lossy(&part[..len]));
                        let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next()?.parse().ok()).unwrap_or(0);
                        if len == 0 || text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() >= length) {
                            break;
                        }
                    }
                    kept.lock().push(text);
                    match answer {
                        Some(answer) => drop(stream.write_all(answer.as_bytes()).await),
                        None => std::future::pending::<()>().await,
                    }
                });
            }
        });
        Self { address, num_connections, requests }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().clone()
    }
}

const ANSWER: &str = "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: 13\r\nconnection: close\r\n\r\n{\"order\":4711}";
const WELL: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

#[tokio::test(flavor = "multi_thread")]
async fn what_may_change_something_is_confirmed_once_and_its_answer_and_line_are_kept() {
    let server = Server::start(Some(ANSWER)).await;
    let sending = Sending::start("[otlp]\ngrpc_port = 0\nhttp_port = 0\n");
    let order = || {
        http(|http| {
            (http.method, http.url) = ("POST".to_owned(), server.url("/checkout?a=secret"));
            http.body = Body::Json("{\"sku\":\"lamp\"}".to_owned());
        })
    };
    let Told::Asks(Question::Confirm { what, .. }) = sending.send(order()).await else { panic!("nothing was asked") };
    assert!(what.contains("POST /checkout to http://127.0.0.1") && !what.contains("secret"), "{what}");
    assert_eq!((server.num_connections.load(Ordering::SeqCst), sending.lines().await.len()), (0, 0), "nothing goes before it is confirmed");
    let Told::Sent(_) = sending.confirm(None).await else { panic!("it was not sent") };
    let sent = sending.settled().await;
    assert_eq!(sent.answer.status, Some(Status::Http { status: 201, version: "HTTP/1.1" }));
    assert_eq!((&sent.answer.body[..], sent.answer.body_bytes), (&b"{\"order\":4711"[..], 13));
    assert!(!sent.answer.took.is_empty() && sent.ended_ns.is_some());
    let arrived = &server.requests()[0];
    assert!(arrived.starts_with("POST /checkout?a=secret HTTP/1.1\r\n") && arrived.ends_with("{\"sku\":\"lamp\"}"), "{arrived}");
    let trace_id = sent.trace_id.expect("it begins a trace");
    assert!(arrived.contains(&format!("traceparent: 00-{trace_id}-")), "{arrived}");
    assert!(arrived.contains(&format!("x-correlation-id: {}", sent.correlation_id.as_deref().expect("one"))), "{arrived}");
    let Told::Sent(_) = sending.send(order()).await else { panic!("it was asked twice in a session") };
    sending.settled().await;
    let lines = sending.lines().await;
    assert_eq!(lines.len(), 2);
    for line in lines {
        assert_eq!((line.target_kind, line.call.as_str(), line.settled.counts_as()), (TargetKind::Http, "POST /checkout", SettledAs::Done));
        assert_eq!((line.target, line.letter, line.hash.len()), (format!("http://{}", server.address), None, 32));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_goes_to_its_server_alone_and_stands_nowhere_else() {
    let (server, other) = (Server::start(Some(WELL)).await, Server::start(Some(WELL)).await);
    let secret = format!(
        "[otlp]\ngrpc_port = 0\nhttp_port = 0\n[[secrets]]\nname = \"token\"\nserver = \"http://{}\"\nfrom = {{ command = \"echo hunter2canary\" }}\n",
        server.address
    );
    let sending = Sending::start(&secret);
    let get = |url: String| http(|http| (http.url, http.auth) = (url, Auth::Bearer { secret: "token".to_owned() }));
    let Told::Sent(_) = sending.send(get(server.url("/"))).await else { panic!("it was not sent") };
    sending.settled().await;
    assert!(server.requests()[0].contains("authorization: Bearer hunter2canary"), "{:?}", server.requests());
    let told = sending.send(get(other.url("/"))).await;
    assert!(matches!(&told, Told::Mistake("auth", reason) if reason.contains("alone")), "{told:?}");
    assert_eq!(other.num_connections.load(Ordering::SeqCst), 0);
    let shown = format!("{:?} {:?}", sending.session.send_board(), sending.lines().await);
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_the_profile_does_not_have_or_binds_elsewhere_is_told_before_anything_is_asked() {
    let server = Server::start(Some(WELL)).await;
    let elsewhere = "[[secrets]]\nname = \"token\"\nserver = \"http://127.0.0.1:9\"\nfrom = { command = \"echo hunter2\" }\n";
    for (secrets, told) in [("", "the profile has no secret called `token`"), (elsewhere, "goes to http://127.0.0.1:9 alone")] {
        let sending = Sending::start(&format!("[otlp]\ngrpc_port = 0\nhttp_port = 0\n{secrets}"));
        let order = |repeat: RepeatDraft| {
            http(|http| {
                (http.method, http.url, http.repeat) = ("POST".to_owned(), server.url("/checkout"), repeat);
                http.auth = Auth::Bearer { secret: "token".to_owned() };
            })
        };
        for repeat in [RepeatDraft::default(), RepeatDraft { times: 3, ..RepeatDraft::default() }] {
            let mistake = sending.send(order(repeat)).await;
            assert!(matches!(&mistake, Told::Mistake("auth", reason) if reason.contains(told)), "{mistake:?}");
        }
        assert!(sending.session.send_board().asking.is_none() && sending.lines().await.is_empty());
    }
    assert_eq!(server.num_connections.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_answers_is_given_up_at_once_and_may_have_been_sent() {
    let server = Server::start(None).await;
    let sending = Sending::start("[otlp]\ngrpc_port = 0\nhttp_port = 0\n");
    let Told::Sent(sent) = sending.send(http(|http| http.url = server.url("/"))).await else { panic!("it was not sent") };
    sending.until("request", |_| (!server.requests().is_empty()).then_some(())).await;
    let begun = Instant::now();
    sending.session.send(SendCommand::Cancel(sent.sent_id));
    let sent = sending.settled().await;
    let took = begun.elapsed();
    assert_eq!((sent.settled.as_ref().expect("an end").counts_as(), sent.outcome_word()), (SettledAs::Possibly, Some("possibly sent")));
    assert!(took < Duration::from_secs(2), "{took:?}");
    let lines = sending.lines().await;
    assert_eq!(lines.iter().map(|line| line.settled.counts_as()).collect::<Vec<_>>(), [SettledAs::Possibly]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_switches_to_another_protocol_has_not_answered_well() {
    let server = Server::start(Some("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")).await;
    let sending = Sending::start("[otlp]\ngrpc_port = 0\nhttp_port = 0\n");
    let Told::Sent(_) = sending.send(http(|http| http.url = server.url("/"))).await else { panic!("it was not sent") };
    let sent = sending.settled().await;
    assert_eq!((sent.answer.status.as_ref().map(Status::is_failure), sent.outcome_word()), (Some(true), Some("answered")));
    assert!(sent.answer.cut.as_ref().is_some_and(|cut| cut.contains("(websocket) that nobody asked for")), "{:?}", sent.answer.cut);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_was_surely_not_sent_to() {
    let port = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address").port();
    let sending = Sending::start("[otlp]\ngrpc_port = 0\nhttp_port = 0\n");
    let Told::Sent(_) = sending.send(http(|http| http.url = format!("http://127.0.0.1:{port}/"))).await else { panic!("it was not sent") };
    let sent = sending.settled().await;
    assert_eq!(sent.settled.as_ref().expect("an end").counts_as(), SettledAs::NotDone);
    let told = sending.send(http(|http| http.url = "http://no-such-host.invalid/".to_owned())).await;
    assert!(matches!(&told, Told::Refused(reason) if reason.contains("leads nowhere")), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_kept_in_files_and_filled_in_by_an_environment() {
    let server = Server::start(Some(WELL)).await;
    let sending = Sending::start("[otlp]\ngrpc_port = 0\nhttp_port = 0\n");
    let draft = Arc::new(http(|http| (http.url, http.query) = ("{{base}}/a".to_owned(), vec![Pair::new("n", "{{counter}}")])));
    sending.session.send(SendCommand::Save { path: "shop/place".to_owned(), draft: Arc::clone(&draft) });
    let saved = sending.until("request", |board| board.saved.requests.get("shop/place").cloned()).await;
    assert_eq!(saved, draft);
    std::fs::write(sending.folder.path().join("requests/environments.toml"), format!("[here]\nbase = \"http://{}\"\n", server.address)).expect("written");
    sending.session.send(SendCommand::Reload);
    sending.until("environment", |board| board.saved.environments.get("here").cloned()).await;
    let told = sending.send(Arc::unwrap_or_clone(saved.clone())).await;
    assert!(matches!(&told, Told::Mistake("url", reason) if reason.contains("no variable is called `base`")), "{told:?}");
    let Told::Sent(_) = sending.send_in(Arc::unwrap_or_clone(saved), Some("here")).await else { panic!("it was not sent") };
    sending.settled().await;
    assert!(server.requests()[0].starts_with("GET /a?n=1 HTTP/1.1\r\n"), "{:?}", server.requests());
    sending.session.send(SendCommand::Remove("shop/place".to_owned()));
    sending.until("removal", |board| board.saved.requests.is_empty().then_some(())).await;
    sending.session.send(SendCommand::Save { path: "../outside".to_owned(), draft });
    let refused = sending.until("refusal", |board| board.refusal.clone()).await;
    assert!(refused.contains("leads out of the folder"), "{refused}");
}

/// A server that answers with so many bytes.
async fn answers_with(num_bytes: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut part = [0; 4096];
            let _ = stream.read(&mut part).await;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {num_bytes}\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(&vec![b'x'; num_bytes]).await;
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_body_of_an_answer_is_written_into_a_file() {
    let address = answers_with((3 << 20) + 7).await;
    let sending = Sending::start("[otlp]\ngrpc_port = 0\nhttp_port = 0\n");
    let Told::Sent(_) = sending.send(http(|http| http.url = format!("http://{address}/"))).await else { panic!("it was not sent") };
    let sent = sending.settled().await;
    assert_eq!((sent.answer.body.len(), sent.answer.body_bytes), (1 << 20, (3 << 20) + 7), "the beginning is shown");
    let path = sending.folder.path().join("answer.bin");
    sending.session.send(SendCommand::SaveBody(sent.sent_id, path.display().to_string()));
    sending.until("file", |board| board.written.clone()).await;
    assert_eq!(std::fs::metadata(&path).expect("there").len(), (3 << 20) + 7);
    sending.session.send(SendCommand::SaveBody(sent.sent_id, path.display().to_string()));
    let refused = sending.until("refusal", |board| board.refusal.clone()).await;
    assert!(refused.contains("there is one already"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_that_a_server_sets_goes_back_with_no_other_request_of_the_session() {
    let answer = "HTTP/1.1 200 OK\r\nset-cookie: session=hunter2; Path=/; Max-Age=3600\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
    let server = Server::start(Some(answer)).await;
    let sending = Sending::start("[otlp]\ngrpc_port = 0\nhttp_port = 0\n");
    let often = RepeatDraft { times: 3, ..RepeatDraft::default() };
    for repeat in [RepeatDraft::default(), RepeatDraft::default(), often] {
        let Told::Sent(_) = sending.send(http(|http| (http.url, http.repeat) = (server.url("/"), repeat))).await else { panic!("it was not sent") };
        let sent = sending.settled().await;
        assert!(sent.answer.headers.iter().any(|(name, value)| name == "set-cookie" && value.starts_with("session=")), "{:?}", sent.answer);
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 5);
    assert!(requests.iter().all(|request| !request.to_lowercase().contains("cookie") && !request.contains("hunter2")), "{requests:?}");
}
