//! Calls one server.

use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use http::{Response, StatusCode, Version};
use hyper::body::Incoming;
use parking_lot::Mutex;
use switchboard_model::{AnswerEnd, AnswerNews, Origin, Outcome, OutgoingRequest, Phase, Receipt, Scheme, SendPermit, Target};

use super::connection::{Connection, NoAnswer};
use super::deadline::{Deadline, Late};
use super::request::Prepared;
use super::tls::Speaker;
use super::{CallConfig, CallRefused, body, failure, open};

/// Calls one server, with leave to do so. Keeps one idle connection until it is dropped: a call that comes within 4 s of the last goes over it.
pub struct Caller {
    permit: SendPermit,
    origin: Origin,
    config: CallConfig,
    /// `None` = plain text.
    speaker: Option<Speaker>,
    idle: Mutex<Option<Connection>>,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("permit", &self.permit).field("config", &self.config).finish_non_exhaustive()
    }
}

impl Caller {
    /// Makes one for the permit's origin. Connects to nothing; for TLS it reads the system's certificates, which takes some milliseconds.
    pub fn new(permit: SendPermit, config: CallConfig) -> Result<Self, CallRefused> {
        let name = permit.name().to_owned();
        let Target::Origin(origin) = permit.target() else { return Err(CallRefused::NoOrigin { name }) };
        if permit.addresses().is_empty() {
            return Err(CallRefused::NoAddresses { name });
        }
        let origin = origin.clone();
        let speaker = match origin.scheme() {
            Scheme::Http => None,
            Scheme::Https => Some(Speaker::new(origin.host(), &config.tls)?),
        };
        Ok(Self { permit, origin, config, speaker, idle: Mutex::new(None) })
    }

    /// The leave that it was made with.
    pub fn permit(&self) -> &SendPermit {
        &self.permit
    }

    /// Sends a request, once, and tells of its answer as it comes: the phases as they end (not those of a connection that was there already),
    /// `Leaves` before its first byte is written, then the head, the body, and how that ended. `Ended` is told only after a head.
    ///
    /// Nothing is told after this has returned. Dropping the future closes the connection at once.
    pub async fn call(&self, request: OutgoingRequest, told: &mut (dyn FnMut(AnswerNews) + Send)) -> Outcome {
        if request.origin != self.origin {
            return Outcome::NotDone(failure::other_origin(&self.origin, &request.origin));
        }
        let deadline = Deadline::after(self.config.timeout);
        let prepared = match Prepared::new(request) {
            Ok(prepared) => prepared,
            Err(reason) => return Outcome::NotDone(reason),
        };
        let (mut connection, response) = match self.send(&prepared, deadline, told).await {
            Ok(answered) => answered,
            Err(outcome) => return outcome,
        };
        let began = Instant::now();
        let (head, body) = response.into_parts();
        let (status, version) = (head.status.as_u16(), in_words(head.version));
        told(AnswerNews::Head { status, version, headers: head.headers.clone() });
        let end = if head.status == StatusCode::SWITCHING_PROTOCOLS {
            AnswerEnd { cut: Some(failure::switched(&head.headers)), ..AnswerEnd::default() }
        } else {
            body::read(body, &head.headers, self.config.body_bytes_max, deadline, told).await
        };
        if end.cut.is_none() {
            connection.is_done();
            *self.idle.lock() = Some(connection);
        } else {
            // Closed before it is told, so that nothing more comes over it.
            drop(connection);
        }
        told(AnswerNews::Took(Phase::Rest, began.elapsed()));
        told(AnswerNews::Ended(end));
        Outcome::Done(Receipt::Answered(status))
    }

    /// Sends it over the idle connection, or where that is no longer good before anything left, over a new one.
    async fn send(
        &self,
        prepared: &Prepared,
        deadline: Deadline,
        told: &mut (dyn FnMut(AnswerNews) + Send),
    ) -> Result<(Connection, Response<Incoming>), Outcome> {
        if let Some(mut connection) = self.usable_idle().await {
            let mut has_left = false;
            match self.exchange(&mut connection, prepared, deadline, &mut has_left, told).await {
                Ok(response) => return Ok((connection, response)),
                Err(NoAnswer::Broken(..) | NoAnswer::Unasked(_)) if !has_left => {}
                Err(no_answer) => return Err(self.outcome(no_answer, has_left)),
            }
        }
        let addresses: &[SocketAddr] = self.permit.addresses();
        let opened = open::open(&self.origin, addresses, self.speaker.as_ref(), deadline.or_after(self.config.connect_timeout), told).await;
        let mut connection = opened.map_err(Outcome::NotDone)?;
        let mut has_left = false;
        match self.exchange(&mut connection, prepared, deadline, &mut has_left, told).await {
            Ok(response) => Ok((connection, response)),
            Err(no_answer) => Err(self.outcome(no_answer, has_left)),
        }
    }

    async fn usable_idle(&self) -> Option<Connection> {
        let mut connection = self.idle.lock().take()?;
        connection.is_usable().await.then_some(connection)
    }

    async fn exchange(
        &self,
        connection: &mut Connection,
        prepared: &Prepared,
        deadline: Deadline,
        has_left: &mut bool,
        told: &mut (dyn FnMut(AnswerNews) + Send),
    ) -> Result<Response<Incoming>, NoAnswer> {
        let began = Instant::now();
        let response = connection.send(prepared, deadline, has_left, told).await?;
        told(AnswerNews::Took(Phase::FirstByte, began.elapsed()));
        Ok(response)
    }

    fn outcome(&self, no_answer: NoAnswer, has_left: bool) -> Outcome {
        let reason = match no_answer {
            NoAnswer::Unsendable(reason) => reason,
            NoAnswer::Unasked(first) => failure::unasked(&self.origin, &first),
            NoAnswer::Late(Late(within)) if has_left => failure::answer_late(&self.origin, within),
            NoAnswer::Late(Late(within)) => failure::connect_late(&self.origin, within),
            NoAnswer::Broken(error, first) if has_left => failure::no_answer(&self.origin, &error, &first),
            NoAnswer::Broken(error, first) => failure::not_begun(&self.origin, &error, &first),
        };
        if has_left { Outcome::Possibly(reason) } else { Outcome::NotDone(reason) }
    }
}

fn in_words(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}
