//! The letters of a cause, open ones and the newest first and a page at a time: which page, which letter, which marks.

use egui::{Rect, RichText, Stroke, StrokeKind, WidgetInfo, accesskit::Role, pos2, vec2};
use switchboard_engine::view::LetterPage;

use super::{
    letters::{LetterRow, rows, state_ink},
    marks::{Marks, Stored},
};
use switchboard_desk::{ledger::LetterKey, send::replay::ReplayBoard};

use crate::{
    figures, fonts,
    theme::{DesignTokens, Ink, TEXT_BODY_PT, TEXT_SMALL_PT},
    view::UiCommand,
    widgets::table::{Column, Order, Row, Table, TableState, Way, Width},
};

/// Letters on a page.
pub(crate) const PAGE: usize = 1_000;
/// Where the mark of a row is, from the left, points.
const MARK_PT: f32 = 42.0;
/// So often rows may come in another order, s: what is done about letters moves them.
pub(super) const ORDERED_EVERY_S: f64 = 1.0;
/// From these widths on all columns have room, and more than those that tell letters apart, points.
const WIDE_FROM_PT: f32 = 600.0;
const MIDDLE_FROM_PT: f32 = 400.0;

const MARK: Column = Column::left("", Width::Points(14.0));
const LETTER: Column = Column::left("letter", Width::Share(1.7));
const KEY: Column = Column::left("key", Width::Share(0.5));
const STATE: Column = Column::left("state", Width::Share(0.8));
const DIED: Column = Column::right("died", Width::Points(58.0));
const WIDE: [Column; 7] = [MARK, LETTER, Column::left("origin", Width::Points(70.0)).whole(), KEY, Column::right("tries", Width::Points(28.0)), STATE, DIED];
/// Where they have not: the state is what the work is about, and what is left out stands beside, in the letter.
const MIDDLE: [Column; 5] = [MARK, LETTER, KEY, STATE, DIED];
const NARROW: [Column; 3] = [MARK, LETTER, STATE];

/// The columns that find room.
fn columns(width: f32) -> &'static [Column] {
    match width {
        width if width >= WIDE_FROM_PT => &WIDE,
        width if width >= MIDDLE_FROM_PT => &MIDDLE,
        _ => &NARROW,
    }
}

const ORDER: Order = Order::Asked { by: Some(("state", Way::Up)), can: &[], why: "Letters come a page at a time: open ones first, then the newest" };

/// Where on its page the selection lands that has walked on to another.
#[derive(Clone, Copy, Debug)]
enum Land {
    First,
    Last,
}

/// The letters of a cause.
#[derive(Default)]
pub(crate) struct LetterList {
    rows: Vec<LetterRow>,
    /// Of which answer and of which letters of the board the rows are.
    made_of: Option<(u64, u64)>,
    /// Which page is asked for, from 0.
    page: usize,
    /// Letters before the first row.
    skipped: u64,
    /// Letters that are listed, on all pages.
    total: u64,
    /// Letters that are stored, listed or not.
    stored: Stored,
    selected: Option<LetterKey>,
    land: Option<Land>,
    pub marks: Marks,
    table: TableState,
}

/// What was asked for in the list.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListResponse {
    /// Its head's button.
    pub command: Option<UiCommand>,
    /// Whether a letter was chosen.
    pub is_chosen: bool,
}

impl LetterList {
    /// How many letters of the first are left out by the page that is asked for.
    pub(crate) fn skip(&self) -> usize {
        self.page * PAGE
    }

    /// Letters of the cause that are stored.
    pub(crate) fn stored(&self) -> Stored {
        self.stored
    }

    /// Whether an answer came at all.
    pub(crate) fn is_known(&self) -> bool {
        self.made_of.is_some()
    }

    /// Other letters are listed: from the first.
    pub(crate) fn begin(&mut self) {
        self.turn(0, Land::First);
    }

