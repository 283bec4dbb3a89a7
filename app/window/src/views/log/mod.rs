//! The program's own log: levels, a text to look for, and the whole of a line.
//!
//! `lines` chooses what is shown (pure), `view` draws it.

mod lines;
mod view;
#[cfg(test)]
mod view_tests;

pub(crate) use view::LogView;
