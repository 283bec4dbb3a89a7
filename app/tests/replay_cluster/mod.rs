//! A mock cluster with a dead-letter topic, and the group that gave the letters up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::message::{BorrowedMessage, Header, Headers as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use switchboard_kafka::testing::MockKafka;

pub const TARGET: &str = "orders";
pub const DEAD: &str = "orders-dlt";
pub const GROUP: &str = "inventory";
pub const SECRET: &str = "hunter2canary";
const NUM_PARTITIONS: i32 = 2;
const WITHIN: Duration = Duration::from_secs(30);

/// Headers as they lie on the broker.
pub type RawHeaders = Vec<(String, Option<Vec<u8>>)>;

pub struct Cluster {
    pub mock: MockKafka,
}

/// A dead letter as it was written.
pub struct Dead {
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub headers: RawHeaders,
    pub origin_partition: i32,
}

/// A record on the target.
pub struct Arrived {
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub headers: RawHeaders,
    pub partition: i32,
}

impl Arrived {
    /// Partition and offset of the dead letter, as its header says.
    pub fn source(&self) -> (i32, i64) {
        let value = self.headers.iter().find(|(name, _)| name == "x-switchboard-source").and_then(|(_, value)| value.clone()).expect("a source");
        let text = String::from_utf8(value).expect("text");
        let mut parts = text.rsplit('/');
        let offset = parts.next().and_then(|part| part.parse().ok()).expect("an offset");
        (parts.next().and_then(|part| part.parse().ok()).expect("a partition"), offset)
    }
}

fn producer(brokers: &str) -> BaseProducer {
    ClientConfig::new().set("bootstrap.servers", brokers).create().expect("a producer")
}

fn produce(producer: &BaseProducer, topic: &str, partition: i32, key: &[u8], value: &[u8], headers: &RawHeaders) {
    let owned = headers.iter().fold(OwnedHeaders::new(), |owned, (name, value)| owned.insert(Header { key: name, value: value.as_deref() }));
    producer.send(BaseRecord::to(topic).partition(partition).key(key).payload(value).headers(owned)).map_err(|(error, _)| error).expect("queued");
    producer.flush(WITHIN).expect("sent");
}

/// What Spring adds when it gives a record up.
fn failure(partition: i32, offset: i64) -> RawHeaders {
    let text = |name: &str, value: &str| (name.to_owned(), Some(value.as_bytes().to_vec()));
    vec![
        text("kafka_dlt-original-topic", TARGET),
        ("kafka_dlt-original-partition".to_owned(), Some(partition.to_be_bytes().to_vec())),
        ("kafka_dlt-original-offset".to_owned(), Some(offset.to_be_bytes().to_vec())),
        text("kafka_dlt-original-consumer-group", GROUP),
        text("kafka_dlt-exception-fqcn", "java.lang.NullPointerException"),
        text("kafka_dlt-exception-message", "shipTo is null"),
    ]
}

fn headers_of(message: &BorrowedMessage<'_>) -> RawHeaders {
    let headers = message.headers().map(|headers| headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect());
    headers.unwrap_or_default()
}

impl Cluster {
    pub fn new() -> Self {
        let mock = MockKafka::new(1).expect("a cluster");
        for topic in [TARGET, DEAD] {
            mock.cluster().create_topic(topic, NUM_PARTITIONS, 1).expect("a topic");
        }
        Self { mock }
    }

    pub fn brokers(&self) -> String {
        self.mock.brokers()
    }

    /// The broker's answers come so late from now on.
    pub fn answers_after(&self, time: Duration) {
        self.mock.cluster().broker_round_trip_time(1, time).expect("set");
    }

    /// Writes so many dead letters, in turn into the partitions.
    pub fn dead_letters(&self, num: i64) -> Vec<Dead> {
        let producer = producer(&self.brokers());
        let letter = |number: i64| {
            let origin_partition = (number % i64::from(NUM_PARTITIONS)) as i32;
            let mut headers: RawHeaders = vec![
                ("traceparent".to_owned(), Some(format!("00-{:032x}-00f067aa0ba902b7-01", 0x4711_0000 + number).into_bytes())),
                ("authorization".to_owned(), Some(format!("Bearer {SECRET}").into_bytes())),
                ("empty".to_owned(), Some(Vec::new())),
                ("null".to_owned(), None),
            ];
            headers.extend(failure(origin_partition, 100 + number));
            let (key, value) =
                (format!("order-{number}").into_bytes(), format!("{{\"order\":{number},\"password\":\"{SECRET}\",\"raw\":\"\u{1}\"}}").into_bytes());
            produce(&producer, DEAD, origin_partition, &key, &value, &headers);
            Dead { key, value, headers, origin_partition }
        };
        (0..num).map(letter).collect()
    }

    /// All records of a topic, at least so many.
    pub fn read(&self, topic: &str, num: usize) -> Vec<Arrived> {
        let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", self.brokers()).set("group.id", "reader").create().expect("a consumer");
        let mut list = TopicPartitionList::new();
        for partition in 0..NUM_PARTITIONS {
            list.add_partition_offset(topic, partition, Offset::Beginning).expect("an offset");
        }
        consumer.assign(&list).expect("assigned");
        let ends: i64 = (0..NUM_PARTITIONS).map(|partition| consumer.fetch_watermarks(topic, partition, WITHIN).expect("watermarks").1).sum();
        assert!(ends as usize >= num, "only {ends} records lie on {topic}");
        let deadline = Instant::now() + WITHIN;
        let mut records = Vec::new();
        while (records.len() as i64) < ends {
            assert!(Instant::now() < deadline, "only {} of {ends} were read", records.len());
            if let Some(message) = consumer.poll(Duration::from_millis(100)) {
                let message = message.expect("a record");
                records.push(Arrived {
                    key: message.key().unwrap_or_default().to_vec(),
                    value: message.payload().unwrap_or_default().to_vec(),
                    headers: headers_of(&message),
                    partition: message.partition(),
                });
            }
        }
        records
    }
}

/// A group that reads the target, gives up what it is told to, and commits everything.
pub struct Group {
    is_ending: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Group {
    /// `dies` is asked with the number of each record, from 0.
    pub fn reads(brokers: &str, dies: impl Fn(usize) -> bool + Send + 'static) -> Self {
        let is_ending = Arc::new(AtomicBool::new(false));
        let (ending, brokers) = (Arc::clone(&is_ending), brokers.to_owned());
        let thread = std::thread::spawn(move || {
            let consumer: BaseConsumer = ClientConfig::new()
                .set("bootstrap.servers", &brokers)
                .set("group.id", GROUP)
                .set("auto.offset.reset", "earliest")
                .set("enable.auto.commit", "false")
                .create()
                .expect("a consumer");
            let producer = producer(&brokers);
            consumer.subscribe(&[TARGET]).expect("subscribed");
            let mut number = 0;
            while !ending.load(Ordering::Relaxed) {
                let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) else { continue };
                if dies(number) {
                    let mut headers = headers_of(&message);
                    headers.extend(failure(message.partition(), message.offset()));
                    let (key, value) = (message.key().unwrap_or_default(), message.payload().unwrap_or_default());
                    produce(&producer, DEAD, message.partition(), key, value, &headers);
                }
                number += 1;
                // While answers are held back a commit fails; the next one makes up for it.
                let _later = consumer.commit_message(&message, CommitMode::Async);
            }
        });
        Self { is_ending, thread }
    }

    pub fn stop(self) {
        self.is_ending.store(true, Ordering::Relaxed);
        self.thread.join().expect("the group ended well");
    }
}
