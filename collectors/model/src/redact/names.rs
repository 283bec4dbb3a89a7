//! Which names are those of secrets: of headers, attributes, fields, settings and variables, compared after folding case and
//! separators, and judged by their last words. `db_password`, `DB.PASSWORD` and `dbPassword` are one name; `password_policy` and
//! `token_count` are none.

mod ends;

pub(super) use ends::Verdict;
use ends::{ENDS, Fit, tail_in_text, tail_of, with_tail};

/// Names from the profile, and the first step of all.
#[derive(Clone)]
pub(super) struct Names {
    /// Folded.
    more: Vec<Vec<u8>>,
    endings: Endings,
}

impl Names {
    pub(super) fn new(more: &[String]) -> Self {
        let more: Vec<Vec<u8>> = more
            .iter()
            .map(|name| {
                let folded = Folded::of(name.as_bytes());
                folded.rest().iter().rev().copied().collect()
            })
            .filter(|name: &Vec<u8>| !name.is_empty())
            .collect();
        let endings = more.iter().fold(ENDINGS, |endings, name| endings.with(name));
        Self { more, endings }
    }

    pub(super) fn num_more(&self) -> usize {
        self.more.len()
    }

    /// False where no secret name ends like these bytes. They may begin before the name does.
    #[inline]
    pub(super) fn may_end(&self, bytes: &[u8]) -> bool {
        self.endings.may_end(bytes)
    }

    /// False where no secret name, its quote perhaps behind it, ends like this text.
    #[inline]
    pub(super) fn may_end_text(&self, text: &[u8]) -> bool {
        match text.last_chunk::<3>().and_then(|last| Endings::number(*last)) {
            Some(number) => self.endings.has(number),
            None => self.may_end_text_otherwise(text),
        }
    }

    /// The same where no three letters stand at the end.
    #[inline(never)]
    fn may_end_text_otherwise(&self, text: &[u8]) -> bool {
        match text {
            // A quote that is written as an escape.
            [.., b'u', b'0', b'0', b'2', b'2'] | [.., b'%', b'2', b'2'] => true,
            [.., b'0'..=b'9'] => {
                let num_digits = text.iter().rev().take(3).take_while(|byte| byte.is_ascii_digit()).count();
                let letters = &text[..text.len() - num_digits];
                matches!(letters, [.., b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'-' | b'.' | b'[']) && self.may_end_name(letters)
            }
            [.., b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'-' | b'.'] => self.may_end_name(text),
            _ => true,
        }
    }

    /// False where no secret name ends like this text, which ends with a name: closer than [`Self::may_end`].
    #[inline]
    pub(super) fn may_end_name(&self, text: &[u8]) -> bool {
        !self.more.is_empty() || with_tail(tail_in_text(text)).next().is_some()
    }

    /// What a name says.
    #[inline]
    pub(super) fn verdict(&self, name: &[u8]) -> Verdict {
        if self.may_end(name) { self.judge(name) } else { Verdict::Plain }
    }

    /// The same without the first step.
    pub(super) fn judge(&self, name: &[u8]) -> Verdict {
        if self.more.is_empty() && with_tail(tail_of(name)).next().is_none() {
            return Verdict::Plain;
        }
        let mut folded = Folded::of(name);
        if folded.len == 0 {
            return Verdict::Plain;
        }
        if self.more.iter().any(|known| folded.ends_with_words(known)) {
            return Verdict::Secret;
        }
        loop {
            let verdict = folded.verdict();
            if verdict != Verdict::Plain || !folded.drop_trailer() {
                return verdict;
            }
        }
    }
}

/// Longest end of a name that is looked at.
const LONGEST: usize = 32;

/// The end of a name, its last letter first, small letters and digits only, with the places where words begin.
struct Folded {
    letters: [u8; LONGEST],
    len: usize,
    /// What of it was dropped as a trailer.
    from: usize,
    /// A bit for each letter that a word begins with.
    begins: u64,
    /// Whether it is the whole name.
    is_whole: bool,
}

impl Folded {
    fn of(name: &[u8]) -> Self {
        let mut folded = Self { letters: [0; LONGEST], len: 0, from: 0, begins: 0, is_whole: true };
        for (at, byte) in name.iter().enumerate().rev() {
            if !byte.is_ascii_alphanumeric() {
                folded.word_begins();
                continue;
            }
            if folded.len == LONGEST {
                folded.is_whole = false;
                return folded;
            }
            if name.get(at + 1).is_some_and(u8::is_ascii_uppercase) && (!byte.is_ascii_uppercase() || name.get(at + 2).is_some_and(u8::is_ascii_lowercase)) {
                folded.word_begins();
            }
            folded.letters[folded.len] = byte.to_ascii_lowercase();
            folded.len += 1;
        }
        folded.word_begins();
        folded
    }

    fn word_begins(&mut self) {
        if self.len > 0 {
            self.begins |= 1 << (self.len - 1);
        }
    }

    fn rest(&self) -> &[u8] {
        &self.letters[self.from..self.len]
    }

