//! Why nothing may have come of something that was sent, as far as what is known says so: what is wrong, and what to do. Pure.

use std::collections::BTreeSet;

use switchboard_desk::{
    send::{Sent, draft::RequestKind},
    sources::Family,
    sources_desk::SourcesBoard,
};
use switchboard_engine::view::{GroupView, HopKind, LagVerdict, Node, NodeBasis, NodeId, NodeKind, Snapshot};
use switchboard_model::{ItemKind, Origin, SourcePhase};

use crate::{figures, sanitise::visible};

/// After this time it is said why nothing may have come, ns.
pub(super) const WAITED_NS: i64 = 10_000_000_000;
/// Groups, and services, that are named at most.
const NAMED_MAX: usize = 3;

/// What is known around something that was sent.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    /// What was observed.
    pub snapshot: &'a Snapshot,
    /// The sources as the profile has them.
    pub sources: &'a SourcesBoard,
    /// The service that answered an earlier one at the same server.
    pub answered_before: Option<&'a str>,
    /// Ages are told at this instant, ns since the Unix epoch.
    pub now_ns: i64,
}

/// Why nothing may have come of it, a line each.
pub(super) fn why_nothing(sent: &Sent, around: &Around<'_>) -> Vec<String> {
    if let Some(why) = why_none_can_come(sent, around.snapshot) {
        return vec![why];
    }
    if sent.ask.draft.kind() == RequestKind::Record { of_record(sent, around) } else { of_server(sent, around) }
}

/// What is so of all that is sent now: nothing of it can be seen.
fn why_none_can_come(sent: &Sent, snapshot: &Snapshot) -> Option<String> {
    // What every profile has is the receiver.
    let has_receiver = snapshot.sources.iter().any(|source| Family::of(source.kind).only.is_some());
    let num_spans: u64 =
        snapshot.sources.iter().flat_map(|source| &source.by_kind).filter(|(kind, _)| *kind == ItemKind::Span).map(|(_, counts)| counts.received).sum();
    let is_record = sent.ask.draft.kind() == RequestKind::Record;
    let told = |why: &str| Some(why.to_owned());
    if sent.trace_id.is_none() && sent.correlation_id.is_none() {
        return told("It carried neither a trace nor a correlation id, so nothing can be told to come from it. Switch one on below its address");
    }
    if is_record && num_spans == 0 && !is_read(sent, snapshot) {
        return Some(format!("The records of {} are not read here, and no service sends spans. Set it to be read with its source", visible(&sent.call)));
    }
    if !has_receiver {
        return told("No source here receives spans: add an OTLP receiver among the sources");
    }
    if num_spans == 0 {
        return told("No service has sent a span since the session began: set OTEL_EXPORTER_OTLP_ENDPOINT where they run");
    }
    if sent.trace_id.is_none() {
        return told("It began no trace of its own, and nothing that was received has its correlation id");
    }
    None
}

/// Whether records of its topic come in here.
fn is_read(sent: &Sent, snapshot: &Snapshot) -> bool {
    snapshot.figures.channels.iter().any(|channel| {
        channel.not_tailed.is_none()
            && snapshot.topology.nodes.iter().any(|node| node.node_id == channel.node_id && node.kind == NodeKind::Channel && node.name == sent.call)
    })
}

/// When a service was last heard of by a span of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    /// By none.
    Never,
    /// By some, it is not known when.
    Once,
    /// Then, ns since the Unix epoch.
    At(i64),
}

/// Of several of one name the one that was heard of last.
fn heard(name: &str, snapshot: &Snapshot) -> Heard {
    let traced = snapshot.topology.nodes.iter().filter(|node| is_traced(node) && node.name == name);
    traced.map(|node| node.last_seen_ns.map_or(Heard::Once, Heard::At)).max_by_key(at_ns).unwrap_or(Heard::Never)
}

fn at_ns(heard: &Heard) -> i64 {
    if let Heard::At(at_ns) = heard { *at_ns } else { i64::MIN }
}

