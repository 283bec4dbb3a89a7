//! Room for topics, groups and what groups read: shared out by source.

use std::collections::BTreeMap;

use switchboard_model::SourceId;

use crate::source_shares::Shares;

/// Topics kept, shared out by source; further ones are counted.
pub(super) const MAX_TOPICS: usize = 20_000;
/// Groups kept, shared out by source; further ones are counted.
pub(super) const MAX_GROUPS: usize = 20_000;
/// Pairs of group and topic kept, shared out by source; further ones are counted. As many rows of groups without offsets are shown besides.
pub(super) const MAX_GROUP_TOPICS: usize = 20_000;

/// What takes room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kept {
    Topic,
    Group,
    GroupTopic,
}

impl Kept {
    pub(super) fn cap(self) -> usize {
        match self {
            Self::Topic => MAX_TOPICS,
            Self::Group => MAX_GROUPS,
            Self::GroupTopic => MAX_GROUP_TOPICS,
        }
    }
}

/// Who holds what.
#[derive(Debug, Default)]
pub(super) struct Room {
    pub(super) topics: Shares,
    pub(super) groups: Shares,
    pub(super) group_topics: Shares,
    /// Who tells now, and when that arrived, ns.
    pub(super) teller: (SourceId, i64),
    /// When nothing of a source's own could go.
    pub(super) full: BTreeMap<(SourceId, Kept), i64>,
}

impl Room {
    pub(super) fn shares(&mut self, kept: Kept) -> &mut Shares {
        match kept {
            Kept::Topic => &mut self.topics,
            Kept::Group => &mut self.groups,
            Kept::GroupTopic => &mut self.group_topics,
        }
    }
}
