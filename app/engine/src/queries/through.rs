//! Which traces pass from one end to another, and how long that call took and whether it failed in each.

use std::borrow::Cow;
use std::collections::BTreeSet;

use hashbrown::HashTable;
use switchboard_model::{SpanId, SpanKind, WellKnown, is_believable_at};

use crate::extract::{authority, channel_called};
use crate::store::{Seed, SpanHead, SpanRef, SpanSegment, StoredValue};
use crate::view::TracePart;

/// A span by the low half of its trace and its id.
type Key = (u64, u64);

/// Collects the spans of both ends, and tells in the end which of the second rest on one of the first.
#[derive(Debug)]
pub(crate) struct Through {
    seed: Seed,
    from: String,
    to: String,
    called: Called,
    /// What spans call the channel, where one of the ends is one: the first, the second.
    channels: (BTreeSet<String>, BTreeSet<String>),
    /// Spans of the first end.
    callers: HashTable<(Key, Caller)>,
    /// Spans of the second end, and on whom some of them rest by a link.
    callees: Vec<Callee>,
    linked: Vec<(Key, u32)>,
    /// Calls that need no other half: those that name the second end, and spans of a service that name a channel.
    calls: Vec<(u32, TracePart)>,
}

/// What callers call the second end.
#[derive(Debug)]
pub(super) struct Called {
    /// Its name, and the addresses that were proved to be its.
    names: BTreeSet<String>,
    /// An address with its port, put together again and again.
    with_port: String,
}

/// A span of the first end. There are as many as there are calls: each takes as little room as may be.
#[derive(Clone, Copy, Debug)]
struct Caller {
    /// Whether it is the calling half of a call or a message.
    is_caller: bool,
    /// Whether it is the client's span of a call: then how long that took as it saw it, and whether it failed.
    is_call: bool,
    is_failed: bool,
    duration_ns: i64,
}

impl Caller {
    /// The call as it saw it, where it is the client's span of one.
    fn call(&self, span_id: u64) -> Option<TracePart> {
        self.is_call.then(|| TracePart { span_id: SpanId(span_id), duration_ns: told(self.duration_ns), is_failed: self.is_failed })
    }
}

/// A span of the second end.
#[derive(Clone, Copy, Debug)]
struct Callee {
    trace: u32,
    is_failed: bool,
    /// Whether its other half may bear its own id.
    is_half: bool,
    trace_low: u64,
    span_id: u64,
    parent: u64,
    duration_ns: i64,
}

impl Callee {
    fn part(&self) -> TracePart {
        TracePart { span_id: SpanId(self.span_id), duration_ns: told(self.duration_ns), is_failed: self.is_failed }
    }
}

/// Stands for a duration that is not known.
const UNTOLD: i64 = i64::MIN;

fn told(duration_ns: i64) -> Option<i64> {
    (duration_ns != UNTOLD).then_some(duration_ns)
}

/// What spans of each head of a segment are to the two ends.
#[derive(Debug)]
pub(crate) struct ThroughSegment {
    heads: Vec<Ends>,
}

#[derive(Clone, Copy, Debug)]
struct Ends {
    is_from: bool,
    is_to: bool,
    has_channel: bool,
    /// Whether it says whom it calls.
    has_peer: bool,
}

impl ThroughSegment {
    /// Looks at the heads.
    pub(crate) fn new(through: &Through, segment: &SpanSegment) -> Self {
        let has_any = |head: &SpanHead, of: &[WellKnown]| of.iter().any(|known| segment.has_attribute(head, *known));
        let ends = |head: &SpanHead| {
            let service = segment.service_name(head);
            let (is_from, is_to) = (service == through.from, service == through.to);
            let has_channel = (is_from || is_to) && has_any(head, &[WellKnown::MessagingDestination, WellKnown::RoutingKey]);
            Ends { is_from, is_to, has_channel, has_peer: is_from && has_any(head, &PEER) }
        };
        Self { heads: segment.heads.iter().map(ends).collect() }
    }
}

