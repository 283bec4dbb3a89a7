use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// The switches that services look at; each is thrown by a command.
#[derive(Default)]
pub(crate) struct Faults {
    poison: AtomicBool,
    slow_consumer: AtomicBool,
    payments_down: AtomicBool,
    hurry: AtomicBool,
    /// Wakes inventory to handle some records again.
    pub(crate) duplicate_delivery: Notify,
}

impl Faults {
    pub(crate) fn set_poison(&self, on: bool) {
        self.poison.store(on, Ordering::Relaxed);
    }

    /// Whether some orders are made such that they cannot be shipped.
    pub(crate) fn poison(&self) -> bool {
        self.poison.load(Ordering::Relaxed)
    }

    pub(crate) fn set_slow_consumer(&self, on: bool) {
        self.slow_consumer.store(on, Ordering::Relaxed);
    }

    /// Whether inventory works slower than orders come; never once the lab drains its queues.
    pub(crate) fn slow_consumer(&self) -> bool {
        self.slow_consumer.load(Ordering::Relaxed) && !self.hurry()
    }

    pub(crate) fn set_payments_down(&self, down: bool) {
        self.payments_down.store(down, Ordering::Relaxed);
    }

    /// Whether payments answers 503 or hangs.
    pub(crate) fn payments_down(&self) -> bool {
        self.payments_down.load(Ordering::Relaxed)
    }

    /// While on, the consumers leave out what only takes time, so that all is consumed before the lab says it stopped.
    pub(crate) fn set_hurry(&self, on: bool) {
        self.hurry.store(on, Ordering::Relaxed);
    }

    /// Whether the queues are being drained.
    pub(crate) fn hurry(&self) -> bool {
        self.hurry.load(Ordering::Relaxed)
    }
}
