//! Circuit breakers: the state of each in each instance, how it is known, and how it went.
//!
//! `rows` says what the table shows and what is known of one (pure), `view` draws them.

mod rows;
#[cfg(test)]
mod tests;
mod view;

#[cfg(test)]
pub(crate) use rows::state_words;
pub(crate) use view::BreakersView;
