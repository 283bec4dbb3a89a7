//! A HAR (1.2): what a browser or a proxy observed. Its credentials are somebody's, so none is taken over.

use serde::Deserialize;
use serde_json::Value;

use super::auth::Credentials;
use super::body::body;
use super::notes::{Notes, told};
use super::{ImportError, Imported, MAX_DRAFTS, literal};
use crate::send::draft::{Body, Draft, HttpDraft, Pair, Part, Request};
use crate::send::exchange::OF_THE_CONNECTION;

/// Headers of a trace: each request that is sent begins one of its own.
const OF_A_TRACE: [&str; 4] = ["traceparent", "tracestate", "b3", "x-correlation-id"];

#[derive(Deserialize)]
struct Document {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    #[serde(default)]
    entries: Vec<Entry>,
}

/// An entry; what was answered is passed by without being kept.
#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    request: Value,
}

/// Reads a document, or one entry of it.
pub(super) fn read(text: &str, is_document: bool) -> Result<Imported, ImportError> {
    let unreadable = |error: serde_json::Error| ImportError::Unreadable { what: "HAR", reason: error.to_string() };
    let entries = if is_document {
        serde_json::from_str::<Document>(text).map_err(unreadable)?.log.entries
    } else {
        vec![serde_json::from_str::<Entry>(text).map_err(unreadable)?]
    };
    let (mut imported, mut notes) = (Imported::default(), Notes::default());
    if entries.len() > MAX_DRAFTS {
        notes.add(format!("There are {} entries; those after the first {MAX_DRAFTS} were left out.", entries.len()));
    }
    let mut reader = EntryReader { credentials: Credentials::new(), notes: &mut notes };
    imported.drafts.extend(entries.into_iter().take(MAX_DRAFTS).filter_map(|entry| reader.entry(&entry.request)));
    if imported.drafts.is_empty() {
        return Err(ImportError::Empty("no entry is an HTTP request"));
    }
    imported.notes = notes.finish();
    Ok(imported)
}

struct EntryReader<'a> {
    credentials: Credentials,
    notes: &'a mut Notes,
}

impl EntryReader<'_> {
    fn entry(&mut self, request: &Value) -> Option<Draft> {
        let url = request.get("url").and_then(Value::as_str).unwrap_or_default();
        let is_http = |url: &str| ["http://", "https://"].iter().any(|scheme| url.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme)));
        if !is_http(url) {
            self.notes.add("Entries that are no HTTP requests were left out.");
            return None;
        }
        let method = request.get("method").and_then(Value::as_str).filter(|method| !method.is_empty()).unwrap_or("GET");
        if method.eq_ignore_ascii_case("connect") {
            self.notes.add("Entries that ask for a tunnel (CONNECT) were left out.");
            return None;
        }
        let url = match super::auth::without_user(url) {
            Some((url, _)) => {
                self.notes.add("A user and a password in an address were left out.");
                self.clean(&url)
            }
            None => self.clean(url),
        };
        let (headers, content_type) = self.headers(request);
        let mut http = HttpDraft { method: literal(method), url: literal(&url), headers, ..HttpDraft::default() };
        if let Some(data) = request.get("postData") {
            self.body(data, content_type, &mut http);
        }
        Some(Draft { name: String::new(), request: Request::Http(http) })
    }

    /// A text without what betrays itself as secret; a placeholder stands there, which is refused when it is to be sent.
    fn clean(&mut self, text: &str) -> String {
        self.credentials.without_secrets(text).map_or_else(
            || text.to_owned(),
            |clean| {
                self.notes.add("Secrets that stand in the HAR were left out: where `redacted:000000` stands, write a value or name a variable.");
                clean
            },
        )
    }

    /// The headers, and the type of the body, which is no part of them yet.
    fn headers(&mut self, request: &Value) -> (Vec<Pair>, Option<String>) {
        let (mut headers, mut content_type) = (Vec::new(), None);
        for header in request.get("headers").and_then(Value::as_array).into_iter().flatten() {
            let text = |key: &str| header.get(key).and_then(Value::as_str).unwrap_or_default().trim();
            let (name, value) = (text("name"), text("value"));
            let lower = name.to_ascii_lowercase();
            let of_connection = lower.starts_with(':') || lower == "host" || OF_THE_CONNECTION.contains(&lower.as_str());
            if lower == "proxy-authorization" || lower == "cookie" || lower == "authorization" || self.credentials.is_secret_name(name) {
                self.notes.add(format!(
                    "The header {} stands in the HAR and was left out: credentials are not taken over. Name a secret of the profile instead.",
                    told(&lower)
                ));
            } else if OF_A_TRACE.contains(&lower.as_str()) || lower.starts_with("x-b3-") {
                self.notes.add("Headers of a trace were left out: each request that is sent begins its own.");
            } else if lower == "content-type" {
                content_type = Some(value.to_owned());
            } else if !of_connection && !name.is_empty() {
                let value = self.clean(value);
                headers.push(Pair::new(literal(name), literal(&value)));
            }
        }
        (headers, content_type)
    }

    fn body(&mut self, data: &Value, content_type: Option<String>, http: &mut HttpDraft) {
        let text = data.get("text").and_then(Value::as_str).unwrap_or_default();
        let content_type = content_type.or_else(|| data.get("mimeType").and_then(Value::as_str).map(str::to_owned)).unwrap_or_default();
        let params = data.get("params").and_then(Value::as_array).filter(|params| !params.is_empty());
        let is_multipart = content_type.get(..19).is_some_and(|kind| kind.eq_ignore_ascii_case("multipart/form-data"));
        if let Some(params) = params.filter(|_| text.is_empty() || is_multipart) {
            if is_multipart {
                http.body = Body::Multipart(params.iter().map(|param| self.part(param)).collect());
            } else {
                let pairs = params.iter().map(|param| self.pair(param));
                http.body = Body::Form(pairs.map(|(name, value)| Pair::new(literal(&name), literal(&value))).collect());
            }
            return;
        }
        let clean = self.clean(text);
        let (body, goes_without_saying) = body(clean.as_bytes(), &content_type);
        http.body = body;
        if !goes_without_saying && !content_type.is_empty() && http.body != Body::None {
            http.headers.push(Pair::new("Content-Type", literal(&content_type)));
        }
    }

    fn pair(&mut self, param: &Value) -> (String, String) {
        let text = |key: &str| param.get(key).and_then(Value::as_str).unwrap_or_default();
        let (name, value) = (text("name"), text("value"));
        if !value.is_empty() && self.credentials.is_secret_name(name) {
            self.notes.add("Secrets that stand in the HAR were left out: where `redacted:000000` stands, write a value or name a variable.");
            return (name.to_owned(), "redacted:000000".to_owned());
        }
        (name.to_owned(), self.clean(value))
    }

    fn part(&mut self, param: &Value) -> Part {
        let (name, value) = self.pair(param);
        let text = |key: &str| param.get(key).and_then(Value::as_str).unwrap_or_default();
        if !text("fileName").is_empty() {
            self.notes.add("Files of a form were not recorded: name them again.");
        }
        Part { name: literal(&name), value: literal(&value), file: String::new(), content_type: literal(text("contentType")) }
    }
}
