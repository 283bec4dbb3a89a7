//! Messages: who handles them, and which producer and consumer spans belong together. One pair a producer span and consumer
//! span; each message of a batch counts in the hops.

use switchboard_model::is_believable;

use crate::extract::{LinkFacts, Role};
use crate::figures::{RowId, RowKey, RowMoves, Rule, Sample, SpanKey, Subscription};
use crate::flow::RABBITMQ;
use crate::flow::again::Reading;
use crate::flow::hot::{Entry, Seq};
use crate::flow::publish::{MAX_AT_PLACE, MAX_LINKS, Producer, push_some};
use crate::flow::records::PositionKey;
use crate::flow::{Arrival, Flow, Older, subscription};
use crate::names::{ChannelId, FlowNames, Gone, ServiceId};

/// Spans that may rest on one span by links.
const MAX_DEPENDENTS: usize = 4096;

/// One message of a consumer span.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    link: Option<SpanKey>,
    pub(super) position: Option<PositionKey>,
    message_id: Option<(u64, u64)>,
    chosen: Option<(Producer, Rule)>,
}

/// A counted pair.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pair {
    producer: SpanKey,
    rule: Rule,
    row: RowId,
    latency_ns: Option<i64>,
    /// The exchange that it was published to, where the queue that it was read from has another name; else none.
    exchange: ChannelId,
}

/// What a consumer span is counted as.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counted {
    /// By producer.
    pairs: Vec<Pair>,
    /// Messages without a producer, their row and rule.
    unpaired: Option<(u32, RowId, Rule)>,
}

/// A span that handles or fetches messages.
#[derive(Debug)]
pub(crate) struct Consumer {
    pub(super) key: SpanKey,
    pub(super) parent: SpanKey,
    pub(super) start_ns: i64,
    received_ns: i64,
    pub(super) to: Subscription,
    pub(super) sample: Sample,
    /// Whether it only waited until its message is due.
    pub(super) waits: bool,
    pub(super) messages: Vec<Message>,
    /// Messages beyond those.
    pub(super) num_more: u32,
    by_parent: Option<Producer>,
    by_reverse: Vec<Producer>,
    pub(super) counted: Counted,
}

impl Consumer {
    /// Its trace and id.
    pub(super) fn key(&self) -> SpanKey {
        self.key
    }

    /// Calls back with each row that it is counted in, once.
    pub(super) fn each_row(&self, mut call: impl FnMut(RowId)) {
        let mut rows: Vec<RowId> = self.counted.pairs.iter().map(|pair| pair.row).chain(self.counted.unpaired.map(|(_, row, _)| row)).collect();
        rows.sort_unstable();
        rows.dedup();
        rows.into_iter().for_each(&mut call);
    }

    /// Names that are gone are other ones, and so are the rows that it is counted in.
    pub(super) fn forget(&mut self, gone: &Gone, moves: &RowMoves) {
        self.to = gone.subscription(self.to);
        self.sample.status = gone.status(self.sample.status);
        let chosen = self.messages.iter_mut().filter_map(|message| message.chosen.as_mut()).map(|(producer, _)| producer);
        chosen.chain(&mut self.by_parent).chain(&mut self.by_reverse).for_each(|producer| producer.forget(gone));
        for pair in &mut self.counted.pairs {
            pair.row = moves.of(pair.row);
            pair.exchange = if gone.has_channel(pair.exchange) { ChannelId::NONE } else { pair.exchange };
        }
        if let Some((_, row, _)) = &mut self.counted.unpaired {
            *row = moves.of(*row);
        }
    }

    fn num_messages(&self) -> u32 {
        self.messages.len() as u32 + self.num_more
    }
}

/// From a producer to its consumer's start: since the producer's end, or, where it still ran then (it waits for the broker to
/// acknowledge), since its start. Below zero: their clocks differ. `None` where the two times have nothing to do with one another.
fn latency_ns(producer: &Producer, consumer_start_ns: i64) -> Option<i64> {
    let since_end_ns = consumer_start_ns.saturating_sub(producer.end_ns.max(producer.start_ns));
    let latency_ns = if since_end_ns < 0 { consumer_start_ns.saturating_sub(producer.start_ns) } else { since_end_ns };
    Some(latency_ns).filter(|latency_ns| is_believable(*latency_ns))
}

