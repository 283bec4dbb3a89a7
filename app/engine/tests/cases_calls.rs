//! Small inputs from real systems, as OTLP/JSON, and what is right: whether a call failed, who is called, what is one call.

#![expect(clippy::needless_pass_by_value, reason = "a case is written where it is used")]

mod batches;
mod wire;

use serde_json::{Value, json};
use switchboard_engine::view::{HopKind, LagVerdict, NodeKind, Report};
use switchboard_model::Fact;
use wire::{CLIENT, CONSUMER, INTERNAL, PRODUCER, SERVER, Wire, hops, received, report, row, rows, span, statuses};

fn client(attrs: Value) -> Wire {
    span("shop", CLIENT, 1, 1, 0).with(json!({ "server.address": "payments", "server.port": 8080 })).with(attrs)
}

fn server(attrs: Value) -> Wire {
    span("payments", SERVER, 1, 1, 0).with(attrs)
}

/// Errors, and the status that decided.
fn ended(of: Wire) -> (u64, String) {
    let report = report(&[of]);
    let kind = if report.hops.iter().any(|hop| hop.kind == HopKind::Process) { HopKind::Process } else { HopKind::Call };
    (report.interactions.iter().map(|row| row.errors).sum(), statuses(&report, kind).join(", "))
}

#[test]
fn whatever_says_that_a_call_failed_prevails_and_is_its_status() {
    let table: Vec<(Wire, u64, &str)> = vec![
        // Envoy and Istio write numbers as text.
        (client(json!({ "http.status_code": "200", "grpc.status_code": "14", "error": "true" })), 1, "UNAVAILABLE x1"),
        (client(json!({ "http.status_code": "503" })), 1, "503 x1"),
        (client(json!({ "grpc.status_code": "UNAVAILABLE" })), 1, "UNAVAILABLE x1"),
        (client(json!({ "http.status_code": 200, "rpc.grpc.status_code": 0 })), 0, "OK x1"),
        (client(json!({ "http.response.status_code": 200, "error.type": "java.io.IOException" })), 1, "java.io.IOException x1"),
        (client(json!({ "http.response.status_code": 200, "error": true })), 1, "failed x1"),
        (client(json!({ "error": "java.net.ConnectException" })), 1, "java.net.ConnectException x1"),
        // Micrometer.
        (server(json!({ "status": "500", "outcome": "SERVER_ERROR" })), 1, "500 x1"),
        (server(json!({ "status": "404", "outcome": "CLIENT_ERROR" })), 0, "404 x1"),
        (client(json!({ "status": "404", "outcome": "CLIENT_ERROR" })), 1, "404 x1"),
        (server(json!({ "status": "200", "outcome": "SUCCESS", "exception": "none", "error": "none" })), 0, "200 x1"),
        (server(json!({ "outcome": "SERVER_ERROR" })), 1, "SERVER_ERROR x1"),
        (server(json!({ "status": "200", "exception": "IllegalStateException" })), 1, "IllegalStateException x1"),
        // A plain status that is none of HTTP's says nothing.
        (server(json!({ "status": "7" })), 0, ""),
        (server(json!({ "status": "shipped" })), 0, ""),
        // Whoever says that all is well may be wrong.
        (server(json!({ "http.response.status_code": 500 })).status(1), 1, "500 x1"),
        (client(json!({ "rpc.status_code": "INTERNAL" })).status(1), 1, "INTERNAL x1"),
        (server(json!({ "http.response.status_code": 200 })).failed(), 1, "failed x1"),
        (server(json!({ "http.response.status_code": 404 })).failed(), 1, "404 x1"),
        (server(json!({ "otel.status_code": "ERROR" })), 1, "ERROR x1"),
        (server(json!({})).status(1), 0, "OK x1"),
        // Both names at once: the worst counts.
        (server(json!({ "http.response.status_code": 200, "http.status_code": 500 })), 1, "500 x1"),
        (server(json!({ "http.response.status_code": 200, "status": "502" })), 1, "502 x1"),
        (client(json!({ "rpc.grpc.status_code": 0, "grpc.status_code": "8" })), 1, "RESOURCE_EXHAUSTED x1"),
        // What is said not to be.
        (client(json!({ "error": "false" })), 0, ""),
        (client(json!({ "error": "False" })), 0, ""),
        (client(json!({ "error": false, "error.type": "" })), 0, ""),
        (client(json!({ "error": 0 })), 0, ""),
        (client(json!({ "error.type": "_OTHER" })), 1, "failed x1"),
        // An exception that left the span, and one that was handled within.
        (server(json!({ "http.response.status_code": 200 })).event(json!({ "exception.type": "shop.Broken", "exception.escaped": true })), 1, "shop.Broken x1"),
        (
            server(json!({ "http.response.status_code": 200 })).event(json!({ "exception.type": "shop.Broken", "exception.escaped": "true" })),
            1,
            "shop.Broken x1",
        ),
        (server(json!({ "http.response.status_code": 200 })).event(json!({ "exception.type": "shop.Broken" })), 0, "200 x1"),
        (client(json!({})).failed().event(json!({ "exception.type": "shop.Broken" })), 1, "shop.Broken x1"),
    ];
    for (wire, errors, status) in table {
        let text = wire.json.to_string();
        assert_eq!(ended(wire), (errors, status.to_owned()), "{text}");
    }
}

const SPRING: &str = "org.springframework.kafka.listener.";

fn listener(topic: &str, offset: i64, id: u64) -> Wire {
    span("billing", CONSUMER, id, id, 0).with(json!({
        "messaging.system": "kafka",
        "messaging.operation": "process",
        "messaging.destination.name": topic,
        "messaging.destination.partition.id": "0",
        "messaging.kafka.message.offset": offset,
        "messaging.kafka.consumer.group": "billing",
    }))
}

