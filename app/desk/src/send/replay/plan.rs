//! What would be sent: pure, from letters, what was read again, and what is known of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use switchboard_model::{DEFAULT_MAX_REPLAYS, HeaderDiff, OriginalRecord, OutgoingRecord, RawHash, Redactor, ReplayMark, Route, Skipped, plan_headers};

use crate::ledger::{HashKey, LetterKey, LetterState, SentState};
use crate::send::replay::{AskedLetter, Readers, Writing};

/// Records of a preview whose contents are kept to be looked at.
const MAX_SHOWN: usize = 200;
/// How many bytes of each.
const MAX_SHOWN_BYTES: usize = 64 << 10;

/// What would be sent, and what follows from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// Id of the run that would send it.
    pub replay_id: String,
    /// Name of the source.
    pub cluster: String,
    /// What the cluster calls itself; `None` = it has not said.
    pub cluster_id: Option<String>,
    /// The channel that is sent to.
    pub target: String,
    /// Records that would be sent, in that order.
    pub planned: Vec<Planned>,
    /// Letters that would not, and why.
    pub skipped: Vec<SkippedLetter>,
    /// How many are stored in all of those that died of the same; the others were not asked for.
    pub num_stored: u64,
    /// Into which partitions.
    pub partitions: PartitionRule,
    /// Who will read it.
    pub readers: Readers,
    /// The groups that letters of this ask died in.
    pub failed_groups: BTreeSet<String>,
    /// Whether it may be sent.
    pub writing: Writing,
    /// When it was read, ns since the Unix epoch.
    pub read_ns: i64,
}

/// A record that would be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The letter.
    pub asked: AskedLetter,
    /// The id that the record will carry.
    pub replay_id: String,
    /// Hash of the very bytes under the ledger's key.
    pub hash: RawHash,
    /// Their number: key, value and headers.
    pub size_bytes: usize,
    /// The partition; `None` = by its key.
    pub partition: Option<i32>,
    /// How often it will have been replayed.
    pub replay_count: u32,
    /// What it looks like without its secrets; `None` beyond the first few hundred.
    pub shown: Option<Arc<ShownRecord>>,
}

/// A record as it may be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownRecord {
    /// The key; `None` = null.
    pub key: Option<Vec<u8>>,
    /// The value, cut at 64 KiB; `None` = null.
    pub value: Option<Vec<u8>>,
    /// Bytes of the value on the broker.
    pub value_size_bytes: usize,
    /// Whether a secret was replaced in key or value.
    pub redacted: bool,
    /// What becomes of each header.
    pub diff: HeaderDiff,
}

/// A letter that is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedLetter {
    /// The letter.
    pub letter: LetterKey,
    /// Why.
    pub reason: String,
}

/// Into which partitions records go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionRule {
    /// Where each first lay; the target has so many.
    AsOriginal {
        /// Partitions of the target.
        num_partitions: i32,
    },
    /// By their keys: where some first lay is not known, or is not there.
    ByKey {
        /// Records of which that is so.
        num_unknown: usize,
        /// Partitions of the target; unknown = `None`.
        num_partitions: Option<i32>,
    },
}

/// Why it makes no sense to send letters from this cluster to this channel.
pub(super) fn wrong(cluster: &str, target: &str, letters: &[AskedLetter]) -> Option<String> {
    if letters.is_empty() {
        return Some("no open letter is meant".to_owned());
    }
    if target.is_empty() {
        return Some("the letters do not tell which channel they came from, so there is nowhere to send them".to_owned());
    }
    if letters.iter().any(|asked| asked.letter.at.channel == target) {
        return Some(format!("they would go back to {target}, where they lie dead"));
    }
    if letters.iter().any(|asked| asked.letter.at.cluster != cluster) {
        return Some("the letters lie on several clusters; send those of one at a time".to_owned());
    }
    None
}

