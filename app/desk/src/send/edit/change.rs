//! A change, and what a list of them makes of a record. Pure.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};
use switchboard_model::{EDITED_HEADER, HeaderChange, HeaderChangeKind, OriginalRecord, OutgoingRecord, RawHeader, Redactor, ShownValue};

use super::around::{self, Piece};
use super::headers::{self, HeaderEdit};
use super::json::{self, Why};
use super::path::JsonPath;
use crate::ledger::LetterKey;
use crate::send::plan::from_hex;
use crate::send::replay::Built;

/// Whose headers no change touches: they say what was done here.
const OWN_PREFIX: &str = "x-switchboard-";
/// Whose header is removed, where a change removes it.
const BY_CHANGE: &str = "your change";
/// What stands where a secret was: whoever sends it sends no secret, and not what was there.
const STAND_IN: &[u8] = b"redacted:";
/// Hexadecimal digits behind it.
const STAND_IN_DIGITS: usize = 6;
/// Changes to one record, of which those to headers count one by one.
const CHANGES_MAX: usize = 1_000;

/// A change to a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Sets a part of a JSON value; a member that is not there is added to its object.
    Set {
        /// Which part.
        path: JsonPath,
        /// What it becomes, JSON.
        json: String,
    },
    /// Takes a part of a JSON value away.
    Remove {
        /// Which part.
        path: JsonPath,
    },
    /// Gives a member of a JSON value another name.
    Rename {
        /// Which.
        path: JsonPath,
        /// Its new name.
        to: String,
    },
    /// Puts one text in the place of another wherever it stands in the value.
    Replace {
        /// What stands there.
        find: String,
        /// What is put there.
        with: String,
    },
    /// Sets a header: the first of its name takes the value, others of that name go.
    SetHeader {
        /// Its name.
        name: String,
        /// Its value.
        value: NewBytes,
    },
    /// Takes all headers of a name away.
    RemoveHeader {
        /// Which.
        name: String,
    },
    /// Gives all headers of a name another.
    RenameHeader {
        /// Which.
        name: String,
        /// Their new name.
        to: String,
    },
    /// Edits headers one by one, as somebody does by hand.
    Headers(Vec<HeaderEdit>),
    /// Puts another key in the key's place.
    Key(NewBytes),
    /// Puts another value in the value's place.
    Value(NewBytes),
    /// The same as `Key`, as a plan has it: what is a secret there is named by its place.
    KeyAround(Vec<Piece>),
    /// The same as `Value`.
    ValueAround(Vec<Piece>),
}

/// Bytes that somebody wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewBytes {
    /// A text.
    Text(String),
    /// Bytes, as hexadecimal digits.
    Hex(String),
    /// None at all, which is not the same as empty.
    Null,
}

/// Changes to records: to all of them, and then to some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// To each record, in this order.
    pub to_all: Vec<Change>,
    /// To one record besides, after those to all.
    pub to_one: BTreeMap<LetterKey, Vec<Change>>,
}

/// Why a record cannot be changed so; it is not sent then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The value is no text, and so no JSON.
    #[error("not changed: its value is no text. Edit it as hexadecimal digits")]
    NoText,
    /// The value is null.
    #[error("not changed: its value is null")]
    NoValue,
    /// The value is no JSON.
    #[error("not changed: its value is no JSON ({0})")]
    NoJson(String),
    /// The change makes no sense for this record.
    #[error("not changed: {change}: {why}")]
    Wrong {
        /// The change, in words, without what it writes: that may be a secret of the record.
        change: String,
        /// Why not.
        why: String,
    },
    /// None of the changes applies to it; as it was it is not wanted.
    #[error("not changed: no change applies to it, and as it is it is not sent")]
    Unchanged,
    /// There are more changes to it than to any record, or larger ones.
    #[error("not changed: {0}")]
    TooMuch(String),
    /// It would carry what stands for a secret here.
    #[error("not changed: {0} would hold a stand-in for a secret (redacted:…), not what was there. Change other parts, or write the secret itself")]
    StandIn(&'static str),
}

/// Key and value of a record as they are changed. Its headers are changed once they are planned.
pub(in crate::send) struct Edited {
    /// The record, as it was apart from key and value.
    pub original: OriginalRecord,
    /// Whether key or value is another.
    pub is_changed: bool,
}

