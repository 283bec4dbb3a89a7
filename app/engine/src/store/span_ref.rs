//! A stored span, read in place.

use switchboard_model::{InstanceSource, SourceId, SpanId, SpanKind, SpanStatus, TraceId, WellKnown};

use super::blob::Cursor;
use super::span_segment::{SpanSegment, instance_source, slot_parts};
use super::value::{StoredAttr, StoredValue, text_of};
use super::vocabulary::{Vocabulary, correlates};

/// A stored span. Nothing is copied out until it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct SpanRef<'a> {
    segment: &'a SpanSegment,
    row: usize,
}

/// What sent a span or log, read from its segment.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredResource<'a> {
    /// The number that the engine gave the service when the span was stored.
    pub service: u16,
    /// `service.name`; empty if none was sent.
    pub service_name: &'a str,
    /// `service.namespace`; empty = unknown.
    pub namespace: &'a str,
    /// Deployment environment; empty = the source's own.
    pub environment: &'a str,
    /// `service.version`; empty = unknown.
    pub version: &'a str,
    /// The instance; empty = unknown.
    pub instance: &'a str,
    /// Where `instance` was read from.
    pub instance_source: InstanceSource,
    /// All attributes.
    pub attributes: Vec<StoredAttr<'a>>,
}

/// A link of a stored span.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredLink<'a> {
    /// Trace of the linked span.
    pub trace_id: TraceId,
    /// The linked span.
    pub span_id: SpanId,
    /// Attributes of the link.
    pub attributes: Vec<StoredAttr<'a>>,
}

/// An event of a stored span.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvent<'a> {
    /// When, ns since the Unix epoch.
    pub time_ns: i64,
    /// Its name.
    pub name: &'a str,
    /// Its attributes.
    pub attributes: Vec<StoredAttr<'a>>,
}

/// What stands behind a span's attributes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredExtras<'a> {
    /// Text with the status.
    pub status_message: &'a str,
    /// W3C tracestate.
    pub trace_state: &'a str,
    /// Links, in their order.
    pub links: Vec<StoredLink<'a>>,
    /// Events, in their order.
    pub events: Vec<StoredEvent<'a>>,
}

impl<'a> SpanRef<'a> {
    #[inline]
    pub(crate) fn new(segment: &'a SpanSegment, row: usize) -> Self {
        Self { segment, row }
    }

    /// Its trace.
    #[inline]
    pub fn trace_id(self) -> TraceId {
        TraceId(self.segment.trace_ids[self.row])
    }

    /// Its id.
    #[inline]
    pub fn span_id(self) -> SpanId {
        SpanId(self.segment.span_ids[self.row])
    }

    /// Its parent, or [`SpanId::NONE`].
    #[inline]
    pub fn parent_span_id(self) -> SpanId {
        SpanId(self.segment.parents[self.row])
    }

    /// Start, ns since the Unix epoch.
    #[inline]
    pub fn start_ns(self) -> i64 {
        self.segment.starts[self.row]
    }

    /// End, ns since the Unix epoch.
    #[inline]
    pub fn end_ns(self) -> i64 {
        self.segment.ends[self.row]
    }

    /// End − start, ns; negative if the sender says so, at the ends of its range where it does not fit.
    pub fn duration_ns(self) -> i64 {
        self.end_ns().saturating_sub(self.start_ns())
    }

    /// Kind as sent.
    #[inline]
    pub fn kind(self) -> SpanKind {
        self.segment.head(self.row).kind
    }

    /// Status as sent.
    #[inline]
    pub fn status(self) -> SpanStatus {
        self.segment.head(self.row).status
    }

    /// Whether all that it says of its end, weighed together, comes to a failure.
    #[inline]
    pub fn has_failed(self) -> bool {
        self.segment.head(self.row).has_failed
    }

    /// OTLP flags.
    pub fn flags(self) -> u32 {
        self.segment.head(self.row).flags
    }

    /// How many real spans this one stands for.
    pub fn sample_weight(self) -> f32 {
        f32::from_bits(self.segment.head(self.row).sample_weight_bits)
    }

    /// Whether it was cut at a limit.
    pub fn truncated(self) -> bool {
        self.segment.head(self.row).truncated
    }