    fn ends_with(&self, end: &[u8]) -> bool {
        let rest = self.rest();
        rest.len() >= end.len() && rest.iter().zip(end.iter().rev()).all(|(letter, known)| letter == known)
    }

    fn ends_with_words(&self, words: &[u8]) -> bool {
        self.ends_with(words) && self.begins >> (self.from + words.len() - 1) & 1 == 1
    }

    /// The entry of [`ENDS`] that fits.
    fn known(&self, is: impl Fn(Fit) -> bool) -> Option<&'static (&'static str, Fit, Verdict)> {
        let mut letters = [0; 8];
        for (letter, from) in letters.iter_mut().zip(self.rest()) {
            *letter = *from;
        }
        let fits = |(end, fit, _): &&(&str, Fit, Verdict)| match fit {
            Fit::Part => self.ends_with(end.as_bytes()),
            Fit::Words | Fit::Trailer => self.ends_with_words(end.as_bytes()),
            Fit::Whole => self.is_whole && self.rest().len() == end.len() && self.ends_with(end.as_bytes()),
        };
        with_tail(u64::from_le_bytes(letters)).map(|at| &ENDS[at]).find(|known| is(known.1) && fits(known))
    }

    fn verdict(&self) -> Verdict {
        self.known(|fit| fit != Fit::Trailer).map_or(Verdict::Plain, |(_, _, verdict)| *verdict)
    }

    /// Drops a number or a word at the end that says nothing; `false` where there is none.
    fn drop_trailer(&mut self) -> bool {
        let num_digits = self.rest().iter().take_while(|letter| letter.is_ascii_digit()).count();
        let trailer = self.known(|fit| fit == Fit::Trailer).map_or(0, |(end, _, _)| end.len());
        let dropped = num_digits.max(trailer);
        self.from += dropped;
        dropped > 0 && self.from < self.len
    }
}

/// The last three letters that secret names have, a bit for each three of the alphabet: nearly every other name is told apart by them.
#[derive(Clone)]
struct Endings {
    bits: [u64; NUM_ENDINGS.div_ceil(64)],
    /// Whether a name of the profile is shorter than three letters, or ends with a digit, so that no ending tells.
    is_any: bool,
}

const NUM_ENDINGS: usize = 26 * 26 * 26;

/// Endings of all lists.
const ENDINGS: Endings = {
    let mut endings = Endings { bits: [0; NUM_ENDINGS.div_ceil(64)], is_any: false };
    let mut at = 0;
    while at < ENDS.len() {
        endings = endings.with(ENDS[at].0.as_bytes());
        at += 1;
    }
    endings
};

const fn letter(byte: u8) -> usize {
    (byte | 0x20).wrapping_sub(b'a') as usize
}

impl Endings {
    /// The number of three letters; large ones are small ones.
    #[inline]
    const fn number([a, b, c]: [u8; 3]) -> Option<usize> {
        let (a, b, c) = (letter(a), letter(b), letter(c));
        if a < 26 && b < 26 && c < 26 { Some((a * 26 + b) * 26 + c) } else { None }
    }

    /// With the ending of a folded name.
    const fn with(mut self, name: &[u8]) -> Self {
        let number = if name.len() < 3 { None } else { Self::number([name[name.len() - 3], name[name.len() - 2], name[name.len() - 1]]) };
        match number {
            Some(number) => self.bits[number / 64] |= 1 << (number % 64),
            None => self.is_any = true,
        }
        self
    }

    #[inline]
    fn has(&self, number: usize) -> bool {
        self.bits[number / 64] >> (number % 64) & 1 == 1 || self.is_any
    }

    #[inline]
    fn may_end(&self, bytes: &[u8]) -> bool {
        match bytes.last_chunk::<3>().and_then(|last| Self::number(*last)) {
            Some(number) => self.has(number),
            None => self.may_end_behind_separators(bytes),
        }
    }

