//! Figures of one node or edge over time, as they are asked for.

use crate::chart::{Chart, MAX_HISTORY, bucket_of_any};
use crate::figures::{BUCKET_NS, RowId, bucket_of};
use crate::flow::{Flow, Scope, statuses_of};
use crate::view::{EdgeId, History, HistoryBucket, HistoryOf, HopKind, Range, StatusCounts};

impl Chart {
    /// Counts and durations of a node or an edge over a range and as long before it, whole and bucket by bucket.
    pub(crate) fn history(&mut self, flow: &Flow, of: HistoryOf, range: Range, now_ns: i64) -> History {
        self.follow_rows(flow);
        let Some((counted, timed)) = self.rows_of(of) else { return History::default() };
        let (counted, timed) = (counted.to_vec(), timed.to_vec());
        let length_ns = range.to_ns.saturating_sub(range.from_ns);
        let earlier = Range { from_ns: range.from_ns.saturating_sub(length_ns), to_ns: range.from_ns };
        let ((from, to), (before_from, before_to)) = (self.kept_of(flow, range, now_ns), self.kept_of(flow, earlier, now_ns));
        let started_ns = self.started_ns;
        let mut sum = |from: i32, to: i32| {
            let (start_ns, end_ns) = (i64::from(from).saturating_mul(BUCKET_NS), i64::from(to).saturating_mul(BUCKET_NS));
            if from >= to {
                return HistoryBucket { start_ns, ..HistoryBucket::default() };
            }
            let summary = self.summaries.of(&flow.rows, &counted, &timed, Scope::Buckets(from, to));
            HistoryBucket {
                start_ns,
                known_ns: end_ns.min(now_ns).saturating_sub(start_ns.max(started_ns)).max(0),
                calls: summary.counts.calls,
                errors: summary.counts.errors,
                p50_ns: summary.p50_ns,
                p95_ns: summary.p95_ns,
            }
        };
        let buckets = (before_from.min(from)..to).map(|bucket| sum(bucket, bucket + 1)).collect();
        // A bucket in which both meet belongs to the range.
        History { now: sum(from, to), before: sum(before_from, before_to.min(from)), buckets }
    }

    /// What the calls of a node or an edge ended with.
    pub(crate) fn statuses(&mut self, flow: &Flow, of: HistoryOf, range: Range, now_ns: i64) -> StatusCounts {
        self.follow_rows(flow);
        let Some((counted, _)) = self.rows_of(of) else { return StatusCounts::default() };
        let counted = counted.to_vec();
        let (from, to) = self.kept_of(flow, range, now_ns);
        let scope = Scope::Buckets(from, to);
        let rows = statuses_of(&flow.rows, &flow.names, &counted, scope);
        let num_calls = self.summaries.of(&flow.rows, &counted, &counted, scope).counts.calls;
        StatusCounts { not_told: num_calls.saturating_sub(rows.iter().map(|row| row.count).sum()), rows }
    }

    /// The plan names rows: it is made anew where they have moved since.
    fn follow_rows(&mut self, flow: &Flow) {
        if self.num_moves != flow.rows.num_moves() {
            self.plan_anew(flow);
        }
    }

    /// The rows that are counted, and those that are timed.
    fn rows_of(&self, of: HistoryOf) -> Option<(&[RowId], &[RowId])> {
        let edge = |edge_id: EdgeId| self.plan.edges.iter().find(|planned| planned.edge.edge_id == edge_id);
        match of {
            HistoryOf::Node(node_id) => self.plan.node(node_id).map(|planned| (planned.rows.as_slice(), planned.rows.as_slice())),
            HistoryOf::Edge(edge_id) => edge(edge_id).map(|planned| (planned.rows.as_slice(), planned.latencies.as_ref().unwrap_or(&planned.rows).as_slice())),
            HistoryOf::Callee(edge_id) => {
                let edge = &edge(edge_id).filter(|planned| planned.edge.kind == HopKind::Call)?.edge;
                let ends = (Some(edge.from), Some(edge.to), edge.via.as_deref());
                self.plan
                    .interactions
                    .iter()
                    .find(|known| (known.from, known.to, Some(known.via.as_str())) == ends)
                    .map(|planned| (planned.callee.as_slice(), planned.callee.as_slice()))
            }
        }
    }

    /// The buckets of a range of which something is known: of what was before the session, and of what is no longer kept apart,
    /// nothing is, and that is not 0.
    fn kept_of(&self, flow: &Flow, range: Range, now_ns: i64) -> (i32, i32) {
        let (started, now) = (bucket_of(self.started_ns), bucket_of(now_ns));
        let kept = flow.rows.oldest_bucket().max(started).max(now.saturating_sub(MAX_HISTORY));
        (bucket_of_any(range.from_ns).max(kept), bucket_of_any(range.to_ns.saturating_add(BUCKET_NS - 1)).min(now.saturating_add(1)))
    }
}
