//! Draws a value: tabs for its forms, and only the lines in view.

use egui::{RichText, Sense, WidgetInfo, accesskit::Role, text::LayoutJob, vec2};

use super::{Form, JsonInk, Payload};
use crate::{
    fonts,
    theme::{DesignTokens, Ink, RADIUS_PT, TEXT_SMALL_PT},
    widgets::selectable::Texts,
};

/// Height of a line, points.
const LINE_PT: f32 = 17.0;
/// Width of a depth, points.
const INDENT_PT: f32 = 15.0;
/// Size of the text, points.
const TEXT_PT: f32 = 12.0;

/// How a value is looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PayloadUi {
    /// The form that was chosen; `None` = the best one.
    pub form: Option<Form>,
}

/// Draws a value into at most this height.
pub(crate) fn payload_ui(ui: &mut egui::Ui, state: &mut PayloadUi, payload: &mut Payload, height_max: f32, tokens: &DesignTokens) {
    let form = state.form.unwrap_or(payload.best);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for choice in Form::ALL {
            let is_chosen = choice == form;
            let ink = if is_chosen { Ink::Text } else { Ink::Dim };
            let button =
                egui::Button::new(RichText::new(choice.text()).size(TEXT_SMALL_PT).color(tokens.ink(ink))).selected(is_chosen).frame_when_inactive(false);
            let response = ui.add(button);
            response.widget_info(|| WidgetInfo::selected(Role::Tab, true, is_chosen, format!("Payload as {}", choice.text())));
            if response.clicked() {
                state.form = Some(choice);
            }
        }
        ui.add_space(6.0);
        ui.add(egui::Label::new(RichText::new(&payload.kind).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim))).truncate());
    });
    if let Some(framing) = payload.framing.in_words() {
        ui.label(RichText::new(framing).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim)));
    }
    let lines = payload.lines(form);
    if !lines.left_out.is_empty() {
        ui.add(egui::Label::new(RichText::new(&lines.left_out).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Warn))).wrap());
    }
    if lines.lines.is_empty() {
        return;
    }
    let frame = egui::Frame::new()
        .fill(tokens.ink(Ink::Card))
        .stroke(egui::Stroke::new(1.0, tokens.ink(Ink::Line)))
        .corner_radius(RADIUS_PT)
        .inner_margin(egui::Margin::symmetric(10, 8));
    frame.show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        let area = egui::ScrollArea::both().id_salt("payload").auto_shrink([false, true]).max_height(height_max);
        area.show_rows(ui, LINE_PT, lines.lines.len(), |ui, range| {
            for line in &lines.lines[range] {
                let mut job = LayoutJob { break_on_newline: false, ..LayoutJob::default() };
                for piece in &line.pieces {
                    let format = egui::TextFormat { font_id: fonts::data(TEXT_PT), color: tokens.ink(ink_of(piece.ink)), ..egui::TextFormat::default() };
                    job.append(&piece.text, 0.0, format);
                }
                job.wrap = egui::text::TextWrapping::no_max_width();
                let galley = ui.painter().layout_job(job);
                let inset = f32::from(line.depth) * INDENT_PT;
                let (rect, response) = ui.allocate_exact_size(vec2(inset + galley.size().x, LINE_PT), Sense::hover());
                let text = galley.text().to_owned();
                Texts::of(ui, &response).put(rect.left_top() + vec2(inset, 0.0), galley, tokens.ink(Ink::Text), &text);
                response.widget_info(|| WidgetInfo::labeled(Role::Label, true, line.to_text()));
            }
        });
    });
}

fn ink_of(ink: JsonInk) -> Ink {
    match ink {
        JsonInk::Plain => Ink::Text,
        JsonInk::Key => Ink::Dim,
        JsonInk::Number => Ink::Good,
        JsonInk::Word => Ink::Accent,
        JsonInk::Mark => Ink::Faint,
    }
}
