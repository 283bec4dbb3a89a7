//! Who will read what is sent: every group on the target, with the services behind each, their calls and the breakers on their way.

use std::collections::{BTreeMap, BTreeSet};

use switchboard_engine::view::{
    BreakerView, Edge, Figure, GroupView, HopKind, LagVerdict, NodeId, NodeKind, Severity, Snapshot, breaker_refuses, breaker_severity,
};
use switchboard_model::{BreakerState, GroupKind};

use crate::send::replay::sighting::is_of_group;

/// A consumer group on the target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reader {
    /// `group.id`.
    pub group: String,
    /// The channel that it reads; empty = the brokers do not tell.
    pub topic: String,
    /// Whether letters died in it that go there; the others have read the records already, unless they began later.
    pub has_failed: bool,
    /// Whether the brokers tell of the group and not of its topics: it may read the target.
    pub has_untold_topics: bool,
    /// Records not yet committed; `None` = unknown.
    pub lag: Option<u64>,
    /// How long ago the committed offset was the end, s; `None` = unknown.
    pub lag_s: Option<f64>,
    /// Its kind; `None` = unknown. Of a share group no committed offset tells what it has read.
    pub kind: Option<GroupKind>,
    /// What the lag comes to.
    pub verdict: LagVerdict,
    /// How urgent that is, as the engine says of the group.
    pub severity: Severity,
    /// The verdict and why, as the engine says of the group.
    pub sentence: String,
    /// Members; `None` = unknown.
    pub num_members: Option<usize>,
    /// The services that work for it, by name, as spans tell.
    pub services: Vec<String>,
}

/// A breaker on the way of what is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerOnTheWay {
    /// The service that holds it.
    pub caller: String,
    /// What it guards: the callee, or its own name where that is unknown.
    pub guards: String,
    /// The worst of its instances' states; `None` = unknown.
    pub state: Option<BreakerState>,
    /// Instances in that state, of all.
    pub instances: (usize, usize),
    /// The groups on whose way it lies, those that failed first.
    pub groups: Vec<String>,
}

/// What a service on the way takes or asks for, as spans tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallsOnTheWay {
    /// Who hands over: a group, or whoever calls.
    pub from: String,
    /// Who processes or answers.
    pub to: String,
    /// How many there were in the last 60 s.
    pub num_recent: u64,
    /// Of these, failed.
    pub num_recent_errors: u64,
    /// How many there were in the session.
    pub num: u64,
    /// Of these, failed.
    pub num_errors: u64,
    /// The groups behind which they are, those that failed first.
    pub groups: Vec<String>,
}

/// Who will read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readers {
    /// The groups on what is sent to: those that failed first, then by name and channel.
    pub groups: Vec<Reader>,
    /// What the services that work for any of them process, answer and ask for, by both ends, each once whatever group it is behind.
    pub calls: Vec<CallsOnTheWay>,
    /// Breakers of the services that work for any of them, by caller and callee, each once whatever group it is behind.
    pub breakers: Vec<BreakerOnTheWay>,
}

impl Readers {
    /// Groups that did not fail, and read everything a second time.
    pub fn others(&self) -> impl Iterator<Item = &Reader> {
        self.groups.iter().filter(|reader| !reader.has_failed)
    }

    /// Whether they read several channels, as far as the brokers tell.
    pub fn are_of_several(&self) -> bool {
        let mut told = self.groups.iter().map(|reader| &reader.topic).filter(|topic| !topic.is_empty());
        told.next().is_some_and(|first| told.any(|topic| topic != first))
    }
}

/// Who will read what is sent to a channel of a cluster, where letters died in these groups.
pub fn readers(snapshot: &Snapshot, cluster: &str, target: &str, failed: &BTreeSet<String>) -> Readers {
    readers_of_all(snapshot, cluster, &BTreeMap::from([(target.to_owned(), failed.clone())]))
}

