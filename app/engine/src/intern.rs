//! Numbers for names that the whole engine shares. Each kind is numbered once and capped; each source has its share of a cap, so
//! that none takes another's. For what comes after it, what was not seen for longest leaves: at the end of the batch all that was
//! counted under its number moves to "other", and the number is free.

use hashbrown::HashTable;
use switchboard_model::SourceId;

use crate::source_shares::Shares;

/// Who names things now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Namer {
    /// The source whose batch is read.
    pub(crate) source: SourceId,
    /// The number of that batch.
    pub(crate) tick: u32,
}

/// The first number that is given; those before stand for "none" and "other".
const FIRST: u32 = 2;
/// What leaves at a time, as a part of the cap: one in 64. Each time all names of a source are looked at, and all that was counted.
const LEAVING_PART: usize = 64;

#[derive(Clone, Copy, Debug)]
struct About {
    source: SourceId,
    seen: u32,
    /// Different for each thing that ever had a number.
    serial: u32,
    is_here: bool,
}

/// Numbers of one kind, from 2 on, given again once what had them is forgotten.
#[derive(Debug)]
pub(crate) struct Numbers {
    about: Vec<About>,
    shares: Shares,
    cap: usize,
    /// How many numbers there are at most: those that leave have theirs until the end of the batch.
    most: usize,
    free: Vec<u32>,
    leaving: Vec<u32>,
    next_serial: u32,
}

impl Numbers {
    /// Gives at most `cap` numbers; `most` with those that leave and have theirs until the end of the batch.
    pub(crate) fn new(cap: usize, most: usize) -> Self {
        Self { about: Vec::new(), shares: Shares::default(), cap, most, free: Vec::new(), leaving: Vec::new(), next_serial: 0 }
    }

    fn at(&mut self, number: u32) -> Option<&mut About> {
        self.about.get_mut(number.checked_sub(FIRST)? as usize)
    }

    /// What has this number was seen again.
    #[inline]
    pub(crate) fn see(&mut self, number: u32, tick: u32) {
        if let Some(about) = self.at(number) {
            about.seen = tick;
        }
    }

    /// A number for something new; `None` where there is none, which is counted. What leaves for it goes to `left`: it is not found
    /// by its content any more.
    pub(crate) fn take(&mut self, namer: Namer, mut left: impl FnMut(u32)) -> Option<u32> {
        if let Some(from) = self.shares.yields_to(namer.source, self.cap) {
            let most = (self.cap / LEAVING_PART).max(1);
            let spare = if from == namer.source { most } else { self.shares.of(from).saturating_sub(self.shares.share(namer.source, self.cap)).clamp(1, most) };
            let is_its = |about: &&About| about.is_here && about.source == from;
            let mut oldest: Vec<(u32, u32)> =
                (FIRST..).zip(&self.about).filter(|(_, about)| is_its(about)).map(|(number, about)| (about.seen, number)).collect();
            let num = spare.min(oldest.len());
            if num > 0 && num < oldest.len() {
                oldest.select_nth_unstable(num - 1);
            }
            if self.free.is_empty() && self.about.len() >= self.most {
                self.shares.leave_out(namer.source, 1);
                return None;
            }
            for (_, number) in &oldest[..num] {
                if let Some(about) = self.at(*number) {
                    about.is_here = false;
                }
                self.shares.give_back(from);
                self.leaving.push(*number);
                left(*number);
            }
            self.shares.leave_out(from, num as u64);
        }
        let about = About { source: namer.source, seen: namer.tick, serial: self.next_serial, is_here: true };
        let number = if let Some(number) = self.free.pop() {
            self.about[(number - FIRST) as usize] = about;
            number
        } else if self.about.len() < self.most {
            self.about.push(about);
            self.about.len() as u32 + FIRST - 1
        } else {
            self.shares.leave_out(namer.source, 1);
            return None;
        };
        self.next_serial = self.next_serial.wrapping_add(1);
        self.shares.take(namer.source);
        Some(number)
    }

    /// Whether something has this number that is not about to leave.
    pub(crate) fn is_here(&self, number: u32) -> bool {
        number.checked_sub(FIRST).and_then(|at| self.about.get(at as usize)).is_some_and(|about| about.is_here)
    }

    /// Tells what has this number now from what had it before.
    pub(crate) fn serial(&self, number: u32) -> u32 {
        number.checked_sub(FIRST).and_then(|at| self.about.get(at as usize)).map_or(u32::MAX, |about| about.serial)
    }

    /// Whose it is.
    pub(crate) fn source(&self, number: u32) -> Option<SourceId> {
        number.checked_sub(FIRST).and_then(|at| self.about.get(at as usize)).map(|about| about.source)
    }

    /// When it was seen last, by the number of the batch.
    pub(crate) fn seen(&self, number: u32) -> u32 {
        number.checked_sub(FIRST).and_then(|at| self.about.get(at as usize)).map_or(0, |about| about.seen)
    }

    /// Lets something leave that loses what it belongs to; whether it was here. It is no loss of its own.
    pub(crate) fn leave(&mut self, number: u32) -> bool {
        let Some(about) = self.at(number).filter(|about| about.is_here) else { return false };
        about.is_here = false;
        let source = about.source;
        self.shares.give_back(source);
        self.leaving.push(number);
        true
    }

    /// What leaves at the end of the batch.
    pub(crate) fn leaving(&self) -> impl Iterator<Item = u32> {
        self.leaving.iter().copied()
    }

    /// How many numbers were given.
    pub(crate) fn num_given(&self) -> u32 {
        self.next_serial
    }

    /// Whether anything leaves.
    pub(crate) fn has_leaving(&self) -> bool {
        !self.leaving.is_empty()
    }

