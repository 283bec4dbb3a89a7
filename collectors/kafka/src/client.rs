//! Clients of the library with an observer's settings: never a member, never a commit, small queues.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaType;
use switchboard_model::{FailureKind, OWN_USER_AGENT};

use crate::config::{Config, checked_properties};
use crate::failure::{BrokerErrors, Code, Failure};
use crate::native::{self, NativeClient};
use crate::token::{Token, TokenSource};
use crate::trust::Trust;

/// Hears what a client says by itself, and is asked before it connects anywhere.
pub(crate) struct ObserverContext {
    errors: Arc<BrokerErrors>,
    trust: Trust,
    token: Option<TokenSource>,
}

impl ObserverContext {
    /// Whether the client may connect to a host; one that is refused is told.
    pub fn may_connect(&self, host: &str) -> bool {
        let is_trusted = self.trust.covers(host);
        if !is_trusted {
            self.errors.note_refused(host);
        }
        is_trusted
    }
}

impl ObserverContext {
    /// A new token for SASL/OAUTHBEARER.
    pub fn token(&self) -> Result<Token, String> {
        self.token.as_ref().map_or_else(|| Err("the profile names no token".to_owned()), TokenSource::fetch)
    }
}

impl ClientContext for ObserverContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        tracing::debug!(target: "librdkafka", level = ?level, facility, "{line}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if let Some(code) = error.rdkafka_error_code() {
            self.errors.note(Code(code as i32), reason);
        }
    }
}

/// What a client is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Metadata, watermarks and groups.
    Observe,
    /// Records.
    Tail,
    /// Records that are read once more, by their offsets.
    Reread,
    /// Records that are counted, as a reader of what is committed would see them.
    Count,
    /// Records that are sent.
    Send {
        /// How long a record may be on its way.
        delivery_timeout: Duration,
        /// How many bytes several records in one batch may have at most; `None` = as many as the library lets.
        batch_bytes: Option<u64>,
    },
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Observe => "observer",
            Self::Tail => "tail",
            Self::Reread => "reread",
            Self::Count => "count",
            Self::Send { .. } => "sender",
        }
    }
}

/// The library's own `batch.size`.
const BATCH_BYTES: u64 = 1_000_000;

/// Makes a client. Fails only over its configuration: connecting comes later, by itself.
pub(crate) fn make(config: &Config, role: Role, errors: &Arc<BrokerErrors>) -> Result<NativeClient, Failure> {
    let settings = settings(config, role)?;
    let kind = if matches!(role, Role::Send { .. }) { RDKafkaType::RD_KAFKA_PRODUCER } else { RDKafkaType::RD_KAFKA_CONSUMER };
    let context = ObserverContext { errors: Arc::clone(errors), trust: Trust::of(config), token: config.token.clone() };
    native::make(&settings, kind, context).map_err(|error: KafkaError| {
        let detail = match &error {
            // The value may be a secret, so it is not repeated.
            KafkaError::ClientConfig(_, why, property, _) => format!("Property `{property}` is refused by the client library: {why}"),
            other => format!("The client could not be made: {other}"),
        };
        Failure { kind: FailureKind::Protocol, detail, next_step: "Correct the properties of this source".to_owned() }
    })
}

