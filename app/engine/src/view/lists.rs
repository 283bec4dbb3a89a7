//! Lists and details that are asked for: traces, records, logs, a group's course, dead letters, and what a search found.

use switchboard_model::{MessageRef, Place, RawHash, SpanId, ToldPlace, TraceId};

use crate::view::{EdgeId, GroupView, LagVerdict, NodeId, Range};

/// Most records whose contents one [`crate::view::PointQuery::RecordDetails`] may ask for.
pub const RECORD_DETAILS_MAX: usize = 1_000;

/// A stored row, for asking again. Rises with arrival within its kind (spans, records, logs); never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub u64);

/// A channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelKey {
    /// Name of the source that reads its cluster; `None` = any.
    pub cluster: Option<String>,
    /// The channel's name.
    pub name: String,
}

impl ChannelKey {
    /// The channel where a message lies.
    pub fn of(message: &MessageRef) -> Self {
        Self { cluster: Some(message.cluster.clone()), name: message.channel.clone() }
    }
}

/// Which traces are listed: those for which all holds. Where a passage is asked for, or else a service or an operation, durations and
/// failures are those of that part: of the calls that pass, or of the spans of that service and operation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceFilter {
    /// A span of it is of this service.
    pub service: Option<String>,
    /// A span of it (of `service`, where that is given) is of this instance.
    pub instance: Option<String>,
    /// The name of a span of it (of `service` and `instance`, where they are given) contains this, in any case.
    pub operation: Option<String>,
    /// It, or the longest of the part, takes at least so long, ns.
    pub min_duration_ns: Option<i64>,
    /// It, or the longest of the part, takes at most so long, ns.
    pub max_duration_ns: Option<i64>,
    /// A span of it, or something of the part, failed.
    pub failed_only: bool,
    /// It counts in this range, as in figures: at its last end, or when it arrived where that is not believed. What came so late that
    /// its end was not of the last minute any more counts when it came as well.
    pub range: Option<Range>,
    /// It passes from the first to the second. Two services: a span of the second is the child of one of the first, links to
    /// it, is the other half of it, or a client span of the first names the second or an address that was proved to be its. A service and
    /// a channel, in either order: a span of the service names the channel.
    pub through: Option<(String, String)>,
}

/// The order in which traces are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TraceOrder {
    /// By the arrival of their last span, newest first.
    #[default]
    Newest,
    /// By duration (of the part that is asked for), longest first.
    Slowest,
    /// Failed ones first, newest first among them.
    Failed,
}

/// Answer to [`crate::view::ScanQuery::Traces`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceList {
    /// In the order asked for.
    pub rows: Vec<TraceRow>,
    /// Traces that the filter holds for, among those looked at: all that are stored, but where only the newest are asked for.
    pub matching: u64,
    /// Spans looked at.
    pub looked_at_spans: u64,
    /// When the oldest span looked at arrived, ns since the Unix epoch; `None` = none is stored.
    pub oldest_ns: Option<i64>,
    /// Whether there may be further traces that the limit left out.
    pub is_capped: bool,
}

/// A trace. Spans are of one trace if the low 64 bits of their trace ids are the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceRow {
    /// The trace, as wide as any span of it tells.
    pub trace_id: TraceId,
    /// Service of the root, or of the first span where the root is not stored.
    pub root_service: String,
    /// Operation of the root, or of the first span.
    pub root_name: String,
    /// Whether a span without a parent is stored.
    pub has_root: bool,
    /// First start, ns since the Unix epoch.
    pub start_ns: i64,
    /// Last end − first start, ns; `None` if no span of it has an end after its start that is believable.
    pub duration_ns: Option<i64>,
    /// Spans stored.
    pub num_spans: u32,
    /// Of these, failed.
    pub num_errors: u32,
    /// Services by their first start, at most 8.
    pub services: Vec<String>,
    /// All of its services.
    pub num_services: u32,
    /// The longest of the part that is asked for; `None` where the whole is. See [`TraceFilter`].
    pub part: Option<TracePart>,
}

/// A part of a trace: a call, or a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TracePart {
    /// The span that it is seen by: of a call the client's, where there is one.
    pub span_id: SpanId,
    /// How long it took, ns; negative if its sender says so, `None` if it has no end or its times are not believable.
    pub duration_ns: Option<i64>,
    /// Whether it, or another of the same part of the trace, failed.
    pub is_failed: bool,
}

/// Answer to [`crate::view::PointQuery::Records`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordPage {
    /// In order of arrival.
    pub rows: Vec<RecordLine>,
    /// Records of the channel that are stored now.
    pub total_stored: u64,
    /// Records of the channel that were given up to keep within the budget.
    pub evicted: u64,
    /// Whether records follow that are not in `rows`.
    pub has_more: bool,
}

