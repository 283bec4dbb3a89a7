//! What is done to a whole session, and what has to come of it, whichever cluster it is.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard_desk::ledger::{Ending, KindHash, Ledger, LetterKey, LetterState, SentState, SettledAs};
use switchboard_desk::send::RecordExport;
use switchboard_desk::send::replay::{AskedLetters, ChosenPace, ReplayCommand, RunBoard, RunPhase, SentCounts};
use switchboard_model::SourceCommand;

use crate::cluster::{Arrived, Cluster, Death, Place, SECRET};
use crate::session::{Replaying, SOURCE, outcomes, until, until_or};

/// So many records are on their way at once at most; then nothing is sent until one has come back.
const MAX_IN_FLIGHT: usize = 64;

/// Records by the dead letter they were made from; fails where one was sent twice.
fn each_once(arrived: &[Arrived]) -> BTreeMap<(i32, i64), &Arrived> {
    let by_source: BTreeMap<(i32, i64), &Arrived> = arrived.iter().map(|record| (record.source(), record)).collect();
    let ids: BTreeSet<String> = arrived.iter().map(Arrived::replay_id).collect();
    assert_eq!((by_source.len(), ids.len()), (arrived.len(), arrived.len()), "each was sent once, with an id of its own");
    by_source
}

/// What arrived and what the ledger says have to agree, as far as anybody can know.
fn agree(told: &BTreeMap<(i32, i64), SettledAs>, arrived: &BTreeMap<(i32, i64), &Arrived>) {
    for letter in arrived.keys() {
        let said = told.get(letter);
        assert!(matches!(said, Some(SettledAs::Done | SettledAs::Possibly)), "{letter:?} arrived and the ledger says {said:?}");
    }
    for (letter, outcome) in told {
        assert!(*outcome != SettledAs::Done || arrived.contains_key(letter), "{letter:?} is said to be persisted and is not there");
    }
}

fn count(told: &BTreeMap<(i32, i64), SettledAs>, wanted: SettledAs) -> usize {
    told.values().filter(|outcome| **outcome == wanted).count()
}

/// The ledger's outcomes are those that the run showed.
fn ledger_agrees(folder: &Path, counts: &SentCounts) {
    let told = outcomes(folder);
    let by = [SettledAs::Done, SettledAs::NotDone, SettledAs::Possibly].map(|outcome| count(&told, outcome));
    assert_eq!(by, [counts.persisted, counts.not_persisted, counts.possibly_persisted], "the ledger agrees");
}