/// The settings of a client: the profile's properties first, ours after them.
pub(crate) fn settings(config: &Config, role: Role) -> Result<ClientConfig, Failure> {
    let properties = checked_properties(&config.properties)?;
    let mut settings = ClientConfig::new();
    settings
        .set("socket.timeout.ms", "10000")
        .set("socket.connection.setup.timeout.ms", "5000")
        .set("socket.keepalive.enable", "true")
        .set("reconnect.backoff.ms", "100")
        .set("reconnect.backoff.max.ms", "2000")
        .set("topic.metadata.refresh.interval.ms", "10000");
    if !matches!(role, Role::Send { .. }) {
        settings.set("check.crcs", "true").set("fetch.message.max.bytes", "1048576").set("fetch.wait.max.ms", "500");
    }
    if config.token.is_some() {
        settings.set("security.protocol", "SASL_SSL").set("sasl.mechanism", "OAUTHBEARER");
    } else if config.username.is_some() {
        // Never a password in clear unless the profile says so.
        settings.set("security.protocol", "SASL_SSL").set("sasl.mechanism", "PLAIN");
    }
    for (property, value) in properties {
        if !matches!(role, Role::Send { .. }) || !is_for_consumers(property) {
            settings.set(property, value);
        }
    }
    if let Some(username) = &config.username {
        settings.set("sasl.username", username);
    }
    if let Some(password) = &config.password {
        settings.set("sasl.password", password);
    }
    if let Some(password) = &config.key_password {
        settings.set(if config.properties.contains_key("ssl.keystore.location") { "ssl.keystore.password" } else { "ssl.key.password" }, password);
    }
    settings
        .set("bootstrap.servers", &config.brokers)
        .set("client.id", format!("{OWN_USER_AGENT}-{}", role.name()))
        .set("allow.auto.create.topics", "false")
        .set("enable.metrics.push", "false")
        .set("statistics.interval.ms", "0");
    if let Role::Send { delivery_timeout, batch_bytes } = role {
        set_for_sending(&mut settings, delivery_timeout);
        // A batch of several that is larger than the topic takes would be refused with all of its records, of which each fits.
        let own = settings.get("batch.size").and_then(|bytes| bytes.parse().ok()).unwrap_or(BATCH_BYTES);
        if let Some(bytes) = batch_bytes.filter(|bytes| *bytes < own) {
            settings.set("batch.size", bytes.max(1).to_string());
        }
    } else {
        set_for_reading(&mut settings, role);
    }
    settings.set_log_level(RDKafkaLogLevel::Warning);
    Ok(settings)
}

fn is_for_consumers(property: &str) -> bool {
    property.starts_with("fetch.") || matches!(property, "check.crcs" | "isolation.level" | "max.partition.fetch.bytes")
}

fn set_for_reading(settings: &mut ClientConfig, role: Role) {
    settings
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true")
        .set("queued.max.messages.kbytes", "8192")
        .set("queued.min.messages", "10000")
        // How soon a full queue is looked at again. The library's second would leave the queue empty between two looks.
        .set("fetch.queue.backoff.ms", "2");
    // A debugger wants to see what was aborted too; it is also what high watermarks count. A profile that says otherwise would have the
    // tail wait where a transaction is open, and take that for silence.
    settings.set("isolation.level", if role == Role::Count { "read_committed" } else { "read_uncommitted" });
    if matches!(role, Role::Reread | Role::Count) {
        // What is asked for is to be there quickly where there is little.
        settings.set("fetch.wait.max.ms", "20");
    }
    if role == Role::Count {
        // What is fetched beyond the bytes that are counted is fetched for nothing.
        settings.set("queued.max.messages.kbytes", "1024");
    }
}

