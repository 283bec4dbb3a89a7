//! What a span says that matters for joining: its role, its peer, its channel, whether it failed. Read once from the
//! batch, by today's names and older ones alike (the collector has told them apart), without an allocation a span.

mod cause;
mod labels;
pub(crate) mod rules;
mod told;
mod whom;

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap};
use switchboard_model::{Attrs, CorrelationId, OWN_USER_AGENT, SpanBatch, SpanRow, SpanStatus, Str, TextArena, Value, WellKnown, duration_ns, is_own_trace};

use crate::extract::labels::is_label;
use crate::extract::rules::{ending, role, via};
use crate::extract::told::{ROUTING, Told};
use crate::extract::whom::channel_name;
use crate::figures::{RECENT, bucket_of};
use crate::names::{ChannelId, FlowNames, GroupId, OperationId, PeerId, ServiceId, StatusId, Via};

pub(crate) use whom::{authority, channel_called};

/// What a span does. Told by the messaging operation first, by the kind second: a Kafka poll has the kind of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Role {
    /// Named by others, not seen yet.
    #[default]
    Unseen,
    /// Works within its service.
    Internal,
    /// Answers a call.
    Server,
    /// Makes a call.
    Client,
    /// Publishes messages.
    Publish,
    /// Handles messages.
    Process,
    /// Fetches messages.
    Receive,
    /// Acknowledges, commits, or manages: no traffic of its own.
    Settle,
}

/// The facts of a span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SpanFacts {
    /// What it does.
    pub(crate) role: Role,
    /// Over what.
    pub(crate) via: Via,
    /// Whether anything says that it failed.
    pub(crate) error: bool,
    /// What it ended with.
    pub(crate) status: StatusId,
    /// Whether it is a further attempt.
    pub(crate) retry: bool,
    /// Whether it ended by a time-out.
    pub(crate) timeout: bool,
    /// How long its message is not due yet, ms: then it only waited; 0 = it did not.
    pub(crate) waiting_ms: u32,
    /// Whether it gave up waiting for what it had begun.
    pub(crate) gave_up: bool,
    /// Whether its texts are to be searched for the refusal of a circuit breaker.
    pub(crate) refused: bool,
    /// Its service.
    pub(crate) service: ServiceId,
    /// Whom it calls; of a server span the caller that it names.
    pub(crate) peer: PeerId,
    /// Of a call: hash of what is asked for there, by path or method, so that the same call is known again; 0 = not told.
    pub(crate) request: u32,
    /// Its channel.
    pub(crate) channel: ChannelId,
    /// Its consumer group.
    pub(crate) group: GroupId,
    /// Its name, within its service.
    pub(crate) operation: OperationId,
    /// Partition of the message, if it is one; −1 = not told.
    pub(crate) partition: i32,
    /// Offset of the message; −1 = not told.
    pub(crate) offset: i64,
    /// Hash of the message id; 0 = not told.
    pub(crate) message_id: u64,
    /// Hash of the conversation id; 0 = not told.
    pub(crate) conversation: u64,
    /// `messaging.batch.message_count`; 0 = not told.
    pub(crate) batch_count: u32,
    /// When it ended.
    pub(crate) bucket: i32,
    /// By how many buckets it arrived later.
    pub(crate) late_by: u8,
    /// Whether its own end is near enough to its arrival to be believed; else it counts where it arrived.
    pub(crate) in_range: bool,
    /// Whether its start and end make a duration.
    pub(crate) timed: bool,
    /// What it stands for by sampling, in thousandths.
    pub(crate) weight_milli: u32,
}

impl SpanFacts {
    /// The bucket in which it arrived.
    pub(crate) fn arrived(&self) -> i32 {
        self.bucket.saturating_add(i32::from(self.late_by))
    }
}

/// Messages that one span may stand for at most.
const MAX_BATCH: i64 = 1_000_000;
/// How long before its arrival a span's own end is believed, ns.
const MAX_BEFORE_NS: i64 = 15 * 60 * 1_000_000_000;
/// How long after its arrival, ns: a clock that runs further ahead is told. Nothing ends after it arrived, so that it counts
/// where it arrived all the same.
const MAX_AFTER_NS: i64 = 60 * 1_000_000_000;

