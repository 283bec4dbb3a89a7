//! The pages of a ledger of 10⁵ sends as a window sees them: from the look until the page is on the board, and until its lines are counted.

use std::time::{Duration, Instant};

use switchboard_desk::ledger::{
    ComposedIntent, Ending, Ledger, LedgerFilter, LedgerLook, LedgerState, NewRun, RunId, RunsQuery, SendsQuery, Settled, Settlement, TargetKind,
};
use switchboard_model::{Outcome, Place, Receipt};
use tokio::task::JoinSet;

use crate::desk::Desk;
use crate::percentile;

const NUM_SENDS: i64 = 100_000;
/// Records of a run share commits.
const BLOCK: i64 = 500;
const NUM_LOOKS: usize = 25;
const T: i64 = 1_795_258_800_000_000_000;

fn run(name: String, target: &str, num_planned: u64, at_ns: i64) -> NewRun {
    NewRun {
        replay_id: name,
        profile: "shop".to_owned(),
        operator: "ada".to_owned(),
        cluster: target.to_owned(),
        cluster_id: target.to_owned(),
        target: target.to_owned(),
        num_planned,
        at_ns,
    }
}

fn intent(kind: TargetKind, target: &str, call: &str, number: i64) -> ComposedIntent {
    ComposedIntent {
        target_kind: kind,
        target: target.to_owned(),
        call: call.to_owned(),
        partition: None,
        hash: format!("{number:032x}"),
        size_bytes: 412,
        send_name: format!("s-{number}"),
        at_ns: T + number,
    }
}

/// A hundred thousand requests, each a line of its own.
async fn requests(ledger: &Ledger) {
    let mut going = JoinSet::new();
    for number in 0..NUM_SENDS {
        let ledger = ledger.clone();
        going.spawn(async move {
            let target = format!("http://localhost:{}", 8_080 + number % 7);
            let new = run(format!("s-{number}"), &target, 1, T + number);
            let ids = ledger.begin_call(new, intent(TargetKind::Http, &target, "POST /checkout", number)).await.expect("written");
            let settled = Settled::Tried(Outcome::Done(Receipt::Answered(if number % 50 == 0 { 503 } else { 201 })));
            ledger.end_call(ids, Settlement { settled, at_ns: T + number + 9 }, Ending::Finished).await.expect("written");
        });
        if going.len() >= 1_000 {
            going.join_next().await;
        }
    }
    going.join_all().await;
}

/// A run of as many records.
async fn records(ledger: &Ledger) -> RunId {
    let run_id = ledger.begin_run(run("r-1".to_owned(), "orders.placed", NUM_SENDS as u64, T)).await.expect("written");
    for first in (0..NUM_SENDS).step_by(BLOCK as usize) {
        let intents = (first..first + BLOCK).map(|number| intent(TargetKind::Channel, "orders.placed", "", number)).collect();
        let send_ids = ledger.intend_composed(run_id, intents).await.expect("written");
        let settle = |(place, send_id)| (send_id, Settlement { settled: Settled::Tried(Outcome::persisted(Some(Place::at(2, place)))), at_ns: T });
        ledger.settle_composed((first..).zip(send_ids).map(settle).collect()).await.expect("written");
    }
    ledger.end_run(run_id, Ending::Finished, "", T + NUM_SENDS).await.expect("written");
    run_id
}

/// From the look until its page is there, and until its lines are counted; it is looked elsewhere before.
fn look(desk: &Desk, look: &LedgerLook) -> (Duration, Duration) {
    desk.session.ledger(None);
    let begun = Instant::now();
    let mut page = None;
    loop {
        let board = desk.session.ledger(Some(look));
        if board.look.as_ref() == Some(look) {
            assert_eq!(board.state, LedgerState::Read);
            page.get_or_insert_with(|| begun.elapsed());
            if board.is_counted {
                break;
            }
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", board.state);
        std::thread::park_timeout(Duration::from_millis(1));
    }
    (page.unwrap_or_default(), begun.elapsed())
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}

fn pages(what: &str, fill: &impl AsyncFn(&Ledger) -> Option<RunId>) {
    let desk = Desk::start("");
    let path = desk.folder.path().join("ledger.sqlite");
    let ledger = Ledger::open(&path).expect("a ledger");
    let run_id = desk.runtime.block_on(fill(&ledger));
    drop(ledger);
    let page = |filter: LedgerFilter, skip: usize| LedgerLook { runs: RunsQuery { filter, skip }, sends: run_id.map(|run_id| SendsQuery { run_id, skip }) };
    let (first, counted) = look(&desk, &page(LedgerFilter::default(), 0));
    println!("{:<52} {:>9.1} {:>9.1}", format!("{what}: the first page, file opened"), ms(first), ms(counted));
    let found = LedgerFilter { text: "checkout".to_owned(), ..LedgerFilter::default() };
    for (name, filter, skip) in [("the first page", LedgerFilter::default(), 0), ("far down", LedgerFilter::default(), 80_000), ("found by a word", found, 0)] {
        let (mut firsts, mut counts) = (Vec::new(), Vec::new());
        for number in 0..NUM_LOOKS {
            // Another page before, so that this one is read.
            look(&desk, &page(LedgerFilter::default(), 500 * (1 + number % 3)));
            let (first, counted) = look(&desk, &page(filter.clone(), skip));
            firsts.push(first);
            counts.push(counted);
        }
        let told = [percentile(&mut firsts, 50), percentile(&mut firsts, 95), percentile(&mut counts, 50)].map(ms);
        println!("{:<52} {:>9.1} {:>9.1} {:>9.1}", format!("{what}: {name}"), told[0], told[1], told[2]);
    }
    desk.stop();
}

pub fn measure() {
    println!("\n{:<52} {:>9} {:>9} {:>9}", "pages of a ledger of 100,000 sends, ms", "p50", "p95", "counted");
    pages("requests", &async |ledger: &Ledger| {
        requests(ledger).await;
        None
    });
    pages("a run of records", &async |ledger: &Ledger| Some(records(ledger).await));
}
