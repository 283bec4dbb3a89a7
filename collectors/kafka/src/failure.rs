//! Why a cluster does not answer: the client library's errors turned into a kind, a sentence and a next step.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::error::KafkaError;
use switchboard_model::{Condition, FailureKind};

use crate::config::PropertyRefused;
use crate::native::{self, ClientEvent};

/// An error code of the protocol (above zero) or of the library (below), as a plain number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Code(pub i32);

impl Code {
    pub const NONE: Self = Self(0);
    pub const OFFSET_OUT_OF_RANGE: Self = Self(1);
    pub const UNKNOWN_TOPIC_OR_PARTITION: Self = Self(3);
    pub const LEADER_NOT_AVAILABLE: Self = Self(5);
    pub const TOPIC_AUTHORIZATION_FAILED: Self = Self(29);
    pub const GROUP_AUTHORIZATION_FAILED: Self = Self(30);
    pub const CLUSTER_AUTHORIZATION_FAILED: Self = Self(31);
    pub const SASL_AUTHENTICATION_FAILED: Self = Self(58);
    pub const GROUP_ID_NOT_FOUND: Self = Self(69);
    pub const DESTROYED: Self = Self(-197);
    pub const PARTITION_EOF: Self = Self(-191);
    pub const PURGED_IN_FLIGHT: Self = Self(-151);
    pub const PURGED_FROM_QUEUE: Self = Self(-152);
    pub const BAD_MESSAGE: Self = Self(-199);
    pub const TRANSPORT: Self = Self(-195);
    pub const RESOLVE: Self = Self(-193);
    pub const UNKNOWN_PARTITION: Self = Self(-190);
    pub const UNKNOWN_TOPIC: Self = Self(-188);
    pub const ALL_BROKERS_DOWN: Self = Self(-187);
    pub const INVALID_ARGUMENT: Self = Self(-186);
    pub const TIMED_OUT: Self = Self(-185);
    pub const SSL: Self = Self(-181);
    pub const AUTHENTICATION: Self = Self(-169);
    pub const TIMED_OUT_QUEUE: Self = Self(-166);
    pub const UNSUPPORTED_FEATURE: Self = Self(-165);
    pub const FATAL: Self = Self(-150);
    pub const AUTO_OFFSET_RESET: Self = Self(-140);
    pub const LOG_TRUNCATION: Self = Self(-139);

    /// Whether it says that something is not allowed.
    pub fn is_refused(self) -> bool {
        matches!(self, Self::TOPIC_AUTHORIZATION_FAILED | Self::GROUP_AUTHORIZATION_FAILED | Self::CLUSTER_AUTHORIZATION_FAILED)
    }

    /// Whether it says that a broker could not be reached in time.
    pub fn is_unreachable(self) -> bool {
        matches!(self, Self::TIMED_OUT | Self::TIMED_OUT_QUEUE | Self::TRANSPORT | Self::ALL_BROKERS_DOWN | Self::RESOLVE | Self::SSL | Self::AUTHENTICATION)
    }
}

/// A call that did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct CallError {
    /// The code.
    pub code: Code,
    /// In words.
    pub text: String,
}

impl CallError {
    /// Something on our side of the wire.
    pub fn local(text: &str) -> Self {
        Self { code: Code::INVALID_ARGUMENT, text: text.to_owned() }
    }

    /// The collector was stopped while the call waited.
    pub fn stopped() -> Self {
        Self { code: Code::DESTROYED, text: "stopped".to_owned() }
    }
}

impl From<KafkaError> for CallError {
    fn from(error: KafkaError) -> Self {
        match error.rdkafka_error_code().map(|code| Code(code as i32)) {
            Some(code) => Self { code, text: native::code_text(code) },
            None => Self::local(&error.to_string()),
        }
    }
}

/// A failure as a status tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub kind: FailureKind,
    pub detail: String,
    pub next_step: String,
}

impl Failure {
    /// Nothing works for it.
    pub fn failed(self) -> Condition {
        Condition::failed(self.kind, self.detail, self.next_step)
    }

    /// Something does not work for it.
    pub fn degraded(self) -> Condition {
        Condition::degraded(self.kind, self.detail, self.next_step)
    }
}

impl From<PropertyRefused> for Failure {
    fn from(PropertyRefused { property, reason, next_step }: PropertyRefused) -> Self {
        Self { kind: FailureKind::Protocol, detail: format!("Property `{property}` is refused: {reason}"), next_step }
    }
}

