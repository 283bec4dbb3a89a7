//! Reading the ledger back.

use std::collections::BTreeMap;

use rusqlite::types::Type;
use rusqlite::{Connection, Row};
use switchboard_model::{MessageRef, Outcome, Place, Receipt};

use super::line::SentState;
use super::place::decode;
use super::{ClusterIds, KindHash, LedgerLine, LetterKey, LetterRecord, LetterState, SendId, Settled, SettledAs, TargetKind};

/// What stands for an outcome that was never written.
pub(super) const NO_OUTCOME: &str = "no outcome was written: the program ended in between";

pub(super) fn place(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Place>> {
    let Some(bytes) = row.get::<_, Option<Vec<u8>>>(column)? else { return Ok(None) };
    let unreadable = || rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, "these bytes are no place".into());
    decode(&bytes).map(Some).ok_or_else(unreadable)
}

/// A letter from three columns: its channel, where there is one, and what tells it apart there.
pub(super) fn letter(row: &Row<'_>, first: usize, cluster: &str) -> rusqlite::Result<Option<LetterKey>> {
    let Some(channel) = row.get(first)? else { return Ok(None) };
    let place = place(row, first + 1)?.unwrap_or_default();
    Ok(Some(LetterKey { at: MessageRef { cluster: cluster.to_owned(), channel, place }, timestamp_ns: row.get(first + 2)? }))
}

/// What became of a send, from its word and the columns beside it: an intent without an outcome, or with one that this version does not know, may have
/// been written.
pub(super) fn settled(word: Option<&str>, reason: Option<String>, written_to: Option<Place>, status: Option<i32>) -> Settled {
    let no_reason = if word.is_none() { NO_OUTCOME } else { "" };
    let reason = reason.unwrap_or_else(|| no_reason.to_owned());
    let known = |settled: SettledAs| Some(settled.word()) == word;
    if known(SettledAs::Done) {
        return Settled::Tried(Outcome::persisted(written_to));
    }
    let receipt = match (word, status) {
        (Some("answered"), Some(status)) => u16::try_from(status).ok().map(Receipt::Answered),
        (Some("called"), Some(code)) => Some(Receipt::Called(code)),
        _ => None,
    };
    match receipt {
        Some(receipt) => Settled::Tried(Outcome::Done(receipt)),
        None if known(SettledAs::NotDone) => Settled::Tried(Outcome::NotDone(reason)),
        None if known(SettledAs::Skipped) => Settled::Skipped(reason),
        None if known(SettledAs::Refused) => Settled::Refused(reason),
        None => Settled::Tried(Outcome::Possibly(reason)),
    }
}

/// What a line goes to; a word that this version does not know is a channel's, as all were once.
pub(super) fn target_kind(word: &str) -> TargetKind {
    TargetKind::ALL.into_iter().find(|kind| kind.word() == word).unwrap_or(TargetKind::Channel)
}

/// The names under which this session reads the cluster of a line: those of the sources whose cluster calls itself so, and the one under which the
/// line was written, where that one's cluster has not told what it calls itself. A line without a cluster's id is bound to its name.
fn names<'a>(clusters: &'a ClusterIds, cluster: &'a str, cluster_id: Option<&'a str>) -> impl Iterator<Item = &'a str> {
    let cluster_id = cluster_id.filter(|cluster_id| !cluster_id.is_empty());
    let told = clusters.iter().filter(move |(_, told)| Some(told.as_str()) == cluster_id).map(|(name, _)| name.as_str());
    let own = (cluster_id.is_none() || !clusters.contains_key(cluster)).then_some(cluster);
    told.chain(own)
}