fn threw(wire: Wire, class: &str, stack: &str) -> Wire {
    wire.failed().event(json!({ "exception.type": class, "exception.message": "Listener failed", "exception.stacktrace": stack }))
}

#[test]
fn a_listener_s_status_is_the_cause_beneath_its_wrappers() {
    let (timestamped, failed) = (format!("{SPRING}TimestampedException"), format!("{SPRING}ListenerExecutionFailedException"));
    let stack = |cause: &str| {
        format!(
            "{timestamped}: Exception thrown at 2026\n\tat a.B.c(B.java:1)\nCaused by: {failed}: Listener method threw\n\tat d\nCaused by: {cause}: no\n\t... 3 more\n"
        )
    };
    let declined = "shop.CardDeclined";
    let table = [
        (threw(listener("orders", 1, 1), &timestamped, &stack(declined)), declined),
        (
            threw(
                listener("orders", 1, 1),
                &failed,
                &format!("{failed}: x\nCaused by: {declined}: y\nCaused by: java.net.SocketTimeoutException: Read timed out"),
            ),
            "java.net.SocketTimeoutException",
        ),
        // By another event, by the message, or by nothing.
        (threw(listener("orders", 1, 1).event(json!({ "exception.type": declined })), &failed, ""), declined),
        (
            listener("orders", 1, 1)
                .failed()
                .event(json!({ "exception.type": failed, "exception.message": "failed; nested exception is shop.CardDeclined: no" })),
            declined,
        ),
        (threw(listener("orders", 1, 1), &failed, ""), failed.as_str()),
        (threw(listener("orders", 1, 1).with(json!({ "error.type": failed })), &failed, &stack(declined)), declined),
        // What is no wrapper is the status, whatever is beneath.
        (threw(listener("orders", 1, 1), declined, "shop.CardDeclined: no\nCaused by: java.io.IOException: pipe"), declined),
    ];
    for (wire, status) in table {
        let text = wire.json.to_string();
        assert_eq!(ended(wire), (1, format!("{status} x1")), "{text}");
    }
    let late =
        threw(span("shop", CLIENT, 1, 1, 0), "java.util.concurrent.ExecutionException", "x\nCaused by: java.net.http.HttpTimeoutException: request timed out");
    assert_eq!(rows(&[late]), ["shop > ? call x1 e1 t1"]);
}

#[test]
fn a_record_that_is_not_due_yet_waits_and_has_not_failed() {
    let backoff = format!("{SPRING}KafkaBackoffException");
    let failed = format!("{SPRING}ListenerExecutionFailedException");
    let stack = format!(
        "{failed}: x\nCaused by: {backoff}: Partition 0 from topic orders-retry-1000 is not ready for consumption, backing off for approx. 998 millis."
    );
    let waiting = [
        threw(listener("orders-retry-1000", 5, 1), &failed, &stack).at(1_000, 1),
        threw(listener("orders-retry-1000", 5, 2), &format!("{SPRING}TimestampedException"), &stack).at(1_500, 1),
        listener("orders-retry-1000", 5, 3).failed().with(json!({ "error.type": backoff })).at(1_700, 1),
    ];
    let mut all = waiting.to_vec();
    all.push(threw(listener("orders-retry-1000", 5, 4), "shop.CardDeclined", "shop.CardDeclined: no").at(2_000, 5));
    let report = report(&all);
    // The first time that it is due is no retry either.
    assert_eq!(report.interactions.iter().map(row).collect::<Vec<_>>(), ["? > billing orders-retry-1000 x4 e1"]);
    assert_eq!(statuses(&report, HopKind::Process), ["shop.CardDeclined x1", "waiting x3"]);
}

#[test]
fn a_group_of_a_retry_topic_waits_and_does_not_fall_behind() {
    let stack = |ms: u32| {
        format!(
            "x\nCaused by: {SPRING}KafkaBackoffException: Partition 0 from topic orders-retry is not ready for consumption, backing off for approx. {ms} millis."
        )
    };
    let told = |waits_ms: Option<u32>| {
        let mut engine = wire::engine();
        for at in 0..40_i64 {
            let mut group = batches::group("billing", "orders-retry", 1, 5 + at, at * 2_000);
            if let Fact::Group(group) = &mut group {
                group.members = None;
            }
            batches::apply(&mut engine, &[batches::facts(at * 2_000, vec![batches::topic("orders-retry", 5 + at), group])]);
        }
        if let Some(ms) = waits_ms {
            let waits = threw(listener("orders-retry", 1, 1), &format!("{SPRING}ListenerExecutionFailedException"), &stack(ms)).at(40_000, 1);
            batches::apply(&mut engine, &wire::batches(&wire::request(&[waits]), 40_000));
        }
        batches::apply(&mut engine, &[batches::tick(78_500)]);
        let groups = engine.report(&[]).groups;
        (groups[0].verdict, groups[0].reason.contains("waits until its records are due"))
    };
    let (without, is_waiting) = told(None);
    assert!(matches!(without, LagVerdict::Stuck | LagVerdict::Growing) && !is_waiting, "{without:?}");
    assert_eq!(told(Some(60_000)), (LagVerdict::Waits, true));
    // What was due long ago explains nothing.
    assert_eq!(told(Some(5_000)), (without, false));
}

