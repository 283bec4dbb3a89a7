use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::{
    AttrRow, Attrs, Batch, BatchHeader, ChannelRow, ClusterRef, CorrelationId, CorrelationRow, EventRow, HeaderRow, LinkRow, LogBatch, LogRow, MAX_PLACE_BYTES,
    MAX_RUN_ROWS, NO_TIME, PlaceRow, RawHash, RecordBatch, RecordRow, ResourceRow, SourceId, SpanBatch, SpanContext, SpanId, SpanKind, SpanRow, SpanStatus,
    Str, TextArena, TimestampType, TraceId, Value, WellKnown,
};

/// Texts of the samples: a name, one with characters of two bytes, and what is no text.
const NAME: u32 = 1;
const UMLAUTS: u32 = 2;
const BYTES: u32 = 3;

fn header() -> BatchHeader {
    BatchHeader { source: SourceId(7), received_ns: 5, ..BatchHeader::default() }
}

fn texts() -> TextArena {
    let mut text = TextArena::default();
    for bytes in [&b"name"[..], "größe".as_bytes(), &[0xff, 0xfe]] {
        text.push(bytes);
    }
    text
}

fn run(start: u32, end: u32) -> Attrs {
    Attrs { start, end }
}

fn attr(value: Value) -> AttrRow {
    AttrRow::new(Str(NAME), (WellKnown::Other, 0), value)
}

fn span(number: u64, attrs: Attrs, links: Attrs, events: Attrs) -> SpanRow {
    SpanRow {
        trace_id: TraceId(7),
        span_id: SpanId(number),
        parent_span_id: SpanId::NONE,
        start_ns: 1,
        end_ns: 2,
        name: Str(UMLAUTS),
        kind: SpanKind::Server,
        status: SpanStatus::Ok,
        status_message: Str::EMPTY,
        trace_state: Str::EMPTY,
        flags: 0,
        scope: Str(NAME),
        resource: 0,
        attrs,
        links,
        events,
        sample_weight: 1.0,
        truncated: false,
    }
}

/// Two spans; the first has two attributes, a link and an event.
fn spans() -> SpanBatch {
    SpanBatch {
        header: header(),
        text: texts(),
        resources: vec![ResourceRow { service_name: Str(NAME), attrs: run(0, 1), ..ResourceRow::default() }],
        spans: vec![span(1, run(1, 3), run(0, 1), run(0, 1)), span(2, run(5, 5), run(1, 1), run(1, 1))],
        attrs: [Value::Str(Str(NAME)), Value::Bytes(Str(BYTES)), Value::I64(4), Value::List(Str(UMLAUTS)), Value::Bool(true)].map(attr).into(),
        links: vec![LinkRow { trace_id: TraceId(7), span_id: SpanId(3), attrs: run(3, 4) }],
        events: vec![EventRow { time_ns: 1, name: Str(NAME), attrs: run(4, 5) }],
    }
}

fn logs() -> LogBatch {
    let log = LogRow {
        time_ns: 1,
        severity: 24,
        severity_text: Str(NAME),
        body: Value::Str(Str(UMLAUTS)),
        trace_id: TraceId::default(),
        span_id: SpanId::NONE,
        scope: Str(NAME),
        resource: 0,
        attrs: run(1, 2),
        truncated: false,
    };
    LogBatch {
        header: header(),
        text: texts(),
        resources: vec![ResourceRow { service_name: Str(NAME), attrs: run(0, 1), ..ResourceRow::default() }],
        logs: vec![log],
        attrs: [Value::F64(0.5), Value::Bytes(Str(BYTES))].map(attr).into(),
    }
}

