//! Secrets that come in by any way are found again in nothing that goes out: not on screen, in a copy, the log, the ledger, the
//! report, a file that the program writes, or what a search finds. Plain words beside them are found, so that a leak would be.

mod canaries;
mod peers;
mod shapes;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use canaries::{CANARY, FOUND, PLAIN, TRACE_ID, betrays, dead_letters, logs, plain, records, secret, spans};
use peers::{Actuator, Manner, post_otlp, produce};
use switchboard::live::LiveSession;
use switchboard_desk::own_log::OwnLog;
use switchboard_desk::profile::Profile;
use switchboard_desk::send::replay::{AskedLetter, AskedLetters, LetterCause, ReplayAsk, ReplayCommand, ReplayOptions};
use switchboard_desk::sources::SourceProfile;
use switchboard_desk::sources_desk::SourcesCommand;
use switchboard_engine::view::{Answer, LetterOrder, PointQuery, Query, ScanQuery};
use switchboard_kafka::testing::MockKafka;
use switchboard_model::{BreakerState, TraceId};
use switchboard_window::{ScreenshotError, ScreenshotOptions, SessionCommand, SnapshotSource as _, Strokes, ThemeChoice, ViewKind, WindowOptions, testing};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

const TEST: &str = "no_secret_is_found_again_in_what_the_program_shows_or_writes";
const CREDENTIAL_VARIABLE: &str = "SWITCHBOARD_TEST_CREDENTIAL";
const TOPIC: &str = "orders";
const SHAPES: &str = "shapes";
const DEAD: &str = "orders-dlt";
const GROUP: &str = "inventory";
const WITHIN: Duration = Duration::from_mins(1);

/// In an environment that has a credential, as a profile names it.
#[test]
fn no_secret_is_found_again_in_what_the_program_shows_or_writes() {
    if std::env::var_os(CREDENTIAL_VARIABLE).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
        runtime.block_on(session_with_secrets());
        return;
    }
    let child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", TEST, "--nocapture"])
        .env(CREDENTIAL_VARIABLE, secret(900))
        .output()
        .expect("a child");
    let said = format!("{}{}", String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    assert!(child.status.success(), "{said}");
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a port").port()
}

fn profile(brokers: &str, actuators: [&Actuator; 3], folder: &Path) -> String {
    let [basic, bearer, tells_back] = actuators.map(|actuator| &actuator.url);
    let (grpc_port, http_port, ledger) = (free_port(), free_port(), folder.join("ledger.sqlite"));
    let (variable, by_command) = (CREDENTIAL_VARIABLE, secret(901));
    // The command is no secret, what it prints is: it says the canary in two parts.
    let (head, tail) = by_command.split_at(4);
    let command = format!("command = \"printf %s%s {head} {tail}\"");
    format!(
        "name = \"secrets\"\nsecret_names = [\"tenant.word\", \"tenant-word\"]\nledger = '{}'\n[otlp]\ngrpc_port = {grpc_port}\nhttp_port = {http_port}\n\
         [[kafka]]\nname = \"local\"\nbrokers = \"{brokers}\"\ngroups = [\"{GROUP}\"]\ntail = [{{ channel = \"{TOPIC}\", from = \"beginning\" }}, {{ channel = \"{SHAPES}\", from = \"beginning\" }}]\npoll_s = 0.2\nwrite = true\n\
         [[kafka]]\nname = \"with-sasl\"\nbrokers = \"{brokers}\"\nusername = {{ env = \"{variable}\" }}\npassword = {{ {command} }}\npoll_s = 0.2\n\
         [kafka.properties]\n\"security.protocol\" = \"SASL_PLAINTEXT\"\n\
         [[http]]\nname = \"basic\"\nurl = \"{basic}\"\nservice = \"checkout\"\npoll_s = 0.2\nusername = {{ env = \"{variable}\" }}\npassword = {{ {command} }}\n\
         [[http]]\nname = \"bearer\"\nurl = \"{bearer}\"\nservice = \"payments\"\npoll_s = 0.2\nbearer = {{ {command} }}\n\
         [[http]]\nname = \"tells-back\"\nurl = \"{tells_back}\"\npoll_s = 0.2\nbearer = {{ env = \"{variable}\" }}\n",
        ledger.display()
    )
}

