//! Where secrets lie in a text, told by their shape. One pass over the bytes: every shape holds one of a few marks, and
//! most bytes are none.

use std::ops::Range;

/// Which names are secret, asked in two steps: nearly every name is told apart by its last bytes alone.
pub(crate) trait SecretNames {
    /// False where no secret name ends like these bytes. They may begin before the name does.
    fn may_end(&self, bytes: &[u8]) -> bool;
    /// Whether a name is secret.
    fn is_secret(&self, name: &str) -> bool;
}

/// Bytes that a shape is recognised by: `eyJ`, `Bearer `, `Basic `, `-----BEGIN `, `AKIA`, `ASIA`, `://`, `":`, `=`.
#[inline]
#[expect(clippy::needless_bitwise_bool, reason = "without a branch the compiler compares many bytes at once")]
const fn is_mark(byte: u8) -> bool {
    (byte == b'J') | (byte | 0x20 == b'b') | (byte == b'I') | (byte == b':') | (byte == b'=')
}

/// Bytes that are looked at at once: enough that comparing them takes few instructions each.
const BLOCK: usize = 64;

/// Calls with the position of each mark, in order.
#[inline]
fn each_mark(bytes: &[u8], mut call: impl FnMut(usize)) {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    for (number, block) in blocks.iter().enumerate() {
        let mut marks = marks_of(block);
        while marks != 0 {
            call(number * BLOCK + marks.trailing_zeros() as usize);
            marks &= marks - 1;
        }
    }
    for (at, byte) in rest.iter().enumerate() {
        if IS_MARK[usize::from(*byte)] {
            call(blocks.len() * BLOCK + at);
        }
    }
}

/// Which bytes of a block are marks, a bit each from the lowest.
#[inline]
fn marks_of(block: &[u8; BLOCK]) -> u64 {
    let mut flags = [0; BLOCK];
    for (flag, byte) in flags.iter_mut().zip(block) {
        *flag = u8::from(is_mark(*byte));
    }
    // The product gathers the lowest bits of eight bytes in its highest byte.
    let gathered = flags.as_chunks::<8>().0.iter().map(|eight| u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56);
    gathered.enumerate().fold(0, |marks, (eight, bits)| marks | bits << (eight * 8))
}

const IS_MARK: [bool; 256] = {
    let mut is = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        is[byte] = is_mark(byte as u8);
        byte += 1;
    }
    is
};

/// Byte ranges of secrets in a text, in order, without overlap.
pub(crate) fn secret_ranges(text: &str, names: &impl SecretNames) -> Vec<Range<usize>> {
    if text.len() < 8 {
        return Vec::new();
    }
    let mut found = Found::default();
    each_mark(text.as_bytes(), |at| found.look(text, at, names));
    apart(found.ranges)
}

/// What was found so far. What lies before the bounds was looked at; each shape has its own, since shapes may lie in one another.
#[derive(Default)]
struct Found {
    ranges: Vec<Range<usize>>,
    jwt_until: usize,
    pem_until: usize,
    pair_until: usize,
}

impl Found {
    /// Looks for a shape around a mark.
    #[inline]
    fn look(&mut self, text: &str, at: usize, names: &impl SecretNames) {
        let bytes = text.as_bytes();
        let from = at + 1;
        match bytes[at] {
            b':' => {
                if bytes[from..].starts_with(b"//") {
                    self.ranges.extend(user_info(bytes, from + 2));
                }
                if at > 0 && bytes[at - 1] == b'"' && names.may_end(&bytes[..at - 1]) {
                    self.ranges.extend(json_value(text, at - 1, names));
                }
            }
            b'=' if at >= self.pair_until && names.may_end(&bytes[..at]) => {
                if let Some(value) = pair_value(text, at, names) {
                    self.pair_until = value.end;
                    self.ranges.push(value);
                }
            }
            b'=' => {}
            letter => self.look_at_letter(text, at, letter),
        }
    }

