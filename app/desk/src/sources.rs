//! The sources of a profile. A family has one file below, which holds all that is said of it outside its collector; here they are
//! listed, once: whoever asks something of a source asks it here, and the family's file answers.

mod address;
mod form;
mod grpc;
mod http;
mod kafka;
mod otlp;
mod polling;
mod replaying;
mod settings;

use serde::Serialize;
use serde::de::{Deserialize, MapAccess};
use switchboard_model::{Leave, SourceKind};

pub use form::{FormField, SecretFrom, Typed};
pub use grpc::GrpcProfile;
pub use http::HttpProfile;
pub use kafka::{FromProfile, KafkaProfile, TailProfile};
pub use otlp::OtlpProfile;
pub use replaying::ReplayProfile;
pub use settings::Family;

use crate::profile_error::ProfileError;
use settings::Settings;

/// A source of a profile.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum SourceProfile {
    /// The OTLP receiver; a profile has one.
    Otlp(OtlpProfile),
    /// A Kafka cluster.
    Kafka(KafkaProfile),
    /// An actuator.
    Http(HttpProfile),
    /// A gRPC health endpoint.
    Grpc(GrpcProfile),
}

/// What a collector is started with.
#[derive(Clone)]
pub(crate) enum Prepared {
    Otlp(otlp::Config),
    Kafka(kafka::Config),
    Http(http::Config),
    Grpc(grpc::Config),
}

/// Asks the settings of a source, whatever its family.
macro_rules! ask {
    ($source:expr, $settings:ident => $answer:expr) => {
        match $source {
            SourceProfile::Otlp($settings) => $answer,
            SourceProfile::Kafka($settings) => $answer,
            SourceProfile::Http($settings) => $answer,
            SourceProfile::Grpc($settings) => $answer,
        }
    };
}

fn family_of<T: Settings>(_settings: &T) -> Family {
    T::FAMILY
}

impl Family {
    /// All families, in the order of a profile.
    pub const ALL: [Self; 4] = [OtlpProfile::FAMILY, KafkaProfile::FAMILY, HttpProfile::FAMILY, GrpcProfile::FAMILY];

    /// The family of a kind.
    pub fn of(kind: SourceKind) -> Self {
        match kind {
            SourceKind::Otlp => OtlpProfile::FAMILY,
            SourceKind::Kafka => KafkaProfile::FAMILY,
            SourceKind::Http => HttpProfile::FAMILY,
            SourceKind::Grpc => GrpcProfile::FAMILY,
        }
    }

    /// One of each that has channels, in a sentence: `a Kafka cluster`.
    pub fn one_with_channels() -> String {
        Self::ALL.iter().filter(|family| family.kind.has_channels()).map(|family| family.one).collect::<Vec<_>>().join(" or ")
    }

    /// All families in the order of a menu: what every profile has already comes last.
    pub fn menu() -> [Self; Self::ALL.len()] {
        let mut menu = Self::ALL;
        menu.sort_by_key(|family| family.only.is_some());
        menu
    }
}

impl SourceProfile {
    /// Listens on no port, where it would on any.
    pub fn listen_nowhere(&mut self) {
        if let Self::Otlp(otlp) = self {
            (otlp.grpc_port, otlp.http_port) = (0, 0);
        }
    }

    /// What a new source of a family begins with.
    pub fn blank(kind: SourceKind) -> Self {
        match kind {
            SourceKind::Otlp => Self::Otlp(Settings::blank()),
            SourceKind::Kafka => Self::Kafka(Settings::blank()),
            SourceKind::Http => Self::Http(Settings::blank()),
            SourceKind::Grpc => Self::Grpc(Settings::blank()),
        }
    }

    /// Reads what a profile's file has of a family.
    pub(crate) fn read<'de, A: MapAccess<'de>>(kind: SourceKind, file: &mut A) -> Result<Vec<Self>, A::Error> {
        Ok(match kind {
            SourceKind::Otlp => vec![Self::Otlp(file.next_value()?)],
            SourceKind::Kafka => many(file, Self::Kafka)?,
            SourceKind::Http => many(file, Self::Http)?,
            SourceKind::Grpc => many(file, Self::Grpc)?,
        })
    }

    /// Makes what its collector is started with: fetches its secrets, which may ask a command; only then it has to be waited for.
    pub(crate) async fn prepare(&self, environment: Option<&str>, memory_bytes: usize) -> Result<Prepared, ProfileError> {
        Ok(match self {
            Self::Otlp(otlp) => Prepared::Otlp(otlp.config(environment, memory_bytes)),
            Self::Kafka(kafka) => Prepared::Kafka(kafka.config(environment).await?),
            Self::Http(http) => Prepared::Http(http.config().await?),
            Self::Grpc(grpc) => Prepared::Grpc(grpc.config()),
        })
    }

    /// Its family.
    pub fn family(&self) -> Family {
        ask!(self, settings => family_of(settings))
    }

