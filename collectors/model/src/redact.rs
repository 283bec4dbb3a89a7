//! Secrets are replaced before anything is stored: by the name of header or attribute, and by the value's shape.

use std::hash::Hasher;

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher24};

use crate::shape::secret_ranges;

/// A keyed hash of raw bytes. Equal bytes have equal hashes within a session; without the key it tells nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RawHash(pub u128);

/// Names and shapes of secrets, and the session's key.
#[derive(Clone, Debug)]
pub struct Redactor {
    key: [u8; 16],
    more_names: Vec<String>,
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
        Self { key, more_names: more_names.iter().map(|name| fold(name)).collect() }
    }

    /// Keyed hash of raw bytes.
    pub fn hash(&self, parts: &[Option<&[u8]>]) -> RawHash {
        let mut hasher = SipHasher24::new_with_key(&self.key);
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
    pub fn is_secret_name(&self, name: &str) -> bool {
        is_listed(name) || (!self.more_names.is_empty() && self.more_names.contains(&fold(name))) || {
            let last = name.rsplit(['.', ':']).next().unwrap_or(name);
            LAST_PARTS.iter().any(|part| part.eq_ignore_ascii_case(last))
        }
    }

    /// What stands in the place of a secret: equal secrets look equal.
    pub fn replacement(&self, secret: &[u8]) -> String {
        format!("redacted:{:06x}", self.hash(&[Some(secret)]).0 & 0xff_ffff)
    }

    /// A value without the secrets that its shape betrays: JWT, `Bearer` and `Basic` credentials, PEM blocks, AWS key ids,
    /// `user:password@` and secret query values in URLs, `"password": "…"` in JSON. `None` if there is none.
    pub fn redact_text(&self, text: &str) -> Option<String> {
        let ranges = secret_ranges(text, &|name: &str| self.is_secret_name(name));
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

fn fold(name: &str) -> String {
    name.bytes().filter(|b| !matches!(b, b'-' | b'_' | b'.' | b':')).map(|b| char::from(b.to_ascii_lowercase())).collect()
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
