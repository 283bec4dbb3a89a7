//! What is capped is shared out by source, so that none takes another's. What nobody needs is lent, and given back when it is
//! needed: then what was not seen for longest goes first. What finds no room is counted, by the source that told of it.

use std::collections::BTreeMap;

use switchboard_model::SourceId;

/// Who holds how much of something that is capped, and what of each source was left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shares {
    held: BTreeMap<SourceId, usize>,
    num_held: usize,
    left_out: BTreeMap<SourceId, u64>,
}

impl Shares {
    /// Whose must go so that a source may hold one more of `cap`; `None` = there is room.
    pub(crate) fn yields_to(&self, source: SourceId, cap: usize) -> Option<SourceId> {
        if self.num_held < cap {
            return None;
        }
        if self.of(source) >= self.share(source, cap) {
            return Some(source);
        }
        // One has more than its share: else there were room.
        self.held.iter().max_by_key(|(_, num)| **num).map(|(most, _)| *most)
    }

    /// What is a source's own of `cap`.
    pub(crate) fn share(&self, source: SourceId, cap: usize) -> usize {
        let num_sources = self.held.len() + usize::from(!self.held.contains_key(&source));
        (cap / num_sources).max(1)
    }

    /// How much a source holds.
    pub(crate) fn of(&self, source: SourceId) -> usize {
        self.held.get(&source).copied().unwrap_or_default()
    }

    /// How much each source holds.
    pub(crate) fn held(&self) -> impl Iterator<Item = (SourceId, usize)> {
        self.held.iter().map(|(source, num)| (*source, *num))
    }

    /// A source holds one more.
    pub(crate) fn take(&mut self, source: SourceId) {
        *self.held.entry(source).or_default() += 1;
        self.num_held += 1;
    }

    /// A source holds one less.
    pub(crate) fn give_back(&mut self, source: SourceId) {
        if let Some(num) = self.held.get_mut(&source) {
            *num -= 1;
            self.num_held -= 1;
            if *num == 0 {
                self.held.remove(&source);
            }
        }
    }

    /// So much of a source found no room, or had to leave for what was seen later.
    pub(crate) fn leave_out(&mut self, source: SourceId, num: u64) {
        let known = self.left_out.entry(source).or_default();
        *known = known.saturating_add(num);
    }

    /// What was left out, by source.
    pub(crate) fn left_out(&self) -> &BTreeMap<SourceId, u64> {
        &self.left_out
    }

    /// All that was left out.
    pub(crate) fn num_left_out(&self) -> u64 {
        self.left_out.values().fold(0, |sum, num| sum.saturating_add(*num))
    }
}

/// Shares out: who needs less than an equal part has what he needs, the others have the rest in equal parts.
pub(crate) fn shared_out(needs: &BTreeMap<SourceId, usize>, room: usize) -> BTreeMap<SourceId, usize> {
    let mut by_need: Vec<(usize, SourceId)> = needs.iter().map(|(source, num)| (*num, *source)).collect();
    by_need.sort_unstable();
    let mut left = room;
    let mut limits = BTreeMap::new();
    for (at, (need, source)) in by_need.iter().enumerate() {
        let limit = (left / (by_need.len() - at)).min(*need);
        left -= limit;
        limits.insert(*source, limit);
    }
    limits
}

#[derive(Clone, Debug)]
struct Slot<V> {
    value: V,
    source: SourceId,
    seen_ns: i64,
    serial: u64,
}

/// A map of limited size that its sources share.
#[derive(Clone, Debug)]
pub(crate) struct SharedMap<K, V> {
    slots: BTreeMap<K, Slot<V>>,
    /// By source, the one not seen for longest first.
    by_age: BTreeMap<(SourceId, i64, u64), K>,
    shares: Shares,
    cap: usize,
    /// A source's own are let go for more of its own only if they were not seen for so long: what is told of again and again,
    /// more than there is room for, would else drive itself out.
    patience_ns: i64,
    next_serial: u64,
}

