//! Pointer and keyboard on the map: what they are on, and where the camera goes.

use egui::{CursorIcon, Id, Pos2, Sense, WidgetInfo, accesskit::Role};
use switchboard_engine::view::NodeId;

use super::{
    camera::Camera,
    draw::{self, DrawList, Sight},
    scene::{Selection, edge_in_words, node_in_words},
};
use crate::widgets::object_menu;

/// With more boxes in view only the hovered and the selected one are told to screen readers; the table lists all.
const SPOKEN_NODES_MAX: usize = 250;

/// What a click was on.
#[derive(Clone, Copy)]
pub(super) enum Click {
    None,
    Nothing,
    On(Selection),
}

/// What pointer and keys did.
pub(super) struct Outcome {
    pub hovered: Option<Selection>,
    pub clicked: Click,
    pub opened: Option<Selection>,
    pub fit: bool,
}

/// Pointer and keyboard on boxes, pills and edges. Boxes in view are widgets, so that keyboard and screen reader find them.
pub(super) fn interact(ui: &egui::Ui, sight: &Sight<'_>, list: &DrawList, response: &egui::Response, focus_selected: bool) -> Outcome {
    let pointer = ui
        .input(|input| input.pointer.hover_pos())
        .filter(|pointer| sight.viewport.contains(*pointer) && ui.ctx().layer_id_at(*pointer) == Some(ui.layer_id()));
    let dragging = response.dragged();
    let under = |pointer: Option<Pos2>| pointer.filter(|_| !dragging).and_then(|pointer| draw::hit(sight, list, pointer));
    let mut outcome = Outcome { hovered: under(pointer), clicked: Click::None, opened: None, fit: false };
    if response.clicked() || response.secondary_clicked() {
        outcome.clicked = under(response.interact_pointer_pos()).map_or(Click::Nothing, Click::On);
    }
    if response.double_clicked() {
        outcome.opened = under(response.interact_pointer_pos());
        outcome.fit = outcome.opened.is_none();
    }
    // What a click is on has the hand; the map itself can be taken hold of.
    if outcome.hovered.is_some() {
        ui.set_cursor_icon(CursorIcon::PointingHand);
    } else if dragging {
        ui.set_cursor_icon(CursorIcon::Grabbing);
    } else if response.hovered() {
        ui.set_cursor_icon(CursorIcon::Grab);
    }
    let speak_all = list.nodes.len() <= SPOKEN_NODES_MAX;
    for mark in &list.nodes {
        let node = &sight.scene.nodes[mark.node];
        let own = Selection::Node(node.node_id);
        let is_selected = sight.selected == Some(own);
        if !speak_all && !is_selected && outcome.hovered != Some(own) {
            continue;
        }
        let widget_id = node_widget_id(node.node_id);
        let widget = ui.interact(mark.rect.intersect(sight.viewport), widget_id, Sense::click());
        widget.widget_info(|| WidgetInfo::selected(Role::Button, true, is_selected, node_in_words(node)));
        if focus_selected && is_selected {
            widget.request_focus();
        }
        if widget.has_focus() {
            // Arrows walk the map instead of moving the focus by geometry.
            let filter = egui::EventFilter { horizontal_arrows: true, vertical_arrows: true, ..egui::EventFilter::default() };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(widget_id, filter));
        }
        if is_selected {
            object_menu::note_selected(ui.ctx(), mark.rect);
        }
        if widget.clicked() || widget.secondary_clicked() {
            // The pointer may be on a pill of another box above this one.
            let by_pointer = widget.interact_pointer_pos().and_then(|pointer| draw::hit(sight, list, pointer));
            outcome.clicked = Click::On(by_pointer.unwrap_or(own));
            // Enter goes to the box that has the focus, not to the command.
            if is_selected && ui.input(|input| input.key_pressed(egui::Key::Enter)) {
                outcome.opened = Some(own);
            }
        }
        if widget.double_clicked() {
            outcome.opened = Some(own);
        }
        if outcome.hovered == Some(own) && (list.detail < draw::Detail::Full || node.recovered.is_some() || !node.probes.is_empty()) {
            widget.on_hover_text(node_in_words(node));
        } else if outcome.hovered == Some(own) && (node.full_name != node.name || node.name.chars().count() > 18) {
            widget.on_hover_text(&node.full_name);
        }
    }
    for pill in &list.pills {
        let Selection::Edge(edge_id) = pill.selects else { continue };
        let Some(index) = sight.scene.edge_index(edge_id) else { continue };
        if sight.selected == Some(pill.selects) {
            object_menu::note_selected(ui.ctx(), pill.rect);
        }
        let widget = ui.interact(pill.rect.intersect(sight.viewport), Id::unique(("edge pill", edge_id, pill.glyph)), Sense::click());
        widget.widget_info(|| WidgetInfo::labeled(Role::Button, true, edge_in_words(sight.scene, &sight.scene.edges[index])));
        if widget.clicked() || widget.secondary_clicked() {
            outcome.clicked = Click::On(pill.selects);
        }
        widget.on_hover_text(edge_in_words(sight.scene, &sight.scene.edges[index]));
    }
    outcome
}

fn node_widget_id(node_id: NodeId) -> Id {
    Id::unique(("map node", node_id))
}

/// Where the camera goes by wheel, trackpad and drag.
pub(super) fn moved_camera(ui: &egui::Ui, response: &egui::Response, mut camera: Camera, is_box_dragged: bool) -> Camera {
    if response.dragged() && !is_box_dragged {
        camera.origin += response.drag_delta();
    }
    let pointer = ui.input(|input| input.pointer.hover_pos()).filter(|pointer| response.rect.contains(*pointer) && response.contains_pointer());
    if let Some(pointer) = pointer {
        let (pinch, scroll, source) = ui.input(|input| (input.zoom_delta(), input.smooth_scroll_delta(), input.scroll_source()));
        if (pinch - 1.0).abs() > f32::EPSILON {
            camera = camera.zoomed(pinch, pointer);
        } else if matches!(source, Some(egui::MouseWheelSource::Trackpad | egui::MouseWheelSource::Momentum)) {
            // Two fingers move the map, a pinch zooms it.
            camera.origin += scroll;
        } else {
            camera = camera.zoomed((scroll.y / 240.0).exp(), pointer);
            camera.origin.x += scroll.x;
        }
    }
    camera
}
