//! Traces beside a list of all spans.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use switchboard_model::{SpanId, SpanKind, SpanStatus, TraceId};

use crate::queries::TraceScan;
use crate::store::Store;
use crate::store::tests::batches::{Resource, Span, Val, header, span_batch};
use crate::view::{Range, TraceFilter, TraceList, TraceOrder, TracePart, TraceRow};

const S: i64 = 1_000_000_000;

/// Where the second end of a passage is called beside its name.
fn addresses() -> BTreeSet<String> {
    BTreeSet::from(["10.0.0.7:8080".to_owned()])
}

fn asked(store: &Store, filter: &TraceFilter, order: TraceOrder, limit: usize) -> TraceList {
    let scan =
        TraceScan { spans: store.spans.held(), seed: store.seed, filter: filter.clone(), addresses: addresses(), channels: Default::default(), order, limit };
    scan.run(&AtomicBool::new(false)).expect("nobody cancels it")
}

/// The rows of all traces of a list of spans, the newest first, each with the number of its last span.
fn naive_rows(spans: &[Span]) -> Vec<(usize, TraceRow)> {
    let mut by_trace: HashMap<u64, Vec<(usize, &Span)>> = HashMap::new();
    for (number, span) in spans.iter().enumerate().filter(|(_, span)| span.trace_id as u64 != 0) {
        by_trace.entry(span.trace_id as u64).or_default().push((number, span));
    }
    let mut rows: Vec<(usize, TraceRow)> = by_trace.into_values().map(naive_row).collect();
    rows.sort_by_key(|(last, _)| std::cmp::Reverse(*last));
    rows
}

fn naive_row(mut spans: Vec<(usize, &Span)>) -> (usize, TraceRow) {
    let last = spans.iter().map(|(number, _)| *number).max().unwrap_or_default();
    spans.sort_by_key(|(number, span)| (span.start_ns, *number));
    let root = spans.iter().find(|(_, span)| span.parent == 0);
    let first = root.unwrap_or(&spans[0]).1;
    let mut services: Vec<String> = Vec::new();
    for (_, span) in &spans {
        if !services.contains(&span.resource.service) {
            services.push(span.resource.service.clone());
        }
    }
    let end_ns = spans.iter().map(|(_, span)| span.end_ns).max().unwrap_or_default();
    let row = TraceRow {
        trace_id: TraceId(spans.iter().map(|(_, span)| span.trace_id).max().unwrap_or_default()),
        root_service: first.resource.service.clone(),
        root_name: first.name.clone(),
        has_root: root.is_some(),
        start_ns: spans[0].1.start_ns,
        duration_ns: Some(end_ns - spans[0].1.start_ns),
        num_spans: spans.len() as u32,
        num_errors: spans.iter().filter(|(_, span)| span.status == SpanStatus::Error).count() as u32,
        num_services: services.len() as u32,
        services: services.into_iter().take(8).collect(),
        part: None,
    };
    (last, row)
}

fn part_of(span: &Span) -> TracePart {
    TracePart { span_id: SpanId(span.span_id), duration_ns: Some(span.end_ns - span.start_ns), is_failed: span.status == SpanStatus::Error }
}

fn rank(part: &TracePart) -> (Option<i64>, bool, u64) {
    (part.duration_ns, part.is_failed, part.span_id.0)
}

fn naive_passages(of_trace: &[&Span], all: &[Span], (from, to): &(String, String)) -> Vec<TracePart> {
    let has = |span: &Span, key: &str, text: &str| span.attrs.iter().any(|(known, value)| known == key && *value == Val::str(text));
    let names = |span: &Span, channel: &str| has(span, "messaging.destination.name", channel);
    let low = |id: u128| id as u64;
    let mut passages = Vec::new();
    for span in of_trace {
        let is_callee = matches!(span.kind, SpanKind::Server | SpanKind::Consumer);
        let rests_on = |caller: &Span| {
            let is_parent = span.parent != 0 && span.parent == caller.span_id && low(span.trace_id) == low(caller.trace_id);
            let is_half = is_callee
                && matches!(caller.kind, SpanKind::Client | SpanKind::Producer)
                && (span.span_id, low(span.trace_id)) == (caller.span_id, low(caller.trace_id));
            is_parent || is_half || span.links.iter().any(|(trace_id, span_id, _)| (low(*trace_id), *span_id) == (low(caller.trace_id), caller.span_id))
        };
        let calls_it = span.resource.service == *from
            && span.kind == SpanKind::Client
            && (has(span, "peer.service", to) || (has(span, "server.address", "10.0.0.7") && has(span, "server.port", "8080")));
        if calls_it || (span.resource.service == *from && names(span, to)) || (span.resource.service == *to && names(span, from)) {
            passages.push(part_of(span));
        }
        if span.resource.service != *to || !(is_callee || from != to) {
            continue;
        }
        // A span without a trace is nobody's caller, and a link to none leads nowhere.
        let callers: Vec<&Span> = all.iter().filter(|caller| low(caller.trace_id) != 0 && caller.resource.service == *from).collect();
        for caller in callers.iter().filter(|caller| rests_on(caller)) {
            // Of several spans with one id, the longest that calls.
            let same = callers.iter().filter(|other| (low(other.trace_id), other.span_id) == (low(caller.trace_id), caller.span_id));
            let call = same.filter(|other| other.kind == SpanKind::Client).map(|other| part_of(other)).max_by_key(rank);
            let seen = call.unwrap_or_else(|| part_of(span));
            passages.push(TracePart { is_failed: seen.is_failed || span.status == SpanStatus::Error, ..seen });
        }
    }
    passages
}

