//! A schema: services, their methods, and the messages that they take and give.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::prost_types::{FileDescriptorSet, MethodOptions};
use prost_reflect::{DescriptorPool, MessageDescriptor, MethodDescriptor};

use super::{Decoded, FieldOutline, Notes, SCHEMA_BYTES_MAX, StatusDetail, assemble, one_line};

/// What a server can be asked. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Schema {
    pool: DescriptorPool,
    notes: Arc<[String]>,
}

/// A method of a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Method {
    /// `/package.Service/Method`, by which it is called.
    pub path: String,
    /// The service's full name.
    pub service: String,
    /// The method's own name.
    pub name: String,
    /// Whether it takes any number of messages.
    pub client_streaming: bool,
    /// Whether it gives any number of messages.
    pub server_streaming: bool,
    /// Full name of the message that it takes.
    pub input: String,
    /// Full name of the message that it gives.
    pub output: String,
    /// Whether its author says that it should not be called any longer.
    pub deprecated: bool,
}

/// Why a schema, or a message by it, cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// The bytes are no set of descriptors.
    #[error("this is no set of descriptors ({0}). Make one by protoc --include_imports --descriptor_set_out, or buf build -o")]
    NoDescriptors(String),
    /// A `.proto` file cannot be read; the text begins with its name, line and column where they are known.
    #[error("{0}")]
    Proto(String),
    /// There is more than is read.
    #[error("{0}")]
    TooLarge(String),
    /// The schema has no such method.
    #[error("the schema knows no method {0}. Read it anew, or name .proto files that have it")]
    NoSuchMethod(String),
    /// A text is not the JSON of the message.
    #[error("line {line}, column {column}: {reason}")]
    Json {
        /// From 1.
        line: usize,
        /// From 1; 0 = before the line's first character.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// Bytes are not those of the message.
    #[error("the bytes are no {message} ({reason}). Server and schema may be of different versions")]
    Wire {
        /// The message's full name.
        message: String,
        /// What is wrong.
        reason: String,
    },
}

impl Schema {
    /// A schema of nothing, for servers that do not tell theirs: calls are made of bytes, and details of a status are still read.
    pub fn empty() -> Self {
        Self::new(assemble(Vec::new(), &mut Notes::default()), Notes::default())
    }

    pub(crate) fn new(pool: DescriptorPool, notes: Notes) -> Self {
        Self { pool, notes: notes.into_lines().into() }
    }

    /// Reads a `FileDescriptorSet`, as `protoc --include_imports --descriptor_set_out` writes it.
    pub fn from_descriptor_set(bytes: &[u8]) -> Result<Self, SchemaError> {
        if bytes.len() > SCHEMA_BYTES_MAX {
            return Err(SchemaError::TooLarge(format!("the set of descriptors has {} bytes, more than {SCHEMA_BYTES_MAX}", bytes.len())));
        }
        let set = FileDescriptorSet::decode(bytes).map_err(|error| SchemaError::NoDescriptors(one_line(&error.to_string())))?;
        if set.file.is_empty() {
            return Err(SchemaError::NoDescriptors("it holds no file".to_owned()));
        }
        let mut notes = Notes::default();
        let pool = assemble(set.file, &mut notes);
        Ok(Self::new(pool, notes))
    }

    /// Compiles `.proto` files. What they import is looked for in the folders given, in their order; without one, beside the files.
    pub fn from_protos(files: &[PathBuf], roots: &[PathBuf]) -> Result<Self, SchemaError> {
        let mut notes = Notes::default();
        let pool = assemble(super::protos::compile(files, roots)?, &mut notes);
        Ok(Self::new(pool, notes))
    }

    /// What was left out, and why: at most a hundred lines.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// All methods, by service and name.
    pub fn methods(&self) -> Vec<Method> {
        let mut methods: Vec<_> = self.pool.services().flat_map(|service| service.methods().map(|method| told(&method)).collect::<Vec<_>>()).collect();
        methods.sort();
        methods
    }

    /// The method that is called by `/package.Service/Method`.
    pub fn method(&self, path: &str) -> Option<Method> {
        self.find(path).map(|method| told(&method))
    }

    /// A message to begin with for a method, in JSON: each field once, with a value that says nothing. Where messages hold themselves it ends at the
    /// fourth level, and nowhere is it longer than 64 KiB.
    pub fn template(&self, path: &str) -> Result<String, SchemaError> {
        Ok(super::template::template(&self.message(path, true)?))
    }

    /// The fields of a message, one level deep, by its full name; `None` if the schema does not know it.
    pub fn outline(&self, message: &str) -> Option<Vec<FieldOutline>> {
        self.pool.get_message_by_name(message).map(|message| super::outline::outline(&message))
    }

    /// Full names of the messages that a `google.protobuf.Any` can hold, in order.
    pub fn types(&self) -> Vec<String> {
        super::outline::types(self.pool.all_messages())
    }

    /// A `google.protobuf.Any` that holds a message, JSON, to begin with; `None` if the schema does not know the message.
    pub fn any_example(&self, message: &str) -> Option<String> {
        self.pool.get_message_by_name(message).map(|message| super::template::any_example(&message))
    }

    /// A message for a method, from the canonical JSON of protobuf to bytes.
    pub fn encode(&self, path: &str, json: &str) -> Result<Bytes, SchemaError> {
        super::encode::encode(self.message(path, true)?, json)
    }

    /// A message to a method, or from it, from bytes to the canonical JSON of protobuf.
    pub fn decode(&self, path: &str, is_input: bool, bytes: &[u8]) -> Result<Decoded, SchemaError> {
        super::decode::decode(&self.message(path, is_input)?, bytes)
    }

    /// The details of a status (`grpc-status-details-bin`). What cannot be read is given as it came.
    pub fn status_details(&self, details: &[u8]) -> Vec<StatusDetail> {
        super::status::status_details(&self.pool, details)
    }

    /// Full names of the messages that details of a status are and neither the schema nor we know, each once, the first 64.
    pub fn unknown_details(&self, details: &[u8]) -> Vec<String> {
        super::status::unknown_details(&self.pool, details)
    }

    fn find(&self, path: &str) -> Option<MethodDescriptor> {
        let (service, name) = path.strip_prefix('/')?.split_once('/')?;
        self.pool.get_service_by_name(service)?.methods().find(|method| method.name() == name)
    }

    fn message(&self, path: &str, is_input: bool) -> Result<MessageDescriptor, SchemaError> {
        let method = self.find(path).ok_or_else(|| SchemaError::NoSuchMethod(one_line(path)))?;
        Ok(if is_input { method.input() } else { method.output() })
    }
}

fn told(method: &MethodDescriptor) -> Method {
    let service = method.parent_service().full_name().to_owned();
    Method {
        path: format!("/{service}/{}", method.name()),
        name: method.name().to_owned(),
        client_streaming: method.is_client_streaming(),
        server_streaming: method.is_server_streaming(),
        input: method.input().full_name().to_owned(),
        output: method.output().full_name().to_owned(),
        deprecated: method.method_descriptor_proto().options.as_ref().is_some_and(MethodOptions::deprecated),
        service,
    }
}
