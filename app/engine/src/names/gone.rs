//! Names that leave for newer ones: their numbers are given again, so that nothing may hold them any more.

use crate::intern::Marks;
use crate::names::{ChannelId, GroupId, OperationId, PeerId, ServiceId, StatusId};

/// Numbers that nothing may hold any more.
#[derive(Debug, Default)]
pub(crate) struct Gone {
    pub(super) services: Marks,
    pub(super) peers: Marks,
    pub(super) channels: Marks,
    pub(super) groups: Marks,
    pub(super) status_words: Marks,
    pub(super) operations: Marks,
}

impl Gone {
    /// Whether a service is gone.
    pub(crate) fn has_service(&self, service: ServiceId) -> bool {
        self.services.has(u32::from(service.0))
    }

    /// Whether a peer is gone.
    pub(crate) fn has_peer(&self, peer: PeerId) -> bool {
        self.peers.has(u32::from(peer.0))
    }

    /// Whether a channel is gone.
    pub(crate) fn has_channel(&self, channel: ChannelId) -> bool {
        self.channels.has(u32::from(channel.0))
    }

    /// Whether a group is gone.
    pub(crate) fn has_group(&self, group: GroupId) -> bool {
        self.groups.has(u32::from(group.0))
    }

    /// What it counts as from now on.
    pub(crate) fn service(&self, service: ServiceId) -> ServiceId {
        if self.has_service(service) { ServiceId::OTHER } else { service }
    }

    /// What it counts as from now on.
    pub(crate) fn peer(&self, peer: PeerId) -> PeerId {
        if self.has_peer(peer) { PeerId::OTHER } else { peer }
    }

    /// What it counts as from now on.
    pub(crate) fn group(&self, group: GroupId) -> GroupId {
        if self.has_group(group) { GroupId::OTHER } else { group }
    }

    /// What it counts as from now on.
    pub(crate) fn channel(&self, channel: ChannelId) -> ChannelId {
        if self.has_channel(channel) { ChannelId::OTHER } else { channel }
    }

    /// What it counts as from now on.
    pub(crate) fn operation(&self, operation: OperationId) -> OperationId {
        if self.operations.has(operation.0) { OperationId::OVERFLOW } else { operation }
    }

    /// What it counts as from now on.
    pub(crate) fn status(&self, status: StatusId) -> StatusId {
        if status.place().is_some_and(|place| self.status_words.has(u32::from(place))) { StatusId::OTHER } else { status }
    }

    /// Whether statuses are gone.
    pub(crate) fn has_statuses(&self) -> bool {
        !self.status_words.is_empty()
    }
}
