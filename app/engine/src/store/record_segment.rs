//! A run of broker records in columns.

use switchboard_model::{ClusterRef, CorrelationId, RawHash, RecordBatch, RecordRow, SourceId, SpanContext, SpanId, TimestampType, TraceId, Value, WellKnown};

use super::arrivals::{Arrivals, Tally};
use super::blob::{Cursor, put_bytes, put_optional, put_varint};
use super::correlation;
use super::dictionary::Dictionary;
use super::hash::Seed;
use super::row_index::RowIndex;
use super::shelf::{Segment, SegmentLimits};
use super::value::{is_binary, text_of};
use super::vocabulary::{Memo, Vocabulary, rows};
use crate::shares::{SharedMap, Shares};
use crate::state::KindNumber;
use crate::view::ChannelKey;

const READABLE: u8 = 4;
const REDACTED: u8 = 8;
const TRUNCATED: u8 = 16;
const HAS_TRACE: u8 = 32;
const BINARY: u8 = 64;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct RecordSegment {
    seed: Seed,
    limits: SegmentLimits,
    arrivals: Arrivals,
    pub(crate) vocabulary: Vocabulary,
    clusters: Vec<ClusterRef>,
    /// Two bytes of the cluster's number, then the name.
    channels: Dictionary,
    /// Rows of each channel, by its number.
    channel_rows: Vec<u32>,
    channel_of: Vec<u32>,
    partitions: Vec<i32>,
    offsets: Vec<i64>,
    timestamps: Vec<i64>,
    raw_hashes: Vec<u128>,
    /// Timestamp type in the low two bits, then what the constants say.
    flags: Vec<u8>,
    blob: Vec<u8>,
    blob_ends: Vec<u32>,
    /// Rows of dead letters, and what each died of.
    letters: Vec<(u32, KindNumber)>,
    pub(crate) index: RowIndex,
}

impl RecordSegment {
    /// An empty segment.
    pub(crate) fn new(seed: Seed, limits: SegmentLimits) -> Self {
        let num_rows = limits.max_rows;
        Self {
            seed,
            limits,
            arrivals: Arrivals::default(),
            vocabulary: Vocabulary::new(seed),
            clusters: Vec::new(),
            channels: Dictionary::new(seed),
            channel_rows: Vec::new(),
            channel_of: Vec::with_capacity(num_rows),
            partitions: Vec::with_capacity(num_rows),
            offsets: Vec::with_capacity(num_rows),
            timestamps: Vec::with_capacity(num_rows),
            raw_hashes: Vec::with_capacity(num_rows),
            flags: Vec::with_capacity(num_rows),
            blob: Vec::new(),
            blob_ends: Vec::with_capacity(num_rows),
            letters: Vec::new(),
            index: RowIndex::new(seed, num_rows),
        }
    }

    /// The hash of a record's position. The cluster is compared, not hashed, because spans do not name it.
    pub(crate) fn identity_of(seed: Seed, channel: &[u8], partition: i32, offset: i64) -> u64 {
        seed.pair(seed.bytes(channel) ^ u64::from(partition as u32), offset as u64)
    }

