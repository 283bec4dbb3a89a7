//! What is listed, written into a file as JSON, a line each. Nothing is ever written over: a name that is taken is refused.

use std::path::{Path, PathBuf};

use switchboard_model::{OperationFailure, Progress};

use super::query::LedgerFilter;
use super::reading::{Reading, Unread};
use crate::new_file::{self, NewFile, failure};
use crate::operations::Teller;

/// Lines between two words of how far it is.
const TOLD_EVERY: u64 = 1_000;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Where.
    pub path: PathBuf,
    /// Runs, refusals and sends, a line each.
    pub num_lines: u64,
    /// Whether there were more than a file may have: the newest are in it.
    pub is_cut: bool,
}

/// How far the last export is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportState {
    /// It goes on.
    Writing {
        /// Where to.
        path: PathBuf,
    },
    /// It was written.
    Done(Exported),
    /// It was not; why, and what to do.
    Failed(String),
}

/// Where a file of this name is to lie.
pub(super) fn place(ledger: &Path, file: &str) -> Result<PathBuf, String> {
    new_file::place(ledger, "ledger", file)
}

/// Writes what passes the filter, beside the place and then into it.
pub(super) fn write(ledger: &Path, filter: &LedgerFilter, path: &Path, teller: &Teller<()>) -> Result<Exported, OperationFailure> {
    let mut reading = Reading::open(ledger).map_err(unread)?;
    let mut file = NewFile::make(path)?;
    let (mut is_cut, mut failed) = (false, None);
    reading
        .each(filter, |line| {
            match file.line(&line.to_string()) {
                Ok(true) => {}
                Ok(false) => {
                    is_cut = true;
                    return Ok(false);
                }
                Err(failure) => {
                    failed = Some(failure);
                    return Ok(false);
                }
            }
            if file.num_lines().is_multiple_of(TOLD_EVERY) {
                teller.progress(Progress { done: file.num_lines(), total: None, unit: "lines" });
            }
            Ok(!teller.is_cancelled())
        })
        .map_err(unread)?;
    if let Some(failure) = failed {
        return Err(failure);
    }
    if teller.is_cancelled() {
        return Err(failure("It was stopped; nothing is left of it", ""));
    }
    let num_lines = file.num_lines();
    file.finish()?;
    teller.progress(Progress { done: num_lines, total: Some(num_lines), unit: "lines" });
    Ok(Exported { path: path.to_owned(), num_lines, is_cut })
}

fn unread(error: Unread) -> OperationFailure {
    match error {
        Unread::Nothing => failure("There is no ledger yet: nothing was sent", ""),
        Unread::Failed { reason, next_step } => failure(reason, &next_step),
        Unread::Interrupted => failure("Reading was interrupted", "Try again"),
    }
}
