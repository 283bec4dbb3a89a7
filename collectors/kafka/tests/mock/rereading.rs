//! Reading records again: what is found, what is skipped and why, in one pass a partition, without a trace on the broker.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, Producer};
use switchboard_kafka::testing::sending::{at, block_on, config, outgoing, redactor, send_as_it_is};
use switchboard_kafka::testing::{MockKafka, produce_with_raw_header};
use switchboard_kafka::{Cancel, Config, ReadLimits, TokenSource, extent, extents_of_times, read_originals};
use switchboard_model::{MessageRef, OriginalRecord, OutgoingRecord, Place, RawHash, Route, SeenRecord, Skipped};

const FETCH: i16 = 1;
/// Far less than the ten seconds that the brokers have for each answer, and more than a busy machine takes for all.
const AT_ONCE: Duration = Duration::from_secs(8);
/// Fetch, `ListOffsets`, Metadata, `ApiVersions`: what reading by assignment asks; and `FindCoordinator`, which the library asks for any
/// group id, although nobody joins it.
const HARMLESS: [i16; 5] = [FETCH, 2, 3, 10, 18];

/// Waits for an answer that nothing holds up.
fn at_once<T>(question: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let told = block_on(question);
    let took = began.elapsed();
    assert!(took < AT_ONCE, "{took:?}");
    told
}

fn seen(record: &OutgoingRecord, offset: i64) -> SeenRecord {
    let Route::Partition(partition) = record.route else { panic!("a partition") };
    SeenRecord { at: at(&record.channel, partition, offset), raw_hash: redactor().hash(&record.parts()) }
}

fn read(mock: &MockKafka, wanted: Vec<SeenRecord>, limits: ReadLimits) -> Vec<Result<OriginalRecord, Skipped>> {
    block_on(read_originals(&config(mock), Arc::new(redactor()), wanted, limits, Cancel::default()))
}

#[test]
fn each_position_is_answered_in_its_order_with_the_record_or_the_reason() {
    let mock = MockKafka::new(1).expect("a cluster");
    mock.cluster().create_topic("orders-dlt", 3, 1).expect("a topic");
    let records: Vec<OutgoingRecord> = (0..10).map(|number| outgoing("orders-dlt", Some(number % 2), &format!("value {number}"))).collect();
    send_as_it_is(&mock.brokers(), &records);
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", mock.brokers()).create().expect("a producer");
    produce_with_raw_header(&producer, "orders-dlt", 2, b"bad\xff", b"v").expect("queued");
    producer.flush(Duration::from_secs(10)).expect("sent");
    let sent = |number: usize| seen(&records[number], number as i64 / 2);
    let other = |topic: &str, partition, offset| SeenRecord { at: at(topic, partition, offset), raw_hash: RawHash(1) };
    let changed = SeenRecord { raw_hash: RawHash(1), ..sent(4) };
    let mut elsewhere = sent(1);
    elsewhere.at.place = Place::Opaque(vec![1]);
    let wanted = vec![
        sent(9),
        changed,
        sent(0),
        other("orders-dlt", 0, 5),
        sent(3),
        sent(0),
        other("nowhere", 0, 0),
        other("orders-dlt", 2, 0),
        other("orders-dlt", 7, 0),
        elsewhere,
    ];
    let answers = read(&mock, wanted.clone(), ReadLimits::default());
    let value = |at: usize| answers[at].as_ref().map(|record| String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).into_owned());
    assert_eq!(value(0).as_deref(), Ok("value 9"));
    assert_eq!(value(1), Err(&Skipped::Changed));
    assert_eq!(value(2).as_deref(), Ok("value 0"));
    assert_eq!(value(3), Err(&Skipped::Gone));
    assert_eq!(value(4).as_deref(), Ok("value 3"));
    assert_eq!(value(5).as_deref(), Ok("value 0"));
    assert!(matches!(value(6), Err(Skipped::Refused(why)) if why.contains("nowhere")), "{:?}", value(6));
    // Its hash is not known here, so it counts as changed before its header is looked at.
    assert_eq!(value(7), Err(&Skipped::Changed));
    assert!(matches!(value(8), Err(Skipped::Refused(_))), "{:?}", value(8));
    assert!(matches!(value(9), Err(Skipped::Refused(why)) if why.contains("no partition and offset")), "{:?}", value(9));
    assert_eq!(answers[0].as_ref().expect("found").seen, wanted[0]);
}

