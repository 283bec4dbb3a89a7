//! A figure over time: totals of the session, and buckets of 10 s for the last half hour.

use std::collections::BTreeMap;

use crate::figures::{Histogram, Merged, Statuses};
use crate::names::{Gone, StatusId};

/// Width of a bucket of time, ns.
pub(crate) const BUCKET_NS: i64 = 10_000_000_000;
/// The bucket of what has no place in time: it counts in totals alone.
pub(crate) const OUT_OF_RANGE: i32 = i32::MIN;

/// The bucket that holds an instant, ns since the Unix epoch.
pub(crate) fn bucket_of(at_ns: i64) -> i32 {
    i32::try_from(at_ns.div_euclid(BUCKET_NS)).unwrap_or(OUT_OF_RANGE)
}

/// One observation, as it is counted and, when more is known, taken back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    /// Its bucket of time, by [`bucket_of`], or [`OUT_OF_RANGE`].
    pub(crate) bucket: i32,
    /// How many buckets later it arrived.
    pub(crate) late_by: u8,
    /// Duration or latency, ns; `None` = there is none to count.
    pub(crate) latency_ns: Option<i64>,
    /// Whether it failed.
    pub(crate) error: bool,
    /// Whether it was tried again after a failure.
    pub(crate) retry: bool,
    /// Whether it ended by a time-out at the caller.
    pub(crate) timeout: bool,
    /// How many alike it stands for: the messages of a batch.
    pub(crate) num: u32,
    /// How many real ones each stands for by sampling, in thousandths.
    pub(crate) weight_milli: u32,
    /// What it ended with.
    pub(crate) status: StatusId,
}

/// Buckets of the last minute: the one that runs, and five whole ones.
pub(crate) const RECENT: i32 = 5;

impl Sample {
    fn arrived(&self) -> i32 {
        self.bucket.saturating_add(i32::from(self.late_by))
    }

    /// Whether its own bucket was no longer of the last minute when it arrived.
    fn is_late(&self) -> bool {
        i32::from(self.late_by) > RECENT
    }
}

/// Sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Observations.
    pub(crate) calls: u64,
    /// Of these, failed.
    pub(crate) errors: u64,
    /// Of these, tried again.
    pub(crate) retries: u64,
    /// Of these, timed out.
    pub(crate) timeouts: u64,
    /// Of these, with a latency below zero.
    pub(crate) clock_differences: u64,
    /// Sum of the real ones that they stand for, in thousandths.
    pub(crate) weight_milli: u64,
}

impl Counts {
    fn add(&mut self, sample: &Sample) {
        self.merge(&Self::of(sample));
    }

    fn of(sample: &Sample) -> Self {
        let num = u64::from(sample.num);
        let count = |yes: bool| if yes { num } else { 0 };
        Self {
            calls: num,
            errors: count(sample.error),
            retries: count(sample.retry),
            timeouts: count(sample.timeout),
            clock_differences: count(sample.latency_ns.is_some_and(|latency_ns| latency_ns < 0)),
            weight_milli: num * u64::from(sample.weight_milli),
        }
    }

    fn subtract(&mut self, sample: &Sample) {
        let less = Self::of(sample);
        self.calls = self.calls.saturating_sub(less.calls);
        self.errors = self.errors.saturating_sub(less.errors);
        self.retries = self.retries.saturating_sub(less.retries);
        self.timeouts = self.timeouts.saturating_sub(less.timeouts);
        self.clock_differences = self.clock_differences.saturating_sub(less.clock_differences);
        self.weight_milli = self.weight_milli.saturating_sub(less.weight_milli);
    }

    /// Adds others' sums.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.calls += other.calls;
        self.errors += other.errors;
        self.retries += other.retries;
        self.timeouts += other.timeouts;
        self.clock_differences += other.clock_differences;
        self.weight_milli = self.weight_milli.saturating_add(other.weight_milli);
    }

    /// Share of the real traffic that was seen, 1 = all; `None` without any.
    pub(crate) fn sampled_share(&self) -> Option<f64> {
        (self.calls > 0 && self.weight_milli > 0).then(|| (self.calls as f64 * 1000.0 / self.weight_milli as f64).min(1.0))
    }
}

#[derive(Clone, Debug)]
struct Bucket {
    bucket: i32,
    counts: Counts,
    latencies: Histogram,
    statuses: Statuses,
}

