//! The parts of a snapshot, each made from the plan and put in place only where it differs.

use std::collections::HashSet;
use std::sync::Arc;

use crate::chart::told::Told;
use crate::flow::{Flow, Plan, Scope, Summaries, evidence_of};
use crate::state::Sources;
use crate::view::{BreakerView, ChannelFigures, DeadLetterView, Figures, GroupView, HopKind, InteractionView, NodeFigure, NodeKind, Topology};

/// Puts the plan's nodes and edges in place if they differ; whether they did. When instances were last seen moves all the
/// time: it is shown anew with each tick, under the same version, so that nobody draws the same shape again.
pub(super) fn put_topology(place: &mut Arc<Topology>, plan: &Plan, is_ticked: bool) -> bool {
    let nodes = plan.nodes.iter().map(|planned| planned.node.clone()).collect();
    let edges = plan.edges.iter().map(|planned| planned.edge.clone()).collect();
    let topology = Topology { version: place.version, nodes, edges };
    if same_shape(place, &topology) {
        let has_aged = is_ticked && place.nodes != topology.nodes;
        if has_aged {
            *place = Arc::new(topology);
        }
        return has_aged;
    }
    *place = Arc::new(Topology { version: place.version + 1, ..topology });
    true
}

/// Gives each group its node, and adds those that only spans name.
pub(super) fn show_groups(plan: &Plan, told: &mut Told) {
    let of_spans = groups_of_spans(plan, told);
    let groups = Arc::make_mut(&mut told.groups);
    groups.truncate(told.num_broker_groups);
    for group in &mut *groups {
        group.node_id = plan.group_on(group.cluster.as_deref().unwrap_or_default(), &group.group);
    }
    groups.extend(of_spans);
}

/// Breakers with their nodes.
pub(super) fn breakers(plan: &Plan, told: &Told) -> Vec<BreakerView> {
    let mut breakers = told.breakers.clone();
    for breaker in &mut breakers {
        breaker.caller_node = breaker.caller.as_deref().and_then(|caller| plan.service_named(caller));
        breaker.callee_node = breaker.callee.as_deref().and_then(|callee| plan.callee_named(callee));
    }
    breakers
}

/// Dead letters with their nodes.
pub(super) fn dead_letters(plan: &Plan, told: &Told) -> Vec<DeadLetterView> {
    let mut dead_letters = told.dead_letters.clone();
    for letters in &mut dead_letters {
        letters.channel_node = plan.channel_on(&letters.cluster, &letters.channel);
        letters.origin_node = letters.origin.as_deref().and_then(|origin| plan.channel_on(&letters.cluster, origin));
    }
    dead_letters
}

/// Puts a part in place if it differs; whether it did.
pub(super) fn put<T: PartialEq>(place: &mut Arc<T>, part: T) -> bool {
    if **place == part {
        return false;
    }
    *place = Arc::new(part);
    true
}

/// Whether two topologies are the same but for what moves all the time: when instances were last seen.
fn same_shape(known: &Topology, new: &Topology) -> bool {
    let is_same_node = |(one, other): (&crate::view::Node, &crate::view::Node)| {
        let instances = |node: &crate::view::Node| node.instances.iter().map(|known| (known.instance.clone(), known.version.clone())).collect::<Vec<_>>();
        (one.node_id, one.kind, &one.name, &one.namespace, &one.environment, &one.system, &one.version, one.basis, one.folded_into)
            == (other.node_id, other.kind, &other.name, &other.namespace, &other.environment, &other.system, &other.version, other.basis, other.folded_into)
            && (one.instances.len() == other.instances.len() && instances(one) == instances(other))
    };
    known.edges == new.edges && known.nodes.len() == new.nodes.len() && known.nodes.iter().zip(&new.nodes).all(is_same_node)
}