pub async fn byte_for_byte(cluster: Cluster) {
    let folder = tempfile::tempdir().expect("a folder");
    let dead = cluster.dead_letters(12);
    let replaying = Replaying::start(&cluster.place, folder.path(), true);
    let asked = replaying.letters(12).await;
    let group = cluster.well_group();
    let board = replaying.preview(asked.clone()).await;
    let text = format!("{:?}", board.preview);
    assert!(!text.contains(SECRET), "a secret is in the preview");
    let replay_id = replaying.begin(&board);
    let board = replaying.until_phase(|phase| *phase == RunPhase::Passed).await;
    let run = board.run.as_ref().expect("a run");
    assert_eq!((run.counts.persisted, run.canary.len()), (5, 5));
    let is_consumed = |line: &switchboard_desk::send::replay::CanaryLine| line.state == LetterState::Consumed && line.evidence.contains(&cluster.place.group);
    assert!(run.canary.iter().all(is_consumed), "{:?}", run.canary);
    replaying.session.replay(ReplayCommand::Continue);
    let board = replaying.until_phase(RunPhase::is_ended).await;
    assert_eq!(board.run.as_ref().map(|run| run.phase.clone()), Some(RunPhase::Ended(Ending::Finished, String::new())));
    let state = |letter: &LetterKey| replaying.session.replay_board().state(letter).clone();
    until("all consumed", || asked.iter().all(|asked| state(&asked.letter) == LetterState::Consumed).then_some(())).await;
    replaying.session.stop().await;
    group.stop();

    let arrived = cluster.read(12);
    each_once(&arrived);
    for record in &arrived {
        let original = dead.iter().find(|dead| dead.key == record.key).expect("a letter of that key");
        assert_eq!((&record.value, record.partition), (&original.value, original.origin_partition));
        let is_failure = |name: &str| name.starts_with("kafka_dlt-");
        let kept: Vec<_> = original.headers.iter().filter(|(name, _)| !is_failure(name)).cloned().collect();
        assert_eq!(record.headers[..kept.len()], kept[..], "identity and secrets arrive as they are");
        let marks: Vec<&str> = record.headers[kept.len()..].iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(marks, ["x-switchboard-replay-id", "x-switchboard-source", "x-switchboard-replay-count"]);
        assert!(record.replay_id().starts_with(&format!("{replay_id}.")), "{}", record.replay_id());
    }
    assert_eq!(count(&outcomes(folder.path()), SettledAs::Done), 12);
    for entry in std::fs::read_dir(folder.path()).expect("a folder") {
        let bytes = match std::fs::read(entry.expect("an entry").path()) {
            Ok(bytes) => bytes,
            // Beside the ledger's file lie those of its open connections, until the last one is closed.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => panic!("a file: {error}"),
        };
        assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()), "a secret is in the ledger");
    }
}

/// The third of the first few dies again, in this way.
pub async fn canary_comes_back_dead(cluster: Cluster, death: Death) {
    let folder = tempfile::tempdir().expect("a folder");
    let _dead = cluster.dead_letters(12);
    let replaying = Replaying::start(&cluster.place, folder.path(), true);
    let asked = replaying.letters(12).await;
    let group = cluster.group(move |number| if number == 2 { death } else { Death::None });
    let board = replaying.preview(asked).await;
    replaying.begin(&board);
    let board = replaying.until_phase(RunPhase::is_ended).await;
    let Some(RunPhase::Ended(Ending::Halted, reason)) = board.run.as_ref().map(|run| run.phase.clone()) else { panic!("{:?}", board.run) };
    assert!(reason.contains("came back dead") && reason.contains(&cluster.place.dead), "{reason}");
    assert_eq!(cluster.read(5).len(), 5, "the rest stays");
    assert_eq!(board.run.as_ref().map(|run| (run.num_dead_again, run.counts.waiting)), Some((1, 7)));
    replaying.session.stop().await;
    group.stop();
}

pub async fn middle_third_in_doubt(cluster: Cluster) {
    const THIRD: usize = MAX_IN_FLIGHT;
    let folder = tempfile::tempdir().expect("a folder");
    let _dead = cluster.dead_letters(3 * THIRD as i64);
    let replaying = Replaying::start(&cluster.place, folder.path(), true);
    let group = cluster.well_group();
    replaying.begin_all(3 * THIRD).await;
    replaying.until_counts("first third", |counts| counts.persisted >= THIRD).await;
    cluster.lose_answers(true);
    // All that may be on its way is: nothing more is sent until the first of them is given up.
    replaying.until_counts("flight", |counts| counts.in_flight == THIRD).await;
    replaying.until_counts("giving up", |counts| counts.possibly_persisted > 0).await;
    cluster.lose_answers(false);
    let board = replaying.until_phase(RunPhase::is_ended).await;
    let run = board.run.as_ref().expect("a run");
    assert_eq!(run.phase, RunPhase::Ended(Ending::Finished, String::new()));
    let counts = run.counts;
    assert_eq!(counts.persisted + counts.not_persisted + counts.possibly_persisted, 3 * THIRD, "{counts:?}");
    // When the first of them is given up the next ones go, on a connection that may be given up in the same moment.
    assert!((THIRD..THIRD + 4).contains(&counts.possibly_persisted) && counts.not_persisted == 0, "{counts:?}");
    replaying.session.stop().await;
    group.stop();
    ledger_agrees(folder.path(), &counts);
    let arrived = cluster.read(2 * THIRD);
    agree(&outcomes(folder.path()), &each_once(&arrived));
}

