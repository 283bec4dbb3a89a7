//! How many records a group has before it, where offsets alone do not tell: the markers of transactions take offsets, and what was
//! aborted is not read. Counted by a small bounded read, once a lag has stood still.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;

use crate::asking::PartitionName;
use crate::catalogue::{Catalogue, TopicId};
use crate::client::{self, Role};
use crate::config::Config;
use crate::failure::{BrokerErrors, Code};
use crate::native::{RecordQueue, RecordView};
use crate::reaper;

/// Farther from the end nobody counts: so many markers do not stand in a row.
const FARTHEST: i64 = 1_000;
/// Partitions that are counted in one turn.
const MOST_AT_ONCE: usize = 16;
/// How long one turn may read.
const READ_WITHIN: Duration = Duration::from_millis(500);
/// How much of one place is read in one turn, in bytes; it is passed by one record at most.
const MOST_BYTES: usize = 4 << 20;
/// How often in a row a place is read that does not come to its end. Then it rests, each time for longer: whatever was in the way may
/// be gone by then.
const MOST_TRIES: u32 = 3;
/// Rounds that it rests at most.
const LONGEST_REST: u64 = 150;
/// An end that moved so far makes it worth another try at once.
const CONSIDERABLE: u64 = 100;
/// The part of the rate cap that counting takes at most: one in so many bytes.
const SHARE_OF_CAP: f64 = 4.0;
/// Places whose count is kept.
const MOST_KNOWN: usize = 20_000;
/// Records taken from the library at once.
const MOST_TAKEN: usize = 256;

/// Where a group stands: topic, partition, committed.
pub(crate) type Place = (TopicId, i32, i64);

#[derive(Clone, Copy)]
struct Known {
    end: i64,
    /// `None` = not counted yet.
    num_readable: Option<u64>,
    round: u64,
    /// Where the next try goes on, and how many were counted before.
    next: i64,
    num_so_far: u64,
    /// Tries that did not come to the end, and the round from which on there may be another one.
    tries: u32,
    due: u64,
}

impl Known {
    fn new(committed: i64, end: i64, round: u64) -> Self {
        Self { end, num_readable: None, round, next: committed, num_so_far: 0, tries: 0, due: 0 }
    }

    /// Takes note of the end in this round; true if it is to be counted: it stood still since it was last seen.
    fn see(&mut self, committed: i64, end: i64, round: u64) -> bool {
        if self.end == end {
            self.round = round;
            return self.num_readable.is_none() && round >= self.due;
        }
        let (tries, due) = if self.end.abs_diff(end) < CONSIDERABLE { (self.tries, self.due) } else { (0, 0) };
        *self = Self { tries, due, ..Self::new(committed, end, round) };
        false
    }

    /// Counts a record. True if it is the last one, or lies behind the end.
    fn take(&mut self, offset: i64) -> bool {
        if (self.next..self.end).contains(&offset) {
            self.num_so_far += 1;
            self.next = offset + 1;
        }
        offset >= self.end || self.next >= self.end
    }

    fn finish(&mut self) {
        self.num_readable = Some(self.num_so_far);
        self.tries = 0;
    }

    /// A try did not come to the end.
    fn note_failed(&mut self, round: u64) {
        self.tries = self.tries.saturating_add(1);
        self.due = round + if self.tries < MOST_TRIES { 1 } else { LONGEST_REST.min(1_u64 << self.tries.min(16)) };
    }
}

/// Counts, and keeps what was counted.
#[derive(Default)]
pub(crate) struct Counter {
    queue: Option<RecordQueue>,
    known: HashMap<Place, Known>,
    round: u64,
    /// What was read is paid for by then.
    rests_until: Option<Instant>,
}

impl Counter {
    /// A new round over all groups begins; what the last two did not touch is forgotten.
    pub fn begin_round(&mut self) {
        self.round += 1;
        let round = self.round;
        self.known.retain(|_, known| known.round + 1 >= round);
    }

