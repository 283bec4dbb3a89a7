//! What commands do, and what is given back to the session.

use std::borrow::Cow;
use std::sync::Arc;

use switchboard_desk::send::{
    SchemaKey, SendAsk, SendBoard, SendCommand, Sent, SentId,
    draft::{Body, Draft, Payload, Request, RequestKind, SchemaFrom},
    redirect,
};

use super::{
    answer_ui::has_body,
    asking_ui::asks_name,
    caused::on_the_map,
    caused_ui::{story_action, trace_action},
    compare::before,
    editing::CameFrom,
    grpc_ui::{GrpcTab, why_no_fields, why_no_methods, why_one_message},
    library_ui::{LibraryKey, walked},
    messages_ui::is_stream,
    request_ui::{NO_FOLDER, RequestLook},
    view::SendView,
};
use crate::{
    SessionCommand,
    view::{UiCommand, ViewAction, ViewContext},
    widgets::{json_text, table::TableState, text_field::TextField},
};

/// Something for the session.
pub(super) fn send(command: SendCommand) -> ViewAction {
    ViewAction::Send(SessionCommand::Send(Box::new(command)))
}

/// Why a request can not be sent as it is; `None` = it can, as far as is seen here.
pub(super) fn why_not(draft: &Draft) -> Option<&'static str> {
    match &draft.request {
        Request::Http(http) => http.url.trim().is_empty().then_some("there is no URL yet"),
        Request::Grpc(grpc) if grpc.url.trim().is_empty() => Some("there is no server yet"),
        Request::Grpc(grpc) => grpc.method.trim().is_empty().then_some("there is no method yet"),
        Request::Record(record) => record.topic.trim().is_empty().then_some("there is no topic yet"),
    }
}

/// The same request without lines that are still empty.
fn without_empty_lines(draft: &Draft) -> Draft {
    let mut draft = draft.clone();
    if let Request::Grpc(grpc) = &mut draft.request
        && let SchemaFrom::Protos { files, roots } = &mut grpc.schema
    {
        for names in [files, roots] {
            names.retain(|name| !name.trim().is_empty());
        }
    }
    draft
}

/// Whether it has any JSON.
fn has_json(draft: &Draft) -> bool {
    let is_json = |payload: &Payload| matches!(payload, Payload::Json(text) if !text.is_empty());
    match &draft.request {
        Request::Http(http) => matches!(&http.body, Body::Json(text) | Body::Graphql { variables: text, .. } if !text.is_empty()),
        Request::Grpc(grpc) => !grpc.messages.is_empty(),
        Request::Record(record) => is_json(&record.key) || is_json(&record.value),
    }
}

/// Puts every JSON of a request a member a line; what is none stays as it is.
fn format_all(draft: &mut Draft) {
    let texts: Vec<&mut String> = match &mut draft.request {
        Request::Http(http) => match &mut http.body {
            Body::Json(text) | Body::Graphql { variables: text, .. } => vec![text],
            _ => Vec::new(),
        },
        Request::Grpc(grpc) => grpc.messages.iter_mut().collect(),
        Request::Record(record) => {
            let payloads = [&mut record.key, &mut record.value];
            payloads.into_iter().filter_map(|payload| if let Payload::Json(text) = payload { Some(text) } else { None }).collect()
        }
    };
    for text in texts {
        if let Ok(formatted) = json_text::format(text) {
            *text = formatted;
        }
    }
}

impl SendView {
    /// What is sent, and asked about.
    pub(super) fn ask(&self) -> SendAsk {
        let draft = Arc::new(without_empty_lines(&self.editing.draft));
        let by_hand = self.look.grpc.by_hand && matches!(draft.request, Request::Grpc(_));
        SendAsk { draft, environment: self.environment.clone(), given: self.editing.given.clone(), by_hand, is_probe: false }
    }

