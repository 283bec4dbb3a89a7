//! How the map is looked at: the camera, and boxes that are carried.

use egui::{Pos2, Rect, Vec2};
use switchboard_engine::view::NodeId;

use super::MapView;
use crate::views::map::{camera::Camera, chrome, pointer, scene::Selection, spread::Spread};

impl MapView {
    /// Shows everything.
    pub(crate) fn fit(&mut self) {
        self.taken = false;
        self.fitted_to = None;
    }

    /// Larger or smaller around the middle.
    pub(super) fn zoom(&mut self, factor: f32) {
        if let (Some(camera), Some(viewport)) = (self.camera, self.viewport) {
            self.camera = Some(camera.zoomed(factor, viewport.center()));
            self.taken = true;
        }
    }

    /// The camera follows when a walk leaves the screen.
    pub(super) fn show_selected(&mut self) {
        let (Some(selected), Some(camera), Some(viewport)) = (self.selected, self.camera, self.viewport) else { return };
        let bounds = match selected {
            Selection::Node(node_id) => self.seen.node_index(node_id).and_then(|index| self.geometry.rects.get(index).copied().flatten()),
            Selection::Edge(edge_id) => self.seen.edge_index(edge_id).and_then(|index| {
                let path = self.geometry.paths.get(index)?;
                Some(Rect::from_center_size(path.at(path.length / 2.0).0, Vec2::splat(20.0)))
            }),
        };
        let Some(bounds) = bounds.map(|bounds| camera.rect_on_screen(bounds)) else { return };
        let inner = viewport.shrink(24.0);
        if !inner.contains_rect(bounds) {
            let by = bounds.center().clamp(inner.min, inner.max) - bounds.center();
            let centered = viewport.center() - bounds.center();
            let by = if viewport.intersects(bounds) { by } else { centered };
            self.camera = Some(Camera { origin: camera.origin + by, ..camera });
            self.taken = true;
        }
    }

    /// Until the user takes the camera it shows everything, anew whenever the room or the first layout changes. Once that has
    /// settled it moves only when something stands outside of what is seen.
    pub(super) fn follow_layout(&mut self, viewport: Rect) {
        let Some(bounds) = self.geometry.bounds else { return };
        let (revision, is_settled) = (self.placement().revision(), self.placement().is_settled());
        let is_outside = || self.camera.is_none_or(|camera| !viewport.contains_rect(camera.rect_on_screen(bounds)));
        let due = self.fitted_to.is_none_or(|(fitted, of)| fitted != viewport || (of != revision && (!is_settled || is_outside())));
        if self.taken || !due || self.carried.is_some() {
            return;
        }
        let room = Rect::from_min_max(viewport.min + egui::vec2(0.0, chrome::MODES_HEIGHT_PT), viewport.max);
        let boxes = self.geometry.rects.iter().flatten().copied().reduce(Rect::union).unwrap_or(bounds);
        let spread = Spread::of(self.placement().placed(), bounds.size() - boxes.size(), Camera::room(room));
        if spread != self.spread {
            self.spread = spread;
            self.lead_paths();
        }
        self.camera = Some(Camera::fit(self.geometry.bounds.unwrap_or(bounds), room));
        self.fitted_to = Some((viewport, revision));
    }

    /// A box that is dragged stands where the pointer leaves it.
    pub(super) fn carry_box(&mut self, ui: &egui::Ui, response: &egui::Response) {
        let Some(camera) = self.camera else { return };
        if response.drag_started_by(egui::PointerButton::Primary) {
            let pressed = ui.input(|input| input.pointer.press_origin());
            self.carried = pressed.and_then(|at| self.box_at(camera.on_map(at)));
        }
        if let Some((node_id, inside)) = self.carried {
            match response.interact_pointer_pos().filter(|_| response.dragged()) {
                Some(pointer) => {
                    let placement = self.placements.of_mut(self.shown.mode);
                    placement.put(node_id, self.spread.in_layout(camera.on_map(pointer) - inside));
                    self.geometry_of = (self.topology_revision, placement.revision());
                    self.lead_paths();
                    self.taken = true;
                }
                None => self.carried = None,
            }
        }
    }

    /// The box at a point of the map, and where in it from its middle.
    fn box_at(&self, at: Pos2) -> Option<(NodeId, Vec2)> {
        let found = self.geometry.rects.iter().zip(&self.seen.nodes).rev().find(|(rect, _)| rect.is_some_and(|rect| rect.contains(at)))?;
        Some((found.1.node_id, at - found.0.map_or(at, |rect| rect.center())))
    }

    pub(super) fn move_camera(&mut self, ui: &egui::Ui, response: &egui::Response) {
        let Some(camera) = self.camera else { return };
        let moved = pointer::moved_camera(ui, response, camera, self.carried.is_some());
        if moved != camera {
            self.camera = Some(moved);
            self.taken = true;
        }
    }
}
