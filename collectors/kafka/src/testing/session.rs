//! A collector at work, as tests see it: what came out of the sink, and waiting for a state with a deadline; and what others send and commit.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use switchboard_model::{
    Batch, CorrelationId, Fact, GroupFact, Input, Intake, IntakeCounts, PlaceRow, Redactor, SourceCommand, SourceId, SourcePhase, SourceStatus, SpanContext,
    TopicFact, channel,
};

use crate::{Config, KafkaCollector};

/// How long a state is waited for.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A record as it came out of the sink.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// When it was written, ns since the Unix epoch.
    pub timestamp_ns: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Option<Vec<u8>>,
    /// Name, value, and whether that was redacted.
    pub headers: Vec<(String, Option<Vec<u8>>, bool)>,
    /// Whether its headers could be read.
    pub headers_readable: bool,
    /// Whether anything of it was redacted.
    pub redacted: bool,
    /// The trace context in its headers.
    pub trace: Option<SpanContext>,
    /// Correlation ids in its headers.
    pub correlations: Vec<CorrelationId>,
}

/// All that a collector told so far.
#[derive(Default)]
pub struct State {
    /// Every status, the newest last.
    pub statuses: Vec<SourceStatus>,
    /// Topics that there are, by name.
    pub topics: BTreeMap<String, TopicFact>,
    /// Topics that were told to be gone.
    pub gone_topics: Vec<String>,
    /// Groups that were told to be gone.
    pub gone_groups: Vec<String>,
    /// The newest fact of each group.
    pub groups: BTreeMap<String, GroupFact>,
    /// Every fact of a group, the newest last.
    pub group_history: Vec<GroupFact>,
    /// Records in the order in which they came.
    pub records: Vec<Seen>,
    /// The cluster's id.
    pub cluster_id: Option<String>,
    /// How many brokers it has.
    pub num_brokers: usize,
}

impl State {
    /// The newest phase.
    pub fn phase(&self) -> Option<SourcePhase> {
        self.statuses.last().map(|status| status.phase)
    }

    /// The values of a topic's records, as text.
    pub fn values(&self, topic: &str) -> Vec<String> {
        let of_topic = self.records.iter().filter(|record| record.topic == topic);
        of_topic.map(|record| String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).into_owned()).collect()
    }

    /// Panics if a record came twice, or if a partition's records are out of order.
    pub fn assert_each_once_in_order(&self) {
        let mut last: HashMap<(&str, i32), i64> = HashMap::new();
        for record in &self.records {
            let before = last.insert((&record.topic, record.partition), record.offset);
            assert!(before.is_none_or(|before| before < record.offset), "{} {} after {before:?}: {}", record.topic, record.partition, record.offset);
        }
    }

    /// What is known of a group: topic, partition, committed offset, end.
    pub fn offsets(&self, group: &str) -> Vec<(String, i32, Option<i64>, Option<i64>)> {
        self.groups.get(group).map(|fact| fact.offsets.iter().map(|o| (o.topic.clone(), o.partition, o.committed, o.end)).collect()).unwrap_or_default()
    }
}

/// A collector, and what takes from its sink.
pub struct Session {
    /// The collector, until it is stopped.
    pub collector: Option<KafkaCollector>,
    intake: Intake,
    state: Arc<Mutex<State>>,
    /// While set, nothing is taken out of the sink.
    pub is_held: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
    drain: Option<std::thread::JoinHandle<()>>,
    runtime: tokio::runtime::Runtime,
}

const SOURCE: SourceId = SourceId(1);

impl Session {
    /// Starts a collector.
    pub fn start(config: Config) -> Self {
        Self::with_capacity(config, 64 << 20, false)
    }

    /// Starts one whose sink holds so much; from one that is held nothing is taken.
    pub fn with_capacity(config: Config, capacity_bytes: usize, is_held: bool) -> Self {
        let (intake, mut outlet) = channel(capacity_bytes);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let (state, is_held, ended) = (Arc::new(Mutex::new(State::default())), Arc::new(AtomicBool::new(is_held)), Arc::new(AtomicBool::new(false)));
        let collector = KafkaCollector::start(config, intake.sink(SOURCE), Arc::new(Redactor::new([7; 16], &[])), runtime.handle());
        let drain = {
            let (state, is_held, ended) = (Arc::clone(&state), Arc::clone(&is_held), Arc::clone(&ended));
            std::thread::spawn(move || {
                while !ended.load(Ordering::SeqCst) {
                    if is_held.load(Ordering::SeqCst) {
                        std::thread::sleep(Duration::from_millis(5));
                    } else if let Some(input) = outlet.recv(Duration::from_millis(20)) {
                        take(&mut state.lock(), input);
                    }
                }
            })
        };
        Self { collector: Some(collector), intake, state, is_held, ended, drain: Some(drain), runtime }
    }

    /// What was told so far.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Commands the collector.
    pub fn command(&self, command: SourceCommand) {
        self.collector.as_ref().expect("runs").command(command);
    }

    /// What went into the sink.
    pub fn counts(&self) -> IntakeCounts {
        self.intake.counts()[0].1
    }

    /// Waits for a state; panics after the deadline with what there is.
    pub fn wait(&self, what: &str, is_so: impl FnMut(&State) -> bool) {
        self.wait_within(what, DEADLINE, is_so);
    }

