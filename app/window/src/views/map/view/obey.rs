//! What the map does when it is told to: by commands, by what lies over it, and by its side panel.

use egui::Rect;

use super::MapView;
use crate::{
    view::UiCommand,
    views::map::{
        chrome::ChromeAction,
        geometry::Geometry,
        layout::LayoutGraph,
        mode::Mode,
        noise::NoiseRules,
        panel_ui::PanelAction,
        place::Placement,
        problems,
        scene::Selection,
        settings::NumHops,
        topic::{Ask, Topic},
        walk::{self, Step},
    },
};

impl MapView {
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
            UiCommand::FilterView => self.ask(Ask::List(Topic::Hidden)),
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
            UiCommand::NextEdgeLabel => self.edge_label = self.edge_label.next(),
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
    pub(super) fn open(&mut self, selection: Selection) {
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

    fn walk(&mut self, step: Step) {
        let next = walk::walk(&self.seen, &self.geometry, self.selected, step);
        self.select(next);
        self.show_selected();
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

    /// Obeys what lies over the map.
    pub(super) fn obey(&mut self, asked: ChromeAction, viewport: Rect) {
        match asked {
            ChromeAction::Mode(mode) => self.set_mode(mode),
            ChromeAction::Hops(num_hops) => self.set_hops(num_hops),
            ChromeAction::GroupBy(by) => {
                self.shown.group_by = by;
                self.placements.problems = Placement::default();
                self.is_stale = true;
                self.fit();
            }
            ChromeAction::Label(label) => self.edge_label = label,
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
}
