//! Whom a circuit breaker guards and which instance holds it, as far as spans prove it: in any order of arrival, also long after.

mod batches;

use batches::{Span, apply, engine_of, facts, intake, spans, tick};
use switchboard_engine::view::Report;
use switchboard_model::{Batch, BreakerFact, BreakerState, Fact, InstanceFact, SpanKind};

const CLASS: &str = "io.github.resilience4j.circuitbreaker.CallNotPermittedException";

fn refused_by(span: Span, breaker: &str) -> Span {
    span.failed("refused").exception(CLASS, &format!("CircuitBreaker '{breaker}' is OPEN and does not permit further calls"))
}

fn guarded(trace: u128, id: u64, parent: u64) -> Span {
    Span::new("orders", SpanKind::Internal, trace, id, parent).named("charge")
}

fn call_to(address: &str, trace: u128, id: u64, parent: u64) -> Span {
    Span::client("orders", trace, id, parent).named("GET").with(&[("server.address", address), ("server.port", "80")])
}

fn one_by_one(all: &[Span]) -> Vec<Batch> {
    all.iter().enumerate().map(|(at, span)| spans(2_000 + at as i64, std::slice::from_ref(span))).collect()
}

fn report_of(batches: &[Batch]) -> Report {
    // The least memory: the table of recent arrivals holds some 16,000 spans.
    let mut engine = engine_of(16 << 20);
    apply(&mut engine, batches);
    engine.report(&intake(batches))
}

fn callee(batches: &[Batch]) -> Option<String> {
    let report = report_of(batches);
    assert_eq!(report.breakers.len(), 1, "{:?}", report.breakers);
    assert_eq!(report.breakers[0].caller.as_deref(), Some("orders"));
    report.breakers[0].callee.clone()
}

/// Calls back with every order of these.
fn each_order<T: Clone>(all: &[T], call: &mut impl FnMut(&[T])) {
    fn go<T: Clone>(rest: &mut Vec<T>, at: usize, call: &mut impl FnMut(&[T])) {
        if at == rest.len() {
            return call(rest);
        }
        for other in at..rest.len() {
            rest.swap(at, other);
            go(rest, at + 1, call);
            rest.swap(at, other);
        }
    }
    go(&mut all.to_vec(), 0, call);
}

/// So many other spans that none of before is among the last arrivals any more.
fn noise(received_ms: i64) -> Vec<Batch> {
    let span = |part: u64, at: u64| Span::new("noise", SpanKind::Internal, u128::from(1_000_000 + received_ms as u64 * 1_000_000 + part * 1_000 + at), 1, 0);
    (0..40).map(|part| spans(received_ms, &(0..1_000).map(|at| span(part, at)).collect::<Vec<_>>())).collect()
}

#[test]
fn a_breaker_s_callee_is_whom_the_refused_operation_calls() {
    let all = [
        guarded(1, 10, 1),
        call_to("pay", 1, 11, 10),
        Span::server("payments", 1, 12, 11),
        refused_by(guarded(2, 20, 1), "card-gateway"),
        call_to("fraud", 3, 31, 1),
        Span::server("fraud", 3, 32, 31),
    ];
    assert_eq!(callee(&one_by_one(&all)).as_deref(), Some("payments"));
    // Without a call in its place nothing is known.
    assert_eq!(callee(&one_by_one(&all[3..4])), None);
}

#[test]
fn a_name_is_evidence_only_where_it_is_a_whole_word_of_one_peer_s() {
    let named = |breaker: &str, addresses: &[&str]| {
        let mut all = vec![refused_by(guarded(2, 20, 1).named("other"), breaker)];
        all.extend(addresses.iter().zip(30..).map(|(address, id)| call_to(address, 3, id, 1)));
        callee(&one_by_one(&all))
    };
    assert_eq!(named("payments", &["payments", "fraud"]).as_deref(), Some("payments:80"));
    assert_eq!(named("Payments", &["payments", "fraud"]).as_deref(), Some("payments:80"));
    assert_eq!(named("card-payments", &["eu.card-payments.local"]).as_deref(), Some("eu.card-payments.local:80"));
    // A part of a word, words in another order, two that bear it: no evidence.
    for (breaker, addresses) in
        [("pay", &["payments"][..]), ("a", &["stock"]), ("payments-card", &["card-payments"]), ("card", &["card-eu", "card-us"]), ("-", &["card-eu"])]
    {
        assert_eq!(named(breaker, addresses), None, "{breaker}");
    }
}

