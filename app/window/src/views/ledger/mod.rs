//! What was sent from here, of all sessions that share the ledger: runs and refusals, and the sends of each. It only looks.
//!
//! `rows` says what the two lists show, `details` what is known of a run and of a send, `filter` what can be chosen (all pure), `sought` finds records
//! that are stored here; `view` keeps what is looked at, `head_ui` and `beside_ui` draw around the list.

mod beside_ui;
mod details;
mod filter;
mod head_ui;
mod rows;
#[cfg(test)]
pub(crate) mod sample;
mod sought;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use view::LedgerView;
