//! The map as a view: its state from frame to frame, and how it answers commands.

use std::sync::Arc;
use std::time::Duration;

use egui::{Pos2, Rect, Sense, Vec2, WidgetInfo, accesskit::Role};
use switchboard_engine::view::{NodeId, Query, Range, Snapshot};

use super::{
    chrome::{self, ChromeAction},
    draw::{self, Camera, Sight},
    geometry::Geometry,
    layout::LayoutGraph,
    mode::Mode,
    noise::NoiseRules,
    paint::MapPainter,
    panel::{
        Known, Panel,
        answers::{self, Revisions},
    },
    panel_ui::PanelAction,
    place::{self, Placement},
    pointer::{self, Click},
    problems,
    recovery::Recoveries,
    scene::{Scene, Selection},
    settings::{MapSettings, NumHops, Places},
    shown::Shown,
    table::MapTable,
    topic::{Ask, Topic},
    walk::{self, Step},
};
use crate::window::{asker::Slot, command::UiCommand, theme::DesignTokens, view::TimeRange};

/// Figures change at most this often, s.
const FIGURES_EVERY_S: f64 = 1.0;
/// Between two pictures of dots that move along the selected edge.
const DOTS_EVERY: Duration = Duration::from_millis(50);
/// How fast they move, points a second.
const DOTS_PT_PER_S: f64 = 70.0;

/// The map.
#[derive(Default)]
pub(crate) struct MapView {
    /// Everything that was observed but for noise.
    scene: Scene,
    /// What of it is shown.
    seen: Scene,
    shown: Shown,
    graph: LayoutGraph,
    placements: Placements,
    geometry: Geometry,
    geometry_of: (u64, u64),
    /// Built from this snapshot, at this time.
    built: Option<(Snapshot, f64)>,
    now_ns: i64,
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
    /// A box that the pointer carries, and where in it the pointer is.
    carried: Option<(NodeId, Vec2)>,
    focus_selected: bool,
    painter: MapPainter,
    as_table: bool,
    table: MapTable,
    panel: Option<(PanelOf, Panel)>,
    /// What is listed while nothing is selected.
    topic: Topic,
    noise: NoiseRules,
    /// What decides over the scene has changed since it was built.
    is_stale: bool,
    /// The user wants all boxes placed anew.
    wants_arranged: bool,
    /// Once they are, all of the map is shown.
    fits_arranged: bool,
    recoveries: Recoveries,
    viewport: Option<Rect>,
    /// The places of profiles that are not shown now.
    others: MapSettings,
    profile: String,
}

/// What a panel is of: scene, selection, topic, answers.
type PanelOf = (u64, Option<Selection>, Topic, Revisions);

/// Each mode has places of its own.
#[derive(Default)]
struct Placements {
    problems: Placement,
    all: Placement,
    near: Placement,
}

impl Placements {
    fn of(&self, mode: Mode) -> &Placement {
        match mode {
            Mode::Problems => &self.problems,
            Mode::All => &self.all,
            Mode::Neighbourhood => &self.near,
        }
    }

    fn of_mut(&mut self, mode: Mode) -> &mut Placement {
        match mode {
            Mode::Problems => &mut self.problems,
            Mode::All => &mut self.all,
            Mode::Neighbourhood => &mut self.near,
        }
    }
}

impl MapView {
    /// Takes what was remembered, for this profile.
    pub(crate) fn remember(&mut self, settings: MapSettings, profile: &str) {
        let places = settings.profiles.get(profile).cloned().unwrap_or_default();
        self.noise.clone_from(&settings.noise);
        self.shown = Shown::default();
        (self.shown.mode, self.shown.num_hops, self.shown.group_by, self.shown.open) = (settings.mode, settings.num_hops, settings.group_by, places.open);
        self.placements = Placements { problems: Placement::remembering(places.problems), all: Placement::remembering(places.all), near: Placement::default() };
        profile.clone_into(&mut self.profile);
        self.others = settings;
    }

    /// What is to be remembered.
    pub(crate) fn to_remember(&self) -> MapSettings {
        let mut settings = self.others.clone();
        settings.noise.clone_from(&self.noise);
        (settings.mode, settings.num_hops, settings.group_by) = (self.shown.mode, self.shown.num_hops, self.shown.group_by);
        let places = Places { problems: self.placements.problems.to_remember(), all: self.placements.all.to_remember(), open: self.shown.open.clone() };
        if places != Places::default() {
            settings.profiles.insert(self.profile.clone(), places);
        }
        settings.within_bounds()
    }

