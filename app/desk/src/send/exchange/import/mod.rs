//! Drafts out of a text that somebody pastes. It may come from anyone: it is data, of which no credential is kept and nothing is run, looked up or
//! fetched.

mod auth;
mod body;
mod curl;
mod grpcurl;
mod har;
mod notes;
mod openapi;
mod proto;
#[cfg(test)]
mod tests;
mod words;
mod yaml;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::send::draft::Draft;
use notes::Notes;
use words::WordsError;

/// A longer text is not read at all, bytes.
pub const IMPORT_BYTES_MAX: usize = 64 << 20;
/// A longer `OpenAPI` document is not read, bytes.
pub const OPENAPI_BYTES_MAX: usize = 4 << 20;
/// Drafts out of one text at most.
const MAX_DRAFTS: usize = 5_000;

/// What was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Imported {
    /// The requests, in their order.
    pub drafts: Vec<Draft>,
    /// Values for the variables that they name, to be put into an environment.
    pub variables: BTreeMap<String, String>,
    /// What was left out or changed, and what to do about it. No credential stands in them.
    pub notes: Vec<String>,
    /// The text itself where it is what methods take, which the requests name: it has to be kept in that file.
    pub proto: Option<PastedProto>,
}

/// A file in protobuf's language that was pasted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastedProto {
    /// Where it is to lie below the folder of requests.
    pub path: String,
    /// What stands in it.
    pub text: Arc<str>,
}

