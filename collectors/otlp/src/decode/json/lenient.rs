//! Items that are not read as a whole, read part by part: what cannot be read costs that part, not the item. Items that are
//! sound never come here.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use switchboard_model::MAX_RUN_ROWS;

use super::fields::{Bounded, JsonAttrs, KeyValue};
use super::items::{Event, Link, LogRecord, Span, Status};
use super::text::Text;
use super::value::JsonValue;
use super::visit::{MAX_AROUND_BYTES, Resource, Scope};
use crate::decode::tally::{Lost, Part};

/// Fields of one object that are looked at.
const MAX_FIELDS: usize = 64;

/// The fields of an object, unread. Of several of a name the last counts, as in most readers.
struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Fields(Vec::new());
                while let Some(name) = map.next_key::<Text<'de>>()? {
                    if fields.0.len() < MAX_FIELDS {
                        fields.0.push((name.0, map.next_value()?));
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

/// The elements of a list, unread, at most so many as are kept of one.
struct Elements<'a>(Vec<&'a RawValue>, bool);

impl<'de: 'a, 'a> Deserialize<'de> for Elements<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ElementsVisitor;
        impl<'de> Visitor<'de> for ElementsVisitor {
            type Value = Elements<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Elements(Vec::new(), false))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut elements = Elements(Vec::new(), false);
                while elements.0.len() < MAX_RUN_ROWS {
                    // What is null is not there.
                    let Some(element) = seq.next_element::<Option<&'de RawValue>>()? else { return Ok(elements) };
                    elements.0.extend(element);
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    elements.1 = true;
                }
                Ok(elements)
            }
        }
        deserializer.deserialize_any(ElementsVisitor)
    }
}

/// Reads a field of an item's own: what cannot be read refuses the item, and is named.
fn own<'a, T: Deserialize<'a>>(name: &str, raw: &'a RawValue) -> Result<T, String> {
    serde_json::from_str(raw.get()).map_err(|error| format!("{name}: {error}"))
}

/// Reads attributes one by one.
fn attributes<'a>(raw: &'a RawValue, lost: &mut Lost) -> JsonAttrs<'a> {
    let mut attrs = JsonAttrs::default();
    if raw.get().starts_with('{') {
        let Ok(Fields(fields)) = serde_json::from_str(raw.get()) else { return attrs };
        for (name, value) in fields {
            match serde_json::from_str::<JsonValue<'a>>(value.get()) {
                Ok(value) => attrs.rows.push((Text(name), value)),
                Err(why) => lost.add(Part::Attribute, &name, &why),
            }
        }
        return attrs;
    }
    let elements = match serde_json::from_str::<Elements<'a>>(raw.get()) {
        Ok(elements) => elements,
        Err(why) => {
            lost.add(Part::Attribute, "", &why);
            return attrs;
        }
    };
    attrs.is_cut = elements.1;
    for element in elements.0 {
        match serde_json::from_str::<KeyValue<'a>>(element.get()) {
            Ok(row) => attrs.rows.push((row.key, row.value)),
            Err(why) => {
                let named = serde_json::from_str::<Fields<'a>>(element.get()).ok();
                let key = named.and_then(|Fields(fields)| fields.into_iter().rfind(|(name, _)| name == "key"));
                let key = key.and_then(|(_, key)| serde_json::from_str::<Text<'a>>(key.get()).ok()).unwrap_or_default();
                lost.add(Part::Attribute, &key.0, &why);
            }
        }
    }
    attrs
}

/// Reads the rows of a list one by one; of one that is not sound its attributes are read one by one.
fn rows<'a, T: Deserialize<'a>>(
    raw: &'a RawValue,
    (part, lost): (Part, &mut Lost),
    read: impl Fn(Vec<(Cow<'a, str>, &'a RawValue)>, &mut Lost) -> Result<T, String>,
) -> Bounded<T> {
    let elements = match serde_json::from_str::<Elements<'a>>(raw.get()) {
        Ok(elements) => elements,
        Err(why) => {
            lost.add(part, "", &why);
            return Bounded::default();
        }
    };
    let mut bounded = Bounded { rows: Vec::new(), is_cut: elements.1 };
    for element in elements.0 {
        let row = serde_json::from_str::<T>(element.get()).map_err(|error| error.to_string()).or_else(|_| {
            let Fields(fields) = serde_json::from_str(element.get()).map_err(|error| error.to_string())?;
            read(fields, lost)
        });
        match row {
            Ok(row) => bounded.rows.push(row),
            Err(why) => lost.add(part, "", &why),
        }
    }
    bounded
}

