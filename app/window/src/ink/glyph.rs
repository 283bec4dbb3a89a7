//! Small signs, drawn: they look the same everywhere and need no font.

use egui::{Color32, Painter, Pos2, Shape, Stroke, pos2, vec2};

/// A small drawn sign: never colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Glyph {
    /// Failures.
    Cross,
    /// Dead letters.
    Envelope,
    /// Lag grows.
    Rising,
    /// A group stands still.
    Stuck,
    /// Nobody reads.
    Nobody,
    /// A breaker is open.
    BreakerOpen,
    /// A breaker lets a few calls through.
    BreakerHalfOpen,
    /// A breaker is held open by hand.
    BreakerForced,
    /// A breaker's state is not known.
    BreakerUnknown,
    /// Not known.
    Question,
    /// As usual again.
    Check,
    /// Several things, told in words.
    Dot,
    /// A probe of ours fails.
    Probe,
}

/// Paints a sign in a circle of this radius.
pub(crate) fn paint(painter: &Painter, sign: Glyph, center: Pos2, radius: f32, color: Color32) {
    let stroke = Stroke::new(1.4, color);
    let at = |x: f32, y: f32| center + vec2(x, y) * radius;
    match sign {
        Glyph::Cross => {
            painter.line_segment([at(-0.7, -0.7), at(0.7, 0.7)], stroke);
            painter.line_segment([at(-0.7, 0.7), at(0.7, -0.7)], stroke);
        }
        Glyph::Envelope => {
            painter.add(Shape::closed_line(vec![at(-1.0, -0.75), at(1.0, -0.75), at(1.0, 0.75), at(-1.0, 0.75)], stroke));
            painter.line(vec![at(-1.0, -0.65), at(0.0, 0.2), at(1.0, -0.65)], stroke);
        }
        Glyph::Rising => drop(painter.add(Shape::convex_polygon(vec![at(0.0, -0.85), at(0.9, 0.7), at(-0.9, 0.7)], color, Stroke::NONE))),
        Glyph::Stuck => {
            painter.rect_filled(egui::Rect::from_min_max(at(-0.75, -0.8), at(-0.2, 0.8)), 0.0, color);
            painter.rect_filled(egui::Rect::from_min_max(at(0.2, -0.8), at(0.75, 0.8)), 0.0, color);
        }
        Glyph::Nobody => {
            painter.circle_stroke(center, radius * 0.85, stroke);
            painter.line_segment([at(-0.6, 0.6), at(0.6, -0.6)], stroke);
        }
        Glyph::BreakerOpen => ring(painter, center, radius, stroke, true),
        Glyph::BreakerHalfOpen => {
            painter.circle_stroke(center, radius * 0.9, stroke);
            let half: Vec<Pos2> = (0..=10).map(|step| turn(center, radius * 0.9, 0.25 + 0.05 * step as f32)).collect();
            painter.add(Shape::convex_polygon(half, color, Stroke::NONE));
        }
        Glyph::BreakerForced => {
            ring(painter, center, radius, stroke, true);
            painter.line_segment([at(-0.45, 0.0), at(0.45, 0.0)], stroke);
        }
        Glyph::BreakerUnknown => {
            ring(painter, center, radius, stroke, false);
            painter.circle_filled(center, radius * 0.22, color);
        }
        Glyph::Question => question(painter, center, radius, color),
        Glyph::Dot => drop(painter.circle_filled(center, radius * 0.6, color)),
        Glyph::Probe => {
            // Rings as of a call into the distance, and nothing comes back.
            painter.circle_filled(at(-0.7, 0.7), radius * 0.25, color);
            for reach in [0.75, 1.3] {
                let arc: Vec<Pos2> = (0..=6).map(|step| turn(at(-0.7, 0.7), radius * reach, 0.75 + 0.25 * step as f32 / 6.0)).collect();
                painter.line(arc, stroke);
            }
        }
        Glyph::Check => drop(painter.line(vec![at(-0.8, 0.05), at(-0.2, 0.65), at(0.85, -0.65)], stroke)),
    }
}

/// A ring; with gaps above and below it is an open breaker: nothing passes.
fn ring(painter: &Painter, center: Pos2, radius: f32, stroke: Stroke, gaps: bool) {
    if !gaps {
        painter.circle_stroke(center, radius * 0.9, stroke);
        return;
    }
    for middle in [0.0, 0.5] {
        let side: Vec<Pos2> = (0..=8).map(|step| turn(center, radius * 0.9, middle - 0.17 + 0.34 * step as f32 / 8.0)).collect();
        painter.line(side, stroke);
    }
    painter.line_segment([pos2(center.x, center.y - radius), pos2(center.x, center.y - radius * 0.35)], stroke);
    painter.line_segment([pos2(center.x, center.y + radius * 0.35), pos2(center.x, center.y + radius)], stroke);
}

fn turn(center: Pos2, radius: f32, share: f32) -> Pos2 {
    center + egui::Vec2::angled(share * std::f32::consts::TAU) * radius
}

/// A question mark.
pub(crate) fn question(painter: &Painter, center: Pos2, radius: f32, color: Color32) {
    let stroke = Stroke::new(1.4, color);
    let hook: Vec<Pos2> = (0..=8).map(|step| turn(center - vec2(0.0, radius * 0.4), radius * 0.55, 0.5 + 0.75 * step as f32 / 8.0)).collect();
    painter.line(hook, stroke);
    painter.line_segment([center + vec2(0.0, radius * 0.15), center + vec2(0.0, radius * 0.4)], stroke);
    painter.circle_filled(center + vec2(0.0, radius * 0.85), 0.9, color);
}

/// A person: whoever calls from outside.
pub(crate) fn person(painter: &Painter, center: Pos2, radius: f32, stroke: Stroke) {
    painter.circle_stroke(center - vec2(0.0, radius * 0.55), radius * 0.42, stroke);
    let shoulders: Vec<Pos2> = (0..=12)
        .map(|step| center + vec2(0.0, radius * 0.85) + egui::Vec2::angled((0.5 + 0.5 * step as f32 / 12.0) * std::f32::consts::TAU) * radius * 0.78)
        .collect();
    painter.line(shoulders, stroke);
}
