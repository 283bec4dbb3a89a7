//! Where secrets lie in a text: behind their names, and by their own shape. One pass, whatever the text: what was found is not
//! looked into again, and looking back or ahead without finding anything is bounded.

mod element;

use std::ops::Range;

use self::element::BRACKETS;
use super::bytes::{find, run_end};
use super::card;
use super::issuer;
use super::marks::{self, Look};
use super::names::{Names, Verdict};
use super::quote::{Quote, backslashes_before, behind_backslashes};
use super::value::{self, Form};

/// Shortest text that is looked at: `pwd=x`.
const SHORTEST: usize = 5;
/// Longest name before a value.
const LONGEST_NAME: usize = 64;
/// Most spaces around the sign between a name and its value, and most words of a name.
const MOST_SPACES: usize = 8;

/// Byte ranges of secrets in a text, in order, without overlap. In UTF-8 each begins and ends at a character's edge.
pub(super) fn secret_ranges(bytes: &[u8], names: &Names) -> Vec<Range<usize>> {
    if bytes.len() < SHORTEST {
        return Vec::new();
    }
    let mut found = Found { bytes, names, ranges: Vec::new(), covered_until: 0, pem_until: 0, token_until: 0, number_until: 0 };
    marks::walk(bytes, &mut found);
    let mut ranges = found.ranges;
    // What was replaced before is no secret any more.
    ranges.retain(|range| !is_replacement(&bytes[range.clone()]));
    apart(ranges)
}

/// What was found so far. What lies before the bounds was looked at; each kind of shape has its own, since shapes may lie in one
/// another.
struct Found<'t> {
    bytes: &'t [u8],
    names: &'t Names,
    ranges: Vec<Range<usize>>,
    /// End of the value found last behind a name.
    covered_until: usize,
    /// End of the key block found last.
    pem_until: usize,
    /// End of the token found last.
    token_until: usize,
    /// End of the row of numbers seen last.
    number_until: usize,
}

impl Look for Found<'_> {
    #[inline]
    fn mark(&mut self, at: usize) {
        if matches!(self.bytes[at], b':' | b'=') { self.sign(at) } else { self.rare(at) }
    }

    #[inline]
    fn word(&mut self, start: usize) {
        if issuer::may_begin(self.bytes, start) && start + 7 >= self.token_until {
            self.token(start);
        }
    }

    #[inline]
    fn numbers(&mut self, at: usize) {
        if at >= self.number_until && card::may_be(self.bytes, at) {
            self.cards(at);
        }
    }
}

