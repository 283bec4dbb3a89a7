//! Traces: the list, one of them span by span, and all that shares an id.
//!
//! `tree` says who caused whom, `waterfall`, `critical` and `overview` what is drawn of it, `span_detail` what is known of a span
//! (all pure); `open_trace` keeps what is looked at, `waterfall_ui` and `row_paint` draw it. `filter` and `list` are the list,
//! `story` is a conversation.

mod critical;
mod filter;
mod list;
mod open_trace;
mod overview;
mod row_paint;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod span_detail;
mod story;
#[cfg(test)]
mod tests;
pub(crate) mod tree;
mod view;
pub(crate) mod waterfall;
mod waterfall_ui;

pub(crate) use view::TracesView;
