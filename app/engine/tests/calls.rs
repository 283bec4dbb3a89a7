//! What is asked of a call: its traces, its slowest, those in which it failed, and what its library tells of it.

mod batches;

use batches::{MS, Span, apply, engine, facts, spans, tick};
use switchboard_engine::Engine;
use switchboard_engine::view::{Answer, Query, ScanQuery, TraceFilter, TraceOrder, TraceRow};
use switchboard_model::{BreakerEventFact, BreakerEventKind, Fact, SpanId};

fn traces(engine: &mut Engine, filter: TraceFilter, order: TraceOrder) -> Vec<TraceRow> {
    match engine.query(&Query::Scan(ScanQuery::Traces { filter, order, limit: 100 })) {
        Answer::Traces(list) => list.rows,
        other => panic!("{other:?}"),
    }
}

fn through(from: &str, to: &str) -> TraceFilter {
    TraceFilter { through: Some((from.to_owned(), to.to_owned())), ..TraceFilter::default() }
}

/// Traces and how long the part that is asked for took, ms.
fn parts(rows: &[TraceRow]) -> Vec<(u128, i64)> {
    rows.iter().map(|row| (row.trace_id.0, row.part.and_then(|part| part.duration_ns).expect("a part is asked for") / MS)).collect()
}

/// An order of so many ms, whose payment takes so many, and whose shipping comes through a topic and takes 17 s.
fn order(trace: u128, payment_ms: i64) -> [Span; 6] {
    [
        Span::server("orders", trace, 1, 0).at(1_000, payment_ms + 20).named("POST /checkout"),
        Span::client("orders", trace, 2, 1).at(1_005, payment_ms).with(&[("server.address", "payments"), ("server.port", "8080")]),
        Span::server("payments", trace, 3, 2).at(1_006, payment_ms - 2).named("POST /pay"),
        Span::producer("orders", "orders.placed", trace, 4, 1).at(1_010, 2),
        Span::process("shipping", "orders.placed", "shipping", trace, 5, 4).at(1_500, 17_000),
        Span::client("shipping", trace, 6, 5).at(1_600, 16_000).with(&[("server.address", "carrier"), ("server.port", "443")]),
    ]
}

#[test]
fn the_slowest_traces_of_a_call_are_those_in_which_that_call_was_slowest() {
    let mut engine = engine();
    let all: Vec<Span> = [(1, 12), (2, 20), (3, 8)].into_iter().flat_map(|(trace, ms)| order(trace, ms)).collect();
    apply(&mut engine, &[spans(20_000, &all), tick(21_000)]);
    let slowest = traces(&mut engine, through("orders", "payments"), TraceOrder::Slowest);
    assert_eq!(parts(&slowest), [(2, 20), (1, 12), (3, 8)], "as its caller saw it, and not the whole with what follows it");
    assert!(slowest.iter().all(|row| row.duration_ns.is_some_and(|took_ns| took_ns > 17_000 * MS) && row.part.is_some_and(|part| part.span_id == SpanId(2))));
    let longer = TraceFilter { min_duration_ns: Some(10 * MS), ..through("orders", "payments") };
    assert_eq!(parts(&traces(&mut engine, longer, TraceOrder::Slowest)), [(2, 20), (1, 12)]);
    // Over a topic it is the handling that takes so long, and of the publishing the publishing.
    assert_eq!(parts(&traces(&mut engine, through("orders", "shipping"), TraceOrder::Slowest))[0].1, 17_000);
    assert_eq!(parts(&traces(&mut engine, through("orders", "orders.placed"), TraceOrder::Slowest))[0].1, 2);
    // The same of a service, and of an operation.
    let service = |name: &str| TraceFilter { service: Some(name.to_owned()), ..TraceFilter::default() };
    assert_eq!(parts(&traces(&mut engine, service("payments"), TraceOrder::Slowest)), [(2, 18), (1, 10), (3, 6)]);
    let operation = TraceFilter { operation: Some("checkout".to_owned()), ..TraceFilter::default() };
    assert_eq!(parts(&traces(&mut engine, operation, TraceOrder::Slowest)), [(2, 40), (1, 32), (3, 28)]);
    assert!(traces(&mut engine, TraceFilter::default(), TraceOrder::Slowest).iter().all(|row| row.part.is_none()));
}

