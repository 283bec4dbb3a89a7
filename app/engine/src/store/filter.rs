//! A blocked Bloom filter: says "surely not here" with one look into memory.

use super::hash::again;

/// 512 bits, so that one look touches one line of the cache.
const WORDS_PER_BLOCK: usize = 8;
/// Bits set a key.
const PROBES: u32 = 5;
/// Bits kept a key: with 5 probes in blocks of 512 about 1 in 50 absent keys passes.
const BITS_PER_KEY: usize = 9;

/// Made once for a known number of keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    blocks: Vec<[u64; WORDS_PER_BLOCK]>,
}

impl Filter {
    /// An empty filter with room for so many keys.
    pub(crate) fn for_keys(num_keys: usize) -> Self {
        let num_blocks = (num_keys * BITS_PER_KEY).div_ceil(WORDS_PER_BLOCK * 64).max(1);
        Self { blocks: vec![[0; WORDS_PER_BLOCK]; num_blocks] }
    }

    /// Adds a key by its hash.
    #[inline]
    pub(crate) fn add(&mut self, hash: u64) {
        let at = self.block(hash);
        let bits = again(hash);
        for probe in 0..PROBES {
            let bit = bits >> (probe * 9);
            self.blocks[at][(bit >> 6) as usize & 7] |= 1 << (bit & 63);
        }
    }

    /// Whether a key may have been added. Without room made before nothing is excluded.
    #[inline]
    pub(crate) fn may_contain(&self, hash: u64) -> bool {
        if self.blocks.is_empty() {
            return true;
        }
        let block = &self.blocks[self.block(hash)];
        let bits = again(hash);
        (0..PROBES).all(|probe| {
            let bit = bits >> (probe * 9);
            block[(bit >> 6) as usize & 7] & 1 << (bit & 63) != 0
        })
    }

    #[inline]
    fn block(&self, hash: u64) -> usize {
        (((hash >> 32) * self.blocks.len() as u64) >> 32) as usize
    }

    /// What it holds, in bytes.
    pub(crate) fn size_bytes(&self) -> usize {
        self.blocks.capacity() * WORDS_PER_BLOCK * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::hash::Seed;

    #[test]
    fn holds_all_keys_and_few_others() {
        let seed = Seed::random();
        let mut filter = Filter::for_keys(10_000);
        for key in 0..10_000 {
            filter.add(seed.word(key));
        }
        assert!((0..10_000).all(|key| filter.may_contain(seed.word(key))));
        let wrong = (10_000..110_000).filter(|key| filter.may_contain(seed.word(*key))).count();
        assert!(wrong < 5_000, "{wrong} of 100,000 absent keys pass");
    }
}
