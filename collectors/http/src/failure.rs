//! What can go wrong between here and an actuator, in words, with what to do about it.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use switchboard_model::{Condition, FailureKind, Redactor, SourcePhase};

use crate::actuator::read_name;

/// What went wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub(crate) struct Failure {
    /// Its kind.
    pub kind: FailureKind,
    /// What failed and why.
    pub detail: String,
    /// What the user can do.
    pub next_step: String,
    /// How many bytes were read of an answer that could not be decoded; `None` = there was no such answer.
    pub undecodable_bytes: Option<u64>,
    /// Whether the next poll may well find it gone: the server has trouble of its own, was slow, or a connection broke off.
    pub is_passing: bool,
}

/// What to do about an address at which no actuator answers.
const CORRECT_ADDRESS: &str = "Correct url: it is the actuator's base, such as http://HOST:PORT/actuator";
const ADD_CREDENTIALS: &str = "Add username and password, or bearer, to this source in the profile";

impl Failure {
    fn new(kind: FailureKind, detail: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), next_step: next_step.into(), undecodable_bytes: None, is_passing: false }
    }

    /// What the source's status is with it.
    pub fn told_as(self, phase: SourcePhase) -> Condition {
        Condition { phase, failure: Some(self.kind), detail: self.detail, next_step: self.next_step }
    }

    /// The profile's address is none.
    pub fn unusable(reason: &str) -> Self {
        let detail = format!("the address of this source cannot be used: {reason}");
        Self::new(FailureKind::Connect, detail, "Write url as http://HOST:PORT/actuator, with the management port if there is one")
    }

    /// An answer beyond the limit.
    pub fn too_large(at: &str, num_bytes: u64) -> Self {
        let detail = format!("{at} answered more than 1 MiB");
        Self { undecodable_bytes: Some(num_bytes), ..Self::new(FailureKind::Limit, detail, "Lower eventConsumerBufferSize of the breakers, or correct url") }
    }

    /// JSON of another shape than the endpoint's.
    pub fn shape(at: &str, num_bytes: u64) -> Self {
        Self {
            undecodable_bytes: Some(num_bytes),
            ..Self::new(FailureKind::Protocol, format!("{at} answered JSON, but not that of Resilience4j"), CORRECT_ADDRESS)
        }
    }

    /// No `circuitbreakers` there; `is_actuator` = the list of links is, and does not name it.
    pub fn missing(at: &str, is_actuator: bool) -> Self {
        let expose = "Add circuitbreakers,circuitbreakerevents to management.endpoints.web.exposure.include";
        if is_actuator {
            return Self::new(FailureKind::Peer, format!("{at} answered 404: the endpoint is not exposed"), expose);
        }
        let detail = format!("{at} answered 404: the endpoint is not exposed, or no actuator is there");
        Self::new(FailureKind::Peer, detail, format!("{expose}, and look whether management.server.port names another port"))
    }

    /// `circuitbreakers` are there, `circuitbreakerevents` are not.
    pub fn missing_events(at: &str) -> Self {
        let detail = format!("states are read, but {at} answered 404: changes between two polls are not seen");
        Self::new(FailureKind::Peer, detail, "Add circuitbreakerevents to management.endpoints.web.exposure.include")
    }

    /// Events could not be read several times, states can.
    pub fn without_events(self) -> Self {
        Self { detail: format!("states are read, but {}: changes between two polls are not seen", self.detail), ..self }
    }

    /// What is asked for answers at another base.
    pub fn other_base(self, base: &str, is_exposed: bool) -> Self {
        let expose = if is_exposed { "" } else { ", and add circuitbreakers,circuitbreakerevents to management.endpoints.web.exposure.include" };
        Self {
            detail: format!("{}; an actuator answers at {base}", self.detail),
            next_step: format!("Write url = \"{base}\" for this source into the profile{expose}"),
            ..self
        }
    }

    /// A status other than 200 and 404.
    pub fn status(at: &str, status: StatusCode, is_anonymous: bool, headers: &HeaderMap, redactor: &Redactor) -> Self {
        match status.as_u16() {
            401 if is_anonymous => Self::new(FailureKind::Authenticate, format!("{at} asks for credentials (401)"), ADD_CREDENTIALS),
            401 => {
                let next_step = "Correct username and password, or bearer, of this source in the profile";
                Self::new(FailureKind::Authenticate, format!("{at} does not accept the credentials (401)"), next_step)
            }
            403 => {
                let next_step = "Permit this user to GET the actuator's endpoints, or use another user";
                Self::new(FailureKind::Authorise, format!("{at} does not allow this user to read it (403)"), next_step)
            }
            code @ 300..=399 => {
                let location = headers.get(LOCATION).and_then(|location| read_name(location.to_str().ok()?)).unwrap_or_else(|| "nowhere".to_owned());
                let location = redactor.redact_text(&location).unwrap_or(location);
                let detail = format!("{at} answered {code} and points to {location}; redirects are not followed");
                if location.to_ascii_lowercase().contains("login") {
                    Self::new(FailureKind::Authenticate, detail, ADD_CREDENTIALS)
                } else {
                    Self::new(FailureKind::Protocol, detail, "Write into url the address that answers by itself")
                }
            }
            429 => {
                let failure = Self::new(FailureKind::Limit, format!("{at} answered 429: too many requests"), "Raise poll_s of this source in the profile");
                Self { is_passing: true, ..failure }
            }
            _ => {
                let failure = Self::new(FailureKind::Peer, format!("{at} answered {status}"), "Look into the application's log");
                Self { is_passing: status.is_server_error(), ..failure }
            }
        }
    }

    /// An answer that is no JSON.
    pub fn no_json(at: &str, body: &[u8], headers: &HeaderMap, error: &serde_json::Error) -> Self {
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_html = content_type.contains("html") || body.trim_ascii_start().starts_with(b"<");
        let failure = if is_html {
            let next_step = format!("{CORRECT_ADDRESS}, not that of a login page or a proxy");
            Self::new(FailureKind::Protocol, format!("{at} answered an HTML page instead of JSON"), next_step)
        } else {
            Self::new(FailureKind::Protocol, format!("{at} answered what is no JSON ({error})"), CORRECT_ADDRESS)
        };
        Self { undecodable_bytes: Some(body.len() as u64), ..failure }
    }

    /// No answer at all.
    pub fn transport(address: &str, error: &reqwest::Error, connect_timeout: Duration, request_timeout: Duration) -> Self {
        use FailureKind::{Authenticate, Connect, Peer, Protocol};
        let innermost = innermost(error);
        let cause = innermost.to_string();
        let is_refused = innermost.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
        let is_tls = address.starts_with("https:");
        if error.is_timeout() && error.is_connect() {
            let detail = format!("{address}: no connection within {connect_timeout:?}");
            Self::new(Connect, detail, "Look whether the host is up and reachable from here")
        } else if error.is_timeout() {
            let detail = format!("{address} took the request but did not answer it within {request_timeout:?}");
            Self { is_passing: true, ..Self::new(Peer, detail, "Look whether the application hangs, or is paused in a debugger") }
        } else if is_tls && cause.contains("invalid peer certificate") {
            let detail = format!("{address}: its certificate is not trusted ({cause})");
            Self::new(Authenticate, detail, "Add its issuer to this machine's trusted certificates, or correct the host's name in url")
        } else if is_tls && cause.contains("corrupt message") {
            Self::new(Protocol, format!("{address} speaks plain text where TLS was asked for"), "Write http:// instead of https:// in url, or correct the port")
        } else if !is_tls && cause.contains("invalid HTTP version") {
            let detail = format!("{address} answered what is no HTTP: the port speaks TLS, or another protocol");
            Self::new(Protocol, detail, "Write https:// in url if the port speaks TLS, else correct the port")
        } else if is_refused {
            let detail = format!("{address}: connection refused, nothing listens there");
            Self::new(Connect, detail, "Start the application, or correct the port (management.server.port may name another one)")
        } else if error.is_connect() {
            let next_step = "Look whether the host's name and port are right and reachable from here";
            Self::new(Connect, format!("{address}: no connection ({cause})"), next_step)
        } else {
            let next_step = "Look into the application's log if it does not come back";
            Self { is_passing: true, ..Self::new(Connect, format!("{address}: the connection broke off ({cause})"), next_step) }
        }
    }
}

/// The deepest cause of an error, which is what actually happened.
fn innermost(error: &reqwest::Error) -> &(dyn Error + 'static) {
    let mut cause: &(dyn Error + 'static) = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}
