//! What schema registries and compressors put before a value.

/// Length of Confluent's first framing: a zero and a schema id.
const CONFLUENT_LEN: usize = 5;
/// Length of a one and a GUID.
const GUID_LEN: usize = 17;
/// Length of AWS Glue's framing: a three, a compression, a UUID.
const GLUE_LEN: usize = 18;

/// What stands before a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Nothing that is known.
    None,
    /// Confluent's wire format: `00` and four bytes of schema id.
    Confluent {
        /// The schema's id in its registry.
        schema_id: u32,
    },
    /// Confluent's newer one: `01` and 16 bytes.
    ConfluentGuid {
        /// The schema's GUID.
        guid: u128,
    },
    /// AWS Glue: `03`, `00` (plain) or `05` (zlib), and 16 bytes.
    Glue {
        /// The schema version's UUID.
        version: u128,
        /// Whether the rest is compressed with zlib.
        compressed: bool,
    },
    /// A compressor's magic bytes; named, not undone.
    Compressed(&'static str),
}

impl Framing {
    /// Reads it. Text never begins with the bytes that framings begin with.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let wide = |at: usize| bytes.get(at..at + 16).and_then(|id| id.try_into().ok()).map(u128::from_be_bytes);
        match bytes {
            [0, a, b, c, d, _, ..] => Self::Confluent { schema_id: u32::from_be_bytes([*a, *b, *c, *d]) },
            [1, ..] if bytes.len() > GUID_LEN => wide(1).map_or(Self::None, |guid| Self::ConfluentGuid { guid }),
            [3, how @ (0 | 5), ..] if bytes.len() > GLUE_LEN => wide(2).map_or(Self::None, |version| Self::Glue { version, compressed: *how == 5 }),
            [0x1f, 0x8b, ..] => Self::Compressed("gzip"),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Compressed("zstd"),
            [0x04, 0x22, 0x4d, 0x18, ..] => Self::Compressed("lz4"),
            _ => Self::None,
        }
    }

    /// How many bytes before the value are its own.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::None | Self::Compressed(_) => 0,
            Self::Confluent { .. } => CONFLUENT_LEN,
            Self::ConfluentGuid { .. } => GUID_LEN,
            Self::Glue { .. } => GLUE_LEN,
        }
    }

    /// In words: `schema id 57 (Confluent)`; `None` where there is none.
    pub(crate) fn in_words(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Confluent { schema_id } => Some(format!("schema id {schema_id} (Confluent framing)")),
            Self::ConfluentGuid { guid } => Some(format!("schema {} (Confluent framing)", uuid(*guid))),
            Self::Glue { version, compressed } => {
                Some(format!("schema version {} (AWS Glue framing{})", uuid(*version), if *compressed { ", zlib" } else { "" }))
            }
            Self::Compressed(how) => Some(format!("{how} by its first bytes")),
        }
    }
}

/// 128 bits as UUIDs are written.
pub(super) fn uuid(id: u128) -> String {
    let hex = format!("{id:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framings_are_told_by_their_first_bytes() {
        let mut glue = vec![3, 5];
        glue.extend(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes());
        glue.push(0);
        let mut guid = vec![1];
        guid.extend([7; 16]);
        guid.push(0);
        for (bytes, words, len) in [
            (b"\0\0\0\0\x39x".as_slice(), Some("schema id 57 (Confluent framing)"), 5),
            (&glue, Some("schema version 4bf92f35-77b3-4da6-a3ce-929d0e0e4736 (AWS Glue framing, zlib)"), 18),
            (&guid, Some("schema 07070707-0707-0707-0707-070707070707 (Confluent framing)"), 17),
            (&[0x1f, 0x8b, 8], Some("gzip by its first bytes"), 0),
            (b"{}", None, 0),
            (&[0, 0, 0, 0, 57], None, 0),
            (&[1, 2], None, 0),
            (&[], None, 0),
        ] {
            let framing = Framing::read(bytes);
            assert_eq!((framing.in_words().as_deref(), framing.len()), (words, len), "{bytes:?}");
        }
    }
}
