//! What a file of descriptors may cost. `prost` bounds how deep messages lie in each other (100) while it reads them; the rest is bounded here, before a
//! pool of descriptors is made of them.

use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto};

/// The most bytes of descriptors.
pub(crate) const SCHEMA_BYTES_MAX: usize = 32 << 20;
/// The most files.
pub(crate) const SCHEMA_FILES_MAX: usize = 20_000;
/// The longest full name, in bytes: each part of it repeats all of those before.
pub(super) const NAME_BYTES_MAX: usize = 1_024;
/// Bytes of all full names together.
const NAMES_BYTES_MAX: usize = 128 << 20;
/// Comparisons of numbers with reserved ranges, and values of an enum moved while they are put in order.
const WORK_MAX: u64 = 4_000_000_000;

/// What is left of the bounds for a whole schema.
#[derive(Debug)]
pub(crate) struct Bounds {
    names_bytes: usize,
    work: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { names_bytes: NAMES_BYTES_MAX, work: WORK_MAX }
    }
}

impl Bounds {
    /// Takes what a file costs, or says why it has to be left out.
    pub fn take(&mut self, file: &FileDescriptorProto) -> Result<(), String> {
        let package = file.package().len();
        // Another syntax makes prost-reflect panic.
        if !matches!(file.syntax.as_deref(), None | Some("proto2" | "proto3")) {
            return Err(format!("its syntax {} is not known", super::one_line(file.syntax())));
        }
        if package > NAME_BYTES_MAX || file.name().len() > NAME_BYTES_MAX {
            return Err(name_too_long());
        }
        if package > 0 && !file.package().split('.').all(is_identifier) {
            return Err(format!("its package {} is no name", super::one_line(file.package())));
        }
        self.fields(&file.extension, package)?;
        for message in &file.message_type {
            self.message(message, package)?;
        }
        for one in &file.enum_type {
            self.values(one, package)?;
        }
        for service in &file.service {
            let full = self.name(package, service.name())?;
            for method in &service.method {
                self.name(full, method.name())?;
            }
        }
        Ok(())
    }

    fn message(&mut self, message: &DescriptorProto, parent: usize) -> Result<(), String> {
        let full = self.name(parent, message.name())?;
        if message.options.as_ref().is_some_and(prost_reflect::prost_types::MessageOptions::map_entry) {
            map_entry(message)?;
        }
        let num_ranges = message.reserved_range.len() + message.extension_range.len() + message.reserved_name.len();
        self.work(message.field.len(), num_ranges)?;
        self.fields(&message.field, full)?;
        self.fields(&message.extension, full)?;
        for oneof in &message.oneof_decl {
            self.name(full, oneof.name())?;
        }
        for one in &message.enum_type {
            self.values(one, full)?;
        }
        // Read by prost, which goes no deeper than 100.
        message.nested_type.iter().try_for_each(|nested| self.message(nested, full))
    }

    fn fields(&mut self, fields: &[FieldDescriptorProto], parent: usize) -> Result<(), String> {
        for field in fields {
            self.name(parent, field.name())?;
            if field.type_name().len().max(field.json_name().len()).max(field.extendee().len()) > NAME_BYTES_MAX {
                return Err(name_too_long());
            }
        }
        Ok(())
    }

    fn values(&mut self, one: &EnumDescriptorProto, parent: usize) -> Result<(), String> {
        let full = self.name(parent, one.name())?;
        if one.value.is_empty() {
            return Err(format!("the enum {} has no values", super::one_line(one.name())));
        }
        self.work(one.value.len(), one.value.len() + one.reserved_range.len() + one.reserved_name.len())?;
        for value in &one.value {
            self.name(full, value.name())?;
        }
        Ok(())
    }

    fn name(&mut self, parent: usize, name: &str) -> Result<usize, String> {
        let full = parent + 1 + name.len();
        if full > NAME_BYTES_MAX {
            return Err(name_too_long());
        }
        if !is_identifier(name) {
            return Err(format!("something in it is called {}, which is no name", super::one_line(&format!("{name:?}"))));
        }
        self.names_bytes = self.names_bytes.checked_sub(full).ok_or_else(|| format!("the names of all files are longer than {NAMES_BYTES_MAX} bytes"))?;
        Ok(full)
    }

    fn work(&mut self, one: usize, other: usize) -> Result<(), String> {
        let work = (one as u64).saturating_mul(other as u64);
        self.work = self.work.checked_sub(work).ok_or_else(|| "it holds more values or reserved numbers than are looked through".to_owned())?;
        Ok(())
    }
}

/// A name as protobuf's grammar has it: paths of methods and of fields are made of them.
pub(super) fn is_identifier(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn name_too_long() -> String {
    format!("a name in it is longer than {NAME_BYTES_MAX} bytes")
}

/// An entry of a map is a key (1) and a value (2), each once. What reads messages takes that for granted.
fn map_entry(message: &DescriptorProto) -> Result<(), String> {
    let is_key = |field: &FieldDescriptorProto| !matches!(field.r#type(), Type::Double | Type::Float | Type::Bytes | Type::Message | Type::Group | Type::Enum);
    let is_entry = match message.field.as_slice() {
        [one, other] => {
            let (key, value) = if one.number() == 1 { (one, other) } else { (other, one) };
            let is_once = |field: &FieldDescriptorProto| field.label() != Label::Repeated && field.oneof_index.is_none();
            (key.number(), value.number()) == (1, 2) && key.r#type.is_some() && key.type_name().is_empty() && is_key(key) && is_once(key) && is_once(value)
        }
        _ => false,
    };
    if is_entry { Ok(()) } else { Err(format!("{} is called an entry of a map and is none", super::one_line(message.name()))) }
}
