//! Who and what spans name, as numbers: services, peers, channels, groups, operations. What joins and counts holds numbers only.

mod clock;
mod flow_names;
mod gone;

pub(crate) use flow_names::{ChannelId, FlowNames, GroupId, OTHER_NAME, PeerId, Via};
pub(crate) use gone::Gone;