#[test]
fn a_record_that_a_group_has_again_is_a_retry() {
    // 4 deliveries of one offset, another offset, another group, another partition.
    let mut all: Vec<Wire> = (1..=4).map(|at| threw(listener("orders", 7, at), "shop.Poison", "").at(1_000 + at as i64 * 20, 5)).collect();
    all.push(listener("orders", 8, 5));
    all.push(listener("orders", 7, 6).with(json!({ "messaging.consumer.group.name": "audit" })));
    all.push(listener("orders", 7, 7).with(json!({ "messaging.kafka.destination.partition": 1, "messaging.destination.partition.id": "1" })));
    assert_eq!(rows(&all), ["? > billing orders x7 e4 r3"]);
    // One span within another is one and the same time.
    let outer = listener("orders", 7, 1).at(1_000, 10);
    let mut inner = listener("orders", 7, 2).at(1_001, 5);
    inner.json["traceId"] = outer.json["traceId"].clone();
    inner.json["parentSpanId"] = outer.json["spanId"].clone();
    assert_eq!(report(&[outer, inner]).interactions.iter().map(|row| row.retries).sum::<u64>(), 0);
}

fn attempt(id: u64, at_ms: i64, attrs: Value) -> Wire {
    span("shop", CLIENT, 9, id, 5).named("POST").at(at_ms, 10).with(json!({ "http.request.method": "POST" })).with(attrs)
}

#[test]
fn the_same_call_again_after_it_failed_is_a_retry() {
    let url = |path: &str| json!({ "server.address": "payments", "server.port": 8080, "url.full": format!("http://payments:8080{path}") });
    let status = |code: u16| json!({ "http.response.status_code": code });
    let charge = |id: u64, at_ms: i64, code: u16| attempt(id, at_ms, url("/charge")).with(status(code));
    let parent = span("shop", SERVER, 9, 5, 0).at(900, 500);
    // Failed twice, then well.
    let all = [parent.clone(), charge(11, 1_000, 503), charge(12, 1_100, 503), charge(13, 1_200, 200)];
    assert_eq!(rows(&all)[1], "shop > payments:8080 http x3 e2 r2");
    // Each instance of a service has an address of its own.
    let other = attempt(12, 1_100, json!({ "server.address": "10.0.0.2", "url.full": "http://10.0.0.2/charge" })).with(status(200));
    assert!(rows(&[parent.clone(), charge(11, 1_000, 503), other]).contains(&"shop > 10.0.0.2 http x1 r1".to_owned()));
    // None of these: it went well before; another path; at the same time; under another parent.
    let elsewhere = attempt(12, 1_100, url("/refund")).with(status(200));
    let mut apart = charge(12, 1_100, 200);
    apart.json["parentSpanId"] = "0000000000000006".into();
    for other in [elsewhere, charge(12, 1_005, 200), apart] {
        let of: u64 = report(&[parent.clone(), charge(11, 1_000, 503), other]).interactions.iter().map(|row| row.retries).sum();
        assert_eq!(of, 0);
    }
    let looped: Vec<Wire> = (0..5).map(|at| charge(20 + at, 1_000 + at as i64 * 50, 200)).collect();
    assert_eq!(rows(&looped), ["shop > payments:8080 http x5"]);
    // gRPC, and calls that tell no path.
    let rpc = |id: u64, at_ms: i64, code: i64| {
        span("shop", CLIENT, 9, id, 5)
            .at(at_ms, 10)
            .with(json!({ "rpc.system": "grpc", "rpc.service": "Pay", "rpc.method": "Charge", "rpc.grpc.status_code": code, "server.address": "pay" }))
    };
    assert_eq!(rows(&[rpc(11, 1_000, 14), rpc(12, 1_050, 0)]), ["shop > pay grpc x2 e1 r1"]);
    let bare = |id: u64, at_ms: i64| span("shop", CLIENT, 9, id, 5).at(at_ms, 10).with(json!({ "peer.service": "tax" }));
    assert_eq!(rows(&[bare(11, 1_000).failed(), bare(12, 1_050)]), ["shop > tax call x2 e1 r1"]);
}

#[test]
fn a_time_limiter_that_gives_up_is_a_time_out_of_its_call() {
    let limit =
        json!({ "exception.type": "java.util.concurrent.TimeoutException", "exception.message": "TimeLimiter 'payments' recorded a timeout exception." });
    // The call itself goes on, and even ends well.
    let call =
        span("shop", CLIENT, 9, 11, 5).at(1_000, 3_000).with(json!({ "server.address": "payments", "http.response.status_code": 200, "url.path": "/charge" }));
    let guarded = span("shop", INTERNAL, 9, 5, 0).at(990, 1_010).failed().event(limit.clone());
    assert_eq!(rows(&[guarded.clone(), call.clone()]), ["shop > payments http x1 e1 t1"]);
    assert_eq!(statuses(&report(&[guarded, call.clone()]), HopKind::Call), ["timeout x1"]);
    // The same where the answer is a fallback's.
    let served = span("shop", SERVER, 9, 5, 0).at(990, 1_010).with(json!({ "http.response.status_code": 200 })).event(limit.clone());
    assert_eq!(rows(&[served, call.clone()]), ["? > shop http x1", "shop > payments http x1 e1 t1"]);
    // It may be recorded on the call.
    let own = span("shop", CLIENT, 9, 11, 5).with(json!({ "server.address": "payments" })).event(limit);
    assert_eq!(rows(&[own]), ["shop > payments call x1 e1 t1"]);
    // A call that ended in time, or one that nobody gave up.
    let in_time = span("shop", CLIENT, 9, 11, 5).at(1_000, 500).with(json!({ "server.address": "payments" }));
    let late = span("shop", INTERNAL, 9, 5, 0).at(990, 1_010).failed().event(json!({ "exception.type": "java.util.concurrent.TimeoutException" }));
    assert_eq!(rows(&[late, in_time]), ["shop > payments call x1"]);
    let calm = span("shop", SERVER, 9, 5, 0).at(990, 1_010);
    assert_eq!(rows(&[calm, call]), ["? > shop call x1", "shop > payments http x1"]);
}

