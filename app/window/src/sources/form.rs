//! The settings of a source as they are typed: texts in, settings or a reason out. Pure.

use std::collections::BTreeMap;

use switchboard_model::SourceKind;

use switchboard_desk::profile::{FromProfile, GrpcProfile, HttpProfile, KafkaProfile, OtlpProfile, Profile, TailProfile};
use switchboard_desk::secret::Secret;
use switchboard_desk::sources::SourceProfile;

/// Where a secret comes from. The secret itself is never typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SecretFrom {
    /// There is none.
    #[default]
    None,
    /// An environment variable.
    Env,
    /// What a command prints.
    Command,
}

/// A field for where a secret comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SecretField {
    /// Whence.
    pub from: SecretFrom,
    /// The variable's name, or the command.
    pub text: String,
}

impl SecretField {
    fn of(secret: Option<&Secret>) -> Self {
        match secret {
            None => Self::default(),
            Some(Secret::Env(name)) => Self { from: SecretFrom::Env, text: name.clone() },
            Some(Secret::Command(command)) => Self { from: SecretFrom::Command, text: command.clone() },
        }
    }

    fn read(&self, field: &str) -> Result<Option<Secret>, String> {
        let text = self.text.trim();
        match self.from {
            SecretFrom::None => Ok(None),
            SecretFrom::Env => {
                let is_name = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && text.bytes().next().is_some_and(|b| !b.is_ascii_digit());
                if is_name {
                    Ok(Some(Secret::Env(text.to_owned())))
                } else {
                    Err(format!("{field}: write the name of an environment variable, such as KAFKA_PASSWORD"))
                }
            }
            SecretFrom::Command if text.is_empty() => Err(format!("{field}: write the command that prints it")),
            SecretFrom::Command => Ok(Some(Secret::Command(text.to_owned()))),
        }
    }
}

/// A form.
#[derive(Clone, Debug)]
pub(crate) struct SourceForm {
    /// Its family.
    pub kind: SourceKind,
    /// What it was before; `None` = it is new.
    pub before: Option<SourceProfile>,
    /// Its name.
    pub name: String,
    /// Brokers, or a base address.
    pub address: String,
    /// The service behind it.
    pub service: String,
    /// The instance behind it.
    pub instance: String,
    /// Seconds between two looks.
    pub poll_s: String,
    /// Groups, dead-letter channels and tails of Kafka; hosts and origins of OTLP; names asked for of gRPC: commas between them.
    pub lists: [String; 3],
    /// Settings of librdkafka, a line each.
    pub properties: String,
    /// Ports of OTLP.
    pub ports: [String; 2],
    /// Docker's bridge, for OTLP.
    pub docker_bridge: bool,
    /// Where OTLP is passed on to.
    pub forward: String,
    /// User name, password, bearer token.
    pub secrets: [SecretField; 3],
}

impl SourceForm {
    /// An empty form.
    pub(crate) fn new(kind: SourceKind) -> Self {
        Self {
            kind,
            before: None,
            name: String::new(),
            address: match kind {
                SourceKind::Kafka => "localhost:9092".to_owned(),
                SourceKind::Http => "http://localhost:8081/actuator".to_owned(),
                SourceKind::Grpc => "http://localhost:50051".to_owned(),
                SourceKind::Otlp => String::new(),
            },
            service: String::new(),
            instance: String::new(),
            poll_s: "2".to_owned(),
            lists: Default::default(),
            properties: String::new(),
            ports: ["4317".to_owned(), "4318".to_owned()],
            docker_bridge: false,
            forward: String::new(),
            secrets: Default::default(),
        }
    }

