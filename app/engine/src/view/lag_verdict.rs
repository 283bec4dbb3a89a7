//! What a group's lag comes to, the word for it, and how urgent that is.

use serde::{Deserialize, Serialize};

use crate::view::Severity;

const SECOND_NS: i64 = 1_000_000_000;
/// A group that is rebalanced for longer is in trouble, ns.
const LONG_REBALANCE_NS: i64 = 30 * SECOND_NS;
/// Brokers end a transaction that is open for longer, by their defaults (`transaction.max.timeout.ms`): one that stays open hangs, ns.
const HANGING_TRANSACTION_NS: i64 = 15 * 60 * SECOND_NS;

/// What a group's lag comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LagVerdict {
    /// Keeps up.
    #[serde(rename = "ok")]
    Ok,
    /// What waits is not due yet: a retry topic whose listener backs off.
    #[serde(rename = "waits")]
    Waits,
    /// There is no committed offset by which to judge: a share group.
    #[serde(rename = "no offsets")]
    NoOffsets,
    /// Not enough is known.
    #[default]
    #[serde(rename = "unknown")]
    Unknown,
    /// The coordinator gives out the partitions anew.
    #[serde(rename = "rebalancing")]
    Rebalancing,
    /// What waits cannot be read before a transaction ends.
    #[serde(rename = "open transaction")]
    OpenTransaction,
    /// Falls behind.
    #[serde(rename = "growing")]
    Growing,
    /// Does not move although there is work.
    #[serde(rename = "stuck")]
    Stuck,
    /// Nobody reads.
    #[serde(rename = "no members")]
    NoMembers,
    /// The commit lies beyond the end.
    #[serde(rename = "beyond the end")]
    BeyondEnd,
}

impl LagVerdict {
    /// All there are, the most urgent first.
    pub const ALL: [Self; 10] = [
        Self::BeyondEnd,
        Self::NoMembers,
        Self::Stuck,
        Self::Growing,
        Self::OpenTransaction,
        Self::Rebalancing,
        Self::Unknown,
        Self::NoOffsets,
        Self::Waits,
        Self::Ok,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "keeps up",
            Self::Waits => "waits",
            Self::NoOffsets => "lag not known",
            Self::Unknown => "unknown",
            Self::Rebalancing => "rebalancing",
            Self::OpenTransaction => "waits for an open transaction",
            Self::Growing => "falls behind",
            Self::Stuck => "stuck",
            Self::NoMembers => "nobody reads",
            Self::BeyondEnd => "committed beyond the end",
        }
    }

    /// The word where several groups are counted: `3 falling behind`.
    pub fn counted_word(self) -> &'static str {
        match self {
            Self::Ok => "keeping up",
            Self::Waits => "waiting",
            Self::NoOffsets => "of unknown lag",
            Self::OpenTransaction => "waiting for open transactions",
            Self::Growing => "falling behind",
            Self::NoMembers => "read by nobody",
            Self::Unknown | Self::Rebalancing | Self::Stuck | Self::BeyondEnd => self.word(),
        }
    }

    /// How urgent it is, given what waits and how long it has lasted.
    pub fn severity(self, lag: Option<u64>, lasted_ns: Option<i64>) -> Severity {
        match self {
            Self::Ok => Severity::Quiet,
            Self::Waits => Severity::Notice,
            Self::NoOffsets | Self::Unknown => Severity::Unknown,
            Self::Rebalancing if lasted_ns < Some(LONG_REBALANCE_NS) => Severity::Notice,
            Self::OpenTransaction if lasted_ns >= Some(HANGING_TRANSACTION_NS) => Severity::Bad,
            Self::Rebalancing | Self::OpenTransaction | Self::Growing => Severity::Warning,
            Self::NoMembers => match lag {
                Some(0) => Severity::Notice,
                Some(_) => Severity::Bad,
                None => Severity::Unknown,
            },
            Self::Stuck | Self::BeyondEnd => Severity::Bad,
        }
    }
}

/// What came in and what was handled between two readings. It adds up: `came_in − handled` is the change of the lag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// Time between the two readings, ns.
    pub over_ns: i64,
    /// Records that came in.
    pub came_in: u64,
    /// Records that were committed.
    pub handled: u64,
}

impl Pace {
    /// Records that came in a second, and those that were handled.
    pub fn per_s(&self) -> (f64, f64) {
        let over_s = self.over_ns.max(1) as f64 / 1e9;
        (self.came_in as f64 / over_s, self.handled as f64 / over_s)
    }
}
