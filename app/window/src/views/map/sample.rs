//! What an engine would answer about the made-up order business, for tests and pictures of the side panel.

use switchboard_engine::view::{
    Answer, GroupDetail, History, HistoryBucket, HistoryOf, LagPoint, LagVerdict, LogView, PartitionLag, PointQuery, Query, ScanQuery, Snapshot, StatusClass,
    StatusCount, StatusCounts, TraceList, TraceOrder, TraceRow,
};
use switchboard_model::{SpanId, TraceId};

use crate::testing::NOW_NS;

const SECOND_NS: i64 = 1_000_000_000;
const MS_NS: i64 = 1_000_000;

/// Answers a question about the business; `None` for what the panel does not ask.
pub(crate) fn answer(business: &Snapshot, query: &Query) -> Option<Answer> {
    match query {
        Query::Point(PointQuery::History { of, range }) => {
            let before_ns = range.from_ns - (range.to_ns - range.from_ns);
            let starts = (before_ns.max(business.started_ns)..range.to_ns).step_by(10 * SECOND_NS as usize);
            let last_ns = range.to_ns - 60 * SECOND_NS;
            Some(Answer::History(history(starts.map(|start_ns| bucket(*of, start_ns, start_ns >= last_ns)).collect(), range.from_ns)))
        }
        Query::Point(PointQuery::Statuses { .. }) => Some(Answer::Statuses(statuses())),
        Query::Scan(ScanQuery::Traces { filter, order, limit }) => Some(Answer::Traces(traces(filter.failed_only, *order, *limit))),
        Query::Point(PointQuery::Group { group, topic, .. }) => {
            let view = business.groups.iter().find(|known| known.group == *group && known.topic == *topic)?;
            Some(Answer::Group(Some(Box::new(GroupDetail {
                view: view.clone(),
                partitions: partitions(),
                history: readings(),
                others: vec!["fraud".to_owned()],
            }))))
        }
        Query::Scan(ScanQuery::Logs { .. }) => Some(Answer::Logs(vec![log()])),
        _ => None,
    }
}

/// What an engine makes of such buckets for a range that begins there; its percentiles are those of the worst bucket here.
pub(crate) fn history(buckets: Vec<HistoryBucket>, from_ns: i64) -> History {
    let whole = |of: &[HistoryBucket]| {
        of.iter().fold(HistoryBucket::default(), |whole, bucket| HistoryBucket {
            start_ns: whole.start_ns.min(bucket.start_ns),
            known_ns: whole.known_ns + bucket.known_ns,
            calls: whole.calls + bucket.calls,
            errors: whole.errors + bucket.errors,
            p50_ns: whole.p50_ns.max(bucket.p50_ns),
            p95_ns: whole.p95_ns.max(bucket.p95_ns),
        })
    };
    let (before, now) = buckets.split_at(buckets.partition_point(|bucket| bucket.start_ns < from_ns));
    History { now: whole(now), before: whole(before), buckets }
}

fn bucket(of: HistoryOf, start_ns: i64, is_late: bool) -> HistoryBucket {
    let wave = start_ns / (10 * SECOND_NS) % 3;
    let (calls, errors, p95_ms) = match (of, is_late) {
        (HistoryOf::Callee(_), true) => (230, 5, 41),
        (HistoryOf::Callee(_), false) => (330, 1, 38),
        (_, true) => (310 - wave as u64, 38, 1_900 + wave * 80),
        (_, false) => (420 + wave as u64 * 5, 1, 140 + wave * 4),
    };
    HistoryBucket { start_ns, known_ns: 10 * SECOND_NS, calls, errors, p50_ns: Some(p95_ms * MS_NS / 4), p95_ns: Some(p95_ms * MS_NS) }
}

fn statuses() -> StatusCounts {
    let row = |status: &str, class: StatusClass, count: u64| StatusCount { status: status.to_owned(), class, count };
    StatusCounts {
        rows: vec![
            row("200", StatusClass::Success, 1_136),
            row("java.net.SocketTimeoutException", StatusClass::Failure, 121),
            row("503", StatusClass::Failure, 41),
            row("409", StatusClass::Rejection, 8),
        ],
        not_told: 0,
    }
}

fn traces(failed_only: bool, order: TraceOrder, limit: usize) -> TraceList {
    let row = |n: u64| TraceRow {
        trace_id: TraceId(0x7c1f_90ab_0000_0000_0000_0000_0000_a900 + u128::from(n)),
        root_service: "storefront".to_owned(),
        root_name: "POST /orders".to_owned(),
        has_root: true,
        start_ns: NOW_NS - n as i64 * 2 * SECOND_NS,
        duration_ns: Some(if order == TraceOrder::Slowest { (2_103 - n as i64 * 90) * MS_NS } else { 2_003 * MS_NS }),
        num_spans: 14,
        num_errors: u32::from(failed_only) * 2,
        services: vec!["storefront".to_owned(), "orders".to_owned()],
        num_services: 2,
        part: None,
    };
    TraceList { rows: (1..=limit as u64).map(row).collect(), matching: 162, ..TraceList::default() }
}

fn partitions() -> Vec<PartitionLag> {
    let row = |(partition, lag, owner): (i32, u64, Option<&str>)| PartitionLag {
        partition,
        low: Some(0),
        end: Some(9_000),
        committed: Some(9_000 - lag as i64),
        lag: Some(lag),
        member_id: owner.map(str::to_owned),
        committed_ns: Some(NOW_NS - 4 * SECOND_NS),
        verdict: if lag > 1_000 { LagVerdict::Growing } else { LagVerdict::Ok },
    };
    [(0, 80, Some("inventory-0")), (1, 64, Some("inventory-0")), (2, 1_020, Some("inventory-1")), (3, 40, None)].map(row).to_vec()
}

fn readings() -> Vec<LagPoint> {
    let point = |step: u64| LagPoint {
        at_ns: NOW_NS - (30 - step as i64) * 5 * SECOND_NS,
        lag: Some(600 + step * 20),
        committed: Some(30_000 + step * 40),
        end: Some(30_600 + step * 60),
    };
    (0..=30).map(point).collect()
}

fn log() -> LogView {
    LogView {
        time_ns: NOW_NS - 3 * SECOND_NS,
        received_ns: NOW_NS - 2 * SECOND_NS,
        severity: 17,
        service: "orders".to_owned(),
        instance: Some("orders-1".to_owned()),
        body: "payment of order 4711 timed out after 2 s".to_owned(),
        trace_id: TraceId(7),
        span_id: SpanId(8),
        ..LogView::default()
    }
}
