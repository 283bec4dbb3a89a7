//! The columns of a table, and where they stand.

use egui::Rect;

/// Room left and right of the cells, points.
pub(super) const MARGIN_PT: f32 = 18.0;
/// Room between two columns, points.
const GAP_PT: f32 = 14.0;

/// How wide a column is, where its cells need no more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Width {
    /// That many points.
    Points(f32),
    /// That many parts of what the others leave.
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
    /// Whether its heading is drawn by the view: an axis.
    pub is_headed_by_view: bool,
}

impl Column {
    /// A column of words.
    pub(crate) const fn left(title: &'static str, width: Width) -> Self {
        Self { title, width, right: false, sorts: false, whole: false, is_headed_by_view: false }
    }

    /// A column of figures: they are never cut.
    pub(crate) const fn right(title: &'static str, width: Width) -> Self {
        Self { title, width, right: true, sorts: false, whole: true, is_headed_by_view: false }
    }

    /// The same, and its cells are never cut: words of state, times of day.
    pub(crate) const fn whole(self) -> Self {
        Self { whole: true, ..self }
    }

    /// The same, and the view draws its heading.
    pub(crate) const fn headed_by_view(self) -> Self {
        Self { is_headed_by_view: true, ..self }
    }

    /// The same, and its heading can be clicked.
    pub(crate) const fn sorting(self) -> Self {
        Self { sorts: true, ..self }
    }
}

/// Left and right edge of each column; none is narrower than what it needs, as far as there is room.
pub(super) fn edges(columns: &[Column], needs: &[f32], room: Rect) -> Vec<(f32, f32)> {
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
    use egui::{pos2, vec2};

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
}
