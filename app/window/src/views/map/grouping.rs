//! Many services in few boxes: at most twenty groups by namespace, label, environment or name; what is unusual stands outside of
//! its group with the way from the entry to it, and edges between groups are one each. Pure.

mod homes;
mod near;
mod outside;
#[cfg(test)]
mod tests;

pub(crate) use homes::{GroupBy, labels};
pub(crate) use near::neighbourhood;

use std::collections::{BTreeMap, BTreeSet};

use switchboard_engine::view::{EdgeId, Figure, HopKind, NodeId, NodeKind};

use super::scene::{Badge, Cluster, Scene, SceneEdge, SceneNode};
use crate::{
    figures,
    ink::{Glyph, Tone},
};
use homes::homes;
use outside::{outside, unusual};

/// At most so many groups.
pub(crate) const GROUPS_MAX: usize = 20;
/// From so many boxes on they are grouped.
pub(crate) const GROUPED_FROM: usize = 40;
/// Ids of groups and of bundles count down from the last one; the engine's count up from zero and stop at its caps.
const GROUP_IDS_FROM: u32 = u32::MAX;

/// Gives groups and bundles ids that stay the same for a session.
#[derive(Clone, Debug, Default)]
pub(crate) struct GroupIds {
    groups: BTreeMap<String, NodeId>,
    bundles: BTreeMap<(NodeId, NodeId, HopKind), EdgeId>,
}

impl GroupIds {
    fn group(&mut self, name: &str) -> NodeId {
        if let Some(node_id) = self.groups.get(name) {
            return *node_id;
        }
        let node_id = NodeId(GROUP_IDS_FROM - self.groups.len() as u32);
        self.groups.insert(name.to_owned(), node_id);
        node_id
    }

    fn bundle(&mut self, ends: (NodeId, NodeId, HopKind)) -> EdgeId {
        let next = EdgeId(GROUP_IDS_FROM - self.bundles.len() as u32);
        *self.bundles.entry(ends).or_insert(next)
    }
}

/// What stays outside of its group, and what groups are open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Apart<'a> {
    /// Boxes that the user wants to see.
    pub pinned: &'a BTreeSet<NodeId>,
    /// Groups that the user has opened, by name.
    pub open: &'a BTreeSet<String>,
}

/// The scene with most boxes in groups.
pub(crate) fn grouped(scene: &Scene, by: &GroupBy, apart: Apart<'_>, ids: &mut GroupIds) -> Scene {
    let homes = homes(scene, by);
    let outside = outside(scene, &homes, apart);
    let members = |name: &str| (0..scene.nodes.len()).filter(|index| homes[*index].as_deref() == Some(name) && !outside.contains(index)).collect::<Vec<_>>();
    let names: BTreeSet<&str> = homes.iter().flatten().map(String::as_str).collect();

    let mut nodes: Vec<SceneNode> = outside.iter().map(|index| scene.nodes[*index].clone()).collect();
    // Which box shows a node now.
    let mut shown: Vec<Option<NodeId>> = scene.nodes.iter().enumerate().map(|(index, node)| outside.contains(&index).then_some(node.node_id)).collect();
    for name in names {
        let inside = members(name);
        match inside.as_slice() {
            [] => {}
            // A group of one would only hide its name.
            [alone] => {
                nodes.push(scene.nodes[*alone].clone());
                shown[*alone] = Some(scene.nodes[*alone].node_id);
            }
            inside => {
                let group = group_box(scene, name, inside, &outside, &homes, ids);
                for index in inside {
                    shown[*index] = Some(group.node_id);
                }
                nodes.push(group);
            }
        }
    }
    bundled(scene, nodes, &shown, ids)
}

