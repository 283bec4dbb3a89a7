//! What happens at the limits: small memory, floods of unique values, hostile shapes. Nothing is lost uncounted.

mod batches;

use batches::{MS, Record, Span, apply, assert_conserved, engine_of, facts, group, intake, records, spans, tick};
use switchboard_engine::Engine;
use switchboard_engine::view::{Answer, ChannelKey, LeftOut, NodeKind, PointQuery, Query};
use switchboard_model::{Batch, BreakerFact, BreakerState, Fact, GroupFact, GroupKind, GroupMember, SourceId, SourceInfo, SourceKind, SpanKind};

fn server_and_client(trace: u128) -> [Span; 2] {
    let id = trace as u64 * 10;
    let client = Span::client("shop", trace, id + 1, 0).with(&[("server.address", "orders"), ("server.port", "80")]);
    [client, Span::server("orders", trace, id + 2, id + 1)]
}

#[test]
fn a_partner_that_comes_late_is_found_in_the_store() {
    let mut engine = engine_of(64 << 20);
    let mut batches = Vec::new();
    let clients: Vec<Span> = (1..=100).map(|trace| server_and_client(trace)[0].clone()).collect();
    batches.push(spans(2_000, &clients));
    // So many others come in between that the table of recent arrivals has none of the first any more.
    for part in 0..60 {
        let between: Vec<Span> = (0..1_000).map(|at| Span::new("noise", SpanKind::Internal, 1_000_000 + part * 1_000 + at, 1, 0)).collect();
        batches.push(spans(2_100, &between));
    }
    let servers: Vec<Span> = (1..=100).map(|trace| server_and_client(trace)[1].clone()).collect();
    batches.push(spans(2_200, &servers));
    apply(&mut engine, &batches);
    assert_conserved(&mut engine, &batches);
    let report = engine.report(&intake(&batches));
    let rows: Vec<_> = report.interactions.iter().map(|row| (row.from.as_deref(), row.to.as_deref(), row.calls)).collect();
    assert_eq!(rows, [(Some("shop"), Some("orders"), 100)]);
    assert_eq!(report.limits.left_unpaired, 100);
    let orders = report.services.iter().find(|service| service.name == "orders").unwrap();
    assert_eq!(orders.calls, 100);
}

fn noise() -> Vec<Batch> {
    let part = |part: u128| (0..1_000).map(|at| Span::new("noise", SpanKind::Internal, 1_000_000 + part * 1_000 + at, 1, 0)).collect::<Vec<Span>>();
    (0..60).map(|number| spans(2_100, &part(number))).collect()
}

#[test]
fn calls_to_those_who_send_no_spans_are_not_left_unpaired() {
    let mut engine = engine_of(64 << 20);
    let query = |trace| Span::new("shop", SpanKind::Client, trace, 1, 0).with(&[("db.system.name", "postgresql"), ("server.address", "db")]);
    let outside = |trace| Span::client("shop", trace, 2, 0).with(&[("server.address", "api.example"), ("server.port", "443")]);
    let named = |trace| Span::client("shop", trace, 3, 0).with(&[("service.peer.name", "shop")]);
    let calls: Vec<Span> = (1..=100).flat_map(|trace| [query(trace), outside(trace), named(trace)]).collect();
    apply(&mut engine, &[vec![spans(2_000, &calls)], noise()].concat());
    // Only those to a service that does send spans might have found theirs.
    assert_eq!(engine.report(&[]).limits.left_unpaired, 100);
}

#[test]
fn what_a_server_span_proved_is_taken_back_with_it() {
    let mut engine = engine_of(64 << 20);
    let client = Span::client("shop", 1, 11, 0).with(&[("server.address", "pay"), ("server.port", "80")]);
    let server = |service| Span::server(service, 1, 12, 11);
    let mut batches = [vec![spans(2_000, &[client])], noise()].concat();
    // Two of one id: the longer one counts, whichever came first.
    batches.push(spans(2_200, &[server("payments"), server("ledger").at(1_000, 50)]));
    apply(&mut engine, &batches);
    let report = engine.report(&[]);
    let rows: Vec<_> = report.interactions.iter().map(|row| (row.from.as_deref(), row.to.as_deref(), row.calls)).collect();
    assert_eq!(rows, [(Some("shop"), Some("ledger"), 1)]);
}

