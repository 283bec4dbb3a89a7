//! An edit as it is written down: what is a secret of the part of a record that it writes anew stands in it as the place where it lies among the bytes that
//! are read again, and not as itself, whether it was shown meanwhile or not. A secret that was put into another part cannot be named so: such an edit is not
//! written down. Pure.

use std::collections::BTreeMap;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use serde::{Deserialize, Serialize};
use switchboard_model::{OriginalRecord, RawHeader, Redactor};

use super::change::{Change, NewBytes};
use super::headers::HeaderEdit;
use crate::send::plan::from_hex;

/// Pieces that come to more are none of a record, bytes: those of all its parts together.
const BYTES_MAX: usize = 64 << 20;

/// A part of a key, a value or a header that is written anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Piece {
    /// A text.
    Text(String),
    /// Bytes, as hexadecimal digits.
    Hex(String),
    /// Bytes that lie there, before any other change.
    Kept {
        /// Where they begin, bytes.
        from: usize,
        /// How many.
        size: usize,
    },
}

/// What pieces come to, bytes.
pub(super) fn num_bytes(pieces: &[Piece]) -> usize {
    let size = |piece: &Piece| match piece {
        Piece::Text(text) => text.len(),
        Piece::Hex(digits) => digits.len() / 2,
        Piece::Kept { size, .. } => *size,
    };
    pieces.iter().fold(0, |sum, piece| sum.saturating_add(size(piece)))
}

/// Why pieces of so many bytes are none of a record; `None` = they may be.
pub(super) fn too_large(num_bytes: usize) -> Option<String> {
    (num_bytes > BYTES_MAX).then(|| format!("its pieces come to more than {} MiB", BYTES_MAX >> 20))
}

/// What is wrong with pieces whatever the record; `None` = nothing.
pub(super) fn mistake(pieces: &[Piece]) -> Option<String> {
    let of_digits = |piece: &Piece| if let Piece::Hex(digits) = piece { from_hex("value", digits).err() } else { None };
    too_large(num_bytes(pieces)).or_else(|| pieces.iter().find_map(of_digits).map(|mistake| mistake.reason))
}

/// The bytes that pieces make of those that lie there.
pub(super) fn joined(pieces: &[Piece], was: Option<&[u8]>) -> Result<Vec<u8>, String> {
    if let Some(why) = mistake(pieces) {
        return Err(why);
    }
    let was = was.unwrap_or_default();
    let mut joined = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => joined.extend_from_slice(text.as_bytes()),
            Piece::Hex(digits) => joined.append(&mut from_hex("value", digits).map_err(|mistake| mistake.reason)?),
            Piece::Kept { from, size } => {
                let kept = from.checked_add(*size).and_then(|end| was.get(*from..end));
                joined.extend_from_slice(kept.ok_or_else(|| format!("it keeps {size} bytes from {from} on, and only {} lie there", was.len()))?);
            }
        }
    }
    Ok(joined)
}

/// The header of a record that an edit means.
pub(super) fn header<'a>(headers: &'a [RawHeader], name: &str, nth: usize) -> Option<&'a RawHeader> {
    place(headers, name, nth).map(|at| &headers[at])
}

fn place(headers: &[RawHeader], name: &str, nth: usize) -> Option<usize> {
    headers.iter().enumerate().filter(|(_, header)| header.name == *name).nth(nth).map(|(at, _)| at)
}

/// A part of a record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Within {
    Key,
    Value,
    /// By its place among all headers.
    Header(usize),
}

/// What is a secret in a record, in all of its parts.
pub(in crate::send) struct Secrets<'a> {
    record: &'a OriginalRecord,
    /// All of them in one pass, the longest that stands at a place: takes time and room by the sum of their lengths, however many they are.
    all: AhoCorasick,
    /// Of each, where it lies first in each part that holds it.
    lie_in: Vec<BTreeMap<Within, Range<usize>>>,
}

