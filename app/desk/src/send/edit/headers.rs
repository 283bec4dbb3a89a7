//! Headers of one record that are edited by hand, each by its place among those of its name. Pure: what no edit names stays as it is, in its place.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use switchboard_model::RawHeader;

use super::around::{self, Piece};
use super::change::{NewBytes, header_mistake};

/// What somebody made of a header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum HeaderEdit {
    /// A header that is there is another, or none.
    At {
        /// Its name.
        name: String,
        /// Which of that name, from 0.
        nth: usize,
        /// What it becomes; `None` = it goes.
        to: Option<NewHeader>,
    },
    /// The same, as a plan has it: what is a secret there is named by its place in the header as it lies there.
    Around {
        /// Its name.
        name: String,
        /// Which of that name, from 0.
        nth: usize,
        /// Its name from then on.
        to: String,
        /// Its value.
        pieces: Vec<Piece>,
    },
    /// One more, behind all others.
    Add(NewHeader),
}

/// A header that somebody wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewHeader {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: NewBytes,
}

impl HeaderEdit {
    /// Why it makes no sense whatever the record; `None` = it does.
    pub(super) fn mistake(&self) -> Option<String> {
        let of_new = |new: &NewHeader| header_mistake(&new.name).or_else(|| new.value.bytes().err().map(|why| format!("{}: {why}", new.name)));
        match self {
            // A header without a name may be there, and can go or be named.
            Self::At { name, to, .. } => header_mistake(name).filter(|_| !name.is_empty()).or_else(|| to.as_ref().and_then(of_new)),
            Self::Around { name, to, pieces, .. } => {
                let of_name = header_mistake(name).filter(|_| !name.is_empty()).or_else(|| header_mistake(to));
                of_name.or_else(|| around::mistake(pieces).map(|why| format!("{to}: {why}")))
            }
            Self::Add(new) => of_new(new),
        }
    }

    /// What its pieces come to, bytes.
    pub(super) fn num_bytes(&self) -> usize {
        if let Self::Around { pieces, .. } = self { around::num_bytes(pieces) } else { 0 }
    }

    /// What it does, in words, without values.
    pub(super) fn without_values(&self) -> String {
        match self {
            Self::At { name, to: Some(new), .. } if *name == new.name => format!("{name} becomes another"),
            Self::At { name, to: Some(new), .. } => format!("{name} is called {} and becomes another", new.name),
            Self::Add(new) => format!("{} is added", new.name),
            Self::At { to: None, .. } | Self::Around { .. } => self.to_string(),
        }
    }
}

/// Makes the edits, all by the places that headers have before the first of them; an error says which has no header any longer. `original`: the headers as
/// they lie there, before any other change.
pub(super) fn edit(headers: &mut Vec<RawHeader>, edits: &[HeaderEdit], original: &[RawHeader]) -> Result<(), String> {
    let mut by_place: BTreeMap<(String, usize), Option<RawHeader>> = BTreeMap::new();
    let mut added = Vec::new();
    for edit in edits {
        match edit {
            HeaderEdit::At { name, nth, to } => {
                by_place.insert((name.clone(), *nth), to.as_ref().map(raw).transpose()?);
            }
            HeaderEdit::Around { name, nth, to, pieces } => {
                let was = around::header(original, name, *nth).and_then(|header| header.value.as_deref());
                let value = around::joined(pieces, was).map_err(|why| format!("{name}: {why}"))?;
                by_place.insert((name.clone(), *nth), Some(RawHeader { name: to.clone(), value: Some(value) }));
            }
            HeaderEdit::Add(new) => added.push(raw(new)?),
        }
    }
    let mut num_of: BTreeMap<String, usize> = BTreeMap::new();
    let mut edited = Vec::with_capacity(headers.len() + added.len());
    for header in headers.drain(..) {
        let num = num_of.entry(header.name.clone()).or_default();
        let nth = *num;
        *num += 1;
        match by_place.remove(&(header.name.clone(), nth)) {
            None => edited.push(header),
            Some(Some(new)) => edited.push(new),
            Some(None) => {}
        }
    }
    *headers = edited;
    headers.append(&mut added);
    // What is to go and is not there is gone.
    match by_place.into_iter().find(|(_, to)| to.is_some()) {
        Some(((name, _), _)) => Err(format!("the header {name:?} is not there any longer once other changes are made")),
        None => Ok(()),
    }
}

fn raw(new: &NewHeader) -> Result<RawHeader, String> {
    Ok(RawHeader { name: new.name.clone(), value: new.value.bytes()? })
}