    /// Takes in where groups stand (and the end there), and returns what is known of these places by now.
    pub fn count(
        &mut self,
        places: &[(Place, i64)],
        catalogue: &Catalogue,
        config: &Config,
        errors: &Arc<BrokerErrors>,
        stopped: &dyn Fn() -> bool,
    ) -> HashMap<Place, u64> {
        let due = self.due(places);
        if !due.is_empty() && self.rests_until.is_none_or(|at| Instant::now() >= at) {
            self.read(&due, catalogue, config, errors, stopped);
        }
        places.iter().filter_map(|(place, end)| Some((*place, self.known.get(place).filter(|known| known.end == *end)?.num_readable?))).collect()
    }

    /// Takes in where groups stand, and says which places are to be read now.
    fn due(&mut self, places: &[(Place, i64)]) -> Vec<Place> {
        let mut due = Vec::new();
        for (place, end) in places {
            if end.saturating_sub(place.2) > FARTHEST {
                continue;
            }
            let has_room = self.known.len() < MOST_KNOWN;
            match self.known.get_mut(place) {
                Some(known) => due.extend(known.see(place.2, *end, self.round).then_some(*place)),
                None if has_room => {
                    self.known.insert(*place, Known::new(place.2, *end, self.round));
                }
                None => {}
            }
        }
        due.sort_unstable();
        // Of one partition only one place is read at a time.
        due.dedup_by_key(|(topic, partition, _)| (*topic, *partition));
        // What cannot be read stays due: it must not stand before the others for ever.
        let num_due = due.len().max(1);
        due.rotate_left((self.round as usize).wrapping_mul(MOST_AT_ONCE) % num_due);
        due.truncate(MOST_AT_ONCE);
        due
    }

    fn read(&mut self, due: &[Place], catalogue: &Catalogue, config: &Config, errors: &Arc<BrokerErrors>, stopped: &dyn Fn() -> bool) {
        if self.queue.is_none() {
            if !reaper::admit(stopped) {
                return;
            }
            let queue = client::make(config, Role::Count, errors).ok().and_then(|client| RecordQueue::new(client).ok());
            self.queue = queue;
        }
        let Some(queue) = &self.queue else { return };
        let (known, round) = (&mut self.known, self.round);
        let mut open: HashMap<PartitionName, (Place, usize)> = HashMap::new();
        let mut failed = Vec::new();
        for place in due {
            let Some(from) = known.get(place).map(|one| one.next) else { continue };
            let topic = Arc::clone(&catalogue.topic(place.0).name);
            if queue.start(&topic, place.1, from).is_ok() {
                open.insert((topic, place.1), (*place, 0));
            } else {
                failed.push(*place);
            }
        }
        let deadline = Instant::now() + READ_WITHIN;
        let mut num_bytes = 0;
        let mut over: Vec<PartitionName> = Vec::new();
        while !open.is_empty() && Instant::now() < deadline && !stopped() {
            queue.events(|event| errors.hear(event));
            queue.take(MOST_TAKEN, Duration::from_millis(20), |view| {
                let error = view.error();
                let size = if error.is_none() { bytes_of(view) } else { 0 };
                num_bytes += size;
                let key: PartitionName = (view.topic().into(), view.partition());
                let Some((place, num_of_one)) = open.get_mut(&key) else { return };
                *num_of_one += size;
                let is_too_much = *num_of_one >= MOST_BYTES;
                let place = *place;
                let Some(one) = known.get_mut(&place) else { return };
                let is_counted = match error {
                    None => one.take(view.offset()),
                    // What cannot be read is not counted.
                    Some(code) => code == Code::PARTITION_EOF,
                };
                if is_counted {
                    one.finish();
                } else if error.is_some() || is_too_much {
                    failed.push(place);
                } else {
                    return;
                }
                open.remove(&key);
                over.push(key);
            });
            for (topic, partition) in over.drain(..) {
                queue.stop(&topic, partition);
            }
        }
        for ((topic, partition), (place, _)) in open {
            queue.stop(&topic, partition);
            failed.push(place);
        }
        for place in failed {
            if let Some(one) = known.get_mut(&place) {
                one.note_failed(round);
            }
        }
        self.rests_until = config.rate_cap_bytes_per_s.map(|cap| Instant::now() + rest_after(num_bytes, cap));
    }

