//! The words of a segment: keys and repeated values by number, all other values as they are.

use switchboard_model::{AttrRow, Attrs, Str, TextArena, Value, WellKnown, is_correlation_name};

use super::blob::{Cursor, put_bytes, put_signed, put_varint};
use super::dictionary::Dictionary;
use super::hash::Seed;
use super::value::{StoredAttr, StoredValue, text_of};

/// Not looked up yet in this batch and segment.
const UNASKED: u32 = u32::MAX;
/// Values beyond this number of words stay raw, so that two bytes name any word that stands for a value.
const MAX_VALUE_WORDS: usize = 65_000;
/// A segment with so many words is full.
const FULL_WORDS: usize = 60_000;
/// A key whose values were new so often, and more often than not, is taken to have unique values.
const MISSES_OF_UNIQUE: u32 = 256;
/// A value that occurs once in its batch and is longer than this is not worth a look into the dictionary, in bytes.
const LONG_VALUE_BYTES: usize = 256;

/// The type of a value, and where its content lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Form {
    Str = 0,
    Bytes = 1,
    List = 2,
    I64 = 3,
    F64 = 4,
    Bool = 5,
    RawStr = 8,
    RawBytes = 9,
    RawList = 10,
}

impl Form {
    #[inline]
    pub(crate) fn from_bits(bits: u32) -> Self {
        match bits & 15 {
            1 => Self::Bytes,
            2 => Self::List,
            3 => Self::I64,
            4 => Self::F64,
            5 => Self::Bool,
            8 => Self::RawStr,
            9 => Self::RawBytes,
            10 => Self::RawList,
            _ => Self::Str,
        }
    }

    fn raw(self) -> Self {
        match self {
            Self::Str => Self::RawStr,
            Self::Bytes => Self::RawBytes,
            Self::List => Self::RawList,
            other => other,
        }
    }
}

/// A key of a segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) known: WellKnown,
    /// Whether its values are correlation ids.
    pub(crate) correlates: bool,
    hits: u32,
    misses: u32,
}

/// What was already found out about the strings of the batch at hand. Reused from batch to batch.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    /// How often a string stands as a value in the batch, up to 2.
    uses: Vec<u8>,
    words: Vec<u32>,
    keys: Vec<u32>,
    resources: Vec<u32>,
    encoded: Vec<u8>,
}

impl Memo {
    /// Begins a batch: counts how often each of these values is used.
    pub(crate) fn begin_batch(&mut self, text: &TextArena, values: impl Iterator<Item = Str>, num_resources: usize) {
        self.uses.clear();
        self.uses.resize(text.num_strings(), 0);
        for at in values {
            if let Some(uses) = self.uses.get_mut(at.index()) {
                *uses = (*uses + 1).min(2);
            }
        }
        self.words.resize(text.num_strings(), UNASKED);
        self.keys.resize(text.num_strings(), UNASKED);
        self.resources.resize(num_resources, UNASKED);
        self.begin_segment();
    }

    /// Forgets the numbers of the last segment.
    pub(crate) fn begin_segment(&mut self) {
        self.words.fill(UNASKED);
        self.keys.fill(UNASKED);
        self.resources.fill(UNASKED);
    }

    /// The number under which a resource of the batch was stored, by `store` where that was not done yet.
    #[inline]
    pub(crate) fn resource(&mut self, at: u32, store: impl FnOnce(&mut Self, &mut Vec<u8>) -> u32) -> u32 {
        match self.resources.get(at as usize) {
            Some(&number) if number != UNASKED => number,
            _ => {
                let mut encoded = std::mem::take(&mut self.encoded);
                encoded.clear();
                let number = store(self, &mut encoded);
                self.encoded = encoded;
                if let Some(slot) = self.resources.get_mut(at as usize) {
                    *slot = number;
                }
                number
            }
        }
    }

    /// What it holds, in bytes, by capacity.
    pub(crate) fn size_bytes(&self) -> usize {
        self.uses.capacity() + (self.words.capacity() + self.keys.capacity() + self.resources.capacity()) * 4 + self.encoded.capacity()
    }
}

/// Keys and repeated values of one segment.
#[derive(Clone, Debug)]
pub(crate) struct Vocabulary {
    pub(crate) words: Dictionary,
    /// Names of keys, each followed by the byte of its meaning.
    names: Dictionary,
    keys: Vec<Key>,
}

impl Vocabulary {
    /// Knows the empty word only.
    pub(crate) fn new(seed: Seed) -> Self {
        let nothing = Key { known: WellKnown::Other, correlates: false, hits: 0, misses: 0 };
        Self { words: Dictionary::new(seed), names: Dictionary::new(seed), keys: vec![nothing] }
    }

    /// The number of a key.
    #[inline]
    pub(crate) fn key(&mut self, text: &TextArena, name: Str, known: WellKnown, memo: &mut Memo) -> u32 {
        match memo.keys.get(name.index()) {
            Some(&key) if key != UNASKED => key,
            _ => self.ask_key(text, name, known, memo),
        }
    }

