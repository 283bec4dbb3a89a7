//! The sources of a profile as they are added, changed, tried out and removed while a session runs.
//!
//! `desk` carries commands out and keeps the [`SourcesBoard`] that the window reads; `saved` writes the profile's file,
//! its comments kept; `trial` makes one bounded attempt to connect.

mod desk;
mod saved;
#[cfg(test)]
mod tests;
mod trial;

use switchboard_model::{SourceKind, SourcePhase};

pub use desk::SourcesDesk;

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

/// What the window asks to be done with sources.
#[derive(Clone, Debug, PartialEq)]
pub enum SourcesCommand {
    /// A new source, or other settings for one.
    Put {
        /// The name it has now; `None` = it is new.
        before: Option<String>,
        /// Its settings.
        source: SourceProfile,
    },
    /// Ends a source and takes it out of the profile.
    Remove(String),
    /// Tries to connect, for a few seconds, and changes nothing.
    Test(SourceProfile),
    /// Ends the attempt.
    CancelTest,
}

/// What can be seen of it.
#[derive(Clone, Debug, Default)]
pub struct SourcesBoard {
    /// The profile as it is now.
    pub profile: Profile,
    /// Where it is kept; `None` = changes last as long as the session.
    pub path: Option<std::path::PathBuf>,
    /// The last attempt to connect.
    pub trial: Option<Trial>,
    /// What became of the last change, and whether that is bad.
    pub said: Option<(String, bool)>,
}

/// An attempt to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The source.
    pub name: String,
    /// When it began, ns since the Unix epoch.
    pub begun_ns: i64,
    /// How far it is.
    pub phase: SourcePhase,
    /// What happened, in a sentence.
    pub detail: String,
    /// What to do next.
    pub next_step: String,
    /// When it ended, ns since the Unix epoch; `None` = it goes on.
    pub ended_ns: Option<i64>,
}