    /// The form of a source.
    pub(crate) fn of(source: &SourceProfile) -> Self {
        let form = Self { before: Some(source.clone()), name: source.name().to_owned(), ..Self::new(source.kind()) };
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        match source {
            SourceProfile::Otlp(otlp) => Self {
                ports: [otlp.grpc_port.to_string(), otlp.http_port.to_string()],
                lists: [otlp.allowed_hosts.join(", "), otlp.allowed_origins.join(", "), String::new()],
                docker_bridge: otlp.docker_bridge,
                forward: text(&otlp.forward),
                ..form
            },
            SourceProfile::Kafka(kafka) => {
                let tails: Vec<String> = kafka.tail.iter().map(|tail| tail.channel.clone()).collect();
                let properties: Vec<String> = kafka.properties.iter().map(|(name, value)| format!("{name} = {value}")).collect();
                Self {
                    address: kafka.brokers.clone(),
                    poll_s: kafka.poll_s.to_string(),
                    lists: [kafka.groups.join(", "), kafka.dead_letter_channels.join(", "), tails.join(", ")],
                    properties: properties.join("\n"),
                    secrets: [SecretField::of(kafka.username.as_ref()), SecretField::of(kafka.password.as_ref()), SecretField::default()],
                    ..form
                }
            }
            SourceProfile::Http(http) => Self {
                address: http.url.clone(),
                service: text(&http.service),
                instance: text(&http.instance),
                poll_s: http.poll_s.to_string(),
                secrets: [&http.username, &http.password, &http.bearer].map(|secret| SecretField::of(secret.as_ref())),
                ..form
            },
            SourceProfile::Grpc(grpc) => Self {
                address: grpc.url.clone(),
                service: text(&grpc.service),
                lists: [grpc.health.iter().filter(|name| !name.is_empty()).cloned().collect::<Vec<_>>().join(", "), String::new(), String::new()],
                ..form
            },
        }
    }

    /// The name that the source has now; `None` = it is new.
    pub(crate) fn name_before(&self) -> Option<String> {
        self.before.as_ref().map(|before| before.name().to_owned())
    }

    /// The settings, as part of this profile; or the first thing that is wrong, with what to do.
    pub(crate) fn read(&self, profile: &Profile) -> Result<SourceProfile, String> {
        let source = self.source()?;
        profile.with_source(self.name_before().as_deref(), source.clone()).map_err(|error| error.to_string())?;
        Ok(source)
    }

    /// The settings by themselves.
    pub(crate) fn source(&self) -> Result<SourceProfile, String> {
        let name = self.name.trim();
        if name.is_empty() && self.kind != SourceKind::Otlp {
            return Err("name: write what the source is to be called".to_owned());
        }
        if name == switchboard_desk::sources::OTLP_NAME && self.kind != SourceKind::Otlp {
            return Err("name: OTLP is the receiver's own name; choose another".to_owned());
        }
        let name = name.to_owned();
        let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let address = self.address.trim().to_owned();
        let [username, password, bearer] = &self.secrets;
        Ok(match self.kind {
            SourceKind::Otlp => SourceProfile::Otlp(OtlpProfile {
                grpc_port: port("port for gRPC", &self.ports[0])?,
                http_port: port("port for HTTP", &self.ports[1])?,
                allowed_hosts: list(&self.lists[0]),
                allowed_origins: list(&self.lists[1]),
                docker_bridge: self.docker_bridge,
                forward: some(&self.forward),
            }),
            SourceKind::Kafka => SourceProfile::Kafka(KafkaProfile {
                name,
                brokers: address,
                groups: list(&self.lists[0]),
                dead_letter_channels: list(&self.lists[1]),
                tail: self.tails(),
                properties: properties(&self.properties)?,
                username: username.read("user name")?,
                password: password.read("password")?,
                // What follows is said in the profile only.
                key_password: self.kafka_before().and_then(|before| before.key_password.clone()),
                token: self.kafka_before().and_then(|before| before.token.clone()),
                trusted_hosts: self.kafka_before().map(|before| before.trusted_hosts.clone()).unwrap_or_default(),
                write: self.kafka_before().is_some_and(|before| before.write),
                poll_s: seconds(&self.poll_s)?,
            }),
            SourceKind::Http => SourceProfile::Http(HttpProfile {
                name,
                url: address,
                service: some(&self.service),
                instance: some(&self.instance),
                poll_s: seconds(&self.poll_s)?,
                username: username.read("user name")?,
                password: password.read("password")?,
                bearer: bearer.read("bearer token")?,
            }),
            SourceKind::Grpc => {
                let names = list(&self.lists[0]);
                let health = if names.is_empty() { vec![String::new()] } else { names };
                SourceProfile::Grpc(GrpcProfile { name, url: address, service: some(&self.service), health })
            }
        })
    }

