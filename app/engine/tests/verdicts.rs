//! What states come to, in snapshot and report: the same words, from whatever comes first.

mod batches;

use batches::{SECOND, START_NS, Span, apply, engine, facts, group, intake, spans, tick, topic};
use switchboard_engine::view::{Health, LagVerdict, NodeKind, Report, Severity, Snapshot, SpanReader, channel_word};
use switchboard_model::{Batch, Fact, GroupKind, GroupMember, SpanStatus};

fn told(batches: &[Batch]) -> (Snapshot, Report) {
    let run = |batches: &[Batch]| {
        let mut engine = engine();
        apply(&mut engine, batches);
        (engine.snapshot(&[]), engine.report(&intake(batches)))
    };
    let forwards = run(batches);
    let backwards: Vec<Batch> = batches.iter().rev().cloned().collect();
    assert_eq!(forwards.1, run(&backwards).1, "another order, another report");
    forwards
}

fn consumer(id: u64, client_id: &str, instance: &str, partition: i32) -> Span {
    let partition = partition.to_string();
    Span::process("inventory", "orders", "inventory", u128::from(id), id, 0)
        .on(instance)
        .with(&[("messaging.client.id", client_id), ("messaging.destination.partition.id", partition.as_str())])
}

/// A group whose members the broker does not tell of.
fn unlisted(members: Option<Vec<GroupMember>>) -> Fact {
    let Fact::Group(fact) = group("inventory", "orders", 5, 5, 3_000) else { panic!("a group") };
    Fact::Group(switchboard_model::GroupFact { members, members_reason: Some("the brokers do not offer listing of groups".to_owned()), ..fact })
}

#[test]
fn who_reads_is_told_by_spans_where_the_broker_does_not_tell() {
    let batches = |members| {
        vec![
            facts(1_000, vec![topic("orders", 5)]),
            spans(2_000, &[consumer(1, "c-1", "inventory-1", 0), consumer(2, "c-1", "inventory-1", 1), consumer(3, "c-2", "inventory-2", 2)]),
            facts(3_000, vec![unlisted(members)]),
            // The partition has moved to the other.
            spans(4_000, &[consumer(4, "c-2", "inventory-2", 1)]),
            tick(5_000),
        ]
    };
    let (snapshot, report) = told(&batches(None));
    let reader = |client_id: &str, instance: &str, partitions: &[i32]| SpanReader {
        client_id: Some(client_id.to_owned()),
        service: "inventory".to_owned(),
        instance: Some(instance.to_owned()),
        partitions: partitions.to_vec(),
    };
    let expected = [reader("c-1", "inventory-1", &[0]), reader("c-2", "inventory-2", &[1, 2])];
    let row = snapshot.groups.iter().find(|row| row.cluster.is_some()).expect("the group");
    assert_eq!((row.members.as_ref(), row.readers.as_slice()), (None, expected.as_slice()));
    let row = report.groups.iter().find(|row| row.cluster.is_some()).expect("the group");
    assert_eq!((row.members, row.readers_from_spans.as_slice()), (None, expected.as_slice()));

    let (snapshot, report) = told(&batches(Some(Vec::new())));
    assert!(snapshot.groups.iter().all(|row| row.readers.is_empty()) && report.groups.iter().all(|row| row.readers_from_spans.is_empty()), "the broker knows");

    let without_broker = [spans(2_000, &[consumer(1, "c-1", "inventory-1", 0)]), tick(5_000)];
    let (snapshot, _) = told(&without_broker);
    assert_eq!(snapshot.groups[0].readers, [reader("c-1", "inventory-1", &[0])]);
    let mut later = without_broker.to_vec();
    later.push(tick(400_000));
    assert_eq!(told(&later).0.groups[0].readers, [], "nobody has read for 5 min");
}

#[test]
fn the_report_carries_word_severity_state_and_pace_of_a_group() {
    let reading = |poll: i64| facts(poll * 2_000, vec![group("inventory", "orders", 10 + poll, 20 + poll * 11, poll * 2_000)]);
    let mut batches: Vec<Batch> = (0..12).map(reading).collect();
    batches.insert(0, facts(0, vec![topic("orders", 20)]));
    batches.push(tick(23_000));
    let (snapshot, report) = told(&batches);
    let (view, row) = (&snapshot.groups[0], &report.groups[0]);
    assert_eq!((row.verdict, row.word.as_str(), row.severity), (LagVerdict::Growing, "falls behind", Severity::Warning), "{}", row.reason);
    assert_eq!((view.severity(), view.verdict.word(), &*view.reason), (row.severity, row.word.as_str(), row.reason.as_str()));
    assert!(row.pace.is_some_and(|pace| pace.came_in > pace.handled) && row.pace == view.pace, "{:?}", row.pace);
    assert_eq!((row.kind.as_str(), row.state.as_deref()), ("consumer group", Some("Stable")));
    let text = serde_json::to_value(&report).expect("JSON");
    assert_eq!((&text["groups"][0]["verdict"], &text["groups"][0]["severity"]), (&serde_json::json!("growing"), &serde_json::json!("warning")));
}

