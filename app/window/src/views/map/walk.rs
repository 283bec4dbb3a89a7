//! Walking over the map by arrow keys: from a box to an edge, along it to the next box, and up and down among siblings. Pure.

use egui::{Pos2, Rect};

use super::{
    geometry::Geometry,
    scene::{Scene, Selection},
};

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Against the arrows.
    Left,
    /// With the arrows.
    Right,
    /// Up.
    Up,
    /// Down.
    Down,
}

/// Where a step leads; stays where there is nothing. From nowhere it leads to the first box.
pub(crate) fn walk(scene: &Scene, geometry: &Geometry, from: Option<Selection>, step: Step) -> Option<Selection> {
    match from {
        None => first_box(scene, geometry),
        Some(Selection::Node(node_id)) => {
            let index = scene.node_index(node_id)?;
            match step {
                Step::Right => level_edge(scene, geometry, index, true).or(from),
                Step::Left => level_edge(scene, geometry, index, false).or(from),
                Step::Up | Step::Down => next_box(scene, geometry, index, step == Step::Down).or(from),
            }
        }
        Some(Selection::Edge(edge_id)) => {
            let index = scene.edge_index(edge_id)?;
            let edge = &scene.edges[index];
            match step {
                Step::Right => Some(Selection::Node(scene.nodes[edge.to].node_id)),
                Step::Left => Some(Selection::Node(scene.nodes[edge.from].node_id)),
                Step::Up | Step::Down => next_edge(scene, geometry, index, step == Step::Down).or(from),
            }
        }
    }
}

fn rect_of(geometry: &Geometry, index: usize) -> Option<Rect> {
    geometry.rects.get(index).copied().flatten()
}

/// The leftmost box, the upper of those.
fn first_box(scene: &Scene, geometry: &Geometry) -> Option<Selection> {
    let placed = (0..scene.nodes.len()).filter_map(|index| Some((rect_of(geometry, index)?, index)));
    let (_, index) = placed.min_by(|(a, _), (b, _)| a.left().total_cmp(&b.left()).then(a.top().total_cmp(&b.top())))?;
    Some(Selection::Node(scene.nodes[index].node_id))
}

/// The edge of a box that runs most level to one side.
fn level_edge(scene: &Scene, geometry: &Geometry, node: usize, outwards: bool) -> Option<Selection> {
    let own = rect_of(geometry, node)?.center();
    let candidates = scene.edges.iter().filter_map(|edge| {
        let (here, there) = if outwards { (edge.from, edge.to) } else { (edge.to, edge.from) };
        if here != node || there == node {
            return None;
        }
        Some(((rect_of(geometry, there)?.center().y - own.y).abs(), edge))
    });
    let (_, edge) = candidates.min_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(Selection::Edge(edge.edge_id))
}

/// The nearest box above or below, rather in the same column than near.
fn next_box(scene: &Scene, geometry: &Geometry, node: usize, down: bool) -> Option<Selection> {
    let own = rect_of(geometry, node)?.center();
    let cost = |point: Pos2| (point.y - own.y).abs() + 4.0 * (point.x - own.x).abs();
    let candidates = (0..scene.nodes.len()).filter_map(|index| {
        let point = rect_of(geometry, index)?.center();
        let beyond = if down { point.y > own.y + 1.0 } else { point.y < own.y - 1.0 };
        beyond.then_some((cost(point), index))
    });
    let (_, index) = candidates.min_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(Selection::Node(scene.nodes[index].node_id))
}

/// The next edge that leaves the same box; of an only child, the next that reaches the same box.
fn next_edge(scene: &Scene, geometry: &Geometry, index: usize, down: bool) -> Option<Selection> {
    let edge = &scene.edges[index];
    let far_ends = |end: &dyn Fn(usize) -> Option<usize>| {
        let mut siblings: Vec<(f32, usize)> = (0..scene.edges.len()).filter_map(|other| Some((rect_of(geometry, end(other)?)?.center().y, other))).collect();
        siblings.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        siblings
    };
    let mut siblings = far_ends(&|other| (scene.edges[other].from == edge.from).then_some(scene.edges[other].to));
    if siblings.len() == 1 {
        siblings = far_ends(&|other| (scene.edges[other].to == edge.to).then_some(scene.edges[other].from));
    }
    let place = siblings.iter().position(|(_, other)| *other == index)?;
    let next = if down { place.checked_add(1) } else { place.checked_sub(1) };
    siblings.get(next?).map(|(_, other)| Selection::Edge(scene.edges[*other].edge_id))
}