/// Two records; the first lies at an opaque place, and has a header and an id.
fn records() -> RecordBatch {
    let record = RecordRow {
        channel: 0,
        place: PlaceRow::Opaque(Str(BYTES)),
        timestamp_ns: NO_TIME,
        timestamp_type: TimestampType::Unknown,
        key: Some(Str(BYTES)),
        value: Some(Str::EMPTY),
        key_size_bytes: 2,
        value_size_bytes: 0,
        headers: run(0, 1),
        headers_readable: true,
        trace: Some(SpanContext { trace_id: TraceId(7), span_id: SpanId::NONE }),
        correlations: run(0, 1),
        raw_hash: RawHash(1),
        redacted: false,
        truncated: false,
    };
    let second = RecordRow {
        place: PlaceRow::Offset { partition: 2, offset: 100 },
        key: None,
        value: None,
        headers: run(1, 1),
        correlations: run(1, 1),
        trace: None,
        ..record
    };
    RecordBatch {
        header: header(),
        cluster: ClusterRef::default(),
        text: texts(),
        channels: vec![ChannelRow { name: Str(NAME) }],
        records: vec![record, second],
        headers: vec![HeaderRow { name: Str(NAME), value: Some(Str(BYTES)), redacted: false }],
        correlations: vec![CorrelationRow { name: Str(NAME), value: CorrelationId::Number(4711) }],
    }
}

fn written(batch: &Batch) -> Json {
    serde_json::to_value(batch).expect("JSON")
}

fn read(written: &Json) -> Result<Batch, String> {
    serde_json::from_str(&written.to_string()).map_err(|error| error.to_string())
}

/// A field, what stands there instead, and the words of the refusal.
type Breakage = (&'static str, Json, &'static str);

#[track_caller]
fn assert_refused(batch: &Batch, breakages: &[Breakage]) {
    assert_eq!(read(&written(batch)).as_ref(), Ok(batch));
    for (field, other, words) in breakages {
        let mut broken = written(batch);
        *broken.pointer_mut(field).unwrap_or_else(|| panic!("there is no {field}")) = other.clone();
        let error = read(&broken).err().unwrap_or_else(|| panic!("{field} may be {other}"));
        assert!(error.contains(words), "{field} as {other}: {error}");
    }
}

#[test]
fn a_header_or_text_that_is_unsound_is_refused_by_its_words() {
    let tick = Batch::Tick(header());
    assert_refused(
        &tick,
        &[
            ("/Tick/version", json!(1), "the batch is of version 1, and only version 2 can be read here. Read it with the Switchboard that wrote it"),
            ("/Tick/received_ns", json!(-1), "the batch is unsound: `header.received_ns` lies outside of the years 1970 to 2199. It is not as"),
            ("/Tick/received_ns", json!(i64::MAX), "`header.received_ns` lies outside of the years 1970 to 2199"),
        ],
    );
    // "name" ends at 4, "größe" at 11, the two bytes at 13.
    assert_refused(
        &Batch::Spans(spans()),
        &[
            ("/Spans/header/version", json!(3), "the batch is of version 3"),
            ("/Spans/text/ends", json!([]), "`text.ends[0]` is not where the empty text ends"),
            ("/Spans/text/ends/0", json!(1), "`text.ends[0]` is not where the empty text ends"),
            ("/Spans/text/ends/2", json!(3), "`text.ends[2]` is 3, and the text before ends at 4"),
            ("/Spans/text/ends/2", json!(4), "`text.ends[2]` is 4, and the text before ends at 4"),
            ("/Spans/text/ends/3", json!(14), "`text.bytes` are 13, and the last text ends at 14"),
            ("/Spans/text/ends/3", json!(12), "`text.bytes` are 13, and the last text ends at 12"),
            ("/Spans/text/ends/3", json!(u64::from(u32::MAX) + 1), "invalid value"),
            ("/Spans/text/bytes", json!([]), "`text.bytes` are 0, and the last text ends at 13"),
            // Within "ö".
            ("/Spans/text/ends/1", json!(7), "`attrs[0].key` is text 1, which is not UTF-8"),
        ],
    );
}

