//! What comes out of a collector, taken up until it is as expected.

use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard_http::{Config, HttpPoller};
use switchboard_model::{
    Batch, BreakerEventFact, BreakerFact, Fact, FailureKind, Input, Intake, IntakeCounts, Outlet, Redactor, SourceId, SourcePhase, SourceStatus, channel,
};
use tokio::runtime::Runtime;

/// How long anything may take that is waited for.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// A poller with its queue, and all that came out of it.
pub struct Observed {
    pub poller: Option<HttpPoller>,
    pub facts: Vec<Fact>,
    pub statuses: Vec<SourceStatus>,
    intake: Intake,
    outlet: Outlet,
}

impl Observed {
    /// Starts a poller of this address that polls ten times a second.
    pub fn start(runtime: &Runtime, url: &str) -> Self {
        Self::start_with(runtime, Config { poll_interval: Duration::from_millis(100), ..config(url) })
    }

    pub fn start_with(runtime: &Runtime, config: Config) -> Self {
        let (intake, outlet) = channel(1 << 20);
        let sink = intake.sink(SourceId(1));
        let poller = HttpPoller::start(config, sink, Arc::new(Redactor::new([1; 16], &[])), runtime.handle());
        Self { poller: Some(poller), facts: Vec::new(), statuses: Vec::new(), intake, outlet }
    }

    /// Takes up what comes until the condition holds.
    #[track_caller]
    pub fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !holds(self) {
            assert!(
                Instant::now() < deadline,
                "{what}: not within {DEADLINE:?}; statuses: {:#?}, the last facts: {:#?}",
                self.statuses,
                self.facts.iter().rev().take(8).collect::<Vec<_>>()
            );
            match self.outlet.recv(Duration::from_millis(50)) {
                Some(Input::Status(status)) => self.statuses.push(status),
                Some(Input::Batch(Batch::Facts(batch))) => self.facts.extend(batch.facts),
                Some(Input::Batch(other)) => panic!("a poller tells only facts, not {other:?}"),
                None => {}
            }
        }
    }

    /// Waits for a status of this phase and kind, and gives what it says.
    #[track_caller]
    pub fn until_status(&mut self, phase: SourcePhase, failure: Option<FailureKind>) -> (String, String) {
        self.until(&format!("{phase:?} {failure:?}"), |seen| seen.statuses.last().is_some_and(|status| (status.phase, status.failure) == (phase, failure)));
        let status = self.statuses.last().expect("just seen");
        (status.detail.clone(), status.next_step.clone())
    }

    pub fn breakers(&self) -> impl DoubleEndedIterator<Item = &BreakerFact> {
        self.facts.iter().filter_map(|fact| if let Fact::Breaker(breaker) = fact { Some(breaker) } else { None })
    }

    pub fn events(&self) -> impl DoubleEndedIterator<Item = &BreakerEventFact> {
        self.facts.iter().filter_map(|fact| if let Fact::BreakerEvent(event) = fact { Some(event) } else { None })
    }

    pub fn counts(&self) -> IntakeCounts {
        self.intake.counts()[0].1
    }

    /// Stops as the session does, and says how long that took.
    pub fn stop(&mut self, runtime: &Runtime) -> Duration {
        self.intake.close(SourceId(1));
        let started = Instant::now();
        runtime.block_on(self.poller.take().expect("stopped once").stop());
        started.elapsed()
    }
}

/// A runtime for server and collector.
pub fn runtime() -> Runtime {
    Runtime::new().expect("a runtime")
}

/// A configuration for this address.
pub fn config(url: &str) -> Config {
    Config { name: "actuator".into(), url: url.into(), service: Some("orders".into()), ..Config::default() }
}
