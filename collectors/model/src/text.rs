//! The text arena of a batch: every distinct string once, named by its index.

use serde::{Deserialize, Serialize};

use crate::BatchError;

/// The index of a string in its batch's [`TextArena`]. Index 0 is always the empty string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Str(pub u32);

impl Str {
    /// The empty string, which rows use for "absent".
    pub const EMPTY: Self = Self(0);

    /// Whether this is the empty string.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The index as a number.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Bytes of all strings of a batch, end to end, and where each ends. Holds raw bytes, so that binary header
/// and attribute values share it; [`TextArena::get`] gives text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ArenaRead")]
pub struct TextArena {
    bytes: Vec<u8>,
    /// `ends[i]` is where string `i` ends; it begins where its predecessor ends.
    ends: Vec<u32>,
}

impl Default for TextArena {
    fn default() -> Self {
        Self { bytes: Vec::new(), ends: vec![0] }
    }
}

impl TextArena {
    /// An arena with room for so many bytes and strings.
    pub fn with_capacity(num_bytes: usize, num_strings: usize) -> Self {
        let mut ends = Vec::with_capacity(num_strings + 1);
        ends.push(0);
        Self { bytes: Vec::with_capacity(num_bytes), ends }
    }

    /// Appends a string without looking for an equal one; the empty string is always [`Str::EMPTY`].
    pub fn push(&mut self, text: &[u8]) -> Str {
        if text.is_empty() {
            return Str::EMPTY;
        }
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len() as u32);
        Str(self.ends.len() as u32 - 1)
    }

    /// The bytes of a string; empty for an index that is not of this arena.
    #[inline]
    pub fn bytes(&self, text: Str) -> &[u8] {
        let Some(&end) = self.ends.get(text.index()) else { return &[] };
        let start = if text.0 == 0 { 0 } else { self.ends[text.index() - 1] };
        &self.bytes[start as usize..end as usize]
    }

    /// The string as text; bytes that are not UTF-8 read as one replacement character.
    #[inline]
    pub fn get(&self, text: Str) -> &str {
        std::str::from_utf8(self.bytes(text)).unwrap_or("\u{fffd}")
    }

    /// How many strings there are, the empty one included.
    pub fn num_strings(&self) -> usize {
        self.ends.len()
    }

    /// Gives back what was reserved and not used.
    pub fn shrink_to_fit(&mut self) {
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    /// How many bytes the arena holds by capacity.
    pub fn size_bytes(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * 4
    }
}

/// An arena as it is read back, before it is checked.
#[derive(Deserialize)]
struct ArenaRead {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl TryFrom<ArenaRead> for TextArena {
    type Error = BatchError;

    fn try_from(ArenaRead { bytes, ends }: ArenaRead) -> Result<Self, BatchError> {
        if ends.first() != Some(&0) {
            return Err(BatchError::unsound("text.ends[0]", "is not where the empty text ends"));
        }
        if let Some(at) = ends.windows(2).position(|pair| pair[0] >= pair[1]) {
            let why = format!("is {}, and the text before ends at {}", ends[at + 1], ends[at]);
            return Err(BatchError::unsound(format!("text.ends[{}]", at + 1), why));
        }
        let last = ends.last().copied().unwrap_or(0);
        if last as usize != bytes.len() {
            return Err(BatchError::unsound("text.bytes", format!("are {}, and the last text ends at {last}", bytes.len())));
        }
        Ok(Self { bytes, ends })
    }
}
