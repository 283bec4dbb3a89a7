//! What decoding goes by: where a batch comes from and goes to, and how much of a value is kept.

use std::ops::ControlFlow;

use switchboard_model::{Batch, BatchHeader, Redactor};

/// Bytes of one value, name or key that are kept.
pub(crate) const MAX_VALUE_BYTES: usize = 64 << 10;

/// What all batches of a request have in common.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    /// Version, source and time of arrival.
    pub(crate) header: BatchHeader,
    /// Secrets by name and shape.
    pub(crate) redactor: &'a Redactor,
    /// The environment of resources that name none; empty = unknown.
    pub(crate) environment: &'a str,
}

/// Takes a finished batch; breaking off ends the decoding.
pub(crate) type Emit<'e> = dyn FnMut(Batch) -> ControlFlow<()> + 'e;
