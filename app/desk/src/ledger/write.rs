//! The statements that write.

use rusqlite::{Connection, OptionalExtension as _, Statement, ToSql, params};
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

/// Intents that share a statement, and outcomes.
const INTENDED_TOGETHER: usize = 100;
const SETTLED_TOGETHER: usize = 200;

/// So many rows of so many parameters each, after others.
fn rows(row: &str, num: usize) -> String {
    vec![row; num].join(", ")
}

/// What is composed has no letter, and is never the same as something else. For [`together`].
pub(super) fn intend_composed(connection: &Connection, run_id: RunId, intents: &[ComposedIntent], key_id: &str) -> Result<Vec<SendId>, LedgerError> {
    let run = connection
        .prepare_cached("SELECT cluster, cluster_id FROM runs WHERE run_id = ?")?
        .query_row([run_id.0], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
        .optional()?;
    let Some((cluster, cluster_id)) = run else {
        return Err(LedgerError::unwritten("its run is not there".to_owned(), "look into it before more is sent"));
    };
    let nowhere = encode(&Place::default());
    let mut send_ids = Vec::with_capacity(intents.len());
    let mut insert = |intents: &[ComposedIntent]| -> Result<(), LedgerError> {
        let mut statement = connection.prepare_cached(&format!(
            "INSERT INTO sends (run_id, cluster, cluster_id, place, key_id, kind, replay_count, target_kind, target, call, route, hash, size_bytes, replay_id, \
             intended_ns) VALUES {}",
            rows("(?1, ?2, ?3, ?4, ?5, 0, 0, ?, ?, ?, ?, ?, ?, ?, ?)", intents.len()),
        ))?;
        let of_all: [&dyn ToSql; 5] = [&run_id.0, &cluster, &cluster_id, &nowhere, &key_id];
        bind(&mut statement, 0, &of_all)?;
        for (index, intent) in intents.iter().enumerate() {
            let ComposedIntent { target_kind, target, call, partition, hash, size_bytes, send_name, at_ns } = intent;
            let (kind, call, route, size_bytes) = (target_kind.word(), (!call.is_empty()).then_some(call), route(*partition), *size_bytes as i64);
            let values: [&dyn ToSql; 8] = [&kind, target, &call, &route, hash, &size_bytes, send_name, at_ns];
            bind(&mut statement, of_all.len() + index * values.len(), &values)?;
        }
        statement.raw_execute()?;
        // Nobody else writes meanwhile, so each row has the number after that of the one before.
        let last = connection.last_insert_rowid();
        send_ids.extend((last - intents.len() as i64 + 1..=last).map(SendId));
        Ok(())
    };
    let (chunks, rest) = intents.as_chunks::<INTENDED_TOGETHER>();
    chunks.iter().try_for_each(|chunk| insert(chunk))?;
    rest.chunks(1).try_for_each(&mut insert)?;
    Ok(send_ids)
}

/// Gives a statement these values, after so many others.
fn bind(statement: &mut Statement<'_>, num_before: usize, values: &[&dyn ToSql]) -> rusqlite::Result<()> {
    values.iter().zip(num_before + 1..).try_for_each(|(value, index)| statement.raw_bind_parameter(index, value))
}

/// Whether a line was not taken because its letter was sent before, or may have been.
pub(super) fn is_sent_before(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::StatementChangedRows(0))
        || error.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE)
}

/// The status that a server answered with.
fn status(settled: &Settled) -> Option<i32> {
    match settled {
        Settled::Tried(Outcome::Done(Receipt::Answered(status))) => Some(i32::from(*status)),
        Settled::Tried(Outcome::Done(Receipt::Called(code))) => Some(*code),
        _ => None,
    }
}

pub(super) fn settle(connection: &Connection, send_id: SendId, settlement: &Settlement) -> Result<(), LedgerError> {
    let Settlement { settled, at_ns } = settlement;
    let num_changed = connection
        .prepare_cached("UPDATE sends SET outcome = ?, reason = ?, written_to = ?, status = ?, settled_ns = ? WHERE send_id = ? AND outcome IS NULL")?
        .execute(params![settled.word(), settled.reason(), settled.place().map(encode), status(settled), at_ns, send_id.0])?;
    if num_changed == 0 {
        Err(LedgerError::unwritten(format!("send {} has an outcome already", send_id.0), "look into it before more is sent"))
    } else {
        Ok(())
    }
}

/// The same of many, for [`together`]: the trigger that keeps outcomes makes each statement keep what its pages held before, so many share one.
pub(super) fn settle_all(connection: &Connection, settled: &[(SendId, Settlement)]) -> Result<(), LedgerError> {
    let (chunks, rest) = settled.as_chunks::<SETTLED_TOGETHER>();
    for chunk in chunks {
        let mut statement = connection.prepare_cached(&format!(
            "WITH ended (send_id, outcome, reason, written_to, status, settled_ns) AS (VALUES {}) UPDATE sends SET outcome = ended.outcome, \
             reason = ended.reason, written_to = ended.written_to, status = ended.status, settled_ns = ended.settled_ns FROM ended \
             WHERE sends.send_id = ended.send_id AND sends.outcome IS NULL",
            rows("(?, ?, ?, ?, ?, ?)", SETTLED_TOGETHER),
        ))?;
        for (index, (send_id, Settlement { settled, at_ns })) in chunk.iter().enumerate() {
            let (word, reason, place, status) = (settled.word(), settled.reason(), settled.place().map(encode), status(settled));
            let values: [&dyn ToSql; 6] = [&send_id.0, &word, &reason, &place, &status, at_ns];
            bind(&mut statement, index * values.len(), &values)?;
        }
        if statement.raw_execute()? < SETTLED_TOGETHER {
            let (first, last) = (chunk[0].0.0, chunk[SETTLED_TOGETHER - 1].0.0);
            return Err(LedgerError::unwritten(format!("one of the sends {first} to {last} has an outcome already"), "look into it before more is sent"));
        }
    }
    rest.iter().try_for_each(|(send_id, settlement)| settle(connection, *send_id, settlement))
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
