//! What was found, row by row.

use switchboard_model::{CorrelationId, NO_TIME, Place, PlaceRef, TraceId, WellKnown, WrittenPlace, believed_ns};

use super::sought::Sought;
use crate::store::{
    LogRef, LogSegment, RecordRef, RecordSegment, RowIndex, Seed, Segment, SpanRef, SpanSegment, StoredAt, StoredValue, carries_id, each_text, hash_of_id,
    id_of, log_carries_id,
};
use crate::view::FindHit;

/// A span that contains what is looked for.
pub(crate) fn span(segment: &SpanSegment, at: StoredAt, sought: &Sought) -> Option<FindHit> {
    let span = SpanRef::new(segment, at.row.into());
    if sought.span_id == Some(span.span_id()) {
        return Some(span_hit(span, "span id", span.span_id().to_string()));
    }
    let mut hit = None;
    each_text(span, |field, value| {
        hit = sought.excerpt_of(value).map(|excerpt| span_hit(span, field, excerpt));
        hit.is_some()
    });
    hit
}

/// A record that contains what is looked for: in its key, a header's value, its payload.
pub(crate) fn record(segment: &RecordSegment, at: StoredAt, sought: &Sought) -> Option<FindHit> {
    let record = RecordRef::new(segment, at.row.into());
    let content = record.content();
    let of = |field: &str, value: Option<&[u8]>| Some((field.to_owned(), sought.excerpt_of_bytes(value?)?));
    let in_headers = || content.headers.iter().find_map(|header| of(header.name, header.value));
    let (field, excerpt) = of("key", content.key).or_else(in_headers).or_else(|| of("payload", content.value))?;
    Some(record_hit(at, record, field, excerpt))
}

/// A log record that contains what is looked for: in its body or an attribute.
pub(crate) fn log(segment: &LogSegment, at: StoredAt, sought: &Sought) -> Option<FindHit> {
    let log = LogRef::new(segment, at.row.into());
    let in_attributes = || log.attributes().iter().find_map(|attr| Some(format!("{} = {}", attr.name, sought.excerpt_of(attr.value)?)));
    let excerpt = sought.excerpt_of(log.body()).or_else(in_attributes)?;
    Some(log_hit(at, log, excerpt))
}

fn span_hit(span: SpanRef<'_>, field: &str, excerpt: String) -> FindHit {
    FindHit::Span {
        trace_id: span.trace_id(),
        span_id: span.span_id(),
        service: span.service_name().to_owned(),
        name: span.name().to_owned(),
        at_ns: believed_ns(span.start_ns(), span.received_ns()),
        field: field.to_owned(),
        excerpt,
    }
}

fn record_hit(at: StoredAt, record: RecordRef<'_>, field: String, excerpt: String) -> FindHit {
    FindHit::Record {
        row: at.into(),
        at: record.message(),
        at_ns: (record.timestamp_ns() != NO_TIME).then(|| believed_ns(record.timestamp_ns(), record.received_ns())),
        field,
        excerpt,
        trace_id: record.trace().map(|context| context.trace_id),
    }
}

fn log_hit(at: StoredAt, log: LogRef<'_>, excerpt: String) -> FindHit {
    let at_ns = believed_ns(log.time_ns(), log.received_ns());
    FindHit::Log { row: at.into(), service: log.service_name().to_owned(), at_ns, excerpt, trace_id: log.trace_id() }
}

/// Records that lie at a place, newest first.
pub(crate) fn records_at(sought: &WrittenPlace, segment: &RecordSegment, number: u32, mut found: impl FnMut(StoredAt, &dyn Fn() -> FindHit)) {
    for row in (0..segment.num_rows()).rev() {
        let record = RecordRef::new(segment, row);
        if record.place() == PlaceRef::from(&sought.place) && sought.is_on(|| record.channel().into()) {
            let at = StoredAt { segment: number, row: row as u16 };
            let excerpt = sought.place.to_string();
            found(at, &|| record_hit(at, record, "lies at".to_owned(), excerpt.clone()));
        }
    }
}

/// Spans that name the message at a place, newest first. They name it by partition and offset alone.
pub(crate) fn spans_at(sought: &WrittenPlace, segment: &SpanSegment, number: u32, mut found: impl FnMut(StoredAt, &dyn Fn() -> FindHit)) {
    let Place::Offset { partition, offset } = sought.place else { return };
    let names_offset: Vec<bool> = segment.heads.iter().map(|head| segment.has_attribute(head, WellKnown::MessagingKafkaOffset)).collect();
    for row in (0..segment.num_rows()).rev().filter(|row| names_offset[segment.head_of[*row] as usize]) {
        let span = SpanRef::new(segment, row);
        let is_number = |known, number: i64| span.attribute(known).and_then(StoredValue::to_i64) == Some(number);
        let channel = || span.attribute(WellKnown::MessagingDestination).map(StoredValue::to_text).unwrap_or_default();
        let is_there = is_number(WellKnown::MessagingKafkaOffset, offset) && is_number(WellKnown::MessagingPartition, partition.into());
        if is_there && sought.is_on(channel) {
            let at = StoredAt { segment: number, row: row as u16 };
            found(at, &|| span_hit(span, "message", sought.place.on(&channel()).to_string()));
        }
    }
}