#[test]
fn whom_a_client_calls_is_told_by_the_name_that_is_trusted_most() {
    let table: Vec<(Value, &str)> = vec![
        (json!({ "net.peer.name": "payments", "http.host": "payments:8080", "net.peer.port": 8080 }), "payments:8080"),
        (json!({ "server.address": "payments", "server.port": 8080 }), "payments:8080"),
        (json!({ "http.url": "http://payments:8080/charge" }), "payments:8080"),
        (json!({ "http.host": "payments:8080" }), "payments:8080"),
        (json!({ "http.host": "payments:8080", "net.peer.port": 3128 }), "payments:8080"),
        (json!({ "net.peer.name": "old", "server.address": "payments", "net.peer.port": 1, "server.port": 8080 }), "payments:8080"),
        (json!({ "server.address": "payments", "server.port": 8080, "net.peer.name": "old", "net.peer.port": 1 }), "payments:8080"),
        (json!({ "network.peer.address": "10.0.0.7", "network.peer.port": 3128, "server.address": "payments", "server.port": 8080 }), "payments:8080"),
        (json!({ "network.peer.address": "10.0.0.7", "network.peer.port": 3128, "url.full": "http://payments:8080/x" }), "payments:8080"),
        (json!({ "net.sock.peer.addr": "10.0.0.7", "net.sock.peer.port": 8080 }), "10.0.0.7:8080"),
        (json!({ "net.peer.ip": "10.0.0.7" }), "10.0.0.7"),
        (json!({ "server.address": "", "net.peer.name": "payments" }), "payments"),
        (json!({ "server.address": "payments", "server.port": -1 }), "payments"),
        (json!({ "server.address": "payments", "server.port": 0 }), "payments"),
        (json!({ "server.address": "payments", "server.port": "-1", "net.peer.port": 8080 }), "payments:8080"),
        (json!({ "net.host.name": "laptop", "net.host.port": 50123, "net.peer.name": "payments", "net.peer.port": 8080 }), "payments:8080"),
        (json!({ "net.host.name": "laptop", "net.host.port": 50123, "http.server_name": "laptop" }), "?"),
        (json!({ "peer.service": "tax", "server.address": "10.0.0.7" }), "tax"),
        (json!({ "peer.service": "old-tax", "service.peer.name": "tax" }), "tax"),
        (json!({ "server.address": "fe80::1", "server.port": 80 }), "[fe80::1]:80"),
    ];
    for (attrs, to) in table {
        let told = rows(&[span("shop", CLIENT, 1, 1, 0).with(attrs.clone())]);
        let via = told[0].split(' ').nth(3).unwrap_or_default();
        assert_eq!(told, [format!("shop > {to} {via} x1")], "{attrs}");
    }
    // All that means the same is one node.
    let ways = [
        json!({ "net.peer.name": "payments", "http.host": "payments:8080", "net.peer.port": 8080 }),
        json!({ "server.address": "payments", "server.port": "8080", "http.request.method": "GET" }),
        json!({ "http.url": "http://payments:8080/charge" }),
    ];
    let all: Vec<Wire> = (1..).zip(ways).map(|(at, attrs)| span("shop", CLIENT, at, at, 0).with(json!({ "http.method": "GET" })).with(attrs)).collect();
    assert_eq!(rows(&all), ["shop > payments:8080 http x3"]);
}

#[test]
fn a_database_is_its_system_and_host_not_an_index() {
    let table: Vec<(Value, &str)> = vec![
        (json!({ "db.system": "redis", "db.redis.database_index": 0 }), "redis"),
        (json!({ "db.system": "redis", "db.redis.database_index": 3, "net.peer.name": "cache", "net.peer.port": 6379 }), "cache:6379"),
        (json!({ "db.system.name": "redis", "db.namespace": "0", "server.address": "cache" }), "cache"),
        (json!({ "db.system.name": "redis", "db.namespace": "7" }), "redis"),
        (json!({ "db.system": "postgresql", "db.name": "orders" }), "orders"),
        (json!({ "db.system": "postgresql" }), "postgresql"),
        (json!({ "db.system": "h2", "db.name": "old", "db.namespace": "carts" }), "carts"),
    ];
    for (attrs, to) in table {
        assert_eq!(rows(&[span("shop", CLIENT, 1, 1, 0).with(attrs.clone())]), [format!("shop > {to} database x1")], "{attrs}");
    }
    // A database with the name of its service, and two systems of one name.
    let own = span("shop", CLIENT, 1, 1, 0).with(json!({ "db.system": "h2", "db.name": "shop" }));
    assert_eq!(rows(std::slice::from_ref(&own)), ["shop > shop (h2) database x1"]);
    let two = [json!({ "db.system": "mysql", "db.name": "stock" }), json!({ "db.system": "redis", "db.name": "stock" })];
    let two: Vec<Wire> = (1..).zip(two).map(|(at, attrs)| span("shop", CLIENT, at, at, 0).with(attrs)).collect();
    assert_eq!(rows(&two), ["shop > stock (mysql) database x1", "shop > stock (redis) database x1"]);
    let nodes = wire::snapshot(&[own]).topology.nodes.clone();
    let told: Vec<(&str, NodeKind)> = nodes.iter().map(|node| (node.name.as_str(), node.kind)).collect();
    assert!(told.contains(&("shop", NodeKind::Service)) && told.contains(&("shop (h2)", NodeKind::Database)), "{told:?}");
}