/// Who will read what is sent to several. `failed`: by each of them, the groups that letters died in which go there.
pub(super) fn readers_of_all(snapshot: &Snapshot, cluster: &str, failed: &BTreeMap<String, BTreeSet<String>>) -> Readers {
    // A group of which no topics are told may read any of them.
    let has_failed = |group: &GroupView| {
        let here = failed.iter().filter(|(target, _)| group.topic.is_empty() || group.topic == **target);
        here.flat_map(|(_, groups)| groups).any(|failed| is_of_group(&group.group, failed))
    };
    let reads = |group: &GroupView| failed.contains_key(&group.topic) || group.topic.is_empty();
    let here = |group: &&GroupView| reads(group) && group.cluster.as_deref().is_none_or(|name| name == cluster);
    let behind = Behind::of(snapshot, failed);
    let mut groups: Vec<Reader> = snapshot
        .groups
        .iter()
        .filter(here)
        .map(|group| Reader {
            group: group.group.clone(),
            topic: group.topic.clone(),
            has_failed: has_failed(group),
            has_untold_topics: group.topic.is_empty(),
            lag: group.lag,
            lag_s: group.lag_s,
            kind: group.kind.clone(),
            verdict: group.verdict,
            severity: group.severity(),
            sentence: group.sentence(),
            num_members: group.members.as_ref().map(Vec::len),
            services: behind.services(snapshot, &group.group, &group.topic),
        })
        .collect();
    groups.sort_by(|a, b| b.has_failed.cmp(&a.has_failed).then_with(|| (&a.group, &a.topic).cmp(&(&b.group, &b.topic))));
    groups.dedup_by(|a, b| (&a.group, &a.topic) == (&b.group, &b.topic));
    let named = behind.groups_by_service(&groups);
    Readers { calls: calls_of(snapshot, &named), breakers: breakers_of(snapshot, &named), groups }
}

/// What works for the groups on some channels, as spans tell: by channel and group, the services.
struct Behind<'a>(Vec<(&'a str, &'a str, BTreeSet<NodeId>)>);

/// The groups that each service works for, in the order in which they are told.
type GroupsByService = BTreeMap<NodeId, Vec<String>>;

impl<'a> Behind<'a> {
    fn of(snapshot: &'a Snapshot, targets: &BTreeMap<String, BTreeSet<String>>) -> Self {
        let nodes = &snapshot.topology.nodes;
        let names = |kind: NodeKind| nodes.iter().filter(move |node| node.kind == kind).map(|node| (node.node_id, node.name.as_str()));
        let channels: BTreeMap<NodeId, &str> = names(NodeKind::Channel).collect();
        let groups: BTreeMap<NodeId, &str> = names(NodeKind::Group).collect();
        let edges = |kind: HopKind| snapshot.topology.edges.iter().filter(move |edge| edge.kind == kind);
        let services = |group: NodeId| edges(HopKind::Process).filter(move |edge| edge.from == group).map(|edge| edge.to).collect::<BTreeSet<NodeId>>();
        let mut behind = Vec::new();
        for edge in edges(HopKind::Deliver) {
            if let (Some(channel), Some(group)) = (channels.get(&edge.from), groups.get(&edge.to))
                && targets.contains_key(*channel)
            {
                behind.push((*channel, *group, services(edge.to)));
            }
        }
        // One that is not seen to read any channel may read these.
        let delivered: BTreeSet<NodeId> = edges(HopKind::Deliver).map(|edge| edge.to).collect();
        let untold = groups.into_iter().filter(|(node_id, _)| !delivered.contains(node_id));
        behind.extend(untold.map(|(node_id, group)| ("", group, services(node_id))));
        Self(behind)
    }

    /// Those that work for a group on a channel; of one whose channels are not told, on any.
    fn of_group(&self, group: &str, channel: &str) -> impl Iterator<Item = NodeId> {
        let here = self.0.iter().filter(move |(on, name, _)| is_called(group, name) && (channel.is_empty() || on.is_empty() || *on == channel));
        here.flat_map(|(.., services)| services).copied()
    }

