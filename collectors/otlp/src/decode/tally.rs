//! What became of the items of a request.

use super::wire::Malformed;

/// Why one item was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// The trace id has not 16 bytes or is all zero.
    TraceId,
    /// The span id has not 8 bytes or is all zero.
    SpanId,
    /// The parent's id is there and has not 8 bytes.
    ParentId,
    /// Its bytes are broken.
    Malformed,
    /// It is an item of another signal.
    OtherSignal,
}

impl From<Malformed> for Rejection {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// The items of a request: how many there are, and how many were left out for which reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// All items, those included that were not looked at because nobody took the batches any more.
    pub(crate) num_items: u64,
    /// Items left out, by [`Rejection`].
    rejected: [u64; 5],
    /// Whether the sender's JSON was read only by lenience (base64 ids).
    pub(crate) has_base64_ids: bool,
}

impl Tally {
    pub(crate) fn of_items(num_items: u64) -> Self {
        Self { num_items, ..Self::default() }
    }

    pub(crate) fn reject(&mut self, why: Rejection) {
        self.rejected[why as usize] += 1;
    }

    pub(crate) fn num_rejected(&self) -> u64 {
        self.rejected.iter().sum()
    }

    pub(crate) fn of(&self, why: Rejection) -> u64 {
        self.rejected[why as usize]
    }

    /// The rejections in English, for the developer who reads the sender's log.
    pub(crate) fn reasons(&self) -> String {
        const SENTENCES: [&str; 5] = [
            "without a valid trace id (16 bytes, not all zero)",
            "without a valid span id (8 bytes, not all zero)",
            "with a parent span id that has not 8 bytes",
            "that could not be decoded",
            "of another signal",
        ];
        let parts: Vec<String> =
            self.rejected.iter().zip(SENTENCES).filter(|(count, _)| **count > 0).map(|(count, sentence)| format!("{count} {sentence}")).collect();
        parts.join(", ")
    }
}
