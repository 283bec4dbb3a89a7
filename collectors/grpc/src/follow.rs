//! Follows one health service: watched where the server offers that, and checked besides, since a watch alone cannot tell a
//! quiet server from a dead one.

use std::error::Error as _;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use switchboard_model::{Backoff, HealthState, Misses, jittered, own_traceparent};
use tokio::sync::watch;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request, Status, Streaming};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::Config;
use crate::board::Board;
use crate::endpoint::{Cause, Server};
use crate::failure::Failure;

/// The most bytes of an answer, which has two in fact.
const MOST_ANSWER_BYTES: usize = 64 << 10;

/// The longest wait after a failure: what could not be asked is told at least this often.
const LONGEST_SILENCE: Duration = Duration::from_secs(10);

/// Follows one health service of a server.
pub(crate) struct Follower {
    at: usize,
    asked: String,
    recheck_interval: Duration,
    check_interval: Duration,
    request_timeout: Duration,
    server: Server,
    client: HealthClient<Channel>,
    board: Arc<Board>,
    refreshed: watch::Receiver<u64>,
    request_number: u64,
    misses: Misses,
}

/// The session closed the source.
struct Closed;

impl Follower {
    /// A follower of the health service at this place of the board.
    pub fn new(at: usize, asked: String, config: &Config, server: Server, channel: Channel, board: Arc<Board>, refreshed: watch::Receiver<u64>) -> Self {
        Self {
            at,
            asked,
            recheck_interval: config.recheck_interval,
            check_interval: config.check_interval,
            request_timeout: config.request_timeout,
            server,
            client: HealthClient::new(channel).max_decoding_message_size(MOST_ANSWER_BYTES),
            board,
            refreshed,
            // Requests of two followers must not seem to be of one trace.
            request_number: RandomState::new().build_hasher().finish(),
            misses: Misses::default(),
        }
    }

    /// Follows until the session closes the source. A status that tonic cannot read (details that are no base64 are a panic of its own) is a failure
    /// like another: it is told, and asked again.
    pub async fn run(mut self) {
        // Ends with `Closed` alone.
        while AssertUnwindSafe(self.follow()).catch_unwind().await.is_err() {
            let unreadable = Failure::status(&self.server.address, &Status::internal("its status cannot be read"));
            if self.mark(Err(unreadable)).is_err() {
                return;
            }
            self.wait(LONGEST_SILENCE).await;
        }
    }

    async fn follow(&mut self) -> Result<(), Closed> {
        let mut failures = Backoff::default();
        let mut lost_watches = Backoff::default();
        let mut offers_watch = true;
        loop {
            if !self.check().await? {
                // Whatever answers there next may be another server.
                offers_watch = true;
                self.wait(failures.next_delay().min(LONGEST_SILENCE)).await;
                continue;
            }
            failures.reset();
            let opened = if offers_watch { self.open_watch().await } else { None };
            let Some(mut stream) = opened else {
                offers_watch = false;
                self.wait(jittered(self.check_interval)).await;
                continue;
            };
            if self.watch(&mut stream).await? {
                lost_watches.reset();
            }
            // If the server is gone this tells so at once; if it only ended the watch it must not be asked in a hurry. What has just
            // missed a check is given a moment.
            if self.misses.has_answered() {
                self.check().await?;
            }
            self.wait(lost_watches.next_delay().min(LONGEST_SILENCE)).await;
        }
    }

    /// Follows a watch until it ends, checking besides. `true` = it told something after its first answer.
    async fn watch(&mut self, stream: &mut Streaming<HealthCheckResponse>) -> Result<bool, Closed> {
        let mut has_told = false;
        loop {
            // The jitter must not make it later than asked for.
            let recheck = jittered(self.recheck_interval.mul_f64(0.9));
            tokio::select! {
                message = stream.message() => match message {
                    Ok(Some(answer)) => self.mark(Ok(state_of(answer.status)))?,
                    Ok(None) | Err(_) => return Ok(has_told),
                },
                () = pause(&mut self.refreshed, recheck) => {
                    if !self.check().await? {
                        return Ok(has_told);
                    }
                    has_told = true;
                }
            }
        }
    }

    /// Opens a watch and takes its first answer. `None` where the server does not offer that: checks do without.
    async fn open_watch(&mut self) -> Option<Streaming<HealthCheckResponse>> {
        let request = self.request();
        let open = async {
            let mut stream = self.client.watch(request).await.ok()?.into_inner();
            let first = stream.message().await.ok()??;
            Some((stream, first))
        };
        let (stream, first) = tokio::time::timeout(self.request_timeout, open).await.ok()??;
        self.mark(Ok(state_of(first.status))).ok().map(|()| stream)
    }

    /// Asks once and tells the answer. `false` = there was none: one miss is a miss, the next is told.
    async fn check(&mut self) -> Result<bool, Closed> {
        let answer = self.ask().await;
        let is_answer = answer.is_ok();
        let is_told = match &answer {
            Ok(_) => {
                self.misses.answered();
                true
            }
            Err(failure) => self.misses.failed(failure.is_passing),
        };
        if is_told {
            self.mark(answer)?;
        }
        Ok(is_answer)
    }

    async fn ask(&mut self) -> Result<HealthState, Failure> {
        let mut request = self.request();
        request.set_timeout(self.request_timeout);
        let answer = tokio::time::timeout(self.request_timeout, self.client.check(request)).await;
        let status = match answer {
            Ok(Ok(answer)) => return Ok(state_of(answer.into_inner().status)),
            Ok(Err(status)) => status,
            Err(_) => return Err(Failure::deadline(&self.server.address, self.request_timeout)),
        };
        // A status with a cause was made on this side: no answer of the server's came.
        if let Some(cause) = status.source().map(Cause::of) {
            return Err(self.server.transport_failure(&cause, self.request_timeout).await);
        }
        match status.code() {
            Code::NotFound => Ok(HealthState::ServiceUnknown),
            Code::DeadlineExceeded => Err(Failure::deadline(&self.server.address, self.request_timeout)),
            _ => Err(Failure::status(&self.server.address, &status)),
        }
    }

    fn request(&mut self) -> Request<HealthCheckRequest> {
        self.request_number = self.request_number.wrapping_add(1);
        let mut request = Request::new(HealthCheckRequest { service: self.asked.clone() });
        if let Ok(traceparent) = MetadataValue::try_from(own_traceparent(self.request_number)) {
            request.metadata_mut().insert("traceparent", traceparent);
        }
        request
    }

    async fn wait(&mut self, delay: Duration) {
        pause(&mut self.refreshed, delay).await;
    }

    fn mark(&self, answer: Result<HealthState, Failure>) -> Result<(), Closed> {
        self.board.mark(self.at, answer).then_some(()).ok_or(Closed)
    }
}

/// Waits so long, or until a refresh is asked for.
async fn pause(refreshed: &mut watch::Receiver<u64>, delay: Duration) {
    // The sender goes only with the collector, and this task with it.
    let _ = tokio::time::timeout(delay, refreshed.changed()).await;
}

fn state_of(status: i32) -> HealthState {
    match ServingStatus::try_from(status) {
        Ok(ServingStatus::Serving) => HealthState::Serving,
        Ok(ServingStatus::NotServing) => HealthState::NotServing,
        Ok(ServingStatus::ServiceUnknown) => HealthState::ServiceUnknown,
        Ok(ServingStatus::Unknown) | Err(_) => HealthState::Unknown,
    }
}
