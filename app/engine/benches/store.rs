//! What the store costs: spans in, bytes kept, things found; each beside a naive store in the same run.
//!
//! `cargo bench -p switchboard-engine --bench store -- [--spans NUM]` (10,000,000 unless told; a budget of 4 GiB).

#![expect(clippy::print_stdout, reason = "prints its figures")]

use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use switchboard_engine::store::{Inserted, Store};
use switchboard_model::{
    AttrRow, Attrs, BatchHeader, CorrelationId, ResourceRow, SourceId, SpanBatch, SpanId, SpanKind, SpanRow, SpanStatus, Str, TextArena, TraceId, Value,
    WellKnown,
};

const GIB: usize = 1 << 30;
const SPANS_PER_BATCH: u64 = 1_000;
const SPANS_PER_TRACE: u64 = 10;
const NUM_NAIVE: u64 = 500_000;

/// Attributes of few values: the name, and how many values it has.
const FEW: [(&str, u64); 8] = [
    ("http.request.method", 4),
    ("http.route", 40),
    ("http.response.status_code", 12),
    ("server.address", 12),
    ("network.protocol.version", 2),
    ("thread.name", 32),
    ("deployment.zone", 3),
    ("customer.tier", 4),
];

fn mix(number: u64) -> u64 {
    let mut word = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word ^= word >> 29;
    word = word.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word ^ word >> 32
}

fn trace_id(span: u64) -> TraceId {
    let trace = span / SPANS_PER_TRACE + 1;
    TraceId(u128::from(mix(trace)) << 64 | u128::from(mix(trace ^ 0x5555_5555)))
}

fn request_id(span: u64) -> String {
    format!("req-{:016x}", mix(span ^ 0xabcd))
}

fn few_value(attr: usize, number: u64) -> String {
    if attr == 2 { (200 + number).to_string() } else { format!("{}-value-{number:03}", FEW[attr].0) }
}

/// Batches as a collector fills them: every distinct string once.
struct Generator {
    text: TextArena,
    resources: Vec<ResourceRow>,
    resource_attrs: Vec<AttrRow>,
    keys: Vec<Str>,
    values: Vec<Vec<Str>>,
    names: Vec<Str>,
    scope: Str,
    unique_keys: [Str; 2],
}

impl Generator {
    fn new() -> Self {
        let mut text = TextArena::default();
        let services: Vec<Str> = (0..12).map(|at| text.push(format!("service-{at}").as_bytes())).collect();
        let instance_key = text.push(b"service.instance.id");
        let mut resource_attrs = Vec::new();
        let resources = services
            .iter()
            .map(|service| {
                let start = resource_attrs.len() as u32;
                resource_attrs.push(AttrRow::new(instance_key, (WellKnown::ServiceInstanceId, 0), Value::Str(*service)));
                ResourceRow { service_name: *service, instance: *service, attrs: Attrs { start, end: start + 1 }, ..ResourceRow::default() }
            })
            .collect();
        let keys = FEW.iter().map(|(key, _)| text.push(key.as_bytes())).collect();
        let values = (0..FEW.len()).map(|attr| (0..FEW[attr].1).map(|number| text.push(few_value(attr, number).as_bytes())).collect()).collect();
        let names = (0..60).map(|at| text.push(format!("GET /api/resource-{at}").as_bytes())).collect();
        let scope = text.push(b"opentelemetry.instrumentation.http");
        let unique_keys = [text.push(b"request.id"), text.push(b"db.row.key")];
        Self { text, resources, resource_attrs, keys, values, names, scope, unique_keys }
    }

