//! Many services in few boxes: at most twenty groups by namespace, environment or name; what is unusual stands outside of
//! its group with the way from the entry to it, and edges between groups are one each. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use switchboard_engine::view::{EdgeId, Figure, HopKind, NodeId, NodeKind};

use super::scene::{Badge, Cluster, Glyph, Scene, SceneEdge, SceneNode, Tone};
use crate::window::figures;

/// At most so many groups.
pub(crate) const GROUPS_MAX: usize = 20;
/// From so many boxes on they are grouped.
pub(crate) const GROUPED_FROM: usize = 40;
/// At most so many boxes stand outside because they are unusual, with what leads to them; the most urgent first.
const OUTSIDE_MAX: usize = 40;
/// Ids of groups and of bundles count down from the last one; the engine's count up from zero and stop at its caps.
const GROUP_IDS_FROM: u32 = u32::MAX;
/// The group for what is too rare for its own.
const REST: &str = "others";

/// What decides which services stand together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GroupBy {
    /// Namespaces where most services have one, else names.
    #[default]
    Auto,
    /// `service.namespace`.
    Namespace,
    /// `deployment.environment.name`.
    Environment,
    /// What the name begins with.
    Prefix,
}

impl GroupBy {
    /// All of them, in the order in which they are offered.
    pub(crate) const ALL: [Self; 4] = [Self::Auto, Self::Namespace, Self::Environment, Self::Prefix];

