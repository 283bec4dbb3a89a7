//! A path into JSON, as it is typed: `parcels`, `$.customer.address[0].zip`, `["a.b"]`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Steps of a path at most: deeper JSON is not read.
const STEPS_MAX: usize = 64;

/// A way from the whole of a JSON value to a part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JsonPath(pub(super) Vec<Step>);

/// A step of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// To a member of an object.
    Name(String),
    /// To an element of an array, from 0.
    Index(usize),
}

/// Why a text is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at character {at} of the path. Write it as customer.address[0].zip, and a name with dots as [\"a.b\"]")]
pub struct PathError {
    /// What is wrong.
    what: &'static str,
    /// Where, counted from 1.
    at: usize,
}

impl FromStr for JsonPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let error = |what: &'static str, at: usize| PathError { what, at: text.get(..at).map_or(0, |before| before.chars().count()) + 1 };
        let text_len = text.trim_end().len();
        let mut at = text.len() - text.trim_start().len();
        let whole = &text[..text_len.max(at)];
        if whole[at..].starts_with('$') {
            at += 1;
        }
        let (mut steps, mut may_name) = (Vec::new(), true);
        while at < whole.len() {
            let rest = &whole[at..];
            if let Some(inner) = rest.strip_prefix('[') {
                let (step, len) = bracket(inner).map_err(|what| error(what, at))?;
                steps.push(step);
                at += 1 + len;
            } else {
                let dotted = rest.strip_prefix('.');
                let name = match dotted {
                    Some(name) => name,
                    None if may_name && steps.is_empty() => rest,
                    None => return Err(error("a dot or a bracket is missing", at)),
                };
                let len = name.find(['.', '[']).unwrap_or(name.len());
                if len == 0 {
                    return Err(error("a name is missing", at));
                }
                steps.push(Step::Name(name[..len].to_owned()));
                at += len + usize::from(dotted.is_some());
            }
            may_name = false;
            if steps.len() > STEPS_MAX {
                return Err(error("it is too deep", at));
            }
        }
        Ok(Self(steps))
    }
}

/// A step from behind `[`, and how long it is with its `]`.
fn bracket(inner: &str) -> Result<(Step, usize), &'static str> {
    if inner.starts_with('"') {
        let mut names = serde_json::Deserializer::from_str(inner).into_iter::<String>();
        let name = names.next().and_then(Result::ok).ok_or("a name in quotes has no end")?;
        let end = names.byte_offset();
        return if inner[end..].starts_with(']') { Ok((Step::Name(name), end + 1)) } else { Err("a bracket is not closed") };
    }
    let end = inner.find(']').ok_or("a bracket is not closed")?;
    let index = inner[..end].parse().map_err(|_| "in a bracket stands neither a number nor a name in quotes")?;
    Ok((Step::Index(index), end + 1))
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("$");
        }
        for (place, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Name(name) if is_plain(name, place == 0) => write!(f, "{}{name}", if place == 0 { "" } else { "." })?,
                Step::Name(name) => write!(f, "[{}]", serde_json::Value::from(name.as_str()))?,
            }
        }
        Ok(())
    }
}

/// Whether a name needs no quotes where it stands.
fn is_plain(name: &str, is_first: bool) -> bool {
    let needs_quotes = name.is_empty() || name.contains(['.', '[']) || name.trim() != name || (is_first && name.starts_with('$'));
    !needs_quotes
}

impl From<JsonPath> for String {
    fn from(path: JsonPath) -> Self {
        path.to_string()
    }
}

impl TryFrom<String> for JsonPath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_is_written_as_people_write_it() {
        let name = |text: &str| Step::Name(text.to_owned());
        for (text, steps) in [
            ("parcels", vec![name("parcels")]),
            (" $.customer.address[0].zip ", vec![name("customer"), name("address"), Step::Index(0), name("zip")]),
            ("$", vec![]),
            ("", vec![]),
            ("[3]", vec![Step::Index(3)]),
            ("a[\"b.c\"].d", vec![name("a"), name("b.c"), name("d")]),
            ("[\"say \\\"hi\\\"]\"]", vec![name("say \"hi\"]")]),
            ("größe", vec![name("größe")]),
        ] {
            assert_eq!(text.parse::<JsonPath>().map(|path| path.0), Ok(steps), "{text}");
        }
        for (text, at) in [("a..b", 2), ("a.", 2), ("a[", 2), ("a[x]", 2), ("a[\"b\"", 2), ("a[1]b", 5), ("größe[x", 6)] {
            let error = text.parse::<JsonPath>().expect_err(text);
            assert_eq!(error.at, at, "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_path_is_read_as_it_was_written(steps in proptest::collection::vec(prop_oneof![
            any::<String>().prop_map(Step::Name),
            "[a-z.\\[\\]\"$ ]{0,6}".prop_map(Step::Name),
            any::<usize>().prop_map(Step::Index),
        ], 0..8)) {
            let path = JsonPath(steps);
            prop_assert_eq!(path.to_string().parse::<JsonPath>(), Ok(path.clone()), "{}", path);
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _read = text.parse::<JsonPath>();
        }
    }
}
