//! Watches the machine's clock: sleep is made up for, a clock that was set is told.

use std::time::Instant;

use switchboard_model::{Batch, BatchHeader, ClockNews, ClockWatch, Fact, FactBatch, Offer, Sink, now_ns, slept, wall_ns};

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

/// By how much the clock was set, as far as the engine was not told.
#[derive(Default)]
pub(super) struct Untold {
    by_ns: i64,
}

impl Untold {
    /// It was set once more.
    pub(super) fn add(&mut self, by_ns: i64) {
        self.by_ns = self.by_ns.saturating_add(by_ns);
    }

    /// Tells it, if the queue has room for it now; otherwise it is told another time.
    pub(super) fn tell(&mut self, header: BatchHeader, sink: &Sink) {
        if self.by_ns == 0 {
            return;
        }
        let offered = sink.offer(Batch::Facts(FactBatch { header, facts: vec![Fact::ClockSet { by_ns: self.by_ns }] }));
        if !matches!(offered, Offer::Full(_)) {
            self.by_ns = 0;
        }
    }
}

/// How long the machine has been up, asleep or not, ns; `None` where the system does not tell.
fn up_ns() -> Option<i64> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    let seconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some((seconds * 1e9) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use switchboard_model::{Input, channel};

    #[test]
    fn a_clock_that_was_set_while_the_queue_was_full_is_told_once_it_has_room() {
        let (intake, mut outlet) = channel(64);
        let header = BatchHeader::default();
        let sink = intake.sink(header.source);
        assert!(matches!(sink.offer(Batch::Tick(header)), Offer::Taken), "an empty queue takes anything");
        let mut untold = Untold::default();
        for by_ns in [5, 7] {
            untold.add(by_ns);
            untold.tell(header, &sink);
        }
        assert!(matches!(outlet.recv(Duration::ZERO), Some(Input::Batch(Batch::Tick(_)))));
        assert!(outlet.recv(Duration::ZERO).is_none(), "there was no room");
        for _ in 0..2 {
            untold.tell(header, &sink);
        }
        let Some(Input::Batch(Batch::Facts(told))) = outlet.recv(Duration::ZERO) else { panic!("nothing was told") };
        assert_eq!(told.facts, [Fact::ClockSet { by_ns: 12 }]);
        assert!(outlet.recv(Duration::ZERO).is_none(), "it is told once");
    }
}