#[test]
fn what_is_null_or_empty_is_not_set() {
    let call = json!({ "server.address": "payments", "http.request.method": "GET" });
    for nothing in
        ["messaging.system", "messaging.destination.name", "messaging.operation.type", "db.system", "db.name", "rpc.system", "rpc.method", "error.type"]
    {
        let told = report(&[span("shop", CLIENT, 1, 1, 0).with(call.clone()).with(json!({ nothing: "" }))]);
        assert_eq!(told.interactions.iter().map(row).collect::<Vec<_>>(), ["shop > payments http x1"], "{nothing}");
        assert!(told.channels.is_empty(), "{nothing}");
    }
    // An older name says it where the newer one says nothing.
    let sent = json!({ "messaging.system": "kafka", "messaging.destination.name": "orders", "messaging.operation.type": "", "messaging.operation": "publish" });
    assert_eq!(hops(&report(&[span("shop", CLIENT, 1, 1, 0).with(sent)]), HopKind::Publish), ["shop > orders x1"]);
}

#[test]
fn a_server_span_may_name_its_caller() {
    let named = span("billing", SERVER, 1, 1, 0).with(json!({ "peer.service": "legacy-cron" }));
    let report = report(std::slice::from_ref(&named));
    assert_eq!(report.interactions.iter().map(row).collect::<Vec<_>>(), ["legacy-cron > billing call x1"]);
    assert_eq!(report.interactions[0].evidence.rules.keys().collect::<Vec<_>>(), ["peer"]);
    let nodes = wire::snapshot(std::slice::from_ref(&named)).topology.nodes.clone();
    let cron = nodes.iter().find(|node| node.name == "legacy-cron").expect("a node");
    assert_eq!((cron.kind, cron.basis), (NodeKind::Service, switchboard_engine::view::NodeBasis::Inferred));
    assert!(nodes.iter().all(|node| node.kind != NodeKind::User));
    // The same where its parent was lost; a parent that came knows better.
    let lost = span("billing", SERVER, 1, 1, 99).with(json!({ "service.peer.name": "legacy-cron" }));
    assert_eq!(rows(std::slice::from_ref(&lost)), ["legacy-cron > billing call x1"]);
    let caller = span("gateway", CLIENT, 1, 99, 0);
    assert_eq!(rows(&[lost, caller]), ["gateway > billing call x1"]);
    // A service that sends spans is that service.
    let other = span("legacy-cron", SERVER, 2, 2, 0);
    assert_eq!(rows(&[named, other]), ["? > legacy-cron call x1", "legacy-cron > billing call x1"]);
}

fn nodes(of: &[Wire]) -> Vec<(String, NodeKind)> {
    let mut nodes: Vec<(String, NodeKind)> = wire::snapshot(of).topology.nodes.iter().map(|node| (node.name.clone(), node.kind)).collect();
    nodes.sort();
    nodes
}

#[test]
fn a_database_over_http_is_one_call_the_outer_says_what_the_inner_where() {
    let outer = |attrs: Value| span("shop", CLIENT, 1, 1, 0).at(1_000, 20).with(attrs);
    let inner =
        |id: u64, parent: u64, attrs: Value| span("shop", CLIENT, 1, id, parent).at(1_005, 10).with(json!({ "http.request.method": "POST" })).with(attrs);
    let elastic = [
        outer(json!({ "db.system": "elasticsearch" })),
        inner(2, 1, json!({ "server.address": "es.local", "server.port": 9200, "http.response.status_code": 200 })),
    ];
    assert_eq!(rows(&elastic), ["shop > es.local:9200 database x1"]);
    assert_eq!(nodes(&elastic), [("es.local:9200".to_owned(), NodeKind::Database), ("shop".to_owned(), NodeKind::Service)]);
    let dynamo = [
        outer(json!({ "db.system": "dynamodb", "rpc.system": "aws-api", "rpc.service": "DynamoDB", "rpc.method": "PutItem", "db.name": "carts" })),
        inner(2, 1, json!({ "http.url": "https://dynamodb.eu-west-1.amazonaws.com/" })),
    ];
    assert_eq!(rows(&dynamo), ["shop > dynamodb.eu-west-1.amazonaws.com database x1"]);
    // Its attempts stay calls of their own.
    let again = [
        elastic[0].clone(),
        elastic[1].clone().with(json!({ "http.response.status_code": 503 })),
        inner(3, 1, json!({ "server.address": "es.local", "server.port": 9200, "http.response.status_code": 200 })).at(1_016, 3),
    ];
    assert_eq!(rows(&again), ["shop > es.local:9200 database x2 e1 r1"]);
    // Around it may stand more than one.
    let deep = [
        outer(json!({ "db.system": "elasticsearch" })),
        inner(2, 1, json!({ "url.full": "http://es.local:9200/a/_search" })),
        inner(3, 2, json!({ "url.full": "http://es.local:9200/a/_search" })),
    ];
    assert_eq!(rows(&deep), ["shop > es.local:9200 database x1"]);
    // A call to the same address that does not say that it is a database goes to the same node.
    let plain = span("stock", CLIENT, 2, 9, 0).with(json!({ "http.method": "GET", "server.address": "es.local", "server.port": 9200 }));
    assert_eq!(rows(&[elastic[0].clone(), elastic[1].clone(), plain.clone()]), ["shop > es.local:9200 database x1", "stock > es.local:9200 http x1"]);
    assert_eq!(nodes(&[elastic[0].clone(), elastic[1].clone(), plain]).iter().filter(|(_, kind)| *kind != NodeKind::Service).count(), 1);
    // A name that its user gave stays; another host beneath is another call.
    let named = [outer(json!({ "db.system": "elasticsearch", "peer.service": "search" })), elastic[1].clone()];
    assert_eq!(rows(&named), ["shop > search database x1"]);
    let other = [
        outer(json!({ "db.system": "postgresql", "server.address": "db", "server.port": 5432 })),
        inner(2, 1, json!({ "server.address": "vault", "server.port": 8200 })),
    ];
    assert_eq!(rows(&other), ["shop > db:5432 database x1", "shop > vault:8200 http x1"]);
    // An ORM around a driver.
    let orm = [
        outer(json!({ "db.system": "postgresql", "db.name": "shop" })),
        span("shop", CLIENT, 1, 2, 1).with(json!({ "db.system": "postgresql", "server.address": "db", "server.port": 5432 })),
    ];
    assert_eq!(rows(&orm), ["shop > db:5432 database x1"]);
}