#[test]
fn no_broker_is_asked_for_what_was_not_read_from_kafka() {
    let broker = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    broker.set_nonblocking(true).expect("a listener that does not wait");
    let config = Config::new("shop", broker.local_addr().expect("bound").to_string());
    let elsewhere = |place: Place| SeenRecord { at: MessageRef { place, ..at("orders-dlt", 0, 0) }, raw_hash: RawHash(1) };
    let wanted = vec![elsewhere(Place::Opaque(vec![1])), elsewhere(Place::None)];
    let answers = block_on(read_originals(&config, Arc::new(redactor()), wanted, ReadLimits::default(), Cancel::default()));
    let why = "its place is no partition and offset: it was not read from Kafka. Choose what a Kafka source has read";
    assert_eq!(answers, vec![Err(Skipped::Refused(why.to_owned())); 2]);
    assert!(broker.accept().is_err(), "a client was made, and connected");
}

#[test]
fn a_header_name_that_is_no_text_is_told_as_that() {
    let mock = MockKafka::new(1).expect("a cluster");
    mock.cluster().create_topic("orders-dlt", 1, 1).expect("a topic");
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", mock.brokers()).create().expect("a producer");
    produce_with_raw_header(&producer, "orders-dlt", 0, b"bad\xff", b"v").expect("queued");
    producer.flush(Duration::from_secs(10)).expect("sent");
    // As the tail hashes it: key, value, then each header's name and value.
    let raw_hash = redactor().hash(&[None, Some(b"v"), Some(b"bad\xff"), Some(b"v")]);
    let record = SeenRecord { at: at("orders-dlt", 0, 0), raw_hash };
    assert_eq!(read(&mock, vec![record], ReadLimits::default()), [Err(Skipped::HeadersUnreadable)]);
}

#[test]
fn what_retention_took_is_expired() {
    let mock = MockKafka::new(1).expect("a cluster");
    mock.cluster().create_topic("orders-dlt", 1, 1).expect("a topic");
    // The mock cluster keeps 5 MiB of a partition.
    let records: Vec<OutgoingRecord> = (0..20).map(|number| outgoing("orders-dlt", Some(0), &format!("{number} {}", "x".repeat(600_000)))).collect();
    for record in &records {
        send_as_it_is(&mock.brokers(), std::slice::from_ref(record));
    }
    let wanted = vec![seen(&records[0], 0), seen(&records[19], 19), seen(&records[1], 1)];
    let answers = read(&mock, wanted, ReadLimits::default());
    let low = match &answers[0] {
        Err(Skipped::Expired { low_watermark }) => *low_watermark,
        other => panic!("{other:?}"),
    };
    assert!((2..19).contains(&low), "{low}");
    assert!(answers[1].is_ok());
    assert_eq!(answers[2], Err(Skipped::Expired { low_watermark: low }));
}

#[test]
fn ten_thousand_letters_are_one_pass_and_leave_no_trace() {
    const LETTERS: usize = 10_000;
    let mock = MockKafka::new(1).expect("a cluster");
    mock.cluster().create_topic("orders-dlt", 2, 1).expect("a topic");
    let records: Vec<OutgoingRecord> = (0..LETTERS).map(|number| outgoing("orders-dlt", Some((number % 2) as i32), &number.to_string())).collect();
    send_as_it_is(&mock.brokers(), &records);
    let wanted: Vec<SeenRecord> = records.iter().enumerate().rev().map(|(number, record)| seen(record, number as i64 / 2)).collect();
    mock.track_requests();
    let answers = read(&mock, wanted, ReadLimits::default());
    for (number, answer) in (0..LETTERS).rev().zip(&answers) {
        assert_eq!(answer.as_ref().expect("found").value.as_deref(), Some(number.to_string().as_bytes()));
    }
    let requests = mock.requests();
    assert!(requests.iter().all(|key| HARMLESS.contains(key)), "{requests:?}");
    assert!(requests.iter().filter(|key| **key == FETCH).count() < 200, "{}", requests.len());
}

