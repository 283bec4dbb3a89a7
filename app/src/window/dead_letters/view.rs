//! What is looked at: a cause, a letter of it, those that are marked, and the replay beside.

use std::{borrow::Cow, collections::BTreeSet};

use egui::{Rect, RichText, Stroke, StrokeKind, WidgetInfo, accesskit::Role, pos2, vec2};
use switchboard_engine::view::{Answer, ChannelKey, Query, RecordView};
use switchboard_model::{CorrelationId, SpanId, TraceId};

use super::{
    cards_ui::{cards_ui, height_pt},
    inbox::{Cause, InboxRow, inbox, sentence},
    letter_detail::Letter,
    letters::{LetterRow, rows, state_ink, state_word},
    panel_ui::{Asked, panel_ui},
    replay_panel::{Asking, Marked, ReplayPanel, panel},
};
use crate::{
    ledger::{KindHash, LetterKey, LetterState},
    replay::{Readers, ReplayAsk, ReplayBoard, ReplayCommand, RunPhase, consumed_in, readers},
    window::{
        SessionCommand,
        asker::Slot,
        command::UiCommand,
        figures, fonts,
        theme::{DesignTokens, Ink, RADIUS_PT, TEXT_BODY_PT, TEXT_SMALL_PT},
        view::{CopyForm, Target, View, ViewAction, ViewContext},
        widgets::{
            detail::{head_ui, section_ui},
            empty_state::{EmptyState, empty_state_ui},
            payload::{Payload, PayloadUi, payload_ui},
            table::{Column, Row, Table, TableState, Width},
        },
    },
};

/// Letters of a cause that are listed.
const LETTERS_MAX: usize = 5_000;
/// Items of a letter's conversation that are looked through for the span that consumed it.
const STORY_MAX: usize = 64;
/// From this width on list, letter and replay stand side by side, points.
const THREE_FROM_PT: f32 = 980.0;
/// From this width on two of them do, points.
const TWO_FROM_PT: f32 = 620.0;
/// Where the mark of a row is, from the left, points.
const MARK_PT: f32 = 42.0;

const COLUMNS: [Column; 7] = [
    Column::left("", Width::Points(14.0)),
    Column::right("offset", Width::Points(52.0)),
    Column::left("origin", Width::Points(70.0)),
    Column::left("key", Width::Share(1.0)),
    Column::right("tries", Width::Points(28.0)),
    Column::left("state", Width::Points(64.0)),
    Column::right("died", Width::Points(58.0)),
];

/// Which list the keys move in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Keys {
    /// The causes.
    Causes,
    /// The letters.
    #[default]
    Letters,
}

/// The view of dead letters.
#[derive(Default)]
pub(crate) struct DeadLettersView {
    inbox: Cached<(u64, u64), Vec<InboxRow>>,
    /// The second in which it was counted last.
    counted_s: Option<i64>,
    letters: Cached<(u64, u64), Vec<LetterRow>>,
    num_left_out: u64,
    cause: Option<Cause>,
    wanted: Option<(ChannelKey, Option<String>)>,
    selected: Option<LetterKey>,
    marked: BTreeSet<LetterKey>,
    keys: Keys,
    table: TableState,
    reveal_cause: bool,
    /// The note that is being written.
    note: Option<String>,
    typed_name: String,
    open: Option<OpenLetter>,
    pending: Vec<UiCommand>,
    /// Why commands can not be used, as of the last frame.
    unavailable: Vec<(UiCommand, String)>,
    last_preview: Option<String>,
    /// What was asked for in the panel.
    asked: Vec<ViewAction>,
}

/// Something derived, until what it is derived from changes.
struct Cached<K, T> {
    key: Option<K>,
    value: T,
}

impl<K, T: Default> Default for Cached<K, T> {
    fn default() -> Self {
        Self { key: None, value: T::default() }
    }
}

impl<K: PartialEq, T> Cached<K, T> {
    fn update(&mut self, key: K, make: impl FnOnce() -> T) -> bool {
        if self.key.as_ref() == Some(&key) {
            return false;
        }
        self.value = make();
        self.key = Some(key);
        true
    }
}

