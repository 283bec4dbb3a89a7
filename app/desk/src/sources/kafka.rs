//! A Kafka cluster: what a profile says of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
pub(crate) use switchboard_kafka::Config;
use switchboard_kafka::TokenSource;
use switchboard_model::{Leave, SourceKind, TailFrom};
use tokio::runtime::Handle;

use super::form::{Field, Input, list};
use super::polling;
use super::replaying::ReplayProfile;
use super::settings::{Family, Settings};
use crate::profile_error::ProfileError;
use crate::secret::Secret;
use crate::send::draft::RequestKind;

/// A Kafka cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaProfile {
    /// Its name.
    pub name: String,
    /// Bootstrap brokers, `host:port` separated by commas.
    pub brokers: String,
    /// Groups to follow by their offsets where the broker does not list groups.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Dead-letter channels besides those found by name.
    #[serde(default)]
    pub dead_letter_channels: Vec<String>,
    /// Channels whose records are read besides those seen in spans.
    #[serde(default)]
    pub tail: Vec<TailProfile>,
    /// Settings of librdkafka, such as `security.protocol`.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
    /// SASL user name.
    #[serde(default)]
    pub username: Option<Secret>,
    /// SASL password.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Password of the client's key or of its PKCS#12 store.
    #[serde(default)]
    pub key_password: Option<Secret>,
    /// Token for SASL/OAUTHBEARER, fetched again before it runs out.
    #[serde(default)]
    pub token: Option<Secret>,
    /// Hosts that get the credentials besides the bootstrap brokers and those of their domains.
    #[serde(default)]
    pub trusted_hosts: Vec<String>,
    /// Whether records may be sent to it; read-only by default.
    #[serde(default)]
    pub write: Leave,
    /// How carefully records are replayed to it.
    #[serde(default, skip_serializing_if = "ReplayProfile::is_unsaid")]
    pub replay: ReplayProfile,
    /// Seconds between two looks at the cluster.
    #[serde(default = "polling::default_s")]
    pub poll_s: f64,
}

/// A channel to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TailProfile {
    /// Its name.
    pub channel: String,
    /// From where.
    #[serde(default)]
    pub from: FromProfile,
}

/// From where a channel is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FromProfile {
    /// What comes from now on.
    #[default]
    End,
    /// All that is still there.
    Beginning,
    /// This offset of every partition.
    Offset(i64),
    /// This time, RFC 3339.
    Time(String),
}

impl TailProfile {
    /// From where, in the words of collectors.
    fn tail_from(&self) -> Result<TailFrom, ProfileError> {
        Ok(match &self.from {
            FromProfile::End => TailFrom::End,
            FromProfile::Beginning => TailFrom::Beginning,
            FromProfile::Offset(offset) => TailFrom::Offset(*offset),
            FromProfile::Time(text) => {
                let time = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339)
                    .map_err(|_| ProfileError::value("kafka.tail.from.time", text, "write RFC 3339, such as 2026-11-21T10:00:00Z"))?;
                TailFrom::Time(time.unix_timestamp_nanos() as i64)
            }
        })
    }
}

impl KafkaProfile {
    /// What its collector is started with; its secrets are fetched for it.
    pub(super) async fn config(&self, environment: Option<&str>) -> Result<Config, ProfileError> {
        let tail = self.tail.iter().map(|tail| Ok((tail.channel.clone(), tail.tail_from()?))).collect::<Result<_, ProfileError>>()?;
        Ok(Config {
            environment: environment.map(str::to_owned),
            groups: self.groups.clone(),
            dead_letter_channels: self.dead_letter_channels.clone(),
            tail,
            properties: self.properties.clone(),
            username: Secret::fetch_if(self.username.as_ref(), "username", &self.name).await?,
            password: Secret::fetch_if(self.password.as_ref(), "password", &self.name).await?,
            key_password: Secret::fetch_if(self.key_password.as_ref(), "key_password", &self.name).await?,
            token: self.token.clone().map(|secret| {
                let field = format!("token of {}", self.name);
                let runtime = Handle::current();
                TokenSource::new(move || secret.wait(&field, &runtime))
            }),
            trusted_hosts: self.trusted_hosts.clone(),
            poll_interval: polling::interval(self.poll_s),
            ..Config::new(&self.name, &self.brokers)
        })
    }

