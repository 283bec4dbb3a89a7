//! What is told beside spans.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::flow::Brokers;
use crate::state::{ChannelState, Guarded};
use crate::view::{BreakerView, DeadLetterView, GroupView, SpanReader};

/// What brokers and breakers tell at an instant.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) channels: Vec<ChannelState>,
    /// Those of brokers; behind them, once they are shown, those that only spans name. There may be many: the snapshot shares
    /// them.
    pub(super) groups: Arc<Vec<GroupView>>,
    pub(super) num_broker_groups: usize,
    /// By group and topic, who reads by what spans say.
    pub(super) readers: BTreeMap<(String, String), Vec<SpanReader>>,
    pub(super) dead_letters: Vec<DeadLetterView>,
    pub(super) breakers: Vec<BreakerView>,
    /// By caller and callee.
    pub(super) guarded: BTreeMap<(String, String), Guarded>,
}

impl Told {
    /// Groups of which brokers tell.
    pub(super) fn broker_groups(&self) -> &[GroupView] {
        &self.groups[..self.num_broker_groups]
    }

    /// Who reads a topic for a group by what spans say.
    pub(super) fn readers_of(&self, group: &str, topic: &str) -> Vec<SpanReader> {
        self.readers.get(&(group.to_owned(), topic.to_owned())).cloned().unwrap_or_default()
    }

    /// What brokers tell, for the plan.
    pub(super) fn brokers(&self) -> Brokers<'_> {
        Brokers { channels: &self.channels, groups: self.broker_groups(), dead_letters: &self.dead_letters }
    }
}
