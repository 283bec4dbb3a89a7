//! Looking for a text in keys, headers and values of the lines that are loaded: piece by piece, each piece bounded in bytes.

use switchboard_engine::view::{Query, RecordLine, RecordView, RowId};

/// Bytes of records in one question, about.
const PIECE_BYTES: u64 = 4 << 20;
/// Records in one question.
const PIECE_LINES: usize = 4_000;

/// What is looked for, and how far it was looked.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RecordFilter {
    /// What is looked for; empty = everything is shown.
    pub text: String,
    /// Lines that were looked at, from the first on.
    looked: usize,
    /// Records that the store had no more.
    pub num_evicted: u64,
    matches: Vec<u32>,
    asked: Vec<RowId>,
    revision: Option<u64>,
}

impl RecordFilter {
    /// Looks for another text, from the beginning.
    pub(crate) fn set(&mut self, text: String) {
        if self.text != text {
            *self = Self { text, revision: self.revision, ..Self::default() };
        }
    }

    /// Places of the lines that match; `None` = all are shown.
    pub(crate) fn matches(&self) -> Option<&[u32]> {
        (!self.text.is_empty()).then_some(&self.matches[..])
    }

    /// The row of the list in which the line of this place stands.
    pub(crate) fn row_of(&self, place: usize) -> Option<usize> {
        self.matches().map_or(Some(place), |matches| matches.binary_search(&(place as u32)).ok())
    }

    /// How many lines were looked at.
    pub(crate) fn num_looked(&self) -> usize {
        self.looked
    }

    /// The next piece to be looked at; `None` = all was.
    pub(crate) fn query(&mut self, lines: &[RecordLine]) -> Option<Query> {
        if self.text.is_empty() || self.looked >= lines.len() {
            return None;
        }
        if self.asked.is_empty() {
            let mut bytes = 0;
            let fits = |line: &&RecordLine| {
                bytes += u64::from(line.size_bytes);
                bytes <= PIECE_BYTES
            };
            let piece = &lines[self.looked..];
            let num = piece.iter().take(PIECE_LINES).take_while(fits).count().max(1);
            self.asked = piece[..num].iter().map(|line| line.row).collect();
        }
        Some(Query::RecordDetails { rows: self.asked.clone() })
    }

    /// Takes in the answer to [`Self::query`].
    pub(crate) fn take(&mut self, records: &[Option<RecordView>], revision: u64) {
        if self.revision == Some(revision) || self.asked.is_empty() {
            return;
        }
        self.revision = Some(revision);
        let needle = self.text.to_lowercase();
        for (index, record) in records.iter().enumerate().take(self.asked.len()) {
            match record {
                None => self.num_evicted += 1,
                Some(record) if holds(record, &needle) => self.matches.push((self.looked + index) as u32),
                Some(_) => {}
            }
        }
        self.looked += self.asked.len();
        self.asked.clear();
    }

    /// So many lines went from the beginning.
    pub(crate) fn forget(&mut self, num: usize) {
        self.looked = self.looked.saturating_sub(num);
        self.asked.clear();
        self.matches.retain(|place| *place as usize >= num);
        self.matches.iter_mut().for_each(|place| *place -= num as u32);
    }
}

/// Whether key, headers or value hold a text (in lower case).
fn holds(record: &RecordView, needle: &str) -> bool {
    let in_bytes = |bytes: &[u8]| contains(bytes, needle);
    record.key.as_deref().is_some_and(in_bytes)
        || record.value.as_deref().is_some_and(in_bytes)
        || record.headers.iter().any(|(name, value)| contains(name.as_bytes(), needle) || value.as_deref().is_some_and(in_bytes))
        || format!("p{}@{}", record.partition, record.offset) == needle
}

/// Whether text holds another in any case; bytes that are no text hold nothing.
fn contains(bytes: &[u8], needle: &str) -> bool {
    if needle.is_ascii() {
        let needle = needle.as_bytes();
        let Some(first) = needle.first() else { return true };
        return bytes.windows(needle.len()).any(|window| window[0].to_ascii_lowercase() == *first && window.eq_ignore_ascii_case(needle));
    }
    std::str::from_utf8(bytes).is_ok_and(|text| text.to_lowercase().contains(needle))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::traces::sample;

    fn lines(num: u64, size_bytes: u32) -> Vec<RecordLine> {
        (0..num).map(|row| RecordLine { row: RowId(row), partition: 0, offset: row as i64, timestamp_ns: None, size_bytes }).collect()
    }

    fn record(key: &str) -> RecordView {
        RecordView { key: Some(key.as_bytes().to_vec()), value: None, headers: Vec::new(), ..sample::record() }
    }

    #[test]
    fn a_text_is_found_in_key_headers_and_value_in_any_case() {
        let record = sample::record();
        for (needle, found) in
            [("4704", true), ("ax-19", true), ("C-1182", true), ("traceparent", true), ("19ab4c11", true), ("p0@18204", true), ("5000", false)]
        {
            assert_eq!(holds(&record, &needle.to_lowercase()), found, "{needle}");
        }
        assert!(contains("Zürich".as_bytes(), "zürich") && contains("ZÜRICH".as_bytes(), "zürich"));
        assert!(!contains(&[0xff], "ü"));
    }

    #[test]
    fn lines_are_looked_at_piece_by_piece() {
        let lines = lines(10, 1 << 20);
        let mut filter = RecordFilter::default();
        assert_eq!(filter.query(&lines), None, "nothing is looked for");
        filter.set("b".to_owned());
        let Some(Query::RecordDetails { rows }) = filter.query(&lines) else { panic!("a question") };
        assert_eq!(rows.len(), 4, "as many as are allowed in bytes");
        assert_eq!(filter.query(&lines), Some(Query::RecordDetails { rows }), "the same until it is answered");
        filter.take(&[Some(record("a")), Some(record("B")), None, Some(record("b"))], 1);
        assert_eq!((filter.matches(), filter.num_looked(), filter.num_evicted), (Some(&[1, 3][..]), 4, 1));
        assert_eq!((filter.row_of(3), filter.row_of(2)), (Some(1), None));
        filter.take(&[Some(record("b"))], 1);
        assert_eq!(filter.num_looked(), 4, "the same answer");
        filter.forget(2);
        assert_eq!((filter.matches(), filter.num_looked()), (Some(&[1][..]), 2));
        filter.set("c".to_owned());
        assert_eq!((filter.matches(), filter.num_looked()), (Some(&[][..]), 0));
    }

    #[test]
    fn a_record_beyond_the_bound_is_looked_at_alone() {
        let lines = lines(3, 64 << 20);
        let mut filter = RecordFilter::default();
        filter.set("b".to_owned());
        assert!(matches!(filter.query(&lines), Some(Query::RecordDetails { rows }) if rows.len() == 1));
    }
}