#[test]
fn a_failure_that_only_the_outer_span_tells_of_is_the_call_s() {
    let server = json!({ "server.address": "payments", "server.port": 8080 });
    let outer = |attrs: Value| span("shop", CLIENT, 1, 1, 0).at(1_000, 40).with(server.clone()).with(attrs);
    let inner = |id: u64, at_ms: i64, status: u16| {
        span("shop", CLIENT, 1, id, 1).at(at_ms, 5).with(server.clone()).with(json!({ "http.request.method": "POST", "http.response.status_code": status }))
    };
    let grpc = |status: u8| outer(json!({ "rpc.system": "grpc", "rpc.service": "Payments", "rpc.method": "Charge", "rpc.grpc.status_code": status }));
    let told = |of: &[Wire]| {
        let report = report(of);
        let rows: Vec<String> = report.interactions.iter().map(row).collect();
        (rows.join(", "), statuses(&report, HopKind::Call).join(", "))
    };
    for (of, calls, ended) in [
        // As .NET's client of gRPC tells: the HTTP call that carried the status went well.
        (vec![grpc(14), inner(2, 1_005, 200)], "shop > payments:8080 grpc x1 e1", "UNAVAILABLE x1"),
        (vec![grpc(4), inner(2, 1_005, 200)], "shop > payments:8080 grpc x1 e1 t1", "DEADLINE_EXCEEDED x1"),
        (vec![grpc(0), inner(2, 1_005, 200)], "shop > payments:8080 grpc x1", "200 x1"),
        // What failed within says why.
        (vec![grpc(14), inner(2, 1_005, 503)], "shop > payments:8080 grpc x1 e1", "503 x1"),
        // Of several the last one failed, unless another did.
        (vec![grpc(14), inner(2, 1_005, 200), inner(3, 1_015, 200)], "shop > payments:8080 grpc x2 e1", "200 x1, UNAVAILABLE x1"),
        (vec![grpc(14), inner(2, 1_005, 503), inner(3, 1_015, 200)], "shop > payments:8080 grpc x2 e1 r1", "200 x1, 503 x1"),
        // Through more than one.
        (
            vec![grpc(14), inner(2, 1_005, 200), span("shop", CLIENT, 1, 3, 2).at(1_006, 3).with(server.clone()).with(json!({ "http.status_code": "200" }))],
            "shop > payments:8080 grpc x1 e1",
            "UNAVAILABLE x1",
        ),
        // An application gave up on what its sidecar says went well.
        (
            vec![outer(json!({ "http.request.method": "POST", "error.type": "timeout" })), inner(2, 1_005, 200)],
            "shop > payments:8080 http x1 e1 t1",
            "timeout x1",
        ),
    ] {
        assert_eq!(told(&of), (calls.to_owned(), ended.to_owned()));
        // Whichever comes first.
        let turned: Vec<Wire> = of.iter().rev().cloned().collect();
        assert_eq!(told(&turned), (calls.to_owned(), ended.to_owned()));
    }
}

#[test]
fn a_message_that_is_published_over_http_is_one_message() {
    let sent = span("shop", PRODUCER, 1, 1, 0)
        .with(json!({ "messaging.system": "aws_sqs", "messaging.operation.type": "send", "messaging.destination.name": "orders" }));
    let call = span("shop", CLIENT, 1, 2, 1).with(json!({ "http.request.method": "POST", "server.address": "sqs.eu-west-1.amazonaws.com" }));
    let told = report(&[sent.clone(), call.clone()]);
    assert_eq!((told.interactions.len(), hops(&told, HopKind::Publish)), (0, vec!["shop > orders x1".to_owned()]));
    // A broker with a protocol of its own is not reached so: that is a schema registry.
    let mut kafka = sent;
    kafka.json["attributes"][0]["value"]["stringValue"] = "kafka".into();
    let kafka = span("shop", PRODUCER, 1, 1, 0)
        .with(json!({ "messaging.system": "kafka", "messaging.operation.type": "send", "messaging.destination.name": "orders" }));
    assert_eq!(rows(&[kafka, call]), ["shop > sqs.eu-west-1.amazonaws.com http x1"]);
}

#[test]
fn sidecars_make_no_further_calls() {
    let app = |service: &str, kind: u8, id: u64, parent: u64, at_ms: i64| {
        span(service, kind, 1, id, parent).at(at_ms, 40 - (at_ms - 1_000)).with(json!({ "http.request.method": "GET", "url.path": "/charge" }))
    };
    let all = [
        app("shop", CLIENT, 1, 0, 1_000).with(json!({ "server.address": "payments", "server.port": 8080 })),
        app("shop", CLIENT, 2, 1, 1_002).with(json!({ "upstream_address": "10.1.2.3:8080", "http.status_code": "200" })),
        app("payments", SERVER, 3, 2, 1_004).with(json!({ "http.status_code": "200" })),
        app("payments", SERVER, 4, 3, 1_006),
    ];
    let told = report(&all);
    assert_eq!(told.interactions.iter().map(row).collect::<Vec<_>>(), ["shop > payments http x1"]);
    assert_eq!(received(&told), ["payments x1"]);
    // Both sidecars' spans alone, and the application's alone.
    assert_eq!(received(&report(&all[1..3])), ["payments x1"]);
    assert_eq!(received(&report(&[all[2].clone(), all[3].clone()])), ["payments x1"]);
    assert_eq!(received(&report(&[all[3].clone()])), ["payments x1"]);
    // A service that calls itself is called.
    let own = [app("shop", SERVER, 1, 0, 1_000), app("shop", CLIENT, 2, 1, 1_002), app("shop", SERVER, 3, 2, 1_004)];
    assert_eq!(received(&report(&own)), ["shop x2"]);
}

