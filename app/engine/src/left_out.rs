//! What found no room under a cap, by the source that told of it: said in the report and beside the source.

use std::collections::BTreeMap;

use switchboard_model::SourceId;

use crate::flow::Flow;
use crate::shares::Shares;
use crate::state::{Breakers, DeadLetters, Groups, Sources, SpanReaders};
use crate::view::LeftOut;

/// What nodes are called among what is left out.
const NODES: &str = "nodes of the map";

/// By source and kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftOuts(BTreeMap<SourceId, BTreeMap<&'static str, u64>>);

impl LeftOuts {
    /// Of all that is capped, but for nodes of the map.
    pub(crate) fn of(flow: &Flow, groups: &Groups, breakers: &Breakers, dead_letters: &DeadLetters, (span_readers, sources): (&SpanReaders, &Sources)) -> Self {
        let mut all = Self::default();
        flow.shares().for_each(|(what, shares)| all.add_shares(what, shares));
        ["topics", "groups", "topics of groups"].into_iter().zip(groups.shares()).for_each(|(what, shares)| all.add_shares(what, shares));
        ["circuit breakers", "guards of calls"].into_iter().zip(breakers.shares()).for_each(|(what, shares)| all.add_shares(what, shares));
        all.add_shares("kinds of dead letter", dead_letters.shares());
        all.add_shares("readers of channels", span_readers.shares());
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

    /// Nodes of the map, as it is drawn now, in place of those that were told before.
    pub(crate) fn set_nodes(&mut self, nodes: &BTreeMap<SourceId, u64>) {
        for of_source in self.0.values_mut() {
            of_source.remove(NODES);
        }
        for (source, num) in nodes {
            self.add(NODES, *source, *num);
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
