//! What a small GET takes on loopback, one after another, beside reqwest: over a connection that is kept, and over a new one each time.
//!
//! `cargo bench -p switchboard-http --bench call`

#![expect(clippy::print_stdout, reason = "prints its figures")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, Method};
use switchboard_http::{CallConfig, Caller};
use switchboard_model::{AnswerNews, Leave, Origin, Outcome, OutgoingRequest, Receipt, SendPermit, SendRules, Target};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// In how many turns both are measured, so that they meet the same disturbances.
const NUM_TURNS: usize = 40;
/// How many calls of each are made in a turn.
const NUM_CALLS: usize = 100;

const ANSWER: &str = r#"{"orderId":4711,"customer":"joe","total":12.5,"state":"PAID"}"#;

fn caller(address: SocketAddr) -> (Caller, OutgoingRequest) {
    let (origin, path) = Origin::parse(&format!("http://{address}/order")).expect("an address");
    let rules = SendRules {
        name: "bench",
        target: Some(Target::Origin(origin.clone())),
        addresses: &[address],
        leave: Leave::Unsaid,
        is_unlocked: false,
        is_production: false,
        typed_name: None,
    };
    let permit = SendPermit::from_rules(&rules).expect("loopback needs no allowing");
    let request = OutgoingRequest { origin, method: Method::GET, path, headers: HeaderMap::new(), body: Bytes::new() };
    (Caller::new(permit, CallConfig::default()).expect("a caller"), request)
}

fn ours(runtime: &Runtime, caller: &Caller, request: &OutgoingRequest) {
    let mut body = Vec::with_capacity(ANSWER.len());
    let outcome = runtime.block_on(caller.call(request.clone(), &mut |news| {
        if let AnswerNews::Body(piece) = news {
            body.extend_from_slice(&piece);
        }
    }));
    assert!(outcome == Outcome::Done(Receipt::Answered(200)) && body == ANSWER.as_bytes());
}

fn theirs(runtime: &Runtime, client: &reqwest::Client, url: &str) {
    let body = runtime.block_on(async { client.get(url).send().await?.bytes().await }).expect("an answer");
    assert!(body == ANSWER.as_bytes());
}

fn reqwest(num_idle: usize) -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(num_idle).redirect(reqwest::redirect::Policy::none());
    builder.tls_certs_only([]).timeout(Duration::from_secs(30)).build().expect("a client")
}

/// The median of what each takes, in microseconds.
fn medians<const NUM: usize>(mut works: [&mut dyn FnMut(); NUM]) -> [f64; NUM] {
    let mut took = [(); NUM].map(|()| Vec::with_capacity(NUM_TURNS * NUM_CALLS));
    for _ in 0..NUM_TURNS {
        for (work, took) in works.iter_mut().zip(&mut took) {
            for _ in 0..NUM_CALLS {
                let began = Instant::now();
                work();
                took.push(began.elapsed());
            }
        }
    }
    took.map(|mut took| {
        took.sort_unstable();
        took[took.len() / 2].as_secs_f64() * 1e6
    })
}

fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = Runtime::new().expect("a runtime");
    let listener = server.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
    let address = listener.local_addr().expect("bound");
    server.spawn(async move { axum::serve(listener, Router::new().route("/order", get(|| async { ANSWER }))).await });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let url = format!("http://{address}/order");
    let (pooled, unpooled) = (reqwest(1), reqwest(0));
    let (kept, request) = caller(address);
    println!("{:24} {:>10} {:>10}", "p50 of a small GET", "ours µs", "reqwest µs");
    let [ours_us, theirs_us] = medians([&mut || ours(&runtime, &kept, &request), &mut || theirs(&runtime, &pooled, &url)]);
    println!("{:24} {ours_us:10.1} {theirs_us:10.1}", "kept connection");
    let [ours_us, theirs_us] = medians([&mut || ours(&runtime, &caller(address).0, &request), &mut || theirs(&runtime, &unpooled, &url)]);
    println!("{:24} {ours_us:10.1} {theirs_us:10.1}", "new connection each time");
}
