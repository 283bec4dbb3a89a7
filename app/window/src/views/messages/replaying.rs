//! Replaying the marked records, or the selected one: what is asked for, and the panel beside them.

use switchboard_desk::send::replay::ReplayBoard;
use switchboard_engine::view::ChannelKey;

use super::{
    marked::{Meant, only_of_file},
    origin::proposed,
    view::MessagesView,
};
use crate::{
    ink::Tone,
    replay::{Asking, Marked, ReplayPanel, ReplayRoom, panel, send},
    sanitise::visible,
    theme::Ink,
    view::{UiCommand, ViewAction, ViewContext},
};

/// From this width beside the topics on the replay stands beside the records, points; before, below.
const BESIDE_FROM_PT: f32 = 640.0;
/// So much the records keep beside it, points.
const LIST_PT: f32 = 320.0;

/// What stands beside the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Beside {
    /// No replay.
    #[default]
    Nothing,
    /// None yet: it was asked for.
    Asked,
    /// One that was asked for here.
    There,
}

/// The commands that are about the replay beside.
pub(super) const OF_REPLAY: [UiCommand; 7] = [
    UiCommand::PreviewReplay,
    UiCommand::ChangeReplay,
    UiCommand::PaceReplay,
    UiCommand::EditRecord,
    UiCommand::SaveReplayPlan,
    UiCommand::SendReplay,
    UiCommand::StopReplay,
];

/// Whether a command is about the replay beside.
pub(super) fn is_of_replay(command: UiCommand) -> bool {
    OF_REPLAY.contains(&command)
}

/// Whether a replay of dead letters stands: it is shown beside them only.
fn stands_with_the_letters(board: &ReplayBoard) -> bool {
    board.preview.as_ref().is_some_and(|preview| preview.is_of_the_dead())
}

/// The records that are meant, as the panel counts them.
fn marked(meant: Meant<'_>) -> Marked {
    let num = meant.num();
    Marked { num, num_open: num, is_selection: false, num_parked: 0, are_records: true }
}

impl MessagesView {
    /// Takes in what is new of the replay, and carries out what waits.
    pub(super) fn take_replay(&mut self, context: &ViewContext<'_>, actions: &mut Vec<ViewAction>) {
        let board = context.replay;
        // One of letters is not shown here: nothing here acts on it, and what is filled in here does not become of the letters.
        if stands_with_the_letters(board) {
            self.pending.clear();
        } else {
            self.room.take(board);
        }
        // Asked for from elsewhere, it is asked where they shall go, unless another replay stands here. Where it can not be, the command says why.
        if std::mem::take(&mut self.is_to_be_asked) && !board.stands() {
            // What was filled in was of what was marked before.
            self.room.close_form();
            actions.push(ViewAction::Run(UiCommand::ChangeReplay));
        }
        let meant = self.records.as_ref().map(|records| Meant { records, elsewhere: &self.elsewhere });
        // Where nothing tells where they came from, the desk refuses an empty name, and says so.
        let to = |channel: &ChannelKey| proposed(channel, &context.snapshot.dead_letters, &self.topics).unwrap_or_default();
        for command in std::mem::take(&mut self.pending) {
            let asked_for = || if command == UiCommand::ChangeReplay { meant?.ask_to_change(&to, board) } else { meant?.ask(&to, board).ok() };
            let selected = || meant.map_or_else(|| only_of_file(board), |meant| meant.selected(board).ok());
            let commands = match self.room.run(command, board, asked_for, selected) {
                Some(commands) => commands,
                None => self.room.step_back(board).unwrap_or_default(),
            };
            // A range is of the open topic, wherever it is proposed to go.
            if command == UiCommand::ChangeReplay
                && board.preview.is_none()
                && let Some(meant) = meant.filter(|meant| meant.is_empty())
            {
                self.room.range_of(&meant.records.channel.name);
            }
            if matches!(command, UiCommand::PreviewReplay | UiCommand::EditRecord) && self.beside != Beside::There {
                self.beside = Beside::Asked;
            }
            actions.extend(commands.into_iter().map(send));
        }
        let is_there = board.preview.is_some() || board.preparing.is_some() || board.editing.is_some() || board.refusal.is_some();
        self.beside = match self.beside {
            Beside::Asked | Beside::There if is_there => Beside::There,
            Beside::There => Beside::Nothing,
            beside => beside,
        };
        // One that was asked for elsewhere is shown there.
        self.shows_replay = match &board.preview {
            Some(_) => !stands_with_the_letters(board),
            None => self.beside == Beside::There || self.room.has_form(),
        };
    }