    /// Carries out a command.
    pub(super) fn carry_out(&mut self, command: UiCommand, ctx: &egui::Context, context: &ViewContext<'_>, actions: &mut Vec<ViewAction>) {
        let board = context.send;
        let shown = self.shown(board);
        let beside = self.answer.beside.take();
        match command {
            UiCommand::SendRequest => match shown.filter(|sent| sent.is_open && self.answer.is_writing_message) {
                Some(sent) => actions.extend(self.answer.next_of(&sent, board).map(send)),
                None => self.send_unless_open(beside, board, actions),
            },
            UiCommand::StopSending => actions.extend(self.step_back(board).map(send)),
            // The way back through what was looked at stops nothing that goes on.
            UiCommand::ClearSelection => (self.cursor, self.selected, self.is_editing) = (None, None, false),
            UiCommand::EditRequest => {
                self.is_editing = true;
                TextField::SendAddress.seek(ctx);
            }
            UiCommand::NewRequest => self.begin_kind(self.editing.draft.kind(), ctx),
            UiCommand::NewHttpRequest => self.begin_kind(RequestKind::Http, ctx),
            UiCommand::NewGrpcCall => self.begin_kind(RequestKind::Grpc, ctx),
            UiCommand::NewRecord => self.begin_kind(RequestKind::Record, ctx),
            // The field that takes the keys makes it one that is edited.
            UiCommand::EditContents => self.look.edit_contents(&mut self.editing.draft.request),
            UiCommand::NextRequestPart | UiCommand::FormerRequestPart => self.look.turn(&self.editing.draft.request, command == UiCommand::NextRequestPart),
            UiCommand::AskMethods => self.describe(actions),
            UiCommand::ChooseMethod | UiCommand::MessageTemplate | UiCommand::MessageFields | UiCommand::AddMessage | UiCommand::KeepStreamOpen => {
                self.compose_call(command, board);
            }
            UiCommand::SendMessage if self.answer.next_message.trim().is_empty() => {
                self.is_editing = true;
                (self.answer.seeks_message, self.answer.comparison.is_shown) = (true, false);
            }
            UiCommand::SendMessage => {
                self.answer.comparison.is_shown = false;
                let next = shown.and_then(|sent| self.answer.next_of(&sent, board));
                actions.extend(next.map(send));
            }
            UiCommand::HalfClose => actions.extend(shown.filter(|sent| sent.is_open).map(|sent| send(SendCommand::HalfClose(sent.sent_id)))),
            UiCommand::PasteRequest => ctx.send_viewport_cmd(egui::ViewportCommand::RequestPaste),
            UiCommand::CopyRequestLine => actions.extend(self.copy_line(context)),
            UiCommand::FormatRequest => format_all(&mut self.editing.draft),
            UiCommand::SaveRequest if board.saved.folder.is_some() => {
                let path = self.editing.path().map(str::to_owned).unwrap_or_default();
                self.saving.get_or_insert(path);
            }
            UiCommand::RemoveRequest => self.remove(actions),
            UiCommand::EditSent => {
                if let Some(sent) = &shown {
                    self.editing.load_sent(sent);
                    TextField::SendAddress.seek(ctx);
                }
            }
            UiCommand::SentTrace => actions.extend(shown.and_then(|sent| trace_action(&sent))),
            UiCommand::SentStory => actions.extend(shown.and_then(|sent| story_action(&sent))),
            UiCommand::SentOnMap => actions.extend(shown.and_then(|sent| on_the_map(&sent, &self.caused.caused, context.snapshot))),
            UiCommand::CompareSent => self.answer.comparison.is_shown ^= true,
            UiCommand::WriteBody => drop(self.answer.writing.get_or_insert_default()),
            UiCommand::GoToLocation => {
                if let Some(sent) = &shown
                    && let Some(Ok(redirect)) = redirect(sent)
                {
                    self.editing.load(redirect.draft(sent), CameFrom::Elsewhere);
                    (self.cursor, self.is_editing) = (None, true);
                    TextField::SendAddress.seek(ctx);
                }
            }
            UiCommand::StartProbe => self.send_as(true, actions),
            UiCommand::StopProbe => actions.extend(shown.filter(|sent| sent.is_probe()).map(|sent| send(SendCommand::Cancel(sent.sent_id)))),
            UiCommand::ForgetSent => {
                (self.selected, self.cursor) = (None, None);
                actions.push(send(SendCommand::Forget));
            }
            UiCommand::ReloadRequests => actions.push(send(SendCommand::Reload)),
            UiCommand::Open => self.enter(board, actions),
            walk if !self.is_editing => self.walk(walk, board),
            _ => {}
        }
    }

