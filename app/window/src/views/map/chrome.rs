//! What lies over the map: its modes, the minimap, and what stands outside or came anew.

use egui::{Align2, Pos2, Rect, RichText, Sense, Stroke, StrokeKind, WidgetInfo, accesskit::Role, vec2};

use super::{
    draw::Sight,
    edge_label::EdgeLabel,
    grouping::{self, GROUPED_FROM, GroupBy},
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
/// How much of the map's upper end the modes take, points.
pub(crate) const MODES_HEIGHT_PT: f32 = 38.0;
/// With less room than this beside the modes, what stands on edges is chosen from a menu, points.
const LABELS_FROM_PT: f32 = 250.0;

/// What was asked for over the map.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ChromeAction {
    /// Another mode.
    Mode(Mode),
    /// Farther or nearer around the box.
    Hops(NumHops),
    /// Other groups.
    GroupBy(GroupBy),
    /// Something else on edges.
    Label(EdgeLabel),
    /// The camera over this point of the map.
    Look(Pos2),
    /// Everything in view.
    Fit,
    /// Everything placed anew.
    Arrange,
    /// What came anew has been seen.
    SeeAll,
}

/// Why a mode would show nothing else than what is shown; `None` where it does.
fn nothing_else(mode: Mode, shown: &Shown, scene: &Scene) -> Option<String> {
    let is_all = |of: Mode| of == Mode::All || (of == Mode::Problems && scene.nodes.len() < GROUPED_FROM && !shown.is_grouped());
    match mode {
        _ if mode == shown.mode => None,
        Mode::Neighbourhood if scene.nodes.len() < 2 => Some("There is nothing near: one box is all there is".to_owned()),
        Mode::Problems | Mode::All if is_all(mode) && is_all(shown.mode) => {
            Some(format!("The same as {}: with fewer than {GROUPED_FROM} boxes each stands by itself", shown.mode.text()))
        }
        _ => None,
    }
}

/// Modes, what belongs to the present one, and what stands on edges.
pub(crate) fn modes_ui(ui: &mut egui::Ui, viewport: Rect, (shown, label): (&Shown, EdgeLabel), scene: &Scene, tokens: &DesignTokens) -> Option<ChromeAction> {
    let mut action = None;
    // What is looked at from near may lie below.
    let row = Rect::from_min_size(viewport.min, vec2(viewport.width(), MODES_HEIGHT_PT + 6.0));
    ui.painter().rect_filled(row, 0.0, tokens.ink(Ink::Background).gamma_multiply(0.92));
    let room = Rect::from_min_size(viewport.min + vec2(INSET_PT, 10.0), vec2(viewport.width() - 2.0 * INSET_PT, 28.0));
    let mut ui = ui.new_child(egui::UiBuilder::new().max_rect(room).layout(egui::Layout::left_to_right(egui::Align::Center)));
    ui.spacing_mut().item_spacing.x = 2.0;
    for mode in Mode::ALL {
        let reason = nothing_else(mode, shown, scene);
        if choice_ui(&mut ui, (mode.text(), mode.text()), (shown.mode == mode, reason.as_deref()), tokens) {
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
                if choice_ui(&mut ui, (by.text(), by.text()), (shown.group_by == by, None), tokens) {
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
    action.or(labels_ui(&mut ui, label, tokens).map(ChromeAction::Label))
}

/// What stands on edges, at the right end of the row; in a narrow one as a menu.
fn labels_ui(ui: &mut egui::Ui, chosen: EdgeLabel, tokens: &DesignTokens) -> Option<EdgeLabel> {
    let mut action = None;
    let is_narrow = ui.available_width() < LABELS_FROM_PT;
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        let dim = |text: String| RichText::new(text).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim));
        if is_narrow {
            ui.menu_button(dim(format!("labels: {}", chosen.text())), |ui| {
                for label in EdgeLabel::ALL {
                    if ui.button(RichText::new(label.text()).size(12.0)).clicked() {
                        action = Some(label);
                    }
                }
            });
            return;
        }
        for label in EdgeLabel::ALL.into_iter().rev() {
            if choice_ui(ui, (label.text(), &format!("{} on edges", label.text())), (label == chosen, None), tokens) {
                action = Some(label);
            }
        }
        ui.add_space(6.0);
        ui.label(dim("labels".to_owned()));
    });
    action
}

