//! The ledger view: runs and refusals, what is known of the selected one beside them, and commands.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use switchboard_desk::ledger::{
    ExportState, LedgerBoard, LedgerExport, LedgerFilter, LedgerLook, LedgerState, LineId, PAGE, RunLine, RunsPage, RunsQuery, SendId, SendLine, SendsPage,
    SendsQuery,
};
use switchboard_engine::view::ChannelKey;

use super::{
    beside_ui::Beside,
    details::{Behind, letters_action, record_action, run_detail, send_detail, story_action},
    filter::{self, BECAME, KINDS},
    head_ui::{ExportAsk, HeadAsk, export_form_ui, exported_ui, head_ui},
    rows::{paint_run, run_columns},
    sought::{SoughtRecord, Stored},
};
use crate::{
    SessionCommand,
    sanitise::visible,
    theme::Ink,
    view::{CopyForm, Slot, Target, UiCommand, View, ViewAction, ViewContext, ViewKind},
    widgets::{
        empty_state::{EmptyState, empty_state_ui},
        table::{Order, Table, TableState, Way},
    },
};

const ORDER: Order = Order::Asked { by: Some(("time, UTC", Way::Down)), can: &[], why: "Lines stand newest first" };

/// Where the keys go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Side {
    #[default]
    Runs,
    Sends,
}

/// A row that is selected, whether it is read or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Chosen<K> {
    row: usize,
    /// What stands there; `None` = it is not read yet.
    key: Option<K>,
}

/// The ledger view.
#[derive(Default)]
pub(crate) struct LedgerView {
    filter: LedgerFilter,
    runs: Arc<RunsPage>,
    table: TableState,
    visible: Range<usize>,
    selected: Option<Chosen<LineId>>,
    side: Side,
    sends: Option<Arc<SendsPage>>,
    sends_table: TableState,
    sends_visible: Range<usize>,
    send: Option<Chosen<SendId>>,
    letter: SoughtRecord,
    written: SoughtRecord,
    behind: Behind,
    /// The name of the file, while it is asked for.
    export: Option<String>,
    /// The word of an export that was read.
    export_read: Option<ExportState>,
    /// Whether there is a ledger to be asked, be it an empty one.
    can_ask: bool,
    asked: LedgerLook,
    actions: Vec<ViewAction>,
}

impl View for LedgerView {
    fn ui(&mut self, ui: &mut egui::Ui, context: &mut ViewContext<'_>) -> Vec<ViewAction> {
        let (tokens, board) = (context.tokens, context.ledger);
        ui.painter().rect_filled(ui.max_rect(), 0.0, tokens.ink(Ink::Background));
        self.take(board);
        if let Some(state) = unread(board) {
            self.actions.extend(empty_state_ui(ui, &state, tokens));
            return std::mem::take(&mut self.actions);
        }
        match head_ui(ui, &self.filter, board, tokens) {
            Some(HeadAsk::Filter(filter)) => self.filter = filter,
            Some(HeadAsk::Command(command)) => self.actions.push(ViewAction::Run(command)),
            None => {}
        }
        self.export_ui(ui, context);
        if self.runs.total == 0 {
            let listed = filter::words(&self.filter);
            let state = EmptyState::new("No line is listed", &[&format!("None of the ledger's lines is {listed}")]);
            let state = if listed.is_empty() || board.state == LedgerState::Nothing {
                nothing(board)
            } else {
                state.button("List all lines", ViewAction::Run(UiCommand::LedgerAll))
            };
            self.actions.extend(empty_state_ui(ui, &state, tokens));
        } else {
            self.look_behind(context);
            self.beside_ui(ui, context);
            self.table_ui(ui, context);
        }
        let look = self.look();
        if self.asked != look {
            self.asked = look;
            // It is asked for before the next frame.
            ui.ctx().request_repaint();
        }
        std::mem::take(&mut self.actions)
    }