    fn begin_kind(&mut self, kind: RequestKind, ctx: &egui::Context) {
        self.editing.begin(kind);
        (self.look, self.is_editing) = (RequestLook::default(), true);
        TextField::SendAddress.seek(ctx);
    }

    /// What there is to do with a call while it is composed.
    fn compose_call(&mut self, command: UiCommand, board: &SendBoard) {
        let Request::Grpc(grpc) = &mut self.editing.draft.request else { return };
        let schema = board.schemas.get(&SchemaKey::of(grpc));
        match command {
            UiCommand::ChooseMethod => self.look.grpc.methods.open(),
            UiCommand::MessageTemplate => {
                self.look.grpc.tab = GrpcTab::Messages;
                self.look.grpc.begin_message(grpc, schema);
            }
            UiCommand::MessageFields => {
                let is_seen = self.look.grpc.tab == GrpcTab::Messages && self.look.grpc.fields.is_open();
                self.look.grpc.tab = GrpcTab::Messages;
                self.look.grpc.fields.show(!is_seen);
                if grpc.messages.is_empty() {
                    grpc.messages.push("{}".to_owned());
                }
            }
            UiCommand::AddMessage => {
                grpc.messages.push("{}".to_owned());
                (self.look.grpc.tab, self.look.seeks, self.is_editing) = (GrpcTab::Messages, Some("Message"), true);
            }
            _ => self.look.grpc.by_hand ^= true,
        }
    }

    /// Sends the request. While a stream of the same call is open, that stream is shown and it is said so; asked for again, another one begins beside it.
    fn send_unless_open(&mut self, beside: Option<SentId>, board: &SendBoard, actions: &mut Vec<ViewAction>) {
        let is_same = |sent: &Sent| match (&sent.ask.draft.request, &self.editing.draft.request) {
            (Request::Grpc(of), Request::Grpc(grpc)) => (&of.url, &of.method) == (&grpc.url, &grpc.method) && is_stream(sent, board),
            _ => false,
        };
        let open = board.sent.iter().find(|sent| sent.is_going() && !sent.is_probe() && is_same(sent)).map(|sent| sent.sent_id);
        if open.is_some() && open != beside {
            (self.selected, self.answer.beside) = (open, open);
        } else {
            self.send_as(false, actions);
        }
    }

    /// What goes on of what is looked at; where that is a probe that nobody chose, what was sent last beside it.
    pub(super) fn going(&self, board: &SendBoard) -> Option<Arc<Sent>> {
        let shown = self.shown(board)?;
        if shown.is_probe() && self.selected.is_none() {
            return board.going().cloned();
        }
        Some(shown).filter(|sent| sent.is_going() && !sent.is_probe())
    }

    /// Whether Escape cancels what goes on at once, also out of a field. While an open stream is written into it leaves the field first.
    pub(super) fn cancels_by_key(&self, board: &SendBoard) -> bool {
        let is_asked = self.saving.is_some() || self.importing.is_some() || self.removing.is_some() || self.answer.writing.is_some() || board.asking.is_some();
        !is_asked && self.going(board).is_some_and(|sent| !(self.is_editing && sent.is_open))
    }

    /// Sends the request, once or as a probe; what follows is of that.
    pub(super) fn send_as(&mut self, is_probe: bool, actions: &mut Vec<ViewAction>) {
        if why_not(&self.editing.draft).is_some() {
            return;
        }
        let ask = SendAsk { is_probe, ..self.ask() };
        (self.asked_draft, self.mended) = (Some(Arc::clone(&ask.draft)), None);
        (self.selected, self.cursor) = (None, None);
        self.typed_name.clear();
        actions.push(send(SendCommand::Send(ask)));
    }

