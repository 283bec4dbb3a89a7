//! What can go wrong before anything of a call has left, in words, with what to do about it.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError};
use switchboard_model::FailureKind;

use super::dial::Place;
use super::tap::First;
use crate::failure::Speaks;
use crate::schema::one_line;

/// Why a server's schema, or a connection to it, cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}. {next_step}")]
pub struct ReflectFailure {
    /// Its kind.
    pub kind: FailureKind,
    /// What failed and why.
    pub detail: String,
    /// What the user can do.
    pub next_step: String,
    /// google.rpc.Code, where it is the server's own answer; `None` = it gave none.
    pub status: Option<i32>,
}

/// The same, of a connection.
pub(super) type Trouble = ReflectFailure;

const WRITE_HTTP: &str = "Write http:// instead of https:// if the port speaks plain text, else correct the port";
const WRITE_HTTPS: &str = "Write https:// instead of http://";

impl Trouble {
    /// A failure in words.
    pub(super) fn new(kind: FailureKind, detail: String, next_step: &str) -> Self {
        Self { kind, detail, next_step: next_step.to_owned(), status: None }
    }

    /// The same as the server's own answer.
    pub(super) fn of_status(self, status: i32) -> Self {
        Self { status: Some(status), ..self }
    }

    fn connect(detail: String, next_step: &str) -> Self {
        Self::new(FailureKind::Connect, detail, next_step)
    }

    fn protocol(detail: String, next_step: &str) -> Self {
        Self::new(FailureKind::Protocol, detail, next_step)
    }

    /// No address answers.
    pub(super) fn unreachable(address: &str, tried: &[(SocketAddr, io::Error)]) -> Self {
        if tried.iter().all(|(_, error)| error.kind() == io::ErrorKind::ConnectionRefused) {
            return Self::connect(format!("{address}: connection refused, nothing listens there"), "Start the server, or correct the port");
        }
        let tried: Vec<_> = tried.iter().take(4).map(|(address, error)| format!("{address}: {error}")).collect();
        let detail = format!("{address} cannot be reached ({})", one_line(&tried.join("; ")));
        Self::connect(detail, "Look whether host and port are right and reachable from here")
    }

    /// TLS did not come about.
    pub(super) fn tls(address: &str, error: &io::Error, first: &First) -> Self {
        match first.speaks() {
            Speaks::PlainHttp2 => {
                let detail = format!("{address}: the server answered in plain text where TLS was spoken");
                return Self::protocol(detail, "Write http://, or correct the port");
            }
            Speaks::Http1 => {
                let detail = format!("{address}: the server speaks no TLS here, but HTTP/1 in plain text, which carries no gRPC");
                return Self::protocol(detail, "Correct the port: this is that of an HTTP server");
            }
            Speaks::Tls | Speaks::Unknown => {}
        }
        match rustls_error(error) {
            Some(rustls::Error::InvalidCertificate(reason)) => Self::certificate(address, reason),
            Some(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => Self::http1_only(address),
            Some(rustls::Error::AlertReceived(alert)) if asks_for_certificate(*alert) => Self::certificate_asked_for(address, *alert),
            Some(error) => Self::protocol(format!("{address}: no TLS ({})", one_line(&error.to_string())), "Look whether the port is that of the server"),
            None if first.is_silent() => Self::protocol(format!("{address}: it ended the connection when TLS was spoken"), WRITE_HTTP),
            None => Self::connect(format!("{address}: no TLS ({})", one_line(&error.to_string())), "Look into the server's log"),
        }
    }

    fn certificate(address: &str, reason: &CertificateError) -> Self {
        let (what, next_step) = match reason {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                ("is of another name", "Name the server by a name of its certificate, or set its authority to one")
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                ("has expired", "Have the server use a newer one, or correct this machine's clock")
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                ("is not valid yet", "Correct the clock of this machine, or the server's")
            }
            _ => ("is not trusted", "Name the certificate of its issuer under Root certificates, or add that to this machine's trusted certificates"),
        };
        Self::new(FailureKind::Authenticate, format!("{address}: its certificate {what} ({})", one_line(&reason.to_string())), next_step)
    }

    fn certificate_asked_for(address: &str, alert: AlertDescription) -> Self {
        let detail = format!("{address} asks for a certificate of ours, or does not take the one that it got ({alert:?})");
        Self::new(FailureKind::Authenticate, detail, "Name a certificate, with its key, whose issuer the server trusts")
    }

    /// The server agreed to TLS, and to no HTTP/2 within.
    pub(super) fn http1_only(address: &str) -> Self {
        Self::protocol(format!("{address} speaks HTTP/1 only, which carries no gRPC"), "Correct the port, or let the server offer HTTP/2 (ALPN h2)")
    }

    /// A connection came about, and what the peer said first is no HTTP/2.
    pub(super) fn no_http2(place: &Place, first: &First, is_late: bool) -> Self {
        let (address, is_tls) = (&place.address, place.is_tls());
        if let Some(Err(error)) = &first.over
            && let Some(rustls::Error::AlertReceived(alert)) = rustls_error(error)
        {
            return match alert {
                AlertDescription::NoApplicationProtocol => Self::http1_only(address),
                alert => Self::certificate_asked_for(address, *alert),
            };
        }
        let may_speak_tls = format!("The server may speak TLS. {WRITE_HTTPS}, or correct the port");
        match first.speaks() {
            Speaks::Tls if !is_tls => Self::protocol(format!("{address} speaks TLS where plain text was asked for"), WRITE_HTTPS),
            Speaks::Http1 if is_tls => Self::http1_only(address),
            Speaks::Http1 => Self::protocol(format!("{address} speaks HTTP/1, which carries no gRPC"), "Correct the port: this is that of an HTTP server"),
            _ if !first.is_silent() => Self::protocol(format!("{address} speaks something else than HTTP/2"), "Correct the port"),
            _ if is_late => {
                let detail = format!("{address} took the connection and said nothing within {:?}", place.connect_timeout);
                Self::connect(detail, if is_tls { "Look whether the server hangs, or is paused in a debugger" } else { &may_speak_tls })
            }
            _ if is_tls => {
                Self::protocol(format!("{address} closed the connection without a word of HTTP/2"), "Correct the port, or look into the server's log")
            }
            _ => Self::protocol(format!("{address} closed the connection without a word of HTTP/2"), &may_speak_tls),
        }
    }

    /// Nothing came about in time.
    pub(super) fn late(address: &str, what: &str, within: Duration) -> Self {
        Self::connect(format!("{address}: no {what} within {within:?}"), "Look whether host and port are right, and whether the server hangs")
    }
}

/// Alerts by which a server says that it wants another certificate of its client.
fn asks_for_certificate(alert: AlertDescription) -> bool {
    use AlertDescription as Alert;
    matches!(
        alert,
        Alert::CertificateRequired | Alert::BadCertificate | Alert::UnknownCA | Alert::CertificateUnknown | Alert::CertificateExpired | Alert::AccessDenied
    )
}

fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|error| (error as &(dyn Error + 'static)).downcast_ref())
}