/// The letter that is looked at.
struct OpenLetter {
    key: LetterKey,
    record: Option<RecordView>,
    /// Of which bytes the payload is: those of the preview, or those stored.
    source: (Option<String>, u64),
    payload: Payload,
    payload_ui: PayloadUi,
    new_trace: Option<(TraceId, SpanId)>,
}

impl View for DeadLettersView {
    fn ui(&mut self, ui: &mut egui::Ui, context: &mut ViewContext<'_>) -> Vec<ViewAction> {
        let mut actions = Vec::new();
        self.take(context);
        let board = context.replay.clone();
        for command in std::mem::take(&mut self.pending) {
            self.carry_out(command, &board, &mut actions);
        }
        if self.inbox.value.is_empty() && board.run.is_none() {
            actions.extend(empty_state_ui(ui, &empty(context), context.tokens));
            return actions;
        }
        let readers = self.readers(context);
        let cluster = self.cause.as_ref().map(|cause| cause.cluster.as_str());
        let shown = panel(&board, &Asking { marked: self.marked(), cluster, readers, typed_name: &self.typed_name }, context.now_ns);
        self.note_unavailable(&shown);
        self.lay_out(ui, context, &board, &shown, &mut actions);
        actions.append(&mut self.asked);
        actions
    }

    fn goto(&mut self, target: &Target) {
        if let Target::DeadLetters { channel, fingerprint } = target {
            self.wanted = Some((channel.clone(), fingerprint.clone()));
        }
    }

    fn target(&self) -> Option<Target> {
        let cause = self.cause.as_ref()?;
        let channel = ChannelKey { cluster: Some(cause.cluster.clone()), name: cause.channel.clone() };
        Some(Target::DeadLetters { channel, fingerprint: Some(cause.fingerprint.clone()) })
    }

    fn run(&mut self, command: UiCommand) -> bool {
        let is_own = matches!(
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
                | UiCommand::PreviewReplay
                | UiCommand::SendReplay
                | UiCommand::StopReplay
                | UiCommand::ParkLetters
                | UiCommand::UnparkLetters
                | UiCommand::LetterTrace
                | UiCommand::LetterRecord
        );
        if is_own {
            self.pending.push(command);
        }
        is_own
    }

    fn unavailable(&self, command: UiCommand) -> Option<Cow<'static, str>> {
        self.unavailable.iter().find(|(of, _)| *of == command).map(|(_, why)| Cow::Owned(why.clone()))
    }

    fn copy(&self, context: &ViewContext<'_>, form: CopyForm) -> Option<String> {
        let row = self.selected_row()?;
        let open = self.open.as_ref().filter(|open| open.key == row.key);
        let letter = Letter::new(row, open.and_then(|open| open.record.as_ref()), context.replay, open.and_then(|open| open.new_trace));
        Some(match form {
            CopyForm::Text => letter.detail().to_text(),
            CopyForm::Json => letter.json(),
            CopyForm::Markdown => letter.detail().to_markdown(),
        })
    }

    fn hints(&self) -> Vec<(UiCommand, &'static str)> {
        vec![
            (UiCommand::MarkLetter, "mark"),
            (UiCommand::MarkAllLetters, "all"),
            (UiCommand::PreviewReplay, "preview"),
            (UiCommand::SendReplay, "send"),
            (UiCommand::StopReplay, "stop"),
            (UiCommand::ParkLetters, "park"),
            (UiCommand::LetterTrace, "trace"),
        ]
    }
}

/// What stands where there is no dead letter.
fn empty(context: &ViewContext<'_>) -> EmptyState {
    let has_kafka = context.snapshot.sources.iter().any(|source| source.kind == switchboard_model::SourceKind::Kafka);
    if has_kafka {
        EmptyState::new(
            "No dead letters",
            &[
                "Channels named as dead-letter channels usually are (-dlt, .DLT, -dlq, _error, dead-letter-topic-…) are read from their beginning",
                "One of another name is taken in by the profile: dead_letter_channels = [\"orders.failed\"] in its [[kafka]] table",
            ],
        )
    } else {
        EmptyState::new(
            "No dead letters",
            &["They are read from Kafka, and no Kafka source is connected", "Add a [[kafka]] table with name and brokers to the profile"],
        )
    }
    .button("Show sources", ViewAction::Run(UiCommand::ShowSources))
}

