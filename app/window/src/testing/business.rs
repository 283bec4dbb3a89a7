//! A made-up business, built piece by piece.

use std::{collections::BTreeMap, sync::Arc};

use switchboard_engine::view::{
    BreakerView, ChannelFigures, CountsReport, DeadLetterView, Edge, EdgeId, Evidence, Exemplar, Figure, Figures, GroupView, HopKind, InstanceView,
    InteractionView, LagVerdict, MemberView, Node, NodeBasis, NodeFigure, NodeId, NodeKind, Pace, Snapshot, SourceView, StateSource, Style, Topology, Totals,
};
use switchboard_model::{BreakerState, ItemKind, SourceKind, SourcePhase};

use super::{NOW_NS, SECOND_NS};

const MS_NS: i64 = 1_000_000;

/// Builds a snapshot piece by piece.
#[derive(Default)]
pub struct Business {
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<Edge>,
    figures: Figures,
    interactions: Vec<InteractionView>,
    groups: Vec<GroupView>,
    breakers: Vec<BreakerView>,
    dead_letters: Vec<DeadLetterView>,
    sources: Vec<SourceView>,
}

/// What a source of a kind brings.
fn by_kind(kind: SourceKind, received: u64) -> Vec<(ItemKind, CountsReport)> {
    let facts = received / 10;
    let of = |received: u64| CountsReport { received, stored: received, ..CountsReport::default() };
    match kind {
        SourceKind::Otlp => vec![(ItemKind::Span, of(received - facts)), (ItemKind::Log, of(facts))],
        kind if kind.has_channels() => vec![(ItemKind::Record, of(received - facts)), (ItemKind::Fact, of(facts))],
        _ => vec![(ItemKind::Fact, of(received))],
    }
}

/// Figures of so many calls in the last minute.
pub fn figure(recent_calls: u64, recent_errors: u64, p50_ms: i64, p95_ms: i64) -> Figure {
    Figure {
        recent_calls,
        recent_errors,
        rate_per_s: recent_calls as f64 / 60.0,
        p50_ns: (recent_calls > 0 && p50_ms > 0).then_some(p50_ms * MS_NS),
        p95_ns: (recent_calls > 0 && p95_ms > 0).then_some(p95_ms * MS_NS),
        total_calls: recent_calls * 7,
        total_errors: recent_errors * 2,
        last_ns: (recent_calls > 0).then_some(NOW_NS - SECOND_NS),
    }
}

impl Business {
    /// Adds a node.
    pub fn node(&mut self, kind: NodeKind, name: &str, basis: NodeBasis, num_instances: usize, figure: Figure) -> NodeId {
        let node_id = NodeId(self.nodes.len() as u32);
        let instance = |number: usize| InstanceView {
            instance: format!("{name}-{}", number + 1),
            version: Some("v1.8.2".to_owned()),
            last_seen_ns: figure.last_ns.unwrap_or(NOW_NS - 2 * SECOND_NS),
        };
        self.nodes.push(Node {
            node_id,
            kind,
            name: name.to_owned(),
            namespace: None,
            environment: Some("lab".to_owned()),
            system: None,
            version: None,
            basis,
            instances: (0..num_instances).map(instance).collect(),
            first_seen_ns: Some(NOW_NS - 420 * SECOND_NS),
            last_seen_ns: (0..num_instances).map(instance).map(|instance| instance.last_seen_ns).max(),
            labels: Vec::new(),
            folded_into: None,
        });
        self.figures.nodes.push(NodeFigure { node_id, figure, clock_ahead_ns: None });
        node_id
    }

    /// A service that sends spans.
    pub fn service(&mut self, name: &str, num_instances: usize, figure: Figure) -> NodeId {
        self.node(NodeKind::Service, name, NodeBasis::Traced, num_instances, figure)
    }

    /// A channel, with its broker's figures.
    pub fn channel(&mut self, name: &str, figure: Figure) -> NodeId {
        let node_id = self.node(NodeKind::Channel, name, NodeBasis::Broker, 0, figure);
        self.figures.channels.push(ChannelFigures {
            node_id,
            cluster: Some("lab-kafka".to_owned()),
            partitions: Some(4),
            records: Some(figure.total_calls),
            not_tailed: None,
            made_again_ns: None,
        });
        node_id
    }

