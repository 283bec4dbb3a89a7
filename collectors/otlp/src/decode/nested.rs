//! Lists and maps as JSON text, bounded.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::context::MAX_VALUE_BYTES;

/// Bytes that are written: some more than are kept, so that a secret that lies across the cut is seen to be one.
const MAX_BYTES: usize = MAX_VALUE_BYTES + (4 << 10);

/// JSON text that grows up to a limit; what comes after it is dropped and told.
#[derive(Default)]
pub(crate) struct NestedText {
    text: String,
    needs_comma: bool,
    is_cut: bool,
    has_gaps: bool,
}

impl NestedText {
    /// The text, and whether anything was cut.
    pub(crate) fn finish(self) -> (String, bool) {
        (self.text, self.is_cut || self.has_gaps)
    }

    fn push(&mut self, part: &str) {
        let room = MAX_BYTES.saturating_sub(self.text.len());
        if self.is_cut || part.len() > room {
            if !self.is_cut {
                let mut end = room;
                while !part.is_char_boundary(end) {
                    end -= 1;
                }
                self.text.push_str(&part[..end]);
            }
            self.is_cut = true;
        } else {
            self.text.push_str(part);
        }
        self.needs_comma = true;
    }

    pub(crate) fn open(&mut self, bracket: char) {
        self.push(bracket.encode_utf8(&mut [0; 4]));
        self.needs_comma = false;
    }

    pub(crate) fn close(&mut self, bracket: char) {
        self.push(bracket.encode_utf8(&mut [0; 4]));
    }

    /// Sets the next item apart from the one before.
    pub(crate) fn comma(&mut self) {
        if self.needs_comma {
            self.push(",");
        }
        self.needs_comma = false;
    }

    pub(crate) fn key(&mut self, key: &[u8]) {
        self.string(key);
        self.push(":");
        self.needs_comma = false;
    }

    pub(crate) fn string(&mut self, text: &[u8]) {
        if self.is_cut {
            return;
        }
        // What lies beyond the limit cannot show, whatever its escapes: it need not be written.
        let most = &text[..text.len().min(MAX_BYTES + 4)];
        let lossy = String::from_utf8_lossy(most);
        match serde_json::to_string(&lossy) {
            Ok(quoted) => self.push(&quoted),
            Err(_) => self.is_cut = true,
        }
    }

    pub(crate) fn base64(&mut self, bytes: &[u8]) {
        if !self.is_cut {
            self.string(STANDARD.encode(&bytes[..bytes.len().min(MAX_BYTES)]).as_bytes());
        }
    }

    /// A list or map that is JSON text already.
    pub(crate) fn json(&mut self, json: &str, is_cut: bool) {
        self.push(json);
        self.has_gaps |= is_cut;
    }

    pub(crate) fn null(&mut self) {
        self.push("null");
    }

    pub(crate) fn bool(&mut self, truth: bool) {
        self.push(if truth { "true" } else { "false" });
    }

    pub(crate) fn i64(&mut self, number: i64) {
        let mut digits = String::new();
        if write!(digits, "{number}").is_ok() {
            self.push(&digits);
        }
    }

    /// A number; what JSON has no number for is text, as OTLP's JSON says.
    pub(crate) fn f64(&mut self, number: f64) {
        match serde_json::Number::from_f64(number) {
            Some(number) => self.push(&number.to_string()),
            None if number.is_nan() => self.push("\"NaN\""),
            None if number > 0.0 => self.push("\"Infinity\""),
            None => self.push("\"-Infinity\""),
        }
    }

    /// Stands where a value lies deeper than we follow.
    pub(crate) fn too_deep(&mut self) {
        self.push("\"…\"");
        self.has_gaps = true;
    }
}
