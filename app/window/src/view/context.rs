//! What a view gets to draw with.

use switchboard_desk::ledger::LedgerBoard;
use switchboard_desk::own_log::OwnLogPage;
use switchboard_desk::send::{SendBoard, replay::ReplayBoard};
use switchboard_desk::sources_desk::SourcesBoard;
use switchboard_engine::view::Snapshot;

use super::{Asker, News, TimeRange};
use crate::{WindowOptions, theme::DesignTokens};

/// What a view draws with.
pub(crate) struct ViewContext<'a> {
    /// What was observed, of now or of the moment of the pause.
    pub snapshot: &'a Snapshot,
    /// What can be seen of replaying, as of now also while paused.
    pub replay: &'a ReplayBoard,
    /// What can be seen of sending, as of now also while paused.
    pub send: &'a SendBoard,
    /// What was read of the ledger, as of now also while paused.
    pub ledger: &'a LedgerBoard,
    /// The sources as the profile has them.
    pub sources: &'a SourcesBoard,
    /// The instant that is looked at, and that ages are told at, ns since the Unix epoch: now, or when it was paused.
    pub now_ns: i64,
    /// The time on the wall, ns since the Unix epoch: for what goes on while paused because the user set it going.
    pub clock_ns: i64,
    /// The instant that questions are of: as that, until nothing is left in the range.
    pub asked_at_ns: i64,
    /// What is new since views were looked at.
    pub news: &'a News,
    /// Whether the window is paused.
    pub is_paused: bool,
    /// The program's own log as it was when the window was paused.
    pub paused_log: Option<&'a OwnLogPage>,
    /// How much time before that instant.
    pub range: TimeRange,
    /// Colours.
    pub tokens: &'a DesignTokens,
    /// Answers questions.
    pub asker: &'a mut Asker,
    /// What the window knows of its session from the start.
    pub options: &'a WindowOptions,
    /// For pictures and tests: no waiting, no motion, nothing beside the frame.
    pub in_place: bool,
}