impl Flow {
    /// A span that handles or fetches messages.
    pub(super) fn consume(&mut self, seq: Seq, arrival: &Arrival<'_>) {
        let facts = arrival.facts;
        let to = subscription(facts, facts.channel);
        let Some(sample) = self.hot.get(seq).map(Entry::sample) else { return };
        let of_message = |facts: &LinkFacts, names: &FlowNames| {
            let name_hash = names.get_channel(facts.channel).name_hash;
            let is_placed = facts.channel.is_some() && facts.partition >= 0 && facts.offset >= 0;
            (is_placed.then_some((name_hash, facts.partition, facts.offset)), (facts.message_id != 0).then_some((name_hash, facts.message_id)))
        };
        let own = LinkFacts { partition: facts.partition, offset: facts.offset, message_id: facts.message_id, channel: facts.channel };
        let mut messages = Vec::with_capacity(arrival.links.len().clamp(1, MAX_LINKS));
        for (target, of_link) in arrival.links.iter().take(MAX_LINKS) {
            // One message: what is said of it may stand at the span instead.
            let is_only = arrival.links.len() == 1 && of_link.offset < 0 && of_link.message_id == 0;
            let (position, message_id) = of_message(if is_only { &own } else { of_link }, &self.names);
            messages.push(Message { link: Some(*target), position, message_id, chosen: None });
        }
        if messages.is_empty() {
            let (position, message_id) = of_message(&own, &self.names);
            messages.push(Message { link: None, position, message_id, chosen: None });
        }
        let num_told = (arrival.links.len() as u32).max(facts.batch_count).max(1);
        for message in &messages {
            if let Some(target) = message.link {
                self.rest_on(target, seq);
            }
            if let Some(key) = message.position {
                push_some(&mut self.positions.entry(key).consumers, Reading::of(seq, to, arrival), MAX_AT_PLACE);
            }
            if let Some(key) = message.message_id {
                push_some(&mut self.message_ids.entry(key).consumers, seq, MAX_AT_PLACE);
            }
        }
        let consumer = Consumer {
            key: arrival.key,
            parent: SpanKey { span_id: arrival.parent, ..arrival.key },
            start_ns: arrival.start_ns,
            received_ns: arrival.received_ns,
            to,
            sample,
            waits: facts.waiting_ms > 0,
            num_more: num_told - messages.len() as u32,
            messages,
            by_parent: None,
            by_reverse: Vec::new(),
            counted: Counted::default(),
        };
        self.count_consumed(&consumer, true);
        self.num_followed += consumer.messages.len();
        if facts.waiting_ms > 0 {
            self.wait_until(to, arrival.received_ns.saturating_add(i64::from(facts.waiting_ms) * 1_000_000));
        }
        let is_placed = consumer.messages.iter().any(|message| message.position.is_some());
        self.consumers.insert(seq, consumer);
        self.unsettled.push(seq);
        if is_placed {
            self.settle_readings(seq);
        }
        if self.num_followed > self.hot.capacity() {
            self.end_half_of_consumers();
        }
    }

    /// Hops and spans handled: what a consumer is counted as whoever its producers are.
    pub(super) fn count_consumed(&mut self, consumer: &Consumer, add: bool) {
        let rule = if consumer.parent.span_id.is_some() { Rule::Parent } else { Rule::Root };
        let hop = Sample { num: consumer.num_messages(), ..consumer.sample };
        let hop_row = self.rows.row(RowKey::Consume(consumer.to));
        let span_row = self.rows.row(RowKey::Handled(consumer.to));
        for (row, sample) in [(hop_row, &hop), (span_row, &consumer.sample)] {
            if add {
                self.rows.add(row, sample, rule, Some(consumer.key));
            } else {
                self.rows.subtract(row, sample, rule, Some(consumer.key));
            }
        }
    }

