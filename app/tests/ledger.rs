//! The ledger after its program was killed in the middle of a run.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use switchboard::ledger::{Intent, KindHash, Ledger, LetterKey, LetterState, NewRun, Outcome, SentState, Settlement};

const FILE_VARIABLE: &str = "SWITCHBOARD_TEST_LEDGER_FILE";
const TEST: &str = "what_was_on_its_way_when_the_program_was_killed_may_have_been_written";

fn letter(offset: i64) -> LetterKey {
    LetterKey { cluster: "local".into(), channel: "orders-dlt".into(), partition: 0, offset, timestamp_ns: Some(offset) }
}

/// Sends for ever, three at a time, and says each step once the ledger has taken it.
fn child(path: &Path) {
    let ledger = Ledger::open(path).expect("a ledger");
    let run = NewRun {
        replay_id: "r-1".into(),
        operator: "ada".into(),
        cluster: "local".into(),
        cluster_id: "c".into(),
        target: "orders".into(),
        num_planned: 1,
        at_ns: 1,
    };
    let say = |what: &str, offset: i64| writeln!(std::io::stdout(), "{what} {offset}").expect("a pipe");
    pollster::block_on(async {
        let run_id = ledger.begin_run(run).await.expect("written");
        for first in (0..i64::MAX).step_by(3) {
            let mut sends = Vec::new();
            for offset in first..first + 3 {
                let intent = Intent {
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
                };
                sends.push((offset, ledger.intend(intent).await.expect("written")));
                say("intended", offset);
            }
            for (offset, send_id) in sends {
                let settlement = Settlement { outcome: Outcome::Persisted, reason: String::new(), position: Some((0, offset)), at_ns: 2 };
                ledger.settle(send_id, &letter(offset), settlement).await.expect("written");
                say("settled", offset);
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
    let open = lines.iter().filter(|line| line.outcome == Outcome::PossiblyPersisted).count();
    let unsaid = lines.len() - intended.len();
    assert!(unsaid <= 1 && open <= 4, "{open} without an outcome, {unsaid} more than was said");
    // And none of what may have been written is sent again.
    let run = NewRun {
        replay_id: "r-2".into(),
        operator: "ada".into(),
        cluster: "local".into(),
        cluster_id: "c".into(),
        target: "orders".into(),
        num_planned: 1,
        at_ns: 3,
    };
    let run_id = pollster::block_on(ledger.begin_run(run)).expect("written");
    for line in &lines {
        let letter = line.letter.clone().expect("a send");
        let intent = Intent {
            run_id,
            letter,
            kind: KindHash(1),
            failed_group: None,
            target: "orders".into(),
            target_partition: None,
            hash: "00".into(),
            size_bytes: 1,
            replay_count: 1,
            replay_id: "r-2.1".into(),
            at_ns: 3,
        };
        assert!(pollster::block_on(ledger.intend(intent)).is_err(), "{line:?} could be sent twice");
    }
}
