//! What the map shows of a snapshot, before any place or colour: boxes, edges, and what is unusual about them. Pure.

use std::collections::BTreeMap;

use switchboard_engine::view::{
    Edge, EdgeId, Figure, GroupView, HopKind, LagVerdict, Node, NodeBasis, NodeId, NodeKind, Snapshot, Topology,
};
use switchboard_model::BreakerState;

use crate::window::{figures, sanitise};

/// No observation for so long, and a traced service counts as silent.
pub(crate) const SILENT_AFTER_NS: i64 = 60_000_000_000;
/// Below so many calls a share means little: failures are told as `1 of 3 failed`.
const CALLS_FOR_SHARE: u64 = 5;
/// From this share of failures on something is wrong.
const BAD_SHARE: f64 = 0.05;
/// From this share of failures on something is going wrong.
const WARN_SHARE: f64 = 0.01;

/// How unusual something is; the order is that of urgency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Tone {
    /// As usual.
    #[default]
    Quiet,
    /// Not known, or known too long ago.
    Unknown,
    /// Going wrong.
    Warn,
    /// Wrong.
    Bad,
}

/// A small drawn sign: never colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Glyph {
    /// Failures.
    Cross,
    /// Dead letters.
    Envelope,
    /// Lag grows.
    Rising,
    /// A group stands still.
    Stuck,
    /// Nobody reads.
    Nobody,
    /// A breaker is open.
    BreakerOpen,
    /// A breaker lets a few calls through.
    BreakerHalfOpen,
    /// A breaker is held open by hand.
    BreakerForced,
    /// A breaker's state is not known.
    BreakerUnknown,
    /// Not known.
    Question,
}

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

/// What is selected: a box or an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// Its name, safe to show.
    pub name: String,
    /// Its namespace, to tell equal names apart.
    pub namespace: Option<String>,
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
}

impl SceneEdge {
    /// Whether the sender goes on without an answer.
    pub(crate) fn is_asynchronous(&self) -> bool {
        self.kind != HopKind::Call
    }
}

/// All boxes and edges that are shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scene {
    /// Boxes, sorted by kind and name.
    pub nodes: Vec<SceneNode>,
    /// Edges, sorted by their ends' names.
    pub edges: Vec<SceneEdge>,
    /// Nodes that are part of others: what they belong to.
    folded: BTreeMap<NodeId, NodeId>,
    by_node: BTreeMap<NodeId, usize>,
    by_edge: BTreeMap<EdgeId, usize>,
}

