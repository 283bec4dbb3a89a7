//! How long to wait before trying again.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::Duration;

/// The first wait.
const FIRST: Duration = Duration::from_millis(500);

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(30);

/// Exponential back-off from 0.5 s to 30 s, each wait with a jitter of 10 % so that sources that failed together do not
/// come back together.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Backoff {
    /// The wait after one more failure.
    pub fn next_delay(&mut self) -> Duration {
        let delay = self.next;
        self.next = (self.next * 2).min(LONGEST);
        jittered(delay).clamp(FIRST, LONGEST)
    }

    /// After a success: the next failure is the first again.
    pub fn reset(&mut self) {
        self.next = FIRST;
    }
}

/// A duration with a random jitter of at most 10 % to either side.
pub fn jittered(duration: Duration) -> Duration {
    // Each RandomState has keys of its own: random enough to keep polls apart, without a generator to carry along.
    let random = RandomState::new().build_hasher().finish();
    let share = (random >> 11) as f64 / (1_u64 << 53) as f64;
    duration.mul_f64(0.9 + 0.2 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_30_s_and_begin_again_after_a_success() {
        let mut backoff = Backoff::default();
        for expected_s in [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0] {
            let delay_s = backoff.next_delay().as_secs_f64();
            assert!((delay_s / expected_s - 1.0).abs() <= 0.1001 && (0.5..=30.0).contains(&delay_s), "{delay_s} s for {expected_s} s");
        }
        backoff.reset();
        assert!(backoff.next_delay() < Duration::from_secs(1));
    }

    #[test]
    fn jitter_spreads_to_both_sides() {
        let second = Duration::from_secs(1);
        let waits: Vec<Duration> = (0..200).map(|_| jittered(second)).collect();
        assert!(waits.iter().all(|wait| (900..=1100).contains(&wait.as_millis())));
        assert!(waits.iter().any(|wait| *wait < second) && waits.iter().any(|wait| *wait > second));
    }
}
