//! Spans that are stored but no longer among those that arrived last, read again for a partner that comes late.

use switchboard_model::{AttrRow, Attrs, BatchHeader, EventRow, SpanBatch, SpanKind, SpanRow, Str, TextArena, Value, WellKnown};

use crate::extract::Extractor;
use crate::figures::SpanKey;
use crate::flow::{OldSpan, Older};
use crate::names::{FlowNames, ServiceId};
use crate::store::{SpanRef, Store, StoredAttr, StoredValue};

/// Reads stored spans as if they arrived again.
#[derive(Debug)]
pub(crate) struct OldSpanReader {
    extractor: Extractor,
}

impl OldSpanReader {
    /// Reads nothing yet.
    pub(crate) fn new() -> Self {
        Self { extractor: Extractor::new() }
    }

    fn read(&mut self, span: SpanRef<'_>, names: &mut FlowNames) -> OldSpan {
        let batch = batch_of(span);
        // Its service may have left since, and its number be another's.
        let service = ServiceId(span.service());
        let service = if names.is_called(service, span.service_name()) { service } else { ServiceId::OTHER };
        let facts = self.extractor.read_again(&batch, service, names);
        OldSpan { facts, start_ns: span.start_ns(), end_ns: span.end_ns() }
    }
}

/// Operations of the names that one span is read with.
const FEW: usize = 16;

/// What said that a stored span failed.
pub(crate) fn failure_of(span: SpanRef<'_>) -> String {
    let mut batch = batch_of(span);
    let extras = span.extras();
    let SpanBatch { text, attrs, events, spans, .. } = &mut batch;
    for event in extras.events {
        let start = attrs.len() as u32;
        put_attrs(event.attributes, text, attrs);
        events.push(EventRow { time_ns: event.time_ns, name: text.push(event.name.as_bytes()), attrs: Attrs { start, end: attrs.len() as u32 } });
    }
    spans[0].events = Attrs { start: 0, end: events.len() as u32 };
    spans[0].status_message = text.push(extras.status_message.as_bytes());
    let mut names = FlowNames::new(FEW);
    let facts = Extractor::new().read_again(&batch, ServiceId::NONE, &mut names);
    let told = names.status_name(facts.status);
    if facts.error && !told.is_empty() { told.into_owned() } else { "failed".to_owned() }
}

fn put_attrs<'a>(stored: impl IntoIterator<Item = StoredAttr<'a>>, text: &mut TextArena, attrs: &mut Vec<AttrRow>) {
    for attr in stored {
        let key = text.push(attr.name.as_bytes());
        let value = value(attr.value, text);
        attrs.push(AttrRow::new(key, WellKnown::trusted(attr.name), value));
    }
}

/// A stored span, without events, links and the text of its status, as if it arrived again.
fn batch_of(span: SpanRef<'_>) -> SpanBatch {
    let mut batch = SpanBatch { header: BatchHeader { received_ns: span.received_ns(), ..BatchHeader::default() }, ..SpanBatch::default() };
    let SpanBatch { text, attrs, .. } = &mut batch;
    put_attrs(span.attributes(), text, attrs);
    let row = SpanRow {
        trace_id: span.trace_id(),
        span_id: span.span_id(),
        parent_span_id: span.parent_span_id(),
        start_ns: span.start_ns(),
        end_ns: span.end_ns(),
        name: text.push(span.name().as_bytes()),
        kind: span.kind(),
        status: span.status(),
        status_message: Str::EMPTY,
        trace_state: Str::EMPTY,
        flags: span.flags(),
        scope: Str::EMPTY,
        resource: 0,
        attrs: Attrs { start: 0, end: attrs.len() as u32 },
        links: Attrs::default(),
        events: Attrs::default(),
        sample_weight: span.sample_weight(),
        truncated: span.truncated(),
    };
    batch.spans.push(row);
    batch
}

fn value(stored: StoredValue<'_>, text: &mut TextArena) -> Value {
    match stored {
        StoredValue::Str(bytes) => Value::Str(text.push(bytes)),
        StoredValue::Bytes(bytes) => Value::Bytes(text.push(bytes)),
        StoredValue::List(bytes) => Value::List(text.push(bytes)),
        StoredValue::I64(number) => Value::I64(number),
        StoredValue::F64(number) => Value::F64(number),
        StoredValue::Bool(truth) => Value::Bool(truth),
    }
}

/// The store, as joining sees it.
pub(crate) struct StoredSpans<'a> {
    /// Where the spans are.
    pub(crate) store: &'a Store,
    /// Reads them.
    pub(crate) reader: &'a mut OldSpanReader,
}

impl Older for StoredSpans<'_> {
    fn find(&mut self, key: SpanKey, names: &mut FlowNames) -> Option<OldSpan> {
        let mut found = None;
        let mut is_inner = false;
        for at in self.store.find_span(key.trace_id, key.span_id) {
            let Some(span) = self.store.span(at) else { continue };
            // Of a shared span the answering side works on; of several of a side the first counts.
            let answers = matches!(span.kind(), SpanKind::Server | SpanKind::Consumer);
            if found.is_none() || (answers && !is_inner) {
                (found, is_inner) = (Some(at), answers);
            }
        }
        let span = self.store.span(found?)?;
        Some(self.reader.read(span, names))
    }
}
