//! An HTTP request as it is composed.

use serde::{Deserialize, Serialize};

use super::{Auth, Carries, DEFAULT_TIMEOUT_S, Pair, RepeatDraft, TlsDraft, is_default};

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
