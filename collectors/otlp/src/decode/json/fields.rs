//! Fields of OTLP/JSON that take more spellings than one.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use switchboard_model::MAX_RUN_ROWS;

use super::text::{Text, base64_of};
use super::value::JsonValue;
use crate::decode::columns::Columns;

/// An unsigned 64-bit number, as a number or as text; what is larger is [`u64::MAX`], what is negative 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Unsigned(pub(super) u64);

impl<'de> Deserialize<'de> for Unsigned {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct UnsignedVisitor;
        impl Visitor<'_> for UnsignedVisitor {
            type Value = Unsigned;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an unsigned number, as a number or as text")
            }
            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Unsigned(number))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Unsigned(u64::try_from(number).unwrap_or(0)))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
                Ok(Unsigned(number as u64))
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Unsigned(0))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                let text = text.trim();
                if text.is_empty() {
                    return Ok(Unsigned(0));
                }
                let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
                if text.starts_with('-') && digits.bytes().all(|digit| digit.is_ascii_digit()) {
                    return Ok(Unsigned(0));
                }
                match text.parse() {
                    Ok(number) => Ok(Unsigned(number)),
                    Err(_) if !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()) => Ok(Unsigned(u64::MAX)),
                    Err(_) => text.parse::<f64>().map(|number| Unsigned(number as u64)).map_err(|_| E::custom("text that is no number")),
                }
            }
        }
        deserializer.deserialize_any(UnsignedVisitor)
    }
}

/// A number or a name of an enumeration, with or without its prefix.
pub(super) fn enumerated<'de, D: Deserializer<'de>>(deserializer: D, prefix: &str, names: &[&str]) -> Result<u64, D::Error> {
    struct EnumVisitor<'n>(&'n str, &'n [&'n str]);
    impl Visitor<'_> for EnumVisitor<'_> {
        type Value = u64;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a number or a name {}…", self.0)
        }
        fn visit_u64<E>(self, number: u64) -> Result<u64, E> {
            Ok(number)
        }
        fn visit_i64<E>(self, _number: i64) -> Result<u64, E> {
            Ok(0)
        }
        fn visit_f64<E>(self, number: f64) -> Result<u64, E> {
            Ok(number as u64)
        }
        fn visit_unit<E>(self) -> Result<u64, E> {
            Ok(0)
        }
        fn visit_str<E>(self, text: &str) -> Result<u64, E> {
            let upper = text.trim().to_ascii_uppercase();
            let name = upper.strip_prefix(self.0).unwrap_or(&upper);
            Ok(self.1.iter().position(|known| *known == name).map(|at| at as u64).or_else(|| name.parse().ok()).unwrap_or(0))
        }
    }
    deserializer.deserialize_any(EnumVisitor(prefix, names))
}

/// An id: hexadecimal in any case as the specification has it, or base64 as protobuf's own JSON has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id<const LEN: usize> {
    bytes: [u8; LEN],
    /// 0 = nothing was sent; `LEN` = an id; anything else = not an id.
    len: usize,
    /// Whether it was base64.
    pub(super) is_base64: bool,
}

impl<const LEN: usize> Id<LEN> {
    pub(super) fn read(text: &str) -> Self {
        let none = Self { bytes: [0; LEN], len: 0, is_base64: false };
        let text = text.trim();
        if text.is_empty() {
            return none;
        }
        if text.len() == LEN * 2 && text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            let mut bytes = [0; LEN];
            for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
                let digit = |at: u8| char::from(at).to_digit(16).unwrap_or(0) as u8;
                *byte = digit(pair[0]) << 4 | digit(pair[1]);
            }
            return Self { bytes, len: LEN, is_base64: false };
        }
        match base64_of(text).map(<[u8; LEN]>::try_from) {
            Some(Ok(bytes)) => Self { bytes, len: LEN, is_base64: true },
            _ => Self { len: LEN + 1, ..none },
        }
    }

    /// Its bytes; of a wrong length if it is no id.
    pub(super) fn bytes(&self) -> &[u8] {
        match self.len {
            0 => &[],
            len if len == LEN => &self.bytes,
            _ => &[0],
        }
    }
}

