//! A run of log records in columns.

use switchboard_model::{LogBatch, LogRow, SourceId, SpanId, TraceId, Value, believed_ns};

use super::StoredValue;
use super::arrivals::{Arrivals, Tally};
use super::blob::{Cursor, put_varint};
use super::correlation_hash;
use super::dictionary::Dictionary;
use super::hash::{Seed, again};
use super::row_index::RowIndex;
use super::shelf::{Segment, SegmentLimits};
use super::span_segment::{is_resource, put_resource};
use super::value::{StoredAttr, text_of};
use super::vocabulary::{Memo, Vocabulary, correlates, rows};

const TRUNCATED: u8 = 0x80;
/// Bodies are stored under the key without a name.
const BODY: u32 = 0;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct LogSegment {
    seed: Seed,
    limits: SegmentLimits,
    arrivals: Arrivals,
    pub(crate) vocabulary: Vocabulary,
    /// Resources, encoded; each once.
    resources: Dictionary,
    times: Vec<i64>,
    pub(crate) trace_ids: Vec<u128>,
    span_ids: Vec<u64>,
    resource_of: Vec<u32>,
    /// Severity in the low bits, and whether it was truncated.
    severities: Vec<u8>,
    blob: Vec<u8>,
    blob_ends: Vec<u32>,
    pub(crate) index: RowIndex,
}

impl LogSegment {
    /// An empty segment.
    pub(crate) fn new(seed: Seed, limits: SegmentLimits) -> Self {
        let num_rows = limits.max_rows;
        Self {
            seed,
            limits,
            arrivals: Arrivals::default(),
            vocabulary: Vocabulary::new(seed),
            resources: Dictionary::new(seed),
            times: Vec::with_capacity(num_rows),
            trace_ids: Vec::with_capacity(num_rows),
            span_ids: Vec::with_capacity(num_rows),
            resource_of: Vec::with_capacity(num_rows),
            severities: Vec::with_capacity(num_rows),
            blob: Vec::new(),
            blob_ends: Vec::with_capacity(num_rows),
            index: RowIndex::new(seed, num_rows),
        }
    }

    /// The hash of what makes a log record itself: trace, span, time and body.
    pub(crate) fn identity_of(seed: Seed, trace_low: u64, span_id: u64, time_ns: i64, body: StoredValue<'_>) -> u64 {
        let body = match body {
            StoredValue::Str(bytes) | StoredValue::Bytes(bytes) | StoredValue::List(bytes) => seed.bytes(bytes),
            StoredValue::I64(number) => seed.word(number as u64),
            StoredValue::F64(number) => seed.word(number.to_bits()),
            StoredValue::Bool(truth) => seed.word(u64::from(truth)),
        };
        seed.pair(seed.pair(trace_low, span_id) ^ again(time_ns as u64), body)
    }

    /// Appends a log record; the caller saw to it that the segment is not full.
    pub(crate) fn push(&mut self, batch: &LogBatch, log: &LogRow, memo: &mut Memo) -> usize {
        let row = self.times.len();
        let text = &batch.text;
        let resource = memo.resource(log.resource, |memo, encoded| {
            let resource = batch.resources.get(log.resource as usize).copied().unwrap_or_default();
            put_resource(&mut self.vocabulary, text, &resource, rows(&batch.attrs, resource.attrs), memo, encoded);
            self.resources.intern(encoded).0
        });
        let Self { seed, vocabulary, blob, index, .. } = self;
        for word in [log.severity_text, log.scope] {
            let word = vocabulary.always(text, word, memo);
            put_varint(blob, u64::from(word));
        }
        vocabulary.put_value(BODY, text, log.body, memo, blob);
        let attrs = rows(&batch.attrs, log.attrs);
        vocabulary.put_all(text, attrs, memo, blob);
        for attr in attrs {
            let key = vocabulary.key(text, attr.key, attr.known, memo);
            if vocabulary.known(key).correlates
                && let Some(hash) = correlation_hash::hash_of_value(*seed, attr.value, text)
            {
                index.post(RowIndex::id_key(hash), row);
            }
        }
        self.times.push(log.time_ns);
        self.trace_ids.push(log.trace_id.0);
        self.span_ids.push(log.span_id.0);
        self.resource_of.push(resource);
        self.severities.push(severity_bits(log));
        self.blob_ends.push(self.blob.len() as u32);
        self.index.add_row(log.trace_id.low());
        self.arrivals.add(row, &batch.header);
        row
    }

