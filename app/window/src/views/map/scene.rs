//! What the map shows of a snapshot, before any place or colour: boxes, edges, and what is unusual about them. Pure.

mod marks;
mod prefix;
mod structure;
mod words;

pub(crate) use marks::{failure_badge, lag_badge, lag_badge_at, lag_numbers};
pub(crate) use structure::find;
pub(crate) use words::{badge_in_words, edge_in_words, edge_word, kind_word, node_in_words};

use std::collections::BTreeMap;

use switchboard_engine::view::{EdgeId, Figure, HopKind, NodeId, NodeKind, Snapshot, Topology, channel_word};

use super::noise::NoiseRules;
use crate::{
    figures,
    ink::{Glyph, Tone},
    words::probes::FailingProbe,
};
use marks::breaker_mark;
use structure::Structure;

/// A sign with its number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Badge {
    /// The sign.
    pub glyph: Glyph,
    /// The number, in the data face.
    pub text: String,
    /// How urgent.
    pub tone: Tone,
}

/// What was wrong and is no more.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Recovered {
    /// For how long it has been as usual again, ns.
    pub ago_ns: i64,
    /// How long it was not, ns.
    pub lasted_ns: i64,
    /// What it was, in words.
    pub was: String,
}

/// What is selected: a box or an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Selection {
    /// A box.
    Node(NodeId),
    /// An edge.
    Edge(EdgeId),
}

/// A box.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SceneNode {
    /// Its node.
    pub node_id: NodeId,
    /// What it is.
    pub kind: NodeKind,
    /// Its name, safe to show, without what all names begin with.
    pub name: String,
    /// Its whole name, safe to show.
    pub full_name: String,
    /// Its namespace, to tell equal names apart.
    pub namespace: Option<String>,
    /// Its environment.
    pub environment: Option<String>,
    /// To what it belongs, by attribute.
    pub labels: Vec<(String, String)>,
    /// The second line, dim.
    pub detail: String,
    /// The one figure, with its unit; empty where there is none.
    pub rate: String,
    /// Whether it is only inferred or told by a broker.
    pub dashed: bool,
    /// For how long nothing was heard of it, ns, where that is unusual.
    pub silent_ns: Option<i64>,
    /// How urgent it is.
    pub tone: Tone,
    /// What is unusual about it.
    pub badges: Vec<Badge>,
    /// Its figures.
    pub figure: Figure,
    /// Instances seen.
    pub num_instances: usize,
    /// The version that it says it is of, safe to show.
    pub version: Option<String>,
    /// Partitions of a channel; `None` = unknown.
    pub num_partitions: Option<u64>,
    /// What was wrong, where it is as usual again since a short while ago.
    pub recovered: Option<Recovered>,
    /// Probes of it that fail, in words.
    pub probes: Vec<String>,
    /// What stands for many.
    pub cluster: Option<Cluster>,
}

impl SceneNode {
    /// What it says of itself by this attribute.
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A group of boxes that is shown as one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cluster {
    /// What is in it and not shown by itself.
    pub members: Vec<NodeId>,
    /// How many of its boxes stand outside.
    pub num_outside: usize,
    /// How many of its boxes are unusual, wherever they stand.
    pub num_unusual: usize,
}

/// Breakers on an edge, or of a caller whose callee is not known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BreakerMark {
    /// The worst state as a sign.
    pub glyph: Glyph,
    /// How urgent.
    pub tone: Tone,
    /// Instances in which it is not closed.
    pub num_tripped: usize,
    /// Instances that report it.
    pub num_instances: usize,
    /// Rows of the snapshot's breakers.
    pub rows: Vec<usize>,
}

impl BreakerMark {
    /// `1/2`.
    pub(crate) fn text(&self) -> String {
        format!("{}/{}", self.num_tripped, self.num_instances)
    }

    /// As a sign with its number.
    pub(crate) fn badge(&self) -> Badge {
        Badge { glyph: self.glyph, text: self.text(), tone: self.tone }
    }
}

/// An edge. Where exactly one service works for a group, the edges channel → group → service are one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SceneEdge {
    /// The hop it stands for; of a group, the delivery.
    pub edge_id: EdgeId,
    /// Index of the box it leaves.
    pub from: usize,
    /// Index of the box it reaches.
    pub to: usize,
    /// Which hop.
    pub kind: HopKind,
    /// Protocol of a call.
    pub via: Option<String>,
    /// Whether it is only inferred.
    pub inferred: bool,
    /// Its figures; of a group's edge, those of the processing where they are known.
    pub figure: Figure,
    /// The processing hop that is part of it.
    pub process: Option<EdgeId>,
    /// The group that delivers over it.
    pub group: Option<NodeId>,
    /// Row of the snapshot's groups.
    pub group_row: Option<usize>,
    /// How urgent it is.
    pub tone: Tone,
    /// What is unusual about it.
    pub pill: Option<Badge>,
    /// Breakers at the caller's end.
    pub breaker: Option<BreakerMark>,
    /// What was wrong, where it is as usual again since a short while ago.
    pub recovered: Option<Recovered>,
    /// The edges that it stands for, where it is one for several.
    pub bundle: Vec<EdgeId>,
}

