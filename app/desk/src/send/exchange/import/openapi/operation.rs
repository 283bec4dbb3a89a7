//! An operation as a draft.

use serde_json::{Map, Value};

use super::super::literal;
use super::super::notes::{told, told_whole};
use super::example::Maker;
use super::refs::BYTES_A_VALUE;
use super::{BASE, Reader, secret_of};
use crate::send::draft::{Auth, Body, Draft, HttpDraft, Pair, Part, Request};

/// Parameters of one operation at most.
const MAX_PARAMETERS: usize = 200;
/// Longer names would be cut where they differ: such an operation is called by its method and path.
const NAME_CHARS_MAX: usize = 60;
/// Schemas within one another that are looked at for bytes.
const SCHEMAS_DEEP: usize = 3;
/// The file that a part of a form is made of, until another one is named.
const UPLOAD: &str = "upload.bin";

impl<'a> Reader<'a> {
    pub fn operation(&mut self, path: &str, method: &str, item: &'a Value, operation: &'a Value) -> Draft {
        let mut http = HttpDraft { method: method.to_ascii_uppercase(), ..HttpDraft::default() };
        let parameters = self.parameters(item, operation);
        http.url = self.url(path, &parameters);
        for parameter in parameters {
            self.parameter(parameter, &mut http);
        }
        http.auth = self.auth(operation);
        if let Some(body) = operation.get("requestBody").and_then(|body| self.refs.resolve(body, &mut self.notes)) {
            self.body(body, &mut http);
        }
        if item.get("servers").or_else(|| operation.get("servers")).is_some() {
            self.notes.add("Servers of single paths were left out: all requests go to `base`.");
        }
        let text = |key: &str| operation.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
        let short = |name: &String| (1..=NAME_CHARS_MAX).contains(&name.chars().count());
        let summary = text("summary").map(|summary| told_whole(summary.lines().next().unwrap_or_default())).filter(short);
        let name = summary.or_else(|| text("operationId").map(in_words).filter(short)).unwrap_or_default();
        Draft { name, request: Request::Http(http) }
    }

