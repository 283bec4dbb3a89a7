//! Lists of traces.

use super::*;

#[test]
fn traces_are_listed_and_what_they_pass_through() {
    let mut engine = engine();
    let slow = [Span::client("shop", 1, 10, 0).at(1_000, 900), Span::server("orders", 1, 11, 10).at(1_010, 800).failed("no").named("POST /orders")];
    let quick = [Span::client("shop", 2, 20, 0).at(3_000, 30), Span::server("stock", 2, 21, 20).at(3_010, 10)];
    let message = [Span::producer("shop", "parcels", 3, 30, 0).at(2_000, 5)];
    apply(&mut engine, &[spans(4_000, &slow), spans(5_000, &message), spans(6_000, &quick)]);
    let mut ids = |filter: TraceFilter, order: TraceOrder| -> Vec<u128> {
        let list = ask!(engine, Query::Scan(ScanQuery::Traces { filter, order, limit: 10 }), Traces);
        list.rows.iter().map(|row| row.trace_id.0).collect()
    };
    let through = |from: &str, to: &str| TraceFilter { through: Some((from.to_owned(), to.to_owned())), ..TraceFilter::default() };
    assert_eq!(ids(TraceFilter::default(), TraceOrder::Newest), [2, 3, 1]);
    assert_eq!(ids(TraceFilter::default(), TraceOrder::Slowest), [1, 2, 3]);
    assert_eq!(ids(TraceFilter::default(), TraceOrder::Failed), [1, 2, 3]);
    assert_eq!(ids(TraceFilter { operation: Some("post".to_owned()), ..TraceFilter::default() }, TraceOrder::Newest), [1]);
    assert_eq!(ids(through("shop", "orders"), TraceOrder::Newest), [1]);
    assert_eq!(ids(through("shop", "parcels"), TraceOrder::Newest), [3]);
    assert_eq!(ids(through("stock", "shop"), TraceOrder::Newest), Vec::<u128>::new());
    let list = ask!(engine, Query::Scan(ScanQuery::Traces { filter: TraceFilter::default(), order: TraceOrder::Newest, limit: 1 }), Traces);
    assert_eq!((list.rows.len(), list.is_capped, list.oldest_ns), (1, true, Some(START_NS + 5 * SECOND)));
    let row = &list.rows[0];
    assert_eq!((row.root_service.as_str(), row.duration_ns, row.services.join(" ")), ("shop", Some(30 * MS), "shop stock".to_owned()));
}

