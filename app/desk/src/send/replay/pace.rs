//! How fast a run sends, and how carefully: as it is on the cluster that is sent to, or as it was chosen for the run.

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

/// More do not go first: each of these is followed and listed by itself.
pub(crate) const FIRST_MAX: u32 = 100;
/// No run is asked to go faster, records a second.
pub(crate) const RATE_MAX: u32 = 10_000;

/// How many go first, and how fast the rest goes, where that is chosen for one run; `None` = it is not, and is as the cluster that is sent to has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChosenPace {
    /// How many go first, and are followed before the rest goes.
    pub num_first: Option<u32>,
    /// How many the rest goes at, a second.
    pub rate_per_s: Option<u32>,
}

impl ChosenPace {
    /// As it was typed, where nothing typed is nothing chosen; the reason where something else than a number was.
    pub fn typed(first: &str, rate: &str) -> Result<Self, String> {
        let number = |what: &str, text: &str, most: u32| match text.trim() {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| format!("{what}: {text:?} is no number from 1 to {most}. Write one, or leave it empty")),
        };
        Ok(Self { num_first: number("First", first, FIRST_MAX)?, rate_per_s: number("Rate", rate, RATE_MAX)? })
    }
}

/// How many go first to a cluster and how fast the rest goes, and what can be chosen instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaceBounds {
    /// How many go first where nothing is chosen.
    pub num_first: usize,
    /// How many the rest goes at, a second, where nothing is chosen.
    pub rate_per_s: u32,
    /// How many a second the profile lets go at most; `None` = it does not say.
    pub rate_cap: Option<u32>,
}

impl PaceBounds {
    pub(super) fn of(pace: &Pace, caps: Caps) -> Self {
        let (num_first, rate_per_s) = (caps.num_first.unwrap_or(pace.num_canary), caps.rate_per_s.unwrap_or(pace.rate_per_s));
        Self { num_first, rate_per_s, rate_cap: caps.rate_per_s }
    }

    /// How many go first, and how many a second the rest goes at, with what is chosen; the reason where that is not let.
    pub fn choose(&self, chosen: ChosenPace) -> Result<(usize, u32), String> {
        if let Some(first) = chosen.num_first.filter(|first| !(1..=FIRST_MAX).contains(first)) {
            return Err(format!("{first} cannot go first: choose 1 to {FIRST_MAX}, for each of these is followed before the rest goes"));
        }
        match (chosen.rate_per_s, self.rate_cap) {
            (Some(rate), Some(cap)) if rate > cap => Err(format!(
                "{rate} a second is more than the profile lets go to this cluster, {cap} (replay.per_second). Choose {cap} or fewer, or raise it there"
            )),
            (Some(rate), _) if !(1..=RATE_MAX).contains(&rate) => Err(format!("{rate} is no rate: choose 1 to {RATE_MAX} a second")),
            (rate, _) => Ok((chosen.num_first.map_or(self.num_first, |first| first as usize), rate.unwrap_or(self.rate_per_s))),
        }
    }
}

/// How long so many take at this rate, which is reached slowly.
pub(super) fn takes(num: usize, rate_per_s: u32) -> Duration {
    let (mut left, mut took) = (num as f64, Duration::ZERO);
    loop {
        let now_per_s = ramped(rate_per_s, took.as_secs() / DOUBLES_EVERY.as_secs());
        let within = f64::from(now_per_s) * DOUBLES_EVERY.as_secs_f64();
        if now_per_s == rate_per_s || left <= within {
            return took + Duration::from_secs_f64(left / f64::from(now_per_s.max(1)));
        }
        left -= within;
        took += DOUBLES_EVERY;
    }
}

/// How many a second go after it was doubled so often.
fn ramped(rate_per_s: u32, doublings: u64) -> u32 {
    let slowest = (rate_per_s / BEGINS_AT).max(1);
    slowest.saturating_mul(1_u32.checked_shl(u32::try_from(doublings).unwrap_or(u32::MAX)).unwrap_or(u32::MAX)).min(rate_per_s)
}

impl Pace {
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
        ramped(self.rate_per_s, now.saturating_duration_since(self.began).as_secs() / DOUBLES_EVERY.as_secs())
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

    #[test]
    fn how_long_a_run_takes_is_told_with_its_slow_beginning() {
        // 50, 50, 100, 100, then 200 a second.
        for (num, took_ms) in [(0, 0), (1, 20), (50, 1_000), (100, 2_000), (300, 4_000), (500, 5_000), (1_300, 9_000)] {
            assert_eq!(takes(num, 200), Duration::from_millis(took_ms), "{num}");
        }
        assert_eq!([takes(3, 1), takes(288, 10), takes(6, 2)], [3, 32, 4].map(Duration::from_secs));
    }

    #[test]
    fn what_is_chosen_is_let_within_what_the_profile_says_and_refused_in_words() {
        let caps = Caps { rate_per_s: Some(50), ..Caps::default() };
        let (capped, free) = (PaceBounds::of(&Pace::default(), caps), PaceBounds::of(&Pace::default(), Caps::default()));
        let typed = |bounds: &PaceBounds, first: &str, rate: &str| ChosenPace::typed(first, rate).and_then(|chosen| bounds.choose(chosen));
        for (bounds, first, rate, goes) in [
            (&capped, "", "", (5, 50)),
            (&free, "", " ", (5, 10)),
            (&capped, " 100 ", "1", (100, 1)),
            (&capped, "1", "50", (1, 50)),
            (&free, "1", "10000", (1, 10_000)),
        ] {
            assert_eq!(typed(bounds, first, rate), Ok(goes), "{first:?} {rate:?}");
        }
        for (bounds, first, rate, why) in [
            (&free, "0", "", "0 cannot go first: choose 1 to 100"),
            (&free, "101", "", "101 cannot go first"),
            (&free, "few", "", "First: \"few\" is no number from 1 to 100. Write one, or leave it empty"),
            (&free, "", "-1", "Rate: \"-1\" is no number from 1 to 10000"),
            (&free, "", "99999999999", "is no number"),
            (&free, "", "0", "0 is no rate: choose 1 to 10000 a second"),
            (&capped, "", "0", "0 is no rate"),
            (&free, "", "10001", "10001 is no rate"),
            (&capped, "", "51", "51 a second is more than the profile lets go to this cluster, 50 (replay.per_second). Choose 50 or fewer"),
        ] {
            let told = typed(bounds, first, rate);
            assert!(told.as_ref().is_err_and(|told| told.contains(why)), "{first:?} {rate:?}: {told:?}");
        }
    }
}