/// All letters that somebody dealt with, as this session calls them. What was done later counts, whatever was written here first: lines of
/// old files came one file after the other.
pub(super) fn letters(connection: &Connection, clusters: &ClusterIds) -> rusqlite::Result<BTreeMap<LetterKey, LetterRecord>> {
    let mut letters = BTreeMap::new();
    let mut sends = connection.prepare(
        "SELECT s.cluster, s.channel, s.place, s.timestamp_ns, s.kind, s.send_id, s.replay_id, s.target, s.outcome, s.reason, s.written_to, s.status, \
         s.fate, s.evidence, coalesce(s.fate_ns, s.settled_ns, s.intended_ns), s.cluster_id, s.failed_group, s.intended_ns, r.cluster_id FROM sends s \
         JOIN runs r USING (run_id) ORDER BY s.intended_ns, s.send_id",
    )?;
    let mut rows = sends.query([])?;
    while let Some(row) = rows.next()? {
        let cluster: String = row.get(0)?;
        let Some(letter) = letter(row, 1, &cluster)? else { continue };
        let word: Option<String> = row.get(8)?;
        let fate: Option<String> = row.get(12)?;
        let evidence: Option<String> = row.get(13)?;
        let cluster_id: String = row.get(15)?;
        let settled = settled(word.as_deref(), row.get(9)?, place(row, 10)?, row.get(11)?);
        let state = match (settled.counts_as(), fate.as_deref()) {
            (SettledAs::NotDone | SettledAs::Skipped | SettledAs::Refused, _) => LetterState::Open,
            (_, Some("dead again")) => LetterState::DeadAgain,
            (_, Some("consumed")) => LetterState::Consumed,
            (SettledAs::Done, _) => LetterState::Sent(SentState::Persisted),
            (SettledAs::Possibly, _) => LetterState::Sent(SentState::Possibly),
        };
        let record = LetterRecord {
            state,
            kind: KindHash(row.get(4)?),
            send_id: Some(SendId(row.get(5)?)),
            replay_id: row.get(6)?,
            target: row.get(7)?,
            reason: evidence.unwrap_or_else(|| settled.reason().to_owned()),
            written_to: settled.place().cloned(),
            at_ns: row.get(14)?,
            failed_group: row.get(16)?,
            intended_ns: row.get(17)?,
            cluster_id,
            target_cluster_id: row.get(18)?,
            parked_by: None,
        };
        for name in names(clusters, &cluster, Some(record.cluster_id.as_str())) {
            take(&mut letters, letter.read_by(name), &record);
        }
    }
    let mut parkings =
        connection.prepare("SELECT cluster, channel, place, timestamp_ns, kind, note, at_ns, cluster_id, operator FROM parkings ORDER BY at_ns, parking_id")?;
    let mut rows = parkings.query([])?;
    while let Some(row) = rows.next()? {
        let cluster: String = row.get(0)?;
        let Some(letter) = letter(row, 1, &cluster)? else { continue };
        let (note, cluster_id): (Option<String>, Option<String>) = (row.get(5)?, row.get(7)?);
        for name in names(clusters, &cluster, cluster_id.as_deref()) {
            let parking = Parking { note: note.clone(), operator: row.get(8)?, at_ns: row.get(6)? };
            apply_parking(&mut letters, letter.read_by(name), KindHash(row.get(4)?), parking);
        }
    }
    Ok(letters)
}

/// The later send of a letter counts, but what was sent stays so, whatever another ledger says that it took over.
fn take(letters: &mut BTreeMap<LetterKey, LetterRecord>, letter: LetterKey, record: &LetterRecord) {
    if letters.get(&letter).is_none_or(|before| before.state.is_open() || !record.state.is_open()) {
        letters.insert(letter, record.clone());
    }
}

/// A letter is put aside, or taken out again.
pub(super) struct Parking {
    /// Why, or for whom; `None` = it is taken out.
    pub note: Option<String>,
    /// Who does it.
    pub operator: String,
    /// When, ns since the Unix epoch.
    pub at_ns: i64,
}

/// Only what is open can be parked; only what is parked can be taken out again.
pub(super) fn apply_parking(letters: &mut BTreeMap<LetterKey, LetterRecord>, letter: LetterKey, kind: KindHash, parking: Parking) {
    let record = letters.entry(letter).or_insert_with(|| LetterRecord { kind, ..LetterRecord::default() });
    let state = match (parking.note, &record.state) {
        (Some(note), LetterState::Open | LetterState::Parked(_)) => LetterState::Parked(note),
        (None, LetterState::Parked(_)) => LetterState::Open,
        _ => return,
    };
    (record.state, record.at_ns, record.parked_by) = (state, parking.at_ns, Some(parking.operator).filter(|who| !who.is_empty()));
}

/// Sends and refusals in the order of their time, the newest `limit` of each.
pub(super) fn lines(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<LedgerLine>> {
    let mut statement = connection.prepare(
        "SELECT * FROM (SELECT r.replay_id, r.profile, r.operator, s.cluster, s.cluster_id, s.channel, s.place, s.timestamp_ns, s.target, s.hash, s.key_id, \
         s.outcome, s.reason, s.written_to, s.status, s.intended_ns AS at_ns, s.target_kind, s.call, s.edited FROM sends s JOIN runs r USING (run_id) \
         ORDER BY s.intended_ns DESC, s.send_id DESC LIMIT ?1) \
         UNION ALL SELECT * FROM (SELECT NULL, profile, operator, cluster, NULL, NULL, NULL, NULL, target, '', NULL, 'refused', \
         command || ' of ' || num_letters || ': ' || reason, NULL, NULL, at_ns, 'channel', NULL, 0 FROM refusals \
         ORDER BY at_ns DESC, refusal_id DESC LIMIT ?1) ORDER BY at_ns",
    )?;
    let lines = statement.query_map([limit as i64], |row| {
        let cluster: String = row.get(3)?;
        let word: Option<String> = row.get(11)?;
        Ok(LedgerLine {
            replay_id: row.get(0)?,
            profile: row.get(1)?,
            operator: row.get(2)?,
            letter: letter(row, 5, &cluster)?,
            cluster,
            cluster_id: row.get(4)?,
            target: row.get(8)?,
            hash: row.get(9)?,
            key_id: row.get(10)?,
            settled: settled(word.as_deref(), row.get(12)?, place(row, 13)?, row.get(14)?),
            at_ns: row.get(15)?,
            target_kind: target_kind(&row.get::<_, String>(16)?),
            call: row.get::<_, Option<String>>(17)?.unwrap_or_default(),
            edited: row.get(18)?,
        })
    })?;
    lines.collect()
}
