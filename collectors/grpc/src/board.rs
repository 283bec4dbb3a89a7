//! What all followers of a server found out, and what is told of it.

use std::sync::{Mutex, PoisonError};

use switchboard_model::{Batch, BatchHeader, Condition, Fact, FactBatch, HealthFact, HealthState, ItemKind, Offer, Sink, SourcePhase, Teller, now_ns};

use crate::Config;
use crate::failure::Failure;

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
    /// A board on which nothing stands yet. `too_many` = the profile asks for more than are followed.
    pub fn new(config: &Config, address: String, too_many: Option<Failure>, sink: Sink, teller: Teller) -> Self {
        let marks = Mutex::new(Marks { answers: vec![None; config.asked.len()], teller });
        Self { sink, service: config.service.clone(), address, asked: config.asked.clone(), too_many, marks }
    }

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
