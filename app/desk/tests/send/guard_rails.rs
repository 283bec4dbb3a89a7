//! Every way to send, wherever there is no leave: between the program and each of its servers stands a proxy that counts, and brokers count themselves; what
//! is seen are the polls that are declared, and nothing else. Each attempt is one line of the ledger.

mod records;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use switchboard_desk::ledger::SettledAs;
use switchboard_desk::send::draft::{Auth, Body, Draft, GrpcDraft, Pair, RepeatDraft, Request};
use switchboard_desk::send::{Question, SendAsk, SendCommand, SentId};

use crate::counting::{Counting, actuator, health};
use crate::sending::{Sending, Told, asked, grpc, http};

const NAME: &str = "shop";
const WITHIN: Duration = Duration::from_secs(30);
/// What is asked of an actuator by itself.
const POLLS: [&str; 5] = ["circuitbreakers", "circuitbreakerevents", "retryevents", "timelimiterevents", "info"];
/// A request while it is kept.
const KEPT: &str = "kept/one";
/// Of a server of gRPC.
const HEALTH: [&str; 2] = ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"];

/// Why there is no leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rail {
    /// The profile has it, and does not say that it may be sent to.
    ReadOnly,
    /// The profile does not know of it.
    Locked,
    /// The profile forbids this connection.
    Never,
    /// The profile forbids all.
    NeverAll,
    /// Its name has to be typed.
    Production,
}

impl Rail {
    const ALL: [Self; 5] = [Self::ReadOnly, Self::Locked, Self::Never, Self::NeverAll, Self::Production];

    /// A profile with this source.
    fn profile(self, source: &str) -> String {
        let first = match self {
            Self::NeverAll => "write = \"never\"\n",
            Self::Production => "environment = \"production\"\n",
            Self::ReadOnly | Self::Locked | Self::Never => "",
        };
        let source = if self == Self::Locked { "" } else { source };
        let write = if self == Self::Never { "\"never\"" } else { "false" };
        format!("{first}[otlp]\ngrpc_port = 0\nhttp_port = 0\n{}", source.replace("WRITE", write))
    }

    /// As what a server of this machine has to be named so that this holds it back. What is at a loopback address needs no allowing; the address of none
    /// in particular (RFC 1122, 3.2.1.3) is no such address, and a connection to it leads to this machine all the same.
    fn host(self) -> Ipv4Addr {
        if matches!(self, Self::ReadOnly | Self::Locked) { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST }
    }
}

/// A proxy that counts before a server, and how a rail has to name it to hold it back; `None` = this system leads nobody there who names it so, which is
/// said: Windows refuses the address of none in particular.
async fn held_back(rail: Rail, server: SocketAddr) -> Option<(String, Counting)> {
    let proxy = Counting::before(server, IpAddr::V4(Ipv4Addr::LOCALHOST)).await;
    let port = proxy.address.port();
    let (host, scheme) = (rail.host(), "http");
    // Somebody who is named so is reached: what is not heard was not said.
    match tokio::net::TcpStream::connect((IpAddr::V4(host), port)).await {
        Ok(reached) => drop(reached),
        Err(error) if cfg!(windows) && host.is_unspecified() => {
            eprintln!("SKIPPED {rail:?}: on this system {host} does not lead to this machine: {error}");
            return None;
        }
        Err(error) => panic!("{host} does not lead to this machine: {error}"),
    }
    proxy.forget_the_first().await;
    Some((format!("{scheme}://{host}:{port}"), proxy))
}

/// Asks for something to be sent, and looks whether that is refused as it has to be.
async fn is_refused(sending: &Sending, rail: Rail, command: SendCommand) {
    let is_probe = matches!(&command, SendCommand::Send(ask) if ask.is_probe);
    let what = format!("{command:?}");
    let told = sending.say(command).await;
    match (rail, &told) {
        (Rail::ReadOnly | Rail::Locked, Told::Asks(Question::Allow { type_name: None, .. })) => {}
        (Rail::Production, Told::Refused(reason)) if is_probe => assert!(reason.contains("nothing is probed there"), "{reason}"),
        (Rail::Production, Told::Asks(Question::Allow { type_name: Some(name), .. })) => {
            assert!(["shop", "other"].contains(&name.as_str()) || name.starts_with("127.0.0.1"), "{name}");
            let told = sending.confirm(Some("sohp")).await;
            assert!(matches!(&told, Told::Asks(Question::Allow { .. })), "{what}: {told:?}");
        }
        (Rail::Never | Rail::NeverAll, Told::Refused(reason)) => assert!(reason.contains("the profile forbids"), "{what}: {reason}"),
        told => panic!("{what} {rail:?}: {told:?}"),
    }
}

