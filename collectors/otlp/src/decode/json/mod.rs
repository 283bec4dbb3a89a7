//! OTLP/JSON, read leniently: as the specification has it, and as senders have it.
//!
//! The levels around the items are taken apart as slices of the text, so that a resource that stands behind its items
//! is known before them and no more than one item is ever in memory as a structure.

mod fields;
mod items;
mod value;

use std::borrow::Cow;
use std::ops::ControlFlow;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use self::fields::{JsonAttrs, Text};
use super::columns::Columns;
use super::{Context, Emit, LogBuilder, Signal, SpanBuilder, Tally};

/// Bodies up to this size are decoded once, their batches held back until the end is known to be good; longer ones are
/// looked through first.
const MAX_HELD_BACK_BYTES: usize = 1 << 20;

/// Decodes a request.
pub(super) fn decode(signal: Signal, request: &[u8], context: Context<'_>, emit: &mut Emit<'_>) -> Result<Tally, String> {
    let text = String::from_utf8_lossy(request);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if signal == Signal::Metrics {
        let mut points = items::Points::default();
        walk(signal, text, &mut points)?;
        return Ok(Tally::of_items(points.num_points));
    }
    if text.len() <= MAX_HELD_BACK_BYTES {
        let mut held_back = Vec::new();
        let tally = build(signal, text, 64, context, &mut |batch| {
            held_back.push(batch);
            ControlFlow::Continue(())
        })?;
        for batch in held_back {
            if emit(batch).is_break() {
                break;
            }
        }
        return Ok(tally);
    }
    let mut count = Count(0);
    walk(signal, text, &mut count)?;
    let mut tally = build(signal, text, count.0, context, emit)?;
    tally.num_items = count.0;
    Ok(tally)
}

fn build(signal: Signal, text: &str, num_items: u64, context: Context<'_>, emit: &mut Emit<'_>) -> Result<Tally, String> {
    if signal == Signal::Traces {
        let mut builder = SpanBuilder::new(context, num_items, emit);
        walk(signal, text, &mut builder)?;
        Ok(builder.finish())
    } else {
        let mut builder = LogBuilder::new(context, num_items, emit);
        walk(signal, text, &mut builder)?;
        Ok(builder.finish())
    }
}

/// Whoever looks at the items of a JSON request.
trait Visit {
    /// Another resource begins. It comes again with every item, for the batch that needs it.
    fn resource(&mut self) {}

    /// Another scope begins.
    fn scope(&mut self) {}

    /// An item, as its text.
    fn item(&mut self, resource: &Resource<'_>, scope_name: &str, item: &str) -> ControlFlow<()>;
}

struct Count(u64);

impl Visit for Count {
    fn item(&mut self, _resource: &Resource<'_>, _scope_name: &str, _item: &str) -> ControlFlow<()> {
        self.0 += 1;
        ControlFlow::Continue(())
    }
}

/// An OTLP/JSON `Resource`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Resource<'a> {
    #[serde(borrow)]
    attributes: JsonAttrs<'a>,
}

impl Resource<'_> {
    fn write(&self, columns: &mut Columns<'_>) -> u32 {
        let start = columns.attrs.len() as u32;
        columns.begin_resource();
        self.attributes.write(columns);
        columns.push_resource(start)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OfResource<'a> {
    #[serde(borrow)]
    resource: Option<Resource<'a>>,
    #[serde(
        borrow,
        alias = "scopeSpans",
        alias = "scope_spans",
        alias = "instrumentationLibrarySpans",
        alias = "instrumentation_library_spans",
        alias = "scopeLogs",
        alias = "scope_logs",
        alias = "instrumentationLibraryLogs",
        alias = "instrumentation_library_logs",
        alias = "scopeMetrics",
        alias = "scope_metrics",
        alias = "instrumentationLibraryMetrics",
        alias = "instrumentation_library_metrics"
    )]
    scopes: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OfScope<'a> {
    #[serde(borrow, alias = "instrumentationLibrary", alias = "instrumentation_library")]
    scope: Option<Scope<'a>>,
    #[serde(borrow, alias = "spans", alias = "logRecords", alias = "log_records", alias = "logs", alias = "metrics")]
    items: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Scope<'a> {
    #[serde(borrow)]
    name: Text<'a>,
}

