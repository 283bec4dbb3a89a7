//! Who will read what is sent: every group on the target, and the calls and breakers behind the one that failed.

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
}

/// Who will read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readers {
    /// The groups on what is sent to: those that failed first, then by name and channel.
    pub groups: Vec<Reader>,
    /// What the services that work for those that failed process, answer and ask for, by both ends.
    pub calls: Vec<CallsOnTheWay>,
    /// Breakers of the services that work for those that failed, by caller and callee.
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
        })
        .collect();
    groups.sort_by(|a, b| b.has_failed.cmp(&a.has_failed).then_with(|| (&a.group, &a.topic).cmp(&(&b.group, &b.topic))));
    groups.dedup_by(|a, b| (&a.group, &a.topic) == (&b.group, &b.topic));
    let mut services = BTreeSet::new();
    for (target, failed) in failed {
        // Where it is not told in which group they died, any of them may be the one.
        services.extend(services_of(snapshot, target, |group| failed.is_empty() || failed.iter().any(|failed| is_of_group(group, failed))));
    }
    Readers { groups, calls: calls_of(snapshot, &services), breakers: breakers_of(snapshot, &services) }
}

/// The services that work for groups on a channel.
fn services_of(snapshot: &Snapshot, target: &str, is_meant: impl Fn(&str) -> bool) -> BTreeSet<NodeId> {
    let nodes = &snapshot.topology.nodes;
    let named = |kind: NodeKind| nodes.iter().filter(move |node| node.kind == kind);
    let channels: BTreeSet<NodeId> = named(NodeKind::Channel).filter(|node| node.name == target).map(|node| node.node_id).collect();
    let meant: BTreeSet<NodeId> = named(NodeKind::Group).filter(|node| is_meant(&node.name)).map(|node| node.node_id).collect();
    let edges = |kind: HopKind| snapshot.topology.edges.iter().filter(move |edge| edge.kind == kind);
    let groups: BTreeSet<NodeId> =
        edges(HopKind::Deliver).filter(|edge| channels.contains(&edge.from) && meant.contains(&edge.to)).map(|edge| edge.to).collect();
    edges(HopKind::Process).filter(|edge| groups.contains(&edge.from)).map(|edge| edge.to).collect()
}

fn calls_of(snapshot: &Snapshot, services: &BTreeSet<NodeId>) -> Vec<CallsOnTheWay> {
    let is_theirs = |edge: &&Edge| match edge.kind {
        HopKind::Process => services.contains(&edge.to),
        HopKind::Call => services.contains(&edge.from) || services.contains(&edge.to),
        HopKind::Publish | HopKind::Deliver => false,
    };
    let name = |node_id: NodeId| snapshot.topology.nodes.iter().find(|node| node.node_id == node_id).map_or_else(String::new, |node| node.name.clone());
    let figures = &snapshot.figures.edges;
    let mut found: BTreeMap<(String, String), Figure> = BTreeMap::new();
    for edge in snapshot.topology.edges.iter().filter(is_theirs) {
        let Some((_, figure, _)) = figures.iter().find(|(edge_id, ..)| *edge_id == edge.edge_id) else { continue };
        // Two of the same ends speak different protocols.
        let sum = found.entry((name(edge.from), name(edge.to))).or_default();
        sum.recent_calls += figure.recent_calls;
        sum.recent_errors += figure.recent_errors;
        sum.total_calls += figure.total_calls;
        sum.total_errors += figure.total_errors;
    }
    let calls = found.into_iter().filter(|(_, figure)| figure.total_calls > 0);
    calls
        .map(|((from, to), figure)| CallsOnTheWay {
            from,
            to,
            num_recent: figure.recent_calls,
            num_recent_errors: figure.recent_errors,
            num: figure.total_calls,
            num_errors: figure.total_errors,
        })
        .collect()
}

fn breakers_of(snapshot: &Snapshot, services: &BTreeSet<NodeId>) -> Vec<BreakerOnTheWay> {
    let mut found: Vec<(String, String, Vec<&BreakerView>)> = Vec::new();
    for breaker in snapshot.breakers.iter().filter(|breaker| breaker.caller_node.is_some_and(|node| services.contains(&node))) {
        let caller = breaker.caller.clone().unwrap_or_default();
        let guards = breaker.callee.clone().unwrap_or_else(|| breaker.name.clone());
        match found.iter_mut().find(|(of, what, _)| (of, what) == (&caller, &guards)) {
            Some((.., views)) => views.push(breaker),
            None => found.push((caller, guards, vec![breaker])),
        }
    }
    found.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    let worst = |(caller, guards, views): (String, String, Vec<&BreakerView>)| {
        let state = views.iter().map(|view| view.state_now()).max_by_key(|state| breaker_severity(*state)).flatten();
        let in_it = views.iter().filter(|view| view.state_now() == state).count();
        BreakerOnTheWay { caller, guards, state, instances: (in_it, views.len()) }
    };
    found.into_iter().map(worst).collect()
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
    use crate::send::replay::tests::{behind_a_group, snapshot_of_channels};

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
        // What is behind a group is told once.
        assert_eq!((told.calls.len(), readers(&snapshot, "lab", "orders", &failed(&[])["orders"]).calls), (2, told.calls.clone()));
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
        let call = |from: &str, to: &str, recent: (u64, u64), session: (u64, u64)| CallsOnTheWay {
            from: from.into(),
            to: to.into(),
            num_recent: recent.0,
            num_recent_errors: recent.1,
            num: session.0,
            num_errors: session.1,
        };
        // Both protocols that it speaks to its database count as one; what it publishes is no call.
        let told = [call("inventory", "stock", (20, 3), (400, 9)), call("stock", "postgres", (6, 0), (60, 0))];
        assert_eq!(calls("orders", "inventory"), told);
        assert_eq!((calls("payments", "inventory"), calls("orders", "audit")), (Vec::new(), Vec::new()), "of no group that is meant");
        let [of_minute, nothing] = [told[0].clone(), CallsOnTheWay { num_recent: 0, ..told[0].clone() }].map(|calls| calls.error_share());
        assert_eq!((of_minute, nothing, CallsOnTheWay::default().error_share()), (Some(0.15), Some(0.0225), None));
    }
}