    /// Ends the client; what was counted stays.
    pub fn end(&mut self) {
        if let Some(queue) = self.queue.take() {
            reaper::retire(Box::new(queue));
        }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.end();
    }
}

fn bytes_of(record: &RecordView<'_>) -> usize {
    let len = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
    let headers: usize = record.headers().map(|(name, value)| name.len() + len(value)).sum();
    len(record.key()) + len(record.value()) + headers
}

/// How long nothing is read after so many bytes, so that counting keeps to its share of the cap.
fn rest_after(num_bytes: usize, cap_bytes_per_s: u64) -> Duration {
    Duration::from_secs_f64(num_bytes as f64 * SHARE_OF_CAP / cap_bytes_per_s.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = (0, 0, 10);

    /// Whether the place is due in the next round, with this end.
    fn is_due(counter: &mut Counter, end: i64) -> bool {
        counter.begin_round();
        !counter.due(&[(PLACE, end)]).is_empty()
    }

    fn fail(counter: &mut Counter) {
        let round = counter.round;
        counter.known.get_mut(&PLACE).expect("known").note_failed(round);
    }

    #[test]
    fn a_place_that_is_not_read_to_its_end_rests_longer_and_longer() {
        let mut counter = Counter::default();
        assert!(!is_due(&mut counter, 500), "whether it stands still is not known");
        let mut tried = Vec::new();
        for _ in 0..600 {
            if is_due(&mut counter, 500) {
                tried.push(counter.round);
                fail(&mut counter);
                assert!(counter.due(&[(PLACE, 500)]).is_empty(), "once in a round, whoever stands there");
            }
        }
        let pauses: Vec<u64> = tried.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!((tried[0], pauses), (2, vec![1, 1, 8, 16, 32, 64, 128, 150, 150]));
        // An end that moves a little ends no rest.
        assert!(!is_due(&mut counter, 501) && !is_due(&mut counter, 501));
        assert!(!is_due(&mut counter, 501 + CONSIDERABLE as i64) && is_due(&mut counter, 501 + CONSIDERABLE as i64));
        // Where the group stands now is another place.
        let moved = [((0, 0, 11), 500)];
        assert!(counter.due(&moved).is_empty());
        counter.begin_round();
        assert_eq!(counter.due(&moved), [(0, 0, 11)]);
    }

    #[test]
    fn a_try_goes_on_where_the_last_one_ended() {
        let mut counter = Counter::default();
        assert!(!is_due(&mut counter, 20) && is_due(&mut counter, 20));
        let known = counter.known.get_mut(&PLACE).expect("known");
        assert!(!known.take(10) && !known.take(12) && !known.take(-2), "what was asked for begins behind");
        fail(&mut counter);
        assert!(is_due(&mut counter, 20));
        let known = counter.known.get_mut(&PLACE).expect("known");
        assert_eq!((known.next, known.num_so_far), (13, 2));
        assert!(known.take(25), "behind the end");
        assert_eq!(known.num_so_far, 2);
        assert!(known.take(19));
        known.finish();
        assert_eq!((known.num_readable, known.tries), (Some(3), 0));
        assert!(!is_due(&mut counter, 20), "counted");
        // With another end it is counted from its beginning: it may be another log.
        assert!(!is_due(&mut counter, 19) && is_due(&mut counter, 19));
        let known = counter.known[&PLACE];
        assert_eq!((known.next, known.num_so_far, known.num_readable), (10, 0, None));
    }

    #[test]
    fn counting_keeps_to_its_share_of_the_cap() {
        assert_eq!(rest_after(0, 20_000_000), Duration::ZERO);
        assert_eq!(rest_after(5_000_000, 20_000_000), Duration::from_secs(1));
        // A cap of next to nothing ends nothing.
        let _later = Instant::now() + rest_after(MOST_AT_ONCE * MOST_BYTES, 0);
    }
}
