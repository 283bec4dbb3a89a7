//! Every way to send, wherever there is no leave: between the program and each of its servers stands a proxy that counts, and brokers count themselves; what
//! is seen are the polls that are declared, and nothing else. Each attempt is one line of the ledger.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use switchboard_desk::ledger::SettledAs;
use switchboard_desk::send::draft::{Body, Draft, GrpcDraft, RepeatDraft, Request};
use switchboard_desk::send::replay::{AskedFile, AskedLetter, AskedLetters, ReplayAsk, ReplayCommand, ReplayOptions};
use switchboard_desk::send::{Question, SendCommand};
use switchboard_kafka::testing::MockKafka;
use switchboard_kafka::testing::sending::{outgoing, send_as_it_is};
use switchboard_model::{MessageRef, Place};

use crate::counting::{Counting, actuator, health, not_loopback};
use crate::sending::{Sending, Told, http, record};

const NAME: &str = "shop";
const TOPIC: &str = "orders";
const WITHIN: Duration = Duration::from_secs(30);
/// What is asked of an actuator by itself.
const POLLS: [&str; 5] = ["circuitbreakers", "circuitbreakerevents", "retryevents", "timelimiterevents", "info"];
/// Of a server of gRPC.
const HEALTH: [&str; 2] = ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"];
/// Of brokers, by the protocol's numbers: fetch, list offsets, metadata, offset fetch, find coordinator, describe groups, list groups, handshake, versions,
/// describe configs, describe cluster, describe producers, describe and list transactions, describe consumer, share and streams groups.
const READS: [i16; 17] = [1, 2, 3, 9, 10, 15, 16, 17, 18, 32, 60, 61, 65, 66, 69, 77, 89];

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

    /// Where a server has to be so that this holds it back; `None` where this machine has no such address.
    fn address(self) -> Option<IpAddr> {
        // What is on this machine needs no allowing.
        if matches!(self, Self::ReadOnly | Self::Locked) { not_loopback() } else { Some(IpAddr::V4(Ipv4Addr::LOCALHOST)) }
    }
}

/// Where a server is that a rail holds back, and the proxy that counts before it; where this machine has no such address, one where nobody is.
async fn held_back(rail: Rail, server: SocketAddr) -> (String, Option<Counting>) {
    let Some(at) = rail.address() else {
        eprintln!("skipped: no bytes are counted for {rail:?} (this machine has no address but loopback)");
        return ("http://192.0.2.1:9".to_owned(), None);
    };
    let proxy = Counting::before(server, at).await;
    (format!("http://{}", proxy.address), Some(proxy))
}

