//! The words that all rooms of Switchboard speak: identities, batches, facts, source states, and the
//! bounded queue between collectors and engine.
//!
//! This package does no IO, knows no async runtime and no client library, and never draws.

mod backoff;
mod batch;
mod batch_check;
mod batch_header;
mod clock;
mod context;
mod correlation;
mod dead_letter;
mod fact;
mod failure_headers;
mod header_diff;
mod header_plan;
mod hex;
mod identity;
mod log;
mod message;
mod operation;
mod original;
mod outcome;
mod permit;
mod record;
mod redact;
mod request;
mod semantic;
mod sink;
mod source;
mod span;
mod target;
mod telling;
mod text;
mod times;
mod value;

pub use backoff::{Backoff, jittered};
pub use batch::{Batch, FactBatch};
pub use batch_check::BatchError;
pub use batch_header::{BATCH_VERSION, BatchHeader};
pub use clock::{ClockNews, ClockWatch, now_ns, slept, wall_ns};
pub use context::{
    OWN_TRACE_PREFIX, OWN_USER_AGENT, SENT_USER_AGENT, SpanContext, is_own_trace, own_traceparent, parse_b3_single, parse_datadog, parse_hex_id,
    parse_traceparent, parse_uber_trace_id,
};
pub use correlation::{CorrelationId, is_correlation_name};
pub use dead_letter::{DeadLetterName, dead_letter_name, group_in_name, is_dead_letter_name, is_retry_name, java_big_integer, retry_delay_ms};
pub use fact::{
    BreakerEventFact, BreakerEventKind, BreakerFact, BreakerState, Broker, ClusterFact, ClusterRef, Fact, GroupFact, GroupKind, GroupMember, GroupOffset,
    HealthFact, HealthState, InstanceFact, OpenTransaction, PartitionFact, Refusal, TailState, TopicFact,
};
pub use failure_headers::{FAILURE_DIALECTS, FailureDialect, FailureField, HeaderDecoder, failure_header, may_tell_failure};
pub use header_diff::{
    EDITED_HEADER, HeaderChange, HeaderChangeKind, HeaderCounts, HeaderDiff, REPLAY_COUNT_HEADER, REPLAY_ID_HEADER, SOURCE_HEADER, ShownValue,
};
pub use header_plan::{DEFAULT_MAX_REPLAYS, HeaderPlan, ReplayMark, headers_kept, plan_headers};
pub use identity::{InstanceSource, SpanId, TraceId};
pub use log::{LogBatch, LogRow};
pub use message::{MAX_PLACE_BYTES, MessageRef, Place, PlaceRef, PlaceRow, ToldPlace, WrittenPlace};
pub use operation::{OperationEnd, OperationFailure, OperationId, OperationInfo, OperationNews, Progress};
pub use original::{OriginalRecord, OutgoingRecord, RawHeader, Route, SeenRecord, Skipped};
pub use outcome::{Outcome, Receipt};
pub use permit::{Leave, PermitRefused, SendPermit, SendRules};
pub use record::{ChannelRow, CorrelationRow, HeaderRow, NO_TIME, RecordBatch, RecordRow, TimestampType};
pub use redact::{Kept, RawHash, Redactor};
pub use request::{AnswerEnd, AnswerNews, CallEnd, CallNews, Compression, OutgoingCall, OutgoingRequest, Phase, RPC_STATUSES};
pub use semantic::WellKnown;
pub use sink::{Input, Intake, IntakeCounts, Offer, Outlet, Sink, Waker, channel};
pub use source::{FailureKind, ItemKind, SourceCommand, SourceId, SourceInfo, SourceKind, SourcePhase, SourceStatus, TailFrom};
pub use span::{EventRow, LinkRow, ResourceRow, SpanBatch, SpanKind, SpanRow, SpanStatus};
pub use target::{AddressRefused, Origin, Scheme, Target, is_loopback};
pub use telling::{Condition, Misses, Teller};
pub use text::{Str, TextArena};
pub use times::{believed_ns, duration_ns, is_believable, is_believable_at};
pub use value::{AttrRow, Attrs, MAX_RUN_ROWS, Value};
