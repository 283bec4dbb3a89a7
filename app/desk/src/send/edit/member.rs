//! A field of a message that somebody writes as JSON: put in where it belongs, in place of those that it excludes. Every other byte stays.

use super::json::{Found, Why, found, push, remove, rename, set};
use super::path::{JsonPath, Step};

/// A field, as it stands in an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Another one that it may stand there under.
    pub other_name: String,
    /// What it holds.
    pub holds: Holds,
    /// Names of members of which none is set where it is.
    pub excludes: Vec<String>,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holds {
    /// One value.
    One,
    /// A list of them.
    List,
    /// A map, with a key to begin with.
    Map(String),
}

/// The text with a field set to this JSON, which becomes a further element of a list, and the entry with the key to begin with of a map. The way leads
/// to the object that has the field, through the last element of lists and maps; what is not there is begun. The reason where the text cannot be changed so.
pub fn put_member(text: &str, way: &[Member], member: &Member, json: &str) -> Result<String, String> {
    try_put(text, way, member, json).map_err(|why| match why {
        Why::NoJson(reason) => format!("the message is no JSON ({reason})"),
        Why::Absent => "what should hold it is no object".to_owned(),
        Why::Wrong(reason) => reason,
    })
}

fn try_put(text: &str, way: &[Member], member: &Member, json: &str) -> Result<String, Why> {
    let mut text = if text.trim().is_empty() { "{}".to_owned() } else { text.to_owned() };
    let mut at = JsonPath::default();
    for above in way {
        text = alone(text, &at, above)?;
        at.0.push(named(&text, &at, above)?);
        match (&above.holds, found_or_null(&text, &at)?) {
            (Holds::One, Found::Object(_)) => {}
            (Holds::One, Found::Null) => text = set(&text, &at, "{}")?,
            (Holds::List, Found::Array(len)) => {
                if len == 0 {
                    text = push(&text, &at, "{}")?;
                }
                at.0.push(Step::Index(len.saturating_sub(1)));
            }
            (Holds::List, Found::Null) => {
                text = set(&text, &at, "[{}]")?;
                at.0.push(Step::Index(0));
            }
            (Holds::Map(_), Found::Object(Some(last))) => at.0.push(Step::Name(last)),
            (Holds::Map(key), Found::Object(None) | Found::Null) => {
                text = set(&text, &at, &entry(key, "{}"))?;
                at.0.push(Step::Name(key.clone()));
            }
            (holds, _) => return Err(wrong(above, holds)),
        }
    }
    // Further lines of what is put in stand as deep as it does.
    let deep = |levels: usize| json.replace('\n', &format!("\n{}", "  ".repeat(levels)));
    let mut text = alone(text, &at, member)?;
    at.0.push(named(&text, &at, member)?);
    let levels = at.0.len();
    match &member.holds {
        Holds::One => text = set(&text, &at, &deep(levels))?,
        Holds::List => match found_or_null(&text, &at)? {
            Found::Array(_) => text = push(&text, &at, &deep(levels + 1))?,
            Found::Null => text = set(&text, &at, &format!("[{}]", deep(levels)))?,
            _ => return Err(wrong(member, &member.holds)),
        },
        Holds::Map(key) => match found_or_null(&text, &at)? {
            Found::Object(_) => {
                at.0.push(Step::Name(key.clone()));
                text = set(&text, &at, &deep(levels + 1))?;
            }
            Found::Null => text = set(&text, &at, &entry(key, &deep(levels)))?,
            _ => return Err(wrong(member, &member.holds)),
        },
    }
    Ok(text)
}

