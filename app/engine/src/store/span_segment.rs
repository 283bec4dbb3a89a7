//! A run of spans in columns.

use hashbrown::HashTable;
use switchboard_model::{InstanceSource, ResourceRow, SpanBatch, SpanKind, SpanRow, SpanStatus, TextArena, WellKnown};

use super::arrivals::{Arrivals, Tally};
use super::blob::{Cursor, put_bytes, put_signed, put_varint};
use super::correlation_hash;
use super::dictionary::Dictionary;
use super::hash::Seed;
use super::row_index::RowIndex;
use super::shelf::{Segment, SegmentLimits};
use super::span_ref::SpanRef;
use super::value::text_of;
use super::vocabulary::{Form, Memo, Vocabulary, rows};

/// What many spans have in common, kept once in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanHead {
    pub(crate) resource: u32,
    /// Word of the operation's name.
    pub(crate) name: u32,
    /// Word of the scope's name.
    pub(crate) scope: u32,
    /// Keys and forms of the attributes.
    pub(crate) shape: u32,
    pub(crate) flags: u32,
    pub(crate) sample_weight_bits: u32,
    pub(crate) kind: SpanKind,
    pub(crate) status: SpanStatus,
    /// Whether all that it says of its end, weighed together, comes to a failure.
    pub(crate) has_failed: bool,
    pub(crate) truncated: bool,
    /// Whether status message, tracestate, links or events stand behind the attributes in the blob.
    pub(crate) has_extras: bool,
}

impl SpanHead {
    fn hash(&self, seed: Seed) -> u64 {
        let bits = u32::from(self.has_failed) << 24
            | u32::from(self.kind as u8) << 16
            | u32::from(self.status as u8) << 8
            | u32::from(self.truncated) << 1
            | u32::from(self.has_extras);
        seed.words(&[self.resource, self.name, self.scope, self.shape, self.flags, self.sample_weight_bits, bits])
    }
}

/// Lists of attribute keys and forms, `key << 4 | form`, each list once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shapes {
    slots: Vec<u32>,
    ends: Vec<u32>,
    table: HashTable<u32>,
}

impl Shapes {
    #[inline]
    fn intern(&mut self, seed: Seed, slots: &[u32]) -> u32 {
        let hash = seed.words(slots);
        if let Some(shape) = self.table.find(hash, |shape| self.get(*shape) == slots) {
            return *shape;
        }
        let shape = self.ends.len() as u32;
        self.slots.extend_from_slice(slots);
        self.ends.push(self.slots.len() as u32);
        let Self { slots, ends, table } = self;
        table.insert_unique(hash, shape, |shape| seed.words(list(slots, ends, *shape)));
        shape
    }

    #[inline]
    pub(crate) fn get(&self, shape: u32) -> &[u32] {
        list(&self.slots, &self.ends, shape)
    }

    fn size_bytes(&self) -> usize {
        (self.slots.capacity() + self.ends.capacity()) * 4 + self.table.allocation_size()
    }
}

fn list<'a>(slots: &'a [u32], ends: &[u32], shape: u32) -> &'a [u32] {
    let shape = shape as usize;
    let start = if shape == 0 { 0 } else { ends[shape - 1] };
    &slots[start as usize..ends[shape] as usize]
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct SpanSegment {
    seed: Seed,
    limits: SegmentLimits,
    pub(crate) arrivals: Arrivals,
    pub(crate) vocabulary: Vocabulary,
    /// Resources, encoded; each once.
    resources: Dictionary,
    pub(crate) shapes: Shapes,
    pub(crate) heads: Vec<SpanHead>,
    head_table: HashTable<u16>,
    pub(crate) trace_ids: Vec<u128>,
    pub(crate) span_ids: Vec<u64>,
    pub(crate) parents: Vec<u64>,
    pub(crate) starts: Vec<i64>,
    pub(crate) ends: Vec<i64>,
    pub(crate) head_of: Vec<u16>,
    /// Words of attribute values, row by row.
    pub(crate) refs: Vec<u16>,
    ref_ends: Vec<u32>,
    /// All that has no fixed length, row by row.
    pub(crate) blob: Vec<u8>,
    pub(crate) blob_ends: Vec<u32>,
    pub(crate) index: RowIndex,
}

