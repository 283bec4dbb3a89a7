//! What version 1 wrote into one file a profile, taken over into the one ledger of all profiles.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, TransactionBehavior};

use super::files::LedgerPlace;
use super::{LedgerError, schema, version_1};

const LET_READ: &str = "let the program read it, and make files beside it";
const LOOK_INTO: &str = "let the program read it and what lies in it";
const MOVE_AWAY: &str = "put a copy from before in its place, or move it away where it no longer matters what it says was sent";
const LOOK_AFTER_BOTH: &str = "look after both files and try again";
/// The times of files are told in steps of up to so much (FAT): within one a file may change twice and look as it did.
const STEP: Duration = Duration::from_secs(2);

/// A file that nobody writes to, as it looks from outside.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct AtRest {
    size_bytes: u64,
    written: SystemTime,
}

impl AtRest {
    /// `None` = it is in use, or may be: it was written to just now, or beside it lies what is not in it yet, as the old program leaves it while
    /// it is open, and where it was killed.
    fn of(file: &Path) -> Option<Self> {
        // What `SQLite` writes lies beside the file itself, whatever leads to it.
        let file = std::fs::canonicalize(file).ok()?;
        let found = std::fs::metadata(&file).ok()?;
        let at_rest = Self { size_bytes: found.len(), written: found.modified().ok()? };
        let is_empty = |end: &str| {
            let mut beside = file.clone().into_os_string();
            beside.push(end);
            match std::fs::metadata(beside) {
                Ok(found) => found.len() == 0,
                Err(error) => error.kind() == io::ErrorKind::NotFound,
            }
        };
        let is_long_past = at_rest.written.elapsed().is_ok_and(|age| age > STEP);
        (is_long_past && is_empty("-wal") && is_empty("-journal")).then_some(at_rest)
    }
}

/// Files that were taken over while they were at rest: one that looks as it did says nothing new.
pub(super) type Taken = BTreeMap<PathBuf, AtRest>;

/// Takes over what stands in each file and not here yet, each in one transaction. The files stay as they are, and the old program may still write to
/// them: this is done before each run. One that cannot be read is an error: nobody would know what was sent from that profile. What was taken
/// over before it stands.
pub(super) fn take_over(into: &mut Connection, place: &LedgerPlace, taken: &mut Taken) -> Result<(), LedgerError> {
    let unread = |error: io::Error| {
        let path = place.kept_before.clone().unwrap_or_default();
        LedgerError::Open { path, reason: format!("its folder cannot be read: {error}"), next_step: LOOK_INTO }
    };
    for file in place.files_before().map_err(unread)? {
        let at_rest = AtRest::of(&file);
        if at_rest.is_some() && taken.get(&file) == at_rest.as_ref() {
            continue;
        }
        let old = OldFile { path: &file, ledger: &place.file };
        // Nothing keeps others from writing to what is read at rest: where somebody did, what was read may not fit together, and is not kept.
        let is_undisturbed = || AtRest::of(&file) == at_rest;
        if let Some(at_rest) = at_rest {
            let done = old.take_over(into, true, is_undisturbed);
            if is_undisturbed() {
                done?;
                taken.insert(file, at_rest);
                continue;
            }
        }
        old.take_over(into, false, || true)?;
    }
    Ok(())
}

/// A file of version 1, and the ledger that takes it over.
struct OldFile<'a> {
    path: &'a Path,
    ledger: &'a Path,
}

impl OldFile<'_> {
    fn take_over(&self, into: &mut Connection, is_at_rest: bool, is_undisturbed: impl Fn() -> bool) -> Result<(), LedgerError> {
        let Some(from) = schema::open_version_1(self.path, is_at_rest).map_err(of_old_file)? else { return Ok(()) };
        // All of it at one moment: a run that begins there while its lines are read is met the next time.
        let from = from.unchecked_transaction().map_err(|error| self.unread(&error))?;
        let unwritten = |error: rusqlite::Error| self.untaken(&error, schema::next_step(&error));
        let transaction = into.transaction_with_behavior(TransactionBehavior::Immediate).map_err(unwritten)?;
        version_1::pour(&from, "", &transaction, profile(self.path).as_deref()).map_err(|error| self.unpoured(&error))?;
        if is_undisturbed() { transaction.commit().map_err(unwritten) } else { Ok(()) }
    }

    fn unread(&self, error: &rusqlite::Error) -> LedgerError {
        of_old_file(LedgerError::Open { path: self.path.to_owned(), reason: format!("it cannot be read: {error}"), next_step: schema::next_step(error) })
    }

    /// Either of the two may have failed.
    fn unpoured(&self, error: &rusqlite::Error) -> LedgerError {
        let next_step = match schema::next_step(error) {
            next_step @ (schema::LET_GO | schema::MAKE_ROOM) => next_step,
            _ => LOOK_AFTER_BOTH,
        };
        self.untaken(error, next_step)
    }

    fn untaken(&self, error: &rusqlite::Error, next_step: &'static str) -> LedgerError {
        let reason = format!("what stands in {} cannot be taken over: {error}", self.path.display());
        LedgerError::Open { path: self.ledger.to_owned(), reason, next_step }
    }
}

/// The profile that wrote this file, where its name says it: one that is no plain word was changed into one, with a tag at its end.
fn profile(file: &Path) -> Option<String> {
    let name = file.file_stem()?.to_str()?;
    let is_tag = |tag: &str| tag.len() == 8 && tag.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_changed = name.rsplit_once('-').is_some_and(|(_, tag)| is_tag(tag));
    (!is_changed).then(|| name.to_owned())
}

/// What to do about a file of version 1: never to name another ledger, which would know nothing of all that was sent.
fn of_old_file(error: LedgerError) -> LedgerError {
    match error {
        LedgerError::Open { path, reason, next_step } => {
            let next_step = match next_step {
                schema::LET_GO | schema::MAKE_ROOM | schema::LOOK_AFTER => next_step,
                schema::LET_WRITE => LET_READ,
                _ => MOVE_AWAY,
            };
            LedgerError::Open { path, reason, next_step }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_tells_its_profile_where_the_name_was_not_changed() {
        for (file, told) in [
            ("shop.sqlite", Some("shop")),
            ("compose-local.sqlite", Some("compose-local")),
            ("shop-2.sqlite", Some("shop-2")),
            ("_y__hop-0b5e77aa.sqlite", None),
            ("-00000000.sqlite", None),
        ] {
            assert_eq!(profile(&Path::new("ledgers").join(file)).as_deref(), told, "{file}");
        }
    }

    #[test]
    fn what_was_read_while_somebody_wrote_to_it_is_not_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, ledger) = (folder.path().join("shop.sqlite"), folder.path().join("ledger.sqlite"));
        std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ledger-v1.sqlite"), &file).expect("copied");
        let mut into = schema::open(&ledger).expect("a ledger");
        let old = OldFile { path: &file, ledger: &ledger };
        for (is_undisturbed, right) in [(false, 0), (true, 17)] {
            old.take_over(&mut into, true, || is_undisturbed).expect("read");
            let num_sends: i64 = into.query_row("SELECT count(*) FROM sends", [], |row| row.get(0)).expect("counted");
            assert_eq!(num_sends, right);
        }
    }
}
