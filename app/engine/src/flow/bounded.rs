//! A table of limited size: what was entered first leaves first.

use std::collections::VecDeque;
use std::hash::Hash;

use hashbrown::HashMap;

/// A map that holds at most `cap` keys.
#[derive(Debug)]
pub(crate) struct Bounded<K, V> {
    map: HashMap<K, V>,
    order: VecDeque<K>,
    cap: usize,
}

impl<K: Copy + Eq + Hash, V: Default> Bounded<K, V> {
    /// Holds at most so many keys.
    pub(crate) fn new(cap: usize) -> Self {
        Self { map: HashMap::new(), order: VecDeque::new(), cap: cap.max(1) }
    }

    /// The value of a key; an empty one if the key is new, for which the oldest key may have to leave.
    pub(crate) fn entry(&mut self, key: K) -> &mut V {
        if !self.map.contains_key(&key) {
            while self.map.len() >= self.cap {
                let Some(oldest) = self.order.pop_front() else { break };
                self.map.remove(&oldest);
            }
            self.order.push_back(key);
        }
        self.map.entry(key).or_default()
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        if self.map.is_empty() { None } else { self.map.get(key) }
    }

    /// The value of a key.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        if self.map.is_empty() { None } else { self.map.get_mut(key) }
    }

    /// All values.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.map.values_mut()
    }

    /// What it holds, in bytes, without what its values own.
    pub(crate) fn size_bytes(&self) -> usize {
        self.map.capacity() * (size_of::<(K, V)>() + 1) + self.order.capacity() * size_of::<K>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_key_leaves() {
        let mut bounded: Bounded<u32, u32> = Bounded::new(3);
        for key in 0..10 {
            *bounded.entry(key) += key;
            *bounded.entry(key) += 1;
        }
        assert_eq!((bounded.get(&6), bounded.get(&7), bounded.get(&9)), (None, Some(&8), Some(&10)));
        assert!(bounded.order.len() == 3 && bounded.map.len() == 3);
    }
}
