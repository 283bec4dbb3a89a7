//! Where records are read from that are sent again: a cluster, or a file that was read.

use std::sync::Arc;

use switchboard_model::{MessageRef, OriginalRecord, SeenRecord, Skipped, is_dead_letter_name};

use crate::send::access::Waiting;
use crate::send::record_file::RecordFile;
use crate::send::replay::clusters::Reach;

/// What is read from.
#[derive(Clone)]
pub(super) enum Source {
    /// The brokers of a cluster.
    Cluster(Reach),
    /// A file, as it was when it was read.
    File(Arc<RecordFile>),
}

impl Source {
    /// Reads records again, in the order in which they are asked for. Dropping it ends the reading.
    pub(super) fn read(&self, seen: Vec<SeenRecord>) -> Waiting<Vec<Result<OriginalRecord, Skipped>>> {
        match self {
            Self::Cluster(reach) => reach.access.read(seen),
            Self::File(file) => Box::pin(std::future::ready(file.again(&seen))),
        }
    }

    /// Whether it is still what it was when something was begun.
    pub(super) fn is_there(&self) -> bool {
        match self {
            Self::Cluster(reach) => reach.is_there(),
            Self::File(_) => true,
        }
    }

    /// Whether a channel holds dead letters, by its name or by what the profile says of the cluster.
    pub(super) fn is_dead_letter_channel(&self, channel: &str) -> bool {
        match self {
            Self::Cluster(reach) => reach.access.is_dead_letter_channel(channel),
            Self::File(_) => is_dead_letter_name(channel),
        }
    }

    /// What the cluster of a record calls itself. `told`: what the cluster that is read from does; `None` = the ledger takes it for the one that is sent to.
    pub(super) fn cluster_id(&self, at: &MessageRef, told: Option<&String>) -> Option<String> {
        match self {
            Self::Cluster(_) => told.cloned(),
            Self::File(file) => file.cluster_ids().get(&at.cluster).cloned(),
        }
    }
}
