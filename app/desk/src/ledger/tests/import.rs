//! What version 1 kept for each profile, while the old program goes on writing to it, where it was copied, and where it is in the way.

use std::time::{Duration, SystemTime};

use rusqlite::Connection;
use switchboard_measure::growth::assert_linear;

use super::*;
use crate::ledger::{import, schema};

/// A letter of the ledger that is checked in, by its offset; of those that are there in each test, and of new ones.
fn old_letter(offset: i64) -> LetterKey {
    let timestamp_ns = 1_795_845_600_000_000_000 + (offset - 3_600) * 1_000_000_000;
    let place = Place::at((offset % 3) as i32, offset);
    LetterKey { at: MessageRef { cluster: "local".into(), channel: "orders-dlt".into(), place }, timestamp_ns: Some(timestamp_ns) }
}

fn old_state(ledger: &Ledger, offset: i64) -> LetterState {
    ledger.letter(&old_letter(offset)).map(|record| record.state).unwrap_or_default()
}

/// Tries to send it once more, to its own cluster.
fn is_held(ledger: &Ledger, run_id: RunId, offset: i64) -> bool {
    let again = Intent { letter: old_letter(offset), ..intent(run_id, offset) };
    wait(ledger.intend(again)) == Err(LedgerError::SentBefore { letter: old_letter(offset) })
}

/// A folder for data in which profiles of version 1 have sent what the ledger says that is checked in.
fn old_profiles(folder: &Path, names: &[&str]) -> LedgerPlace {
    let place = LedgerPlace::shared_in(folder);
    std::fs::create_dir_all(kept_before(&place)).expect("made");
    for name in names {
        std::fs::write(kept_before(&place).join(format!("{name}.sqlite")), fixture()).expect("written");
    }
    place
}

fn kept_before(place: &LedgerPlace) -> &Path {
    place.kept_before.as_deref().expect("a folder")
}

/// The file of a profile, as the old program has it open.
fn old_program(place: &LedgerPlace, name: &str) -> Connection {
    let connection = Connection::open(kept_before(place).join(format!("{name}.sqlite"))).expect("opens");
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF").expect("as it does");
    connection
}

/// How many lines a ledger has, by table.
fn num_lines(place: &LedgerPlace) -> [i64; 4] {
    let connection = Connection::open(&place.file).expect("opens");
    ["runs", "sends", "refusals", "parkings"]
        .map(|table| connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).expect("counted"))
}

/// One more run of the old program, with one send.
fn old_run(old: &Connection, offset: i64) {
    let LetterKey { at: MessageRef { channel, .. }, timestamp_ns } = old_letter(offset);
    let run =
        "INSERT INTO runs (replay_id, operator, cluster, cluster_id, target, num_planned, started_ns) VALUES (?, 'ada', 'local', 'lkc-1', 'orders', 1, 1)";
    let run_id = old.prepare_cached(run).and_then(|mut run| run.insert([format!("r-{offset}")])).expect("written");
    old.prepare_cached(
        "INSERT INTO sends (run_id, cluster, channel, partition, offset, timestamp_ns, kind, target, hash, size_bytes, replay_count, replay_id, intended_ns) \
         VALUES (?, 'local', ?, ?, ?, ?, 0, 'orders', '', 1, 1, ?, 1)",
    )
    .and_then(|mut send| send.execute(rusqlite::params![run_id, channel, offset % 3, offset, timestamp_ns, format!("r-{offset}.1")]))
    .expect("written");
}

const SETTLED: &str = "UPDATE sends SET outcome = 'not persisted', reason = 'refused', settled_ns = 1 WHERE replay_id = 'r-killed.2'; \
    UPDATE sends SET outcome = 'persisted', settled_ns = 1, target_partition = 2, target_offset = 7 WHERE replay_id = 'r-killed.3'; \
    UPDATE sends SET fate = 'consumed', evidence = 'past it', fate_ns = 1 WHERE replay_id = 'r-finished.3'; \
    UPDATE sends SET fate = 'dead again', evidence = 'back', fate_ns = 1 WHERE replay_id = 'r-finished.1'; \
    UPDATE runs SET ending = 'stopped', reason = 'by hand', ended_ns = 1 WHERE replay_id = 'r-killed'";