#[test]
fn letters_that_lie_far_apart_are_sought_and_not_read_through() {
    let mock = MockKafka::new(1).expect("a cluster");
    mock.cluster().create_topic("orders-dlt", 1, 1).expect("a topic");
    let records: Vec<OutgoingRecord> = (0..30_000).map(|number| outgoing("orders-dlt", Some(0), &number.to_string())).collect();
    send_as_it_is(&mock.brokers(), &records);
    let numbers = [0_usize, 14_000, 14_001, 29_999];
    let wanted = numbers.iter().map(|number| seen(&records[*number], *number as i64)).collect();
    let answers = read(&mock, wanted, ReadLimits::default());
    for (number, answer) in numbers.iter().zip(&answers) {
        assert_eq!(answer.as_ref().expect("found").value.as_deref(), Some(number.to_string().as_bytes()));
    }
}

#[test]
fn room_time_and_a_cancel_bound_it() {
    let mock = MockKafka::new(1).expect("a cluster");
    mock.cluster().create_topic("orders-dlt", 1, 1).expect("a topic");
    let records: Vec<OutgoingRecord> = (0..10).map(|_| outgoing("orders-dlt", Some(0), &"x".repeat(1_000))).collect();
    send_as_it_is(&mock.brokers(), &records);
    let wanted: Vec<SeenRecord> = records.iter().zip(0..).map(|(record, offset)| seen(record, offset)).collect();
    let answers = read(&mock, wanted.clone(), ReadLimits { max_bytes: 3_500, ..ReadLimits::default() });
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3);
    assert!(answers[3..].iter().all(|answer| *answer == Err(Skipped::TooManyBytes { limit_bytes: 3_500 })), "{answers:?}");

    mock.cluster().broker_round_trip_time(1, Duration::from_secs(30)).expect("slow");
    let began = Instant::now();
    let answers = read(&mock, wanted.clone(), ReadLimits { timeout: Duration::from_secs(1), ..ReadLimits::default() });
    assert!(answers.iter().all(|answer| matches!(answer, Err(Skipped::TimedOut { .. } | Skipped::Refused(_)))), "{answers:?}");
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());

    let cancel = Cancel::default();
    block_on(async {
        let config = config(&mock);
        let reading = read_originals(&config, Arc::new(redactor()), wanted.clone(), ReadLimits::default(), cancel.clone());
        mock.track_requests();
        let cancelled = async {
            // It has asked the broker, which does not answer.
            let deadline = Instant::now() + Duration::from_secs(10);
            while mock.requests().is_empty() {
                assert!(Instant::now() < deadline, "nothing was asked");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            cancel.cancel();
            Instant::now()
        };
        let (answers, at) = tokio::join!(reading, cancelled);
        // It looks every 150 ms; what waits for the answer takes 30 s.
        assert!(at.elapsed() < Duration::from_secs(1), "{:?}", at.elapsed());
        assert!(answers.iter().all(|answer| *answer == Err(Skipped::Cancelled)), "{answers:?}");
    });
}

#[test]
fn a_cancel_does_not_wait_for_a_command_that_is_asked_for_a_token() {
    block_on(async {
        // Somebody who takes connections and says nothing.
        let silent = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = silent.local_addr().expect("bound").to_string();
        let mut config = Config::new("shop", address);
        config.properties.insert("security.protocol".to_owned(), "SASL_PLAINTEXT".to_owned());
        config.properties.insert("sasl.mechanism".to_owned(), "OAUTHBEARER".to_owned());
        config.token = Some(TokenSource::new(|| {
            std::thread::sleep(Duration::from_secs(10));
            Err("too late".to_owned())
        }));
        let cancel = Cancel::default();
        let wanted = vec![SeenRecord { at: at("orders-dlt", 0, 0), raw_hash: RawHash(1) }];
        let reading = read_originals(&config, Arc::new(redactor()), wanted, ReadLimits::default(), cancel.clone());
        let cancelled = async {
            let _connection = tokio::time::timeout(Duration::from_secs(20), silent.accept()).await.expect("somebody asks").expect("taken");
            cancel.cancel();
            Instant::now()
        };
        let (answers, at) = tokio::join!(reading, cancelled);
        assert!(at.elapsed() < Duration::from_secs(2), "{:?}", at.elapsed());
        assert_eq!(answers, [Err(Skipped::Cancelled)]);
    });
}

