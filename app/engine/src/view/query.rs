//! Questions that are answered one at a time.

use std::collections::BTreeSet;
use std::sync::Arc;

use switchboard_model::{CorrelationId, MessageRef, RawHash, SpanId, SpanKind, SpanStatus, TraceId, believed_ns, duration_ns, is_believable_at};

use crate::view::{
    ChannelKey, FindPage, GroupDetail, History, HistoryOf, LetterPage, Range, RecordMatches, RecordPage, RefusalView, Report, RowId, StatusCounts, TraceFilter,
    TraceList, TraceOrder,
};

/// Dead letters that somebody dealt with, as those know who keep books of it: where each lies, and its own time.
pub type DealtWith = Arc<BTreeSet<(MessageRef, Option<i64>)>>;

/// Which dead letters are listed, and which come first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LetterOrder {
    /// All, oldest first.
    #[default]
    OldestFirst,
    /// Those that nobody dealt with, newest first; then the others, newest first.
    OpenFirst {
        /// The others.
        dealt_with: DealtWith,
        /// Which of both.
        only: LettersOnly,
    },
}

/// Which dead letters are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LettersOnly {
    /// All.
    #[default]
    All,
    /// Those that nobody dealt with.
    Open,
    /// These, of those that somebody dealt with.
    These(DealtWith),
}

/// Whose requests are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedOf {
    /// Who is asked: a service, or what callers name that sends no spans.
    pub callee: String,
    /// Only by this service; `None` = by anybody.
    pub caller: Option<String>,
    /// Only calls of RPC, or only others; `None` = both.
    pub is_rpc: Option<bool>,
}

/// The request that is asked most, of those whose spans are stored.
#[derive(Clone, Debug, PartialEq)]
pub struct MostUsed {
    /// A span of it, without links: the newest that did not fail, else the newest. The callee's own; where it sends none a caller's.
    pub example: SpanView,
    /// Its calls.
    pub num: u64,
    /// Calls of all requests.
    pub num_all: u64,
}

/// A question to the engine.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// Looks at little: the engine answers at once.
    Point(PointQuery),
    /// Looks at many rows: a thread of its own answers.
    Scan(ScanQuery),
}

/// A question that looks at little.
#[derive(Clone, Debug, PartialEq)]
pub enum PointQuery {
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
    /// Interactions and services over a range of time instead of the whole session.
    Figures {
        /// Rounded to buckets of 10 s.
        range: Range,
        /// The instant from which it is asked: what happened later does not count. What happened before it counts also where it
        /// arrived later, for figures keep when things happened, not when they were told.
        as_of_ns: i64,
    },
    /// A channel's stored records in order of arrival.
    Records {
        /// The channel.
        channel: ChannelKey,
        /// Only those that came after this one; `None` = from the oldest stored.
        after: Option<RowId>,
        /// At most so many.
        limit: usize,
    },
    /// Contents of records, of the first [`crate::view::RECORD_DETAILS_MAX`] that are asked for.
    RecordDetails {
        /// The records.
        rows: Vec<RowId>,
    },
    /// A consumer group on a topic, with its partitions and its last readings.
    Group {
        /// Name of the source that reads its cluster; `None` = any.
        cluster: Option<String>,
        /// `group.id`.
        group: String,
        /// The topic.
        topic: String,
    },
    /// Figures of a node or an edge over a range and over as long before it.
    History {
        /// Of what.
        of: HistoryOf,
        /// Rounded to buckets of 10 s; they reach back 31 min.
        range: Range,
    },
    /// What the calls of a node or an edge ended with.
    Statuses {
        /// Of what.
        of: HistoryOf,
        /// Rounded to buckets of 10 s; they reach back 31 min.
        range: Range,
    },
    /// What sources refused, newest first.
    Refused {
        /// At most so many.
        limit: usize,
    },
}