/// That a ledger knows what [`SETTLED`] says.
fn knows_what_was_settled(place: &LedgerPlace, what: &str) {
    let ledger = Ledger::open_at(place).expect("a ledger");
    assert_eq!(old_state(&ledger, 12), LetterState::Open, "{what}");
    assert_eq!(old_state(&ledger, 13), LetterState::Sent(SentState::Persisted), "{what}");
    assert_eq!(ledger.letter(&old_letter(13)).and_then(|record| record.written_to), Some(Place::at(2, 7)), "{what}");
    assert_eq!((old_state(&ledger, 2), old_state(&ledger, 0)), (LetterState::Consumed, LetterState::DeadAgain), "{what}");
    let run = "SELECT ending || ' ' || reason || ' ' || ended_ns FROM runs WHERE replay_id = 'r-killed'";
    let ended: String = Connection::open(&place.file).and_then(|connection| connection.query_row(run, [], |row| row.get(0))).expect("it ended");
    assert_eq!(ended, "stopped by hand 1", "{what}");
    let run_id = wait(ledger.begin_run(new_run(&format!("r-{what}")))).expect("written");
    assert!(!is_held(&ledger, run_id, 12) && is_held(&ledger, run_id, 13) && is_held(&ledger, run_id, 2), "{what}");
}

#[test]
fn what_the_old_program_sends_after_the_new_one_began_is_not_sent_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = old_profiles(folder.path(), &["shop"]);
    let (ledger, old) = (Ledger::open_at(&place).expect("a ledger"), old_program(&place, "shop"));
    let before = num_lines(&place);
    old_run(&old, 500);
    let more = "INSERT INTO parkings (cluster, channel, partition, offset, kind, note, operator, at_ns) VALUES ('local', 'c', 0, 1, 0, 'later', 'ada', 1); \
                INSERT INTO refusals (operator, cluster, command, target, num_letters, reason, at_ns) VALUES ('ada', 'local', 'replay', 't', 1, 'no', 1)";
    old.execute_batch(more).expect("written");
    // The new window has been open all the time.
    assert!(old_state(&ledger, 500).is_open());
    let run_id = wait(ledger.begin_run(new_run("r-now"))).expect("written");
    assert_eq!(old_state(&ledger, 500), LetterState::Sent(SentState::Possibly));
    assert!(is_held(&ledger, run_id, 500));
    drop(ledger);
    old_run(&old, 501);
    old.execute_batch(SETTLED).expect("written");
    // As well after a restart, and none twice.
    for opened in ["once", "twice"] {
        let again = Ledger::open_at(&place).expect("a ledger");
        assert_eq!(old_state(&again, 501), LetterState::Sent(SentState::Possibly), "{opened}");
        assert_eq!(num_lines(&place), [before[0] + 3, before[1] + 2, before[2] + 1, before[3] + 1], "{opened}");
    }
    knows_what_was_settled(&place, "then");
    let ledger = Ledger::open_at(&place).expect("a ledger");
    let run_id = wait(ledger.begin_run(new_run("r-last"))).expect("written");
    assert!(is_held(&ledger, run_id, 500) && is_held(&ledger, run_id, 501));
}

#[test]
fn what_became_of_a_line_after_its_file_was_copied_is_known_whichever_is_read_first() {
    for (name, other) in [("alpha", "beta"), ("beta", "alpha")] {
        let folder = tempfile::tempdir().expect("a folder");
        let place = old_profiles(folder.path(), &[name, other]);
        old_program(&place, name).execute_batch(SETTLED).expect("written");
        drop(Ledger::open_at(&place).expect("a ledger"));
        assert_eq!(num_lines(&place), [6, 17, 1, 6]);
        knows_what_was_settled(&place, name);
    }
}

