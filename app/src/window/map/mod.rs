//! The map: who talks to whom, and what is unusual about it.
//!
//! `scene` says what there is, `layout` and `place` where it stands, `geometry` how edges run, `draw` what is seen of it
//! (all pure), `paint` puts it on screen. `panel` says what there is to know of what is selected.

pub(crate) mod draw;
pub(crate) mod geometry;
mod glyph;
pub(crate) mod layout;
mod paint;
pub(crate) mod panel;
mod panel_ui;
pub(crate) mod place;
pub(crate) mod problems;
pub(crate) mod scene;
mod stroke;
mod table;
#[cfg(test)]
mod tests;
mod view;
pub(crate) mod walk;
#[cfg(test)]
mod window_tests;

pub(crate) use panel_ui::{PanelAction, panel_ui};
pub(crate) use view::MapView;
