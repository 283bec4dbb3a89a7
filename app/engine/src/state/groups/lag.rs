//! Lag in time, and what a course of lag comes to.
//!
//! Lag in time follows kafka-lag-exporter: a table of (time, end offset) per partition, in which the time when the end
//! equalled the committed offset is found by interpolation. Verdicts follow Burrow's order of tests, adapted to a reader
//! that polls: changes of the committed offset stand for commits.

use crate::view::{LagVerdict, Pace};
use crate::words;

const SECOND_NS: i64 = 1_000_000_000;

/// Points kept per partition. Beyond it the table thins out with age, so that it reaches further back than 60 polls.
const MAX_END_POINTS: usize = 60;
/// The newest points, which are never thinned.
const DENSE_END_POINTS: usize = 16;

/// Where a partition ended at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct EndPoint {
    at_ns: i64,
    end: i64,
}

/// Where a partition ended, over time; flat runs are kept as their first and last point. And where it began, last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watermarks {
    /// Sorted by time.
    points: Vec<EndPoint>,
    /// When the low watermark was read last, and where it was.
    low: Option<(i64, i64)>,
}

impl Watermarks {
    /// Takes an observation, in any order of time.
    pub(crate) fn observe(&mut self, at_ns: i64, low: Option<i64>, end: Option<i64>) {
        self.low = self.low.max(low.filter(|low| *low >= 0).map(|low| (at_ns, low)));
        if let Some(end) = end.filter(|end| *end >= 0) {
            self.insert(at_ns, end);
        }
    }

    /// Low watermark, as last read from a time on.
    pub(crate) fn low(&self, from_ns: i64) -> Option<i64> {
        self.low.filter(|(at_ns, _)| *at_ns >= from_ns).map(|(_, low)| low)
    }

    fn insert(&mut self, at_ns: i64, end: i64) {
        let point = EndPoint { at_ns, end };
        let at = self.points.partition_point(|other| *other < point);
        let same = |index: Option<usize>| index.and_then(|index| self.points.get(index)).is_some_and(|other| other.end == end);
        let (before, after) = (same(at.checked_sub(1)), same(Some(at)));
        if self.points.get(at) == Some(&point) || (before && after) {
            return;
        }
        let inside_after = after && same(Some(at + 1));
        let inside_before = before && same(at.checked_sub(2));
        self.points.insert(at, point);
        if inside_after {
            self.points.remove(at + 1);
        }
        if inside_before {
            self.points.remove(at - 1);
        }
        if self.points.len() > MAX_END_POINTS {
            self.thin();
        }
    }

    /// Where the partition ended when it was first seen, from a time on.
    pub(crate) fn first_end(&self, from_ns: i64) -> Option<i64> {
        self.points.iter().find(|point| point.at_ns >= from_ns).map(|point| point.end)
    }

    /// Removes the point that is missed least: the one whose neighbours lie closest, in relation to its age.
    fn thin(&mut self) {
        let newest_ns = self.points.last().map_or(0, |point| point.at_ns);
        let least = (1..self.points.len() - DENSE_END_POINTS).min_by(|&left, &right| {
            let cost = |index: usize| {
                let gap_ns = self.points[index + 1].at_ns.saturating_sub(self.points[index - 1].at_ns);
                gap_ns as f64 / (newest_ns.saturating_sub(self.points[index].at_ns) as f64 + 1.0)
            };
            cost(left).total_cmp(&cost(right))
        });
        self.points.remove(least.unwrap_or(0));
    }

    /// The points from a time on and since the offsets last began again, without single readings below what was seen before
    /// them.
    fn rising(&self, from_ns: i64) -> Vec<EndPoint> {
        let mut rising: Vec<EndPoint> = Vec::with_capacity(self.points.len());
        let mut below: Option<EndPoint> = None;
        for &point in self.points.iter().filter(|point| point.at_ns >= from_ns) {
            if rising.last().is_none_or(|last| point.end >= last.end) {
                rising.push(point);
                below = None;
            } else if let Some(first) = below.filter(|first| first.end <= point.end) {
                // Twice below the highest end: the topic was made anew.
                rising = vec![first, point];
                below = None;
            } else {
                below = Some(point);
            }
        }
        rising
    }