#[test]
fn spans_that_refer_to_what_is_not_there_are_refused_by_field_and_row() {
    assert_refused(
        &Batch::Spans(spans()),
        &[
            ("/Spans/spans/1/trace_id", json!(0), "`spans[1].trace_id` is zero, which names nothing"),
            ("/Spans/spans/1/span_id", json!(0), "`spans[1].span_id` is zero, which names nothing"),
            ("/Spans/spans/1/name", json!(4), "`spans[1].name` is text 4, and there are 4"),
            ("/Spans/spans/1/name", json!(BYTES), "`spans[1].name` is text 3, which is not UTF-8"),
            ("/Spans/spans/0/status_message", json!(u32::MAX), "`spans[0].status_message` is text 4294967295, and there are 4"),
            ("/Spans/spans/0/trace_state", json!(BYTES), "`spans[0].trace_state` is text 3"),
            ("/Spans/spans/0/scope", json!(9), "`spans[0].scope` is text 9"),
            ("/Spans/spans/0/resource", json!(1), "`spans[0].resource` is row 1 of `resources`, which has 1"),
            ("/Spans/spans/1/attrs/end", json!(6), "`spans[1].attrs` ends at row 6 of `attrs`, which has 5"),
            ("/Spans/spans/1/attrs", json!({ "start": 9, "end": 9 }), "`spans[1].attrs` ends at row 9 of `attrs`, which has 5"),
            ("/Spans/spans/0/attrs", json!({ "start": 3, "end": 1 }), "`spans[0].attrs` ends at row 1 of `attrs`, before it begins at 3"),
            ("/Spans/spans/1/attrs/start", json!(2), "`spans[1].attrs` has rows of `attrs` that are another's too"),
            ("/Spans/spans/0/attrs/start", json!(0), "`spans[0].attrs` has rows of `attrs` that are another's too"),
            ("/Spans/spans/0/links/end", json!(2), "`spans[0].links` ends at row 2 of `links`, which has 1"),
            ("/Spans/spans/1/links/start", json!(0), "`spans[1].links` has rows of `links` that are another's too"),
            ("/Spans/spans/0/events/end", json!(2), "`spans[0].events` ends at row 2 of `events`, which has 1"),
            ("/Spans/spans/1/events/start", json!(0), "`spans[1].events` has rows of `events` that are another's too"),
            ("/Spans/spans/0/sample_weight", json!(0.5), "`spans[0].sample_weight` is 0.5, and the least is 1"),
            ("/Spans/spans/0/sample_weight", json!(1e39), "number out of range"),
            ("/Spans/spans/0/sample_weight", Json::Null, "invalid type: null"),
            ("/Spans/spans/0/kind", json!("Sideways"), "unknown variant `Sideways`"),
            ("/Spans/spans/0/flags", json!(1_u64 << 32), "invalid value"),
            ("/Spans/attrs/1/key", json!(BYTES), "`attrs[1].key` is text 3, which is not UTF-8"),
            ("/Spans/attrs/1/value", json!({ "Str": BYTES }), "`attrs[1].value` is text 3, which is not UTF-8"),
            ("/Spans/attrs/1/value", json!({ "List": BYTES }), "`attrs[1].value` is text 3, which is not UTF-8"),
            ("/Spans/attrs/1/value", json!({ "Bytes": 4 }), "`attrs[1].value` is text 4, and there are 4"),
            ("/Spans/links/0/trace_id", json!(0), "`links[0].trace_id` is zero"),
            ("/Spans/links/0/span_id", json!(0), "`links[0].span_id` is zero"),
            ("/Spans/links/0/attrs/end", json!(5), "`events[0].attrs` has rows of `attrs` that are another's too"),
            ("/Spans/links/0/attrs/end", json!(2), "`links[0].attrs` ends at row 2 of `attrs`, before it begins at 3"),
            ("/Spans/events/0/name", json!(BYTES), "`events[0].name` is text 3"),
            ("/Spans/events/0/attrs/end", json!(6), "`events[0].attrs` ends at row 6"),
            ("/Spans/resources/0/service_name", json!(BYTES), "`resources[0].service_name` is text 3"),
            ("/Spans/resources/0/namespace", json!(4), "`resources[0].namespace` is text 4"),
            ("/Spans/resources/0/environment", json!(4), "`resources[0].environment` is text 4"),
            ("/Spans/resources/0/version", json!(4), "`resources[0].version` is text 4"),
            ("/Spans/resources/0/instance", json!(4), "`resources[0].instance` is text 4"),
            ("/Spans/resources/0/attrs/end", json!(6), "`resources[0].attrs` ends at row 6"),
            ("/Spans/resources", json!([]), "`spans[0].resource` is row 0 of `resources`, which has 0"),
        ],
    );
}

