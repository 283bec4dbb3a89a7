//! What a span costs from the wire to the map: OTLP bytes decoded, stored, indexed, joined and counted in this process, on one
//! core, beside prost decoding the same bytes into owned structs that are thrown away. And how that cost grows with what is
//! stored already.
//!
//! `cargo bench -p switchboard-tests --bench ingest`; the growth alone: `… -- growth`, and up to 10⁶ spans instead of 10⁷:
//! `SWITCHBOARD_BENCH_MAX_STORED=1000000`.

#[path = "../../collectors/otlp/benches/processor_time/mod.rs"]
mod processor_time;

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use switchboard_engine::{Engine, EngineConfig};
use switchboard_model::{BatchHeader, Input, Redactor, SourceId, SourceInfo, SourceKind};
use switchboard_otlp::testing::{decode_trace_request, trace_request_at};

const SPANS_PER_REQUEST: u64 = 1_000;
const START_NS: u64 = 1_795_258_800_000_000_000;
/// Between two requests: half a million spans a second.
const REQUEST_EVERY_NS: u64 = 2_000_000;
/// A snapshot is made of so many requests: 30 a second.
const REQUESTS_PER_SNAPSHOT: u64 = 16;
/// Requests of one measurement. They are made before it, so that making them is not measured.
const REQUESTS_AT_ONCE: u64 = 128;

/// An engine that takes requests as they come over the wire.
struct Ingest {
    engine: Engine,
    redactor: Redactor,
    num_requests: u64,
}

impl Ingest {
    fn new() -> Self {
        let mut engine = Engine::new(EngineConfig { memory_bytes: 4 << 30, started_ns: START_NS as i64 });
        engine.add_source(SourceInfo { id: SourceId(1), name: "bench".to_owned(), kind: SourceKind::Otlp, environment: None });
        Self { engine, redactor: Redactor::new([7; 16], &[]), num_requests: 0 }
    }

    /// Requests that were not sent yet, each with its time of arrival.
    fn next_requests(&self, num: u64) -> Vec<(i64, Vec<u8>)> {
        (self.num_requests..self.num_requests + num).map(request).collect()
    }

    fn take(&mut self, (received_ns, request): &(i64, Vec<u8>)) {
        let header = BatchHeader { source: SourceId(1), received_ns: *received_ns, ..BatchHeader::default() };
        let engine = &mut self.engine;
        let left_out = decode_trace_request(black_box(request), header, &self.redactor, |batch| engine.apply(Input::Batch(batch)));
        assert_eq!(left_out, Some(0));
        self.num_requests += 1;
        if self.num_requests.is_multiple_of(REQUESTS_PER_SNAPSHOT) {
            black_box(self.engine.snapshot(&[]));
        }
    }

    /// Takes requests until so many spans were stored.
    fn fill(&mut self, num_spans: u64) {
        while self.num_requests * SPANS_PER_REQUEST < num_spans {
            for request in self.next_requests(REQUESTS_AT_ONCE) {
                self.take(&request);
            }
        }
    }

    /// Whether nothing was lost, folded or evicted.
    fn assert_whole(&mut self) {
        let totals = self.engine.snapshot(&[]).totals;
        assert_eq!(totals.stored, self.num_requests * SPANS_PER_REQUEST, "every span is stored");
    }
}

/// A request by its number, and when it arrives.
fn request(number: u64) -> (i64, Vec<u8>) {
    let received_ns = START_NS + number * REQUEST_EVERY_NS;
    // Spans are numbered through, each 1 µs after the one before: so the epoch of a request is what makes its first start now.
    let first = number * SPANS_PER_REQUEST;
    (received_ns as i64, trace_request_at(received_ns - first * 1_000, first, SPANS_PER_REQUEST))
}

/// Measures the processor's time of so many requests after another, which `make` provides unmeasured.
fn measure(group: &mut BenchmarkGroup<'_, WallTime>, id: BenchmarkId, ingest: &mut Ingest, mut take: impl FnMut(&mut Ingest, &(i64, Vec<u8>))) {
    group.bench_function(id, |bencher| {
        bencher.iter_custom(|num_requests| {
            let mut taken = Duration::ZERO;
            let mut rest = num_requests;
            while rest > 0 {
                let requests = ingest.next_requests(rest.min(REQUESTS_AT_ONCE));
                rest -= requests.len() as u64;
                taken += processor_time::of(|| requests.iter().for_each(|request| take(ingest, request)));
            }
            taken
        });
    });
}

/// The budget: at least a million spans a second on one core.
fn ingest(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wire_to_map");
    group.throughput(Throughput::Elements(SPANS_PER_REQUEST)).sampling_mode(SamplingMode::Flat).sample_size(20);
    let mut nothing = Ingest::new();
    measure(&mut group, BenchmarkId::from_parameter("reference: prost decoding alone"), &mut nothing, |_, (_, request)| {
        black_box(ExportTraceServiceRequest::decode(black_box(request.as_slice())).expect("a whole request"));
    });
    let decoder = Redactor::new([7; 16], &[]);
    measure(&mut group, BenchmarkId::from_parameter("decode alone"), &mut nothing, |_, (_, request)| {
        let left_out = decode_trace_request(black_box(request), BatchHeader::default(), &decoder, |batch| drop(black_box(batch)));
        assert_eq!(left_out, Some(0));
    });
    drop(nothing);
    let mut ingest = Ingest::new();
    ingest.fill(100_000);
    measure(&mut group, BenchmarkId::from_parameter("decode, store, index, map"), &mut ingest, Ingest::take);
    group.finish();
}

/// The budget: a span costs at most 1.2 times as much with 10⁷ stored as with 10⁵.
fn growth(criterion: &mut Criterion) {
    let most: u64 = std::env::var("SWITCHBOARD_BENCH_MAX_STORED").ok().and_then(|most| most.parse().ok()).unwrap_or(10_000_000);
    let mut group = criterion.benchmark_group("growth");
    // Each measurement adds to what is stored: few and short ones, so that the size is about what the name says.
    group.throughput(Throughput::Elements(SPANS_PER_REQUEST)).sampling_mode(SamplingMode::Flat).sample_size(10);
    group.warm_up_time(Duration::from_millis(10)).measurement_time(Duration::from_millis(100));
    let mut ingest = Ingest::new();
    for num_stored in [100_000, 1_000_000, 10_000_000].into_iter().filter(|num| *num <= most) {
        ingest.fill(num_stored);
        measure(&mut group, BenchmarkId::new("decode, store, index, map", num_stored), &mut ingest, Ingest::take);
        ingest.assert_whole();
    }
    group.finish();
}

criterion_group!(benches, ingest, growth);
criterion_main!(benches);
