//! From bytes to the canonical JSON of protobuf. Bytes come from elsewhere: they are counted before they are read, because a byte may become a hundred
//! in memory, and a message in an `Any` in an `Any` goes no deeper than is bounded here.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::{Buf, Bytes};
use prost::encoding::{WireType, decode_key, decode_varint};
use prost_reflect::{DynamicMessage, Kind, MapKey, MessageDescriptor, ReflectMessage as _, SerializeOptions, Value};

use super::bounds::{NAME_BYTES_MAX, is_identifier};
use super::json::Json;
use super::{SchemaError, one_line};

/// The most values of a message.
const VALUES_MAX: usize = 1 << 20;
/// The longest JSON of a message, in bytes.
const JSON_BYTES_MAX: usize = 64 << 20;
/// Of types that are not known so many are named.
const UNKNOWN_TYPES_MAX: usize = 64;
/// The depth beyond which what an `Any` holds is not read.
const ANY_DEPTH_MAX: usize = 64;
/// The depth beyond which prost reads no messages.
const DEPTH_MAX: usize = 100;

/// A message in JSON, and what JSON does not say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The message, in canonical JSON, two spaces a level.
    pub json: String,
    /// Fields that the schema does not know, in all messages; they are not in the JSON.
    pub num_unknown_fields: usize,
    /// Bytes of these.
    pub num_unknown_bytes: usize,
    /// Values that have no canonical JSON: an `Any` of a type that the schema does not know, a time out of range. They are written by their fields, and
    /// what the JSON holds in their place cannot be encoded again.
    pub num_opaque: usize,
    /// Full names of the messages among these that an `Any` holds and the schema does not know, each once, the first 64. Whoever sent it wrote them.
    pub unknown_types: Vec<String>,
}

/// Reads a message and writes it as JSON.
pub(super) fn decode(message: &MessageDescriptor, bytes: &[u8]) -> Result<Decoded, SchemaError> {
    let mut writer = Writer {
        json: Json::new(JSON_BYTES_MAX),
        room: VALUES_MAX,
        found: Decoded { json: String::new(), num_unknown_fields: 0, num_unknown_bytes: 0, num_opaque: 0, unknown_types: Vec::new() },
    };
    let read = writer.read(message, Bytes::copy_from_slice(bytes)).map_err(|reason| match reason {
        Unread::TooLarge => too_large(message),
        Unread::Wire(reason) => SchemaError::Wire { message: message.full_name().to_owned(), reason },
    })?;
    writer.message(&read, 0);
    if writer.json.is_full() {
        return Err(too_large(message));
    }
    Ok(Decoded { json: writer.json.into_text(), ..writer.found })
}

fn too_large(message: &MessageDescriptor) -> SchemaError {
    SchemaError::TooLarge(format!("the {} holds more than {VALUES_MAX} values, or is longer than {JSON_BYTES_MAX} bytes of JSON", message.full_name()))
}

enum Unread {
    TooLarge,
    Wire(String),
}

struct Writer {
    json: Json,
    /// How many more values may be read.
    room: usize,
    found: Decoded,
}

impl Writer {
    fn read(&mut self, message: &MessageDescriptor, bytes: Bytes) -> Result<DynamicMessage, Unread> {
        count(Some(message), &bytes, 0, &mut self.room).ok_or(Unread::TooLarge)?;
        DynamicMessage::decode(message.clone(), bytes).map_err(|error| Unread::Wire(one_line(&error.to_string())))
    }

    fn message(&mut self, message: &DynamicMessage, depth: usize) {
        for unknown in message.unknown_fields() {
            self.found.num_unknown_fields += 1;
            self.found.num_unknown_bytes += unknown.encoded_len();
        }
        if self.well_known(message, depth) {
            return;
        }
        self.json.open('{');
        self.fields(message, depth);
        self.json.close('}');
    }

    fn fields(&mut self, message: &DynamicMessage, depth: usize) {
        for (field, value) in message.fields() {
            self.json.name(field.json_name());
            self.value(&field.kind(), value, depth);
        }
        for (extension, value) in message.extensions() {
            self.json.name(extension.json_name());
            self.value(&extension.kind(), value, depth);
        }
    }

    fn value(&mut self, kind: &Kind, value: &Value, depth: usize) {
        if self.json.is_full() {
            return self.json.plain("null");
        }
        match value {
            Value::Bool(value) => self.json.plain(value),
            Value::I32(value) => self.json.plain(value),
            Value::U32(value) => self.json.plain(value),
            Value::I64(value) => self.json.text(&value.to_string()),
            Value::U64(value) => self.json.text(&value.to_string()),
            Value::F32(value) => self.number(f64::from(*value), serde_json::to_string(value)),
            Value::F64(value) => self.number(*value, serde_json::to_string(value)),
            Value::String(value) => self.json.text(value),
            Value::Bytes(value) => self.json.text(&BASE64_STANDARD.encode(value)),
            Value::EnumNumber(number) => match kind.as_enum() {
                Some(one) if one.full_name() == "google.protobuf.NullValue" => self.json.plain("null"),
                Some(one) => match one.get_value(*number) {
                    Some(value) => self.json.text(value.name()),
                    None => self.json.plain(number),
                },
                None => self.json.plain(number),
            },
            Value::Message(message) => self.message(message, depth + 1),
            Value::List(values) => {
                self.json.open('[');
                for value in values {
                    self.value(kind, value, depth);
                }
                self.json.close(']');
            }
            Value::Map(values) => {
                let kind = kind.as_message().map_or(Kind::String, |entry| entry.map_entry_value_field().kind());
                let mut entries: Vec<_> = values.iter().collect();
                entries.sort_by_key(|(key, _)| *key);
                self.json.open('{');
                for (key, value) in entries {
                    self.json.name(&key_text(key));
                    self.value(&kind, value, depth);
                }
                self.json.close('}');
            }
        }
    }