impl SpanSegment {
    /// An empty segment.
    pub(crate) fn new(seed: Seed, limits: SegmentLimits) -> Self {
        Self::with_room(seed, limits, 0, 0)
    }

    fn with_room(seed: Seed, limits: SegmentLimits, num_refs: usize, num_blob_bytes: usize) -> Self {
        let num_rows = limits.max_rows;
        Self {
            seed,
            limits,
            arrivals: Arrivals::default(),
            vocabulary: Vocabulary::new(seed),
            resources: Dictionary::new(seed),
            shapes: Shapes::default(),
            heads: Vec::new(),
            head_table: HashTable::new(),
            trace_ids: Vec::with_capacity(num_rows),
            span_ids: Vec::with_capacity(num_rows),
            parents: Vec::with_capacity(num_rows),
            starts: Vec::with_capacity(num_rows),
            ends: Vec::with_capacity(num_rows),
            head_of: Vec::with_capacity(num_rows),
            refs: Vec::with_capacity(num_refs),
            ref_ends: Vec::with_capacity(num_rows),
            blob: Vec::with_capacity(num_blob_bytes),
            blob_ends: Vec::with_capacity(num_rows),
            index: RowIndex::new(seed, num_rows),
        }
    }

    /// The hash of a span's identity; server and client halves of a shared span have the same.
    #[inline]
    pub(crate) fn identity_of(seed: Seed, trace_low: u64, span_id: u64) -> u64 {
        seed.pair(trace_low, span_id)
    }

    /// Appends a span; the caller saw to it that the segment is not full.
    #[inline]
    pub(crate) fn push(
        &mut self,
        batch: &SpanBatch,
        (span, has_failed): (&SpanRow, bool),
        service_of: &dyn Fn(usize) -> u16,
        memo: &mut Memo,
        slots: &mut Vec<u32>,
    ) -> usize {
        let row = self.span_ids.len();
        let text = &batch.text;
        let resource = memo.resource(span.resource, |memo, encoded| self.put_resource(batch, span.resource, service_of, memo, encoded));
        let Self { seed, vocabulary, refs, blob, index, .. } = self;
        slots.clear();
        for attr in rows(&batch.attrs, span.attrs) {
            let key = vocabulary.key(text, attr.key, attr.known, memo);
            let form = vocabulary.put(key, text, attr.value, memo, refs, blob);
            slots.push(key << 4 | form as u32);
            if vocabulary.known(key).correlates
                && let Some(hash) = correlation_hash::hash_of_value(*seed, attr.value, text)
            {
                index.post(RowIndex::id_key(hash), row);
            }
        }
        let has_extras = !(span.status_message.is_empty() && span.trace_state.is_empty() && span.links.is_empty() && span.events.is_empty());
        if has_extras {
            self.put_extras(batch, span, row, memo);
        }
        let head = SpanHead {
            resource,
            name: self.vocabulary.always(text, span.name, memo),
            scope: self.vocabulary.always(text, span.scope, memo),
            shape: self.shapes.intern(self.seed, slots),
            flags: span.flags,
            sample_weight_bits: span.sample_weight.to_bits(),
            kind: span.kind,
            status: span.status,
            has_failed,
            truncated: span.truncated,
            has_extras,
        };
        let head = self.intern_head(head);
        self.head_of.push(head);
        self.trace_ids.push(span.trace_id.0);
        self.span_ids.push(span.span_id.0);
        self.parents.push(span.parent_span_id.0);
        self.starts.push(span.start_ns);
        self.ends.push(span.end_ns);
        self.ref_ends.push(self.refs.len() as u32);
        self.blob_ends.push(self.blob.len() as u32);
        self.index.add_row(span.trace_id.low());
        self.arrivals.add(row, &batch.header);
        row
    }

