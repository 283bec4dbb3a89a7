//! Facts on their way into the sink. What is read again at the next poll is overwritten when there is no room, events wait.

use std::collections::VecDeque;

use switchboard_model::{Batch, BatchHeader, Fact, FactBatch, ItemKind, Offer, Sink};

/// The most events that wait for room.
const MOST_WAITING: usize = 8192;

/// The most facts of one batch, so that a batch stays below 1 MiB.
const FACTS_PER_BATCH: usize = 1000;

/// Facts that wait for room.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting_events: VecDeque<Fact>,
}

impl Outbox {
    /// Sends the facts of a poll after the events that still wait. `false` = the session closed the source.
    pub fn send(&mut self, sink: &Sink, facts: Vec<Fact>, received_ns: i64) -> bool {
        let mut facts: VecDeque<Fact> = std::mem::take(&mut self.waiting_events).into_iter().chain(facts).collect();
        while !facts.is_empty() {
            let next = facts.drain(..facts.len().min(FACTS_PER_BATCH)).collect();
            let header = BatchHeader { source: sink.source(), received_ns, ..BatchHeader::default() };
            match sink.offer(Batch::Facts(FactBatch { header, facts: next })) {
                Offer::Taken => {}
                Offer::Full(batch) => {
                    let Batch::Facts(batch) = batch else { return true };
                    self.keep(sink, batch.facts.into_iter().chain(facts));
                    return true;
                }
                Offer::Closed(_) => return false,
            }
        }
        true
    }

    fn keep(&mut self, sink: &Sink, facts: impl Iterator<Item = Fact>) {
        for fact in facts {
            if !matches!(fact, Fact::BreakerEvent(_)) {
                sink.fold(ItemKind::Fact, 1);
            } else if self.waiting_events.len() < MOST_WAITING {
                self.waiting_events.push_back(fact);
            } else {
                sink.refuse(ItemKind::Fact, 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use switchboard_model::{BreakerEventFact, BreakerEventKind, Input, InstanceFact, SourceId, channel};

    fn event() -> Fact {
        Fact::BreakerEvent(BreakerEventFact { caller: None, instance: None, name: "b".into(), kind: BreakerEventKind::Error, at_ns: 1 })
    }

    fn state() -> Fact {
        Fact::Instance(InstanceFact { address: "a".into(), service: None, instance: None, changing: false, process_id: None })
    }

    #[test]
    fn events_wait_for_room_states_are_overwritten_and_all_is_counted() {
        let (intake, mut outlet) = channel(2000);
        let sink = intake.sink(SourceId(1));
        let mut outbox = Outbox::default();
        assert!(outbox.send(&sink, vec![event(), event()], 1), "a first batch is taken whatever it weighs");
        assert!(outbox.send(&sink, vec![event(), state(), event()], 2));
        let fact = ItemKind::Fact.index();
        let counts = intake.counts()[0].1;
        assert_eq!((counts.received[fact], counts.queued[fact], counts.folded[fact]), (3, 2, 1));
        assert!(outlet.recv(Duration::ZERO).is_some());
        assert!(outbox.send(&sink, vec![state()], 3));
        let Some(Input::Batch(Batch::Facts(batch))) = outlet.recv(Duration::ZERO) else { panic!("a batch") };
        assert_eq!(batch.facts, [event(), event(), state()]);
        assert!(outbox.send(&sink, vec![state(); 2], 4));
        assert!(outbox.send(&sink, vec![event(); MOST_WAITING + 3], 5));
        let counts = intake.counts()[0].1;
        assert_eq!(counts.refused[fact], 3, "beyond the bound they are lost, and counted");
        intake.close(SourceId(1));
        assert!(!outbox.send(&sink, Vec::new(), 6));
    }
}
