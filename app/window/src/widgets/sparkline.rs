//! A line of a few words' width: how a figure went. Gaps where it is unknown.

use egui::{Pos2, Rect, Shape, Stroke, pos2};

use super::time_axis::TimeAxis;

/// A value where it is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    /// Where.
    pub at: Pos2,
    /// When it was, ns since the Unix epoch.
    pub at_ns: i64,
    /// What it was.
    pub value: f64,
}

/// A run of known values, left to right.
pub(crate) type Run = Vec<Point>;

/// Lays out values over time into a rectangle: the lowest is 0, the highest the largest value. Of several values in one column
/// of a point's width the largest is kept, so that no peak is lost; a column without any known value is a gap.
pub(crate) fn runs(rect: Rect, axis: TimeAxis, values: impl IntoIterator<Item = (i64, Option<f64>)>) -> Vec<Run> {
    let num_columns = rect.width().floor().max(1.0) as usize;
    let mut columns: Vec<Option<Option<(i64, f64)>>> = vec![None; num_columns];
    for (at_ns, value) in values {
        if at_ns < axis.from_ns || at_ns > axis.to_ns {
            continue;
        }
        let column = ((axis.x(rect.x_range(), at_ns) - rect.left()) as usize).min(num_columns - 1);
        let value = value.filter(|value| value.is_finite()).map(|value| (at_ns, value.max(0.0)));
        let known = &mut columns[column];
        *known = Some(match (known.flatten(), value) {
            (Some(one), Some(other)) => Some(if one.1 > other.1 { one } else { other }),
            (one, other) => one.or(other),
        });
    }
    let largest = columns.iter().flatten().flatten().fold(0.0, |largest, (_, value)| f64::max(largest, *value));
    let y = |value: f64| {
        let share = if largest > 0.0 { (value / largest) as f32 } else { 0.0 };
        rect.bottom() - 1.0 - share * (rect.height() - 2.0)
    };
    let mut runs = Vec::new();
    let mut run = Run::new();
    for known in columns.into_iter().flatten() {
        match known {
            Some((at_ns, value)) => run.push(Point { at: pos2(axis.x(rect.x_range(), at_ns), y(value)), at_ns, value }),
            // Told to be unknown: the line is broken. Not told of at all: between two samples.
            None if !run.is_empty() => runs.push(std::mem::take(&mut run)),
            None => {}
        }
    }
    if !run.is_empty() {
        runs.push(run);
    }
    runs
}

/// The value that is drawn next to a place.
pub(crate) fn nearest(runs: &[Run], x: f32) -> Option<Point> {
    runs.iter().flatten().copied().min_by(|one, other| (one.at.x - x).abs().total_cmp(&(other.at.x - x).abs()))
}

/// Paints the runs; one of a single value is a dot.
pub(crate) fn paint(painter: &egui::Painter, runs: &[Run], color: egui::Color32) {
    for run in runs {
        match run.as_slice() {
            [only] => drop(painter.circle_filled(only.at, 1.3, color)),
            _ => drop(painter.add(Shape::line(run.iter().map(|point| point.at).collect(), Stroke::new(1.3, color)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::vec2;

    const fn axis(from_ns: i64, to_ns: i64) -> TimeAxis {
        TimeAxis { from_ns, to_ns }
    }

    fn room() -> Rect {
        Rect::from_min_size(pos2(10.0, 10.0), vec2(100.0, 20.0))
    }

    #[test]
    fn the_largest_value_touches_the_top_and_nothing_the_bottom() {
        let runs = runs(room(), axis(0, 100), [(0, Some(0.0)), (50, Some(8.0)), (100, Some(4.0))]);
        assert_eq!(runs.len(), 1);
        let ys: Vec<f32> = runs[0].iter().map(|point| point.at.y).collect();
        assert_eq!(ys, [29.0, 11.0, 20.0]);
        assert!(runs[0].windows(2).all(|pair| pair[0].at.x < pair[1].at.x));
    }

    #[test]
    fn what_is_unknown_breaks_the_line() {
        let runs = runs(room(), axis(0, 100), [(0, Some(1.0)), (20, Some(2.0)), (40, None), (60, Some(f64::NAN)), (80, Some(2.0))]);
        assert_eq!(runs.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
        assert!(super::runs(room(), axis(0, 100), [(5, None)]).is_empty());
    }

    #[test]
    fn many_values_become_as_many_points_as_there_are_columns_and_keep_the_peak() {
        let runs = runs(room(), axis(0, 1_000_000), (0..1_000_000).map(|at| (at, Some(if at == 500_001 { 50.0 } else { 1.0 }))));
        assert_eq!(runs[0].len(), 100);
        assert_eq!(runs[0].iter().filter(|point| point.at.y < 12.0).count(), 1);
    }

    #[test]
    fn times_outside_and_turned_around_do_no_harm() {
        assert!(runs(room(), axis(100, 0), [(50, Some(1.0))]).is_empty());
        assert_eq!(runs(room(), axis(i64::MIN, i64::MAX), [(0, Some(1.0))]).len(), 1);
        assert_eq!(runs(Rect::from_min_size(pos2(0.0, 0.0), vec2(0.0, 0.0)), axis(0, 1), [(0, Some(1.0))]).len(), 1);
    }

    #[test]
    fn what_is_pointed_at_is_the_value_that_is_drawn_there() {
        let axis = axis(0, 100);
        let runs = runs(room(), axis, [(0, Some(1.0)), (20, Some(2.0)), (40, None), (60, Some(3.0)), (60, Some(4.0))]);
        for (x, found) in [(0.0, (0, 1.0)), (24.0, (20, 2.0)), (49.0, (20, 2.0)), (51.0, (60, 4.0)), (400.0, (60, 4.0))] {
            let point = nearest(&runs, x).expect("there are values");
            assert_eq!((point.at_ns, point.value, point.at.x), (found.0, found.1, axis.x(room().x_range(), point.at_ns)), "{x}");
        }
        assert_eq!(nearest(&[], 0.0), None);
    }
}