/// A question that looks at many rows.
#[derive(Clone, Debug, PartialEq)]
pub enum ScanQuery {
    /// Traces, one row each.
    Traces {
        /// Which.
        filter: TraceFilter,
        /// In which order.
        order: TraceOrder,
        /// At most so many.
        limit: usize,
    },
    /// Those of a channel's stored records that hold a text, in order of arrival: in the key, the value, a header's name or value, in
    /// any case; bytes that are no text as the number, the UUID or the hex digits that they are shown as; and the record that lies
    /// where the text says, as `2@100`. One answer may not come to the end: it says how far it came.
    RecordMatches {
        /// The channel.
        channel: ChannelKey,
        /// What is looked for.
        text: String,
        /// Only those that came after this one; `None` = from the oldest stored.
        after: Option<RowId>,
        /// At most so many.
        limit: usize,
    },
    /// Log records, newest first.
    Logs {
        /// Of this service; `None` = of all.
        service: Option<String>,
        /// Of this instance; `None` = of all.
        instance: Option<String>,
        /// Of at least this OTLP severity; 0 = of any.
        min_severity: u8,
        /// At most so many.
        limit: usize,
    },
    /// Which request is asked most.
    MostUsed(UsedOf),
    /// Dead letters that died of the same, one by one.
    DeadLetters {
        /// The dead-letter channel.
        channel: ChannelKey,
        /// The channel they came from; `None` = those that do not tell it.
        origin: Option<String>,
        /// As [`crate::view::DeadLetterView::fingerprint`].
        fingerprint: String,
        /// Which of them, and which come first.
        order: LetterOrder,
        /// So many of the first are left out.
        skip: usize,
        /// At most so many.
        limit: usize,
    },
    /// Dead letters of a cluster that came at a time or later, whatever they died of, oldest first.
    DeadLettersSince {
        /// Name of the source that reads the cluster.
        cluster: String,
        /// When they came here, ns since the Unix epoch.
        since_ns: i64,
        /// The oldest so many are left out.
        skip: usize,
        /// At most so many.
        limit: usize,
    },
    /// Any text over spans, logs and stored records: contained in any case, numbers as a whole; ids, UUIDs and traceparents
    /// also in their other spellings. On the engine's thread the answers come several: [`Answer::Found`] until one is done.
    Find {
        /// What is looked for.
        text: String,
        /// At most so many of each kind.
        limit: usize,
    },
}

/// The engine's answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// To [`PointQuery::Trace`].
    Trace(Arc<TraceView>),
    /// To [`PointQuery::Conversation`].
    Conversation(Vec<ConversationItem>),
    /// To [`PointQuery::Figures`]: a report whose figures are of that range only.
    Figures(Box<Report>),
    /// To [`ScanQuery::Traces`].
    Traces(TraceList),
    /// To [`PointQuery::Records`].
    Records(RecordPage),
    /// To [`ScanQuery::RecordMatches`].
    RecordMatches(RecordMatches),
    /// To [`PointQuery::RecordDetails`], in the order asked for; `None` where it was evicted.
    RecordDetails(Vec<Option<RecordView>>),
    /// To [`PointQuery::Group`]; `None` = not known.
    Group(Option<Box<GroupDetail>>),
    /// To [`PointQuery::History`]; without buckets: not on the map, or nothing is kept of that range.
    History(History),
    /// To [`PointQuery::Statuses`]; empty = not on the map, or nothing is kept of that range.
    Statuses(StatusCounts),
    /// To [`PointQuery::Refused`].
    Refused(Vec<RefusalView>),
    /// To [`ScanQuery::Logs`].
    Logs(Vec<LogView>),
    /// To [`ScanQuery::MostUsed`]; `None` = no call of it is stored.
    MostUsed(Option<Box<MostUsed>>),
    /// To [`ScanQuery::DeadLetters`] and [`ScanQuery::DeadLettersSince`].
    DeadLetters(LetterPage),
    /// To [`ScanQuery::Find`]: what was found since the last one.
    Found(FindPage),
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
#[derive(Clone, Debug, Default, PartialEq)]
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
    /// Text with the status; empty = none.
    pub status_message: String,
    /// What said that it failed, of all that it says of its end: a status of its protocol, the type of an error, `failed` where
    /// nothing tells more; `None` = it did not fail.
    pub failure: Option<String>,
    /// `service.version`; `None` = unknown.
    pub version: Option<String>,
    /// Name of the instrumentation scope; empty = none.
    pub scope: String,
    /// Start, ns since the Unix epoch.
    pub start_ns: i64,
    /// End − start as sent, ns: only [`Self::timing`] says whether that is a duration.
    pub duration_ns: i64,
    /// Attributes as sent, name and value.
    pub attributes: Vec<(String, String)>,
    /// Those attributes whose name is another today, under that name.
    pub normalised: Vec<(String, String)>,
    /// Events, in their order.
    pub events: Vec<EventView>,
    /// When it arrived, ns since the Unix epoch.
    pub received_ns: i64,
    /// Links.
    pub links: Vec<SpanLink>,
    /// Spans that link to this one.
    pub linked_by: Vec<SpanLink>,
    /// Whether another span of the same identity with other content was kept too.
    pub collision: bool,
    /// Whether it was cut at a limit.
    pub truncated: bool,
}

