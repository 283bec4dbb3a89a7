//! How the budget is split among what is stored.

/// Bytes for each kind of what is stored; what is left of the whole is for all that is derived from it, and for queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MemorySplit {
    /// Half of it.
    pub(super) spans: usize,
    /// Three tenths.
    pub(super) records: usize,
    /// A tenth.
    pub(super) logs: usize,
}

impl MemorySplit {
    /// Of a session's whole budget, bytes.
    pub(super) fn of(memory_bytes: usize) -> Self {
        Self { spans: memory_bytes / 2, records: memory_bytes / 10 * 3, logs: memory_bytes / 10 }
    }
}
