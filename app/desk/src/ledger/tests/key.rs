//! The key under which the ledger hashes what is sent: kept over restarts, for its owner alone, and missed when it is not whole.

use switchboard_model::{OutgoingRecord, Route};

use super::*;
use crate::ledger::schema;

fn record() -> OutgoingRecord {
    OutgoingRecord {
        channel: "orders.placed".into(),
        route: Route::Key,
        key: Some(b"4711".to_vec()),
        value: Some(b"{\"password\":\"hunter2\"}".to_vec()),
        headers: Vec::new(),
        timestamp_ms: None,
    }
}

fn hash(ledger: &Ledger) -> String {
    format!("{:032x}", ledger.hash_key().hash(&record()).0)
}

#[test]
fn a_hash_that_was_written_down_is_that_of_the_same_bytes_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, ledger, run_id) = begun(folder.path());
    wait(ledger.intend(Intent { hash: hash(&ledger), ..intent(run_id, 1) })).expect("written");
    drop(ledger);
    let again = open(&path);
    let line = wait(again.lines(1)).expect("lines").remove(0);
    assert_eq!((line.hash, line.key_id.as_deref()), (hash(&again), Some(again.hash_key().id())));
    let other = open(&folder.path().join("other.sqlite"));
    assert_ne!(hash(&other), hash(&again), "each ledger has a key of its own");
}

#[test]
fn two_that_open_a_new_ledger_at_once_agree_on_its_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("local.sqlite");
    drop(schema::open(&path).expect("made"));
    let hashes: Vec<String> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..4).map(|_| scope.spawn(|| hash(&open(&path)))).collect();
        all.into_iter().map(|one| one.join().expect("opened")).collect()
    });
    assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
}

#[cfg(unix)]
#[test]
fn a_key_is_its_owners_alone_whatever_lay_there_before() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let mode = |path: &Path| std::fs::symlink_metadata(path).expect("there").permissions().mode();
    let let_all_read = |path: &Path| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).expect("set");
    std::fs::write(at("left.key.new"), "what a killed program left").expect("written");
    let_all_read(&at("left.key.new"));
    std::fs::write(at("elsewhere"), "of another").expect("written");
    symlink(at("elsewhere"), at("link.key.new")).expect("linked");
    for name in ["left", "link"] {
        let path = at(&format!("{name}.sqlite"));
        let (right, key_path) = (hash(&open(&path)), at(&format!("{name}.key")));
        assert_eq!(mode(&key_path), 0o100_600, "{name}: {:o}", mode(&key_path));
        // As after it was copied.
        let_all_read(&key_path);
        assert_eq!(hash(&open(&path)), right);
        assert_eq!(mode(&key_path), 0o100_600, "{name}: {:o}", mode(&key_path));
    }
    assert_eq!(std::fs::read_to_string(at("elsewhere")).expect("read"), "of another");
}

#[test]
fn a_key_that_is_not_whole_is_told_with_what_to_do_and_without_it_nothing_is_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, ledger, _) = begun(folder.path());
    let (key_path, right) = (folder.path().join("local.key"), hash(&ledger));
    let whole = std::fs::read(&key_path).expect("made");
    assert!(!format!("{:?} {}", ledger.hash_key(), ledger.hash_key().id()).as_bytes().windows(4).any(|part| part == &whole[..4]), "the key is told");
    let mut changed = whole.clone();
    changed[3] ^= 4;
    for bytes in [&[][..], &whole[..16], &changed, &[&whole[..], b"\n"].concat()] {
        std::fs::write(&key_path, bytes).expect("written");
        let told = Ledger::open(&path).err().expect("refused").to_string();
        assert!(told.contains("local.key") && told.contains("damaged") && told.contains("Nothing is sent without it; put a copy from before"), "{told}");
        assert_eq!(std::fs::read(&key_path).expect("left as it is"), bytes);
    }
    std::fs::remove_file(&key_path).expect("taken away");
    std::fs::create_dir(&key_path).expect("made");
    assert!(Ledger::open(&path).is_err());
    std::fs::remove_dir(&key_path).expect("taken away");
    std::fs::write(&key_path, &whole).expect("put back");
    assert_eq!(hash(&open(&path)), right);
    std::fs::remove_file(&key_path).expect("taken away");
    assert_ne!(hash(&open(&path)), right, "one that is lost is made anew");
}

#[test]
fn a_key_that_was_being_made_when_the_program_was_killed_is_made_by_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, left) in [("none", &b""[..]), ("part", &[7; 9]), ("whole", &[7; 24]), ("more", &[7; 99])] {
        let path = folder.path().join(format!("{name}.sqlite"));
        drop(schema::open(&path).expect("made"));
        std::fs::write(path.with_extension("key.new"), left).expect("written");
        let right = hash(&open(&path));
        assert_eq!(hash(&open(&path)), right, "{name}");
        assert_eq!(std::fs::metadata(path.with_extension("key")).expect("made").len(), 24, "{name}");
        assert!(!path.with_extension("key.new").exists(), "{name}");
    }
}

#[test]
fn a_key_beside_a_ledger_of_version_1_is_its_key_once_it_is_of_this_version() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, ledger, _) = begun(folder.path());
    let old = folder.path().join("old.sqlite");
    std::fs::write(&old, fixture()).expect("written");
    std::fs::copy(folder.path().join("local.key"), folder.path().join("old.key")).expect("copied");
    assert_eq!(hash(&open(&old)), hash(&ledger));
}
