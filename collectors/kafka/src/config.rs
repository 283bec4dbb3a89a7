//! What to connect to, and which properties of the client library a profile may set.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use switchboard_model::TailFrom;

use crate::token::TokenSource;

/// A Kafka cluster to observe.
#[derive(Clone)]
pub struct Config {
    /// Name of the source; names the cluster where brokers tell no id.
    pub name: String,
    /// Bootstrap addresses, `host:port`, separated by commas.
    pub brokers: String,
    /// Environment the cluster belongs to; `None` = not said.
    pub environment: Option<String>,
    /// Consumer groups to follow by their offsets where the brokers do not list groups.
    pub groups: Vec<String>,
    /// Dead-letter channels besides those found by name.
    pub dead_letter_channels: Vec<String>,
    /// Channels whose records are read from the start of the session, and from where.
    pub tail: Vec<(String, TailFrom)>,
    /// Properties of the client library, from a list of allowed ones. `isolation.level` may stand among them and changes nothing: records
    /// are read whatever becomes of their transactions.
    pub properties: BTreeMap<String, String>,
    /// SASL user; `None` = no SASL.
    pub username: Option<String>,
    /// SASL password.
    pub password: Option<String>,
    /// Password of the client's key (`ssl.key.pem`, `ssl.key.location`) or of its PKCS#12 store (`ssl.keystore.location`).
    pub key_password: Option<String>,
    /// Where tokens for `sasl.mechanism` OAUTHBEARER come from.
    pub token: Option<TokenSource>,
    /// Hosts that get the credentials besides the bootstrap brokers and those of their domains: names, addresses, or `*.domain`.
    pub trusted_hosts: Vec<String>,
    /// Pause between polls of metadata, watermarks and groups.
    pub poll_interval: Duration,
    /// How many partitions are tailed at most; the rest is listed as not tailed.
    pub max_tailed_partitions: usize,
    /// How many bytes of records are read a second at most; `None` = no cap.
    pub rate_cap_bytes_per_s: Option<u64>,
    /// How many groups are followed by their offsets alone, where the brokers do not list groups.
    pub max_groups_by_offsets: usize,
}

impl Config {
    /// A cluster by name and bootstrap addresses; all else as usual: polls every 2 s, at most 1,000 partitions tailed, 20 MB/s,
    /// 16 groups by offsets.
    pub fn new(name: impl Into<String>, brokers: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            brokers: brokers.into(),
            environment: None,
            groups: Vec::new(),
            dead_letter_channels: Vec::new(),
            tail: Vec::new(),
            properties: BTreeMap::new(),
            username: None,
            password: None,
            key_password: None,
            token: None,
            trusted_hosts: Vec::new(),
            poll_interval: Duration::from_secs(2),
            max_tailed_partitions: 1_000,
            rate_cap_bytes_per_s: Some(20_000_000),
            max_groups_by_offsets: 16,
        }
    }
}

impl Config {
    /// Whether something secret is shown to brokers that are connected to.
    pub(crate) fn has_credentials(&self) -> bool {
        self.username.is_some() || self.password.is_some() || self.token.is_some()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let properties: Vec<&String> = self.properties.keys().collect();
        f.debug_struct("Config")
            .field("name", &self.name)
            .field("brokers", &self.brokers)
            .field("environment", &self.environment)
            .field("groups", &self.groups)
            .field("dead_letter_channels", &self.dead_letter_channels)
            .field("tail", &self.tail)
            .field("properties", &properties)
            .field("has_password", &self.password.is_some())
            .field("has_key_password", &self.key_password.is_some())
            .field("has_token", &self.token.is_some())
            .field("trusted_hosts", &self.trusted_hosts)
            .field("poll_interval", &self.poll_interval)
            .field("max_tailed_partitions", &self.max_tailed_partitions)
            .field("rate_cap_bytes_per_s", &self.rate_cap_bytes_per_s)
            .field("max_groups_by_offsets", &self.max_groups_by_offsets)
            .finish_non_exhaustive()
    }
}

/// A property that a profile may not set, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("property `{property}` is refused: {reason}")]
pub struct PropertyRefused {
    /// The property as the profile spells it.
    pub property: String,
    /// Why.
    pub reason: String,
    /// What to write instead.
    pub next_step: String,
}