/// The box of a group: its name, how many, how many of all its services are unusual, and the worst of those inside.
fn group_box(scene: &Scene, name: &str, inside: &[usize], outside: &BTreeSet<usize>, homes: &[Option<String>], ids: &mut GroupIds) -> SceneNode {
    let count = |kind: NodeKind| inside.iter().filter(|index| scene.nodes[**index].kind == kind).count() as u64;
    let parts = [(NodeKind::Service, "service", "services"), (NodeKind::Channel, "channel", "channels")];
    let counted = parts.into_iter().find(|(kind, ..)| count(*kind) > 0);
    let detail = counted.map_or_else(|| figures::things(inside.len() as u64, "box", "boxes"), |(kind, one, many)| figures::things(count(kind), one, many));
    let all_unusual = unusual(scene);
    let own_unusual: Vec<Tone> = all_unusual.iter().filter(|(index, _)| homes[**index].as_deref() == Some(name)).map(|(_, tone)| *tone).collect();
    let num_unusual = own_unusual.len();
    // What stands outside is loud enough there: the group's own border tells of what is inside.
    let worst_of_all = own_unusual.into_iter().max().unwrap_or_default();
    let num_outside = outside.iter().filter(|index| homes[**index].as_deref() == Some(name)).count();
    let worst = inside.iter().map(|index| all_unusual.get(index).copied().unwrap_or_default()).max().unwrap_or_default();
    let figure = inside
        .iter()
        .filter(|index| scene.nodes[**index].kind == NodeKind::Service)
        .fold(Figure::default(), |sum, index| added(sum, &scene.nodes[*index].figure));
    SceneNode {
        node_id: ids.group(name),
        kind: NodeKind::Service,
        name: name.to_owned(),
        full_name: name.to_owned(),
        namespace: None,
        environment: None,
        labels: Vec::new(),
        detail,
        rate: if figure.recent_calls > 0 { format!("{}/s", figures::rate(figure.rate_per_s)) } else { "–".to_owned() },
        dashed: false,
        silent_ns: None,
        tone: worst,
        badges: (num_unusual > 0).then(|| Badge { glyph: Glyph::Dot, text: format!("{num_unusual} unusual"), tone: worst_of_all }).into_iter().collect(),
        figure,
        num_instances: 0,
        version: None,
        num_partitions: None,
        recovered: None,
        probes: Vec::new(),
        cluster: Some(Cluster { members: inside.iter().map(|index| scene.nodes[*index].node_id).collect(), num_outside, num_unusual }),
    }
}

/// Counts of both; durations of groups of calls cannot be added.
fn added(sum: Figure, other: &Figure) -> Figure {
    Figure {
        recent_calls: sum.recent_calls + other.recent_calls,
        recent_errors: sum.recent_errors + other.recent_errors,
        rate_per_s: sum.rate_per_s + other.rate_per_s,
        p50_ns: None,
        p95_ns: None,
        total_calls: sum.total_calls + other.total_calls,
        total_errors: sum.total_errors + other.total_errors,
        last_ns: sum.last_ns.max(other.last_ns),
    }
}

/// Edges between the boxes that are shown: those between the same two boxes are one.
fn bundled(scene: &Scene, mut nodes: Vec<SceneNode>, shown: &[Option<NodeId>], ids: &mut GroupIds) -> Scene {
    nodes.sort_by(|a, b| (a.cluster.is_some(), a.kind, &a.name, &a.namespace, a.node_id).cmp(&(b.cluster.is_some(), b.kind, &b.name, &b.namespace, b.node_id)));
    let place: BTreeMap<NodeId, usize> = nodes.iter().enumerate().map(|(index, node)| (node.node_id, index)).collect();
    let is_group = |index: usize| nodes[index].cluster.is_some();
    let mut bundles: BTreeMap<(usize, usize, bool), Vec<&SceneEdge>> = BTreeMap::new();
    let mut plain: Vec<SceneEdge> = Vec::new();
    for edge in &scene.edges {
        let ends = |end: usize| shown[end].and_then(|node_id| place.get(&node_id).copied());
        let (Some(from), Some(to)) = (ends(edge.from), ends(edge.to)) else { continue };
        if from == to && is_group(from) {
            continue;
        }
        if is_group(from) || is_group(to) {
            bundles.entry((from, to, edge.is_asynchronous())).or_default().push(edge);
        } else {
            plain.push(SceneEdge { from, to, ..edge.clone() });
        }
    }
    let mut shown_by: BTreeMap<EdgeId, EdgeId> = BTreeMap::new();
    for ((from, to, is_asynchronous), edges) in bundles {
        if let [alone] = edges.as_slice() {
            plain.push(SceneEdge { from, to, ..(*alone).clone() });
            continue;
        }
        let kind = if is_asynchronous { HopKind::Publish } else { HopKind::Call };
        let edge_id = ids.bundle((nodes[from].node_id, nodes[to].node_id, kind));
        shown_by.extend(edges.iter().flat_map(|edge| [Some(edge.edge_id), edge.process]).flatten().map(|own| (own, edge_id)));
        plain.push(SceneEdge {
            edge_id,
            from,
            to,
            kind,
            via: None,
            inferred: edges.iter().all(|edge| edge.inferred),
            figure: edges.iter().fold(Figure::default(), |sum, edge| added(sum, &edge.figure)),
            process: None,
            group: None,
            group_row: None,
            tone: edges.iter().map(|edge| edge.tone).max().unwrap_or_default(),
            pill: None,
            breaker: None,
            recovered: None,
            bundle: edges.iter().map(|edge| edge.edge_id).collect(),
        });
    }
    plain.sort_by(|a, b| (a.from, a.to, a.kind, &a.via, a.edge_id).cmp(&(b.from, b.to, b.kind, &b.via, b.edge_id)));
    let shown_by_node = scene.nodes.iter().zip(shown).filter_map(|(node, shown)| Some((node.node_id, (*shown)?))).collect();
    scene.shown_as(nodes, plain, &shown_by_node, &shown_by)
}