impl DeadLettersView {
    /// Takes in what is new, and asks for what is looked at.
    fn take(&mut self, context: &mut ViewContext<'_>) {
        let board = context.replay;
        // Figures change at most once a second, but what the user does shows at once.
        let second = context.now_ns.div_euclid(1_000_000_000);
        let is_due = self.counted_s != Some(second) || self.inbox.key.is_none_or(|(_, letters)| letters != board.letters_version);
        if is_due || context.in_place {
            self.counted_s = Some(second);
            self.inbox.update((context.snapshot.generation, board.letters_version), || inbox(context.snapshot, board));
        }
        if self.wanted.is_some() {
            self.go_where_wanted();
        }
        if self.cause.as_ref().is_none_or(|cause| !self.inbox.value.iter().any(|row| row.cause == *cause)) {
            self.choose(self.inbox.value.first().map(|row| row.cause.clone()));
        }
        let preview = board.preview.as_ref().map(|preview| preview.replay_id.clone());
        if self.last_preview != preview {
            self.typed_name.clear();
            self.last_preview = preview;
        }
        self.take_letters(context);
        self.take_open(context);
    }

    fn go_where_wanted(&mut self) {
        let Some((channel, fingerprint)) = &self.wanted else { return };
        let is_meant = |row: &&InboxRow| {
            let cause = &row.cause;
            let on_channel = cause.channel == channel.name || cause.origin.as_ref() == Some(&channel.name);
            on_channel
                && channel.cluster.as_ref().is_none_or(|cluster| *cluster == cause.cluster)
                && fingerprint.as_ref().is_none_or(|told| *told == cause.fingerprint)
        };
        if let Some(cause) = self.inbox.value.iter().find(is_meant).map(|row| row.cause.clone()) {
            self.wanted = None;
            self.choose(Some(cause));
            self.reveal_cause = true;
        }
    }

    fn choose(&mut self, cause: Option<Cause>) {
        if self.cause != cause {
            self.cause = cause;
            self.selected = None;
            self.marked.clear();
            self.note = None;
            self.letters = Cached::default();
            self.table = TableState::default();
        }
    }

    fn take_letters(&mut self, context: &mut ViewContext<'_>) {
        let Some(cause) = &self.cause else { return };
        let query = Query::DeadLetters {
            channel: ChannelKey { cluster: Some(cause.cluster.clone()), name: cause.channel.clone() },
            origin: cause.origin.clone(),
            fingerprint: cause.fingerprint.clone(),
            limit: LETTERS_MAX,
        };
        let board = context.replay;
        let standing = context.asker.standing(Slot::Letters, &query);
        if let (Some(Answer::DeadLetters(page)), true) = (standing.answer, standing.is_of_this_question) {
            self.num_left_out = page.total.saturating_sub(page.letters.len() as u64);
            let is_new = self.letters.update((standing.revision, board.letters_version), || rows(&page.letters, board));
            if is_new && self.selected.is_none() {
                self.selected = self.letters.value.first().map(|row| row.key.clone());
            }
        }
    }