/// The letters that may be sent as far as the ledger goes, each once, and those that may not.
pub(super) fn choose(letters: Vec<AskedLetter>, state: impl Fn(&LetterKey) -> LetterState) -> (Vec<AskedLetter>, Vec<SkippedLetter>) {
    let (mut chosen, mut skipped, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for asked in letters {
        if !seen.insert(asked.letter.clone()) {
            continue;
        }
        let reason = match state(&asked.letter) {
            LetterState::Open => None,
            LetterState::Sent(SentState::Persisted) => Some("sent before".to_owned()),
            LetterState::Sent(SentState::Possibly) => Some("may have been sent before; it is not sent twice".to_owned()),
            LetterState::Consumed => Some("sent and consumed before".to_owned()),
            LetterState::DeadAgain => Some("sent before; it died again as another letter".to_owned()),
            LetterState::Parked(note) => Some(format!("parked: {note}")),
        };
        match reason {
            Some(reason) => skipped.push(SkippedLetter { letter: asked.letter, reason }),
            None => chosen.push(asked),
        }
    }
    (chosen, skipped)
}

/// The id of the record at this place of a run; what comes back is known by it.
pub(super) fn record_replay_id(replay_id: &str, index: usize) -> String {
    format!("{replay_id}.{}", index + 1)
}

/// A record, ready to be sent.
pub(super) struct Built {
    pub outgoing: OutgoingRecord,
    pub diff: HeaderDiff,
    pub replay_count: u32,
    pub hash: RawHash,
}

/// Makes the record that is sent from the one that was read: the same key and value, headers as planned.
pub(super) fn build(
    original: OriginalRecord,
    target: &str,
    partition: Option<i32>,
    replay_id: &str,
    redactor: &Redactor,
    hash_key: &HashKey,
) -> Result<Built, Skipped> {
    let plan = plan_headers(&original, &ReplayMark { replay_id, max_replays: DEFAULT_MAX_REPLAYS }, redactor)?;
    let route = partition.map_or(Route::Key, Route::Partition);
    let outgoing = OutgoingRecord { channel: target.to_owned(), route, key: original.key, value: original.value, headers: plan.headers, timestamp_ms: None };
    let hash = hash_key.hash(&outgoing);
    Ok(Built { outgoing, diff: plan.diff, replay_count: plan.replay_count, hash })
}

/// The partition to send to: where it first lay, if the target has that.
pub(super) fn partition(asked: &AskedLetter, num_partitions: Option<i32>) -> Option<i32> {
    asked.origin_place.as_ref()?.partition().filter(|partition| num_partitions.is_some_and(|num| (0..num).contains(partition)))
}

/// Collects what was read again.
pub(super) struct Planner<'a> {
    pub target: &'a str,
    pub replay_id: &'a str,
    pub num_partitions: Option<i32>,
    pub redactor: &'a Redactor,
    pub hash_key: &'a HashKey,
    pub planned: Vec<Planned>,
    pub skipped: Vec<SkippedLetter>,
}

impl Planner<'_> {
    /// Takes what was read of a letter.
    pub(super) fn take(&mut self, asked: AskedLetter, read: Result<OriginalRecord, Skipped>) {
        let partition = partition(&asked, self.num_partitions);
        let replay_id = record_replay_id(self.replay_id, self.planned.len());
        match read.and_then(|original| build(original, self.target, partition, &replay_id, self.redactor, self.hash_key)) {
            Ok(built) => {
                let shown = (self.planned.len() < MAX_SHOWN).then(|| Arc::new(shown(&built, self.redactor)));
                let Built { outgoing, replay_count, hash, .. } = built;
                self.planned.push(Planned { asked, replay_id, hash, size_bytes: outgoing.size_bytes(), partition, replay_count, shown });
            }
            Err(reason) => self.skipped.push(SkippedLetter { letter: asked.letter, reason: reason.to_string() }),
        }
    }

    /// Into which partitions the records go.
    pub(super) fn partitions(&self) -> PartitionRule {
        let num_unknown = self.planned.iter().filter(|planned| planned.partition.is_none()).count();
        match self.num_partitions {
            Some(num_partitions) if num_unknown == 0 => PartitionRule::AsOriginal { num_partitions },
            num_partitions => PartitionRule::ByKey { num_unknown, num_partitions },
        }
    }
}

fn shown(built: &Built, redactor: &Redactor) -> ShownRecord {
    let mut redacted = false;
    let mut show = |bytes: Option<&[u8]>| {
        bytes.map(|bytes| {
            // Redacted before it is cut, so that no cut through a secret lets a part of it be seen.
            let mut shown = redactor.redact_bytes(bytes).into_owned();
            redacted |= shown != bytes;
            shown.truncate(MAX_SHOWN_BYTES);
            shown
        })
    };
    let (key, value) = (show(built.outgoing.key.as_deref()), show(built.outgoing.value.as_deref()));
    let value_size_bytes = built.outgoing.value.as_ref().map_or(0, Vec::len);
    ShownRecord { key, value, value_size_bytes, redacted, diff: built.diff.clone() }
}

impl Preview {
    /// Bytes of all records.
    pub fn size_bytes(&self) -> usize {
        self.planned.iter().map(|planned| planned.size_bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use switchboard_engine::view::LetterView;
    use switchboard_model::ToldPlace;

    use super::*;
    use crate::ledger::KindHash;

    #[test]
    fn a_record_goes_where_it_first_lay_if_the_letter_names_that_partition_and_the_target_has_it() {
        for (told, num_partitions, goes_to) in [
            ((Some(2), Some(100)), Some(3), Some(2)),
            ((Some(2), None), Some(3), Some(2)),
            ((None, Some(100)), Some(3), None),
            ((None, None), Some(3), None),
            ((Some(2), None), Some(2), None),
            ((Some(2), None), None, None),
        ] {
            let view = LetterView { origin_place: ToldPlace::of(told.0, told.1), ..LetterView::default() };
            assert_eq!(partition(&AskedLetter::of(&view, KindHash(1)), num_partitions), goes_to, "{told:?} of {num_partitions:?}");
        }
    }
}
