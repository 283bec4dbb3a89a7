//! Where secrets lie in a text, told by their shape. One pass over the bytes: every shape holds one of a few marks, and
//! most bytes are none.

use std::ops::Range;

/// Bytes that a shape is recognised by: `eyJ`, `Bearer `, `Basic `, `-----BEGIN `, `AKIA`, `ASIA`, `://`, `":`, `=`.
const IS_MARK: [bool; 256] = {
    let mut is_mark = [false; 256];
    let marks = b"JBbI:=";
    let mut at = 0;
    while at < marks.len() {
        is_mark[marks[at] as usize] = true;
        at += 1;
    }
    is_mark
};

/// Byte ranges of secrets in a text, in order, without overlap.
pub(crate) fn secret_ranges(text: &str, is_secret_name: &impl Fn(&str) -> bool) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut ranges = Vec::new();
    if bytes.len() < 8 {
        return ranges;
    }
    // What lies before these was looked at; each shape has its own, since shapes may lie in one another.
    let (mut jwt_until, mut pem_until, mut pair_until) = (0, 0, 0);
    let mut from = 0;
    while let Some(at) = next_mark(bytes, from) {
        from = at + 1;
        match bytes[at] {
            b'J' if at >= jwt_until && ends_with(bytes, at, b"ey") => {
                let start = at - 2;
                jwt_until = run_end(bytes, at, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
                // Two of three base64url parts, the first beginning {" in base64.
                if bytes[start..jwt_until].split(|b| *b == b'.').filter(|part| part.len() >= 4).count() >= 2 {
                    ranges.push(start..jwt_until);
                }
            }
            b'I' if bytes.get(from) == Some(&b'A') && (ends_with(bytes, at, b"AK") || ends_with(bytes, at, b"AS")) => {
                let start = at - 2;
                let len = bytes[start..].iter().take(21).take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit()).count();
                if len == 20 {
                    ranges.push(start..start + len);
                }
            }
            b'B' | b'b' => {
                if let Some(credential) = behind_scheme(bytes, at) {
                    ranges.push(credential);
                } else if at >= pem_until && bytes[at..].starts_with(b"BEGIN ") && ends_with(bytes, at, b"-----") {
                    let end = text[at..].find("-----END ").map_or(bytes.len(), |end| at + end);
                    pem_until = end;
                    ranges.push(at - 5..text[end..].find('\n').map_or(bytes.len(), |line| end + line));
                }
            }
            b':' => {
                if bytes[from..].starts_with(b"//") {
                    ranges.extend(user_info(bytes, from + 2));
                }
                if at > 0 && bytes[at - 1] == b'"' {
                    ranges.extend(json_value(text, at - 1, is_secret_name));
                }
            }
            b'=' if at >= pair_until => {
                if let Some(value) = pair_value(text, at, is_secret_name) {
                    pair_until = value.end;
                    ranges.push(value);
                }
            }
            _ => {}
        }
    }
    apart(ranges)
}

fn next_mark(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    for eight in bytes[from..].chunks_exact(8) {
        // Without a branch in it, so that eight bytes cost little more than one.
        if eight.iter().fold(false, |any, byte| any | IS_MARK[usize::from(*byte)]) {
            break;
        }
        at += 8;
    }
    bytes[at..].iter().position(|byte| IS_MARK[usize::from(*byte)]).map(|found| at + found)
}

fn ends_with(bytes: &[u8], at: usize, with: &[u8]) -> bool {
    bytes[..at].ends_with(with)
}

fn run_end(bytes: &[u8], from: usize, is_part: impl Fn(u8) -> bool) -> usize {
    from + bytes[from..].iter().take_while(|b| is_part(**b)).count()
}

/// The credential behind `Bearer ` or `Basic `, of 8 bytes at least.
fn behind_scheme(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let begins = |scheme: &[u8]| bytes.len() - at > scheme.len() && bytes[at..at + scheme.len()].eq_ignore_ascii_case(scheme);
    let start = at
        + if begins(b"bearer ") {
            7
        } else if begins(b"basic ") {
            6
        } else {
            return None;
        };
    let end = run_end(bytes, start, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~' | b'+' | b'/' | b'='));
    (end - start >= 8).then_some(start..end)
}

/// `user:password` before the `@` of a URL.
fn user_info(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let end = run_end(bytes, start, |b| !matches!(b, b'/' | b'?' | b'#' | b' ' | b'"'));
    bytes[start..end].iter().rposition(|b| *b == b'@').map(|at_sign| start..start + at_sign)
}

/// The value of `name=value` with a secret name.
fn pair_value(text: &str, equals: usize, is_secret_name: &impl Fn(&str) -> bool) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let name_len = bytes[..equals].iter().rev().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')).count();
    if name_len == 0 || !is_secret_name(&text[equals - name_len..equals]) {
        return None;
    }
    let end = run_end(bytes, equals + 1, |b| !matches!(b, b'&' | b';' | b',' | b' ' | b'"' | b'\n' | b'#'));
    (end > equals + 1).then_some(equals + 1..end)
}

