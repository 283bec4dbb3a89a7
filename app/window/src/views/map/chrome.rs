//! What lies over the map: its modes, the minimap, and what stands outside or came anew.

use egui::{Align2, Pos2, Rect, RichText, Sense, Stroke, StrokeKind, WidgetInfo, accesskit::Role, pos2, vec2};

use super::{
    draw::Sight,
    grouping::{self, GroupBy},
    mode::Mode,
    scene::Scene,
    settings::NumHops,
    shown::Shown,
};
use crate::{
    figures, fonts,
    ink::{StrokeMesh, Tone, tone_inks},
    theme::{DesignTokens, Ink, RADIUS_PT, TEXT_SMALL_PT},
};

/// Room between what lies over the map and its edge, points.
const INSET_PT: f32 = 14.0;
/// Largest size of the minimap, points.
const MINIMAP_PT: egui::Vec2 = vec2(188.0, 124.0);
/// With fewer boxes nobody needs a minimap.
const MINIMAP_FROM: usize = 30;
/// With fewer boxes modes are not offered on the map itself; their keys work all the same.
const MODES_FROM: usize = 25;

/// What was asked for over the map.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ChromeAction {
    /// Another mode.
    Mode(Mode),
    /// Farther or nearer around the box.
    Hops(NumHops),
    /// Other groups.
    GroupBy(GroupBy),
    /// The camera over this point of the map.
    Look(Pos2),
    /// Everything in view.
    Fit,
    /// Everything placed anew.
    Arrange,
    /// What came anew has been seen.
    SeeAll,
}

/// How much of the map's upper end the modes take, points.
pub(crate) fn modes_height(shown: &Shown, num_boxes: usize) -> f32 {
    if num_boxes < MODES_FROM && shown.mode == Mode::Problems { 0.0 } else { 38.0 }
}

/// Modes, and what belongs to the present one.
pub(crate) fn modes_ui(ui: &mut egui::Ui, viewport: Rect, shown: &Shown, scene: &Scene, tokens: &DesignTokens) -> Option<ChromeAction> {
    if modes_height(shown, scene.nodes.len()) == 0.0 {
        return None;
    }
    let mut action = None;
    let room = Rect::from_min_size(viewport.min + vec2(INSET_PT, 10.0), vec2(viewport.width() - 2.0 * INSET_PT, 28.0));
    let mut ui = ui.new_child(egui::UiBuilder::new().max_rect(room).layout(egui::Layout::left_to_right(egui::Align::Center)));
    ui.spacing_mut().item_spacing.x = 2.0;
    for mode in Mode::ALL {
        if choice_ui(&mut ui, mode.text(), shown.mode == mode, tokens) {
            action = Some(ChromeAction::Mode(mode));
        }
    }
    ui.add_space(12.0);
    match shown.mode {
        Mode::Neighbourhood => {
            ui.label(RichText::new(figures::things(shown.num_hops.0 as u64, "step", "steps")).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim)));
            for (text, words, num_hops) in [("−", "One step less", shown.num_hops.0.wrapping_sub(1)), ("+", "One step more", shown.num_hops.0 + 1)] {
                let button = egui::Button::new(RichText::new(text).size(12.0)).min_size(vec2(24.0, 22.0));
                let response = ui.add_enabled((1..=NumHops::MAX).contains(&num_hops), button);
                response.widget_info(|| WidgetInfo::labeled(Role::Button, true, words));
                if response.clicked() {
                    action = Some(ChromeAction::Hops(NumHops::of(num_hops)));
                }
            }
        }
        Mode::Problems if shown.is_grouped() => {
            ui.label(RichText::new("groups by").size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim)));
            let chosen = matches!(shown.group_by, GroupBy::Label(_)).then(|| shown.group_by.clone());
            for by in GroupBy::PLAIN.into_iter().chain(chosen) {
                if choice_ui(&mut ui, by.text(), shown.group_by == by, tokens) {
                    action = Some(ChromeAction::GroupBy(by));
                }
            }
            let labels = grouping::labels(scene);
            if !labels.is_empty() {
                let title = RichText::new("label…").size(12.0).color(tokens.ink(Ink::Dim));
                ui.menu_button(title, |ui| {
                    for name in labels {
                        if ui.button(RichText::new(&name).size(12.0)).clicked() {
                            action = Some(ChromeAction::GroupBy(GroupBy::Label(name)));
                        }
                    }
                });
            }
        }
        Mode::Problems | Mode::All => {}
    }
    action
}

