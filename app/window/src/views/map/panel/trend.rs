//! How figures run over a range, and what they were in as long before it. Pure.

use switchboard_engine::view::{History, HistoryBucket, Range};

use crate::{figures, ink::Tone, widgets::time_axis::TimeAxis};

/// Length of a bucket, ns.
const BUCKET_NS: i64 = 10_000_000_000;
/// A change by less is none.
const SAME_SHARE: f64 = 0.05;

/// Three figures over a range.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trends {
    /// Calls a second.
    pub rate: Trend,
    /// Share of calls that failed.
    pub errors: Trend,
    /// 95th percentile of the duration, ns.
    pub p95: Trend,
    /// How long the lines of the range itself are, ns: as long as it, or as what is known of it.
    pub length_ns: i64,
    /// Whether anything is known of the time before.
    pub has_before: bool,
}

/// One figure over a range.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trend {
    /// Over the whole range; `None` = nothing to measure.
    pub now: Option<f64>,
    /// Over as long before it.
    pub before: Option<f64>,
    /// Bucket by bucket, the oldest first, from as long before on.
    pub points: Vec<Option<f64>>,
    /// How many of them are of the time before.
    pub num_before: usize,
}

impl Trend {
    /// How it changed, in a few words, and how that looks: more errors and longer durations look bad, other rates do not.
    /// It compares two times and is no state: what the last minute comes to is judged by the engine (`Health`).
    pub(crate) fn change(&self, kind: TrendKind) -> (String, Tone) {
        let (Some(now), Some(before)) = (self.now, self.before) else { return (String::new(), Tone::Quiet) };
        match kind {
            TrendKind::Rate if before <= 0.0 => (if now > 0.0 { "new".to_owned() } else { "same".to_owned() }, Tone::Quiet),
            TrendKind::Rate => match now / before - 1.0 {
                change if change.abs() < SAME_SHARE => ("same".to_owned(), Tone::Quiet),
                change => (format!("{}{}", if change > 0.0 { "+" } else { "−" }, figures::percent(change.abs())), Tone::Quiet),
            },
            TrendKind::Errors if (now - before).abs() < 0.005 => ("same".to_owned(), Tone::Quiet),
            TrendKind::Errors => (format!("from {}", figures::percent(before)), if now > before { Tone::Bad } else { Tone::Quiet }),
            TrendKind::Duration if before <= 0.0 => (String::new(), Tone::Quiet),
            TrendKind::Duration => match now / before {
                times if (0.8..1.25).contains(&times) => ("same".to_owned(), Tone::Quiet),
                times if times < 9.95 => (format!("×{times:.1}"), if times >= 2.0 { Tone::Bad } else { Tone::Quiet }),
                times => (format!("×{times:.0}"), Tone::Bad),
            },
        }
    }
}

/// What a trend is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TrendKind {
    /// Calls a second.
    Rate,
    /// A share of failures.
    Errors,
    /// A duration.
    Duration,
}

/// The trends of a figure over a range and as long before it.
pub(crate) fn trends(history: &History, range: Range) -> Trends {
    let length_ns = range.to_ns.saturating_sub(range.from_ns).max(BUCKET_NS);
    let num_before = (length_ns / BUCKET_NS) as usize;
    let before_ns = range.from_ns.saturating_sub(length_ns);
    let first_ns = history.buckets.iter().filter(|bucket| bucket.known_ns > 0).map(|bucket| bucket.start_ns).min();
    let has_before = first_ns.is_some_and(|first_ns| first_ns < range.from_ns);
    // Where nothing is known of the time before there is no room for it either, nor for what of the range is not known.
    let known_ns = match first_ns {
        Some(_) if !has_before => TimeAxis::of(first_ns, range.to_ns, length_ns).length_ns(),
        _ => length_ns,
    };
    let num_unknown = if has_before { 0 } else { num_before + ((length_ns - known_ns) / BUCKET_NS) as usize };
    let starts = || (0..2 * num_before as i64).map(|step| before_ns + step * BUCKET_NS);
    let trend = |of: fn(&HistoryBucket) -> Option<f64>| {
        let bucket = |start_ns: i64| history.buckets.iter().find(|bucket| bucket.start_ns == start_ns);
        let mut points: Vec<Option<f64>> = starts().map(|start_ns| bucket(start_ns).and_then(of)).collect();
        points.drain(..num_unknown.min(points.len()));
        Trend { now: of(&history.now), before: of(&history.before), points, num_before: if has_before { num_before } else { 0 } }
    };
    let p95 = trend(|bucket| bucket.p95_ns.map(|p95_ns| p95_ns as f64));
    Trends { rate: trend(rate), errors: trend(errors), p95, length_ns: known_ns, has_before }
}

