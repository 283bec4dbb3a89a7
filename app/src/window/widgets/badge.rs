//! A sign with its number, on a row: never colour alone.

use egui::{Color32, Rect, pos2};

use crate::window::{
    fonts,
    map::{glyph, paint::tone_inks, scene::Badge},
    theme::DesignTokens,
};

/// Radius of the sign, points.
const SIGN_PT: f32 = 4.5;

/// Paints a badge at the left end of a room; where it ends.
pub(crate) fn paint(painter: &egui::Painter, room: Rect, badge: &Badge, tokens: &DesignTokens) -> f32 {
    let color: Color32 = tokens.ink(tone_inks(badge.tone).0);
    glyph::paint(painter, badge.glyph, pos2(room.left() + SIGN_PT, room.center().y), SIGN_PT, color);
    let left = room.left() + 2.0 * SIGN_PT + 6.0;
    let mut job = egui::text::LayoutJob::simple_singleline(badge.text.clone(), fonts::words(12.5), color);
    job.wrap = egui::text::TextWrapping::truncate_at_width((room.right() - left).max(0.0));
    let galley = painter.layout_job(job);
    let end = left + galley.size().x;
    painter.galley(pos2(left, room.center().y - galley.size().y / 2.0), galley, color);
    end
}
