//! The statuses that calls ended with, counted by kind, so that a count can be taken back.

use std::collections::BTreeMap;

use crate::names::{Gone, StatusId};

/// Kinds that are kept apart; what comes later is one kind, "other".
const KINDS_MAX: usize = 12;

/// How often calls ended with each status. A kind keeps its place, so that what was counted in it is taken back from it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statuses(Vec<(StatusId, u64)>);

impl Statuses {
    /// Counts; what tells no status is not counted. Gives back by how many bytes it grew.
    #[inline]
    pub(crate) fn add(&mut self, status: StatusId, num: u32) -> usize {
        if status == StatusId::NONE {
            return 0;
        }
        if let Some((_, known)) = self.0.iter_mut().find(|(known, _)| *known == status) {
            *known += u64::from(num);
            return 0;
        }
        if status != StatusId::OTHER && self.0.iter().filter(|(known, _)| *known != StatusId::OTHER).count() >= KINDS_MAX {
            return self.add(StatusId::OTHER, num);
        }
        let before = self.heap_bytes();
        if self.0.is_empty() {
            // Most calls end with one or two.
            self.0.reserve_exact(2);
        }
        self.0.push((status, u64::from(num)));
        self.heap_bytes() - before
    }

    /// Takes back what was counted.
    pub(crate) fn subtract(&mut self, status: StatusId, num: u32) {
        let find = |sought: StatusId| self.0.iter().position(|(known, _)| *known == sought);
        if status != StatusId::NONE
            && let Some(at) = find(status).or_else(|| find(StatusId::OTHER))
        {
            let known = &mut self.0[at].1;
            *known = known.saturating_sub(u64::from(num));
        }
    }

    /// Adds what another counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (status, num) in other.0.iter().filter(|(_, num)| *num > 0) {
            self.add(*status, 0);
            let place = self.0.iter().position(|(known, _)| known == status).or_else(|| self.0.iter().position(|(known, _)| *known == StatusId::OTHER));
            if let Some(place) = place {
                self.0[place].1 += num;
            }
        }
    }

    /// What is gone counts as other.
    pub(crate) fn forget(&mut self, gone: &Gone) {
        if self.0.iter().any(|(status, _)| gone.status(*status) != *status) {
            let mut sum = 0;
            self.0.retain(|(status, num)| {
                let is_gone = gone.status(*status) != *status;
                sum += if is_gone { *num } else { 0 };
                !is_gone
            });
            self.merge(&Self(vec![(StatusId::OTHER, sum)]));
        }
    }

    /// Adds what is counted to sums.
    pub(crate) fn merge_into(&self, sums: &mut BTreeMap<StatusId, u64>) {
        for (status, num) in self.0.iter().filter(|(_, num)| *num > 0) {
            *sums.entry(*status).or_default() += num;
        }
    }

    /// Bytes behind it.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<(StatusId, u64)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::StatusKind;

    fn sums(statuses: &Statuses) -> Vec<(StatusKind, u64)> {
        let mut sums = BTreeMap::new();
        statuses.merge_into(&mut sums);
        sums.into_iter().map(|(status, num)| (status.kind(), num)).collect()
    }

    #[test]
    fn beyond_a_dozen_kinds_all_is_other_and_can_still_be_taken_back() {
        let mut statuses = Statuses::default();
        for status in 200..300 {
            statuses.add(StatusId::http(status), 2);
        }
        assert_eq!(sums(&statuses).len(), KINDS_MAX + 1);
        assert_eq!(sums(&statuses)[0], (StatusKind::Other, 2 * 88));
        for status in (200..300).rev() {
            statuses.subtract(StatusId::http(status), 2);
        }
        assert!(sums(&statuses).is_empty());
    }
}