fn event<'a>(fields: Vec<(Cow<'a, str>, &'a RawValue)>, lost: &mut Lost) -> Result<Event<'a>, String> {
    let mut event = Event::default();
    for (name, raw) in fields {
        match &*name {
            "timeUnixNano" | "time_unix_nano" => event.time_unix_nano = own(&name, raw)?,
            "name" => event.name = own(&name, raw)?,
            "attributes" => event.attributes = attributes(raw, lost),
            _ => {}
        }
    }
    Ok(event)
}

fn link<'a>(fields: Vec<(Cow<'a, str>, &'a RawValue)>, lost: &mut Lost) -> Result<Link<'a>, String> {
    let mut link = Link::default();
    for (name, raw) in fields {
        match &*name {
            "traceId" | "trace_id" => link.trace_id = own(&name, raw)?,
            "spanId" | "span_id" => link.span_id = own(&name, raw)?,
            "attributes" => link.attributes = attributes(raw, lost),
            _ => {}
        }
    }
    Ok(link)
}

/// Reads a span. What cannot be read of it, in words, if it is not one of its parts.
pub(super) fn span<'a>(json: &'a str, lost: &mut Lost) -> Result<Span<'a>, String> {
    let Fields(fields) = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let mut span = Span::default();
    for (name, raw) in fields {
        match &*name {
            "traceId" | "trace_id" => span.trace_id = own(&name, raw)?,
            "spanId" | "span_id" => span.span_id = own(&name, raw)?,
            "parentSpanId" | "parent_span_id" => span.parent_span_id = own(&name, raw)?,
            "traceState" | "trace_state" => span.trace_state = own(&name, raw)?,
            "name" => span.name = own(&name, raw)?,
            "kind" => span.set_kind(raw.get()).map_err(|error| format!("{name}: {error}"))?,
            "startTimeUnixNano" | "start_time_unix_nano" => span.start_time_unix_nano = own(&name, raw)?,
            "endTimeUnixNano" | "end_time_unix_nano" => span.end_time_unix_nano = own(&name, raw)?,
            "attributes" => span.attributes = attributes(raw, lost),
            "events" => span.events = rows(raw, (Part::Event, &mut *lost), event),
            "links" => span.links = rows(raw, (Part::Link, &mut *lost), link),
            "status" => span.status = own::<Option<Status<'a>>>(&name, raw)?,
            "flags" => span.flags = own(&name, raw)?,
            _ => {}
        }
    }
    Ok(span)
}

/// Reads a log record.
pub(super) fn log<'a>(json: &'a str, lost: &mut Lost) -> Result<LogRecord<'a>, String> {
    let Fields(fields) = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let mut log = LogRecord::default();
    for (name, raw) in fields {
        match &*name {
            "timeUnixNano" | "time_unix_nano" => log.time_unix_nano = own(&name, raw)?,
            "observedTimeUnixNano" | "observed_time_unix_nano" => log.observed_time_unix_nano = own(&name, raw)?,
            "severityNumber" | "severity_number" => log.set_severity(raw.get()).map_err(|error| format!("{name}: {error}"))?,
            "severityText" | "severity_text" => log.severity_text = own(&name, raw)?,
            "body" => match serde_json::from_str(raw.get()) {
                Ok(body) => log.body = body,
                Err(why) => lost.add(Part::Body, "", &why),
            },
            "attributes" => log.attributes = attributes(raw, lost),
            "traceId" | "trace_id" => log.trace_id = own(&name, raw)?,
            "spanId" | "span_id" => log.span_id = own(&name, raw)?,
            "eventName" | "event_name" => log.event_name = own(&name, raw)?,
            _ => {}
        }
    }
    Ok(log)
}

/// Reads a resource, whatever of it can be read.
pub(super) fn resource<'a>(raw: Option<&'a RawValue>, lost: &mut Lost) -> Resource<'a> {
    let Some(raw) = raw else { return Resource::default() };
    if raw.get().len() > MAX_AROUND_BYTES {
        lost.add(Part::Attribute, "resource", &"it is longer than 2 MiB");
        return Resource::default();
    }
    if let Ok(resource) = serde_json::from_str::<Option<Resource<'a>>>(raw.get()) {
        return resource.unwrap_or_default();
    }
    let mut resource = Resource::default();
    match serde_json::from_str::<Fields<'a>>(raw.get()) {
        Ok(Fields(fields)) => {
            if let Some((_, raw)) = fields.into_iter().rfind(|(name, _)| name == "attributes") {
                resource.attributes = attributes(raw, lost);
            }
        }
        Err(why) => lost.add(Part::Attribute, "resource", &why),
    }
    resource
}

/// Reads a scope; one that cannot be read has no name.
pub(super) fn scope(raw: Option<&RawValue>) -> Scope<'_> {
    let raw = raw.filter(|raw| raw.get().len() <= MAX_AROUND_BYTES);
    raw.and_then(|raw| serde_json::from_str::<Option<Scope<'_>>>(raw.get()).ok().flatten()).unwrap_or_default()
}
