//! Dead letters sent again by a whole session, on librdkafka's mock cluster: the bytes, the pace, who is asked, and what the
//! ledger says, also after a kill.

mod replay_cluster;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use replay_cluster::{Cluster, DEAD, GROUP, Group, SECRET, TARGET};
use switchboard::ledger::{Ending, KindHash, Ledger, LetterKey, LetterState, Outcome};
use switchboard::profile::{KafkaProfile, OtlpProfile, Profile};
use switchboard::replay::{AskedLetter, ReplayAsk, ReplayBoard, ReplayCommand, RunPhase};
use switchboard::session::Session;
use switchboard_engine::view::{Answer, ChannelKey, LetterView, Query};

const SOURCE: &str = "mock";
const WITHIN: Duration = Duration::from_mins(1);
const PRODUCE: i16 = 0;

fn profile(brokers: &str, folder: &Path, write: bool) -> Profile {
    let text = format!("name = \"{SOURCE}\"\nbrokers = \"{brokers}\"\ngroups = [\"{GROUP}\"]\npoll_s = 0.2\nwrite = {write}\n");
    let kafka: KafkaProfile = toml::from_str(&text).expect("valid");
    Profile {
        name: "replay test".into(),
        ledger: Some(folder.join("ledger.sqlite")),
        otlp: OtlpProfile { grpc_port: 0, http_port: 0, ..OtlpProfile::default() },
        kafka: vec![kafka],
        ..Profile::default()
    }
}

fn start(profile: &Profile) -> Session {
    Session::start(profile, 64 << 20, &tokio::runtime::Handle::current(), Box::new(|| ())).expect("a session")
}

async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + WITHIN;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "no {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The letters of the one cause there is, once so many were read.
async fn letters(session: &Session, num: usize) -> Vec<AskedLetter> {
    let page = until("letters", || {
        let view = session.snapshot().dead_letters.first().filter(|view| view.count >= num as u64).cloned()?;
        let channel = ChannelKey { cluster: Some(view.cluster.clone()), name: view.channel.clone() };
        let query = Query::DeadLetters { channel, origin: view.origin, fingerprint: view.fingerprint, limit: 10_000 };
        match session.query(query).recv_timeout(Duration::from_secs(5)) {
            Ok(Answer::DeadLetters(page)) if page.letters.len() >= num => Some(page),
            _ => None,
        }
    });
    page.await.letters.iter().map(asked).collect()
}

fn key(view: &LetterView) -> LetterKey {
    LetterKey { cluster: view.cluster.clone(), channel: view.channel.clone(), partition: view.partition, offset: view.offset, timestamp_ns: view.timestamp_ns }
}

fn asked(view: &LetterView) -> AskedLetter {
    assert_eq!((view.origin.as_deref(), view.origin_group.as_deref()), (Some(TARGET), Some(GROUP)));
    AskedLetter {
        letter: key(view),
        kind: KindHash(1),
        raw_hash: view.raw_hash,
        origin_partition: view.origin_partition,
        failed_group: view.origin_group.clone(),
        replay_count: view.replay_count,
        trace_id: view.trace_id,
    }
}

async fn preview(session: &Session, letters: Vec<AskedLetter>) -> std::sync::Arc<ReplayBoard> {
    // The cluster has said what it calls itself.
    until("cluster id", || session.snapshot().sources.iter().any(|source| source.cluster_id.is_some()).then_some(())).await;
    session.replay(ReplayCommand::Preview(ReplayAsk { cluster: SOURCE.into(), target: TARGET.into(), letters }));
    until("preview", || Some(session.replay_board()).filter(|board| board.preview.is_some() || board.refusal.is_some())).await
}

fn begin(session: &Session, board: &ReplayBoard) -> String {
    let replay_id = board.preview.as_ref().unwrap_or_else(|| panic!("{:?}", board.refusal)).replay_id.clone();
    session.replay(ReplayCommand::Start { replay_id: replay_id.clone(), typed_name: None });
    replay_id
}

