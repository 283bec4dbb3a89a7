//! Makes calls, by permit.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use switchboard_model::{CallEnd, CallNews, Origin, Outcome, OutgoingCall, Phase, Receipt, SendPermit, Target};
use tokio::time::{Instant, timeout_at};
use tonic::Code;
use tonic::codegen::tokio_stream::Stream;

use super::CallConfig;
use super::answers::{Answers, Beginning, End};
use super::connection::Connection;
use super::dial::Place;
use super::end::Broken;
use super::trouble::Trouble;

/// Metadata that HTTP or gRPC writes by itself: what else were in it would be lost, or break the call.
const RESERVED: [&str; 15] = [
    "te",
    "host",
    "content-type",
    "content-length",
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
    "grpc-encoding",
    "grpc-accept-encoding",
    "grpc-message",
    "grpc-message-type",
    "grpc-status",
    "grpc-timeout",
];

/// The longest time that is counted; gRPC and clocks have no word for much longer ones.
pub(super) const LONGEST: Duration = Duration::from_hours(24 * 365);

/// Why nothing can be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallRefused {
    /// The permit is for something else than a gRPC server.
    #[error("the permit for `{name}` is not for a gRPC server")]
    NotAuthority {
        /// What the permit's target is called.
        name: String,
    },
    /// Nobody looked up where the server is.
    #[error("{address}: its name was not looked up, so there is no address to connect to. Look it up again")]
    NoAddress {
        /// The server.
        address: String,
    },
    /// The server cannot be asked for by this authority.
    #[error("`{authority}` is no authority ({reason}). Write it as host or host:port")]
    Authority {
        /// As it was written.
        authority: String,
        /// What is wrong.
        reason: String,
    },
    /// TLS cannot be spoken as the settings say.
    #[error("TLS cannot be spoken: {0}")]
    Tls(String),
}

/// Makes calls to one server, for which it has leave. Keeps its connection between calls; one that was lost is replaced before a call, never after.
pub struct Caller {
    permit: SendPermit,
    authority: Origin,
    place: Place,
    config: CallConfig,
    kept: Mutex<Option<Arc<Connection>>>,
}

impl Caller {
    /// Makes ready to call the one server that the permit is for. Nothing is connected to yet.
    pub fn new(permit: SendPermit, config: CallConfig) -> Result<Self, CallRefused> {
        let Target::Authority(authority) = permit.target() else { return Err(CallRefused::NotAuthority { name: permit.name().to_owned() }) };
        let authority = authority.clone();
        let place = Place::new(&authority, permit.addresses(), &config)?;
        Ok(Self { permit, authority, place, config, kept: Mutex::new(None) })
    }

    /// What leave there is.
    pub fn permit(&self) -> &SendPermit {
        &self.permit
    }