/// Reads batches. Its tables are used again from batch to batch.
#[derive(Debug)]
pub(crate) struct Extractor {
    /// Services of the resources of the batch last read.
    pub(crate) services: Vec<ServiceId>,
    /// Whether the spans of the batch last read are of Switchboard's own traffic.
    pub(crate) own: Vec<bool>,
    /// Facts of the spans of the batch last read.
    pub(crate) facts: Vec<SpanFacts>,
    freshest_ns: Vec<i64>,
    hasher: DefaultHashBuilder,
    operations: Vec<(ServiceId, OperationId)>,
    peers: HashMap<[u32; 4], PeerId>,
    channels: HashMap<[u32; 3], ChannelId>,
    groups: HashMap<Str, GroupId>,
}

/// A run of rows, none where the run is not of this column.
pub(crate) fn rows<T>(column: &[T], run: Attrs) -> &[T] {
    column.get(run.range()).unwrap_or_default()
}

/// What a link's attributes say of its message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LinkFacts {
    /// Partition; −1 = not told.
    pub(crate) partition: i32,
    /// Offset; −1 = not told.
    pub(crate) offset: i64,
    /// Hash of the message id; 0 = not told.
    pub(crate) message_id: u64,
    /// Its channel, where it has one of its own.
    pub(crate) channel: ChannelId,
}

