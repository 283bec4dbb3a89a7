//! The collector: one follower per health service asked for, and a board on which all of them write.

use std::sync::{Arc, Mutex, PoisonError};

use switchboard_model::{
    Batch, BatchHeader, Condition, Fact, FactBatch, HealthFact, HealthState, ItemKind, Offer, Redactor, Sink, SourceCommand, SourcePhase, Teller, now_ns,
};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::Config;
use crate::endpoint::connect;
use crate::failure::Failure;
use crate::follow::Follower;

/// The most health services asked for.
const MOST_ASKED: usize = 64;

/// Follows the health services of one gRPC server until it is stopped.
#[derive(Debug)]
pub struct GrpcHealth {
    refresh: watch::Sender<u64>,
    task: JoinHandle<()>,
}

impl GrpcHealth {
    /// Starts asking. Never fails: what does not work is a status of the source.
    pub fn start(config: Config, sink: Sink, _redactor: Arc<Redactor>, runtime: &tokio::runtime::Handle) -> Self {
        let (refresh, refreshed) = watch::channel(0);
        let task = runtime.spawn(run(config, sink, refreshed));
        Self { refresh, task }
    }

    /// Takes a command: a refresh checks now; others are not for this kind of source.
    #[expect(clippy::needless_pass_by_value, reason = "all collectors take commands alike")]
    pub fn command(&self, command: SourceCommand) {
        if command == SourceCommand::Refresh {
            self.refresh.send_modify(|number| *number += 1);
        }
    }

    /// Ends all asking; what was under way is dropped at once.
    pub async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for GrpcHealth {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(mut config: Config, sink: Sink, refreshed: watch::Receiver<u64>) {
    let num_asked = config.asked.len();
    config.asked.truncate(MOST_ASKED);
    if config.asked.is_empty() {
        config.asked.push(String::new());
    }
    let mut teller = Teller::new(sink.clone());
    let (server, channel) = match connect(&config) {
        Ok(connected) => connected,
        Err(failure) => {
            // Nothing but another profile mends this.
            teller.tell(failure.told());
            return;
        }
    };
    let too_many = (num_asked > MOST_ASKED).then(|| Failure::too_many_asked(num_asked, MOST_ASKED));
    teller.tell(Condition::connecting(format!("asks {}", server.address)));
    let board = Arc::new(Board {
        sink,
        service: config.service.clone(),
        address: server.address.clone(),
        asked: config.asked.clone(),
        too_many,
        marks: Mutex::new(Marks { answers: vec![None; config.asked.len()], teller }),
    });
    let mut followers = JoinSet::new();
    for (at, asked) in config.asked.iter().enumerate() {
        followers.spawn(Follower::new(at, asked.clone(), &config, server.clone(), channel.clone(), Arc::clone(&board), refreshed.clone()).run());
    }
    // Followers end when the session closed the source, or with this task, which owns them.
    while followers.join_next().await.is_some() {}
}

/// What all followers of a server found out.
pub(crate) struct Board {
    sink: Sink,
    service: Option<String>,
    address: String,
    asked: Vec<String>,
    too_many: Option<Failure>,
    marks: Mutex<Marks>,
}

struct Marks {
    answers: Vec<Option<Result<HealthState, Failure>>>,
    teller: Teller,
}

impl Board {
    /// One follower's newest answer: tells it as a fact, and the source's status if that changes with it. `false` = the
    /// session closed the source.
    pub fn mark(&self, at: usize, answer: Result<HealthState, Failure>) -> bool {
        let state = answer.as_ref().copied().unwrap_or(HealthState::NotAsked);
        let fact = HealthFact { endpoint: self.address.clone(), service: self.service.clone(), asked: self.asked[at].clone(), state };
        let header = BatchHeader { source: self.sink.source(), received_ns: now_ns(), ..BatchHeader::default() };
        match self.sink.offer(Batch::Facts(FactBatch { header, facts: vec![Fact::Health(fact)] })) {
            Offer::Taken => {}
            // The next check tells it again.
            Offer::Full(_) => self.sink.fold(ItemKind::Fact, 1),
            Offer::Closed(_) => return false,
        }
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.answers[at] = Some(answer);
        if marks.answers.iter().any(Option::is_none) {
            // Who answered first does not speak for those that are still being asked, but a failure is told at once.
            if marks.answers.iter().flatten().all(Result::is_ok) {
                return true;
            }
        }
        let worst = self.worst(&marks.answers);
        // Told under the lock, so that what is told last is what was found last.
        marks.teller.tell(worst.map_or_else(|| Condition::live(self.live_detail()), Failure::told));
        true
    }

    fn live_detail(&self) -> String {
        match &self.asked[..] {
            [asked] if asked.is_empty() => "the server's health is followed".to_owned(),
            [asked] => format!("the health of {asked} is followed"),
            asked => format!("the health of {} services is followed", asked.len()),
        }
    }

    /// The failure that weighs most: what failed before what is only degraded.
    fn worst(&self, answers: &[Option<Result<HealthState, Failure>>]) -> Option<Failure> {
        let failures = || answers.iter().flatten().filter_map(|answer| answer.as_ref().err());
        let failed = failures().find(|failure| failure.phase == SourcePhase::Failed).or_else(|| failures().next()).cloned();
        let is_unknown = |answer: &Option<Result<HealthState, Failure>>| *answer == Some(Ok(HealthState::ServiceUnknown));
        let unknown = || answers.iter().position(is_unknown).map(|at| Failure::unknown_service(&self.address, &self.asked[at]));
        failed.or_else(unknown).or_else(|| self.too_many.clone())
    }
}