#[test]
fn logs_that_refer_to_what_is_not_there_are_refused_by_field_and_row() {
    assert_refused(
        &Batch::Logs(logs()),
        &[
            ("/Logs/header/version", json!(1), "the batch is of version 1"),
            ("/Logs/logs/0/severity", json!(25), "`logs[0].severity` is 25, and 24 is the most"),
            ("/Logs/logs/0/severity", json!(256), "invalid value"),
            ("/Logs/logs/0/severity_text", json!(BYTES), "`logs[0].severity_text` is text 3"),
            ("/Logs/logs/0/body", json!({ "Str": BYTES }), "`logs[0].body` is text 3, which is not UTF-8"),
            ("/Logs/logs/0/body", json!({ "Bytes": 9 }), "`logs[0].body` is text 9, and there are 4"),
            ("/Logs/logs/0/scope", json!(BYTES), "`logs[0].scope` is text 3"),
            ("/Logs/logs/0/resource", json!(1), "`logs[0].resource` is row 1 of `resources`, which has 1"),
            ("/Logs/logs/0/attrs", json!({ "start": 2, "end": 1 }), "`logs[0].attrs` ends at row 1 of `attrs`, before it begins at 2"),
            ("/Logs/logs/0/attrs/start", json!(0), "`logs[0].attrs` has rows of `attrs` that are another's too"),
            ("/Logs/logs/0/attrs/end", json!(3), "`logs[0].attrs` ends at row 3 of `attrs`, which has 2"),
            ("/Logs/attrs/1/key", json!(9), "`attrs[1].key` is text 9"),
            ("/Logs/resources/0/instance", json!(9), "`resources[0].instance` is text 9"),
        ],
    );
}

#[test]
fn records_that_refer_to_what_is_not_there_are_refused_by_field_and_row() {
    assert_refused(
        &Batch::Records(records()),
        &[
            ("/Records/header/version", json!(1), "the batch is of version 1"),
            ("/Records/records/1/channel", json!(1), "`records[1].channel` is row 1 of `channels`, which has 1"),
            ("/Records/records/1/place", json!({ "Opaque": 4 }), "`records[1].place` is text 4, and there are 4"),
            ("/Records/records/1/place/Offset/partition", json!(1_u64 << 31), "invalid value"),
            ("/Records/records/1/key", json!(4), "`records[1].key` is text 4"),
            ("/Records/records/1/value", json!(4), "`records[1].value` is text 4"),
            ("/Records/records/1/headers/start", json!(0), "`records[1].headers` has rows of `headers` that are another's too"),
            ("/Records/records/1/headers/end", json!(2), "`records[1].headers` ends at row 2 of `headers`, which has 1"),
            ("/Records/records/1/headers/end", json!(0), "`records[1].headers` ends at row 0 of `headers`, before it begins at 1"),
            ("/Records/records/0/trace/trace_id", json!(0), "`records[0].trace` is zero"),
            ("/Records/records/1/correlations/start", json!(0), "`records[1].correlations` has rows of `correlations` that are another's too"),
            ("/Records/records/1/correlations/end", json!(2), "`records[1].correlations` ends at row 2 of `correlations`, which has 1"),
            ("/Records/channels/0/name", json!(BYTES), "`channels[0].name` is text 3, which is not UTF-8"),
            ("/Records/headers/0/name", json!(BYTES), "`headers[0].name` is text 3, which is not UTF-8"),
            ("/Records/headers/0/value", json!(4), "`headers[0].value` is text 4, and there are 4"),
            ("/Records/correlations/0/name", json!(BYTES), "`correlations[0].name` is text 3, which is not UTF-8"),
        ],
    );
}

#[test]
fn what_is_more_than_a_collector_lets_through_is_refused() {
    let refused = |batch: Batch| batch.check().err().map(|error| error.to_string()).unwrap_or_default();

    let mut many = spans();
    many.attrs = vec![attr(Value::I64(1)); 2 * MAX_RUN_ROWS];
    (many.resources[0].attrs, many.links[0].attrs, many.events[0].attrs) = (run(0, 0), run(0, 0), run(0, 0));
    many.spans[0].attrs = run(0, MAX_RUN_ROWS as u32);
    assert_eq!(Batch::Spans(many.clone()).check(), Ok(()));
    many.spans[0].attrs.end += 1;
    assert!(refused(Batch::Spans(many)).contains("`spans[0].attrs` has 1025 rows of `attrs`, and 1024 are the most"));

    let mut far = records();
    far.records[0].place = PlaceRow::Opaque(far.text.push(&[0xff; MAX_PLACE_BYTES]));
    assert_eq!(Batch::Records(far.clone()).check(), Ok(()));
    far.records[0].place = PlaceRow::Opaque(far.text.push(&[0xff; MAX_PLACE_BYTES + 1]));
    assert!(refused(Batch::Records(far)).contains("`records[0].place` has 1025 bytes, and 1024 are the most"));

    // One text that is said by all.
    let mut long = logs();
    let text = long.text.push("a".repeat(1 << 20).as_bytes());
    let said = LogRow { body: Value::Str(text), attrs: run(1, 1), scope: text, ..long.logs[0] };
    long.logs = vec![said; 511];
    assert_eq!(Batch::Logs(long.clone()).check(), Ok(()), "a scope is said once");
    long.logs.push(said);
    let error = refused(Batch::Logs(long));
    assert!(error.contains("`logs[511].body` says too much: with it the batch comes to more than 536870912 bytes"), "{error}");
}

