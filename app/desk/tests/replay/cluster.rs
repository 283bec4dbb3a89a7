//! A cluster with a dead-letter topic, librdkafka's mock or Apache Kafka, and the group that gave the letters up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::message::{BorrowedMessage, Header, Headers as _, OwnedHeaders};
use rdkafka::mocking::MockCoordinator;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use switchboard_kafka::testing::{MockKafka, Proxy, apache_kafka};

pub const SECRET: &str = "hunter2canary";
const NUM_PARTITIONS: i32 = 2;
const WITHIN: Duration = Duration::from_secs(30);
const PRODUCE: i16 = 0;
/// The mock's broker that leads the target, and the one that does all else.
const TARGET_BROKER: i32 = 1;
const OTHER_BROKER: i32 = 2;
/// Longer than the session waits for an answer.
const TOO_LATE: Duration = Duration::from_secs(50);

/// Headers as they lie on the broker.
pub type RawHeaders = Vec<(String, Option<Vec<u8>>)>;

/// Where the letters lie, and where they are to go. Also known to another process, by its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// For clients that are the session's.
    pub brokers: String,
    pub target: String,
    pub dead: String,
    pub group: String,
}

impl Place {
    fn of(brokers: String, name: &str) -> Self {
        Self { brokers, target: format!("orders{name}"), dead: format!("orders{name}-dlt"), group: format!("inventory{name}") }
    }

    /// Where records wait that the group tries again.
    pub fn retry(&self) -> String {
        format!("{}-retry-0", self.target)
    }

    /// The group that tries them again, named as Spring Kafka does.
    pub fn retry_group(&self) -> String {
        format!("{}-retry-0", self.group)
    }

    /// A group that has nothing to do with the letters.
    pub fn other_group(&self) -> String {
        format!("{}-audit", self.group)
    }

    pub fn text(&self) -> String {
        [&self.brokers, &self.target, &self.dead, &self.group].map(String::as_str).join("|")
    }

    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('|').map(str::to_owned);
        Some(Self { brokers: parts.next()?, target: parts.next()?, dead: parts.next()?, group: parts.next()? })
    }
}

enum Peer {
    Mock(MockKafka),
    /// The session comes through the proxy, all else directly.
    Apache {
        proxy: Proxy,
        broker: String,
    },
}

pub struct Cluster {
    peer: Peer,
    pub place: Place,
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
    fn text(&self, header: &str) -> String {
        let value = self.headers.iter().find(|(name, _)| name == header).and_then(|(_, value)| value.clone());
        String::from_utf8(value.unwrap_or_else(|| panic!("no {header}"))).expect("text")
    }

    /// The id that it was sent with.
    pub fn replay_id(&self) -> String {
        self.text("x-switchboard-replay-id")
    }

