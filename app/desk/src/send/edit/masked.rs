//! A key, a value or a header as it is edited while its secrets stay masked: what a stand-in stands for is put back where it still stands when the edit is
//! taken over, byte for byte. Pure.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::ops::Range;

use switchboard_model::{OriginalRecord, Redactor};

/// What each stand-in begins with.
const STAND_IN: &str = "redacted:";
/// Hexadecimal digits that follow it, in lower case.
const HASH_DIGITS: usize = 6;

/// A text with its secrets masked, and what stands behind each mask.
#[derive(Clone, PartialEq, Eq)]
pub struct Masked {
    text: String,
    /// By stand-in.
    secrets: BTreeMap<String, String>,
    /// How often what a stand-in begins with stands in it and is none of ours.
    num_foreign: usize,
}

/// A record with its secrets masked; of what has none nothing is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaskedRecord {
    /// Its key.
    pub key: Option<Masked>,
    /// Its value.
    pub value: Option<Masked>,
    /// Its headers, in their order.
    pub headers: Vec<Option<Masked>>,
}

impl MaskedRecord {
    /// Of a record; `None` = its secrets cannot be put back for sure.
    pub fn of(record: &OriginalRecord, redactor: &Redactor) -> Option<Self> {
        let of_bytes = |bytes: Option<&[u8]>| part(bytes, |bytes| redactor.secrets(bytes), redactor);
        let headers = record.headers.iter().map(|header| {
            if redactor.is_secret_name(&header.name) {
                return part(header.value.as_deref(), |bytes| std::iter::once(0..bytes.len()).collect(), redactor);
            }
            of_bytes(header.value.as_deref())
        });
        let headers = headers.collect::<Result<_, _>>().ok()?;
        Some(Self { key: of_bytes(record.key.as_deref()).ok()?, value: of_bytes(record.value.as_deref()).ok()?, headers })
    }
}

/// That secrets cannot be put back for sure.
struct Unsure;

/// A part of a record; `None` = it has no secrets.
fn part(bytes: Option<&[u8]>, secrets: impl FnOnce(&[u8]) -> Vec<Range<usize>>, redactor: &Redactor) -> Result<Option<Masked>, Unsure> {
    let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else { return Ok(None) };
    let secrets = secrets(bytes);
    if secrets.is_empty() {
        return Ok(None);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Unsure)?;
    Masked::of(text, &secrets, redactor).map(Some).ok_or(Unsure)
}

impl Masked {
    /// Of a text with secrets at these places; `None` = two of them have the same stand-in, or putting them back would not make the text.
    fn of(text: &str, ranges: &[Range<usize>], redactor: &Redactor) -> Option<Self> {
        let mut masked = Self { text: String::with_capacity(text.len()), secrets: BTreeMap::new(), num_foreign: 0 };
        let mut passed = 0;
        for range in ranges {
            let plain = text.get(passed..range.start)?;
            masked.num_foreign += plain.matches(STAND_IN).count();
            masked.text.push_str(plain);
            let secret = text.get(range.clone())?;
            let stand_in = redactor.replacement(secret.as_bytes());
            masked.text.push_str(&stand_in);
            if masked.secrets.insert(stand_in, secret.to_owned()).is_some_and(|before| before != secret) {
                return None;
            }
            passed = range.end;
        }
        let plain = text.get(passed..)?;
        masked.num_foreign += plain.matches(STAND_IN).count();
        masked.text.push_str(plain);
        (masked.unmask(&masked.text).as_deref() == Ok(text)).then_some(masked)
    }

    /// The text as it is shown.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// An edited text with its secrets put back; an error says that a stand-in is no longer whole.
    pub fn unmask(&self, text: &str) -> Result<String, String> {
        let (unmasked, plain) = self.put_back(text);
        if plain.matches(STAND_IN).count() > self.num_foreign || self.holds_torn(&plain) {
            let why = "a stand-in for a secret (redacted:…) was changed. Put it back whole, take it away whole, write the secret itself, or show the secrets";
            return Err(why.to_owned());
        }
        Ok(unmasked)
    }

    /// The same of whatever stands there: what is no whole stand-in stays as it is.
    pub fn reveal(&self, text: &str) -> String {
        self.put_back(text).0
    }

    /// Whether what stands between secrets holds the digits of a stand-in that stood nowhere between them before.
    fn holds_torn(&self, plain: &str) -> bool {
        let own: HashSet<u32> = self.secrets.keys().filter_map(|stand_in| u32::from_str_radix(stand_in.strip_prefix(STAND_IN)?, 16).ok()).collect();
        let found: HashSet<u32> = hashes(plain).filter(|hash| own.contains(hash)).collect();
        if found.is_empty() {
            return false;
        }
        let before: HashSet<u32> = hashes(&self.put_back(&self.text).1).filter(|hash| found.contains(hash)).collect();
        before.len() < found.len()
    }

    /// A text with its secrets, and what stands between these.
    fn put_back(&self, text: &str) -> (String, String) {
        let (mut whole, mut plain) = (String::with_capacity(text.len()), String::new());
        let mut rest = text;
        while let Some(at) = rest.find(STAND_IN) {
            let (before, from) = rest.split_at(at);
            whole.push_str(before);
            plain.push_str(before);
            // All are as long.
            let stand_in = from.get(..STAND_IN.len() + HASH_DIGITS);
            if let Some((stand_in, secret)) = stand_in.and_then(|stand_in| self.secrets.get_key_value(stand_in)) {
                whole.push_str(secret);
                // What stands on both sides of it does not belong together.
                plain.push('\n');
                rest = &from[stand_in.len()..];
            } else {
                whole.push_str(STAND_IN);
                plain.push_str(STAND_IN);
                rest = &from[STAND_IN.len()..];
            }
        }
        whole.push_str(rest);
        plain.push_str(rest);
        (whole, plain)
    }
}

