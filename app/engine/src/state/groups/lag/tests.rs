use proptest::prelude::*;

use super::*;

const S: i64 = SECOND_NS;

fn table(points: &[(i64, i64)]) -> Watermarks {
    let mut table = Watermarks::default();
    for (second, end) in points {
        table.insert(second * S, *end);
    }
    table
}

#[test]
fn the_time_of_an_offset_is_interpolated() {
    let known = [(0, 100), (10, 200), (20, 200), (30, 300)];
    for (offset, second) in [(100, Some(0)), (150, Some(5)), (200, Some(20)), (250, Some(25)), (300, Some(30)), (400, Some(30)), (99, None)] {
        assert_eq!(table(&known).reached_ns(offset, i64::MIN), second.map(|second| second * S), "{offset}");
    }
    assert_eq!(table(&[]).reached_ns(0, i64::MIN), None);
    assert_eq!(table(&[(5, 10)]).reached_ns(10, i64::MIN), None, "one point is no course");
}

#[test]
fn flat_runs_are_kept_as_their_ends() {
    let points: Vec<(i64, i64)> = (0..50).map(|second| (second, 7)).collect();
    assert_eq!(table(&points).points.len(), 2);
    let shuffled: Vec<(i64, i64)> = points.iter().rev().chain(&points).copied().collect();
    assert_eq!(table(&shuffled).points, table(&points).points);
}

#[test]
fn a_single_reading_below_is_rejected_and_two_begin_anew() {
    assert_eq!(table(&[(0, 100), (1, 3), (2, 200)]).reached_ns(150, i64::MIN), Some(S), "a glitch changes nothing");
    let anew = table(&[(0, 100), (10, 2), (20, 12)]);
    assert_eq!(anew.reached_ns(7, i64::MIN), Some(15 * S));
    assert_eq!(anew.reached_ns(1, i64::MIN), None, "what was before the topic was made anew does not count");
    assert_eq!(table(&[(0, 100), (10, 100), (20, 4), (30, 2), (40, 8)]).reached_ns(5, i64::MIN), Some(35 * S));
}

#[test]
fn a_long_course_reaches_far_back_and_stays_bounded() {
    let mut table = Watermarks::default();
    for second in 0..10_000 {
        table.insert(second * S, second * 10);
        assert!(table.points.len() <= MAX_END_POINTS);
    }
    assert_eq!(table.reached_ns(95_000, i64::MIN), Some(9_500 * S));
    assert_eq!(table.reached_ns(5, i64::MIN), Some(S / 2));
}

fn sample(second: f64, committed: i64, end: i64) -> Sample {
    let lag = (end - committed).max(0) as u64;
    Sample { read_ns: (second * 1e9) as i64, committed, end, lag, num_lagging: u32::from(lag > 0), memberless: false, is_exact: false }
}

/// The verdict after each sample of a course of (second, committed, end).
fn course(samples: impl IntoIterator<Item = (f64, i64, i64)>) -> Vec<Trend> {
    let mut window = SampleWindow::default();
    samples
        .into_iter()
        .map(|(second, committed, end)| {
            window.insert(sample(second, committed, end));
            window.trend(i64::MIN, None)
        })
        .collect()
}

fn last(samples: impl IntoIterator<Item = (f64, i64, i64)>) -> (LagVerdict, String) {
    let trend = course(samples).pop().expect("samples");
    (trend.verdict, trend.clause)
}

/// Polls every 2 s, told by a function of the second.
fn polls(seconds: std::ops::RangeInclusive<i64>, at: impl Fn(i64) -> (i64, i64)) -> Vec<(f64, i64, i64)> {
    seconds.filter(|second| second % 2 == 0).map(|second| (second as f64, at(second).0, at(second).1)).collect()
}

