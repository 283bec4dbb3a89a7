//! Bodies that are no UTF-8, as their type says that they are to be read.

use std::borrow::Cow;

/// What stands in Windows-1252 from 0x80 to 0x9f, where ISO-8859-1 has control characters that nobody means (WHATWG Encoding, 9.1); `\0` = the same number.
const FROM_0X80: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', //
    '\0', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

/// Names of the encodings of one byte a character that are read here, and how each is told. All are read as Windows-1252, as browsers do.
const NAMES: [(&str, &str); 9] = [
    ("iso-8859-1", "ISO-8859-1"),
    ("iso8859-1", "ISO-8859-1"),
    ("iso_8859-1", "ISO-8859-1"),
    ("latin1", "ISO-8859-1"),
    ("latin-1", "ISO-8859-1"),
    ("l1", "ISO-8859-1"),
    ("windows-1252", "Windows-1252"),
    ("cp1252", "Windows-1252"),
    ("us-ascii", "US-ASCII"),
];

/// A body as text, and by which encoding, where it is none of UTF-8; `None` = it is no text, as far as its type says. What is UTF-8 is read so, whatever its
/// type says: in another encoding it would hardly be. `is_beginning`: more of it may follow, so that it may end inside a character, which is left out then.
pub(super) fn text_of<'a>(body: &'a [u8], content_type: Option<&str>, is_beginning: bool) -> Option<(Cow<'a, str>, Option<&'static str>)> {
    let told = match reading(body, content_type, is_beginning)? {
        Reading::Utf8(text) => return Some((Cow::Borrowed(text), None)),
        Reading::Bytewise(told) => told,
    };
    let character = |byte: &u8| match byte {
        0x80..=0x9f => Some(FROM_0X80[usize::from(byte - 0x80)]).filter(|c| *c != '\0').unwrap_or(char::from(*byte)),
        _ => char::from(*byte),
    };
    Some((Cow::Owned(body.iter().map(character).collect()), Some(told)))
}

/// How a body is read.
pub(super) enum Reading<'a> {
    /// This is UTF-8.
    Utf8(&'a str),
    /// Each byte is a character, by this encoding.
    Bytewise(&'static str),
}

/// How [`text_of`] reads a body; `None` = it is no text.
pub(super) fn reading<'a>(body: &'a [u8], content_type: Option<&str>, is_beginning: bool) -> Option<Reading<'a>> {
    let named = content_type.and_then(encoding);
    let error = match std::str::from_utf8(body) {
        Ok(text) => return Some(Reading::Utf8(text)),
        Err(error) => error,
    };
    let whole = body.get(..error.valid_up_to()).and_then(|whole| std::str::from_utf8(whole).ok()).unwrap_or_default();
    // Where the type names another encoding, one that was UTF-8 until there is what the type says only if all of that was ASCII.
    let is_cut = is_beginning && error.error_len().is_none() && (named.is_none() || !whole.is_ascii());
    if is_cut { Some(Reading::Utf8(whole)) } else { named.map(Reading::Bytewise) }
}

/// The encoding that a type names, where it is one that is read here.
fn encoding(content_type: &str) -> Option<&'static str> {
    let mut parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let (_, charset) = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
    let charset = charset.trim().trim_matches(['"', '\'']);
    NAMES.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(charset)).map(|(_, told)| told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_utf_8_is_read_as_its_type_says() {
        let read = |body: &[u8], content_type: &str| text_of(body, Some(content_type), false).map(|(text, charset)| (text.into_owned(), charset));
        let latin = b"Stra\xdfe 1\x80";
        for content_type in ["text/plain;charset=iso-8859-1", "text/html; charset=\"Latin1\"", "application/json; version=1; CHARSET=ISO-8859-1"] {
            assert_eq!(read(latin, content_type), Some(("Straße 1€".to_owned(), Some("ISO-8859-1"))), "{content_type}");
        }
        assert_eq!(read(b"\x93a\x94 \x81", "text/plain; charset=windows-1252"), Some(("“a” \u{81}".to_owned(), Some("Windows-1252"))));
        // What is UTF-8 is that, and what nobody here can read stays bytes.
        assert_eq!(read("Straße".as_bytes(), "text/plain; charset=iso-8859-1"), Some(("Straße".to_owned(), None)));
        for content_type in ["text/plain", "text/plain; charset=utf-8", "text/plain; charset=shift_jis", "charset=iso-8859-1"] {
            assert_eq!(read(latin, content_type), None, "{content_type}");
        }
        assert_eq!(read(latin, "text/plain; charset=us-ascii"), Some(("Straße 1€".to_owned(), Some("US-ASCII"))));
        assert_eq!(text_of(latin, None, true), None);
    }

    #[test]
    fn the_beginning_of_a_text_may_end_inside_a_character_and_all_of_it_may_not() {
        let text = "Straße – 1 €, 😀";
        let read = |body: &[u8], content_type: Option<&str>, is_beginning: bool| {
            text_of(body, content_type, is_beginning).map(|(text, charset)| (text.into_owned(), charset))
        };
        for end in 0..=text.len() {
            let whole = text.char_indices().map(|(at, _)| at).chain([text.len()]).take_while(|at| *at <= end).last().expect("the beginning");
            assert_eq!(read(&text.as_bytes()[..end], None, true), Some((text[..whole].to_owned(), None)), "{end}");
            assert_eq!(read(&text.as_bytes()[..end], None, false).is_some(), whole == end, "{end}");
        }
        // A byte that begins a character of UTF-8 is one of its own where the type says so and nothing before it was UTF-8 beyond ASCII.
        let latin = Some("text/plain; charset=iso-8859-1");
        assert_eq!(read(b"Stra\xdf", latin, true), Some(("Straß".to_owned(), Some("ISO-8859-1"))));
        assert_eq!(read("Straße –".as_bytes().split_last().expect("bytes").1, latin, true), Some(("Straße ".to_owned(), None)));
        assert_eq!(read(b"ab\xffc", None, true), None);
    }
}
