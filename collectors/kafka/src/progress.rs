//! How far each partition was read: every offset is offered once, whatever the library delivers again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;

use crate::plan::{PartitionKey, Start};

/// How long a partition may give nothing though there is more in it. Then the client is replaced: a log that was made anew while its
/// broker was away, or anything else that the library has not noticed.
pub(crate) const STALLED_AFTER: Duration = Duration::from_secs(5);
/// Longest time between two replacements that did not help.
const LONGEST_STALL: Duration = Duration::from_mins(5);

/// Where the reading of a partition stands.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    pub key: PartitionKey,
    /// The next offset that is wanted; lower ones were delivered before.
    pub next: i64,
    /// Offsets below are passed over.
    pub first_wanted: i64,
    /// Its topic is gone: one that comes back under the name is another one.
    is_forgotten: bool,
    /// Whether the client has it assigned.
    pub is_assigned: bool,
    /// Whether the plan wants it.
    pub is_wanted: bool,
    /// The position is not there (any more): to be found anew.
    pub is_lost: bool,
    /// It is to be read from another position than the client's.
    pub is_moved: bool,
    /// The end that was reached, as the brokers told it: what lies before it and was not delivered is no record.
    pub end_seen: i64,
    /// Since when there has been more, and at which position.
    pub stalled_since: Option<(Instant, i64)>,
    /// How long it may stand still, and where it stood when the client was last replaced for its sake.
    patience: Duration,
    replaced_at: Option<i64>,
    /// The channel's number in the batch of this epoch.
    pub channel: (u64, u32),
}

impl Progress {
    fn new(key: PartitionKey, start: Start) -> Self {
        Self {
            key,
            next: start.offset,
            first_wanted: start.first_wanted,
            is_forgotten: false,
            is_assigned: false,
            is_wanted: true,
            is_lost: false,
            is_moved: false,
            end_seen: 0,
            stalled_since: None,
            patience: STALLED_AFTER,
            replaced_at: None,
            channel: (u64::MAX, 0),
        }
    }

    /// Takes note of a record's offset; true if it is to be offered.
    pub fn pass(&mut self, offset: i64) -> bool {
        if offset < self.next {
            return false;
        }
        // The last offset that there is comes from no honest broker.
        self.next = offset.saturating_add(1);
        offset >= self.first_wanted
    }

    /// How far it was read: past the last record, or up to the end where that is farther.
    pub fn position(&self) -> i64 {
        self.next.max(self.end_seen)
    }

    /// Whether it has stood for too long at the same position though there is more.
    fn is_stalled(&mut self, has_more: bool, now: Instant) -> bool {
        let position = self.position();
        if self.replaced_at.is_some_and(|known| known != position) {
            (self.patience, self.replaced_at) = (STALLED_AFTER, None);
        }
        if !has_more {
            self.stalled_since = None;
            return false;
        }
        match self.stalled_since {
            Some((since, known)) if known == position => now.duration_since(since) >= self.patience,
            _ => {
                self.stalled_since = Some((now, position));
                false
            }
        }
    }

    /// The client is replaced for its sake: each replacement that did not help makes the next one later.
    fn note_replaced(&mut self) {
        let position = self.position();
        if self.replaced_at.replace(position).is_some() {
            self.patience = (self.patience * 2).min(LONGEST_STALL);
        }
    }

    /// The position is not there: continues within what is there now. Returns how many offsets were lost to retention.
    pub fn relocate(&mut self, low: i64, high: i64) -> i64 {
        self.is_lost = false;
        if self.next > high {
            // The log is shorter than what was read: the topic was made anew, so all of it is new.
            (self.next, self.first_wanted, self.end_seen) = (low, low, 0);
            return 0;
        }
        let num_lost = low.saturating_sub(self.next).max(0);
        self.next = self.next.max(low);
        num_lost
    }
}

/// The progress of all partitions that are or were read.
#[derive(Default)]
pub(crate) struct AllProgress {
    all: Vec<Progress>,
    by_key: HashMap<PartitionKey, usize>,
}

impl AllProgress {
    /// Takes a partition into the reading. One that is read already goes on where it stands.
    pub fn want(&mut self, key: &PartitionKey, start: Start) {
        let Some(&at) = self.by_key.get(key) else {
            self.by_key.insert(key.clone(), self.all.len());
            self.all.push(Progress::new(key.clone(), start));
            return;
        };
        let known = &mut self.all[at];
        known.is_wanted = true;
        if std::mem::take(&mut known.is_forgotten) {
            (known.next, known.first_wanted) = (start.offset, start.first_wanted);
            known.is_moved = true;
            known.end_seen = 0;
            known.is_lost = false;
        }
    }

    /// The topic is gone: one that comes back under the name is another one.
    pub fn forget(&mut self, topic: &Arc<str>) {
        for progress in self.all.iter_mut().filter(|progress| progress.key.0 == *topic) {
            progress.next = 0;
            progress.first_wanted = 0;
            progress.end_seen = 0;
            progress.is_forgotten = true;
        }
    }