#[test]
fn a_run_that_begins_while_its_file_is_read_is_met_whole_or_the_next_time() {
    const NUM_RUNS: i64 = 3_000;
    let folder = tempfile::tempdir().expect("a folder");
    let place = old_profiles(folder.path(), &["shop"]);
    let mut connection = schema::open(&place.file).expect("a ledger");
    let old = old_program(&place, "shop");
    let (mut num_read, mut taken) = (0, import::Taken::new());
    std::thread::scope(|scope| {
        let writes = scope.spawn(move || (0..NUM_RUNS).for_each(|number| old_run(&old, 1_000 + number)));
        while !writes.is_finished() {
            import::take_over(&mut connection, &place, &mut taken).expect("at one moment");
            num_read += 1;
        }
    });
    assert!(num_read > 1, "read {num_read} times");
    import::take_over(&mut connection, &place, &mut taken).expect("the rest");
    assert_eq!(num_lines(&place)[1], 17 + NUM_RUNS);
    let num_changes = connection.total_changes();
    import::take_over(&mut connection, &place, &mut import::Taken::new()).expect("nothing more");
    assert_eq!(connection.total_changes(), num_changes, "there was something");
}

#[test]
fn what_was_done_later_counts_whichever_file_is_read_first() {
    for (name, other) in [("alpha", "beta"), ("beta", "alpha")] {
        let folder = tempfile::tempdir().expect("a folder");
        let place = old_profiles(folder.path(), &[name, other]);
        let older = "UPDATE runs SET replay_id = 'older ' || replay_id; \
                     UPDATE sends SET replay_id = 'older ' || replay_id, intended_ns = intended_ns - 7000000000000, reason = 'older'; \
                     UPDATE parkings SET at_ns = at_ns - 7000000000000, note = CASE WHEN note IS NULL THEN 'older' END";
        old_program(&place, other).execute_batch(older).expect("written");
        let ledger = Ledger::open_at(&place).expect("a ledger");
        let record = ledger.letter(&old_letter(6)).expect("skipped twice");
        assert_eq!((record.state, record.replay_id.as_str()), (LetterState::Open, "r-halted.4"), "{name} is the later");
        assert!(record.reason.starts_with("changed: "), "{}", record.reason);
        assert_eq!(old_state(&ledger, 20), LetterState::Parked("ask the catalog team".into()), "{name} is the later");
        assert_eq!(old_state(&ledger, 22), LetterState::Open, "{name} is the later");
        let times: Vec<i64> = wait(ledger.lines(5)).expect("lines").iter().map(|line| line.at_ns).collect();
        assert!(times.len() == 6 && times.is_sorted() && times[0] > 1_795_845_600_000_000_000, "the newest, in their order: {times:?}");
    }
}

#[test]
fn what_is_in_the_way_among_old_files_is_moved_away_and_never_is_another_ledger_to_be_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = old_profiles(folder.path(), &["shop"]);
    let ledger = Ledger::open_at(&place).expect("a ledger");
    let at = kept_before(&place).join("stray.sqlite");
    let is_told = |step: &str| {
        let at_start = Ledger::open_at(&place).err().expect("refused");
        assert_eq!(wait(ledger.begin_run(new_run("r-1"))), Err(at_start.clone()), "nor does a run begin");
        let told = at_start.to_string();
        assert!(told.contains("ledgers") && told.contains("Nothing is sent without it; ") && told.contains(step) && !told.contains("in the profile"), "{told}");
    };
    let database = |statements: &str| {
        std::fs::remove_file(&at).ok();
        Connection::open(&at).and_then(|connection| connection.execute_batch(statements)).expect("made");
    };
    database("CREATE TABLE t (x)");
    is_told("move it away where it no longer matters");
    database("CREATE TABLE t (x); PRAGMA application_id = 0x53774c67; PRAGMA user_version = 99");
    is_told("move it away where it no longer matters");
    for bytes in [&b"x"[..], &b"not a database at all, but long enough to be looked at ".repeat(100), &fixture()[..9_000]] {
        std::fs::write(&at, bytes).expect("written");
        is_told("move it away where it no longer matters");
    }
    std::fs::remove_file(&at).expect("moved away");
    std::fs::create_dir(&at).expect("made");
    is_told("move it away where it no longer matters");
    std::fs::remove_dir(&at).expect("moved away");
    wait(ledger.begin_run(new_run("r-1"))).expect("written");
    std::fs::rename(kept_before(&place), folder.path().join("elsewhere")).expect("moved");
    std::fs::write(kept_before(&place), "no folder").expect("written");
    is_told("let the program read it");
}

