//! A start that is cut off, or that is not alone: while a ledger of version 1 is brought to this version, and while what profiles kept is taken
//! over. What is found afterwards is whole, of the one version or the other, and the next start makes of it what an undisturbed one makes.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::types::Value;

use super::*;
use crate::ledger::{import, schema};

const FILE_VARIABLE: &str = "SWITCHBOARD_TEST_MIGRATE";
const KILLED: &str = "ledger::tests::migration::a_program_that_is_killed_while_it_migrates_leaves_it_to_the_next";
/// Half a page of the log, with what stands before each: cuts at its beginnings and in its middles.
const HALF_A_FRAME: usize = 12 + 2_048;
/// More than the pages that are kept in memory: a migration is written to the log before it is whole.
const MANY: usize = 30_000;
/// How often programs are killed, each time when more is written.
const NUM_KILLED: usize = 8;

/// Where what is committed stands until it is written back.
fn log_of(path: &Path) -> PathBuf {
    PathBuf::from([path.as_os_str().to_owned(), OsString::from("-wal")].into_iter().collect::<OsString>())
}

fn version_1_at(path: &Path) {
    std::fs::write(path, fixture()).expect("written");
}

/// The version, and all that its tables hold.
fn version_and_lines(path: &Path) -> (i64, Vec<String>) {
    let connection = Connection::open(path).expect("opens");
    let version = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("a version");
    let mut lines = Vec::new();
    // Where none is written yet there are no tables.
    let tables: &[&str] = if version == 0 { &[] } else { &["runs", "sends", "refusals", "parkings"] };
    for table in tables {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table} ORDER BY 1")).expect("a table");
        let num_columns = statement.column_count();
        let mut rows = statement.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            let values: Vec<Value> = (0..num_columns).map(|column| row.get(column).expect("a value")).collect();
            lines.push(format!("{table} {values:?}"));
        }
    }
    (version, lines)
}

/// The same of what a crash left behind. Looks at a copy: whoever opens a file mends it.
fn left_behind(path: &Path) -> (i64, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("copy.sqlite");
    crashed(path, log_bytes(path), &copy);
    version_and_lines(&copy)
}

/// What an undisturbed start makes of a place.
fn made_of(place: &LedgerPlace) -> Vec<String> {
    drop(Ledger::open_at(place).expect("a ledger"));
    version_and_lines(&place.file).1
}

/// The ledger as a crash leaves it: the file as it is while a connection holds it, and so much of its log.
fn crashed(from: &Path, log_bytes: usize, to: &Path) {
    std::fs::copy(from, to).expect("copied");
    if log_bytes > 0 {
        let log = std::fs::read(log_of(from)).expect("a log");
        std::fs::write(log_of(to), &log[..log_bytes]).expect("written");
    }
}

fn log_bytes(path: &Path) -> usize {
    std::fs::metadata(log_of(path)).map_or(0, |found| found.len() as usize)
}

#[test]
fn a_migration_that_is_cut_off_anywhere_leaves_version_1_whole_and_the_next_start_migrates_it() {
    let folder = tempfile::tempdir().expect("a folder");
    for former in ["closed", "killed"] {
        let path = folder.path().join(format!("{former}.sqlite"));
        version_1_at(&path);
        // One that was killed had not yet written back its last line.
        let killed = Connection::open(&path).expect("opens");
        if former == "killed" {
            let last = "PRAGMA journal_mode = WAL; INSERT INTO parkings (cluster, channel, partition, offset, kind, note, operator, at_ns) \
                        VALUES ('local', 'orders-dlt', 0, 99, 0, 'the last', 'ada', 1)";
            killed.execute_batch(last).expect("written");
        }
        let (before, old) = (log_bytes(&path), version_and_lines(&path));
        assert_eq!((old.0, before > 0), (1, former == "killed"));
        // Nothing is written back while it is open.
        let migrated = schema::open(&path).expect("a ledger");
        let right = version_and_lines(&path);
        assert_eq!((right.0, right.1.len()), (2, old.1.len()), "{former}");
        let whole = log_bytes(&path);
        assert!(whole > before + 8 * HALF_A_FRAME, "{whole} bytes");
        for cut in (before..whole).step_by(HALF_A_FRAME).chain([whole - 1, whole]) {
            let copy = folder.path().join(format!("{former}-{cut}.sqlite"));
            crashed(&path, cut, &copy);
            let found = left_behind(&copy);
            assert_eq!(found, if cut == whole { right.clone() } else { old.clone() }, "{former}, {cut} of {whole} bytes");
            open(&copy);
            assert_eq!(version_and_lines(&copy), right, "{former}, {cut} of {whole} bytes");
        }
        drop((killed, migrated));
    }
}

/// A folder for data in which two profiles of version 1 have sent.
fn two_profiles(folder: &Path) -> LedgerPlace {
    let place = LedgerPlace::shared_in(folder);
    let before = place.kept_before.clone().expect("a folder");
    std::fs::create_dir_all(&before).expect("made");
    for name in ["one", "two"] {
        let path = before.join(format!("{name}.sqlite"));
        version_1_at(&path);
        let rename = format!("UPDATE runs SET replay_id = '{name} ' || replay_id; UPDATE sends SET replay_id = '{name} ' || replay_id");
        Connection::open(&path).and_then(|connection| connection.execute_batch(&rename)).expect("renamed");
    }
    place
}

