//! The course of a service or a call: how often, how long, with what end.

use super::*;

#[test]
fn a_history_has_a_bucket_for_every_ten_seconds_that_are_known() {
    let mut engine = engine();
    let at = |id: u64, start_ms: i64| Span::server("orders", u128::from(id), id, 0).at(start_ms, 20);
    let failed = at(4, 25_000).failed("no");
    apply(&mut engine, &[spans(1_000, &[at(1, 500)]), spans(26_000, &[at(2, 20_500), at(3, 21_000), failed]), tick(45_000)]);
    let snapshot = engine.snapshot(&[]);
    let node = snapshot.topology.nodes.iter().find(|node| node.name == "orders").expect("a node").node_id;
    let query = |from_ns: i64, to_ns: i64| Query::Point(PointQuery::History { of: HistoryOf::Node(node), range: Range { from_ns, to_ns } });
    let all = ask!(engine, query(i64::MIN, i64::MAX), History);
    let history = &all.buckets;
    let told: Vec<(i64, u64, u64)> = history.iter().map(|bucket| ((bucket.start_ns - START_NS) / SECOND, bucket.calls, bucket.errors)).collect();
    assert_eq!(told, [(0, 1, 0), (10, 0, 0), (20, 3, 1), (30, 0, 0), (40, 0, 0)]);
    let near = |duration_ns: Option<i64>| duration_ns.is_some_and(|duration_ns| (duration_ns - 20 * MS).abs() < MS);
    assert!(near(history[2].p50_ns) && near(history[2].p95_ns) && history[1].p50_ns.is_none());
    assert_eq!((all.now.calls, all.now.errors, all.now.known_ns, all.before.known_ns), (4, 1, 45 * SECOND, 0));
    assert_eq!((history[3].known_ns, history[4].known_ns), (10 * SECOND, 5 * SECOND), "the last one has not passed yet");
    let part = ask!(engine, query(START_NS + 20 * SECOND, START_NS + 40 * SECOND), History);
    assert_eq!(part.buckets, history[..4], "with as long before it");
    assert_eq!((part.now.calls, part.now.known_ns, part.before.calls, part.before.known_ns), (3, 20 * SECOND, 1, 20 * SECOND));
    assert!(near(part.now.p95_ns) && near(part.before.p95_ns));
    let later = ask!(engine, query(START_NS + 60 * SECOND, START_NS + 90 * SECOND), History);
    assert_eq!((later.now.known_ns, later.now.calls), (0, 0), "nothing is known of what has not been");
    let edge = snapshot.topology.edges.iter().find(|edge| edge.to == node).expect("an edge").edge_id;
    let of_edge = ask!(
        engine,
        Query::Point(PointQuery::History { of: HistoryOf::Edge(edge), range: Range { from_ns: START_NS, to_ns: START_NS + 45 * SECOND } }),
        History
    );
    assert_eq!(of_edge.buckets.iter().map(|bucket| bucket.calls).sum::<u64>(), 4);
}

#[test]
fn calls_are_told_by_what_they_ended_with_and_as_both_sides_saw_them() {
    let mut engine = engine();
    let call = |trace: u128, status: &str| {
        let client = Span::client("shop", trace, 10, 0).with(&[("server.address", "pay"), ("http.response.status_code", status)]);
        [client, Span::server("pay", trace, 11, 10).with(&[("http.response.status_code", "200")])]
    };
    let silent = Span::client("shop", 90, 10, 0).with(&[("server.address", "pay"), ("http.request.method", "GET")]);
    let timed_out = silent.clone().with(&[("error.type", "timeout")]);
    let all: Vec<Span> = [call(1, "200"), call(2, "200"), call(3, "503"), call(4, "404")].concat();
    apply(&mut engine, &[spans(20, &all), spans(30, &[silent, Span { trace: 91, ..timed_out }]), tick(1_000)]);
    let snapshot = engine.snapshot(&[]);
    let edge_id = snapshot.topology.edges.iter().find(|edge| edge.via.as_deref() == Some("http")).expect("a call").edge_id;
    let range = Range { from_ns: START_NS - 60 * SECOND, to_ns: START_NS + 60 * SECOND };
    let statuses = |engine: &mut Engine, of: HistoryOf, range: Range| ask!(engine, Query::Point(PointQuery::Statuses { of, range }), Statuses);
    let told = statuses(&mut engine, HistoryOf::Edge(edge_id), range);
    let rows: Vec<(&str, StatusClass, u64)> = told.rows.iter().map(|row| (row.status.as_str(), row.class, row.count)).collect();
    assert_eq!(
        rows,
        [("200", StatusClass::Success, 2), ("404", StatusClass::Rejection, 1), ("503", StatusClass::Failure, 1), ("timeout", StatusClass::Failure, 1)]
    );
    assert_eq!(told.not_told, 1);
    let callee = statuses(&mut engine, HistoryOf::Callee(edge_id), range);
    assert_eq!((callee.rows.len(), callee.rows[0].count, callee.not_told), (1, 4, 0));
    let history = ask!(engine, Query::Point(PointQuery::History { of: HistoryOf::Callee(edge_id), range }), History);
    assert_eq!(history.buckets.iter().map(|bucket| (bucket.calls, bucket.errors)).fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1)), (4, 0));
    let later = Range { from_ns: START_NS + 60 * SECOND, to_ns: START_NS + 120 * SECOND };
    assert_eq!(statuses(&mut engine, HistoryOf::Edge(edge_id), later), StatusCounts::default());
    assert_eq!(statuses(&mut engine, HistoryOf::Edge(EdgeId(9_999)), range), StatusCounts::default());
}
