//! The program's own log: levels, a text to look for, and the whole of a line.
//!
//! `lines` chooses what is shown (pure), `view` draws it.

mod lines;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use view::LogView;
