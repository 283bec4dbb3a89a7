//! The OTLP receiver: what a profile says of it.

use serde::{Deserialize, Serialize};
use switchboard_model::SourceKind;
pub(crate) use switchboard_otlp::Config;

use super::address::has_user_info;
use super::form::{Field, Input};
use super::settings::{Family, Settings};
use crate::profile_error::ProfileError;

/// What it is called among sources.
const NAME: &str = "OTLP";

/// The OTLP receiver; a profile has one.
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

impl OtlpProfile {
    /// A receiver that does not listen.
    pub fn off() -> Self {
        Self { grpc_port: 0, http_port: 0, ..Self::default() }
    }

    /// What its collector is started with.
    pub(super) fn config(&self, environment: Option<&str>, memory_bytes: usize) -> Config {
        let port = |port: u16| (port != 0).then_some(port);
        Config {
            grpc_port: port(self.grpc_port),
            http_port: port(self.http_port),
            allowed_hosts: self.allowed_hosts.clone(),
            allowed_origins: self.allowed_origins.clone(),
            docker_bridge: self.docker_bridge,
            forward: self.forward.clone(),
            in_flight_bytes: if memory_bytes < 128 << 20 { switchboard_otlp::SMALL_IN_FLIGHT_BYTES } else { switchboard_otlp::DEFAULT_IN_FLIGHT_BYTES },
            environment: environment.map(str::to_owned),
        }
    }
}

impl Settings for OtlpProfile {
    const FAMILY: Family =
        Family { kind: SourceKind::Otlp, word: "OpenTelemetry", one: "an OpenTelemetry receiver", table: "otlp", only: Some(NAME), takes: None };
    const FIELDS: &'static [Field<Self>] = &[
        Field::new("port for gRPC", "0 turns it off", Input::Port(|otlp| &mut otlp.grpc_port)),
        Field::new("port for HTTP", "0 turns it off", Input::Port(|otlp| &mut otlp.http_port)),
        Field::new("hosts", "Accepted as Host besides loopback, with commas", Input::List(|otlp| &mut otlp.allowed_hosts)),
        Field::new("origins", "Browsers send Origin; only those named here may", Input::List(|otlp| &mut otlp.allowed_origins)),
        Field::new("forward to", "Pass everything on, unchanged: http://host:port or grpc://host:port", Input::Optional(|otlp| &mut otlp.forward)),
        Field::new("Listen on Docker's bridge too, and accept host.docker.internal", "", Input::Switch(|otlp| &mut otlp.docker_bridge)),
    ];

    fn blank() -> Self {
        Self::default()
    }

    fn name(&self) -> &str {
        NAME
    }

    fn name_mut(&mut self) -> Option<&mut String> {
        None
    }

    fn address(&self) -> String {
        let ports = [(self.grpc_port, "gRPC"), (self.http_port, "HTTP")];
        let ports: Vec<String> = ports.into_iter().filter(|(port, _)| *port != 0).map(|(port, how)| format!("{port} ({how})")).collect();
        format!("listens on {}", ports.join(" and "))
    }

    fn check(&self) -> Result<(), ProfileError> {
        if self.grpc_port != 0 && self.grpc_port == self.http_port {
            return Err(ProfileError::value("otlp.http_port", &self.http_port.to_string(), "gRPC and HTTP need a port each"));
        }
        if self.forward.as_deref().is_some_and(has_user_info) {
            let instead = "a profile holds no secret; name an endpoint that asks for none, such as a collector beside you";
            return Err(ProfileError::value("otlp.forward", "(hidden)", instead));
        }
        Ok(())
    }

    fn ports(&self) -> Vec<u16> {
        [self.grpc_port, self.http_port].into_iter().filter(|port| *port != 0).collect()
    }

    fn is_on(&self) -> bool {
        !self.ports().is_empty()
    }

    fn turn_off(&mut self) -> bool {
        (self.grpc_port, self.http_port) = (0, 0);
        true
    }
}
