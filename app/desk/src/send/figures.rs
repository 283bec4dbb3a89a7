//! What many requests came to: how many, how they ended, how long they took. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use switchboard_model::{Outcome, Receipt, TraceId};

use crate::send::board::is_http_failure;

/// Of the last so many is told how each went.
const LAST_MAX: usize = 60;
/// Durations that are kept; of more the last ones count.
pub(crate) const TOOK_MAX: usize = 100_000;
/// Columns of a histogram at most.
const COLUMNS: usize = 32;

/// How one ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ended {
    /// With a status of HTTP.
    Http(u16),
    /// With a code of gRPC.
    Grpc(i32),
    /// It was surely not sent.
    NotSent,
    /// It may have been sent.
    Possibly,
}

impl Ended {
    /// Of an outcome.
    pub fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Done(Receipt::Called(code)) => Self::Grpc(*code),
            Outcome::Done(Receipt::Answered(status)) => Self::Http(*status),
            // Neither a request nor a call ends so.
            Outcome::Done(Receipt::Persisted { .. }) => Self::Grpc(0),
            Outcome::NotDone(_) => Self::NotSent,
            Outcome::Possibly(_) => Self::Possibly,
        }
    }

    /// Whether that is a failure.
    pub fn is_failure(self) -> bool {
        match self {
            Self::Http(status) => is_http_failure(status),
            Self::Grpc(code) => code != 0,
            Self::NotSent | Self::Possibly => true,
        }
    }
}

/// One of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct One {
    /// When it was sent, ns since the Unix epoch.
    pub at_ns: i64,
    /// How long it took.
    pub took: Duration,
    /// How it ended.
    pub ended: Ended,
    /// Why it failed; empty = the status says it, or it did not.
    pub why: String,
    /// Its trace; `None` = it began none.
    pub trace_id: Option<TraceId>,
}

/// Figures of many.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RepeatFigures {
    /// How many have ended.
    pub num: u64,
    /// Of these so many failed.
    pub num_failed: u64,
    /// How many a second ended, over all the time.
    pub rate_per_s: f64,
    /// How they ended, what is most frequent first.
    pub by_end: Vec<(Ended, u64)>,
    /// Half, 95 and 99 of a hundred of those that were answered took no longer, and the longest of them; `None` = none was.
    pub percentiles: Option<[Duration; 4]>,
    /// Columns of equal width on a logarithmic scale: up to which duration, and how many.
    pub histogram: Vec<(Duration, u64)>,
    /// The shortest that was answered, where the histogram begins.
    pub shortest: Duration,
    /// The last ones, the newest at the end.
    pub last: Vec<One>,
}

/// What is counted while they come.
#[derive(Default)]
pub(crate) struct Counting {
    num: u64,
    num_failed: u64,
    by_end: BTreeMap<Ended, u64>,
    took_ns: VecDeque<u64>,
    last: VecDeque<One>,
}

impl Counting {
    /// One more has ended.
    pub(crate) fn count(&mut self, one: One) {
        self.num += 1;
        self.num_failed += u64::from(one.ended.is_failure());
        *self.by_end.entry(one.ended).or_default() += 1;
        if matches!(one.ended, Ended::Http(_) | Ended::Grpc(_)) {
            if self.took_ns.len() >= TOOK_MAX {
                self.took_ns.pop_front();
            }
            self.took_ns.push_back(one.took.as_nanos().min(u128::from(u64::MAX)) as u64);
        }
        if self.last.len() >= LAST_MAX {
            self.last.pop_front();
        }
        self.last.push_back(one);
    }

    /// How many have ended.
    pub(crate) fn num(&self) -> u64 {
        self.num
    }

    /// What that comes to.
    pub(crate) fn figures(&self, elapsed: Duration) -> RepeatFigures {
        let mut took: Vec<u64> = self.took_ns.iter().copied().collect();
        took.sort_unstable();
        let mut by_end: Vec<(Ended, u64)> = self.by_end.iter().map(|(ended, num)| (*ended, *num)).collect();
        by_end.sort_by_key(|(ended, num)| (std::cmp::Reverse(*num), *ended));
        let percentiles = (!took.is_empty()).then(|| [0.5, 0.95, 0.99, 1.0].map(|share| Duration::from_nanos(took[rank(took.len(), share)])));
        RepeatFigures {
            num: self.num,
            num_failed: self.num_failed,
            rate_per_s: self.num as f64 / elapsed.as_secs_f64().max(1e-3),
            by_end,
            percentiles,
            histogram: histogram(&took),
            shortest: Duration::from_nanos(took.first().copied().unwrap_or_default()),
            last: self.last.iter().cloned().collect(),
        }
    }
}

/// The place of the value that this share of all does not exceed (nearest rank).
fn rank(len: usize, share: f64) -> usize {
    ((len as f64 * share).ceil() as usize).clamp(1, len) - 1
}

/// Columns of equal width on a logarithmic scale, from the shortest to the longest.
fn histogram(sorted: &[u64]) -> Vec<(Duration, u64)> {
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return Vec::new() };
    let (first, last) = ((*first).max(1) as f64, (*last).max(1) as f64);
    let num = if last / first < 1.001 { 1 } else { COLUMNS.min(sorted.len()) };
    let step = (last / first).ln() / num as f64;
    let mut columns: Vec<(Duration, u64)> = (1..=num).map(|column| (Duration::from_secs_f64(first * (step * column as f64).exp() / 1e9), 0)).collect();
    for took in sorted {
        let at = if step > 0.0 { (((*took).max(1) as f64 / first).ln() / step) as usize } else { 0 };
        columns[at.min(num - 1)].1 += 1;
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(took_ms: u64, ended: Ended) -> One {
        One { at_ns: 0, took: Duration::from_millis(took_ms), ended, why: String::new(), trace_id: None }
    }

    #[test]
    fn a_status_is_a_failure_by_its_hundred() {
        let failures = [101, 199, 200, 204, 302, 399, 400, 503, 599].map(|status| Ended::Http(status).is_failure());
        assert_eq!(failures, [true, true, false, false, false, false, true, true, true]);
    }

    #[test]
    fn a_hundred_are_told_by_what_half_and_nearly_all_of_them_took() {
        let mut counting = Counting::default();
        for took_ms in 1..=100 {
            counting.count(one(took_ms, if took_ms > 97 { Ended::Http(503) } else { Ended::Http(200) }));
        }
        counting.count(one(9_000, Ended::Possibly));
        let figures = counting.figures(Duration::from_secs(10));
        assert_eq!((figures.num, figures.num_failed, figures.rate_per_s), (101, 4, 10.1));
        assert_eq!(figures.by_end, [(Ended::Http(200), 97), (Ended::Http(503), 3), (Ended::Possibly, 1)]);
        assert_eq!(figures.percentiles, Some([50, 95, 99, 100].map(Duration::from_millis)), "what nobody answered has no duration");
        assert_eq!((figures.histogram.iter().map(|(_, num)| num).sum::<u64>(), figures.last.len()), (100, LAST_MAX));
        assert_eq!(Counting::default().figures(Duration::ZERO), RepeatFigures::default());
    }

    proptest! {
        #[test]
        fn every_duration_stands_in_one_column(took in prop::collection::vec(0..u64::MAX / 2, 1..200)) {
            let mut took = took;
            took.sort_unstable();
            let columns = histogram(&took);
            prop_assert_eq!(columns.iter().map(|(_, num)| *num).sum::<u64>(), took.len() as u64);
            prop_assert!(columns.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        }
    }
}