    /// Answers yes, or takes what the selected row has.
    fn enter(&mut self, board: &SendBoard, actions: &mut Vec<ViewAction>) {
        if let Some(asking) = &board.asking {
            if asks_name(asking).is_none() {
                actions.push(send(SendCommand::Confirm { typed_name: None }));
            }
            return;
        }
        if self.is_editing {
            return;
        }
        match self.cursor.clone() {
            Some(LibraryKey::Saved(path)) => self.load_saved(&path, board),
            Some(LibraryKey::Sent(_)) => {
                if let Some(sent) = self.shown(board) {
                    self.editing.load_sent(&sent);
                }
            }
            None => {}
        }
    }

    /// Makes a saved request the one that is composed.
    pub(super) fn load_saved(&mut self, path: &str, board: &SendBoard) {
        if let Some(draft) = board.saved.requests.get(path) {
            self.editing.load((**draft).clone(), CameFrom::Saved(path.to_owned()));
            self.cursor = Some(LibraryKey::Saved(path.to_owned()));
            self.removing = None;
        }
    }

    /// Leaves what was opened last, answers no, or stops waiting.
    fn step_back(&mut self, board: &SendBoard) -> Option<SendCommand> {
        let cancels = self.cancels_by_key(board);
        let was_editing = std::mem::take(&mut self.is_editing);
        if self.saving.take().is_some() || self.removing.take().is_some() || self.answer.writing.take().is_some() {
            return None;
        }
        if board.asking.is_some() {
            self.typed_name.clear();
            return Some(SendCommand::Withdraw);
        }
        if self.give_up_import(board) {
            return None;
        }
        if was_editing && !cancels {
            return None;
        }
        if let Some(sent) = self.going(board) {
            return Some(SendCommand::Cancel(sent.sent_id));
        }
        // What is looked at stays so.
        self.cursor = None;
        None
    }

    /// The first time asks, the second time does.
    fn remove(&mut self, actions: &mut Vec<ViewAction>) {
        let Some(LibraryKey::Saved(path)) = &self.cursor else { return };
        if self.removing.as_ref() == Some(path) {
            actions.push(send(SendCommand::Remove(path.clone())));
            self.removing = None;
            self.cursor = None;
        } else {
            self.removing = Some(path.clone());
        }
    }

    fn walk(&mut self, command: UiCommand, board: &SendBoard) {
        let rows = walked(board, &self.closed);
        let at = self.cursor.as_ref().and_then(|cursor| rows.iter().position(|row| row == cursor));
        // The rows scroll by themselves; only the step is the table's.
        if let Some(row) = TableState::default().run(command, at, rows.len()).and_then(|row| rows.get(row)) {
            self.removing = None;
            if let LibraryKey::Sent(sent_id) = row {
                self.selected = Some(*sent_id);
            }
            self.cursor = Some(row.clone());
        }
    }

    /// What was sent and is looked at: the selected one, or the last.
    pub(super) fn shown(&self, board: &SendBoard) -> Option<Arc<Sent>> {
        let selected = self.selected.and_then(|selected| board.sent.iter().find(|sent| sent.sent_id == selected));
        selected.or_else(|| board.sent.first()).cloned()
    }

