//! What to connect to: a TOML file, and where its secrets come from. A profile holds no secret itself, so that it may be
//! mailed.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use switchboard_model::TailFrom;

use crate::links::Links;
pub use crate::profile_error::ProfileError;
use crate::secret::Secret;

/// A longer file is no profile.
const PROFILE_BYTES_MAX: u64 = 1 << 20;
/// Each source has connections and threads of its own.
const SOURCES_MAX: usize = 200;

/// A profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name, shown in the window's title.
    pub name: String,
    /// The environment of all its sources, where a sender does not say.
    #[serde(default)]
    pub environment: Option<String>,
    /// Further names of headers and attributes whose values are secret.
    #[serde(default)]
    pub secret_names: Vec<String>,
    /// Where the ledger of what was sent lies, instead of the platform's folder for data.
    #[serde(default)]
    pub ledger: Option<PathBuf>,
    /// The OTLP receiver.
    #[serde(default)]
    pub otlp: OtlpProfile,
    /// Kafka clusters.
    #[serde(default)]
    pub kafka: Vec<KafkaProfile>,
    /// Actuators.
    #[serde(default)]
    pub http: Vec<HttpProfile>,
    /// gRPC health endpoints.
    #[serde(default)]
    pub grpc: Vec<GrpcProfile>,
    /// Addresses of the same objects in other programs.
    #[serde(default)]
    pub links: Links,
}

/// The OTLP receiver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OtlpProfile {
    /// Port for gRPC, 0 = off.
    pub grpc_port: u16,
    /// Port for HTTP, 0 = off.
    pub http_port: u16,
    /// `Host` names that are accepted besides loopback.
    pub allowed_hosts: Vec<String>,
    /// `Origin`s that are accepted; none by default.
    pub allowed_origins: Vec<String>,
    /// Also listen on Docker's bridge, and accept `host.docker.internal`.
    pub docker_bridge: bool,
    /// Pass everything on, unchanged, to this OTLP endpoint.
    pub forward: Option<String>,
}

impl Default for OtlpProfile {
    fn default() -> Self {
        Self { grpc_port: 4317, http_port: 4318, allowed_hosts: Vec::new(), allowed_origins: Vec::new(), docker_bridge: false, forward: None }
    }
}

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
    /// Whether dead letters may be sent again to it; read-only by default.
    #[serde(default)]
    pub write: bool,
    /// Seconds between two looks at the cluster.
    #[serde(default = "two")]
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

/// An actuator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpProfile {
    /// Its name.
    pub name: String,
    /// Its base address, such as `http://localhost:8081/actuator`; the management port if there is one.
    pub url: String,
    /// The service behind it.
    #[serde(default)]
    pub service: Option<String>,
    /// The instance behind it.
    #[serde(default)]
    pub instance: Option<String>,
    /// Seconds between two polls.
    #[serde(default = "two")]
    pub poll_s: f64,
    /// User name for basic authentication.
    #[serde(default)]
    pub username: Option<Secret>,
    /// Password for basic authentication.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Bearer token.
    #[serde(default)]
    pub bearer: Option<Secret>,
}

/// A gRPC health endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrpcProfile {
    /// Its name.
    pub name: String,
    /// Its address, such as `http://localhost:50051`.
    pub url: String,
    /// The service behind it.
    #[serde(default)]
    pub service: Option<String>,
    /// Names asked for; `""` is the whole server.
    #[serde(default = "whole_server")]
    pub health: Vec<String>,
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

/// Whether an address holds a user, and a password perhaps.
fn has_user_info(url: &str) -> bool {
    url.split("://").nth(1).is_some_and(|rest| rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@')))
}

fn two() -> f64 {
    2.0
}

fn whole_server() -> Vec<String> {
    vec![String::new()]
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            name: "local".to_owned(),
            environment: None,
            secret_names: Vec::new(),
            ledger: None,
            otlp: OtlpProfile::default(),
            kafka: Vec::new(),
            http: Vec::new(),
            grpc: Vec::new(),
            links: Links::default(),
        }
    }
}

