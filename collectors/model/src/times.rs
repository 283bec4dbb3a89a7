//! Which moments and durations are believed.

/// The longest that anything lasts, ns: 366 days. What claims to be longer has a moment in the wrong unit, or none.
const LONGEST_NS: u64 = 366 * 86_400 * 1_000_000_000;

/// Whether two moments so far apart, in ns, may have to do with one another.
#[inline]
pub fn is_believable(apart_ns: i64) -> bool {
    apart_ns.unsigned_abs() <= LONGEST_NS
}

/// How long something lasted, ns, from its start and end in ns since the Unix epoch; `None` where these make no duration: there is
/// no end, it lies before the start, or the two have different units.
pub fn duration_ns(start_ns: i64, end_ns: i64) -> Option<i64> {
    end_ns.checked_sub(start_ns).filter(|duration_ns| *duration_ns >= 0 && is_believable(*duration_ns))
}

/// Whether a moment that was told may be one of those that arrived then; both in ns since the Unix epoch.
#[inline]
pub fn is_believable_at(told_ns: i64, received_ns: i64) -> bool {
    is_believable(told_ns.saturating_sub(received_ns))
}

/// When something happened that was told to have happened then: at that moment, if it is believable, else when it arrived. All in ns
/// since the Unix epoch.
#[inline]
pub fn believed_ns(told_ns: i64, received_ns: i64) -> i64 {
    if is_believable_at(told_ns, received_ns) { told_ns } else { received_ns }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_NS: i64 = 1_795_000_000_000_000_000;

    #[test]
    fn only_moments_that_belong_together_make_a_duration() {
        let in_milliseconds = NOW_NS / 1_000_000;
        for (start_ns, end_ns, expected) in [
            (NOW_NS, NOW_NS, Some(0)),
            (NOW_NS, NOW_NS + 20_000_000, Some(20_000_000)),
            (NOW_NS - 7 * 86_400_000_000_000, NOW_NS, Some(7 * 86_400_000_000_000)),
            (NOW_NS, NOW_NS - 1, None),
            (NOW_NS, 0, None),
            (in_milliseconds, NOW_NS, None),
            (0, NOW_NS, None),
            (i64::MIN, i64::MAX, None),
            (i64::MAX, i64::MIN, None),
        ] {
            assert_eq!(duration_ns(start_ns, end_ns), expected, "{start_ns} to {end_ns}");
        }
        assert!(is_believable_at(NOW_NS - 3_600_000_000_000, NOW_NS) && !is_believable_at(in_milliseconds, NOW_NS) && !is_believable_at(0, NOW_NS));
        assert_eq!([NOW_NS - 5, in_milliseconds, i64::MAX].map(|told_ns| believed_ns(told_ns, NOW_NS)), [NOW_NS - 5, NOW_NS, NOW_NS]);
    }
}