    #[inline]
    fn intern_head(&mut self, head: SpanHead) -> u16 {
        let hash = head.hash(self.seed);
        let Self { seed, heads, head_table, .. } = self;
        if let Some(known) = head_table.find(hash, |at| heads[*at as usize] == head) {
            return *known;
        }
        let at = heads.len() as u16;
        heads.push(head);
        head_table.insert_unique(hash, at, |at| heads[*at as usize].hash(*seed));
        at
    }

    #[cold]
    fn put_resource(&mut self, batch: &SpanBatch, at: u32, service_of: &dyn Fn(usize) -> u16, memo: &mut Memo, encoded: &mut Vec<u8>) -> u32 {
        let resource = batch.resources.get(at as usize).copied().unwrap_or_default();
        put_varint(encoded, u64::from(service_of(at as usize)));
        put_resource(&mut self.vocabulary, &batch.text, &resource, rows(&batch.attrs, resource.attrs), memo, encoded);
        self.resources.intern(encoded).0
    }

    /// The encoded resource of this number.
    pub(crate) fn resource(&self, number: u32) -> &[u8] {
        self.resources.get(number)
    }

    /// How many resources there are; number 0 is none.
    pub(crate) fn num_resources(&self) -> usize {
        self.resources.len()
    }

    fn put_extras(&mut self, batch: &SpanBatch, span: &SpanRow, row: usize, memo: &mut Memo) {
        let text = &batch.text;
        put_bytes(&mut self.blob, text.bytes(span.status_message));
        put_bytes(&mut self.blob, text.bytes(span.trace_state));
        let links = rows(&batch.links, span.links);
        put_varint(&mut self.blob, links.len() as u64);
        for link in links {
            self.blob.extend_from_slice(&link.trace_id.0.to_le_bytes());
            self.blob.extend_from_slice(&link.span_id.0.to_le_bytes());
            self.index.post(RowIndex::link_key(self.seed, link.trace_id.low()), row);
            let attrs = rows(&batch.attrs, link.attrs);
            self.vocabulary.put_all(text, attrs, memo, &mut self.blob);
            for attr in attrs {
                let key = self.vocabulary.key(text, attr.key, attr.known, memo);
                if self.vocabulary.known(key).correlates
                    && let Some(hash) = correlation_hash::hash_of_value(self.seed, attr.value, text)
                {
                    self.index.post(RowIndex::id_key(hash), row);
                }
            }
        }
        let events = rows(&batch.events, span.events);
        put_varint(&mut self.blob, events.len() as u64);
        for event in events {
            put_signed(&mut self.blob, event.time_ns.wrapping_sub(span.start_ns));
            let name = self.vocabulary.always(text, event.name, memo);
            put_varint(&mut self.blob, u64::from(name));
            self.vocabulary.put_all(text, rows(&batch.attrs, event.attrs), memo, &mut self.blob);
        }
    }

    /// The words of a row's attribute values.
    #[inline]
    pub(crate) fn refs_of(&self, row: usize) -> &[u16] {
        let start = if row == 0 { 0 } else { self.ref_ends[row - 1] };
        &self.refs[start as usize..self.ref_ends[row] as usize]
    }

