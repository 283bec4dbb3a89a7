//! What found no room under a cap, by the source that told of it: said in the report and beside the source.

use std::collections::BTreeMap;

use switchboard_model::SourceId;

use crate::flow::Flow;
use crate::source_shares::Shares;
use crate::state::{Breakers, DeadLetters, Groups, Sources, SpanReaders};
use crate::store::Store;
use crate::view::LeftOut;

/// What nodes are called among what is left out.
const NODES: &str = "nodes of the map";
/// What rows of groups without offsets are called.
const ROWS: &str = "groups without offsets";

/// By source and kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftOuts(BTreeMap<SourceId, BTreeMap<&'static str, u64>>);

impl LeftOuts {
    /// Of all that is capped, but for what is made anew each time it is shown.
    pub(crate) fn of(
        flow: &Flow,
        groups: &Groups,
        breakers: &Breakers,
        dead_letters: &DeadLetters,
        (span_readers, sources, store): (&SpanReaders, &Sources, &Store),
    ) -> Self {
        let mut all = Self::default();
        flow.shares().for_each(|(what, shares)| all.add_shares(what, shares));
        ["topics", "groups", "topics of groups"].into_iter().zip(groups.shares()).for_each(|(what, shares)| all.add_shares(what, shares));
        ["circuit breakers", "guards of calls", "guards of calls by instance"]
            .into_iter()
            .zip(breakers.shares())
            .for_each(|(what, shares)| all.add_shares(what, shares));
        all.add_shares("kinds of dead letter", dead_letters.shares());
        all.add_shares("readers of channels", span_readers.shares());
        all.add_shares("channels whose evicted records are counted", store.evicted_records.shares());
        sources.left_out().for_each(|(source, num)| all.add("endpoints", source, num));
        all
    }

    fn add_shares(&mut self, what: &'static str, shares: &Shares) {
        for (source, num) in shares.left_out() {
            self.add(what, *source, *num);
        }
    }

    fn add(&mut self, what: &'static str, source: SourceId, num: u64) {
        if num > 0 {
            *self.0.entry(source).or_default().entry(what).or_default() += num;
        }
    }

    /// What is made anew each time it is shown, as it is now, in place of what was told before: nodes of the map, and rows of groups
    /// without offsets.
    pub(crate) fn set_shown(&mut self, nodes: &BTreeMap<SourceId, u64>, rows: &BTreeMap<SourceId, u64>) {
        for (what, left_out) in [(NODES, nodes), (ROWS, rows)] {
            for of_source in self.0.values_mut() {
                of_source.remove(what);
            }
            for (source, num) in left_out {
                self.add(what, *source, *num);
            }
        }
    }

    /// All of it.
    pub(crate) fn total(&self) -> u64 {
        self.0.values().flat_map(BTreeMap::values).fold(0, |sum, num| sum.saturating_add(*num))
    }

    /// What a source told of.
    pub(crate) fn of_source(&self, source: SourceId) -> Vec<LeftOut> {
        let of_source = self.0.get(&source).into_iter().flatten();
        of_source.map(|(what, num)| LeftOut { what: (*what).to_owned(), num: *num }).collect()
    }
}
