//! The map as a view: its state from frame to frame, and how it answers pointer and keys.

use std::sync::Arc;

use egui::{Id, Pos2, Rect, Sense, Vec2, WidgetInfo, accesskit::Role, vec2};
use switchboard_engine::view::{NodeId, Snapshot};

use super::{
    draw::{self, Camera, DrawList, Sight},
    geometry::Geometry,
    layout::LayoutGraph,
    paint::MapPainter,
    panel::Panel,
    place::{self, Placement},
    problems,
    scene::{Scene, Selection, edge_in_words, node_in_words},
    table::{self, TableRow},
    walk::{self, Step},
};
use crate::window::theme::{DesignTokens, Ink, TEXT_SMALL_PT};

/// Figures change at most this often, s.
const FIGURES_EVERY_S: f64 = 1.0;
/// With more boxes in view only the hovered and the selected one are told to screen readers; the table lists all.
const SPOKEN_NODES_MAX: usize = 250;

/// The map.
#[derive(Default)]
pub(crate) struct MapView {
    scene: Scene,
    graph: LayoutGraph,
    placement: Placement,
    geometry: Geometry,
    geometry_of: (u64, u64),
    /// Built from this snapshot, at this time.
    built: Option<(Snapshot, f64)>,
    scene_revision: u64,
    topology_revision: u64,
    width_steps: Vec<u8>,
    steps_of_edges: std::collections::BTreeMap<switchboard_engine::view::EdgeId, u8>,
    camera: Option<Camera>,
    /// Where the camera was fitted to; moves with the window until the user takes the camera.
    fitted_to: Option<(Rect, u64)>,
    taken: bool,
    selected: Option<Selection>,
    hovered: Option<Selection>,
    focus_selected: bool,
    painter: MapPainter,
    as_table: bool,
    rows: Option<(u64, Vec<TableRow>)>,
    scroll_to_selected: bool,
    panel: Option<((u64, Option<Selection>), Panel)>,
    viewport: Option<Rect>,
}

impl MapView {
    /// Takes in a snapshot at the time `now_ns` (wall) and `now_s` (monotonic). With a context, large layouts are computed
    /// on a thread of their own; without one everything is done on return.
    pub(crate) fn update(&mut self, snapshot: &Snapshot, now_ns: i64, now_s: f64, ctx: Option<&egui::Context>) {
        if self.built.as_ref().is_some_and(|(built, _)| built.started_ns != snapshot.started_ns) {
            // Another session gives its ids anew.
            *self = Self { as_table: self.as_table, scene_revision: self.scene_revision, ..Self::default() };
        }
        let mut topology_changed = false;
        if self.is_due(snapshot, now_s) {
            topology_changed = self.built.as_ref().is_none_or(|(built, _)| built.topology.version != snapshot.topology.version);
            self.scene = Scene::build(snapshot, now_ns);
            self.built = Some((snapshot.clone(), now_s));
            self.scene_revision += 1;
            if topology_changed {
                self.topology_revision += 1;
                self.graph = place::layout_graph(&self.scene);
            }
            self.note_widths();
        }
        if topology_changed || self.placement.is_pending() {
            self.placement.update(&self.graph, now_s, ctx);
        }
        let geometry_of = (self.topology_revision, self.placement.revision());
        if self.geometry_of != geometry_of {
            self.geometry = Geometry::of(&self.scene, self.placement.placed());
            self.geometry_of = geometry_of;
        }
        if self.selected.is_some_and(|selected| !self.scene.has(selected)) {
            self.selected = None;
        }
        if self.hovered.is_some_and(|hovered| !self.scene.has(hovered)) {
            self.hovered = None;
        }
    }

    /// New states are shown at once, new figures at most once a second.
    fn is_due(&self, snapshot: &Snapshot, now_s: f64) -> bool {
        let Some((built, built_s)) = &self.built else { return true };
        let new_state = built.topology.version != snapshot.topology.version
            || !Arc::ptr_eq(&built.breakers, &snapshot.breakers)
            || !Arc::ptr_eq(&built.dead_letters, &snapshot.dead_letters)
            || built.groups.len() != snapshot.groups.len()
            || built.groups.iter().zip(snapshot.groups.iter()).any(|(before, now)| before.verdict != now.verdict);
        new_state || now_s - built_s >= FIGURES_EVERY_S
    }

