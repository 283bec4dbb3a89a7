//! JSON as it is written for people to read and edit, within a bound.

use std::fmt::Display;

/// JSON being written, two spaces a level.
#[derive(Debug)]
pub(super) struct Json {
    text: String,
    bytes_max: usize,
    depth: usize,
    is_first: bool,
    is_behind_name: bool,
}

impl Json {
    /// An empty text that is full once it is as long as this.
    pub fn new(bytes_max: usize) -> Self {
        Self { text: String::new(), bytes_max, depth: 0, is_first: true, is_behind_name: false }
    }

    /// Whether no more should be added.
    pub fn is_full(&self) -> bool {
        self.text.len() >= self.bytes_max
    }

    /// What was written.
    pub fn into_text(self) -> String {
        self.text
    }

    /// Begins an object (`{`) or a list (`[`).
    pub fn open(&mut self, bracket: char) {
        self.place();
        self.text.push(bracket);
        self.depth += 1;
        self.is_first = true;
    }

    /// Ends what was begun, by `}` or `]`.
    pub fn close(&mut self, bracket: char) {
        self.depth -= 1;
        if !self.is_first {
            self.line();
        }
        self.text.push(bracket);
        self.is_first = false;
    }

    /// The name of the next value in an object.
    pub fn name(&mut self, name: &str) {
        self.text(name);
        self.text.push_str(": ");
        self.is_behind_name = true;
    }

    /// A value in quotes.
    pub fn text(&mut self, value: &str) {
        self.place();
        // What is no number cannot fail.
        self.text.push_str(&serde_json::to_string(value).unwrap_or_default());
    }

    /// A value that needs no quotes.
    pub fn plain(&mut self, value: impl Display) {
        self.place();
        self.text.push_str(&value.to_string());
    }

    /// A value of JSON. Values that are read go no deeper than their readers let them.
    pub fn value(&mut self, value: &serde_json::Value) {
        match value {
            serde_json::Value::Array(values) => {
                self.open('[');
                for value in values {
                    self.value(value);
                }
                self.close(']');
            }
            serde_json::Value::Object(values) => {
                self.open('{');
                for (name, value) in values {
                    self.name(name);
                    self.value(value);
                }
                self.close('}');
            }
            serde_json::Value::String(text) => self.text(text),
            other => self.plain(other),
        }
    }

    fn place(&mut self) {
        if std::mem::take(&mut self.is_behind_name) {
            return;
        }
        if !std::mem::take(&mut self.is_first) {
            self.text.push(',');
        }
        if self.depth > 0 {
            self.line();
        }
    }

    fn line(&mut self) {
        self.text.push('\n');
        for _ in 0..self.depth {
            self.text.push_str("  ");
        }
    }
}
