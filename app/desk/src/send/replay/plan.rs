//! What would be sent: pure, from letters, what was read again, and what is known of them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use switchboard_model::{
    DEFAULT_MAX_REPLAYS, HeaderDiff, MessageRef, OriginalRecord, OutgoingRecord, REPLAY_ID_HEADER, RawHash, Redactor, ReplayMark, Route, Skipped, plan_headers,
};

use crate::ledger::{HashKey, LetterKey, LetterState, Letters, SentState};
use crate::send::edit::{Difference, Edited, change_headers};
use crate::send::record_file::RecordFile;
use crate::send::replay::key_order::{KeyOrder, KeyOrders};
use crate::send::replay::pace::takes;
use crate::send::replay::target::first_of_each;
use crate::send::replay::{
    AskedLetter, ChosenPace, ClusterAccess, PaceBounds, RangesFound, Readers, ReplayAsk, ReplayOptions, ReplayTarget, TargetPlan, Writing, target_words,
};

/// Records of a preview whose contents are kept to be looked at.
const MAX_SHOWN: usize = 200;
/// How many bytes of each.
const MAX_SHOWN_BYTES: usize = 64 << 10;

/// What would be sent, and what follows from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// What was asked for.
    pub ask: Arc<ReplayAsk>,
    /// Id of the run that would send it.
    pub replay_id: String,
    /// The cluster on which the records lie, by the name of its source; of a file's records the one that is sent to.
    pub from: String,
    /// The file that they are of; `None` = they are read from the cluster.
    pub file: Option<Arc<RecordFile>>,
    /// The cluster that is sent to, by the name of its source.
    pub cluster: String,
    /// What that calls itself; `None` = it has not said.
    pub cluster_id: Option<String>,
    /// What the one on which they lie calls itself; `None` = it has not said.
    pub from_id: Option<String>,
    /// The channels that are sent to, by name, and what goes to each; the one that was asked for also where nothing would go.
    pub targets: Vec<TargetPlan>,
    /// Records that would be sent, in that order.
    pub planned: Vec<Planned>,
    /// What becomes of the order of those that have the same key.
    pub key_order: KeyOrder,
    /// Letters that would not, and why.
    pub skipped: Vec<SkippedLetter>,
    /// How many are stored in all of those that died of the same; the others were not asked for. Of ranges, how many lie in them.
    pub num_stored: u64,
    /// What the ranges came to that were asked for; `None` = none were.
    pub ranges: Option<RangesFound>,
    /// How many go first, and are followed before the rest goes.
    pub num_first: usize,
    /// How many the rest goes at, a second.
    pub rate_per_s: u32,
    /// What these two are where nothing is chosen, and what can be.
    pub bounds: PaceBounds,
    /// Who will read it.
    pub readers: Readers,
    /// By channel that is sent to: the groups that letters died in which go there.
    pub failed_groups: BTreeMap<String, BTreeSet<String>>,
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
    /// The channel that it goes to.
    pub target: String,
    /// The id that the record will carry.
    pub replay_id: String,
    /// Hash of the very bytes under the ledger's key.
    pub hash: RawHash,
    /// Hash of the bytes that lie on the broker, under the same key.
    pub source_hash: RawHash,
    /// Whether it is changed by hand.
    pub edited: bool,
    /// Their number: key, value and headers.
    pub size_bytes: usize,
    /// The partition; `None` = by its key.
    pub partition: Option<i32>,
    /// How often it will have been replayed.
    pub replay_count: u32,
    /// What it looks like without its secrets; `None` beyond the first few hundred, but for the last: it is read again where it is looked at.
    pub shown: Option<Arc<ShownRecord>>,
}

/// A key and a value; `None` = null.
pub(in crate::send) type KeyAndValue = (Option<Vec<u8>>, Option<Vec<u8>>);

