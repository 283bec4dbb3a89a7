//! Who published: counted by itself, and found again by those that handle its messages.

use crate::extract::Role;
use crate::figures::{RowKey, Rule, SpanKey};
use crate::flow::hot::{Entry, Seq};
use crate::flow::records::PositionKey;
use crate::flow::{Arrival, Flow};
use crate::names::{ChannelId, Gone, ServiceId};

/// Links of a span that are looked at one by one; further messages count, unpaired.
pub(super) const MAX_LINKS: usize = 1024;
/// Spans that may say that they wrote or read the same message.
pub(super) const MAX_AT_PLACE: usize = 256;

/// Adds to a list that is not full.
pub(super) fn push_some<T>(list: &mut Vec<T>, item: T, most: usize) {
    if list.len() < most {
        list.push(item);
    }
}

/// A span that published, as its consumers need it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Producer {
    /// Its trace and id.
    pub(super) key: SpanKey,
    /// Its service.
    pub(super) service: ServiceId,
    /// Where it published.
    pub(super) channel: ChannelId,
    /// When it began, ns.
    pub(super) start_ns: i64,
    /// When it ended, ns.
    pub(super) end_ns: i64,
    /// Whether it says that it publishes; else it only handed its context on.
    pub(super) is_publish: bool,
}

impl Producer {
    /// As its entry has it.
    pub(super) fn of(entry: &Entry) -> Self {
        Self {
            key: entry.key(),
            service: entry.service,
            channel: entry.channel,
            start_ns: entry.start_ns,
            end_ns: entry.end_ns,
            is_publish: entry.role == Role::Publish,
        }
    }

    /// Names that are gone are other ones.
    pub(super) fn forget(&mut self, gone: &Gone) {
        (self.service, self.channel) = (gone.service(self.service), gone.channel(self.channel));
    }
}

/// What a publishing span is found by, so that it can be taken back.
#[derive(Debug, Default)]
pub(crate) struct Publisher {
    /// Spans that it links to: those that created what it sends.
    links: Vec<SpanKey>,
    position: Option<PositionKey>,
    message_id: Option<(u64, u64)>,
}

impl Flow {
    /// A span that publishes.
    pub(super) fn publish(&mut self, seq: Seq, arrival: &Arrival<'_>) {
        let facts = arrival.facts;
        let name_hash = self.names.get_channel(facts.channel).name_hash;
        let is_placed = facts.channel.is_some() && facts.partition >= 0 && facts.offset >= 0;
        let publisher = Publisher {
            links: arrival.links.iter().take(MAX_LINKS).map(|(target, _)| *target).collect(),
            position: is_placed.then_some((name_hash, facts.partition, facts.offset)),
            message_id: (facts.message_id != 0).then_some((name_hash, facts.message_id)),
        };
        if let Some(entry) = self.hot.get_mut(seq) {
            entry.num = facts.batch_count.max(1);
        }
        let Some(producer) = self.hot.get(seq).map(Producer::of) else { return };
        for target in &publisher.links {
            self.rest_on(*target, seq);
            push_some(self.linked_by.entry(target.narrow()), arrival.key, MAX_LINKS);
            let consumer = self.hot.find(*target).callee;
            if self.consumers.contains_key(&consumer) {
                self.unsettled.push(consumer);
            }
        }
        if let Some(key) = publisher.position {
            let position = self.positions.entry(key);
            push_some(&mut position.producers, producer, MAX_AT_PLACE);
            self.unsettled.extend(position.consumers.iter().map(|reading| reading.seq));
        }
        if let Some(key) = publisher.message_id {
            let message = self.message_ids.entry(key);
            push_some(&mut message.producers, producer, MAX_AT_PLACE);
            self.unsettled.extend(&message.consumers);
        }
        if facts.conversation != 0 {
            self.conversations.publish(facts.service, name_hash, facts.conversation, arrival.start_ns);
        }
        if !publisher.links.is_empty() || is_placed || publisher.message_id.is_some() {
            self.publishers.insert(seq, publisher);
        }
        self.evaluate_publish(seq);
    }

    /// Takes a publishing span back.
    pub(super) fn unpublish(&mut self, seq: Seq) {
        self.recount(seq, None);
        let (Some(publisher), Some(key)) = (self.publishers.remove(&seq), self.hot.get(seq).map(Entry::key)) else { return };
        for target in &publisher.links {
            if let Some(sources) = self.linked_by.get_mut(&target.narrow()) {
                sources.retain(|source| *source != key);
            }
        }
        let mut consumers = Vec::new();
        if let Some(position) = publisher.position.and_then(|key| self.positions.get_mut(&key)) {
            position.producers.retain(|producer| producer.key != key);
            consumers.extend(position.consumers.iter().map(|reading| reading.seq));
        }
        if let Some(message) = publisher.message_id.and_then(|key| self.message_ids.get_mut(&key)) {
            message.producers.retain(|producer| producer.key != key);
            consumers.extend(message.consumers.iter().copied());
        }
        for consumer in consumers {
            self.look_again(consumer, key);
        }
    }

    /// Counts a publishing span, unless it only sends what other spans of its service created.
    pub(super) fn evaluate_publish(&mut self, seq: Seq) {
        let Some(entry) = self.hot.get(seq).copied() else { return };
        let sends_created = self.publishers.get(&seq).is_some_and(|publisher| {
            publisher.links.iter().any(|target| {
                let created = self.hot.get(self.hot.find(*target).caller);
                created.is_some_and(|created| created.role == Role::Publish && created.service == entry.service && created.key() != entry.key())
            })
        });
        let key = RowKey::Publish { service: entry.service, channel: entry.channel };
        let rule = if entry.parent.is_some() { Rule::Parent } else { Rule::Root };
        self.recount(seq, (entry.channel.is_some() && !sends_created).then_some((key, rule)));
    }
}
