use std::path::{Path, PathBuf};

use proptest::prelude::*;
use switchboard_model::{MessageRef, Outcome, Place, Receipt};

use super::*;

mod composed;
mod faults;
mod import;
mod key;
mod migration;

const T: i64 = 1_795_258_800_000_000_000;

fn letter(offset: i64) -> LetterKey {
    let at = MessageRef { cluster: "local".into(), channel: "orders.placed-dlt".into(), place: Place::at(0, offset) };
    LetterKey { at, timestamp_ns: Some(T - offset) }
}

fn kind() -> KindHash {
    KindHash::of(Some("orders.placed"), "NullPointerException at OrderMapper:88")
}

fn new_run(replay_id: &str) -> NewRun {
    NewRun {
        replay_id: replay_id.into(),
        profile: "shop".into(),
        operator: "ada".into(),
        cluster: "local".into(),
        cluster_id: "lkc-1".into(),
        target: "orders.placed".into(),
        num_planned: 3,
        at_ns: T,
    }
}

fn intent(run_id: RunId, offset: i64) -> Intent {
    Intent {
        cluster_id: None,
        edited: false,
        again: None,
        run_id,
        letter: letter(offset),
        kind: kind(),
        failed_group: Some("inventory".into()),
        target: "orders.placed".into(),
        target_partition: Some(0),
        hash: format!("{offset:032x}"),
        size_bytes: 412,
        replay_count: 1,
        replay_id: format!("r-1.{offset}"),
        at_ns: T + offset,
    }
}

fn settlement(outcome: SettledAs) -> Settlement {
    let settled = match outcome {
        SettledAs::Done => Settled::Tried(Outcome::persisted(Some(Place::at(2, 77)))),
        SettledAs::NotDone => Settled::Tried(Outcome::NotDone(String::new())),
        SettledAs::Possibly => Settled::Tried(Outcome::Possibly(String::new())),
        SettledAs::Skipped => Settled::Skipped(String::new()),
        SettledAs::Refused => Settled::Refused(String::new()),
    };
    Settlement { settled, at_ns: T + 1_000 }
}

/// The ledger of version 1 that is checked in.
fn fixture() -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ledger-v1.sqlite")).expect("checked in")
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}

fn open(path: &Path) -> Ledger {
    Ledger::open(path).expect("a ledger")
}

/// A new ledger in a folder, and a run that has begun.
fn begun(folder: &Path) -> (PathBuf, Ledger, RunId) {
    let path = folder.join("local.sqlite");
    let ledger = open(&path);
    let run_id = wait(ledger.begin_run(new_run("r-1"))).expect("written");
    (path, ledger, run_id)
}

fn state(ledger: &Ledger, offset: i64) -> LetterState {
    ledger.letter(&letter(offset)).map(|record| record.state).unwrap_or_default()
}

#[test]
fn what_was_written_is_read_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deep/er/local.sqlite");
    let ledger = open(&path);
    let run_id = wait(ledger.begin_run(new_run("r-1"))).expect("written");
    for (offset, outcome) in (1..).zip(SettledAs::ALL) {
        let send_id = wait(ledger.intend(intent(run_id, offset))).expect("written");
        wait(ledger.settle(send_id, &letter(offset), settlement(outcome))).expect("written");
    }
    let first = ledger.letter(&letter(1)).and_then(|record| record.send_id).expect("sent");
    wait(ledger.follow(first, &letter(1), FateLine { fate: Fate::Consumed, evidence: "inventory committed 78".into(), at_ns: T + 9 })).expect("written");
    wait(ledger.end_run(run_id, Ending::Finished, "", T + 10)).expect("written");
    wait(ledger.refuse(Refusal {
        profile: "shop".into(),
        operator: "ada".into(),
        cluster: "local".into(),
        command: "replay".into(),
        target: "orders.placed".into(),
        num_letters: 4,
        reason: "the profile is read-only".into(),
        at_ns: T + 11,
    }))
    .expect("written");

    let again = open(&path);
    assert_eq!(again.letters(), ledger.letters());
    assert_eq!(state(&again, 1), LetterState::Consumed);
    assert_eq!(state(&again, 2), LetterState::Open, "what was not persisted is open");
    assert_eq!(state(&again, 3), LetterState::Sent(SentState::Possibly));
    assert_eq!((state(&again, 4), state(&again, 5), state(&again, 6)), (LetterState::Open, LetterState::Open, LetterState::Open));
    let record = again.letter(&letter(1)).expect("known");
    assert_eq!((record.written_to, record.reason.as_str(), record.kind), (Some(Place::at(2, 77)), "inventory committed 78", kind()));
    let lines = wait(again.lines(100)).expect("lines");
    assert_eq!(lines.iter().map(|line| line.settled.counts_as()).collect::<Vec<_>>(), [&SettledAs::ALL[..], &[SettledAs::Refused]].concat());
    assert_eq!(lines[0].letter, Some(letter(1)));
    assert_eq!((lines[0].operator.as_str(), lines[0].cluster_id.as_deref(), lines[0].hash.as_str()), ("ada", Some("lkc-1"), format!("{:032x}", 1).as_str()));
    assert_eq!(lines[5].settled.reason(), "replay of 4: the profile is read-only");
}

