//! The levels around the items of a JSON request: request, resource, scope. They are walked as they stand in the text;
//! only where a resource or a scope stands behind its items are these passed over first and read afterwards.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::lenient;
use super::visit::{Around, Resource, Scope, Visit};
use crate::decode::Signal;
use crate::decode::tally::Lost;

/// Walks a request. An error means that the text around the items is not JSON, or not of this shape.
pub(super) fn walk(signal: Signal, text: &str, visit: &mut dyn Visit) -> Result<(), String> {
    let mut walk = Walk { signal, visit, ended: false };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let walked = deserializer.deserialize_map(Request(&mut walk)).and_then(|()| deserializer.end());
    walked.map_err(|error| error.to_string())
}

struct Walk<'v> {
    signal: Signal,
    visit: &'v mut dyn Visit,
    /// Whether nobody wants further items. The text is looked through to its end nevertheless.
    ended: bool,
}

fn num_bytes(raw: Option<&RawValue>) -> usize {
    raw.map_or(0, |raw| raw.get().len())
}

fn is_resource_list(signal: Signal, name: &str) -> bool {
    match signal {
        Signal::Traces => matches!(name, "resourceSpans" | "resource_spans"),
        Signal::Logs => matches!(name, "resourceLogs" | "resource_logs"),
        Signal::Metrics => matches!(name, "resourceMetrics" | "resource_metrics"),
    }
}

/// `scopeSpans` and its likes, with the names that senders before OTLP 0.16 use.
fn is_scope_list(name: &str) -> bool {
    let kind = ["scope_", "scope", "instrumentation_library_", "instrumentationLibrary"].iter().find_map(|prefix| name.strip_prefix(prefix));
    matches!(kind, Some("Spans" | "spans" | "Logs" | "logs" | "Metrics" | "metrics"))
}

fn is_item_list(name: &str) -> bool {
    matches!(name, "spans" | "logRecords" | "log_records" | "logs" | "metrics")
}

/// Implements what all levels have in common: `null` is nothing, and a value is read by what it is.
macro_rules! level {
    ($level:ident, $expecting:literal, $visit:item) => {
        impl<'de> DeserializeSeed<'de> for $level<'_, '_> {
            type Value = ();

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
                deserializer.deserialize_any(self)
            }
        }

        impl<'de> Visitor<'de> for $level<'_, '_> {
            type Value = ();

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($expecting)
            }

            fn visit_unit<E>(self) -> Result<(), E> {
                Ok(())
            }

            $visit
        }
    };
}

/// The whole request.
struct Request<'w, 'v>(&'w mut Walk<'v>);

impl<'de> Visitor<'de> for Request<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an OTLP request, a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut other = None;
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            if is_resource_list(self.0.signal, &name) {
                map.next_value_seed(Resources(self.0))?;
            } else {
                if [Signal::Traces, Signal::Logs, Signal::Metrics].iter().any(|signal| is_resource_list(*signal, &name)) {
                    other = Some(name);
                }
                map.next_value::<IgnoredAny>()?;
            }
        }
        // Another signal's request would read as an empty one; it is better told.
        match other {
            Some(other) => Err(A::Error::custom(format!("it holds {other}, which belongs to the path of its own signal"))),
            None => Ok(()),
        }
    }
}

/// The list of resources.
struct Resources<'w, 'v>(&'w mut Walk<'v>);

level!(
    Resources,
    "a list of resources",
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(OfResource(self.0))?.is_some() {}
        Ok(())
    }
);

/// All that one resource sent.
struct OfResource<'w, 'v>(&'w mut Walk<'v>);

level!(
    OfResource,
    "a resource with its scopes",
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut resource: Option<Resource<'de>> = None;
        let mut early: Vec<&'de RawValue> = Vec::new();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            match &resource {
                _ if name == "resource" => {
                    let raw: Option<&'de RawValue> = map.next_value()?;
                    let mut lost = Lost::default();
                    let is_read = self.0.visit.reads(Around::Resource, num_bytes(raw));
                    resource = Some(if is_read { lenient::resource(raw, &mut lost) } else { Resource::default() });
                    self.0.visit.lost(lost);
                }
                Some(resource) if is_scope_list(&name) => {
                    self.0.visit.resource();
                    map.next_value_seed(Scopes { walk: self.0, resource })?;
                }
                None if is_scope_list(&name) => early.push(map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let resource = resource.unwrap_or_default();
        for scopes in early {
            self.0.visit.resource();
            let mut deserializer = serde_json::Deserializer::from_str(scopes.get());
            Scopes { walk: self.0, resource: &resource }.deserialize(&mut deserializer).map_err(A::Error::custom)?;
        }
        Ok(())
    }
);

/// The list of a resource's scopes.
struct Scopes<'w, 'v> {
    walk: &'w mut Walk<'v>,
    resource: &'w Resource<'w>,
}

level!(
    Scopes,
    "a list of scopes",
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(OfScope { walk: self.walk, resource: self.resource })?.is_some() {}
        Ok(())
    }
);

/// All that came from one scope.
struct OfScope<'w, 'v> {
    walk: &'w mut Walk<'v>,
    resource: &'w Resource<'w>,
}

level!(
    OfScope,
    "a scope with its items",
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { walk, resource } = self;
        let mut scope: Option<Scope<'de>> = None;
        let mut early: Vec<&'de RawValue> = Vec::new();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            match &scope {
                _ if matches!(name.as_ref(), "scope" | "instrumentationLibrary" | "instrumentation_library") => {
                    let raw: Option<&'de RawValue> = map.next_value()?;
                    let is_read = walk.visit.reads(Around::Scope, num_bytes(raw));
                    scope = Some(if is_read { lenient::scope(raw) } else { Scope::default() });
                }
                Some(scope) if is_item_list(&name) => {
                    walk.visit.scope();
                    map.next_value_seed(Items { walk, resource, scope_name: &scope.name.0 })?;
                }
                None if is_item_list(&name) => early.push(map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let scope = scope.unwrap_or_default();
        for items in early {
            walk.visit.scope();
            let mut deserializer = serde_json::Deserializer::from_str(items.get());
            Items { walk, resource, scope_name: &scope.name.0 }.deserialize(&mut deserializer).map_err(A::Error::custom)?;
        }
        Ok(())
    }
);

/// The list of a scope's items.
struct Items<'w, 'v> {
    walk: &'w mut Walk<'v>,
    resource: &'w Resource<'w>,
    scope_name: &'w str,
}

level!(
    Items,
    "a list of items",
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(item) = seq.next_element::<Option<&'de RawValue>>()? {
            if let Some(item) = item
                && !self.walk.ended
            {
                self.walk.ended = self.walk.visit.item(self.resource, self.scope_name, item.get()).is_break();
            }
        }
        Ok(())
    }
);
