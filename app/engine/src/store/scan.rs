//! Looks for an attribute's value over all stored spans.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use memchr::memmem;

use super::blob::{Cursor, put_varint};
use super::span_ref::SpanRef;
use super::span_segment::{SpanSegment, slot_parts};
use super::value::StoredValue;
use super::vocabulary::Form;
use super::{Store, StoredAt};

/// A search that another thread may run: it holds on to the segments that were sealed when it began. What it finds are
/// places, which [`Store::span_views`] reads; those evicted in the meantime are then left out.
#[derive(Debug)]
pub struct AttributeScan {
    wanted: Wanted,
    limit: usize,
    /// Found in the segment that still grows.
    newest: Vec<StoredAt>,
    first_segment: u32,
    sealed: Vec<Arc<SpanSegment>>,
}

/// The attribute that is looked for.
#[derive(Debug)]
struct Wanted {
    key: String,
    value: String,
    number: Option<i64>,
    double: Option<f64>,
    bytes: Option<Vec<u8>>,
}

impl Store {
    /// Begins a search for spans with an attribute (raw or current name) of this value as text, newest arrival first.
    pub fn attribute_scan(&self, key: &str, value: &str, limit: usize) -> AttributeScan {
        let wanted = Wanted::new(key, value);
        let mut newest = Vec::new();
        wanted.find(&self.spans.active, self.spans.active_number(), limit, &mut newest);
        let (first_segment, sealed) = self.spans.sealed();
        AttributeScan { wanted, limit, newest, first_segment, sealed }
    }
}

impl AttributeScan {
    /// Runs to the end (some 10 ns a span where rows have to be read one by one, less elsewhere), or until `cancelled` is set; at most the limit's number of places, newest arrival first.
    pub fn run(self, cancelled: &AtomicBool) -> Vec<StoredAt> {
        let mut found = self.newest;
        for (at, segment) in self.sealed.iter().enumerate().rev() {
            if found.len() >= self.limit || cancelled.load(Ordering::Relaxed) {
                break;
            }
            self.wanted.find(segment, self.first_segment.wrapping_add(at as u32), self.limit, &mut found);
        }
        found
    }
}

impl Wanted {
    fn new(key: &str, value: &str) -> Self {
        let hex = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let bytes: Option<Vec<u8>> = if value.len().is_multiple_of(2) { value.as_bytes().chunks(2).map(hex).collect() } else { None };
        Self { key: key.to_owned(), value: value.to_owned(), number: value.parse().ok(), double: value.parse().ok(), bytes }
    }

    fn is(&self, value: StoredValue<'_>) -> bool {
        match value {
            StoredValue::Str(text) | StoredValue::List(text) => text == self.value.as_bytes(),
            StoredValue::I64(number) => self.number == Some(number),
            StoredValue::F64(number) => self.double.is_some_and(|double| double.to_bits() == number.to_bits() || (double.is_nan() && number.is_nan())),
            StoredValue::Bool(truth) => self.value == if truth { "true" } else { "false" },
            StoredValue::Bytes(bytes) => self.bytes.as_deref() == Some(bytes),
        }
    }

    fn find(&self, segment: &SpanSegment, number: u32, limit: usize, found: &mut Vec<StoredAt>) {
        let keys = segment.vocabulary.keys_named(&self.key);
        let room = limit.saturating_sub(found.len());
        if keys.is_empty() || room == 0 {
            return;
        }
        let word = segment.vocabulary.words.find(self.value.as_bytes());
        let bytes_word = self.bytes.as_deref().and_then(|bytes| segment.vocabulary.words.find(bytes));
        let plans = Plans::of(segment, &keys, [word, bytes_word], self.number.is_some());
        let mut rows: Vec<usize> = Vec::new();
        if plans.any_raw && !self.value.is_empty() {
            self.rows_by_bytes(segment, &keys, &mut rows);
        }
        if plans.any_word || plans.any_plain {
            let matching = (0..segment.span_ids.len()).rev().filter(|row| match plans.by_head[usize::from(segment.head_of[*row])] {
                Plan::Nothing => false,
                Plan::Word { slot, word } => segment.refs_of(*row).get(usize::from(slot)) == Some(&word),
                Plan::Number { first_skip, num_skips } => {
                    let mut cursor = Cursor::new(segment.blob_of(*row));
                    plans.skips[first_skip as usize..][..num_skips as usize].iter().for_each(|form| skip(*form, &mut cursor));
                    Some(cursor.signed()) == self.number
                }
                Plan::Read => self.is_in(segment, *row, &keys),
            });
            rows.extend(matching.take(room));
        }
        rows.sort_unstable_by(|a, b| b.cmp(a));
        rows.dedup();
        found.extend(rows.into_iter().take(room).map(|row| StoredAt { segment: number, row: row as u16 }));
    }