    /// Draws the replay beside the records, or below them where there is no room.
    pub(super) fn replay_ui(&mut self, ui: &mut egui::Ui, context: &ViewContext<'_>, actions: &mut Vec<ViewAction>) {
        let (board, tokens) = (context.replay, context.tokens);
        let plan_file = board.plan_file.as_ref().map(|(_, path)| visible(&path.display().to_string()).into_owned());
        let of_open = || self.records.as_ref().and_then(|records| records.channel.cluster.as_deref());
        let cluster = self.meant().and_then(|meant| meant.cluster(board).ok()).or_else(of_open);
        let marked = self.meant().map(marked).unwrap_or_default();
        let asking = Asking { marked, cluster, readers: None, typed_name: &self.room.typed_name, num_changed: 0, plan_file: plan_file.as_deref() };
        let mut shown = panel(board, &asking, context.clock_ns);
        self.room.fit_buttons(&mut shown, board);
        let is_open = board.preview.is_none() && board.run.is_none() && board.preparing.is_none() && board.editing.is_none();
        if let Some(records) = self.records.as_ref().filter(|_| is_open && self.meant().is_some_and(Meant::is_of_the_open_topic))
            && let Err(why) = proposed(&records.channel, &context.snapshot.dead_letters, &self.topics)
        {
            (shown.phase, shown.phase_tone) = (format!("{}; {why}", shown.phase), Tone::Warn);
        }
        self.note_unavailable(&shown, board);
        let selected = self.meant().filter(|_| board.preview.is_some()).and_then(|meant| meant.selected(board).ok());
        let of_selected = selected.as_ref().map(|asked| &asked.letter);
        let room = ui.available_size();
        let panel = if room.x >= BESIDE_FROM_PT {
            let width = (room.x * 0.32).clamp(300.0, 440.0);
            egui::Panel::right("replay of records").default_size(width).size_range(260.0..=(room.x - LIST_PT).min(560.0))
        } else {
            // Side by side neither has room, so it stands where the detail does.
            egui::Panel::bottom("replay below the records").default_size(room.y * 0.54).size_range(100.0..=(room.y * 0.8).max(101.0))
        };
        let frame = egui::Frame::new().fill(tokens.ink(Ink::Panel));
        let (command, asked) = panel.resizable(true).frame(frame).show(ui, |ui| self.room.ui(ui, &shown, board, of_selected, tokens)).inner;
        if let Some(command) = command {
            self.pending.push(command);
            ui.ctx().request_repaint();
        }
        actions.extend(asked);
    }

    pub(super) fn meant(&self) -> Option<Meant<'_>> {
        self.records.as_ref().map(|records| Meant { records, elsewhere: &self.elsewhere })
    }

    fn note_unavailable(&mut self, panel: &ReplayPanel, board: &ReplayBoard) {
        self.unavailable.clear();
        let buttons = panel.buttons.iter().filter(|button| !button.unavailable.is_empty());
        self.unavailable.extend(buttons.map(|button| (button.command, button.unavailable.clone())));
        let can_change = self.meant().is_some_and(|meant| meant.can_change(board));
        if board.preview.is_none()
            && !can_change
            && let Some(why) = self.meant().and_then(|meant| meant.cluster(board).err())
        {
            self.unavailable.push((UiCommand::ChangeReplay, why));
        }
        let of_preview = [UiCommand::PaceReplay, UiCommand::EditRecord, UiCommand::SaveReplayPlan].map(|command| (command, true));
        for (command, has_any) in std::iter::once((UiCommand::ChangeReplay, can_change)).chain(of_preview) {
            self.unavailable.extend(ReplayRoom::unavailable(board, command, has_any).map(|why| (command, why.to_owned())));
        }
        self.note_why_not_edited(board);
        for (command, why) in [(UiCommand::SendReplay, self.room.why_nothing_to_send()), (UiCommand::PreviewReplay, Some("close the replay first".to_owned()))]
        {
            if !panel.buttons.iter().any(|button| button.command == command) {
                self.unavailable.extend(why.map(|why| (command, why)));
            }
        }
    }

    /// Why no record can be edited: only the selected one is, and only among those that go.
    fn note_why_not_edited(&mut self, board: &ReplayBoard) {
        if let Some(why) = self.meant().and_then(|meant| meant.selected(board).err()) {
            self.unavailable.push((UiCommand::EditRecord, why));
        }
    }

    /// Why commands of the replay can not be used where none is shown.
    pub(super) fn note_nothing_shown(&mut self, board: &ReplayBoard) {
        self.unavailable.clear();
        if stands_with_the_letters(board) {
            let why = "a replay of dead letters stands in Dead letters: close it there first";
            self.unavailable.extend(OF_REPLAY.map(|command| (command, why.to_owned())));
            return;
        }
        let why_not = self.meant().map_or_else(|| Some("no topic is open".to_owned()), |meant| meant.cluster(board).err());
        if let Some(why) = why_not {
            let can_change = self.meant().is_some_and(|meant| meant.can_change(board));
            let of_marked = [UiCommand::PreviewReplay, UiCommand::EditRecord].into_iter().chain((!can_change).then_some(UiCommand::ChangeReplay));
            self.unavailable.extend(of_marked.map(|command| (command, why.clone())));
        }
        self.note_why_not_edited(board);
        let first = [UiCommand::SendReplay, UiCommand::SaveReplayPlan, UiCommand::PaceReplay, UiCommand::StopReplay];
        let why = self.room.why_nothing_to_send();
        self.unavailable.extend(first.into_iter().zip(std::iter::repeat(why)).filter_map(|(command, why)| Some((command, why?))));
    }
}
