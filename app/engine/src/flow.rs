//! Who talks to whom: pairs the spans that belong together, in whatever order they come, and counts them.

mod again;
mod around;
mod arrival_index;
mod attempts;
mod bindings;
mod bounded;
mod calls;
mod conversations;
mod forget;
mod hot;
mod messages;
mod plan;
mod publish;
mod records;
mod refusals;
mod report;
mod summary;

use hashbrown::HashMap;
use switchboard_model::SpanId;

use crate::extract::{LinkFacts, Role, SpanFacts};
use crate::figures::{BUCKET_NS, RowId, RowKey, Rows, Rule, SpanKey, Subscription, bucket_of};
use crate::flow::bindings::Bindings;
use crate::flow::bounded::Bounded;
use crate::flow::calls::Proofs;
use crate::flow::conversations::Conversations;
use crate::flow::hot::{Entry, Hot, Seq, Sides};
use crate::flow::messages::Consumer;
use crate::flow::publish::Publisher;
use crate::flow::records::{MessageIds, Position, PositionKey, RecordContext};
use crate::flow::refusals::Refusals;
use crate::names::{ChannelId, FlowNames, GroupId, PeerId, ServiceId, StatusId};
use crate::source_shares::{SharedMap, Shares};
use crate::view::LimitsReport;

pub(crate) use plan::{Brokers, Ids, Plan};
pub(crate) use report::flow_report;
pub(crate) use summary::{DRAINED_AFTER_NS, Scope, Summaries, evidence_of, statuses_of};

/// The system in which a name holds exchange, key and queue.
pub(crate) const RABBITMQ: &str = "rabbitmq";

/// A span as it arrives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival<'a> {
    /// Its trace and id.
    pub(crate) key: SpanKey,
    /// Its parent; zero = none.
    pub(crate) parent: SpanId,
    /// Start, ns since the Unix epoch.
    pub(crate) start_ns: i64,
    /// End, ns since the Unix epoch.
    pub(crate) end_ns: i64,
    /// When it was received, ns since the Unix epoch.
    pub(crate) received_ns: i64,
    /// What it says.
    pub(crate) facts: &'a SpanFacts,
    /// Its links, of a span that publishes, handles or fetches messages.
    pub(crate) links: &'a [(SpanKey, LinkFacts)],
}

/// What an older span, no longer among those that arrived last, tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OldSpan {
    /// What it said.
    pub(crate) facts: SpanFacts,
    /// Start, ns since the Unix epoch.
    pub(crate) start_ns: i64,
    /// End, ns since the Unix epoch.
    pub(crate) end_ns: i64,
}

/// Finds older spans where they are stored.
pub(crate) trait Older {
    /// The span, if it is stored.
    fn find(&mut self, key: SpanKey, names: &mut FlowNames) -> Option<OldSpan>;
}

/// How long buckets of time are kept apart.
const NUM_BUCKETS: i32 = 186;
/// Buckets that stay whatever they take: those of the last minute.
const NUM_RECENT: i32 = 7;

/// How often one span may be replaced by another of its id: a sender that uses one id for all costs no more than others.
const MAX_REPLACED: u8 = 16;

/// The state of joining and counting.
#[derive(Debug)]
pub(crate) struct Flow {
    /// Who and what is named.
    pub(crate) names: FlowNames,
    /// What was counted.
    pub(crate) rows: Rows,
    hot: Hot,
    consumers: HashMap<Seq, Consumer>,
    /// Messages of those consumers.
    num_followed: usize,
    publishers: HashMap<Seq, Publisher>,
    /// Who rests on a span by a link to it.
    link_dependents: HashMap<SpanKey, Vec<Seq>>,
    /// Producers that link to a span: links lead either way.
    linked_by: Bounded<SpanKey, Vec<SpanKey>>,
    positions: Bounded<PositionKey, Position>,
    /// Which queues get messages of which exchanges.
    bindings: Bindings,
    /// Until when readers said that their next message is not due yet, ns since the Unix epoch.
    waits: SharedMap<(ChannelId, GroupId), i64>,
    message_ids: Bounded<(u64, u64), MessageIds>,
    record_contexts: Bounded<SpanKey, RecordContext>,
    /// Which message answers which.
    pub(crate) conversations: Conversations,
    /// Which addresses are which services.
    pub(crate) proofs: Proofs,
    refusals: Refusals,
    /// Ids that are about to be looked for.
    near: Vec<(u64, u64)>,
    /// Consumers to be settled at the end of the batch.
    unsettled: Vec<Seq>,
    /// Spans and messages that left while they waited for a partner, but for calls.
    num_left_unpaired: u64,
    /// Calls that left without the server span of whom they called, by whom they named.
    left_calls: HashMap<PeerId, u64>,
    now_ns: i64,
}

