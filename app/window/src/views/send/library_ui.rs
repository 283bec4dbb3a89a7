//! Draws what is kept, what was sent lately, and the environment whose variables fill requests in.

use std::collections::BTreeSet;
use std::sync::Arc;

use egui::{Align, Layout, RichText, Sense, WidgetInfo, accesskit::Role, pos2, vec2};
use switchboard_desk::send::{SavedBoard, SendBoard, Sent, SentId, draft::Draft};

use super::{
    answer::Became,
    fields::heading_ui,
    library::{SavedRow, Tag, saved_rows},
};
use crate::{
    figures, fonts,
    ink::fitted,
    sanitise::visible,
    theme::{DesignTokens, Ink, TEXT_BODY_PT, TEXT_MIN_PT, TEXT_SMALL_PT},
    widgets::{object_menu, row_ground::row_ground},
};

/// Height of a row, points.
const ROW_PT: f32 = 26.0;
/// Depth of a folder, points.
const STEP_PT: f32 = 14.0;
/// Width of a tag, points.
const TAG_PT: f32 = 52.0;
/// Rows of what was sent that are laid out.
const SENT_MAX: usize = 200;
/// Variables that are listed.
const VARIABLES_MAX: usize = 60;

/// A row that can be walked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LibraryKey {
    /// A saved request, by its path.
    Saved(String),
    /// Something that was sent.
    Sent(SentId),
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum LibraryAsk {
    /// A saved request is to be composed.
    Load(String),
    /// What was sent is to be looked at.
    Look(SentId),
    /// A copy of it is to be composed.
    Copy(SentId),
    /// One that was given up is to be composed again.
    Again(usize),
    /// Only selected, for its menu.
    Select(LibraryKey),
    /// Folders are read again.
    Reload,
    /// The path of the folder of requests is to be copied.
    CopyFolder,
    /// Another environment, or none.
    Environment(Option<String>),
}

/// What it is drawn with.
pub(super) struct LibraryUi<'a> {
    /// What can be seen of sending.
    pub board: &'a SendBoard,
    /// The row that keys mean.
    pub selected: Option<&'a LibraryKey>,
    /// What was sent and is looked at beside.
    pub shown: Option<SentId>,
    /// The saved request that is composed.
    pub loaded: Option<&'a str>,
    /// Requests that were edited and given up.
    pub former: Vec<&'a Draft>,
    /// The environment that is chosen.
    pub environment: Option<&'a str>,
    /// A request that is about to be removed.
    pub removing: Option<&'a str>,
    /// Colours.
    pub tokens: &'a DesignTokens,
    /// Now, ns since the Unix epoch.
    pub now_ns: i64,
}

/// The rows in the order in which arrows walk them.
pub(super) fn walked(board: &SendBoard, closed: &BTreeSet<String>) -> Vec<LibraryKey> {
    let saved = saved_rows(&board.saved.requests, closed).into_iter().filter_map(|row| match row {
        SavedRow::Saved { path, .. } => Some(LibraryKey::Saved(path)),
        SavedRow::Folder { .. } => None,
    });
    saved.chain(board.probes().chain(listed(board)).map(|sent| LibraryKey::Sent(sent.sent_id))).collect()
}

/// What was sent lately: probes that run stand above.
fn listed(board: &SendBoard) -> impl Iterator<Item = &Arc<Sent>> {
    board.sent.iter().filter(|sent| !(sent.is_probe() && sent.is_going())).take(SENT_MAX)
}

