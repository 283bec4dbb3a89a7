//! Records as they are tailed.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::message::{Header, OwnedHeaders};
use switchboard_kafka::testing::session::{Session, config, numbers, producer, send, send_with_headers};
use switchboard_kafka::testing::{MockKafka, produce_with_raw_header};
use switchboard_model::{CorrelationId, ItemKind, SourceCommand, SourcePhase, TailFrom, TailState};

fn headers(list: &[(&str, Option<&[u8]>)]) -> OwnedHeaders {
    list.iter().fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: *value }))
}

#[test]
fn records_come_in_order_with_all_that_belongs_to_them() {
    let mock = MockKafka::new(1).expect("a cluster");
    mock.cluster().create_topic("orders", 2, 1).expect("a topic");
    let producer = producer(&mock.brokers());
    let mut config = config(&mock.brokers());
    config.tail = vec![("orders".to_owned(), TailFrom::Beginning)];
    let trace = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    send_with_headers(
        &producer,
        "orders",
        Some(b"k"),
        Some(br#"{"orderId":1,"password":"hunter2"}"#),
        headers(&[
            ("a", Some(b"1")),
            ("nothing", None),
            ("a", Some(b"")),
            ("Authorization", Some(b"Bearer abcdefghijkl")),
            ("traceparent", Some(trace)),
            ("kafka_correlationId", Some(&[0x11; 16])),
            ("a", Some(b"\xff\xfe")),
        ]),
    );
    send_with_headers(&producer, "orders", Some(b"k"), None, OwnedHeaders::new());
    send_with_headers(&producer, "orders", None, Some(b""), OwnedHeaders::new());
    produce_with_raw_header(&producer, "orders", 0, b"bad\xffname", b"value").expect("queued");
    send(&producer, "orders", 0, ["last".to_owned()]);
    let session = Session::start(config);
    session.wait("five records", |state| state.records.len() == 5);
    session.wait("the count of unreadable headers", |state| {
        state.statuses.last().is_some_and(|status| status.detail.contains("1 record with header names that are not UTF-8"))
    });
    let state = session.state();
    state.assert_each_once_in_order();
    assert_eq!(state.phase(), Some(SourcePhase::Live));
    let first = &state.records[0];
    assert_eq!((first.offset, first.key.as_deref()), (0, Some(&b"k"[..])));
    let value = String::from_utf8_lossy(first.value.as_deref().expect("a value")).into_owned();
    assert!(first.redacted && value.contains("\"orderId\":1") && value.contains("redacted:") && !value.contains("hunter2"), "{value}");
    let plain: Vec<(&str, Option<&[u8]>)> = first.headers.iter().filter(|h| !h.2).map(|h| (h.0.as_str(), h.1.as_deref())).collect();
    assert_eq!(
        plain,
        [
            ("a", Some(&b"1"[..])),
            ("nothing", None),
            ("a", Some(b"")),
            ("traceparent", Some(trace)),
            ("kafka_correlationId", Some(&[0x11; 16])),
            ("a", Some(b"\xff\xfe"))
        ]
    );
    let (name, secret, redacted) = &first.headers[3];
    assert!(name == "Authorization" && *redacted && secret.as_deref().is_some_and(|value| value.starts_with(b"redacted:")));
    assert_eq!(first.trace.map(|context| context.trace_id.to_string()), Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()));
    assert_eq!(first.correlations, [CorrelationId::Wide(0x1111_1111_1111_1111_1111_1111_1111_1111)]);
    assert!(first.timestamp_ns > 1_700_000_000_000_000_000);
    assert_eq!((state.records[1].key.as_deref(), state.records[1].value.as_deref()), (Some(&b"k"[..]), None));
    assert_eq!((state.records[2].key.as_deref(), state.records[2].value.as_deref()), (None, Some(&b""[..])));
    assert!(!state.records[3].headers_readable && state.records[3].headers.is_empty());
    assert_eq!(state.records[3].value.as_deref(), Some(&b"value"[..]));
    assert!(state.records[4].headers_readable);
}

#[test]
fn what_spans_named_is_read_from_the_end_and_dead_letters_from_the_start() {
    let mock = MockKafka::new(1).expect("a cluster");
    for topic in ["orders", "orders-dlt", "parked", "other"] {
        mock.cluster().create_topic(topic, 1, 1).expect("a topic");
    }
    let producer = producer(&mock.brokers());
    for topic in ["orders", "orders-dlt", "parked", "other"] {
        send(&producer, topic, 0, numbers(0..3));
    }
    let mut config = config(&mock.brokers());
    config.dead_letter_channels = vec!["parked".to_owned()];
    let session = Session::start(config);
    session.wait("dead letters", |state| state.values("orders-dlt") == ["0", "1", "2"] && state.values("parked") == ["0", "1", "2"]);
    session.command(SourceCommand::Seen { channels: vec!["orders".to_owned(), "later".to_owned()], groups: vec![] });
    session.wait("tailed", |state| state.topics["orders"].tail == TailState::Tailed);
    send(&producer, "orders", 0, numbers(3..5));
    send(&producer, "other", 0, numbers(3..5));
    // A topic that comes while we watch has only new records.
    mock.cluster().create_topic("later", 2, 1).expect("a topic");
    send(&producer, "later", 1, numbers(0..2));
    session.wait("new records", |state| state.values("orders") == ["3", "4"] && state.values("later") == ["0", "1"]);
    let state = session.state();
    assert!(state.values("other").is_empty());
    state.assert_each_once_in_order();
}

