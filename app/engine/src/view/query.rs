//! Questions that are answered one at a time.

use switchboard_model::{CorrelationId, SpanId, SpanKind, SpanStatus, TraceId};

use crate::view::Report;

/// A span of time: `[from_ns, to_ns)`, ns since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First instant in it.
    pub from_ns: i64,
    /// First instant after it.
    pub to_ns: i64,
}

/// A question to the engine.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// All that is stored of a trace.
    Trace {
        /// The trace; a 64-bit id matches the low half of a wide one.
        trace_id: TraceId,
    },
    /// All spans and records that carry an id, over traces and channels, and the traces of those.
    Conversation {
        /// The id.
        id: CorrelationId,
        /// At most so many items.
        limit: usize,
    },
    /// Spans with an attribute (raw or current name) of this value, newest first.
    Attribute {
        /// Name.
        key: String,
        /// Value as text.
        value: String,
        /// At most so many.
        limit: usize,
    },
    /// Interactions and services over a range of time instead of the whole session.
    Figures {
        /// Rounded to buckets of 10 s.
        range: Range,
        /// The instant from which it is asked: what happened later does not count. What happened before it counts also where it
        /// arrived later, for figures keep when things happened, not when they were told.
        as_of_ns: i64,
    },
}

/// The engine's answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// To [`Query::Trace`].
    Trace(TraceView),
    /// To [`Query::Conversation`].
    Conversation(Vec<ConversationItem>),
    /// To [`Query::Attribute`].
    Spans(Vec<SpanView>),
    /// To [`Query::Figures`]: a report whose figures are of that range only.
    Figures(Box<Report>),
}

/// What is stored of a trace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceView {
    /// Spans, by start.
    pub spans: Vec<SpanView>,
    /// Logs that name the trace.
    pub logs: Vec<LogView>,
    /// Records whose headers name the trace.
    pub records: Vec<RecordView>,
}

/// A stored span.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanView {
    /// Its trace.
    pub trace_id: TraceId,
    /// Its id.
    pub span_id: SpanId,
    /// Its parent; zero = none.
    pub parent_span_id: SpanId,
    /// Its service.
    pub service: String,
    /// Its instance; `None` = unknown.
    pub instance: Option<String>,
    /// Its operation.
    pub name: String,
    /// Its kind.
    pub kind: SpanKind,
    /// Its status.
    pub status: SpanStatus,
    /// Start, ns since the Unix epoch.
    pub start_ns: i64,
    /// End − start, ns; negative if the sender says so.
    pub duration_ns: i64,
    /// Attributes as sent, name and value.
    pub attributes: Vec<(String, String)>,
    /// Links.
    pub links: Vec<SpanLink>,
    /// Spans that link to this one.
    pub linked_by: Vec<SpanLink>,
    /// Whether another span of the same identity with other content was kept too.
    pub collision: bool,
    /// Whether it was cut at a limit.
    pub truncated: bool,
}

/// One end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanLink {
    /// Trace of the other end.
    pub trace_id: TraceId,
    /// Span of the other end.
    pub span_id: SpanId,
}

/// A stored log record.
#[derive(Clone, Debug, PartialEq)]
pub struct LogView {
    /// When, ns since the Unix epoch.
    pub time_ns: i64,
    /// Severity number.
    pub severity: u8,
    /// Its service.
    pub service: String,
    /// Its text.
    pub body: String,
    /// Its trace; zero = none.
    pub trace_id: TraceId,
    /// Its span; zero = none.
    pub span_id: SpanId,
}

/// A stored record.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordView {
    /// Its channel.
    pub channel: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// ns since the Unix epoch; `None` = unknown.
    pub timestamp_ns: Option<i64>,
    /// Key; `None` = null.
    pub key: Option<Vec<u8>>,
    /// Value; `None` = null.
    pub value: Option<Vec<u8>>,
    /// Headers, in their order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// The trace its headers name.
    pub trace_id: Option<TraceId>,
}

/// One item of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum ConversationItem {
    /// A span.
    Span(SpanView),
    /// A record.
    Record(RecordView),
    /// A log record.
    Log(LogView),
}
