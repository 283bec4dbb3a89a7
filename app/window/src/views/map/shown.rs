//! What of the scene is shown: by mode, with groups, pinned boxes and what is looked at. Pure.

use std::collections::BTreeSet;

use switchboard_engine::view::{NodeId, NodeKind};

use super::{
    grouping::{self, Apart, GROUPED_FROM, GroupBy, GroupIds},
    mode::Mode,
    scene::{Scene, Selection},
    settings::NumHops,
};

/// Once grouped, boxes are until there are fewer than this.
const GROUPED_UNTIL: usize = 30;
/// More boxes that were looked at go back into their groups, the oldest first.
const VISITED_MAX: usize = 24;

/// What is shown, and what of it the user has opened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// How much.
    pub mode: Mode,
    /// How far around a box, steps.
    pub num_hops: NumHops,
    /// Which services stand together.
    pub group_by: GroupBy,
    /// Groups that stand open, by name.
    pub open: BTreeSet<String>,
    /// The box whose neighbourhood is shown.
    pub centre: Option<NodeId>,
    /// Boxes that were looked at, the latest last: they stand outside of their groups meanwhile.
    visited: Vec<NodeId>,
    is_grouped: bool,
    ids: GroupIds,
}

impl Shown {
    /// Whether boxes stand in groups now.
    pub(crate) fn is_grouped(&self) -> bool {
        self.is_grouped
    }

    /// What of the full scene is shown.
    pub(crate) fn of(&mut self, full: &Scene, pinned: &BTreeSet<NodeId>) -> Scene {
        self.is_grouped = self.mode == Mode::Problems && full.nodes.len() >= if self.is_grouped { GROUPED_UNTIL } else { GROUPED_FROM };
        match self.mode {
            Mode::Problems if self.is_grouped => {
                let mut apart: BTreeSet<NodeId> = pinned.clone();
                apart.extend(&self.visited);
                grouping::grouped(full, &self.group_by, Apart { pinned: &apart, open: &self.open }, &mut self.ids)
            }
            Mode::Neighbourhood => match self.centre.and_then(|centre| full.node_index(centre)) {
                Some(index) => grouping::neighbourhood(full, index, self.num_hops.0),
                None => full.clone(),
            },
            Mode::Problems | Mode::All => full.clone(),
        }
    }

    /// A box or an edge is looked at: what a group hides of it comes out. Whether anything did.
    pub(crate) fn visit(&mut self, full: &Scene, shown: &Scene, selection: Selection) -> bool {
        let is_inside = |node_id: &NodeId| shown.node_index(*node_id).is_none_or(|index| shown.nodes[index].node_id != *node_id);
        let ends: Vec<NodeId> = match selection {
            Selection::Node(node_id) => full.node_index(node_id).into_iter().map(|index| full.nodes[index].node_id).collect(),
            Selection::Edge(edge_id) => {
                let edge = full.edge_index(edge_id).map(|index| &full.edges[index]);
                edge.into_iter().flat_map(|edge| [edge.from, edge.to]).map(|end| full.nodes[end].node_id).collect()
            }
        };
        let hidden: Vec<NodeId> = ends.into_iter().filter(is_inside).collect();
        self.visited.retain(|node_id| !hidden.contains(node_id));
        self.visited.extend(&hidden);
        self.visited.drain(..self.visited.len().saturating_sub(VISITED_MAX));
        !hidden.is_empty()
    }

    /// What was looked at goes back; whether anything does.
    pub(crate) fn leave(&mut self) -> bool {
        !std::mem::take(&mut self.visited).is_empty()
    }

    /// Opens a group, or closes it.
    pub(crate) fn toggle_open(&mut self, name: &str) {
        if !self.open.remove(name) {
            self.open.insert(name.to_owned());
        }
    }

    /// The box whose neighbourhood is shown next: the selected one, else that of before, else where most happens.
    pub(crate) fn centre_on(&mut self, full: &Scene, selected: Option<Selection>) {
        let chosen = match selected {
            Some(Selection::Node(node_id)) => full.node_index(node_id),
            Some(Selection::Edge(edge_id)) => full.edge_index(edge_id).map(|index| full.edges[index].from),
            None => None,
        };
        let before = || self.centre.and_then(|centre| full.node_index(centre));
        let busiest = || {
            let services = (0..full.nodes.len()).filter(|index| full.nodes[*index].kind == NodeKind::Service);
            services.max_by_key(|index| (full.nodes[*index].tone, full.nodes[*index].figure.recent_calls, std::cmp::Reverse(*index)))
        };
        self.centre = chosen.or_else(before).or_else(busiest).map(|index| full.nodes[index].node_id);
    }
}