    /// Takes a consuming span back.
    pub(super) fn unconsume(&mut self, seq: Seq) {
        let Some(consumer) = self.consumers.remove(&seq) else { return };
        self.num_followed -= consumer.messages.len();
        self.count_consumed(&consumer, false);
        self.count_pairs(&consumer, &consumer.counted, false);
        self.forget_readings(seq, &consumer);
    }

    /// A consumer is no longer followed: its pairs stay as they are.
    pub(super) fn end_consumer(&mut self, seq: Seq) {
        if let Some(consumer) = self.consumers.remove(&seq) {
            self.num_followed -= consumer.messages.len();
            self.num_left_unpaired += u64::from(consumer.counted.unpaired.map_or(0, |(num, _, _)| num));
        }
    }

    /// Memory for those whose pairs may change is limited: the older half is no longer followed.
    fn end_half_of_consumers(&mut self) {
        let mut oldest: Vec<(i64, Seq)> = self.consumers.iter().map(|(seq, consumer)| (consumer.received_ns, *seq)).collect();
        oldest.sort_unstable();
        for (_, seq) in &oldest[..oldest.len() / 2] {
            self.end_consumer(*seq);
        }
    }

    /// Enters a span among those that rest on another by a link.
    pub(super) fn rest_on(&mut self, target: SpanKey, seq: Seq) {
        let found = self.hot.find(target);
        let side = if found.inner() == Seq::NONE { self.push(Entry::unseen(target)) } else { found.inner() };
        if let Some(entry) = self.hot.get_mut(side) {
            entry.set_linked();
        }
        let dependents = self.link_dependents.entry(target.narrow()).or_default();
        if dependents.len() >= MAX_DEPENDENTS {
            let hot = &self.hot;
            dependents.retain(|dependent| hot.get(*dependent).is_some());
        }
        if dependents.len() < MAX_DEPENDENTS {
            dependents.push(seq);
        }
    }

    /// A span came: those that rest on it by a link look again.
    pub(super) fn tell_linked(&mut self, key: SpanKey) {
        let sides = self.hot.find(key);
        if ![sides.caller, sides.callee].iter().any(|side| self.hot.get(*side).is_some_and(Entry::is_linked)) {
            return;
        }
        let Some(dependents) = self.link_dependents.remove(&key.narrow()) else { return };
        for dependent in &dependents {
            match self.hot.get(*dependent).map(|entry| entry.role) {
                Some(Role::Publish) => self.evaluate_publish(*dependent),
                Some(Role::Process | Role::Receive) => self.look_again(*dependent, key),
                _ => {}
            }
        }
        self.link_dependents.insert(key.narrow(), dependents);
    }

    /// A consumer is settled again at the end of the batch, without what it knew of this producer.
    pub(super) fn look_again(&mut self, seq: Seq, producer: SpanKey) {
        let Some(consumer) = self.consumers.get_mut(&seq) else { return };
        let is_other = |known: &Producer| known.key.narrow() != producer.narrow();
        consumer.by_parent = consumer.by_parent.filter(is_other);
        consumer.by_reverse.retain(is_other);
        for message in &mut consumer.messages {
            message.chosen = message.chosen.filter(|(known, _)| is_other(known));
        }
        self.unsettled.push(seq);
    }

    /// Finds a consumer's producers by all that is known now, and counts the pairs.
    pub(super) fn settle(&mut self, seq: Seq, older: &mut dyn Older) {
        let Some(mut consumer) = self.consumers.remove(&seq) else { return };
        let counted = self.resolve(&mut consumer, older);
        if counted != consumer.counted {
            self.count_pairs(&consumer, &consumer.counted, false);
            self.count_pairs(&consumer, &counted, true);
            consumer.counted = counted;
        }
        self.consumers.insert(seq, consumer);
    }

