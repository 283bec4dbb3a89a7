use proptest::prelude::*;
use switchboard_model::Place;

use super::*;

type Headers<'a> = Vec<(&'a str, &'a [u8])>;

fn read(headers: &Headers<'_>) -> Option<DeadLetterInfo> {
    parse(headers.iter().map(|(name, value)| (*name, Some(*value))))
}

const STACK: &[u8] = b"org.springframework.kafka.listener.ListenerExecutionFailedException: Listener failed\n\
    \tat org.springframework.kafka.listener.Adapter.invoke(Adapter.java:10)\n\
    Caused by: com.shop.PoisonException: order 4711 is poison\n\
    \tat com.shop.Checker.check(Checker.java:42)\n\
    \t... 12 more\n";

#[test]
fn every_dialect_is_read() {
    let text = |text: &'static str| text.as_bytes();
    let spring: Headers<'_> = vec![
        ("kafka_dlt-original-topic", text("orders.placed")),
        ("kafka_dlt-original-partition", &[0, 0, 0, 2]),
        ("kafka_dlt-original-offset", &[0, 0, 0, 0, 0, 0, 1, 0]),
        ("kafka_dlt-original-timestamp", &[0, 0, 0, 0, 0, 0, 0, 5]),
        ("kafka_dlt-original-consumer-group", text("dispatch")),
        ("kafka_dlt-exception-fqcn", text("org.springframework.kafka.listener.ListenerExecutionFailedException")),
        ("kafka_dlt-exception-cause-fqcn", text("com.shop.PoisonException")),
        ("kafka_dlt-exception-message", text("Listener failed")),
        ("kafka_dlt-exception-stacktrace", STACK),
    ];
    let retry: Headers<'_> = vec![
        ("kafka_original-topic", text("orders")),
        ("kafka_original-partition", &[0, 0, 0, 1]),
        ("kafka_original-offset", &[0, 0, 0, 0, 0, 0, 0, 9]),
        ("kafka_exception-fqcn", text("java.lang.IllegalStateException")),
        ("kafka_exception-message", text("no stock")),
        ("retry_topic-attempts", &[0, 0, 0, 3]),
        ("retry_topic-original-timestamp", &[0x01, 0x00]),
        ("retry_topic-backoff-timestamp", &[0x02, 0x00]),
        // The name keeps the other prefix.
        ("kafka_dlt-original-consumer-group", text("dispatch")),
    ];
    let stream: Headers<'_> = vec![
        ("x-original-topic", text("orders")),
        ("x-original-offset", &[0, 0, 0, 0, 0, 0, 0, 9]),
        ("x-exception-fqcn", text("a.B")),
        ("x-exception-message", text("m")),
    ];
    let connect: Headers<'_> = vec![
        ("__connect.errors.topic", text("orders")),
        ("__connect.errors.partition", text("3")),
        ("__connect.errors.offset", text("12345678901")),
        ("__connect.errors.connector.name", text("sink")),
        ("__connect.errors.exception.class.name", text("org.apache.kafka.connect.errors.DataException")),
        ("__connect.errors.exception.message", text("bad field")),
    ];
    let streams: Headers<'_> =
        vec![("__streams.errors.topic", text("orders")), ("__streams.errors.exception", text("a.B")), ("__streams.errors.offset", text("7"))];
    let share: Headers<'_> = vec![
        ("__dlq.errors.topic", text("orders")),
        ("__dlq.errors.group", text("g")),
        ("__dlq.errors.delivery.count", text("5")),
        ("__dlq.errors.message", text("Offset delivery count exceeded the threshold.")),
    ];
    let smallrye: Headers<'_> = vec![
        ("dead-letter-topic", text("orders")),
        ("dead-letter-partition", text("1")),
        ("dead-letter-offset", text("2")),
        ("dead-letter-exception-class-name", text("a.Outer")),
        ("dead-letter-reason", text("outer")),
        ("dead-letter-cause-class-name", text("a.Inner")),
        ("dead-letter-cause", text("inner")),
    ];
    let smallrye_retry: Headers<'_> = vec![
        ("dead-letter-topic", text("delayed-retry-topic-orders-20000")),
        ("dead-letter-partition", text("0")),
        ("dead-letter-offset", text("8")),
        ("dead-letter-reason", text("it broke")),
        ("delayed-retry-topic", text("orders")),
        ("delayed-retry-partition", text("1")),
        ("delayed-retry-offset", text("2")),
        ("delayed-retry-original-timestamp", text("7")),
        ("delayed-retry-first-processing-timestamp", text("9")),
        ("delayed-retry-exception-class-name", text("a.B")),
        ("delayed-retry-cause-class-name", text("a.C")),
        ("delayed-retry-cause", text("it broke")),
        ("delayed-retry-count", text("3")),
    ];
    let smallrye_unreadable: Headers<'_> = vec![
        ("deserialization-failure-reason", text("Unexpected character")),
        ("deserialization-failure-topic", text("orders")),
        ("deserialization-failure-deserializer", text("io.vertx.kafka.client.serialization.JsonObjectDeserializer")),
        ("deserialization-failure-data", &[0xff, 0x00]),
        ("deserialization-failure-dlq", text("true")),
    ];
    let karafka: Headers<'_> =
        vec![("source_topic", text("orders")), ("source_offset", text("4")), ("source_consumer_group", text("g")), ("source_attempts", text("2"))];
    let nservicebus: Headers<'_> = vec![
        ("NServiceBus.FailedQ", text("sales@host")),
        ("NServiceBus.ExceptionInfo.ExceptionType", text("System.InvalidOperationException")),
        ("NServiceBus.ExceptionInfo.Message", text("no")),
        ("NServiceBus.ExceptionInfo.StackTrace", text("System.InvalidOperationException: no\n   at Shop.Handler.Handle(Order o) in C:\\a.cs:line 3")),
    ];
    let masstransit: Headers<'_> =
        vec![("MT-Fault-ExceptionType", text("System.Exception")), ("MT-Fault-Message", text("no")), ("MT-Fault-RetryCount", text("2"))];
    let table: Vec<(Headers<'_>, &str, DeadLetterInfo)> = vec![
        (
            spring,
            "PoisonException at Checker.check: order # is poison",
            DeadLetterInfo {
                dialect: "spring",
                origin: Some("orders.placed".into()),
                origin_place: Some(ToldPlace::Whole(Place::at(2, 256))),
                origin_timestamp_ns: Some(5_000_000),
                exception: Some("org.springframework.kafka.listener.ListenerExecutionFailedException".into()),
                cause: Some("com.shop.PoisonException".into()),
                message: Some("order 4711 is poison".into()),
                stack_top_frame: Some("Checker.check".into()),
                attempts: None,
                group: Some("dispatch".into()),
                is_proof: true,
                ..DeadLetterInfo::default()
            },
        ),
        (
            retry,
            "IllegalStateException: no stock",
            DeadLetterInfo {
                dialect: "spring retry",
                origin: Some("orders".into()),
                origin_place: Some(ToldPlace::Whole(Place::at(1, 9))),
                origin_timestamp_ns: Some(256_000_000),
                exception: Some("java.lang.IllegalStateException".into()),
                message: Some("no stock".into()),
                // Its header counts the try that would come next.
                attempts: Some(2),
                first_try_ns: Some(256_000_000),
                due_ns: Some(512_000_000),
                group: Some("dispatch".into()),
                is_proof: true,
                ..DeadLetterInfo::default()
            },
        ),
        (
            stream,
            "B: m",
            DeadLetterInfo {
                dialect: "spring cloud stream",
                origin: Some("orders".into()),
                origin_place: Some(ToldPlace::Offset(9)),
                exception: Some("a.B".into()),
                message: Some("m".into()),
                is_proof: true,
                ..DeadLetterInfo::default()
            },
        ),
        (
            connect,
            "DataException: bad field",
            DeadLetterInfo {
                dialect: "kafka connect",
                origin: Some("orders".into()),
                origin_place: Some(ToldPlace::Whole(Place::at(3, 12_345_678_901))),
                exception: Some("org.apache.kafka.connect.errors.DataException".into()),
                message: Some("bad field".into()),
                group: Some("sink".into()),
                is_proof: true,
                ..DeadLetterInfo::default()
            },
        ),
        (
            streams,
            "B",
            DeadLetterInfo {
                dialect: "kafka streams",
                origin: Some("orders".into()),
                origin_place: Some(ToldPlace::Offset(7)),
                exception: Some("a.B".into()),
                is_proof: true,
                ..DeadLetterInfo::default()
            },
        ),
        (
            share,
            "Offset delivery count exceeded the threshold.",
            DeadLetterInfo {
                dialect: "share group",
                origin: Some("orders".into()),
                message: Some("Offset delivery count exceeded the threshold.".into()),
                attempts: Some(5),
                group: Some("g".into()),
                is_proof: true,
                ..DeadLetterInfo::default()
            },
        ),
        (
            smallrye,
            "Inner: inner",
            DeadLetterInfo {
                dialect: "smallrye",
                origin: Some("orders".into()),
                origin_place: Some(ToldPlace::Whole(Place::at(1, 2))),
                exception: Some("a.Outer".into()),
                cause: Some("a.Inner".into()),
                message: Some("inner".into()),
                is_proof: true,
                ..DeadLetterInfo::default()
            },
        ),
        (
            smallrye_retry,
            "C: it broke",
            DeadLetterInfo {
                dialect: "smallrye retry",
                origin: Some("orders".into()),
                origin_place: Some(ToldPlace::Whole(Place::at(1, 2))),
                origin_timestamp_ns: Some(7_000_000),
                exception: Some("a.B".into()),
                cause: Some("a.C".into()),
                message: Some("it broke".into()),
                attempts: Some(3),
                first_try_ns: Some(9_000_000),
                is_proof: true,
                ..DeadLetterInfo::default()
            },
        ),
        (
            smallrye_unreadable,
            "Unexpected character",
            DeadLetterInfo {
                dialect: "smallrye deserialization",
                origin: Some("orders".into()),
                message: Some("Unexpected character".into()),
                is_proof: true,
                ..DeadLetterInfo::default()
            },
        ),
        (
            karafka,
            "no cause told",
            DeadLetterInfo {
                dialect: "karafka",
                origin: Some("orders".into()),
                origin_place: Some(ToldPlace::Offset(4)),
                group: Some("g".into()),
                attempts: Some(2),
                is_proof: true,
                ..DeadLetterInfo::default()
            },
        ),
        (
            nservicebus,
            "InvalidOperationException at Handler.Handle: no",
            DeadLetterInfo {
                dialect: "nservicebus",
                origin: Some("sales@host".into()),
                exception: Some("System.InvalidOperationException".into()),
                message: Some("no".into()),
                stack_top_frame: Some("Handler.Handle".into()),
                is_proof: true,
                ..DeadLetterInfo::default()
            },
        ),
        (
            masstransit,
            "Exception: no",
            DeadLetterInfo {
                dialect: "masstransit",
                exception: Some("System.Exception".into()),
                message: Some("no".into()),
                attempts: Some(2),
                is_proof: true,
                ..DeadLetterInfo::default()
            },
        ),
        (
            vec![("MT-Reason", text("skipped"))],
            "skipped",
            DeadLetterInfo { dialect: "masstransit", message: Some("skipped".into()), is_proof: true, ..DeadLetterInfo::default() },
        ),
        (
            vec![("x-first-death-queue", text("orders")), ("x-first-death-reason", text("rejected"))],
            "rejected",
            DeadLetterInfo {
                dialect: "rabbitmq",
                origin: Some("orders".into()),
                message: Some("rejected".into()),
                is_proof: true,
                ..DeadLetterInfo::default()
            },
        ),
        (
            vec![("dlq-original-topic", text("orders")), ("dlq-error-class", text("E")), ("dlq-attempts", text("4"))],
            "E",
            DeadLetterInfo {
                dialect: "eventferry",
                origin: Some("orders".into()),
                exception: Some("E".into()),
                attempts: Some(4),
                is_proof: true,
                ..DeadLetterInfo::default()
            },
        ),
        (
            vec![("original-topic", text("orders")), ("error-reason", text("r"))],
            "r",
            DeadLetterInfo { dialect: "monoscope", origin: Some("orders".into()), message: Some("r".into()), is_proof: true, ..DeadLetterInfo::default() },
        ),
    ];
    let met: std::collections::BTreeSet<&str> = table.iter().map(|(_, _, expected)| expected.dialect).collect();
    assert_eq!(met, FAILURE_DIALECTS.iter().map(|dialect| dialect.name).collect(), "every dialect there is stands in the table");
    for (headers, fingerprint, expected) in table {
        let told = read(&headers).expect(expected.dialect);
        assert_eq!(told, expected);
        assert_eq!(told.fingerprint(), fingerprint);
    }
}

