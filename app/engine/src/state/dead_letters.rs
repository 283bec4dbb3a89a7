//! Dead letters: on channels known by name or choice, or proved by their headers wherever they lie; counted by what they died of.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use switchboard_model::{DeadLetterName, NO_TIME, RecordBatch, RecordRow, SourceId, dead_letter_name, is_retry_name, may_tell_failure, retry_delay_ms};

use crate::source_shares::{SharedMap, Shares};
use crate::state::dead_letter_dialect::{DeadLetterInfo, parse};
use crate::view::{ChannelKey, DeadLetterView};

/// Kinds of death kept apart, shared out by source; the one not seen for longest goes first. What was of it is then counted as
/// others, per channel.
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

fn holds(channel: &str, is_chosen: bool) -> Holds {
    match dead_letter_name(channel) {
        _ if is_chosen => Holds::Dead,
        DeadLetterName::Sure => Holds::Dead,
        // Where a name tells how long records wait, they wait.
        DeadLetterName::Perhaps if retry_delay_ms(channel).is_none() => Holds::Any,
        _ if is_retry_name(channel) => Holds::Retries,
        DeadLetterName::Perhaps | DeadLetterName::No => Holds::Any,
    }
}

/// Whether a record with these headers is a dead letter on this channel.
pub(crate) fn dies_there(info: Option<&DeadLetterInfo>, channel: &str, timestamp_ns: i64, is_chosen: bool) -> bool {
    match holds(channel, is_chosen) {
        Holds::Dead => true,
        Holds::Retries => false,
        Holds::Any => info.is_some_and(|info| is_dead_on(info, channel, timestamp_ns)),
    }
}

/// Number of a kind of death, in the order they were met, never used again: what stands for it beside each stored letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct KindNumber(u32);

#[derive(Clone, Copy, Debug)]
struct Tally {
    count: u64,
    first_ns: i64,
    last_ns: i64,
}

impl Tally {
    /// Of both.
    fn with(self, other: Option<Self>) -> Self {
        let Some(other) = other else { return self };
        Self { count: self.count + other.count, first_ns: self.first_ns.min(other.first_ns), last_ns: self.last_ns.max(other.last_ns) }
    }
}

impl Kind {
    /// What stands for all of its channel that are not kept apart.
    fn others(self) -> Self {
        Self { origin: None, fingerprint: OTHERS.into(), dialect: None, ..self }
    }
}

/// A kind of death, and what was counted of it; `None` = it was met, and not yet counted.
#[derive(Debug, Default)]
struct Death {
    number: KindNumber,
    tally: Option<Tally>,
}

/// Where letters lie whose kind is no longer kept apart: they count as others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unkept {
    /// The kinds that are kept.
    pub(crate) kept: HashSet<KindNumber>,
    /// The cluster; `None` = any.
    pub(crate) cluster: Option<String>,
    /// The channel; `None` = any.
    pub(crate) channel: Option<String>,
}

impl Unkept {
    /// Whether a stored letter of this kind is one of them.
    pub(crate) fn holds(&self, kind: KindNumber, cluster: &str, channel: &str) -> bool {
        let is_its = |asked: &Option<String>, name: &str| asked.as_ref().is_none_or(|asked| asked == name);
        !self.kept.contains(&kind) && is_its(&self.cluster, cluster) && is_its(&self.channel, channel)
    }
}

/// Kinds of death that are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// By number.
    pub(crate) kinds: HashSet<KindNumber>,
    /// Those that are no longer kept apart; `None` = none of them.
    pub(crate) unkept: Option<Unkept>,
}

/// Dead letters by what they died of.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    chosen: BTreeSet<String>,
    kinds: SharedMap<Kind, Death>,
    /// What is not kept apart, a kind a channel: as many as there are channels.
    others: BTreeMap<Kind, Death>,
    /// Kept kinds by number.
    by_number: HashMap<KindNumber, Kind>,
    num_numbers: u32,
    /// Of the batch in hand, what is no longer kept apart, and as what it counts.
    left: HashMap<KindNumber, Kind>,
}

impl Default for DeadLetters {
    fn default() -> Self {
        Self {
            chosen: BTreeSet::new(),
            kinds: SharedMap::new(MAX_KINDS, 0),
            others: BTreeMap::new(),
            by_number: HashMap::new(),
            num_numbers: 0,
            left: HashMap::new(),
        }
    }
}

impl DeadLetters {
    /// Takes a channel for one of dead letters, whatever its name.
    pub(crate) fn choose(&mut self, channel: &str) {
        self.chosen.insert(channel.to_owned());
    }

    /// What is known of the records of a channel before they are looked at.
    fn holds(&self, channel: &str) -> Holds {
        holds(channel, self.chosen.contains(channel))
    }