    /// Adds an edge.
    pub fn edge(&mut self, kind: HopKind, from: NodeId, to: NodeId, via: Option<&str>, figure: Figure) -> EdgeId {
        let edge_id = EdgeId(self.edges.len() as u32);
        self.edges.push(Edge { edge_id, from, to, kind, via: via.map(str::to_owned), inferred: false });
        let rule = match kind {
            HopKind::Call => "parent",
            HopKind::Publish | HopKind::Process => "record",
            HopKind::Deliver => "group offsets",
        };
        let exemplar = Exemplar { trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(), span_id: "00f067aa0ba902b7".to_owned() };
        self.figures.edges.push((edge_id, figure, Evidence { rules: BTreeMap::from([(rule.to_owned(), figure.total_calls)]), exemplars: vec![exemplar] }));
        edge_id
    }

    /// A call, with its interaction.
    pub fn call(&mut self, from: NodeId, to: NodeId, via: &str, figure: Figure, callee: Option<Figure>) -> EdgeId {
        let edge_id = self.edge(HopKind::Call, from, to, Some(via), figure);
        self.interactions.push(InteractionView {
            from: Some(from),
            to: Some(to),
            via: via.to_owned(),
            style: Some(Style::RequestResponse),
            style_reason: "client and server span, by parent".to_owned(),
            figure,
            callee_figure: callee,
            retries: figure.recent_errors / 2,
            timeouts: figure.recent_errors / 3,
            sampled_share: Some(1.0),
            evidence: Evidence::default(),
        });
        edge_id
    }

    /// A group on a channel, the service that works for it, and its lag in messages and seconds.
    pub fn group(&mut self, name: &str, channel: NodeId, service: Option<NodeId>, figure: Figure, (lag, lag_s, verdict): (u64, f64, LagVerdict)) -> NodeId {
        let group = self.node(NodeKind::Group, name, NodeBasis::Broker, 0, figure);
        self.edge(HopKind::Deliver, channel, group, None, figure);
        if let Some(service) = service {
            self.edge(HopKind::Process, group, service, None, figure);
        }
        let topic = self.nodes[channel.0 as usize].name.clone();
        let member = |number: i32| MemberView {
            member_id: format!("{name}-{number}").into(),
            client_id: format!("{name}-{number}").into(),
            host: "127.0.0.1".into(),
            partitions: [number * 2, number * 2 + 1].into(),
        };
        self.groups.push(GroupView {
            node_id: Some(group),
            group: name.to_owned(),
            topic,
            cluster: Some("lab-kafka".to_owned()),
            state: Some("Stable".into()),
            members: Some((0..2).map(member).collect()),
            members_reason: None,
            lag: Some(lag),
            lag_s: Some(lag_s),
            verdict,
            reason: match verdict {
                LagVerdict::Growing => "12 messages a second come in, 3 are handled",
                _ => "commits follow the end",
            }
            .into(),
            read_ns: Some(NOW_NS - SECOND_NS),
            committed_since_start: Some(figure.total_calls),
            pace: (verdict == LagVerdict::Growing).then_some(Pace { over_ns: 18_000_000_000, came_in: 216, handled: 54 }),
            ..GroupView::default()
        });
        group
    }

    /// A breaker in an instance.
    pub fn breaker(&mut self, caller: NodeId, instance: &str, callee: NodeId, state: BreakerState, for_s: i64) {
        let name_of = |node_id: NodeId| Some(self.nodes[node_id.0 as usize].name.clone());
        let since_ns = NOW_NS - for_s * SECOND_NS;
        self.breakers.push(BreakerView {
            caller: name_of(caller),
            caller_node: Some(caller),
            instance: Some(instance.to_owned()),
            name: "payment-client".to_owned(),
            callee: name_of(callee),
            callee_node: Some(callee),
            state: Some(state),
            since_ns: Some(since_ns),
            since_at_least: false,
            source: StateSource::Event,
            confirmed_ns: NOW_NS - SECOND_NS,
            stale: false,
            disagreement: None,
            not_permitted: (state == BreakerState::Open).then_some(184),
            transitions: vec![(since_ns, state)],
        });
    }

