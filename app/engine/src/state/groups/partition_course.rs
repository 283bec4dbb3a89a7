//! How single partitions of a group go on, as long as there are not too many to follow each: of very many, only the sum over a
//! topic is followed.

use std::collections::BTreeMap;

use crate::view::Pace;

/// Partitions of all groups that are followed one by one. Of more, none is.
pub(crate) const MOST_FOLLOWED: usize = 20_000;
/// One reading is kept of each such time: a consumer that empties its partitions in turn comes round within a few of them.
const SLOT_NS: i64 = 6_000_000_000;
/// How many are kept, the newest: a minute and a half.
const MAX_SLOTS: usize = 16;
/// How many, and over what time, before growth is believed.
const MIN_SLOTS: usize = 9;
const MIN_RISING_NS: i64 = 60_000_000_000;
/// Growth below this many records, or below this part of what came in, is what is in flight.
const MIN_GROWTH: u64 = 10;
const GROWTH_PART: u64 = 10;

/// A reading of a partition; of several in one slot the one at which least waited is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point {
    pub(crate) lag: u64,
    pub(crate) read_ns: i64,
    pub(crate) committed: i64,
}

/// How far a partition fell behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Growth {
    /// By so many records.
    pub(crate) by: u64,
    /// While this came in and was handled.
    pub(crate) pace: Pace,
}

/// The newest readings of each partition.
#[derive(Clone, Debug, Default)]
pub(crate) struct PartitionCourses(BTreeMap<i32, Vec<Point>>);

impl PartitionCourses {
    /// Takes a reading, in any order of time.
    pub(crate) fn observe(&mut self, partition: i32, point: Point) {
        let points = self.0.entry(partition).or_default();
        let slot = |point: &Point| point.read_ns.div_euclid(SLOT_NS);
        match points.binary_search_by_key(&slot(&point), slot) {
            Ok(at) => points[at] = points[at].min(point),
            Err(at) => {
                points.insert(at, point);
                if points.len() > MAX_SLOTS {
                    points.remove(0);
                }
            }
        }
    }

    /// How far a partition fell behind, by readings from a time on: something always waited, and in the last third of them at its
    /// least more than in the middle at its most, and there more than in the first. A saw-tooth of a shorter time is no growth.
    pub(crate) fn growth(&self, partition: i32, from_ns: i64) -> Option<Growth> {
        let points = self.0.get(&partition)?;
        let points = &points[points.partition_point(|point| point.read_ns < from_ns)..];
        let (first, last) = (points.first()?, points.last()?);
        let over_ns = last.read_ns.saturating_sub(first.read_ns);
        if points.len() < MIN_SLOTS || over_ns < MIN_RISING_NS || points.iter().any(|point| point.lag == 0) {
            return None;
        }
        let third = points.len() / 3;
        let ranges = [&points[..third], &points[third..points.len() - third], &points[points.len() - third..]];
        let [lowest, highest]: [Vec<u64>; 2] = [
            ranges.map(|range| range.iter().map(|point| point.lag).min().unwrap_or(0)),
            ranges.map(|range| range.iter().map(|point| point.lag).max().unwrap_or(0)),
        ]
        .map(Vec::from);
        let by = last.lag.checked_sub(first.lag)?;
        let handled = u64::try_from(last.committed.checked_sub(first.committed)?).ok()?;
        let came_in = handled.checked_add(by)?;
        let is_growth = lowest[1] > highest[0] && lowest[2] > highest[1] && by >= MIN_GROWTH.max(came_in / GROWTH_PART);
        is_growth.then_some(Growth { by, pace: Pace { over_ns, came_in, handled } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000_000;

    /// Readings every two seconds: lag by second, commits ten a second.
    fn course(seconds: i64, lag: impl Fn(i64) -> u64) -> PartitionCourses {
        let mut courses = PartitionCourses::default();
        let points: Vec<Point> = (0..seconds / 2).map(|at| Point { read_ns: at * 2 * S, committed: at * 20, lag: lag(at * 2) }).collect();
        for point in points.iter().rev().chain(&points) {
            courses.observe(3, *point);
        }
        courses
    }

    #[test]
    fn a_partition_falls_behind_where_it_does_so_for_long() {
        let steady = course(120, |second| 5 + second as u64 * 2).growth(3, 0).expect("it grows");
        assert!(steady.by >= 150 && steady.pace.came_in - steady.pace.handled == steady.by && steady.pace.over_ns >= 80 * S, "{steady:?}");
        for (name, lag) in [
            ("short", course(50, |second| 5 + second as u64 * 2)),
            ("it stands", course(120, |_| 400)),
            ("it falls", course(120, |second| 400 - second as u64)),
            ("emptied in turn every half minute", course(240, |second| 1 + (second % 30) as u64 * 20)),
            ("emptied once in between", course(120, |second| if second / 2 == 45 { 0 } else { 5 + second as u64 * 2 })),
            ("what is in flight", course(120, |second| 5 + second as u64 / 20)),
        ] {
            assert_eq!(lag.growth(3, 0), None, "{name}");
        }
        let courses = course(120, |second| 5 + second as u64 * 2);
        assert_eq!((courses.growth(4, 0), courses.growth(3, 100 * S)), (None, None), "another partition; the topic was made again");
    }
}
