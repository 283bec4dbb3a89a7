//! What goes in comes out, whatever it is.

use switchboard_model::{
    ChannelRow, ClusterRef, CorrelationId, CorrelationRow, HeaderRow, ItemKind, MAX_PLACE_BYTES, NO_TIME, Place, PlaceRow, RawHash, RecordBatch, RecordRow,
    SourceId, SpanContext, SpanId, SpanKind, TimestampType, TraceId, WellKnown,
};

use super::batches::{Log, Pairs, Resource, Span, Texts, Val, described, header, log_batch, pairs, span_batch};
use crate::store::{Inserted, Store, StoredValue};

fn insert(store: &mut Store, spans: &[Span]) -> Vec<Inserted> {
    let mut inserted = Vec::new();
    store.insert_spans(&span_batch(header(1, 5), spans), |_| 7, |_| false, &mut inserted);
    inserted
}

fn comes_back(spans: &[Span]) {
    let mut store = Store::new(256 << 20);
    for (span, outcome) in spans.iter().zip(insert(&mut store, spans)) {
        let Inserted::New(at) = outcome else { panic!("{outcome:?}") };
        assert_eq!(described(store.span(at).expect("stored")), *span);
    }
    assert!(insert(&mut store, spans).iter().all(|outcome| matches!(outcome, Inserted::Duplicate(_))), "the same again is a duplicate");
}

