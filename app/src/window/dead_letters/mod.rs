//! Dead letters: an inbox by channel and cause, the letters one by one, and sending them again.
//!
//! `inbox` counts by what they died of, `letters` are the rows, `letter_detail` is what is known of one, `replay_panel` is what a
//! replay would do and does (all pure); `cards_ui` and `panel_ui` draw them, `view` keeps what is looked at.

mod cards_ui;
mod inbox;
mod letter_detail;
mod letters;
mod panel_ui;
mod replay_panel;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use view::DeadLettersView;