    pub(super) fn count_pairs(&mut self, consumer: &Consumer, counted: &Counted, add: bool) {
        let mut exampled: Vec<RowId> = Vec::new();
        let pairs = counted.pairs.iter().map(|pair| (pair.row, Sample { latency_ns: pair.latency_ns, ..consumer.sample }, pair.rule));
        let teller = (self.names.namer().source, self.now_ns);
        for pair in counted.pairs.iter().filter(|pair| pair.exchange.is_some()) {
            self.bindings.count((consumer.to.channel, pair.exchange), add, teller);
        }
        let unpaired = counted.unpaired.map(|(num, row, rule)| (row, Sample { latency_ns: None, num, ..consumer.sample }, rule));
        for (row, sample, rule) in pairs.chain(unpaired) {
            let example = if exampled.contains(&row) { None } else { Some(consumer.key) };
            exampled.push(row);
            exampled.dedup();
            if add {
                self.rows.add(row, &sample, rule, example);
            } else {
                self.rows.subtract(row, &sample, rule, example);
            }
        }
    }

    fn resolve(&mut self, consumer: &mut Consumer, older: &mut dyn Older) -> Counted {
        if consumer.parent.span_id.is_some() && consumer.parent != consumer.key {
            consumer.by_parent = self.producer(consumer.parent, consumer.to, older).or(consumer.by_parent);
        }
        let sources = self.linked_by.get(&consumer.key.narrow()).cloned().unwrap_or_default();
        for source in sources {
            if let Some(producer) = self.producer(source, consumer.to, older) {
                consumer.by_reverse.retain(|known| known.key != producer.key);
                consumer.by_reverse.push(producer);
            }
        }
        for at in 0..consumer.messages.len() {
            if let Some(target) = consumer.messages[at].link
                && let Some(producer) = self.producer(target, consumer.to, older)
            {
                consumer.messages[at].chosen = Some((producer, Rule::Link));
            }
        }
        // Who says that he publishes prevails over who only handed his context on.
        let linked = consumer.messages.iter().filter_map(|message| message.chosen).filter(|(_, rule)| *rule == Rule::Link);
        let explicit = consumer.by_parent.iter().chain(&consumer.by_reverse).copied().chain(linked.map(|(producer, _)| producer));
        let any_publish = explicit.clone().any(|producer| producer.is_publish);
        let counts = |producer: &Producer| producer.is_publish || !any_publish;
        let is_explicit = explicit.clone().any(|producer| counts(&producer));
        let is_single = consumer.messages.len() == 1 && consumer.messages[0].link.is_none();
        for at in 0..consumer.messages.len() {
            let message = consumer.messages[at];
            let has_link = message.chosen.is_some_and(|(_, rule)| rule == Rule::Link);
            if has_link || (is_single && is_explicit) {
                continue;
            }
            let by_record = message.position.and_then(|key| self.producer_at(key, consumer.to, older));
            let found = by_record.map(|producer| (producer, Rule::Record)).or_else(|| {
                let by_id = message.message_id.and_then(|key| self.producer_of_message(key, consumer.to, consumer.start_ns));
                by_id.map(|producer| (producer, Rule::MessageId))
            });
            if let Some((producer, rule)) = found
                && message.chosen.is_none_or(|(_, known)| rule <= known)
            {
                consumer.messages[at].chosen = Some((producer, rule));
            }
        }
        self.counted(consumer, is_single && is_explicit, counts)
    }

