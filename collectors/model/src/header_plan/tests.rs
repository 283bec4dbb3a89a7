use super::*;
use crate::{RawHash, SeenRecord, TimestampType};

fn header(name: &str, value: Option<&[u8]>) -> RawHeader {
    RawHeader { name: name.to_owned(), value: value.map(<[u8]>::to_vec) }
}

fn record(headers: Vec<RawHeader>) -> OriginalRecord {
    let at = MessageRef { cluster: "lab".to_owned(), channel: "orders-dlt".to_owned(), place: Place::at(2, 41) };
    let seen = SeenRecord { at, raw_hash: RawHash(1) };
    OriginalRecord { seen, key: Some(b"k".to_vec()), value: None, headers, timestamp_ms: Some(5), timestamp_type: TimestampType::Create }
}

fn redactor() -> Redactor {
    Redactor::new([7; 16], &[])
}

fn plan(headers: Vec<RawHeader>) -> Result<HeaderPlan, Skipped> {
    plan_headers(&record(headers), &ReplayMark { replay_id: "run-1", max_replays: DEFAULT_MAX_REPLAYS }, &redactor())
}

/// The names that are left, without the three marks.
fn left(names: &[&str]) -> Vec<String> {
    let planned = plan(names.iter().map(|name| header(name, Some(b"x"))).collect()).expect("planned");
    planned.headers.into_iter().map(|header| header.name).filter(|name| !name.starts_with("x-switchboard-")).collect()
}

fn marks(count: &str) -> Vec<RawHeader> {
    vec![header(REPLAY_ID_HEADER, Some(b"run-1")), header(SOURCE_HEADER, Some(b"orders-dlt/2/41")), header(REPLAY_COUNT_HEADER, Some(count.as_bytes()))]
}

#[test]
fn what_the_record_was_published_with_stays_as_it_is() {
    let own = vec![
        header("traceparent", Some(b"00-1")),
        header("a", None),
        header("a", Some(b"")),
        header("__TypeId__", Some(b"Order")),
        header("a", Some(b"\xff\x00")),
        header("kafka_correlationId", Some(&[1; 16])),
        header("MT-OriginalMessageId", Some(b"1")),
        header("NServiceBus.MessageId", Some(b"1")),
        header("dlq_replay_count", Some(b"1")),
        header("", Some(b"nameless")),
    ];
    let planned = plan(own.clone()).expect("planned");
    assert_eq!(planned.headers, [own, marks("1")].concat());
    assert_eq!(planned.diff.counts(), crate::HeaderCounts { kept: 10, removed: 0, added: 3, changed: 0 });
    assert_eq!(planned.replay_count, 1);
}

#[test]
fn failure_headers_go_by_dialect() {
    for (dialect, names) in [
        (
            "spring",
            &[
                "kafka_dlt-original-topic",
                "kafka_dlt-original-topic",
                "kafka_dlt-exception-fqcn",
                "kafka_dlt-key-exception-message",
                "kafka_original-offset",
                "kafka_exception-stacktrace",
                "retry_topic-attempts",
                "retry_topic-original-timestamp",
                "retry_topic-backoff-timestamp",
                "springDeserializerExceptionValue",
            ][..],
        ),
        ("kafka connect", &["__connect.errors.topic", "__connect.errors.exception.class.name", "__connect.errors.stage"]),
        ("kafka streams", &["__streams.errors.exception"]),
        ("share group", &["__dlq.errors.delivery.count", "__dlq.errors.message"]),
        (
            "smallrye",
            &[
                "dead-letter-reason",
                "dead-letter-cause-class-name",
                "delayed-retry-count",
                "delayed-retry-first-processing-timestamp",
                "deserialization-failure-data",
            ],
        ),
        ("nservicebus", &["NServiceBus.FailedQ", "NServiceBus.ExceptionInfo.StackTrace", "NServiceBus.FLRetries"]),
        ("masstransit", &["MT-Reason", "MT-Fault-Message", "MT-Redelivery-Count"]),
        ("rabbitmq", &["x-death", "x-first-death-queue", "x-delivery-count"]),
        ("spring cloud stream", &["x-original-topic", "x-exception-message"]),
        ("karafka", &["source_topic", "source_attempts"]),
        ("eventferry", &["dlq-original-topic", "dlq-attempts"]),
        ("monoscope", &["original-topic", "error-reason", "failed-at"]),
    ] {
        let headers = names.iter().map(|name| header(name, Some(b"x"))).collect();
        let planned = plan(headers).expect("planned");
        assert_eq!(planned.headers, marks("1"), "{dialect}");
        let removed: Vec<HeaderChangeKind> = planned.diff.changes[..names.len()].iter().map(|change| change.kind).collect();
        assert_eq!(removed, vec![HeaderChangeKind::Removed { dialect }; names.len()], "{dialect}");
    }
}

