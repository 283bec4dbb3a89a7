use std::{
    collections::VecDeque,
    fmt,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// How many events are kept, as Resilience4j's `eventConsumerBufferSize` does by default.
pub(crate) const EVENT_RING: usize = 100;

/// A circuit breaker after Resilience4j's `COUNT_BASED` one: the last calls decide while closed, a wait follows while open, a few
/// trial calls decide while half-open. Time comes in as an argument, so that its rules can be tried without waiting.
pub(crate) struct CircuitBreaker {
    settings: Settings,
    inner: Mutex<Inner>,
}

/// The rules of a breaker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// The breaker's name, which is not its callee's.
    pub(crate) name: &'static str,
    /// How many of the last calls are looked at while closed.
    pub(crate) window: usize,
    /// How many calls there must be before they are judged.
    pub(crate) minimum_calls: usize,
    /// From which share of failed calls on it opens, in percent.
    pub(crate) failure_rate_threshold: f32,
    /// How long it stays open before it lets trial calls pass.
    pub(crate) open_wait: Duration,
    /// How many trial calls it lets pass while half-open.
    pub(crate) trial_calls: usize,
}

/// The three states that this breaker takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Closed,
    Open,
    HalfOpen,
}

impl State {
    /// The name as Resilience4j spells it.
    pub(crate) fn java_name(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Open => "OPEN",
            Self::HalfOpen => "HALF_OPEN",
        }
    }

    /// The name as the books spell it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// A point in time on both clocks: one to measure with, one to write down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Monotonic.
    pub(crate) instant: Instant,
    /// Nanoseconds since the Unix epoch.
    pub(crate) wall_ns: i64,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self { instant: Instant::now(), wall_ns: crate::telemetry::now_ns() }
    }
}

/// The breaker let a call pass; its result belongs to the round it was let pass in.
#[derive(Debug)]
pub(crate) struct Permit {
    round: u64,
}

/// The breaker refused a call.
#[derive(Debug, PartialEq)]
pub(crate) struct CallNotPermitted {
    name: &'static str,
    state: State,
}

impl CallNotPermitted {
    /// The exception's class in Resilience4j.
    pub(crate) const CLASS: &'static str = "io.github.resilience4j.circuitbreaker.CallNotPermittedException";
}

impl fmt::Display for CallNotPermitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CircuitBreaker '{}' is {} and does not permit further calls", self.name, self.state.java_name())
    }
}

/// One line of the event ring.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    /// Nanoseconds since the Unix epoch.
    pub(crate) at_ns: i64,
    /// What happened.
    pub(crate) kind: EventKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum EventKind {
    Success { took: Duration },
    Error { took: Duration, message: String },
    NotPermitted,
    FailureRateExceeded,
    Transition { from: State, to: State },
}

/// What the breaker counts, as its owner shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figures {
    pub(crate) state: State,
    /// In percent; −1 while there are too few calls to judge.
    pub(crate) failure_rate: f32,
    pub(crate) buffered_calls: usize,
    pub(crate) failed_calls: usize,
    /// Refused calls since the state was entered.
    pub(crate) refused_calls: u64,
}

struct Inner {
    state: State,
    since: Instant,
    /// Grows with every change of state; results of earlier rounds no longer count.
    round: u64,
    /// Whether each of the last calls failed.
    results: VecDeque<bool>,
    trials_left: usize,
    refused_calls: u64,
    events: VecDeque<Event>,
}

impl CircuitBreaker {
    pub(crate) fn new(settings: Settings, now: Moment) -> Self {
        let inner = Inner {
            state: State::Closed,
            since: now.instant,
            round: 0,
            results: VecDeque::with_capacity(settings.window),
            trials_left: 0,
            refused_calls: 0,
            events: VecDeque::with_capacity(EVENT_RING),
        };
        Self { settings, inner: Mutex::new(inner) }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.settings.name
    }

