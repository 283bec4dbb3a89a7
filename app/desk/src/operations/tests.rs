//! Operations of the test's own making: what is told of them, how they are stopped, and what bounds them.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use switchboard_model::{FailureKind, OperationEnd, OperationFailure, OperationId, OperationInfo, OperationNews, Progress};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::line::PAGES_BYTES;
use super::registry::PUBLISH_EVERY;
use super::{MAX_ENDED, MAX_RUNNING, OperationHandle, OperationView, Operations, OperationsBoard, Teller};

const WITHIN: Duration = Duration::from_secs(20);

fn operations() -> Operations {
    Operations::new(&Handle::current(), Box::new(|| {}))
}

fn info(what: &str) -> OperationInfo {
    OperationInfo { what: what.to_owned(), source: "local".to_owned() }
}

fn letters(done: u64, total: Option<u64>) -> Progress {
    Progress { done, total, unit: "letters" }
}

fn failure(next_step: &str) -> OperationFailure {
    OperationFailure { kind: FailureKind::Connect, reason: "nobody listens there".to_owned(), next_step: next_step.to_owned() }
}

/// One that goes on until it is stopped, and does not look whether it is.
fn endless(operations: &Operations) -> OperationHandle<()> {
    operations.start(info("wait"), |_teller| pending()).expect("started")
}

/// Held by work; dropped, it tells.
struct Held(Option<oneshot::Sender<()>>);

impl Drop for Held {
    fn drop(&mut self) {
        let _nobody_waits = self.0.take().map(|told| told.send(()));
    }
}

fn held() -> (Held, oneshot::Receiver<()>) {
    let (told, is_dropped) = oneshot::channel();
    (Held(Some(told)), is_dropped)
}

