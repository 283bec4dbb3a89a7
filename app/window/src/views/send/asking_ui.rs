//! Draws what has to be answered before something is sent: beside the request, not over it.

use egui::{RichText, WidgetInfo, accesskit::Role};
use switchboard_desk::send::{Asking, Question};

use super::fields::button_ui;
use crate::{
    fonts,
    sanitise::visible,
    theme::{DesignTokens, Ink, RADIUS_PT, TEXT_SMALL_PT},
    widgets::text_field::{TextEntry, TextField},
};

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answered {
    /// It is to be done, with the name as it was typed where one was asked for.
    Yes(Option<String>),
    /// It is not.
    No,
}

/// The name that has to be typed; `None` = none has.
pub(super) fn asks_name(asking: &Asking) -> Option<&str> {
    match &asking.question {
        Question::Allow { type_name, .. } => type_name.as_deref(),
        Question::Confirm { .. } => None,
    }
}

/// A frame that is told from what stands around it, with a line of its tone at the left.
pub(super) fn framed_ui<R>(ui: &mut egui::Ui, ink: Ink, fill: Ink, tokens: &DesignTokens, content: impl FnOnce(&mut egui::Ui) -> R) -> R {
    let frame = egui::Frame::new().fill(tokens.ink(fill)).corner_radius(RADIUS_PT).inner_margin(egui::Margin::symmetric(14, 10));
    let shown = frame.show(ui, |ui| {
        ui.set_min_width(ui.available_width());
        content(ui)
    });
    let rect = shown.response.rect;
    ui.painter().vline(rect.left() + 1.0, rect.y_range().shrink(RADIUS_PT - 1.0), egui::Stroke::new(2.0, tokens.ink(ink)));
    shown.inner
}

/// Draws it; the answer.
pub(super) fn asking_ui(ui: &mut egui::Ui, asking: &Asking, typed_name: &mut String, tokens: &DesignTokens) -> Option<Answered> {
    framed_ui(ui, Ink::Warn, Ink::WarnFill, tokens, |ui| {
        ui.spacing_mut().item_spacing.y = 6.0;
        let mut answered = None;
        let (title, means, type_name, yes) = match &asking.question {
            Question::Allow { type_name, means } => {
                (format!("Nothing allows sending to {} yet", visible(&asking.target)), means, type_name.as_deref(), "Allow for this session")
            }
            Question::Confirm { what, .. } => ("Send it?".to_owned(), what, None, "Send it"),
        };
        let heading = ui.add(egui::Label::new(RichText::new(&title).font(fonts::strong(13.0)).color(tokens.ink(Ink::Text))).wrap());
        heading.widget_info(|| WidgetInfo::labeled(Role::Heading, true, &title));
        ui.add(egui::Label::new(RichText::new(visible(means)).size(12.5).color(tokens.ink(Ink::Text))).wrap());
        let mut entered = false;
        if let Some(name) = type_name {
            let hint = format!("Type {} to send to this production system", visible(name));
            ui.label(RichText::new(&hint).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Warn)));
            let width_pt = ui.available_width().min(320.0);
            let typed = TextEntry::new(TextField::SendTypedName, typed_name).width(width_pt).first(true).ui(ui, tokens);
            entered = typed.is_done;
        }
        let why_not = type_name.filter(|name| name != typed_name).map(|_| "the name has to be typed first");
        ui.horizontal(|ui| {
            let keys = if type_name.is_none() { "Enter" } else { "" };
            if button_ui(ui, [yes, keys], true, why_not, tokens) || (entered && why_not.is_none()) {
                answered = Some(Answered::Yes(type_name.map(|_| typed_name.clone())));
            }
            if button_ui(ui, ["Don't", "Esc"], false, None, tokens) {
                answered = Some(Answered::No);
            }
        });
        answered
    })
}

/// Why the last command was not carried out.
pub(super) fn refusal_ui(ui: &mut egui::Ui, refusal: &str, tokens: &DesignTokens) {
    framed_ui(ui, Ink::Bad, Ink::BadFill, tokens, |ui| {
        let response = ui.add(egui::Label::new(RichText::new(visible(refusal)).size(12.5).color(tokens.ink(Ink::Text))).wrap());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, visible(refusal)));
    });
}
