//! Sending dead letters again: a preview of the very bytes first, then a few, then, once those were read, the rest. Bytes come
//! from the broker, never from the store; every step stands in the ledger; what may have been written is never sent twice.

mod access;
mod board;
mod command;
mod desk;
mod follow;
mod halt;
mod plan;
mod prepare;
mod preview_task;
mod readers;
mod run;
mod sighting;
#[cfg(test)]
mod tests;

pub use access::{Answering, ClusterAccess, Observed, RecordSender, Waiting};
pub use board::{CanaryLine, ClusterBoard, Handled, HandledAs, KindKey, Preparing, ReplayBoard, RunBoard, RunPhase, SentCounts, Writing};
pub use command::{AskedLetter, AskedLetters, LetterCause, ReplayAsk, ReplayCommand};
pub use desk::{Pace, ReplayClusters, ReplayDesk, ReplayDeskConfig};
pub use plan::{PartitionRule, Planned, Preview, ShownRecord, SkippedLetter};
pub use readers::{BreakerOnTheWay, Reader, Readers, readers};
pub use sighting::consumed_in;
pub use sighting::{At, Retry, Sighting};