impl Flow {
    /// Uses about so many bytes.
    pub(crate) fn new(max_bytes: usize) -> Self {
        let hot = Hot::new(max_bytes / 2);
        let num_keys = hot.capacity() / 4;
        Self {
            names: FlowNames::new((max_bytes / 256).clamp(4 << 10, 256 << 10)),
            rows: Rows::new((max_bytes / 1024).clamp(1_000, 20_000), max_bytes / 4),
            consumers: HashMap::new(),
            num_followed: 0,
            publishers: HashMap::new(),
            link_dependents: HashMap::new(),
            linked_by: Bounded::new(num_keys),
            positions: Bounded::new(num_keys),
            bindings: Bindings::default(),
            waits: SharedMap::new(again::MAX_WAITING, 0),
            message_ids: Bounded::new(num_keys),
            record_contexts: Bounded::new(num_keys),
            conversations: Conversations::new(num_keys),
            proofs: Proofs::default(),
            refusals: Refusals::default(),
            near: Vec::new(),
            unsettled: Vec::new(),
            num_left_unpaired: 0,
            left_calls: HashMap::new(),
            now_ns: i64::MIN,
            hot,
        }
    }

    /// The time of the last arrival moved on: old buckets go.
    pub(crate) fn advance(&mut self, now_ns: i64) {
        if now_ns <= self.now_ns {
            return;
        }
        let is_new_bucket = self.now_ns.div_euclid(BUCKET_NS) != now_ns.div_euclid(BUCKET_NS);
        self.now_ns = now_ns;
        self.rows.set_now(now_ns);
        if is_new_bucket || self.rows.is_over_budget() {
            let now = bucket_of(now_ns);
            self.rows.forget_before(now.saturating_sub(NUM_BUCKETS), now.saturating_sub(NUM_RECENT));
        }
    }

    /// A span that had not come before.
    pub(crate) fn span(&mut self, arrival: &Arrival<'_>, older: &mut dyn Older) {
        let facts = arrival.facts;
        let sides = self.hot.find(arrival.key);
        let is_callee = matches!(facts.role, Role::Server | Role::Process | Role::Receive);
        let placeholder = self.hot.get(sides.caller).is_some_and(|entry| entry.role == Role::Unseen);
        let same_side = if is_callee { sides.callee } else { sides.caller };
        let (seq, is_awaited) = if placeholder {
            (sides.caller, true)
        } else if same_side != Seq::NONE {
            return self.replace(same_side, arrival, older);
        } else {
            let mut entry = Entry::unseen(arrival.key);
            entry.fill(arrival.key, arrival.parent, arrival.start_ns, arrival.end_ns, facts);
            (self.push(entry), false)
        };
        if is_awaited && let Some(entry) = self.hot.get_mut(seq) {
            entry.fill(arrival.key, arrival.parent, arrival.start_ns, arrival.end_ns, facts);
        }
        if !facts.in_range {
            self.rows.count_out_of_range();
        }
        self.count(seq, arrival, sides, older);
        if is_awaited || sides.caller != Seq::NONE || sides.callee != Seq::NONE {
            self.tell_dependents(arrival.key, seq, older);
        }
        self.tell_records(arrival.key, facts, arrival.start_ns);
    }

