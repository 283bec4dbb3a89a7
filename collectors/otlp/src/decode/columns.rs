//! What span batches and log batches have in common: the arena with every text once, attributes, resources.

mod resource;

use std::borrow::Cow;
use std::hash::{BuildHasher, Hasher};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hashbrown::{DefaultHashBuilder, HashTable};
use switchboard_model::{AttrRow, BatchHeader, MAX_RUN_ROWS, Redactor, ResourceRow, Str, TextArena, Value, WellKnown};

use super::any_value::{self, AnyValue};
use super::context::{Context, MAX_VALUE_BYTES};
use super::tally::{Lost, Part};

/// Bytes of all values of one item that are kept.
const MAX_ITEM_BYTES: usize = 1 << 20;
/// Attributes of one item, those of its events and links included, that are kept.
const MAX_ATTRS_OF_ITEM: usize = 16_384;
/// A batch is given away when it weighs this much, so that with the item that fills it it stays near 1 MiB.
const FULL_BYTES: usize = (1 << 20) - (16 << 10);

/// Numbers of as many digits as those of cards have.
const LONG_NUMBERS: std::ops::Range<f64> = 1e13..1e19;

/// A text of the arena that the table of texts knows.
#[derive(Clone, Copy)]
struct Entry {
    hash: u32,
    /// Index in the arena, and [`Entry::LOOKED`].
    text: u32,
}

impl Entry {
    /// Set where the redactor has looked at the text (and it is UTF-8).
    const LOOKED: u32 = 1 << 31;

    fn text(self) -> Str {
        Str(self.text & !Self::LOOKED)
    }
}

/// A distinct attribute name of the batch.
#[derive(Clone, Copy)]
struct Key {
    hash: u32,
    text: Str,
    told: (WellKnown, u8),
    is_secret: bool,
    /// The text value seen last under this name: senders repeat themselves.
    last: Str,
}

/// The columns that every batch has, ready to go into one.
pub(crate) struct Shared {
    pub(crate) header: BatchHeader,
    pub(crate) text: TextArena,
    pub(crate) resources: Vec<ResourceRow>,
    pub(crate) attrs: Vec<AttrRow>,
}

fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The columns of the batch that is being filled.
pub(crate) struct Columns<'c> {
    pub(crate) context: Context<'c>,
    pub(crate) text: TextArena,
    num_text_bytes: usize,
    hasher: DefaultHashBuilder,
    texts: HashTable<Entry>,
    keys: Vec<Key>,
    key_table: HashTable<u32>,
    /// Which key stood at which place of the item before: items of one kind repeat their order.
    recent_keys: [u32; 32],
    pub(crate) attrs: Vec<AttrRow>,
    pub(crate) resources: Vec<ResourceRow>,
    /// Whether anything of the present item was cut.
    pub(crate) truncated: bool,
    num_item_bytes_left: usize,
    num_item_attrs: usize,
    /// What of the items could not be read.
    pub(crate) lost: Lost,
}

impl<'c> Columns<'c> {
    pub(crate) fn new(context: Context<'c>) -> Self {
        Self {
            context,
            text: TextArena::default(),
            num_text_bytes: 0,
            hasher: DefaultHashBuilder::default(),
            texts: HashTable::new(),
            keys: Vec::new(),
            key_table: HashTable::new(),
            recent_keys: [u32::MAX; 32],
            attrs: Vec::new(),
            resources: Vec::new(),
            truncated: false,
            num_item_bytes_left: 0,
            num_item_attrs: 0,
            lost: Lost::default(),
        }
    }

    /// Makes room for so many more items, as their number is now known to be real.
    pub(crate) fn reserve(&mut self, num_items: usize) {
        self.text = TextArena::with_capacity(num_items * 128, num_items * 4);
        self.attrs.reserve(num_items * 12);
        self.texts.reserve(num_items * 3, |entry| spread(entry.hash));
    }

    /// Takes what every batch has, and begins another one.
    pub(crate) fn take(&mut self) -> Shared {
        self.num_text_bytes = 0;
        self.texts.clear();
        self.keys.clear();
        self.key_table.clear();
        self.recent_keys = [u32::MAX; 32];
        let mut shared = Shared {
            header: self.context.header,
            text: std::mem::take(&mut self.text),
            resources: std::mem::take(&mut self.resources),
            attrs: std::mem::take(&mut self.attrs),
        };
        shared.text.shrink_to_fit();
        shared.resources.shrink_to_fit();
        shared.attrs.shrink_to_fit();
        shared
    }

