//! When things happened, where clocks of others are off, times are in another unit or missing, and spans come late.

mod batches;

use batches::{MS, SECOND, START_NS, Span, apply, engine, facts, spans, tick};
use switchboard_engine::Engine;
use switchboard_engine::view::{Answer, ClockSet, Figure, PointQuery, Query, Range, Report, ScanQuery, Timing, TraceFilter, TraceOrder, TraceRow};
use switchboard_model::{BreakerState, Fact, Input, TraceId};

const MINUTE: i64 = 60 * SECOND;
/// When everything arrives, ms after the start.
const ARRIVED_MS: i64 = 30 * 60_000;

/// Twenty failing server spans that each took 10 ms and, by their sender's clock, ended so long after they arrived.
fn failing(ahead_ns: i64) -> Vec<Span> {
    let end_ns = ARRIVED_MS * MS + ahead_ns;
    let failing = |at: u64| Span { start_ns: end_ns - 10 * MS, duration_ns: 10 * MS, ..Span::server("shop", 1 + u128::from(at), 10, 0).failed("it broke") };
    (0..20).map(failing).collect()
}

fn arrived(all: &[Span]) -> Engine {
    let mut engine = engine();
    apply(&mut engine, &[spans(ARRIVED_MS, all), tick(ARRIVED_MS + 1_000)]);
    engine
}

/// The figures of the only service's node, and how far its clock is ahead in s.
fn service(engine: &mut Engine) -> (Figure, Option<i64>) {
    let snapshot = engine.snapshot(&[]);
    let node = snapshot.topology.nodes.iter().find(|node| node.name == "shop").expect("the service has a node");
    let row = snapshot.figures.nodes.iter().find(|row| row.node_id == node.node_id).expect("the node has figures");
    (row.figure, row.clock_ahead_ns.map(|ahead_ns| ahead_ns / SECOND))
}

fn in_range(engine: &mut Engine, from_ns: i64, to_ns: i64) -> u64 {
    let query = Query::Point(PointQuery::Figures { range: Range { from_ns: START_NS + from_ns, to_ns: START_NS + to_ns }, as_of_ns: i64::MAX });
    let Answer::Figures(report) = engine.query(&query) else { panic!("another answer") };
    report.services.iter().map(|service| service.calls).sum()
}

fn report(engine: &mut Engine) -> Report {
    engine.report(&[])
}

#[test]
fn failures_of_a_sender_whose_clock_is_off_count_and_the_difference_is_named() {
    for (ahead_s, named, is_out_of_range) in [
        (0, None, 0),
        (1, None, 0),
        (30, Some(30), 0),
        (90, Some(90), 20),
        (5 * 60, Some(300), 20),
        (3 * 86_400, Some(3 * 86_400), 20),
        (-30, None, 0),
        (-90, Some(-90), 0),
        (-5 * 60, Some(-300), 0),
        (-20 * 60, Some(-1_200), 20),
        (-3 * 86_400, Some(-3 * 86_400), 20),
    ] {
        let mut engine = arrived(&failing(ahead_s * SECOND));
        let (figure, ahead) = service(&mut engine);
        assert_eq!((figure.recent_calls, figure.recent_errors, figure.total_errors), (20, 20, 20), "{ahead_s} s");
        assert!(figure.rate_per_s > 0.0 && figure.p95_ns.is_some(), "{ahead_s} s");
        assert_eq!(ahead, named, "{ahead_s} s");
        // Heard of when it arrived, whatever it says.
        let heard_ns = figure.last_ns.expect("it was heard of") - START_NS;
        assert!((ARRIVED_MS * MS - heard_ns).abs() <= 10 * SECOND, "{ahead_s} s: {heard_ns}");
        let report = report(&mut engine);
        assert_eq!(report.limits.out_of_range, is_out_of_range, "{ahead_s} s");
        assert_eq!(report.services[0].clock_ahead_s.map(|ahead_s| ahead_s as i64), named, "{ahead_s} s");
        assert_eq!((report.services[0].calls, report.services[0].errors), (20, 20), "{ahead_s} s");
    }
}

