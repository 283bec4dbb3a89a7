//! Which message: its cluster, its channel, and where it lies there, whatever its broker.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ClusterRef, Str, TextArena};

/// Where a message lies in its channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Place {
    /// In a log: a partition, and an offset in it (Kafka).
    Offset {
        /// The partition.
        partition: i32,
        /// The offset.
        offset: i64,
    },
    /// What its broker tells it by, in bytes that mean something to that broker alone.
    Opaque(Vec<u8>),
    /// Nothing that it could be found by again.
    #[default]
    None,
}

impl Place {
    /// In a partition, at an offset.
    pub fn at(partition: i32, offset: i64) -> Self {
        Self::Offset { partition, offset }
    }

    /// The partition, where it lies in one.
    pub fn partition(&self) -> Option<i32> {
        match self {
            Self::Offset { partition, .. } => Some(*partition),
            Self::Opaque(_) | Self::None => None,
        }
    }

    /// The offset, where it has one.
    pub fn offset(&self) -> Option<i64> {
        match self {
            Self::Offset { offset, .. } => Some(*offset),
            Self::Opaque(_) | Self::None => None,
        }
    }
}

/// As people see it everywhere: `2@100`, `0x0a7f`, and nothing for no place.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offset { partition, offset } => write!(f, "{partition}@{offset}"),
            Self::Opaque(bytes) => {
                f.write_str("0x")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::None => Ok(()),
        }
    }
}

/// The same place in a row of a batch or a segment: its bytes are in the arena beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlaceRow {
    /// As [`Place::Offset`].
    Offset {
        /// The partition.
        partition: i32,
        /// The offset.
        offset: i64,
    },
    /// As [`Place::Opaque`].
    Opaque(Str),
    /// As [`Place::None`].
    #[default]
    None,
}

impl PlaceRow {
    /// The place, with its bytes read from the arena beside it.
    pub fn place(self, text: &TextArena) -> Place {
        match self {
            Self::Offset { partition, offset } => Place::Offset { partition, offset },
            Self::Opaque(bytes) => Place::Opaque(text.bytes(bytes).to_vec()),
            Self::None => Place::None,
        }
    }
}

/// A message: by its place, and where it has none by its own id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MessageRef {
    /// Its cluster.
    pub cluster: ClusterRef,
    /// Its channel.
    pub channel: String,
    /// Where it lies there.
    pub place: Place,
    /// The id that its sender gave it; `None` = none, or unknown.
    pub message_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_in_one_way() {
        for (place, text) in [(Place::at(2, 100), "2@100"), (Place::Opaque(vec![0x0a, 0x7f]), "0x0a7f"), (Place::None, "")] {
            assert_eq!(place.to_string(), text);
        }
    }

    #[test]
    fn a_row_gives_its_place_back() {
        let mut text = TextArena::default();
        let opaque = PlaceRow::Opaque(text.push(&[1, 0, 255]));
        assert_eq!(opaque.place(&text), Place::Opaque(vec![1, 0, 255]));
        assert_eq!(PlaceRow::Offset { partition: 1, offset: 7 }.place(&text), Place::at(1, 7));
        assert_eq!(PlaceRow::None.place(&text), Place::None);
    }
}
