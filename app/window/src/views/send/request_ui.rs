//! Draws the request that is composed: its kind and name, where it goes, and what it is made of.

use std::collections::BTreeMap;

use egui::{Align, Layout, RichText, WidgetInfo, accesskit::Role, vec2};
use switchboard_desk::send::{
    MADE, SchemaKey, SendBoard,
    draft::{Body, Payload, Request, RequestKind},
    server_address,
};

use super::{
    editing::{CameFrom, Editing},
    fields::{Form, button_ui, sized_button_ui},
    grpc_ui::{self, GrpcLook, GrpcTab},
    http_ui::{self, HttpTab},
    library::path_mistake,
    options_ui::carries_ui,
    record_ui::{self, RecordTab},
};
use crate::{
    fonts,
    ink::fitted,
    sanitise::visible,
    theme::{DesignTokens, Ink, RADIUS_PT, TEXT_SMALL_PT},
    view::UiCommand,
    widgets::text_field::{TextEntry, TextField},
};

/// Room that is kept for the button that sends, points.
const SEND_PT: f32 = 146.0;
/// Height of the line with the address, points.
const ADDRESS_PT: f32 = 26.0;
/// Names of variables that are told in the line below the request.
const NAMES_MAX: usize = 12;

/// What is looked at of the request.
#[derive(Default)]
pub(super) struct RequestLook {
    /// The part of an HTTP request.
    pub http: HttpTab,
    /// What is looked at of a call.
    pub grpc: GrpcLook,
    /// The part of a record.
    pub record: RecordTab,
    /// The field that the keys are to go to, by its name.
    pub seeks: Option<&'static str>,
}

/// The one that stands so many after another, around.
fn turned<T: Copy + PartialEq>(all: &[T], now: T, by: usize) -> T {
    let at = all.iter().position(|one| *one == now).unwrap_or(0);
    all[(at + by) % all.len()]
}

impl RequestLook {
    /// Shows the next part, or the one before.
    pub(super) fn turn(&mut self, request: &Request, is_forward: bool) {
        let by = |num: usize| if is_forward { 1 } else { num - 1 };
        match request {
            Request::Http(_) => self.http = turned(&HttpTab::ALL, self.http, by(HttpTab::ALL.len())),
            Request::Grpc(_) => self.grpc.tab = turned(&GrpcTab::ALL, self.grpc.tab, by(GrpcTab::ALL.len())),
            Request::Record(_) => self.record = turned(&RecordTab::ALL, self.record, by(RecordTab::ALL.len())),
        }
    }

    /// Leads the keys into what is sent. Where there is nothing yet that can be written in, it begins as JSON.
    pub(super) fn edit_contents(&mut self, request: &mut Request) {
        self.seeks = Some(match request {
            Request::Http(http) => {
                self.http = HttpTab::Body;
                if http.body == Body::None {
                    http.body = Body::Json(String::new());
                }
                match &http.body {
                    Body::Form(_) => "Name of field 1",
                    Body::Multipart(_) => "Name of part 1",
                    _ => "Body",
                }
            }
            Request::Grpc(grpc) => {
                self.grpc.tab = GrpcTab::Messages;
                if grpc.messages.is_empty() {
                    grpc.messages.push("{}".to_owned());
                }
                "Message"
            }
            Request::Record(record) => {
                self.record = RecordTab::Content;
                if record.value == Payload::Null {
                    record.value = Payload::Json(String::new());
                }
                "Value"
            }
        });
    }

    /// Shows the part in which something is wrong.
    pub(super) fn show(&mut self, request: &Request, field: &str) {
        match request {
            Request::Http(_) => self.http = HttpTab::of_field(field).unwrap_or(self.http),
            Request::Grpc(grpc) => self.grpc.tab = GrpcTab::of_field(field, grpc.row_messages).unwrap_or(self.grpc.tab),
            Request::Record(_) => self.record = RecordTab::of_field(field).unwrap_or(self.record),
        }
    }
}

/// What was asked for in the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestAsk {
    /// A command.
    Run(UiCommand),
    /// Another kind, blank.
    Turn(RequestKind),
    /// What methods there are.
    Describe,
    /// Send it as a probe.
    Probe,
}

/// What the request is drawn with besides itself.
pub(super) struct RequestUi<'a> {
    /// What can be seen of sending.
    pub board: &'a SendBoard,
    /// Values of the environment that is chosen.
    pub variables: &'a BTreeMap<String, String>,
    /// Whether what is looked at goes on.
    pub is_going: bool,
    /// Whether Escape cancels it at once.
    pub cancels_by_key: bool,
    /// Why it can not be sent; `None` = it can.
    pub why_not: Option<&'a str>,
}