#[test]
fn what_is_late_is_of_its_own_time_in_a_range_and_of_now_in_the_rate() {
    let mut engine = arrived(&failing(-5 * MINUTE));
    let own = 25 * MINUTE;
    assert_eq!((in_range(&mut engine, own - MINUTE, own + MINUTE), in_range(&mut engine, 29 * MINUTE, 31 * MINUTE)), (20, 0));
    // A minute later it is no longer of now, though it is of the range still.
    apply(&mut engine, &[tick(ARRIVED_MS + 80_000)]);
    assert_eq!(service(&mut engine).0.recent_calls, 0);
    assert_eq!(in_range(&mut engine, own - MINUTE, own + MINUTE), 20);
    // What is not believed is of the moment when it came.
    for ahead_ns in [-20 * MINUTE, 5 * MINUTE] {
        assert_eq!(in_range(&mut arrived(&failing(ahead_ns)), 29 * MINUTE, 31 * MINUTE), 20);
    }
}

#[test]
fn a_long_span_belongs_to_its_end() {
    let long = Span { start_ns: ARRIVED_MS * MS - 20 * MINUTE, duration_ns: 20 * MINUTE, ..Span::server("shop", 1, 10, 0) };
    let mut engine = arrived(&[long]);
    let (figure, ahead) = service(&mut engine);
    assert_eq!((figure.recent_calls, ahead), (1, None));
    assert!(figure.p95_ns.is_some_and(|p95_ns| (p95_ns - 20 * MINUTE).abs() < MINUTE));
    assert_eq!(report(&mut engine).limits.out_of_range, 0);
}

#[test]
fn times_that_make_no_duration_are_in_no_figure() {
    let usual = |at: u64| Span { start_ns: ARRIVED_MS * MS - 20 * MS, duration_ns: 20 * MS, ..Span::server("shop", u128::from(at), 10, 0) };
    let in_milliseconds = (START_NS + ARRIVED_MS * MS) / 1_000_000 - START_NS;
    let odd = [
        ("ends before it starts", Timing::EndsBeforeStart, ARRIVED_MS * MS, -1),
        ("has no end", Timing::NoEnd, ARRIVED_MS * MS, -START_NS - ARRIVED_MS * MS),
        ("started in 1970", Timing::NotBelievable, in_milliseconds, ARRIVED_MS * MS - in_milliseconds),
        ("is of 1970", Timing::NotBelievable, in_milliseconds, 20),
        ("ends in 1970", Timing::NotBelievable, ARRIVED_MS * MS, in_milliseconds - ARRIVED_MS * MS),
        ("is of the end of time", Timing::NotBelievable, i64::MAX - START_NS, 0),
    ];
    for (what, timing, start_ns, duration_ns) in odd {
        let mut all: Vec<Span> = (1..20).map(usual).collect();
        all.push(Span { start_ns, duration_ns, ..Span::server("shop", 99, 10, 0) });
        let mut engine = arrived(&all);
        let (figure, _) = service(&mut engine);
        assert_eq!((figure.total_calls, figure.recent_calls), (20, 20), "{what}");
        for quantile_ns in [figure.p50_ns, figure.p95_ns] {
            assert!(quantile_ns.is_some_and(|quantile_ns| (quantile_ns - 20 * MS).abs() < MS), "{what}: {figure:?}");
        }
        assert_eq!(report(&mut engine).interactions[0].clock_differences, 0, "{what}");
        let Answer::Trace(trace) = engine.query(&Query::Point(PointQuery::Trace { trace_id: TraceId(99) })) else { panic!("another answer") };
        assert_eq!(trace.spans[0].timing(), timing, "{what}");
    }
}

fn listed(engine: &mut Engine, order: TraceOrder, range: Option<Range>) -> Vec<TraceRow> {
    let Answer::Traces(list) = engine.query(&Query::Scan(ScanQuery::Traces { filter: TraceFilter { range, ..TraceFilter::default() }, order, limit: 100 }))
    else {
        panic!("another answer")
    };
    list.rows
}

