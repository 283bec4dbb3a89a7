//! A stored record, read in place.

use switchboard_model::{ClusterRef, CorrelationId, MessageRef, PlaceRef, RawHash, SourceId, SpanContext, SpanId, TimestampType, TraceId};

use super::StoredValue;
use super::blob::Cursor;
use super::record_segment::{BINARY, HAS_TRACE, READABLE, REDACTED, RecordSegment, TRUNCATED};
use super::value::text_of;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'a> {
    segment: &'a RecordSegment,
    row: usize,
}

/// A header of a stored record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredHeader<'a> {
    /// Name, as sent.
    pub name: &'a str,
    /// Raw bytes; `None` = null.
    pub value: Option<&'a [u8]>,
    /// Whether the value was replaced by its keyed hash.
    pub redacted: bool,
}

/// All of a stored record that has no fixed length.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordContent<'a> {
    /// The key's size on the broker, in bytes.
    pub key_size_bytes: u32,
    /// The value's size on the broker, in bytes.
    pub value_size_bytes: u32,
    /// The key; `None` = null.
    pub key: Option<&'a [u8]>,
    /// The value; `None` = null.
    pub value: Option<&'a [u8]>,
    /// Trace context of its headers.
    pub trace: Option<SpanContext>,
    /// Headers, in their order.
    pub headers: Vec<StoredHeader<'a>>,
    /// Correlation ids, each with the name of its header.
    pub correlations: Vec<(&'a str, CorrelationId)>,
}

impl<'a> RecordRef<'a> {
    pub(crate) fn new(segment: &'a RecordSegment, row: usize) -> Self {
        Self { segment, row }
    }

    /// The cluster it was read from.
    pub fn cluster(self) -> &'a ClusterRef {
        self.segment.channel(self.row).0
    }

    /// Its topic.
    pub fn channel(self) -> &'a str {
        text_of(self.segment.channel(self.row).1)
    }

    /// Where it lies in its channel.
    #[inline]
    pub fn place(self) -> PlaceRef<'a> {
        self.segment.place(self.row)
    }

    /// Which message it is.
    pub fn message(self) -> MessageRef {
        MessageRef { cluster: self.cluster().name.clone(), channel: self.channel().to_owned(), place: self.place().into() }
    }

    /// ns since the Unix epoch, or [`switchboard_model::NO_TIME`].
    pub fn timestamp_ns(self) -> i64 {
        self.segment.timestamps[self.row]
    }

    /// What the timestamp means.
    pub fn timestamp_type(self) -> TimestampType {
        match self.segment.flags[self.row] & 3 {
            1 => TimestampType::Create,
            2 => TimestampType::LogAppend,
            _ => TimestampType::Unknown,
        }
    }

    /// Keyed hash of the broker's bytes.
    pub fn raw_hash(self) -> RawHash {
        RawHash(self.segment.raw_hashes[self.row])
    }

    /// `false` where the headers could not be read.
    pub fn headers_readable(self) -> bool {
        self.segment.flags[self.row] & READABLE != 0
    }

    /// Whether a value was redacted anywhere.
    pub fn redacted(self) -> bool {
        self.segment.flags[self.row] & REDACTED != 0
    }

    /// Whether a value was cut at a limit.
    pub fn truncated(self) -> bool {
        self.segment.flags[self.row] & TRUNCATED != 0
    }

    /// Whether key or value are neither text nor as long as a number or a UUID.
    pub fn is_binary(self) -> bool {
        self.segment.flags[self.row] & BINARY != 0
    }

    /// The source it came from.
    pub fn source(self) -> SourceId {
        self.segment.arrivals.of(self.row).0
    }

    /// When it arrived, ns since the Unix epoch.
    pub fn received_ns(self) -> i64 {
        self.segment.arrivals.of(self.row).1
    }

    /// Trace context of its headers.
    pub fn trace(self) -> Option<SpanContext> {
        let mut cursor = self.segment.content_of(self.row);
        cursor.varint();
        cursor.varint();
        cursor.optional();
        cursor.optional();
        self.read_trace(&mut cursor)
    }

    fn read_trace(self, cursor: &mut Cursor<'a>) -> Option<SpanContext> {
        (self.segment.flags[self.row] & HAS_TRACE != 0).then(|| SpanContext { trace_id: TraceId(cursor.fixed_u128()), span_id: SpanId(cursor.fixed_u64()) })
    }

    /// Sizes of key and value on the broker, in bytes.
    pub fn sizes_bytes(self) -> (u32, u32) {
        let mut cursor = self.segment.content_of(self.row);
        (cursor.varint() as u32, cursor.varint() as u32)
    }

    /// Key, value, headers and ids.
    pub fn content(self) -> RecordContent<'a> {
        let vocabulary = &self.segment.vocabulary;
        let mut cursor = self.segment.content_of(self.row);
        let (key_size_bytes, value_size_bytes) = (cursor.varint() as u32, cursor.varint() as u32);
        let (key, value) = (cursor.optional(), cursor.optional());
        let trace = self.read_trace(&mut cursor);
        let num_headers = cursor.varint();
        let headers = (0..num_headers)
            .map(|_| {
                let bits = cursor.byte();
                let (key, value) = vocabulary.read_inline(&mut cursor);
                let value = match value {
                    StoredValue::Bytes(bytes) if bits & 2 != 0 => Some(bytes),
                    _ => None,
                };
                StoredHeader { name: text_of(vocabulary.name(key)), value, redacted: bits & 1 != 0 }
            })
            .collect();
        let num_correlations = cursor.varint();
        let correlations = (0..num_correlations)
            .map(|_| {
                let key = cursor.varint() as u32;
                (text_of(vocabulary.name(key)), read_id(&mut cursor))
            })
            .collect();
        RecordContent { key_size_bytes, value_size_bytes, key, value, trace, headers, correlations }
    }
}

fn read_id(cursor: &mut Cursor<'_>) -> CorrelationId {
    match cursor.byte() {
        0 => CorrelationId::Wide(cursor.fixed_u128()),
        1 => CorrelationId::Number(cursor.fixed_u64()),
        _ => CorrelationId::Text(text_of(cursor.bytes()).to_owned()),
    }
}
