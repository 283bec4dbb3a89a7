//! Secrets are replaced before anything is stored: by the name of header or attribute, and by the value's shape.

use std::borrow::Cow;
use std::hash::Hasher;

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::shape::{SecretNames, secret_ranges};

/// A keyed hash of raw bytes. Equal bytes have equal hashes within a session; without the key it tells nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RawHash(pub u128);

/// Names and shapes of secrets, and the session's key.
#[derive(Clone)]
pub struct Redactor {
    key: [u8; 16],
    /// Folded.
    more_names: Vec<Vec<u8>>,
    endings: Endings,
}

/// Names that are secret as a whole once folded (case and separators ignored).
const NAMES: &[&str] = &[
    "accesstoken",
    "apikey",
    "apitoken",
    "auth",
    "authorization",
    "authtoken",
    "awsaccesskeyid",
    "awssecretaccesskey",
    "clientsecret",
    "connectsid",
    "cookie",
    "credential",
    "credentials",
    "csrf",
    "csrftoken",
    "googleapikey",
    "grpcmetadataauthorization",
    "idtoken",
    "mysqlpwd",
    "passwd",
    "password",
    "phpsessid",
    "privatekey",
    "proxyauthorization",
    "pwd",
    "refreshtoken",
    "saslpassword",
    "secret",
    "secretkey",
    "session",
    "sessionid",
    "setcookie",
    "sig",
    "signature",
    "token",
    "xamzcredential",
    "xamzsecuritytoken",
    "xamzsignature",
    "xapikey",
    "xauthtoken",
    "xcsrftoken",
    "xgoogapikey",
    "xgoogleapikey",
    "xgoogsignature",
    "xsrftoken",
    "xvaulttoken",
    "xxsrftoken",
    "wwwauthenticate",
];

/// Endings of names that are secret (`db.password`, `http.request.header.authorization`).
const LAST_PARTS: &[&str] = &[
    "authorization",
    "cookie",
    "set-cookie",
    "password",
    "passwd",
    "secret",
    "token",
    "api_key",
    "api-key",
    "apikey",
    "private_key",
    "x-api-key",
    "x-auth-token",
];

impl Redactor {
    /// A redactor with the session's key (random, never written down) and further names from the profile.
    pub fn new(key: [u8; 16], more_names: &[String]) -> Self {
        let more_names: Vec<Vec<u8>> = more_names.iter().map(|name| folded(name).collect()).collect();
        let endings = more_names.iter().fold(ENDINGS, |endings, name| endings.with(name));
        Self { key, more_names, endings }
    }

    /// Keyed hash of raw bytes.
    pub fn hash(&self, parts: &[Option<&[u8]>]) -> RawHash {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        for part in parts {
            match part {
                None => hasher.write_u64(u64::MAX),
                Some(bytes) => {
                    hasher.write_u64(bytes.len() as u64);
                    hasher.write(bytes);
                }
            }
        }
        RawHash(hasher.finish128().as_u128())
    }

    /// Whether a header or attribute of this name is secret.
    #[inline]
    pub fn is_secret_name(&self, name: &str) -> bool {
        self.endings.may_end(name.as_bytes()) && self.is_named_secret(name)
    }

    fn is_named_secret(&self, name: &str) -> bool {
        is_listed(name) || self.more_names.iter().any(|known| folded(name).eq(known.iter().copied())) || {
            let last = name.rsplit(['.', ':']).next().unwrap_or(name);
            LAST_PARTS.iter().any(|part| part.eq_ignore_ascii_case(last))
        }
    }

    /// What stands in the place of a secret: equal secrets look equal.
    pub fn replacement(&self, secret: &[u8]) -> String {
        format!("redacted:{:06x}", self.hash(&[Some(secret)]).0 & 0xff_ffff)
    }

    /// The same for bytes that need not be text: each run of text in them is looked at.
    pub fn redact_bytes<'a>(&self, value: &'a [u8]) -> Cow<'a, [u8]> {
        if let Ok(text) = std::str::from_utf8(value) {
            return self.redact_text(text).map_or(Cow::Borrowed(value), |clean| Cow::Owned(clean.into_bytes()));
        }
        let mut clean: Option<Vec<u8>> = None;
        let mut passed = 0;
        for chunk in value.utf8_chunks() {
            let text = chunk.valid();
            if let Some(redacted) = self.redact_text(text) {
                clean.get_or_insert_with(|| value[..passed].to_vec()).extend_from_slice(redacted.as_bytes());
            } else if let Some(clean) = &mut clean {
                clean.extend_from_slice(text.as_bytes());
            }
            if let Some(clean) = &mut clean {
                clean.extend_from_slice(chunk.invalid());
            }
            passed += text.len() + chunk.invalid().len();
        }
        clean.map_or(Cow::Borrowed(value), Cow::Owned)
    }

    /// A value without the secrets that its shape betrays: JWT, `Bearer` and `Basic` credentials, PEM blocks, AWS key ids,
    /// `user:password@` and secret query values in URLs, `"password": "…"` in JSON. `None` if there is none.
    pub fn redact_text(&self, text: &str) -> Option<String> {
        let ranges = secret_ranges(text, self);
        if ranges.is_empty() {
            return None;
        }
        let mut redacted = String::with_capacity(text.len());
        let mut passed = 0;
        for range in ranges {
            redacted.push_str(&text[passed..range.start]);
            redacted.push_str(&self.replacement(&text.as_bytes()[range.clone()]));
            passed = range.end;
        }
        redacted.push_str(&text[passed..]);
        Some(redacted)
    }
}