#[test]
fn a_trace_with_a_time_that_is_not_believable_is_listed_by_the_rest() {
    let in_milliseconds = (START_NS + ARRIVED_MS * MS) / 1_000_000 - START_NS;
    let root = Span { start_ns: ARRIVED_MS * MS - 50 * MS, duration_ns: 40 * MS, ..Span::server("shop", 7, 10, 0) };
    let of_1970 = Span { start_ns: in_milliseconds, duration_ns: 20, ..Span::server("stock", 7, 11, 10) };
    let alone = Span { start_ns: in_milliseconds, duration_ns: 20, ..Span::server("stock", 8, 12, 0) };
    let mut engine = arrived(&[root, of_1970, alone]);
    let now = START_NS + ARRIVED_MS * MS;
    let last_minutes = Range { from_ns: now - 5 * MINUTE, to_ns: now + MINUTE };
    for order in [TraceOrder::Newest, TraceOrder::Slowest, TraceOrder::Failed] {
        for range in [None, Some(last_minutes)] {
            let rows = listed(&mut engine, order, range);
            assert_eq!(rows.len(), 2, "{order:?} {range:?}");
            let whole = rows.iter().find(|row| row.trace_id == TraceId(7)).expect("the trace is listed");
            assert_eq!((whole.num_spans, whole.root_service.as_str(), whole.duration_ns), (2, "shop", Some(50 * MS)), "{order:?} {range:?}");
            let alone = rows.iter().find(|row| row.trace_id == TraceId(8)).expect("the trace is listed");
            assert_eq!((alone.start_ns, alone.duration_ns), (now, None), "{order:?} {range:?}");
        }
    }
}

#[test]
fn a_trace_is_of_the_range_in_which_figures_count_it() {
    let now = START_NS + ARRIVED_MS * MS;
    let last = |minutes: i64| Range { from_ns: now + 10 * SECOND - minutes * MINUTE, to_ns: now + 10 * SECOND };
    // It ends so long after it arrived by its sender's clock, and lasts so long.
    for (what, ahead_ns, duration_ns) in [
        ("right", 0, 10 * MS),
        ("5 min ahead", 5 * MINUTE, 10 * MS),
        ("30 s ahead", 30 * SECOND, 10 * MS),
        ("90 s behind", -90 * SECOND, 10 * MS),
        ("20 min behind", -20 * MINUTE, 10 * MS),
        ("5 min long", 0, 5 * MINUTE),
        ("without an end", 0, -START_NS - ARRIVED_MS * MS),
    ] {
        let start_ns = if duration_ns < 0 { ARRIVED_MS * MS } else { ARRIVED_MS * MS + ahead_ns - duration_ns };
        let failing = Span { start_ns, duration_ns, ..Span::server("shop", 1, 10, 0).failed("it broke") };
        // What arrived long before stands in the same segment.
        let before = Span { start_ns: 0, duration_ns: 10 * MS, ..Span::server("shop", 2, 20, 0) };
        let mut engine = engine();
        apply(&mut engine, &[spans(10, &[before]), spans(ARRIVED_MS, &[failing]), tick(ARRIVED_MS + 1_000)]);
        for order in [TraceOrder::Newest, TraceOrder::Slowest, TraceOrder::Failed] {
            let mut listed = |range: Range| listed(&mut engine, order, Some(range)).iter().map(|row| row.trace_id.0).collect::<Vec<_>>();
            assert_eq!(listed(last(1)), [1], "{what} {order:?}");
            assert_eq!(listed(last(5)), [1], "{what} {order:?}");
            // Before it arrived only what is believed to have ended then.
            let before = Range { from_ns: now - 2 * MINUTE, to_ns: now - MINUTE };
            assert_eq!(listed(before) == [1], what == "90 s behind", "{what} {order:?}");
        }
    }
}

#[test]
fn a_breaker_that_refused_just_now_is_open_whatever_the_sender_s_clock() {
    let class = "io.github.resilience4j.circuitbreaker.CallNotPermittedException";
    let says_open = "CircuitBreaker 'payments' is OPEN and does not permit further calls";
    for ahead_s in [0, 30, 300, -30, -300, -3_000, -30 * 365 * 86_400] {
        let span = Span { start_ns: ARRIVED_MS * MS + ahead_s * SECOND, ..Span::server("shop", 1, 10, 0) };
        let mut engine = arrived(&[span.exception(class, says_open)]);
        let snapshot = engine.snapshot(&[]);
        let told: Vec<_> = snapshot.breakers.iter().map(|row| (row.state, row.stale, row.confirmed_ns - START_NS)).collect();
        assert_eq!(told, [(Some(BreakerState::Open), false, ARRIVED_MS * MS)], "{ahead_s} s");
    }
}

