//! A gRPC server's health service: what a profile says of it.

use serde::{Deserialize, Serialize};
pub(crate) use switchboard_grpc::Config;
use switchboard_model::{Leave, SourceKind};

use super::address;
use super::form::{Field, Input, list};
use super::settings::{Family, Settings};
use crate::profile_error::ProfileError;
use crate::send::draft::RequestKind;

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
    /// Whether its server can be called; read-only by default.
    #[serde(default)]
    pub write: Leave,
    /// Names asked for; `""` is the whole server.
    #[serde(default = "whole_server")]
    pub health: Vec<String>,
}

fn whole_server() -> Vec<String> {
    vec![String::new()]
}

impl GrpcProfile {
    /// What its collector is started with.
    pub(super) fn config(&self) -> Config {
        Config { name: self.name.clone(), url: self.url.clone(), service: self.service.clone(), asked: self.health.clone(), ..Config::default() }
    }

    /// The names alone: the whole server is asked for where none is typed.
    fn show_health(&self) -> String {
        self.health.iter().map(String::as_str).filter(|name| !name.is_empty()).collect::<Vec<_>>().join(", ")
    }

    fn read_health(&mut self, text: &str) {
        let names = list(text);
        self.health = if names.is_empty() { whole_server() } else { names };
    }
}

impl Settings for GrpcProfile {
    const FAMILY: Family =
        Family { kind: SourceKind::Grpc, word: "gRPC health", one: "a gRPC health endpoint", table: "grpc", only: None, takes: Some(RequestKind::Grpc) };
    const FIELDS: &'static [Field<Self>] = &[
        Field::new("address", "http://host:port or https://host:port", Input::Text(|grpc| &mut grpc.url)),
        Field::new("service", "The service behind it", Input::Optional(|grpc| &mut grpc.service)),
        Field::new(
            "names asked for",
            "With commas; empty asks for the whole server",
            Input::Line {
                show: Self::show_health,
                read: |grpc, text| {
                    grpc.read_health(text);
                    Ok(())
                },
            },
        ),
    ];

    fn blank() -> Self {
        Self { name: String::new(), url: "http://localhost:50051".to_owned(), service: None, write: Leave::Unsaid, health: whole_server() }
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn name_mut(&mut self) -> Option<&mut String> {
        Some(&mut self.name)
    }

    fn address(&self) -> String {
        self.url.clone()
    }

    fn service(&self) -> Option<&str> {
        self.service.as_deref()
    }

    fn leave(&self) -> Leave {
        self.write
    }

    fn check(&self) -> Result<(), ProfileError> {
        address::check("grpc.url", &self.url)
    }
}