/// Figures of all nodes and edges.
pub(super) fn figures(plan: &Plan, flow: &Flow, (told, sources): (&Told, &Sources), summaries: &mut Summaries, now_ns: i64, started_ns: i64) -> Figures {
    let mut figures = Figures::default();
    for planned in &plan.nodes {
        let figure = summaries.figure(&flow.rows, &planned.rows, &planned.rows, planned.num_more, now_ns, started_ns);
        let node_id = planned.node.node_id;
        figures.nodes.push(NodeFigure { node_id, figure, clock_ahead_ns: planned.clock_ahead_ns(flow, sources) });
        if planned.node.kind == NodeKind::Channel {
            let state = planned.channel.and_then(|at| told.channels.get(at));
            figures.channels.push(ChannelFigures {
                node_id,
                cluster: state.map(|state| state.cluster.name.clone()),
                partitions: state.and_then(|state| state.partitions),
                records: state.and_then(|state| state.records),
                not_tailed: match state.map(|state| &state.tail) {
                    Some(switchboard_model::TailState::Tailed) => None,
                    Some(switchboard_model::TailState::NotTailed(reason)) => Some(reason.clone()),
                    None => Some("no broker source reads it".to_owned()),
                },
                made_again_ns: state.and_then(|state| state.made_again_ns),
            });
        }
    }
    for planned in &plan.edges {
        let timed = planned.latencies.as_deref().unwrap_or(&planned.rows);
        let figure = summaries.figure(&flow.rows, &planned.rows, timed, planned.num_more, now_ns, started_ns);
        figures.edges.push((planned.edge.edge_id, figure, evidence_of(&flow.rows, &planned.rows, planned.num_more)));
    }
    figures
}

/// Who talks to whom.
pub(super) fn interactions(plan: &Plan, flow: &Flow, summaries: &mut Summaries, now_ns: i64, started_ns: i64) -> Vec<InteractionView> {
    let mut views = Vec::with_capacity(plan.interactions.len());
    for planned in &plan.interactions {
        let figure = summaries.figure(&flow.rows, &planned.rows, &planned.rows, planned.num_more, now_ns, started_ns);
        if figure.total_calls == 0 {
            continue;
        }
        let callee = |summaries: &mut Summaries| summaries.figure(&flow.rows, &planned.callee, &planned.callee, 0, now_ns, started_ns);
        let counts = summaries.of(&flow.rows, &planned.rows, &planned.rows, Scope::Session).counts;
        views.push(InteractionView {
            from: planned.from,
            to: planned.to,
            via: planned.via.clone(),
            style: planned.style,
            style_reason: planned.style_reason.clone(),
            figure,
            callee_figure: (!planned.callee.is_empty()).then(|| callee(summaries)),
            retries: counts.retries,
            timeouts: counts.timeouts,
            sampled_share: counts.sampled_share().filter(|_| planned.num_more == 0),
            evidence: evidence_of(&flow.rows, &planned.rows, planned.num_more),
        });
    }
    views
}

/// Groups that only spans name: nobody tells their lag.
pub(super) fn groups_of_spans(plan: &Plan, told: &Told) -> Vec<GroupView> {
    let mut groups = Vec::new();
    let told_groups: HashSet<(&str, &str, Option<&str>)> =
        told.broker_groups().iter().map(|known| (known.group.as_str(), known.topic.as_str(), known.cluster.as_deref())).collect();
    for planned in plan.edges.iter().filter(|planned| planned.edge.kind == HopKind::Deliver) {
        let (Some(channel), Some(group)) = (plan.node(planned.edge.from), plan.node(planned.edge.to)) else { continue };
        let cluster = channel.channel.and_then(|at| told.channels.get(at)).map(|state| state.cluster.name.clone());
        let is_told = told_groups.contains(&(group.node.name.as_str(), channel.node.name.as_str(), cluster.as_deref()));
        if is_told || group.node.kind != NodeKind::Group {
            continue;
        }
        let reason = match &cluster {
            Some(cluster) => format!("only spans name it; {cluster} has told no offsets of it"),
            None => "only spans name it; no broker source reads its channel".to_owned(),
        };
        groups.push(GroupView {
            node_id: Some(planned.edge.to),
            group: group.node.name.clone(),
            topic: channel.node.name.clone(),
            members_reason: Some("no broker source tells of it".to_owned()),
            readers: told.readers_of(&group.node.name, &channel.node.name),
            reason: reason.into(),
            ..GroupView::default()
        });
    }
    groups
}
