//! The value behind the name of a secret: where it begins and ends, and whether it is one at all.

use std::ops::Range;

use super::bytes::run_end;
use super::names::Verdict;
use super::quote::{Quote, backslashes_before, is_same_depth};

/// How name and value are set down.
pub(super) struct Form<'t> {
    /// What the name says.
    pub(super) verdict: Verdict,
    /// The name is in quotes.
    pub(super) is_quoted: bool,
    /// A space stands before the sign.
    pub(super) is_loose: bool,
    /// The sign is `=`.
    pub(super) is_sign_equals: bool,
    pub(super) name: &'t [u8],
}

/// Bytes of a value that are looked at before it is held to be a secret.
const LOOK_AHEAD: usize = 64;

/// The secret value that stands from there on.
pub(super) fn secret_value(bytes: &[u8], from: usize, form: &Form<'_>) -> Option<Range<usize>> {
    let is_space = |byte: u8| matches!(byte, b' ' | b'\t') || form.is_quoted && matches!(byte, b'\n' | b'\r');
    let start = run_end(bytes, from, usize::MAX, is_space);
    let is_loose = form.is_loose || start > from;
    let mark = |at: usize| matches!(bytes.get(at), Some(b'"' | b'\''));
    // Letters before a quote, as Python and C# have them.
    let start = if matches!(bytes.get(start)?, b'b' | b'u' | b'r' | b'f' | b'$' | b'@') && mark(start + 1) { start + 1 } else { start };
    if let Some((quote, inside)) = Quote::begins(bytes, start) {
        let near = &bytes[inside..bytes.len().min(inside + LOOK_AHEAD)];
        let near_end = quote.close(near, 0);
        let content = &near[..near_end];
        if near_end < near.len() && is_placeholder(content) || content.is_empty() {
            return None;
        }
        if form.verdict == Verdict::Soft && !form.is_quoted && !is_random(content) {
            return None;
        }
        let end = quote.close(bytes, inside);
        let inside = if form.verdict == Verdict::Line { behind_scheme(bytes, inside) } else { inside };
        return (inside < end).then_some(inside..end);
    }
    if bytes[start..].starts_with(b"rejected value [") {
        let inside = start + 16;
        let end = bytes[inside..].iter().position(|byte| *byte == b']').map_or(bytes.len(), |len| inside + len);
        return (inside < end && &bytes[inside..end] != b"null").then_some(inside..end);
    }
    // In a URL that is part of another the signs are escaped.
    let is_escaped = matches!(bytes[..from].last_chunk::<3>(), Some(b"%3D" | b"%3d" | b"%3A" | b"%3a"));
    let near_end = run_end(bytes, start, LOOK_AHEAD, |byte| !(is_end(byte) || is_escaped && byte == b'%'));
    let word = &bytes[start..near_end];
    let is_prose = is_loose && !form.is_quoted;
    match bytes.get(start)? {
        b'{' | b'[' => {
            let near_end = run_end(bytes, start, LOOK_AHEAD, |byte| !matches!(byte, b']' | b'}'));
            if is_placeholder(&bytes[start..bytes.len().min(near_end + 1)]) || is_prose && matches!(form.verdict, Verdict::Soft | Verdict::Token) {
                return None;
            }
            return Some(start..bracket_end(bytes, start));
        }
        _ if word.is_empty() || is_placeholder(word) => return None,
        // Where a shell is.
        b'/' | b'~' if ends_with_word(form.name, b"pwd") => return None,
        // What Kafka calls the kinds of its requests.
        _ if !form.is_quoted && ends_with_word(form.name, b"apikey") && is_request_kind(word) => return None,
        _ => {}
    }
    if is_prose && is_said_of_a_secret(word) {
        return None;
    }
    let is_secret = match form.verdict {
        Verdict::Plain => false,
        Verdict::Secret => true,
        Verdict::Line => return line(bytes, start, word, is_prose),
        Verdict::Token => form.is_quoted || (form.is_sign_equals && !is_loose) || !is_word(word),
        Verdict::Soft => form.is_quoted || is_random(word),
    };
    is_secret.then(|| start..value_end(bytes, start, is_escaped))
}

fn ends_with_word(name: &[u8], word: &[u8]) -> bool {
    name.len() >= word.len() && name[name.len() - word.len()..].eq_ignore_ascii_case(word)
}

fn is_request_kind(word: &[u8]) -> bool {
    let word = word.strip_suffix(b")").unwrap_or(word);
    word.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_') || word.len() <= 3 && word.iter().all(u8::is_ascii_digit)
}

