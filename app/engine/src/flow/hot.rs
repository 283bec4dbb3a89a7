//! The spans that arrived last, found by trace and span: where partners look for one another. A ring: when it is full, the
//! one that arrived first leaves.

use std::hash::{BuildHasher, RandomState};

use switchboard_model::{SpanId, TraceId};

use crate::extract::{Role, SpanFacts};
use crate::figures::{RowId, Rule, Sample, SpanKey};
use crate::flow::arrival_index::ArrivalIndex;
use crate::names::{ChannelId, OperationId, PeerId, ServiceId, StatusId, Via};

/// The number of an arrival. Numbers of those that left are told from all that are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Seq(pub(super) u32);

impl Seq {
    /// None.
    pub(crate) const NONE: Self = Self(u32::MAX);
}

/// A span as its partners need it, and what it was counted as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    trace_low: u64,
    trace_high: u64,
    span_id: u64,
    /// Its parent; zero = none.
    pub(crate) parent: SpanId,
    /// Start, ns since the Unix epoch.
    pub(crate) start_ns: i64,
    /// End, ns since the Unix epoch.
    pub(crate) end_ns: i64,
    bucket: i32,
    weight_milli: u32,
    /// Its name.
    pub(crate) operation: OperationId,
    /// How many messages it was counted for.
    pub(crate) num: u32,
    /// The row it is counted in; [`RowId::NONE`] = in none.
    pub(crate) row: RowId,
    /// Of a call: the server span that is counted with it.
    pub(crate) callee: Seq,
    /// The last that came of those that name this span as their parent.
    pub(crate) first_child: Seq,
    /// The one that came before it of those that name the same parent.
    pub(crate) next_sibling: Seq,
    /// Its service.
    pub(crate) service: ServiceId,
    /// Whom it calls.
    pub(crate) peer: PeerId,
    /// Of a server span: the peer that a call which had left proved to be its service.
    pub(crate) proved: PeerId,
    /// Its channel.
    pub(crate) channel: ChannelId,
    /// Of a call: what it asks for, as a hash; 0 = not told.
    pub(crate) request: u32,
    /// What it ended with.
    pub(crate) status: StatusId,
    /// Of a call: what a span around it ended with, where only that one failed.
    around: StatusId,
    /// What it does.
    pub(crate) role: Role,
    /// Over what.
    pub(crate) via: Via,
    /// The rule it is counted by.
    pub(crate) rule: Rule,
    /// How often it was replaced by another of its id.
    pub(crate) num_replaced: u8,
    /// By how many buckets it arrived later than it ended.
    late_by: u8,
    flags: u16,
}

const ERROR: u16 = 1;
const RETRY: u16 = 2;
const TIMEOUT: u16 = 4;
/// Others wait for, or rest on, this span by a link.
const LINKED: u16 = 8;
/// It stands among the children of its parent.
const JOINED: u16 = 16;
/// It gave up waiting for what it had begun.
const GAVE_UP: u16 = 32;
/// Its start and end make no duration.
const UNTIMED: u16 = 2048;
/// Of a call: a span around it failed, and none within that one.
const FAILED_AROUND: u16 = 4096;
/// Of such a call: that span ran out of time.
const TIMEOUT_AROUND: u16 = 8192;

/// What follows of a span from those around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Mark {
    /// Of a call: the one that made it gave up before it ended.
    Abandoned = 64,
    /// Of a server span: it counts as received.
    Received = 128,
    /// Of a call: the same one failed before it, under the same parent.
    Attempt = 256,
    /// A call under it failed.
    HasFailed = 512,
    /// Of a call: another span of the same service stands around it and means the same.
    Wrapped = 1024,
}