/// What the start and end of a span come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// It took so long, ns.
    Took(i64),
    /// No end was sent.
    NoEnd,
    /// It ends before it starts.
    EndsBeforeStart,
    /// Start or end lie more than a year from their arrival: they are in another unit, or not set.
    NotBelievable,
}

impl SpanView {
    /// What its start and end come to.
    pub fn timing(&self) -> Timing {
        let end_ns = self.start_ns.saturating_add(self.duration_ns);
        if !self.is_start_believable() {
            Timing::NotBelievable
        } else if end_ns == 0 {
            Timing::NoEnd
        } else if !is_believable_at(end_ns, self.received_ns) {
            Timing::NotBelievable
        } else {
            duration_ns(self.start_ns, end_ns).map_or(Timing::EndsBeforeStart, Timing::Took)
        }
    }

    /// Whether its start may be the moment that it claims to be.
    pub fn is_start_believable(&self) -> bool {
        is_believable_at(self.start_ns, self.received_ns)
    }
}

/// An event of a span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventView {
    /// When, ns since the Unix epoch.
    pub time_ns: i64,
    /// Its name.
    pub name: String,
    /// Its attributes, name and value.
    pub attributes: Vec<(String, String)>,
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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogView {
    /// Where it is stored.
    pub row: RowId,
    /// When, as it tells, ns since the Unix epoch.
    pub time_ns: i64,
    /// When it arrived, ns since the Unix epoch.
    pub received_ns: i64,
    /// Severity number.
    pub severity: u8,
    /// Its service.
    pub service: String,
    /// Its instance; `None` = unknown.
    pub instance: Option<String>,
    /// Its attributes, name and value.
    pub attributes: Vec<(String, String)>,
    /// Its text.
    pub body: String,
    /// Its trace; zero = none.
    pub trace_id: TraceId,
    /// Its span; zero = none.
    pub span_id: SpanId,
}

impl LogView {
    /// When, as far as that is believed, else when it arrived, ns since the Unix epoch.
    pub fn at_ns(&self) -> i64 {
        believed_ns(self.time_ns, self.received_ns)
    }
}

/// A stored record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordView {
    /// Where it is stored.
    pub row: RowId,
    /// Where it lies.
    pub at: MessageRef,
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
    /// Correlation ids: the header's name, and the id as text.
    pub correlations: Vec<(String, String)>,
    /// The key's size on the broker, in bytes.
    pub key_size_bytes: u32,
    /// The value's size on the broker, in bytes.
    pub value_size_bytes: u32,
    /// `false` where the headers could not be read.
    pub headers_readable: bool,
    /// Whether a value was redacted anywhere.
    pub redacted: bool,
    /// Whether a value was cut at a limit.
    pub truncated: bool,
    /// Keyed hash of the broker's bytes, taken before redaction.
    pub raw_hash: RawHash,
    /// When it arrived, ns since the Unix epoch.
    pub received_ns: i64,
}

impl RecordView {
    /// When, as far as that is believed, else when it arrived, ns since the Unix epoch; `None` = it does not tell.
    pub fn at_ns(&self) -> Option<i64> {
        self.timestamp_ns.map(|told_ns| believed_ns(told_ns, self.received_ns))
    }
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
