//! A table of any number of rows, of which only those in view are laid out: painted cells, keys, and a selected row that
//! never moves by itself. It scrolls in rows and parts of rows, so that the millionth stands as exactly as the first.
//!
//! A view keeps a [`TableState`], describes its [`Table`], and paints each row through [`Row`]. Keys come as commands:
//! [`TableState::run`].

mod columns;
mod row;
mod sorting;
mod state;
mod widths;

pub(crate) use columns::{Column, Width};
pub(crate) use row::Row;
pub(crate) use sorting::{Order, SortKey, Sorting, Way};
pub(crate) use state::TableState;
pub(crate) use widths::ColumnWidths;

use std::cell::RefCell;
use std::ops::Range;

use egui::{
    Align2, CursorIcon, Id, Rect, Sense, Stroke, WidgetInfo,
    accesskit::{Role, SortDirection},
    pos2,
    text::{LayoutJob, TextWrapping},
    vec2,
};

use super::object_menu;
use crate::{
    fonts,
    theme::{DesignTokens, Ink, ROW_HEIGHT_PT, TEXT_SMALL_PT},
};
use columns::{edges, grip_x, moved};
use row::Learned;

/// Height of the line of headings, points.
pub(crate) const HEAD_PT: f32 = 28.0;
/// Width of the scroll bar, points.
const BAR_PT: f32 = 8.0;
/// Width of what is taken hold of between two headings, points.
const GRIP_PT: f32 = 10.0;

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
    /// Who decides over the order of the rows.
    pub order: Order,
}