    fn services(&self, snapshot: &Snapshot, group: &str, channel: &str) -> Vec<String> {
        let mut names: Vec<String> = self.of_group(group, channel).map(|service| name(snapshot, service)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Of the groups that are told, and of those that only spans tell of.
    fn groups_by_service(&self, told: &[Reader]) -> GroupsByService {
        let mut found = GroupsByService::new();
        let mut add = |service: NodeId, group: &str| add_groups(found.entry(service).or_default(), [&group.to_owned()]);
        for reader in told {
            self.of_group(&reader.group, &reader.topic).for_each(|service| add(service, &reader.group));
        }
        for (channel, group, services) in &self.0 {
            let is_told = told.iter().any(|reader| is_called(&reader.group, group));
            if !is_told && !channel.is_empty() {
                for service in services {
                    add(*service, group);
                }
            }
        }
        found
    }
}

fn name(snapshot: &Snapshot, node_id: NodeId) -> String {
    snapshot.topology.nodes.iter().find(|node| node.node_id == node_id).map_or_else(String::new, |node| node.name.clone())
}

/// Whether spans call a group so: a connector is told by its own name.
fn is_called(group: &str, name: &str) -> bool {
    group == name || group.strip_prefix("connect-") == Some(name)
}

/// Adds groups to those that are known, each once.
fn add_groups<'a>(known: &mut Vec<String>, groups: impl IntoIterator<Item = &'a String>) {
    for group in groups {
        if !known.contains(group) {
            known.push(group.clone());
        }
    }
}

fn calls_of(snapshot: &Snapshot, services: &GroupsByService) -> Vec<CallsOnTheWay> {
    let is_theirs = |edge: &&Edge| match edge.kind {
        HopKind::Process => services.contains_key(&edge.to),
        HopKind::Call => services.contains_key(&edge.from) || services.contains_key(&edge.to),
        HopKind::Publish | HopKind::Deliver => false,
    };
    let figures = &snapshot.figures.edges;
    let mut found: BTreeMap<(String, String), (Figure, Vec<String>)> = BTreeMap::new();
    for edge in snapshot.topology.edges.iter().filter(is_theirs) {
        let Some((_, figure, _)) = figures.iter().find(|(edge_id, ..)| *edge_id == edge.edge_id) else { continue };
        // Two of the same ends speak different protocols.
        let (sum, groups) = found.entry((name(snapshot, edge.from), name(snapshot, edge.to))).or_default();
        sum.recent_calls += figure.recent_calls;
        sum.recent_errors += figure.recent_errors;
        sum.total_calls += figure.total_calls;
        sum.total_errors += figure.total_errors;
        let (from, to) = (services.get(&edge.from), services.get(&edge.to));
        // What a group hands over is its own, and what somebody else does is behind all that the service works for.
        let handed_by = name(snapshot, edge.from);
        let own = to.into_iter().flatten().find(|group| edge.kind == HopKind::Process && is_called(group, &handed_by));
        let behind = if own.is_some() { Vec::from_iter(own) } else { from.into_iter().chain(to).flatten().collect() };
        add_groups(groups, behind);
    }
    let calls = found.into_iter().filter(|(_, (figure, _))| figure.total_calls > 0);
    calls
        .map(|((from, to), (figure, groups))| CallsOnTheWay {
            from,
            to,
            num_recent: figure.recent_calls,
            num_recent_errors: figure.recent_errors,
            num: figure.total_calls,
            num_errors: figure.total_errors,
            groups,
        })
        .collect()
}

fn breakers_of(snapshot: &Snapshot, services: &GroupsByService) -> Vec<BreakerOnTheWay> {
    let mut found: BTreeMap<(String, String), OfBreaker<'_>> = BTreeMap::new();
    for breaker in snapshot.breakers.iter().filter(|breaker| breaker.caller_node.is_some_and(|node| services.contains_key(&node))) {
        let caller = breaker.caller.clone().unwrap_or_default();
        let guards = breaker.callee.clone().unwrap_or_else(|| breaker.name.clone());
        let of_breaker = found.entry((caller, guards)).or_default();
        of_breaker.views.push(breaker);
        add_groups(&mut of_breaker.groups, breaker.caller_node.and_then(|node| services.get(&node)).into_iter().flatten());
    }
    let worst = |((caller, guards), OfBreaker { views, groups }): ((String, String), OfBreaker<'_>)| {
        let state = views.iter().map(|view| view.state_now()).max_by_key(|state| breaker_severity(*state)).flatten();
        let in_it = views.iter().filter(|view| view.state_now() == state).count();
        BreakerOnTheWay { caller, guards, state, instances: (in_it, views.len()), groups }
    };
    found.into_iter().map(worst).collect()
}

/// The instances of a breaker, and the groups on whose way it lies.
#[derive(Default)]
struct OfBreaker<'a> {
    views: Vec<&'a BreakerView>,
    groups: Vec<String>,
}

