//! How a layout takes the shape of its pane: boxes keep their size, the room between them grows or shrinks. Pure.
//!
//! Places are kept as they were laid out; only where they are looked at they are spread, so that another shape of the pane
//! changes nothing about them.

use egui::{Pos2, Rect, Vec2, pos2};

use super::{
    camera::SCALE_FIT_MAX,
    layout::{Lane, Layout},
};

/// A map of more boxes is looked at as it was laid out.
const BOXES_MAX: usize = 150;
/// Room between columns may shrink to this share of itself so that boxes are as large as they are meant to be, and to the
/// second one so that names are whole.
const GAPS_MIN: [f32; 2] = [0.6, 0.35];
/// For these scales it does.
const WANTED_SCALES: [f32; 2] = [1.0, 0.66];
/// It grows to at most so much of itself.
const GAPS_MAX: f32 = 1.7;
/// Room that is as wide has lag written in it, and shrinks only where other room has shrunk to this share.
const WIDE_GAP: f32 = 100.0;
const WIDE_GAP_FROM: f32 = 0.75;
/// Rows stand at most so many times as far from each other as they were laid out.
const ROWS_MAX: f32 = 2.4;
/// Room that stays between two rows.
const ROW_ROOM: f32 = 22.0;

/// How far apart what is laid out stands on the map.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spread {
    columns: Vec<Column>,
    /// The share of the room between columns that is left.
    gaps: f32,
    /// How many times as far rows stand from each other.
    rows: f32,
}

/// What stands between two gaps: it is moved as a whole.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Column {
    left: f32,
    right: f32,
    moved_by: f32,
}

impl Default for Spread {
    fn default() -> Self {
        Self { columns: Vec::new(), gaps: 1.0, rows: 1.0 }
    }
}

impl Spread {
    /// The spread with which a layout fills a room best; `margin` is what paths take beyond the boxes.
    pub(crate) fn of(layout: &Layout, margin: Vec2, room: Vec2) -> Self {
        if layout.rects.is_empty() || layout.rects.len() > BOXES_MAX {
            return Self::default();
        }
        let rects: Vec<Rect> = layout.rects.values().copied().collect();
        let columns = columns(&rects);
        let width = |gaps: f32| {
            let filled: f32 = columns.iter().map(|column| column.right - column.left).sum();
            let free: f32 = columns.windows(2).map(|pair| room_between(pair[1].left - pair[0].right, gaps)).sum();
            filled + free + margin.x
        };
        // The most room between columns with which they fit at a scale.
        let gaps_at = |scale: f32, min: f32, max: f32| most(min, max, |gaps| width(gaps) * scale <= room.x);
        let mut gaps = gaps_at(WANTED_SCALES[0], GAPS_MIN[0], 1.0);
        if width(gaps) * WANTED_SCALES[1] > room.x {
            gaps = gaps_at(WANTED_SCALES[1], GAPS_MIN[1], gaps);
        }
        let rows_min = rows_min(&rects);
        let height = |rows: f32| {
            let top = rects.iter().map(|rect| rect.center().y * rows - rect.height() / 2.0).fold(f32::INFINITY, f32::min);
            let bottom = rects.iter().map(|rect| rect.center().y * rows + rect.height() / 2.0).fold(f32::NEG_INFINITY, f32::max);
            bottom - top + margin.y
        };
        let scale = (room.x / width(gaps)).min(room.y / height(rows_min)).min(SCALE_FIT_MAX);
        // What is left of the width goes between columns, what is left of the height between rows.
        let gaps = gaps_at(scale, gaps, GAPS_MAX);
        let rows = most(rows_min, ROWS_MAX, |rows| height(rows) * scale <= room.y);
        Self { columns, gaps, rows }.placed()
    }

    /// The same for a layout in which boxes stand elsewhere: those that came between columns make one of their own.
    pub(crate) fn renewed(&self, layout: &Layout) -> Self {
        let has_column = |at: f32| self.columns.iter().any(|column| (column.left..=column.right).contains(&at));
        if self.columns.is_empty() || layout.rects.values().all(|rect| has_column(rect.center().x)) {
            return self.clone();
        }
        let rects: Vec<Rect> = layout.rects.values().copied().collect();
        Self { columns: columns(&rects), ..*self }.placed()
    }