    /// When figures that are known already will be shown, in seconds from now; `None` if all are.
    pub(crate) fn figures_due_in_s(&self, snapshot: &Snapshot, now_s: f64) -> Option<f64> {
        let (built, built_s) = self.built.as_ref()?;
        (built.generation != snapshot.generation).then(|| (FIGURES_EVERY_S - (now_s - built_s)).max(0.0))
    }

    fn note_widths(&mut self) {
        self.width_steps =
            self.scene.edges.iter().map(|edge| draw::width_step(self.steps_of_edges.get(&edge.edge_id).copied(), edge.figure.rate_per_s)).collect();
        self.steps_of_edges = self.scene.edges.iter().zip(&self.width_steps).map(|(edge, step)| (edge.edge_id, *step)).collect();
    }

    /// Whether there is anything to show.
    pub(crate) fn is_empty(&self) -> bool {
        self.scene.nodes.is_empty()
    }

    /// What there is.
    pub(crate) fn scene(&self) -> &Scene {
        &self.scene
    }

    /// Where boxes stand, for tests.
    #[cfg(test)]
    pub(crate) fn placement(&self) -> &Placement {
        &self.placement
    }

    /// How the map is looked at, for tests.
    #[cfg(test)]
    pub(crate) fn camera(&self) -> Option<Camera> {
        self.camera
    }

    /// The part of the screen it is drawn in, for tests.
    #[cfg(test)]
    pub(crate) fn viewport(&self) -> Option<Rect> {
        self.viewport
    }

    /// What is selected.
    pub(crate) fn selected(&self) -> Option<Selection> {
        self.selected
    }

    /// Selects.
    pub(crate) fn select(&mut self, selection: Option<Selection>) {
        self.selected = selection.filter(|selection| self.scene.has(*selection));
        self.scroll_to_selected = true;
        self.focus_selected = true;
    }

    /// Whether it is shown as a table.
    pub(crate) fn is_table(&self) -> bool {
        self.as_table
    }

    /// Map or table.
    pub(crate) fn toggle_table(&mut self) {
        self.as_table = !self.as_table;
        self.scroll_to_selected = true;
    }

    /// Shows everything.
    pub(crate) fn fit(&mut self) {
        self.taken = false;
        self.fitted_to = None;
    }

    /// Larger or smaller around the middle.
    pub(crate) fn zoom(&mut self, factor: f32) {
        if let (Some(camera), Some(viewport)) = (self.camera, self.viewport) {
            self.camera = Some(camera.zoomed(factor, viewport.center()));
            self.taken = true;
        }
    }

    /// A step by arrow key.
    pub(crate) fn walk(&mut self, step: Step) {
        if self.as_table {
            self.walk_table(step);
            return;
        }
        let next = walk::walk(&self.scene, &self.geometry, self.selected, step);
        self.select(next);
        self.show_selected();
    }

    fn walk_table(&mut self, step: Step) {
        let Some((_, rows)) = &self.rows else { return };
        let place = rows.iter().position(|row| Some(row.selects) == self.selected);
        let next = match (place, step) {
            (None, _) => Some(0),
            (Some(place), Step::Up | Step::Left) => place.checked_sub(1),
            (Some(place), Step::Down | Step::Right) => Some(place + 1),
        };
        if let Some(row) = next.and_then(|next| rows.get(next)) {
            self.select(Some(row.selects));
        }
    }

    /// The snapshot that the scene was built from, and a number that rises with each scene.
    pub(crate) fn shown(&self) -> Option<(&Snapshot, u64)> {
        self.built.as_ref().map(|(snapshot, _)| (snapshot, self.scene_revision))
    }