impl SceneEdge {
    /// What is unusual about it, in words; empty where that is told elsewhere.
    pub(crate) fn unusual_in_words(&self) -> String {
        let breaker = || self.breaker.as_ref().filter(|mark| mark.tone > Tone::Quiet).map(BreakerMark::badge);
        self.pill.clone().or_else(breaker).map(|badge| badge_in_words(&badge)).unwrap_or_default()
    }

    /// Whether the sender goes on without an answer.
    pub(crate) fn is_asynchronous(&self) -> bool {
        self.kind != HopKind::Call
    }
}

/// A probe that fails, in words.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SceneProbe {
    /// The box of where it goes; `None` = the map has none for that.
    pub node: Option<NodeId>,
    /// What fails.
    pub title: String,
    /// Where, since when, how often and why.
    pub detail: String,
}

/// All boxes and edges that are shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scene {
    /// Boxes, sorted by kind and name.
    pub nodes: Vec<SceneNode>,
    /// Edges, sorted by their ends' names.
    pub edges: Vec<SceneEdge>,
    /// What all services' names begin with, and is not repeated; may be empty.
    pub prefix: String,
    /// Nodes that are not shown, and by which of the rules.
    pub hidden: BTreeMap<NodeId, usize>,
    /// Probes that fail, whether they have a box or not.
    pub probes: Vec<SceneProbe>,
    /// Nodes that are part of others: what they belong to.
    folded: BTreeMap<NodeId, NodeId>,
    by_node: BTreeMap<NodeId, usize>,
    by_edge: BTreeMap<EdgeId, usize>,
}

impl Scene {
    /// The scene of a snapshot as it is at `now_ns`, without what is noise by default, for tests and benches.
    pub(crate) fn build(snapshot: &Snapshot, now_ns: i64) -> Self {
        Self::without(&NoiseRules::default(), snapshot, now_ns)
    }

    /// The scene of a snapshot as it is at `now_ns`, without what these rules call noise.
    pub(crate) fn without(noise: &NoiseRules, snapshot: &Snapshot, now_ns: i64) -> Self {
        let mut scene = Structure::of(&snapshot.topology, noise.hidden(&snapshot.topology)).into_scene(snapshot, now_ns);
        scene.cut_prefix();
        scene.mark_groups(snapshot, now_ns);
        scene.mark_failures();
        scene.mark_dead_letters(snapshot);
        scene.mark_breakers(snapshot);
        scene
    }

    /// The same observations shown by other boxes and edges: `shown_by` says which box shows a node, `bundled` which edge a hop.
    pub(crate) fn shown_as(
        &self,
        nodes: Vec<SceneNode>,
        edges: Vec<SceneEdge>,
        shown_by: &BTreeMap<NodeId, NodeId>,
        bundled: &BTreeMap<EdgeId, EdgeId>,
    ) -> Self {
        let place: BTreeMap<NodeId, usize> = nodes.iter().enumerate().map(|(index, node)| (node.node_id, index)).collect();
        let mut by_node = place.clone();
        by_node.extend(shown_by.iter().filter_map(|(own, shown)| Some((*own, *place.get(shown)?))));
        let mut by_edge = BTreeMap::new();
        for (index, edge) in edges.iter().enumerate() {
            by_edge.insert(edge.edge_id, index);
            if let Some(process) = edge.process {
                by_edge.entry(process).or_insert(index);
            }
        }
        let of_bundles: Vec<_> = bundled.iter().filter_map(|(own, bundle)| Some((*own, *by_edge.get(bundle)?))).collect();
        by_edge.extend(of_bundles);
        Self {
            nodes,
            edges,
            prefix: self.prefix.clone(),
            hidden: self.hidden.clone(),
            probes: self.probes.clone(),
            folded: self.folded.clone(),
            by_node,
            by_edge,
        }
    }

    /// The box of a node, or of what it is folded into.
    pub(crate) fn node_index(&self, node_id: NodeId) -> Option<usize> {
        let node_id = self.folded.get(&node_id).copied().unwrap_or(node_id);
        self.by_node.get(&node_id).copied()
    }

    /// The edge that shows a hop.
    pub(crate) fn edge_index(&self, edge_id: EdgeId) -> Option<usize> {
        self.by_edge.get(&edge_id).copied()
    }

    /// Whether a node is part of another one, for instance a dead-letter channel of its origin.
    pub(crate) fn is_folded(&self, node_id: NodeId) -> bool {
        self.folded.contains_key(&node_id)
    }

    /// Whether some boxes stand for many.
    pub(crate) fn is_grouped(&self) -> bool {
        self.nodes.last().is_some_and(|node| node.cluster.is_some())
    }

    /// Whether what is selected is shown.
    pub(crate) fn has(&self, selection: Selection) -> bool {
        match selection {
            Selection::Node(node_id) => self.node_index(node_id).is_some(),
            Selection::Edge(edge_id) => self.edge_index(edge_id).is_some(),
        }
    }

