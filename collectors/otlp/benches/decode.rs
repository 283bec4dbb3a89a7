//! Decoding 1,000 spans (10 attributes, 8 of few values, 2 unique, 390 bytes each): ours, into batches with every text
//! once, beside prost, into owned structs that are thrown away.

mod processor_time;

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use switchboard_model::{BatchHeader, Redactor};
use switchboard_otlp::testing::{decode_json_trace_request, decode_trace_request, trace_request};

fn measure<T>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, mut work: impl FnMut() -> T) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|num_times| {
            processor_time::of(|| {
                for _ in 0..num_times {
                    black_box(work());
                }
            })
        });
    });
}

fn decode(criterion: &mut Criterion) {
    const NUM_SPANS: u64 = 1_000;
    let request = trace_request(0, NUM_SPANS);
    let redactor = Redactor::new([7; 16], &[]);
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(NUM_SPANS));
    measure(&mut group, "ours", || decode_trace_request(black_box(&request), BatchHeader::default(), &redactor, |batch| drop(black_box(batch))));
    measure(&mut group, "prost", || black_box(ExportTraceServiceRequest::decode(black_box(request.as_slice())).expect("a whole request")));
    let json = serde_json::to_string(&ExportTraceServiceRequest::decode(request.as_slice()).expect("a whole request")).expect("JSON");
    measure(&mut group, "ours_json", || {
        decode_json_trace_request(black_box(json.as_bytes()), BatchHeader::default(), &redactor, |batch| drop(black_box(batch)))
    });
    measure(&mut group, "serde_json_into_prost", || black_box(serde_json::from_str::<ExportTraceServiceRequest>(black_box(&json)).expect("a whole request")));
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
