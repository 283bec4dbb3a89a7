//! What is read in names, headers and ids takes time that grows with their length and no faster.

use std::hint::black_box;

use switchboard_measure::growth::assert_linear;
use switchboard_model::{
    AttrRow, Attrs, Batch, CorrelationId, HeaderDecoder, LogBatch, LogRow, MessageRef, OriginalRecord, Place, RawHash, RawHeader, Redactor, ReplayMark,
    ResourceRow, SeenRecord, SpanId, Str, TimestampType, TraceId, Value, WellKnown, WrittenPlace, dead_letter_name, failure_header, group_in_name,
    is_correlation_name, is_retry_name, parse_b3_single, parse_datadog, parse_hex_id, parse_traceparent, parse_uber_trace_id, plan_headers, retry_delay_ms,
};

/// What names and ids may be made of to make a reader look again and again.
const PARTS: &[&str] = &[
    "a",
    "-",
    ".",
    "_",
    ":",
    "@",
    "/",
    " ",
    "0",
    "9",
    "-0",
    "a-",
    "a.",
    "dlq-",
    "dlq",
    "dead-",
    "dead.letter",
    "deadletter",
    "dlt",
    "-dlt",
    "retry-",
    "retries",
    "error.",
    "error.a.",
    "v1-",
    "1000-",
    "ms",
    "%3A",
    "%3a",
    "é",
    "e\u{301}",
    "\u{200d}",
    "日",
    "😀",
    "\0",
    "x-",
    "kafka_dlt-",
    "token-",
    "password_",
    "AbC",
    "[0]",
    "\"",
    "\\",
];

const LEN: usize = 1 << 18;

