//! What stands before every batch: the version of its format, who observed, and when.

use serde::{Deserialize, Serialize};

use crate::SourceId;

/// Version of the batch formats: it rises with each change of one. Whatever reads a batch back reads its header first, and a header of
/// another version is refused ([`OtherVersion`]).
pub const BATCH_VERSION: u16 = 2;

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

/// A batch of another version was to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the batch is of version {found}, and only version {BATCH_VERSION} can be read here. Read it with the Switchboard that wrote it")]
pub struct OtherVersion {
    /// Its version.
    pub found: u16,
}

/// A header as it is read back, of whatever version.
#[derive(Deserialize)]
struct HeaderRead {
    version: u16,
    source: SourceId,
    received_ns: i64,
}

impl TryFrom<HeaderRead> for BatchHeader {
    type Error = OtherVersion;

    fn try_from(HeaderRead { version, source, received_ns }: HeaderRead) -> Result<Self, OtherVersion> {
        if version == BATCH_VERSION { Ok(Self { version, source, received_ns }) } else { Err(OtherVersion { found: version }) }
    }
}