    /// Name of the operation.
    pub fn name(self) -> &'a str {
        text_of(self.segment.vocabulary.words.get(self.segment.head(self.row).name))
    }

    /// Name of the instrumentation scope.
    pub fn scope(self) -> &'a str {
        text_of(self.segment.vocabulary.words.get(self.segment.head(self.row).scope))
    }

    /// The number that the engine gave its service when the span was stored.
    #[inline]
    pub fn service(self) -> u16 {
        Cursor::new(self.segment.resource(self.segment.head(self.row).resource)).varint() as u16
    }

    /// `service.name`; empty if none was sent.
    pub fn service_name(self) -> &'a str {
        let mut cursor = Cursor::new(self.segment.resource(self.segment.head(self.row).resource));
        cursor.varint();
        text_of(self.segment.vocabulary.words.get(cursor.varint() as u32))
    }

    /// What sent it.
    pub fn resource(self) -> StoredResource<'a> {
        let words = &self.segment.vocabulary.words;
        let mut cursor = Cursor::new(self.segment.resource(self.segment.head(self.row).resource));
        let service = cursor.varint() as u16;
        let [service_name, namespace, environment, version, instance] = std::array::from_fn(|_| text_of(words.get(cursor.varint() as u32)));
        let instance_source = instance_source(cursor.byte());
        let attributes = self.segment.vocabulary.read_all(&mut cursor);
        StoredResource { service, service_name, namespace, environment, version, instance, instance_source, attributes }
    }

    /// The source it came from.
    pub fn source(self) -> SourceId {
        self.segment.arrivals.of(self.row).0
    }

    /// When it arrived, ns since the Unix epoch.
    pub fn received_ns(self) -> i64 {
        self.segment.arrivals.of(self.row).1
    }

    /// Its attributes, in their order.
    pub fn attributes(self) -> impl Iterator<Item = StoredAttr<'a>> {
        self.raw_attributes().map(move |(key, value)| self.segment.vocabulary.attr(key, value))
    }

    /// The first attribute of this meaning.
    pub fn attribute(self, known: WellKnown) -> Option<StoredValue<'a>> {
        self.raw_attributes().find(|(key, _)| self.segment.vocabulary.known(*key).known == known).map(|(_, value)| value)
    }

    /// The first attribute of each of these meanings, all in one pass.
    pub(crate) fn first_of<const NUM: usize>(self, known: [WellKnown; NUM]) -> [Option<StoredValue<'a>>; NUM] {
        let mut found = [const { None }; NUM];
        for (key, value) in self.raw_attributes() {
            let meaning = self.segment.vocabulary.known(key).known;
            if let Some(at) = known.iter().position(|known| *known == meaning) {
                found[at].get_or_insert(value);
            }
        }
        found
    }

    /// Attributes by the segment's keys.
    #[inline]
    pub(crate) fn raw_attributes(self) -> RawAttributes<'a> {
        RawAttributes {
            segment: self.segment,
            slots: self.segment.shapes.get(self.segment.head(self.row).shape).iter(),
            refs: self.segment.refs_of(self.row).iter(),
            cursor: Cursor::new(self.segment.blob_of(self.row)),
        }
    }

    /// Status message, tracestate, links and events.
    pub fn extras(self) -> StoredExtras<'a> {
        if !self.segment.head(self.row).has_extras {
            return StoredExtras::default();
        }
        let vocabulary = &self.segment.vocabulary;
        let mut cursor = self.raw_attributes().into_cursor();
        let status_message = text_of(cursor.bytes());
        let trace_state = text_of(cursor.bytes());
        let num_links = cursor.varint();
        let links = (0..num_links)
            .map(|_| StoredLink { trace_id: TraceId(cursor.fixed_u128()), span_id: SpanId(cursor.fixed_u64()), attributes: vocabulary.read_all(&mut cursor) })
            .collect();
        let num_events = cursor.varint();
        let events = (0..num_events)
            .map(|_| StoredEvent {
                time_ns: self.start_ns().wrapping_add(cursor.signed()),
                name: text_of(vocabulary.words.get(cursor.varint() as u32)),
                attributes: vocabulary.read_all(&mut cursor),
            })
            .collect();
        StoredExtras { status_message, trace_state, links, events }
    }

    /// Whether a word for which this holds stands among its events, or among attributes of those or of its links.
    pub(crate) fn extras_refer(self, holds: impl Fn(u32) -> bool) -> bool {
        if !self.segment.head(self.row).has_extras {
            return false;
        }
        let mut cursor = self.raw_attributes().into_cursor();
        cursor.bytes();
        cursor.bytes();
        let any_attr = |cursor: &mut Cursor<'a>| {
            let num_attrs = cursor.varint();
            (0..num_attrs).any(|_| Vocabulary::word_inline(cursor).is_some_and(&holds))
        };
        let num_links = cursor.varint();
        for _ in 0..num_links {
            cursor.take(24);
            if any_attr(&mut cursor) {
                return true;
            }
        }
        let num_events = cursor.varint();
        (0..num_events).any(|_| {
            cursor.signed();
            holds(cursor.varint() as u32) || any_attr(&mut cursor)
        })
    }

    /// Values of attributes and link attributes that are correlation ids.
    pub(crate) fn correlation_values(self) -> impl Iterator<Item = StoredValue<'a>> {
        let vocabulary = &self.segment.vocabulary;
        let own = self.raw_attributes().filter(|(key, _)| vocabulary.known(*key).correlates).map(|(_, value)| value);
        let of_links = self.extras().links.into_iter().flat_map(|link| link.attributes);
        own.chain(of_links.filter(|attr| correlates(attr.name, attr.known)).map(|attr| attr.value))
    }
}

/// Attributes of a span by the segment's keys, in their order.
pub(crate) struct RawAttributes<'a> {
    segment: &'a SpanSegment,
    slots: std::slice::Iter<'a, u32>,
    refs: std::slice::Iter<'a, u16>,
    cursor: Cursor<'a>,
}

impl<'a> RawAttributes<'a> {
    /// What is behind the attributes.
    pub(crate) fn into_cursor(mut self) -> Cursor<'a> {
        self.by_ref().for_each(drop);
        self.cursor
    }
}

impl<'a> Iterator for RawAttributes<'a> {
    type Item = (u32, StoredValue<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (key, form) = slot_parts(*self.slots.next()?);
        let refs = &mut self.refs;
        let value = self.segment.vocabulary.read(form, &mut self.cursor, |_| refs.next().copied().map_or(0, u32::from));
        Some((key, value))
    }
}
