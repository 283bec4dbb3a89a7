//! How a derived fact is known: which rules made it how often, and examples.

use std::collections::BTreeMap;

use switchboard_model::{SpanId, TraceId};

use crate::view::{Evidence, Exemplar};

/// The rules that make interactions, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(crate) enum Rule {
    /// The parent's id.
    Parent,
    /// A link, either way.
    Link,
    /// The same record: partition and offset, or the trace context in its headers.
    Record,
    /// The same message id on the same channel within 60 s.
    MessageId,
    /// Attributes of the caller that name the peer.
    Peer,
    /// A server or consumer span without a parent.
    Root,
    /// The parent's id is known, the parent was never seen.
    MissingParent,
    /// What the group committed.
    GroupOffsets,
}

/// How many rules there are.
pub(crate) const NUM_RULES: usize = 8;

impl Rule {
    /// All rules.
    pub(crate) const ALL: [Self; NUM_RULES] =
        [Self::Parent, Self::Link, Self::Record, Self::MessageId, Self::Peer, Self::Root, Self::MissingParent, Self::GroupOffsets];

    /// Name in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Parent => "parent",
            Self::Link => "link",
            Self::Record => "record",
            Self::MessageId => "message id",
            Self::Peer => "peer",
            Self::Root => "root",
            Self::MissingParent => "missing parent",
            Self::GroupOffsets => "group offsets",
        }
    }
}

/// Names a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SpanKey {
    /// Its trace.
    pub(crate) trace_id: TraceId,
    /// Its id.
    pub(crate) span_id: SpanId,
}

impl SpanKey {
    /// The same with the low half of the trace id alone, which all senders carry.
    pub(crate) fn narrow(self) -> Self {
        Self { trace_id: TraceId(u128::from(self.trace_id.low())), ..self }
    }

    /// The order of examples: the same on every machine and in every order of arrival.
    pub(crate) fn rank(self) -> u64 {
        let mut hash = self.span_id.0 ^ 0x9e37_79b9_7f4a_7c15;
        for part in [self.trace_id.low(), (self.trace_id.0 >> 64) as u64] {
            hash = (hash ^ part).wrapping_mul(0xff51_afd7_ed55_8ccd);
            hash ^= hash >> 32;
        }
        hash
    }
}

/// How many examples are shown.
const SHOWN: usize = 8;
/// How many are kept, so that some can be taken back.
const KEPT: usize = 64;

/// The lowest examples by rank, the same in every order: below `bound` all are kept, so that those shown are the lowest
/// unless so many are taken back that fewer are left than are shown. Then [`Exemplars::is_incomplete`] says so, and all are
/// added anew. That is exact again: only spans among the last arrivals are taken back, and all of those are there to be added.
#[derive(Clone, Debug)]
pub(crate) struct Exemplars {
    /// By rank.
    kept: Vec<(u64, SpanKey)>,
    /// The lowest rank that was let go: below it all are kept.
    bound: u64,
}

impl Default for Exemplars {
    fn default() -> Self {
        Self { kept: Vec::new(), bound: u64::MAX }
    }
}

impl Exemplars {
    /// Takes an example.
    #[inline]
    pub(crate) fn add(&mut self, span: SpanKey) {
        let rank = span.rank();
        if rank < self.bound {
            self.insert(rank, span);
        }
    }

    fn insert(&mut self, rank: u64, span: SpanKey) {
        let at = self.kept.partition_point(|known| *known < (rank, span));
        self.kept.insert(at, (rank, span));
        if self.kept.len() > KEPT
            && let Some((rank, _)) = self.kept.pop()
        {
            self.bound = rank;
        }
    }

    /// Takes over those of another.
    pub(crate) fn merge(&mut self, other: Self) {
        self.bound = self.bound.min(other.bound);
        self.kept.retain(|(rank, _)| *rank < self.bound);
        for (rank, span) in other.kept {
            if rank < self.bound {
                self.insert(rank, span);
            }
        }
    }

