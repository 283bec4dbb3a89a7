//! The sources of a profile.

use switchboard_model::SourceKind;

use crate::profile::{GrpcProfile, HttpProfile, KafkaProfile, OtlpProfile, Profile, ProfileError};

/// What the OTLP receiver is called among sources.
pub const OTLP_NAME: &str = "OTLP";

/// A source of a profile.
#[derive(Clone, Debug, PartialEq)]
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

impl SourceProfile {
    /// All sources of a profile, the OTLP receiver first, if it has a port.
    pub fn all_of(profile: &Profile) -> Vec<Self> {
        let otlp = (profile.otlp.grpc_port != 0 || profile.otlp.http_port != 0).then(|| Self::Otlp(profile.otlp.clone()));
        let others = profile.kafka.iter().cloned().map(Self::Kafka);
        let others = others.chain(profile.http.iter().cloned().map(Self::Http)).chain(profile.grpc.iter().cloned().map(Self::Grpc));
        otlp.into_iter().chain(others).collect()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Otlp(_) => OTLP_NAME,
            Self::Kafka(kafka) => &kafka.name,
            Self::Http(http) => &http.name,
            Self::Grpc(grpc) => &grpc.name,
        }
    }

    /// Its family.
    pub fn kind(&self) -> SourceKind {
        match self {
            Self::Otlp(_) => SourceKind::Otlp,
            Self::Kafka(_) => SourceKind::Kafka,
            Self::Http(_) => SourceKind::Http,
            Self::Grpc(_) => SourceKind::Grpc,
        }
    }
}

impl Profile {
    /// The same with a source in place of the one of a name, or beside the others; an error if that makes no sense.
    pub fn with_source(&self, before: Option<&str>, source: SourceProfile) -> Result<Self, ProfileError> {
        let mut profile = self.clone();
        let is_before = |name: &str| before == Some(name);
        match source {
            SourceProfile::Otlp(otlp) => profile.otlp = otlp,
            SourceProfile::Kafka(kafka) => {
                let place = profile.kafka.iter().position(|other| is_before(&other.name));
                put(&mut profile.kafka, place, kafka);
            }
            SourceProfile::Http(http) => {
                let place = profile.http.iter().position(|other| is_before(&other.name));
                put(&mut profile.http, place, http);
            }
            SourceProfile::Grpc(grpc) => {
                let place = profile.grpc.iter().position(|other| is_before(&other.name));
                put(&mut profile.grpc, place, grpc);
            }
        }
        profile.check()?;
        Ok(profile)
    }

    /// The same without a source.
    #[must_use]
    pub fn without_source(&self, name: &str) -> Self {
        let mut profile = self.clone();
        if name == OTLP_NAME {
            profile.otlp = OtlpProfile { grpc_port: 0, http_port: 0, ..profile.otlp };
        }
        profile.kafka.retain(|kafka| kafka.name != name);
        profile.http.retain(|http| http.name != name);
        profile.grpc.retain(|grpc| grpc.name != name);
        profile
    }
}

/// In place of another, or at the end.
fn put<T>(all: &mut Vec<T>, place: Option<usize>, one: T) {
    match place {
        Some(place) => all[place] = one,
        None => all.push(one),
    }
}
