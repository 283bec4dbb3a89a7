//! A list with the detail of what is selected beside it, or below it where the pane is narrow.

use crate::theme::{DesignTokens, Ink};

/// A pane narrower than this has the detail below, points.
const BESIDE_FROM_PT: f32 = 720.0;

/// From this width of the pane on the detail has a width of its own, that is remembered apart, points.
const WIDE_FROM_PT: f32 = 1_700.0;

/// How wide a detail beside a list is at first, which wants so much: more where the pane has it, less where the list would have nothing.
pub(crate) fn beside_pt(room_pt: f32, wanted_pt: f32) -> f32 {
    (room_pt * 0.4 - 180.0).max(wanted_pt).min(room_pt * 0.38).max(240.0)
}

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
        let is_wide = room.x >= WIDE_FROM_PT;
        egui::Panel::right(egui::Id::unique((name, "beside", is_wide)))
            .resizable(true)
            .default_size(beside_pt(room.x, width_pt))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_grows_with_its_pane_and_leaves_the_list_the_most_of_it() {
        for (room_pt, beside) in [(720.0, 273.6), (860.0, 326.8), (1_280.0, 390.0), (1_440.0, 396.0), (2_560.0, 844.0), (500.0, 240.0)] {
            assert!((beside_pt(room_pt, 390.0) - beside).abs() < 0.1, "{room_pt}: {}", beside_pt(room_pt, 390.0));
        }
    }
}