    /// The row's part of the blob.
    #[inline]
    pub(crate) fn blob_of(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.blob_ends[row - 1] };
        &self.blob[start as usize..self.blob_ends[row] as usize]
    }

    /// `service.name` of spans with this head.
    pub(crate) fn service_name(&self, head: &SpanHead) -> &str {
        let mut cursor = Cursor::new(self.resource(head.resource));
        cursor.varint();
        text_of(self.vocabulary.words.get(cursor.varint() as u32))
    }

    /// The instance of spans with this head; empty = unknown.
    pub(crate) fn instance(&self, head: &SpanHead) -> &str {
        let mut cursor = Cursor::new(self.resource(head.resource));
        // The service's number; name, namespace, environment, version.
        (0..5).for_each(|_| _ = cursor.varint());
        text_of(self.vocabulary.words.get(cursor.varint() as u32))
    }

    /// Name of the operation of spans with this head.
    pub(crate) fn name(&self, head: &SpanHead) -> &str {
        text_of(self.vocabulary.words.get(head.name))
    }

    /// Spans that were cut at a limit.
    pub(crate) fn num_truncated(&self) -> u64 {
        if !self.heads.iter().any(|head| head.truncated) {
            return 0;
        }
        self.head_of.iter().filter(|head| self.heads[usize::from(**head)].truncated).count() as u64
    }

    /// Whether spans with this head have an attribute of this meaning.
    pub(crate) fn has_attribute(&self, head: &SpanHead, known: WellKnown) -> bool {
        self.shapes.get(head.shape).iter().any(|slot| self.vocabulary.known(slot_parts(*slot).0).known == known)
    }

    /// The shape and all else that a row shares with others.
    #[inline]
    pub(crate) fn head(&self, row: usize) -> &SpanHead {
        &self.heads[self.head_of[row] as usize]
    }

    /// Whether a stored span says the same as an arriving one in all but the time of arrival, the source, and how wide
    /// its trace id was written.
    #[cold]
    pub(crate) fn is_same(&self, row: usize, batch: &SpanBatch, span: &SpanRow) -> bool {
        let (text, head) = (&batch.text, self.head(row));
        if self.parents[row] != span.parent_span_id.0
            || self.starts[row] != span.start_ns
            || self.ends[row] != span.end_ns
            || (head.kind, head.status, head.flags, head.truncated) != (span.kind, span.status, span.flags, span.truncated)
            || head.sample_weight_bits != span.sample_weight.to_bits()
            || self.vocabulary.words.get(head.name) != text.bytes(span.name)
            || self.vocabulary.words.get(head.scope) != text.bytes(span.scope)
        {
            return false;
        }
        let attrs = rows(&batch.attrs, span.attrs);
        if self.shapes.get(head.shape).len() != attrs.len() {
            return false;
        }
        let mut stored = SpanRef::new(self, row).raw_attributes();
        for attr in attrs {
            let same = stored.next().is_some_and(|(key, value)| self.vocabulary.name(key) == text.bytes(attr.key) && value.is(attr.value, text));
            if !same {
                return false;
            }
        }
        let mut resource = Cursor::new(self.resource(head.resource));
        resource.varint();
        let arriving = batch.resources.get(span.resource as usize).copied().unwrap_or_default();
        if !is_resource(&self.vocabulary, &mut resource, text, &arriving, rows(&batch.attrs, arriving.attrs)) {
            return false;
        }
        let mut extras = stored.into_cursor();
        if !head.has_extras {
            return span.status_message.is_empty() && span.trace_state.is_empty() && span.links.is_empty() && span.events.is_empty();
        }
        self.are_extras(&mut extras, batch, span)
    }

    fn are_extras<'a>(&'a self, extras: &mut Cursor<'a>, batch: &SpanBatch, span: &SpanRow) -> bool {
        let text = &batch.text;
        let (links, events) = (rows(&batch.links, span.links), rows(&batch.events, span.events));
        extras.bytes() == text.bytes(span.status_message)
            && extras.bytes() == text.bytes(span.trace_state)
            && extras.varint() == links.len() as u64
            && links.iter().all(|link| {
                extras.fixed_u128() == link.trace_id.0
                    && extras.fixed_u64() == link.span_id.0
                    && self.vocabulary.are(extras, text, rows(&batch.attrs, link.attrs))
            })
            && extras.varint() == events.len() as u64
            && events.iter().all(|event| {
                extras.signed() == event.time_ns.wrapping_sub(span.start_ns)
                    && self.vocabulary.words.get(extras.varint() as u32) == text.bytes(event.name)
                    && self.vocabulary.are(extras, text, rows(&batch.attrs, event.attrs))
            })
    }
}

impl Segment for SpanSegment {
    fn num_rows(&self) -> usize {
        self.span_ids.len()
    }

    fn is_full(&self) -> bool {
        self.span_ids.len() >= self.limits.max_rows
            || self.blob.len() + self.refs.len() * 2 + self.shapes.slots.len() * 4 >= self.limits.max_blob_bytes
            || self.vocabulary.size_bytes() + self.resources.size_bytes() >= self.limits.max_blob_bytes
            || self.vocabulary.is_full()
    }

