//! What was observed, in memory: spans, broker records and log records in column segments, found again by trace, by
//! span, by link, by correlation id and by position, within a budget of bytes. Sync and deterministic; no clock, no IO.

mod arrivals;
mod blob;
mod correlation_hash;
mod counts;
mod dictionary;
mod evicted_records;
mod filter;
mod hash;
mod identity;
mod log_segment;
mod lookup;
mod memory;
mod memory_split;
mod needle;
mod record_ref;
mod record_segment;
mod row_index;
mod shelf;
mod span_ref;
mod span_segment;
mod stored_at;
mod text_scan;
mod value;
mod vocabulary;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use correlation_hash::{hash_of_id, id_of};
pub(crate) use hash::Seed;
pub(crate) use log_segment::LogSegment;
pub(crate) use lookup::{bare_span_view, carries_id, log_carries_id, log_view};
pub(crate) use needle::Needle;
pub(crate) use record_segment::RecordSegment;
pub(crate) use row_index::RowIndex;
pub(crate) use shelf::{Held, Segment};
pub(crate) use span_segment::{SpanHead, SpanSegment};
pub(crate) use text_scan::{TextSearch, each_text};

pub use counts::KindCounts;
pub use log_segment::LogRef;
pub use memory::{Inserted, Store};
pub use record_ref::{RecordContent, RecordRef, StoredHeader};
pub use span_ref::{SpanRef, StoredEvent, StoredExtras, StoredLink, StoredResource};
pub use stored_at::StoredAt;
pub(crate) use value::is_text;
pub use value::{StoredAttr, StoredValue};
