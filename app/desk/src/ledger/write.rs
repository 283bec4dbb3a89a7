//! The statements that write.

use rusqlite::{Connection, params};
use switchboard_model::{Outcome, Place, Receipt};

use super::place::encode;
use super::{ComposedIntent, Ending, Fate, FateLine, Intent, KindHash, LedgerError, LetterKey, NewRun, Refusal, RunId, SendId, Settled, Settlement};

/// Writes lines that belong together: all, or none where one of them fails.
pub(super) fn together<T>(connection: &Connection, write: impl FnOnce() -> Result<T, LedgerError>) -> Result<T, LedgerError> {
    connection.execute_batch("SAVEPOINT together")?;
    match write() {
        Ok(done) => {
            connection.execute_batch("RELEASE together")?;
            Ok(done)
        }
        Err(error) => {
            // Where all was undone already there is nothing left to go back from.
            if !connection.is_autocommit() {
                connection.execute_batch("ROLLBACK TO together; RELEASE together")?;
            }
            Err(error)
        }
    }
}

pub(super) fn begin_run(connection: &Connection, run: &NewRun) -> Result<RunId, LedgerError> {
    connection
        .prepare_cached(
            "INSERT INTO runs (replay_id, profile, operator, cluster, cluster_id, target, num_planned, started_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .insert(params![run.replay_id, run.profile, run.operator, run.cluster, run.cluster_id, run.target, run.num_planned as i64, run.at_ns])
        .map(RunId)
        .map_err(Into::into)
}

pub(super) fn end_run(connection: &Connection, run_id: RunId, ending: Ending, reason: &str, at_ns: i64) -> Result<(), LedgerError> {
    connection.prepare_cached("UPDATE runs SET ending = ?, reason = ?, ended_ns = ? WHERE run_id = ? AND ending IS NULL")?.execute(params![
        ending.word(),
        reason,
        at_ns,
        run_id.0
    ])?;
    Ok(())
}

/// How a record is routed to the partition that was asked for.
pub(super) fn route(partition: Option<i32>) -> String {
    partition.map_or_else(|| "key".to_owned(), |partition| format!("partition {partition}"))
}

/// The letter is of the cluster that its run sends to. What version 1 says was sent under the name of its source holds it as well, and so does what
/// it says was sent although another line said so, whatever became of that one.
pub(super) fn intend(connection: &Connection, intent: &Intent, key_id: &str) -> Result<SendId, LedgerError> {
    let Intent { run_id, letter, cluster_id, kind, failed_group, target, target_partition, hash, size_bytes, replay_count, replay_id, edited, again, at_ns } =
        intent;
    let inserted = connection
        .prepare_cached(
            "INSERT INTO sends (run_id, cluster, cluster_id, channel, place, timestamp_ns, kind, failed_group, target, route, hash, key_id, size_bytes, \
             replay_count, replay_id, intended_ns, edited, again) \
             SELECT ?1, ?2, ifnull(?18, (SELECT cluster_id FROM runs WHERE run_id = ?1)), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17 \
             WHERE ?17 IS NOT NULL OR (\
             NOT EXISTS (SELECT 1 FROM sends WHERE cluster = ?2 AND channel = ?3 AND place = ?4 AND ifnull(timestamp_ns, -1) = ifnull(?5, -1) \
             AND key_id IS NULL AND (outcome IS NULL OR outcome NOT IN ('not persisted', 'skipped', 'refused'))) \
             AND NOT EXISTS (SELECT 1 FROM sends WHERE cluster_id = ifnull(?18, (SELECT cluster_id FROM runs WHERE run_id = ?1)) AND channel = ?3 \
             AND place = ?4 AND ifnull(timestamp_ns, -1) = ifnull(?5, -1) AND again IS NOT NULL \
             AND (outcome IS NULL OR outcome NOT IN ('not persisted', 'skipped', 'refused'))))",
        )?
        .insert(params![
            run_id.0,
            letter.at.cluster,
            letter.at.channel,
            encode(&letter.at.place),
            letter.timestamp_ns,
            kind.0,
            failed_group,
            target,
            route(*target_partition),
            hash,
            key_id,
            *size_bytes as i64,
            replay_count,
            replay_id,
            at_ns,
            edited,
            again,
            cluster_id
        ]);
    match inserted {
        Ok(send_id) => Ok(SendId(send_id)),
        Err(error) if is_sent_before(&error) => Err(LedgerError::SentBefore { letter: letter.clone() }),
        Err(error) => Err(error.into()),
    }
}

/// What is composed has no letter, and is never the same as something else.
pub(super) fn intend_composed(connection: &Connection, run_id: RunId, intents: &[ComposedIntent], key_id: &str) -> Result<Vec<SendId>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO sends (run_id, cluster, cluster_id, place, kind, target_kind, target, call, route, hash, key_id, size_bytes, replay_count, replay_id, \
         intended_ns) SELECT ?1, cluster, cluster_id, ?2, 0, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10, ?11 FROM runs WHERE run_id = ?1",
    )?;
    let nowhere = encode(&Place::default());
    let mut send_ids = Vec::with_capacity(intents.len());
    for intent in intents {
        let ComposedIntent { target_kind, target, call, partition, hash, size_bytes, send_name, at_ns } = intent;
        let (call, size_bytes) = ((!call.is_empty()).then_some(call), *size_bytes as i64);
        let inserted =
            statement.insert(params![run_id.0, nowhere, target_kind.word(), target, call, route(*partition), hash, key_id, size_bytes, send_name, at_ns]);
        send_ids.push(SendId(inserted?));
    }
    Ok(send_ids)
}