    /// When the partition ended at this offset, ns since the Unix epoch, by what was observed from `from_ns` on. `None` with
    /// fewer than two points, or where the offset lies before the oldest of them.
    pub(crate) fn reached_ns(&self, offset: i64, from_ns: i64) -> Option<i64> {
        let rising = self.rising(from_ns);
        if rising.len() < 2 {
            return None;
        }
        let next = rising.partition_point(|point| point.end <= offset);
        let last = rising[next.checked_sub(1)?];
        let Some(next) = rising.get(next) else { return Some(last.at_ns) };
        let share = (offset - last.end) as f64 / (next.end - last.end) as f64;
        Some(last.at_ns.saturating_add((next.at_ns.saturating_sub(last.at_ns) as f64 * share) as i64))
    }
}

/// Samples kept per group and topic: two minutes of polls every two seconds. Where polls are rarer, so many as lie within the
/// window's time, but not less than the minimum.
const MAX_SAMPLES: usize = 60;
const MIN_WINDOW_SAMPLES: usize = 15;
const WINDOW_NS: i64 = 300 * SECOND_NS;
/// Room is made for so many at once, as many as polls every 20 s leave: there may be tens of thousands of windows, and what they grow out of
/// leaves holes.
const SAMPLES_AT_ONCE: usize = 16;

/// Sums of one reading of a group's offsets on a topic, over the partitions that have a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sample {
    /// When it was read, ns since the Unix epoch.
    pub(crate) read_ns: i64,
    /// Sum of the committed offsets.
    pub(crate) committed: i64,
    /// Sum of the end offsets.
    pub(crate) end: i64,
    /// Sum of what is not committed, each partition clamped at 0.
    pub(crate) lag: u64,
    /// Partitions that lag.
    pub(crate) num_lagging: u32,
    /// Whether the group is known to have no members.
    pub(crate) memberless: bool,
    /// Whether it is known of all that waits that it can be read.
    pub(crate) is_exact: bool,
}

/// The newest samples of a group on a topic, sorted by time.
#[derive(Clone, Debug, Default)]
pub(crate) struct SampleWindow {
    samples: Vec<Sample>,
}

/// What a course of lag comes to, and the clause that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trend {
    /// `Ok`, `Growing`, `Stuck`, or `Unknown` with too few samples.
    pub(crate) verdict: LagVerdict,
    /// Why, in words that go on from "behind by 12 records".
    pub(crate) clause: String,
    /// Since when it holds, where that is told.
    pub(crate) since_ns: Option<i64>,
    /// What came in and what was handled over the time that the clause tells of.
    pub(crate) pace: Option<Pace>,
}

/// Samples and time before growth is believed; a consumer that commits every 5 s does not rise so long.
const MIN_RISING_SAMPLES: usize = 4;
const MIN_RISING_NS: i64 = 6 * SECOND_NS;
/// Samples and time before a saw-tooth is judged by the thirds of its course.
const MIN_THIRDS_SAMPLES: usize = 9;
const MAX_THIRDS_SAMPLES: usize = 15;
const MIN_THIRDS_NS: i64 = 15 * SECOND_NS;
/// Growth below this many records, or below this part of what arrived, is what is in flight.
const MIN_GROWTH: u64 = 3;
const GROWTH_PART: u64 = 10;
/// Samples and time before a group counts as stuck; twice its own longest pause between commits, within these bounds.
const MIN_STUCK_SAMPLES: usize = 3;
const MIN_STUCK_NS: i64 = 10 * SECOND_NS;
const MAX_STUCK_NS: i64 = 60 * SECOND_NS;
/// The same where one record a partition waits and none arrives: it may be the marker of a transaction, which nobody commits.
const MARKER_STUCK_NS: i64 = 30 * SECOND_NS;
/// After so long without net growth a group does not count as growing.
const CALM_NS: i64 = 15 * SECOND_NS;
/// Growth is told over the last so many seconds.
const TOLD_NS: i64 = 20 * SECOND_NS;
/// Samples before anything is said of a group that lags.
const MIN_SAMPLES: usize = 3;

impl SampleWindow {
    /// Adds a sample, in any order of time; only the newest stay.
    pub(crate) fn insert(&mut self, sample: Sample) {
        let Err(mut at) = self.samples.binary_search(&sample) else { return };
        // The oldest leave first, so that no room is made for one too many.
        while let [first, .., last] | [first @ last] = self.samples.as_slice() {
            let (first_ns, last_ns) = (first.read_ns.min(sample.read_ns), last.read_ns.max(sample.read_ns));
            let num = self.samples.len() + 1;
            if num <= MAX_SAMPLES && (num <= MIN_WINDOW_SAMPLES || last_ns.saturating_sub(first_ns) <= WINDOW_NS) {
                break;
            }
            if at == 0 {
                return;
            }
            self.samples.remove(0);
            at -= 1;
        }
        if self.samples.len() == self.samples.capacity() {
            self.samples.reserve_exact(SAMPLES_AT_ONCE);
        }
        self.samples.insert(at, sample);
    }

