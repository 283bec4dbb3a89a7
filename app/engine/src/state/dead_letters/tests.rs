use switchboard_model::{Attrs, BatchHeader, ChannelRow, ClusterRef, HeaderRow, PlaceRow, RawHash, RecordRow, TextArena, TimestampType};

use super::*;

/// A batch with one record of these headers; `None` = a null value.
fn batch(timestamp_ns: i64, headers: &[(&str, Option<&[u8]>, bool)]) -> RecordBatch {
    let mut text = TextArena::default();
    let name = text.push(b"orders-dlt");
    let headers: Vec<HeaderRow> = headers
        .iter()
        .map(|(name, value, redacted)| HeaderRow { name: text.push(name.as_bytes()), value: value.map(|value| text.push(value)), redacted: *redacted })
        .collect();
    let record = RecordRow {
        channel: 0,
        place: PlaceRow::default(),
        timestamp_ns,
        timestamp_type: TimestampType::Create,
        key: None,
        value: None,
        key_size_bytes: 0,
        value_size_bytes: 0,
        headers: Attrs { start: 0, end: headers.len() as u32 },
        headers_readable: true,
        trace: None,
        correlations: Attrs::default(),
        raw_hash: RawHash::default(),
        redacted: false,
        truncated: false,
    };
    RecordBatch {
        header: BatchHeader::default(),
        cluster: ClusterRef::default(),
        text,
        channels: vec![ChannelRow { name }],
        records: vec![record],
        headers,
        correlations: vec![],
    }
}

fn spring(timestamp_ns: i64, message: &str) -> RecordBatch {
    let headers: [(&str, Option<&[u8]>, bool); 4] = [
        ("kafka_dlt-original-topic", Some(b"orders"), false),
        ("kafka_dlt-exception-fqcn", Some(b"com.shop.PoisonException"), false),
        ("kafka_dlt-exception-message", Some(message.as_bytes()), false),
        ("kafka_dlt-exception-stacktrace", None, false),
    ];
    batch(timestamp_ns, &headers)
}

/// Takes a batch in, as if none of it had been seen before.
fn observe(letters: &mut DeadLetters, batch: &RecordBatch, received_ns: i64) {
    let mut kinds = Vec::new();
    letters.kinds_of(batch, &mut kinds);
    for (kind, record) in kinds.iter().zip(&batch.records) {
        if let Some(kind) = kind {
            letters.count(*kind, record.timestamp_ns, received_ns);
        }
    }
}

/// The same records on another channel.
fn on(channel: &str, mut batch: RecordBatch) -> RecordBatch {
    batch.channels[0].name = batch.text.push(channel.as_bytes());
    batch
}

fn num_dead(letters: &mut DeadLetters, batch: &RecordBatch) -> u64 {
    let num = |letters: &DeadLetters| letters.views().iter().map(|row| row.count).sum::<u64>();
    let before = num(letters);
    observe(letters, batch, 99);
    num(letters) - before
}

#[test]
fn dead_letter_channels_are_known_by_name_or_choice_and_others_by_their_records_headers() {
    let plain = || batch(5, &[("traceparent", Some(b"00-1"), false)]);
    let mut letters = DeadLetters::default();
    assert_eq!(num_dead(&mut letters, &on("graveyard", plain())), 0);
    letters.choose("graveyard");
    letters.choose("again-retry-0");
    for name in ["graveyard", "again-retry-0", "orders-dlt", "dlq-lcc-8w3kq", "dlq.orders", "orders_dlq", "orders-dead-letter", "error.orders.stock"] {
        assert_eq!(num_dead(&mut letters, &on(name, plain())), 1, "{name}");
    }
    for name in ["orders", "user_error", "validation_skipped", "sales_skipped", "error.orders", "dlt-bronze"] {
        assert_eq!(num_dead(&mut letters, &on(name, plain())), 0, "{name}, and nothing proves it");
        assert_eq!(num_dead(&mut letters, &on(name, spring(5, "m"))), u64::from(name != "orders"), "{name}, and its headers prove it");
    }
    assert_eq!(num_dead(&mut letters, &on("somewhere", spring(5, "m"))), 1);
    let told: BTreeMap<String, bool> = letters.views().into_iter().map(|row| (row.channel, row.is_among_others)).collect();
    assert_eq!([told["graveyard"], told["orders-dlt"], told["somewhere"], told["user_error"]], [false, false, true, true]);
}

#[test]
fn a_record_that_is_tried_again_or_is_back_where_it_came_from_is_not_dead() {
    const DUE_NS: i64 = 16_000_000;
    let due: &[u8] = &[0x10];
    let retried =
        |timestamp_ns: i64| batch(timestamp_ns, &[("kafka_original-topic", Some(b"orders"), false), ("retry_topic-backoff-timestamp", Some(due), false)]);
    for (name, batch, num) in [
        ("waits on a retry channel", on("orders-retry-0", retried(5)), 0),
        ("waits on a channel that may be of dead letters", on("orders-retry-failed", retried(5)), 0),
        ("waits on a retry channel of one that is called so", on("delayed-retry-topic-orders-failed-10000", spring(5, "m")), 0),
        ("failed after it was tried again", on("orders-retry-failed", spring(5, "m")), 1),
        ("nothing proves that it failed", on("orders-retry-failed", batch(5, &[])), 0),
        ("waits on a channel of another name", on("later", retried(DUE_NS - 1)), 0),
        ("its last time is over", on("later", retried(DUE_NS)), 1),
        ("has no time of its own", on("later", retried(NO_TIME)), 1),
        ("given up", on("orders-dlt", retried(5)), 1),
        ("sent back with its headers", on("orders", retried(DUE_NS)), 0),
    ] {
        assert_eq!(num_dead(&mut DeadLetters::default(), &batch), num, "{name}");
    }
}

