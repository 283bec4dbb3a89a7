//! Room on the map, shared out by source: as long as there is enough, each may put on it what it tells of.

use std::collections::BTreeMap;

use hashbrown::HashSet;
use switchboard_model::SourceId;

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

/// Shares out: who needs less than an equal part has what he needs, the others have the rest in equal parts.
fn shared_out(told: &BTreeMap<SourceId, usize>, room: usize) -> BTreeMap<SourceId, usize> {
    let mut by_need: Vec<(usize, SourceId)> = told.iter().map(|(source, num)| (*num, *source)).collect();
    by_need.sort_unstable();
    let mut left = room;
    let mut limits = BTreeMap::new();
    for (at, (need, source)) in by_need.iter().enumerate() {
        let limit = (left / (by_need.len() - at)).min(*need);
        left -= limit;
        limits.insert(*source, limit);
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_needs_little_has_it_and_the_others_share_the_rest() {
        let share = |told: &[usize], room: usize| -> Vec<usize> {
            let told = told.iter().enumerate().map(|(source, num)| (SourceId(source as u32), *num)).collect();
            shared_out(&told, room).into_values().collect()
        };
        assert_eq!(share(&[900], 100), [100]);
        assert_eq!(share(&[900, 10], 100), [90, 10]);
        assert_eq!(share(&[900, 10, 80], 100), [45, 10, 45]);
        assert_eq!(share(&[30, 10, 80], 100), [30, 10, 60]);
        assert_eq!(share(&[0, 10], 100), [0, 10]);
    }
}
