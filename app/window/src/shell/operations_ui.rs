//! The one place that lists operations: what runs now, with stop, and what ended lately.

use std::collections::BTreeSet;
use std::time::Duration;

use egui::{Align, Align2, Id, Key, Layout, Modifiers, RichText, Sense, Stroke, WidgetInfo, accesskit::Role, vec2};
use switchboard_desk::operations::{OperationView, OperationsBoard};
use switchboard_model::OperationId;

use crate::{
    SessionCommand, fonts,
    shell::{
        bars::hint_text,
        operations_list::{self, OperationRow, rows},
    },
    theme::{DesignTokens, Ink, OVERLAY_TOP_PT, TEXT_BODY_PT, TEXT_HEADING_PT, TEXT_SMALL_PT, margin},
    view::ViewAction,
    widgets::row_ground::row_ground,
};

const WIDTH_PT: f32 = 620.0;
/// Room left and right of all that is written, points.
const SIDE_PT: i8 = 10;
/// Height of a bar of progress, points.
const BAR_PT: f32 = 4.0;
/// How long the bar tells of one that ended and was not read, ns.
const NEWS_FOR_NS: i64 = 30_000_000_000;

/// The list, open or not.
#[derive(Default)]
pub(crate) struct OperationsList {
    is_open: bool,
    /// What the user chose; until then the first is meant, whichever that is.
    selected: Option<OperationId>,
    /// Those that ended and were seen in the list.
    read: BTreeSet<OperationId>,
}

impl OperationsList {
    /// Opens it, or closes it if it is open.
    pub(crate) fn toggle(&mut self) {
        self.is_open = !self.is_open;
        self.selected = None;
    }

    /// Whether it is open.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// What the bar says: of those that run, and of those that ended a moment ago and were not read; `None` = nothing.
    pub(crate) fn in_the_bar(&self, board: &OperationsBoard, now_ns: i64) -> Option<(String, Ink)> {
        operations_list::in_the_bar(board, self.news(board, now_ns).map(|(view, _)| view))
    }

    /// When what it says changes by itself; `None` = never.
    pub(crate) fn due_in(&self, board: &OperationsBoard, now_ns: i64) -> Option<Duration> {
        if !self.is_open {
            let left_ns = self.news(board, now_ns).map(|(_, left_ns)| left_ns).min()?;
            return Some(Duration::from_nanos(left_ns.max(0) as u64));
        }
        let newest_ns = board.ended.iter().filter_map(|view| view.end.as_ref()).map(|end| end.at_ns).max();
        let is_young = !board.running.is_empty() || newest_ns.is_some_and(|newest_ns| now_ns - newest_ns < 60_000_000_000);
        (is_young || newest_ns.is_some()).then(|| Duration::from_secs(if is_young { 1 } else { 60 }))
    }