    /// The same span once more, by an arrival that came before the one that is counted.
    pub(crate) fn span_again(&mut self, arrival: &Arrival<'_>, older: &mut dyn Older) {
        let facts = arrival.facts;
        let sides = self.hot.find(arrival.key);
        let seq = if matches!(facts.role, Role::Server | Role::Process | Role::Receive) { sides.callee } else { sides.caller };
        let Some(known) = self.hot.get(seq).copied() else { return };
        let is_same = (known.role, known.parent, known.start_ns, known.end_ns) == (facts.role, arrival.parent, arrival.start_ns, arrival.end_ns);
        if is_same && (facts.bucket, facts.late_by) != known.moment() && facts.arrived() < known.arrived() {
            self.recast(seq, &known, arrival, older);
        }
    }

    /// Another span of the same id and side: one of the two is counted, the same whatever their order.
    fn replace(&mut self, seq: Seq, arrival: &Arrival<'_>, older: &mut dyn Older) {
        let Some(known) = self.hot.get(seq).copied() else { return };
        if known.num_replaced >= MAX_REPLACED || !self.prevails(arrival, &known) {
            return;
        }
        if let Some(entry) = self.hot.get_mut(seq) {
            entry.num_replaced += 1;
        }
        self.recast(seq, &known, arrival, older);
    }

    /// Counts a span as what this arrival says.
    fn recast(&mut self, seq: Seq, known: &Entry, arrival: &Arrival<'_>, older: &mut dyn Older) {
        self.uncount(seq);
        if known.parent != arrival.parent {
            self.leave_parent(seq);
        }
        if let Some(entry) = self.hot.get_mut(seq) {
            entry.fill(arrival.key, arrival.parent, arrival.start_ns, arrival.end_ns, arrival.facts);
        }
        let sides = self.hot.find(arrival.key);
        self.count(seq, arrival, sides, older);
        for parent in [known.parent, arrival.parent] {
            let sides = self.hot.find(SpanKey { span_id: parent, ..arrival.key });
            self.evaluate_client(sides.caller);
            self.settle_all_attempts(sides);
            self.settle_failure_around(sides.caller, 0);
        }
        self.tell_dependents(arrival.key, seq, older);
        self.tell_calls(arrival.key, true);
        self.tell_records(arrival.key, arrival.facts, arrival.start_ns);
    }

    fn prevails(&self, arrival: &Arrival<'_>, known: &Entry) -> bool {
        let facts = arrival.facts;
        let names = |service: ServiceId, peer: PeerId, channel: ChannelId, status: StatusId| {
            let (service, channel) = (self.names.get_service(service), self.names.get_channel(channel));
            (
                &service.environment,
                &service.namespace,
                &service.name,
                &self.names.get_peer(peer).text,
                &channel.cluster_id,
                &channel.name,
                self.names.status_name(status),
            )
        };
        let duration_ns = |start_ns: i64, end_ns: i64| end_ns.saturating_sub(start_ns);
        let (failed, timed_out, gave_up) = known.own_ending();
        let arrived = (duration_ns(arrival.start_ns, arrival.end_ns), arrival.start_ns, arrival.parent, facts.role, facts.via, facts.error, facts.bucket);
        let more = (facts.gave_up, facts.request, facts.timeout);
        let held_more = (gave_up, known.request, timed_out);
        let held = (duration_ns(known.start_ns, known.end_ns), known.start_ns, known.parent, known.role, known.via, failed, known.sample().bucket);
        (arrived, names(facts.service, facts.peer, facts.channel, facts.status), more)
            > (held, names(known.service, known.peer, known.channel, known.status), held_more)
    }

    fn push(&mut self, entry: Entry) -> Seq {
        let (seq, left) = self.hot.push(entry);
        if let Some((left_seq, left)) = left {
            self.leave(left_seq, &left);
        }
        seq
    }

