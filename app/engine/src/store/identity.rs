//! Where an identity is stored: one table over all segments of a kind, that grows a bucket at a time, so that the
//! ten-millionth item costs what the first did and nothing is ever copied whole.

use hashbrown::HashTable;

use super::StoredAt;

/// 64 bytes: one line of the cache.
const SLOTS_PER_BUCKET: usize = 8;
/// A bucket is added for so many entries: few enough that all but some 1 in 30,000 find room in one of their two, also
/// where half of the buckets are split and the others are not.
const ENTRIES_PER_BUCKET: usize = 4;
/// Buckets are allocated so many at a time (256 KiB).
const BUCKETS_PER_CHUNK: usize = 1 << 12;
const MIN_BUCKETS: usize = 1 << 6;

/// More copies than this of one identity are kept without being entered: they cannot be told from one another any
/// more, and a sender that uses one id for all its spans costs no more than others.
pub(crate) const MAX_COPIES: usize = 64;

/// Slot by slot a tag, which is 32 bits of the hash, and a place: the low 16 bits of the segment's number, and the row
/// + 1; a place of zero is free.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Bucket {
    tags: [u32; SLOTS_PER_BUCKET],
    places: [u32; SLOTS_PER_BUCKET],
}

impl Bucket {
    /// One bit for each slot of this tag.
    #[inline]
    fn with_tag(&self, tag: u32) -> u32 {
        self.tags.iter().enumerate().fold(0, |bits, (at, known)| bits | u32::from(*known == tag) << at)
    }

    #[inline]
    fn num_free(&self) -> u32 {
        self.places.iter().map(|place| u32::from(*place == 0)).sum()
    }

    /// Takes a free slot; says whether there was one.
    #[inline]
    fn put(&mut self, tag: u32, place: u32) -> bool {
        let Some(at) = self.places.iter().position(|place| *place == 0) else { return false };
        self.tags[at] = tag;
        self.places[at] = place;
        true
    }
}

/// Linear hashing: with every fourth entry one bucket is split in two. Each identity has two buckets to lie in, and goes
/// where more room is; should both be full, into the spill. Both buckets follow from the tag.
#[derive(Debug)]
pub(crate) struct IdentityTable {
    chunks: Vec<Vec<Bucket>>,
    num_buckets: usize,
    /// The greatest power of two within `num_buckets`, less one. Of so many buckets as are beyond it, the first are split.
    mask: usize,
    spill: HashTable<(u64, u32)>,
    num_entries: usize,
}

impl IdentityTable {
    /// An empty table.
    pub(crate) fn new() -> Self {
        let mut table = Self { chunks: Vec::new(), num_buckets: 0, mask: MIN_BUCKETS - 1, spill: HashTable::new(), num_entries: 0 };
        for _ in 0..MIN_BUCKETS {
            table.add_bucket();
        }
        table
    }

    fn add_bucket(&mut self) {
        let chunk = self.num_buckets / BUCKETS_PER_CHUNK;
        if chunk == self.chunks.len() {
            // The first chunk grows, so that a small store stays small.
            self.chunks.push(if chunk == 0 { Vec::new() } else { Vec::with_capacity(BUCKETS_PER_CHUNK) });
        }
        self.chunks[chunk].push(Bucket::default());
        self.num_buckets += 1;
    }

    #[inline]
    fn bucket_of(&self, tag: u32) -> usize {
        let wide = tag as usize & (self.mask << 1 | 1);
        if wide < self.num_buckets { wide } else { tag as usize & self.mask }
    }

    #[inline]
    fn buckets_of(&self, tag: u32) -> [usize; 2] {
        [self.bucket_of(tag), self.bucket_of(other(tag))]
    }

    #[inline]
    fn bucket(&self, at: usize) -> &Bucket {
        &self.chunks[at / BUCKETS_PER_CHUNK][at % BUCKETS_PER_CHUNK]
    }

    #[inline]
    fn bucket_mut(&mut self, at: usize) -> &mut Bucket {
        &mut self.chunks[at / BUCKETS_PER_CHUNK][at % BUCKETS_PER_CHUNK]
    }

    /// Brings the buckets of these hashes near, all at once: alone each would be waited for.
    #[inline]
    pub(crate) fn approach(&self, hashes: &[u64]) -> u64 {
        hashes.iter().fold(0, |sum, hash| {
            let [first, second] = self.buckets_of(*hash as u32);
            sum ^ u64::from(self.bucket(first).tags[0] ^ self.bucket(second).tags[0])
        })
    }

    /// Calls back with every place where an item of this hash may lie, until the callback says it has enough.
    #[inline]
    pub(crate) fn each(&self, hash: u64, first_segment: u32, mut found: impl FnMut(StoredAt) -> bool) {
        let tag = hash as u32;
        let [first, second] = self.buckets_of(tag);
        for at in [first, second] {
            let bucket = self.bucket(at);
            let mut bits = bucket.with_tag(tag);
            while bits != 0 {
                let place = bucket.places[bits.trailing_zeros() as usize];
                bits &= bits - 1;
                if place != 0 && found(unpack(place, first_segment)) {
                    return;
                }
            }
            if first == second {
                break;
            }
        }
        if !self.spill.is_empty() {
            for (spilled, place) in self.spill.iter_hash(hash) {
                if *spilled == hash && found(unpack(*place, first_segment)) {
                    return;
                }
            }
        }
    }

