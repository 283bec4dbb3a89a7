//! A value by a schema: its example where it has one, else the plainest of its type.

use serde_json::{Map, Value};

use super::super::notes::Notes;
use super::refs::{BYTES_A_VALUE, Refs};

/// How deep a value goes that is made by its type.
const MAX_DEPTH: usize = 16;

/// Makes values.
pub(super) struct Maker<'r, 'a> {
    pub refs: &'r mut Refs<'a>,
    pub notes: &'r mut Notes,
    /// Schemas that lie around the one that is looked at: one that lies in itself ends there.
    around: Vec<*const Value>,
}

impl<'r, 'a> Maker<'r, 'a> {
    pub fn new(refs: &'r mut Refs<'a>, notes: &'r mut Notes) -> Self {
        Self { refs, notes, around: Vec::new() }
    }

    /// The example that something has beside its schema (`example`, or the first of `examples`), else one by its schema.
    pub fn of_media(&mut self, media: &'a Value) -> Option<Value> {
        if let Some(example) = media.get("example") {
            return self.copied(example);
        }
        let named = media.get("examples").and_then(Value::as_object).and_then(|examples| examples.values().next());
        if let Some(example) = named.and_then(|example| self.refs.resolve(example, self.notes))
            && let Some(value) = example.get("value").or_else(|| example.get("dataValue"))
        {
            return self.copied(value);
        }
        self.of(media.get("schema")?)
    }

    /// A value by a schema; `None` where it would go on for ever, or comes to too much.
    pub fn of(&mut self, schema: &'a Value) -> Option<Value> {
        let schema = self.refs.resolve(schema, self.notes)?;
        let at = std::ptr::from_ref(schema);
        if self.around.len() >= MAX_DEPTH || self.around.contains(&at) || !self.refs.weigh(1) {
            return None;
        }
        self.around.push(at);
        let made = self.by(schema);
        self.around.pop();
        made
    }

    fn by(&mut self, schema: &'a Value) -> Option<Value> {
        let given = schema
            .get("example")
            .or_else(|| schema.get("examples").and_then(|examples| examples.get(0)))
            .or_else(|| schema.get("default"))
            .or_else(|| schema.get("const"))
            .or_else(|| schema.get("enum").and_then(|values| values.get(0)));
        if let Some(given) = given {
            return self.copied(given);
        }
        if let Some(all) = schema.get("allOf").and_then(Value::as_array) {
            return self.of_all(schema, all);
        }
        for choice in ["oneOf", "anyOf"] {
            let choices = schema.get(choice).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let is_null = |schema: &Value| schema.get("type").and_then(Value::as_str) == Some("null");
            if let Some(first) = choices.iter().find(|schema| !is_null(schema)) {
                return self.of(first);
            }
        }
        Some(self.by_type(schema))
    }

    fn of_all(&mut self, schema: &'a Value, all: &'a [Value]) -> Option<Value> {
        let (mut merged, mut other) = (self.properties(schema), None);
        for part in all {
            match self.of(part) {
                Some(Value::Object(part)) => merged.extend(part),
                Some(part) => other = other.or(Some(part)),
                None => {}
            }
        }
        other.filter(|_| merged.is_empty()).or(Some(Value::Object(merged)))
    }

    fn by_type(&mut self, schema: &'a Value) -> Value {
        let kind = match schema.get("type") {
            Some(Value::String(kind)) => kind.as_str(),
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("null"),
            _ if schema.get("properties").is_some() || schema.get("additionalProperties").is_some() => "object",
            _ if schema.get("items").is_some() => "array",
            _ => "",
        };
        match kind {
            "object" => Value::Object(self.properties(schema)),
            "array" => Value::Array(schema.get("items").and_then(|items| self.of(items)).into_iter().collect()),
            "integer" | "number" => number(schema),
            "boolean" => Value::Bool(true),
            "string" => Value::String(text(schema.get("format").and_then(Value::as_str).unwrap_or_default()).to_owned()),
            "null" => Value::Null,
            _ => Value::Object(Map::new()),
        }
    }

    fn properties(&mut self, schema: &'a Value) -> Map<String, Value> {
        let mut made = Map::new();
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if !self.refs.weigh(name.len() / BYTES_A_VALUE) {
                break;
            }
            // What only the server says is not sent.
            let resolved = self.refs.resolve(property, self.notes);
            if resolved.is_some_and(|property| property.get("readOnly").and_then(Value::as_bool) == Some(true)) {
                continue;
            }
            if let Some(value) = self.of(property) {
                made.insert(name.clone(), value);
            }
        }
        made
    }

    /// A copy, where that is not too much.
    fn copied(&mut self, value: &Value) -> Option<Value> {
        self.weighs(value).then(|| value.clone())
    }

    fn weighs(&mut self, value: &Value) -> bool {
        let own = match value {
            Value::String(text) => text.len() / BYTES_A_VALUE,
            Value::Object(map) => map.keys().map(|key| key.len() / BYTES_A_VALUE).sum(),
            _ => 0,
        };
        self.refs.weigh(1 + own)
            && match value {
                Value::Array(list) => list.iter().all(|value| self.weighs(value)),
                Value::Object(map) => map.values().all(|value| self.weighs(value)),
                _ => true,
            }
    }
}

/// The least number that a schema allows, or 0.
fn number(schema: &Value) -> Value {
    let bound = |name: &str| schema.get(name).filter(|bound| bound.is_number());
    match (bound("minimum"), bound("exclusiveMinimum"), bound("maximum")) {
        (Some(least), ..) => least.clone(),
        (None, Some(below), _) => below.as_i64().map_or_else(|| below.clone(), |below| Value::from(below.saturating_add(1))),
        (None, None, Some(most)) if most.as_f64().is_some_and(|most| most < 0.0) => most.clone(),
        _ => Value::from(0),
    }
}

/// A text of a format.
fn text(format: &str) -> &'static str {
    match format {
        "date-time" => "2024-01-31T12:00:00Z",
        "date" => "2024-01-31",
        "time" => "12:00:00Z",
        "duration" => "PT1H",
        "uuid" => "3fa85f64-5717-4562-b3fc-2c963f66afa6",
        "email" => "user@example.com",
        "uri" | "url" | "uri-reference" => "https://example.com",
        "hostname" => "example.com",
        "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "byte" => "c3RyaW5n",
        _ => "string",
    }
}