fn is_traced(node: &Node) -> bool {
    node.kind == NodeKind::Service && node.basis == NodeBasis::Traced
}

/// Who answers at a server, and by what that is known.
fn service_at<'a>(sent: &Sent, around: &Around<'a>) -> Option<(&'a str, String)> {
    if let Some(name) = around.answered_before {
        return Some((name, "which answered there before".to_owned()));
    }
    let (origin, _) = Origin::parse(&sent.target).ok()?;
    let services = || around.snapshot.topology.nodes.iter().filter(|node| node.kind == NodeKind::Service);
    let addresses = addresses(&origin);
    if let Some(node) = services().find(|node| node.instances.iter().any(|instance| addresses.contains(&instance.instance))) {
        return Some((&node.name, "of which an instance bears that address".to_owned()));
    }
    let at_origin = |address: &str| Origin::parse(address).is_ok_and(|(of_source, _)| of_source == origin);
    let told = around.sources.profile.active_sources().find_map(|source| {
        let service = source.service().filter(|_| at_origin(&source.address()))?;
        Some((service, format!("which answers there by what the source {} says", visible(source.name()))))
    });
    if told.is_some() || origin.address().is_some() {
        return told;
    }
    // In a cluster a host bears the name of its service, and a namespace behind that.
    let host = origin.host();
    let named = |name: &str| services().find(|node| node.name == name).map(|node| (node.name.as_str(), "by the name of its host".to_owned()));
    named(host).or_else(|| named(host.split('.').next()?))
}

/// How a server's address is written where one is told.
fn addresses(origin: &Origin) -> [String; 2] {
    [format!("{}:{}", origin.host(), origin.port()), origin.authority()]
}

/// Of a request or a call.
fn of_server(sent: &Sent, around: &Around<'_>) -> Vec<String> {
    let (snapshot, server) = (around.snapshot, visible(&sent.target));
    let no_export = "it is not instrumented, or does not export to the receiver here";
    let no_trace = "it does not go on with a traceparent from outside, or its sampler leaves it out";
    if let Some((name, by)) = service_at(sent, around) {
        let (known, name) = (heard(name, snapshot), visible(name));
        let ago = |at_ns: i64| figures::age(around.now_ns.saturating_sub(at_ns));
        let why = match known {
            Heard::At(at_ns) if at_ns < sent.at_ns => {
                format!("It has sent spans, the last {} ago and none since this was sent: it exports no more, or what it works on is not done yet", ago(at_ns))
            }
            Heard::At(at_ns) => format!("It sends spans, the last {} ago, yet none of this trace: {no_trace}", ago(at_ns)),
            Heard::Once => format!("It has sent spans, yet none of this trace: {no_trace}"),
            Heard::Never if around.answered_before.is_some() => format!("None of this trace came: {no_trace}"),
            Heard::Never => format!("No span from {name} was ever seen here: {no_export}"),
        };
        return vec![format!("At {server} is {name}, {by}"), why];
    }
    let is_called_there = Origin::parse(&sent.target).is_ok_and(|(origin, _)| {
        let addresses = addresses(&origin);
        snapshot.topology.nodes.iter().any(|node| node.kind == NodeKind::External && addresses.contains(&node.name))
    });
    if is_called_there {
        return vec![format!("Others were seen to call {server} too, and no span from whoever answers there was ever seen here: {no_export}")];
    }
    let unknown = format!("Services send spans, and none of this trace came; which of them answers at {server} is not known here");
    let mut lines = vec![unknown, format!("Either {no_export}; or {no_trace}")];
    lines.extend(last_heard(around));
    lines
}

