//! What questions cost that look at many spans: lists of traces, and any text. Each beside a naive reference in the same run,
//! which keeps owned strings and looks at every one.
//!
//! `cargo bench -p switchboard-engine --bench queries -- [--spans NUM]` (2,300,000 unless told; a budget of 4 GiB).

#![expect(clippy::print_stdout, reason = "prints its figures")]

mod generator;

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use switchboard_engine::view::{Answer, Query, Range, ScanQuery, TraceFilter, TraceOrder};
use switchboard_engine::{Engine, EngineConfig, EngineThread};
use switchboard_model::{Batch, Input, Offer, SourceId, SourceInfo, SourceKind, SpanBatch, SpanStatus, TraceId, channel};

use generator::{Generator, SPANS_PER_BATCH, START_NS, request_id};

const CONFIG: EngineConfig = EngineConfig { memory_bytes: 4 << 30, started_ns: START_NS };
/// Spans that the reference keeps at most; its times are scaled up.
const NUM_NAIVE: u64 = 500_000;
/// Times of one question.
const NUM_TIMES: usize = 5;

/// A span as a program without a store of its own keeps it.
struct NaiveSpan {
    trace_id: TraceId,
    service: String,
    name: String,
    start_ns: i64,
    end_ns: i64,
    is_failed: bool,
    attributes: Vec<(String, String)>,
}

#[derive(Default)]
struct Naive {
    spans: Vec<NaiveSpan>,
}

impl Naive {
    fn insert(&mut self, batch: &SpanBatch) {
        for row in &batch.spans {
            let attributes = batch.attrs[row.attrs.range()].iter();
            self.spans.push(NaiveSpan {
                trace_id: row.trace_id,
                service: batch.text.get(batch.resources[row.resource as usize].service_name).to_owned(),
                name: batch.text.get(row.name).to_owned(),
                start_ns: row.start_ns,
                end_ns: row.end_ns,
                is_failed: row.status == SpanStatus::Error,
                attributes: attributes.map(|attr| (batch.text.get(attr.key).to_owned(), attr.value.to_text(&batch.text).into_owned())).collect(),
            });
        }
    }

    fn find(&self, text: &str, limit: usize) -> usize {
        let text = text.to_lowercase();
        let contains = |value: &String| value.to_lowercase().contains(&text);
        let is_in = |span: &&NaiveSpan| contains(&span.name) || contains(&span.service) || span.attributes.iter().any(|(_, value)| contains(value));
        self.spans.iter().rev().filter(is_in).take(limit).count()
    }

    /// All traces with their start, end and whether one of their spans failed, in an order, cut at a limit.
    fn traces(&self, is_asked_for: impl Fn(&NaiveSpan) -> bool, order: TraceOrder, limit: usize) -> usize {
        let mut traces: HashMap<TraceId, (i64, i64, bool, bool)> = HashMap::new();
        for span in &self.spans {
            let trace = traces.entry(span.trace_id).or_insert((i64::MAX, i64::MIN, false, false));
            *trace = (trace.0.min(span.start_ns), trace.1.max(span.end_ns), trace.2 | span.is_failed, trace.3 | is_asked_for(span));
        }
        let mut rows: Vec<_> = traces.into_iter().filter(|(_, trace)| trace.3).collect();
        rows.sort_by_key(|(_, (start_ns, end_ns, is_failed, _))| match order {
            TraceOrder::Newest => -start_ns,
            TraceOrder::Slowest => start_ns - end_ns,
            TraceOrder::Failed => i64::from(!is_failed),
        });
        rows.truncate(limit);
        black_box(rows).len()
    }
}

/// The median time of a question, and what its last answer said.
fn time<T>(mut ask: impl FnMut() -> T) -> (Duration, T) {
    let mut times = Vec::with_capacity(NUM_TIMES);
    loop {
        let began = Instant::now();
        let answer = ask();
        times.push(began.elapsed());
        if times.len() == NUM_TIMES {
            times.sort_unstable();
            return (times[NUM_TIMES / 2], answer);
        }
    }
}

fn told(what: &str, (took, num): (Duration, usize), naive: Duration, scale: f64) {
    println!("  {what:<44} {:9.2} ms, {num:6} rows   (naive {:9.2} ms)", took.as_secs_f64() * 1e3, naive.as_secs_f64() * 1e3 * scale);
}

