//! What it costs to take spans in: stored, joined, counted, mapped; beside the store alone in the same run.
//!
//! `cargo bench -p switchboard-engine --bench ingest -- [--spans NUM]` (2,000,000 unless told).

#![expect(clippy::print_stdout, reason = "prints its figures")]

mod generator;

use std::hint::black_box;
use std::time::{Duration, Instant};

use switchboard_engine::store::{Inserted, Store};
use switchboard_engine::{Engine, EngineConfig};
use switchboard_model::{
    Attrs, Batch, BatchHeader, Input, ResourceRow, SourceId, SourceInfo, SourceKind, SpanBatch, SpanId, SpanKind, SpanRow, SpanStatus, Str, TraceId,
};

use generator::{Generator, SPANS_PER_BATCH, START_NS, mix};

fn engine(memory_bytes: usize) -> Engine {
    let mut engine = Engine::new(EngineConfig { memory_bytes, started_ns: START_NS });
    engine.add_source(SourceInfo { id: SourceId(1), name: "bench".to_owned(), kind: SourceKind::Otlp, environment: None });
    engine
}

/// Mean and median-batch cost of a span, ns.
fn cost(num_spans: u64, generator: &Generator, mut take: impl FnMut(SpanBatch) -> Duration) -> (f64, f64) {
    let num_batches = num_spans / SPANS_PER_BATCH;
    let mut times = Vec::with_capacity(num_batches as usize);
    // Made in portions ahead of time, so that making them is not measured and does not fill the memory.
    for first in (0..num_batches).step_by(100) {
        let batches: Vec<SpanBatch> = (first..(first + 100).min(num_batches)).map(|number| generator.batch(number)).collect();
        times.extend(batches.into_iter().map(&mut take));
    }
    let mean = times.iter().sum::<Duration>().as_nanos() as f64 / (times.len() as u64 * SPANS_PER_BATCH) as f64;
    times.sort_unstable();
    (mean, times[times.len() / 2].as_nanos() as f64 / SPANS_PER_BATCH as f64)
}

/// Each of 1,000 services calls five others, both sides traced, a hundred times.
fn wide_map() -> Vec<SpanBatch> {
    const NUM_SERVICES: u64 = 1_000;
    (0..100_u64)
        .map(|round| {
            let header = BatchHeader { source: SourceId(1), received_ns: START_NS + round as i64 * 100_000_000, ..BatchHeader::default() };
            let mut batch = SpanBatch { header, ..SpanBatch::default() };
            for service in 0..NUM_SERVICES {
                let service_name = batch.text.push(format!("service-{service}").as_bytes());
                batch.resources.push(ResourceRow { service_name, ..ResourceRow::default() });
            }
            let name = batch.text.push(b"GET");
            for (service, step) in (0..NUM_SERVICES).flat_map(|service| (1..=5).map(move |step| (service, step))) {
                let call = (round * NUM_SERVICES + service) * 10 + step + 1;
                for (kind, resource, span_id, parent) in [(SpanKind::Client, service, 1, 0), (SpanKind::Server, (service + step * 7) % NUM_SERVICES, 2, 1)] {
                    let start_ns = batch.header.received_ns;
                    batch.spans.push(SpanRow {
                        trace_id: TraceId(u128::from(mix(call)) << 64 | u128::from(call)),
                        span_id: SpanId(span_id),
                        parent_span_id: SpanId(parent),
                        start_ns,
                        end_ns: start_ns + (mix(call) >> 40) as i64 % 20_000_000 + 100_000,
                        name,
                        kind,
                        status: SpanStatus::Unset,
                        status_message: Str::EMPTY,
                        trace_state: Str::EMPTY,
                        flags: 0,
                        scope: Str::EMPTY,
                        resource: resource as u32,
                        attrs: Attrs::default(),
                        links: Attrs::default(),
                        events: Attrs::default(),
                        sample_weight: 1.0,
                        truncated: false,
                    });
                }
            }
            batch
        })
        .collect()
}

fn snapshots_of_a_wide_map() {
    let mut engine = engine(512 << 20);
    let mut batches = wide_map();
    let last = batches.pop();
    for batch in batches {
        engine.apply(Input::Batch(Batch::Spans(batch)));
    }
    let first = engine.snapshot(&[]);
    println!("map of {} nodes and {} edges", first.topology.nodes.len(), first.topology.edges.len());
    engine.apply(Input::Batch(Batch::Spans(last.unwrap_or_default())));
    let begun = Instant::now();
    let next = engine.snapshot(&[]);
    println!("  snapshot after all edges moved     {:7.1} µs", begun.elapsed().as_nanos() as f64 / 1e3);
    assert!(next.generation > first.generation);
    let begun = Instant::now();
    black_box(next.clone());
    println!("  snapshot taken by a window         {:7.1} µs", begun.elapsed().as_nanos() as f64 / 1e3);
    let begun = Instant::now();
    black_box(engine.report(&[]));
    println!("  report                             {:7.1} µs", begun.elapsed().as_nanos() as f64 / 1e3);
}

fn told(what: &str, (mean, median): (f64, f64)) {
    println!("  {what:<34} {mean:7.1} ns a span (median batch {median:7.1} ns, {:.2} M/s)", 1e3 / median);
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let num_spans = args.iter().position(|arg| arg == "--spans").and_then(|at| args.get(at + 1)).and_then(|num| num.parse().ok()).unwrap_or(2_000_000);
    snapshots_of_a_wide_map();
    let generator = Generator::new();
    for memory_bytes in [4_usize << 30, 512 << 20, 64 << 20] {
        println!("{num_spans} spans, 4 of 5 of them halves of calls, budget {} MiB", memory_bytes >> 20);
        let mut store = Store::new(memory_bytes);
        let mut inserted: Vec<Inserted> = Vec::new();
        let alone = cost(num_spans, &generator, |batch| {
            let begun = Instant::now();
            store.insert_spans(&batch, |resource| resource as u16, |_| false, &mut inserted);
            black_box(&inserted);
            begun.elapsed()
        });
        drop(store);
        told("reference: store alone", alone);
        let mut engine = engine(memory_bytes);
        let whole = cost(num_spans, &generator, |batch| {
            let input = Input::Batch(Batch::Spans(batch));
            let begun = Instant::now();
            engine.apply(input);
            begun.elapsed()
        });
        told("stored, joined, counted", whole);
        println!("  ratio to the store alone           {:7.2}", whole.1 / alone.1);
        let begun = Instant::now();
        let snapshot = engine.snapshot(&[]);
        println!("  snapshot                           {:7.1} µs", begun.elapsed().as_nanos() as f64 / 1e3);
        let report = engine.report(&[]);
        let calls: u64 = report.interactions.iter().map(|row| row.calls).sum();
        assert_eq!(calls, num_spans * 6 / 10, "each call once, each root once, the last service's calls to nobody once");
        println!("  bytes a stored span, all included  {:7.1}", engine.size_bytes() as f64 / snapshot.totals.stored as f64);
    }
}
