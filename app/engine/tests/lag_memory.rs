//! What a large cluster costs: 64 partitions × 200 topics × 100 groups, every group on every topic, within 100 MB.

#![cfg(target_os = "linux")]

mod batches;

use batches::{START_NS, cluster, engine_of, facts, tick};
use switchboard_engine::Engine;
use switchboard_model::{Fact, GroupFact, GroupMember, GroupOffset, Input, PartitionFact, TailState, TopicFact};

const NUM_PARTITIONS: i32 = 64;
const NUM_TOPICS: i64 = 200;
const NUM_GROUPS: i64 = 100;
/// What it may cost, in bytes.
const BUDGET: usize = 100_000_000;
/// Between two readings of a group: within 30 s, as the budget asks; so many as the window of lag keeps.
const POLL_MS: i64 = 20_000;
const NUM_ROUNDS: i64 = 17;

/// What the process holds in memory, in bytes.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("the kernel tells what a process holds");
    let pages: usize = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("its second number is the resident pages");
    pages * 4096
}

fn topic_name(number: i64) -> String {
    format!("shop.orders.topic-{number:03}")
}

/// All partitions rise, each at its own pace.
fn end(topic: i64, partition: i32, round: i64) -> i64 {
    1_000_000 + topic * 1_000 + (round + 1) * (10 + i64::from(partition))
}

fn topic(number: i64, round: i64) -> Fact {
    let partition = |partition| PartitionFact { partition, leader: Some(1), low: Some(0), high: Some(end(number, partition, round)) };
    let partitions = (0..NUM_PARTITIONS).map(partition).collect();
    Fact::Topic(TopicFact { cluster: cluster(), topic: topic_name(number), partitions, tail: TailState::Tailed, topic_id: None, made_again_ns: None })
}

fn group(number: i64, round: i64, read_ms: i64) -> Fact {
    let each = || (0..NUM_TOPICS).flat_map(|topic| (0..NUM_PARTITIONS).map(move |partition| (topic, partition)));
    // Some keep up, some fall behind.
    let offset = |(topic, partition): (i64, i32)| {
        let end = end(topic, partition, round);
        let behind = (number + topic + i64::from(partition)) % 7 * round;
        GroupOffset { topic: topic_name(topic), partition, committed: Some(end - behind), end: Some(end), low: Some(0), ..GroupOffset::default() }
    };
    let member = |of: i32| GroupMember {
        member_id: format!("consumer-{number}-{of}-5f0c1d9e-6f6c-4d7a-9d5c-6a4f3c1e2b70"),
        client_id: format!("consumer-{number}-{of}"),
        host: "/10.0.0.17".to_owned(),
        assignment: each().filter(|(_, partition)| partition % 2 == of).map(|(topic, partition)| (topic_name(topic), partition)).collect(),
    };
    Fact::Group(GroupFact {
        cluster: cluster(),
        group: format!("shop.group-{number:03}"),
        kind: None,
        state: Some("Stable".to_owned()),
        members: Some(vec![member(0), member(1)]),
        members_reason: None,
        offsets: each().map(offset).collect(),
        read_ns: START_NS + read_ms * 1_000_000,
        error: None,
    })
}

fn read_all(engine: &mut Engine, round: i64) {
    let at_ms = (round + 1) * POLL_MS;
    for number in 0..NUM_TOPICS {
        engine.apply(Input::Batch(facts(at_ms, vec![topic(number, round)])));
    }
    for number in 0..NUM_GROUPS {
        let read_ms = at_ms + number * POLL_MS / NUM_GROUPS;
        engine.apply(Input::Batch(facts(read_ms, vec![group(number, round, read_ms)])));
    }
    engine.apply(Input::Batch(tick(at_ms + POLL_MS - 1)));
}

#[test]
fn every_group_on_every_topic_of_a_large_cluster_fits_the_budget() {
    if std::env::var_os("CI_PEERS").is_none() {
        println!("skipped: CI_PEERS is not set (this test takes a minute)");
        return;
    }
    // What facts take on their way is not what is kept: the same room is there before and after.
    drop((0..2).map(|number| group(number, 0, 0)).collect::<Vec<_>>());
    let mut engine = engine_of(64 << 20);
    let before = resident_bytes();
    for round in 0..NUM_ROUNDS {
        read_all(&mut engine, round);
    }
    let kept = resident_bytes().saturating_sub(before);
    let snapshot = engine.snapshot(&[]);
    let shown = resident_bytes().saturating_sub(before);
    println!("{} MB kept, {} MB with the snapshot that shows it", kept / 1_000_000, shown / 1_000_000);
    assert_eq!(snapshot.groups.len() as i64, NUM_TOPICS * NUM_GROUPS);
    let newest_ns = snapshot.groups.iter().filter_map(|row| row.read_ns).max();
    assert!(snapshot.groups.iter().all(|row| newest_ns.zip(row.read_ns).is_some_and(|(newest_ns, read_ns)| newest_ns - read_ns < 30_000_000_000)));
    assert!(snapshot.groups.iter().any(|row| row.lag > Some(0)) && snapshot.groups.iter().all(|row| row.lag.is_some() && row.lag_s.is_some()));
    assert!(shown <= BUDGET, "{} MB for {} offsets", shown / 1_000_000, NUM_GROUPS * NUM_TOPICS * i64::from(NUM_PARTITIONS));
}
