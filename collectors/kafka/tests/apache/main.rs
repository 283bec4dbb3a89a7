//! The collector against Apache Kafka: what the mock cluster cannot answer. `SWITCHBOARD_TEST_KAFKA` names the broker as
//! `host:port`; without it the tests say that they are skipped, unless `CI_PEERS=1` demands them.

mod sending;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use switchboard_kafka::testing::apache_kafka;
use switchboard_kafka::testing::sending::block_on;
use switchboard_kafka::testing::session::{self, Session, commit, config, numbers, producer, send};
use switchboard_model::{GroupKind, SourcePhase, TailFrom, TailState};

fn now_ms() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// A name that no other run uses.
fn unique(name: &str) -> String {
    format!("{name}-{}-{}", std::process::id(), now_ms())
}

fn admin(broker: &str) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", broker).create().expect("an admin client")
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(Duration::from_secs(20))).operation_timeout(Some(Duration::from_secs(20)))
}

fn create_topic(broker: &str, name: &str, num_partitions: i32) {
    create_topic_with(broker, name, num_partitions, &[]);
}

fn create_topic_with(broker: &str, name: &str, num_partitions: i32, settings: &[(&str, &str)]) {
    let topic = NewTopic::new(name, num_partitions, TopicReplication::Fixed(1));
    let topic = settings.iter().fold(topic, |topic, (name, value)| topic.set(name, value));
    let made = block_on(admin(broker).create_topics([&topic], &options())).expect("answered");
    assert!(made.iter().all(Result::is_ok), "{made:?}");
}

fn delete_topic(broker: &str, name: &str) {
    let gone = block_on(admin(broker).delete_topics(&[name], &options())).expect("answered");
    assert!(gone.iter().all(Result::is_ok), "{gone:?}");
}

