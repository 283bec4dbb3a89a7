//! What version 1 wrote into one file a profile, taken over into the one ledger of all profiles.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::files::LedgerPlace;
use super::{LedgerError, schema, version_1};

const MOVE_AWAY: &str = "put a copy from before in its place, or move it away where it no longer matters what it says was sent";

/// Takes over what stands in each file that is met for the first time, each in one transaction. The files stay as they are. One that cannot be
/// read is an error: nobody would know what was sent from that profile.
pub(super) fn take_over(into: &mut Connection, place: &LedgerPlace) -> Result<(), LedgerError> {
    let unread = |error: std::io::Error| {
        let path = place.kept_before.clone().unwrap_or_default();
        LedgerError::Open { path, reason: format!("its folder cannot be read: {error}"), next_step: MOVE_AWAY }
    };
    for file in place.files_before().map_err(unread)? {
        take_over_one(into, &file)?;
    }
    Ok(())
}

fn take_over_one(into: &mut Connection, file: &Path) -> Result<(), LedgerError> {
    let failed = |error: rusqlite::Error| LedgerError::Open {
        path: file.to_owned(),
        reason: format!("it cannot be taken over into the ledger of all profiles: {error}"),
        next_step: schema::next_step(&error),
    };
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_done = |connection: &Connection| connection.prepare("SELECT 1 FROM imports WHERE file = ?")?.exists([&name]);
    if is_done(into).map_err(failed)? {
        return Ok(());
    }
    let Some(from) = schema::open_version_1(file)? else { return Ok(()) };
    // Another window may be at it.
    let transaction = into.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    if is_done(&transaction).map_err(failed)? {
        return Ok(());
    }
    let profile = file.file_stem().unwrap_or_default().to_string_lossy();
    version_1::pour(&from, "", &transaction, Some(&profile)).map_err(failed)?;
    transaction.execute("INSERT INTO imports (file) VALUES (?)", [&name]).map_err(failed)?;
    transaction.commit().map_err(failed)
}
