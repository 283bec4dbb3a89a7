//! Brokers that go, come back, move, err and dawdle: unknown is none, recovery within 10 s, no record twice.

use std::time::Duration;

use rdkafka::mocking::MockCoordinator;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use switchboard_kafka::testing::MockKafka;
use switchboard_kafka::testing::session::{Session, State, commit, config, numbers, producer, send};
use switchboard_model::{FailureKind, GroupFact, SourcePhase, TailFrom};

const RECOVERY: Duration = Duration::from_secs(10);

fn all(state: &State, topic: &str) -> usize {
    state.records.iter().filter(|record| record.topic == topic).count()
}

fn tailing(mock: &MockKafka, topic: &str) -> Session {
    let mut config = config(&mock.brokers());
    config.tail = vec![(topic.to_owned(), TailFrom::Beginning)];
    config.groups = vec!["billing".to_owned()];
    Session::start(config)
}

#[test]
fn all_brokers_down_makes_lag_unknown_and_up_again_recovers() {
    let mock = MockKafka::new(1).expect("a cluster");
    mock.cluster().create_topic("orders", 2, 1).expect("a topic");
    let producer = producer(&mock.brokers());
    send(&producer, "orders", 0, numbers(0..10));
    commit(&mock.brokers(), "billing", &[("orders", 0, 4), ("orders", 1, 0)]);
    let session = tailing(&mock, "orders");
    let o = |partition, committed, end| ("orders".to_owned(), partition, committed, end);
    session.wait("lag known", |state| state.offsets("billing") == [o(0, Some(4), Some(10)), o(1, Some(0), Some(0))] && all(state, "orders") == 10);
    session.wait_until_live();
    for round in 0..2_u32 {
        mock.cluster().broker_down(-1).expect("down");
        // A poll that was under way when they went knows some of it still: the next one forgets all.
        session.wait("down is told, and all that was known is unknown", |state| {
            let is_told = state
                .statuses
                .last()
                .is_some_and(|status| (status.phase, status.failure) == (SourcePhase::Failed, Some(FailureKind::Connect)) && !status.next_step.is_empty());
            is_told
                && state.offsets("billing") == [o(0, None, None), o(1, None, None)]
                && state.groups["billing"].error.is_some()
                && state.topics["orders"].partitions.iter().all(|p| p.high.is_none() && p.low.is_none() && p.leader.is_none())
        });
        mock.cluster().broker_up(-1).expect("up");
        session.wait_within("live again", RECOVERY, |state| state.phase() == Some(SourcePhase::Live));
        let produced = i64::from(10 + 5 * (round + 1));
        send(&producer, "orders", 0, numbers(10 + 5 * round..15 + 5 * round));
        session.wait_within("lag known again", RECOVERY, |state| state.offsets("billing")[0] == o(0, Some(4), Some(produced)));
        session.wait_within("records again", RECOVERY, |state| all(state, "orders") == produced as usize);
    }
    let state = session.state();
    state.assert_each_once_in_order();
    // While the brokers were away nothing was ever shown as caught up: where only one of the two is known, it is said that the other is not.
    let is_whole = |fact: &GroupFact| fact.offsets.iter().all(|o| o.committed.is_some() == o.end.is_some());
    assert!(state.group_history.iter().all(|fact| fact.error.is_some() || is_whole(fact)), "{:?}", state.group_history);
}

