//! Room on the map, shared out by source: as long as there is enough, each may put on it what it tells of.

use std::collections::BTreeMap;

use hashbrown::HashSet;
use switchboard_model::SourceId;

use crate::source_shares::shared_out;

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

    /// Takes room for a node of a source; `None` = nobody's. Whether there was some, on a map that may be full although nobody's share is;
    /// else that is noted.
    pub(super) fn take(&mut self, key: &K, source: Option<SourceId>, is_full: bool) -> bool {
        let Some(source) = source else { return !is_full };
        let taken = self.taken.entry(source).or_default();
        let limit = self.limits.as_ref().map_or(usize::MAX, |limits| limits.get(&source).copied().unwrap_or_default());
        if is_full || *taken >= limit {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted_once_by_its_source() {
        let mut narrow: NodeRoom<u32> = NodeRoom::new(&BTreeMap::from([(SourceId(1), MAX_NODES), (SourceId(2), 2)]));
        let num = (0..5_000_u32).filter(|key| narrow.take(key, Some(SourceId(1)), false)).count();
        assert!(!narrow.take(&4_999, Some(SourceId(1)), false) && narrow.take(&6_000, Some(SourceId(2)), false) && narrow.take(&6_001, None, false));
        assert_eq!((num, narrow.left_out()), (MAX_NODES - NUM_COMMON - 2, BTreeMap::from([(SourceId(1), 10)])));
        // A map that is full has room for nobody, also where shares were wide enough.
        let mut wide: NodeRoom<u32> = NodeRoom::new(&BTreeMap::from([(SourceId(1), 3)]));
        assert!(!wide.is_narrow() && wide.take(&1, Some(SourceId(1)), false) && !wide.take(&2, Some(SourceId(1)), true) && !wide.take(&3, None, true));
        assert_eq!(wide.left_out(), BTreeMap::from([(SourceId(1), 1)]));
    }
}