    /// Dead letters on a folded channel.
    pub fn dead_letters(&mut self, channel: NodeId, origin: NodeId, fingerprint: &str, count: u64) {
        self.dead_letters.push(DeadLetterView {
            channel: self.nodes[channel.0 as usize].name.clone(),
            channel_node: Some(channel),
            origin: Some(self.nodes[origin.0 as usize].name.clone()),
            origin_node: Some(origin),
            fingerprint: fingerprint.to_owned(),
            count,
            num_open: count,
            first_ns: NOW_NS - 90 * SECOND_NS,
            last_ns: NOW_NS - 4 * SECOND_NS,
            dialect: Some("spring".to_owned()),
            cluster: "lab-kafka".to_owned(),
            is_among_others: false,
        });
    }

    /// A source.
    pub fn source(&mut self, name: &str, kind: SourceKind, phase: SourcePhase, received: u64) {
        self.sources.push(SourceView {
            name: name.to_owned(),
            kind,
            cluster_id: kind.has_channels().then(|| "lkc-7d1f".to_owned()),
            phase,
            detail: String::new(),
            next_step: String::new(),
            at_ns: NOW_NS,
            counts: CountsReport { received, stored: received, ..CountsReport::default() },
            by_kind: by_kind(kind, received),
            left_out: Vec::new(),
        });
    }

    /// The nodes so far, to be changed.
    pub fn nodes_mut(&mut self) -> &mut Vec<Node> {
        &mut self.nodes
    }

    /// The snapshot.
    pub fn snapshot(self) -> Snapshot {
        Snapshot {
            generation: 1,
            as_of_ns: NOW_NS,
            started_ns: NOW_NS - 420 * SECOND_NS,
            topology: Arc::new(Topology { version: 1, nodes: self.nodes, edges: self.edges }),
            figures: Arc::new(self.figures),
            interactions: Arc::new(self.interactions),
            groups: Arc::new(self.groups),
            breakers: Arc::new(self.breakers),
            dead_letters: Arc::new(self.dead_letters),
            sources: Arc::new(self.sources),
            totals: Totals::default(),
        }
    }
}