#[test]
fn every_type_of_value_comes_back_exactly() {
    let every: Pairs = [
        Val::str("text"),
        Val::str(""),
        Val::str("ünïcode \u{1f980}"),
        Val::I64(i64::MIN),
        Val::I64(i64::MAX),
        Val::I64(-1),
        Val::F64(f64::NAN.to_bits()),
        Val::F64((-0.0_f64).to_bits()),
        Val::F64(f64::MIN_POSITIVE.to_bits()),
        Val::Bool(true),
        Val::Bool(false),
        Val::Bytes(vec![0, 255, 128]),
        Val::Bytes(Vec::new()),
        Val::List(r#"["a",1,{"b":null}]"#.to_owned()),
    ]
    .into_iter()
    .enumerate()
    .map(|(at, value)| (format!("key.{at}"), value))
    .collect();
    let span = Span {
        attrs: every.clone(),
        links: vec![(u128::MAX, u64::MAX, every.clone()), (3, 4, Vec::new())],
        events: vec![(i64::MIN, "exception".to_owned(), every.clone()), (i64::MAX, String::new(), Vec::new())],
        resource: Resource { service: "orders".to_owned(), instance: "orders-1".to_owned(), attrs: every },
        status_message: "failed".to_owned(),
        trace_state: "ot=th:8".to_owned(),
        flags: 0xffff_ffff,
        start_ns: i64::MAX,
        end_ns: i64::MIN,
        sample_weight: 2.5,
        truncated: true,
        ..Span::default()
    };
    comes_back(&[Span { span_id: 2, ..Span::default() }, span.clone(), Span { trace_id: u128::MAX, ..span }]);
}

#[test]
fn hostile_sizes_come_back() {
    let many: Pairs = (0..1_024).map(|at| (format!("k{at}"), Val::Str(format!("value {at}")))).collect();
    let twice: Pairs = vec![("same".to_owned(), Val::str("a")), ("same".to_owned(), Val::str("b")), ("same".to_owned(), Val::I64(1))];
    let long = "x".repeat(64 << 10);
    comes_back(&[
        Span::default(),
        Span { span_id: 2, attrs: many.clone(), ..Span::default() },
        Span { span_id: 3, attrs: vec![("long".to_owned(), Val::Str(long.clone())), (String::new(), Val::str(""))], ..Span::default() },
        Span { span_id: 4, attrs: twice, name: long.clone(), scope: long.clone(), ..Span::default() },
        Span { span_id: 5, events: vec![(0, long.clone(), many)], status_message: long, ..Span::default() },
    ]);
}

#[test]
fn more_distinct_values_than_two_bytes_can_name_come_back() {
    // Each value twice, so that each asks to become a word; and each operation and key its own.
    let spans: Vec<Span> = (0..90_000_u64)
        .map(|at| Span {
            span_id: at + 1,
            name: format!("operation {}", at / 3),
            attrs: vec![(format!("key {}", at / 4), Val::Str(format!("value {}", at / 2))), ("plain".to_owned(), Val::I64(at as i64))],
            ..Span::default()
        })
        .collect();
    comes_back(&spans);
}

#[test]
fn keys_of_unique_values_lie_raw_and_repeated_ones_as_words() {
    let mut store = Store::new(256 << 20);
    let span = |at: u64| Span {
        trace_id: u128::from(at / 10 + 1),
        span_id: at + 1,
        attrs: vec![("unique".to_owned(), Val::Str(format!("{at:036}"))), ("few".to_owned(), Val::Str(format!("{:036}", at % 7)))],
        ..Span::default()
    };
    let mut places = Vec::new();
    for request in 0..200 {
        let spans: Vec<Span> = (request * 20..request * 20 + 20).map(span).collect();
        places.extend(insert(&mut store, &spans));
    }
    for (at, outcome) in places.iter().enumerate() {
        let Inserted::New(place) = outcome else { panic!("{outcome:?}") };
        assert_eq!(described(store.span(*place).expect("stored")), span(at as u64));
    }
    let vocabulary = &store.spans.active.vocabulary;
    assert!(vocabulary.words.len() < 400, "{} words for 7 repeated values and what it took to learn", vocabulary.words.len());
}

#[test]
fn a_64_bit_trace_id_finds_the_wide_one() {
    let mut store = Store::new(64 << 20);
    let wide = 0xfeed_u128 << 64 | 0xbeef;
    insert(&mut store, &[Span { trace_id: wide, span_id: 9, kind: SpanKind::Client, ..Span::default() }]);
    for asked in [wide, 0xbeef] {
        assert_eq!(store.find_span(TraceId(asked), SpanId(9)).len(), 1);
        assert_eq!(store.trace(TraceId(asked)).spans.len(), 1);
    }
    assert_eq!(store.trace(TraceId(1 << 64 | 0xbeef)).spans.len(), 0);
    let halves = insert(&mut store, &[Span { trace_id: 0xbeef, span_id: 9, kind: SpanKind::Server, ..Span::default() }]);
    assert!(matches!(halves[0], Inserted::New(_)), "the other half of a shared span is no collision");
    assert_eq!(store.find_span(TraceId(wide), SpanId(9)).len(), 2);
    assert!(store.trace(TraceId(wide)).spans.iter().all(|span| !span.collision));
}

#[test]
fn records_come_back_and_are_found_by_trace_and_id() {
    let mut texts = Texts::default();
    let mut batch = RecordBatch {
        header: header(3, 77),
        cluster: ClusterRef { system: "kafka".to_owned(), cluster_id: Some("c1".to_owned()), name: "local".to_owned() },
        channels: vec![ChannelRow { name: texts.put(b"orders.placed") }],
        ..RecordBatch::default()
    };
    batch.headers = vec![
        HeaderRow { name: texts.put(b"h"), value: Some(texts.put(b"1")), redacted: false },
        HeaderRow { name: texts.put(b"h"), value: None, redacted: false },
        HeaderRow { name: texts.put(b"h"), value: Some(texts.put(b"")), redacted: true },
        HeaderRow { name: texts.put(b"bin"), value: Some(texts.put(&[0, 255])), redacted: false },
    ];
    let ids = [CorrelationId::Wide(7 << 64 | 5), CorrelationId::Number(12), CorrelationId::Text("order-4711".to_owned())];
    batch.correlations = ids.iter().map(|id| CorrelationRow { name: texts.put(b"x-correlation-id"), value: id.clone() }).collect();
    let record = RecordRow {
        channel: 0,
        place: PlaceRow::Offset { partition: 2, offset: 40 },
        timestamp_ns: 1_000,
        timestamp_type: TimestampType::LogAppend,
        key: Some(texts.put(b"")),
        value: Some(texts.put(b"payload")),
        key_size_bytes: 0,
        value_size_bytes: 100_000,
        headers: switchboard_model::Attrs { start: 0, end: 4 },
        headers_readable: true,
        trace: Some(SpanContext { trace_id: TraceId(99), span_id: SpanId(8) }),
        correlations: switchboard_model::Attrs { start: 0, end: 3 },
        raw_hash: RawHash(5),
        redacted: true,
        truncated: true,
    };
    let empty = RecordRow {
        place: PlaceRow::Offset { partition: 2, offset: 41 },
        timestamp_ns: NO_TIME,
        timestamp_type: TimestampType::Unknown,
        key: None,
        value: None,
        headers: switchboard_model::Attrs::default(),
        headers_readable: false,
        trace: None,
        correlations: switchboard_model::Attrs::default(),
        redacted: false,
        truncated: false,
        ..record
    };
    batch.records = vec![record, empty, record, RecordRow { raw_hash: RawHash(6), ..record }];
    batch.text = texts.arena;
    let mut store = Store::new(64 << 20);
    let mut inserted = Vec::new();
    store.insert_records(&batch, &[], &mut inserted);
    let [Inserted::New(first), Inserted::New(second), Inserted::Duplicate(same), Inserted::Collision(other)] = inserted[..] else { panic!("{inserted:?}") };
    assert_eq!(first, same);
    let place = |at| store.record(at).map(|record| Place::from(record.place()));
    assert_eq!([first, second, other].map(place), [Some(Place::at(2, 40)), Some(Place::at(2, 41)), Some(Place::at(2, 40))]);
    let stored = store.record(first).expect("stored");
    assert_eq!((stored.cluster(), stored.channel(), stored.timestamp_type()), (&batch.cluster, "orders.placed", TimestampType::LogAppend));
    assert_eq!((stored.redacted(), stored.truncated(), stored.headers_readable(), stored.raw_hash()), (true, true, true, RawHash(5)));
    assert_eq!((stored.source().0, stored.received_ns()), (3, 77));
    let content = stored.content();
    assert_eq!((content.key, content.value, content.value_size_bytes, content.trace), (Some(&b""[..]), Some(&b"payload"[..]), 100_000, record.trace));
    let headers: Vec<_> = content.headers.iter().map(|header| (header.name, header.value, header.redacted)).collect();
    assert_eq!(headers, [("h", Some(&b"1"[..]), false), ("h", None, false), ("h", Some(&b""[..]), true), ("bin", Some(&[0, 255][..]), false)]);
    assert_eq!(content.correlations.iter().map(|(name, id)| (*name, id.clone())).collect::<Vec<_>>(), ids.map(|id| ("x-correlation-id", id)));
    let bare = store.record(second).expect("stored");
    assert_eq!((bare.content().key, bare.content().value, bare.trace(), bare.headers_readable()), (None, None, None, false));
    assert_eq!(store.record_view(second).expect("stored").timestamp_ns, None);
    assert_eq!(store.trace(TraceId(99)).records.len(), 2);
    for id in [CorrelationId::Number(5), CorrelationId::Number(12), CorrelationId::Text("order-4711".to_owned())] {
        assert_eq!(store.conversation(&id, 10).len(), 2, "{id}");
    }
    // The same offset elsewhere is another record.
    batch.channels.push(ChannelRow { name: batch.text.push(b"orders.paid") });
    batch.records = vec![RecordRow { place: PlaceRow::Offset { partition: 3, offset: 40 }, ..record }, RecordRow { channel: 1, ..record }];
    store.insert_records(&batch, &[], &mut inserted);
    assert!(matches!(inserted[..], [Inserted::New(_), Inserted::New(_)]), "in another partition, in another channel: {inserted:?}");
    batch.cluster = ClusterRef { cluster_id: Some("c2".to_owned()), ..batch.cluster };
    batch.records = vec![record];
    store.insert_records(&batch, &[], &mut inserted);
    assert!(matches!(inserted[..], [Inserted::New(_)]), "in another cluster: {inserted:?}");
}

/// Bare records of one channel, at these places.
fn record_batch(places: &[Place]) -> RecordBatch {
    let mut texts = Texts::default();
    let channels = vec![ChannelRow { name: texts.put(b"orders") }];
    let row = |(number, place): (usize, &Place)| RecordRow {
        channel: 0,
        place: match place {
            Place::Offset { partition, offset } => PlaceRow::Offset { partition: *partition, offset: *offset },
            Place::Opaque(bytes) => PlaceRow::Opaque(texts.put(bytes)),
            Place::None => PlaceRow::None,
        },
        timestamp_ns: 1_000,
        timestamp_type: TimestampType::Create,
        key: Some(texts.put(b"key")),
        value: None,
        key_size_bytes: 3,
        value_size_bytes: 0,
        headers: switchboard_model::Attrs::default(),
        headers_readable: true,
        trace: Some(SpanContext { trace_id: TraceId(99), span_id: SpanId(number as u64 + 1) }),
        correlations: switchboard_model::Attrs::default(),
        raw_hash: RawHash(5),
        redacted: false,
        truncated: false,
    };
    let records = places.iter().enumerate().map(row).collect();
    RecordBatch { header: header(3, 77), channels, records, text: texts.arena, ..RecordBatch::default() }
}

#[test]
fn records_lie_at_opaque_places_and_at_none_and_a_place_is_met_once() {
    let opaque = |bytes: &[u8]| Place::Opaque(bytes.to_vec());
    let places = [opaque(&[1, 2]), opaque(&[]), Place::None, Place::at(0, 0), opaque(&[1, 2]), Place::None, opaque(&[1])];
    let mut batch = record_batch(&places);
    let mut store = Store::new(64 << 20);
    let mut inserted = Vec::new();
    store.insert_records(&batch, &[], &mut inserted);
    let [
        Inserted::New(first),
        Inserted::New(empty),
        Inserted::New(nowhere),
        Inserted::New(kafka),
        Inserted::Duplicate(again),
        Inserted::New(other),
        Inserted::New(_),
    ] = inserted[..]
    else {
        panic!("{inserted:?}")
    };
    assert_eq!(first, again, "the same opaque place is the same record, as the same offset is");
    for (at, place) in [(first, &places[0]), (empty, &places[1]), (nowhere, &places[2]), (kafka, &places[3]), (other, &places[5])] {
        let stored = store.record(at).expect("stored");
        assert_eq!(Place::from(stored.place()), *place);
        assert_eq!(
            (stored.content().key, stored.sizes_bytes(), stored.trace().map(|context| context.trace_id)),
            (Some(&b"key"[..]), (3, 0), Some(TraceId(99)))
        );
    }
    batch.records[0].raw_hash = RawHash(6);
    batch.records.truncate(1);
    store.insert_records(&batch, &[], &mut inserted);
    assert!(matches!(inserted[..], [Inserted::Collision(_)]), "other content at the same place: {inserted:?}");
    assert_eq!(store.trace(TraceId(99)).records.len(), 7);
}

#[test]
fn a_place_that_is_too_long_is_not_kept_and_counted_as_cut() {
    let most = Place::Opaque(vec![7; MAX_PLACE_BYTES]);
    let hostile = Place::Opaque(vec![7; 64 << 10]);
    let mut store = Store::new(64 << 20);
    let mut inserted = Vec::new();
    store.insert_records(&record_batch(&[most.clone(), hostile.clone(), hostile]), &[], &mut inserted);
    let [Inserted::New(kept), Inserted::New(cut), Inserted::New(_)] = inserted[..] else { panic!("two of unknown places are two: {inserted:?}") };
    let stored = |at| store.record(at).map(|record| (Place::from(record.place()), record.truncated())).expect("stored");
    assert_eq!((stored(kept), stored(cut)), ((most, false), (Place::None, true)));
    let counts = store.counts_of(SourceId(3), ItemKind::Record);
    assert_eq!((counts.stored, counts.truncated), (3, 2));
    assert!(store.records.active.blob().len() < 2 * MAX_PLACE_BYTES);
}

#[test]
fn a_partition_and_an_offset_take_no_byte_beside_their_columns() {
    let blob_bytes = |place: Place| {
        let mut store = Store::new(64 << 20);
        store.insert_records(&record_batch(&[place]), &[], &mut Vec::new());
        store.records.active.blob().len()
    };
    // Sizes of key and value, the key with its length, no value, the trace context, how many headers and correlation ids.
    let bare = 1 + 1 + 4 + 1 + 24 + 1 + 1;
    assert_eq!(blob_bytes(Place::at(i32::MAX, i64::MAX)), bare);
    assert_eq!(blob_bytes(Place::None), bare + 1);
    assert_eq!(blob_bytes(Place::Opaque(vec![1; 5])), bare + 1 + 5);
}

#[test]
fn what_lies_at_opaque_places_is_forgotten_with_its_segment() {
    let mut store = Store::new(256 << 10);
    let mut inserted = Vec::new();
    for number in 0..5_000_u32 {
        let place = if number % 3 == 0 { Place::None } else { Place::Opaque(number.to_be_bytes().to_vec()) };
        store.insert_records(&record_batch(&[place]), &[], &mut inserted);
        assert!(matches!(inserted[..], [Inserted::New(_)]), "{number}: {inserted:?}");
    }
    assert!(store.num_evicted(ItemKind::Record) > 0);
    store.insert_records(&record_batch(&[Place::Opaque(1_u32.to_be_bytes().to_vec())]), &[], &mut inserted);
    assert!(matches!(inserted[..], [Inserted::New(_)]), "it was evicted, and comes anew: {inserted:?}");
    store.insert_records(&record_batch(&[Place::Opaque(4_999_u32.to_be_bytes().to_vec())]), &[], &mut inserted);
    assert!(matches!(inserted[..], [Inserted::Duplicate(_)]), "{inserted:?}");
}

#[test]
fn logs_come_back_and_only_the_very_same_is_a_duplicate() {
    let log = Log {
        time_ns: 5,
        severity: 13,
        body: Val::str("stock low"),
        trace_id: 4,
        span_id: 2,
        service: "inventory".to_owned(),
        attrs: vec![("order.id".to_owned(), Val::str("order-4711")), ("n".to_owned(), Val::I64(3))],
    };
    let logs = [
        log.clone(),
        Log { body: Val::F64(1.5_f64.to_bits()), trace_id: 0, ..log.clone() },
        Log { time_ns: 6, ..log.clone() },
        Log { attrs: Vec::new(), ..log.clone() },
        log.clone(),
    ];
    let mut store = Store::new(64 << 20);
    let mut inserted = Vec::new();
    store.insert_logs(&log_batch(header(1, 1), &logs), &mut inserted);
    let [Inserted::New(first), Inserted::New(second), Inserted::New(_), Inserted::New(_), Inserted::Duplicate(same)] = inserted[..] else {
        panic!("{inserted:?}")
    };
    assert_eq!(first, same);
    let stored = store.log(first).expect("stored");
    assert_eq!((stored.time_ns(), stored.severity(), stored.severity_text(), stored.service_name()), (5, 13, "INFO", "inventory"));
    assert_eq!((stored.body().as_str(), stored.trace_id(), stored.span_id(), stored.truncated()), (Some("stock low"), TraceId(4), SpanId(2), false));
    assert_eq!(pairs(stored.attributes()), log.attrs);
    assert_eq!(store.log(second).expect("stored").body(), StoredValue::F64(1.5));
    assert_eq!(store.trace(TraceId(4)).logs.len(), 3);
    assert_eq!(store.conversation(&CorrelationId::Text("order-4711".to_owned()), 10).len(), 4, "three that carry it, and one of their trace");
}

#[test]
fn a_conversation_spans_traces_records_spellings_and_links() {
    let uuid = "01234567-89ab-cdef-0011-223344556677";
    let mut store = Store::new(64 << 20);
    insert(
        &mut store,
        &[
            Span { trace_id: 1, span_id: 1, attrs: vec![("conversation_id".to_owned(), Val::str(uuid))], ..Span::default() },
            Span { trace_id: 1, span_id: 2, start_ns: 1, ..Span::default() },
            Span {
                trace_id: 2,
                span_id: 3,
                start_ns: 2,
                links: vec![(1, 1, vec![("messaging.message.id".to_owned(), Val::str(&uuid.replace('-', "")))])],
                ..Span::default()
            },
            Span { trace_id: 3, span_id: 4, start_ns: 3, attrs: vec![("order.id".to_owned(), Val::I64(0x0011_2233_4455_6677))], ..Span::default() },
            Span { trace_id: 4, span_id: 5, start_ns: 4, attrs: vec![("unrelated".to_owned(), Val::str(uuid))], ..Span::default() },
        ],
    );
    let id = CorrelationId::parse(uuid.as_bytes()).expect("an id");
    assert_eq!(store.conversation(&id, 10).len(), 4);
    let place = store.find_span(TraceId(3), SpanId(4))[0];
    assert_eq!(store.span(place).expect("stored").attribute(WellKnown::HttpRoute), None);
    assert_eq!(store.trace(TraceId(1)).spans[0].linked_by.len(), 1);
}
