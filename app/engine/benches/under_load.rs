//! What a window feels while spans pour in: how long its questions take, what a search costs those who send, and what a
//! snapshot costs.
//!
//! `cargo bench -p switchboard-engine --bench under_load -- [--spans NUM]` (10,000,000 stored unless told; a budget of 4 GiB).

#![expect(clippy::print_stdout, reason = "prints its figures")]

mod generator;

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use switchboard_engine::view::{Answer, PointQuery, Query, ScanQuery};
use switchboard_engine::{EngineConfig, EngineThread};
use switchboard_model::{Batch, CorrelationId, Intake, Offer, SourceId, SourceInfo, SourceKind, channel};

use generator::{Generator, SPANS_PER_BATCH, START_NS, mix, request_id, trace_id};

const SOURCE: SourceId = SourceId(1);
/// As the budget says.
const PACED_SPANS_PER_S: u64 = 500_000;
const NUM_QUESTIONS: usize = 400;

/// Batches that are poured in at once to see how fast they are taken.
const NUM_POURED: u64 = 300;

/// Where spans come from: numbered batches, each once.
struct Pourer {
    intake: Intake,
    generator: Generator,
    next: AtomicU64,
}

impl Pourer {
    fn make(&self, num_batches: u64) -> Vec<Batch> {
        let first = self.next.fetch_add(num_batches, Ordering::Relaxed);
        (first..first + num_batches).map(|number| Batch::Spans(self.generator.batch(number))).collect()
    }

    /// Gives batches in, waiting for room; returns when the engine has taken them all, with the time that took.
    fn pour(&self, batches: Vec<Batch>) -> Duration {
        let sink = self.intake.sink(SOURCE);
        let began = Instant::now();
        for batch in batches {
            let offer = sink.offer_within(batch, Duration::from_mins(1));
            assert!(matches!(offer, Offer::Taken), "the engine takes what comes");
        }
        while self.intake.num_bytes_queued() > 0 {
            std::thread::sleep(Duration::from_micros(50));
        }
        began.elapsed()
    }

    /// Gives batches in at the budget's pace until told to end.
    fn pour_paced(&self, is_ending: &AtomicBool) {
        let (began, mut num_spans) = (Instant::now(), 0);
        while !is_ending.load(Ordering::Relaxed) {
            self.pour(self.make(4));
            num_spans += 4 * SPANS_PER_BATCH;
            std::thread::sleep(Duration::from_nanos(num_spans * 1_000_000_000 / PACED_SPANS_PER_S).saturating_sub(began.elapsed()));
        }
        println!("  meanwhile {:.2} M spans a second came in", num_spans as f64 / began.elapsed().as_secs_f64() / 1e6);
    }
}

fn told(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let micros = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_nanos() as f64 / 1e3;
    println!("  {what:<28} p50 {:9.1} µs   p99 {:9.1} µs   max {:9.1} µs", micros(0.5), micros(0.99), micros(1.0));
}

fn ask(engine: &EngineThread, query: Query) -> (Answer, Duration) {
    let began = Instant::now();
    let answer = engine.query(query).recv().expect("an answer");
    (answer, began.elapsed())
}

fn questions(engine: &EngineThread, num_traces: u64) {
    let mut times = [const { Vec::new() }; 3];
    for number in 0..NUM_QUESTIONS {
        let trace = mix(number as u64) % num_traces + 1;
        let (answer, took) = ask(engine, Query::Point(PointQuery::Trace { trace_id: trace_id(trace) }));
        assert!(matches!(&answer, Answer::Trace(view) if view.spans.len() == 10), "trace {trace}");
        times[0].push(took);
        let id = CorrelationId::parse(request_id(trace * 10).as_bytes()).expect("an id");
        let (answer, took) = ask(engine, Query::Point(PointQuery::Conversation { id, limit: 100 }));
        assert!(matches!(&answer, Answer::Conversation(items) if items.len() == 10), "trace {trace}");
        times[1].push(took);
        let began = Instant::now();
        black_box(engine.snapshot());
        times[2].push(began.elapsed());
    }
    let [traces, conversations, snapshots] = times;
    told("trace by id", traces);
    told("conversation by id", conversations);
    told("snapshot taken by a window", snapshots);
}

fn num_hits(part: Answer) -> usize {
    if let Answer::Found(page) = part { page.hits.len() } else { panic!("another answer") }
}

/// Pours the same amount with and without searches beside it, in turn.
fn searches(engine: &EngineThread, pourer: &Pourer) {
    let (mut alone, mut beside, mut took) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..12 {
        let batches = pourer.make(NUM_POURED);
        if round % 2 == 0 {
            alone.push(pourer.pour(batches));
            continue;
        }
        let is_ending = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let search = scope.spawn(|| {
                let mut times = Vec::new();
                while !is_ending.load(Ordering::Relaxed) {
                    let value = request_id(mix(times.len() as u64) % (pourer.next.load(Ordering::Relaxed) * SPANS_PER_BATCH));
                    let began = Instant::now();
                    let num_hits: usize = engine.query(Query::Scan(ScanQuery::Find { text: value, limit: 100 })).into_iter().map(num_hits).sum();
                    black_box(num_hits);
                    times.push(began.elapsed());
                }
                times
            });
            beside.push(pourer.pour(batches));
            is_ending.store(true, Ordering::Relaxed);
            took.extend(search.join().expect("no panic"));
        });
    }
    told("search over all", took);
    let median = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2].as_nanos() as f64 / (NUM_POURED * SPANS_PER_BATCH) as f64
    };
    let (alone, beside) = (median(&mut alone), median(&mut beside));
    println!("  ingest {alone:.0} ns a span alone, {beside:.0} ns with a search always running beside it: {:.2} times", beside / alone);
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let usual = if args.iter().any(|arg| arg == "--bench") { 10_000_000 } else { 1_000_000 };
    let num_spans = args.iter().position(|arg| arg == "--spans").and_then(|at| args.get(at + 1)).and_then(|num| num.parse().ok()).unwrap_or(usual);
    let (intake, outlet) = channel(64 << 20);
    let source = SourceInfo { id: SOURCE, name: "bench".to_owned(), kind: SourceKind::Otlp, environment: None };
    let config = EngineConfig { memory_bytes: 4 << 30, started_ns: START_NS };
    let engine = EngineThread::spawn(config, vec![source], outlet, intake.clone(), Box::new(|| {}));
    let pourer = Pourer { intake, generator: Generator::new(), next: AtomicU64::new(0) };
    let mut poured = Duration::ZERO;
    while pourer.next.load(Ordering::Relaxed) * SPANS_PER_BATCH < num_spans {
        poured += pourer.pour(pourer.make(100));
    }
    println!("{num_spans} spans stored in {poured:.1?}; then at a pace of {PACED_SPANS_PER_S} a second:");
    let is_ending = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| pourer.pour_paced(&is_ending));
        questions(&engine, num_spans / 10);
        is_ending.store(true, Ordering::Relaxed);
    });
    searches(&engine, &pourer);
}
