//! The columns of a table, and where they stand.

use egui::Rect;

/// Room left and right of the cells, points.
pub(super) const MARGIN_PT: f32 = 18.0;
/// Room between two columns, points.
const GAP_PT: f32 = 14.0;
/// Names are never narrower while another column that shares has more than it must have, points.
const NAME_PT: f32 = 90.0;
/// No column is narrower while there is room, points.
const LEAST_PT: f32 = 40.0;

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
    /// Whether it is as wide as the widest of its cells in view, and others give way.
    pub whole: bool,
    /// Whether its heading is drawn by the view: an axis.
    pub is_headed_by_view: bool,
}

impl Column {
    /// A column of words.
    pub(crate) const fn left(title: &'static str, width: Width) -> Self {
        Self { title, width, right: false, whole: false, is_headed_by_view: false }
    }

    /// A column of figures: they are never cut.
    pub(crate) const fn right(title: &'static str, width: Width) -> Self {
        Self { title, width, right: true, whole: true, is_headed_by_view: false }
    }

    /// The same, and its cells are never cut: words of state, times of day.
    pub(crate) const fn whole(self) -> Self {
        Self { whole: true, ..self }
    }

    /// The same, and the view draws its heading.
    pub(crate) const fn headed_by_view(self) -> Self {
        Self { is_headed_by_view: true, ..self }
    }

    fn is_sharing(&self) -> bool {
        matches!(self.width, Width::Share(_))
    }
}

/// Left and right edge of each column. None is narrower than what it needs, as far as there is room; `given` are widths that the user gave, and
/// hold whatever is needed. Names give way, but not to nothing.
pub(super) fn edges(columns: &[Column], needs: &[f32], given: &[Option<f32>], room: Rect) -> Vec<(f32, f32)> {
    let gaps = GAP_PT * columns.len().saturating_sub(1) as f32;
    let free = (room.width() - 2.0 * MARGIN_PT - gaps).max(0.0);
    let given = |index: usize| given.get(index).copied().flatten();
    let need = |index: usize| if given(index).is_some() { 0.0 } else { needs.get(index).copied().unwrap_or(0.0) };
    let name = columns.iter().position(Column::is_sharing);
    // As wide as it is where there is hardly room.
    let least = |index: usize| match columns[index].width {
        Width::Points(width) => given(index).unwrap_or(width).min(LEAST_PT),
        Width::Share(_) if name == Some(index) && given(index).is_none() => NAME_PT,
        Width::Share(_) => LEAST_PT,
    };
    let share = |index: usize| match columns[index].width {
        Width::Points(_) => 0.0,
        Width::Share(share) => given(index).unwrap_or(share),
    };
    let fixed = |(index, column): (usize, &Column)| match column.width {
        Width::Points(width) => Some(given(index).unwrap_or_else(|| width.max(need(index)))),
        Width::Share(_) => None,
    };
    let mut widths: Vec<Option<f32>> = columns.iter().enumerate().map(fixed).collect();
    // Those whose share is too little are as wide as they need to be, and the others share what is left.
    let per_share = loop {
        let taken: f32 = widths.iter().flatten().sum();
        let sharing = || (0..columns.len()).filter(|index| widths[*index].is_none());
        let shares: f32 = sharing().map(share).sum();
        let per_share = if shares > 0.0 { ((free - taken) / shares).max(0.0) } else { 0.0 };
        let lacks = |index: &usize| need(*index).max(least(*index)) > share(*index) * per_share + 0.01;
        let lacking = sharing().find(lacks);
        match lacking {
            Some(index) => widths[index] = Some(need(index).max(least(index))),
            None => break per_share,
        }
    };
    let mut widths: Vec<f32> = widths.into_iter().enumerate().map(|(index, width)| width.unwrap_or_else(|| share(index) * per_share)).collect();
    // Where that is too much, those give first that share with the names, then the names, then the others; at last all are narrowed alike.
    let sharing = |index: usize| columns[index].is_sharing() && name != Some(index);
    for stage in 0..4 {
        let floor = |(index, width): (usize, &f32)| match stage {
            0 if sharing(index) => least(index),
            1 if columns[index].is_sharing() => LEAST_PT,
            0 | 1 => *width,
            2 => least(index).min(LEAST_PT),
            _ => 0.0,
        };
        let floors: Vec<f32> = widths.iter().enumerate().map(floor).collect();
        narrow(&mut widths, &floors, free);
    }
    let mut left = room.left() + MARGIN_PT;
    let mut edges = Vec::with_capacity(columns.len());
    for width in widths {
        edges.push((left, left + width));
        left += width + GAP_PT;
    }
    edges
}