/// What was done with a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TableResponse {
    /// A row was clicked, with whichever button.
    pub clicked: Option<usize>,
    /// Whether it was for the menu of what the row shows: then the click does nothing but select.
    pub is_for_menu: bool,
    /// A row was clicked twice.
    pub opened: Option<usize>,
    /// A heading was clicked by which the rows are to be asked for.
    pub ask_by: Option<&'static str>,
    /// The rows in view.
    pub visible: Range<usize>,
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
        if std::mem::take(&mut state.reveals_selected)
            && let Some(selected) = self.selected
        {
            state.reveal(selected);
        }
        let given = ColumnWidths::of(ui.ctx()).given(self.name, self.columns);
        let edges = edges(self.columns, &state.needs, &given, room);
        let head = Rect::from_min_size(room.min, vec2(room.width(), HEAD_PT));
        let body = Rect::from_min_max(pos2(room.left(), head.bottom()), room.max);
        let ask_by = self.head_ui(ui, head, &edges, id, state, tokens);
        self.grips_ui(ui, head, &edges, id, state, tokens);
        let learned = Learned { needs: RefCell::new(state.needs.clone()), measured: state.fits.take(), ..Learned::default() };

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

        let mut response = TableResponse { ask_by, visible: visible.clone(), ..TableResponse::default() };
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
            let pointed_at = touched.interact_pointer_pos().filter(|_| touched.secondary_clicked());
            learned.copies_at.set(pointed_at.map(|at| at.x));
            let said = row(&painted, index);
            touched.widget_info(|| WidgetInfo::selected(Role::ListItem, true, is_selected, said.clone()));
            if touched.double_clicked() {
                response.opened = Some(index);
            }
            if touched.clicked() || touched.secondary_clicked() {
                response.clicked = Some(index);
            }
            if is_selected {
                object_menu::note_selected(ui.ctx(), rect);
            }
            if touched.secondary_clicked() {
                response.is_for_menu = true;
                object_menu::offer(ui.ctx(), learned.copied.take().as_deref(), None);
            }
            let cut = learned.cut.take();
            if !cut.is_empty() {
                let _told = touched.on_hover_text(cut.join("\n"));
            }
        }
        if let Some(index) = learned.measured
            && learned.widest.get() > 0.0
        {
            let width = learned.widest.get().max(self.heading(ui, index, f32::INFINITY, state, tokens.ink(Ink::Text)).size().x).ceil();
            let x = grip_x(&edges, index) - (edges[index].1 - edges[index].0) + width;
            ColumnWidths::give(ui.ctx(), self.name, self.columns, &moved(self.columns, &edges, index, x));
            ui.ctx().request_repaint();
        }
        if learned.has_grown.get() {
            // The next frame has the room.
            state.needs = learned.needs.into_inner();
            ui.ctx().request_repaint();
        }
        response
    }

    /// A heading with its mark; it is cut where it finds no room, but for the mark.
    fn heading(&self, ui: &egui::Ui, index: usize, room_pt: f32, state: &TableState, color: egui::Color32) -> std::sync::Arc<egui::Galley> {
        let title = self.columns[index].title;
        let mark = self.order.mark(state.sorting).filter(|(by, _)| *by == title).map_or("", |(_, way)| way.arrow());
        let font = fonts::words(TEXT_SMALL_PT);
        let whole = ui.painter().layout_no_wrap(format!("{title}{mark}"), font.clone(), color);
        if whole.size().x <= room_pt + 0.1 {
            return whole;
        }
        let mark_pt = ui.painter().layout_no_wrap(mark.to_owned(), font.clone(), color).size().x;
        let mut job = LayoutJob::simple_singleline(title.to_owned(), font.clone(), color);
        job.wrap = TextWrapping::truncate_at_width((room_pt - mark_pt).max(0.0));
        let cut: String = ui.painter().layout_job(job).rows.iter().map(|row| row.text()).collect();
        ui.painter().layout_no_wrap(format!("{cut}{mark}"), font, color)
    }

    /// The headings, and what a click on one does: rows that are all there are sorted, others asked for in another order.
    fn head_ui(&self, ui: &egui::Ui, head: Rect, edges: &[(f32, f32)], id: Id, state: &mut TableState, tokens: &DesignTokens) -> Option<&'static str> {
        let mut ask_by = None;
        for (index, column) in self.columns.iter().enumerate() {
            let (left, right) = edges[index];
            let cell = Rect::from_min_max(pos2(left, head.top()), pos2(right, head.bottom()));
            let way = self.order.mark(state.sorting).filter(|(by, _)| *by == column.title).map(|(_, way)| way);
            let refused = self.order.refuses(column.title);
            let sense = if refused.is_some() { Sense::hover() } else { Sense::click() };
            let mut touched = ui.interact(cell, id.with(("head", index)), sense);
            if refused.is_none() || !column.title.is_empty() {
                let name = if refused.is_some() { column.title.to_owned() } else { format!("sort by {}", column.title) };
                touched.widget_info(|| WidgetInfo::labeled(Role::ColumnHeader, true, &name));
                ui.ctx().accesskit_node_builder(touched.id, |node| {
                    if let Some(way) = way {
                        node.set_sort_direction(if way == Way::Up { SortDirection::Ascending } else { SortDirection::Descending });
                        node.set_description(way.words());
                    }
                });
            }
            let is_lit = way.is_some() || (refused.is_none() && (touched.hovered() || touched.has_focus()));
            if touched.clicked() {
                match self.order {
                    Order::Rows { natural } => {
                        state.sorting = state.sorting.clicked(column, natural);
                        state.reveals_selected = true;
                        ui.ctx().request_repaint();
                    }
                    Order::Asked { .. } => ask_by = Some(column.title),
                }
            }
            if let Some(why) = refused {
                touched = touched.on_hover_text(why);
            }
            if column.is_headed_by_view {
                // The mark stands before what the view draws.
                let at = pos2(cell.left() - 2.0, cell.center().y);
                let mark = way.map_or("", Way::arrow).trim_start();
                ui.painter().text(at, Align2::RIGHT_CENTER, mark, fonts::words(TEXT_SMALL_PT), tokens.ink(Ink::Text));
                continue;
            }
            let galley = self.heading(ui, index, cell.width(), state, tokens.ink(if is_lit { Ink::Text } else { Ink::Dim }));
            let x = if column.right { cell.right() - galley.size().x } else { cell.left() };
            let at = pos2(x, touched.rect.center().y - galley.size().y / 2.0);
            ui.painter().with_clip_rect(cell).galley(at, galley, tokens.ink(Ink::Text));
        }
        ui.painter().hline(head.x_range(), head.bottom() - 0.5, Stroke::new(1.0, tokens.ink(Ink::Hairline)));
        ask_by
    }

    /// Between two headings their columns are made wider and narrower; a second click makes the left one as wide as what it shows.
    fn grips_ui(&self, ui: &egui::Ui, head: Rect, edges: &[(f32, f32)], id: Id, state: &mut TableState, tokens: &DesignTokens) {
        let is_near = ui.rect_contains_pointer(head);
        for index in 0..self.columns.len().saturating_sub(1) {
            let x = grip_x(edges, index);
            let rect = Rect::from_center_size(pos2(x, head.center().y), vec2(GRIP_PT, head.height()));
            // By Tab one comes to headings, not to what is between them.
            let touched = ui.interact(rect, id.with(("grip", index)), Sense::CLICK | Sense::DRAG);
            touched.widget_info(|| {
                let title = self.columns[index].title;
                let name = if title.is_empty() { format!("column {}", index + 1) } else { title.to_owned() };
                WidgetInfo::labeled(Role::Splitter, true, format!("width of {name}"))
            });
            let is_held = touched.hovered() || touched.dragged();
            if is_near || is_held {
                let stroke = if is_held { Stroke::new(2.0, tokens.ink(Ink::Accent)) } else { Stroke::new(1.0, tokens.ink(Ink::Line)) };
                ui.painter().vline(x, head.y_range().shrink(6.0), stroke);
            }
            if is_held {
                ui.set_cursor_icon(CursorIcon::ResizeHorizontal);
            }
            if touched.double_clicked() {
                state.fits = Some(index);
            } else if touched.dragged()
                && let Some(at) = touched.interact_pointer_pos()
            {
                ColumnWidths::give(ui.ctx(), self.name, self.columns, &moved(self.columns, edges, index, at.x));
                ui.ctx().request_repaint();
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{testing, theme::Themes};

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
                let table = Table { name: "things", columns: &columns, num_rows: 2, selected: None, order: Order::Rows { natural: None } };
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
