//! Bodies that JSON readers refuse whole for a few bytes of them: what is no UTF-8, and escapes that are half of a character, which
//! senders make that cut a text in the middle of one. U+FFFD stands in their place afterwards. It is put where the body lies, so that
//! next to nothing is taken beside it.

use std::borrow::Cow;

/// U+FFFD in UTF-8.
const REPLACEMENT: &[u8; 3] = b"\xef\xbf\xbd";

/// There is no room for what mending takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

/// The body as a text, mended where it has to be. `room` is asked for what is taken beside it, in bytes, before it is.
pub(super) fn mended<'b>(body: Cow<'b, [u8]>, room: &mut dyn FnMut(usize) -> bool) -> Result<Cow<'b, str>, NoRoom> {
    let num_more = match std::str::from_utf8(&body) {
        Ok(sound) if !sound.contains("\\ud") && !sound.contains("\\uD") => return Ok(text(body)),
        Ok(_) => 0,
        Err(_) => num_more_bytes(&body),
    };
    let mut bytes = match body {
        Cow::Owned(bytes) if bytes.capacity() - bytes.len() >= num_more => {
            if num_more > 0 && !room(num_more) {
                return Err(NoRoom);
            }
            bytes
        }
        // It is there twice while it is copied.
        body => {
            if !room(body.len() + num_more) {
                return Err(NoRoom);
            }
            let mut bytes = Vec::with_capacity(body.len() + num_more);
            bytes.extend_from_slice(&body);
            bytes
        }
    };
    if std::str::from_utf8(&bytes).is_err() {
        replace_what_is_no_utf8(&mut bytes, num_more);
    }
    replace_lone_surrogates(&mut bytes);
    Ok(text(Cow::Owned(bytes)))
}

fn text(body: Cow<'_, [u8]>) -> Cow<'_, str> {
    match body {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())),
    }
}

/// How many bytes longer it gets once what is no UTF-8 is replaced.
fn num_more_bytes(bytes: &[u8]) -> usize {
    bytes.utf8_chunks().map(|chunk| chunk.invalid().len()).filter(|len| *len > 0).map(|len| REPLACEMENT.len() - len).sum()
}

/// Writes U+FFFD over what is no UTF-8, which makes it so many bytes longer.
fn replace_what_is_no_utf8(bytes: &mut Vec<u8>, num_more: usize) {
    let len = bytes.len();
    // All is moved to the end first. What is written then never reaches what is still to be read.
    bytes.resize(len + num_more, 0);
    bytes.copy_within(..len, num_more);
    let (mut read, mut written) = (num_more, 0);
    loop {
        let (valid, invalid) = match std::str::from_utf8(&bytes[read..]) {
            Ok(rest) => (rest.len(), None),
            Err(error) => (error.valid_up_to(), Some(error.error_len())),
        };
        bytes.copy_within(read..read + valid, written);
        read += valid;
        written += valid;
        let Some(num_invalid) = invalid else { break };
        read = num_invalid.map_or(bytes.len(), |num| read + num);
        bytes[written..written + REPLACEMENT.len()].copy_from_slice(REPLACEMENT);
        written += REPLACEMENT.len();
    }
    bytes.truncate(written);
}

/// Writes the escape of U+FFFD over escapes that are half of a character.
fn replace_lone_surrogates(bytes: &mut [u8]) {
    let unit = |bytes: &[u8], at: usize| {
        let digits = bytes.get(at..at + 6).filter(|escape| escape.starts_with(b"\\u"))?;
        u16::from_str_radix(std::str::from_utf8(&digits[2..]).ok()?, 16).ok()
    };
    let mut at = 0;
    while let Some(found) = bytes[at..].iter().position(|byte| *byte == b'\\') {
        at += found;
        match unit(bytes, at) {
            Some(0xd800..0xdc00) if matches!(unit(bytes, at + 6), Some(0xdc00..0xe000)) => at += 12,
            Some(0xd800..0xe000) => {
                bytes[at + 2..at + 6].copy_from_slice(b"fffd");
                at += 6;
            }
            _ => at = (at + 2).min(bytes.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_place(body: &[u8]) -> String {
        let mut spare = Vec::with_capacity(body.len() * 3);
        spare.extend_from_slice(body);
        let at = spare.as_ptr();
        let told = mended(Cow::Owned(spare), &mut |_| true).expect("room").into_owned();
        assert_eq!(told.as_ptr(), at, "it was moved");
        told
    }

    #[test]
    fn half_a_character_is_replaced_and_nothing_else() {
        for (body, expected) in [
            (r#""cut \ud83d""#, r#""cut \ufffd""#),
            (r#""\uD83D\uDE00 whole""#, r#""\uD83D\uDE00 whole""#),
            (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\\ud83d is no escape""#, r#""\\ud83d is no escape""#),
            (r#""\\\ud83d is one""#, r#""\\\ufffd is one""#),
            (r#""\ud83dé""#, r#""\ufffdé""#),
            (r#""\ud8"#, r#""\ud8"#),
            (r#""\ud83d\"#, r#""\ufffd\"#),
        ] {
            assert_eq!(mended(Cow::Borrowed(body.as_bytes()), &mut |_| true).expect("room"), expected, "{body}");
            assert_eq!(in_place(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn what_is_asked_for_is_what_is_taken() {
        let asked = |body: Cow<'_, [u8]>| {
            let mut asked = 0;
            let told = mended(body, &mut |num_bytes| {
                asked += num_bytes;
                true
            });
            (told.expect("room").into_owned(), asked)
        };
        let with_room = |body: &[u8], more: usize| {
            let mut bytes = Vec::with_capacity(body.len() + more);
            bytes.extend_from_slice(body);
            Cow::Owned(bytes)
        };
        let lone = br#""\ud83d""#;
        assert_eq!(asked(with_room(lone, 0)), (r#""\ufffd""#.to_owned(), 0));
        assert_eq!(asked(Cow::Borrowed(lone)), (r#""\ufffd""#.to_owned(), lone.len()));
        assert_eq!(asked(with_room(b"caf\xe9", 2)), ("caf\u{fffd}".to_owned(), 2));
        assert_eq!(asked(Cow::Borrowed(b"caf\xe9")), ("caf\u{fffd}".to_owned(), 6));
        assert_eq!(asked(Cow::Borrowed("café".as_bytes())), ("café".to_owned(), 0));
        for body in [Cow::Borrowed(&lone[..]), Cow::Borrowed(b"caf\xe9"), with_room(b"caf\xe9", 2)] {
            assert_eq!(mended(body, &mut |_| false), Err(NoRoom));
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_no_utf8_is_replaced_as_anywhere(bytes in proptest::collection::vec(proptest::sample::select(b"ab\\\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xff\xed\xa0".to_vec()), 0..40)) {
            proptest::prop_assert_eq!(in_place(&bytes), String::from_utf8_lossy(&bytes));
        }
    }
}
