//! Replaying the marked records, or the selected one: what is asked for, and the panel beside them.

use switchboard_desk::send::replay::{AskedLetter, AskedLetters, ReplayAsk, ReplayBoard, ReplayOptions};
use switchboard_engine::view::RecordLine;
use switchboard_model::MessageRef;

use super::{
    records::{REPLAYED_MAX, Records},
    view::MessagesView,
};
use crate::{
    figures,
    replay::{Asking, Marked, ReplayPanel, ReplayRoom, panel, send},
    sanitise::visible,
    theme::Ink,
    view::{UiCommand, ViewAction, ViewContext},
};

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

/// Whether a command is about the replay beside.
pub(super) fn is_of_replay(command: UiCommand) -> bool {
    matches!(
        command,
        UiCommand::PreviewReplay | UiCommand::ChangeReplay | UiCommand::EditRecord | UiCommand::SaveReplayPlan | UiCommand::SendReplay | UiCommand::StopReplay
    )
}

/// The cluster on which the marked records lie, by the name of its source; the reason where nothing can be asked for.
fn cluster<'a>(records: &'a Records, board: &'a ReplayBoard) -> Result<&'a str, String> {
    match (records.num_meant(), &records.channel.cluster, board.clusters.as_slice()) {
        (0, ..) => Err("mark records first: Space, or A for all that are listed".to_owned()),
        (num, ..) if num > REPLAYED_MAX => Err(format!("mark {} records at most", figures::count(REPLAYED_MAX as u64))),
        (_, Some(cluster), _) => Ok(cluster),
        (_, None, [only]) => Ok(&only.name),
        (_, None, _) => Err("it is not known on which cluster this topic lies".to_owned()),
    }
}

/// What can be changed before it is asked for: what is marked, or where nothing is, nothing yet of the open topic, of which a range can be typed.
fn ask_to_change(records: &Records, board: &ReplayBoard) -> Option<ReplayAsk> {
    ask(records, board).or_else(|| {
        let cluster = match (&records.channel.cluster, board.clusters.as_slice()) {
            _ if records.num_meant() > 0 => return None,
            (Some(cluster), _) => cluster.clone(),
            (None, [only]) => only.name.clone(),
            (None, _) => return None,
        };
        Some(asking(cluster, &records.channel.name, Vec::new()))
    })
}

fn asking(cluster: String, channel: &str, letters: Vec<AskedLetter>) -> ReplayAsk {
    ReplayAsk {
        target: channel.into(),
        num_stored: letters.len() as u64,
        letters: AskedLetters::These(letters),
        cluster,
        plan_key: None,
        options: ReplayOptions::default(),
    }
}

/// What would be asked for; `None` = nothing can be.
fn ask(records: &Records, board: &ReplayBoard) -> Option<ReplayAsk> {
    let cluster = cluster(records, board).ok()?.to_owned();
    let letters: Vec<AskedLetter> = records.meant().into_iter().map(|line| asked(line, &cluster, &records.channel.name)).collect();
    Some(asking(cluster, &records.channel.name, letters))
}

/// The records that are meant, as the panel counts them.
fn marked(records: &Records) -> Marked {
    let num = records.num_meant();
    Marked { num, num_open: num, is_selection: false, num_parked: 0, are_records: true }
}

fn asked(line: &RecordLine, cluster: &str, channel: &str) -> AskedLetter {
    AskedLetter::at(MessageRef { cluster: cluster.to_owned(), channel: channel.to_owned(), place: line.place.clone() })
}

impl MessagesView {
    /// Takes in what is new of the replay, and carries out what waits.
    pub(super) fn take_replay(&mut self, context: &ViewContext<'_>, actions: &mut Vec<ViewAction>) {
        let board = context.replay;
        self.room.take(board);
        let Some(records) = &self.records else { return };
        for command in std::mem::take(&mut self.pending) {
            let asked_for = || if command == UiCommand::ChangeReplay { ask_to_change(records, board) } else { ask(records, board) };
            let selected = || asked_for().and_then(|ask| if let AskedLetters::These(letters) = ask.letters { letters.into_iter().next() } else { None });
            let commands = match self.room.run(command, board, asked_for, selected) {
                Some(commands) => commands,
                None => self.room.step_back(board).unwrap_or_default(),
            };
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
            Some(preview) => !preview.is_of_the_dead(),
            None => self.beside == Beside::There || self.room.has_form(),
        };
    }

