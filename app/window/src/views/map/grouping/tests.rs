//! Grouping as a whole.

use proptest::prelude::*;
use switchboard_engine::view::{NodeBasis, Snapshot};

use super::homes::REST;
use super::outside::{OUTSIDE_MAX, ways_from_entry};
use super::*;
use crate::testing::{self, Business, NOW_NS, figure};

fn large() -> Scene {
    Scene::build(&testing::large_business(200, 30), NOW_NS)
}

fn plain(scene: &Scene, by: &GroupBy) -> Scene {
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
        let by = &GroupBy::PLAIN[by];
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
    for by in &GroupBy::PLAIN {
        let shown = plain(&full, by);
        assert!(shown.nodes.len() <= GROUPS_MAX + OUTSIDE_MAX + 2, "{} boxes by {by:?}", shown.nodes.len());
        assert!(!groups(&shown).is_empty(), "by {by:?}");
    }
    let by_name = plain(&full, &GroupBy::Prefix);
    assert!(groups(&by_name).iter().any(|group| group.full_name == REST), "two dozen teams are more than there may be groups");
}

#[test]
fn what_is_unusual_stands_outside_with_the_way_from_the_entry() {
    let full = large();
    let shown = plain(&full, &GroupBy::Auto);
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
        let shown = grouped(&full, &GroupBy::Auto, Apart { pinned: &pinned, open: &open }, &mut ids);
        groups(&shown).iter().map(|group| (group.full_name.clone(), group.node_id)).collect::<BTreeMap<_, _>>()
    };
    let first = at(0);
    for at_s in [20, 40, 300] {
        let later = at(at_s);
        assert!(later.iter().all(|(name, node_id)| first.get(name).is_none_or(|known| known == node_id)));
    }
}

#[test]
fn services_stand_together_by_any_label_that_tells_them_apart() {
    let mut business = Business::default();
    for number in 0..60 {
        let node_id = business.service(&format!("s{number}-api"), 1, figure(60, 0, 1, 2));
        let labels = &mut business.nodes_mut()[node_id.0 as usize].labels;
        labels.push(("cloud.region".to_owned(), "north".to_owned()));
        labels.push(("k8s.namespace.name".to_owned(), ["shop", "back-office", "data"][number % 3].to_owned()));
        if number % 2 == 0 {
            labels.push(("k8s.pod.label.team".to_owned(), ["red", "blue"][number / 2 % 2].to_owned()));
        }
    }
    let full = Scene::build(&business.snapshot(), NOW_NS);
    assert_eq!(labels(&full), ["k8s.namespace.name", "k8s.pod.label.team"], "where all say the same there is nothing to tell apart");
    let names = |by: &GroupBy| groups(&plain(&full, by)).iter().map(|group| group.full_name.clone()).collect::<Vec<_>>();
    let team = GroupBy::Label("k8s.pod.label.team".to_owned());
    assert_eq!((names(&team), team.text()), (vec!["blue".to_owned(), "no team".to_owned(), "red".to_owned()], "team"));
    assert_eq!(names(&GroupBy::Auto), ["back-office", "data", "shop"], "without namespaces of their own those of Kubernetes");
    assert_eq!(names(&GroupBy::Label("gone".to_owned())), ["no gone"]);
}