#[test]
fn an_intent_without_an_outcome_may_have_been_written_and_is_never_sent_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, ledger, run_id) = begun(folder.path());
    let send_id = wait(ledger.intend(intent(run_id, 7))).expect("written");
    assert_eq!(state(&ledger, 7), LetterState::Sent(SentState::Possibly));
    // The first ledger is still open: nothing was closed or flushed, as after a kill.
    let again = open(&path);
    assert_eq!(state(&again, 7), LetterState::Sent(SentState::Possibly));
    assert_eq!(wait(again.lines(9)).expect("lines")[0].settled.counts_as(), SettledAs::Possibly);
    let run_id = wait(again.begin_run(new_run("r-2"))).expect("written");
    assert_eq!(wait(again.intend(intent(run_id, 7))), Err(LedgerError::SentBefore { letter: letter(7) }));
    wait(ledger.settle(send_id, &letter(7), settlement(SettledAs::NotDone))).expect("written");
    // Known now not to have been written: it may be sent.
    let send_id = wait(again.intend(intent(run_id, 7))).expect("written");
    wait(again.settle(send_id, &letter(7), settlement(SettledAs::Done))).expect("written");
    assert_eq!(wait(again.intend(intent(run_id, 7))), Err(LedgerError::SentBefore { letter: letter(7) }));
    let other_time = LetterKey { timestamp_ns: Some(5), ..letter(7) };
    assert!(wait(again.intend(Intent { letter: other_time, ..intent(run_id, 7) })).is_ok(), "a channel made anew has other letters");
}

#[test]
fn an_outcome_is_written_once_and_lines_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, ledger, run_id) = begun(folder.path());
    let send_id = wait(ledger.intend(intent(run_id, 1))).expect("written");
    wait(ledger.settle(send_id, &letter(1), settlement(SettledAs::Possibly))).expect("written");
    assert!(wait(ledger.settle(send_id, &letter(1), settlement(SettledAs::NotDone))).is_err());
    assert_eq!(state(&ledger, 1), LetterState::Sent(SentState::Possibly));
    let other = rusqlite::Connection::open(&path).expect("opens");
    for statement in [
        "UPDATE sends SET outcome = 'persisted'",
        "UPDATE sends SET again = 'why not'",
        "UPDATE sends SET cluster_id = 'lkc-2'",
        "DELETE FROM sends",
        "DELETE FROM runs",
    ] {
        assert!(other.execute(statement, []).is_err(), "{statement}");
    }
}

#[test]
fn an_answer_that_is_no_status_of_http_may_have_been_anything() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, ledger, run_id) = begun(folder.path());
    wait(ledger.intend(intent(run_id, 1))).expect("written");
    let other = rusqlite::Connection::open(&path).expect("opens");
    other.execute("UPDATE sends SET outcome = 'answered', settled_ns = 1", []).expect("written");
    for (status, right) in [
        (Some(204), Settled::Tried(Outcome::Done(Receipt::Answered(204)))),
        (Some(70_000), Settled::Tried(Outcome::Possibly(String::new()))),
        (Some(-1), Settled::Tried(Outcome::Possibly(String::new()))),
        (None, Settled::Tried(Outcome::Possibly(String::new()))),
    ] {
        other.execute("UPDATE sends SET status = ?", [status]).expect("written");
        assert_eq!(wait(ledger.lines(1)).expect("lines")[0].settled, right, "{status:?}");
    }
}

