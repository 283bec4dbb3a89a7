//! Lines of version 1, written as lines of this version: of the file itself, and of the files that each profile had.
//!
//! What version 1 did not write is taken from what it did, or stays unknown. A send is of the cluster of its run. A letter that was put
//! aside is of the one cluster to which anything was sent under its source's name; where there is none, or several, it stays bound to the
//! name. Hashes are under keys that died with their sessions, so no line of version 1 has a `key_id`.
//!
//! Lines are poured again where the old program may have written since, and from copies that were made at other times: a line that is there
//! already gets what it lacks, and none is written twice.

use std::collections::BTreeMap;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};
use switchboard_model::Place;

use super::place::encode;
use super::tables::{INDEXES, TABLES};

/// Stands for the reason of a second send.
const TWICE: &str = "it was sent before, as another line says";

/// Brings a file of version 1 to this version. For a transaction: whole, or not at all.
pub(super) fn migrate(transaction: &Connection) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "DROP TRIGGER IF EXISTS outcome_stays; DROP TRIGGER IF EXISTS sends_stay; DROP TRIGGER IF EXISTS runs_stay; \
         DROP TRIGGER IF EXISTS refusals_stay; DROP INDEX IF EXISTS sent_once; DROP INDEX IF EXISTS sends_of_run; \
         ALTER TABLE runs RENAME TO runs_1; ALTER TABLE sends RENAME TO sends_1; ALTER TABLE refusals RENAME TO refusals_1; \
         ALTER TABLE parkings RENAME TO parkings_1;",
    )?;
    transaction.execute_batch(TABLES)?;
    transaction.execute_batch(INDEXES)?;
    pour(transaction, "_1", transaction, None)?;
    transaction.execute_batch("DROP TABLE sends_1; DROP TABLE runs_1; DROP TABLE refusals_1; DROP TABLE parkings_1;")
}

/// Writes all lines of version 1, of tables whose names end so, into tables of this version; those that stand there already get what they lack.
/// Both for a transaction: all of it is read at one moment.
pub(super) fn pour(from: &Connection, suffix: &str, into: &Connection, profile: Option<&str>) -> rusqlite::Result<()> {
    let runs = pour_runs(from, suffix, into, profile)?;
    pour_sends(from, suffix, into, &runs)?;
    pour_refusals(from, suffix, into, profile)?;
    pour_parkings(from, suffix, into)
}

/// What runs are called here, by what they were called there.
fn pour_runs(from: &Connection, suffix: &str, into: &Connection, profile: Option<&str>) -> rusqlite::Result<BTreeMap<i64, i64>> {
    let profile = text_or_null(profile);
    let columns = "replay_id, operator, cluster, cluster_id, target, num_planned, started_ns, ended_ns, ending, reason";
    let mut there = into.prepare("SELECT run_id FROM runs WHERE replay_id = ?")?;
    let mut insert = into.prepare(&format!("INSERT INTO runs (profile, {columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"))?;
    let mut end = into.prepare("UPDATE runs SET ended_ns = ?2, ending = ?3, reason = ?4 WHERE run_id = ?1 AND ending IS NULL AND ?3 IS NOT NULL")?;
    let mut know_profile = into.prepare("UPDATE runs SET profile = ?2 WHERE run_id = ?1 AND profile IS NULL AND ?2 IS NOT NULL")?;
    let mut runs = BTreeMap::new();
    each(from, &format!("SELECT run_id, {columns} FROM runs{suffix} ORDER BY run_id"), |row| {
        let found: Option<i64> = there.query_row([row.get::<_, String>(1)?], |row| row.get(0)).optional()?;
        let run_id = if let Some(run_id) = found {
            end.execute(params_from_iter([vec![Value::Integer(run_id)], values(row, 8, 3)?].concat()))?;
            know_profile.execute(params![run_id, profile])?;
            run_id
        } else {
            insert.insert(params_from_iter([vec![profile.clone()], values(row, 1, 10)?].concat()))?
        };
        runs.insert(row.get(0)?, run_id);
        Ok(())
    })?;
    Ok(runs)
}

