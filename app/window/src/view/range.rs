//! How much time is looked at.

use serde::{Deserialize, Serialize};
use switchboard_engine::view::Range;

/// The engine's figures are kept in buckets of this length, ns.
const BUCKET_NS: i64 = 10_000_000_000;

/// How much time is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TimeRange {
    /// A minute.
    #[default]
    M1,
    /// Five minutes.
    M5,
    /// A quarter of an hour.
    M15,
    /// The whole session.
    All,
}

impl TimeRange {
    /// As the bar says it.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::M1 => "1 min",
            Self::M5 => "5 min",
            Self::M15 => "15 min",
            Self::All => "all",
        }
    }

    /// How long, ns; `None` = all.
    pub(crate) fn duration_ns(self) -> Option<i64> {
        const MINUTE_NS: i64 = 60_000_000_000;
        match self {
            Self::M1 => Some(MINUTE_NS),
            Self::M5 => Some(5 * MINUTE_NS),
            Self::M15 => Some(15 * MINUTE_NS),
            Self::All => None,
        }
    }

    /// The instant that questions are of, where the newest that was observed is of `newest_ns`: once the range holds nothing
    /// any more it moves on no further, so that nothing is asked anew.
    pub(crate) fn asked_at_ns(self, as_of_ns: i64, newest_ns: Option<i64>) -> i64 {
        // Of all time, courses are drawn of the last quarter of an hour.
        let length_ns = self.duration_ns().or(Self::M15.duration_ns()).unwrap_or_default();
        newest_ns.map_or(as_of_ns, |newest_ns| as_of_ns.min(newest_ns.saturating_add(length_ns + BUCKET_NS)))
    }

    /// The range that ends at this instant, rounded outwards to the engine's buckets; `None` = all.
    pub(crate) fn range(self, as_of_ns: i64) -> Option<Range> {
        let duration_ns = self.duration_ns()?;
        let to_ns = (as_of_ns.div_euclid(BUCKET_NS) + 1).saturating_mul(BUCKET_NS);
        Some(Range { from_ns: to_ns.saturating_sub(duration_ns), to_ns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_covers_the_time_before_its_instant_in_whole_buckets() {
        let range = TimeRange::M5.range(1_003_000_000_000).expect("not all");
        assert_eq!((range.from_ns, range.to_ns), (710_000_000_000, 1_010_000_000_000));
        assert_eq!(TimeRange::All.range(1), None);
        let asked_at = |as_of_s: i64| TimeRange::M1.asked_at_ns(as_of_s * 1_000_000_000, Some(1_000_000_000_000)) / 1_000_000_000;
        assert_eq!([asked_at(1_030), asked_at(1_069), asked_at(1_500)], [1_030, 1_069, 1_070], "a drained range stands still");
        assert!(TimeRange::M15.range(i64::MAX).is_some_and(|range| range.from_ns < range.to_ns), "no overflow");
    }
}
