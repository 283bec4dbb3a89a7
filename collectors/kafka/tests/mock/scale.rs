//! The budget of a large cluster: 64 partitions × 200 topics × 100 groups within 100 MB, each group read in its turn. The age
//! of the oldest is printed, not asserted: it is the machine's too.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use switchboard_kafka::testing::MockKafka;
use switchboard_kafka::testing::session::{commit, config};
use switchboard_model::{Batch, Fact, Input, Redactor, SourceId, channel};

const NUM_TOPICS: usize = 200;
const NUM_PARTITIONS: i32 = 64;
const NUM_GROUPS: usize = 100;

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") * 1024
}

#[test]
fn lag_of_a_large_cluster_is_small_and_read_in_turn() {
    if std::env::var_os("CI_PEERS").is_none() {
        println!("skipped: CI_PEERS is not set (this test takes two minutes)");
        return;
    }
    if std::env::var_os("SWITCHBOARD_TEST_ALONE").is_none() {
        // Memory is the process's, so it runs in one of its own.
        let this = std::env::current_exe().expect("this test's program");
        let done = std::process::Command::new(this)
            .args(["--exact", "scale::lag_of_a_large_cluster_is_small_and_read_in_turn", "--nocapture", "--test-threads", "1"])
            .env("SWITCHBOARD_TEST_ALONE", "1")
            .status()
            .expect("a process");
        assert!(done.success());
        return;
    }
    let mock = MockKafka::new(1).expect("a cluster");
    let topics: Vec<String> = (0..NUM_TOPICS).map(|number| format!("topic-{number:03}")).collect();
    for topic in &topics {
        mock.cluster().create_topic(topic, NUM_PARTITIONS, 1).expect("a topic");
    }
    let groups: Vec<String> = (0..NUM_GROUPS).map(|number| format!("group-{number:03}")).collect();
    let offsets: Vec<(&str, i32, i64)> = topics.iter().flat_map(|topic| (0..NUM_PARTITIONS).map(|partition| (topic.as_str(), partition, 0))).collect();
    // A commit takes its time until the coordinator is known, so several go at once.
    let brokers = mock.brokers();
    std::thread::scope(|scope| {
        for some in groups.chunks(NUM_GROUPS / 20) {
            scope.spawn(|| some.iter().for_each(|group| commit(&brokers, group, &offsets)));
        }
    });
    let before = resident_bytes();
    let mut config = config(&mock.brokers());
    config.poll_interval = Duration::from_secs(2);
    config.groups.clone_from(&groups);
    config.max_groups_by_offsets = NUM_GROUPS;
    let (intake, mut outlet) = channel(16 << 20);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let collector =
        switchboard_kafka::KafkaCollector::start(config, intake.sink(SourceId(1)), std::sync::Arc::new(Redactor::new([7; 16], &[])), runtime.handle());
    let mut last_read: HashMap<String, Instant> = HashMap::new();
    let mut num_reads: HashMap<String, u32> = HashMap::new();
    let (mut oldest, mut most, mut num_facts) = (Duration::ZERO, 0, 0_usize);
    let began = Instant::now();
    while num_facts < 3 * NUM_GROUPS && began.elapsed() < Duration::from_mins(4) {
        if let Some(Input::Batch(Batch::Facts(batch))) = outlet.recv(Duration::from_millis(50)) {
            for fact in batch.facts {
                let Fact::Group(fact) = fact else { continue };
                assert_eq!((fact.offsets.len(), &fact.error), (NUM_TOPICS * NUM_PARTITIONS as usize, &None), "{}", fact.group);
                assert!(fact.offsets.iter().all(|o| o.committed == Some(0) && o.end == Some(0)));
                num_facts += 1;
                *num_reads.entry(fact.group.clone()).or_default() += 1;
                if let Some(before) = last_read.insert(fact.group, Instant::now()) {
                    oldest = oldest.max(before.elapsed());
                }
            }
        }
        if last_read.len() == NUM_GROUPS {
            most = most.max(resident_bytes().saturating_sub(before));
        }
    }
    oldest = last_read.values().map(Instant::elapsed).fold(oldest, Duration::max);
    runtime.block_on(collector.stop());
    println!("{num_facts} facts in {:?}; oldest group {oldest:?}; {} MB more than before", began.elapsed(), most / 1_000_000);
    assert_eq!(last_read.len(), NUM_GROUPS);
    let (fewest, most_often) = (num_reads.values().min().copied().unwrap_or(0), num_reads.values().max().copied().unwrap_or(0));
    assert!(fewest >= 2 && most_often - fewest <= 1, "each in its turn: between {fewest} and {most_often} times");
    assert!(most < 100_000_000, "{most}");
}
