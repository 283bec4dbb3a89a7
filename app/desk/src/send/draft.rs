//! A request as somebody composes it, and as its file has it: one request a file, plain text that a version control merges. It holds no secret:
//! a credential is named, and the profile says where it comes from and to which server it may go.

mod file;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use file::{DRAFT_BYTES_MAX, DraftError};

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

/// An HTTP request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpDraft {
    /// The method.
    pub method: String,
    /// Where: `http://host:port/path`.
    pub url: String,
    /// What is added to its query.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<Pair>,
    /// Its headers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Pair>,
    /// Who asks.
    #[serde(skip_serializing_if = "is_default")]
    pub auth: Auth,
    /// Its body.
    #[serde(skip_serializing_if = "is_default")]
    pub body: Body,
    /// How long it may take, seconds.
    pub timeout_s: f64,
    /// How the server proves who it is.
    #[serde(skip_serializing_if = "is_default")]
    pub tls: TlsDraft,
    /// How often it is sent.
    #[serde(skip_serializing_if = "is_default")]
    pub repeat: RepeatDraft,
    /// What it carries.
    #[serde(skip_serializing_if = "is_default")]
    pub carries: Carries,
}

impl Default for HttpDraft {
    fn default() -> Self {
        Self {
            method: "GET".to_owned(),
            url: String::new(),
            query: Vec::new(),
            headers: Vec::new(),
            auth: Auth::None,
            body: Body::None,
            timeout_s: DEFAULT_TIMEOUT_S,
            tls: TlsDraft::default(),
            repeat: RepeatDraft::default(),
            carries: Carries::default(),
        }
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

/// The body of an HTTP request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Body {
    /// There is none.
    #[default]
    None,
    /// JSON, sent as it is written.
    Json(String),
    /// Any text; its type is a header's to say.
    Text(String),
    /// A form (`application/x-www-form-urlencoded`).
    Form(Vec<Pair>),
    /// A form of parts, of which each may be a file (`multipart/form-data`).
    Multipart(Vec<Part>),
    /// Bytes, as hex.
    Hex(String),
    /// A file in the folder of requests.
    File(String),
    /// GraphQL: a query, its variables and the name of the operation that is meant.
    Graphql {
        /// The query.
        query: String,
        /// Its variables, a JSON object; empty = none.
        #[serde(default)]
        variables: String,
        /// Which operation; empty = the only one.
        #[serde(default)]
        operation: String,
    },
}

/// A part of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Its value, where it is no file.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// A file in the folder of requests; empty = its value is sent.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// Its type; empty = it does not say.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub content_type: String,
}

/// A gRPC call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GrpcDraft {
    /// The server: `http://host:port` in plain text, `https://host:port` over TLS.
    pub url: String,
    /// `package.Service/Method`.
    pub method: String,
    /// Where it is known from what the method takes.
    #[serde(skip_serializing_if = "is_default")]
    pub schema: SchemaFrom,
    /// Its metadata; values under names that end with `-bin` are base64.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metadata: Vec<Pair>,
    /// Who calls.
    #[serde(skip_serializing_if = "is_default")]
    pub auth: Auth,
    /// Its messages, JSON each; all but a client's stream have one.
    pub messages: Vec<String>,
    /// Whether each row of the file of rows makes messages of one call, a client's stream, and not a call of its own.
    #[serde(skip_serializing_if = "is_false")]
    pub row_messages: bool,
    /// How long it may take, seconds; the server is told.
    pub deadline_s: f64,
    /// How messages are compressed: `gzip`, `zstd`, or empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub compression: String,
    /// What the server is asked for as (`:authority`), and what its certificate has to name, where that is not its address: `host` or `host:port`; empty =
    /// its address. Where the call goes, and what has leave and secrets, is the address in any case.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub authority: String,
    /// How the server proves who it is.
    #[serde(skip_serializing_if = "is_default")]
    pub tls: TlsDraft,
    /// How often it is sent.
    #[serde(skip_serializing_if = "is_default")]
    pub repeat: RepeatDraft,
    /// What it carries.
    #[serde(skip_serializing_if = "is_default")]
    pub carries: Carries,
}

