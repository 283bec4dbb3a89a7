//! Dead letters: on channels known by name or choice, or proved by their headers wherever they lie; counted by what they died of.

use std::collections::{BTreeMap, BTreeSet};

use switchboard_model::{DeadLetterName, NO_TIME, RecordBatch, RecordRow, dead_letter_name, is_retry_name, may_tell_failure};

use crate::state::dead_letter_dialect::{DeadLetterInfo, parse};
use crate::view::{ChannelKey, DeadLetterView};

/// Kinds of death kept over all channels; further ones are counted as others, per channel.
const MAX_KINDS: usize = 2_000;
/// A record's own time is believed if it is not this far ahead of its arrival.
const MAX_AHEAD_NS: i64 = 60_000_000_000;
/// What stands for all that came after the cap.
const OTHERS: &str = "others, not told apart";

/// What the headers of a dead letter tell, and its fingerprint. `headers` are those that are not redacted.
pub(crate) fn death<'a>(headers: impl IntoIterator<Item = (&'a str, Option<&'a [u8]>)>, headers_readable: bool) -> (Option<DeadLetterInfo>, String) {
    let info = parse(headers);
    let fingerprint = match &info {
        Some(info) => info.fingerprint(),
        None if !headers_readable => "headers unreadable".into(),
        None => "no headers that tell why".into(),
    };
    (info, fingerprint)
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    cluster: String,
    channel: String,
    origin: Option<String>,
    fingerprint: String,
    dialect: Option<&'static str>,
    /// Whether its channel is none of dead letters, as far as its name tells.
    is_among_others: bool,
}

/// What is known of the records of a channel before they are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    /// They are dead, by name or choice.
    Dead,
    /// They wait to be tried again.
    Retries,
    /// Only their headers tell.
    Any,
}

/// Whether a record has any header that frameworks write when they give one up.
fn bears_failure(batch: &RecordBatch, record: &RecordRow) -> bool {
    let headers = batch.headers.get(record.headers.range()).unwrap_or_default();
    headers.iter().any(|header| may_tell_failure(batch.text.get(header.name)))
}

/// Whether headers alone prove a record on this channel dead: not if it is back where it came from, as after a replay that left its
/// headers on, nor if it is yet to be tried again.
fn is_dead_on(info: &DeadLetterInfo, channel: &str, timestamp_ns: i64) -> bool {
    let is_due = timestamp_ns != NO_TIME && info.due_ns.is_some_and(|due_ns| due_ns > timestamp_ns);
    info.is_proof && info.origin.as_deref() != Some(channel) && !is_due
}

/// Number of a kind of death, in the order they were met: what stands for it beside each stored letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct KindNumber(u32);

#[derive(Clone, Copy, Debug)]
struct Tally {
    count: u64,
    first_ns: i64,
    last_ns: i64,
}

/// Dead letters by what they died of.
#[derive(Debug, Default)]
pub(crate) struct DeadLetters {
    chosen: BTreeSet<String>,
    kinds: BTreeMap<Kind, KindNumber>,
    /// By number; `None` = met, and not yet counted.
    tallies: Vec<Option<Tally>>,
}

impl DeadLetters {
    /// Takes a channel for one of dead letters, whatever its name.
    pub(crate) fn choose(&mut self, channel: &str) {
        self.chosen.insert(channel.to_owned());
    }

    /// What is known of the records of a channel before they are looked at.
    fn holds(&self, channel: &str) -> Holds {
        match dead_letter_name(channel) {
            _ if self.chosen.contains(channel) => Holds::Dead,
            DeadLetterName::Sure => Holds::Dead,
            _ if is_retry_name(channel) => Holds::Retries,
            DeadLetterName::Perhaps | DeadLetterName::No => Holds::Any,
        }
    }

    /// What the records of a batch died of, in their order; `None` = no dead letter. Nothing is counted yet.
    pub(crate) fn kinds_of(&mut self, batch: &RecordBatch, kinds: &mut Vec<Option<KindNumber>>) {
        kinds.clear();
        let holds: Vec<Holds> = batch.channels.iter().map(|channel| self.holds(batch.text.get(channel.name))).collect();
        for (index, record) in batch.records.iter().enumerate() {
            let Some(holds) = holds.get(record.channel as usize) else { continue };
            if *holds == Holds::Retries || (*holds == Holds::Any && !bears_failure(batch, record)) {
                continue;
            }
            if let Some(kind) = self.kind_of(*holds, batch, record) {
                kinds.resize(batch.records.len(), None);
                kinds[index] = Some(kind);
            }
        }
    }