    /// A span leaves those that arrived last: what it was counted as stays.
    fn leave(&mut self, seq: Seq, entry: &Entry) {
        self.note_calls(entry);
        if entry.is_linked() {
            self.link_dependents.remove(&entry.key().narrow());
        }
        match entry.role {
            Role::Publish => {
                self.publishers.remove(&seq);
            }
            Role::Process | Role::Receive => self.end_consumer(seq),
            Role::Server => self.num_left_unpaired += u64::from(entry.row != RowId::NONE && entry.rule == Rule::MissingParent),
            Role::Client => self.leave_unpaired(entry),
            Role::Unseen | Role::Internal | Role::Settle => {}
        }
    }

    /// Counts a span whose entry is filled: what it is by itself, and what follows from its partners. `own` are the sides
    /// of its id.
    fn count(&mut self, seq: Seq, arrival: &Arrival<'_>, own: Sides, older: &mut dyn Older) {
        match arrival.facts.role {
            Role::Server => {
                let parent = self.join_parent(seq);
                let shared = if own.caller == seq { Seq::NONE } else { own.caller };
                self.evaluate_server_under(seq, shared, parent, older);
            }
            Role::Client => {
                let parent = self.join_parent(seq);
                let shared = if own.callee == seq { Seq::NONE } else { own.callee };
                self.look_around(seq, parent);
                self.evaluate_call(seq, shared);
                self.tell_outer_call(seq, parent);
                self.settle_attempts(seq, parent);
                if self.hot.get(parent).is_some_and(|above| above.role == Role::Client && above.failure().is_some()) {
                    self.settle_failure_around(parent, 0);
                }
            }
            Role::Publish => self.publish(seq, arrival),
            Role::Process | Role::Receive => {
                self.join_parent(seq);
                self.consume(seq, arrival);
            }
            Role::Unseen | Role::Internal | Role::Settle => {}
        }
    }

    /// Takes back all that a span was counted as.
    fn uncount(&mut self, seq: Seq) {
        let Some(entry) = self.hot.get(seq).copied() else { return };
        match entry.role {
            Role::Server => {
                self.prove(seq, PeerId::NONE);
                self.set_received(seq, false);
                for caller in [self.hot.find(entry.key()).caller, self.hot.find(entry.parent_key()).caller] {
                    if self.hot.get(caller).is_some_and(|caller| caller.callee == seq) {
                        self.release_callee(caller);
                    }
                }
                self.recount(seq, None);
            }
            Role::Client => {
                self.release_callee(seq);
                self.recount(seq, None);
            }
            Role::Publish => self.unpublish(seq),
            Role::Process | Role::Receive => self.unconsume(seq),
            Role::Unseen | Role::Internal | Role::Settle => {}
        }
    }

    /// Counts a span in another row than before, or in none.
    fn recount(&mut self, seq: Seq, to: Option<(RowKey, Rule)>) {
        let Some(entry) = self.hot.get_mut(seq) else { return };
        let row = to.map_or(RowId::NONE, |(key, _)| self.rows.row(key));
        let rule = to.map_or(entry.rule, |(_, rule)| rule);
        if (row, rule) == (entry.row, entry.rule) {
            return;
        }
        let mut sample = entry.sample();
        sample.num = entry.num.max(1);
        let key = entry.key();
        if entry.row != RowId::NONE {
            self.rows.subtract(entry.row, &sample, entry.rule, Some(key));
        }
        if row != RowId::NONE {
            self.rows.add(row, &sample, rule, Some(key));
        }
        (entry.row, entry.rule) = (row, rule);
    }

    /// Brings near what the next spans will ask for: their ids and their parents'.
    pub(crate) fn approach(&mut self, ids: impl Iterator<Item = SpanKey>, num_spans: usize) -> u64 {
        self.near.clear();
        self.near.extend(ids.filter(|key| key.span_id.is_some()).map(|key| (key.trace_id.low(), key.span_id.0)));
        self.hot.approach(&self.near, num_spans as u32)
    }

