//! From the canonical JSON of protobuf to bytes.

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::{DeserializeOptions, DynamicMessage, MessageDescriptor};

use super::{SchemaError, one_line};

/// Writes what a text says. A field that the message does not have is an error that names it; `serde_json` goes no deeper than 128.
pub(super) fn encode(message: MessageDescriptor, json: &str) -> Result<Bytes, SchemaError> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let message = DynamicMessage::deserialize_with_options(message, &mut reader, &options).map_err(|error| told(&error))?;
    reader.end().map_err(|error| told(&error))?;
    Ok(message.encode_to_vec().into())
}

/// Without the place at the end, which has fields of its own.
fn told(error: &serde_json::Error) -> SchemaError {
    let words = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    SchemaError::Json { line: error.line(), column: error.column(), reason: one_line(words.strip_suffix(&place).unwrap_or(&words)) }
}