    fn take_open(&mut self, context: &mut ViewContext<'_>) {
        let Some(row) = self.selected_row() else {
            self.open = None;
            return;
        };
        let (key, stored) = (row.key.clone(), row.view.row);
        let standing = context.asker.once(Slot::LetterOpen, &Query::RecordDetails { rows: vec![stored] });
        let record = match (standing.answer, standing.is_of_this_question) {
            (Some(Answer::RecordDetails(records)), true) => records.first().cloned().flatten(),
            _ => None,
        };
        let revision = standing.revision;
        let board = context.replay;
        let planned = board.preview.as_ref().and_then(|preview| preview.planned.iter().find(|planned| planned.asked.letter == key));
        let shown = planned.and_then(|planned| planned.shown.clone());
        let source = (planned.map(|planned| planned.replay_id.clone()), if record.is_some() { revision } else { 0 });
        let new_trace = new_trace(context, board, &key);
        match &mut self.open {
            Some(open) if open.key == key && open.source == source => open.new_trace = new_trace,
            open => {
                let payload = match (&shown, &record) {
                    (Some(shown), _) => {
                        let kept = shown.value.as_ref().map_or(0, Vec::len);
                        Payload::read(shown.value.as_deref(), shown.value_size_bytes as u64, kept < shown.value_size_bytes && kept >= 64 << 10)
                    }
                    (None, Some(record)) => Payload::read(record.value.as_deref(), u64::from(record.value_size_bytes), record.truncated),
                    (None, None) => Payload::read(None, 0, false),
                };
                let payload_ui = open.as_ref().map(|open| open.payload_ui).unwrap_or_default();
                *open = Some(OpenLetter { key, record, source, payload, payload_ui, new_trace });
            }
        }
    }

    fn selected_row(&self) -> Option<&LetterRow> {
        let selected = self.selected.as_ref()?;
        self.letters.value.iter().find(|row| row.key == *selected)
    }

    fn selected_index(&self) -> Option<usize> {
        let selected = self.selected.as_ref()?;
        self.letters.value.iter().position(|row| row.key == *selected)
    }

    /// The letters that a command is for: those marked, or the one selected.
    fn meant(&self) -> Vec<&LetterRow> {
        if self.marked.is_empty() {
            return self.selected_row().into_iter().collect();
        }
        self.letters.value.iter().filter(|row| self.marked.contains(&row.key)).collect()
    }

    /// Who reads the channel that the letters came from.
    fn readers(&self, context: &ViewContext<'_>) -> Option<Readers> {
        let cause = self.cause.as_ref()?;
        let failed = self.meant().iter().filter_map(|row| row.view.origin_group.clone()).collect();
        Some(readers(context.snapshot, &cause.cluster, cause.origin.as_deref()?, &failed))
    }

    fn marked(&self) -> Marked {
        let meant = self.meant();
        Marked {
            num: meant.len(),
            is_selection: self.marked.is_empty() && !meant.is_empty(),
            num_open: meant.iter().filter(|row| row.state.is_open()).count(),
            num_parked: meant.iter().filter(|row| matches!(row.state, LetterState::Parked(_))).count(),
        }
    }

    fn note_unavailable(&mut self, panel: &ReplayPanel) {
        self.unavailable.clear();
        let buttons = panel.buttons.iter().filter(|button| !button.unavailable.is_empty());
        self.unavailable.extend(buttons.map(|button| (button.command, button.unavailable.clone())));
        let mut missing = |command: UiCommand, why: &str| {
            if !panel.buttons.iter().any(|button| button.command == command) {
                self.unavailable.push((command, why.to_owned()));
            }
        };
        missing(UiCommand::SendReplay, "make a preview first");
        missing(UiCommand::PreviewReplay, "close the replay first");
        if self.selected_row().is_none_or(|row| row.view.trace_id.is_none()) {
            self.unavailable.push((UiCommand::LetterTrace, "its headers name no trace".to_owned()));
        }
    }

    /// The letters as the ledger knows them.
    fn keys_of(rows: &[&LetterRow], kind: KindHash) -> Vec<(LetterKey, KindHash)> {
        rows.iter().map(|row| (row.key.clone(), kind)).collect()
    }