#[test]
fn what_attributes_mean_is_told_by_their_names_whatever_stands_there() {
    let mut batch = spans();
    let name = batch.text.push(b"http.status_code");
    batch.attrs[1] = AttrRow::new(name, WellKnown::trusted("http.status_code"), Value::Str(Str::EMPTY));
    let mut other = batch.clone();
    (other.attrs[1].known, other.attrs[1].trust, other.attrs[0].known) = (WellKnown::ExceptionType, 255, WellKnown::ServiceName);
    assert_eq!(read(&written(&Batch::Spans(other))), Ok(Batch::Spans(batch)));
}

/// Puts texts as collectors do, and gives out the runs that they make.
#[derive(Default)]
struct Filling {
    text: TextArena,
    attrs: Vec<AttrRow>,
}

/// An attribute's name and value.
type Attr = (String, AnyOf);

#[derive(Clone, Debug)]
enum AnyOf {
    Text(String),
    Bytes(Vec<u8>),
    List(String),
    Number(i64),
    Double(i32),
    Truth(bool),
}

impl Filling {
    fn put(&mut self, text: &str) -> Str {
        self.text.push(text.as_bytes())
    }

    fn value(&mut self, value: &AnyOf) -> Value {
        match value {
            AnyOf::Text(text) => Value::Str(self.put(text)),
            AnyOf::Bytes(bytes) => Value::Bytes(self.text.push(bytes)),
            AnyOf::List(text) => Value::List(self.put(text)),
            AnyOf::Number(number) => Value::I64(*number),
            AnyOf::Double(quarters) => Value::F64(f64::from(*quarters) / 4.0),
            AnyOf::Truth(truth) => Value::Bool(*truth),
        }
    }

    fn attrs(&mut self, of: &[Attr]) -> Attrs {
        let start = self.attrs.len() as u32;
        for (name, value) in of {
            let (key, value) = (self.put(name), self.value(value));
            self.attrs.push(AttrRow::new(key, WellKnown::trusted(name), value));
        }
        run(start, self.attrs.len() as u32)
    }

    fn resource(&mut self, of: &[Attr]) -> ResourceRow {
        let service_name = self.put("orders");
        ResourceRow { service_name, attrs: self.attrs(of), ..ResourceRow::default() }
    }
}

fn attrs() -> impl Strategy<Value = Vec<Attr>> {
    let name = prop_oneof![Just("http.method".to_owned()), Just("exception.type".to_owned()), "\\PC{0,8}"];
    let value = prop_oneof![
        "\\PC{0,20}".prop_map(AnyOf::Text),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(AnyOf::Bytes),
        "\\PC{0,20}".prop_map(AnyOf::List),
        any::<i64>().prop_map(AnyOf::Number),
        any::<i32>().prop_map(AnyOf::Double),
        any::<bool>().prop_map(AnyOf::Truth),
    ];
    prop::collection::vec((name, value), 0..5)
}

/// A span's name, attributes, those of its links, events.
type Spanned = (String, Vec<Attr>, Vec<Vec<Attr>>, Vec<(String, Vec<Attr>)>);

