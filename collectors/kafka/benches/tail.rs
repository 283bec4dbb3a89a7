//! Our tail, rate cap lifted, against a bare consumer of rdkafka, on the same records of one mock cluster in one run.
//!
//! The mock cluster and its broker's thread share the cores with what is measured, for both alike.

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use switchboard_kafka::testing::{MockKafka, wait_until_reaped};
use switchboard_kafka::{Config, KafkaCollector};
use switchboard_model::{Batch, Input, Redactor, SourceId, TailFrom, channel};

const TOPIC: &str = "orders";
const NUM_PARTITIONS: i32 = 8;
/// The mock cluster keeps 5 MiB of a partition; this stays below.
const RECORDS_PER_PARTITION: i64 = 10_000;
const NUM_RECORDS: u64 = NUM_PARTITIONS as u64 * RECORDS_PER_PARTITION as u64;

/// A record as services send it: JSON of some 300 B, with a trace context and a correlation id.
fn value(number: i64) -> String {
    format!(
        r#"{{"orderId":"order-{number:08}","customer":{{"name":"Ada Lovelace","city":"London","since":"2019-03-0{}"}},"lines":[{{"sku":"A-{}","quantity":{},"price":1995}},{{"sku":"B-77","quantity":1,"price":250}}],"total":{},"currency":"EUR","note":"leave at the door, ring twice"}}"#,
        number % 9 + 1,
        number % 500,
        number % 7 + 1,
        number * 13 % 100_000
    )
}

fn fill(brokers: &str) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("queue.buffering.max.messages", "1000000")
        .set("linger.ms", "20")
        .set("batch.num.messages", "500")
        .create()
        .expect("a producer");
    for number in 0..RECORDS_PER_PARTITION {
        let value = value(number);
        let (trace, correlation) = (format!("00-{:032x}-{:016x}-01", number + 1, number + 1), format!("{:032x}", number + 1));
        for partition in 0..NUM_PARTITIONS {
            let headers = rdkafka::message::OwnedHeaders::new_with_capacity(2)
                .insert(rdkafka::message::Header { key: "traceparent", value: Some(&trace) })
                .insert(rdkafka::message::Header { key: "correlation-id", value: Some(&correlation) });
            let record: BaseRecord<'_, str, str> = BaseRecord::to(TOPIC).partition(partition).key("customer-1").payload(value.as_str()).headers(headers);
            producer.send(record).map_err(|(error, _)| error).expect("queued");
        }
    }
    producer.flush(Duration::from_mins(1)).expect("sent");
}

/// Time from the first record to the last, as a bare consumer reads them.
fn bare(brokers: &str) -> Duration {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "bare")
        .set("enable.auto.commit", "false")
        .set("check.crcs", "true")
        .create()
        .expect("a consumer");
    let mut partitions = TopicPartitionList::new();
    for partition in 0..NUM_PARTITIONS {
        partitions.add_partition_offset(TOPIC, partition, Offset::Beginning).expect("an offset");
    }
    consumer.assign(&partitions).expect("assigned");
    let (mut num_records, mut num_bytes, mut began) = (0, 0, None);
    while num_records < NUM_RECORDS {
        if let Some(record) = consumer.poll(Duration::from_secs(5)) {
            let record = record.expect("a record");
            began.get_or_insert_with(Instant::now);
            num_records += 1;
            num_bytes += record.payload_len();
        }
    }
    std::hint::black_box(num_bytes);
    began.expect("a record").elapsed()
}

/// The same for our tail: redacted, hashed, with trace context and correlation ids, out of the engine's end of the queue.
fn ours(brokers: &str) -> Duration {
    let mut config = Config::new("bench", brokers);
    config.rate_cap_bytes_per_s = None;
    config.tail = vec![(TOPIC.to_owned(), TailFrom::Beginning)];
    let (intake, mut outlet) = channel(64 << 20);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let collector = KafkaCollector::start(config, intake.sink(SourceId(1)), Arc::new(Redactor::new([7; 16], &[])), runtime.handle());
    let (mut num_records, mut first) = (0, None);
    while num_records < NUM_RECORDS {
        if let Some(Input::Batch(Batch::Records(batch))) = outlet.recv(Duration::from_secs(5)) {
            num_records += batch.records.len() as u64;
            first.get_or_insert_with(|| (Instant::now(), batch.records.len() as u64));
        }
    }
    let (began, num_first) = first.expect("a batch");
    let took = began.elapsed();
    runtime.block_on(collector.stop());
    // The first batch was read before the clock began, so its records do not count.
    took.mul_f64(NUM_RECORDS as f64 / (NUM_RECORDS - num_first) as f64)
}

fn tail(criterion: &mut Criterion) {
    let mock = MockKafka::new(1).expect("a cluster");
    mock.cluster().create_topic(TOPIC, NUM_PARTITIONS, 1).expect("a topic");
    let brokers = mock.brokers();
    fill(&brokers);
    let mut group = criterion.benchmark_group("tail");
    group.throughput(Throughput::Elements(NUM_RECORDS)).sample_size(10).measurement_time(Duration::from_secs(15));
    group.bench_function("bare rdkafka consumer", |bencher| bencher.iter_custom(|rounds| (0..rounds).map(|_| bare(&brokers)).sum()));
    group.bench_function("switchboard tail", |bencher| {
        bencher.iter_custom(|rounds| {
            let took = (0..rounds).map(|_| ours(&brokers)).sum();
            assert!(wait_until_reaped(Duration::from_secs(30)));
            took
        });
    });
    group.finish();
}

criterion_group!(benches, tail);
criterion_main!(benches);
