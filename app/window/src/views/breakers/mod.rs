//! Circuit breakers: the state of each in each instance, how it is known, and how it went.
//!
//! `strip` says what was known when, `rows` what the table shows and what is known of one (all pure), `view` draws them.

mod rows;
mod strip;
#[cfg(test)]
mod tests;
mod view;

#[cfg(test)]
pub(crate) use rows::state_words;
pub(crate) use rows::{since_age, strip};
pub(crate) use strip::Piece;
pub(crate) use view::{BreakersView, strip_ui};
