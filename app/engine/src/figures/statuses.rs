//! The statuses that calls ended with, counted by kind, so that a count can be taken back.

use std::collections::BTreeMap;

use crate::names::Gone;

/// A status as a number: HTTP's and gRPC's own codes, and words by their place among the names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct StatusId(u16);

const FIRST_RPC: u16 = 1_000;
const FIRST_WORD: u16 = 2_000;

/// What a status is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatusKind {
    /// Nothing tells.
    None,
    /// One kind too many, or a code that its protocol does not have.
    Other,
    /// The span says that all went well, and nothing more.
    Ok,
    /// The span says that it failed, and nothing more.
    Failed,
    /// It was not due yet, and waited.
    Waiting,
    /// Its caller gave up waiting.
    GivenUp,
    /// An HTTP status.
    Http(u16),
    /// gRPC's number of a status.
    Rpc(u16),
    /// A word: `error.type`, the type of an exception, the status of another RPC. Its place among the names.
    Word(u16),
}

impl StatusId {
    /// Nothing tells.
    pub(crate) const NONE: Self = Self(0);
    /// One kind too many.
    pub(crate) const OTHER: Self = Self(1);
    /// The span says that all went well, and nothing more.
    pub(crate) const OK: Self = Self(2);
    /// The span says that it failed, and nothing more.
    pub(crate) const FAILED: Self = Self(3);
    /// It was not due yet, and waited.
    pub(crate) const WAITING: Self = Self(4);
    /// Its caller gave up waiting.
    pub(crate) const GIVEN_UP: Self = Self(5);

    /// An HTTP status.
    pub(crate) fn http(status: i64) -> Self {
        if (100..1_000).contains(&status) { Self(status as u16) } else { Self::OTHER }
    }

    /// A gRPC status by its number.
    pub(crate) fn rpc(code: i64) -> Self {
        if (0..17).contains(&code) { Self(FIRST_RPC + code as u16) } else { Self::OTHER }
    }

    /// A word by its place among the names.
    pub(crate) fn word(place: u16) -> Self {
        if place < 2 { Self::OTHER } else { Self(FIRST_WORD + place) }
    }

    /// The place of a word; `None` = it is none.
    pub(crate) fn place(self) -> Option<u16> {
        self.0.checked_sub(FIRST_WORD)
    }

    /// What it is.
    pub(crate) fn kind(self) -> StatusKind {
        match self.0 {
            0 => StatusKind::None,
            2 => StatusKind::Ok,
            3 => StatusKind::Failed,
            4 => StatusKind::Waiting,
            5 => StatusKind::GivenUp,
            100..FIRST_RPC => StatusKind::Http(self.0),
            FIRST_RPC..FIRST_WORD => StatusKind::Rpc(self.0 - FIRST_RPC),
            FIRST_WORD.. => StatusKind::Word(self.0 - FIRST_WORD),
            _ => StatusKind::Other,
        }
    }
}

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

    fn sums(statuses: &Statuses) -> Vec<(StatusKind, u64)> {
        let mut sums = BTreeMap::new();
        statuses.merge_into(&mut sums);
        sums.into_iter().map(|(status, num)| (status.kind(), num)).collect()
    }

    #[test]
    fn every_status_is_told_from_all_others() {
        for (status, kind) in [
            (StatusId::NONE, StatusKind::None),
            (StatusId::OTHER, StatusKind::Other),
            (StatusId::OK, StatusKind::Ok),
            (StatusId::FAILED, StatusKind::Failed),
            (StatusId::WAITING, StatusKind::Waiting),
            (StatusId::GIVEN_UP, StatusKind::GivenUp),
            (StatusId::http(100), StatusKind::Http(100)),
            (StatusId::http(999), StatusKind::Http(999)),
            (StatusId::http(99), StatusKind::Other),
            (StatusId::http(-1), StatusKind::Other),
            (StatusId::rpc(0), StatusKind::Rpc(0)),
            (StatusId::rpc(16), StatusKind::Rpc(16)),
            (StatusId::rpc(i64::MAX), StatusKind::Other),
            (StatusId::word(1), StatusKind::Other),
            (StatusId::word(2), StatusKind::Word(2)),
        ] {
            assert_eq!(status.kind(), kind);
        }
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
