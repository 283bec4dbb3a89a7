//! Which records of a channel hold a text: every one that is stored is read, in the order of arrival.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use switchboard_model::{PlaceRef, WrittenPlace};

use super::records::line;
use super::written::Written;
use crate::store::{Held, Needle, RecordRef, RecordSegment, Segment, StoredAt};
use crate::view::{ChannelKey, RecordMatches, RowId};

/// Records that one answer looks at, so that what was found comes soon.
const LOOKED_AT_MAX: u64 = 100_000;
/// Rows between two looks whether anybody still waits.
const STRIDE: usize = 1_024;

/// A look through a channel's records.
#[derive(Debug)]
pub(crate) struct RecordScan {
    pub(crate) records: Held<RecordSegment>,
    pub(crate) channel: ChannelKey,
    pub(crate) text: String,
    pub(crate) after: Option<RowId>,
    pub(crate) limit: usize,
}

impl RecordScan {
    /// Runs to the end, or as far as one answer goes, or until `cancelled` is set: then `None`.
    pub(crate) fn run(&self, cancelled: &AtomicBool) -> Option<RecordMatches> {
        let mut found = RecordMatches::default();
        let Some(sought) = SoughtInRecord::new(&self.text) else { return Some(found) };
        for (number, segment) in self.records.segments() {
            let first_row = match self.after.map(StoredAt::from) {
                Some(after) if after.segment == number => usize::from(after.row) + 1,
                Some(after) if after.segment > number => continue,
                Some(_) | None => 0,
            };
            let (channels, _) = segment.rows_of(&self.channel);
            if channels.is_empty() {
                continue;
            }
            for row in (first_row..segment.num_rows()).filter(|row| channels.contains(&segment.channel_of(*row))) {
                if row % STRIDE == 0 && cancelled.load(Ordering::Relaxed) {
                    return None;
                }
                if found.looked_at >= LOOKED_AT_MAX || found.rows.len() >= self.limit {
                    found.has_more = true;
                    return Some(found);
                }
                let (at, record) = (StoredAt { segment: number, row: row as u16 }, RecordRef::new(segment, row));
                found.looked_at += 1;
                found.up_to = Some(at.into());
                if sought.is_in(record) {
                    found.rows.push(line(at, record));
                    continue;
                }
                found.num_cut += u64::from(record.truncated());
                found.num_redacted += u64::from(record.redacted());
                found.num_binary += u64::from(record.is_binary());
            }
        }
        Some(found)
    }
}

/// A text, and what else it may stand for in a record.
struct SoughtInRecord {
    needle: Needle,
    /// In lower case: for what is written out of bytes.
    lower: String,
    /// Whether it may be a part of bytes in hex.
    is_hex: bool,
    /// Whether it may stand for no value at all.
    is_null: bool,
    /// Whether it spans words: those of a value that breaks its lines are shown in one.
    has_spaces: bool,
    place: Option<WrittenPlace>,
}

impl SoughtInRecord {
    fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self {
            needle: Needle::new(text),
            lower: text.to_lowercase(),
            is_hex: text.len() > 1 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
            is_null: text.eq_ignore_ascii_case("null"),
            has_spaces: text.contains(char::is_whitespace),
            place: WrittenPlace::parse(text),
        })
    }

    fn is_in(&self, record: RecordRef<'_>) -> bool {
        let content = record.content();
        let is_there = |sought: &WrittenPlace| record.place() == PlaceRef::from(&sought.place) && sought.is_on(|| record.channel().into());
        let holds = |bytes: &[u8]| match Written::of(bytes) {
            Written::Text => self.is_in_text(bytes),
            Written::As(written) => written.contains(&self.lower) || self.needle.find(bytes).is_some(),
            Written::Hex => self.needle.find(bytes).is_some() || self.is_in_hex(bytes),
        };
        self.place.as_ref().is_some_and(is_there)
            || (self.is_null && (content.key.is_none() || content.value.is_none()))
            || content.key.is_some_and(&holds)
            || content.value.is_some_and(&holds)
            || content.headers.iter().any(|header| self.needle.find(header.name.as_bytes()).is_some() || header.value.is_some_and(&holds))
    }

    fn is_in_text(&self, bytes: &[u8]) -> bool {
        self.needle.find(bytes).is_some() || (self.has_spaces && self.needle.find(in_one_line(bytes).as_bytes()).is_some())
    }

    fn is_in_hex(&self, bytes: &[u8]) -> bool {
        if !self.is_hex {
            return false;
        }
        let mut hex = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            let _infallible = write!(hex, "{byte:02x}");
        }
        hex.contains(&self.lower)
    }
}

/// A text with each run of white space as one space.
fn in_one_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_measure::growth::assert_linear;

    #[test]
    fn twice_the_value_takes_twice_the_time() {
        for part in ["a", " ", "a ", "\n", "\u{3000}", "é", "e\u{301}", "\0", "\u{1}a", "0", "f", "@", "1@"] {
            for sought in ["ab", "a b", "00", "ffff0f", "éà", "2@1", "null"] {
                let Some(sought) = SoughtInRecord::new(sought) else { panic!("nothing is sought") };
                let value = |len: usize| part.repeat(len / part.len()).into_bytes();
                assert_linear(&format!("{part:?}"), 1 << 17, value, |value| {
                    let is_binary = Written::of(value) == Written::Hex;
                    sought.is_in_text(value) || is_binary && sought.is_in_hex(value)
                });
            }
        }
    }
}