#[test]
fn one_broker_of_three_down_leaves_the_rest_known() {
    let mock = MockKafka::new(3).expect("a cluster");
    mock.cluster().create_topic("orders", 3, 1).expect("a topic");
    for partition in 0..3 {
        mock.cluster().partition_leader("orders", partition, Some(partition + 1)).expect("a leader");
    }
    mock.cluster().coordinator(MockCoordinator::Group("billing".to_owned()), 1).expect("a coordinator");
    let producer = producer(&mock.brokers());
    for partition in 0..3 {
        send(&producer, "orders", partition, numbers(0..4));
    }
    commit(&mock.brokers(), "billing", &[("orders", 0, 1), ("orders", 1, 2), ("orders", 2, 3)]);
    let session = tailing(&mock, "orders");
    session.wait("all known", |state| state.offsets("billing").iter().filter(|o| o.3 == Some(4)).count() == 3);
    session.wait_until_live();
    mock.cluster().broker_down(3).expect("down");
    session.wait("only that partition is unknown", |state| {
        let ends: Vec<Option<i64>> = state.offsets("billing").iter().map(|o| o.3).collect();
        ends == [Some(4), Some(4), None]
    });
    // The others name it no more: it is missed as the leader, or, where a connection was tried first, as the one that refuses it.
    session.wait("degraded, and why", |state| {
        state.statuses.last().filter(|status| status.phase == SourcePhase::Degraded).is_some_and(|status| match status.failure {
            Some(FailureKind::Connect) => true,
            Some(FailureKind::Peer) => status.detail.contains("1 of 3 partitions have no leader"),
            _ => false,
        })
    });
    mock.cluster().broker_up(3).expect("up");
    session.wait_within("live again", RECOVERY, |state| state.phase() == Some(SourcePhase::Live));
    session.wait_within("known again", RECOVERY, |state| state.offsets("billing").iter().all(|o| o.3 == Some(4)));
    session.state().assert_each_once_in_order();
}

#[test]
fn a_leader_that_moves_is_followed_without_a_record_twice() {
    let mock = MockKafka::new(3).expect("a cluster");
    mock.cluster().create_topic("orders", 1, 3).expect("a topic");
    let producer = producer(&mock.brokers());
    let session = tailing(&mock, "orders");
    let mut num_sent = 0;
    for leader in [1, 2, 3, 1, 3] {
        mock.cluster().partition_leader("orders", 0, Some(leader)).expect("a leader");
        send(&producer, "orders", 0, numbers(num_sent..num_sent + 50));
        num_sent += 50;
        session.wait_within("all records", RECOVERY, |state| all(state, "orders") == num_sent as usize);
        session.wait_within("the leader", RECOVERY, |state| state.topics["orders"].partitions[0].leader == Some(leader));
        session.wait_within("the watermark", RECOVERY, |state| state.topics["orders"].partitions[0].high == Some(i64::from(num_sent)));
    }
    session.state().assert_each_once_in_order();
}

// A topic that is not tailed: the mock cluster itself falls over a fetch from a partition without a leader.
#[test]
fn a_partition_without_a_leader_is_unknown() {
    let mock = MockKafka::new(2).expect("a cluster");
    mock.cluster().create_topic("idle", 2, 1).expect("a topic");
    let session = Session::start(config(&mock.brokers()));
    session.wait("known", |state| state.topics.get("idle").is_some_and(|topic| topic.partitions.iter().all(|p| p.high == Some(0))));
    mock.cluster().partition_leader("idle", 1, None).expect("no leader");
    session.wait("unknown", |state| {
        let partitions = &state.topics["idle"].partitions;
        partitions[0].high == Some(0) && partitions[1].leader.is_none() && partitions[1].high.is_none()
    });
    session.wait("told", |state| state.statuses.last().is_some_and(|status| status.phase == SourcePhase::Degraded && status.detail.contains("have no leader")));
    mock.cluster().partition_leader("idle", 1, Some(2)).expect("a leader");
    session.wait_within("known again", RECOVERY, |state| state.topics["idle"].partitions[1].high == Some(0) && state.phase() == Some(SourcePhase::Live));
}

