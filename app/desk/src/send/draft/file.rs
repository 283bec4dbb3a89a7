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
    let at = error.span().and_then(|span| text.get(span));
    let message = in_words(error.message().lines().next().unwrap_or_default(), at.unwrap_or_default());
    match error.span() {
        Some(span) => format!("line {}: {message}", text.get(..span.start).map_or(0, |before| before.matches('\n').count()) + 1),
        None => message,
    }
}

/// What serde says of a mistake, without the names that things have in this program, and without the value. `at`: what stands there.
fn in_words(message: &str, at: &str) -> String {
    const ONE_OF_ITS_WORDS: &str = "one of its words, or a table with one";
    if message.starts_with("wanted exactly 1 element") {
        return "this table takes one of its words; here are none, or several".to_owned();
    }
    if message == "wanted string or table" {
        return format!("this takes {ONE_OF_ITS_WORDS}; here stands neither");
    }
    if let Some(rest) = message.strip_prefix("unknown variant ") {
        // What is not known may be a secret that was written where a word belongs.
        let of = rest.rsplit_once(", expected ").map_or_else(String::new, |(_, of)| format!("; write {of}"));
        return format!("the word that stands here is not known{of}");
    }
    if let Some(rest) = message.strip_prefix("invalid value: ") {
        let expected = rest.rsplit_once(", expected ").map_or("another value", |(_, expected)| whole_number(expected).unwrap_or(expected));
        return format!("this takes {expected}; here stands another value");
    }
    let found_and_expected = message.strip_prefix("invalid type: ").and_then(|rest| rest.rsplit_once(", expected "));
    let Some((found, expected)) = found_and_expected else { return message.to_owned() };
    let found = match found.split([' ', '`']).next().unwrap_or_default() {
        "string" => "a text",
        "floating" if whole_number(expected).is_some() => "one with a point",
        "integer" | "floating" => "a number",
        "boolean" => "true or false",
        "sequence" => "a list",
        "map" => "a table",
        "unit" => "the word alone",
        _ => "something else",
    };
    // A word of several is called as its file has it; where serde does not name it, it is what stands there.
    let word = |variant: &str| variant.rsplit_once("::").map_or_else(|| at.trim_matches(['"', '\'']).to_owned(), |(_, name)| in_snake_case(name));
    let expected = match expected {
        "a string" => "a text".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a table".to_owned(),
        "f64" => "a number".to_owned(),
        _ if whole_number(expected).is_some() => "a whole number".to_owned(),
        _ if expected.starts_with("struct variant") => format!("a table of its own: {{ {} = {{ … }} }}", word(expected)),
        _ if expected.starts_with("newtype variant") => format!("a value: {{ {} = … }}", word(expected)),
        _ if expected.starts_with("struct ") => "a table".to_owned(),
        _ if expected.contains("enum ") => ONE_OF_ITS_WORDS.to_owned(),
        other => other.to_owned(),
    };
    format!("this takes {expected}; here stands {found}")
}

/// What is taken where serde says that it takes a number of this type; `None` = it is none of whole numbers.
fn whole_number(expected: &str) -> Option<&'static str> {
    Some(match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number from 0 on",
        "i8" => "a whole number from -128 to 127",
        "i16" => "a whole number from -32768 to 32767",
        "i32" => "a whole number from -2147483648 to 2147483647",
        "i64" | "isize" => "a whole number",
        _ => return None,
    })
}

/// `ApiKey` as `api_key`.
fn in_snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 2);
    for (at, c) in name.chars().enumerate() {
        if c.is_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}
