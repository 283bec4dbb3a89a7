//! Questions to the engine, each with a batch made by hand and its exact answer.

#[path = "../batches/mod.rs"]
mod batches;

use batches::{MS, Record, SECOND, START_NS, Span, apply, cluster, engine, engine_of, facts, group, header, pairs, records, spans, tick, topic};
use switchboard_engine::Engine;
use switchboard_engine::view::{
    Answer, ChannelKey, DealtWith, EdgeId, GroupDetail, HistoryOf, LagPoint, LagVerdict, LetterOrder, LetterPage, LettersOnly, LogView, PartitionLag,
    PointQuery, Query, Range, RecordLine, RecordPage, RefusalView, RowId, ScanQuery, StatusClass, StatusCounts, TraceFilter, TraceOrder,
};
use switchboard_model::{
    AttrRow, Attrs, Batch, Fact, GroupFact, GroupMember, GroupOffset, LogBatch, LogRow, Place, RawHash, Refusal, ResourceRow, SpanId, SpanStatus, Str,
    TailState, TextArena, ToldPlace, TopicFact, TraceId, Value, WellKnown,
};

macro_rules! ask {
    ($engine:expr, $query:expr, $answer:ident) => {
        match $engine.query(&$query) {
            Answer::$answer(answer) => answer,
            other => panic!("another answer: {other:?}"),
        }
    };
}

mod groups;
mod history;
mod letters;
mod logs;
mod traces;

fn record(topic: &'static str, partition: i32, offset: i64) -> Record {
    Record { topic, partition, offset, trace: None, correlation: None, headers: Vec::new() }
}

fn key(name: &str) -> ChannelKey {
    ChannelKey { cluster: Some("broker".to_owned()), name: name.to_owned() }
}

fn page(engine: &mut Engine, channel: ChannelKey, after: Option<RowId>, limit: usize) -> RecordPage {
    ask!(engine, Query::Point(PointQuery::Records { channel, after, limit }), Records)
}

fn offsets(page: &RecordPage) -> Vec<i64> {
    page.rows.iter().map(|line| line.place.offset().expect("an offset")).collect()
}

#[test]
fn records_of_a_channel_come_page_by_page_in_order_of_arrival() {
    let mut engine = engine();
    let mut of_both: Vec<Record> = Vec::new();
    for offset in 0..25 {
        of_both.extend([record("orders", 0, offset), record("audit", 1, 100 + offset)]);
    }
    apply(&mut engine, &[records(10, &of_both[..20]), records(20, &of_both[20..])]);
    let first = page(&mut engine, key("orders"), None, 10);
    assert_eq!((offsets(&first), first.total_stored, first.evicted, first.has_more), ((0..10).collect(), 25, 0, true));
    assert_eq!(first.rows[3], RecordLine { row: first.rows[3].row, place: Place::at(0, 3), timestamp_ns: Some(START_NS), size_bytes: 0 });
    let rest = page(&mut engine, key("orders"), first.rows.last().map(|line| line.row), 100);
    assert_eq!((offsets(&rest), rest.total_stored, rest.has_more), ((10..25).collect(), 25, false));
    let all = page(&mut engine, ChannelKey { cluster: None, name: "audit".to_owned() }, None, 25);
    assert_eq!((offsets(&all), all.has_more), ((100..125).collect(), false));
    for unknown in [ChannelKey { cluster: Some("other".to_owned()), name: "orders".to_owned() }, key("order")] {
        assert_eq!(page(&mut engine, unknown, None, 10), RecordPage::default());
    }
}

#[test]
fn pages_go_on_over_what_was_evicted() {
    let mut engine = engine_of(1 << 20);
    let batch = |number: i64| records(number, &(0..200).map(|at| record("orders", 0, number * 200 + at)).collect::<Vec<_>>());
    apply(&mut engine, &[batch(0)]);
    let first = page(&mut engine, key("orders"), None, 5);
    let num_batches = 60;
    apply(&mut engine, &(1..num_batches).map(batch).collect::<Vec<_>>());
    let mut seen = Vec::new();
    let mut after = first.rows.last().map(|line| line.row);
    loop {
        let next = page(&mut engine, key("orders"), after, 700);
        assert_eq!(next.total_stored + next.evicted, 200 * num_batches as u64);
        assert!(next.evicted > 0);
        after = next.rows.last().map(|line| line.row);
        seen.extend(offsets(&next));
        if !next.has_more {
            assert_eq!(seen, (next.evicted as i64..200 * num_batches).collect::<Vec<_>>());
            break;
        }
    }
    let rows = vec![first.rows[0].row, after.expect("a last one")];
    let details = ask!(engine, Query::Point(PointQuery::RecordDetails { rows }), RecordDetails);
    assert_eq!(details.iter().map(|view| view.as_ref().and_then(|view| view.at.place.offset())).collect::<Vec<_>>(), [None, Some(200 * num_batches - 1)]);
}

#[test]
fn details_tell_all_that_a_record_has() {
    let mut engine = engine();
    let of = Record { trace: Some((7, 8)), correlation: Some("order-4711"), headers: pairs(&[("type", "Placed")]), ..record("orders", 2, 9) };
    apply(&mut engine, &[records(10, &[record("orders", 0, 1), of])]);
    let row = page(&mut engine, key("orders"), None, 10).rows[1].row;
    let details = ask!(engine, Query::Point(PointQuery::RecordDetails { rows: vec![row] }), RecordDetails);
    let view = details[0].as_ref().expect("stored");
    assert_eq!((view.row, view.at.cluster.as_str(), view.at.channel.as_str(), &view.at.place), (row, "broker", "orders", &Place::at(2, 9)));
    assert_eq!(view.correlations, [("kafka_correlationId".to_owned(), "order-4711".to_owned())]);
    assert_eq!(view.headers, [("type".to_owned(), Some(b"Placed".to_vec()))]);
    assert_eq!((view.trace_id, view.raw_hash, view.received_ns), (Some(TraceId(7)), RawHash(9 << 32 | 2), START_NS + 10 * MS));
    assert!(view.headers_readable && !view.redacted && !view.truncated);
}

