//! What collectors put into the sink.

use serde::{Deserialize, Serialize};

use crate::{Fact, ItemKind, LogBatch, RecordBatch, SourceId, SpanBatch};

/// Version of the batch formats; a capture of another version is refused.
pub const BATCH_VERSION: u16 = 2;

/// What stands before every batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchHeader {
    /// Version of the format, [`BATCH_VERSION`].
    pub version: u16,
    /// The source that observed.
    pub source: SourceId,
    /// When the collector received it, ns since the Unix epoch by this machine's clock. The only clock the engine knows.
    pub received_ns: i64,
}

impl Default for BatchHeader {
    fn default() -> Self {
        Self { version: BATCH_VERSION, source: SourceId(0), received_ns: 0 }
    }
}

/// Small facts about brokers, groups, breakers and instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FactBatch {
    /// Version, source and time of arrival.
    pub header: BatchHeader,
    /// The facts, in the order in which they were observed.
    pub facts: Vec<Fact>,
}

/// One unit of observation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Batch {
    /// Spans.
    Spans(SpanBatch),
    /// Records of a broker.
    Records(RecordBatch),
    /// Log records.
    Logs(LogBatch),
    /// Facts.
    Facts(FactBatch),
    /// The session's second hand: `received_ns` is now.
    Tick(BatchHeader),
}

impl Batch {
    /// Version, source and time of arrival.
    pub fn header(&self) -> BatchHeader {
        match self {
            Self::Spans(batch) => batch.header,
            Self::Records(batch) => batch.header,
            Self::Logs(batch) => batch.header,
            Self::Facts(batch) => batch.header,
            Self::Tick(header) => *header,
        }
    }

    /// What kind of item it holds; `None` for a tick.
    pub fn item_kind(&self) -> Option<ItemKind> {
        match self {
            Self::Spans(_) => Some(ItemKind::Span),
            Self::Records(_) => Some(ItemKind::Record),
            Self::Logs(_) => Some(ItemKind::Log),
            Self::Facts(_) => Some(ItemKind::Fact),
            Self::Tick(_) => None,
        }
    }

    /// How many items it holds.
    pub fn num_items(&self) -> u64 {
        match self {
            Self::Spans(batch) => batch.spans.len() as u64,
            Self::Records(batch) => batch.records.len() as u64,
            Self::Logs(batch) => batch.logs.len() as u64,
            Self::Facts(batch) => batch.facts.len() as u64,
            Self::Tick(_) => 0,
        }
    }

    /// What it weighs in a queue, in bytes.
    pub fn size_bytes(&self) -> usize {
        match self {
            Self::Spans(batch) => batch.size_bytes(),
            Self::Records(batch) => batch.size_bytes(),
            Self::Logs(batch) => batch.size_bytes(),
            Self::Facts(batch) => batch.facts.iter().map(Fact::size_bytes).sum::<usize>() + 64,
            Self::Tick(_) => 64,
        }
    }
}
