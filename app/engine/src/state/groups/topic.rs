//! A topic as its brokers tell of it.

use std::collections::BTreeMap;

use switchboard_model::TopicFact;

use crate::state::groups::lag::Watermarks;
use crate::state::latest::Latest;
use crate::state::retry_topic::Dues;

/// A topic.
#[derive(Debug, Default)]
pub(crate) struct Topic {
    pub(super) latest: Latest<TopicFact>,
    /// When it was seen to be no more.
    pub(super) gone_ns: Option<i64>,
    /// When it was last seen to be made again.
    pub(crate) made_again_ns: Option<i64>,
    /// Where its partitions began and ended, over time.
    pub(crate) watermarks: BTreeMap<i32, Watermarks>,
    /// When its records are due, of a retry topic.
    pub(crate) dues: Dues,
}

impl Topic {
    pub(super) fn is_gone(&self) -> bool {
        self.gone_ns > self.latest.at_ns()
    }

    /// From when on what was observed is of the topic as it is now.
    pub(crate) fn began_ns(&self) -> i64 {
        self.gone_ns.max(self.made_again_ns).unwrap_or(i64::MIN)
    }
}