    /// Takes in the page that was asked for.
    pub(crate) fn take(&mut self, page: &LetterPage, revision: u64, board: &ReplayBoard) {
        let made_of = (revision, board.letters_version);
        if self.made_of == Some(made_of) {
            return;
        }
        self.made_of = Some(made_of);
        (self.skipped, self.total) = (page.skipped, page.total);
        self.stored = Stored { num: page.num_stored, num_dealt_with: page.num_dealt_with, last_ns: page.last_received_ns };
        let was_at = self.selected_index();
        self.rows = rows(&page.letters, board);
        // What was evicted meanwhile may have been all of the last page.
        if self.rows.is_empty() && self.page > 0 {
            self.page = (self.total as usize).saturating_sub(1) / PAGE;
        }
        let row = match self.land.take() {
            Some(Land::First) => Some(0),
            Some(Land::Last) => self.rows.len().checked_sub(1),
            // What is not listed any more leaves its place to the next.
            None if self.selected_index().is_none() => Some(was_at.unwrap_or(0).min(self.rows.len().saturating_sub(1))),
            None => None,
        };
        if let Some(row) = row.filter(|row| *row < self.rows.len()) {
            self.selected = Some(self.rows[row].key.clone());
            self.table.reveal(row);
        }
    }

    /// Forgets its rows, until the next answer; what is selected and marked stays.
    pub(crate) fn forget_rows(&mut self) {
        self.rows.clear();
        self.made_of = None;
    }

    /// The letter that is looked at.
    pub(crate) fn selected(&self) -> Option<&LetterRow> {
        self.rows.get(self.selected_index()?)
    }

    fn selected_index(&self) -> Option<usize> {
        let selected = self.selected.as_ref()?;
        self.rows.iter().position(|row| row.key == *selected)
    }

    /// Rows of the page that a command is for.
    pub(crate) fn meant(&self) -> Vec<&LetterRow> {
        match &self.marks {
            Marks::These(_) => self.marks.these(self.selected()),
            Marks::AllOpen { .. } => self.rows.iter().filter(|row| self.marks.has(row)).collect(),
        }
    }

    /// Marks all that are open, or none.
    pub(crate) fn toggle_all(&mut self) {
        self.marks.toggle_all(self.stored);
    }

    /// Marks the letter that is looked at, or takes its mark away, and goes on to the next.
    pub(crate) fn toggle(&mut self) {
        if let Some(row) = self.selected().cloned() {
            self.marks.toggle(&row);
            self.walk(UiCommand::WalkDown);
        }
    }

    /// Moves the selection, over the ends of the page too.
    pub(crate) fn walk(&mut self, command: UiCommand) {
        let (at, last) = (self.selected_index(), self.rows.len().saturating_sub(1));
        let last_page = (self.total as usize).saturating_sub(1) / PAGE;
        let turned = match command {
            UiCommand::WalkDown | UiCommand::WalkPageDown if at == Some(last) && self.page < last_page => Some((self.page + 1, Land::First)),
            UiCommand::WalkUp | UiCommand::WalkPageUp if at == Some(0) && self.page > 0 => Some((self.page - 1, Land::Last)),
            UiCommand::WalkFirst if self.page > 0 => Some((0, Land::First)),
            UiCommand::WalkLast if self.page < last_page => Some((last_page, Land::Last)),
            _ => None,
        };
        match turned {
            Some((page, land)) => self.turn(page, land),
            None => {
                if let Some(row) = self.table.run(command, at, self.rows.len()) {
                    self.selected = self.rows.get(row).map(|row| row.key.clone());
                }
            }
        }
    }

    fn turn(&mut self, page: usize, land: Land) {
        (self.page, self.land) = (page, Some(land));
    }

    /// Draws heading and rows; `below_head` stands between them.
    pub(crate) fn ui(
        &mut self,
        ui: &mut egui::Ui,
        num_marked: usize,
        now_ns: i64,
        tokens: &DesignTokens,
        below_head: impl FnOnce(&mut egui::Ui),
    ) -> ListResponse {
        let command = self.head_ui(ui, num_marked, tokens);
        below_head(ui);
        ListResponse { command, is_chosen: self.table_ui(ui, now_ns, tokens) }
    }

