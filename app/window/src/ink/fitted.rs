//! Text in one line, cut in its middle where it finds no room.

use std::sync::Arc;

use egui::{
    Color32, FontId, Galley, Painter, TextFormat,
    text::{LayoutJob, TextWrapping},
};

use crate::sanitise;

/// The text in one line of at most this width, its middle left out where it is longer.
pub(crate) fn fitted(painter: &Painter, text: &str, font: &FontId, width: f32) -> Arc<Galley> {
    let whole = one_line(painter, text, font, TextWrapping::no_max_width());
    let whole_pt = whole.size().x;
    if whole_pt <= width { whole } else { cut_to(painter, text, font, width, whole_pt) }
}

/// The text in one line.
pub(crate) fn one_line(painter: &Painter, text: &str, font: &FontId, wrap: TextWrapping) -> Arc<Galley> {
    let mut job = LayoutJob::simple_format(text.to_owned(), TextFormat { font_id: font.clone(), color: Color32::PLACEHOLDER, ..TextFormat::default() });
    job.wrap = wrap;
    job.break_on_newline = false;
    painter.layout_job(job)
}

/// A text that takes `whole_pt` as a whole, cut in its middle to at most this width.
pub(crate) fn cut_to(painter: &Painter, text: &str, font: &FontId, width: f32, whole_pt: f32) -> Arc<Galley> {
    let most = (text.chars().count() as f32 * width / whole_pt).floor() as usize;
    let cut_at = |chars: usize| one_line(painter, &sanitise::elide_middle(text, chars), font, TextWrapping::no_max_width());
    let cut = sanitise::longest_fitting(most, |chars| Some(cut_at(chars)).filter(|cut| cut.size().x <= width));
    cut.unwrap_or_else(|| one_line(painter, &sanitise::elide_middle(text, 3), font, TextWrapping::truncate_at_width(width.max(8.0))))
}