#[test]
fn a_share_group_of_unknown_topics_is_in_the_report_with_a_topic_of_null() {
    let share = switchboard_model::GroupFact {
        cluster: batches::cluster(),
        group: "pickers".to_owned(),
        kind: Some(GroupKind::Share),
        state: Some("Stable".to_owned()),
        members_reason: Some("members of share groups cannot be asked for".to_owned()),
        read_ns: START_NS + SECOND,
        ..switchboard_model::GroupFact::default()
    };
    let (snapshot, report) = told(&[facts(1_000, vec![topic("orders", 5), Fact::Group(share)]), tick(2_000)]);
    assert_eq!((snapshot.groups[0].topic.as_str(), snapshot.groups[0].kind.as_ref()), ("", Some(&GroupKind::Share)));
    assert!(snapshot.topology.nodes.iter().all(|node| !node.name.is_empty()), "no channel without a name");
    let text = serde_json::to_value(&report).expect("JSON");
    assert_eq!((&text["groups"][0]["topic"], &text["groups"][0]["kind"]), (&serde_json::Value::Null, &serde_json::json!("share group")));
    assert_eq!(serde_json::from_value::<Report>(text).expect("a report"), report);
}

#[test]
fn services_fail_are_silent_or_as_usual_in_the_report_as_on_the_map() {
    let mut bad = Span::server("payments", 1, 10, 0).at(1_000, 20);
    bad.status = SpanStatus::Error;
    let good = Span::server("orders", 2, 20, 0).at(1_000, 20);
    let words = |at_ms: i64| {
        let (_, report) = told(&[spans(2_000, &[bad.clone(), good.clone()]), tick(at_ms)]);
        report.services.iter().map(|service| (service.name.clone(), service.word.clone(), service.severity)).collect::<Vec<_>>()
    };
    let expected = |orders: (&str, Severity), payments: (&str, Severity)| {
        [("orders".to_owned(), orders.0.to_owned(), orders.1), ("payments".to_owned(), payments.0.to_owned(), payments.1)]
    };
    assert_eq!(words(3_000), expected(("as usual", Severity::Quiet), ("fails", Severity::Warning)));
    assert_eq!(words(200_000), expected(("silent", Severity::Unknown), ("silent", Severity::Unknown)));
}

#[test]
fn services_and_channels_are_called_the_same_in_report_and_snapshot() {
    let server = |service: &'static str, id: u64, at_ms: i64| Span::server(service, u128::from(id), id, 0).at(at_ms, 5);
    let mut all = vec![server("silent", 1, 1_000)];
    all.extend((0..20).map(|at| server("usual", 100 + at, 180_000)));
    all.extend((0..20).map(|at| if at < 10 { server("failing", 200 + at, 180_000).failed("no") } else { server("failing", 200 + at, 180_000) }));
    let batches = vec![facts(1_000, vec![topic("orders", 5)]), spans(2_000, &all[..1]), spans(181_000, &all[1..]), tick(182_000)];
    let (snapshot, report) = told(&batches);
    let mut words = Vec::new();
    for node in snapshot.topology.nodes.iter().filter(|node| node.kind == NodeKind::Service) {
        let figure = &snapshot.figures.nodes.iter().find(|known| known.node_id == node.node_id).expect("its figure").figure;
        let heard_ns = node.instances.iter().map(|instance| instance.last_seen_ns).chain(figure.last_ns).max();
        let health = Health::of(figure, heard_ns, snapshot.as_of_ns);
        let service = report.services.iter().find(|service| service.name == node.name).expect("in the report");
        assert_eq!((service.word.as_str(), service.severity), (health.word(), health.severity()), "{}", node.name);
        words.push((node.name.as_str(), health.word()));
    }
    words.sort_unstable();
    assert_eq!(words, [("failing", "fails"), ("silent", "silent"), ("usual", "as usual")]);
    for channel in &report.channels {
        let num_dead: u64 = snapshot.dead_letters.iter().filter(|letters| letters.channel == channel.name).map(|letters| letters.count).sum();
        assert_eq!((channel.word.as_str(), channel.severity), channel_word(num_dead), "{}", channel.name);
    }
}