    /// What the records of a batch died of, in their order; `None` = no dead letter. Nothing is counted yet.
    pub(crate) fn kinds_of(&mut self, batch: &RecordBatch, kinds: &mut Vec<Option<KindNumber>>) {
        kinds.clear();
        self.left.clear();
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
        Some(self.number_of(kind, batch.header.source, batch.header.received_ns))
    }

    fn number_of(&mut self, kind: Kind, source: SourceId, received_ns: i64) -> KindNumber {
        let Self { kinds, others, by_number, num_numbers, left, .. } = self;
        let mut number = |death: &mut Death| {
            if death.number == KindNumber::default() {
                *num_numbers += 1;
                death.number = KindNumber(*num_numbers);
            }
            death.number
        };
        let mut unkept = None;
        let known = kinds.see_and(&kind, source, received_ns, |kind, death| unkept = Some((kind, death)));
        let (number, place) = if let Some(death) = known {
            (number(death), kind)
        } else {
            let kind = kind.others();
            (number(others.entry(kind.clone()).or_default()), kind)
        };
        by_number.entry(number).or_insert(place);
        if let Some((kind, death)) = unkept {
            let kind = kind.others();
            by_number.remove(&death.number);
            left.insert(death.number, kind.clone());
            let others = others.entry(kind).or_default();
            others.tally = death.tally.map(|tally| tally.with(others.tally)).or(others.tally);
        }
        number
    }

    /// What found no room.
    pub(crate) fn shares(&self) -> &Shares {
        self.kinds.shares()
    }

    /// Counts a letter that was not seen before. Its own time is `NO_TIME` where it has none.
    pub(crate) fn count(&mut self, kind: KindNumber, time_ns: i64, received_ns: i64) {
        let is_told = time_ns != NO_TIME && time_ns > 0 && time_ns <= received_ns.saturating_add(MAX_AHEAD_NS);
        let at_ns = if is_told { time_ns } else { received_ns };
        let Some(kind) = self.by_number.get(&kind).or_else(|| self.left.get(&kind)) else { return };
        let Some(death) = self.kinds.get_mut(kind).or_else(|| self.others.get_mut(kind)) else { return };
        death.tally = Some(Tally { count: 1, first_ns: at_ns, last_ns: at_ns }.with(death.tally));
    }

    /// The kinds of this channel, origin and fingerprint: of each dialect one, and of each cluster where none is named.
    pub(crate) fn kinds_named(&self, channel: &ChannelKey, origin: Option<&str>, fingerprint: &str) -> Asked {
        let is_asked_for = |kind: &Kind| {
            kind.channel == channel.name
                && channel.cluster.as_ref().is_none_or(|cluster| *cluster == kind.cluster)
                && kind.origin.as_deref() == origin
                && kind.fingerprint == fingerprint
        };
        let is_of_others = origin.is_none() && fingerprint == OTHERS;
        let unkept = is_of_others.then(|| self.unkept(channel.cluster.as_deref(), Some(&channel.name))).flatten();
        Asked { kinds: self.numbers(is_asked_for), unkept }
    }

    /// The kinds of a cluster.
    pub(crate) fn kinds_in(&self, cluster: &str) -> Asked {
        Asked { kinds: self.numbers(|kind| kind.cluster == cluster), unkept: self.unkept(Some(cluster), None) }
    }

    fn numbers(&self, is_asked_for: impl Fn(&Kind) -> bool) -> HashSet<KindNumber> {
        self.by_number.iter().filter(|(_, kind)| is_asked_for(kind)).map(|(number, _)| *number).collect()
    }

    /// Letters of kinds that are no longer kept apart; `None` = there are none.
    fn unkept(&self, cluster: Option<&str>, channel: Option<&str>) -> Option<Unkept> {
        let told = |name: Option<&str>| name.map(str::to_owned);
        (self.kinds.shares().num_left_out() > 0).then(|| Unkept {
            kept: self.by_number.keys().copied().collect(),
            cluster: told(cluster),
            channel: told(channel),
        })
    }

    /// One row a channel, origin and fingerprint.
    pub(crate) fn views(&self) -> Vec<DeadLetterView> {
        let view = |(kind, death): (&Kind, &Death)| {
            let tally = death.tally?;
            Some(DeadLetterView {
                channel: kind.channel.clone(),
                channel_node: None,
                origin: kind.origin.clone(),
                origin_node: None,
                fingerprint: kind.fingerprint.clone(),
                count: tally.count,
                num_open: tally.count,
                first_ns: tally.first_ns,
                last_ns: tally.last_ns,
                dialect: kind.dialect.map(str::to_owned),
                cluster: kind.cluster.clone(),
                is_among_others: kind.is_among_others,
            })
        };
        let mut kinds: Vec<(&Kind, &Death)> = self.kinds.iter().chain(&self.others).collect();
        kinds.sort_unstable_by_key(|(kind, _)| *kind);
        kinds.into_iter().filter_map(view).collect()
    }
}

#[cfg(test)]
mod tests;