    /// Whether a partition has stood still for so long, by where all end, that the client is to be replaced; `None` = all were held up.
    /// Each has a patience of its own: others that are read well say nothing of it.
    pub fn is_any_stalled(&mut self, ends: Option<&HashMap<PartitionKey, i64>>, now: Instant) -> bool {
        let mut is_any = false;
        for progress in &mut self.all {
            let end = ends.and_then(|ends| ends.get(&progress.key));
            let has_more = progress.is_assigned && end.is_some_and(|end| progress.position() < *end);
            if progress.is_stalled(has_more, now) {
                progress.note_replaced();
                is_any = true;
            }
        }
        is_any
    }

    pub fn find(&self, topic: &str, partition: i32) -> Option<usize> {
        // Only on the first record of a run, so a copy of the name does not matter.
        self.by_key.get(&(topic.into(), partition)).copied()
    }

    pub fn get_mut(&mut self, at: usize) -> &mut Progress {
        &mut self.all[at]
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Progress> {
        self.all.iter_mut()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Progress> {
        self.all.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(offset: i64) -> Progress {
        Progress::new(("t".into(), 0), Start { offset, first_wanted: offset })
    }

    #[test]
    fn every_offset_passes_once() {
        let mut progress = progress(10);
        assert_eq!([10, 11, 11, 10, 14, 15].map(|offset| progress.pass(offset)), [true, true, false, false, true, true]);
    }

    #[test]
    fn what_is_not_wanted_is_passed_over() {
        let mut progress = progress(3);
        progress.first_wanted = 5;
        assert_eq!([3, 4, 5, 6].map(|offset| progress.pass(offset)), [false, false, true, true]);
    }

    #[test]
    fn a_lost_position_is_found_anew() {
        let mut kept = progress(10);
        assert_eq!(kept.relocate(25, 100), 15);
        assert_eq!(kept.next, 25);
        let mut made_anew = progress(10);
        assert!(made_anew.pass(10));
        assert_eq!(made_anew.relocate(0, 3), 0);
        assert!(made_anew.pass(0) && made_anew.pass(2));
    }

    #[test]
    fn offsets_of_a_hostile_broker_end_nothing() {
        let mut progress = progress(0);
        assert!(progress.pass(i64::MAX - 1));
        for offset in [i64::MAX, i64::MAX, 0, i64::MIN] {
            let _passed_or_not = progress.pass(offset);
        }
        assert_eq!(progress.next, i64::MAX);
        assert_eq!(progress.relocate(i64::MIN, i64::MAX), 0);
        assert_eq!(progress.relocate(i64::MIN, i64::MIN), 0, "made anew");
        assert_eq!(progress.relocate(i64::MAX, i64::MAX), i64::MAX);
    }

    #[test]
    fn a_partition_stalls_only_where_there_is_more() {
        let (start, after) = (Instant::now(), STALLED_AFTER);
        let mut progress = progress(3);
        assert!(!progress.is_stalled(true, start));
        assert!(progress.is_stalled(true, start + after));
        assert!(progress.pass(3) && !progress.is_stalled(true, start + after), "it moved");
        assert!(!progress.is_stalled(false, start + after * 2) && !progress.is_stalled(true, start + after * 4));
        // Markers of transactions behind the last record.
        progress.end_seen = 7;
        assert_eq!(progress.position(), 7);
    }

    #[test]
    fn a_silent_partition_is_waited_for_ever_longer_beside_a_busy_one() {
        let start = Instant::now();
        let mut all = AllProgress::default();
        for partition in [0, 1] {
            all.want(&("t".into(), partition), Start { offset: 0, first_wanted: 0 });
        }
        let ends: HashMap<PartitionKey, i64> = [0, 1].into_iter().map(|partition| (("t".into(), partition), 1_000_000)).collect();
        let mut replaced = Vec::new();
        for second in 0..1_200_u64 {
            let busy = all.get_mut(0);
            busy.is_assigned = true;
            assert!(busy.pass(second as i64));
            all.get_mut(1).is_assigned = true;
            if all.is_any_stalled(Some(&ends), start + Duration::from_secs(second)) {
                replaced.push(second);
                // As when a client is dropped.
                for progress in all.iter_mut() {
                    progress.stalled_since = None;
                }
            }
        }
        let pauses: Vec<u64> = replaced.windows(2).map(|pair| pair[1] - pair[0]).collect();
        // A second more each, in which the new client is looked at for the first time.
        assert_eq!((replaced[0], pauses), (5, vec![6, 11, 21, 41, 81, 161, 301, 301]));
        // It gave something: from now on it is waited for as at first.
        let silent = all.get_mut(1);
        assert!(silent.pass(0));
        let later = start + Duration::from_mins(30);
        assert!(!silent.is_stalled(true, later) && silent.is_stalled(true, later + STALLED_AFTER));
        // Nothing counts while all are held up.
        assert!(!all.is_any_stalled(None, later + STALLED_AFTER * 2));
        assert_eq!(all.get_mut(1).stalled_since, None);
    }
}
