//! The parts of the report that follow from spans, sorted by name.

use std::collections::BTreeMap;

use crate::figures::{RowId, RowKey};
use crate::flow::Flow;
use crate::flow::plan::{Plan, PlannedInteraction, PlannedNode};
use crate::flow::summary::{Scope, Summaries, evidence_of, statuses_of};
use crate::names::OTHER_NAME;
use crate::state::{ChannelState, Sources};
use crate::view::{ChannelReport, HopKind, HopReport, InteractionReport, NodeId, NodeKind, Report, ServiceReport, Severity, rfc3339};

/// Fills services, channels, interactions and hops of a report.
pub(crate) fn flow_report(
    report: &mut Report,
    flow: &Flow,
    plan: &Plan,
    (channels, sources): (&[ChannelState], &Sources),
    scope: Scope,
    summaries: &mut Summaries,
) {
    report.services = services(flow, plan, sources, scope, summaries);
    report.channels = plan.nodes.iter().filter(|planned| planned.node.kind == NodeKind::Channel).map(|planned| channel(planned, channels)).collect();
    report.channels.sort_by(|one, other| (&one.name, &one.cluster, &one.system).cmp(&(&other.name, &other.cluster, &other.system)));
    report.interactions = interactions(flow, plan, scope, summaries);
    report.hops = hops(flow, plan, scope, summaries);
}

fn services(flow: &Flow, plan: &Plan, sources: &Sources, scope: Scope, summaries: &mut Summaries) -> Vec<ServiceReport> {
    let is_service = |planned: &&PlannedNode| matches!(planned.node.kind, NodeKind::Service | NodeKind::Other);
    let mut services: Vec<ServiceReport> = plan
        .nodes
        .iter()
        .filter(is_service)
        .map(|planned| {
            // The node "other" stands for peers and channels too: only what services received counts here.
            let is_received = |row: &RowId| matches!(flow.rows.get(*row).key, RowKey::Received { .. } | RowKey::Handled(_));
            let is_other = planned.node.kind == NodeKind::Other;
            let rows: Vec<RowId> = planned.rows.iter().copied().filter(|row| !is_other || is_received(row)).collect();
            let summary = summaries.of(&flow.rows, &rows, &rows, scope);
            ServiceReport {
                name: planned.node.name.clone(),
                namespace: planned.node.namespace.clone(),
                environment: planned.node.environment.clone(),
                instances: Some(planned.node.instances.len() as u64).filter(|num| *num > 0),
                calls: summary.counts.calls,
                errors: summary.counts.errors,
                p50_ms: summary.p50_ms(),
                p95_ms: summary.p95_ms(),
                clock_ahead_s: planned.clock_ahead_ns(flow, sources).map(|ahead_ns| ahead_ns as f64 / 1e9),
                word: String::new(),
                severity: Severity::default(),
            }
        })
        .collect();
    services.sort_by(|one, other| (&one.name, &one.namespace, &one.environment).cmp(&(&other.name, &other.namespace, &other.environment)));
    services
}

fn channel(planned: &PlannedNode, channels: &[ChannelState]) -> ChannelReport {
    let told = planned.channel.and_then(|at| channels.get(at));
    ChannelReport {
        name: planned.node.name.clone(),
        system: planned.node.system.clone(),
        cluster: told.map(|told| told.cluster.name.clone()),
        partitions: told.and_then(|told| told.partitions),
        records: told.and_then(|told| told.records),
        made_again: told.and_then(|told| told.made_again_ns).map(rfc3339),
        word: String::new(),
        severity: Severity::default(),
    }
}

/// Name, namespace and environment; unknown where nobody sends spans or has a name.
type Named = (Option<String>, Option<String>, Option<String>);

fn named(plan: &Plan, node_id: Option<NodeId>) -> Named {
    let Some(planned) = node_id.and_then(|node_id| plan.node(node_id)) else { return (None, None, None) };
    let node = &planned.node;
    match node.kind {
        NodeKind::User | NodeKind::Missing => (None, None, None),
        NodeKind::Other => (Some(OTHER_NAME.to_owned()), None, None),
        _ => (Some(node.name.clone()), node.namespace.clone(), node.environment.clone()),
    }
}

