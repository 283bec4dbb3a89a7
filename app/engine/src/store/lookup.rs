//! Looks for one thing: a trace, a span, who links to it, a conversation, a record.

use std::collections::{HashMap, HashSet};

use switchboard_model::{CorrelationId, NO_TIME, SpanId, TraceId, WellKnown, believed_ns};

use super::correlation_hash::{hash_of_id, id_of};
use super::log_segment::{LogRef, LogSegment};
use super::memory::is_same_side;
use super::record_ref::RecordRef;
use super::row_index::RowIndex;
use super::span_ref::{SpanRef, StoredEvent};
use super::span_segment::SpanSegment;
use super::value::StoredAttr;
use super::{Store, StoredAt};
use crate::old_spans::failure_of;
use crate::view::{ConversationItem, EventView, LogView, RecordView, SpanLink, SpanView, TraceView};

impl Store {
    /// The span at this place; `None` once it was evicted.
    #[inline]
    pub fn span(&self, at: StoredAt) -> Option<SpanRef<'_>> {
        let segment = self.spans.segment(at.segment)?;
        (usize::from(at.row) < segment.span_ids.len()).then(|| SpanRef::new(segment, at.row.into()))
    }

    /// The record at this place; `None` once it was evicted.
    pub fn record(&self, at: StoredAt) -> Option<RecordRef<'_>> {
        use super::shelf::Segment;
        let segment = self.records.segment(at.segment)?;
        (usize::from(at.row) < segment.num_rows()).then(|| RecordRef::new(segment, at.row.into()))
    }

    /// The log record at this place; `None` once it was evicted.
    pub fn log(&self, at: StoredAt) -> Option<LogRef<'_>> {
        let segment = self.logs.segment(at.segment)?;
        (usize::from(at.row) < segment.trace_ids.len()).then(|| LogRef::new(segment, at.row.into()))
    }

    /// Calls back with each stored span of this identity, oldest arrival first: both halves of a shared span, and copies
    /// that collide. A 64-bit trace id matches the low half of a wide one. Costs the same however much is stored.
    pub fn each_span(&self, trace_id: TraceId, span_id: SpanId, mut found: impl FnMut(StoredAt, SpanRef<'_>)) {
        // The table gives no order; two halves are what there is at most, but for collisions.
        let mut few = [StoredAt::default(); 2];
        let mut num = 0;
        self.each_place(trace_id, span_id, |at| {
            if let Some(slot) = few.get_mut(num) {
                *slot = at;
            }
            num += 1;
        });
        let many;
        let places = if num <= few.len() {
            few[..num].sort_unstable();
            &few[..num]
        } else {
            many = self.find_span(trace_id, span_id);
            &many
        };
        for at in places {
            if let Some(span) = self.span(*at) {
                found(*at, span);
            }
        }
    }

    /// The stored spans of this identity, oldest arrival first; see [`Store::each_span`].
    pub fn find_span(&self, trace_id: TraceId, span_id: SpanId) -> Vec<StoredAt> {
        let mut places = Vec::new();
        self.each_place(trace_id, span_id, |at| places.push(at));
        places.sort_unstable();
        places
    }

    #[inline]
    fn each_place(&self, trace_id: TraceId, span_id: SpanId, mut found: impl FnMut(StoredAt)) {
        let hash = SpanSegment::identity_of(self.seed, trace_id.low(), span_id.0);
        self.spans.each_of(hash, |at, segment| {
            let row = usize::from(at.row);
            if segment.span_ids[row] == span_id.0 && TraceId(segment.trace_ids[row]).matches(trace_id) {
                found(at);
            }
            false
        });
    }

    /// The stored spans of a trace, oldest arrival first.
    pub fn spans_of_trace(&self, trace_id: TraceId) -> Vec<StoredAt> {
        let mut places = Vec::new();
        for (number, segment) in self.spans.segments() {
            let rows = segment.index.rows_of_trace(trace_id.low()).filter(|row| TraceId(segment.trace_ids[*row]).matches(trace_id));
            places.extend(rows.map(|row| StoredAt { segment: number, row: row as u16 }));
        }
        places.sort_unstable();
        places
    }

    /// The stored spans that link to this one, oldest arrival first.
    pub fn linked_by(&self, trace_id: TraceId, span_id: SpanId) -> Vec<StoredAt> {
        let mut places: Vec<StoredAt> = self.links_into(trace_id).into_iter().filter(|(target, _)| *target == span_id).map(|(_, at)| at).collect();
        places.dedup();
        places
    }

    /// The links that lead into a trace: the span linked to, and where the linking span is stored; oldest arrival first.
    pub fn links_into(&self, trace_id: TraceId) -> Vec<(SpanId, StoredAt)> {
        let key = RowIndex::link_key(self.seed, trace_id.low());
        let mut links = Vec::new();
        for (number, segment) in self.spans.segments() {
            for row in segment.index.rows_of_posting(key) {
                let at = StoredAt { segment: number, row: row as u16 };
                let targets = SpanRef::new(segment, row).extras().links;
                links.extend(targets.iter().filter(|link| link.trace_id.matches(trace_id)).map(|link| (link.span_id, at)));
            }
        }
        links
    }

    /// The stored records whose headers name a trace, oldest arrival first.
    pub fn records_of_trace(&self, trace_id: TraceId) -> Vec<StoredAt> {
        let mut places = Vec::new();
        for (number, segment) in self.records.segments() {
            for row in segment.index.rows_of_trace(trace_id.low()) {
                if RecordRef::new(segment, row).trace().is_some_and(|context| context.trace_id.matches(trace_id)) {
                    places.push(StoredAt { segment: number, row: row as u16 });
                }
            }
        }
        places.sort_unstable();
        places
    }

    /// The stored log records that name a trace, oldest arrival first.
    pub fn logs_of_trace(&self, trace_id: TraceId) -> Vec<StoredAt> {
        let mut places = Vec::new();
        for (number, segment) in self.logs.segments() {
            let rows = segment.index.rows_of_trace(trace_id.low()).filter(|row| TraceId(segment.trace_ids[*row]).matches(trace_id));
            places.extend(rows.map(|row| StoredAt { segment: number, row: row as u16 }));
        }
        places.sort_unstable();
        places
    }

    /// All that is stored of a trace, spans by start, the rest by time.
    pub fn trace(&self, trace_id: TraceId) -> TraceView {
        let mut view = TraceView {
            spans: self.span_views(&self.spans_of_trace(trace_id)),
            logs: self.logs_of_trace(trace_id).iter().filter_map(|at| self.log_view(*at)).collect(),
            records: self.records_of_trace(trace_id).iter().filter_map(|at| self.record_view(*at)).collect(),
        };
        view.spans.sort_by_key(|span| (span.start_ns, span.span_id));
        view.logs.sort_by_key(LogView::at_ns);
        view.records.sort_by_key(RecordView::at_ns);
        view
    }

    /// What carries an id, over traces and channels, and the traces of those, by time. At most `limit` items; those that
    /// carry the id themselves come before those of their traces when room is short.
    pub fn conversation(&self, id: &CorrelationId, limit: usize) -> Vec<ConversationItem> {
        let key = RowIndex::id_key(hash_of_id(self.seed, id));
        let mut found = Found { limit, ..Found::default() };
        for (number, segment) in self.spans.segments() {
            for row in segment.index.rows_of_posting(key).filter(|row| carries_id(SpanRef::new(segment, *row), id)) {
                found.span(StoredAt { segment: number, row: row as u16 }, TraceId(segment.trace_ids[row]));
            }
        }
        for (number, segment) in self.records.segments() {
            for row in segment.index.rows_of_posting(key) {
                let content = RecordRef::new(segment, row).content();
                if content.correlations.iter().any(|(_, other)| other.matches(id)) {
                    found.record(StoredAt { segment: number, row: row as u16 }, content.trace.map(|context| context.trace_id));
                }
            }
        }
        for (number, segment) in self.logs.segments() {
            for row in segment.index.rows_of_posting(key).filter(|row| log_carries_id(segment, *row, id)) {
                found.log(StoredAt { segment: number, row: row as u16 }, TraceId(segment.trace_ids[row]));
            }
        }
        for trace_id in std::mem::take(&mut found.traces) {
            if found.is_full() {
                break;
            }
            self.spans_of_trace(trace_id).into_iter().for_each(|at| found.span(at, trace_id));
            self.records_of_trace(trace_id).into_iter().for_each(|at| found.record(at, None));
            self.logs_of_trace(trace_id).into_iter().for_each(|at| found.log(at, trace_id));
        }
        let mut items: Vec<ConversationItem> = self.span_views(&found.spans).into_iter().map(ConversationItem::Span).collect();
        items.extend(found.records.iter().filter_map(|at| self.record_view(*at)).map(ConversationItem::Record));
        items.extend(found.logs.iter().filter_map(|at| self.log_view(*at)).map(ConversationItem::Log));
        items.sort_by_key(|item| match item {
            ConversationItem::Span(span) => believed_ns(span.start_ns, span.received_ns),
            ConversationItem::Record(record) => record.at_ns().unwrap_or(NO_TIME),
            ConversationItem::Log(log) => log.at_ns(),
        });
        items
    }

    /// Spans as views read them; those that were evicted are left out.
    pub fn span_views(&self, places: &[StoredAt]) -> Vec<SpanView> {
        // One look for the links into each trace serves all its spans.
        let mut links: HashMap<TraceId, HashMap<SpanId, Vec<SpanLink>>> = HashMap::new();
        let spans: Vec<SpanRef<'_>> = places.iter().filter_map(|at| self.span(*at)).collect();
        for span in &spans {
            links.entry(span.trace_id()).or_insert_with_key(|trace_id| {
                let mut by_target: HashMap<SpanId, Vec<SpanLink>> = HashMap::new();
                for (target, at) in self.links_into(*trace_id) {
                    let linking = self.span(at).map(|linking| SpanLink { trace_id: linking.trace_id(), span_id: linking.span_id() });
                    by_target.entry(target).or_default().extend(linking);
                }
                by_target
            });
        }
        let linked_by = |span: &SpanRef<'_>| links.get(&span.trace_id()).and_then(|by_target| by_target.get(&span.span_id())).cloned().unwrap_or_default();
        spans.iter().map(|span| self.span_view(*span, linked_by(span))).collect()
    }

    fn span_view(&self, span: SpanRef<'_>, mut linked_by: Vec<SpanLink>) -> SpanView {
        linked_by.dedup();
        let mut num_copies = 0;
        self.each_span(span.trace_id(), span.span_id(), |_, other| num_copies += usize::from(is_same_side(span.kind(), other.kind())));
        SpanView { linked_by, collision: num_copies > 1, ..bare_span_view(span) }
    }

    /// A record as views read it; `None` once it was evicted.
    pub fn record_view(&self, at: StoredAt) -> Option<RecordView> {
        self.record(at).map(|record| record_view(at, record))
    }

    /// A log record as views read it; `None` once it was evicted.
    pub fn log_view(&self, at: StoredAt) -> Option<LogView> {
        self.log(at).map(|log| log_view(at, log))
    }
}