    fn kind_of(&mut self, holds: Holds, batch: &RecordBatch, record: &RecordRow) -> Option<KindNumber> {
        let channel = batch.text.get(batch.channels.get(record.channel as usize)?.name);
        let headers = batch.headers.get(record.headers.range()).unwrap_or_default();
        let readable = headers.iter().filter(|header| !header.redacted);
        let (info, fingerprint) =
            death(readable.map(|header| (batch.text.get(header.name), header.value.map(|value| batch.text.bytes(value)))), record.headers_readable);
        if holds == Holds::Any && !info.as_ref().is_some_and(|info| is_dead_on(info, channel, record.timestamp_ns)) {
            return None;
        }
        let dialect = info.as_ref().map(|info| info.dialect);
        let (cluster, channel) = (batch.cluster.name.clone(), channel.to_owned());
        let kind = Kind { cluster, channel, origin: info.and_then(|info| info.origin), fingerprint, dialect, is_among_others: holds == Holds::Any };
        let full = self.kinds.len() >= MAX_KINDS && !self.kinds.contains_key(&kind);
        let kind = if full { Kind { origin: None, fingerprint: OTHERS.into(), dialect: None, ..kind } } else { kind };
        let tallies = &mut self.tallies;
        Some(*self.kinds.entry(kind).or_insert_with(|| {
            tallies.push(None);
            KindNumber(tallies.len() as u32 - 1)
        }))
    }

    /// Counts a letter that was not seen before. Its own time is `NO_TIME` where it has none.
    pub(crate) fn count(&mut self, kind: KindNumber, time_ns: i64, received_ns: i64) {
        let is_told = time_ns != NO_TIME && time_ns > 0 && time_ns <= received_ns.saturating_add(MAX_AHEAD_NS);
        let at_ns = if is_told { time_ns } else { received_ns };
        let Some(tally) = self.tallies.get_mut(kind.0 as usize) else { return };
        let tally = tally.get_or_insert(Tally { count: 0, first_ns: at_ns, last_ns: at_ns });
        tally.count += 1;
        tally.first_ns = tally.first_ns.min(at_ns);
        tally.last_ns = tally.last_ns.max(at_ns);
    }

    /// The kinds of this channel, origin and fingerprint: of each dialect one, and of each cluster where none is named.
    pub(crate) fn numbers_of(&self, channel: &ChannelKey, origin: Option<&str>, fingerprint: &str) -> Vec<KindNumber> {
        let is_asked_for = |kind: &Kind| {
            kind.channel == channel.name
                && channel.cluster.as_ref().is_none_or(|cluster| *cluster == kind.cluster)
                && kind.origin.as_deref() == origin
                && kind.fingerprint == fingerprint
        };
        self.numbers(is_asked_for)
    }

    /// The kinds of a cluster.
    pub(crate) fn numbers_in(&self, cluster: &str) -> Vec<KindNumber> {
        self.numbers(|kind| kind.cluster == cluster)
    }

    fn numbers(&self, is_asked_for: impl Fn(&Kind) -> bool) -> Vec<KindNumber> {
        self.kinds.iter().filter(|(kind, _)| is_asked_for(kind)).map(|(_, number)| *number).collect()
    }

    /// One row a channel, origin and fingerprint.
    pub(crate) fn views(&self) -> Vec<DeadLetterView> {
        let view = |(kind, number): (&Kind, &KindNumber)| {
            let tally = self.tallies.get(number.0 as usize).copied().flatten()?;
            Some(DeadLetterView {
                channel: kind.channel.clone(),
                channel_node: None,
                origin: kind.origin.clone(),
                origin_node: None,
                fingerprint: kind.fingerprint.clone(),
                count: tally.count,
                first_ns: tally.first_ns,
                last_ns: tally.last_ns,
                dialect: kind.dialect.map(str::to_owned),
                cluster: kind.cluster.clone(),
                is_among_others: kind.is_among_others,
            })
        };
        self.kinds.iter().filter_map(view).collect()
    }
}

#[cfg(test)]
#[path = "dead_letters_tests.rs"]
mod tests;