/// An order business of 12 services with an open breaker, a group that falls behind, dead letters and a silent service.
pub fn order_business() -> Snapshot {
    let mut business = Business::default();
    let user = business.node(NodeKind::User, "user", NodeBasis::Inferred, 0, Figure::default());
    let storefront = business.service("storefront", 2, figure(2_520, 12, 48, 210));
    let catalog = business.service("catalog", 2, figure(5_280, 0, 6, 22));
    let search = business.service("search", 1, figure(1_980, 0, 14, 61));
    let orders = business.service("orders", 2, figure(2_400, 16, 31, 180));
    let payments = business.service("payments", 2, figure(1_860, 225, 24, 41));
    let pricing = business.service("pricing", 2, figure(2_390, 0, 3, 9));
    let accounts = business.service("accounts", 1, figure(1_140, 0, 5, 18));
    let inventory = business.service("inventory", 3, figure(1_320, 0, 11, 35));
    let shipping = business.service("shipping", 2, figure(2_280, 0, 19, 74));
    let notifications = business.service("notifications", 1, figure(2_280, 0, 8, 26));
    let fraud = business.node(NodeKind::Service, "fraud", NodeBasis::Broker, 0, figure(2_280, 0, 0, 0));
    let billing = business.service("legacy-billing", 1, Figure { last_ns: Some(NOW_NS - 130 * SECOND_NS), total_calls: 811, ..Figure::default() });
    let postgres = business.node(NodeKind::Database, "postgres", NodeBasis::Inferred, 0, figure(7_200, 0, 2, 7));
    let ups = business.node(NodeKind::External, "ups-gateway", NodeBasis::Inferred, 0, figure(240, 0, 180, 420));

    business.call(user, storefront, "http", figure(2_520, 12, 48, 210), None);
    business.call(storefront, catalog, "http", figure(3_300, 0, 7, 24), Some(figure(3_300, 0, 6, 22)));
    business.call(storefront, search, "http", figure(1_980, 0, 15, 63), Some(figure(1_980, 0, 14, 61)));
    business.call(storefront, accounts, "grpc", figure(1_140, 0, 6, 19), Some(figure(1_140, 0, 5, 18)));
    business.call(search, catalog, "grpc", figure(1_980, 0, 6, 20), Some(figure(1_980, 0, 6, 20)));
    business.call(storefront, orders, "grpc", figure(2_400, 16, 33, 190), Some(figure(2_400, 16, 31, 180)));
    business.call(orders, payments, "http", figure(1_860, 225, 26, 2_000), Some(figure(1_860, 40, 24, 41)));
    business.call(orders, pricing, "grpc", figure(2_390, 0, 4, 10), Some(figure(2_390, 0, 3, 9)));
    business.call(orders, postgres, "database", figure(4_800, 0, 2, 7), None);
    business.call(catalog, postgres, "database", figure(2_400, 0, 2, 6), None);
    business.call(orders, billing, "http", Figure::default(), None);
    business.call(shipping, ups, "http", figure(240, 0, 180, 420), None);

    let placed = business.channel("orders.placed", figure(2_280, 0, 0, 0));
    let reserved = business.channel("inventory.reserved", figure(1_320, 0, 0, 0));
    let dead = business.channel("orders.placed-dlt", figure(14, 0, 0, 0));
    business.nodes_mut()[dead.0 as usize].folded_into = Some(placed);
    business.edge(HopKind::Publish, orders, placed, None, figure(2_280, 0, 2, 5));
    business.edge(HopKind::Publish, inventory, reserved, None, figure(1_320, 0, 2, 5));
    business.edge(HopKind::Publish, shipping, dead, None, figure(14, 0, 2, 5));
    business.group("inventory", placed, Some(inventory), figure(1_320, 0, 11, 35), (1_204, 38.0, LagVerdict::Growing));
    business.group("shipping", placed, Some(shipping), figure(2_280, 0, 19, 74), (2, 0.2, LagVerdict::Ok));
    business.group("notifications", placed, Some(notifications), figure(2_280, 0, 8, 26), (0, 0.0, LagVerdict::Ok));
    business.group("fraud", placed, Some(fraud), figure(2_280, 0, 0, 0), (3, 0.3, LagVerdict::Ok));
    business.group("orders-replies", reserved, Some(orders), figure(1_320, 0, 4, 9), (0, 0.0, LagVerdict::Ok));
    for (from, to, style) in [
        (orders, inventory, Style::PublishAsyncResponses),
        (orders, shipping, Style::PublishAsyncResponses),
        (orders, notifications, Style::PublishAsyncResponses),
    ] {
        business.interactions.push(InteractionView {
            from: Some(from),
            to: Some(to),
            via: "orders.placed".to_owned(),
            style: Some(style),
            style_reason: "four groups read the channel, one of them answers with the same correlation id".to_owned(),
            figure: figure(1_320, 0, 120, 38_000),
            callee_figure: None,
            retries: 0,
            timeouts: 0,
            sampled_share: Some(1.0),
            evidence: Evidence::default(),
        });
    }
    business.breaker(orders, "orders-1", payments, BreakerState::Open, 58);
    business.breaker(orders, "orders-2", payments, BreakerState::Closed, 402);
    business.dead_letters(dead, placed, "NullPointerException at OrderMapper:88", 11);
    business.dead_letters(dead, placed, "UnknownSkuException: sku … is not known", 3);
    business.source("otlp", SourceKind::Otlp, SourcePhase::Live, 184_202);
    business.source("lab-kafka", SourceKind::Kafka, SourcePhase::Live, 26_110);
    business.source("orders-1 actuator", SourceKind::Http, SourcePhase::Live, 211);
    business.snapshot()
}