pub async fn stop_while_answers_are_lost(cluster: Cluster) {
    let folder = tempfile::tempdir().expect("a folder");
    let _dead = cluster.dead_letters(40);
    let replaying = Replaying::start(&cluster.place, folder.path(), true);
    let group = cluster.well_group();
    replaying.begin_all(40).await;
    replaying.until_counts("some more", |counts| counts.persisted >= 10).await;
    cluster.lose_answers(true);
    replaying.until_counts("flight", |counts| counts.in_flight >= 8).await;
    let began = Instant::now();
    replaying.session.replay(ReplayCommand::Stop);
    let board = replaying.until_phase(RunPhase::is_ended).await;
    let took = began.elapsed();
    // 200 ms are the sender's; three commits reach the disk besides. What waits for an answer takes a second and more.
    assert!(took <= Duration::from_millis(700), "{took:?}");
    let counts = board.run.as_ref().expect("a run").counts;
    assert_eq!((counts.sum(), counts.in_flight), (40, 0));
    assert!(counts.persisted >= 10 && counts.possibly_persisted + counts.not_persisted >= 8 && counts.waiting > 0, "{counts:?}");
    replaying.session.stop().await;
    group.stop();
    cluster.lose_answers(false);

    ledger_agrees(folder.path(), &counts);
    let arrived = cluster.read(counts.persisted);
    agree(&outcomes(folder.path()), &each_once(&arrived));
    // Sent again, what is in doubt stays out.
    let replaying = Replaying::start(&cluster.place, folder.path(), true);
    let asked = replaying.letters(40).await;
    let board = replaying.preview(asked).await;
    let preview = board.preview.as_ref().expect("a preview");
    let doubtful = preview.skipped.iter().filter(|skipped| skipped.reason.contains("may have been sent")).count();
    assert_eq!((preview.planned.len(), doubtful), (counts.waiting + counts.not_persisted, counts.possibly_persisted));
    replaying.session.stop().await;
}

/// Whether a command means to send. Each command there is stands here: a new one has to be added, and to the list below.
fn means_to_send(command: &ReplayCommand) -> bool {
    match command {
        ReplayCommand::Start { .. } => true,
        // Goes on with a run that was begun by leave, and there is none.
        ReplayCommand::Continue
        // Gives leave, and sends nothing.
        | ReplayCommand::Allow { .. }
        | ReplayCommand::Stop
        | ReplayCommand::Park { .. }
        | ReplayCommand::Unpark { .. }
        | ReplayCommand::Dismiss
        | ReplayCommand::WritePlan { .. }
        // Changes what a later one would send how fast.
        | ReplayCommand::Pace { .. }
        | ReplayCommand::Edit(_)
        | ReplayCommand::EndEdit
        // Only reads.
        | ReplayCommand::Look { .. }
        | ReplayCommand::Export(_)
        | ReplayCommand::CloseExport
        | ReplayCommand::Preview(_) => false,
    }
}

/// What sources can be told; none of it sends. Each command there is stands here too.
fn source_commands(place: &Place) -> Vec<SourceCommand> {
    let every = vec![SourceCommand::Seen { channels: vec![place.target.clone()], groups: vec![place.group.clone()] }, SourceCommand::Refresh];
    for command in &every {
        match command {
            SourceCommand::Refresh | SourceCommand::Seen { .. } => {}
        }
    }
    every
}