/// Who was heard of last: one of them may be it.
fn last_heard(around: &Around<'_>) -> Option<String> {
    let traced = around.snapshot.topology.nodes.iter().filter(|node| is_traced(node));
    let mut heard: Vec<(i64, &str)> = traced.filter_map(|node| Some((node.last_seen_ns?, node.name.as_str()))).collect();
    heard.sort_by_key(|(at_ns, name)| (std::cmp::Reverse(*at_ns), *name));
    let mut seen = BTreeSet::new();
    heard.retain(|(_, name)| seen.insert(*name));
    let told = |(at_ns, name): &(i64, &str)| format!("{} ({} ago)", visible(name), figures::age(around.now_ns.saturating_sub(*at_ns)));
    let named: Vec<String> = heard.iter().take(NAMED_MAX).map(told).collect();
    (!named.is_empty()).then(|| format!("The last spans are from {}", named.join(", ")))
}

/// Of a record: who reads its topic, and whether they tell of what they do.
fn of_record(sent: &Sent, around: &Around<'_>) -> Vec<String> {
    let (snapshot, topic, cluster) = (around.snapshot, visible(&sent.call), visible(&sent.target));
    let on_cluster = |group: &&GroupView| group.cluster.as_ref().is_none_or(|cluster| *cluster == sent.target);
    let groups: Vec<&GroupView> = snapshot.groups.iter().filter(|group| group.topic == sent.call).filter(on_cluster).collect();
    if groups.is_empty() {
        let is_live = snapshot.sources.iter().rev().find(|source| source.name == sent.target).is_some_and(|source| source.phase == SourcePhase::Live);
        let num_untold = snapshot.groups.iter().filter(|group| group.topic.is_empty()).filter(on_cluster).count() as u64;
        let why = if !is_live {
            format!("Which groups read {topic} is not known, for {cluster} is not live now. Whoever reads it told no span of this trace")
        } else if num_untold > 0 {
            format!("No group is known to read {topic}; of {} on {cluster} it is not told what they read", figures::things(num_untold, "group", "groups"))
        } else {
            format!("No group reads {topic}, as far as {cluster} tells: who reads without committing is seen by spans alone")
        };
        return vec![why];
    }
    let told: Vec<(String, bool)> = groups.iter().map(|group| of_group(group, sent, around)).collect();
    let loses_it = told.iter().any(|(_, loses_it)| *loses_it);
    let num_more = told.len().saturating_sub(NAMED_MAX) as u64;
    let mut lines = vec![format!("{} {topic}, and no span of this trace came", if told.len() == 1 { "One group reads" } else { "Groups read" })];
    lines.extend(told.into_iter().take(NAMED_MAX).map(|(words, _)| words));
    if num_more > 0 {
        lines.push(format!("and {}", figures::things(num_more, "more group", "more groups")));
    }
    if loses_it {
        lines.push("Who has read it and sends spans does not go on with the traceparent of a record, or its sampler leaves it out".to_owned());
    }
    lines
}

/// `billing (lag 0): has read, and no span from billing was ever seen here`; and whether it has read and sends spans.
fn of_group(group: &GroupView, sent: &Sent, around: &Around<'_>) -> (String, bool) {
    let sent_ns = sent.ended_ns.unwrap_or(sent.at_ns);
    let is_after = group.read_ns.is_some_and(|read_ns| read_ns > sent_ns);
    let lag = group.lag.map_or_else(|| "lag not known".to_owned(), |lag| format!("lag {}", figures::count(lag)));
    let name = visible(&group.group);
    let has_no_member = group.verdict == LagVerdict::NoMembers || group.members.as_ref().is_some_and(Vec::is_empty);
    let has_read = group.lag == Some(0) && is_after;
    if has_no_member && !has_read {
        return (format!("{name} ({lag}): nobody reads for it now"), false);
    }
    let state = match group.lag {
        Some(0) if is_after => "has read",
        Some(0) => "its commits were not looked at since",
        Some(_) if group.verdict == LagVerdict::Stuck => "does not move",
        Some(_) => "may not have come to it yet",
        None => "whether it has read is not known",
    };
    let (workers, sends_spans) = of_workers(group, sent, around);
    (format!("{name} ({lag}): {state}, and {workers}"), has_read && sends_spans)
}

