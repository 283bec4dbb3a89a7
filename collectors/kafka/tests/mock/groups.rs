//! Watermarks, committed offsets, lag.

use switchboard_kafka::testing::MockKafka;
use switchboard_kafka::testing::session::{Session, commit, config, numbers, producer, send};
use switchboard_model::{SourceCommand, TailState};

#[test]
fn watermarks_committed_and_lag_are_right_and_no_commit_is_unknown() {
    let mock = MockKafka::new(1).expect("a cluster");
    mock.cluster().create_topic("orders", 2, 1).expect("a topic");
    mock.cluster().create_topic("idle", 1, 1).expect("a topic");
    let producer = producer(&mock.brokers());
    send(&producer, "orders", 0, numbers(0..10));
    send(&producer, "orders", 1, numbers(0..5));
    commit(&mock.brokers(), "billing", &[("orders", 0, 4)]);
    let mut config = config(&mock.brokers());
    config.groups = vec!["billing".to_owned(), "switchboard-0123".to_owned()];
    let session = Session::start(config);
    let o = |partition, committed, end| ("orders".to_owned(), partition, committed, end);
    session.wait("the group's offsets", |state| state.offsets("billing") == [o(0, Some(4), Some(10)), o(1, None, Some(5))]);
    session.wait_until_live();
    {
        let state = session.state();
        let fact = &state.groups["billing"];
        assert_eq!((&fact.members, &fact.state, &fact.error), (&None, &None, &None));
        assert!(fact.members_reason.as_deref().is_some_and(|why| why.contains("do not offer listing")), "{fact:?}");
        assert!(fact.offsets.iter().all(|offset| offset.low == Some(0)));
        assert!(!state.groups.contains_key("switchboard-0123"));
        let orders = &state.topics["orders"];
        assert_eq!(
            orders.partitions.iter().map(|p| (p.partition, p.leader, p.low, p.high)).collect::<Vec<_>>(),
            [(0, Some(1), Some(0), Some(10)), (1, Some(1), Some(0), Some(5))]
        );
        assert!(matches!(&orders.tail, TailState::NotTailed(why) if why.contains("no span")));
        assert_eq!((state.num_brokers, state.cluster_id.is_some()), (1, true));
    }
    // A group that comes up in spans is followed too, and commits move on.
    commit(&mock.brokers(), "shipping", &[("idle", 0, 0)]);
    session.command(SourceCommand::Seen { channels: vec![], groups: vec!["shipping".to_owned()] });
    commit(&mock.brokers(), "billing", &[("orders", 0, 10), ("orders", 1, 5)]);
    session.wait("both groups", |state| {
        state.offsets("billing") == [o(0, Some(10), Some(10)), o(1, Some(5), Some(5))]
            && state.offsets("shipping") == [("idle".to_owned(), 0, Some(0), Some(0))]
    });
}

#[test]
fn at_most_so_many_groups_are_followed_by_offsets_and_the_rest_is_named() {
    let mock = MockKafka::new(1).expect("a cluster");
    mock.cluster().create_topic("orders", 1, 1).expect("a topic");
    let producer = producer(&mock.brokers());
    send(&producer, "orders", 0, numbers(0..1));
    let mut config = config(&mock.brokers());
    config.groups = (0..18).map(|number| format!("group-{number:02}")).collect();
    for group in &config.groups {
        commit(&mock.brokers(), group, &[("orders", 0, 1)]);
    }
    let session = Session::start(config);
    session.wait("sixteen groups", |state| state.groups.len() == 16);
    session.wait("the rest named", |state| state.statuses.last().is_some_and(|status| status.detail.contains("not followed: group-16, group-17")));
    // Nor are they followed by polls that come after.
    for end in 2..4 {
        send(&producer, "orders", 0, ["more".to_owned()]);
        session.wait("a later poll", |state| state.offsets("group-00") == [("orders".to_owned(), 0, Some(1), Some(end))]);
    }
    assert_eq!(session.state().groups.len(), 16);
}

#[test]
fn topics_and_partitions_that_come_are_told() {
    let mock = MockKafka::new(1).expect("a cluster");
    mock.cluster().create_topic("first", 1, 1).expect("a topic");
    let session = Session::start(config(&mock.brokers()));
    session.wait("the first topic", |state| state.topics.contains_key("first"));
    mock.cluster().create_topic("second", 3, 1).expect("a topic");
    session.wait("the second topic", |state| state.topics.get("second").is_some_and(|topic| topic.partitions.len() == 3));
}
