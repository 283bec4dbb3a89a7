//! The views by their kinds, each in its folder; which there are is a table, `view/table.rs`.

pub(crate) mod breakers;
pub(crate) mod dead_letters;
pub(crate) mod groups;
pub(crate) mod ledger;
pub(crate) mod log;
pub(crate) mod map;
pub(crate) mod messages;
pub(crate) mod send;
pub(crate) mod sources;
pub(crate) mod traces;

use breakers::BreakersView;
use dead_letters::DeadLettersView;
use groups::GroupsView;
use ledger::LedgerView;
use log::LogView;
use map::MapPane;
use messages::MessagesView;
use send::SendView;
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
    /// Requests, calls and records that are composed here.
    pub send: SendView,
    /// What was sent, of all sessions.
    pub ledger: LedgerView,
    /// Dead letters and sending them again.
    pub dead_letters: DeadLettersView,
}

impl Views {
    /// The view of a kind.
    pub(crate) fn of(&self, kind: ViewKind) -> &dyn View {
        match kind {
            ViewKind::Map => &self.map,
            ViewKind::Traces => &self.traces,
            ViewKind::Messages => &self.messages,
            ViewKind::Groups => &self.groups,
            ViewKind::Breakers => &self.breakers,
            ViewKind::Send => &self.send,
            ViewKind::Ledger => &self.ledger,
            ViewKind::Sources => &self.sources,
            ViewKind::Log => &self.log,
            ViewKind::DeadLetters => &self.dead_letters,
        }
    }

    /// The same, to be drawn or told something.
    pub(crate) fn of_mut(&mut self, kind: ViewKind) -> &mut dyn View {
        match kind {
            ViewKind::Map => &mut self.map,
            ViewKind::Traces => &mut self.traces,
            ViewKind::Messages => &mut self.messages,
            ViewKind::Groups => &mut self.groups,
            ViewKind::Breakers => &mut self.breakers,
            ViewKind::Send => &mut self.send,
            ViewKind::Ledger => &mut self.ledger,
            ViewKind::Sources => &mut self.sources,
            ViewKind::Log => &mut self.log,
            ViewKind::DeadLetters => &mut self.dead_letters,
        }
    }
}