#[test]
fn letters_that_died_of_the_same_are_one_row() {
    let mut letters = DeadLetters::default();
    for (at_ns, message) in [(30, "order 1 is poison"), (10, "order 22 is poison"), (20, "order 333 is poison"), (15, "no stock")] {
        observe(&mut letters, &spring(at_ns, message), 99);
    }
    let told: Vec<_> = letters.views().into_iter().map(|row| (row.fingerprint, row.origin, row.count, row.first_ns, row.last_ns, row.dialect)).collect();
    let (origin, dialect) = (Some("orders".to_owned()), Some("spring".to_owned()));
    assert_eq!(
        told,
        [
            ("PoisonException: no stock".to_owned(), origin.clone(), 1, 15, 15, dialect.clone()),
            ("PoisonException: order # is poison".to_owned(), origin, 3, 10, 30, dialect)
        ]
    );
}

#[test]
fn channels_that_hold_none_are_left_alone_and_headers_that_prove_none_are_said_so() {
    let mut letters = DeadLetters::default();
    observe(&mut letters, &on("orders", spring(1, "m")), 99);
    assert!(letters.views().is_empty());
    observe(&mut letters, &batch(1, &[("a", Some(b"b"), false)]), 99);
    observe(&mut letters, &batch(1, &[("kafka_dlt-original-topic", Some(b"hash"), true)]), 99);
    let mut unreadable = batch(1, &[]);
    unreadable.records[0].headers_readable = false;
    observe(&mut letters, &unreadable, 99);
    let mut nowhere = batch(1, &[]);
    nowhere.records[0].channel = 7;
    observe(&mut letters, &nowhere, 99);
    let told: Vec<_> = letters.views().into_iter().map(|row| (row.fingerprint, row.count, row.dialect)).collect();
    assert_eq!(told, [("headers unreadable".to_owned(), 1, None), ("no headers that tell why".to_owned(), 2, None)]);
}

#[test]
fn a_time_that_cannot_be_is_replaced_by_that_of_arrival() {
    for (timestamp_ns, expected) in [(5, 5), (NO_TIME, 99), (-1, 99), (i64::MAX, 99), (99 + MAX_AHEAD_NS, 99 + MAX_AHEAD_NS)] {
        let mut letters = DeadLetters::default();
        observe(&mut letters, &spring(timestamp_ns, "m"), 99);
        assert_eq!(letters.views()[0].first_ns, expected);
    }
}

#[test]
fn a_flood_of_kinds_stays_bounded_and_every_letter_is_counted() {
    let mut letters = DeadLetters::default();
    let word = |number: usize| number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect::<String>();
    for number in 0..MAX_KINDS + 500 {
        observe(&mut letters, &spring(1, &word(number)), 99);
    }
    let views = letters.views();
    assert_eq!(views.len(), MAX_KINDS + 1);
    assert_eq!(views.iter().map(|row| row.count).sum::<u64>(), (MAX_KINDS + 500) as u64);
    let others = views.iter().find(|row| row.fingerprint == OTHERS).expect("others");
    assert_eq!((others.count, others.origin.as_deref(), others.dialect.as_deref()), (500, None, None));
    assert_eq!(letters.shares().num_left_out(), 500);
    // The newest is told apart, and what is not any more is found among the others.
    let newest = spring(1, &word(MAX_KINDS + 499));
    let mut kinds = Vec::new();
    letters.kinds_of(&newest, &mut kinds);
    let of_newest = letters.views().into_iter().find(|row| row.fingerprint.ends_with(&word(MAX_KINDS + 499))).expect("the newest");
    let orders = ChannelKey { cluster: None, name: "orders-dlt".into() };
    let asked = letters.kinds_named(&orders, of_newest.origin.as_deref(), &of_newest.fingerprint);
    assert_eq!((asked.kinds, asked.unkept), ([kinds[0].expect("dead")].into(), None));
    let asked = letters.kinds_named(&orders, None, OTHERS).unkept.expect("some are not kept apart");
    let holds = |number| asked.holds(KindNumber(number), "", "orders-dlt");
    assert_eq!((holds(1), holds(500), holds(501), asked.holds(KindNumber(1), "", "paid-dlt")), (true, true, false, false));
}

#[test]
fn kinds_of_one_batch_beyond_the_cap_are_counted_and_another_source_keeps_its_share() {
    let mut letters = DeadLetters::default();
    let word = |number: usize| number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect::<String>();
    let of = |source: u32, text: &str| RecordBatch { header: BatchHeader { source: SourceId(source), ..BatchHeader::default() }, ..spring(1, text) };
    observe(&mut letters, &of(2, "good"), 99);
    // Met and left within one batch: counted all the same.
    let numbers: Vec<KindNumber> = (0..MAX_KINDS + 10)
        .map(|number| {
            let mut kinds = Vec::new();
            let left = std::mem::take(&mut letters.left);
            letters.kinds_of(&of(1, &word(number)), &mut kinds);
            letters.left.extend(left);
            kinds[0].expect("dead")
        })
        .collect();
    for kind in numbers {
        letters.count(kind, 1, 99);
    }
    let views = letters.views();
    assert_eq!(views.iter().map(|row| row.count).sum::<u64>(), (MAX_KINDS + 11) as u64);
    assert!(views.iter().any(|row| row.fingerprint.ends_with("good")), "no source takes another's");
    assert_eq!(letters.shares().left_out().get(&SourceId(1)), Some(&11));
}
