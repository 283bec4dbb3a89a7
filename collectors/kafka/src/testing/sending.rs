//! What tests of sending share: leave to write, records as they lie on the broker, read by a client that is not ours.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use switchboard_model::{
    Leave, MessageRef, OriginalRecord, OutgoingRecord, Place, RawHash, RawHeader, Redactor, Route, SeenRecord, SendPermit, SendRules, Target, TimestampType,
};

use super::MockKafka;
use crate::{Config, Sender, SenderOptions};

/// Waits for a future, on a runtime of its own.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// A redactor whose key is always the same.
pub fn redactor() -> Redactor {
    Redactor::new([7; 16], &[])
}

/// Settings for a mock cluster.
pub fn config(mock: &MockKafka) -> Config {
    Config::new("shop", mock.brokers())
}

/// The id of a mock cluster.
pub fn cluster_id(mock: &MockKafka) -> String {
    cluster_id_of(&mock.brokers())
}

/// The id of the cluster of these brokers.
pub fn cluster_id_of(brokers: &str) -> String {
    let client: BaseConsumer = ClientConfig::new().set("bootstrap.servers", brokers).create().expect("a client");
    client.client().fetch_cluster_id(Duration::from_secs(10)).expect("an id")
}

/// Leave to write to a cluster.
pub fn permit(cluster_id: &str) -> SendPermit {
    let target = Some(Target::Cluster(cluster_id.to_owned()));
    let rules = SendRules { name: "shop", target, addresses: &[], leave: Leave::Given, is_unlocked: false, is_production: false, typed_name: None };
    SendPermit::from_rules(&rules).expect("allowed")
}

/// A sender to a mock cluster.
pub async fn sender(mock: &MockKafka) -> Sender {
    Sender::connect(&config(mock), permit(&cluster_id(mock)), SenderOptions::default()).await.expect("connected")
}

/// A place on the cluster that is configured.
pub fn at(topic: &str, partition: i32, offset: i64) -> MessageRef {
    MessageRef { cluster: "shop".to_owned(), channel: topic.to_owned(), place: Place::at(partition, offset) }
}

/// A header.
pub fn header(name: &str, value: Option<&[u8]>) -> RawHeader {
    RawHeader { name: name.to_owned(), value: value.map(<[u8]>::to_vec) }
}

/// A record to be sent, to this partition or to that of its key.
pub fn outgoing(topic: &str, partition: Option<i32>, value: &str) -> OutgoingRecord {
    let value = Some(value.as_bytes().to_vec());
    let route = partition.map_or(Route::Key, Route::Partition);
    OutgoingRecord { channel: topic.to_owned(), route, key: None, value, headers: Vec::new(), timestamp_ms: None }
}

/// Sends records by a producer that is not ours, and waits until the brokers have them.
pub fn send_as_it_is(brokers: &str, records: &[OutgoingRecord]) {
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", brokers).set("linger.ms", "5").set("message.max.bytes", "10000000").create().expect("a producer");
    for record in records {
        let mut headers = OwnedHeaders::new();
        for header in &record.headers {
            headers = headers.insert(Header { key: &header.name, value: header.value.as_ref() });
        }
        let Route::Partition(partition) = record.route else { panic!("a partition") };
        let mut sent: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&record.channel).headers(headers).partition(partition);
        if let Some(key) = &record.key {
            sent = sent.key(key);
        }
        if let Some(value) = &record.value {
            sent = sent.payload(value);
        }
        if let Some(timestamp_ms) = record.timestamp_ms {
            sent = sent.timestamp(timestamp_ms);
        }
        producer.send(sent).map_err(|(error, _)| error).expect("queued");
    }
    producer.flush(Duration::from_secs(30)).expect("sent");
}

/// Reads a topic to its end, at least so many records, by a consumer that is not ours; partition after partition.
pub fn read_all(brokers: &str, topic: &str, at_least: usize) -> Vec<OriginalRecord> {
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", brokers).set("group.id", "reads-all").set("enable.auto.commit", "false").create().expect("a consumer");
    let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(10)).expect("metadata");
    let partitions: Vec<i32> = metadata.topics()[0].partitions().iter().map(rdkafka::metadata::MetadataPartition::id).collect();
    let mut assigned = TopicPartitionList::new();
    let mut num_expected = 0;
    for partition in partitions {
        let (low, high) = consumer.fetch_watermarks(topic, partition, Duration::from_secs(10)).expect("watermarks");
        num_expected += (high - low) as usize;
        assigned.add_partition_offset(topic, partition, Offset::Beginning).expect("an offset");
    }
    assert!(num_expected >= at_least, "{topic} holds {num_expected} records");
    consumer.assign(&assigned).expect("assigned");
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut records = Vec::new();
    while records.len() < num_expected {
        assert!(Instant::now() < deadline, "{} of {num_expected} records of {topic} were read", records.len());
        let Some(record) = consumer.poll(Duration::from_millis(100)) else { continue };
        let record = record.expect("a record");
        let headers = record.headers().map(|headers| headers.iter().map(|told| header(told.key, told.value)).collect()).unwrap_or_default();
        records.push(OriginalRecord {
            seen: SeenRecord { at: at(topic, record.partition(), record.offset()), raw_hash: RawHash::default() },
            key: record.key().map(<[u8]>::to_vec),
            value: record.payload().map(<[u8]>::to_vec),
            headers,
            timestamp_ms: record.timestamp().to_millis(),
            timestamp_type: TimestampType::Unknown,
        });
    }
    records.sort_by(|one, other| one.seen.at.cmp(&other.seen.at));
    records
}
