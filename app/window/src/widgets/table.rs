//! A table of any number of rows, of which only those in view are laid out: painted cells, keys, and a selected row that
//! never moves by itself. It scrolls in rows and parts of rows, so that the millionth stands as exactly as the first.
//!
//! A view keeps a [`TableState`], describes its [`Table`], and paints each row through [`Row`]. Keys come as commands:
//! [`TableState::run`].

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::sync::Arc;

use egui::{Align2, Color32, FontId, Galley, Id, Rect, Sense, Stroke, WidgetInfo, accesskit::Role, pos2, text::LayoutJob, vec2};

use crate::{
    fonts,
    ink::fitted,
    theme::{DesignTokens, Ink, ROW_HEIGHT_PT, TEXT_SMALL_PT},
    view::UiCommand,
};

/// Height of the line of headings, points.
const HEAD_PT: f32 = 28.0;
/// Room left and right of the cells, points.
const MARGIN_PT: f32 = 18.0;
/// Room between two columns, points.
const GAP_PT: f32 = 14.0;
/// Width of the scroll bar, points.
const BAR_PT: f32 = 8.0;
/// Edges of columns are sums: they are off by less than the eye sees, points.
const SLACK_PT: f32 = 0.1;
/// Of a text that was cut, so many characters are told where the pointer rests on it.
const TOLD_CHARS_MAX: usize = 1_000;

/// How wide a column is, where its cells need no more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Width {
    /// So many points.
    Points(f32),
    /// So many parts of what the others leave.
    Share(f32),
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Column {
    /// Its heading.
    pub title: &'static str,
    /// Its width.
    pub width: Width,
    /// Whether its cells stand right, as numbers do.
    pub right: bool,
    /// Whether a click on the heading sorts.
    pub sorts: bool,
    /// Whether it is as wide as the widest of its cells in view, and others give way.
    pub whole: bool,
}

impl Column {
    /// A column of words.
    pub(crate) const fn left(title: &'static str, width: Width) -> Self {
        Self { title, width, right: false, sorts: false, whole: false }
    }

    /// A column of figures: they are never cut.
    pub(crate) const fn right(title: &'static str, width: Width) -> Self {
        Self { title, width, right: true, sorts: false, whole: true }
    }

    /// The same, and its cells are never cut: words of state, times of day.
    pub(crate) const fn whole(self) -> Self {
        Self { whole: true, ..self }
    }

    /// The same, and its heading can be clicked.
    pub(crate) const fn sorting(self) -> Self {
        Self { sorts: true, ..self }
    }
}

/// What a table keeps from frame to frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableState {
    /// Points from the top of the first row to the top of the view; `f64`, for at 10⁷ rows `f32` no longer tells points apart.
    scroll_pt: f64,
    /// Rows that were in view.
    page: usize,
    /// A row to be brought into view.
    reveal: Option<usize>,
    /// Stays at the end as rows come.
    follows_end: bool,
    pointer_inside: bool,
    /// What a column needed so that nothing was cut that may not be, points; 0 = it had enough. It grows only: columns do not tremble with
    /// their figures.
    needs: Vec<f32>,
}

impl TableState {
    /// Moves the selection as a command says; `None` if it is no command of a table. The new row is brought into view.
    pub(crate) fn run(&mut self, command: UiCommand, selected: Option<usize>, num_rows: usize) -> Option<usize> {
        let last = num_rows.checked_sub(1)?;
        let page = self.page.saturating_sub(1).max(1);
        let row = match (command, selected) {
            (UiCommand::WalkFirst, _) => 0,
            (UiCommand::WalkLast, _) => last,
            (UiCommand::WalkUp | UiCommand::WalkDown | UiCommand::WalkPageUp | UiCommand::WalkPageDown, None) => self.first_row().min(last),
            (UiCommand::WalkUp, Some(row)) => row.saturating_sub(1),
            (UiCommand::WalkDown, Some(row)) => (row + 1).min(last),
            (UiCommand::WalkPageUp, Some(row)) => row.saturating_sub(page),
            (UiCommand::WalkPageDown, Some(row)) => (row + page).min(last),
            _ => return None,
        };
        self.reveal(row);
        Some(row.min(last))
    }