#[test]
fn of_appended_origins_the_first_is_the_true_one_and_of_exceptions_the_last_counts() {
    let headers: Headers<'_> = vec![
        ("kafka_dlt-original-topic", b"orders"),
        ("kafka_dlt-original-offset", &[0, 0, 0, 0, 0, 0, 0, 1]),
        ("kafka_dlt-exception-fqcn", b"a.First"),
        ("kafka_dlt-original-topic", b"orders-retry"),
        ("kafka_dlt-original-offset", &[0, 0, 0, 0, 0, 0, 0, 2]),
        ("kafka_dlt-exception-fqcn", b"a.Second"),
    ];
    let told = read(&headers).expect("spring");
    assert_eq!((told.origin.as_deref(), told.origin_place, told.exception.as_deref()), (Some("orders"), Some(ToldPlace::Offset(1)), Some("a.Second")));
}

#[test]
fn what_only_a_dead_record_bears_proves_it_wherever_it_lies() {
    let number: &[u8] = &[0, 0, 0, 2];
    for (headers, is_proof) in [
        (vec![("kafka_dlt-original-topic", &b"orders"[..])], true),
        (vec![("kafka_original-topic", b"orders"), ("retry_topic-attempts", number)], true),
        (vec![("deserialization-failure-reason", b"no JSON")], true),
        (vec![("__connect.errors.topic", b"orders")], true),
        (vec![("x-original-topic", b"orders"), ("x-exception-message", b"m")], true),
        (vec![("source_topic", b"orders"), ("source_attempts", b"3")], true),
        (vec![("MT-Reason", b"skipped")], true),
        // Copies bear where they came from, too.
        (vec![("x-original-topic", b"orders"), ("x-original-offset", &[0; 8])], false),
        (vec![("source_topic", b"orders"), ("source_partition", b"1"), ("source_offset", b"4")], false),
        // What is tried again is not given up.
        (vec![("retry_topic-attempts", number)], false),
        (vec![("NServiceBus.Retries", b"2")], false),
        (vec![("delayed-retry-count", b"2")], false),
        (vec![("kafka_dlt-original-consumer-group", b"dispatch")], false),
    ] {
        assert_eq!(read(&headers).expect("a dialect").is_proof, is_proof, "{headers:?}");
    }
}

