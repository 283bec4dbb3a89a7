//! What the engine tells: the snapshot for the window, answers to queries, and the report. Plain data in the words of
//! those who read it; unknown is `None`, never 0.

mod lists;
mod query;
mod report;
mod snapshot;

pub use lists::{
    ChannelKey, FindHit, FindPage, GroupDetail, History, HistoryBucket, HistoryOf, LagPoint, LetterPage, LetterView, PartitionLag, RecordLine, RecordPage,
    RefusalView, RowId, StatusClass, StatusCount, StatusCounts, TraceFilter, TraceList, TraceOrder, TraceRow,
};
pub use query::{Answer, ConversationItem, EventView, LogView, Query, Range, RecordView, SpanLink, SpanView, Timing, TraceView};
pub use report::{
    Basis, BreakerReport, ChannelReport, ClockSetReport, CountsReport, DeadLetterReport, Evidence, Exemplar, GroupReport, HopReport, InteractionReport,
    LimitsReport, REPORT_SCHEMA, RefusedReport, Report, ServiceReport, SourceReport,
};
pub use snapshot::{
    BreakerView, ChannelFigures, ClockSet, DeadLetterView, Edge, EdgeId, Figure, Figures, GroupView, HopKind, InstanceView, InteractionView, LagVerdict,
    MemberView, Node, NodeBasis, NodeFigure, NodeId, NodeKind, Snapshot, SourceView, StateSource, Style, Topology, Totals,
};