/// A real member of a group, which reads and commits until it is told to leave.
struct Member {
    leaves: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Member {
    fn join(broker: &str, group: &str, topic: &str, client_id: &str) -> Self {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", broker)
            .set("group.id", group)
            .set("client.id", client_id)
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false")
            .set("session.timeout.ms", "6000")
            .create()
            .expect("a consumer");
        consumer.subscribe(&[topic]).expect("subscribed");
        let leaves = Arc::new(AtomicBool::new(false));
        let leaving = Arc::clone(&leaves);
        let thread = std::thread::spawn(move || {
            while !leaving.load(Ordering::SeqCst) {
                if let Some(Ok(record)) = consumer.poll(Duration::from_millis(50)) {
                    consumer.commit_message(&record, CommitMode::Sync).expect("committed");
                }
            }
        });
        Self { leaves, thread: Some(thread) }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.leaves.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[test]
fn groups_are_listed_with_state_members_and_lag() {
    let Some(broker) = apache_kafka("groups_are_listed_with_state_members_and_lag") else { return };
    let (topic, group) = (unique("orders"), unique("billing"));
    create_topic(&broker, &topic, 3);
    let producer = producer(&broker);
    send(&producer, &topic, 0, numbers(0..5));
    send(&producer, &topic, 1, numbers(0..3));
    let mut session = Session::start(config(&broker));
    let member = Member::join(&broker, &group, &topic, "billing-1");
    let known = |partition, committed, end| (topic.clone(), partition, committed, Some(end));
    session.wait("a stable group with all committed", |state| {
        state.groups.get(&group).is_some_and(|fact| fact.state.as_deref() == Some("Stable"))
            && state.offsets(&group) == [known(0, Some(5), 5), known(1, Some(3), 3), known(2, None, 0)]
    });
    {
        let state = session.state();
        let fact = &state.groups[&group];
        assert_eq!((&fact.members_reason, &fact.error), (&None, &None));
        let members = fact.members.as_ref().expect("members");
        assert_eq!((members.len(), members[0].client_id.as_str()), (1, "billing-1"));
        assert!(!members[0].host.is_empty() && members[0].member_id.starts_with("billing-1"), "{members:?}");
        let mut assigned = members[0].assignment.clone();
        assigned.sort();
        assert_eq!(assigned, [(topic.clone(), 0), (topic.clone(), 1), (topic.clone(), 2)]);
        assert!(state.cluster_id.as_deref().is_some_and(|id| id.len() > 10), "{:?}", state.cluster_id);
    }
    drop(member);
    send(&producer, &topic, 0, numbers(5..12));
    session.wait("an empty group that lags", |state| {
        let fact = &state.groups[&group];
        fact.state.as_deref() == Some("Empty") && fact.members.as_deref() == Some(&[]) && state.offsets(&group)[0] == known(0, Some(5), 12)
    });
    // The observer is no member of anything and left no group behind.
    let names: Vec<String> = session.state().groups.keys().cloned().collect();
    assert!(!names.iter().any(|name| name.starts_with("switchboard")), "{names:?}");
    assert!(block_on(admin(&broker).delete_groups(&[&group], &options())).expect("answered").iter().all(Result::is_ok));
    session.wait("the group is gone", |state| state.gone_groups.contains(&group));
    session.stop();
    let probe: BaseConsumer = ClientConfig::new().set("bootstrap.servers", &broker).create().expect("a consumer");
    let listed = probe.fetch_group_list(None, Duration::from_secs(10)).expect("groups");
    assert!(!listed.groups().iter().any(|group| group.name().starts_with("switchboard")));
}

#[test]
fn a_group_that_nobody_made_is_not_told() {
    let Some(broker) = apache_kafka("a_group_that_nobody_made_is_not_told") else { return };
    let (topic, group) = (unique("orders"), unique("unheard-of"));
    create_topic(&broker, &topic, 1);
    let mut config = config(&broker);
    config.groups = vec![group.clone()];
    let session = Session::start(config);
    session.wait_until_live();
    send(&producer(&broker), &topic, 0, numbers(0..3));
    session.wait("some polls later", |state| state.topics.get(&topic).is_some_and(|topic| topic.partitions[0].high == Some(3)));
    // A broker that is new has no coordinator yet: then the group is told as one that could not be asked.
    let state = session.state();
    let told = state.groups.get(&group);
    assert!(told.is_none_or(|told| told.error.is_some() && told.state.is_none()), "{told:?}");
}

#[test]
fn records_are_read_from_a_time_an_offset_the_beginning_and_the_end() {
    let Some(broker) = apache_kafka("records_are_read_from_a_time_an_offset_the_beginning_and_the_end") else { return };
    let topic = unique("timed");
    create_topic(&broker, &topic, 1);
    let producer = producer(&broker);
    let start_ms = now_ms() - 60_000;
    for number in 0..10_i64 {
        let value = number.to_string();
        let record: BaseRecord<'_, str, str> = BaseRecord::to(&topic).partition(0).payload(value.as_str()).timestamp(start_ms + number * 1_000);
        producer.send(record).map_err(|(error, _)| error).expect("queued");
    }
    producer.flush(Duration::from_secs(20)).expect("sent");
    let tail = |from| {
        let mut config = config(&broker);
        config.tail = vec![(topic.clone(), from)];
        let session = Session::start(config);
        session.wait("tailed", |state| state.topics.get(&topic).is_some_and(|topic| topic.tail == TailState::Tailed));
        session
    };
    // Between two records: the later one is the first.
    let by_time = tail(TailFrom::Time((start_ms + 6_500) * 1_000_000));
    by_time.wait("from a time", |state| state.values(&topic) == ["7", "8", "9"]);
    let first = by_time.state().records.iter().find(|record| record.topic == topic).cloned().expect("a record");
    assert_eq!(first.timestamp_ns, (start_ms + 7_000) * 1_000_000);
    // Later than any record: from the end.
    let later = tail(TailFrom::Time((now_ms() + 3_600_000) * 1_000_000));
    send(&producer, &topic, 0, ["10".to_owned()]);
    later.wait("the new one", |state| state.values(&topic) == ["10"]);
    by_time.wait("the new one", |state| state.values(&topic) == ["7", "8", "9", "10"]);
    tail(TailFrom::Offset(5)).wait("from an offset", |state| state.values(&topic) == ["5", "6", "7", "8", "9", "10"]);
    let whole = tail(TailFrom::Beginning);
    whole.wait("from the beginning", |state| state.values(&topic).len() == 11);
    whole.state().assert_each_once_in_order();
}

#[test]
fn every_compression_is_read() {
    let Some(broker) = apache_kafka("every_compression_is_read") else { return };
    let topic = unique("compressed") + "-dlt";
    create_topic(&broker, &topic, 4);
    let text = "the same words again and again, ".repeat(20);
    for (partition, codec) in [(0, "lz4"), (1, "zstd"), (2, "gzip"), (3, "snappy")] {
        let producer: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", &broker).set("compression.type", codec).set("linger.ms", "50").create().expect("a producer");
        send(&producer, &topic, partition, (0..100).map(|number| format!("{codec} {number} {text}")));
    }
    let session = Session::start(config(&broker));
    session.wait("all records", |state| state.values(&topic).len() == 400);
    let state = session.state();
    state.assert_each_once_in_order();
    for codec in ["lz4", "zstd", "gzip", "snappy"] {
        assert_eq!(state.values(&topic).iter().filter(|value| value.starts_with(codec) && value.ends_with("again, ")).count(), 100, "{codec}");
    }
}

#[test]
fn transactions_leave_gaps_but_no_record_is_lost_or_doubled() {
    let Some(broker) = apache_kafka("transactions_leave_gaps_but_no_record_is_lost_or_doubled") else { return };
    let topic = unique("transacted") + "-dlt";
    create_topic(&broker, &topic, 1);
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &broker).set("transactional.id", unique("tx")).create().expect("a producer");
    let within = Duration::from_secs(30);
    producer.init_transactions(within).expect("initialised");
    producer.begin_transaction().expect("begun");
    send(&producer, &topic, 0, ["a".to_owned(), "b".to_owned()]);
    producer.commit_transaction(within).expect("committed");
    producer.begin_transaction().expect("begun");
    send(&producer, &topic, 0, ["aborted".to_owned()]);
    producer.abort_transaction(within).expect("aborted");
    let session = Session::start(config(&broker));
    // A debugger shows what was aborted too; the control records at offsets 2 and 4 are no records.
    session.wait("three records", |state| state.values(&topic) == ["a", "b", "aborted"]);
    session.wait("the watermark counts control records", |state| state.topics[&topic].partitions[0].high == Some(5));
    producer.begin_transaction().expect("begun");
    send(&producer, &topic, 0, ["c".to_owned()]);
    producer.commit_transaction(within).expect("committed");
    session.wait("the next one", |state| state.values(&topic) == ["a", "b", "aborted", "c"]);
    let state = session.state();
    state.assert_each_once_in_order();
    assert_eq!(state.records.iter().filter(|record| record.topic == topic).map(|record| record.offset).collect::<Vec<_>>(), [0, 1, 3, 5]);
}

fn transactional(broker: &str) -> (BaseProducer, String) {
    let name = unique("tx");
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", broker).set("transactional.id", &name).create().expect("a producer");
    producer.init_transactions(Duration::from_secs(30)).expect("initialised");
    (producer, name)
}

#[test]
fn markers_of_transactions_are_not_counted_as_records_that_wait() {
    let Some(broker) = apache_kafka("markers_of_transactions_are_not_counted_as_records_that_wait") else { return };
    let (topic, group) = (unique("marked"), unique("reader"));
    create_topic(&broker, &topic, 2);
    let (producer, _) = transactional(&broker);
    let within = Duration::from_secs(30);
    producer.begin_transaction().expect("begun");
    send(&producer, &topic, 0, numbers(0..3));
    send(&producer, &topic, 1, numbers(0..2));
    producer.commit_transaction(within).expect("committed");
    producer.begin_transaction().expect("begun");
    send(&producer, &topic, 1, ["aborted".to_owned()]);
    producer.abort_transaction(within).expect("aborted");
    // A reader that has read all there is stands before the markers.
    commit(&broker, &group, &[(&topic, 0, 3), (&topic, 1, 2)]);
    let session = Session::start(config(&broker));
    let told = |state: &session::State| -> Vec<(Option<i64>, Option<i64>, Option<u64>)> {
        state.groups.get(&group).map(|fact| fact.offsets.iter().map(|o| (o.committed, o.end, o.readable_behind)).collect()).unwrap_or_default()
    };
    session.wait("nothing waits", |state| told(state) == [(Some(3), Some(4), Some(0)), (Some(2), Some(5), Some(0))]);
    // One unread record beside the marker.
    send(&session::producer(&broker), &topic, 0, ["3".to_owned()]);
    session.wait("one waits", |state| told(state) == [(Some(3), Some(5), Some(1)), (Some(2), Some(5), Some(0))]);
    commit(&broker, &group, &[(&topic, 0, 5)]);
    session.wait("none waits", |state| told(state)[0] == (Some(5), Some(5), Some(0)));
}

#[test]
fn an_open_transaction_is_named() {
    let Some(broker) = apache_kafka("an_open_transaction_is_named") else { return };
    let (topic, group) = (unique("held"), unique("reader"));
    create_topic(&broker, &topic, 1);
    send(&producer(&broker), &topic, 0, numbers(0..5));
    let (producer, name) = transactional(&broker);
    let began_ms = now_ms();
    producer.begin_transaction().expect("begun");
    send(&producer, &topic, 0, numbers(5..15));
    commit(&broker, &group, &[(&topic, 0, 5)]);
    let session = Session::start(config(&broker));
    session.wait("the open transaction", |state| {
        state.groups.get(&group).is_some_and(|fact| {
            let o = &fact.offsets[0];
            (o.committed, o.end, o.last_stable, o.readable_behind) == (Some(5), Some(15), Some(5), Some(0))
                && o.open_transaction.as_ref().is_some_and(|open| open.transactional_id.as_deref() == Some(&*name) && open.first_offset == Some(5))
        })
    });
    let since_ns = session.state().groups[&group].offsets[0].open_transaction.clone().expect("told").since_ns.expect("known");
    assert!((since_ns / 1_000_000 - began_ms).abs() < 30_000, "{since_ns} against {began_ms} ms");
    producer.commit_transaction(Duration::from_secs(30)).expect("committed");
    session.wait("it is over", |state| {
        let o = &state.groups[&group].offsets[0];
        (o.end, o.last_stable, o.readable_behind, o.open_transaction.is_none()) == (Some(16), Some(16), Some(10), true)
    });
}

#[test]
fn groups_of_every_protocol_are_told_with_their_kind() {
    let Some(broker) = apache_kafka("groups_of_every_protocol_are_told_with_their_kind") else { return };
    let (topic, classic, consumer, share) = (unique("kinds"), unique("classic"), unique("consumer"), unique("share"));
    create_topic(&broker, &topic, 1);
    send(&producer(&broker), &topic, 0, numbers(0..4));
    commit(&broker, &classic, &[(&topic, 0, 1)]);
    let member: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &broker)
        .set("group.id", &consumer)
        .set("group.protocol", "consumer")
        .set("client.id", "new-protocol")
        .create()
        .expect("a consumer");
    member.subscribe(&[&topic]).expect("subscribed");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let sharer = runtime.block_on(async {
        let kafka = krafka::Kafka::builder(&broker).connect().await.expect("connected");
        let sharer = kafka.share_consumer(&share).build().await.expect("a share consumer");
        sharer.subscribe([&topic]).await.expect("subscribed");
        sharer
    });
    let session = Session::start(config(&broker));
    let deadline = std::time::Instant::now() + session::DEADLINE;
    let kind = |group: &str| session.state().groups.get(group).and_then(|fact| fact.kind.clone());
    let is_assigned = || {
        session
            .state()
            .groups
            .get(&consumer)
            .and_then(|fact| fact.members.clone())
            .is_some_and(|members| !members[..].is_empty() && !members[0].assignment.is_empty())
    };
    while (kind(&classic), kind(&consumer), kind(&share)) != (Some(GroupKind::Classic), Some(GroupKind::Consumer), Some(GroupKind::Share)) || !is_assigned() {
        member.poll(Duration::from_millis(50));
        let _ = runtime.block_on(sharer.poll(Duration::from_millis(50)));
        assert!(std::time::Instant::now() < deadline, "{:#?}", session.state().groups);
    }
    let state = session.state();
    assert_eq!(state.groups[&consumer].members.as_ref().expect("members")[0].client_id, "new-protocol");
    let shared = &state.groups[&share];
    assert!(shared.members.is_none() && shared.members_reason.as_deref().is_some_and(|why| why.contains("share group")), "{shared:?}");
    assert!(shared.offsets.iter().all(|o| o.committed.is_none()), "{shared:?}");
}

#[test]
fn a_topic_that_is_deleted_and_made_anew_is_read_anew() {
    let Some(broker) = apache_kafka("a_topic_that_is_deleted_and_made_anew_is_read_anew") else { return };
    let topic = unique("again") + "-dlt";
    create_topic(&broker, &topic, 1);
    let producer = producer(&broker);
    send(&producer, &topic, 0, numbers(0..4));
    let session = Session::start(config(&broker));
    session.wait("the first ones", |state| state.values(&topic) == ["0", "1", "2", "3"]);
    delete_topic(&broker, &topic);
    session.wait("gone", |state| state.gone_topics.contains(&topic));
    create_topic(&broker, &topic, 1);
    let producer = session::producer(&broker);
    send(&producer, &topic, 0, numbers(10..12));
    session.wait("the new ones", |state| state.values(&topic) == ["0", "1", "2", "3", "10", "11"]);
    session.wait("live", |state| state.phase() == Some(SourcePhase::Live));
}
