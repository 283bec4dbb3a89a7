//! Several go at the rate that was asked for, and not faster. How slow the machine is says nothing: only what came too early is a mistake.

use std::time::Instant;

use super::super::*;
use super::world::{Desk, World, record};
use crate::send::draft::{GrpcDraft, HttpDraft, RepeatDraft, Request};

const NUM: u32 = 21;
/// A second, so that all of them take one.
const RATE: u32 = 20;

/// Sends several and looks when each came.
async fn keep_their_rate(request: Request) {
    let desk = Desk::new(World::default());
    let begun = Instant::now();
    desk.send(request, false).await;
    desk.settled().await;
    let came = desk.world.came.lock().clone();
    assert_eq!(came.len(), NUM as usize);
    for (number, at) in (0..).zip(came) {
        let (earliest, took) = (Duration::from_secs(1) / RATE * number, at.duration_since(begun));
        assert!(took >= earliest, "number {} came after {took:?}, and not after {earliest:?}", number + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_of_a_record_keep_their_rate() {
    keep_their_rate(record(|record| (record.topic, record.copies, record.rate_per_s) = ("orders".to_owned(), NUM, RATE))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_and_a_call_that_are_sent_many_times_keep_their_rate() {
    // With room for all of them at once, so that nothing else holds them back.
    let repeat = RepeatDraft { times: NUM, rate_per_s: RATE, at_once: 64, ..RepeatDraft::default() };
    let post = HttpDraft { method: "POST".to_owned(), url: "http://shop.test:9/orders".to_owned(), repeat: repeat.clone(), ..HttpDraft::default() };
    let (url, method) = ("http://shop.test:9".to_owned(), "shop.Orders/Place".to_owned());
    let call = GrpcDraft { url, method, messages: vec!["{}".to_owned()], repeat, ..GrpcDraft::default() };
    tokio::join!(keep_their_rate(Request::Http(post)), keep_their_rate(Request::Grpc(call)));
}