    /// Makes one call of whatever kind. `messages` are sent as they come, and their end is told to the server (half-close). Told are, in this order:
    /// the connection's phases where one was made, `Leaves`, headers, messages, `Took` of the first byte and the rest as they end, and, once for
    /// each call that left, `Ended`. A server's own status is [`Outcome::Done`], whatever its code.
    ///
    /// Dropped, it cancels the call: the stream is reset, and the connection closed within 100 ms if nobody else calls on it.
    pub async fn call(&self, call: OutgoingCall, messages: impl Stream<Item = Bytes> + Send + 'static, told: &mut (dyn FnMut(CallNews) + Send)) -> Outcome {
        if call.authority != self.authority {
            return Outcome::NotDone(format!("leave was given for {}, and the call is for {}", self.authority, call.authority));
        }
        if let Some(name) = reserved(&call.metadata) {
            return Outcome::NotDone(format!("`{name}` is written by HTTP or gRPC itself. Take it out of the metadata"));
        }
        let by = call.deadline.map(|deadline| Instant::now() + deadline.min(LONGEST).saturating_sub(call.spent));
        let connection = match within(by, self.connection(told)).await {
            Some(Ok(connection)) => connection,
            Some(Err(trouble)) => return Outcome::NotDone(trouble.to_string()),
            None => return Outcome::NotDone(format!("the deadline ({:?}) was over before there was a connection", call.deadline.unwrap_or_default())),
        };
        let timeout = by.map(|by| by.saturating_duration_since(Instant::now()));
        if timeout == Some(Duration::ZERO) {
            return Outcome::NotDone("the deadline was over before the call was sent".to_owned());
        }
        let beginning =
            Beginning { path: call.method, metadata: call.metadata, timeout, compression: call.compression, message_bytes_max: self.config.message_bytes_max };
        told(CallNews::Leaves);
        let mut underway = Underway { caller: self, connection, is_over: false };
        let end = within(by, self.exchange(&underway.connection, beginning, messages, told)).await;
        let end = end.unwrap_or_else(|| {
            let reason = format!("the deadline ({:?}) was over before the server ended the call", call.deadline.unwrap_or_default());
            End::Broken(Broken::new(Code::DeadlineExceeded, reason))
        });
        match end {
            End::Told(code, end) => {
                underway.is_over = true;
                told(CallNews::Ended(end));
                Outcome::Done(Receipt::Called(code))
            }
            End::Broken(broken) => {
                told(CallNews::Ended(CallEnd { code: broken.code as i32, message: broken.reason.clone(), ..CallEnd::default() }));
                if broken.is_untouched { Outcome::NotDone(broken.reason) } else { Outcome::Possibly(broken.reason) }
            }
        }
    }

    async fn exchange(
        &self,
        connection: &Connection,
        beginning: Beginning,
        messages: impl Stream<Item = Bytes> + Send + 'static,
        told: &mut (dyn FnMut(CallNews) + Send),
    ) -> End {
        let began = Instant::now();
        let mut answers = Answers::of(connection, &self.place.uri, beginning, messages).await;
        let first_byte = Instant::now();
        if let Some(headers) = answers.headers() {
            told(CallNews::Took(Phase::FirstByte, first_byte - began));
            told(CallNews::Headers(headers));
            while let Some(message) = answers.next().await {
                told(CallNews::Message(message));
            }
            told(CallNews::Took(Phase::Rest, first_byte.elapsed()));
        }
        let end = answers.end();
        if answers.headers().is_none() && matches!(end, End::Told(..)) {
            told(CallNews::Took(Phase::FirstByte, first_byte - began));
            told(CallNews::Took(Phase::Rest, Duration::ZERO));
        }
        end
    }

    /// The kept connection, or another where that was lost.
    async fn connection(&self, told: &mut (dyn FnMut(CallNews) + Send)) -> Result<Arc<Connection>, Trouble> {
        let kept = self.kept().clone();
        if let Some(connection) = kept
            && connection.is_open().await
        {
            return Ok(connection);
        }
        let connection = Arc::new(Connection::open(&self.place, told).await?);
        *self.kept() = Some(Arc::clone(&connection));
        Ok(connection)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Option<Arc<Connection>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that has left, and its connection, which is not used again unless the server ended the call.
struct Underway<'a> {
    caller: &'a Caller,
    connection: Arc<Connection>,
    is_over: bool,
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.caller.kept().take_if(|kept| Arc::ptr_eq(kept, &self.connection));
        }
    }
}

/// Waits for something until a moment, if there is one; `None` = not in time.
async fn within<T>(by: Option<Instant>, work: impl Future<Output = T>) -> Option<T> {
    match by {
        Some(by) => timeout_at(by, work).await.ok(),
        None => Some(work.await),
    }
}

/// Metadata that cannot be sent.
pub(super) fn reserved(metadata: &HeaderMap) -> Option<&str> {
    metadata.keys().map(http::HeaderName::as_str).find(|name| RESERVED.contains(name))
}
