//! How much may be read a second.

use std::time::{Duration, Instant};

/// Bytes a second, with a quarter of a second's worth in hand.
pub(crate) struct RateCap {
    bytes_per_s: f64,
    in_hand: f64,
    filled: Instant,
}

impl RateCap {
    pub fn new(bytes_per_s: u64) -> Self {
        let bytes_per_s = bytes_per_s.max(1) as f64;
        Self { bytes_per_s, in_hand: bytes_per_s / 4.0, filled: Instant::now() }
    }

    /// Takes note of what was read.
    pub fn spend(&mut self, num_bytes: usize) {
        self.in_hand -= num_bytes as f64;
    }

    /// How long to wait until more may be read.
    pub fn wait(&mut self, now: Instant) -> Duration {
        self.in_hand = (self.in_hand + now.duration_since(self.filled).as_secs_f64() * self.bytes_per_s).min(self.bytes_per_s / 4.0);
        self.filled = now;
        if self.in_hand > 0.0 { Duration::ZERO } else { Duration::from_secs_f64(-self.in_hand / self.bytes_per_s) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cap_lets_through_what_it_says() {
        let mut cap = RateCap::new(1_000);
        let start = cap.filled;
        assert_eq!(cap.wait(start), Duration::ZERO);
        cap.spend(1_250);
        assert_eq!(cap.wait(start), Duration::from_secs(1));
        assert_eq!(cap.wait(start + Duration::from_millis(400)), Duration::from_millis(600));
        assert_eq!(cap.wait(start + Duration::from_millis(1_001)), Duration::ZERO);
        // What is saved up is bounded.
        assert_eq!(cap.wait(start + Duration::from_hours(1)), Duration::ZERO);
        cap.spend(350);
        assert_eq!(cap.wait(start + Duration::from_hours(1)), Duration::from_millis(100));
    }
}