/// Answer to [`crate::view::ScanQuery::RecordMatches`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordMatches {
    /// Records that hold the text, in order of arrival.
    pub rows: Vec<RecordLine>,
    /// Records of the channel that were looked at.
    pub looked_at: u64,
    /// The last of these; `None` = none was.
    pub up_to: Option<RowId>,
    /// Of those that do not hold it, so many were cut at a limit when they came in: only their beginning was looked at.
    pub num_cut: u64,
    /// Of those that do not hold it, so many have a part that is neither text nor a number: of it, hex digits were looked at.
    pub num_binary: u64,
    /// Of those that do not hold it, so many hold something that was redacted.
    pub num_redacted: u64,
    /// Whether records follow that were not looked at.
    pub has_more: bool,
}

/// A record, in few bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordLine {
    /// Where it is stored.
    pub row: RowId,
    /// Where it lies in its channel.
    pub place: Place,
    /// ns since the Unix epoch; `None` = unknown.
    pub timestamp_ns: Option<i64>,
    /// Key and value on the broker, in bytes.
    pub size_bytes: u32,
}

/// Answer to [`crate::view::PointQuery::Group`].
#[derive(Clone, Debug, PartialEq)]
pub struct GroupDetail {
    /// Its row.
    pub view: GroupView,
    /// Its partitions, by number; empty where no broker tells of them.
    pub partitions: Vec<PartitionLag>,
    /// Its last readings, oldest first.
    pub history: Vec<LagPoint>,
    /// Other groups on the topic, by name.
    pub others: Vec<String>,
}

/// A group on a partition. `None` = unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionLag {
    /// Its number.
    pub partition: i32,
    /// Where it begins.
    pub low: Option<i64>,
    /// Where it ends.
    pub end: Option<i64>,
    /// What the group committed; `None` = no commit.
    pub committed: Option<i64>,
    /// What waits.
    pub lag: Option<u64>,
    /// The member that reads it.
    pub member_id: Option<String>,
    /// When the commit was last seen to have moved, ns since the Unix epoch; `None` = it was not seen to move.
    pub committed_ns: Option<i64>,
    /// What it comes to: the group's verdict is the worst of its partitions'.
    pub verdict: LagVerdict,
}

/// A reading of a group on a topic, summed over its partitions. `None` = unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LagPoint {
    /// When it was read, ns since the Unix epoch.
    pub at_ns: i64,
    /// What waits.
    pub lag: Option<u64>,
    /// Sum of the committed offsets.
    pub committed: Option<u64>,
    /// Sum of the ends.
    pub end: Option<u64>,
}

/// What a history is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HistoryOf {
    /// A node of the map.
    Node(NodeId),
    /// An edge of the map.
    Edge(EdgeId),
    /// A call as its callee saw it: of those calls of which both sides sent a span.
    Callee(EdgeId),
}

/// A figure over a range, and how it went there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The whole range.
    pub now: HistoryBucket,
    /// As long before it.
    pub before: HistoryBucket,
    /// Ten seconds each, the oldest first, from as long before the range on; those of which nothing is known are left out.
    pub buckets: Vec<HistoryBucket>,
}

/// A figure over some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryBucket {
    /// When that begins, ns since the Unix epoch.
    pub start_ns: i64,
    /// How much of it is known, ns: less where it begins before the session or has not passed yet.
    pub known_ns: i64,
    /// Calls or messages.
    pub calls: u64,
    /// Of these, failed.
    pub errors: u64,
    /// Median duration, ns; `None` = none was timed.
    pub p50_ns: Option<i64>,
    /// 95th percentile, ns; `None` = none was timed.
    pub p95_ns: Option<i64>,
}

/// What calls ended with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusCounts {
    /// The most frequent first.
    pub rows: Vec<StatusCount>,
    /// Calls that tell no status.
    pub not_told: u64,
}

/// One status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusCount {
    /// `503`, `DEADLINE_EXCEEDED`, the type of an error; `failed` or `OK` where the span says no more; `other` beyond 12 kinds.
    pub status: String,
    /// What it means.
    pub class: StatusClass,
    /// How many calls.
    pub count: u64,
}

/// What a status means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusClass {
    /// It went well.
    Success,
    /// Nothing says.
    Unknown,
    /// The caller asked for what it does not get: HTTP 4xx, `NOT_FOUND` and the like.
    Rejection,
    /// It failed.
    Failure,
}

/// Something that a source refused, with all that were refused for the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefusalView {
    /// When one was last refused, ns since the Unix epoch.
    pub at_ns: i64,
    /// The source.
    pub source: String,
    /// Who asked, without the port.
    pub peer: String,
    /// `Host` of the request; `None` = not sent.
    pub host: Option<String>,
    /// `Origin` of the request; `None` = not sent.
    pub origin: Option<String>,
    /// The rule that refused.
    pub rule: String,
    /// What to do if it should be let in.
    pub next_step: String,
    /// How often.
    pub count: u64,
}

