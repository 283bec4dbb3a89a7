//! What is listed, written into a file as JSON, a line each. Nothing is ever written over: a name that is taken is refused.

use std::io::{self, BufWriter, Write as _};
use std::path::{Component, Path, PathBuf};

use switchboard_model::FailureKind;
use switchboard_model::{OperationFailure, Progress, now_ns};

use super::page::instant;
use super::query::LedgerFilter;
use super::reading::{Reading, Unread};
use crate::operations::Teller;

/// Lines of a file at most.
const LINES_MAX: u64 = 1_000_000;
/// Bytes of a file at most.
const BYTES_MAX: u64 = 1 << 30;
/// Lines between two words of how far it is.
const TOLD_EVERY: u64 = 1_000;
/// The folder beside the ledger in which files lie that are named without one.
const FOLDER: &str = "exports";

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
    let file = file.trim();
    let path = Path::new(file);
    let folder = ledger.parent().unwrap_or(Path::new("")).join(FOLDER);
    let path = if file.is_empty() {
        let name: String = instant(now_ns()).chars().take(19).filter(char::is_ascii_alphanumeric).collect();
        folder.join(format!("ledger-{name}.jsonl"))
    } else if path.is_absolute() {
        path.to_owned()
    } else if path.components().all(|part| matches!(part, Component::Normal(_))) {
        folder.join(path)
    } else {
        return Err(format!("`{}` leads out of the folder {}; write a name, or a whole path", shown(file), folder.display()));
    };
    if path.file_name().is_none() || file.ends_with(['/', '\\']) {
        return Err(format!("`{}` is a folder; write the name of a file", shown(file)));
    }
    if path.symlink_metadata().is_ok() {
        return Err(format!("{} is there already and is not written over; choose another name", path.display()));
    }
    Ok(path)
}

/// Writes what passes the filter, beside the place and then into it.
pub(super) fn write(ledger: &Path, filter: &LedgerFilter, path: &Path, teller: &Teller<()>) -> Result<Exported, OperationFailure> {
    let mut reading = Reading::open(ledger).map_err(unread)?;
    let written = |error: &io::Error| failure(format!("{} could not be written: {error}", path.display()), "Choose another place, or make room on its disk");
    if let Some(folder) = path.parent() {
        make_folder(folder).map_err(|error| written(&error))?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = Beside(path.with_file_name(name));
    let mut file = BufWriter::new(make(&beside.0).map_err(|error| written(&error))?);
    let (mut num_lines, mut num_bytes, mut is_cut) = (0_u64, 0_u64, false);
    let mut failed = None;
    reading
        .each(filter, |line| {
            if num_lines >= LINES_MAX || num_bytes >= BYTES_MAX {
                is_cut = true;
                return Ok(false);
            }
            let line = format!("{line}\n");
            if let Err(error) = file.write_all(line.as_bytes()) {
                failed = Some(error);
                return Ok(false);
            }
            num_lines += 1;
            num_bytes += line.len() as u64;
            if num_lines.is_multiple_of(TOLD_EVERY) {
                teller.progress(Progress { done: num_lines, total: None, unit: "lines" });
            }
            Ok(!teller.is_cancelled())
        })
        .map_err(unread)?;
    if let Some(error) = failed {
        return Err(written(&error));
    }
    if teller.is_cancelled() {
        return Err(failure("It was stopped; nothing is left of it", ""));
    }
    let file = file.into_inner().map_err(|error| written(error.error()))?;
    file.sync_all().map_err(|error| written(&error))?;
    drop(file);
    if path.symlink_metadata().is_ok() {
        return Err(failure(format!("{} was made by somebody else meanwhile", path.display()), "Choose another name"));
    }
    std::fs::rename(&beside.0, path).map_err(|error| written(&error))?;
    teller.progress(Progress { done: num_lines, total: Some(num_lines), unit: "lines" });
    Ok(Exported { path: path.to_owned(), num_lines, is_cut })
}

/// A file that is gone again unless it was renamed.
struct Beside(PathBuf);

impl Drop for Beside {
    fn drop(&mut self) {
        // After it was renamed there is none.
        drop(std::fs::remove_file(&self.0));
    }
}

fn failure(reason: impl Into<String>, next_step: &str) -> OperationFailure {
    OperationFailure { kind: FailureKind::Internal, reason: reason.into(), next_step: next_step.to_owned() }
}

fn unread(error: Unread) -> OperationFailure {
    match error {
        Unread::Nothing => failure("There is no ledger yet: nothing was sent", ""),
        Unread::Failed { reason, next_step } => failure(reason, &next_step),
        Unread::Interrupted => failure("Reading was interrupted", "Try again"),
    }
}

/// For its owner only.
fn make(path: &Path) -> io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
}

fn shown(name: &str) -> String {
    name.chars().take(120).collect::<String>().escape_debug().to_string()
}