impl Entry {
    /// A span that is only named yet.
    pub(crate) fn unseen(key: SpanKey) -> Self {
        Self {
            trace_low: key.trace_id.low(),
            trace_high: (key.trace_id.0 >> 64) as u64,
            span_id: key.span_id.0,
            parent: SpanId::NONE,
            start_ns: 0,
            end_ns: 0,
            bucket: 0,
            weight_milli: 0,
            operation: OperationId::OVERFLOW,
            num: 0,
            row: RowId::NONE,
            callee: Seq::NONE,
            first_child: Seq::NONE,
            next_sibling: Seq::NONE,
            service: ServiceId::NONE,
            peer: PeerId::NONE,
            proved: PeerId::NONE,
            channel: ChannelId::NONE,
            request: 0,
            status: StatusId::NONE,
            around: StatusId::NONE,
            role: Role::Unseen,
            via: Via::Call,
            rule: Rule::Root,
            num_replaced: 0,
            late_by: 0,
            flags: 0,
        }
    }

    /// Takes the facts of the span, and nothing of what it was counted as.
    pub(crate) fn fill(&mut self, key: SpanKey, parent: SpanId, start_ns: i64, end_ns: i64, facts: &SpanFacts) {
        // Whoever named it may have known the low half of its trace id alone.
        self.trace_high = (key.trace_id.0 >> 64) as u64;
        self.parent = parent;
        self.start_ns = start_ns;
        self.end_ns = end_ns;
        self.bucket = facts.bucket;
        self.late_by = facts.late_by;
        self.weight_milli = facts.weight_milli;
        self.operation = facts.operation;
        self.service = facts.service;
        self.peer = facts.peer;
        self.channel = facts.channel;
        self.request = facts.request;
        self.status = facts.status;
        self.role = facts.role;
        self.via = facts.via;
        let flag = |yes: bool, flag: u16| if yes { flag } else { 0 };
        let kept = self.flags & (LINKED | JOINED | Mark::HasFailed as u16);
        let told =
            flag(facts.error, ERROR) | flag(facts.retry, RETRY) | flag(facts.timeout, TIMEOUT) | flag(facts.gave_up, GAVE_UP) | flag(!facts.timed, UNTIMED);
        self.flags = kept | told;
    }

    /// When it counts, and by how many buckets it arrived later.
    pub(crate) fn moment(&self) -> (i32, u8) {
        (self.bucket, self.late_by)
    }

    /// The bucket in which it arrived.
    pub(crate) fn arrived(&self) -> i32 {
        self.bucket.saturating_add(i32::from(self.late_by))
    }

    /// Its trace and id.
    pub(crate) fn key(&self) -> SpanKey {
        SpanKey { trace_id: TraceId(u128::from(self.trace_high) << 64 | u128::from(self.trace_low)), span_id: SpanId(self.span_id) }
    }

    /// As an observation of its own duration.
    pub(crate) fn sample(&self) -> Sample {
        Sample {
            bucket: self.bucket,
            late_by: self.late_by,
            latency_ns: (self.flags & UNTIMED == 0).then(|| self.end_ns.saturating_sub(self.start_ns)),
            error: self.has_failed() || self.flags & FAILED_AROUND != 0,
            retry: self.flags & (RETRY | Mark::Attempt as u16) != 0,
            timeout: self.flags & (TIMEOUT | TIMEOUT_AROUND | Mark::Abandoned as u16) != 0,
            num: 1,
            weight_milli: self.weight_milli,
            status: match self.failed_around() {
                _ if self.flags & ERROR != 0 => self.status,
                _ if self.is(Mark::Abandoned) => StatusId::GIVEN_UP,
                Some((status, _)) => status,
                None => self.status,
            },
        }
    }

    /// What it tells the call within it: its status and whether it ran out of time, if it failed or one around it did.
    pub(crate) fn failure(&self) -> Option<(StatusId, bool)> {
        if self.flags & ERROR != 0 { Some((self.status, self.flags & TIMEOUT != 0)) } else { self.failed_around() }
    }

    /// What a span around it ended with, where only that one failed, and whether that one ran out of time.
    pub(crate) fn failed_around(&self) -> Option<(StatusId, bool)> {
        (self.flags & FAILED_AROUND != 0).then_some((self.around, self.flags & TIMEOUT_AROUND != 0))
    }

