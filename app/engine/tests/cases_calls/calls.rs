//! Whether a call failed, who is called, what is one call.

use serde_json::{Value, json};
use switchboard_engine::view::{HopKind, NodeKind};

use crate::wire::{self, CLIENT, INTERNAL, SERVER, Wire, ended, hops, received, report, row, rows, span, statuses};

fn client(attrs: Value) -> Wire {
    span("shop", CLIENT, 1, 1, 0).with(json!({ "server.address": "payments", "server.port": 8080 })).with(attrs)
}

fn server(attrs: Value) -> Wire {
    span("payments", SERVER, 1, 1, 0).with(attrs)
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