    /// Asks whether a call may be made; the second value is the state that was entered by asking, if any.
    pub(crate) fn try_acquire(&self, now: Moment) -> (Result<Permit, CallNotPermitted>, Option<State>) {
        let mut inner = self.inner.lock();
        let mut entered = None;
        if inner.state == State::Open && now.instant.duration_since(inner.since) >= self.settings.open_wait {
            inner.enter(State::HalfOpen, now, &self.settings);
            entered = Some(State::HalfOpen);
        }
        let is_allowed = match inner.state {
            State::Closed => true,
            State::HalfOpen if inner.trials_left > 0 => {
                inner.trials_left -= 1;
                true
            }
            State::Open | State::HalfOpen => false,
        };
        if is_allowed {
            return (Ok(Permit { round: inner.round }), entered);
        }
        inner.refused_calls += 1;
        inner.note(now, EventKind::NotPermitted);
        (Err(CallNotPermitted { name: self.settings.name, state: inner.state }), entered)
    }

    /// Tells how a call that was let pass ended: `Err` with its message failed. Returns the state that was entered by it, if any.
    pub(crate) fn on_result(&self, permit: &Permit, now: Moment, took: Duration, result: Result<(), String>) -> Option<State> {
        let mut inner = self.inner.lock();
        let has_failed = result.is_err();
        inner.note(
            now,
            match result {
                Ok(()) => EventKind::Success { took },
                Err(message) => EventKind::Error { took, message },
            },
        );
        if permit.round != inner.round {
            return None;
        }
        inner.results.push_back(has_failed);
        let window = if inner.state == State::HalfOpen { self.settings.trial_calls } else { self.settings.window };
        while inner.results.len() > window {
            inner.results.pop_front();
        }
        let rate = inner.failure_rate(&self.settings)?;
        let is_exceeded = rate >= self.settings.failure_rate_threshold;
        let next = match (inner.state, is_exceeded) {
            (State::Closed, true) => {
                inner.note(now, EventKind::FailureRateExceeded);
                State::Open
            }
            (State::HalfOpen, true) => State::Open,
            (State::HalfOpen, false) => State::Closed,
            (State::Closed, false) | (State::Open, _) => return None,
        };
        inner.enter(next, now, &self.settings);
        Some(next)
    }

    /// What it counts now.
    pub(crate) fn figures(&self) -> Figures {
        let inner = self.inner.lock();
        Figures {
            state: inner.state,
            failure_rate: inner.failure_rate(&self.settings).unwrap_or(-1.0),
            buffered_calls: inner.results.len(),
            failed_calls: inner.results.iter().filter(|failed| **failed).count(),
            refused_calls: inner.refused_calls,
        }
    }

    /// The last events, oldest first, at most `EVENT_RING`.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.inner.lock().events.iter().cloned().collect()
    }
}

impl Inner {
    fn enter(&mut self, state: State, now: Moment, settings: &Settings) {
        self.note(now, EventKind::Transition { from: self.state, to: state });
        self.state = state;
        self.since = now.instant;
        self.round += 1;
        self.refused_calls = 0;
        self.trials_left = if state == State::HalfOpen { settings.trial_calls } else { 0 };
        if state != State::Open {
            self.results.clear();
        }
    }

    fn note(&mut self, now: Moment, kind: EventKind) {
        if self.events.len() == EVENT_RING {
            self.events.pop_front();
        }
        self.events.push_back(Event { at_ns: now.wall_ns, kind });
    }