    fn carry_out(&mut self, command: UiCommand, board: &ReplayBoard, actions: &mut Vec<ViewAction>) {
        let mut send = |command: ReplayCommand| actions.push(ViewAction::Send(SessionCommand::Replay(Box::new(command))));
        let Some(kind) = self.cause.as_ref().map(Cause::kind) else { return };
        match command {
            UiCommand::MarkLetter => {
                if let Some(selected) = self.selected.clone() {
                    self.toggle(selected);
                    self.walk(UiCommand::WalkDown);
                }
            }
            UiCommand::MarkAllLetters => {
                let open: BTreeSet<LetterKey> = self.letters.value.iter().filter(|row| row.state.is_open()).map(|row| row.key.clone()).collect();
                self.marked = if self.marked == open { BTreeSet::new() } else { open };
            }
            UiCommand::PreviewReplay => {
                if let Some(ask) = self.ask(kind) {
                    send(ReplayCommand::Preview(ask));
                }
            }
            UiCommand::SendReplay => match (&board.run, &board.preview) {
                (Some(run), _) if !run.phase.is_ended() => send(ReplayCommand::Continue),
                (None, Some(preview)) => {
                    let typed_name = (!self.typed_name.is_empty()).then(|| self.typed_name.clone());
                    send(ReplayCommand::Start { replay_id: preview.replay_id.clone(), typed_name });
                }
                _ => {}
            },
            UiCommand::StopReplay | UiCommand::ClearSelection => match &board.run {
                Some(run) if !run.phase.is_ended() && run.phase != RunPhase::Stopping => send(ReplayCommand::Stop),
                Some(run) if run.phase.is_ended() => send(ReplayCommand::Dismiss),
                Some(_) => {}
                None if self.note.is_some() => self.note = None,
                None if board.preview.is_some() || board.preparing.is_some() => send(ReplayCommand::Dismiss),
                None => self.marked.clear(),
            },
            UiCommand::ParkLetters => {
                if self.meant().iter().any(|row| row.state.is_open()) {
                    self.note = Some(String::new());
                }
            }
            UiCommand::UnparkLetters => {
                let parked: Vec<&LetterRow> = self.meant().into_iter().filter(|row| matches!(row.state, LetterState::Parked(_))).collect();
                if !parked.is_empty() {
                    send(ReplayCommand::Unpark { letters: Self::keys_of(&parked, kind) });
                }
            }
            UiCommand::LetterTrace => {
                let trace_id = self.selected_row().and_then(|row| row.view.trace_id);
                actions.extend(trace_id.map(|trace_id| ViewAction::Goto(Target::Trace { trace_id, span_id: None })));
            }
            UiCommand::LetterRecord => actions.extend(self.selected_row().map(record_action)),
            UiCommand::Open => match self.keys {
                Keys::Causes => self.keys = Keys::Letters,
                Keys::Letters => actions.extend(self.selected_row().map(record_action)),
            },
            UiCommand::WalkLeft => self.keys = Keys::Causes,
            UiCommand::WalkRight => self.keys = Keys::Letters,
            other => self.walk(other),
        }
    }

    fn toggle(&mut self, letter: LetterKey) {
        if !self.marked.remove(&letter) {
            self.marked.insert(letter);
        }
    }

    fn walk(&mut self, command: UiCommand) {
        match self.keys {
            Keys::Causes => {
                let rows = &self.inbox.value;
                let at = self.cause.as_ref().and_then(|cause| rows.iter().position(|row| row.cause == *cause));
                // The cards scroll by themselves; only the step is the table's.
                if let Some(row) = TableState::default().run(command, at, rows.len()).and_then(|row| rows.get(row)) {
                    let cause = row.cause.clone();
                    self.choose(Some(cause));
                    self.reveal_cause = true;
                }
            }
            Keys::Letters => {
                let at = self.selected_index();
                if let Some(row) = self.table.run(command, at, self.letters.value.len()) {
                    self.selected = self.letters.value.get(row).map(|row| row.key.clone());
                }
            }
        }
    }

    fn ask(&self, kind: KindHash) -> Option<ReplayAsk> {
        let cause = self.cause.as_ref()?;
        let letters = self.meant().into_iter().filter(|row| row.state.is_open()).map(|row| row.asked(kind)).collect();
        Some(ReplayAsk { cluster: cause.cluster.clone(), target: cause.origin.clone().unwrap_or_default(), letters })
    }