/// Properties of librdkafka that change how to connect or how much to read, and nothing else.
const ALLOWED: &[&str] = &[
    "api.version.request.timeout.ms",
    "broker.address.family",
    "broker.address.ttl",
    "check.crcs",
    "client.dns.lookup",
    "client.rack",
    "connections.max.idle.ms",
    "enable.ssl.certificate.verification",
    "fetch.error.backoff.ms",
    "fetch.max.bytes",
    "fetch.message.max.bytes",
    "fetch.min.bytes",
    "fetch.wait.max.ms",
    "isolation.level",
    "max.partition.fetch.bytes",
    "metadata.max.age.ms",
    "receive.message.max.bytes",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "sasl.mechanism",
    "sasl.mechanisms",
    "security.protocol",
    "socket.connection.setup.timeout.ms",
    "socket.keepalive.enable",
    "socket.nagle.disable",
    "socket.receive.buffer.bytes",
    "socket.timeout.ms",
    "ssl.ca.certificate.stores",
    "ssl.ca.location",
    "ssl.ca.pem",
    "ssl.certificate.location",
    "ssl.certificate.pem",
    "ssl.cipher.suites",
    "ssl.curves.list",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.location",
    "ssl.key.pem",
    "ssl.keystore.location",
    "ssl.sigalgs.list",
    "topic.metadata.refresh.interval.ms",
];

const SECRET: &str = "a secret does not stand in a profile";
const KEY_FILE: &str =
    "Put the text into a file and name it in ssl.key.location; key_password = { env = \"VAR\" } in the source's table opens an encrypted one";
const KEY_PASSWORD: &str = "Write key_password = { env = \"VAR\" } or { command = \"…\" } in the source's table";

/// Spellings of other clients, and properties with a reason of their own: beginning or whole name, why, what to write instead.
const REFUSED: &[(&str, &str, &str)] = &[
    ("plugin.library.paths", "it loads code into this program", "Remove it"),
    ("ssl.engine", "it loads code into this program", "Give certificate and key as PEM files (ssl.certificate.location, ssl.key.location)"),
    ("ssl.providers", "it loads code into this program", "Remove it"),
    ("sasl.kerberos", "Kerberos runs commands of its own and is not built in", "Use SCRAM, PLAIN or mutual TLS"),
    (
        "sasl.oauthbearer",
        "tokens come from a command or the environment",
        "Write token = { command = \"…\" } in the source's table, and sasl.mechanism = \"OAUTHBEARER\" among its properties",
    ),
    ("enable.sasl.oauthbearer", "it makes up tokens that nothing protects", "Write token = { command = \"…\" } in the source's table"),
    ("ssl.key.password", SECRET, KEY_PASSWORD),
    ("ssl.keystore.password", SECRET, KEY_PASSWORD),
    ("sasl.jaas.config", "it is a Java property", "Write username and password in the source's table, and sasl.mechanism"),
    ("sasl.username", "credentials have fields of their own", "Write username = … in the source's table"),
    ("sasl.password", "credentials have fields of their own", "Write password = { env = \"VAR\" } or { command = \"…\" } in the source's table"),
    ("sasl.client.callback.handler.class", "it names Java code", "Remove it"),
    ("sasl.login", "it is a Java property", "Remove it; write username and password in the source's table"),
    ("ssl.truststore.certificates", "it is a Java property", "Write ssl.ca.pem with the same text"),
    (
        "ssl.truststore",
        "it is a Java property; JKS stores cannot be read",
        "Export the certificates as PEM (keytool -exportcert -rfc) and write ssl.ca.location or ssl.ca.pem",
    ),
    ("ssl.keystore.certificate.chain", "it is a Java property", "Write ssl.certificate.pem with the same text"),
    ("ssl.keystore.key", "it is a Java property", KEY_FILE),
    (
        "ssl.keystore.type",
        "it is a Java property; JKS stores cannot be read",
        "Give a PKCS#12 file in ssl.keystore.location, or PEM files in ssl.certificate.location and ssl.key.location",
    ),
    ("bootstrap.servers", "it has a field of its own", "Write brokers = … in the source's table"),
    ("metadata.broker.list", "it has a field of its own", "Write brokers = … in the source's table"),
    ("group.", "Switchboard joins no group", "Remove it"),
    ("client.id", "Switchboard names its clients itself, so that its traffic can be told apart", "Remove it"),
    ("enable.auto", "Switchboard never commits", "Remove it"),
    ("auto.", "Switchboard never commits and chooses where to read from itself", "Remove it"),
    ("allow.auto.create.topics", "Switchboard never creates topics", "Remove it"),
    ("key.", "it is a property of Java code", "Remove it"),
    ("value.", "it is a property of Java code", "Remove it"),
    ("interceptor.classes", "it names Java code", "Remove it"),
    ("queued.", "Switchboard bounds its queues itself", "Remove it"),
    ("test.", "it belongs to tests of the client library", "Remove it"),
];

/// Values that Java writes otherwise than librdkafka.
fn translated<'a>(property: &str, value: &'a str) -> &'a str {
    if property == "ssl.endpoint.identification.algorithm" && value.trim().is_empty() { "none" } else { value }
}

