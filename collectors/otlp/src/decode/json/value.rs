//! OTLP/JSON's `AnyValue`. Its depth is bounded by `serde_json` (128 levels of JSON).

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::text::{Text, base64_of};
use crate::decode::any_value::AnyValue;
use crate::decode::nested::NestedText;

/// A value as it was sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum JsonValue<'a> {
    #[default]
    Empty,
    Text(Cow<'a, str>),
    Bool(bool),
    I64(i64),
    F64(f64),
    Bytes(Vec<u8>),
    /// A list or a map as JSON text, and whether it was cut.
    Nested(String, bool),
}

impl JsonValue<'_> {
    pub(super) fn as_any(&self) -> AnyValue<'_> {
        match self {
            Self::Empty => AnyValue::Empty,
            Self::Text(text) => AnyValue::Text(text.as_bytes()),
            Self::Bool(truth) => AnyValue::Bool(*truth),
            Self::I64(number) => AnyValue::I64(*number),
            Self::F64(number) => AnyValue::F64(*number),
            Self::Bytes(bytes) => AnyValue::Bytes(bytes),
            Self::Nested(json, is_cut) => AnyValue::Nested(Cow::Borrowed(json), *is_cut),
        }
    }

    fn write(&self, out: &mut NestedText) {
        match self {
            Self::Empty => out.null(),
            Self::Text(text) => out.string(text.as_bytes()),
            Self::Bool(truth) => out.bool(*truth),
            Self::I64(number) => out.i64(*number),
            Self::F64(number) => out.f64(*number),
            Self::Bytes(bytes) => out.base64(bytes),
            Self::Nested(json, is_cut) => out.json(json, *is_cut),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for JsonValue<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = JsonValue<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an OTLP value")
    }

    // Plain values, as some senders write them without the object around.
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(JsonValue::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(JsonValue::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(JsonValue::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(JsonValue::I64(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).map_or(JsonValue::F64(number as f64), JsonValue::I64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(JsonValue::F64(number))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(JsonValue::Empty)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        let List(json, is_cut) = ListVisitor.visit_seq(seq)?;
        Ok(JsonValue::Nested(json, is_cut))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut value = JsonValue::Empty;
        while let Some(name) = map.next_key::<Text<'de>>()? {
            value = match name.0.as_ref() {
                "stringValue" | "string_value" => JsonValue::Text(map.next_value::<Text<'de>>()?.0),
                "boolValue" | "bool_value" => match map.next_value::<JsonValue<'de>>()? {
                    JsonValue::Bool(truth) => JsonValue::Bool(truth),
                    JsonValue::Text(text) if text == "true" => JsonValue::Bool(true),
                    JsonValue::Text(text) if text == "false" => JsonValue::Bool(false),
                    JsonValue::Empty => JsonValue::Empty,
                    _ => return Err(A::Error::custom("a boolValue that is neither true nor false")),
                },
                "intValue" | "int_value" => match map.next_value::<JsonValue<'de>>()? {
                    JsonValue::I64(number) => JsonValue::I64(number),
                    JsonValue::F64(number) if number.fract() == 0.0 => JsonValue::I64(number as i64),
                    JsonValue::Text(text) => JsonValue::I64(text.trim().parse().map_err(|_| not_an_int::<A::Error>())?),
                    JsonValue::Empty => JsonValue::Empty,
                    _ => return Err(not_an_int()),
                },
                "doubleValue" | "double_value" => match map.next_value::<JsonValue<'de>>()? {
                    JsonValue::F64(number) => JsonValue::F64(number),
                    JsonValue::I64(number) => JsonValue::F64(number as f64),
                    JsonValue::Text(text) => JsonValue::F64(text.trim().parse().map_err(|_| A::Error::custom("a doubleValue that is no number"))?),
                    JsonValue::Empty => JsonValue::Empty,
                    _ => return Err(A::Error::custom("a doubleValue that is no number")),
                },
                "bytesValue" | "bytes_value" => {
                    let Some(Text(text)) = map.next_value::<Option<Text<'de>>>()? else {
                        value = JsonValue::Empty;
                        continue;
                    };
                    JsonValue::Bytes(base64_of(&text).ok_or_else(|| A::Error::custom("a bytesValue that is not base64"))?)
                }
                "arrayValue" | "array_value" => {
                    let values = map.next_value::<Option<Values>>()?;
                    values.map_or(JsonValue::Empty, |Values { values: List(json, is_cut) }| JsonValue::Nested(json, is_cut))
                }
                "kvlistValue" | "kvlist_value" => {
                    let pairs = map.next_value::<Option<Pairs>>()?;
                    pairs.map_or(JsonValue::Empty, |Pairs { values: Map(json, is_cut) }| JsonValue::Nested(json, is_cut))
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
        }
        Ok(value)
    }
}

fn not_an_int<E: Error>() -> E {
    E::custom("an intValue that is no 64-bit integer")
}

/// OTLP's `ArrayValue`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Values {
    values: List,
}

/// A list's JSON text, and whether it was cut.
struct List(String, bool);

impl Default for List {
    fn default() -> Self {
        Self("[]".to_owned(), false)
    }
}

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor)
    }
}

struct ListVisitor;

impl<'de> Visitor<'de> for ListVisitor {
    type Value = List;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of values")
    }

    fn visit_unit<E>(self) -> Result<List, E> {
        Ok(List::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List, A::Error> {
        let mut out = NestedText::default();
        out.open('[');
        while let Some(value) = seq.next_element::<JsonValue<'de>>()? {
            out.comma();
            value.write(&mut out);
        }
        out.close(']');
        let (json, is_cut) = out.finish();
        Ok(List(json, is_cut))
    }
}

/// OTLP's `KeyValueList`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Pairs {
    values: Map,
}

/// A map's JSON text, and whether it was cut.
struct Map(String, bool);

impl Default for Map {
    fn default() -> Self {
        Self("{}".to_owned(), false)
    }
}

/// One entry of a map.
#[derive(Deserialize)]
struct Pair<'a> {
    #[serde(borrow, default)]
    key: Text<'a>,
    #[serde(borrow, default)]
    value: JsonValue<'a>,
}

impl<'de> Deserialize<'de> for Map {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MapVisitor;
        impl<'de> Visitor<'de> for MapVisitor {
            type Value = Map;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of keys and values")
            }

            fn visit_unit<E>(self) -> Result<Map, E> {
                Ok(Map::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Map, A::Error> {
                let mut out = NestedText::default();
                out.open('{');
                while let Some(pair) = seq.next_element::<Option<Pair<'de>>>()? {
                    // What is null is not there.
                    let Some(pair) = pair else { continue };
                    out.comma();
                    out.key(pair.key.0.as_bytes());
                    pair.value.write(&mut out);
                }
                out.close('}');
                let (json, is_cut) = out.finish();
                Ok(Map(json, is_cut))
            }
        }
        deserializer.deserialize_any(MapVisitor)
    }
}
