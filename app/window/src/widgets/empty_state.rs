//! What stands where something will be: what would fill it, and how to get that.

use egui::{RichText, vec2};

use crate::{
    fonts,
    theme::{DesignTokens, Ink},
    view::ViewAction,
};

const WIDTH_PT: f32 = 460.0;

/// What it says. All text in it is safe to show.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct EmptyState {
    /// What is the matter.
    pub title: String,
    /// What would change it.
    pub lines: Vec<String>,
    /// Buttons: what they say, and what they do.
    pub buttons: Vec<(String, ViewAction)>,
}

impl EmptyState {
    /// One of a heading and some sentences.
    pub(crate) fn new(title: &str, lines: &[&str]) -> Self {
        Self { title: title.to_owned(), lines: lines.iter().map(|line| (*line).to_owned()).collect(), buttons: Vec::new() }
    }

    /// The same, with one more button.
    pub(crate) fn button(mut self, text: &str, action: ViewAction) -> Self {
        self.buttons.push((text.to_owned(), action));
        self
    }
}

/// Draws it in the upper middle of the room; what was asked for.
pub(crate) fn empty_state_ui(ui: &mut egui::Ui, state: &EmptyState, tokens: &DesignTokens) -> Option<ViewAction> {
    let room = ui.available_rect_before_wrap();
    let width = WIDTH_PT.min(room.width() - 32.0).max(80.0);
    let top = room.top() + (room.height() * 0.18).clamp(8.0, 160.0);
    let place = egui::Rect::from_min_max(egui::pos2(room.center().x - width / 2.0, top), egui::pos2(room.center().x + width / 2.0, room.bottom()));
    let mut asked = None;
    ui.scope_builder(egui::UiBuilder::new().max_rect(place), |ui| {
        ui.spacing_mut().item_spacing = vec2(8.0, 7.0);
        ui.add(egui::Label::new(RichText::new(&state.title).font(fonts::strong(16.0)).color(tokens.ink(Ink::Text))).wrap());
        for line in &state.lines {
            ui.add(egui::Label::new(RichText::new(line).color(tokens.ink(Ink::Dim))).wrap());
        }
        if !state.buttons.is_empty() {
            ui.add_space(4.0);
            ui.horizontal_wrapped(|ui| {
                for (text, action) in &state.buttons {
                    if ui.button(text).clicked() {
                        asked = Some(action.clone());
                    }
                }
            });
        }
    });
    asked
}
