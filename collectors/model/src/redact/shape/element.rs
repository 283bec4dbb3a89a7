//! Secrets in elements of markup.

use super::{Found, LONGEST_NAME, before_quote, is_word_for_name, name_before};
use crate::redact::bytes::{find, run_end};
use crate::redact::names::Verdict;
use crate::redact::quote::{backslashes_before, behind_backslashes};
use crate::redact::value;

/// How the brackets of markup are written: as they are, or behind backslashes as the escapes of JSON.
pub(super) const BRACKETS: [[&[u8]; 2]; 3] = [[b"<", b">"], [b"u003c", b"u003e"], [b"u003C", b"u003E"]];

/// What the name of an element is made of.
const IS_OF_ELEMENT: [bool; 256] = {
    let mut is = [false; 256];
    let mut byte: u8 = 0;
    while byte < 128 {
        is[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
        byte += 1;
    }
    is
};

impl Found<'_> {
    /// `<password>x</password>`, with a prefix and attributes as they may be. Its bracket stands at `at`.
    #[inline(never)]
    pub(super) fn element(&mut self, at: usize, brackets: &[&[u8]; 2]) {
        let bytes = self.bytes;
        let [opens, closes] = *brackets;
        let name_start = at + opens.len();
        let name_end = run_end(bytes, name_start, LONGEST_NAME, |byte| IS_OF_ELEMENT[usize::from(byte)]);
        if name_end == name_start || !self.names.may_end(&bytes[..name_end]) {
            return;
        }
        let name = &bytes[name_start..name_end];
        let verdict = self.names.verdict(name);
        if verdict == Verdict::Plain {
            return;
        }
        // Until the next bracket, which is looked at in its turn.
        let next = bytes[name_end..].windows(opens.len()).position(|part| part == opens || part == closes);
        let Some(end) = next.map(|len| name_end + len) else { return };
        if bytes[end..].starts_with(opens) || bytes[end - backslashes_before(bytes, end) - 1] == b'/' {
            return;
        }
        self.content(end + closes.len(), name, verdict, brackets);
    }

    /// `<entry key="password">x</entry>`, the tag's bracket written from `end` to `start`.
    #[inline(never)]
    pub(super) fn behind_attribute(&mut self, end: usize, start: usize, brackets: &[&[u8]; 2]) {
        const WINDOW: usize = 160;
        let bytes = self.bytes;
        let [opens, closes] = *brackets;
        let (name_end, is_quoted) = before_quote(bytes, end);
        if !is_quoted || !self.names.may_end(&bytes[..name_end]) {
            return;
        }
        let name = name_before(bytes, name_end);
        let verdict = self.names.verdict(&bytes[name.clone()]);
        let Some(quote) = name.start.checked_sub(1).filter(|at| matches!(bytes[*at], b'"' | b'\'')) else { return };
        let Some(attribute) = bytes[..quote - backslashes_before(bytes, quote)].strip_suffix(b"=") else { return };
        let num_letters = attribute.iter().rev().take(LONGEST_NAME).take_while(|byte| byte.is_ascii_alphabetic()).count();
        if verdict == Verdict::Plain || !is_word_for_name(&attribute[attribute.len() - num_letters..]) {
            return;
        }
        // The tag that ends here, and the one that follows: an element without an end holds nothing.
        let floor = end.saturating_sub(WINDOW);
        let Some(tag) = bytes[floor..end].windows(opens.len()).rposition(|part| part == opens || part == closes).map(|len| floor + len) else { return };
        let element_start = tag + opens.len();
        let element = &bytes[element_start..run_end(bytes, element_start, LONGEST_NAME, |byte| IS_OF_ELEMENT[usize::from(byte)])];
        if !bytes[tag..].starts_with(opens) || element.is_empty() || element == b"a" {
            return;
        }
        if let Some(next) = find(&bytes[start..], opens).map(|len| start + len + opens.len())
            && bytes.get(behind_backslashes(bytes, next)) == Some(&b'/')
            && !bytes[behind_backslashes(bytes, next) + 1..].starts_with(element)
        {
            return;
        }
        self.content(start, element, verdict, brackets);
    }

    /// What stands in an element, from there on.
    fn content(&mut self, start: usize, name: &[u8], verdict: Verdict, brackets: &[&[u8]; 2]) {
        let bytes = self.bytes;
        let [opens, closes] = *brackets;
        let Some(next) = find(&bytes[start..], opens).map(|len| start + len) else {
            // Cut: a word right behind an element. `usage: <password> [options]` is none. Where brackets are escaped, a quote ends the text.
            let is_end = |byte: &u8| *byte == b' ' || opens.len() > 1 && *byte == b'"';
            if bytes.get(start).is_some_and(|byte| !byte.is_ascii_whitespace()) && !bytes[start..].iter().any(is_end) {
                self.cover(start..bytes.len());
            }
            return;
        };
        let before = |at: usize| if opens.len() > 1 { at - backslashes_before(&bytes[start..], at - start) } else { at };
        let end = before(next);
        // Backslashes before each bracket.
        let escape = &bytes[end..next];
        let behind = next + opens.len();
        if bytes.get(behind_backslashes(bytes, behind)) == Some(&b'/') {
            if !value::is_placeholder(&bytes[start..end]) {
                self.cover(start..end);
            }
        } else if bytes[behind..].starts_with(b"![CDATA[") {
            let close: Vec<u8> = [&b"]]"[..], escape, closes].concat();
            let close = find(&bytes[behind..], &close).map_or(bytes.len(), |len| behind + len);
            self.cover(behind + 8..close);
        } else if bytes[start..end].iter().all(|byte| byte.is_ascii_whitespace() || matches!(byte, b'\\' | b'n' | b'r' | b't')) && verdict != Verdict::Token {
            // Elements in it.
            let close: Vec<u8> = [opens, b"/", name, escape, closes].concat();
            let end = find(&bytes[start..], &close).map_or(bytes.len(), |len| before(start + len));
            self.cover(start..end);
        }
    }
}