/// Answer to [`crate::view::ScanQuery::DeadLetters`] and [`crate::view::ScanQuery::DeadLettersSince`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LetterPage {
    /// In the order that was asked for.
    pub letters: Vec<LetterView>,
    /// How many that come before were left out, as asked for.
    pub skipped: u64,
    /// How many of those that were asked for are stored.
    pub total: u64,
    /// How many of all that died of the same are stored, whichever of them were asked for.
    pub num_stored: u64,
    /// How many of these somebody dealt with, as the question says; 0 where it does not.
    pub num_dealt_with: u64,
    /// When the last of those stored came here, ns since the Unix epoch; `None` = none is stored.
    pub last_received_ns: Option<i64>,
}

impl LetterPage {
    /// How many that come behind the limit left out.
    pub fn num_left(&self) -> u64 {
        self.total.saturating_sub(self.skipped + self.letters.len() as u64)
    }
}

/// A dead letter. `None` = unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LetterView {
    /// Where it is stored.
    pub row: RowId,
    /// Where it lies: on which dead-letter channel.
    pub at: MessageRef,
    /// ns since the Unix epoch.
    pub timestamp_ns: Option<i64>,
    /// When it came here, by this program's own clock, ns since the Unix epoch.
    pub received_ns: i64,
    /// Key; `None` = null.
    pub key: Option<Vec<u8>>,
    /// The value's size on the broker, in bytes.
    pub value_size_bytes: u32,
    /// The channel it came from.
    pub origin: Option<String>,
    /// Where it lay there, as far as its headers tell.
    pub origin_place: Option<ToldPlace>,
    /// The consumer group (or connector, or consumer) that gave it up.
    pub origin_group: Option<String>,
    /// Class of what was thrown: of the cause, where that tells more.
    pub exception: Option<String>,
    /// Its message.
    pub message: Option<String>,
    /// How often it was tried.
    pub attempts: Option<u32>,
    /// Schema id of a value in Confluent's framing (a zero byte, then four bytes); `None` = not framed so.
    pub schema_id: Option<u32>,
    /// The trace its headers name.
    pub trace_id: Option<TraceId>,
    /// Keyed hash of the broker's bytes.
    pub raw_hash: RawHash,
    /// Whether a value was redacted anywhere.
    pub redacted: bool,
    /// `x-switchboard-replay-id`: the replay that sent it before it died again.
    pub replay_id: Option<String>,
    /// `x-switchboard-replay-count`: how often it was replayed; 0 = never.
    pub replay_count: u32,
    /// The header dialect that proves it.
    pub dialect: Option<String>,
    /// How long it was tried again before it was given up, ns; `None` = its headers do not tell.
    pub retried_ns: Option<i64>,
}

/// A part of the answer to [`crate::view::ScanQuery::Find`]: what was found since the part before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FindPage {
    /// Found by an index first, then spans, records and logs, each newest arrival first.
    pub hits: Vec<FindHit>,
    /// Rows looked at so far.
    pub looked_at: u64,
    /// Rows that there are to look at.
    pub total: u64,
    /// Whether this is the last part.
    pub is_done: bool,
    /// The newest time of all that was found so far, ns since the Unix epoch; `None` = nothing with a time was found.
    pub last_seen_ns: Option<i64>,
    /// What was looked at so far, in words.
    pub looked: Vec<String>,
    /// What could not be looked at, in words; told by the last part.
    pub not_looked: Vec<String>,
}

/// Something found.
#[derive(Clone, Debug, PartialEq)]
pub enum FindHit {
    /// A span.
    Span {
        /// Its trace.
        trace_id: TraceId,
        /// Its id.
        span_id: SpanId,
        /// Its service.
        service: String,
        /// Its operation.
        name: String,
        /// Its start, ns since the Unix epoch.
        at_ns: i64,
        /// Where in it.
        field: String,
        /// What stands there.
        excerpt: String,
    },
    /// A record.
    Record {
        /// Where it is stored.
        row: RowId,
        /// Where it lies.
        at: MessageRef,
        /// ns since the Unix epoch; `None` = unknown.
        at_ns: Option<i64>,
        /// Where in it.
        field: String,
        /// What stands there.
        excerpt: String,
        /// The trace its headers name.
        trace_id: Option<TraceId>,
    },
    /// A log record.
    Log {
        /// Where it is stored.
        row: RowId,
        /// Its service.
        service: String,
        /// When, ns since the Unix epoch.
        at_ns: i64,
        /// What stands there.
        excerpt: String,
        /// Its trace; zero = none.
        trace_id: TraceId,
    },
}