#[test]
fn a_letter_that_was_read_may_still_die_again_but_not_the_other_way_round() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = open(&folder.path().join("local.sqlite"));
    let run_id = wait(ledger.begin_run(new_run("r-1"))).expect("written");
    let send_id = wait(ledger.intend(intent(run_id, 1))).expect("written");
    wait(ledger.settle(send_id, &letter(1), settlement(SettledAs::Done))).expect("written");
    for (fate, state_after) in [(Fate::Consumed, LetterState::Consumed), (Fate::DeadAgain, LetterState::DeadAgain), (Fate::Consumed, LetterState::DeadAgain)] {
        wait(ledger.follow(send_id, &letter(1), FateLine { fate, evidence: "seen".into(), at_ns: T })).expect("written");
        assert_eq!(state(&ledger, 1), state_after);
    }
    assert_eq!(open(ledger.path()).letters(), ledger.letters());
}

#[test]
fn only_what_is_open_is_parked() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = open(&folder.path().join("local.sqlite"));
    let run_id = wait(ledger.begin_run(new_run("r-1"))).expect("written");
    let send_id = wait(ledger.intend(intent(run_id, 1))).expect("written");
    wait(ledger.settle(send_id, &letter(1), settlement(SettledAs::Done))).expect("written");
    let both = vec![(letter(1), kind()), (letter(2), kind())];
    wait(ledger.park(both.clone(), Some("ask the catalog team".into()), "ada", T)).expect("written");
    assert_eq!(state(&ledger, 1), LetterState::Sent(SentState::Persisted));
    assert_eq!(state(&ledger, 2), LetterState::Parked("ask the catalog team".into()));
    assert_eq!(open(ledger.path()).letters(), ledger.letters());
    wait(ledger.park(both, None, "ada", T + 1)).expect("written");
    assert!(state(&ledger, 2).is_open());
    assert_eq!(open(ledger.path()).letters(), ledger.letters());
}

#[test]
fn what_was_done_last_with_a_letter_counts_also_where_the_clock_was_set_back_since() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = open(&folder.path().join("local.sqlite"));
    let park = |note: Option<&str>, at_ns: i64| wait(ledger.park(vec![(letter(1), kind())], note.map(str::to_owned), "ada", at_ns)).expect("written");
    park(Some("later"), T);
    park(None, T - 5);
    assert!(state(&open(ledger.path()), 1).is_open());
    park(Some("still later"), T - 9);
    assert_eq!(state(&open(ledger.path()), 1), LetterState::Parked("still later".into()));
}

#[test]
fn a_ledger_of_an_earlier_build_gets_the_indexes_that_it_lacks() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("local.sqlite");
    let connection = schema::open(&path).expect("a ledger");
    let indexes = |connection: &rusqlite::Connection| -> Vec<String> {
        let mut names = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name").expect("a query");
        names.query_map([], |row| row.get(0)).expect("rows").map(|name| name.expect("a name")).collect()
    };
    let right = indexes(&connection);
    for name in &right {
        connection.execute_batch(&format!("DROP INDEX {name}")).expect("taken away");
    }
    assert!(right.len() > 6 && indexes(&connection).is_empty(), "{right:?}");
    assert_eq!(indexes(&schema::open(&path).expect("a ledger")), right);
}

#[test]
fn what_is_no_ledger_is_refused_with_its_name_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let other = folder.path().join("other.sqlite");
    rusqlite::Connection::open(&other).and_then(|connection| connection.execute_batch("CREATE TABLE t (x)")).expect("made");
    let others = std::fs::read(&other).expect("read");
    let newer = folder.path().join("newer.sqlite");
    drop(open(&newer));
    rusqlite::Connection::open(&newer).and_then(|connection| connection.pragma_update(None, "user_version", 99)).expect("made");
    let text = folder.path().join("text.sqlite");
    std::fs::write(&text, "not a database at all, but long enough to be looked at ".repeat(100)).expect("written");
    for (path, told) in [(&other, "another program"), (&newer, "version 99"), (&text, "not a database"), (&folder.path().to_owned(), "no file")] {
        let error = Ledger::open(path).err().expect("refused").to_string();
        assert!(error.contains(told) && error.contains(&path.display().to_string()) && error.contains("Nothing is sent"), "{error}");
    }
    assert!(std::fs::read_to_string(&text).expect("still text").starts_with("not a database"));
    assert_eq!(std::fs::read(&other).expect("read"), others, "not even its journal is another");
}