    /// `orders → payments`.
    pub(crate) fn edge_title(&self, edge: &SceneEdge) -> String {
        format!("{} → {}", self.nodes[edge.from].name, self.nodes[edge.to].name)
    }

    /// The beginning that all names share is said once, above the map.
    fn cut_prefix(&mut self) {
        let names = self.nodes.iter().filter(|node| node.kind == NodeKind::Service).map(|node| node.full_name.as_str());
        let cut = prefix::common_prefix(names);
        if let Some(node) = self.nodes.iter().find(|node| cut > 0 && node.kind == NodeKind::Service) {
            node.full_name[..cut].clone_into(&mut self.prefix);
        }
        for node in self.nodes.iter_mut().filter(|node| node.kind == NodeKind::Service) {
            node.name = node.full_name[cut..].to_owned();
        }
    }

    fn mark_groups(&mut self, snapshot: &Snapshot, now_ns: i64) {
        for index in 0..self.edges.len() {
            let edge = &self.edges[index];
            let Some(group) = edge.group_row.map(|row| &snapshot.groups[row]) else { continue };
            let Some(badge) = lag_badge_at(group, now_ns) else { continue };
            let to = edge.to;
            self.nodes[to].tone = self.nodes[to].tone.max(badge.tone);
            let edge = &mut self.edges[index];
            edge.tone = edge.tone.max(badge.tone);
            edge.pill = Some(badge);
        }
    }

    fn mark_failures(&mut self) {
        for node in &mut self.nodes {
            if let Some(badge) = failure_badge(&node.figure) {
                node.tone = node.tone.max(badge.tone);
                node.badges.push(badge);
            }
        }
        for index in 0..self.edges.len() {
            let Some(badge) = failure_badge(&self.edges[index].figure) else { continue };
            let callee_says_so = self.nodes[self.edges[index].to].badges.iter().any(|badge| badge.glyph == Glyph::Cross);
            let edge = &mut self.edges[index];
            edge.tone = edge.tone.max(badge.tone);
            // The callee's box says the same in its corner; twice would only be louder.
            if edge.pill.is_none() && !callee_says_so {
                edge.pill = Some(badge);
            }
        }
    }

    fn mark_dead_letters(&mut self, snapshot: &Snapshot) {
        let mut dead: BTreeMap<usize, u64> = BTreeMap::new();
        for letters in snapshot.dead_letters.iter() {
            let index = letters.origin_node.or(letters.channel_node).and_then(|node_id| self.node_index(node_id));
            if let Some(index) = index {
                *dead.entry(index).or_default() += letters.num_open;
            }
        }
        for (index, count) in dead.into_iter().filter(|(_, count)| *count > 0) {
            let node = &mut self.nodes[index];
            let tone = Tone::from(channel_word(count).1);
            node.tone = node.tone.max(tone);
            node.badges.push(Badge { glyph: Glyph::Envelope, text: figures::count(count), tone });
        }
    }

    /// Marks boxes that probes of ours fail at, until these end or go well again.
    pub(crate) fn mark_probes(&mut self, topology: &Topology, probes: &[FailingProbe], now_ns: i64) {
        for probe in probes {
            let index = probe.node(topology).and_then(|node_id| self.node_index(node_id));
            let (title, detail) = (probe.title(), probe.detail(now_ns));
            if let Some(index) = index {
                let node = &mut self.nodes[index];
                node.probes.push(format!("{title}: {detail}"));
                let text = if node.probes.len() == 1 { probe.short() } else { figures::things(node.probes.len() as u64, "probe", "probes") };
                node.badges.retain(|badge| badge.glyph != Glyph::Probe);
                node.badges.push(Badge { glyph: Glyph::Probe, text, tone: Tone::Warn });
                node.tone = node.tone.max(Tone::Warn);
            }
            self.probes.push(SceneProbe { node: index.map(|index| self.nodes[index].node_id), title, detail });
        }
    }

    fn mark_breakers(&mut self, snapshot: &Snapshot) {
        let mut rows_of: BTreeMap<(NodeId, Option<NodeId>), Vec<usize>> = BTreeMap::new();
        for (row, breaker) in snapshot.breakers.iter().enumerate() {
            if let Some(caller) = breaker.caller_node {
                rows_of.entry((caller, breaker.callee_node)).or_default().push(row);
            }
        }
        for ((caller, callee), rows) in rows_of {
            let mark = breaker_mark(snapshot, rows);
            let Some(caller) = self.node_index(caller) else { continue };
            let callee = callee.and_then(|callee| self.node_index(callee));
            let edge = callee.and_then(|callee| self.edges.iter_mut().find(|edge| edge.from == caller && edge.to == callee && edge.kind == HopKind::Call));
            if let Some(edge) = edge {
                if mark.tone > Tone::Quiet {
                    edge.tone = edge.tone.max(mark.tone);
                }
                edge.breaker = Some(mark);
            } else if mark.tone > Tone::Quiet {
                let node = &mut self.nodes[caller];
                node.tone = node.tone.max(mark.tone);
                node.badges.push(Badge { glyph: mark.glyph, text: mark.text(), tone: mark.tone });
            }
        }
    }
}
