//! Find beside a look at every value of every row.

use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use switchboard_model::{
    Attrs, ChannelRow, ClusterRef, CorrelationId, CorrelationRow, HeaderRow, PlaceRow, RawHash, RecordBatch, RecordRow, SpanContext, SpanId, Str, TextArena,
    TimestampType, TraceId,
};

use crate::queries::{FindScan, NotKept};
use crate::store::Store;
use crate::store::tests::batches::{Log, Pairs, Resource, Span, Val, header, log_batch, span_batch};
use crate::view::{FindHit, FindPage};

fn scan(store: &Store, text: &str, limit: usize) -> FindScan {
    FindScan {
        spans: store.spans.held(),
        records: store.records.held(),
        logs: store.logs.held(),
        seed: store.seed,
        text: text.to_owned(),
        limit,
        not_kept: NotKept::default(),
    }
}

fn pages(store: &Store, text: &str, limit: usize) -> Vec<FindPage> {
    let mut pages = Vec::new();
    scan(store, text, limit).run(&AtomicBool::new(false), &mut |page| pages.push(page));
    pages
}

/// What was found, as numbers of spans (by their flags), of records and of logs (by their times).
fn found(pages: &[FindPage]) -> [Vec<i64>; 3] {
    let mut found = [Vec::new(), Vec::new(), Vec::new()];
    for hit in pages.iter().flat_map(|page| &page.hits) {
        match hit {
            FindHit::Span { span_id, .. } => found[0].push(span_id.0 as i64),
            FindHit::Record { at, .. } => found[1].extend(at.place.offset()),
            FindHit::Log { at_ns, .. } => found[2].push(*at_ns),
        }
    }
    found
}

/// A record in plain words.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) offset: i64,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<(String, Option<Vec<u8>>)>,
}

/// Records of the channel `orders`, partition 0.
pub(super) fn record_batch(records: &[Record]) -> RecordBatch {
    let mut text = TextArena::default();
    let channel = ChannelRow { name: text.push(b"orders") };
    let mut headers = Vec::new();
    let mut rows = Vec::new();
    let mut known: Vec<(Vec<u8>, Str)> = Vec::new();
    for record in records {
        let start = headers.len() as u32;
        for (name, value) in &record.headers {
            // Strings come once, as collectors send them, so that some values become words.
            let mut put = |bytes: &[u8]| {
                if let Some((_, at)) = known.iter().find(|(other, _)| other == bytes) {
                    return *at;
                }
                let at = text.push(bytes);
                known.push((bytes.to_vec(), at));
                at
            };
            headers.push(HeaderRow { name: put(name.as_bytes()), value: value.as_deref().map(&mut put), redacted: false });
        }
        let mut push = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| text.push(bytes));
        rows.push(RecordRow {
            channel: 0,
            place: PlaceRow::Offset { partition: 0, offset: record.offset },
            timestamp_ns: record.offset,
            timestamp_type: TimestampType::Create,
            key: push(&record.key),
            value: push(&record.value),
            key_size_bytes: 0,
            value_size_bytes: 0,
            headers: Attrs { start, end: headers.len() as u32 },
            headers_readable: true,
            trace: (record.offset % 2 == 0).then_some(SpanContext { trace_id: TraceId(u128::MAX), span_id: SpanId(1) }),
            correlations: Attrs::default(),
            raw_hash: RawHash(record.offset as u128),
            redacted: false,
            truncated: false,
        });
    }
    RecordBatch { header: header(1, 5), cluster: ClusterRef::default(), text, channels: vec![channel], records: rows, headers, ..RecordBatch::default() }
}

/// How the naive model reads a text.
struct Naive {
    lower: String,
    integer: Option<i64>,
}

impl Naive {
    fn is_in(&self, text: &[u8]) -> bool {
        String::from_utf8_lossy(text).to_lowercase().contains(&self.lower)
    }

    fn is(&self, value: &Val) -> bool {
        match value {
            Val::Str(text) | Val::List(text) => self.is_in(text.as_bytes()),
            Val::Bytes(bytes) => self.is_in(bytes),
            Val::I64(number) => self.integer == Some(*number),
            Val::F64(_) | Val::Bool(_) => false,
        }
    }

    fn in_pairs(&self, pairs: &Pairs) -> bool {
        pairs.iter().any(|(_, value)| self.is(value))
    }

    fn in_span(&self, span: &Span) -> bool {
        [&span.name, &span.status_message, &span.resource.service, &span.resource.instance].iter().any(|text| self.is_in(text.as_bytes()))
            || self.in_pairs(&span.attrs)
            || self.in_pairs(&span.resource.attrs)
            || span.links.iter().any(|(_, _, pairs)| self.in_pairs(pairs))
            || span.events.iter().any(|(_, name, pairs)| self.is_in(name.as_bytes()) || self.in_pairs(pairs))
    }

