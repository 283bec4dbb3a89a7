//! Making a preview: the letters are read again from the broker, and what would be sent is told.

use std::sync::Arc;

use switchboard_engine::view::{NodeKind, Snapshot};
use switchboard_model::Redactor;

use crate::ledger::HashKey;
use crate::replay::board::Preparing;
use crate::replay::desk::{Shared, writing};
use crate::replay::plan::{Planner, Preview};
use crate::replay::prepare::{Reading, position};
use crate::replay::readers::readers;
use crate::replay::run::failed_groups;
use crate::replay::{AskedLetter, ClusterAccess, Observed, SkippedLetter};

/// Letters read again at a time.
const PAGE: usize = 200;

/// Reads the letters again and says what would be sent.
pub(super) struct PreviewTask {
    pub cluster: String,
    pub target: String,
    pub num_stored: u64,
    pub chosen: Vec<AskedLetter>,
    pub cluster_id: Option<String>,
    pub replay_id: String,
    pub access: Arc<dyn ClusterAccess>,
    pub observed: Arc<dyn Observed>,
    pub redactor: Arc<Redactor>,
    pub hash_key: HashKey,
}

impl PreviewTask {
    pub(super) async fn run(self, skipped: Vec<SkippedLetter>, shared: Arc<Shared>) {
        let num_asked = self.chosen.len();
        let letters = self.chosen.into_iter().map(|asked| (asked.clone(), position(&asked)));
        let mut reading = Reading::new(letters, PAGE);
        let snapshot = self.observed.snapshot();
        let mut planner = Planner {
            target: &self.target,
            replay_id: &self.replay_id,
            num_partitions: num_partitions(&snapshot, &self.target),
            redactor: &self.redactor,
            hash_key: &self.hash_key,
            planned: Vec::new(),
            skipped,
        };
        let mut num_read = 0;
        while !reading.is_done() {
            for (asked, read) in reading.next(self.access.as_ref()).await {
                planner.take(asked, read);
                num_read += 1;
            }
            shared.update(|board| board.preparing = Some(Preparing { num_read, num_asked }));
        }
        let partitions = planner.partitions();
        let Planner { planned, skipped, .. } = planner;
        let failed_groups = failed_groups(planned.iter());
        let preview = Preview {
            readers: readers(&self.observed.snapshot(), &self.cluster, &self.target, &failed_groups),
            writing: writing(self.access.as_ref(), self.cluster_id.as_ref()),
            replay_id: self.replay_id,
            cluster: self.cluster,
            cluster_id: self.cluster_id,
            target: self.target,
            planned,
            skipped,
            num_stored: self.num_stored,
            partitions,
            failed_groups,
            read_ns: self.observed.now_ns(),
        };
        shared.update(|board| (board.preparing, board.preview) = (None, Some(Arc::new(preview))));
    }
}

/// Partitions of a channel, as the brokers told.
fn num_partitions(snapshot: &Snapshot, channel: &str) -> Option<i32> {
    let node = snapshot.topology.nodes.iter().find(|node| node.kind == NodeKind::Channel && node.name == channel)?;
    let figures = snapshot.figures.channels.iter().find(|figures| figures.node_id == node.node_id)?;
    figures.partitions.and_then(|partitions| i32::try_from(partitions).ok())
}
