//! Watches the machine's clock: sleep is made up for, a clock that was set is told.

use std::time::Instant;

use switchboard_model::{ClockNews, ClockWatch, now_ns, slept, wall_ns};

/// The clocks as last looked at.
pub(super) struct Clocks {
    watch: ClockWatch,
    began: Instant,
    /// How long the machine had been up then, asleep or not, ns.
    up_ns: Option<i64>,
    /// Sleep that is made up for, ns.
    slept_ns: i64,
}

impl Clocks {
    pub(super) fn new() -> Self {
        Self { watch: ClockWatch::default(), began: Instant::now(), up_ns: up_ns(), slept_ns: 0 }
    }

    /// Looks at them, about once a second: by how much the clock was set since, ns.
    pub(super) fn look(&mut self) -> Option<i64> {
        let asleep_ns = self.up_ns.zip(up_ns()).map(|(began_ns, now_ns)| {
            let awake_ns = i64::try_from(self.began.elapsed().as_nanos()).unwrap_or(i64::MAX);
            now_ns.saturating_sub(began_ns).saturating_sub(awake_ns).saturating_sub(self.slept_ns)
        });
        match self.watch.look(wall_ns(), now_ns(), asleep_ns)? {
            ClockNews::Slept(asleep_ns) => {
                self.slept_ns = self.slept_ns.saturating_add(asleep_ns);
                slept(asleep_ns);
                tracing::info!(seconds = asleep_ns / 1_000_000_000, "The machine slept.");
                None
            }
            ClockNews::Set(by_ns) => {
                tracing::warn!(seconds = by_ns / 1_000_000_000, "This machine's clock was set; times go on by a clock that does not jump.");
                Some(by_ns)
            }
        }
    }
}

/// How long the machine has been up, asleep or not, ns; `None` where the system does not tell.
fn up_ns() -> Option<i64> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    let seconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some((seconds * 1e9) as i64)
}