    fn batch(&self, first: u64, num: u64) -> SpanBatch {
        let mut text = self.text.clone();
        let mut attrs = self.resource_attrs.clone();
        let mut spans = Vec::with_capacity(num as usize);
        for span in first..first + num {
            let random = mix(span);
            let start = attrs.len() as u32;
            for (attr, key) in self.keys.iter().enumerate() {
                let number = (random >> (attr * 7)) % FEW[attr].1;
                let value = if attr == 2 { Value::I64(200 + number as i64) } else { Value::Str(self.values[attr][number as usize]) };
                attrs.push(AttrRow::new(*key, (WellKnown::Other, 0), value));
            }
            for (key, value) in self.unique_keys.iter().zip([request_id(span), format!("{random:016x}-{:016x}", mix(random))]) {
                attrs.push(AttrRow::new(*key, (WellKnown::Other, 0), Value::Str(text.push(value.as_bytes()))));
            }
            let place = span % SPANS_PER_TRACE;
            let start_ns = 1_700_000_000_000_000_000 + span as i64 * 1_000;
            spans.push(SpanRow {
                trace_id: trace_id(span),
                span_id: SpanId(mix(span) | 1),
                parent_span_id: if place == 0 { SpanId::NONE } else { SpanId(mix(span - 1) | 1) },
                start_ns,
                end_ns: start_ns + (random % 1_000_000) as i64,
                name: self.names[(random >> 56) as usize % 60],
                kind: if place.is_multiple_of(2) { SpanKind::Server } else { SpanKind::Client },
                status: if random.is_multiple_of(50) { SpanStatus::Error } else { SpanStatus::Unset },
                status_message: Str::EMPTY,
                trace_state: Str::EMPTY,
                flags: 0x101,
                scope: self.scope,
                resource: (place % 12) as u32,
                attrs: Attrs { start, end: attrs.len() as u32 },
                links: Attrs::default(),
                events: Attrs::default(),
                sample_weight: 1.0,
                truncated: false,
            });
        }
        let header = BatchHeader { source: SourceId(1), received_ns: first as i64, ..BatchHeader::default() };
        SpanBatch { header, text, resources: self.resources.clone(), spans, attrs, ..SpanBatch::default() }
    }
}

/// A span as a program without a store of its own keeps it.
struct NaiveSpan {
    row: SpanRow,
    name: String,
    attributes: Vec<(String, String)>,
}

#[derive(Default)]
struct NaiveStore {
    traces: HashMap<TraceId, Vec<NaiveSpan>>,
}

impl NaiveStore {
    fn insert(&mut self, batch: &SpanBatch) {
        for row in &batch.spans {
            let attributes =
                batch.attrs[row.attrs.range()].iter().map(|attr| (batch.text.get(attr.key).to_owned(), attr.value.to_text(&batch.text).into_owned())).collect();
            let span = NaiveSpan { row: *row, name: batch.text.get(row.name).to_owned(), attributes };
            self.traces.entry(row.trace_id).or_default().push(span);
        }
    }
}

fn rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or("");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// What a span costs, ns: by the clock, by the clock in the median batch, and in processor time of the program itself,
/// without what the kernel takes to hand out fresh pages. A busy machine disturbs the last least.
#[derive(Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "the unit")]
struct Cost {
    mean_ns: f64,
    median_ns: f64,
    user_ns: f64,
}

/// Processor time that this process spent outside the kernel, ns, in ticks of 10 ms; 0 where the system does not tell.
fn user_ns() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or("");
    behind_name.split_whitespace().nth(11).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0) * 1e7
}

/// Adds spans up to a number, and gives the time that the store took for the last `window` of them.
fn fill(store: &mut Store, generator: &Generator, from: u64, to: u64, window: u64) -> Cost {
    let mut inserted: Vec<Inserted> = Vec::new();
    let mut insert = |batch: &SpanBatch| {
        store.insert_spans(batch, |resource| resource as u16, |_| false, &mut inserted);
        black_box(&inserted);
    };
    let middle = to.saturating_sub(window).max(from);
    for first in (from..middle).step_by(SPANS_PER_BATCH as usize) {
        insert(&generator.batch(first, SPANS_PER_BATCH));
    }
    let batches: Vec<SpanBatch> = (middle..to).step_by(SPANS_PER_BATCH as usize).map(|first| generator.batch(first, SPANS_PER_BATCH)).collect();
    let user_before_ns = user_ns();
    let mut times: Vec<u128> = batches
        .iter()
        .map(|batch| {
            let began = Instant::now();
            insert(batch);
            began.elapsed().as_nanos()
        })
        .collect();
    let user_ns = (user_ns() - user_before_ns) / (to - middle) as f64;
    times.sort_unstable();
    let mean_ns = times.iter().sum::<u128>() as f64 / (to - middle) as f64;
    Cost { mean_ns, median_ns: times[times.len() / 2] as f64 / SPANS_PER_BATCH as f64, user_ns }
}

/// What the first 100,000 spans of a store cost, over eight stores.
fn first_cost(generator: &Generator) -> Cost {
    const NUM: usize = 8;
    let costs: Vec<Cost> = (0..NUM).map(|_| fill(&mut Store::new(4 * GIB), generator, 0, 100_000, 100_000)).collect();
    let mean = |part: fn(&Cost) -> f64| costs.iter().map(part).sum::<f64>() / NUM as f64;
    Cost { mean_ns: mean(|cost| cost.mean_ns), median_ns: mean(|cost| cost.median_ns), user_ns: mean(|cost| cost.user_ns) }
}