    /// Says by how much each column moves.
    fn placed(mut self) -> Self {
        let mut moved_by = 0.0;
        for index in 1..self.columns.len() {
            let between = self.columns[index].left - self.columns[index - 1].right;
            moved_by += room_between(between, self.gaps) - between;
            self.columns[index].moved_by = moved_by;
        }
        self
    }

    /// A layout as it is looked at.
    pub(crate) fn apply(&self, layout: &Layout) -> Layout {
        if *self == Self::default() {
            return layout.clone();
        }
        let rects = layout.rects.iter().map(|(node_id, rect)| (*node_id, rect.translate(self.on_map(rect.center()) - rect.center()))).collect();
        let lane = |lane: &Lane| {
            let (left, right) = (self.on_map(pos2(lane.left, lane.y)), self.on_map(pos2(lane.right, lane.y)));
            Lane { left: left.x, right: right.x, y: left.y }
        };
        let lanes = layout.lanes.iter().map(|(ends, lanes)| (*ends, lanes.iter().map(lane).collect())).collect();
        Layout { rects, lanes, rows: self.rows }
    }

    /// Where a point of the layout is looked at.
    fn on_map(&self, at: Pos2) -> Pos2 {
        pos2(self.x(at.x, |column| (column.left, column.right), |column| (column.left + column.moved_by, column.right + column.moved_by)), at.y * self.rows)
    }

    /// The point of the layout that is looked at there.
    pub(crate) fn in_layout(&self, at: Pos2) -> Pos2 {
        pos2(self.x(at.x, |column| (column.left + column.moved_by, column.right + column.moved_by), |column| (column.left, column.right)), at.y / self.rows)
    }

    /// Columns are moved as they are, and what is between two of them in proportion.
    fn x(&self, at: f32, here: impl Fn(&Column) -> (f32, f32), there: impl Fn(&Column) -> (f32, f32)) -> f32 {
        let next = self.columns.partition_point(|column| here(column).1 < at);
        let inside = |column: &Column| at - here(column).0 + there(column).0;
        match (next.checked_sub(1).and_then(|before| self.columns.get(before)), self.columns.get(next)) {
            (None, None) => at,
            (Some(before), None) => inside(before),
            (_, Some(column)) if here(column).0 <= at => inside(column),
            (None, Some(column)) => inside(column),
            (Some(before), Some(column)) => {
                let (from, to) = (here(before).1, here(column).0);
                let share = (at - from) / (to - from).max(f32::EPSILON);
                egui::lerp(there(before).1..=there(column).0, share)
            }
        }
    }
}

/// What is left of the room between two columns where that shrinks, or grows, to a share of itself.
fn room_between(between: f32, gaps: f32) -> f32 {
    let is_kept = between >= WIDE_GAP && gaps < 1.0;
    between * if is_kept { (gaps / WIDE_GAP_FROM).min(1.0) } else { gaps }
}

/// The most between two bounds with which all fits; the least if it never does.
fn most(min: f32, max: f32, fits: impl Fn(f32) -> bool) -> f32 {
    const STEPS: usize = 40;
    let at = |step: usize| egui::lerp(min..=max, step as f32 / STEPS as f32);
    (0..=STEPS).map(at).take_while(|at| fits(*at)).last().unwrap_or(min)
}

/// What boxes cover from left to right.
fn columns(rects: &[Rect]) -> Vec<Column> {
    let mut spans: Vec<(f32, f32)> = rects.iter().map(|rect| (rect.left(), rect.right())).collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut columns: Vec<Column> = Vec::new();
    for (left, right) in spans {
        match columns.last_mut() {
            Some(last) if left <= last.right + 0.5 => last.right = last.right.max(right),
            _ => columns.push(Column { left, right, moved_by: 0.0 }),
        }
    }
    columns
}