    fn failure_rate(&self, settings: &Settings) -> Option<f32> {
        let minimum = if self.state == State::HalfOpen { settings.trial_calls } else { settings.minimum_calls };
        if self.results.len() < minimum.max(1) {
            return None;
        }
        let failed = self.results.iter().filter(|failed| **failed).count();
        Some(failed as f32 * 100.0 / self.results.len() as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Settings =
        Settings { name: "payment-client", window: 10, minimum_calls: 4, failure_rate_threshold: 50.0, open_wait: Duration::from_secs(5), trial_calls: 3 };

    struct Bench {
        breaker: CircuitBreaker,
        start: Instant,
        at: Duration,
    }

    impl Bench {
        fn new() -> Self {
            let start = Instant::now();
            Self { breaker: CircuitBreaker::new(SETTINGS, Moment { instant: start, wall_ns: 0 }), start, at: Duration::ZERO }
        }

        fn now(&self) -> Moment {
            Moment { instant: self.start + self.at, wall_ns: self.at.as_nanos() as i64 }
        }

        fn call(&mut self, is_good: bool) -> Result<Option<State>, CallNotPermitted> {
            self.at += Duration::from_millis(10);
            let (permit, entered) = self.breaker.try_acquire(self.now());
            let result = if is_good { Ok(()) } else { Err("boom".to_owned()) };
            Ok(self.breaker.on_result(&permit?, self.now(), Duration::from_millis(1), result).or(entered))
        }
    }

    #[test]
    fn it_judges_only_from_the_minimum_number_of_calls_on() {
        let mut bench = Bench::new();
        for _ in 0..3 {
            assert_eq!(bench.call(false), Ok(None));
            assert!(bench.breaker.figures().failure_rate < 0.0);
        }
        assert_eq!(bench.call(false), Ok(Some(State::Open)));
        let figures = bench.breaker.figures();
        assert_eq!((figures.state, figures.buffered_calls, figures.failed_calls), (State::Open, 4, 4));
        assert!((figures.failure_rate - 100.0).abs() < f32::EPSILON);
    }

    #[test]
    fn only_the_window_counts() {
        let mut bench = Bench::new();
        for _ in 0..20 {
            assert_eq!(bench.call(true), Ok(None));
        }
        for failed in 1..=4 {
            assert_eq!(bench.call(false), Ok(None), "{failed}");
        }
        assert_eq!(bench.call(false), Ok(Some(State::Open)), "5 of the last 10");
    }

    #[test]
    fn open_refuses_with_the_librarys_words_until_its_wait_is_over() {
        let mut bench = Bench::new();
        for _ in 0..4 {
            let _ = bench.call(false);
        }
        let refused = bench.call(true).unwrap_err();
        assert_eq!(refused.to_string(), "CircuitBreaker 'payment-client' is OPEN and does not permit further calls");
        assert_eq!(bench.breaker.figures().refused_calls, 1);
        bench.at += Duration::from_secs(5);
        assert_eq!(bench.call(true), Ok(Some(State::HalfOpen)));
    }

    #[test]
    fn trial_calls_close_it_or_open_it_again() {
        for (results, then) in [([true, true, true], State::Closed), ([true, false, true], State::Closed), ([false, true, false], State::Open)] {
            let mut bench = Bench::new();
            for _ in 0..4 {
                let _ = bench.call(false);
            }
            bench.at += Duration::from_secs(5);
            for is_good in results {
                bench.call(is_good).unwrap();
            }
            assert_eq!(bench.breaker.figures().state, then, "{results:?}");
        }
    }

    #[test]
    fn half_open_lets_only_its_trial_calls_pass() {
        let mut bench = Bench::new();
        for _ in 0..4 {
            let _ = bench.call(false);
        }
        bench.at += Duration::from_secs(5);
        let permits: Vec<Permit> = (0..3).filter_map(|_| bench.breaker.try_acquire(bench.now()).0.ok()).collect();
        assert_eq!(permits.len(), 3);
        let refused = bench.breaker.try_acquire(bench.now()).0.unwrap_err();
        assert!(refused.to_string().contains("is HALF_OPEN and"));
    }

    #[test]
    fn a_result_from_before_the_change_of_state_does_not_count() {
        let mut bench = Bench::new();
        let (late, _) = bench.breaker.try_acquire(bench.now());
        for _ in 0..4 {
            let _ = bench.call(false);
        }
        bench.at += Duration::from_secs(5);
        let (_trial, entered) = bench.breaker.try_acquire(bench.now());
        assert_eq!(entered, Some(State::HalfOpen));
        assert_eq!(bench.breaker.on_result(&late.unwrap(), bench.now(), Duration::ZERO, Err(String::new())), None);
        assert_eq!(bench.breaker.figures().buffered_calls, 0);
    }

    #[test]
    fn events_tell_the_story_and_stay_within_their_ring() {
        let mut bench = Bench::new();
        for _ in 0..4 {
            let _ = bench.call(false);
        }
        let kinds: Vec<EventKind> = bench.breaker.events().into_iter().map(|e| e.kind).skip(3).collect();
        assert_eq!(
            kinds,
            [
                EventKind::Error { took: Duration::from_millis(1), message: "boom".to_owned() },
                EventKind::FailureRateExceeded,
                EventKind::Transition { from: State::Closed, to: State::Open },
            ]
        );
        for _ in 0..EVENT_RING * 2 {
            let _ = bench.call(true);
        }
        let events = bench.breaker.events();
        assert_eq!(events.len(), EVENT_RING);
        assert_eq!(events[0].kind, EventKind::NotPermitted);
    }
}