    fn show_tails(&self) -> String {
        self.tail.iter().map(|tail| tail.channel.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Channels that are read; one that was read before keeps from where.
    fn read_tails(&mut self, text: &str) {
        let from = |channel: &str| self.tail.iter().find(|tail| tail.channel == channel).map_or(FromProfile::End, |tail| tail.from.clone());
        self.tail = list(text).into_iter().map(|channel| TailProfile { from: from(&channel), channel }).collect();
    }

    fn show_properties(&self) -> String {
        self.properties.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join("\n")
    }

    fn read_properties(&mut self, text: &str) -> Result<(), String> {
        let mut properties = BTreeMap::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once('=').ok_or_else(|| format!("`{line}` has no =; write name = value, a line each"))?;
            let name = name.trim();
            if ["password", "secret", "sasl.username", "ssl.key.pem"].iter().any(|secret| name.contains(secret)) {
                return Err(format!("{name} is a secret; name an environment variable or a command below instead"));
            }
            properties.insert(name.to_owned(), value.trim().to_owned());
        }
        self.properties = properties;
        Ok(())
    }
}

impl Settings for KafkaProfile {
    const FAMILY: Family =
        Family { kind: SourceKind::Kafka, word: "Kafka", one: "a Kafka cluster", table: "kafka", only: None, takes: Some(RequestKind::Record) };
    const FIELDS: &'static [Field<Self>] = &[
        Field::new("brokers", "host:port, several with commas", Input::Text(|kafka| &mut kafka.brokers)),
        Field::new("user name", "", Input::Secret(|kafka| &mut kafka.username)),
        Field::new("password", "", Input::Secret(|kafka| &mut kafka.password)),
        Field::new(
            "settings",
            "Of librdkafka, name = value, a line each: security.protocol = SASL_SSL",
            Input::Lines { show: Self::show_properties, read: Self::read_properties },
        ),
        Field::new(
            "tail",
            "Channels that are read besides those seen in spans, with commas",
            Input::Line {
                show: Self::show_tails,
                read: |kafka, text| {
                    kafka.read_tails(text);
                    Ok(())
                },
            },
        ),
        Field::new("dead-letter channels", "Besides those found by name, with commas", Input::List(|kafka| &mut kafka.dead_letter_channels)),
        Field::new("groups", "Followed by their offsets where the broker lists none, with commas", Input::List(|kafka| &mut kafka.groups)),
        Field::new("seconds between two looks", "From 0.1 to 3600", Input::Seconds(|kafka| &mut kafka.poll_s)),
    ];

    fn blank() -> Self {
        Self {
            name: String::new(),
            brokers: "localhost:9092".to_owned(),
            groups: Vec::new(),
            dead_letter_channels: Vec::new(),
            tail: Vec::new(),
            properties: BTreeMap::new(),
            username: None,
            password: None,
            key_password: None,
            token: None,
            trusted_hosts: Vec::new(),
            write: Leave::Unsaid,
            replay: ReplayProfile::default(),
            poll_s: polling::default_s(),
        }
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn name_mut(&mut self) -> Option<&mut String> {
        Some(&mut self.name)
    }

    fn address(&self) -> String {
        self.brokers.clone()
    }

    fn check(&self) -> Result<(), ProfileError> {
        for broker in self.brokers.split(',') {
            if broker.contains('@') {
                return Err(ProfileError::value("kafka.brokers", "(hidden)", "write host:port; credentials belong into username and password"));
            }
            if broker.trim().rsplit_once(':').is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err()) {
                return Err(ProfileError::value("kafka.brokers", &self.brokers, "write host:port, several separated by commas"));
            }
        }
        if let Some((property, instead)) = self.properties.iter().find_map(|(property, value)| Some((property, instead_of_secret(property, value)?))) {
            let field = format!("kafka.properties.{}", property.trim());
            return Err(ProfileError::value(&field, "(hidden)", &format!("a profile holds no secret; {instead}")));
        }
        if let Some(named) = self.trusted_hosts.iter().find(|named| !names_hosts(named)) {
            let reason = "write a host, such as 10.0.0.2, or *.domain for all hosts of a domain";
            return Err(ProfileError::value("kafka.trusted_hosts", named, reason));
        }
        polling::check("kafka.poll_s", self.poll_s)?;
        self.replay.check("kafka")?;
        self.tail.iter().try_for_each(|tail| tail.tail_from().map(drop))
    }

    fn leave(&self) -> Leave {
        self.write
    }

    fn replay(&self) -> ReplayProfile {
        self.replay
    }

    fn dead_letter_channels(&self) -> &[String] {
        &self.dead_letter_channels
    }
}

/// Whether a trusted host is one, or all of a domain.
fn names_hosts(named: &str) -> bool {
    let host = named.trim();
    let host = host.strip_prefix("*.").unwrap_or(host);
    !host.is_empty() && !host.contains('*')
}

/// What is written instead of a property of librdkafka, or of Java's clients, that is a secret or holds one; `None` = it does not.
fn instead_of_secret(property: &str, value: &str) -> Option<&'static str> {
    const KEY: &str = "name the key's file in ssl.key.location, and write key_password = { env = \"…\" } in the source's table";
    if value.contains("PRIVATE KEY-----") {
        return Some(KEY);
    }
    match property.trim() {
        "sasl.password" | "sasl.jaas.config" => Some("write username and password = { env = \"…\" } in the source's table"),
        "ssl.key.pem" | "ssl.keystore.key" => Some(KEY),
        property if property.ends_with(".password") => Some("write key_password = { env = \"…\" } in the source's table"),
        property if property.ends_with(".secret") => Some("write token = { command = \"…\" } in the source's table"),
        _ => None,
    }
}
