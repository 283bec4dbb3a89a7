//! What is drawn of the map, as a list: boxes, edges and pills in place, by meaning. Pure; `paint` turns it into shapes.

mod pills;

pub(crate) use pills::{GLYPH_ROOM, PillMark};

use std::collections::BTreeSet;

use egui::{Pos2, Rect};
use switchboard_engine::view::{NodeId, NodeKind};

use super::{
    camera::Camera,
    colours::{edge_ink, node_border},
    edge_label::EdgeLabels,
    geometry::Geometry,
    scene::{Scene, SceneEdge, Selection},
};
use crate::{ink::Tone, theme::Ink};
use pills::pills;

/// From this scale on a box shows its third line, and every edge its rate.
const MORE_SCALE: f32 = 1.3;
/// From this scale on a box shows its second line.
const FULL_SCALE: f32 = 0.66;
/// From this scale on a box shows its name.
const NAMES_SCALE: f32 = 0.42;
/// A map of so many boxes is looked at from nearer before each has all its words: at half size a thousand of them are in view.
const LARGE_FROM: usize = 300;
const LARGE_NEARER: f32 = 1.4;
/// With more edges in view they are drawn straight and without arrow heads.
const FINE_EDGES_MAX: usize = 450;

/// How much of a box is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Detail {
    /// A spot.
    Spots,
    /// Its name.
    Names,
    /// Name, second line and figure.
    Full,
    /// The same, its version, and a third line: how long it takes and what fails.
    More,
}

impl Detail {
    fn at(scale: f32, num_nodes: usize) -> Self {
        let nearer = if num_nodes >= LARGE_FROM { LARGE_NEARER } else { 1.0 };
        match scale / nearer {
            scale if scale >= MORE_SCALE => Self::More,
            scale if scale >= FULL_SCALE => Self::Full,
            scale if scale >= NAMES_SCALE => Self::Names,
            _ => Self::Spots,
        }
    }
}

/// How a line is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dash {
    /// Not at all.
    Solid,
    /// Asynchronous.
    Dashes,
    /// Only inferred.
    Dots,
}

/// An edge to be drawn.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EdgeMark {
    /// Its index in the scene.
    pub edge: usize,
    /// Width, points.
    pub width: f32,
    /// Colour.
    pub ink: Ink,
    /// Its pattern.
    pub dash: Dash,
    /// Whether it is selected: a halo says so, whatever its colour.
    pub selected: bool,
}

/// A box to be drawn.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NodeMark {
    /// Its index in the scene.
    pub node: usize,
    /// Where, on screen.
    pub rect: Rect,
    /// Colour of its face.
    pub fill: Ink,
    /// Colour of its border.
    pub stroke: Ink,
    /// Width of its border, points.
    pub stroke_width: f32,
    /// Colour of its name.
    pub name: Ink,
    /// Whether its name stands beside it, for it has no room inside.
    pub tagged: bool,
    /// Whether it came anew and has not been looked at.
    pub is_new: bool,
    /// Whether the user has put it where it stands.
    pub is_pinned: bool,
}

/// All that is drawn.
#[derive(Clone, Debug)]
pub(crate) struct DrawList {
    /// How much of each box.
    pub detail: Detail,
    /// Whether edges are drawn as curves with arrow heads.
    pub fine_edges: bool,
    /// Edges, the most important last.
    pub edges: Vec<EdgeMark>,
    /// Boxes.
    pub nodes: Vec<NodeMark>,
    /// Pills.
    pub pills: Vec<PillMark>,
    /// Boxes outside of the viewport.
    pub num_outside: usize,
}

