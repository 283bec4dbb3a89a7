//! The one clock of the program. It starts with the wall's and then goes on by itself: whoever sets the machine's clock changes no
//! duration, no rate and no age.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

static START: OnceLock<(Instant, i64)> = OnceLock::new();
/// How long the machine slept since: [`Instant`] does not count that everywhere.
static SLEPT_NS: AtomicI64 = AtomicI64::new(0);

/// Now, ns since the Unix epoch: the wall's time when this was first asked, and what has passed since.
pub fn now_ns() -> i64 {
    let (instant, wall_ns) = START.get_or_init(|| (Instant::now(), wall_ns()));
    let passed_ns = i64::try_from(instant.elapsed().as_nanos()).unwrap_or(i64::MAX);
    wall_ns.saturating_add(passed_ns).saturating_add(SLEPT_NS.load(Ordering::Relaxed))
}

/// What the machine's clock on the wall says, ns since the Unix epoch. It may be set at any moment.
pub fn wall_ns() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// The machine slept for so long, and [`now_ns`] did not notice.
pub fn slept(slept_ns: i64) {
    SLEPT_NS.fetch_add(slept_ns.max(0), Ordering::Relaxed);
}

/// A change of the wall's clock against this one that is told, ns.
const JUMP_NS: i64 = 2_000_000_000;

/// Notices that the machine's clock was set, or that the machine slept. Looked at about once a second.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClockWatch {
    offset_ns: i64,
}

/// What became of the machine's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockNews {
    /// It was set by so much, ns: ahead where it is above zero.
    Set(i64),
    /// The machine slept for so long, ns.
    Slept(i64),
}

impl ClockWatch {
    /// Takes a look. `wall_ns` and `now_ns` as [`wall_ns`] and [`now_ns`] tell them; `slept_ns` is how long the machine slept since it
    /// started, where the system tells that.
    pub fn look(&mut self, wall_ns: i64, now_ns: i64, slept_ns: Option<i64>) -> Option<ClockNews> {
        let moved_ns = wall_ns.saturating_sub(now_ns).saturating_sub(self.offset_ns);
        if moved_ns.saturating_abs() < JUMP_NS {
            // Clocks are kept right by slowing and hastening them; that is no jump.
            self.offset_ns = wall_ns.saturating_sub(now_ns);
            return None;
        }
        if let Some(slept_ns) = slept_ns.filter(|slept_ns| *slept_ns >= JUMP_NS) {
            return Some(ClockNews::Slept(slept_ns));
        }
        self.offset_ns = wall_ns.saturating_sub(now_ns);
        Some(ClockNews::Set(moved_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000_000;

    #[test]
    fn the_clock_goes_on_and_stays_near_the_wall() {
        let before = now_ns();
        let after = now_ns();
        assert!(after >= before && (wall_ns() - after).abs() < 60 * S);
    }

    #[test]
    fn a_clock_that_is_set_is_told_once_and_sleep_is_told_apart() {
        let mut watch = ClockWatch::default();
        assert_eq!(watch.look(1_000 * S, 1_000 * S, Some(0)), None);
        assert_eq!(watch.look(1_001 * S + S / 2, 1_001 * S, Some(0)), None, "it is hastened a little");
        assert_eq!(watch.look(4_602 * S + S / 2, 1_002 * S, Some(0)), Some(ClockNews::Set(3_600 * S)));
        assert_eq!(watch.look(4_603 * S + S / 2, 1_003 * S, Some(0)), None, "it is told once");
        assert_eq!(watch.look(1_004 * S + S / 2, 1_004 * S, None), Some(ClockNews::Set(-3_600 * S)));
        // Asleep for 500 s: the wall moved on, this clock did not, until it is told.
        assert_eq!(watch.look(1_505 * S + S / 2, 1_005 * S, Some(500 * S)), Some(ClockNews::Slept(500 * S)));
        assert_eq!(watch.look(1_506 * S + S / 2, 1_506 * S, Some(0)), None);
        assert_eq!(watch.look(i64::MAX, i64::MIN, None), Some(ClockNews::Set(i64::MAX - S / 2)));
    }
}
