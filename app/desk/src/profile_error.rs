//! Why a profile cannot be used. No message repeats a secret.

use std::path::PathBuf;

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The file could not be read.
    #[error("cannot read the profile {path}: {reason}. Check the path, or start without --profile to listen for OTLP only")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It is no profile.
    #[error("the profile {path} is not valid: {reason}. assets/profiles/sample.toml explains every field")]
    Parse {
        /// The file.
        path: String,
        /// Where and why, without any value of the file.
        reason: String,
    },
    /// A field's value makes no sense.
    #[error("the profile says {field} = {value:?}: {reason}")]
    Value {
        /// The field.
        field: String,
        /// Its value.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A secret could not be got.
    #[error("{field} comes from {origin}: {reason}")]
    Secret {
        /// The field.
        field: String,
        /// Where it should come from.
        origin: String,
        /// Why it does not.
        reason: String,
    },
}

impl ProfileError {
    /// A value that makes no sense. What has an @ in it may be an address with a password: it is not repeated.
    pub(crate) fn value(field: &str, value: &str, reason: &str) -> Self {
        let value = if value.contains('@') { "(hidden)" } else { value };
        Self::Value { field: field.to_owned(), value: value.to_owned(), reason: reason.to_owned() }
    }
}
