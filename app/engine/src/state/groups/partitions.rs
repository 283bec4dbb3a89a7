//! Where a group stands on each partition of a topic. There may be millions of these: most take 23 bytes.

/// Stands for "no commit" and "unknown" in an offset: no broker has negative ones.
const NO_OFFSET: i64 = -1;

/// A group on a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupPartition {
    pub(crate) partition: i32,
    committed: i64,
    end: i64,
    /// The first commit seen, and when.
    first_ns: i64,
    first: i64,
    /// The highest commit seen, and since when.
    highest: i64,
    highest_since_ns: i64,
}

impl GroupPartition {
    fn new(partition: i32) -> Self {
        Self { partition, committed: NO_OFFSET, end: NO_OFFSET, first_ns: i64::MAX, first: NO_OFFSET, highest: NO_OFFSET, highest_since_ns: i64::MAX }
    }

    /// Committed offset as last read; `None` = no commit.
    pub(crate) fn committed(&self) -> Option<i64> {
        (self.committed >= 0).then_some(self.committed)
    }

    /// End as read after it; `None` = unknown.
    pub(crate) fn end(&self) -> Option<i64> {
        (self.end >= 0).then_some(self.end)
    }

    /// Records committed while we watched, given where the partition ended when it was first seen: what lies beyond that end
    /// was committed later, even if no commit was seen before. `None` without any commit.
    pub(crate) fn handled(&self, first_end: Option<i64>) -> Option<u64> {
        let from = self.first.min(first_end.unwrap_or(i64::MAX));
        (self.highest >= 0).then(|| (self.highest - from).max(0) as u64)
    }

    /// How far the committed offset was set back behind the highest seen, since the topic began.
    pub(crate) fn rewound(&self, began_ns: i64) -> u64 {
        let committed = self.committed().filter(|_| self.highest_since_ns >= began_ns);
        committed.map_or(0, |committed| (self.highest - committed).max(0) as u64)
    }

    /// Since when the committed offset is what it is; `None` where it was another before and after.
    pub(crate) fn unmoved_since_ns(&self) -> Option<i64> {
        (self.committed() == Some(self.highest)).then_some(self.highest_since_ns)
    }

    /// When the commit came to stand where it stands; `None` where nobody saw it move: the first that was seen was there before.
    pub(crate) fn moved_ns(&self) -> Option<i64> {
        self.unmoved_since_ns().filter(|_| self.highest > self.first)
    }

    /// Takes what the newest reading says; `None` = no commit, unknown.
    pub(crate) fn set(&mut self, committed: Option<i64>, end: Option<i64>) {
        let offset = |told: Option<i64>| told.filter(|offset| *offset >= 0).unwrap_or(NO_OFFSET);
        (self.committed, self.end) = (offset(committed), offset(end));
    }

    /// Remembers the commit of a reading, whatever its time.
    pub(crate) fn remember(&mut self, read_ns: i64, committed: i64) {
        if (read_ns, committed) < (self.first_ns, self.first) {
            (self.first_ns, self.first) = (read_ns, committed);
        }
        if committed > self.highest {
            (self.highest, self.highest_since_ns) = (committed, read_ns);
        } else if committed == self.highest {
            self.highest_since_ns = self.highest_since_ns.min(read_ns);
        }
    }
}

/// A partition in few bytes: one whose commit is the highest seen, as almost all are. The place is its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Packed {
    /// Highest commit; of one without any, its end + 1.
    highest: [u8; 7],
    /// Since when, ns after the first commit seen.
    since_ns: [u8; 7],
    /// End − highest.
    ahead: [u8; 4],
    /// Highest − first.
    back: [u8; 4],
    /// When the first commit was seen: the place of that time, or one of those below.
    first_at: u8,
}

/// There was no commit.
const UNCOMMITTED: u8 = u8::MAX;
/// It does not fit here.
const ELSEWHERE: u8 = u8::MAX - 1;

fn seven(number: i64) -> Option<[u8; 7]> {
    let bytes = number.to_le_bytes();
    if bytes[7] == 0 { bytes.first_chunk::<7>().copied() } else { None }
}

fn number(seven: [u8; 7]) -> i64 {
    let mut bytes = [0; 8];
    bytes[..7].copy_from_slice(&seven);
    i64::from_le_bytes(bytes)
}

impl Packed {
    const ELSEWHERE: Self = Self { highest: [0; 7], since_ns: [0; 7], ahead: [0; 4], back: [0; 4], first_at: ELSEWHERE };

    fn pack(wide: &GroupPartition, firsts_ns: &mut Vec<i64>) -> Option<Self> {
        if wide.highest == NO_OFFSET {
            return Some(Self { highest: seven(wide.end.checked_add(1)?)?, first_at: UNCOMMITTED, ..Self::ELSEWHERE }).filter(|_| wide.committed == NO_OFFSET);
        }
        if wide.committed != wide.highest || wide.end == NO_OFFSET {
            return None;
        }
        let highest = seven(wide.highest)?;
        let since_ns = seven(wide.highest_since_ns.checked_sub(wide.first_ns)?)?;
        let ahead = i32::try_from(wide.end.checked_sub(wide.highest)?).ok()?.to_le_bytes();
        let back = u32::try_from(wide.highest.checked_sub(wide.first)?).ok()?.to_le_bytes();
        let known = firsts_ns.iter().rposition(|known| *known == wide.first_ns);
        let first_at = known.unwrap_or(firsts_ns.len());
        if first_at >= usize::from(ELSEWHERE) {
            return None;
        }
        if known.is_none() {
            firsts_ns.push(wide.first_ns);
        }
        Some(Self { highest, since_ns, ahead, back, first_at: first_at as u8 })
    }

