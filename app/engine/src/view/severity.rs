//! How urgent a state is.

use serde::{Deserialize, Serialize};

/// How urgent a state is, the least first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// As it should be.
    #[default]
    Quiet,
    /// Worth a word; nothing is wrong.
    Notice,
    /// Not known, or known too long ago.
    Unknown,
    /// Going wrong.
    Warning,
    /// Wrong.
    Bad,
}