#[test]
fn a_name_that_an_application_could_use_goes_only_beside_another_of_its_dialect() {
    for name in ["x-original-topic", "source_topic", "original-topic", "dlq-reason"] {
        assert_eq!(left(&[name, "b"]), [name, "b"]);
        // The same one twice proves nothing more.
        assert_eq!(left(&[name, name]), [name, name]);
    }
    assert_eq!(left(&["x-original-topic", "b", "x-exception-fqcn"]), ["b"]);
    assert_eq!(
        left(&["Kafka_dlt-original-topic", "dead-letter", "retry_topic", "x-switchboard"]),
        ["Kafka_dlt-original-topic", "dead-letter", "retry_topic", "x-switchboard"]
    );
}

#[test]
fn an_earlier_replay_is_counted_on_and_its_marks_are_replaced_in_their_place() {
    let before = vec![
        header(REPLAY_COUNT_HEADER, Some(b"2")),
        header("a", Some(b"1")),
        header(REPLAY_ID_HEADER, Some(b"run-0")),
        header(REPLAY_COUNT_HEADER, Some(b"1")),
        header(SOURCE_HEADER, Some(b"orders-dlt/2/41")),
    ];
    let planned = plan(before).expect("planned");
    assert_eq!(
        planned.headers,
        [
            header(REPLAY_COUNT_HEADER, Some(b"3")),
            header("a", Some(b"1")),
            header(REPLAY_ID_HEADER, Some(b"run-1")),
            header(SOURCE_HEADER, Some(b"orders-dlt/2/41")),
        ]
    );
    assert_eq!(planned.diff.counts(), crate::HeaderCounts { kept: 2, removed: 1, added: 0, changed: 2 });
    assert_eq!(planned.replay_count, 3);
}

#[test]
fn the_loop_guard_skips_with_its_reason() {
    let counted = |value: Option<&[u8]>| plan(vec![header(REPLAY_COUNT_HEADER, value)]);
    assert_eq!(counted(Some(b"2")).expect("planned").replay_count, 3);
    assert_eq!(counted(Some(b"3")), Err(Skipped::ReplayedTooOften { count: 3, limit: 3 }));
    assert_eq!(counted(Some(b"4294967295")), Err(Skipped::ReplayedTooOften { count: u32::MAX, limit: 3 }));
    for unreadable in [None, Some(&b""[..]), Some(b"-1"), Some(b"+1"), Some(b"4294967296"), Some(b"\xff"), Some(b"two"), Some(b"1 ")] {
        assert_eq!(counted(unreadable), Err(Skipped::CountUnreadable), "{unreadable:?}");
    }
}

#[test]
fn a_pointer_without_a_copy_is_no_message() {
    let pointer = vec![header("__dlq.errors.topic", Some(b"orders")), header("__dlq.errors.partition", Some(b"3")), header("__dlq.errors.offset", Some(b"77"))];
    let mut record = record(pointer);
    let mark = ReplayMark { replay_id: "run-1", max_replays: 3 };
    assert!(plan_headers(&record, &mark, &redactor()).is_ok());
    record.key = None;
    let (topic, partition, offset) = ("orders".to_owned(), "3".to_owned(), "77".to_owned());
    let refused = Skipped::NoCopy { topic, partition, offset };
    assert_eq!(refused.to_string(), "no copy: this dead letter only points at orders 3@77. Replay the record that lies there");
    assert_eq!(plan_headers(&record, &mark, &redactor()), Err(refused));
}

