//! What is a few steps from a box. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::views::map::scene::{Scene, SceneEdge};

/// The scene with only what is at most so many steps from a box, by edges in any direction.
pub(crate) fn neighbourhood(scene: &Scene, around: usize, num_hops: usize) -> Scene {
    let mut neighbours: Vec<Vec<usize>> = vec![Vec::new(); scene.nodes.len()];
    for edge in &scene.edges {
        neighbours[edge.from].push(edge.to);
        neighbours[edge.to].push(edge.from);
    }
    let mut near = BTreeSet::from([around]);
    let mut rim = vec![around];
    for _ in 0..num_hops {
        rim = rim.iter().flat_map(|index| neighbours[*index].iter().copied()).filter(|index| near.insert(*index)).collect();
    }
    let place: BTreeMap<usize, usize> = near.iter().enumerate().map(|(place, index)| (*index, place)).collect();
    let nodes = near.iter().map(|index| scene.nodes[*index].clone()).collect();
    let edges = scene.edges.iter().filter_map(|edge| Some(SceneEdge { from: *place.get(&edge.from)?, to: *place.get(&edge.to)?, ..edge.clone() })).collect();
    let own = near.iter().map(|index| (scene.nodes[*index].node_id, scene.nodes[*index].node_id)).collect();
    scene.shown_as(nodes, edges, &own, &BTreeMap::new())
}