/// The text without what a field excludes; where the field is not there yet, it takes the place of the first one.
fn alone(mut text: String, at: &JsonPath, member: &Member) -> Result<String, Why> {
    for other in &member.excludes {
        let is_there = found(&text, &below(at, named(&text, at, member)?));
        let path = below(at, Step::Name(other.clone()));
        let changed = match (found(&text, &path), is_there) {
            (Err(Why::Absent), _) => continue,
            (Err(why), _) => return Err(why),
            (Ok(_), Ok(_)) => remove(&text, &path)?,
            (Ok(_), Err(_)) => set(&rename(&text, &path, &member.name)?, &below(at, Step::Name(member.name.clone())), "null")?,
        };
        text = changed;
    }
    Ok(text)
}

/// The name under which a field stands there, or will.
fn named(text: &str, at: &JsonPath, member: &Member) -> Result<Step, Why> {
    let other = Step::Name(member.other_name.clone());
    let name = Step::Name(member.name.clone());
    match (found(text, &below(at, name.clone())), found(text, &below(at, other.clone()))) {
        (Err(Why::NoJson(reason)), _) => Err(Why::NoJson(reason)),
        (Err(Why::Absent), Ok(_)) => Ok(other),
        _ => Ok(name),
    }
}

fn found_or_null(text: &str, at: &JsonPath) -> Result<Found, Why> {
    match found(text, at) {
        Err(Why::Absent) => Ok(Found::Null),
        found => found,
    }
}

fn below(at: &JsonPath, step: Step) -> JsonPath {
    JsonPath(at.0.iter().cloned().chain([step]).collect())
}

fn entry(key: &str, json: &str) -> String {
    format!("{{{}: {json}}}", serde_json::Value::from(key))
}