/// A span that arrived then, ns since the Unix epoch, as the part of its trace that is asked for.
#[inline]
pub(crate) fn part_of(span: SpanRef<'_>, received_ns: i64) -> TracePart {
    let is_believed = |at_ns: i64| is_believable_at(at_ns, received_ns);
    let is_timed = is_believed(span.start_ns()) && is_believed(span.end_ns());
    let duration_ns = is_timed.then(|| span.end_ns().saturating_sub(span.start_ns()));
    TracePart { span_id: span.span_id(), duration_ns, is_failed: span.has_failed() }
}

impl Through {
    /// Looks for passages between these; the second end is also called by these addresses, and the ends that are channels by these
    /// names.
    pub(crate) fn new(seed: Seed, (from, to): &(String, String), addresses: &BTreeSet<String>, channels: &(BTreeSet<String>, BTreeSet<String>)) -> Self {
        let mut channels = channels.clone();
        channels.0.insert(from.clone());
        channels.1.insert(to.clone());
        let called = Called::new(to, addresses);
        Self {
            seed,
            from: from.clone(),
            to: to.clone(),
            called,
            channels,
            callers: HashTable::new(),
            callees: Vec::new(),
            linked: Vec::new(),
            calls: Vec::new(),
        }
    }

    /// A row of a segment that arrived then, and the number of its trace.
    #[inline]
    pub(crate) fn add(&mut self, of: &ThroughSegment, segment: &SpanSegment, (row, received_ns): (usize, i64), trace: u32) {
        let ends = of.heads[segment.head_of[row] as usize];
        if ends.is_from || ends.is_to {
            let span = SpanRef::new(segment, row);
            self.add_end(ends, span, part_of(span, received_ns), trace);
        }
    }

    fn add_end(&mut self, ends: Ends, span: SpanRef<'_>, part: TracePart, trace: u32) {
        let own = (span.trace_id().low(), span.span_id().0);
        let is_caller = matches!(span.kind(), SpanKind::Client | SpanKind::Producer);
        let is_callee = matches!(span.kind(), SpanKind::Server | SpanKind::Consumer);
        if ends.is_from {
            let seed = self.seed;
            let hash = seed.pair(own.0, own.1);
            let call = (span.kind() == SpanKind::Client).then_some(part);
            let known = self.callers.entry(hash, |(known, _)| *known == own, |(known, _)| seed.pair(known.0, known.1));
            let caller = &mut known.or_insert((own, Caller { is_caller, is_call: false, is_failed: false, duration_ns: UNTOLD })).into_mut().1;
            caller.is_caller |= is_caller;
            if let Some(call) = longer(caller.call(own.1), call) {
                (caller.is_call, caller.is_failed, caller.duration_ns) = (true, call.is_failed, call.duration_ns.unwrap_or(UNTOLD));
            }
            if call.is_some() && ends.has_peer && self.called.is_called_by(span) {
                self.calls.push((trace, part));
            }
        }
        // Within one service most spans are children of others: only an answer is a passage.
        if ends.is_to && (is_callee || self.from != self.to) {
            let at = self.callees.len() as u32;
            self.linked.extend(span.extras().links.iter().map(|link| ((link.trace_id.low(), link.span_id.0), at)));
            self.callees.push(Callee {
                trace,
                is_failed: part.is_failed,
                is_half: is_callee,
                trace_low: own.0,
                span_id: own.1,
                parent: span.parent_span_id().0,
                duration_ns: part.duration_ns.unwrap_or(UNTOLD),
            });
        }
        if ends.has_channel
            && let Some(channel) = channel_of(span)
            && ((ends.is_from && self.channels.1.contains(&channel)) || (ends.is_to && self.channels.0.contains(&channel)))
        {
            self.calls.push((trace, part));
        }
    }