impl RequestUi<'_> {
    /// Draws all of it but its name.
    pub(super) fn ui(&self, ui: &mut egui::Ui, form: &mut Form<'_>, editing: &mut Editing, look: &mut RequestLook) -> Option<RequestAsk> {
        let mut asked = self.address_ui(ui, form, editing);
        let schema = match &editing.draft.request {
            Request::Grpc(grpc) => self.board.schemas.get(&SchemaKey::of(grpc)),
            _ => None,
        };
        match &mut editing.draft.request {
            Request::Http(http) => {
                form.mistake_ui(ui, &["url", "method", "file"]);
                carries_ui(ui, form, &mut http.carries);
                if http_ui::http_ui(ui, form, http, &mut look.http, self.why_not) {
                    asked = Some(RequestAsk::Probe);
                }
            }
            Request::Grpc(grpc) => {
                form.mistake_ui(ui, &["url", "file"]);
                if let std::borrow::Cow::Owned(taken_as) = server_address(&grpc.url) {
                    form.told_ui(ui, &format!("Taken as {taken_as}, without TLS; write https:// before it for TLS"), Ink::Dim);
                }
                if grpc_ui::method_ui(ui, form, grpc, &mut look.grpc, schema) {
                    asked = Some(RequestAsk::Describe);
                }
                carries_ui(ui, form, &mut grpc.carries);
                if grpc_ui::grpc_ui(ui, form, grpc, &mut look.grpc, schema, self.why_not) {
                    asked = Some(RequestAsk::Probe);
                }
            }
            Request::Record(record) => {
                form.mistake_ui(ui, &["topic", "cluster", "file"]);
                carries_ui(ui, form, &mut record.carries);
                record_ui::record_ui(ui, form, record, &mut look.record);
            }
        }
        variables_ui(ui, self.variables, form.tokens);
        asked
    }

    /// Where it goes, and the button that sends it there.
    fn address_ui(&self, ui: &mut egui::Ui, form: &mut Form<'_>, editing: &mut Editing) -> Option<RequestAsk> {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            match &mut editing.draft.request {
                Request::Http(http) => {
                    http_ui::method_ui(ui, form, &mut http.method);
                    let room_pt = (ui.available_width() - SEND_PT).max(80.0);
                    form.address(ui, ["URL", "http://localhost:8080/path, or {{base}}/path"], &mut http.url, room_pt);
                }
                Request::Grpc(grpc) => {
                    let room_pt = (ui.available_width() - SEND_PT).max(80.0);
                    form.address(ui, ["Server", "http://localhost:50051, or https:// for TLS"], &mut grpc.url, room_pt);
                }
                Request::Record(record) => {
                    record_ui::cluster_ui(ui, &self.board.clusters, &mut record.cluster);
                    let room_pt = (ui.available_width() - SEND_PT).max(80.0);
                    form.address(ui, ["Topic", "orders.placed"], &mut record.topic, room_pt);
                }
            }
            let (text, command) = if self.is_going { ("Cancel", UiCommand::StopSending) } else { ("Send", UiCommand::SendRequest) };
            let why_not = self.why_not.filter(|_| !self.is_going);
            let keys = if self.is_going && !self.cancels_by_key { String::new() } else { command.keys() };
            sized_button_ui(ui, [text, &keys], vec2(ui.available_width(), ADDRESS_PT), !self.is_going, why_not, form.tokens).then_some(RequestAsk::Run(command))
        })
        .inner
    }
}

/// Kind and name of the request, and what can be done with it as a whole.
pub(super) fn name_ui(ui: &mut egui::Ui, form: &Form<'_>, editing: &Editing, can_save: bool) -> Option<RequestAsk> {
    let tokens = form.tokens;
    let mut asked = None;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        let mut kind = editing.draft.kind();
        if form.choice(ui, "kind", &RequestKind::ALL.map(|kind| (kind, kind.word())), &mut kind) {
            asked = Some(RequestAsk::Turn(kind));
        }
        ui.add_space(10.0);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            let small = |text: &str| egui::Button::new(RichText::new(text.to_owned()).size(12.0));
            let new = ui.add(small("New")).on_hover_text(format!("{} ({})", UiCommand::NewRequest.tooltip(), UiCommand::NewRequest.keys()));
            if new.clicked() {
                asked = Some(RequestAsk::Run(UiCommand::NewRequest));
            }
            let save = ui.add_enabled(can_save, small("Save…"));
            let save = save.on_hover_text(format!("{} ({})", UiCommand::SaveRequest.tooltip(), UiCommand::SaveRequest.keys()));
            if save.on_disabled_hover_text(NO_FOLDER).clicked() {
                asked = Some(RequestAsk::Run(UiCommand::SaveRequest));
            }
            ui.add_space(4.0);
            let (title, note) = title(editing);
            let note_galley = ui.painter().layout_no_wrap(note.clone(), fonts::words(TEXT_SMALL_PT), tokens.ink(Ink::Dim));
            let room_pt = (ui.available_width() - note_galley.size().x - 10.0).max(20.0);
            let galley = fitted(ui.painter(), &title, &fonts::strong(13.0), room_pt);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let (rect, response) = ui.allocate_exact_size(vec2(galley.size().x + note_galley.size().x + 8.0, 22.0), egui::Sense::hover());
                response.widget_info(|| WidgetInfo::labeled(Role::Heading, true, format!("{title}, {note}").trim_end_matches(", ").to_owned()));
                let middle = |height: f32| rect.center().y - height / 2.0;
                let note_left = rect.left() + galley.size().x + 8.0;
                ui.painter().galley(egui::pos2(rect.left(), middle(galley.size().y)), galley.clone(), tokens.ink(Ink::Text));
                ui.painter().galley(egui::pos2(note_left, middle(note_galley.size().y)), note_galley, tokens.ink(Ink::Dim));
            });
        });
    });
    asked
}