    fn in_record(&self, record: &Record) -> bool {
        let values = record.headers.iter().filter_map(|(_, value)| value.as_ref());
        [&record.key, &record.value].into_iter().flatten().chain(values).any(|bytes| self.is_in(bytes))
    }

    fn in_log(&self, log: &Log) -> bool {
        self.is(&log.body) || self.in_pairs(&log.attrs)
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[abAB ]{0,3}", 2 => "[a-dX-Z]{10,14}", 1 => "[äÄb]{1,3}", 1 => "[0-9]{1,3}"]
}

fn values() -> impl Strategy<Value = Val> {
    prop_oneof![
        4 => text().prop_map(Val::Str),
        1 => (-200..200_i64).prop_map(Val::I64),
        1 => any::<u64>().prop_map(Val::F64),
        1 => any::<bool>().prop_map(Val::Bool),
        1 => text().prop_map(|text| Val::Bytes(text.into_bytes())),
    ]
}

fn pairs() -> impl Strategy<Value = Pairs> {
    // None of these names is one of a correlation id: those are found by their index, as a whole.
    proptest::collection::vec((prop_oneof![Just("http.route"), Just("x")].prop_map(str::to_owned), values()), 0..3)
}

fn span() -> impl Strategy<Value = Span> {
    let resource = (text(), text(), pairs()).prop_map(|(service, instance, attrs)| Resource { service, instance, attrs });
    let links = proptest::collection::vec((1..9_u128, 1..9_u64, pairs()), 0..2);
    let events = proptest::collection::vec((0..9_i64, text(), pairs()), 0..2);
    (resource, text(), text(), pairs(), links, events).prop_map(|(resource, name, status_message, attrs, links, events)| Span {
        name,
        status_message,
        resource,
        attrs,
        links,
        events,
        ..Span::default()
    })
}

fn record() -> impl Strategy<Value = Record> {
    let bytes = || proptest::option::of(text().prop_map(String::into_bytes));
    let headers = proptest::collection::vec((Just("h".to_owned()), bytes()), 0..3);
    (bytes(), bytes(), headers).prop_map(|(key, value, headers)| Record { offset: 0, key, value, headers })
}

fn log() -> impl Strategy<Value = Log> {
    (values(), pairs()).prop_map(|(body, attrs)| Log { time_ns: 0, severity: 9, body, trace_id: 0, span_id: 0, service: "shop".to_owned(), attrs })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn finds_what_a_look_at_every_value_finds(
        spans in proptest::collection::vec(span(), 0..150),
        records in proptest::collection::vec(record(), 0..150),
        logs in proptest::collection::vec(log(), 0..150),
        // Letters that no id has: what looks like one is looked for by the indexes too.
        texts in proptest::collection::vec(prop_oneof!["[abAB]{1,3}", "[äÄ]b?", "-?[0-9]{1,3}", "[a-dX-Z]{3}"], 6),
        limit in prop_oneof![Just(1_000_usize), 1..20_usize],
        is_spread in any::<bool>(),
    ) {
        let mut store = Store::new(if is_spread { 192 << 10 } else { 8 << 20 });
        let (mut spans, mut records, mut logs) = (spans, records, logs);
        for (number, span) in spans.iter_mut().enumerate() {
            (span.span_id, span.trace_id) = (number as u64 + 1, number as u128 + 1_000_000);
        }
        records.iter_mut().enumerate().for_each(|(number, record)| record.offset = number as i64);
        logs.iter_mut().enumerate().for_each(|(number, log)| log.time_ns = number as i64);
        let mut inserted = Vec::new();
        for some in spans.chunks(40) {
            store.insert_spans(&span_batch(header(1, 1), some), |_| 2, |_| false, &mut inserted);
        }
        for some in records.chunks(40) {
            store.insert_records(&record_batch(some), &[], &mut inserted);
        }
        for some in logs.chunks(40) {
            store.insert_logs(&log_batch(header(1, 1), some), &mut inserted);
        }
        let held = [store.spans.num_rows(), store.records.num_rows(), store.logs.num_rows()];
        spans.drain(..spans.len() - held[0] as usize);
        records.drain(..records.len() - held[1] as usize);
        logs.drain(..logs.len() - held[2] as usize);
        for text in &texts {
            let naive = Naive { lower: text.to_lowercase(), integer: text.parse().ok() };
            let newest = |rows: Vec<i64>| rows.into_iter().rev().take(limit).collect::<Vec<_>>();
            let expected = [
                newest(spans.iter().filter(|span| naive.in_span(span)).map(|span| span.span_id as i64).collect()),
                newest(records.iter().filter(|record| naive.in_record(record)).map(|record| record.offset).collect()),
                newest(logs.iter().filter(|log| naive.in_log(log)).map(|log| log.time_ns).collect()),
            ];
            let pages = pages(&store, text, limit);
            prop_assert_eq!(&found(&pages), &expected, "{}", text);
            let last = pages.last().expect("a last page");
            prop_assert!(last.is_done && pages[..pages.len() - 1].iter().all(|page| !page.is_done));
            prop_assert_eq!(last.total, held.iter().sum::<u64>());
            let is_limited = last.not_looked.iter().any(|words| words.contains("limit"));
            prop_assert_eq!(is_limited, last.looked_at < last.total, "{:?}", last.not_looked);
            prop_assert!(!is_limited || expected.iter().any(|found| found.len() == limit));
        }
    }
}

fn filled() -> Store {
    let mut store = Store::new(64 << 20);
    let mut inserted = Vec::new();
    let trace_id = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
    let spans = [
        Span { trace_id, span_id: 0xabc, name: "place order".to_owned(), start_ns: 30, ..Span::default() },
        Span { trace_id, span_id: 0xdef, parent: 0xabc, start_ns: 40, attrs: vec![("order.number".to_owned(), Val::I64(4711))], ..Span::default() },
        Span {
            trace_id: 9,
            span_id: 0x1234_5678_9abc_def0,
            truncated: true,
            attrs: vec![("correlation.id".to_owned(), Val::str("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"))],
            ..Span::default()
        },
        Span {
            trace_id: 11,
            span_id: 0xfff,
            attrs: vec![
                ("messaging.destination.name".to_owned(), Val::str("orders")),
                ("messaging.destination.partition.id".to_owned(), Val::str("0")),
                ("messaging.kafka.offset".to_owned(), Val::I64(7)),
            ],
            ..Span::default()
        },
    ];
    store.insert_spans(&span_batch(header(1, 1), &spans), |_| 2, |_| false, &mut inserted);
    let record = Record {
        offset: 7,
        key: Some(b"4711".to_vec()),
        value: Some(vec![0, 1, 2, b'F', b'r', b'o', b'g']),
        headers: vec![("type".to_owned(), Some(b"Placed".to_vec()))],
    };
    let mut batch = record_batch(&[record]);
    let name = batch.text.push(b"kafka_correlationId");
    let id = CorrelationId::parse(b"f81d4fae7dec11d0a76500a0c91e6bf6").expect("an id");
    batch.correlations.push(CorrelationRow { name, value: id });
    batch.records[0].correlations = Attrs { start: 0, end: 1 };
    batch.records[0].trace = Some(SpanContext { trace_id: TraceId(trace_id), span_id: SpanId(0xabc) });
    (batch.records[0].truncated, batch.records[0].redacted) = (true, true);
    store.insert_records(&batch, &[], &mut inserted);
    let uuid = 0x6ba7_b810_9dad_11d1_80b4_00c0_4fd4_30c8_u128;
    let in_bytes = [
        Record { offset: 8, key: Some(815_i64.to_be_bytes().to_vec()), value: Some(uuid.to_be_bytes().to_vec()), ..Record::default() },
        Record {
            offset: 9,
            value: Some((-815_i32).to_be_bytes().to_vec()),
            headers: vec![("n".to_owned(), Some(815_i32.to_be_bytes().to_vec()))],
            ..Record::default()
        },
    ];
    store.insert_records(&record_batch(&in_bytes), &[], &mut inserted);
    let log = Log { time_ns: 50, severity: 17, body: Val::str("card refused: Frog"), trace_id, span_id: 0xdef, service: "shop".to_owned(), attrs: Vec::new() };
    store.insert_logs(&log_batch(header(1, 1), &[log]), &mut inserted);
    store
}

/// Kinds, fields and excerpts.
fn told(text: &str) -> Vec<String> {
    let store = filled();
    let pages = pages(&store, text, 10);
    let tell = |hit: &FindHit| match hit {
        FindHit::Span { span_id, field, excerpt, .. } => format!("span {:x} {field}: {excerpt}", span_id.0),
        FindHit::Record { at, field, excerpt, .. } => format!("record {} {field}: {excerpt}", at.place.offset().expect("an offset")),
        FindHit::Log { excerpt, .. } => format!("log: {excerpt}"),
    };
    pages.iter().flat_map(|page| &page.hits).map(tell).collect()
}

#[test]
fn texts_numbers_and_ids_are_found_where_they_stand() {
    assert_eq!(told("FROG"), ["record 7 payload: \0\u{1}\u{2}Frog", "log: card refused: Frog"]);
    assert_eq!(told("4711"), ["span def order.number: 4711", "record 7 key: 4711"]);
    assert_eq!(told("placed"), ["record 7 type: Placed"]);
    // Where it lies, and who names the message that lies there.
    let there = ["record 7 lies at: 0@7", "span fff message: orders 0@7"];
    for text in ["0@7", "p0@7", "orders@0@7", "orders 0@7", "Orders-0@7", "orders[0]@7", "orders:0:7"] {
        assert_eq!(told(text), there, "{text}");
    }
    assert!(told("1@7").is_empty() && told("parcels@0@7").is_empty() && told("0@10").is_empty());
    // As Kafka's own serialisers write them.
    assert_eq!(told("815"), ["record 9 n: 815", "record 8 key: 815"]);
    assert_eq!(told("-815"), ["record 9 payload: -815"]);
    assert_eq!(told("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), ["record 8 payload: 6ba7b810-9dad-11d1-80b4-00c04fd430c8"]);
    assert_eq!(told("Place o"), ["span abc operation: place order"]);
    assert_eq!(told("123456789abcdef0"), ["span 123456789abcdef0 span id: 123456789abcdef0"]);
    let of_trace = [
        "span def trace id: 4bf92f3577b34da6a3ce929d0e0e4736",
        "span abc trace id: 4bf92f3577b34da6a3ce929d0e0e4736",
        "record 7 trace id: 4bf92f3577b34da6a3ce929d0e0e4736",
        "log: card refused: Frog",
    ];
    for text in ["4bf92f3577b34da6a3ce929d0e0e4736", "a3ce929d0e0e4736", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "11803532876627986230"] {
        assert_eq!(told(text), of_trace, "{text}");
    }
    let of_id =
        ["span 123456789abcdef0 correlation.id: f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "record 7 kafka_correlationId: f81d4fae7dec11d0a76500a0c91e6bf6"];
    for text in ["F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6", "f81d4fae7dec11d0a76500a0c91e6bf6"] {
        assert_eq!(told(text), of_id, "{text}");
    }
}

#[test]
fn what_was_looked_at_and_what_not_is_told() {
    let store = filled();
    let mut scan = scan(&store, "frog", 10);
    scan.not_kept = NotKept { evicted: [12, 0, 0], folded: 0, not_tailed: vec!["orders.audit".to_owned()], num_more_not_tailed: 0 };
    let mut pages = Vec::new();
    scan.run(&AtomicBool::new(false), &mut |page| pages.push(page));
    let last = pages.last().expect("a last page");
    assert_eq!((last.looked_at, last.total, last.is_done, last.last_seen_ns), (8, 8, true, Some(50)));
    assert_eq!(last.looked, ["4 spans", "3 records", "1 log"]);
    let not_looked = [
        "values beyond the limits of length: 1 span is cut",
        "values beyond the limits of length: 1 record is cut",
        "keys and values that are no text, but for texts within them: 1 record holds some",
        "redacted values: 1 record holds some",
        "secrets in spans and logs: they are redacted before anything is kept",
        "12 evicted spans",
        "orders.audit: not tailed",
    ];
    assert_eq!(last.not_looked, not_looked);
    // A text that is cut is found by its beginning, and told.
    let long = self::pages(&store, &"é".repeat(501), 10);
    assert_eq!(long.last().and_then(|page| page.not_looked.first()).map(String::as_str), Some("the end of the text: its first 1,000 bytes are looked for"));
    assert!(self::pages(&store, &"é".repeat(500), 10).iter().flat_map(|page| &page.not_looked).all(|words| !words.contains("the end of the text")));
    let nothing = self::pages(&store, "  ", 10);
    assert_eq!((nothing.len(), nothing[0].is_done, nothing[0].looked_at), (1, true, 0));
}

#[test]
fn a_look_that_is_cancelled_says_no_more() {
    let spans: Vec<Span> = (0..40_000).map(|number| Span { trace_id: number + 1, name: "frog".to_owned(), ..Span::default() }).collect();
    let mut store = Store::new(64 << 20);
    store.insert_spans(&span_batch(header(1, 1), &spans), |_| 2, |_| false, &mut Vec::new());
    let cancelled = AtomicBool::new(false);
    let mut pages = Vec::new();
    scan(&store, "frog", usize::MAX).run(&cancelled, &mut |page| {
        pages.push(page);
        cancelled.store(true, Ordering::Relaxed);
    });
    assert_eq!(pages.len(), 1);
    assert!(!pages[0].is_done && pages[0].looked_at < 40_000 && !pages[0].hits.is_empty());
}

#[test]
fn a_look_that_is_cancelled_before_it_begins_finds_nothing_by_the_indexes_either() {
    let store = filled();
    for text in ["0@7", "4bf92f3577b34da6a3ce929d0e0e4736", "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6", "frog"] {
        assert!(!told(text).is_empty(), "{text}");
        scan(&store, text, 10).run(&AtomicBool::new(true), &mut |page| panic!("{text}: {page:?}"));
    }
}