/// What is read, and its reader.
type Reader<'r> = (&'static str, &'r dyn Fn(&str));
/// What headers are called, by their number.
type Namer = (&'static str, fn(usize) -> String);

fn long(part: &str) -> impl Fn(usize) -> String {
    move |len| part.repeat(len / part.len() + 1)
}

#[test]
fn twice_the_name_takes_twice_the_time() {
    let redactor = Redactor::new([7; 16], &["tenant-word".to_owned()]);
    let readers: [Reader<'_>; 9] = [
        ("a dead letter's name", &|name| {
            black_box(dead_letter_name(name));
        }),
        ("a retry name", &|name| {
            black_box(is_retry_name(name));
        }),
        ("a retry name's delay", &|name| {
            black_box(retry_delay_ms(name));
        }),
        ("a group in a name", &|name| {
            black_box(group_in_name(name, "a.a.a"));
        }),
        ("a correlation id's name", &|name| {
            black_box(is_correlation_name(name));
        }),
        ("a failure header's name", &|name| {
            black_box(failure_header(name));
        }),
        ("a meaning", &|name| {
            black_box(WellKnown::trusted(name));
        }),
        ("a secret's name", &|name| {
            black_box(redactor.is_secret_name(name));
        }),
        ("a decimal number", &|name| {
            black_box(HeaderDecoder::AsciiDecimal.number(name.as_bytes()));
        }),
    ];
    for part in PARTS {
        for (what, read) in readers {
            assert_linear(&format!("{what} of {part:?}"), LEN, long(part), |name| read(name));
        }
    }
}

#[test]
fn twice_the_id_takes_twice_the_time() {
    let readers: [Reader<'_>; 7] = [
        ("a place", &|id| {
            black_box(WrittenPlace::parse(id));
        }),
        ("a correlation id", &|id| {
            black_box(CorrelationId::parse(id.as_bytes()));
        }),
        ("traceparent", &|id| {
            black_box(parse_traceparent(id));
        }),
        ("b3", &|id| {
            black_box(parse_b3_single(id));
        }),
        ("uber-trace-id", &|id| {
            black_box(parse_uber_trace_id(id));
        }),
        ("Datadog's ids", &|id| {
            black_box(parse_datadog(id, Some(id)));
        }),
        ("B3's ids", &|id| {
            black_box(parse_hex_id(id, Some(id)));
        }),
    ];
    for part in PARTS {
        for (what, read) in readers {
            assert_linear(&format!("{what} of {part:?}"), LEN, long(part), |id| read(id));
        }
    }
    for part in ["@", "1@", "a@1@", ":", ":1", "/1", "1", "a", "p", "p1", "-", " ", "\u{3000}", "]", "[1]", "#", "é", "e\u{301}", "0x", "0x0a"] {
        for end in ["", "@1", "2@1", ":2:1", "[2]@1", " 0x0a"] {
            assert_linear(&format!("a place of {part:?} with {end:?}"), LEN, |len| long(part)(len) + end, |text| WrittenPlace::parse(text));
        }
    }
    let raw = |len: usize| [0xff, 0].repeat(len / 2);
    assert_linear("a correlation id of bytes", LEN, raw, |id| CorrelationId::parse(id));
}

#[test]
fn twice_the_headers_take_twice_the_time() {
    let redactor = Redactor::new([7; 16], &[]);
    let mark = ReplayMark { replay_id: "r", max_replays: u32::MAX };
    let names: [Namer; 5] = [
        ("one name of a framework", |_| "kafka_dlt-original-topic".to_owned()),
        ("names of a framework", |number| format!("kafka_dlt-{number}")),
        ("names of several frameworks", |number| {
            ["kafka_dlt-a", "MT-Fault-a", "__dlq.errors.a", "x-first-death-a"][number % 4].to_owned() + &number.to_string()
        }),
        ("other names", |number| format!("name-{number}")),
        ("marks of a replay", |_| "x-switchboard-replay-count".to_owned()),
    ];
    for (what, name) in names {
        let record = |num: usize| OriginalRecord {
            seen: SeenRecord { at: MessageRef { channel: "orders-dlt".to_owned(), place: Place::at(0, 0), ..MessageRef::default() }, raw_hash: RawHash(0) },
            key: None,
            value: Some(Vec::new()),
            headers: (0..num).map(|number| RawHeader { name: name(number), value: Some(b"1".to_vec()) }).collect(),
            timestamp_ms: None,
            timestamp_type: TimestampType::Create,
        };
        assert_linear(what, 1 << 12, record, |record| plan_headers(record, &mark, &redactor).is_ok());
    }
}

#[test]
fn twice_the_batch_is_checked_in_twice_the_time() {
    const NUM_ATTRS: u32 = 8;
    let log = |number: u32, body: Str| LogRow {
        time_ns: 0,
        severity: 9,
        severity_text: Str::EMPTY,
        body: Value::Str(body),
        trace_id: TraceId::default(),
        span_id: SpanId::NONE,
        scope: body,
        resource: 0,
        attrs: Attrs { start: number * NUM_ATTRS, end: (number + 1) * NUM_ATTRS },
        truncated: false,
    };
    let batch = |text_bytes: usize, num_logs: usize| {
        let mut batch = LogBatch { resources: vec![ResourceRow::default()], ..LogBatch::default() };
        let body = batch.text.push("é".repeat(text_bytes / 2).as_bytes());
        let name = batch.text.push(b"name");
        batch.logs = (0..num_logs as u32).map(|number| log(number, body)).collect();
        batch.attrs = vec![AttrRow::new(name, (WellKnown::Other, 0), Value::Bool(true)); num_logs * NUM_ATTRS as usize];
        Batch::Logs(batch)
    };
    assert_linear("a batch of many rows", 1 << 17, |len| batch(2, len), |batch| assert_eq!(batch.check(), Ok(())));
    assert_linear("a batch of one long text", 1 << 24, |len| batch(len, 1), |batch| assert_eq!(batch.check(), Ok(())));
    assert_linear("a long text that many rows say", 1 << 14, |len| batch(len, len / 8), |batch| assert_eq!(batch.check(), Ok(())));
}
