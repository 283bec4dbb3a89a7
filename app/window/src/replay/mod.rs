//! Sending again what lies on a broker, beside whatever lists it: what would be sent and is, to where and how, and what is changed before.
//!
//! `panel` is what a replay would do and does, `changed` what changes change (both pure), `form` what can be chosen of it, a range too (`range_form`), `pace_form` how many
//! of a preview go first and how fast the rest goes, `editor` one record that is edited; `room` keeps them for a view. `panel_ui`, `form_ui` and `changed_ui` draw.

mod changed;
mod changed_ui;
mod editor;
mod form;
mod form_ui;
mod pace_form;
mod panel;
mod panel_ui;
mod range_form;
mod room;

pub(crate) use panel::{Asking, Marked, ReplayPanel, panel};
pub(crate) use room::{ReplayRoom, send};
