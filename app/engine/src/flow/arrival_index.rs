//! Finds arrivals by the hash of their ids: one look into memory a question, whatever is asked.

use hashbrown::HashMap;

/// 64 bytes: one line of the cache.
const SLOTS_PER_BUCKET: usize = 8;
/// In the first slot of a bucket: more of it lie in the spill.
const SPILLED: u64 = 1 << 63;

/// Half full at most. A slot is 31 bits of the hash, never all zero, and the number of the arrival.
#[derive(Debug)]
pub(crate) struct ArrivalIndex {
    slots: Vec<u64>,
    mask: usize,
    /// First slot that lies at the start of a cache line.
    offset: usize,
    spill: HashMap<usize, Vec<u64>>,
}

impl ArrivalIndex {
    /// An index for so many entries, a power of two.
    pub(crate) fn for_entries(num_entries: usize) -> Self {
        let num_buckets = (num_entries * 2 / SLOTS_PER_BUCKET).max(1);
        // Zeroed pages that nobody touched yet take no memory.
        let slots = vec![0_u64; (num_buckets + 1) * SLOTS_PER_BUCKET];
        let offset = slots.as_ptr().align_offset(64).min(SLOTS_PER_BUCKET);
        Self { slots, mask: num_buckets - 1, offset, spill: HashMap::new() }
    }

    #[inline]
    fn bucket(&self, hash: u64) -> usize {
        self.offset + ((hash >> 32) as usize & self.mask) * SLOTS_PER_BUCKET
    }

    /// Brings a bucket near.
    #[inline]
    pub(crate) fn touch(&self, hash: u64) -> u64 {
        self.slots[self.bucket(hash)]
    }

    /// Calls back with every arrival that may have this hash.
    #[inline]
    pub(crate) fn each(&self, hash: u64, mut found: impl FnMut(u32)) {
        let bucket = self.bucket(hash);
        let tag = tag(hash);
        let slots = &self.slots[bucket..bucket + SLOTS_PER_BUCKET];
        for slot in slots {
            if (slot & !SPILLED) >> 32 == tag {
                found(*slot as u32);
            }
        }
        if slots[0] & SPILLED != 0 {
            for slot in self.spill.get(&bucket).into_iter().flatten().filter(|slot| **slot >> 32 == tag) {
                found(*slot as u32);
            }
        }
    }

    /// Enters an arrival.
    #[inline]
    pub(crate) fn insert(&mut self, hash: u64, arrival: u32) {
        let bucket = self.bucket(hash);
        let entered = tag(hash) << 32 | u64::from(arrival);
        if let Some(free) = self.slots[bucket..bucket + SLOTS_PER_BUCKET].iter_mut().find(|slot| **slot & !SPILLED == 0) {
            *free |= entered;
        } else {
            self.slots[bucket] |= SPILLED;
            self.spill.entry(bucket).or_default().push(entered);
        }
    }

    /// Strikes an arrival out.
    #[inline]
    pub(crate) fn remove(&mut self, hash: u64, arrival: u32) {
        let bucket = self.bucket(hash);
        let entered = tag(hash) << 32 | u64::from(arrival);
        if let Some(slot) = self.slots[bucket..bucket + SLOTS_PER_BUCKET].iter_mut().find(|slot| **slot & !SPILLED == entered) {
            *slot &= SPILLED;
        } else if let Some(spilled) = self.spill.get_mut(&bucket) {
            spilled.retain(|slot| *slot != entered);
            if spilled.is_empty() {
                self.spill.remove(&bucket);
                self.slots[bucket] &= !SPILLED;
            }
        }
    }

    /// What it holds, in bytes.
    pub(crate) fn size_bytes(&self) -> usize {
        self.slots.capacity() * 8 + self.spill.allocation_size()
    }
}

/// 31 bits of a hash, other than those that choose the bucket, never all zero.
#[inline]
fn tag(hash: u64) -> u64 {
    hash & 0x7fff_ffff | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(index: &ArrivalIndex, hash: u64) -> Vec<u32> {
        let mut found = Vec::new();
        index.each(hash, |arrival| found.push(arrival));
        found.sort_unstable();
        found
    }

    fn hash(number: u32) -> u64 {
        u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17)
    }

    #[test]
    fn finds_what_is_entered_until_it_is_struck_out() {
        let mut index = ArrivalIndex::for_entries(1 << 10);
        for number in 0..20_000 {
            index.insert(hash(number), number);
            if number >= 1 << 10 {
                index.remove(hash(number - (1 << 10)), number - (1 << 10));
            }
        }
        for number in 0..20_000 {
            assert_eq!(all(&index, hash(number)).contains(&number), number >= 20_000 - (1 << 10), "{number}");
        }
    }

    #[test]
    fn one_hash_many_times_spills_and_is_still_found() {
        let mut index = ArrivalIndex::for_entries(1 << 10);
        for number in 0..40 {
            index.insert(7 << 32, number);
        }
        assert_eq!(all(&index, 7 << 32), (0..40).collect::<Vec<_>>());
        for number in 0..40 {
            index.remove(7 << 32, number);
        }
        assert!(all(&index, 7 << 32).is_empty() && index.spill.is_empty() && index.slots.iter().all(|slot| *slot == 0));
    }
}