/// Length of the longest of [`NAMES`].
const LONGEST_NAME: usize = {
    let (mut longest, mut at) = (0, 0);
    while at < NAMES.len() {
        if NAMES[at].len() > longest {
            longest = NAMES[at].len();
        }
        at += 1;
    }
    longest
};

/// For each length, the first letters of the [`NAMES`] of that length, a bit each: nearly every other name is told apart by it.
const FIRST_LETTERS: [u32; LONGEST_NAME + 1] = {
    let mut letters = [0; LONGEST_NAME + 1];
    let mut at = 0;
    while at < NAMES.len() {
        let name = NAMES[at].as_bytes();
        letters[name.len()] |= 1 << (name[0] - b'a');
        at += 1;
    }
    letters
};

/// Whether a name, folded, is one of [`NAMES`].
fn is_listed(name: &str) -> bool {
    let mut folded = [0; LONGEST_NAME];
    let mut len = 0;
    for byte in name.bytes().filter(|b| !matches!(b, b'-' | b'_' | b'.' | b':')) {
        let Some(place) = folded.get_mut(len) else { return false };
        *place = byte.to_ascii_lowercase();
        len += 1;
    }
    let first = folded[0].wrapping_sub(b'a');
    first < 26 && FIRST_LETTERS[len] >> first & 1 == 1 && NAMES.iter().any(|known| known.as_bytes() == &folded[..len])
}

const fn is_separator(byte: u8) -> bool {
    matches!(byte, b'-' | b'_' | b'.' | b':')
}

/// A name's bytes, case and separators ignored.
fn folded(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().filter(|byte| !is_separator(*byte)).map(|byte| byte.to_ascii_lowercase())
}

/// The last three letters that secret names have, a bit each by their hash: nearly every other name is told apart by them.
#[derive(Clone, Copy)]
struct Endings {
    bits: [u64; 64],
    /// Whether a name is shorter than three letters, so that no ending tells.
    is_short: bool,
}

/// Endings of all [`NAMES`] and [`LAST_PARTS`].
const ENDINGS: Endings = {
    let mut endings = Endings { bits: [0; 64], is_short: false };
    let mut at = 0;
    while at < NAMES.len() {
        endings = endings.with(NAMES[at].as_bytes());
        at += 1;
    }
    at = 0;
    while at < LAST_PARTS.len() {
        endings = endings.with(LAST_PARTS[at].as_bytes());
        at += 1;
    }
    endings
};

impl Endings {
    const fn bit([a, b, c]: [u8; 3]) -> (usize, u64) {
        // Setting this bit makes letters small; what else it makes equal costs a closer look and no more.
        let hash = (u32::from_le_bytes([a, b, c, 0]) | 0x20_20_20).wrapping_mul(0x9e37_79b1) >> 20;
        (hash as usize / 64, 1 << (hash % 64))
    }

    /// With the ending of a folded name.
    const fn with(mut self, name: &[u8]) -> Self {
        if name.len() >= 3 {
            let (word, bit) = Self::bit([name[name.len() - 3], name[name.len() - 2], name[name.len() - 1]]);
            self.bits[word] |= bit;
        } else {
            self.is_short = true;
        }
        self
    }

    /// False where no secret name ends so. The bytes may begin before the name does.
    #[inline]
    fn may_end(&self, bytes: &[u8]) -> bool {
        let Some(last) = bytes.last_chunk::<3>() else { return true };
        let (word, bit) = Self::bit(*last);
        self.bits[word] & bit != 0 || self.is_short || last.iter().any(|byte| is_separator(*byte))
    }
}

impl SecretNames for Redactor {
    #[inline]
    fn may_end(&self, bytes: &[u8]) -> bool {
        self.endings.may_end(bytes)
    }

    fn is_secret(&self, name: &str) -> bool {
        self.is_named_secret(name)
    }
}