/// How near rows may come to each other: no two boxes of a column touch.
fn rows_min(rects: &[Rect]) -> f32 {
    let beside = |a: &Rect, b: &Rect| a.left() < b.right() && b.left() < a.right();
    let needed = |a: &Rect, b: &Rect| (f32::midpoint(a.height(), b.height()) + ROW_ROOM) / (a.center().y - b.center().y).abs().max(1.0);
    let pairs = rects.iter().enumerate().flat_map(|(index, a)| rects[..index].iter().map(move |b| (a, b)));
    pairs.filter(|(a, b)| beside(a, b)).map(|(a, b)| needed(a, b)).fold(0.5, f32::max).min(1.0)
}

#[cfg(test)]
mod tests {
    use egui::vec2;
    use proptest::prelude::*;
    use switchboard_engine::view::NodeId;

    use super::*;
    use crate::views::map::place::overlaps;

    fn layout(rects: Vec<Rect>) -> Layout {
        Layout { rects: rects.into_iter().enumerate().map(|(number, rect)| (NodeId(number as u32), rect)).collect(), ..Layout::default() }
    }

    fn size(layout: &Layout) -> Vec2 {
        layout.rects.values().copied().reduce(Rect::union).map_or(Vec2::ZERO, |bounds| bounds.size())
    }

    prop_compose! {
        fn layouts()(cells in prop::collection::btree_set((0_u8..8, 0_u8..6), 1..30), widths in prop::collection::vec(60_u8..250, 30)) -> Layout {
            layout(cells.into_iter().zip(widths).map(|((x, y), width)| {
                Rect::from_center_size(pos2(f32::from(x) * 300.0, f32::from(y) * 90.0), vec2(f32::from(width), 46.0))
            }).collect())
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn boxes_keep_their_size_and_order_and_never_overlap(layout in layouts(), room in (200.0_f32..2500.0, 150.0_f32..1400.0)) {
            let spread = Spread::of(&layout, vec2(30.0, 30.0), vec2(room.0, room.1));
            let looked_at = spread.apply(&layout);
            prop_assert_eq!(overlaps(&looked_at.rects), vec![]);
            for (node_id, rect) in &layout.rects {
                let now = looked_at.rects[node_id];
                prop_assert!((now.size() - rect.size()).length() < 0.01);
                prop_assert!(spread.in_layout(now.center()).distance(rect.center()) < 0.05, "there and back");
                for (other, before) in &layout.rects {
                    prop_assert!(before.right() > rect.left() || looked_at.rects[other].right() < now.left() + 0.01, "the order of columns");
                }
            }
        }
    }

    #[test]
    fn free_height_goes_between_rows_and_a_narrow_pane_takes_from_between_columns() {
        let rects = (0..6).flat_map(|x| (0..3).map(move |y| Rect::from_center_size(pos2(x as f32 * 200.0, y as f32 * 98.0), vec2(140.0, 46.0)))).collect();
        let layout = layout(rects);
        let laid_out = size(&layout);
        let looked_at = |room: Vec2| size(&Spread::of(&layout, Vec2::ZERO, room).apply(&layout));
        let high = looked_at(vec2(1140.0, 700.0));
        assert!(high.y > laid_out.y * 1.8 && (high.x - laid_out.x).abs() < 1.0, "{high:?}");
        let narrow = looked_at(vec2(600.0, 700.0));
        assert!(narrow.x < laid_out.x * 0.85 && narrow.y > laid_out.y * 1.5, "{narrow:?}");
        let low = looked_at(vec2(3000.0, 300.0));
        assert!(low.x > laid_out.x * 1.1 && low.y < laid_out.y, "{low:?}");
    }

    #[test]
    fn a_large_map_is_looked_at_as_it_was_laid_out() {
        let rects = (0..200).map(|n| Rect::from_center_size(pos2((n % 20) as f32 * 200.0, (n / 20) as f32 * 98.0), vec2(140.0, 46.0))).collect();
        let layout = layout(rects);
        assert_eq!(Spread::of(&layout, Vec2::ZERO, vec2(800.0, 800.0)).apply(&layout), layout);
    }
}