    fn size_bytes(&self) -> usize {
        let columns = self.trace_ids.capacity() * 16
            + (self.span_ids.capacity() + self.parents.capacity() + self.starts.capacity() + self.ends.capacity()) * 8
            + (self.head_of.capacity() + self.refs.capacity()) * 2
            + (self.ref_ends.capacity() + self.blob_ends.capacity()) * 4
            + self.blob.capacity();
        let shared = self.vocabulary.size_bytes()
            + self.resources.size_bytes()
            + self.shapes.size_bytes()
            + self.heads.capacity() * size_of::<SpanHead>()
            + self.head_table.allocation_size();
        size_of::<Self>() + columns + shared + self.index.size_bytes() + self.arrivals.size_bytes()
    }

    fn identity(&self, row: usize) -> u64 {
        Self::identity_of(self.seed, self.trace_ids[row] as u64, self.span_ids[row])
    }

    fn tallies(&self) -> &[Tally] {
        self.arrivals.tallies()
    }

    fn seal(&mut self) {
        self.index.seal(self.trace_ids.iter().map(|trace_id| *trace_id as u64));
        self.head_table = HashTable::new();
        self.shapes.table = HashTable::new();
        self.shapes.slots.shrink_to_fit();
        self.shapes.ends.shrink_to_fit();
        self.heads.shrink_to_fit();
        self.vocabulary.shrink();
        self.resources.shrink();
        self.arrivals.shrink();
        self.trace_ids.shrink_to_fit();
        for column in [&mut self.span_ids, &mut self.parents] {
            column.shrink_to_fit();
        }
        for column in [&mut self.starts, &mut self.ends] {
            column.shrink_to_fit();
        }
        for column in [&mut self.head_of, &mut self.refs] {
            column.shrink_to_fit();
        }
        for column in [&mut self.ref_ends, &mut self.blob_ends] {
            column.shrink_to_fit();
        }
        self.blob.shrink_to_fit();
    }

    fn successor(&self) -> Self {
        // As much as this one took, and a little more, so that an even stream never grows a column twice.
        let most = self.limits.max_blob_bytes;
        Self::with_room(self.seed, self.limits, (self.refs.len() / 16 * 17).min(most / 2), (self.blob.len() / 16 * 17).min(most))
    }
}

/// Encodes a resource; its values are words, so that equal resources are equal bytes.
pub(crate) fn put_resource(
    vocabulary: &mut Vocabulary,
    text: &TextArena,
    resource: &ResourceRow,
    attrs: &[switchboard_model::AttrRow],
    memo: &mut Memo,
    encoded: &mut Vec<u8>,
) {
    for name in [resource.service_name, resource.namespace, resource.environment, resource.version, resource.instance] {
        let word = vocabulary.always(text, name, memo);
        put_varint(encoded, u64::from(word));
    }
    encoded.push(resource.instance_source as u8);
    vocabulary.put_all(text, attrs, memo, encoded);
}

/// Whether an encoded resource is this one.
pub(crate) fn is_resource<'a>(
    vocabulary: &'a Vocabulary,
    cursor: &mut Cursor<'a>,
    text: &TextArena,
    resource: &ResourceRow,
    attrs: &[switchboard_model::AttrRow],
) -> bool {
    [resource.service_name, resource.namespace, resource.environment, resource.version, resource.instance]
        .iter()
        .all(|name| vocabulary.words.get(cursor.varint() as u32) == text.bytes(*name))
        && cursor.byte() == resource.instance_source as u8
        && vocabulary.are(cursor, text, attrs)
}

/// The source of an instance's identity from its stored byte.
pub(crate) fn instance_source(byte: u8) -> InstanceSource {
    [InstanceSource::InstanceId, InstanceSource::PodUid, InstanceSource::HostAndPid].get(byte as usize).copied().unwrap_or_default()
}

/// The form of a slot of a shape, and the key it belongs to.
#[inline]
pub(crate) fn slot_parts(slot: u32) -> (u32, Form) {
    (slot >> 4, Form::from_bits(slot))
}
