//! The fields of a message, for an editor that completes their names.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

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
    /// The names that it can have, where it is of an enum.
    pub enum_values: Vec<String>,
    /// The group of which at most one field is set; `None` = it is in none.
    pub oneof: Option<String>,
    /// Whether it is a list.
    pub is_repeated: bool,
    /// Whether it is a map.
    pub is_map: bool,
}

/// The fields in the order of their file.
pub(super) fn outline(message: &MessageDescriptor) -> Vec<FieldOutline> {
    let mut fields: Vec<_> = message.fields().collect();
    fields.sort_by_key(|field| field.path().last().copied());
    fields.iter().map(field_outline).collect()
}

fn field_outline(field: &FieldDescriptor) -> FieldOutline {
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
        enum_values: match &kind {
            Kind::Enum(one) => one.values().map(|value| value.name().to_owned()).collect(),
            _ => Vec::new(),
        },
        oneof: field.containing_oneof().filter(|oneof| !oneof.is_synthetic()).map(|oneof| oneof.name().to_owned()),
        is_repeated: field.is_list(),
        is_map: entry.is_some(),
    }
}
