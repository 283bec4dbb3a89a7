//! What is asked before something goes to a server that is not this machine, as the addresses say that its name leads to. Nobody is connected to.

use std::net::SocketAddr;

use super::super::*;
use super::world::{Desk, World};
use crate::ledger::SettledAs;
use crate::send::board::Question;
use crate::send::draft::{GrpcDraft, HttpDraft, RepeatDraft, Request};

/// Of networks for documentation (RFC 5737, RFC 3849).
const ELSEWHERE: [&str; 2] = ["192.0.2.1:9", "[2001:db8::1]:9"];
const HERE: &str = "127.0.0.1:9";

fn desk(addresses: &[&str]) -> Desk {
    let addresses: Vec<SocketAddr> = addresses.iter().map(|address| address.parse().expect("an address")).collect();
    Desk::new(World { addresses, ..World::default() })
}

fn times(times: u32) -> RepeatDraft {
    RepeatDraft { times, rate_per_s: 1_000, at_once: 4, ..RepeatDraft::default() }
}

fn http(method: &str, repeat: RepeatDraft) -> Request {
    Request::Http(HttpDraft { method: method.to_owned(), url: "http://shop.test:9/orders?token=a".to_owned(), repeat, ..HttpDraft::default() })
}

fn grpc(repeat: RepeatDraft) -> Request {
    let (url, method) = ("http://shop.test:9".to_owned(), "shop.Orders/Place".to_owned());
    Request::Grpc(GrpcDraft { url, method, messages: vec!["{}".to_owned()], repeat, ..GrpcDraft::default() })
}

/// Sends it and waits for its end: what had to be confirmed, if anything had to.
async fn asked(desk: &Desk, request: Request, is_probe: bool) -> Option<(String, bool)> {
    let (num_sent, num_came) = (desk.desk.board().sent.len(), desk.world.came.lock().len());
    desk.ask(request, is_probe);
    let told = desk.until("word", |board| (board.asking.is_some() || board.sent.len() > num_sent).then(|| board.asking.clone())).await;
    let question = told.map(|asking| match &asking.question {
        Question::Confirm { what, is_here } => (what.clone(), *is_here),
        question @ Question::Allow { .. } => panic!("{question:?}"),
    });
    if question.is_some() {
        assert_eq!((desk.world.came.lock().len(), desk.desk.board().sent.len()), (num_came, num_sent), "nothing goes before it is confirmed");
        desk.desk.command(SendCommand::Confirm { typed_name: None });
    }
    let sent = desk.until("begin", |board| board.sent.first().filter(|_| board.sent.len() > num_sent).cloned()).await;
    if is_probe {
        let has_come = |board: &SendBoard| board.sent[0].figures.as_ref().is_some_and(|figures| figures.num >= 1);
        desk.until("first of a probe", |board| has_come(board).then_some(())).await;
        desk.desk.command(SendCommand::Cancel(sent.sent_id));
    }
    desk.settled().await;
    question
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_change_something_elsewhere_is_confirmed_each_time_with_target_and_count() {
    let not_all_here = [ELSEWHERE[0], HERE];
    for addresses in [&ELSEWHERE[..1], &ELSEWHERE[1..], &not_all_here] {
        let desk = desk(addresses);
        let order = "POST /orders to http://shop.test:9 may change something there";
        let call = "shop.Orders/Place to http://shop.test:9 may change something there";
        let probe = "http://shop.test:9 once in 30 s, until it is stopped or the session ends; each may change something there";
        for round in 0..2 {
            for (request, is_probe, what) in [
                (http("POST", RepeatDraft::default()), false, order.to_owned()),
                (http("POST", times(3)), false, format!("3 × {order}")),
                (http("DELETE", RepeatDraft::default()), false, order.replace("POST", "DELETE")),
                (grpc(RepeatDraft::default()), false, call.to_owned()),
                (grpc(times(3)), false, format!("3 × {call}")),
                (http("GET", times(3)), false, "3 × GET /orders to http://shop.test:9".to_owned()),
                (http("PUT", RepeatDraft::default()), true, format!("PUT /orders to {probe}")),
                (grpc(RepeatDraft::default()), true, format!("shop.Orders/Place to {probe}")),
            ] {
                assert_eq!(asked(&desk, request, is_probe).await, Some((what, false)), "{addresses:?}, round {round}");
            }
            // One request that changes nothing is let go.
            assert_eq!(asked(&desk, http("GET", RepeatDraft::default()), false).await, None);
        }
        let lines = desk.lines().await;
        assert!(lines.iter().all(|line| line.settled.counts_as() == SettledAs::Done), "{lines:?}");
        // Each has its line, and so has each question what the method takes.
        let num_asked = usize::try_from(desk.world.num_asked.load(Ordering::SeqCst)).expect("few");
        assert_eq!(lines.len(), desk.world.came.lock().len() + num_asked, "{lines:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_this_machine_it_is_confirmed_once_a_session_and_a_count_never() {
    let desk = desk(&[HERE, "[::1]:9"]);
    assert_eq!(asked(&desk, http("GET", times(3)), false).await, None);
    let order = "POST /orders to http://shop.test:9 may change something there. It is on this machine, where a tunnel may lead elsewhere; asked once a session";
    assert_eq!(asked(&desk, http("POST", RepeatDraft::default()), false).await, Some((order.to_owned(), true)));
    for request in [http("POST", RepeatDraft::default()), http("DELETE", times(3)), grpc(RepeatDraft::default())] {
        assert_eq!(asked(&desk, request, false).await, None);
    }
}
