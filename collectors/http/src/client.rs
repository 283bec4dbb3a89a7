//! Asks an actuator: bounded in time and size, never following a redirect, and telling in words what went wrong.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, RequestBuilder, StatusCode, Url};
use serde_json::Value;
use switchboard_model::{OWN_USER_AGENT, Redactor, own_traceparent};

use crate::actuator::read_name;
use crate::failure::Failure;
use crate::{Auth, Config};

/// The most bytes read of an answer.
pub(crate) const MOST_BODY_BYTES: usize = 1 << 20;

/// The last part of an actuator's base address, unless it was configured otherwise.
const ACTUATOR: &str = "actuator";

/// Header by which an instance may name itself.
const INSTANCE_HEADER: &str = "x-instance-id";

/// A good answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its JSON.
    pub json: Value,
    /// The instance that answered, where a header of the answer names it.
    pub instance: Option<String>,
    /// How many bytes it had.
    pub num_bytes: u64,
}

/// An actuator's address and how to ask there.
#[derive(Debug)]
pub(crate) struct Actuator {
    client: Client,
    base: Url,
    auth: Auth,
    connect_timeout: Duration,
    request_timeout: Duration,
    request_number: u64,
}

impl Actuator {
    /// Makes the client; fails if the address is none.
    pub fn new(config: &Config) -> Result<Self, Failure> {
        let mut base = Url::parse(config.url.trim()).map_err(|error| Failure::unusable(&error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(Failure::unusable("it begins neither with http:// nor with https://"));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(Failure::unusable("it holds credentials; they belong into username and password"));
        }
        base.set_query(None);
        base.set_fragment(None);
        // Another part of the process may have chosen the provider first; ours would be the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(format!("{OWN_USER_AGENT}/{}", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(config.connect_timeout)
            .timeout(config.request_timeout)
            .pool_max_idle_per_host(1)
            // Servers close idle connections from 5 s on; a poll must not run into that.
            .pool_idle_timeout(Duration::from_secs(4))
            // What is asked and who asks is for the named address alone.
            .no_proxy();
        let certificate = config.root_certificate_pem.as_deref().map(Certificate::from_pem).transpose();
        let certificate = certificate.map_err(|error| Failure::unusable(&format!("its root certificate is no PEM: {error}")))?;
        if base.scheme() == "http" {
            // Redirects are off, so that TLS is never spoken: the system's certificates need not be read.
            builder = builder.tls_certs_only([]);
        } else if let Some(certificate) = certificate {
            builder = builder.tls_certs_merge([certificate]);
        }
        let client = builder.build().map_err(|error| Failure::unusable(&error.to_string()))?;
        Ok(Self {
            client,
            base,
            auth: config.auth.clone(),
            connect_timeout: config.connect_timeout,
            request_timeout: config.request_timeout,
            // Polls of two sources must not seem to be of one trace.
            request_number: RandomState::new().build_hasher().finish(),
        })
    }

    /// The address in words.
    pub fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Asks an endpoint (`""` = the list of links). An endpoint that is not there (404) is `Ok(None)`.
    pub async fn get(&mut self, endpoint: &str, redactor: &Redactor) -> Result<Option<Answer>, Failure> {
        let base = self.base.clone();
        self.get_from(base, endpoint, redactor).await
    }

    /// Asks an endpoint of another base on the same server; `None` where it does not answer well.
    pub async fn get_elsewhere(&mut self, base: &Url, endpoint: &str, redactor: &Redactor) -> Option<Value> {
        self.get_from(base.clone(), endpoint, redactor).await.ok().flatten().map(|answer| answer.json)
    }

    /// Where the actuator's base may be meant to be, if not at the address: above one of its endpoints, or below the application.
    pub fn other_bases(&self) -> Vec<Url> {
        let segments: Vec<&str> = self.base.path_segments().into_iter().flatten().filter(|segment| !segment.is_empty()).collect();
        let with = |segments: &[&str], last: Option<&str>| {
            let mut url = self.base.clone();
            let path: Vec<&str> = segments.iter().copied().chain(last).collect();
            url.set_path(&path.join("/"));
            url
        };
        let mut bases = Vec::new();
        if let Some(at) = segments.iter().rposition(|segment| *segment == ACTUATOR) {
            bases.push(with(&segments[..=at], None));
        } else {
            if let Some(at) = segments.iter().position(|segment| segment.starts_with("circuitbreaker")) {
                bases.push(with(&segments[..at], None));
                bases.push(with(&segments[..at], Some(ACTUATOR)));
            }
            bases.push(with(&segments, Some(ACTUATOR)));
            bases.push(with(&[], Some(ACTUATOR)));
        }
        let own = self.address().to_owned();
        let mut known: Vec<String> = vec![own];
        bases.retain(|base| {
            let address = base.as_str().trim_end_matches('/').to_owned();
            let is_new = !known.contains(&address);
            known.push(address);
            is_new
        });
        bases
    }

    async fn get_from(&mut self, mut url: Url, endpoint: &str, redactor: &Redactor) -> Result<Option<Answer>, Failure> {
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
            if !endpoint.is_empty() {
                path.push(endpoint);
            }
        }
        let mut response = self.request(url).send().await.map_err(|error| self.transport(&error))?;
        let status = response.status();
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if status != StatusCode::OK {
            return Err(Failure::status(&self.at(endpoint), status, self.auth == Auth::None, response.headers(), redactor));
        }
        if response.content_length().is_some_and(|length| length > MOST_BODY_BYTES as u64) {
            return Err(Failure::too_large(&self.at(endpoint), 0));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.transport(&error))? {
            body.extend_from_slice(&chunk);
            if body.len() > MOST_BODY_BYTES {
                return Err(Failure::too_large(&self.at(endpoint), body.len() as u64));
            }
        }
        let instance = response.headers().get(INSTANCE_HEADER).and_then(|value| read_name(value.to_str().ok()?));
        let num_bytes = body.len() as u64;
        let json = serde_json::from_slice(&body).map_err(|error| Failure::no_json(&self.at(endpoint), &body, response.headers(), &error))?;
        Ok(Some(Answer { json, instance, num_bytes }))
    }

    fn request(&mut self, url: Url) -> RequestBuilder {
        self.request_number = self.request_number.wrapping_add(1);
        let request = self.client.get(url).header(HeaderName::from_static("traceparent"), own_traceparent(self.request_number)).header(
            ACCEPT,
            HeaderValue::from_static("application/vnd.spring-boot.actuator.v3+json, application/vnd.spring-boot.actuator.v2+json, application/json"),
        );
        match &self.auth {
            Auth::None => request,
            Auth::Basic { user, password } => request.basic_auth(user, Some(password)),
            Auth::Bearer(token) => request.bearer_auth(token),
        }
    }

    /// An endpoint's address in words.
    pub fn at(&self, endpoint: &str) -> String {
        if endpoint.is_empty() { self.address().to_owned() } else { format!("{}/{endpoint}", self.address()) }
    }

    fn transport(&self, error: &reqwest::Error) -> Failure {
        Failure::transport(self.address(), error, self.connect_timeout, self.request_timeout)
    }
}
