//! What stands on the map: groups of several clusters, ages of instances, steps without names.

mod batches;

use std::sync::Arc;

use batches::{MS, START_NS, Span, apply, engine, facts, group, intake, spans, tick, topic};
use switchboard_engine::Engine;
use switchboard_engine::view::{HopKind, NodeKind, Snapshot, Topology};
use switchboard_model::{Batch, Fact, SpanKind};

/// The same fact as told by another cluster.
fn on(cluster: &str, fact: Fact) -> Fact {
    let named = |mut told: switchboard_model::ClusterRef| {
        (told.name, told.cluster_id) = (cluster.to_owned(), Some(format!("id of {cluster}")));
        told
    };
    match fact {
        Fact::Topic(fact) => Fact::Topic(switchboard_model::TopicFact { cluster: named(fact.cluster), ..fact }),
        Fact::Group(fact) => Fact::Group(switchboard_model::GroupFact { cluster: named(fact.cluster), ..fact }),
        other => other,
    }
}

fn groups(topology: &Topology) -> Vec<&switchboard_engine::view::Node> {
    topology.nodes.iter().filter(|node| node.kind == NodeKind::Group).collect()
}

fn told(batches: &[Batch]) -> (Engine, Snapshot) {
    let mut engine = engine();
    apply(&mut engine, batches);
    let snapshot = engine.snapshot(&intake(batches));
    (engine, snapshot)
}

#[test]
fn groups_of_one_name_on_two_clusters_are_two_nodes() {
    let of = |cluster: &str, name: &str| vec![on(cluster, topic(name, 10)), on(cluster, group("billing", name, 4, 10, 1_000))];
    let batches = [facts(1_000, of("eu", "orders.eu")), facts(1_000, of("us", "orders.us")), tick(2_000)];
    let (_, snapshot) = told(&batches);
    let nodes = groups(&snapshot.topology);
    assert_eq!(nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["billing", "billing"]);
    // Each delivers from its own channel, and each row of lag knows its node.
    for row in snapshot.groups.iter() {
        let from = |edge: &&switchboard_engine::view::Edge| edge.kind == HopKind::Deliver && Some(edge.to) == row.node_id;
        let channels: Vec<&str> = snapshot
            .topology
            .edges
            .iter()
            .filter(from)
            .filter_map(|edge| snapshot.topology.nodes.iter().find(|node| node.node_id == edge.from))
            .map(|node| node.name.as_str())
            .collect();
        assert_eq!(channels, [row.topic.as_str()]);
    }
}

#[test]
fn a_group_that_spans_name_is_the_broker_s_and_keeps_its_place_when_the_broker_comes_later() {
    let traced = spans(2_000, &[Span::producer("shop", "orders", 1, 10, 0), Span::process("bills", "orders", "billing", 1, 11, 10)]);
    let (mut engine, before) = told(&[traced, tick(2_500)]);
    let id_of = |snapshot: &Snapshot, kind: NodeKind| {
        let nodes: Vec<_> = snapshot.topology.nodes.iter().filter(|node| node.kind == kind).map(|node| node.node_id).collect();
        assert_eq!(nodes.len(), 1, "{:?}", snapshot.topology.nodes);
        nodes[0]
    };
    apply(&mut engine, &[facts(3_000, vec![topic("orders", 1), group("billing", "orders", 1, 1, 3_000)]), tick(3_500)]);
    let after = engine.snapshot(&[]);
    for kind in [NodeKind::Channel, NodeKind::Group] {
        assert_eq!(id_of(&before, kind), id_of(&after, kind));
    }
    assert_eq!(after.groups.len(), 1);
    assert_eq!(after.groups[0].node_id, Some(id_of(&after, NodeKind::Group)));
}

#[test]
fn when_instances_were_last_seen_is_told_each_second_without_another_version() {
    let span = |at: u64| [Span::server("shop", u128::from(at), 10, 0)];
    let (mut engine, first) = told(&[spans(1_000, &span(1)), tick(1_000)]);
    let seen = |snapshot: &Snapshot| snapshot.topology.nodes.iter().flat_map(|node| &node.instances).map(|instance| instance.last_seen_ns).max();
    apply(&mut engine, &[spans(1_500, &span(2))]);
    let between = engine.snapshot(&[]);
    assert!(Arc::ptr_eq(&first.topology, &between.topology), "only with the seconds");
    apply(&mut engine, &[tick(2_000)]);
    let next = engine.snapshot(&[]);
    assert_eq!((seen(&first), seen(&next)), (Some(START_NS + 1_000 * MS), Some(START_NS + 1_500 * MS)));
    assert!(next.topology.version == first.topology.version && next.generation > first.generation);
    // Where nothing was seen since, nothing is shown anew.
    apply(&mut engine, &[tick(3_000)]);
    assert!(Arc::ptr_eq(&next.topology, &engine.snapshot(&[]).topology));
}

#[test]
fn calls_that_name_nobody_are_steps_all_the_same() {
    let unnamed = |service, trace: u128| Span::new(service, SpanKind::Client, trace, 10, 0);
    let of = |environment: &str, trace: u128| {
        let Batch::Spans(mut batch) = spans(1_000, &[unnamed("shop", trace), unnamed("shop", trace + 1)]) else { panic!("spans") };
        batch.resources[0].environment = batch.text.push(environment.as_bytes());
        Batch::Spans(batch)
    };
    let (mut engine, _) = told(&[spans(1_000, &[unnamed("till", 9)]), of("test", 1), of("live", 3)]);
    let report = engine.report(&[]);
    let steps: Vec<_> = report.hops.iter().map(|hop| (hop.kind, hop.from.as_deref(), hop.to.as_deref(), hop.calls)).collect();
    assert_eq!(steps, [(HopKind::Call, Some("shop"), None, 2), (HopKind::Call, Some("shop"), None, 2), (HopKind::Call, Some("till"), None, 1)]);
}