    /// Parameters of an operation and its path; those of the operation come before those of the same name.
    fn parameters(&mut self, item: &'a Value, operation: &'a Value) -> Vec<&'a Value> {
        let mut parameters: Vec<&Value> = Vec::new();
        for parameter in [operation, item].into_iter().filter_map(|of| of.get("parameters")?.as_array()).flatten() {
            let Some(parameter) = self.refs.resolve(parameter, &mut self.notes) else { continue };
            let is_same = |known: &&Value| known.get("name") == parameter.get("name") && known.get("in") == parameter.get("in");
            let name_len = parameter.get("name").and_then(Value::as_str).unwrap_or_default().len();
            // One list of parameters may stand for many operations.
            if parameters.len() < MAX_PARAMETERS && self.refs.weigh(1 + name_len / BYTES_A_VALUE) && !parameters.iter().any(is_same) {
                parameters.push(parameter);
            }
        }
        parameters
    }

    /// `/orders/{orderId}` below the base, its parameters in double braces.
    fn url(&mut self, path: &str, parameters: &[&'a Value]) -> String {
        let mut url = format!("{{{{{BASE}}}}}");
        // What stands before double braces must not change what they mean.
        let fixed = |text: &str| text.replace('\\', "%5C").replace('{', "%7B");
        let mut rest = path;
        while let Some((before, after)) = rest.split_once('{') {
            url.push_str(&fixed(before));
            let Some((name, after)) = after.split_once('}') else {
                rest = after;
                url.push_str("%7B");
                break;
            };
            let parameter = parameters.iter().find(|known| is_of(known, "path") && known.get("name").and_then(Value::as_str) == Some(name)).copied();
            let variable = self.variable(name, |reader| parameter.map(|parameter| reader.value_of(parameter)).unwrap_or_default());
            url.push_str(&variable);
            rest = after;
        }
        url.push_str(&fixed(rest));
        url
    }

    /// What a parameter is by its example or its schema, as text.
    fn value_of(&mut self, parameter: &'a Value) -> String {
        self.refs.begin_body();
        let mut maker = Maker::new(&mut self.refs, &mut self.notes);
        let content = parameter.get("content").and_then(Value::as_object).and_then(|content| content.values().next());
        let value = maker.of_media(content.unwrap_or(parameter));
        self.refs.end_body();
        text_of(&value.unwrap_or_default())
    }

    fn parameter(&mut self, parameter: &'a Value, http: &mut HttpDraft) {
        let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
        let is_required = parameter.get("required").and_then(Value::as_bool) == Some(true);
        if name.is_empty() {
            return;
        }
        if is_of(parameter, "query") {
            let value = self.variable(name, |reader| reader.value_of(parameter));
            http.query.push(Pair { name: literal(name), value, off: !is_required });
        } else if is_of(parameter, "header") {
            // What these are is said elsewhere in the document.
            if ["accept", "content-type", "authorization"].iter().any(|other| name.eq_ignore_ascii_case(other)) {
                return;
            }
            let value = self.variable(name, |reader| reader.value_of(parameter));
            http.headers.push(Pair { name: literal(name), value, off: !is_required });
        } else if is_of(parameter, "cookie") {
            self.notes.add("Parameters in cookies were left out.");
        }
    }

    /// Who asks: by the first requirement that can be met.
    fn auth(&mut self, operation: &'a Value) -> Auth {
        let document = self.refs.document();
        let requirements = operation.get("security").or_else(|| document.get("security")).and_then(Value::as_array);
        for requirement in requirements.into_iter().flatten().filter_map(Value::as_object) {
            // An empty one says that nobody need ask.
            let Some(name) = requirement.keys().next() else { return Auth::None };
            let scheme = document.get("components").and_then(|components| components.get("securitySchemes")?.get(name));
            let Some(scheme) = scheme.and_then(|scheme| self.refs.resolve(scheme, &mut self.notes)) else { continue };
            let text = |key: &str| scheme.get(key).and_then(Value::as_str).unwrap_or_default();
            let secret = secret_of(name);
            let auth = match (text("type"), text("in")) {
                ("http", _) if text("scheme").eq_ignore_ascii_case("basic") => Auth::Basic { user: String::new(), secret },
                ("http", _) if text("scheme").eq_ignore_ascii_case("bearer") => Auth::Bearer { secret },
                ("oauth2" | "openIdConnect", _) => Auth::Bearer { secret },
                ("apiKey", "header") => Auth::ApiKey { header: told(text("name")), secret },
                _ => {
                    self.notes.add(format!("The security scheme {} has no counterpart; it was left out.", told(name)));
                    continue;
                }
            };
            if let Some(secret) = auth.secret() {
                self.notes
                    .add(format!("Requests name the secret `{}`: add a [[secrets]] table called so to the profile, with name, server and from.", told(secret)));
            }
            return auth;
        }
        Auth::None
    }

    fn body(&mut self, body: &'a Value, http: &mut HttpDraft) {
        let Some(content) = body.get("content").and_then(Value::as_object) else { return };
        let Some((kind, media)) = preferred(content) else { return };
        let Some(media) = self.refs.resolve(media, &mut self.notes) else { return };
        let base = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        self.refs.begin_body();
        let value = Maker::new(&mut self.refs, &mut self.notes).of_media(media);
        if self.refs.end_body() && !self.refs.is_spent() {
            self.notes.add("An example that comes to too much was cut.");
        }
        let is_json = base == "application/json" || base.ends_with("+json");
        let mut says_kind = true;
        http.body = match (base.as_str(), value) {
            (_, value) if is_json => {
                says_kind = kind != "application/json";
                let value = value.unwrap_or_else(|| Value::Object(Map::new()));
                Body::Json(literal(&serde_json::to_string_pretty(&value).unwrap_or_default()))
            }
            ("application/x-www-form-urlencoded", Some(Value::Object(fields))) => {
                says_kind = false;
                Body::Form(fields.into_iter().map(|(name, value)| Pair::new(literal(&name), literal(&text_of(&value)))).collect())
            }
            ("multipart/form-data", Some(Value::Object(fields))) => {
                says_kind = false;
                Body::Multipart(fields.into_iter().map(|(name, value)| self.part(media, &name, &value)).collect())
            }
            (_, Some(value @ Value::String(_))) if base != "application/octet-stream" => Body::Text(literal(&text_of(&value))),
            _ => {
                self.notes.add(format!("No body is made of the type {}; write it, or name a file.", told(&base)));
                Body::None
            }
        };
        if says_kind && kind.len() < 200 && kind.parse::<http::HeaderValue>().is_ok() && !kind.contains('*') {
            http.headers.push(Pair::new("Content-Type", literal(kind)));
        }
    }
}

