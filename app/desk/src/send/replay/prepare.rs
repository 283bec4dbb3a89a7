//! Reading letters again, in pages that fit into memory.

use std::collections::VecDeque;

use switchboard_model::{OriginalRecord, SeenRecord, Skipped};

use crate::send::replay::AskedLetter;
use crate::send::replay::source::Source;

/// Letters that are still to be read.
pub(super) struct Reading<T> {
    waiting: VecDeque<(T, SeenRecord)>,
    page: usize,
}

/// Where a letter lies, and what it was.
pub(super) fn seen(asked: &AskedLetter) -> SeenRecord {
    SeenRecord { at: asked.letter.at.clone(), raw_hash: asked.raw_hash }
}

impl<T> Reading<T> {
    /// These, so many at a time.
    pub(super) fn new(letters: impl IntoIterator<Item = (T, SeenRecord)>, page: usize) -> Self {
        Self { waiting: letters.into_iter().collect(), page: page.max(1) }
    }

    /// Whether all was read.
    pub(super) fn is_done(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What is still to be read.
    pub(super) fn left(self) -> impl Iterator<Item = T> {
        self.waiting.into_iter().map(|(letter, _)| letter)
    }

    /// Reads the next page. What found no room in it is left for the one after.
    pub(super) async fn next(&mut self, source: &Source) -> Vec<(T, Result<OriginalRecord, Skipped>)> {
        let taken: Vec<(T, SeenRecord)> = self.waiting.drain(..self.page.min(self.waiting.len())).collect();
        let seen: Vec<SeenRecord> = taken.iter().map(|(_, seen)| seen.clone()).collect();
        let mut reads = source.read(seen).await.into_iter();
        let mut done = Vec::with_capacity(taken.len());
        let mut again = Vec::new();
        for (letter, position) in taken {
            match reads.next().unwrap_or_else(|| Err(Skipped::Refused("the reading ended early".to_owned()))) {
                // Only what found no room behind others may find it alone.
                Err(Skipped::TooManyBytes { .. }) if !done.is_empty() => again.push((letter, position)),
                read => done.push((letter, read)),
            }
        }
        for waiting in again.into_iter().rev() {
            self.waiting.push_front(waiting);
        }
        done
    }
}
