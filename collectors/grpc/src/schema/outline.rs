//! The fields of a message, for an editor that offers them with what they can be.

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use super::template::{example, key_example};

/// Fields that a mask names at most where it is offered.
const MASK_FIELDS_MAX: usize = 32;

/// A field of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldOutline {
    /// As the `.proto` file names it.
    pub name: String,
    /// As JSON names it.
    pub json_name: String,
    /// Its type in words, such as `string`, `list of shop.Item` or `map from string to int64`.
    pub type_words: String,
    /// Full name of the message that it holds, or that its list or map is of; `None` = something else.
    pub message: Option<String>,
    /// Values that it, or an element of its list or map, can have, JSON: all of an enum, some of what has a form of its own.
    pub choices: Vec<String>,
    /// The group of which at most one field is set; `None` = it is in none.
    pub oneof: Option<String>,
    /// Whether it is a list.
    pub is_repeated: bool,
    /// Where it is a map, a key to begin with; `None` = it is none.
    pub map_key: Option<&'static str>,
    /// A value to begin with, JSON; of a list or a map, one of an element.
    pub example: String,
}

/// The fields in the order of their file.
pub(super) fn outline(message: &MessageDescriptor) -> Vec<FieldOutline> {
    let mut fields: Vec<_> = message.fields().collect();
    fields.sort_by_key(|field| field.path().last().copied());
    fields.iter().map(|field| field_outline(field, &fields)).collect()
}

/// Full names of the messages that a `google.protobuf.Any` can hold, in order.
pub(super) fn types(messages: impl Iterator<Item = MessageDescriptor>) -> Vec<String> {
    let mut types: Vec<String> = messages.filter(|message| !message.is_map_entry()).map(|message| message.full_name().to_owned()).collect();
    types.sort_unstable();
    types
}

fn field_outline(field: &FieldDescriptor, siblings: &[FieldDescriptor]) -> FieldOutline {
    let entry = if field.is_map() { field.kind().as_message().cloned() } else { None };
    let kind = entry.as_ref().map_or_else(|| field.kind(), |entry| entry.map_entry_value_field().kind());
    // `Debug` of a kind is its name in a .proto file.
    let type_words = match &entry {
        Some(entry) => format!("map from {:?} to {kind:?}", entry.map_entry_key_field().kind()),
        None if field.is_list() => format!("list of {kind:?}"),
        None => format!("{kind:?}"),
    };
    FieldOutline {
        name: field.name().to_owned(),
        json_name: field.json_name().to_owned(),
        type_words,
        message: kind.as_message().map(|message| message.full_name().to_owned()),
        choices: choices(&kind, siblings),
        oneof: field.containing_oneof().filter(|oneof| !oneof.is_synthetic()).map(|oneof| oneof.name().to_owned()),
        is_repeated: field.is_list(),
        map_key: entry.as_ref().map(|entry| key_example(&entry.map_entry_key_field().kind())),
        example: example(&kind),
    }
}

fn choices(kind: &Kind, siblings: &[FieldDescriptor]) -> Vec<String> {
    let some = |choices: &[&str]| choices.iter().map(|json| (*json).to_owned()).collect();
    match kind {
        Kind::Enum(one) => names(one),
        Kind::Bool => some(&["true", "false"]),
        Kind::Message(message) => match message.full_name().strip_prefix("google.protobuf.") {
            Some("Timestamp") => some(&["\"2026-01-31T12:00:00Z\"", "\"2026-01-31T13:00:00.123456789+01:00\""]),
            Some("Duration") => some(&["\"60s\"", "\"1.500s\"", "\"-1s\""]),
            Some("FieldMask") => masks(siblings),
            Some("Struct") => some(&["{\"name\": \"value\"}", "{}"]),
            Some("Value") => some(&["null", "true", "0", "\"\"", "{}", "[]"]),
            Some("ListValue") => some(&["[\"value\"]", "[]"]),
            Some("BoolValue") => some(&["true", "false", "null"]),
            Some("StringValue" | "BytesValue") => some(&["\"\"", "null"]),
            Some("Int64Value" | "UInt64Value") => some(&["\"0\"", "null"]),
            Some("DoubleValue" | "FloatValue" | "Int32Value" | "UInt32Value") => some(&["0", "null"]),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn names(one: &EnumDescriptor) -> Vec<String> {
    if one.full_name() == "google.protobuf.NullValue" {
        return vec!["null".to_owned()];
    }
    one.values().map(|value| quoted(value.name())).collect()
}

/// All fields of each message beside it: a mask mostly says which of one are meant.
fn masks(siblings: &[FieldDescriptor]) -> Vec<String> {
    let messages = siblings.iter().filter(|field| !field.is_list() && !field.is_map()).filter_map(|field| field.kind().as_message().cloned());
    let others = messages.filter(|message| !message.full_name().starts_with("google.protobuf."));
    let mask = |message: MessageDescriptor| message.fields().take(MASK_FIELDS_MAX).map(|field| field.json_name().to_owned()).collect::<Vec<_>>().join(",");
    others.map(|message| quoted(&mask(message))).filter(|mask| mask != "\"\"").collect()
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
