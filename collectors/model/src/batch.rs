//! What collectors put into the sink.

use serde::{Deserialize, Serialize};

use crate::{BatchError, BatchHeader, Fact, ItemKind, LogBatch, RecordBatch, SpanBatch, batch_check};

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

    /// Whether it is as collectors make them, or what of it is not. Each batch that is read back was asked this; none that a collector makes is
    /// asked on its way to the engine.
    pub fn check(&self) -> Result<(), BatchError> {
        match self {
            Self::Spans(batch) => batch_check::spans(batch),
            Self::Records(batch) => batch_check::records(batch),
            Self::Logs(batch) => batch_check::logs(batch),
            Self::Facts(batch) => batch.header.check(),
            Self::Tick(header) => header.check(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BATCH_VERSION, SourceId};

    #[test]
    fn a_batch_of_another_version_is_refused_whatever_it_holds() {
        let header = |version| BatchHeader { version, source: SourceId(7), received_ns: 5 };
        let batches = |version| {
            [
                Batch::Spans(SpanBatch { header: header(version), ..SpanBatch::default() }),
                Batch::Records(RecordBatch { header: header(version), ..RecordBatch::default() }),
                Batch::Logs(LogBatch { header: header(version), ..LogBatch::default() }),
                Batch::Facts(FactBatch { header: header(version), facts: Vec::new() }),
                Batch::Tick(header(version)),
            ]
        };
        for batch in batches(BATCH_VERSION) {
            let written = serde_json::to_string(&batch).expect("JSON");
            assert_eq!(serde_json::from_str::<Batch>(&written).expect("read back"), batch);
        }
        for version in [0, BATCH_VERSION - 1, BATCH_VERSION + 1, u16::MAX] {
            for batch in batches(version) {
                let written = serde_json::to_string(&batch).expect("JSON");
                let refused = serde_json::from_str::<Batch>(&written).expect_err("another version").to_string();
                assert!(refused.contains(&BatchError::OtherVersion { found: version }.to_string()), "{refused}");
            }
        }
    }
}
