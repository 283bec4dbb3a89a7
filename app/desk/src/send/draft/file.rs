//! A draft's file: TOML with one table, `[http]`, `[grpc]` or `[record]`.

use serde::{Deserialize, Serialize};

use super::{Draft, GrpcDraft, HttpDraft, RecordDraft, Request};

/// A longer file is no request: bodies beyond that lie in a file of their own.
pub const DRAFT_BYTES_MAX: usize = 4 << 20;

/// Why a text is no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// It has no table, or several.
    #[error("a request has one table of [http], [grpc] and [record]; this has {0}")]
    NotOne(usize),
    /// It is too long.
    #[error("it is longer than {} MiB, so it is no request: put the body into a file of its own", DRAFT_BYTES_MAX >> 20)]
    TooLong,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http: Option<HttpDraft>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grpc: Option<GrpcDraft>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    record: Option<RecordDraft>,
}

impl Draft {
    /// Reads a draft from its file's text.
    pub fn parse(text: &str) -> Result<Self, DraftError> {
        if text.len() > DRAFT_BYTES_MAX {
            return Err(DraftError::TooLong);
        }
        let File { name, http, grpc, record } = toml::from_str(text).map_err(|error| DraftError::Unreadable(mistake(text, &error)))?;
        let mut found: Vec<Request> = [http.map(Request::Http), grpc.map(Request::Grpc), record.map(Request::Record)].into_iter().flatten().collect();
        match (found.len(), found.pop()) {
            (1, Some(request)) => Ok(Self { name, request }),
            (num, _) => Err(DraftError::NotOne(num)),
        }
    }

    /// As its file has it. What is as it is anyway is left out, so that a file says what is meant and no more.
    pub fn to_text(&self) -> String {
        let mut file = File { name: self.name.clone(), http: None, grpc: None, record: None };
        match self.request.clone() {
            Request::Http(http) => file.http = Some(http),
            Request::Grpc(grpc) => file.grpc = Some(grpc),
            Request::Record(record) => file.record = Some(record),
        }
        // Strings, numbers and lists of them: TOML can write all that a draft can hold.
        toml::to_string_pretty(&file).unwrap_or_default()
    }
}

/// Where a text is no request, and how; the line helps more than what stands in it.
fn mistake(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().lines().next().unwrap_or_default();
    match error.span() {
        Some(span) => format!("line {}: {message}", text.get(..span.start).map_or(0, |before| before.matches('\n').count()) + 1),
        None => message.to_owned(),
    }
}
