//! What a file, its disk and its neighbours can do to a ledger. Whatever it is, it is told with the file's name and what to do about
//! it, nothing waits longer than a file may be held, and nothing that was sent is sent again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::*;
use crate::ledger::{import, schema};

/// A step waits 2 s for a file that is held; generous, for a machine may be busy.
const HELD: Duration = Duration::from_secs(20);

/// Its letters that must not be sent again, and what their clusters call themselves.
fn held(folder: &Path) -> Vec<(LetterKey, String)> {
    let path = folder.join("whole.sqlite");
    std::fs::write(&path, fixture()).expect("written");
    let letters = open(&path).letters();
    let is_held = |record: &LetterRecord| !record.state.is_open() && !matches!(record.state, LetterState::Parked(_));
    letters.iter().filter(|(_, record)| is_held(record)).map(|(letter, record)| (letter.clone(), record.cluster_id.clone())).collect()
}

/// Opens a file with these bytes: `None` where it is refused, with its name and what to do.
#[track_caller]
fn open_with(path: &Path, bytes: &[u8], what: &str) -> Option<Ledger> {
    std::fs::write(path, bytes).expect("written");
    let told = match Ledger::open(path) {
        Ok(ledger) => return Some(ledger),
        Err(error) => error.to_string(),
    };
    assert!(told.contains(&path.display().to_string()) && told.contains(". Nothing is sent without it; "), "{what}: {told}");
    None
}

/// Intends so many letters at once, so that they share commits.
fn intend_together(ledger: &Ledger, run_id: RunId, num: i64, let_go: impl FnOnce()) -> BTreeMap<i64, Result<SendId, LedgerError>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let mut all = JoinSet::new();
        for offset in 0..num {
            let ledger = ledger.clone();
            all.spawn(async move { (offset, ledger.intend(intent(run_id, offset)).await) });
        }
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        let_go();
        all.join_all().await.into_iter().collect()
    })
}

/// The same ledger, as this version writes it.
fn fixture_of_today(folder: &Path) -> Vec<u8> {
    let path = folder.join("today.sqlite");
    std::fs::write(&path, fixture()).expect("written");
    let connection = schema::open(&path).expect("opens");
    connection.execute_batch("VACUUM; PRAGMA journal_mode = DELETE").expect("one file");
    drop(connection);
    std::fs::read(&path).expect("read")
}

#[test]
fn a_byte_that_changes_on_the_disk_lets_nothing_be_sent_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let held = held(folder.path());
    assert_eq!(held.len(), 13);
    for (version, whole) in [(1, fixture()), (2, fixture_of_today(folder.path()))] {
        assert_eq!(whole[63], version);
        // Most of a small file is empty, and means nothing.
        let all = (0..whole.len()).filter(|at| whole[*at] != 0).step_by(29);
        // What tells clusters apart is in few of its bytes: the last of `lkc-1`.
        let of_clusters = (4..whole.len()).filter(|at| whole[..*at].ends_with(b"lkc-"));
        no_letter_is_sent_twice_from_changed(folder.path(), &whole, &held, all.chain(of_clusters).collect());
    }
}

/// Changes a bit of each of these bytes, one after the other.
fn no_letter_is_sent_twice_from_changed(folder: &Path, whole: &[u8], held: &[(LetterKey, String)], places: Vec<usize>) {
    let (mut num_refused, mut num_opened) = (0, 0);
    for (number, at) in places.into_iter().enumerate() {
        let mut bytes = whole.to_vec();
        bytes[at] ^= 1 << (number % 8);
        let what = format!("bit {} of byte {at} of version {}", number % 8, whole[63]);
        let path = folder.join(format!("{at} of version {}.sqlite", whole[63]));
        let Some(ledger) = open_with(&path, &bytes, &what) else {
            num_refused += 1;
            continue;
        };
        num_opened += 1;
        let mut runs = BTreeMap::new();
        for (letter, cluster_id) in held {
            let run = NewRun { cluster: letter.at.cluster.clone(), cluster_id: cluster_id.clone(), ..new_run(&format!("r-after {cluster_id}")) };
            // Where not even a run can be written, nothing is sent.
            let Ok(run_id) = runs.entry(cluster_id).or_insert_with(|| wait(ledger.begin_run(run))).clone() else { continue };
            let again = Intent { letter: letter.clone(), ..intent(run_id, 1) };
            assert!(wait(ledger.intend(again)).is_err(), "{what}: {letter} would be sent twice");
        }
    }
    assert!(num_refused > 20 && num_opened > 20, "{num_refused} refused, {num_opened} opened");
}

