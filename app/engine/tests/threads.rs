//! The engine on its thread: what goes in comes out, questions are answered, faults are seen.

mod batches;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use batches::{START_NS, Span, spans, tick};
use switchboard_engine::view::{Answer, PointQuery, Query, ScanQuery, Snapshot, TraceFilter, TraceOrder};
use switchboard_engine::{EngineConfig, EngineState, EngineThread};
use switchboard_model::{Batch, Intake, Offer, Sink, SourceId, SourceInfo, SourceKind, TraceId, channel};

const DEADLINE: Duration = Duration::from_secs(20);

struct Running {
    engine: EngineThread,
    intake: Intake,
    sink: Sink,
    num_published: Arc<AtomicU64>,
}

fn run(on_publish: impl Fn(u64) + Send + 'static) -> Running {
    let (intake, outlet) = channel(16 << 20);
    let num_published = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&num_published);
    let on_publish = Box::new(move || on_publish(counter.fetch_add(1, Ordering::SeqCst) + 1));
    let config = EngineConfig { memory_bytes: 64 << 20, started_ns: START_NS };
    let engine = EngineThread::spawn(config, Vec::new(), outlet, intake.clone(), on_publish);
    engine.add_source(SourceInfo { id: SourceId(1), name: "otlp".to_owned(), kind: SourceKind::Otlp, environment: Some("lab".to_owned()) });
    let sink = intake.sink(SourceId(1));
    Running { engine, intake, sink, num_published }
}