#[test]
fn the_failed_traces_of_a_call_are_those_in_which_that_call_failed() {
    let mut engine = engine();
    let mut all: Vec<Span> = Vec::new();
    // In 1 only shipping fails, in 2 the payment on its server's side, in 3 on its client's.
    for (trace, failing) in [(1_u128, 4_usize), (2, 2), (3, 1)] {
        let mut of = order(trace, 10);
        of[failing] = of[failing].clone().failed("no");
        all.extend(of);
    }
    // In 4 nobody answered, and in 5 another address was called.
    let nobody = |trace: u128, address: &str| {
        [
            Span::server("orders", trace, 1, 0).at(1_000, 30),
            Span::client("orders", trace, 2, 1).at(1_005, 20).with(&[("server.address", address), ("server.port", "8080")]).failed("refused"),
        ]
    };
    all.extend(nobody(4, "payments"));
    all.extend(nobody(5, "elsewhere"));
    apply(&mut engine, &[spans(20_000, &all), tick(21_000)]);
    let failed = |filter: TraceFilter| TraceFilter { failed_only: true, ..filter };
    let ids = |rows: Vec<TraceRow>| {
        let mut ids: Vec<u128> = rows.iter().map(|row| row.trace_id.0).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(ids(traces(&mut engine, failed(through("orders", "payments")), TraceOrder::Newest)), [2, 3, 4]);
    assert_eq!(ids(traces(&mut engine, through("orders", "payments"), TraceOrder::Newest)), [1, 2, 3, 4]);
    let order_of =
        |engine: &mut Engine, filter| traces(engine, filter, TraceOrder::Failed).iter().map(|row| row.part.expect("a part").is_failed).collect::<Vec<_>>();
    assert_eq!(order_of(&mut engine, through("orders", "payments")), [true, true, true, false], "failed first means that it failed");
    // A service's failed traces are those in which it failed.
    let service = |name: &str| failed(TraceFilter { service: Some(name.to_owned()), ..TraceFilter::default() });
    assert_eq!(ids(traces(&mut engine, service("shipping"), TraceOrder::Newest)), [1]);
    assert_eq!(ids(traces(&mut engine, service("payments"), TraceOrder::Newest)), [2]);
    assert_eq!(ids(traces(&mut engine, failed(TraceFilter::default()), TraceOrder::Newest)), [1, 2, 3, 4, 5]);
}

#[test]
fn retries_and_time_outs_that_a_library_tells_count_for_the_call_that_it_guards() {
    let event = |name: &str, kind: BreakerEventKind, second: i64| {
        Fact::BreakerEvent(BreakerEventFact {
            caller: Some("orders".to_owned()),
            instance: Some("orders-1".to_owned()),
            name: name.to_owned(),
            kind,
            at_ns: batches::START_NS + second * batches::SECOND,
        })
    };
    let mut told: Vec<Fact> = (0..31).map(|second| event("payments", BreakerEventKind::Retried, second)).collect();
    told.extend((0..4).map(|second| event("payments", BreakerEventKind::TimedOut, second)));
    told.push(event("nobody-knows", BreakerEventKind::Retried, 1));
    let calls: Vec<Span> = (1..=40).flat_map(|trace| order(trace, 10)).collect();
    let batches = [spans(20_000, &calls), facts(20_500, told), tick(21_000)];
    for batches in [batches.to_vec(), batches.iter().rev().cloned().collect()] {
        let mut engine = engine();
        apply(&mut engine, &batches);
        let report = engine.report(&batches::intake(&batches));
        let row = report.interactions.iter().find(|row| row.to.as_deref() == Some("payments")).expect("the call");
        assert_eq!((row.from.as_deref(), row.calls, row.retries, row.timeouts), (Some("orders"), 40, 31, 4));
        let others = report.interactions.iter().filter(|row| row.to.as_deref() != Some("payments"));
        assert_eq!(others.map(|row| row.retries + row.timeouts).sum::<u64>(), 0);
        assert!(report.breakers.is_empty(), "a retry is no breaker: {:?}", report.breakers);
        let snapshot = engine.snapshot(&batches::intake(&batches));
        assert_eq!(snapshot.interactions.iter().map(|view| (view.retries, view.timeouts)).max(), Some((31, 4)));
    }
}
