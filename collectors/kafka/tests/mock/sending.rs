//! Sending by permit: the bytes, the three outcomes, cancelling, and the cluster that was meant.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::stream::{FuturesUnordered, StreamExt};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use switchboard_kafka::testing::MockKafka;
use switchboard_kafka::testing::sending::{at, block_on, cluster_id, config, header, outgoing, permit, read_all, redactor, send_as_it_is, sender};
use switchboard_kafka::{Cancel, Config, ReadLimits, Sender, SenderOptions, SenderRefused, batch_limit, read_originals};
use switchboard_model::{
    DEFAULT_MAX_REPLAYS, Outcome, OutgoingRecord, Place, REPLAY_COUNT_HEADER, REPLAY_ID_HEADER, RawHeader, ReplayMark, Route, SOURCE_HEADER, SeenRecord,
    plan_headers,
};

const PRODUCE: i16 = 0;

fn cluster(topics: &[(&str, i32)]) -> MockKafka {
    let mock = MockKafka::new(1).expect("a cluster");
    for (topic, num_partitions) in topics {
        mock.cluster().create_topic(topic, *num_partitions, 1).expect("a topic");
    }
    mock
}

async fn send_all(sender: &Sender, records: impl IntoIterator<Item = OutgoingRecord>) -> Vec<Outcome> {
    let mut deliveries = Vec::new();
    for record in records {
        deliveries.push(sender.enqueue(record).await);
    }
    let mut outcomes = Vec::new();
    for delivery in deliveries {
        outcomes.push(delivery.outcome().await);
    }
    outcomes
}

fn counts(outcomes: &[Outcome]) -> BTreeMap<&'static str, usize> {
    outcomes.iter().fold(BTreeMap::new(), |mut counts, outcome| {
        *counts.entry(outcome.word()).or_default() += 1;
        counts
    })
}