    /// The samples from a time on.
    pub(crate) fn since(&self, from_ns: i64) -> &[Sample] {
        &self.samples[self.samples.partition_point(|sample| sample.read_ns < from_ns)..]
    }

    /// Whether commits came between two readings that both found no members: a reader that assigns its partitions itself.
    pub(crate) fn commits_without_members(&self, from_ns: i64) -> bool {
        self.since(from_ns).windows(2).any(|pair| pair[0].memberless && pair[1].memberless && pair[0].committed < pair[1].committed)
    }

    /// What the course from a time on comes to. `unmoved_since_ns`: since when the committed offsets are known to stand where
    /// they stand, if longer than the window reaches.
    pub(crate) fn trend(&self, from_ns: i64, unmoved_since_ns: Option<i64>) -> Trend {
        let samples = self.since(from_ns);
        let mut course = Course { samples, ..Course::default() };
        for last in 0..samples.len() {
            course.step(last);
        }
        course.told(unmoved_since_ns)
    }
}

/// The walk over the samples: a state that changes with hysteresis.
#[derive(Default)]
struct Course<'a> {
    samples: &'a [Sample],
    state: State,
    /// First sample since which lag never fell and never was 0.
    rising_from: usize,
    /// First sample since which nothing was committed while something waited.
    waiting_from: usize,
    /// Sample with the last commit seen, and the longest time between two of them.
    committed_at: Option<usize>,
    longest_pause_ns: i64,
    /// Since the group counts as growing: from which sample, and the highest lag.
    growing_from: usize,
    peak: u64,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Unknown,
    Ok,
    Growing,
    Stuck,
}

