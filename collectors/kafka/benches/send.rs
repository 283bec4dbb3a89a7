//! Our sender at full rate against a bare producer of rdkafka, sending the same records to one mock cluster in one run.
//!
//! The mock cluster and its broker's thread share the cores with what is measured, for both alike.

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use switchboard_kafka::testing::sending::permit;
use switchboard_kafka::testing::{MockKafka, wait_until_reaped};
use switchboard_kafka::{Config, Sender, SenderOptions};
use switchboard_model::{OutgoingRecord, RawHeader, Route};

const TOPIC: &str = "orders";
const NUM_PARTITIONS: i32 = 8;
const NUM_RECORDS: usize = 80_000;
/// Records in flight whose outcome is not yet asked for.
const UNDER_WAY: usize = 8_192;

fn records() -> Vec<OutgoingRecord> {
    let header = |name: &str, value: String| RawHeader { name: name.to_owned(), value: Some(value.into_bytes()) };
    (0..NUM_RECORDS)
        .map(|number| OutgoingRecord {
            channel: TOPIC.to_owned(),
            route: Route::Partition((number % NUM_PARTITIONS as usize) as i32),
            key: Some(b"customer-1".to_vec()),
            value: Some(format!(r#"{{"orderId":"order-{number:08}","note":"{}"}}"#, "x".repeat(250)).into_bytes()),
            headers: vec![
                header("traceparent", format!("00-{:032x}-{:016x}-01", number + 1, number + 1)),
                header("x-switchboard-replay-id", "0192f0c1-7c1e-7000-8000-000000000000".to_owned()),
                header("x-switchboard-source", format!("orders-dlt/0/{number}")),
                header("x-switchboard-replay-count", "1".to_owned()),
            ],
            timestamp_ms: None,
        })
        .collect()
}

/// Time from the first record to the last acknowledgement, by a bare producer.
fn bare(brokers: &str, records: &[OutgoingRecord]) -> Duration {
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", brokers).set("queue.buffering.max.messages", "1000000").create().expect("a producer");
    producer.client().fetch_metadata(Some(TOPIC), Duration::from_secs(10)).expect("metadata");
    let began = Instant::now();
    for record in records {
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for header in &record.headers {
            headers = headers.insert(Header { key: &header.name, value: header.value.as_ref() });
        }
        let Route::Partition(partition) = record.route else { panic!("a partition") };
        let mut sent: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(TOPIC).headers(headers).partition(partition);
        (sent.key, sent.payload) = (record.key.as_deref(), record.value.as_deref());
        producer.send(sent).map_err(|(error, _)| error).expect("queued");
        producer.poll(Duration::ZERO);
    }
    producer.flush(Duration::from_mins(1)).expect("sent");
    began.elapsed()
}

/// The same by our sender, the outcome of each record known.
fn ours(brokers: &str, cluster_id: &str, records: &[OutgoingRecord]) -> Duration {
    let records = records.to_vec();
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(async {
        let permit = permit(cluster_id);
        let sender = Sender::connect(&Config::new("bench", brokers), permit, SenderOptions::default()).await.expect("connected");
        sender.num_partitions(TOPIC).await.expect("a topic");
        let began = Instant::now();
        let mut under_way = std::collections::VecDeque::with_capacity(UNDER_WAY);
        for record in records {
            if under_way.len() == UNDER_WAY {
                let delivery: switchboard_kafka::Delivery = under_way.pop_front().expect("one");
                assert_eq!(delivery.outcome().await.word(), "persisted");
            }
            under_way.push_back(sender.enqueue(record).await);
        }
        for delivery in under_way {
            assert_eq!(delivery.outcome().await.word(), "persisted");
        }
        began.elapsed()
    })
}

fn send(criterion: &mut Criterion) {
    let mock = MockKafka::new(1).expect("a cluster");
    mock.cluster().create_topic(TOPIC, NUM_PARTITIONS, 1).expect("a topic");
    let brokers = mock.brokers();
    let client: BaseConsumer = ClientConfig::new().set("bootstrap.servers", &brokers).create().expect("a client");
    let cluster_id = client.client().fetch_cluster_id(Duration::from_secs(10)).expect("an id");
    let records = records();
    let mut group = criterion.benchmark_group("send");
    group.throughput(Throughput::Elements(NUM_RECORDS as u64)).sample_size(10).measurement_time(Duration::from_secs(10));
    group.bench_function("bare rdkafka producer", |bencher| bencher.iter_custom(|rounds| (0..rounds).map(|_| bare(&brokers, &records)).sum()));
    group.bench_function("switchboard sender", |bencher| {
        bencher.iter_custom(|rounds| {
            let took = (0..rounds).map(|_| ours(&brokers, &cluster_id, &records)).sum();
            assert!(wait_until_reaped(Duration::from_secs(30)));
            took
        });
    });
    group.finish();
}

criterion_group!(benches, send);
criterion_main!(benches);