/// Why nothing can be saved.
pub(super) const NO_FOLDER: &str = "the profile is not kept in a file, so there is no folder for requests";

/// What it is called, and how that stands.
fn title(editing: &Editing) -> (String, String) {
    let draft = &editing.draft;
    let (title, note) = match &editing.from {
        CameFrom::Saved(path) => (if draft.name.is_empty() { path.clone() } else { draft.name.clone() }, if editing.is_changed() { "edited" } else { "" }),
        CameFrom::Sent(_) => (draft.title(), if editing.is_changed() { "edited, as sent before" } else { "as sent before" }),
        CameFrom::Elsewhere => (draft.title(), "not saved"),
        CameFrom::New if editing.is_changed() => (draft.title(), "not saved"),
        CameFrom::New => (String::new(), ""),
    };
    let title = if title.is_empty() { "New request".to_owned() } else { title };
    (visible(&title).into_owned(), note.to_owned())
}

/// How the question where to save ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum SaveEnd {
    /// Under this path.
    Save(String),
    /// Not at all.
    Close,
}

/// Asks under which path the request is kept.
pub(super) fn save_ui(ui: &mut egui::Ui, path: &mut String, is_taken: bool, tokens: &DesignTokens) -> Option<SaveEnd> {
    let mut ending = None;
    let frame = egui::Frame::new().fill(tokens.ink(Ink::Raised)).corner_radius(RADIUS_PT).inner_margin(egui::Margin::symmetric(12, 8));
    frame.show(ui, |ui| {
        let label = "Folder and name in the folder of requests, such as orders/place an order";
        ui.label(RichText::new(label).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim)));
        ui.add_space(4.0);
        ui.horizontal(|ui| {
            let mistake = path_mistake(path);
            let room_pt = (ui.available_width() - 170.0).max(60.0);
            let typed = TextEntry::new(TextField::SendPath, path).hint("orders/place an order").width(room_pt).first(true).ui(ui, tokens);
            let can = path_mistake(path).is_none();
            if typed.is_done && !can {
                typed.response.request_focus();
            }
            let text = if is_taken { "Replace" } else { "Save" };
            if button_ui(ui, [text, ""], true, mistake, tokens) || (typed.is_done && can) {
                ending = Some(SaveEnd::Save(path.trim().to_owned()));
            }
            if button_ui(ui, ["Close", ""], false, None, tokens) {
                ending = Some(SaveEnd::Close);
            }
        });
        if let Some(mistake) = path_mistake(path).filter(|_| !path.is_empty()) {
            ui.label(RichText::new(mistake).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Warn)));
        } else if is_taken {
            ui.label(RichText::new("There is a request of this name, which is replaced").size(TEXT_SMALL_PT).color(tokens.ink(Ink::Warn)));
        }
    });
    ending
}

/// Which names can stand in double braces.
fn variables_ui(ui: &mut egui::Ui, variables: &BTreeMap<String, String>, tokens: &DesignTokens) {
    ui.add_space(4.0);
    let shown: Vec<String> = variables.keys().take(NAMES_MAX).map(|name| visible(name).into_owned()).collect();
    let more = if variables.len() > NAMES_MAX { format!(" and {} more", variables.len() - NAMES_MAX) } else { String::new() };
    let named = if shown.is_empty() { String::new() } else { format!("{}{more} · ", shown.join(", ")) };
    let made = MADE.map(|(name, _)| name).join(", ");
    let text = format!("{{{{…}}}}  {named}{made}");
    let response = ui.add(egui::Label::new(RichText::new(text).font(fonts::data(11.0)).color(tokens.ink(Ink::Faint))).truncate());
    let values = variables.iter().take(NAMES_MAX).map(|(name, value)| format!("{} = {}", visible(name), visible(value)));
    let made = MADE.iter().map(|(name, what)| format!("{name}: {what}"));
    response.on_hover_text(values.chain(made).collect::<Vec<_>>().join("\n"));
}
