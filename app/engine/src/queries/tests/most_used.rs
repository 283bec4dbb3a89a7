//! The request that is asked most, beside what was made up.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use switchboard_model::{SpanKind, SpanStatus};

use crate::queries::MostUsedScan;
use crate::store::Store;
use crate::store::tests::batches::{Resource, Span, Val, header, span_batch};
use crate::view::{Answer, MostUsed, UsedOf};

fn span(id: u64, kind: SpanKind, service: &str, name: &str, attrs: &[(&str, &str)]) -> Span {
    Span {
        trace_id: 1,
        span_id: id,
        kind,
        name: name.to_owned(),
        resource: Resource { service: service.to_owned(), ..Resource::default() },
        attrs: attrs.iter().map(|(key, value)| ((*key).to_owned(), Val::str(value))).collect(),
        ..Span::default()
    }
}

fn served(id: u64, parent: u64, method: &str, route: &str) -> Span {
    Span {
        parent,
        ..span(id, SpanKind::Server, "orders", "x", &[("http.request.method", method), ("http.route", route), ("url.path", &format!("/orders/{id}"))])
    }
}

fn asked(spans: &[Span], callee: &str, caller: Option<&str>, is_rpc: Option<bool>) -> Option<Box<MostUsed>> {
    let mut store = Store::new(64 << 20);
    store.insert_spans(&span_batch(header(1, 7), spans), |_| 2, |_| false, &mut Vec::new());
    let of = UsedOf { callee: callee.to_owned(), caller: caller.map(str::to_owned), is_rpc };
    let scan = MostUsedScan { spans: store.spans.held(), of, addresses: BTreeSet::from(["10.0.0.7:8080".to_owned()]) };
    match scan.run(&AtomicBool::new(false)) {
        Some(Answer::MostUsed(found)) => found,
        other => panic!("nobody cancels it: {other:?}"),
    }
}

fn told(found: Option<Box<MostUsed>>) -> (u64, u64, u64) {
    found.map_or((0, 0, 0), |found| (found.example.span_id.0, found.num, found.num_all))
}

#[test]
fn the_request_that_is_asked_most_has_the_newest_example_that_did_not_fail() {
    let failed = |span: Span| Span { status: SpanStatus::Error, ..span };
    let spans = [
        served(1, 0, "POST", "/orders"),
        failed(served(2, 0, "GET", "/orders/{id}")),
        served(3, 0, "GET", "/orders/{id}"),
        failed(served(4, 0, "GET", "/orders/{id}")),
        served(5, 0, "POST", "/orders"),
        span(6, SpanKind::Server, "orders", "other", &[]),
        span(7, SpanKind::Server, "payments", "x", &[("http.request.method", "GET")]),
    ];
    let found = asked(&spans, "orders", None, None);
    assert_eq!(told(found.clone()), (3, 3, 5), "what asks for nothing is no request, and another service's is none of its");
    let example = found.expect("it is found").example;
    assert_eq!((example.service.as_str(), example.kind), ("orders", SpanKind::Server));
    assert!(example.attributes.contains(&("url.path".to_owned(), "/orders/3".to_owned())));
    assert_eq!(told(asked(&spans[..2], "orders", None, None)), (2, 1, 2), "of equals the last");
    assert_eq!(told(asked(&spans, "nobody", None, None)), (0, 0, 0));
}

#[test]
fn of_an_edge_only_what_its_caller_asks_for_counts() {
    let call = |id: u64, service: &str| span(id, SpanKind::Client, service, "GET", &[("http.request.method", "GET")]);
    let spans = [
        call(10, "bff"),
        call(11, "cron"),
        call(12, "cron"),
        served(1, 10, "POST", "/orders"),
        served(2, 11, "GET", "/orders/{id}"),
        served(3, 12, "GET", "/orders/{id}"),
        // Both halves of a call may bear one id.
        Span { span_id: 10, ..served(4, 0, "POST", "/orders") },
    ];
    assert_eq!(told(asked(&spans, "orders", Some("bff"), None)), (10, 2, 2));
    assert_eq!(told(asked(&spans, "orders", Some("cron"), None)), (3, 2, 2));
    assert_eq!(told(asked(&spans, "orders", None, None)), (10, 2, 4));
}

#[test]
fn rpc_and_http_are_told_apart_and_one_that_sends_no_spans_is_told_by_its_callers() {
    let rpc = |id: u64, kind: SpanKind, method: &str| {
        span(id, kind, "orders", "x", &[("rpc.system", "grpc"), ("rpc.service", "shop.Orders"), ("rpc.method", method)])
    };
    let spans = [rpc(1, SpanKind::Server, "Place"), rpc(2, SpanKind::Server, "Place"), served(3, 0, "GET", "/health"), rpc(4, SpanKind::Server, "Cancel")];
    assert_eq!(told(asked(&spans, "orders", None, Some(true))), (2, 2, 3));
    assert_eq!(told(asked(&spans, "orders", None, Some(false))), (3, 1, 1));
    let call = |id: u64, attrs: &[(&str, &str)]| span(id, SpanKind::Client, "orders", "POST", &[&[("http.request.method", "POST")], attrs].concat());
    let spans = [
        call(1, &[("peer.service", "bank")]),
        call(2, &[("server.address", "10.0.0.7"), ("server.port", "8080"), ("url.full", "http://10.0.0.7:8080/pay")]),
        call(3, &[("peer.service", "elsewhere")]),
    ];
    assert_eq!(told(asked(&spans, "bank", None, None)), (2, 2, 2));
    assert_eq!(told(asked(&spans, "bank", Some("payments"), None)), (0, 0, 0));
}

#[test]
fn more_requests_than_are_told_apart_are_counted() {
    let spans: Vec<Span> = (1..=5_000).map(|id| served(id, 0, "GET", &format!("/{id}"))).chain([served(9_000, 0, "GET", "/1")]).collect();
    assert_eq!(told(asked(&spans, "orders", None, None)), (9_000, 2, 5_001));
    let mut store = Store::new(64 << 20);
    store.insert_spans(&span_batch(header(1, 7), &spans), |_| 2, |_| false, &mut Vec::new());
    let of = UsedOf { callee: "orders".to_owned(), caller: None, is_rpc: None };
    let scan = MostUsedScan { spans: store.spans.held(), of, addresses: BTreeSet::new() };
    assert!(scan.run(&AtomicBool::new(true)).is_none());
}
