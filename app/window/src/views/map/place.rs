//! Keeps boxes where they are. At first, while the topology is still coming in, the whole layout may be redone; once that
//! has settled nothing moves any more, and a new box takes the nearest free slot.

use std::collections::{BTreeMap, BTreeSet};

use egui::{Pos2, Rect, Vec2, pos2, vec2};
use switchboard_engine::view::{NodeId, NodeKind};

use super::layout::{self, Layout, LayoutGraph, LayoutNode, ROW_GAP, fills_column};
use crate::view::Beside;

/// No new box and no new edge for so long, each box with an edge, and the layout has settled.
const QUIET_S: f64 = 2.0;
/// How long after the first box that takes part in traffic it has settled in any case.
const SETTLE_MAX_S: f64 = 8.0;
/// How long after the first box at all: a broker lists its topics before any span comes, and some systems send none.
const SETTLE_QUIET_MAX_S: f64 = 15.0;
/// Above so many boxes the layout is computed on a thread of its own.
const IN_PLACE_NODES_MAX: usize = 150;
/// Of more boxes that are gone the place is not kept.
const LEFT_MAX: usize = 5_000;
/// Room to the right of a column for a new one.
const NEW_COLUMN_GAP: f32 = 84.0;

/// Places of all boxes, over time.
#[derive(Default)]
pub(crate) struct Placement {
    placed: Layout,
    laid_out: Option<LayoutGraph>,
    computed: Beside<Computed>,
    first_s: Option<f64>,
    first_traffic_s: Option<f64>,
    last_new_s: f64,
    settled: bool,
    revision: u64,
    /// Boxes that the user has put where they stand.
    pinned: BTreeSet<NodeId>,
    /// Boxes that came after the first layout and have not been looked at.
    newcomers: BTreeSet<NodeId>,
    /// Where boxes stood that are gone: should they come again, they stand there again.
    left: BTreeMap<NodeId, Rect>,
    /// Places of the last time, by what boxes are known by.
    remembered: BTreeMap<String, Remembered>,
}

/// A layout that was computed.
struct Computed {
    graph: LayoutGraph,
    layout: Layout,
    /// Whether the user asked for it.
    is_arranged: bool,
}

/// A place of the last time.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Remembered {
    /// Left, top, right, bottom.
    pub rect: [f32; 4],
    /// Whether the user has put it there.
    pub is_pinned: bool,
}

impl Remembered {
    fn rect(self) -> Option<Rect> {
        let [left, top, right, bottom] = self.rect;
        let rect = Rect::from_min_max(pos2(left, top), pos2(right, bottom));
        let is_sane = rect.is_finite() && rect.is_positive() && rect.width() < 2_000.0 && rect.height() < 500.0 && rect.center().to_vec2().length() < 1e6;
        is_sane.then_some(rect)
    }
}

impl Placement {
    /// Begins with the places of the last time.
    pub(crate) fn remembering(remembered: BTreeMap<String, Remembered>) -> Self {
        Self { remembered, ..Self::default() }
    }

    /// The places to be remembered: of boxes that are there, and of those of the last time that have not come.
    pub(crate) fn to_remember(&self) -> BTreeMap<String, Remembered> {
        let mut places = self.remembered.clone();
        // What is pinned is remembered even while the first layout is not settled.
        let is_kept = |node_id: NodeId| self.settled || self.pinned.contains(&node_id);
        for node in self.laid_out.iter().flat_map(|graph| &graph.nodes).filter(|node| is_kept(node.node_id)) {
            if let Some(rect) = self.placed.rects.get(&node.node_id) {
                let rect = [rect.left(), rect.top(), rect.right(), rect.bottom()];
                places.insert(node.key(), Remembered { rect, is_pinned: self.pinned.contains(&node.node_id) });
            }
        }
        places
    }

    /// Boxes that the user has put where they stand.
    pub(crate) fn pinned(&self) -> &BTreeSet<NodeId> {
        &self.pinned
    }