    /// Brings a row into view with the next frame.
    pub(crate) fn reveal(&mut self, row: usize) {
        self.reveal = Some(row);
        self.follows_end = false;
    }

    /// Whether the end stays in view as rows come; scrolling up ends that.
    pub(crate) fn follow_end(&mut self, follows: bool) {
        self.follows_end = follows;
    }

    /// Whether the end stays in view.
    pub(crate) fn follows_end(&self) -> bool {
        self.follows_end
    }

    /// Whether the pointer is over the rows: then a view that sorts keeps its order, for a row under the pointer never moves.
    pub(crate) fn is_pointer_inside(&self) -> bool {
        self.pointer_inside
    }

    /// Whether the last of so many rows is in view.
    pub(crate) fn is_at_end(&self, num_rows: usize) -> bool {
        self.scroll_pt >= (num_rows as f64 - self.page as f64 - 1.0) * f64::from(ROW_HEIGHT_PT)
    }

    /// So many rows came above the first: what is in view stays where it is.
    pub(crate) fn rows_came_above(&mut self, num_rows: usize) {
        if self.scroll_pt > 0.0 {
            self.scroll_pt += num_rows as f64 * f64::from(ROW_HEIGHT_PT);
        }
    }

    fn first_row(&self) -> usize {
        (self.scroll_pt / f64::from(ROW_HEIGHT_PT)).ceil() as usize
    }

    /// The rows in view and where the first of them begins, points from the top (≤ 0).
    fn settle(&mut self, num_rows: usize, height_pt: f32) -> (Range<usize>, f32) {
        let row_pt = f64::from(ROW_HEIGHT_PT);
        let (total_pt, height_pt) = (num_rows as f64 * row_pt, f64::from(height_pt.max(0.0)));
        let max_pt = (total_pt - height_pt).max(0.0);
        if let Some(row) = self.reveal.take() {
            let top_pt = row.min(num_rows.saturating_sub(1)) as f64 * row_pt;
            self.scroll_pt = self.scroll_pt.min(top_pt).max(top_pt + row_pt - height_pt);
        }
        if self.follows_end {
            self.scroll_pt = max_pt;
        }
        self.scroll_pt = self.scroll_pt.clamp(0.0, max_pt);
        self.page = (height_pt / row_pt) as usize;
        let first = (self.scroll_pt / row_pt) as usize;
        let end = ((self.scroll_pt + height_pt) / row_pt).ceil() as usize;
        (first..end.min(num_rows), (first as f64 * row_pt - self.scroll_pt) as f32)
    }
}

/// A table to be drawn.
pub(crate) struct Table<'a> {
    /// Tells its rows apart from those of other tables, and names it for screen readers.
    pub name: &'static str,
    /// Columns, left to right.
    pub columns: &'a [Column],
    /// How many rows there are.
    pub num_rows: usize,
    /// The selected one.
    pub selected: Option<usize>,
    /// The column that it is sorted by, and whether upwards.
    pub sorted: Option<(usize, bool)>,
}

/// What was done with a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TableResponse {
    /// A row was clicked.
    pub clicked: Option<usize>,
    /// A row was clicked twice.
    pub opened: Option<usize>,
    /// A heading was clicked.
    pub sort_by: Option<usize>,
    /// The rows in view.
    pub visible: Range<usize>,
}

/// What is learned of cells while they are painted.
#[derive(Default)]
struct Learned {
    /// What each column needs, points.
    needs: RefCell<Vec<f32>>,
    /// Whether one of them is wider than it was known.
    has_grown: Cell<bool>,
    /// Texts of the row below the pointer that were cut.
    cut: RefCell<Vec<String>>,
}

/// A row that is being painted.
pub(crate) struct Row<'a> {
    painter: &'a egui::Painter,
    rect: Rect,
    columns: &'a [Column],
    edges: &'a [(f32, f32)],
    learned: &'a Learned,
    is_hovered: bool,
    /// Colours.
    pub tokens: &'a DesignTokens,
    /// Whether it is the selected one.
    pub is_selected: bool,
}