#[test]
fn under_an_id_that_two_sides_share_calls_are_found_in_any_order() {
    // Caller and answering side have one id; under it orders calls payments directly, and once the breaker refuses.
    let shared = [
        Span::client("storefront", 1, 10, 1).with(&[("server.address", "orders")]),
        Span::server("orders", 1, 10, 1).named("place"),
        call_to("pay", 1, 11, 10),
        Span::server("payments", 1, 12, 11),
        refused_by(guarded(1, 20, 10), "card-gateway"),
    ];
    each_order(&one_by_one(&shared), &mut |order| assert_eq!(callee(order).as_deref(), Some("payments"), "{order:?}"));
}

#[test]
fn a_query_beside_the_refused_call_proves_nothing() {
    let query = Span::new("orders", SpanKind::Client, 1, 11, 10).named("SELECT").with(&[("db.system.name", "postgresql"), ("server.address", "db")]);
    let all = [Span::server("orders", 1, 10, 0).named("place"), query, refused_by(guarded(1, 20, 10), "card-gateway")];
    each_order(&one_by_one(&all), &mut |order| assert_eq!(callee(order), None));
}

#[test]
fn calls_and_spans_that_left_long_ago_still_tell() {
    let calls = one_by_one(&[Span::server("orders", 1, 10, 0).named("place"), call_to("pay", 1, 11, 10)]);
    let refused = one_by_one(&[refused_by(guarded(2, 20, 21), "card-gateway")]);
    let around = one_by_one(&[Span::server("orders", 2, 21, 0).named("place")]);
    for order in
        [[&calls, &refused, &around], [&calls, &around, &refused], [&refused, &around, &calls], [&around, &refused, &calls], [&around, &calls, &refused]]
    {
        let mut all = Vec::new();
        for (part, ms) in order.iter().zip([3_000, 4_000, 5_000]) {
            all.extend(part.iter().cloned());
            all.extend(noise(ms));
        }
        assert_eq!(callee(&all).as_deref(), Some("pay:80"));
    }
    // The child before its parent, and the parent before its child.
    for calls in [calls.clone(), calls.iter().rev().cloned().collect()] {
        let all = [calls, noise(3_000), around.clone(), noise(4_000), refused.clone()].concat();
        assert_eq!(callee(&all).as_deref(), Some("pay:80"));
    }
}

#[test]
fn beyond_the_caps_nothing_is_proved_whatever_came_first() {
    let crowd: Vec<Span> = (0..40).map(|at| call_to(&format!("host-{at}"), 1, 100 + at, 10)).collect();
    let mut all = vec![guarded(1, 10, 1), refused_by(guarded(2, 20, 1), "card-gateway")];
    all.extend(crowd);
    let order = one_by_one(&all);
    assert_eq!(callee(&order), None);
    let reverse: Vec<Batch> = order.into_iter().rev().collect();
    assert_eq!(callee(&reverse), None);
}

#[test]
fn services_of_one_name_that_disagree_prove_nothing() {
    let of = |namespace: &str, trace: u128, address: &str| {
        let all = [guarded(trace, 10, 1), call_to(address, trace, 11, 10), refused_by(guarded(trace, 20, 1), "card-gateway")];
        let Batch::Spans(mut batch) = spans(2_000 + trace as i64, &all) else { panic!("spans") };
        batch.resources[0].namespace = batch.text.push(namespace.as_bytes());
        Batch::Spans(batch)
    };
    let (eu, us) = (of("eu", 1, "pay-eu"), of("us", 2, "pay-us"));
    assert_eq!(callee(&[eu.clone(), us.clone()]), None);
    assert_eq!(callee(&[us, eu.clone()]), None);
    assert_eq!(callee(&[eu]).as_deref(), Some("pay-eu:80"));
}

