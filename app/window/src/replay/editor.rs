//! One record that is edited before it is replayed: its key, its value and its headers as they lie on the broker, with their secrets only once these are
//! asked for. Pure.

mod changed;
mod headers;

use switchboard_desk::{
    ledger::LetterKey,
    send::{
        edit::{Change, Masked, MaskedRecord, NewBytes},
        replay::EditBoard,
    },
};
use switchboard_model::OriginalRecord;

use crate::widgets::json_text;
pub(super) use headers::{HeaderField, HeaderFields};

/// A longer value is edited elsewhere, bytes.
const BYTES_MAX: usize = 4 << 20;
/// Whether a value was JSON is looked at up to here, bytes; a longer one is meant to be where it begins as that does.
const LOOKED_AT_BYTES_MAX: usize = 1 << 20;

/// A record that is edited.
#[derive(Clone, Debug)]
pub(super) struct Editor {
    /// Which.
    pub letter: LetterKey,
    /// Its key.
    pub key: Field,
    /// Its value.
    pub value: Field,
    /// Whether its value was JSON.
    was_json: bool,
    /// Whether it is so as it is shown, masked or not.
    is_shown_as_json: bool,
    /// How key and value differ from what they were.
    kept: [changed::Kept; 2],
    /// Its headers.
    pub headers: HeaderFields,
    /// Whether secrets are shown, or there are none.
    pub is_revealed: bool,
    /// Whether they are masked in what is edited; else nothing of it is shown before they are.
    is_masked: bool,
    /// Why what was typed cannot be sent.
    pub wrong: Option<String>,
}

/// A key or a value.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// As it was.
    was: NewBytes,
    /// As it is typed.
    pub text: String,
    /// In which form.
    pub form: Form,
    /// What stands for its secrets, as long as these are not shown.
    mask: Option<Masked>,
    /// What stood for its secrets until these were shown.
    former_mask: Option<Masked>,
}

/// In which form bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Hex,
    Null,
}

impl Form {
    /// All, as they are called.
    pub(super) const ALL: [(Self, &str); 3] = [(Self::Text, "text"), (Self::Hex, "hex"), (Self::Null, "null")];
}

impl Field {
    fn of(bytes: Option<&[u8]>) -> Self {
        let was = NewBytes::of(bytes);
        let (form, text) = match &was {
            NewBytes::Text(text) => (Form::Text, text.clone()),
            NewBytes::Hex(digits) => (Form::Hex, digits.clone()),
            NewBytes::Null => (Form::Null, String::new()),
        };
        Self { was, text, form, mask: None, former_mask: None }
    }

    /// The same, with its secrets masked where it has any.
    fn masked(bytes: Option<&[u8]>, mask: Option<&Masked>) -> Self {
        match mask {
            Some(mask) => Self { text: mask.text().to_owned(), form: Form::Text, mask: Some(mask.clone()), ..Self::of(bytes) },
            None => Self::of(bytes),
        }
    }

    /// Whether secrets in it are masked: it cannot be written in another form then.
    pub(super) fn is_masked(&self) -> bool {
        self.mask.is_some()
    }

    fn reveal(&mut self) {
        if let Some(mask) = self.mask.take() {
            self.text = mask.reveal(&self.text);
            self.former_mask = Some(mask);
        }
    }

    /// What is to be sent, with the secrets that are masked; an error says what is wrong with it.
    fn meant(&self) -> Result<NewBytes, String> {
        if let Some(mask) = &self.mask {
            return mask.unmask(&self.text).map(NewBytes::Text);
        }
        let now = self.now();
        if let Some(mask) = &self.former_mask
            && let Ok(Some(bytes)) = now.bytes()
            && let Ok(text) = std::str::from_utf8(&bytes)
            && mask.reveal(text) != text
            && Ok(Some(bytes.as_slice())) != self.was.bytes().as_ref().map(Option::as_deref)
        {
            return Err("a stand-in for a secret (redacted:…) stands in it, and would go out as it stands. Write the secret itself, or take it away".to_owned());
        }
        Ok(now)
    }

    fn now(&self) -> NewBytes {
        match self.form {
            Form::Text => NewBytes::Text(self.text.clone()),
            Form::Hex => NewBytes::Hex(self.text.clone()),
            Form::Null => NewBytes::Null,
        }
    }

    /// Writes the same in another form, where it can be.
    pub(super) fn write_as(&mut self, form: Form) {
        let bytes = self.now().bytes().ok().flatten().unwrap_or_default();
        self.text = match form {
            Form::Null => String::new(),
            Form::Text => String::from_utf8_lossy(&bytes).into_owned(),
            Form::Hex => match NewBytes::of(Some(&bytes)) {
                NewBytes::Hex(digits) => digits,
                _ => bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect(),
            },
        };
        self.form = form;
    }
}