/// The part that is asked for; `None` = the whole.
fn naive_parts(of_trace: &[&Span], all: &[Span], filter: &TraceFilter) -> Option<Vec<TracePart>> {
    let TraceFilter { service, instance, operation, through, .. } = filter;
    if let Some(through) = through {
        return Some(naive_passages(of_trace, all, through));
    }
    let is_asked_for = |span: &&&Span| {
        service.as_ref().is_none_or(|service| *service == span.resource.service)
            && instance.as_ref().is_none_or(|instance| *instance == span.resource.instance)
            && operation.as_ref().is_none_or(|operation| span.name.to_lowercase().contains(&operation.to_lowercase()))
    };
    (service.is_some() || instance.is_some() || operation.is_some()).then(|| of_trace.iter().filter(is_asked_for).map(|span| part_of(span)).collect())
}

/// Whether a trace is of a range, by its spans and when each of them arrived: at its last end, if that is near enough to the arrival,
/// else at the arrival. What came more than five buckets of 10 s late is of that arrival too.
fn is_naively_in(of_trace: &[(&Span, i64)], range: Range) -> bool {
    let counts = |(span, arrived_ns): &(&Span, i64)| {
        let is_believed = span.end_ns >= arrived_ns - 15 * 60 * S && span.end_ns <= arrived_ns + 60 * S;
        if is_believed { span.end_ns.min(*arrived_ns) } else { *arrived_ns }
    };
    let last_ns = of_trace.iter().map(counts).max().unwrap_or_default();
    let arrived_ns = of_trace.last().map_or(0, |(_, arrived_ns)| *arrived_ns);
    let is_late = arrived_ns.div_euclid(10 * S) > last_ns.div_euclid(10 * S) + 5;
    let is_in = |at_ns: i64| at_ns >= range.from_ns && at_ns < range.to_ns;
    is_in(last_ns) || (is_late && is_in(arrived_ns))
}

fn naive((spans, arrivals): &(Vec<Span>, Vec<i64>), filter: &TraceFilter, order: TraceOrder) -> Vec<TraceRow> {
    let mut rows = naive_rows(spans);
    rows.retain_mut(|(_, row)| {
        let is_of_trace = |trace_id: u128| trace_id as u64 == row.trace_id.low();
        let of_trace: Vec<&Span> = spans.iter().filter(|span| is_of_trace(span.trace_id)).collect();
        let arrived: Vec<(&Span, i64)> = spans.iter().zip(arrivals.iter().copied()).filter(|(span, _)| is_of_trace(span.trace_id)).collect();
        let of_service = |span: &&&Span| {
            filter.service.as_ref().is_none_or(|service| *service == span.resource.service)
                && filter.instance.as_ref().is_none_or(|instance| *instance == span.resource.instance)
        };
        let has_operation = |operation: &String| of_trace.iter().filter(of_service).any(|span| span.name.to_lowercase().contains(&operation.to_lowercase()));
        let parts = naive_parts(&of_trace, spans, filter);
        if let Some(parts) = &parts {
            let is_failed = parts.iter().any(|part| part.is_failed);
            let shown = parts.iter().filter(|part| part.is_failed || !filter.failed_only).max_by_key(|part| rank(part));
            row.part = shown.map(|part| TracePart { is_failed, ..*part });
        }
        of_trace.iter().any(|span| of_service(&span))
            && filter.operation.as_ref().is_none_or(has_operation)
            && (parts.is_none() || row.part.is_some())
            && filter.min_duration_ns.is_none_or(|least_ns| duration_ns(row) >= least_ns)
            && filter.max_duration_ns.is_none_or(|most_ns| duration_ns(row) <= most_ns)
            && (!filter.failed_only || has_failed(row))
            && filter.range.is_none_or(|range| is_naively_in(&arrived, range))
    });
    match order {
        TraceOrder::Newest => {}
        TraceOrder::Slowest => rows.sort_by_key(|(last, row)| std::cmp::Reverse((duration_ns(row), *last))),
        TraceOrder::Failed => rows.sort_by_key(|(last, row)| std::cmp::Reverse((has_failed(row), *last))),
    }
    rows.into_iter().map(|(_, row)| row).collect()
}

