//! What is shown and what is part of something else: folded channels, groups that are part of their edge.

use std::collections::{BTreeMap, BTreeSet};

use switchboard_engine::view::{Edge, EdgeId, Figure, Health, HopKind, Node, NodeBasis, NodeId, NodeKind, Snapshot, Topology, silent_for_ns};

use super::{Scene, SceneEdge, SceneNode};
use crate::{figures, ink::Tone, sanitise};

/// What is shown and what is folded, from the topology alone.
pub(super) struct Structure<'a> {
    topology: &'a Topology,
    /// Folded nodes and what they belong to.
    folded: BTreeMap<NodeId, NodeId>,
    /// Groups for which exactly one service works, and the hop to it.
    merged: BTreeMap<NodeId, &'a Edge>,
    /// Nodes that are not shown.
    hidden: BTreeMap<NodeId, usize>,
}

impl<'a> Structure<'a> {
    pub(super) fn of(topology: &'a Topology, hidden: BTreeMap<NodeId, usize>) -> Self {
        let mut folded = BTreeMap::new();
        for node in &topology.nodes {
            if let Some(root) = fold_root(topology, node) {
                folded.insert(node.node_id, root);
            }
        }
        let mut workers: BTreeMap<NodeId, Vec<&Edge>> = BTreeMap::new();
        let mut delivered: BTreeMap<NodeId, bool> = BTreeMap::new();
        for edge in &topology.edges {
            match edge.kind {
                HopKind::Process => workers.entry(edge.from).or_default().push(edge),
                HopKind::Deliver => drop(delivered.insert(edge.to, true)),
                HopKind::Call | HopKind::Publish => {}
            }
        }
        let one_worker = |(group, edges): (NodeId, Vec<&'a Edge>)| {
            let first = *edges.first()?;
            let alone = edges.iter().all(|edge| edge.to == first.to);
            (alone && delivered.contains_key(&group)).then_some((group, first))
        };
        Self { topology, folded, merged: workers.into_iter().filter_map(one_worker).collect(), hidden }
    }

    pub(super) fn into_scene(self, snapshot: &Snapshot, now_ns: i64) -> Scene {
        let topology = self.topology;
        let node_figures = &snapshot.figures.nodes;
        let figure_of = |node_id: NodeId| {
            let found = node_figures.binary_search_by_key(&node_id, |row| row.node_id);
            found.map_or_else(|_| Figure::default(), |row| node_figures[row].figure)
        };
        let called: BTreeSet<NodeId> = topology.edges.iter().filter(|edge| edge.kind == HopKind::Call).map(|edge| edge.to).collect();
        let mut nodes: Vec<SceneNode> = topology
            .nodes
            .iter()
            .filter(|node| self.is_box(node.node_id))
            .map(|node| scene_node(node, figure_of(node.node_id), called.contains(&node.node_id), now_ns))
            .collect();
        let partitions: BTreeMap<NodeId, u64> = snapshot.figures.channels.iter().filter_map(|channel| Some((channel.node_id, channel.partitions?))).collect();
        for node in nodes.iter_mut().filter(|node| node.kind == NodeKind::Channel) {
            node.num_partitions = partitions.get(&node.node_id).copied();
        }
        // Nobody is known to work for these groups: whoever reads there sends no spans.
        let worked_for: BTreeSet<NodeId> = topology.edges.iter().filter(|edge| edge.kind == HopKind::Process).map(|edge| edge.from).collect();
        for node in nodes.iter_mut().filter(|node| node.kind == NodeKind::Group) {
            node.dashed = !worked_for.contains(&node.node_id);
        }
        nodes.sort_by(|a, b| node_order(a).cmp(&node_order(b)));
        let by_node: BTreeMap<NodeId, usize> = nodes.iter().enumerate().map(|(index, node)| (node.node_id, index)).collect();

        let mut edges: Vec<SceneEdge> = topology.edges.iter().filter_map(|edge| self.scene_edge(edge, &by_node, snapshot)).collect();
        edges.sort_by(|a, b| (a.from, a.to, a.kind, &a.via, a.edge_id).cmp(&(b.from, b.to, b.kind, &b.via, b.edge_id)));
        // A folded channel's delivery and its origin's are one and the same on the map.
        edges.dedup_by(|a, b| a.kind == HopKind::Deliver && (a.from, a.to, a.kind, a.group) == (b.from, b.to, b.kind, b.group));

        let mut by_edge = BTreeMap::new();
        for (index, edge) in edges.iter().enumerate() {
            by_edge.insert(edge.edge_id, index);
            if let Some(process) = edge.process {
                by_edge.entry(process).or_insert(index);
            }
        }
        Scene { nodes, edges, prefix: String::new(), hidden: self.hidden, probes: Vec::new(), folded: self.folded, by_node, by_edge }
    }

    fn is_box(&self, node_id: NodeId) -> bool {
        !self.folded.contains_key(&node_id) && !self.merged.contains_key(&node_id) && !self.hidden.contains_key(&node_id)
    }

