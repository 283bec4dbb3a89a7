//! An `OpenAPI` document (3.0 to 3.2), read tolerantly: what is missing or of another type is passed by. Each operation is a draft, with examples where
//! the document gives them and otherwise by the schema's types.

mod example;
mod operation;
mod refs;

use std::collections::BTreeMap;

use serde_json::Value;

use super::auth::{secret_name, without_user};
use super::notes::{Notes, told};
use super::{ImportError, Imported, MAX_DRAFTS, SWAGGER};
use crate::send::draft::Draft;
use crate::send::variables::MADE;
use refs::Refs;

/// The methods of a path, as a document has them.
const METHODS: [&str; 9] = ["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"];
/// What the address of the server is called.
const BASE: &str = "base";

/// Reads a document.
pub(super) fn read(document: &Value) -> Result<Imported, ImportError> {
    let version = match document.get("openapi") {
        Some(Value::String(version)) => version.clone(),
        Some(Value::Number(version)) => version.to_string(),
        _ if document.get("swagger").is_some() => return Err(SWAGGER),
        _ => return Err(ImportError::Unknown),
    };
    if !version.starts_with('3') {
        return Err(ImportError::NotRead("this is of another OpenAPI than 3, which is not read"));
    }
    let mut reader = Reader { refs: Refs::new(document), notes: Notes::default(), variables: BTreeMap::new() };
    let mut imported = Imported::default();
    let paths = document.get("paths").and_then(Value::as_object);
    'all: for (path, item) in paths.into_iter().flatten() {
        let Some(item) = reader.refs.resolve(item, &mut reader.notes) else { continue };
        for method in METHODS {
            let Some(operation) = item.get(method).filter(|operation| operation.is_object()) else { continue };
            if imported.drafts.len() >= MAX_DRAFTS {
                reader.notes.add(format!("There are more than {MAX_DRAFTS} operations; the rest was left out."));
                break 'all;
            }
            imported.drafts.push(reader.operation(path, method, item, operation));
        }
    }
    if imported.drafts.is_empty() {
        return Err(ImportError::Empty("the document has no operations"));
    }
    tell_apart(&mut imported.drafts);
    reader.base(document);
    if reader.refs.is_spent() {
        reader.notes.add("The document comes to more examples than are made; the bodies of later operations are empty.");
    }
    imported.notes = reader.notes.finish();
    imported.variables = reader.variables;
    Ok(imported)
}

/// Operations of the same name are called by their methods and paths.
fn tell_apart(drafts: &mut [Draft]) {
    let mut num_of: BTreeMap<String, usize> = BTreeMap::new();
    for draft in drafts.iter() {
        *num_of.entry(draft.name.to_lowercase()).or_default() += 1;
    }
    for draft in drafts {
        if num_of.get(&draft.name.to_lowercase()).is_some_and(|num| *num > 1) {
            draft.name.clear();
        }
    }
}

/// What a document is read with.
struct Reader<'a> {
    refs: Refs<'a>,
    notes: Notes,
    variables: BTreeMap<String, String>,
}

impl Reader<'_> {
    /// Tells the first server's address.
    fn base(&mut self, document: &Value) {
        let servers = document.get("servers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let url = servers.first().and_then(|server| server.get("url")).and_then(Value::as_str).unwrap_or_default();
        let mut url = self.filled(url, servers.first().and_then(|server| server.get("variables")));
        if let Some((without, _)) = without_user(&url) {
            self.notes.add("A user and a password in the server's address were left out.");
            url = without;
        }
        if servers.len() > 1 {
            self.notes.add(format!("The document names {} servers; the first was taken.", servers.len()));
        }
        let is_http = ["http://", "https://"].iter().any(|scheme| url.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme)));
        if !is_http {
            self.notes.add("The document names no server's address with its scheme: write it as the variable `base`.");
            url = format!("http://localhost{}{url}", if url.is_empty() || url.starts_with('/') { "" } else { "/" });
        }
        self.variables.insert(BASE.to_owned(), url.trim_end_matches('/').to_owned());
    }

    /// A server's address with the defaults of its variables.
    fn filled(&mut self, url: &str, variables: Option<&Value>) -> String {
        let (mut filled, mut rest) = (String::new(), url);
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                rest = after;
                break;
            };
            match variables.and_then(|variables| variables.get(name)).and_then(|variable| variable.get("default")).and_then(Value::as_str) {
                // A short address could name a long text many times.
                Some(value) => filled.extend(value.chars().take(1_000)),
                None => self.notes.add(format!("The server's address has a variable {} without a default.", told(name))),
            }
            rest = after;
            if filled.len() > 8_000 {
                return filled.chars().take(2_000).collect();
            }
        }
        filled.push_str(rest);
        filled
    }

    /// A variable for a parameter, in its braces. The first example that is given counts.
    fn variable(&mut self, name: &str, example: impl FnOnce(&mut Self) -> String) -> String {
        let mut variable: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '_' }).take(80).collect();
        // These are made anew for each request, and the server is one of ours.
        if variable.is_empty() || variable == BASE || MADE.iter().any(|(made, _)| *made == variable) {
            variable.push_str("_value");
        }
        let braces = format!("{{{{{variable}}}}}");
        if !self.variables.contains_key(&variable) {
            let example = example(self);
            self.variables.insert(variable, example);
        }
        braces
    }
}

/// A name for the secret of a scheme.
fn secret_of(scheme: &str) -> String {
    let name = secret_name(scheme);
    if name.is_empty() { "token".to_owned() } else { name }
}
