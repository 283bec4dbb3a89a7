//! What stands before every batch: the version of its format, who observed, and when.

use serde::{Deserialize, Serialize};

use crate::{BatchError, SourceId};

/// Version of the batch formats: it rises with each change of one. Whatever reads a batch back reads its header first, and a header of
/// another version is refused ([`BatchError::OtherVersion`]).
pub const BATCH_VERSION: u16 = 2;

/// The beginning of the year 2200, ns since the Unix epoch: what claims to have arrived later leaves no room to reckon with.
const LATEST_NS: i64 = 7_258_118_400_000_000_000;

/// What stands before every batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "HeaderRead")]
pub struct BatchHeader {
    /// Version of the format, [`BATCH_VERSION`].
    pub version: u16,
    /// The source that observed.
    pub source: SourceId,
    /// When the collector received it, ns since the Unix epoch by this machine's clock. The only clock the engine knows.
    pub received_ns: i64,
}

impl Default for BatchHeader {
    fn default() -> Self {
        Self { version: BATCH_VERSION, source: SourceId(0), received_ns: 0 }
    }
}

impl BatchHeader {
    /// Whether it is of this version, and of a time that any clock shows.
    pub(crate) fn check(&self) -> Result<(), BatchError> {
        if self.version != BATCH_VERSION {
            return Err(BatchError::OtherVersion { found: self.version });
        }
        if !(0..=LATEST_NS).contains(&self.received_ns) {
            return Err(BatchError::unsound("header.received_ns", "lies outside of the years 1970 to 2199"));
        }
        Ok(())
    }
}

/// A header as it is read back, before it is checked.
#[derive(Deserialize)]
struct HeaderRead {
    version: u16,
    source: SourceId,
    received_ns: i64,
}

impl TryFrom<HeaderRead> for BatchHeader {
    type Error = BatchError;

    fn try_from(HeaderRead { version, source, received_ns }: HeaderRead) -> Result<Self, BatchError> {
        let header = Self { version, source, received_ns };
        header.check()?;
        Ok(header)
    }
}