#[test]
fn what_is_taken_over_takes_a_time_in_proportion_to_it_also_where_all_was_put_aside_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let put_aside = |num: usize| {
        let place = old_profiles(&folder.path().join(num.to_string()), &["shop"]);
        let all = format!(
            "WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {num}) \
             INSERT INTO parkings (cluster, channel, partition, offset, timestamp_ns, kind, note, operator, at_ns) \
             SELECT 'local', 'parked-dlt', 0, i, i, 0, 'all of them', 'ada', 1 FROM numbers"
        );
        old_program(&place, "shop").execute_batch(&all).expect("written");
        place
    };
    assert_linear("taking over what was put aside at once", 4_096, put_aside, |place| {
        let mut connection = schema::open(&place.file).expect("a ledger");
        import::take_over(&mut connection, place, &mut import::Taken::new()).expect("taken over");
    });
}

#[test]
fn a_line_that_was_taken_over_gets_what_its_file_or_a_copy_tells_later() {
    let folder = tempfile::tempdir().expect("a folder");
    // That of the first, whose name was changed, is not known.
    let place = old_profiles(folder.path(), &["shop-0b5e77aa"]);
    let old = old_program(&place, "shop-0b5e77aa");
    let parking = "INSERT INTO parkings (cluster, channel, partition, offset, kind, note, operator, at_ns) VALUES ('late', 'c', 0, 1, 0, 'n', 'ada', 1)";
    old.execute_batch(parking).expect("written");
    let profiles_and_cluster = || {
        let ledger = Ledger::open_at(&place).expect("a ledger");
        let mut profiles: Vec<Option<String>> = wait(ledger.lines(99)).expect("lines").into_iter().map(|line| line.profile).collect();
        profiles.dedup();
        let query = "SELECT cluster_id FROM parkings WHERE cluster = 'late'";
        let cluster_id: Option<String> = Connection::open(&place.file).and_then(|file| file.query_row(query, [], |row| row.get(0))).expect("one");
        (profiles, cluster_id)
    };
    assert_eq!(profiles_and_cluster(), (vec![None], None));
    old_run(&old, 500);
    old.execute_batch("UPDATE runs SET cluster = 'late', cluster_id = 'lkc-9' WHERE replay_id = 'r-500'").expect("written");
    old.execute_batch("VACUUM INTO 'copy'".replace("copy", &kept_before(&place).join("shop.sqlite").to_string_lossy()).as_str()).expect("copied");
    let lines = num_lines(&place);
    assert_eq!(profiles_and_cluster(), (vec![Some("shop".into())], Some("lkc-9".into())));
    assert_eq!(num_lines(&place), [lines[0] + 1, lines[1] + 1, lines[2], lines[3]], "and none is there twice");
}

#[test]
fn a_letter_that_was_sent_under_two_names_is_held_though_the_first_turns_out_not_to_have_been() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = old_profiles(folder.path(), &["alpha", "beta"]);
    let (alpha, beta) = (old_program(&place, "alpha"), old_program(&place, "beta"));
    old_run(&alpha, 600);
    old_run(&beta, 600);
    let under_another_name = "UPDATE runs SET replay_id = 'b-600', cluster = 'main' WHERE replay_id = 'r-600'; \
                              UPDATE sends SET replay_id = 'b-600.1', cluster = 'main', outcome = 'persisted', settled_ns = 1 WHERE replay_id = 'r-600.1'";
    beta.execute_batch(under_another_name).expect("written");
    drop(Ledger::open_at(&place).expect("a ledger"));
    alpha.execute_batch("UPDATE sends SET outcome = 'not persisted', reason = 'refused', settled_ns = 1 WHERE replay_id = 'r-600.1'").expect("written");
    let ledger = Ledger::open_at(&place).expect("a ledger");
    let run_id = wait(ledger.begin_run(new_run("r-now"))).expect("written");
    assert!(is_held(&ledger, run_id, 600));
    let third = old_letter(600).read_by("third");
    assert_eq!(wait(ledger.intend(Intent { letter: third.clone(), ..intent(run_id, 600) })), Err(LedgerError::SentBefore { letter: third }));
}

