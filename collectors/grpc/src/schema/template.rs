//! A message to begin with, in JSON.

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use super::json::Json;

/// Where messages hold themselves, the level at which that ends.
const RECURSION_DEPTH: usize = 4;
/// How deep messages are written in any case.
const DEPTH_MAX: usize = 16;
/// The longest template, in bytes: no field is begun beyond what leaves room to close all that is open.
const BYTES_MAX: usize = (64 << 10) - (8 << 10);

/// Each field once, with a value that says nothing: what is cut is `null`, an empty list or an empty object, all of which mean that nothing is set.
pub(super) fn template(message: &MessageDescriptor) -> String {
    let mut template = Template { json: Json::new(BYTES_MAX), within: Vec::new() };
    template.message(message);
    template.json.into_text()
}

/// A value to begin with, of a field or of an element of one.
pub(super) fn example(kind: &Kind) -> String {
    let mut template = Template { json: Json::new(BYTES_MAX), within: Vec::new() };
    template.value(kind);
    template.json.into_text()
}

/// The key of a map's entry to begin with.
pub(super) fn key_example(kind: &Kind) -> &'static str {
    match kind {
        Kind::String => "",
        Kind::Bool => "false",
        _ => "0",
    }
}

/// A `google.protobuf.Any` that holds this message.
pub(super) fn any_example(message: &MessageDescriptor) -> String {
    let mut template = Template { json: Json::new(BYTES_MAX), within: Vec::new() };
    template.json.open('{');
    template.json.name("@type");
    template.json.text(&format!("type.googleapis.com/{}", message.full_name()));
    if has_own_form(message.full_name()) {
        template.json.name("value");
        template.message(message);
    } else {
        template.fields(message);
    }
    template.json.close('}');
    template.json.into_text()
}

/// Whether a message has a form of its own in JSON.
fn has_own_form(name: &str) -> bool {
    Template { json: Json::new(BYTES_MAX), within: Vec::new() }.well_known(name)
}

struct Template {
    json: Json,
    /// The messages that are open, outermost first.
    within: Vec<String>,
}

impl Template {
    fn message(&mut self, message: &MessageDescriptor) {
        if self.well_known(message.full_name()) {
            return;
        }
        self.json.open('{');
        self.fields(message);
        self.json.close('}');
    }

    fn fields(&mut self, message: &MessageDescriptor) {
        self.within.push(message.full_name().to_owned());
        for field in message.fields() {
            if self.json.is_full() {
                break;
            }
            // A oneof is one of its members.
            let is_first = field.containing_oneof().is_none_or(|oneof| oneof.fields().next().is_some_and(|first| first.number() == field.number()));
            if is_first {
                self.field(&field);
            }
        }
        self.within.pop();
    }

    fn field(&mut self, field: &FieldDescriptor) {
        self.json.name(field.json_name());
        if field.is_map() {
            let Kind::Message(entry) = field.kind() else { return self.json.plain("{}") };
            let value = entry.map_entry_value_field().kind();
            self.json.open('{');
            if !self.is_cut(&value) {
                self.json.name(key_example(&entry.map_entry_key_field().kind()));
                self.value(&value);
            }
            self.json.close('}');
        } else if field.is_list() {
            self.json.open('[');
            if !self.is_cut(&field.kind()) {
                self.value(&field.kind());
            }
            self.json.close(']');
        } else if self.is_cut(&field.kind()) {
            self.json.plain("null");
        } else {
            self.value(&field.kind());
        }
    }

    fn is_cut(&self, kind: &Kind) -> bool {
        let Kind::Message(message) = kind else { return false };
        let is_recursive = self.within.iter().any(|open| open == message.full_name());
        self.json.is_full() || self.within.len() >= if is_recursive { RECURSION_DEPTH } else { DEPTH_MAX }
    }

    fn value(&mut self, kind: &Kind) {
        match kind {
            Kind::Message(message) => self.message(message),
            Kind::Enum(one) => self.first(one),
            Kind::String | Kind::Bytes => self.json.text(""),
            Kind::Bool => self.json.plain(false),
            Kind::Int64 | Kind::Uint64 | Kind::Sint64 | Kind::Fixed64 | Kind::Sfixed64 => self.json.text("0"),
            Kind::Double | Kind::Float | Kind::Int32 | Kind::Uint32 | Kind::Sint32 | Kind::Fixed32 | Kind::Sfixed32 => self.json.plain(0),
        }
    }

    fn first(&mut self, one: &EnumDescriptor) {
        if one.full_name() == "google.protobuf.NullValue" {
            self.json.plain("null");
        } else {
            self.json.text(one.values().next().as_ref().map_or("", |value| value.name()));
        }
    }

    /// Writes a message that has a form of its own in JSON.
    fn well_known(&mut self, name: &str) -> bool {
        let Some(name) = name.strip_prefix("google.protobuf.") else { return false };
        match name {
            "Timestamp" => self.json.text("1970-01-01T00:00:00Z"),
            "Duration" => self.json.text("0s"),
            "FieldMask" | "StringValue" | "BytesValue" => self.json.text(""),
            "Int64Value" | "UInt64Value" => self.json.text("0"),
            "DoubleValue" | "FloatValue" | "Int32Value" | "UInt32Value" => self.json.plain(0),
            "BoolValue" => self.json.plain(false),
            "Struct" | "Empty" => self.json.plain("{}"),
            "ListValue" => self.json.plain("[]"),
            "Value" => self.json.plain("null"),
            "Any" => {
                self.json.open('{');
                self.json.name("@type");
                self.json.text("type.googleapis.com/google.protobuf.Empty");
                self.json.name("value");
                self.json.plain("{}");
                self.json.close('}');
            }
            _ => return false,
        }
        true
    }
}