#[test]
fn a_database_that_bears_a_services_name_is_told_from_it() {
    // The database of orders is called as orders is; the breaker around the query guards the database.
    let query = |trace, id, parent| Span::client("orders", trace, id, parent).named("SELECT").with(&[("db.system", "h2"), ("db.name", "orders")]);
    let all = [guarded(1, 10, 0), query(1, 11, 10), refused_by(guarded(2, 20, 0), "store"), Span::server("orders", 3, 30, 0)];
    let batches = one_by_one(&all);
    assert_eq!(callee(&batches).as_deref(), Some("orders (h2)"));
    let mut engine = engine_of(16 << 20);
    apply(&mut engine, &batches);
    let snapshot = engine.snapshot(&[]);
    let of_callee = snapshot.topology.nodes.iter().find(|node| Some(node.node_id) == snapshot.breakers[0].callee_node).expect("it is on the map");
    assert_eq!((of_callee.name.as_str(), of_callee.kind), ("orders (h2)", switchboard_engine::view::NodeKind::Database));
}

/// An actuator at port 8081 that the profile calls `orders-1` tells of its breaker.
fn actuator(second: i64) -> Batch {
    let breaker = BreakerFact {
        caller: Some("orders".to_owned()),
        instance: Some("orders-1".to_owned()),
        name: "payments".to_owned(),
        state: Some(BreakerState::Open),
        failure_rate_percent: None,
        not_permitted_calls: None,
        buffered_calls: None,
        failed_calls: None,
        origin: "actuator".to_owned(),
    };
    let address = "http://localhost:8081/actuator".to_owned();
    let instance = InstanceFact { address, service: Some("orders".to_owned()), instance: None, changing: false, process_id: None };
    facts(second * 1_000, vec![Fact::Instance(instance), Fact::Breaker(breaker)])
}

/// An instance that its SDK calls so answers at this port, and its breaker refuses.
fn refuses(trace: u128, instance: &str, port: &str, second: i64) -> Batch {
    let span = Span::server("orders", trace, 1, 0).with(&[("server.address", "laptop"), ("server.port", port)]).at(second * 1_000, 5);
    spans(second * 1_000 + 10, &[refused_by(span, "payments").on(instance)])
}

fn breaker_instances(batches: &[Batch], now_s: i64) -> Vec<String> {
    let mut engine = engine_of(16 << 20);
    apply(&mut engine, batches);
    apply(&mut engine, &[tick(now_s * 1_000)]);
    engine.report(&[]).breakers.into_iter().filter_map(|row| row.instance).collect()
}

#[test]
fn an_instance_with_a_random_name_is_the_one_that_is_read_where_it_answers_and_so_is_its_successor() {
    // A third is not read: where they answer tells them apart.
    let elsewhere = spans(10_000, &[Span::server("orders", 9, 1, 0).on("c0ff-ee").at(9_000, 5)]);
    for (port, instances) in [("8081", &["orders-1"][..]), ("8090", &["0b5c-4711", "orders-1"])] {
        let batches = [actuator(10), refuses(1, "0b5c-4711", port, 10), elsewhere.clone()];
        assert_eq!(breaker_instances(&batches, 11), instances, "{port}");
    }
    // Restarted, it has another name. Once the old one has sent nothing for a minute, all that send are read.
    let batches = [actuator(10), refuses(1, "0b5c-4711", "8081", 10), refuses(2, "77aa-4712", "8081", 30), refuses(3, "77aa-4712", "8081", 88), actuator(94)];
    assert_eq!(breaker_instances(&batches, 95), ["orders-1"]);
}