    fn goto(&mut self, target: &Target) {
        let Target::LedgerLine(line) = target else { return };
        let row = self.runs.rows.iter().position(|row| row.id == *line).map(|at| self.runs.of.skip + at);
        if let Some(row) = row {
            self.table.reveal(row);
        }
        self.choose(row.unwrap_or(usize::MAX), Some(*line));
    }

    fn target(&self) -> Option<Target> {
        self.selected?.key.map(Target::LedgerLine)
    }

    fn run(&mut self, command: UiCommand) -> bool {
        match command {
            UiCommand::LedgerKind => self.filter.target_kind = filter::next(&KINDS, self.filter.target_kind),
            UiCommand::LedgerOutcome => self.filter.became = filter::next(&BECAME, self.filter.became),
            UiCommand::LedgerTarget => {
                let of_this = self.line().map(|line| line.target.clone());
                self.filter.target = if self.filter.target.is_some() { None } else { of_this };
            }
            UiCommand::LedgerAll => self.filter = LedgerFilter::default(),
            UiCommand::ExportLedger => self.export = Some(String::new()),
            UiCommand::LedgerRecord => self.actions.extend(record_action(&self.behind.written).or_else(|| record_action(&self.behind.letter))),
            UiCommand::LedgerLetters => self.actions.extend(self.open_send().and_then(letters_action)),
            UiCommand::LedgerStory => self.actions.extend(self.open_send().and_then(story_action)),
            UiCommand::ClearSelection => return self.step_back(),
            UiCommand::WalkLeft if self.side == Side::Sends => (self.side, self.send) = (Side::Runs, None),
            UiCommand::WalkRight | UiCommand::Open if self.side == Side::Runs && self.has_list() => {
                self.side = Side::Sends;
                self.sends_table.reveal(0);
                self.choose_send(0);
            }
            walk => return self.walk(walk),
        }
        true
    }

    fn unavailable(&self, command: UiCommand) -> Option<Cow<'static, str>> {
        let why = |is_so: bool, why: &'static str| is_so.then_some(Cow::Borrowed(why));
        let send = self.open_send();
        match command {
            _ if command.copies() => why(self.line().is_none(), "nothing is selected"),
            UiCommand::Open if self.line().is_none() => why(true, "nothing is selected"),
            UiCommand::Open => why(!self.has_list() || self.side == Side::Sends, "all that is known of it is shown"),
            UiCommand::LedgerKind | UiCommand::LedgerOutcome | UiCommand::ExportLedger => why(!self.can_ask, "the ledger was not read"),
            UiCommand::LedgerTarget => why(self.filter.target.is_none() && self.line().is_none(), "nothing is selected"),
            UiCommand::LedgerAll => why(self.filter == LedgerFilter::default(), "all lines are listed"),
            UiCommand::LedgerRecord => match (send, &self.behind.written, &self.behind.letter) {
                (None, ..) => why(true, "no send is selected"),
                (_, Stored::Here(..), _) | (_, _, Stored::Here(..)) => None,
                (_, Stored::NoPlace, Stored::NoPlace) => why(true, "nobody says where it was written to"),
                (_, Stored::Looking, _) | (_, _, Stored::Looking) => why(true, "it is looked for"),
                _ => why(true, "it is not stored here, or no more"),
            },
            UiCommand::LedgerLetters => why(send.and_then(letters_action).is_none(), "no send of a dead letter is selected"),
            UiCommand::LedgerStory => why(send.and_then(story_action).is_none(), "no send of a dead letter is selected"),
            _ => None,
        }
    }

    fn has_form(&self) -> bool {
        self.export.is_some()
    }

    fn copy(&self, context: &ViewContext<'_>, form: CopyForm) -> Option<String> {
        let line = self.line()?;
        // One of several sends is copied by itself, the only one with its run.
        let send = self.open_send();
        let of_send = send.map(|send| send_detail(send, &self.behind, !self.has_list(), context.now_ns));
        let mut detail = run_detail(line, context.now_ns);
        match (&of_send, self.has_list()) {
            (Some(of_send), true) => detail = of_send.clone(),
            (Some(of_send), false) => detail.sections.splice(0..0, of_send.sections.clone()).for_each(drop),
            (None, _) => {}
        }
        match (form, send, self.has_list()) {
            (CopyForm::Text, ..) => Some(detail.to_text()),
            (CopyForm::Markdown, ..) => Some(detail.to_markdown()),
            (CopyForm::Json, Some(send), true) => Some(format!("{:#}", send.to_json())),
            (CopyForm::Json, send, _) => {
                let mut json = line.to_json();
                if let (Some(json), Some(send)) = (json.as_object_mut(), send) {
                    json.insert("send".to_owned(), send.to_json());
                }
                Some(format!("{json:#}"))
            }
        }
    }

    fn hints(&self) -> Vec<(UiCommand, &'static str)> {
        let mut hints = vec![(UiCommand::WalkDown, if self.side == Side::Sends { "sends" } else { "lines" })];
        if self.side == Side::Runs && self.has_list() {
            hints.push((UiCommand::Open, "its sends"));
        }
        hints.extend([
            (UiCommand::LedgerOutcome, "outcome"),
            (UiCommand::LedgerKind, "sent to"),
            (UiCommand::FilterView, "search"),
            (UiCommand::CopyText, "copy"),
        ]);
        hints
    }
}