/// What ends a value that is not in quotes.
fn is_end(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`' | b'&' | b';' | b',' | b'<' | b'>')
}

fn value_end(bytes: &[u8], start: usize, is_escaped: bool) -> usize {
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        let ends = match byte {
            b',' => begins_another(bytes, at + 1),
            // `&`, as writers of JSON escape it.
            b'\\' => bytes[at + 1..].starts_with(b"u0026"),
            b'%' => is_escaped && matches!(bytes.get(at + 1..at + 3), Some(b"26" | b"22" | b"20")),
            byte => is_end(*byte),
        };
        if ends {
            break;
        }
        at += 1;
    }
    // What closes the text around, and the backslash of a quote that is quoted.
    while at > start + 1 && matches!(bytes[at - 1], b')' | b']' | b'}') {
        at -= 1;
    }
    if matches!(bytes.get(at), Some(b'"' | b'\'')) {
        at -= backslashes_before(bytes, at).min(at - start);
    }
    at
}

/// Whether another name and its value, or nothing, stands behind a comma.
fn begins_another(bytes: &[u8], from: usize) -> bool {
    let end = run_end(bytes, from, 32, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    match bytes.get(from) {
        None => true,
        Some(byte) if is_end(*byte) || matches!(byte, b'\\' | b'{' | b'[') => true,
        Some(_) => matches!(bytes.get(end), Some(b'=' | b':')),
    }
}

/// Where a header's line ends, its scheme apart.
fn line(bytes: &[u8], start: usize, word: &[u8], is_prose: bool) -> Option<Range<usize>> {
    let inside = behind_scheme(bytes, start);
    let has_more = bytes.get(start + word.len()) == Some(&b' ');
    if is_prose && inside == start && has_more && is_word(word) && word[1..].iter().all(u8::is_ascii_lowercase) {
        // A sentence about it.
        return None;
    }
    let (mut at, mut is_parameter) = (inside, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if matches!(bytes.get(at + 1), Some(b'n' | b'r')) => break,
            b'"' if is_parameter => is_parameter = false,
            b'"' if bytes[..at].ends_with(b"=") => is_parameter = true,
            b'\n' | b'\r' | b'`' | b'"' | b'\'' => break,
            _ => {}
        }
        at += 1;
    }
    if matches!(bytes.get(at), Some(b'"' | b'\'')) {
        at -= backslashes_before(bytes, at).min(at - inside);
    }
    while at > inside && matches!(bytes[at - 1], b' ' | b'\t') {
        at -= 1;
    }
    (inside < at).then_some(inside..at)
}

