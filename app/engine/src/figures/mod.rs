//! Figures: counts and durations that can be added, taken back and merged, so that a count can move when more is known.

mod evidence;
mod histogram;
mod row_key;
mod rows;
mod series;
mod statuses;

pub(crate) use evidence::{Exemplars, NUM_RULES, Rule, SpanKey, evidence};
pub(crate) use histogram::{Histogram, Merged};
pub(crate) use row_key::{End, RowKey, Subscription};
pub(crate) use rows::{Row, RowId, RowMoves, Rows};
pub(crate) use series::{BUCKET_NS, Counts, RECENT, Sample, Series, bucket_of};
pub(crate) use statuses::Statuses;
