//! Records, to one mock cluster in turn: by a bare producer of rdkafka, and by the whole desk.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use switchboard_desk::send::draft::{Draft, HeaderDraft, Payload, RecordDraft, Request};
use switchboard_kafka::testing::MockKafka;

use crate::desk::Desk;

const TOPIC: &str = "orders";
const NUM_PARTITIONS: i32 = 8;
const NUM_RECORDS: u32 = 100_000;
const NUM_TURNS: usize = 4;

fn value(number: u32) -> String {
    format!(r#"{{"orderId":"order-{number:08}","note":"{}"}}"#, "x".repeat(250))
}

/// The rate of a bare producer, records a second.
fn bare(brokers: &str) -> f64 {
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", brokers).set("queue.buffering.max.messages", "1000000").create().expect("a producer");
    producer.client().fetch_metadata(Some(TOPIC), Duration::from_secs(10)).expect("metadata");
    let values: Vec<String> = (0..NUM_RECORDS).map(value).collect();
    let began = Instant::now();
    for (number, value) in values.iter().enumerate() {
        let trace = format!("00-{:032x}-{:016x}-01", number + 1, number + 1);
        let headers = OwnedHeaders::new_with_capacity(3)
            .insert(Header { key: "traceparent", value: Some(trace.as_bytes()) })
            .insert(Header { key: "x-correlation-id", value: Some("0192f0c1-7c1e-7000-8000-000000000000") })
            .insert(Header { key: "source", value: Some("bench") });
        let record = BaseRecord::to(TOPIC).headers(headers).key("customer-1").payload(value);
        producer.send(record).map_err(|(error, _)| error).expect("queued");
        producer.poll(Duration::ZERO);
    }
    producer.flush(Duration::from_mins(1)).expect("sent");
    f64::from(NUM_RECORDS) / began.elapsed().as_secs_f64()
}

/// The same by the desk: each with its own intent and outcome in the ledger, a trace and a correlation id of its own.
fn ours(desk: &Desk) -> f64 {
    let draft = RecordDraft {
        topic: TOPIC.to_owned(),
        key: Payload::Text("customer-1".to_owned()),
        value: Payload::Json(value(0).replace("00000000", "{{counter}}")),
        headers: vec![HeaderDraft { name: "source".to_owned(), value: Payload::Text("bench".to_owned()), off: false }],
        copies: NUM_RECORDS,
        rate_per_s: 100_000,
        ..RecordDraft::default()
    };
    let (_, settled, sent) = desk.send(&Arc::new(Draft { name: String::new(), request: Request::Record(draft) }));
    assert_eq!(sent.answer.num_persisted, u64::from(NUM_RECORDS));
    f64::from(NUM_RECORDS) / settled.as_secs_f64()
}

pub fn measure() {
    let mock = MockKafka::new(1).expect("a cluster");
    mock.cluster().create_topic(TOPIC, NUM_PARTITIONS, 1).expect("a topic");
    let brokers = mock.brokers();
    let desk = Desk::start(&format!("[[kafka]]\nname = \"shop\"\nbrokers = \"{brokers}\"\nwrite = true\n"));
    let is_known = || desk.session.snapshot().sources.iter().any(|source| source.cluster_id.is_some());
    desk.until("cluster", |_| is_known().then_some(()));
    println!("{:<40} {:>14} {:>14}", "records a second", "the desk", "bare producer");
    for _ in 0..NUM_TURNS {
        let (theirs, ours) = (bare(&brokers), ours(&desk));
        println!("{:<40} {ours:>14.0} {theirs:>14.0}", format!("{NUM_RECORDS} records"));
    }
    desk.stop();
}