    /// Those that ended and were not read, each with how long it is still told of, ns.
    fn news<'a>(&'a self, board: &'a OperationsBoard, now_ns: i64) -> impl Iterator<Item = (&'a OperationView, i64)> {
        let unread = board.ended.iter().filter(|view| !self.read.contains(&view.id));
        let left = unread.filter_map(move |view| Some((view, view.end.as_ref()?.at_ns + NEWS_FOR_NS - now_ns)));
        left.filter(|(_, left_ns)| *left_ns > 0)
    }

    /// Draws it, if open; what was asked for.
    pub(crate) fn ui(&mut self, ctx: &egui::Context, board: &OperationsBoard, now_ns: i64, tokens: &DesignTokens) -> Vec<ViewAction> {
        if !self.is_open {
            return Vec::new();
        }
        self.read = board.ended.iter().map(|view| view.id).collect();
        let rows = rows(board, now_ns);
        let area = egui::Modal::default_area(Id::unique("operations")).anchor(Align2::CENTER_TOP, vec2(0.0, OVERLAY_TOP_PT));
        let width = WIDTH_PT.min(ctx.content_rect().width() - 60.0);
        let modal = egui::Modal::new(Id::unique("operations")).area(area).backdrop_color(tokens.shade.0).show(ctx, |ui| {
            ui.set_width(width);
            self.inner_ui(ui, &rows, board.num_forgotten, tokens)
        });
        if modal.should_close() {
            self.is_open = false;
        }
        modal.inner
    }

    fn inner_ui(&mut self, ui: &mut egui::Ui, rows: &[OperationRow], num_forgotten: u64, tokens: &DesignTokens) -> Vec<ViewAction> {
        let before = self.selected;
        let mut actions = self.keys(ui, rows);
        let was_moved = before != self.selected;
        egui::Frame::new().inner_margin(margin(SIDE_PT, 6)).show(ui, |ui| {
            let heading = ui.label(RichText::new("Operations").font(fonts::strong(TEXT_HEADING_PT)).color(tokens.ink(Ink::Text)));
            heading.widget_info(|| WidgetInfo::labeled(Role::Heading, true, "Operations"));
            if rows.is_empty() {
                ui.label(RichText::new("Nothing runs").color(tokens.ink(Ink::Text)));
                let text = "The test of a source and the preview of a replay are listed here while they run, with how far they are; each can be stopped";
                ui.add(egui::Label::new(RichText::new(text).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim))).wrap());
            }
        });
        let height = (ui.ctx().content_rect().height() - 260.0).max(120.0);
        // As high as the rows are in the first frame too: without a least height it has the room that the box had when it was closed.
        egui::ScrollArea::vertical().min_scrolled_height(height).max_height(height).auto_shrink([false, true]).show(ui, |ui| {
            let meant = self.meant(rows);
            for (place, row) in rows.iter().enumerate() {
                let is_meant = place == meant;
                let ground = ui.painter().add(egui::Shape::Noop);
                let shown = egui::Frame::new().inner_margin(margin(SIDE_PT, 7)).show(ui, |ui| self.row_ui(ui, row, is_meant, tokens, &mut actions));
                let is_hovered = shown.response.contains_pointer();
                ui.painter().set(ground, row_ground(shown.response.rect, is_meant, is_hovered, tokens));
                if is_meant && was_moved {
                    shown.response.scroll_to_me(None);
                }
            }
            if num_forgotten > 0 {
                let text = format!("{} ended before these", crate::figures::count(num_forgotten));
                egui::Frame::new().inner_margin(margin(SIDE_PT, 4)).show(ui, |ui| {
                    ui.label(RichText::new(text).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Faint)));
                });
            }
        });
        let (line, _) = ui.allocate_exact_size(vec2(ui.available_width(), 1.0), Sense::hover());
        ui.painter().hline(line.x_range(), line.center().y, Stroke::new(1.0, tokens.ink(Ink::Hairline)));
        egui::Frame::new().inner_margin(margin(SIDE_PT, 6)).show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 18.0;
                let of_rows = [("Arrows", "choose"), ("Delete", "stops"), ("C", "copies")];
                for (keys, what) in of_rows.into_iter().filter(|_| !rows.is_empty()).chain([("Esc", "closes")]) {
                    ui.label(hint_text(keys.to_owned(), what, tokens));
                }
            });
        });
        actions
    }

    /// Where the row is that keys mean: the one that was chosen, or else the first.
    fn meant(&self, rows: &[OperationRow]) -> usize {
        rows.iter().position(|row| self.selected == Some(row.id)).unwrap_or(0)
    }

    /// What the keyboard asks for.
    fn keys(&mut self, ui: &egui::Ui, rows: &[OperationRow]) -> Vec<ViewAction> {
        let (up, down, stop, copy) = ui.input_mut(|input| {
            (
                input.count_and_consume_key(Modifiers::NONE, Key::ArrowUp),
                input.count_and_consume_key(Modifiers::NONE, Key::ArrowDown),
                input.consume_key(Modifiers::NONE, Key::Delete),
                input.consume_key(Modifiers::NONE, Key::C),
            )
        });
        let meant = self.meant(rows);
        let Some(row) = rows.get((meant + down).saturating_sub(up).min(rows.len().saturating_sub(1))) else { return Vec::new() };
        if up + down > 0 {
            self.selected = Some(row.id);
        }
        let stop = (stop && row.is_running).then(|| stop_of(row));
        stop.into_iter().chain(copy.then(|| ViewAction::Copy(row.lines()))).collect()
    }

    fn row_ui(&mut self, ui: &mut egui::Ui, row: &OperationRow, is_meant: bool, tokens: &DesignTokens, actions: &mut Vec<ViewAction>) {
        let text_ui = |ui: &mut egui::Ui, text: &str, ink: Ink| {
            if !text.is_empty() {
                ui.add(egui::Label::new(RichText::new(text).size(12.0).color(tokens.ink(ink))).wrap());
            }
        };
        ui.spacing_mut().item_spacing.y = 4.0;
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let (word, action) = if row.is_running { ("Stop", stop_of(row)) } else { ("Copy", ViewAction::Copy(row.lines())) };
                let button = ui.button(word);
                button.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("{}: {}, {}", word.to_lowercase(), row.what, row.source)));
                if button.clicked() {
                    actions.push(action);
                }
                ui.label(RichText::new(&row.time).font(fonts::data(12.0)).color(tokens.ink(Ink::Dim)));
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    let title = RichText::new(&row.what).font(fonts::strong(TEXT_BODY_PT)).color(tokens.ink(Ink::Text));
                    let title = ui.add(egui::Button::new(title).frame(false).truncate());
                    title.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, is_meant, row.words()));
                    if title.clicked() {
                        self.selected = Some(row.id);
                    }
                    ui.add(egui::Label::new(RichText::new(&row.source).color(tokens.ink(Ink::Dim))).truncate());
                });
            });
        });
        if let Some(share) = row.share.filter(|_| row.is_running) {
            progress_ui(ui, share, &row.progress, tokens);
        }
        let (word, ink) = row.state;
        let told = if row.progress.is_empty() { word.to_owned() } else { format!("{word}, {}", row.progress) };
        text_ui(ui, &told, ink);
        text_ui(ui, &row.reason, Ink::Text);
        text_ui(ui, &row.next_step, Ink::Dim);
        text_ui(ui, &row.lost, Ink::Warn);
    }
}

fn stop_of(row: &OperationRow) -> ViewAction {
    ViewAction::Send(SessionCommand::CancelOperation(row.id))
}

/// A bar, filled as far as it is.
fn progress_ui(ui: &mut egui::Ui, share: f64, words: &str, tokens: &DesignTokens) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), BAR_PT), Sense::hover());
    ui.painter().rect_filled(rect, BAR_PT / 2.0, tokens.ink(Ink::Line));
    let done = egui::Rect::from_min_size(rect.min, vec2(rect.width() * share as f32, rect.height()));
    ui.painter().rect_filled(done, BAR_PT / 2.0, tokens.ink(Ink::Accent));
    response.widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, format!("progress {words}")));
}

#[cfg(test)]
mod tests;
