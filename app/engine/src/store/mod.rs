//! What was observed, in memory: spans, broker records and log records in column segments, found again by trace, by
//! span, by link, by correlation id and by position, within a budget of bytes. Sync and deterministic; no clock, no IO.

mod arrivals;
mod blob;
mod correlation;
mod counts;
mod dictionary;
mod filter;
mod hash;
mod identity;
mod log_segment;
mod lookup;
mod memory;
mod record_segment;
mod row_index;
mod scan;
mod shelf;
mod span_ref;
mod span_segment;
mod value;
mod vocabulary;

#[cfg(test)]
mod tests;

pub use counts::KindCounts;
pub use log_segment::LogRef;
pub use memory::{Inserted, Store, StoredAt};
pub use record_segment::{RecordContent, RecordRef, StoredHeader};
pub use scan::AttributeScan;
pub use span_ref::{SpanRef, StoredEvent, StoredExtras, StoredLink, StoredResource};
pub use value::{StoredAttr, StoredValue};
