//! Names that leave for newer ones: all that was counted under their numbers moves to "other", wherever it is held, before the
//! numbers are given again.

use crate::figures::{End, RowKey, RowMoves, StatusId, Subscription};
use crate::flow::hot::Entry;
use crate::flow::{ChannelId, Flow, GroupId, PeerId};
use crate::intern::{Marks, OperationId, ServiceId};

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
        if self.peers.has(u32::from(peer.0)) { PeerId::OTHER } else { peer }
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

    /// What it counts as from now on.
    pub(crate) fn subscription(&self, to: Subscription) -> Subscription {
        let group = if self.has_group(to.group) { GroupId::OTHER } else { to.group };
        Subscription { channel: self.channel(to.channel), group, service: self.service(to.service), ..to }
    }

    fn end(&self, end: End) -> End {
        match end {
            End::Service(service) => End::Service(self.service(service)),
            End::Peer(peer) => End::Peer(self.peer(peer)),
            End::Unknown | End::Root | End::Missing => end,
        }
    }

    /// What it counts as from now on.
    pub(crate) fn key(&self, key: RowKey) -> RowKey {
        match key {
            RowKey::Call { from, to, via } => RowKey::Call { from: self.end(from), to: self.end(to), via },
            RowKey::Callee { from, to, via } => RowKey::Callee { from: self.service(from), to: self.service(to), via },
            RowKey::Received { service } => RowKey::Received { service: self.service(service) },
            RowKey::Publish { service, channel } => RowKey::Publish { service: self.service(service), channel: self.channel(channel) },
            RowKey::Consume(to) => RowKey::Consume(self.subscription(to)),
            RowKey::Handled(to) => RowKey::Handled(self.subscription(to)),
            RowKey::Message { from, to } => RowKey::Message { from: self.service(from), to: self.subscription(to) },
        }
    }
}

impl Entry {
    fn forget(&mut self, gone: &Gone, moves: &RowMoves) {
        self.service = gone.service(self.service);
        self.peer = gone.peer(self.peer);
        self.proved = gone.peer(self.proved);
        self.channel = gone.channel(self.channel);
        self.operation = gone.operation(self.operation);
        self.status = gone.status(self.status);
        self.row = moves.of(self.row);
    }
}

impl Flow {
    /// At the end of a batch: what leaves is forgotten. `None` = nothing left.
    pub(crate) fn forget(&mut self) -> Option<Gone> {
        if !self.names.has_leaving() && !self.rows.has_leaving() {
            return None;
        }
        // While they are still known by name.
        let leaving = self.names.leaving_peers();
        let num_unpaired = self.num_left_calls_to(|peer| leaving.has(u32::from(peer.0)));
        self.num_left_unpaired += num_unpaired;
        let gone = self.names.forget();
        self.left_calls.retain(|peer, _| !gone.peers.has(u32::from(peer.0)));
        let moves = self.rows.forget(&gone);
        self.hot.each_mut(|entry| entry.forget(&gone, &moves));
        self.consumers.values_mut().for_each(|consumer| consumer.forget(&gone, &moves));
        self.positions.values_mut().for_each(|position| position.forget(&gone));
        self.message_ids.values_mut().for_each(|known| known.forget(&gone));
        self.waits.retain(|(channel, group), _| !gone.has_channel(*channel) && !gone.has_group(*group));
        self.conversations.forget(&gone);
        self.proofs.forget(&gone);
        self.bindings.forget(&gone);
        self.refusals.forget(&gone);
        Some(gone)
    }
}
