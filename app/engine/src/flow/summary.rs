//! Sums and quantiles of rows, over the session, a range, or the last minute.

use std::collections::BTreeMap;

use crate::extract::rules::SERVER_FAULTS;
use crate::figures::{BUCKET_NS, Counts, Merged, RECENT, RowId, Rows, bucket_of, evidence};
use crate::names::{FlowNames, StatusId, StatusKind};
use crate::view::{Basis, Evidence, Figure, StatusClass, StatusCount};

/// What time a figure is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// From start to end.
    Session,
    /// Buckets `[from, to)`.
    Buckets(i32, i32),
    /// What arrived in the last minute: its buckets `[from, to)`.
    Recent(i32, i32),
}

/// Buckets ahead of the engine's time that clocks of others may reach.
const AHEAD: i32 = 7;

/// A sum of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Summary {
    /// Counts.
    pub(crate) counts: Counts,
    /// Median, ns.
    pub(crate) p50_ns: Option<i64>,
    /// 95th percentile, ns.
    pub(crate) p95_ns: Option<i64>,
}

impl Summary {
    /// Median in ms.
    pub(crate) fn p50_ms(&self) -> Option<f64> {
        self.p50_ns.map(ms)
    }

    /// 95th percentile in ms.
    pub(crate) fn p95_ms(&self) -> Option<f64> {
        self.p95_ns.map(ms)
    }

    /// What it rests on.
    pub(crate) fn basis(&self) -> Basis {
        Basis { n: self.counts.calls, sampled_share: self.counts.sampled_share() }
    }
}

fn ms(duration_ns: i64) -> f64 {
    // Microseconds are exact enough for buckets of 3 %, and read better.
    (duration_ns / 1_000) as f64 / 1_000.0
}

/// Sums rows; its scratch is used again.
#[derive(Debug, Default)]
pub(crate) struct Summaries {
    merged: Merged,
}

impl Summaries {
    /// Counts of `counted` and latencies of `timed`.
    pub(crate) fn of(&mut self, rows: &Rows, counted: &[RowId], timed: &[RowId], scope: Scope) -> Summary {
        let mut summary = Summary::default();
        self.merged.clear();
        let mut unused = Counts::default();
        let is_same = counted == timed;
        for row in counted {
            let series = &rows.get(*row).series;
            match scope {
                Scope::Session => {
                    summary.counts.merge(series.total());
                    if is_same {
                        series.all_latencies(&mut self.merged);
                    }
                }
                Scope::Buckets(from, to) => series.range(from, to, &mut summary.counts, &mut self.merged),
                Scope::Recent(from, to) => series.recent(from, to, &mut summary.counts, &mut self.merged),
            }
        }
        if !is_same {
            self.merged.clear();
            for row in timed {
                let series = &rows.get(*row).series;
                match scope {
                    Scope::Session => series.all_latencies(&mut self.merged),
                    Scope::Buckets(from, to) => series.range(from, to, &mut unused, &mut self.merged),
                    Scope::Recent(from, to) => series.recent(from, to, &mut unused, &mut self.merged),
                }
            }
        }
        summary.p50_ns = self.merged.quantile_ns(0.5);
        summary.p95_ns = self.merged.quantile_ns(0.95);
        summary
    }

    /// The figure of rows as the window shows it.
    pub(crate) fn figure(&mut self, rows: &Rows, counted: &[RowId], timed: &[RowId], num_more: u64, now_ns: i64, started_ns: i64) -> Figure {
        let now = bucket_of(now_ns);
        let recent = self.of(rows, counted, timed, Scope::Recent(now.saturating_sub(RECENT), now.saturating_add(AHEAD)));
        let first_ns = (i64::from(now) - i64::from(RECENT)).saturating_mul(BUCKET_NS).max(started_ns);
        let covered_s = (now_ns.saturating_sub(first_ns) as f64 / 1e9).max(1.0);
        let mut total = Counts::default();
        let mut last_ns = None;
        for row in counted {
            let series = &rows.get(*row).series;
            total.merge(series.total());
            last_ns = last_ns.max(series.last_ns());
        }
        Figure {
            recent_calls: recent.counts.calls,
            recent_errors: recent.counts.errors,
            rate_per_s: recent.counts.calls as f64 / covered_s,
            p50_ns: recent.p50_ns,
            p95_ns: recent.p95_ns,
            total_calls: total.calls + num_more,
            total_errors: total.errors,
            last_ns,
        }
    }
}

/// What the calls of rows ended with, the most frequent first.
pub(crate) fn statuses_of(rows: &Rows, names: &FlowNames, of: &[RowId], scope: Scope) -> Vec<StatusCount> {
    let mut sums: BTreeMap<StatusId, u64> = BTreeMap::new();
    for row in of {
        let series = &rows.get(*row).series;
        match scope {
            Scope::Session => series.all_statuses(&mut sums),
            Scope::Buckets(from, to) | Scope::Recent(from, to) => series.range_statuses(from, to, &mut sums),
        }
    }
    // A status may be told by number and by word.
    let mut by_name: BTreeMap<String, (StatusClass, u64)> = BTreeMap::new();
    for (status, num) in sums {
        let known = by_name.entry(names.status_name(status).into_owned()).or_insert((class(status), 0));
        *known = (known.0.max(class(status)), known.1 + num);
    }
    let mut counts: Vec<StatusCount> = by_name.into_iter().map(|(status, (class, count))| StatusCount { status, class, count }).collect();
    counts.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.status.cmp(&other.status)));
    counts
}

fn class(status: StatusId) -> StatusClass {
    match status.kind() {
        StatusKind::None | StatusKind::Other | StatusKind::Waiting => StatusClass::Unknown,
        StatusKind::Ok | StatusKind::Rpc(0) | StatusKind::Http(..400) => StatusClass::Success,
        StatusKind::Http(..500) => StatusClass::Rejection,
        StatusKind::Rpc(code) if !SERVER_FAULTS.contains(&i64::from(code)) => StatusClass::Rejection,
        StatusKind::Failed | StatusKind::GivenUp | StatusKind::Http(_) | StatusKind::Rpc(_) | StatusKind::Word(_) => StatusClass::Failure,
    }
}

/// How rows are known; `num_more` is what committed offsets tell.
pub(crate) fn evidence_of(rows: &Rows, of: &[RowId], num_more: u64) -> Evidence {
    let mut known = evidence(of.iter().map(|row| {
        let row = rows.get(*row);
        (&row.rules, &row.exemplars)
    }));
    if num_more > 0 {
        *known.rules.entry(crate::figures::Rule::GroupOffsets.name().to_owned()).or_insert(0) += num_more;
    }
    known
}

/// How long after the last arrival nothing of it lies in the last minute any more, ns: then figures are at rest.
pub(crate) const DRAINED_AFTER_NS: i64 = (RECENT as i64 + AHEAD as i64 + 2) * BUCKET_NS;