/// How long an error of a broker stays a reason after it was last heard of.
const FRESH: Duration = Duration::from_mins(1);
/// Brokers whose last error is kept.
const MOST_BROKERS: usize = 64;

#[derive(Clone, Debug)]
struct BrokerError {
    code: Code,
    text: String,
    heard: Instant,
    is_bootstrap: bool,
}

/// The last error of each broker since all was well.
#[derive(Debug, Default)]
pub(crate) struct BrokerErrors {
    by_address: Mutex<BTreeMap<String, BrokerError>>,
    /// Hosts that brokers named and that get no credentials, and when each was last to be connected to.
    refused: Mutex<BTreeMap<String, Instant>>,
}

impl BrokerErrors {
    /// Takes note of an error as the library words it: `host:port/bootstrap: what failed` or `host:port/id: what failed`.
    pub fn note(&self, code: Code, text: &str) {
        if matches!(code, Code::ALL_BROKERS_DOWN | Code::NONE) {
            return;
        }
        let (address, is_bootstrap) = broker_of(text);
        let mut by_address = self.by_address.lock();
        if by_address.len() >= MOST_BROKERS && !by_address.contains_key(&address) {
            // What was heard long ago explains nothing any more.
            by_address.retain(|_, error| error.heard.elapsed() < FRESH);
            if by_address.len() >= MOST_BROKERS {
                return;
            }
        }
        by_address.insert(address, BrokerError { code, text: text.to_owned(), heard: Instant::now(), is_bootstrap });
    }

    /// Takes note of a host that was not connected to, so that it gets no credentials.
    pub fn note_refused(&self, host: &str) {
        let mut refused = self.refused.lock();
        if refused.len() >= MOST_BROKERS && !refused.contains_key(host) {
            refused.retain(|_, heard| heard.elapsed() < FRESH);
            if refused.len() >= MOST_BROKERS {
                return;
            }
        }
        refused.insert(host.to_owned(), Instant::now());
    }

    /// Hosts that were not connected to lately, so that they get no credentials, and the line of the profile that allows them.
    pub fn refused_hosts(&self) -> Option<Failure> {
        let refused = self.refused.lock();
        // The library tries again and again where it may not connect; who is named no more is no reason any more.
        let named: Vec<&String> = refused.iter().filter(|(_, heard)| heard.elapsed() < FRESH).map(|(host, _)| host).collect();
        let first = named.first()?;
        let listed: Vec<String> = named.iter().map(|host| format!("\"{host}\"")).collect();
        Some(Failure {
            kind: FailureKind::Authenticate,
            detail: format!(
                "The brokers name `{first}`{}, which the profile does not: it gets no credentials",
                if named.len() > 1 { format!(" and {} more", named.len() - 1) } else { String::new() }
            ),
            next_step: format!("Add trusted_hosts = [{}] to this source, if it is one of yours", listed.join(", ")),
        })
    }

    /// Takes note of what a client says by itself; log lines go to the program's own log.
    pub fn hear(&self, event: ClientEvent<'_>) {
        match event {
            ClientEvent::Error(code, line) => self.note(code, &line),
            ClientEvent::Log(level, facility, line) => tracing::debug!(target: "librdkafka", level, facility = &*facility, "{line}"),
        }
    }

    /// Forgets all: every broker asked has answered.
    pub fn clear(&self) {
        self.by_address.lock().clear();
        self.refused.lock().clear();
    }

