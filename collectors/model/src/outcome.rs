//! What became of something that was sent, whatever it was sent to.

use serde::{Deserialize, Serialize};

use crate::Place;

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It was taken, and this was answered.
    Done(Receipt),
    /// It was surely not taken: refused, or taken back while it was still queued; the reason says which. It may be sent again.
    NotDone(String),
    /// It may have been taken or not; the reason says why nobody knows. It is never sent again by itself, for that could make two of it.
    Possibly(String),
}

/// What whoever took it answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Receipt {
    /// A broker acknowledged a record.
    Persisted {
        /// Where it lies; `None` = the broker did not say.
        at: Option<Place>,
    },
    /// An HTTP server answered a request with this status.
    Answered(u16),
    /// A gRPC server ended a call with this code.
    Called(i32),
}

impl Outcome {
    /// A broker acknowledged it, and said where it lies, or not.
    pub fn persisted(at: Option<Place>) -> Self {
        Self::Done(Receipt::Persisted { at })
    }

    /// Where it lies, as a broker said.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Done(Receipt::Persisted { at }) => at.as_ref(),
            _ => None,
        }
    }

    /// What was surely not taken is called so.
    pub const NOT_DONE: &str = "not persisted";
    /// What may have been taken is called so.
    pub const POSSIBLY: &str = "possibly persisted";

    /// What it is called, in the ledger, on screen and in counts.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Done(receipt) => receipt.word(),
            Self::NotDone(_) => Self::NOT_DONE,
            Self::Possibly(_) => Self::POSSIBLY,
        }
    }
}

impl Receipt {
    /// What a record that a broker acknowledged is called.
    pub const PERSISTED: &str = "persisted";

    fn word(&self) -> &'static str {
        match self {
            Self::Persisted { .. } => Self::PERSISTED,
            Self::Answered(_) => "answered",
            Self::Called(_) => "called",
        }
    }
}