    /// Draws the replay beside the records.
    pub(super) fn replay_ui(&mut self, ui: &mut egui::Ui, context: &ViewContext<'_>, actions: &mut Vec<ViewAction>) {
        let (board, tokens) = (context.replay, context.tokens);
        let plan_file = board.plan_file.as_ref().map(|(_, path)| visible(&path.display().to_string()).into_owned());
        let cluster = self.records.as_ref().and_then(|records| records.channel.cluster.as_deref());
        let marked = self.records.as_ref().map(marked).unwrap_or_default();
        let asking = Asking { marked, cluster, readers: None, typed_name: &self.room.typed_name, num_changed: 0, plan_file: plan_file.as_deref() };
        let mut shown = panel(board, &asking, context.clock_ns);
        self.room.free_buttons(&mut shown, board);
        self.note_unavailable(&shown, board);
        let selected =
            self.records.as_ref().and_then(|records| records.selected.and_then(|row| records.place(row)).map(|place| records.lines[place].place.clone()));
        // A record is known by its place: of its time the ledger has what the broker says.
        let of_selected = selected.and_then(|place| {
            let preview = board.preview.as_ref()?;
            preview.planned.iter().map(|planned| &planned.asked.letter).find(|letter| letter.at.place == place)
        });
        let width = (ui.available_width() * 0.32).clamp(300.0, 440.0);
        let side = egui::Panel::right("replay of records").resizable(true).default_size(width).size_range(260.0..=560.0);
        let frame = egui::Frame::new().fill(tokens.ink(Ink::Panel));
        let (command, asked) = side.frame(frame).show(ui, |ui| self.room.ui(ui, &shown, board, of_selected, tokens)).inner;
        if let Some(command) = command {
            self.pending.push(command);
            ui.ctx().request_repaint();
        }
        actions.extend(asked);
    }

    fn note_unavailable(&mut self, panel: &ReplayPanel, board: &ReplayBoard) {
        self.unavailable.clear();
        let buttons = panel.buttons.iter().filter(|button| !button.unavailable.is_empty());
        self.unavailable.extend(buttons.map(|button| (button.command, button.unavailable.clone())));
        let is_selected = self.records.as_ref().is_some_and(|records| records.num_meant() > 0);
        let can_change = self.records.as_ref().is_some_and(|records| ask_to_change(records, board).is_some());
        for (command, has_any) in [(UiCommand::ChangeReplay, can_change), (UiCommand::EditRecord, is_selected), (UiCommand::SaveReplayPlan, true)] {
            self.unavailable.extend(ReplayRoom::unavailable(board, command, has_any).map(|why| (command, why.to_owned())));
        }
        for (command, why) in [(UiCommand::SendReplay, self.room.why_nothing_to_send()), (UiCommand::PreviewReplay, Some("close the replay first".to_owned()))]
        {
            if !panel.buttons.iter().any(|button| button.command == command) {
                self.unavailable.extend(why.map(|why| (command, why)));
            }
        }
    }

    /// Why commands of the replay can not be used where none is shown.
    pub(super) fn note_nothing_shown(&mut self, board: &ReplayBoard) {
        self.unavailable.clear();
        let why_not = self.records.as_ref().map_or_else(|| Some("no topic is open".to_owned()), |records| cluster(records, board).err());
        if let Some(why) = why_not {
            let can_change = self.records.as_ref().is_some_and(|records| ask_to_change(records, board).is_some());
            let of_marked = [UiCommand::PreviewReplay, UiCommand::EditRecord].into_iter().chain((!can_change).then_some(UiCommand::ChangeReplay));
            self.unavailable.extend(of_marked.map(|command| (command, why.clone())));
        }
        let first = [UiCommand::SendReplay, UiCommand::SaveReplayPlan, UiCommand::StopReplay];
        let why = self.room.why_nothing_to_send();
        self.unavailable.extend(first.into_iter().zip(std::iter::repeat(why)).filter_map(|(command, why)| Some((command, why?))));
    }
}