/// The command that is tried behind this one, of all that sending has, and whether this one is a way to send. One that comes to be has to be judged here.
fn after(command: &SendCommand, ask: &SendAsk) -> (bool, Option<SendCommand>) {
    // Something that was sent would be the first.
    let sent = SentId(1);
    match command {
        SendCommand::Send(_) => (true, Some(SendCommand::Withdraw)),
        // What was asked is asked no longer, so that nothing can be confirmed.
        SendCommand::Withdraw => (false, Some(SendCommand::SaveBody(sent, "body.bin".to_owned()))),
        SendCommand::SaveBody(..) => (false, Some(SendCommand::Confirm { typed_name: None })),
        SendCommand::Confirm { .. } => (false, Some(SendCommand::Message(sent, "{}".to_owned()))),
        SendCommand::Message(..) => (false, Some(SendCommand::HalfClose(sent))),
        SendCommand::HalfClose(_) => (false, Some(SendCommand::Cancel(sent))),
        SendCommand::Cancel(_) => (false, Some(SendCommand::Forget)),
        SendCommand::Forget => (false, Some(SendCommand::Save { path: KEPT.to_owned(), draft: ask.draft.clone() })),
        SendCommand::Save { .. } => (false, Some(SendCommand::SaveProto { path: "guard.proto".to_owned(), text: "syntax = \"proto3\";".into() })),
        SendCommand::SaveProto { .. } => {
            let variables = std::iter::once(("base".to_owned(), "http://localhost".to_owned())).collect();
            (false, Some(SendCommand::SaveImported { requests: Vec::new(), environment: "guard".to_owned(), variables }))
        }
        SendCommand::SaveImported { .. } => (false, Some(SendCommand::Reload)),
        SendCommand::Reload => (false, Some(SendCommand::Remove(KEPT.to_owned()))),
        SendCommand::Remove(_) => match &ask.draft.request {
            Request::Grpc(grpc) => (false, Some(SendCommand::Describe(Box::new(grpc.clone()), None))),
            Request::Http(_) | Request::Record(_) => (false, None),
        },
        SendCommand::Describe(..) => (true, None),
    }
}

/// Says all that can be said about a request that is refused; how many lines that makes.
async fn say_all(sending: &Sending, rail: Rail, ask: &SendAsk) -> usize {
    let (mut num_lines, mut next) = (0, Some(SendCommand::Send(ask.clone())));
    while let Some(command) = next {
        let (is_send, following) = after(&command, ask);
        if is_send {
            is_refused(sending, rail, command).await;
            num_lines += 1;
        } else if let SendCommand::SaveBody(..) = command {
            drop(sending.say(command).await);
        } else {
            // All that was said before has been taken up once this shows.
            let is_kept = match &command {
                SendCommand::Save { .. } => Some(true),
                SendCommand::Remove(_) => Some(false),
                _ => None,
            };
            sending.session.send(command);
            if let Some(is_kept) = is_kept {
                sending.until("kept request", |board| (board.saved.requests.contains_key(KEPT) == is_kept).then_some(())).await;
            }
        }
        next = following;
    }
    num_lines
}

/// Looks whether each of so many attempts is a line, and nothing else is.
async fn are_lines(sending: &Sending, num: usize, what: &str) {
    let lines = sending.lines().await;
    assert_eq!(lines.iter().map(|line| line.settled.counts_as()).collect::<Vec<_>>(), vec![SettledAs::Refused; num], "{what}: {lines:?}");
    assert!(sending.session.send_board().sent.is_empty(), "{what}");
}