/// What the indexes of traces and of correlation ids find.
pub(crate) struct Indexed<'a> {
    pub(crate) sought: &'a Sought,
    pub(crate) seed: Seed,
}

impl Indexed<'_> {
    /// Whether there is an id to look for.
    pub(crate) fn is_any(&self) -> bool {
        self.sought.trace_id.is_some() || self.sought.correlation.is_some()
    }

    fn posting(&self) -> Option<(u32, &CorrelationId)> {
        self.sought.correlation.as_ref().map(|id| (RowIndex::id_key(hash_of_id(self.seed, id)), id))
    }

    fn rows(&self, index: &RowIndex, is_of_trace: impl Fn(usize, TraceId) -> bool, carries: impl Fn(usize, &CorrelationId) -> bool) -> Vec<(usize, bool)> {
        let mut rows = Vec::new();
        if let Some(trace_id) = self.sought.trace_id {
            rows.extend(index.rows_of_trace(trace_id.low()).filter(|row| is_of_trace(*row, trace_id)).map(|row| (row, true)));
        }
        if let Some((key, id)) = self.posting() {
            rows.extend(index.rows_of_posting(key).filter(|row| carries(*row, id)).map(|row| (row, false)));
        }
        rows.sort_unstable_by(|a, b| b.cmp(a));
        rows
    }

    /// Spans of the trace, and those that carry the id; newest first.
    pub(crate) fn spans(&self, segment: &SpanSegment, number: u32, mut found: impl FnMut(StoredAt, &dyn Fn() -> FindHit)) {
        let is_of_trace = |row: usize, trace_id| TraceId(segment.trace_ids[row]).matches(trace_id);
        for (row, is_trace) in self.rows(&segment.index, is_of_trace, |row, id| carries_id(SpanRef::new(segment, row), id)) {
            let span = SpanRef::new(segment, row);
            found(StoredAt { segment: number, row: row as u16 }, &|| {
                if is_trace {
                    return span_hit(span, "trace id", span.trace_id().to_string());
                }
                let attr = span.attributes().find(|attr| self.is_id(id_of(attr.value)));
                let (field, excerpt) = attr.map_or_else(|| ("link", self.id_text()), |attr| (attr.name, attr.value.to_text().into_owned()));
                span_hit(span, field, excerpt)
            });
        }
    }

    /// Records of the trace, and those that carry the id; newest first.
    pub(crate) fn records(&self, segment: &RecordSegment, number: u32, mut found: impl FnMut(StoredAt, &dyn Fn() -> FindHit)) {
        let record = |row: usize| RecordRef::new(segment, row);
        let is_of_trace = |row: usize, trace_id| record(row).trace().is_some_and(|context| context.trace_id.matches(trace_id));
        let carries = |row: usize, id: &CorrelationId| record(row).content().correlations.iter().any(|(_, other)| other.matches(id));
        for (row, is_trace) in self.rows(&segment.index, is_of_trace, carries) {
            let at = StoredAt { segment: number, row: row as u16 };
            found(at, &|| {
                let record = record(row);
                if is_trace {
                    let trace_id = record.trace().map(|context| context.trace_id.to_string()).unwrap_or_default();
                    return record_hit(at, record, "trace id".to_owned(), trace_id);
                }
                let content = record.content();
                let name = content.correlations.iter().find(|(_, id)| self.is_id(Some(id.clone()))).map_or("correlation id", |(name, _)| *name);
                record_hit(at, record, name.to_owned(), self.id_text())
            });
        }
    }

    /// Log records of the trace, and those that carry the id; newest first.
    pub(crate) fn logs(&self, segment: &LogSegment, number: u32, mut found: impl FnMut(StoredAt, &dyn Fn() -> FindHit)) {
        let is_of_trace = |row: usize, trace_id| TraceId(segment.trace_ids[row]).matches(trace_id);
        for (row, _) in self.rows(&segment.index, is_of_trace, |row, id| log_carries_id(segment, row, id)) {
            let at = StoredAt { segment: number, row: row as u16 };
            let log = LogRef::new(segment, row);
            found(at, &|| log_hit(at, log, log.body().to_text().chars().take(100).collect()));
        }
    }

    fn is_id(&self, other: Option<CorrelationId>) -> bool {
        matches!((&self.sought.correlation, other), (Some(id), Some(other)) if other.matches(id))
    }

    fn id_text(&self) -> String {
        self.sought.correlation.as_ref().map(CorrelationId::to_string).unwrap_or_default()
    }
}