/// What a list is made from.
pub(crate) struct Sight<'a> {
    /// What there is.
    pub scene: &'a Scene,
    /// Where it is.
    pub geometry: &'a Geometry,
    /// How it is looked at.
    pub camera: Camera,
    /// The part of the screen.
    pub viewport: Rect,
    /// What is under the pointer.
    pub hovered: Option<Selection>,
    /// What is selected.
    pub selected: Option<Selection>,
    /// Width step of each edge, 0 to 3.
    pub width_steps: &'a [u8],
    /// What stands on every edge.
    pub labels: EdgeLabels<'a>,
    /// Boxes that came after the first layout and have not been looked at.
    pub newcomers: &'a BTreeSet<NodeId>,
    /// Boxes that the user has put where they stand.
    pub pinned: &'a BTreeSet<NodeId>,
    /// Boxes on the way of what was just sent.
    pub on_the_way: &'a BTreeSet<NodeId>,
}

/// The list for a sight.
pub(crate) fn draw_list(sight: &Sight<'_>) -> DrawList {
    let detail = Detail::at(sight.camera.scale, sight.scene.nodes.len());
    let lit = Lit::of(sight);
    let mut nodes = Vec::new();
    let mut num_outside = 0;
    for (index, rect) in sight.geometry.rects.iter().enumerate() {
        let Some(rect) = rect else { continue };
        let rect = sight.camera.rect_on_screen(*rect);
        if !rect.intersects(sight.viewport) {
            num_outside += 1;
            continue;
        }
        nodes.push(node_mark(sight, &lit, index, rect, detail));
    }
    let margin = sight.viewport.expand(24.0);
    let in_view: Vec<usize> = (0..sight.scene.edges.len())
        .filter(|&edge| {
            let path = &sight.geometry.paths[edge];
            !path.fine.is_empty() && sight.camera.rect_on_screen(path.bounds).intersects(margin)
        })
        .collect();
    let fine_edges = in_view.len() <= FINE_EDGES_MAX;
    let mut edges: Vec<(u8, EdgeMark)> = in_view.iter().map(|&edge| edge_mark(sight, &lit, edge)).collect();
    edges.sort_by_key(|(layer, mark)| (*layer, mark.edge));
    let pills = pills(sight, &lit, &nodes, &in_view, detail);
    DrawList { detail, fine_edges, edges: edges.into_iter().map(|(_, mark)| mark).collect(), nodes, pills, num_outside }
}

/// What stands out because of the pointer or the selection.
struct Lit {
    nodes: Vec<bool>,
    edges: Vec<bool>,
}

impl Lit {
    fn of(sight: &Sight<'_>) -> Self {
        let mut lit = Self { nodes: vec![false; sight.scene.nodes.len()], edges: vec![false; sight.scene.edges.len()] };
        for selection in [sight.hovered, sight.selected].into_iter().flatten() {
            match selection {
                Selection::Node(node_id) => {
                    let Some(node) = sight.scene.node_index(node_id) else { continue };
                    for (index, edge) in sight.scene.edges.iter().enumerate().filter(|(_, edge)| edge.from == node || edge.to == node) {
                        lit.light(index, edge);
                    }
                }
                Selection::Edge(edge_id) => {
                    let Some(index) = sight.scene.edge_index(edge_id) else { continue };
                    lit.light(index, &sight.scene.edges[index]);
                }
            }
        }
        lit
    }

    fn light(&mut self, index: usize, edge: &SceneEdge) {
        self.edges[index] = true;
        self.nodes[edge.from] = true;
        self.nodes[edge.to] = true;
    }
}

fn is_edge(selection: Option<Selection>, edge: &SceneEdge) -> bool {
    match selection {
        Some(Selection::Edge(edge_id)) => edge.edge_id == edge_id || edge.process == Some(edge_id),
        _ => false,
    }
}

fn edge_mark(sight: &Sight<'_>, lit: &Lit, index: usize) -> (u8, EdgeMark) {
    let edge = &sight.scene.edges[index];
    let selected = is_edge(sight.selected, edge);
    let is_lit = lit.edges[index];
    let ink = edge_ink(edge, selected, is_lit, sight.scene.is_grouped());
    let step = f32::from(sight.width_steps.get(index).copied().unwrap_or(0));
    let width = (1.1 + 0.45 * step) * sight.camera.scale.clamp(0.55, 1.25) + if selected { 1.2 } else { 0.0 };
    let dash = match (edge.inferred, edge.is_asynchronous()) {
        (true, _) => Dash::Dots,
        (false, true) => Dash::Dashes,
        (false, false) => Dash::Solid,
    };
    let layer = u8::from(edge.tone > Tone::Quiet) + 2 * u8::from(is_lit) + 4 * u8::from(selected);
    (layer, EdgeMark { edge: index, width, ink, dash, selected })
}