/// Whether a line was not taken because its letter was sent before, or may have been.
pub(super) fn is_sent_before(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::StatementChangedRows(0))
        || error.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE)
}

pub(super) fn settle(connection: &Connection, send_id: SendId, settlement: &Settlement) -> Result<(), LedgerError> {
    let Settlement { settled, at_ns } = settlement;
    let status = match settled {
        Settled::Tried(Outcome::Done(Receipt::Answered(status))) => Some(i32::from(*status)),
        Settled::Tried(Outcome::Done(Receipt::Called(code))) => Some(*code),
        _ => None,
    };
    let num_changed = connection
        .prepare_cached("UPDATE sends SET outcome = ?, reason = ?, written_to = ?, status = ?, settled_ns = ? WHERE send_id = ? AND outcome IS NULL")?
        .execute(params![settled.word(), settled.reason(), settled.place().map(encode), status, at_ns, send_id.0])?;
    if num_changed == 0 {
        Err(LedgerError::unwritten(format!("send {} has an outcome already", send_id.0), "look into it before more is sent"))
    } else {
        Ok(())
    }
}

pub(super) fn follow(connection: &Connection, send_id: SendId, line: &FateLine) -> Result<(), LedgerError> {
    let word = match line.fate {
        Fate::Consumed => "consumed",
        Fate::DeadAgain => "dead again",
    };
    // A letter that was read may still come back dead: the read was the failing one. The other way round nothing changes.
    connection
        .prepare_cached("UPDATE sends SET fate = ?, evidence = ?, fate_ns = ? WHERE send_id = ? AND (fate IS NULL OR fate = 'consumed')")?
        .execute(params![word, line.evidence, line.at_ns, send_id.0])?;
    Ok(())
}

pub(super) fn refuse(connection: &Connection, refusal: &Refusal) -> Result<(), LedgerError> {
    let Refusal { profile, operator, cluster, command, target, num_letters, reason, at_ns } = refusal;
    connection
        .prepare_cached("INSERT INTO refusals (profile, operator, cluster, command, target, num_letters, reason, at_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?
        .execute(params![profile, operator, cluster, command, target, *num_letters as i64, reason, at_ns])?;
    Ok(())
}

/// `None` takes a letter out again. A letter that was sent, or may have been, cannot be parked: nothing is written then. Where its cluster has
/// not told what it calls itself, it is bound to the name of its source, and what was sent under that name counts. What is written later is so by its
/// time as well, for lines are read in the order of their times: the clock may have been set back.
pub(super) fn park(
    connection: &Connection,
    letter: &LetterKey,
    cluster_id: Option<&str>,
    kind: KindHash,
    note: Option<&str>,
    operator: &str,
    at_ns: i64,
) -> Result<(), LedgerError> {
    connection
        .prepare_cached(
            "INSERT INTO parkings (cluster, cluster_id, channel, place, timestamp_ns, kind, note, operator, at_ns) \
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, \
             max(?9, ifnull((SELECT max(at_ns) + 1 FROM parkings WHERE channel = ?3 AND place = ?4 AND timestamp_ns IS ?5), ?9)) \
             WHERE NOT EXISTS (SELECT 1 FROM sends \
             WHERE cluster_id IN (SELECT ?2 UNION SELECT cluster_id FROM runs WHERE ?2 IS NULL AND cluster = ?1) AND channel = ?3 AND place = ?4 \
             AND timestamp_ns IS ?5 AND again IS NULL AND (outcome IS NULL OR outcome NOT IN ('not persisted', 'skipped', 'refused')))",
        )?
        .execute(params![letter.at.cluster, cluster_id, letter.at.channel, encode(&letter.at.place), letter.timestamp_ns, kind.0, note, operator, at_ns])?;
    Ok(())
}