    fn ask_key(&mut self, text: &TextArena, name: Str, known: WellKnown, memo: &mut Memo) -> u32 {
        let bytes = text.bytes(name);
        let mut named = Vec::with_capacity(bytes.len() + 1);
        named.extend_from_slice(bytes);
        named.push(known as u8);
        let (key, is_new) = self.names.intern(&named);
        if is_new {
            self.keys.push(Key { known, correlates: correlates(text.get(name), known), hits: 0, misses: 0 });
        }
        if let Some(slot) = memo.keys.get_mut(name.index()) {
            *slot = key;
        }
        key
    }

    /// What is known of a key.
    #[inline]
    pub(crate) fn known(&self, key: u32) -> Key {
        self.keys[key as usize]
    }

    /// The name of a key as it was sent.
    pub(crate) fn name(&self, key: u32) -> &[u8] {
        self.names.get(key).split_last().map_or(&[], |(_, name)| name)
    }

    /// The number of a word that is always stored as one: names of operations, scopes, channels.
    #[inline]
    pub(crate) fn always(&mut self, text: &TextArena, at: Str, memo: &mut Memo) -> u32 {
        match memo.words.get(at.index()) {
            Some(&word) if word != UNASKED => word,
            _ => {
                let word = self.words.intern(text.bytes(at)).0;
                if let Some(slot) = memo.words.get_mut(at.index()) {
                    *slot = word;
                }
                word
            }
        }
    }

    /// The number of a value's word, or `None` where the value should lie raw: because it occurs once in its batch and
    /// its key is known for unique values, or because there are too many words.
    #[inline]
    fn word(&mut self, key: u32, text: &TextArena, at: Str, memo: &mut Memo) -> Option<u16> {
        match memo.words.get(at.index()) {
            Some(&word) if word != UNASKED => u16::try_from(word).ok(),
            _ => self.ask_word(key, text, at, memo),
        }
    }

    fn ask_word(&mut self, key: u32, text: &TextArena, at: Str, memo: &mut Memo) -> Option<u16> {
        if at.is_empty() {
            return Some(0);
        }
        let key = &mut self.keys[key as usize];
        let is_once = memo.uses.get(at.index()).is_none_or(|uses| *uses < 2);
        if is_once && key.misses >= MISSES_OF_UNIQUE && key.misses > key.hits {
            return None;
        }
        let bytes = text.bytes(at);
        if is_once && bytes.len() > LONG_VALUE_BYTES {
            return None;
        }
        let word = if self.words.len() < MAX_VALUE_WORDS {
            let (word, is_new) = self.words.intern(bytes);
            if is_once {
                *if is_new { &mut key.misses } else { &mut key.hits } += 1;
            }
            word
        } else {
            self.words.find(bytes)?
        };
        *memo.words.get_mut(at.index())? = word;
        u16::try_from(word).ok()
    }

    /// Stores a value: a word's number into `refs`, all else into the blob. Says which.
    #[inline]
    pub(crate) fn put(&mut self, key: u32, text: &TextArena, value: Value, memo: &mut Memo, refs: &mut Vec<u16>, blob: &mut Vec<u8>) -> Form {
        let (form, at) = match value {
            Value::Str(at) => (Form::Str, at),
            Value::Bytes(at) => (Form::Bytes, at),
            Value::List(at) => (Form::List, at),
            other => return put_plain(other, blob),
        };
        if let Some(word) = self.word(key, text, at, memo) {
            refs.push(word);
            form
        } else {
            put_bytes(blob, text.bytes(at));
            form.raw()
        }
    }

    /// Stores an attribute wholly into the blob.
    pub(crate) fn put_inline(&mut self, text: &TextArena, attr: &AttrRow, memo: &mut Memo, blob: &mut Vec<u8>) {
        let key = self.key(text, attr.key, attr.known, memo);
        self.put_value(key, text, attr.value, memo, blob);
    }

    /// Stores a value under a key, wholly into the blob.
    pub(crate) fn put_value(&mut self, key: u32, text: &TextArena, value: Value, memo: &mut Memo, blob: &mut Vec<u8>) {
        let slot = |form: Form| u64::from(key) << 4 | form as u64;
        let (form, at) = match value {
            Value::Str(at) => (Form::Str, at),
            Value::Bytes(at) => (Form::Bytes, at),
            Value::List(at) => (Form::List, at),
            Value::I64(_) | Value::F64(_) | Value::Bool(_) => {
                let form = match value {
                    Value::I64(_) => Form::I64,
                    Value::F64(_) => Form::F64,
                    _ => Form::Bool,
                };
                put_varint(blob, slot(form));
                put_plain(value, blob);
                return;
            }
        };
        if let Some(word) = self.word(key, text, at, memo) {
            put_varint(blob, slot(form));
            put_varint(blob, u64::from(word));
        } else {
            put_varint(blob, slot(form.raw()));
            put_bytes(blob, text.bytes(at));
        }
    }

    /// Stores attributes behind their number.
    pub(crate) fn put_all(&mut self, text: &TextArena, attrs: &[AttrRow], memo: &mut Memo, blob: &mut Vec<u8>) {
        put_varint(blob, attrs.len() as u64);
        for attr in attrs {
            self.put_inline(text, attr, memo, blob);
        }
    }