    fn lay_out(&mut self, ui: &mut egui::Ui, context: &mut ViewContext<'_>, board: &ReplayBoard, shown: &ReplayPanel, actions: &mut Vec<ViewAction>) {
        let tokens = context.tokens;
        let room = ui.available_size();
        let side = egui::Frame::new().fill(tokens.ink(Ink::Panel));
        if room.x >= THREE_FROM_PT {
            let width = (room.x * 0.27).clamp(300.0, 420.0);
            egui::Panel::right("replay")
                .resizable(true)
                .default_size(width)
                .size_range(260.0..=520.0)
                .frame(side)
                .show(ui, |ui| self.panel_ui(ui, shown, tokens));
            let width = (room.x * 0.385).clamp(430.0, 640.0);
            egui::Panel::left("inbox").resizable(true).default_size(width).size_range(320.0..=720.0).frame(egui::Frame::new()).show(ui, |ui| {
                self.list_ui(ui, board, tokens, actions);
            });
            egui::CentralPanel::no_frame().show(ui, |ui| self.letter_ui(ui, context, actions));
        } else if room.x >= TWO_FROM_PT {
            let width = (room.x * 0.44).clamp(260.0, 420.0);
            egui::Panel::right("replay").resizable(true).default_size(width).size_range(240.0..=480.0).frame(side).show(ui, |ui| {
                if board.run.is_none() && board.preview.is_none() && board.preparing.is_none() {
                    egui::Panel::bottom("replay below").resizable(true).default_size(room.y * 0.42).frame(side).show(ui, |ui| self.panel_ui(ui, shown, tokens));
                    self.letter_ui(ui, context, actions);
                } else {
                    self.panel_ui(ui, shown, tokens);
                }
            });
            self.list_ui(ui, board, tokens, actions);
        } else {
            egui::Panel::bottom("replay").resizable(true).default_size(room.y * 0.48).frame(side).show(ui, |ui| self.panel_ui(ui, shown, tokens));
            self.list_ui(ui, board, tokens, actions);
        }
    }

    fn panel_ui(&mut self, ui: &mut egui::Ui, shown: &ReplayPanel, tokens: &DesignTokens) {
        match panel_ui(ui, shown, &mut self.typed_name, tokens) {
            Some(Asked::Command(command)) => {
                self.pending.push(command);
                ui.ctx().request_repaint();
            }
            Some(Asked::Action(action)) => self.asked.push(action),
            None => {}
        }
    }

    fn list_ui(&mut self, ui: &mut egui::Ui, board: &ReplayBoard, tokens: &DesignTokens, actions: &mut Vec<ViewAction>) {
        ui.spacing_mut().item_spacing.y = 0.0;
        egui::Frame::new().inner_margin(egui::Margin { left: 18, right: 18, top: 12, bottom: 6 }).show(ui, |ui| {
            ui.add(egui::Label::new(RichText::new(sentence(&self.inbox.value)).color(tokens.ink(Ink::Dim))).wrap());
        });
        let height = height_pt(self.inbox.value.len()).min(ui.available_height() * 0.42).max(72.0);
        let chosen = self.cause.clone();
        let has_keys = self.keys == Keys::Causes;
        let reveal = std::mem::take(&mut self.reveal_cause);
        let clicked = ui
            .allocate_ui_with_layout(vec2(ui.available_width(), height), egui::Layout::top_down(egui::Align::Min), |ui| {
                ui.set_min_height(height);
                cards_ui(ui, &self.inbox.value, chosen.as_ref(), has_keys, reveal, tokens)
            })
            .inner;
        if let Some(index) = clicked {
            let cause = self.inbox.value.get(index).map(|row| row.cause.clone());
            self.choose(cause);
            self.keys = Keys::Letters;
        }
        ui.add_space(10.0);
        self.head_of_letters_ui(ui, tokens);
        if self.note.is_some() {
            self.note_ui(ui, tokens, actions);
        }
        self.table_ui(ui, board, tokens);
    }

