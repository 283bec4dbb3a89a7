use switchboard_model::{Attrs, BatchHeader, ChannelRow, ClusterRef, HeaderRow, RawHash, RecordRow, TextArena, TimestampType};

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
        partition: 0,
        offset: 0,
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

#[test]
fn dead_letter_channels_are_known_by_name_or_choice() {
    let mut letters = DeadLetters::default();
    assert!(!letters.is_candidate("graveyard"));
    letters.choose("graveyard");
    assert!(letters.is_candidate("graveyard") && letters.is_candidate("orders-dlt") && letters.is_candidate("sales_skipped"));
    assert!(!letters.is_candidate("error.orders"));
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
    let mut elsewhere = spring(1, "m");
    elsewhere.channels[0].name = elsewhere.text.push(b"orders");
    observe(&mut letters, &elsewhere, 99);
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
}
