//! Attributes as they are stored.

use std::borrow::Cow;

use switchboard_model::{TextArena, Value, WellKnown};

/// A stored value, borrowed from its segment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StoredValue<'a> {
    /// Text.
    Str(&'a [u8]),
    /// A 64-bit integer, exact.
    I64(i64),
    /// A double.
    F64(f64),
    /// A truth value.
    Bool(bool),
    /// Raw bytes.
    Bytes(&'a [u8]),
    /// A list or a map, as JSON text.
    List(&'a [u8]),
}

impl<'a> StoredValue<'a> {
    /// The text of a text or list; `None` for all other types. Bytes that are not UTF-8 read as one replacement character.
    pub fn as_str(self) -> Option<&'a str> {
        match self {
            Self::Str(text) | Self::List(text) => Some(text_of(text)),
            _ => None,
        }
    }

    /// The value as text, in the same spelling as [`Value::to_text`].
    pub fn to_text(self) -> Cow<'a, str> {
        match self {
            Self::Str(text) | Self::List(text) => text_of(text).into(),
            Self::I64(number) => number.to_string().into(),
            Self::F64(number) => number.to_string().into(),
            Self::Bool(truth) => if truth { "true" } else { "false" }.into(),
            Self::Bytes(bytes) => bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")).into(),
        }
    }

    /// The value as an integer: an integer, or text that reads as one, as [`Value::to_i64`].
    pub fn to_i64(self) -> Option<i64> {
        match self {
            Self::I64(number) => Some(number),
            Self::Str(text) => text_of(text).parse().ok(),
            Self::F64(number) if number.fract() == 0.0 => Some(number as i64),
            _ => None,
        }
    }

    /// Whether it is the same value of the same type; doubles bit by bit.
    pub(crate) fn is(self, value: Value, text: &TextArena) -> bool {
        match (self, value) {
            (Self::Str(stored), Value::Str(at)) | (Self::Bytes(stored), Value::Bytes(at)) | (Self::List(stored), Value::List(at)) => stored == text.bytes(at),
            (Self::I64(stored), Value::I64(number)) => stored == number,
            (Self::F64(stored), Value::F64(number)) => stored.to_bits() == number.to_bits(),
            (Self::Bool(stored), Value::Bool(truth)) => stored == truth,
            _ => false,
        }
    }
}

/// A stored attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StoredAttr<'a> {
    /// The name as it was sent.
    pub name: &'a str,
    /// What the name means today.
    pub known: WellKnown,
    /// The value.
    pub value: StoredValue<'a>,
}

/// Whether bytes are shown as text: UTF-8 without control characters but those that break lines.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    // Without an early end this is a few instructions for each 16 bytes.
    let has_control = bytes.iter().fold(false, |has, byte| has | matches!(byte, 0..=8 | 11 | 12 | 14..=31 | 127));
    !has_control && (bytes.is_ascii() || std::str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(|c| matches!(c, '\u{80}'..='\u{9f}'))))
}

/// Whether bytes are neither text nor as long as a number or a UUID.
pub(crate) fn is_binary(bytes: &[u8]) -> bool {
    !matches!(bytes.len(), 4 | 8 | 16) && !is_text(bytes)
}

/// Bytes as text, as [`TextArena::get`] reads them.
pub(crate) fn text_of(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("\u{fffd}")
}
