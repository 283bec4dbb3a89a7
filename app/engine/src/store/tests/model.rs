//! The store agrees with a naive one that keeps everything in a list.

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use switchboard_model::{CorrelationId, ItemKind, SourceId, SpanId, SpanKind, SpanStatus, TraceId};

use super::batches::{Pairs, Resource, Span, Val, described, header, span_batch};
use crate::store::memory::is_same_side;
use crate::store::{Inserted, KindCounts, Store, StoredAt};
use crate::view::ConversationItem;

/// What the naive store keeps.
#[derive(Debug)]
struct Kept {
    at: StoredAt,
    source: u32,
    received_ns: i64,
    span: Span,
}

impl Kept {
    fn is_identity(&self, trace_id: u128, span_id: u64) -> bool {
        self.span.span_id == span_id && TraceId(self.span.trace_id).matches(TraceId(trace_id))
    }

    fn ids(&self) -> impl Iterator<Item = CorrelationId> {
        let of_links = self.span.links.iter().flat_map(|(_, _, pairs)| pairs);
        self.span.attrs.iter().chain(of_links).filter(|(key, _)| switchboard_model::is_correlation_name(key)).filter_map(|(_, value)| match value {
            Val::Str(text) => CorrelationId::parse(text.as_bytes()),
            Val::Bytes(bytes) => CorrelationId::parse(bytes),
            Val::I64(number) => CorrelationId::parse(number.to_string().as_bytes()),
            _ => None,
        })
    }
}

#[derive(Clone, Debug)]
struct Request {
    source: u32,
    spans: Vec<Span>,
    /// Rows that the engine folds.
    skip: Vec<bool>,
}

fn trace_ids() -> impl Strategy<Value = u128> {
    // Few, and some of them the 64-bit halves of others.
    prop_oneof![1..4_u128, (1..4_u128, 1..3_u128).prop_map(|(low, high)| high << 64 | low)]
}

fn values() -> impl Strategy<Value = Val> {
    prop_oneof![
        4 => "[ab]{0,2}".prop_map(Val::Str),
        2 => "[a-z]{12}".prop_map(Val::Str),
        1 => any::<i64>().prop_map(Val::I64),
        1 => (0..5_i64).prop_map(Val::I64),
        1 => any::<u64>().prop_map(Val::F64),
        1 => any::<bool>().prop_map(Val::Bool),
        1 => proptest::collection::vec(any::<u8>(), 0..4).prop_map(Val::Bytes),
        1 => "\\[\"[ab]\"\\]".prop_map(Val::List),
    ]
}

fn pairs() -> impl Strategy<Value = Pairs> {
    let key = prop_oneof![Just("http.route"), Just("order.id"), Just("x"), Just("messaging.message.id"), Just("")];
    proptest::collection::vec((key.prop_map(str::to_owned), values()), 0..5)
}

fn spans() -> impl Strategy<Value = Span> {
    let kind = prop_oneof![Just(SpanKind::Server), Just(SpanKind::Client), Just(SpanKind::Consumer), Just(SpanKind::Unspecified)];
    let ids = (trace_ids(), 1..5_u64, 0..2_u64, -1..1_i64);
    let links = proptest::collection::vec((trace_ids(), 1..5_u64, pairs()), 0..3);
    let events = proptest::collection::vec((any::<i64>(), "[ab]{0,2}", pairs()), 0..2);
    let text = || prop_oneof![8 => Just(String::new()), 1 => "[ab]"];
    let texts = (text(), text(), text(), text());
    let status = prop_oneof![8 => Just(SpanStatus::Unset), 1 => Just(SpanStatus::Error)];
    let flags = (status, prop_oneof![8 => Just(0_u32), 1 => any::<u32>()], proptest::bool::weighted(0.1));
    // Mostly alike, so that duplicates are as usual as collisions.
    let content = prop_oneof![
        3 => Just((Vec::new(), Vec::new(), Vec::new())),
        1 => (pairs(), links, events),
    ];
    (ids, kind, content, texts, flags).prop_map(|(ids, kind, content, texts, flags)| Span {
        trace_id: ids.0,
        span_id: ids.1,
        parent: ids.2,
        start_ns: ids.3,
        end_ns: 0,
        name: texts.0,
        kind,
        status: flags.0,
        status_message: String::new(),
        trace_state: texts.1,
        flags: flags.1,
        scope: String::new(),
        resource: Resource { service: texts.2, instance: texts.3, attrs: Vec::new() },
        attrs: content.0,
        links: content.1,
        events: content.2,
        sample_weight: 1.0,
        truncated: flags.2,
    })
}

fn requests() -> impl Strategy<Value = Vec<Request>> {
    let request = (0..3_u32, proptest::collection::vec((spans(), proptest::bool::weighted(0.05)), 1..60)).prop_map(|(source, rows)| {
        let (spans, skip) = rows.into_iter().unzip();
        Request { source, spans, skip }
    });
    proptest::collection::vec(request, 1..14)
}

fn same_content(a: &Span, b: &Span) -> bool {
    *a == Span { trace_id: a.trace_id, ..b.clone() }
}

fn ats<'a>(kept: impl Iterator<Item = &'a Kept>) -> Vec<StoredAt> {
    kept.map(|kept| kept.at).collect()
}