    /// Boxes that came after the first layout and have not been looked at.
    pub(crate) fn newcomers(&self) -> &BTreeSet<NodeId> {
        &self.newcomers
    }

    /// A box has been looked at.
    pub(crate) fn see(&mut self, node_id: NodeId) {
        self.newcomers.remove(&node_id);
    }

    /// All have been looked at.
    pub(crate) fn see_all(&mut self) {
        self.newcomers.clear();
    }

    /// Puts the middle of a box somewhere; it stays there.
    pub(crate) fn put(&mut self, node_id: NodeId, middle: Pos2) {
        let Some(rect) = self.placed.rects.get_mut(&node_id) else { return };
        let even = |value: f32| (value / 2.0).round() * 2.0;
        *rect = Rect::from_center_size(pos2(even(middle.x), even(middle.y)), rect.size());
        self.pinned.insert(node_id);
        // Passages were for where it stood before.
        self.placed.lanes.retain(|(from, to), _| *from != node_id && *to != node_id);
        self.revision += 1;
    }

    /// Keeps a box where it stands, or lets go of it.
    pub(crate) fn toggle_pin(&mut self, node_id: NodeId) {
        if !self.pinned.remove(&node_id) && self.placed.rects.contains_key(&node_id) {
            self.pinned.insert(node_id);
        }
    }

    /// Lays everything out anew, but for what is pinned. A large graph is computed beside the window, as in [`Self::update`].
    pub(crate) fn arrange(&mut self, graph: &LayoutGraph, ctx: Option<&egui::Context>) {
        self.compute(graph, true, ctx);
    }

    fn take_arranged(&mut self, graph: LayoutGraph, mut placed: Layout) {
        let kept: BTreeMap<NodeId, Rect> = self.pinned.iter().filter_map(|node_id| Some((*node_id, *self.placed.rects.get(node_id)?))).collect();
        placed.lanes.retain(|(from, to), _| !kept.contains_key(from) && !kept.contains_key(to));
        for (node_id, rect) in &kept {
            placed.rects.insert(*node_id, *rect);
        }
        // What would stand on a pinned box moves to the nearest free slot of its column.
        let displaced: Vec<NodeId> = placed
            .rects
            .iter()
            .filter(|(node_id, rect)| !kept.contains_key(node_id) && kept.values().any(|kept| kept.intersects(**rect)))
            .map(|(node_id, _)| *node_id)
            .collect();
        for node_id in displaced {
            let Some(rect) = placed.rects.remove(&node_id) else { continue };
            let all: Vec<&Rect> = placed.rects.values().collect();
            let y = nearest_free(&all, rect.left(), rect.right(), rect.center().y, rect.height());
            placed.rects.insert(node_id, Rect::from_center_size(pos2(rect.center().x, y), rect.size()));
        }
        self.placed = placed;
        self.left.clear();
        self.remembered.clear();
        self.newcomers.clear();
        self.laid_out = Some(graph);
        self.settled = true;
        self.revision += 1;
    }

    /// Where each box stands.
    pub(crate) fn placed(&self) -> &Layout {
        &self.placed
    }