/// A span as views read it, without what other spans tell of it.
pub(crate) fn bare_span_view(span: SpanRef<'_>) -> SpanView {
    let (resource, extras) = (span.resource(), span.extras());
    SpanView {
        trace_id: span.trace_id(),
        span_id: span.span_id(),
        parent_span_id: span.parent_span_id(),
        service: resource.service_name.to_owned(),
        instance: (!resource.instance.is_empty()).then(|| resource.instance.to_owned()),
        name: span.name().to_owned(),
        kind: span.kind(),
        status: span.status(),
        status_message: extras.status_message.to_owned(),
        failure: span.has_failed().then(|| failure_of(span)),
        version: (!resource.version.is_empty()).then(|| resource.version.to_owned()),
        scope: span.scope().to_owned(),
        start_ns: span.start_ns(),
        duration_ns: span.duration_ns(),
        attributes: texts_of(span.attributes()),
        normalised: span.attributes().filter(is_renamed).map(|attr| (attr.known.name().to_owned(), attr.value.to_text().into_owned())).collect(),
        events: extras.events.iter().map(event_view).collect(),
        received_ns: span.received_ns(),
        links: extras.links.iter().map(|link| SpanLink { trace_id: link.trace_id, span_id: link.span_id }).collect(),
        truncated: span.truncated(),
        ..SpanView::default()
    }
}

