//! Consumer groups and topics as brokers tell of them: what they read, what waits, and what that comes to.

mod clusters;
mod detail;
mod group_topic;
mod head;
mod lag;
mod let_go;
mod members;
mod partition_course;
mod partitions;
mod rebalancing;
mod room;
mod standing;
mod topic;
mod verdict;
mod waiting;

pub(crate) use clusters::{ChannelState, Groups};
