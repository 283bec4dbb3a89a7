//! Secrets are replaced before anything is stored: by the name of header or attribute, and by the value's shape.

use std::borrow::Cow;
use std::hash::Hasher;

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher24};

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
        let folded = fold(name);
        NAMES.contains(&folded.as_str()) || self.more_names.contains(&folded) || {
            let last = name.rsplit(['.', ':']).next().unwrap_or(name).to_ascii_lowercase();
            LAST_PARTS.contains(&last.as_str())
        }
    }

    /// What stands in the place of a secret: equal secrets look equal.
    pub fn replacement(&self, secret: &[u8]) -> String {
        format!("redacted:{:06x}", self.hash(&[Some(secret)]).0 & 0xff_ffff)
    }

    /// A value without the secrets that its shape betrays: JWT, `Bearer` and `Basic` credentials, PEM blocks, AWS key ids,
    /// `user:password@` and secret query values in URLs, `"password": "…"` in JSON. `None` if there is none.
    pub fn redact_text(&self, text: &str) -> Option<String> {
        let mut found: Cow<'_, str> = Cow::Borrowed(text);
        // A cheap look first: most values hold none of these.
        if !might_hold_secret(text) {
            return None;
        }
        for range in secret_ranges(text, &|name| self.is_secret_name(name)).into_iter().rev() {
            let replacement = self.replacement(&text.as_bytes()[range.clone()]);
            found.to_mut().replace_range(range, &replacement);
        }
        match found {
            Cow::Borrowed(_) => None,
            Cow::Owned(redacted) => Some(redacted),
        }
    }
}

fn fold(name: &str) -> String {
    name.bytes().filter(|b| !matches!(b, b'-' | b'_' | b'.' | b':')).map(|b| char::from(b.to_ascii_lowercase())).collect()
}

fn might_hold_secret(text: &str) -> bool {
    let bytes = text.as_bytes();
    // Every shape holds one of these; the sum is taken without a branch, so that the compiler looks at many bytes at once.
    let num_marks = bytes.iter().fold(0_u32, |sum, byte| sum + u32::from(matches!(byte, b' ' | b'"' | b'=' | b':' | b'J' | b'A')));
    bytes.len() >= 8
        && num_marks > 0
        && (text.contains('"')
            || text.contains('=')
            || text.contains("://")
            || text.contains("eyJ")
            || text.contains("AKIA")
            || text.contains("ASIA")
            || text.contains("-----BEGIN ")
            || follows_scheme(bytes))
}

/// Whether a blank stands right behind `bearer` or `basic`.
fn follows_scheme(bytes: &[u8]) -> bool {
    let is_scheme = |end: usize, scheme: &[u8]| end >= scheme.len() && bytes[end - scheme.len()..end].eq_ignore_ascii_case(scheme);
    bytes.iter().enumerate().any(|(at, byte)| *byte == b' ' && (is_scheme(at, b"bearer") || is_scheme(at, b"basic")))
}

/// Byte ranges of secrets in a text, in order, without overlap.
fn secret_ranges(text: &str, is_secret_name: &dyn Fn(&str) -> bool) -> Vec<std::ops::Range<usize>> {
    let bytes = text.as_bytes();
    let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
    let token_end = |from: usize, is_part: fn(u8) -> bool| from + bytes[from..].iter().take_while(|b| is_part(**b)).count();
    let is_token = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~' | b'+' | b'/' | b'=');
    // JWT: three base64url parts, the first beginning {" in base64.
    for (at, _) in text.match_indices("eyJ") {
        let end = token_end(at, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        if text[at..end].split('.').filter(|part| part.len() >= 4).count() >= 2 {
            ranges.push(at..end);
        }
    }
    for (at, _) in text.match_indices("-----BEGIN ") {
        let end = text[at..].find("-----END ").map_or(text.len(), |end| at + end);
        let end = text[end..].find('\n').map_or(text.len(), |line| end + line);
        ranges.push(at..end);
    }
    for prefix in ["AKIA", "ASIA"] {
        for (at, _) in text.match_indices(prefix) {
            let end = token_end(at, |b| b.is_ascii_uppercase() || b.is_ascii_digit());
            if end - at == 20 {
                ranges.push(at..end);
            }
        }
    }
    for scheme in ["bearer ", "basic "] {
        for at in 0..bytes.len().saturating_sub(scheme.len()) {
            if bytes[at..at + scheme.len()].eq_ignore_ascii_case(scheme.as_bytes()) {
                let start = at + scheme.len();
                let end = token_end(start, is_token);
                if end - start >= 8 {
                    ranges.push(start..end);
                }
            }
        }
    }
    // user:password@ in a URL.
    for (at, _) in text.match_indices("://") {
        let start = at + 3;
        let end = start + bytes[start..].iter().take_while(|b| !matches!(b, b'/' | b'?' | b'#' | b' ' | b'"')).count();
        if let Some(at_sign) = text[start..end].rfind('@') {
            ranges.push(start..start + at_sign);
        }
    }
    // name=value and "name": "value".
    for (at, _) in text.match_indices('=') {
        let name_start = at - bytes[..at].iter().rev().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')).count();
        if name_start < at && is_secret_name(&text[name_start..at]) {
            let end = at + 1 + bytes[at + 1..].iter().take_while(|b| !matches!(b, b'&' | b';' | b',' | b' ' | b'"' | b'\n' | b'#')).count();
            if end > at + 1 {
                ranges.push(at + 1..end);
            }
        }
    }
    for (at, _) in text.match_indices("\":") {
        let Some(name_start) = text[..at].rfind('"') else { continue };
        if !is_secret_name(&text[name_start + 1..at]) {
            continue;
        }
        let value_start = at + 2 + bytes[at + 2..].iter().take_while(|b| b.is_ascii_whitespace()).count();
        if bytes.get(value_start) == Some(&b'"') {
            let mut end = value_start + 1;
            while end < bytes.len() && bytes[end] != b'"' {
                end += if bytes[end] == b'\\' { 2 } else { 1 };
            }
            let end = floor_boundary(text, end.min(bytes.len()));
            if end > value_start + 1 {
                ranges.push(value_start + 1..end);
            }
        } else if matches!(bytes.get(value_start), Some(b'{' | b'[')) {
            ranges.push(value_start..bracket_end(bytes, value_start));
        } else {
            let end = value_start + bytes[value_start..].iter().take_while(|b| !matches!(b, b',' | b'}' | b']') && !b.is_ascii_whitespace()).count();
            if end > value_start && &text[value_start..end] != "null" {
                ranges.push(value_start..end);
            }
        }
    }
    ranges.sort_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
    let mut apart: Vec<std::ops::Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        if apart.last().is_none_or(|last| range.start >= last.end) {
            apart.push(range);
        } else if let Some(last) = apart.last_mut() {
            last.end = last.end.max(range.end);
        }
    }
    apart
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