impl Editor {
    /// Of what was read; `None` = it was not, or is too long.
    pub(super) fn of(board: &EditBoard) -> Option<Self> {
        let record: &OriginalRecord = board.read.as_ref()?.as_ref().ok()?;
        let none = MaskedRecord::default();
        let masked = board.masked.as_deref().unwrap_or(&none);
        (record.size_bytes() <= BYTES_MAX).then(|| Self {
            letter: board.letter.clone(),
            key: Field::masked(record.key.as_deref(), masked.key.as_ref()),
            value: Field::masked(record.value.as_deref(), masked.value.as_ref()),
            was_json: record.value.as_deref().is_some_and(is_json),
            is_shown_as_json: masked.value.as_ref().is_none_or(|mask| is_json(mask.text().as_bytes())),
            kept: Default::default(),
            headers: HeaderFields::of(&record.headers, &masked.headers),
            is_revealed: !board.has_secrets,
            is_masked: board.masked.is_some(),
            wrong: None,
        })
    }

    /// Whether it can be edited as it is shown.
    pub(super) fn can_be_edited(&self) -> bool {
        self.is_revealed || self.is_masked
    }

    /// Whether the value can be looked at as JSON: a number that is masked is none.
    pub(super) fn can_be_json(&self) -> bool {
        self.is_shown_as_json || !self.value.is_masked()
    }

    /// Shows its secrets where they are masked.
    pub(super) fn reveal(&mut self) {
        let headers = self.headers.fields.iter_mut().map(|field| &mut field.value);
        [&mut self.key, &mut self.value].into_iter().chain(headers).for_each(Field::reveal);
        self.is_revealed = true;
    }

    /// What was changed, as changes to this record; an error says what is wrong with what was typed.
    pub(super) fn changes(&self) -> Result<Vec<Change>, String> {
        let mut changes = Vec::new();
        for (what, field) in [("key", &self.key), ("value", &self.value)] {
            let now = field.meant().map_err(|wrong| format!("the {what}: {wrong}"))?;
            let bytes = now.bytes().map_err(|wrong| format!("the {what}: {wrong}"))?;
            if Ok(bytes) != field.was.bytes() {
                changes.push(if what == "key" { Change::Key(now) } else { Change::Value(now) });
            }
        }
        changes.extend(self.headers.change()?);
        Ok(changes)
    }

    /// Whether the value is meant to be JSON: it was, or begins as that does.
    pub(super) fn is_json_meant(&self) -> bool {
        self.value.form == Form::Text && (self.was_json || self.value.text.trim_start().starts_with(['{', '[']))
    }
}

/// What is wrong with a value that is meant to be JSON; it can be sent all the same.
pub(super) fn json_mistake(text: &str) -> Option<String> {
    if text.is_empty() { Some("No JSON: it is empty".to_owned()) } else { json_text::mistake_as_it_stands(text) }
}

