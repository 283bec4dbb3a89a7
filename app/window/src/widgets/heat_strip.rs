//! A row of cells, one a partition, the fuller the further behind: which of them carries the lag.

use egui::{Align2, Rect, RichText, Sense, Stroke, StrokeKind, Vec2, WidgetInfo, accesskit::Role, pos2, vec2};

use crate::{
    figures, fonts,
    ink::Tone,
    theme::{DesignTokens, Ink, TEXT_MIN_PT, TEXT_SMALL_PT},
};

/// Steps of a cell, from nothing to a lot.
pub(crate) const NUM_STEPS: u8 = 5;
/// Gap between cells, points.
const GAP_PT: f32 = 3.0;
/// A cell with its number, points.
const CELL_WIDE_PT: f32 = 46.0;
/// A cell without, points.
const CELL_NARROW_PT: f32 = 14.0;
/// Height of a cell, points.
pub(crate) const CELL_HEIGHT_PT: f32 = 22.0;

/// A partition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PartitionCell {
    /// Its number.
    pub partition: i32,
    /// What waits; unknown = `None`.
    pub lag: Option<u64>,
    /// All of it in words: `partition 2: stuck, 412 behind, read by orders-1, committed 3 s ago`.
    pub words: String,
    /// How urgent it is.
    pub tone: Tone,
}

/// A cell to be painted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cell {
    /// Which value.
    pub index: usize,
    /// Where.
    pub rect: Rect,
}

/// How full a cell is: a step for each power of ten. Powers, not shares of the largest: a cell keeps its look while the others
/// move. `None` = unknown.
pub(crate) fn step(lag: Option<u64>) -> Option<u8> {
    lag.map(|lag| match lag {
        0 => 0,
        1..10 => 1,
        10..100 => 2,
        100..1_000 => 3,
        1_000..10_000 => 4,
        _ => NUM_STEPS,
    })
}

/// Places cells into lines of this width; the whole size. Cells are wide enough for a number as long as they fill at most
/// three lines.
pub(crate) fn layout(width: f32, num_cells: usize) -> (Vec<Cell>, Vec2) {
    let per_line = |cell: f32| (((width + GAP_PT) / (cell + GAP_PT)).floor() as usize).max(1);
    let cell_width = if num_cells.div_ceil(per_line(CELL_WIDE_PT)) <= 3 { CELL_WIDE_PT } else { CELL_NARROW_PT };
    let columns = per_line(cell_width);
    let cell = |index: usize| {
        let (column, line) = (index % columns, index / columns);
        let min = pos2(column as f32 * (cell_width + GAP_PT), line as f32 * (CELL_HEIGHT_PT + GAP_PT));
        Cell { index, rect: Rect::from_min_size(min, vec2(cell_width, CELL_HEIGHT_PT)) }
    };
    let num_lines = num_cells.div_ceil(columns);
    let height = (num_lines as f32 * (CELL_HEIGHT_PT + GAP_PT) - GAP_PT).max(0.0);
    ((0..num_cells).map(cell).collect(), vec2(width, height))
}

/// Whether a cell has room for its number.
pub(crate) fn has_room_for_number(rect: Rect) -> bool {
    rect.width() >= CELL_WIDE_PT
}

/// Draws the strip, and what its cells mean.
pub(crate) fn ui(ui: &mut egui::Ui, cells: &[PartitionCell], tokens: &DesignTokens) {
    let (places, size) = layout(ui.available_width(), cells.len());
    let (room, _) = ui.allocate_exact_size(vec2(ui.available_width(), size.y), Sense::hover());
    for place in places {
        let rect = place.rect.translate(room.min.to_vec2());
        if ui.is_rect_visible(rect) {
            cell_ui(ui, rect, &cells[place.index], tokens);
        }
    }
    ui.label(RichText::new("the fuller a cell, the further behind: a step for each power of ten").size(TEXT_SMALL_PT).color(tokens.ink(Ink::Faint)));
}

