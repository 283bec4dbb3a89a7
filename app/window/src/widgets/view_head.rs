//! The line that a view begins with: what it shows and how that stands, and what can be done with all of it.

use egui::{RichText, Stroke, WidgetInfo, accesskit::Role};

use crate::{
    fonts,
    theme::{DesignTokens, Ink, TEXT_SMALL_PT, margin},
};

/// Draws the line and the hairline below it. `name` tells it apart from those of other views.
pub(crate) fn view_head_ui(ui: &mut egui::Ui, name: &'static str, tokens: &DesignTokens, content: impl FnOnce(&mut egui::Ui)) {
    let frame = egui::Frame::new().fill(tokens.ink(Ink::Background)).inner_margin(margin(18, 8));
    egui::Panel::top(name).frame(frame).show_separator_line(false).resizable(false).show(ui, |ui| {
        ui.set_min_height(26.0);
        content(ui);
    });
    let below = ui.available_rect_before_wrap();
    ui.painter().hline(below.x_range(), below.top(), Stroke::new(1.0, tokens.ink(Ink::Hairline)));
}

/// What the view shows, and how that stands: `5 sources, 2 live` and the rest, dimmer.
pub(crate) fn told_ui(ui: &mut egui::Ui, title: &str, note: &str, tokens: &DesignTokens) {
    told_in_ui(ui, title, note, Ink::Dim, tokens);
}

/// The same, the rest in another colour.
pub(crate) fn told_in_ui(ui: &mut egui::Ui, title: &str, note: &str, ink: Ink, tokens: &DesignTokens) {
    ui.label(RichText::new(title).font(fonts::strong(13.0)).color(tokens.ink(Ink::Text)));
    if !note.is_empty() {
        // Never a second line: what stands below stays where it is, whatever there is to say.
        let response = ui.add(egui::Label::new(RichText::new(note).size(TEXT_SMALL_PT).color(tokens.ink(ink))).truncate());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, note));
    }
}
