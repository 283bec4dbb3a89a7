//! Where boxes stand: layered from left to right, a pure function of the sorted topology.
//!
//! Callers stand left of what they call, channels between those who write and those who read. Each connected part is laid
//! out by itself (cycles broken, layers by longest path, order by barycentres, heights by least squares), then the parts
//! are packed, and what has no edge at all stands in a grid below. rust-sugiyama was measured against this and not adopted:
//! see `benches/map.rs`.

mod align;
mod layers;
mod order;

use std::collections::{BTreeMap, BTreeSet};

use egui::{Pos2, Rect, Vec2, pos2, vec2};
use petgraph::unionfind::UnionFind;
use switchboard_engine::view::{NodeId, NodeKind};

/// Room between two columns, in the map's units.
const COLUMN_GAP: f32 = 58.0;
/// Room between two columns where lag is written on the edges.
const COLUMN_GAP_WIDE: f32 = 134.0;
/// Room between two columns of the same layer.
const SUBCOLUMN_GAP: f32 = 36.0;
/// Room between two boxes of a column.
pub(crate) const ROW_GAP: f32 = 34.0;
/// The same where no column has many boxes: most maps are wide, and their height is free.
const ROW_GAP_ROOMY: f32 = 52.0;
/// A column of more boxes is not one of few.
const ROWS_ROOMY_MAX: usize = 6;
/// The same in columns of many boxes.
const ROW_GAP_TIGHT: f32 = 24.0;
/// A column of more boxes is one of many.
const ROWS_WIDE_MAX: usize = 8;
/// Room between two connected parts.
const PART_GAP: f32 = 76.0;
/// Room that an edge takes where it passes a column.
const LANE_HEIGHT: f32 = 10.0;
/// Above so many boxes long edges get no lanes of their own.
const LANES_NODES_MAX: usize = 400;

/// A box to be placed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LayoutNode {
    /// What it is.
    pub kind: NodeKind,
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Whether it stands for many.
    pub is_group: bool,
    /// Its id: only tells apart what is otherwise the same.
    pub node_id: NodeId,
}

impl LayoutNode {
    /// The size of its box, from what it is and its name alone.
    pub(crate) fn natural_size(&self) -> Vec2 {
        if self.is_group {
            let width = self.name.chars().count().min(64) as f32 * 8.4 + 44.0;
            return vec2((width / 8.0).ceil() * 8.0, 56.0).clamp(vec2(184.0, 56.0), vec2(248.0, 56.0));
        }
        natural_size(self.kind, &self.name)
    }

    /// What it is known by from one session to the next.
    pub(crate) fn key(&self) -> String {
        let kind = if self.is_group { "group of boxes" } else { super::scene::kind_word(self.kind) };
        format!("{kind}\u{1f}{}\u{1f}{}", self.namespace.as_deref().unwrap_or_default(), self.name)
    }
}

/// Boxes and edges to be placed, in an order that does not depend on how they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LayoutGraph {
    /// Boxes, sorted.
    pub nodes: Vec<LayoutNode>,
    /// Edges by index, sorted, each once, no loops.
    pub edges: Vec<(usize, usize)>,
}

impl LayoutGraph {
    /// Sorts what is given; edges to unknown boxes are left out.
    pub(crate) fn new(mut nodes: Vec<LayoutNode>, edges: &[(NodeId, NodeId)]) -> Self {
        nodes.sort();
        let index_of: BTreeMap<NodeId, usize> = nodes.iter().enumerate().map(|(index, node)| (node.node_id, index)).collect();
        let mut edges: Vec<_> =
            edges.iter().filter_map(|(from, to)| Some((*index_of.get(from)?, *index_of.get(to)?))).filter(|(from, to)| from != to).collect();
        edges.sort_unstable();
        edges.dedup();
        Self { nodes, edges }
    }

    /// Whether there is a box or an edge in it that the other one does not have.
    pub(crate) fn adds_to(&self, other: &Self) -> bool {
        let boxes = |graph: &Self| graph.nodes.iter().map(|node| node.node_id).collect::<BTreeSet<_>>();
        let edges = |graph: &Self| graph.edges.iter().map(|(from, to)| (graph.nodes[*from].node_id, graph.nodes[*to].node_id)).collect::<BTreeSet<_>>();
        !boxes(self).is_subset(&boxes(other)) || !edges(self).is_subset(&edges(other))
    }

