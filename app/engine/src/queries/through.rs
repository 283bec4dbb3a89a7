//! Which traces pass from one end to another.

use hashbrown::HashTable;
use switchboard_model::{SpanKind, WellKnown};

use crate::store::{Seed, SpanRef, SpanSegment};

/// A span by the low half of its trace and its id.
type Key = (u64, u64);

/// Collects the spans of both ends, and tells in the end which of the second rest on one of the first.
#[derive(Debug)]
pub(crate) struct Through {
    seed: Seed,
    from: String,
    to: String,
    /// Spans of the first end, and whether they are the calling half.
    callers: HashTable<(Key, bool)>,
    /// Spans of the second end: the trace, whom they may rest on, and whether that is their other half.
    callees: Vec<(u32, Key, bool)>,
    /// Traces in which a service names a channel.
    of_channel: Vec<u32>,
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
}

impl ThroughSegment {
    /// Looks at the heads.
    pub(crate) fn new(through: &Through, segment: &SpanSegment) -> Self {
        let ends = |head| {
            let service = segment.service_name(head);
            let (is_from, is_to) = (service == through.from, service == through.to);
            Ends { is_from, is_to, has_channel: (is_from || is_to) && segment.has_attribute(head, WellKnown::MessagingDestination) }
        };
        Self { heads: segment.heads.iter().map(ends).collect() }
    }
}

impl Through {
    /// Looks for passages between these.
    pub(crate) fn new(seed: Seed, from: &str, to: &str) -> Self {
        Self { seed, from: from.to_owned(), to: to.to_owned(), callers: HashTable::new(), callees: Vec::new(), of_channel: Vec::new() }
    }

    /// A row of a segment, and the number of its trace.
    #[inline]
    pub(crate) fn add(&mut self, of: &ThroughSegment, segment: &SpanSegment, row: usize, trace: u32) {
        let ends = of.heads[segment.head_of[row] as usize];
        if ends.is_from || ends.is_to {
            self.add_end(ends, SpanRef::new(segment, row), trace);
        }
    }

    fn add_end(&mut self, ends: Ends, span: SpanRef<'_>, trace: u32) {
        let own = (span.trace_id().low(), span.span_id().0);
        let is_caller = matches!(span.kind(), SpanKind::Client | SpanKind::Producer);
        let is_callee = matches!(span.kind(), SpanKind::Server | SpanKind::Consumer);
        if ends.is_from {
            let seed = self.seed;
            let hash = seed.pair(own.0, own.1);
            let known = self.callers.entry(hash, |(known, _)| *known == own, |(known, _)| seed.pair(known.0, known.1));
            known.or_insert((own, false)).get_mut().1 |= is_caller;
        }
        // Within one service most spans are children of others: only an answer is a passage.
        if ends.is_to && (is_callee || self.from != self.to) {
            if span.parent_span_id().is_some() {
                self.callees.push((trace, (own.0, span.parent_span_id().0), false));
            }
            if is_callee {
                self.callees.push((trace, own, true));
            }
            let links = span.extras().links;
            self.callees.extend(links.iter().map(|link| (trace, (link.trace_id.low(), link.span_id.0), false)));
        }
        if ends.has_channel
            && let Some(channel) = span.attribute(WellKnown::MessagingDestination)
        {
            let channel = channel.to_text();
            if (ends.is_from && channel == self.to.as_str()) || (ends.is_to && channel == self.from.as_str()) {
                self.of_channel.push(trace);
            }
        }
    }

    /// Numbers of the traces that pass.
    pub(crate) fn passing(self) -> impl Iterator<Item = u32> {
        let Self { seed, callers, callees, of_channel, .. } = self;
        let rests = move |(_, on, is_half): &(u32, Key, bool)| {
            callers.find(seed.pair(on.0, on.1), |(known, _)| known == on).is_some_and(|(_, is_caller)| *is_caller || !is_half)
        };
        callees.into_iter().filter(rests).map(|(trace, ..)| trace).chain(of_channel)
    }
}