    /// Which family it is of.
    pub fn kind(&self) -> SourceKind {
        self.family().kind
    }

    /// Its name.
    pub fn name(&self) -> &str {
        ask!(self, settings => settings.name())
    }

    /// Where it connects to, or where it listens.
    pub fn address(&self) -> String {
        ask!(self, settings => settings.address())
    }

    /// The service behind it, where the profile says it.
    pub fn service(&self) -> Option<&str> {
        ask!(self, settings => settings.service())
    }

    /// Whether it asks with credentials that a request to the same server does not have by itself. Records go with those of their cluster.
    pub fn keeps_credentials(&self) -> bool {
        ask!(self, settings => settings.keeps_credentials())
    }

    /// Whether its values make sense.
    pub fn check(&self) -> Result<(), ProfileError> {
        ask!(self, settings => settings.check())
    }

    /// Whether there is anything to start.
    pub fn is_on(&self) -> bool {
        ask!(self, settings => settings.is_on())
    }

    /// Turns off what every profile has; false = it is left out of the profile instead.
    pub(crate) fn turn_off(&mut self) -> bool {
        ask!(self, settings => settings.turn_off())
    }

    /// Whether another listens on a port of this machine that it listens on, too.
    pub(crate) fn shares_a_port_with(&self, other: &Self) -> bool {
        let ports = ask!(other, settings => settings.ports());
        ask!(self, settings => settings.ports()).iter().any(|port| ports.contains(port))
    }

    /// What the profile says of sending to it.
    pub(crate) fn leave(&self) -> Leave {
        ask!(self, settings => settings.leave())
    }

    /// What the profile says of replaying to it.
    pub(crate) fn replay(&self) -> ReplayProfile {
        ask!(self, settings => settings.replay())
    }

    /// Channels of it that hold dead letters, besides those found by name.
    pub(crate) fn dead_letter_channels(&self) -> &[String] {
        ask!(self, settings => settings.dead_letter_channels())
    }

    /// Its settings to be typed, but for the name.
    pub fn form(&self) -> Vec<FormField> {
        ask!(self, settings => form::show(settings))
    }

    /// The same source with what was typed; what has no field stays. Or the first thing that is wrong, with what to do.
    pub fn typed(&self, name: &str, form: &[FormField]) -> Result<Self, String> {
        let mut source = self.clone();
        if let Some(place) = ask!(&mut source, settings => settings.name_mut()) {
            *place = new_name(name.trim())?;
        }
        ask!(&mut source, settings => form::read(settings, form))?;
        Ok(source)
    }
}

/// A list of tables, as sources.
fn many<'de, T: Deserialize<'de>, A: MapAccess<'de>>(file: &mut A, source: fn(T) -> SourceProfile) -> Result<Vec<SourceProfile>, A::Error> {
    Ok(file.next_value::<Vec<T>>()?.into_iter().map(source).collect())
}

/// A name that a source can be given.
fn new_name(name: &str) -> Result<String, String> {
    if name.is_empty() {
        return Err("name: write what the source is to be called".to_owned());
    }
    if Family::ALL.iter().any(|family| family.only == Some(name)) {
        return Err(format!("name: {name} is the receiver's own name; choose another"));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_listed_once_and_found_by_its_kind() {
        for (place, family) in Family::ALL.into_iter().enumerate() {
            assert_eq!(Family::of(family.kind), family);
            assert_eq!(family.kind as usize, place, "in the order of kinds, none left out");
            let blank = SourceProfile::blank(family.kind);
            assert_eq!((blank.kind(), family.only.is_none()), (family.kind, blank.name().is_empty()));
            assert!(!blank.form().is_empty() && Family::menu().contains(&family));
            assert_eq!(Family::one_with_channels().contains(family.one), family.kind.has_channels());
        }
    }

    #[test]
    fn a_blank_source_needs_a_name_alone() {
        for family in Family::ALL {
            let blank = SourceProfile::blank(family.kind);
            let named = blank.typed(" new ", &blank.form()).expect("nothing is wrong");
            assert_eq!(named.name(), family.only.unwrap_or("new"));
            assert_eq!(named.typed("new", &named.form()).as_ref(), Ok(&named), "typed and read, nothing changes");
            named.check().expect("makes sense");
        }
    }

    #[test]
    fn what_listens_on_a_port_of_another_is_told() {
        let otlp = |grpc_port, http_port| SourceProfile::Otlp(OtlpProfile { grpc_port, http_port, ..OtlpProfile::default() });
        assert!(otlp(1, 2).shares_a_port_with(&otlp(3, 1)));
        assert!(!otlp(1, 0).shares_a_port_with(&otlp(0, 2)), "off is no port");
        assert!(!SourceProfile::blank(SourceKind::Kafka).shares_a_port_with(&otlp(9092, 0)));
    }
}