#[cfg(unix)]
#[test]
fn only_its_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("made/local.sqlite");
    let ledger = open(&path);
    wait(ledger.begin_run(new_run("r-1"))).expect("written");
    for entry in std::fs::read_dir(path.parent().expect("a folder")).expect("a folder") {
        let mode = entry.expect("an entry").metadata().expect("metadata").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
    }
}

#[test]
fn a_file_that_cannot_be_written_says_so_and_takes_no_intent() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, ledger, run_id) = begun(folder.path());
    // Another program holds the file for good.
    let holder = rusqlite::Connection::open(&path).expect("opens");
    holder.execute_batch("BEGIN IMMEDIATE").expect("held");
    let error = wait(ledger.intend(intent(run_id, 1))).expect_err("not written");
    assert!(error.to_string().contains("Nothing more is sent"), "{error}");
    assert!(state(&ledger, 1).is_open());
    holder.execute_batch("ROLLBACK").expect("let go");
    wait(ledger.intend(intent(run_id, 1))).expect("written");
}

fn run_on(cluster: &str, cluster_id: &str) -> NewRun {
    NewRun { cluster: cluster.into(), cluster_id: cluster_id.into(), ..new_run(&format!("r-{cluster}-{cluster_id}")) }
}

fn known_as(name: &str, offset: i64) -> LetterKey {
    letter(offset).read_by(name)
}

fn clusters<const N: usize>(told: [(&str, &str); N]) -> ClusterIds {
    told.into_iter().map(|(name, cluster_id)| (name.to_owned(), cluster_id.to_owned())).collect()
}

#[test]
fn a_letter_that_one_profile_sent_is_known_to_another_by_its_cluster_whatever_its_source_is_called() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, ledger, run_id) = begun(folder.path());
    // Both are open at once, as in two windows.
    let other = open(&path);
    let send_id = wait(ledger.intend(intent(run_id, 1))).expect("written");
    wait(ledger.settle(send_id, &letter(1), settlement(SettledAs::Done))).expect("written");

    let other_run = wait(other.begin_run(run_on("main", "lkc-1"))).expect("written");
    let again = Intent { letter: known_as("main", 1), ..intent(other_run, 1) };
    assert_eq!(wait(other.intend(again)), Err(LedgerError::SentBefore { letter: known_as("main", 1) }));
    wait(other.know_clusters(clusters([("main", "lkc-1"), ("second", "lkc-1"), ("local", "lkc-9")]))).expect("read");
    let state_as = |name: &str, offset: i64| other.letter(&known_as(name, offset)).map(|record| record.state);
    let sent = Some(LetterState::Sent(SentState::Persisted));
    assert_eq!((state_as("main", 1), state_as("second", 1)), (sent.clone(), sent.clone()));
    assert_eq!(state_as("local", 1), None, "what is called local here is another cluster");

    // What is done from here on is known by both names as well.
    let send_id = wait(other.intend(Intent { letter: known_as("main", 2), ..intent(other_run, 2) })).expect("not sent before");
    wait(other.settle(send_id, &known_as("main", 2), settlement(SettledAs::Done))).expect("written");
    assert_eq!((state_as("main", 2), state_as("second", 2)), (sent.clone(), sent));
    wait(other.park(vec![(known_as("second", 3), kind())], Some("later".into()), "ada", T)).expect("written");
    assert_eq!(state_as("main", 3), Some(LetterState::Parked("later".into())));
    // Before the clusters have told what they call themselves, letters are called as they were.
    assert_eq!(open(&path).letter(&letter(1)).map(|record| record.cluster_id), Some("lkc-1".into()));
    let elsewhere = wait(other.begin_run(run_on("local", "lkc-9"))).expect("written");
    wait(other.intend(intent(elsewhere, 1))).expect("the same place on another cluster is another letter");

    let profiles: Vec<Option<String>> = wait(other.lines(9)).expect("lines").into_iter().map(|line| line.profile).collect();
    assert_eq!(profiles, vec![Some("shop".to_owned()); 3]);
}

