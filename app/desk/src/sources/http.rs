//! An actuator: what a profile says of it.

use serde::{Deserialize, Serialize};
use switchboard_http::Auth;
pub(crate) use switchboard_http::Config;
use switchboard_model::{Leave, SourceKind};

use super::form::{Field, Input};
use super::settings::{Family, Settings};
use super::{address, polling};
use crate::profile_error::ProfileError;
use crate::secret::Secret;
use crate::send::draft::RequestKind;

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
    /// Whether requests that may change something can be sent to its server; read-only by default.
    #[serde(default)]
    pub write: Leave,
    /// Seconds between two polls.
    #[serde(default = "polling::default_s")]
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

impl HttpProfile {
    /// What its collector is started with; its secrets are fetched for it.
    pub(super) async fn config(&self) -> Result<Config, ProfileError> {
        let auth = if let Some(token) = Secret::fetch_if(self.bearer.as_ref(), "bearer", &self.name).await? {
            Auth::Bearer(token)
        } else if let Some(user) = Secret::fetch_if(self.username.as_ref(), "username", &self.name).await? {
            let password = Secret::fetch_if(self.password.as_ref(), "password", &self.name).await?.unwrap_or_default();
            Auth::Basic { user, password }
        } else {
            Auth::None
        };
        Ok(Config {
            name: self.name.clone(),
            url: self.url.clone(),
            service: self.service.clone(),
            instance: self.instance.clone(),
            auth,
            poll_interval: polling::interval(self.poll_s),
            ..Config::default()
        })
    }
}

impl Settings for HttpProfile {
    const FAMILY: Family = Family { kind: SourceKind::Http, word: "actuator", one: "an actuator", table: "http", only: None, takes: Some(RequestKind::Http) };
    const FIELDS: &'static [Field<Self>] = &[
        Field::new("address", "The base of the actuator, on the management port if there is one", Input::Text(|http| &mut http.url)),
        Field::new("service", "The service behind it", Input::Optional(|http| &mut http.service)),
        Field::new("instance", "The instance behind it", Input::Optional(|http| &mut http.instance)),
        Field::new("user name", "", Input::Secret(|http| &mut http.username)),
        Field::new("password", "", Input::Secret(|http| &mut http.password)),
        Field::new("bearer token", "", Input::Secret(|http| &mut http.bearer)),
        Field::new("seconds between two looks", "From 0.1 to 3600", Input::Seconds(|http| &mut http.poll_s)),
    ];

    fn blank() -> Self {
        Self {
            name: String::new(),
            url: "http://localhost:8081/actuator".to_owned(),
            service: None,
            instance: None,
            write: Leave::Unsaid,
            poll_s: polling::default_s(),
            username: None,
            password: None,
            bearer: None,
        }
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

    fn keeps_credentials(&self) -> bool {
        self.username.is_some() || self.bearer.is_some()
    }

    fn leave(&self) -> Leave {
        self.write
    }

    fn check(&self) -> Result<(), ProfileError> {
        address::check("http.url", &self.url)?;
        polling::check("http.poll_s", self.poll_s)?;
        if self.bearer.is_some() && self.username.is_some() {
            return Err(ProfileError::value("http.bearer", &self.name, "choose bearer or username and password, not both"));
        }
        Ok(())
    }
}