    /// The same where no three letters stand at the end.
    fn may_end_behind_separators(&self, bytes: &[u8]) -> bool {
        let (mut last, mut missing) = ([0; 3], 3);
        for byte in bytes.iter().rev().take(16) {
            if byte.is_ascii_alphabetic() {
                missing -= 1;
                last[missing] = *byte;
                if missing == 0 {
                    return Self::number(last).is_some_and(|number| self.has(number));
                }
            } else if byte.is_ascii_digit() && missing < 3 {
                // None of the lists holds a digit.
                return self.is_any;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::new(&["x-tenant-secret-word".to_owned()])
    }

    #[test]
    fn names_of_secrets() {
        for name in [
            "password",
            "Password",
            "PASSWORD",
            "db_password",
            "DB.PASSWORD",
            "dbPassword",
            "DbPASSWORD",
            "user_password",
            "db-password",
            "PGPASSWORD",
            "SPRING_DATASOURCE_PASSWORD",
            "spring.datasource.password",
            "ssl.key.password",
            "ssl.truststore.password",
            "MYSQL_PWD",
            "passwd",
            "passWord",
            "password1",
            "password_2",
            "passwords[0]",
            "password_confirmation",
            "passwordHash",
            "user.password.value",
            "keyPassphrase",
            "passcode",
            "secret",
            "client_secret",
            "clientSecret",
            "appSecret",
            "client.secret",
            "webhook_secret",
            "secret_1",
            "SecretString",
            "secretAccessKey",
            "aws_secret_access_key",
            "AWSAccessKeyId",
            "access_key",
            "accessKey",
            "api_key",
            "apiKey",
            "APIKey",
            "api-key",
            "X-Api-Key",
            "x_api_key",
            "http.request.header.x_api_key",
            "http.request.header.x-api-key",
            "apikey",
            "private_key",
            "privateKey",
            "signing_key",
            "encryption.key",
            "Ocp-Apim-Subscription-Key",
            "x-functions-key",
            "AccountKey",
            "SharedAccessKey",
            "token",
            "access_token",
            "user.access_token",
            "accessToken",
            "refresh_token",
            "idToken",
            "auth_token",
            "X-Auth-Token",
            "X-Vault-Token",
            "x-amz-security-token",
            "X-CSRF-Token",
            "csrfmiddlewaretoken",
            "authorization",
            "Proxy-Authorization",
            "http.request.header.authorization",
            "rpc.grpc.request.metadata.authorization",
            "authorization-bin",
            "cookie",
            "Set-Cookie",
            "http.response.header.set_cookie",
            "http.request.header.cookie",
            "session_id",
            "JSESSIONID",
            "PHPSESSID",
            "ASP.NET_SessionId",
            "connect.sid",
            "credential",
            "credentials",
            "aws.credentials",
            "db_creds",
            "X-Amz-Signature",
            "X-Amz-Credential",
            "X-Hub-Signature",
            "sig",
            "signature",
            "auth",
            "session",
            "DB_PASS",
            "smtp.pass",
            "requirepass",
            "SAMLResponse",
            "cvv",
            "card.cvv2",
            "x-jwt",
            "csrf",
            "_csrf",
            "otp",
            "user.otp",
            "client_assertion",
            "www-authenticate",
            "cardNumber",
            "tenant.x_tenant_secret_word",
        ] {
            assert_ne!(names().verdict(name.as_bytes()), Verdict::Plain, "{name}");
        }
    }

    #[test]
    fn names_that_only_look_like_those_of_secrets() {
        for name in [
            "token_count",
            "max_tokens",
            "tokens",
            "gen_ai.usage.input_tokens",
            "tokenizer",
            "token_type",
            "token.endpoint.url",
            "nextPageToken",
            "page_token",
            "continuation-token",
            "cancellationToken",
            "password_policy",
            "password.encoder.iterations",
            "password_length",
            "password_changed_at",
            "passwordless",
            "secret_name",
            "secretName",
            "secretary",
            "key",
            "key.serializer",
            "message.key",
            "messaging.kafka.message.key",
            "routing_key",
            "partition.key",
            "primary_key",
            "public_key",
            "cache_key",
            "idempotency_key",
            "sort_key",
            "keyspace",
            "monkey",
            "author",
            "authority",
            "authenticated",
            "authentication.type",
            "auth.type",
            "auth_time",
            "oauth2.provider",
            "cookie_count",
            "cookie_consent",
            "cookies_enabled",
            "session.timeout.ms",
            "session_count",
            "sessions",
            "signature_version",
            "sigma",
            "code.function.signature",
            "api_version",
            "access_log",
            "access_level",
            "credentials_expired",
            "access-control-allow-credentials",
            "compass",
            "bypass",
            "surpass",
            "pass_rate",
            "first_pass",
            "http.request.method",
            "http.request.header.content_type",
            "traceparent",
            "order.id",
            "user.name",
            "cardinality",
            "card_type",
            "description",
            "delegation.token.expiry.time.ms",
            "sasl.oauthbearer.token.endpoint.url",
            "ssl.keystore.location",
            "passenger",
            "expected_token",
            "ID",
            "a",
            "",
            "jwt_issuer",
            "bearer_format",
            "otpauth.count",
            "value",
            "new",
            "text",
            "hash",
            "order.hash",
            "header",
            "1",
            "12",
            "_",
            "-1",
        ] {
            assert_eq!(names().verdict(name.as_bytes()), Verdict::Plain, "{name}");
        }
    }

    /// Pieces of names: whole ones, ends, separators, other letters.
    fn piece() -> impl proptest::strategy::Strategy<Value = String> {
        use proptest::strategy::Strategy;
        let words: Vec<&str> =
            ENDS.iter().map(|(end, _, _)| *end).chain(["x-tenant-secret", "-", "_", ".", ":", "K", "é", "İ", "a", "id", "Key", "1", "[0]"]).collect();
        (proptest::sample::select(words), proptest::bool::ANY).prop_map(|(word, upper)| if upper { word.to_uppercase() } else { word.to_owned() })
    }

    proptest::proptest! {
        #[test]
        fn the_ending_never_hides_a_secret_name(pieces in proptest::collection::vec(piece(), 0..4), more in proptest::collection::vec(piece(), 0..3)) {
            let names = Names::new(&more);
            let name = pieces.concat();
            proptest::prop_assert_eq!(names.verdict(name.as_bytes()), names.judge(name.as_bytes()), "{}", name);
        }
    }
}
