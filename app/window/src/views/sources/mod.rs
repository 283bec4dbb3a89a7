//! Where the data come from, and how that goes: each source with its state, what it refused, and its settings.
//!
//! `list` says what there is and `form` what is being typed (both pure), `view` draws the table, `detail_ui` one source,
//! `form_ui` its settings.

mod detail_ui;
mod form;
mod form_ui;
mod list;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use view::SourcesView;