    fn scene_edge(&self, edge: &Edge, by_node: &BTreeMap<NodeId, usize>, snapshot: &Snapshot) -> Option<SceneEdge> {
        let figure_of = |edge_id: EdgeId| {
            let found = snapshot.figures.edges.binary_search_by_key(&edge_id, |row| row.0);
            found.map_or_else(|_| Figure::default(), |row| snapshot.figures.edges[row].1)
        };
        // What is written to a dead-letter channel is told by the envelope on its origin.
        if edge.kind == HopKind::Publish && self.folded.contains_key(&edge.to) {
            return None;
        }
        if edge.kind == HopKind::Process && self.merged.contains_key(&edge.from) {
            return None;
        }
        if self.hidden.contains_key(&edge.from) || self.hidden.contains_key(&edge.to) {
            return None;
        }
        let shown = |node_id: NodeId| self.folded.get(&node_id).copied().unwrap_or(node_id);
        let worker = if edge.kind == HopKind::Deliver { self.merged.get(&edge.to) } else { None };
        let from = *by_node.get(&shown(edge.from))?;
        let to = *by_node.get(&shown(worker.map_or(edge.to, |process| process.to)))?;
        let group = (edge.kind == HopKind::Deliver).then_some(edge.to);
        let mut figure = figure_of(edge.edge_id);
        if let Some(process) = worker {
            let processed = figure_of(process.edge_id);
            if processed.total_calls > 0 {
                figure = processed;
            }
        }
        Some(SceneEdge {
            edge_id: edge.edge_id,
            from,
            to,
            kind: edge.kind,
            via: edge.via.as_deref().map(|via| sanitise::visible(via).into_owned()),
            inferred: edge.inferred,
            figure,
            process: worker.map(|process| process.edge_id),
            group,
            group_row: group.and_then(|group| self.group_row(snapshot, group, edge.from)),
            tone: Tone::Quiet,
            pill: None,
            breaker: None,
            recovered: None,
            bundle: Vec::new(),
        })
    }

    fn group_row(&self, snapshot: &Snapshot, group: NodeId, channel: NodeId) -> Option<usize> {
        let topic = &find(self.topology, channel)?.name;
        snapshot.groups.iter().position(|row| row.node_id == Some(group) && row.topic == *topic)
    }
}

/// The node with an id.
pub(crate) fn find(topology: &Topology, node_id: NodeId) -> Option<&Node> {
    let row = topology.nodes.binary_search_by_key(&node_id, |node| node.node_id).ok()?;
    Some(&topology.nodes[row])
}

/// What a node is folded into at last; a ring or a chain without end folds nothing.
fn fold_root(topology: &Topology, node: &Node) -> Option<NodeId> {
    let mut root = node.folded_into?;
    for _ in 0..8 {
        let target = find(topology, root)?;
        match target.folded_into {
            None => return (root != node.node_id).then_some(root),
            Some(next) => root = next,
        }
    }
    None
}

fn node_order(node: &SceneNode) -> (NodeKind, &str, &Option<String>, NodeId) {
    (node.kind, &node.name, &node.namespace, node.node_id)
}

fn scene_node(node: &Node, figure: Figure, is_called: bool, now_ns: i64) -> SceneNode {
    let silent_ns = match (node.kind, node.basis, node.last_seen_ns) {
        (NodeKind::Service, NodeBasis::Traced, Some(last_ns)) => silent_for_ns(last_ns, now_ns),
        _ => None,
    };
    let full_name = sanitise::visible(&node.name).into_owned();
    SceneNode {
        node_id: node.node_id,
        kind: node.kind,
        name: full_name.clone(),
        full_name,
        environment: node.environment.as_deref().map(|environment| sanitise::visible(environment).into_owned()),
        namespace: node.namespace.as_deref().map(|namespace| sanitise::visible(namespace).into_owned()),
        labels: node.labels.iter().map(|(name, value)| (sanitise::visible(name).into_owned(), sanitise::visible(value).into_owned())).collect(),
        detail: detail(node, silent_ns),
        rate: rate_with_unit(node.kind, &figure, is_called, silent_ns.is_some()),
        dashed: node.basis != NodeBasis::Traced && !matches!(node.kind, NodeKind::Channel | NodeKind::Database | NodeKind::User | NodeKind::Group)
            || matches!(node.kind, NodeKind::External | NodeKind::Missing),
        silent_ns,
        tone: silent_ns.map_or(Tone::Quiet, |silent_ns| Health::Silent(silent_ns).severity().into()),
        badges: Vec::new(),
        figure,
        num_instances: node.instances.len(),
        version: node.version.as_deref().map(|version| sanitise::visible(version).into_owned()),
        num_partitions: None,
        recovered: None,
        probes: Vec::new(),
        cluster: None,
    }
}

fn detail(node: &Node, silent_ns: Option<i64>) -> String {
    if let Some(silent_ns) = silent_ns {
        return format!("silent for {}", figures::age(silent_ns));
    }
    let system = node.system.as_deref().map(sanitise::visible);
    match (node.kind, node.basis) {
        (NodeKind::Service, NodeBasis::Broker) => "broker only".to_owned(),
        (NodeKind::Service, NodeBasis::Inferred) => "no spans".to_owned(),
        (NodeKind::Service, NodeBasis::Traced) => match node.instances.len() {
            0 => "traced".to_owned(),
            n => format!("× {n}"),
        },
        (NodeKind::Database, _) => system.map_or_else(|| "database".to_owned(), std::borrow::Cow::into_owned),
        (NodeKind::External, _) => "external".to_owned(),
        (NodeKind::Missing, _) => "never seen".to_owned(),
        (NodeKind::Other, _) => "past the limit".to_owned(),
        (NodeKind::Channel | NodeKind::Group | NodeKind::User, _) => String::new(),
    }
}

fn rate_with_unit(kind: NodeKind, figure: &Figure, is_called: bool, silent: bool) -> String {
    if matches!(kind, NodeKind::User | NodeKind::Missing) {
        return String::new();
    }
    if silent || figure.recent_calls == 0 {
        return "–".to_owned();
    }
    let unit = match kind {
        NodeKind::Service | NodeKind::External if is_called => " req/s",
        NodeKind::Database => " q/s",
        _ => "/s",
    };
    format!("{}{unit}", figures::rate(figure.rate_per_s))
}