pub async fn read_only(cluster: Cluster) {
    let folder = tempfile::tempdir().expect("a folder");
    let _dead = cluster.dead_letters(6);
    let replaying = Replaying::start(&cluster.place, folder.path(), false);
    let asked = replaying.letters(6).await;
    cluster.count_requests();
    let board = replaying.preview(asked.clone()).await;
    let kept: Vec<(LetterKey, KindHash)> = asked.iter().take(1).map(|asked| (asked.letter.clone(), asked.kind)).collect();
    let replay_id = board.preview.as_ref().expect("previews are for all").replay_id.clone();
    for command in source_commands(&cluster.place) {
        replaying.session.command(&command);
    }
    let every = [
        ReplayCommand::Pace { replay_id: replay_id.clone(), pace: ChosenPace { num_first: Some(1), rate_per_s: Some(1) } },
        // Of a preview that is gone: it gives no leave.
        ReplayCommand::Allow { replay_id: "r-0".into(), typed_name: Some(SOURCE.into()) },
        ReplayCommand::Start { replay_id: replay_id.clone(), typed_name: None },
        ReplayCommand::Start { replay_id, typed_name: Some(SOURCE.into()) },
        ReplayCommand::Continue,
        ReplayCommand::Stop,
        ReplayCommand::Park { letters: AskedLetters::These(asked[..1].to_vec()), note: "later".into() },
        ReplayCommand::Unpark { letters: kept },
        ReplayCommand::Dismiss,
        ReplayCommand::WritePlan { replay_id: "r-0".into() },
        ReplayCommand::Edit(asked[0].clone()),
        ReplayCommand::EndEdit,
        ReplayCommand::Export(RecordExport { records: vec![asked[0].letter.at.clone()], file: String::new() }),
        ReplayCommand::CloseExport,
        ReplayCommand::Preview(replaying.ask(asked)),
    ];
    let num_attempts = every.iter().filter(|command| means_to_send(command)).count();
    for command in every {
        replaying.session.replay(command);
    }
    let last_preview =
        || replaying.session.replay_board().preview.clone().filter(|preview| preview.replay_id != board.preview.as_ref().expect("one").replay_id);
    until("last preview", last_preview).await;
    assert!(replaying.session.replay_board().run.is_none());
    replaying.session.stop().await;
    assert_eq!(cluster.num_produce_requests(), 0, "something was produced");
    let ledger = Ledger::open(&folder.path().join("ledger.sqlite")).expect("a ledger");
    let lines = ledger.lines(100).await.expect("lines");
    assert_eq!(lines.iter().map(|line| line.settled.counts_as()).collect::<Vec<_>>(), vec![SettledAs::Refused; num_attempts]);
    assert!(lines.iter().all(|line| line.settled.reason().contains("read-only")), "{lines:?}");
}

