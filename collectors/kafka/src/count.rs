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
use crate::native::RecordQueue;
use crate::reaper;

/// Farther from the end nobody counts: so many markers do not stand in a row.
const FARTHEST: i64 = 1_000;
/// Partitions that are counted in one turn.
const MOST_AT_ONCE: usize = 16;
/// How long one turn may read.
const READ_WITHIN: Duration = Duration::from_millis(500);
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
}

/// Counts, and keeps what was counted.
#[derive(Default)]
pub(crate) struct Counter {
    queue: Option<RecordQueue>,
    known: HashMap<Place, Known>,
    round: u64,
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
        let mut due = Vec::new();
        for (place, end) in places {
            if end.saturating_sub(place.2) > FARTHEST {
                continue;
            }
            let has_room = self.known.len() < MOST_KNOWN;
            match self.known.get_mut(place) {
                Some(known) if known.end == *end => {
                    known.round = self.round;
                    // It stood still since it was last seen.
                    if known.num_readable.is_none() {
                        due.push(*place);
                    }
                }
                Some(known) => *known = Known { end: *end, num_readable: None, round: self.round },
                None if has_room => {
                    self.known.insert(*place, Known { end: *end, num_readable: None, round: self.round });
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
        if !due.is_empty() {
            self.read(&due, catalogue, config, errors, stopped);
        }
        places.iter().filter_map(|(place, end)| Some((*place, self.known.get(place).filter(|known| known.end == *end)?.num_readable?))).collect()
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
        let mut open: HashMap<PartitionName, (Place, u64)> = HashMap::new();
        for place in due {
            let topic = Arc::clone(&catalogue.topic(place.0).name);
            if queue.start(&topic, place.1, place.2).is_ok() {
                open.insert((topic, place.1), (*place, 0));
            }
        }
        let started: Vec<PartitionName> = open.keys().cloned().collect();
        let deadline = Instant::now() + READ_WITHIN;
        let known = &mut self.known;
        while !open.is_empty() && Instant::now() < deadline && !stopped() {
            queue.events(|event| errors.hear(event));
            queue.take(MOST_TAKEN, Duration::from_millis(20), |view| {
                let key = (view.topic().into(), view.partition());
                let Some((place, num)) = open.get_mut(&key) else { return };
                let end = known.get(place).map_or(0, |known| known.end);
                let is_over = match view.error() {
                    None if view.offset() < end => {
                        *num += 1;
                        view.offset() + 1 >= end
                    }
                    None | Some(Code::PARTITION_EOF) => true,
                    // What cannot be read is not counted.
                    Some(_) => {
                        open.remove(&key);
                        return;
                    }
                };
                if is_over
                    && let Some((place, num)) = open.remove(&key)
                    && let Some(known) = known.get_mut(&place)
                {
                    known.num_readable = Some(num);
                }
            });
        }
        for (topic, partition) in started {
            queue.stop(&topic, partition);
        }
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
