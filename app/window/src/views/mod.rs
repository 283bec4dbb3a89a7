//! The views that there are.

pub(crate) mod breakers;
pub(crate) mod dead_letters;
pub(crate) mod groups;
pub(crate) mod log;
pub(crate) mod map;
pub(crate) mod messages;
pub(crate) mod sources;
pub(crate) mod traces;

use breakers::BreakersView;
use dead_letters::DeadLettersView;
use groups::GroupsView;
use log::LogView;
use map::MapPane;
use messages::MessagesView;
use sources::SourcesView;
use traces::TracesView;

use crate::view::{View, ViewKind};

/// All views, each with what belongs to its screen. They live on while they are not shown.
#[derive(Default)]
pub(crate) struct Views {
    /// The map with its sentence and its side panel.
    pub map: MapPane,
    /// Traces, one of them, conversations.
    pub traces: TracesView,
    /// Topics and records.
    pub messages: MessagesView,
    /// Consumer groups.
    pub groups: GroupsView,
    /// Circuit breakers.
    pub breakers: BreakersView,
    /// Where the data come from.
    pub sources: SourcesView,
    /// The program's own log.
    pub log: LogView,
    /// Dead letters and sending them again.
    pub dead_letters: DeadLettersView,
}

impl Views {
    /// A view; `None` if this program has none of that kind.
    #[expect(clippy::unnecessary_wraps, reason = "a kind may be added before its view is")]
    pub(crate) fn of(&self, kind: ViewKind) -> Option<&dyn View> {
        match kind {
            ViewKind::Map => Some(&self.map),
            ViewKind::Traces => Some(&self.traces),
            ViewKind::Messages => Some(&self.messages),
            ViewKind::Groups => Some(&self.groups),
            ViewKind::Breakers => Some(&self.breakers),
            ViewKind::Sources => Some(&self.sources),
            ViewKind::Log => Some(&self.log),
            ViewKind::DeadLetters => Some(&self.dead_letters),
        }
    }

    /// The same, to be drawn or told something.
    #[expect(clippy::unnecessary_wraps, reason = "a kind may be added before its view is")]
    pub(crate) fn of_mut(&mut self, kind: ViewKind) -> Option<&mut dyn View> {
        match kind {
            ViewKind::Map => Some(&mut self.map),
            ViewKind::Traces => Some(&mut self.traces),
            ViewKind::Messages => Some(&mut self.messages),
            ViewKind::Groups => Some(&mut self.groups),
            ViewKind::Breakers => Some(&mut self.breakers),
            ViewKind::Sources => Some(&mut self.sources),
            ViewKind::Log => Some(&mut self.log),
            ViewKind::DeadLetters => Some(&mut self.dead_letters),
        }
    }

    /// The kinds that there are, in the order of the bar.
    pub(crate) fn kinds(&self) -> Vec<ViewKind> {
        ViewKind::ALL.into_iter().filter(|kind| self.of(*kind).is_some()).collect()
    }
}