impl Profile {
    /// Reads a profile from a file.
    pub fn read(path: &Path) -> Result<Self, ProfileError> {
        let failed = |reason: String| ProfileError::Read { path: path.to_owned(), reason };
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
        file.take(PROFILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
        if bytes.len() as u64 > PROFILE_BYTES_MAX {
            return Err(failed(format!("it is longer than {} KiB, so it is no profile", PROFILE_BYTES_MAX >> 10)));
        }
        let text = String::from_utf8(bytes).map_err(|_| failed("it is not text".to_owned()))?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads a profile from its text; `origin` is named in errors.
    pub fn parse(text: &str, origin: &str) -> Result<Self, ProfileError> {
        let profile: Self = toml::from_str(text).map_err(|error| ProfileError::Parse { path: origin.to_owned(), reason: mistake(text, &error) })?;
        profile.check()?;
        Ok(profile)
    }

    /// Whether its values make sense.
    pub fn check(&self) -> Result<(), ProfileError> {
        let wrong = |field: &str, value: &str, reason: &str| Err(ProfileError::value(field, value, reason));
        let num_sources = self.kafka.len() + self.http.len() + self.grpc.len();
        if num_sources > SOURCES_MAX {
            return wrong("sources", &num_sources.to_string(), &format!("a profile has {SOURCES_MAX} at most; split it"));
        }
        let mut names: Vec<&str> = self.kafka.iter().map(|source| source.name.as_str()).collect();
        names.extend(self.http.iter().map(|source| source.name.as_str()));
        names.extend(self.grpc.iter().map(|source| source.name.as_str()));
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return wrong("name", pair[0], "two sources have this name; give each its own");
        }
        if self.otlp.grpc_port != 0 && self.otlp.grpc_port == self.otlp.http_port {
            return wrong("otlp.http_port", &self.otlp.http_port.to_string(), "gRPC and HTTP need a port each");
        }
        for kafka in &self.kafka {
            for broker in kafka.brokers.split(',') {
                if broker.contains('@') {
                    return wrong("kafka.brokers", "(hidden)", "write host:port; credentials belong into username and password");
                }
                if broker.trim().rsplit_once(':').is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err()) {
                    return wrong("kafka.brokers", &kafka.brokers, "write host:port, several separated by commas");
                }
            }
            if let Some((property, instead)) = kafka.properties.iter().find_map(|(property, value)| Some((property, instead_of_secret(property, value)?))) {
                return wrong(&format!("kafka.properties.{}", property.trim()), "(hidden)", &format!("a profile holds no secret; {instead}"));
            }
            let names_hosts = |named: &str| {
                let host = named.trim();
                let host = host.strip_prefix("*.").unwrap_or(host);
                !host.is_empty() && !host.contains('*')
            };
            if let Some(named) = kafka.trusted_hosts.iter().find(|named| !names_hosts(named)) {
                return wrong("kafka.trusted_hosts", named, "write a host, such as 10.0.0.2, or *.domain for all hosts of a domain");
            }
            if !(0.1..=3600.0).contains(&kafka.poll_s) {
                return wrong("kafka.poll_s", &kafka.poll_s.to_string(), "write seconds from 0.1 to 3600");
            }
            for tail in &kafka.tail {
                tail.tail_from()?;
            }
        }
        if let Some(forward) = &self.otlp.forward
            && has_user_info(forward)
        {
            return wrong("otlp.forward", "(hidden)", "a profile holds no secret; name an endpoint that asks for none, such as a collector beside you");
        }
        for (field, url) in self.http.iter().map(|http| ("http.url", &http.url)).chain(self.grpc.iter().map(|grpc| ("grpc.url", &grpc.url))) {
            if !url.starts_with("http://") && !url.starts_with("https://") {
                return wrong(field, url, "write http://host:port or https://host:port");
            }
            if has_user_info(url) {
                return wrong(field, url, "a profile holds no secret; use username and password = { env = \"…\" }");
            }
        }
        if let Err((kind, reason)) = self.links.check() {
            return wrong(&format!("links.{}", kind.field()), self.links.template(kind).unwrap_or_default(), &reason);
        }
        for http in &self.http {
            if !(0.1..=3600.0).contains(&http.poll_s) {
                return wrong("http.poll_s", &http.poll_s.to_string(), "write seconds from 0.1 to 3600");
            }
            if http.bearer.is_some() && http.username.is_some() {
                return wrong("http.bearer", &http.name, "choose bearer or username and password, not both");
            }
        }
        Ok(())
    }
}

/// Where a profile is wrong, and how. No value of the file is repeated: it may be a secret that does not belong there.
fn mistake(text: &str, error: &toml::de::Error) -> String {
    let message = without_values(error.message());
    let Some(span) = error.span() else { return message };
    let line = text.get(..span.start).map_or(0, |before| before.matches('\n').count());
    let key = text.lines().nth(line).and_then(|line| line.split_once('=')).map(|(key, _)| key.trim()).filter(|key| is_key(key));
    let key = key.map(|key| format!(", {key}")).unwrap_or_default();
    format!("line {}{key}: {message}", line + 1)
}

