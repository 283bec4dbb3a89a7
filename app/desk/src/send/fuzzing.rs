//! What is read and changed here of bytes that may come from anywhere, as far as nobody else needs it.

use std::path::{Component, Path};

use switchboard_model::{OriginalRecord, OutgoingRecord, RawHash, Redactor, ReplayMark, Route, plan_headers};

use super::edit::{Change, ChangeError, Edited, change_headers};
use super::replay::Built;
use super::saved;

pub use super::record_file::{FileRecord, records_of};
pub use super::replay::parse_plan;

/// A record as changes make it; its headers are planned as those of a replay. `None` = as it is, it is not replayed.
pub fn edited(original: OriginalRecord, changes: &[Change], redactor: &Redactor) -> Option<Result<OutgoingRecord, ChangeError>> {
    let Edited { original, is_changed } = match Edited::of(original, changes.iter()) {
        Ok(edited) => edited,
        Err(error) => return Some(Err(error)),
    };
    let plan = plan_headers(&original, &ReplayMark { replay_id: "0123", max_replays: 3 }, redactor).ok()?;
    let OriginalRecord { key, value, headers, .. } = original;
    let outgoing = OutgoingRecord { channel: String::new(), route: Route::Key, key, value, headers: plan.headers, timestamp_ms: None };
    let unknown = RawHash::UNKNOWN;
    let mut built = Built { outgoing, diff: plan.diff, replay_count: plan.replay_count, hash: unknown, source_hash: unknown, edited: false, was: None };
    Some(change_headers(is_changed, &mut built, &headers, changes.iter(), redactor).map(|_is_edited| built.outgoing))
}

/// A record as a line of a file.
pub fn record_line(record: &OriginalRecord, cluster_id: &str) -> Result<String, String> {
    super::record_file::record_line(record, cluster_id)
}

/// Whether a name leads to a file below the folder of requests; no name that does leads out of it.
pub fn is_inside(name: &str) -> bool {
    let folder = Path::new("/nowhere/requests");
    let Ok(path) = saved::inside(folder, name) else { return false };
    let below = path.strip_prefix(folder).unwrap_or_else(|_| panic!("{name:?} leads to {}", path.display()));
    assert!(below.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)), "{name:?} leads to {}", path.display());
    true
}