impl Row<'_> {
    /// The room of a column in this row.
    pub(crate) fn cell(&self, column: usize) -> Rect {
        let (left, right) = self.edges[column];
        Rect::from_min_max(pos2(left, self.rect.top()), pos2(right, self.rect.bottom()))
    }

    /// What draws in this row.
    pub(crate) fn painter(&self) -> &egui::Painter {
        self.painter
    }

    /// A dot before the first column: this is new.
    pub(crate) fn mark_new(&self) {
        self.painter.circle_filled(pos2(self.rect.left() + MARGIN_PT / 2.0, self.rect.center().y), 3.0, self.tokens.ink(Ink::Accent));
    }

    /// Words in a column; what finds no room is cut, unless the column is whole.
    pub(crate) fn words(&self, column: usize, text: &str, ink: Ink) {
        self.text_in(column, self.cell(column), text, fonts::words(12.5), self.tokens.ink(ink));
    }

    /// Names in a column, in the bold face.
    pub(crate) fn strong(&self, column: usize, text: &str, ink: Ink) {
        self.text_in(column, self.cell(column), text, fonts::strong(12.5), self.tokens.ink(ink));
    }

    /// Data in a column, in the mono face.
    pub(crate) fn data(&self, column: usize, text: &str, ink: Ink) {
        self.text_in(column, self.cell(column), text, fonts::data(12.0), self.tokens.ink(ink));
    }

    /// Text in a part of a column.
    pub(crate) fn text_in(&self, column: usize, room: Rect, text: &str, font: FontId, color: Color32) {
        let galley = if self.columns[column].whole {
            let whole = self.laid(text, &font, color);
            self.need(column, room, whole.size().x);
            if fits(&whole, room) { whole } else { self.cut_at_end(room, text, font, color) }
        } else {
            self.cut_at_end(room, text, font, color)
        };
        self.place(column, room, galley, color);
    }

    /// A name in a part of a column, its middle left out where it finds no room: both ends tell.
    pub(crate) fn name_in(&self, column: usize, room: Rect, text: &str, font: &FontId, color: Color32) {
        let galley = fitted(self.painter, text, font, room.width().max(0.0));
        if galley.text() != text {
            self.note_cut(text);
        }
        self.place(column, room, galley, color);
    }

    /// How something stands and why. The word with which the text begins is never cut; of the rest as many clauses are shown as find room:
    /// a figure of which half is left would be another figure.
    pub(crate) fn standing_in(&self, column: usize, room: Rect, [word, text]: [&str; 2], font: &FontId, color: Color32) {
        let whole = self.laid(text, font, color);
        if word == text {
            self.need(column, room, whole.size().x);
        } else {
            self.need(column, room, self.laid(&format!("{word}…"), font, color).size().x);
        }
        if fits(&whole, room) {
            return self.place(column, room, whole, color);
        }
        let ends = clause_ends(text, word.len());
        let part = |end: usize| self.laid(&format!("{}…", &text[..end]), font, color);
        let num = ends.partition_point(|end| fits(&part(*end), room));
        self.note_cut(text);
        let galley = num.checked_sub(1).map(|last| part(ends[last]));
        let galley = galley.unwrap_or_else(|| self.cut_at_end(room, text, font.clone(), color));
        self.place(column, room, galley, color);
    }

    /// This text is not shown as a whole: it is told where the pointer rests on the row.
    fn note_cut(&self, text: &str) {
        if self.is_hovered {
            let told: String = text.chars().take(TOLD_CHARS_MAX).collect();
            let mut cut = self.learned.cut.borrow_mut();
            if !cut.contains(&told) {
                cut.push(told);
            }
        }
    }

    /// A text takes so much of a part of its column; where that is more than there is, the column needs more.
    fn need(&self, column: usize, room: Rect, width: f32) {
        let has = self.cell(column).width();
        let width = width + has - room.width();
        let mut needs = self.learned.needs.borrow_mut();
        if let Some(need) = needs.get_mut(column).filter(|need| has + SLACK_PT < width && **need < width) {
            *need = width.ceil();
            self.learned.has_grown.set(true);
        }
    }

    fn laid(&self, text: &str, font: &FontId, color: Color32) -> Arc<Galley> {
        self.painter.layout_job(LayoutJob::simple_singleline(text.to_owned(), font.clone(), color))
    }

    fn cut_at_end(&self, room: Rect, text: &str, font: FontId, color: Color32) -> Arc<Galley> {
        let mut job = LayoutJob::simple_singleline(text.to_owned(), font, color);
        job.wrap = egui::text::TextWrapping::truncate_at_width(room.width().max(0.0));
        let galley = self.painter.layout_job(job);
        if galley.elided {
            self.note_cut(text);
        }
        galley
    }

    fn place(&self, column: usize, room: Rect, galley: Arc<Galley>, color: Color32) {
        let x = if self.columns[column].right { room.right() - galley.size().x } else { room.left() };
        self.painter.galley(pos2(x, room.center().y - galley.size().y / 2.0), galley, color);
    }
}