#[test]
fn what_was_put_aside_before_its_cluster_was_known_stays_so_and_can_be_taken_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = open(&folder.path().join("local.sqlite"));
    wait(ledger.park(vec![(letter(1), kind())], Some("later".into()), "ada", T)).expect("written");
    wait(ledger.know_clusters(clusters([("local", "lkc-1")]))).expect("read");
    assert_eq!(state(&ledger, 1), LetterState::Parked("later".into()));
    wait(ledger.park(vec![(letter(1), kind())], None, "ada", T + 1)).expect("written");
    let again = open(ledger.path());
    wait(again.know_clusters(clusters([("local", "lkc-1")]))).expect("read");
    assert!(state(&ledger, 1).is_open() && state(&again, 1).is_open());
}

#[test]
fn that_the_clusters_tell_their_names_while_a_record_is_on_its_way_changes_nothing_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, ledger, run_id) = begun(folder.path());
    let send_id = wait(ledger.intend(intent(run_id, 1))).expect("written");
    let before = ledger.letters();
    wait(ledger.know_clusters(clusters([("local", "lkc-1")]))).expect("read");
    assert_eq!(ledger.letters(), before);
    wait(ledger.settle(send_id, &letter(1), settlement(SettledAs::Done))).expect("written");
    assert_eq!(state(&ledger, 1), LetterState::Sent(SentState::Persisted));
}

#[derive(Clone, Debug)]
enum Step {
    Intend(i64),
    Settle(i64, SettledAs),
    Follow(i64, Fate),
    Park(i64, bool),
}

fn step() -> impl Strategy<Value = Step> {
    let offset = 0..6_i64;
    prop_oneof![
        offset.clone().prop_map(Step::Intend),
        (offset.clone(), prop::sample::select(SettledAs::ALL.to_vec())).prop_map(|(offset, outcome)| Step::Settle(offset, outcome)),
        (offset.clone(), prop::sample::select(vec![Fate::Consumed, Fate::DeadAgain])).prop_map(|(offset, fate)| Step::Follow(offset, fate)),
        (offset, any::<bool>()).prop_map(|(offset, is_in)| Step::Park(offset, is_in)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_any_work_the_file_says_what_the_session_said_and_nothing_was_sent_twice(steps in prop::collection::vec(step(), 1..30)) {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = open(&folder.path().join("local.sqlite"));
        let run_id = wait(ledger.begin_run(new_run("r-1"))).expect("written");
        let mut num_sent = [0_u32; 6];
        for step in steps {
            let send_of = |offset: i64| ledger.letter(&letter(offset)).and_then(|record| record.send_id);
            match step {
                Step::Intend(offset) => {
                    let parked = matches!(state(&ledger, offset), LetterState::Parked(_));
                    if !parked && wait(ledger.intend(intent(run_id, offset))).is_ok() {
                        num_sent[offset as usize] += 1;
                    }
                }
                Step::Settle(offset, outcome) => {
                    if let Some(send_id) = send_of(offset)
                        && wait(ledger.settle(send_id, &letter(offset), settlement(outcome))).is_ok()
                        && !matches!(outcome, SettledAs::Done | SettledAs::Possibly)
                    {
                        num_sent[offset as usize] -= 1;
                    }
                }
                Step::Follow(offset, fate) => {
                    if let Some(send_id) = send_of(offset)
                        && matches!(state(&ledger, offset), LetterState::Sent(_) | LetterState::Consumed)
                    {
                        wait(ledger.follow(send_id, &letter(offset), FateLine { fate, evidence: "seen".into(), at_ns: T })).expect("written");
                    }
                }
                Step::Park(offset, is_in) => {
                    wait(ledger.park(vec![(letter(offset), kind())], is_in.then(|| "later".into()), "ada", T)).expect("written");
                }
            }
            prop_assert!(num_sent.iter().all(|sent| *sent <= 1));
        }
        let again = open(ledger.path());
        let strip = |ledger: &Ledger| -> Vec<(LetterKey, LetterState)> { ledger.letters().iter().map(|(key, record)| (key.clone(), record.state.clone())).collect() };
        prop_assert_eq!(strip(&again), strip(&ledger));
    }
}