#[test]
fn a_file_that_is_cut_off_is_refused_and_not_taken_for_a_new_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = fixture();
    for length in [1, 15, 16, 99, 100, 511, 512, 4_095, 4_096, 4_097, whole.len() / 2, whole.len() - 4_096, whole.len() - 1] {
        let path = folder.path().join(format!("{length}.sqlite"));
        assert!(open_with(&path, &whole[..length], &format!("{length} bytes")).is_none(), "{length} bytes of {}", whole.len());
        assert_eq!(std::fs::read(&path).expect("read"), whole[..length], "left as it is");
    }
}

#[test]
fn damage_that_shows_while_it_is_open_is_told_and_nothing_more_is_intended() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, ledger, run_id) = begun(folder.path());
    wait(ledger.intend(intent(run_id, 1))).expect("written");
    // Another program takes away what the next line goes into.
    rusqlite::Connection::open(&path).and_then(|other| other.execute_batch("ALTER TABLE sends RENAME TO gone")).expect("taken away");
    let told = wait(ledger.intend(intent(run_id, 2))).expect_err("not written").to_string();
    assert!(told.contains("local.sqlite could not be written") && told.contains("Nothing more is sent; "), "{told}");
    assert!(state(&ledger, 2).is_open());
    assert_eq!(state(&ledger, 1), LetterState::Sent(SentState::Possibly), "what is known stays known");
}

#[test]
fn a_file_that_another_program_holds_is_told_in_time_and_used_once_it_is_let_go() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["new.sqlite", "old.sqlite"] {
        let path = folder.path().join(name);
        if name == "old.sqlite" {
            drop(open(&path));
        }
        let holder = rusqlite::Connection::open(&path).expect("opens");
        holder.execute_batch("BEGIN EXCLUSIVE").expect("held");
        let begun = Instant::now();
        let told = Ledger::open(&path).err().expect("held").to_string();
        assert!(begun.elapsed() < HELD, "{:?}", begun.elapsed());
        assert!(told.contains(name) && told.contains("locked") && told.contains("close the other program"), "{told}");
        holder.execute_batch("ROLLBACK").expect("let go");
        let ledger = open(&path);
        wait(ledger.begin_run(new_run("r-1"))).expect("written");
    }
}

#[test]
fn all_that_wait_for_a_file_wait_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, ledger, run_id) = begun(folder.path());
    let holder = rusqlite::Connection::open(&path).expect("opens");
    holder.execute_batch("BEGIN IMMEDIATE").expect("held");
    let begun = Instant::now();
    let told = intend_together(&ledger, run_id, 60, || {});
    // One after the other they would wait for two minutes.
    assert!(begun.elapsed() < HELD, "{:?}", begun.elapsed());
    holder.execute_batch("ROLLBACK").expect("let go");
    for (offset, told) in told {
        let error = told.expect_err("held").to_string();
        assert!(error.contains("local.sqlite could not be written") && error.contains("close the other program"), "{error}");
        wait(ledger.intend(intent(run_id, offset))).expect("not sent before");
    }
}

/// A ledger that cannot grow by more than so many pages, as on a disk that is nearly full.
fn on_a_full_disk(path: &Path, num_pages: i64) -> Ledger {
    let connection = schema::open(path).expect("opens");
    let num_now: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).expect("counted");
    connection.execute_batch(&format!("PRAGMA max_page_count = {}", num_now + num_pages)).expect("set");
    Ledger::on(&LedgerPlace::own(path), connection, import::Taken::new()).expect("a ledger")
}

#[test]
fn a_disk_that_fills_up_in_a_shared_commit_leaves_none_of_it_and_all_are_told() {
    const NUM: i64 = 150;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("local.sqlite");
    let ledger = on_a_full_disk(&path, 4);
    let run_id = wait(ledger.begin_run(new_run("r-1"))).expect("written");
    let holder = rusqlite::Connection::open(&path).expect("opens");
    holder.execute_batch("BEGIN IMMEDIATE").expect("held");
    let told = intend_together(&ledger, run_id, NUM, || holder.execute_batch("ROLLBACK").expect("let go"));
    assert_eq!(told.len(), NUM as usize);
    assert!(told.values().any(Result::is_err), "all of it fits");
    // There is room again.
    let again = open(&path);
    let next_run = wait(again.begin_run(new_run("r-2"))).expect("written");
    for (offset, told) in told {
        let stands = told.is_ok();
        assert_eq!((ledger.letter(&letter(offset)).is_some(), again.letter(&letter(offset)).is_some()), (stands, stands), "{offset}: {told:?}");
        assert_eq!(wait(again.intend(intent(next_run, offset))).is_ok(), !stands, "{offset}: {told:?}");
        if let Err(error) = told {
            let error = error.to_string();
            assert!(error.contains("local.sqlite could not be written") && error.contains("full") && error.contains("make room on its disk"), "{error}");
        }
    }
}