fn told_channels(report: &Report) -> Vec<String> {
    wire::channels(report)
}

fn rabbit(kind: u8, trace: u64, id: u64, parent: u64, attrs: Value) -> Wire {
    let service = if kind == PRODUCER { "shop" } else { "mail" };
    span(service, kind, trace, id, parent).at(if kind == PRODUCER { 1_000 } else { 1_020 }, 5).with(json!({ "messaging.system": "rabbitmq" })).with(attrs)
}

#[test]
fn with_an_empty_exchange_the_routing_key_is_the_channel() {
    let mut all = Vec::new();
    for (at, (exchange, key, name)) in [
        ("", "messaging.rabbitmq.destination.routing_key", "messaging.destination.name"),
        ("<default>", "messaging.rabbitmq.routing_key", "messaging.destination"),
        ("amq.default", "messaging.rabbitmq.destination.routing_key", "messaging.destination.name"),
    ]
    .into_iter()
    .enumerate()
    {
        let (trace, queue) = (at as u64 + 1, format!("q3{}", at + 1));
        all.push(rabbit(PRODUCER, trace, 1, 0, json!({ name: exchange, key: queue })));
        all.push(rabbit(CONSUMER, trace, 2, 1, json!({ name: exchange, key: queue })));
    }
    let told = report(&all);
    assert_eq!(told_channels(&told), ["q31 (rabbitmq)", "q32 (rabbitmq)", "q33 (rabbitmq)"]);
    assert_eq!(told.interactions.iter().map(row).collect::<Vec<_>>(), ["shop > mail q31 x1", "shop > mail q32 x1", "shop > mail q33 x1"]);
    // An exchange of its own keeps its name; a consumer that names the queue alone meets the key.
    let named = [rabbit(PRODUCER, 1, 1, 0, json!({ "messaging.destination": "ex", "messaging.rabbitmq.routing_key": "k" }))];
    assert_eq!(told_channels(&report(&named)), ["ex (rabbitmq)"]);
    let queue = [
        rabbit(PRODUCER, 1, 1, 0, json!({ "messaging.destination": "", "messaging.rabbitmq.routing_key": "q31" })),
        rabbit(CONSUMER, 1, 2, 1, json!({ "messaging.destination.name": "q31" })),
    ];
    assert_eq!(told_channels(&report(&queue)), ["q31 (rabbitmq)"]);
}

/// Whether the map leads from who publishes to who handles.
fn is_joined(of: &[Wire], from: &str, to: &str) -> bool {
    let topology = wire::snapshot(of).topology;
    let named = |name: &str| topology.nodes.iter().find(|node| node.name == name && node.kind == NodeKind::Service).map(|node| node.node_id);
    let (Some(from), Some(to)) = (named(from), named(to)) else { return false };
    let mut reached = vec![from];
    while let Some(next) = topology.edges.iter().find(|edge| reached.contains(&edge.from) && !reached.contains(&edge.to)) {
        reached.push(next.to);
    }
    reached.contains(&to)
}

#[test]
fn exchange_key_and_queue_are_one_way() {
    let sent = |trace: u64, name: &str| rabbit(PRODUCER, trace, 1, 0, json!({ "messaging.destination.name": name }));
    let had = |trace: u64, id: u64, name: &str| rabbit(CONSUMER, trace, id, 1, json!({ "messaging.destination.name": name }));
    let all = [sent(1, "ex:key"), had(1, 2, "ex:key:queue")];
    let told = report(&all);
    assert_eq!(told.interactions.iter().map(row).collect::<Vec<_>>(), ["shop > mail ex:key x1"]);
    assert_eq!(told_channels(&told), ["ex:key (rabbitmq)"]);
    assert_eq!((hops(&told, HopKind::Deliver), hops(&told, HopKind::Process)), (vec!["ex:key > queue x1".to_owned()], vec!["queue > mail x1".to_owned()]));
    assert!(is_joined(&all, "shop", "mail"));
    // Two queues get each message; keys may hold colons; an exchange alone is a beginning too.
    let fanned = [sent(1, "ex:a:b"), had(1, 2, "ex:a:b:one"), had(1, 3, "ex:a:b:two"), sent(2, "topics"), had(2, 2, "topics:k:q")];
    let told = report(&fanned);
    assert_eq!(told_channels(&told), ["ex:a:b (rabbitmq)", "topics (rabbitmq)"]);
    assert_eq!(hops(&told, HopKind::Deliver), ["ex:a:b > one x1", "ex:a:b > two x1", "topics > k:q x1"]);
    // A queue to which nobody publishes, and names with colons elsewhere, stay as they are.
    assert_eq!(told_channels(&report(&[had(1, 2, "ex:key:queue")])), ["ex:key:queue (rabbitmq)"]);
    let kafka = |kind: u8, id: u64, parent: u64, name: &str| {
        span("shop", kind, 1, id, parent).with(json!({ "messaging.system": "kafka", "messaging.destination.name": name }))
    };
    assert_eq!(told_channels(&report(&[kafka(PRODUCER, 1, 0, "a"), kafka(CONSUMER, 2, 0, "a:b")])), ["a (kafka)", "a:b (kafka)"]);
}

