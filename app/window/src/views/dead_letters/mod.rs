//! Dead letters: an inbox by channel and cause, the letters one by one, and sending them again.
//!
//! `inbox` is what they died of, `letters` are the rows, `state_filter` which of them are listed, `marks` which are meant, `letter_detail` is what is known of
//! one (all pure). `view` keeps what is looked at and `letter_list` the page of
//! letters, `act` carries out commands, `lay_out` puts all in its place; `cards_ui` and `note_ui` draw.
//! The replay beside them is `replay`'s.

mod act;
mod cards_ui;
mod inbox;
mod lay_out;
mod letter_detail;
mod letter_list;
mod letters;
mod marks;
mod note_ui;
#[cfg(test)]
pub(crate) mod sample;
mod state_filter;
#[cfg(test)]
mod tests;
mod view;

#[cfg(test)]
pub(crate) use letters::state_ink;
pub(crate) use view::DeadLettersView;
