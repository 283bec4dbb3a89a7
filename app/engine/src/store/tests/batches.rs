//! Batches from plain descriptions.

use std::collections::HashMap;

use switchboard_model::{
    AttrRow, Attrs, BatchHeader, EventRow, InstanceSource, LinkRow, LogBatch, LogRow, ResourceRow, SourceId, SpanBatch, SpanId, SpanKind, SpanRow, SpanStatus,
    Str, TextArena, TraceId, Value, WellKnown,
};

use crate::store::{SpanRef, StoredAttr, StoredValue};

/// A value; doubles are equal bit by bit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Val {
    Str(String),
    I64(i64),
    F64(u64),
    Bool(bool),
    Bytes(Vec<u8>),
    List(String),
}

impl Val {
    pub(crate) fn str(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

pub(crate) type Pairs = Vec<(String, Val)>;

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Resource {
    pub(crate) service: String,
    pub(crate) instance: String,
    pub(crate) attrs: Pairs,
}

#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_field_names, reason = "the field's own word")]
pub(crate) struct Span {
    pub(crate) trace_id: u128,
    pub(crate) span_id: u64,
    pub(crate) parent: u64,
    pub(crate) start_ns: i64,
    pub(crate) end_ns: i64,
    pub(crate) name: String,
    pub(crate) kind: SpanKind,
    pub(crate) status: SpanStatus,
    pub(crate) status_message: String,
    pub(crate) trace_state: String,
    pub(crate) flags: u32,
    pub(crate) scope: String,
    pub(crate) resource: Resource,
    pub(crate) attrs: Pairs,
    pub(crate) links: Vec<(u128, u64, Pairs)>,
    pub(crate) events: Vec<(i64, String, Pairs)>,
    pub(crate) sample_weight: f32,
    pub(crate) truncated: bool,
}

impl Default for Span {
    fn default() -> Self {
        Self {
            trace_id: 1,
            span_id: 1,
            parent: 0,
            start_ns: 0,
            end_ns: 0,
            name: String::new(),
            kind: SpanKind::Internal,
            status: SpanStatus::Unset,
            status_message: String::new(),
            trace_state: String::new(),
            flags: 0,
            scope: String::new(),
            resource: Resource::default(),
            attrs: Vec::new(),
            links: Vec::new(),
            events: Vec::new(),
            sample_weight: 1.0,
            truncated: false,
        }
    }
}

/// Interns as a collector does.
#[derive(Default)]
pub(crate) struct Texts {
    pub(crate) arena: TextArena,
    known: HashMap<Vec<u8>, Str>,
}

impl Texts {
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Str {
        if let Some(at) = self.known.get(bytes) {
            return *at;
        }
        let at = self.arena.push(bytes);
        self.known.insert(bytes.to_vec(), at);
        at
    }

    pub(crate) fn value(&mut self, value: &Val) -> Value {
        match value {
            Val::Str(text) => Value::Str(self.put(text.as_bytes())),
            Val::I64(number) => Value::I64(*number),
            Val::F64(bits) => Value::F64(f64::from_bits(*bits)),
            Val::Bool(truth) => Value::Bool(*truth),
            Val::Bytes(bytes) => Value::Bytes(self.put(bytes)),
            Val::List(text) => Value::List(self.put(text.as_bytes())),
        }
    }

    pub(crate) fn attrs(&mut self, pairs: &Pairs, attrs: &mut Vec<AttrRow>) -> Attrs {
        let start = attrs.len() as u32;
        for (key, value) in pairs {
            let row = AttrRow::new(self.put(key.as_bytes()), WellKnown::trusted(key), self.value(value));
            attrs.push(row);
        }
        Attrs { start, end: attrs.len() as u32 }
    }

    fn resource(&mut self, resource: &Resource, rows: &mut Vec<ResourceRow>, attrs: &mut Vec<AttrRow>, known: &mut Vec<Resource>) -> u32 {
        if let Some(at) = known.iter().position(|other| other == resource) {
            return at as u32;
        }
        known.push(resource.clone());
        let row = ResourceRow {
            service_name: self.put(resource.service.as_bytes()),
            instance: self.put(resource.instance.as_bytes()),
            instance_source: if resource.instance.is_empty() { InstanceSource::Unknown } else { InstanceSource::PodUid },
            attrs: self.attrs(&resource.attrs, attrs),
            ..ResourceRow::default()
        };
        rows.push(row);
        rows.len() as u32 - 1
    }
}

pub(crate) fn header(source: u32, received_ns: i64) -> BatchHeader {
    BatchHeader { source: SourceId(source), received_ns, ..BatchHeader::default() }
}

pub(crate) fn span_batch(header: BatchHeader, spans: &[Span]) -> SpanBatch {
    let mut texts = Texts::default();
    let mut batch = SpanBatch { header, ..SpanBatch::default() };
    let mut resources = Vec::new();
    for span in spans {
        let resource = texts.resource(&span.resource, &mut batch.resources, &mut batch.attrs, &mut resources);
        let link_start = batch.links.len() as u32;
        for (trace_id, span_id, pairs) in &span.links {
            let attrs = texts.attrs(pairs, &mut batch.attrs);
            batch.links.push(LinkRow { trace_id: TraceId(*trace_id), span_id: SpanId(*span_id), attrs });
        }
        let event_start = batch.events.len() as u32;
        for (time_ns, name, pairs) in &span.events {
            let attrs = texts.attrs(pairs, &mut batch.attrs);
            batch.events.push(EventRow { time_ns: *time_ns, name: texts.put(name.as_bytes()), attrs });
        }
        let attrs = texts.attrs(&span.attrs, &mut batch.attrs);
        batch.spans.push(SpanRow {
            trace_id: TraceId(span.trace_id),
            span_id: SpanId(span.span_id),
            parent_span_id: SpanId(span.parent),
            start_ns: span.start_ns,
            end_ns: span.end_ns,
            name: texts.put(span.name.as_bytes()),
            kind: span.kind,
            status: span.status,
            status_message: texts.put(span.status_message.as_bytes()),
            trace_state: texts.put(span.trace_state.as_bytes()),
            flags: span.flags,
            scope: texts.put(span.scope.as_bytes()),
            resource,
            attrs,
            links: Attrs { start: link_start, end: batch.links.len() as u32 },
            events: Attrs { start: event_start, end: batch.events.len() as u32 },
            sample_weight: span.sample_weight,
            truncated: span.truncated,
        });
    }
    batch.text = texts.arena;
    batch
}

fn val(value: StoredValue<'_>) -> Val {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text stays text");
    match value {
        StoredValue::Str(bytes) => Val::Str(text(bytes)),
        StoredValue::I64(number) => Val::I64(number),
        StoredValue::F64(number) => Val::F64(number.to_bits()),
        StoredValue::Bool(truth) => Val::Bool(truth),
        StoredValue::Bytes(bytes) => Val::Bytes(bytes.to_vec()),
        StoredValue::List(bytes) => Val::List(text(bytes)),
    }
}

pub(crate) fn pairs<'a>(attrs: impl IntoIterator<Item = StoredAttr<'a>>) -> Pairs {
    attrs
        .into_iter()
        .map(|attr| {
            assert_eq!(attr.known, WellKnown::of(attr.name));
            (attr.name.to_owned(), val(attr.value))
        })
        .collect()
}

/// A stored span as it was described.
pub(crate) fn described(span: SpanRef<'_>) -> Span {
    let resource = span.resource();
    let extras = span.extras();
    Span {
        trace_id: span.trace_id().0,
        span_id: span.span_id().0,
        parent: span.parent_span_id().0,
        start_ns: span.start_ns(),
        end_ns: span.end_ns(),
        name: span.name().to_owned(),
        kind: span.kind(),
        status: span.status(),
        status_message: extras.status_message.to_owned(),
        trace_state: extras.trace_state.to_owned(),
        flags: span.flags(),
        scope: span.scope().to_owned(),
        resource: Resource { service: resource.service_name.to_owned(), instance: resource.instance.to_owned(), attrs: pairs(resource.attributes) },
        attrs: pairs(span.attributes()),
        links: extras.links.into_iter().map(|link| (link.trace_id.0, link.span_id.0, pairs(link.attributes))).collect(),
        events: extras.events.into_iter().map(|event| (event.time_ns, event.name.to_owned(), pairs(event.attributes))).collect(),
        sample_weight: span.sample_weight(),
        truncated: span.truncated(),
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Log {
    pub(crate) time_ns: i64,
    pub(crate) severity: u8,
    pub(crate) body: Val,
    pub(crate) trace_id: u128,
    pub(crate) span_id: u64,
    pub(crate) service: String,
    pub(crate) attrs: Pairs,
}

pub(crate) fn log_batch(header: BatchHeader, logs: &[Log]) -> LogBatch {
    let mut texts = Texts::default();
    let mut batch = LogBatch { header, ..LogBatch::default() };
    let mut resources = Vec::new();
    for log in logs {
        let resource = Resource { service: log.service.clone(), ..Resource::default() };
        let resource = texts.resource(&resource, &mut batch.resources, &mut batch.attrs, &mut resources);
        let attrs = texts.attrs(&log.attrs, &mut batch.attrs);
        batch.logs.push(LogRow {
            time_ns: log.time_ns,
            severity: log.severity,
            severity_text: texts.put(b"INFO"),
            body: texts.value(&log.body),
            trace_id: TraceId(log.trace_id),
            span_id: SpanId(log.span_id),
            scope: texts.put(b"log.scope"),
            resource,
            attrs,
            truncated: false,
        });
    }
    batch.text = texts.arena;
    batch
}