    /// Tells the passages, each with the number of its trace. A call is as long as its caller saw it, and failed where either side says so.
    pub(crate) fn passages(self, mut tell: impl FnMut(u32, TracePart)) {
        let mut rests = |callee: &Callee, on: Key, is_half: bool| {
            let found = self.callers.find(self.seed.pair(on.0, on.1), |(known, _)| *known == on);
            if let Some((_, caller)) = found.filter(|(_, caller)| caller.is_caller || !is_half) {
                let seen = caller.call(on.1).unwrap_or(callee.part());
                tell(callee.trace, TracePart { is_failed: seen.is_failed || callee.is_failed, ..seen });
            }
        };
        for callee in &self.callees {
            if SpanId(callee.parent).is_some() {
                rests(callee, (callee.trace_low, callee.parent), false);
            }
            if callee.is_half {
                rests(callee, (callee.trace_low, callee.span_id), true);
            }
        }
        for (on, at) in &self.linked {
            rests(&self.callees[*at as usize], *on, false);
        }
        for (trace, part) in self.calls {
            tell(trace, part);
        }
    }
}

/// What a span calls its channel, as joining reads it.
fn channel_of(span: SpanRef<'_>) -> Option<String> {
    let told = span.first_of([WellKnown::MessagingDestination, WellKnown::RoutingKey, WellKnown::DestinationTemporary, WellKnown::MessagingSystem]);
    let [destination, routing_key, temporary, system] = told.map(|value| value.map(StoredValue::to_text).unwrap_or_default());
    channel_called(destination, &routing_key, temporary.eq_ignore_ascii_case("true"), &system).map(Cow::into_owned)
}

/// The longer of two.
pub(crate) fn longer(one: Option<TracePart>, other: Option<TracePart>) -> Option<TracePart> {
    // The rest of it only so that the order in which spans came does not matter.
    let rank = |part: &TracePart| (part.duration_ns, part.is_failed, part.span_id.0);
    match (one, other) {
        (Some(one), Some(other)) => Some(if rank(&other) > rank(&one) { other } else { one }),
        (one, other) => one.or(other),
    }
}

/// What tells whom a client span calls, the surest first.
const PEER: [WellKnown; 6] =
    [WellKnown::PeerName, WellKnown::ServerAddress, WellKnown::ServerPort, WellKnown::UrlFull, WellKnown::NetworkPeerAddress, WellKnown::NetworkPeerPort];

/// A text that says something.
fn text(value: Option<StoredValue<'_>>) -> Option<Cow<'_, str>> {
    value.map(StoredValue::to_text).filter(|text| !text.is_empty())
}

impl Called {
    /// What is called by its name, and at these addresses.
    pub(super) fn new(name: &str, addresses: &BTreeSet<String>) -> Self {
        Self { names: addresses.iter().cloned().chain([name.to_owned()]).collect(), with_port: String::new() }
    }

    /// Whether a client span calls it, by the first attribute that tells whom: a name, or an address without and with its port.
    pub(super) fn is_called_by(&mut self, span: SpanRef<'_>) -> bool {
        let [name, server, server_port, url, network, network_port] = span.first_of(PEER);
        if let Some(name) = text(name) {
            return self.names.contains(&*name);
        }
        if let Some(server) = text(server) {
            return self.is_called_at(&server, text(server_port));
        }
        if let Some(url) = text(url)
            && let host = authority(&url)
            && !host.is_empty()
        {
            return self.names.contains(host);
        }
        text(network).is_some_and(|network| self.is_called_at(&network, text(network_port)))
    }

    fn is_called_at(&mut self, address: &str, port: Option<Cow<'_, str>>) -> bool {
        let host = if address.contains("://") { authority(address) } else { address };
        self.names.contains(host)
            || port.is_some_and(|port| {
                self.with_port.clear();
                let is_bare = host.contains(':') && !host.starts_with('[');
                let parts = if is_bare { ["[", host, "]:", &port] } else { [host, ":", &port, ""] };
                self.with_port.extend(parts);
                self.names.contains(&self.with_port)
            })
    }
}
