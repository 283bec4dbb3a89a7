//! What one can jump to from anywhere, and the view that shows it.

use switchboard_desk::ledger::LineId;
use switchboard_desk::send::{SentId, draft::Draft};
use switchboard_engine::view::{ChannelKey, EdgeId, NodeId, RecordView, RowId, TraceFilter};
use switchboard_model::{CorrelationId, Place, SpanId, TraceId};

use super::{Begun, ViewKind};

/// An object that one can jump to from anywhere.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Target {
    /// A box of the map.
    Node(NodeId),
    /// An edge of the map.
    Edge(EdgeId),
    /// An instance of a service.
    Instance {
        /// The service.
        node_id: NodeId,
        /// Its identity.
        instance: String,
    },
    /// A trace, or a span in it.
    Trace {
        /// The trace.
        trace_id: TraceId,
        /// The span; `None` = the trace as a whole.
        span_id: Option<SpanId>,
    },
    /// All that shares a correlation id.
    Conversation(CorrelationId),
    /// A topic, queue or exchange.
    Channel(ChannelKey),
    /// A stored record.
    Record {
        /// Its channel.
        channel: ChannelKey,
        /// Which.
        row: RowId,
    },
    /// A consumer group on a topic.
    Group {
        /// Name of the source that reads its cluster; `None` = any.
        cluster: Option<String>,
        /// `group.id`.
        group: String,
        /// The topic.
        topic: String,
    },
    /// A circuit breaker.
    Breaker {
        /// The service that holds it.
        caller: Option<String>,
        /// The instance that holds it; `None` = any.
        instance: Option<String>,
        /// Its own name.
        name: String,
    },
    /// Dead letters of a channel.
    DeadLetters {
        /// The dead-letter channel, or their origin.
        channel: ChannelKey,
        /// Those that died of this; `None` = all.
        fingerprint: Option<String>,
    },
    /// A request to be composed.
    Draft(Box<Draft>),
    /// The same, with what is to be said of it.
    Begun(Box<Begun>),
    /// Something that was sent.
    Sent(SentId),
    /// A request that is kept in a file, by its path.
    Saved(String),
    /// A run in the ledger, or an attempt that was not allowed.
    LedgerLine(LineId),
    /// A source, by its name.
    Source(String),
    /// The traces that pass a filter.
    Traces(TraceFilter),
    /// Stored records that are to be replayed: they are marked, and it is asked where they shall go.
    Replay(Vec<StoredRecord>),
    /// A file whose records are to be replayed: it is asked which.
    ReplayFile,
    /// A search.
    Find(String),
}

/// A record that is stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StoredRecord {
    /// Its channel.
    pub channel: ChannelKey,
    /// Which.
    pub row: RowId,
    /// Where it lies there.
    pub place: Place,
}

impl StoredRecord {
    /// Of one that was read.
    pub(crate) fn of(record: &RecordView) -> Self {
        Self { channel: ChannelKey::of(&record.at), row: record.row, place: record.at.place.clone() }
    }
}

impl Target {
    /// The view that shows it; `None` = the search that lies over all.
    pub(crate) fn view(&self) -> Option<ViewKind> {
        match self {
            Self::Node(_) | Self::Edge(_) | Self::Instance { .. } => Some(ViewKind::Map),
            Self::Trace { .. } | Self::Conversation(_) | Self::Traces(_) => Some(ViewKind::Traces),
            Self::Channel(_) | Self::Record { .. } | Self::Replay(_) | Self::ReplayFile => Some(ViewKind::Messages),
            Self::Group { .. } => Some(ViewKind::Groups),
            Self::Breaker { .. } => Some(ViewKind::Breakers),
            Self::DeadLetters { .. } => Some(ViewKind::DeadLetters),
            Self::Draft(_) | Self::Begun(_) | Self::Sent(_) | Self::Saved(_) => Some(ViewKind::Send),
            Self::LedgerLine(_) => Some(ViewKind::Ledger),
            Self::Source(_) => Some(ViewKind::Sources),
            Self::Find(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_but_a_search_has_its_view() {
        let channel = ChannelKey { cluster: None, name: "orders".to_owned() };
        for (target, view) in [
            (Target::Node(NodeId(1)), Some(ViewKind::Map)),
            (Target::Instance { node_id: NodeId(1), instance: "orders-1".to_owned() }, Some(ViewKind::Map)),
            (Target::Traces(TraceFilter::default()), Some(ViewKind::Traces)),
            (Target::Channel(channel.clone()), Some(ViewKind::Messages)),
            (Target::DeadLetters { channel, fingerprint: None }, Some(ViewKind::DeadLetters)),
            (Target::Source("kafka".to_owned()), Some(ViewKind::Sources)),
            (Target::Sent(SentId(1)), Some(ViewKind::Send)),
            (Target::Saved("orders/place".to_owned()), Some(ViewKind::Send)),
            (Target::LedgerLine(LineId::Refusal(1)), Some(ViewKind::Ledger)),
            (Target::Replay(Vec::new()), Some(ViewKind::Messages)),
            (Target::ReplayFile, Some(ViewKind::Messages)),
            (Target::Find("4711".to_owned()), None),
        ] {
            assert_eq!(target.view(), view, "{target:?}");
        }
    }
}