#[test]
fn between_which_offsets_a_topic_has_records_is_told_of_each_partition() {
    let mock = MockKafka::new(1).expect("a cluster");
    mock.cluster().create_topic("orders", 3, 1).expect("a topic");
    send_as_it_is(&mock.brokers(), &(0..10).map(|number| outgoing("orders", Some(number % 2), "x")).collect::<Vec<_>>());
    mock.track_requests();
    let of = |config: &Config, topic: &str, partition| block_on(extent(config, topic, partition)).map_err(|failure| failure.to_string());
    assert_eq!([0, 1, 2].map(|partition| of(&config(&mock), "orders", partition)), [Ok(0..5), Ok(0..5), Ok(0..0)]);
    assert!(mock.requests().iter().all(|request| HARMLESS.contains(request)), "{:?}", mock.requests());
    assert_eq!(of(&config(&mock), "nowhere", 0), Err("there is no topic nowhere. Check its name".to_owned()));
    assert_eq!(of(&config(&mock), "orders", 7), Err("orders has no partition 7: it has 3, from 0 on. Correct the range".to_owned()));
    let nobody = of(&Config::new("shop", "127.0.0.1:9"), "orders", 0).expect_err("nobody is there");
    assert!(nobody.contains("127.0.0.1:9") && nobody.contains("Check that the brokers are up"), "{nobody}");
}

#[test]
fn a_span_later_than_all_records_is_empty_at_the_end_and_that_is_known_at_once() {
    let mock = MockKafka::new(2).expect("a cluster");
    mock.cluster().create_topic("orders", 3, 1).expect("a topic");
    send_as_it_is(&mock.brokers(), &(0..10).map(|number| outgoing("orders", Some(number % 2), "x")).collect::<Vec<_>>());
    mock.track_requests();
    // To the mock no record is as late as any time.
    let told = at_once(extents_of_times(&config(&mock), "orders", 0..1));
    assert_eq!(told, Ok(vec![(0, Ok(5..5)), (1, Ok(5..5)), (2, Ok(0..0))]));
    assert!(mock.requests().iter().all(|request| HARMLESS.contains(request)), "{:?}", mock.requests());
    let absent = block_on(extents_of_times(&config(&mock), "nowhere", 0..1)).map_err(|failure| failure.to_string());
    assert_eq!(absent, Err("there is no topic nowhere. Check its name".to_owned()));
}

#[test]
fn a_partition_without_a_leader_holds_up_no_other() {
    let mock = MockKafka::new(2).expect("a cluster");
    mock.cluster().create_topic("orders", 3, 1).expect("a topic");
    send_as_it_is(&mock.brokers(), &(0..10).map(|number| outgoing("orders", Some(number % 2), "x")).collect::<Vec<_>>());
    mock.cluster().partition_leader("orders", 1, None).expect("nobody leads it");
    let config = config(&mock);
    let of = |partition| at_once(extent(&config, "orders", partition)).map_err(|failure| failure.to_string());
    assert_eq!([of(0), of(2)], [Ok(0..5), Ok(0..0)]);
    let why = "partition 1 of orders cannot be read: it has no leader now. Wait until a broker leads it again, or start the one that does";
    assert_eq!(of(1), Err(why.to_owned()));
    let no_leader = Err("it has no leader now".to_owned());
    assert_eq!(at_once(extents_of_times(&config, "orders", 0..1)), Ok(vec![(0, Ok(5..5)), (1, no_leader), (2, Ok(0..0))]));
    for partition in [0, 2] {
        mock.cluster().partition_leader("orders", partition, None).expect("nobody leads it");
    }
    let none = at_once(extents_of_times(&config, "orders", 0..1)).expect_err("nobody can tell").to_string();
    assert_eq!(none, "no partition of orders has a leader now. Wait until a broker leads it again, or start the one that does");
}