/// Names and values as text.
fn texts_of<'a>(attrs: impl IntoIterator<Item = StoredAttr<'a>>) -> Vec<(String, String)> {
    attrs.into_iter().map(|attr| (attr.name.to_owned(), attr.value.to_text().into_owned())).collect()
}

/// Whether an attribute's name is another today.
fn is_renamed(attr: &StoredAttr<'_>) -> bool {
    attr.known != WellKnown::Other && attr.known.name() != attr.name
}

fn event_view(event: &StoredEvent<'_>) -> EventView {
    EventView { time_ns: event.time_ns, name: event.name.to_owned(), attributes: texts_of(event.attributes.iter().copied()) }
}

/// A record as views read it.
pub(crate) fn record_view(at: StoredAt, record: RecordRef<'_>) -> RecordView {
    let content = record.content();
    RecordView {
        row: at.into(),
        at: record.message(),
        timestamp_ns: (record.timestamp_ns() != NO_TIME).then(|| record.timestamp_ns()),
        key: content.key.map(<[u8]>::to_vec),
        value: content.value.map(<[u8]>::to_vec),
        headers: content.headers.iter().map(|header| (header.name.to_owned(), header.value.map(<[u8]>::to_vec))).collect(),
        trace_id: content.trace.map(|context| context.trace_id),
        correlations: content.correlations.iter().map(|(name, id)| ((*name).to_owned(), id.to_string())).collect(),
        key_size_bytes: content.key_size_bytes,
        value_size_bytes: content.value_size_bytes,
        headers_readable: record.headers_readable(),
        redacted: record.redacted(),
        truncated: record.truncated(),
        raw_hash: record.raw_hash(),
        received_ns: record.received_ns(),
    }
}