/// Whether the services that work for a group send spans, in words.
fn of_workers(group: &GroupView, sent: &Sent, around: &Around<'_>) -> (String, bool) {
    let workers = workers(group, around.snapshot);
    let heard: Vec<(&str, Heard)> = workers.iter().map(|name| (*name, heard(name, around.snapshot))).collect();
    let names = || workers.iter().take(NAMED_MAX).map(|name| visible(name).into_owned()).collect::<Vec<_>>().join(", ");
    match heard.iter().max_by_key(|(_, heard)| (*heard != Heard::Never, at_ns(heard))) {
        None => ("which service works for it is not known".to_owned(), false),
        Some((_, Heard::Never)) => (format!("no span from {} was ever seen here", names()), false),
        Some((name, Heard::Once)) => (format!("{} sends spans", visible(name)), true),
        Some((name, Heard::At(at_ns))) => {
            let ago = figures::age(around.now_ns.saturating_sub(*at_ns));
            let (name, is_since) = (visible(name), *at_ns >= sent.at_ns);
            (if is_since { format!("{name} sends spans, the last {ago} ago") } else { format!("{name} has sent no span since, the last {ago} ago") }, is_since)
        }
    }
}

/// Services that work for a group, by what spans and the map tell, each once and in their order by name.
fn workers<'a>(group: &'a GroupView, snapshot: &'a Snapshot) -> Vec<&'a str> {
    let name_of = |node_id: NodeId| snapshot.topology.nodes.iter().find(|node| node.node_id == node_id && node.kind == NodeKind::Service);
    let edges = snapshot.topology.edges.iter().filter(|edge| edge.kind == HopKind::Process && Some(edge.from) == group.node_id);
    let on_the_map = edges.filter_map(|edge| name_of(edge.to)).map(|node| node.name.as_str());
    let mut names: Vec<&str> = group.readers.iter().map(|reader| reader.service.as_str()).chain(on_the_map).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use switchboard_desk::profile::Profile;
    use switchboard_engine::view::{InstanceView, SpanReader};
    use switchboard_model::TraceId;

    use super::*;
    use crate::{
        testing::{self, NOW_NS},
        views::send::sample,
    };

    const SECOND_NS: i64 = 1_000_000_000;

    fn board(table: &str) -> SourcesBoard {
        SourcesBoard { profile: Profile::parse(&format!("name = \"x\"\n{table}"), "x").expect("valid"), ..SourcesBoard::default() }
    }

    fn around<'a>(snapshot: &'a Snapshot, sources: &'a SourcesBoard) -> Around<'a> {
        Around { snapshot, sources, answered_before: None, now_ns: NOW_NS }
    }

    fn told(sent: &Sent, around: &Around<'_>) -> String {
        why_nothing(sent, around).join(" | ")
    }

    fn why(sent: &Sent, snapshot: &Snapshot) -> String {
        told(sent, &around(snapshot, &board("")))
    }

    /// Sent 40 s ago.
    fn to(target: &str) -> Sent {
        Sent { target: target.to_owned(), ..sample::answered() }
    }

    fn record() -> Sent {
        Sent { trace_id: Some(TraceId(7)), ..(*sample::board().sent[2]).clone() }
    }

    fn node_mut<'a>(snapshot: &'a mut Snapshot, name: &str) -> &'a mut Node {
        Arc::make_mut(&mut snapshot.topology).nodes.iter_mut().find(|node| node.name == name).expect("a node")
    }

    #[test]
    fn what_is_wrong_with_all_that_is_sent_is_told_first() {
        let (sent, mut business) = (sample::answered(), testing::order_business());
        for source in Arc::make_mut(&mut business.sources) {
            source.by_kind.clear();
        }
        assert!(why(&sent, &business).contains("OTEL_EXPORTER_OTLP_ENDPOINT"));
        assert!(why(&sent, &Snapshot::default()).contains("No source here receives spans"));
        let none = Sent { trace_id: None, correlation_id: None, ..sample::answered() };
        assert!(why(&none, &business).contains("carried neither"));
        assert!(why(&record(), &Snapshot::default()).contains("are not read here"));
        let by_id = Sent { trace_id: None, ..sample::answered() };
        assert!(why(&by_id, &testing::order_business()).contains("began no trace of its own"));
    }

    #[test]
    fn of_a_server_it_is_told_whether_the_service_behind_it_sends_spans_as_far_as_that_is_known() {
        let mut business = testing::order_business();
        // Of `catalog` nothing was heard since.
        node_mut(&mut business, "catalog").last_seen_ns = Some(NOW_NS - 130 * SECOND_NS);
        node_mut(&mut business, "search").instances = vec![InstanceView { instance: "10.0.0.7:8080".to_owned(), version: None, last_seen_ns: NOW_NS }];
        node_mut(&mut business, "ups-gateway").name = "ups:443".to_owned();
        let sources = board(
            "[[http]]\nname = \"pay\"\nurl = \"http://localhost:8090/actuator\"\nservice = \"payments\"\n[[grpc]]\nname = \"wh\"\nurl = \"http://localhost:50051\"\nservice = \"warehouse\"",
        );
        let loses = "yet none of this trace: it does not go on with a traceparent from outside, or its sampler leaves it out";
        let silent = "was ever seen here: it is not instrumented, or does not export to the receiver here";
        for (target, said) in [
            ("http://payments:8080", format!("At http://payments:8080 is payments, by the name of its host | It sends spans, the last 1 s ago, {loses}")),
            (
                "http://payments.shop.svc",
                format!("At http://payments.shop.svc is payments, by the name of its host | It sends spans, the last 1 s ago, {loses}"),
            ),
            ("http://fraud:9000", format!("At http://fraud:9000 is fraud, by the name of its host | No span from fraud {silent}")),
            ("http://catalog", "It has sent spans, the last 2 min ago and none since this was sent: it exports no more".to_owned()),
            (
                "http://10.0.0.7:8080",
                format!("At http://10.0.0.7:8080 is search, of which an instance bears that address | It sends spans, the last 1 s ago, {loses}"),
            ),
            ("http://localhost:8090", "is payments, which answers there by what the source pay says | It sends spans".to_owned()),
            ("http://localhost:50051", format!("is warehouse, which answers there by what the source wh says | No span from warehouse {silent}")),
            ("https://ups", format!("Others were seen to call https://ups too, and no span from whoever answers there {silent}")),
            ("http://localhost:8080", "which of them answers at http://localhost:8080 is not known here | Either it is not instrumented".to_owned()),
            // Names of hosts and services that are not known tell nothing.
            ("http://elsewhere.example", "which of them answers at http://elsewhere.example is not known here".to_owned()),
        ] {
            let told = told(&to(target), &around(&business, &sources));
            assert!(told.contains(&said), "{target}: {told}");
        }
        let last = why(&to("http://localhost:8080"), &business);
        assert!(last.ends_with(" | The last spans are from accounts (1 s ago), inventory (1 s ago), notifications (1 s ago)"), "{last}");
    }

    #[test]
    fn who_answered_before_is_believed_most() {
        let business = testing::order_business();
        let sources = board("");
        let before = |name| told(&to("http://payments"), &Around { answered_before: Some(name), ..around(&business, &sources) });
        assert!(before("orders").contains("is orders, which answered there before | It sends spans, the last 1 s ago"), "{}", before("orders"));
        assert!(before("gone").contains("is gone, which answered there before | None of this trace came"), "{}", before("gone"));
    }

    #[test]
    fn of_a_record_it_is_told_who_reads_its_topic_and_whether_they_send_spans() {
        let business = testing::order_business();
        let node_id = |name: &str| business.topology.nodes.iter().find(|node| node.name == name && node.kind == NodeKind::Group).map(|node| node.node_id);
        let ended_ns = record().ended_ns.expect("it ended");
        let group = |name: &str| GroupView {
            group: name.to_owned(),
            topic: "orders.placed".to_owned(),
            cluster: Some("lab-kafka".to_owned()),
            node_id: node_id(name),
            lag: Some(0),
            read_ns: Some(ended_ns + 1),
            verdict: LagVerdict::Ok,
            ..GroupView::default()
        };
        let reader = |service: &str| SpanReader { client_id: None, service: service.to_owned(), instance: None, partitions: Vec::new() };
        let loses = " | Who has read it and sends spans does not go on with the traceparent of a record, or its sampler leaves it out";
        for (groups, said) in [
            (
                vec![group("shipping")],
                format!(
                    "One group reads orders.placed, and no span of this trace came | shipping (lag 0): has read, and shipping sends spans, the last 1 s ago{loses}"
                ),
            ),
            (vec![group("fraud")], "fraud (lag 0): has read, and no span from fraud was ever seen here".to_owned()),
            (vec![group("billing")], "billing (lag 0): has read, and which service works for it is not known".to_owned()),
            (
                vec![GroupView { readers: vec![reader("legacy-billing")], ..group("billing") }],
                "has read, and legacy-billing has sent no span since, the last 2 min ago".to_owned(),
            ),
            (vec![GroupView { read_ns: Some(ended_ns), ..group("fraud") }], "fraud (lag 0): its commits were not looked at since, and no span".to_owned()),
            (vec![GroupView { lag: Some(1_204), ..group("fraud") }], "fraud (lag 1,204): may not have come to it yet, and no span".to_owned()),
            (vec![GroupView { lag: Some(7), verdict: LagVerdict::Stuck, ..group("fraud") }], "fraud (lag 7): does not move, and no span".to_owned()),
            (vec![GroupView { lag: None, ..group("fraud") }], "fraud (lag not known): whether it has read is not known, and no span".to_owned()),
            (vec![GroupView { lag: Some(3), members: Some(Vec::new()), ..group("fraud") }], "fraud (lag 3): nobody reads for it now".to_owned()),
            (vec![GroupView { cluster: Some("other".to_owned()), ..group("fraud") }], "No group reads orders.placed, as far as lab-kafka tells".to_owned()),
            (
                vec![GroupView { topic: String::new(), ..group("fraud") }],
                "No group is known to read orders.placed; of 1 group on lab-kafka it is not told".to_owned(),
            ),
            (Vec::new(), "No group reads orders.placed, as far as lab-kafka tells".to_owned()),
            (["a", "b", "c", "d", "e"].map(group).to_vec(), "Groups read orders.placed, and no span of this trace came | a (lag 0): ".to_owned()),
            (["a", "b", "c", "d", "e"].map(group).to_vec(), "is not known | and 2 more groups".to_owned()),
        ] {
            let snapshot = Snapshot { groups: Arc::new(groups), ..testing::order_business() };
            let told = why(&record(), &snapshot);
            assert!(told.contains(&said), "{told}\n  has not: {said}");
            assert_eq!(told.ends_with(loses), said.ends_with(loses), "{told}");
        }
        let mut failed = Snapshot { groups: Arc::default(), ..testing::order_business() };
        Arc::make_mut(&mut failed.sources)[1].phase = SourcePhase::Failed;
        assert!(why(&record(), &failed).contains("Which groups read orders.placed is not known, for lab-kafka is not live now"), "{}", why(&record(), &failed));
    }

    #[test]
    fn a_service_that_was_heard_of_before_the_record_alone_is_told_so() {
        let mut business = testing::order_business();
        for node in &mut Arc::make_mut(&mut business.topology).nodes {
            node.last_seen_ns = Some(NOW_NS - 300 * SECOND_NS);
        }
        Arc::make_mut(&mut business.groups).retain(|group| group.group == "notifications");
        let told = why(&record(), &business);
        assert!(told.ends_with("notifications (lag 0): has read, and notifications has sent no span since, the last 5 min ago"), "{told}");
    }
}
