//! A new file of lines that somebody asks for: written beside and then renamed, for its owner only, bounded, and never over another.

use std::io::{self, BufWriter, Write as _};
use std::path::{Component, Path, PathBuf};

use switchboard_model::{FailureKind, OperationFailure, now_ns};

/// Lines of a file at most.
pub(crate) const LINES_MAX: u64 = 1_000_000;
/// Bytes of a file at most.
const BYTES_MAX: u64 = 1 << 30;
/// The folder beside the ledger in which files lie that are named without one.
const FOLDER: &str = "exports";

/// Where a file of this name is to lie, for what is exported beside this ledger; without a name it is called after what it holds and the time.
pub(crate) fn place(ledger: &Path, holds: &str, file: &str) -> Result<PathBuf, String> {
    let file = file.trim();
    let path = Path::new(file);
    let folder = ledger.parent().unwrap_or(Path::new("")).join(FOLDER);
    let path = if file.is_empty() {
        let name: String = instant().chars().take(19).filter(char::is_ascii_alphanumeric).collect();
        folder.join(format!("{holds}-{name}.jsonl"))
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

/// Now, RFC 3339.
fn instant() -> String {
    let now = time::OffsetDateTime::from_unix_timestamp_nanos(now_ns().into()).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    now.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}

/// A file that is being written. Dropped before it is finished, nothing is left of it.
pub(crate) struct NewFile {
    path: PathBuf,
    beside: Beside,
    file: BufWriter<std::fs::File>,
    num_lines: u64,
    num_bytes: u64,
}

impl NewFile {
    /// Begins it beside the place where it is to lie.
    pub(crate) fn make(path: &Path) -> Result<Self, OperationFailure> {
        let unwritten = |error: &io::Error| unwritten(path, error);
        if let Some(folder) = path.parent() {
            make_folder(folder).map_err(|error| unwritten(&error))?;
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let beside = path.with_file_name(name);
        let file = BufWriter::new(make(&beside).map_err(|error| unwritten(&error))?);
        Ok(Self { path: path.to_owned(), beside: Beside(beside), file, num_lines: 0, num_bytes: 0 })
    }

    /// Adds a line; `false` = the file has as much as it may have, and the line is not in it.
    pub(crate) fn line(&mut self, line: &str) -> Result<bool, OperationFailure> {
        if self.num_lines >= LINES_MAX || self.num_bytes >= BYTES_MAX {
            return Ok(false);
        }
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.write_all(b"\n"));
        written.map_err(|error| unwritten(&self.path, &error))?;
        self.num_lines += 1;
        self.num_bytes += line.len() as u64 + 1;
        Ok(true)
    }

    /// Lines that are in it.
    pub(crate) fn num_lines(&self) -> u64 {
        self.num_lines
    }

    /// Bytes that are in it.
    pub(crate) fn num_bytes(&self) -> u64 {
        self.num_bytes
    }

    /// Puts it into its place.
    pub(crate) fn finish(self) -> Result<(), OperationFailure> {
        let Self { path, beside, file, .. } = self;
        let file = file.into_inner().map_err(|error| unwritten(&path, error.error()))?;
        file.sync_all().map_err(|error| unwritten(&path, &error))?;
        drop(file);
        if path.symlink_metadata().is_ok() {
            return Err(failure(format!("{} was made by somebody else meanwhile", path.display()), "Choose another name"));
        }
        std::fs::rename(&beside.0, &path).map_err(|error| unwritten(&path, &error))
    }
}

/// A file that is gone again unless it was renamed.
struct Beside(PathBuf);

impl Drop for Beside {
    fn drop(&mut self) {
        // After it was renamed there is none.
        drop(std::fs::remove_file(&self.0));
    }
}

fn unwritten(path: &Path, error: &io::Error) -> OperationFailure {
    failure(format!("{} could not be written: {error}", path.display()), "Choose another place, or make room on its disk")
}

/// Why there is no such file, and what to do.
pub(crate) fn failure(reason: impl Into<String>, next_step: &str) -> OperationFailure {
    OperationFailure { kind: FailureKind::Internal, reason: reason.into(), next_step: next_step.to_owned() }
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
