//! Messages that a group has again: the same topic, partition and offset processed once more. Each time after the first is a
//! retry.

use hashbrown::HashSet;

use crate::extract::Role;
use crate::figures::Subscription;
use crate::flow::hot::Seq;
use crate::flow::messages::Consumer;
use crate::flow::records::PositionKey;
use crate::flow::{Arrival, Flow};
use crate::names::Gone;

/// A span that read the message at a place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// The span.
    pub(super) seq: Seq,
    to: Subscription,
    start_ns: i64,
    /// Whether it only waited until the message is due.
    waits: bool,
}

impl Reading {
    /// What a span says that it read.
    pub(super) fn of(seq: Seq, to: Subscription, arrival: &Arrival<'_>) -> Self {
        Self { seq, to, start_ns: arrival.start_ns, waits: arrival.facts.waiting_ms > 0 || arrival.facts.role != Role::Process }
    }

    /// Names that are gone are other ones.
    pub(super) fn forget(&mut self, gone: &Gone) {
        self.to = gone.subscription(self.to);
    }

    /// Whether both read for the same group; where none is told, for the same service.
    fn is_same_reader(&self, to: Subscription) -> bool {
        self.to.group == to.group && (to.group.is_some() || self.to.service == to.service) && self.to.channel == to.channel
    }
}

/// Readers that wait, kept apart, shared out by source.
pub(super) const MAX_WAITING: usize = 5_000;
/// Records that are due are read some time later.
const SLACK_NS: i64 = 10_000_000_000;

impl Flow {
    /// A reader says until when its next message is not due.
    pub(super) fn wait_until(&mut self, to: Subscription, until_ns: i64) {
        let source = self.names.namer().source;
        if let Some(known_ns) = self.waits.see(&(to.channel, to.group), source, self.now_ns) {
            *known_ns = until_ns.max(*known_ns);
        }
    }

    /// Readers that wait now until messages are due, by channel and group.
    pub(crate) fn waiting(&self) -> HashSet<(&str, &str)> {
        let waits = self.waits.iter().filter(|(_, until_ns)| until_ns.saturating_add(SLACK_NS) > self.now_ns);
        waits.map(|((channel, group), _)| (self.names.get_channel(*channel).name.as_str(), self.names.get_group(*group))).collect()
    }

    /// Whether the group had all of a consumer's messages before.
    fn has_again(&self, seq: Seq, consumer: &Consumer) -> bool {
        let is_earlier = |reading: &Reading| {
            if reading.seq == seq || reading.waits || !reading.is_same_reader(consumer.to) || reading.start_ns > consumer.start_ns {
                return false;
            }
            let Some(other) = self.consumers.get(&reading.seq) else { return true };
            // One within the other is one and the same time.
            let is_nested = other.key == consumer.parent || other.parent == consumer.key;
            !is_nested && (other.start_ns, other.key) < (consumer.start_ns, consumer.key)
        };
        let is_had =
            |position: Option<PositionKey>| position.and_then(|key| self.positions.get(&key)).is_some_and(|position| position.consumers.iter().any(is_earlier));
        !consumer.waits && !consumer.to.receive && consumer.num_more == 0 && consumer.messages.iter().all(|message| is_had(message.position))
    }

    /// A consumer whose messages' places are known came: it, or others, have something again.
    pub(super) fn settle_readings(&mut self, seq: Seq) {
        let Some(consumer) = self.consumers.get(&seq) else { return };
        let mut others = self.later_readers(consumer);
        if self.has_again(seq, consumer) {
            others.push(seq);
        }
        self.settle_again(others);
    }

    /// A consumer is taken back: what others had again they may have had for the first time.
    pub(super) fn forget_readings(&mut self, seq: Seq, consumer: &Consumer) {
        for key in consumer.messages.iter().filter_map(|message| message.position) {
            if let Some(position) = self.positions.get_mut(&key) {
                position.consumers.retain(|reading| reading.seq != seq);
            }
        }
        let others = self.later_readers(consumer);
        self.settle_again(others);
    }

    /// Others that read the same messages for the same reader, no earlier.
    fn later_readers(&self, consumer: &Consumer) -> Vec<Seq> {
        let positions = consumer.messages.iter().filter_map(|message| self.positions.get(&message.position?)).filter(|position| position.consumers.len() > 1);
        let readings = positions.flat_map(|position| &position.consumers);
        let mut others: Vec<Seq> =
            readings.filter(|reading| reading.is_same_reader(consumer.to) && reading.start_ns >= consumer.start_ns).map(|reading| reading.seq).collect();
        others.sort_unstable();
        others.dedup();
        others
    }

    fn settle_again(&mut self, readers: Vec<Seq>) {
        for seq in readers {
            let Some(consumer) = self.consumers.get(&seq) else { continue };
            let again = self.has_again(seq, consumer);
            if consumer.sample.retry == again {
                continue;
            }
            let Some(mut consumer) = self.consumers.remove(&seq) else { continue };
            self.count_consumed(&consumer, false);
            self.count_pairs(&consumer, &consumer.counted, false);
            consumer.sample.retry = again;
            self.count_consumed(&consumer, true);
            self.count_pairs(&consumer, &consumer.counted, true);
            self.consumers.insert(seq, consumer);
        }
    }
}
