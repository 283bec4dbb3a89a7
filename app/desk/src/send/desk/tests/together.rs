//! Sending at a cluster and a server of the test's own making: what goes together, and what is written down when.

use std::time::Instant;

use super::super::*;
use super::world::{Desk, WITHIN, World, record};
use crate::ledger::SettledAs;
use crate::send::draft::{Body, GrpcDraft, HttpDraft, Payload, RepeatDraft, Request};

/// Rows of which the first is short and the others are of a mebibyte.
fn rows(num: usize) -> String {
    let long = "x".repeat(1 << 20);
    let all = (0..num).map(|number| if number == 0 { "short\n" } else { long.as_str() });
    format!("text\n{}", all.collect::<Vec<&str>>().join("\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_records_for_several_topics_is_no_larger_than_the_one_takes_that_takes_least() {
    let takes = BTreeMap::from([("orders", 1 << 20), ("payments", 100_000), ("shipments", 500_000)]);
    let desk = Desk::new(World { takes, ..World::default() });
    desk.file("rows.csv", "to\norders\nunheard.of\nshipments\npayments\n");
    for (topic, copies, limit) in [
        ("orders", 2, Some(1 << 20)),
        ("{{row.to}}", 0, Some(100_000)),
        // Only what goes counts.
        ("{{row.to}}", 3, Some(500_000)),
        ("{{to}}", 9, Some(100_000)),
    ] {
        let num = desk.desk.board().sent.len();
        let several = record(|record| (record.topic, record.rows, record.copies, record.rate_per_s) = (topic.into(), "rows.csv".into(), copies, 1_000));
        desk.send(several, false).await;
        desk.until("its end", |board| (board.sent.len() > num && !board.sent[0].is_going()).then_some(())).await;
        assert_eq!(desk.world.batch_limits.lock().pop(), Some(limit), "{copies} to {topic}");
    }
    let topics: Vec<String> = desk.world.sent.lock().iter().skip(2).take(4).map(|record| record.channel.clone()).collect();
    assert_eq!(topics, ["orders", "unheard.of", "shipments", "payments"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_long_rows_are_written_down_and_sent_a_few_at_a_time_however_short_the_first_is() {
    let desk = Desk::new(World::default());
    desk.file("rows.csv", &rows(21));
    let long = record(|record| {
        (record.topic, record.rows, record.rate_per_s) = ("orders".into(), "rows.csv".into(), 100_000);
        record.value = Payload::Text("{{row.text}}".into());
    });
    desk.send(long, false).await;
    let sent = desk.settled().await;
    assert_eq!((sent.answer.num_persisted, desk.world.sent.lock().len()), (21, 21));
    // Of 8 MiB each, but for the last one.
    assert_eq!(desk.together().await, [9, 8, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_long_rows_are_written_down_and_sent_a_few_at_a_time_however_short_the_first_is() {
    let desk = Desk::new(World::default());
    desk.file("rows.csv", &rows(21));
    let long = HttpDraft {
        method: "POST".into(),
        url: "http://shop.test:9/orders".into(),
        body: Body::Text("{{row.text}}".into()),
        repeat: RepeatDraft { times: 0, rows: "rows.csv".into(), rate_per_s: 1_000, at_once: 4, ..RepeatDraft::default() },
        ..HttpDraft::default()
    };
    desk.send(Request::Http(long), false).await;
    desk.settled().await;
    assert_eq!((desk.world.num_requests.load(Ordering::SeqCst), desk.together().await), (21, vec![9, 8, 4]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_calls_is_written_down_before_their_answers_are_read_again() {
    for is_probe in [false, true] {
        let desk = Desk::new(World { has_unheard: true, ..World::default() });
        let call = GrpcDraft {
            url: "http://shop.test:9".into(),
            method: "shop.Orders/Place".into(),
            messages: vec!["{}".into()],
            deadline_s: 60.0,
            repeat: RepeatDraft { times: 2, rate_per_s: 1_000, at_once: 2, every_s: 600.0, ..RepeatDraft::default() },
            ..GrpcDraft::default()
        };
        desk.send(Request::Grpc(call), is_probe).await;
        let num = if is_probe { 1 } else { 2 };
        // The server is asked for what the answer holds, and does not tell.
        let is_asked = || desk.world.num_asked.load(Ordering::SeqCst) == 2 && desk.world.num_requests.load(Ordering::SeqCst) == num;
        desk.until("question", |_| is_asked().then_some(())).await;
        let deadline = Instant::now() + WITHIN;
        loop {
            let mut lines = desk.lines().await;
            // What the method takes was asked before, by a call of its own.
            lines.retain(|line| line.call == "shop.Orders/Place");
            if lines.len() as u64 == num && lines.iter().all(|line| line.settled.counts_as() == SettledAs::Done) {
                break;
            }
            assert!(Instant::now() < deadline, "{lines:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // The server may not have been waited for until the ledger was read here, but it was when the calls settled.
        let given_up_ns = desk.world.given_up_ns.lock().unwrap_or(i64::MAX);
        let settled_ns = desk.settled_ns("shop.Orders/Place");
        assert_eq!(settled_ns.iter().filter(|ns| **ns < given_up_ns).count() as u64, num, "{settled_ns:?}, given up at {given_up_ns}");
    }
}

fn unheard_call(deadline_s: f64) -> GrpcDraft {
    let (url, method) = ("http://shop.test:9".into(), "shop.Orders/Place".into());
    GrpcDraft { url, method, messages: vec!["{}".into()], deadline_s, repeat: RepeatDraft { every_s: 600.0, ..RepeatDraft::default() }, ..GrpcDraft::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_answer_holds_is_asked_where_the_call_went_also_where_the_name_leads_elsewhere_by_then() {
    for is_probe in [false, true] {
        let desk = Desk::new(World { has_unheard: true, moves: true, ..World::default() });
        desk.send(Request::Grpc(unheard_call(60.0)), is_probe).await;
        desk.until("question", |_| desk.world.asked.lock().first().map(|_| ())).await;
        assert_eq!(*desk.world.asked.lock(), *desk.world.called.lock(), "a probe: {is_probe}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_tell_of_an_answer_in_the_time_of_the_call_is_waited_for_no_longer_and_that_is_written_down() {
    let desk = Desk::new(World { has_unheard: true, ..World::default() });
    desk.send(Request::Grpc(unheard_call(0.3)), false).await;
    let why = "the server did not tell it in time";
    let is_told = |board: &SendBoard| board.sent.first()?.answer.messages.iter().any(|message| message.text.contains(why)).then_some(());
    desk.until("reason", is_told).await;
    let lines = desk.lines().await;
    assert!(lines.iter().any(|line| line.call.contains("ServerReflection") && line.settled.reason() == why), "{lines:?}");
}