/// Waits for a state of the board.
async fn until(operations: &Operations, what: &str, is_there: impl Fn(&OperationsBoard) -> bool) -> Arc<OperationsBoard> {
    let deadline = Instant::now() + WITHIN;
    loop {
        let board = operations.board();
        if is_there(&board) {
            return board;
        }
        assert!(Instant::now() < deadline, "no {what}: {board:#?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn until_ended(operations: &Operations, id: OperationId) -> OperationView {
    let of_it = |view: &OperationView| view.id == id;
    let board = until(operations, "end", |board| board.ended.iter().any(of_it)).await;
    board.ended.iter().find(|view| of_it(view)).expect("it was seen").clone()
}

fn how(view: &OperationView) -> &OperationEnd {
    &view.end.as_ref().expect("ended").how
}

/// All that is told until the end.
async fn news<P>(mut handle: OperationHandle<P>) -> Vec<OperationNews<P>> {
    let mut all = Vec::new();
    while let Some(news) = tokio::time::timeout(WITHIN, handle.next()).await.expect("news") {
        all.push(news);
    }
    all
}

#[tokio::test]
async fn who_asked_hears_of_start_progress_pages_and_end_and_the_board_shows_it() {
    let operations = operations();
    let (go_on, waits) = tokio::sync::oneshot::channel::<()>();
    let work = |teller: Teller<&'static str>| async move {
        teller.progress(letters(1, Some(3)));
        assert!(teller.page("first", 5) && teller.page("second", 6));
        let _go_on = waits.await;
        Ok(())
    };
    let handle = operations.start(info("read"), work).expect("started");
    let id = handle.id();
    let board = until(&operations, "progress", |board| board.running.iter().any(|view| view.progress.is_some())).await;
    let view = &board.running[0];
    assert_eq!((view.id, &view.info, view.progress, view.end.is_none()), (id, &info("read"), Some(letters(1, Some(3))), true));
    go_on.send(()).expect("it waits");
    let told = news(handle).await;
    let pages = [OperationNews::Page("first"), OperationNews::Page("second")];
    let ends = [OperationNews::Started, OperationNews::Progress(letters(1, Some(3))), OperationNews::Ended(OperationEnd::Done)];
    assert_eq!(told, [&ends[..2], &pages, &ends[2..]].concat());
    let view = until_ended(&operations, id).await;
    let end = view.end.as_ref().expect("ended");
    assert!(end.how == OperationEnd::Done && end.at_ns >= view.started_ns && view.progress == Some(letters(1, Some(3))), "{view:?}");
    assert!(operations.board().running.is_empty());
}

#[tokio::test]
async fn pages_that_nobody_takes_have_a_bound_and_what_is_lost_is_counted() {
    const PAGE: usize = PAGES_BYTES / 4;
    let operations = operations();
    let work = |teller: Teller<u32>| async move {
        let taken = (0..10).filter(|page| teller.page(*page, PAGE)).count();
        assert_eq!(taken, 4);
        Ok(())
    };
    let handle = operations.start(info("read"), work).expect("started");
    let view = until_ended(&operations, handle.id()).await;
    assert_eq!((how(&view), view.num_lost, view.num_late), (&OperationEnd::Done, 6, 0));
    let pages = news(handle).await.into_iter().filter_map(|news| if let OperationNews::Page(page) = news { Some(page) } else { None });
    assert_eq!(pages.collect::<Vec<_>>(), [0, 1, 2, 3]);
    // Their number has a bound too, whatever they say of their size.
    let work = |teller: Teller<()>| async move {
        while teller.page((), 0) {}
        Ok(())
    };
    let handle = operations.start(info("read"), work).expect("started");
    assert_eq!(until_ended(&operations, handle.id()).await.num_lost, 1);
}

#[tokio::test]
async fn one_that_waits_for_ever_is_cancelled_at_once_and_its_work_dropped() {
    let operations = operations();
    let (held, is_dropped) = held();
    let work = move |teller: Teller<()>| async move {
        let _held = held;
        teller.progress(letters(7, None));
        pending().await
    };
    let handle = operations.start(info("wait"), work).expect("started");
    until(&operations, "progress", |board| board.running.iter().any(|view| view.progress == Some(letters(7, None)))).await;
    operations.cancel(handle.id());
    assert_eq!(handle.ended(), Some(OperationEnd::Cancelled), "nobody waits for the work");
    let id = handle.id();
    assert_eq!(news(handle).await.last(), Some(&OperationNews::Ended(OperationEnd::Cancelled)));
    assert_eq!(how(&until_ended(&operations, id).await), &OperationEnd::Cancelled);
    tokio::time::timeout(WITHIN, is_dropped).await.expect("in time").expect("dropped");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_never_rests_is_cancelled_too() {
    let operations = operations();
    let (held, is_dropped) = held();
    let work = |_teller: Teller<()>| async move {
        let _held = held;
        loop {
            tokio::task::consume_budget().await;
        }
    };
    let handle = operations.start(info("spin"), work).expect("started");
    handle.cancel();
    assert_eq!(*how(&until_ended(&operations, handle.id()).await), OperationEnd::Cancelled);
    tokio::time::timeout(WITHIN, is_dropped).await.expect("in time").expect("dropped");
}

#[tokio::test]
async fn work_that_looks_whether_it_is_to_stop_ends_by_itself() {
    let operations = operations();
    let (told, tells) = tokio::sync::oneshot::channel();
    let work = |teller: Teller<()>| async move {
        let before = teller.is_cancelled();
        teller.progress(letters(0, None));
        teller.cancelled().await;
        let _nobody_waits = told.send((before, teller.is_cancelled()));
        Ok(())
    };
    let handle = operations.start(info("wait"), work).expect("started");
    until(&operations, "progress", |board| board.running.iter().any(|view| view.progress.is_some())).await;
    handle.cancel();
    assert_eq!(tokio::time::timeout(WITHIN, tells).await.expect("in time"), Ok((false, true)));
    assert_eq!(how(&until_ended(&operations, handle.id()).await), &OperationEnd::Cancelled, "what it gives back comes after its end");
}

#[tokio::test]
async fn one_that_heeds_nothing_is_seen_as_cancelled_and_what_it_still_finds_is_dropped_and_counted() {
    let operations = operations();
    let (go_on, waits) = mpsc::sync_channel::<()>(1);
    let (done, is_done) = tokio::sync::oneshot::channel();
    let work = |teller: Teller<u32>| async move {
        let blocking = tokio::task::spawn_blocking(move || {
            let is_room = teller.page(1, 8);
            let _go_on = waits.recv();
            teller.progress(letters(9, None));
            let _nobody_waits = done.send((is_room, teller.page(2, 8), teller.page(3, 8)));
        });
        blocking.await.expect("no panic");
        Ok(())
    };
    let mut handle = operations.start(info("read"), work).expect("started");
    assert_eq!(handle.next().await, Some(OperationNews::Started));
    assert_eq!(tokio::time::timeout(WITHIN, handle.next()).await.expect("in time"), Some(OperationNews::Page(1)));
    handle.cancel();
    // The thread is still blocked.
    let view = until_ended(&operations, handle.id()).await;
    assert_eq!((how(&view), view.num_late), (&OperationEnd::Cancelled, 0));
    go_on.send(()).expect("it waits");
    assert_eq!(is_done.await, Ok((true, false, false)));
    let board = until(&operations, "count", |board| board.ended.iter().any(|view| view.num_late == 2)).await;
    assert_eq!(board.ended[0].progress, None, "nothing that is told after the end counts");
    assert_eq!(handle.next().await, Some(OperationNews::Ended(OperationEnd::Cancelled)));
    assert_eq!(handle.next().await, None);
}

#[tokio::test]
async fn a_failure_says_why_and_what_to_do_next() {
    let operations = operations();
    let mut handle = operations.start(info("connect"), |_teller: Teller<()>| async { Err(failure("Start it")) }).expect("started");
    let end = tokio::time::timeout(WITHIN, handle.end()).await.expect("in time");
    assert_eq!(end, OperationEnd::Failed(failure("Start it")));
    assert_eq!(how(&until_ended(&operations, handle.id()).await), &end);
    handle.cancel();
    assert_eq!(handle.ended(), Some(end), "it has ended already");
}

#[tokio::test]
async fn a_panic_is_a_failure_and_its_place_is_free_again() {
    let operations = operations();
    let work = |_teller: Teller<()>| async { if Handle::try_current().is_ok() { panic!("a thing that can not be") } else { Ok(()) } };
    let handle = operations.start(info("read"), work).expect("started");
    let view = until_ended(&operations, handle.id()).await;
    let OperationEnd::Failed(failed) = how(&view) else { panic!("{view:?}") };
    assert_eq!((failed.kind, failed.reason.as_str()), (FailureKind::Internal, "Switchboard itself failed: a thing that can not be"));
    assert!(!failed.next_step.is_empty());
    let _running: Vec<_> = (0..MAX_RUNNING - 1).map(|_| endless(&operations)).collect();
    let deadline = Instant::now() + WITHIN;
    while operations.start(info("one more"), |_teller: Teller<()>| pending()).is_err() {
        assert!(Instant::now() < deadline, "its place is not free");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn beyond_the_bound_one_is_refused_with_a_next_step_until_another_has_let_go() {
    let operations = operations();
    let mut running: Vec<_> = (0..MAX_RUNNING).map(|_| endless(&operations)).collect();
    let refused = operations.start(info("one more"), |_teller: Teller<()>| pending()).map(|_| ()).expect_err("too many");
    assert_eq!((refused.kind, refused.reason.as_str()), (FailureKind::Limit, "16 operations run already"));
    assert!(refused.next_step.contains("Stop one"), "{refused:?}");
    assert_eq!(until(&operations, "all", |board| board.running.len() == MAX_RUNNING).await.ended.len(), 0, "a refused one never began");
    running.pop().expect("one").cancel();
    let deadline = Instant::now() + WITHIN;
    while operations.start(info("one more"), |_teller: Teller<()>| pending()).is_err() {
        assert!(Instant::now() < deadline, "its place is not free");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn the_end_of_the_session_ends_all_and_none_begins_after() {
    let operations = operations();
    let running: Vec<_> = (0..3).map(|_| endless(&operations)).collect();
    operations.end_all().await;
    let board = operations.board();
    assert!(board.running.is_empty() && board.ended.len() == 3, "{board:#?}");
    assert!(running.iter().all(|handle| handle.ended() == Some(OperationEnd::Cancelled)));
    let refused = operations.start(info("one more"), |_teller: Teller<()>| async { Ok(()) }).map(|_| ()).expect_err("it is over");
    assert_eq!(refused.reason, "The session has ended");
}

#[tokio::test]
async fn of_those_that_ended_the_last_are_kept_and_no_id_is_given_twice() {
    let operations = operations();
    let mut ids = Vec::new();
    for _ in 0..MAX_ENDED + 5 {
        let mut handle = operations.start(info("read"), |_teller: Teller<()>| async { Ok(()) }).expect("started");
        assert_eq!(tokio::time::timeout(WITHIN, handle.end()).await.expect("in time"), OperationEnd::Done);
        ids.push(handle.id());
    }
    assert!(ids.is_sorted_by(|a, b| a < b));
    let board = until(&operations, "all", |board| board.num_forgotten == 5).await;
    let kept: Vec<OperationId> = board.ended.iter().map(|view| view.id).collect();
    assert_eq!(kept, ids[5..].iter().rev().copied().collect::<Vec<_>>());
    let long = "x".repeat(5_000);
    let work = move |_teller: Teller<()>| async move { Err(OperationFailure { reason: long.clone(), ..failure(&long) }) };
    let handle = operations.start(info("read"), work).expect("started");
    let OperationEnd::Failed(failed) = how(&until_ended(&operations, handle.id()).await).clone() else { panic!("it fails") };
    assert!(failed.reason.len() < 1_010 && failed.next_step.len() < 1_010, "its words have a bound too");
}

#[tokio::test]
async fn news_wake_the_window_at_most_thirty_times_a_second() {
    let num_woken = Arc::new(AtomicUsize::new(0));
    let wake = {
        let num_woken = Arc::clone(&num_woken);
        Box::new(move || {
            num_woken.fetch_add(1, Ordering::Relaxed);
        })
    };
    let operations = Operations::new(&Handle::current(), wake);
    let begun = Instant::now();
    let work = |teller: Teller<()>| async move {
        for done in 0..20_000 {
            teller.progress(letters(done, Some(20_000)));
            tokio::task::yield_now().await;
        }
        Ok(())
    };
    let handle = operations.start(info("read"), work).expect("started");
    until_ended(&operations, handle.id()).await;
    let most = begun.elapsed().as_millis() / PUBLISH_EVERY.as_millis() + 2;
    let num_woken = num_woken.load(Ordering::Relaxed);
    assert!(num_woken as u128 <= most && num_woken >= 1, "{num_woken} times, {most} at most");
    assert_eq!(operations.board().ended[0].progress, Some(letters(19_999, Some(20_000))), "the last one is shown");
}
