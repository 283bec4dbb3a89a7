//! Secrets are replaced before anything is stored: by the name of header or attribute, and by the value's shape.

mod bytes;
mod card;
mod facts;
mod issuer;
mod marks;
mod names;
mod quote;
mod shape;
mod value;

use std::borrow::Cow;
use std::hash::Hasher;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};

use names::{Names, Verdict};
use shape::secret_ranges;

/// A keyed hash of raw bytes. Equal bytes have equal hashes under one key; without the key it tells nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RawHash(pub u128);

impl RawHash {
    /// Stands for one that is not known: no bytes have it.
    pub const UNKNOWN: Self = Self(0);

    /// Of parts in their order, under a key: null and empty hash apart, and so does what is divided otherwise.
    pub fn of(key: &[u8; 16], parts: &[Option<&[u8]>]) -> Self {
        let mut hasher = SipHasher13::new_with_key(key);
        for part in parts {
            match part {
                None => hasher.write_u64(u64::MAX),
                Some(bytes) => {
                    hasher.write_u64(bytes.len() as u64);
                    hasher.write(bytes);
                }
            }
        }
        Self(hasher.finish128().as_u128())
    }
}

/// Names and shapes of secrets, and the session's key.
#[derive(Clone)]
pub struct Redactor {
    key: [u8; 16],
    names: Names,
}

/// How far behind the cut a secret is still looked for, so that it is recognised although only its beginning is kept.
const LOOK_BEHIND_CUT: usize = 4 << 10;

/// A value of which no secret and no more than so many bytes are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept<'a> {
    /// What is kept.
    pub bytes: Cow<'a, [u8]>,
    /// Whether a secret was replaced.
    pub redacted: bool,
    /// Whether it was longer.
    pub cut: bool,
}

impl Redactor {
    /// A redactor with the session's key (random, never written down) and further names from the profile.
    pub fn new(key: [u8; 16], more_names: &[String]) -> Self {
        Self { key, names: Names::new(more_names) }
    }

    /// Hash of raw bytes under the session's key.
    pub fn hash(&self, parts: &[Option<&[u8]>]) -> RawHash {
        RawHash::of(&self.key, parts)
    }

    /// Whether a header or attribute of this name is secret.
    #[inline]
    pub fn is_secret_name(&self, name: &str) -> bool {
        self.names.verdict(name.as_bytes()) != Verdict::Plain
    }

    /// What stands in the place of a secret: equal secrets look equal.
    pub fn replacement(&self, secret: &[u8]) -> String {
        format!("redacted:{:06x}", self.hash(&[Some(secret)]).0 & 0xff_ffff)
    }

    /// Where the secrets stand that [`Self::redact_bytes`] replaces, in their order.
    pub fn secrets(&self, value: &[u8]) -> Vec<Range<usize>> {
        secret_ranges(value, &self.names)
    }

    /// Bytes without the secrets that their shape betrays; they need not be text.
    pub fn redact_bytes<'a>(&self, value: &'a [u8]) -> Cow<'a, [u8]> {
        let ranges = secret_ranges(value, &self.names);
        if ranges.is_empty() { Cow::Borrowed(value) } else { Cow::Owned(self.without(value, value.len(), &ranges)) }
    }

    /// A text without the secrets that stand behind their names (`"password": "…"`, `token=…`, `Authorization: …`) or are told by
    /// their shape: tokens of the usual issuers, `Bearer` and `Basic` credentials, private keys, `user:password@` in addresses, numbers
    /// of payment cards. `None` if there is none.
    pub fn redact_text(&self, text: &str) -> Option<String> {
        match self.redact_bytes(text.as_bytes()) {
            Cow::Borrowed(_) => None,
            // Secrets begin and end at characters' edges.
            Cow::Owned(clean) => Some(String::from_utf8(clean).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())),
        }
    }

    /// The beginning of a value without its secrets. One that lies across the cut is replaced whole.
    pub fn keep<'a>(&self, value: &'a [u8], most_bytes: usize) -> Kept<'a> {
        let seen = &value[..value.len().min(most_bytes.saturating_add(LOOK_BEHIND_CUT))];
        let end = edge(value, most_bytes);
        let mut ranges = secret_ranges(seen, &self.names);
        ranges.retain(|range| range.start < end);
        let redacted = !ranges.is_empty();
        let bytes = if redacted { Cow::Owned(self.without(value, end, &ranges)) } else { Cow::Borrowed(&value[..end]) };
        Kept { bytes, redacted, cut: end < value.len() }
    }

    /// The first so many bytes with a replacement for each range.
    fn without(&self, value: &[u8], end: usize, ranges: &[Range<usize>]) -> Vec<u8> {
        let mut clean = Vec::with_capacity(end);
        let mut passed = 0;
        for range in ranges {
            clean.extend_from_slice(&value[passed..range.start]);
            clean.extend_from_slice(self.replacement(&value[range.clone()]).as_bytes());
            passed = range.end;
        }
        clean.extend_from_slice(value.get(passed..end).unwrap_or_default());
        clean
    }
}

/// Where a value of at most so many bytes ends, no character of UTF-8 cut in two.
fn edge(value: &[u8], most_bytes: usize) -> usize {
    let mut at = most_bytes.min(value.len());
    let floor = at.saturating_sub(3);
    while at > floor && value.get(at).is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000) {
        at -= 1;
    }
    at
}

// Neither the key nor names of the profile belong into a log.
impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor").field("num_more_names", &self.names.num_more()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