/// Calls a second; of less than ten seconds they say little, for spans come in lots.
fn rate(bucket: &HistoryBucket) -> Option<f64> {
    (bucket.known_ns >= BUCKET_NS).then(|| bucket.calls as f64 / (bucket.known_ns as f64 / 1e9))
}

fn errors(bucket: &HistoryBucket) -> Option<f64> {
    (bucket.calls > 0).then(|| bucket.errors as f64 / bucket.calls as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::map::sample::history;

    const S: i64 = 1_000_000_000;

    fn bucket(at_s: i64, calls: u64, errors: u64, p95_ms: i64) -> HistoryBucket {
        HistoryBucket { start_ns: at_s * S, known_ns: 10 * S, calls, errors, p50_ns: None, p95_ns: (calls > 0).then_some(p95_ms * 1_000_000) }
    }

    #[test]
    fn a_range_is_compared_with_as_long_before_it() {
        let told = [bucket(60, 100, 0, 10), bucket(70, 100, 0, 10), bucket(120, 50, 25, 40)];
        let bucket_at = |at_s: i64| told.into_iter().find(|told| told.start_ns == at_s * S).unwrap_or_else(|| bucket(at_s, 0, 0, 0));
        let trends = trends(&history((60..180).step_by(10).map(bucket_at).collect(), 120 * S), Range { from_ns: 120 * S, to_ns: 180 * S });
        assert_eq!((trends.rate.now, trends.rate.before), (Some(50.0 / 60.0), Some(200.0 / 60.0)));
        assert_eq!(trends.rate.change(TrendKind::Rate), ("−75 %".to_owned(), Tone::Quiet));
        assert_eq!(trends.errors.change(TrendKind::Errors), ("from 0 %".to_owned(), Tone::Bad));
        assert_eq!(trends.p95.change(TrendKind::Duration), ("×4.0".to_owned(), Tone::Bad));
        assert_eq!(trends.errors.points[..6], [Some(0.0), Some(0.0), None, None, None, None]);
        assert_eq!(trends.errors.points[6..], [Some(0.5), None, None, None, None, None], "without calls nothing failed and nothing succeeded");
        assert_eq!((trends.rate.points[7], trends.rate.num_before), (Some(0.0), 6));
    }

    #[test]
    fn before_the_session_nothing_is_known_and_what_has_begun_only_now_has_no_rate() {
        let mut buckets: Vec<HistoryBucket> = [40, 0, 0, 0, 9].into_iter().zip(13..).map(|(calls, ten_s)| bucket(ten_s * 10, calls, 0, 1)).collect();
        let trends_of = |buckets: &[HistoryBucket]| trends(&history(buckets.to_vec(), 120 * S), Range { from_ns: 120 * S, to_ns: 180 * S });
        assert_eq!(trends_of(&buckets).rate.points.last(), Some(&Some(0.9)));
        buckets[4] = HistoryBucket { known_ns: 5 * S, calls: 0, ..buckets[4] };
        let trends = trends_of(&buckets);
        assert_eq!(trends.rate.points.last(), Some(&None));
        assert_eq!((trends.rate.now, trends.rate.before, trends.rate.points[0]), (Some(40.0 / 45.0), None, None));
        assert_eq!((trends.rate.change(TrendKind::Rate).0.as_str(), trends.rate.points.len(), trends.rate.num_before), ("", 6, 0));
    }

    #[test]
    fn lines_begin_where_data_begin() {
        let buckets = (1_730..1_800).step_by(10).map(|at_s| bucket(at_s, 10, 0, 1)).collect();
        let trends = trends(&history(buckets, 900 * S), Range { from_ns: 900 * S, to_ns: 1_800 * S });
        assert_eq!((trends.length_ns / S, trends.has_before), (120, false));
        assert_eq!((trends.rate.points.len(), trends.rate.points.iter().flatten().count()), (12, 7));
        assert_eq!((trends.p95.points[4], trends.p95.points[5]), (None, Some(1_000_000.0)), "all lines share the time");
    }
}
