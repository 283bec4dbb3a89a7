//! A record as it is composed.

use serde::{Deserialize, Serialize};

use super::{Carries, is_default, is_false};

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