/// Everything in these spans is unique: services, operations, addresses, channels, groups, ids.
fn unique(number: u64) -> Vec<Span> {
    let service: &'static str = format!("service-{number}").leak();
    let name = format!("operation {number}");
    let address = format!("host-{number}");
    let trace = u128::from(number) + 1;
    vec![
        Span::client(service, trace, 1, 9).named(&name).with(&[("server.address", &address)]),
        Span::server(service, trace, 2, 7).named(&name),
        Span::producer(service, &format!("topic-{number}"), trace, 3, 0),
        Span::process(service, &format!("topic-{number}"), &format!("group-{number}"), trace, 4, 5).linked(trace + 7, 3, &[]).linked(trace, 8, &[]),
    ]
}

#[test]
fn a_flood_of_unique_values_stays_within_the_caps_and_every_item_is_counted() {
    let mut engine = engine_of(32 << 20);
    let mut batches = Vec::new();
    for part in 0..60 {
        let flood: Vec<Span> = (part * 250..(part + 1) * 250).flat_map(unique).collect();
        batches.push(spans(2_000 + part as i64 * 500, &flood));
    }
    apply(&mut engine, &batches);
    assert_conserved(&mut engine, &batches);
    let snapshot = engine.snapshot(&[]);
    assert!(snapshot.topology.nodes.len() <= 5_000, "{}", snapshot.topology.nodes.len());
    assert!(snapshot.topology.nodes.iter().any(|node| node.kind == NodeKind::Other));
    let report = engine.report(&intake(&batches));
    assert!(report.limits.capped > 0);
    // Each service's server span and consumer span count, by name or as "other".
    assert_eq!(report.services.iter().map(|service| service.calls).sum::<u64>(), 2 * 15_000);
    assert!(engine.size_bytes() <= (32 << 20) + (48 << 20), "{}", engine.size_bytes());
}

#[test]
fn many_batches_of_little_memory_are_counted_exactly() {
    let mut engine = engine_of(4 << 20);
    let mut batches = Vec::new();
    for part in 0..100_u128 {
        let all: Vec<Span> = (part * 200..(part + 1) * 200).flat_map(|trace| server_and_client(trace + 1)).collect();
        batches.push(spans(2_000 + part as i64 * 300, &all));
        if part % 7 == 0 {
            batches.push(batches[batches.len() / 2].clone());
        }
    }
    apply(&mut engine, &batches);
    assert_conserved(&mut engine, &batches);
    let report = engine.report(&intake(&batches));
    assert!(report.sources[0].counts.evicted > 0);
    assert!(report.interactions.iter().map(|row| row.calls).sum::<u64>() >= 20_000);
}

#[test]
fn hostile_shapes_cost_no_more_than_others() {
    let mut engine = engine_of(64 << 20);
    let mut batches: Vec<Batch> = Vec::new();
    // One parent for all, one id for all, spans that are their own parents, circles.
    let children: Vec<Span> = (0..20_000).map(|at| Span::server("orders", 1, 100 + at, 7)).collect();
    batches.extend(children.chunks(1_000).map(|part| spans(2_000, part)));
    let same: Vec<Span> = (0..5_000).map(|at| Span { duration_ns: at * MS, ..Span::client("shop", 1, 7, 8) }).collect();
    batches.extend(same.chunks(1_000).map(|part| spans(2_100, part)));
    let own: Vec<Span> = (0..1_000).map(|at| Span::server("loop", 2, 100 + at, 100 + at)).collect();
    batches.push(spans(2_200, &own));
    let circle: Vec<Span> = (0..1_000).map(|at| Span::server("circle", 3, 100 + at, 100 + (at + 1) % 1_000)).collect();
    batches.push(spans(2_300, &circle));
    // All links to one, all at one place, all of one message.
    let place = [("messaging.destination.partition.id", "0"), ("messaging.kafka.offset", "1"), ("messaging.message.id", "m")];
    let linked: Vec<Span> = (0..5_000)
        .map(|at| {
            let span = if at % 2 == 0 { Span::producer("maker", "t", 4, 100 + at, 0) } else { Span::process("reader", "t", "g", 4, 100 + at, 0) };
            span.with(&place).linked(5, 1, &[])
        })
        .collect();
    batches.extend(linked.chunks(1_000).map(|part| spans(2_400, part)));
    let begun = std::time::Instant::now();
    apply(&mut engine, &batches);
    let first = begun.elapsed();
    assert_conserved(&mut engine, &batches);
    // Wide bounds: what grows with the square of these numbers takes minutes.
    assert!(first < std::time::Duration::from_secs(20), "{first:?}");
    let report = engine.report(&intake(&batches));
    let calls = |service: &str| report.services.iter().find(|known| known.name == service).map_or(0, |known| known.calls);
    // In a circle each stands right under another of its service: none was received from outside.
    assert_eq!((calls("orders"), calls("loop"), calls("circle"), calls("reader")), (20_000, 1_000, 0, 2_500));
}