    /// Enters a place under a hash.
    #[inline]
    pub(crate) fn insert(&mut self, hash: u64, at: StoredAt) {
        self.num_entries += 1;
        if self.num_entries > self.num_buckets * ENTRIES_PER_BUCKET {
            self.split_one();
        }
        let tag = hash as u32;
        let [first, second] = self.buckets_of(tag);
        let roomier = if self.bucket(second).num_free() > self.bucket(first).num_free() { second } else { first };
        if !self.bucket_mut(roomier).put(tag, pack(at)) {
            self.spill.insert_unique(hash, (hash, pack(at)), |entry| entry.0);
        }
    }

    fn split_one(&mut self) {
        let (from, to) = (self.num_buckets - (self.mask + 1), self.num_buckets);
        let before = std::mem::take(self.bucket_mut(from));
        // By which of its two hashes each came to lie here.
        let words = before.tags.map(|tag| if self.bucket_of(tag) == from { tag } else { other(tag) });
        self.add_bucket();
        let wide_mask = self.mask << 1 | 1;
        for (at, word) in words.into_iter().enumerate().filter(|(at, _)| before.places[*at] != 0) {
            let bucket = if word as usize & wide_mask == to { to } else { from };
            self.bucket_mut(bucket).put(before.tags[at], before.places[at]);
        }
        if self.num_buckets == (self.mask + 1) * 2 {
            self.mask = wide_mask;
        }
    }

    /// Strikes out a place. One that was never entered is passed over.
    #[inline]
    pub(crate) fn remove(&mut self, hash: u64, at: StoredAt) {
        let place = pack(at);
        for bucket in self.buckets_of(hash as u32) {
            // A place is entered once, whatever its tag.
            if let Some(found) = self.bucket_mut(bucket).places.iter_mut().find(|known| **known == place) {
                *found = 0;
                self.num_entries -= 1;
                return;
            }
        }
        if let Ok(entry) = self.spill.find_entry(hash, |entry| *entry == (hash, place)) {
            entry.remove();
            self.num_entries -= 1;
        }
    }

    /// What it holds, in bytes, by capacity.
    pub(crate) fn size_bytes(&self) -> usize {
        let first = self.chunks.first().map_or(0, Vec::capacity);
        let buckets = first + self.chunks.len().saturating_sub(1) * BUCKETS_PER_CHUNK;
        buckets * size_of::<Bucket>() + self.chunks.capacity() * size_of::<Vec<Bucket>>() + self.spill.allocation_size()
    }
}

/// The second of the hashes that a tag stands for.
#[inline]
fn other(tag: u32) -> u32 {
    let word = u64::from(tag).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (word >> 29) as u32
}

#[inline]
fn pack(at: StoredAt) -> u32 {
    u32::from(at.segment as u16) << 16 | (u32::from(at.row) + 1)
}

#[inline]
fn unpack(place: u32, first_segment: u32) -> StoredAt {
    let ahead = ((place >> 16) as u16).wrapping_sub(first_segment as u16);
    StoredAt { segment: first_segment.wrapping_add(u32::from(ahead)), row: (place as u16).wrapping_sub(1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::hash::Seed;

    fn all(table: &IdentityTable, hash: u64, first_segment: u32) -> Vec<StoredAt> {
        let mut places = Vec::new();
        table.each(hash, first_segment, |at| {
            places.push(at);
            false
        });
        places.sort();
        places
    }

    #[test]
    fn finds_what_was_entered_until_it_is_struck_out() {
        let seed = Seed::random();
        let mut table = IdentityTable::new();
        let first_segment = 65_530;
        let at = |key: u64| StoredAt { segment: first_segment + key as u32 / 1_000, row: (key % 1_000) as u16 };
        for key in 0..17_000 {
            table.insert(seed.word(key), at(key));
        }
        assert!((0..17_000).all(|key| all(&table, seed.word(key), first_segment).contains(&at(key))));
        assert!(table.spill.len() < 50, "{} of 17,000 found no room", table.spill.len());
        for key in 0..17_000 {
            table.remove(seed.word(key), at(key));
        }
        assert_eq!(table.num_entries, 0);
        assert!((0..17_000).all(|key| all(&table, seed.word(key), first_segment).is_empty()));
    }

    #[test]
    fn one_identity_many_times_spills_and_is_still_found() {
        let mut table = IdentityTable::new();
        let places: Vec<StoredAt> = (0..40).map(|row| StoredAt { segment: 3, row }).collect();
        for place in &places {
            table.insert(7 << 40, *place);
        }
        assert_eq!(all(&table, 7 << 40, 3), places);
        for place in &places {
            table.remove(7 << 40, *place);
        }
        assert_eq!(all(&table, 7 << 40, 3), []);
    }
}
