//! Draws how an answer differs from the one before.

use egui::{Rect, RichText, Sense, WidgetInfo, accesskit::Role, pos2, vec2};
use switchboard_desk::send::{Sent, SentId};

use super::compare::{DiffLine, compare};
use crate::{
    figures, fonts,
    sanitise::visible,
    theme::{DesignTokens, Ink, TEXT_SMALL_PT},
};

/// Height of a line, points.
const LINE_PT: f32 = 16.0;
/// Characters of a line.
const CHARS_MAX: usize = 400;

/// An answer and the one before, compared once.
#[derive(Default)]
pub(super) struct Comparison {
    /// Whether it is looked at.
    pub is_shown: bool,
    of: Option<[(SentId, usize); 2]>,
    lines: Vec<DiffLine>,
}

impl Comparison {
    /// Draws it.
    pub(super) fn ui(&mut self, ui: &mut egui::Ui, (before, sent): (&Sent, &Sent), now_ns: i64, height_pt: f32, tokens: &DesignTokens) {
        let key = |sent: &Sent| (sent.sent_id, sent.answer.body.len() + sent.answer.messages.len() + usize::from(sent.is_going()));
        let of = [key(before), key(sent)];
        if self.of != Some(of) {
            (self.of, self.lines) = (Some(of), compare(before, sent));
        }
        let text = format!("against the one at {}", figures::when(before.at_ns, now_ns).to_s());
        ui.label(RichText::new(text).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim)));
        ui.spacing_mut().item_spacing.y = 0.0;
        let area = egui::ScrollArea::vertical().id_salt("the one before").max_height(height_pt).auto_shrink([false, true]);
        area.show_rows(ui, LINE_PT, self.lines.len(), |ui, rows| {
            for line in &self.lines[rows] {
                line_ui(ui, line, tokens);
            }
        });
    }
}

fn line_ui(ui: &mut egui::Ui, line: &DiffLine, tokens: &DesignTokens) {
    let (sign, text, ink, words) = match line {
        DiffLine::Same(text) => (" ", text.clone(), Ink::Dim, ""),
        DiffLine::Gone(text) => ("−", text.clone(), Ink::Bad, "gone: "),
        DiffLine::New(text) => ("+", text.clone(), Ink::Good, "new: "),
        DiffLine::Alike(num) => ("", format!("{} alike", figures::things(*num as u64, "line", "lines")), Ink::Faint, ""),
        DiffLine::More(num) => ("", format!("and {} more", figures::things(*num as u64, "line", "lines")), Ink::Faint, ""),
    };
    let text = visible(&text.chars().take(CHARS_MAX).collect::<String>()).into_owned();
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), LINE_PT), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{words}{text}")));
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    if matches!(line, DiffLine::Gone(_) | DiffLine::New(_)) {
        let ground = Rect::from_min_max(rect.left_top(), pos2(rect.left() + 2.0, rect.bottom()));
        painter.rect_filled(ground, 0.0, tokens.ink(ink));
    }
    let font = fonts::data(12.0);
    painter.text(pos2(rect.left() + 8.0, rect.center().y), egui::Align2::LEFT_CENTER, sign, font.clone(), tokens.ink(ink));
    painter.text(pos2(rect.left() + 22.0, rect.center().y), egui::Align2::LEFT_CENTER, text, font, tokens.ink(ink));
}
