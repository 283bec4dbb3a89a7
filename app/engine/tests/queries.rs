//! Questions to the engine, each with a batch made by hand and its exact answer.

mod batches;

use batches::{MS, Record, SECOND, START_NS, Span, apply, cluster, engine, engine_of, facts, group, header, pairs, records, spans, tick, topic};
use switchboard_engine::Engine;
use switchboard_engine::view::{
    Answer, ChannelKey, EdgeId, GroupDetail, HistoryOf, LagPoint, LagVerdict, LetterPage, LogView, PartitionLag, PointQuery, Query, Range, RecordLine,
    RecordPage, RefusalView, RowId, ScanQuery, StatusClass, StatusCounts, TraceFilter, TraceOrder,
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

fn reading(committed: [Option<i64>; 2], read_ms: i64) -> Fact {
    let offset = |partition: i32| GroupOffset {
        topic: "orders".to_owned(),
        partition,
        committed: committed[partition as usize],
        end: Some(100),
        low: Some(3),
        ..GroupOffset::default()
    };
    let member = GroupMember {
        member_id: "m-1".to_owned(),
        client_id: "billing-1".to_owned(),
        host: "/10.0.0.1".to_owned(),
        assignment: vec![("orders".to_owned(), 1), ("other".to_owned(), 0)],
    };
    Fact::Group(GroupFact {
        cluster: cluster(),
        group: "billing".to_owned(),
        kind: None,
        state: Some("Stable".to_owned()),
        members: Some(vec![member]),
        members_reason: None,
        offsets: vec![offset(0), offset(1)],
        read_ns: START_NS + read_ms * MS,
        error: None,
    })
}

#[test]
fn a_group_is_told_with_its_partitions_course_and_neighbours() {
    let mut engine = engine();
    let batch = [
        facts(1_000, vec![topic("orders", 100), reading([Some(40), Some(90)], 1_000), group("audit", "orders", 1, 100, 1_000)]),
        facts(3_000, vec![reading([Some(40), Some(95)], 3_000), tick_free_group()]),
        tick(3_000),
    ];
    apply(&mut engine, &batch);
    engine.snapshot(&[]);
    let query = |cluster: Option<&str>, group: &str| {
        Query::Point(PointQuery::Group { cluster: cluster.map(str::to_owned), group: group.to_owned(), topic: "orders".to_owned() })
    };
    let detail: Box<GroupDetail> = ask!(engine, query(None, "billing"), Group).expect("a group");
    assert_eq!((detail.view.lag, detail.view.cluster.as_deref(), detail.others.as_slice()), (Some(65), Some("broker"), ["audit".to_owned()].as_slice()));
    assert!(detail.view.node_id.is_some());
    let partition = |partition, committed, lag, member_id: Option<&str>, committed_ns| PartitionLag {
        partition,
        low: Some(3),
        end: Some(100),
        committed: Some(committed),
        lag: Some(lag),
        member_id: member_id.map(str::to_owned),
        committed_ns,
        verdict: if partition == 0 { LagVerdict::NoMembers } else { LagVerdict::Unknown },
    };
    assert_eq!(detail.partitions, [partition(0, 40, 60, None, None), partition(1, 95, 5, Some("m-1"), Some(START_NS + 3 * SECOND))]);
    let point = |at_s: i64, lag, committed| LagPoint { at_ns: START_NS + at_s * SECOND, lag: Some(lag), committed: Some(committed), end: Some(200) };
    assert_eq!(detail.history, [point(1, 70, 130), point(3, 65, 135)]);
    assert_eq!(ask!(engine, query(Some("elsewhere"), "billing"), Group), None);
    assert_eq!(ask!(engine, query(None, "nobody"), Group), None);
}

/// A group on another topic: no neighbour.
fn tick_free_group() -> Fact {
    group("shipping", "parcels", 1, 1, 3_000)
}

#[test]
fn a_group_that_only_spans_name_is_told_as_they_do() {
    let mut engine = engine();
    let both = [Span::producer("shop", "orders", 1, 10, 0), Span::process("billing", "orders", "billing-group", 1, 11, 10)];
    apply(&mut engine, &[spans(2_000, &both), tick(3_000)]);
    engine.snapshot(&[]);
    let query = Query::Point(PointQuery::Group { cluster: None, group: "billing-group".to_owned(), topic: "orders".to_owned() });
    let detail = ask!(engine, query, Group).expect("a group");
    assert_eq!((detail.view.lag, detail.partitions.len(), detail.history.len()), (None, 0, 0));
}

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

fn logs(received_ms: i64, of: &[(i64, u8, &'static str, &str)]) -> Batch {
    let mut text = TextArena::default();
    let mut batch = LogBatch { header: header(received_ms), ..LogBatch::default() };
    let (thread_key, instance) = (text.push(b"thread.name"), text.push(b"pod-1"));
    for (time_s, severity, service, body) in of {
        let name = text.push(service.as_bytes());
        batch.resources.push(ResourceRow { service_name: name, instance, ..ResourceRow::default() });
        batch.attrs.push(AttrRow::new(thread_key, (WellKnown::Other, 0), Value::I64(4)));
        let end = batch.attrs.len() as u32;
        batch.logs.push(LogRow {
            time_ns: START_NS + time_s * SECOND,
            severity: *severity,
            severity_text: Str::EMPTY,
            body: Value::Str(text.push(body.as_bytes())),
            trace_id: TraceId(3),
            span_id: SpanId(4),
            scope: Str::EMPTY,
            resource: batch.resources.len() as u32 - 1,
            attrs: Attrs { start: end - 1, end },
            truncated: false,
        });
    }
    batch.text = text;
    Batch::Logs(batch)
}

#[test]
fn logs_come_newest_first_of_a_service_and_from_a_severity_on() {
    let mut engine = engine();
    let first = logs(1_000, &[(5, 9, "shop", "a"), (9, 17, "shop", "b"), (7, 13, "orders", "c")]);
    apply(&mut engine, &[first, logs(2_000, &[(6, 17, "orders", "d"), (9, 13, "shop", "e")])]);
    let mut ask = |service: Option<&str>, min_severity: u8, limit: usize| -> Vec<LogView> {
        ask!(engine, Query::Scan(ScanQuery::Logs { service: service.map(str::to_owned), min_severity, limit }), Logs)
    };
    let bodies = |logs: &[LogView]| logs.iter().map(|log| log.body.as_str()).collect::<String>();
    assert_eq!(bodies(&ask(None, 0, 10)), "ebcda");
    assert_eq!(bodies(&ask(None, 0, 3)), "ebc");
    assert_eq!(bodies(&ask(None, 13, 10)), "ebcd");
    assert_eq!(bodies(&ask(Some("shop"), 13, 10)), "eb");
    assert_eq!(bodies(&ask(Some("nobody"), 0, 10)), "");
    let log = ask(Some("orders"), 17, 10).remove(0);
    assert_eq!((log.instance.as_deref(), log.attributes.as_slice()), (Some("pod-1"), [("thread.name".to_owned(), "4".to_owned())].as_slice()));
    assert_eq!((log.time_ns, log.severity, log.trace_id, log.span_id), (START_NS + 6 * SECOND, 17, TraceId(3), SpanId(4)));
}

#[test]
fn a_log_whose_time_is_not_believable_stands_where_it_arrived() {
    let mut engine = engine();
    let (of_1970, in_fifty_years) = (-START_NS / SECOND, 50 * 365 * 86_400);
    let first = logs(4_000, &[(3, 17, "shop", "a"), (of_1970, 17, "shop", "b")]);
    apply(&mut engine, &[first, logs(6_000, &[(in_fifty_years, 17, "shop", "d"), (5, 17, "shop", "c")])]);
    let told = |logs: &[LogView]| logs.iter().map(|log| (log.body.clone(), (log.at_ns() - START_NS) / SECOND)).collect::<Vec<_>>();
    let expected = ["a", "b", "c", "d"].map(str::to_owned).into_iter().zip(3..).collect::<Vec<(String, i64)>>();
    let mut newest_first = told(&ask!(engine, Query::Scan(ScanQuery::Logs { service: None, min_severity: 0, limit: 10 }), Logs));
    newest_first.reverse();
    assert_eq!(newest_first, expected);
    assert_eq!(told(&ask!(engine, Query::Scan(ScanQuery::Logs { service: None, min_severity: 0, limit: 1 }), Logs)), expected[3..]);
    assert_eq!(told(&ask!(engine, Query::Point(PointQuery::Trace { trace_id: TraceId(3) }), Trace).logs), expected);
}

fn letter(offset: i64, message: &str) -> Record {
    let headers = pairs(&[
        ("dead-letter-topic", "orders"),
        ("dead-letter-partition", "2"),
        ("dead-letter-offset", "77"),
        ("dead-letter-exception-class-name", "com.shop.NoStock"),
        ("dead-letter-reason", message),
        ("delayed-retry-count", "3"),
    ]);
    Record { headers, ..record("orders-dlq", 0, offset) }
}

fn letters(engine: &mut Engine, fingerprint: &str, origin: Option<&str>, skip: usize, limit: usize) -> LetterPage {
    let query =
        Query::Scan(ScanQuery::DeadLetters { channel: key("orders-dlq"), origin: origin.map(str::to_owned), fingerprint: fingerprint.to_owned(), skip, limit });
    ask!(engine, query, DeadLetters)
}

#[test]
fn dead_letters_that_died_of_the_same_are_told_one_by_one() {
    let mut engine = engine();
    let mut replayed = letter(3, "out of stock: 4713");
    replayed.headers.extend(pairs(&[("x-switchboard-replay-id", "r-1"), ("x-switchboard-replay-count", "2")]));
    let other = letter(2, "no such customer");
    let Batch::Records(mut batch) = records(10, &[letter(1, "out of stock: 4711"), other, replayed, record("orders-dlq", 0, 4), record("orders", 0, 1)]) else {
        unreachable!("records were made")
    };
    batch.records[0].value = Some(batch.text.push(&[0, 0, 0, 1, 2, b'{']));
    batch.records[0].timestamp_ns = START_NS + 5 * SECOND;
    batch.records[0].redacted = true;
    apply(&mut engine, &[Batch::Records(batch)]);
    let snapshot = engine.snapshot(&[]);
    let kinds: Vec<(&str, Option<&str>, u64)> =
        snapshot.dead_letters.iter().map(|view| (view.fingerprint.as_str(), view.origin.as_deref(), view.count)).collect();
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    for (fingerprint, origin, count) in &kinds {
        let page = letters(&mut engine, fingerprint, *origin, 0, 10);
        assert_eq!((page.total, page.letters.len() as u64, page.num_left()), (*count, *count, 0), "{fingerprint}");
    }
    let (stock, ..) = kinds.iter().find(|(.., count)| *count == 2).expect("two alike");
    let page = letters(&mut engine, stock, Some("orders"), 0, 10);
    // The replayed one bears the earlier time.
    let [second, first] = page.letters.as_slice() else { panic!("{page:?}") };
    assert_eq!((&first.at.place, first.schema_id, first.redacted, first.timestamp_ns), (&Place::at(0, 1), Some(0x0102), true, Some(START_NS + 5 * SECOND)));
    assert_eq!((first.origin.as_deref(), &first.origin_place, first.attempts), (Some("orders"), &Some(ToldPlace::Whole(Place::at(2, 77))), Some(3)));
    assert_eq!((first.exception.as_deref(), first.message.as_deref()), (Some("com.shop.NoStock"), Some("out of stock: 4711")));
    assert_eq!((first.replay_id.as_deref(), first.replay_count, first.dialect.as_deref()), (None, 0, Some("smallrye")));
    assert_eq!((&second.at.place, second.replay_id.as_deref(), second.replay_count, second.schema_id), (&Place::at(0, 3), Some("r-1"), 2, None));
    assert_eq!((first.received_ns, second.received_ns), (START_NS + 10 * MS, START_NS + 10 * MS));
    assert_eq!((second.at.cluster.as_str(), second.at.channel.as_str(), second.raw_hash), ("broker", "orders-dlq", RawHash(3 << 32)));
    for (skip, offsets, num_left) in [(0, vec![3], 1), (1, vec![1], 0), (2, vec![], 0)] {
        let page = letters(&mut engine, stock, Some("orders"), skip, 1);
        assert_eq!(
            (page.letters.iter().map(|letter| letter.at.place.offset().expect("an offset")).collect::<Vec<_>>(), page.num_left(), page.total),
            (offsets, num_left, 2)
        );
    }
    assert_eq!(letters(&mut engine, stock, None, 0, 10).total, 0);
    // The same again are duplicates, which are neither counted nor listed.
    apply(&mut engine, &[records(20, &[letter(2, "no such customer")])]);
    apply(&mut engine, &[records(30, &[letter(5, "out of stock: 4714")])]);
    let mut since = |since_ns: i64| {
        let query = Query::Scan(ScanQuery::DeadLettersSince { cluster: "broker".to_owned(), since_ns, skip: 0, limit: 10 });
        ask!(engine, query, DeadLetters).letters.iter().map(|letter| letter.at.place.offset().expect("an offset")).collect::<Vec<_>>()
    };
    assert_eq!(since(i64::MIN).len(), 5);
    assert_eq!(since(START_NS + 30 * MS), [5], "those that came before are left out");
}

#[test]
fn a_dead_letter_tells_as_much_of_where_it_lay_as_its_headers_name() {
    let mut engine = engine();
    let without = |offset: i64, left_out: &[&str]| {
        let mut letter = letter(offset, "out of stock");
        letter.headers.retain(|(name, _)| !left_out.contains(name));
        letter
    };
    let (partition, offset) = ("dead-letter-partition", "dead-letter-offset");
    let all = [without(1, &[]), without(2, &[offset]), without(3, &[partition]), without(4, &[partition, offset])];
    apply(&mut engine, &[records(10, &all)]);
    let query = Query::Scan(ScanQuery::DeadLettersSince { cluster: "broker".to_owned(), since_ns: i64::MIN, skip: 0, limit: 10 });
    let told: Vec<Option<ToldPlace>> = ask!(engine, query, DeadLetters).letters.into_iter().map(|letter| letter.origin_place).collect();
    assert_eq!(told, [Some(ToldPlace::Whole(Place::at(2, 77))), Some(ToldPlace::Partition(2)), Some(ToldPlace::Offset(77)), None]);
}

#[test]
fn letters_that_are_not_told_apart_are_told_too() {
    let mut engine = engine();
    // More kinds than are kept: words, for numbers are taken for ids.
    let word = |number: usize| (0..4).map(|place| char::from(b'a' + (number / 26_usize.pow(place) % 26) as u8)).collect::<String>();
    let of: Vec<Record> = (0..2_010).map(|number| letter(number as i64, &format!("reason {}", word(number)))).collect();
    apply(&mut engine, &[records(10, &of)]);
    let snapshot = engine.snapshot(&[]);
    let others = snapshot.dead_letters.iter().find(|view| view.origin.is_none()).expect("a row of others");
    let page = letters(&mut engine, &others.fingerprint.clone(), None, 0, 100);
    assert_eq!((page.total, others.count), (10, 10));
    // Those that were not seen for longest.
    assert_eq!(page.letters.iter().map(|letter| letter.at.place.offset().expect("an offset")).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
}

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
