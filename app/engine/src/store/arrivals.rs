//! Which rows of a segment came when, and from where.

use std::ops::Range;

use switchboard_model::{BatchHeader, SourceId};

/// Runs of rows that came in one batch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrivals {
    runs: Vec<Run>,
    tallies: Vec<Tally>,
}

#[derive(Clone, Debug)]
struct Run {
    first_row: u32,
    source: SourceId,
    received_ns: i64,
}

/// What a segment holds of one source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    pub(crate) source: SourceId,
    pub(crate) num_items: u64,
}

impl Arrivals {
    /// Notes that this row came with this batch.
    #[inline]
    pub(crate) fn add(&mut self, row: usize, header: &BatchHeader) {
        if self.runs.last().is_none_or(|run| run.source != header.source || run.received_ns != header.received_ns) {
            self.runs.push(Run { first_row: row as u32, source: header.source, received_ns: header.received_ns });
        }
        match self.tallies.iter_mut().find(|tally| tally.source == header.source) {
            Some(tally) => tally.num_items += 1,
            None => self.tallies.push(Tally { source: header.source, num_items: 1 }),
        }
    }

    /// Source and time of arrival of a row.
    pub(crate) fn of(&self, row: usize) -> (SourceId, i64) {
        let at = self.runs.partition_point(|run| run.first_row as usize <= row);
        at.checked_sub(1).and_then(|at| self.runs.get(at)).map_or((SourceId(0), 0), |run| (run.source, run.received_ns))
    }

    /// Rows that arrived at once and when that was, in their order, of a segment with so many rows.
    pub(crate) fn runs(&self, num_rows: usize) -> impl DoubleEndedIterator<Item = (Range<usize>, i64)> {
        let end_of = move |at: usize| self.runs.get(at + 1).map_or(num_rows, |next| next.first_row as usize);
        self.runs.iter().enumerate().map(move |(at, run)| (run.first_row as usize..end_of(at), run.received_ns))
    }

    /// How much of each source is here.
    pub(crate) fn tallies(&self) -> &[Tally] {
        &self.tallies
    }

    /// What it holds, in bytes, by capacity.
    pub(crate) fn size_bytes(&self) -> usize {
        self.runs.capacity() * size_of::<Run>() + self.tallies.capacity() * size_of::<Tally>()
    }

    /// Gives back what growing took too much.
    pub(crate) fn shrink(&mut self) {
        self.runs.shrink_to_fit();
        self.tallies.shrink_to_fit();
    }
}