    fn head_of_letters_ui(&mut self, ui: &mut egui::Ui, tokens: &DesignTokens) {
        egui::Frame::new().inner_margin(egui::Margin { left: 18, right: 18, top: 0, bottom: 4 }).show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.label(RichText::new("Letters").font(fonts::strong(TEXT_BODY_PT)).color(tokens.ink(Ink::Text)));
                if self.num_left_out > 0 {
                    let text = format!("the oldest {}; {} more", figures::count(self.letters.value.len() as u64), figures::count(self.num_left_out));
                    ui.label(RichText::new(text).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Warn)));
                }
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    let all = egui::Button::new(RichText::new("All open  A").size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim)));
                    let response = ui.add(all);
                    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Mark all open letters"));
                    if response.clicked() {
                        self.pending.push(UiCommand::MarkAllLetters);
                        ui.ctx().request_repaint();
                    }
                    let text = format!("{} marked · Space marks", figures::count(self.marked.len() as u64));
                    ui.add(egui::Label::new(RichText::new(text).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Faint))).truncate());
                });
            });
        });
    }

    /// The note with which letters are parked.
    fn note_ui(&mut self, ui: &mut egui::Ui, tokens: &DesignTokens, actions: &mut Vec<ViewAction>) {
        let Some(kind) = self.cause.as_ref().map(Cause::kind) else { return };
        let open: Vec<(LetterKey, KindHash)> = self.meant().into_iter().filter(|row| row.state.is_open()).map(|row| (row.key.clone(), kind)).collect();
        let Some(note) = &mut self.note else { return };
        let mut ending = None;
        let frame = egui::Frame::new()
            .fill(tokens.ink(Ink::Raised))
            .corner_radius(RADIUS_PT)
            .inner_margin(egui::Margin::symmetric(12, 8))
            .outer_margin(egui::Margin::symmetric(18, 4));
        frame.show(ui, |ui| {
            ui.label(RichText::new(format!("Park {}: why, or for whom", figures::things(open.len() as u64, "letter", "letters"))).size(TEXT_SMALL_PT));
            ui.add_space(4.0);
            ui.horizontal(|ui| {
                let room = (ui.available_width() - 150.0).max(60.0);
                let edit = ui.add(egui::TextEdit::singleline(note).char_limit(400).desired_width(room).hint_text("ask the catalog team"));
                edit.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Note"));
                let entered = edit.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
                if edit.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Escape)) {
                    ending = Some(false);
                }
                if !edit.has_focus() && !edit.lost_focus() && note.is_empty() {
                    edit.request_focus();
                }
                let can = !note.trim().is_empty();
                if ui.add_enabled(can, egui::Button::new("Park")).clicked() || (entered && can) {
                    ending = Some(true);
                }
                if ui.button("Cancel").clicked() {
                    ending = Some(false);
                }
            });
        });
        if ending == Some(true) {
            let note = note.trim().to_owned();
            actions.push(ViewAction::Send(SessionCommand::Replay(Box::new(ReplayCommand::Park { letters: open, note }))));
        }
        if ending.is_some() {
            self.note = None;
            self.marked.clear();
            ui.ctx().request_repaint();
        }
    }

    fn table_ui(&mut self, ui: &mut egui::Ui, _board: &ReplayBoard, tokens: &DesignTokens) {
        let table = Table { name: "dead letters", columns: &COLUMNS, num_rows: self.letters.value.len(), selected: self.selected_index(), sorted: None };
        let left = ui.available_rect_before_wrap().left();
        let (rows, marked) = (&self.letters.value, &self.marked);
        let response = table.ui(ui, &mut self.table, tokens, |row, index| paint_row(row, &rows[index], marked.contains(&rows[index].key)));
        if let Some(key) = response.clicked.and_then(|row| self.letters.value.get(row)).map(|row| row.key.clone()) {
            let (on_mark, with_ctrl) = ui.input(|input| (input.pointer.interact_pos().is_some_and(|at| at.x - left < MARK_PT), input.modifiers.command));
            if on_mark || with_ctrl {
                self.toggle(key.clone());
            }
            self.selected = Some(key);
            self.keys = Keys::Letters;
        }
    }

    fn letter_ui(&mut self, ui: &mut egui::Ui, context: &mut ViewContext<'_>, actions: &mut Vec<ViewAction>) {
        let Some(index) = self.selected_index() else { return };
        let row = &self.letters.value[index];
        let Some(open) = self.open.as_mut().filter(|open| open.key == row.key) else { return };
        let letter = Letter::new(row, open.record.as_ref(), context.replay, open.new_trace);
        let (detail, is_preview) = (letter.detail(), letter.planned.is_some_and(|planned| planned.shown.is_some()));
        let hash = letter.planned.map(|planned| format!("{} · hash {:032x}", figures::bytes(planned.size_bytes as u64), planned.hash.0));
        egui::ScrollArea::vertical().id_salt("letter").auto_shrink([false, false]).show(ui, |ui| {
            ui.spacing_mut().item_spacing = vec2(8.0, 0.0);
            actions.extend(head_ui(ui, &detail, context.tokens));
            egui::Frame::new().inner_margin(egui::Margin { left: 18, right: 18, top: 0, bottom: 12 }).show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 6.0;
                if let Some(hash) = &hash {
                    ui.add(egui::Label::new(RichText::new(hash).font(fonts::data(11.0)).color(context.tokens.ink(Ink::Dim))).truncate());
                }
                if is_preview || open.record.is_some() {
                    payload_ui(ui, &mut open.payload_ui, &mut open.payload, 220.0, context.tokens);
                } else {
                    ui.label(
                        RichText::new("Its contents are no longer stored; a preview reads them again from the broker").color(context.tokens.ink(Ink::Dim)),
                    );
                }
            });
            for section in &detail.sections {
                actions.extend(section_ui(ui, section, context.tokens));
            }
        });
    }
}

