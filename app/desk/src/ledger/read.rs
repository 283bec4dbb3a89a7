//! Reading the ledger back.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row};

use super::line::SentState;
use super::{KindHash, LedgerLine, LetterKey, LetterRecord, LetterState, Outcome, SendId};

/// What stands for an outcome that was never written.
pub(super) const NO_OUTCOME: &str = "no outcome was written: the program ended in between";

fn letter(row: &Row<'_>, first: usize) -> rusqlite::Result<LetterKey> {
    Ok(LetterKey {
        cluster: row.get(first)?,
        channel: row.get(first + 1)?,
        partition: row.get(first + 2)?,
        offset: row.get(first + 3)?,
        timestamp_ns: row.get(first + 4)?,
    })
}

/// An intent without an outcome, or with one that this version does not know, may have been written.
fn outcome(word: Option<&str>) -> Outcome {
    word.and_then(Outcome::parse).unwrap_or(Outcome::PossiblyPersisted)
}

/// All letters that somebody dealt with.
pub(super) fn letters(connection: &Connection) -> rusqlite::Result<BTreeMap<LetterKey, LetterRecord>> {
    let mut letters = BTreeMap::new();
    let mut sends = connection.prepare(
        "SELECT s.cluster, s.channel, s.partition, s.offset, s.timestamp_ns, s.kind, s.send_id, s.replay_id, s.target, s.target_partition, s.target_offset, \
         s.outcome, s.reason, s.fate, s.evidence, coalesce(s.fate_ns, s.settled_ns, s.intended_ns), r.cluster_id, s.failed_group, s.intended_ns \
         FROM sends s JOIN runs r USING (run_id) ORDER BY s.send_id",
    )?;
    let mut rows = sends.query([])?;
    while let Some(row) = rows.next()? {
        let word: Option<String> = row.get(11)?;
        let fate: Option<String> = row.get(13)?;
        let reason: Option<String> = row.get(12)?;
        let evidence: Option<String> = row.get(14)?;
        let outcome = outcome(word.as_deref());
        let state = match (outcome, fate.as_deref()) {
            (Outcome::NotPersisted | Outcome::Skipped | Outcome::Refused, _) => LetterState::Open,
            (_, Some("dead again")) => LetterState::DeadAgain,
            (_, Some("consumed")) => LetterState::Consumed,
            (Outcome::Persisted, _) => LetterState::Sent(SentState::Persisted),
            (Outcome::PossiblyPersisted, _) => LetterState::Sent(SentState::Possibly),
        };
        let record = LetterRecord {
            state,
            kind: KindHash(row.get(5)?),
            send_id: Some(SendId(row.get(6)?)),
            replay_id: row.get(7)?,
            target: row.get(8)?,
            position: row.get::<_, Option<i32>>(9)?.zip(row.get::<_, Option<i64>>(10)?),
            reason: evidence.or(reason).unwrap_or_else(|| if word.is_none() { NO_OUTCOME.to_owned() } else { String::new() }),
            at_ns: row.get(15)?,
            cluster_id: row.get(16)?,
            failed_group: row.get(17)?,
            intended_ns: row.get(18)?,
        };
        letters.insert(letter(row, 0)?, record);
    }
    let mut parkings = connection.prepare("SELECT cluster, channel, partition, offset, timestamp_ns, kind, note, at_ns FROM parkings ORDER BY parking_id")?;
    let mut rows = parkings.query([])?;
    while let Some(row) = rows.next()? {
        let note: Option<String> = row.get(6)?;
        apply_parking(&mut letters, letter(row, 0)?, KindHash(row.get(5)?), note, row.get(7)?);
    }
    Ok(letters)
}

/// Only what is open can be parked; only what is parked can be taken out again.
pub(super) fn apply_parking(letters: &mut BTreeMap<LetterKey, LetterRecord>, letter: LetterKey, kind: KindHash, note: Option<String>, at_ns: i64) {
    let record = letters.entry(letter).or_insert_with(|| LetterRecord { kind, ..LetterRecord::default() });
    match (note, &record.state) {
        (Some(note), LetterState::Open | LetterState::Parked(_)) => {
            record.state = LetterState::Parked(note);
            record.at_ns = at_ns;
        }
        (None, LetterState::Parked(_)) => {
            record.state = LetterState::Open;
            record.at_ns = at_ns;
        }
        _ => {}
    }
}

/// Sends and refusals in the order they were written, the newest `limit` of each.
pub(super) fn lines(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<LedgerLine>> {
    let mut statement = connection.prepare(
        "SELECT * FROM (SELECT r.replay_id, r.operator, s.cluster, r.cluster_id, s.channel, s.partition, s.offset, s.timestamp_ns, s.target, s.hash, s.outcome, \
         s.reason, s.intended_ns AS at_ns FROM sends s JOIN runs r USING (run_id) ORDER BY s.send_id DESC LIMIT ?1) \
         UNION ALL SELECT * FROM (SELECT NULL, operator, cluster, NULL, NULL, NULL, NULL, NULL, target, '', 'refused', command || ' of ' || num_letters || ': ' || \
         reason, at_ns FROM refusals ORDER BY refusal_id DESC LIMIT ?1) ORDER BY at_ns",
    )?;
    let lines = statement.query_map([limit as i64], |row| {
        let cluster: String = row.get(2)?;
        let channel: Option<String> = row.get(4)?;
        let word: Option<String> = row.get(10)?;
        let reason: Option<String> = row.get(11)?;
        let letter = channel
            .map(|channel| {
                Ok::<_, rusqlite::Error>(LetterKey {
                    cluster: cluster.clone(),
                    channel,
                    partition: row.get(5)?,
                    offset: row.get(6)?,
                    timestamp_ns: row.get(7)?,
                })
            })
            .transpose()?;
        Ok(LedgerLine {
            replay_id: row.get(0)?,
            operator: row.get(1)?,
            cluster,
            cluster_id: row.get(3)?,
            letter,
            target: row.get(8)?,
            hash: row.get(9)?,
            outcome: outcome(word.as_deref()),
            reason: reason.unwrap_or_else(|| if word.is_none() { NO_OUTCOME.to_owned() } else { String::new() }),
            at_ns: row.get(12)?,
        })
    })?;
    lines.collect()
}
