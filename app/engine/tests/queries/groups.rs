//! What a consumer group is.

use super::*;

fn reading(committed: [Option<i64>; 2], read_ms: i64) -> Fact {
    let offset = |partition: i32| GroupOffset {
        topic: "orders".to_owned(),
        partition,
        committed: committed[partition as usize],
        end: Some(100),
        low: Some(3),
        ..GroupOffset::default()
    };
    let member = GroupMember {
        member_id: "m-1".to_owned(),
        client_id: "billing-1".to_owned(),
        host: "/10.0.0.1".to_owned(),
        assignment: vec![("orders".to_owned(), 1), ("other".to_owned(), 0)],
    };
    Fact::Group(GroupFact {
        cluster: cluster(),
        group: "billing".to_owned(),
        kind: None,
        state: Some("Stable".to_owned()),
        members: Some(vec![member]),
        members_reason: None,
        offsets: vec![offset(0), offset(1)],
        read_ns: START_NS + read_ms * MS,
        error: None,
    })
}

#[test]
fn a_group_is_told_with_its_partitions_course_and_neighbours() {
    let mut engine = engine();
    let batch = [
        facts(1_000, vec![topic("orders", 100), reading([Some(40), Some(90)], 1_000), group("audit", "orders", 1, 100, 1_000)]),
        facts(3_000, vec![reading([Some(40), Some(95)], 3_000), tick_free_group()]),
        tick(3_000),
    ];
    apply(&mut engine, &batch);
    engine.snapshot(&[]);
    let query = |cluster: Option<&str>, group: &str| {
        Query::Point(PointQuery::Group { cluster: cluster.map(str::to_owned), group: group.to_owned(), topic: "orders".to_owned() })
    };
    let detail: Box<GroupDetail> = ask!(engine, query(None, "billing"), Group).expect("a group");
    assert_eq!((detail.view.lag, detail.view.cluster.as_deref(), detail.others.as_slice()), (Some(65), Some("broker"), ["audit".to_owned()].as_slice()));
    assert!(detail.view.node_id.is_some());
    let partition = |partition, committed, lag, member_id: Option<&str>, committed_ns| PartitionLag {
        partition,
        low: Some(3),
        end: Some(100),
        committed: Some(committed),
        lag: Some(lag),
        member_id: member_id.map(str::to_owned),
        committed_ns,
        verdict: if partition == 0 { LagVerdict::NoMembers } else { LagVerdict::Unknown },
    };
    assert_eq!(detail.partitions, [partition(0, 40, 60, None, None), partition(1, 95, 5, Some("m-1"), Some(START_NS + 3 * SECOND))]);
    let point = |at_s: i64, lag, committed| LagPoint { at_ns: START_NS + at_s * SECOND, lag: Some(lag), committed: Some(committed), end: Some(200) };
    assert_eq!(detail.history, [point(1, 70, 130), point(3, 65, 135)]);
    assert_eq!(ask!(engine, query(Some("elsewhere"), "billing"), Group), None);
    assert_eq!(ask!(engine, query(None, "nobody"), Group), None);
}

/// A group on another topic: no neighbour.
fn tick_free_group() -> Fact {
    group("shipping", "parcels", 1, 1, 3_000)
}

#[test]
fn a_group_that_only_spans_name_is_told_as_they_do() {
    let mut engine = engine();
    let both = [Span::producer("shop", "orders", 1, 10, 0), Span::process("billing", "orders", "billing-group", 1, 11, 10)];
    apply(&mut engine, &[spans(2_000, &both), tick(3_000)]);
    engine.snapshot(&[]);
    let query = Query::Point(PointQuery::Group { cluster: None, group: "billing-group".to_owned(), topic: "orders".to_owned() });
    let detail = ask!(engine, query, Group).expect("a group");
    assert_eq!((detail.view.lag, detail.partitions.len(), detail.history.len()), (None, 0, 0));
}