    /// Selects the next problem that is on the map.
    pub(crate) fn next_problem(&mut self, now_ns: i64) {
        let Some((snapshot, _)) = self.shown() else { return };
        let mut places: Vec<Selection> = Vec::new();
        for selection in problems::problems(&self.scene, snapshot, now_ns).into_iter().filter_map(|problem| problem.selects) {
            if !places.contains(&selection) {
                places.push(selection);
            }
        }
        let place = self.selected.and_then(|selected| places.iter().position(|place| *place == selected));
        let next = place.map_or(0, |place| (place + 1) % places.len().max(1));
        if let Some(next) = places.get(next) {
            self.select(Some(*next));
            self.show_selected();
        }
    }

    /// The camera follows when a walk leaves the screen.
    fn show_selected(&mut self) {
        let (Some(selected), Some(camera), Some(viewport)) = (self.selected, self.camera, self.viewport) else { return };
        let bounds = match selected {
            Selection::Node(node_id) => self.scene.node_index(node_id).and_then(|index| self.geometry.rects[index]),
            Selection::Edge(edge_id) => self.scene.edge_index(edge_id).map(|index| {
                let path = &self.geometry.paths[index];
                Rect::from_center_size(path.at(path.length / 2.0).0, Vec2::splat(20.0))
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

    /// The side panel for what is selected.
    pub(crate) fn panel(&mut self, now_ns: i64) -> &Panel {
        let key = (self.scene_revision, self.selected);
        if let Some((shown, _)) = self.shown()
            && self.panel.as_ref().is_none_or(|(of, _)| *of != key)
        {
            self.panel = Some((key, Panel::build(&self.scene, shown, self.selected, now_ns)));
        }
        let (_, panel) = self.panel.get_or_insert_with(Default::default);
        panel
    }

    /// Draws the map, or its table, into all the room there is.
    pub(crate) fn ui(&mut self, ui: &mut egui::Ui, tokens: &DesignTokens) {
        if self.as_table {
            self.table_ui(ui, tokens);
        } else {
            self.map_ui(ui, tokens);
        }
    }

    fn table_ui(&mut self, ui: &mut egui::Ui, tokens: &DesignTokens) {
        if self.rows.as_ref().is_none_or(|(of, _)| *of != self.scene_revision) {
            self.rows = Some((self.scene_revision, table::rows(&self.scene)));
        }
        let Some((_, rows)) = &self.rows else { return };
        let scroll_to = std::mem::take(&mut self.scroll_to_selected);
        if let Some(chosen) = table::table_ui(ui, rows, self.selected, scroll_to, tokens) {
            self.selected = Some(chosen);
        }
    }

    fn map_ui(&mut self, ui: &mut egui::Ui, tokens: &DesignTokens) {
        let viewport = ui.available_rect_before_wrap();
        let response = ui.allocate_rect(viewport, Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(Role::Group, true, "map"));
        self.viewport = Some(viewport);
        self.follow_layout(viewport);
        self.move_camera(ui, &response);
        let Some(camera) = self.camera else { return };

        let sight = Sight {
            scene: &self.scene,
            geometry: &self.geometry,
            camera,
            viewport,
            hovered: self.hovered,
            selected: self.selected,
            width_steps: &self.width_steps,
        };
        let list = draw::draw_list(&sight);
        self.painter.paint(&ui.painter_at(viewport), &sight, &list, tokens);
        let outcome = interact(ui, &sight, &list, &response, std::mem::take(&mut self.focus_selected));
        hint_ui(ui, viewport, list.num_outside, tokens);
        if outcome.hovered != self.hovered {
            self.hovered = outcome.hovered;
            ui.ctx().request_repaint();
        }
        match outcome.clicked {
            Click::None => {}
            Click::Nothing => self.selected = None,
            Click::On(selection) => self.selected = Some(selection),
        }
        if !matches!(outcome.clicked, Click::None) {
            ui.ctx().request_repaint();
        }
        if outcome.fit {
            self.fit();
            ui.ctx().request_repaint();
        }
    }

    /// Until the user takes the camera it shows everything, anew whenever the room or the first layout changes. Once that has
    /// settled it moves only when something stands outside of what is seen.
    fn follow_layout(&mut self, viewport: Rect) {
        let Some(bounds) = self.geometry.bounds else { return };
        let revision = self.placement.revision();
        let is_outside = || self.camera.is_none_or(|camera| !viewport.contains_rect(camera.rect_on_screen(bounds)));
        let due = self.fitted_to.is_none_or(|(fitted, of)| fitted != viewport || (of != revision && (!self.placement.is_settled() || is_outside())));
        if !self.taken && due {
            self.camera = Some(Camera::fit(bounds, viewport));
            self.fitted_to = Some((viewport, revision));
        }
    }

    fn move_camera(&mut self, ui: &egui::Ui, response: &egui::Response) {
        let Some(mut camera) = self.camera else { return };
        let before = camera;
        if response.dragged() {
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
        if camera != before {
            self.camera = Some(camera);
            self.taken = true;
        }
    }
}

/// What a click was on.
#[derive(Clone, Copy)]
enum Click {
    None,
    Nothing,
    On(Selection),
}

struct Outcome {
    hovered: Option<Selection>,
    clicked: Click,
    fit: bool,
}

/// Pointer and keyboard on boxes, pills and edges. Boxes in view are widgets, so that keyboard and screen reader find them.
fn interact(ui: &egui::Ui, sight: &Sight<'_>, list: &DrawList, response: &egui::Response, focus_selected: bool) -> Outcome {
    let pointer = ui
        .input(|input| input.pointer.hover_pos())
        .filter(|pointer| sight.viewport.contains(*pointer) && ui.ctx().layer_id_at(*pointer) == Some(ui.layer_id()));
    let dragging = response.dragged();
    let under = |pointer: Option<Pos2>| pointer.filter(|_| !dragging).and_then(|pointer| draw::hit(sight, list, pointer));
    let mut outcome = Outcome { hovered: under(pointer), clicked: Click::None, fit: false };
    if response.clicked() {
        outcome.clicked = under(response.interact_pointer_pos()).map_or(Click::Nothing, Click::On);
    }
    if response.double_clicked() && under(response.interact_pointer_pos()).is_none() {
        outcome.fit = true;
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
        if widget.clicked() {
            // The pointer may be on a pill of another box above this one.
            let by_pointer = widget.interact_pointer_pos().and_then(|pointer| draw::hit(sight, list, pointer));
            outcome.clicked = Click::On(by_pointer.unwrap_or(own));
        }
        if outcome.hovered == Some(own) && list.detail < draw::Detail::Full {
            widget.on_hover_text(node_in_words(node));
        } else if outcome.hovered == Some(own) && node.name.chars().count() > 18 {
            widget.on_hover_text(&node.name);
        }
    }
    for pill in &list.pills {
        let Selection::Edge(edge_id) = pill.selects else { continue };
        let Some(index) = sight.scene.edge_index(edge_id) else { continue };
        let widget = ui.interact(pill.rect.intersect(sight.viewport), Id::unique(("edge pill", edge_id, pill.glyph)), Sense::click());
        widget.widget_info(|| WidgetInfo::labeled(Role::Button, true, edge_in_words(sight.scene, &sight.scene.edges[index])));
        if widget.clicked() {
            outcome.clicked = Click::On(pill.selects);
        }
    }
    outcome
}

fn node_widget_id(node_id: NodeId) -> Id {
    Id::unique(("map node", node_id))
}

/// Says so when boxes lie outside of what is seen.
fn hint_ui(ui: &egui::Ui, viewport: Rect, num_outside: usize, tokens: &DesignTokens) {
    if num_outside > 0 {
        let text = format!("{num_outside} outside · F shows all");
        let at = viewport.right_bottom() - vec2(16.0, 12.0);
        ui.painter_at(viewport).text(at, egui::Align2::RIGHT_BOTTOM, text, crate::window::fonts::words(TEXT_SMALL_PT), tokens.ink(Ink::Dim));
    }
}
