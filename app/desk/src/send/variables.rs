//! What stands in double braces: `{{name}}` is replaced by a value, and is never code. `\{{` stands for the braces themselves.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What a text with variables may become at most, bytes.
const EXPANDED_BYTES_MAX: usize = 64 << 20;

/// Values that are made anew for each request.
pub const MADE: [(&str, &str); 5] = [
    ("counter", "1, 2, 3 … over the requests of one sending"),
    ("uuid", "A new one wherever it stands"),
    ("now", "The time of sending, RFC 3339"),
    ("now_ms", "The same, ms since the Unix epoch"),
    ("random", "A number of nine digits, a new one wherever it stands"),
];

/// Why a text cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VariableError {
    /// Nothing is called so.
    #[error("no variable is called `{0}`: write it into the environment that is chosen, or choose another")]
    Unknown(String),
    /// The row has no value of that name.
    #[error("the row has no value called `{0}`: name the file with the rows, and a column of it")]
    NotInRow(String),
    /// Braces without their end.
    #[error("{{{{ has no }}}}; write \\{{{{ for the braces themselves")]
    Unclosed,
    /// More than any request may be.
    #[error("with its variables filled in it is longer than {} MiB", EXPANDED_BYTES_MAX >> 20)]
    TooLong,
}

/// Values by their names, for one request.
pub struct Variables<'a> {
    /// Of the environment that was chosen.
    pub named: &'a BTreeMap<String, String>,
    /// Of the row of the file of values that this request is for, `{{row.NAME}}` or `{{NAME}}`; they come before those of the environment.
    pub row: &'a BTreeMap<String, String>,
    /// Which request of one sending it is, from 1.
    pub counter: u64,
    /// When it is sent, ns since the Unix epoch.
    pub now_ns: i64,
    /// Random numbers.
    pub random: &'a dyn Fn() -> u128,
}

impl Variables<'_> {
    /// The text with all values filled in.
    pub fn fill<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, VariableError> {
        if !text.contains("{{") {
            return Ok(Cow::Borrowed(text));
        }
        let (mut filled, mut rest) = (String::with_capacity(text.len()), text);
        while let Some(at) = rest.find("{{") {
            let (before, after) = (&rest[..at], &rest[at + 2..]);
            if let Some(before) = before.strip_suffix('\\') {
                filled.push_str(before);
                filled.push_str("{{");
                rest = after;
                continue;
            }
            filled.push_str(before);
            let end = after.find("}}").ok_or(VariableError::Unclosed)?;
            filled.push_str(&self.value(after[..end].trim())?);
            rest = &after[end + 2..];
            if filled.len() > EXPANDED_BYTES_MAX {
                return Err(VariableError::TooLong);
            }
        }
        filled.push_str(rest);
        Ok(Cow::Owned(filled))
    }

    fn value(&self, name: &str) -> Result<Cow<'_, str>, VariableError> {
        let of_row = name.strip_prefix("row.").and_then(|name| self.row.get(name));
        if let Some(value) = of_row.or_else(|| self.row.get(name)).or_else(|| self.named.get(name)) {
            return Ok(Cow::Borrowed(value));
        }
        Ok(Cow::Owned(match name {
            "counter" => self.counter.to_string(),
            "uuid" => uuid((self.random)()),
            "now" => {
                let now = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.now_ns));
                now.ok().and_then(|now| now.format(&Rfc3339).ok()).unwrap_or_default()
            }
            "now_ms" => (self.now_ns / 1_000_000).to_string(),
            "random" => ((self.random)() % 1_000_000_000).to_string(),
            _ if name.starts_with("row.") => return Err(VariableError::NotInRow(name["row.".len()..].chars().take(80).collect())),
            // A name is told as it is written, but no novel.
            _ => return Err(VariableError::Unknown(name.chars().take(80).collect())),
        }))
    }
}

/// A random UUID (RFC 9562, version 4) of these bits.
pub fn uuid(bits: u128) -> String {
    let bits = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let mut text = String::with_capacity(36);
    for (part, end) in [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)] {
        let _ = write!(text, "{}{}", if part == 0 { "" } else { "-" }, &hex[part..end]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_measure::growth::assert_linear;

    fn fill(text: &str) -> Result<String, VariableError> {
        let named =
            BTreeMap::from([("base".to_owned(), "http://h".to_owned()), ("sku".to_owned(), "lamp".to_owned()), ("braces".to_owned(), "{{sku}}".to_owned())]);
        let row = BTreeMap::from([("sku".to_owned(), "chair".to_owned())]);
        let variables = Variables { named: &named, row: &row, counter: 7, now_ns: 1_700_000_000_123_000_000, random: &|| u128::MAX };
        variables.fill(text).map(Cow::into_owned)
    }

    #[test]
    fn names_in_braces_become_values_and_values_are_not_looked_into() {
        for (text, filled) in [
            ("plain } {", "plain } {"),
            ("{{base}}/a?{{ sku }}", "http://h/a?chair"),
            ("{{counter}} {{now}} {{now_ms}}", "7 2023-11-14T22:13:20.123Z 1700000000123"),
            ("{{uuid}}", "ffffffff-ffff-4fff-bfff-ffffffffffff"),
            ("{{braces}}", "{{sku}}"),
            ("\\{{sku}} {{sku}}", "{{sku}} chair"),
            ("é{{sku}}é", "échairé"),
        ] {
            assert_eq!(fill(text).as_deref(), Ok(filled), "{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_told_and_nothing_is_ever_run() {
        for name in ["nobody", "", "process.env", "$(id)", "sku|upper", "7*7"] {
            assert_eq!(fill(&format!("a {{{{{name}}}}}")), Err(VariableError::Unknown(name.to_owned())));
        }
        assert_eq!(fill("{{sku"), Err(VariableError::Unclosed));
    }

    #[test]
    fn twice_the_text_takes_twice_the_time() {
        for part in ["{{sku}}", "{{", "}}", "\\{{", "{", "a"] {
            assert_linear(part, 1 << 18, |len| part.repeat(len / part.len()), |text| fill(text).map(|text| text.len()).unwrap_or_default());
        }
    }
}
