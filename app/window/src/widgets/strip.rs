//! A strip above what a view lists: a form of one line, or what became of something that was asked for there.

use egui::{Align, Layout, RichText, WidgetInfo, accesskit::Role};

use crate::theme::{DesignTokens, Ink, RADIUS_PT};

/// What was done in a strip that tells something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StripAsk {
    /// It was read.
    Close,
    /// The path of the file that it tells of is wanted.
    CopyPath,
}

/// Draws a strip.
pub(crate) fn strip_ui(ui: &mut egui::Ui, name: &'static str, tokens: &DesignTokens, content: impl FnOnce(&mut egui::Ui)) {
    let frame = egui::Frame::new().inner_margin(egui::Margin { left: 18, right: 18, top: 8, bottom: 4 });
    egui::Panel::top(name).frame(frame).show_separator_line(false).resizable(false).show(ui, |ui| {
        let inner = egui::Frame::new().fill(tokens.ink(Ink::Raised)).corner_radius(RADIUS_PT).inner_margin(egui::Margin::symmetric(12, 8));
        inner.show(ui, content);
    });
}

/// Draws what became of something, in a line; `path` can be copied, and `closes` says whether it can be put away.
pub(crate) fn told_strip_ui(
    ui: &mut egui::Ui,
    name: &'static str,
    text: &str,
    ink: Ink,
    path: Option<&str>,
    closes: bool,
    tokens: &DesignTokens,
) -> Option<StripAsk> {
    let mut asked = None;
    strip_ui(ui, name, tokens, |ui| {
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if closes && ui.button("Close").clicked() {
                    asked = Some(StripAsk::Close);
                }
                if path.is_some() && ui.button("Copy the path").clicked() {
                    asked = Some(StripAsk::CopyPath);
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    let label = egui::Label::new(RichText::new(text).size(12.5).color(tokens.ink(ink))).truncate();
                    ui.add(label).on_hover_text(text).widget_info(|| WidgetInfo::labeled(Role::Label, true, text));
                });
            });
        });
    });
    asked
}