impl Extractor {
    /// Reads nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            services: Vec::new(),
            own: Vec::new(),
            facts: Vec::new(),
            freshest_ns: Vec::new(),
            hasher: DefaultHashBuilder::default(),
            operations: Vec::new(),
            peers: HashMap::new(),
            channels: HashMap::new(),
            groups: HashMap::new(),
        }
    }

    /// Reads a batch into `services`, `own` and `facts`.
    pub(crate) fn read(&mut self, batch: &SpanBatch, environment: Option<&str>, names: &mut FlowNames) {
        self.begin(batch);
        for resource in &batch.resources {
            let text = |at: Str| batch.text.get(at);
            let environment = if resource.environment.is_empty() { environment.unwrap_or_default() } else { text(resource.environment) };
            let received_ns = batch.header.received_ns;
            let service = names.service(environment, text(resource.namespace), text(resource.service_name), received_ns);
            names.see_instance(service, text(resource.instance), text(resource.version), received_ns);
            for attr in rows(&batch.attrs, resource.attrs).iter().filter(|attr| is_label(text(attr.key))) {
                names.see_label(service, text(attr.key), &attr.value.to_text(&batch.text), received_ns);
            }
            self.services.push(service);
        }
        self.see_clocks(batch, names);
        self.facts.clear();
        self.own.clear();
        for span in &batch.spans {
            let (facts, is_own) = self.span(batch, span, names);
            self.facts.push(facts);
            self.own.push(is_own);
        }
    }

    /// How far ahead of their arrival the freshest spans of each resource ended.
    fn see_clocks(&mut self, batch: &SpanBatch, names: &mut FlowNames) {
        let received_ns = batch.header.received_ns;
        self.freshest_ns.clear();
        self.freshest_ns.resize(self.services.len(), i64::MIN);
        for span in &batch.spans {
            if let Some(freshest_ns) = self.freshest_ns.get_mut(span.resource as usize) {
                *freshest_ns = span.end_ns.max(span.start_ns).saturating_sub(received_ns).max(*freshest_ns);
            }
        }
        for (service, freshest_ns) in self.services.iter().zip(&self.freshest_ns) {
            names.see_clock(*service, received_ns, *freshest_ns);
        }
    }

    /// Reads the one span of a batch that was read before, when its service got this number.
    pub(crate) fn read_again(&mut self, batch: &SpanBatch, service: ServiceId, names: &mut FlowNames) -> SpanFacts {
        self.begin(batch);
        self.services.push(service);
        self.span(batch, &batch.spans[0], names).0
    }

    fn begin(&mut self, batch: &SpanBatch) {
        self.operations.clear();
        self.operations.resize(batch.text.num_strings(), (ServiceId::NONE, OperationId::OVERFLOW));
        self.peers.clear();
        self.channels.clear();
        self.groups.clear();
        self.services.clear();
    }

    #[inline]
    fn span(&mut self, batch: &SpanBatch, span: &SpanRow, names: &mut FlowNames) -> (SpanFacts, bool) {
        let text = &batch.text;
        let told = Told::new(rows(&batch.attrs, span.attrs));
        let service = self.services.get(span.resource as usize).copied().unwrap_or(ServiceId::OTHER);
        let role = role(span.kind, &told, text);
        let via = via(&told, text);
        let is_message = matches!(role, Role::Publish | Role::Process | Role::Receive);
        let ending = ending(batch, span, role, &told, names);
        let is_own = is_own_trace(span.trace_id) || told.get(WellKnown::UserAgent).is_some_and(|value| is_own_agent(value, text));
        let moment = Moment::of(span, batch.header.received_ns);
        let mut facts = SpanFacts {
            role,
            via,
            error: ending.error,
            status: ending.status,
            retry: is_positive(told.get(WellKnown::HttpResendCount), text) || is_positive(told.get(WellKnown::RpcPreviousAttempts), text),
            timeout: ending.timeout,
            waiting_ms: ending.waiting_ms,
            gave_up: ending.gave_up,
            refused: told.get(WellKnown::EnvoyResponseFlags).is_some()
                || !span.events.is_empty()
                || (span.status == SpanStatus::Error && !span.status_message.is_empty()),
            service,
            peer: PeerId::NONE,
            request: 0,
            channel: ChannelId::NONE,
            group: GroupId::NONE,
            operation: self.operation(service, span.name, text, names),
            partition: -1,
            offset: -1,
            message_id: 0,
            conversation: 0,
            batch_count: 0,
            bucket: moment.bucket,
            late_by: moment.late_by,
            in_range: moment.in_range,
            timed: duration_ns(span.start_ns, span.end_ns).is_some(),
            weight_milli: (span.sample_weight.clamp(1.0, 1e6) * 1000.0) as u32,
        };
        if role == Role::Client {
            facts.peer = self.peer(&told, text, names);
            facts.request = self.request(&told, text);
        } else if role == Role::Server {
            facts.peer = self.caller(&told, text, names);
        } else if is_message {
            facts.channel = self.channel(&told, told.get(WellKnown::MessagingSystem), told.get(WellKnown::MessagingKafkaClusterId), text, names);
            facts.group = self.group(told.get(WellKnown::MessagingGroup).or(told.get(WellKnown::MessagingSubscription)), text, names);
            facts.partition = position(told.get(WellKnown::MessagingPartition), text).map_or(-1, |partition| partition as i32);
            facts.offset = position(told.get(WellKnown::MessagingKafkaOffset), text).unwrap_or(-1);
            facts.message_id = self.text_hash(told.get(WellKnown::MessagingMessageId), text);
            facts.conversation = told.get(WellKnown::MessagingConversationId).map_or(0, |value| self.conversation(&value.to_text(text)));
            facts.batch_count =
                told.get(WellKnown::MessagingBatchCount).and_then(|value| value.to_i64(text)).map_or(0, |count| count.clamp(0, MAX_BATCH) as u32);
        }
        (facts, is_own)
    }

    /// What the attributes of a link say. `of` are the facts of the span it belongs to.
    pub(crate) fn link(&mut self, batch: &SpanBatch, attrs: Attrs, of: &SpanFacts, names: &mut FlowNames) -> LinkFacts {
        let text = &batch.text;
        let told = Told::new(rows(&batch.attrs, attrs));
        let channel = if told.get(WellKnown::MessagingDestination).is_none() && !told.has(ROUTING) {
            of.channel
        } else {
            let known = names.get_channel(of.channel);
            let (system, cluster_id) = (known.system.clone(), known.cluster_id.clone());
            match channel_name(&told, text, &system) {
                Some(name) => names.channel(&system, &cluster_id, &name),
                None => of.channel,
            }
        };
        LinkFacts {
            partition: position(told.get(WellKnown::MessagingPartition), text).map_or(-1, |partition| partition as i32),
            offset: position(told.get(WellKnown::MessagingKafkaOffset), text).unwrap_or(-1),
            message_id: self.text_hash(told.get(WellKnown::MessagingMessageId), text),
            channel,
        }
    }

    /// The key of a conversation id, however it is spelt: equal for those that match.
    pub(crate) fn conversation(&self, text: &str) -> u64 {
        CorrelationId::parse(text.as_bytes()).map_or(0, |id| self.conversation_key(&id))
    }

    /// The key of a normalised conversation id.
    pub(crate) fn conversation_key(&self, id: &CorrelationId) -> u64 {
        let hash = match id {
            CorrelationId::Wide(wide) => self.hasher.hash_one(*wide as u64),
            CorrelationId::Number(number) => self.hasher.hash_one(*number),
            CorrelationId::Text(text) => self.hasher.hash_one(text),
        };
        hash.max(1)
    }

    fn text_hash(&self, value: Option<Value>, text: &TextArena) -> u64 {
        match value {
            None => 0,
            Some(value) => {
                let text = value.to_text(text);
                if text.is_empty() { 0 } else { self.hasher.hash_one(&*text).max(1) }
            }
        }
    }

    #[inline]
    fn operation(&mut self, service: ServiceId, name: Str, text: &TextArena, names: &mut FlowNames) -> OperationId {
        let Some(known) = self.operations.get_mut(name.index()) else { return OperationId::OVERFLOW };
        if known.0 != service {
            *known = (service, names.operation(service, text.get(name)));
        }
        known.1
    }

    #[inline]
    fn group(&mut self, group: Option<Value>, text: &TextArena, names: &mut FlowNames) -> GroupId {
        let Some(Value::Str(at)) = group.filter(|value| *value != Value::Str(Str::EMPTY)) else { return GroupId::NONE };
        *self.groups.entry(at).or_insert_with(|| names.group(text.get(at)))
    }
}

