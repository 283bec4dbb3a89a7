//! What commands do in this view.

use super::view::{DeadLettersView, Keys, record_action};
use switchboard_desk::{
    ledger::{KindHash, LetterKey, LetterState},
    send::replay::{AskedLetter, LetterCause, ReplayAsk, ReplayBoard, ReplayCommand, ReplayOptions},
};

use crate::{
    replay::{ReplayPanel, ReplayRoom, send},
    view::{Target, UiCommand, ViewAction},
    widgets::table::TableState,
};

/// Whether a command is carried out here.
pub(super) fn is_own(command: UiCommand) -> bool {
    matches!(
        command,
        UiCommand::WalkUp
            | UiCommand::WalkDown
            | UiCommand::WalkLeft
            | UiCommand::WalkRight
            | UiCommand::WalkPageUp
            | UiCommand::WalkPageDown
            | UiCommand::WalkFirst
            | UiCommand::WalkLast
            | UiCommand::Open
            | UiCommand::ClearSelection
            | UiCommand::MarkLetter
            | UiCommand::MarkAllLetters
            | UiCommand::NextLetterState
            | UiCommand::PreviewReplay
            | UiCommand::ChangeReplay
            | UiCommand::PaceReplay
            | UiCommand::EditRecord
            | UiCommand::SaveReplayPlan
            | UiCommand::SendReplay
            | UiCommand::StopReplay
            | UiCommand::ParkLetters
            | UiCommand::UnparkLetters
            | UiCommand::LetterTrace
            | UiCommand::LetterRecord
    )
}

impl DeadLettersView {
    /// Notes which commands can not be used now, and why.
    pub(super) fn note_unavailable(&mut self, panel: &ReplayPanel, board: &ReplayBoard) {
        self.unavailable.clear();
        let buttons = panel.buttons.iter().filter(|button| !button.unavailable.is_empty());
        self.unavailable.extend(buttons.map(|button| (button.command, button.unavailable.clone())));
        let mut missing = |command: UiCommand, why: &str| {
            if !panel.buttons.iter().any(|button| button.command == command) {
                self.unavailable.push((command, why.to_owned()));
            }
        };
        if let Some(why) = self.room.why_nothing_to_send() {
            missing(UiCommand::SendReplay, &why);
        }
        missing(UiCommand::PreviewReplay, "close the replay first");
        let is_selected = self.list.selected().is_some();
        for command in [UiCommand::ChangeReplay, UiCommand::PaceReplay, UiCommand::EditRecord, UiCommand::SaveReplayPlan] {
            self.unavailable.extend(ReplayRoom::unavailable(board, command, is_selected).map(|why| (command, why.to_owned())));
        }
        if self.list.selected().is_none_or(|row| row.view.trace_id.is_none()) {
            self.unavailable.push((UiCommand::LetterTrace, "its headers name no trace".to_owned()));
        }
    }

    pub(super) fn carry_out(&mut self, command: UiCommand, board: &ReplayBoard, actions: &mut Vec<ViewAction>) {
        let Some(kind) = self.cause.as_ref().map(LetterCause::kind) else { return };
        let mut room = std::mem::take(&mut self.room);
        let selected = || self.list.selected().map(|row| AskedLetter::of(&row.view, kind));
        let asked = room.run(command, board, || self.ask(board), selected);
        self.room = room;
        if let Some(asked) = asked {
            return actions.extend(asked.into_iter().map(send));
        }
        match command {
            UiCommand::MarkLetter => self.list.toggle(),
            UiCommand::MarkAllLetters => self.list.toggle_all(),
            UiCommand::NextLetterState => {
                if let Some(next) = self.chosen().map(|of| self.filter.next(of)) {
                    self.list_only(next);
                }
            }
            UiCommand::StopReplay | UiCommand::ClearSelection => actions.extend(self.step_back(board).into_iter().map(send)),
            UiCommand::ParkLetters => {
                if self.marked(board).num_open > 0 {
                    self.note = Some(String::new());
                }
            }
            UiCommand::UnparkLetters => {
                let is_parked = |letter: &LetterKey| matches!(board.state(letter), LetterState::Parked(_));
                let meant = self.list.meant().into_iter().filter(|row| is_parked(&row.key));
                let letters: Vec<(LetterKey, KindHash)> = meant.map(|row| (row.key.clone(), kind)).collect();
                if !letters.is_empty() {
                    actions.push(send(ReplayCommand::Unpark { letters }));
                }
            }
            UiCommand::LetterTrace => {
                let trace_id = self.list.selected().and_then(|row| row.view.trace_id);
                actions.extend(trace_id.map(|trace_id| ViewAction::Goto(Target::Trace { trace_id, span_id: None })));
            }
            UiCommand::LetterRecord => actions.extend(self.list.selected().map(record_action)),
            // The keys of a form lead nowhere else; its own Enter is the field's.
            UiCommand::Open if self.note.is_some() => {}
            UiCommand::Open => match self.keys {
                Keys::Causes => self.keys = Keys::Letters,
                Keys::Letters => actions.extend(self.list.selected().map(record_action)),
            },
            UiCommand::WalkLeft => self.keys = Keys::Causes,
            UiCommand::WalkRight => self.keys = Keys::Letters,
            other => match self.keys {
                Keys::Causes => self.walk_causes(other),
                Keys::Letters => self.list.walk(other),
            },
        }
    }

    /// Leaves the note, or what the replay beside is at, or lets go of what is marked.
    fn step_back(&mut self, board: &ReplayBoard) -> Vec<ReplayCommand> {
        if self.note.take().is_some() {
            return Vec::new();
        }
        self.room.step_back(board).unwrap_or_else(|| {
            self.list.marks = super::marks::Marks::default();
            Vec::new()
        })
    }

    fn walk_causes(&mut self, command: UiCommand) {
        let rows = &self.inbox.value;
        let at = self.cause.as_ref().and_then(|cause| rows.iter().position(|row| row.cause == *cause));
        // The cards scroll by themselves; only the step is the table's.
        if let Some(row) = TableState::default().run(command, at, rows.len()).and_then(|row| rows.get(row)) {
            let cause = row.cause.clone();
            self.choose(Some(cause));
            self.reveal_cause = true;
        }
    }

    fn ask(&self, board: &ReplayBoard) -> Option<ReplayAsk> {
        let cause = self.cause.as_ref()?;
        let letters = self.list.marks.open(self.list.selected(), cause, board)?;
        Some(ReplayAsk {
            cluster: cause.cluster.clone(),
            target: cause.origin.clone().unwrap_or_default().into(),
            letters,
            num_stored: self.list.stored().num,
            plan_key: None,
            options: ReplayOptions::default(),
        })
    }
}