/// The value of `"name": value` with a secret name; the name's closing quote is at `quote`.
fn json_value(text: &str, quote: usize, is_secret_name: &impl Fn(&str) -> bool) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let name_start = bytes[..quote].iter().rposition(|b| *b == b'"')? + 1;
    if !is_secret_name(&text[name_start..quote]) {
        return None;
    }
    let start = run_end(bytes, quote + 2, |b| b.is_ascii_whitespace());
    match bytes.get(start) {
        Some(b'"') => {
            let mut end = start + 1;
            while end < bytes.len() && bytes[end] != b'"' {
                end += if bytes[end] == b'\\' { 2 } else { 1 };
            }
            let end = floor_boundary(text, end.min(bytes.len()));
            (end > start + 1).then_some(start + 1..end)
        }
        Some(b'{' | b'[') => Some(start..bracket_end(bytes, start)),
        _ => {
            let end = run_end(bytes, start, |b| !matches!(b, b',' | b'}' | b']') && !b.is_ascii_whitespace());
            (end > start && &text[start..end] != "null").then_some(start..end)
        }
    }
}

/// One past the bracket that closes the one at `start`, brackets in strings apart; the end of the text if none does.
fn bracket_end(bytes: &[u8], start: usize) -> usize {
    let (mut depth, mut in_string, mut at) = (0_usize, false, start);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if in_string => at += 1,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

fn floor_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn apart(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
    let mut apart: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match apart.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => apart.push(range),
        }
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_secret_name(name: &str) -> bool {
        matches!(name, "password" | "token" | "sig")
    }

    /// The same shapes, each looked for by itself.
    fn shape_by_shape(text: &str) -> Vec<Range<usize>> {
        let bytes = text.as_bytes();
        let mut ranges = Vec::new();
        if text.len() < 8 {
            return ranges;
        }
        for (at, _) in text.match_indices("eyJ") {
            let end = run_end(bytes, at, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
            if text[at..end].split('.').filter(|part| part.len() >= 4).count() >= 2 {
                ranges.push(at..end);
            }
        }
        for (at, _) in text.match_indices("-----BEGIN ") {
            let end = text[at..].find("-----END ").map_or(text.len(), |end| at + end);
            ranges.push(at..text[end..].find('\n').map_or(text.len(), |line| end + line));
        }
        for (at, _) in text.match_indices("AKIA").chain(text.match_indices("ASIA")) {
            let end = run_end(bytes, at, |b| b.is_ascii_uppercase() || b.is_ascii_digit());
            if end - at == 20 {
                ranges.push(at..end);
            }
        }
        for at in 0..bytes.len() {
            ranges.extend(behind_scheme(bytes, at));
        }
        for (at, _) in text.match_indices("://") {
            ranges.extend(user_info(bytes, at + 3));
        }
        for (at, _) in text.match_indices('=') {
            ranges.extend(pair_value(text, at, &is_secret_name));
        }
        for (at, _) in text.match_indices("\":") {
            ranges.extend(json_value(text, at, &is_secret_name));
        }
        apart(ranges)
    }

    proptest::proptest! {
        #[test]
        fn one_pass_finds_what_each_shape_by_itself_finds(
            parts in proptest::collection::vec(proptest::sample::select(vec![
                "eyJ", "hbGci", ".", "-----BEGIN ", "-----END ", "KEY-----", "\n", "AKIA", "ASIA", "IOSFODNN7EXAMPLE", "0123456789ABCDEF", "Bearer ",
                "basic ", "BASIC ", "abcdefgh", "://", "joe:", "@", "/", " ", "password", "token", "=", "&", "\"", "\":", "\"password\":", "\"token\": ", "{", "}",
                "[", "]", ",", "null", "4711", "\\", "é", "sig=", "?", "#", "B", "J", "I", ":",
            ]), 0..24),
        ) {
            let text = parts.concat();
            proptest::prop_assert_eq!(secret_ranges(&text, &is_secret_name), shape_by_shape(&text), "{}", text);
        }
    }

    #[test]
    fn a_hostile_text_takes_no_longer_than_its_length() {
        for part in ["eyJ", "-----BEGIN ", "token=", "AKIA", "\"token\":", "://", "bearer "] {
            let began = std::time::Instant::now();
            let _ = secret_ranges(&part.repeat(1 << 16), &is_secret_name);
            assert!(began.elapsed() < std::time::Duration::from_secs(2), "{part}: {:?}", began.elapsed());
        }
    }
}
