//! Which rows of a segment may contain a text: few words of a dictionary and one run of bytes are looked at instead of every
//! row. What is found are candidates: the caller reads them.

use memchr::memmem;
use switchboard_model::SpanId;

use super::blob::{Cursor, put_signed};
use super::dictionary::Dictionary;
use super::log_segment::LogSegment;
use super::needle::Needle;
use super::record_segment::RecordSegment;
use super::span_ref::SpanRef;
use super::span_segment::SpanSegment;
use super::value::StoredValue;

/// A set of small numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct NumberSet {
    bits: Vec<u64>,
    is_empty: bool,
}

impl NumberSet {
    fn new(len: usize) -> Self {
        Self { bits: vec![0; len.div_ceil(64)], is_empty: true }
    }

    fn add(&mut self, number: usize) {
        if let Some(bits) = self.bits.get_mut(number / 64) {
            *bits |= 1 << (number % 64);
            self.is_empty = false;
        }
    }

    #[inline]
    fn contains(&self, number: u32) -> bool {
        self.bits.get(number as usize / 64).is_some_and(|bits| bits >> (number % 64) & 1 == 1)
    }

    /// All numbers, greatest first.
    pub(crate) fn descending(&self) -> impl Iterator<Item = usize> {
        let words = self.bits.iter().enumerate().rev();
        words.flat_map(|(at, bits)| {
            let mut bits = *bits;
            std::iter::from_fn(move || {
                let bit = 63_u32.checked_sub(bits.leading_zeros())?;
                bits &= !(1 << bit);
                Some(at * 64 + bit as usize)
            })
        })
    }
}

/// What rows are looked for.
#[derive(Debug)]
pub(crate) struct TextSearch<'a> {
    needles: &'a [Needle],
    /// Numbers as they lie in a blob.
    patterns: Vec<Vec<u8>>,
    /// What records hold as bytes.
    in_records: Vec<Vec<u8>>,
    span_id: Option<SpanId>,
    integer: Option<i64>,
    double: Option<f64>,
}

impl<'a> TextSearch<'a> {
    /// Looks for spellings of a text, for numbers, for a span's id.
    pub(crate) fn new(needles: &'a [Needle], integer: Option<i64>, double: Option<f64>, span_id: Option<SpanId>) -> Self {
        let mut patterns = Vec::new();
        if let Some(integer) = integer {
            let mut pattern = Vec::new();
            put_signed(&mut pattern, integer);
            patterns.push(pattern);
        }
        patterns.extend(double.map(|double| double.to_bits().to_le_bytes().to_vec()));
        Self { needles, patterns, in_records: Vec::new(), span_id, integer, double }
    }

    /// Looks for these bytes in records too.
    pub(crate) fn with_bytes(self, in_records: Vec<Vec<u8>>) -> Self {
        Self { in_records, ..self }
    }

    /// Words that contain the text, or these bytes.
    fn words(&self, words: &Dictionary, patterns: &[Vec<u8>]) -> NumberSet {
        let mut found = NumberSet::new(words.len());
        let mut add = |start: usize, end: usize| {
            let (word, word_end) = words.holding(start);
            // Words lie end to end: what reaches over a border is none.
            if end > word_end {
                return start + 1;
            }
            found.add(word);
            word_end
        };
        self.needles.iter().for_each(|needle| needle.each(words.bytes(), &mut add));
        each_pattern(patterns, words.bytes(), add);
        found
    }

    /// Rows in whose part of the blob the text or a number may stand.
    fn rows_of_blob(&self, (blob, patterns): (&[u8], &[Vec<u8>]), ends: &[u32], rows: &mut NumberSet) {
        let mut add = |start: usize, end: usize| {
            let row = ends.partition_point(|row_end| *row_end as usize <= start);
            let row_end = ends.get(row).map_or(blob.len(), |row_end| *row_end as usize);
            if end > row_end {
                return start + 1;
            }
            rows.add(row);
            row_end
        };
        self.needles.iter().for_each(|needle| needle.each(blob, &mut add));
        each_pattern(patterns, blob, add);
    }

    fn is_value(&self, value: StoredValue<'_>) -> bool {
        match value {
            StoredValue::Str(bytes) | StoredValue::List(bytes) | StoredValue::Bytes(bytes) => self.needles.iter().any(|needle| needle.find(bytes).is_some()),
            StoredValue::I64(number) => self.integer == Some(number),
            StoredValue::F64(number) => self.double.is_some_and(|double| double.to_bits() == number.to_bits()),
            StoredValue::Bool(_) => false,
        }
    }