/// One of several words, the chosen one underlined by its background.
fn choice_ui(ui: &mut egui::Ui, text: &str, is_chosen: bool, tokens: &DesignTokens) -> bool {
    let galley = ui.painter().layout_no_wrap(text.to_owned(), fonts::words(12.0), tokens.ink(Ink::Text));
    let (rect, response) = ui.allocate_exact_size(galley.size() + vec2(16.0, 9.0), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, is_chosen, text));
    let lit = response.hovered() || response.has_focus();
    if is_chosen || lit {
        ui.painter().rect_filled(rect, RADIUS_PT, tokens.ink(Ink::Raised));
    }
    if is_chosen {
        ui.painter().hline(rect.x_range().shrink(8.0), rect.bottom() - 2.0, Stroke::new(1.5, tokens.ink(Ink::Accent)));
    }
    let ink = if is_chosen || lit { Ink::Text } else { Ink::Dim };
    ui.painter().galley_with_override_text_color(rect.center() - galley.size() / 2.0, galley, tokens.ink(ink));
    response.clicked()
}

/// The whole map, small, with what is seen of it; where it was pressed, the camera goes.
pub(crate) fn minimap_ui(ui: &egui::Ui, sight: &Sight<'_>, is_wanted: bool, tokens: &DesignTokens) -> Option<ChromeAction> {
    let bounds = sight.geometry.bounds?;
    let seen = Rect::from_min_max(sight.camera.on_map(sight.viewport.min), sight.camera.on_map(sight.viewport.max));
    if !is_wanted || sight.scene.nodes.len() < MINIMAP_FROM || seen.contains_rect(bounds) {
        return None;
    }
    let scale = ((MINIMAP_PT.x - 12.0) / bounds.width().max(1.0)).min((MINIMAP_PT.y - 12.0) / bounds.height().max(1.0));
    let size = bounds.size() * scale + vec2(12.0, 12.0);
    let frame = Rect::from_min_size(sight.viewport.left_bottom() + vec2(INSET_PT, -INSET_PT - size.y), size);
    let on_frame = |point: Pos2| frame.min + vec2(6.0, 6.0) + (point - bounds.min) * scale;
    let painter = ui.painter_at(frame.expand(1.0));
    painter.rect(frame, RADIUS_PT, tokens.ink(Ink::Panel).gamma_multiply(0.94), Stroke::new(1.0, tokens.ink(Ink::Line)), StrokeKind::Inside);
    let mut mesh = StrokeMesh::new(painter.pixels_per_point());
    for (node, rect) in sight.scene.nodes.iter().zip(&sight.geometry.rects) {
        let Some(rect) = rect else { continue };
        let ink = if node.tone == Tone::Quiet { Ink::Edge } else { tone_inks(node.tone).0 };
        let spot = Rect::from_min_max(on_frame(rect.min), on_frame(rect.max));
        mesh.rect(Rect::from_center_size(spot.center(), spot.size().max(vec2(2.0, 1.5))), tokens.ink(ink));
    }
    painter.add(egui::Shape::mesh(mesh.into_mesh()));
    let shown = Rect::from_min_max(on_frame(seen.min), on_frame(seen.max)).intersect(frame.shrink(2.0));
    painter.rect_stroke(shown, 2.0, Stroke::new(1.2, tokens.ink(Ink::Accent)), StrokeKind::Inside);
    let response = ui.interact(frame, egui::Id::unique("minimap"), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, "the whole map, small"));
    let at = response.interact_pointer_pos().filter(|_| response.dragged() || response.clicked())?;
    Some(ChromeAction::Look(bounds.min + (at - frame.min - vec2(6.0, 6.0)) / scale))
}

/// What stands outside of what is seen, and what came anew.
pub(crate) fn notes_ui(ui: &mut egui::Ui, viewport: Rect, num_outside: usize, num_new: usize, tokens: &DesignTokens) -> Option<ChromeAction> {
    let mut action = None;
    let mut right = viewport.right() - INSET_PT;
    let mut note = |text: String, ink: Ink, id: &str, action_of: ChromeAction| {
        let galley = ui.painter().layout_no_wrap(text.clone(), fonts::words(TEXT_SMALL_PT), tokens.ink(ink));
        let rect = Rect::from_min_max(pos2(right - galley.size().x - 16.0, viewport.bottom() - INSET_PT - 22.0), pos2(right, viewport.bottom() - INSET_PT));
        let response = ui.interact(rect, egui::Id::unique(("map note", id)), Sense::click());
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &text));
        let lit = response.hovered() || response.has_focus();
        ui.painter().rect(rect, 11.0, tokens.ink(if lit { Ink::Raised } else { Ink::Panel }), Stroke::new(1.0, tokens.ink(Ink::Line)), StrokeKind::Inside);
        ui.painter().galley_with_override_text_color(Align2::CENTER_CENTER.anchor_size(rect.center(), galley.size()).min, galley, tokens.ink(ink));
        if response.clicked() {
            action = Some(action_of);
        }
        right = rect.left() - 8.0;
    };
    if num_outside > 0 {
        note(format!("{num_outside} outside · F shows all"), Ink::Dim, "outside", ChromeAction::Fit);
    }
    if num_new > 0 {
        note(format!("{num_new} new, place them?"), Ink::Good, "new", ChromeAction::Arrange);
        note("seen".to_owned(), Ink::Dim, "seen", ChromeAction::SeeAll);
    }
    action
}