impl Changes {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.to_all.is_empty() && self.to_one.values().all(Vec::is_empty)
    }

    /// What is wrong with the first of them that makes no sense, or with all of them together; `None` = nothing.
    pub fn mistake(&self) -> Option<String> {
        let mut all = self.to_all.iter().chain(self.to_one.values().flatten());
        let of_one = || all.find_map(|change| change.mistake().map(|why| format!("{}: {why}", change.without_values())));
        self.too_much().or_else(of_one)
    }

    /// Why they are more than any record has, or larger; `None` = they are not.
    pub(in crate::send) fn too_much(&self) -> Option<String> {
        let to_all = Extent::default().with(&self.to_all);
        let of_record = |(letter, changes): (&LetterKey, &Vec<Change>)| to_all.with(changes).too_much().map(|why| format!("{letter}: {why}"));
        to_all.too_much().or_else(|| self.to_one.iter().find_map(of_record))
    }

    /// Those to a record, in their order.
    pub fn to<'a>(&'a self, letter: &LetterKey) -> impl Iterator<Item = &'a Change> + Clone + use<'a> {
        self.to_all.iter().chain(self.to_one.get(letter).into_iter().flatten())
    }
}

/// What changes to a record come to.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::send) struct Extent {
    num: usize,
    /// Of their pieces, bytes.
    num_bytes: usize,
}

impl Extent {
    /// With these as well.
    pub fn with<'a>(self, changes: impl IntoIterator<Item = &'a Change>) -> Self {
        changes.into_iter().fold(self, |sum, change| {
            let (num, num_bytes) = match change {
                Change::KeyAround(pieces) | Change::ValueAround(pieces) => (1, around::num_bytes(pieces)),
                Change::Headers(edits) => (edits.len().max(1), edits.iter().fold(0_usize, |sum, edit| sum.saturating_add(edit.num_bytes()))),
                _ => (1, 0),
            };
            Self { num: sum.num.saturating_add(num), num_bytes: sum.num_bytes.saturating_add(num_bytes) }
        })
    }

    /// Why no record has so many; `None` = one may.
    pub fn too_much(self) -> Option<String> {
        if self.num > CHANGES_MAX {
            return Some(format!("there are {} changes to it; make {CHANGES_MAX} at most", self.num));
        }
        around::too_large(self.num_bytes)
    }
}

impl Change {
    /// What it does, in words that may be written down and shown anywhere: what it writes, and looks for, is not in them.
    pub fn without_values(&self) -> String {
        match self {
            Self::Set { path, .. } => format!("set {path}"),
            Self::Replace { .. } => "replace a text".to_owned(),
            Self::SetHeader { name, .. } => format!("header {name} becomes another"),
            Self::Headers(edits) => {
                let edits: Vec<String> = edits.iter().map(HeaderEdit::without_values).collect();
                format!("headers by hand: {}", edits.join("; "))
            }
            Self::Key(_) => "the key becomes another".to_owned(),
            Self::Value(_) => "the value becomes another".to_owned(),
            // No values are in these.
            Self::Remove { .. } | Self::Rename { .. } | Self::RemoveHeader { .. } | Self::RenameHeader { .. } | Self::KeyAround(_) | Self::ValueAround(_) => {
                self.to_string()
            }
        }
    }

    /// Why it makes no sense whatever the record; `None` = it does.
    pub fn mistake(&self) -> Option<String> {
        match self {
            Self::Set { json, .. } => serde_json::from_str::<serde::de::IgnoredAny>(json)
                .err()
                .map(|error| format!("{json:?} is no JSON value ({error}). Write a number, \"a text\" in quotes, true, null, […] or {{…}}")),
            Self::Replace { find, .. } if find.is_empty() => Some("say which text is to be replaced".to_owned()),
            Self::SetHeader { name, value } => header_mistake(name).or_else(|| value.bytes().err()),
            Self::RemoveHeader { name } => header_mistake(name),
            Self::RenameHeader { name, to } => header_mistake(name).or_else(|| header_mistake(to)),
            Self::Headers(edits) => edits.iter().find_map(HeaderEdit::mistake),
            Self::Key(value) | Self::Value(value) => value.bytes().err(),
            Self::KeyAround(pieces) | Self::ValueAround(pieces) => around::mistake(pieces),
            Self::Replace { .. } | Self::Remove { .. } | Self::Rename { .. } => None,
        }
    }

    /// Whether somebody wrote it for one record, of what was shown of that.
    pub(in crate::send) fn is_by_hand(&self) -> bool {
        matches!(self, Self::Key(_) | Self::Value(_) | Self::Headers(_))
    }

    /// Whether it is about a header.
    fn is_of_headers(&self) -> bool {
        matches!(self, Self::SetHeader { .. } | Self::RemoveHeader { .. } | Self::RenameHeader { .. } | Self::Headers(_))
    }
}

pub(super) fn header_mistake(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("a header needs a name".to_owned());
    }
    name.starts_with(OWN_PREFIX).then(|| format!("headers that begin with {OWN_PREFIX} say what was done here, and are not changed by hand"))
}

