//! The note with which letters are parked.

use egui::{RichText, WidgetInfo, accesskit::Role};

use crate::{
    figures,
    theme::{DesignTokens, Ink, RADIUS_PT, TEXT_SMALL_PT},
};

/// How the note ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoteEnd {
    /// The letters are parked with it.
    Park,
    /// Nothing is done.
    Cancel,
}

/// Asks why, or for whom, so many letters are parked.
pub(crate) fn note_ui(ui: &mut egui::Ui, note: &mut String, num_letters: usize, tokens: &DesignTokens) -> Option<NoteEnd> {
    let mut ending = None;
    let frame = egui::Frame::new()
        .fill(tokens.ink(Ink::Raised))
        .corner_radius(RADIUS_PT)
        .inner_margin(egui::Margin::symmetric(12, 8))
        .outer_margin(egui::Margin::symmetric(18, 4));
    frame.show(ui, |ui| {
        ui.label(RichText::new(format!("Park {}: why, or for whom", figures::things(num_letters as u64, "letter", "letters"))).size(TEXT_SMALL_PT));
        ui.add_space(4.0);
        ui.horizontal(|ui| {
            let room = (ui.available_width() - 150.0).max(60.0);
            let edit = ui.add(egui::TextEdit::singleline(note).char_limit(400).desired_width(room).hint_text("ask the catalog team"));
            edit.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Note"));
            let entered = edit.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            if edit.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Escape)) {
                ending = Some(NoteEnd::Cancel);
            }
            if !edit.has_focus() && !edit.lost_focus() && note.is_empty() {
                edit.request_focus();
            }
            let can = !note.trim().is_empty();
            if ui.add_enabled(can, egui::Button::new("Park")).clicked() || (entered && can) {
                ending = Some(NoteEnd::Park);
            }
            if ui.button("Cancel").clicked() {
                ending = Some(NoteEnd::Cancel);
            }
        });
    });
    ending
}
