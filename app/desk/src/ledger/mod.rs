//! What was sent, by whom, with what outcome: one `SQLite` file a profile, written by a thread of its own. An intent stands in it
//! before anything is sent and its outcome after, so that what was going on when the program died can be told. It holds
//! positions, hashes, counts and times, never a payload or a header.

mod line;
mod place;
mod read;
mod schema;
#[cfg(test)]
mod tests;
mod write;
mod writer;

pub use line::{
    Ending, Fate, FateLine, Intent, KindHash, LedgerLine, LetterKey, LetterRecord, LetterState, NewRun, Outcome, Refusal, RunId, SendId, SentState, Settlement,
};
pub use place::ledger_path;
pub use writer::{Ledger, LedgerError, Letters};