impl CallsOnTheWay {
    /// Which share of them failed: in the last 60 s, or in the session where there were none in these; `None` = there were none at all.
    pub fn error_share(&self) -> Option<f64> {
        let (errors, of) = if self.num_recent > 0 { (self.num_recent_errors, self.num_recent) } else { (self.num_errors, self.num) };
        (of > 0).then(|| errors as f64 / of as f64)
    }
}

impl BreakerOnTheWay {
    /// Whether it lets nothing through.
    pub fn is_open(&self) -> bool {
        breaker_refuses(self.state)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::send::replay::tests::{behind_a_group, node, snapshot_of_channels};

    #[test]
    fn the_group_of_a_connector_that_failed_is_no_reader_of_duplicates() {
        let group = |name: &str| GroupView { group: name.to_owned(), topic: "orders".to_owned(), ..GroupView::default() };
        let snapshot = Snapshot { groups: Arc::new(vec![group("billing"), group("connect-search-sink")]), ..Snapshot::default() };
        let told = readers(&snapshot, "lab", "orders", &BTreeSet::from(["search-sink".to_owned()]));
        let rows: Vec<(&str, bool)> = told.groups.iter().map(|reader| (reader.group.as_str(), reader.has_failed)).collect();
        assert_eq!(rows, [("connect-search-sink", true), ("billing", false)]);
        assert_eq!(told.others().map(|reader| reader.group.as_str()).collect::<Vec<_>>(), ["billing"]);
    }

    #[test]
    fn of_several_channels_all_groups_are_readers_and_each_failed_only_where_its_letters_go() {
        let group = |name: &str, topic: &str| GroupView { group: name.to_owned(), topic: topic.to_owned(), ..GroupView::default() };
        let groups =
            vec![group("billing", "orders"), group("billing", "payments"), group("audit", "payments"), group("totals", ""), group("other", "shipments")];
        let fares = Figure { recent_calls: 20, total_calls: 400, ..Figure::default() };
        let of_channels = snapshot_of_channels("lab", &[("orders", None), ("payments", None)]);
        let snapshot = Snapshot { groups: Arc::new(groups), ..behind_a_group(of_channels, "billing", "bills", "postgres", fares) };
        let failed = |payments: &[&str]| {
            let groups = payments.iter().map(|group| (*group).to_owned()).collect();
            BTreeMap::from([("orders".to_owned(), BTreeSet::from(["billing".to_owned()])), ("payments".to_owned(), groups)])
        };
        let told = readers_of_all(&snapshot, "lab", &failed(&[]));
        let rows: Vec<(&str, &str, bool)> = told.groups.iter().map(|reader| (reader.group.as_str(), reader.topic.as_str(), reader.has_failed)).collect();
        assert_eq!(rows, [("billing", "orders", true), ("audit", "payments", false), ("billing", "payments", false), ("totals", "", false)]);
        let of_orders = readers(&snapshot, "lab", "orders", &BTreeSet::new());
        assert_eq!((told.are_of_several(), of_orders.groups.len(), of_orders.are_of_several()), (true, 2, false), "one does not tell what it reads");
        let both = readers_of_all(&snapshot, "lab", &failed(&["audit"]));
        assert_eq!(both.groups.iter().filter(|reader| reader.has_failed).count(), 2);
        // What is behind a group is told once, wherever it failed, and as what is behind it on that channel.
        assert_eq!((told.calls.len(), readers(&snapshot, "lab", "orders", &failed(&[])["orders"]).calls), (2, told.calls.clone()));
        let services: Vec<&[String]> = told.groups.iter().map(|reader| &reader.services[..]).collect();
        assert_eq!(services, [&["bills".to_owned()][..], &[], &[], &[]]);
    }

    #[test]
    fn share_and_streams_groups_are_listed_as_readers_and_what_is_not_known_of_them_is_said() {
        let group = |name: &str, topic: &str, kind: Option<GroupKind>, verdict: LagVerdict, reason: &str| GroupView {
            group: name.to_owned(),
            topic: topic.to_owned(),
            cluster: Some("lab".to_owned()),
            kind,
            verdict,
            reason: reason.into(),
            ..GroupView::default()
        };
        let groups = vec![
            group("inventory", "orders", Some(GroupKind::Consumer), LagVerdict::Ok, "nothing waits"),
            group("pickers", "orders", Some(GroupKind::Share), LagVerdict::NoOffsets, "there is no committed offset to tell by"),
            group("totals", "", Some(GroupKind::Streams), LagVerdict::NoOffsets, "no offsets are told; nor which topics it reads"),
            group("elsewhere", "payments", Some(GroupKind::Share), LagVerdict::NoOffsets, ""),
        ];
        let snapshot = Snapshot { groups: Arc::new(groups), ..Snapshot::default() };
        let told = readers(&snapshot, "lab", "orders", &BTreeSet::from(["inventory".to_owned()]));
        let rows: Vec<(&str, bool, bool, String)> =
            told.groups.iter().map(|reader| (reader.group.as_str(), reader.has_failed, reader.has_untold_topics, reader.sentence.clone())).collect();
        assert_eq!(
            rows,
            [
                ("inventory", true, false, "keeps up: nothing waits".to_owned()),
                ("pickers", false, false, "lag not known: there is no committed offset to tell by".to_owned()),
                ("totals", false, true, "lag not known: no offsets are told; nor which topics it reads".to_owned()),
            ]
        );
        assert_eq!(told.others().count(), 2);
    }

    #[test]
    fn what_the_services_behind_the_group_process_and_ask_for_is_counted_by_both_ends() {
        let fares = Figure { recent_calls: 20, recent_errors: 3, total_calls: 400, total_errors: 9, ..Figure::default() };
        let snapshot = behind_a_group(snapshot_of_channels("lab", &[("orders", None), ("payments", None)]), "inventory", "stock", "postgres", fares);
        let calls = |target: &str, failed: &str| readers(&snapshot, "lab", target, &BTreeSet::from([failed.to_owned()])).calls;
        let groups = || vec!["inventory".to_owned()];
        let call = |from: &str, to: &str, recent: (u64, u64), session: (u64, u64)| CallsOnTheWay {
            from: from.into(),
            to: to.into(),
            num_recent: recent.0,
            num_recent_errors: recent.1,
            num: session.0,
            num_errors: session.1,
            groups: groups(),
        };
        // Both protocols that it speaks to its database count as one; what it publishes is no call.
        let told = [call("inventory", "stock", (20, 3), (400, 9)), call("stock", "postgres", (6, 0), (60, 0))];
        assert_eq!(calls("orders", "inventory"), told);
        assert_eq!(calls("payments", "inventory"), [], "it does not read that");
        assert_eq!(calls("orders", "audit"), told, "whichever failed");
        let [of_minute, nothing] = [told[0].clone(), CallsOnTheWay { num_recent: 0, ..told[0].clone() }].map(|calls| calls.error_share());
        assert_eq!((of_minute, nothing, CallsOnTheWay::default().error_share()), (Some(0.15), Some(0.0225), None));
    }

    #[test]
    fn what_is_behind_each_group_is_told_of_that_group_and_once_where_it_is_behind_several() {
        let group = |name: &str| GroupView { group: name.to_owned(), topic: "orders".to_owned(), ..GroupView::default() };
        let named = |node_id: u32, kind: NodeKind, name: &str| node(node_id, kind, name);
        let nodes = [
            named(1, NodeKind::Channel, "orders"),
            named(2, NodeKind::Channel, "payments"),
            named(11, NodeKind::Group, "inventory"),
            named(12, NodeKind::Group, "audit"),
            named(13, NodeKind::Group, "elsewhere"),
            named(21, NodeKind::Service, "stock"),
            named(22, NodeKind::Service, "archive"),
            named(23, NodeKind::Service, "apart"),
            named(31, NodeKind::Service, "files"),
        ];
        let hops = [
            (1, 11, HopKind::Deliver),
            (1, 12, HopKind::Deliver),
            (2, 13, HopKind::Deliver),
            (11, 21, HopKind::Process),
            (12, 21, HopKind::Process),
            (12, 22, HopKind::Process),
            (13, 23, HopKind::Process),
            (22, 31, HopKind::Call),
            (23, 31, HopKind::Call),
        ];
        let edge = |(number, (from, to, kind)): (usize, (u32, u32, HopKind))| Edge {
            edge_id: switchboard_engine::view::EdgeId(number as u32),
            from: NodeId(from),
            to: NodeId(to),
            kind,
            via: None,
            inferred: false,
        };
        let edges: Vec<Edge> = hops.into_iter().enumerate().map(edge).collect();
        let figure = Figure { total_calls: 7, ..Figure::default() };
        let figures = edges.iter().map(|edge| (edge.edge_id, figure, switchboard_engine::view::Evidence::default())).collect();
        let breaker = |caller: u32, callee: &str| BreakerView {
            caller: Some(name_of(&nodes, caller)),
            caller_node: Some(NodeId(caller)),
            instance: None,
            name: String::new(),
            callee: Some(callee.to_owned()),
            callee_node: None,
            state: Some(BreakerState::Closed),
            since_ns: None,
            since_at_least: false,
            source: switchboard_engine::view::StateSource::Report,
            confirmed_ns: 0,
            stale: false,
            disagreement: None,
            not_permitted: None,
            transitions: Vec::new(),
        };
        let snapshot = Snapshot {
            groups: Arc::new(vec![group("audit"), group("inventory")]),
            breakers: Arc::new(vec![breaker(21, "files"), breaker(22, "files"), breaker(22, "files"), breaker(23, "files")]),
            topology: Arc::new(switchboard_engine::view::Topology { version: 1, nodes: nodes.to_vec(), edges }),
            figures: Arc::new(switchboard_engine::view::Figures { edges: figures, ..Default::default() }),
            ..Snapshot::default()
        };
        let told = readers(&snapshot, "lab", "orders", &BTreeSet::from(["inventory".to_owned()]));
        let services: Vec<(&str, String)> = told.groups.iter().map(|reader| (reader.group.as_str(), reader.services.join(", "))).collect();
        assert_eq!(services, [("inventory", "stock".to_owned()), ("audit", "archive, stock".to_owned())]);
        let calls: Vec<String> = told.calls.iter().map(|calls| format!("{} → {}: {}", calls.from, calls.to, calls.groups.join(", "))).collect();
        assert_eq!(
            calls,
            ["archive → files: audit", "audit → archive: audit", "audit → stock: audit", "inventory → stock: inventory"],
            "and nothing of who reads another channel"
        );
        let breakers: Vec<(&str, usize, String)> =
            told.breakers.iter().map(|breaker| (breaker.caller.as_str(), breaker.instances.1, breaker.groups.join(", "))).collect();
        assert_eq!(breakers, [("archive", 2, "audit".to_owned()), ("stock", 1, "inventory, audit".to_owned())]);
    }

    fn name_of(nodes: &[switchboard_engine::view::Node], node_id: u32) -> String {
        nodes.iter().find(|node| node.node_id == NodeId(node_id)).map(|node| node.name.clone()).unwrap_or_default()
    }
}