    /// What leaves now: the numbers are free, and given again.
    pub(crate) fn forget(&mut self) -> Marks {
        self.free.extend(&self.leaving);
        self.leaving.drain(..).collect()
    }

    /// Who holds what, and what was left out.
    pub(crate) fn shares(&self) -> &Shares {
        &self.shares
    }
}

/// Some numbers of a kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks(Vec<u64>);

impl FromIterator<u32> for Marks {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut marks = Self::default();
        numbers.into_iter().for_each(|number| marks.set(number));
        marks
    }
}

impl Marks {
    fn set(&mut self, number: u32) {
        let word = number as usize / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (number % 64);
    }

    /// Whether a number is one of them.
    #[inline]
    pub(crate) fn has(&self, number: u32) -> bool {
        self.0.get(number as usize / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        (0..self.0.len() as u32 * 64).filter(|number| self.has(*number))
    }
}

/// Things found by their content.
#[derive(Debug)]
pub(crate) struct Registry<T> {
    pub(crate) items: Vec<T>,
    pub(crate) numbers: Numbers,
    table: HashTable<u16>,
}

/// Numbers of a kind at most, with those that leave: they have 13 bits where they are packed.
const MOST: usize = (1 << 13) - FIRST as usize;

impl<T: Default> Registry<T> {
    /// Holds "none" and "other", and at most so many.
    pub(crate) fn new(cap: usize) -> Self {
        Self { items: vec![T::default(), T::default()], numbers: Numbers::new(cap, MOST), table: HashTable::new() }
    }

    /// The number of a thing; 1, "other", where there is no room for it (counted).
    pub(crate) fn intern(&mut self, hash: u64, namer: Namer, is_same: impl Fn(&T) -> bool, make: impl FnOnce() -> T, rehash: impl Fn(&T) -> u64) -> u16 {
        let Self { items, numbers, table } = self;
        if let Some(known) = table.find(hash, |at| is_same(&items[*at as usize])) {
            numbers.see(u32::from(*known), namer.tick);
            return *known;
        }
        let left = |number: u32| {
            let number = number as u16;
            if let Ok(found) = table.find_entry(rehash(&items[number as usize]), |at| *at == number) {
                found.remove();
            }
        };
        let Some(number) = numbers.take(namer, left) else { return 1 };
        let number = number as u16;
        match items.get_mut(number as usize) {
            Some(item) => *item = make(),
            None => items.push(make()),
        }
        table.insert_unique(hash, number, |at| rehash(&items[*at as usize]));
        number
    }

    /// What leaves now.
    pub(crate) fn forget(&mut self) -> Marks {
        let gone = self.numbers.forget();
        for number in gone.iter() {
            self.items[number as usize] = T::default();
        }
        gone
    }

    /// All that are here, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u16, &T)> {
        self.items
            .iter()
            .enumerate()
            .skip(FIRST as usize)
            .map(|(number, item)| (number as u16, item))
            .filter(|(number, _)| self.numbers.is_here(u32::from(*number)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intern(registry: &mut Registry<u64>, source: u32, tick: u32, thing: u64) -> u16 {
        registry.intern(thing, Namer { source: SourceId(source), tick }, |known| *known == thing, || thing, |known| *known)
    }

    #[test]
    fn what_was_not_seen_for_longest_leaves_and_its_number_is_given_again_once_it_is_forgotten() {
        let mut registry: Registry<u64> = Registry::new(128);
        let first: Vec<u16> = (0..128).map(|thing| intern(&mut registry, 1, 1, thing)).collect();
        (0..126).for_each(|thing| assert_eq!(intern(&mut registry, 1, 2, thing), first[thing as usize]));
        let new = intern(&mut registry, 1, 3, 500);
        assert!(!first.contains(&new) && new > 1, "numbers of those that leave are not given before they are forgotten");
        assert_eq!(registry.numbers.shares().num_left_out(), 2);
        let held: Vec<u64> = registry.iter().map(|(_, thing)| *thing).collect();
        assert_eq!((held.len(), held.contains(&126), held.contains(&127), held.contains(&500)), (127, false, false, true));
        let serial = registry.numbers.serial(u32::from(first[126]));
        let gone: Vec<u32> = registry.forget().iter().collect();
        assert_eq!(gone, [u32::from(first[126]), u32::from(first[127])]);
        assert!(registry.forget().is_empty());
        let again = [intern(&mut registry, 1, 4, 126), intern(&mut registry, 1, 4, 127)];
        assert!(again.iter().any(|number| *number == first[126]) && registry.numbers.serial(u32::from(first[126])) != serial);
        assert_eq!(intern(&mut registry, 1, 5, 500), new);
    }

    #[test]
    fn another_source_finds_its_share_and_all_that_leaves_in_one_batch_is_bounded() {
        let mut registry: Registry<u64> = Registry::new(5_000);
        for thing in 0..20_000 {
            intern(&mut registry, 1, 1, thing);
        }
        assert!(registry.items.len() <= 1 << 13);
        assert_eq!(intern(&mut registry, 1, 1, 99_999), 1, "all numbers are given until the batch ends");
        let num_left_out = registry.numbers.shares().num_left_out();
        assert_eq!(num_left_out, 20_001 - registry.iter().count() as u64);
        registry.forget();
        let good: Vec<u16> = (0..1_000).map(|thing| intern(&mut registry, 2, 2, 1_000_000 + thing)).collect();
        registry.forget();
        for thing in 0..20_000 {
            intern(&mut registry, 1, 3, thing);
            if thing % 500 == 0 {
                registry.forget();
            }
        }
        assert!((0..1_000).all(|thing| intern(&mut registry, 2, 4, 1_000_000 + thing) == good[thing as usize]));
        assert!(registry.iter().count() <= 5_000);
    }
}