    /// The same, within a time.
    pub fn wait_within(&self, what: &str, within: Duration, mut is_so: impl FnMut(&State) -> bool) {
        let deadline = Instant::now() + within;
        loop {
            {
                let state = self.state.lock();
                if is_so(&state) {
                    return;
                }
                if Instant::now() >= deadline {
                    let topics: Vec<_> = state.topics.values().map(|t| (&t.topic, &t.partitions, &t.tail)).collect();
                    panic!(
                        "not within {within:?}: {what}\nstatuses {:#?}\ntopics {topics:?}\ngroups {:?}\nrecords {}",
                        state.statuses,
                        state.groups,
                        state.records.len()
                    );
                }
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until all is well.
    pub fn wait_until_live(&self) {
        self.wait("live", |state| state.phase() == Some(SourcePhase::Live));
    }

    /// Stops as the session does: shuts the gate, then the collector. Returns how long that took.
    pub fn stop(&mut self) -> Duration {
        let Some(collector) = self.collector.take() else { return Duration::ZERO };
        let began = Instant::now();
        self.intake.close(SOURCE);
        self.runtime.block_on(collector.stop());
        began.elapsed()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.stop();
        self.ended.store(true, Ordering::SeqCst);
        if let Some(drain) = self.drain.take() {
            let _ = drain.join();
        }
    }
}

fn take(state: &mut State, input: Input) {
    match input {
        Input::Status(status) => state.statuses.push(status),
        Input::Batch(Batch::Facts(batch)) => {
            for fact in batch.facts {
                match fact {
                    Fact::Cluster(fact) => {
                        state.cluster_id = fact.cluster.cluster_id;
                        state.num_brokers = fact.brokers.len();
                    }
                    Fact::Topic(fact) => {
                        state.topics.insert(fact.topic.clone(), fact);
                    }
                    Fact::TopicGone { topic, .. } => {
                        state.topics.remove(&topic);
                        state.gone_topics.push(topic);
                    }
                    Fact::Group(fact) => {
                        state.group_history.push(fact.clone());
                        state.groups.insert(fact.group.clone(), fact);
                    }
                    Fact::GroupGone { group, .. } => state.gone_groups.push(group),
                    _ => {}
                }
            }
        }
        Input::Batch(Batch::Records(batch)) => {
            let bytes = |at| batch.text.bytes(at).to_vec();
            for row in &batch.records {
                let PlaceRow::Offset { partition, offset } = row.place else { panic!("{:?}", row.place) };
                state.records.push(Seen {
                    topic: batch.text.get(batch.channels[row.channel as usize].name).to_owned(),
                    partition,
                    offset,
                    timestamp_ns: row.timestamp_ns,
                    key: row.key.map(bytes),
                    value: row.value.map(bytes),
                    headers: batch.headers[row.headers.range()]
                        .iter()
                        .map(|header| (batch.text.get(header.name).to_owned(), header.value.map(bytes), header.redacted))
                        .collect(),
                    headers_readable: row.headers_readable,
                    redacted: row.redacted,
                    trace: row.trace,
                    correlations: batch.correlations[row.correlations.range()].iter().map(|row| row.value.clone()).collect(),
                });
            }
        }
        Input::Batch(_) => {}
    }
}

/// Settings for tests: polls come often.
pub fn config(brokers: &str) -> Config {
    let mut config = Config::new("test-kafka", brokers);
    config.poll_interval = Duration::from_millis(300);
    config
}

/// A producer that is not ours.
pub fn producer(brokers: &str) -> BaseProducer {
    ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("enable.idempotence", "true")
        .set("linger.ms", "0")
        .set("reconnect.backoff.max.ms", "500")
        .create()
        .expect("a producer")
}

/// Sends records with these values to a partition, and waits until the brokers have them.
pub fn send(producer: &BaseProducer, topic: &str, partition: i32, values: impl IntoIterator<Item = String>) {
    for value in values {
        let record: BaseRecord<'_, str, str> = BaseRecord::to(topic).partition(partition).payload(&value);
        producer.send(record).map_err(|(error, _)| error).expect("queued");
    }
    producer.flush(Duration::from_secs(20)).expect("sent");
}

/// Sends a record with headers to partition 0, and waits until the brokers have it.
pub fn send_with_headers(producer: &BaseProducer, topic: &str, key: Option<&[u8]>, value: Option<&[u8]>, headers: OwnedHeaders) {
    let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic).partition(0).headers(headers);
    if let Some(key) = key {
        record = record.key(key);
    }
    if let Some(value) = value {
        record = record.payload(value);
    }
    producer.send(record).map_err(|(error, _)| error).expect("queued");
    producer.flush(Duration::from_secs(20)).expect("sent");
}

/// Commits offsets for a group without joining it, as tools do.
pub fn commit(brokers: &str, group: &str, offsets: &[(&str, i32, i64)]) {
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", brokers).set("group.id", group).set("enable.auto.commit", "false").create().expect("a consumer");
    // The library's work for one commit grows with the square of its partitions.
    for some in offsets.chunks(1_024) {
        let mut list = TopicPartitionList::new();
        for (topic, partition, offset) in some {
            list.add_partition_offset(topic, *partition, Offset::Offset(*offset)).expect("an offset");
        }
        consumer.commit(&list, CommitMode::Sync).expect("committed");
    }
}

/// Numbers as texts.
pub fn numbers(range: std::ops::Range<u32>) -> impl Iterator<Item = String> {
    range.map(|number| number.to_string())
}