impl Bucket {
    fn size_bytes(&self) -> usize {
        size_of::<Self>() + self.latencies.heap_bytes() + self.statuses.heap_bytes()
    }
}

/// A figure: what was counted in the session, and when.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    total: Counts,
    /// Statuses of the session.
    statuses: Statuses,
    /// Latencies of what lies in no bucket (any more).
    past: Histogram,
    /// By its own time.
    buckets: Vec<Bucket>,
    /// What came so late that its own bucket is not of the last minute any more, by arrival.
    late: Vec<Bucket>,
    /// Start of the bucket of the last arrival, ns; 0 = none.
    last_ns: i64,
}

impl Series {
    /// Counts; buckets before `oldest` are no longer kept apart. Gives back by how many bytes it grew.
    pub(crate) fn add(&mut self, sample: &Sample, oldest: i32) -> usize {
        self.total.add(sample);
        self.statuses.add(sample.status, sample.num);
        let latency_ns = sample.latency_ns.filter(|latency_ns| *latency_ns >= 0);
        if sample.bucket == OUT_OF_RANGE || sample.bucket < oldest {
            let before = self.past.heap_bytes();
            if let Some(latency_ns) = latency_ns {
                self.past.add(latency_ns, sample.num);
            }
            return self.past.heap_bytes() - before;
        }
        self.last_ns = self.last_ns.max(i64::from(sample.arrived()) * BUCKET_NS);
        let grown = add_to(&mut self.buckets, sample.bucket, sample);
        if sample.is_late() { grown + add_to(&mut self.late, sample.arrived(), sample) } else { grown }
    }

    /// Takes back what was counted. Gives back by how many bytes it shrank.
    pub(crate) fn subtract(&mut self, sample: &Sample) -> usize {
        self.total.subtract(sample);
        self.statuses.subtract(sample.status, sample.num);
        if self.total.calls == 0 {
            self.statuses = Statuses::default();
        }
        let shrunk = if sample.is_late() { subtract_from(&mut self.late, sample.arrived(), sample).unwrap_or(0) } else { 0 };
        if let Some(of_bucket) = subtract_from(&mut self.buckets, sample.bucket, sample) {
            return shrunk + of_bucket;
        }
        if let Some(latency_ns) = sample.latency_ns.filter(|latency_ns| *latency_ns >= 0) {
            self.past.subtract(latency_ns, sample.num);
        }
        shrunk
    }

    /// Lets buckets before `oldest` go, and late arrivals before `oldest_late`; what they held stays in the totals. Gives back
    /// by how many bytes it shrank.
    pub(crate) fn forget_before(&mut self, oldest: i32, oldest_late: i32) -> usize {
        let num_late = self.late.partition_point(|bucket| bucket.bucket < oldest_late);
        let mut shrunk: usize = self.late.drain(..num_late).map(|bucket| bucket.size_bytes()).sum();
        let num_old = self.buckets.partition_point(|bucket| bucket.bucket < oldest);
        if num_old == 0 {
            return shrunk;
        }
        let grown_from = self.past.heap_bytes();
        for bucket in self.buckets.drain(..num_old) {
            shrunk += bucket.size_bytes();
            self.past.merge(&bucket.latencies);
        }
        shrunk.saturating_sub(self.past.heap_bytes() - grown_from)
    }

    /// The oldest bucket kept apart.
    pub(crate) fn oldest(&self) -> Option<i32> {
        self.buckets.first().map(|bucket| bucket.bucket)
    }

    /// Takes over what another counted.
    pub(crate) fn merge(&mut self, other: Self) {
        self.total.merge(&other.total);
        self.statuses.merge(&other.statuses);
        self.past.merge(&other.past);
        self.last_ns = self.last_ns.max(other.last_ns);
        merge_buckets(&mut self.buckets, other.buckets);
        merge_buckets(&mut self.late, other.late);
    }

    /// Statuses that are gone count as other.
    pub(crate) fn forget_statuses(&mut self, gone: &Gone) {
        self.statuses.forget(gone);
        self.buckets.iter_mut().chain(&mut self.late).for_each(|bucket| bucket.statuses.forget(gone));
    }

    /// Bytes of all but the session's statuses.
    pub(crate) fn bucket_bytes(&self) -> usize {
        self.past.heap_bytes() + self.buckets.iter().chain(&self.late).map(Bucket::size_bytes).sum::<usize>()
    }

    /// Sums of the session.
    pub(crate) fn total(&self) -> &Counts {
        &self.total
    }

