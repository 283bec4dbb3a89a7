//! Reading again and sending, on Apache Kafka.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use switchboard_kafka::testing::sending::{at, block_on, cluster_id_of, header, outgoing, permit, read_all, redactor, send_as_it_is};
use switchboard_kafka::testing::session::send;
use switchboard_kafka::testing::{Proxy, apache_kafka};
use switchboard_kafka::{Cancel, Config, ReadLimits, Sender, SenderOptions, SenderRefused, batch_bytes, batch_limit, extent, extents_of_times, read_originals};
use switchboard_model::{DEFAULT_MAX_REPLAYS, OutgoingRecord, RawHash, ReplayMark, Route, SeenRecord, Skipped, plan_headers};

use crate::{admin, create_topic, create_topic_with, options, unique};

fn seen(record: &OutgoingRecord, offset: i64) -> SeenRecord {
    let Route::Partition(partition) = record.route else { panic!("a partition") };
    SeenRecord { at: at(&record.channel, partition, offset), raw_hash: redactor().hash(&record.parts()) }
}

fn read(broker: &str, records: Vec<SeenRecord>) -> Vec<Result<switchboard_model::OriginalRecord, Skipped>> {
    block_on(read_originals(&Config::new("shop", broker), Arc::new(redactor()), records, ReadLimits::default(), Cancel::default()))
}

#[test]
fn a_dead_letter_is_replayed_byte_for_byte() {
    let Some(broker) = apache_kafka("a_dead_letter_is_replayed_byte_for_byte") else { return };
    let (origin, dead) = (unique("orders"), unique("orders") + "-dlt");
    create_topic(&broker, &origin, 3);
    create_topic(&broker, &dead, 3);
    let letter = OutgoingRecord {
        key: Some(b"\x00key\xff".to_vec()),
        value: Some(br#"{"card":"4711","password":"hunter2"}"#.to_vec()),
        headers: vec![
            header("kafka_dlt-original-offset", Some(&9_i64.to_be_bytes())),
            header("b", None),
            header("b", Some(b"")),
            header("Authorization", Some(b"Bearer abcdef0123456789")),
            header("kafka_dlt-exception-message", Some(b"no such card")),
        ],
        ..outgoing(&dead, Some(2), "")
    };
    let tombstone = OutgoingRecord { value: None, ..letter.clone() };
    send_as_it_is(&broker, &[letter.clone(), tombstone.clone()]);
    let originals = read(&broker, vec![seen(&tombstone, 1), seen(&letter, 0)]);
    block_on(async {
        let sender = Sender::connect(&Config::new("shop", &broker), permit(&cluster_id_of(&broker)), SenderOptions::default()).await.expect("connected");
        assert_eq!(sender.num_partitions(&origin).await, Ok(3));
        for original in originals {
            let original = original.expect("found");
            let plan = plan_headers(&original, &ReplayMark { replay_id: "r", max_replays: DEFAULT_MAX_REPLAYS }, &redactor()).expect("planned");
            let (key, value, headers) = (original.key, original.value, plan.headers);
            let record = OutgoingRecord { channel: origin.clone(), route: Route::Partition(2), key, value, headers, timestamp_ms: None };
            assert!(sender.send(record).await.place().is_some_and(|at| at.partition() == Some(2)));
        }
        // The broker would make it if it were asked to.
        let absent = unique("absent");
        assert_eq!(sender.num_partitions(&absent).await, Err(SenderRefused::NoSuchTopic { topic: absent.clone() }));
        assert_eq!(sender.send(outgoing(&absent, None, "x")).await.word(), "not persisted");
        let client: BaseConsumer = ClientConfig::new().set("bootstrap.servers", &broker).create().expect("a client");
        let topics = client.fetch_metadata(None, Duration::from_secs(10)).expect("metadata");
        assert!(topics.topics().iter().all(|topic| topic.name() != absent));
    });
    let arrived = read_all(&broker, &origin, 2);
    for (arrived, (sent, offset)) in arrived.iter().zip([(&tombstone, 1), (&letter, 0)]) {
        let marks = [
            header("x-switchboard-replay-id", Some(b"r")),
            header("x-switchboard-source", Some(format!("{dead}/2/{offset}").as_bytes())),
            header("x-switchboard-replay-count", Some(b"1")),
        ];
        let kept = sent.headers[1..4].iter().cloned().chain(marks).collect::<Vec<_>>();
        assert!(arrived.key == sent.key && arrived.value == sent.value && arrived.headers == kept, "{arrived:?}");
    }
}

#[test]
fn a_topic_takes_what_is_as_large_as_it_says_and_not_one_byte_more() {
    let Some(broker) = apache_kafka("a_topic_takes_what_is_as_large_as_it_says_and_not_one_byte_more") else { return };
    let (small, common) = (unique("small"), unique("common"));
    create_topic_with(&broker, &small, 1, &[("max.message.bytes", "1000")]);
    create_topic(&broker, &common, 1);
    let config = Config::new("shop", &broker);
    block_on(async {
        assert_eq!(batch_limit(&config, &small).await, Ok(1_000));
        // What the broker says where the topic says nothing.
        assert_eq!(batch_limit(&config, &common).await, Ok(1_048_588));
        let absent = unique("absent");
        assert_eq!(batch_limit(&config, &absent).await, Err(format!("there is no topic {absent}. Check its name")));
        let sender = Sender::connect(&config, permit(&cluster_id_of(&broker)), SenderOptions::default()).await.expect("connected");
        let headers = vec![header("a", None), header("b", Some(b"")), header("traceparent", Some(&[b'0'; 55]))];
        for (name, key, headers) in [("bare", None, Vec::new()), ("with all", Some(vec![7; 200]), headers)] {
            let of = |len: usize| OutgoingRecord { key: key.clone(), value: Some(vec![b'x'; len]), headers: headers.clone(), ..outgoing(&small, Some(0), "") };
            let len = (0..1_000).rev().find(|len| batch_bytes(&of(*len)) == 1_000).expect("one is as large as that");
            assert_eq!(sender.send(of(len)).await.word(), "persisted", "{name}");
            assert_eq!(sender.send(of(len + 1)).await.word(), "not persisted", "{name}");
        }
    });
}

#[test]
fn many_records_of_which_each_fits_all_arrive_however_many_are_sent_at_once() {
    const NUM: usize = 200;
    let Some(broker) = apache_kafka("many_records_of_which_each_fits_all_arrive_however_many_are_sent_at_once") else { return };
    let small = unique("small");
    create_topic_with(&broker, &small, 1, &[("max.message.bytes", "1000")]);
    let config = Config::new("shop", &broker);
    block_on(async {
        let batch_bytes = batch_limit(&config, &small).await.ok();
        assert_eq!(batch_bytes, Some(1_000));
        let options = SenderOptions { batch_bytes, ..SenderOptions::default() };
        let sender = Sender::connect(&config, permit(&cluster_id_of(&broker)), options).await.expect("connected");
        let mut deliveries = Vec::new();
        for number in 0..NUM {
            deliveries.push(sender.enqueue(outgoing(&small, Some(0), &format!("{number:450}"))).await);
        }
        for delivery in deliveries {
            assert_eq!(delivery.outcome().await.word(), "persisted");
        }
    });
    let arrived = read_all(&broker, &small, NUM);
    let number = |record: &switchboard_model::OriginalRecord| String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).trim().parse().ok();
    assert_eq!(arrived.iter().filter_map(number).collect::<Vec<usize>>(), (0..NUM).collect::<Vec<_>>());
}