    /// Reads the content of a value of this form; `word` reads the number of a word.
    #[inline]
    pub(crate) fn read<'a>(&'a self, form: Form, cursor: &mut Cursor<'a>, word: impl FnOnce(&mut Cursor<'a>) -> u32) -> StoredValue<'a> {
        match form {
            Form::Str => StoredValue::Str(self.words.get(word(cursor))),
            Form::Bytes => StoredValue::Bytes(self.words.get(word(cursor))),
            Form::List => StoredValue::List(self.words.get(word(cursor))),
            Form::I64 => StoredValue::I64(cursor.signed()),
            Form::F64 => StoredValue::F64(f64::from_bits(cursor.fixed_u64())),
            Form::Bool => StoredValue::Bool(cursor.byte() != 0),
            Form::RawStr => StoredValue::Str(cursor.bytes()),
            Form::RawBytes => StoredValue::Bytes(cursor.bytes()),
            Form::RawList => StoredValue::List(cursor.bytes()),
        }
    }

    /// Reads one attribute stored inline: its key and value.
    pub(crate) fn read_inline<'a>(&'a self, cursor: &mut Cursor<'a>) -> (u32, StoredValue<'a>) {
        let slot = cursor.varint();
        let value = self.read(Form::from_bits(slot as u32), cursor, |cursor| cursor.varint() as u32);
        ((slot >> 4) as u32, value)
    }

    /// Passes over one attribute stored inline; the number of its word, if its value is one.
    pub(crate) fn word_inline(cursor: &mut Cursor<'_>) -> Option<u32> {
        match Form::from_bits(cursor.varint() as u32) {
            Form::Str | Form::Bytes | Form::List => return Some(cursor.varint() as u32),
            Form::I64 => _ = cursor.varint(),
            Form::F64 => _ = cursor.fixed_u64(),
            Form::Bool => _ = cursor.byte(),
            Form::RawStr | Form::RawBytes | Form::RawList => _ = cursor.bytes(),
        }
        None
    }

    /// Reads attributes that stand behind their number.
    pub(crate) fn read_all<'a>(&'a self, cursor: &mut Cursor<'a>) -> Vec<StoredAttr<'a>> {
        let num_attrs = cursor.varint();
        (0..num_attrs)
            .map(|_| {
                let (key, value) = self.read_inline(cursor);
                self.attr(key, value)
            })
            .collect()
    }

    /// A key and a value as an attribute.
    pub(crate) fn attr<'a>(&'a self, key: u32, value: StoredValue<'a>) -> StoredAttr<'a> {
        StoredAttr { name: text_of(self.name(key)), known: self.known(key).known, value }
    }

    /// Whether attributes that stand behind their number are these, in this order.
    pub(crate) fn are<'a>(&'a self, cursor: &mut Cursor<'a>, text: &TextArena, attrs: &[AttrRow]) -> bool {
        cursor.varint() == attrs.len() as u64
            && attrs.iter().all(|attr| {
                let (key, value) = self.read_inline(cursor);
                self.name(key) == text.bytes(attr.key) && value.is(attr.value, text)
            })
    }

    /// Whether there are so many words that a segment is full.
    pub(crate) fn is_full(&self) -> bool {
        self.words.len() >= FULL_WORDS || self.names.len() >= FULL_WORDS
    }

    /// What it holds, in bytes, by capacity.
    pub(crate) fn size_bytes(&self) -> usize {
        self.words.size_bytes() + self.names.size_bytes() + self.keys.capacity() * size_of::<Key>()
    }

    /// Gives back what growing took too much.
    pub(crate) fn shrink(&mut self) {
        self.words.shrink();
        self.names.shrink();
        self.keys.shrink_to_fit();
    }
}

#[inline]
fn put_plain(value: Value, blob: &mut Vec<u8>) -> Form {
    match value {
        Value::I64(number) => {
            put_signed(blob, number);
            Form::I64
        }
        Value::F64(number) => {
            blob.extend_from_slice(&number.to_bits().to_le_bytes());
            Form::F64
        }
        Value::Bool(truth) => {
            blob.push(u8::from(truth));
            Form::Bool
        }
        Value::Str(_) | Value::Bytes(_) | Value::List(_) => Form::Str,
    }
}

/// Whether an attribute of this name and meaning holds a correlation id.
pub(crate) fn correlates(name: &str, known: WellKnown) -> bool {
    matches!(known, WellKnown::MessagingMessageId | WellKnown::MessagingConversationId) || is_correlation_name(name)
}

/// Where the content of a value lies in its batch's arena, if it lies there.
#[inline]
pub(crate) fn text_at(value: Value) -> Option<Str> {
    match value {
        Value::Str(at) | Value::Bytes(at) | Value::List(at) => Some(at),
        Value::I64(_) | Value::F64(_) | Value::Bool(_) => None,
    }
}

/// The rows of a run; none where the run does not lie in the column.
#[inline]
pub(crate) fn rows<T>(column: &[T], run: Attrs) -> &[T] {
    column.get(run.range()).unwrap_or(&[])
}
