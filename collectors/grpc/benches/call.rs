//! What a call costs beside one by tonic's own channel, and how long reflection of 10,000 types takes.
//!
//! `cargo bench -p switchboard-grpc --bench call`

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::uri::PathAndQuery;
use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use prost_reflect::prost::Message as _;
use prost_reflect::prost_types::FileDescriptorSet;
use switchboard_grpc::{CallConfig, Caller, Schema, reflect};
use switchboard_model::{CallNews, Leave, Origin, Outcome, OutgoingCall, Receipt, SendPermit, SendRules, Target};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tonic::transport::server::TcpIncoming;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

const CHECK: &str = "/grpc.health.v1.Health/Check";

/// A hundred files of a hundred types, and a service that takes one of each file.
fn ten_thousand() -> FileDescriptorSet {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
    let mut root = "syntax = \"proto3\"; package root;\n".to_owned();
    let mut fields = String::new();
    for number in 0..100 {
        let mut messages = String::new();
        for at in 0..100 {
            messages += &format!("message M{at} {{ int64 id = 1; string name = 2; bool paid = 3; repeated M{} others = 4; }}\n", (at + 1) % 100);
        }
        write(&format!("p{number}.proto"), &format!("syntax = \"proto3\"; package p{number};\n{messages}"));
        root += &format!("import \"p{number}.proto\";\n");
        fields += &format!("p{number}.M{number} f{number} = {};\n", number + 1);
    }
    write("root.proto", &format!("{root}message All {{ {fields} }}\nservice Root {{ rpc Get(All) returns (All); }}\n"));
    protox::compile([folder.path().join("root.proto")], [folder.path()]).expect("compiles")
}

/// Serves health, and reflection of these files.
fn serve(runtime: &Runtime, files: FileDescriptorSet) -> SocketAddr {
    let _within = runtime.enter();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("set");
    let address = listener.local_addr().expect("an address");
    let (_, health) = tonic_health::server::health_reporter();
    let reflection = tonic_reflection::server::Builder::configure().register_file_descriptor_set(files).build_v1().expect("a service");
    let incoming = TcpIncoming::from(TcpListener::from_std(listener).expect("a listener")).with_nodelay(Some(true));
    runtime.spawn(tonic::transport::Server::builder().add_service(health).add_service(reflection).serve_with_incoming(incoming));
    address
}

fn permit(origin: &Origin, address: SocketAddr) -> SendPermit {
    let (target, addresses) = (Some(Target::Authority(origin.clone())), [address]);
    let rules = SendRules { name: "bench", target, addresses: &addresses, leave: Leave::Given, is_unlocked: false, is_production: false, typed_name: None };
    SendPermit::from_rules(&rules).expect("allowed")
}

fn unary(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let address = serve(&runtime, FileDescriptorSet::default());
    let (origin, _) = Origin::parse(&format!("http://{address}")).expect("an address");
    let caller = Caller::new(permit(&origin, address), CallConfig::default()).expect("a caller");
    let message = Bytes::from(HealthCheckRequest { service: String::new() }.encode_to_vec());
    let mut group = criterion.benchmark_group("unary");
    group.bench_function("Caller", |bencher| {
        bencher.iter(|| {
            let call = OutgoingCall {
                authority: origin.clone(),
                method: PathAndQuery::from_static(CHECK),
                metadata: HeaderMap::new(),
                deadline: Some(Duration::from_secs(10)),
                spent: Duration::ZERO,
                compression: None,
            };
            let mut num_messages = 0;
            let mut told = |news| num_messages += usize::from(matches!(news, CallNews::Message(_)));
            let sent = futures::stream::iter([message.clone()]);
            let outcome = runtime.block_on(caller.call(call, sent, &mut told));
            assert!(outcome == Outcome::Done(Receipt::Called(0)) && num_messages == 1, "{outcome:?}");
        });
    });
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{address}")).expect("an address").timeout(Duration::from_secs(10));
    let mut client = HealthClient::new(runtime.block_on(channel.connect()).expect("connected"));
    group.bench_function("tonic", |bencher| {
        bencher.iter(|| black_box(runtime.block_on(client.check(HealthCheckRequest { service: String::new() })).expect("an answer")));
    });
    group.finish();
}

fn opening(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let files = ten_thousand();
    let bytes = files.encode_to_vec();
    let address = serve(&runtime, files);
    let (origin, _) = Origin::parse(&format!("http://{address}")).expect("an address");
    let permit = permit(&origin, address);
    let mut group = criterion.benchmark_group("10,000 types");
    group.sample_size(10);
    group.bench_function("reflection", |bencher| {
        bencher.iter(|| {
            let schema = runtime.block_on(reflect(&permit, &HeaderMap::new(), &[], &CallConfig::default(), &mut |_| ())).expect("a schema");
            assert!(schema.outline("p99.M99").is_some(), "{:?}", schema.notes());
        });
    });
    group.bench_function("set of descriptors", |bencher| bencher.iter(|| Schema::from_descriptor_set(&bytes).expect("a schema")));
    group.bench_function("prost-reflect alone", |bencher| {
        bencher.iter(|| prost_reflect::DescriptorPool::decode(bytes.as_slice()).expect("a pool"));
    });
    group.finish();
}

criterion_group!(benches, unary, opening);
criterion_main!(benches);