/// A record is sent over the wire at most once.
///
/// The library's idempotent producer would hide lost answers by sending again under the same sequence number. It is not used: it
/// asks for a permission of its own, cannot be cancelled without leaving a gap that ends it, and after its time-out tells no more than
/// this does. Instead nothing that may have been written is sent again (`message.send.max.retries=0`), and what is in doubt is told as
/// such. What a broker provably refused because another one leads the partition now, the library does send to that one.
fn set_for_sending(settings: &mut ClientConfig, delivery_timeout: Duration) {
    let timeout_ms = delivery_timeout.as_millis().clamp(1, 900_000);
    settings
        .set("acks", "all")
        .set("enable.idempotence", "false")
        .set("message.send.max.retries", "0")
        .set("message.timeout.ms", timeout_ms.to_string())
        .set("request.timeout.ms", timeout_ms.to_string())
        .set("socket.timeout.ms", timeout_ms.clamp(10, 10_000).to_string())
        // As Java's clients choose, so that a key goes where it went before.
        .set("partitioner", "murmur2_random")
        .set("linger.ms", "2")
        // How large a record may be is the broker's affair.
        .set("message.max.bytes", "104857600")
        // The sender bounds what is in flight itself; these leave room for it.
        .set("queue.buffering.max.messages", "100000")
        .set("queue.buffering.max.kbytes", "131072")
        .set("topic.metadata.propagation.max.ms", "3000");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that clients are for, one after the other: a role that is added does not compile before it stands here.
    fn next(role: Role) -> Option<Role> {
        match role {
            Role::Observe => Some(Role::Tail),
            Role::Tail => Some(Role::Reread),
            Role::Reread => Some(Role::Count),
            Role::Count => Some(Role::Send { delivery_timeout: Duration::from_secs(3), batch_bytes: None }),
            Role::Send { .. } => None,
        }
    }

    #[test]
    fn no_client_ever_commits_creates_or_joins() {
        let mut config = Config::new("k", "localhost:9092");
        config.properties.insert("isolation.level".to_owned(), "read_committed".to_owned());
        let mut num_roles = 0;
        for role in std::iter::successors(Some(Role::Observe), |role| next(*role)) {
            let settings = settings(&config, role).expect("settings");
            let (commits, isolation) = match role {
                Role::Observe | Role::Tail | Role::Reread => (Some("false"), Some("read_uncommitted")),
                Role::Count => (Some("false"), Some("read_committed")),
                // A producer has nothing to commit.
                Role::Send { .. } => (None, None),
            };
            assert_eq!(settings.get("enable.auto.commit"), commits, "{role:?}");
            assert_eq!(settings.get("enable.auto.offset.store"), commits, "{role:?}");
            assert_eq!(settings.get("isolation.level"), isolation, "{role:?}");
            assert_eq!(settings.get("allow.auto.create.topics"), Some("false"), "{role:?}");
            assert!(settings.get("client.id").is_some_and(|id| id.starts_with("switchboard-")), "{role:?}");
            // Without a group no coordinator is looked for, which would make the brokers keep offsets.
            assert_eq!(settings.get("group.id"), None, "{role:?}");
            num_roles += 1;
        }
        assert_eq!(num_roles, 5);
    }

    #[test]
    fn a_sender_sends_once_and_says_when_it_is_acknowledged_by_all() {
        let mut config = Config::new("k", "localhost:9092");
        config.properties.insert("isolation.level".to_owned(), "read_committed".to_owned());
        config.properties.insert("security.protocol".to_owned(), "SSL".to_owned());
        let settings = settings(&config, Role::Send { delivery_timeout: Duration::from_secs(3), batch_bytes: None }).expect("settings");
        for (property, value) in [
            ("acks", "all"),
            ("message.send.max.retries", "0"),
            ("enable.idempotence", "false"),
            ("message.timeout.ms", "3000"),
            ("allow.auto.create.topics", "false"),
            ("client.id", "switchboard-sender"),
            ("security.protocol", "SSL"),
        ] {
            assert_eq!(settings.get(property), Some(value), "{property}");
        }
        assert_eq!((settings.get("isolation.level"), settings.get("group.id")), (None, None));
    }

    #[test]
    fn a_batch_of_several_is_no_larger_than_the_topic_takes() {
        let batch_size = |config: &Config, batch_bytes| {
            let role = Role::Send { delivery_timeout: Duration::from_secs(3), batch_bytes };
            let settings = settings(config, role).expect("settings");
            assert_eq!(settings.get("message.max.bytes"), Some("104857600"), "a single record is the broker's affair");
            settings.get("batch.size").map(str::to_owned)
        };
        let config = Config::new("k", "localhost:9092");
        for (limit, size) in [(None, None), (Some(1_000), Some("1000")), (Some(0), Some("1")), (Some(1_048_588), None)] {
            assert_eq!(batch_size(&config, limit).as_deref(), size, "{limit:?}");
        }
    }

    #[test]
    fn a_refused_value_is_named_without_the_value() {
        let mut config = Config::new("k", "localhost:9092");
        config.properties.insert("security.protocol".to_owned(), "hunter2".to_owned());
        let failure = make(&config, Role::Observe, &Arc::default()).err().expect("refused");
        assert!(failure.detail.contains("security.protocol"), "{}", failure.detail);
    }

    #[test]
    fn credentials_default_to_tls() {
        let mut config = Config::new("k", "localhost:9092");
        config.username = Some("joe".to_owned());
        config.password = Some("pw".to_owned());
        assert_eq!(settings(&config, Role::Observe).expect("settings").get("security.protocol"), Some("SASL_SSL"));
    }
}
