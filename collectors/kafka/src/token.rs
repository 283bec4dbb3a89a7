//! Tokens for SASL/OAUTHBEARER, fetched anew whenever a client asks.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How long a token that does not say so itself is taken to be good.
const OTHERWISE_GOOD_FOR: Duration = Duration::from_mins(5);

/// Where tokens come from. Its clones are one.
#[derive(Clone)]
pub struct TokenSource(Arc<dyn Fn() -> Result<String, String> + Send + Sync>);

impl TokenSource {
    /// Tokens that this gives: a token, or why there is none. It may take its time, and is called again before a token runs out.
    pub fn new(fetch: impl Fn() -> Result<String, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(fetch))
    }

    /// A new token.
    pub(crate) fn fetch(&self) -> Result<Token, String> {
        let value = (self.0)()?.trim().to_owned();
        // RFC 6750, section 2.1: what else it held would break the message it is sent in.
        if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)) {
            return Err("what came is no bearer token".to_owned());
        }
        Ok(Token { good_until_ms: expiry_ms(&value).unwrap_or_else(|| millis(SystemTime::now() + OTHERWISE_GOOD_FOR)), value })
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSource")
    }
}

/// A token.
pub(crate) struct Token {
    pub value: String,
    /// Until when it is good, ms since the Unix epoch.
    pub good_until_ms: i64,
}

fn millis(time: SystemTime) -> i64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// When a JSON web token says that it ends (`exp`, RFC 7519, section 4.1.4).
fn expiry_ms(token: &str) -> Option<i64> {
    let claims: serde_json::Value = serde_json::from_slice(&decoded(token.split('.').nth(1)?)?).ok()?;
    let seconds = claims.get("exp")?.as_f64()?;
    (seconds > 0.0 && seconds < 1e11).then_some((seconds * 1e3) as i64)
}

/// Base64 for URLs, without padding.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut num_bits) = (Vec::with_capacity(text.len() * 3 / 4), 0_u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        num_bits += 6;
        if num_bits >= 8 {
            num_bits -= 8;
            bytes.push((bits >> num_bits & 0xff) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_itself_when_it_ends_or_is_fetched_again_soon() {
        let token = |text: &'static str| TokenSource::new(move || Ok(text.to_owned())).fetch();
        // {"alg":"none"}.{"exp":1790000000}
        let jwt = token("eyJhbGciOiJub25lIn0.eyJleHAiOjE3OTAwMDAwMDB9.c2ln\n").expect("a token");
        assert_eq!((jwt.good_until_ms, jwt.value.ends_with('\n')), (1_790_000_000_000, false));
        let opaque = token("abc-123").expect("a token");
        assert!((opaque.good_until_ms - millis(SystemTime::now()) - 300_000).abs() < 10_000);
        assert!(token("two words").is_err() && token("").is_err());
        assert!(TokenSource::new(|| Err("no".to_owned())).fetch().is_err());
    }
}