fn duration_ns(row: &TraceRow) -> i64 {
    row.part.map_or(row.duration_ns, |part| part.duration_ns).unwrap_or(0)
}

fn has_failed(row: &TraceRow) -> bool {
    row.part.map_or(row.num_errors > 0, |part| part.is_failed)
}

/// Batches that arrive every 20 s; what is kept of them, and when each arrived.
fn stored(batches: &[Vec<Span>]) -> (Store, (Vec<Span>, Vec<i64>)) {
    let mut store = Store::new(64 << 10);
    let mut inserted = Vec::new();
    let (mut all, mut arrivals) = (Vec::new(), Vec::new());
    for (number, spans) in batches.iter().enumerate() {
        let arrived_ns = number as i64 * 20 * S;
        store.insert_spans(&span_batch(header(1, arrived_ns), spans), |_| 2, |_| false, &mut inserted);
        all.extend(spans.iter().cloned());
        arrivals.extend(spans.iter().map(|_| arrived_ns));
    }
    // What went is what came first.
    let num_gone = all.len() - store.num_items() as usize;
    (store, (all.split_off(num_gone), arrivals.split_off(num_gone)))
}

/// What spans name: nothing, a channel, whom they call.
const ATTRIBUTES: [&[(&str, &str)]; 7] = [
    &[],
    &[],
    &[("messaging.destination.name", "b")],
    &[("messaging.destination.name", "t")],
    &[("peer.service", "b")],
    &[("server.address", "10.0.0.7"), ("server.port", "8080")],
    &[("server.address", "10.0.0.8"), ("server.port", "8080")],
];

fn span() -> impl Strategy<Value = Span> {
    let kind = prop_oneof![Just(SpanKind::Server), Just(SpanKind::Client), Just(SpanKind::Internal), Just(SpanKind::Consumer), Just(SpanKind::Producer)];
    let ids = (0..30_u128, 0..3_u128, 1..6_u64, 0..4_u64);
    // Most are near their arrival; some are of a clock that is off.
    let times = (prop_oneof![5 => 0..200_i64, 1 => -2_000..2_000_i64], 0..90_i64);
    let names = ("[abc]", prop_oneof![Just("GET /Orders"), Just("pay"), Just("")], proptest::sample::select(ATTRIBUTES.to_vec()), 1..4_u8);
    let links = proptest::collection::vec((0..30_u128, 1..6_u64), 0..2);
    (ids, kind, times, names, links, proptest::bool::weighted(0.2)).prop_map(|(ids, kind, times, names, links, failed)| Span {
        // Widths are mixed: of some only the low half was sent.
        trace_id: if ids.1 == 0 { ids.0 } else { ids.0 | ids.1 << 64 },
        span_id: ids.2,
        parent: ids.3,
        start_ns: times.0 * S,
        end_ns: (times.0 + times.1) * S,
        name: names.1.to_owned(),
        kind,
        status: if failed { SpanStatus::Error } else { SpanStatus::Unset },
        resource: Resource { service: names.0, instance: names.3.to_string(), ..Resource::default() },
        attrs: names.2.iter().map(|(key, value)| ((*key).to_owned(), Val::str(value))).collect(),
        links: links.into_iter().map(|(trace_id, span_id)| (trace_id, span_id, Vec::new())).collect(),
        ..Span::default()
    })
}

fn filters() -> impl Strategy<Value = TraceFilter> {
    let service = proptest::option::weighted(0.3, "[abcd]");
    let instance = proptest::option::weighted(0.2, "[12]");
    let operation = proptest::option::weighted(0.3, prop_oneof![Just("orders".to_owned()), Just("PAY".to_owned()), Just("none".to_owned())]);
    let seconds = |of: std::ops::Range<i64>| of.prop_map(|s| s * S);
    let durations = (proptest::option::weighted(0.2, seconds(0..100)), proptest::option::weighted(0.2, seconds(0..150)));
    let range = (seconds(0..220), seconds(0..250)).prop_map(|(from_ns, length_ns)| Range { from_ns, to_ns: from_ns + length_ns });
    let range = proptest::option::weighted(0.4, range);
    let through = proptest::option::weighted(0.3, ("[abt]", "[abt]"));
    let all = (service, instance, operation, durations, range, through, proptest::bool::weighted(0.2));
    all.prop_map(|(service, instance, operation, durations, range, through, failed_only)| TraceFilter {
        service,
        instance,
        operation,
        min_duration_ns: durations.0,
        max_duration_ns: durations.1,
        failed_only,
        range,
        through,
    })
}