#[test]
fn a_queue_named_alone_belongs_to_the_exchange_that_its_messages_were_published_to() {
    let sent = |trace: u64, name: &str| rabbit(PRODUCER, trace, 1, 0, json!({ "messaging.destination.name": name }));
    let had = |trace: u64, name: &str| rabbit(CONSUMER, trace, 2, 1, json!({ "messaging.destination.name": name }));
    let all = [sent(1, "ex"), had(1, "q"), sent(2, "ex"), had(2, "other-q")];
    let told = report(&all);
    assert_eq!(told_channels(&told), ["ex (rabbitmq)"]);
    assert_eq!(told.interactions.iter().map(row).collect::<Vec<_>>(), ["shop > mail ex x2"]);
    assert_eq!(hops(&told, HopKind::Deliver), ["ex > other-q x1", "ex > q x1"]);
    assert!(is_joined(&all, "shop", "mail"));
    // Of two exchanges, of a queue that is published to by its name, and without a pair nothing is certain.
    let two = [sent(1, "ex"), had(1, "q"), sent(2, "other"), had(2, "q")];
    assert_eq!(told_channels(&report(&two)), ["ex (rabbitmq)", "other (rabbitmq)", "q (rabbitmq)"]);
    let direct = [sent(1, "ex"), had(1, "q"), sent(2, "q"), had(2, "q")];
    assert_eq!(told_channels(&report(&direct)), ["ex (rabbitmq)", "q (rabbitmq)"]);
    let apart = [sent(1, "ex"), rabbit(CONSUMER, 2, 2, 0, json!({ "messaging.destination.name": "q" }))];
    assert_eq!(told_channels(&report(&apart)), ["ex (rabbitmq)", "q (rabbitmq)"]);
}

#[test]
fn one_name_in_two_systems_is_two_channels() {
    let of = |system: Value, kind: u8, trace: u64, id: u64, parent: u64| {
        span(if kind == PRODUCER { "shop" } else { "mail" }, kind, trace, id, parent).with(json!({ "messaging.destination.name": "orders" })).with(system)
    };
    let (kafka, rabbit, none) = (json!({ "messaging.system": "kafka" }), json!({ "messaging.system": "rabbitmq" }), json!({}));
    let both =
        [of(kafka.clone(), PRODUCER, 1, 1, 0), of(kafka.clone(), CONSUMER, 1, 2, 1), of(rabbit.clone(), PRODUCER, 2, 1, 0), of(rabbit, CONSUMER, 2, 2, 1)];
    let told = report(&both);
    assert_eq!(told_channels(&told), ["orders (kafka)", "orders (rabbitmq)"]);
    assert_eq!(told.interactions.iter().map(|row| row.calls).sum::<u64>(), 2);
    // Who does not say which system it is means the one that there is.
    assert_eq!(told_channels(&report(&[of(kafka, PRODUCER, 1, 1, 0), of(none, CONSUMER, 1, 2, 1)])), ["orders (kafka)"]);
    // The same message id in another system is another message.
    let id = json!({ "messaging.message.id": "7" });
    let apart =
        [of(json!({ "messaging.system": "kafka" }), PRODUCER, 1, 1, 0).with(id.clone()), of(json!({ "messaging.system": "jms" }), CONSUMER, 2, 2, 0).with(id)];
    assert_eq!(rows(&apart), ["? > mail orders x1"]);
}

#[test]
fn temporary_queues_are_one_node() {
    let mut all = Vec::new();
    for at in 0..40_u64 {
        let queue = format!("amq.gen-{at:08x}");
        all.push(rabbit(PRODUCER, at + 1, 1, 0, json!({ "messaging.destination.name": "", "messaging.rabbitmq.destination.routing_key": queue })));
        all.push(rabbit(CONSUMER, at + 1, 2, 1, json!({ "messaging.destination.name": queue, "messaging.destination.temporary": true })));
    }
    let told = report(&all);
    assert_eq!(told_channels(&told), ["temporary queues of rabbitmq (rabbitmq)"]);
    assert_eq!(told.interactions.iter().map(row).collect::<Vec<_>>(), ["shop > mail temporary queues of rabbitmq x40"]);
    // Said by other words, or to be seen by the name; bound to an exchange they go on telling to which.
    let others = [
        json!({ "messaging.destination.name": "replies-7", "messaging.destination.anonymous": true }),
        json!({ "messaging.destination": "replies-8", "messaging.temp_destination": "true" }),
        json!({ "messaging.destination.name": "amq.rabbitmq.reply-to.g1h2" }),
        json!({ "messaging.destination.name": "spring.gen-9xY" }),
    ];
    let others: Vec<Wire> = (1..).zip(others).map(|(at, attrs)| rabbit(CONSUMER, at, at, 0, attrs)).collect();
    assert_eq!(told_channels(&report(&others)), ["temporary queues of rabbitmq (rabbitmq)"]);
    let bound = [
        rabbit(PRODUCER, 1, 1, 0, json!({ "messaging.destination.name": "ex:news" })),
        rabbit(CONSUMER, 1, 2, 1, json!({ "messaging.destination.name": "ex:news:amq.gen-1" })),
        rabbit(CONSUMER, 1, 3, 1, json!({ "messaging.destination.name": "ex:news:amq.gen-2" })),
    ];
    let told = report(&bound);
    assert_eq!(
        (told_channels(&told), hops(&told, HopKind::Deliver)),
        (vec!["ex:news (rabbitmq)".to_owned()], vec!["ex:news > temporary queues of rabbitmq x2".to_owned()])
    );
    let lasting = [rabbit(CONSUMER, 1, 1, 0, json!({ "messaging.destination.name": "orders", "messaging.destination.temporary": false }))];
    assert_eq!(told_channels(&report(&lasting)), ["orders (rabbitmq)"]);
}
