//! The segments of one kind: one that grows, those that are sealed, and their share of the memory.

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;

use super::StoredAt;
use super::arrivals::Tally;
use super::identity::IdentityTable;

/// A segment's number is told by its low 16 bits.
const MAX_SEGMENTS: usize = 60_000;
/// How many rows' identities are brought near at once.
pub(crate) const STRIDE: usize = 128;

/// When a segment is full.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SegmentLimits {
    /// Rows; at most 14,336, which fits 16 bits with room.
    pub(crate) max_rows: usize,
    /// Bytes of what has no fixed length.
    pub(crate) max_blob_bytes: usize,
}

impl SegmentLimits {
    /// For a share of memory: a segment is at most some 1/32 of it.
    fn of_budget(budget_bytes: usize) -> Self {
        let share = budget_bytes / 32;
        Self { max_rows: (share / 160).clamp(64, 14_336), max_blob_bytes: share.clamp(16 << 10, 4 << 20) }
    }
}

/// A run of columns.
pub(crate) trait Segment {
    /// How many rows it has.
    fn num_rows(&self) -> usize;
    /// Whether the next row belongs to the next segment.
    fn is_full(&self) -> bool;
    /// What it holds, in bytes, by capacity.
    fn size_bytes(&self) -> usize;
    /// The hash of a row's identity.
    fn identity(&self, row: usize) -> u64;
    /// How much of each source is here.
    fn tallies(&self) -> &[Tally];
    /// Ends the growing.
    fn seal(&mut self);
    /// The empty segment that comes next.
    fn successor(&self) -> Self;
}

/// The segments of one kind at an instant, for another thread to read: eviction frees them only when that has ended.
#[derive(Debug)]
pub(crate) struct Held<S> {
    first_segment: u32,
    segments: Vec<Arc<S>>,
}

impl<S: Segment> Held<S> {
    /// The segment of this number.
    pub(crate) fn segment(&self, number: u32) -> Option<&S> {
        self.segments.get(number.wrapping_sub(self.first_segment) as usize).map(|segment| &**segment)
    }

    /// All segments with their numbers, oldest first.
    pub(crate) fn segments(&self) -> impl DoubleEndedIterator<Item = (u32, &S)> {
        self.segments.iter().enumerate().map(|(at, segment)| (self.first_segment.wrapping_add(at as u32), &**segment))
    }

    /// How many items there are.
    pub(crate) fn num_rows(&self) -> u64 {
        self.segments.iter().map(|segment| segment.num_rows() as u64).sum()
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Shelf<S> {
    budget_bytes: usize,
    pub(crate) active: S,
    first_segment: u32,
    sealed: VecDeque<Arc<S>>,
    sealed_bytes: usize,
    pub(crate) identities: IdentityTable,
}

impl<S: Segment> Shelf<S> {
    /// An empty shelf of this budget.
    pub(crate) fn new(budget_bytes: usize, first: impl FnOnce(SegmentLimits) -> S) -> Self {
        Self {
            budget_bytes,
            active: first(SegmentLimits::of_budget(budget_bytes)),
            first_segment: 0,
            sealed: VecDeque::new(),
            sealed_bytes: 0,
            identities: IdentityTable::new(),
        }
    }

    /// The number of the segment that grows.
    #[inline]
    pub(crate) fn active_number(&self) -> u32 {
        self.first_segment.wrapping_add(self.sealed.len() as u32)
    }

    /// The segment of this number, if it is still stored.
    #[inline]
    pub(crate) fn segment(&self, number: u32) -> Option<&S> {
        let at = number.wrapping_sub(self.first_segment) as usize;
        if at == self.sealed.len() { Some(&self.active) } else { self.sealed.get(at).map(|segment| &**segment) }
    }

    /// All segments with their numbers, oldest first.
    pub(crate) fn segments(&self) -> impl DoubleEndedIterator<Item = (u32, &S)> {
        let sealed = self.sealed.iter().map(|segment| &**segment).enumerate();
        sealed.chain(std::iter::once((self.sealed.len(), &self.active))).map(|(at, segment)| (self.first_segment.wrapping_add(at as u32), segment))
    }

    /// All segments, to be read by another thread. That which grows is copied, which takes a millisecond at most.
    pub(crate) fn held(&self) -> Held<S>
    where
        S: Clone,
    {
        let mut segments = Vec::with_capacity(self.sealed.len() + 1);
        segments.extend(self.sealed.iter().cloned());
        if self.active.num_rows() > 0 {
            segments.push(Arc::new(self.active.clone()));
        }
        Held { first_segment: self.first_segment, segments }
    }

    /// Calls back with all rows that may have this identity, until the callback says it has enough.
    #[inline]
    pub(crate) fn each_of(&self, hash: u64, mut found: impl FnMut(StoredAt, &S) -> bool) {
        self.identities.each(hash, self.first_segment, |at| self.segment(at.segment).is_some_and(|segment| found(at, segment)));
    }

    /// Seals the segment that grows if it is full; says whether a new one began.
    #[inline]
    pub(crate) fn make_room(&mut self) -> bool {
        let is_full = self.active.is_full();
        if is_full {
            self.seal_active();
        }
        is_full
    }

    fn seal_active(&mut self) {
        let next = self.active.successor();
        let mut full = std::mem::replace(&mut self.active, next);
        full.seal();
        self.sealed_bytes += full.size_bytes();
        self.sealed.push_back(Arc::new(full));
    }

    /// Gives up the oldest segments until the rest is within the budget, and tells what went.
    pub(crate) fn evict(&mut self, mut gone: impl FnMut(&S)) {
        while self.size_bytes() > self.budget_bytes || self.sealed.len() > MAX_SEGMENTS {
            if self.sealed.is_empty() {
                if self.active.num_rows() == 0 {
                    return;
                }
                self.seal_active();
            }
            let Some(oldest) = self.sealed.pop_front() else { return };
            self.sealed_bytes -= oldest.size_bytes();
            let mut hashes = [0; STRIDE];
            for first_row in (0..oldest.num_rows()).step_by(STRIDE) {
                let num_rows = (oldest.num_rows() - first_row).min(STRIDE);
                for (at, hash) in hashes[..num_rows].iter_mut().enumerate() {
                    *hash = oldest.identity(first_row + at);
                }
                black_box(self.identities.approach(&hashes[..num_rows]));
                for (at, hash) in hashes[..num_rows].iter().enumerate() {
                    self.identities.remove(*hash, StoredAt { segment: self.first_segment, row: (first_row + at) as u16 });
                }
            }
            self.first_segment = self.first_segment.wrapping_add(1);
            gone(&oldest);
        }
    }

    /// What it holds, in bytes, by capacity.
    pub(crate) fn size_bytes(&self) -> usize {
        self.sealed_bytes + self.active.size_bytes() + self.identities.size_bytes() + self.sealed.capacity() * size_of::<Arc<S>>()
    }

    /// How many items it holds.
    pub(crate) fn num_rows(&self) -> u64 {
        self.segments().map(|(_, segment)| segment.num_rows() as u64).sum()
    }
}