/// A value as a key within its batch. Equal values have equal codes; the highest bit says that unequal ones may, too.
fn code(value: Option<Value>) -> u32 {
    match value {
        None => 0,
        Some(Value::Str(at)) if at.0 < (1 << 30) - 1 => at.0 + 1,
        Some(Value::I64(number)) if (0..1 << 30).contains(&number) => number as u32 | 1 << 30,
        Some(_) => 1 << 31,
    }
}

fn is_own_agent(value: Value, text: &TextArena) -> bool {
    let Value::Str(at) = value else { return false };
    text.bytes(at).strip_prefix(OWN_USER_AGENT.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'/'))
}

fn is_positive(value: Option<Value>, text: &TextArena) -> bool {
    value.and_then(|value| value.to_i64(text)).is_some_and(|number| number > 0)
}

fn position(value: Option<Value>, text: &TextArena) -> Option<i64> {
    value.and_then(|value| value.to_i64(text)).filter(|number| *number >= 0)
}

/// When a span counts: when it ended, if that is near enough to its arrival to be believed, else when it arrived.
struct Moment {
    bucket: i32,
    late_by: u8,
    in_range: bool,
}

impl Moment {
    fn of(span: &SpanRow, received_ns: i64) -> Self {
        let arrived = bucket_of(received_ns);
        let bucket = bucket_of(moment_ns(span.start_ns, span.end_ns, received_ns));
        let in_range = believed_end_ns(span.start_ns, span.end_ns, received_ns).is_some();
        Self { bucket, late_by: u8::try_from(arrived.saturating_sub(bucket)).unwrap_or(u8::MAX), in_range }
    }
}

/// When a span ended, if that is near enough to its arrival to be believed.
#[inline]
fn believed_end_ns(start_ns: i64, end_ns: i64, received_ns: i64) -> Option<i64> {
    // What has no end of its own lasted at least until it began.
    let end_ns = end_ns.max(start_ns);
    (-MAX_BEFORE_NS..=MAX_AFTER_NS).contains(&end_ns.saturating_sub(received_ns)).then_some(end_ns)
}

/// When a span counts, ns: when it ended, as far as that is believed, else when it arrived; never after it arrived.
#[inline]
pub(crate) fn moment_ns(start_ns: i64, end_ns: i64, received_ns: i64) -> i64 {
    believed_end_ns(start_ns, end_ns, received_ns).map_or(received_ns, |end_ns| end_ns.min(received_ns))
}

/// Whether what counts at a moment was no longer of the last minute when it arrived: then it is of that minute too.
pub(crate) fn is_late(moment_ns: i64, received_ns: i64) -> bool {
    bucket_of(received_ns).saturating_sub(bucket_of(moment_ns)) > RECENT
}