/// The same, of another source.
fn of_source(batch: Batch, source: u32) -> Batch {
    match batch {
        Batch::Facts(mut batch) => {
            batch.header.source = SourceId(source);
            Batch::Facts(batch)
        }
        Batch::Spans(mut batch) => {
            batch.header.source = SourceId(source);
            Batch::Spans(batch)
        }
        batch => batch,
    }
}

fn with_sources(memory_bytes: usize, sources: &[(u32, &str, SourceKind)]) -> Engine {
    let mut engine = engine_of(memory_bytes);
    for (id, name, kind) in sources {
        engine.add_source(SourceInfo { id: SourceId(*id), name: (*name).to_owned(), kind: *kind, environment: None });
    }
    engine
}

fn breaker(caller: &str, name: String, state: BreakerState) -> Fact {
    Fact::Breaker(BreakerFact {
        caller: Some(caller.to_owned()),
        instance: None,
        name,
        state: Some(state),
        failure_rate_percent: None,
        not_permitted_calls: None,
        buffered_calls: None,
        failed_calls: None,
        origin: "actuator".to_owned(),
    })
}

#[test]
fn a_bad_actuator_with_new_breaker_names_every_poll_hides_no_breaker_of_another() {
    let mut engine = with_sources(64 << 20, &[(7, "bad", SourceKind::Http), (8, "good", SourceKind::Http)]);
    let mut batches = Vec::new();
    for poll in 0..20 {
        let at_ms = 2_000 + poll * 1_000;
        let flood = (0..900).map(|number| breaker("shop", format!("breaker-{poll}-{number}"), BreakerState::Closed)).collect();
        batches.push(of_source(facts(at_ms, flood), 7));
        // The good one comes late, when all room is taken.
        if poll >= 10 {
            batches.push(of_source(facts(at_ms + 1, vec![breaker("orders", "payments".to_owned(), BreakerState::Open)]), 8));
        }
    }
    batches.push(tick(22_000));
    apply(&mut engine, &batches);
    let snapshot = engine.snapshot(&[]);
    let open: Vec<_> = snapshot.breakers.iter().filter(|row| row.state_now() == Some(BreakerState::Open)).map(|row| row.name.as_str()).collect();
    assert_eq!(open, ["payments"]);
    assert!(!snapshot.breakers.iter().any(|row| row.name == "other"));
    let oldest_ns = snapshot.breakers.iter().map(|row| snapshot.as_of_ns - row.confirmed_ns).max().expect("there are some");
    assert!(oldest_ns < 60_000_000_000, "{oldest_ns}");
    // Each name was told once: what is not listed was left out.
    let num_left_out = 20 * 900 + 1 - snapshot.breakers.len() as u64;
    assert!(snapshot.breakers.len() <= 2_000 && num_left_out > 0);
    assert_eq!(snapshot.totals.limits.capped, num_left_out);
    let told: Vec<_> = snapshot.sources.iter().map(|source| (source.name.as_str(), source.left_out_words())).filter(|(_, words)| words.is_some()).collect();
    let words = format!("no room for all it tells of; left out so far: {},{:03} circuit breakers", num_left_out / 1_000, num_left_out % 1_000);
    assert_eq!(told, [("bad", Some(words))]);
    let report = engine.report(&intake(&batches));
    assert_eq!(report.limits.capped, num_left_out);
    let bad = report.sources.iter().find(|source| source.name == "bad").expect("it is there");
    assert_eq!((bad.left_out.len(), bad.left_out[0].what.as_str(), bad.left_out[0].num), (1, "circuit breakers", num_left_out));
}

