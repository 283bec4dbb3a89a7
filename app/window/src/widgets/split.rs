//! A list with the detail of what is selected beside it, or below it where the pane is narrow.

use crate::theme::{DesignTokens, Ink};

/// A pane narrower than this has the detail below, points.
const BESIDE_FROM_PT: f32 = 720.0;

/// Draws the detail at its edge of the room; what is left is the list's.
pub(crate) fn detail_ui<R>(ui: &mut egui::Ui, name: &'static str, width_pt: f32, tokens: &DesignTokens, content: impl FnOnce(&mut egui::Ui) -> R) -> R {
    let frame = egui::Frame::new().fill(tokens.ink(Ink::Panel));
    let room = ui.available_size();
    let scrolled = |ui: &mut egui::Ui| {
        let area = egui::ScrollArea::vertical().id_salt((name, "detail")).auto_shrink([false, false]);
        area.show(ui, |ui| {
            ui.spacing_mut().item_spacing = egui::vec2(8.0, 0.0);
            content(ui)
        })
        .inner
    };
    if room.x >= BESIDE_FROM_PT {
        let most = (room.x * 0.6).max(260.0);
        egui::Panel::right(egui::Id::unique((name, "beside")))
            .resizable(true)
            .default_size(width_pt)
            .size_range(240.0..=most)
            .frame(frame)
            .show(ui, scrolled)
            .inner
    } else {
        let height = (room.y * 0.5).max(80.0);
        egui::Panel::bottom(egui::Id::unique((name, "below")))
            .resizable(true)
            .default_size(height)
            .size_range(60.0..=(room.y * 0.8).max(80.0))
            .frame(frame)
            .show(ui, scrolled)
            .inner
    }
}
