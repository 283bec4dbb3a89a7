//! What is fuzzed: each reader of what comes from outside, as a function of bytes. It panics where something is wrong. `tests/tests/corpora.rs`
//! reads the corpora with the same functions, so that each input that ever broke something stays read.

mod json_scan;
mod sending;

use std::sync::{Arc, LazyLock};

use switchboard_desk::profile::Profile;
use switchboard_engine::view::{Answer, ChannelKey, PointQuery, Query, ScanQuery, TraceFilter, TraceOrder};
use switchboard_engine::{Engine, EngineConfig};
use switchboard_kafka::testing::record_batch;
use switchboard_model::{
    BATCH_VERSION, Batch, BatchHeader, CorrelationId, HeaderDecoder, Input, MessageRef, OriginalRecord, Place, RawHash, RawHeader, Redactor, ReplayMark,
    SeenRecord, SourceId, SourceInfo, SourceKind, SpanContext, TimestampType, WrittenPlace, dead_letter_name, failure_header, group_in_name,
    is_correlation_name, is_retry_name, java_big_integer, parse_b3_single, parse_datadog, parse_hex_id, parse_traceparent, parse_uber_trace_id, plan_headers,
    retry_delay_ms,
};
use switchboard_otlp::testing as otlp;

/// One thing that is fuzzed.
pub struct Target {
    /// Its name, and its corpus's.
    pub name: &'static str,
    /// Reads an input.
    pub read: fn(&[u8]),
}

/// All of them, by name.
pub const TARGETS: &[Target] = &[
    Target { name: "actuator", read: switchboard_http::fuzzing::read_answer },
    Target { name: "batch", read: batch },
    Target { name: "context", read: context },
    Target { name: "draft", read: sending::draft },
    Target { name: "edit", read: sending::edit },
    Target { name: "engine", read: engine },
    Target { name: "find", read: find },
    Target { name: "http_body", read: switchboard_http::fuzzing::read_body },
    Target { name: "import", read: sending::import },
    Target { name: "otlp_json", read: otlp_json },
    Target { name: "otlp_protobuf", read: otlp_protobuf },
    Target { name: "plan_file", read: sending::plan_file },
    Target { name: "record_file", read: sending::record_file },
    Target { name: "profile", read: profile },
    Target { name: "record", read: record },
    Target { name: "redact", read: redact },
];

/// When inputs arrive, ns since the Unix epoch: shortly after the spans of the corpora.
pub const RECEIVED_NS: i64 = 1_790_000_001_000_000_000;

/// Finds secrets in what is read.
pub static REDACTOR: LazyLock<Arc<Redactor>> = LazyLock::new(|| Arc::new(Redactor::new([7; 16], &["pin".to_owned()])));

fn header() -> BatchHeader {
    BatchHeader { version: BATCH_VERSION, source: SourceId(0), received_ns: RECEIVED_NS }
}

/// What collectors make passes the check of what is read back.
fn assert_sound(batch: &Batch) {
    if let Err(error) = batch.check() {
        panic!("{error}");
    }
}

/// A request in protobuf; its first byte says of what.
fn otlp_protobuf(bytes: &[u8]) {
    decode_protobuf(bytes, &mut |batch| assert_sound(&batch));
}

fn decode_protobuf(bytes: &[u8], take: &mut dyn FnMut(Batch)) {
    let Some((signal, request)) = bytes.split_first() else { return };
    match signal % 3 {
        0 => otlp::decode_trace_request(request, header(), &REDACTOR, take),
        1 => otlp::decode_log_request(request, header(), &REDACTOR, take),
        _ => otlp::decode_metric_request(request, header(), &REDACTOR),
    };
}

/// A request in JSON, read as one of each kind.
fn otlp_json(bytes: &[u8]) {
    decode_json(bytes, &mut |batch| assert_sound(&batch));
    otlp::decode_json_metric_request(bytes, header(), &REDACTOR);
}