impl<'a> Secrets<'a> {
    /// Looks for them.
    pub fn of(record: &'a OriginalRecord, redactor: &Redactor) -> Result<Self, String> {
        let mut found: BTreeMap<&'a [u8], BTreeMap<Within, Range<usize>>> = BTreeMap::new();
        let mut look = |within: Within, bytes: Option<&'a [u8]>, is_secret: bool| {
            let bytes = bytes.unwrap_or_default();
            let all_of_it = std::iter::once(0..bytes.len()).filter(|_| is_secret);
            for range in all_of_it.chain(redactor.secrets(bytes)).filter(|range| !range.is_empty()) {
                found.entry(&bytes[range.clone()]).or_default().entry(within).or_insert(range);
            }
        };
        look(Within::Key, record.key.as_deref(), false);
        look(Within::Value, record.value.as_deref(), false);
        for (at, header) in record.headers.iter().enumerate() {
            look(Within::Header(at), header.value.as_deref(), redactor.is_secret_name(&header.name));
        }
        let mut builder = AhoCorasick::builder();
        let all = builder.match_kind(MatchKind::LeftmostLongest).kind(Some(AhoCorasickKind::NoncontiguousNFA)).build(found.keys());
        let all = all.map_err(|error| format!("its secrets cannot be looked for: {error}"))?;
        Ok(Self { record, all, lie_in: found.into_values().collect() })
    }

    /// A change by hand without what is a secret of the record; an error says why it cannot be told, or written down.
    pub fn around(&self, change: &Change) -> Result<Change, String> {
        let of = |new: &NewBytes, within: Within, what: &str| self.pieces(new, Some(within)).map_err(|why| format!("{what} {why}"));
        Ok(match change {
            Change::Key(new) => of(new, Within::Key, "the key")?.map_or_else(|| change.clone(), Change::KeyAround),
            Change::Value(new) => of(new, Within::Value, "the value")?.map_or_else(|| change.clone(), Change::ValueAround),
            Change::Headers(edits) => Change::Headers(edits.iter().map(|edit| self.around_header(edit)).collect::<Result<_, _>>()?),
            _ => change.clone(),
        })
    }

    fn around_header(&self, edit: &HeaderEdit) -> Result<HeaderEdit, String> {
        let (within, new) = match edit {
            // Where a change to all gave it its name, it is none of those that lie there, and nothing of it can be named by a place.
            HeaderEdit::At { name, nth, to: Some(new) } => (place(&self.record.headers, name, *nth).map(|at| (at, name, *nth)), new),
            HeaderEdit::Add(new) => (None, new),
            HeaderEdit::At { to: None, .. } | HeaderEdit::Around { .. } => return Ok(edit.clone()),
        };
        let pieces = self.pieces(&new.value, within.map(|(at, ..)| Within::Header(at))).map_err(|why| format!("the header {} {why}", new.name))?;
        Ok(match (pieces, within) {
            (Some(pieces), Some((_, name, nth))) => HeaderEdit::Around { name: name.clone(), nth, to: new.name.clone(), pieces },
            _ => edit.clone(),
        })
    }

    /// New bytes of a part in pieces, so that no secret of the record stands in them; `None` = none does anyway. An error says of a secret of another part.
    fn pieces(&self, new: &NewBytes, within: Option<Within>) -> Result<Option<Vec<Piece>>, String> {
        let Some(new) = new.bytes().map_err(|why| format!("cannot be read: {why}"))? else { return Ok(None) };
        let (mut pieces, mut passed) = (Vec::new(), 0);
        let plain = |bytes: &[u8]| match NewBytes::of(Some(bytes)) {
            NewBytes::Text(text) if !text.is_empty() => Some(Piece::Text(text)),
            NewBytes::Hex(digits) => Some(Piece::Hex(digits)),
            _ => None,
        };
        for found in self.all.find_iter(&new) {
            let lies_in = &self.lie_in[found.pattern().as_usize()];
            let Some(secret) = within.and_then(|within| lies_in.get(&within)) else { return Err(self.of_another(lies_in)) };
            pieces.extend(plain(&new[passed..found.start()]));
            pieces.push(Piece::Kept { from: secret.start, size: secret.len() });
            passed = found.end();
        }
        if pieces.is_empty() {
            return Ok(None);
        }
        pieces.extend(plain(&new[passed..]));
        Ok(Some(pieces))
    }

    fn of_another(&self, lies_in: &BTreeMap<Within, Range<usize>>) -> String {
        let of = match lies_in.keys().next() {
            Some(Within::Header(at)) => format!("the header {}", self.record.headers[*at].name),
            Some(Within::Key) => "the key".to_owned(),
            Some(Within::Value) | None => "the value".to_owned(),
        };
        format!("would hold a secret of {of}, and a plan names a secret by its place in the same part only. Take it out of there, or send without a plan")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use switchboard_measure::growth::assert_linear;

    use super::*;
    use crate::send::edit::NewHeader;
    use crate::send::testing::original;

    fn redactor() -> Redactor {
        Redactor::new([7; 16], &[])
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    fn around(record: &OriginalRecord, change: &Change) -> Result<Change, String> {
        Secrets::of(record, &redactor()).expect("secrets").around(change)
    }

    /// A value that is written anew in the place of another.
    fn value(was: &[u8], now: NewBytes) -> Change {
        around(&original(was, &[]), &Change::Value(now)).expect("it can be told")
    }

    #[test]
    fn a_secret_that_an_edit_leaves_stands_in_it_as_its_place_wherever_it_is_put() {
        let was = b"{\"password\":\"hunter2\",\"parcels\":0}";
        let kept = || Piece::Kept { from: 13, size: 7 };
        let now = "{\"password\":\"hunter2\",\"parcels\":1,\"note\":\"was hunter22\"}";
        let pieces = vec![text("{\"password\":\""), kept(), text("\",\"parcels\":1,\"note\":\"was "), kept(), text("2\"}")];
        assert_eq!(value(was, NewBytes::Text(now.to_owned())), Change::ValueAround(pieces.clone()));
        assert_eq!(joined(&pieces, Some(was)).as_deref(), Ok(now.as_bytes()));
        // As digits it is the same, and what is no text stays bytes.
        assert_eq!(value(was, NewBytes::of(Some(b"\xffhunter2"))), Change::ValueAround(vec![Piece::Hex("ff".to_owned()), kept()]));
        // What holds none is what was written.
        for new in [NewBytes::Text("{\"password\":\"another\"}".to_owned()), NewBytes::Null, NewBytes::Text(String::new())] {
            assert_eq!(value(was, new.clone()), Change::Value(new));
        }
        let json = serde_json::to_string(&Change::ValueAround(pieces.clone())).expect("JSON");
        assert!(!json.contains("hunter2") && json.contains("{\"kept\":{\"from\":13,\"size\":7}}"), "{json}");
        assert_eq!(serde_json::from_str::<Change>(&json).expect(&json), Change::ValueAround(pieces));
    }

    #[test]
    fn a_header_is_a_secret_by_its_name_and_of_several_the_one_that_is_meant_is_kept() {
        let of = original(b"{}", &[("authorization", "abc"), ("kind", "order"), ("authorization", "Bearer defg")]);
        let at = |nth: usize, to: &str, value: &str| {
            let to = Some(NewHeader { name: to.to_owned(), value: NewBytes::Text(value.to_owned()) });
            HeaderEdit::At { name: "authorization".to_owned(), nth, to }
        };
        let edits = Change::Headers(vec![at(1, "auth", "Bearer defg, ab"), at(0, "authorization", "x")]);
        let pieces = vec![Piece::Kept { from: 0, size: 11 }, text(", ab")];
        let expected = HeaderEdit::Around { name: "authorization".to_owned(), nth: 1, to: "auth".to_owned(), pieces };
        assert_eq!(around(&of, &edits), Ok(Change::Headers(vec![expected, at(0, "authorization", "x")])));
    }

    #[test]
    fn a_secret_that_is_put_into_another_part_is_refused_and_said_of_which_it_is() {
        let mut of = original(b"{\"password\":\"hunter2\"}", &[("authorization", "abcd"), ("kind", "order"), ("authorization", "Bearer defg")]);
        of.key = Some(b"token=k3yk3yk3y&".to_vec());
        let new = |value: &str| NewBytes::Text(value.to_owned());
        let header = |name: &str, value: &str| NewHeader { name: name.to_owned(), value: new(value) };
        let at = |name: &str, nth: usize, to: NewHeader| Change::Headers(vec![HeaderEdit::At { name: name.to_owned(), nth, to: Some(to) }]);
        for (change, told) in [
            (Change::Headers(vec![HeaderEdit::Add(header("note", "was hunter2"))]), "the header note would hold a secret of the value"),
            (Change::Key(new("hunter2")), "the key would hold a secret of the value"),
            (Change::Key(NewBytes::of(Some(b"\xffhunter2"))), "the key would hold a secret of the value"),
            (Change::Value(new("{\"password\":\"abcd\"}")), "the value would hold a secret of the header authorization"),
            (Change::Value(new("k3yk3yk3y")), "the value would hold a secret of the key"),
            (at("authorization", 1, header("authorization", "Bearer defg, abcd")), "the header authorization would hold a secret of the header authorization"),
            (at("kind", 0, header("kind", "abcd")), "the header kind would hold a secret of the header authorization"),
            // A change to all gave it this name: where it lies is not known here.
            (at("auth", 0, header("auth", "abcd")), "the header auth would hold a secret of the header authorization"),
        ] {
            let refused = around(&of, &change).expect_err(told);
            assert!(refused.starts_with(told) && refused.contains("send without a plan"), "{refused}");
            assert!(["hunter2", "abcd", "k3yk3yk3y"].iter().all(|secret| !refused.contains(secret)), "{refused}");
        }
        // What is no secret may go anywhere.
        let change = at("auth", 0, header("auth", "order"));
        assert_eq!(around(&of, &change), Ok(change));
    }

    #[test]
    fn pieces_that_cannot_be_of_the_record_say_why() {
        let kept = |from: usize, size: usize| Piece::Kept { from, size };
        assert_eq!(joined(&[kept(1, 2)], Some(b"abc")).as_deref(), Ok(&b"bc"[..]));
        for (pieces, why) in [
            (vec![kept(2, 2)], "keeps 2 bytes from 2 on, and only 3 lie there"),
            (vec![kept(usize::MAX, 2)], "and only 3 lie there"),
            (vec![kept(0, usize::MAX), kept(0, usize::MAX)], "more than 64 MiB"),
            (vec![text("a"), Piece::Hex("0".to_owned())], "left over"),
        ] {
            assert!(joined(&pieces, Some(b"abc")).is_err_and(|told| told.contains(why)), "{why}");
        }
        assert!(joined(&[kept(0, 1)], None).is_err_and(|told| told.contains("only 0 lie there")));
        assert!(Change::ValueAround(vec![kept(0, usize::MAX)]).mistake().is_some_and(|told| told.contains("more than 64 MiB")));
        let ours = HeaderEdit::Around { name: "x-switchboard-source".to_owned(), nth: 0, to: "a".to_owned(), pieces: Vec::new() };
        assert!(Change::Headers(vec![ours]).mistake().is_some_and(|told| told.contains("not changed by hand")));
    }

    #[test]
    fn many_secrets_are_found_in_one_pass() {
        let one_of = |number: usize| format!("\"password\":\"secret-{number}\",");
        let value = |num: usize| format!("{{{}\"end\":1}}", (0..num).map(one_of).collect::<Vec<_>>().concat());
        assert_linear("secrets", 1 << 9, value, |of| {
            let change = super::tests::value(of.as_bytes(), NewBytes::Text(of.replace("end", "END")));
            assert!(matches!(change, Change::ValueAround(_)));
        });
    }

    proptest! {
        #[test]
        fn what_is_written_down_makes_the_very_bytes_and_holds_no_secret(
            was in prop::collection::vec(prop_oneof!["[a-z0-9 ü,:\"{}]{0,12}", "\"password\":\"[a-z0-9ü]{1,12}\",", "token=[a-zA-Z0-9]{1,24}&"], 0..6),
            around_it in any::<Vec<u8>>(),
            at in any::<prop::sample::Index>(),
        ) {
            let was = was.concat().into_bytes();
            let mut now = around_it;
            let at = at.index(now.len() + 1);
            now.splice(at..at, was.iter().copied());
            let of = original(&was, &[("kind", "order")]);
            let secrets: Vec<Vec<u8>> = redactor().secrets(&was).into_iter().map(|range| was[range].to_vec()).filter(|secret| !secret.is_empty()).collect();
            let change = value(&was, NewBytes::of(Some(&now)));
            let holds = |bytes: &[u8]| secrets.iter().any(|secret| bytes.windows(secret.len()).any(|window| window == secret.as_slice()));
            // In another part it is refused, and what is not refused holds none.
            let add = HeaderEdit::Add(NewHeader { name: "note".to_owned(), value: NewBytes::of(Some(&now)) });
            let kind = HeaderEdit::At { name: "kind".to_owned(), nth: 0, to: Some(NewHeader { name: "kind".to_owned(), value: NewBytes::of(Some(&now)) }) };
            for elsewhere in [Change::Key(NewBytes::of(Some(&now))), Change::Headers(vec![add]), Change::Headers(vec![kind])] {
                prop_assert_eq!(around(&of, &elsewhere).ok(), (!holds(&now)).then_some(elsewhere));
            }
            let Change::ValueAround(pieces) = change else {
                prop_assert!(!holds(&now));
                return Ok(());
            };
            prop_assert_eq!(joined(&pieces, Some(&was)), Ok(now));
            for piece in &pieces {
                let bytes = match piece {
                    Piece::Text(text) => text.clone().into_bytes(),
                    Piece::Hex(digits) => from_hex("value", digits).expect("digits"),
                    Piece::Kept { .. } => continue,
                };
                prop_assert!(!holds(&bytes), "{pieces:?}");
            }
        }
    }
}
