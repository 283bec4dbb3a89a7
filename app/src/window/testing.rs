//! Made-up snapshots and a window without a desktop, for tests and benches.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        mpsc::{Receiver, sync_channel},
    },
    time::Duration,
};

mod frames;
mod loads;
mod reader;

pub use frames::Frames;
pub use loads::{Load, loads};
use parking_lot::Mutex;
pub use reader::read_window;
use switchboard_engine::view::{
    Answer, BreakerView, ChannelFigures, CountsReport, DeadLetterView, Edge, EdgeId, Evidence, Exemplar, Figure, Figures, GroupView, HopKind, InstanceView,
    InteractionView, LagVerdict, MemberView, Node, NodeBasis, NodeFigure, NodeId, NodeKind, Query, Snapshot, SourceView, StateSource, Style, Topology, Totals,
};
use switchboard_model::{BreakerState, ItemKind, SourceKind, SourcePhase};

use crate::replay::ReplayBoard;
use crate::sources::SourcesBoard;
use crate::window::{SessionCommand, SnapshotSource, map::place};

/// The time at which made-up snapshots are taken, ns since the Unix epoch.
pub const NOW_NS: i64 = 1_795_258_800_000_000_000;
const SECOND_NS: i64 = 1_000_000_000;
const MS_NS: i64 = 1_000_000;