impl NewBytes {
    /// The bytes; `None` = null.
    pub fn bytes(&self) -> Result<Option<Vec<u8>>, String> {
        match self {
            Self::Text(text) => Ok(Some(text.clone().into_bytes())),
            Self::Null => Ok(None),
            Self::Hex(digits) => from_hex("value", digits).map(Some).map_err(|mistake| mistake.reason),
        }
    }

    /// As text where it is one, else as digits.
    pub fn of(bytes: Option<&[u8]>) -> Self {
        match bytes.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
            None => Self::Null,
            Some((_, Ok(text))) => Self::Text(text.to_owned()),
            Some((bytes, Err(_))) => Self::Hex(digits(bytes)),
        }
    }
}

fn digits(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _written = write!(digits, "{byte:02x}");
    }
    digits
}

impl Edited {
    /// Changes key and value. `changes`: all that are made to the record, also those to its headers.
    pub fn of<'a>(mut original: OriginalRecord, changes: impl Iterator<Item = &'a Change> + Clone) -> Result<Self, ChangeError> {
        if let Some(why) = Extent::default().with(changes.clone()).too_much() {
            return Err(ChangeError::TooMuch(why));
        }
        let (key, value) = (original.key.clone(), original.value.clone());
        for change in changes.filter(|change| !change.is_of_headers()) {
            apply(&mut original, change, (&key, &value))?;
        }
        let (is_other_key, is_other_value) = (original.key != key, original.value != value);
        for (what, is_other, bytes, before) in [("the key", is_other_key, &original.key, &key), ("the value", is_other_value, &original.value, &value)] {
            if is_other && num_stand_ins(bytes.as_deref()) > num_stand_ins(before.as_deref()) {
                return Err(ChangeError::StandIn(what));
            }
        }
        Ok(Self { original, is_changed: is_other_key || is_other_value })
    }
}

/// Changes the headers that were planned, and marks what was edited; whether it was. `original`: those that lie there. A record that no change applies to
/// is not sent.
pub(in crate::send) fn change_headers<'a>(
    is_changed: bool,
    built: &mut Built,
    original: &[RawHeader],
    changes: impl Iterator<Item = &'a Change> + Clone,
    redactor: &Redactor,
) -> Result<bool, ChangeError> {
    let is_asked_for = changes.clone().next().is_some();
    let before = built.outgoing.headers.clone();
    for change in changes.filter(|change| change.is_of_headers()) {
        apply_to_headers(&mut built.outgoing, original, change)?;
    }
    let is_other = built.outgoing.headers != before;
    if !is_asked_for {
        return Ok(false);
    }
    if !is_changed && !is_other {
        return Err(ChangeError::Unchanged);
    }
    let num = |headers: &[RawHeader]| headers.iter().map(|header| num_stand_ins(header.value.as_deref())).sum::<usize>();
    if num(&built.outgoing.headers) > num(&before) {
        return Err(ChangeError::StandIn("a header"));
    }
    if !built.outgoing.headers.iter().any(|header| header.name == EDITED_HEADER) {
        built.outgoing.headers.push(RawHeader { name: EDITED_HEADER.to_owned(), value: Some(b"1".to_vec()) });
    }
    diff_headers(built, &before, redactor);
    Ok(true)
}

/// `was`: key and value as they lie there.
fn apply(record: &mut OriginalRecord, change: &Change, was: (&Option<Vec<u8>>, &Option<Vec<u8>>)) -> Result<(), ChangeError> {
    let wrong = |why: String| ChangeError::Wrong { change: change.without_values(), why };
    match change {
        Change::Key(key) => record.key = key.bytes().map_err(wrong)?,
        Change::Value(value) => record.value = value.bytes().map_err(wrong)?,
        Change::KeyAround(pieces) => record.key = Some(around::joined(pieces, was.0.as_deref()).map_err(wrong)?),
        Change::ValueAround(pieces) => record.value = Some(around::joined(pieces, was.1.as_deref()).map_err(wrong)?),
        Change::Replace { find, with } if !find.is_empty() => {
            let value = record.value.as_deref().ok_or(ChangeError::NoValue)?;
            let text = std::str::from_utf8(value).map_err(|_| ChangeError::NoText)?;
            record.value = Some(text.replace(find, with).into_bytes());
        }
        Change::Set { .. } | Change::Remove { .. } | Change::Rename { .. } => {
            let value = record.value.as_deref().ok_or(ChangeError::NoValue)?;
            let text = std::str::from_utf8(value).map_err(|_| ChangeError::NoText)?;
            let changed = match change {
                Change::Set { path, json } => json::set(text, path, json),
                Change::Remove { path } => json::remove(text, path),
                Change::Rename { path, to } => json::rename(text, path, to),
                _ => return Ok(()),
            };
            match changed {
                Ok(changed) => record.value = Some(changed.into_bytes()),
                Err(Why::Absent) => {}
                Err(Why::NoJson(why)) => return Err(ChangeError::NoJson(why)),
                Err(Why::Wrong(why)) => return Err(wrong(why)),
            }
        }
        Change::Replace { .. } | Change::SetHeader { .. } | Change::RemoveHeader { .. } | Change::RenameHeader { .. } | Change::Headers(_) => {}
    }
    Ok(())
}

