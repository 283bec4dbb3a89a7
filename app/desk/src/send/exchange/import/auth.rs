//! Credentials in what was pasted: none is kept. What stays is a name, for the profile to say where the credential comes from.

use base64::Engine as _;
use switchboard_model::Redactor;

use super::notes::{Notes, told};
use crate::send::draft::Auth;
use crate::send::exchange::{CREDENTIAL_LEFT_OUT, OF_THE_CONNECTION};

/// What becomes of a header that was pasted.
pub(super) enum Header {
    /// It stays.
    Kept,
    /// It is left out; what there is to say has been said.
    Dropped,
    /// It is a credential, for which this stands.
    Auth(Auth),
}

/// Tells credentials from other headers.
pub(super) struct Credentials {
    redactor: Redactor,
    /// What was found.
    pub auth: Auth,
}

impl Credentials {
    pub fn new() -> Self {
        Self { redactor: Redactor::new([0; 16], &[]), auth: Auth::None }
    }

    /// Whether a name is that of something secret.
    pub fn is_secret_name(&self, name: &str) -> bool {
        self.redactor.is_secret_name(name)
    }

    /// A text without what its shape or its name betrays as secret; all look alike, so that nothing can be told of what they were.
    pub fn without_secrets(&self, text: &str) -> Option<String> {
        const WORD: &str = "redacted:";
        let clean = self.redactor.redact_text(text)?;
        let (mut blank, mut rest) = (String::with_capacity(clean.len()), clean.as_str());
        while let Some(at) = rest.find(WORD) {
            let (before, after) = rest.split_at(at + WORD.len());
            blank.push_str(before);
            let is_placeholder = after.as_bytes().get(..6).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
            rest = if is_placeholder { &after[6..] } else { after };
            blank.push_str(if is_placeholder { "000000" } else { "" });
        }
        blank.push_str(rest);
        Some(blank)
    }

    /// What becomes of a header that somebody typed.
    pub fn typed(&self, name: &str, value: &str, is_live: bool, notes: &mut Notes) -> Header {
        let lower = name.to_ascii_lowercase();
        match lower.as_str() {
            "cookie" => notes.add("Cookies were left out. Write the header again where they are no secret."),
            "proxy-authorization" => notes.add("A credential for a proxy was left out."),
            "authorization" => return Header::Auth(of_authorization(value, is_live)),
            _ if OF_THE_CONNECTION.contains(&lower.as_str()) => {}
            _ => match variable(value).filter(|_| is_live) {
                Some(secret) => return Header::Auth(Auth::ApiKey { header: lower, secret }),
                None if self.is_secret_name(name) => return Header::Auth(Auth::ApiKey { secret: secret_name(&lower), header: lower }),
                None => return Header::Kept,
            },
        }
        Header::Dropped
    }

    /// Takes a credential, of which there can be one: that of `Authorization` comes before others.
    pub fn take(&mut self, auth: Auth, notes: &mut Notes) {
        let is_key = |auth: &Auth| matches!(auth, Auth::ApiKey { .. });
        let dropped = match (&self.auth, is_key(&self.auth) && !is_key(&auth)) {
            (Auth::None, _) => {
                self.auth = auth;
                None
            }
            (_, true) => Some(std::mem::replace(&mut self.auth, auth)),
            (..) => Some(auth),
        };
        if let Some(Auth::ApiKey { header, .. }) = dropped {
            notes.add(format!("A request names one credential; the header {} was left out.", told(&header)));
        } else if dropped.is_some() {
            notes.add("A request names one credential; another was left out.");
        }
    }

    /// The credential, and what is to be done about it.
    pub fn finish(self, notes: &mut Notes) -> Auth {
        if let Some(secret) = self.auth.secret() {
            notes.add(format!("{CREDENTIAL_LEFT_OUT}: add a [[secrets]] table called `{}` to the profile, with name, server and from.", told(secret)));
        }
        self.auth
    }
}

/// What stands for the value of `Authorization`.
fn of_authorization(value: &str, is_live: bool) -> Auth {
    let (scheme, rest) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
    let named = variable(rest.trim()).filter(|_| is_live);
    if scheme.eq_ignore_ascii_case("bearer") {
        return Auth::Bearer { secret: named.unwrap_or_else(|| "token".to_owned()) };
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = base64::engine::general_purpose::STANDARD.decode(rest.trim()).unwrap_or_default();
        let user = String::from_utf8(decoded).unwrap_or_default().split_once(':').map(|(user, _)| user.to_owned()).unwrap_or_default();
        return Auth::Basic { user, secret: named.unwrap_or_else(|| "password".to_owned()) };
    }
    Auth::ApiKey { header: "authorization".to_owned(), secret: variable(value).filter(|_| is_live).unwrap_or_else(|| "authorization".to_owned()) }
}

/// What stands for `user:password`.
pub(super) fn of_user(text: &str, is_live: bool) -> Auth {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    Auth::Basic { user: user.to_owned(), secret: variable(password).filter(|_| is_live).unwrap_or_else(|| "password".to_owned()) }
}

/// The secret that a shell's variable is named after: `$PAYMENTS_TOKEN` and `${PAYMENTS_TOKEN}` are `payments_token`.
pub(super) fn variable(text: &str) -> Option<String> {
    let name = text.strip_prefix('$')?;
    let name = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name);
    let is_name = !name.is_empty() && name.len() <= 80 && !name.starts_with(|c: char| c.is_ascii_digit());
    (is_name && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')).then(|| name.to_ascii_lowercase())
}

/// A name for a secret after something else's.
pub(super) fn secret_name(name: &str) -> String {
    name.chars().take(80).map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

/// An address without the user and password that stand before its host.
pub(super) fn without_user(url: &str) -> Option<(String, Auth)> {
    let begin = url.find("://").map_or(0, |at| at + 3);
    let end = url[begin..].find(['/', '?', '#', '\\']).map_or(url.len(), |at| begin + at);
    let at = begin + url[begin..end].rfind('@')?;
    let user = url[begin..at].split(':').next().unwrap_or_default();
    let user = url::form_urlencoded::parse(format!("u={}", user.replace('+', "%2B").replace('&', "%26")).as_bytes()).next().map(|(_, user)| user.into_owned());
    let auth = Auth::Basic { user: user.unwrap_or_default(), secret: "password".to_owned() };
    Some((format!("{}{}", &url[..begin], &url[at + 1..]), auth))
}
