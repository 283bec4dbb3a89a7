//! Where an item is stored.

use crate::view::RowId;

/// Where an item is stored: 8 bytes that stay valid until its segment is evicted, and then find nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoredAt {
    /// Number of the segment; rises with arrival.
    pub segment: u32,
    /// Row in the segment.
    pub row: u16,
}

impl From<StoredAt> for RowId {
    fn from(at: StoredAt) -> Self {
        Self(u64::from(at.segment) << 16 | u64::from(at.row))
    }
}

impl From<RowId> for StoredAt {
    fn from(row: RowId) -> Self {
        Self { segment: (row.0 >> 16) as u32, row: row.0 as u16 }
    }
}