#[test]
fn what_was_taken_over_is_known_also_where_a_later_file_cannot_be() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = old_profiles(folder.path(), &["alpha"]);
    let ledger = Ledger::open_at(&place).expect("a ledger");
    old_run(&old_program(&place, "alpha"), 500);
    std::fs::write(kept_before(&place).join("beta.sqlite"), "x").expect("written");
    let told = wait(ledger.begin_run(new_run("r-1"))).expect_err("refused").to_string();
    assert!(told.contains("beta.sqlite"), "{told}");
    assert_eq!(old_state(&ledger, 500), LetterState::Sent(SentState::Possibly));
}

#[test]
fn what_the_new_ledger_cannot_take_is_told_of_it_and_no_old_file_is_to_be_moved_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = old_profiles(folder.path(), &["shop"]);
    let (ledger, old) = (Ledger::open_at(&place).expect("a ledger"), old_program(&place, "shop"));
    let other = Connection::open(&place.file).expect("opens");
    old_run(&old, 500);
    let is_told = |step: &str| {
        let told = wait(ledger.begin_run(new_run("r-1"))).expect_err("refused").to_string();
        assert!(told.starts_with(&format!("the ledger {} cannot be used: ", place.file.display())), "{told}");
        assert!(told.contains("shop.sqlite cannot be taken over: ") && told.contains(step) && !told.contains("move it away"), "{told}");
    };
    other.execute_batch("BEGIN IMMEDIATE").expect("held");
    is_told("close the other program that holds it");
    other.execute_batch("ROLLBACK; ALTER TABLE parkings RENAME TO gone").expect("taken away");
    is_told("look after both files");
    other.execute_batch("ALTER TABLE gone RENAME TO parkings").expect("put back");
    wait(ledger.begin_run(new_run("r-1"))).expect("written");
}

/// As a file looks that was written to so many hours ago.
fn written_before(file: &Path, hours: u64) {
    let file = std::fs::File::options().write(true).open(file).expect("opens");
    file.set_modified(SystemTime::now() - Duration::from_hours(hours)).expect("set");
}

#[test]
fn a_file_that_nobody_writes_to_is_read_without_making_anything_beside_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = old_profiles(&folder.path().join("50% of #ü"), &["shop"]);
    drop(old_program(&place, "shop"));
    written_before(&kept_before(&place).join("shop.sqlite"), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // Root may write anywhere.
        std::fs::set_permissions(kept_before(&place), std::fs::Permissions::from_mode(0o500)).expect("closed");
    }
    let ledger = Ledger::open_at(&place).expect("a ledger");
    let run_id = wait(ledger.begin_run(new_run("r-1"))).expect("written");
    assert!(is_held(&ledger, run_id, 13));
    let names: Vec<_> = std::fs::read_dir(kept_before(&place)).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(names, ["shop.sqlite"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(kept_before(&place), std::fs::Permissions::from_mode(0o700)).expect("to be taken away");
    }
}

#[test]
fn a_file_is_read_again_only_where_it_was_written_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = old_profiles(folder.path(), &["shop"]);
    let path = kept_before(&place).join("shop.sqlite");
    written_before(&path, 2);
    let looks = std::fs::metadata(&path).and_then(|found| found.modified()).expect("a time");
    let ledger = Ledger::open_at(&place).expect("a ledger");
    // Nobody who reads it would say that all is well.
    std::fs::write(&path, vec![b'x'; fixture().len()]).expect("written");
    std::fs::File::options().write(true).open(&path).and_then(|file| file.set_modified(looks)).expect("set");
    wait(ledger.begin_run(new_run("r-1"))).expect("written");
    written_before(&path, 1);
    assert!(wait(ledger.begin_run(new_run("r-2"))).is_err());
    std::fs::write(&path, fixture()).expect("written");
    wait(ledger.begin_run(new_run("r-2"))).expect("written");
    old_run(&old_program(&place, "shop"), 500);
    written_before(&path, 1);
    let run_id = wait(ledger.begin_run(new_run("r-3"))).expect("written");
    assert!(is_held(&ledger, run_id, 500));
}