#[test]
fn verdicts_over_courses() {
    use LagVerdict::{Growing, Ok, Stuck, Unknown};
    type Course = Vec<(f64, i64, i64)>;
    let table: Vec<(&str, Course, LagVerdict, &str)> = vec![
        ("nothing read", vec![], Unknown, "not read yet"),
        ("caught up at once", polls(0..=0, |_| (5, 5)), Ok, "nothing waits"),
        ("one reading with lag", polls(0..=0, |_| (5, 9)), Unknown, "too few readings yet to tell how it goes on (1 of 3)"),
        ("in flight", polls(0..=40, |s| (s * 50 - s % 3, s * 50 + 1)), Ok, "fell by 1 in the last 20 s"),
        ("steady backlog", polls(0..=40, |s| (s * 50, s * 50 + 1000)), Ok, "keeps pace"),
        ("catching up", polls(0..=40, |s| (s * 50, 4000)), Ok, "fell by 1,000 in the last 20 s"),
        ("slow", polls(0..=40, |s| (s * 2, s * 10 + 1)), Growing, "grew by 160 in the last 20 s"),
        ("slow in steps of 5 s", polls(0..=40, |s| (s / 5 * 10, s * 10 + 1)), Growing, "grew by 160 in the last 20 s"),
        ("commits every 5 s and keeps up", polls(0..=60, |s| (s / 5 * 50, s * 10)), Ok, "nothing waits"),
        ("commits every 5 s, read between", polls(0..=58, |s| (s / 5 * 50, s * 10)), Ok, "fell by 0"),
        ("dead", polls(0..=40, |s| (s.min(20) * 10, s * 10)), Stuck, "committed nothing for 18 s with 200 records waiting"),
        ("dead and nothing comes", polls(0..=40, |_| (10, 30)), Stuck, "committed nothing for 40 s with 20 records waiting"),
        ("idle for long, then one record", polls(0..=40, |s| (10, 10 + i64::from(s >= 38))), Ok, "keeps pace"),
        ("a marker waits", polls(0..=20, |_| (10, 11)), Ok, "keeps pace"),
        (
            "a marker waits long",
            polls(0..=40, |_| (10, 11)),
            Stuck,
            "committed nothing for 40 s with 1 record waiting (or the marker of a transaction, which nobody commits)",
        ),
        ("stuck, then moves", polls(0..=40, |s| (if s < 38 { 0 } else { s * 5 }, 400)), Ok, "fell by 200 in the last 20 s"),
        ("set back", polls(0..=12, |s| (if s < 12 { 100 } else { 0 }, 100)), Ok, "keeps pace"),
    ];
    for (name, samples, verdict, clause) in table {
        let told = if samples.is_empty() { SampleWindow::default().trend(i64::MIN, None) } else { course(samples).pop().expect("one") };
        assert_eq!(told.verdict, verdict, "{name}: {}", told.clause);
        if clause != "fell by 0" {
            assert_eq!(told.clause, clause, "{name}");
        }
    }
}

#[test]
fn a_record_that_is_known_to_be_one_is_no_marker() {
    let verdicts = |is_exact: bool, seconds: i64| {
        let mut window = SampleWindow::default();
        for (second, committed, end) in polls(0..=seconds, |_| (10, 11)) {
            window.insert(Sample { is_exact, ..sample(second, committed, end) });
        }
        window.trend(i64::MIN, None)
    };
    assert_eq!((verdicts(false, 20).verdict, verdicts(true, 20).verdict), (LagVerdict::Ok, LagVerdict::Stuck));
    assert_eq!(verdicts(true, 40).clause, "committed nothing for 40 s with 1 record waiting");
    assert_eq!(verdicts(true, 40).since_ns, Some(0));
}

#[test]
fn a_consumer_that_turns_slow_is_told_within_seconds_and_does_not_flap() {
    // Eight a second arrive; up to 10 s all are handled, then three a second, by commits at uneven times.
    let slow = |second: i64| if second <= 10 { second * 8 - 1 } else { 79 + (second - 10) * 3 / 2 * 2 };
    let verdicts: Vec<LagVerdict> = course(polls(0..=40, |s| (slow(s), s * 8))).into_iter().map(|trend| trend.verdict).collect();
    let first = verdicts.iter().position(|verdict| *verdict == LagVerdict::Growing).expect("growing");
    assert!(first * 2 <= 20, "{verdicts:?}");
    assert!(verdicts[first..].iter().all(|verdict| *verdict == LagVerdict::Growing), "{verdicts:?}");
    assert!(verdicts[2..first].iter().all(|verdict| *verdict == LagVerdict::Ok), "{verdicts:?}");
}

#[test]
fn growth_ends_when_the_lag_falls_or_stands() {
    let grow = |second: i64| second * 10 + 1;
    let falls = polls(0..=40, |s| (if s <= 20 { 0 } else { (s - 20) * 30 }, grow(s)));
    assert_eq!(last(falls).0, LagVerdict::Ok);
    let stands = polls(0..=60, |s| (if s <= 30 { s * 2 } else { s * 10 - 240 }, grow(s)));
    let verdicts: Vec<LagVerdict> = course(stands).into_iter().map(|trend| trend.verdict).collect();
    assert_eq!((verdicts[15], verdicts[17], verdicts[26]), (LagVerdict::Growing, LagVerdict::Growing, LagVerdict::Ok));
}