impl LedgerView {
    /// What is to be read of the ledger for what is shown.
    pub(crate) fn look(&self) -> LedgerLook {
        let skip = if self.runs.of.filter == self.filter { page_of(&self.visible, self.runs.of.skip) } else { 0 };
        let runs = RunsQuery { filter: self.filter.clone(), skip };
        let run_id = match self.selected.and_then(|chosen| chosen.key) {
            Some(LineId::Run(run_id)) => Some(run_id),
            _ => None,
        };
        let sends = run_id.map(|run_id| {
            let of = self.sends.as_ref().map(|sends| &sends.of).filter(|of| of.run_id == run_id);
            SendsQuery { run_id, skip: of.map_or(0, |of| page_of(&self.sends_visible, of.skip)) }
        });
        LedgerLook { runs, sends }
    }

    /// Takes in what was read. Rows keep their places as others come above them.
    fn take(&mut self, board: &LedgerBoard) {
        self.can_ask = matches!(board.state, LedgerState::Read | LedgerState::Nothing);
        if !Arc::ptr_eq(&self.runs, &board.runs) {
            let before = std::mem::replace(&mut self.runs, Arc::clone(&board.runs));
            let is_same = before.of.filter == self.runs.of.filter;
            let num_came = if is_same && before.total > 0 { self.runs.total.saturating_sub(before.total) } else { 0 };
            if num_came > 0 {
                self.table.rows_came_above(num_came);
            } else if !is_same {
                self.visible = 0..0;
            }
            let (skip, rows) = (self.runs.of.skip, &self.runs.rows);
            self.selected = self.selected.and_then(|chosen| {
                let found = rows.iter().position(|row| Some(row.id) == chosen.key).map(|at| skip + at);
                match found {
                    Some(row) => Some(Chosen { row, ..chosen }),
                    // It does not pass any more, or nobody has read what stands there.
                    None if !is_same && chosen.row != usize::MAX => None,
                    None => Some(Chosen { row: chosen.row.saturating_add(num_came), ..chosen }),
                }
            });
            if !is_same {
                self.table.reveal(self.selected.map_or(0, |chosen| chosen.row));
            }
        }
        if let Some(chosen) = &mut self.selected
            && chosen.key.is_none()
        {
            chosen.key = chosen.row.checked_sub(self.runs.of.skip).and_then(|at| self.runs.rows.get(at)).map(|row| row.id);
        }
        let run_id = self.selected.and_then(|chosen| chosen.key);
        self.sends = board.sends.as_ref().filter(|sends| Some(LineId::Run(sends.of.run_id)) == run_id).cloned();
        let Some(sends) = &self.sends else { return };
        if let Some(chosen) = &mut self.send {
            let at = |row: usize| row.checked_sub(sends.of.skip).and_then(|at| sends.rows.get(at));
            let found = sends.rows.iter().position(|send| Some(send.send_id) == chosen.key).map(|at| sends.of.skip + at);
            match found {
                Some(row) => chosen.row = row,
                None => chosen.key = at(chosen.row).map(|send| send.send_id),
            }
        }
    }