    /// The best reason there is for a failure.
    pub fn explain(&self, bootstrap: &str, error: Option<&CallError>) -> Option<Failure> {
        if let Some(failure) = self.refused_hosts() {
            return Some(failure);
        }
        let by_address = self.by_address.lock();
        let fresh: Vec<(&String, &BrokerError)> = by_address.iter().filter(|(_, error)| error.heard.elapsed() < FRESH).collect();
        let find = |wanted: &dyn Fn(&BrokerError) -> bool| fresh.iter().find(|(_, error)| wanted(error)).copied();
        if let Some((address, error)) = find(&|error| matches!(error.code, Code::AUTHENTICATION | Code::SASL_AUTHENTICATION_FAILED)) {
            return Some(Failure {
                kind: FailureKind::Authenticate,
                detail: format!("{address} did not accept the credentials: {}", what_failed(&error.text)),
                next_step: "Check username, password, sasl.mechanism and security.protocol of this source".to_owned(),
            });
        }
        if let Some((address, error)) = find(&|error| is_tls(&error.text) || error.code == Code::SSL) {
            return Some(tls_failure(address, &error.text));
        }
        if let Some((address, error)) = find(&|error| error.text.contains("might require SASL authentication")) {
            return Some(Failure {
                kind: FailureKind::Authenticate,
                detail: format!("{address} ended the connection: {}", what_failed(&error.text)),
                next_step: "Set security.protocol to SASL_SSL or SASL_PLAINTEXT, and username and password".to_owned(),
            });
        }
        // A broker that nobody named was named by another one, whether or not the call at hand was answered.
        let is_named = |address: &str| bootstrap.split(',').any(|named| named.trim() == address);
        let is_advertised = |address: &str, error: &BrokerError| !error.is_bootstrap && address.contains(':') && !is_named(address);
        let advertised = fresh.iter().find(|(address, error)| error.code == Code::RESOLVE && is_advertised(address, error));
        if let Some((address, _)) = advertised {
            let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
            return Some(Failure {
                kind: FailureKind::Connect,
                detail: format!("Bootstrap answered, but the advertised `{address}` does not resolve from here"),
                next_step: format!(
                    "Let the broker advertise an address that resolves on this machine (advertised.listeners), or give `{host}` an address in the hosts file"
                ),
            });
        }
        if let Some((address, _)) = find(&|error| error.code == Code::RESOLVE) {
            return Some(Failure {
                kind: FailureKind::Connect,
                detail: format!("`{address}` does not resolve from here"),
                next_step: "Check the spelling of brokers in the profile, and the name service".to_owned(),
            });
        }
        if let Some((address, error)) = find(&|error| error.text.contains("Connection refused")) {
            let advertised = if is_advertised(address, error) { "Bootstrap answered, but the advertised " } else { "" };
            return Some(Failure {
                kind: FailureKind::Connect,
                detail: format!("{advertised}`{address}` refused the connection"),
                next_step: "Check that the broker runs and listens on this address and port".to_owned(),
            });
        }
        if let Some((address, error)) = fresh.first() {
            return Some(Failure {
                kind: FailureKind::Connect,
                detail: format!("`{address}`: {}", what_failed(&error.text)),
                next_step: "Check that the broker is up and reachable from this machine".to_owned(),
            });
        }
        error.map(|error| describe(bootstrap, error))
    }
}

/// A failure by its code alone.
pub(crate) fn describe(bootstrap: &str, error: &CallError) -> Failure {
    let (kind, next_step) = match error.code {
        code if code.is_refused() => (FailureKind::Authorise, "Allow this user to describe the cluster, its topics and its groups (ACL operation DESCRIBE)"),
        Code::AUTHENTICATION | Code::SASL_AUTHENTICATION_FAILED => (FailureKind::Authenticate, "Check username, password and sasl.mechanism"),
        code if code.is_unreachable() => (FailureKind::Connect, "Check that the brokers are up and reachable from this machine"),
        Code(code) if code > 0 => (FailureKind::Peer, "Look into the broker's log"),
        _ => (FailureKind::Protocol, "Check that the address is a Kafka broker's"),
    };
    Failure { kind, detail: format!("{bootstrap}: {}", error.text), next_step: next_step.to_owned() }
}

fn is_tls(text: &str) -> bool {
    text.contains("connecting to a SSL listener")
        || text.contains("PLAINTEXT broker listener")
        || text.contains("SSL handshake failed")
        // With TLS 1.3 a certificate that is missing or refused is told after the client's part of the handshake is done.
        || text.contains("SSL routines:")
        || is_cut_in_handshake(text)
}

/// The peer hung up while TLS was being agreed on: what many listeners do that speak none.
fn is_cut_in_handshake(text: &str) -> bool {
    text.contains("Disconnected") && text.contains("in state SSL_HANDSHAKE")
}

