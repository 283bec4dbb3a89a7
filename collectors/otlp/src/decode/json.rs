//! OTLP/JSON, read leniently: as the specification has it, and as senders have it.
//!
//! No more than one item is ever in memory as a structure.

mod fields;
mod items;
mod lenient;
mod mend;
mod text;
mod value;
mod visit;
mod walk;

use std::borrow::Cow;
use std::ops::ControlFlow;

use self::visit::{Around, MAX_AROUND_BYTES, MAX_ITEM_BYTES, Resource, Visit};
use self::walk::walk;
use super::{Context, Emit, LogBuilder, Signal, SpanBuilder, Tally, Undecodable};

/// Bodies up to this size are decoded once, their batches held back until the end is known to be good; longer ones are
/// looked through first.
const MAX_HELD_BACK_BYTES: usize = 1 << 20;
const MAX_COPIES: usize = 2;

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
    let num_beside = count.num_bytes_beside();
    if num_beside > 0 && !room(num_beside) {
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

/// Counts items, and what reading them takes. What stands around them is not read for that: how much it takes is not known yet.
#[derive(Default)]
struct Count {
    num: u64,
    longest_item_bytes: usize,
    longest_resource_bytes: usize,
    longest_scope_bytes: usize,
}

impl Count {
    /// What an item, its resource and its scope take beside the request while they are read, where that is much.
    fn num_bytes_beside(&self) -> usize {
        let longest =
            [(self.longest_item_bytes, MAX_ITEM_BYTES), (self.longest_resource_bytes, MAX_AROUND_BYTES), (self.longest_scope_bytes, MAX_AROUND_BYTES)];
        longest.into_iter().filter(|(len, _)| *len > MAX_HELD_BACK_BYTES).map(|(len, most)| MAX_COPIES * len.min(most)).sum()
    }
}

impl Visit for Count {
    fn reads(&mut self, around: Around, num_bytes: usize) -> bool {
        let longest = match around {
            Around::Resource => &mut self.longest_resource_bytes,
            Around::Scope => &mut self.longest_scope_bytes,
        };
        *longest = num_bytes.max(*longest);
        false
    }

    fn item(&mut self, _resource: &Resource<'_>, _scope_name: &str, item: &str) -> ControlFlow<()> {
        self.num += 1;
        self.longest_item_bytes = self.longest_item_bytes.max(item.len());
        ControlFlow::Continue(())
    }
}