#[test]
fn a_coordinator_that_moves_is_followed() {
    let mock = MockKafka::new(2).expect("a cluster");
    mock.cluster().create_topic("orders", 1, 1).expect("a topic");
    mock.cluster().coordinator(MockCoordinator::Group("billing".to_owned()), 1).expect("a coordinator");
    let producer = producer(&mock.brokers());
    send(&producer, "orders", 0, numbers(0..9));
    commit(&mock.brokers(), "billing", &[("orders", 0, 2)]);
    let session = tailing(&mock, "orders");
    session.wait("before", |state| state.offsets("billing").first().is_some_and(|o| o.2 == Some(2)));
    mock.cluster().coordinator(MockCoordinator::Group("billing".to_owned()), 2).expect("moved");
    commit(&mock.brokers(), "billing", &[("orders", 0, 7)]);
    session.wait_within("after", RECOVERY, |state| state.offsets("billing").first().is_some_and(|o| o.2 == Some(7) && o.3 == Some(9)));
}

#[test]
fn errors_of_requests_make_unknown_and_pass() {
    use RDKafkaRespErr::{RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS as LOADING, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION as NOT_LEADER};
    let mock = MockKafka::new(1).expect("a cluster");
    mock.cluster().create_topic("orders", 1, 1).expect("a topic");
    let producer = producer(&mock.brokers());
    send(&producer, "orders", 0, numbers(0..9));
    commit(&mock.brokers(), "billing", &[("orders", 0, 2)]);
    let session = tailing(&mock, "orders");
    session.wait_until_live();
    mock.cluster().request_errors(RDKafkaApiKey::Fetch, &[NOT_LEADER; 3]);
    mock.cluster().request_errors(RDKafkaApiKey::ListOffsets, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED; 1]);
    mock.cluster().request_errors(RDKafkaApiKey::OffsetFetch, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED; 40]);
    session.wait("unknown with the reason", |state| {
        state
            .groups
            .get("billing")
            .is_some_and(|fact| fact.offsets.iter().all(|o| o.committed.is_none()) && fact.error.as_deref().is_some_and(|why| why.contains("authorization")))
    });
    session.wait("authorise", |state| state.statuses.iter().any(|status| status.failure == Some(FailureKind::Authorise)));
    mock.cluster().clear_request_errors(RDKafkaApiKey::OffsetFetch);
    mock.cluster().request_errors(RDKafkaApiKey::OffsetFetch, &[LOADING; 2]);
    send(&producer, "orders", 0, numbers(9..12));
    session.wait_within("known again", RECOVERY, |state| state.offsets("billing").first().is_some_and(|o| o.2 == Some(2) && o.3 == Some(12)));
    session.wait_within("all records", RECOVERY, |state| all(state, "orders") == 12 && state.phase() == Some(SourcePhase::Live));
    session.state().assert_each_once_in_order();
}

#[test]
fn a_delay_beyond_the_time_out_makes_unknown_and_passes() {
    let mock = MockKafka::new(1).expect("a cluster");
    mock.cluster().create_topic("orders", 1, 1).expect("a topic");
    let producer = producer(&mock.brokers());
    send(&producer, "orders", 0, numbers(0..9));
    commit(&mock.brokers(), "billing", &[("orders", 0, 2)]);
    let session = tailing(&mock, "orders");
    session.wait("known", |state| state.offsets("billing").first().is_some_and(|o| o.2 == Some(2) && o.3 == Some(9)));
    mock.cluster().broker_round_trip_time(-1, Duration::from_secs(5)).expect("slow");
    session.wait("unknown", |state| state.offsets("billing").first().is_some_and(|o| o.2.is_none() && o.3.is_none()));
    session.wait("told", |state| state.phase() == Some(SourcePhase::Failed));
    mock.cluster().broker_round_trip_time(-1, Duration::ZERO).expect("quick");
    session.wait_within("known again", RECOVERY, |state| state.offsets("billing").first().is_some_and(|o| o.2 == Some(2) && o.3 == Some(9)));
    send(&producer, "orders", 0, numbers(9..12));
    session.wait_within("all records", RECOVERY, |state| all(state, "orders") == 12);
    session.state().assert_each_once_in_order();
}
