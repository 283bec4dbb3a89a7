//! The ledger after its program was killed in the middle of a run, and on a disk that fills up.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use switchboard_desk::ledger::{Intent, KindHash, Ledger, LetterKey, LetterState, NewRun, RunId, SentState, Settled, SettledAs, Settlement};
use switchboard_model::{MessageRef, Outcome, Place};

const FILE_VARIABLE: &str = "SWITCHBOARD_TEST_LEDGER_FILE";
const TEST: &str = "what_was_on_its_way_when_the_program_was_killed_may_have_been_written";

fn letter(offset: i64) -> LetterKey {
    let at = MessageRef { cluster: "local".into(), channel: "orders-dlt".into(), place: Place::at(0, offset) };
    LetterKey { at, timestamp_ns: Some(offset) }
}

fn new_run(replay_id: &str) -> NewRun {
    NewRun {
        replay_id: replay_id.into(),
        profile: "shop".into(),
        operator: "ada".into(),
        cluster: "local".into(),
        cluster_id: "c".into(),
        target: "orders".into(),
        num_planned: 1,
        at_ns: 1,
    }
}

fn intent(run_id: RunId, offset: i64) -> Intent {
    Intent {
        cluster_id: None,
        edited: false,
        again: None,
        run_id,
        letter: letter(offset),
        kind: KindHash(1),
        failed_group: None,
        target: "orders".into(),
        target_partition: None,
        hash: "00".into(),
        size_bytes: 1,
        replay_count: 1,
        replay_id: format!("r-1.{offset}"),
        at_ns: 1,
    }
}

fn persisted(offset: i64) -> Settlement {
    Settlement { settled: Settled::Tried(Outcome::persisted(Some(Place::at(0, offset)))), at_ns: 2 }
}

fn say(what: &str, told: &dyn std::fmt::Display) {
    writeln!(std::io::stdout(), "{what} {told}").expect("a pipe");
}

/// Sends one after the other until something cannot be written, and says each step; then tries three more.
#[cfg(unix)]
fn child_on_a_full_disk(path: &Path) {
    let ledger = Ledger::open(path).expect("a ledger");
    pollster::block_on(async {
        let run_id = ledger.begin_run(new_run("r-1")).await.expect("written");
        let send = async |offset: i64| {
            let send_id = ledger.intend(intent(run_id, offset)).await?;
            say("intended", &offset);
            ledger.settle(send_id, &letter(offset), persisted(offset)).await?;
            say("settled", &offset);
            Ok::<_, switchboard_desk::ledger::LedgerError>(())
        };
        let (mut offset, mut num_failed) = (0, 0);
        while num_failed < 4 {
            if let Err(error) = send(offset).await {
                say("failed", &error);
                num_failed += 1;
            }
            offset += 1;
        }
    });
}

/// Whether each of these letters is kept from being sent.
fn sends_none_again(ledger: &Ledger, letters: impl Iterator<Item = LetterKey>) {
    let run_id = pollster::block_on(ledger.begin_run(new_run("r-2"))).expect("written");
    for letter in letters {
        let again = Intent { letter: letter.clone(), ..intent(run_id, 0) };
        assert!(pollster::block_on(ledger.intend(again)).is_err(), "{letter} could be sent twice");
    }
}

/// Sends for ever, three at a time, and says each step once the ledger has taken it.
fn child(path: &Path) {
    let ledger = Ledger::open(path).expect("a ledger");
    pollster::block_on(async {
        let run_id = ledger.begin_run(new_run("r-1")).await.expect("written");
        for first in (0..i64::MAX).step_by(3) {
            let mut sends = Vec::new();
            for offset in first..first + 3 {
                sends.push((offset, ledger.intend(intent(run_id, offset)).await.expect("written")));
                say("intended", &offset);
            }
            for (offset, send_id) in sends {
                ledger.settle(send_id, &letter(offset), persisted(offset)).await.expect("written");
                say("settled", &offset);
            }
        }
    });
}

