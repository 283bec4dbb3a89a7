//! Whether starting and stopping a collector leaves nothing behind: for tests of any package (`#[path = "…"] mod rounds;`) that are alone
//! in their process, since it counts the process's threads and descriptors.

use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard_model::{Input, Redactor, Sink, SourceId, SourcePhase, channel};
use tokio::runtime::Runtime;

const DEADLINE: Duration = Duration::from_secs(20);

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

/// Starts a collector a hundred times, waits until it is live, and stops it as the session does. Fails where a stop takes 500 ms, or where
/// threads or descriptors stay.
pub fn assert_nothing_stays<C>(runtime: &Runtime, start: impl Fn(Sink, Arc<Redactor>) -> C, stop: impl AsyncFn(C)) {
    let round = || {
        let (intake, mut outlet) = channel(1 << 20);
        let collector = start(intake.sink(SourceId(1)), Arc::new(Redactor::new([1; 16], &[])));
        let deadline = Instant::now() + DEADLINE;
        loop {
            assert!(Instant::now() < deadline, "it is live within {DEADLINE:?}");
            if matches!(outlet.recv(Duration::from_millis(50)), Some(Input::Status(status)) if status.phase == SourcePhase::Live) {
                break;
            }
        }
        intake.close(SourceId(1));
        let started = Instant::now();
        runtime.block_on(stop(collector));
        assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    };
    // What is made once, such as the runtime's threads, is made in the first round.
    round();
    let before = settled(None);
    for _ in 0..100 {
        round();
    }
    assert_eq!(settled(Some(before)), before, "threads and descriptors");
}
