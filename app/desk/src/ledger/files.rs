//! Where ledgers lie: one file for all profiles in the platform's folder for data, so that what was sent from one is known to the
//! others, unless a profile names a file of its own. Which folder that is, whoever starts the session says: nothing here looks for it, so that
//! no test opens the ledger of whoever runs it.

use std::io;
use std::path::{Path, PathBuf};

/// Where a ledger lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerPlace {
    /// The file.
    pub file: PathBuf,
    /// The folder in which version 1 kept one file a profile: what stands in these is taken over. `None` = nothing is.
    pub kept_before: Option<PathBuf>,
}

impl LedgerPlace {
    /// The one for all profiles, in this folder for data.
    pub fn shared_in(folder: &Path) -> Self {
        Self { file: folder.join("ledger.sqlite"), kept_before: Some(folder.join("ledgers")) }
    }

    /// A file that a profile names.
    pub fn own(file: &Path) -> Self {
        Self { file: file.to_owned(), kept_before: None }
    }

    /// Whether there is anything to be read.
    pub fn is_there(&self) -> bool {
        // What cannot be looked at is told when it is opened.
        self.file.exists() || self.files_before().map_or(true, |files| !files.is_empty())
    }

    /// The files of version 1, in the order of their names.
    pub(super) fn files_before(&self) -> io::Result<Vec<PathBuf>> {
        let Some(folder) = &self.kept_before else { return Ok(Vec::new()) };
        let entries = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut files = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<PathBuf>>>()?;
        files.retain(|file| file.extension().is_some_and(|extension| extension == "sqlite"));
        files.sort();
        Ok(files)
    }
}