    /// When each row happened, as far as that is believed, else when it arrived, ns since the Unix epoch.
    pub(crate) fn moments(&self) -> impl Iterator<Item = i64> {
        let arrivals = self.arrivals.runs(self.times.len()).flat_map(|(rows, arrived_ns)| rows.map(move |_| arrived_ns));
        self.times.iter().zip(arrivals).map(|(told_ns, arrived_ns)| believed_ns(*told_ns, arrived_ns))
    }

    /// Log records that were cut at a limit.
    pub(crate) fn num_truncated(&self) -> u64 {
        self.severities.iter().filter(|bits| **bits & TRUNCATED != 0).count() as u64
    }

    /// OTLP severity number of a row.
    #[inline]
    pub(crate) fn severity(&self, row: usize) -> u8 {
        self.severities[row] & !TRUNCATED
    }

    /// All that has no fixed length, row by row.
    pub(crate) fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// Where each row's part of the blob ends.
    pub(crate) fn blob_ends(&self) -> &[u32] {
        &self.blob_ends
    }

    /// Numbers of the words among a row's body and attribute values.
    pub(crate) fn inline_words(&self, row: usize) -> impl Iterator<Item = u32> {
        let mut cursor = Cursor::new(self.blob_of(row));
        cursor.varint();
        cursor.varint();
        let body = Vocabulary::word_inline(&mut cursor);
        let num_attrs = cursor.varint();
        body.into_iter().chain((0..num_attrs).filter_map(move |_| Vocabulary::word_inline(&mut cursor)))
    }

    /// Which resources are of this service and of this instance, by number; `None` = of any.
    pub(crate) fn resources_of(&self, service: Option<&str>, instance: Option<&str>) -> Vec<bool> {
        let is_of = |number: u32| {
            let mut cursor = Cursor::new(self.resources.get(number));
            let [name, .., its_instance] = std::array::from_fn::<_, 5, _>(|_| text_of(self.vocabulary.words.get(cursor.varint() as u32)));
            service.is_none_or(|service| name == service) && instance.is_none_or(|instance| its_instance == instance)
        };
        (0..self.resources.len() as u32).map(is_of).collect()
    }

    /// Number of the resource of a row.
    #[inline]
    pub(crate) fn resource_of(&self, row: usize) -> u32 {
        self.resource_of[row]
    }

    fn blob_of(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.blob_ends[row - 1] };
        &self.blob[start as usize..self.blob_ends[row] as usize]
    }

    /// Whether a stored log record says the same as an arriving one in all but the time of arrival and the source.
    pub(crate) fn is_same(&self, row: usize, batch: &LogBatch, log: &LogRow) -> bool {
        let text = &batch.text;
        let mut cursor = Cursor::new(self.blob_of(row));
        let arriving = batch.resources.get(log.resource as usize).copied().unwrap_or_default();
        let mut resource = Cursor::new(self.resources.get(self.resource_of[row]));
        self.times[row] == log.time_ns
            && TraceId(self.trace_ids[row]).matches(log.trace_id)
            && self.span_ids[row] == log.span_id.0
            && self.severities[row] == severity_bits(log)
            && self.vocabulary.words.get(cursor.varint() as u32) == text.bytes(log.severity_text)
            && self.vocabulary.words.get(cursor.varint() as u32) == text.bytes(log.scope)
            && self.vocabulary.read_inline(&mut cursor).1.is(log.body, text)
            && self.vocabulary.are(&mut cursor, text, rows(&batch.attrs, log.attrs))
            && is_resource(&self.vocabulary, &mut resource, text, &arriving, rows(&batch.attrs, arriving.attrs))
    }
}

/// Severities end at 24; what a sender puts beyond 127 is kept as 127.
fn severity_bits(log: &LogRow) -> u8 {
    log.severity.min(!TRUNCATED) | if log.truncated { TRUNCATED } else { 0 }
}

/// The body of an arriving log record as it would be stored.
pub(crate) fn body_of<'a>(batch: &'a LogBatch, log: &LogRow) -> StoredValue<'a> {
    match log.body {
        Value::Str(at) => StoredValue::Str(batch.text.bytes(at)),
        Value::Bytes(at) => StoredValue::Bytes(batch.text.bytes(at)),
        Value::List(at) => StoredValue::List(batch.text.bytes(at)),
        Value::I64(number) => StoredValue::I64(number),
        Value::F64(number) => StoredValue::F64(number),
        Value::Bool(truth) => StoredValue::Bool(truth),
    }
}

impl Segment for LogSegment {
    fn num_rows(&self) -> usize {
        self.times.len()
    }

    fn is_full(&self) -> bool {
        self.times.len() >= self.limits.max_rows
            || self.blob.len() >= self.limits.max_blob_bytes
            || self.vocabulary.size_bytes() + self.resources.size_bytes() >= self.limits.max_blob_bytes
            || self.vocabulary.is_full()
    }