    /// What it is called.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Auto => "automatic",
            Self::Namespace => "namespace",
            Self::Environment => "environment",
            Self::Prefix => "name",
        }
    }
}

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
pub(crate) fn grouped(scene: &Scene, by: GroupBy, apart: Apart<'_>, ids: &mut GroupIds) -> Scene {
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

/// The group that each box belongs to; `None` for what never is in one.
fn homes(scene: &Scene, by: GroupBy) -> Vec<Option<String>> {
    let services: Vec<usize> = (0..scene.nodes.len()).filter(|index| scene.nodes[*index].kind == NodeKind::Service).collect();
    let by = match by {
        GroupBy::Auto => {
            let named = services.iter().filter(|index| scene.nodes[**index].namespace.is_some()).count();
            let spaces: BTreeSet<_> = services.iter().filter_map(|index| scene.nodes[*index].namespace.as_ref()).collect();
            if named * 2 > services.len() && spaces.len() > 1 { GroupBy::Namespace } else { GroupBy::Prefix }
        }
        by => by,
    };
    let mut homes: Vec<Option<String>> = vec![None; scene.nodes.len()];
    for &index in &services {
        let node = &scene.nodes[index];
        homes[index] = Some(match by {
            GroupBy::Namespace => node.namespace.clone().unwrap_or_else(|| "no namespace".to_owned()),
            GroupBy::Environment => node.environment.clone().unwrap_or_else(|| "no environment".to_owned()),
            GroupBy::Auto | GroupBy::Prefix => first_word(&node.name).to_owned(),
        });
    }
    // Two groups are kept for what is no service and belongs to no single group.
    keep_largest(&mut homes, GROUPS_MAX - 2);
    join_neighbours(scene, &mut homes);
    homes
}

/// `orders` of `orders-api`.
fn first_word(name: &str) -> &str {
    name.split(['-', '.', '_', '/', ':']).find(|word| !word.is_empty()).unwrap_or(name)
}

/// The smallest groups become one, so that there are at most so many; of equally large ones the first by name stay.
fn keep_largest(homes: &mut [Option<String>], groups_max: usize) {
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    homes.iter().flatten().for_each(|home| *sizes.entry(home).or_default() += 1);
    if sizes.len() <= groups_max {
        return;
    }
    let mut by_size: Vec<(&str, usize)> = sizes.into_iter().filter(|(name, _)| *name != REST).collect();
    by_size.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let kept: BTreeSet<String> = by_size.into_iter().take(groups_max - 1).map(|(name, _)| name.to_owned()).collect();
    for home in homes.iter_mut().flatten() {
        if !kept.contains(home) {
            REST.clone_into(home);
        }
    }
}

/// Channels, consumer groups, databases and externals stand where most of those stand that they talk to, if one group has
/// more of them than any other; else with their like.
fn join_neighbours(scene: &Scene, homes: &mut [Option<String>]) {
    // Channels first: consumer groups are known by their channels.
    for round in [NodeKind::Channel, NodeKind::Group, NodeKind::Database, NodeKind::External] {
        let mut votes: BTreeMap<usize, BTreeMap<&str, usize>> = BTreeMap::new();
        for edge in &scene.edges {
            // A channel belongs to who writes to it, anything else to who uses it.
            let (own, other) = if scene.nodes[edge.to].kind == round { (edge.to, edge.from) } else { (edge.from, edge.to) };
            let is_writer = edge.kind == HopKind::Publish;
            if scene.nodes[own].kind != round {
                continue;
            }
            if let Some(home) = homes[other].as_deref() {
                *votes.entry(own).or_default().entry(home).or_default() += if is_writer { 100 } else { 1 };
            }
        }
        let found: Vec<(usize, String)> = votes
            .into_iter()
            .filter_map(|(own, votes)| {
                let most = votes.values().copied().max()?;
                let mut best = votes.iter().filter(|(_, n)| **n == most);
                let (home, _) = best.next()?;
                // Used by several groups alike: it belongs to none of them.
                best.next().is_none().then(|| (own, (*home).to_owned()))
            })
            .collect();
        for (own, home) in found {
            homes[own] = Some(home);
        }
        let shared = if round == NodeKind::External { "external" } else { "shared" };
        for index in (0..scene.nodes.len()).filter(|index| scene.nodes[*index].kind == round) {
            homes[index].get_or_insert_with(|| shared.to_owned());
        }
    }
}

/// Boxes that stand outside: those of no group, the pinned, those of open groups, the unusual and what leads to them.
fn outside(scene: &Scene, homes: &[Option<String>], apart: Apart<'_>) -> BTreeSet<usize> {
    let mut outside: BTreeSet<usize> = (0..scene.nodes.len())
        .filter(|&index| {
            let is_open = homes[index].as_ref().is_none_or(|home| apart.open.contains(home));
            is_open || apart.pinned.contains(&scene.nodes[index].node_id)
        })
        .collect();
    let mut urgent: Vec<(Tone, usize)> = unusual(scene).into_iter().map(|(index, tone)| (tone, index)).collect();
    urgent.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let before = ways_from_entry(scene);
    let mut room = OUTSIDE_MAX;
    for (_, index) in urgent {
        let mut way = vec![index];
        while let Some(from) = way.last().and_then(|last| before[*last]) {
            way.push(from);
        }
        way.retain(|index| !outside.contains(index));
        if way.len() > room {
            continue;
        }
        room -= way.len();
        outside.extend(way);
    }
    outside
}

/// Boxes that are unusual themselves or at an end of an unusual edge, and how much.
pub(crate) fn unusual(scene: &Scene) -> BTreeMap<usize, Tone> {
    let mut found = BTreeMap::new();
    let mut note = |index: usize, tone: Tone| {
        if tone > Tone::Quiet {
            let known: &mut Tone = found.entry(index).or_default();
            *known = tone.max(*known);
        }
    };
    for (index, node) in scene.nodes.iter().enumerate() {
        note(index, if node.recovered_ns.is_some() { node.tone.max(Tone::Unknown) } else { node.tone });
    }
    for edge in scene.edges.iter().filter(|edge| edge.tone > Tone::Unknown) {
        note(edge.from, edge.tone);
        note(edge.to, edge.tone);
    }
    found
}

/// For each box the one before it on the shortest way from an entry: a user, or a service that nobody calls.
fn ways_from_entry(scene: &Scene) -> Vec<Option<usize>> {
    let mut callees: Vec<Vec<usize>> = vec![Vec::new(); scene.nodes.len()];
    let mut is_called = vec![false; scene.nodes.len()];
    for edge in scene.edges.iter().filter(|edge| edge.from != edge.to) {
        callees[edge.from].push(edge.to);
        is_called[edge.to] = true;
    }
    let is_entry = |index: &usize| match scene.nodes[*index].kind {
        NodeKind::User => true,
        NodeKind::Service => !is_called[*index],
        _ => false,
    };
    let mut queue: VecDeque<usize> = (0..scene.nodes.len()).filter(is_entry).collect();
    let mut before = vec![None; scene.nodes.len()];
    let mut met: Vec<bool> = (0..scene.nodes.len()).map(|index| is_entry(&index)).collect();
    while let Some(index) = queue.pop_front() {
        for &callee in &callees[index] {
            if !std::mem::replace(&mut met[callee], true) {
                before[callee] = Some(index);
                queue.push_back(callee);
            }
        }
    }
    before
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
        detail,
        rate: if figure.recent_calls > 0 { format!("{}/s", figures::rate(figure.rate_per_s)) } else { "–".to_owned() },
        dashed: false,
        silent_ns: None,
        tone: worst,
        badges: (num_unusual > 0).then(|| Badge { glyph: Glyph::Dot, text: format!("{num_unusual} unusual"), tone: worst_of_all }).into_iter().collect(),
        figure,
        num_instances: 0,
        recovered_ns: None,
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
            recovered_ns: None,
            bundle: edges.iter().map(|edge| edge.edge_id).collect(),
        });
    }
    plain.sort_by(|a, b| (a.from, a.to, a.kind, &a.via, a.edge_id).cmp(&(b.from, b.to, b.kind, &b.via, b.edge_id)));
    let shown_by_node = scene.nodes.iter().zip(shown).filter_map(|(node, shown)| Some((node.node_id, (*shown)?))).collect();
    scene.shown_as(nodes, plain, &shown_by_node, &shown_by)
}

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use switchboard_engine::view::{NodeBasis, Snapshot};

    use super::*;
    use crate::window::testing::{self, Business, NOW_NS, figure};

    fn large() -> Scene {
        Scene::build(&testing::large_business(200, 30), NOW_NS)
    }

    fn plain(scene: &Scene, by: GroupBy) -> Scene {
        let (pinned, open) = (BTreeSet::new(), BTreeSet::new());
        grouped(scene, by, Apart { pinned: &pinned, open: &open }, &mut GroupIds::default())
    }

    fn groups(scene: &Scene) -> Vec<&SceneNode> {
        scene.nodes.iter().filter(|node| node.cluster.is_some()).collect()
    }

    /// What has to hold for any scene and any grouping of it.
    fn check(full: &Scene, shown: &Scene) -> Result<(), TestCaseError> {
        prop_assert!(groups(shown).len() <= GROUPS_MAX, "{} groups", groups(shown).len());
        // Each box is shown once: by itself or by exactly one group.
        let mut seen: BTreeMap<NodeId, usize> = BTreeMap::new();
        for node in &shown.nodes {
            match &node.cluster {
                Some(cluster) => cluster.members.iter().for_each(|member| *seen.entry(*member).or_default() += 1),
                None => *seen.entry(node.node_id).or_default() += 1,
            }
        }
        prop_assert_eq!(seen.len(), full.nodes.len());
        prop_assert!(seen.values().all(|times| *times == 1));
        // Each edge is shown once or lies within a group, and no calls are lost.
        let mut edges: BTreeMap<EdgeId, usize> = BTreeMap::new();
        for edge in &shown.edges {
            if edge.bundle.is_empty() {
                *edges.entry(edge.edge_id).or_default() += 1;
            }
            edge.bundle.iter().for_each(|own| *edges.entry(*own).or_default() += 1);
        }
        for edge in &full.edges {
            let [from, to] = [edge.from, edge.to].map(|end| shown.node_index(full.nodes[end].node_id));
            let inside = from == to && from.is_some_and(|index| shown.nodes[index].cluster.is_some());
            prop_assert_eq!(edges.get(&edge.edge_id).copied().unwrap_or_default(), usize::from(!inside));
        }
        for edge in shown.edges.iter().filter(|edge| !edge.bundle.is_empty()) {
            let calls: u64 = edge.bundle.iter().filter_map(|own| full.edge_index(*own)).map(|index| full.edges[index].figure.recent_calls).sum();
            prop_assert_eq!(edge.figure.recent_calls, calls);
            prop_assert!(edge.bundle.len() > 1);
        }
        Ok(())
    }

    prop_compose! {
        fn business()(names in prop::collection::vec(("[a-f]{1,2}", prop::option::of("[x-z]"), 0_usize..40), 2..90))
            (edges in prop::collection::vec((0..names.len(), 0..names.len(), 0_u64..30), 0..200), names in Just(names)) -> (Snapshot, Vec<usize>) {
            let mut business = Business::default();
            for (number, (word, namespace, kind)) in names.iter().enumerate() {
                let own = figure(60, if kind % 13 == 0 { 30 } else { 0 }, 1, 2);
                let name = format!("{word}-{number}");
                let node_id = match kind {
                    0 => business.node(NodeKind::User, &name, NodeBasis::Inferred, 0, own),
                    1..=4 => business.channel(&name, own),
                    5..=7 => business.node(NodeKind::Database, &name, NodeBasis::Inferred, 0, own),
                    8 => business.node(NodeKind::External, &name, NodeBasis::Inferred, 0, own),
                    _ => business.service(&name, 1, own),
                };
                business.nodes_mut()[node_id.0 as usize].namespace.clone_from(namespace);
            }
            for (from, to, failed) in &edges {
                let kind = match names[*to].2 {
                    1..=4 => HopKind::Publish,
                    _ if (1..=4).contains(&names[*from].2) => HopKind::Deliver,
                    _ => HopKind::Call,
                };
                business.edge(kind, NodeId(*from as u32), NodeId(*to as u32), None, figure(40, if *failed == 0 { 20 } else { 0 }, 1, 2));
            }
            (business.snapshot(), edges.iter().map(|(from, ..)| *from).collect())
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn nothing_is_lost_by_grouping((snapshot, some) in business(), by in 0_usize..4) {
            let full = Scene::build(&snapshot, NOW_NS);
            let by = GroupBy::ALL[by];
            check(&full, &plain(&full, by))?;
            // Pinned boxes stand outside, open groups do not stand at all.
            let pinned: BTreeSet<NodeId> = some.iter().take(3).map(|index| NodeId(*index as u32)).collect();
            let shut = plain(&full, by);
            let open: BTreeSet<String> = groups(&shut).iter().take(1).map(|group| group.full_name.clone()).collect();
            let shown = grouped(&full, by, Apart { pinned: &pinned, open: &open }, &mut GroupIds::default());
            check(&full, &shown)?;
            for node_id in &pinned {
                let index = shown.node_index(*node_id).expect("it is shown");
                prop_assert!(shown.nodes[index].cluster.is_none());
            }
            prop_assert!(groups(&shown).iter().all(|group| !open.contains(&group.full_name)));
        }

        #[test]
        fn a_neighbourhood_holds_what_is_near_and_nothing_else((snapshot, _some) in business(), around in 0_usize..90, num_hops in 1_usize..4) {
            let full = Scene::build(&snapshot, NOW_NS);
            let around = around % full.nodes.len();
            let near = neighbourhood(&full, around, num_hops);
            let mut distance = vec![usize::MAX; full.nodes.len()];
            distance[around] = 0;
            for _ in 0..full.nodes.len() {
                for edge in &full.edges {
                    let (a, b) = (distance[edge.from], distance[edge.to]);
                    distance[edge.from] = a.min(b.saturating_add(1));
                    distance[edge.to] = b.min(a.saturating_add(1));
                }
            }
            for (index, node) in full.nodes.iter().enumerate() {
                prop_assert_eq!(near.node_index(node.node_id).is_some(), distance[index] <= num_hops);
            }
        }
    }

    #[test]
    fn two_hundred_services_are_a_score_of_groups_and_what_is_unusual() {
        let full = large();
        assert!(full.nodes.len() > 240, "{} boxes", full.nodes.len());
        for by in GroupBy::ALL {
            let shown = plain(&full, by);
            assert!(shown.nodes.len() <= GROUPS_MAX + OUTSIDE_MAX + 2, "{} boxes by {by:?}", shown.nodes.len());
            assert!(!groups(&shown).is_empty(), "by {by:?}");
        }
        let by_name = plain(&full, GroupBy::Prefix);
        assert!(groups(&by_name).iter().any(|group| group.full_name == REST), "two dozen teams are more than there may be groups");
    }

    #[test]
    fn what_is_unusual_stands_outside_with_the_way_from_the_entry() {
        let full = large();
        let shown = plain(&full, GroupBy::Auto);
        let before = ways_from_entry(&full);
        let mut num_outside = 0;
        for (index, tone) in unusual(&full) {
            let own = shown.node_index(full.nodes[index].node_id).map(|index| &shown.nodes[index]).expect("it is shown");
            if own.cluster.is_some() {
                assert!(tone < Tone::Bad || num_outside > 0);
                continue;
            }
            num_outside += 1;
            let mut at = index;
            while let Some(from) = before[at] {
                let step = shown.node_index(full.nodes[from].node_id).map(|index| &shown.nodes[index]).expect("it is shown");
                assert!(step.cluster.is_none(), "{} on the way to {} stands in {}", full.nodes[from].name, own.name, step.name);
                at = from;
            }
        }
        assert!(num_outside >= 5, "{num_outside} stand outside");
        for group in groups(&shown) {
            let cluster = group.cluster.as_ref().expect("a group");
            assert!(group.detail.contains("service") || group.detail.contains("box") || group.detail.contains("channel"), "{}", group.detail);
            assert_eq!(cluster.num_unusual > 0, !group.badges.is_empty());
        }
    }

    #[test]
    fn groups_keep_their_ids_whatever_comes_and_goes() {
        let mut ids = GroupIds::default();
        let (pinned, open) = (BTreeSet::new(), BTreeSet::new());
        let mut at = |at_s: i64| {
            let full = Scene::build(&testing::large_business(200, at_s), NOW_NS);
            let shown = grouped(&full, GroupBy::Auto, Apart { pinned: &pinned, open: &open }, &mut ids);
            groups(&shown).iter().map(|group| (group.full_name.clone(), group.node_id)).collect::<BTreeMap<_, _>>()
        };
        let first = at(0);
        for at_s in [20, 40, 300] {
            let later = at(at_s);
            assert!(later.iter().all(|(name, node_id)| first.get(name).is_none_or(|known| known == node_id)));
        }
    }
}