impl Found<'_> {
    fn cover(&mut self, secret: Range<usize>) {
        if secret.start < secret.end {
            self.covered_until = secret.end;
            self.ranges.push(secret);
        }
    }

    #[inline(never)]
    fn token(&mut self, start: usize) {
        if let Some(token) = issuer::token(self.bytes, start) {
            self.token_until = token.end;
            self.ranges.push(token);
        }
    }

    #[inline(never)]
    fn cards(&mut self, at: usize) {
        self.number_until = card::cards(self.bytes, at, |card| self.ranges.push(card));
    }

    /// Marks that few texts have.
    #[inline(never)]
    fn rare(&mut self, at: usize) {
        let bytes = self.bytes;
        let is_uncovered = at >= self.covered_until;
        match bytes[at] {
            b'>' if is_uncovered && at > 1 && bytes[at - 1] == b'-' => self.pair(at - 1, at + 1, false),
            b'>' if is_uncovered && at > 1 && matches!(bytes[at - 1], b'"' | b'\'') => self.behind_attribute(at, at + 1, &BRACKETS[0]),
            b'\\' if is_uncovered => self.escape(at),
            b'%' if is_uncovered => {
                if let [b'3', b'A' | b'a' | b'D' | b'd', ..] = bytes[at + 1..] {
                    self.pair(at, at + 3, false);
                }
            }
            b'<' if is_uncovered && bytes.get(at + 1) != Some(&b'/') => self.element(at, &BRACKETS[0]),
            b'\'' if is_uncovered => self.behind_space(at),
            b'-' => self.dashes(at),
            b'b' | b'B' => self.scheme(at),
            _ => {}
        }
    }

    #[inline]
    fn sign(&mut self, at: usize) {
        let bytes = self.bytes;
        if at < self.covered_until {
            return;
        }
        let next = bytes.get(at + 1).copied().unwrap_or_default();
        let before = at.checked_sub(1).map_or(0, |at| bytes[at]);
        if bytes[at] == b':' {
            match (before, next) {
                (_, b'/') if bytes.get(at + 2) == Some(&b'/') => return self.address(at + 3),
                (_, b'\\') => {
                    if let Some(start) = behind_slashes(bytes, at + 1) {
                        return self.address(start);
                    }
                }
                (_, b':') => return,
                (b'i' | b'n', _) if bytes[..at].ends_with(b":oci") || bytes[..at].ends_with(b":thin") => self.ranges.extend(oracle_user_info(bytes, at + 1)),
                _ => {}
            }
        } else if matches!(before, b':' | b'=' | b'!' | b'<' | b'>') {
            return;
        }
        // Most names are in no quotes or in plain ones.
        let end = if matches!(before, b'"' | b' ') { at - 1 } else { at };
        if self.names.may_end_text(&bytes[..end]) {
            self.pair(at, if matches!(next, b'=' | b'>') { at + 2 } else { at + 1 }, true);
        }
    }

    /// Brackets and `=`, as writers of JSON escape them.
    fn escape(&mut self, at: usize) {
        let bytes = self.bytes;
        let before = at - backslashes_before(bytes, at);
        match bytes[at + 2..] {
            [b'0', b'0', b'3', b'c', ..] => self.element(at + 1, &BRACKETS[1]),
            [b'0', b'0', b'3', b'C', ..] => self.element(at + 1, &BRACKETS[2]),
            [b'0', b'0', b'3', b'e', ..] => self.behind_attribute(before, at + 6, &BRACKETS[1]),
            [b'0', b'0', b'3', b'E', ..] => self.behind_attribute(before, at + 6, &BRACKETS[2]),
            [b'0', b'0', b'3', b'd' | b'D', ..] => self.pair(before, at + 6, false),
            _ => {}
        }
    }

    /// What stands behind `://`.
    #[inline(never)]
    fn address(&mut self, start: usize) {
        self.ranges.extend(user_info(self.bytes, start).or_else(|| issuer::web_hook(self.bytes, start)));
    }

    /// Looks at `name: value` and its likes: the sign between them from `before` to `behind`.
    #[inline(never)]
    fn pair(&mut self, before: usize, behind: usize, may_be_quoted: bool) {
        let bytes = self.bytes;
        let mut end = before;
        while end > 0 && before - end < MOST_SPACES && matches!(bytes[end - 1], b' ' | b'\t') {
            end -= 1;
        }
        let is_loose = end < before;
        let (end, is_quoted) = if may_be_quoted || bytes[before] == b'%' { before_quote(bytes, end) } else { (end, false) };
        // A number behind a name changes nothing.
        let letters_end = end - bytes[..end].iter().rev().take(3).take_while(|byte| byte.is_ascii_digit()).count();
        let is_number =
            letters_end < end && bytes[..letters_end].last().is_none_or(|byte| !byte.is_ascii_alphabetic() && !matches!(byte, b'_' | b'-' | b'.' | b'['));
        if !is_number && self.names.may_end_name(&bytes[..letters_end]) {
            self.named(end, before, behind, is_quoted, is_loose);
        }
    }

    /// Looks at the value behind a name that ends at `end` and may be that of a secret.
    #[inline(never)]
    fn named(&mut self, end: usize, before: usize, behind: usize, is_quoted: bool, is_loose: bool) {
        let bytes = self.bytes;
        let name = name_before(bytes, end);
        let verdict = self.names.verdict(&bytes[name.clone()]);
        if verdict == Verdict::Plain {
            if matches!(bytes[before], b':' | b'=') && bytes[name.clone()].trim_ascii_start().eq_ignore_ascii_case(b"value") {
                self.named_beside(name.start, before, behind, is_quoted);
            }
            return;
        }
        let form = Form { verdict, is_quoted, is_loose, is_sign_equals: matches!(bytes[before], b'=' | b'%' | b'\\'), name: &bytes[name] };
        if let Some(secret) = value::secret_value(bytes, behind, &form) {
            self.cover(secret);
        }
    }

    /// `"name": "password", "value": "…"`, as lists of variables and headers are written, also in YAML and in attributes of markup. The
    /// value is judged as if it stood behind its name.
    #[inline(never)]
    fn named_beside(&mut self, value_name: usize, sign: usize, behind: usize, is_quoted: bool) {
        const WINDOW: usize = 160;
        let bytes = self.bytes;
        let back_over = |mut end: usize, is: &dyn Fn(u8) -> bool| {
            while end > 0 && value_name - end < WINDOW && is(bytes[end - 1]) {
                end -= 1;
            }
            end
        };
        let is_gap = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\\' | b'\'');
        let gap_start = back_over(value_name, &is_gap);
        let gap = &bytes[gap_start..value_name];
        let end = match bytes[..gap_start] {
            [.., b','] => back_over(gap_start - 1, &is_gap),
            // A line's end that is quoted.
            [.., b'\\', b'n'] if bytes[sign] == b':' => back_over(gap_start - 1, &is_gap),
            _ if bytes[sign] == b':' && gap.contains(&b'\n') => gap_start,
            // `name="password" value="…"`
            _ if bytes[sign] == b'=' && gap.iter().any(|byte| matches!(byte, b'"' | b'\'')) => gap_start,
            _ => return,
        };
        let name = name_before(bytes, end);
        let verdict = self.names.verdict(&bytes[name.clone()]);
        let name_sign = back_over(name.start, &is_gap);
        if verdict == Verdict::Plain || name_sign == 0 || bytes[name_sign - 1] != bytes[sign] {
            return;
        }
        let word_end = back_over(name_sign - 1, &is_gap);
        if is_word_for_name(&bytes[back_over(word_end, &|byte| byte.is_ascii_alphabetic())..word_end]) {
            let form = Form { verdict, is_quoted, is_loose: false, is_sign_equals: bytes[sign] == b'=', name: &bytes[name] };
            if let Some(secret) = value::secret_value(bytes, behind, &form) {
                self.cover(secret);
            }
        }
    }

    /// `PASSWORD 'x'`, `IDENTIFIED BY 'x'`, `password('x')`.
    #[inline(never)]
    fn behind_space(&mut self, at: usize) {
        let bytes = self.bytes;
        let Some(end) = at.checked_sub(1).filter(|end| matches!(bytes[*end], b' ' | b'(')) else { return };
        let ends_with = |word: &[u8]| end >= word.len() && bytes[end - word.len()..end].eq_ignore_ascii_case(word);
        if [&b"password"[..], b"passwd", b"passphrase", b"identified by"].iter().any(|word| ends_with(word)) {
            let start = at + 1;
            let end = bytes[start..].iter().position(|byte| *byte == b'\'').map_or(bytes.len(), |len| start + len);
            if !value::is_placeholder(&bytes[start..end]) {
                self.cover(start..end);
            }
        }
    }

    /// `-----BEGIN PRIVATE KEY-----` and `--password x`.
    #[inline(never)]
    fn dashes(&mut self, at: usize) {
        let bytes = self.bytes;
        if at > 0 && bytes[at - 1] == b'-' {
            return;
        }
        let name_start = run_end(bytes, at, usize::MAX, |byte| byte == b'-');
        if name_start >= at + 5 && bytes[name_start..].starts_with(b"BEGIN ") {
            if at >= self.pem_until {
                self.key_block(at, name_start + 6);
            }
            return;
        }
        if name_start != at + 2 || at < self.covered_until {
            return;
        }
        let name_end = run_end(bytes, name_start, LONGEST_NAME, |byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        let name = &bytes[name_start..name_end];
        // One element of a list and the next, or a word and the next.
        let gap_end = run_end(bytes, name_end, 8, |byte| matches!(byte, b' ' | b'"' | b'\'' | b',' | b'\\'));
        let gap = &bytes[name_end..gap_end];
        if gap.is_empty() || !(gap == b" " || gap.contains(&b',')) || bytes.get(gap_end).is_none_or(|byte| *byte == b'-') {
            return;
        }
        let is_user = [&b"user"[..], b"proxy-user"].contains(&name);
        if !is_user && !matches!(self.names.verdict(name), Verdict::Secret | Verdict::Token) {
            return;
        }
        let is_value = |byte: u8| !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'' | b'\\');
        let start = if is_user {
            let colon = run_end(bytes, gap_end, LONGEST_NAME, |byte| is_value(byte) && byte != b':');
            if bytes.get(colon) != Some(&b':') {
                return;
            }
            colon + 1
        } else {
            gap_end
        };
        let end = run_end(bytes, start, usize::MAX, is_value);
        if !value::is_placeholder(&bytes[start..end]) {
            self.cover(start..end);
        }
    }

    /// A block in PEM, from its first dash; its label begins at `label`. Certificates and public keys are none.
    fn key_block(&mut self, start: usize, label: usize) {
        let bytes = self.bytes;
        let label_end = run_end(bytes, label, 64, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ');
        let label = &bytes[label..label_end];
        if !label.windows(7).any(|word| word == b"PRIVATE") && !label.is_empty() {
            return;
        }
        let end = find(&bytes[label_end..], b"-----END ").map_or(bytes.len(), |len| {
            let after = label_end + len + 9;
            let label_end = run_end(bytes, after, 64, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ');
            run_end(bytes, label_end, 5, |byte| byte == b'-')
        });
        self.pem_until = end;
        self.ranges.push(start..end);
    }

    /// The credential behind `Bearer ` or `Basic `, of 8 bytes at least.
    #[inline]
    fn scheme(&mut self, at: usize) {
        let bytes = self.bytes;
        let is_basic = match bytes[at + 1..] {
            [b'e' | b'E', b'a' | b'A', ..] => false,
            [b'a' | b'A', b's' | b'S', ..] => true,
            _ => return,
        };
        let scheme: &[u8] = if is_basic { b"basic " } else { b"bearer " };
        let start = at + scheme.len();
        if start >= bytes.len() || !bytes[at..start].eq_ignore_ascii_case(scheme) {
            return;
        }
        let is_credential = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'+' | b'/' | b'=');
        let end = run_end(bytes, start, usize::MAX, is_credential);
        let credential = &bytes[start..end];
        if credential.len() < 8 {
            return;
        }
        let is_secret = if is_basic {
            // `basic authentication` is said of it, `Basic dXNlcjpwYXNz` is one.
            credential[1..].iter().any(|byte| !byte.is_ascii_lowercase() && *byte != b'.')
        } else {
            !value::is_said_of_a_scheme(credential)
        };
        if is_secret {
            self.ranges.push(start..end);
        }
    }
}