/// Builds a snapshot piece by piece.
#[derive(Default)]
pub struct Business {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
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
        SourceKind::Kafka => vec![(ItemKind::Record, of(received - facts)), (ItemKind::Fact, of(facts))],
        SourceKind::Http | SourceKind::Grpc => vec![(ItemKind::Fact, of(received))],
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
            labels: Vec::new(),
            folded_into: None,
        });
        self.figures.nodes.push(NodeFigure { node_id, figure });
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
            state: Some("Stable".to_owned()),
            members: Some((0..2).map(member).collect()),
            members_reason: None,
            lag: Some(lag),
            lag_s: Some(lag_s),
            verdict,
            reason: match verdict {
                LagVerdict::Growing => "12 messages a second come in, 3 are handled".to_owned(),
                _ => "commits follow the end".to_owned(),
            },
            read_ns: Some(NOW_NS - SECOND_NS),
            committed_since_start: Some(figure.total_calls),
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
            first_ns: NOW_NS - 90 * SECOND_NS,
            last_ns: NOW_NS - 4 * SECOND_NS,
            dialect: Some("spring".to_owned()),
            cluster: "lab-kafka".to_owned(),
        });
    }

    /// A source.
    pub fn source(&mut self, name: &str, kind: SourceKind, phase: SourcePhase, received: u64) {
        self.sources.push(SourceView {
            name: name.to_owned(),
            kind,
            cluster_id: (kind == SourceKind::Kafka).then(|| "lkc-7d1f".to_owned()),
            phase,
            detail: String::new(),
            next_step: String::new(),
            at_ns: NOW_NS,
            counts: CountsReport { received, stored: received, ..CountsReport::default() },
            by_kind: by_kind(kind, received),
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

/// A large business, `at_s` seconds after its start: so many services of two dozen teams in a dozen namespaces behind two
/// front ends, with channels, databases and what brokers and probes leave. Rates move; problems come and go.
pub fn large_business(num_services: usize, at_s: i64) -> Snapshot {
    const TEAMS: [&str; 24] = [
        "orders",
        "payments",
        "catalog",
        "search",
        "accounts",
        "inventory",
        "shipping",
        "pricing",
        "billing",
        "fraud",
        "media",
        "reviews",
        "loyalty",
        "returns",
        "supplier",
        "warehouse",
        "support",
        "marketing",
        "analytics",
        "identity",
        "tax",
        "gifts",
        "plans",
        "messages",
    ];
    const ROLES: [&str; 9] = ["api", "worker", "rules", "view", "sync", "jobs", "export", "audit", "cache"];
    let mixed = |a: u64, b: u64| {
        let mut state = a.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ b.wrapping_add(0x2545_f491_4f6c_dd1d);
        state ^= state >> 29;
        state = state.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state ^ (state >> 32)
    };
    // What is wrong changes every 20 s, its numbers every second.
    let phase = (at_s / 20).unsigned_abs();
    let is_failing = |number: usize| mixed(number as u64, phase).is_multiple_of(61);
    let own = |number: usize, failing: bool| {
        let calls = 120 + mixed(number as u64, 7) % 2_400 + mixed(number as u64, at_s.unsigned_abs()) % 60;
        figure(calls, if failing { calls / 9 } else { 0 }, 4, 35)
    };

    let mut business = Business::default();
    let user = business.node(NodeKind::User, "user", NodeBasis::Inferred, 0, Figure::default());
    let fronts = ["web-bff", "mobile-bff"].map(|name| business.service(name, 3, own(1, false)));
    for front in fronts {
        business.call(user, front, "http", own(front.0 as usize, false), None);
    }
    let mut services: Vec<(usize, usize, NodeId)> = Vec::new();
    for number in 0..num_services.saturating_sub(fronts.len()) {
        let (team, role) = (number % TEAMS.len(), number / TEAMS.len());
        let name = match ROLES.get(role) {
            Some(role) => format!("{}-{role}", TEAMS[team]),
            None => format!("{}-part-{role}", TEAMS[team]),
        };
        let figure = own(number, is_failing(number));
        let node_id = if number % 41 == 40 {
            business.node(NodeKind::Service, &name, NodeBasis::Broker, 0, figure)
        } else {
            business.service(&name, 1 + number % 3, figure)
        };
        services.push((team, role, node_id));
    }
    let of = |team: usize, role: usize| services.iter().find(|(t, r, _)| (*t, *r) == (team, role)).map(|(.., node_id)| *node_id);
    for team in 0..TEAMS.len() {
        let Some(api) = of(team, 0) else { continue };
        if team < 12 {
            business.call(fronts[team % 2], api, "http", own(team, false), None);
        }
        for role in [2, 3, 8] {
            if let Some(callee) = of(team, role) {
                let failing = is_failing(role * TEAMS.len() + team);
                business.call(api, callee, "grpc", own(team * 10 + role, failing), None);
            }
        }
        for step in [1, 7] {
            let other = (team + step) % TEAMS.len();
            if let Some(callee) = of(other, 0).filter(|_| other > team) {
                business.call(api, callee, "grpc", own(team * 20 + step, false), None);
            }
        }
        let database = business.node(NodeKind::Database, &format!("{}-db", TEAMS[team]), NodeBasis::Inferred, 0, own(team, false));
        for role in [0, 5] {
            if let Some(caller) = of(team, role) {
                business.call(caller, database, "database", own(team * 30 + role, false), None);
            }
        }
        let events = business.channel(&format!("{}.events", TEAMS[team]), own(team, false));
        business.edge(HopKind::Publish, api, events, None, own(team, false));
        for step in [0, 5] {
            if let Some(worker) = of((team + step) % TEAMS.len(), 1) {
                let falls_behind = mixed(team as u64 * 3 + step as u64, phase / 2).is_multiple_of(19);
                let lag =
                    if falls_behind { (900 + at_s.unsigned_abs() % 600, 30.0 + (at_s % 40) as f64, LagVerdict::Growing) } else { (1, 0.1, LagVerdict::Ok) };
                let name = format!("{}-worker", TEAMS[(team + step) % TEAMS.len()]);
                business.group(&name, events, Some(worker), own(team * 40 + step, false), lag);
            }
        }
        for role in [4, 5, 6, 7] {
            if let (Some(worker), Some(other)) = (of(team, 1), of(team, role)) {
                business.call(worker, other, "http", own(team * 50 + role, false), None);
            }
        }
        if team == 3 {
            let dead = business.channel(&format!("{}.events-dlt", TEAMS[team]), figure(9, 0, 0, 0));
            business.nodes[dead.0 as usize].folded_into = Some(events);
            business.dead_letters(dead, events, "IllegalStateException at Index:31", 9);
        }
        for name in [format!("{}.events-retry-0", TEAMS[team]), format!("{}-store-changelog", TEAMS[team])] {
            business.channel(&name, figure(3, 0, 0, 0));
        }
    }
    if let (Some(caller), Some(callee)) = (of(0, 0), of(1, 0)) {
        let state = if (100..400).contains(&at_s) { BreakerState::Closed } else { BreakerState::Open };
        business.breaker(caller, "orders-api-1", callee, state, 40);
        business.breaker(caller, "orders-api-2", callee, BreakerState::Closed, 900);
    }
    for name in ["__consumer_offsets", "__transaction_state", "_schemas"] {
        business.channel(name, figure(30, 0, 0, 0));
    }
    for node in &mut business.nodes {
        if let Some(team) = TEAMS.iter().position(|team| node.name.starts_with(team) && node.kind == NodeKind::Service) {
            node.namespace = Some(format!("{}-domain", TEAMS[team / 2 * 2]));
        }
    }
    let mut snapshot = business.snapshot();
    snapshot.generation = at_s.unsigned_abs() + 1;
    snapshot
}

/// So many nodes and edges in eight tiers as real systems have them, of which a few edges lead back. The same numbers
/// give the same snapshot.
pub fn generated(num_nodes: usize, num_edges: usize) -> Snapshot {
    const TIERS: usize = 8;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    let mut business = Business::default();
    let tier_of = |node: usize| node * TIERS / num_nodes;
    for number in 0..num_nodes {
        let failing = if random(60) == 0 { 31 } else { 0 };
        let own = figure(60 + random(6_000) as u64, failing, 5, 40);
        match (tier_of(number), number % 4) {
            (2 | 4, 1) => drop(business.channel(&format!("topic.{number:04}"), own)),
            (6 | 7, 2) => drop(business.node(NodeKind::Database, &format!("db-{number:04}"), NodeBasis::Inferred, 0, own)),
            _ => drop(business.service(&format!("service-{number:04}"), 1 + random(3), own)),
        }
    }
    let first_of = |tier: usize| (tier * num_nodes).div_ceil(TIERS);
    while business.edges.len() < num_edges {
        let from = random(num_nodes);
        // Mostly to the next tiers, rarely back.
        let tier = match random(60) {
            0 => random(TIERS),
            n => tier_of(from) + 1 + usize::from(n % 5 == 0),
        };
        let (first, last) = (first_of(tier.min(TIERS - 1)), first_of(tier.min(TIERS - 1) + 1));
        let to = first + random(last - first);
        let kind = |node: usize| business.nodes[node].kind;
        let (kind, via) = match (kind(from), kind(to)) {
            _ if from == to || kind(from) == NodeKind::Database => continue,
            (NodeKind::Channel, NodeKind::Channel | NodeKind::Database) => continue,
            (_, NodeKind::Channel) => (HopKind::Publish, None),
            (NodeKind::Channel, _) => (HopKind::Deliver, None),
            _ => (HopKind::Call, Some("http")),
        };
        let failing = if random(100) == 0 { 40 } else { 0 };
        business.edge(kind, NodeId(from as u32), NodeId(to as u32), via, figure(60 + random(2_000) as u64, failing, 4, 30));
    }
    business.snapshot()
}

/// A source whose snapshot stays what it is until a test changes it.
#[derive(Clone)]
pub struct FixedSource(Arc<Mutex<Fixed>>);

struct Fixed {
    snapshot: Snapshot,
    now_ns: i64,
    failure: Option<String>,
    commands: Vec<SessionCommand>,
    closes_in: Option<Duration>,
    wake: Option<Box<dyn Fn() + Send + Sync>>,
    answers: Option<Answers>,
    queries: Vec<Query>,
    sources: Arc<SourcesBoard>,
    replay: Arc<ReplayBoard>,
}

/// Answers questions in place; `None` = nobody answers.
type Answers = Box<dyn FnMut(&Query) -> Option<Answer> + Send>;

impl FixedSource {
    /// A source of this snapshot.
    pub fn new(snapshot: Snapshot) -> Self {
        Self(Arc::new(Mutex::new(Fixed {
            snapshot,
            now_ns: NOW_NS,
            failure: None,
            commands: Vec::new(),
            closes_in: None,
            wake: None,
            answers: None,
            queries: Vec::new(),
            sources: Arc::default(),
            replay: Arc::default(),
        })))
    }

    /// Publishes another snapshot.
    pub fn publish(&self, mut snapshot: Snapshot) {
        let mut fixed = self.0.lock();
        snapshot.generation = fixed.snapshot.generation + 1;
        fixed.snapshot = snapshot;
        if let Some(wake) = &fixed.wake {
            wake();
        }
    }

    /// Lets time on the wall pass.
    pub fn advance_s(&self, seconds: i64) {
        self.0.lock().now_ns += seconds * SECOND_NS;
    }

    /// Sets the time on the wall, ns since the Unix epoch.
    pub fn set_now_ns(&self, now_ns: i64) {
        self.0.lock().now_ns = now_ns;
    }

    /// The engine stops, or runs again.
    pub fn fail(&self, failure: Option<&str>) {
        self.0.lock().failure = failure.map(str::to_owned);
    }

    /// The window is to close after this time.
    pub fn close_in(&self, closes_in: Duration) {
        self.0.lock().closes_in = Some(closes_in);
    }

    /// Answers questions from now on.
    pub fn answer_with(&self, answers: impl FnMut(&Query) -> Option<Answer> + Send + 'static) {
        self.0.lock().answers = Some(Box::new(answers));
    }

    /// Lets other sources be seen.
    pub fn show_sources(&self, board: SourcesBoard) {
        let mut fixed = self.0.lock();
        fixed.sources = Arc::new(board);
        if let Some(wake) = &fixed.wake {
            wake();
        }
    }

    /// Lets another board be seen.
    pub fn show_replay(&self, board: ReplayBoard) {
        let mut fixed = self.0.lock();
        fixed.replay = Arc::new(board);
        if let Some(wake) = &fixed.wake {
            wake();
        }
    }

    /// What the window asked the engine so far.
    pub fn queries(&self) -> Vec<Query> {
        self.0.lock().queries.clone()
    }

    /// What the window asked for so far.
    pub fn commands(&self) -> Vec<SessionCommand> {
        self.0.lock().commands.clone()
    }
}

impl SnapshotSource for FixedSource {
    fn snapshot(&mut self) -> Snapshot {
        self.0.lock().snapshot.clone()
    }

    fn engine_failure(&mut self) -> Option<String> {
        self.0.lock().failure.clone()
    }

    fn on_publish(&mut self, wake: Box<dyn Fn() + Send + Sync>) {
        self.0.lock().wake = Some(wake);
    }

    fn query(&mut self, query: Query) -> Receiver<Answer> {
        let mut fixed = self.0.lock();
        let (sender, receiver) = sync_channel(1);
        if let Some(answer) = fixed.answers.as_mut().and_then(|answers| answers(&query)) {
            drop(sender.try_send(answer));
        }
        fixed.queries.push(query);
        receiver
    }

    fn sources(&mut self) -> Arc<SourcesBoard> {
        Arc::clone(&self.0.lock().sources)
    }

    fn replay(&mut self) -> Arc<ReplayBoard> {
        Arc::clone(&self.0.lock().replay)
    }

    fn command(&mut self, command: SessionCommand) {
        self.0.lock().commands.push(command);
    }

    fn closes_in(&mut self) -> Option<Duration> {
        self.0.lock().closes_in
    }

    fn now_ns(&mut self) -> i64 {
        self.0.lock().now_ns
    }
}

/// The texts that a frame paints.
fn shape_texts(output: &egui::FullOutput) -> Vec<String> {
    fn add(shape: &egui::Shape, texts: &mut Vec<String>) {
        match shape {
            egui::Shape::Text(text) => texts.push(text.galley.text().to_owned()),
            egui::Shape::Vec(shapes) => shapes.iter().for_each(|shape| add(shape, texts)),
            _ => {}
        }
    }
    let mut texts = Vec::new();
    output.shapes.iter().for_each(|clipped| add(&clipped.shape, &mut texts));
    texts
}

/// Lays out a snapshot's map; the number of boxes placed.
pub fn lay_out(snapshot: &Snapshot) -> usize {
    let scene = crate::window::map::scene::Scene::build(snapshot, NOW_NS);
    crate::window::map::layout::layout(&place::layout_graph(&scene)).rects.len()
}

/// A snapshot's edges as pairs of numbers.
pub fn edges_of(snapshot: &Snapshot) -> Vec<(u32, u32)> {
    snapshot.topology.edges.iter().filter(|edge| edge.from != edge.to).map(|edge| (edge.from.0, edge.to.0)).collect()
}