    fn unpack(&self, partition: i32, firsts_ns: &[i64]) -> Option<GroupPartition> {
        if self.first_at == UNCOMMITTED {
            return Some(GroupPartition { end: number(self.highest) - 1, ..GroupPartition::new(partition) });
        }
        let first_ns = *firsts_ns.get(usize::from(self.first_at))?;
        let highest = number(self.highest);
        Some(GroupPartition {
            partition,
            committed: highest,
            end: highest + i64::from(i32::from_le_bytes(self.ahead)),
            first_ns,
            first: highest - i64::from(u32::from_le_bytes(self.back)),
            highest,
            highest_since_ns: first_ns + number(self.since_ns),
        })
    }
}

/// All partitions of a group on a topic.
#[derive(Clone, Debug, Default)]
pub(crate) struct GroupPartitions {
    /// By number, from 0 on without a gap.
    packed: Vec<Packed>,
    /// The others, sorted by number.
    wide: Vec<GroupPartition>,
    /// Times at which first commits were seen.
    firsts_ns: Vec<i64>,
}

impl GroupPartitions {
    /// About to hold so many.
    pub(crate) fn reserve(&mut self, num: usize) {
        if self.packed.is_empty() {
            self.packed.reserve_exact(num);
        }
    }

    fn place(partition: i32) -> usize {
        usize::try_from(partition).unwrap_or(usize::MAX)
    }

    fn wide_at(&self, partition: i32) -> Result<usize, usize> {
        self.wide.binary_search_by_key(&partition, |known| known.partition)
    }

    fn get(&self, partition: i32) -> Option<GroupPartition> {
        let packed = self.packed.get(Self::place(partition)).and_then(|packed| packed.unpack(partition, &self.firsts_ns));
        packed.or_else(|| self.wide_at(partition).ok().map(|at| self.wide[at]))
    }

    /// Changes a partition, a new one if it was not known.
    pub(crate) fn update(&mut self, partition: i32, change: impl FnOnce(&mut GroupPartition)) {
        let mut known = self.get(partition).unwrap_or_else(|| GroupPartition::new(partition));
        change(&mut known);
        let place = Self::place(partition);
        let packed = if place <= self.packed.len() { Packed::pack(&known, &mut self.firsts_ns) } else { None };
        match (packed, self.wide_at(partition)) {
            (Some(_), Ok(at)) => {
                self.wide.remove(at);
                if self.wide.is_empty() {
                    self.wide = Vec::new();
                }
            }
            (Some(_), Err(_)) => {}
            (None, Ok(at)) => self.wide[at] = known,
            (None, Err(at)) => self.wide.insert(at, known),
        }
        match self.packed.get_mut(place) {
            Some(here) => *here = packed.unwrap_or(Packed::ELSEWHERE),
            None => self.packed.extend(packed),
        }
    }

    /// How many are known.
    pub(crate) fn len(&self) -> usize {
        self.packed.len() + self.wide.iter().filter(|known| Self::place(known.partition) >= self.packed.len()).count()
    }

    /// All that are known: those from 0 on without a gap, then the others, each by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = GroupPartition> {
        let near = (0..self.packed.len()).filter_map(|at| self.get(at as i32));
        near.chain(self.wide.iter().filter(|known| Self::place(known.partition) >= self.packed.len()).copied())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    type Step = (i32, i64, Option<i64>, Option<i64>);

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let number = prop_oneof![9 => 0..6_i32, 1 => any::<i32>()];
        let time_ns = prop_oneof![8 => 0..50_i64, 1 => 0..i64::MAX, 1 => any::<i64>()];
        let offset = || prop_oneof![8 => -1..40_i64, 1 => 0..i64::MAX, 1 => (1_i64 << 54)..(1 << 57)];
        prop::collection::vec((number, time_ns, prop::option::of(offset()), prop::option::of(offset())), 0..60)
    }

    proptest! {
        #[test]
        fn what_is_packed_reads_as_what_was_put(steps in steps()) {
            let mut expected: BTreeMap<i32, GroupPartition> = BTreeMap::new();
            let mut partitions = GroupPartitions::default();
            for (number, read_ns, committed, end) in steps {
                let change = |known: &mut GroupPartition| {
                    if let Some(committed) = committed.filter(|committed| *committed >= 0) {
                        known.remember(read_ns, committed);
                    }
                    known.set(committed, end);
                };
                change(expected.entry(number).or_insert_with(|| GroupPartition::new(number)));
                partitions.update(number, change);
            }
            let mut told: Vec<GroupPartition> = partitions.iter().collect();
            told.sort_by_key(|known| known.partition);
            prop_assert_eq!(told, expected.into_values().collect::<Vec<_>>());
        }
    }

    #[test]
    fn partitions_that_keep_pace_take_23_bytes() {
        let mut partitions = GroupPartitions::default();
        for (at, number) in (0..20).flat_map(|at| (0..1_000).map(move |number| (at, number))) {
            partitions.update(number, |known| {
                known.remember(at * 1_000_000_007, 5_000_000_000 + at * i64::from(number));
                known.set(Some(5_000_000_000 + at * i64::from(number)), Some(5_000_001_000 + at * i64::from(number)));
            });
        }
        assert_eq!((size_of::<Packed>(), partitions.packed.len(), partitions.wide.len(), partitions.firsts_ns.len()), (23, 1_000, 0, 1));
    }
}
