//! Who and what spans name, as numbers: services, peers, channels, groups, operations, statuses. What joins and counts holds numbers
//! only.

mod clock;
mod flow_names;
mod gone;
mod ids;
mod operations;
mod service;
mod status;
mod via;

pub(crate) use flow_names::{FlowNames, OTHER_NAME};
pub(crate) use gone::Gone;
pub(crate) use ids::{ChannelId, GroupId, OperationId, PeerId, ServiceId};
pub(crate) use status::{StatusId, StatusKind};
pub(crate) use via::Via;