#[test]
fn the_profile_chooses_where_to_read_from() {
    let mock = MockKafka::new(1).expect("a cluster");
    let producer = producer(&mock.brokers());
    let channels =
        [("from-offset", TailFrom::Offset(7)), ("from-beginning", TailFrom::Beginning), ("from-end", TailFrom::End), ("ahead", TailFrom::Offset(11))];
    let mut config = config(&mock.brokers());
    for (channel, from) in channels {
        mock.cluster().create_topic(channel, 1, 1).expect("a topic");
        send(&producer, channel, 0, numbers(0..10));
        config.tail.push((channel.to_owned(), from));
    }
    let session = Session::start(config);
    session.wait("from an offset", |state| state.values("from-offset") == ["7", "8", "9"]);
    session.wait("from the beginning", |state| state.values("from-beginning").len() == 10);
    session.wait("where they end is known", |state| {
        let tailed = |channel: &str| state.topics.get(channel).filter(|topic| topic.tail == TailState::Tailed);
        ["from-end", "ahead"].iter().all(|channel| tailed(channel).is_some_and(|topic| topic.partitions[0].high == Some(10)))
    });
    for (channel, _) in channels {
        send(&producer, channel, 0, numbers(10..12));
    }
    session.wait("from the end", |state| state.values("from-end") == ["10", "11"]);
    // An offset that was not there yet is waited for.
    session.wait("the offset came", |state| state.values("ahead") == ["11"]);
    session.wait("the rest", |state| state.values("from-offset").len() == 5 && state.values("from-beginning").len() == 12);
    session.state().assert_each_once_in_order();
}

#[test]
fn a_full_sink_pauses_and_nothing_is_lost_or_doubled() {
    let mock = MockKafka::new(1).expect("a cluster");
    mock.cluster().create_topic("orders-dlt", 4, 1).expect("a topic");
    let producer = producer(&mock.brokers());
    let text = "x".repeat(200);
    for partition in 0..4 {
        send(&producer, "orders-dlt", partition, (0..5_000).map(|number| format!("{number} {text}")));
    }
    // Room for two batches, and nobody who takes them.
    let session = Session::with_capacity(config(&mock.brokers()), 2 << 20, true);
    let record = ItemKind::Record.index();
    let deadline = Instant::now() + Duration::from_secs(20);
    let (mut last, mut still_since) = (0, Instant::now());
    while still_since.elapsed() < Duration::from_secs(7) {
        let received = session.counts().received[record];
        if received != last || received == 0 {
            (last, still_since) = (received, Instant::now());
        }
        assert!(Instant::now() < deadline, "never paused");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(last < 20_000, "{last} records in a sink of 2 MiB");
    session.is_held.store(false, Ordering::SeqCst);
    session.wait("all records", |state| state.records.len() == 20_000);
    let state = session.state();
    state.assert_each_once_in_order();
    assert_eq!(session.counts().received[record], 20_000);
    assert!(state.statuses.iter().any(|status| status.detail.contains("queue to the engine is full")), "{:?}", state.statuses);
}

#[test]
fn the_rate_cap_holds() {
    let mock = MockKafka::new(1).expect("a cluster");
    mock.cluster().create_topic("orders-dlt", 1, 1).expect("a topic");
    let producer = producer(&mock.brokers());
    let text = "x".repeat(1_000);
    send(&producer, "orders-dlt", 0, (0..3_000).map(|_| text.clone()));
    let mut config = config(&mock.brokers());
    config.rate_cap_bytes_per_s = Some(1_000_000);
    let session = Session::start(config);
    session.wait("the first record", |state| !state.records.is_empty());
    let began = Instant::now();
    session.wait("all", |state| state.records.len() == 3_000);
    // 3 MB at 1 MB/s, less the quarter second in hand and what one look may overdraw.
    assert!(began.elapsed() > Duration::from_millis(1_800), "{:?}", began.elapsed());
    session.state().assert_each_once_in_order();
}

#[test]
fn what_is_beyond_the_cap_of_partitions_is_listed_as_not_tailed() {
    let mock = MockKafka::new(1).expect("a cluster");
    mock.cluster().create_topic("a-dlt", 3, 1).expect("a topic");
    mock.cluster().create_topic("b-dlt", 3, 1).expect("a topic");
    let mut config = config(&mock.brokers());
    config.max_tailed_partitions = 4;
    let session = Session::start(config);
    session.wait("one tailed, one not", |state| {
        state.topics.get("a-dlt").is_some_and(|topic| topic.tail == TailState::Tailed)
            && state.topics.get("b-dlt").is_some_and(|topic| matches!(&topic.tail, TailState::NotTailed(why) if why.contains("at most 4 partitions")))
    });
}
