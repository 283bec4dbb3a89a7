//! The axis of a chart over time: it is as long as what is known, in steps, and ends now. Pure, but for its head and its hair line.

use egui::{Align2, Rangef, Rect, Stroke, pos2};

use crate::{
    figures, fonts,
    theme::{DesignTokens, Ink, TEXT_MIN_PT, TEXT_SMALL_PT},
};

const SECOND_NS: i64 = 1_000_000_000;
const MINUTE_NS: i64 = 60 * SECOND_NS;
/// How long an axis may be, ns: it grows from one to the next as data come, not with each second.
const LENGTHS_NS: [i64; 5] = [MINUTE_NS, 2 * MINUTE_NS, 5 * MINUTE_NS, 10 * MINUTE_NS, 15 * MINUTE_NS];
/// How far apart marks may be, ns.
const MARKS_NS: [i64; 7] = [10 * SECOND_NS, 15 * SECOND_NS, 30 * SECOND_NS, MINUTE_NS, 2 * MINUTE_NS, 5 * MINUTE_NS, 15 * MINUTE_NS];
/// Marks are at least so far apart that each has room for its words, points.
const MARK_GAP_PT: f32 = 52.0;
/// The axis of charts that reach back as far as is kept, ns.
pub(crate) const WHOLE_NS: i64 = 15 * MINUTE_NS;

/// A time axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeAxis {
    /// Where it begins, ns since the Unix epoch.
    pub from_ns: i64,
    /// Where it ends.
    pub to_ns: i64,
}

/// A mark on an axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mark {
    /// Where, points.
    pub x: f32,
    /// How long before the end, in words: `30 s`, `2 min`, `now`.
    pub words: String,
}

impl TimeAxis {
    /// The axis of what is known since an instant, up to another; it is no longer than `most_ns`, and where nothing is known as short as
    /// may be.
    pub(crate) fn of(first_ns: Option<i64>, to_ns: i64, most_ns: i64) -> Self {
        let known_ns = first_ns.map_or(0, |first_ns| to_ns.saturating_sub(first_ns));
        let length_ns = LENGTHS_NS.into_iter().find(|length_ns| *length_ns >= known_ns).unwrap_or(most_ns).min(most_ns);
        Self { from_ns: to_ns.saturating_sub(length_ns), to_ns }
    }

    /// How long it is, ns; never 0.
    pub(crate) fn length_ns(self) -> i64 {
        self.to_ns.saturating_sub(self.from_ns).max(1)
    }

    /// Its length in words: `last 2 min`.
    pub(crate) fn words(self) -> String {
        format!("last {}", figures::age(self.length_ns()))
    }

    /// Where an instant stands in a room.
    pub(crate) fn x(self, room: Rangef, at_ns: i64) -> f32 {
        let share = (i128::from(at_ns) - i128::from(self.from_ns)) as f64 / self.length_ns() as f64;
        room.min + share.clamp(0.0, 1.0) as f32 * room.span()
    }

    /// The instant that stands there.
    pub(crate) fn at_ns(self, room: Rangef, x: f32) -> i64 {
        let share = if room.span() > 0.0 { ((x - room.min) / room.span()).clamp(0.0, 1.0) } else { 1.0 };
        self.from_ns.saturating_add((f64::from(share) * self.length_ns() as f64) as i64)
    }

    /// Its marks, as many as find room, the last at its end.
    pub(crate) fn marks(self, room: Rangef) -> Vec<Mark> {
        let length_ns = self.length_ns();
        let gap_pt = |apart_ns: i64| room.span() * apart_ns as f32 / length_ns as f32;
        let apart_ns = MARKS_NS.into_iter().find(|apart_ns| length_ns % apart_ns == 0 && gap_pt(*apart_ns) >= MARK_GAP_PT).unwrap_or(length_ns);
        (0..=length_ns / apart_ns)
            .rev()
            .map(|step| {
                let back_ns = step * apart_ns;
                let words = match back_ns {
                    0 => "now".to_owned(),
                    ns if ns % MINUTE_NS == 0 => format!("{} min", ns / MINUTE_NS),
                    ns => format!("{} s", ns / SECOND_NS),
                };
                Mark { x: self.x(room, self.to_ns.saturating_sub(back_ns)), words }
            })
            .collect()
    }
}