/// Every question gets the answer that the list gives.
fn agree(store: &Store, kept: &[Kept], counts: &HashMap<u32, KindCounts>) {
    for item in kept {
        let stored = store.span(item.at).expect("still stored");
        assert_eq!(described(stored), item.span);
        assert_eq!(
            (stored.source(), stored.received_ns(), stored.service()),
            (SourceId(item.source), item.received_ns, item.span.resource.service.len() as u16)
        );
    }
    for trace_id in [1, 2, 3, 4, 1 << 64 | 1, 2 << 64 | 1, 1 << 64 | 3, 9 << 64 | 2] {
        let of_trace = ats(kept.iter().filter(|item| TraceId(item.span.trace_id).matches(TraceId(trace_id))));
        assert_eq!(store.spans_of_trace(TraceId(trace_id)), of_trace);
        for span_id in 1..6 {
            let copies = ats(kept.iter().filter(|item| item.is_identity(trace_id, span_id)));
            let mut each = Vec::new();
            store.each_span(TraceId(trace_id), SpanId(span_id), |at, span| each.push((at, span.span_id().0)));
            assert_eq!(each, copies.iter().map(|at| (*at, span_id)).collect::<Vec<_>>());
            assert_eq!(store.find_span(TraceId(trace_id), SpanId(span_id)), copies);
            let links_here = |item: &&Kept| item.span.links.iter().any(|link| link.1 == span_id && TraceId(link.0).matches(TraceId(trace_id)));
            assert_eq!(store.linked_by(TraceId(trace_id), SpanId(span_id)), ats(kept.iter().filter(links_here)));
        }
    }
    for id in [&b"a"[..], b"bb", b"3", b"never"] {
        let id = CorrelationId::parse(id).expect("an id");
        let direct: Vec<&Kept> = kept.iter().filter(|item| item.ids().any(|other| other.matches(&id))).collect();
        let mut expected: Vec<i64> = kept
            .iter()
            .filter(|item| direct.iter().any(|one| TraceId(one.span.trace_id).matches(TraceId(item.span.trace_id))))
            .map(|item| item.span.start_ns)
            .collect();
        expected.sort_unstable();
        let found = store.conversation(&id, usize::MAX);
        let starts: Vec<i64> = found
            .iter()
            .map(|item| match item {
                ConversationItem::Span(span) => span.start_ns,
                other => panic!("only spans were stored, not {other:?}"),
            })
            .collect();
        assert_eq!(starts, expected);
        let limit = found.len() / 2;
        assert_eq!(store.conversation(&id, limit).len(), limit);
    }
    for (source, expected) in counts {
        assert_eq!(store.counts_of(SourceId(*source), ItemKind::Span), *expected);
    }
    assert_eq!(store.num_items(), kept.len() as u64);
    assert_eq!(store.oldest_span_ns(), kept.first().map(|item| item.received_ns));
}

fn run(memory_bytes: usize, requests: &[Request]) -> (u64, u64, u64) {
    let mut store = Store::new(memory_bytes);
    let mut kept: Vec<Kept> = Vec::new();
    let mut counts: HashMap<u32, KindCounts> = HashMap::new();
    let mut inserted = Vec::new();
    let mut num_collisions = 0;
    for (time, request) in requests.iter().enumerate() {
        let received_ns = time as i64;
        let batch = span_batch(header(request.source, received_ns), &request.spans);
        let services: Vec<u16> = batch.resources.iter().map(|resource| batch.text.bytes(resource.service_name).len() as u16).collect();
        store.insert_spans(&batch, |resource| services[resource], |row| request.skip[row], &mut inserted);
        assert_eq!(inserted.len(), request.spans.len());
        for ((span, skip), outcome) in request.spans.iter().zip(&request.skip).zip(&inserted) {
            let alike: Vec<&Kept> =
                kept.iter().filter(|item| item.is_identity(span.trace_id, span.span_id) && is_same_side(item.span.kind, span.kind)).collect();
            let same = alike.iter().find(|item| same_content(&item.span, span));
            let counts = counts.entry(request.source).or_default();
            let at = match (outcome, *skip, same, alike.is_empty()) {
                (Inserted::Skipped, true, _, _) => continue,
                (Inserted::Duplicate(at), false, Some(_), _) => {
                    assert!(alike.iter().any(|item| item.at == *at && same_content(&item.span, span)));
                    counts.duplicate += 1;
                    continue;
                }
                (Inserted::New(at), false, None, true) => *at,
                (Inserted::Collision(at), false, None, false) => {
                    num_collisions += 1;
                    *at
                }
                other => panic!("{other:?} for {span:?}"),
            };
            counts.stored += 1;
            counts.truncated += u64::from(span.truncated);
            kept.push(Kept { at, source: request.source, received_ns, span: span.clone() });
        }
        // What went is what came first.
        let num_gone = kept.iter().take_while(|item| store.span(item.at).is_none()).count();
        for gone in kept.drain(..num_gone) {
            let counts = counts.get_mut(&gone.source).expect("counted when it came");
            counts.stored -= 1;
            counts.evicted += 1;
        }
        agree(&store, &kept, &counts);
    }
    (counts.values().map(|counts| counts.evicted).sum(), counts.values().map(|counts| counts.duplicate).sum(), num_collisions)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_a_naive_store(requests in requests(), memory_kib in 32..256_usize) {
        run(memory_kib << 10, &requests);
    }
}

#[test]
fn the_comparison_meets_evictions_duplicates_and_collisions() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = (0, 0, 0);
    for _ in 0..12 {
        let requests = requests().new_tree(&mut runner).expect("a sample").current();
        let (evicted, duplicates, collisions) = run(48 << 10, &requests);
        seen = (seen.0 + evicted, seen.1 + duplicates, seen.2 + collisions);
    }
    assert!(seen.0 > 100 && seen.1 > 20 && seen.2 > 100, "{seen:?}");
}
