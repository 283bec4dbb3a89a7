//! Messages: topics, their records, and what one of them holds.
//!
//! `topics` lists channels, `records` keeps the lines of the open one and what is loaded of them, `origin` says where they are proposed to be sent to, `record_filter` looks through
//! them, `record_detail` says what is known of a record (pure but for drawing), `head_ui` draws what stands above
//! the records, `filing` is records into files and out of them, `marked` knows what is marked on all topics, `view` puts all side by side.

mod filing;
mod filing_ui;
mod head_ui;
mod marked;
mod origin;
mod record_detail;
mod record_filter;
mod records;
mod replaying;
#[cfg(test)]
mod tests;
mod topics;
mod view;

pub(crate) use view::MessagesView;
