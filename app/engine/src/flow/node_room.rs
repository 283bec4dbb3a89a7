//! Room on the map, shared out by source: as long as there is enough, each may put on it what it tells of.

use std::collections::BTreeMap;

use hashbrown::HashSet;
use switchboard_model::SourceId;

use crate::shares::shared_out;

/// Nodes of the map; what finds no room is the node "other".
pub(super) const MAX_NODES: usize = 5_000;
/// Nodes that are no source's: the user, missing parents, what is called "other", a channel and a group of that name.
const NUM_COMMON: usize = 8;

/// Who has how much room.
#[derive(Debug, Default)]
pub(super) struct NodeRoom<K> {
    /// How many each may have, where not all fit.
    limits: Option<BTreeMap<SourceId, usize>>,
    taken: BTreeMap<SourceId, usize>,
    left_out: HashSet<(SourceId, K)>,
}

impl<K: std::hash::Hash + Eq + Clone> NodeRoom<K> {
    /// `told`: how many nodes each source may tell of.
    pub(super) fn new(told: &BTreeMap<SourceId, usize>) -> Self {
        let room = MAX_NODES - NUM_COMMON;
        let limits = (told.values().sum::<usize>() > room).then(|| shared_out(told, room));
        Self { limits, taken: BTreeMap::new(), left_out: HashSet::new() }
    }

    /// Whether not all fit.
    pub(super) fn is_narrow(&self) -> bool {
        self.limits.is_some()
    }

    /// Takes room for a node of a source; `None` = nobody's. Whether there was some; else that is noted.
    pub(super) fn take(&mut self, key: &K, source: Option<SourceId>) -> bool {
        let (Some(limits), Some(source)) = (&self.limits, source) else { return true };
        let taken = self.taken.entry(source).or_default();
        if *taken >= limits.get(&source).copied().unwrap_or_default() {
            self.left_out.insert((source, key.clone()));
            return false;
        }
        *taken += 1;
        true
    }

    /// How many of each source found no room.
    pub(super) fn left_out(&self) -> BTreeMap<SourceId, u64> {
        let mut num: BTreeMap<SourceId, u64> = BTreeMap::new();
        for (source, _) in &self.left_out {
            *num.entry(*source).or_default() += 1;
        }
        num
    }
}