fn tls_failure(address: &str, text: &str) -> Failure {
    let (kind, next_step) = if text.contains("connecting to a SSL listener") {
        (FailureKind::Protocol, "Set security.protocol to SSL or SASL_SSL: the listener seems to speak TLS")
    } else if text.contains("alert") && ["certificate", "unknown ca"].iter().any(|what| text.contains(what)) {
        (FailureKind::Authenticate, "Give a certificate that the broker trusts, in ssl.certificate.location, and its key in ssl.key.location")
    } else if text.contains("certificate") {
        (FailureKind::Connect, "Give the certificate authority in ssl.ca.location or ssl.ca.pem, and check that the broker's name is in its certificate")
    } else if text.contains("PLAINTEXT broker listener") || text.contains("wrong version number") || is_cut_in_handshake(text) {
        (FailureKind::Protocol, "Set security.protocol to PLAINTEXT or SASL_PLAINTEXT: the listener seems to speak no TLS")
    } else {
        (FailureKind::Protocol, "Check security.protocol and the ssl.* properties of this source")
    };
    Failure { kind, detail: format!("No TLS with {address}: {}", what_failed(text)), next_step: next_step.to_owned() }
}

/// The broker's address in an error text, and whether it stands for the bootstrap list.
fn broker_of(text: &str) -> (String, bool) {
    for part in text.split(": ") {
        let Some((address, number)) = part.rsplit_once('/') else { continue };
        let address = address.rsplit_once("://").map_or(address, |(_, address)| address);
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        if address.contains(':') && !address.contains(' ') && (is_number || number == "bootstrap") {
            return (address.to_owned(), number == "bootstrap");
        }
    }
    // Logical brokers (a group's coordinator) put their address behind their name.
    let mut parts = text.split(": ");
    let first = parts.next().unwrap_or_default();
    let address = if first.contains(':') { first } else { parts.next().filter(|part| part.contains(':') && !part.contains(' ')).unwrap_or(first) };
    (address.to_owned(), false)
}