    /// Appends a record; the caller saw to it that the segment is not full.
    pub(crate) fn push(&mut self, batch: &RecordBatch, record: &RecordRow, kind: Option<KindNumber>, memo: &mut Memo) -> usize {
        let row = self.offsets.len();
        self.letters.extend(kind.map(|kind| (row as u32, kind)));
        let text = &batch.text;
        let channel = memo.resource(record.channel, |_, encoded| {
            let cluster = self.cluster(&batch.cluster);
            encoded.extend_from_slice(&cluster.to_le_bytes());
            encoded.extend_from_slice(channel_name(batch, record));
            self.channels.intern(encoded).0
        });
        let blob = &mut self.blob;
        put_varint(blob, u64::from(record.key_size_bytes));
        put_varint(blob, u64::from(record.value_size_bytes));
        put_optional(blob, record.key.map(|at| text.bytes(at)));
        put_optional(blob, record.value.map(|at| text.bytes(at)));
        if let Some(context) = record.trace {
            blob.extend_from_slice(&context.trace_id.0.to_le_bytes());
            blob.extend_from_slice(&context.span_id.0.to_le_bytes());
        }
        let headers = rows(&batch.headers, record.headers);
        put_varint(blob, headers.len() as u64);
        for header in headers {
            let key = self.vocabulary.key(text, header.name, WellKnown::Other, memo);
            blob.push(u8::from(header.redacted) | u8::from(header.value.is_some()) << 1);
            let value = header.value.map_or(Value::Bool(false), Value::Bytes);
            self.vocabulary.put_value(key, text, value, memo, blob);
        }
        let correlations = rows(&batch.correlations, record.correlations);
        put_varint(blob, correlations.len() as u64);
        for correlation in correlations {
            let key = self.vocabulary.key(text, correlation.name, WellKnown::Other, memo);
            put_varint(blob, u64::from(key));
            put_id(blob, &correlation.value);
            self.index.post(RowIndex::id_key(correlation::hash_of_id(self.seed, &correlation.value)), row);
        }
        let timestamp_type = match record.timestamp_type {
            TimestampType::Unknown => 0,
            TimestampType::Create => 1,
            TimestampType::LogAppend => 2,
        };
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        self.flags.push(
            timestamp_type
                | flag(record.headers_readable, READABLE)
                | flag(record.redacted, REDACTED)
                | flag(record.truncated, TRUNCATED)
                | flag(record.trace.is_some(), HAS_TRACE)
                | flag([record.key, record.value].into_iter().flatten().any(|at| is_binary(text.bytes(at))), BINARY),
        );
        self.channel_of.push(channel);
        if self.channel_rows.len() <= channel as usize {
            self.channel_rows.resize(channel as usize + 1, 0);
        }
        self.channel_rows[channel as usize] += 1;
        self.partitions.push(record.partition);
        self.offsets.push(record.offset);
        self.timestamps.push(record.timestamp_ns);
        self.raw_hashes.push(record.raw_hash.0);
        self.blob_ends.push(self.blob.len() as u32);
        self.index.add_row(record.trace.map_or(0, |context| context.trace_id.low()));
        self.arrivals.add(row, &batch.header);
        row
    }

    fn cluster(&mut self, cluster: &ClusterRef) -> u16 {
        let at = self.clusters.iter().position(|known| known == cluster).unwrap_or_else(|| {
            self.clusters.push(cluster.clone());
            self.clusters.len() - 1
        });
        at as u16
    }

    fn channel(&self, row: usize) -> (&ClusterRef, &[u8]) {
        self.channel_numbered(self.channel_of[row])
    }

    /// Numbers of the channels of this key that have rows, and how many rows that are.
    pub(crate) fn rows_of(&self, channel: &ChannelKey) -> (Vec<u32>, u64) {
        let is_of = |number: &u32| {
            let (cluster, name) = self.channel_numbered(*number);
            name == channel.name.as_bytes() && channel.cluster.as_ref().is_none_or(|wanted| *wanted == cluster.name)
        };
        // Number 0 is the empty string, which is no channel's.
        let numbers: Vec<u32> = (1..self.channel_rows.len() as u32).filter(is_of).collect();
        let num_rows = numbers.iter().map(|number| u64::from(self.channel_rows[*number as usize])).sum();
        (numbers, num_rows)
    }

    /// Rows of dead letters in their order, and what each died of.
    pub(crate) fn letters(&self) -> &[(u32, KindNumber)] {
        &self.letters
    }

    /// Number of the channel of a row.
    #[inline]
    pub(crate) fn channel_of(&self, row: usize) -> u32 {
        self.channel_of[row]
    }

    fn channel_numbered(&self, number: u32) -> (&ClusterRef, &[u8]) {
        /// Only for a number never given.
        static NOWHERE: ClusterRef = ClusterRef { system: String::new(), cluster_id: None, name: String::new() };
        let encoded = self.channels.get(number);
        let Some((cluster, name)) = encoded.split_first_chunk::<2>() else { return (&NOWHERE, &[]) };
        (self.clusters.get(usize::from(u16::from_le_bytes(*cluster))).unwrap_or(&NOWHERE), name)
    }

    /// Whether a row lies at this position, in whatever cluster.
    pub(crate) fn is_at(&self, row: usize, channel: &[u8], partition: i32, offset: i64) -> bool {
        self.offsets[row] == offset && self.partitions[row] == partition && self.channel(row).1 == channel
    }

