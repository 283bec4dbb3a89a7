//! Whether the time of some work grows with its input and no faster.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Twice the input may take so many times as long.
const MOST_GROWTH: f64 = 2.5;
/// The same where only the time that passed is known, of which others take their part: what grows with the square takes 4 times as long.
const MOST_GROWTH_OF_PASSED: f64 = 3.2;
/// What takes less than this says nothing, s: of texts as long as these, what looks at each place from every other takes far longer, and
/// below it memory that is asked of the system for the first time weighs more than the work.
const SHORTEST_S: f64 = 1e-3;
/// Below the most that the allocator of Linux keeps, 32 MiB.
const KEPT_BYTES: usize = 30 << 20;
/// Fair tries: other processes may take the processor, or the caches, in some.
const MOST_TRIES: usize = 10;

/// Fails unless twice the input takes about twice as long, within a margin; says how long it took. `input` makes one of some length, `work` is
/// what is measured.
pub fn assert_linear<T, R>(what: &str, len: usize, input: impl Fn(usize) -> T, mut work: impl FnMut(&T) -> R) -> Duration {
    // Once it gave so much back, the allocator keeps what it has: asking the system for it again would grow by leaps.
    drop(black_box(vec![1_u8; KEPT_BYTES]));
    let (short, long) = (input(len), input(2 * len));
    let mut work = |input: &T| drop(black_box(work(black_box(input))));
    let mut ratios = Vec::new();
    loop {
        let short_s = least_time(&mut || work(&short)).as_secs_f64();
        let long_time = least_time(&mut || work(&long));
        ratios.push(long_time.as_secs_f64() / short_s.max(SHORTEST_S));
        if ratios.last().is_some_and(|ratio| *ratio <= most_growth()) {
            return long_time;
        }
        assert!(ratios.len() < MOST_TRIES, "{what}: {short_s:.6} s for a length of {len}, {long_time:?} for twice as much; in turn {ratios:.1?} times");
    }
}

/// The least time that some work takes.
fn least_time(work: &mut dyn FnMut()) -> Duration {
    const MOST_TIMES: usize = 5;
    const ENOUGH: Duration = Duration::from_millis(300);
    let began = Instant::now();
    let mut least = Duration::MAX;
    for _ in 0..MOST_TIMES {
        let before = thread_time(began);
        work();
        least = least.min(thread_time(began).saturating_sub(before));
        // What takes long is disturbed little.
        if began.elapsed() > ENOUGH {
            break;
        }
    }
    least
}

/// The time that this thread had on a processor, where the system tells it; else the time that passed.
fn thread_time(began: Instant) -> Duration {
    // The system's count is brought up to date when a thread steps back.
    std::thread::yield_now();
    told_ns().map_or_else(|| began.elapsed(), Duration::from_nanos)
}

fn told_ns() -> Option<u64> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split_ascii_whitespace().next()?.parse::<u64>().ok().filter(|ns| *ns > 0)
}

fn most_growth() -> f64 {
    if told_ns().is_some() { MOST_GROWTH } else { MOST_GROWTH_OF_PASSED }
}
