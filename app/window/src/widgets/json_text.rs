//! JSON as it is typed, with variables in double braces wherever they stand. Pure, and linear in the text.

use std::borrow::Cow;

/// The length of the variable that a text begins with, `{{name}}`, bytes; `None` = it begins with none.
fn variable(text: &str) -> Option<usize> {
    let name = text.strip_prefix("{{")?;
    let end = name.find(['}', '{', '"', '\n'])?;
    (end > 0 && name[end..].starts_with("}}")).then_some(end + 4)
}

/// The text with a number in the place of each variable, as long as that.
fn stood_in(text: &str) -> Cow<'_, str> {
    if !text.contains("{{") {
        return Cow::Borrowed(text);
    }
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(len) = variable(rest) {
            filled.extend(rest[..len].chars().map(|_| '1'));
            rest = &rest[len..];
        } else {
            filled.push('{');
            rest = &rest[1..];
        }
    }
    filled.push_str(rest);
    Cow::Owned(filled)
}

/// What is wrong with it, and where; `None` = it is JSON, or nothing yet.
pub(crate) fn mistake(text: &str) -> Option<String> {
    mistake_as_it_stands(&stood_in(text))
}

/// The same of a text in which nothing stands for anything else.
pub(crate) fn mistake_as_it_stands(text: &str) -> Option<String> {
    if text.trim().is_empty() {
        return None;
    }
    let error = serde_json::from_str::<serde::de::IgnoredAny>(text).err()?;
    let told = error.to_string();
    let what = told.split(" at line ").next().unwrap_or_default();
    // An end of a line is told as the beginning of the next one.
    let place = match (error.line(), error.column()) {
        (line, 0) => format!("the end of line {}", line.saturating_sub(1).max(1)),
        (line, column) => format!("line {line}, column {column}"),
    };
    Some(format!("No JSON at {place}: {what}"))
}

/// The same JSON, a member a line; no value is changed, and a variable stays as it is.
pub(crate) fn format(text: &str) -> Result<String, String> {
    if let Some(mistake) = mistake(text) {
        return Err(mistake);
    }
    let mut made = String::with_capacity(text.len() * 2);
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    let mut rest = text;
    let new_line = |made: &mut String, depth: usize| {
        made.push('\n');
        made.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(c) = rest.chars().next() {
        if let Some(len) = variable(rest).filter(|_| !is_escaped) {
            made.push_str(&rest[..len]);
            rest = &rest[len..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        if in_string {
            made.push(c);
            (is_escaped, in_string) = (!is_escaped && c == '\\', is_escaped || c != '"');
            continue;
        }
        match c {
            '{' | '[' => {
                made.push(c);
                rest = rest.trim_start();
                if let Some(after) = rest.strip_prefix(['}', ']']) {
                    made.push_str(&rest[..1]);
                    rest = after;
                } else {
                    depth += 1;
                    new_line(&mut made, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut made, depth);
                made.push(c);
            }
            ',' => {
                made.push(c);
                new_line(&mut made, depth);
            }
            ':' => made.push_str(": "),
            c if c.is_whitespace() => {}
            c => {
                in_string = c == '"';
                made.push(c);
            }
        }
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_measure::growth::assert_linear;

    #[test]
    fn json_is_put_a_member_a_line_and_no_value_is_changed() {
        for (text, formatted) in [
            (r#"{"a":1.50,"b":[ ],"c":{"d":"x, {y}: \"z\""}}"#, "{\n  \"a\": 1.50,\n  \"b\": [],\n  \"c\": {\n    \"d\": \"x, {y}: \\\"z\\\"\"\n  }\n}"),
            (r#"{"id":{{uuid}},"sku":"{{sku}}"}"#, "{\n  \"id\": {{uuid}},\n  \"sku\": \"{{sku}}\"\n}"),
            ("[1,\n2]", "[\n  1,\n  2\n]"),
            (r#"{"a":{"b":{}}}"#, "{\n  \"a\": {\n    \"b\": {}\n  }\n}"),
            (" {{all}} ", "{{all}}"),
            ("", ""),
        ] {
            assert_eq!(format(text).as_deref(), Ok(formatted), "{text}");
            assert_eq!(format(formatted).as_deref(), Ok(formatted), "once more changes nothing");
        }
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        assert_eq!(mistake("{\n  \"a\": {{x}},\n  \"b\": trux\n}").as_deref(), Some("No JSON at line 3, column 11: expected ident"));
        assert_eq!(mistake("[\n  tru\n]").as_deref(), Some("No JSON at the end of line 2: expected ident"));
        assert_eq!(mistake(r#"{"a": 1,}"#).as_deref(), Some("No JSON at line 1, column 9: key must be a string"));
        assert!(mistake("{{").is_some() && mistake(r#"{"a": {{}}}"#).is_some() && format("[").is_err());
        assert!(mistake_as_it_stands(r#"{"a": {{x}}}"#).is_some_and(|told| told.starts_with("No JSON at line 1, column 8: ")));
        assert_eq!(mistake_as_it_stands("{\"a\": 1}"), None);
        assert_eq!([mistake(""), mistake("{{x}}"), mistake("\"é {{x}}\"")], [None, None, None]);
    }

    #[test]
    fn twice_the_text_takes_twice_the_time() {
        for part in ["[", "{{", "}}", "{{a}},", "\"", "\\", "[ ", "1,", " ", "é"] {
            assert_linear(part, 1 << 16, |len| part.repeat(len / part.len()), |text| (mistake(text).is_some(), format(text).map(|text| text.len())));
        }
        let nested = |len: usize| format!("[{}]", vec!["{\"a\": \"b\"}"; len / 12 + 1].join(", "));
        assert_linear("objects", 1 << 16, nested, |text| format(text).map(|text| text.len()));
    }
}
