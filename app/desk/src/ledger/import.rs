//! What version 1 wrote into one file a profile, taken over into the one ledger of all profiles.

use std::io;
use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::files::LedgerPlace;
use super::{LedgerError, schema, version_1};

const LET_READ: &str = "let the program read it, and what lies beside it";
const MOVE_AWAY: &str = "put a copy from before in its place, or move it away where it no longer matters what it says was sent";

/// Takes over what stands in each file and not here yet, each in one transaction; whether there was anything. The files stay as they are, and the old
/// program may still write to them: this is done before each run. One that cannot be read is an error: nobody would know what was sent from that
/// profile.
pub(super) fn take_over(into: &mut Connection, place: &LedgerPlace) -> Result<bool, LedgerError> {
    let unread = |error: io::Error| {
        let path = place.kept_before.clone().unwrap_or_default();
        LedgerError::Open { path, reason: format!("its folder cannot be read: {error}"), next_step: LET_READ }
    };
    let before = into.total_changes();
    for file in place.files_before().map_err(unread)? {
        take_over_one(into, &file).map_err(of_old_file)?;
    }
    Ok(into.total_changes() > before)
}

fn take_over_one(into: &mut Connection, file: &Path) -> Result<(), LedgerError> {
    let failed = |error: rusqlite::Error| LedgerError::Open {
        path: file.to_owned(),
        reason: format!("it cannot be taken over into the ledger of all profiles: {error}"),
        next_step: schema::next_step(&error),
    };
    let Some(from) = schema::open_version_1(file)? else { return Ok(()) };
    // All of it at one moment: a run that begins there while its lines are read is met the next time.
    let from = from.unchecked_transaction().map_err(failed)?;
    let transaction = into.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    version_1::pour(&from, "", &transaction, profile(file).as_deref()).map_err(failed)?;
    transaction.commit().map_err(failed)
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
}