#[test]
fn taking_over_that_is_cut_off_anywhere_goes_on_with_the_next_start_and_takes_no_line_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = two_profiles(folder.path());
    let mut connection = schema::open(&place.file).expect("a ledger");
    import::take_over(&mut connection, &place, &mut import::Taken::new()).expect("taken over");
    let (whole, right) = (log_bytes(&place.file), version_and_lines(&place.file).1);
    let mut num_found = BTreeSet::new();
    for cut in (0..whole).step_by(HALF_A_FRAME).chain([whole]) {
        let copy = LedgerPlace { file: folder.path().join(format!("{cut}.sqlite")), kept_before: place.kept_before.clone() };
        crashed(&place.file, cut, &copy.file);
        num_found.insert(left_behind(&copy.file).1.len());
        assert_eq!(made_of(&copy), right, "{cut} of {whole} bytes");
    }
    // Nothing, one file, both.
    assert_eq!(num_found.len(), 3, "{num_found:?}");
}

#[test]
fn what_a_profile_had_not_yet_written_back_is_taken_over_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = two_profiles(folder.path());
    let (one, path) = (place.kept_before.as_deref().expect("a folder").join("one.sqlite"), folder.path().join("killed.sqlite"));
    version_1_at(&path);
    let killed = Connection::open(&path).expect("opens");
    let last = "PRAGMA journal_mode = WAL; UPDATE parkings SET note = 'the last' WHERE parking_id = 1";
    killed.execute_batch(last).expect("written");
    assert!(log_bytes(&path) > 0);
    crashed(&path, log_bytes(&path), &one);
    let left = left_behind(&one);
    let notes = made_of(&place).iter().filter(|line| line.contains("the last")).count();
    assert_eq!((notes, left_behind(&one)), (1, left), "and the file stays as it is");
}

#[test]
fn programs_that_start_at_once_agree_on_one_ledger() {
    let folder = tempfile::tempdir().expect("a folder");
    let undisturbed = |name: &str| {
        let place = two_profiles(&folder.path().join(name));
        if name == "old" {
            version_1_at(&place.file);
        }
        (made_of(&place), name.to_owned())
    };
    for (right, name) in ["new", "old"].map(undisturbed) {
        for round in 0..8 {
            let place = two_profiles(&folder.path().join(format!("{name}-{round}")));
            if name == "old" {
                version_1_at(&place.file);
            }
            let begin = Barrier::new(4);
            let keys: BTreeSet<String> = std::thread::scope(|scope| {
                let start = || {
                    begin.wait();
                    Ledger::open_at(&place).expect("a ledger").hash_key().id().to_owned()
                };
                let all: Vec<_> = (0..4).map(|_| scope.spawn(start)).collect();
                all.into_iter().map(|one| one.join().expect("opened")).collect()
            });
            assert_eq!((keys.len(), version_and_lines(&place.file).1), (1, right.clone()), "{name}, round {round}");
        }
    }
}

/// A ledger of version 1 with many more lines.
fn long_version_1_at(path: &Path) {
    version_1_at(path);
    let more = format!(
        "WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {MANY}) \
         INSERT INTO sends (run_id, cluster, channel, partition, offset, timestamp_ns, kind, target, hash, size_bytes, replay_count, replay_id, intended_ns) \
         SELECT 1, 'local', 'long-dlt', 0, i, i, 0, 'long', hex(randomblob(16)), 400, 1, 'long.' || i, i FROM numbers; \
         WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {MANY} / 6) \
         INSERT INTO parkings (cluster, channel, partition, offset, timestamp_ns, kind, note, operator, at_ns) \
         SELECT 'local', 'parked-dlt', 0, i, i, 0, 'all of them', 'ada', 1 FROM numbers"
    );
    Connection::open(path).and_then(|connection| connection.execute_batch(&more)).expect("written");
}

/// This test as another program, which opens the ledger in this file.
fn program(path: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this test's own path"));
    command.args([KILLED, "--exact"]).env(FILE_VARIABLE, path);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a child")
}

#[test]
fn a_program_that_is_killed_while_it_migrates_leaves_it_to_the_next() {
    if let Some(path) = std::env::var_os(FILE_VARIABLE) {
        open(Path::new(&path));
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(format!("{name}.sqlite"));
    long_version_1_at(&at("old"));
    let old = version_and_lines(&at("old"));
    std::fs::copy(at("old"), at("undisturbed")).expect("copied");
    let migrated = schema::open(&at("undisturbed")).expect("a ledger");
    let (right, whole) = (version_and_lines(&at("undisturbed")), log_bytes(&at("undisturbed")));
    drop(migrated);
    assert_eq!((right.0, right.1.len()), (2, old.1.len()));
    let mut num_in_the_middle = 0;
    for round in 0..NUM_KILLED {
        let path = at(&round.to_string());
        std::fs::copy(at("old"), &path).expect("copied");
        // In every other round two begin at once.
        let mut programs: Vec<Child> = (0..=round % 2).map(|_| program(&path)).collect();
        let deadline = Instant::now() + Duration::from_mins(1);
        while log_bytes(&path) <= whole * round / NUM_KILLED && programs.iter_mut().any(|program| program.try_wait().expect("a child").is_none()) {
            assert!(Instant::now() < deadline, "round {round}");
            std::thread::yield_now();
        }
        // SIGKILL on Unix: nothing is closed or flushed.
        for program in &mut programs {
            program.kill().expect("killed, or ended");
            program.wait().expect("ended");
        }
        let found = left_behind(&path);
        assert!(found == old || found == right, "round {round}: version {}, {} lines", found.0, found.1.len());
        num_in_the_middle += usize::from(found.0 == 1 && log_bytes(&path) > 0);
        open(&path);
        assert!(version_and_lines(&path) == right, "round {round}");
    }
    assert!(num_in_the_middle > 0, "each was killed too early or too late");
}