    /// Begins another item.
    pub(crate) fn begin_item(&mut self) {
        self.truncated = false;
        self.num_item_bytes_left = MAX_ITEM_BYTES;
        self.num_item_attrs = 0;
    }

    /// Whether the batch should be given away, its own rows weighing so many bytes.
    pub(crate) fn is_full(&self, num_row_bytes: usize) -> bool {
        num_row_bytes
            + self.num_text_bytes
            + self.text.num_strings() * 4
            + self.attrs.len() * size_of::<AttrRow>()
            + self.resources.len() * size_of::<ResourceRow>()
            >= FULL_BYTES
    }

    #[inline]
    fn hash(&self, bytes: &[u8]) -> u32 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(bytes);
        let hash = hasher.finish();
        (hash >> 32) as u32 ^ hash as u32
    }

    fn push(&mut self, bytes: &[u8]) -> Str {
        self.num_text_bytes += bytes.len();
        self.text.push(bytes)
    }

    /// Cuts what is longer than a value may be, at a character's edge.
    #[inline]
    fn cut<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        if bytes.len() <= MAX_VALUE_BYTES {
            return bytes;
        }
        self.truncated = true;
        let mut end = MAX_VALUE_BYTES;
        while end > MAX_VALUE_BYTES - 3 && bytes[end] & 0xc0 == 0x80 {
            end -= 1;
        }
        &bytes[..end]
    }

    /// Counts the bytes of a value against the item's share; `false` = nothing of it can be kept.
    #[inline]
    fn takes(&mut self, num_bytes: usize) -> bool {
        let Some(left) = self.num_item_bytes_left.checked_sub(num_bytes) else {
            self.truncated = true;
            return false;
        };
        self.num_item_bytes_left = left;
        true
    }

    /// A text that a sender may have put a secret into: made UTF-8, redacted by shape, cut, once.
    #[inline]
    pub(crate) fn text(&mut self, raw: &[u8]) -> Str {
        if raw.is_empty() || !self.takes(raw.len().min(MAX_VALUE_BYTES)) {
            return Str::EMPTY;
        }
        self.looked_text(raw)
    }

    #[inline]
    fn looked_text(&mut self, raw: &[u8]) -> Str {
        if raw.len() > MAX_VALUE_BYTES {
            return self.long_text(raw);
        }
        let hash = self.hash(raw);
        match self.find(hash, raw) {
            Some(entry) if entry.text & Entry::LOOKED != 0 => entry.text(),
            _ => self.look(hash, raw),
        }
    }

    /// One of which only the beginning is kept. A secret that lies across the cut is none of it.
    #[cold]
    fn long_text(&mut self, raw: &[u8]) -> Str {
        self.truncated = true;
        let kept = self.context.redactor.keep(raw, MAX_VALUE_BYTES);
        let text = String::from_utf8_lossy(&kept.bytes);
        self.intern(self.hash(text.as_bytes()), text.as_bytes(), Entry::LOOKED)
    }

    #[inline]
    fn find(&self, hash: u32, bytes: &[u8]) -> Option<Entry> {
        self.texts.find(spread(hash), |entry| entry.hash == hash && self.text.bytes(entry.text()) == bytes).copied()
    }

    fn look(&mut self, hash: u32, raw: &[u8]) -> Str {
        let Ok(text) = std::str::from_utf8(raw) else {
            let replaced = String::from_utf8_lossy(raw).into_owned();
            return self.looked_text(replaced.as_bytes());
        };
        match self.context.redactor.redact_text(text) {
            None => self.intern(hash, raw, Entry::LOOKED),
            Some(redacted) => self.intern(self.hash(redacted.as_bytes()), redacted.as_bytes(), Entry::LOOKED),
        }
    }

    /// A text that many items share (a scope's name, a tracestate): as [`Self::text`], and counted to none of them.
    pub(crate) fn shared_text(&mut self, raw: &[u8]) -> Str {
        if raw.is_empty() { Str::EMPTY } else { self.looked_text(raw) }
    }

    /// A text that holds no secret by its nature or was looked at: cut and made UTF-8, once.
    pub(crate) fn plain_text(&mut self, raw: &[u8]) -> Str {
        let raw = self.cut(raw);
        if raw.is_empty() {
            return Str::EMPTY;
        }
        // Borrowed where it is UTF-8 already.
        let text = String::from_utf8_lossy(raw);
        self.intern(self.hash(text.as_bytes()), text.as_bytes(), 0)
    }

    fn intern(&mut self, hash: u32, bytes: &[u8], flags: u32) -> Str {
        let Self { texts, text, .. } = self;
        if let Some(entry) = texts.find_mut(spread(hash), |entry| entry.hash == hash && text.bytes(entry.text()) == bytes) {
            entry.text |= flags;
            return entry.text();
        }
        let at = self.push(bytes);
        if !at.is_empty() {
            self.texts.insert_unique(spread(hash), Entry { hash, text: at.0 | flags }, |entry| spread(entry.hash));
        }
        at
    }

    /// The key of that name, expected at that place of the item.
    #[inline]
    fn key(&mut self, place: usize, name: &[u8]) -> usize {
        let slot = place % self.recent_keys.len();
        let guess = self.recent_keys[slot] as usize;
        if let Some(key) = self.keys.get(guess)
            && self.text.bytes(key.text) == name
        {
            return guess;
        }
        let at = self.distinct_key(name);
        self.recent_keys[slot] = at as u32;
        at
    }

    fn distinct_key(&mut self, name: &[u8]) -> usize {
        let name = self.cut(name);
        let name: Cow<'_, [u8]> = match String::from_utf8_lossy(name) {
            Cow::Borrowed(_) => Cow::Borrowed(name),
            Cow::Owned(replaced) => Cow::Owned(replaced.into_bytes()),
        };
        let hash = self.hash(&name);
        let is_same = |at: &u32| {
            let key = &self.keys[*at as usize];
            key.hash == hash && self.text.bytes(key.text) == &*name
        };
        if let Some(at) = self.key_table.find(spread(hash), is_same) {
            return *at as usize;
        }
        // A name may hold a secret by its shape too; another that holds the same is the same name.
        let name = match self.context.redactor.redact_bytes(&name) {
            Cow::Borrowed(_) => name,
            Cow::Owned(clean) => return self.distinct_key(&clean),
        };
        let text = self.intern(hash, &name, 0);
        let name = self.text.get(text);
        let (told, is_secret) = (WellKnown::trusted(name), self.context.redactor.is_secret_name(name));
        let at = self.keys.len();
        self.keys.push(Key { hash, text, told, is_secret, last: Str::EMPTY });
        self.key_table.insert_unique(spread(hash), at as u32, |at| spread(self.keys[*at as usize].hash));
        at
    }

    /// Adds an attribute, which stands at that place among those of its owner.
    #[inline]
    pub(crate) fn attr(&mut self, place: usize, name: &[u8], value: AnyValue<'_>) {
        if place >= MAX_RUN_ROWS || self.num_item_attrs >= MAX_ATTRS_OF_ITEM {
            self.truncated = true;
            return;
        }
        self.num_item_attrs += 1;
        let at = self.key(place, name);
        let key = self.keys[at];
        let value = match value {
            AnyValue::Text(raw) if !key.is_secret => Value::Str(self.value_text(at, key.last, raw)),
            AnyValue::I64(number) if !key.is_secret => self.integer(number),
            other if key.is_secret => self.secret(&other),
            other => self.value(other),
        };
        self.attrs.push(AttrRow::new(key.text, key.told, value));
    }

    #[inline]
    fn value_text(&mut self, key: usize, last: Str, raw: &[u8]) -> Str {
        if self.text.bytes(last) == raw && raw.len() <= self.num_item_bytes_left {
            self.num_item_bytes_left -= raw.len();
            return last;
        }
        let text = self.text(raw);
        self.keys[key].last = text;
        text
    }

    /// A value without a name, such as a record's body.
    pub(crate) fn value(&mut self, value: AnyValue<'_>) -> Value {
        match value {
            AnyValue::Empty => Value::Str(Str::EMPTY),
            AnyValue::Text(raw) => Value::Str(self.text(raw)),
            AnyValue::Bool(truth) => Value::Bool(truth),
            AnyValue::I64(number) => self.integer(number),
            AnyValue::F64(number) if LONG_NUMBERS.contains(&number) && number.fract() == 0.0 => self.long_number(&number.to_string(), Value::F64(number)),
            AnyValue::F64(number) => Value::F64(number),
            AnyValue::Bytes(raw) => {
                if raw.is_empty() || !self.takes(raw.len().min(MAX_VALUE_BYTES)) {
                    return Value::Bytes(Str::EMPTY);
                }
                self.truncated |= raw.len() > MAX_VALUE_BYTES;
                let kept = self.context.redactor.keep(raw, MAX_VALUE_BYTES);
                Value::Bytes(self.intern(self.hash(&kept.bytes), &kept.bytes, 0))
            }
            AnyValue::Nested(json, truncated) => {
                self.truncated |= truncated;
                let clean = without_encoded_secrets(&json, self.context.redactor);
                Value::List(self.text(clean.as_bytes()))
            }
        }
    }

    #[inline]
    fn integer(&mut self, number: i64) -> Value {
        // As `LONG_NUMBERS`.
        if number < 10_000_000_000_000 { Value::I64(number) } else { self.long_number(&number.to_string(), Value::I64(number)) }
    }

    /// A number that may be that of a card: then it is replaced, as it is in a text.
    #[inline(never)]
    fn long_number(&mut self, digits: &str, number: Value) -> Value {
        match self.context.redactor.redact_text(digits) {
            None => number,
            Some(clean) => Value::Str(self.intern(self.hash(clean.as_bytes()), clean.as_bytes(), Entry::LOOKED)),
        }
    }

    /// What stands in the place of a secret value. An empty one is no secret.
    #[cold]
    fn secret(&mut self, value: &AnyValue<'_>) -> Value {
        let number;
        let raw: &[u8] = match value {
            AnyValue::Empty => &[],
            AnyValue::Text(raw) | AnyValue::Bytes(raw) => raw,
            AnyValue::Nested(json, _) => json.as_bytes(),
            AnyValue::Bool(truth) => {
                number = truth.to_string();
                number.as_bytes()
            }
            AnyValue::I64(integer) => {
                number = integer.to_string();
                number.as_bytes()
            }
            AnyValue::F64(double) => {
                number = double.to_string();
                number.as_bytes()
            }
        };
        if raw.is_empty() {
            return Value::Str(Str::EMPTY);
        }
        let replacement = self.context.redactor.replacement(raw);
        Value::Str(self.intern(self.hash(replacement.as_bytes()), replacement.as_bytes(), Entry::LOOKED))
    }

    /// A part of the present item could not be read.
    #[cold]
    pub(crate) fn lose(&mut self, part: Part, name: &str, why: &dyn std::fmt::Display) {
        self.truncated = true;
        self.lost.add(part, name, why);
    }

    /// Adds a protobuf `KeyValue`, which stands at that place among those of its owner. One that is broken is left out alone.
    #[inline]
    pub(crate) fn protobuf_attr(&mut self, place: usize, key_value: &[u8]) {
        match any_value::attribute(key_value) {
            Ok((key, value)) => self.attr(place, key, value),
            Err(why) => self.lose(Part::Attribute, &any_value::key_of_broken(key_value), &why),
        }
    }
}

