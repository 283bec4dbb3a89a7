//! Records that are written into a file, as an operation beside whatever is replayed.

use std::collections::BTreeMap;
use std::sync::Arc;

use switchboard_model::{MessageRef, OperationEnd, OperationInfo};

use crate::operations::OperationHandle;
use crate::send::record_file::{Exporting, RecordExport, RecordExportState, export_place};
use crate::send::replay::desk::worker::Worker;

impl Worker {
    /// Writes records into a file; how that goes is on the board.
    pub(super) fn export(&mut self, export: RecordExport) -> Result<(), String> {
        let RecordExport { records, file } = export;
        if matches!(self.shared.board.lock().export, Some(RecordExportState::Writing { .. })) {
            return Err("records are being written into a file already; wait for that, or stop it under Operations".to_owned());
        }
        match self.exporting(records, &file) {
            Ok(exporting) => self.begin_export(exporting),
            Err(reason) => self.shared.update(|board| board.export = Some(RecordExportState::Failed(reason))),
        }
        Ok(())
    }

    fn exporting(&self, records: Vec<MessageRef>, file: &str) -> Result<Exporting, String> {
        let ledger = self.config.ledger.file().ok_or("this platform names no folder for data; write a whole path and name a ledger in the profile")?;
        if records.is_empty() {
            return Err("there is no record to write. Mark some, or open a topic that has any".to_owned());
        }
        let path = export_place(&ledger, file)?;
        let (mut clusters, mut cluster_ids) = (BTreeMap::new(), self.cluster_ids());
        for name in records.iter().map(|at| &at.cluster) {
            if !clusters.contains_key(name) {
                if !cluster_ids.contains_key(name) {
                    return Err(format!("{name} has not said yet what it calls itself, by which its records are known. Wait until its source is connected"));
                }
                clusters.insert(name.clone(), Arc::clone(&self.clusters.reach(name)?.access));
            }
        }
        cluster_ids.retain(|name, _| clusters.contains_key(name));
        Ok(Exporting { path, records, clusters, cluster_ids })
    }

    fn begin_export(&mut self, exporting: Exporting) {
        let (path, num_asked) = (exporting.path.clone(), exporting.records.len());
        let source = exporting.cluster_ids.keys().next().cloned().unwrap_or_default();
        let info = OperationInfo { what: format!("Export of {num_asked} {}", if num_asked == 1 { "record" } else { "records" }), source };
        let shared = Arc::clone(&self.shared);
        let writing = move |num_read| RecordExportState::Writing { path: path.clone(), num_read, num_asked };
        shared.update(|board| board.export = Some(writing(0)));
        let of_work = Arc::clone(&shared);
        let started = self.config.operations.start(info, move |teller| async move {
            let tell = |num_read| of_work.update(|board| board.export = Some(writing(num_read)));
            exporting.run(&teller, tell).await.map(|exported| of_work.update(|board| board.export = Some(RecordExportState::Done(exported))))
        });
        match started {
            Ok(operation) => self.exporting = Some(operation),
            Err(failure) => shared.update(|board| board.export = Some(RecordExportState::Failed(failure.to_string()))),
        }
    }

    /// It was written, or whoever looks at the operations stopped it, or it failed.
    pub(super) fn show_export_ended(&mut self, end: &OperationEnd) {
        self.exporting = None;
        let failed = match end {
            OperationEnd::Done => return,
            OperationEnd::Cancelled => "It was stopped; nothing is left of it".to_owned(),
            OperationEnd::Failed(failure) => failure.to_string(),
        };
        self.shared.update(|board| board.export = Some(RecordExportState::Failed(failed)));
    }

    /// What became of the last one was read.
    pub(super) fn close_export(&self) {
        self.shared.update(|board| {
            if !matches!(board.export, Some(RecordExportState::Writing { .. })) {
                board.export = None;
            }
        });
    }
}

/// Waits for the end of an export; without one for ever.
pub(super) async fn end_of(exporting: Option<&mut OperationHandle<()>>) -> OperationEnd {
    match exporting {
        Some(operation) => operation.end().await,
        None => std::future::pending().await,
    }
}