#[test]
fn headers_that_others_use_too_prove_nothing_alone() {
    assert_eq!(read(&vec![("original-topic", b"orders")]), None);
    assert_eq!(read(&vec![("x-exception-message", b"m")]), None);
    assert_eq!(read(&vec![("source_topic", b"orders")]), None);
    assert_eq!(read(&vec![("traceparent", b"00-1")]), None);
    assert_eq!(parse([("kafka_dlt-original-topic", None)]), None, "a null tells nothing");
    assert_eq!(read(&vec![("kafka_dlt-original-topic", b"  ")]).expect("spring").origin, None);
}

#[test]
fn numbers_of_a_wrong_width_are_left_out() {
    for partition in [b"".as_slice(), &[12], b"1x", &[0, 0, 1], &[0; 5], &[0xff, 0xff, 0xff, 0xff]] {
        let told = read(&vec![("kafka_dlt-original-topic", b"orders"), ("kafka_dlt-original-partition", partition)]).expect("spring");
        assert_eq!(told.origin_place, None, "{partition:?}");
    }
    // The header names the try that would come next: one more than was tried.
    let table = [(&[0x7f][..], Some(126)), (&[0xff], None), (&[0, 0, 0, 4], Some(3)), (&[0, 0, 0, 0], Some(0)), (b"3 attempts", None)];
    for (attempts, expected) in table {
        let told = read(&vec![("kafka_original-topic", b"orders"), ("retry_topic-attempts", attempts)]).expect("retry");
        assert_eq!(told.attempts, expected, "{attempts:?}");
    }
    for (text, expected) in [("7", Some(7)), ("-1", None), ("99999999999999999999", None), ("1e3", None), ("", None)] {
        let told = read(&vec![("__connect.errors.topic", b"orders"), ("__connect.errors.offset", text.as_bytes())]).expect("connect");
        assert_eq!(told.origin_place, expected.map(ToldPlace::Offset), "{text}");
    }
}