    /// Whether each box has an edge.
    pub(crate) fn is_all_attached(&self) -> bool {
        let attached: BTreeSet<usize> = self.edges.iter().flat_map(|(from, to)| [*from, *to]).collect();
        attached.len() == self.nodes.len()
    }

    /// Whether a layout of the other one is one of this too.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self == other
    }
}

/// Where an edge passes a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Lane {
    /// Left end of the column.
    pub left: f32,
    /// Right end of the column.
    pub right: f32,
    /// Height of the passage.
    pub y: f32,
}

/// Places of all boxes, in the map's units (points at zoom 1), and the lanes of long edges.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layout {
    /// Places.
    pub rects: BTreeMap<NodeId, Rect>,
    /// Passages of edges that skip columns, from left to right.
    pub lanes: BTreeMap<(NodeId, NodeId), Vec<Lane>>,
    /// How many times as far rows stand from each other as they were laid out.
    pub rows: f32,
}

impl Default for Layout {
    fn default() -> Self {
        Self { rects: BTreeMap::new(), lanes: BTreeMap::new(), rows: 1.0 }
    }
}

/// Names of more letters are cut, whatever room there is.
const NAME_CHARS_MAX: usize = 30;

/// The size of a box, from its kind and its name alone: as wide as its name, also where boxes are looked at from so far that
/// letters cannot shrink with them.
fn natural_size(kind: NodeKind, name: &str) -> Vec2 {
    let num_chars = name.chars().count().min(NAME_CHARS_MAX) as f32;
    let step = |width: f32| (width / 8.0).ceil() * 8.0;
    match kind {
        NodeKind::Channel => vec2(step(num_chars * 10.2 + 34.0).max(120.0), 34.0),
        NodeKind::Group => vec2(step(num_chars * 9.0 + 20.0).max(72.0), 26.0),
        NodeKind::User => vec2(48.0, 46.0),
        NodeKind::Database => vec2(step(num_chars * 9.4 + 18.0).max(120.0), 50.0),
        NodeKind::Service | NodeKind::External | NodeKind::Missing | NodeKind::Other => vec2(step(num_chars * 9.4 + 18.0).max(120.0), 46.0),
    }
}

/// Whether boxes of this kind are as wide as their column.
pub(crate) fn fills_column(kind: NodeKind) -> bool {
    !matches!(kind, NodeKind::Group | NodeKind::User)
}

/// Places everything.
pub(crate) fn layout(graph: &LayoutGraph) -> Layout {
    let mut placed = Layout::default();
    let (mut blocks, alone) = parts(graph);
    blocks.sort_by(|a, b| b.members.len().cmp(&a.members.len()).then(a.members.cmp(&b.members)));
    let mut y = 0.0_f32;
    let mut width = 0.0_f32;
    // Shelves: a part stands beside the one before if both are low and there is room.
    let mut shelf: Option<(f32, f32)> = None;
    for block in &blocks {
        let block = place_part(graph, block);
        width = width.max(block.size.x);
        let origin = match shelf {
            Some((x, bottom)) if x + PART_GAP + block.size.x <= width && y + block.size.y <= bottom => pos2(x + PART_GAP, y),
            Some((_, bottom)) => pos2(0.0, bottom + PART_GAP),
            None => Pos2::ZERO,
        };
        y = origin.y;
        let bottom = shelf.map_or(0.0, |(_, bottom)| bottom).max(origin.y + block.size.y);
        shelf = Some((origin.x + block.size.x, bottom));
        block.put(graph, origin.to_vec2(), &mut placed);
    }
    let top = shelf.map_or(0.0, |(_, bottom)| bottom + PART_GAP);
    place_alone(graph, &alone, top, width, &mut placed);
    placed
}

/// A connected part, its boxes sorted.
struct Part {
    members: Vec<usize>,
}