/// A part of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordPart {
    /// Its key.
    Key,
    /// Its value.
    Value,
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
    /// What is another in key and value than on the broker, of all of their bytes.
    pub changed: Vec<(RecordPart, Difference)>,
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
    /// By their keys, as was asked for.
    ByKeyAsAsked {
        /// Partitions of the target; unknown = `None`.
        num_partitions: Option<i32>,
    },
    /// By their keys: where some first lay is not known, or is not there.
    ByKey {
        /// Records of which that is so.
        num_unknown: usize,
        /// Partitions of the target; unknown = `None`.
        num_partitions: Option<i32>,
    },
}

/// Why a letter in this state is not sent; `None` = it may be.
pub(super) fn held(state: LetterState, again: bool) -> Option<String> {
    match state {
        LetterState::Parked(note) => Some(format!("parked: {note}")),
        _ if again => None,
        LetterState::Open => None,
        LetterState::Sent(SentState::Persisted) => Some("sent before".to_owned()),
        LetterState::Sent(SentState::Possibly) => Some("may have been sent before; it is not sent twice".to_owned()),
        LetterState::Consumed => Some("sent and consumed before".to_owned()),
        LetterState::DeadAgain => Some("sent before; it died again as another letter".to_owned()),
    }
}

/// The letters that may be sent as far as the ledger goes, each once, and those that may not.
pub(super) fn choose(letters: Vec<AskedLetter>, again: bool, state: impl Fn(&LetterKey) -> LetterState) -> (Vec<AskedLetter>, Vec<SkippedLetter>) {
    let (mut chosen, mut skipped, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for asked in letters {
        if !seen.insert(asked.letter.clone()) {
            continue;
        }
        match held(state(&asked.letter), again) {
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
pub(in crate::send) struct Built {
    pub outgoing: OutgoingRecord,
    pub diff: HeaderDiff,
    pub replay_count: u32,
    pub hash: RawHash,
    /// Of what lies on the broker.
    pub source_hash: RawHash,
    pub edited: bool,
    /// Key and value as they lie on the broker, where they are changed.
    pub was: Option<KeyAndValue>,
}

/// To which channel a record goes, and how.
#[derive(Clone, Copy)]
pub(super) struct Way<'a> {
    pub target: &'a str,
    /// Partitions of the target; `None` = unknown.
    pub num_partitions: Option<i32>,
    pub options: &'a ReplayOptions,
    pub redactor: &'a Redactor,
    pub hash_key: &'a HashKey,
}

impl Way<'_> {
    /// Makes the record that is sent from the one that was read: the same key and value but for what is changed, headers as planned.
    pub(super) fn build(&self, asked: &AskedLetter, original: OriginalRecord, replay_id: &str) -> Result<Built, String> {
        let source_hash = self.hash_key.hash_parts(&original.parts());
        if asked.planned_hash.is_some_and(|planned| planned != source_hash) {
            return Err("changed: another record lies at this offset than the one that was planned".to_owned());
        }
        let changes = self.options.changes.to(&asked.letter);
        let (key, value) = (original.key.clone(), original.value.clone());
        let Edited { original, is_changed } = Edited::of(original, changes.clone()).map_err(|error| error.to_string())?;
        let plan =
            plan_headers(&original, &ReplayMark { replay_id, max_replays: DEFAULT_MAX_REPLAYS }, self.redactor).map_err(|skipped| skipped.to_string())?;
        let route = self.partition(asked).map_or(Route::Key, Route::Partition);
        let timestamp_ms = original.timestamp_ms.filter(|_| self.options.keeps_time);
        let OriginalRecord { key: sent_key, value: sent_value, headers, .. } = original;
        let outgoing = OutgoingRecord { channel: self.target.to_owned(), route, key: sent_key, value: sent_value, headers: plan.headers, timestamp_ms };
        let was = is_changed.then_some((key, value));
        let (replay_count, hash) = (plan.replay_count, RawHash::UNKNOWN);
        let mut built = Built { outgoing, diff: plan.diff, replay_count, hash, source_hash, edited: false, was };
        built.edited = change_headers(is_changed, &mut built, &headers, changes, self.redactor).map_err(|error| error.to_string())?;
        built.hash = self.hash_key.hash(&built.outgoing);
        Ok(built)
    }

    /// The partition to send to: where it first lay, if the target has that, and it shall not go by its key.
    pub(super) fn partition(&self, asked: &AskedLetter) -> Option<i32> {
        if self.options.by_key {
            return None;
        }
        partition(asked, self.num_partitions)
    }
}

/// Where it first lay, if the target has that partition.
fn partition(asked: &AskedLetter, num_partitions: Option<i32>) -> Option<i32> {
    asked.origin_place.as_ref()?.partition().filter(|partition| num_partitions.is_some_and(|num| (0..num).contains(partition)))
}

/// What is known of a channel that is sent to.
#[derive(Clone, Debug)]
pub(super) struct There {
    /// Its partitions; `None` = unknown.
    pub num_partitions: Option<i32>,
    /// How many bytes a record may take; an error says why nobody knows.
    pub size_limit: Result<u64, String>,
}

impl There {
    /// Gives the record back if it fits; else the reason. `access` tells how many bytes it takes.
    fn fit(&self, built: Built, access: &dyn ClusterAccess) -> Result<Built, String> {
        match self.size_limit {
            Ok(limit) if access.size_there(&built.outgoing) > limit => Err(format!(
                "too large: with what a batch adds {} takes {limit} bytes at most (max.message.bytes). Raise that, or make it smaller by a change",
                built.outgoing.channel
            )),
            _ => Ok(built),
        }
    }
}

/// Collects what was read again.
pub(super) struct Planner<'a> {
    pub target: &'a ReplayTarget,
    /// The channels that are sent to.
    pub there: BTreeMap<String, There>,
    pub options: &'a ReplayOptions,
    pub redactor: &'a Redactor,
    pub hash_key: &'a HashKey,
    pub replay_id: &'a str,
    /// Where letters stand, which were told apart only now that they were read.
    pub letters: &'a Letters,
    /// The cluster that is sent to.
    pub access: &'a dyn ClusterAccess,
    /// Whether dead letters lie on a channel of the cluster that is read, among others or not.
    pub holds_the_dead: &'a (dyn Fn(&str) -> bool + Sync),
    /// How many one run sends at most; `None` = all.
    pub num_most: Option<usize>,
    pub planned: Vec<Planned>,
    pub skipped: Vec<SkippedLetter>,
    /// What ranges came to; `None` = these are of no range.
    pub ranges: Option<RangesFound>,
    /// Places of ranges that were taken: ranges may overlap.
    pub taken: BTreeSet<MessageRef>,
    /// How many go first: they can be looked at, whichever channel they go to.
    pub num_first: usize,
    /// How many are planned for each channel.
    pub num_to: BTreeMap<String, usize>,
    /// In which order those of a key are planned.
    pub key_orders: KeyOrders,
    /// How long it may take to tell the difference of each that is changed.
    pub compared_within: Duration,
}

impl Planner<'_> {
    /// Takes what was read at a place of a range, if it is of it.
    pub(super) fn take_of_range(&mut self, asked: AskedLetter, times_ms: Option<&Range<i64>>, read: Result<OriginalRecord, Skipped>) {
        if let Some(ranges) = &mut self.ranges {
            if matches!(read, Err(Skipped::Gone)) {
                ranges.num_empty += 1;
                return;
            }
            let is_outside = |times_ms: &Range<i64>| read.as_ref().is_ok_and(|original| original.timestamp_ms.is_none_or(|ms| !times_ms.contains(&ms)));
            if times_ms.is_some_and(is_outside) {
                ranges.num_outside += 1;
                return;
            }
            if !self.taken.insert(asked.letter.at.clone()) {
                ranges.num_places -= 1;
                return;
            }
            // What the last run of a range put behind it is not what was meant: it would go round and round.
            let comes_back = self.options.to.is_none() && !self.options.again && self.there.contains_key(&asked.letter.at.channel);
            let is_replayed = |original: &OriginalRecord| original.headers.iter().any(|header| header.name == REPLAY_ID_HEADER);
            if comes_back && read.as_ref().is_ok_and(is_replayed) {
                let reason = "a replay put it there, so it was sent before; choose \"also what was sent before\" to send it again".to_owned();
                return self.skipped.push(SkippedLetter { letter: asked.letter, reason });
            }
        }
        self.take(asked, read);
    }

    /// Partitions of a channel that is sent to; `None` = unknown.
    pub(super) fn num_partitions(&self, target: &str) -> Option<i32> {
        self.there.get(target).and_then(|there| there.num_partitions)
    }

    /// Whether one run sends no more than is planned by now.
    pub(super) fn is_full(&self) -> bool {
        self.num_most.is_some_and(|num_most| self.planned.len() >= num_most)
    }

    /// Leaves a letter that was not read for another run.
    pub(super) fn leave_unread(&mut self, asked: AskedLetter) {
        if self.taken.insert(asked.letter.at.clone()) {
            self.leave(asked);
        }
    }

    fn leave(&mut self, asked: AskedLetter) {
        let num_most = self.num_most.unwrap_or_default();
        let reason = format!("left for another run: the profile lets one send {num_most} at most. It stays as it is");
        self.skipped.push(SkippedLetter { letter: asked.letter, reason });
    }

    /// Takes what was read of a letter.
    fn take(&mut self, mut asked: AskedLetter, read: Result<OriginalRecord, Skipped>) {
        if self.is_full() {
            return self.leave(asked);
        }
        if let (RawHash::UNKNOWN, Ok(original)) = (asked.raw_hash, &read)
            && asked.letter.timestamp_ns.is_none()
        {
            // What was asked for by its place alone has its time from now on, by which the ledger knows it.
            asked.letter.timestamp_ns = original.timestamp_ms.and_then(|ms| ms.checked_mul(1_000_000));
            let state = self.letters.get(&asked.letter).map(|record| record.state.clone()).unwrap_or_default();
            if let Some(reason) = held(state, self.options.again) {
                self.key_orders.leaves_out(self.target.of(asked.own_channel()), original.key.as_deref());
                return self.skipped.push(SkippedLetter { letter: asked.letter, reason });
            }
        }
        if let Ok(original) = &read
            && !asked.is_dead
            && (self.holds_the_dead)(&asked.letter.at.channel)
        {
            asked.learn(original);
        }
        let target = self.target.of(asked.own_channel()).to_owned();
        let there = self.there.get(&target);
        let num_partitions = there.and_then(|there| there.num_partitions);
        let way = Way { target: &target, num_partitions, options: self.options, redactor: self.redactor, hash_key: self.hash_key };
        let partition = way.partition(&asked);
        let replay_id = record_replay_id(self.replay_id, self.planned.len());
        let key = read.as_ref().ok().map(|original| original.key.clone());
        let built = read
            .map_err(|skipped| skipped.to_string())
            .and_then(|original| way.build(&asked, original, &replay_id))
            .and_then(|built| there.map_or(Err("nothing is known of the channel that it goes to".to_owned()), |there| there.fit(built, self.access)));
        match built {
            Ok(built) => {
                let num_to = self.num_to.entry(target.clone()).or_default();
                *num_to += 1;
                self.key_orders.sends(&target, &asked, built.outgoing.key.as_deref(), partition);
                let is_shown = self.planned.len() < MAX_SHOWN || *num_to <= self.num_first;
                let shown = is_shown.then(|| Arc::new(shown(&built, self.redactor, self.compared_within)));
                let Built { outgoing, replay_count, hash, source_hash, edited, .. } = built;
                let size_bytes = outgoing.size_bytes();
                self.planned.push(Planned { asked, target, replay_id, hash, source_hash, edited, size_bytes, partition, replay_count, shown });
            }
            Err(reason) => {
                if let Some(key) = key {
                    self.key_orders.leaves_out(&target, key.as_deref());
                }
                self.skipped.push(SkippedLetter { letter: asked.letter, reason });
            }
        }
    }

    /// What goes to each channel; of several, to those to which anything does.
    pub(super) fn targets(&self) -> Vec<TargetPlan> {
        // Of each: how many, their bytes, and how many of which it is not known where they first lay.
        let mut sums: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
        for planned in &self.planned {
            let (num, size_bytes, num_unknown) = sums.entry(&planned.target).or_default();
            *num += 1;
            *size_bytes += planned.size_bytes;
            *num_unknown += usize::from(planned.partition.is_none());
        }
        let plan = |(channel, there): (&String, &There)| {
            let (num, size_bytes, num_unknown) = sums.get(channel.as_str()).copied().unwrap_or_default();
            let partitions = self.partitions(there.num_partitions, num_unknown);
            TargetPlan { channel: channel.clone(), num, size_bytes, partitions, size_limit: there.size_limit.clone() }
        };
        self.there.iter().map(plan).filter(|target| target.num > 0 || self.planned.is_empty()).collect()
    }

    /// Into which partitions of a channel records go.
    fn partitions(&self, num_partitions: Option<i32>, num_unknown: usize) -> PartitionRule {
        match num_partitions {
            num_partitions if self.options.by_key => PartitionRule::ByKeyAsAsked { num_partitions },
            Some(num_partitions) if num_unknown == 0 => PartitionRule::AsOriginal { num_partitions },
            num_partitions => PartitionRule::ByKey { num_unknown, num_partitions },
        }
    }
}