/// Times of single questions: median, 99th percentile and the longest, in µs.
fn times(num: u64, mut ask: impl FnMut(u64)) -> String {
    let mut all: Vec<Duration> = (0..num)
        .map(|at| {
            let began = Instant::now();
            ask(at);
            began.elapsed()
        })
        .collect();
    all.sort_unstable();
    let micros = |share: f64| all[((all.len() - 1) as f64 * share) as usize].as_nanos() as f64 / 1e3;
    format!("p50 {:8.1} µs   p99 {:8.1} µs   max {:8.1} µs", micros(0.5), micros(0.99), micros(1.0))
}

fn lookups(store: &Store, num_spans: u64) {
    let pick = |at: u64| mix(at ^ 0x7777) % num_spans;
    println!("  trace by id           {}", times(1_000, |at| assert_eq!(store.trace(trace_id(pick(at))).spans.len(), SPANS_PER_TRACE as usize)));
    let ask = |at: u64| {
        let id = CorrelationId::Text(request_id(pick(at)));
        assert_eq!(store.conversation(&id, 1_000).len(), SPANS_PER_TRACE as usize);
    };
    println!("  conversation by id    {}", times(1_000, ask));
    println!("  absent trace          {}", times(1_000, |at| assert!(store.trace(TraceId(u128::from(mix(at)) << 7 | 1)).spans.is_empty())));
    println!("  span by identity      {}", times(1_000, |at| assert_eq!(store.find_span(trace_id(pick(at)), SpanId(mix(pick(at)) | 1)).len(), 1)));
}

/// The naive store as the measure of the other.
fn naive(generator: &Generator) {
    let before = rss_bytes();
    let mut naive = NaiveStore::default();
    let mut spent = Duration::ZERO;
    for first in (0..NUM_NAIVE).step_by(SPANS_PER_BATCH as usize) {
        let batch = generator.batch(first, SPANS_PER_BATCH);
        let began = Instant::now();
        naive.insert(&batch);
        spent += began.elapsed();
    }
    println!("reference: HashMap<TraceId, Vec<owned span>>, {NUM_NAIVE} spans");
    println!("  insert                {:8.1} ns a span", spent.as_nanos() as f64 / NUM_NAIVE as f64);
    println!("  resident              {:8.1} B a span", (rss_bytes().saturating_sub(before)) as f64 / NUM_NAIVE as f64);
    let read = |at: u64| {
        let spans = &naive.traces[&trace_id(mix(at) % NUM_NAIVE)];
        black_box(spans.iter().map(|span| (span.row, span.name.clone(), span.attributes.clone())).collect::<Vec<_>>());
    };
    println!("  trace by id           {}", times(1_000, read));
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let told = args.iter().position(|arg| arg == "--spans").and_then(|at| args.get(at + 1)).and_then(|num| num.parse::<u64>().ok());
    // Without `cargo bench` this only shows that it runs.
    let usual = if args.iter().any(|arg| arg == "--bench") { 10_000_000 } else { 100_000 };
    let num_spans = told.unwrap_or(usual) / SPANS_PER_BATCH * SPANS_PER_BATCH;
    let generator = Generator::new();
    let sample = generator.batch(0, SPANS_PER_BATCH);
    println!("a batch of {SPANS_PER_BATCH} spans is {} B a span in the queue", sample.size_bytes() as u64 / SPANS_PER_BATCH);
    naive(&generator);

    let before = rss_bytes();
    let mut store = Store::new(4 * GIB);
    let mut stored = 0;
    let first_cost = first_cost(&generator);
    for mark in [100_000, 1_000_000, 2_300_000, 10_000_000] {
        if mark > num_spans {
            break;
        }
        let lately = fill(&mut store, &generator, stored, mark, 500_000);
        let cost = if mark == 100_000 { first_cost } else { lately };
        stored = mark;
        println!("store, {mark} spans ({} kept)", store.num_items());
        println!(
            "  insert, lately        {:8.1} ns a span by the clock, processor {:.1}; {:.1} in the median batch ({:.2} × the first)",
            cost.mean_ns,
            cost.user_ns,
            cost.median_ns,
            cost.median_ns / first_cost.median_ns
        );
        println!("  by capacity           {:8.1} B a span", store.size_bytes() as f64 / store.num_items() as f64);
        println!("  resident              {:8.1} B a span", rss_bytes().saturating_sub(before) as f64 / store.num_items() as f64);
        lookups(&store, mark);
    }
    drop(store);

    let mut store = Store::new(64 << 20);
    let cost = fill(&mut store, &generator, 0, 1_000_000, 500_000);
    println!("store of 64 MiB, full, so that old segments go: {:.1} ns a span, {} kept in {} B", cost.mean_ns, store.num_items(), store.size_bytes());
}