#[test]
fn the_diff_shows_no_secret_and_the_plan_sends_it() {
    let headers = vec![
        header("Authorization", Some(b"hunter2")),
        header("note", Some(b"Bearer abcdef0123456789")),
        header("kafka_dlt-exception-message", Some(b"token=hunter3")),
    ];
    let planned = plan(headers).expect("planned");
    assert_eq!(planned.headers[0].value.as_deref(), Some(&b"hunter2"[..]));
    assert_eq!(planned.headers[1].value.as_deref(), Some(&b"Bearer abcdef0123456789"[..]));
    for change in &planned.diff.changes {
        for shown in [&change.before, &change.after].into_iter().flatten() {
            let text = String::from_utf8_lossy(shown.bytes.as_deref().unwrap_or_default()).into_owned();
            assert!(!text.contains("hunter") && !text.contains("abcdef"), "{text}");
        }
    }
    assert!(planned.diff.changes[..3].iter().all(|change| change.before.as_ref().is_some_and(|shown| shown.redacted)));
}

proptest::proptest! {
    /// Whatever the headers: what is sent is what was there, in its order, but for what the diff declares.
    #[test]
    fn the_diff_accounts_for_every_header(
        headers in proptest::collection::vec((
            proptest::sample::select(vec!["a", "b", "", "traceparent", "kafka_dlt-original-topic", "x-original-topic", "x-exception-fqcn", "source_topic", "source_offset", REPLAY_ID_HEADER, SOURCE_HEADER]),
            proptest::option::of(proptest::collection::vec(proptest::num::u8::ANY, 0..6)),
        ), 0..12),
    ) {
        let headers: Vec<RawHeader> = headers.into_iter().map(|(name, value)| RawHeader { name: name.to_owned(), value }).collect();
        let planned = plan(headers.clone()).expect("planned");
        let changes = &planned.diff.changes;
        proptest::prop_assert!(changes.iter().zip(&headers).all(|(change, header)| change.name == header.name));
        proptest::prop_assert!(changes[headers.len()..].iter().all(|change| change.kind == HeaderChangeKind::Added));
        let kept: Vec<&RawHeader> = headers.iter().zip(changes).filter(|(_, change)| change.kind == HeaderChangeKind::Kept).map(|(header, _)| header).collect();
        let is_mark = |name: &str| name.starts_with("x-switchboard-");
        let sent: Vec<&RawHeader> = planned.headers.iter().filter(|header| !is_mark(&header.name)).collect();
        let kept: Vec<&RawHeader> = kept.into_iter().filter(|header| !is_mark(&header.name)).collect();
        proptest::prop_assert_eq!(sent, kept);
        for name in [REPLAY_ID_HEADER, SOURCE_HEADER, REPLAY_COUNT_HEADER] {
            proptest::prop_assert_eq!(planned.headers.iter().filter(|header| header.name == name).count(), 1);
        }
        proptest::prop_assert_eq!(planned.headers.len(), changes.iter().filter(|change| change.after.is_some()).count());
    }
}

#[test]
fn which_headers_stay_is_told_before_anything_is_planned() {
    let names = ["traceparent", "kafka_dlt-original-topic", "kafka_dlt-exception-fqcn", REPLAY_COUNT_HEADER, "a", SOURCE_HEADER, "source_topic"];
    let headers: Vec<RawHeader> = names.iter().map(|name| header(name, Some(b"1"))).collect();
    let kept = headers_kept(&headers);
    let planned = plan(headers.clone()).expect("planned");
    let stay: Vec<&RawHeader> = headers.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(header, _)| header).collect();
    assert_eq!(stay.iter().map(|header| header.name.as_str()).collect::<Vec<_>>(), ["traceparent", "a", "source_topic"]);
    assert!(planned.headers.iter().filter(|header| !header.name.starts_with("x-switchboard-")).eq(stay), "as the plan has it");
}