/// Takes what is too much from those that have more than their floor, in proportion to it.
fn narrow(widths: &mut [f32], floors: &[f32], free: f32) {
    let over = widths.iter().sum::<f32>() - free;
    let spare: f32 = widths.iter().zip(floors).map(|(width, floor)| (width - floor).max(0.0)).sum();
    if over <= 0.0 || spare <= 0.0 {
        return;
    }
    let part = (over / spare).min(1.0);
    for (width, floor) in widths.iter_mut().zip(floors) {
        *width -= (*width - floor).max(0.0) * part;
    }
}

/// The middle of the gap right of a column, where its width is taken hold of.
pub(super) fn grip_x(edges: &[(f32, f32)], index: usize) -> f32 {
    edges[index].1 + GAP_PT / 2.0
}

/// The widths that hold once the grip right of a column is at `x`: its own and its neighbour's change, and neither vanishes. All columns that share
/// are among them, for their shares are of one another.
pub(super) fn moved(columns: &[Column], edges: &[(f32, f32)], index: usize, x: f32) -> Vec<(usize, f32)> {
    let mut widths: Vec<f32> = edges.iter().map(|(left, right)| right - left).collect();
    let both = widths[index] + widths[index + 1];
    // One that came narrower is as narrow.
    let (least, least_next) = (LEAST_PT.min(widths[index]), LEAST_PT.min(widths[index + 1]));
    widths[index] = (x - GAP_PT / 2.0 - edges[index].0).max(least).min(both - least_next);
    widths[index + 1] = both - widths[index];
    let (mut shares, mut shared) = (0.0, 0.0);
    for (column, width) in columns.iter().zip(&widths) {
        if let Width::Share(share) = column.width {
            shares += share;
            shared += width;
        }
    }
    let width = |place: usize| match columns[place].width {
        Width::Points(_) => (index..=index + 1).contains(&place).then_some(widths[place]),
        Width::Share(_) => Some(widths[place] * shares / f32::max(shared, 1.0)),
    };
    (0..columns.len()).filter_map(|place| Some((place, width(place)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::{pos2, vec2};

    #[test]
    fn columns_share_what_the_fixed_ones_leave_and_shrink_where_nothing_is_left() {
        let columns = [Column::left("name", Width::Share(1.0)), Column::right("lag", Width::Points(80.0)), Column::left("why", Width::Share(2.0))];
        let room = |width: f32| Rect::from_min_size(pos2(0.0, 0.0), vec2(width, 100.0));
        let wide = edges(&columns, &[], &[], room(444.0));
        assert_eq!(wide, [(18.0, 118.0), (132.0, 212.0), (226.0, 426.0)]);
        let narrow = edges(&columns, &[], &[], room(100.0));
        assert!(narrow.iter().all(|(left, right)| left <= right && *right <= 100.0), "{narrow:?}");
    }

    #[test]
    fn a_column_has_what_it_needs_and_names_give_way() {
        let columns = [Column::left("name", Width::Share(1.0)), Column::right("lag", Width::Points(80.0)), Column::left("why", Width::Share(2.0))];
        let room = |width: f32| Rect::from_min_size(pos2(0.0, 0.0), vec2(width, 100.0));
        for (name, needs, edges_pt) in [
            ("less than it has", [0.0, 60.0, 150.0], [(18.0, 118.0), (132.0, 212.0), (226.0, 426.0)]),
            ("a wider figure", [0.0, 110.0, 0.0], [(18.0, 108.0), (122.0, 232.0), (246.0, 426.0)]),
            ("a wider word", [0.0, 0.0, 210.0], [(18.0, 108.0), (122.0, 202.0), (216.0, 426.0)]),
            ("more than there is beside a name", [0.0, 0.0, 240.0], [(18.0, 108.0), (122.0, 202.0), (216.0, 426.0)]),
            ("both", [0.0, 110.0, 260.0], [(18.0, 108.0), (122.0, 232.0), (246.0, 426.0)]),
        ] {
            assert_eq!(edges(&columns, &needs, &[], room(444.0)), edges_pt, "{name}");
        }
        let narrow = edges(&columns, &[0.0, 110.0, 260.0], &[], room(300.0));
        assert!(narrow.iter().all(|(left, right)| left <= right && *right <= 283.0), "{narrow:?}");
    }

    #[test]
    fn names_keep_their_least_room_before_others_lose_theirs() {
        let columns = [
            Column::left("source", Width::Share(0.9)),
            Column::left("kind", Width::Points(96.0)).whole(),
            Column::right("received", Width::Points(84.0)),
            Column::left("what it says", Width::Share(1.4)),
        ];
        for (width, least) in [(300.0, 35.0), (420.0, NAME_PT), (480.0, NAME_PT), (700.0, NAME_PT)] {
            let edges = edges(&columns, &[0.0, 120.0, 0.0, 200.0], &[], Rect::from_min_size(pos2(0.0, 0.0), vec2(width, 100.0)));
            let name = edges[0].1 - edges[0].0;
            assert!(name > least - 0.1, "{name} of {width}: {edges:?}");
            assert!(edges.iter().all(|(left, right)| right - left > 35.0 && *right < width - MARGIN_PT + 0.1), "{edges:?}");
        }
    }

    #[test]
    fn an_edge_that_is_dragged_stands_where_it_was_left_and_no_column_vanishes() {
        let columns = [
            Column::left("name", Width::Share(1.0)),
            Column::right("lag", Width::Points(80.0)),
            Column::left("why", Width::Share(2.0)),
            Column::left("more", Width::Share(1.0)),
        ];
        let room = Rect::from_min_size(pos2(0.0, 0.0), vec2(700.0, 100.0));
        let before = edges(&columns, &[0.0, 90.0, 0.0, 0.0], &[], room);
        for index in 0..columns.len() - 1 {
            for x in [-500.0, before[index].0 + 60.0, grip_x(&before, index), before[index + 1].1 - 50.0, 5_000.0] {
                let mut given = [None; 4];
                for (place, width) in moved(&columns, &before, index, x) {
                    given[place] = Some(width);
                }
                let after = edges(&columns, &[0.0, 90.0, 0.0, 0.0], &given, room);
                let inside = x.clamp(before[index].0 + LEAST_PT + GAP_PT / 2.0, before[index + 1].1 - LEAST_PT - GAP_PT / 2.0);
                assert!((grip_x(&after, index) - inside).abs() < 0.1, "grip {index} to {x}: {after:?}");
                for (place, (was, is)) in before.iter().zip(&after).enumerate() {
                    let stays = if place == index || place == index + 1 { was.0.max(is.0) > 0.0 } else { (was.0 - is.0).abs() + (was.1 - is.1).abs() < 0.1 };
                    assert!(stays, "grip {index} to {x} moved column {place}: {before:?}, {after:?}");
                    assert!(is.1 - is.0 > LEAST_PT - 0.1, "{after:?}");
                }
                // In another window they share as they did, and all find room.
                let narrow = edges(&columns, &[], &given, Rect::from_min_size(pos2(0.0, 0.0), vec2(420.0, 100.0)));
                assert!(narrow.iter().all(|(left, right)| right - left > 20.0 && *right < 402.1), "{narrow:?}");
            }
        }
    }
}