    /// Rises whenever a place came, went or changed.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether boxes stay where they are from now on.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled
    }

    /// Whether a layout is being computed.
    pub(crate) fn is_pending(&self) -> bool {
        self.computed.is_busy()
    }

    /// Takes in a topology at the time `now_s`. Asks `ctx` for a frame when a layout computed elsewhere is ready;
    /// without a context it is computed here.
    pub(crate) fn update(&mut self, graph: &LayoutGraph, now_s: f64, ctx: Option<&egui::Context>) {
        if let Some(computed) = self.computed.take() {
            self.take_computed(computed);
        }
        self.settle(now_s);
        if self.laid_out.as_ref().is_some_and(|laid_out| laid_out.is_same(graph)) {
            return;
        }
        if graph.nodes.is_empty() && self.first_s.is_none() {
            return;
        }
        self.first_s.get_or_insert(now_s);
        let is_traffic = |edge: &(usize, usize)| is_caller(graph.nodes[edge.0].kind) || is_caller(graph.nodes[edge.1].kind);
        if self.first_traffic_s.is_none() && graph.edges.iter().any(is_traffic) {
            self.first_traffic_s = Some(now_s);
            self.last_new_s = now_s;
        }
        // An edge can turn a part around: who writes to a channel is often heard of after who reads it.
        if self.laid_out.as_ref().is_none_or(|laid_out| graph.adds_to(laid_out)) {
            self.last_new_s = now_s;
        }
        if self.settled {
            self.forget_gone(graph);
            let before: BTreeSet<NodeId> = self.placed.rects.keys().copied().collect();
            self.place_new(graph);
            let came_anew = |node_id: &&NodeId| !before.contains(*node_id) && !self.left.contains_key(*node_id);
            let newcomers: Vec<NodeId> = self.placed.rects.keys().filter(came_anew).copied().collect();
            self.newcomers.extend(newcomers);
            self.laid_out = Some(graph.clone());
            self.revision += 1;
        } else if self.is_remembered(graph) {
            // As it stood the last time; what was not there then takes free slots.
            self.forget_gone(graph);
            self.place_new(graph);
            self.laid_out = Some(graph.clone());
            self.revision += 1;
        } else if !self.is_pending() {
            self.compute(graph, false, ctx);
        }
    }

    /// Whether it is time for boxes to stay where they are.
    fn settle(&mut self, now_s: f64) {
        let (Some(first_s), Some(laid_out)) = (self.first_s, &self.laid_out) else { return };
        // A box that nothing leads to yet, a topic before its readers have joined, says that more is to come.
        let is_quiet = now_s - self.last_new_s >= QUIET_S && laid_out.is_all_attached();
        let is_traffic_known = self.first_traffic_s.is_some_and(|first_s| now_s - first_s >= SETTLE_MAX_S || is_quiet);
        self.settled |= now_s - first_s >= SETTLE_QUIET_MAX_S || is_traffic_known;
    }

    /// Whether most boxes stood somewhere the last time.
    fn is_remembered(&self, graph: &LayoutGraph) -> bool {
        let num = graph.nodes.iter().filter(|node| self.remembered.contains_key(&node.key())).count();
        num > 0 && num * 2 >= graph.nodes.len()
    }

    fn compute(&mut self, graph: &LayoutGraph, is_arranged: bool, ctx: Option<&egui::Context>) {
        let compute = {
            let graph = graph.clone();
            move || Computed { layout: layout::layout(&graph), graph, is_arranged }
        };
        let is_begun = ctx.filter(|_| graph.nodes.len() > IN_PLACE_NODES_MAX).is_some_and(|ctx| self.computed.begin("map layout", ctx, compute.clone()));
        if !is_begun {
            self.computed = Beside::default();
            self.take_computed(compute());
        }
    }

    fn take_computed(&mut self, computed: Computed) {
        let Computed { graph, layout, is_arranged } = computed;
        if is_arranged {
            return self.take_arranged(graph, layout);
        }
        self.placed = layout;
        self.laid_out = Some(graph);
        self.revision += 1;
    }

    fn forget_gone(&mut self, graph: &LayoutGraph) {
        let kept: BTreeSet<NodeId> = graph.nodes.iter().map(|node| node.node_id).collect();
        let left = &mut self.left;
        self.placed.rects.retain(|node_id, rect| {
            let is_kept = kept.contains(node_id);
            if !is_kept && left.len() < LEFT_MAX {
                left.insert(*node_id, *rect);
            }
            is_kept
        });
        self.newcomers.retain(|node_id| kept.contains(node_id));
        self.placed.lanes.retain(|(from, to), _| kept.contains(from) && kept.contains(to));
    }

    fn place_new(&mut self, graph: &LayoutGraph) {
        let neighbours = Neighbours::of(graph);
        let mut waiting: Vec<usize> = (0..graph.nodes.len()).filter(|&index| !self.placed.rects.contains_key(&graph.nodes[index].node_id)).collect();
        // Where it stood before, if nobody stands there now.
        waiting.retain(|&index| {
            let node = &graph.nodes[index];
            let before = self.remembered.get(&node.key()).copied();
            // A name may have had less room then.
            let widened = |rect: Rect| Rect::from_center_size(rect.center(), rect.size().max(node.natural_size()));
            let known = self.left.get(&node.node_id).copied().or_else(|| before.and_then(Remembered::rect)).map(widened);
            let free = known.filter(|rect| self.placed.rects.values().all(|other| !other.shrink(0.5).intersects(rect.shrink(0.5))));
            if let Some(rect) = free {
                self.placed.rects.insert(node.node_id, rect);
                if before.is_some_and(|before| before.is_pinned) {
                    self.pinned.insert(node.node_id);
                }
            }
            free.is_none()
        });
        // Those next to placed ones first, so that a new chain grows from where it is attached.
        while !waiting.is_empty() {
            let is_placed = |index: &usize| self.placed.rects.contains_key(&graph.nodes[*index].node_id);
            let attached = waiting.iter().position(|&index| neighbours.all(index).any(|neighbour| is_placed(&neighbour)));
            let index = waiting.remove(attached.unwrap_or(0));
            let rect = self.free_slot(graph, &neighbours, index);
            self.placed.rects.insert(graph.nodes[index].node_id, rect);
        }
    }

    /// The nearest free slot to where the box belongs: one column right of its callers, else left of its callees, else below.
    fn free_slot(&self, graph: &LayoutGraph, neighbours: &Neighbours, index: usize) -> Rect {
        let node = &graph.nodes[index];
        let size = node.natural_size();
        let rects_of = |neighbours: &[usize]| -> Vec<Rect> {
            neighbours.iter().filter_map(|&neighbour| self.placed.rects.get(&graph.nodes[neighbour].node_id).copied()).collect()
        };
        let mean_y = |rects: &[Rect]| rects.iter().map(|rect| rect.center().y).sum::<f32>() / rects.len() as f32;
        let callers = rects_of(&neighbours.callers[index]);
        let callees = rects_of(&neighbours.callees[index]);
        // What is gone may come again: its place is kept for it.
        let all: Vec<&Rect> = self.placed.rects.values().chain(self.left.values()).collect();
        let ((left, width), y) = if !callers.is_empty() {
            let right = callers.iter().map(Rect::right).fold(f32::NEG_INFINITY, f32::max);
            (column_from(&all, right, size), mean_y(&callers))
        } else if !callees.is_empty() {
            let left = callees.iter().map(Rect::left).fold(f32::INFINITY, f32::min);
            (column_before(&all, left, size), mean_y(&callees))
        } else if all.is_empty() {
            ((0.0, size.x), 0.0)
        } else {
            let left = all.iter().map(|rect| rect.left()).fold(f32::INFINITY, f32::min);
            let bottom = all.iter().map(|rect| rect.bottom()).fold(f32::NEG_INFINITY, f32::max);
            ((left, size.x), bottom + ROW_GAP + size.y / 2.0)
        };
        let own_width = if fills_column(node.kind) { width.max(size.x) } else { size.x };
        let (middle, half) = (left + width / 2.0, own_width.max(width) / 2.0);
        let height = nearest_free(&all, middle - half, middle + half, y, size.y);
        Rect::from_center_size(pos2(left + width / 2.0, height), vec2(own_width, size.y))
    }
}

