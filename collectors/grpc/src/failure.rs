//! What can go wrong between here and a gRPC server, in words, with what to do about it.

use std::time::Duration;

use switchboard_model::{Condition, FailureKind, SourcePhase};
use tonic::{Code, Status};

/// What went wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub(crate) struct Failure {
    /// How the source is with it.
    pub phase: SourcePhase,
    /// Its kind.
    pub kind: FailureKind,
    /// What failed and why.
    pub detail: String,
    /// What the user can do.
    pub next_step: String,
    /// Whether the next check may well find it gone: the server has trouble of its own, was slow, or a connection broke off.
    pub is_passing: bool,
}

/// What a port turned out to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    /// TLS.
    Tls,
    /// HTTP/2 in plain text.
    PlainHttp2,
    /// HTTP/1.
    Http1,
    /// Nothing that was recognised.
    Unknown,
}

impl Failure {
    fn failed(kind: FailureKind, detail: String, next_step: &str) -> Self {
        Self { phase: SourcePhase::Failed, kind, detail, next_step: next_step.to_owned(), is_passing: false }
    }

    fn passing(kind: FailureKind, detail: String, next_step: &str) -> Self {
        Self { is_passing: true, ..Self::failed(kind, detail, next_step) }
    }

    fn degraded(kind: FailureKind, detail: String, next_step: &str) -> Self {
        Self { phase: SourcePhase::Degraded, ..Self::failed(kind, detail, next_step) }
    }

    /// What the source's status is with it.
    pub fn told(self) -> Condition {
        Condition { phase: self.phase, failure: Some(self.kind), detail: self.detail, next_step: self.next_step }
    }

    /// The profile's address is none.
    pub fn unusable(reason: &str) -> Self {
        let detail = format!("the address of this source cannot be used: {reason}");
        Self::failed(FailureKind::Connect, detail, "Write url as http://HOST:PORT, or https://HOST:PORT where the server speaks TLS")
    }

    /// The profile asks for more names than the bound.
    pub fn too_many_asked(num_asked: usize, most: usize) -> Self {
        let detail = format!("{num_asked} health services are to be asked, of which the first {most} are");
        Self::degraded(FailureKind::Limit, detail, "Shorten health of this source in the profile")
    }

    /// The server does not know a name that was asked for.
    pub fn unknown_service(address: &str, asked: &str) -> Self {
        let next_step = r#"Correct health of this source in the profile: full names such as package.Service, or "" for the whole server"#;
        let detail = if asked.is_empty() {
            format!("{address} tells no health for the whole server")
        } else {
            format!("{address} knows no health service named {asked}")
        };
        Self::degraded(FailureKind::Peer, detail, next_step)
    }

    /// No answer within the deadline.
    pub fn deadline(address: &str, deadline: Duration) -> Self {
        let detail = format!("{address} did not answer within {deadline:?}");
        Self::passing(FailureKind::Peer, detail, "Look whether the server hangs, or is paused in a debugger")
    }

    /// The server answered with a status of its own.
    pub fn status(address: &str, status: &Status) -> Self {
        let message = one_line(status.message());
        match status.code() {
            Code::Unauthenticated => {
                let detail = format!("{address} asks for credentials (UNAUTHENTICATED)");
                Self::failed(FailureKind::Authenticate, detail, "Let the server answer grpc.health.v1.Health without credentials")
            }
            Code::PermissionDenied => {
                let detail = format!("{address} does not allow its health to be read (PERMISSION_DENIED)");
                Self::failed(FailureKind::Authorise, detail, "Let the server answer grpc.health.v1.Health to everybody")
            }
            Code::Unimplemented => {
                let detail = format!("{address} does not offer grpc.health.v1.Health");
                Self::degraded(FailureKind::Peer, detail, "Register the standard health service in the server, or remove this source from the profile")
            }
            Code::ResourceExhausted => {
                Self::passing(FailureKind::Limit, format!("{address} answered RESOURCE_EXHAUSTED ({message})"), "Look into the server's log")
            }
            code => Self {
                is_passing: matches!(code, Code::Unknown | Code::Internal | Code::Unavailable | Code::DataLoss | Code::Aborted | Code::Cancelled),
                ..Self::failed(FailureKind::Peer, format!("{address} answered {code:?} ({message})"), "Look into the server's log")
            },
        }
    }

    /// Nothing listens there.
    pub fn refused(address: &str) -> Self {
        let detail = format!("{address}: connection refused, nothing listens there");
        Self::failed(FailureKind::Connect, detail, "Start the server, or correct the port in url")
    }

    /// No answer at all, for the cause given; `speaks` is what the port was found to speak.
    pub fn transport(address: &str, cause: &str, speaks: Speaks) -> Self {
        use FailureKind::{Authenticate, Connect, Protocol};
        let is_tls = address.starts_with("https:");
        // It may repeat what the peer sent: the names in its certificate, for one.
        let told = one_line(cause);
        match speaks {
            Speaks::Tls if !is_tls => {
                Self::failed(Protocol, format!("{address} speaks TLS where plain text was asked for"), "Write https:// instead of http:// in url")
            }
            Speaks::PlainHttp2 if is_tls => Self::failed(
                Protocol,
                format!("{address} speaks plain text where TLS was asked for"),
                "Write http:// instead of https:// in url, or correct the port",
            ),
            Speaks::Http1 => {
                let detail = format!("{address} speaks HTTP/1, which carries no gRPC");
                Self::failed(Protocol, detail, "Correct the port: this is that of an HTTP server")
            }
            _ if cause.contains("invalid peer certificate") => {
                let detail = format!("{address}: its certificate is not trusted ({told})");
                Self::failed(Authenticate, detail, "Add its issuer to this machine's trusted certificates, or correct the host's name in url")
            }
            _ => Self {
                // The port speaks as it should.
                is_passing: speaks == if is_tls { Speaks::Tls } else { Speaks::PlainHttp2 },
                ..Self::failed(Connect, format!("{address}: no connection ({told})"), "Look whether the host's name and port are right and reachable from here")
            },
        }
    }
}

/// A peer's message as one line of bounded length.
fn one_line(message: &str) -> String {
    message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_measure::growth::assert_linear;

    #[test]
    fn what_a_peer_says_is_told_in_one_short_line_whatever_its_length() {
        let told = |text: &str| {
            let codes = [Code::Internal, Code::ResourceExhausted, Code::Unimplemented];
            let by_status = codes.map(|code| Failure::status("http://a:1", &Status::new(code, text)));
            let kinds = [Speaks::Tls, Speaks::PlainHttp2, Speaks::Http1, Speaks::Unknown];
            by_status.into_iter().chain(kinds.map(|speaks| Failure::transport("https://a:1", text, speaks))).collect::<Vec<_>>()
        };
        for part in ["a", "é", "\n", "\u{202e}", "invalid peer certificat", "invalid peer certificate: "] {
            let failures = told(&part.repeat(10_000));
            assert!(failures.iter().all(|failure| failure.detail.chars().count() < 320 && !failure.detail.contains(char::is_control)), "{failures:?}");
            assert_linear(&format!("{part:?}"), 1 << 18, |len| part.repeat(len / part.len()), |text| told(text));
        }
    }
}
