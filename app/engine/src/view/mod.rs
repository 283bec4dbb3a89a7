//! What the engine tells: the snapshot for the window, answers to queries, and the report. Plain data in the words of
//! those who read it; unknown is `None`, never 0.

mod counts;
mod death;
mod evidence;
mod lag_verdict;
mod lists;
mod query;
mod range;
mod report;
mod rfc3339;
mod severity;
mod snapshot;
mod verdict;

pub use crate::queries::letter_told;
pub use crate::words::count;
pub use counts::{CountsReport, LeftOut, LimitsReport};
pub use death::Death;
pub use evidence::{Basis, Evidence, Exemplar};
pub use lag_verdict::{LagVerdict, Pace};
pub use lists::{
    ChannelKey, FindHit, FindPage, GroupDetail, History, HistoryBucket, HistoryOf, LagPoint, LetterPage, LetterView, PartitionLag, RECORD_DETAILS_MAX,
    RecordLine, RecordMatches, RecordPage, RefusalView, RowId, StatusClass, StatusCount, StatusCounts, TraceFilter, TraceList, TraceOrder, TracePart, TraceRow,
};
pub use query::{
    Answer, ConversationItem, DealtWith, EventView, LetterOrder, LettersOnly, LogView, MostUsed, PointQuery, Query, RecordView, ScanQuery, SpanLink, SpanView,
    Timing, TraceView, UsedOf,
};
pub use range::Range;
pub use report::{
    BreakerReport, ChannelReport, ClockSetReport, DeadLetterReport, GroupReport, HopReport, InteractionReport, REPORT_SCHEMA, RefusedReport, Report,
    ServiceReport, SourceReport,
};
pub(crate) use rfc3339::rfc3339;
pub use severity::Severity;
pub use snapshot::{
    BreakerView, ChannelFigures, ClockSet, DeadLetterView, Edge, EdgeId, Figure, Figures, GroupView, HopKind, InstanceView, InteractionView, MemberView, Node,
    NodeBasis, NodeFigure, NodeId, NodeKind, Snapshot, SourceView, SpanReader, StateSource, Style, Topology, Totals,
};
pub use verdict::{
    CatchUp, Failures, GROUP_STALE_NS, Health, SILENT_AFTER_NS, breaker_refuses, breaker_severity, breaker_word, channel_word, group_kind_word, silent_for_ns,
    source_severity, source_word,
};
