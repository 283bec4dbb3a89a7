//! Puts all in its place: left what is kept and was sent, in the middle the request and its answer, right what came of it.

use egui::{RichText, Stroke, vec2};
use switchboard_desk::send::{SendCommand, draft::Request};

use super::{
    act::{send, why_not},
    answer_ui::AnswerAsk,
    asking_ui::{Answered, asking_ui, framed_ui, refusal_ui},
    caused_ui::empty_ui,
    exchanging::notes_ui,
    fields::Form,
    library_ui::{LibraryAsk, LibraryKey, LibraryUi},
    request_ui::{RequestAsk, RequestUi, SaveEnd, name_ui, save_ui},
    view::SendView,
};
use crate::{
    theme::{Ink, TEXT_SMALL_PT},
    view::{UiCommand, ViewAction, ViewContext},
};

/// From this width of the pane on what is kept has a column of its own, points; before, it is behind a button.
const LIBRARY_FROM_PT: f32 = 1_000.0;
/// From this width of the rest on what came of it stands beside, points; before, below.
const BESIDE_FROM_PT: f32 = 720.0;
/// Remembered widths are of panes that are about as wide, points.
const ABOUT_PT: f32 = 320.0;
const MARGIN: egui::Margin = egui::Margin { left: 18, right: 18, top: 10, bottom: 8 };

impl SendView {
    /// Draws all of it.
    pub(super) fn lay_out(&mut self, ui: &mut egui::Ui, context: &ViewContext<'_>, actions: &mut Vec<ViewAction>) {
        let tokens = context.tokens;
        let room = ui.available_size();
        ui.painter().rect_filled(ui.max_rect(), 0.0, tokens.ink(Ink::Background));
        let has_column = room.x >= LIBRARY_FROM_PT;
        if has_column {
            let frame = egui::Frame::new().fill(tokens.ink(Ink::Panel));
            let panel =
                egui::Panel::left("what is kept and was sent").resizable(true).default_size((room.x * 0.185).clamp(224.0, 320.0)).size_range(170.0..=420.0);
            panel.frame(frame).show(ui, |ui| {
                egui::ScrollArea::vertical().id_salt("library").auto_shrink([false, false]).show(ui, |ui| {
                    egui::Frame::new()
                        .inner_margin(egui::Margin { left: 12, right: 12, top: 12, bottom: 12 })
                        .show(ui, |ui| self.library_ui(ui, context, actions));
                });
            });
        }
        let rest = ui.available_size();
        let about = (rest.x / ABOUT_PT) as u32;
        let frame = egui::Frame::new().fill(tokens.ink(Ink::Background));
        if rest.x >= BESIDE_FROM_PT {
            let wide = rest.x * if rest.x > 1_200.0 { 0.56 } else { 0.6 };
            let panel = egui::Panel::left(egui::Id::unique(("what is composed", about))).resizable(true).default_size(wide).size_range(360.0..=rest.x - 240.0);
            panel.frame(frame).show(ui, |ui| self.middle_ui(ui, context, has_column, actions));
        } else {
            let panel = egui::Panel::top(egui::Id::unique("what is composed, above"))
                .resizable(true)
                .default_size(rest.y * 0.66)
                .size_range(120.0..=(rest.y - 80.0).max(121.0));
            panel.frame(frame).show(ui, |ui| self.middle_ui(ui, context, has_column, actions));
        }
        let beside = ui.available_rect_before_wrap();
        ui.painter().rect_filled(beside, 0.0, tokens.ink(Ink::Panel));
        // A click beside the request takes the keys out of it.
        self.is_editing &= !ui.input(|input| input.pointer.primary_pressed() && input.pointer.interact_pos().is_some_and(|at| beside.contains(at)));
        egui::ScrollArea::vertical().id_salt("what it caused").auto_shrink([false, false]).show(ui, |ui| match self.shown(context.send) {
            Some(sent) => actions.extend(self.caused.ui(ui, &sent, context)),
            None => empty_ui(ui, context),
        });
    }

