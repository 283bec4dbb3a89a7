//! What the records of a broker prove: which producer span and which consumer span had the very same record.

use switchboard_model::{PlaceRow, RecordBatch};

use crate::extract::SpanFacts;
use crate::figures::{SpanKey, Subscription};
use crate::flow::again::Reading;
use crate::flow::hot::Seq;
use crate::flow::publish::Producer;
use crate::flow::{Flow, Older};
use crate::names::Gone;

/// Hash of a channel's name, partition, offset.
pub(crate) type PositionKey = (u64, i32, i64);

/// The same message id joins only what was sent and had within this time of one another, by the spans' own clocks, ns.
const MESSAGE_ID_WITHIN_NS: i64 = 60_000_000_000;

/// What is known of a place in a channel.
#[derive(Debug, Default)]
pub(crate) struct Position {
    /// The record that lies there: its cluster, and the span that its headers name.
    record: Option<(u64, SpanKey)>,
    /// Records of several clusters lie at this place of channels of one name: none proves anything.
    is_ambiguous: bool,
    /// Spans that say that they wrote it.
    pub(super) producers: Vec<Producer>,
    /// Spans that say that they read it.
    pub(super) consumers: Vec<Reading>,
}

impl Position {
    /// Names that are gone are other ones.
    pub(super) fn forget(&mut self, gone: &Gone) {
        self.producers.iter_mut().for_each(|producer| producer.forget(gone));
        self.consumers.iter_mut().for_each(|reading| reading.forget(gone));
    }
}

impl MessageIds {
    /// Names that are gone are other ones.
    pub(super) fn forget(&mut self, gone: &Gone) {
        self.producers.iter_mut().for_each(|producer| producer.forget(gone));
    }
}

/// Who sent and who had a message id.
#[derive(Debug, Default)]
pub(crate) struct MessageIds {
    /// Spans that sent it.
    pub(super) producers: Vec<Producer>,
    /// Spans that had it.
    pub(super) consumers: Vec<Seq>,
}

/// Records whose headers name a span.
#[derive(Debug, Default)]
pub(crate) struct RecordContext {
    positions: Vec<PositionKey>,
    /// Channel and conversation.
    conversations: Vec<(u64, u64)>,
}

/// Records of one span that are remembered.
const MAX_RECORDS: usize = 1024;

impl Flow {
    /// Records were read. `conversation` gives the key of a normalised id.
    pub(crate) fn records(&mut self, batch: &RecordBatch, conversation: impl Fn(&switchboard_model::CorrelationId) -> u64) {
        let cluster = self.names.name_hash(batch.cluster.cluster_id.as_deref().unwrap_or(&batch.cluster.name));
        let channels: Vec<u64> = batch.channels.iter().map(|channel| self.names.name_hash(batch.text.get(channel.name))).collect();
        for record in &batch.records {
            let (Some(context), Some(channel)) = (record.trace, channels.get(record.channel as usize)) else { continue };
            if !context.span_id.is_some() {
                continue;
            }
            let span = SpanKey { trace_id: context.trace_id, span_id: context.span_id };
            // Spans tell of partitions and offsets alone: where it lies elsewhere, its headers are all there is to go by.
            let key = match record.place {
                PlaceRow::Offset { partition, offset } => Some((*channel, partition, offset)),
                PlaceRow::Opaque(_) | PlaceRow::None => None,
            };
            if let Some(key) = key {
                let position = self.positions.entry(key);
                match position.record {
                    None => position.record = Some((cluster, span)),
                    Some(known) if known == (cluster, span) => continue,
                    Some(_) => position.is_ambiguous = true,
                }
                self.unsettled.extend(position.consumers.iter().map(|reading| reading.seq));
            }
            let producer = self.hot.get(self.hot.find(span).inner()).filter(|entry| entry.service.0 != 0).map(|entry| (entry.service, entry.start_ns));
            let known = self.record_contexts.entry(span.narrow());
            if known.positions.len() < MAX_RECORDS {
                known.positions.extend(key);
            }
            for row in crate::extract::rows(&batch.correlations, record.correlations) {
                let of_message = (*channel, conversation(&row.value));
                if known.conversations.len() < MAX_RECORDS && !known.conversations.contains(&of_message) {
                    known.conversations.push(of_message);
                }
                if let Some((service, start_ns)) = producer {
                    self.conversations.publish(service, of_message.0, of_message.1, start_ns);
                }
            }
        }
    }

    /// A span came: records whose headers name it prove more now.
    pub(super) fn tell_records(&mut self, key: SpanKey, facts: &SpanFacts, start_ns: i64) {
        let Some(known) = self.record_contexts.get(&key.narrow()) else { return };
        for position in &known.positions {
            if let Some(position) = self.positions.get(position) {
                self.unsettled.extend(position.consumers.iter().map(|reading| reading.seq));
            }
        }
        for (channel, conversation) in &known.conversations {
            self.conversations.publish(facts.service, *channel, *conversation, start_ns);
        }
    }

    /// Who wrote the record at a place.
    pub(super) fn producer_at(&mut self, key: PositionKey, to: Subscription, older: &mut dyn Older) -> Option<Producer> {
        let position = self.positions.get(&key)?;
        let cluster_id = |channel| self.names.get_channel(channel).cluster_id.as_str();
        let is_same_cluster = |one: &str, other: &str| one.is_empty() || other.is_empty() || one == other;
        let mut writers = position.producers.iter().filter(|producer| is_same_cluster(cluster_id(producer.channel), cluster_id(to.channel)));
        if let Some(first) = writers.clone().min_by_key(|producer| producer.key) {
            // Several clusters may have such a place: then only spans that name their cluster are sure.
            let is_one = writers.all(|producer| is_same_cluster(cluster_id(producer.channel), cluster_id(first.channel)));
            return is_one.then_some(*first);
        }
        let (cluster, span) = position.record.filter(|_| !position.is_ambiguous)?;
        let told = cluster_id(to.channel);
        if !told.is_empty() && self.names.name_hash(told) != cluster {
            return None;
        }
        self.producer(span, to, older)
    }

    /// Who sent the message of this id in the same system, of several the nearest in time.
    pub(super) fn producer_of_message(&self, key: (u64, u64), to: Subscription, start_ns: i64) -> Option<Producer> {
        let system = |channel| self.names.get_channel(channel).system.as_str();
        let is_same_system = |producer: &&Producer| {
            let (one, other) = (system(producer.channel), system(to.channel));
            one.is_empty() || other.is_empty() || one == other
        };
        let apart_ns = |producer: &Producer| start_ns.saturating_sub(producer.end_ns).saturating_abs();
        let producers = self.message_ids.get(&key)?.producers.iter().filter(is_same_system).filter(|producer| apart_ns(producer) <= MESSAGE_ID_WITHIN_NS);
        producers.min_by_key(|producer| (apart_ns(producer), producer.key)).copied()
    }
}
