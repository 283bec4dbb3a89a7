//! How fast a run sends, and how carefully.

use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior};

use crate::send::replay::Caps;

/// How fast, and how carefully.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How many are sent first.
    pub num_canary: usize,
    /// How many are sent a second.
    pub rate_per_s: u32,
    /// How long after a letter was read it would have shown itself on a retry or dead-letter channel.
    pub quiet: Duration,
    /// How many more records than before a group on the target may be behind.
    pub lag_margin: u64,
    /// Between two looks at what became of it.
    pub look_every: Duration,
    /// How long a preview may take to tell the difference of each record that is changed; of some it is told less finely then.
    pub compared_within: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            num_canary: 5,
            rate_per_s: 10,
            quiet: Duration::from_secs(3),
            lag_margin: 500,
            look_every: Duration::from_millis(250),
            compared_within: Duration::from_millis(5),
        }
    }
}

impl Pace {
    /// The same as it is let on a cluster.
    pub(super) fn within(self, caps: Caps) -> Self {
        Self { num_canary: caps.num_first.unwrap_or(self.num_canary), rate_per_s: caps.rate_per_s.unwrap_or(self.rate_per_s), ..self }
    }

    /// Ticks at which it is looked what became of it.
    pub(super) fn looks(&self) -> Interval {
        ticks(self.look_every)
    }
}

/// When the next one may be sent: slowly at first, twice as fast every few seconds, until the rate is reached.
pub(super) struct Ramp {
    began: Instant,
    due: Instant,
    rate_per_s: u32,
    /// Whether it goes at the whole rate from the beginning.
    is_level: bool,
}

/// The rate begins at this part of it.
const BEGINS_AT: u32 = 4;
/// After so long it is twice as much.
const DOUBLES_EVERY: Duration = Duration::from_secs(2);

impl Ramp {
    pub(super) fn new(pace: &Pace, is_level: bool) -> Self {
        let now = Instant::now();
        Self { began: now, due: now, rate_per_s: pace.rate_per_s.max(1), is_level }
    }

    /// Waits until one may be sent. Given up before that, nothing is lost.
    pub(super) async fn next(&mut self) {
        tokio::time::sleep_until(self.due).await;
        self.one_goes(Instant::now());
    }

    /// One is sent now; those that come late are not made up for.
    fn one_goes(&mut self, now: Instant) {
        self.due = now + Duration::from_secs(1) / self.rate_at(now);
    }

    fn rate_at(&self, now: Instant) -> u32 {
        if self.is_level {
            return self.rate_per_s;
        }
        let doublings = now.saturating_duration_since(self.began).as_secs() / DOUBLES_EVERY.as_secs();
        let slowest = (self.rate_per_s / BEGINS_AT).max(1);
        slowest.saturating_mul(1_u32.checked_shl(u32::try_from(doublings).unwrap_or(u32::MAX)).unwrap_or(u32::MAX)).min(self.rate_per_s)
    }
}

/// Ticks that do not come faster after one that came late.
fn ticks(every: Duration) -> Interval {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many go in each of the first seconds, of one that is ready whenever the next is due; `late` is how late it comes.
    fn per_second(rate_per_s: u32, is_level: bool, late: Duration) -> Vec<u32> {
        let mut ramp = Ramp::new(&Pace { rate_per_s, ..Pace::default() }, is_level);
        let mut num = vec![0; 8];
        loop {
            let now = ramp.due + late;
            let Some(second) = num.get_mut(now.saturating_duration_since(ramp.began).as_secs() as usize) else { return num };
            *second += 1;
            ramp.one_goes(now);
        }
    }

    #[test]
    fn a_run_begins_slowly_and_comes_to_its_rate() {
        assert_eq!(per_second(200, false, Duration::ZERO), [50, 50, 100, 100, 200, 200, 200, 200]);
        assert_eq!(per_second(200, true, Duration::ZERO), [200; 8], "the first few are as few as they are");
        // A quarter of two is none, and one a second it goes in any case.
        assert_eq!(per_second(2, false, Duration::ZERO), [1, 1, 2, 2, 2, 2, 2, 2]);
        let late = per_second(200, false, Duration::from_millis(5));
        assert!(late.iter().zip([41, 41, 68, 68, 101, 101, 101, 101]).all(|(num, most)| *num <= most), "no burst makes good what was late: {late:?}");
        let ramp = Ramp::new(&Pace { rate_per_s: u32::MAX, ..Pace::default() }, false);
        assert_eq!(ramp.rate_at(ramp.began + Duration::from_hours(1_000)), u32::MAX);
    }
}