    fn size_bytes(&self) -> usize {
        size_of::<Self>()
            + (self.times.capacity() + self.span_ids.capacity()) * 8
            + self.trace_ids.capacity() * 16
            + (self.resource_of.capacity() + self.blob_ends.capacity()) * 4
            + self.severities.capacity()
            + self.blob.capacity()
            + self.vocabulary.size_bytes()
            + self.resources.size_bytes()
            + self.index.size_bytes()
            + self.arrivals.size_bytes()
    }

    fn identity(&self, row: usize) -> u64 {
        Self::identity_of(self.seed, self.trace_ids[row] as u64, self.span_ids[row], self.times[row], LogRef::new(self, row).body())
    }

    fn tallies(&self) -> &[Tally] {
        self.arrivals.tallies()
    }

    fn seal(&mut self) {
        self.index.seal(self.trace_ids.iter().map(|trace_id| *trace_id as u64));
        self.vocabulary.shrink();
        self.resources.shrink();
        self.arrivals.shrink();
        self.times.shrink_to_fit();
        self.trace_ids.shrink_to_fit();
        self.span_ids.shrink_to_fit();
        self.resource_of.shrink_to_fit();
        self.severities.shrink_to_fit();
        self.blob.shrink_to_fit();
        self.blob_ends.shrink_to_fit();
    }

    fn successor(&self) -> Self {
        Self::new(self.seed, self.limits)
    }
}

/// A stored log record, read in place.
#[derive(Clone, Copy, Debug)]
pub struct LogRef<'a> {
    segment: &'a LogSegment,
    row: usize,
}

impl<'a> LogRef<'a> {
    pub(crate) fn new(segment: &'a LogSegment, row: usize) -> Self {
        Self { segment, row }
    }

    /// When it happened, ns since the Unix epoch.
    pub fn time_ns(self) -> i64 {
        self.segment.times[self.row]
    }

    /// OTLP severity number, 0 = not said.
    pub fn severity(self) -> u8 {
        self.segment.severities[self.row] & !TRUNCATED
    }

    /// Whether anything was cut at a limit.
    pub fn truncated(self) -> bool {
        self.segment.severities[self.row] & TRUNCATED != 0
    }

    /// The trace it belongs to; zero = none.
    pub fn trace_id(self) -> TraceId {
        TraceId(self.segment.trace_ids[self.row])
    }

    /// The span it belongs to; zero = none.
    pub fn span_id(self) -> SpanId {
        SpanId(self.segment.span_ids[self.row])
    }

    /// `service.name`; empty if none was sent.
    pub fn service_name(self) -> &'a str {
        let mut cursor = Cursor::new(self.segment.resources.get(self.segment.resource_of[self.row]));
        text_of(self.segment.vocabulary.words.get(cursor.varint() as u32))
    }

    /// The instance; empty = unknown.
    pub fn instance(self) -> &'a str {
        let mut cursor = Cursor::new(self.segment.resources.get(self.segment.resource_of[self.row]));
        // Name, namespace, environment, version, instance.
        (0..4).for_each(|_| _ = cursor.varint());
        text_of(self.segment.vocabulary.words.get(cursor.varint() as u32))
    }

    /// Severity as text.
    pub fn severity_text(self) -> &'a str {
        let mut cursor = Cursor::new(self.segment.blob_of(self.row));
        text_of(self.segment.vocabulary.words.get(cursor.varint() as u32))
    }

    /// The message.
    pub fn body(self) -> StoredValue<'a> {
        self.segment.vocabulary.read_inline(&mut self.behind_words()).1
    }

    /// Its attributes, in their order.
    pub fn attributes(self) -> Vec<StoredAttr<'a>> {
        let mut cursor = self.behind_words();
        self.segment.vocabulary.read_inline(&mut cursor);
        self.segment.vocabulary.read_all(&mut cursor)
    }

    /// Values of attributes that are correlation ids.
    pub(crate) fn correlation_values(self) -> impl Iterator<Item = StoredValue<'a>> {
        self.attributes().into_iter().filter(|attr| correlates(attr.name, attr.known)).map(|attr| attr.value)
    }

    fn behind_words(self) -> Cursor<'a> {
        let mut cursor = Cursor::new(self.segment.blob_of(self.row));
        cursor.varint();
        cursor.varint();
        cursor
    }

    /// The source it came from.
    pub fn source(self) -> SourceId {
        self.segment.arrivals.of(self.row).0
    }

    /// When it arrived, ns since the Unix epoch.
    pub fn received_ns(self) -> i64 {
        self.segment.arrivals.of(self.row).1
    }
}
