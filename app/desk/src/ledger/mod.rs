//! What was sent, by whom, with what outcome: one `SQLite` file for all profiles, or one that a profile names, written by a thread of its own.
//! An intent stands in it before anything is sent and its outcome after, so that what was going on when the program died can be told. It holds
//! positions, hashes, counts and times, never a payload or a header; its hashes are under a key of its own.

mod browse;
mod files;
mod import;
mod key;
mod lazy;
mod line;
mod place;
mod read;
mod run_lock;
mod schema;
mod tables;
#[cfg(test)]
mod tests;
mod version_1;
mod write;
mod writer;

/// What clusters call themselves, by the names of the sources that read them.
pub type ClusterIds = std::collections::BTreeMap<String, String>;

pub use browse::{
    Became, ExportState, Exported, LedgerBoard, LedgerDesk, LedgerExport, LedgerFilter, LedgerLook, LedgerState, LineId, LineKind, PAGE, RunLine, RunsPage,
    RunsQuery, SendCounts, SendLine, SendsPage, SendsQuery, fate_word, outcome_word,
};
pub use files::LedgerPlace;
pub use key::HashKey;
pub use lazy::LazyLedger;
pub use line::{
    ComposedIntent, Ending, Fate, FateLine, Intent, KindHash, LedgerLine, LetterKey, LetterRecord, LetterState, NewRun, Refusal, RunId, SendId, SentState,
    Settled, SettledAs, Settlement, TargetKind, several_channels,
};
pub use run_lock::RunLock;
pub use writer::{Ledger, LedgerError, Letters};