fn is_key(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// What serde says of a mistake, without the value that it was made with.
fn without_values(message: &str) -> String {
    let mut told = message.lines().next().unwrap_or_default().to_owned();
    for (before, after) in [("string \"", "\", expected"), ("unknown variant `", "`, expected"), ("character `", "`, expected")] {
        if let Some(start) = told.find(before) {
            let value = start + before.len();
            let end = told[value..].rfind(after).map_or(told.len(), |end| value + end + 1);
            told.replace_range(value - 2..end, "");
        }
    }
    told
}

impl TailProfile {
    /// From where, in the words of collectors.
    pub fn tail_from(&self) -> Result<TailFrom, ProfileError> {
        Ok(match &self.from {
            FromProfile::End => TailFrom::End,
            FromProfile::Beginning => TailFrom::Beginning,
            FromProfile::Offset(offset) => TailFrom::Offset(*offset),
            FromProfile::Time(text) => {
                let time = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).map_err(|_| ProfileError::Value {
                    field: "kafka.tail.from.time".to_owned(),
                    value: text.clone(),
                    reason: "write RFC 3339, such as 2026-11-21T10:00:00Z".to_owned(),
                })?;
                TailFrom::Time(time.unix_timestamp_nanos() as i64)
            }
        })
    }
}

/// Seconds of a profile as a duration; they were checked to be in range.
pub fn seconds(value_s: f64) -> Duration {
    Duration::from_secs_f64(value_s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::growth::assert_linear;

    #[test]
    fn a_secret_written_into_a_profile_is_refused_and_not_repeated() {
        for (text, step) in [
            ("[otlp]\nforward = \"http://joe:hunter2Zq7@collector:4318\"", "otlp.forward"),
            ("[[kafka]]\nname = \"a\"\nbrokers = \"b:9092\"\npassword = \"hunter2Zq7\"", "line 5"),
            ("[[kafka]]\nname = \"a\"\nbrokers = \"b:9092\"\npassword = { literal = \"hunter2Zq7\" }", "line 5"),
            ("[[http]]\nname = \"a\"\nurl = \"http://joe:hunter2Zq7@a/\"", "http.url"),
            ("[[http]]\nname = \"a\"\nurl = \"http://a/\"\nbearer = \"hunter two\"", "line 5"),
            ("[[grpc]]\nname = \"a\"\nurl = \"http://joe:hunter2Zq7@a/\"", "grpc.url"),
            ("[[kafka]]\nname = \"a\"\nbrokers = \"b:9092\"\nproperties = { \"ssl.key.password\" = \"hunter2Zq7\" }", "key_password"),
            ("[[kafka]]\nname = \"a\"\nbrokers = \"b:9092\"\nproperties = { \"ssl.keystore.password\" = \"hunter2Zq7\" }", "key_password"),
            ("[[kafka]]\nname = \"a\"\nbrokers = \"b:9092\"\nproperties = { \"ssl.key.pem\" = \"hunter2Zq7\" }", "ssl.key.location"),
            ("[[kafka]]\nname = \"a\"\nbrokers = \"b:9092\"\nproperties = { \" ssl.key.pem \" = \"hunter2Zq7\" }", "ssl.key.location"),
            ("[[kafka]]\nname = \"a\"\nbrokers = \"b:9092\"\nproperties = { \"sasl.password\" = \"hunter2Zq7\" }", "password = { env"),
            ("[[kafka]]\nname = \"a\"\nbrokers = \"b:9092\"\nproperties = { \"sasl.jaas.config\" = \"x required password=hunter2Zq7\" }", "password = { env"),
            (
                "[[kafka]]\nname = \"a\"\nbrokers = \"b:9092\"\nproperties = { \"ssl.certificate.pem\" = \"-----BEGIN PRIVATE KEY-----hunter2Zq7\" }",
                "ssl.key.location",
            ),
            ("[[kafka]]\nname = \"a\"\nbrokers = \"b:9092\"\nproperties = { \"sasl.oauthbearer.client.secret\" = \"hunter2Zq7\" }", "token = { command"),
        ] {
            let error = Profile::parse(&format!("name = \"p\"\n{text}"), "p.toml").expect_err(text);
            let said = format!("{error} {error:?}");
            assert!(said.contains(step) && !said.contains("hunter"), "{said}");
        }
        let told = Profile::parse("nmae = \"local\"", "p.toml").expect_err("unknown").to_string();
        assert!(told.contains("nmae"), "{told}");
        // What it sends to is there, explains (see below), and is where the first page sends to as well.
        assert!(
            told.contains("assets/profiles/sample.toml explains") && include_str!("../../../README.md").contains("(assets/profiles/sample.toml)"),
            "{told}"
        );
    }

    #[test]
    fn twice_the_profile_takes_twice_the_time() {
        let repeated = |begin: &'static str, part: &'static str| move |len: usize| begin.to_owned() + &part.repeat(len / part.len());
        for (begin, part) in [
            ("name = \"p\"\nsecret_names = [", "\"a\", "),
            ("name = \"p\"\n", "[[http]]\nname = \"a\"\nurl = \"http://a/\"\n"),
            ("name = \"p\"\n", "[[kafka]]\nname = \"a\"\nbrokers = \"b:1,b:1,b:1\"\n"),
            ("name = \"p\"\n[[kafka]]\nname = \"a\"\nbrokers = \"b:1", ",b:1"),
            ("name = \"", "\\n"),
            ("name = \"\"\"", "\"\\\n"),
            ("name = '''", "''\n"),
            ("name = \"p\"\n", "# \n"),
            ("name = \"p\"\n", "\r\n"),
            ("name = ", "["),
            ("name = ", "{a="),
            ("name = ", "1_1"),
            ("name = 1.", "0"),
            ("name", ".a"),
            ("", "[a.b]\n"),
            ("", "name = 1\n"),
            ("", "= \n"),
            ("", "é"),
        ] {
            assert_linear(&format!("{part:?} after {begin:?}"), 1 << 17, repeated(begin, part), |text| Profile::parse(text, "p.toml").is_ok());
        }
        let tables = |num: usize| [".b", ""].map(|part| (0..num).map(|number| format!("[a{number}{part}]")).collect::<Vec<_>>().join("\n")).join("\n");
        assert_linear("tables after their parts", 1 << 12, tables, |text| Profile::parse(text, "p.toml").is_ok());
        let keys = |num: usize| (0..num).map(|number| format!("otlp.a{number}.b = 1")).collect::<Vec<_>>().join("\n");
        assert_linear("dotted keys", 1 << 12, keys, |text| Profile::parse(text, "p.toml").is_ok());
    }

    #[test]
    fn the_sample_profile_is_valid_and_shows_every_field() {
        let text = include_str!("../../../assets/profiles/sample.toml");
        let profile = Profile::parse(text, "sample.toml").expect("valid");
        assert_eq!((profile.kafka.len(), profile.http.len(), profile.grpc.len()), (1, 1, 1));
        let shown = toml::to_string(&profile).expect("serialises");
        for line in shown.lines().filter(|line| line.contains(" = ")) {
            let field = line.split(" = ").next().expect("a field");
            assert!(text.contains(field), "{field} is not in the sample");
        }
    }

    #[test]
    fn mistakes_are_told_with_the_next_step() {
        for (text, told) in [
            ("name = \"x\"\nbroker = 1", "unknown field"),
            ("name = \"x\"\n[[kafka]]\nname = \"k\"\nbrokers = \"localhost\"", "write host:port"),
            ("name = \"x\"\n[[http]]\nname = \"a\"\nurl = \"localhost:80\"", "write http://host:port"),
            ("name = \"x\"\n[[http]]\nname = \"a\"\nurl = \"http://joe:pw@localhost:80\"", "holds no secret"),
            ("name = \"x\"\n[[grpc]]\nname = \"a\"\nurl = \"http://h:1\"\n[[http]]\nname = \"a\"\nurl = \"http://h:2\"", "two sources"),
            ("name = \"x\"\n[[kafka]]\nname = \"k\"\nbrokers = \"h:1\"\ntrusted_hosts = [\"a.example\", \"10.0.0.*\"]", "*.domain"),
            ("name = \"x\"\n[[kafka]]\nname = \"k\"\nbrokers = \"h:1\"\ntrusted_hosts = [\"*\"]", "*.domain"),
            ("name = \"x\"\n[links]\ntrace = \"file:///{trace_id}\"", "http://"),
            ("name = \"x\"\n[otlp]\ngrpc_port = 5\nhttp_port = 5", "a port each"),
            ("name = \"x\"\n[[kafka]]\nname = \"k\"\nbrokers = \"h:1\"\ntail = [{ channel = \"c\", from = { time = \"noon\" } }]", "RFC 3339"),
        ] {
            let error = Profile::parse(text, "test").expect_err(text).to_string();
            assert!(error.contains(told), "{error}");
            assert!(!error.contains("joe"), "{error}");
        }
    }

    #[test]
    fn a_literal_secret_is_refused_and_not_repeated() {
        let kafka = "name = \"x\"\n[[kafka]]\nname = \"k\"\nbrokers = \"h:1\"\n";
        for (text, told) in [
            (format!("{kafka}password = \"hunter2\""), "line 5, password: a profile holds no secret"),
            (format!("{kafka}password = 'hunter2'"), "holds no secret"),
            (format!("{kafka}password = \"\"\"\nhunter2\"\"\""), "holds no secret"),
            (format!("{kafka}password = {{ literal = \"hunter2\" }}"), "holds no secret"),
            (format!("{kafka}password = {{ env = \"A\", value = \"hunter2\" }}"), "holds no secret"),
            (format!("{kafka}password = [\"hunter2\"]"), "holds no secret"),
            (format!("{kafka}password = hunter2"), "line 5, password"),
            (format!("{kafka}password = \"hunter2"), "line 5, password"),
            (format!("{kafka}passwrod = \"hunter2\""), "unknown field `passwrod`"),
            (format!("{kafka}write = \"hunter2\""), "line 5, write: invalid type: string, expected a boolean"),
            (format!("{kafka}poll_s = \"a\\\"hunter2\""), "line 5, poll_s: invalid type: string, expected"),
            (format!("{kafka}tail = [{{ channel = \"c\", from = \"hunter2\" }}]"), "unknown variant, expected"),
            ("name = \"x\"\n[otlp]\nforward = \"http://user:hunter2@collector:4318\"".to_owned(), "otlp.forward"),
            ("name = \"x\"\n[[kafka]]\nname = \"k\"\nbrokers = \"user:hunter2@h\"".to_owned(), "kafka.brokers"),
            ("name = \"x\"\n[[kafka]]\nname = \"k\"\nbrokers = \"user:hunter2@h:9092\"".to_owned(), "kafka.brokers"),
            ("name = \"x\"\n[[http]]\nname = \"a\"\nurl = \"ftp://user:hunter2@h\"".to_owned(), "http.url"),
            ("name = \"x\"\n[links]\ntrace = \"http://user:hunter2@h/{trace_id}\"".to_owned(), "links"),
        ] {
            let error = anyhow::Error::from(Profile::parse(&text, "test").expect_err(&text));
            let error = format!("{error:#}");
            assert!(error.contains(told), "{text}\n{error}");
            assert!(!error.contains("hunter2"), "{text}\n{error}");
        }
    }

    #[test]
    fn a_mistake_is_told_once() {
        for text in ["name = \"x\"\nbroker = 1", "nam = \"x\""] {
            let error = format!("{:#}", anyhow::Error::from(Profile::parse(text, "test").expect_err(text)));
            assert_eq!(error.matches("unknown field").count(), 1, "{error}");
        }
        let error = format!("{:#}", anyhow::Error::from(Profile::read(Path::new("no-such-profile.toml")).expect_err("not there")));
        assert_eq!(error.matches("os error 2").count(), 1, "{error}");
    }

    #[test]
    fn hostile_profiles_are_refused_in_bounded_time_and_memory() {
        let deep = format!("name = \"x\"\nsecret_names = {}{}", "[".repeat(200_000), "]".repeat(200_000));
        let deep_tables = format!("name = \"x\"\nlinks = {}{}", "{ a = ".repeat(100_000), " }".repeat(100_000));
        let dotted = format!("name = \"x\"\n{}b = 1", "a.".repeat(200_000));
        let many = "[[http]]\nname = \"a\"\nurl = \"http://h:1\"\n".repeat(1_000);
        for (what, text) in [("deep", deep), ("deep tables", deep_tables), ("dotted", dotted), ("many", format!("name = \"x\"\n{many}"))] {
            let begun = std::time::Instant::now();
            let error = Profile::parse(&text, "test").expect_err(what).to_string();
            assert!(error.len() < 1_000, "{what}: {error}");
            assert!(begun.elapsed() < Duration::from_secs(20), "{what}: {:?}", begun.elapsed());
        }
        for endless in ["/dev/zero", "/dev/urandom"].map(Path::new).into_iter().filter(|path| path.exists()) {
            let error = Profile::read(endless).expect_err("endless").to_string();
            assert!(error.contains("longer than 1024 KiB"), "{error}");
        }
    }
}