#[test]
fn a_span_of_time_is_told_as_offsets_of_each_partition() {
    let Some(broker) = apache_kafka("a_span_of_time_is_told_as_offsets_of_each_partition") else { return };
    let topic = unique("orders");
    create_topic(&broker, &topic, 2);
    let now_ms = crate::now_ms();
    let record = |number: i64| OutgoingRecord { timestamp_ms: Some(now_ms - 60_000 + number * 1_000), ..outgoing(&topic, Some(0), &number.to_string()) };
    send_as_it_is(&broker, &(0..10).map(record).collect::<Vec<_>>());
    let config = Config::new("shop", &broker);
    let of = |from: i64, to: i64| {
        let began = Instant::now();
        let told = block_on(extents_of_times(&config, &topic, now_ms - 60_000 + from..now_ms - 60_000 + to));
        let took = began.elapsed();
        // In one partition there is no record as late. Who takes that for a failure asks again until ten seconds are over, for begin and end.
        assert!(took < Duration::from_secs(8), "{took:?}");
        println!("a span of time was asked for in {took:?}");
        told
    };
    let both = |first: std::ops::Range<i64>| Ok(vec![(0, Ok(first)), (1, Ok(0..0))]);
    assert_eq!([0, 1].map(|partition| block_on(extent(&config, &topic, partition))), [Ok(0..10), Ok(0..0)]);
    assert_eq!(of(3_000, 6_000), both(3..6), "the end is no part of it");
    assert_eq!(of(2_001, 5_001), both(3..6));
    assert_eq!(of(-5_000, 1), both(0..1));
    assert_eq!(of(8_000, 100_000), both(8..10));
    assert_eq!(of(50_000, 60_000), both(10..10));
}