#[test]
fn a_replayed_record_is_the_same_but_for_the_declared_headers() {
    let mock = cluster(&[("orders-dlt", 2), ("orders", 2)]);
    let own = vec![
        header("traceparent", Some(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")),
        header("a", None),
        header("a", Some(b"")),
        header("Authorization", Some(b"Bearer abcdef0123456789")),
        header("a", Some(b"\xff\x00\x01")),
    ];
    let mut dead = own.clone();
    dead.insert(1, header("kafka_dlt-original-topic", Some(b"orders")));
    dead.insert(3, header("kafka_dlt-original-offset", Some(&7_i64.to_be_bytes())));
    dead.push(header("retry_topic-attempts", Some(&3_i32.to_be_bytes())));
    let letters = [(Some(&b"key \xff\x00"[..]), Some(&br#"{"password":"hunter2"}"#[..])), (None, Some(&b""[..])), (Some(&b""[..]), None), (None, None)];
    let letters: Vec<OutgoingRecord> = letters
        .into_iter()
        .map(|(key, value)| OutgoingRecord {
            key: key.map(<[u8]>::to_vec),
            value: value.map(<[u8]>::to_vec),
            headers: dead.clone(),
            timestamp_ms: Some(1_700_000_000_123),
            ..outgoing("orders-dlt", Some(1), "")
        })
        .collect();
    send_as_it_is(&mock.brokers(), &letters);
    let wanted: Vec<SeenRecord> =
        letters.iter().zip(0..).map(|(letter, offset)| SeenRecord { at: at("orders-dlt", 1, offset), raw_hash: redactor().hash(&letter.parts()) }).collect();
    block_on(async {
        let originals = read_originals(&config(&mock), Arc::new(redactor()), wanted, ReadLimits::default(), Cancel::default()).await;
        let sender = sender(&mock).await;
        assert_eq!(sender.num_partitions("orders").await, Ok(2));
        for original in originals {
            let original = original.expect("found");
            assert_eq!(original.timestamp_ms, Some(1_700_000_000_123));
            let mark = ReplayMark { replay_id: "run-1", max_replays: DEFAULT_MAX_REPLAYS };
            let plan = plan_headers(&original, &mark, &redactor()).expect("planned");
            let route = Route::Partition(original.seen.at.place.partition().expect("a partition"));
            let record =
                OutgoingRecord { channel: "orders".to_owned(), route, key: original.key, value: original.value, headers: plan.headers, timestamp_ms: None };
            assert!(sender.send(record).await.place().is_some_and(|at| at.partition() == Some(1)));
        }
    });
    let arrived = read_all(&mock.brokers(), "orders", 4);
    for (number, (arrived, letter)) in arrived.iter().zip(&letters).enumerate() {
        let marks = [
            header(REPLAY_ID_HEADER, Some(b"run-1")),
            header(SOURCE_HEADER, Some(format!("orders-dlt/1/{number}").as_bytes())),
            header(REPLAY_COUNT_HEADER, Some(b"1")),
        ];
        let expected: Vec<RawHeader> = own.iter().cloned().chain(marks).collect();
        assert!(arrived.key == letter.key && arrived.value == letter.value && arrived.headers == expected, "{number}: {arrived:?}");
        assert_eq!(arrived.seen.at.place, Place::at(1, number as i64));
    }
}

#[test]
fn a_key_goes_where_javas_clients_send_it() {
    let mock = cluster(&[("orders", 16)]);
    block_on(async {
        let sender = sender(&mock).await;
        // Utils.toPositive(Utils.murmur2(key)) % 16; the hashes are those of Kafka's own test of murmur2.
        for (key, hash) in [("21", -973_932_308_i32), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536), ("abc", 479_470_107)] {
            let record = OutgoingRecord { key: Some(key.as_bytes().to_vec()), ..outgoing("orders", None, "x") };
            let outcome = sender.send(record).await;
            assert_eq!(outcome.place().and_then(Place::partition), Some((hash & 0x7fff_ffff) % 16), "{key}: {outcome:?}");
        }
    });
}

#[test]
fn leave_for_another_cluster_sends_nothing() {
    let mock = cluster(&[("orders", 1)]);
    let other = MockKafka::new(1).expect("a cluster");
    mock.track_requests();
    let refused = block_on(Sender::connect(&config(&mock), permit(&cluster_id(&other)), SenderOptions::default())).err().expect("refused");
    let (permitted, found) = (cluster_id(&other), cluster_id(&mock));
    assert_eq!(refused, SenderRefused::OtherCluster { source_name: "shop".to_owned(), permitted: permitted.clone(), found: found.clone() });
    let text = refused.to_string();
    assert!(text.contains(&permitted) && text.contains(&found) && text.contains("Check the brokers"), "{text}");
    assert!(!mock.requests().contains(&PRODUCE));
}

#[test]
fn brokers_that_do_not_answer_are_told_with_a_next_step() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let config = switchboard_kafka::Config::new("shop", format!("127.0.0.1:{port}"));
    let options = SenderOptions { connect_timeout: Duration::from_secs(1), ..SenderOptions::default() };
    let refused = block_on(Sender::connect(&config, permit("any"), options)).err().expect("refused");
    let text = refused.to_string();
    assert!(text.contains("refused the connection") && text.contains("Check that the broker runs"), "{text}");
}

#[test]
fn a_topic_that_is_not_there_is_not_made() {
    let mock = cluster(&[("orders", 1)]);
    block_on(async {
        let sender = sender(&mock).await;
        assert_eq!(sender.num_partitions("nowhere").await, Err(SenderRefused::NoSuchTopic { topic: "nowhere".to_owned() }));
        let outcomes = send_all(&sender, [outgoing("nowhere", None, "x"), outgoing("orders", Some(9), "x"), outgoing("or\0ders", None, "x")]).await;
        assert_eq!(counts(&outcomes), BTreeMap::from([("not persisted", 3)]), "{outcomes:?}");
    });
}

#[test]
fn a_record_that_is_routed_through_an_exchange_is_refused_with_the_reason() {
    let mock = cluster(&[("orders", 1)]);
    block_on(async {
        let route = Route::Exchange { name: "orders".to_owned(), routing_key: "placed".to_owned() };
        let outcome = sender(&mock).await.send(OutgoingRecord { route, ..outgoing("orders", None, "x") }).await;
        assert!(matches!(&outcome, Outcome::NotDone(why) if why.contains("Kafka has no exchanges")), "{outcome:?}");
    });
}

#[test]
fn a_brokers_refusal_is_not_persisted_and_a_doubt_is_possibly_persisted() {
    use RDKafkaRespErr as Error;
    let mock = cluster(&[("orders", 1)]);
    block_on(async {
        let sender = sender(&mock).await;
        for (error, kind) in [
            (Error::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "not persisted"),
            (Error::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, "not persisted"),
            (Error::RD_KAFKA_RESP_ERR_INVALID_RECORD, "not persisted"),
            (Error::RD_KAFKA_RESP_ERR_POLICY_VIOLATION, "not persisted"),
            (Error::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, "possibly persisted"),
            (Error::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, "possibly persisted"),
            (Error::RD_KAFKA_RESP_ERR__TRANSPORT, "possibly persisted"),
        ] {
            mock.cluster().request_errors(RDKafkaApiKey::Produce, &[error]);
            mock.track_requests();
            let outcome = sender.send(outgoing("orders", Some(0), "x")).await;
            assert_eq!(outcome.word(), kind, "{error:?}: {outcome:?}");
            // Once over the wire, and not again.
            assert_eq!(mock.requests().iter().filter(|key| **key == PRODUCE).count(), 1, "{error:?}");
        }
        assert_eq!(sender.send(outgoing("orders", Some(0), "x")).await.word(), "persisted");
    });
}

#[test]
fn a_record_refused_because_the_leader_moved_goes_to_the_new_one() {
    let mock = cluster(&[("orders", 1)]);
    block_on(async {
        let sender = sender(&mock).await;
        mock.cluster().request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION]);
        mock.track_requests();
        // The refusal is certain, so that nothing can be there twice.
        assert_eq!(sender.send(outgoing("orders", Some(0), "x")).await, Outcome::persisted(Some(Place::at(0, 0))));
        assert_eq!(mock.requests().iter().filter(|key| **key == PRODUCE).count(), 2);
    });
}

#[test]
fn lost_answers_leave_the_middle_third_in_doubt_and_nothing_is_sent_twice() {
    const THIRD: usize = 40;
    let mock = cluster(&[("orders", 2)]);
    let options = SenderOptions { delivery_timeout: Duration::from_secs(1), ..SenderOptions::default() };
    let outcomes = block_on(async {
        let sender = Sender::connect(&config(&mock), permit(&cluster_id(&mock)), options).await.expect("connected");
        let third = |number: usize| (number * THIRD..(number + 1) * THIRD).map(|at| outgoing("orders", Some((at % 2) as i32), &at.to_string()));
        let mut outcomes = send_all(&sender, third(0)).await;
        assert_eq!(counts(&outcomes), BTreeMap::from([("persisted", THIRD)]));
        mock.cluster().broker_round_trip_time(1, Duration::from_secs(20)).expect("slow");
        let middle = send_all(&sender, third(1)).await;
        assert_eq!(counts(&middle), BTreeMap::from([("possibly persisted", THIRD)]), "{middle:?}");
        mock.cluster().broker_round_trip_time(1, Duration::ZERO).expect("quick");
        outcomes.extend(middle);
        // The connection is made anew; until then records wait in the queue.
        let anew = async { while sender.send(outgoing("orders", Some(0), "probe")).await.word() != "persisted" {} };
        tokio::time::timeout(Duration::from_mins(1), anew).await.expect("a record is taken again");
        outcomes.extend(send_all(&sender, third(2)).await);
        outcomes
    });
    assert_eq!(counts(&outcomes), BTreeMap::from([("persisted", 2 * THIRD), ("possibly persisted", THIRD)]));
    let mut seen: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for record in read_all(&mock.brokers(), "orders", 2 * THIRD) {
        *seen.entry(record.value.expect("a value")).or_default() += 1;
    }
    seen.remove(&b"probe"[..]);
    assert!(seen.values().all(|times| *times == 1), "{seen:?}");
    for (at, outcome) in outcomes.iter().enumerate() {
        assert!(outcome.word() != "persisted" || seen.contains_key(at.to_string().as_bytes()), "{at} was acknowledged and is not there");
    }
}

#[test]
fn a_cancel_tells_all_that_is_in_flight_within_200_ms() {
    for is_down in [false, true] {
        // A moment without a processor is not the cancel's, nor what was written into a connection before its end was seen: what is at
        // fault is so each time.
        let mut tries: Vec<(Duration, Duration, bool)> = Vec::new();
        let is_good = |(blocked, told, is_in_doubt): &(Duration, Duration, bool)| {
            *blocked < Duration::from_millis(50) && *told <= Duration::from_millis(200) && (!is_down || !is_in_doubt)
        };
        while tries.len() < 3 && !tries.last().is_some_and(is_good) {
            tries.push(cancel_in_flight(is_down));
        }
        assert!(tries.last().is_some_and(is_good), "down: {is_down}; {tries:?}");
    }
}

/// How long the cancel blocked, how long it took until all was told, and whether anything is in doubt.
fn cancel_in_flight(is_down: bool) -> (Duration, Duration, bool) {
    let mock = cluster(&[("orders", 4)]);
    block_on(async {
        let sender = sender(&mock).await;
        assert_eq!(sender.send(outgoing("orders", Some(0), "first")).await.word(), "persisted");
        if is_down {
            mock.cluster().broker_down(1).expect("down");
        } else {
            mock.cluster().broker_round_trip_time(1, Duration::from_mins(1)).expect("slow");
        }
        // More than there is room for, so that some wait for it.
        let mut outcomes: FuturesUnordered<_> = (0..200).map(|at| sender.send(outgoing("orders", Some(at % 4), &"x".repeat(200 * 1024)))).collect();
        assert!(tokio::time::timeout(Duration::from_millis(500), outcomes.next()).await.is_err(), "nothing is known yet");
        assert!(sender.num_in_flight() > 10, "{}", sender.num_in_flight());
        let began = Instant::now();
        sender.cancel();
        let blocked = began.elapsed();
        let outcomes: Vec<Outcome> = outcomes.collect().await;
        let told = began.elapsed();
        let counts = counts(&outcomes);
        assert_eq!(counts.values().sum::<usize>(), 200);
        assert!(counts.get("not persisted").is_some_and(|count| *count > 100) && !counts.contains_key("persisted"), "{counts:?}");
        let is_in_doubt = counts.contains_key("possibly persisted");
        assert!(is_in_doubt || is_down, "{counts:?}");
        assert_eq!(sender.send(outgoing("orders", Some(0), "late")).await.word(), "not persisted");
        (blocked, told, is_in_doubt)
    })
}

#[test]
fn what_is_in_flight_comes_to_its_end_without_the_sender() {
    let mock = cluster(&[("orders", 1)]);
    block_on(async {
        let sender = sender(&mock).await;
        mock.cluster().broker_round_trip_time(1, Duration::from_millis(400)).expect("slow");
        let delivery = sender.enqueue(outgoing("orders", Some(0), "x")).await;
        drop(sender);
        assert_eq!(delivery.outcome().await, Outcome::persisted(Some(Place::at(0, 0))));
    });
}

#[test]
fn no_batch_of_several_records_is_larger_than_is_said() {
    const NUM: usize = 20;
    let mock = cluster(&[("orders", 1)]);
    // Two of them in one batch would be larger than that.
    let value = "x".repeat(600);
    let options = SenderOptions { batch_bytes: Some(1_000), ..SenderOptions::default() };
    block_on(async {
        let sender = Sender::connect(&config(&mock), permit(&cluster_id(&mock)), options).await.expect("connected");
        mock.track_requests();
        let outcomes = send_all(&sender, (0..NUM).map(|_| outgoing("orders", Some(0), &value))).await;
        assert!(outcomes.iter().all(|outcome| outcome.word() == "persisted"), "{outcomes:?}");
    });
    assert_eq!(mock.requests().iter().filter(|request| **request == PRODUCE).count(), NUM);
}

#[test]
fn brokers_that_tell_no_settings_and_such_as_are_not_there_leave_it_unknown_how_large_a_record_may_be() {
    let mock = cluster(&[("orders", 1)]);
    let told = block_on(batch_limit(&config(&mock), "orders"));
    assert_eq!(told, Err("these brokers do not tell the settings of topics. Look up max.message.bytes where orders was made".to_owned()));
    let began = Instant::now();
    let nobody = block_on(batch_limit(&Config::new("shop", "127.0.0.1:9"), "orders")).expect_err("nobody is there");
    assert!(nobody.contains("127.0.0.1:9") && nobody.contains("Check that the brokers are up"), "{nobody}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}