/// One of several words, and what it means to those who do not see where it stands; the chosen one is underlined by its background.
/// With a reason it cannot be chosen.
fn choice_ui(ui: &mut egui::Ui, (text, words): (&str, &str), (is_chosen, reason): (bool, Option<&str>), tokens: &DesignTokens) -> bool {
    let galley = ui.painter().layout_no_wrap(text.to_owned(), fonts::words(12.0), tokens.ink(Ink::Text));
    let sense = if reason.is_none() { Sense::click() } else { Sense::hover() };
    let (rect, mut response) = ui.allocate_exact_size(galley.size() + vec2(16.0, 9.0), sense);
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, reason.is_none(), is_chosen, words));
    let lit = reason.is_none() && (response.hovered() || response.has_focus());
    if is_chosen || lit {
        ui.painter().rect_filled(rect, RADIUS_PT, tokens.ink(Ink::Raised));
    }
    if is_chosen {
        ui.painter().hline(rect.x_range().shrink(8.0), rect.bottom() - 2.0, Stroke::new(1.5, tokens.ink(Ink::Accent)));
    }
    let ink = match reason {
        Some(_) => Ink::Faint,
        None if is_chosen || lit => Ink::Text,
        None => Ink::Dim,
    };
    ui.painter().galley_with_override_text_color(rect.center() - galley.size() / 2.0, galley, tokens.ink(ink));
    if let Some(reason) = reason {
        response = response.on_hover_text(reason);
    }
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

/// What came anew, and above it what stands outside of what is seen. Each has its place, so that none moves as another comes or
/// goes: what is pressed most stands at the right end, where longer numbers do not push it.
pub(crate) fn notes_ui(ui: &egui::Ui, viewport: Rect, num_outside: usize, num_new: usize, tokens: &DesignTokens) -> Option<ChromeAction> {
    let mut action = None;
    let mut note = |text: String, words: &str, ink: Ink, right_bottom: Pos2, action_of: ChromeAction| {
        let galley = ui.painter().layout_no_wrap(text.clone(), fonts::words(TEXT_SMALL_PT), tokens.ink(ink));
        let rect = Rect::from_min_max(right_bottom - vec2(galley.size().x + 16.0, 22.0), right_bottom);
        let response = ui.interact(rect, egui::Id::unique(("map note", words)), Sense::click());
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &text));
        let lit = response.hovered() || response.has_focus();
        ui.painter().rect(rect, 11.0, tokens.ink(if lit { Ink::Raised } else { Ink::Panel }), Stroke::new(1.0, tokens.ink(Ink::Line)), StrokeKind::Inside);
        ui.painter().galley_with_override_text_color(Align2::CENTER_CENTER.anchor_size(rect.center(), galley.size()).min, galley, tokens.ink(ink));
        if response.on_hover_text(words).clicked() {
            action = Some(action_of);
        }
        rect
    };
    let corner = viewport.right_bottom() - vec2(INSET_PT, INSET_PT);
    if num_outside > 0 {
        let text = format!("{num_outside} outside · F shows all");
        note(text, "Boxes that are not in view now", Ink::Dim, corner - vec2(0.0, 28.0), ChromeAction::Fit);
    }
    if num_new > 0 {
        let words = "They stand where there was room, and nothing else has moved";
        let kept = note("Keep as it is".to_owned(), words, Ink::Dim, corner, ChromeAction::SeeAll);
        let text = format!("{} · Arrange the map", figures::things(num_new as u64, "new box", "new boxes"));
        note(text, "Places every box anew, but those that are pinned", Ink::Good, kept.left_bottom() - vec2(8.0, 0.0), ChromeAction::Arrange);
    }
    action
}