#[test]
fn expired_control_and_compacted_offsets_are_told_apart_from_records() {
    let Some(broker) = apache_kafka("expired_control_and_compacted_offsets_are_told_apart_from_records") else { return };
    let topic = unique("transacted") + "-dlt";
    create_topic(&broker, &topic, 1);
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &broker).set("transactional.id", unique("tx")).create().expect("a producer");
    let within = Duration::from_secs(30);
    producer.init_transactions(within).expect("initialised");
    for values in [["0", "1"], ["3", "4"]] {
        producer.begin_transaction().expect("begun");
        send(&producer, &topic, 0, values.map(str::to_owned));
        producer.commit_transaction(within).expect("committed");
    }
    let mut before = TopicPartitionList::new();
    before.add_partition_offset(&topic, 0, Offset::Offset(1)).expect("an offset");
    block_on(admin(&broker).delete_records(&before, &options())).expect("deleted");
    let at = |offset: i64| seen(&outgoing(&topic, Some(0), &offset.to_string()), offset);
    // Offsets 2 and 5 are the transactions' own marks, 5 the last of all; 6 is not there yet.
    let changed = SeenRecord { raw_hash: RawHash(9), ..at(1) };
    let answers = read(&broker, vec![at(4), at(0), at(2), at(3), at(5), at(6), changed, at(1)]);
    let found: Vec<Result<&[u8], &Skipped>> = answers.iter().map(|answer| answer.as_ref().map(|record| record.value.as_deref().unwrap_or_default())).collect();
    let expired = Skipped::Expired { low_watermark: 1 };
    assert_eq!(
        found,
        [Ok(&b"4"[..]), Err(&expired), Err(&Skipped::Gone), Ok(b"3"), Err(&Skipped::Gone), Err(&Skipped::Gone), Err(&Skipped::Changed), Ok(b"1")]
    );
}

#[test]
fn swallowed_answers_leave_the_middle_third_in_doubt_and_nothing_is_sent_twice() {
    const THIRD: usize = 50;
    let Some(broker) = apache_kafka("swallowed_answers_leave_the_middle_third_in_doubt_and_nothing_is_sent_twice") else { return };
    let topic = unique("orders");
    create_topic(&broker, &topic, 3);
    let proxy = Proxy::before(&broker);
    let options = SenderOptions { delivery_timeout: Duration::from_secs(3), ..SenderOptions::default() };
    let kinds = block_on(async {
        let sender = Sender::connect(&Config::new("shop", &proxy.address), permit(&cluster_id_of(&broker)), options).await.expect("connected");
        let mut kinds = Vec::new();
        for third in 0..3 {
            proxy.swallow(third == 1);
            let mut deliveries = Vec::new();
            for number in third * THIRD..(third + 1) * THIRD {
                deliveries.push(sender.enqueue(outgoing(&topic, Some((number % 3) as i32), &number.to_string())).await);
            }
            for delivery in deliveries {
                kinds.push(delivery.outcome().await.word());
            }
        }
        kinds
    });
    let count = |kind: &str, of: &[&str]| of.iter().filter(|is| **is == kind).count();
    assert_eq!(count("persisted", &kinds[..THIRD]), THIRD);
    assert_eq!(count("possibly persisted", &kinds[THIRD..2 * THIRD]), THIRD, "{kinds:?}");
    assert_eq!(count("persisted", &kinds[2 * THIRD..]), THIRD, "{kinds:?}");
    assert_eq!(kinds.len(), 3 * THIRD);
    let (num_produce, num_swallowed) = proxy.counts();
    assert!(num_swallowed > 0 && num_produce <= 3 * THIRD, "{num_produce} requests, {num_swallowed} answers swallowed");
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for record in read_all(&broker, &topic, 2 * THIRD) {
        *seen.entry(String::from_utf8(record.value.expect("a value")).expect("text")).or_default() += 1;
    }
    assert!(seen.values().all(|times| *times == 1), "{seen:?}");
    for (number, kind) in kinds.iter().enumerate() {
        assert!(*kind != "persisted" || seen.contains_key(&number.to_string()), "{number} was acknowledged and is not there");
    }
}

#[test]
fn a_cancel_while_answers_are_swallowed_ends_within_200_ms() {
    let Some(broker) = apache_kafka("a_cancel_while_answers_are_swallowed_ends_within_200_ms") else { return };
    let topic = unique("orders");
    create_topic(&broker, &topic, 3);
    let proxy = Proxy::before(&broker);
    block_on(async {
        let sender = Sender::connect(&Config::new("shop", &proxy.address), permit(&cluster_id_of(&broker)), SenderOptions::default()).await.expect("connected");
        assert_eq!(sender.send(outgoing(&topic, Some(0), "first")).await.word(), "persisted");
        proxy.swallow(true);
        let mut deliveries = Vec::new();
        for number in 0..30 {
            deliveries.push(sender.enqueue(outgoing(&topic, Some(number % 3), &number.to_string())).await);
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        while proxy.counts().1 == 0 {
            assert!(Instant::now() < deadline, "no answer came");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let began = Instant::now();
        sender.cancel();
        for delivery in deliveries {
            assert_ne!(delivery.outcome().await.word(), "persisted");
        }
        assert!(began.elapsed() <= Duration::from_millis(200), "{:?}", began.elapsed());
        assert_eq!(sender.num_in_flight(), 0);
    });
}
