//! Clients of the library with an observer's settings: never a member, never a commit, small queues.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::KafkaError;
use switchboard_model::{FailureKind, OWN_USER_AGENT};

use crate::config::{Config, checked_properties};
use crate::failure::{BrokerErrors, Code, Failure};

/// The library's consumer with our context. It is never subscribed.
pub(crate) type Consumer = BaseConsumer<ObserverContext>;

/// Hears what a client says by itself.
pub(crate) struct ObserverContext {
    errors: Arc<BrokerErrors>,
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

impl ConsumerContext for ObserverContext {}

/// A context that notes errors there.
pub(crate) fn context(errors: Arc<BrokerErrors>) -> ObserverContext {
    ObserverContext { errors }
}

/// What a client is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Metadata, watermarks and groups.
    Observe,
    /// Records.
    Tail,
}

/// Makes a client. Fails only over its configuration: connecting comes later, by itself.
pub(crate) fn make(config: &Config, role: Role, errors: &Arc<BrokerErrors>) -> Result<Consumer, Failure> {
    let settings = settings(config, role)?;
    settings.create_with_context(context(Arc::clone(errors))).map_err(|error: KafkaError| {
        let detail = match &error {
            // The value may be a secret, so it is not repeated.
            KafkaError::ClientConfig(_, why, property, _) => format!("Property `{property}` is refused by the client library: {why}"),
            other => format!("The client could not be made: {other}"),
        };
        Failure { kind: FailureKind::Protocol, detail, next_step: "Correct the properties of this source.".to_owned() }
    })
}

/// The settings of a client: the profile's properties first, ours after them.
pub(crate) fn settings(config: &Config, role: Role) -> Result<ClientConfig, Failure> {
    let properties = checked_properties(&config.properties).map_err(|refused| Failure {
        kind: FailureKind::Protocol,
        detail: format!("Property `{}` is refused: {}", refused.property, refused.reason),
        next_step: refused.next_step,
    })?;
    let mut settings = ClientConfig::new();
    settings
        .set("socket.timeout.ms", "10000")
        .set("socket.connection.setup.timeout.ms", "5000")
        .set("socket.keepalive.enable", "true")
        .set("reconnect.backoff.ms", "100")
        .set("reconnect.backoff.max.ms", "2000")
        .set("topic.metadata.refresh.interval.ms", "10000")
        // A debugger wants to see what was aborted too; it is also what high watermarks count.
        .set("isolation.level", "read_uncommitted")
        .set("check.crcs", "true")
        .set("fetch.message.max.bytes", "1048576")
        .set("fetch.wait.max.ms", "500");
    if config.username.is_some() {
        // Never a password in clear unless the profile says so.
        settings.set("security.protocol", "SASL_SSL").set("sasl.mechanism", "PLAIN");
    }
    for (property, value) in properties {
        settings.set(property, value);
    }
    if let Some(username) = &config.username {
        settings.set("sasl.username", username);
    }
    if let Some(password) = &config.password {
        settings.set("sasl.password", password);
    }
    settings
        .set("bootstrap.servers", &config.brokers)
        .set(
            "client.id",
            match role {
                Role::Observe => format!("{OWN_USER_AGENT}-observer"),
                Role::Tail => format!("{OWN_USER_AGENT}-tail"),
            },
        )
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("allow.auto.create.topics", "false")
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "false")
        .set("enable.metrics.push", "false")
        .set("queued.max.messages.kbytes", "8192")
        .set("queued.min.messages", "10000")
        // How soon a full queue is looked at again. The library's second would leave the queue empty between two looks.
        .set("fetch.queue.backoff.ms", "2")
        .set("statistics.interval.ms", "0");
    if role == Role::Tail {
        // `assign` asks for a group id; nobody joins it.
        settings.set("group.id", format!("{OWN_USER_AGENT}-{:016x}", RandomState::new().build_hasher().finish()));
    }
    settings.set_log_level(RDKafkaLogLevel::Warning);
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observer_never_commits_creates_or_joins() {
        let mut config = Config::new("k", "localhost:9092");
        config.properties.insert("isolation.level".to_owned(), "read_committed".to_owned());
        for role in [Role::Observe, Role::Tail] {
            let settings = settings(&config, role).expect("settings");
            assert_eq!(settings.get("enable.auto.commit"), Some("false"));
            assert_eq!(settings.get("enable.auto.offset.store"), Some("false"));
            assert_eq!(settings.get("allow.auto.create.topics"), Some("false"));
            assert_eq!(settings.get("isolation.level"), Some("read_committed"));
            assert!(settings.get("client.id").is_some_and(|id| id.starts_with("switchboard-")));
        }
        assert_eq!(settings(&config, Role::Observe).expect("settings").get("group.id"), None);
        let first = settings(&config, Role::Tail).expect("settings");
        let second = settings(&config, Role::Tail).expect("settings");
        assert!(first.get("group.id").is_some_and(|id| id.starts_with("switchboard-")));
        assert_ne!(first.get("group.id"), second.get("group.id"));
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
