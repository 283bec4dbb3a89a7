//! Whether the time of some work grows with its input and no faster.
//!
//! The long input is sixteen times the short one, not twice: where a cache of the processor ends between two inputs of which one is twice the other,
//! linear work takes up to 2.9 times as long, and what grows with the square 4 times, which is too near. A cache that ends within the span costs its step
//! once, a factor of 2 or less in what is read and copied in order: 16 to 32 times, where 40 are allowed and the square takes 256. What jumps about in
//! many MiB loses more (a hash map of 65,536 names takes up to 77 times as long as one of 4,096): its inputs are to be shorter.

use std::hint::black_box;
use std::sync::{LazyLock, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

/// How many times as long as the short input the long one is.
pub const SPAN: usize = 16;
/// What is allowed beyond the span: the long input may take 40 times as long, as if each of the four doublings in it took 2.5 times.
const MOST_BEYOND: f64 = 2.5;
/// The same where only the time that passed is known, of which others take their part.
const MOST_BEYOND_OF_PASSED: f64 = 3.2;
/// What takes less than this says nothing, s, and the long input may take 2.5 ms in any case: of texts as long as these, what looks at each place from
/// every other takes far longer, and below it memory that is asked of the system for the first time weighs more than the work.
const SHORTEST_S: f64 = 1e-3 / SPAN as f64;
/// Below the most that the allocator of Linux keeps, 32 MiB.
const KEPT_BYTES: usize = 30 << 20;
/// Fair tries: other processes may take the processor, or the caches, in some.
const MOST_TRIES: usize = 10;

/// Until it is given back nothing is measured in this process: two at once take the caches from one another. Each measure asks for it, and so may
/// what disturbs one and is none.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Fails where work on an input of `2 * len` takes much more than [`SPAN`] times as long as on one of `len / 8`; says how long it took. `input` makes
/// one of some length, `work` is what is measured.
pub fn assert_linear<T, R>(what: &str, len: usize, input: impl Fn(usize) -> T, mut work: impl FnMut(&T) -> R) -> Duration {
    // Once it has given this much back, the allocator keeps what it has: asking the system for it again would grow by leaps.
    static KEEPING: Once = Once::new();
    let _alone = alone();
    KEEPING.call_once(|| drop(black_box(vec![1_u8; KEPT_BYTES])));
    assert_linear_by(what, len, input, |input| {
        let before = thread_time();
        drop(black_box(work(black_box(input))));
        thread_time().saturating_sub(before)
    })
}

/// The same by what says how long the work takes.
fn assert_linear_by<T>(what: &str, len: usize, input: impl Fn(usize) -> T, mut time_of: impl FnMut(&T) -> Duration) -> Duration {
    let (short_len, long_len) = (2 * len / SPAN, 2 * len);
    let (short, long) = (input(short_len), input(long_len));
    let mut ratios = Vec::new();
    loop {
        let (short_time, long_time) = least_times(|| (time_of(&short), time_of(&long)));
        let ratio = long_time.as_secs_f64() / short_time.as_secs_f64().max(SHORTEST_S);
        if ratio <= most_growth() {
            return long_time;
        }
        ratios.push(ratio);
        assert!(
            ratios.len() < MOST_TRIES,
            "{what}: {short_time:?} for a length of {short_len}, {long_time:?} for {long_len}; in turn {ratios:.0?} times, where {SPAN} are expected"
        );
    }
}

/// The least times that two works take, by turns, so that what disturbs one disturbs the other.
fn least_times(mut both: impl FnMut() -> (Duration, Duration)) -> (Duration, Duration) {
    const MOST_TIMES: usize = 5;
    const ENOUGH: Duration = Duration::from_millis(300);
    let began = Instant::now();
    let mut least = both();
    for _ in 1..MOST_TIMES {
        // What takes long is disturbed little.
        if began.elapsed() > ENOUGH {
            break;
        }
        let (short, long) = both();
        least = (least.0.min(short), least.1.min(long));
    }
    least
}

/// The time that this thread had on a processor, where the system tells it; else the time that passed.
fn thread_time() -> Duration {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    // The system's count is brought up to date when a thread steps back.
    std::thread::yield_now();
    told_ns().map_or_else(|| BEGAN.elapsed(), Duration::from_nanos)
}

fn told_ns() -> Option<u64> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split_ascii_whitespace().next()?.parse::<u64>().ok().filter(|ns| *ns > 0)
}

fn most_growth() -> f64 {
    SPAN as f64 * if told_ns().is_some() { MOST_BEYOND } else { MOST_BEYOND_OF_PASSED }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    const LEN: usize = 1 << 13;

    /// Does a number of small steps.
    fn steps(num: usize) {
        for step in 0..num {
            black_box(step);
        }
    }

    #[test]
    fn work_that_grows_with_its_input_passes() {
        let took = assert_linear("linear", LEN, |len| len, |len| steps(*len * 1_000));
        assert!(took.as_secs_f64() > SHORTEST_S * most_growth(), "{took:?} would pass in any case");
    }

    #[test]
    #[should_panic(expected = "where 16 are expected")]
    fn work_that_grows_with_the_square_fails() {
        assert_linear("square", LEN, |len| len, |len| steps(*len * *len / 8));
    }

    /// Whether work passes, given how many µs it takes for a length.
    fn passes(mut micros_of: impl FnMut(usize) -> usize) -> bool {
        let time_of = |len: &usize| Duration::from_micros(micros_of(*len) as u64);
        catch_unwind(AssertUnwindSafe(|| assert_linear_by("made-up times", LEN, |len| len, time_of))).is_ok()
    }

    #[test]
    fn caches_and_logarithms_are_no_growth_and_half_way_to_the_square_is() {
        assert!(passes(|len| len));
        assert!(passes(|len| len * len.ilog2() as usize));
        assert!(passes(|len| if len > LEN { len * 2 } else { len }), "a cache ends within the span");
        assert!(!passes(|len| len * len.isqrt()));
        assert!(!passes(|len| len * len));
    }

    #[test]
    fn what_is_short_says_nothing_unless_twice_as_much_is_long() {
        assert!(passes(|len| if len > LEN { 2_400 } else { 0 }));
        assert!(!passes(|len| if len > LEN { 5_400 } else { 0 }));
    }

    #[test]
    fn one_try_that_nothing_disturbs_is_enough() {
        let mut num_measured = 0;
        let mut disturbed = |num_disturbed: usize| {
            passes(|len| {
                num_measured += 1;
                if len > LEN && num_measured <= num_disturbed { len * 9 } else { len }
            })
        };
        assert!(disturbed(20));
        assert!(!disturbed(usize::MAX));
    }
}
