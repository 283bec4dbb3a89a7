//! Figures: counts and durations that can be added, taken back and merged, so that a count can move when more is known.

mod evidence;
mod histogram;
mod rows;
mod series;
mod statuses;

pub(crate) use evidence::{Exemplars, NUM_RULES, Rule, SpanKey, evidence};
pub(crate) use histogram::{Histogram, Merged};
pub(crate) use rows::{End, Row, RowId, RowKey, RowMoves, Rows, Subscription};
pub(crate) use series::{BUCKET_NS, Counts, RECENT, Sample, Series, bucket_of};
pub(crate) use statuses::{StatusId, StatusKind, Statuses};
