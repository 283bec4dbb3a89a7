//! A row of cells, one a partition, the fuller the further behind: which of them carries the lag.

use egui::{Rect, Vec2, pos2, vec2};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_a_step_fuller_for_each_power_of_ten() {
        assert_eq!([step(None), step(Some(0)), step(Some(9)), step(Some(10)), step(Some(999))], [None, Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!([step(Some(1_000)), step(Some(u64::MAX))], [Some(4), Some(NUM_STEPS)]);
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