/// While the group that failed is stopped, others may read what they like.
pub async fn another_group_reads(cluster: Cluster) {
    let folder = tempfile::tempdir().expect("a folder");
    let _dead = cluster.dead_letters(8);
    let replaying = Replaying::start(&cluster.place, folder.path(), true);
    let asked = replaying.letters(8).await;
    let state = |index: usize| replaying.session.replay_board().state(&asked[index].letter).clone();
    // It is known to the brokers, and then stopped.
    let group = cluster.well_group();
    let board = replaying.preview(asked[..1].to_vec()).await;
    replaying.begin(&board);
    until("the first consumed", || (state(0) == LetterState::Consumed).then_some(())).await;
    replaying.until_phase(RunPhase::is_ended).await;
    group.stop();
    replaying.dismiss().await;

    let other = cluster.other_group();
    let board = replaying.preview(asked[1..].to_vec()).await;
    replaying.begin(&board);
    // It may have read the first one while the last one was still to be sent.
    let has_read = || {
        let is_there = |run: &&Arc<RunBoard>| run.others.contains(&cluster.place.other_group()) && run.phase == RunPhase::Watching && run.counts.persisted == 5;
        replaying.session.replay_board().run.as_ref().filter(is_there).cloned()
    };
    until("the other group's reading", has_read).await;
    // Far longer than it takes to take a commit for a proof.
    let until_then = Instant::now() + Duration::from_secs(8);
    while Instant::now() < until_then {
        let board = replaying.session.replay_board();
        let run = board.run.as_ref().expect("a run");
        assert_eq!((run.num_consumed, &run.phase, run.counts.persisted), (0, &RunPhase::Watching, 5), "{run:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!((1..6).all(|index| state(index) == LetterState::Sent(SentState::Persisted)));
    let group = cluster.well_group();
    replaying.until_phase(|phase| *phase == RunPhase::Passed).await;
    assert!((1..6).all(|index| state(index) == LetterState::Consumed));
    replaying.session.stop().await;
    other.stop();
    group.stop();
}

/// Listeners that try again over a retry topic commit what they move there; after the last try it dies.
pub async fn dies_after_its_retries(cluster: Cluster) {
    let folder = tempfile::tempdir().expect("a folder");
    let _dead = cluster.dead_letters(8);
    let replaying = Replaying::start(&cluster.place, folder.path(), true);
    let asked = replaying.letters(8).await;
    let group = cluster.group(|_| Death::Retried);
    let retries = cluster.retry_group(|_| Death::WithHeaders);
    let board = replaying.preview(asked.clone()).await;
    replaying.begin(&board);
    replaying.session.replay(ReplayCommand::Continue);
    let is_retried = |run: &Arc<RunBoard>| run.num_retried > 0 && run.phase == RunPhase::Watching;
    let retried = until("retries", || replaying.session.replay_board().run.clone().filter(is_retried)).await;
    assert_eq!(retried.num_consumed, 0, "{retried:#?}");
    replaying.until_phase(RunPhase::is_ended).await;
    let all_dead = || replaying.session.replay_board().run.clone().filter(|run| run.num_dead_again == 5);
    let run = until("all five dead", all_dead).await;
    assert!(matches!(&run.phase, RunPhase::Ended(Ending::Halted, reason) if reason.contains("came back dead")), "{:?}", run.phase);
    assert_eq!((run.num_consumed, run.counts.waiting, cluster.read(5).len()), (0, 3, 5), "the rest stays");
    let board = replaying.session.replay_board();
    assert_eq!(asked.iter().filter(|asked| *board.state(&asked.letter) == LetterState::DeadAgain).count(), 5, "the list says the same");
    replaying.session.stop().await;
    group.stop();
    retries.stop();
}

/// Where all that was moved to the retry topic goes well at its second try, the gate opens once the tries of the first few are
/// over, and all are consumed in the end.
pub async fn goes_well_after_its_retries(cluster: Cluster) {
    let folder = tempfile::tempdir().expect("a folder");
    let _dead = cluster.dead_letters(8);
    let replaying = Replaying::start(&cluster.place, folder.path(), true);
    let asked = replaying.letters(8).await;
    let group = cluster.group(|_| Death::Retried);
    let retries = cluster.retry_group(|_| Death::None);
    let board = replaying.preview(asked.clone()).await;
    replaying.begin(&board);
    until("retries", || replaying.session.replay_board().run.clone().filter(|run| run.num_retried > 0)).await;
    replaying.until_phase(|phase| *phase == RunPhase::Passed).await;
    replaying.session.replay(ReplayCommand::Continue);
    let board = replaying.until_phase(RunPhase::is_ended).await;
    assert_eq!(board.run.as_ref().map(|run| run.phase.clone()), Some(RunPhase::Ended(Ending::Finished, String::new())));
    let all_consumed = || {
        let board = replaying.session.replay_board();
        let is_consumed = asked.iter().all(|asked| *board.state(&asked.letter) == LetterState::Consumed);
        (is_consumed && board.run.as_ref().is_some_and(|run| (run.num_consumed, run.num_retried) == (8, 0))).then_some(())
    };
    until_or("all consumed", all_consumed, || format!("{:#?}", replaying.session.replay_board().run)).await;
    assert_eq!(cluster.read(8).len(), 8);
    replaying.session.stop().await;
    group.stop();
    retries.stop();
}

const CHILD: &str = "SWITCHBOARD_TEST_REPLAY";

/// Whether this process is one that will be killed; then it replays all letters that are open, says how far it is, and never
/// comes back.
pub async fn is_child() -> bool {
    let Ok(told) = std::env::var(CHILD) else { return false };
    let mut parts = told.splitn(3, '|');
    let (num, folder, place) = (parts.next().expect("a number"), parts.next().expect("a folder"), parts.next().expect("a place"));
    let num = num.parse().expect("a number");
    let replaying = Replaying::start(&Place::parse(place).expect("a place"), Path::new(folder), true);
    let asked = replaying.letters(num).await;
    let board = replaying.preview(asked).await;
    replaying.begin(&board);
    loop {
        let board = replaying.session.replay_board();
        let run = board.run.as_ref();
        if run.is_some_and(|run| run.phase == RunPhase::Passed) {
            replaying.session.replay(ReplayCommand::Continue);
        }
        let persisted = run.map_or(0, |run| run.counts.persisted);
        writeln!(std::io::stdout(), "persisted {persisted}").expect("a pipe");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A child that replays all open ones of so many letters, and what it says.
fn child(cluster: &Cluster, num: usize, folder: &Path, test: &str) -> (std::process::Child, impl Iterator<Item = usize>) {
    let mut child = Command::new(std::env::current_exe().expect("this test's own path"))
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, format!("{num}|{}|{}", folder.display(), cluster.place.text()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let persisted = lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("persisted ").and_then(|num| num.parse::<usize>().ok()));
    (child, persisted)
}

pub fn after_a_kill(cluster: &Cluster, test: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let _dead = cluster.dead_letters(60);
    let group = cluster.well_group();
    let (mut child, mut persisted) = child(cluster, 60, folder.path(), test);
    let far = persisted.find(|num| *num >= 20);
    // SIGKILL on Unix: nothing is closed or flushed.
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert!(far.is_some(), "the child ended by itself");

    let told = outcomes(folder.path());
    let arrived = cluster.read(20);
    agree(&told, &each_once(&arrived));
    let doubtful = count(&told, SettledAs::Possibly);
    assert!(doubtful <= 3, "{doubtful} of {} are in doubt", told.len());
    group.stop();
}

/// Killed again and again at any point, on one ledger: while it connects, between an intent and its outcome, while the first are
/// watched, in the middle of the rest. Whatever is sent stands in the ledger, and nothing is sent twice.
pub fn after_many_kills(cluster: &Cluster, test: &str) {
    const NUM_KILLS: u64 = 10;
    const NUM_LETTERS: usize = 150;
    let folder = tempfile::tempdir().expect("a folder");
    let _dead = cluster.dead_letters(NUM_LETTERS as i64);
    let group = cluster.well_group();
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |since| since.as_nanos() as u64) | 1;
    let mut random = seed;
    let mut num_arrived = 0;
    for kill in 1..=NUM_KILLS {
        let (mut child, mut persisted) = child(cluster, NUM_LETTERS, folder.path(), test);
        assert!(persisted.next().is_some(), "kill {kill} of seed {seed}: the child ended by itself");
        // It has begun; some seconds are the first few and the gate, then ten a second go.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(Duration::from_millis((random >> 33) % 6_000));
        child.kill().expect("killed");
        child.wait().expect("ended");
        let told = outcomes(folder.path());
        let arrived = cluster.read(num_arrived);
        agree(&told, &each_once(&arrived));
        num_arrived = arrived.len();
        let doubtful = count(&told, SettledAs::Possibly) as u64;
        assert!(doubtful <= 3 * kill, "kill {kill} of seed {seed}: {doubtful} of {} are in doubt", told.len());
    }
    assert!(num_arrived > 0, "seed {seed}: nothing was sent at all");
    group.stop();
}
