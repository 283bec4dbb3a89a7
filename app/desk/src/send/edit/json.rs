//! Changes within a JSON text: one part of it becomes another, and every other byte stays, spaces, order and the way numbers are written
//! among them.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::path::{JsonPath, Step};

/// Why a change cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The text is no JSON.
    NoJson(String),
    /// What is named is not there, so there is nothing to change.
    Absent,
    /// It cannot be changed so.
    Wrong(String),
}

/// A part of an object or an array.
struct Part<'a> {
    /// Its name; of an element of an array there is none.
    name: Option<Cow<'a, str>>,
    /// Where its value stands.
    value: Range<usize>,
}

/// What stands in an object or an array.
struct Inside<'a> {
    parts: Vec<Part<'a>>,
    is_object: bool,
    /// From its bracket to behind its other one.
    all: Range<usize>,
}

/// Sets what stands at a path; a member that is not there is added as the last one of its object.
pub(super) fn set(text: &str, path: &JsonPath, json: &str) -> Result<String, Why> {
    let Some((last, above)) = path.0.split_last() else { return Ok(replaced(text, value_of(text)?, json)) };
    let parent = walk(text, above)?;
    let inside = inside(text, &parent)?;
    match (find(&inside, last), last) {
        (Ok(at), _) => Ok(replaced(text, inside.parts[at].value.clone(), json)),
        (Err(Why::Absent), Step::Name(name)) if inside.is_object => Ok(added(text, &inside, name, json)),
        (Err(Why::Absent), Step::Index(index)) => Err(Why::Wrong(format!("there are {} elements, and no [{index}]", inside.parts.len()))),
        (Err(Why::Absent), Step::Name(name)) => Err(Why::Wrong(format!("what should have {name} is no object"))),
        (Err(why), _) => Err(why),
    }
}

/// What stands at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// An object, and the name of its last member.
    Object(Option<String>),
    /// An array, and how many elements it has.
    Array(usize),
    /// `null`.
    Null,
    /// A text, a number, a word.
    Other,
}

/// What stands at a path.
pub(super) fn found(text: &str, path: &JsonPath) -> Result<Found, Why> {
    let at = walk(text, &path.0)?;
    Ok(match &text[at.clone()] {
        "null" => Found::Null,
        value if value.starts_with(['{', '[']) => {
            let inside = inside(text, &at)?;
            let last = inside.parts.last().and_then(|part| part.name.as_deref()).map(str::to_owned);
            if inside.is_object { Found::Object(last) } else { Found::Array(inside.parts.len()) }
        }
        _ => Found::Other,
    })
}

/// Adds an element to the array at a path, as its last one, written as those before it are.
pub(super) fn push(text: &str, path: &JsonPath, json: &str) -> Result<String, Why> {
    let inside = inside(text, &walk(text, &path.0)?)?;
    if inside.is_object {
        return Err(Why::Wrong("an object has no elements".to_owned()));
    }
    let Some(last) = inside.parts.last() else { return Ok(replaced(text, inside.all.start + 1..inside.all.end - 1, json)) };
    let before = match inside.parts.len().checked_sub(2) {
        Some(before) => text[inside.parts[before].value.end..last.value.start].to_owned(),
        None => format!(",{}", &text[inside.all.start + 1..last.value.start]),
    };
    let end = last.value.end;
    Ok(replaced(text, end..end, &format!("{before}{json}")))
}

/// Takes away what stands at a path.
pub(super) fn remove(text: &str, path: &JsonPath) -> Result<String, Why> {
    let Some((last, above)) = path.0.split_last() else { return Err(Why::Wrong("the whole value cannot be removed: send null as a value instead".to_owned())) };
    let parent = walk(text, above)?;
    let inside = inside(text, &parent)?;
    let at = find(&inside, last)?;
    let range = match (at, inside.parts.get(at + 1)) {
        // Up to where the next one begins: the room before it is that of the first one.
        (0, Some(_)) => begin_of(text, &inside, 0)..begin_of(text, &inside, 1),
        (0, None) => inside.all.start + 1..inside.all.end - 1,
        _ => inside.parts[at - 1].value.end..inside.parts[at].value.end,
    };
    Ok(replaced(text, range, ""))
}