#[test]
fn a_span_tells_its_status_events_and_the_names_of_today() {
    let mut engine = engine();
    let span = Span::client("shop", 7, 10, 0).with(&[("http.method", "GET")]).failed("no answer").exception("Timeout", "after 3 s");
    apply(&mut engine, &[spans(20, &[span])]);
    let trace = ask!(engine, Query::Point(PointQuery::Trace { trace_id: TraceId(7) }), Trace);
    let view = &trace.spans[0];
    assert_eq!((view.status_message.as_str(), view.received_ns, view.version.as_deref()), ("no answer", START_NS + 20 * MS, None));
    assert_eq!(view.normalised, [("http.request.method".to_owned(), "GET".to_owned())]);
    assert_eq!((view.events[0].name.as_str(), view.events[0].attributes[1].1.as_str()), ("exception", "after 3 s"));
}

#[test]
fn refusals_come_newest_first() {
    let mut engine = engine();
    let refusal = |rule: &str| {
        let refusal = Refusal {
            peer: "10.0.0.1:4000".to_owned(),
            host: Some("evil".to_owned()),
            origin: None,
            rule: rule.to_owned(),
            next_step: "allow it".to_owned(),
            count: 2,
        };
        Fact::Refused(refusal)
    };
    apply(&mut engine, &[facts(5_000, vec![refusal("host")]), facts(1_000, vec![refusal("size")]), facts(6_000, vec![refusal("size")])]);
    let view = |rule: &str, at_s: i64, count| RefusalView {
        at_ns: START_NS + at_s * SECOND,
        source: "test".to_owned(),
        peer: "10.0.0.1".to_owned(),
        host: Some("evil".to_owned()),
        origin: None,
        rule: rule.to_owned(),
        next_step: "allow it".to_owned(),
        count,
    };
    assert_eq!(ask!(engine, Query::Point(PointQuery::Refused { limit: 10 }), Refused), [view("size", 6, 4), view("host", 5, 2)]);
    assert_eq!(ask!(engine, Query::Point(PointQuery::Refused { limit: 1 }), Refused).len(), 1);
}

#[test]
fn find_tells_what_is_not_kept_or_not_read() {
    let mut engine = engine_of(1 << 20);
    let unread = TopicFact {
        cluster: cluster(),
        topic: "secrets".to_owned(),
        partitions: Vec::new(),
        tail: TailState::NotTailed("not chosen".to_owned()),
        topic_id: None,
        made_again_ns: None,
    };
    let many = |batch: u64| spans(1_000, &(0..500).map(|at| Span::client("shop", u128::from(batch * 500 + at + 1), 10, 0)).collect::<Vec<_>>());
    apply(&mut engine, &[facts(500, vec![topic("orders", 5), Fact::Topic(unread)])]);
    apply(&mut engine, &(0..40).map(many).collect::<Vec<_>>());
    let found = ask!(engine, Query::Scan(ScanQuery::Find { text: "nothing like it".to_owned(), limit: 10 }), Found);
    assert!(found.is_done && found.hits.is_empty() && found.looked_at == found.total && found.total > 0);
    let evicted = 20_000 - found.total;
    let evicted = format!("{},{:03} evicted spans", evicted / 1_000, evicted % 1_000);
    assert_eq!(found.not_looked, ["secrets in spans and logs: they are redacted before anything is kept", &evicted, "secrets: not tailed"]);
    let found = ask!(engine, Query::Scan(ScanQuery::Find { text: "SHOP".to_owned(), limit: 10 }), Found);
    assert_eq!((found.hits.len(), found.last_seen_ns), (10, Some(START_NS + 1_000 * MS)));
    assert!(found.not_looked[0].ends_with("the limit of 10 hits was reached"), "{:?}", found.not_looked);
}

#[test]
fn a_service_tells_to_what_it_belongs() {
    let mut engine = engine();
    let labelled = |received_ms: i64, team: &str| {
        let mut batch = spans(received_ms, &[Span::server("shop", received_ms as u128, 10, 0)]);
        let Batch::Spans(of) = &mut batch else { panic!("spans") };
        let start = of.attrs.len() as u32;
        for (key, value) in [("team", team), ("k8s.pod.label.app.kubernetes.io/part-of", "shop-front"), ("k8s.pod.name", "shop-1"), ("owner", "")] {
            let row = AttrRow::new(of.text.push(key.as_bytes()), (WellKnown::Other, 0), Value::Str(of.text.push(value.as_bytes())));
            of.attrs.push(row);
        }
        of.resources[0].attrs = Attrs { start, end: of.attrs.len() as u32 };
        batch
    };
    let expected = [("k8s.pod.label.app.kubernetes.io/part-of", "shop-front"), ("team", "payments")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    for order in [[labelled(20, "orders"), labelled(30, "payments")], [labelled(30, "payments"), labelled(20, "orders")]] {
        let mut engine_of_order = std::mem::replace(&mut engine, self::engine());
        apply(&mut engine_of_order, &order);
        let snapshot = engine_of_order.snapshot(&[]);
        let shop = snapshot.topology.nodes.iter().find(|node| node.name == "shop").expect("a service");
        assert_eq!(shop.labels, expected, "what was told last holds");
    }
}