async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let deadline = Instant::now() + WITHIN;
    while !is() {
        assert!(Instant::now() < deadline, "no {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn ask(live: &mut LiveSession, query: Query) -> Vec<Answer> {
    let asked = live.query(query);
    std::iter::from_fn(|| asked.recv_timeout(Duration::from_secs(10)).ok()).collect()
}

async fn session_with_secrets() {
    let own_log = OwnLog::default();
    tracing_subscriber::registry().with(own_log.layer()).init();
    let folder = tempfile::tempdir().expect("a folder");
    let mock = MockKafka::new(1).expect("a cluster");
    for topic in [TOPIC, DEAD, SHAPES] {
        mock.cluster().create_topic(topic, 1, 1).expect("a topic");
    }
    let (basic, bearer, tells_back) = (Actuator::start(Manner::Well), Actuator::start(Manner::Well), Actuator::start(Manner::TellsBack));
    let path = folder.path().join("secrets.toml");
    std::fs::write(&path, profile(&mock.brokers(), [&basic, &bearer, &tells_back], folder.path())).expect("written");
    let profile = Profile::read(&path).expect("valid");
    let (Some(SourceProfile::Otlp(otlp)), Some(SourceProfile::Http(basic_actuator))) = (profile.source("OTLP"), profile.source("basic")) else {
        panic!("a receiver and an actuator")
    };
    let mut live = LiveSession::start(&profile, Some(&path), None, 64 << 20, &tokio::runtime::Handle::current()).expect("a session");
    live.listening().await;

    let now_ns = live.now_ns();
    for (signal, body) in [("/v1/traces", shapes::spans(now_ns)), ("/v1/logs", shapes::logs(now_ns)), ("/v1/traces", spans(now_ns)), ("/v1/logs", logs(now_ns))]
    {
        let answered = post_otlp(otlp.http_port, signal, &body.to_string(), &secret(902));
        assert!(answered.contains("200"), "{signal}: {answered}");
    }
    produce(&mock.brokers(), SHAPES, &shapes::records());
    produce(&mock.brokers(), TOPIC, &records());
    produce(&mock.brokers(), DEAD, &dead_letters(TOPIC, GROUP));
    until("dead letters", || live.snapshot().dead_letters.iter().map(|letters| letters.count).sum::<u64>() >= 3).await;
    until("breaker", || live.snapshot().breakers.iter().any(|breaker| breaker.state == Some(BreakerState::Open))).await;
    until("credentials at the actuators", || [&basic, &bearer, &tells_back].iter().all(|actuator| !actuator.sent().is_empty())).await;
    until("span", || matches!(&ask(&mut live, Query::Point(PointQuery::Trace { trace_id: TraceId(TRACE_ID) }))[..], [Answer::Trace(view)] if view.spans.len() == 3 && view.records.len() >= 6)).await;
    until("texts of every shape", || {
        let found = ask(&mut live, Query::Scan(ScanQuery::Find { text: "Ocp-Apim-Subscription-Key".to_owned(), limit: 5 }));
        found.iter().any(|found| matches!(found, Answer::Found(page) if page.hits.iter().any(|hit| format!("{hit:?}").contains(SHAPES))))
    })
    .await;
    until("failed source", || live.snapshot().sources.iter().any(|source| source.name == "with-sasl" && !source.detail.is_empty())).await;
    // The canaries went where they belong: without this a leak could not be seen.
    assert!(bearer.sent().iter().any(|sent| *sent == format!("Bearer {}", secret(901))), "the bearer token");
    assert!(basic.sent().iter().any(|sent| betrays(sent).is_some()), "the basic credentials");

    // The program writes the profile: another source is put into it.
    let mut another = basic_actuator.clone();
    "another".clone_into(&mut another.name);
    live.command(SessionCommand::Sources(Box::new(SourcesCommand::Put { before: None, source: SourceProfile::Http(another) })));
    until("written profile", || std::fs::read_to_string(&path).is_ok_and(|text| text.contains("another"))).await;

    let mut said = replayed(&mut live).await;
    let options =
        WindowOptions { profile_name: profile.name.clone(), otlp_http_port: Some(otlp.http_port), own_log: own_log.clone(), ..WindowOptions::default() };
    let words = [plain(1), plain(21)];
    let sought: Vec<&str> = words.iter().map(String::as_str).collect();
    let window = tokio::task::block_in_place(|| testing::read_window(&mut live, &options, &[TraceId(TRACE_ID), TraceId(shapes::TRACE_ID)], &sought));
    let in_window: BTreeSet<String> = window.keys().cloned().collect();
    said.extend(window.into_iter().map(|(text, place)| (place, text)).fold(BTreeMap::<String, String>::new(), |mut all, (place, text)| {
        all.entry(place).or_default().push_str(&(text + "\n"));
        all
    }));
    said.insert("own log".to_owned(), format!("{:?}", own_log.page().lines));
    said.insert("written profile".to_owned(), std::fs::read_to_string(&path).expect("readable"));
    said.extend(pictures(&mut live, &options, folder.path()));
    // What is looked for is not told back: only hits count.
    let hits = |page: &switchboard_engine::view::FindPage| page.hits.iter().map(|hit| format!("{hit:?}")).collect::<Vec<_>>().join("\n");
    for number in 0..1_000 {
        for found in ask(&mut live, Query::Scan(ScanQuery::Find { text: secret(number), limit: 5 })) {
            let Answer::Found(page) = found else { continue };
            said.entry("search".to_owned()).or_default().push_str(&hits(&page));
        }
    }
    for number in FOUND {
        let found = ask(&mut live, Query::Scan(ScanQuery::Find { text: plain(number), limit: 5 }));
        assert!(found.iter().any(|found| matches!(found, Answer::Found(page) if !page.hits.is_empty())), "a search does not find plain word {number}");
    }
    let session = live.take().expect("a session");
    said.insert("report".to_owned(), serde_json::to_string(&session.report().expect("a report")).expect("JSON"));
    session.stop().await;
    for entry in std::fs::read_dir(folder.path()).expect("readable").flatten() {
        let bytes = match std::fs::read(entry.path()) {
            Ok(bytes) => bytes,
            // Beside the ledger's file lie those of its open connections, until the last one is closed.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => panic!("{}: {error}", entry.path().display()),
        };
        said.insert(format!("file {}", entry.file_name().to_string_lossy()), bytes.iter().map(|byte| char::from(*byte)).collect());
    }

    let leaks: Vec<String> = said.iter().filter_map(|(place, text)| Some(format!("{place}: {}", betrays(text)?))).collect();
    assert!(leaks.is_empty(), "{} places tell a secret:\n{}", leaks.len(), leaks.join("\n"));
    let missing: Vec<String> = PLAIN.map(plain).into_iter().filter(|word| !in_window.iter().any(|text| text.contains(word))).collect();
    assert!(missing.is_empty(), "nowhere in the window: {missing:?}");
    assert!(said["report"].contains("checkout") && said["written profile"].contains("another"), "what is written was read");
    assert!(said.keys().any(|place| place == "file ledger.sqlite"), "{:?}", said.keys());
}

/// Letters are previewed and sent again; what can be seen of that.
async fn replayed(live: &mut LiveSession) -> BTreeMap<String, String> {
    let cause = LetterCause::of(&live.snapshot().dead_letters[0]);
    let [Answer::DeadLetters(page)] = &ask(live, cause.query(LetterOrder::OldestFirst, 0, 100))[..] else { panic!("no letters") };
    let letters = page.letters.iter().map(|view| AskedLetter::of(view, cause.kind())).collect();
    until("cluster id", || live.snapshot().sources.iter().any(|source| source.name == "local" && source.cluster_id.is_some())).await;
    let preview = ReplayAsk {
        cluster: "local".into(),
        target: TOPIC.into(),
        letters: AskedLetters::These(letters),
        plan_key: None,
        options: ReplayOptions::default(),
        num_stored: page.total,
    };
    live.command(SessionCommand::Replay(Box::new(ReplayCommand::Preview(preview))));
    until("preview", || live.replay().preview.is_some() || live.replay().refusal.is_some()).await;
    let board = live.replay();
    let mut said = BTreeMap::from([("preview".to_owned(), format!("{board:?}"))]);
    let replay_id = board.preview.as_ref().unwrap_or_else(|| panic!("{:?}", board.refusal)).replay_id.clone();
    live.command(SessionCommand::Replay(Box::new(ReplayCommand::Start { replay_id, typed_name: None })));
    until("run", || live.replay().run.is_some()).await;
    until("sent letters", || mock_high_watermark(live) >= 4).await;
    said.insert("run".to_owned(), format!("{:?}", live.replay()));
    said
}

/// Records that are known of the target.
fn mock_high_watermark(live: &mut LiveSession) -> u64 {
    let snapshot = live.snapshot();
    let node = snapshot.topology.nodes.iter().find(|node| node.name == TOPIC).map(|node| node.node_id);
    snapshot.figures.channels.iter().find(|figures| Some(figures.node_id) == node).and_then(|figures| figures.records).unwrap_or(0)
}

/// A picture of each view: no part of its file but the pixels says anything.
fn pictures(live: &mut LiveSession, options: &WindowOptions, folder: &Path) -> BTreeMap<String, String> {
    let mut said = BTreeMap::new();
    for view in ViewKind::ALL {
        let path = folder.join(format!("{view:?}.png"));
        let screenshot = ScreenshotOptions { size_px: (1280, 800), theme: ThemeChoice::Dark, view, keys: Strokes::default() };
        match tokio::task::block_in_place(|| switchboard_window::screenshot(live, options, &screenshot, &path)) {
            Ok(()) => {}
            Err(ScreenshotError::NoAdapter(_)) => return said,
            Err(error) => panic!("{view:?}: {error}"),
        }
        let bytes = std::fs::read(&path).expect("readable");
        let mut at = 8;
        while let Some(head) = bytes.get(at..at + 8) {
            let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
            let chunk = String::from_utf8_lossy(&head[4..8]).into_owned();
            assert!(["IHDR", "IDAT", "IEND"].contains(&chunk.as_str()), "{view:?} has a chunk {chunk}");
            at += length + 12;
        }
        said.insert(format!("picture of {view:?}"), bytes.iter().map(|byte| char::from(*byte)).collect());
    }
    said
}

#[test]
fn a_secret_would_be_seen_in_every_spelling() {
    let told = secret(7);
    let hex = canaries::hex(told.as_bytes());
    for before in ["", "a", "ab", "joe:"] {
        assert!(betrays(&canaries::base64(format!("{before}{told}").as_bytes())).is_some(), "base64 after `{before}`");
    }
    for text in [told.clone(), told.to_lowercase(), hex, format!("é{told}é")] {
        assert!(betrays(&text).is_some(), "{text}");
    }
    assert!(betrays("plainword001 redacted:ab12cd").is_none() && CANARY.len() == 9);
}
