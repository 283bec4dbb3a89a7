//! Businesses of any size; the same numbers give the same one.

use switchboard_engine::view::{Figure, HopKind, LagVerdict, NodeBasis, NodeId, NodeKind, Snapshot};
use switchboard_model::BreakerState;

use super::{Business, NOW_NS, figure};
use crate::views::map::place;

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
    // Offsets are read every second.
    for group in std::sync::Arc::make_mut(&mut snapshot.groups) {
        group.read_ns = group.read_ns.map(|read_ns| read_ns + at_s * 1_000_000_000);
    }
    snapshot
}

/// That many nodes and edges in eight tiers as real systems have them, of which a few edges lead back. The same numbers
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

/// Lays out a snapshot's map; the number of boxes placed.
pub fn lay_out(snapshot: &Snapshot) -> usize {
    let scene = crate::views::map::scene::Scene::build(snapshot, NOW_NS);
    crate::views::map::layout::layout(&place::layout_graph(&scene)).rects.len()
}

/// A snapshot's edges as pairs of numbers.
pub fn edges_of(snapshot: &Snapshot) -> Vec<(u32, u32)> {
    snapshot.topology.edges.iter().filter(|edge| edge.from != edge.to).map(|edge| (edge.from.0, edge.to.0)).collect()
}