#[test]
fn after_five_thousand_services_a_new_one_is_listed_and_nothing_counted_is_lost() {
    let mut engine = with_sources(512 << 20, &[]);
    let server = |name: &str, number: u64| Span::server(name.to_owned().leak(), u128::from(number) + 1, 2, 0);
    let names: Vec<String> = (0..5_000).map(|number| format!("service-{number}")).collect();
    let mut batches: Vec<Batch> = names
        .chunks(500)
        .enumerate()
        .map(|(part, names)| spans(2_000 + part as i64, &names.iter().enumerate().map(|(at, name)| server(name, (part * 500 + at) as u64)).collect::<Vec<_>>()))
        .collect();
    // All but the first hundred are seen again.
    let again: Vec<Span> = names.iter().enumerate().skip(100).map(|(at, name)| server(name, 10_000 + at as u64)).collect();
    batches.push(spans(3_000, &again));
    batches.push(spans(4_000, &[server("newcomer", 20_000)]));
    batches.push(tick(5_000));
    apply(&mut engine, &batches);
    assert_conserved(&mut engine, &batches);
    let snapshot = engine.snapshot(&[]);
    let listed: Vec<&str> = snapshot.topology.nodes.iter().filter(|node| node.kind == NodeKind::Service).map(|node| node.name.as_str()).collect();
    assert!(listed.contains(&"newcomer") && listed.contains(&"service-100") && listed.contains(&"service-4999"));
    let report = engine.report(&intake(&batches));
    let calls = |name: &str| report.services.iter().find(|service| service.name == name).map(|service| service.calls);
    assert_eq!((calls("newcomer"), calls("service-100")), (Some(1), Some(2)));
    assert_eq!(report.services.iter().map(|service| service.calls).sum::<u64>(), 5_000 + 4_900 + 1, "{:?}", calls("other"));
    // What is not listed by name was left out, and those not seen for longest were.
    let left_out = &report.sources[0].left_out;
    let services = left_out.iter().find(|left| left.what == "services").expect("some had to leave");
    assert_eq!(services.num, 5_001 - listed.len() as u64);
    assert!((1..=100).contains(&services.num), "{}", services.num);
    assert!(names.iter().enumerate().filter(|(_, name)| !listed.contains(&name.as_str())).all(|(at, _)| at < 100));
    assert_eq!(report.limits.capped, left_out.iter().map(|left| left.num).sum::<u64>());
    // It comes back under a number of its own.
    apply(&mut engine, &[spans(6_000, &[server("service-0", 30_000)]), tick(7_000)]);
    let report = engine.report(&[]);
    let back = report.services.iter().find(|service| service.name == "service-0").expect("it was seen again");
    assert_eq!(back.calls, 1);
}