    /// Start of the bucket in which the last of it arrived, ns since the Unix epoch.
    pub(crate) fn last_ns(&self) -> Option<i64> {
        (self.last_ns > 0).then_some(self.last_ns)
    }

    /// Adds the session's latencies to a merge.
    pub(crate) fn all_latencies(&self, merged: &mut Merged) {
        merged.add(&self.past);
        for bucket in &self.buckets {
            merged.add(&bucket.latencies);
        }
    }

    /// Adds what the session's calls ended with to sums.
    pub(crate) fn all_statuses(&self, sums: &mut BTreeMap<StatusId, u64>) {
        self.statuses.merge_into(sums);
    }

    /// Adds what calls in the buckets `[from, to)` ended with to sums.
    pub(crate) fn range_statuses(&self, from: i32, to: i32, sums: &mut BTreeMap<StatusId, u64>) {
        for bucket in self.range_buckets(from, to) {
            bucket.statuses.merge_into(sums);
        }
    }

    /// Bytes of the session's statuses.
    pub(crate) fn status_bytes(&self) -> usize {
        self.statuses.heap_bytes()
    }

    fn range_buckets(&self, from: i32, to: i32) -> impl Iterator<Item = &Bucket> {
        in_range(&self.buckets, from, to)
    }

    /// Adds sums and latencies of the buckets `[from, to)`.
    pub(crate) fn range(&self, from: i32, to: i32, counts: &mut Counts, merged: &mut Merged) {
        for bucket in self.range_buckets(from, to) {
            counts.merge(&bucket.counts);
            merged.add(&bucket.latencies);
        }
    }

    /// Adds sums and latencies of what arrived in the last minute: `[from, to)` are its buckets.
    pub(crate) fn recent(&self, from: i32, to: i32, counts: &mut Counts, merged: &mut Merged) {
        self.range(from, to, counts, merged);
        for bucket in in_range(&self.late, from, to) {
            counts.merge(&bucket.counts);
            merged.add(&bucket.latencies);
        }
    }
}

fn merge_buckets(buckets: &mut Vec<Bucket>, others: Vec<Bucket>) {
    for other in others {
        match find(buckets, other.bucket) {
            Err(at) => buckets.insert(at, other),
            Ok(at) => {
                let bucket = &mut buckets[at];
                bucket.counts.merge(&other.counts);
                bucket.latencies.merge(&other.latencies);
                bucket.statuses.merge(&other.statuses);
            }
        }
    }
}

fn in_range(buckets: &[Bucket], from: i32, to: i32) -> impl Iterator<Item = &Bucket> {
    let start = buckets.partition_point(|bucket| bucket.bucket < from);
    buckets[start..].iter().take_while(move |bucket| bucket.bucket < to)
}

fn find(buckets: &[Bucket], bucket: i32) -> Result<usize, usize> {
    match buckets.last() {
        None => Err(0),
        Some(last) if last.bucket == bucket => Ok(buckets.len() - 1),
        Some(last) if last.bucket < bucket => Err(buckets.len()),
        Some(_) => buckets.binary_search_by_key(&bucket, |known| known.bucket),
    }
}

/// Counts in a bucket. Gives back by how many bytes it grew.
fn add_to(buckets: &mut Vec<Bucket>, number: i32, sample: &Sample) -> usize {
    let mut grown = 0;
    let at = match find(buckets, number) {
        Ok(at) => at,
        Err(at) => {
            buckets.insert(at, Bucket { bucket: number, counts: Counts::default(), latencies: Histogram::default(), statuses: Statuses::default() });
            grown += size_of::<Bucket>();
            at
        }
    };
    let bucket = &mut buckets[at];
    bucket.counts.add(sample);
    grown += bucket.statuses.add(sample.status, sample.num);
    if let Some(latency_ns) = sample.latency_ns.filter(|latency_ns| *latency_ns >= 0) {
        let before = bucket.latencies.heap_bytes();
        bucket.latencies.add(latency_ns, sample.num);
        grown += bucket.latencies.heap_bytes() - before;
    }
    grown
}

