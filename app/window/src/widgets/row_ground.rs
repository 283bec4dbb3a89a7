//! What lies behind a row: the one that keys mean and the one under the pointer are told apart.

use egui::{Rect, Shape, Stroke};

use crate::theme::{DesignTokens, Ink, RADIUS_PT};

/// Width of the bar at the left of a selected row, points.
const BAR_PT: f32 = 2.0;

/// Its shape: the selected row is raised and has a bar, the one under the pointer is raised half as far.
pub(crate) fn row_ground(rect: Rect, is_selected: bool, is_hovered: bool, tokens: &DesignTokens) -> Shape {
    let raised = tokens.ink(Ink::Raised);
    match (is_selected, is_hovered) {
        (true, _) => {
            let bar = Stroke::new(BAR_PT, tokens.ink(Ink::Accent));
            let bar = Shape::vline(rect.left() + BAR_PT / 2.0, rect.y_range().shrink(RADIUS_PT - 1.0), bar);
            Shape::Vec(vec![Shape::rect_filled(rect, RADIUS_PT, raised), bar])
        }
        (false, true) => Shape::rect_filled(rect, RADIUS_PT, raised.gamma_multiply(0.5)),
        (false, false) => Shape::Noop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::Themes;

    #[test]
    fn the_selected_row_the_one_under_the_pointer_and_the_others_are_told_apart() {
        let themes = Themes::load();
        let rect = Rect::from_min_size(egui::pos2(10.0, 10.0), egui::vec2(300.0, 28.0));
        for theme in [egui::Theme::Dark, egui::Theme::Light] {
            let ground = |is_selected, is_hovered| row_ground(rect, is_selected, is_hovered, themes.tokens(theme));
            let looks = [ground(true, false), ground(false, true), ground(false, false)];
            assert!(looks[0] != looks[1] && looks[1] != looks[2] && looks[0] != looks[2], "{theme:?}");
            assert_eq!(ground(true, true), looks[0], "the pointer on the selected row changes nothing");
        }
    }
}
