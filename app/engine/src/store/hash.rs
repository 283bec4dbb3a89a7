//! The hash of the store's tables. Answers never depend on it: whatever a hash finds is compared before it counts.

use std::hash::{BuildHasher, RandomState};

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
const INCREMENT: u64 = 0xd1b5_4a32_d192_ed03;

/// The secret of a store's hashes, so that no sender can aim at one bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed(u64);

impl Seed {
    /// A new secret.
    pub(crate) fn random() -> Self {
        Self(RandomState::new().hash_one(INCREMENT) | 1)
    }

    /// The hash of a number.
    #[inline]
    pub(crate) fn word(self, word: u64) -> u64 {
        fold(word ^ self.0, MULTIPLIER)
    }

    /// The hash of two numbers.
    #[inline]
    pub(crate) fn pair(self, first: u64, second: u64) -> u64 {
        fold(fold(first ^ self.0, MULTIPLIER) ^ second, INCREMENT)
    }

    /// The hash of a run of bytes.
    #[inline]
    pub(crate) fn bytes(self, bytes: &[u8]) -> u64 {
        let mut hash = self.0 ^ (bytes.len() as u64).wrapping_mul(MULTIPLIER);
        let (blocks, rest) = bytes.as_chunks::<16>();
        for block in blocks {
            let word = u128::from_le_bytes(*block);
            hash = fold(word as u64 ^ hash, (word >> 64) as u64 ^ MULTIPLIER);
        }
        let (low, high) = match (rest.first_chunk::<8>(), rest.last_chunk::<8>()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            _ => match (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
                (Some(first), Some(last)) => (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last))),
                _ => (rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0),
            },
        };
        fold(fold(low ^ hash, high ^ INCREMENT) ^ self.0, MULTIPLIER)
    }

    /// The hash of a run of numbers.
    #[inline]
    pub(crate) fn words(self, words: &[u32]) -> u64 {
        let (pairs, rest) = words.as_chunks::<2>();
        let mut hash = self.0 ^ words.len() as u64;
        for pair in pairs {
            hash = fold(hash ^ (u64::from(pair[0]) << 32 | u64::from(pair[1])), MULTIPLIER);
        }
        for word in rest {
            hash = fold(hash ^ u64::from(*word), INCREMENT);
        }
        fold(hash, MULTIPLIER)
    }
}

/// A second, independent hash made from a first one.
#[inline]
pub(crate) fn again(hash: u64) -> u64 {
    fold(hash ^ INCREMENT, MULTIPLIER)
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}