    /// Takes in a snapshot at the time `now_ns` (wall) and `now_s` (monotonic). With a context, large layouts are computed
    /// on a thread of their own; without one everything is done on return.
    pub(crate) fn update(&mut self, snapshot: &Snapshot, now_ns: i64, now_s: f64, ctx: Option<&egui::Context>) {
        if self.built.as_ref().is_some_and(|(built, _)| built.started_ns != snapshot.started_ns) {
            // Another session gives its ids anew.
            let remembered = self.to_remember();
            let (as_table, scene_revision, profile) = (self.as_table, self.scene_revision, std::mem::take(&mut self.profile));
            *self = Self { scene_revision, as_table, ..Self::default() };
            self.remember(remembered, &profile);
        }
        let mut graph_changed = false;
        if self.is_stale || self.is_due(snapshot, now_s) {
            self.now_ns = now_ns;
            self.scene = Scene::without(&self.noise, snapshot, now_ns);
            self.recoveries.mark(&mut self.scene, now_ns);
            self.built = Some((snapshot.clone(), now_s));
            self.is_stale = false;
            self.scene_revision += 1;
            if self.shown.mode == Mode::Neighbourhood && self.shown.centre.is_none() {
                self.shown.centre_on(&self.scene, self.selected);
            }
            self.seen = self.shown.of(&self.scene, self.placements.of(self.shown.mode).pinned());
            let graph = place::layout_graph(&self.seen);
            graph_changed = !graph.is_same(&self.graph);
            if graph_changed {
                self.graph = graph;
            }
            // Boxes and edges have other indices when others came, whatever their places.
            self.topology_revision += 1;
            self.note_widths();
        }
        let placement = self.placements.of_mut(self.shown.mode);
        if std::mem::take(&mut self.wants_arranged) {
            placement.arrange(&self.graph, ctx);
            self.fits_arranged = true;
        }
        if graph_changed || placement.is_pending() || !placement.is_settled() {
            placement.update(&self.graph, now_s, ctx);
        }
        if self.fits_arranged && !placement.is_pending() {
            self.fits_arranged = false;
            self.fit();
        }
        let placement = self.placements.of_mut(self.shown.mode);
        let geometry_of = (self.topology_revision, placement.revision());
        if self.geometry_of != geometry_of {
            self.update_geometry(graph_changed);
            self.geometry_of = geometry_of;
        }
        if self.selected.is_some_and(|selected| !self.has(selected)) {
            self.selected = None;
        }
        if self.hovered.is_some_and(|hovered| !self.seen.has(hovered)) {
            self.hovered = None;
        }
    }