async fn until_phase(session: &Session, phase: impl Fn(&RunPhase) -> bool) -> std::sync::Arc<ReplayBoard> {
    let mut last = None;
    let looked = until("phase", || {
        let board = session.replay_board();
        last.clone_from(&board.run);
        Some(board).filter(|board| board.run.as_ref().is_some_and(|run| phase(&run.phase)))
    });
    looked.await
}

fn outcomes(folder: &Path) -> BTreeMap<(i32, i64), Outcome> {
    let ledger = Ledger::open(&folder.join("ledger.sqlite")).expect("a ledger");
    let lines = pollster::block_on(ledger.lines(100_000)).expect("lines");
    lines.into_iter().filter_map(|line| line.letter.map(|letter| ((letter.partition, letter.offset), line.outcome))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_arrive_byte_for_byte_but_for_the_declared_headers_and_are_followed_until_they_are_consumed() {
    let folder = tempfile::tempdir().expect("a folder");
    let cluster = Cluster::new();
    let dead = cluster.dead_letters(12);
    let session = start(&profile(&cluster.brokers(), folder.path(), true));
    let asked = letters(&session, 12).await;
    let group = Group::reads(&cluster.brokers(), |_| false);
    let board = preview(&session, asked.clone()).await;
    let text = format!("{:?}", board.preview);
    assert!(!text.contains(SECRET), "a secret is in the preview");
    let replay_id = begin(&session, &board);
    let board = until_phase(&session, |phase| *phase == RunPhase::Passed || phase.is_ended()).await;
    let run = board.run.as_ref().expect("a run");
    assert_eq!((run.phase.clone(), run.counts.persisted, run.canary.len()), (RunPhase::Passed, 5, 5));
    assert!(run.canary.iter().all(|line| line.state == LetterState::Consumed && line.evidence.contains(GROUP)), "{:?}", run.canary);
    session.replay(ReplayCommand::Continue);
    let board = until_phase(&session, RunPhase::is_ended).await;
    assert_eq!(board.run.as_ref().map(|run| run.phase.clone()), Some(RunPhase::Ended(Ending::Finished, String::new())));
    until("all consumed", || asked.iter().all(|asked| *session.replay_board().state(&asked.letter) == LetterState::Consumed).then_some(())).await;
    session.stop().await;
    group.stop();

    let arrived = cluster.read(TARGET, 12);
    let mut ids = BTreeSet::new();
    for record in &arrived {
        let original = dead.iter().find(|dead| dead.key == record.key).expect("a letter of that key");
        assert_eq!((&record.value, record.partition), (&original.value, original.origin_partition));
        let is_failure = |name: &str| name.starts_with("kafka_dlt-");
        let kept: Vec<_> = original.headers.iter().filter(|(name, _)| !is_failure(name)).cloned().collect();
        assert_eq!(record.headers[..kept.len()], kept[..], "identity and secrets arrive as they are");
        let marks: Vec<&str> = record.headers[kept.len()..].iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(marks, ["x-switchboard-replay-id", "x-switchboard-source", "x-switchboard-replay-count"]);
        let id = String::from_utf8(record.headers[kept.len()].1.clone().unwrap_or_default()).expect("text");
        assert!(id.starts_with(&format!("{replay_id}.")) && ids.insert(id), "each record has an id of its own");
    }
    assert_eq!(outcomes(folder.path()).values().filter(|outcome| **outcome == Outcome::Persisted).count(), 12);
    for entry in std::fs::read_dir(folder.path()).expect("a folder") {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("a file");
        assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()), "a secret is in the ledger");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_the_first_that_comes_back_dead_stops_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let cluster = Cluster::new();
    let _dead = cluster.dead_letters(12);
    let session = start(&profile(&cluster.brokers(), folder.path(), true));
    let asked = letters(&session, 12).await;
    let group = Group::reads(&cluster.brokers(), |number| number == 2);
    let board = preview(&session, asked).await;
    begin(&session, &board);
    // Told to go on early: it makes no difference.
    until_phase(&session, |phase| *phase == RunPhase::Watching).await;
    let board = until_phase(&session, |phase| phase.is_ended() || *phase == RunPhase::Passed).await;
    let Some(RunPhase::Ended(Ending::Halted, reason)) = board.run.as_ref().map(|run| run.phase.clone()) else { panic!("{:?}", board.run) };
    assert!(reason.contains("came back dead") && reason.contains(DEAD), "{reason}");
    assert_eq!(cluster.read(TARGET, 5).len(), 5, "the rest stays");
    assert_eq!(board.run.as_ref().map(|run| (run.num_dead_again, run.counts.waiting)), Some((1, 7)));
    session.stop().await;
    group.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn while_no_answer_comes_a_stop_ends_within_200_ms_and_the_three_states_sum_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let cluster = Cluster::new();
    let _dead = cluster.dead_letters(40);
    let session = start(&profile(&cluster.brokers(), folder.path(), true));
    let asked = letters(&session, 40).await;
    let group = Group::reads(&cluster.brokers(), |_| false);
    let board = preview(&session, asked.clone()).await;
    begin(&session, &board);
    until_phase(&session, |phase| *phase == RunPhase::Passed).await;
    session.replay(ReplayCommand::Continue);
    until("some more", || session.replay_board().run.as_ref().filter(|run| run.counts.persisted >= 10).map(|_| ())).await;
    cluster.answers_after(Duration::from_secs(50));
    until("a flight", || session.replay_board().run.as_ref().filter(|run| run.counts.in_flight >= 8).map(|_| ())).await;
    let began = Instant::now();
    session.replay(ReplayCommand::Stop);
    let board = until_phase(&session, RunPhase::is_ended).await;
    let took = began.elapsed();
    assert!(took <= Duration::from_millis(200), "{took:?}");
    let counts = board.run.as_ref().expect("a run").counts;
    assert_eq!((counts.sum(), counts.in_flight), (40, 0));
    assert!(counts.persisted >= 10 && counts.possibly_persisted + counts.not_persisted >= 8 && counts.waiting > 0, "{counts:?}");
    session.stop().await;
    group.stop();
    cluster.answers_after(Duration::ZERO);

    let by = |wanted: Outcome| outcomes(folder.path()).values().filter(|outcome| **outcome == wanted).count();
    let told = [Outcome::Persisted, Outcome::NotPersisted, Outcome::PossiblyPersisted].map(by);
    assert_eq!(told, [counts.persisted, counts.not_persisted, counts.possibly_persisted], "the ledger agrees");
    // Sent again, what is in doubt stays out.
    let session = start(&profile(&cluster.brokers(), folder.path(), true));
    let asked = letters(&session, 40).await;
    let board = preview(&session, asked).await;
    let preview = board.preview.as_ref().expect("a preview");
    let doubtful = preview.skipped.iter().filter(|skipped| skipped.reason.contains("may have been sent")).count();
    assert_eq!((preview.planned.len(), doubtful), (counts.waiting + counts.not_persisted, counts.possibly_persisted));
    session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_read_only_profile_no_command_produces_and_the_attempt_is_a_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let cluster = Cluster::new();
    let _dead = cluster.dead_letters(6);
    let session = start(&profile(&cluster.brokers(), folder.path(), false));
    let asked = letters(&session, 6).await;
    cluster.mock.track_requests();
    let board = preview(&session, asked.clone()).await;
    let kept: Vec<(LetterKey, KindHash)> = asked.iter().take(1).map(|asked| (asked.letter.clone(), asked.kind)).collect();
    let replay_id = board.preview.as_ref().expect("previews are for all").replay_id.clone();
    let every = [
        ReplayCommand::Start { replay_id, typed_name: Some(SOURCE.into()) },
        ReplayCommand::Continue,
        ReplayCommand::Stop,
        ReplayCommand::Park { letters: kept.clone(), note: "later".into() },
        ReplayCommand::Unpark { letters: kept },
        ReplayCommand::Dismiss,
        ReplayCommand::Preview(ReplayAsk { cluster: SOURCE.into(), target: TARGET.into(), letters: asked }),
    ];
    for command in every {
        // Each command there is stands above: a new one has to be added here.
        match &command {
            ReplayCommand::Start { .. }
            | ReplayCommand::Continue
            | ReplayCommand::Stop
            | ReplayCommand::Park { .. }
            | ReplayCommand::Unpark { .. }
            | ReplayCommand::Dismiss
            | ReplayCommand::Preview(_) => session.replay(command),
        }
    }
    until("last preview", || session.replay_board().preview.clone().filter(|_| session.replay_board().run.is_none())).await;
    session.stop().await;
    assert!(!cluster.mock.requests().contains(&PRODUCE), "something was produced");
    let ledger = Ledger::open(&folder.path().join("ledger.sqlite")).expect("a ledger");
    let lines = ledger.lines(100).await.expect("lines");
    assert_eq!(lines.iter().map(|line| line.outcome).collect::<Vec<_>>(), [Outcome::Refused]);
    assert!(lines[0].reason.contains("read-only"), "{}", lines[0].reason);
}

const CHILD: &str = "SWITCHBOARD_TEST_REPLAY";
const KILLED: &str = "after_a_kill_the_ledger_knows_of_every_record_that_was_sent";

/// Replays all letters, and says how far it is.
async fn child(told: &str) {
    let (brokers, folder) = told.split_once('|').expect("brokers|folder");
    let session = start(&profile(brokers, Path::new(folder), true));
    let asked = letters(&session, 60).await;
    let board = preview(&session, asked).await;
    begin(&session, &board);
    until_phase(&session, |phase| *phase == RunPhase::Passed).await;
    session.replay(ReplayCommand::Continue);
    loop {
        let persisted = session.replay_board().run.as_ref().map_or(0, |run| run.counts.persisted);
        writeln!(std::io::stdout(), "persisted {persisted}").expect("a pipe");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_the_ledger_knows_of_every_record_that_was_sent() {
    if let Ok(told) = std::env::var(CHILD) {
        return child(&told).await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let cluster = Cluster::new();
    let _dead = cluster.dead_letters(60);
    let group = Group::reads(&cluster.brokers(), |_| false);
    let mut child = Command::new(std::env::current_exe().expect("this test's own path"))
        .args([KILLED, "--exact", "--nocapture"])
        .env(CHILD, format!("{}|{}", cluster.brokers(), folder.path().display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let is_far = |line: &String| line.strip_prefix("persisted ").and_then(|num| num.parse::<usize>().ok()).is_some_and(|num| num >= 20);
    let far = lines.map_while(Result::ok).find(is_far);
    // SIGKILL on Unix: nothing is closed or flushed.
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert!(far.is_some(), "the child ended by itself");

    let told = outcomes(folder.path());
    let arrived = cluster.read(TARGET, 20);
    let places: BTreeSet<(i32, i64)> = arrived.iter().map(replay_cluster::Arrived::source).collect();
    assert_eq!(places.len(), arrived.len(), "none was sent twice");
    for place in &places {
        assert!(
            matches!(told.get(place), Some(Outcome::Persisted | Outcome::PossiblyPersisted)),
            "{place:?} arrived and the ledger says {:?}",
            told.get(place)
        );
    }
    for (place, outcome) in &told {
        assert!(*outcome != Outcome::Persisted || places.contains(place), "{place:?} is said to be persisted and is not there");
    }
    let doubtful = told.values().filter(|outcome| **outcome == Outcome::PossiblyPersisted).count();
    assert!(doubtful <= 3, "{doubtful} of {} are in doubt", told.len());
    group.stop();
}
