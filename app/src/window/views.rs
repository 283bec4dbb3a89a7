//! The views that there are.

mod map_pane;

use map_pane::MapPane;
pub(crate) use map_pane::PANEL_WIDTH_PT;

use crate::window::{
    log::LogView,
    sources::SourcesView,
    view::{View, ViewKind},
};

/// All views, each with what belongs to its screen. They live on while they are not shown.
#[derive(Default)]
pub(crate) struct Views {
    /// The map with its sentence and its side panel.
    pub map: MapPane,
    /// Where the data come from.
    pub sources: SourcesView,
    /// The program's own log.
    pub log: LogView,
}

impl Views {
    /// A view; `None` if this program has none of that kind.
    pub(crate) fn of(&self, kind: ViewKind) -> Option<&dyn View> {
        match kind {
            ViewKind::Map => Some(&self.map),
            ViewKind::Sources => Some(&self.sources),
            ViewKind::Log => Some(&self.log),
            ViewKind::Traces | ViewKind::Messages | ViewKind::Groups | ViewKind::DeadLetters | ViewKind::Breakers => None,
        }
    }

    /// The same, to be drawn or told something.
    pub(crate) fn of_mut(&mut self, kind: ViewKind) -> Option<&mut dyn View> {
        match kind {
            ViewKind::Map => Some(&mut self.map),
            ViewKind::Sources => Some(&mut self.sources),
            ViewKind::Log => Some(&mut self.log),
            ViewKind::Traces | ViewKind::Messages | ViewKind::Groups | ViewKind::DeadLetters | ViewKind::Breakers => None,
        }
    }

    /// The kinds that there are, in the order of the bar.
    pub(crate) fn kinds(&self) -> Vec<ViewKind> {
        ViewKind::ALL.into_iter().filter(|kind| self.of(*kind).is_some()).collect()
    }
}