/// Nanoseconds as sent; what lies beyond the range of `i64` is clamped, and `truncated` told.
#[inline]
pub(crate) fn nanoseconds(sent: u64, truncated: &mut bool) -> i64 {
    i64::try_from(sent).unwrap_or_else(|_| {
        *truncated = true;
        i64::MAX
    })
}

/// JSON text in which bytes, written in base64, hold no secret either: what decodes to a text with one is encoded without it.
fn without_encoded_secrets<'a>(json: &'a str, redactor: &Redactor) -> Cow<'a, str> {
    // Shorter ones hold no secret that a shape tells.
    const SHORTEST: usize = 12;
    let cleaned = |part: &str| {
        let is_encoded = part.len() >= SHORTEST && part.len().is_multiple_of(4);
        let bytes = is_encoded.then(|| STANDARD.decode(part).ok()).flatten()?;
        match redactor.redact_bytes(&bytes) {
            Cow::Borrowed(_) => None,
            Cow::Owned(clean) => Some(STANDARD.encode(clean)),
        }
    };
    // Base64 has neither quotes nor escapes.
    let parts: Vec<(&str, Option<String>)> = json.split('"').map(|part| (part, cleaned(part))).collect();
    if parts.iter().all(|(_, clean)| clean.is_none()) {
        return Cow::Borrowed(json);
    }
    Cow::Owned(parts.iter().map(|(part, clean)| clean.as_deref().unwrap_or(part)).collect::<Vec<_>>().join("\""))
}
