//! A span of time.

/// A span of time: `[from_ns, to_ns)`, ns since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First instant in it.
    pub from_ns: i64,
    /// First instant after it.
    pub to_ns: i64,
}