fn decode_json(bytes: &[u8], take: &mut dyn FnMut(Batch)) {
    otlp::decode_json_trace_request(bytes, header(), &REDACTOR, &mut *take);
    otlp::decode_json_log_request(bytes, header(), &REDACTOR, &mut *take);
}

fn new_engine(kind: SourceKind) -> Engine {
    let mut engine = Engine::new(EngineConfig { memory_bytes: 8 << 20, started_ns: RECEIVED_NS - 1_000_000_000 });
    engine.add_source(SourceInfo { id: SourceId(0), name: "fuzz".to_owned(), kind, environment: None });
    engine
}

/// All that an engine can be asked for that has no question of its own.
fn look_at(engine: &mut Engine) {
    engine.snapshot(&[]);
    engine.report(&[]);
}

/// What an engine makes of what a sender sends, in JSON where it begins like an object and else in protobuf.
fn engine(bytes: &[u8]) {
    let mut engine = new_engine(SourceKind::Otlp);
    let mut take = |batch| engine.apply(Input::Batch(batch));
    if bytes.first() == Some(&b'{') {
        decode_json(bytes, &mut take);
    } else {
        decode_protobuf(bytes, &mut take);
    }
    look_at(&mut engine);
}

/// Parts of an input, each behind its length in one byte; 255 is a part that is null.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// The next part; `None` = null, or there is none.
    fn take(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first()?;
        if *length == u8::MAX {
            self.0 = rest;
            return None;
        }
        let (part, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        self.0 = rest;
        Some(part)
    }
}

/// A record of a broker: topic, key, value, then names and values of headers. It is read, looked at by an engine, and planned to be sent again.
fn record(bytes: &[u8]) {
    let mut parts = Parts(bytes);
    let topic = String::from_utf8_lossy(parts.take().unwrap_or_default()).into_owned();
    let (key, value) = (parts.take(), parts.take());
    let mut headers = Vec::new();
    while !parts.is_over() {
        headers.push((parts.take().unwrap_or_default(), parts.take()));
    }
    let batch = Batch::Records(record_batch(header(), &topic, (key, value), &headers, REDACTOR.clone()));
    assert_sound(&batch);
    let mut engine = new_engine(SourceKind::Kafka);
    engine.add_dead_letter_channel("chosen");
    engine.apply(Input::Batch(batch));
    look_at(&mut engine);

    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let original = OriginalRecord {
        seen: SeenRecord { at: MessageRef { channel: topic, place: Place::at(0, 0), ..MessageRef::default() }, raw_hash: RawHash(0) },
        key: key.map(<[u8]>::to_vec),
        value: value.map(<[u8]>::to_vec),
        headers: headers.iter().map(|(name, value)| RawHeader { name: text(name), value: value.map(<[u8]>::to_vec) }).collect(),
        timestamp_ms: None,
        timestamp_type: TimestampType::Unknown,
    };
    let mark = ReplayMark { replay_id: "0123", max_replays: 3 };
    if let Ok(plan) = plan_headers(&original, &mark, &REDACTOR) {
        assert!((1..=3).contains(&plan.replay_count), "replayed {} times", plan.replay_count);
        let again = OriginalRecord { headers: plan.headers, ..original };
        if let Ok(next) = plan_headers(&again, &mark, &REDACTOR) {
            assert_eq!(next.replay_count, plan.replay_count + 1, "a replay counts the one before it");
        }
    }
}