// Neither the key nor names of the profile belong into a log.
impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor").field("num_more_names", &self.more_names.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor() -> Redactor {
        Redactor::new([7; 16], &["x-tenant-secret".to_owned()])
    }

    #[test]
    fn secret_names() {
        for name in ["Authorization", "x-api-key", "http.request.header.authorization", "db.password", "Set-Cookie", "X-Tenant-Secret", "clientSecret"] {
            assert!(redactor().is_secret_name(name), "{name}");
        }
        for name in ["http.request.method", "traceparent", "order.id", "authority", "tokenizer", "author"] {
            assert!(!redactor().is_secret_name(name), "{name}");
        }
    }

    /// The redactor's names, without the first step.
    struct Plain(Redactor);

    impl SecretNames for Plain {
        fn may_end(&self, _: &[u8]) -> bool {
            true
        }

        fn is_secret(&self, name: &str) -> bool {
            self.0.is_named_secret(name)
        }
    }

    /// Pieces of names: whole ones, ends, separators, other letters.
    fn piece() -> impl proptest::strategy::Strategy<Value = String> {
        use proptest::strategy::Strategy;
        let words: Vec<&str> =
            NAMES.iter().chain(LAST_PARTS).copied().chain(["x-tenant-secret", "-", "_", ".", ":", "K", "é", "İ", "a", "id", "Key"]).collect();
        (proptest::sample::select(words), proptest::bool::ANY).prop_map(|(word, upper)| if upper { word.to_uppercase() } else { word.to_owned() })
    }

    proptest::proptest! {
        #[test]
        fn the_ending_never_hides_a_secret_name(pieces in proptest::collection::vec(piece(), 0..4), more in proptest::collection::vec(piece(), 0..3)) {
            let redactor = Redactor::new([7; 16], &more);
            let name = pieces.concat();
            proptest::prop_assert_eq!(redactor.is_secret_name(&name), redactor.is_named_secret(&name), "{}", name);
            for name in &more {
                proptest::prop_assert!(redactor.is_secret_name(name), "{}", name);
            }
        }

        #[test]
        fn names_in_a_text_are_found_as_without_looking_at_endings_first(
            pairs in proptest::collection::vec((proptest::collection::vec(piece(), 0..3), proptest::sample::select(vec!["=", "\":", "\": ", ":", "", "&", "\"", ",", "{"])), 0..12),
            more in proptest::collection::vec(piece(), 0..3),
        ) {
            let redactor = Redactor::new([7; 16], &more);
            let text = pairs.iter().map(|(name, sign)| format!("\"{}{sign}\"4711\"", name.concat())).collect::<Vec<_>>().concat();
            let plain = secret_ranges(&text, &Plain(redactor.clone()));
            proptest::prop_assert_eq!(secret_ranges(&text, &redactor), plain, "{}", text);
        }
    }

    #[test]
    fn shapes_of_secrets() {
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
        for (text, secret) in [
            (format!("token is {jwt} ok"), jwt),
            ("Bearer abcdef0123456789".to_owned(), "abcdef0123456789"),
            ("https://joe:hunter22@db.local/x".to_owned(), "joe:hunter22"),
            ("https://a/b?sig=verysecret1&x=1".to_owned(), "verysecret1"),
            (r#"{"user":"joe","password":"hun\"ter2"}"#.to_owned(), "ter2"),
            (r#"{"pin": 1, "secret": 123456}"#.to_owned(), "123456"),
            (r#"{"credentials": {"user": "}joe", "pin": [4711]}, "a": 1}"#.to_owned(), "4711"),
            ("key AKIAIOSFODNN7EXAMPLE end".to_owned(), "AKIAIOSFODNN7EXAMPLE"),
            ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n".to_owned(), "MIIE"),
        ] {
            let redacted = redactor().redact_text(&text).unwrap_or_else(|| panic!("nothing found in {text}"));
            assert!(!redacted.contains(secret), "{redacted}");
            assert!(redacted.contains("redacted:"), "{redacted}");
        }
        for text in ["https://shop.local/orders/4711?page=2", r#"{"orderId": 4711, "note": "ok"}"#, "plain text that is long enough", "a=b&c=d&eee=f"] {
            assert_eq!(redactor().redact_text(text), None, "{text}");
        }
    }

    #[test]
    fn equal_secrets_look_equal_and_keys_differ() {
        let other = Redactor::new([8; 16], &[]);
        assert_eq!(redactor().replacement(b"a"), redactor().replacement(b"a"));
        assert_ne!(redactor().replacement(b"a"), other.replacement(b"a"));
        assert_ne!(redactor().hash(&[Some(b"ab"), None]), redactor().hash(&[Some(b"a"), Some(b"b")]));
    }
}
