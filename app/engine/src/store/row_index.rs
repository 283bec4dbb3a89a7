//! Which rows of a segment belong to a trace, link to a span, or carry a correlation id.

use super::filter::Filter;
use super::hash::Seed;

/// End of a chain.
const NONE: u16 = u16::MAX;

/// Belongs to one segment and dies with it. What it finds are candidates by hash: the caller compares.
#[derive(Clone, Debug)]
pub(crate) struct RowIndex {
    seed: Seed,
    /// By hash of the trace: its newest row.
    heads: Vec<u16>,
    /// By row: the next older row under the same head.
    older: Vec<u16>,
    /// Link targets and correlation ids, `hash << 32 | row`; sorted once sealed.
    postings: Vec<u64>,
    /// Of all keys, once sealed.
    filter: Filter,
    sealed: bool,
}

impl RowIndex {
    /// An index for at most so many rows.
    pub(crate) fn new(seed: Seed, max_rows: usize) -> Self {
        let num_heads = (max_rows / 2).next_power_of_two().max(16);
        Self { seed, heads: vec![NONE; num_heads], older: Vec::with_capacity(max_rows), postings: Vec::new(), filter: Filter::default(), sealed: false }
    }

    #[inline]
    fn head(&self, hash: u64) -> usize {
        (hash >> 40) as usize & (self.heads.len() - 1)
    }

    /// Adds the next row, which belongs to the trace of these low 64 bits; 0 = to none.
    #[inline]
    pub(crate) fn add_row(&mut self, trace_low: u64) {
        if trace_low == 0 {
            self.older.push(NONE);
            return;
        }
        let head = self.head(self.seed.word(trace_low));
        let row = self.older.len() as u16;
        self.older.push(std::mem::replace(&mut self.heads[head], row));
    }

    /// Notes that a row links to a span or carries an id; see [`RowIndex::link_key`] and [`RowIndex::id_key`].
    pub(crate) fn post(&mut self, key: u32, row: usize) {
        self.postings.push(u64::from(key) << 32 | row as u64);
    }

    /// The key of the trace that a link leads into.
    pub(crate) fn link_key(seed: Seed, trace_low: u64) -> u32 {
        (seed.pair(trace_low, u64::MAX) >> 32) as u32
    }

    /// The key of a correlation id, from its hash.
    pub(crate) fn id_key(hash: u64) -> u32 {
        (hash >> 32) as u32 ^ hash as u32
    }

    /// Rows that may belong to a trace, newest first.
    pub(crate) fn rows_of_trace(&self, trace_low: u64) -> impl Iterator<Item = usize> {
        let hash = self.seed.word(trace_low);
        let mut row = if trace_low != 0 && self.filter.may_contain(hash) { self.heads[self.head(hash)] } else { NONE };
        std::iter::from_fn(move || {
            let found = (row != NONE).then_some(row as usize)?;
            row = self.older[found];
            Some(found)
        })
    }

    /// Rows posted under a key, oldest first.
    pub(crate) fn rows_of_posting(&self, key: u32) -> impl Iterator<Item = usize> {
        let bound = u64::from(key) << 32;
        let postings: &[u64] = if !self.sealed {
            &self.postings
        } else if self.postings.is_empty() || !self.filter.may_contain(self.seed.word(u64::from(key))) {
            &[]
        } else {
            let from = self.postings.partition_point(|posting| *posting < bound);
            let to = from + self.postings[from..].iter().take_while(|posting| **posting >> 32 == u64::from(key)).count();
            &self.postings[from..to]
        };
        let mut last = None;
        postings.iter().filter(move |posting| **posting >> 32 == u64::from(key)).map(|posting| *posting as u32 as usize).filter(move |row| {
            let is_new = last != Some(*row);
            last = Some(*row);
            is_new
        })
    }

    /// Ends the growing: sorts, and makes the filter over the rows' traces.
    pub(crate) fn seal(&mut self, traces_low: impl Iterator<Item = u64>) {
        self.postings.sort_unstable();
        self.postings.shrink_to_fit();
        self.older.shrink_to_fit();
        let mut filter = Filter::for_keys(self.older.len() + self.postings.len());
        let mut last = 0;
        for trace_low in traces_low {
            if trace_low != last {
                filter.add(self.seed.word(trace_low));
                last = trace_low;
            }
        }
        for posting in &self.postings {
            filter.add(self.seed.word(posting >> 32));
        }
        self.filter = filter;
        self.sealed = true;
    }

    /// What it holds, in bytes, by capacity.
    pub(crate) fn size_bytes(&self) -> usize {
        (self.heads.capacity() + self.older.capacity()) * 2 + self.postings.capacity() * 8 + self.filter.size_bytes()
    }
}
