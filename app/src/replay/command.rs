//! What the window asks of replaying.

use switchboard_model::{RawHash, TraceId};

use crate::ledger::{KindHash, LetterKey};

/// A dead letter that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedLetter {
    /// Which.
    pub letter: LetterKey,
    /// What it died of.
    pub kind: KindHash,
    /// Keyed hash of its bytes when it was stored.
    pub raw_hash: RawHash,
    /// The partition it first lay in; unknown = `None`.
    pub origin_partition: Option<i32>,
    /// The group it died in; unknown = `None`.
    pub failed_group: Option<String>,
    /// How often it was replayed before, as it says itself.
    pub replay_count: u32,
    /// The trace of its failure.
    pub trace_id: Option<TraceId>,
}

/// Letters of one cluster that are asked for, and where they are to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayAsk {
    /// Name of the source.
    pub cluster: String,
    /// The channel to send to.
    pub target: String,
    /// The letters, oldest first.
    pub letters: Vec<AskedLetter>,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplayCommand {
    /// Read the letters again and say what would be sent. Sends nothing.
    Preview(ReplayAsk),
    /// Forget the preview, or the run that has ended.
    Dismiss,
    /// Send the first few of the preview of this id, with the cluster's name as it was typed.
    Start {
        /// Of which preview.
        replay_id: String,
        /// What was typed.
        typed_name: Option<String>,
    },
    /// Send the rest.
    Continue,
    /// Stop sending.
    Stop,
    /// Put letters aside with a note.
    Park {
        /// Which, and what they died of.
        letters: Vec<(LetterKey, KindHash)>,
        /// Why, or for whom.
        note: String,
    },
    /// Take letters out again.
    Unpark {
        /// Which, and what they died of.
        letters: Vec<(LetterKey, KindHash)>,
    },
}