/// All that could be the digits of a stand-in, wherever they begin.
fn hashes(text: &str) -> impl Iterator<Item = u32> {
    let (mut hash, mut num_digits) = (0_u32, 0_usize);
    text.bytes().filter_map(move |byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => {
                num_digits = 0;
                return None;
            }
        };
        (hash, num_digits) = (((hash << 4) | u32::from(digit)) & 0xff_ffff, num_digits + 1);
        (num_digits >= HASH_DIGITS).then_some(hash)
    })
}

/// Without the secrets.
impl fmt::Debug for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} with {} masked", self.text, self.secrets.len())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;
    use crate::send::testing::original;

    fn redactor() -> Redactor {
        Redactor::new([7; 16], &[])
    }

    fn value(text: &str) -> Masked {
        MaskedRecord::of(&original(text.as_bytes(), &[]), &redactor()).expect("it can be masked").value.expect("it holds a secret")
    }

    #[test]
    fn what_is_edited_around_a_masked_secret_leaves_the_secret_as_it_was() {
        let masked = value("{\"order\":1,\"password\":\"hunter2\",\"note\":\"ü\"}");
        let stand_in = redactor().replacement(b"hunter2");
        assert_eq!(masked.text(), format!("{{\"order\":1,\"password\":\"{stand_in}\",\"note\":\"ü\"}}"));
        assert!(!format!("{masked:?}").contains("hunter2"));
        let edited = masked.text().replace("\"order\":1", "\"order\":22");
        assert_eq!(masked.unmask(&edited).as_deref(), Ok("{\"order\":22,\"password\":\"hunter2\",\"note\":\"ü\"}"));
        // Another secret in its place, or none.
        assert_eq!(masked.unmask("{\"password\":\"x\"}").as_deref(), Ok("{\"password\":\"x\"}"));
        assert_eq!(masked.unmask("").as_deref(), Ok(""));
        for torn in [&stand_in[1..], &stand_in[..stand_in.len() - 1], stand_in.replacen("dac", "", 1).as_str(), "redacted:000000"] {
            assert!(masked.unmask(&format!("{{\"password\":\"{torn}\"}}")).is_err_and(|why| why.contains("was changed")), "{torn}");
            assert!(masked.reveal(torn).contains(torn), "{torn}");
        }
        assert_eq!(masked.reveal(&edited[..]), "{\"order\":22,\"password\":\"hunter2\",\"note\":\"ü\"}");
    }

    #[test]
    fn a_stand_in_that_lies_in_the_record_stays_and_a_header_is_secret_by_its_name() {
        let text = "{\"note\":\"redacted:12ab34\",\"password\":\"hunter2\"}";
        let masked = value(text);
        assert_eq!(masked.unmask(masked.text()).as_deref(), Ok(text));
        assert!(masked.unmask(&masked.text().replace("12ab34", "ffffff")).is_ok());
        let of = MaskedRecord::of(&original(b"{}", &[("kind", "order"), ("authorization", "abc")]), &redactor()).expect("it can be masked");
        assert!(of.value.is_none() && of.headers[0].is_none());
        let masked = of.headers[1].as_ref().expect("it is secret");
        assert_eq!((masked.text(), masked.unmask(masked.text()).as_deref()), (redactor().replacement(b"abc").as_str(), Ok("abc")));
        assert_eq!(MaskedRecord::of(&original(b"\xff{\"password\":\"hunter2\"}", &[]), &redactor()), None, "it is no text");
    }

    #[test]
    fn the_digits_of_a_stand_in_are_found_wherever_they_begin() {
        assert_eq!(hashes("x00abcdefg ABCDEF 12345é123456").collect::<Vec<_>>(), [0x00_abcd, 0x0a_bcde, 0xab_cdef, 0x12_3456]);
    }

    #[test]
    fn eight_times_as_many_secrets_do_not_take_much_longer_each() {
        // So that what is gone through for each of them is seen, however fast the machine is.
        let took = |num: usize| {
            let note = "0a1b2c3d ".repeat(20);
            let one_of = |number: usize| format!("\"password\":\"secret-{number}\",\"note\":\"{note}\",");
            let text = format!("{{{}\"end\":1}}", (0..num).map(one_of).collect::<Vec<_>>().concat());
            let one = || {
                let begun = Instant::now();
                let masked = value(&text);
                assert_eq!(masked.unmask(masked.text()).as_deref(), Ok(text.as_str()));
                begun.elapsed()
            };
            (0..5).map(|_| one()).min().expect("several")
        };
        let (few, many) = (took(150), took(1_200));
        assert!(many < few * 32, "150 in {few:?}, 1,200 in {many:?}");
    }

    proptest! {
        #[test]
        fn a_record_that_is_masked_and_not_edited_is_the_same(
            parts in prop::collection::vec(prop_oneof!["[a-z0-9 ü,:\"{}]{0,12}", "\"password\":\"[a-z0-9ü]{1,12}\",", "token=[a-zA-Z0-9]{1,24}&", "redacted:[0-9a-f]{5,7}"], 0..8),
        ) {
            let text = parts.concat();
            if let Some(masked) = MaskedRecord::of(&original(text.as_bytes(), &[]), &redactor()).and_then(|masked| masked.value) {
                prop_assert_eq!(masked.unmask(masked.text()), Ok(text.clone()));
                prop_assert_eq!(masked.text().as_bytes(), &redactor().redact_bytes(text.as_bytes())[..]);
                let longer = format!("x{}y", masked.text());
                prop_assert_eq!(masked.unmask(&longer), Ok(format!("x{text}y")));
            }
        }
    }
}
