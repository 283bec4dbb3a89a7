use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use opentelemetry::{Context, logs::Severity, trace::SpanKind};
use tokio::time::sleep;

use crate::{
    books::Clerk,
    breaker::{CallNotPermitted, CircuitBreaker, Moment, Settings, State},
    business::Payment,
    http_call::HttpCaller,
    telemetry::{Telemetry, attribute, end, exception, fail},
};

/// How long payments may take to answer an attempt.
pub(crate) const PAYMENT_TIMEOUT: Duration = Duration::from_millis(250);
/// Attempts a payment: the first and one retry.
const ATTEMPTS: u32 = 2;
/// How long a retry waits.
const RETRY_WAIT: Duration = Duration::from_millis(20);

/// The rules of the breaker before payments; it is not named after its callee.
pub(crate) const BREAKER: Settings =
    Settings { name: "payment-client", window: 20, minimum_calls: 10, failure_rate_threshold: 50.0, open_wait: Duration::from_secs(5), trial_calls: 3 };

/// The client of payments: a retry around a circuit breaker around a call with a time-out, as Resilience4j nests them.
pub(crate) struct PaymentClient {
    breaker: Arc<CircuitBreaker>,
    caller: HttpCaller,
    telemetry: Telemetry,
    clerk: Clerk,
}

impl PaymentClient {
    /// Writes the breaker's first state into the books.
    pub(crate) fn new(caller: HttpCaller, telemetry: &Telemetry, clerk: &Clerk) -> Self {
        let now = Moment::now();
        clerk.breaker(BREAKER.name, State::Closed, now.wall_ns);
        Self { breaker: Arc::new(CircuitBreaker::new(BREAKER, now)), caller, telemetry: telemetry.clone(), clerk: clerk.clone() }
    }

    pub(crate) fn breaker(&self) -> Arc<CircuitBreaker> {
        self.breaker.clone()
    }

    /// Whether the payment was made; where not, the order is accepted all the same and paid later.
    pub(crate) async fn pay(&self, payment: &Payment, parent: &Context) -> bool {
        let name = self.breaker.name();
        let cx = self.telemetry.start(name, SpanKind::Internal, parent, vec![attribute("circuit_breaker.name", name)]);
        let mut last = String::new();
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                sleep(RETRY_WAIT).await;
            }
            let now = Moment::now();
            let (permit, entered) = self.breaker.try_acquire(now);
            self.note(entered, now, &cx);
            let permit = match permit {
                Ok(permit) => permit,
                Err(refused) => {
                    let text = refused.to_string();
                    exception(&cx, CallNotPermitted::CLASS, &text, None);
                    fail(&cx, CallNotPermitted::CLASS, text);
                    end(&cx);
                    return false;
                }
            };
            let begun = Instant::now();
            let result = self.caller.post("/pay", payment, &cx, attempt).await.map_err(|error| error.to_string());
            let now = Moment::now();
            let entered = self.breaker.on_result(&permit, now, begun.elapsed(), result.clone());
            self.note(entered, now, &cx);
            match result {
                Ok(()) => {
                    end(&cx);
                    return true;
                }
                Err(error) => last = error,
            }
        }
        fail(&cx, "payment failed", last);
        end(&cx);
        false
    }

    fn note(&self, entered: Option<State>, now: Moment, cx: &Context) {
        let Some(state) = entered else { return };
        self.clerk.breaker(self.breaker.name(), state, now.wall_ns);
        let severity = if state == State::Open { Severity::Error } else { Severity::Warn };
        let body = format!("CircuitBreaker '{}' changed to {}", self.breaker.name(), state.java_name());
        self.telemetry.log(severity, cx, body, vec![("circuit_breaker.name", self.breaker.name().to_owned())]);
    }
}