#[test]
fn what_was_on_its_way_when_the_program_was_killed_may_have_been_written() {
    if let Some(path) = std::env::var_os(FILE_VARIABLE) {
        return child(Path::new(&path));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("local.sqlite");
    let program = std::env::current_exe().expect("this test's own path");
    let mut child = Command::new(program)
        .args([TEST, "--exact", "--nocapture"])
        .env(FILE_VARIABLE, &path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let (mut intended, mut settled) = (BTreeSet::new(), BTreeSet::new());
    let mut take = |line: &str| -> usize {
        let (what, offset) = line.split_once(' ').unwrap_or_default();
        match (what, offset.parse::<i64>()) {
            ("intended", Ok(offset)) => drop(intended.insert(offset)),
            ("settled", Ok(offset)) => drop(settled.insert(offset)),
            // What the test harness itself says.
            _ => {}
        }
        intended.len()
    };
    while let Some(Ok(line)) = lines.next() {
        if take(&line) >= 20 {
            break;
        }
    }
    // SIGKILL on Unix: nothing is closed or flushed.
    child.kill().expect("killed");
    for line in lines.map_while(Result::ok) {
        take(&line);
    }
    child.wait().expect("ended");
    assert!(intended.len() >= 20, "{intended:?}");

    let ledger = Ledger::open(&path).expect("a ledger");
    for offset in &intended {
        let state = ledger.letter(&letter(*offset)).map(|record| record.state);
        match state {
            Some(LetterState::Sent(SentState::Persisted)) => {}
            Some(LetterState::Sent(SentState::Possibly)) => assert!(!settled.contains(offset), "the outcome of {offset} is lost"),
            other => panic!("{offset} was intended and reads as {other:?}"),
        }
    }
    let lines = pollster::block_on(ledger.lines(10_000)).expect("lines");
    let open = lines.iter().filter(|line| line.settled.counts_as() == SettledAs::Possibly).count();
    let unsaid = lines.len() - intended.len();
    assert!(unsaid <= 1 && open <= 4, "{open} without an outcome, {unsaid} more than was said");
    // And none of what may have been written is sent again.
    sends_none_again(&ledger, lines.iter().filter_map(|line| line.letter.clone()));
}

#[cfg(unix)]
#[test]
fn a_disk_that_fills_up_loses_nothing_that_was_told_as_written() {
    if let Some(path) = std::env::var_os(FILE_VARIABLE) {
        return child_on_a_full_disk(Path::new(&path));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("local.sqlite");
    // A limit on the size of files stands for a full disk: the signal that comes with it is ignored, as a full disk sends none.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 600; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().expect("this test's own path"))
        .args(["a_disk_that_fills_up_loses_nothing_that_was_told_as_written", "--exact", "--nocapture"])
        .env(FILE_VARIABLE, &path)
        .stdin(Stdio::null())
        .output()
        .expect("a child");
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    // What the test harness itself says may stand before the first.
    let numbers = |what: &str| -> BTreeSet<i64> { output.lines().filter_map(|line| line.split_once(what)?.1.trim().parse().ok()).collect() };
    let (intended, settled) = (numbers("intended "), numbers("settled "));
    assert!(intended.len() >= 3, "{output}");
    let failures: Vec<&str> = output.lines().filter_map(|line| line.strip_prefix("failed ")).collect();
    // The one that found the disk full, and the three that were tried after it.
    assert_eq!(failures.len(), 4, "{output}");
    for failure in failures {
        let named = format!("the ledger {} could not be written: ", path.display());
        assert!(failure.starts_with(&named) && failure.contains("Nothing more is sent; ") && failure.contains("disk"), "{failure}");
    }
    // There is room again.
    let ledger = Ledger::open(&path).expect("a ledger");
    let known = ledger.letters();
    for (letter, record) in known.iter() {
        // Only of what was told as intended is anything known, but for the one that was being written.
        assert!(
            letter.at.place.offset().is_some_and(|offset| intended.contains(&offset)) || record.state == LetterState::Sent(SentState::Possibly),
            "{letter}: {record:?}"
        );
    }
    assert!(known.len() <= intended.len() + 1, "{} lines of {}", known.len(), intended.len());
    for offset in &intended {
        let state = known.get(&letter(*offset)).map(|record| record.state.clone());
        let is_right = match &state {
            Some(LetterState::Sent(SentState::Persisted)) => true,
            Some(LetterState::Sent(SentState::Possibly)) => !settled.contains(offset),
            _ => false,
        };
        assert!(is_right, "{offset} reads as {state:?}:\n{output}");
    }
    sends_none_again(&ledger, known.keys().cloned());
    let run_id = pollster::block_on(ledger.begin_run(new_run("r-3"))).expect("written");
    pollster::block_on(ledger.intend(intent(run_id, 1_000_000))).expect("it goes on where it was");
}