#[test]
fn a_pause_is_measured_by_the_groups_own_pauses() {
    // Commits every 12 s: silence of 12 s is its habit.
    let habit = polls(0..=58, |s| (s / 12 * 120 + 1, s * 10 + 150));
    for trend in &course(habit)[12..] {
        assert_ne!(trend.verdict, LagVerdict::Stuck, "{}", trend.clause);
    }
}

#[test]
fn what_was_before_the_topic_was_made_anew_does_not_count() {
    let mut window = SampleWindow::default();
    for poll in 0..20 {
        window.insert(sample(f64::from(poll) * 2.0, 5, 50));
    }
    assert_eq!(window.trend(i64::MIN, None).verdict, LagVerdict::Stuck);
    assert_eq!(window.trend(37 * S, None).verdict, LagVerdict::Unknown);
    let ends = table(&[(0, 100), (10, 200), (20, 5), (30, 10)]);
    assert_eq!((ends.reached_ns(10, 20 * S), ends.reached_ns(7, 30 * S)), (Some(30 * S), None));
}

#[test]
fn rare_polls_keep_fewer_samples_and_no_course_is_shorter_than_the_minimum() {
    for (seconds_apart, kept) in [(2.0, MAX_SAMPLES), (10.0, 31), (30.0, MIN_WINDOW_SAMPLES)] {
        let mut window = SampleWindow::default();
        for poll in 0..200 {
            window.insert(sample(f64::from(poll) * seconds_apart, 5, 50));
        }
        assert_eq!(window.samples.len(), kept, "{seconds_apart}");
    }
}

#[test]
fn silence_longer_than_the_window_is_told_in_full() {
    let mut window = SampleWindow::default();
    for poll in 0..200 {
        window.insert(sample(f64::from(poll) * 2.0, 5, 50 + i64::from(poll)));
    }
    let trend = window.trend(i64::MIN, Some(-3_600 * S));
    assert_eq!(trend.clause, "committed nothing for 1 h 6 min with 244 records waiting");
}

#[test]
fn commits_without_members_are_noticed() {
    let mut window = SampleWindow::default();
    for (second, committed, memberless) in [(0.0, 1, false), (2.0, 5, true)] {
        window.insert(Sample { memberless, ..sample(second, committed, 9) });
    }
    assert!(!window.commits_without_members(i64::MIN), "the last commit may be older than the last member");
    window.insert(Sample { memberless: true, ..sample(4.0, 7, 9) });
    assert!(window.commits_without_members(i64::MIN));
}

proptest! {
    #[test]
    fn order_of_arrival_does_not_matter(mut readings in prop::collection::vec((0_i64..100, 0_i64..50, 0_i64..50), 1..40), swaps in prop::collection::vec((0_usize..40, 0_usize..40), 0..40)) {
        let told = |readings: &[(i64, i64, i64)]| {
            let mut window = SampleWindow::default();
            let mut ends = Watermarks::default();
            for (second, committed, more) in readings {
                window.insert(sample(*second as f64, *committed, committed + more));
                // Ends rise with time, as a broker's do.
                ends.insert(second * S, second / 7 * 5);
            }
            (window.trend(i64::MIN, None), (0..80).map(|offset| ends.reached_ns(offset, i64::MIN)).collect::<Vec<_>>())
        };
        let first = told(&readings);
        for (left, right) in swaps {
            let num = readings.len();
            readings.swap(left % num, right % num);
        }
        prop_assert_eq!(told(&readings), first);
    }

    #[test]
    fn no_table_panics_and_no_time_lies_outside_it(points in prop::collection::vec((-5_i64..1_000_000, any::<i64>()), 0..200), offset in any::<i64>()) {
        let mut table = Watermarks::default();
        for (at_ns, end) in &points {
            table.observe(*at_ns, Some(*end), Some(*end));
        }
        if let Some(reached_ns) = table.reached_ns(offset, i64::MIN) {
            let times = || points.iter().map(|(at_ns, _)| *at_ns);
            prop_assert!(times().min() <= Some(reached_ns) && Some(reached_ns) <= times().max());
        }
    }
}

#[test]
fn times_that_no_clock_shows_are_reckoned_with() {
    let mut far = Watermarks::default();
    far.observe(10, None, Some(0));
    far.observe(i64::MAX, None, Some(i64::MAX));
    assert_eq!(far.reached_ns(i64::MAX - 1, i64::MIN), Some(i64::MAX));
    let pauses_for_centuries = [(0.0, 0, 9), (1.0, 1, 9), (9.0e9, 2, 9), (9.1e9, 2, 9), (9.2e9, 2, 9)];
    assert_eq!(last(pauses_for_centuries).0, LagVerdict::Stuck);
}