    fn is_in(&self, segment: &SpanSegment, row: usize, keys: &[u32]) -> bool {
        SpanRef::new(segment, row).raw_attributes().any(|(key, value)| keys.contains(&key) && self.is(value))
    }

    /// Rows that hold the value raw: looked for as bytes in the whole blob, then compared.
    fn rows_by_bytes(&self, segment: &SpanSegment, keys: &[u32], rows: &mut Vec<usize>) {
        for value in [Some(self.value.as_bytes()), self.bytes.as_deref()].into_iter().flatten() {
            let mut needle = Vec::with_capacity(value.len() + 2);
            put_varint(&mut needle, value.len() as u64);
            needle.extend_from_slice(value);
            for at in memmem::find_iter(&segment.blob, &needle) {
                let row = segment.blob_ends.partition_point(|end| *end as usize <= at);
                if rows.last() != Some(&row) && self.is_in(segment, row, keys) {
                    rows.push(row);
                }
            }
        }
    }
}

/// Passes over a value in the blob.
#[inline]
fn skip(form: Form, cursor: &mut Cursor<'_>) {
    match form {
        Form::Str | Form::Bytes | Form::List => {}
        Form::I64 => _ = cursor.varint(),
        Form::F64 => _ = cursor.fixed_u64(),
        Form::Bool => _ = cursor.byte(),
        Form::RawStr | Form::RawBytes | Form::RawList => _ = cursor.bytes(),
    }
}

/// How to look at rows of each head.
struct Plans {
    by_head: Vec<Plan>,
    /// What lies in the blob before a number, for all plans end to end.
    skips: Vec<Form>,
    any_raw: bool,
    any_word: bool,
    any_plain: bool,
}

#[derive(Clone, Copy)]
enum Plan {
    /// The key is not there, or only with values that lie raw.
    Nothing,
    /// The key's value is a word, at this place among the row's words, and would have to be this one.
    Word { slot: u16, word: u16 },
    /// The key's value is an integer behind these in the blob.
    Number { first_skip: u32, num_skips: u32 },
    /// Other types, or the key twice: read the row.
    Read,
}

impl Plans {
    fn of(segment: &SpanSegment, keys: &[u32], words: [Option<u32>; 2], wants_number: bool) -> Self {
        let mut any_raw = false;
        let mut skips = Vec::new();
        let mut before = Vec::new();
        let mut by_shape = Vec::with_capacity(segment.shapes.len());
        for shape in 0..segment.shapes.len() as u32 {
            let mut plan = Plan::Nothing;
            let mut num_words = 0;
            before.clear();
            for slot in segment.shapes.get(shape) {
                let (key, form) = slot_parts(*slot);
                if keys.contains(&key) {
                    plan = match (plan, form) {
                        (_, Form::RawStr | Form::RawBytes | Form::RawList) => {
                            any_raw = true;
                            plan
                        }
                        (Plan::Nothing, form) if form.is_word() => {
                            let word = if form == Form::Bytes { words[1] } else { words[0] };
                            let word = word.and_then(|word| u16::try_from(word).ok());
                            let slot = u16::try_from(num_words).ok();
                            match (word, slot) {
                                (Some(word), Some(slot)) => Plan::Word { slot, word },
                                (None, _) => Plan::Nothing,
                                (Some(_), None) => Plan::Read,
                            }
                        }
                        (Plan::Nothing, Form::I64) if wants_number => {
                            let plan = Plan::Number { first_skip: skips.len() as u32, num_skips: before.len() as u32 };
                            skips.extend_from_slice(&before);
                            plan
                        }
                        (Plan::Nothing, Form::I64) => Plan::Nothing,
                        _ => Plan::Read,
                    };
                }
                if form.is_word() {
                    num_words += 1;
                } else {
                    before.push(form);
                }
            }
            by_shape.push(plan);
        }
        let by_head: Vec<Plan> = segment.heads.iter().map(|head| by_shape[head.shape as usize]).collect();
        let any_word = by_head.iter().any(|plan| matches!(plan, Plan::Word { .. }));
        let any_plain = by_head.iter().any(|plan| matches!(plan, Plan::Number { .. } | Plan::Read));
        Self { by_head, skips, any_raw, any_word, any_plain }
    }
}
