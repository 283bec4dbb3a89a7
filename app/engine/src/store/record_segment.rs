//! A run of broker records in columns.

use switchboard_model::{ClusterRef, CorrelationId, MAX_PLACE_BYTES, PlaceRef, RecordBatch, RecordRow, TimestampType, Value, WellKnown};

use super::arrivals::{Arrivals, Tally};
use super::blob::{Cursor, put_bytes, put_optional, put_varint};
use super::correlation_hash;
use super::dictionary::Dictionary;
use super::hash::Seed;
use super::record_ref::RecordRef;
use super::row_index::RowIndex;
use super::shelf::{Segment, SegmentLimits};
use super::value::is_binary;
use super::vocabulary::{Memo, Vocabulary, rows};
use crate::state::KindNumber;
use crate::view::ChannelKey;

pub(super) const READABLE: u8 = 4;
pub(super) const REDACTED: u8 = 8;
pub(super) const TRUNCATED: u8 = 16;
pub(super) const HAS_TRACE: u8 = 32;
pub(super) const BINARY: u8 = 64;
/// Its place is no partition and offset: what it is stands first in the blob, or that there is none.
const ELSEWHERE: u8 = 128;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct RecordSegment {
    seed: Seed,
    limits: SegmentLimits,
    pub(super) arrivals: Arrivals,
    pub(crate) vocabulary: Vocabulary,
    clusters: Vec<ClusterRef>,
    /// Two bytes of the cluster's number, then the name.
    channels: Dictionary,
    /// Rows of each channel, by its number.
    pub(super) channel_rows: Vec<u32>,
    pub(super) channel_of: Vec<u32>,
    /// 0 where the place is none of these.
    partitions: Vec<i32>,
    offsets: Vec<i64>,
    pub(super) timestamps: Vec<i64>,
    pub(super) raw_hashes: Vec<u128>,
    /// Timestamp type in the low two bits, then what the constants say.
    pub(super) flags: Vec<u8>,
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

    /// The hash of where a record lies; without a place no two are the same. The cluster is compared, not hashed, because spans
    /// do not name it.
    #[inline]
    pub(crate) fn identity_of(seed: Seed, channel: &[u8], place: PlaceRef<'_>) -> Option<u64> {
        match place {
            PlaceRef::Offset { partition, offset } => Some(seed.pair(seed.bytes(channel) ^ u64::from(partition as u32), offset as u64)),
            PlaceRef::Opaque(bytes) => Some(seed.pair(seed.bytes(channel), seed.bytes(bytes))),
            PlaceRef::None => None,
        }
    }

    /// Appends a record; the caller saw to it that the segment is not full.
    pub(crate) fn push(&mut self, batch: &RecordBatch, record: &RecordRow, kind: Option<KindNumber>, memo: &mut Memo) -> usize {
        let (place, is_place_cut) = place_of(batch, record);
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
        let (partition, offset) = match place {
            PlaceRef::Offset { partition, offset } => (partition, offset),
            PlaceRef::Opaque(bytes) => {
                put_optional(blob, Some(bytes));
                (0, 0)
            }
            PlaceRef::None => {
                put_optional(blob, None);
                (0, 0)
            }
        };
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
            self.index.post(RowIndex::id_key(correlation_hash::hash_of_id(self.seed, &correlation.value)), row);
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
                | flag(record.truncated || is_place_cut, TRUNCATED)
                | flag(record.trace.is_some(), HAS_TRACE)
                | flag([record.key, record.value].into_iter().flatten().any(|at| is_binary(text.bytes(at))), BINARY)
                | flag(!matches!(place, PlaceRef::Offset { .. }), ELSEWHERE),
        );
        self.channel_of.push(channel);
        if self.channel_rows.len() <= channel as usize {
            self.channel_rows.resize(channel as usize + 1, 0);
        }
        self.channel_rows[channel as usize] += 1;
        self.partitions.push(partition);
        self.offsets.push(offset);
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

    pub(super) fn channel(&self, row: usize) -> (&ClusterRef, &[u8]) {
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

    pub(super) fn channel_numbered(&self, number: u32) -> (&ClusterRef, &[u8]) {
        /// Only for a number never given.
        static NOWHERE: ClusterRef = ClusterRef { system: String::new(), cluster_id: None, name: String::new() };
        let encoded = self.channels.get(number);
        let Some((cluster, name)) = encoded.split_first_chunk::<2>() else { return (&NOWHERE, &[]) };
        (self.clusters.get(usize::from(u16::from_le_bytes(*cluster))).unwrap_or(&NOWHERE), name)
    }

    /// Where a row lies in its channel.
    #[inline]
    pub(super) fn place(&self, row: usize) -> PlaceRef<'_> {
        if self.flags[row] & ELSEWHERE == 0 {
            return PlaceRef::Offset { partition: self.partitions[row], offset: self.offsets[row] };
        }
        Cursor::new(self.blob_of(row)).optional().map_or(PlaceRef::None, PlaceRef::Opaque)
    }

    /// Whether a row lies at this place, in whatever cluster.
    #[inline]
    pub(crate) fn is_at(&self, row: usize, channel: &[u8], place: PlaceRef<'_>) -> bool {
        self.place(row) == place && self.channel(row).1 == channel
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
        let mut cursor = self.content_of(row);
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

    /// What stands in a row's part of the blob behind its place.
    pub(super) fn content_of(&self, row: usize) -> Cursor<'_> {
        let mut cursor = Cursor::new(self.blob_of(row));
        if self.flags[row] & ELSEWHERE != 0 {
            cursor.optional();
        }
        cursor
    }
}

/// Where an arriving record lies, and whether that was too long to be kept: then it lies nowhere.
#[inline]
pub(crate) fn place_of<'a>(batch: &'a RecordBatch, record: &RecordRow) -> (PlaceRef<'a>, bool) {
    match record.place.read(&batch.text) {
        PlaceRef::Opaque(bytes) if bytes.len() > MAX_PLACE_BYTES => (PlaceRef::None, true),
        place => (place, false),
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
        // What has no place was never entered: any hash will do.
        Self::identity_of(self.seed, self.channel(row).1, self.place(row)).unwrap_or(0)
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
