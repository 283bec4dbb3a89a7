//! The map: who talks to whom, and what is unusual about it.
//!
//! `scene` says what there is, `noise` what of it is left out, `shown` and `grouping` what is shown in a mode, `layout` and
//! `place` where it stands, `spread` how far apart in this pane, `geometry` how edges run, `edge_label` what stands on them, `camera` and `draw`
//! what is seen of it, `colours` in which ink (all pure); `paint` puts it on screen.
//! `panel` says what there is to know of what is selected.

pub(crate) mod camera;
mod chrome;
mod colours;
pub(crate) mod draw;
pub(crate) mod edge_label;
mod empty;
pub(crate) mod geometry;
pub(crate) mod grouping;
pub(crate) mod layout;
mod lit;
pub(crate) mod mode;
pub(crate) mod noise;
pub(crate) mod paint;
mod pane;
pub(crate) mod panel;
mod panel_ui;
pub(crate) mod place;
mod pointer;
mod probed;
pub(crate) mod problems;
mod recovery;
#[cfg(test)]
mod sample;
pub(crate) mod scene;
pub(crate) mod sentence;
pub(crate) mod settings;
mod shown;
mod spread;
pub(crate) mod table;
#[cfg(test)]
mod tests;
pub(crate) mod topic;
mod view;
pub(crate) mod walk;

pub(crate) use pane::{MapPane, PANEL_WIDTH_PT};
pub(crate) use panel::{Known, answers::Answers};
pub(crate) use panel_ui::{PanelAction, panel_ui};
pub(crate) use settings::MapSettings;
pub(crate) use view::{MapView, Motion};
