//! One question by whoever has no observer that asks again and again: on a thread of its own, with a client that goes after it.

use std::sync::Arc;
use std::time::Duration;

use switchboard_model::{FailureKind, OperationFailure};
use tokio::sync::oneshot;

use super::{BrokerAsker, Patience};
use crate::cancel::{Cancel, CancelOnDrop};
use crate::config::Config;
use crate::failure::{BrokerErrors, CallError, Code, Failure, describe};

/// Why a question was not answered.
#[derive(Debug)]
pub(crate) struct Unanswered {
    /// The code.
    pub code: Code,
    /// What failed, why, and the next step.
    pub failure: Failure,
}

impl Unanswered {
    fn local(failure: Failure) -> Self {
        Self { code: Code::INVALID_ARGUMENT, failure }
    }

    /// What failed, why, and the next step, in one text.
    pub fn words(&self) -> String {
        format!("{}. {}", self.failure.detail, self.failure.next_step)
    }
}

impl From<Failure> for OperationFailure {
    fn from(failure: Failure) -> Self {
        Self { kind: failure.kind, reason: failure.detail, next_step: failure.next_step }
    }
}

/// Asks once. Bounded in time, and given up when the future is dropped.
pub(crate) async fn once<T: Send + 'static>(
    config: &Config,
    within: Duration,
    question: impl FnOnce(&BrokerAsker, &Patience<'_>) -> Result<T, CallError> + Send + 'static,
) -> Result<T, Unanswered> {
    let (answer, answered) = oneshot::channel();
    let dropped = CancelOnDrop(Cancel::default());
    let (config, cancel) = (config.clone(), dropped.0.clone());
    let spawned = std::thread::Builder::new().name("kafka-question".to_owned()).spawn(move || {
        let _ = answer.send(ask(&config, &Patience { timeout: within, stopped: &|| cancel.is_cancelled() }, question));
    });
    let local = |kind, detail: String, next_step: &str| Unanswered::local(Failure { kind, detail, next_step: next_step.to_owned() });
    let no_thread = |error| local(FailureKind::Limit, format!("no thread could be started: {error}"), "Raise the limit on threads of this user");
    spawned.map_err(no_thread)?;
    answered.await.unwrap_or_else(|_| Err(local(FailureKind::Internal, "the question ended unexpectedly".to_owned(), "Try again")))
}

fn ask<T>(config: &Config, patience: &Patience<'_>, question: impl FnOnce(&BrokerAsker, &Patience<'_>) -> Result<T, CallError>) -> Result<T, Unanswered> {
    let errors: Arc<BrokerErrors> = Arc::default();
    let asker = BrokerAsker::new(config, &errors).map_err(Unanswered::local)?;
    question(&asker, patience).map_err(|error| {
        let failure = errors.explain(&config.brokers, Some(&error)).unwrap_or_else(|| describe(&config.brokers, &error));
        Unanswered { code: error.code, failure }
    })
}