    fn counted(&mut self, consumer: &Consumer, is_told: bool, counts: impl Fn(&Producer) -> bool) -> Counted {
        let mut found: Vec<(Producer, Rule)> = consumer.by_parent.iter().map(|producer| (*producer, Rule::Parent)).collect();
        found.extend(consumer.by_reverse.iter().map(|producer| (*producer, Rule::Link)));
        found.retain(|(producer, _)| counts(producer));
        let mut num_resolved = found.len() as u32;
        if !is_told {
            for (producer, rule) in consumer.messages.iter().filter_map(|message| message.chosen) {
                if rule != Rule::Link || counts(&producer) {
                    // A message whose producer is also the parent was counted with it.
                    num_resolved += u32::from(!found.iter().any(|(known, by)| known.key == producer.key && *by == Rule::Parent));
                    found.push((producer, rule));
                }
            }
        }
        found.sort_by_key(|(producer, rule)| (producer.key, *rule));
        found.dedup_by_key(|(producer, _)| producer.key);
        let mut counted = Counted::default();
        for (producer, rule) in found {
            let channel = if consumer.to.channel.is_some() { consumer.to.channel } else { producer.channel };
            let row = self.rows.row(RowKey::Message { from: producer.service, to: Subscription { channel, ..consumer.to } });
            let latency_ns = latency_ns(&producer, consumer.start_ns);
            let exchange = if self.is_exchange_of(&producer, consumer.to.channel) { producer.channel } else { ChannelId::NONE };
            counted.pairs.push(Pair { producer: producer.key, rule, row, latency_ns, exchange });
        }
        let num_unpaired = consumer.num_messages().saturating_sub(num_resolved);
        if num_unpaired > 0 {
            let is_named = if consumer.messages[0].link.is_some() {
                consumer.messages.iter().any(|message| message.chosen.is_none() && message.link.is_some_and(|target| self.is_unseen(target)))
            } else {
                consumer.parent.span_id.is_some() && self.is_unseen(consumer.parent)
            };
            let row = self.rows.row(RowKey::Message { from: ServiceId::NONE, to: consumer.to });
            counted.unpaired = Some((num_unpaired, row, if is_named { Rule::MissingParent } else { Rule::Root }));
        }
        counted
    }

    /// Whether a message was published to an exchange, and had from a queue of another name.
    fn is_exchange_of(&self, producer: &Producer, queue: ChannelId) -> bool {
        let (from, to) = (self.names.get_channel(producer.channel), self.names.get_channel(queue));
        let is_told = |channel: ChannelId| channel.is_some() && channel != ChannelId::OTHER;
        producer.is_publish && is_told(producer.channel) && is_told(queue) && from.system == RABBITMQ && to.system == RABBITMQ && from.name != to.name
    }

    fn is_unseen(&self, key: SpanKey) -> bool {
        self.hot.get(self.hot.find(key).inner()).is_none_or(|entry| entry.role == Role::Unseen)
    }

    /// The span of this id, if it can have published what the subscription reads.
    pub(super) fn producer(&mut self, key: SpanKey, to: Subscription, older: &mut dyn Older) -> Option<Producer> {
        let sides = self.hot.find(key);
        for side in [sides.caller, sides.callee] {
            if let Some(entry) = self.hot.get(side).filter(|entry| entry.role != Role::Unseen) {
                let producer = Producer::of(entry);
                if self.can_produce(&producer, entry.role, to) {
                    return Some(producer);
                }
            }
        }
        if self.hot.get(sides.inner()).is_some_and(|entry| entry.role != Role::Unseen) || !self.hot.is_full() {
            return None;
        }
        let old = older.find(key, &mut self.names)?;
        let producer = Producer {
            key,
            service: old.facts.service,
            channel: old.facts.channel,
            start_ns: old.start_ns,
            end_ns: old.end_ns,
            is_publish: old.facts.role == Role::Publish,
        };
        self.can_produce(&producer, old.facts.role, to).then_some(producer)
    }

    /// A span that publishes to the channel, or one of another service that handed its context on with a message.
    fn can_produce(&self, producer: &Producer, role: Role, to: Subscription) -> bool {
        if role != Role::Publish {
            return producer.service != to.service && !matches!(role, Role::Receive | Role::Settle | Role::Unseen);
        }
        let (from, read) = (self.names.get_channel(producer.channel), self.names.get_channel(to.channel));
        // Exchange and queue, or topic and queue, have names of their own; a Kafka topic has one.
        let is_kafka = from.system == "kafka" && read.system == "kafka";
        !(is_kafka && producer.channel.is_some() && to.channel.is_some() && from.name != read.name)
    }
}