impl Default for GrpcDraft {
    fn default() -> Self {
        Self {
            url: String::new(),
            method: String::new(),
            schema: SchemaFrom::Reflection,
            metadata: Vec::new(),
            auth: Auth::None,
            messages: vec!["{}".to_owned()],
            row_messages: false,
            deadline_s: DEFAULT_TIMEOUT_S,
            compression: String::new(),
            authority: String::new(),
            tls: TlsDraft::default(),
            repeat: RepeatDraft::default(),
            carries: Carries::default(),
        }
    }
}

/// Where it is known from what a server's methods take and give.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SchemaFrom {
    /// The server tells (`grpc.reflection`).
    #[default]
    Reflection,
    /// Files in protobuf's language.
    Protos {
        /// The files.
        files: Vec<String>,
        /// Folders in which imports are looked for.
        #[serde(default)]
        roots: Vec<String>,
    },
    /// A file that a compiler wrote (`FileDescriptorSet`).
    DescriptorSet(String),
}

/// A record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordDraft {
    /// Name of the source in the profile; empty = the only one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cluster: String,
    /// The topic.
    pub topic: String,
    /// The partition; none = by its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
    /// The key.
    pub key: Payload,
    /// The value; null is a tombstone.
    pub value: Payload,
    /// Its headers, of which several may have one name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HeaderDraft>,
    /// The time it carries, ms since the Unix epoch; none = when it is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp_ms: Option<i64>,
    /// How many are sent; 0 = one, or one for each row.
    #[serde(skip_serializing_if = "is_default")]
    pub copies: u32,
    /// A file in the folder of requests with values, a row for each copy (CSV with names in its first row, or JSON lines); empty = none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rows: String,
    /// How many a second.
    pub rate_per_s: u32,
    /// Where a reply is awaited; empty = nowhere.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reply_topic: String,
    /// How a reply is asked for and known.
    #[serde(skip_serializing_if = "is_default")]
    pub reply: ReplyDraft,
    /// What it carries.
    #[serde(skip_serializing_if = "is_default")]
    pub carries: Carries,
}

impl Default for RecordDraft {
    fn default() -> Self {
        Self {
            cluster: String::new(),
            topic: String::new(),
            partition: None,
            key: Payload::Null,
            value: Payload::Json("{}".to_owned()),
            headers: Vec::new(),
            timestamp_ms: None,
            copies: 0,
            rows: String::new(),
            rate_per_s: 10,
            reply_topic: String::new(),
            reply: ReplyDraft::default(),
            carries: Carries::default(),
        }
    }
}

/// How a reply is asked for and known: unless it says otherwise as Spring's request and reply has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReplyDraft {
    /// Name of the header that says where the reply is awaited.
    pub topic_header: String,
    /// Name of the header with the id, in the request and in its reply.
    pub id_header: String,
    /// How the id is written.
    pub id_as: ReplyId,
    /// How long it is waited for, seconds.
    pub within_s: f64,
}

impl Default for ReplyDraft {
    fn default() -> Self {
        Self { topic_header: "kafka_replyTopic".to_owned(), id_header: "kafka_correlationId".to_owned(), id_as: ReplyId::Bytes, within_s: 10.0 }
    }
}

/// How the id by which a reply is known is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyId {
    /// A UUID as its 16 bytes, as Spring does; what is none as it is written.
    #[default]
    Bytes,
    /// As text.
    Text,
}

/// A header of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderDraft {
    /// Its name.
    pub name: String,
    /// Its value.
    #[serde(default)]
    pub value: Payload,
    /// Whether it is kept and not sent.
    #[serde(default, skip_serializing_if = "is_false")]
    pub off: bool,
}

/// A key, a value, or a header's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Payload {
    /// Null, which is not the same as empty.
    #[default]
    Null,
    /// Text.
    Text(String),
    /// JSON, sent as it is written once it is known to be JSON.
    Json(String),
    /// Bytes, as hex.
    Hex(String),
    /// A file in the folder of requests.
    File(String),
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
