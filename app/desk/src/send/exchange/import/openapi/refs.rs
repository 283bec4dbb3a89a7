//! References within one document, and how much all that is made of it may come to.

use std::borrow::Cow;

use serde_json::Value;

use super::super::notes::{Notes, told};

/// References that lead from one to the next at most.
const MAX_HOPS: usize = 16;
/// Values that are made or copied at most, over the whole document; a text counts by its length besides.
const MAX_WEIGHT: usize = 400_000;
/// Values of one body at most.
const MAX_BODY_WEIGHT: usize = 5_000;
/// Bytes of a text that count as one value.
pub(super) const BYTES_A_VALUE: usize = 64;

/// A document that references lead into.
pub(super) struct Refs<'a> {
    document: &'a Value,
    weight: usize,
    /// What references weigh that were followed.
    followed: usize,
    /// Where what is made now has to end.
    end: usize,
}

impl<'a> Refs<'a> {
    pub fn new(document: &'a Value) -> Self {
        Self { document, weight: 0, followed: 0, end: MAX_WEIGHT }
    }

    pub fn document(&self) -> &'a Value {
        self.document
    }

    /// What a value is, or what it refers to within the document; `None` where that leads nowhere.
    pub fn resolve(&mut self, value: &'a Value, notes: &mut Notes) -> Option<&'a Value> {
        let mut value = value;
        for _ in 0..MAX_HOPS {
            let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return Some(value) };
            let Some(pointer) = reference.strip_prefix('#') else {
                notes.add(format!("What lies in another document is not fetched: {}", told(reference)));
                return None;
            };
            self.followed += 1 + pointer.len() / BYTES_A_VALUE;
            if self.followed > MAX_WEIGHT {
                notes.add("The document has more references than are followed.");
                return None;
            }
            let Some(found) = self.document.pointer(&decoded(pointer)) else {
                notes.add(format!("A reference leads nowhere: {}", told(reference)));
                return None;
            };
            value = found;
        }
        notes.add("References lead in a circle, or too far; they end there.");
        None
    }

    /// Counts what is made; `false` where that is too much.
    pub fn weigh(&mut self, weight: usize) -> bool {
        self.weight = self.weight.saturating_add(weight);
        self.weight <= self.end
    }

    /// Lets one body take its part of all that may be made.
    pub fn begin_body(&mut self) {
        self.end = self.weight.saturating_add(MAX_BODY_WEIGHT).min(MAX_WEIGHT);
    }

    /// The body is made; whether it came to more than one may.
    pub fn end_body(&mut self) -> bool {
        let is_cut = self.weight > self.end;
        self.weight = self.weight.min(self.end);
        self.end = MAX_WEIGHT;
        is_cut
    }

    /// Whether nothing more is made.
    pub fn is_spent(&self) -> bool {
        self.weight >= MAX_WEIGHT
    }
}

/// A pointer as it is written in an address (RFC 6901, 6).
fn decoded(pointer: &str) -> Cow<'_, str> {
    if !pointer.contains('%') {
        return Cow::Borrowed(pointer);
    }
    let (bytes, mut decoded, mut at) = (pointer.as_bytes(), Vec::with_capacity(pointer.len()), 0);
    while at < bytes.len() {
        let digit = |ahead: usize| bytes.get(at + ahead).and_then(|byte| char::from(*byte).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (bytes[at], digit(1), digit(2)) {
            decoded.push((high << 4 | low) as u8);
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}
