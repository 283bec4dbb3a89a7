//! A line of a few words' width: how a figure went. Gaps where it is unknown.

use egui::{Pos2, Rect, Shape, Stroke, pos2};

/// A run of known values, left to right.
pub(crate) type Run = Vec<Pos2>;

/// Lays out values over time into a rectangle: the lowest is 0, the highest the largest value. Several values in one column
/// of a point's width become their largest, so that no peak is lost; a column without any known value is a gap.
pub(crate) fn runs(rect: Rect, from_ns: i64, to_ns: i64, values: impl IntoIterator<Item = (i64, Option<f64>)>) -> Vec<Run> {
    let num_columns = rect.width().floor().max(1.0) as usize;
    let span_ns = (i128::from(to_ns) - i128::from(from_ns)).max(1) as f64;
    let mut columns: Vec<Option<Option<f64>>> = vec![None; num_columns];
    for (at_ns, value) in values {
        if at_ns < from_ns || at_ns > to_ns {
            continue;
        }
        let share = (i128::from(at_ns) - i128::from(from_ns)) as f64 / span_ns;
        let column = ((share * num_columns as f64) as usize).min(num_columns - 1);
        let value = value.filter(|value| value.is_finite()).map(|value| value.max(0.0));
        let known = &mut columns[column];
        *known = Some(match (known.flatten(), value) {
            (Some(one), Some(other)) => Some(f64::max(one, other)),
            (one, other) => one.or(other),
        });
    }
    let largest = columns.iter().flatten().flatten().fold(0.0, |largest, value| f64::max(largest, *value));
    let y = |value: f64| {
        let share = if largest > 0.0 { (value / largest) as f32 } else { 0.0 };
        rect.bottom() - 1.0 - share * (rect.height() - 2.0)
    };
    let mut runs = Vec::new();
    let mut run = Run::new();
    for (column, known) in columns.into_iter().enumerate() {
        match known {
            Some(Some(value)) => run.push(pos2(rect.left() + (column as f32 + 0.5) * rect.width() / num_columns as f32, y(value))),
            // Told to be unknown: the line is broken. Not told of at all: between two samples.
            Some(None) if !run.is_empty() => runs.push(std::mem::take(&mut run)),
            Some(None) | None => {}
        }
    }
    if !run.is_empty() {
        runs.push(run);
    }
    runs
}

/// Paints the runs; one of a single value is a dot.
pub(crate) fn paint(painter: &egui::Painter, runs: Vec<Run>, color: egui::Color32) {
    for run in runs {
        match run.as_slice() {
            [only] => drop(painter.circle_filled(*only, 1.3, color)),
            _ => drop(painter.add(Shape::line(run, Stroke::new(1.3, color)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::vec2;

    fn room() -> Rect {
        Rect::from_min_size(pos2(10.0, 10.0), vec2(100.0, 20.0))
    }

    #[test]
    fn the_largest_value_touches_the_top_and_nothing_the_bottom() {
        let runs = runs(room(), 0, 100, [(0, Some(0.0)), (50, Some(8.0)), (100, Some(4.0))]);
        assert_eq!(runs.len(), 1);
        let ys: Vec<f32> = runs[0].iter().map(|point| point.y).collect();
        assert_eq!(ys, [29.0, 11.0, 20.0]);
        assert!(runs[0].windows(2).all(|pair| pair[0].x < pair[1].x));
    }

    #[test]
    fn what_is_unknown_breaks_the_line() {
        let runs = runs(room(), 0, 100, [(0, Some(1.0)), (20, Some(2.0)), (40, None), (60, Some(f64::NAN)), (80, Some(2.0))]);
        assert_eq!(runs.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
        assert!(super::runs(room(), 0, 100, [(5, None)]).is_empty());
    }

    #[test]
    fn many_values_become_as_many_points_as_there_are_columns_and_keep_the_peak() {
        let runs = runs(room(), 0, 1_000_000, (0..1_000_000).map(|at| (at, Some(if at == 500_001 { 50.0 } else { 1.0 }))));
        assert_eq!(runs[0].len(), 100);
        assert_eq!(runs[0].iter().filter(|point| point.y < 12.0).count(), 1);
    }

    #[test]
    fn times_outside_and_turned_around_do_no_harm() {
        assert!(runs(room(), 100, 0, [(50, Some(1.0))]).is_empty());
        assert_eq!(runs(room(), i64::MIN, i64::MAX, [(0, Some(1.0))]).len(), 1);
        assert_eq!(runs(Rect::from_min_size(pos2(0.0, 0.0), vec2(0.0, 0.0)), 0, 1, [(0, Some(1.0))]).len(), 1);
    }
}