/// Connected parts, and boxes without any edge.
fn parts(graph: &LayoutGraph) -> (Vec<Part>, Vec<usize>) {
    let mut joined = UnionFind::new(graph.nodes.len());
    for &(from, to) in &graph.edges {
        joined.union(from, to);
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for index in 0..graph.nodes.len() {
        members.entry(joined.find(index)).or_default().push(index);
    }
    let (alone, parts): (Vec<_>, Vec<_>) = members.into_values().partition(|members| members.len() == 1);
    (parts.into_iter().map(|members| Part { members }).collect(), alone.into_iter().flatten().collect())
}

/// A part laid out by itself, its upper left corner at zero.
struct Block {
    size: Vec2,
    rects: Vec<(usize, Rect)>,
    lanes: Vec<((usize, usize), Vec<Lane>)>,
}

impl Block {
    fn put(self, graph: &LayoutGraph, offset: Vec2, placed: &mut Layout) {
        for (index, rect) in self.rects {
            placed.rects.insert(graph.nodes[index].node_id, rect.translate(offset));
        }
        for ((from, to), lanes) in self.lanes {
            let moved = lanes.into_iter().map(|lane| Lane { left: lane.left + offset.x, right: lane.right + offset.x, y: lane.y + offset.y }).collect();
            placed.lanes.insert((graph.nodes[from].node_id, graph.nodes[to].node_id), moved);
        }
    }
}

/// A place in a layer: a box, or the passage of a long edge.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// The box; `None` for a passage.
    pub node: Option<usize>,
    /// Its layer.
    pub layer: usize,
    /// Its height with half the room to each neighbour.
    pub height: f32,
    /// Neighbours one layer to the left: item and weight.
    pub left: Vec<(usize, f32)>,
    /// Neighbours one layer to the right: item and weight.
    pub right: Vec<(usize, f32)>,
}

fn place_part(graph: &LayoutGraph, part: &Part) -> Block {
    let members = &part.members;
    let local: BTreeMap<usize, usize> = members.iter().enumerate().map(|(local, &index)| (index, local)).collect();
    let kinds: Vec<NodeKind> = members.iter().map(|&index| graph.nodes[index].kind).collect();
    let edges: Vec<(usize, usize)> = graph.edges.iter().filter_map(|(from, to)| Some((*local.get(from)?, *local.get(to)?))).collect();
    let layering = layers::assign(&kinds, &edges);
    let rows_max = ((members.len() as f32 * 1.75).sqrt().ceil() as usize).max(20);
    let highest = layering.highest_layer();
    let row_gap = if highest > ROWS_WIDE_MAX {
        ROW_GAP_TIGHT
    } else if highest > ROWS_ROOMY_MAX {
        ROW_GAP
    } else {
        ROW_GAP_ROOMY
    };
    let lanes_wanted = members.len() <= LANES_NODES_MAX && highest <= rows_max;

    let sizes: Vec<Vec2> = members.iter().map(|&index| graph.nodes[index].natural_size()).collect();
    let mut items: Vec<Item> = (0..members.len())
        .map(|node| Item { node: Some(node), layer: layering.layer_of[node], height: sizes[node].y + row_gap, left: Vec::new(), right: Vec::new() })
        .collect();
    let mut passages: Vec<((usize, usize), Vec<usize>)> = Vec::new();
    for &(from, to) in &layering.forward {
        let (first, last) = (layering.layer_of[from], layering.layer_of[to]);
        if last - first == 1 || !lanes_wanted {
            items[from].right.push((to, 1.0));
            items[to].left.push((from, 1.0));
            continue;
        }
        let mut chain = Vec::new();
        let mut before = from;
        for layer in first + 1..last {
            let passage = items.len();
            items.push(Item { node: None, layer, height: LANE_HEIGHT + 18.0, left: Vec::new(), right: Vec::new() });
            let weight = if before == from { 2.0 } else { 8.0 };
            items[before].right.push((passage, weight));
            items[passage].left.push((before, weight));
            chain.push(passage);
            before = passage;
        }
        items[before].right.push((to, 2.0));
        items[to].left.push((before, 2.0));
        passages.push(((from, to), chain));
    }

    let ordered = order::order(&items, layering.num_layers());
    // A layer that is too high stands in several columns side by side.
    let columns: Vec<Vec<usize>> =
        ordered.iter().flat_map(|layer| if layer.len() > rows_max && !lanes_wanted { split(layer, rows_max) } else { vec![layer.clone()] }).collect();
    let heights = align::heights(&items, &columns);

    let writes_lag = lag_layers(&kinds, &layering);
    let mut rects = Vec::with_capacity(members.len());
    let mut spans = vec![(0.0_f32, 0.0_f32); items.len()];
    let mut x = 0.0_f32;
    let mut last_layer = 0;
    for (number, column) in columns.iter().enumerate() {
        let layer = column.first().map_or(last_layer, |&item| items[item].layer);
        if number > 0 {
            x += if layer == last_layer {
                SUBCOLUMN_GAP
            } else if writes_lag[last_layer] {
                COLUMN_GAP_WIDE
            } else {
                COLUMN_GAP
            };
        }
        last_layer = layer;
        let width = column.iter().filter_map(|&item| items[item].node).map(|node| sizes[node].x).fold(0.0_f32, f32::max);
        for &item in column {
            spans[item] = (x, x + width);
            if let Some(node) = items[item].node {
                let own = if fills_column(kinds[node]) { width } else { sizes[node].x };
                let center = pos2(x + width / 2.0, heights[item]);
                rects.push((members[node], Rect::from_center_size(center, vec2(own, sizes[node].y))));
            }
        }
        x += width;
    }
    let top = rects.iter().map(|(_, rect)| rect.top()).fold(f32::INFINITY, f32::min);
    let bottom = rects.iter().map(|(_, rect)| rect.bottom()).fold(f32::NEG_INFINITY, f32::max);
    for (_, rect) in &mut rects {
        *rect = rect.translate(vec2(0.0, -top));
    }
    let lanes = passages
        .into_iter()
        .map(|((from, to), chain)| {
            let lanes = chain.into_iter().map(|item| Lane { left: spans[item].0, right: spans[item].1, y: heights[item] - top }).collect();
            ((members[from], members[to]), lanes)
        })
        .collect();
    Block { size: vec2(x, bottom - top), rects, lanes }
}

