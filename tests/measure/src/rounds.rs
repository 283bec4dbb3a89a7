//! Whether starting and stopping leaves nothing behind: for tests that are alone in their process, since it counts the process's threads and
//! descriptors, which Linux tells.

use std::time::{Duration, Instant};

/// How long anything may take that is waited for.
const DEADLINE: Duration = Duration::from_secs(20);
/// A stop takes less.
const STOPS_WITHIN: Duration = Duration::from_millis(500);

/// Threads and descriptors of this process.
fn counts() -> (usize, usize) {
    let count = |folder: &str| std::fs::read_dir(folder).expect("proc").count();
    (count("/proc/self/task"), count("/proc/self/fd"))
}

/// Waits until the counts are as expected, or, where nothing is expected, until they have not changed for half a second.
fn settled(expected: Option<(usize, usize)>) -> (usize, usize) {
    let deadline = Instant::now() + DEADLINE;
    let (mut last, mut since) = (counts(), Instant::now());
    loop {
        std::thread::sleep(Duration::from_millis(20));
        let now = counts();
        if now != last {
            (last, since) = (now, Instant::now());
        }
        if expected.map_or(since.elapsed() > Duration::from_millis(500), |expected| now == expected) || Instant::now() > deadline {
            return now;
        }
    }
}

/// Starts something a hundred times, looks at it until it is live, and stops it. Fails where a stop takes 500 ms, or where threads or descriptors stay.
pub fn assert_nothing_stays<R>(start: impl Fn() -> R, mut is_live: impl FnMut(&mut R) -> bool, stop: impl Fn(R)) {
    let mut round = || {
        let mut running = start();
        let deadline = Instant::now() + DEADLINE;
        while !is_live(&mut running) {
            assert!(Instant::now() < deadline, "it is live within {DEADLINE:?}");
        }
        let stopped = Instant::now();
        stop(running);
        assert!(stopped.elapsed() < STOPS_WITHIN, "{:?}", stopped.elapsed());
    };
    // What is made once, such as the threads of a runtime, is made in the first round.
    round();
    let before = settled(None);
    for _ in 0..100 {
        round();
    }
    assert_eq!(settled(Some(before)), before, "threads and descriptors");
}