    /// The selected line, where it is read.
    fn line(&self) -> Option<&RunLine> {
        let key = self.selected?.key?;
        self.runs.rows.iter().find(|row| row.id == key)
    }

    /// Whether the selected run has several sends.
    fn has_list(&self) -> bool {
        self.sends.as_ref().is_some_and(|sends| sends.num_all > 1)
    }

    /// The send that is told: the selected one, or the only one.
    fn open_send(&self) -> Option<&SendLine> {
        let sends = self.sends.as_ref()?;
        if sends.num_all == 1 {
            return sends.rows.first();
        }
        let key = self.send?.key?;
        sends.rows.iter().find(|send| send.send_id == key)
    }

    fn choose(&mut self, row: usize, key: Option<LineId>) {
        if self.selected.is_none_or(|chosen| chosen.row != row || chosen.key.is_some() && chosen.key != key) {
            (self.send, self.side, self.sends_visible) = (None, Side::Runs, 0..0);
            self.sends_table = TableState::default();
        }
        let key = key.or_else(|| row.checked_sub(self.runs.of.skip).and_then(|at| self.runs.rows.get(at)).map(|row| row.id));
        self.selected = Some(Chosen { row, key });
    }

    fn choose_send(&mut self, row: usize) {
        let sends = self.sends.as_ref();
        let key = sends.and_then(|sends| sends.rows.get(row.checked_sub(sends.of.skip)?)).map(|send| send.send_id);
        self.send = Some(Chosen { row, key });
    }

    fn step_back(&mut self) -> bool {
        if self.export.take().is_some() {
            return true;
        }
        if self.send.take().is_some() {
            self.side = Side::Runs;
            return true;
        }
        self.side = Side::Runs;
        self.selected.take().is_some()
    }

    fn walk(&mut self, command: UiCommand) -> bool {
        let selected = |row: Option<usize>, total: usize| row.filter(|row| *row < total);
        if self.side == Side::Sends {
            let total = self.sends.as_ref().map_or(0, |sends| sends.total);
            let Some(row) = self.sends_table.run(command, selected(self.send.map(|chosen| chosen.row), total), total) else { return false };
            self.choose_send(row);
        } else {
            let total = self.runs.total;
            let Some(row) = self.table.run(command, selected(self.selected.map(|chosen| chosen.row), total), total) else { return false };
            self.choose(row, None);
        }
        true
    }

    /// Looks for the records behind the send that is told.
    fn look_behind(&mut self, context: &mut ViewContext<'_>) {
        let send = self.open_send();
        let letter =
            send.and_then(|send| send.letter.as_ref()).map(|letter| (ChannelKey { cluster: None, name: letter.at.channel.clone() }, letter.at.place.clone()));
        let written = send.and_then(|send| Some((ChannelKey { cluster: None, name: send.target.clone() }, send.settled.place()?.clone())));
        self.behind = Behind { letter: self.letter.of(letter, Slot::LedgerLetter, context), written: self.written.of(written, Slot::LedgerWritten, context) };
    }

    fn export_ui(&mut self, ui: &mut egui::Ui, context: &ViewContext<'_>) {
        let (tokens, board) = (context.tokens, context.ledger);
        if let Some(typed) = &mut self.export {
            let listed = filter::words(&self.filter);
            let what = if listed.is_empty() { String::new() } else { format!(" ({listed})") };
            match export_form_ui(ui, typed, board, &what, tokens) {
                Some(ExportAsk::Write) => {
                    let export = LedgerExport { filter: self.filter.clone(), file: std::mem::take(typed) };
                    self.actions.push(ViewAction::Send(SessionCommand::ExportLedger(Box::new(export))));
                    (self.export, self.export_read) = (None, None);
                }
                Some(ExportAsk::Close) => self.export = None,
                Some(ExportAsk::Action(action)) => self.actions.push(action),
                None => {}
            }
        } else if let Some(export) = board.export.as_ref().filter(|export| self.export_read.as_ref() != Some(*export)) {
            match exported_ui(ui, export, tokens) {
                Some(ExportAsk::Action(action)) => self.actions.push(action),
                Some(ExportAsk::Close | ExportAsk::Write) => self.export_read = Some(export.clone()),
                None => {}
            }
        }
    }

