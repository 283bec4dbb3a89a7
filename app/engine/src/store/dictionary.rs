//! Byte strings of one segment, each once, numbered from 0 in the order of their coming.

use hashbrown::HashTable;

use super::hash::Seed;

/// Number 0 is always the empty string.
#[derive(Clone, Debug)]
pub(crate) struct Dictionary {
    seed: Seed,
    bytes: Vec<u8>,
    /// Where each string ends; it begins where its predecessor ends.
    ends: Vec<u32>,
    table: HashTable<u32>,
}

impl Dictionary {
    /// Holds the empty string only.
    pub(crate) fn new(seed: Seed) -> Self {
        let mut table = HashTable::new();
        table.insert_unique(seed.bytes(b""), 0, |_| 0);
        Self { seed, bytes: Vec::new(), ends: vec![0], table }
    }

    /// The number of a string, and whether it was new.
    #[inline]
    pub(crate) fn intern(&mut self, text: &[u8]) -> (u32, bool) {
        let hash = self.seed.bytes(text);
        if let Some(number) = self.find_hashed(hash, text) {
            return (number, false);
        }
        let number = self.ends.len() as u32;
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len() as u32);
        let Self { seed, bytes, ends, table } = self;
        table.insert_unique(hash, number, |at| seed.bytes(string(bytes, ends, *at)));
        (number, true)
    }

    /// The number of a string that is known.
    pub(crate) fn find(&self, text: &[u8]) -> Option<u32> {
        self.find_hashed(self.seed.bytes(text), text)
    }

    #[inline]
    fn find_hashed(&self, hash: u64, text: &[u8]) -> Option<u32> {
        self.table.find(hash, |at| string(&self.bytes, &self.ends, *at) == text).copied()
    }

    /// The string of a number; empty for a number never given.
    #[inline]
    pub(crate) fn get(&self, number: u32) -> &[u8] {
        if (number as usize) < self.ends.len() { string(&self.bytes, &self.ends, number) } else { &[] }
    }

    /// All strings, end to end.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The number of the string that holds this place of all, and where it ends.
    pub(crate) fn holding(&self, place: usize) -> (usize, usize) {
        let at = self.ends.partition_point(|end| *end as usize <= place);
        (at, self.ends.get(at).map_or(self.bytes.len(), |end| *end as usize))
    }

    /// How many strings there are, the empty one included.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// What it holds, in bytes, by capacity.
    pub(crate) fn size_bytes(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * 4 + self.table.allocation_size()
    }

    /// Gives back what growing took too much.
    pub(crate) fn shrink(&mut self) {
        let Self { seed, bytes, ends, table } = self;
        bytes.shrink_to_fit();
        ends.shrink_to_fit();
        table.shrink_to_fit(|at| seed.bytes(string(bytes, ends, *at)));
    }
}

#[inline]
fn string<'a>(bytes: &'a [u8], ends: &[u32], number: u32) -> &'a [u8] {
    let number = number as usize;
    let start = if number == 0 { 0 } else { ends[number - 1] };
    &bytes[start as usize..ends[number] as usize]
}