/// Whether a text finds room.
fn fits(galley: &Galley, room: Rect) -> bool {
    galley.size().x <= room.width() + SLACK_PT
}

/// Where the clauses of a sentence end behind its first word, in bytes, rising.
fn clause_ends(text: &str, word_len: usize) -> Vec<usize> {
    let behind = |mark: &'static str| text.match_indices(mark).map(|(at, _)| at);
    let mut ends: Vec<usize> = [": ", "; ", ", ", " · "].into_iter().flat_map(behind).filter(|end| *end >= word_len).collect();
    ends.sort_unstable();
    ends
}

impl Table<'_> {
    /// Draws the table into all the room there is. `row` paints a row and says it in words, for screen readers.
    pub(crate) fn ui(&self, ui: &mut egui::Ui, state: &mut TableState, tokens: &DesignTokens, mut row: impl FnMut(&Row<'_>, usize) -> String) -> TableResponse {
        let room = ui.available_rect_before_wrap();
        let _whole = ui.allocate_rect(room, Sense::hover());
        let id = ui.make_persistent_id(self.name);
        if state.needs.len() != self.columns.len() {
            state.needs = vec![0.0; self.columns.len()];
        }
        let edges = edges(self.columns, &state.needs, room);
        let learned = Learned { needs: RefCell::new(state.needs.clone()), ..Learned::default() };
        let head = Rect::from_min_size(room.min, vec2(room.width(), HEAD_PT));
        let body = Rect::from_min_max(pos2(room.left(), head.bottom()), room.max);
        let sort_by = self.head_ui(ui, head, &edges, id, tokens);

        let background = ui.interact(body, id.with("rows"), Sense::hover());
        background.widget_info(|| WidgetInfo::labeled(Role::Table, true, self.name));
        state.pointer_inside = background.contains_pointer();
        if state.pointer_inside {
            let by_pt = ui.input(|input| input.smooth_scroll_delta().y);
            if by_pt != 0.0 {
                state.scroll_pt -= f64::from(by_pt);
                state.follows_end &= by_pt < 0.0;
            }
        }
        self.bar_ui(ui, body, state, id, tokens);
        let (visible, top_pt) = state.settle(self.num_rows, body.height());

        let mut response = TableResponse { sort_by, visible: visible.clone(), ..TableResponse::default() };
        let painter = ui.painter().with_clip_rect(body.intersect(ui.clip_rect()));
        let bar_pt = if self.num_rows as f64 * f64::from(ROW_HEIGHT_PT) > f64::from(body.height()) { BAR_PT } else { 0.0 };
        for (place, index) in visible.enumerate() {
            let top = body.top() + top_pt + place as f32 * ROW_HEIGHT_PT;
            let rect = Rect::from_min_size(pos2(body.left(), top), vec2(body.width() - bar_pt, ROW_HEIGHT_PT));
            let touched = ui.interact(rect.intersect(body), id.with(index), Sense::click());
            let is_selected = self.selected == Some(index);
            if is_selected || touched.hovered() || touched.has_focus() {
                painter.rect_filled(rect, 0.0, tokens.ink(Ink::Raised));
            }
            if is_selected {
                painter.vline(rect.left() + 1.0, rect.y_range(), Stroke::new(2.0, tokens.ink(Ink::Accent)));
            }
            let painted =
                Row { painter: &painter, rect, columns: self.columns, edges: &edges, learned: &learned, is_hovered: touched.hovered(), tokens, is_selected };
            let said = row(&painted, index);
            touched.widget_info(|| WidgetInfo::selected(Role::ListItem, true, is_selected, said.clone()));
            if touched.double_clicked() {
                response.opened = Some(index);
            }
            if touched.clicked() {
                response.clicked = Some(index);
            }
            let cut = learned.cut.take();
            if !cut.is_empty() {
                let _told = touched.on_hover_text(cut.join("\n"));
            }
        }
        if learned.has_grown.get() {
            // The next frame has the room.
            state.needs = learned.needs.into_inner();
            ui.ctx().request_repaint();
        }
        response
    }

    fn head_ui(&self, ui: &egui::Ui, head: Rect, edges: &[(f32, f32)], id: Id, tokens: &DesignTokens) -> Option<usize> {
        let mut sort_by = None;
        for (index, column) in self.columns.iter().enumerate() {
            let (left, right) = edges[index];
            let cell = Rect::from_min_max(pos2(left, head.top()), pos2(right, head.bottom()));
            let sorted = self.sorted.filter(|(by, _)| *by == index);
            let arrow = match sorted {
                Some((_, true)) => " ↑",
                Some((_, false)) => " ↓",
                None => "",
            };
            let mut ink = if sorted.is_some() { Ink::Text } else { Ink::Dim };
            if column.sorts {
                let touched = ui.interact(cell, id.with(("head", index)), Sense::click());
                touched.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("sort by {}", column.title)));
                if touched.hovered() || touched.has_focus() {
                    ink = Ink::Text;
                }
                if touched.clicked() {
                    sort_by = Some(index);
                }
            }
            let (at, align) = if column.right { (cell.right_center(), Align2::RIGHT_CENTER) } else { (cell.left_center(), Align2::LEFT_CENTER) };
            ui.painter().with_clip_rect(cell).text(at, align, format!("{}{arrow}", column.title), fonts::words(TEXT_SMALL_PT), tokens.ink(ink));
        }
        ui.painter().hline(head.x_range(), head.bottom() - 0.5, Stroke::new(1.0, tokens.ink(Ink::Hairline)));
        sort_by
    }

    /// The scroll bar: as long as the part in view, and dragged by rows, not by pixels of all of them.
    fn bar_ui(&self, ui: &egui::Ui, body: Rect, state: &mut TableState, id: Id, tokens: &DesignTokens) {
        let total_pt = self.num_rows as f64 * f64::from(ROW_HEIGHT_PT);
        let max_pt = total_pt - f64::from(body.height());
        if max_pt <= 0.0 {
            return;
        }
        let track = Rect::from_min_max(pos2(body.right() - BAR_PT, body.top()), body.max);
        let handle_pt = (f64::from(body.height()) / total_pt * f64::from(track.height())).max(24.0) as f32;
        let free_pt = (track.height() - handle_pt).max(1.0);
        let touched = ui.interact(track, id.with("bar"), Sense::click_and_drag());
        if let Some(at) = touched.interact_pointer_pos() {
            let share = ((at.y - track.top() - handle_pt / 2.0) / free_pt).clamp(0.0, 1.0);
            state.scroll_pt = f64::from(share) * max_pt;
            state.follows_end = false;
        }
        let top = track.top() + (state.scroll_pt / max_pt).clamp(0.0, 1.0) as f32 * free_pt;
        let handle = Rect::from_min_size(pos2(track.left() + 2.0, top), vec2(BAR_PT - 4.0, handle_pt));
        let ink = if touched.hovered() || touched.dragged() { Ink::Faint } else { Ink::Line };
        ui.painter().rect_filled(handle, 2.0, tokens.ink(ink));
    }
}

