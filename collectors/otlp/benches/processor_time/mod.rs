//! Time on a processor instead of time by the clock, so that neither the number of processors nor what else runs on them
//! is in the figures.

use std::time::{Duration, Instant};

/// Time that all threads of this program spend on processors in some work; by the clock where the system does not say.
pub fn of(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    let before = so_far();
    work();
    match (before, so_far()) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        _ => began.elapsed(),
    }
}

fn so_far() -> Option<Duration> {
    // The system adds a running thread's time up when it schedules; so it is made to.
    std::thread::yield_now();
    let of_task = |task: std::fs::DirEntry| -> Option<u64> { std::fs::read_to_string(task.path().join("schedstat")).ok()?.split(' ').next()?.parse().ok() };
    Some(Duration::from_nanos(std::fs::read_dir("/proc/self/task").ok()?.filter_map(Result::ok).filter_map(of_task).sum()))
}
