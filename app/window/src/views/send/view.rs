//! The sending view: what is looked at, and what the window asks of it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use switchboard_desk::send::{
    Mistake, SendBoard, SendCommand, SentId,
    draft::{Draft, Request},
};
use switchboard_engine::view::{Answer, Query, ScanQuery};

use super::{
    act::send,
    answer_ui::AnswerLook,
    asking_ui::asks_name,
    caused_ui::CausedLook,
    copied::copied,
    editing::{Composed, Editing},
    importing_ui::Importing,
    library_ui::LibraryKey,
    request_ui::RequestLook,
};
use crate::{
    view::{Begun, CopyForm, Slot, Target, UiCommand, View, ViewAction, ViewContext},
    widgets::text_field::TextField,
    words::drafts::{most_used, never_asked},
};

/// The environment that is chosen at first, where there is one of this name.
const FIRST_ENVIRONMENT: &str = "local";

/// The sending view.
#[derive(Default)]
pub(crate) struct SendView {
    /// The request that is composed.
    pub(super) editing: Editing,
    /// What is looked at of it.
    pub(super) look: RequestLook,
    /// The environment that fills it in.
    pub(super) environment: Option<String>,
    /// Whether one was chosen, or none on purpose.
    pub(super) is_environment_chosen: bool,
    /// What was sent and is looked at; `None` = the last.
    pub(super) selected: Option<SentId>,
    /// The row of what is kept and was sent that keys mean.
    pub(super) cursor: Option<LibraryKey>,
    /// Folders whose requests are not shown.
    pub(super) closed: BTreeSet<String>,
    /// The path under which it is to be saved, while that is typed.
    pub(super) saving: Option<String>,
    /// The path under which it is being saved.
    pub(super) is_saved_under: Option<String>,
    /// A saved request that is to be removed once that is asked for again.
    pub(super) removing: Option<String>,
    /// What was typed where a name is asked for.
    pub(super) typed_name: String,
    /// Whether keys are typed into the request.
    pub(super) is_editing: bool,
    /// As it was when it was to be sent: a mistake is of that.
    pub(super) asked_draft: Option<Arc<Draft>>,
    /// What is looked at of answers.
    pub(super) answer: AnswerLook,
    /// What came of it.
    pub(super) caused: CausedLook,
    /// Commands until the next frame.
    pub(super) commands: Vec<UiCommand>,
    /// Commands that can not be used now, and why.
    pub(super) unavailable: Vec<(UiCommand, Cow<'static, str>)>,
    /// Something is asked, and whether a name has to be typed.
    asking: Option<bool>,
    wanted: Option<Target>,
    pub(super) mistake: Option<Mistake>,
    /// A mistake of other values than those that are chosen now.
    pub(super) mended: Option<Mistake>,
    /// Whether the field of the address has the keys.
    pub(super) is_in_address: bool,
    /// What became of a text that was pasted into an empty address, and what it is without that.
    pub(super) pasted: Option<(Draft, Composed)>,
    /// Requests that were pasted and are asked about.
    pub(super) importing: Option<Importing>,
    /// Whether another window has the keys: a file may be written there.
    is_elsewhere: bool,
    /// In which of egui's passes it was drawn last: it is shown again after one without it.
    drawn_in: Option<u64>,
    is_going: bool,
    cancels_by_key: bool,
    shown: Option<SentId>,
}

impl SendView {
    /// Takes in what changed.
    fn take(&mut self, ctx: &egui::Context, board: &SendBoard) {
        if !self.is_environment_chosen {
            let all = &board.saved.environments;
            let first =
                if all.contains_key(FIRST_ENVIRONMENT) { Some(FIRST_ENVIRONMENT) } else { all.keys().next().filter(|_| all.len() == 1).map(String::as_str) };
            self.environment = first.map(str::to_owned);
        }
        self.take_imported_all(board);
        let is_saved = |path: &String| board.saved.requests.get(path).is_some_and(|saved| **saved == self.editing.draft);
        if let Some(path) = self.is_saved_under.take_if(|path| is_saved(path)) {
            self.editing.saved_as(path);
        }
        match self.wanted.take() {
            Some(Target::Draft(draft)) => self.begin_with((*draft).into(), ctx),
            Some(Target::Begun(begun)) => self.begin_with(*begun, ctx),
            Some(Target::Sent(sent_id)) => (self.selected, self.cursor) = (Some(sent_id), Some(LibraryKey::Sent(sent_id))),
            Some(Target::Saved(path)) => self.load_saved(&path, board),
            _ => {}
        }
        if self.mistake != board.mistake {
            self.mistake.clone_from(&board.mistake);
            if let Some(mistake) = &board.mistake {
                self.look.show(&self.editing.draft.request, mistake.field);
            }
        }
        let asking = board.asking.as_ref().map(|asking| asks_name(asking).is_some());
        if asking == Some(false) && self.asking.is_none() {
            // Enter answers, so no field has it.
            ctx.memory_mut(egui::Memory::stop_text_input);
            self.is_editing = false;
        }
        self.asking = asking;
        self.answer.take_message(board);
        self.answer.beside = self.answer.beside.filter(|beside| board.sent.iter().any(|sent| sent.sent_id == *beside && sent.is_going()));
        self.is_going = self.going(board).is_some();
        self.cancels_by_key = self.cancels_by_key(board);
        self.shown = self.shown(board).map(|sent| sent.sent_id);
    }