/// A log record as views read it.
pub(crate) fn log_view(at: StoredAt, log: LogRef<'_>) -> LogView {
    let instance = log.instance();
    LogView {
        row: at.into(),
        time_ns: log.time_ns(),
        received_ns: log.received_ns(),
        severity: log.severity(),
        service: log.service_name().to_owned(),
        instance: (!instance.is_empty()).then(|| instance.to_owned()),
        attributes: texts_of(log.attributes()),
        body: log.body().to_text().into_owned(),
        trace_id: log.trace_id(),
        span_id: log.span_id(),
    }
}

/// Places of a conversation, each once, up to a limit.
#[derive(Default)]
struct Found {
    limit: usize,
    seen: HashSet<(u8, StoredAt)>,
    seen_traces: HashSet<TraceId>,
    spans: Vec<StoredAt>,
    records: Vec<StoredAt>,
    logs: Vec<StoredAt>,
    traces: Vec<TraceId>,
}

impl Found {
    fn is_full(&self) -> bool {
        self.spans.len() + self.records.len() + self.logs.len() >= self.limit
    }

    fn takes(&mut self, kind: u8, at: StoredAt, trace_id: Option<TraceId>) -> bool {
        if self.is_full() || !self.seen.insert((kind, at)) {
            return false;
        }
        if let Some(trace_id) = trace_id.filter(|trace_id| trace_id.0 != 0)
            && self.seen_traces.insert(trace_id)
        {
            self.traces.push(trace_id);
        }
        true
    }

    fn span(&mut self, at: StoredAt, trace_id: TraceId) {
        if self.takes(0, at, Some(trace_id)) {
            self.spans.push(at);
        }
    }

    fn record(&mut self, at: StoredAt, trace_id: Option<TraceId>) {
        if self.takes(1, at, trace_id) {
            self.records.push(at);
        }
    }

    fn log(&mut self, at: StoredAt, trace_id: TraceId) {
        if self.takes(2, at, Some(trace_id)) {
            self.logs.push(at);
        }
    }
}

/// Whether an attribute of a span or of a link of it is this id.
pub(crate) fn carries_id(span: SpanRef<'_>, id: &CorrelationId) -> bool {
    span.correlation_values().any(|value| id_of(value).is_some_and(|other| other.matches(id)))
}

/// Whether an attribute of a log record is this id.
pub(crate) fn log_carries_id(segment: &LogSegment, row: usize, id: &CorrelationId) -> bool {
    LogRef::new(segment, row).correlation_values().any(|value| id_of(value).is_some_and(|other| other.matches(id)))
}
