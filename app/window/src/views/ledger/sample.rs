//! A made-up ledger, for tests and pictures.

use std::sync::Arc;

use switchboard_desk::ledger::{
    Ending, Fate, LedgerBoard, LedgerLook, LedgerState, LetterKey, LineId, LineKind, PAGE, RunId, RunLine, RunsPage, SendCounts, SendId, SendLine, SendsPage,
    Settled, TargetKind,
};
use switchboard_model::{MessageRef, Outcome, Place, Receipt};

use crate::testing::NOW_NS;

const SECOND_NS: i64 = 1_000_000_000;
const DAY_NS: i64 = 86_400 * SECOND_NS;

fn text(of: &str) -> String {
    of.to_owned()
}

fn line(number: i64, kind: LineKind, target_kind: TargetKind, target: &str, ago_s: i64) -> RunLine {
    let is_server = target_kind != TargetKind::Channel;
    let at_ns = NOW_NS - ago_s * SECOND_NS;
    RunLine {
        id: LineId::Run(RunId(number)),
        kind,
        target_kind: Some(target_kind),
        target: text(target),
        call: String::new(),
        replay_id: if kind == LineKind::Replay { format!("r-0k3m9x2q7{number}") } else { format!("s-{number:020x}") },
        profile: Some(text("compose-local")),
        operator: text("ada"),
        cluster: if is_server { text(target) } else { text("lab-kafka") },
        cluster_id: Some(text("lkc-8f2a61")),
        num_planned: 1,
        at_ns,
        ended_ns: Some(at_ns + SECOND_NS),
        ending: Some(Ending::Finished),
        reason: String::new(),
        counts: Some(SendCounts { total: 1, done: 1, ..SendCounts::default() }),
        status: None,
    }
}

/// Each kind of line, the newest first.
pub(crate) fn lines() -> Vec<RunLine> {
    let going = RunLine {
        num_planned: 64,
        ended_ns: None,
        ending: None,
        counts: Some(SendCounts { total: 41, done: 38, unsettled: 3, consumed: 12, ..SendCounts::default() }),
        ..line(9, LineKind::Replay, TargetKind::Channel, "orders.placed", 8)
    };
    let request = RunLine { call: text("POST /checkout"), status: Some(201), ..line(8, LineKind::Request, TargetKind::Http, "http://localhost:8080", 40) };
    let refused = RunLine {
        id: LineId::Refusal(2),
        call: text("DELETE /orders/4711"),
        replay_id: String::new(),
        ended_ns: None,
        ending: None,
        reason: text("`shop.example` is production: its name has to be typed"),
        counts: None,
        ..line(0, LineKind::Send, TargetKind::Http, "https://shop.example", 95)
    };
    let unreachable = RunLine {
        call: text("GET /health"),
        reason: text("nobody listens on localhost:9999"),
        counts: Some(SendCounts { total: 1, not_done: 1, ..SendCounts::default() }),
        ..line(7, LineKind::Request, TargetKind::Http, "http://localhost:9999", 310)
    };
    let called =
        RunLine { call: text("shop.v1.Orders/PlaceOrder"), status: Some(0), ..line(6, LineKind::Call, TargetKind::Grpc, "http://localhost:50051", 640) };
    let in_doubt = RunLine {
        call: text("PUT /orders/4711"),
        reason: text("the connection was lost while the answer was waited for"),
        counts: Some(SendCounts { total: 1, possibly: 1, ..SendCounts::default() }),
        ..line(5, LineKind::Request, TargetKind::Http, "http://localhost:8080", 900)
    };
    let mixed = RunLine {
        num_planned: 40,
        ending: Some(Ending::Halted),
        reason: text("two of the first five are dead again"),
        counts: Some(SendCounts { total: 6, done: 4, not_done: 1, skipped: 1, consumed: 2, dead_again: 2, ..SendCounts::default() }),
        ..line(4, LineKind::Replay, TargetKind::Channel, "orders.placed", 4_200)
    };
    let records = RunLine {
        num_planned: 23,
        counts: Some(SendCounts { total: 23, done: 23, ..SendCounts::default() }),
        ..line(3, LineKind::Record, TargetKind::Channel, "orders.placed", 7_000)
    };
    let stopped = RunLine {
        num_planned: 500,
        ending: Some(Ending::Stopped),
        operator: text("grace"),
        profile: Some(text("staging")),
        counts: Some(SendCounts { total: 120, done: 118, possibly: 2, consumed: 118, ..SendCounts::default() }),
        at_ns: NOW_NS - 3 * DAY_NS,
        ended_ns: Some(NOW_NS - 3 * DAY_NS + 40 * SECOND_NS),
        ..line(2, LineKind::Replay, TargetKind::Channel, "payments.settled", 0)
    };
    let nothing = RunLine {
        num_planned: 12,
        ending: Some(Ending::Halted),
        reason: text("no broker answered within 10 s"),
        counts: Some(SendCounts::default()),
        at_ns: NOW_NS - 400 * DAY_NS,
        ended_ns: Some(NOW_NS - 400 * DAY_NS),
        profile: None,
        ..line(1, LineKind::Replay, TargetKind::Channel, "orders.placed", 0)
    };
    vec![going, request, refused, unreachable, called, in_doubt, mixed, records, stopped, nothing]
}

