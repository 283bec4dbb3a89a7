//! A request as somebody composes it, and as its file has it: one request a file, plain text that a version control merges. It holds no secret:
//! a credential is named, and the profile says where it comes from and to which server it may go.

mod file;
mod grpc;
mod http;
mod record;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use file::{DRAFT_BYTES_MAX, DraftError};
pub use grpc::{GrpcDraft, SchemaFrom};
pub use http::{Body, HttpDraft, Part};
pub use record::{HeaderDraft, Payload, RecordDraft, ReplyDraft, ReplyId};

/// A request that can be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// What it is called; empty = by what it asks for.
    pub name: String,
    /// What is sent.
    pub request: Request,
}

/// What is sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// An HTTP request.
    Http(HttpDraft),
    /// A gRPC call.
    Grpc(GrpcDraft),
    /// A record of a broker.
    Record(RecordDraft),
}

/// Which kind of request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RequestKind {
    /// An HTTP request.
    Http,
    /// A gRPC call.
    Grpc,
    /// A record of a broker.
    Record,
}

impl RequestKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Http, Self::Grpc, Self::Record];

    /// As it is called.
    pub fn word(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Grpc => "gRPC",
            Self::Record => "record",
        }
    }
}

/// A name and a value, of which a request may have several with the same name; the order stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The name.
    pub name: String,
    /// The value.
    #[serde(default)]
    pub value: String,
    /// Whether it is kept and not sent.
    #[serde(default, skip_serializing_if = "is_false")]
    pub off: bool,
}

impl Pair {
    /// One that is sent.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into(), off: false }
    }
}

/// Who asks. What is named here is a secret of the profile; it is bound to one server there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Auth {
    /// Nobody says.
    #[default]
    None,
    /// `Authorization: Bearer …`.
    Bearer {
        /// Name of the token among the profile's secrets.
        secret: String,
    },
    /// `Authorization: Basic …`.
    Basic {
        /// The user.
        user: String,
        /// Name of the password among the profile's secrets.
        secret: String,
    },
    /// A header of its own.
    ApiKey {
        /// Name of the header.
        header: String,
        /// Name of the key among the profile's secrets.
        secret: String,
    },
}

impl Auth {
    /// Name of the secret that is meant.
    pub fn secret(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Bearer { secret } | Self::Basic { secret, .. } | Self::ApiKey { secret, .. } => Some(secret),
        }
    }
}

/// What a request carries so that what it causes can be seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Carries {
    /// Whether it begins a trace of its own, sampled (W3C `traceparent`).
    pub traceparent: bool,
    /// Name of the header for its correlation id; empty = it carries none.
    pub correlation_header: String,
    /// The correlation id; empty = a new one for each.
    pub correlation_id: String,
}

impl Default for Carries {
    fn default() -> Self {
        Self { traceparent: true, correlation_header: "x-correlation-id".to_owned(), correlation_id: String::new() }
    }
}

/// How long a request or call may take unless it says otherwise, seconds.
pub const DEFAULT_TIMEOUT_S: f64 = 30.0;

/// How often a request or a call is sent, and how fast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RepeatDraft {
    /// How many times; 0 = once, or once for each row.
    pub times: u32,
    /// How many begin in a second, at most.
    pub rate_per_s: u32,
    /// How many are on their way at once, at most.
    pub at_once: u32,
    /// A file in the folder of requests with values, a row for each (CSV with names in its first row, or JSON lines); empty = none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rows: String,
    /// As a probe it is sent once in so many seconds.
    pub every_s: f64,
}

impl Default for RepeatDraft {
    fn default() -> Self {
        Self { times: 0, rate_per_s: 10, at_once: 8, rows: String::new(), every_s: 30.0 }
    }
}

/// How a server proves who it is, where it speaks TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsDraft {
    /// A file with certificates that are trusted besides the system's (PEM): a private certificate authority.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub root_certificates: String,
    /// Whether its certificate is not looked at. What is sent may then be read by whoever stands between.
    #[serde(skip_serializing_if = "is_false")]
    pub unchecked: bool,
    /// A file with a certificate and key by which we prove who we are (PEM).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub identity: String,
}

impl Draft {
    /// A new one of a kind.
    pub fn blank(kind: RequestKind) -> Self {
        let request = match kind {
            RequestKind::Http => Request::Http(HttpDraft::default()),
            RequestKind::Grpc => Request::Grpc(GrpcDraft::default()),
            RequestKind::Record => Request::Record(RecordDraft::default()),
        };
        Self { name: String::new(), request }
    }

    /// How often it is sent; `None` = it is a record, which has copies.
    pub fn repeat(&self) -> Option<&RepeatDraft> {
        match &self.request {
            Request::Http(http) => Some(&http.repeat),
            Request::Grpc(grpc) => Some(&grpc.repeat),
            Request::Record(_) => None,
        }
    }

    /// Which kind it is of.
    pub fn kind(&self) -> RequestKind {
        match &self.request {
            Request::Http(_) => RequestKind::Http,
            Request::Grpc(_) => RequestKind::Grpc,
            Request::Record(_) => RequestKind::Record,
        }
    }

    /// What it is called: by its name, or by what it asks for, without query and credentials.
    pub fn title(&self) -> String {
        if !self.name.is_empty() {
            return self.name.clone();
        }
        match &self.request {
            Request::Http(http) => format!("{} {}", http.method, path_of(&http.url)),
            Request::Grpc(grpc) => grpc.method.rsplit(['/', '.']).next().unwrap_or_default().to_owned(),
            Request::Record(record) => record.topic.clone(),
        }
    }
}

/// The path of an address that may hold variables, without its query.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("/", |at| &rest[at..]);
    path.split(['?', '#']).next().unwrap_or(path)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(value: &bool) -> bool {
    !*value
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