/// Equal columns of at most so many rows.
fn split(layer: &[usize], rows_max: usize) -> Vec<Vec<usize>> {
    let num_columns = layer.len().div_ceil(rows_max);
    layer.chunks(layer.len().div_ceil(num_columns)).map(<[usize]>::to_vec).collect()
}

/// Layers from which something is delivered, so that lag may stand to their right.
fn lag_layers(kinds: &[NodeKind], layering: &layers::Layering) -> Vec<bool> {
    let mut wide = vec![false; layering.num_layers()];
    for &(from, _) in &layering.forward {
        if kinds[from] == NodeKind::Channel {
            wide[layering.layer_of[from]] = true;
        }
    }
    wide
}

/// What nobody talks to, in rows below the rest.
fn place_alone(graph: &LayoutGraph, alone: &[usize], top: f32, width: f32, placed: &mut Layout) {
    let sizes: Vec<Vec2> = alone.iter().map(|&index| graph.nodes[index].natural_size()).collect();
    let cell = sizes.iter().fold(Vec2::ZERO, |cell, size| cell.max(*size)) + vec2(ROW_GAP, ROW_GAP * 0.7);
    let by_shape = (alone.len() as f32 * 0.6).sqrt().ceil();
    let num_columns = if width > 0.0 { ((width + ROW_GAP) / cell.x).floor().max(1.0) } else { by_shape.max(1.0) } as usize;
    for (position, &index) in alone.iter().enumerate() {
        let corner = pos2((position % num_columns) as f32 * cell.x, top + (position / num_columns) as f32 * cell.y);
        let own = vec2(if fills_column(graph.nodes[index].kind) { cell.x - ROW_GAP } else { sizes[position].x }, sizes[position].y);
        placed.rects.insert(graph.nodes[index].node_id, Rect::from_min_size(corner, own));
    }
}
