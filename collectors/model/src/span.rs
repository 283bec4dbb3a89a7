//! Spans as they arrive.

use serde::{Deserialize, Serialize};

use crate::{AttrRow, Attrs, BatchError, BatchHeader, InstanceSource, SpanId, Str, TextArena, TraceId, batch_check};

/// Spans of one request, cut at 1 MiB.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SpanBatchRead")]
pub struct SpanBatch {
    /// Version, source and time of arrival.
    pub header: BatchHeader,
    /// All text.
    pub text: TextArena,
    /// The resources that sent.
    pub resources: Vec<ResourceRow>,
    /// The spans.
    pub spans: Vec<SpanRow>,
    /// Attributes of resources, spans, links and events.
    pub attrs: Vec<AttrRow>,
    /// Links of spans.
    pub links: Vec<LinkRow>,
    /// Events of spans.
    pub events: Vec<EventRow>,
}

/// What sent: an OpenTelemetry resource, with its identity read out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourceRow {
    /// `service.name`; empty if none was sent.
    pub service_name: Str,
    /// `service.namespace`; empty = unknown.
    pub namespace: Str,
    /// `deployment.environment.name` (older `deployment.environment`); empty = the source's own.
    pub environment: Str,
    /// `service.version`; empty = unknown.
    pub version: Str,
    /// The instance, by `instance_source`; empty = unknown.
    pub instance: Str,
    /// Where `instance` was read from.
    pub instance_source: InstanceSource,
    /// All attributes of the resource.
    pub attrs: Attrs,
}

/// Span kind, OTLP `Span.SpanKind`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum SpanKind {
    /// Not said.
    #[default]
    Unspecified = 0,
    /// Within one service.
    Internal = 1,
    /// Answers a call.
    Server = 2,
    /// Makes a call.
    Client = 3,
    /// Publishes a message.
    Producer = 4,
    /// Handles a message.
    Consumer = 5,
}

/// Span status, OTLP `Status.StatusCode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum SpanStatus {
    /// Not said.
    #[default]
    Unset = 0,
    /// Said to be good.
    Ok = 1,
    /// Failed.
    Error = 2,
}

/// One span.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpanRow {
    /// Its trace.
    pub trace_id: TraceId,
    /// Its id in the trace. Zipkin's shared spans have the same id on both sides; `kind` tells them apart.
    pub span_id: SpanId,
    /// Its parent, or [`SpanId::NONE`].
    pub parent_span_id: SpanId,
    /// Start, ns since the Unix epoch, by the sender's clock.
    pub start_ns: i64,
    /// End, ns since the Unix epoch, by the sender's clock; may lie before the start if the sender says so.
    pub end_ns: i64,
    /// Name of the operation.
    pub name: Str,
    /// Kind as sent.
    pub kind: SpanKind,
    /// Status as sent.
    pub status: SpanStatus,
    /// Text with the status.
    pub status_message: Str,
    /// W3C tracestate.
    pub trace_state: Str,
    /// OTLP flags: bits 0 to 7 W3C, 8 "remote is known", 9 "parent is remote".
    pub flags: u32,
    /// Name of the instrumentation scope.
    pub scope: Str,
    /// Index into `resources`.
    pub resource: u32,
    /// Attributes.
    pub attrs: Attrs,
    /// Links.
    pub links: Attrs,
    /// Events.
    pub events: Attrs,
    /// How many real spans this one stands for (tracestate `ot=th`), 1 where nothing is said.
    pub sample_weight: f32,
    /// Whether attributes, events, links or values were cut at a limit.
    pub truncated: bool,
}

/// A link of a span to another span.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkRow {
    /// Trace of the linked span.
    pub trace_id: TraceId,
    /// The linked span.
    pub span_id: SpanId,
    /// Attributes of the link: in a batch the message's own id, key and offset stand here.
    pub attrs: Attrs,
}

/// An event of a span, such as `exception`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventRow {
    /// When, ns since the Unix epoch.
    pub time_ns: i64,
    /// Its name.
    pub name: Str,
    /// Its attributes.
    pub attrs: Attrs,
}

impl SpanBatch {
    /// What the batch weighs in a queue, in bytes.
    pub fn size_bytes(&self) -> usize {
        self.text.size_bytes()
            + self.resources.capacity() * size_of::<ResourceRow>()
            + self.spans.capacity() * size_of::<SpanRow>()
            + self.attrs.capacity() * size_of::<AttrRow>()
            + self.links.capacity() * size_of::<LinkRow>()
            + self.events.capacity() * size_of::<EventRow>()
    }
}

/// A batch as it is read back, before it is checked.
#[derive(Deserialize)]
struct SpanBatchRead {
    header: BatchHeader,
    text: TextArena,
    resources: Vec<ResourceRow>,
    spans: Vec<SpanRow>,
    attrs: Vec<AttrRow>,
    links: Vec<LinkRow>,
    events: Vec<EventRow>,
}

impl TryFrom<SpanBatchRead> for SpanBatch {
    type Error = BatchError;

    fn try_from(SpanBatchRead { header, text, resources, spans, attrs, links, events }: SpanBatchRead) -> Result<Self, BatchError> {
        let mut batch = Self { header, text, resources, spans, attrs, links, events };
        batch_check::spans(&batch)?;
        AttrRow::tell_meanings(&mut batch.attrs, &batch.text);
        Ok(batch)
    }
}