/// Walks a request. An error means that the text around the items is not JSON, or not of this shape.
fn walk(signal: Signal, text: &str, visit: &mut dyn Visit) -> Result<(), String> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Request { signal, visit }.deserialize(&mut deserializer).and_then(|()| deserializer.end()).map_err(|error| error.to_string())
}

struct Request<'v> {
    signal: Signal,
    visit: &'v mut dyn Visit,
}

impl<'de> DeserializeSeed<'de> for Request<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Request<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an OTLP request, a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (camel, snake) = match self.signal {
            Signal::Traces => ("resourceSpans", "resource_spans"),
            Signal::Logs => ("resourceLogs", "resource_logs"),
            Signal::Metrics => ("resourceMetrics", "resource_metrics"),
        };
        let mut others = Vec::new();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if key == camel || key == snake {
                map.next_value_seed(Each::new(|of_resource: OfResource<'de>| each_scope(&of_resource, self.visit)))?.is_break();
            } else {
                if key.starts_with("resource") {
                    others.push(key);
                }
                map.next_value::<IgnoredAny>()?;
            }
        }
        // Another signal's request would read as an empty one; it is better told.
        match others.iter().find(|key| matches!(key.as_ref(), "resourceSpans" | "resourceLogs" | "resourceMetrics")) {
            Some(other) => Err(serde::de::Error::custom(format!("it holds {other} where {camel} belongs; send it to the path of its own signal"))),
            None => Ok(()),
        }
    }
}

fn each_scope(of_resource: &OfResource<'_>, visit: &mut dyn Visit) -> Result<ControlFlow<()>, String> {
    let Some(scopes) = of_resource.scopes else { return Ok(ControlFlow::Continue(())) };
    let none = Resource::default();
    let resource = of_resource.resource.as_ref().unwrap_or(&none);
    visit.resource();
    each(scopes.get(), |of_scope: OfScope<'_>| {
        let Some(items) = of_scope.items else { return Ok(ControlFlow::Continue(())) };
        let scope_name = of_scope.scope.as_ref().map_or("", |scope| &scope.name.0);
        visit.scope();
        each(items.get(), |item: &RawValue| Ok(visit.item(resource, scope_name, item.get())))
    })
}

/// Calls for each element of a JSON array, one at a time; `null` is an empty one.
fn each<'de, T: Deserialize<'de>>(array: &'de str, call: impl FnMut(T) -> Result<ControlFlow<()>, String>) -> Result<ControlFlow<()>, String> {
    let mut deserializer = serde_json::Deserializer::from_str(array);
    Each::new(call).deserialize(&mut deserializer).map_err(|error| error.to_string())
}

struct Each<T, F> {
    call: F,
    element: std::marker::PhantomData<T>,
}

impl<'de, T: Deserialize<'de>, F: FnMut(T) -> Result<ControlFlow<()>, String>> Each<T, F> {
    fn new(call: F) -> Self {
        Self { call, element: std::marker::PhantomData }
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T) -> Result<ControlFlow<()>, String>> DeserializeSeed<'de> for Each<T, F> {
    type Value = ControlFlow<()>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T) -> Result<ControlFlow<()>, String>> Visitor<'de> for Each<T, F> {
    type Value = ControlFlow<()>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON array")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(ControlFlow::Continue(()))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut flow = ControlFlow::Continue(());
        while let Some(element) = seq.next_element::<Option<T>>()? {
            if let (Some(element), ControlFlow::Continue(())) = (element, flow) {
                flow = (self.call)(element).map_err(serde::de::Error::custom)?;
            }
        }
        Ok(flow)
    }
}