    /// Whether a row lies at this position in this cluster.
    pub(crate) fn is_in(&self, row: usize, cluster: &ClusterRef) -> bool {
        let stored = self.channel(row).0;
        match (&stored.cluster_id, &cluster.cluster_id) {
            (Some(stored), Some(cluster)) => stored == cluster,
            _ => stored.name == cluster.name,
        }
    }

    /// Whether a stored record is the one that arrives: the broker's bytes and time are the same.
    pub(crate) fn is_same(&self, row: usize, record: &RecordRow) -> bool {
        self.raw_hashes[row] == record.raw_hash.0 && self.timestamps[row] == record.timestamp_ns
    }

    /// All that has no fixed length, row by row.
    pub(crate) fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// Where each row's part of the blob ends.
    pub(crate) fn blob_ends(&self) -> &[u32] {
        &self.blob_ends
    }

    /// Numbers of the words among a row's header values.
    pub(crate) fn header_words(&self, row: usize) -> impl Iterator<Item = u32> {
        let mut cursor = Cursor::new(self.blob_of(row));
        cursor.varint();
        cursor.varint();
        cursor.optional();
        cursor.optional();
        if self.flags[row] & HAS_TRACE != 0 {
            cursor.take(24);
        }
        let num_headers = cursor.varint();
        (0..num_headers).filter_map(move |_| {
            cursor.byte();
            Vocabulary::word_inline(&mut cursor)
        })
    }

    /// How many rows hold a value that was cut at a limit, one that was redacted, and a key or value that is neither text nor a number.
    pub(crate) fn num_truncated_redacted_binary(&self) -> [u64; 3] {
        [TRUNCATED, REDACTED, BINARY].map(|bit| self.flags.iter().filter(|flags| **flags & bit != 0).count() as u64)
    }

    fn blob_of(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.blob_ends[row - 1] };
        &self.blob[start as usize..self.blob_ends[row] as usize]
    }
}

/// Channels of which it is counted how many records were given up, shared out by source; further ones are counted.
const MAX_EVICTED_CHANNELS: usize = 20_000;

/// How many records of each channel were given up.
#[derive(Debug)]
pub(crate) struct EvictedRecords {
    /// By channel and cluster.
    by_channel: SharedMap<(String, String), u64>,
}

impl Default for EvictedRecords {
    fn default() -> Self {
        // What was counted of a source's channels does not leave for more of its own.
        Self { by_channel: SharedMap::new(MAX_EVICTED_CHANNELS, i64::MAX) }
    }
}

impl EvictedRecords {
    /// A segment was given up.
    pub(crate) fn count(&mut self, segment: &RecordSegment) {
        let mut arrived: Vec<Option<(SourceId, i64)>> = vec![None; segment.channel_rows.len()];
        for (row, channel) in segment.channel_of.iter().enumerate() {
            if let Some(first @ None) = arrived.get_mut(*channel as usize) {
                *first = Some(segment.arrivals.of(row));
            }
        }
        for (number, (num_rows, arrived)) in segment.channel_rows.iter().zip(arrived).enumerate() {
            let Some((source, received_ns)) = arrived else { continue };
            let (cluster, name) = segment.channel_numbered(number as u32);
            let key = (text_of(name).to_owned(), cluster.name.clone());
            if let Some(num) = self.by_channel.see(&key, source, received_ns) {
                *num += u64::from(*num_rows);
            }
        }
    }

    /// Channels that found no room.
    pub(crate) fn shares(&self) -> &Shares {
        self.by_channel.shares()
    }

    /// Records of a channel that were given up.
    pub(crate) fn of(&self, channel: &ChannelKey) -> u64 {
        let from = (channel.name.clone(), String::new());
        let of_name = self.by_channel.from(&from).take_while(|((name, _), _)| *name == channel.name);
        of_name.filter(|((_, cluster), _)| channel.cluster.as_ref().is_none_or(|wanted| wanted == cluster)).map(|(_, num)| num).sum()
    }
}

/// The channel's name of an arriving record.
pub(crate) fn channel_name<'a>(batch: &'a RecordBatch, record: &RecordRow) -> &'a [u8] {
    batch.channels.get(record.channel as usize).map_or(&[], |channel| batch.text.bytes(channel.name))
}

