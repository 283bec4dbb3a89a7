//! Traces, one row each. The newest are found from the newest arrival back, by the index of traces; what a filter or another
//! order asks for is added up over all spans.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

use hashbrown::HashTable;
use switchboard_model::{TraceId, believed_ns, is_believable_at};

use super::through::{Through, ThroughSegment, longer, part_of};
use crate::extract::{is_late, moment_ns};
use crate::store::{Held, Seed, Segment, SpanRef, SpanSegment, StoredAt};
use crate::view::{Range, TraceFilter, TraceList, TraceOrder, TracePart, TraceRow};

/// Services that a row names.
const MAX_SERVICES: usize = 8;
/// Rows between two looks whether anybody still waits.
const STRIDE: u64 = 4_096;

/// A look for traces.
#[derive(Debug)]
pub(crate) struct TraceScan {
    pub(crate) spans: Held<SpanSegment>,
    pub(crate) seed: Seed,
    pub(crate) filter: TraceFilter,
    /// Addresses at which the second end of [`TraceFilter::through`] is called.
    pub(crate) addresses: BTreeSet<String>,
    /// What spans call the channels that its ends are.
    pub(crate) channels: (BTreeSet<String>, BTreeSet<String>),
    pub(crate) order: TraceOrder,
    pub(crate) limit: usize,
}

/// What is added up of a trace.
#[derive(Debug)]
struct Sum {
    trace_low: u64,
    /// First start that is believed; `i64::MAX` = none is.
    start_ns: i64,
    /// Last end that is believed.
    end_ns: i64,
    /// Whether a span of it has a duration.
    is_timed: bool,
    /// When it counts.
    counted: Counted,
    /// The last of its spans to arrive.
    last: StoredAt,
    is_failed: bool,
    /// A span of it is of the service and the instance that are asked for.
    has_service: bool,
    has_operation: bool,
    /// The longest of what is asked for of it.
    part: Option<TracePart>,
    /// Whether any of that failed.
    is_part_failed: bool,
}

impl Sum {
    /// Of what is asked for, else of the whole.
    fn duration_ns(&self) -> i64 {
        let whole_ns = self.is_timed.then(|| self.end_ns.saturating_sub(self.start_ns));
        self.part.map_or(whole_ns, |part| part.duration_ns).unwrap_or(0)
    }

    fn has_failed(&self) -> bool {
        if self.part.is_some() { self.is_part_failed } else { self.is_failed }
    }

    fn add(&mut self, part: TracePart) {
        self.part = longer(self.part, Some(part));
        self.is_part_failed |= part.is_failed;
    }
}

/// When a trace counts, ns since the Unix epoch.
#[derive(Clone, Copy, Debug)]
struct Counted {
    /// The last moment at which a span of it counts.
    moment_ns: i64,
    /// When the last of its spans arrived.
    arrived_ns: i64,
}

impl Counted {
    /// Figures of a range count what is late at its own moment, those of the last minute when it arrives: it is found by either.
    fn is_in(self, range: Range) -> bool {
        let is_in = |at_ns: i64| (range.from_ns..range.to_ns).contains(&at_ns);
        is_in(self.moment_ns) || (is_in(self.arrived_ns) && is_late(self.moment_ns, self.arrived_ns))
    }
}

impl TraceScan {
    /// Runs to the end, or until `cancelled` is set: then `None`.
    pub(crate) fn run(&self, cancelled: &AtomicBool) -> Option<TraceList> {
        if self.order == TraceOrder::Newest && self.is_walk_short() { self.newest(cancelled) } else { self.all(cancelled) }
    }

