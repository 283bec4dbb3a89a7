//! Numbers for names that the whole engine shares. Each kind is numbered once, capped, and counts what came after the cap.
//! Each source has its share of a cap, so that none takes another's.

use std::collections::BTreeMap;

use hashbrown::HashTable;
use switchboard_model::SourceId;

/// Who names things now, and among how many sources a cap is shared out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Namer {
    /// The source whose batch is read.
    pub(crate) source: SourceId,
    /// How many sources there are.
    pub(crate) num_sources: usize,
}

/// A part of a cap, one in so many, is kept for sources that have not named anything yet.
const RESERVE: usize = 5;

/// How much of a cap each source has taken. Those that name anything have equal shares; each may take more as long as that is
/// nobody's.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    taken: BTreeMap<SourceId, usize>,
    num_taken: usize,
}

impl Shares {
    /// Takes one of `cap` for a source, if that is no other's.
    pub(crate) fn take(&mut self, cap: usize, namer: Namer) -> bool {
        if self.num_taken >= cap {
            return false;
        }
        let own = self.of(namer.source);
        let num_active = self.taken.len() + usize::from(!self.taken.contains_key(&namer.source));
        let share = cap / num_active;
        if own >= share || (own > 0 && num_active == 1) {
            let others = self.taken.iter().filter(|(source, _)| **source != namer.source);
            let unused: usize = others.map(|(_, taken)| share.saturating_sub(*taken)).sum();
            let reserve = if namer.num_sources > num_active { cap / RESERVE } else { 0 };
            if self.num_taken + unused + reserve >= cap {
                return false;
            }
        }
        *self.taken.entry(namer.source).or_default() += 1;
        self.num_taken += 1;
        true
    }

    /// How many a source has taken.
    fn of(&self, source: SourceId) -> usize {
        self.taken.get(&source).copied().unwrap_or_default()
    }
}

/// A service. The number of services is capped; all that come later are [`ServiceId::OTHER`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ServiceId(pub(crate) u16);

impl ServiceId {
    /// No service.
    pub(crate) const NONE: Self = Self(0);
    /// All that came after the cap was reached.
    pub(crate) const OTHER: Self = Self(1);
}

/// The name of a span within its service, capped per service and in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct OperationId(pub(crate) u32);

impl OperationId {
    /// Came after the cap was reached.
    pub(crate) const OVERFLOW: Self = Self(u32::MAX);
}

/// Things found by their content, numbered from 2.
#[derive(Debug)]
pub(crate) struct Registry<T> {
    pub(crate) items: Vec<T>,
    table: HashTable<u16>,
    shares: Shares,
    pub(crate) num_overflowed: u64,
}

impl<T: Default> Registry<T> {
    /// Holds "none" and "other".
    pub(crate) fn new() -> Self {
        Self { items: vec![T::default(), T::default()], table: HashTable::new(), shares: Shares::default(), num_overflowed: 0 }
    }

    /// The number of a thing; 1, "other", once the namer's share of `cap` is taken (counted).
    pub(crate) fn intern(
        &mut self,
        hash: u64,
        (cap, namer): (usize, Namer),
        is_same: impl Fn(&T) -> bool,
        make: impl FnOnce() -> T,
        rehash: impl Fn(&T) -> u64,
    ) -> u16 {
        let items = &self.items;
        if let Some(known) = self.table.find(hash, |at| is_same(&items[*at as usize])) {
            return *known;
        }
        if !self.shares.take(cap, namer) {
            self.num_overflowed += 1;
            return 1;
        }
        let number = self.items.len() as u16;
        self.items.push(make());
        let items = &self.items;
        self.table.insert_unique(hash, number, |at| rehash(&items[*at as usize]));
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(cap: usize, order: &[(u32, usize)], num_sources: usize) -> Vec<usize> {
        let mut shares = Shares::default();
        let take = |(source, num): &(u32, usize)| {
            let namer = Namer { source: SourceId(*source), num_sources };
            (0..*num).filter(|_| shares.take(cap, namer)).count()
        };
        order.iter().map(take).collect()
    }

    #[test]
    fn no_source_takes_what_another_has_a_share_in() {
        assert_eq!(taken(100, &[(1, 500)], 1), [100]);
        // Whatever comes first, something is left for those that come later.
        assert_eq!(taken(100, &[(1, 500), (2, 500)], 2), [80, 20]);
        assert_eq!(taken(100, &[(1, 500), (2, 500)], 9), [80, 20]);
        // Who was there before a flood keeps a share.
        assert_eq!(taken(100, &[(1, 10), (2, 500), (1, 500)], 2), [10, 50, 40]);
        assert_eq!(taken(90, &[(3, 10), (1, 10), (2, 500), (3, 500), (1, 500)], 3), [10, 10, 30, 20, 20]);
    }
}