    /// A span around it failed and none within that one, or no longer.
    pub(crate) fn set_failed_around(&mut self, failure: Option<(StatusId, bool)>) {
        let (status, is_timeout) = failure.unwrap_or((StatusId::NONE, false));
        let flag = |yes: bool, flag: u16| if yes { flag } else { 0 };
        self.around = status;
        self.flags = self.flags & !(FAILED_AROUND | TIMEOUT_AROUND) | flag(failure.is_some(), FAILED_AROUND) | flag(is_timeout, TIMEOUT_AROUND);
    }

    /// Whether it failed, by itself or for the one that waited for it.
    pub(crate) fn has_failed(&self) -> bool {
        self.flags & (ERROR | Mark::Abandoned as u16) != 0
    }

    /// Whether it failed, ran out of time and gave up by itself, whatever follows from those around it.
    pub(crate) fn own_ending(&self) -> (bool, bool, bool) {
        (self.flags & ERROR != 0, self.flags & TIMEOUT != 0, self.gave_up())
    }

    /// Whether it gave up waiting for what it had begun.
    pub(crate) fn gave_up(&self) -> bool {
        self.flags & GAVE_UP != 0
    }

    /// Whether this follows from the spans around it.
    pub(crate) fn is(&self, mark: Mark) -> bool {
        self.flags & mark as u16 != 0
    }

    /// This follows from the spans around it, or no longer.
    pub(crate) fn set(&mut self, mark: Mark, yes: bool) {
        self.flags = self.flags & !(mark as u16) | if yes { mark as u16 } else { 0 };
    }

    /// Whether others rest on it by a link.
    pub(crate) fn is_linked(&self) -> bool {
        self.flags & LINKED != 0
    }

    /// Others rest on it by a link.
    pub(crate) fn set_linked(&mut self) {
        self.flags |= LINKED;
    }

    /// Whether it stands among the children of its parent.
    pub(crate) fn is_joined(&self) -> bool {
        self.flags & JOINED != 0
    }

    /// It stands among the children of its parent, or no longer.
    pub(crate) fn set_joined(&mut self, joined: bool) {
        self.flags = self.flags & !JOINED | if joined { JOINED } else { 0 };
    }

    /// Whether it is the answering side of its id (Zipkin's shared spans have both sides under one id).
    pub(crate) fn is_callee(&self) -> bool {
        matches!(self.role, Role::Server | Role::Process | Role::Receive)
    }
}

/// Children of one span that are looked at, the last that came first: a sender with one parent for all costs no more than
/// others.
const MAX_CHILDREN: usize = 4096;

/// Which spans of one id are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sides {
    /// The calling side, or one that is only named yet.
    pub(crate) caller: Seq,
    /// The answering side.
    pub(crate) callee: Seq,
}

impl Sides {
    /// The side that works on: the answering one, if it is there.
    pub(crate) fn inner(self) -> Seq {
        if self.callee == Seq::NONE { self.caller } else { self.callee }
    }
}

/// The ring and its index.
#[derive(Debug)]
pub(crate) struct Hot {
    entries: Vec<Entry>,
    mask: u32,
    /// The number of the next arrival.
    head: u32,
    len: u32,
    index: ArrivalIndex,
    seed: u64,
}

impl Hot {
    /// Room for about so many bytes of spans.
    pub(crate) fn new(max_bytes: usize) -> Self {
        let most = (max_bytes / (size_of::<Entry>() + 16)).clamp(1 << 10, 1 << 26);
        let capacity = 1_usize << most.ilog2();
        Self {
            entries: Vec::with_capacity(capacity),
            mask: capacity as u32 - 1,
            head: 0,
            len: 0,
            index: ArrivalIndex::for_entries(capacity),
            seed: RandomState::new().hash_one(0) | 1,
        }
    }

