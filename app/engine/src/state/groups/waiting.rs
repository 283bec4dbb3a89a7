//! What waits on a partition: records that can be read. Offsets below the low watermark are gone, and markers of transactions are
//! none.

use std::hash::{DefaultHasher, Hash, Hasher};

use switchboard_model::{GroupOffset, OpenTransaction};

use crate::state::groups::partitions::GroupPartition;

/// Records that wait: from where the reader goes on (its commit, or the low watermark above it) to the end, never below 0.
/// `readable` is how many of them can be read, where that is known.
pub(crate) fn behind(committed: i64, low: Option<i64>, end: i64, readable: Option<u64>) -> u64 {
    let position = committed.max(low.unwrap_or(committed));
    let offsets = end.saturating_sub(position).max(0) as u64;
    readable.map_or(offsets, |readable| readable.min(offsets))
}

/// What a broker told of a partition beside its offsets, where that changes what waits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Aside {
    partition: i32,
    last_stable: Option<i64>,
    readable: Option<u64>,
    open: Option<Box<OpenTransaction>>,
}

/// Of all partitions of a reading, those of which there is something to be told. Almost always none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asides(Box<[Aside]>);

impl Asides {
    /// What a reading tells.
    pub(crate) fn of(offsets: &[&GroupOffset]) -> Self {
        let aside = |offset: &&GroupOffset| {
            let (committed, end) = (offset.committed?, offset.end?);
            let is_exact = offset.readable_behind.is_some() && end > committed;
            let is_stable = offset.last_stable.is_none_or(|stable| stable >= end);
            let is_told = is_exact || !is_stable || offset.open_transaction.is_some();
            is_told.then(|| Aside {
                partition: offset.partition,
                last_stable: offset.last_stable,
                readable: offset.readable_behind,
                open: offset.open_transaction.clone().map(Box::new),
            })
        };
        let mut asides: Vec<Aside> = offsets.iter().filter_map(aside).collect();
        asides.sort_by_key(|aside| aside.partition);
        Self(asides.into())
    }

    fn get(&self, partition: i32) -> Option<&Aside> {
        self.0.binary_search_by_key(&partition, |aside| aside.partition).ok().map(|at| &self.0[at])
    }
}

/// Tells two readings of one time apart, the same on every run.
pub(crate) fn content_hash(offsets: &[&GroupOffset]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for offset in offsets {
        (offset.partition, offset.committed, offset.end, offset.last_stable, offset.readable_behind, &offset.open_transaction).hash(&mut hasher);
    }
    hasher.finish()
}

/// A partition as a group stands on it now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    /// Its offsets.
    pub(crate) known: GroupPartition,
    /// Its low watermark; `None` = unknown.
    pub(crate) low: Option<i64>,
    aside: Option<&'a Aside>,
}

impl<'a> Part<'a> {
    pub(crate) fn of(known: GroupPartition, low: Option<i64>, asides: &'a Asides) -> Self {
        Self { known, low, aside: asides.get(known.partition) }
    }

    /// Where the reader goes on; `None` = no commit.
    pub(crate) fn position(&self) -> Option<i64> {
        self.known.committed().map(|committed| committed.max(self.low.unwrap_or(committed)))
    }

    /// Records that wait; `None` = unknown.
    pub(crate) fn lag(&self) -> Option<u64> {
        Some(behind(self.known.committed()?, self.low, self.known.end()?, self.aside.and_then(|aside| aside.readable)))
    }

    /// Whether it is known how many of what waits can be read.
    pub(crate) fn is_exact(&self) -> bool {
        self.aside.is_some_and(|aside| aside.readable.is_some())
    }

    /// Records that the reader did not get because they are gone.
    pub(crate) fn num_lost(&self) -> u64 {
        self.low.zip(self.known.committed()).map_or(0, |(low, committed)| low.saturating_sub(committed).max(0) as u64)
    }

    /// Whether the commit lies beyond the end.
    pub(crate) fn is_beyond(&self) -> bool {
        self.known.end().zip(self.known.committed()).is_some_and(|(end, committed)| committed > end)
    }

    /// Whether it holds nothing, and nobody has committed on it.
    pub(crate) fn is_empty_and_uncommitted(&self) -> bool {
        self.known.committed().is_none() && self.known.end().is_some_and(|end| end == 0 || self.low.is_some_and(|low| low >= end))
    }

    /// Whether it holds records and the group never committed on it.
    pub(crate) fn is_uncommitted(&self) -> bool {
        self.known.committed().is_none() && !self.is_empty_and_uncommitted()
    }

    /// Whether the reader stands at a transaction that is still open, and records lie behind it.
    pub(crate) fn waits_for_transaction(&self) -> bool {
        let (Some(aside), Some(position), Some(end)) = (self.aside, self.position(), self.known.end()) else { return false };
        let first_offset = || aside.open.as_ref().and_then(|open| open.first_offset);
        let Some(stable) = aside.last_stable.or_else(first_offset) else { return false };
        // One that has read beyond it reads what is not committed, and does not wait.
        let has_read_all_before = position == stable || (position < stable && aside.readable == Some(0));
        stable < end && position < end && has_read_all_before
    }

    /// The open transaction, as far as it is told.
    pub(crate) fn open_transaction(&self) -> Option<&'a OpenTransaction> {
        self.aside?.open.as_deref()
    }
}