    /// Takes an example back.
    pub(crate) fn remove(&mut self, span: SpanKey) {
        let rank = span.rank();
        if rank < self.bound
            && let Ok(at) = self.kept.binary_search(&(rank, span))
        {
            self.kept.remove(at);
        }
    }

    /// Whether so many were taken back that others, let go before, might be among the lowest.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.bound != u64::MAX && self.kept.len() < SHOWN
    }

    /// Begins anew: every member that is here is about to be added again. Those that left stay.
    pub(crate) fn restart(&mut self, is_here: impl Fn(SpanKey) -> bool) {
        self.kept.retain(|(_, span)| !is_here(*span));
        self.bound = u64::MAX;
    }

    /// The lowest.
    pub(crate) fn shown(&self) -> impl Iterator<Item = (u64, SpanKey)> {
        self.kept.iter().take(SHOWN).copied()
    }
}

/// Tallies and examples of several rows, for the report.
pub(crate) fn evidence<'a>(parts: impl Iterator<Item = (&'a [u64; NUM_RULES], &'a Exemplars)>) -> Evidence {
    let mut rules = BTreeMap::new();
    let mut lowest: Vec<(u64, SpanKey)> = Vec::new();
    for (tallies, exemplars) in parts {
        for (rule, tally) in Rule::ALL.iter().zip(tallies) {
            if *tally > 0 {
                *rules.entry(rule.name().to_owned()).or_insert(0) += tally;
            }
        }
        lowest.extend(exemplars.shown());
    }
    lowest.sort_unstable();
    lowest.dedup();
    lowest.truncate(SHOWN);
    let exemplars = lowest.iter().map(|(_, span)| Exemplar { trace_id: hex(&span.trace_id.0.to_be_bytes()), span_id: hex(&span.span_id.0.to_be_bytes()) });
    Evidence { rules, exemplars: exemplars.collect() }
}

/// Two digits a byte. Written thousands of times a snapshot.
fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 });
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(number: u64) -> SpanKey {
        SpanKey { trace_id: TraceId(7), span_id: SpanId(number) }
    }

    #[test]
    fn ids_read_as_elsewhere() {
        let span = SpanKey { trace_id: TraceId(0x0123_4567_89ab_cdef_0000_0000_0000_00f1), span_id: SpanId(0xa0b) };
        let mut exemplars = Exemplars::default();
        exemplars.add(span);
        let shown = evidence([(&[0; NUM_RULES], &exemplars)].into_iter()).exemplars;
        assert_eq!((&shown[0].trace_id, &shown[0].span_id), (&span.trace_id.to_string(), &span.span_id.to_string()));
    }

    #[test]
    fn the_lowest_are_kept_whatever_the_order() {
        let (mut up, mut down) = (Exemplars::default(), Exemplars::default());
        for number in 1..200 {
            up.add(span(number));
            down.add(span(200 - number));
        }
        assert!(up.shown().eq(down.shown()));
        let lowest = up.shown().next().unwrap();
        up.remove(lowest.1);
        assert!(up.shown().all(|kept| kept.0 > lowest.0));
        assert!(!up.is_incomplete());
        for number in 1..200 {
            up.remove(span(number));
        }
        assert!(up.is_incomplete());
    }

    #[test]
    fn those_that_left_stay_when_all_others_are_added_again() {
        let mut exemplars = Exemplars::default();
        (1..=200).for_each(|number| exemplars.add(span(number)));
        let left = exemplars.shown().next().unwrap().1;
        (1..200).filter(|number| span(*number) != left).for_each(|number| exemplars.remove(span(number)));
        assert!(exemplars.is_incomplete());
        exemplars.restart(|kept| kept != left);
        let others: Vec<SpanKey> = (1..200).map(span).filter(|kept| *kept != left).collect();
        for kept in &others {
            exemplars.add(*kept);
        }
        let mut lowest: Vec<(u64, SpanKey)> = others.iter().chain([&left]).map(|kept| (kept.rank(), *kept)).collect();
        lowest.sort_unstable();
        assert!(exemplars.shown().eq(lowest.into_iter().take(SHOWN)) && !exemplars.is_incomplete());
    }
}
