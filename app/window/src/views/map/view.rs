//! The map as a view: its state from frame to frame. `obey` does what it is told to, `look` moves the camera.

mod look;
mod obey;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use egui::{Rect, Sense, Vec2, WidgetInfo, accesskit::Role};
use switchboard_engine::view::{Answer, EdgeId, NodeId, NodeKind, Query, Range, Snapshot};

use super::{
    camera::Camera,
    chrome,
    draw::{self, Sight},
    edge_label::{self, EdgeFigure, EdgeLabel, EdgeLabels},
    geometry::Geometry,
    layout::LayoutGraph,
    lit::Ways,
    mode::Mode,
    noise::NoiseRules,
    paint::{Dots, MapPainter},
    panel::{
        Known, Panel,
        answers::{self, Revisions},
    },
    place::{self, Placement},
    pointer::{self, Click},
    recovery::Recoveries,
    scene::{Scene, Selection},
    settings::{MapSettings, Places},
    shown::Shown,
    spread::Spread,
    table::MapTable,
    topic::{Ask, Topic},
};
use crate::{
    sanitise::visible,
    theme::DesignTokens,
    view::{Asker, Slot, TimeRange},
    words::probes::FailingProbe,
};

/// Figures change at most this often, s.
const FIGURES_EVERY_S: f64 = 1.0;
/// Between two pictures of dots that move along the selected edge.
const DOTS_EVERY: Duration = Duration::from_millis(50);
/// Of more edges in view the figures of a longer range are not asked for.
const LABELS_ASKED_MAX: usize = 64;
/// They are asked for anew at most this often, s.
const LABELS_EVERY_S: f64 = 2.0;
/// How fast they move, points a second.
const DOTS_PT_PER_S: f64 = 70.0;

/// Whether anything on the map may move by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Motion<'a> {
    /// Nothing.
    Still,
    /// Dots along the selected edge, along those out of channels into which is replayed, and along the way of what was just sent.
    Moving {
        /// Those channels, while a replay runs.
        replayed_into: &'a [String],
        /// That way.
        lit: &'a Ways,
    },
}

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
    /// How far apart what is placed stands in this pane.
    spread: Spread,
    /// Built from this snapshot, at this time.
    built: Option<(Snapshot, f64)>,
    now_ns: i64,
    scene_revision: u64,
    topology_revision: u64,
    width_steps: Vec<u8>,
    steps_of_edges: BTreeMap<EdgeId, u8>,
    camera: Option<Camera>,
    /// Where the camera was fitted to; moves with the window until the user takes the camera.
    fitted_to: Option<(Rect, u64)>,
    taken: bool,
    selected: Option<Selection>,
    /// An instance of the selected service that is looked at.
    instance: Option<String>,
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
    /// Probes that fail.
    probes: Vec<FailingProbe>,
    edge_label: EdgeLabel,
    /// What edges with labels did over the range; `None` = the range is the minute that each edge has figures of.
    label_figures: Option<BTreeMap<EdgeId, EdgeFigure>>,
    viewport: Option<Rect>,
    /// The places of profiles that are not shown now.
    others: MapSettings,
    profile: String,
}