    fn library_ui(&mut self, ui: &mut egui::Ui, context: &ViewContext<'_>, actions: &mut Vec<ViewAction>) {
        let board = context.send;
        let shown = self.shown(board).map(|sent| sent.sent_id);
        let shown_row = shown.map(LibraryKey::Sent);
        let library = LibraryUi {
            board,
            selected: self.cursor.as_ref().or(shown_row.as_ref()),
            shown,
            loaded: self.editing.path(),
            former: self.editing.former().collect(),
            environment: self.environment.as_deref(),
            removing: self.removing.as_deref(),
            tokens: context.tokens,
            now_ns: context.clock_ns,
        };
        let mut closed = std::mem::take(&mut self.closed);
        let asked = library.ui(ui, &mut closed);
        self.closed = closed;
        let Some(asked) = asked else { return };
        // What is clicked here has the keys.
        self.is_editing = false;
        match asked {
            LibraryAsk::Load(path) => self.load_saved(&path, board),
            LibraryAsk::Look(sent_id) => (self.selected, self.cursor) = (Some(sent_id), Some(LibraryKey::Sent(sent_id))),
            LibraryAsk::Copy(sent_id) => {
                if let Some(sent) = board.sent.iter().find(|sent| sent.sent_id == sent_id) {
                    self.editing.load_sent(sent);
                }
            }
            LibraryAsk::Again(index) => self.editing.take_again(index),
            LibraryAsk::Select(key) => {
                if let LibraryKey::Sent(sent_id) = &key {
                    self.selected = Some(*sent_id);
                }
                self.cursor = Some(key);
            }
            LibraryAsk::CopyFolder => actions.extend(board.saved.folder.as_ref().map(|folder| ViewAction::Copy(folder.display().to_string()))),
            LibraryAsk::Reload => actions.push(send(SendCommand::Reload)),
            LibraryAsk::Environment(environment) => {
                (self.environment, self.is_environment_chosen) = (environment, true);
                // Whether it is still wrong with other values is known once it is sent again.
                self.mended.clone_from(&self.mistake);
            }
        }
    }

    /// The request, and below it what is asked and what was answered.
    fn middle_ui(&mut self, ui: &mut egui::Ui, context: &ViewContext<'_>, has_column: bool, actions: &mut Vec<ViewAction>) {
        let board = context.send;
        if self.shown(board).is_none() && board.asking.is_none() && board.refusal.is_none() {
            egui::ScrollArea::vertical().id_salt("request").auto_shrink([false, false]).show(ui, |ui| self.request_ui(ui, context, has_column, actions));
            return;
        }
        let height_pt = ui.available_height();
        let panel = egui::Panel::top("request").resizable(true).default_size(height_pt * 0.54).size_range(110.0..=(height_pt - 90.0).max(111.0));
        panel.frame(egui::Frame::new()).show(ui, |ui| {
            egui::ScrollArea::vertical().id_salt("request").auto_shrink([false, false]).show(ui, |ui| self.request_ui(ui, context, has_column, actions));
        });
        let line = ui.available_rect_before_wrap();
        ui.painter().hline(line.x_range(), line.top(), Stroke::new(1.0, context.tokens.ink(Ink::Hairline)));
        egui::ScrollArea::vertical().id_salt("answer").auto_shrink([false, false]).show(ui, |ui| {
            egui::Frame::new().inner_margin(MARGIN).show(ui, |ui| {
                ui.spacing_mut().item_spacing = vec2(8.0, 6.0);
                self.answer_ui(ui, context, actions);
            });
        });
    }

