//! What is counted apart, by the numbers of those who take part.

use crate::names::{ChannelId, Gone, GroupId, PeerId, ServiceId, Via};

/// An end of a call as its spans tell it, before peers are resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum End {
    /// Nothing tells.
    Unknown,
    /// Whoever calls a root.
    Root,
    /// The parent that was never seen.
    Missing,
    /// A service that sends spans.
    Service(ServiceId),
    /// What the caller's attributes name.
    Peer(PeerId),
}

/// What is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum RowKey {
    /// Calls, as the caller saw them (as the server saw them where the caller sent no span).
    Call {
        /// Who calls.
        from: End,
        /// Who answers.
        to: End,
        /// Over what.
        via: Via,
    },
    /// The same calls as the server saw them, where both sides sent a span.
    Callee {
        /// Who calls.
        from: ServiceId,
        /// Who answers.
        to: ServiceId,
        /// Over what.
        via: Via,
    },
    /// Server spans of a service.
    Received {
        /// Who answered.
        service: ServiceId,
    },
    /// Messages published.
    Publish {
        /// Who published.
        service: ServiceId,
        /// Where to.
        channel: ChannelId,
    },
    /// Messages that reached a service: each message of a batch counts.
    Consume(Subscription),
    /// The spans that handled them: a batch counts once.
    Handled(Subscription),
    /// Pairs of producing and consuming span; messages without a producing span have no `from`.
    Message {
        /// Who published; [`ServiceId::NONE`] = unknown.
        from: ServiceId,
        /// Who reads, and how.
        to: Subscription,
    },
}

/// A service that reads a channel as a member of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Subscription {
    /// The channel; [`ChannelId::NONE`] = not told.
    pub(crate) channel: ChannelId,
    /// The group; [`GroupId::NONE`] = not told.
    pub(crate) group: GroupId,
    /// The service.
    pub(crate) service: ServiceId,
    /// Whether its spans say "receive": these count only where none says "process".
    pub(crate) receive: bool,
}

impl RowKey {
    /// The row of all that came after the cap.
    pub(super) fn other(self) -> Self {
        let end = End::Service(ServiceId::OTHER);
        let reader = |receive| Subscription { channel: ChannelId::OTHER, group: GroupId::NONE, service: ServiceId::OTHER, receive };
        match self {
            Self::Call { via, .. } => Self::Call { from: end, to: end, via },
            Self::Callee { via, .. } => Self::Callee { from: ServiceId::OTHER, to: ServiceId::OTHER, via },
            Self::Received { .. } => Self::Received { service: ServiceId::OTHER },
            Self::Publish { .. } => Self::Publish { service: ServiceId::OTHER, channel: ChannelId::OTHER },
            Self::Consume(to) => Self::Consume(reader(to.receive)),
            Self::Handled(to) => Self::Handled(reader(to.receive)),
            Self::Message { to, .. } => Self::Message { from: ServiceId::OTHER, to: reader(to.receive) },
        }
    }

    /// All of it in one word, different for each: ids have 13 bits, for each kind of name is capped far below.
    #[inline]
    pub(super) fn packed(self) -> u64 {
        let end = |end: End| -> u64 {
            match end {
                End::Unknown => 0,
                End::Root => 1,
                End::Missing => 2,
                End::Service(service) => 3 | u64::from(service.0) << 3,
                End::Peer(peer) => 4 | u64::from(peer.0) << 3,
            }
        };
        let reader = |to: Subscription| u64::from(to.receive) | u64::from(to.channel.0) << 1 | u64::from(to.group.0) << 14 | u64::from(to.service.0) << 27;
        let (kind, rest) = match self {
            Self::Call { from, to, via } => (0, via as u64 | end(from) << 3 | end(to) << 22),
            Self::Callee { from, to, via } => (1, via as u64 | u64::from(from.0) << 3 | u64::from(to.0) << 19),
            Self::Received { service } => (2, u64::from(service.0)),
            Self::Publish { service, channel } => (3, u64::from(service.0) | u64::from(channel.0) << 16),
            Self::Consume(to) => (4, reader(to)),
            Self::Handled(to) => (5, reader(to)),
            Self::Message { from, to } => (6, reader(to) | u64::from(from.0) << 40),
        };
        kind | rest << 3
    }

    /// Whether it may lose all that it holds to a better row: what is in flight comes and goes in it.
    #[inline]
    pub(super) fn is_provisional(self) -> bool {
        match self {
            Self::Call { from, to, .. } => from == End::Missing || matches!(to, End::Peer(_) | End::Unknown),
            Self::Message { from, .. } => from == ServiceId::NONE,
            _ => false,
        }
    }

    /// Whether its evidence is shown.
    #[inline]
    pub(super) fn has_examples(self) -> bool {
        !matches!(self, Self::Callee { .. } | Self::Received { .. } | Self::Handled(_))
    }

    #[inline]
    pub(super) fn is_interaction(self) -> bool {
        matches!(self, Self::Call { .. } | Self::Message { .. })
    }
}

impl Gone {
    /// What it counts as from now on.
    pub(crate) fn subscription(&self, to: Subscription) -> Subscription {
        Subscription { channel: self.channel(to.channel), group: self.group(to.group), service: self.service(to.service), ..to }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_word_of_its_own() {
        let ids = [0_u16, 1, 2, 3, 5_001];
        let mut keys = std::collections::BTreeSet::new();
        let ends = ids.iter().flat_map(|id| [End::Service(ServiceId(*id)), End::Peer(PeerId(*id))]).chain([End::Unknown, End::Root, End::Missing]);
        let ends: Vec<End> = ends.collect();
        for via in [Via::Call, Via::Http, Via::Grpc, Via::Rpc, Via::Database] {
            keys.extend(ends.iter().flat_map(|from| ends.iter().map(move |to| RowKey::Call { from: *from, to: *to, via })));
            keys.extend(ids.iter().flat_map(|from| ids.iter().map(move |to| RowKey::Callee { from: ServiceId(*from), to: ServiceId(*to), via })));
        }
        for (a, b) in ids.iter().flat_map(|a| ids.iter().map(move |b| (*a, *b))) {
            keys.insert(RowKey::Received { service: ServiceId(a) });
            keys.insert(RowKey::Publish { service: ServiceId(a), channel: ChannelId(b) });
            for (c, d) in ids.iter().flat_map(|c| ids.iter().map(move |d| (*c, *d))) {
                for receive in [false, true] {
                    let to = Subscription { channel: ChannelId(a), group: GroupId(b), service: ServiceId(c), receive };
                    keys.extend([RowKey::Consume(to), RowKey::Handled(to), RowKey::Message { from: ServiceId(d), to }]);
                }
            }
        }
        let words: std::collections::BTreeSet<u64> = keys.iter().map(|key| key.packed()).collect();
        assert_eq!(words.len(), keys.len());
    }
}