/// Whether boxes of this kind do something themselves.
fn is_caller(kind: NodeKind) -> bool {
    matches!(kind, NodeKind::Service | NodeKind::User | NodeKind::External)
}

/// Who calls each box, and whom it calls.
struct Neighbours {
    callers: Vec<Vec<usize>>,
    callees: Vec<Vec<usize>>,
}

impl Neighbours {
    fn of(graph: &LayoutGraph) -> Self {
        let mut found = Self { callers: vec![Vec::new(); graph.nodes.len()], callees: vec![Vec::new(); graph.nodes.len()] };
        for &(from, to) in &graph.edges {
            found.callees[from].push(to);
            found.callers[to].push(from);
        }
        found
    }

    fn all(&self, index: usize) -> impl Iterator<Item = usize> {
        self.callers[index].iter().chain(&self.callees[index]).copied()
    }
}

/// The nearest column that begins right of `right`, or a new one.
fn column_from(all: &[&Rect], right: f32, size: Vec2) -> (f32, f32) {
    let existing = all.iter().filter(|rect| rect.left() > right && rect.left() < right + 260.0).min_by(|a, b| a.left().total_cmp(&b.left()));
    existing.map_or((right + NEW_COLUMN_GAP, size.x), |rect| (rect.left(), rect.width()))
}