impl fmt::Display for HeaderEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At { name, to: None, .. } => write!(f, "{name} goes"),
            Self::At { name, to: Some(new), .. } if *name == new.name => write!(f, "{name} becomes {}", new.value),
            Self::At { name, to: Some(new), .. } => write!(f, "{name} is called {} and is {}", new.name, new.value),
            Self::Around { name, to, .. } if name == to => write!(f, "{name} is written anew around what is kept of it"),
            Self::Around { name, to, .. } => write!(f, "{name} is called {to} and is written anew around what is kept of it"),
            Self::Add(new) => write!(f, "{} is added, {}", new.name, new.value),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(name: &str, value: Option<&[u8]>) -> RawHeader {
        RawHeader { name: name.to_owned(), value: value.map(<[u8]>::to_vec) }
    }

    fn new(name: &str, value: NewBytes) -> NewHeader {
        NewHeader { name: name.to_owned(), value }
    }

    fn at(name: &str, nth: usize, to: Option<NewHeader>) -> HeaderEdit {
        HeaderEdit::At { name: name.to_owned(), nth, to }
    }

    fn text(text: &str) -> NewBytes {
        NewBytes::Text(text.to_owned())
    }

    #[test]
    fn of_several_of_one_name_the_one_that_is_meant_is_edited_and_places_are_those_of_before() {
        let mut headers = vec![header("a", Some(b"1")), header("b", None), header("a", Some(b"\xff")), header("a", Some(b"3")), header("c", Some(b""))];
        let edits = [
            at("a", 0, Some(new("b", text("now a b")))),
            at("b", 0, Some(new("b", NewBytes::Hex("00ff".to_owned())))),
            at("a", 2, None),
            HeaderEdit::Add(new("a", NewBytes::Null)),
        ];
        edit(&mut headers, &edits, &[]).expect("edited");
        let expected = [header("b", Some(b"now a b")), header("b", Some(&[0, 255])), header("a", Some(b"\xff")), header("c", Some(b"")), header("a", None)];
        assert_eq!(headers, expected);
    }

    #[test]
    fn what_is_not_there_can_go_and_cannot_become_another() {
        let mut headers = vec![header("a", None)];
        assert_eq!(edit(&mut headers, &[at("x", 0, None), at("a", 1, None)], &[]), Ok(()));
        assert_eq!(headers, [header("a", None)]);
        assert!(edit(&mut headers, &[at("a", 1, Some(new("a", text("x"))))], &[]).is_err_and(|why| why.contains("\"a\" is not there")));
    }

    #[test]
    fn our_own_headers_are_not_written_by_hand() {
        for edit in [
            at("x-switchboard-source", 0, None),
            at("a", 0, Some(new("x-switchboard-edited", text("")))),
            HeaderEdit::Add(new("x-switchboard-replay-id", text("r"))),
        ] {
            assert!(edit.mistake().is_some_and(|why| why.contains("not changed by hand")), "{edit}");
        }
        assert!(HeaderEdit::Add(new("", text(""))).mistake().is_some_and(|why| why.contains("needs a name")));
        assert!(HeaderEdit::Add(new("a", NewBytes::Hex("0".to_owned()))).mistake().is_some_and(|why| why.starts_with("a: ")));
        assert_eq!(at("", 0, Some(new("named", NewBytes::Null))).mistake(), None);
    }

    proptest! {
        #[test]
        fn what_no_edit_names_stays_byte_for_byte_in_its_order(
            before in proptest::collection::vec(("[ab]", proptest::option::of(any::<Vec<u8>>())), 0..12),
            edited in proptest::collection::vec((0..12_usize, proptest::option::of("[abc]")), 0..6),
        ) {
            let before: Vec<RawHeader> = before.into_iter().map(|(name, value)| RawHeader { name, value }).collect();
            let places: BTreeMap<usize, Option<String>> = edited.into_iter().filter(|(place, _)| *place < before.len()).collect();
            let nth = |place: usize| before[..place].iter().filter(|header| header.name == before[place].name).count();
            let edits: Vec<HeaderEdit> =
                places.iter().map(|(place, to)| at(&before[*place].name, nth(*place), to.as_ref().map(|name| new(name, text("new"))))).collect();
            let mut expected = Vec::new();
            for (place, header) in before.iter().enumerate() {
                match places.get(&place) {
                    None => expected.push(header.clone()),
                    Some(Some(name)) => expected.push(RawHeader { name: name.clone(), value: Some(b"new".to_vec()) }),
                    Some(None) => {}
                }
            }
            let mut headers = before;
            prop_assert_eq!(edit(&mut headers, &edits, &[]), Ok(()));
            prop_assert!(headers == expected);
        }
    }
}
