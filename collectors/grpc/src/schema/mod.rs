//! What a server can be asked, known only at run time: from reflection, from `.proto` files or from a set of descriptors. Descriptors come from
//! elsewhere, so that their size and number, and the work that they cause, have bounds.

mod assemble;
mod bounds;
mod decode;
mod descriptors;
mod encode;
mod json;
mod notes;
mod outline;
mod protos;
mod status;
mod template;
#[cfg(test)]
mod tests;

pub(crate) use assemble::assemble;
pub(crate) use bounds::{SCHEMA_BYTES_MAX, SCHEMA_FILES_MAX};
pub use decode::Decoded;
pub use descriptors::{Method, Schema, SchemaError};
pub(crate) use notes::{Notes, one_line};
pub use outline::FieldOutline;
pub use status::{StatusDetail, StatusDetailContent};