fn wrong(member: &Member, holds: &Holds) -> Why {
    let is_no = if *holds == Holds::List { "list" } else { "object" };
    Why::Wrong(format!("{} in the message is no {is_no}", member.name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn member(name: &str, holds: Holds, excludes: &[&str]) -> Member {
        Member { name: name.to_owned(), other_name: format!("{name}_"), holds, excludes: excludes.iter().map(|name| (*name).to_owned()).collect() }
    }

    fn one(name: &str) -> Member {
        member(name, Holds::One, &[])
    }

    fn read(text: &str) -> Value {
        serde_json::from_str(text).expect(text)
    }

    const ORDER: &str = "{ \"a\" : 1.50,\n  \"card\":{\"n\":\"{{x}}\"}, \"state_\": 1, \"z\":[ ] }";

    #[test]
    fn a_field_is_set_and_every_other_byte_stays() {
        let with = |field: &Member, json: &str| put_member(ORDER, &[], field, json).expect("it is put in");
        assert_eq!(with(&one("a"), "2"), ORDER.replace("1.50", "2"));
        assert_eq!(with(&one("state"), "\"PAID\""), ORDER.replace("\"state_\": 1", "\"state_\": \"PAID\""), "under the name that it has there");
        assert_eq!(with(&one("new"), "2"), ORDER.replace("[ ] }", "[ ], \"new\":2 }"));
        assert_eq!(with(&member("z", Holds::List, &[]), "2"), ORDER.replace("[ ]", "[2]"));
        assert_eq!(put_member("{\n  \"a\": 1\n}", &[], &one("b"), "{\n  \"c\": 2\n}").as_deref(), Ok("{\n  \"a\": 1,\n  \"b\": {\n    \"c\": 2\n  }\n}"));
    }

    #[test]
    fn of_those_that_exclude_each_other_the_one_put_in_takes_the_place() {
        let cash = member("cash", Holds::One, &["card", "card_", "bill"]);
        assert_eq!(put_member(ORDER, &[], &cash, "true").as_deref(), Ok(ORDER.replace("\"card\":{\"n\":\"{{x}}\"}", "\"cash\":true").as_str()));
        assert_eq!(put_member("{\"bill\":1,\"cash\":2, \"card_\":3}", &[], &cash, "true").as_deref(), Ok("{\"cash\":true}"));
        let number = put_member("{\"cash\":true, \"b\":1}", &[member("card", Holds::One, &["cash", "bill"])], &one("number"), "\"1\"");
        assert_eq!(number.as_deref(), Ok("{\"card\":{\"number\":\"1\"}, \"b\":1}"), "on the way as well");
    }

    #[test]
    fn what_is_on_the_way_is_begun_and_of_lists_and_maps_the_last_is_meant() {
        let way = [member("items", Holds::List, &[]), member("prices", Holds::Map("0".to_owned()), &[]), one("net")];
        let there = |text: &str| put_member(text, &way, &one("units"), "1").map(|text| read(&text));
        let begun = json!({ "items": [{ "prices": { "0": { "net": { "units": 1 } } } }] });
        for text in ["", "{}", "{\"items\":null}", "{\"items\":[]}", "{\"items\":[{\"prices\":{}}]}", "{\"items\":[{\"prices\":{\"0\":{\"net\":null}}}]}"] {
            assert_eq!(there(text), Ok(begun.clone()), "{text}");
        }
        assert_eq!(
            there("{\"items\":[{},{\"sku\":1,\"prices\":{\"3\":{},\"4\":{}}}]}"),
            Ok(json!({ "items": [{}, { "sku": 1, "prices": { "3": {}, "4": { "net": { "units": 1 } } } }] }))
        );
        let labels = member("labels", Holds::Map("k".to_owned()), &[]);
        let twice = put_member("{}", &[], &labels, "1").and_then(|text| put_member(&text, &[], &labels, "2"));
        assert_eq!(twice.map(|text| read(&text)), Ok(json!({ "labels": { "k": 2 } })));
    }

    #[test]
    fn what_cannot_be_changed_says_why() {
        let refused = |text: &str| put_member(text, &[member("items", Holds::List, &[])], &one("a"), "1").expect_err(text);
        assert!(refused("{ \"a\": {{x}} }").contains("no JSON") && refused("{").contains("no JSON"));
        assert!(refused("{\"items\":3}").contains("items in the message is no list"));
        assert!(refused("{\"items\":[3]}").contains("no object") && refused("{\"items\":[],\"items\":[]}").contains("more than once"));
        assert!(put_member("[]", &[], &one("a"), "1").is_err() && put_member("{\"m\":[]}", &[], &member("m", Holds::Map(String::new()), &[]), "1").is_err());
    }

    proptest! {
        /// Whatever stands beside it stays in its order, byte for byte, and one of the group is left.
        #[test]
        fn the_rest_stays_byte_for_byte(
            others in proptest::collection::btree_map("[m-p]{1,2}", prop_oneof![Just("1.50"), Just("[ 1,\n2 ]"), Just("{ \"cash\" :null}"), Just("\"\\u0041\"")], 0..5),
            group in proptest::sample::subsequence(vec!["bill", "card", "cash"], 0..=3),
            space in "[ \n]{0,3}",
        ) {
            let part = |name: &str, value: &str| format!("\"{name}\"{space}:{space}{value}");
            let rest: Vec<String> = others.iter().map(|(name, value)| part(name, value)).collect();
            let grouped: Vec<String> = group.iter().map(|name| part(name, "0")).collect();
            let all: Vec<String> = rest.iter().chain(&grouped).cloned().collect();
            let text = format!("{{{space}{}{space}}}", all.join(&format!("{space},")));
            let changed = put_member(&text, &[], &member("cash", Holds::One, &["bill", "card"]), "true").expect("it is put in");
            let value = read(&changed);
            prop_assert_eq!(value.get("cash"), Some(&Value::from(true)));
            prop_assert!(value.get("card").is_none() && value.get("bill").is_none(), "{}", changed);
            prop_assert_eq!(value.as_object().map(serde_json::Map::len), Some(others.len() + 1));
            if !rest.is_empty() {
                let kept = format!("{{{space}{}", rest.join(&format!("{space},")));
                prop_assert!(changed.starts_with(&kept), "{} begins no longer with {}", changed, kept);
            }
        }
    }
}
