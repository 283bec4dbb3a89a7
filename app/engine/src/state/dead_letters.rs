//! Dead letters: channels known by name or choice, proved by their records' headers, and counted by what they died of.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use switchboard_model::{NO_TIME, RecordBatch, is_dead_letter_name};

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
}

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
    kinds: BTreeMap<Kind, Tally>,
}

impl DeadLetters {
    /// Takes a channel for one of dead letters, whatever its name.
    pub(crate) fn choose(&mut self, channel: &str) {
        self.chosen.insert(channel.to_owned());
    }

    /// Whether a channel holds dead letters, by name or choice.
    pub(crate) fn is_candidate(&self, channel: &str) -> bool {
        is_dead_letter_name(channel) || self.chosen.contains(channel)
    }

    /// Counts a record that was not seen before, if its channel holds dead letters. What its headers tell, where they do.
    pub(crate) fn observe(&mut self, cluster: &str, channel: &str, batch: &RecordBatch, row: usize, received_ns: i64) -> Option<DeadLetterInfo> {
        let record = batch.records.get(row)?;
        if !self.is_candidate(channel) {
            return None;
        }
        let headers = batch.headers.get(record.headers.range()).unwrap_or_default();
        let readable = headers.iter().filter(|header| !header.redacted);
        let (info, fingerprint) =
            death(readable.map(|header| (batch.text.get(header.name), header.value.map(|value| batch.text.bytes(value)))), record.headers_readable);
        let time_ns = record.timestamp_ns;
        let is_told = time_ns != NO_TIME && time_ns > 0 && time_ns <= received_ns.saturating_add(MAX_AHEAD_NS);
        self.count(
            Kind {
                cluster: cluster.to_owned(),
                channel: channel.to_owned(),
                origin: info.as_ref().and_then(|info| info.origin.clone()),
                fingerprint,
                dialect: info.as_ref().map(|info| info.dialect),
            },
            if is_told { time_ns } else { received_ns },
        );
        info
    }

    fn count(&mut self, kind: Kind, at_ns: i64) {
        let full = self.kinds.len() >= MAX_KINDS && !self.kinds.contains_key(&kind);
        let kind = if full { Kind { origin: None, fingerprint: OTHERS.into(), dialect: None, ..kind } } else { kind };
        let tally = self.kinds.entry(kind).or_insert(Tally { count: 0, first_ns: at_ns, last_ns: at_ns });
        tally.count += 1;
        tally.first_ns = tally.first_ns.min(at_ns);
        tally.last_ns = tally.last_ns.max(at_ns);
    }

    /// Where a fingerprint stands for all that came after the cap: the origins and fingerprints in this channel that do not.
    pub(crate) fn told_apart(&self, channel: &ChannelKey, fingerprint: &str) -> Option<HashSet<(Option<String>, String)>> {
        let is_of = |kind: &&Kind| kind.channel == channel.name && channel.cluster.as_ref().is_none_or(|cluster| *cluster == kind.cluster);
        let kinds = || self.kinds.keys().filter(is_of).filter(|kind| kind.fingerprint != OTHERS);
        (fingerprint == OTHERS).then(|| kinds().map(|kind| (kind.origin.clone(), kind.fingerprint.clone())).collect())
    }

    /// One row a channel, origin and fingerprint.
    pub(crate) fn views(&self) -> Vec<DeadLetterView> {
        let view = |(kind, tally): (&Kind, &Tally)| DeadLetterView {
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
        };
        self.kinds.iter().map(view).collect()
    }
}

#[cfg(test)]
#[path = "dead_letters_tests.rs"]
mod tests;
