//! Typed attributes.

use serde::{Deserialize, Serialize};

use crate::{Str, TextArena, WellKnown};

/// An attribute's value. Text, bytes and lists lie in the batch's arena.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// Text.
    Str(Str),
    /// A 64-bit integer, exact.
    I64(i64),
    /// A double.
    F64(f64),
    /// A truth value.
    Bool(bool),
    /// Raw bytes.
    Bytes(Str),
    /// A list or a map, as JSON text.
    List(Str),
}

impl Value {
    /// The value as text, borrowed where it is text already.
    pub fn to_text(self, text: &TextArena) -> std::borrow::Cow<'_, str> {
        match self {
            Self::Str(at) | Self::List(at) => text.get(at).into(),
            Self::I64(number) => number.to_string().into(),
            Self::F64(number) => number.to_string().into(),
            Self::Bool(truth) => if truth { "true" } else { "false" }.into(),
            Self::Bytes(at) => text.bytes(at).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")).into(),
        }
    }

    /// The value as an integer: an integer, or text that reads as one.
    pub fn to_i64(self, text: &TextArena) -> Option<i64> {
        match self {
            Self::I64(number) => Some(number),
            Self::Str(at) => text.get(at).parse().ok(),
            Self::F64(number) if number.fract() == 0.0 => Some(number as i64),
            _ => None,
        }
    }
}

/// One attribute.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttrRow {
    /// The name as it was sent.
    pub key: Str,
    /// What the name means today, whatever version of the conventions the sender speaks.
    pub known: WellKnown,
    /// Place of the name among those of the same meaning, [`WellKnown::trusted`]: the lowest is believed. A value that says
    /// nothing comes after all others.
    pub trust: u8,
    /// The value, redacted where the name or the shape asks for it.
    pub value: Value,
}

impl AttrRow {
    /// Added to the place of a name whose value says nothing.
    const NOT_SET: u8 = 0x20;

    /// An attribute of this name, whose meaning and place are `told`.
    #[inline]
    pub fn new(key: Str, told: (WellKnown, u8), value: Value) -> Self {
        let is_set = !matches!(value, Value::Str(Str::EMPTY));
        Self { key, known: told.0, trust: told.1 + if is_set { 0 } else { Self::NOT_SET }, value }
    }

    /// Tells anew what the names of attributes that are read back mean: what this Switchboard knows of them counts, not what stands there.
    pub(crate) fn tell_meanings(attrs: &mut [Self], text: &TextArena) {
        for attr in attrs {
            *attr = Self::new(attr.key, WellKnown::trusted(text.get(attr.key)), attr.value);
        }
    }
}

/// Rows of one run at most: attributes, links, events, headers of one item. A collector leaves out the rest, and says that it was cut.
pub const MAX_RUN_ROWS: usize = 1_024;

/// A run of rows in one of a batch's columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attrs {
    /// First row.
    pub start: u32,
    /// One past the last row.
    pub end: u32,
}

impl Attrs {
    /// The run as a range of indexes.
    #[inline]
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// How many rows it has.
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether it has none.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}
