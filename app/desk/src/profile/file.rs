//! A profile as its file has it: which keys there are, and where and how a text is no profile.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use switchboard_model::SourceKind;

use super::Profile;
use crate::sources::{Family, SourceProfile};

/// A key of the file.
#[derive(Clone, Copy)]
enum Key {
    Name,
    Environment,
    SecretNames,
    Ledger,
    Write,
    Requests,
    Secrets,
    Sources(SourceKind),
    Links,
}

/// All keys, in the order of the file.
fn keys() -> impl Iterator<Item = (&'static str, Key)> {
    let first = [
        ("name", Key::Name),
        ("environment", Key::Environment),
        ("secret_names", Key::SecretNames),
        ("ledger", Key::Ledger),
        ("write", Key::Write),
        ("requests", Key::Requests),
    ];
    let families = Family::ALL.into_iter().map(|family| (family.table, Key::Sources(family.kind)));
    first.into_iter().chain([("secrets", Key::Secrets)]).chain(families).chain([("links", Key::Links)])
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = String::deserialize(deserializer)?;
        keys().find(|(name, _)| *name == written).map(|(_, key)| key).ok_or_else(|| {
            let names: Vec<String> = keys().map(|(name, _)| format!("`{name}`")).collect();
            D::Error::custom(format!("unknown field `{written}`, expected one of {}", names.join(", ")))
        })
    }
}

/// Reads a profile key by key: a mistake keeps its place in the text, and what a profile has of a family is the family's to read.
struct ProfileVisitor;

impl<'de> Visitor<'de> for ProfileVisitor {
    type Value = Profile;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a profile")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut file: A) -> Result<Profile, A::Error> {
        let mut profile = Profile::default();
        let mut name = None;
        while let Some(key) = file.next_key()? {
            match key {
                Key::Name => name = Some(file.next_value()?),
                Key::Environment => profile.environment = file.next_value()?,
                Key::SecretNames => profile.secret_names = file.next_value()?,
                Key::Ledger => profile.ledger = file.next_value()?,
                Key::Write => profile.write = file.next_value()?,
                Key::Requests => profile.requests = file.next_value()?,
                Key::Secrets => profile.secrets = file.next_value()?,
                Key::Sources(kind) => {
                    let sources = SourceProfile::read(kind, &mut file)?;
                    profile.sources.retain(|source| source.kind() != kind);
                    profile.sources.extend(sources);
                }
                Key::Links => profile.links = file.next_value()?,
            }
        }
        profile.name = name.ok_or_else(|| A::Error::missing_field("name"))?;
        profile.sources.sort_by_key(SourceProfile::kind);
        Ok(profile)
    }
}

impl<'de> Deserialize<'de> for Profile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ProfileVisitor)
    }
}

impl Serialize for Profile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut file = serializer.serialize_map(None)?;
        for (name, key) in keys() {
            match key {
                Key::Name => file.serialize_entry(name, &self.name)?,
                Key::Environment => file.serialize_entry(name, &self.environment)?,
                Key::SecretNames => file.serialize_entry(name, &self.secret_names)?,
                Key::Ledger => file.serialize_entry(name, &self.ledger)?,
                Key::Write => file.serialize_entry(name, &self.write)?,
                Key::Requests => file.serialize_entry(name, &self.requests)?,
                Key::Secrets => file.serialize_entry(name, &self.secrets)?,
                Key::Sources(kind) => {
                    let sources: Vec<&SourceProfile> = self.sources.iter().filter(|source| source.kind() == kind).collect();
                    match (Family::of(kind).only, sources.first()) {
                        (Some(_), Some(only)) => file.serialize_entry(name, only)?,
                        (Some(_), None) => {}
                        (None, _) => file.serialize_entry(name, &sources)?,
                    }
                }
                Key::Links => file.serialize_entry(name, &self.links)?,
            }
        }
        file.end()
    }
}

/// Where a profile is wrong, and how. No value of the file is repeated: it may be a secret that does not belong there.
pub(super) fn mistake(text: &str, error: &toml::de::Error) -> String {
    let message = without_values(error.message());
    let Some(span) = error.span() else { return message };
    let line = text.get(..span.start).map_or(0, |before| before.matches('\n').count());
    let key = text.lines().nth(line).and_then(|line| line.split_once('=')).map(|(key, _)| key.trim()).filter(|key| is_key(key));
    let key = key.map(|key| format!(", {key}")).unwrap_or_default();
    format!("line {}{key}: {message}", line + 1)
}

fn is_key(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// What serde says of a mistake, without the value that it was made with.
fn without_values(message: &str) -> String {
    let mut told = message.lines().next().unwrap_or_default().to_owned();
    for (before, after) in [("string \"", "\", expected"), ("unknown variant `", "`, expected"), ("character `", "`, expected")] {
        if let Some(start) = told.find(before) {
            let value = start + before.len();
            let end = told[value..].rfind(after).map_or(told.len(), |end| value + end + 1);
            told.replace_range(value - 2..end, "");
        }
    }
    told
}
