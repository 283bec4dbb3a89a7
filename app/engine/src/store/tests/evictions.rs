//! Budgets, and the counts of what went.

use switchboard_model::{ItemKind, SourceId, SpanId, TraceId};

use super::batches::{Log, Span, Val, header, log_batch, span_batch};
use crate::store::identity::MAX_COPIES;
use crate::store::{Inserted, Store};

fn unique(first: u64, num: u64) -> Vec<Span> {
    (first..first + num)
        .map(|at| Span {
            trace_id: u128::from(at) << 64 | u128::from(at + 1),
            span_id: at + 1,
            start_ns: at as i64,
            truncated: at % 10 == 0,
            attrs: vec![("a".to_owned(), Val::Str(format!("first {at:030}"))), ("b".to_owned(), Val::Str(format!("second {at:030}")))],
            ..Span::default()
        })
        .collect()
}

#[test]
fn a_flood_of_unique_values_stays_within_the_budget_and_every_span_is_counted() {
    const MEMORY_BYTES: usize = 8 << 20;
    let mut store = Store::new(MEMORY_BYTES);
    let mut inserted = Vec::new();
    let mut most_bytes = 0;
    for request in 0..400_u64 {
        let source = (request % 3) as u32;
        store.insert_spans(&span_batch(header(source, request as i64), &unique(request * 500, 500)), |_| 0, |_| false, &mut inserted);
        let logs: Vec<Log> = (0..100)
            .map(|at| Log {
                time_ns: (request * 100 + at) as i64,
                severity: 9,
                body: Val::Str(format!("log {request} {at} {:060}", 0)),
                trace_id: 0,
                span_id: 0,
                service: String::new(),
                attrs: Vec::new(),
            })
            .collect();
        store.insert_logs(&log_batch(header(source, request as i64), &logs), &mut inserted);
        most_bytes = most_bytes.max(store.size_bytes());
    }
    assert!(most_bytes <= MEMORY_BYTES, "{most_bytes} bytes");
    let spans: Vec<_> = (0..3).map(|source| store.counts_of(SourceId(source), ItemKind::Span)).collect();
    assert!(spans.iter().all(|counts| counts.evicted > 0 && counts.stored > 0));
    assert_eq!(spans.iter().map(|counts| counts.stored + counts.evicted).sum::<u64>(), 400 * 500);
    assert_eq!(spans.iter().map(|counts| counts.truncated).sum::<u64>(), 400 * 50);
    let logs: Vec<_> = (0..3).map(|source| store.counts_of(SourceId(source), ItemKind::Log)).collect();
    assert!(logs.iter().all(|counts| counts.evicted > 0 && counts.duplicate == 0));
    assert_eq!(logs.iter().map(|counts| counts.stored + counts.evicted).sum::<u64>(), 400 * 100);
    let stored: u64 = spans.iter().chain(&logs).map(|counts| counts.stored).sum();
    assert_eq!(store.num_items(), stored);
    assert!(stored > 10_000, "{stored} items fill {most_bytes} bytes");
    let last = 400 * 500 - 1;
    assert_eq!(store.find_span(TraceId(u128::from(last) << 64 | u128::from(last + 1)), SpanId(last + 1)).len(), 1);
    assert!(store.find_span(TraceId(1), SpanId(1)).is_empty());
    assert!(store.oldest_span_ns() > Some(0));
}

#[test]
fn what_was_evicted_may_come_again_as_new() {
    let mut store = Store::new(1 << 20);
    let mut inserted = Vec::new();
    let first = span_batch(header(0, 0), &unique(0, 1));
    store.insert_spans(&first, |_| 0, |_| false, &mut inserted);
    let Inserted::New(at) = inserted[0] else { panic!("{inserted:?}") };
    for request in 1..40 {
        store.insert_spans(&span_batch(header(0, 0), &unique(request * 500, 500)), |_| 0, |_| false, &mut inserted);
    }
    assert!(store.span(at).is_none());
    store.insert_spans(&first, |_| 0, |_| false, &mut inserted);
    assert!(matches!(inserted[0], Inserted::New(_)));
}

#[test]
fn one_item_larger_than_the_budget_is_counted_as_evicted_at_once() {
    let mut store = Store::new(128 << 10);
    let mut inserted = Vec::new();
    let large = Span { attrs: vec![("large".to_owned(), Val::Str("x".repeat(200 << 10)))], ..Span::default() };
    store.insert_spans(&span_batch(header(0, 0), &[large]), |_| 0, |_| false, &mut inserted);
    let counts = store.counts_of(SourceId(0), ItemKind::Span);
    assert_eq!((counts.stored, counts.evicted), (0, 1));
    store.insert_spans(&span_batch(header(0, 0), &unique(0, 10)), |_| 0, |_| false, &mut inserted);
    assert_eq!(store.num_items(), 10);
}

#[test]
fn a_sender_that_uses_one_id_for_all_its_spans_is_kept_and_counted() {
    const NUM: usize = 60_000;
    let mut store = Store::new(4 << 20);
    let mut inserted = Vec::new();
    for request in 0..NUM / 500 {
        let spans: Vec<Span> = (0..500).map(|at| Span { start_ns: (request * 500 + at) as i64, ..Span::default() }).collect();
        store.insert_spans(&span_batch(header(0, 0), &spans), |_| 0, |_| false, &mut inserted);
        if request == 0 {
            assert!(matches!(inserted[0], Inserted::New(_)));
            assert!(inserted[1..].iter().all(|outcome| matches!(outcome, Inserted::Collision(_))));
            assert_eq!(store.find_span(TraceId(1), SpanId(1)).len(), MAX_COPIES);
            assert!(store.trace(TraceId(1)).spans.iter().all(|span| span.collision));
        }
    }
    let counts = store.counts_of(SourceId(0), ItemKind::Span);
    assert_eq!(counts.stored + counts.evicted, NUM as u64);
    assert!(counts.evicted > 0);
}

#[test]
fn one_trace_of_many_spans_is_found_whole() {
    let mut store = Store::new(256 << 20);
    let mut inserted = Vec::new();
    for request in 0..200_u64 {
        let spans: Vec<Span> = (0..500).map(|at| Span { trace_id: 7, span_id: request * 500 + at + 1, ..Span::default() }).collect();
        store.insert_spans(&span_batch(header(0, 0), &spans), |_| 0, |_| false, &mut inserted);
        assert!(inserted.iter().all(|outcome| matches!(outcome, Inserted::New(_))));
    }
    assert_eq!(store.spans_of_trace(TraceId(7)).len(), 100_000);
    assert_eq!(store.find_span(TraceId(7), SpanId(77_777)).len(), 1);
}
