//! How fast a run sends, and how carefully.

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior};

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
}

impl Default for Pace {
    fn default() -> Self {
        Self { num_canary: 5, rate_per_s: 10, quiet: Duration::from_secs(3), lag_margin: 500, look_every: Duration::from_millis(250) }
    }
}

impl Pace {
    /// Ticks at which it is looked what became of it.
    pub(super) fn looks(&self) -> Interval {
        ticks(self.look_every)
    }

    /// Ticks at each of which one may be sent.
    pub(super) fn sends(&self) -> Interval {
        ticks(Duration::from_secs(1) / self.rate_per_s.max(1))
    }
}

/// Ticks that do not come faster after one that came late.
fn ticks(every: Duration) -> Interval {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
