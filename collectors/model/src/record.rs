//! Records of a broker as they are read.

use serde::{Deserialize, Serialize};

use crate::{Attrs, BatchError, BatchHeader, ClusterRef, CorrelationId, PlaceRow, RawHash, SpanContext, Str, TextArena, batch_check};

/// Stands for "no time known" in an `i64` of nanoseconds.
pub const NO_TIME: i64 = i64::MIN;

/// Records of one cluster, cut at 1 MiB.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RecordBatchRead")]
pub struct RecordBatch {
    /// Version, source and time of arrival.
    pub header: BatchHeader,
    /// The cluster they were read from.
    pub cluster: ClusterRef,
    /// All text and bytes.
    pub text: TextArena,
    /// Channels the records were read from.
    pub channels: Vec<ChannelRow>,
    /// The records.
    pub records: Vec<RecordRow>,
    /// Headers of records, in their order, duplicates kept.
    pub headers: Vec<HeaderRow>,
    /// Correlation ids read from headers.
    pub correlations: Vec<CorrelationRow>,
}

/// A channel of a record batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelRow {
    /// Name of the topic.
    pub name: Str,
}

/// What a record's timestamp means (Kafka `timestamp.type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimestampType {
    /// None was sent.
    #[default]
    Unknown,
    /// The producer's time.
    Create,
    /// The broker's time of append.
    LogAppend,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordRow {
    /// Index into `channels`.
    pub channel: u32,
    /// Where it lies in the channel; opaque bytes are in the batch's arena.
    pub place: PlaceRow,
    /// ns since the Unix epoch, or [`NO_TIME`].
    pub timestamp_ns: i64,
    /// What the timestamp means.
    pub timestamp_type: TimestampType,
    /// The key, redacted; `None` = null, which is not the same as empty.
    pub key: Option<Str>,
    /// The value, redacted, cut at 64 KiB; `None` = null (a tombstone).
    pub value: Option<Str>,
    /// The key's size on the broker, in bytes.
    pub key_size_bytes: u32,
    /// The value's size on the broker, in bytes.
    pub value_size_bytes: u32,
    /// Headers; empty also where they could not be read.
    pub headers: Attrs,
    /// `false` where a header name is not UTF-8, so that the client library cannot give the headers out.
    pub headers_readable: bool,
    /// Trace context by the first header dialect that holds a valid one.
    pub trace: Option<SpanContext>,
    /// Correlation ids.
    pub correlations: Attrs,
    /// Keyed hash of key, value and headers as they lie on the broker, taken before redaction.
    pub raw_hash: RawHash,
    /// Whether a value was redacted anywhere.
    pub redacted: bool,
    /// Whether a value was cut at a limit.
    pub truncated: bool,
}

/// One header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderRow {
    /// Name, as sent.
    pub name: Str,
    /// Raw bytes, redacted where the name asks for it; `None` = null.
    pub value: Option<Str>,
    /// Whether the value was replaced by its keyed hash.
    pub redacted: bool,
}

/// A correlation id of a record, under the name it was found by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrelationRow {
    /// Name of the header.
    pub name: Str,
    /// The id, normalised.
    pub value: CorrelationId,
}

impl RecordBatch {
    /// Gives back what was reserved and not used.
    pub fn shrink_to_fit(&mut self) {
        self.text.shrink_to_fit();
        self.records.shrink_to_fit();
        self.headers.shrink_to_fit();
        self.correlations.shrink_to_fit();
    }

    /// What the batch weighs in a queue, in bytes.
    pub fn size_bytes(&self) -> usize {
        self.text.size_bytes()
            + self.channels.capacity() * size_of::<ChannelRow>()
            + self.records.capacity() * size_of::<RecordRow>()
            + self.headers.capacity() * size_of::<HeaderRow>()
            + self.correlations.capacity() * size_of::<CorrelationRow>()
    }
}

/// A batch as it is read back, before it is checked.
#[derive(Deserialize)]
struct RecordBatchRead {
    header: BatchHeader,
    cluster: ClusterRef,
    text: TextArena,
    channels: Vec<ChannelRow>,
    records: Vec<RecordRow>,
    headers: Vec<HeaderRow>,
    correlations: Vec<CorrelationRow>,
}

impl TryFrom<RecordBatchRead> for RecordBatch {
    type Error = BatchError;

    fn try_from(RecordBatchRead { header, cluster, text, channels, records, headers, correlations }: RecordBatchRead) -> Result<Self, BatchError> {
        let batch = Self { header, cluster, text, channels, records, headers, correlations };
        batch_check::records(&batch)?;
        Ok(batch)
    }
}