    /// How many spans fit.
    pub(crate) fn capacity(&self) -> usize {
        self.mask as usize + 1
    }

    /// Whether a span had to leave already.
    pub(crate) fn is_full(&self) -> bool {
        self.len > self.mask
    }

    /// A span that is here.
    #[inline]
    pub(crate) fn get(&self, seq: Seq) -> Option<&Entry> {
        let age = self.head.wrapping_sub(seq.0);
        (seq != Seq::NONE && age != 0 && age <= self.len).then(|| &self.entries[(seq.0 & self.mask) as usize])
    }

    /// A span that is here.
    #[inline]
    pub(crate) fn get_mut(&mut self, seq: Seq) -> Option<&mut Entry> {
        let age = self.head.wrapping_sub(seq.0);
        (seq != Seq::NONE && age != 0 && age <= self.len).then(|| &mut self.entries[(seq.0 & self.mask) as usize])
    }

    /// The spans of an id; a 64-bit trace id matches the low half of a wide one.
    #[inline]
    pub(crate) fn find(&self, key: SpanKey) -> Sides {
        let (low, high) = (key.trace_id.low(), (key.trace_id.0 >> 64) as u64);
        let mut sides = Sides { caller: Seq::NONE, callee: Seq::NONE };
        self.index.each(self.hash(low, key.span_id.0), |seq| {
            let entry = &self.entries[(seq & self.mask) as usize];
            let is_same = entry.trace_low == low && entry.span_id == key.span_id.0;
            if is_same && (entry.trace_high == high || entry.trace_high == 0 || high == 0) {
                if entry.is_callee() {
                    sides.callee = Seq(seq);
                } else {
                    sides.caller = Seq(seq);
                }
            }
        });
        sides
    }

    /// Brings the spans of these ids (low half of the trace id, span id) near, and the places of so many that will leave, all
    /// at once: alone each would be waited for.
    pub(crate) fn approach(&self, ids: &[(u64, u64)], num_leaving: u32) -> u64 {
        let first = self.head.wrapping_sub(self.len);
        let leaving = if self.is_full() { num_leaving.min(self.len) } else { 0 };
        let touched = (0..leaving).fold(0, |sum, at| {
            let entry = &self.entries[(first.wrapping_add(at) & self.mask) as usize];
            sum ^ self.index.touch(self.hash(entry.trace_low, entry.span_id))
        });
        let touched = ids.iter().fold(touched, |sum, (low, span_id)| sum ^ self.index.touch(self.hash(*low, *span_id)));
        ids.iter().fold(touched, |mut sum, (low, span_id)| {
            self.index.each(self.hash(*low, *span_id), |seq| sum ^= self.entries[(seq & self.mask) as usize].trace_low);
            sum
        })
    }

    /// Enters a span. Gives back the one that had to leave for it.
    pub(crate) fn push(&mut self, entry: Entry) -> (Seq, Option<(Seq, Entry)>) {
        if self.head == u32::MAX {
            // This number stands for "none": its place stays empty.
            let _left = self.put(Entry::unseen(SpanKey { trace_id: TraceId(0), span_id: SpanId::NONE }));
        }
        let seq = Seq(self.head);
        let left = self.put(entry);
        self.index.insert(self.hash(entry.trace_low, entry.span_id), seq.0);
        (seq, left)
    }

    fn put(&mut self, entry: Entry) -> Option<(Seq, Entry)> {
        let slot = (self.head & self.mask) as usize;
        let left = if self.entries.len() <= self.mask as usize {
            self.entries.push(entry);
            self.len += 1;
            None
        } else {
            let seq = Seq(self.head.wrapping_sub(self.len));
            let left = std::mem::replace(&mut self.entries[slot], entry);
            self.index.remove(self.hash(left.trace_low, left.span_id), seq.0);
            Some((seq, left))
        };
        self.head = self.head.wrapping_add(1);
        left
    }

    #[inline]
    fn hash(&self, trace_low: u64, span_id: u64) -> u64 {
        hash_of(self.seed, trace_low, span_id)
    }

