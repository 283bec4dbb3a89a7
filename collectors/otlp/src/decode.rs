//! OTLP requests, protobuf or JSON, straight into batches.
//!
//! A request is looked through twice: first its envelope (request, resources, scopes), which must be whole, with the
//! items counted; then item by item into batches of some 1 MiB, each given away as soon as it is full. An item that is
//! broken or has no valid id is left out alone.

mod any_value;
mod builder;
mod columns;
mod context;
mod envelope;
mod json;
mod logs;
mod metrics;
mod nested;
mod spans;
mod tally;
mod wire;

use std::borrow::Cow;

pub(crate) use context::{Context, Emit};
pub(crate) use logs::LogBuilder;
pub(crate) use spans::SpanBuilder;
pub(crate) use tally::{Rejection, Tally};
pub(crate) use wire::Malformed;

/// The three kinds of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Signal {
    Traces,
    Logs,
    Metrics,
}

/// The two encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Encoding {
    Protobuf,
    Json,
}

/// Why nothing of a request could be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Undecodable {
    #[error("the protobuf is broken: {0}")]
    Protobuf(#[from] Malformed),
    #[error("the JSON is broken: {0}")]
    Json(String),
    #[error("there is no room to read it")]
    NoRoom,
}

/// Longest resource in parts that is put together.
const MAX_PUT_TOGETHER_BYTES: usize = 8 << 20;

/// Decodes a request into batches. Metrics give no batch: their points are only counted. `room` is asked for what is taken beside the
/// request, in bytes, before it is.
pub(crate) fn decode(
    signal: Signal,
    encoding: Encoding,
    request: Cow<'_, [u8]>,
    context: Context<'_>,
    room: &mut dyn FnMut(usize) -> bool,
    emit: &mut Emit<'_>,
) -> Result<Tally, Undecodable> {
    match encoding {
        Encoding::Protobuf => {
            let num_beside = envelope::num_bytes_beside(&request)?;
            if num_beside > MAX_PUT_TOGETHER_BYTES {
                return Err(Malformed("a resource comes in parts, of more than 8 MiB together").into());
            }
            if num_beside > 0 && !room(num_beside) {
                return Err(Undecodable::NoRoom);
            }
            Ok(decode_protobuf(signal, &request, context, emit)?)
        }
        Encoding::Json => json::decode(signal, request, context, room, emit),
    }
}

fn decode_protobuf(signal: Signal, request: &[u8], context: Context<'_>, emit: &mut Emit<'_>) -> Result<Tally, Malformed> {
    let num_items = match signal {
        Signal::Traces | Signal::Logs => envelope::survey(request)?,
        Signal::Metrics => return metrics::count(request).map(Tally::of_items),
    };
    let mut tally = if signal == Signal::Traces {
        let mut builder = SpanBuilder::new(context, num_items, emit);
        envelope::walk(request, &mut builder)?.is_break();
        builder.finish()
    } else {
        let mut builder = LogBuilder::new(context, num_items, emit);
        envelope::walk(request, &mut builder)?.is_break();
        builder.finish()
    };
    tally.num_items = num_items;
    Ok(tally)
}

#[cfg(test)]
mod tests;