    fn update_geometry(&mut self, graph_changed: bool) {
        let placement = self.placements.of(self.shown.mode);
        let is_as_before = !graph_changed && self.geometry_of.1 == placement.revision() && self.geometry.is_of(&self.seen);
        if !is_as_before {
            self.geometry = Geometry::of(&self.seen, placement.placed());
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
            self.seen.edges.iter().map(|edge| draw::width_step(self.steps_of_edges.get(&edge.edge_id).copied(), edge.figure.rate_per_s)).collect();
        self.steps_of_edges = self.seen.edges.iter().zip(&self.width_steps).map(|(edge, step)| (edge.edge_id, *step)).collect();
    }

    fn has(&self, selection: Selection) -> bool {
        self.seen.has(selection) || self.scene.has(selection)
    }

    fn placement(&self) -> &Placement {
        self.placements.of(self.shown.mode)
    }

    /// Whether a layout is computed beside the window.
    pub(crate) fn is_computing(&self) -> bool {
        self.placement().is_pending()
    }

    /// Whether there is anything to show.
    pub(crate) fn is_empty(&self) -> bool {
        self.scene.nodes.is_empty()
    }

    /// Everything there is but noise, whether it is shown or not.
    pub(crate) fn scene(&self) -> &Scene {
        &self.scene
    }

    /// What is shown of it, for tests.
    #[cfg(test)]
    pub(crate) fn shown_scene(&self) -> &Scene {
        &self.seen
    }

    /// Where boxes stand, for tests.
    #[cfg(test)]
    pub(crate) fn placement_for_tests(&self) -> &Placement {
        self.placement()
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

    /// Selects; what a group hides of it comes out.
    pub(crate) fn select(&mut self, selection: Option<Selection>) {
        self.selected = selection.filter(|selection| self.has(*selection));
        self.topic = Topic::Problems;
        self.focus_selected = true;
        self.table.reveal(self.selected);
        match self.selected {
            Some(selected) => {
                if self.scene.has(selected) && self.shown.is_grouped() {
                    self.is_stale |= self.shown.visit(&self.scene, &self.seen, selected);
                }
                if let Selection::Node(node_id) = selected {
                    self.placements.of_mut(self.shown.mode).see(node_id);
                }
            }
            None => self.is_stale |= self.shown.leave(),
        }
    }

    /// Shows what a part of the sentence speaks of.
    pub(crate) fn ask(&mut self, ask: Ask) {
        match ask {
            Ask::Select(selection) => {
                self.select(Some(selection));
                self.show_selected();
            }
            Ask::List(topic) => {
                self.select(None);
                self.topic = topic;
            }
        }
    }

    /// Carries out what was done in the side panel.
    pub(crate) fn act(&mut self, action: PanelAction) {
        match action {
            PanelAction::SwitchRule(number, is_on) => {
                if let Some(rule) = self.noise.0.get_mut(number) {
                    rule.is_on = is_on;
                    self.is_stale = true;
                }
            }
            PanelAction::RemoveRule(number) if number < self.noise.0.len() => {
                let _removed = self.noise.0.remove(number);
                self.is_stale = true;
            }
            PanelAction::AddRule(of, pattern) => self.is_stale |= self.noise.add(of, &pattern),
            PanelAction::ResetRules => {
                self.noise = NoiseRules::default();
                self.is_stale = true;
            }
            PanelAction::RemoveRule(_) | PanelAction::Any(_) => {}
        }
    }

    /// Whether it is shown as a table.
    pub(crate) fn is_table(&self) -> bool {
        self.as_table
    }

    /// Obeys a command; false if it is none of the map's.
    pub(crate) fn run(&mut self, command: UiCommand) -> bool {
        if self.as_table
            && let Some(selected) = self.table.run(command, self.selected)
        {
            self.select(Some(selected));
            return true;
        }
        match command {
            UiCommand::NextProblem => self.next_problem(),
            UiCommand::FitMap => self.fit(),
            UiCommand::ZoomMapIn => self.zoom(1.25),
            UiCommand::ZoomMapOut => self.zoom(0.8),
            UiCommand::WalkLeft => self.walk(Step::Left),
            UiCommand::WalkRight => self.walk(Step::Right),
            UiCommand::WalkUp => self.walk(Step::Up),
            UiCommand::WalkDown => self.walk(Step::Down),
            UiCommand::ClearSelection => self.select(None),
            UiCommand::ToggleTable => {
                self.as_table = !self.as_table;
                self.table.reveal(self.selected);
            }
            UiCommand::MapProblems => self.set_mode(Mode::Problems),
            UiCommand::MapNeighbourhood => self.set_mode(Mode::Neighbourhood),
            UiCommand::MapAll => self.set_mode(Mode::All),
            UiCommand::HopsMore => self.set_hops(NumHops::of(self.shown.num_hops.0 + 1)),
            UiCommand::HopsLess => self.set_hops(NumHops::of(self.shown.num_hops.0.saturating_sub(1))),
            UiCommand::ArrangeMap => self.wants_arranged = true,
            UiCommand::PinBox => self.toggle_pin(),
            UiCommand::Open => {
                if let Some(selected) = self.selected {
                    self.open(selected);
                }
            }
            _ => return false,
        }
        true
    }

    /// How much is shown.
    pub(crate) fn mode(&self) -> Mode {
        self.shown.mode
    }

    /// Another mode, looked at as a whole.
    pub(crate) fn set_mode(&mut self, mode: Mode) {
        if mode == Mode::Neighbourhood {
            self.shown.centre_on(&self.scene, self.selected);
            self.placements.near = Placement::default();
        }
        self.shown.mode = mode;
        self.is_stale = true;
        self.graph = LayoutGraph::default();
        self.geometry = Geometry::default();
        self.fit();
    }

    fn set_hops(&mut self, num_hops: NumHops) {
        self.shown.num_hops = num_hops;
        if self.shown.mode == Mode::Neighbourhood {
            self.set_mode(Mode::Neighbourhood);
        }
    }

    /// A group opens into its boxes, or closes; of any other box the neighbourhood is shown.
    fn open(&mut self, selection: Selection) {
        let group = match selection {
            Selection::Node(node_id) => self.seen.node_index(node_id).map(|index| &self.seen.nodes[index]).filter(|node| node.cluster.is_some()),
            Selection::Edge(_) => None,
        };
        if let Some(group) = group {
            self.shown.toggle_open(&group.full_name.clone());
            self.selected = None;
            self.is_stale = true;
        } else {
            self.selected = Some(selection);
            self.set_mode(Mode::Neighbourhood);
        }
    }

    /// The selected box stays where it stands and outside of its group, or no more.
    fn toggle_pin(&mut self) {
        if let Some(Selection::Node(node_id)) = self.selected {
            self.placements.of_mut(self.shown.mode).toggle_pin(node_id);
            self.is_stale = true;
        }
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

    fn walk(&mut self, step: Step) {
        let next = walk::walk(&self.seen, &self.geometry, self.selected, step);
        self.select(next);
        self.show_selected();
    }

    /// The snapshot that the scene was built from, and a number that rises with each scene.
    pub(crate) fn shown(&self) -> Option<(&Snapshot, u64)> {
        self.built.as_ref().map(|(snapshot, _)| (snapshot, self.scene_revision))
    }

    /// Selects the next problem that is on the map.
    fn next_problem(&mut self) {
        let Some((snapshot, _)) = self.shown() else { return };
        let mut places: Vec<Selection> = Vec::new();
        for selection in problems::problems(&self.scene, snapshot, self.now_ns).into_iter().filter_map(|problem| problem.selects) {
            if !places.contains(&selection) {
                places.push(selection);
            }
        }
        let place = self.selected.and_then(|selected| places.iter().position(|place| *place == selected));
        let next = place.map_or(0, |place| (place + 1) % places.len().max(1));
        if let Some(next) = places.get(next) {
            self.ask(Ask::Select(*next));
        }
    }

    /// The camera follows when a walk leaves the screen.
    fn show_selected(&mut self) {
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

    /// What is to be asked about what is selected, and the range that figures are of.
    pub(crate) fn questions(&self, range: TimeRange, as_of_ns: i64) -> Option<(Range, Vec<(Slot, Query)>)> {
        let (snapshot, _) = self.shown()?;
        Some(answers::questions(&self.scene, snapshot, self.selected?, range, as_of_ns))
    }

    /// The side panel for what is selected.
    pub(crate) fn panel(&mut self, known: &Known<'_>) -> &Panel {
        let key = (self.scene_revision, self.selected, self.topic, known.answers.revisions);
        if let Some((shown, _)) = self.shown()
            && self.panel.as_ref().is_none_or(|(of, _)| *of != key)
        {
            let scenes = (&self.scene, &self.seen);
            self.panel = Some((key, Panel::build(scenes, shown, (self.selected, self.topic), &self.noise, known)));
        }
        let (_, panel) = self.panel.get_or_insert_with(Default::default);
        panel
    }

    /// Draws the map, or its table, into all the room there is. `moves` is whether anything on it may move by itself.
    pub(crate) fn ui(&mut self, ui: &mut egui::Ui, tokens: &DesignTokens, moves: bool) {
        if self.as_table {
            let chosen = self.table.ui(ui, &self.scene, self.scene_revision, self.selected, tokens);
            if chosen.is_some() {
                self.select(chosen);
                ui.ctx().request_repaint();
            }
        } else {
            self.map_ui(ui, tokens, moves);
        }
        if self.is_stale {
            ui.ctx().request_repaint();
        }
    }

    fn map_ui(&mut self, ui: &mut egui::Ui, tokens: &DesignTokens, moves: bool) {
        let viewport = ui.available_rect_before_wrap();
        let response = ui.allocate_rect(viewport, Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(Role::Group, true, "map"));
        self.viewport = Some(viewport);
        self.follow_layout(viewport);
        self.carry_box(ui, &response);
        self.move_camera(ui, &response);
        let Some(camera) = self.camera else { return };

        let sight = Sight {
            scene: &self.seen,
            geometry: &self.geometry,
            camera,
            viewport,
            hovered: self.hovered,
            selected: self.selected,
            width_steps: &self.width_steps,
            newcomers: self.placements.of(self.shown.mode).newcomers(),
            pinned: self.placements.of(self.shown.mode).pinned(),
        };
        let list = draw::draw_list(&sight);
        let dots = (moves && matches!(self.selected, Some(Selection::Edge(_)))).then(|| (ui.input(|input| input.time) * DOTS_PT_PER_S) as f32);
        if dots.is_some() {
            ui.ctx().request_repaint_after(DOTS_EVERY);
        }
        self.painter.paint(&ui.painter_at(viewport), &sight, &list, dots, tokens);
        let outcome = pointer::interact(ui, &sight, &list, &response, std::mem::take(&mut self.focus_selected));
        let placement = self.placements.of(self.shown.mode);
        let mut asked = chrome::minimap_ui(ui, &sight, self.shown.mode == Mode::All, tokens);
        asked = asked.or(chrome::notes_ui(ui, viewport, list.num_outside, placement.newcomers().len(), tokens));
        asked = asked.or(chrome::modes_ui(ui, viewport, &self.shown, self.scene.nodes.len(), tokens));
        let is_news = outcome.hovered != self.hovered || !matches!(outcome.clicked, Click::None) || outcome.opened.is_some() || outcome.fit || asked.is_some();
        self.hovered = outcome.hovered;
        match outcome.clicked {
            Click::None => {}
            Click::Nothing => self.select(None),
            Click::On(selection) => self.select(Some(selection)),
        }
        if let Some(Selection::Node(node_id)) = self.hovered {
            self.placements.of_mut(self.shown.mode).see(node_id);
        }
        if let Some(opened) = outcome.opened {
            self.open(opened);
        }
        if outcome.fit {
            self.fit();
        }
        if let Some(asked) = asked {
            self.obey(asked, viewport);
        }
        if is_news {
            ui.ctx().request_repaint();
        }
    }

    fn obey(&mut self, asked: ChromeAction, viewport: Rect) {
        match asked {
            ChromeAction::Mode(mode) => self.set_mode(mode),
            ChromeAction::Hops(num_hops) => self.set_hops(num_hops),
            ChromeAction::GroupBy(by) => {
                self.shown.group_by = by;
                self.placements.problems = Placement::default();
                self.is_stale = true;
                self.fit();
            }
            ChromeAction::Look(at) => {
                if let Some(camera) = &mut self.camera {
                    camera.origin = viewport.center() - at.to_vec2() * camera.scale;
                    self.taken = true;
                }
            }
            ChromeAction::Fit => self.fit(),
            ChromeAction::Arrange => self.wants_arranged = true,
            ChromeAction::SeeAll => self.placements.of_mut(self.shown.mode).see_all(),
        }
    }

    /// Until the user takes the camera it shows everything, anew whenever the room or the first layout changes. Once that has
    /// settled it moves only when something stands outside of what is seen.
    fn follow_layout(&mut self, viewport: Rect) {
        let Some(bounds) = self.geometry.bounds else { return };
        let (revision, is_settled) = (self.placement().revision(), self.placement().is_settled());
        let is_outside = || self.camera.is_none_or(|camera| !viewport.contains_rect(camera.rect_on_screen(bounds)));
        let due = self.fitted_to.is_none_or(|(fitted, of)| fitted != viewport || (of != revision && (!is_settled || is_outside())));
        if !self.taken && due && self.carried.is_none() {
            let over = chrome::modes_height(&self.shown, self.scene.nodes.len());
            let room = Rect::from_min_max(viewport.min + egui::vec2(0.0, over), viewport.max);
            self.camera = Some(Camera::fit(bounds, room));
            self.fitted_to = Some((viewport, revision));
        }
    }

    /// A box that is dragged stands where the pointer leaves it.
    fn carry_box(&mut self, ui: &egui::Ui, response: &egui::Response) {
        let Some(camera) = self.camera else { return };
        if response.drag_started_by(egui::PointerButton::Primary) {
            let pressed = ui.input(|input| input.pointer.press_origin());
            self.carried = pressed.and_then(|at| self.box_at(camera.on_map(at)));
        }
        if let Some((node_id, inside)) = self.carried {
            match response.interact_pointer_pos().filter(|_| response.dragged()) {
                Some(pointer) => {
                    let placement = self.placements.of_mut(self.shown.mode);
                    placement.put(node_id, camera.on_map(pointer) - inside);
                    self.geometry = Geometry::of(&self.seen, placement.placed());
                    self.geometry_of = (self.topology_revision, placement.revision());
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

    fn move_camera(&mut self, ui: &egui::Ui, response: &egui::Response) {
        let Some(camera) = self.camera else { return };
        let moved = pointer::moved_camera(ui, response, camera, self.carried.is_some());
        if moved != camera {
            self.camera = Some(moved);
            self.taken = true;
        }
    }
}