/// Waits for a state with a deadline.
fn until(mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {DEADLINE:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn pair(trace: u128) -> Batch {
    spans(2_000, &[Span::client("shop", trace, 10, 0), Span::server("orders", trace, 11, 10)])
}

fn num_calls(snapshot: &Snapshot) -> u64 {
    snapshot.interactions.iter().map(|row| row.figure.total_calls).sum()
}

#[test]
fn what_goes_in_comes_out_and_questions_are_answered() {
    let Running { engine, intake, sink, num_published } = run(|_| {});
    let snapshots = engine.snapshots();
    for trace in 1..=200 {
        assert!(matches!(sink.offer(pair(trace)), Offer::Taken));
    }
    until(|| num_calls(&snapshots.latest()) == 200);
    assert_eq!(snapshots.latest().topology.nodes[0].environment.as_deref(), Some("lab"));
    let Answer::Trace(trace) = engine.query(Query::Point(PointQuery::Trace { trace_id: TraceId(7) })).recv_timeout(DEADLINE).unwrap() else {
        panic!("another answer")
    };
    assert_eq!(trace.spans.len(), 2);
    let search = Query::Scan(ScanQuery::Find { text: "GET".to_owned(), limit: 5 });
    let hits = engine.query(search).into_iter().map(|part| if let Answer::Found(page) = part { page.hits.len() } else { panic!("another answer") });
    assert_eq!(hits.sum::<usize>(), 5);
    let report = engine.report().recv_timeout(DEADLINE).unwrap();
    assert_eq!((report.interactions[0].calls, report.sources[0].counts.received, report.sources[0].counts.stored), (200, 400, 400));
    assert_eq!(intake.num_bytes_queued(), 0);
    assert!(num_published.load(Ordering::SeqCst) >= 1 && engine.state() == EngineState::Running);
}

#[test]
fn a_search_tells_in_parts_and_ends_only_older_ones_of_its_kind() {
    let Running { engine, sink, .. } = run(|_| {});
    // Enough for several segments, so that there are several parts.
    for batch in 0..60_u128 {
        let of_batch: Vec<Span> = (1..=500_u128).map(|at| Span::client("shop", batch * 500 + at, 10, 0).named("Place order")).collect();
        assert!(matches!(sink.offer(spans(2_000, &of_batch)), Offer::Taken));
    }
    until(|| engine.snapshot().totals.stored == 30_000);
    let find = |text: &str, limit: usize| engine.query(Query::Scan(ScanQuery::Find { text: text.to_owned(), limit }));
    let older = find("order", 10_000);
    let traces = engine.query(Query::Scan(ScanQuery::Traces { filter: TraceFilter::default(), order: TraceOrder::Slowest, limit: 7 }));
    let newer = find("ORDER", 10_000);
    let mut num_hits = 0;
    let last = loop {
        let Answer::Found(page) = newer.recv_timeout(DEADLINE).unwrap() else { panic!("another answer") };
        num_hits += page.hits.len();
        if page.is_done {
            break page;
        }
    };
    assert_eq!((num_hits, last.total, last.looked.as_slice()), (10_000, 30_000, [format!("{},000 spans", last.looked_at / 1_000)].as_slice()));
    assert!(newer.recv_timeout(DEADLINE).is_err(), "nothing comes behind the last part");
    let Answer::Traces(list) = traces.recv_timeout(DEADLINE).unwrap() else { panic!("another answer") };
    assert_eq!((list.rows.len(), list.matching, list.is_capped), (7, 30_000, true));
    // The older one was done before, or it ended without a last part; either way it ends.
    while older.recv_timeout(DEADLINE).is_ok() {}
    // Nobody listens: the search gives up, and the next one is answered.
    drop(find("order", 10_000));
    let Answer::Found(page) = find("nothing like it", 5).recv_timeout(DEADLINE).unwrap() else { panic!("another answer") };
    assert!(page.hits.is_empty());
}

#[test]
fn nothing_is_published_once_nothing_changes() {
    let Running { engine, sink, num_published, .. } = run(|_| {});
    assert!(matches!(sink.offer(pair(1)), Offer::Taken));
    // Two minutes and more go by in the data: the last minute's figures are empty.
    assert!(matches!(sink.offer(tick(200_000)), Offer::Taken));
    until(|| engine.snapshot().as_of_ns >= START_NS + 200_000_000_000 && num_calls(&engine.snapshot()) == 1);
    // A publication is counted after it can be seen; whoever answers now has counted it.
    drop(engine.report().recv_timeout(DEADLINE).unwrap());
    let before = num_published.load(Ordering::SeqCst);
    for second in 201..230 {
        assert!(matches!(sink.offer(tick(second * 1_000)), Offer::Taken));
    }
    // The report is made after all of them.
    let report = engine.report().recv_timeout(DEADLINE).unwrap();
    assert!(report.duration_s >= 200.0);
    until(|| engine.report().recv_timeout(DEADLINE).is_ok_and(|report| report.duration_s >= 229.0));
    assert_eq!(num_published.load(Ordering::SeqCst), before);
}

#[test]
fn a_panic_is_a_visible_state_and_ingest_stops() {
    let Running { engine, sink, .. } = run(|_| panic!("the window is gone"));
    assert!(matches!(sink.offer(pair(1)), Offer::Taken));
    until(|| engine.state() != EngineState::Running);
    assert_eq!(engine.state(), EngineState::Panicked("the window is gone".to_owned()));
    until(|| matches!(sink.offer(pair(2)), Offer::Closed(_)));
    assert!(engine.report().recv_timeout(DEADLINE).is_err());
    assert!(engine.query(Query::Point(PointQuery::Trace { trace_id: TraceId(1) })).recv_timeout(DEADLINE).is_err());
}

#[test]
fn dropping_it_ends_the_thread_and_closes_the_queue() {
    let dropped = |_| {
        let Running { engine, sink, .. } = run(|_| {});
        assert!(matches!(sink.offer(pair(1)), Offer::Taken));
        // From here on it has nothing to do, and by itself looks again only after half a second.
        until(|| num_calls(&engine.snapshot()) == 1);
        let begun = Instant::now();
        drop(engine);
        let took = begun.elapsed();
        assert!(matches!(sink.offer(pair(2)), Offer::Closed(_)));
        took
    };
    let mut took: Vec<Duration> = (0..20).map(dropped).collect();
    took.sort_unstable();
    // A busy machine may hold some up; were it not woken, it would be most.
    assert!(took[10] < Duration::from_millis(450), "{took:?}");
}
