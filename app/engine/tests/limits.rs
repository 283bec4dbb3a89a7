//! What happens at the limits: small memory, floods of unique values, hostile shapes. Nothing is lost uncounted.

mod batches;

use batches::{MS, Span, apply, assert_conserved, engine_of, intake, spans};
use switchboard_engine::view::NodeKind;
use switchboard_model::{Batch, SpanKind};

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