/// Gives a member another name.
pub(super) fn rename(text: &str, path: &JsonPath, to: &str) -> Result<String, Why> {
    let Some((last, above)) = path.0.split_last() else { return Err(Why::Wrong("the whole value has no name".to_owned())) };
    let parent = walk(text, above)?;
    let inside = inside(text, &parent)?;
    let at = find(&inside, last)?;
    if !inside.is_object {
        return Err(Why::Wrong("an element of an array has no name".to_owned()));
    }
    if inside.parts[at].name.as_deref() == Some(to) {
        return Err(Why::Absent);
    }
    if inside.parts.iter().any(|part| part.name.as_deref() == Some(to)) {
        return Err(Why::Wrong(format!("there is a member {to} already")));
    }
    Ok(replaced(text, key_of(text, &inside, at), &quoted(to)))
}

fn quoted(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}

fn replaced(text: &str, range: Range<usize>, with: &str) -> String {
    [&text[..range.start], with, &text[range.end..]].concat()
}

/// Where the text's value stands, without what is around it.
fn value_of(text: &str) -> Result<Range<usize>, Why> {
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| Why::NoJson(error.to_string()))?;
    Ok(range_of(raw.get(), text))
}

/// Where a part of a text stands in it.
fn range_of(part: &str, text: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.len()
}

fn walk(text: &str, steps: &[Step]) -> Result<Range<usize>, Why> {
    let mut at = value_of(text)?;
    for step in steps {
        let inside = inside(text, &at)?;
        let found = find(&inside, step)?;
        at = inside.parts[found].value.clone();
    }
    Ok(at)
}

fn find(inside: &Inside<'_>, step: &Step) -> Result<usize, Why> {
    match step {
        Step::Index(index) if !inside.is_object && *index < inside.parts.len() => Ok(*index),
        Step::Index(_) => Err(Why::Absent),
        Step::Name(name) => {
            let mut named = inside.parts.iter().enumerate().filter(|(_, part)| part.name.as_deref() == Some(name));
            match (named.next(), named.next()) {
                (Some((at, _)), None) => Ok(at),
                (Some(_), Some(_)) => Err(Why::Wrong(format!("{name} stands there more than once"))),
                (None, _) => Err(Why::Absent),
            }
        }
    }
}

/// What stands in the value at this place; in a number, a text or a word stands nothing.
fn inside<'a>(text: &'a str, value: &Range<usize>) -> Result<Inside<'a>, Why> {
    struct Parts<'t>(&'t str);
    impl<'de> Visitor<'de> for Parts<'de> {
        type Value = (Vec<Part<'de>>, bool);

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object or an array")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut parts = Vec::new();
            while let Some((name, value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                parts.push(Part { name: Some(name.0), value: range_of(value.get(), self.0) });
            }
            Ok((parts, true))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut parts = Vec::new();
            while let Some(value) = seq.next_element::<&'de RawValue>()? {
                parts.push(Part { name: None, value: range_of(value.get(), self.0) });
            }
            Ok((parts, false))
        }
    }
    if !text[value.clone()].starts_with(['{', '[']) {
        return Err(Why::Absent);
    }
    let mut deserializer = serde_json::Deserializer::from_str(&text[value.clone()]);
    let (parts, is_object) = deserializer.deserialize_any(Parts(text)).map_err(|error| Why::NoJson(error.to_string()))?;
    Ok(Inside { parts, is_object, all: value.clone() })
}

/// A member's name, which is borrowed where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Name<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E: serde::de::Error>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// Where the member's name stands, with its quotes: between it and the value before stands nothing but a comma.
fn key_of(text: &str, inside: &Inside<'_>, at: usize) -> Range<usize> {
    let from = if at == 0 { inside.all.start + 1 } else { inside.parts[at - 1].value.end };
    let between = &text[from..inside.parts[at].value.start];
    let (start, end) = (between.find('"').unwrap_or(0), between.rfind('"').unwrap_or(0));
    from + start..from + end + 1
}

/// Where a part begins: with its name, where it has one.
fn begin_of(text: &str, inside: &Inside<'_>, at: usize) -> usize {
    if inside.is_object { key_of(text, inside, at).start } else { inside.parts[at].value.start }
}

