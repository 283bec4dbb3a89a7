//! YAML (1.2, core schema) as the JSON that it stands for. The parser limits how deep a text goes; how much its aliases come to is limited here.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, Tag};
use serde_json::{Map, Number, Value};

/// Values at most, those that aliases stand for counted each time; a text counts by its length besides.
const MAX_WEIGHT: usize = 1_000_000;
/// Bytes of a text that count as one value.
const BYTES_A_VALUE: usize = 64;
/// How deep collections lie in one another at most, as with JSON.
const MAX_DEPTH: usize = 127;

/// Whether a text seems to be an `OpenAPI` document, or one of its forerunners, in YAML.
pub(super) fn is_openapi(text: &str) -> bool {
    let is_begin = |line: &str| {
        let line = line.trim_start_matches(['"', '\'']);
        ["openapi", "swagger"].iter().any(|name| line.strip_prefix(name).is_some_and(|rest| rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':')))
    };
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with(['#', '%']) && !line.starts_with("---")).unwrap_or_default();
    // What begins as a command may hold any text within.
    let is_command = ["curl", "grpcurl", "printf", "$ "].iter().any(|program| first.trim_start().starts_with(program));
    !is_command && text.lines().any(is_begin)
}

/// Reads the first document of a text; the reason in words where it cannot be.
pub(super) fn read(text: &str) -> Result<Value, String> {
    let mut options = Options::default();
    (options.flow_nesting_limit, options.block_nesting_limit) = (MAX_DEPTH, MAX_DEPTH);
    let mut builder = Builder::default();
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|error| format!("line {}: {}", error.marker().line(), error.info().lines().next().unwrap_or_default()))?;
        let at = |reason: &str| format!("line {}: {reason}", span.start.line());
        match event {
            // A key is text as it is written: `200` and `on` name what they say.
            Event::Scalar(text, style, anchor, tag) if !builder.wants_key() => {
                builder.node(scalar(&text, style, tag.as_deref()), 1 + text.len() / BYTES_A_VALUE, anchor).map_err(at)?;
            }
            Event::Scalar(text, _, anchor, _) => {
                let weight = 1 + text.len() / BYTES_A_VALUE;
                builder.node(Value::String(text.into_owned()), weight, anchor).map_err(at)?;
            }
            Event::SequenceStart(_, anchor, _) => builder.begin(Value::Array(Vec::new()), anchor).map_err(at)?,
            Event::MappingStart(_, anchor, _) => builder.begin(Value::Object(Map::new()), anchor).map_err(at)?,
            Event::SequenceEnd | Event::MappingEnd => builder.end().map_err(at)?,
            Event::Alias(anchor) => builder.alias(anchor).map_err(at)?,
            Event::DocumentEnd => break,
            _ => {}
        }
    }
    builder.done.ok_or_else(|| "it is empty".to_owned())
}

/// A collection that is not at its end.
struct Open {
    value: Value,
    anchor: usize,
    /// What it weighs until now.
    weight: usize,
    /// The key that waits for its value, in a mapping.
    key: Option<String>,
}

/// Puts values together.
#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, (Value, usize)>,
    weight: usize,
    done: Option<Value>,
}

const TOO_MUCH: &str = "with all its aliases it holds more than can be read";

impl Builder {
    fn weigh(&mut self, weight: usize) -> Result<(), &'static str> {
        self.weight = self.weight.saturating_add(weight);
        if self.weight > MAX_WEIGHT { Err(TOO_MUCH) } else { Ok(()) }
    }

    fn wants_key(&self) -> bool {
        self.open.last().is_some_and(|open| open.value.is_object() && open.key.is_none())
    }

    fn begin(&mut self, value: Value, anchor: usize) -> Result<(), &'static str> {
        if self.open.len() >= MAX_DEPTH {
            return Err("it goes too deep");
        }
        self.open.push(Open { value, anchor, weight: 1, key: None });
        self.weigh(1)
    }

    fn end(&mut self) -> Result<(), &'static str> {
        let Some(Open { value, anchor, weight, .. }) = self.open.pop() else { return Ok(()) };
        self.keep(&value, weight, anchor)?;
        self.put(merged(value), weight)
    }

    fn node(&mut self, value: Value, weight: usize, anchor: usize) -> Result<(), &'static str> {
        self.weigh(weight)?;
        self.keep(&value, weight, anchor)?;
        self.put(value, weight)
    }

    /// Remembers what an anchor names; that is a copy, and counts as one.
    fn keep(&mut self, value: &Value, weight: usize, anchor: usize) -> Result<(), &'static str> {
        if anchor > 0 {
            self.weigh(weight)?;
            self.anchors.insert(anchor, (merged(value.clone()), weight));
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize) -> Result<(), &'static str> {
        let Some(weight) = self.anchors.get(&anchor).map(|(_, weight)| *weight) else { return Err("an alias lies within what it names") };
        self.weigh(weight)?;
        let value = self.anchors.get(&anchor).map(|(value, _)| value.clone()).unwrap_or_default();
        if self.open.len() + depth(&value) > MAX_DEPTH {
            return Err("it goes too deep");
        }
        self.put(value, weight)
    }

    fn put(&mut self, value: Value, weight: usize) -> Result<(), &'static str> {
        let Some(open) = self.open.last_mut() else {
            self.done = Some(value);
            return Ok(());
        };
        open.weight += weight;
        match &mut open.value {
            Value::Object(map) => match open.key.take() {
                Some(key) => drop(map.insert(key, value)),
                None => open.key = Some(key_of(value).ok_or("a key is no text")?),
            },
            Value::Array(list) => list.push(value),
            _ => {}
        }
        Ok(())
    }
}

/// How deep a value goes; it was read, so that it is no deeper than what is read.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or_default(),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

/// A key, where it is no collection.
fn key_of(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Array(_) | Value::Object(_) => None,
        // An alias may name what stood elsewhere as a value.
        other => Some(other.to_string()),
    }
}

/// A mapping into which those of its key `<<` are merged (YAML 1.1, still in use); its own values come first.
fn merged(mut value: Value) -> Value {
    let Value::Object(map) = &mut value else { return value };
    let others = match map.remove("<<") {
        Some(Value::Object(other)) => vec![other],
        Some(Value::Array(list)) => list.into_iter().filter_map(|other| if let Value::Object(other) = other { Some(other) } else { None }).collect(),
        Some(other) => {
            map.insert("<<".to_owned(), other);
            return value;
        }
        None => return value,
    };
    for (key, other) in others.into_iter().flatten() {
        map.entry(key).or_insert(other);
    }
    value
}

/// A scalar by the core schema (YAML 1.2.2, 10.3); what is quoted is text.
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    if style != ScalarStyle::Plain || tag.is_some() {
        return Value::String(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let number = text.strip_prefix('+').unwrap_or(text);
    let digits = number.strip_prefix('-').unwrap_or(number);
    // A number is what begins as one: `inf` and the like are text here.
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') || digits.len() > 40 {
        return Value::String(text.to_owned());
    }
    let radix = |prefix: &str, radix: u32| text.strip_prefix(prefix).and_then(|digits| u64::from_str_radix(digits, radix).ok());
    let read = radix("0x", 16).or_else(|| radix("0o", 8)).map(Number::from);
    let read = read.or_else(|| number.parse::<i64>().ok().map(Number::from)).or_else(|| number.parse::<u64>().ok().map(Number::from));
    let read = read.or_else(|| number.parse::<f64>().ok().and_then(Number::from_f64));
    read.map_or_else(|| Value::String(text.to_owned()), Value::Number)
}
