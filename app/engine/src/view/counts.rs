//! What became of all that came in, and what limits left out.

use serde::{Deserialize, Serialize};

/// What became of items: `received = stored + evicted + folded + duplicate + refused + queued`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountsReport {
    /// Arrived.
    pub received: u64,
    /// Kept now.
    pub stored: u64,
    /// Kept and given up for room.
    pub evicted: u64,
    /// Counted and not kept, as meant.
    pub folded: u64,
    /// Had been received before, same content.
    pub duplicate: u64,
    /// Turned away with an answer that says so.
    pub refused: u64,
    /// Waiting.
    pub queued: u64,
    /// Of those stored or evicted: cut at a limit.
    pub truncated: u64,
}

/// What the limits of joining and counting left out: counted, so that no figure is silently too small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsReport {
    /// Spans whose own end lies more than 15 min before or 1 min after their arrival: they count when they arrived.
    pub out_of_range: u64,
    /// Spans and messages that left the table of recent arrivals before their partner came: they stay counted as unpaired.
    pub left_unpaired: u64,
    /// What found no room under a cap, or had to leave for what came later: names, nodes, interactions, breakers, topics, groups,
    /// kinds of dead letter. Of what kind, stands beside the source that told of it.
    pub capped: u64,
}

/// What a source told of that found no room in its share of a cap, or had to leave for what came later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Of what kind: `circuit breakers`.
    pub what: String,
    /// How often.
    pub num: u64,
}