    /// Partition and offset of the dead letter, as its header says.
    pub fn source(&self) -> (i32, i64) {
        let text = self.text("x-switchboard-source");
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
fn failure(place: &Place, partition: i32, offset: i64) -> RawHeaders {
    let text = |name: &str, value: &str| (name.to_owned(), Some(value.as_bytes().to_vec()));
    vec![
        text("kafka_dlt-original-topic", &place.target),
        ("kafka_dlt-original-partition".to_owned(), Some(partition.to_be_bytes().to_vec())),
        ("kafka_dlt-original-offset".to_owned(), Some(offset.to_be_bytes().to_vec())),
        text("kafka_dlt-original-consumer-group", &place.group),
        text("kafka_dlt-exception-fqcn", "java.lang.NullPointerException"),
        text("kafka_dlt-exception-message", "shipTo is null"),
    ]
}

fn headers_of(message: &BorrowedMessage<'_>) -> RawHeaders {
    let headers = message.headers().map(|headers| headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect());
    headers.unwrap_or_default()
}

impl Cluster {
    /// Two brokers: one leads the target, and can be made late; the other leads the dead letters and coordinates the group.
    pub fn mock() -> Self {
        let mock = MockKafka::new(2).expect("a cluster");
        let place = Place::of(mock.brokers(), "");
        for (topic, broker) in [(&place.target, TARGET_BROKER), (&place.dead, OTHER_BROKER), (&place.retry(), OTHER_BROKER)] {
            mock.cluster().create_topic(topic, NUM_PARTITIONS, 1).expect("a topic");
            for partition in 0..NUM_PARTITIONS {
                mock.cluster().partition_leader(topic, partition, Some(broker)).expect("a leader");
            }
        }
        mock.cluster().coordinator(MockCoordinator::Group(place.group.clone()), OTHER_BROKER).expect("a coordinator");
        Self { peer: Peer::Mock(mock), place }
    }

    /// Topics of its own on an Apache Kafka that others use too; `None` after saying that the test is skipped.
    pub async fn apache(test: &str) -> Option<Self> {
        static NUM_MADE: AtomicUsize = AtomicUsize::new(0);
        let broker = apache_kafka(test)?;
        let now_ms = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let proxy = Proxy::before(&broker);
        let place = Place::of(proxy.address.clone(), &format!("-{now_ms}-{}", NUM_MADE.fetch_add(1, Ordering::Relaxed)));
        let admin: AdminClient<DefaultClientContext> = ClientConfig::new().set("bootstrap.servers", &broker).create().expect("an admin client");
        let retry = place.retry();
        let topics = [&place.target, &place.dead, &retry].map(|name| NewTopic::new(name, NUM_PARTITIONS, TopicReplication::Fixed(1)));
        let options = AdminOptions::new().request_timeout(Some(WITHIN)).operation_timeout(Some(WITHIN));
        let made = admin.create_topics(&topics, &options).await.expect("answered");
        assert!(made.iter().all(Result::is_ok), "{made:?}");
        Some(Self { peer: Peer::Apache { proxy, broker }, place })
    }

    /// For clients that are not the session's.
    pub fn brokers(&self) -> &str {
        match &self.peer {
            Peer::Mock(_) => &self.place.brokers,
            Peer::Apache { broker, .. } => broker,
        }
    }

    /// From now on the answers to what is sent are lost, or not any more: on the mock they come too late, on Apache Kafka they are
    /// swallowed on the way. What is sent is written all the same.
    pub fn lose_answers(&self, lost: bool) {
        match &self.peer {
            Peer::Mock(mock) => {
                let time = if lost { TOO_LATE } else { Duration::ZERO };
                mock.cluster().broker_round_trip_time(TARGET_BROKER, time).expect("set");
            }
            Peer::Apache { proxy, .. } => proxy.swallow(lost),
        }
    }

    /// From now on requests are counted, where they are not anyway.
    pub fn count_requests(&self) {
        if let Peer::Mock(mock) = &self.peer {
            mock.track_requests();
        }
    }

    /// Produce requests since then: of the session on Apache Kafka, of all on the mock.
    pub fn num_produce_requests(&self) -> usize {
        match &self.peer {
            Peer::Mock(mock) => mock.requests().into_iter().filter(|key| *key == PRODUCE).count(),
            Peer::Apache { proxy, .. } => proxy.counts().0,
        }
    }

    /// A group that reads the target, and gives up what it is told to; `dies` is asked with the number of each record, from 0.
    pub fn group(&self, dies: impl Fn(usize) -> Death + Send + 'static) -> Group {
        Group::reads(self.brokers().to_owned(), self.place.clone(), (&self.place.group, &self.place.target), dies)
    }

    /// The group that tries records again once their time has come.
    pub fn retry_group(&self, dies: impl Fn(usize) -> Death + Send + 'static) -> Group {
        Group::reads(self.brokers().to_owned(), self.place.clone(), (&self.place.retry_group(), &self.place.retry()), dies)
    }

    /// Another group that reads the target and gives nothing up.
    pub fn other_group(&self) -> Group {
        Group::reads(self.brokers().to_owned(), self.place.clone(), (&self.place.other_group(), &self.place.target), |_| Death::None)
    }

    /// A group that reads the target and gives nothing up.
    pub fn well_group(&self) -> Group {
        self.group(|_| Death::None)
    }

    /// Writes so many dead letters, in turn into the partitions.
    pub fn dead_letters(&self, num: i64) -> Vec<Dead> {
        let producer = producer(self.brokers());
        let letter = |number: i64| {
            let origin_partition = (number % i64::from(NUM_PARTITIONS)) as i32;
            let mut headers: RawHeaders = vec![
                ("traceparent".to_owned(), Some(format!("00-{:032x}-00f067aa0ba902b7-01", 0x4711_0000 + number).into_bytes())),
                ("authorization".to_owned(), Some(format!("Bearer {SECRET}").into_bytes())),
                ("empty".to_owned(), Some(Vec::new())),
                ("null".to_owned(), None),
            ];
            headers.extend(failure(&self.place, origin_partition, 100 + number));
            let (key, value) =
                (format!("order-{number}").into_bytes(), format!("{{\"order\":{number},\"password\":\"{SECRET}\",\"raw\":\"\u{1}\"}}").into_bytes());
            produce(&producer, &self.place.dead, origin_partition, &key, &value, &headers);
            Dead { key, value, headers, origin_partition }
        };
        (0..num).map(letter).collect()
    }

    /// All records of the target, at least so many.
    pub fn read(&self, num: usize) -> Vec<Arrived> {
        let topic = &self.place.target;
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

/// Whether a record is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// It is not.
    None,
    /// It is, with the headers it had.
    WithHeaders,
    /// It is, and of its headers nothing is left but what the framework adds.
    Stripped,
    /// Not yet: it is moved to the retry topic, to be tried again after [`RETRY_AFTER`].
    Retried,
}

/// How long a record waits on the retry topic.
pub const RETRY_AFTER: Duration = Duration::from_secs(4);
/// When that is over, as Spring Kafka writes it: Java's `BigInteger` of ms since the Unix epoch.
const DUE: &str = "retry_topic-backoff-timestamp";

fn now_ms() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// Waits until a record of the retry topic may be tried.
fn wait_until_due(headers: &RawHeaders) {
    let due = headers.iter().find(|(name, _)| name == DUE).and_then(|(_, value)| value.as_deref()).and_then(|value| value.try_into().ok());
    let left_ms = due.map_or(0, i64::from_be_bytes) - now_ms();
    std::thread::sleep(Duration::from_millis(left_ms.max(0) as u64));
}

/// A group that reads a topic and commits everything.
pub struct Group {
    is_ending: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Group {
    fn reads(brokers: String, place: Place, (group, topic): (&str, &str), dies: impl Fn(usize) -> Death + Send + 'static) -> Self {
        let (group, topic) = (group.to_owned(), topic.to_owned());
        let is_ending = Arc::new(AtomicBool::new(false));
        let ending = Arc::clone(&is_ending);
        let thread = std::thread::spawn(move || {
            let consumer: BaseConsumer = ClientConfig::new()
                .set("bootstrap.servers", &brokers)
                .set("group.id", &group)
                .set("auto.offset.reset", "earliest")
                .set("enable.auto.commit", "false")
                .create()
                .expect("a consumer");
            let producer = producer(&brokers);
            consumer.subscribe(&[&topic]).expect("subscribed");
            let mut number = 0;
            while !ending.load(Ordering::Relaxed) {
                let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) else { continue };
                let death = dies(number);
                let (key, value) = (message.key().unwrap_or_default(), message.payload().unwrap_or_default());
                wait_until_due(&headers_of(&message));
                match death {
                    Death::None => {}
                    Death::Retried => {
                        let mut headers = headers_of(&message);
                        let due_ms = now_ms() + RETRY_AFTER.as_millis() as i64;
                        headers.push(("retry_topic-attempts".to_owned(), Some(vec![0, 0, 0, 2])));
                        headers.push((DUE.to_owned(), Some(due_ms.to_be_bytes().to_vec())));
                        produce(&producer, &place.retry(), message.partition(), key, value, &headers);
                    }
                    Death::WithHeaders | Death::Stripped => {
                        let mut headers = if death == Death::WithHeaders { headers_of(&message) } else { RawHeaders::new() };
                        headers.extend(failure(&place, message.partition(), message.offset()));
                        produce(&producer, &place.dead, message.partition(), key, value, &headers);
                    }
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