impl<'a> Reader<'a> {
    /// A part of a form: a file where its schema says that it is bytes.
    fn part(&mut self, media: &'a Value, name: &str, value: &Value) -> Part {
        let schema = media.get("schema").and_then(|schema| self.refs.resolve(schema, &mut self.notes));
        let property = schema.and_then(|schema| schema.get("properties")?.get(name));
        if property.is_some_and(|property| self.is_bytes(property, SCHEMAS_DEEP)) {
            self.notes.add(format!("A part of a form is a file: put {UPLOAD} into the folder of requests, or name another one there."));
            return Part { name: literal(name), file: UPLOAD.to_owned(), ..Part::default() };
        }
        Part { name: literal(name), value: literal(&text_of(value)), ..Part::default() }
    }

    /// Whether a schema, what it may be, or what it is a list of, is bytes (`format: binary`, or the type of a file's contents).
    fn is_bytes(&mut self, schema: &'a Value, deep: usize) -> bool {
        let Some(schema) = self.refs.resolve(schema, &mut self.notes) else { return false };
        let text = |key: &str| schema.get(key).and_then(Value::as_str);
        // With an encoding they are text that stands for bytes.
        if text("format") == Some("binary") || text("contentMediaType").is_some() && text("contentEncoding").is_none() {
            return true;
        }
        let choices = ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|key| schema.get(key)?.as_array()).flatten();
        deep > 0 && choices.chain(schema.get("items")).take(MAX_PARAMETERS).any(|schema| self.is_bytes(schema, deep - 1))
    }
}

/// The type of a body that can best be written by hand.
fn preferred(content: &Map<String, Value>) -> Option<(&String, &Value)> {
    let rank = |kind: &str| {
        let base = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match base.as_str() {
            "application/json" => 0,
            _ if base.ends_with("+json") => 1,
            "application/x-www-form-urlencoded" => 2,
            "multipart/form-data" => 3,
            _ if base.starts_with("text/") => 4,
            _ => 5,
        }
    };
    content.iter().min_by_key(|(kind, _)| rank(kind))
}

/// `getOrder` and `get_order` as `Get order`.
fn in_words(name: &str) -> String {
    let mut words = String::new();
    let mut before = ' ';
    for c in told_whole(name).chars() {
        let is_new = c.is_uppercase() && (before.is_lowercase() || before.is_ascii_digit());
        match c {
            '_' | '-' | '.' | ' ' if !words.is_empty() && !words.ends_with(' ') => words.push(' '),
            '_' | '-' | '.' | ' ' => {}
            _ if words.is_empty() => words.extend(c.to_uppercase()),
            _ if is_new => {
                words.push(' ');
                words.extend(c.to_lowercase());
            }
            _ => words.push(c),
        }
        before = c;
    }
    words.trim_end().to_owned()
}

fn is_of(parameter: &Value, place: &str) -> bool {
    parameter.get("in").and_then(Value::as_str) == Some(place)
}

/// A value as it stands in an address or a form; of a list its first.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(list) => list.first().map(text_of).unwrap_or_default(),
        other => other.to_string(),
    }
}