impl<K: Ord + Clone, V: Default> SharedMap<K, V> {
    /// Holds at most so many.
    pub(crate) fn new(cap: usize, patience_ns: i64) -> Self {
        Self { slots: BTreeMap::new(), by_age: BTreeMap::new(), shares: Shares::default(), cap, patience_ns, next_serial: 0 }
    }

    /// The value of a key that a source tells of now, an empty one if it is new; `None` where there is no room for it, which is
    /// counted.
    pub(crate) fn see(&mut self, key: &K, source: SourceId, now_ns: i64) -> Option<&mut V> {
        self.see_and(key, source, now_ns, |_, _| {})
    }

    /// The same; what had to leave for it goes to `left`.
    pub(crate) fn see_and(&mut self, key: &K, source: SourceId, now_ns: i64, left: impl FnOnce(K, V)) -> Option<&mut V> {
        if let Some(seen_ns) = self.slots.get(key).map(|slot| slot.seen_ns) {
            if seen_ns < now_ns {
                self.touch(key, now_ns);
            }
        } else {
            if let Some(from) = self.shares.yields_to(source, self.cap) {
                let oldest = self.by_age.range((from, i64::MIN, 0)..=(from, i64::MAX, u64::MAX)).next();
                let may_go = |seen_ns: i64| from != source || now_ns.saturating_sub(seen_ns) >= self.patience_ns;
                let Some(oldest) = oldest.filter(|((_, seen_ns, _), _)| may_go(*seen_ns)).map(|(_, key)| key.clone()) else {
                    self.shares.leave_out(source, 1);
                    return None;
                };
                self.shares.leave_out(from, 1);
                if let Some(value) = self.remove(&oldest) {
                    left(oldest, value);
                }
            }
            let serial = self.next_serial;
            self.next_serial += 1;
            self.by_age.insert((source, now_ns, serial), key.clone());
            self.slots.insert(key.clone(), Slot { value: V::default(), source, seen_ns: now_ns, serial });
            self.shares.take(source);
        }
        self.slots.get_mut(key).map(|slot| &mut slot.value)
    }