impl Scene {
    /// Builds the scene of a snapshot as it is at `now_ns`.
    pub(crate) fn build(snapshot: &Snapshot, now_ns: i64) -> Self {
        let mut scene = Structure::of(&snapshot.topology).into_scene(snapshot, now_ns);
        scene.mark_groups(snapshot);
        scene.mark_failures();
        scene.mark_dead_letters(snapshot);
        scene.mark_breakers(snapshot);
        scene
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

    fn mark_groups(&mut self, snapshot: &Snapshot) {
        for index in 0..self.edges.len() {
            let edge = &self.edges[index];
            let Some(group) = edge.group_row.map(|row| &snapshot.groups[row]) else { continue };
            let Some(badge) = lag_badge(group) else { continue };
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
                *dead.entry(index).or_default() += letters.count;
            }
        }
        for (index, count) in dead.into_iter().filter(|(_, count)| *count > 0) {
            let node = &mut self.nodes[index];
            node.tone = Tone::Bad;
            node.badges.push(Badge { glyph: Glyph::Envelope, text: figures::count(count), tone: Tone::Bad });
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

/// What is shown and what is folded, from the topology alone.
struct Structure<'a> {
    topology: &'a Topology,
    /// Folded nodes and what they belong to.
    folded: BTreeMap<NodeId, NodeId>,
    /// Groups for which exactly one service works, and the hop to it.
    merged: BTreeMap<NodeId, &'a Edge>,
}

impl<'a> Structure<'a> {
    fn of(topology: &'a Topology) -> Self {
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
        Self { topology, folded, merged: workers.into_iter().filter_map(one_worker).collect() }
    }

    fn into_scene(self, snapshot: &Snapshot, now_ns: i64) -> Scene {
        let topology = self.topology;
        let node_figures = &snapshot.figures.nodes;
        let figure_of = |node_id: NodeId| {
            let found = node_figures.binary_search_by_key(&node_id, |row| row.node_id);
            found.map_or_else(|_| Figure::default(), |row| node_figures[row].figure)
        };
        let called: std::collections::BTreeSet<NodeId> = topology.edges.iter().filter(|edge| edge.kind == HopKind::Call).map(|edge| edge.to).collect();
        let mut nodes: Vec<SceneNode> = topology
            .nodes
            .iter()
            .filter(|node| !self.folded.contains_key(&node.node_id) && !self.merged.contains_key(&node.node_id))
            .map(|node| scene_node(node, figure_of(node.node_id), called.contains(&node.node_id), now_ns))
            .collect();
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
        Scene { nodes, edges, folded: self.folded, by_node, by_edge }
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
    let last_ns = node.instances.iter().map(|instance| instance.last_seen_ns).chain(figure.last_ns).max();
    let silent_ns = match (node.kind, node.basis, last_ns) {
        (NodeKind::Service, NodeBasis::Traced, Some(last_ns)) => Some(now_ns - last_ns).filter(|silent_ns| *silent_ns > SILENT_AFTER_NS),
        _ => None,
    };
    SceneNode {
        node_id: node.node_id,
        kind: node.kind,
        name: sanitise::visible(&node.name).into_owned(),
        namespace: node.namespace.as_deref().map(|namespace| sanitise::visible(namespace).into_owned()),
        detail: detail(node, silent_ns),
        rate: rate_with_unit(node.kind, &figure, is_called, silent_ns.is_some()),
        dashed: node.basis != NodeBasis::Traced && !matches!(node.kind, NodeKind::Channel | NodeKind::Database | NodeKind::User | NodeKind::Group)
            || matches!(node.kind, NodeKind::External | NodeKind::Missing),
        silent_ns,
        tone: if silent_ns.is_some() { Tone::Unknown } else { Tone::Quiet },
        badges: Vec::new(),
        figure,
        num_instances: node.instances.len(),
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

/// Failures of the last minute, where they are worth a sign.
pub(crate) fn failure_badge(figure: &Figure) -> Option<Badge> {
    let (calls, errors) = (figure.recent_calls, figure.recent_errors);
    if errors == 0 || calls == 0 {
        return None;
    }
    if calls < CALLS_FOR_SHARE {
        return Some(Badge { glyph: Glyph::Cross, text: format!("{errors} of {calls} failed"), tone: Tone::Warn });
    }
    let share = errors as f64 / calls as f64;
    let tone = match share {
        share if share >= BAD_SHARE => Tone::Bad,
        share if share >= WARN_SHARE => Tone::Warn,
        _ => return None,
    };
    Some(Badge { glyph: Glyph::Cross, text: figures::percent(share), tone })
}

/// A group's lag, where it is unusual: `1,204 · 38 s`.
pub(crate) fn lag_badge(group: &GroupView) -> Option<Badge> {
    let behind = group.lag.unwrap_or(0) > 0;
    let (glyph, tone) = match group.verdict {
        LagVerdict::Ok | LagVerdict::Unknown => return None,
        LagVerdict::Growing => (Glyph::Rising, Tone::Warn),
        LagVerdict::Stuck => (Glyph::Stuck, Tone::Bad),
        LagVerdict::NoMembers => (Glyph::Nobody, if behind { Tone::Bad } else { Tone::Unknown }),
    };
    let text = match (group.verdict, group.lag) {
        (LagVerdict::NoMembers, Some(lag)) if behind => format!("{} · nobody reads", figures::count(lag)),
        (LagVerdict::NoMembers, _) => "nobody reads".to_owned(),
        _ => lag_numbers(group),
    };
    Some(Badge { glyph, text, tone })
}

/// How far a group is behind, in messages and time: `1,204 · 38 s`.
pub(crate) fn lag_numbers(group: &GroupView) -> String {
    let count = group.lag.map_or_else(|| "?".to_owned(), figures::count);
    match group.lag_s.filter(|lag_s| *lag_s >= 1.0) {
        Some(lag_s) => format!("{count} · {}", figures::age_s(lag_s)),
        None => count,
    }
}

/// The worst of some breakers, and in how many instances they are not closed.
fn breaker_mark(snapshot: &Snapshot, rows: Vec<usize>) -> BreakerMark {
    let mut glyph = Glyph::BreakerUnknown;
    let mut tone = Tone::Quiet;
    let mut num_tripped = 0;
    for &row in &rows {
        let breaker = &snapshot.breakers[row];
        let (own_glyph, own_tone, tripped) = match (breaker.stale, breaker.state) {
            (true, _) | (_, None) => (Glyph::BreakerUnknown, Tone::Unknown, false),
            (_, Some(BreakerState::Closed | BreakerState::Disabled)) => continue,
            (_, Some(BreakerState::HalfOpen)) => (Glyph::BreakerHalfOpen, Tone::Warn, true),
            (_, Some(BreakerState::Open)) => (Glyph::BreakerOpen, Tone::Bad, true),
            (_, Some(BreakerState::ForcedOpen)) => (Glyph::BreakerForced, Tone::Bad, true),
        };
        num_tripped += usize::from(tripped);
        if own_tone > tone {
            (glyph, tone) = (own_glyph, own_tone);
        }
    }
    BreakerMark { glyph, tone, num_tripped, num_instances: rows.len(), rows }
}

/// The word for a kind of box.
pub(crate) fn kind_word(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Service => "service",
        NodeKind::Channel => "channel",
        NodeKind::Group => "group",
        NodeKind::Database => "database",
        NodeKind::External => "external",
        NodeKind::User => "caller",
        NodeKind::Missing => "missing",
        NodeKind::Other => "other",
    }
}

/// A box in words, for those who do not see it: `service orders, 2 instances, 40 req/s, 12 % failed`.
pub(crate) fn node_in_words(node: &SceneNode) -> String {
    let mut parts = vec![format!("{} {}", kind_word(node.kind), node.name)];
    if node.num_instances > 0 {
        parts.push(figures::things(node.num_instances as u64, "instance", "instances"));
    } else if !node.detail.is_empty() {
        parts.push(node.detail.clone());
    }
    if let Some(silent_ns) = node.silent_ns {
        parts.push(format!("silent for {}", figures::age(silent_ns)));
    }
    if !node.rate.is_empty() && node.rate != "–" {
        parts.push(node.rate.clone());
    }
    parts.extend(node.badges.iter().map(badge_in_words));
    parts.join(", ")
}

/// An edge in words.
pub(crate) fn edge_in_words(scene: &Scene, edge: &SceneEdge) -> String {
    let mut parts = vec![format!("{} {} to {}", edge_word(edge.kind), scene.nodes[edge.from].name, scene.nodes[edge.to].name)];
    if edge.figure.recent_calls > 0 {
        parts.push(format!("{}/s", figures::rate(edge.figure.rate_per_s)));
    }
    parts.extend(edge.pill.iter().map(badge_in_words));
    if let Some(mark) = edge.breaker.as_ref().filter(|mark| mark.tone > Tone::Quiet) {
        parts.push(badge_in_words(&Badge { glyph: mark.glyph, text: mark.text(), tone: mark.tone }));
    }
    parts.join(", ")
}

/// The word for a kind of edge.
pub(crate) fn edge_word(kind: HopKind) -> &'static str {
    match kind {
        HopKind::Call => "call",
        HopKind::Publish => "publish",
        HopKind::Deliver => "deliver",
        HopKind::Process => "process",
    }
}

fn badge_in_words(badge: &Badge) -> String {
    let text = &badge.text;
    match badge.glyph {
        Glyph::Cross if text.contains("failed") => text.clone(),
        Glyph::Cross => format!("{text} failed"),
        Glyph::Envelope => format!("{text} dead letters"),
        Glyph::Rising => format!("lag {text}, growing"),
        Glyph::Stuck => format!("lag {text}, stuck"),
        Glyph::Nobody => format!("lag {text}"),
        Glyph::BreakerOpen => format!("breaker open in {text} instances"),
        Glyph::BreakerHalfOpen => format!("breaker half-open in {text} instances"),
        Glyph::BreakerForced => format!("breaker forced open in {text} instances"),
        Glyph::BreakerUnknown | Glyph::Question => "state not known".to_owned(),
    }
}