/// What a record that would be sent looks like without its secrets. What is changed is told less finely where that takes longer than `compared_within`.
pub(super) fn shown(built: &Built, redactor: &Redactor, compared_within: Duration) -> ShownRecord {
    // Redacted before it is cut, so that no cut through a secret lets a part of it be seen.
    let mask = |bytes: Option<&[u8]>| bytes.map(|bytes| redactor.redact_bytes(bytes).into_owned());
    let (key, value) = (mask(built.outgoing.key.as_deref()), mask(built.outgoing.value.as_deref()));
    let redacted = key != built.outgoing.key || value != built.outgoing.value;
    let mut changed = Vec::new();
    if let Some((was_key, was_value)) = &built.was {
        for (part, was, now) in [(RecordPart::Key, was_key, &key), (RecordPart::Value, was_value, &value)] {
            let difference = Difference::of(mask(was.as_deref()).as_deref(), now.as_deref(), compared_within);
            changed.extend(difference.map(|difference| (part, difference)));
        }
    }
    let cut = |bytes: Option<Vec<u8>>| {
        bytes.map(|mut bytes| {
            bytes.truncate(MAX_SHOWN_BYTES);
            bytes
        })
    };
    let value_size_bytes = built.outgoing.value.as_ref().map_or(0, Vec::len);
    ShownRecord { key: cut(key), value: cut(value), value_size_bytes, redacted, changed, diff: built.diff.clone() }
}