fn pour_sends(from: &Connection, suffix: &str, into: &Connection, runs: &BTreeMap<i64, i64>) -> rusqlite::Result<()> {
    let same = "channel, timestamp_ns, kind, failed_group, target, hash, size_bytes, replay_count, replay_id, intended_ns, outcome, reason, settled_ns, \
                fate, evidence, fate_ns";
    // With all that it is about: where anything differs, both lines stay.
    let mut there = into.prepare(
        "SELECT send_id FROM sends WHERE run_id = ? AND replay_id = ? AND channel IS ? AND place = ? AND timestamp_ns IS ? AND intended_ns = ? \
         AND (outcome IS NULL OR ifnull(?, outcome) = outcome)",
    )?;
    let mut settle =
        into.prepare("UPDATE sends SET outcome = ?2, reason = ?3, settled_ns = ?4, written_to = ?5 WHERE send_id = ?1 AND outcome IS NULL AND ?2 IS NOT NULL")?;
    let mut follow = into.prepare(
        "UPDATE sends SET fate = ?2, evidence = ?3, fate_ns = ?4 WHERE send_id = ?1 AND ?2 IS NOT NULL \
         AND (fate IS NULL OR (fate = 'consumed' AND ?2 = 'dead again'))",
    )?;
    let mut insert = into.prepare(&format!(
        "INSERT INTO sends (again, run_id, place, route, written_to, cluster, cluster_id, {same}) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    ))?;
    let query = format!(
        "SELECT s.run_id, s.partition, s.offset, s.target_partition, s.target_offset, s.cluster, \
         (SELECT cluster_id FROM runs{suffix} r WHERE r.run_id = s.run_id), {same} FROM sends{suffix} s ORDER BY s.send_id"
    );
    each(from, &query, |row| {
        let Some(run_id) = runs.get(&row.get(0)?) else {
            return Err(rusqlite::Error::ToSqlConversionFailure("a line names a run that is not there".into()));
        };
        let place = Place::at(row.get(1)?, row.get(2)?);
        let (partition, offset): (Option<i32>, Option<i64>) = (row.get(3)?, row.get(4)?);
        let written_to = partition.zip(offset).map(|(partition, offset)| Place::at(partition, offset));
        let value = |column: usize| row.get::<_, Value>(column);
        let line = params![run_id, value(15)?, value(7)?, encode(&place), value(8)?, value(16)?, value(17)?];
        if let Some(send_id) = there.query_row(line, |row| row.get::<_, i64>(0)).optional()? {
            settle.execute(params![send_id, value(17)?, value(18)?, value(19)?, written_to.as_ref().map(encode)])?;
            follow.execute(params![send_id, value(20)?, value(21)?, value(22)?])?;
            return Ok(());
        }
        // Where it was written took the place of what had been asked for.
        let route = written_to.is_none().then(|| super::write::route(partition));
        let own = |again: Option<&str>| {
            [
                text_or_null(again),
                Value::Integer(*run_id),
                Value::Blob(encode(&place)),
                text_or_null(route.as_deref()),
                written_to.as_ref().map_or(Value::Null, |place| Value::Blob(encode(place))),
            ]
        };
        let rest = values(row, 5, 18)?;
        match insert.execute(params_from_iter(own(None).iter().chain(&rest))) {
            Err(error) if super::write::is_sent_before(&error) => insert.execute(params_from_iter(own(Some(TWICE)).iter().chain(&rest))),
            written => written,
        }
        .map(drop)
    })
}

fn pour_refusals(from: &Connection, suffix: &str, into: &Connection, profile: Option<&str>) -> rusqlite::Result<()> {
    let columns = "operator, cluster, command, target, num_letters, reason, at_ns";
    // It has no id, but its time is that of a nanosecond.
    let same = "operator = ?2 AND cluster = ?3 AND command = ?4 AND target = ?5 AND num_letters = ?6 AND reason = ?7 AND at_ns = ?8";
    let mut know_profile = into.prepare(&format!("UPDATE refusals SET profile = ?1 WHERE {same} AND profile IS NULL AND ?1 IS NOT NULL"))?;
    let mut insert = into.prepare(&format!(
        "INSERT INTO refusals (profile, {columns}) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE NOT EXISTS (SELECT 1 FROM refusals WHERE {same})"
    ))?;
    let profile = text_or_null(profile);
    each(from, &format!("SELECT {columns} FROM refusals{suffix} ORDER BY refusal_id"), |row| {
        let line = [vec![profile.clone()], values(row, 0, 7)?].concat();
        know_profile.execute(params_from_iter(&line))?;
        insert.execute(params_from_iter(&line)).map(drop)
    })
}

fn pour_parkings(from: &Connection, suffix: &str, into: &Connection) -> rusqlite::Result<()> {
    let same = "place = ?1 AND cluster = ?2 AND channel = ?4 AND timestamp_ns IS ?5 AND note IS ?7 AND operator = ?8 AND at_ns = ?9";
    // Nothing had been sent when it was put aside.
    let mut know_cluster = into.prepare(&format!("UPDATE parkings SET cluster_id = ?3 WHERE {same} AND cluster_id IS NULL AND ?3 IS NOT NULL"))?;
    let mut insert = into.prepare(&format!(
        "INSERT INTO parkings (place, cluster, cluster_id, channel, timestamp_ns, kind, note, operator, at_ns) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 \
         WHERE NOT EXISTS (SELECT 1 FROM parkings WHERE {same})"
    ))?;
    let query = format!(
        "WITH only AS (SELECT cluster, min(cluster_id) AS cluster_id FROM runs{suffix} WHERE cluster_id <> '' AND run_id IN (SELECT run_id FROM sends{suffix}) \
         GROUP BY cluster HAVING count(DISTINCT cluster_id) = 1) \
         SELECT p.partition, p.offset, p.cluster, only.cluster_id, p.channel, p.timestamp_ns, p.kind, p.note, p.operator, p.at_ns \
         FROM parkings{suffix} p LEFT JOIN only ON only.cluster = p.cluster ORDER BY p.parking_id"
    );
    each(from, &query, |row| {
        let place = Value::Blob(encode(&Place::at(row.get(0)?, row.get(1)?)));
        let line = [vec![place], values(row, 2, 8)?].concat();
        know_cluster.execute(params_from_iter(&line))?;
        insert.execute(params_from_iter(&line)).map(drop)
    })
}

fn each(from: &Connection, query: &str, mut take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>) -> rusqlite::Result<()> {
    let mut statement = from.prepare(query)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        take(row)?;
    }
    Ok(())
}

/// That many columns from this one on, as they are.
fn values(row: &Row<'_>, first: usize, num: usize) -> rusqlite::Result<Vec<Value>> {
    (first..first + num).map(|column| row.get(column)).collect()
}

fn text_or_null(text: Option<&str>) -> Value {
    text.map_or(Value::Null, |text| Value::Text(text.to_owned()))
}