    /// Whether the files of requests may be others than those that are known: the window had not the keys, or this was not shown.
    fn may_have_missed_files(&mut self, ctx: &egui::Context) -> bool {
        let (is_elsewhere, pass) = (!ctx.input(|input| input.focused), ctx.cumulative_pass_nr());
        let is_back = std::mem::replace(&mut self.is_elsewhere, is_elsewhere) && !is_elsewhere;
        let is_shown_again = self.drawn_in.replace(pass).is_none_or(|before| before + 1 < pass);
        is_back || is_shown_again
    }

    fn begin_with(&mut self, begun: Begun, ctx: &egui::Context) {
        self.editing.begin_with(begun);
        self.cursor = None;
        self.is_editing = true;
        TextField::SendAddress.seek(ctx);
    }

    /// Asks what it is asked most, of where it goes, and takes that in its place; what was edited meanwhile stays.
    fn take_most_used(&mut self, context: &mut ViewContext<'_>) {
        let Some(of) = self.editing.most_used.clone() else { return };
        if self.editing.is_changed() {
            self.editing.most_used = None;
            return;
        }
        let standing = context.asker.once(Slot::MostUsed, &Query::Scan(ScanQuery::MostUsed(of.clone())));
        let Some(Answer::MostUsed(found)) = standing.answer.filter(|_| standing.is_of_this_question) else { return };
        self.editing.most_used = None;
        let address = match &self.editing.draft.request {
            Request::Http(http) => Some(http.url.as_str()),
            Request::Grpc(grpc) => Some(grpc.url.as_str()),
            Request::Record(_) => None,
        };
        match found.as_ref().and_then(|found| most_used(found, &of.callee, address.filter(|address| !address.is_empty()))) {
            Some(begun) => self.editing.begin_with(begun),
            None => self.editing.notes.push(never_asked(&of)),
        }
    }

    /// What is wrong with the request, as long as it is as it was then.
    pub(super) fn mistake<'a>(&self, board: &'a SendBoard) -> Option<&'a Mistake> {
        let is_same = || self.asked_draft.as_ref().is_none_or(|asked| *asked == self.ask().draft);
        board.mistake.as_ref().filter(|mistake| is_same() && self.mended.as_ref() != Some(*mistake))
    }
}

impl View for SendView {
    fn ui(&mut self, ui: &mut egui::Ui, context: &mut ViewContext<'_>) -> Vec<ViewAction> {
        let ctx = ui.ctx().clone();
        self.take(&ctx, context.send);
        let mut actions = Vec::new();
        self.take_pasted(&ctx, context, &mut actions);
        if self.may_have_missed_files(&ctx) {
            actions.push(send(SendCommand::Reload));
        }
        for command in std::mem::take(&mut self.commands) {
            self.carry_out(command, &ctx, context, &mut actions);
        }
        if let Some(sent) = self.shown(context.send) {
            self.caused.take(&sent, context);
        }
        self.take_most_used(context);
        self.lay_out(ui, context, &mut actions);
        self.note_unavailable(context);
        actions
    }

    fn goto(&mut self, target: &Target) {
        self.wanted = Some(target.clone());
    }

    fn target(&self) -> Option<Target> {
        match &self.cursor {
            Some(LibraryKey::Saved(path)) => Some(Target::Saved(path.clone())),
            Some(LibraryKey::Sent(sent_id)) => Some(Target::Sent(*sent_id)),
            None => self.shown.map(Target::Sent),
        }
    }

    fn begin_anew(&mut self) {
        (self.selected, self.cursor, self.shown) = (None, None, None);
        (self.importing, self.pasted, self.is_saved_under) = (None, None, None);
        self.caused = CausedLook::default();
    }

    fn run(&mut self, command: UiCommand) -> bool {
        self.commands.push(command);
        true
    }

    fn unavailable(&self, command: UiCommand) -> Option<Cow<'static, str>> {
        if command.copies() && self.cursor.is_none() && self.shown.is_none() {
            return Some(Cow::Borrowed("nothing was sent yet"));
        }
        self.unavailable.iter().find(|(of, _)| *of == command).map(|(_, reason)| reason.clone())
    }

    fn has_form(&self) -> bool {
        self.is_editing || self.saving.is_some() || self.answer.writing.is_some() || self.asking == Some(true)
    }

    fn copy(&self, context: &ViewContext<'_>, form: CopyForm) -> Option<String> {
        if let Some(LibraryKey::Saved(path)) = &self.cursor {
            // A request is its file, whatever it is copied for.
            return context.send.saved.requests.get(path).map(|draft| draft.to_text());
        }
        self.shown(context.send).map(|sent| copied(&sent, form, context.now_ns))
    }

    fn hints(&self) -> Vec<(UiCommand, &'static str)> {
        let step_back = match (self.asking, self.is_editing, self.is_going) {
            (Some(_), ..) => Some("do not send"),
            (None, ..) if self.importing.is_some() => Some("do not save"),
            (None, _, true) if self.cancels_by_key => Some("cancel"),
            (None, true, _) => Some("leave the request"),
            _ => None,
        };
        let mut hints = Vec::new();
        if self.asking == Some(false) {
            hints.push((UiCommand::Open, "send it"));
        }
        hints.extend(step_back.map(|what| (UiCommand::StopSending, what)));
        hints.extend([(UiCommand::SendRequest, "send"), (UiCommand::SaveRequest, "save"), (UiCommand::EditRequest, "edit"), (UiCommand::NewRequest, "new")]);
        hints.extend([
            (UiCommand::SentTrace, "trace"),
            (UiCommand::SentOnMap, "map"),
            (UiCommand::WalkDown, "saved and sent"),
            (UiCommand::NextPane, "next pane"),
        ]);
        hints
    }
}