fn node_mark(sight: &Sight<'_>, lit: &Lit, index: usize, rect: Rect, detail: Detail) -> NodeMark {
    let node = &sight.scene.nodes[index];
    let selected = sight.selected == Some(Selection::Node(node.node_id));
    let hovered = sight.hovered == Some(Selection::Node(node.node_id));
    let is_on_the_way = sight.on_the_way.contains(&node.node_id);
    let (stroke, stroke_width) = if is_on_the_way { (Ink::Accent, 2.0) } else { node_border(node, selected, hovered || lit.nodes[index]) };
    NodeMark {
        node: index,
        rect,
        fill: if hovered || selected { Ink::Raised } else { Ink::Card },
        stroke,
        stroke_width,
        name: if node.silent_ns.is_some() { Ink::Dim } else { Ink::Text },
        tagged: detail == Detail::Spots && (selected || hovered),
        is_new: sight.newcomers.contains(&node.node_id),
        is_pinned: sight.pinned.contains(&node.node_id),
    }
}

/// The width step for a rate, 0 to 3: below 1, below 10, below 100 and above. Once in a step, a rate has to leave it by a
/// fifth, so that lines do not flicker.
pub(crate) fn width_step(before: Option<u8>, rate_per_s: f64) -> u8 {
    const BOUNDS: [f64; 3] = [1.0, 10.0, 100.0];
    let plain = BOUNDS.iter().filter(|bound| rate_per_s >= **bound).count() as u8;
    let Some(before) = before else { return plain };
    let low = before.checked_sub(1).map_or(f64::NEG_INFINITY, |below| BOUNDS[usize::from(below)] * 0.8);
    let high = BOUNDS.get(usize::from(before)).map_or(f64::INFINITY, |bound| bound * 1.2);
    if (low..high).contains(&rate_per_s) { before } else { plain }
}

/// What lies under a point of the screen: a pill, a box, an edge.
pub(crate) fn hit(sight: &Sight<'_>, list: &DrawList, point: Pos2) -> Option<Selection> {
    if let Some(pill) = list.pills.iter().rev().find(|pill| pill.covers().contains(point)) {
        return Some(pill.selects);
    }
    if let Some(mark) = list.nodes.iter().rev().find(|mark| mark.rect.contains(point)) {
        return Some(Selection::Node(sight.scene.nodes[mark.node].node_id));
    }
    let reach = 6.0 / sight.camera.scale;
    let on_map = sight.camera.on_map(point);
    let near = list.edges.iter().filter_map(|mark| {
        let path = &sight.geometry.paths[mark.edge];
        let distance = path.bounds.expand(reach).contains(on_map).then(|| path.distance_to(on_map))?;
        (distance <= reach).then_some((distance, mark.edge))
    });
    let (_, edge) = near.min_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(Selection::Edge(sight.scene.edges[edge].edge_id))
}

/// Whether a box of this kind writes its name in the data face.
pub(crate) fn has_data_name(kind: NodeKind) -> bool {
    matches!(kind, NodeKind::Channel | NodeKind::Group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_changes_its_width_only_when_the_rate_leaves_its_step_clearly() {
        assert_eq!([0.2, 5.0, 50.0, 500.0].map(|rate| width_step(None, rate)), [0, 1, 2, 3]);
        assert_eq!(width_step(Some(1), 11.0), 1);
        assert_eq!(width_step(Some(1), 12.5), 2);
        assert_eq!(width_step(Some(2), 9.0), 2);
        assert_eq!(width_step(Some(2), 7.0), 1);
        assert_eq!(width_step(Some(0), 500.0), 3);
    }
}