fn put_id(blob: &mut Vec<u8>, id: &CorrelationId) {
    match id {
        CorrelationId::Wide(wide) => {
            blob.push(0);
            blob.extend_from_slice(&wide.to_le_bytes());
        }
        CorrelationId::Number(number) => {
            blob.push(1);
            blob.extend_from_slice(&number.to_le_bytes());
        }
        CorrelationId::Text(text) => {
            blob.push(2);
            put_bytes(blob, text.as_bytes());
        }
    }
}

fn read_id(cursor: &mut Cursor<'_>) -> CorrelationId {
    match cursor.byte() {
        0 => CorrelationId::Wide(cursor.fixed_u128()),
        1 => CorrelationId::Number(cursor.fixed_u64()),
        _ => CorrelationId::Text(text_of(cursor.bytes()).to_owned()),
    }
}

impl Segment for RecordSegment {
    fn num_rows(&self) -> usize {
        self.offsets.len()
    }

    fn is_full(&self) -> bool {
        self.offsets.len() >= self.limits.max_rows
            || self.blob.len() >= self.limits.max_blob_bytes
            || self.vocabulary.size_bytes() + self.channels.size_bytes() >= self.limits.max_blob_bytes
            || self.vocabulary.is_full()
            || self.clusters.len() >= 1_000
    }

    fn size_bytes(&self) -> usize {
        let clusters: usize = self.clusters.iter().map(|c| size_of::<ClusterRef>() + c.system.len() + c.name.len() + 64).sum();
        size_of::<Self>()
            + clusters
            + (self.channel_of.capacity() + self.channel_rows.capacity() + self.partitions.capacity() + self.blob_ends.capacity()) * 4
            + (self.offsets.capacity() + self.timestamps.capacity()) * 8
            + self.raw_hashes.capacity() * 16
            + self.flags.capacity()
            + self.letters.capacity() * size_of::<(u32, KindNumber)>()
            + self.blob.capacity()
            + self.vocabulary.size_bytes()
            + self.channels.size_bytes()
            + self.index.size_bytes()
            + self.arrivals.size_bytes()
    }

    fn identity(&self, row: usize) -> u64 {
        Self::identity_of(self.seed, self.channel(row).1, self.partitions[row], self.offsets[row])
    }

    fn tallies(&self) -> &[Tally] {
        self.arrivals.tallies()
    }

    fn seal(&mut self) {
        let traces: Vec<u64> = (0..self.offsets.len()).map(|row| RecordRef::new(self, row).trace().map_or(0, |context| context.trace_id.low())).collect();
        self.index.seal(traces.into_iter());
        self.vocabulary.shrink();
        self.channels.shrink();
        self.arrivals.shrink();
        self.channel_of.shrink_to_fit();
        self.channel_rows.shrink_to_fit();
        self.partitions.shrink_to_fit();
        self.offsets.shrink_to_fit();
        self.timestamps.shrink_to_fit();
        self.raw_hashes.shrink_to_fit();
        self.flags.shrink_to_fit();
        self.blob.shrink_to_fit();
        self.blob_ends.shrink_to_fit();
        self.letters.shrink_to_fit();
    }

    fn successor(&self) -> Self {
        Self::new(self.seed, self.limits)
    }
}

/// A stored record, read in place.
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

    /// Its partition.
    pub fn partition(self) -> i32 {
        self.segment.partitions[self.row]
    }

    /// Its offset.
    pub fn offset(self) -> i64 {
        self.segment.offsets[self.row]
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
        let mut cursor = Cursor::new(self.segment.blob_of(self.row));
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
        let mut cursor = Cursor::new(self.segment.blob_of(self.row));
        (cursor.varint() as u32, cursor.varint() as u32)
    }

    /// Key, value, headers and ids.
    pub fn content(self) -> RecordContent<'a> {
        let vocabulary = &self.segment.vocabulary;
        let mut cursor = Cursor::new(self.segment.blob_of(self.row));
        let (key_size_bytes, value_size_bytes) = (cursor.varint() as u32, cursor.varint() as u32);
        let (key, value) = (cursor.optional(), cursor.optional());
        let trace = self.read_trace(&mut cursor);
        let num_headers = cursor.varint();
        let headers = (0..num_headers)
            .map(|_| {
                let bits = cursor.byte();
                let (key, value) = vocabulary.read_inline(&mut cursor);
                let value = match value {
                    super::StoredValue::Bytes(bytes) if bits & 2 != 0 => Some(bytes),
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
