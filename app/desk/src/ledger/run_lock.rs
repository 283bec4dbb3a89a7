//! One run sends to a cluster at a time, whatever program began it: two that think themselves alone would both keep within what a cluster bears.

use std::fs::{File, OpenOptions, TryLockError};
use std::hash::Hasher as _;
use std::path::{Path, PathBuf};

use siphasher::sip::SipHasher13;

use super::schema::next_step_of_io;

/// Held while a run sends; let go when it is dropped, or its program ends in whatever way.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl RunLock {
    /// For the cluster that calls itself so, among all programs that share this ledger; the reason in words where another has it.
    pub fn take(ledger: &Path, cluster_id: &str) -> Result<Self, String> {
        let path = lock_path(ledger, cluster_id);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let file = options.open(&path).map_err(|error| format!("{} cannot be made: {error}; {}", path.display(), next_step_of_io(&error)))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err("another window or command sends to this cluster; wait until it has ended, or stop it there".to_owned()),
            Err(TryLockError::Error(error)) => Err(format!("{} cannot be locked: {error}; {}", path.display(), next_step_of_io(&error))),
        }
    }
}

fn lock_path(ledger: &Path, cluster_id: &str) -> PathBuf {
    let mut hasher = SipHasher13::new();
    hasher.write(cluster_id.as_bytes());
    let name = ledger.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    ledger.with_file_name(format!("{name}.run-{:016x}", hasher.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_at_a_time_sends_to_a_cluster() {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = folder.path().join("ledger.sqlite3");
        let first = RunLock::take(&ledger, "a").expect("nobody has it");
        assert!(RunLock::take(&ledger, "a").is_err_and(|reason| reason.contains("another window or command")));
        let _other = RunLock::take(&ledger, "b").expect("another cluster");
        drop(first);
        let _again = RunLock::take(&ledger, "a").expect("it was let go");
        let nowhere = folder.path().join("none").join("ledger.sqlite3");
        assert!(RunLock::take(&nowhere, "a").is_err_and(|reason| reason.contains("cannot be made")));
    }
}
