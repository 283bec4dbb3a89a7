//! A group as its coordinator tells of it.

use switchboard_model::GroupKind;

use crate::state::groups::members::GroupMembers;

/// What a group said of itself when it was last read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GroupHead {
    pub(crate) read_ns: i64,
    pub(crate) kind: Option<GroupKind>,
    pub(crate) state: Option<std::sync::Arc<str>>,
    pub(crate) members: Option<GroupMembers>,
    pub(crate) members_reason: Option<String>,
    pub(crate) error: Option<String>,
}

impl GroupHead {
    /// Whether it is told as a reader without offsets too.
    pub(super) fn is_listed_as_reader(&self) -> bool {
        matches!(self.kind, Some(GroupKind::Share | GroupKind::Streams | GroupKind::Other(_)))
    }
}
