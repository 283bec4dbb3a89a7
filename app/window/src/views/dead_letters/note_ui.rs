//! The note with which letters are parked.

use egui::RichText;

use crate::{
    figures,
    theme::{DesignTokens, Ink, RADIUS_PT, TEXT_SMALL_PT},
    widgets::text_field::{TextEntry, TextField},
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
            let typed = TextEntry::new(TextField::ParkingNote, note).hint("ask the catalog team").width(room).first(true).ui(ui, tokens);
            let (entered, can) = (typed.is_done, !note.trim().is_empty());
            if entered && !can {
                typed.response.request_focus();
            }
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