fn interactions(flow: &Flow, plan: &Plan, scope: Scope, summaries: &mut Summaries) -> Vec<InteractionReport> {
    // A root and a missing parent are both unknown by name: one row.
    let mut by_name: BTreeMap<(Named, Named, &str), PlannedInteraction> = BTreeMap::new();
    for interaction in &plan.interactions {
        let key = (named(plan, interaction.from), named(plan, interaction.to), interaction.via.as_str());
        let merged = by_name.entry(key).or_insert_with(|| PlannedInteraction { rows: Vec::new(), callee: Vec::new(), num_more: 0, ..interaction.clone() });
        merged.rows.extend_from_slice(&interaction.rows);
        merged.callee.extend_from_slice(&interaction.callee);
        merged.num_more += interaction.num_more;
        merged.style = merged.style.or(interaction.style);
    }
    let report = |((from, to, via), interaction): ((Named, Named, &str), PlannedInteraction)| {
        let mut summary = summaries.of(&flow.rows, &interaction.rows, &interaction.rows, scope);
        let num_more = if scope == Scope::Session { interaction.num_more } else { 0 };
        let sampled_share = summary.counts.sampled_share().filter(|_| num_more == 0);
        summary.counts.calls += num_more;
        let counts = summary.counts;
        (counts.calls > 0).then(|| InteractionReport {
            from: from.0,
            to: to.0,
            from_namespace: from.1,
            to_namespace: to.1,
            via: via.to_owned(),
            style: interaction.style,
            calls: counts.calls,
            errors: counts.errors,
            retries: counts.retries,
            timeouts: counts.timeouts,
            p50_ms: summary.p50_ms(),
            p95_ms: summary.p95_ms(),
            clock_differences: counts.clock_differences,
            basis: crate::view::Basis { n: counts.calls, sampled_share },
            evidence: evidence_of(&flow.rows, &interaction.rows, num_more),
        })
    };
    by_name.into_iter().filter_map(report).collect()
}

fn hops(flow: &Flow, plan: &Plan, scope: Scope, summaries: &mut Summaries) -> Vec<HopReport> {
    #[derive(Default)]
    struct Hop {
        rows: Vec<RowId>,
        latencies: Option<Vec<RowId>>,
        num_more: u64,
    }
    let is_channel = |node_id: NodeId| plan.node(node_id).is_some_and(|planned| planned.node.kind == NodeKind::Channel);
    let mut by_name: BTreeMap<(HopKind, Named, Named, Option<String>), Hop> = BTreeMap::new();
    for planned in &plan.edges {
        let edge = &planned.edge;
        let mut parts: Vec<(Named, Option<String>, Vec<RowId>)> = Vec::new();
        if edge.kind == HopKind::Process {
            // A group may read several channels: one step each.
            let from = if is_channel(edge.from) { (None, None, None) } else { named(plan, Some(edge.from)) };
            for row in &planned.rows {
                let RowKey::Consume(to) = flow.rows.get(*row).key else { continue };
                parts.push((from.clone(), plan.channel_name(to.channel).map(str::to_owned), vec![*row]));
            }
        } else {
            parts.push((named(plan, Some(edge.from)), edge.via.clone(), planned.rows.clone()));
        }
        for (from, via, rows) in parts {
            let key = (edge.kind, from, named(plan, Some(edge.to)), via);
            let hop = by_name.entry(key).or_default();
            hop.rows.extend_from_slice(&rows);
            hop.num_more += planned.num_more;
            if let Some(latencies) = &planned.latencies {
                hop.latencies.get_or_insert_default().extend_from_slice(latencies);
            }
        }
    }
    // Calls of which nothing names the callee have no edge, but are steps all the same. A root and a missing parent have no
    // name either: their calls are one step.
    for interaction in plan.interactions.iter().filter(|interaction| interaction.to.is_none() && interaction.num_more == 0) {
        let key = (HopKind::Call, named(plan, interaction.from), (None, None, None), Some(interaction.via.clone()));
        by_name.entry(key).or_default().rows.extend_from_slice(&interaction.rows);
    }
    let report = |((kind, from, to, via), hop): ((HopKind, Named, Named, Option<String>), Hop)| {
        let num_more = if scope == Scope::Session { hop.num_more } else { 0 };
        let mut summary = summaries.of(&flow.rows, &hop.rows, hop.latencies.as_deref().unwrap_or(&hop.rows), scope);
        let sampled_share = summary.counts.sampled_share().filter(|_| num_more == 0);
        summary.counts.calls += num_more;
        (summary.counts.calls > 0).then(|| HopReport {
            kind,
            from: from.0,
            to: to.0,
            via,
            calls: summary.counts.calls,
            errors: summary.counts.errors,
            p50_ms: summary.p50_ms(),
            p95_ms: summary.p95_ms(),
            statuses: statuses_of(&flow.rows, &flow.names, &hop.rows, scope).into_iter().map(|known| (known.status, known.count)).collect(),
            basis: crate::view::Basis { sampled_share, ..summary.basis() },
            evidence: evidence_of(&flow.rows, &hop.rows, num_more),
        })
    };
    by_name.into_iter().filter_map(report).collect()
}
