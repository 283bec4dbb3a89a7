//! Searching by attribute.

use std::sync::atomic::AtomicBool;

use super::batches::{Span, Val, header, span_batch};
use crate::store::{Inserted, Store, StoredAt};

fn filled() -> (Store, Vec<StoredAt>) {
    let mut store = Store::new(256 << 20);
    let mut places = Vec::new();
    let mut inserted = Vec::new();
    for request in 0..60_u64 {
        let spans: Vec<Span> = (request * 500..request * 500 + 500)
            .map(|at| Span {
                span_id: at + 1,
                attrs: vec![
                    ("http.method".to_owned(), Val::str(["GET", "POST", "PUT"][at as usize % 3])),
                    ("customer".to_owned(), Val::Str(format!("customer-{at}"))),
                    ("http.status_code".to_owned(), Val::I64(200 + (at % 400) as i64)),
                    ("ratio".to_owned(), Val::F64((at as f64 / 2.0).to_bits())),
                    ("flag".to_owned(), Val::Bool(at % 2 == 0)),
                    ("raw".to_owned(), Val::Bytes(at.to_be_bytes().to_vec())),
                ],
                ..Span::default()
            })
            .collect();
        store.insert_spans(&span_batch(header(0, 0), &spans), |_| 0, |_| false, &mut inserted);
        places.extend(inserted.iter().map(|outcome| match outcome {
            Inserted::New(at) => *at,
            other => panic!("{other:?}"),
        }));
    }
    (store, places)
}

fn found(store: &Store, key: &str, value: &str, limit: usize) -> Vec<StoredAt> {
    store.attribute_scan(key, value, limit).run(&AtomicBool::new(false))
}

#[test]
fn finds_values_of_every_type_by_raw_and_current_name_newest_first() {
    let (store, places) = filled();
    let newest = |is_wanted: &dyn Fn(usize) -> bool| -> Vec<StoredAt> { (0..places.len()).rev().filter(|at| is_wanted(*at)).map(|at| places[at]).collect() };
    let posts = newest(&|at| at % 3 == 1);
    assert_eq!(found(&store, "http.method", "POST", usize::MAX), posts);
    assert_eq!(found(&store, "http.request.method", "POST", 30), posts[..30]);
    for at in [0, 14_335, 14_336, 29_999] {
        assert_eq!(found(&store, "customer", &format!("customer-{at}"), 10), [places[at]]);
        assert_eq!(found(&store, "ratio", &(at as f64 / 2.0).to_string(), 10), [places[at]]);
        assert_eq!(found(&store, "raw", &format!("{at:016x}"), 10), [places[at]]);
    }
    assert_eq!(found(&store, "http.response.status_code", "250", usize::MAX), newest(&|at| at % 400 == 50));
    assert_eq!(found(&store, "flag", "true", 7), newest(&|at| at % 2 == 0)[..7]);
    for (key, value) in [("customer", "customer"), ("customer", ""), ("nothing", "POST"), ("http.method", "customer-3"), ("flag", "1"), ("", "POST")] {
        assert!(found(&store, key, value, 10).is_empty(), "{key}={value}");
    }
    assert!(found(&store, "http.method", "POST", 0).is_empty());
}

#[test]
fn finds_what_is_word_here_raw_there_and_twice_in_one_span() {
    let mut store = Store::new(64 << 20);
    let mut inserted = Vec::new();
    let tag = |value: String| ("tag".to_owned(), Val::Str(value));
    for at in 0..2_000_u64 {
        let value = if at % 100 == 7 { "wanted".to_owned() } else { format!("unique {at}") };
        let attrs = if at % 200 == 7 { vec![tag(format!("before {at}")), tag(value)] } else { vec![tag(value)] };
        store.insert_spans(&span_batch(header(0, 0), &[Span { span_id: at + 1, attrs, ..Span::default() }]), |_| 0, |_| false, &mut inserted);
    }
    let spans: Vec<u64> = found(&store, "tag", "wanted", usize::MAX).iter().map(|at| store.span(*at).expect("stored").span_id().0).collect();
    assert_eq!(spans, (0..20).rev().map(|at| at * 100 + 8).collect::<Vec<u64>>());
}

#[test]
fn a_cancelled_search_ends_with_what_it_has() {
    let (store, _) = filled();
    let all = found(&store, "http.method", "GET", usize::MAX).len();
    let cancelled = store.attribute_scan("http.method", "GET", usize::MAX).run(&AtomicBool::new(true)).len();
    assert!(cancelled < all, "{cancelled} of {all}");
}

#[test]
fn a_search_runs_on_another_thread_while_spans_come_and_go() {
    let (mut store, places) = filled();
    let scan = store.attribute_scan("customer", "customer-5", 10);
    let search = std::thread::spawn(move || scan.run(&AtomicBool::new(false)));
    let mut inserted = Vec::new();
    for at in 0..2_000_u64 {
        store.insert_spans(&span_batch(header(0, 0), &[Span { trace_id: 2, span_id: at + 1, ..Span::default() }]), |_| 0, |_| false, &mut inserted);
    }
    let found = search.join().expect("no panic");
    assert_eq!(found, [places[5]]);
    assert_eq!(store.span_views(&found).len(), 1);
}