#[test]
fn letters_are_put_aside_together_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("local.sqlite");
    let ledger = on_a_full_disk(&path, 4);
    let letters: Vec<_> = (0..300).map(|offset| (letter(offset), kind())).collect();
    let told = wait(ledger.park(letters.clone(), Some("too long to fit ".repeat(50)), "ada", T)).expect_err("does not fit").to_string();
    assert!(told.contains("make room on its disk"), "{told}");
    let again = open(&path);
    assert!(again.letters().is_empty() && ledger.letters().is_empty());
    wait(again.park(letters, Some("short".into()), "ada", T)).expect("there is room again");
    assert_eq!(state(&again, 299), LetterState::Parked("short".into()));
}

#[test]
fn what_was_composed_is_written_down_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("local.sqlite");
    let ledger = on_a_full_disk(&path, 6);
    let composed = |number: i64| ComposedIntent {
        target_kind: TargetKind::Http,
        target: "http://localhost:8080".into(),
        call: "POST /checkout".into(),
        partition: None,
        hash: format!("{number:032x}"),
        size_bytes: 68,
        send_name: format!("s-{number}"),
        at_ns: T + number,
    };
    let run_id = wait(ledger.begin_run(new_run("s-0"))).expect("written");
    let block: Vec<ComposedIntent> = (0..500).map(composed).collect();
    let told = wait(ledger.intend_composed(run_id, block.clone())).expect_err("does not fit").to_string();
    assert!(told.contains("local.sqlite could not be written") && told.contains("Nothing more is sent; make room on its disk"), "{told}");
    let lines = |ledger: &Ledger| wait(ledger.lines(10_000)).expect("lines").len();
    assert_eq!(lines(&open(&path)), 0);
    let mut num_begun = 0;
    let told = loop {
        match wait(ledger.begin_call(new_run(&format!("s-{}", num_begun + 1)), composed(num_begun))) {
            Ok(_) => num_begun += 1,
            Err(error) => break error.to_string(),
        }
    };
    assert!(num_begun > 0 && told.contains("make room on its disk"), "{num_begun} {told}");
    let again = open(&path);
    assert_eq!(lines(&again), num_begun as usize, "each that may go has its line, and no other has one");
    let run_id = wait(again.begin_run(new_run("s-again"))).expect("there is room again");
    assert_eq!(wait(again.intend_composed(run_id, block)).expect("written").len(), 500);
}

#[test]
fn where_it_cannot_lie_is_told_with_its_name_and_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("file"), "").expect("written");
    // What is written first goes beside it, where something else lies.
    drop(open(&at("side.sqlite")));
    let side = at("side.sqlite-wal");
    let deadline = Instant::now() + HELD;
    // The thread of the ledger takes it away a moment after the last handle is gone.
    while side.exists() {
        assert!(Instant::now() < deadline, "the ledger is not closed");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::fs::create_dir(&side).expect("made");
    let mut places: Vec<PathBuf> = vec![at("file/local.sqlite"), at("side.sqlite")];
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::os::unix::fs::symlink(folder.path(), at("link.sqlite")).expect("linked");
        places.push(at("link.sqlite"));
        std::fs::create_dir(at("closed")).expect("made");
        std::fs::set_permissions(at("closed"), std::fs::Permissions::from_mode(0o500)).expect("closed");
        // Root may write anywhere.
        if std::fs::File::create(at("closed/tried")).is_err() {
            places.push(at("closed/local.sqlite"));
        }
    }
    #[cfg(target_os = "linux")]
    places.push(PathBuf::from("/proc/self/local.sqlite"));
    for path in places {
        let told = Ledger::open(&path).err().unwrap_or_else(|| panic!("{} was opened", path.display())).to_string();
        let says_what_to_do = ["let the program write to it", "name another file"].iter().any(|step| told.contains(step));
        assert!(told.contains(&path.display().to_string()) && told.contains("Nothing is sent without it; ") && says_what_to_do, "{told}");
    }
}

#[cfg(unix)]
#[test]
fn a_ledger_by_another_name_is_the_same_ledger() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("real")).expect("made");
    std::os::unix::fs::symlink(at("real"), at("folder")).expect("linked");
    std::os::unix::fs::symlink(at("real/local.sqlite"), at("file.sqlite")).expect("linked");
    let ledger = open(&at("real/local.sqlite"));
    let run_id = wait(ledger.begin_run(new_run("r-1"))).expect("written");
    wait(ledger.intend(intent(run_id, 7))).expect("written");
    for name in ["folder/local.sqlite", "file.sqlite"] {
        let other = open(&at(name));
        assert_eq!(state(&other, 7), LetterState::Sent(SentState::Possibly), "{name}");
        assert_eq!(wait(other.intend(intent(run_id, 7))), Err(LedgerError::SentBefore { letter: letter(7) }), "{name}");
    }
}