/// Asks for something to be sent, and looks whether that is refused as it has to be.
async fn is_refused(sending: &Sending, rail: Rail, draft: Draft, is_probe: bool) {
    let told = if is_probe { sending.probe(draft.clone()).await } else { sending.send(draft.clone()).await };
    match (rail, &told) {
        (Rail::ReadOnly | Rail::Locked, Told::Asks(Question::Allow { type_name: None, .. })) => {}
        (Rail::Production, Told::Refused(reason)) if is_probe => assert!(reason.contains("nothing is probed there"), "{reason}"),
        (Rail::Production, Told::Asks(Question::Allow { type_name: Some(name), .. })) => {
            assert!(name == NAME || name.starts_with("127.0.0.1"), "{name}");
            let told = sending.confirm(Some("sohp")).await;
            assert!(matches!(&told, Told::Asks(Question::Allow { .. })), "{draft:?}: {told:?}");
        }
        (Rail::Never | Rail::NeverAll, Told::Refused(reason)) => assert!(reason.contains("the profile forbids"), "{draft:?}: {reason}"),
        told => panic!("{draft:?} {rail:?}: {told:?}"),
    }
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

/// Many of a request.
fn many() -> RepeatDraft {
    RepeatDraft { times: 20, rate_per_s: 1_000, at_once: 4, ..RepeatDraft::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_leave_an_http_server_hears_its_polls_alone() {
    for rail in Rail::ALL {
        let (url, proxy) = held_back(rail, actuator().await).await;
        let sending = Sending::start(&rail.profile(&format!("[[http]]\nname = \"{NAME}\"\nurl = \"{url}/actuator\"\nwrite = WRITE\npoll_s = 0.5\n")));
        let is_polled = rail != Rail::Locked;
        if let Some(proxy) = proxy.as_ref().filter(|_| is_polled) {
            until("poll", || proxy.request_lines().len() > 1).await;
        }
        let request = |method: &str, repeat: RepeatDraft| {
            http(|http| {
                (http.method, http.url, http.repeat) = (method.to_owned(), format!("{url}/actuator/circuitbreakers/{method}"), repeat);
                http.body = if method == "GET" { Body::None } else { Body::Json("{}".to_owned()) };
            })
        };
        let mut num_tried = 0;
        for method in ["GET", "POST", "DELETE"] {
            is_refused(&sending, rail, request(method, RepeatDraft::default()), false).await;
            is_refused(&sending, rail, request(method, many()), false).await;
            is_refused(&sending, rail, request(method, RepeatDraft::default()), true).await;
            num_tried += 3;
        }
        are_lines(&sending, num_tried, &format!("{rail:?}")).await;
        if let Some(proxy) = proxy.as_ref().filter(|_| is_polled) {
            let num_before = proxy.request_lines().len();
            until("poll after all that", || proxy.request_lines().len() > num_before + 1).await;
        }
        sending.session.stop().await;
        let Some(proxy) = proxy else { continue };
        let declared = POLLS.map(|path| format!("GET /actuator/{path} HTTP/1.1"));
        let others: Vec<String> = proxy.request_lines().into_iter().filter(|line| !declared.contains(line)).collect();
        assert_eq!(others, Vec::<String>::new(), "{rail:?}");
        assert!(is_polled || proxy.num_connections() == 0, "{rail:?}: {} connections", proxy.num_connections());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_leave_a_grpc_server_is_asked_for_its_health_alone() {
    for rail in Rail::ALL {
        let (server, asked) = health().await;
        let (url, proxy) = held_back(rail, server).await;
        let sending = Sending::start(&rail.profile(&format!("[[grpc]]\nname = \"{NAME}\"\nurl = \"{url}\"\nwrite = WRITE\n")));
        let is_polled = rail != Rail::Locked;
        if is_polled && proxy.is_some() {
            until("question", || !asked.lock().is_empty()).await;
        }
        let call = |repeat: RepeatDraft| {
            let grpc = GrpcDraft { url: url.clone(), method: "shop.v1.Orders/PlaceOrder".to_owned(), repeat, ..GrpcDraft::default() };
            Draft { name: String::new(), request: Request::Grpc(grpc) }
        };
        is_refused(&sending, rail, call(RepeatDraft::default()), false).await;
        is_refused(&sending, rail, call(many()), false).await;
        is_refused(&sending, rail, call(RepeatDraft::default()), true).await;
        are_lines(&sending, 3, &format!("{rail:?}")).await;
        sending.session.stop().await;
        let others: Vec<String> = asked.lock().iter().filter(|path| !HEALTH.contains(&path.as_str())).cloned().collect();
        assert_eq!(others, Vec::<String>::new(), "{rail:?}");
        let num_connections = proxy.as_ref().map_or(0, Counting::num_connections);
        assert!(is_polled || num_connections == 0, "{rail:?}: {num_connections} connections");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_leave_brokers_are_only_read_from() {
    for rail in Rail::ALL.into_iter().filter(|rail| *rail != Rail::Locked) {
        let cluster = MockKafka::new(1).expect("a cluster");
        cluster.cluster().create_topic(TOPIC, 1, 1).expect("a topic");
        send_as_it_is(&cluster.brokers(), &[outgoing(TOPIC, Some(0), "{\"parcels\":0}")]);
        // The cluster itself counts what it is asked, by whomever.
        cluster.track_requests();
        let source = format!("[[kafka]]\nname = \"{NAME}\"\nbrokers = \"{}\"\nwrite = WRITE\npoll_s = 0.2\n", cluster.brokers());
        let sending = Sending::start(&rail.profile(&source));
        let is_known = || sending.session.snapshot().sources.iter().any(|source| source.cluster_id.is_some());
        until("cluster", is_known).await;
        let record = |copies: u32| record(|record| (record.topic, record.copies) = (TOPIC.to_owned(), copies));
        is_refused(&sending, rail, record(0), false).await;
        is_refused(&sending, rail, record(300), false).await;
        let num_tried = 2 + replays(&sending).await;
        are_lines(&sending, num_tried, &format!("{rail:?}")).await;
        let num_before = cluster.requests().len();
        until("poll after all that", || cluster.requests().len() > num_before + 1).await;
        sending.session.stop().await;
        let others: Vec<i16> = cluster.requests().into_iter().filter(|key| !READS.contains(key)).collect();
        assert_eq!(others, Vec::<i16>::new(), "{rail:?}");
    }
}

/// Tries to send the one record again, from where it lies and from a file, with and without a name; how often.
async fn replays(sending: &Sending) -> usize {
    let at = MessageRef { cluster: NAME.to_owned(), channel: TOPIC.to_owned(), place: Place::at(0, 0) };
    let file = sending.folder.path().join("orders.jsonl");
    std::fs::write(&file, format!("{{\"topic\":\"{TOPIC}\",\"value\":{{\"text\":\"x\"}}}}\n")).expect("written");
    let mut num = 0;
    for letters in [AskedLetters::These(vec![AskedLetter::at(at)]), AskedLetters::File(AskedFile::at(file))] {
        num += replays_of(sending, letters).await;
    }
    num
}

async fn replays_of(sending: &Sending, letters: AskedLetters) -> usize {
    let board = || sending.session.replay_board();
    sending.session.replay(ReplayCommand::Dismiss);
    until("nothing", || board().preview.is_none() && board().refusal.is_none()).await;
    sending.session.replay(ReplayCommand::Preview(ReplayAsk {
        cluster: NAME.to_owned(),
        target: TOPIC.into(),
        letters,
        num_stored: 1,
        plan_key: None,
        options: ReplayOptions::default(),
    }));
    until("preview", || board().preview.is_some()).await;
    let replay_id = board().preview.as_ref().map(|preview| preview.replay_id.clone()).expect("a preview");
    let names = [None, Some("sohp".to_owned())];
    for typed_name in &names {
        let before = board().version;
        sending.session.replay(ReplayCommand::Start { replay_id: replay_id.clone(), typed_name: typed_name.clone() });
        until("refusal", || board().version > before && board().refusal.is_some()).await;
        assert!(board().run.is_none(), "{:?}", board().run);
    }
    names.len()
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