fn traces(engine: &mut Engine, naive: &Naive, scale: f64) {
    let of = |service: &str| TraceFilter { service: Some(service.to_owned()), ..TraceFilter::default() };
    let recent = Range { from_ns: START_NS, to_ns: i64::MAX };
    let questions = [
        ("newest 200", TraceFilter::default(), TraceOrder::Newest, 200),
        ("newest 10,000", TraceFilter::default(), TraceOrder::Newest, 10_000),
        ("newest 200 in a range", TraceFilter { range: Some(recent), ..TraceFilter::default() }, TraceOrder::Newest, 200),
        ("newest 200 of a service", of("ledger"), TraceOrder::Newest, 200),
        ("newest 200 of a service that is not there", of("nobody"), TraceOrder::Newest, 200),
        ("slowest 200", TraceFilter::default(), TraceOrder::Slowest, 200),
        ("failed 200", TraceFilter { failed_only: true, ..TraceFilter::default() }, TraceOrder::Failed, 200),
        (
            "slowest 200 from one to another (naive: all)",
            TraceFilter { through: Some(("orders".to_owned(), "payments".to_owned())), ..TraceFilter::default() },
            TraceOrder::Slowest,
            200,
        ),
    ];
    for (what, filter, order, limit) in questions {
        let query = Query::Scan(ScanQuery::Traces { filter: filter.clone(), order, limit });
        let took = time(|| match engine.query(&query) {
            Answer::Traces(list) => list.rows.len(),
            _ => 0,
        });
        let is_asked_for = |span: &NaiveSpan| filter.service.as_ref().is_none_or(|service| *service == span.service);
        let reference = time(|| naive.traces(is_asked_for, order, limit)).0;
        told(what, took, reference, scale);
    }
}

fn finds(engine: &mut Engine, naive: &Naive, unique: &str, scale: f64) {
    let questions = [
        ("a text that is not there", "nothing like it"),
        ("a text of frequent letters that is not there", "erections"),
        ("a frequent word", "value-3"),
        ("a part of a name, in another case", "API/Resource-17"),
        ("a number", "202"),
        ("a number that is not there", "4711"),
        ("a unique value", unique),
        ("a UUID that is not there", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
    ];
    for (what, text) in questions {
        let query = Query::Scan(ScanQuery::Find { text: text.to_owned(), limit: 200 });
        let took = time(|| match engine.query(&query) {
            Answer::Found(page) => page.hits.len(),
            _ => 0,
        });
        told(what, took, time(|| black_box(naive.find(text, 200))).0, scale);
    }
}

/// Pours the same amount with and without searches beside it, in turn.
fn beside(generator: &Generator, num_spans: u64) {
    let (intake, outlet) = channel(64 << 20);
    let source = SourceInfo { id: SourceId(1), name: "bench".to_owned(), kind: SourceKind::Otlp, environment: None };
    let engine = EngineThread::spawn(CONFIG, vec![source], outlet, intake.clone(), Box::new(|| {}));
    let sink = intake.sink(SourceId(1));
    let mut next = 0;
    let mut pour = |num_batches: u64| {
        let batches: Vec<Batch> = (next..next + num_batches).map(|number| Batch::Spans(generator.batch(number))).collect();
        next += num_batches;
        let began = Instant::now();
        for batch in batches {
            assert!(matches!(sink.offer_within(batch, Duration::from_mins(1)), Offer::Taken), "the engine takes what comes");
        }
        while intake.num_bytes_queued() > 0 {
            std::thread::sleep(Duration::from_micros(50));
        }
        began.elapsed()
    };
    pour(num_spans / SPANS_PER_BATCH);
    let (mut alone, mut meanwhile, mut num_searches) = (Vec::new(), Vec::new(), 0);
    for round in 0..12 {
        if round % 2 == 0 {
            alone.push(pour(200));
            continue;
        }
        let is_ending = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let search = scope.spawn(|| {
                let mut num = 0;
                while !is_ending.load(Ordering::Relaxed) {
                    for _part in engine.query(Query::Scan(ScanQuery::Find { text: "nothing like it".to_owned(), limit: 200 })) {}
                    num += 1;
                }
                num
            });
            meanwhile.push(pour(200));
            is_ending.store(true, Ordering::Relaxed);
            num_searches += search.join().unwrap_or(0);
        });
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2].as_nanos() as f64 / (200 * SPANS_PER_BATCH) as f64
    };
    let (alone, meanwhile) = (median(&mut alone), median(&mut meanwhile));
    println!("ingest {alone:.0} ns a span alone, {meanwhile:.0} ns with a search always running ({num_searches}): {:.2} times", meanwhile / alone);
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    // Without `cargo bench` this only shows that it runs.
    let usual = if args.iter().any(|arg| arg == "--bench") { 2_300_000 } else { 50_000 };
    let num_spans: u64 = args.iter().position(|arg| arg == "--spans").and_then(|at| args.get(at + 1)).and_then(|num| num.parse().ok()).unwrap_or(usual);
    let generator = Generator::new();
    for (what, num_unique) in [("8 attributes of few values", 0), ("8 attributes of few values and 2 unique ones", 2)] {
        let mut engine = Engine::new(CONFIG);
        let mut naive = Naive::default();
        for number in 0..num_spans / SPANS_PER_BATCH {
            let mut batch = generator.batch(number);
            batch.spans.iter_mut().for_each(|span| span.attrs.end -= 2 - num_unique);
            if (naive.spans.len() as u64) < NUM_NAIVE {
                naive.insert(&batch);
            }
            engine.apply(Input::Batch(Batch::Spans(batch)));
        }
        let scale = num_spans as f64 / naive.spans.len().max(1) as f64;
        println!("{num_spans} spans of {what}, {:.0} B each (naive: over {}, scaled up)", engine.size_bytes() as f64 / num_spans as f64, naive.spans.len());
        traces(&mut engine, &naive, scale);
        finds(&mut engine, &naive, &request_id(num_spans / 2), scale);
    }
    beside(&generator, num_spans);
}