impl LibraryUi<'_> {
    /// Draws all of it.
    pub(super) fn ui(&self, ui: &mut egui::Ui, closed: &mut BTreeSet<String>) -> Option<LibraryAsk> {
        ui.spacing_mut().item_spacing = vec2(8.0, 2.0);
        let mut asked = self.environment_ui(ui);
        ui.add_space(10.0);
        asked = self.saved_ui(ui, closed).or(asked);
        ui.add_space(14.0);
        asked = self.sent_ui(ui).or(asked);
        ui.add_space(14.0);
        self.variables_ui(ui);
        asked
    }

    fn saved_ui(&self, ui: &mut egui::Ui, closed: &mut BTreeSet<String>) -> Option<LibraryAsk> {
        let saved: &SavedBoard = &self.board.saved;
        let mut asked = None;
        ui.horizontal(|ui| {
            let heading = ui.label(RichText::new("Saved").font(fonts::strong(TEXT_BODY_PT)).color(self.tokens.ink(Ink::Text)));
            heading.widget_info(|| WidgetInfo::labeled(Role::Heading, true, "Saved"));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if saved.folder.is_some() {
                    let text = RichText::new("read again").size(TEXT_SMALL_PT).color(self.tokens.ink(Ink::Faint));
                    let reload = ui.add(egui::Button::new(text).frame(false));
                    reload.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Read saved requests again"));
                    if reload.clicked() {
                        asked = Some(LibraryAsk::Reload);
                    }
                }
            });
        });
        if let Some(folder) = &saved.folder {
            let path = visible(&folder.display().to_string()).into_owned();
            let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 18.0), Sense::click());
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Copy the folder's path, {path}")));
            let ink = if response.hovered() || response.has_focus() { Ink::Text } else { Ink::Faint };
            let galley = fitted(ui.painter(), &path, &fonts::data(TEXT_SMALL_PT), rect.width());
            ui.painter().galley(pos2(rect.left(), rect.center().y - galley.size().y / 2.0), galley, self.tokens.ink(ink));
            if response.on_hover_text(format!("{path}: a click copies it")).clicked() {
                asked = Some(LibraryAsk::CopyFolder);
            }
        }
        let rows = saved_rows(&saved.requests, closed);
        for row in &rows {
            match row {
                SavedRow::Folder { path, name, depth, is_open } => {
                    if self.folder_ui(ui, name, *depth, *is_open) {
                        if *is_open {
                            closed.insert(path.clone());
                        } else {
                            closed.remove(path);
                        }
                    }
                }
                SavedRow::Saved { path, name, depth, tag } => {
                    let key = LibraryKey::Saved(path.clone());
                    let is_loaded = self.loaded == Some(path.as_str());
                    let is_removing = self.removing == Some(path.as_str());
                    let more = if is_removing { ", a second time removes it" } else { "" };
                    let words = format!("saved {} {name}{more}", tag.0);
                    let (rect, response) = self.row_ui(ui, &key, is_loaded, &words);
                    if ui.is_rect_visible(rect) {
                        let (text, ink) = if is_removing { ("remove? Delete again", Ink::Warn) } else { (name.as_str(), Ink::Text) };
                        self.paint_saved(ui.painter(), rect, *depth, tag, (text, ink));
                    }
                    if response.clicked() {
                        asked = Some(LibraryAsk::Load(path.clone()));
                    } else if response.secondary_clicked() {
                        asked = Some(LibraryAsk::Select(key));
                    }
                }
            }
        }
        for (index, draft) in self.former.iter().enumerate() {
            let title = visible(&draft.title()).into_owned();
            let text = RichText::new(format!("given up: {title}")).size(12.0).color(self.tokens.ink(Ink::Dim));
            if ui.add(egui::Button::new(text).frame(false)).on_hover_text("It was edited and not saved; a click takes it again").clicked() {
                asked = Some(LibraryAsk::Again(index));
            }
        }
        let hint = match (&saved.folder, rows.is_empty()) {
            (None, _) => Some("The profile is not kept in a file, so no request can be saved beside it"),
            (Some(_), true) => Some("Nothing is saved yet: Ctrl+S keeps the request in a file of the profile's folder"),
            _ => None,
        };
        for text in hint.into_iter().map(str::to_owned).chain(saved.mistakes.iter().take(4).cloned()) {
            let ink = if hint.is_some_and(|hint| hint == text) { Ink::Dim } else { Ink::Warn };
            ui.add(egui::Label::new(RichText::new(visible(&text)).size(12.0).color(self.tokens.ink(ink))).wrap());
        }
        asked
    }

    fn folder_ui(&self, ui: &mut egui::Ui, name: &str, depth: usize, is_open: bool) -> bool {
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_PT), Sense::click());
        response.widget_info(|| WidgetInfo::selected(Role::Button, true, is_open, format!("folder {name}")));
        if response.hovered() || response.has_focus() {
            ui.painter().add(row_ground(rect, false, true, self.tokens));
        }
        let left = rect.left() + 6.0 + depth as f32 * STEP_PT;
        let center = pos2(left + 4.0, rect.center().y);
        let points = if is_open { [vec2(-4.0, -2.0), vec2(4.0, -2.0), vec2(0.0, 3.0)] } else { [vec2(-2.0, -4.0), vec2(3.0, 0.0), vec2(-2.0, 4.0)] };
        let points = points.map(|offset| center + offset).to_vec();
        ui.painter().add(egui::Shape::convex_polygon(points, self.tokens.ink(Ink::Faint), egui::Stroke::NONE));
        let galley = fitted(ui.painter(), name, &fonts::strong(12.5), (rect.right() - left - 18.0).max(20.0));
        ui.painter().galley(pos2(left + 14.0, rect.center().y - galley.size().y / 2.0), galley, self.tokens.ink(Ink::Text));
        response.clicked()
    }

    /// A tag in a frame, and the name.
    fn paint_saved(&self, painter: &egui::Painter, row: egui::Rect, depth: usize, tag: &Tag, (text, ink): (&str, Ink)) {
        let left = row.left() + 6.0 + depth as f32 * STEP_PT;
        let tag = painter.layout_no_wrap(tag.0.clone(), fonts::words(TEXT_MIN_PT), self.tokens.ink(Ink::Dim));
        let frame = egui::Rect::from_min_size(pos2(left, row.center().y - 9.0), vec2((tag.size().x + 12.0).min(TAG_PT), 18.0));
        painter.rect_stroke(frame, 9.0, egui::Stroke::new(1.0, self.tokens.ink(Ink::Line)), egui::StrokeKind::Inside);
        painter.galley(frame.center() - tag.size() / 2.0, tag, self.tokens.ink(Ink::Dim));
        let left = left + TAG_PT + 6.0;
        let galley = fitted(painter, text, &fonts::words(12.5), (row.right() - left - 4.0).max(20.0));
        painter.galley(pos2(left, row.center().y - galley.size().y / 2.0), galley, self.tokens.ink(ink));
    }

    /// The ground of a row, and what was done with it.
    fn row_ui(&self, ui: &mut egui::Ui, key: &LibraryKey, is_marked: bool, words: &str) -> (egui::Rect, egui::Response) {
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_PT), Sense::click());
        let is_selected = self.selected == Some(key);
        response.widget_info(|| WidgetInfo::selected(Role::ListItem, true, is_selected, words));
        ui.painter().add(row_ground(rect, is_selected, is_marked || response.hovered() || response.has_focus(), self.tokens));
        if is_selected {
            object_menu::note_selected(ui.ctx(), rect);
        }
        (rect, response)
    }

    fn sent_ui(&self, ui: &mut egui::Ui) -> Option<LibraryAsk> {
        let board = self.board;
        let mut asked = None;
        let mut probes = board.probes().peekable();
        if probes.peek().is_some() {
            heading_ui(ui, "Probes", "end with the session", self.tokens);
            for sent in probes {
                asked = self.sent_row_ui(ui, sent).or(asked);
            }
            ui.add_space(14.0);
        }
        heading_ui(ui, "Sent lately", "this session", self.tokens);
        if board.sent.is_empty() {
            ui.add(egui::Label::new(RichText::new("What is sent is listed here, with what was answered").size(12.0).color(self.tokens.ink(Ink::Dim))).wrap());
        }
        for sent in listed(board) {
            asked = self.sent_row_ui(ui, sent).or(asked);
        }
        let num_more = board.num_forgotten + board.sent.len().saturating_sub(SENT_MAX) as u64;
        if num_more > 0 {
            let text = format!("and {} more; the ledger has a line for each", figures::count(num_more));
            ui.add(egui::Label::new(RichText::new(text).size(TEXT_SMALL_PT).color(self.tokens.ink(Ink::Faint))).wrap());
        }
        asked
    }

    fn sent_row_ui(&self, ui: &mut egui::Ui, sent: &Arc<Sent>) -> Option<LibraryAsk> {
        let key = LibraryKey::Sent(sent.sent_id);
        let outcome = Became::of(sent);
        let at = figures::when(sent.at_ns, self.now_ns).in_8();
        let copies = if sent.num > 1 { format!(" × {}", figures::count(sent.num)) } else { String::new() };
        // Of a method of gRPC the name tells it, of an HTTP request method and path.
        let call = if sent.ask.draft.kind() == switchboard_desk::send::draft::RequestKind::Grpc {
            sent.call.rsplit('/').next().unwrap_or_default()
        } else {
            &sent.call
        };
        let call = format!("{}{copies}", visible(call));
        let what = if sent.is_probe() { "probe" } else { "sent" };
        let words = format!("{what} {call} at {at}, {}", outcome.word);
        let (rect, response) = self.row_ui(ui, &key, self.shown == Some(sent.sent_id), &words);
        if ui.is_rect_visible(rect) {
            self.paint_sent(ui.painter(), rect, [&at, &call], &outcome);
        }
        let response = response.on_hover_text(format!("{call}: {}", outcome.word));
        if response.double_clicked() {
            Some(LibraryAsk::Copy(sent.sent_id))
        } else if response.clicked() {
            Some(LibraryAsk::Look(sent.sent_id))
        } else if response.secondary_clicked() {
            Some(LibraryAsk::Select(key))
        } else {
            None
        }
    }

    fn paint_sent(&self, painter: &egui::Painter, rect: egui::Rect, [at, call]: [&str; 2], outcome: &Became) {
        let middle = |height: f32| rect.center().y - height / 2.0;
        let at = painter.layout_no_wrap(at.to_owned(), fonts::data(TEXT_SMALL_PT), self.tokens.ink(Ink::Dim));
        let left = rect.left() + 6.0 + at.size().x + 8.0;
        // What was sent tells it from others, so it comes first.
        let width_pt = |text: &str, font| painter.layout_no_wrap(text.to_owned(), font, self.tokens.ink(Ink::Text)).size().x;
        let room_pt = rect.right() - 12.0 - left;
        let word = outcome.beside(width_pt(call, fonts::words(12.5)), room_pt, |text| width_pt(text, fonts::data(12.0)));
        let word = fitted(painter, word, &fonts::data(12.0), 110.0);
        let call = fitted(painter, call, &fonts::words(12.5), (room_pt - word.size().x).max(20.0));
        painter.galley(pos2(rect.left() + 6.0, middle(at.size().y)), at, self.tokens.ink(Ink::Dim));
        painter.galley(pos2(left, middle(call.size().y)), call, self.tokens.ink(Ink::Text));
        painter.galley(pos2(rect.right() - 4.0 - word.size().x, middle(word.size().y)), word, self.tokens.ink(outcome.ink));
    }

    fn environment_ui(&self, ui: &mut egui::Ui) -> Option<LibraryAsk> {
        let saved: &SavedBoard = &self.board.saved;
        let mut asked = None;
        ui.horizontal(|ui| {
            let heading = ui.label(RichText::new("Environment").font(fonts::strong(TEXT_BODY_PT)).color(self.tokens.ink(Ink::Text)));
            heading.widget_info(|| WidgetInfo::labeled(Role::Heading, true, "Environment"));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let shown = self.environment.map_or_else(|| "none".to_owned(), |name| visible(name).into_owned());
                let combo = egui::ComboBox::from_id_salt("environment").width(84.0).selected_text(RichText::new(&shown).size(12.0)).show_ui(ui, |ui| {
                    if ui.selectable_label(self.environment.is_none(), "none").clicked() {
                        asked = Some(LibraryAsk::Environment(None));
                    }
                    for name in saved.environments.keys() {
                        if ui.selectable_label(self.environment == Some(name), visible(name)).clicked() {
                            asked = Some(LibraryAsk::Environment(Some(name.clone())));
                        }
                    }
                });
                combo.response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, format!("Environment: {shown}")));
            });
        });
        if saved.environments.is_empty() {
            let text = "environments.toml in the folder of requests has a table for each environment, of names and values for {{…}}";
            ui.add(egui::Label::new(RichText::new(text).size(12.0).color(self.tokens.ink(Ink::Dim))).wrap());
        }
        asked
    }

    /// Values of the environment that is chosen.
    fn variables_ui(&self, ui: &mut egui::Ui) {
        let saved: &SavedBoard = &self.board.saved;
        let variables = saved.variables(self.environment);
        if !variables.is_empty() {
            heading_ui(ui, "Variables", &self.environment.map(|name| format!("of {}", visible(name))).unwrap_or_default(), self.tokens);
        }
        for (name, value) in variables.iter().take(VARIABLES_MAX) {
            let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 22.0), Sense::hover());
            response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{} is {}", visible(name), visible(value))));
            let painter = ui.painter();
            let name_galley = fitted(painter, &visible(name), &fonts::data(12.0), rect.width() * 0.5);
            let value_galley = fitted(painter, &visible(value), &fonts::data(12.0), (rect.width() - name_galley.size().x - 16.0).max(20.0));
            let middle = |height: f32| rect.center().y - height / 2.0;
            painter.galley(pos2(rect.left() + 6.0, middle(name_galley.size().y)), name_galley, self.tokens.ink(Ink::Dim));
            painter.galley(pos2(rect.right() - 4.0 - value_galley.size().x, middle(value_galley.size().y)), value_galley, self.tokens.ink(Ink::Text));
        }
    }
}