#[test]
fn a_producer_that_waits_for_the_broker_accuses_no_clock() {
    // Published at 1,000 ms, acknowledged at 1,040; read at 1,012.
    let waits = Span::producer("orders", "t", 1, 10, 0).at(1_000, 40);
    let report_of = |consumer_ms: i64| {
        let mut engine = engine();
        apply(&mut engine, &[spans(2_000, &[waits.clone(), Span::process("stock", "t", "stock", 1, 20, 10).at(consumer_ms, 5)])]);
        let report = engine.report(&[]);
        let row = report.interactions.iter().find(|row| row.to.as_deref() == Some("stock")).expect("they are paired").clone();
        (row.clock_differences, row.p50_ms.map(f64::round))
    };
    // Since its end, where that lies before.
    assert_eq!(report_of(1_060), (0, Some(20.0)));
    // Since its start, where it still waits.
    assert_eq!(report_of(1_012), (0, Some(12.0)));
    assert_eq!(report_of(1_000), (0, Some(0.0)));
    // Read before it was sent: there the clocks differ.
    assert_eq!(report_of(990), (1, None));
}

#[test]
fn the_order_of_arrival_changes_neither_clocks_nor_figures() {
    let batches = [
        spans(ARRIVED_MS, &failing(-5 * MINUTE)),
        spans(ARRIVED_MS + 30_000, &[Span { start_ns: (ARRIVED_MS + 30_000) * MS + 8 * SECOND, ..Span::server("shop", 50, 10, 0) }]),
        spans(ARRIVED_MS + 70_000, &[Span { start_ns: (ARRIVED_MS + 70_000) * MS + 3 * SECOND, ..Span::server("shop", 51, 10, 0) }]),
    ];
    let told = |order: [usize; 3]| {
        let mut engine = engine();
        for at in order {
            engine.apply(Input::Batch(batches[at].clone()));
        }
        let report = engine.report(&[]);
        assert_eq!(report.services[0].clock_ahead_s.map(f64::round), Some(8.0));
        format!("{:?}", report.services)
    };
    let first = told([0, 1, 2]);
    for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert_eq!(told(order), first, "{order:?}");
    }
}

#[test]
fn a_service_whose_clock_was_set_with_this_machines_is_not_accused() {
    for by_s in [3_600, -3_600] {
        // Set minutes before they arrive: by the wall as it is now that of this machine is right, and one that was not set is off.
        for (set_ms, ahead_s, named) in [
            (ARRIVED_MS - 300_000, by_s, None),
            (ARRIVED_MS - 300_000, 0, Some(-by_s)),
            (ARRIVED_MS + 300_000, 0, None),
            // About then nothing can be told.
            (ARRIVED_MS - 30_000, by_s, None),
            (ARRIVED_MS - 30_000, 0, None),
        ] {
            let case = format!("set by {by_s} s at {set_ms} ms, {ahead_s} s ahead");
            let batches = [facts(set_ms, vec![Fact::ClockSet { by_ns: by_s * SECOND }]), spans(ARRIVED_MS, &failing(ahead_s * SECOND))];
            for order in [[0, 1], [1, 0]] {
                let mut engine = engine();
                apply(&mut engine, &order.map(|at: usize| batches[at].clone()));
                apply(&mut engine, &[tick(ARRIVED_MS + 301_000)]);
                assert_eq!(service(&mut engine).1, named, "{case}");
                assert_eq!(report(&mut engine).services[0].clock_ahead_s.map(|ahead_s| ahead_s as i64), named, "{case}");
            }
        }
    }
}

#[test]
fn a_clock_that_was_set_is_told_with_the_moment_and_the_size() {
    let mut engine = engine();
    apply(&mut engine, &[tick(1_000)]);
    assert_eq!(engine.snapshot(&[]).totals.clock_set, None);
    apply(&mut engine, &[facts(2_000, vec![Fact::ClockSet { by_ns: 3_600 * SECOND }]), facts(9_000, vec![Fact::ClockSet { by_ns: -3_600 * SECOND }])]);
    assert_eq!(engine.snapshot(&[]).totals.clock_set, Some(ClockSet { at_ns: START_NS + 9 * SECOND, by_ns: -3_600 * SECOND }));
    let told: Vec<f64> = engine.report(&[]).clock_set.iter().map(|set| set.by_s).collect();
    assert_eq!(told, [3_600.0, -3_600.0]);
}