/// What a panel is of: scene, selection with its instance, topic, answers.
type PanelOf = (u64, (Option<Selection>, Option<String>), Topic, Revisions);

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
        (self.shown.mode, self.shown.num_hops, self.shown.open) = (settings.mode, settings.num_hops, places.open);
        self.shown.group_by.clone_from(&settings.group_by);
        self.edge_label = settings.edge_label;
        self.placements = Placements { problems: Placement::remembering(places.problems), all: Placement::remembering(places.all), near: Placement::default() };
        profile.clone_into(&mut self.profile);
        self.others = settings;
    }

    /// What is to be remembered.
    pub(crate) fn to_remember(&self) -> MapSettings {
        let mut settings = self.others.clone();
        settings.noise.clone_from(&self.noise);
        (settings.mode, settings.num_hops) = (self.shown.mode, self.shown.num_hops);
        settings.group_by.clone_from(&self.shown.group_by);
        settings.edge_label = self.edge_label;
        let places = Places { problems: self.placements.problems.to_remember(), all: self.placements.all.to_remember(), open: self.shown.open.clone() };
        if places != Places::default() {
            settings.profiles.insert(self.profile.clone(), places);
        }
        settings.within_bounds()
    }

    /// Takes in which probes fail; the next update shows it.
    pub(crate) fn take_probes(&mut self, probes: Vec<FailingProbe>) {
        self.is_stale |= self.probes != probes;
        self.probes = probes;
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
            // After that: a probe that ended has not recovered.
            self.scene.mark_probes(&snapshot.topology, &self.probes, now_ns);
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
            self.spread = self.spread.renewed(placement.placed());
            self.lead_paths();
        }
    }

    /// Computes all paths anew, between boxes as they stand in this pane.
    fn lead_paths(&mut self) {
        let placement = self.placements.of(self.shown.mode);
        self.geometry = Geometry::of(&self.seen, &self.spread.apply(placement.placed()), placement.pinned());
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

    /// Whether a layout is computed beside the window, for tests and benches.
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

    /// Where boxes stand in this pane, for tests.
    #[cfg(test)]
    pub(crate) fn boxes_for_tests(&self) -> impl Iterator<Item = Rect> {
        self.geometry.rects.iter().flatten().copied()
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

    /// The instance of the selected service that is looked at.
    pub(crate) fn instance(&self) -> Option<&str> {
        self.instance.as_deref().filter(|_| matches!(self.selected, Some(Selection::Node(_))))
    }

    /// Looks at an instance of the selected service.
    pub(crate) fn look_at_instance(&mut self, instance: &str) {
        self.instance = Some(instance.to_owned());
    }

    /// Selects; what a group hides of it comes out.
    pub(crate) fn select(&mut self, selection: Option<Selection>) {
        self.selected = selection.filter(|selection| self.has(*selection));
        self.instance = None;
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

    /// Whether it is shown as a table.
    pub(crate) fn is_table(&self) -> bool {
        self.as_table
    }

    /// The snapshot that the scene was built from, and a number that rises with each scene.
    pub(crate) fn shown(&self) -> Option<(&Snapshot, u64)> {
        self.built.as_ref().map(|(snapshot, _)| (snapshot, self.scene_revision))
    }

    /// What is to be asked about what is selected, and the range that figures are of.
    pub(crate) fn questions(&self, range: TimeRange, as_of_ns: i64) -> Option<(Range, Vec<(Slot, Query)>)> {
        let (snapshot, _) = self.shown()?;
        Some(answers::questions(&self.scene, snapshot, (self.selected?, self.instance()), range, as_of_ns))
    }

    /// Asks for what stands on edges in view, where that is of another range than the last minute.
    pub(crate) fn ask_labels(&mut self, asker: &mut Asker, range: TimeRange, as_of_ns: i64) {
        self.label_figures = None;
        if self.edge_label == EdgeLabel::Auto || range == TimeRange::M1 {
            return;
        }
        let range = answers::figures_range(range, as_of_ns);
        let (Some(camera), Some(viewport)) = (self.camera, self.viewport) else { return };
        let is_in_view = |index: usize| self.geometry.paths.get(index).is_some_and(|path| camera.rect_on_screen(path.bounds).intersects(viewport));
        let in_view = (0..self.seen.edges.len()).filter(|index| is_in_view(*index)).map(|index| &self.seen.edges[index]);
        let mut known = BTreeMap::new();
        // A bundle stands for several hops; what they did together over a range nobody knows.
        for edge in in_view.filter(|edge| edge.bundle.is_empty()).take(LABELS_ASKED_MAX) {
            let standing = asker.standing_each(Slot::EdgeLabel(edge.edge_id), &edge_label::question(edge, range), LABELS_EVERY_S);
            if let Some(Answer::History(history)) = standing.answer {
                known.extend(EdgeFigure::of_range(&history.now).map(|figure| (edge.edge_id, figure)));
            }
        }
        self.label_figures = Some(known);
    }

    /// The side panel for what is selected.
    pub(crate) fn panel(&mut self, known: &Known<'_>) -> &Panel {
        let key = (self.scene_revision, (self.selected, self.instance().map(str::to_owned)), self.topic, known.answers.revisions);
        if let Some((shown, _)) = self.shown()
            && self.panel.as_ref().is_none_or(|(of, _)| *of != key)
        {
            let scenes = (&self.scene, &self.seen);
            self.panel = Some((key, Panel::build(scenes, shown, (self.selected, self.instance(), self.topic), &self.noise, known)));
        }
        let (_, panel) = self.panel.get_or_insert_with(Default::default);
        panel
    }

    /// Draws the map, or its table, into all the room there is.
    pub(crate) fn ui(&mut self, ui: &mut egui::Ui, tokens: &DesignTokens, motion: Motion<'_>) {
        if self.as_table {
            let chosen = self.table.ui(ui, &self.scene, self.scene_revision, self.selected, tokens);
            if chosen.is_some() {
                self.select(chosen);
                ui.ctx().request_repaint();
            }
        } else {
            self.map_ui(ui, tokens, motion);
        }
        if self.is_stale {
            ui.ctx().request_repaint();
        }
    }

    /// Along which edges dots move: the one that is selected, those out of a channel into which is replayed now, and the way of what was just sent.
    pub(super) fn moving_edges(&self, motion: Motion<'_>) -> Vec<usize> {
        let Motion::Moving { replayed_into, lit } = motion else { return Vec::new() };
        let selected = match self.selected {
            Some(Selection::Edge(edge_id)) => self.seen.edge_index(edge_id),
            _ => None,
        };
        let is_replayed = |index: &usize| {
            let (from, to) = (&self.seen.nodes[self.seen.edges[*index].from], &self.seen.nodes[self.seen.edges[*index].to]);
            let is_outside = matches!(from.kind, NodeKind::User | NodeKind::Missing);
            if lit.hops.iter().any(|(lit_from, lit_to)| *lit_from == from.full_name && *lit_to == to.full_name)
                || is_outside && lit.entered.contains(&to.full_name)
            {
                return true;
            }
            from.kind == NodeKind::Channel && replayed_into.iter().any(|channel| visible(channel) == from.full_name)
        };
        selected.into_iter().chain((0..self.seen.edges.len()).filter(is_replayed)).collect()
    }

    /// Boxes on the way of what was just sent.
    pub(super) fn lit_boxes(&self, motion: Motion<'_>) -> BTreeSet<NodeId> {
        let Motion::Moving { lit, .. } = motion else { return BTreeSet::new() };
        if lit.boxes.is_empty() {
            return BTreeSet::new();
        }
        self.seen.nodes.iter().filter(|node| lit.boxes.contains(&node.full_name)).map(|node| node.node_id).collect()
    }

    fn map_ui(&mut self, ui: &mut egui::Ui, tokens: &DesignTokens, motion: Motion<'_>) {
        let viewport = ui.available_rect_before_wrap();
        ui.advance_cursor_after_rect(viewport);
        // The edges of panels to the right and below are dragged from either side.
        let within = Rect::from_min_max(viewport.min, viewport.max - Vec2::splat(ui.style().interaction.resize_grab_radius_side));
        let response = ui.interact(within, egui::Id::unique("map"), Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(Role::Group, true, "map"));
        self.viewport = Some(viewport);
        self.follow_layout(viewport);
        self.carry_box(ui, &response);
        self.move_camera(ui, &response);
        let Some(camera) = self.camera else { return };

        let lit_boxes = self.lit_boxes(motion);
        let sight = Sight {
            scene: &self.seen,
            geometry: &self.geometry,
            camera,
            viewport,
            hovered: self.hovered,
            selected: self.selected,
            width_steps: &self.width_steps,
            labels: EdgeLabels { label: self.edge_label, of_range: self.label_figures.as_ref() },
            newcomers: self.placements.of(self.shown.mode).newcomers(),
            pinned: self.placements.of(self.shown.mode).pinned(),
            on_the_way: &lit_boxes,
        };
        let list = draw::draw_list(&sight);
        let dots = Dots { way_pt: (ui.input(|input| input.time) * DOTS_PT_PER_S) as f32, edges: self.moving_edges(motion) };
        let dots = Some(&dots).filter(|dots| !dots.edges.is_empty());
        if dots.is_some() {
            ui.ctx().request_repaint_after(DOTS_EVERY);
        }
        self.painter.paint(&ui.painter_at(viewport), &sight, &list, dots, tokens);
        let outcome = pointer::interact(ui, &sight, &list, &response, std::mem::take(&mut self.focus_selected));
        let placement = self.placements.of(self.shown.mode);
        let mut asked = chrome::minimap_ui(ui, &sight, self.shown.mode == Mode::All, tokens);
        asked = asked.or(chrome::notes_ui(ui, viewport, list.num_outside, placement.newcomers().len(), tokens));
        asked = asked.or(chrome::modes_ui(ui, viewport, (&self.shown, self.edge_label), &self.scene, tokens));
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
}