    fn touch(&mut self, key: &K, now_ns: i64) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        if let Some(key) = self.by_age.remove(&(slot.source, slot.seen_ns, slot.serial)) {
            slot.seen_ns = now_ns;
            self.by_age.insert((slot.source, now_ns, slot.serial), key);
        }
    }

    /// Takes a key out.
    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let slot = self.slots.remove(key)?;
        self.by_age.remove(&(slot.source, slot.seen_ns, slot.serial));
        self.shares.give_back(slot.source);
        Some(slot.value)
    }

    /// Takes out all keys but these.
    pub(crate) fn retain(&mut self, mut is_kept: impl FnMut(&K, &mut V) -> bool) {
        let gone: Vec<K> = self.slots.iter_mut().filter_map(|(key, slot)| (!is_kept(key, &mut slot.value)).then(|| key.clone())).collect();
        for key in gone {
            self.remove(&key);
        }
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.slots.get(key).map(|slot| &slot.value)
    }

    /// The value of a key.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.slots.get_mut(key).map(|slot| &mut slot.value)
    }

    /// By key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.slots.iter().map(|(key, slot)| (key, &slot.value))
    }

    /// By key.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.slots.iter_mut().map(|(key, slot)| (key, &mut slot.value))
    }

    /// By key, from one on.
    pub(crate) fn from(&self, key: &K) -> impl Iterator<Item = (&K, &V)> {
        self.slots.range(key..).map(|(key, slot)| (key, &slot.value))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Who holds what, and what was left out.
    pub(crate) fn shares(&self) -> &Shares {
        &self.shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000_000;

    /// Names by source, and numbers by source.
    type Outcome = (Vec<(u32, Vec<u32>)>, Vec<(u32, u64)>);

    /// Names that each source holds in the end, and how many of each were left out; `told`: source, names, time in s.
    fn held(cap: usize, patience_s: i64, told: &[(u32, std::ops::Range<u32>, i64)]) -> Outcome {
        let mut map: SharedMap<(u32, u32), ()> = SharedMap::new(cap, patience_s * S);
        for (source, names, at_s) in told {
            for name in names.clone() {
                map.see(&(*source, name), SourceId(*source), at_s * S);
            }
        }
        let mut held: Vec<(u32, Vec<u32>)> = Vec::new();
        for ((source, name), ()) in map.iter() {
            if held.last().is_none_or(|(last, _)| last != source) {
                held.push((*source, Vec::new()));
            }
            held.last_mut().expect("one was pushed").1.push(*name);
        }
        assert_eq!((map.len(), map.by_age.len()), (map.shares.num_held, map.len()));
        assert!(map.len() <= cap);
        (held, map.shares.left_out().iter().map(|(source, num)| (source.0, *num)).collect())
    }

    #[test]
    fn whoever_needs_little_has_it_and_the_others_share_the_rest() {
        let share = |needs: &[usize], room: usize| -> Vec<usize> {
            let needs = needs.iter().enumerate().map(|(source, num)| (SourceId(source as u32), *num)).collect();
            shared_out(&needs, room).into_values().collect()
        };
        assert_eq!(share(&[900], 100), [100]);
        assert_eq!(share(&[900, 10], 100), [90, 10]);
        assert_eq!(share(&[900, 10, 80], 100), [45, 10, 45]);
        assert_eq!(share(&[30, 10, 80], 100), [30, 10, 60]);
        assert_eq!(share(&[0, 10], 100), [0, 10]);
    }

    #[test]
    fn a_source_that_floods_takes_what_is_free_and_gives_back_what_is_anothers() {
        let names = |range: std::ops::Range<u32>| range.collect::<Vec<u32>>();
        // Alone it has all, the newest.
        assert_eq!(held(10, 0, &[(1, 0..30, 1)]), (vec![(1, names(20..30))], vec![(1, 20)]));
        // Whoever comes after the flood finds what is his, and the longest unseen goes for it.
        assert_eq!(held(10, 0, &[(1, 0..30, 1), (2, 0..3, 1)]), (vec![(1, names(23..30)), (2, names(0..3))], vec![(1, 23)]));
        assert_eq!(held(10, 0, &[(1, 0..30, 1), (2, 0..30, 1)]), (vec![(1, names(25..30)), (2, names(25..30))], vec![(1, 25), (2, 25)]));
        // Whoever was there before it stays.
        assert_eq!(held(10, 0, &[(2, 0..3, 1), (1, 0..30, 2), (2, 0..3, 3), (1, 40..60, 4)]), (vec![(1, names(53..60)), (2, names(0..3))], vec![(1, 43)]));
        // Three of them: each a third at least.
        assert_eq!(
            held(9, 0, &[(1, 0..30, 1), (2, 0..2, 1), (3, 0..5, 1)]),
            (vec![(1, names(26..30)), (2, names(0..2)), (3, names(2..5))], vec![(1, 26), (3, 2)])
        );
    }

    #[test]
    fn what_was_seen_again_stays_and_what_is_told_of_again_and_again_does_not_drive_itself_out() {
        let names = |range: std::ops::Range<u32>| range.collect::<Vec<u32>>();
        let again = [(1, 0..10, 1), (1, 0..5, 2), (1, 10..15, 3)];
        assert_eq!(held(10, 0, &again), (vec![(1, [names(0..5), names(10..15)].concat())], vec![(1, 5)]));
        // Fifteen, polled every two seconds, with room for ten: the same ten.
        let polls: Vec<(u32, std::ops::Range<u32>, i64)> = (0..20).map(|poll| (1, 0..15, poll * 2)).collect();
        assert_eq!(held(10, 5, &polls), (vec![(1, names(0..10))], vec![(1, 20 * 5)]));
        // New ones every time: the last that found room.
        let flood: Vec<(u32, std::ops::Range<u32>, i64)> = (0..20_u32).map(|poll| (1, poll * 4..poll * 4 + 4, i64::from(poll) * 2)).collect();
        let (held, left_out) = held(10, 5, &flood);
        assert!(held[0].1.iter().all(|name| *name >= 64), "{held:?}");
        assert_eq!(left_out, [(1, 80 - 10)]);
    }
}
