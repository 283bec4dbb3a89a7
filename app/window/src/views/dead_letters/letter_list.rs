//! The letters of a cause, oldest first and a page at a time: which page, which letter, which marks.

use egui::{Rect, RichText, Stroke, StrokeKind, WidgetInfo, accesskit::Role, pos2, vec2};
use switchboard_engine::view::LetterPage;

use super::{
    letters::{LetterRow, rows, state_ink},
    marks::Marks,
};
use switchboard_desk::{ledger::LetterKey, replay::ReplayBoard};

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
/// From this width on all columns have room, points.
const WIDE_FROM_PT: f32 = 400.0;

const WIDE: [Column; 7] = [
    Column::left("", Width::Points(14.0)),
    Column::right("offset", Width::Points(52.0)),
    Column::left("origin", Width::Points(70.0)).whole(),
    Column::left("key", Width::Share(1.0)),
    Column::right("tries", Width::Points(28.0)),
    Column::left("state", Width::Points(70.0)).whole(),
    Column::right("died", Width::Points(58.0)),
];
/// Where they have not: the state is what the work is about, and what is left out stands beside, in the letter.
const NARROW: [Column; 4] = [
    Column::left("", Width::Points(14.0)),
    Column::right("offset", Width::Points(52.0)),
    Column::left("key", Width::Share(1.0)),
    Column::left("state", Width::Points(70.0)).whole(),
];

const ORDER: Order = Order::Asked { by: Some(("died", Way::Up)), can: &[], why: "Letters come a page at a time, the oldest first" };

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
    /// Letters that are stored.
    total: u64,
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
    /// How many letters of the oldest are left out by the page that is asked for.
    pub(crate) fn skip(&self) -> usize {
        self.page * PAGE
    }

    /// Letters of the cause that are stored.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Takes in the page that was asked for.
    pub(crate) fn take(&mut self, page: &LetterPage, revision: u64, board: &ReplayBoard) {
        let made_of = (revision, board.letters_version);
        if self.made_of == Some(made_of) {
            return;
        }
        self.made_of = Some(made_of);
        (self.skipped, self.total) = (page.skipped, page.total);
        self.rows = rows(&page.letters, board);
        // What was evicted meanwhile may have been all of the last page.
        if self.rows.is_empty() && self.page > 0 {
            self.page = (self.total as usize).saturating_sub(1) / PAGE;
        }
        let row = match self.land.take() {
            Some(Land::First) => Some(0),
            Some(Land::Last) => self.rows.len().checked_sub(1),
            None if self.selected.is_none() => Some(0),
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
            if page_button_ui(ui, "‹", "Older letters", page > 0, tokens) {
                self.turn(page - 1, Land::First);
            }
            if page_button_ui(ui, "›", "Newer letters", page + 1 < num_pages, tokens) {
                self.turn(page + 1, Land::First);
            }
            let text = format!("{} – {} of {}, oldest first", figures::count(first), figures::count(last), figures::count(self.total));
            ui.add(egui::Label::new(RichText::new(text).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim))).truncate());
        });
    }

    /// Draws the rows; whether one was chosen.
    fn table_ui(&mut self, ui: &mut egui::Ui, now_ns: i64, tokens: &DesignTokens) -> bool {
        let is_wide = ui.available_width() >= WIDE_FROM_PT;
        let columns: &[Column] = if is_wide { &WIDE } else { &NARROW };
        let table = Table { name: "dead letters", columns, num_rows: self.rows.len(), selected: self.selected_index(), order: ORDER };
        let left = ui.available_rect_before_wrap().left();
        let (rows, marks) = (&self.rows, &self.marks);
        let response = table.ui(ui, &mut self.table, tokens, |row, index| paint_row(row, &rows[index], marks.has(&rows[index]), is_wide, now_ns));
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

fn paint_row(row: &Row<'_>, letter: &LetterRow, is_marked: bool, is_wide: bool, now_ns: i64) -> String {
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
    row.data(1, &figures::part_of_place(letter.view.at.place.offset()), ink);
    let (word, state) = (letter.state.word(), state_ink(&letter.state));
    if is_wide {
        row.data(2, &letter.origin_text(), dim);
        row.data(3, &letter.key_text, ink);
        row.data(4, &letter.attempts_text(), dim);
        row.words(5, word, state);
        row.data(6, &letter.time_text(now_ns), dim);
    } else {
        row.data(2, &letter.key_text, ink);
        row.words(3, word, state);
    }
    letter.words(is_marked)
}
