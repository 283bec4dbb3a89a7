//! Which headers a replayed record is sent with: what a framework wrote down about its failure goes, what the record was
//! published with stays as it is, and marks of the replay are added.

use crate::header_diff::{HeaderChange, HeaderChangeKind, HeaderDiff, REPLAY_COUNT_HEADER, REPLAY_ID_HEADER, SOURCE_HEADER, ShownValue};
use crate::{FAILURE_DIALECTS, FailureDialect, MessageRef, OriginalRecord, Place, RawHeader, Redactor, Skipped};

/// How often a record may be replayed unless the user says otherwise.
pub const DEFAULT_MAX_REPLAYS: u32 = 3;

/// What marks a replay.
#[derive(Clone, Copy, Debug)]
pub struct ReplayMark<'a> {
    /// Id of the run, the same for all its records.
    pub replay_id: &'a str,
    /// How often a record may be replayed in all.
    pub max_replays: u32,
}

/// The headers to send, and what that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderPlan {
    /// The headers as they are sent, in their order.
    pub headers: Vec<RawHeader>,
    /// What becomes of each header, secrets replaced.
    pub diff: HeaderDiff,
    /// How often the record was replayed, this time included.
    pub replay_count: u32,
}

/// Whose header is removed where an earlier replay marked a record more than once.
const OWN: &str = "switchboard";

/// Plans the headers of a record that is replayed. Pure: the same record and mark give the same plan.
pub fn plan_headers(original: &OriginalRecord, mark: &ReplayMark<'_>, redactor: &Redactor) -> Result<HeaderPlan, Skipped> {
    if let Some(pointer) = pointer_without_copy(original) {
        return Err(pointer);
    }
    let count = replays_before(&original.headers)?;
    if count >= mark.max_replays {
        return Err(Skipped::ReplayedTooOften { count, limit: mark.max_replays });
    }
    let replay_count = count + 1;
    let MessageRef { channel, place, .. } = &original.seen.at;
    let source = match place {
        Place::Offset { partition, offset } => format!("{channel}/{partition}/{offset}"),
        Place::Opaque(_) => format!("{channel}/{place}"),
        Place::None => channel.clone(),
    };
    let marks = [(REPLAY_ID_HEADER, mark.replay_id.to_owned()), (SOURCE_HEADER, source), (REPLAY_COUNT_HEADER, replay_count.to_string())];
    let mut is_marked = [false; 3];
    let present = dialects_of(&original.headers);
    let mut headers = Vec::with_capacity(original.headers.len() + marks.len());
    let mut changes = Vec::with_capacity(original.headers.len() + marks.len());
    let shown = |header: &RawHeader| ShownValue::of(header, redactor);
    for header in &original.headers {
        let before = Some(shown(header));
        let name = header.name.clone();
        if let Some(at) = marks.iter().position(|(mark, _)| *mark == name) {
            if std::mem::replace(&mut is_marked[at], true) {
                changes.push(HeaderChange { name, kind: HeaderChangeKind::Removed { dialect: OWN }, before, after: None });
            } else {
                let changed = RawHeader { name: name.clone(), value: Some(marks[at].1.clone().into_bytes()) };
                let kind = if changed == *header { HeaderChangeKind::Kept } else { HeaderChangeKind::Changed };
                changes.push(HeaderChange { name, kind, before, after: Some(shown(&changed)) });
                headers.push(changed);
            }
        } else if let Some(dialect) = present.iter().find(|dialect| dialect.strips(&name)) {
            changes.push(HeaderChange { name, kind: HeaderChangeKind::Removed { dialect: dialect.name }, before, after: None });
        } else {
            changes.push(HeaderChange { name, kind: HeaderChangeKind::Kept, after: before.clone(), before });
            headers.push(header.clone());
        }
    }
    for ((name, value), is_marked) in marks.into_iter().zip(is_marked) {
        if !is_marked {
            let added = RawHeader { name: name.to_owned(), value: Some(value.into_bytes()) };
            changes.push(HeaderChange { name: added.name.clone(), kind: HeaderChangeKind::Added, before: None, after: Some(shown(&added)) });
            headers.push(added);
        }
    }
    Ok(HeaderPlan { headers, diff: HeaderDiff { changes }, replay_count })
}

/// Whether each header goes out as it is: it tells of no failure, and is none of ours. In the order of the headers.
pub fn headers_kept(headers: &[RawHeader]) -> Vec<bool> {
    let present = dialects_of(headers);
    let is_own = |name: &str| [REPLAY_ID_HEADER, SOURCE_HEADER, REPLAY_COUNT_HEADER].contains(&name);
    headers.iter().map(|header| !is_own(&header.name) && !present.iter().any(|dialect| dialect.strips(&header.name))).collect()
}

/// The frameworks that wrote down a failure among these headers.
fn dialects_of(headers: &[RawHeader]) -> Vec<&'static FailureDialect> {
    let is_present = |dialect: &&FailureDialect| {
        let mut names: Vec<&str> = headers.iter().map(|header| header.name.as_str()).filter(|name| dialect.strips(name)).collect();
        names.sort_unstable();
        names.dedup();
        names.len() >= dialect.min_headers
    };
    FAILURE_DIALECTS.iter().filter(is_present).collect()
}

/// How often a record says it was replayed; the most of what it says.
fn replays_before(headers: &[RawHeader]) -> Result<u32, Skipped> {
    let mut most = 0;
    for header in headers.iter().filter(|header| header.name == REPLAY_COUNT_HEADER) {
        let digits = header.value.as_deref().and_then(|value| std::str::from_utf8(value).ok()).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        most = most.max(digits.and_then(|digits| digits.parse().ok()).ok_or(Skipped::CountUnreadable)?);
    }
    Ok(most)
}

/// A share group's dead letter that holds no copy of what died: neither key nor value, only where it lies.
fn pointer_without_copy(original: &OriginalRecord) -> Option<Skipped> {
    if original.key.is_some() || original.value.is_some() {
        return None;
    }
    let text = |name: &str| {
        let header = original.headers.iter().rfind(|header| header.name == name)?;
        header.value.as_deref().and_then(|value| std::str::from_utf8(value).ok()).map(str::to_owned)
    };
    Some(Skipped::NoCopy {
        topic: text("__dlq.errors.topic")?,
        partition: text("__dlq.errors.partition").unwrap_or_else(|| "unknown".to_owned()),
        offset: text("__dlq.errors.offset").unwrap_or_else(|| "unknown".to_owned()),
    })
}

#[cfg(test)]
mod tests;