    /// Whether nearly every trace from the newest back is one that is asked for, until none is any more.
    fn is_walk_short(&self) -> bool {
        let TraceFilter { service, instance, operation, min_duration_ns, max_duration_ns, failed_only, range, through } = &self.filter;
        let last_arrived_ns = |segment: &SpanSegment| segment.arrivals.runs(segment.num_rows()).map(|(_, arrived_ns)| arrived_ns).max();
        let newest_ns = || self.spans.segments().next_back().and_then(|(_, segment)| last_arrived_ns(segment));
        let is_range_open = range.is_none_or(|range| newest_ns().is_none_or(|newest_ns| newest_ns < range.to_ns));
        let is_any = service.is_none() && instance.is_none() && operation.is_none() && through.is_none();
        is_any && min_duration_ns.is_none() && max_duration_ns.is_none() && !failed_only && is_range_open
    }

    fn newest(&self, cancelled: &AtomicBool) -> Option<TraceList> {
        let mut list = TraceList::default();
        let mut seen: HashSet<u64> = HashSet::new();
        'walk: for (_, segment) in self.spans.segments().rev() {
            for (rows, arrived_ns) in segment.arrivals.runs(segment.num_rows()).rev() {
                // No span counts after it arrived.
                let is_too_old = self.filter.range.is_some_and(|range| arrived_ns < range.from_ns);
                for row in rows.rev() {
                    if list.looked_at_spans.is_multiple_of(STRIDE) && cancelled.load(Ordering::Relaxed) {
                        return None;
                    }
                    list.looked_at_spans += 1;
                    list.oldest_ns = Some(arrived_ns);
                    let trace_low = segment.trace_ids[row] as u64;
                    if is_too_old || trace_low == 0 || !seen.insert(trace_low) {
                        continue;
                    }
                    let (found, counted) = self.row(trace_low);
                    if self.filter.range.is_some_and(|range| !counted.is_in(range)) {
                        continue;
                    }
                    if list.rows.len() >= self.limit {
                        list.is_capped = true;
                        break 'walk;
                    }
                    list.rows.push(found);
                }
            }
        }
        list.matching = list.rows.len() as u64;
        Some(list)
    }

    fn all(&self, cancelled: &AtomicBool) -> Option<TraceList> {
        let mut list = TraceList::default();
        let mut through = self.filter.through.as_ref().map(|ends| Through::new(self.seed, ends, &self.addresses, &self.channels));
        let mut sums = self.sums(&mut list, through.as_mut(), cancelled)?;
        if let Some(through) = through {
            through.passages(|at, part| {
                if part.is_failed || !self.filter.failed_only {
                    sums[at as usize].add(part);
                }
            });
        }
        sums.retain(|sum| self.is_wanted(sum));
        list.matching = sums.len() as u64;
        list.is_capped = sums.len() > self.limit;
        let is_failed_first = self.order == TraceOrder::Failed;
        let rank = |sum: &Sum| match self.order {
            TraceOrder::Slowest => Reverse((sum.duration_ns(), sum.last)),
            TraceOrder::Newest | TraceOrder::Failed => Reverse((i64::from(is_failed_first && sum.has_failed()), sum.last)),
        };
        if list.is_capped && self.limit > 0 {
            sums.select_nth_unstable_by_key(self.limit - 1, rank);
        }
        sums.truncate(self.limit);
        sums.sort_unstable_by_key(rank);
        for sum in &sums {
            if cancelled.load(Ordering::Relaxed) {
                return None;
            }
            let part = sum.part.map(|part| TracePart { is_failed: sum.is_part_failed, ..part });
            list.rows.push(TraceRow { part, ..self.row(sum.trace_low).0 });
        }
        Some(list)
    }

    /// Adds up all traces, in the order of their first spans.
    fn sums(&self, list: &mut TraceList, mut through: Option<&mut Through>, cancelled: &AtomicBool) -> Option<Vec<Sum>> {
        let mut sums: Vec<Sum> = Vec::new();
        let mut table: HashTable<u32> = HashTable::new();
        let mut last = (0, 0);
        let is_of_spans = self.filter.through.is_none() && self.asks_for_part();
        for (number, segment) in self.spans.segments() {
            if cancelled.load(Ordering::Relaxed) {
                return None;
            }
            list.looked_at_spans += segment.num_rows() as u64;
            if list.oldest_ns.is_none() && segment.num_rows() > 0 {
                list.oldest_ns = Some(segment.arrivals.of(0).1);
            }
            let heads = self.heads(segment);
            let passages = through.as_ref().map(|through| ThroughSegment::new(through, segment));
            let arrivals = segment.arrivals.runs(segment.num_rows());
            for (row, arrived_ns) in arrivals.flat_map(|(rows, arrived_ns)| rows.map(move |row| (row, arrived_ns))) {
                let trace_low = segment.trace_ids[row] as u64;
                if trace_low == 0 {
                    continue;
                }
                let at = StoredAt { segment: number, row: row as u16 };
                // Spans of a trace come in runs.
                if last.0 != trace_low {
                    let hash = self.seed.word(trace_low);
                    let known = table.find(hash, |at| sums[*at as usize].trace_low == trace_low).copied();
                    let slot = known.unwrap_or_else(|| {
                        let slot = sums.len() as u32;
                        sums.push(Sum {
                            trace_low,
                            start_ns: i64::MAX,
                            end_ns: i64::MIN,
                            is_timed: false,
                            counted: Counted { moment_ns: i64::MIN, arrived_ns },
                            last: at,
                            is_failed: false,
                            has_service: false,
                            has_operation: false,
                            part: None,
                            is_part_failed: false,
                        });
                        table.insert_unique(hash, slot, |at| self.seed.word(sums[*at as usize].trace_low));
                        slot
                    });
                    last = (trace_low, slot);
                }
                let sum = &mut sums[last.1 as usize];
                let head = heads[segment.head_of[row] as usize];
                let (start_ns, end_ns) = (segment.starts[row], segment.ends[row]);
                let (is_start_believed, is_end_believed) = (is_believable_at(start_ns, arrived_ns), is_believable_at(end_ns, arrived_ns));
                if is_start_believed {
                    sum.start_ns = sum.start_ns.min(start_ns);
                    sum.end_ns = sum.end_ns.max(start_ns);
                }
                if is_end_believed {
                    sum.end_ns = sum.end_ns.max(end_ns);
                }
                sum.is_timed |= is_start_believed && is_end_believed && end_ns >= start_ns;
                sum.counted = Counted { moment_ns: sum.counted.moment_ns.max(moment_ns(start_ns, end_ns, arrived_ns)), arrived_ns };
                sum.last = at;
                sum.is_failed |= head.is_failed;
                sum.has_service |= head.has_service;
                sum.has_operation |= head.has_operation;
                if is_of_spans && head.has_operation && (head.is_failed || !self.filter.failed_only) {
                    sum.add(part_of(SpanRef::new(segment, row), arrived_ns));
                }
                if let (Some(through), Some(passages)) = (&mut through, &passages) {
                    through.add(passages, segment, (row, arrived_ns), last.1);
                }
            }
        }
        Some(sums)
    }

    fn heads(&self, segment: &SpanSegment) -> Vec<Head> {
        let TraceFilter { service, instance, operation, .. } = &self.filter;
        let operation = operation.as_ref().map(|operation| operation.to_lowercase());
        let head = |head| {
            let has_service = service.as_deref().is_none_or(|service| segment.service_name(head) == service)
                && instance.as_deref().is_none_or(|instance| segment.instance(head) == instance);
            Head {
                is_failed: head.has_failed,
                has_service,
                has_operation: has_service && operation.as_ref().is_none_or(|operation| segment.name(head).to_lowercase().contains(operation.as_str())),
            }
        };
        segment.heads.iter().map(head).collect()
    }

    /// Whether durations and failures are those of a part of each trace.
    fn asks_for_part(&self) -> bool {
        let TraceFilter { service, instance, operation, through, .. } = &self.filter;
        service.is_some() || instance.is_some() || operation.is_some() || through.is_some()
    }

    fn is_wanted(&self, sum: &Sum) -> bool {
        let TraceFilter { service, instance, operation, min_duration_ns, max_duration_ns, failed_only, range, .. } = &self.filter;
        ((service.is_none() && instance.is_none()) || sum.has_service)
            && (operation.is_none() || sum.has_operation)
            && min_duration_ns.is_none_or(|least_ns| sum.duration_ns() >= least_ns)
            && max_duration_ns.is_none_or(|most_ns| sum.duration_ns() <= most_ns)
            && (!failed_only || sum.has_failed())
            && range.is_none_or(|range| sum.counted.is_in(range))
            && (sum.part.is_some() || !self.asks_for_part())
    }

    /// A trace as it is listed, and when it counts.
    fn row(&self, trace_low: u64) -> (TraceRow, Counted) {
        let mut places: Vec<Place<'_>> = Vec::new();
        for (number, segment) in self.spans.segments() {
            for row in segment.index.rows_of_trace(trace_low).filter(|row| segment.trace_ids[*row] as u64 == trace_low) {
                places.push(Place::new(SpanRef::new(segment, row), StoredAt { segment: number, row: row as u16 }));
            }
        }
        places.sort_unstable_by_key(|place| (place.began_ns, place.at));
        let mut row = TraceRow { num_spans: places.len() as u32, ..TraceRow::default() };
        let mut counted = Counted { moment_ns: i64::MIN, arrived_ns: i64::MIN };
        let Some(Place { began_ns: start_ns, span: first, .. }) = places.first().copied() else { return (row, counted) };
        let root = places.iter().map(|place| place.span).find(|span| !span.parent_span_id().is_some());
        let mut services: Vec<&str> = Vec::new();
        let (mut end_ns, mut is_timed) = (i64::MIN, false);
        for Place { began_ns, received_ns, span, .. } in places.iter().copied() {
            counted.moment_ns = counted.moment_ns.max(moment_ns(span.start_ns(), span.end_ns(), received_ns));
            is_timed |= part_of(span, received_ns).duration_ns.is_some_and(|took_ns| took_ns >= 0);
            end_ns = end_ns.max(began_ns);
            if is_believable_at(span.end_ns(), received_ns) {
                end_ns = end_ns.max(span.end_ns());
            }
            row.num_errors += u32::from(span.has_failed());
            row.trace_id = row.trace_id.max(TraceId(span.trace_id().0));
            let service = span.service_name();
            if !services.contains(&service) {
                services.push(service);
            }
        }
        row.has_root = root.is_some();
        let root = root.unwrap_or(first);
        root.service_name().clone_into(&mut row.root_service);
        root.name().clone_into(&mut row.root_name);
        row.start_ns = start_ns;
        row.duration_ns = is_timed.then(|| end_ns.saturating_sub(start_ns));
        row.num_services = services.len() as u32;
        row.services = services.into_iter().take(MAX_SERVICES).map(str::to_owned).collect();
        if let Some(last) = places.iter().max_by_key(|place| place.at) {
            counted.arrived_ns = last.received_ns;
        }
        (row, counted)
    }
}

/// A span of a trace that is listed.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// Its start; where that is not believed, its arrival.
    began_ns: i64,
    received_ns: i64,
    at: StoredAt,
    span: SpanRef<'a>,
}

impl<'a> Place<'a> {
    fn new(span: SpanRef<'a>, at: StoredAt) -> Self {
        let received_ns = span.received_ns();
        Self { began_ns: believed_ns(span.start_ns(), received_ns), received_ns, at, span }
    }
}

/// What spans of one head have in common.
#[derive(Clone, Copy)]
struct Head {
    is_failed: bool,
    has_service: bool,
    /// Of the service too, where one is asked for.
    has_operation: bool,
}