/// Left and right edge of each column; none is narrower than what it needs, as far as there is room.
fn edges(columns: &[Column], needs: &[f32], room: Rect) -> Vec<(f32, f32)> {
    let gaps = GAP_PT * columns.len().saturating_sub(1) as f32;
    let free = (room.width() - 2.0 * MARGIN_PT - gaps).max(0.0);
    let need = |index: usize| needs.get(index).copied().unwrap_or(0.0);
    let share = |index: usize| match columns[index].width {
        Width::Points(_) => 0.0,
        Width::Share(share) => share,
    };
    let fixed = |(index, column): (usize, &Column)| match column.width {
        Width::Points(width) => Some(width.max(need(index))),
        Width::Share(_) => None,
    };
    let mut widths: Vec<Option<f32>> = columns.iter().enumerate().map(fixed).collect();
    // Those whose share is too little are as wide as they need to be, and the others share what is left.
    let per_share = loop {
        let taken: f32 = widths.iter().flatten().sum();
        let sharing = || (0..columns.len()).filter(|index| widths[*index].is_none());
        let shares: f32 = sharing().map(share).sum();
        let per_share = if shares > 0.0 { ((free - taken) / shares).max(0.0) } else { 0.0 };
        let lacking = sharing().find(|index| need(*index) > share(*index) * per_share);
        match lacking {
            Some(index) => widths[index] = Some(need(index)),
            None => break per_share,
        }
    };
    // Where even the fixed ones find no room, all shrink alike.
    let taken: f32 = widths.iter().flatten().sum();
    let shrink = if taken > free && taken > 0.0 { free / taken } else { 1.0 };
    let mut left = room.left() + MARGIN_PT;
    let mut edges = Vec::with_capacity(columns.len());
    for (index, width) in widths.into_iter().enumerate() {
        let width = width.map_or(share(index) * per_share, |width| width * shrink);
        edges.push((left, left + width));
        left += width + GAP_PT;
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{testing, theme::Themes};

    fn state(height_pt: f32, num_rows: usize) -> TableState {
        let mut state = TableState::default();
        let _first_frame = state.settle(num_rows, height_pt);
        state
    }

    #[test]
    fn keys_move_the_selection_and_keep_it_in_view() {
        let mut state = state(300.0, 1_000);
        for (command, selected, row) in [
            (UiCommand::WalkDown, None, 0),
            (UiCommand::WalkDown, Some(0), 1),
            (UiCommand::WalkUp, Some(0), 0),
            (UiCommand::WalkPageDown, Some(1), 10),
            (UiCommand::WalkPageUp, Some(10), 1),
            (UiCommand::WalkLast, Some(1), 999),
            (UiCommand::WalkDown, Some(999), 999),
            (UiCommand::WalkFirst, Some(999), 0),
        ] {
            assert_eq!(state.run(command, selected, 1_000), Some(row), "{command:?} from {selected:?}");
            let (visible, _) = state.settle(1_000, 300.0);
            assert!(visible.contains(&row), "{row} is not in {visible:?}");
        }
        assert_eq!(state.run(UiCommand::Quit, Some(0), 1_000), None);
        assert_eq!(state.run(UiCommand::WalkDown, None, 0), None);
    }

    #[test]
    fn the_ten_millionth_row_stands_as_exactly_as_the_first() {
        let mut state = state(300.0, 10_000_000);
        state.reveal(9_999_999);
        let (visible, top_pt) = state.settle(10_000_000, 300.0);
        assert_eq!((visible, top_pt), (9_999_990..10_000_000, 0.0));
        state.scroll_pt -= 7.5;
        let (visible, top_pt) = state.settle(10_000_000, 300.0);
        assert_eq!((visible, top_pt), (9_999_989..10_000_000, -22.5));
    }

    #[test]
    fn the_end_is_followed_until_a_row_is_asked_for_and_new_rows_above_move_nothing() {
        let mut state = state(300.0, 100);
        state.follow_end(true);
        assert_eq!(state.settle(100, 300.0).0, 90..100);
        assert_eq!(state.settle(120, 300.0).0, 110..120);
        state.reveal(50);
        assert_eq!(state.settle(130, 300.0).0, 50..60);
        state.rows_came_above(7);
        assert_eq!(state.settle(137, 300.0).0, 57..67);
        assert_eq!(state.settle(3, 300.0).0, 0..3, "fewer rows than there is room for");
    }

    #[test]
    fn columns_share_what_the_fixed_ones_leave_and_shrink_where_nothing_is_left() {
        let columns = [Column::left("name", Width::Share(1.0)), Column::right("lag", Width::Points(80.0)), Column::left("why", Width::Share(2.0))];
        let room = |width: f32| Rect::from_min_size(pos2(0.0, 0.0), vec2(width, 100.0));
        let wide = edges(&columns, &[], room(444.0));
        assert_eq!(wide, [(18.0, 118.0), (132.0, 212.0), (226.0, 426.0)]);
        let narrow = edges(&columns, &[], room(100.0));
        assert!(narrow.iter().all(|(left, right)| left <= right && *right <= 100.0), "{narrow:?}");
    }

    #[test]
    fn a_column_has_what_it_needs_and_names_give_way() {
        let columns = [Column::left("name", Width::Share(1.0)), Column::right("lag", Width::Points(80.0)), Column::left("why", Width::Share(2.0))];
        let room = |width: f32| Rect::from_min_size(pos2(0.0, 0.0), vec2(width, 100.0));
        for (name, needs, edges_pt) in [
            ("less than it has", [0.0, 60.0, 150.0], [(18.0, 118.0), (132.0, 212.0), (226.0, 426.0)]),
            ("a wider figure", [0.0, 110.0, 0.0], [(18.0, 108.0), (122.0, 232.0), (246.0, 426.0)]),
            ("a wider word", [0.0, 0.0, 240.0], [(18.0, 78.0), (92.0, 172.0), (186.0, 426.0)]),
            ("both", [0.0, 110.0, 260.0], [(18.0, 28.0), (42.0, 152.0), (166.0, 426.0)]),
        ] {
            assert_eq!(edges(&columns, &needs, room(444.0)), edges_pt, "{name}");
        }
        let narrow = edges(&columns, &[0.0, 110.0, 260.0], room(300.0));
        assert!(narrow.iter().all(|(left, right)| left <= right && *right <= 283.0), "{narrow:?}");
    }

    #[test]
    fn a_sentence_is_cut_between_its_clauses() {
        let text = "falls behind: behind by 1,249 records, 12 s; grew by 178 in 17 s";
        let parts: Vec<&str> = clause_ends(text, "falls behind".len()).into_iter().map(|end| &text[..end]).collect();
        assert_eq!(parts, ["falls behind", "falls behind: behind by 1,249 records", "falls behind: behind by 1,249 records, 12 s"]);
        assert!(clause_ends("a, b: c", "a, b: c".len()).is_empty());
    }

    #[test]
    fn words_of_state_and_figures_are_whole_and_names_are_cut() {
        let columns = [
            Column::left("name", Width::Share(1.0)),
            Column::left("state", Width::Points(20.0)).whole(),
            Column::right("figure", Width::Points(20.0)),
            Column::left("why", Width::Share(0.1)),
        ];
        let name = "a-name-that-is-much-too-long-for-the-room-that-it-has";
        let themes = Themes::load();
        let ctx = egui::Context::default();
        themes.install(&ctx);
        let mut state = TableState::default();
        let mut frame = || {
            let input = egui::RawInput { screen_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(420.0, 200.0))), ..egui::RawInput::default() };
            let output = ctx.run_ui(input, |ui| {
                let table = Table { name: "things", columns: &columns, num_rows: 2, selected: None, sorted: None };
                let _response = table.ui(ui, &mut state, themes.tokens(egui::Theme::Dark), |row, index| {
                    row.words(0, name, Ink::Text);
                    row.words(1, "waits for a transaction", Ink::Text);
                    row.data(2, "1,234,567", Ink::Text);
                    let word_and_text = ["stuck", "stuck: behind by 4,711 records, 12 s; for 3 min"];
                    row.standing_in(3, row.cell(3), word_and_text, &fonts::words(12.5), row.tokens.ink(Ink::Text));
                    format!("row {index}")
                });
            });
            let shown = testing::painted_lines(&output);
            output.drop_without_applying_deltas();
            shown
        };
        // The first frame learns what is needed.
        let _first = frame();
        let shown = frame();
        for whole in ["waits for a transaction", "1,234,567", "stuck…"] {
            assert!(shown.iter().any(|text| text == whole), "{whole} of {shown:?}");
        }
        assert!(!shown.iter().any(|text| text == name) && shown.iter().any(|text| text.starts_with("a-") && text.ends_with('…')), "{shown:?}");
    }
}
