//! OTLP/JSON, read leniently: as the specification has it, and as senders have it.
//!
//! No more than one item is ever in memory as a structure.

mod fields;
mod items;
mod lenient;
mod mend;
mod value;
mod walk;

use std::borrow::Cow;
use std::ops::ControlFlow;

use serde::Deserialize;

use self::fields::{JsonAttrs, Text};
use self::walk::walk;
use super::columns::Columns;
use super::tally::Lost;
use super::{Context, Emit, LogBuilder, Signal, SpanBuilder, Tally, Undecodable};

/// Bodies up to this size are decoded once, their batches held back until the end is known to be good; longer ones are
/// looked through first.
const MAX_HELD_BACK_BYTES: usize = 1 << 20;
/// Longest item that is read, and longest resource and scope: its texts are there up to three times while they are read.
const MAX_ITEM_BYTES: usize = 16 << 20;
const MAX_ITEM_COPIES: usize = 2;

/// Decodes a request. `room` is asked for what is taken beside it, in bytes, before it is.
pub(super) fn decode(
    signal: Signal,
    request: Cow<'_, [u8]>,
    context: Context<'_>,
    room: &mut dyn FnMut(usize) -> bool,
    emit: &mut Emit<'_>,
) -> Result<Tally, Undecodable> {
    let text = mend::mended(request, room).map_err(|mend::NoRoom| Undecodable::NoRoom)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if signal == Signal::Metrics {
        let mut points = items::Points::default();
        walk(signal, text, &mut points).map_err(Undecodable::Json)?;
        return Ok(Tally::of_items(points.num_points));
    }
    if text.len() <= MAX_HELD_BACK_BYTES {
        let mut held_back = Vec::new();
        let tally = build(signal, text, 64, context, &mut |batch| {
            held_back.push(batch);
            ControlFlow::Continue(())
        })
        .map_err(Undecodable::Json)?;
        for batch in held_back {
            if emit(batch).is_break() {
                break;
            }
        }
        return Ok(tally);
    }
    let mut count = Count::default();
    walk(signal, text, &mut count).map_err(Undecodable::Json)?;
    if count.longest_bytes > MAX_HELD_BACK_BYTES && !room(MAX_ITEM_COPIES * count.longest_bytes.min(MAX_ITEM_BYTES)) {
        return Err(Undecodable::NoRoom);
    }
    let mut tally = build(signal, text, count.num, context, emit).map_err(Undecodable::Json)?;
    tally.num_items = count.num;
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

    /// What around the items could not be read.
    fn lost(&mut self, _lost: Lost) {}

    /// An item, as its text.
    fn item(&mut self, resource: &Resource<'_>, scope_name: &str, item: &str) -> ControlFlow<()>;
}

#[derive(Default)]
struct Count {
    num: u64,
    longest_bytes: usize,
}

impl Visit for Count {
    fn item(&mut self, _resource: &Resource<'_>, _scope_name: &str, item: &str) -> ControlFlow<()> {
        self.num += 1;
        self.longest_bytes = self.longest_bytes.max(item.len());
        ControlFlow::Continue(())
    }
}

/// An OTLP/JSON `InstrumentationScope`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Scope<'a> {
    #[serde(borrow)]
    name: Text<'a>,
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
