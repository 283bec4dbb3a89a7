//! What methods take, and records, made up for tests and benches: compiled with the rest, and left out by the linker.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::access::{AsRead, Field, Method, MethodSchema};

/// A type so called is known and cannot be shown: it is too large as JSON.
pub const HUGE: &str = "huge";

/// A schema that is made up. A message of ours goes as it is written; one of a server is names of types with commas between, and reads as those that are
/// known, one after the other, each with all that it holds.
#[derive(Debug, Default)]
pub struct MadeUpSchema {
    methods: Vec<Method>,
    notes: Vec<String>,
    /// Fields of messages, by their full names.
    fields: BTreeMap<String, Vec<Field>>,
    /// What a `google.protobuf.Any` can hold.
    types: Vec<String>,
    /// Types that a server's messages are of, and which others each holds.
    holds: BTreeMap<String, Vec<String>>,
}

/// A method that is made up.
pub fn method(service: &str, name: &str, (client_streaming, server_streaming): (bool, bool), input: &str, output: &str) -> Method {
    let [service, name, input, output] = [service, name, input, output].map(str::to_owned);
    Method { service, name, client_streaming, server_streaming, input, output }
}

impl MadeUpSchema {
    /// One of these methods, of whose messages nothing is known.
    pub fn of(methods: Vec<Method>) -> Self {
        Self { methods, ..Self::default() }
    }

    /// A note of what could not be read.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// A message with its fields.
    #[must_use]
    pub fn with_message(mut self, name: &str, fields: Vec<Field>) -> Self {
        self.fields.insert(name.to_owned(), fields);
        self
    }

    /// Types that a `google.protobuf.Any` can hold.
    #[must_use]
    pub fn with_types(mut self, types: &[&str]) -> Self {
        self.types = types.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    /// A type of a server's messages, which holds others.
    #[must_use]
    pub fn that_knows(mut self, name: impl Into<String>, holds: &[&str]) -> Self {
        self.holds.insert(name.into(), holds.iter().map(|name| (*name).to_owned()).collect());
        self
    }

    fn read(&self, bytes: &[u8]) -> AsRead<Vec<String>> {
        let mut read = AsRead::<Vec<String>>::default();
        let mut names: Vec<String> = String::from_utf8_lossy(bytes).split(',').rev().map(str::to_owned).collect();
        while let Some(name) = names.pop() {
            if let Some(holds) = self.holds.get(&name) {
                names.extend(holds.iter().rev().cloned());
                read.says.push(name);
                continue;
            }
            read.says.push("?".to_owned());
            if !read.unknown_types.contains(&name) {
                read.unknown_types.push(name);
            }
        }
        read
    }
}

impl MethodSchema for MadeUpSchema {
    fn methods(&self) -> &[Method] {
        &self.methods
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn knows(&self, message: &str) -> bool {
        self.fields.contains_key(message) || self.holds.contains_key(message)
    }

    fn template(&self, method: &str) -> Result<String, String> {
        let known = self.methods.iter().find(|known| known.path() == method);
        known.map(|known| format!("{{\n  \"of\": \"{}\"\n}}", known.input)).ok_or_else(|| "no such method".to_owned())
    }

    fn fields(&self, message: &str) -> Vec<Field> {
        self.fields.get(message).cloned().unwrap_or_default()
    }

    fn types(&self) -> &[String] {
        &self.types
    }

    fn any_example(&self, message: &str) -> Option<String> {
        self.types.iter().any(|name| name == message).then(|| format!("{{\"@type\":\"type.googleapis.com/{message}\"}}"))
    }

    fn encode(&self, _method: &str, json: &str) -> Result<Bytes, String> {
        Ok(Bytes::copy_from_slice(json.as_bytes()))
    }

    fn decode(&self, _method: &str, _is_input: bool, bytes: &[u8]) -> Result<AsRead<String>, String> {
        let AsRead { says, unknown_types } = self.read(bytes);
        if says.iter().any(|name| name == HUGE) {
            return Err("too large as JSON".to_owned());
        }
        Ok(AsRead { says: says.join(" "), unknown_types })
    }

    fn details(&self, bytes: &[u8]) -> AsRead<Vec<(String, String)>> {
        let mut details = AsRead::<Vec<(String, String)>>::default();
        for name in String::from_utf8_lossy(bytes).split(',') {
            let AsRead { says, unknown_types } = self.read(name.as_bytes());
            details.says.push((name.to_owned(), says.join(" ")));
            details.unknown_types.extend(unknown_types);
        }
        details
    }
}

/// A record as it was read again: a value and headers, and of the rest nothing.
#[cfg(test)]
pub(in crate::send) fn original(value: &[u8], headers: &[(&str, &str)]) -> switchboard_model::OriginalRecord {
    use switchboard_model::{MessageRef, OriginalRecord, RawHash, RawHeader, SeenRecord, TimestampType};
    let header = |(name, value): &(&str, &str)| RawHeader { name: (*name).to_owned(), value: Some(value.as_bytes().to_vec()) };
    OriginalRecord {
        seen: SeenRecord { at: MessageRef::default(), raw_hash: RawHash::UNKNOWN },
        key: None,
        value: Some(value.to_vec()),
        headers: headers.iter().map(header).collect(),
        timestamp_ms: None,
        timestamp_type: TimestampType::Unknown,
    }
}
