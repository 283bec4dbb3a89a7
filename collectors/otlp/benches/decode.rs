//! Decoding 1,000 spans (10 attributes, 8 of few values, 2 unique, 390 bytes each): ours, into batches with every text
//! once, beside prost, into owned structs that are thrown away.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use std::hint::black_box;
use switchboard_model::{BatchHeader, Redactor};
use switchboard_otlp::testing::{decode_json_trace_request, decode_trace_request, trace_request};

fn decode(criterion: &mut Criterion) {
    const NUM_SPANS: u64 = 1_000;
    let request = trace_request(0, NUM_SPANS);
    let redactor = Redactor::new([7; 16], &[]);
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(NUM_SPANS));
    group.bench_function("ours", |bencher| {
        bencher.iter(|| decode_trace_request(black_box(&request), BatchHeader::default(), &redactor, |batch| drop(black_box(batch))));
    });
    group.bench_function("prost", |bencher| {
        bencher.iter(|| black_box(ExportTraceServiceRequest::decode(black_box(request.as_slice())).expect("a whole request")));
    });
    let json = serde_json::to_string(&ExportTraceServiceRequest::decode(request.as_slice()).expect("a whole request")).expect("JSON");
    group.bench_function("ours_json", |bencher| {
        bencher.iter(|| decode_json_trace_request(black_box(json.as_bytes()), BatchHeader::default(), &redactor, |batch| drop(black_box(batch))));
    });
    group.bench_function("serde_json_into_prost", |bencher| {
        bencher.iter(|| black_box(serde_json::from_str::<ExportTraceServiceRequest>(black_box(&json)).expect("a whole request")));
    });
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