/// What a cell is filled with: how far behind it is tells how full it is, how urgent that is tells its verdict.
fn fill_ink(tone: Tone) -> Ink {
    match tone {
        Tone::Quiet | Tone::Unknown => Ink::Edge,
        Tone::Warn => Ink::Warn,
        Tone::Bad => Ink::Bad,
    }
}

fn cell_ui(ui: &mut egui::Ui, rect: Rect, cell: &PartitionCell, tokens: &DesignTokens) {
    let response = ui.interact(rect, ui.scope_id().with(("partition", cell.partition)), Sense::hover());
    let painter = ui.painter();
    let full = step(cell.lag);
    let edge = match cell.tone {
        Tone::Quiet | Tone::Unknown => Stroke::new(1.0, tokens.ink(Ink::Line)),
        Tone::Warn => Stroke::new(1.6, tokens.ink(Ink::Warn)),
        Tone::Bad => Stroke::new(1.6, tokens.ink(Ink::Bad)),
    };
    painter.rect(rect, 3.0, tokens.ink(Ink::Card), edge, StrokeKind::Inside);
    if let Some(step) = full.filter(|step| *step > 0) {
        // From the bottom up, so that it can be read without its colour.
        let share = f32::from(step) / f32::from(NUM_STEPS);
        let fill = Rect::from_min_max(pos2(rect.left() + 1.0, rect.bottom() - 1.0 - (rect.height() - 2.0) * share), rect.max - vec2(1.0, 1.0));
        painter.rect_filled(fill, 2.0, tokens.ink(fill_ink(cell.tone)).gamma_multiply(0.45));
    }
    if has_room_for_number(rect) {
        let text = cell.lag.map_or_else(|| "?".to_owned(), short);
        painter.text(rect.center(), Align2::CENTER_CENTER, text, fonts::data(TEXT_MIN_PT), tokens.ink(if cell.lag.is_some() { Ink::Text } else { Ink::Dim }));
    } else if cell.lag.is_none() {
        painter.text(rect.center(), Align2::CENTER_CENTER, "?", fonts::data(TEXT_MIN_PT), tokens.ink(Ink::Dim));
    }
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &cell.words));
    response.on_hover_text(&cell.words);
}

/// A count in at most five characters: `412`, `12 k`, `3 M`.
fn short(n: u64) -> String {
    match n {
        0..10_000 => figures::count(n),
        10_000..1_000_000 => format!("{} k", n / 1_000),
        n => format!("{} M", n / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_a_step_fuller_for_each_power_of_ten() {
        assert_eq!([step(None), step(Some(0)), step(Some(9)), step(Some(10)), step(Some(999))], [None, Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!([step(Some(1_000)), step(Some(u64::MAX))], [Some(4), Some(NUM_STEPS)]);
    }

    #[test]
    fn how_urgent_a_cell_looks_is_its_verdict_however_full_it_is() {
        let inks = [Tone::Quiet, Tone::Unknown, Tone::Warn, Tone::Bad].map(fill_ink);
        assert_eq!(inks, [Ink::Edge, Ink::Edge, Ink::Warn, Ink::Bad]);
    }

    #[test]
    fn cells_fill_lines_and_never_overlap() {
        for num_cells in [0, 1, 4, 12, 64, 1_000] {
            let (cells, size) = layout(300.0, num_cells);
            assert_eq!(cells.len(), num_cells);
            for pair in cells.windows(2) {
                assert!(!pair[0].rect.intersects(pair[1].rect), "{pair:?}");
            }
            assert!(cells.iter().all(|cell| cell.rect.right() <= 300.0 && cell.rect.bottom() <= size.y));
        }
        assert!(has_room_for_number(layout(300.0, 12).0[0].rect));
        assert!(!has_room_for_number(layout(300.0, 64).0[0].rect));
        assert_eq!(layout(1.0, 3).0.len(), 3, "too narrow a room still holds a cell a line");
    }
}