#[test]
fn a_flood_of_names_by_one_source_leaves_the_map_of_another_whole() {
    let mut engine = with_sources(64 << 20, &[(8, "good", SourceKind::Otlp)]);
    let good = |round: u64| {
        let trace = u128::from(round) + 1_000_000_000;
        let calls: Vec<Span> = (0..20)
            .flat_map(|at: u64| {
                let (from, to): (&'static str, &'static str) = (format!("good-{at}").leak(), format!("good-{}", at + 20).leak());
                let id = 100 + at * 10;
                [Span::client(from, trace, id, 0), Span::server(to, trace, id + 1, id), Span::producer(from, "good-topic", trace, id + 2, 0)]
            })
            .collect();
        calls
    };
    let mut batches = Vec::new();
    for part in 0..40_u64 {
        let flood: Vec<Span> = (part * 250..(part + 1) * 250).flat_map(unique).collect();
        batches.push(spans(2_000 + part as i64 * 500, &flood));
        if part % 8 == 7 {
            batches.push(of_source(spans(2_000 + part as i64 * 500 + 1, &good(part)), 8));
        }
    }
    batches.push(tick(40_000));
    apply(&mut engine, &batches);
    let snapshot = engine.snapshot(&[]);
    let is_shown = |name: &str| snapshot.topology.nodes.iter().any(|node| node.name == name && node.kind != NodeKind::Other);
    let missing: Vec<String> = (0..40).map(|at| format!("good-{at}")).chain(["good-topic".to_owned()]).filter(|name| !is_shown(name)).collect();
    assert_eq!(missing, Vec::<String>::new());
    assert!(snapshot.topology.nodes.len() <= 5_000);
    let report = engine.report(&[]);
    for at in 0..20 {
        let (from, to) = (format!("good-{at}"), format!("good-{}", at + 20));
        let row = report.interactions.iter().find(|row| row.from.as_deref() == Some(&from) && row.to.as_deref() == Some(&to)).expect("the interaction");
        assert_eq!(row.calls, 5);
    }
    assert!(snapshot.sources.iter().find(|source| source.name == "good").is_some_and(|source| source.left_out.is_empty()));
    assert!(snapshot.totals.limits.capped > 0);
}

fn num_of(left_out: &[LeftOut], what: &str) -> Option<u64> {
    left_out.iter().find(|left| left.what == what).map(|left| left.num)
}

#[test]
fn rows_of_groups_without_offsets_that_find_no_room_are_told_beside_their_source() {
    const WHAT: &str = "groups without offsets";
    let mut engine = engine_of(64 << 20);
    let assignment = (0..20_100).map(|number| (format!("t{number}"), 0)).collect();
    let member = GroupMember { member_id: "m".to_owned(), client_id: "c".to_owned(), host: "/h".to_owned(), assignment };
    let Fact::Group(read) = group("jobs", "t", 1, 1, 1_000) else { panic!("it is a group") };
    let share = GroupFact { kind: Some(GroupKind::Share), members: Some(vec![member]), offsets: Vec::new(), ..read.clone() };
    apply(&mut engine, &[facts(2_000, vec![Fact::Group(share)]), tick(3_000)]);
    let snapshot = engine.snapshot(&[]);
    assert_eq!(snapshot.groups.iter().filter(|row| row.cluster.is_some()).count(), 20_000);
    assert_eq!(num_of(&snapshot.sources[0].left_out, WHAT), Some(100));
    let report = engine.report(&[]);
    assert_eq!(num_of(&report.sources[0].left_out, WHAT), Some(100));
    assert_eq!(report.limits.capped, report.sources[0].left_out.iter().map(|left| left.num).sum::<u64>());
    // Once it reads less, all of it is shown again.
    let share = GroupFact { kind: Some(GroupKind::Share), members: Some(Vec::new()), offsets: Vec::new(), read_ns: read.read_ns + 1, ..read };
    apply(&mut engine, &[facts(4_000, vec![Fact::Group(share)]), tick(5_000)]);
    assert_eq!(num_of(&engine.snapshot(&[]).sources[0].left_out, WHAT), None);
}

#[test]
fn channels_of_which_no_evicted_record_can_be_counted_any_more_are_told() {
    let mut engine = engine_of(1 << 20);
    let record = |number: usize| Record { topic: format!("t{number}").leak(), partition: 0, offset: 1, trace: None, correlation: None, headers: Vec::new() };
    let batches: Vec<Batch> = (0..80).map(|part| records(2_000 + part as i64, &(part * 500..(part + 1) * 500).map(record).collect::<Vec<_>>())).collect();
    apply(&mut engine, &batches);
    assert_conserved(&mut engine, &batches);
    let report = engine.report(&intake(&batches));
    let source = &report.sources[0];
    assert!(source.counts.evicted > 20_000, "{}", source.counts.evicted);
    assert_eq!(num_of(&source.left_out, "channels whose evicted records are counted"), Some(source.counts.evicted - 20_000));
    let page = engine.query(&Query::Point(PointQuery::Records { channel: ChannelKey { cluster: None, name: "t0".to_owned() }, after: None, limit: 10 }));
    assert!(matches!(page, Answer::Records(page) if (page.evicted, page.total_stored) == (1, 0)));
}
