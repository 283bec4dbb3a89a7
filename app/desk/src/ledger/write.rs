//! The statements that write.

use rusqlite::{Connection, params};

use super::{Ending, Fate, FateLine, Intent, KindHash, LedgerError, LetterKey, NewRun, Refusal, RunId, SendId, Settlement};

/// Writes lines that belong together: all, or none where one of them fails.
pub(super) fn together(connection: &Connection, write: impl FnOnce() -> Result<(), LedgerError>) -> Result<(), LedgerError> {
    connection.execute_batch("SAVEPOINT together")?;
    match write() {
        Ok(()) => connection.execute_batch("RELEASE together").map_err(Into::into),
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
        .prepare_cached("INSERT INTO runs (replay_id, operator, cluster, cluster_id, target, num_planned, started_ns) VALUES (?, ?, ?, ?, ?, ?, ?)")?
        .insert(params![run.replay_id, run.operator, run.cluster, run.cluster_id, run.target, run.num_planned as i64, run.at_ns])
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

pub(super) fn intend(connection: &Connection, intent: &Intent) -> Result<SendId, LedgerError> {
    let Intent { run_id, letter, kind, failed_group, target, target_partition, hash, size_bytes, replay_count, replay_id, at_ns } = intent;
    let inserted = connection
        .prepare_cached(
            "INSERT INTO sends (run_id, cluster, channel, partition, offset, timestamp_ns, kind, failed_group, target, target_partition, hash, size_bytes, \
             replay_count, replay_id, intended_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .insert(params![
            run_id.0,
            letter.cluster,
            letter.channel,
            letter.partition,
            letter.offset,
            letter.timestamp_ns,
            kind.0,
            failed_group,
            target,
            target_partition,
            hash,
            *size_bytes as i64,
            replay_count,
            replay_id,
            at_ns
        ]);
    match inserted {
        Ok(send_id) => Ok(SendId(send_id)),
        Err(error) if error.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE) => {
            Err(LedgerError::SentBefore { letter: letter.clone() })
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) fn settle(connection: &Connection, send_id: SendId, settlement: &Settlement) -> Result<(), LedgerError> {
    let Settlement { outcome, reason, position, at_ns } = settlement;
    let num_changed = connection
        .prepare_cached(
            "UPDATE sends SET outcome = ?, reason = ?, target_partition = ifnull(?, target_partition), target_offset = ?, settled_ns = ? \
             WHERE send_id = ? AND outcome IS NULL",
        )?
        .execute(params![outcome.word(), reason, position.map(|at| at.0), position.map(|at| at.1), at_ns, send_id.0])?;
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
    let Refusal { operator, cluster, command, target, num_letters, reason, at_ns } = refusal;
    connection
        .prepare_cached("INSERT INTO refusals (operator, cluster, command, target, num_letters, reason, at_ns) VALUES (?, ?, ?, ?, ?, ?, ?)")?
        .execute(params![operator, cluster, command, target, *num_letters as i64, reason, at_ns])?;
    Ok(())
}

/// `None` takes a letter out again. A letter that was sent, or may have been, cannot be parked: nothing is written then.
pub(super) fn park(connection: &Connection, letter: &LetterKey, kind: KindHash, note: Option<&str>, operator: &str, at_ns: i64) -> Result<(), LedgerError> {
    connection
        .prepare_cached(
            "INSERT INTO parkings (cluster, channel, partition, offset, timestamp_ns, kind, note, operator, at_ns) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 \
             WHERE NOT EXISTS (SELECT 1 FROM sends WHERE cluster = ?1 AND channel = ?2 AND partition = ?3 AND offset = ?4 AND timestamp_ns IS ?5 \
             AND (outcome IS NULL OR outcome IN ('persisted', 'possibly persisted')))",
        )?
        .execute(params![letter.cluster, letter.channel, letter.partition, letter.offset, letter.timestamp_ns, kind.0, note, operator, at_ns])?;
    Ok(())
}
