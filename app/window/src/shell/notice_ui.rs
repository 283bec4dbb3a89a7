//! Draws a notice: one quiet line at the foot, until it is closed or over.

use egui::{Align, Layout, RichText, WidgetInfo, accesskit::Role};

use crate::{
    fonts,
    sanitise::visible,
    shell::{
        bars::foot_panel,
        notice::{Leads, Notice, NoticePart},
    },
    theme::{DesignTokens, Ink},
    view::UiCommand,
};

/// What was done with a notice.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NoticeAction {
    /// Something in it was clicked.
    Follow(Leads),
    /// What can be done about it.
    Run(UiCommand),
    /// To the next one.
    Next,
    /// It was read.
    Close,
}

/// The line of one notice, which is at this place of so many.
pub(crate) fn notice_ui(ui: &mut egui::Ui, notice: &Notice, (place, num): (usize, usize), tokens: &DesignTokens) -> Option<NoticeAction> {
    let mut action = None;
    foot_panel(ui, if notice.is_bad { Ink::BadFill } else { Ink::Panel }, tokens, |ui| {
        ui.spacing_mut().item_spacing.x = 7.0;
        // What is to be pressed is on the right, where it stays however much there is to read.
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let quiet = |text: String| egui::Button::new(RichText::new(text).size(12.0).color(tokens.ink(Ink::Dim))).frame(false);
            if let Some(name) = &notice.name {
                let close = ui.add(quiet("Close".to_owned()));
                close.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("close: {}", visible(name))));
                if close.clicked() {
                    action = Some(NoticeAction::Close);
                }
            }
            if num > 1 {
                let next = ui.add(quiet(format!("{} of {num}, next", place + 1)));
                next.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("next notice, {} of {num}", place + 1)));
                if next.clicked() {
                    action = Some(NoticeAction::Next);
                }
            }
            if let Some((command, words)) = notice.button
                && ui.button(words).on_hover_text(command.tooltip()).clicked()
            {
                action = Some(NoticeAction::Run(command));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                if !notice.lead.is_empty() {
                    let (font, ink) = if notice.is_bad { (fonts::strong(13.0), Ink::Bad) } else { (fonts::words(13.0), Ink::Dim) };
                    ui.add(egui::Label::new(RichText::new(&notice.lead).font(font).color(tokens.ink(ink))).truncate());
                }
                for (index, part) in notice.parts.iter().enumerate() {
                    if index > 0 || notice.is_bad && !notice.lead.is_empty() {
                        ui.label(RichText::new("·").color(tokens.ink(Ink::Faint)));
                    }
                    if let Some(leads) = part_ui(ui, part, notice.is_bad, tokens) {
                        action = Some(NoticeAction::Follow(leads));
                    }
                }
            });
        });
    });
    action
}

/// A part of the line; where it leads, if it was clicked.
fn part_ui(ui: &mut egui::Ui, part: &NoticePart, is_bad: bool, tokens: &DesignTokens) -> Option<Leads> {
    let ink = tokens.ink(if part.is_bad { Ink::Bad } else { Ink::Text });
    let font = if part.is_bad && !is_bad { fonts::strong(13.0) } else { fonts::words(13.0) };
    let text = RichText::new(&part.text).font(font).color(ink);
    let Some(leads) = &part.leads else {
        ui.add(egui::Label::new(text).truncate()).on_hover_text(&part.text);
        return None;
    };
    let button = ui.add(egui::Button::new(text).frame(false).truncate()).on_hover_text(&part.text).on_hover_cursor(egui::CursorIcon::PointingHand);
    button.clicked().then(|| leads.clone())
}