async fn until(what: &str, look: impl Fn() -> bool) {
    let deadline = Instant::now() + WITHIN;
    while !look() {
        assert!(Instant::now() < deadline, "no {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Once, many times, and as a probe.
fn ways(draft: impl Fn(RepeatDraft) -> Draft) -> [SendAsk; 3] {
    let many = RepeatDraft { times: 20, rate_per_s: 1_000, at_once: 4, ..RepeatDraft::default() };
    let probe = SendAsk { is_probe: true, ..asked(draft(RepeatDraft::default())) };
    [asked(draft(RepeatDraft::default())), asked(draft(many)), probe]
}

/// A secret of the profile that is bound to a server, and a credential that names it. Whoever fetches it leaves a file behind.
fn with_secret(profile: &str, server: &str, fetched: &Path) -> (String, Auth) {
    let table = format!("[[secrets]]\nname = \"token\"\nserver = \"{server}\"\nfrom = {{ command = \"touch '{}'; echo hunter2Zq7\" }}\n", fetched.display());
    (format!("{profile}{table}"), Auth::Bearer { secret: "token".to_owned() })
}

#[tokio::test(flavor = "multi_thread")]
async fn without_leave_an_http_server_hears_its_polls_alone() {
    for rail in Rail::ALL {
        let Some((url, proxy)) = held_back(rail, actuator().await).await else { continue };
        let folder = tempfile::tempdir().expect("a folder");
        let fetched = folder.path().join("fetched");
        let profile = rail.profile(&format!("[[http]]\nname = \"{NAME}\"\nurl = \"{url}/actuator\"\nwrite = WRITE\npoll_s = 0.5\n"));
        let (profile, auth) = with_secret(&profile, &url, &fetched);
        let sending = Sending::start(&profile);
        let is_polled = rail != Rail::Locked;
        if is_polled {
            until("poll", || proxy.request_lines().len() > 1).await;
        }
        let mut num_tried = 0;
        for method in ["GET", "POST", "DELETE"] {
            let request = |repeat: RepeatDraft| {
                http(|http| {
                    (http.method, http.url, http.repeat) = (method.to_owned(), format!("{url}/actuator/circuitbreakers/{method}"), repeat);
                    http.body = if method == "GET" { Body::None } else { Body::Json("{}".to_owned()) };
                    http.auth = auth.clone();
                })
            };
            for ask in ways(request) {
                num_tried += say_all(&sending, rail, &ask).await;
            }
        }
        are_lines(&sending, num_tried, &format!("{rail:?}")).await;
        assert!(!fetched.exists(), "{rail:?}: a secret was fetched");
        if is_polled {
            let num_before = proxy.request_lines().len();
            until("poll after all that", || proxy.request_lines().len() > num_before + 1).await;
        }
        sending.session.stop().await;
        let declared = POLLS.map(|path| format!("GET /actuator/{path} HTTP/1.1"));
        let others: Vec<String> = proxy.request_lines().into_iter().filter(|line| !declared.contains(line)).collect();
        assert_eq!(others, Vec::<String>::new(), "{rail:?}");
        // Every byte is of these polls: their lines, and no header that a request of ours has.
        let said = proxy.said();
        assert!(!said.contains("hunter2") && !said.to_lowercase().contains("authorization") && !said.contains("switchboard-send"), "{rail:?}: {said}");
        assert!(is_polled || proxy.num_connections() == 0, "{rail:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_leave_a_grpc_server_is_asked_for_its_health_alone() {
    for rail in Rail::ALL {
        let (server, asked_for) = health().await;
        let Some((url, proxy)) = held_back(rail, server).await else { continue };
        let folder = tempfile::tempdir().expect("a folder");
        let fetched = folder.path().join("fetched");
        let profile = rail.profile(&format!("[[grpc]]\nname = \"{NAME}\"\nurl = \"{url}\"\nwrite = WRITE\n"));
        let (profile, auth) = with_secret(&profile, &url, &fetched);
        let sending = Sending::start(&profile);
        let is_polled = rail != Rail::Locked;
        if is_polled {
            until("question", || !asked_for.lock().is_empty()).await;
        }
        let call = |repeat: RepeatDraft| {
            grpc(|grpc| {
                (grpc.url, grpc.method, grpc.repeat) = (url.clone(), "shop.v1.Orders/PlaceOrder".to_owned(), repeat);
                grpc.metadata = vec![Pair::new("x-own", "1")];
                grpc.auth = auth.clone();
            })
        };
        let by_hand = SendAsk { by_hand: true, ..asked(call(RepeatDraft::default())) };
        let mut num_tried = 0;
        for ask in ways(call).into_iter().chain([by_hand]) {
            num_tried += say_all(&sending, rail, &ask).await;
        }
        are_lines(&sending, num_tried, &format!("{rail:?}")).await;
        assert!(!fetched.exists(), "{rail:?}: a secret was fetched");
        sending.session.stop().await;
        let others: Vec<String> = asked_for.lock().iter().filter(|path| !HEALTH.contains(&path.as_str())).cloned().collect();
        assert_eq!(others, Vec::<String>::new(), "{rail:?}");
        assert!(is_polled || proxy.num_connections() == 0, "{rail:?}: {}", proxy.said());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_asked_what_its_methods_take_once_that_is_allowed() {
    let (server, asked_for) = health().await;
    let Some((url, proxy)) = held_back(Rail::Locked, server).await else { return };
    let sending = Sending::start(&Rail::Locked.profile(""));
    let grpc = GrpcDraft { url, ..GrpcDraft::default() };
    let describe = || SendCommand::Describe(Box::new(grpc.clone()), None);
    let told = sending.say(describe()).await;
    assert!(matches!(&told, Told::Asks(Question::Allow { type_name: None, .. })), "{told:?}");
    sending.session.send(SendCommand::Withdraw);
    let told = sending.say(describe()).await;
    assert!(matches!(&told, Told::Asks(Question::Allow { .. })) && proxy.num_connections() == 0, "{told:?}");
    // What it answers is none of reflection; that is told after it has answered.
    for num_asked in [1, 2] {
        let command = if num_asked == 1 { SendCommand::Confirm { typed_name: None } } else { describe() };
        let told = sending.described(&grpc, command).await;
        assert!(matches!(&told, Told::Refused(reason) if reason.contains("reflection")), "{told:?}");
        let path = format!("/{}", crate::calls::REFLECTION);
        assert_eq!(asked_for.lock().iter().filter(|asked| **asked == path).count(), num_asked);
    }
    let lines = sending.lines().await;
    let kinds: Vec<SettledAs> = lines.iter().map(|line| line.settled.counts_as()).collect();
    assert_eq!(kinds, [SettledAs::Refused, SettledAs::Refused, SettledAs::Possibly, SettledAs::Possibly], "{lines:?}");
    assert!(lines[2..].iter().all(|line| line.call == crate::calls::REFLECTION), "{lines:?}");
    assert!(sending.session.send_board().sent.is_empty(), "nothing was sent but the question");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_only_in_a_saved_request_is_not_connected_to() {
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let (http_peer, (grpc_peer, _)) = (actuator().await, health().await);
    let (polled, saved_http) = (Counting::before(http_peer, here).await, Counting::before(http_peer, here).await);
    let (saved_grpc, saved_tls) = (Counting::before(grpc_peer, here).await, Counting::before(grpc_peer, here).await);
    let source = format!("[[http]]\nname = \"{NAME}\"\nurl = \"http://{}/actuator\"\nwrite = false\npoll_s = 0.5\n", polled.address);
    let sending = Sending::start(&format!("[otlp]\ngrpc_port = 0\nhttp_port = 0\n{source}"));
    let folder = sending.folder.path().join("requests");
    std::fs::create_dir_all(&folder).expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("written");
    write("pay.toml", &format!("[http]\nmethod = \"POST\"\nurl = \"http://{}/pay\"\n", saved_http.address));
    write("place.toml", &format!("[grpc]\nurl = \"http://{}\"\nmethod = \"shop.v1.Orders/PlaceOrder\"\n", saved_grpc.address));
    write("secure.toml", &format!("[grpc]\nurl = \"https://{}\"\nmethod = \"shop.v1.Orders/PlaceOrder\"\n", saved_tls.address));
    sending.session.send(SendCommand::Reload);
    sending.until("requests", |board| (board.saved.requests.len() == 3).then_some(())).await;
    let num_before = polled.request_lines().len();
    until("polls", || polled.request_lines().len() > num_before + 3).await;
    sending.session.stop().await;
    let nums = [&saved_http, &saved_grpc, &saved_tls].map(Counting::num_connections);
    assert_eq!(nums, [0; 3]);
}