    fn head_ui(&mut self, ui: &mut egui::Ui, num_marked: usize, tokens: &DesignTokens) -> Option<UiCommand> {
        let mut command = None;
        egui::Frame::new().inner_margin(egui::Margin { left: 18, right: 18, top: 0, bottom: 4 }).show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.label(RichText::new("Letters").font(fonts::strong(TEXT_BODY_PT)).color(tokens.ink(Ink::Text)));
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    let all = egui::Button::new(RichText::new("All open  A").size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim)));
                    let response = ui.add(all);
                    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Mark all open letters"));
                    if response.clicked() {
                        command = Some(UiCommand::MarkAllLetters);
                    }
                    let text = format!("{} marked · Space marks", figures::count(num_marked as u64));
                    ui.add(egui::Label::new(RichText::new(text).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Faint))).truncate());
                });
            });
            if self.total as usize > PAGE {
                ui.add_space(4.0);
                self.pages_ui(ui, tokens);
            }
        });
        command
    }

    /// Which of them are on the page, and the way to the others.
    fn pages_ui(&mut self, ui: &mut egui::Ui, tokens: &DesignTokens) {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            let (first, last) = (self.skipped + 1, self.skipped + self.rows.len() as u64);
            let (page, num_pages) = (self.page, (self.total as usize).div_ceil(PAGE));
            if page_button_ui(ui, "‹", "Letters before", page > 0, tokens) {
                self.turn(page - 1, Land::First);
            }
            if page_button_ui(ui, "›", "Letters after", page + 1 < num_pages, tokens) {
                self.turn(page + 1, Land::First);
            }
            let text = format!("{} – {} of {}, open and newest first", figures::count(first), figures::count(last), figures::count(self.total));
            ui.add(egui::Label::new(RichText::new(text).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim))).truncate());
        });
    }

    /// Draws the rows; whether one was chosen.
    fn table_ui(&mut self, ui: &mut egui::Ui, now_ns: i64, tokens: &DesignTokens) -> bool {
        let columns = columns(ui.available_width());
        let table = Table { name: "dead letters", columns, num_rows: self.rows.len(), selected: self.selected_index(), order: ORDER };
        let left = ui.available_rect_before_wrap().left();
        let (rows, marks) = (&self.rows, &self.marks);
        let response = table.ui(ui, &mut self.table, tokens, |row, index| paint_row(row, &rows[index], marks.has(&rows[index]), columns, now_ns));
        let Some(row) = response.clicked.and_then(|row| self.rows.get(row)).cloned() else { return false };
        let (on_mark, with_ctrl) = ui.input(|input| (input.pointer.interact_pos().is_some_and(|at| at.x - left < MARK_PT), input.modifiers.command));
        if (on_mark || with_ctrl) && !response.is_for_menu {
            self.marks.toggle(&row);
        }
        self.selected = Some(row.key);
        true
    }
}

/// To another page; whether it was clicked.
fn page_button_ui(ui: &mut egui::Ui, text: &str, label: &str, enabled: bool, tokens: &DesignTokens) -> bool {
    let ink = if enabled { Ink::Text } else { Ink::Faint };
    let drawn = egui::Button::new(RichText::new(text).size(TEXT_BODY_PT).color(tokens.ink(ink))).min_size(vec2(28.0, 22.0));
    let response = ui.add_enabled(enabled, drawn);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, label));
    if response.clicked() {
        ui.ctx().request_repaint();
    }
    response.clicked()
}

fn paint_row(row: &Row<'_>, letter: &LetterRow, is_marked: bool, columns: &[Column], now_ns: i64) -> String {
    let cell = row.cell(0);
    let side = Rect::from_center_size(pos2(cell.left() + 6.0, cell.center().y), vec2(12.0, 12.0));
    if is_marked {
        row.painter().rect_filled(side, 3.0, row.tokens.ink(Ink::Accent));
        let tick = [pos2(side.left() + 2.6, side.center().y), pos2(side.left() + 5.0, side.bottom() - 3.0), pos2(side.right() - 2.4, side.top() + 3.2)];
        row.painter().line(tick.to_vec(), Stroke::new(1.6, row.tokens.ink(Ink::Background)));
    } else {
        row.painter().rect_stroke(side, 3.0, Stroke::new(1.0, row.tokens.ink(Ink::Line)), StrokeKind::Inside);
    }
    let (ink, dim) = if letter.state.is_open() { (Ink::Text, Ink::Dim) } else { (Ink::Dim, Ink::Faint) };
    for (index, column) in columns.iter().enumerate() {
        let cell = row.cell(index);
        match column.title {
            // Of the channel's name and the place both ends tell.
            "letter" => row.name_in(index, cell, &letter.place_text(), &fonts::data(12.0), row.tokens.ink(ink)),
            "origin" => row.data(index, &letter.origin_text(), dim),
            "key" => row.data(index, &letter.key_text, ink),
            "tries" => row.data(index, &letter.attempts_text(), dim),
            "state" => {
                let text = [letter.state.word(), &letter.state_text()];
                row.standing_in(index, cell, text, &fonts::words(12.5), row.tokens.ink(state_ink(&letter.state)));
            }
            "died" => row.data(index, &letter.time_text(now_ns), dim),
            _ => {}
        }
    }
    letter.words(is_marked)
}
