//! The poller: asks, tells what is new, and says how the source is doing.

use std::sync::Arc;
use std::time::Duration;

use switchboard_model::{Backoff, FailureKind, Redactor, Sink, SourceCommand, SourcePhase, SourceStatus, jittered, now_ns};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::Config;
use crate::client::Actuator;
use crate::poll::{Poll, PollEnd};

/// The shortest time between two polls.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// Polls one actuator until it is stopped.
#[derive(Debug)]
pub struct HttpPoller {
    refresh: Arc<Notify>,
    task: JoinHandle<()>,
}

impl HttpPoller {
    /// Starts polling. Never fails: what does not work is a status of the source.
    pub fn start(config: Config, sink: Sink, redactor: Arc<Redactor>, runtime: &tokio::runtime::Handle) -> Self {
        let refresh = Arc::new(Notify::new());
        let task = runtime.spawn(run(config, sink, redactor, Arc::clone(&refresh)));
        Self { refresh, task }
    }

    /// Takes a command: a refresh polls now; others are not for this kind of source.
    #[expect(clippy::needless_pass_by_value, reason = "all collectors take commands alike")]
    pub fn command(&self, command: SourceCommand) {
        if command == SourceCommand::Refresh {
            self.refresh.notify_one();
        }
    }

    /// Ends polling; what was under way is dropped at once.
    pub async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for HttpPoller {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(config: Config, sink: Sink, redactor: Arc<Redactor>, refresh: Arc<Notify>) {
    let mut teller = Teller { sink: sink.clone(), told: None };
    let actuator = match Actuator::new(&config) {
        Ok(actuator) => actuator,
        Err(trouble) => {
            // Nothing but another profile mends this.
            teller.tell(SourcePhase::Failed, Some(trouble.failure), trouble.detail, trouble.next_step);
            return;
        }
    };
    teller.tell(SourcePhase::Connecting, None, format!("asks {}", actuator.address()), String::new());
    let interval = config.poll_interval.max(SHORTEST_INTERVAL);
    let mut backoff = Backoff::default();
    let mut poll = Poll::new(config, actuator, sink, redactor);
    let mut is_read = false;
    loop {
        let delay = match poll.once().await {
            PollEnd::Read(state) => {
                backoff.reset();
                is_read = true;
                let phase = if state.failure.is_some() { SourcePhase::Degraded } else { SourcePhase::Live };
                teller.tell(phase, state.failure, state.detail, state.next_step);
                jittered(interval)
            }
            // One miss is a miss.
            PollEnd::Troubled(_, trouble) if is_read && trouble.is_passing => {
                is_read = false;
                jittered(interval)
            }
            PollEnd::Troubled(phase, trouble) => {
                is_read = false;
                teller.tell(phase, Some(trouble.failure), trouble.detail, trouble.next_step);
                backoff.next_delay().max(jittered(interval))
            }
            PollEnd::Closed => return,
        };
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = refresh.notified() => {}
        }
    }
}

/// Says how the source is doing, when that changes.
struct Teller {
    sink: Sink,
    told: Option<(SourcePhase, Option<FailureKind>, String, String)>,
}

impl Teller {
    fn tell(&mut self, phase: SourcePhase, failure: Option<FailureKind>, detail: String, next_step: String) {
        let says = (phase, failure, detail, next_step);
        if self.told.as_ref() == Some(&says) {
            return;
        }
        self.told = Some(says.clone());
        let (phase, failure, detail, next_step) = says;
        self.sink.status(SourceStatus { source: self.sink.source(), at_ns: now_ns(), phase, failure, detail, next_step });
    }
}