/// Whether a field of that name says what another holds.
fn is_word_for_name(word: &[u8]) -> bool {
    [&b"name"[..], b"key", b"header"].iter().any(|known| known.eq_ignore_ascii_case(word))
}

fn is_replacement(secret: &[u8]) -> bool {
    secret.strip_prefix(b"redacted:").is_some_and(|hash| hash.len() == 6 && hash.iter().all(u8::is_ascii_hexdigit))
}

/// The end of what stands before a closing quote or bracket, and whether there is a quote.
#[inline]
fn before_quote(bytes: &[u8], end: usize) -> (usize, bool) {
    match bytes[..end].last() {
        Some(b'"' | b'\'' | b'`') => (end - 1 - backslashes_before(bytes, end - 1), true),
        Some(b']') => {
            let end = end - 1;
            if matches!(bytes[..end].last(), Some(b'"' | b'\'')) { (end - 1, true) } else { (end, false) }
        }
        Some(b'2' | b';') => Quote::ends_before(bytes, end).map_or((end, false), |end| (end, true)),
        _ => (end, false),
    }
}

/// The name that ends there: words that single spaces may set apart.
fn name_before(bytes: &[u8], end: usize) -> Range<usize> {
    let floor = end.saturating_sub(LONGEST_NAME);
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let mut start = end;
    while start > floor {
        let byte = bytes[start - 1];
        let is_gap = byte == b' ' && start < end && start - 1 > floor && is_name(bytes[start]) && is_name(bytes[start - 2]);
        if !is_name(byte) && !is_gap {
            break;
        }
        start -= 1;
    }
    // A name that is cut in the middle of a word would be another one.
    while start == floor && floor > 0 && start < end && is_name(bytes[start - 1]) && is_name(bytes[start]) && end - start > 48 {
        start += 1;
    }
    // Letters of an escape are none of the name: `\npassword`.
    if start > 0 && start < end && bytes[start - 1] == b'\\' && matches!(bytes[start], b'n' | b'r' | b't') {
        start += 1;
    }
    start..end
}