impl Course<'_> {
    fn span_ns(&self, from: usize, to: usize) -> i64 {
        self.samples[to].read_ns.saturating_sub(self.samples[from].read_ns)
    }

    fn step(&mut self, last: usize) {
        let sample = self.samples[last];
        let before = last.checked_sub(1).map(|index| self.samples[index]);
        let committed = before.is_some_and(|before| before.committed != sample.committed);
        if committed {
            if let Some(earlier) = self.committed_at {
                self.longest_pause_ns = self.longest_pause_ns.max(self.span_ns(earlier, last));
            }
            self.committed_at = Some(last);
        }
        if before.is_none_or(|before| before.lag == 0 || sample.lag < before.lag) {
            self.rising_from = last;
        }
        if committed || before.is_none_or(|before| before.lag == 0) {
            self.waiting_from = last;
        }

        self.state = if sample.lag == 0 {
            State::Ok
        } else if self.is_stuck(last) || (self.state == State::Stuck && !committed) {
            State::Stuck
        } else if self.state == State::Growing && !self.has_calmed(last) {
            self.peak = self.peak.max(sample.lag);
            State::Growing
        } else if let Some(from) = self.growth_from(last) {
            (self.growing_from, self.peak) = (from, sample.lag);
            State::Growing
        } else if self.state == State::Unknown && last + 1 < MIN_SAMPLES {
            State::Unknown
        } else {
            State::Ok
        };
    }

    fn is_stuck(&self, last: usize) -> bool {
        let (from, to) = (self.samples[self.waiting_from], self.samples[last]);
        let is_marker = to.lag <= u64::from(to.num_lagging) && !to.is_exact && from.end == to.end;
        let floor_ns = if is_marker { MARKER_STUCK_NS } else { MIN_STUCK_NS };
        let patience_ns = self.longest_pause_ns.saturating_mul(2).clamp(floor_ns, MAX_STUCK_NS);
        last + 1 - self.waiting_from >= MIN_STUCK_SAMPLES && self.span_ns(self.waiting_from, last) >= patience_ns
    }

    /// Growth between two samples that is more than what is in flight.
    fn is_growth(&self, from: u64, to: u64, first: usize, last: usize) -> bool {
        let arrived = self.samples[last].end.saturating_sub(self.samples[first].end).max(0) as u64;
        to >= from.saturating_add(MIN_GROWTH.max(arrived / GROWTH_PART))
    }

    /// From which sample on the lag grows, if it does.
    fn growth_from(&self, last: usize) -> Option<usize> {
        if self.has_stood(0, last) {
            return None;
        }
        let from = self.rising_from;
        let steady = last + 1 - from >= MIN_RISING_SAMPLES
            && self.span_ns(from, last) >= MIN_RISING_NS
            && self.samples[from].lag > 0
            && self.is_growth(self.samples[from].lag, self.samples[last].lag, from, last);
        if steady {
            return Some(from);
        }
        let num = (last + 1).min(MAX_THIRDS_SAMPLES);
        let from = last + 1 - num;
        if num < MIN_THIRDS_SAMPLES || self.span_ns(from, last) < MIN_THIRDS_NS {
            return None;
        }
        let third = num / 3;
        let highest_first = self.samples[from..from + third].iter().map(|sample| sample.lag).max()?;
        let lowest_last = self.samples[last + 1 - third..=last].iter().map(|sample| sample.lag).min()?;
        let never_done = self.samples[from..=last].iter().all(|sample| sample.lag > 0);
        (never_done && self.is_growth(highest_first, lowest_last, from, last)).then_some(from)
    }

    /// Whether a group that grew does so no longer: it fell by a tenth, or has not risen for a while.
    fn has_calmed(&self, last: usize) -> bool {
        let lag = self.samples[last].lag;
        lag.saturating_add(MIN_GROWTH.max(self.peak / GROWTH_PART)) <= self.peak || self.has_stood(self.growing_from, last)
    }

    /// Whether the lag is not above what it was a while before.
    fn has_stood(&self, from: usize, last: usize) -> bool {
        let earlier = (from..last).rev().find(|&index| self.span_ns(index, last) >= CALM_NS);
        earlier.is_some_and(|index| self.samples[last].lag <= self.samples[index].lag)
    }

    /// What came in and what was handled from one sample to another. It adds up to the change of the lag; where it cannot (records
    /// were lost to retention, the commit was set back), it is not told.
    fn pace(&self, from: usize, to: usize) -> Option<Pace> {
        let (first, last) = (self.samples[from], self.samples[to]);
        let over_ns = self.span_ns(from, to);
        let handled = u64::try_from(last.committed.checked_sub(first.committed)?).ok()?;
        let came_in = handled.checked_add(last.lag)?.checked_sub(first.lag)?;
        (over_ns > 0).then_some(Pace { over_ns, came_in, handled })
    }

    fn told(&self, unmoved_since_ns: Option<i64>) -> Trend {
        let Some(last) = self.samples.len().checked_sub(1) else {
            return Trend { verdict: LagVerdict::Unknown, clause: "not read yet".into(), since_ns: None, pace: None };
        };
        let sample = self.samples[last];
        let recent = (0..last).find(|&index| self.span_ns(index, last) <= TOLD_NS).unwrap_or(last);
        let trend = |verdict, clause, from| Trend { verdict, clause, since_ns: None, pace: self.pace(from, last) };
        match self.state {
            State::Unknown => {
                trend(LagVerdict::Unknown, format!("too few readings yet to tell how it goes on ({} of {MIN_SAMPLES})", self.samples.len()), recent)
            }
            State::Ok if sample.lag == 0 => trend(LagVerdict::Ok, "nothing waits".into(), recent),
            State::Ok if sample.lag < self.samples[recent].lag => {
                let fell = words::count(self.samples[recent].lag - sample.lag);
                trend(LagVerdict::Ok, format!("fell by {fell} in the last {}", words::duration(self.span_ns(recent, last))), recent)
            }
            State::Ok => trend(LagVerdict::Ok, "keeps pace".into(), recent),
            State::Growing => {
                let from = if sample.lag > self.samples[recent].lag { recent } else { self.growing_from };
                let grew = words::count(sample.lag.saturating_sub(self.samples[from].lag));
                trend(LagVerdict::Growing, format!("grew by {grew} in the last {}", words::duration(self.span_ns(from, last))), from)
            }
            State::Stuck => {
                let mut since_ns = self.samples[self.waiting_from].read_ns;
                if self.waiting_from == 0 {
                    since_ns = since_ns.min(unmoved_since_ns.unwrap_or(since_ns));
                }
                let unmoved = words::duration(sample.read_ns.saturating_sub(since_ns));
                let marker = if sample.lag <= u64::from(sample.num_lagging) && !sample.is_exact && self.samples[self.waiting_from].end == sample.end {
                    " (or the marker of a transaction, which nobody commits)"
                } else {
                    ""
                };
                let clause = format!("committed nothing for {unmoved} with {} waiting{marker}", words::records(sample.lag));
                let pace = self.pace(self.waiting_from.max(recent), last);
                Trend { verdict: LagVerdict::Stuck, clause, since_ns: Some(since_ns), pace }
            }
        }
    }
}

#[cfg(test)]
mod tests;