fn batch_of_spans(of: &[Spanned], resource: &[Attr]) -> SpanBatch {
    let mut filling = Filling::default();
    let mut batch = SpanBatch { header: header(), resources: vec![filling.resource(resource)], ..SpanBatch::default() };
    for (at, (name, attrs, links, events)) in of.iter().enumerate() {
        let name = filling.put(name);
        let attrs = filling.attrs(attrs);
        let (first_link, first_event) = (batch.links.len() as u32, batch.events.len() as u32);
        batch.links.extend(links.iter().map(|attrs| LinkRow { trace_id: TraceId(1), span_id: SpanId(1), attrs: filling.attrs(attrs) }));
        for (name, attrs) in events {
            batch.events.push(EventRow { time_ns: -1, name: filling.put(name), attrs: filling.attrs(attrs) });
        }
        let (links, events) = (run(first_link, batch.links.len() as u32), run(first_event, batch.events.len() as u32));
        batch.spans.push(SpanRow { name, scope: name, ..span(at as u64 + 1, attrs, links, events) });
    }
    SpanBatch { text: filling.text, attrs: filling.attrs, ..batch }
}

fn batch_of_logs(of: &[(AnyOf, Vec<Attr>)], resource: &[Attr]) -> LogBatch {
    let mut filling = Filling::default();
    let resources = vec![filling.resource(resource)];
    let log = logs().logs[0];
    let log = |(body, attrs): &(AnyOf, Vec<Attr>)| LogRow {
        body: filling.value(body),
        attrs: filling.attrs(attrs),
        severity_text: Str::EMPTY,
        scope: Str::EMPTY,
        ..log
    };
    let logs = of.iter().map(log).collect();
    LogBatch { header: header(), text: filling.text, resources, logs, attrs: filling.attrs }
}

/// Key, value, opaque place, headers.
type Recorded = (Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>, Vec<(String, Option<Vec<u8>>)>);

fn batch_of_records(of: &[Recorded]) -> RecordBatch {
    let mut text = TextArena::default();
    let mut batch = RecordBatch { header: header(), channels: vec![ChannelRow { name: text.push(b"orders") }], ..RecordBatch::default() };
    let sample = records().records[0];
    for (key, value, place, headers) in of {
        let (first_header, first_id) = (batch.headers.len() as u32, batch.correlations.len() as u32);
        for (name, value) in headers {
            let name = text.push(name.as_bytes());
            batch.correlations.extend(value.as_deref().and_then(CorrelationId::parse).map(|value| CorrelationRow { name, value }));
            batch.headers.push(HeaderRow { name, value: value.as_ref().map(|value| text.push(value)), redacted: false });
        }
        batch.records.push(RecordRow {
            place: place.as_ref().map_or(PlaceRow::None, |place| PlaceRow::Opaque(text.push(place))),
            key: key.as_ref().map(|key| text.push(key)),
            value: value.as_ref().map(|value| text.push(value)),
            headers: run(first_header, batch.headers.len() as u32),
            correlations: run(first_id, batch.correlations.len() as u32),
            ..sample
        });
    }
    RecordBatch { text, ..batch }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_filled_as_collectors_fill_it_is_read_as_it_was_written(
        of_spans in prop::collection::vec(("\\PC{0,9}", attrs(), prop::collection::vec(attrs(), 0..3), prop::collection::vec(("\\PC{0,9}", attrs()), 0..3)), 0..5),
        of_logs in prop::collection::vec(("\\PC{0,9}".prop_map(AnyOf::Text), attrs()), 0..5),
        of_records in prop::collection::vec((
            prop::option::of(prop::collection::vec(any::<u8>(), 0..9)),
            prop::option::of(prop::collection::vec(any::<u8>(), 0..9)),
            prop::option::of(prop::collection::vec(any::<u8>(), 0..9)),
            prop::collection::vec(("\\PC{0,9}", prop::option::of(prop::collection::vec(any::<u8>(), 0..9))), 0..4),
        ), 0..5),
        resource in attrs(),
    ) {
        let spans = Batch::Spans(batch_of_spans(&of_spans, &resource));
        for batch in [spans, Batch::Logs(batch_of_logs(&of_logs, &resource)), Batch::Records(batch_of_records(&of_records))] {
            prop_assert_eq!(batch.check(), Ok(()));
            // Not by way of `written`: it holds no numbers of 128 bits, as ids may be.
            let text = serde_json::to_string(&batch).expect("JSON");
            prop_assert_eq!(serde_json::from_str::<Batch>(&text).map_err(|error| error.to_string()), Ok(batch));
        }
    }
}