/// Draws the axis of a column of strips once, in the heading above them: its name at the left, its marks where the strips have them.
pub(crate) fn head_ui(painter: &egui::Painter, room: Rect, axis: TimeAxis, name: &str, tokens: &DesignTokens) {
    let color = tokens.ink(Ink::Dim);
    let text = if name.is_empty() { axis.words() } else { format!("{name}, {}", axis.words()) };
    let painter = painter.with_clip_rect(room.expand2(egui::vec2(1.0, 0.0)).intersect(painter.clip_rect()));
    let named = painter.text(room.left_center(), Align2::LEFT_CENTER, text, fonts::words(TEXT_SMALL_PT), color);
    marks_ui(&painter, room.x_range(), (room.bottom() - 1.0, -4.0), axis, tokens);
    let mut free_to = room.right();
    for mark in axis.marks(room.x_range()).iter().rev() {
        let galley = painter.layout_no_wrap(mark.words.clone(), fonts::words(TEXT_MIN_PT), tokens.ink(Ink::Faint));
        let left = (mark.x - galley.size().x / 2.0).min(room.right() - galley.size().x);
        if left > named.right() + 10.0 && left + galley.size().x <= free_to {
            free_to = left - 8.0;
            painter.galley(pos2(left, room.center().y - galley.size().y / 2.0), galley, tokens.ink(Ink::Faint));
        }
    }
}

/// Draws the marks as short lines from a height on.
fn marks_ui(painter: &egui::Painter, room: Rangef, (y, length): (f32, f32), axis: TimeAxis, tokens: &DesignTokens) {
    for mark in axis.marks(room) {
        let x = mark.x.clamp(room.min + 0.5, room.max - 0.5);
        painter.vline(x, Rangef::new(y.min(y + length), y.max(y + length)), Stroke::new(1.0, tokens.ink(Ink::Edge)));
    }
}

/// Room that [`foot_ui`] takes, points.
pub(crate) const FOOT_PT: f32 = 18.0;

/// Draws marks and their words below a chart.
pub(crate) fn foot_ui(painter: &egui::Painter, room: Rangef, top: f32, axis: TimeAxis, tokens: &DesignTokens) {
    marks_ui(painter, room, (top, 3.0), axis, tokens);
    for mark in axis.marks(room) {
        let galley = painter.layout_no_wrap(mark.words, fonts::words(TEXT_MIN_PT), tokens.ink(Ink::Faint));
        let left = (mark.x - galley.size().x / 2.0).min(room.max - galley.size().x).max(room.min);
        painter.galley(pos2(left, top + 4.0), galley, tokens.ink(Ink::Faint));
    }
}

/// Draws the line through what the pointer rests on.
pub(crate) fn hair_ui(painter: &egui::Painter, x: f32, y: Rangef, tokens: &DesignTokens) {
    painter.vline(x, y, Stroke::new(1.0, tokens.ink(Ink::Dim)));
}

/// Says beside the pointer what it rests on.
pub(crate) fn told_ui(ctx: &egui::Context, layer: egui::LayerId, id: egui::Id, words: &str) {
    egui::Tooltip::always_open(ctx.clone(), layer, id, egui::PopupAnchor::Pointer).gap(14.0).show(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        for line in words.lines() {
            ui.label(line);
        }
    });
}

