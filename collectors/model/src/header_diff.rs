//! What replaying does to a record's headers, in a form that can be shown: secrets are replaced.

use std::borrow::Cow;

use crate::{RawHeader, Redactor};

/// Names the headers that Switchboard adds to what it sends.
pub const REPLAY_ID_HEADER: &str = "x-switchboard-replay-id";
/// Where the record was read: `topic/partition/offset`, `channel/0x0a7f`, or the channel alone.
pub const SOURCE_HEADER: &str = "x-switchboard-source";
/// How often the record was replayed by now, in decimal digits.
pub const REPLAY_COUNT_HEADER: &str = "x-switchboard-replay-count";

/// Says that the record was changed by hand before it was sent: `1`.
pub const EDITED_HEADER: &str = "x-switchboard-edited";

/// Every header of a record and what becomes of it: first those the record has, in their order, then those that are added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderDiff {
    /// One entry a header.
    pub changes: Vec<HeaderChange>,
}

/// A header and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderChange {
    /// Its name.
    pub name: String,
    /// What becomes of it.
    pub kind: HeaderChangeKind,
    /// Its value on the broker; `None` where it is added.
    pub before: Option<ShownValue>,
    /// Its value as it is sent; `None` where it is removed.
    pub after: Option<ShownValue>,
}

/// What becomes of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderChangeKind {
    /// Sent as it is.
    Kept,
    /// Not sent: the failure or attempt header of a dialect, a mark of an earlier replay, or what a change takes away.
    Removed {
        /// Whose header it is.
        dialect: &'static str,
    },
    /// Not on the broker; sent.
    Added,
    /// Sent with another value.
    Changed,
}

/// A header's value as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownValue {
    /// The bytes, secrets replaced; `None` = null.
    pub bytes: Option<Vec<u8>>,
    /// Whether a secret was replaced in it.
    pub redacted: bool,
}

impl ShownValue {
    /// Of a header, its secrets replaced.
    pub fn of(header: &RawHeader, redactor: &Redactor) -> Self {
        let Some(value) = &header.value else { return Self { bytes: None, redacted: false } };
        if redactor.is_secret_name(&header.name) {
            return Self { bytes: Some(redactor.replacement(value).into_bytes()), redacted: true };
        }
        let clean = redactor.redact_bytes(value);
        let redacted = matches!(clean, Cow::Owned(_));
        Self { bytes: Some(clean.into_owned()), redacted }
    }
}

impl HeaderDiff {
    /// How many headers are kept, removed, added and changed.
    pub fn counts(&self) -> HeaderCounts {
        let mut counts = HeaderCounts::default();
        for change in &self.changes {
            match change.kind {
                HeaderChangeKind::Kept => counts.kept += 1,
                HeaderChangeKind::Removed { .. } => counts.removed += 1,
                HeaderChangeKind::Added => counts.added += 1,
                HeaderChangeKind::Changed => counts.changed += 1,
            }
        }
        counts
    }
}

/// Headers by what becomes of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeaderCounts {
    /// Sent as they are.
    pub kept: usize,
    /// Not sent.
    pub removed: usize,
    /// Sent although the record has none of that name.
    pub added: usize,
    /// Sent with another value.
    pub changed: usize,
}
