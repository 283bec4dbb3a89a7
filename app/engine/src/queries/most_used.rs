//! Which request of a service, or of an address, is asked most: counted over the spans that are stored.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

use switchboard_model::{SpanKind, WellKnown};

use super::through::Called;
use crate::store::{Held, Segment, SpanRef, SpanSegment, StoredAt, StoredValue, bare_span_view};
use crate::view::{Answer, MostUsed, UsedOf};

/// Requests that are told apart; of further ones the calls are counted, and no more.
const REQUESTS_MAX: usize = 4_096;

/// A look for the request that is asked most.
#[derive(Debug)]
pub(crate) struct MostUsedScan {
    pub(crate) spans: Held<SpanSegment>,
    pub(crate) of: UsedOf,
    /// Addresses that were proved to be the callee's.
    pub(crate) addresses: BTreeSet<String>,
}

/// A span by the low half of its trace and its id.
type Key = (u64, u64);

/// A request while its calls are counted.
#[derive(Clone, Copy, Debug)]
struct Count {
    num: u64,
    /// The newest of its spans; of those that did not fail, where there is one.
    example: StoredAt,
    has_failed: bool,
}

/// All requests by what they ask for.
#[derive(Debug, Default)]
struct Counts {
    by_request: HashMap<String, Count>,
    num_all: u64,
    /// What the request at hand asks for.
    request: String,
}

impl MostUsedScan {
    /// Runs to the end, or until `cancelled` is set: then `None`.
    pub(crate) fn run(&self, cancelled: &AtomicBool) -> Option<Answer> {
        let callers = match &self.of.caller {
            Some(caller) => Some(self.client_spans_of(caller, cancelled)?),
            None => None,
        };
        let mut counts = self.as_the_callee_tells(callers.as_ref(), cancelled)?;
        if counts.num_all == 0 {
            counts = self.as_callers_tell(cancelled)?;
        }
        // Of equals the one that was asked last.
        let most = counts.by_request.values().max_by_key(|count| (count.num, count.example));
        Some(Answer::MostUsed(most.and_then(|most| {
            let segment = self.spans.segment(most.example.segment).filter(|segment| usize::from(most.example.row) < segment.num_rows())?;
            let example = bare_span_view(SpanRef::new(segment, most.example.row.into()));
            Some(Box::new(MostUsed { example, num: most.num, num_all: counts.num_all }))
        })))
    }

    fn client_spans_of(&self, caller: &str, cancelled: &AtomicBool) -> Option<HashSet<Key>> {
        let mut found = HashSet::new();
        self.each(cancelled, SpanKind::Client, Some(caller), |_, span| {
            found.insert((span.trace_id().low(), span.span_id().0));
        })?;
        Some(found)
    }

    /// Server spans; where callers are given, those that rest on one of them.
    fn as_the_callee_tells(&self, callers: Option<&HashSet<Key>>, cancelled: &AtomicBool) -> Option<Counts> {
        let mut counts = Counts::default();
        self.each(cancelled, SpanKind::Server, Some(&self.of.callee), |at, span| {
            let trace = span.trace_id().low();
            let is_asked = callers.is_none_or(|callers| callers.contains(&(trace, span.parent_span_id().0)) || callers.contains(&(trace, span.span_id().0)));
            if is_asked {
                counts.add(at, span, self.of.is_rpc);
            }
        })?;
        Some(counts)
    }

    /// Client spans that say that they call it.
    fn as_callers_tell(&self, cancelled: &AtomicBool) -> Option<Counts> {
        let (mut counts, mut called) = (Counts::default(), Called::new(&self.of.callee, &self.addresses));
        self.each(cancelled, SpanKind::Client, self.of.caller.as_deref(), |at, span| {
            if called.is_called_by(span) {
                counts.add(at, span, self.of.is_rpc);
            }
        })?;
        Some(counts)
    }

    /// All stored spans of a kind and a service, oldest first; `None` = it was cancelled.
    fn each(&self, cancelled: &AtomicBool, kind: SpanKind, service: Option<&str>, mut found: impl FnMut(StoredAt, SpanRef<'_>)) -> Option<()> {
        for (number, segment) in self.spans.segments() {
            if cancelled.load(Ordering::Relaxed) {
                return None;
            }
            let is_wanted: Vec<bool> =
                segment.heads.iter().map(|head| head.kind == kind && service.is_none_or(|service| segment.service_name(head) == service)).collect();
            if !is_wanted.contains(&true) {
                continue;
            }
            for row in 0..segment.num_rows() {
                if is_wanted[segment.head_of[row] as usize] {
                    found(StoredAt { segment: number, row: row as u16 }, SpanRef::new(segment, row));
                }
            }
        }
        Some(())
    }
}

impl Counts {
    /// Counts a span that is a call over HTTP or of RPC.
    fn add(&mut self, at: StoredAt, span: SpanRef<'_>, is_rpc: Option<bool>) {
        let told = span.first_of([WellKnown::RpcService, WellKnown::RpcMethod, WellKnown::HttpMethod, WellKnown::HttpRoute]);
        let [service, rpc, http, route] = told.map(|value| value.map(StoredValue::to_text));
        let (is_of_rpc, parts) = match (&rpc, &http) {
            (Some(rpc), _) => (true, [service.as_deref().unwrap_or_default(), rpc]),
            (None, Some(http)) => (false, [&**http, route.as_deref().unwrap_or(span.name())]),
            (None, None) => return,
        };
        if is_rpc.is_some_and(|is_rpc| is_rpc != is_of_rpc) {
            return;
        }
        self.num_all += 1;
        self.request.clear();
        self.request.extend([parts[0], "\n", parts[1]]);
        let has_failed = span.has_failed();
        if let Some(count) = self.by_request.get_mut(&self.request) {
            count.num += 1;
            if count.has_failed || !has_failed {
                (count.example, count.has_failed) = (at, has_failed);
            }
        } else if self.by_request.len() < REQUESTS_MAX {
            self.by_request.insert(self.request.clone(), Count { num: 1, example: at, has_failed });
        }
    }
}