    /// The settings before, of a Kafka cluster.
    fn kafka_before(&self) -> Option<&KafkaProfile> {
        match &self.before {
            Some(SourceProfile::Kafka(kafka)) => Some(kafka),
            _ => None,
        }
    }

    /// Channels that are read; one that was read before keeps from where.
    fn tails(&self) -> Vec<TailProfile> {
        let before = self.kafka_before().map(|kafka| kafka.tail.as_slice()).unwrap_or_default();
        let from = |channel: &str| before.iter().find(|tail| tail.channel == channel).map_or(FromProfile::End, |tail| tail.from.clone());
        list(&self.lists[2]).into_iter().map(|channel| TailProfile { from: from(&channel), channel }).collect()
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

fn port(field: &str, text: &str) -> Result<u16, String> {
    match text.trim() {
        "" => Ok(0),
        text => text.parse().map_err(|_| format!("{field}: write a number up to 65535, or 0 for none")),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    text.trim().parse().map_err(|_| "seconds between two looks: write a number from 0.1 to 3600".to_owned())
}

fn properties(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut properties = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once('=').ok_or_else(|| format!("settings: `{line}` has no =; write name = value, a line each"))?;
        let name = name.trim();
        if ["password", "secret", "sasl.username", "ssl.key.pem"].iter().any(|secret| name.contains(secret)) {
            return Err(format!("settings: {name} is a secret; name an environment variable or a command below instead"));
        }
        properties.insert(name.to_owned(), value.trim().to_owned());
    }
    Ok(properties)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_of_the_sample_comes_back_as_it_was() {
        let profile = Profile::parse(include_str!("../../../../assets/profiles/sample.toml"), "sample").expect("valid");
        for source in SourceProfile::all_of(&profile) {
            let read = SourceForm::of(&source).read(&profile).expect("valid");
            match (&read, &source) {
                // The whole server is asked for where no name is typed.
                (SourceProfile::Grpc(read), SourceProfile::Grpc(source)) => assert_eq!((&read.name, &read.url), (&source.name, &source.url)),
                _ => assert_eq!(read, source),
            }
        }
    }

    #[test]
    fn mistakes_are_told_with_what_to_do() {
        let profile = Profile::default();
        let form = |kind: SourceKind, change: &dyn Fn(&mut SourceForm)| {
            let mut form = SourceForm { name: "x".to_owned(), ..SourceForm::new(kind) };
            change(&mut form);
            form.read(&profile).expect_err("wrong")
        };
        for (told, told_by) in [
            ("called", form(SourceKind::Kafka, &|form| form.name.clear())),
            ("choose another", form(SourceKind::Http, &|form| form.name = "OTLP".to_owned())),
            ("host:port", form(SourceKind::Kafka, &|form| form.address = "localhost".to_owned())),
            ("from 0.1 to 3600", form(SourceKind::Http, &|form| form.poll_s = "soon".to_owned())),
            ("http://host:port", form(SourceKind::Grpc, &|form| form.address = "h:1".to_owned())),
            ("65535", form(SourceKind::Otlp, &|form| form.ports[0] = "99999".to_owned())),
            ("a port each", form(SourceKind::Otlp, &|form| form.ports[1] = "4317".to_owned())),
            ("environment variable", form(SourceKind::Kafka, &|form| form.secrets[1] = SecretField { from: SecretFrom::Env, text: "hunter2!".to_owned() })),
            ("is a secret", form(SourceKind::Kafka, &|form| form.properties = "sasl.password = x".to_owned())),
            ("has no =", form(SourceKind::Kafka, &|form| form.properties = "sasl".to_owned())),
        ] {
            assert!(told_by.contains(told), "{told_by}");
        }
    }
}