/// Where the credential begins behind the name of its scheme; the same place where there is none.
fn behind_scheme(bytes: &[u8], start: usize) -> usize {
    const SCHEMES: &[&[u8]] = &[
        b"bearer",
        b"basic",
        b"token",
        b"digest",
        b"negotiate",
        b"ntlm",
        b"apikey",
        b"aws4-hmac-sha256",
        b"hawk",
        b"mac",
        b"key",
        b"oauth",
        b"signature",
        b"sharedkey",
        b"splunk",
        b"dpop",
        b"jwt",
        b"genie-key",
        b"googlelogin",
        b"api-key",
        b"bot",
    ];
    let end = run_end(bytes, start, 20, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_scheme = bytes.get(end) == Some(&b' ') && SCHEMES.iter().any(|scheme| scheme.eq_ignore_ascii_case(&bytes[start..end]));
    if is_scheme && bytes.get(end + 1).is_some_and(|byte| !byte.is_ascii_whitespace()) { end + 1 } else { start }
}

/// One past the bracket that closes the one at `start`, brackets in texts apart; the end of all if none does.
fn bracket_end(bytes: &[u8], start: usize) -> usize {
    let (mut open, mut in_text, mut num_backslashes) = (0_usize, false, 0);
    // How deep the quotes are quoted, once one was seen.
    let mut depth: Option<usize> = None;
    for (at, byte) in bytes.iter().enumerate().skip(start) {
        match byte {
            b'\\' => {
                num_backslashes += 1;
                continue;
            }
            b'"' => {
                let depth = *depth.get_or_insert(num_backslashes);
                if num_backslashes < depth {
                    // The text around has ended.
                    return at;
                }
                if is_same_depth(num_backslashes, depth) {
                    in_text = !in_text;
                }
            }
            b'{' | b'[' if !in_text => open += 1,
            b'}' | b']' if !in_text => {
                open -= 1;
                if open == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        num_backslashes = 0;
    }
    bytes.len()
}

/// Whether it stands for a secret that is not there: nothing, a mask, a reference, or what it was replaced by.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    const WORDS: &[&[u8]] = &[
        b"null",
        b"nil",
        b"none",
        b"undefined",
        b"true",
        b"false",
        b"hidden",
        b"redacted",
        b"masked",
        b"filtered",
        b"protected",
        b"removed",
        b"omitted",
        b"secret",
        b"empty",
        b"unset",
        b"missing",
        b"not set",
        b"n/a",
        b"sensitive",
        b"password",
        b"token",
        b"string",
    ];
    if value.len() > LOOK_AHEAD {
        return false;
    }
    let value = value.trim_ascii();
    let Some(first) = value.first() else { return true };
    if value.starts_with(b"redacted:") {
        return value[9..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count() == 6;
    }
    if value.iter().all(|byte| byte == first)
        && (value.len() >= 3 && !first.is_ascii_alphanumeric() || matches!(first, b'*' | b'?') || value.len() >= 3 && first.eq_ignore_ascii_case(&b'x'))
    {
        return true;
    }
    // Three bytes of UTF-8 each.
    if value.starts_with("•".as_bytes()) || value.starts_with("…".as_bytes()) {
        return true;
    }
    let is_known = |value: &[u8]| value.is_empty() || WORDS.iter().any(|word| word.eq_ignore_ascii_case(value));
    let inner = match (first, value.last()) {
        (b'[', Some(b']')) | (b'<', Some(b'>')) | (b'(', Some(b')')) | (b'{', Some(b'}')) => Some(&value[1..value.len().max(2) - 1]),
        _ => None,
    };
    if let Some(inner) = inner {
        return is_known(inner.trim_ascii()) || inner.iter().all(u8::is_ascii_digit) || *first == b'<' && is_word(inner);
    }
    // A reference to a variable, without what stands in its place.
    let is_reference = value.starts_with(b"${") || value.starts_with(b"$(") || value.starts_with(b"{{") || value.starts_with(b"%(") || value.starts_with(b"#{");
    if is_reference {
        return !value.contains(&b':');
    }
    // As words that stand bare, they are said of it; `secret` and its like may be the secret itself.
    let bare = value.strip_suffix(b")").or(value.strip_suffix(b"]")).or(value.strip_suffix(b"}")).unwrap_or(value);
    WORDS[..6].iter().any(|word| word.eq_ignore_ascii_case(bare)) || matches!(value, b"%s" | b"%d" | b"%v")
}

/// Words that begin a sentence about a secret, and are none.
fn is_said_of_a_secret(word: &[u8]) -> bool {
    const WORDS: &[&[u8]] = &[
        b"must",
        b"may",
        b"should",
        b"is",
        b"was",
        b"are",
        b"has",
        b"does",
        b"not",
        b"cannot",
        b"can",
        b"could",
        b"no",
        b"required",
        b"invalid",
        b"incorrect",
        b"wrong",
        b"expired",
        b"too",
        b"missing",
        b"empty",
        b"blank",
        b"failed",
        b"failure",
        b"unknown",
        b"size",
        b"length",
        b"minimum",
        b"denied",
        b"ok",
        b"success",
        b"successful",
        b"accepted",
        b"rejected",
        b"reset",
        b"changed",
        b"updated",
        b"validation",
        b"authentication",
        b"mismatch",
        b"unable",
        b"error",
        b"expected",
        b"for",
        b"the",
        b"a",
        b"an",
        b"to",
        b"of",
        b"and",
        b"will",
        b"session",
        b"user",
        b"please",
        b"enter",
        b"unsupported",
        b"enabled",
        b"disabled",
        b"using",
        b"loaded",
        b"started",
        b"opened",
        b"closed",
        b"found",
        b"created",
    ];
    let word = word.strip_suffix(b".").or(word.strip_suffix(b")")).or(word.strip_suffix(b"]")).unwrap_or(word);
    WORDS.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// What follows `bearer` where no credential does.
pub(super) fn is_said_of_a_scheme(word: &[u8]) -> bool {
    const WORDS: &[&[u8]] = &[b"authentication", b"authorization", b"credentials", b"credential", b"challenge", b"assertion", b"redacted"];
    // `=` pads a credential at its end; elsewhere it sets a name apart.
    let is_pair = word.iter().position(|byte| *byte == b'=').is_some_and(|at| word[at..].iter().any(|byte| *byte != b'='));
    is_pair || WORDS.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Whether it looks like a word of a sentence or a constant: letters, in one case but for the first.
fn is_word(value: &[u8]) -> bool {
    let value = value.strip_suffix(b".").or(value.strip_suffix(b")")).unwrap_or(value);
    if value.len() > 32 || value.is_empty() {
        return false;
    }
    let rest = &value[1..];
    value.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-'))
        && (rest.iter().all(|byte| !byte.is_ascii_uppercase()) || value.iter().all(|byte| !byte.is_ascii_lowercase()))
        || value.iter().all(u8::is_ascii_punctuation) && value.len() < 4
}

/// Whether it looks drawn by lot: a sentence's words, counters and addresses do not.
fn is_random(value: &[u8]) -> bool {
    let has = |is: fn(&u8) -> bool| value.iter().any(is);
    let is_mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
    value.len() >= 8 && is_mixed && !value.starts_with(b"0x") || value.len() >= 20 && !is_word(value) && has(u8::is_ascii_alphabetic) && !value.contains(&b'(')
}