#[test]
fn numbers_that_others_write_in_digits_under_a_frameworks_names_are_read() {
    for (partition, offset, place) in [("1", "124", Place::at(1, 124)), ("12", "4", Place::at(12, 4)), ("1024", "20480000", Place::at(1_024, 20_480_000))] {
        let headers: Headers<'_> = vec![
            ("x-original-topic", b"bookings"),
            ("x-original-partition", partition.as_bytes()),
            ("x-original-offset", offset.as_bytes()),
            ("x-exception-message", b"too many seats"),
        ];
        assert_eq!(read(&headers).expect("a dead letter").origin_place, Some(ToldPlace::Whole(place)), "{partition}");
    }
}

#[test]
fn huge_and_steering_values_are_cut_and_escaped() {
    let huge = vec![b'a'; 4 << 20];
    let headers: Headers<'_> = vec![
        ("kafka_dlt-original-topic", &huge),
        ("kafka_dlt-exception-fqcn", "evil\u{202e}\u{0}Class".as_bytes()),
        ("kafka_dlt-exception-message", &huge),
        ("kafka_dlt-exception-stacktrace", &huge),
        ("kafka_dlt-original-consumer-group", &[0xff, 0xfe]),
    ];
    let told = read(&headers).expect("spring");
    assert!(told.origin.as_ref().is_some_and(|origin| origin.chars().count() <= 256));
    assert_eq!(told.exception.as_deref(), Some("evil\\u{202e}\\u{0}Class"));
    assert!(told.message.as_ref().is_some_and(|message| message.chars().count() <= 1001));
    assert_eq!(told.group.as_deref(), Some("\u{fffd}\u{fffd}"));
    assert!(told.fingerprint().chars().count() < 400);
    let many: Vec<(String, Vec<u8>)> = (0..100_000).map(|number| (format!("h{number}"), vec![0])).collect();
    assert_eq!(parse(many.iter().map(|(name, value)| (name.as_str(), Some(value.as_slice())))), None);
}

proptest! {
    #[test]
    fn no_headers_can_panic_it(headers in prop::collection::vec((0_usize..120, prop::option::of(prop::collection::vec(any::<u8>(), 0..40))), 0..40)) {
        let names: Vec<&str> = FAILURE_DIALECTS.iter().flat_map(|dialect| dialect.headers.iter().map(|(name, ..)| *name)).collect();
        let told = parse(headers.iter().map(|(index, value)| (names[index % names.len()], value.as_deref())));
        if let Some(info) = told {
            prop_assert!(!info.fingerprint().is_empty() && !info.fingerprint().chars().any(char::is_control));
            let (partition, offset) = info.origin_place.map_or((None, None), |place| (place.partition(), place.offset()));
            prop_assert!(partition.is_none_or(|number| number >= 0) && offset.is_none_or(|number| number >= 0));
        }
    }
}