#[test]
fn whether_a_trace_failed_is_weighed_by_all_that_its_spans_say() {
    let mut engine = engine();
    let server = |trace: u128| Span::server("orders", trace, 2, 0).at(trace as i64 * 100, 10);
    let backing_off = "org.springframework.kafka.listener.KafkaBackoffException";
    let told = [
        (1, Span::client("shop", 1, 2, 0).with(&[("http.status_code", "200"), ("grpc.status_code", "14")]).at(100, 10), Some("UNAVAILABLE")),
        (2, Span { status: SpanStatus::Ok, ..server(2).with(&[("http.response.status_code", "500")]) }, Some("500")),
        (3, server(3).with(&[("outcome", "SERVER_ERROR"), ("status", "500")]), Some("500")),
        (4, server(4).with(&[("error.type", "java.io.IOException")]), Some("java.io.IOException")),
        (5, server(5).failed("no"), Some("failed")),
        (6, server(6).with(&[("http.response.status_code", "200")]), None),
        (7, Span::process("orders", "orders-retry", "orders", 7, 2, 0).failed("not due yet").exception(backing_off, "not due yet").at(700, 10), None),
    ];
    let all: Vec<Span> = told.iter().map(|(_, span, _)| span.clone()).collect();
    apply(&mut engine, &[spans(2_000, &all), tick(3_000)]);
    let failed = TraceFilter { failed_only: true, ..TraceFilter::default() };
    let list = ask!(engine, Query::Scan(ScanQuery::Traces { filter: failed, order: TraceOrder::Newest, limit: 10 }), Traces);
    let mut ids: Vec<u128> = list.rows.iter().map(|row| row.trace_id.0).collect();
    ids.sort_unstable();
    assert_eq!(ids, told.iter().filter(|(.., failure)| failure.is_some()).map(|(trace, ..)| *trace).collect::<Vec<_>>());
    assert!(list.rows.iter().all(|row| row.num_errors == 1));
    for (trace, _, failure) in &told {
        let view = ask!(engine, Query::Point(PointQuery::Trace { trace_id: TraceId(*trace) }), Trace);
        assert_eq!(view.spans[0].failure.as_deref(), *failure, "{trace}");
    }
    // As the figures have it.
    let report = engine.report(&[]);
    let errors: u64 = report.services.iter().map(|service| service.errors).sum();
    assert_eq!(errors, 4, "those that were received and failed");
    let of_part = TraceFilter { service: Some("orders".to_owned()), failed_only: true, ..TraceFilter::default() };
    let list = ask!(engine, Query::Scan(ScanQuery::Traces { filter: of_part, order: TraceOrder::Slowest, limit: 10 }), Traces);
    assert_eq!(list.rows.len(), 4);
    let through = TraceFilter { through: Some(("shop".to_owned(), "orders".to_owned())), failed_only: true, ..TraceFilter::default() };
    apply(&mut engine, &[spans(4_000, &[Span::client("shop", 8, 1, 0).with(&[("grpc.status_code", "14")]), Span::server("orders", 8, 2, 1)])]);
    let list = ask!(engine, Query::Scan(ScanQuery::Traces { filter: through, order: TraceOrder::Newest, limit: 10 }), Traces);
    assert_eq!(list.rows.iter().map(|row| (row.trace_id.0, row.part.map(|part| part.is_failed))).collect::<Vec<_>>(), [(8, Some(true))]);
}

#[test]
fn traces_through_a_channel_are_found_by_the_name_that_the_map_shows() {
    let mut engine = engine();
    let rabbit = |span: Span, attrs: &[(&'static str, &str)]| span.without("messaging.destination.name").with(&[("messaging.system", "rabbitmq")]).with(attrs);
    let sent = |trace, attrs: &[(&'static str, &str)]| rabbit(Span::producer("shop", "", trace, 1, 0), attrs);
    let handled = |trace, attrs: &[(&'static str, &str)]| rabbit(Span::process("stock", "", "", trace, 2, 1), attrs);
    let key = "messaging.rabbitmq.destination.routing_key";
    let all = [
        sent(1, &[("messaging.destination.name", "<default>"), (key, "q31")]),
        handled(1, &[("messaging.destination.name", "<default>"), (key, "q31")]),
        sent(2, &[("messaging.destination.name", "ex:key")]),
        handled(2, &[("messaging.destination.name", "ex:key:queue")]),
    ];
    apply(&mut engine, &[spans(2_000, &all), tick(20_000)]);
    let snapshot = engine.snapshot(&[]);
    let is_shown = |name: &str| snapshot.topology.nodes.iter().any(|node| node.name == name);
    assert!(is_shown("q31") && is_shown("ex:key") && !is_shown("ex:key:queue"));
    let mut ids = |from: &str, to: &str| -> Vec<u128> {
        let filter = TraceFilter { through: Some((from.to_owned(), to.to_owned())), ..TraceFilter::default() };
        ask!(engine, Query::Scan(ScanQuery::Traces { filter, order: TraceOrder::Newest, limit: 10 }), Traces).rows.iter().map(|row| row.trace_id.0).collect()
    };
    for (from, to, expected) in [("shop", "q31", 1), ("q31", "stock", 1), ("shop", "ex:key", 2), ("ex:key", "stock", 2)] {
        assert_eq!(ids(from, to), [expected], "{from} > {to}");
    }
    assert_eq!(ids("shop", "<default>"), Vec::<u128>::new());
}
