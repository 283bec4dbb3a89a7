//! One question by whoever has no observer that asks again and again: on a thread of its own, with a client that goes after it.

use std::sync::Arc;
use std::time::Duration;

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
    pub words: String,
}

impl Unanswered {
    fn local(words: String) -> Self {
        Self { code: Code::INVALID_ARGUMENT, words }
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
    spawned.map_err(|error| Unanswered::local(format!("no thread could be started: {error}. Raise the limit on threads of this user")))?;
    answered.await.unwrap_or_else(|_| Err(Unanswered::local("the question ended unexpectedly. Try again".to_owned())))
}

fn ask<T>(config: &Config, patience: &Patience<'_>, question: impl FnOnce(&BrokerAsker, &Patience<'_>) -> Result<T, CallError>) -> Result<T, Unanswered> {
    let words = |failure: Failure| format!("{}. {}", failure.detail, failure.next_step);
    let errors: Arc<BrokerErrors> = Arc::default();
    let asker = BrokerAsker::new(config, &errors).map_err(|failure| Unanswered::local(words(failure)))?;
    question(&asker, patience).map_err(|error| {
        let failure = errors.explain(&config.brokers, Some(&error)).unwrap_or_else(|| describe(&config.brokers, &error));
        Unanswered { code: error.code, words: words(failure) }
    })
}