    /// Spans that may contain what is looked for.
    pub(crate) fn spans(&self, segment: &SpanSegment) -> NumberSet {
        let num_rows = segment.span_ids.len();
        let mut rows = NumberSet::new(num_rows);
        let words = self.words(&segment.vocabulary.words, &[]);
        let resources: Vec<bool> = (0..segment.num_resources() as u32).map(|number| self.is_resource(segment, number)).collect();
        let heads: Vec<bool> = segment.heads.iter().map(|head| words.contains(head.name) || resources.get(head.resource as usize) == Some(&true)).collect();
        if heads.contains(&true) || !words.is_empty {
            for row in 0..num_rows {
                let in_refs = || segment.refs_of(row).iter().any(|word| words.contains((*word).into()));
                let in_extras = || SpanRef::new(segment, row).extras_refer(|word| words.contains(word));
                let is_referred = || !words.is_empty && (in_refs() || in_extras());
                if heads[segment.head_of[row] as usize] || is_referred() {
                    rows.add(row);
                }
            }
        }
        self.rows_of_blob((&segment.blob, &self.patterns), &segment.blob_ends, &mut rows);
        if let Some(SpanId(span_id)) = self.span_id {
            segment.span_ids.iter().enumerate().filter(|(_, known)| **known == span_id).for_each(|(row, _)| rows.add(row));
        }
        rows
    }

    fn is_resource(&self, segment: &SpanSegment, number: u32) -> bool {
        let vocabulary = &segment.vocabulary;
        let mut cursor = Cursor::new(segment.resource(number));
        cursor.varint();
        let names: [&[u8]; 5] = std::array::from_fn(|_| vocabulary.words.get(cursor.varint() as u32));
        cursor.byte();
        names.iter().any(|name| self.is_value(StoredValue::Str(name))) || vocabulary.read_all(&mut cursor).iter().any(|attr| self.is_value(attr.value))
    }

    /// Records that may contain what is looked for.
    pub(crate) fn records(&self, segment: &RecordSegment) -> NumberSet {
        let ends = segment.blob_ends();
        let mut rows = NumberSet::new(ends.len());
        let words = self.words(&segment.vocabulary.words, &self.in_records);
        if !words.is_empty {
            (0..ends.len()).filter(|row| segment.header_words(*row).any(|word| words.contains(word))).for_each(|row| rows.add(row));
        }
        self.rows_of_blob((segment.blob(), &self.in_records), ends, &mut rows);
        rows
    }

    /// Log records that may contain what is looked for.
    pub(crate) fn logs(&self, segment: &LogSegment) -> NumberSet {
        let ends = segment.blob_ends();
        let mut rows = NumberSet::new(ends.len());
        let words = self.words(&segment.vocabulary.words, &[]);
        if !words.is_empty {
            (0..ends.len()).filter(|row| segment.inline_words(*row).any(|word| words.contains(word))).for_each(|row| rows.add(row));
        }
        self.rows_of_blob((segment.blob(), &self.patterns), ends, &mut rows);
        rows
    }
}

/// Calls back with places where one of the patterns stands; the callback says from where on to look for the next.
fn each_pattern(patterns: &[Vec<u8>], bytes: &[u8], mut found: impl FnMut(usize, usize) -> usize) {
    for pattern in patterns {
        let finder = memmem::Finder::new(pattern);
        let mut from = 0;
        while let Some(at) = bytes.get(from..).and_then(|rest| finder.find(rest)) {
            from = found(from + at, from + at + pattern.len());
        }
    }
}

/// Calls back with all that is searched in a span beside its ids, each with its name, until the callback says it has
/// enough.
pub(crate) fn each_text<'a>(span: SpanRef<'a>, mut found: impl FnMut(&str, StoredValue<'a>) -> bool) {
    let is_text = |name: &str, text: &'a str, found: &mut dyn FnMut(&str, StoredValue<'a>) -> bool| found(name, StoredValue::Str(text.as_bytes()));
    if is_text("operation", span.name(), &mut found) || is_text("service", span.service_name(), &mut found) {
        return;
    }
    if span.attributes().any(|attr| found(attr.name, attr.value)) {
        return;
    }
    let extras = span.extras();
    if is_text("status message", extras.status_message, &mut found) || extras.events.iter().any(|event| is_text("event", event.name, &mut found)) {
        return;
    }
    let of_events = extras.events.iter().flat_map(|event| &event.attributes);
    let of_links = extras.links.iter().flat_map(|link| &link.attributes);
    if of_events.chain(of_links).any(|attr| found(attr.name, attr.value)) {
        return;
    }
    let resource = span.resource();
    let known = [("instance", resource.instance), ("version", resource.version), ("namespace", resource.namespace), ("environment", resource.environment)];
    if !known.into_iter().any(|(name, text)| is_text(name, text, &mut found)) {
        _ = resource.attributes.iter().any(|attr| found(attr.name, attr.value));
    }
}