    /// A span came, or came to be another: those that rest on it look again.
    fn tell_dependents(&mut self, key: SpanKey, seq: Seq, older: &mut dyn Older) {
        let sides = self.hot.find(key);
        // A call has looked at the servers that it called by itself.
        let is_call = sides.callee == Seq::NONE && self.hot.get(seq).is_some_and(|entry| entry.role == Role::Client);
        for side in [sides.caller, sides.callee] {
            let children: Vec<(Seq, Role)> = self.hot.children(side).map(|(child, entry)| (child, entry.role)).collect();
            for (child, role) in children {
                match role {
                    Role::Server if is_call => {}
                    Role::Server => self.evaluate_server(child, older),
                    Role::Process | Role::Receive => self.look_again(child, key),
                    _ => {}
                }
            }
        }
        self.tell_calls(key, false);
        if sides.caller != Seq::NONE && sides.caller != seq {
            self.evaluate_client(sides.caller);
        }
        if sides.callee != Seq::NONE && sides.callee != seq && self.hot.get(sides.callee).is_some_and(|entry| entry.role == Role::Server) {
            self.evaluate_server(sides.callee, older);
        }
        self.tell_linked(key);
    }

    /// All of a batch was entered: settles what waited for it.
    pub(crate) fn end_batch(&mut self, older: &mut dyn Older) {
        let mut unsettled = std::mem::take(&mut self.unsettled);
        unsettled.sort_unstable();
        unsettled.dedup();
        for seq in unsettled.drain(..) {
            self.settle(seq, older);
        }
        self.unsettled = unsettled;
    }

    /// What the limits left out, but for what found no room.
    pub(crate) fn limits(&self) -> LimitsReport {
        LimitsReport { out_of_range: self.rows.num_out_of_range(), left_unpaired: self.num_left_unpaired + self.num_left_calls(), capped: 0 }
    }

    /// What found no room, by what it is.
    pub(crate) fn shares(&self) -> impl Iterator<Item = (&'static str, &Shares)> {
        let own = [
            ("interactions", self.rows.shares()),
            ("refusing circuit breakers", self.refusals.shares()),
            ("operations whose calls are remembered", self.refusals.shares_of_calling()),
            ("queues bound to exchanges", self.bindings.shares()),
            ("groups that wait", self.waits.shares()),
            ("pairs of request and answer", self.conversations.shares()),
        ];
        self.names.shares().into_iter().chain(own)
    }

    /// Begins the examples anew of rows that lost too many of theirs, from the spans that are here.
    pub(crate) fn mend_examples(&mut self) {
        let incomplete: Vec<RowId> = self.rows.held().filter(|(_, row)| row.exemplars.is_incomplete()).map(|(row_id, _)| row_id).collect();
        if incomplete.is_empty() {
            return;
        }
        for row_id in &incomplete {
            let hot = &self.hot;
            self.rows.exemplars_mut(*row_id).restart(|span| hot.get(hot.find(span).inner()).is_some());
        }
        let is_incomplete = |row_id: RowId| incomplete.binary_search(&row_id).is_ok();
        for (_, entry) in self.hot.iter() {
            if entry.row != RowId::NONE && is_incomplete(entry.row) {
                self.rows.exemplars_mut(entry.row).add(entry.key());
            }
        }
        for consumer in self.consumers.values() {
            consumer.each_row(|row_id| {
                if is_incomplete(row_id) {
                    self.rows.exemplars_mut(row_id).add(consumer.key());
                }
            });
        }
    }

    /// What it holds, in bytes, roughly.
    pub(crate) fn size_bytes(&self) -> usize {
        self.hot.size_bytes()
            + self.rows.size_bytes()
            + self.positions.size_bytes()
            + self.message_ids.size_bytes()
            + self.record_contexts.size_bytes()
            + self.linked_by.size_bytes()
            + self.conversations.size_bytes()
            + self.refusals.size_bytes()
            + self.consumers.capacity() * size_of::<(Seq, Consumer)>()
    }
}

/// How a service reads a channel.
fn subscription(facts: &SpanFacts, channel: ChannelId) -> Subscription {
    Subscription { channel, group: facts.group, service: facts.service, receive: facts.role == Role::Receive }
}
