//! A field for long texts: however long the text is, only the rows in view are laid out, and an edit touches its own line.
//!
//! `rows` is where rows begin, `history` what can be undone, `text` the text with its caret, `events` what keys do to it (all pure); `pressed` follows the
//! pointer while it is held, and `field` draws it all.

mod events;
mod field;
mod history;
mod pressed;
mod rows;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use field::{LongField, forget, is_long};