    fn look_at_letter(&mut self, text: &str, at: usize, letter: u8) {
        let bytes = text.as_bytes();
        let from = at + 1;
        match letter {
            b'J' if at >= self.jwt_until && ends_with(bytes, at, b"ey") => {
                let start = at - 2;
                self.jwt_until = run_end(bytes, at, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
                // Two of three base64url parts, the first beginning {" in base64.
                if bytes[start..self.jwt_until].split(|b| *b == b'.').filter(|part| part.len() >= 4).count() >= 2 {
                    self.ranges.push(start..self.jwt_until);
                }
            }
            b'I' if bytes.get(from) == Some(&b'A') && (ends_with(bytes, at, b"AK") || ends_with(bytes, at, b"AS")) => {
                let start = at - 2;
                let len = bytes[start..].iter().take(21).take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit()).count();
                if len == 20 {
                    self.ranges.push(start..start + len);
                }
            }
            b'B' | b'b' if bytes.get(from).is_some_and(|next| matches!(next | 0x20, b'e' | b'a')) => {
                if let Some(credential) = behind_scheme(bytes, at) {
                    self.ranges.push(credential);
                } else if at >= self.pem_until && bytes[at..].starts_with(b"BEGIN ") && ends_with(bytes, at, b"-----") {
                    let end = text[at..].find("-----END ").map_or(bytes.len(), |end| at + end);
                    self.pem_until = end;
                    self.ranges.push(at - 5..text[end..].find('\n').map_or(bytes.len(), |line| end + line));
                }
            }
            _ => {}
        }
    }
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
fn pair_value(text: &str, equals: usize, names: &impl SecretNames) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let name_len = bytes[..equals].iter().rev().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')).count();
    if name_len == 0 || !names.is_secret(&text[equals - name_len..equals]) {
        return None;
    }
    let end = run_end(bytes, equals + 1, |b| !matches!(b, b'&' | b';' | b',' | b' ' | b'"' | b'\n' | b'#'));
    (end > equals + 1).then_some(equals + 1..end)
}

/// The value of `"name": value` with a secret name; the name's closing quote is at `quote`.
fn json_value(text: &str, quote: usize, names: &impl SecretNames) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let name_start = bytes[..quote].iter().rposition(|b| *b == b'"')? + 1;
    if !names.is_secret(&text[name_start..quote]) {
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
    if ranges.len() < 2 {
        return ranges;
    }
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

    /// A few names, without the first step.
    struct Few;

    impl SecretNames for Few {
        fn may_end(&self, _: &[u8]) -> bool {
            true
        }

        fn is_secret(&self, name: &str) -> bool {
            matches!(name, "password" | "token" | "sig")
        }
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
            ranges.extend(pair_value(text, at, &Few));
        }
        for (at, _) in text.match_indices("\":") {
            ranges.extend(json_value(text, at, &Few));
        }
        apart(ranges)
    }

    proptest::proptest! {
        #[test]
        fn a_block_at_a_time_finds_every_mark(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..100)) {
            let mut found = Vec::new();
            each_mark(&bytes, |at| found.push(at));
            let each: Vec<usize> = (0..bytes.len()).filter(|at| b"JBbI:=".contains(&bytes[*at])).collect();
            proptest::prop_assert_eq!(found, each);
        }

        #[test]
        fn one_pass_finds_what_each_shape_by_itself_finds(
            parts in proptest::collection::vec(proptest::sample::select(vec![
                "eyJ", "hbGci", ".", "-----BEGIN ", "-----END ", "KEY-----", "\n", "AKIA", "ASIA", "IOSFODNN7EXAMPLE", "0123456789ABCDEF", "Bearer ",
                "basic ", "BASIC ", "abcdefgh", "://", "joe:", "@", "/", " ", "password", "token", "=", "&", "\"", "\":", "\"password\":", "\"token\": ", "{", "}",
                "[", "]", ",", "null", "4711", "\\", "é", "sig=", "?", "#", "B", "J", "I", ":",
            ]), 0..24),
        ) {
            let text = parts.concat();
            proptest::prop_assert_eq!(secret_ranges(&text, &Few), shape_by_shape(&text), "{}", text);
        }
    }

    #[test]
    fn a_url_right_behind_a_quote_is_looked_at() {
        assert_eq!(secret_ranges(r#"a "://joe:pw@host""#, &Few), std::slice::from_ref(&(6..12)));
    }

    #[test]
    fn a_hostile_text_takes_no_longer_than_its_length() {
        for part in ["eyJ", "-----BEGIN ", "token=", "AKIA", "\"token\":", "://", "bearer "] {
            let began = std::time::Instant::now();
            let _ = secret_ranges(&part.repeat(1 << 16), &Few);
            assert!(began.elapsed() < std::time::Duration::from_secs(2), "{part}: {:?}", began.elapsed());
        }
    }
}