/// Why a text is no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// It is nothing that is known.
    #[error("this is nothing that can be read. Paste a line of curl or grpcurl for a POSIX shell, a HAR, an OpenAPI 3 document, or a .proto")]
    Unknown,
    /// It is known, and is not read.
    #[error("{0}")]
    NotRead(&'static str),
    /// It is too long.
    #[error("this is longer than {} MiB, which is the most that is read. Take a part of it", .0 >> 20)]
    TooLong(usize),
    /// It is written for the command line of Windows.
    #[error("this line is written for the command line of Windows (^). Choose Copy as cURL (bash) instead")]
    WindowsLine,
    /// It breaks off, or is not what it seems.
    #[error("this cannot be read as {what}: {reason}")]
    Unreadable {
        /// What it seemed to be.
        what: &'static str,
        /// Where it is not, and how.
        reason: String,
    },
    /// There is no request in it.
    #[error("there is no request in it: {0}")]
    Empty(&'static str),
}

impl From<WordsError> for ImportError {
    fn from(error: WordsError) -> Self {
        match error {
            WordsError::Unclosed => Self::Unreadable { what: "a command line", reason: "a quote has no end. Copy the whole line".to_owned() },
            WordsError::Windows => Self::WindowsLine,
        }
    }
}

/// Reads what was pasted: lines of curl and grpcurl, a HAR or one entry of it, an `OpenAPI` document (3.x, JSON or YAML), a `.proto`.
pub fn from_text(text: &str) -> Result<Imported, ImportError> {
    if text.len() > IMPORT_BYTES_MAX {
        return Err(ImportError::TooLong(IMPORT_BYTES_MAX));
    }
    let text = text.trim_start_matches('\u{feff}').trim();
    match text.as_bytes().first() {
        None => Err(ImportError::Empty("nothing was pasted")),
        Some(b'{') => json(text),
        Some(b'[') => Err(ImportError::NotRead("this is a list. Paste the whole HAR, or one entry of it")),
        Some(_) if yaml::is_openapi(text) => openapi(text, |text| yaml::read(text).map_err(|reason| ImportError::Unreadable { what: "YAML", reason })),
        Some(_) if proto::is_proto(text) => proto::read(text),
        Some(_) => commands(text),
    }
}

/// Of which kind a JSON document is, by the names on its first level.
#[derive(Deserialize)]
struct Probe {
    log: Option<IgnoredAny>,
    request: Option<IgnoredAny>,
    openapi: Option<IgnoredAny>,
    swagger: Option<IgnoredAny>,
    info: Option<IgnoredAny>,
    item: Option<IgnoredAny>,
    #[serde(rename = "_type")]
    insomnia: Option<IgnoredAny>,
}

fn json(text: &str) -> Result<Imported, ImportError> {
    let unreadable = |error: serde_json::Error| ImportError::Unreadable { what: "JSON", reason: error.to_string() };
    let probe: Probe = serde_json::from_str(text).map_err(unreadable)?;
    if probe.openapi.is_some() {
        return openapi(text, |text| serde_json::from_str(text).map_err(unreadable));
    }
    if probe.log.is_some() || probe.request.is_some() {
        return har::read(text, probe.log.is_some());
    }
    Err(match probe {
        Probe { swagger: Some(_), .. } => SWAGGER,
        Probe { info: Some(_), item: Some(_), .. } => ImportError::NotRead("this is a collection of Postman, which is not read. Export it as OpenAPI"),
        Probe { insomnia: Some(_), .. } => ImportError::NotRead("this is an export of Insomnia, which is not read. Export it as HAR"),
        _ => ImportError::Unknown,
    })
}

/// What is said of a document before `OpenAPI` 3.
const SWAGGER: ImportError = ImportError::NotRead("this is Swagger 2.0, which is not read. Convert it to OpenAPI 3");

fn openapi(text: &str, parse: impl FnOnce(&str) -> Result<serde_json::Value, ImportError>) -> Result<Imported, ImportError> {
    if text.len() > OPENAPI_BYTES_MAX {
        return Err(ImportError::TooLong(OPENAPI_BYTES_MAX));
    }
    openapi::read(&parse(text)?)
}

/// Reads all commands of a text: several requests may be copied at once.
fn commands(text: &str) -> Result<Imported, ImportError> {
    let (mut imported, mut notes) = (Imported::default(), Notes::default());
    let mut printed = Vec::new();
    let mut is_known = false;
    for command in words::commands(text)? {
        let (program, words) = command.split();
        match program {
            "curl" | "curl.exe" => {
                is_known = true;
                imported.drafts.extend(curl::read(words, &mut printed, &mut notes));
            }
            "grpcurl" => {
                is_known = true;
                imported.drafts.extend(grpcurl::read(words, &mut printed, &mut notes)?);
            }
            "printf" => {
                printed.push(words::printed(words));
                if !command.feeds_next {
                    printed.clear();
                }
                continue;
            }
            "}" | "" => continue,
            _ if imported.drafts.is_empty() => return Err(foreign(program)),
            _ => notes.add("Another command stood beside; it was left out."),
        }
        if command.is_redirected && program != "}" {
            notes.add("Where the answer was to be written is left out.");
        }
        printed.clear();
        if imported.drafts.len() > MAX_DRAFTS {
            imported.drafts.truncate(MAX_DRAFTS);
            notes.add(format!("There are more than {MAX_DRAFTS} requests; the rest was left out."));
            break;
        }
    }
    if !is_known {
        return Err(ImportError::Unknown);
    }
    if imported.drafts.is_empty() {
        return Err(ImportError::Empty("the line names no address"));
    }
    imported.notes = notes.finish();
    Ok(imported)
}

/// What is said of a line that begins with another program.
fn foreign(program: &str) -> ImportError {
    match program.to_ascii_lowercase().as_str() {
        "invoke-webrequest" | "invoke-restmethod" | "iwr" | "irm" | "$session" => {
            ImportError::NotRead("this is for PowerShell, which is not read. Choose Copy as cURL (bash)")
        }
        "kcat" | "kafkacat" => ImportError::NotRead("lines of kcat are not read. Compose the record instead"),
        "wget" | "http" | "https" | "xh" => ImportError::NotRead("lines of this program are not read. Write it for curl"),
        program if program.starts_with("fetch(") => ImportError::NotRead("this is for the console of a browser, which is not read. Choose Copy as cURL (bash)"),
        _ => ImportError::Unknown,
    }
}

/// A text that is no template: braces stand for themselves.
pub(in crate::send) fn literal(text: &str) -> String {
    text.replace("{{", "\\{{")
}
