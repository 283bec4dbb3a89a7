//! What the engine tells: the snapshot for the window, answers to queries, and the report. Plain data in the words of
//! those who read it; unknown is `None`, never 0.

mod lists;
mod query;
mod report;
mod snapshot;
mod verdict;

pub use lists::{
    ChannelKey, FindHit, FindPage, GroupDetail, History, HistoryBucket, HistoryOf, LagPoint, LetterPage, LetterView, PartitionLag, RECORD_DETAILS_MAX,
    RecordLine, RecordMatches, RecordPage, RefusalView, RowId, StatusClass, StatusCount, StatusCounts, TraceFilter, TraceList, TraceOrder, TracePart, TraceRow,
};
pub use query::{Answer, ConversationItem, EventView, LogView, Query, Range, RecordView, SpanLink, SpanView, Timing, TraceView};
pub use report::{
    Basis, BreakerReport, ChannelReport, ClockSetReport, CountsReport, DeadLetterReport, Evidence, Exemplar, GroupReport, HopReport, InteractionReport,
    LeftOut, LimitsReport, REPORT_SCHEMA, RefusedReport, Report, ServiceReport, SourceReport,
};
pub use snapshot::{
    BreakerView, ChannelFigures, ClockSet, DeadLetterView, Edge, EdgeId, Figure, Figures, GroupView, HopKind, InstanceView, InteractionView, MemberView, Node,
    NodeBasis, NodeFigure, NodeId, NodeKind, Snapshot, SourceView, SpanReader, StateSource, Style, Topology, Totals,
};
pub use verdict::{
    CatchUp, Failures, GROUP_STALE_NS, Health, LagVerdict, Pace, SILENT_AFTER_NS, Severity, breaker_refuses, breaker_severity, breaker_word, channel_word,
    group_kind_word, silent_for_ns, source_severity, source_word,
};