/// To the record in the messages.
fn record_action(row: &LetterRow) -> ViewAction {
    let channel = ChannelKey { cluster: Some(row.view.cluster.clone()), name: row.view.channel.clone() };
    ViewAction::Goto(Target::Record { channel, row: row.view.row })
}

/// Where a letter was consumed after it was sent.
fn new_trace(context: &mut ViewContext<'_>, board: &ReplayBoard, key: &LetterKey) -> Option<(TraceId, SpanId)> {
    let record =
        board.letters.get(key).filter(|record| !record.replay_id.is_empty() && matches!(record.state, LetterState::Sent(_) | LetterState::Consumed))?;
    let query = Query::Conversation { id: CorrelationId::Text(record.replay_id.clone()), limit: STORY_MAX };
    let standing = context.asker.standing(Slot::LetterStory, &query);
    match (standing.answer, standing.is_of_this_question) {
        (Some(Answer::Conversation(items)), true) => consumed_in(items, record).map(|span| (span.trace_id, span.span_id)),
        _ => None,
    }
}

fn paint_row(row: &Row<'_>, letter: &LetterRow, is_marked: bool) -> String {
    let cell = row.cell(0);
    let side = Rect::from_center_size(pos2(cell.left() + 6.0, cell.center().y), vec2(12.0, 12.0));
    if is_marked {
        row.painter().rect_filled(side, 3.0, row.tokens.ink(Ink::Accent));
        let tick = [pos2(side.left() + 2.6, side.center().y), pos2(side.left() + 5.0, side.bottom() - 3.0), pos2(side.right() - 2.4, side.top() + 3.2)];
        row.painter().line(tick.to_vec(), Stroke::new(1.6, row.tokens.ink(Ink::Background)));
    } else {
        row.painter().rect_stroke(side, 3.0, Stroke::new(1.0, row.tokens.ink(Ink::Line)), StrokeKind::Inside);
    }
    let is_open = letter.state.is_open();
    let (ink, dim) = if is_open { (Ink::Text, Ink::Dim) } else { (Ink::Dim, Ink::Faint) };
    row.data(1, &letter.view.offset.to_string(), ink);
    row.data(2, &letter.origin_text(), dim);
    row.data(3, &letter.key_text, ink);
    row.data(4, &letter.attempts_text(), dim);
    row.words(5, state_word(&letter.state), state_ink(&letter.state));
    row.data(6, &letter.time_text(), dim);
    letter.words(is_marked)
}
