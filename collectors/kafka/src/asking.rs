//! What the brokers are asked besides records: which groups there are, how they stand, where partitions begin and end, which topics
//! were made anew, which transactions are open. Asked in Rust, behind [`Ask`]: librdkafka's admin calls abort the process when a
//! coordinator goes away while it is asked.

mod answer;
mod broker;
mod gate;
mod nameless;
mod once;
mod security;

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use switchboard_model::{GroupKind, GroupMember, OpenTransaction};

use crate::failure::{CallError, Code};

pub(crate) use broker::BrokerAsker;
pub(crate) use once::{Unanswered, once};

/// How long a call may take and what ends it before.
#[derive(Clone, Copy)]
pub(crate) struct Patience<'a> {
    /// Bound of the whole call.
    pub timeout: Duration,
    /// Whether the collector was stopped: the call is given up within 50 ms.
    pub stopped: &'a dyn Fn() -> bool,
}

/// A group as a broker lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedGroup {
    pub name: String,
    /// `None` = not told: the brokers are older than KIP-848.
    pub kind: Option<GroupKind>,
    /// State in the broker's words, where it tells it.
    pub state: Option<String>,
}

/// What the brokers say about which groups there are.
#[derive(Debug, Default)]
pub(crate) struct GroupListing {
    /// Groups that read records.
    pub groups: Vec<ListedGroup>,
    /// Brokers that did not answer: the list may lack their groups.
    pub errors: Vec<CallError>,
}

/// A group as its coordinator describes it.
#[derive(Debug)]
pub(crate) struct GroupDescription {
    /// `None` = not told: the brokers are older than KIP-848.
    pub kind: Option<GroupKind>,
    /// State in the coordinator's words; `None` = not told.
    pub state: Option<String>,
    /// Its members with what is assigned to them, or why they are not known.
    pub members: Result<Vec<GroupMember>, String>,
}

/// A partition by name.
pub(crate) type PartitionName = (Arc<str>, i32);

/// A group whose committed offsets are asked for.
pub(crate) struct OffsetsOf<'a> {
    pub group: &'a str,
    pub kind: Option<&'a GroupKind>,
    /// `None` = all that have a commit.
    pub partitions: Option<&'a [PartitionName]>,
}

/// What a coordinator knows of one partition.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CommittedOffset {
    pub topic: String,
    pub partition: i32,
    /// `Ok(None)` = no commit.
    pub offset: Result<Option<i64>, Code>,
    /// Records that wait, where the coordinator counts them itself (share groups).
    pub waiting: Option<u64>,
}

/// Which offset of a partition is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// The first one that is still there.
    Earliest,
    /// The high watermark.
    End,
    /// The last stable offset: below it no transaction is open.
    LastStable,
}

/// Takes a topic, a partition, and its offset or why there is none.
pub(crate) type EachOffset<'a> = dyn FnMut(&str, i32, Result<i64, Code>) + 'a;

/// Asks the brokers of one cluster. Every call ends within its patience.
pub(crate) trait Ask {
    /// Takes note that brokers came or went.
    fn brokers_changed(&self, patience: &Patience<'_>);

    /// Lists the groups of all brokers.
    fn list_groups(&self, patience: &Patience<'_>) -> Result<GroupListing, CallError>;

    /// Describes groups: what each coordinator says, or why it says nothing.
    fn describe_groups(&self, groups: &[ListedGroup], patience: &Patience<'_>) -> HashMap<String, Result<GroupDescription, CallError>>;

    /// Reads committed offsets, a few groups at a time; the answers stand in the order of the groups.
    fn committed(&self, groups: &[OffsetsOf<'_>], patience: &Patience<'_>) -> Vec<Result<Vec<CommittedOffset>, CallError>>;

    /// Reads one offset of many partitions: topic, partition, and the offset or why there is none. What an error leaves out was not
    /// handed out.
    fn offsets(&self, partitions: &[PartitionName], which: Which, patience: &Patience<'_>, each: &mut EachOffset<'_>) -> Result<(), CallError>;

    /// Reads the ids of topics, as Kafka writes them; those that have none are left out.
    fn topic_ids(&self, topics: &[&str], patience: &Patience<'_>) -> Result<HashMap<String, String>, CallError>;

    /// Asks for the oldest open transaction of these partitions, which holds their last stable offset back.
    fn open_transactions(&self, partitions: &[PartitionName], patience: &Patience<'_>) -> Result<HashMap<(String, i32), OpenTransaction>, CallError>;
}