/// An instant in words: when, and how long before the end of an axis.
pub(crate) fn instant_words(at_ns: i64, axis: TimeAxis) -> String {
    let ago_ns = axis.to_ns.saturating_sub(at_ns);
    let at = figures::when(at_ns, axis.to_ns).to_s();
    if ago_ns < SECOND_NS { at } else { format!("{at}, {} ago", figures::age(ago_ns)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_NS: i64 = 1_700_000_000 * SECOND_NS;

    #[test]
    fn an_axis_begins_where_data_begin_and_grows_in_steps() {
        for (known_s, length_min) in [(0, 1), (12, 1), (60, 1), (61, 2), (120, 2), (121, 5), (299, 5), (301, 10), (600, 10), (601, 15), (900, 15), (90_000, 15)]
        {
            let axis = TimeAxis::of(Some(NOW_NS - known_s * SECOND_NS), NOW_NS, WHOLE_NS);
            assert_eq!((axis.length_ns() / MINUTE_NS, axis.to_ns), (length_min, NOW_NS), "{known_s} s");
        }
        assert_eq!(TimeAxis::of(None, NOW_NS, WHOLE_NS).words(), "last 1 min");
        assert_eq!(TimeAxis::of(Some(NOW_NS - 130 * SECOND_NS), NOW_NS, WHOLE_NS).words(), "last 5 min");
        assert_eq!(TimeAxis::of(Some(0), NOW_NS, 5 * MINUTE_NS).words(), "last 5 min", "no longer than is asked for");
        assert_eq!(TimeAxis::of(Some(NOW_NS + 7), NOW_NS, WHOLE_NS).length_ns(), MINUTE_NS, "what is to come is no data");
        assert!(TimeAxis::of(Some(i64::MAX), i64::MIN, WHOLE_NS).length_ns() > 0, "no overflow");
    }

    #[test]
    fn a_longer_chart_has_more_marks_and_each_stands_where_its_instant_does() {
        for (length_min, width, words) in [
            (1, 86.0, vec!["1 min", "now"]),
            (1, 400.0, vec!["1 min", "50 s", "40 s", "30 s", "20 s", "10 s", "now"]),
            (2, 300.0, vec!["2 min", "90 s", "1 min", "30 s", "now"]),
            (5, 340.0, vec!["5 min", "4 min", "3 min", "2 min", "1 min", "now"]),
            (10, 120.0, vec!["10 min", "5 min", "now"]),
            (15, 320.0, vec!["15 min", "10 min", "5 min", "now"]),
            (15, 20.0, vec!["15 min", "now"]),
        ] {
            let axis = TimeAxis { from_ns: NOW_NS - length_min * MINUTE_NS, to_ns: NOW_NS };
            let room = Rangef::new(100.0, 100.0 + width);
            let marks = axis.marks(room);
            assert_eq!(marks.iter().map(|mark| mark.words.as_str()).collect::<Vec<_>>(), words, "{length_min} min in {width} pt");
            assert_eq!((marks[0].x, marks[marks.len() - 1].x), (room.min, room.max));
            for mark in marks {
                let back = axis.to_ns - axis.at_ns(room, mark.x);
                assert!((axis.x(room, axis.to_ns - back) - mark.x).abs() < 0.01, "{mark:?}");
            }
        }
    }

    #[test]
    fn a_place_on_the_axis_is_an_instant_and_back_again() {
        let axis = TimeAxis { from_ns: NOW_NS - 2 * MINUTE_NS, to_ns: NOW_NS };
        let room = Rangef::new(10.0, 130.0);
        assert!((axis.x(room, NOW_NS - MINUTE_NS) - 70.0).abs() < 0.01);
        assert_eq!((NOW_NS - axis.at_ns(room, 70.0)) / SECOND_NS, 60);
        assert_eq!((axis.x(room, 0), axis.x(room, i64::MAX)), (10.0, 130.0), "what lies outside stands at the end");
        assert_eq!((axis.at_ns(room, -5.0), axis.at_ns(room, 500.0)), (axis.from_ns, axis.to_ns));
        assert_eq!(axis.at_ns(Rangef::new(5.0, 5.0), 5.0), axis.to_ns, "without any room");
    }
}
