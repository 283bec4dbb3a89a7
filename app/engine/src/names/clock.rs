//! How far the clock of a service is off, judged by its spans: nothing ends after it arrived, and of all that arrives in a minute
//! something has just ended.

use switchboard_model::is_believable;

/// A clock that is ahead by no more is not told of, ns.
const AHEAD_NS: i64 = 2_000_000_000;
/// Spans that come later are not only held back by a batch, ns.
const BEHIND_NS: i64 = 60_000_000_000;
const MINUTE_NS: i64 = 60_000_000_000;

/// A minute of arrivals, and how far the freshest end of it lay ahead of its arrival, ns.
type Minute = (i64, i64);

/// What the two newest minutes with arrivals tell of a clock. The same whatever the order of what arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clock {
    newest: Option<Minute>,
    before: Option<Minute>,
}

impl Clock {
    /// A span arrived whose end lay so far ahead of that.
    pub(crate) fn see(&mut self, received_ns: i64, ahead_ns: i64) {
        if !is_believable(ahead_ns) {
            return;
        }
        let minute = received_ns.div_euclid(MINUTE_NS);
        for place in [&mut self.newest, &mut self.before] {
            if let Some((known, freshest_ns)) = place
                && *known == minute
            {
                *freshest_ns = ahead_ns.max(*freshest_ns);
                return;
            }
        }
        if self.newest.is_none_or(|(known, _)| known < minute) {
            (self.newest, self.before) = (Some((minute, ahead_ns)), self.newest);
        } else if self.before.is_none_or(|(known, _)| known < minute) {
            self.before = Some((minute, ahead_ns));
        }
    }

    /// By how much it runs ahead of this machine's, ns; below zero: behind, or its spans come that late. `None` = as far as can be
    /// told they agree, or nothing tells. `set_by_ns` says by how much this machine's was set before a minute begins, against the clock
    /// by which arrivals are told; `None` = it was set about then, and nothing tells.
    pub(crate) fn ahead_ns(&self, set_by_ns: impl Fn(i64) -> Option<i64>) -> Option<i64> {
        let of_minute = |(minute, ahead_ns): Minute| Some(ahead_ns.saturating_sub(set_by_ns(minute.saturating_mul(MINUTE_NS))?));
        let newest = self.newest?;
        let freshest_ns = of_minute(newest)?;
        let before_ns = self.before.filter(|(known, _)| *known + 1 == newest.0).and_then(of_minute);
        Some(before_ns.map_or(freshest_ns, |before_ns| before_ns.max(freshest_ns))).filter(|ahead_ns| *ahead_ns > AHEAD_NS || *ahead_ns < -BEHIND_NS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000_000;

    fn clock(seen: &[(i64, i64)]) -> Option<i64> {
        let mut clock = Clock::default();
        for (received_s, ahead_s) in seen {
            clock.see(received_s * S, ahead_s * S);
        }
        let mut reversed = Clock::default();
        for (received_s, ahead_s) in seen.iter().rev() {
            reversed.see(received_s * S, ahead_s * S);
        }
        assert_eq!(clock, reversed, "{seen:?}");
        clock.ahead_ns(|_| Some(0)).map(|ahead_ns| ahead_ns / S)
    }

    #[test]
    fn a_clock_is_told_by_the_freshest_of_its_spans() {
        for (seen, expected) in [
            (&[][..], None),
            (&[(100, 300)], Some(300)),
            (&[(100, 90), (101, 89)], Some(90)),
            (&[(100, -1)], None),
            (&[(100, -30)], None),
            (&[(100, -300), (110, -301)], Some(-300)),
            // A late span among fresh ones is late; its clock is right.
            (&[(100, -300), (101, -1)], None),
            // A clock that was set right is right a minute or two later.
            (&[(100, 300), (170, -1)], Some(300)),
            (&[(100, 300), (170, -1), (230, -1)], None),
            (&[(100, 300), (1_000, -1)], None),
            // Milliseconds for nanoseconds tell nothing.
            (&[(1_795_000_000, -1_794_000_000)], None),
        ] {
            assert_eq!(clock(seen), expected, "{seen:?}");
        }
    }
}