/// Spans differ in something each, so that none is a duplicate.
fn distinct(batches: Vec<Vec<Span>>) -> Vec<Vec<Span>> {
    let mut number = 0;
    let mut each = |mut span: Span| {
        number += 1;
        span.flags = number;
        span
    };
    batches.into_iter().map(|spans| spans.into_iter().map(&mut each).collect()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lists_what_a_naive_list_has(batches in proptest::collection::vec(proptest::collection::vec(span(), 1..60), 1..12), filter in filters(), limit in 0..40_usize) {
        let (store, kept) = stored(&distinct(batches));
        for filter in [&filter, &TraceFilter { range: filter.range, ..TraceFilter::default() }, &TraceFilter::default()] {
            for order in [TraceOrder::Newest, TraceOrder::Slowest, TraceOrder::Failed] {
                let expected = naive(&kept, filter, order);
                let list = asked(&store, filter, order, limit);
                prop_assert_eq!(&list.rows, &expected[..limit.min(expected.len())], "{:?} {:?}", filter, order);
                prop_assert_eq!(list.is_capped, expected.len() > limit);
                let is_whole = list.matching == expected.len() as u64;
                prop_assert!(is_whole || (order == TraceOrder::Newest && list.is_capped && list.matching == limit as u64));
                prop_assert!(list.looked_at_spans <= kept.0.len() as u64);
            }
        }
    }
}

#[test]
fn the_comparison_meets_evictions_passages_and_every_filter() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut met: HashSet<&str> = HashSet::new();
    for _ in 0..60 {
        let batches = proptest::collection::vec(proptest::collection::vec(span(), 30..60), 12).new_tree(&mut runner).expect("a sample").current();
        let filter = filters().new_tree(&mut runner).expect("a sample").current();
        let num_spans: usize = batches.iter().map(Vec::len).sum();
        let (store, kept) = stored(&distinct(batches));
        let (all, found) = (naive_rows(&kept.0).len(), naive(&kept, &filter, TraceOrder::Newest).len());
        let is_selective = found > 0 && found < all;
        let TraceFilter { service, operation, range, through, .. } = &filter;
        met.extend((kept.0.len() < num_spans).then_some("evictions"));
        met.extend((is_selective && through.is_some()).then_some("through"));
        met.extend((is_selective && service.is_some()).then_some("service"));
        met.extend((is_selective && operation.is_some()).then_some("operation"));
        met.extend((is_selective && range.is_some()).then_some("range"));
        met.extend((store.spans.segments().count() > 2).then_some("segments"));
    }
    assert_eq!(met.len(), 6, "{met:?}");
}

#[test]
fn the_newest_are_found_without_a_look_at_the_rest() {
    let spans: Vec<Span> = (0..20_000).map(|number| Span { trace_id: number / 10 + 1, span_id: number as u64 + 1, ..Span::default() }).collect();
    let mut store = Store::new(64 << 20);
    store.insert_spans(&span_batch(header(1, 7), &spans), |_| 2, |_| false, &mut Vec::new());
    let list = asked(&store, &TraceFilter::default(), TraceOrder::Newest, 20);
    assert_eq!((list.rows.len(), list.looked_at_spans, list.is_capped, list.oldest_ns), (20, 201, true, Some(7)));
    assert_eq!((list.rows[0].trace_id, list.rows[0].num_spans), (TraceId(2_000), 10));
}

#[test]
fn a_cancelled_look_ends_without_an_answer() {
    let spans: Vec<Span> = (0..1_000).map(|number| Span { trace_id: number + 1, ..Span::default() }).collect();
    let mut store = Store::new(64 << 20);
    store.insert_spans(&span_batch(header(1, 7), &spans), |_| 2, |_| false, &mut Vec::new());
    for order in [TraceOrder::Newest, TraceOrder::Slowest] {
        let scan = TraceScan {
            spans: store.spans.held(),
            seed: store.seed,
            filter: TraceFilter::default(),
            addresses: BTreeSet::new(),
            channels: Default::default(),
            order,
            limit: 10,
        };
        assert_eq!(scan.run(&AtomicBool::new(true)), None);
    }
}