/// Texts of headers, a line each: contexts, ids, names, numbers.
fn context(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let (one, two) = (lines.next().unwrap_or_default(), lines.next());
    let is_whole = |context: SpanContext| assert!(context.trace_id.0 != 0, "a trace without an id");
    for parse in [parse_traceparent, parse_b3_single, parse_uber_trace_id] {
        parse(one).into_iter().for_each(is_whole);
    }
    for parse in [parse_datadog, parse_hex_id] {
        parse(one, two).into_iter().for_each(is_whole);
    }
    if let Some(id) = CorrelationId::parse(one.as_bytes()) {
        assert!(id.matches(&id), "an id that is not itself");
    }
    CorrelationId::parse(bytes);
    if let Some(WrittenPlace { place, .. }) = WrittenPlace::parse(one) {
        assert_eq!(Place::parse(&place.to_string()), Some(place));
    }
    is_correlation_name(one);
    dead_letter_name(one);
    is_retry_name(one);
    retry_delay_ms(one);
    group_in_name(one, two.unwrap_or_default());
    REDACTOR.is_secret_name(one);
    failure_header(one);
    java_big_integer(bytes);
    for decoder in [HeaderDecoder::Text, HeaderDecoder::Be32, HeaderDecoder::Count, HeaderDecoder::Be64, HeaderDecoder::BigInteger, HeaderDecoder::AsciiDecimal]
    {
        assert!(decoder == HeaderDecoder::Text || decoder.reads(bytes) == decoder.number(bytes).is_some(), "a number that is none");
    }
}

/// A value with secrets in it.
fn redact(bytes: &[u8]) {
    let clean = REDACTOR.redact_bytes(bytes);
    assert!(std::str::from_utf8(bytes).is_err() || std::str::from_utf8(&clean).is_ok(), "a character was cut");
    let whole = REDACTOR.keep(bytes, usize::MAX);
    assert!(!whole.cut && whole.bytes == clean, "kept whole, and another than clean");
    for most_bytes in [0, 1, 16, 100] {
        let kept = REDACTOR.keep(bytes, most_bytes);
        assert!(kept.redacted || kept.bytes.len() <= most_bytes, "more is kept than is let");
    }
}

/// A profile as somebody wrote it.
fn profile(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Err(error) = Profile::parse(text, "fuzz.toml") {
        assert!(!error.to_string().is_empty(), "a mistake without a word");
    }
}

/// A batch that was written down. What is read of it can be written again, and an engine takes it: the second time as what it knows already.
fn batch(bytes: &[u8]) {
    let Ok(batch) = serde_json::from_slice::<Batch>(bytes) else { return };
    let written = serde_json::to_vec(&batch).expect("what was read can be written");
    serde_json::from_slice::<Batch>(&written).expect("what was written can be read");
    let header = batch.header();
    let mut engine = new_engine(SourceKind::Kafka);
    for batch in [batch.clone(), batch, Batch::Tick(BatchHeader { received_ns: header.received_ns + 60_000_000_000, ..header })] {
        engine.apply(Input::Batch(batch));
        look_at(&mut engine);
    }
    engine.query(&Query::Scan(ScanQuery::Traces { filter: TraceFilter::default(), order: TraceOrder::Slowest, limit: 10 }));
    engine.query(&Query::Scan(ScanQuery::Logs { service: None, instance: None, min_severity: 0, limit: 10 }));
    engine.query(&Query::Scan(ScanQuery::DeadLettersSince { cluster: "k".to_owned(), since_ns: 0, skip: 0, limit: 10 }));
    engine.query(&Query::Scan(ScanQuery::Find { text: "4711".to_owned(), limit: 10 }));
    let channel = ChannelKey { cluster: None, name: "orders".to_owned() };
    let Answer::Records(page) = engine.query(&Query::Point(PointQuery::Records { channel, after: None, limit: 10 })) else { return };
    engine.query(&Query::Point(PointQuery::RecordDetails { rows: page.rows.iter().map(|line| line.row).collect() }));
}

/// A line that somebody looks for, and what a record holds that it is looked for in.
fn find(bytes: &[u8]) {
    let (text, within) = bytes.split_at(bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len()));
    let text = String::from_utf8_lossy(text).into_owned();
    let mut engine = new_engine(SourceKind::Kafka);
    let record = record_batch(header(), "orders.placed", (None, Some(within)), &[(b"x-request-id", Some(within))], REDACTOR.clone());
    engine.apply(Input::Batch(Batch::Records(record)));
    engine.query(&Query::Scan(ScanQuery::Find { text, limit: 10 }));
}