    fn request_ui(&mut self, ui: &mut egui::Ui, context: &ViewContext<'_>, has_column: bool, actions: &mut Vec<ViewAction>) {
        let (board, tokens) = (context.send, context.tokens);
        let mistake = self.mistake(board).cloned();
        let height_pt = ui.clip_rect().height();
        let seeks = self.look.seeks.take();
        let (mistake, secrets, of) = (mistake.as_ref(), &board.secrets, self.editing.number());
        let mut form = Form { tokens, mistake, secrets, height_pt, is_typing: false, is_in_address: false, seeks, of };
        let mut asked = None;
        egui::Frame::new().inner_margin(MARGIN).show(ui, |ui| {
            ui.spacing_mut().item_spacing = vec2(8.0, 4.0);
            if !has_column {
                let button = ui.button("Saved and sent…");
                let popup = egui::Popup::menu(&button).close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside).width(300.0);
                popup.show(|ui| egui::ScrollArea::vertical().max_height(480.0).show(ui, |ui| self.library_ui(ui, context, actions)));
            }
            asked = name_ui(ui, &form, &self.editing, board.saved.folder.is_some());
            if let Some(path) = &mut self.saving {
                let is_taken = board.saved.requests.contains_key(path.trim());
                match save_ui(ui, path, is_taken, tokens) {
                    Some(SaveEnd::Save(path)) => self.save_as(path, actions),
                    Some(SaveEnd::Close) => self.saving = None,
                    None => {}
                }
            }
            self.editing.end_notes(&board.secrets);
            notes_ui(ui, &self.editing.told(), tokens);
            let chosen = self.environment.as_deref();
            let has_escape = board.asking.is_none();
            let answered = self.importing.as_mut().and_then(|importing| importing.ui(ui, &mut form, &board.saved, chosen, has_escape));
            if let Some(given) = self.importing.as_ref().and_then(|importing| importing.given(self.editing.number()))
                && self.editing.given != *given
            {
                self.editing.given.clone_from(given);
            }
            match answered {
                Some(true) => self.save_imported(context, actions),
                Some(false) => drop(self.give_up_import(board)),
                None => {}
            }
            // Room between, so that a click above the address hits nothing.
            ui.add_space(8.0);
            let mut variables = board.saved.variables(self.environment.as_deref());
            variables.extend(self.editing.given.clone());
            let is_going = self.going(board).is_some();
            let why_not = why_not(&self.editing.draft);
            let request = RequestUi { board, variables: &variables, is_going, cancels_by_key: self.cancels_by_key(board), why_not };
            asked = request.ui(ui, &mut form, &mut self.editing, &mut self.look).or(asked);
            if board.sent.is_empty() {
                ui.add_space(10.0);
                let text = "Write where it goes, then send it: once, with a line in the ledger. What is not allowed yet, or may change something, is asked about first";
                ui.add(egui::Label::new(RichText::new(text).size(12.0).color(tokens.ink(Ink::Dim))).wrap());
            }
        });
        self.is_editing |= form.is_typing;
        self.is_in_address = form.is_in_address;
        match asked {
            Some(RequestAsk::Run(UiCommand::StopSending)) => {
                let going = self.going(board);
                actions.extend(going.map(|sent| send(SendCommand::Cancel(sent.sent_id))));
            }
            Some(RequestAsk::Run(command)) => self.commands.push(command),
            Some(RequestAsk::Probe) => self.send_as(true, actions),
            Some(RequestAsk::Turn(kind)) => self.editing.begin(kind),
            Some(RequestAsk::Describe) => self.describe(actions),
            None => {}
        }
        if !self.commands.is_empty() {
            ui.ctx().request_repaint();
        }
    }

    /// Asks what methods there are.
    pub(super) fn describe(&mut self, actions: &mut Vec<ViewAction>) {
        let ask = self.ask();
        if let Request::Grpc(grpc) = &ask.draft.request {
            actions.push(send(SendCommand::Describe(Box::new(grpc.clone()), ask.environment.clone())));
            (self.asked_draft, self.mended) = (Some(ask.draft), None);
            self.typed_name.clear();
        }
    }

    fn save_as(&mut self, path: String, actions: &mut Vec<ViewAction>) {
        actions.push(send(SendCommand::Save { path: path.clone(), draft: self.ask().draft }));
        self.is_saved_under = Some(path);
        self.saving = None;
    }

    fn answer_ui(&mut self, ui: &mut egui::Ui, context: &ViewContext<'_>, actions: &mut Vec<ViewAction>) {
        let (board, tokens) = (context.send, context.tokens);
        if let Some(refusal) = &board.refusal {
            refusal_ui(ui, refusal, tokens);
        }
        if let Some(asking) = &board.asking {
            match asking_ui(ui, asking, &mut self.typed_name, tokens) {
                Some(Answered::Yes(typed_name)) => actions.push(send(SendCommand::Confirm { typed_name })),
                Some(Answered::No) => actions.push(send(SendCommand::Withdraw)),
                None => {}
            }
        }
        let Some(sent) = self.shown(board) else { return };
        if self.selected.is_some_and(|selected| board.sent.first().is_some_and(|last| last.sent_id != selected)) {
            let text = format!("of {} at {}", sent.call, crate::figures::when(sent.at_ns, context.clock_ns).to_s());
            ui.label(RichText::new(crate::sanitise::visible(&text)).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim)));
        }
        if self.answer.beside == Some(sent.sent_id) {
            let text = format!("This call still goes on. {} once more sends another one beside it", UiCommand::SendRequest.keys());
            framed_ui(ui, Ink::Warn, Ink::WarnFill, tokens, |ui| {
                ui.add(egui::Label::new(RichText::new(text).size(12.5).color(tokens.ink(Ink::Text))).wrap());
            });
        }
        let (secrets, of) = (&board.secrets, sent.sent_id.0);
        let mut form = Form { tokens, mistake: None, secrets, height_pt: 0.0, is_typing: false, is_in_address: false, seeks: None, of };
        match self.answer.ui(ui, &mut form, &sent, board, context.clock_ns) {
            Some(AnswerAsk::Do(action)) => actions.push(action),
            Some(AnswerAsk::Run(command)) if command.copies() => actions.push(ViewAction::Run(command)),
            Some(AnswerAsk::Run(command)) => {
                self.commands.push(command);
                ui.ctx().request_repaint();
            }
            Some(AnswerAsk::Message) => actions.extend(self.answer.next_of(&sent, board).map(send)),
            Some(AnswerAsk::Write(path)) => actions.push(send(SendCommand::SaveBody(sent.sent_id, path))),
            Some(AnswerAsk::Stop) => actions.push(send(SendCommand::Cancel(sent.sent_id))),
            Some(AnswerAsk::Certificates) => self.look.show(&self.editing.draft.request, "tls"),
            Some(AnswerAsk::HalfClose) => actions.push(send(SendCommand::HalfClose(sent.sent_id))),
            None => {}
        }
        self.is_editing |= form.is_typing;
        if sent.is_going() && !context.in_place {
            ui.ctx().request_repaint_after(std::time::Duration::from_millis(100));
        }
    }
}
