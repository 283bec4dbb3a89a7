//! A gRPC call as it is composed.

use serde::{Deserialize, Serialize};

use super::{Auth, Carries, DEFAULT_TIMEOUT_S, Pair, RepeatDraft, TlsDraft, is_default, is_false};

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