fn apply_to_headers(record: &mut OutgoingRecord, original: &[RawHeader], change: &Change) -> Result<(), ChangeError> {
    let headers = &mut record.headers;
    match change {
        Change::SetHeader { name, value } => {
            let value = value.bytes().map_err(|why| ChangeError::Wrong { change: change.without_values(), why })?;
            let set = RawHeader { name: name.clone(), value };
            match headers.iter().position(|header| header.name == *name) {
                Some(first) => {
                    headers[first] = set;
                    let mut place = 0;
                    headers.retain(|header| {
                        place += 1;
                        header.name != *name || place - 1 == first
                    });
                }
                None => headers.push(set),
            }
        }
        Change::RemoveHeader { name } => headers.retain(|header| header.name != *name),
        Change::RenameHeader { name, to } => headers.iter_mut().filter(|header| header.name == *name).for_each(|header| header.name.clone_from(to)),
        Change::Headers(edits) => headers::edit(headers, edits, original).map_err(|why| ChangeError::Wrong { change: change.without_values(), why })?,
        _ => {}
    }
    Ok(())
}

/// Tells what the changes made of the headers, beside what the plan did.
fn diff_headers(built: &mut Built, planned: &[RawHeader], redactor: &Redactor) {
    let show = |header: &RawHeader| ShownValue::of(header, redactor);
    let mut after: Vec<&RawHeader> = built.outgoing.headers.iter().collect();
    let mut planned = planned.iter();
    for told in &mut built.diff.changes {
        if matches!(told.kind, HeaderChangeKind::Removed { .. }) {
            continue;
        }
        let Some(before) = planned.next() else { break };
        // The same, or else the first that is left of its name.
        let same = after.iter().position(|header| *header == before).or_else(|| after.iter().position(|header| header.name == before.name));
        let Some(at) = same else {
            (told.kind, told.after) = (HeaderChangeKind::Removed { dialect: BY_CHANGE }, None);
            continue;
        };
        let header = after.remove(at);
        if header != before {
            let kind = if told.before.is_some() { HeaderChangeKind::Changed } else { told.kind };
            (told.kind, told.after) = (kind, Some(show(header)));
        }
    }
    let added =
        after.into_iter().map(|header| HeaderChange { name: header.name.clone(), kind: HeaderChangeKind::Added, before: None, after: Some(show(header)) });
    let added: Vec<HeaderChange> = added.collect();
    built.diff.changes.extend(added);
}

/// How often bytes hold what stands for a secret here.
fn num_stand_ins(bytes: Option<&[u8]>) -> usize {
    let bytes = bytes.unwrap_or_default();
    let is_stand_in = |window: &[u8]| window.starts_with(STAND_IN) && window[STAND_IN.len()..].iter().all(u8::is_ascii_hexdigit);
    bytes.windows(STAND_IN.len() + STAND_IN_DIGITS).filter(|window| is_stand_in(window)).count()
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set { path, json } => write!(f, "set {path} to {json}"),
            Self::Remove { path } => write!(f, "remove {path}"),
            Self::Rename { path, to } => write!(f, "rename {path} to {to}"),
            Self::Replace { find, with } => write!(f, "replace {find:?} by {with:?}"),
            Self::SetHeader { name, value } => write!(f, "header {name} becomes {value}"),
            Self::RemoveHeader { name } => write!(f, "header {name} goes"),
            Self::RenameHeader { name, to } => write!(f, "header {name} is called {to}"),
            Self::Headers(edits) => {
                f.write_str("headers by hand: ")?;
                edits.iter().enumerate().try_for_each(|(at, edit)| write!(f, "{}{edit}", if at == 0 { "" } else { "; " }))
            }
            Self::Key(value) => write!(f, "the key becomes {value}"),
            Self::Value(value) => write!(f, "the value becomes {value}"),
            Self::KeyAround(_) => f.write_str("the key is written anew around what is kept of it"),
            Self::ValueAround(_) => f.write_str("the value is written anew around what is kept of it"),
        }
    }
}

impl fmt::Display for NewBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Hex(digits) => write!(f, "0x{digits}"),
            Self::Null => f.write_str("null"),
        }
    }
}

#[cfg(test)]
mod tests;
