//! The poller: asks, tells what is new, and says how the source is doing.

use std::sync::Arc;
use std::time::Duration;

use switchboard_model::{Backoff, Condition, Misses, Redactor, Sink, SourceCommand, SourcePhase, Teller, jittered};
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
    let mut teller = Teller::new(sink.clone());
    let actuator = match Actuator::new(&config) {
        Ok(actuator) => actuator,
        Err(failure) => {
            // Nothing but another profile mends this.
            teller.tell(failure.told_as(SourcePhase::Failed));
            return;
        }
    };
    teller.tell(Condition::connecting(format!("asks {}", actuator.address())));
    let interval = config.poll_interval.max(SHORTEST_INTERVAL);
    let mut backoff = Backoff::default();
    let mut poll = Poll::new(config, actuator, sink, redactor);
    let mut misses = Misses::default();
    loop {
        let delay = match poll.once().await {
            PollEnd::Read(condition) => {
                backoff.reset();
                misses.answered();
                teller.tell(condition);
                jittered(interval)
            }
            PollEnd::Failed(phase, failure) => {
                if misses.failed(failure.is_passing) {
                    teller.tell(failure.told_as(phase));
                    backoff.next_delay().max(jittered(interval))
                } else {
                    jittered(interval)
                }
            }
            PollEnd::Closed => return,
        };
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = refresh.notified() => {}
        }
    }
}
