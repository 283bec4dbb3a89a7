//! Requests sent many times, and probes.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use switchboard_desk::ledger::SettledAs;
use switchboard_desk::send::draft::{Body, RepeatDraft};
use switchboard_desk::send::{Ended, Question, SendBoard, SendCommand};
use switchboard_model::OperationEnd;

use crate::requests::Server;
use crate::sending::{Sending, Told, http};

const NO_SOURCES: &str = "[otlp]\ngrpc_port = 0\nhttp_port = 0\n";
const WELL: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
const BROKEN: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\nconnection: close\r\n\r\ndown";

fn times(times: u32) -> RepeatDraft {
    RepeatDraft { times, rate_per_s: 1_000, at_once: 4, ..RepeatDraft::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_sent_many_times_each_with_its_line_and_its_trace() {
    let server = Server::start(Some(WELL)).await;
    let sending = Sending::start(NO_SOURCES);
    let order = || {
        http(|http| {
            (http.method, http.url, http.repeat) = ("POST".to_owned(), server.url("/checkout?n={{counter}}"), times(40));
            http.body = Body::Json("{}".to_owned());
        })
    };
    let Told::Asks(Question::Confirm { what, .. }) = sending.send(order()).await else { panic!("nothing was asked") };
    assert!(what.starts_with("40 × POST /checkout to http://127.0.0.1"), "{what}");
    let Told::Sent(sent) = sending.confirm(None).await else { panic!("it was not sent") };
    assert_eq!(sent.num, 40);
    let sent = sending.settled().await;
    let figures = sent.figures.as_ref().expect("figures");
    assert_eq!((figures.num, figures.num_failed, &figures.by_end[..]), (40, 0, &[(Ended::Http(200), 40)][..]));
    let [p50, p95, p99, longest] = figures.percentiles.expect("they were answered");
    assert!(p50 <= p95 && p95 <= p99 && p99 <= longest && longest > Duration::ZERO && figures.rate_per_s > 1.0, "{figures:?}");
    assert_eq!(figures.histogram.iter().map(|(_, num)| num).sum::<u64>(), 40);
    assert_eq!(&sent.answer.body[..], b"ok", "the first answer is shown");
    let requests = server.requests();
    let traces: std::collections::BTreeSet<&str> = requests.iter().filter_map(|text| text.split("traceparent: ").nth(1)?.get(3..35)).collect();
    assert_eq!((requests.len(), traces.len()), (40, 40), "each begins a trace of its own");
    assert!(traces.contains(sent.trace_id.expect("a trace").to_string().as_str()));
    for number in 1..=40 {
        assert!(requests.iter().any(|text| text.starts_with(&format!("POST /checkout?n={number} "))), "{number}");
    }
    let lines = sending.lines().await;
    assert!(lines.len() == 40 && lines.iter().all(|line| line.settled.counts_as() == SettledAs::Done && line.call == "POST /checkout"), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_that_nobody_answers_are_given_up_at_once_and_none_goes_after() {
    let server = Server::start(None).await;
    let sending = Sending::start(NO_SOURCES);
    let Told::Sent(sent) = sending.send(http(|http| (http.url, http.repeat) = (server.url("/"), times(500)))).await else { panic!("it was not sent") };
    sending.until("requests", |_| (server.requests().len() == 4).then_some(())).await;
    let begun = Instant::now();
    sending.session.send(SendCommand::Cancel(sent.sent_id));
    let sent = sending.settled().await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let figures = sent.figures.as_ref().expect("figures");
    assert_eq!((figures.num, &figures.by_end[..], figures.percentiles), (4, &[(Ended::Possibly, 4)][..], None));
    let lines = sending.lines().await;
    let num = |settled: SettledAs| lines.iter().filter(|line| line.settled.counts_as() == settled).count();
    assert_eq!((num(SettledAs::Possibly), num(SettledAs::Done), lines.len()), (4, 0, 4 + num(SettledAs::NotDone)), "no line is left open");
    assert_eq!(server.num_connections.load(Ordering::SeqCst), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_fill_requests_in_and_what_is_out_of_bounds_is_a_mistake() {
    let server = Server::start(Some(WELL)).await;
    let sending = Sending::start(NO_SOURCES);
    let folder = sending.folder.path().join("requests");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("ids.jsonl"), "{\"id\":4711}\n{\"id\":4712}\n").expect("written");
    let of = |repeat: RepeatDraft| http(|http| (http.url, http.repeat) = (server.url("/orders/{{row.id}}"), repeat));
    let Told::Sent(_) = sending.send(of(RepeatDraft { rows: "ids.jsonl".to_owned(), ..times(0) })).await else { panic!("it was not sent") };
    assert_eq!(sending.settled().await.figures.as_ref().map(|figures| figures.num), Some(2));
    let mut firsts: Vec<String> = server.requests().iter().filter_map(|text| text.lines().next().map(str::to_owned)).collect();
    firsts.sort_unstable();
    assert_eq!(firsts, ["GET /orders/4711 HTTP/1.1", "GET /orders/4712 HTTP/1.1"]);
    for wrong in [RepeatDraft { rate_per_s: 0, ..times(2) }, RepeatDraft { at_once: 65, ..times(2) }, times(100_001)] {
        let draft = http(|http| (http.url, http.repeat) = (server.url("/"), wrong));
        let told = sending.send(draft).await;
        assert!(matches!(told, Told::Mistake("repeat", _)), "{told:?}");
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_goes_on_beside_what_is_sent_until_it_is_stopped() {
    let (server, other) = (Server::start(Some(BROKEN)).await, Server::start(Some(WELL)).await);
    let sending = Sending::start(NO_SOURCES);
    let every_s = RepeatDraft { every_s: 1.0, ..RepeatDraft::default() };
    let Told::Sent(probe) = sending.probe(http(|http| (http.url, http.repeat) = (server.url("/health"), every_s))).await else { panic!("it was not sent") };
    let find = |board: &switchboard_desk::send::SendBoard| board.sent.iter().find(|sent| sent.sent_id == probe.sent_id).cloned();
    let Told::Sent(_) = sending.send(http(|http| http.url = other.url("/"))).await else { panic!("it was not sent") };
    let twice = sending.until("two of them", |board| find(board).filter(|sent| sent.figures.as_ref().is_some_and(|figures| figures.num >= 2))).await;
    let figures = twice.figures.as_ref().expect("figures");
    assert_eq!((figures.num_failed, figures.by_end[0].0, twice.is_going(), &twice.answer.body[..]), (figures.num, Ended::Http(503), true, &b"down"[..]));
    assert_eq!(twice.trace_id, figures.last.last().and_then(|one| one.trace_id), "what it caused is of the last one");
    sending.until("the other", |board| (board.going().is_none() && board.probes().count() == 1).then_some(())).await;
    sending.session.send(SendCommand::Cancel(probe.sent_id));
    let stopped = sending.until("its end", |board| find(board).filter(|sent| !sent.is_going())).await;
    let num = stopped.figures.as_ref().map_or(0, |figures| figures.num);
    assert_eq!((server.requests().len() as u64, sending.lines().await.len() as u64), (num, num + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_of_the_first_of_a_probe_stands_there_before_there_is_a_second() {
    let server = Server::start(Some(BROKEN)).await;
    let sending = Sending::start(NO_SOURCES);
    let seldom = RepeatDraft { every_s: 600.0, ..RepeatDraft::default() };
    let Told::Sent(probe) = sending.probe(http(|http| (http.url, http.repeat) = (server.url("/health"), seldom))).await else { panic!("it was not sent") };
    let answered = |board: &switchboard_desk::send::SendBoard| {
        let sent = board.sent.iter().find(|sent| sent.sent_id == probe.sent_id)?;
        (sent.answer.body[..] == b"down"[..]).then(|| sent.figures.as_ref().map(|figures| figures.num))
    };
    assert_eq!(sending.until("the answer", answered).await, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_that_may_change_something_is_confirmed_each_time_it_is_started() {
    let server = Server::start(Some(WELL)).await;
    let sending = Sending::start(NO_SOURCES);
    for _ in 0..2 {
        let told = sending.probe(http(|http| (http.method, http.url) = ("POST".to_owned(), server.url("/orders")))).await;
        let Told::Asks(Question::Confirm { what, is_here: true }) = told else { panic!("nothing was asked: {told:?}") };
        assert!(what.contains("once in 30 s"), "{what}");
        let Told::Sent(sent) = sending.confirm(None).await else { panic!("it was not sent") };
        sending.session.send(SendCommand::Cancel(sent.sent_id));
        sending.until("its end", |board| (board.probes().count() == 0).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn production_is_never_probed() {
    let server = Server::start(Some(WELL)).await;
    let sending = Sending::start(&format!("environment = \"production\"\n{NO_SOURCES}"));
    let told = sending.probe(http(|http| http.url = server.url("/"))).await;
    assert!(matches!(&told, Told::Refused(reason) if reason.contains("nothing is probed there")), "{told:?}");
    assert_eq!(server.num_connections.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_ends_with_its_session_and_so_does_its_run_in_the_ledger() {
    for answer in [Some(WELL), None] {
        let (server, other) = (Server::start(answer).await, Server::start(Some(WELL)).await);
        let sending = Sending::start(NO_SOURCES);
        let probe = |server: &Server| {
            let every_s = RepeatDraft { every_s: 1.0, ..RepeatDraft::default() };
            http(|http| (http.url, http.repeat) = (server.url("/health"), every_s))
        };
        let Told::Sent(_) = sending.probe(probe(&server)).await else { panic!("it was not sent") };
        let is_going = |board: &SendBoard| match &board.sent[0].figures {
            // One that is not answered is on its way when the session ends.
            _ if answer.is_none() => server.requests().len() == 1,
            figures => figures.as_ref().is_some_and(|figures| figures.num >= 2),
        };
        sending.until("requests", |board| is_going(board).then_some(())).await;
        let (operations, Sending { session, folder }) = (sending.session.operations().clone(), sending);
        session.stop().await;
        let board = operations.board();
        let ends: Vec<_> = board.ended.iter().map(|view| (view.info.what.as_str(), view.end.as_ref().map(|end| &end.how))).collect();
        assert!(board.running.is_empty() && matches!(ends[..], [(what, Some(OperationEnd::Cancelled))] if what.starts_with("Send ")), "{board:?}");
        // Each that was sent until then has its line, with what became of it, and so has the run.
        let lines = crate::sending::lines(folder.path()).await;
        let (first, num_sent) = (lines[0].settled.counts_as(), lines.iter().filter(|line| line.settled.counts_as() != SettledAs::NotDone).count());
        assert_eq!(first, if answer.is_some() { SettledAs::Done } else { SettledAs::Possibly }, "{lines:?}");
        assert!(lines.iter().all(|line| !line.settled.reason().contains("no outcome was written")), "{lines:?}");
        let ledger = rusqlite::Connection::open(folder.path().join("ledger.sqlite")).expect("a ledger");
        let ending: Option<String> = ledger.query_row("SELECT ending FROM runs", [], |row| row.get(0)).expect("its run");
        assert_eq!(ending.as_deref(), Some("stopped"));
        // By the time at which another one that goes as often has come three times, this one would have come again.
        let another = Sending::start(NO_SOURCES);
        let Told::Sent(_) = another.probe(probe(&other)).await else { panic!("it was not sent") };
        another.until("requests of another", |_| (other.requests().len() >= 3).then_some(())).await;
        assert_eq!(server.num_connections.load(Ordering::SeqCst), num_sent, "it went on");
    }
}