    /// Which commands can not be used now, and why.
    pub(super) fn note_unavailable(&mut self, context: &ViewContext<'_>) {
        let board = context.send;
        let shown = self.shown(board);
        let mut unavailable: Vec<(UiCommand, Cow<'static, str>)> = Vec::new();
        let mut missing = |command: UiCommand, reason: Option<&'static str>| unavailable.extend(reason.map(|reason| (command, Cow::Borrowed(reason))));
        missing(UiCommand::SendRequest, why_not(&self.editing.draft).filter(|_| !self.answer.is_writing_message));
        let (no_server, no_methods, no_fields, no_message) = match &self.editing.draft.request {
            Request::Grpc(grpc) => {
                let schema = board.schemas.get(&SchemaKey::of(grpc));
                let is_nowhere = grpc.url.trim().is_empty() && grpc.schema == SchemaFrom::Reflection;
                (is_nowhere.then_some("there is no server yet"), why_no_methods(schema), why_no_fields(grpc, schema), why_one_message(grpc, schema))
            }
            _ => (Some("it is no gRPC call"), Some("it is no gRPC call"), Some("it is no gRPC call"), Some("it is no gRPC call")),
        };
        missing(UiCommand::AskMethods, no_server);
        missing(UiCommand::ChooseMethod, no_methods);
        missing(UiCommand::MessageTemplate, no_methods.or(why_not(&self.editing.draft)));
        missing(UiCommand::MessageFields, no_fields);
        missing(UiCommand::AddMessage, no_message);
        missing(UiCommand::KeepStreamOpen, no_message);
        let no_stream = shown.as_ref().is_none_or(|sent| !sent.is_open).then_some("no stream is open");
        missing(UiCommand::SendMessage, no_stream);
        missing(UiCommand::HalfClose, no_stream);
        missing(UiCommand::CopyRequestLine, why_not(&self.editing.draft));
        missing(UiCommand::SaveRequest, board.saved.folder.is_none().then_some(NO_FOLDER));
        let is_saved_selected = matches!(self.cursor, Some(LibraryKey::Saved(_)));
        missing(UiCommand::RemoveRequest, (!is_saved_selected).then_some("no saved request is selected"));
        missing(UiCommand::EditSent, shown.is_none().then_some("nothing was sent yet"));
        let compared = shown.as_ref().and_then(|sent| before(board, sent));
        missing(UiCommand::CompareSent, compared.is_none().then_some("no answer to the same request came before"));
        missing(UiCommand::WriteBody, shown.as_ref().is_none_or(|sent| !has_body(sent)).then_some("there is no body"));
        let leads = shown.as_ref().and_then(|sent| redirect(sent)).is_some_and(|leads| leads.is_ok());
        missing(UiCommand::GoToLocation, (!leads).then_some("the answer leads nowhere else"));
        let is_record = matches!(self.editing.draft.request, Request::Record(_));
        missing(UiCommand::StartProbe, why_not(&self.editing.draft).or(is_record.then_some("records are no probes")));
        let is_probing = shown.as_ref().is_some_and(|sent| sent.is_probe() && sent.is_going());
        missing(UiCommand::StopProbe, (!is_probing).then_some("no probe that runs is looked at"));
        missing(UiCommand::ForgetSent, board.sent.is_empty().then_some("nothing was sent yet"));
        missing(UiCommand::FormatRequest, (!has_json(&self.editing.draft)).then_some("there is no JSON in it"));
        let trace = shown.as_ref().and_then(|sent| trace_action(sent));
        missing(UiCommand::SentTrace, trace.is_none().then_some("it began no trace"));
        let story = shown.as_ref().and_then(|sent| story_action(sent));
        missing(UiCommand::SentStory, story.is_none().then_some("it carried no correlation id"));
        let on_map = shown.as_ref().and_then(|sent| on_the_map(sent, &self.caused.caused, context.snapshot));
        missing(UiCommand::SentOnMap, on_map.is_none().then_some("it is not on the map yet"));
        let can_stop = self.is_editing
            || self.saving.is_some()
            || self.importing.is_some()
            || self.removing.is_some()
            || self.answer.writing.is_some()
            || self.cursor.is_some()
            || board.asking.is_some()
            || self.going(board).is_some();
        missing(UiCommand::StopSending, (!can_stop).then_some("nothing goes on here"));
        missing(UiCommand::Open, (self.cursor.is_none() && board.asking.is_none()).then_some("nothing is selected"));
        self.unavailable = unavailable;
    }
}
