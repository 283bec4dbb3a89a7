//! Whether anybody looks: while the window is hidden, collecting goes on and drawing stops.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use std::time::{Duration, Instant};

use switchboard_engine::view::Snapshot;

/// A hidden window is woken at most this often, without drawing: in case the desktop does not tell that it is seen again.
const WAKE_HIDDEN_EVERY: Duration = Duration::from_secs(2);
/// A publication is drawn within this time: what comes meanwhile is drawn with it. So news draw at most 25 frames a second,
/// and answers to what was asked have room beside them below 30.
const DRAWN_WITHIN: Duration = Duration::from_millis(40);

/// Whether the window is seen.
#[derive(Default)]
pub(crate) struct Attendance {
    hidden: Arc<AtomicBool>,
    left: Option<(Snapshot, i64)>,
}

impl Attendance {
    /// Told of each look at the window; when it is seen again, what was known when it was left, and when that was.
    pub(crate) fn take(&mut self, visible: bool, snapshot: &Snapshot, now_ns: i64) -> Option<(Snapshot, i64)> {
        self.hidden.store(!visible, Ordering::Relaxed);
        if visible {
            return self.left.take();
        }
        if self.left.is_none() {
            self.left = Some((snapshot.clone(), now_ns));
        }
        None
    }

    /// Asks for a frame soon after a publication while the window is seen.
    pub(crate) fn waker(&self, ctx: egui::Context) -> Box<dyn Fn() + Send + Sync> {
        let hidden = Arc::clone(&self.hidden);
        let (begun, last_ms) = (Instant::now(), AtomicU64::new(0));
        Box::new(move || {
            if hidden.load(Ordering::Relaxed) {
                let now_ms = begun.elapsed().as_millis() as u64;
                if now_ms.saturating_sub(last_ms.load(Ordering::Relaxed)) < WAKE_HIDDEN_EVERY.as_millis() as u64 {
                    return;
                }
                last_ms.store(now_ms, Ordering::Relaxed);
            }
            // Not at once: that would be two frames for each.
            ctx.request_repaint_after(DRAWN_WITHIN);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_hidden_window_remembers_what_was_known_when_it_was_left() {
        let (before, later) = (testing::order_business(), Snapshot { generation: 9, ..testing::order_business() });
        let mut attendance = Attendance::default();
        assert!(attendance.take(true, &before, 1).is_none());
        assert!(attendance.take(false, &before, 2).is_none());
        assert!(attendance.take(false, &later, 3).is_none());
        let (left, left_ns) = attendance.take(true, &later, 4).expect("it was left");
        assert_eq!((left.generation, left_ns), (before.generation, 2));
        assert!(attendance.take(true, &later, 5).is_none());
    }

    #[test]
    fn publications_wake_a_window_only_while_it_is_seen() {
        let ctx = egui::Context::default();
        let settle = || (0..4).for_each(|_| ctx.run_ui(egui::RawInput::default(), |_| {}).drop_without_applying_deltas());
        let mut attendance = Attendance::default();
        let wake = attendance.waker(ctx.clone());
        settle();
        assert!(!ctx.has_requested_repaint());
        wake();
        assert!(ctx.has_requested_repaint(), "seen");
        settle();
        let _left = attendance.take(false, &Snapshot::default(), 1);
        for _ in 0..1_000 {
            wake();
        }
        assert!(!ctx.has_requested_repaint(), "hidden");
        let _returned = attendance.take(true, &Snapshot::default(), 2);
        wake();
        assert!(ctx.has_requested_repaint(), "seen again");
    }
}
