//! What was composed: many lines at once, which hold no letter.

use super::*;
use crate::ledger::schema;

#[test]
fn a_ledger_of_an_earlier_build_holds_its_letters_and_no_more_what_was_composed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, ledger, run_id) = begun(folder.path());
    wait(ledger.intend(intent(run_id, 1))).expect("written");
    wait(ledger.intend_composed(run_id, vec![composed(1), composed(2)])).expect("written");
    drop(ledger);
    let before = "DROP INDEX sent_once; CREATE UNIQUE INDEX sent_once ON sends (cluster_id, channel, place, ifnull(timestamp_ns, -1)) \
                  WHERE again IS NULL AND (outcome IS NULL OR outcome NOT IN ('not persisted', 'skipped', 'refused'))";
    rusqlite::Connection::open(&path).and_then(|connection| connection.execute_batch(before)).expect("as it was");
    let held = |connection: &rusqlite::Connection| -> (String, i64) {
        let sql = connection.query_row("SELECT sql FROM sqlite_schema WHERE name = 'sent_once'", [], |row| row.get(0)).expect("an index");
        let num = "SELECT count(*) FROM sends INDEXED BY sent_once WHERE channel IS NOT NULL AND again IS NULL \
                   AND (outcome IS NULL OR outcome NOT IN ('not persisted', 'skipped', 'refused'))";
        (sql, connection.query_row(num, [], |row| row.get(0)).expect("counted"))
    };
    let connection = schema::open(&path).expect("a ledger");
    let (sql, num) = held(&connection);
    assert!(sql.contains("channel IS NOT NULL") && num == 1, "{sql}: {num}");
    drop(connection);
    let again = open(&path);
    let run_id = wait(again.begin_run(new_run("r-2"))).expect("written");
    assert_eq!(wait(again.intend(intent(run_id, 1))), Err(LedgerError::SentBefore { letter: letter(1) }));
    // Whoever puts letters aside asks for them by that index, too.
    let plan = "EXPLAIN QUERY PLAN SELECT 1 FROM sends WHERE cluster_id IN ('lkc-1', 'lkc-2') AND channel = 'a' AND place = x'03' AND timestamp_ns IS 1 \
                AND again IS NULL AND (outcome IS NULL OR outcome NOT IN ('not persisted', 'skipped', 'refused'))";
    let told: String = rusqlite::Connection::open(&path).and_then(|connection| connection.query_row(plan, [], |row| row.get(3))).expect("a plan");
    assert!(told.contains("sent_once (cluster_id=? AND channel=? AND place=?)"), "{told}");
}

fn composed(number: i64) -> ComposedIntent {
    ComposedIntent {
        target_kind: TargetKind::Channel,
        target: "orders.placed".into(),
        call: String::new(),
        partition: None,
        hash: format!("{number:032x}"),
        size_bytes: 68,
        send_name: format!("s-{number}"),
        at_ns: T + number,
    }
}

#[test]
fn outcomes_that_are_written_together_are_each_of_their_own_send_and_stand_or_fall_together() {
    const NUM: i64 = 731;
    let folder = tempfile::tempdir().expect("a folder");
    let (path, ledger, run_id) = begun(folder.path());
    let send_ids = wait(ledger.intend_composed(run_id, (0..NUM).map(composed).collect())).expect("written");
    let outcome = |number: i64| match number % 4 {
        0 => Outcome::persisted(Some(Place::at(number as i32 % 8, number))),
        1 => Outcome::Done(Receipt::Answered(200 + number as u16 % 5)),
        2 => Outcome::NotDone(format!("refused {number}")),
        _ => Outcome::Possibly(format!("timed out {number}")),
    };
    let settlement = |number: i64| Settlement { settled: Settled::Tried(outcome(number)), at_ns: T + number };
    let of = |numbers: &[i64]| -> Vec<(SendId, Settlement)> { numbers.iter().map(|number| (send_ids[*number as usize], settlement(*number))).collect() };
    let read = || -> Vec<Settled> {
        let mut lines = wait(open(&path).lines(10_000)).expect("lines");
        lines.sort_by_key(|line| line.at_ns);
        lines.into_iter().map(|line| line.settled).collect()
    };
    let untold = || read().iter().filter(|settled| settled.reason().contains("no outcome was written")).count();
    // One that has an outcome already, and one that is told twice.
    wait(ledger.settle_composed(of(&[650]))).expect("written");
    let all_but = |left_out: i64| (0..NUM).filter(|number| *number != left_out).collect::<Vec<i64>>();
    for wrong in [all_but(-1), [all_but(650), vec![3]].concat(), [vec![3], all_but(650)].concat()] {
        let told = wait(ledger.settle_composed(of(&wrong))).expect_err("not written").to_string();
        assert!(told.contains("outcome already") && told.contains("look into it"), "{told}");
        assert_eq!(untold(), NUM as usize - 1, "none of them stands");
    }
    wait(ledger.settle_composed(of(&all_but(650)))).expect("written");
    assert_eq!(read(), (0..NUM).map(|number| Settled::Tried(outcome(number))).collect::<Vec<_>>());
}

#[test]
fn nothing_is_intended_for_a_run_that_is_not_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, ledger, run_id) = begun(folder.path());
    let told = wait(ledger.intend_composed(RunId(run_id.0 + 1), vec![composed(1)])).expect_err("not written").to_string();
    assert!(told.contains("its run is not there") && told.contains("Nothing more is sent"), "{told}");
    assert!(wait(ledger.lines(9)).expect("lines").is_empty());
}