/// Whether bytes are JSON, of those that are short enough to be looked at.
fn is_json(bytes: &[u8]) -> bool {
    bytes.len() <= LOOKED_AT_BYTES_MAX && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

#[cfg(test)]
pub(super) mod tests {
    use switchboard_model::{MessageRef, RawHash, RawHeader, Redactor, SeenRecord, TimestampType};

    use super::*;

    pub(in crate::replay) fn board(key: Option<&[u8]>, value: &[u8], has_secrets: bool) -> EditBoard {
        let seen = SeenRecord { at: MessageRef::default(), raw_hash: RawHash::UNKNOWN };
        let (key, value) = (key.map(<[u8]>::to_vec), Some(value.to_vec()));
        let record = OriginalRecord { seen, key, value, headers: Vec::new(), timestamp_ms: None, timestamp_type: TimestampType::Unknown };
        EditBoard { letter: LetterKey { at: MessageRef::default(), timestamp_ns: None }, read: Some(Ok(record)), has_secrets, masked: None }
    }

    #[test]
    fn only_what_was_edited_is_a_change() {
        let mut editor = Editor::of(&board(None, b"{\"a\":1}", false)).expect("it was read");
        assert_eq!(editor.changes(), Ok(Vec::new()));
        // Written otherwise it is the same.
        editor.value.write_as(Form::Hex);
        assert_eq!((editor.value.text.as_str(), editor.changes()), ("7b2261223a317d", Ok(Vec::new())));
        editor.value.write_as(Form::Text);
        editor.value.text.push(' ');
        assert_eq!(editor.changes(), Ok(vec![Change::Value(NewBytes::Text("{\"a\":1} ".to_owned()))]));
        editor.key.write_as(Form::Hex);
        editor.key.text = "0".to_owned();
        assert!(editor.changes().is_err_and(|wrong| wrong.starts_with("the key: ")));
    }

    #[test]
    fn a_value_is_meant_to_be_json_where_it_was_or_begins_so_and_mistakes_are_told() {
        let mut editor = Editor::of(&board(None, b"{\n  \"a\": 1\n}", false)).expect("it was read");
        assert!(editor.is_json_meant() && json_mistake(&editor.value.text).is_none());
        editor.value.text = "{\n  \"a\": 1,\n}".to_owned();
        assert_eq!(json_mistake(&editor.value.text).as_deref(), Some("No JSON at line 3, column 1: key must be a string"));
        assert_eq!(editor.changes(), Ok(vec![Change::Value(NewBytes::Text(editor.value.text.clone()))]), "it can be meant");
        editor.value.text.clear();
        assert!(editor.is_json_meant());
        assert_eq!(json_mistake("").as_deref(), Some("No JSON: it is empty"));
        editor.value.write_as(Form::Null);
        assert!(!editor.is_json_meant());
        let mut plain = Editor::of(&board(None, b"hello", false)).expect("it was read");
        assert!(!plain.is_json_meant());
        plain.value.text = "[".to_owned();
        assert!(plain.is_json_meant());
        let long = Editor::of(&board(None, format!("[{}]", " ".repeat(LOOKED_AT_BYTES_MAX)).as_bytes(), false)).expect("it was read");
        assert!(long.is_json_meant());
    }

    #[test]
    fn what_is_text_is_written_in_hex() {
        let mut field = Field::of(Some("aü".as_bytes()));
        field.write_as(Form::Hex);
        assert_eq!(field.text, "61c3bc");
    }

    #[test]
    fn what_is_masked_is_edited_without_being_shown_and_goes_out_as_it_was() {
        let value = b"{\"order\":4999,\"password\":\"hunter2\"}";
        let mut board = board(Some(b"k"), value, true);
        let record = board.read.as_mut().and_then(|read| read.as_mut().ok()).expect("it was read");
        record.headers = vec![RawHeader { name: "authorization".into(), value: Some(b"abc".to_vec()) }];
        board.masked = MaskedRecord::of(record, &Redactor::new([7; 16], &[])).map(std::sync::Arc::new);
        let mut editor = Editor::of(&board).expect("it was read");
        assert!(editor.can_be_edited() && !editor.is_revealed && editor.value.is_masked() && editor.headers.fields[0].value.is_masked());
        assert!(!format!("{:?}", (&editor.value.text, &editor.headers.fields[0].value.text)).contains("hunter2"));
        assert_eq!(editor.changes(), Ok(Vec::new()), "as it was read");
        editor.value.text = editor.value.text.replace("4999", "5000");
        let told: Vec<String> = editor.differences().map(|(name, difference)| format!("{name} {difference:?}")).collect();
        assert!(matches!(&told[..], [only] if only.starts_with("value ") && only.contains("5000") && !only.contains("hunter2")), "{told:?}");
        let whole = "{\"order\":5000,\"password\":\"hunter2\"}";
        assert_eq!(editor.changes(), Ok(vec![Change::Value(NewBytes::Text(whole.into()))]));
        let torn = editor.value.text.replace("redacted:", "redacted");
        let before = std::mem::replace(&mut editor.value.text, torn);
        assert!(editor.changes().is_err_and(|wrong| wrong.starts_with("the value: a stand-in for a secret")), "half of it is not the secret");
        editor.value.text = before;
        let masked = [editor.value.text.clone(), editor.headers.fields[0].value.text.clone()];
        editor.reveal();
        assert_eq!((editor.value.text.as_str(), editor.headers.fields[0].value.text.as_str(), editor.is_revealed), (whole, "abc", true));
        assert_eq!(editor.changes(), Ok(vec![Change::Value(NewBytes::Text(whole.into()))]));
        // A stand-in that comes back afterwards stands for nothing any more, however it is written.
        let refused = |editor: &Editor, what: &str| editor.changes().is_err_and(|wrong| wrong.starts_with(&format!("{what}: a stand-in for a secret")));
        let [value, header] = masked;
        let revealed = std::mem::replace(&mut editor.value.text, value);
        assert!(refused(&editor, "the value"));
        editor.value.write_as(Form::Hex);
        assert!(refused(&editor, "the value"));
        (editor.value.text, editor.value.form) = (revealed, Form::Text);
        editor.headers.fields[0].value.text = header;
        assert!(refused(&editor, "the header authorization"));
        let shown = Editor::of(&EditBoard { masked: None, ..board }).expect("it was read");
        assert!(!shown.can_be_edited(), "what cannot be masked for sure is shown first");
    }

    #[test]
    fn secrets_are_shown_only_once_that_is_asked_for_and_what_is_no_text_is_digits() {
        assert!(!Editor::of(&board(None, b"x", true)).expect("it was read").is_revealed);
        assert_eq!(Editor::of(&board(Some(&[0xff, 0]), b"x", false)).expect("it was read").key.text, "ff00");
        assert!(Editor::of(&EditBoard { read: None, ..board(None, b"", false) }).is_none());
        assert!(Editor::of(&board(None, &vec![b'x'; BYTES_MAX + 1], false)).is_none());
    }
}