/// An error text without the broker's name before it.
fn what_failed(text: &str) -> &str {
    text.split_once(": ").map_or(text, |(first, rest)| if first.contains('/') || first.contains("//") { rest } else { text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explain(errors: &[(Code, &str)]) -> Failure {
        let noted = BrokerErrors::default();
        for (code, text) in errors {
            noted.note(*code, text);
        }
        noted.explain("127.0.0.1:9092", None).expect("a reason")
    }

    #[test]
    fn an_advertised_name_that_does_not_resolve_is_told_as_that() {
        let failure = explain(&[(Code::RESOLVE, "kafka:9092/1: Failed to resolve 'kafka:9092': Name or service not known (after 3ms in state CONNECT)")]);
        assert_eq!(failure.kind, FailureKind::Connect);
        assert_eq!(failure.detail, "Bootstrap answered, but the advertised `kafka:9092` does not resolve from here");
        assert!(failure.next_step.contains("advertised.listeners"), "{}", failure.next_step);
    }

    #[test]
    fn each_failure_has_its_kind_and_a_next_step() {
        let cases: &[(Code, &str, FailureKind, &str, &str)] = &[
            (
                Code::RESOLVE,
                "nohost:9092/bootstrap: Failed to resolve 'nohost:9092': Name or service not known",
                FailureKind::Connect,
                "`nohost:9092` does not resolve",
                "spelling",
            ),
            (
                Code::TRANSPORT,
                "127.0.0.1:9/bootstrap: Connect to ipv4#127.0.0.1:9 failed: Connection refused (after 0ms in state CONNECT)",
                FailureKind::Connect,
                "`127.0.0.1:9` refused",
                "runs and listens",
            ),
            (
                Code::AUTHENTICATION,
                "sasl_ssl://k:9093/bootstrap: SASL authentication error: Authentication failed (after 312ms in state AUTH_REQ)",
                FailureKind::Authenticate,
                "k:9093 did not accept",
                "password",
            ),
            (
                Code::SSL,
                "ssl://127.0.0.1:9092/bootstrap: SSL handshake failed: ssl/record/ssl3_record.c:354: wrong version number: connecting to a PLAINTEXT broker listener?",
                FailureKind::Protocol,
                "No TLS with 127.0.0.1:9092",
                "PLAINTEXT",
            ),
            (
                Code::TRANSPORT,
                "ssl://127.0.0.1:9092/bootstrap: Disconnected: connection reset by peer (after 0ms in state SSL_HANDSHAKE)",
                FailureKind::Protocol,
                "No TLS with 127.0.0.1:9092",
                "PLAINTEXT",
            ),
            (
                Code::TRANSPORT,
                "127.0.0.1:9093/bootstrap: Disconnected: requesting ApiVersion: might be caused by incorrect security.protocol configuration (connecting to a SSL listener?) or broker version is < 0.10",
                FailureKind::Protocol,
                "No TLS with",
                "SASL_SSL",
            ),
            (
                Code::SSL,
                "ssl://k:9093/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate could not be verified, verify that ssl.ca.location is correctly configured (after 16ms in state SSL_HANDSHAKE)",
                FailureKind::Connect,
                "k:9093",
                "ssl.ca",
            ),
            (
                Code::SSL,
                "ssl://k:9093/bootstrap: SSL handshake failed: error:0A00045C:SSL routines::tlsv13 alert certificate required: SSL alert number 116 (after 9ms in state SSL_HANDSHAKE)",
                FailureKind::Authenticate,
                "k:9093",
                "ssl.certificate.location",
            ),
            (
                Code::TRANSPORT,
                "ssl://k:9093/bootstrap: Receive failed: error:0A00045C:SSL routines::tlsv13 alert certificate required: SSL alert number 116 (after 2ms in state APIVERSION_QUERY)",
                FailureKind::Authenticate,
                "k:9093",
                "ssl.certificate.location",
            ),
            (
                Code::SSL,
                "ssl://k:9093/bootstrap: SSL handshake failed: error:0A000418:SSL routines::tlsv1 alert unknown ca: SSL alert number 48 (after 9ms in state SSL_HANDSHAKE)",
                FailureKind::Authenticate,
                "k:9093",
                "ssl.key.location",
            ),
            (
                Code::TRANSPORT,
                "ssl://127.0.0.1:9092/bootstrap: Disconnected: connection reset by peer (after 0ms in state SSL_HANDSHAKE)",
                FailureKind::Protocol,
                "No TLS with 127.0.0.1:9092",
                "security.protocol",
            ),
            (
                Code::TRANSPORT,
                "127.0.0.1:9092/1: Disconnected: verify that security.protocol is correctly configured, broker might require SASL authentication",
                FailureKind::Authenticate,
                "127.0.0.1:9092",
                "SASL_SSL",
            ),
            (
                Code::TRANSPORT,
                "GroupCoordinator: 10.0.0.1:9092: Connection setup timed out in state CONNECT",
                FailureKind::Connect,
                "10.0.0.1:9092",
                "reachable",
            ),
        ];
        for (code, text, kind, detail, next_step) in cases {
            let failure = explain(&[(*code, text)]);
            assert_eq!(failure.kind, *kind, "{text}");
            assert!(failure.detail.contains(detail), "{} lacks {detail}", failure.detail);
            assert!(failure.next_step.contains(next_step), "{} lacks {next_step}", failure.next_step);
        }
    }

    #[test]
    fn a_host_refused_long_ago_is_not_blamed_for_a_later_outage() {
        let errors = BrokerErrors::default();
        errors.note_refused("old.example");
        errors.note_refused("new.example");
        let both = errors.refused_hosts().expect("told");
        assert!(both.detail.contains("`new.example` and 1 more") && both.next_step.contains("[\"new.example\", \"old.example\"]"), "{both:?}");
        let before = Instant::now().checked_sub(FRESH).expect("a machine that has run for a minute");
        errors.refused.lock().insert("old.example".to_owned(), before);
        let one = errors.refused_hosts().expect("told");
        assert!(one.detail.contains("`new.example`,") && !one.next_step.contains("old.example"), "{one:?}");
        errors.refused.lock().insert("new.example".to_owned(), before);
        errors.note(Code::TRANSPORT, "127.0.0.1:9/bootstrap: Connect to ipv4#127.0.0.1:9 failed: Connection refused (after 0ms in state CONNECT)");
        let outage = errors.explain("127.0.0.1:9", None).expect("told");
        assert_eq!((errors.refused_hosts(), outage.kind), (None, FailureKind::Connect));
        // Asked for once more it is a reason again, also where there was no room left.
        for number in 0..MOST_BROKERS {
            errors.refused.lock().insert(format!("{number}.example"), before);
        }
        errors.note_refused("old.example");
        errors.note_refused("one.more.example");
        assert!(errors.explain("127.0.0.1:9", None).is_some_and(|told| told.next_step.contains("[\"old.example\", \"one.more.example\"]")));
    }

    #[test]
    fn a_refused_call_is_authorise() {
        let error = CallError { code: Code::CLUSTER_AUTHORIZATION_FAILED, text: "Broker: Cluster authorization failed".to_owned() };
        assert_eq!(describe("k:9092", &error).kind, FailureKind::Authorise);
    }
}