/// Attributes: a list of `{key, value}`, or (as some senders have it) one object.
#[derive(Default)]
pub(super) struct JsonAttrs<'a> {
    pub(super) rows: Vec<(Text<'a>, JsonValue<'a>)>,
    pub(super) is_cut: bool,
}

impl JsonAttrs<'_> {
    /// Adds all to the batch.
    pub(super) fn write(&self, columns: &mut Columns<'_>) {
        for (place, (key, value)) in self.rows.iter().enumerate() {
            columns.attr(place, key.0.as_bytes(), value.as_any());
        }
        columns.truncated |= self.is_cut;
    }
}

#[derive(Deserialize)]
pub(super) struct KeyValue<'a> {
    #[serde(borrow, default)]
    pub(super) key: Text<'a>,
    #[serde(borrow, default)]
    pub(super) value: JsonValue<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for JsonAttrs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AttrsVisitor;
        impl<'de> Visitor<'de> for AttrsVisitor {
            type Value = JsonAttrs<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of attributes")
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(JsonAttrs::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut attrs = JsonAttrs::default();
                while attrs.rows.len() < MAX_RUN_ROWS {
                    let Some(row) = seq.next_element::<Option<KeyValue<'de>>>()? else { return Ok(attrs) };
                    attrs.rows.extend(row.map(|row| (row.key, row.value)));
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    attrs.is_cut = true;
                }
                Ok(attrs)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut attrs = JsonAttrs::default();
                while let Some(key) = map.next_key::<Text<'de>>()? {
                    if attrs.rows.len() < MAX_RUN_ROWS {
                        attrs.rows.push((key, map.next_value::<JsonValue<'de>>()?));
                    } else {
                        map.next_value::<IgnoredAny>()?;
                        attrs.is_cut = true;
                    }
                }
                Ok(attrs)
            }
        }
        deserializer.deserialize_any(AttrsVisitor)
    }
}

/// A list of which at most so many elements are kept as may be.
pub(super) struct Bounded<T> {
    pub(super) rows: Vec<T>,
    pub(super) is_cut: bool,
}

impl<T> Default for Bounded<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), is_cut: false }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Bounded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BoundedVisitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for BoundedVisitor<T> {
            type Value = Bounded<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Bounded::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut bounded = Bounded::default();
                while bounded.rows.len() < MAX_RUN_ROWS {
                    let Some(row) = seq.next_element::<Option<T>>()? else { return Ok(bounded) };
                    bounded.rows.extend(row);
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    bounded.is_cut = true;
                }
                Ok(bounded)
            }
        }
        deserializer.deserialize_any(BoundedVisitor(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_in_every_spelling() {
        let bytes = [0x5b, 0x8e, 0xff, 0xf7, 0x98, 0x03, 0x81, 0x03];
        for text in ["5b8efff798038103", "5B8EFFF798038103", "W47/95gDgQM=", "W47/95gDgQM", "W47_95gDgQM"] {
            assert_eq!(Id::<8>::read(text).bytes(), bytes, "{text}");
        }
        assert!(Id::<8>::read("W47/95gDgQM=").is_base64);
        assert!(Id::<8>::read("").bytes().is_empty());
        for text in ["5b8efff7980381", "5b8efff79803810300", "zz8efff798038103", "null"] {
            assert_ne!(Id::<8>::read(text).bytes().len(), 8, "{text}");
            assert_ne!(Id::<8>::read(text).bytes().len(), 0, "{text}");
        }
    }

    #[test]
    fn numbers_in_every_spelling() {
        for (json, number) in [
            ("5", 5),
            ("\"5\"", 5),
            ("null", 0),
            ("\"\"", 0),
            ("-3", 0),
            ("\"-3\"", 0),
            ("5.0", 5),
            ("1.7e18", 1_700_000_000_000_000_000),
            ("\"18446744073709551615\"", u64::MAX),
            ("\"99999999999999999999999\"", u64::MAX),
            ("99999999999999999999999", u64::MAX),
        ] {
            assert_eq!(serde_json::from_str::<Unsigned>(json).unwrap(), Unsigned(number), "{json}");
        }
        assert!(serde_json::from_str::<Unsigned>("\"soon\"").is_err());
        assert!(serde_json::from_str::<Unsigned>("{}").is_err());
    }
}
