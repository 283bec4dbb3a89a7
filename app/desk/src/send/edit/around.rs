//! An edit as it is written down: what is a secret of the record stands in it as the place where it lies among the bytes that are read again, and not as
//! itself, whether it was shown meanwhile or not. Pure.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use serde::{Deserialize, Serialize};
use switchboard_model::{OriginalRecord, RawHeader, Redactor};

use super::change::{Change, NewBytes};
use super::headers::HeaderEdit;
use crate::send::plan::from_hex;

/// Pieces that come to more are none of a record, bytes.
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

/// What is wrong with pieces whatever the record; `None` = nothing.
pub(super) fn mistake(pieces: &[Piece]) -> Option<String> {
    let size = |piece: &Piece| match piece {
        Piece::Text(text) => Ok(text.len()),
        Piece::Hex(digits) => from_hex("value", digits).map(|bytes| bytes.len()).map_err(|mistake| mistake.reason),
        Piece::Kept { size, .. } => Ok(*size),
    };
    let mut sum = 0_usize;
    for piece in pieces {
        match size(piece) {
            Ok(size) => sum = sum.saturating_add(size),
            Err(why) => return Some(why),
        }
    }
    (sum > BYTES_MAX).then(|| format!("its pieces come to more than {} MiB", BYTES_MAX >> 20))
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
    headers.iter().filter(|header| header.name == *name).nth(nth)
}

impl Change {
    /// The same without what is a secret in the part of the record that it changes; an error says why that cannot be told.
    pub(in crate::send) fn around_secrets(&self, record: &OriginalRecord, redactor: &Redactor) -> Result<Self, String> {
        let of = |new: &NewBytes, was: &Option<Vec<u8>>| around(new, was.as_deref(), |bytes| redactor.secrets(bytes));
        Ok(match self {
            Self::Key(new) => of(new, &record.key)?.map_or_else(|| self.clone(), Self::KeyAround),
            Self::Value(new) => of(new, &record.value)?.map_or_else(|| self.clone(), Self::ValueAround),
            Self::Headers(edits) => Self::Headers(edits.iter().map(|edit| edit.around_secrets(record, redactor)).collect::<Result<_, _>>()?),
            _ => self.clone(),
        })
    }
}

impl HeaderEdit {
    fn around_secrets(&self, record: &OriginalRecord, redactor: &Redactor) -> Result<Self, String> {
        let Self::At { name, nth, to: Some(new) } = self else { return Ok(self.clone()) };
        let was = header(&record.headers, name, *nth).and_then(|header| header.value.as_deref());
        let secrets = |bytes: &[u8]| if redactor.is_secret_name(name) { std::iter::once(0..bytes.len()).collect() } else { redactor.secrets(bytes) };
        let pieces = around(&new.value, was, secrets)?;
        Ok(pieces.map_or_else(|| self.clone(), |pieces| Self::Around { name: name.clone(), nth: *nth, to: new.name.clone(), pieces }))
    }
}

/// New bytes in pieces, so that no secret of those that lie there stands in them; `None` = none does.
fn around(new: &NewBytes, was: Option<&[u8]>, secrets: impl FnOnce(&[u8]) -> Vec<Range<usize>>) -> Result<Option<Vec<Piece>>, String> {
    let (Some(new), Some(was)) = (new.bytes()?, was) else { return Ok(None) };
    let mut ranges = secrets(was);
    ranges.retain(|range| !range.is_empty());
    // All of them in one pass, the longest that stands at a place: takes time and room by the sum of their lengths, however many they are.
    let mut builder = AhoCorasick::builder();
    let all =
        builder.match_kind(MatchKind::LeftmostLongest).kind(Some(AhoCorasickKind::NoncontiguousNFA)).build(ranges.iter().map(|range| &was[range.clone()]));
    let all = all.map_err(|error| format!("its secrets cannot be looked for: {error}"))?;
    let (mut pieces, mut passed) = (Vec::new(), 0);
    let plain = |bytes: &[u8]| match NewBytes::of(Some(bytes)) {
        NewBytes::Text(text) if !text.is_empty() => Some(Piece::Text(text)),
        NewBytes::Hex(digits) => Some(Piece::Hex(digits)),
        _ => None,
    };
    for found in all.find_iter(&new) {
        let secret = &ranges[found.pattern().as_usize()];
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use switchboard_measure::growth::assert_linear;
    use switchboard_model::{MessageRef, RawHash, SeenRecord, TimestampType};

    use super::*;
    use crate::send::edit::NewHeader;

    fn redactor() -> Redactor {
        Redactor::new([7; 16], &[])
    }

    fn record(value: &[u8], headers: &[(&str, &str)]) -> OriginalRecord {
        let header = |(name, value): &(&str, &str)| RawHeader { name: (*name).to_owned(), value: Some(value.as_bytes().to_vec()) };
        OriginalRecord {
            seen: SeenRecord { at: MessageRef::default(), raw_hash: RawHash::UNKNOWN },
            key: None,
            value: Some(value.to_vec()),
            headers: headers.iter().map(header).collect(),
            timestamp_ms: None,
            timestamp_type: TimestampType::Unknown,
        }
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    /// A value that is written anew in the place of another.
    fn value(was: &[u8], now: NewBytes) -> Change {
        Change::Value(now).around_secrets(&record(was, &[]), &redactor()).expect("it can be told")
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
        let of = record(b"{}", &[("authorization", "abc"), ("kind", "order"), ("authorization", "Bearer defg")]);
        let at = |nth: usize, to: &str, value: &str| {
            let to = Some(NewHeader { name: to.to_owned(), value: NewBytes::Text(value.to_owned()) });
            HeaderEdit::At { name: "authorization".to_owned(), nth, to }
        };
        let edits = Change::Headers(vec![at(1, "auth", "Bearer defg, abc"), at(0, "authorization", "x")]);
        let around = edits.around_secrets(&of, &redactor()).expect("it can be told");
        let pieces = vec![Piece::Kept { from: 0, size: 11 }, text(", abc")];
        let expected = HeaderEdit::Around { name: "authorization".to_owned(), nth: 1, to: "auth".to_owned(), pieces };
        assert_eq!(around, Change::Headers(vec![expected, at(0, "authorization", "x")]));
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
            let secrets: Vec<Vec<u8>> = redactor().secrets(&was).into_iter().map(|range| was[range].to_vec()).filter(|secret| !secret.is_empty()).collect();
            let change = value(&was, NewBytes::of(Some(&now)));
            let holds = |bytes: &[u8]| secrets.iter().any(|secret| bytes.windows(secret.len()).any(|window| window == secret.as_slice()));
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
