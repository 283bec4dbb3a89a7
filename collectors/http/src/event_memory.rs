//! Which events were told already: an actuator answers with the same ring of events at every poll.

use std::collections::HashMap;

use switchboard_model::{RawHash, Redactor};

use crate::actuator::EventReading;

/// The most keys remembered. An answer of at most 1 MiB holds fewer events than this.
const MOST_KEYS: usize = 32_768;

/// How many answers an event is remembered after it left the ring, to notice when it comes back.
const ANSWERS_KEPT: u64 = 120;

/// How much older than the newest known event an unseen one may be, ns: the order within the library is not exact.
const ORDER_TOLERANCE_NS: i64 = 2_000_000_000;

/// What an answer's events tell.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sighting {
    /// Indexes of the events that were not told before.
    pub fresh: Vec<usize>,
    /// Why this cannot be the ring of events that was seen before, if it cannot.
    pub other_ring: Option<&'static str>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    /// How many equal events were told (two calls may end in the same millisecond).
    num_told: u32,
    /// How many equal events the answer that is being read holds.
    num_in_answer: u32,
    /// The answer that held it last.
    last_answer: u64,
}

/// The events that were told.
#[derive(Debug, Default)]
pub(crate) struct EventMemory {
    known: HashMap<RawHash, Known>,
    num_answers: u64,
    newest_ns: Option<i64>,
}

impl EventMemory {
    /// Takes in an answer's events and says which are new. Events leave a ring at its old end and enter at its new end; an
    /// event that was gone and is back, or that is new and yet older than those known, comes from another ring.
    pub fn see(&mut self, events: &[EventReading], redactor: &Redactor) -> Sighting {
        let mut sighting = Sighting::default();
        let previous = self.num_answers;
        self.num_answers += 1;
        for (at, event) in events.iter().enumerate() {
            let [created, kind, transition] = &event.key;
            let key = redactor.hash(&[Some(event.name.as_bytes()), Some(created.as_bytes()), Some(kind.as_bytes()), Some(transition.as_bytes())]);
            let known = self.known.entry(key).or_insert(Known { num_told: 0, num_in_answer: 0, last_answer: self.num_answers });
            if known.num_told == 0 && previous > 0 && is_older(event.at_ns, self.newest_ns) {
                sighting.other_ring = Some("events older than those known came up");
            }
            if known.last_answer < self.num_answers {
                if known.last_answer < previous {
                    sighting.other_ring = Some("events that were gone came back");
                }
                known.last_answer = self.num_answers;
                known.num_in_answer = 0;
            }
            known.num_in_answer += 1;
            if known.num_in_answer > known.num_told {
                known.num_told = known.num_in_answer;
                sighting.fresh.push(at);
            }
        }
        self.newest_ns = events.iter().filter_map(|event| event.at_ns).max();
        self.forget();
        sighting
    }

    fn forget(&mut self) {
        let oldest = self.num_answers.saturating_sub(ANSWERS_KEPT);
        self.known.retain(|_, known| known.last_answer > oldest);
        if self.known.len() > MOST_KEYS {
            let newest = self.num_answers;
            self.known.retain(|_, known| known.last_answer == newest);
        }
    }
}

fn is_older(at_ns: Option<i64>, newest_ns: Option<i64>) -> bool {
    matches!((at_ns, newest_ns), (Some(at_ns), Some(newest_ns)) if at_ns.saturating_add(ORDER_TOLERANCE_NS) < newest_ns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_model::BreakerEventKind;

    fn events(seconds: &[i64]) -> Vec<EventReading> {
        let event = |second: &i64| EventReading {
            name: "payments".into(),
            key: [second.to_string(), "ERROR".into(), String::new()],
            at_ns: Some(second * 1_000_000_000),
            kind: BreakerEventKind::Error,
        };
        seconds.iter().map(event).collect()
    }

    fn see(memory: &mut EventMemory, seconds: &[i64]) -> (usize, bool) {
        let sighting = memory.see(&events(seconds), &Redactor::new([7; 16], &[]));
        (sighting.fresh.len(), sighting.other_ring.is_some())
    }

    #[test]
    fn each_event_of_a_sliding_ring_is_told_once() {
        let mut memory = EventMemory::default();
        assert_eq!(see(&mut memory, &[10, 20, 30]), (3, false));
        assert_eq!(see(&mut memory, &[10, 20, 30]), (0, false));
        assert_eq!(see(&mut memory, &[20, 30, 40]), (1, false));
        assert_eq!(see(&mut memory, &[50, 60, 70]), (3, false), "the ring turned over between two polls");
        assert_eq!(see(&mut memory, &[]), (0, false), "restarted");
        assert_eq!(see(&mut memory, &[80]), (1, false));
    }

    #[test]
    fn equal_events_of_one_instant_are_counted_each() {
        let mut memory = EventMemory::default();
        assert_eq!(see(&mut memory, &[10, 10]), (2, false));
        assert_eq!(see(&mut memory, &[10, 10, 10]), (1, false));
        assert_eq!(see(&mut memory, &[10, 10]), (0, false), "one of them left the ring");
    }

    #[test]
    fn another_ring_is_noticed() {
        let mut memory = EventMemory::default();
        assert_eq!(see(&mut memory, &[10, 20, 30]), (3, false));
        assert_eq!(see(&mut memory, &[15, 25]), (2, true), "unseen and older than what is known");
        let mut memory = EventMemory::default();
        assert_eq!(see(&mut memory, &[10, 20, 30]), (3, false));
        assert_eq!(see(&mut memory, &[40, 50]), (2, false), "may have turned over");
        assert_eq!(see(&mut memory, &[10, 20, 30]), (0, true), "but a ring brings nothing back");
    }

    #[test]
    fn memory_is_bounded() {
        let mut memory = EventMemory::default();
        for answer in 0..20 {
            let seconds: Vec<i64> = (0..7000).map(|at| answer * 7000 + at).collect();
            assert_eq!(see(&mut memory, &seconds), (7000, false));
            assert!(memory.known.len() <= MOST_KEYS);
        }
    }
}