/// Checks a profile's properties; the first one that may not be set is named.
pub(crate) fn checked_properties(properties: &BTreeMap<String, String>) -> Result<Vec<(&str, &str)>, PropertyRefused> {
    let mut checked = Vec::with_capacity(properties.len());
    for (property, value) in properties {
        let name = property.trim();
        let refused =
            |reason: &str, next_step: &str| PropertyRefused { property: property.clone(), reason: reason.to_owned(), next_step: next_step.to_owned() };
        if !ALLOWED.contains(&name) {
            let known = REFUSED.iter().find(|(known, ..)| name == *known || name.starts_with(known));
            return Err(match known {
                Some((_, reason, next_step)) => refused(reason, next_step),
                None if ["location", ".path", ".paths"].iter().any(|ending| name.ends_with(ending)) => {
                    refused("it names a file that is not on the list of allowed ones", "Remove it")
                }
                None => {
                    refused("it is not on the list of properties a profile may set", "Remove it, or check its spelling against librdkafka's CONFIGURATION.md")
                }
            });
        }
        if name.ends_with(".location") && name != "ssl.ca.location" && !std::path::Path::new(value).is_file() {
            return Err(refused("the file it names is not there", "Check the path"));
        }
        if name == "ssl.ca.location" && value != "probe" && !std::path::Path::new(value).exists() {
            return Err(refused("the file it names is not there", "Check the path"));
        }
        if name.starts_with("ssl.keystore.") && value.to_ascii_lowercase().ends_with(".jks") {
            return Err(refused(
                "JKS stores cannot be read",
                "Convert it: keytool -importkeystore -srckeystore … -destkeystore store.p12 -deststoretype PKCS12",
            ));
        }
        checked.push((name, translated(name, value)));
    }
    Ok(checked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(property: &str, value: &str) -> Result<(), PropertyRefused> {
        checked_properties(&BTreeMap::from([(property.to_owned(), value.to_owned())])).map(|_| ())
    }

    #[test]
    fn what_loads_code_or_joins_or_commits_is_refused_by_name() {
        for property in [
            "plugin.library.paths",
            "ssl.engine.location",
            "ssl.engine.id",
            "ssl.providers",
            "sasl.kerberos.kinit.cmd",
            "group.id",
            "enable.auto.commit",
            "allow.auto.create.topics",
            "offset.store.path",
            "debug",
            "no.such.thing",
            "foo_location",
        ] {
            let refused = check(property, "x").expect_err(property);
            assert_eq!(refused.property, property);
            assert!(refused.to_string().contains(property));
            assert!(!refused.next_step.is_empty());
        }
    }

    #[test]
    fn spellings_of_java_say_what_to_write_instead() {
        for (property, instead) in [
            ("sasl.jaas.config", "username"),
            ("ssl.truststore.location", "ssl.ca"),
            ("ssl.truststore.certificates", "ssl.ca.pem"),
            ("ssl.keystore.certificate.chain", "ssl.certificate.pem"),
            ("ssl.keystore.key", "ssl.key.location"),
            ("ssl.keystore.type", "ssl.key.location"),
            ("ssl.engine.location", "ssl.key.location"),
            ("sasl.password", "env"),
            ("ssl.key.password", "key_password = { env"),
            ("ssl.keystore.password", "key_password = { env"),
            ("sasl.oauthbearer.config", "token = { command"),
            ("bootstrap.servers", "brokers"),
        ] {
            let refused = check(property, "x").expect_err(property);
            assert!(refused.next_step.contains(instead), "{property}: {}", refused.next_step);
        }
        let refused = check("ssl.keystore.location", "/no/such/store.p12").expect_err("no file");
        assert!(refused.reason.contains("not there"));
    }

    #[test]
    fn what_is_advised_may_be_written() {
        for (property, _, next_step) in REFUSED {
            // A profile holds no secret, so its reader refuses a key that is written into it.
            assert!(!next_step.contains("ssl.key.pem"), "{property}: {next_step}");
            let words = next_step.split(|c: char| !c.is_ascii_lowercase() && c != '.');
            for named in words.filter(|word| word.starts_with("ssl.") || word.starts_with("sasl.")) {
                assert!(ALLOWED.contains(&named.trim_end_matches('.')), "{property}: {named}");
            }
        }
    }

    #[test]
    fn allowed_properties_pass_and_an_empty_algorithm_means_none() {
        let properties =
            BTreeMap::from([("security.protocol".to_owned(), "SSL".to_owned()), ("ssl.endpoint.identification.algorithm".to_owned(), String::new())]);
        let checked = checked_properties(&properties).expect("allowed");
        assert_eq!(checked, [("security.protocol", "SSL"), ("ssl.endpoint.identification.algorithm", "none")]);
    }

    #[test]
    fn the_password_is_not_in_the_debug_text() {
        let mut config = Config::new("k", "localhost:9092");
        config.password = Some("hunter2".to_owned());
        config.key_password = Some("hunter3".to_owned());
        let text = format!("{config:?}");
        assert!(!text.contains("hunter"), "{text}");
    }
}
