//! Draws the notices: one quiet line each, until it is closed.

use egui::{Align, Layout, RichText, Stroke, WidgetInfo, accesskit::Role};

use crate::{
    fonts,
    shell::notice::{Leads, NoticePart},
    theme::{DesignTokens, Ink, margin},
};

/// What was done with a notice.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NoticeAction {
    /// Something in it was clicked.
    Follow(Leads),
    /// It was read.
    Close,
}

/// A line that begins with some words, says its parts, and can be closed.
pub(crate) fn notice_ui(ui: &mut egui::Ui, name: &str, lead: &str, parts: &[NoticePart], tokens: &DesignTokens) -> Option<NoticeAction> {
    let is_bad = lead.is_empty();
    let frame = egui::Frame::new().fill(tokens.ink(if is_bad { Ink::BadFill } else { Ink::Panel })).inner_margin(margin(18, 5));
    let panel = egui::Panel::top(egui::Id::unique(("notice", name))).frame(frame).show_separator_line(false);
    let shown = panel.show(ui, |ui| {
        let mut action = None;
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 7.0;
            if !lead.is_empty() {
                ui.label(RichText::new(lead).color(tokens.ink(Ink::Dim)));
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let close = ui.add(egui::Button::new(RichText::new("Close").size(12.0).color(tokens.ink(Ink::Dim))).frame(false));
                close.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("close: {name}")));
                if close.clicked() {
                    action = Some(NoticeAction::Close);
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    for (index, part) in parts.iter().enumerate() {
                        if index > 0 {
                            ui.label(RichText::new("·").color(tokens.ink(Ink::Faint)));
                        }
                        let ink = tokens.ink(if part.is_bad { Ink::Bad } else { Ink::Text });
                        let font = if part.is_bad && !is_bad { fonts::strong(13.0) } else { fonts::words(13.0) };
                        let text = egui::Button::new(RichText::new(&part.text).font(font).color(ink)).frame(false).truncate();
                        if ui.add(text).on_hover_text(&part.text).on_hover_cursor(egui::CursorIcon::PointingHand).clicked() {
                            action = Some(NoticeAction::Follow(part.leads.clone()));
                        }
                    }
                });
            });
        });
        action
    });
    let line = shown.response.rect;
    ui.painter().hline(line.x_range(), line.bottom() - 0.5, Stroke::new(1.0, tokens.ink(Ink::Hairline)));
    shown.inner
}