/// An object with one member more, written as those before it are.
fn added(text: &str, inside: &Inside<'_>, name: &str, json: &str) -> String {
    let name = quoted(name);
    let Some(last) = inside.parts.len().checked_sub(1) else {
        return replaced(text, inside.all.start + 1..inside.all.end - 1, &format!("{name}:{json}"));
    };
    let key = key_of(text, inside, last);
    let colon = &text[key.end..inside.parts[last].value.start];
    let before = match last.checked_sub(1) {
        Some(before) => text[inside.parts[before].value.end..key.start].to_owned(),
        None => format!(",{}", &text[inside.all.start + 1..key.start]),
    };
    let end = inside.parts[last].value.end;
    replaced(text, end..end, &format!("{before}{name}{colon}{json}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn path(text: &str) -> JsonPath {
        text.parse().expect("a path")
    }

    const ORDER: &str =
        "{\n  \"order\" : 4704,\n  \"total\": 1.10, \"weight\":1E400,\n  \"parcels\": 0,\n  \"to\": {\"zip\":\"0815\",\"lines\":[\"a\", \"b\"]} }\n";

    #[test]
    fn one_part_becomes_another_and_every_other_byte_stays() {
        let changed = |path_text: &str, json: &str| set(ORDER, &path(path_text), json).expect(path_text);
        assert_eq!(changed("parcels", "1"), ORDER.replace("\"parcels\": 0", "\"parcels\": 1"));
        assert_eq!(changed("$.to.lines[1]", "{\"x\":null}"), ORDER.replace("\"b\"", "{\"x\":null}"));
        assert_eq!(changed("to.zip", "\"1\""), ORDER.replace("\"0815\"", "\"1\""));
        assert_eq!(changed("$", "7"), "7\n");
        assert_eq!(changed("to.country", "\"DE\""), ORDER.replace("\"b\"]", "\"b\"],\"country\":\"DE\""));
        assert_eq!(changed("note", "null"), ORDER.replace("]} }", "]},\n  \"note\": null }"));
        assert_eq!(set("{ }", &path("a"), "1"), Ok("{\"a\":1}".to_owned()));
        assert_eq!(set("{\n \"b\": 2\n}", &path("a"), "1"), Ok("{\n \"b\": 2,\n \"a\": 1\n}".to_owned()));
    }

    #[test]
    fn an_element_is_added_behind_the_others() {
        let more = |text: &str, path_text: &str| push(text, &path(path_text), "7");
        assert_eq!(more("[ ]", "$").as_deref(), Ok("[7]"));
        assert_eq!(more("{\"a\":[\n  1\n] }", "a").as_deref(), Ok("{\"a\":[\n  1,\n  7\n] }"));
        assert_eq!(more("[1 , 2 ]", "$").as_deref(), Ok("[1 , 2 , 7 ]"));
        assert!(matches!(more("{}", "$"), Err(Why::Wrong(_))));
        assert_eq!(more("3", "$"), Err(Why::Absent));
    }

    #[test]
    fn what_is_removed_takes_one_comma_with_it() {
        let less = |text: &str, path_text: &str| remove(text, &path(path_text)).expect(path_text);
        assert_eq!(less("{\"a\":1, \"b\":2 , \"c\":3}", "a"), "{\"b\":2 , \"c\":3}");
        assert_eq!(less("{\"a\":1, \"b\":2 , \"c\":3}", "b"), "{\"a\":1 , \"c\":3}");
        assert_eq!(less("{\"a\":1, \"b\":2 , \"c\":3}", "c"), "{\"a\":1, \"b\":2}");
        assert_eq!(less("{ \"a\":1 }", "a"), "{}");
        assert_eq!(less("[1, 2,3]", "[0]"), "[2,3]");
        assert_eq!(less("[[1], 2]", "[1]"), "[[1]]");
        assert_eq!(less("{\"a\":{\"b\":[1]}}", "a.b[0]"), "{\"a\":{\"b\":[]}}");
    }

    #[test]
    fn a_member_is_renamed_in_its_place() {
        assert_eq!(rename("{\"a\" : 1, \"b\":2}", &path("a"), "x\"y"), Ok("{\"x\\\"y\" : 1, \"b\":2}".to_owned()));
        assert_eq!(rename("{\"a\\u0062\":1}", &path("ab"), "c"), Ok("{\"c\":1}".to_owned()), "a name with an escape is found");
        assert!(matches!(rename("{\"a\":1,\"b\":2}", &path("a"), "b"), Err(Why::Wrong(_))));
        assert!(matches!(rename("[1]", &path("[0]"), "b"), Err(Why::Wrong(_))));
    }

    #[test]
    fn what_cannot_be_changed_says_why() {
        assert!(matches!(set("{\"a\":", &path("a"), "1"), Err(Why::NoJson(_))));
        assert!(matches!(set("", &path("a"), "1"), Err(Why::NoJson(_))));
        assert!(matches!(set("{} {}", &path("a"), "1"), Err(Why::NoJson(_))));
        assert_eq!(remove("{\"a\":1}", &path("b")), Err(Why::Absent));
        assert_eq!(remove("7", &path("b")), Err(Why::Absent));
        assert_eq!(set("7", &path("b.c"), "1"), Err(Why::Absent));
        assert!(matches!(set("{\"a\":1,\"a\":2}", &path("a"), "1"), Err(Why::Wrong(_))), "it is not guessed which of two is meant");
        assert!(matches!(set("[1]", &path("[1]"), "1"), Err(Why::Wrong(_))));
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(set(&deep, &path("[0]"), "1").as_deref(), Ok("[1]"), "what is passed over may be as deep as it likes");
    }

    #[test]
    fn twice_the_text_takes_twice_the_time() {
        let text = |num: usize| {
            let members: Vec<String> = (0..num).map(|at| format!("\"k{at}\": [{at}, \"x\"], ")).collect();
            format!("{{{}\"z\":0}}", members.concat())
        };
        switchboard_measure::growth::assert_linear("members", 1 << 12, text, |text| set(text, &path("z"), "1").map(|changed| changed.len()));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf =
            prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), any::<i64>().prop_map(Value::from), any::<String>().prop_map(Value::from)];
        leaf.prop_recursive(4, 24, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::btree_map("[a-c\\\\\" é]{0,2}", inner, 0..5).prop_map(Value::from_iter),
            ]
        })
    }

    /// Some path into a value, by what is chosen at each step.
    fn some_path(value: &Value, choices: &[usize]) -> JsonPath {
        let (mut at, mut steps) = (value, Vec::new());
        for choice in choices {
            match at {
                Value::Object(members) if !members.is_empty() => {
                    let (name, next) = members.iter().nth(choice % members.len()).expect("a member");
                    steps.push(Step::Name(name.clone()));
                    at = next;
                }
                Value::Array(elements) if !elements.is_empty() => {
                    steps.push(Step::Index(choice % elements.len()));
                    at = &elements[choice % elements.len()];
                }
                _ => break,
            }
        }
        JsonPath(steps)
    }

    fn at_mut<'v>(value: &'v mut Value, steps: &[Step]) -> &'v mut Value {
        steps.iter().fold(value, |at, step| match step {
            Step::Name(name) => &mut at[name.as_str()],
            Step::Index(index) => &mut at[*index],
        })
    }

    proptest! {
        /// The same as in the values themselves, whichever way the text is written.
        #[test]
        fn a_change_of_the_text_is_the_change_of_the_value(value in any_json(), choices in proptest::collection::vec(any::<usize>(), 1..5), is_pretty: bool) {
            let text = if is_pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.expect("JSON");
            let path = some_path(&value, &choices);
            let read = |text: String| serde_json::from_str::<Value>(&text).expect(&text);
            let mut expected = value.clone();
            *at_mut(&mut expected, &path.0) = json!({"new": [1]});
            prop_assert_eq!(read(set(&text, &path, "{\"new\": [1]}").expect("set")), expected);
            if let Some((last, above)) = path.0.split_last() {
                let mut expected = value.clone();
                match (at_mut(&mut expected, above), last) {
                    (Value::Object(members), Step::Name(name)) => drop(members.remove(name)),
                    (Value::Array(elements), Step::Index(index)) => drop(elements.remove(*index)),
                    _ => unreachable!("a path leads into what is there"),
                }
                prop_assert_eq!(read(remove(&text, &path).expect("removed")), expected);
            }
            if let Some((Step::Name(name), above)) = path.0.split_last() {
                let mut expected = value.clone();
                let members = at_mut(&mut expected, above).as_object_mut().expect("an object");
                let moved = members.remove(name).expect("it is there");
                members.insert("renamed".to_owned(), moved);
                prop_assert_eq!(read(rename(&text, &path, "renamed").expect("renamed")), expected);
            }
        }
    }
}