    /// All that are here, those that came first first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Seq, &Entry)> {
        let first = self.head.wrapping_sub(self.len);
        (0..self.len).map(move |at| Seq(first.wrapping_add(at))).filter_map(|seq| Some((seq, self.get(seq)?)))
    }

    /// All that are here.
    pub(crate) fn each_mut(&mut self, call: impl FnMut(&mut Entry)) {
        self.entries.iter_mut().for_each(call);
    }

    /// Those that name a span as their parent, the last that came first.
    pub(crate) fn children(&self, parent: Seq) -> impl Iterator<Item = (Seq, &Entry)> {
        self.chain(self.get(parent).map_or(Seq::NONE, |entry| entry.first_child))
    }

    /// A child, and those of the same parent that came before it.
    pub(crate) fn chain(&self, last_child: Seq) -> impl Iterator<Item = (Seq, &Entry)> {
        let mut next = last_child;
        let children = std::iter::from_fn(move || {
            let seq = next;
            let entry = self.get(seq)?;
            next = entry.next_sibling;
            Some((seq, entry))
        });
        children.take(MAX_CHILDREN)
    }

    /// What it holds, in bytes.
    pub(crate) fn size_bytes(&self) -> usize {
        self.entries.len() * size_of::<Entry>() + self.index.size_bytes()
    }
}

#[inline]
fn hash_of(seed: u64, trace_low: u64, span_id: u64) -> u64 {
    let product = u128::from(trace_low ^ seed) * u128::from(span_id ^ 0x9e37_79b9_7f4a_7c15);
    let folded = product as u64 ^ (product >> 64) as u64;
    folded.wrapping_mul(0xd1b5_4a32_d192_ed03) ^ folded.rotate_left(29)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> SpanKey {
        SpanKey { trace_id: TraceId(u128::from(number) << 64 | 7), span_id: SpanId(number) }
    }

    #[test]
    fn the_first_leaves_when_it_is_full() {
        let mut hot = Hot::new(0);
        let capacity = hot.capacity() as u64;
        let mut left = Vec::new();
        for number in 1..=capacity * 3 {
            let (seq, gone) = hot.push(Entry::unseen(key(number)));
            assert_eq!(hot.get(seq).map(Entry::key), Some(key(number)));
            left.extend(gone.map(|(_, entry)| entry.key()));
        }
        assert!(left.into_iter().eq((1..=capacity * 2).map(key)));
        for number in 1..=capacity * 3 {
            assert_eq!(hot.find(key(number)).caller != Seq::NONE, number > capacity * 2, "{number}");
        }
        assert_eq!(hot.iter().count() as u64, capacity);
    }

    #[test]
    fn a_narrow_trace_id_matches_the_low_half_of_a_wide_one() {
        let mut hot = Hot::new(0);
        let (seq, _) = hot.push(Entry::unseen(key(3)));
        assert_eq!(hot.find(SpanKey { trace_id: TraceId(7), span_id: SpanId(3) }).caller, seq);
        assert_eq!(hot.find(SpanKey { trace_id: TraceId(4 << 64 | 7), span_id: SpanId(3) }).caller, Seq::NONE);
    }

    #[test]
    fn numbers_go_round() {
        let mut hot = Hot::new(0);
        hot.head = u32::MAX - 3;
        hot.entries = (0..=u64::from(hot.mask)).map(|at| Entry::unseen(key(1_000_000 + at))).collect();
        hot.len = hot.mask + 1;
        for number in 1..=2_000 {
            let (seq, _) = hot.push(Entry::unseen(key(number)));
            assert_ne!(seq, Seq::NONE);
            assert_eq!(hot.get(seq).map(Entry::key), Some(key(number)));
        }
        assert_eq!(hot.get(Seq::NONE).map(Entry::key), None);
        assert!(hot.find(key(2_000)).caller != Seq::NONE && hot.find(key(1)).caller == Seq::NONE);
    }
}