/// What ends the part of a URL that names a host: what is outside of the URL, and what begins its path.
const IS_BEHIND_HOST: [bool; 256] = {
    let mut is = [false; 256];
    let mut byte: u8 = 0;
    while byte < 128 {
        is[byte as usize] = is_outside_url(byte) || matches!(byte, b'/' | b'?' | b'#');
        byte += 1;
    }
    is
};

const fn is_outside_url(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'"' | b'<' | b'>')
}

/// Past `//`, each slash behind backslashes where the text is quoted.
fn behind_slashes(bytes: &[u8], from: usize) -> Option<usize> {
    let behind_slash = |from: usize| {
        let at = behind_backslashes(bytes, from);
        (bytes.get(at) == Some(&b'/')).then_some(at + 1)
    };
    behind_slash(behind_slash(from)?)
}

/// `user:password` before the `@` of a URL. A user alone is no secret.
fn user_info(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    const LOOK_AHEAD: usize = 128;
    let (mut end, mut at_sign, mut colon) = (start, None, None);
    while let Some(byte) = bytes.get(end).filter(|byte| !IS_BEHIND_HOST[usize::from(**byte)]) {
        match byte {
            b'@' => at_sign = Some(end),
            b':' => colon = Some(end),
            _ => {}
        }
        end += 1;
    }
    if let Some(at_sign) = at_sign {
        let has_password = bytes[start..at_sign].contains(&b':');
        return (has_password || at_sign - start >= 20).then_some(start..at_sign);
    }
    // A password may hold what should have been escaped; a port is a number.
    let authority = &bytes[start..end];
    let behind = &bytes[colon? + 1..end];
    if behind.iter().all(|byte| byte.is_ascii_digit() || *byte == b'\\') || authority.contains(&b'[') || authority.contains(&b',') {
        return None;
    }
    let look_end = run_end(bytes, end, LOOK_AHEAD, |byte| !is_outside_url(byte));
    let at_sign = bytes[end..look_end].iter().position(|byte| *byte == b'@')?;
    Some(start..end + at_sign)
}

/// `user/password` of `jdbc:oracle:thin:user/password@host`.
fn oracle_user_info(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let end = run_end(bytes, start, 128, |byte| !byte.is_ascii_whitespace() && byte != b'"');
    let at_sign = bytes[start..end].iter().position(|byte| *byte == b'@')?;
    bytes[start..start + at_sign].contains(&b'/').then_some(start..start + at_sign)
}

/// Ranges in order; what overlaps is one.
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
