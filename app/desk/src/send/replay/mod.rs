//! Sending again what lies on a broker, dead letters above all: a preview of the very bytes first, then a few, then, once those were read, the rest. Bytes come
//! from the broker, or from a file of records, never from the store; every step stands in the ledger; what may have been written is not sent twice unless that is asked for.
//!
//! `command` is what is asked for, `target` to where, `source` from where, and `desk` where; `preview_task`, `plan` and `prepare` make the preview, of a `range` too (`key_order` is what becomes of the order
//! of records, `look` a record of it that is read again to be looked at), `run` sends what it shows, `halt`
//! says when it stops by itself, `follow`, `sighting` and `groups_at` what became of what was sent. `board` is what can be seen of all that.

mod board;
mod clusters;
mod command;
mod desk;
mod follow;
mod groups_at;
mod halt;
mod key_order;
mod look;
mod pace;
mod plan;
mod plan_file;
mod prepare;
mod preview_task;
mod range;
mod readers;
mod run;
mod sighting;
mod source;
mod target;
#[cfg(test)]
mod tests;

pub use crate::send::access::{Answering, Caps, ClusterAccess, Extents, Observed, RecordSender, Waiting};
pub use board::{CanaryLine, ClusterBoard, EditBoard, Handled, HandledAs, KindKey, LookBoard, Preparing, ReplayBoard, RunBoard, RunPhase, SentCounts, Writing};
pub(in crate::send) use clusters::Reach;
pub use clusters::ReplayClusters;
pub use command::{AskedFile, AskedLetter, AskedLetters, LetterCause, ReplayAsk, ReplayCommand, ReplayOptions};
pub use desk::{ReplayDesk, ReplayDeskConfig};
pub use groups_at::GroupsAt;
pub use key_order::KeyOrder;
pub use pace::{ChosenPace, Pace, PaceBounds};
pub(crate) use pace::{FIRST_MAX, RATE_MAX};
pub(in crate::send) use plan::Built;
pub use plan::{PartitionRule, Planned, Preview, RecordPart, ShownRecord, SkippedLetter};
pub use plan_file::parse as parse_plan;
pub use plan_file::read as read_plan;
pub use range::{AskedRange, RangeOf, RangesFound};
pub use readers::{BreakerOnTheWay, CallsOnTheWay, Reader, Readers, readers};
pub use sighting::{At, Proof, Retry, Sighting, consumed_in};
pub use target::{ReplayTarget, TargetPlan, target_words};
pub(in crate::send) use target::{TARGETS_MAX, size_limits};