impl Preview {
    /// How the records would be sent.
    pub fn options(&self) -> &ReplayOptions {
        &self.ask.options
    }

    /// Whether it is of dead letters; else of other records.
    pub fn is_of_the_dead(&self) -> bool {
        self.ask.is_of_the_dead()
    }

    /// The channel that is sent to, or how many are.
    pub fn target_words(&self) -> String {
        target_words(self.targets.iter().map(|target| target.channel.as_str()))
    }

    /// Bytes of all records.
    pub fn size_bytes(&self) -> usize {
        self.planned.iter().map(|planned| planned.size_bytes).sum()
    }

    /// How long the rest would take once it goes, where nothing makes it pause; `None` = all go among the first.
    pub fn rest_takes(&self) -> Option<Duration> {
        let num = self.planned.len().saturating_sub(self.num_first);
        (num > 0).then(|| takes(num, self.rate_per_s))
    }

    /// The same at this pace; the reason where that is not let.
    pub(super) fn at_pace(mut self, pace: ChosenPace) -> Result<Self, String> {
        (self.num_first, self.rate_per_s) = self.bounds.choose(pace)?;
        self.planned = first_of_each(self.planned, self.num_first);
        let options = ReplayOptions { pace, ..self.ask.options.clone() };
        self.ask = Arc::new(ReplayAsk { options, ..ReplayAsk::clone(&self.ask) });
        Ok(self)
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
