//! How long traces and spans took, in words. Pure.

use switchboard_engine::view::{SpanView, Timing, TracePart, TraceRow};

use crate::figures;

/// What is said of times that their sender has the wrong way round.
const ENDS_BEFORE_START: &str = "ends before it starts";

/// What is said where no duration is known.
const NO_DURATION: &str = "no duration";

/// What is wrong with a span's own start and end, in words.
pub(crate) fn odd_time(span: &SpanView) -> Option<&'static str> {
    match span.timing() {
        Timing::Took(_) => None,
        Timing::NoEnd => Some("no end"),
        Timing::EndsBeforeStart => Some(ENDS_BEFORE_START),
        Timing::NotBelievable => Some("its time is not believable"),
    }
}

/// How long the part of a trace took that is asked for, or why that cannot be told.
pub(crate) fn part_took(part: TracePart) -> String {
    match part.duration_ns {
        None => NO_DURATION.to_owned(),
        Some(..0) => ENDS_BEFORE_START.to_owned(),
        Some(took_ns) => figures::duration(took_ns),
    }
}

/// How long the whole of a trace took, or that this cannot be told.
pub(crate) fn trace_took(trace: &TraceRow) -> String {
    trace.duration_ns.map_or_else(|| NO_DURATION.to_owned(), figures::duration)
}

/// How long a span took, or why that cannot be told.
pub(crate) fn took(span: &SpanView) -> String {
    match span.timing() {
        Timing::Took(took_ns) => figures::duration(took_ns),
        _ => odd_time(span).unwrap_or_default().to_owned(),
    }
}