/// Takes back from a bucket. Gives back by how many bytes it shrank; `None` where the bucket is not kept apart.
fn subtract_from(buckets: &mut Vec<Bucket>, number: i32, sample: &Sample) -> Option<usize> {
    let at = find(buckets, number).ok()?;
    let bucket = &mut buckets[at];
    bucket.counts.subtract(sample);
    bucket.statuses.subtract(sample.status, sample.num);
    if bucket.counts.calls == 0 {
        return Some(buckets.remove(at).size_bytes());
    }
    if let Some(latency_ns) = sample.latency_ns.filter(|latency_ns| *latency_ns >= 0) {
        bucket.latencies.subtract(latency_ns, sample.num);
    }
    Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(bucket: i32, latency_ns: i64) -> Sample {
        Sample {
            bucket,
            late_by: 0,
            latency_ns: Some(latency_ns),
            error: latency_ns % 2 == 1,
            retry: false,
            timeout: false,
            num: 1,
            weight_milli: 1000,
            status: StatusId::http(200 + latency_ns % 3),
        }
    }

    fn statuses(series: &Series) -> BTreeMap<StatusId, u64> {
        let mut sums = BTreeMap::new();
        series.all_statuses(&mut sums);
        sums
    }

    fn median_ns(series: &Series) -> Option<i64> {
        let mut merged = Merged::default();
        series.all_latencies(&mut merged);
        merged.quantile_ns(0.5)
    }

    #[test]
    fn what_is_taken_back_leaves_no_trace() {
        let mut series = Series::default();
        let mut bytes = 0_isize;
        for latency_ns in 0..1_000 {
            bytes += series.add(&sample(5 + (latency_ns % 3) as i32, latency_ns * 10_000), 5) as isize;
        }
        bytes -= series.forget_before(6, 6) as isize;
        for latency_ns in 0..1_000 {
            bytes -= series.subtract(&sample(5 + (latency_ns % 3) as i32, latency_ns * 10_000)) as isize;
        }
        assert_eq!(*series.total(), Counts::default());
        assert_eq!((median_ns(&series), series.oldest(), statuses(&series).len()), (None, None, 0));
        assert_eq!(bytes.max(0) as usize, series.past.heap_bytes());
    }

    #[test]
    fn totals_outlive_buckets() {
        let mut series = Series::default();
        for bucket in 0..20 {
            series.add(&sample(bucket, 1_000_000), 0);
        }
        series.forget_before(15, 15);
        series.add(&sample(3, 1_000_000), 15);
        assert_eq!((series.total().calls, series.oldest()), (21, Some(15)));
        let (mut counts, mut merged) = (Counts::default(), Merged::default());
        series.range(16, 18, &mut counts, &mut merged);
        assert_eq!(counts.calls, 2);
        let mut in_range = BTreeMap::new();
        series.range_statuses(16, 18, &mut in_range);
        assert_eq!((in_range.values().sum::<u64>(), statuses(&series).values().sum::<u64>()), (2, 21));
        assert!(median_ns(&series).is_some_and(|median_ns| (median_ns - 1_000_000).abs() < 32_000));
    }

    #[test]
    fn a_negative_latency_is_counted_and_in_no_percentile() {
        let mut series = Series::default();
        series.add(&sample(1, -4), 0);
        assert_eq!((series.total().calls, series.total().clock_differences, median_ns(&series)), (1, 1, None));
        series.add(&sample(OUT_OF_RANGE, 2_000_000), 0);
        assert_eq!((series.total().calls, series.oldest()), (2, Some(1)));
    }

    #[test]
    fn what_comes_late_is_of_now_by_arrival_and_of_its_own_time_in_ranges() {
        let mut series = Series::default();
        let late = Sample { late_by: 9, ..sample(100, 1_000_000) };
        let grown = series.add(&late, 0);
        series.add(&sample(109, 1_000_000), 0);
        let recent = |series: &Series| {
            let (mut counts, mut merged) = (Counts::default(), Merged::default());
            series.recent(109 - RECENT, 110, &mut counts, &mut merged);
            counts.calls
        };
        let (mut counts, mut merged) = (Counts::default(), Merged::default());
        series.range(109 - RECENT, 110, &mut counts, &mut merged);
        assert_eq!((recent(&series), counts.calls, series.total().calls), (2, 1, 2));
        assert_eq!(series.last_ns(), Some(109 * BUCKET_NS));
        assert_eq!(series.subtract(&late), grown);
        assert_eq!((recent(&series), series.total().calls, series.oldest()), (1, 1, Some(109)));
        series.add(&late, 0);
        series.forget_before(0, 110);
        assert_eq!((recent(&series), series.total().calls), (1, 2));
    }
}