/// The nearest column that ends left of `left`, or a new one.
fn column_before(all: &[&Rect], left: f32, size: Vec2) -> (f32, f32) {
    let existing = all.iter().filter(|rect| rect.right() < left && rect.right() > left - 260.0).max_by(|a, b| a.right().total_cmp(&b.right()));
    existing.map_or((left - NEW_COLUMN_GAP - size.x, size.x), |rect| (rect.left(), rect.width()))
}

/// The middle nearest to `y` at which a box of this height touches nothing between `left` and `right`.
fn nearest_free(all: &[&Rect], left: f32, right: f32, y: f32, height: f32) -> f32 {
    // Middles that are taken: each box widened by half of ours and the room between rows.
    let mut taken: Vec<(f32, f32)> = all
        .iter()
        .filter(|rect| rect.left() < right + 12.0 && rect.right() > left - 12.0)
        .map(|rect| (rect.top() - ROW_GAP - height / 2.0, rect.bottom() + ROW_GAP + height / 2.0))
        .collect();
    taken.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut merged: Vec<(f32, f32)> = Vec::new();
    for (top, bottom) in taken {
        match merged.last_mut() {
            Some(last) if top < last.1 => last.1 = last.1.max(bottom),
            _ => merged.push((top, bottom)),
        }
    }
    match merged.iter().find(|(top, bottom)| *top < y && y < *bottom) {
        None => y,
        Some((top, bottom)) if y - top <= bottom - y => *top,
        Some((_, bottom)) => *bottom,
    }
}

/// A graph of the boxes and edges of a scene.
pub(crate) fn layout_graph(scene: &super::scene::Scene) -> LayoutGraph {
    let nodes = scene
        .nodes
        .iter()
        .map(|node| LayoutNode {
            kind: node.kind,
            name: node.name.clone(),
            namespace: node.namespace.clone(),
            is_group: node.cluster.is_some(),
            node_id: node.node_id,
        })
        .collect();
    let edges: Vec<_> = scene.edges.iter().map(|edge| (scene.nodes[edge.from].node_id, scene.nodes[edge.to].node_id)).collect();
    LayoutGraph::new(nodes, &edges)
}

/// Boxes of a placed graph that overlap, for tests.
#[cfg(test)]
pub(crate) fn overlaps(rects: &BTreeMap<NodeId, Rect>) -> Vec<(NodeId, NodeId)> {
    let all: Vec<_> = rects.iter().collect();
    let mut found = Vec::new();
    for (index, (a, rect)) in all.iter().enumerate() {
        found.extend(all[..index].iter().filter(|(_, other)| rect.shrink(0.5).intersects(other.shrink(0.5))).map(|(b, _)| (**a, **b)));
    }
    found
}