/// A send of a letter.
pub(crate) fn send(run: &RunLine, number: i64) -> SendLine {
    let LineId::Run(run_id) = run.id else { panic!("a refusal sends nothing") };
    let is_replay = run.kind == LineKind::Replay;
    let at = MessageRef { cluster: text("lab-kafka"), channel: text("orders.placed-dlt"), place: Place::at(0, 100 + number) };
    let answered = match run.target_kind {
        Some(TargetKind::Http) => Receipt::Answered(201),
        Some(TargetKind::Grpc) => Receipt::Called(0),
        _ => Receipt::Persisted { at: Some(Place::at((number % 4) as i32, 18_190 + number)) },
    };
    SendLine {
        send_id: SendId(run_id.0 * 1_000 + number),
        run_id,
        letter: is_replay.then_some(LetterKey { at, timestamp_ns: Some(run.at_ns - 60 * SECOND_NS) }),
        target_kind: run.target_kind.unwrap_or(TargetKind::Channel),
        target: run.target.clone(),
        call: run.call.clone(),
        route: if run.target_kind == Some(TargetKind::Channel) { text("key") } else { String::new() },
        size_bytes: 412 + number.cast_unsigned() * 37 % 900,
        hash: format!("{:032x}", u128::from(number.cast_unsigned()).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)),
        key_id: Some(text("5b0c7f19d2e84a36")),
        replay_count: u32::from(is_replay),
        replay_id: if is_replay { format!("{}.{}", run.replay_id, number + 1) } else { run.replay_id.clone() },
        again: None,
        is_edited: false,
        failed_group: is_replay.then(|| text("inventory")),
        cluster: run.cluster.clone(),
        at_ns: run.at_ns + number * 1_000_000,
        settled: Settled::Tried(Outcome::Done(answered)),
        settled_ns: Some(run.at_ns + number * 1_000_000 + 4_000_000),
        fate: None,
        evidence: String::new(),
        fate_ns: None,
    }
}

/// Sends of a run of these lines.
pub(crate) fn sends(run: &RunLine) -> Vec<SendLine> {
    let Some(counts) = run.counts.filter(|_| !run.is_refusal()) else { return Vec::new() };
    let mut sends: Vec<SendLine> = (0..counts.total.cast_signed()).map(|number| send(run, number)).collect();
    let settle = |send: &mut SendLine, settled: Settled| {
        send.settled = settled;
        send.fate = None;
    };
    for send in sends.iter_mut().take(counts.consumed as usize) {
        (send.fate, send.evidence, send.fate_ns) = (Some(Fate::Consumed), text("inventory committed 18,233"), send.settled_ns.map(|at_ns| at_ns + SECOND_NS));
    }
    for send in sends.iter_mut().skip(counts.consumed as usize).take(counts.dead_again as usize) {
        (send.fate, send.evidence) = (Some(Fate::DeadAgain), text("orders.placed-dlt 0@141 bears its id: NullPointerException at OrderMapper:88"));
        (send.fate_ns, send.is_edited) = (send.settled_ns.map(|at_ns| at_ns + SECOND_NS), true);
    }
    let mut last = sends.iter_mut().rev();
    for _ in 0..counts.unsettled {
        if let Some(send) = last.next() {
            settle(send, Settled::Tried(Outcome::Possibly(text("no outcome was written: the program ended in between"))));
            send.settled_ns = None;
        }
    }
    for _ in 0..counts.not_done {
        last.next().into_iter().for_each(|send| {
            let reason = if send.target_kind == TargetKind::Channel { "the broker refused it: RecordTooLarge" } else { run.reason.as_str() };
            settle(send, Settled::Tried(Outcome::NotDone(text(reason))));
        });
    }
    for _ in 0..counts.possibly {
        last.next().into_iter().for_each(|send| settle(send, Settled::Tried(Outcome::Possibly(text("the connection was lost")))));
    }
    for _ in 0..counts.skipped {
        last.next().into_iter().for_each(|send| settle(send, Settled::Skipped(text("it was sent before, or may have been"))));
    }
    sends
}

/// The board that answers a look at these lines, whatever it filters.
pub(crate) fn answer(look: &LedgerLook, lines: &[RunLine]) -> LedgerBoard {
    let rows = lines.iter().skip(look.runs.skip).take(PAGE).cloned().collect();
    let sends = look.sends.as_ref().and_then(|query| {
        let run = lines.iter().find(|line| line.id == LineId::Run(query.run_id))?;
        let all = sends(run);
        let rows = all.iter().skip(query.skip).take(PAGE).cloned().collect();
        Some(Arc::new(SendsPage { of: query.clone(), rows, total: all.len(), num_all: all.len() }))
    });
    LedgerBoard {
        version: 1,
        path: Some("/home/ada/.local/share/switchboard/ledger.sqlite".into()),
        state: LedgerState::Read,
        look: Some(look.clone()),
        is_counted: true,
        runs: Arc::new(RunsPage { of: look.runs.clone(), rows, total: lines.len(), num_all: lines.len() }),
        sends,
        export: None,
    }
}
