//! A request out of what was seen, and what is said of what is not known.

use switchboard_engine::view::{Answer as EngineAnswer, MostUsed, Query, ScanQuery, SpanView, UsedOf};

use super::*;
use crate::view::Begun;

fn span(pairs: &[(&str, &str)]) -> SpanView {
    SpanView { attributes: pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(), ..SpanView::default() }
}

fn of_orders() -> UsedOf {
    UsedOf { callee: "orders".to_owned(), caller: None, is_rpc: None }
}

fn of_a_box() -> Begun {
    Begun { most_used: Some(of_orders()), ..Begun::from(Draft { name: String::new(), request: Request::Http(HttpDraft::default()) }) }
}

/// Answers what is asked most, once it is asked that.
fn answering(source: &FixedSource, found: Option<MostUsed>) {
    source.answer_with(move |query| match query {
        Query::Scan(ScanQuery::MostUsed(of)) if *of == of_orders() => Some(EngineAnswer::MostUsed(found.clone().map(Box::new))),
        query => sample::answer(query),
    });
}

#[test]
fn what_is_asked_most_takes_the_place_of_a_guess_and_is_sent_with_the_values_of_a_call() {
    let (source, mut harness) = open(SendBoard { sent: Vec::new(), ..sample::board() });
    let example = span(&[
        ("http.request.method", "POST"),
        ("http.route", "/orders/{orderId}/ship"),
        ("url.path", "/orders/4711/ship"),
        ("server.address", "orders"),
        ("server.port", "8080"),
        ("http.request.header.x-tenant", "[\"shop\"]"),
    ]);
    answering(&source, Some(MostUsed { example, num: 12, num_all: 40 }));
    goto(&mut harness, &Target::Begun(Box::new(of_a_box())));
    assert_eq!(value(&harness, Role::TextInput, "URL"), "http://orders:8080/orders/{{orderId}}/ship");
    harness.get_by_label("What orders is asked most: 12 of 40 calls that are stored");
    harness.get_by_label_contains("{{orderId}} is 4711, as in the last such call");
    harness.get_by_label_contains("The body is unknown: spans do not carry it");
    ctrl(&mut harness, Key::Enter);
    let ask = sent(&source);
    assert_eq!(ask.given.get("orderId").map(String::as_str), Some("4711"));
    assert_eq!((http(&ask).method.as_str(), http(&ask).headers), ("POST", vec![Pair::new("x-tenant", "shop")]));
    // Once a body is written it is known.
    ctrl(&mut harness, Key::B);
    harness.event(Event::Text("{}".to_owned()));
    settle(&mut harness);
    assert!(harness.query_by_label_contains("The body is unknown").is_none());
    harness.get_by_label("What orders is asked most: 12 of 40 calls that are stored");
    ctrl(&mut harness, Key::Enter);
    assert_eq!(http(&sent(&source)).body, Body::Json("{}".to_owned()));
    run(&mut harness, UiCommand::NewRequest);
    assert!(harness.query_by_label_contains("What orders is asked most").is_none());
}

#[test]
fn where_no_call_was_seen_it_says_so_and_what_was_written_meanwhile_stays() {
    let (source, mut harness) = open(SendBoard { sent: Vec::new(), ..sample::board() });
    answering(&source, None);
    goto(&mut harness, &Target::Begun(Box::new(of_a_box())));
    harness.get_by_label("No call of orders is stored, so what it is asked is not known: write its address, method and path");
    let (source, mut harness) = open(SendBoard { sent: Vec::new(), ..sample::board() });
    goto(&mut harness, &Target::Begun(Box::new(of_a_box())));
    harness.event(Event::Text("http://mine/".to_owned()));
    settle(&mut harness);
    answering(&source, Some(MostUsed { example: span(&[("http.request.method", "POST")]), num: 1, num_all: 1 }));
    source.publish(testing::order_business());
    settle(&mut harness);
    assert_eq!(value(&harness, Role::TextInput, "URL"), "http://mine/");
}

#[test]
fn a_span_and_a_record_that_is_not_whole_say_what_is_missing() {
    let (_, mut harness) = open(SendBoard { sent: Vec::new(), ..sample::board() });
    let begun = Begun { unknown: Some("Key, value and headers were not taken over: the record holds secrets".to_owned()), ..Begun::from(sample::placed()) };
    goto(&mut harness, &Target::Begun(Box::new(begun)));
    harness.get_by_label_contains("the record holds secrets");
    goto(&mut harness, &Target::Draft(Box::new(sample::placed())));
    assert!(harness.query_by_label_contains("the record holds secrets").is_none());
}
