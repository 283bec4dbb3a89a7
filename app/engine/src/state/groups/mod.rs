//! Consumer groups and topics as brokers tell of them: what they read, what waits, and what that comes to.

mod clusters;
mod detail;
mod lag;
mod members;
mod partition_course;
mod partitions;
mod rebalancing;
mod room;
mod standing;
mod verdict;
mod waiting;

pub(crate) use clusters::{ChannelState, Groups, Latest};