    fn beside_ui(&mut self, ui: &mut egui::Ui, context: &ViewContext<'_>) {
        let Some(line) = self.line() else { return };
        let run = run_detail(line, context.now_ns);
        let send = self.open_send().map(|send| send_detail(send, &self.behind, !self.has_list(), context.now_ns));
        let sends = self.sends.clone();
        let beside = Beside {
            run: &run,
            sends: sends.as_deref(),
            send: send.as_ref(),
            selected: self.send.map(|chosen| chosen.row),
            now_ns: context.now_ns,
            tokens: context.tokens,
        };
        let mut table = std::mem::take(&mut self.sends_table);
        let response = beside.ui(ui, &mut table);
        self.sends_table = table;
        self.actions.extend(response.action);
        let Some(response) = response.table else { return };
        self.sends_visible = response.visible;
        if let Some(row) = response.clicked {
            self.side = Side::Sends;
            self.choose_send(row);
        }
    }

    fn table_ui(&mut self, ui: &mut egui::Ui, context: &ViewContext<'_>) {
        let columns = run_columns(ui.available_width());
        let selected = self.selected.map(|chosen| chosen.row).filter(|row| *row < self.runs.total);
        let table = Table { name: "ledger", columns, num_rows: self.runs.total, selected, order: ORDER };
        let runs = Arc::clone(&self.runs);
        let response = table.ui(ui, &mut self.table, context.tokens, |row, index| {
            let line = index.checked_sub(runs.of.skip).and_then(|at| runs.rows.get(at));
            line.map_or_else(|| format!("line {}, not read yet", index + 1), |line| paint_run(row, line, columns, context.now_ns))
        });
        self.visible = response.visible;
        if let Some(row) = response.clicked {
            self.choose(row, None);
            self.side = Side::Runs;
        }
    }
}

/// The first row of the page that has the rows in view: as it is, as long as it has them.
fn page_of(visible: &Range<usize>, skip: usize) -> usize {
    if visible.start >= skip && visible.end <= skip + PAGE { skip } else { visible.start.saturating_sub(PAGE / 4) }
}

/// What stands instead of lines; `None` = they were read.
fn unread(board: &LedgerBoard) -> Option<EmptyState> {
    let path = board.path.as_ref().map(|path| visible(&path.display().to_string()).into_owned()).unwrap_or_default();
    match &board.state {
        LedgerState::Read | LedgerState::Nothing => None,
        LedgerState::Unasked => Some(EmptyState::new("The ledger is read…", &[&path])),
        LedgerState::Failed { reason, next_step } => {
            let lines = [path.as_str(), &visible(reason), &visible(next_step)];
            Some(EmptyState::new("The ledger cannot be read", &lines.map(|line| line).into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>()))
        }
    }
}

/// What would fill it.
fn nothing(board: &LedgerBoard) -> EmptyState {
    let path = board.path.as_ref().map(|path| format!("It will lie in {}", visible(&path.display().to_string()))).unwrap_or_default();
    let what = "Each replay of dead letters, and each request, call or record that is composed under Send, is a line here before it goes, \
                with what became of it afterwards: of all sessions that share this ledger";
    EmptyState::new("Nothing was sent from here yet", &[what, &path])
        .button("Show dead letters", ViewAction::Run(UiCommand::Show(ViewKind::DeadLetters)))
        .button("Show sending", ViewAction::Run(UiCommand::Show(ViewKind::Send)))
}
