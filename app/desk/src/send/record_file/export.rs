//! Records written into a file as they lie on the brokers, read again: nothing of it comes from the store, which has stand-ins where secrets are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use switchboard_model::{MessageRef, OperationFailure, OriginalRecord, Progress, RawHash, SeenRecord, Skipped};

use super::line;
use crate::ledger::ClusterIds;
use crate::new_file::{self, LINES_MAX, NewFile, failure};
use crate::operations::Teller;
use crate::send::access::ClusterAccess;

/// What whoever writes such a file has to know.
pub const EXPORT_NOTE: &str = "The file holds the records as they lie on the broker, secrets too, for you alone to read";
/// Records read again at a time.
const PAGE: usize = 2_000;

/// Records that are to be written into a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordExport {
    /// Which, in the order of the file.
    pub records: Vec<MessageRef>,
    /// Its name, or a whole path; empty = named by the time.
    pub file: String,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordsExported {
    /// Where.
    pub path: PathBuf,
    /// Records, a line each.
    pub num_records: u64,
    /// Bytes of the file.
    pub num_bytes: u64,
    /// Records that are not in it, by the reason.
    pub skipped: BTreeMap<String, u64>,
    /// Those that found no room in it.
    pub num_cut: u64,
}

/// How far the last export is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordExportState {
    /// It goes on.
    Writing {
        /// Where to.
        path: PathBuf,
        /// Records that were read.
        num_read: usize,
        /// Of so many.
        num_asked: usize,
    },
    /// It was written.
    Done(RecordsExported),
    /// It was not; why, and what to do.
    Failed(String),
}

/// Where a file of this name is to lie: beside the ledger, unless it has a whole path.
pub(in crate::send) fn export_place(ledger: &Path, file: &str) -> Result<PathBuf, String> {
    new_file::place(ledger, "records", file)
}

/// An export that goes on.
pub(in crate::send) struct Exporting {
    pub path: PathBuf,
    pub records: Vec<MessageRef>,
    /// The clusters on which they lie, by the names of their sources.
    pub clusters: BTreeMap<String, Arc<dyn ClusterAccess>>,
    /// What those call themselves.
    pub cluster_ids: ClusterIds,
}

impl Exporting {
    /// Reads and writes until all are written, or the file is full, or it is stopped: then nothing is left of it. `tell`: how many were read.
    pub(in crate::send) async fn run(self, teller: &Teller<()>, mut tell: impl FnMut(usize) + Send) -> Result<RecordsExported, OperationFailure> {
        let stopped = || failure("It was stopped; nothing is left of it", "");
        let num_asked = self.records.len();
        let mut file = on_disk({
            let path = self.path.clone();
            move || NewFile::make(&path)
        })
        .await?;
        let (mut skipped, mut num_cut, mut num_read) = (BTreeMap::new(), 0, 0);
        let room = num_asked.min(usize::try_from(LINES_MAX).unwrap_or(usize::MAX));
        let mut waiting = self.records[..room].iter().peekable();
        let mut is_full = false;
        while let Some(first) = waiting.peek().filter(|_| !is_full).copied() {
            // Pages are of one cluster, and the file keeps the order.
            let mut page = Vec::new();
            while page.len() < PAGE
                && let Some(next) = waiting.next_if(|next| next.cluster == first.cluster)
            {
                page.push(next.clone());
            }
            let (Some(access), Some(cluster_id)) = (self.clusters.get(&first.cluster), self.cluster_ids.get(&first.cluster)) else {
                return Err(failure(format!("{} is not reached any more", first.cluster), "Add its source again, or export records of another cluster"));
            };
            while !page.is_empty() {
                let asked = page.iter().map(|at| SeenRecord { at: at.clone(), raw_hash: RawHash::UNKNOWN }).collect();
                let read = tokio::select! {
                    biased;
                    () = teller.cancelled() => return Err(stopped()),
                    read = access.read(asked) => read,
                };
                let mut read = read.into_iter();
                let mut again = Vec::new();
                let mut found: Vec<OriginalRecord> = Vec::new();
                for at in std::mem::take(&mut page) {
                    match read.next().unwrap_or_else(|| Err(Skipped::Refused("the reading ended early".to_owned()))) {
                        Ok(record) => found.push(record),
                        // Only what found no room behind others may find it alone.
                        Err(Skipped::TooManyBytes { .. }) if !found.is_empty() => again.push(at),
                        Err(reason) => {
                            *skipped.entry(reason.to_string()).or_default() += 1;
                            num_read += 1;
                        }
                    }
                }
                num_read += found.len();
                page = again;
                let cluster_id = cluster_id.clone();
                let (back, left) = on_disk(move || {
                    let mut left = 0;
                    for record in &found {
                        let line = line::write(record, &cluster_id).map_err(|reason| failure(reason, "Leave this record out"))?;
                        left += u64::from(!file.line(&line)?);
                    }
                    Ok((file, left))
                })
                .await?;
                (file, is_full) = (back, left > 0);
                num_cut += left;
                tell(num_read);
                teller.progress(Progress { done: num_read as u64, total: Some(num_asked as u64), unit: "records" });
                if is_full {
                    num_cut += page.len() as u64;
                    page.clear();
                }
            }
        }
        num_cut += (waiting.count() + num_asked - room) as u64;
        if file.num_lines() == 0 {
            let reason = skipped.into_iter().max_by_key(|(_, num)| *num).map_or_else(|| "no record was asked for".to_owned(), |(reason, _)| reason);
            return Err(failure(format!("No record could be read again: {reason}"), "Choose others, or look at the source of their cluster"));
        }
        if teller.is_cancelled() {
            return Err(stopped());
        }
        let (num_records, num_bytes) = (file.num_lines(), file.num_bytes());
        on_disk(move || file.finish()).await?;
        Ok(RecordsExported { path: self.path, num_records, num_bytes, skipped, num_cut })
    }
}

/// Does something with the disk where nobody waits for it who must not.
async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> Result<T, OperationFailure> + Send + 'static) -> Result<T, OperationFailure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panic) if panic.is_panic() => std::panic::resume_unwind(panic.into_panic()),
        Err(_) => Err(failure("The session ended", "")),
    }
}
