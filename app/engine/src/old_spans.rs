//! Spans that are stored but no longer among those that arrived last, read again for a partner that comes late.

use switchboard_model::{AttrRow, Attrs, BatchHeader, SpanBatch, SpanKind, SpanRow, Str, TextArena, Value, WellKnown};

use crate::extract::Extractor;
use crate::figures::SpanKey;
use crate::flow::{FlowNames, OldSpan, Older};
use crate::intern::ServiceId;
use crate::store::{SpanRef, Store, StoredValue};

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
        let mut batch = SpanBatch { header: BatchHeader { received_ns: span.received_ns(), ..BatchHeader::default() }, ..SpanBatch::default() };
        let SpanBatch { text, attrs, .. } = &mut batch;
        for attr in span.attributes() {
            let key = text.push(attr.name.as_bytes());
            let value = value(attr.value, text);
            attrs.push(AttrRow::new(key, WellKnown::trusted(attr.name), value));
        }
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
        let facts = self.extractor.read_again(&batch, ServiceId(span.service()), names);
        OldSpan { facts, start_ns: span.start_ns(), end_ns: span.end_ns() }
    }
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