    /// JSON has no word for what is no finite number; protobuf has.
    fn number(&mut self, value: f64, written: serde_json::Result<String>) {
        match written {
            Ok(written) if value.is_finite() => self.json.plain(written),
            _ if value.is_nan() => self.json.text("NaN"),
            _ => self.json.text(if value > 0.0 { "Infinity" } else { "-Infinity" }),
        }
    }

    /// Writes a message that has a form of its own in JSON. One whose content does not allow that is written by its fields.
    fn well_known(&mut self, message: &DynamicMessage, depth: usize) -> bool {
        let descriptor = message.descriptor();
        let Some(name) = descriptor.full_name().strip_prefix("google.protobuf.") else { return false };
        match name {
            "Any" => self.any(message, depth),
            "FloatValue" | "DoubleValue" | "Int32Value" | "Int64Value" | "UInt32Value" | "UInt64Value" | "BoolValue" | "StringValue" | "BytesValue" => {
                let Some(field) = descriptor.get_field(1) else { return false };
                self.value(&field.kind(), &message.get_field(&field), depth);
                true
            }
            "Timestamp" | "Duration" | "FieldMask" | "Struct" | "Value" | "ListValue" | "Empty" => {
                let written = message.serialize_with_options(serde_json::value::Serializer, &SerializeOptions::new());
                let Ok(value) = written else {
                    self.found.num_opaque += 1;
                    return false;
                };
                self.json.value(&value);
                true
            }
            _ => false,
        }
    }

    fn any(&mut self, any: &DynamicMessage, depth: usize) -> bool {
        let (url, value) = (any.get_field_by_number(1), any.get_field_by_number(2));
        let (Some(url), Some(bytes)) = (url.as_ref().and_then(|url| url.as_str()), value.as_ref().and_then(|value| value.as_bytes())) else { return false };
        let name = url.rsplit('/').next().unwrap_or_default();
        let message = any.descriptor().parent_pool().get_message_by_name(name).filter(|_| depth < ANY_DEPTH_MAX);
        if message.is_none() && depth < ANY_DEPTH_MAX {
            note_unknown(&mut self.found.unknown_types, name);
        }
        let read = message.and_then(|message| self.read(&message, bytes.clone()).ok());
        self.json.open('{');
        self.json.name("@type");
        self.json.text(url);
        match read {
            Some(read) if name.starts_with("google.protobuf.") => {
                self.json.name("value");
                self.message(&read, depth + 1);
            }
            Some(read) => {
                for unknown in read.unknown_fields() {
                    self.found.num_unknown_fields += 1;
                    self.found.num_unknown_bytes += unknown.encoded_len();
                }
                self.fields(&read, depth + 1);
            }
            None if url.is_empty() && bytes.is_empty() => {}
            None => {
                self.found.num_opaque += 1;
                self.json.name("value");
                self.json.text(&BASE64_STANDARD.encode(bytes));
            }
        }
        self.json.close('}');
        true
    }
}

/// Notes a type that is not known, where its name is one.
pub(super) fn note_unknown(types: &mut Vec<String>, name: &str) {
    let is_name = name.len() <= NAME_BYTES_MAX && name.split('.').all(is_identifier);
    if is_name && types.len() < UNKNOWN_TYPES_MAX && !types.iter().any(|known| known == name) {
        types.push(name.to_owned());
    }
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => key.clone(),
    }
}

/// Takes as many values as a message holds from what there is room for; `None` = there is not. What is no message any longer is left to its reader.
fn count(message: Option<&MessageDescriptor>, bytes: &[u8], depth: usize, room: &mut usize) -> Option<()> {
    let mut rest = bytes;
    while rest.has_remaining() {
        let Ok((number, wire_type)) = decode_key(&mut rest) else { break };
        *room = room.checked_sub(1)?;
        let skipped = match wire_type {
            WireType::Varint => decode_varint(&mut rest).map(|_| ()).ok(),
            WireType::SixtyFourBit => skip(&mut rest, 8),
            WireType::ThirtyTwoBit => skip(&mut rest, 4),
            // Its fields follow, and count as if they stood here.
            WireType::StartGroup | WireType::EndGroup => Some(()),
            WireType::LengthDelimited => {
                let Some(len) = decode_varint(&mut rest).ok().and_then(|len| usize::try_from(len).ok()).filter(|len| *len <= rest.len()) else { break };
                let (value, behind) = rest.split_at(len);
                rest = behind;
                match message.and_then(|message| message.get_field(number)).map(|field| (field.kind(), field.is_list())) {
                    Some((Kind::Message(inner), _)) if depth < DEPTH_MAX => count(Some(&inner), value, depth + 1, room)?,
                    Some((Kind::String | Kind::Bytes | Kind::Message(_), _) | (_, false)) | None => {}
                    Some((Kind::Double | Kind::Fixed64 | Kind::Sfixed64, true)) => *room = room.checked_sub(len / 8)?,
                    Some((Kind::Float | Kind::Fixed32 | Kind::Sfixed32, true)) => *room = room.checked_sub(len / 4)?,
                    // Each number ends with a byte below 128.
                    Some((_, true)) => *room = room.checked_sub(value.iter().filter(|byte| **byte < 0x80).count())?,
                }
                Some(())
            }
        };
        if skipped.is_none() {
            break;
        }
    }
    Some(())
}

fn skip(rest: &mut &[u8], len: usize) -> Option<()> {
    *rest = rest.get(len..)?;
    Some(())
}
