//! Reads the ledger's file for people, and never writes to it: a connection of its own, each look at one moment.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::{ToSql, Value};
use rusqlite::{Connection, InterruptHandle, OpenFlags, OptionalExtension as _, Row, params, params_from_iter};

use super::page::{LineId, LineKind, RunLine, RunsPage, SendCounts, SendLine, SendsPage};
use super::query::{Became, LedgerFilter, LedgerLook, PAGE, RunsQuery, SendsQuery, Sought};
use crate::ledger::line::SEVERAL;
use crate::ledger::place::encode;
use crate::ledger::tables::VERSION;
use crate::ledger::{Ending, Fate, RunId, SendId, TargetKind, read, schema};

/// How long another program may hold the file: nobody who sends is kept waiting by who reads.
const BUSY: Duration = Duration::from_millis(500);

/// Why nothing can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// There is no file yet, or nothing in it: nothing was ever sent.
    Nothing,
    /// It is there, and cannot be read.
    Failed {
        /// What is the matter, in a sentence.
        reason: String,
        /// What to do about it.
        next_step: String,
    },
    /// Something else is looked at meanwhile.
    Interrupted,
}

impl Unread {
    fn failed(reason: impl Into<String>, next_step: &str) -> Self {
        Self::Failed { reason: reason.into(), next_step: next_step.to_owned() }
    }
}

impl From<rusqlite::Error> for Unread {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::OperationInterrupted) => Self::Interrupted,
            _ => Self::failed(format!("It cannot be read: {error}"), schema::next_step(&error)),
        }
    }
}

/// A file that is read.
pub(super) struct Reading {
    connection: Connection,
    path: PathBuf,
    file: Option<FileId>,
    /// Whether what was sent may have been changed before: a later build of this version says so.
    has_edited: bool,
    known: Known,
}

/// What was found, as long as nothing was written since.
#[derive(Default)]
struct Known {
    data_version: Option<i64>,
    lines: Option<(LedgerFilter, Vec<(i64, LineId)>)>,
    num_all: usize,
    sends: Option<(RunId, LedgerFilter, Vec<i64>, usize)>,
    /// With the state of the file that they are of, and the status of what was answered.
    counts: HashMap<RunId, (i64, SendCounts, Option<i32>)>,
}

/// What tells a file from another one that was put in its place.
type FileId = (u64, u64);

fn file_id(path: &Path) -> Option<FileId> {
    let found = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        Some((found.dev(), found.ino()))
    }
    #[cfg(not(unix))]
    {
        let made = found.created().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some((made.as_secs(), u64::from(made.subsec_nanos())))
    }
}

impl Reading {
    /// Opens the file; nothing is made, beside it only what `SQLite` needs to read what was just written.
    pub(super) fn open(path: &Path) -> Result<Self, Unread> {
        let found = match std::fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Unread::Nothing),
            found => found.map_err(|error| Unread::failed(format!("It cannot be looked at: {error}"), schema::LET_WRITE))?,
        };
        // A pipe would keep whoever opens it waiting.
        if !found.is_file() {
            return Err(Unread::failed("What lies there is no file", "Name another file in the profile: ledger = \"…\""));
        }
        if found.len() == 0 && !beside(path, "-wal").is_file() {
            return Err(Unread::Nothing);
        }
        let mode = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, mode)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        let has_edited = connection.unchecked_transaction().map_err(Unread::from).and_then(|at_once| look(&at_once))?;
        Ok(Self { connection, path: path.to_owned(), file: file_id(path), has_edited, known: Known::default() })
    }

    /// Stops what is being read, from another thread.
    pub(super) fn interrupt_handle(&self) -> InterruptHandle {
        self.connection.get_interrupt_handle()
    }

    /// Whether it is still the file that lies there.
    pub(super) fn is_current(&self) -> bool {
        self.file.is_some() && file_id(&self.path) == self.file
    }

    /// Rises, or changes at least, with each commit of whoever writes.
    pub(super) fn data_version(&self) -> Result<i64, Unread> {
        Ok(self.connection.pragma_query_value(None, "data_version", |row| row.get(0))?)
    }

    /// The pages of a look, all of one moment. Of runs that are not counted yet there are no counts, or those of before.
    pub(super) fn look(&mut self, look: &LedgerLook) -> Result<(RunsPage, Option<SendsPage>), Unread> {
        let Self { connection, known, has_edited, .. } = self;
        let at_once = connection.unchecked_transaction()?;
        known.keep_if_same(&at_once)?;
        let runs = known.runs(&at_once, &look.runs)?;
        let sends = look.sends.as_ref().map(|sends| known.sends(&at_once, sends, &look.runs.filter, *has_edited)).transpose()?;
        Ok((runs, sends))
    }

    /// What became of the sends of these lines, where it was not counted since something was written; whether anything was.
    pub(super) fn count(&mut self, rows: &mut [RunLine]) -> Result<bool, Unread> {
        let at_once = self.connection.unchecked_transaction()?;
        let version = self.known.data_version.unwrap_or_default();
        let mut is_new = false;
        for row in rows {
            let LineId::Run(run_id) = row.id else { continue };
            if self.known.counts.get(&run_id).is_some_and(|(of, ..)| *of == version) {
                continue;
            }
            let (counts, status) = counts(&at_once, run_id)?;
            is_new |= row.counts != Some(counts) || row.status != status;
            self.known.counts.insert(run_id, (version, counts, status));
            (row.counts, row.status) = (Some(counts), status);
        }
        Ok(is_new)
    }

    /// All that passes a filter, line by line, each run before its sends; `take` says whether to go on.
    pub(super) fn each(&mut self, filter: &LedgerFilter, mut take: impl FnMut(serde_json::Value) -> Result<bool, Unread>) -> Result<(), Unread> {
        let Self { connection, has_edited, .. } = self;
        let at_once = connection.unchecked_transaction()?;
        for (_, line) in lines(&at_once, filter)? {
            let Some(mut row) = run_line(&at_once, line)? else { continue };
            if let LineId::Run(run_id) = line {
                row.counts = Some(counts(&at_once, run_id)?.0);
            }
            if !take(row.to_json())? {
                return Ok(());
            }
            let LineId::Run(run_id) = line else { continue };
            for send_id in meant_sends(&at_once, run_id, filter)?.0 {
                let Some(send) = send_line(&at_once, send_id, *has_edited)? else { continue };
                let mut json = send.to_json();
                if let Some(line) = json.as_object_mut() {
                    line.insert("run".to_owned(), row.replay_id.clone().into());
                }
                if !take(json)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(end);
    PathBuf::from(beside)
}

/// Whether it is a ledger of this version; whether it says what was changed before it was sent.
fn look(connection: &Connection) -> Result<bool, Unread> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application_id, version) = (number("application_id")?, number("user_version")?);
    let num_tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if (application_id, version, num_tables) == (0, 0, 0) {
        return Err(Unread::Nothing);
    }
    if application_id != schema::APPLICATION_ID {
        let told = format!("It belongs to another program: application id {application_id:#x}");
        return Err(Unread::failed(told, "Put the ledger in its place, or name another file in the profile: ledger = \"…\""));
    }
    if version > VERSION {
        let told = format!("A newer Switchboard wrote it: version {version}, this one knows {VERSION}");
        return Err(Unread::failed(told, "Look at it with that one"));
    }
    if version < VERSION {
        let told = format!("An older Switchboard wrote it: version {version}. It is brought to version {VERSION} before something is sent");
        return Err(Unread::failed(told, "Start again, or make a preview of a replay: then it is opened for writing"));
    }
    let edited = connection.query_row("SELECT 1 FROM pragma_table_info('sends') WHERE name = 'edited'", [], |_| Ok(())).optional()?;
    Ok(edited.is_some())
}

impl Known {
    /// Forgets what was found before somebody wrote; counts stay to be shown until they are counted again.
    fn keep_if_same(&mut self, connection: &Connection) -> Result<(), Unread> {
        // The first read fixes the moment that all others are of.
        let _moment: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        let data_version = connection.pragma_query_value(None, "data_version", |row| row.get(0))?;
        if self.data_version != Some(data_version) {
            let counts = std::mem::take(&mut self.counts);
            let num_all: usize = ["runs", "refusals"].into_iter().map(|table| num_rows(connection, table)).sum::<Result<_, _>>()?;
            *self = Self { data_version: Some(data_version), num_all, counts, ..Self::default() };
        }
        Ok(())
    }

    fn runs(&mut self, connection: &Connection, query: &RunsQuery) -> Result<RunsPage, Unread> {
        if self.lines.as_ref().is_none_or(|(of, _)| *of != query.filter) {
            self.lines = Some((query.filter.clone(), lines(connection, &query.filter)?));
        }
        let lines = self.lines.as_ref().map(|(_, lines)| lines.as_slice()).unwrap_or_default();
        let mut rows = Vec::new();
        for (_, line) in lines.iter().skip(query.skip).take(PAGE) {
            let Some(mut row) = run_line(connection, *line)? else { continue };
            if let LineId::Run(run_id) = line {
                let known = self.counts.get(run_id);
                (row.counts, row.status) = (known.map(|(_, counts, _)| *counts), known.and_then(|(.., status)| *status));
            }
            rows.push(row);
        }
        Ok(RunsPage { of: query.clone(), rows, total: lines.len(), num_all: self.num_all })
    }

    fn sends(&mut self, connection: &Connection, query: &SendsQuery, filter: &LedgerFilter, has_edited: bool) -> Result<SendsPage, Unread> {
        let is_known = self.sends.as_ref().is_some_and(|(run_id, of, ..)| *run_id == query.run_id && of == filter);
        if !is_known {
            let (sends, num_all) = meant_sends(connection, query.run_id, filter)?;
            self.sends = Some((query.run_id, filter.clone(), sends, num_all));
        }
        let (sends, num_all) = self.sends.as_ref().map(|(_, _, sends, num_all)| (sends.as_slice(), *num_all)).unwrap_or_default();
        let mut rows = Vec::new();
        for send_id in sends.iter().skip(query.skip).take(PAGE) {
            rows.extend(send_line(connection, *send_id, has_edited)?);
        }
        Ok(SendsPage { of: query.clone(), rows, total: sends.len(), num_all })
    }
}

fn num_rows(connection: &Connection, table: &str) -> rusqlite::Result<usize> {
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).map(|num| usize::try_from(num).unwrap_or(0))
}

/// Conditions, and what their question marks stand for.
#[derive(Default)]
struct Conditions {
    all: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    fn add(&mut self, condition: impl Into<String>, values: impl IntoIterator<Item = Value>) {
        self.all.push(condition.into());
        self.values.extend(values);
    }

    fn sql(&self) -> String {
        if self.all.is_empty() { "1".to_owned() } else { self.all.join(" AND ") }
    }

    fn values(&self) -> impl Iterator<Item = &dyn ToSql> {
        self.values.iter().map(|value| value as &dyn ToSql)
    }
}

/// A condition that one of these columns holds the text.
fn holds(columns: &[&str], sought: &Sought) -> (String, Vec<Value>) {
    let each = columns.iter().map(|column| format!("{column} LIKE ? ESCAPE '\\'"));
    (each.collect::<Vec<_>>().join(" OR "), columns.iter().map(|_| Value::Text(sought.pattern.clone())).collect())
}

/// The same for a send, of which also the place of its letter, and the one it was written to, may be meant.
fn send_holds(sought: &Sought) -> (String, Vec<Value>) {
    let (mut sql, mut values) = holds(&["call", "reason", "replay_id", "evidence", "channel", "hash"], sought);
    if let Some(written) = &sought.place {
        let place = Value::Blob(encode(&written.place));
        if let Some(channel) = &written.channel {
            sql.push_str(" OR (place = ? AND channel = ? COLLATE NOCASE) OR (written_to = ? AND target = ? COLLATE NOCASE)");
            values.extend([place.clone(), Value::Text(channel.clone()), place, Value::Text(channel.clone())]);
        } else {
            sql.push_str(" OR (place = ? AND channel IS NOT NULL) OR written_to = ?");
            values.extend([place.clone(), place]);
        }
    }
    (sql, values)
}

/// A condition that a run goes to several channels, and a send of it is as another condition says: only its sends name them.
fn goes_to_several(condition: &str) -> String {
    format!("(target LIKE '%{SEVERAL}' AND EXISTS (SELECT 1 FROM sends WHERE sends.run_id = runs.run_id AND ({condition})))")
}

/// The condition on `runs` that a filter means.
fn of_runs(filter: &LedgerFilter) -> Conditions {
    let mut conditions = Conditions::default();
    if let Some(sought) = filter.sought() {
        let (own, own_values) = holds(&["target", "replay_id", "cluster", "cluster_id", "profile", "operator", "reason"], &sought);
        let (targets, target_values) = holds(&["sends.target"], &sought);
        let (of_sends, send_values) = send_holds(&sought);
        let values = own_values.into_iter().chain(target_values).chain(send_values);
        conditions.add(format!("({own} OR {} OR run_id IN (SELECT run_id FROM sends WHERE {of_sends}))", goes_to_several(&targets)), values);
    }
    if let Some(kind) = filter.target_kind {
        // All sends of a run go to the same; one that has none was to send records.
        let first = "SELECT target_kind FROM sends WHERE sends.run_id = runs.run_id LIMIT 1";
        conditions.add(format!("coalesce(({first}), 'channel') = ?"), [Value::Text(kind.word().to_owned())]);
    }
    if let Some(target) = &filter.target {
        let of_several = goes_to_several("sends.target = ?");
        conditions.add(format!("(target = ? OR {of_several})"), [Value::Text(target.clone()), Value::Text(target.clone())]);
    }
    if let Some(became) = filter.became {
        conditions.add(format!("run_id IN (SELECT run_id FROM sends WHERE {})", became.sql()), []);
    }
    conditions
}

/// The same on `refusals`; `None` = none can be meant.
fn of_refusals(filter: &LedgerFilter) -> Option<Conditions> {
    if filter.became.is_some_and(|became| became != Became::Refused) {
        return None;
    }
    let mut conditions = Conditions::default();
    if let Some(sought) = filter.sought() {
        let (own, values) = holds(&["target", "cluster", "profile", "operator", "reason", "command"], &sought);
        conditions.add(format!("({own})"), values);
    }
    match filter.target_kind {
        // Of what was composed the ledger says the server, and not how that was to be spoken to.
        Some(TargetKind::Http | TargetKind::Grpc) => conditions.add("cluster LIKE '%://%'", []),
        Some(TargetKind::Channel) => conditions.add("cluster NOT LIKE '%://%'", []),
        None => {}
    }
    if let Some(target) = &filter.target {
        conditions.add("(target = ? OR cluster = ?)", [Value::Text(target.clone()), Value::Text(target.clone())]);
    }
    Some(conditions)
}

/// All lines that pass, the newest first. Lines taken over from files of before were written here later than they happened: their time counts.
fn lines(connection: &Connection, filter: &LedgerFilter) -> Result<Vec<(i64, LineId)>, Unread> {
    let mut lines: Vec<(i64, LineId)> = Vec::new();
    let of_runs = of_runs(filter);
    let mut statement = connection.prepare(&format!("SELECT started_ns, run_id FROM runs WHERE {}", of_runs.sql()))?;
    let mut rows = statement.query(params_from_iter(of_runs.values()))?;
    while let Some(row) = rows.next()? {
        lines.push((row.get(0)?, LineId::Run(RunId(row.get(1)?))));
    }
    if let Some(of_refusals) = of_refusals(filter) {
        let mut statement = connection.prepare(&format!("SELECT at_ns, refusal_id FROM refusals WHERE {}", of_refusals.sql()))?;
        let mut rows = statement.query(params_from_iter(of_refusals.values()))?;
        while let Some(row) = rows.next()? {
            lines.push((row.get(0)?, LineId::Refusal(row.get(1)?)));
        }
    }
    lines.sort_unstable_by(|one, other| other.cmp(one));
    Ok(lines)
}

/// The sends of a run that are meant, in their order, and how many it has. A text that none of them holds is of the run: then all are meant.
fn meant_sends(connection: &Connection, run_id: RunId, filter: &LedgerFilter) -> Result<(Vec<i64>, usize), Unread> {
    let all = |conditions: &Conditions| -> Result<Vec<i64>, Unread> {
        let mut statement = connection.prepare(&format!("SELECT send_id FROM sends WHERE run_id = {} AND {}", run_id.0, conditions.sql()))?;
        let rows = statement.query_map(params_from_iter(conditions.values()), |row| row.get(0))?;
        let mut sends = rows.collect::<rusqlite::Result<Vec<i64>>>()?;
        sends.sort_unstable();
        Ok(sends)
    };
    let mut conditions = Conditions::default();
    if let Some(became) = filter.became {
        conditions.add(became.sql(), []);
    }
    // Of a run to several channels those to this one; a target that none of them has is of the run.
    if let Some(target) = &filter.target {
        let mut of_run = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM sends WHERE run_id = ? AND target = ?)")?;
        if of_run.query_row(params![run_id.0, target], |row| row.get::<_, bool>(0))? {
            conditions.add("target = ?", [Value::Text(target.clone())]);
        }
    }
    let num_all = connection
        .prepare_cached("SELECT count(*) FROM sends WHERE run_id = ?")?
        .query_row([run_id.0], |row| row.get::<_, i64>(0))
        .map(|num| usize::try_from(num).unwrap_or(0))?;
    if let Some(sought) = filter.sought() {
        let mut narrowed = Conditions { all: conditions.all.clone(), values: conditions.values.clone() };
        let (sql, values) = send_holds(&sought);
        narrowed.add(format!("({sql})"), values);
        let sends = all(&narrowed)?;
        if !sends.is_empty() {
            return Ok((sends, num_all));
        }
    }
    Ok((all(&conditions)?, num_all))
}

const RUN: &str = "SELECT r.replay_id, r.profile, r.operator, r.cluster, r.cluster_id, r.target, r.num_planned, r.started_ns, r.ended_ns, r.ending, r.reason, \
     s.target_kind, s.channel IS NOT NULL, s.call \
     FROM runs r LEFT JOIN sends s ON s.send_id = (SELECT send_id FROM sends WHERE run_id = r.run_id LIMIT 1) WHERE r.run_id = ?";
const REFUSAL: &str = "SELECT profile, operator, cluster, command, target, num_letters, reason, at_ns FROM refusals WHERE refusal_id = ?";

fn run_line(connection: &Connection, line: LineId) -> Result<Option<RunLine>, Unread> {
    match line {
        LineId::Run(run_id) => Ok(connection.prepare_cached(RUN)?.query_row([run_id.0], |row| run(row, line)).optional()?),
        LineId::Refusal(refusal_id) => Ok(connection.prepare_cached(REFUSAL)?.query_row([refusal_id], |row| refusal(row, line)).optional()?),
    }
}

/// What a run says of itself, and its first send of it.
fn run(row: &Row<'_>, id: LineId) -> rusqlite::Result<RunLine> {
    let replay_id: String = row.get(0)?;
    let target_kind = row.get::<_, Option<String>>(11)?.map(|word| read::target_kind(&word));
    let has_letter: Option<bool> = row.get(12)?;
    let kind = match (target_kind, has_letter) {
        (Some(TargetKind::Http), _) => LineKind::Request,
        (Some(TargetKind::Grpc), _) => LineKind::Call,
        (Some(TargetKind::Channel), Some(true)) => LineKind::Replay,
        (Some(TargetKind::Channel), _) => LineKind::Record,
        // It ended before anything was sent: only what goes to a broker can, and its id says which of the two it was.
        (None, _) if replay_id.starts_with("s-") => LineKind::Record,
        (None, _) => LineKind::Replay,
    };
    let ending: Option<String> = row.get(9)?;
    Ok(RunLine {
        id,
        kind,
        target_kind: Some(target_kind.unwrap_or(TargetKind::Channel)),
        target: row.get(5)?,
        call: row.get::<_, Option<String>>(13)?.unwrap_or_default(),
        replay_id,
        profile: row.get(1)?,
        operator: row.get(2)?,
        cluster: row.get(3)?,
        cluster_id: row.get::<_, Option<String>>(4)?.filter(|id| !id.is_empty()),
        num_planned: row.get::<_, i64>(6)?.max(0).cast_unsigned(),
        at_ns: row.get(7)?,
        ended_ns: row.get(8)?,
        ending: ending.and_then(|word| [Ending::Finished, Ending::Stopped, Ending::Halted].into_iter().find(|ending| ending.word() == word)),
        reason: row.get::<_, Option<String>>(10)?.unwrap_or_default(),
        counts: None,
        status: None,
    })
}

fn refusal(row: &Row<'_>, id: LineId) -> rusqlite::Result<RunLine> {
    let (cluster, command): (String, String) = (row.get(2)?, row.get(3)?);
    let is_server = cluster.contains("://");
    let (kind, target_kind) = match command.as_str() {
        "replay" => (LineKind::Replay, Some(TargetKind::Channel)),
        _ if is_server => (LineKind::Send, None),
        _ => (LineKind::Record, Some(TargetKind::Channel)),
    };
    // Of a request the refusal says the call, and as its cluster the server.
    let named: String = row.get(4)?;
    let (target, call) = if is_server { (cluster.clone(), named) } else { (named, String::new()) };
    Ok(RunLine {
        id,
        kind,
        target_kind,
        target,
        call,
        replay_id: String::new(),
        profile: row.get(0)?,
        operator: row.get(1)?,
        cluster,
        cluster_id: None,
        num_planned: row.get::<_, i64>(5)?.max(0).cast_unsigned(),
        at_ns: row.get(7)?,
        ended_ns: None,
        ending: None,
        reason: row.get(6)?,
        counts: None,
        status: None,
    })
}

const COUNTS: &str = "SELECT count(*), total(outcome IN ('persisted', 'answered', 'called')), total(outcome = 'not persisted'), total(outcome = 'skipped'), \
     total(outcome = 'refused'), total(outcome IS NULL), total(fate = 'consumed'), total(fate = 'dead again'), \
     min(status), max(status) FROM sends WHERE run_id = ?";

/// What became of a run's sends, and the status that all have that were answered.
fn counts(connection: &Connection, run_id: RunId) -> Result<(SendCounts, Option<i32>), Unread> {
    let counts = connection.prepare_cached(COUNTS)?.query_row([run_id.0], |row| {
        let sum = |column: usize| row.get::<_, f64>(column).map(|sum| sum as u64);
        let total = row.get::<_, i64>(0)?.max(0).cast_unsigned();
        let (done, not_done, skipped, refused, unsettled) = (sum(1)?, sum(2)?, sum(3)?, sum(4)?, sum(5)?);
        // And what a later version may write.
        let possibly = total.saturating_sub(done + not_done + skipped + refused + unsettled);
        let (least, most): (Option<i32>, Option<i32>) = (row.get(8)?, row.get(9)?);
        let counts = SendCounts { total, done, not_done, possibly, unsettled, skipped, refused, consumed: sum(6)?, dead_again: sum(7)? };
        Ok((counts, least.filter(|_| least == most)))
    })?;
    Ok(counts)
}

/// A send; `None` = there is none of this number.
fn send_line(connection: &Connection, send_id: i64, has_edited: bool) -> Result<Option<SendLine>, Unread> {
    let edited = if has_edited { "edited" } else { "0" };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT run_id, cluster, channel, place, timestamp_ns, target_kind, target, call, route, size_bytes, hash, key_id, replay_count, replay_id, again, \
         failed_group, intended_ns, outcome, reason, written_to, status, settled_ns, fate, evidence, fate_ns, {edited} FROM sends WHERE send_id = ?",
    ))?;
    let line = statement.query_row(params![send_id], |row| {
        let cluster: String = row.get(1)?;
        let outcome: Option<String> = row.get(17)?;
        let fate: Option<String> = row.get(22)?;
        let target_kind = read::target_kind(&row.get::<_, String>(5)?);
        let route = row.get::<_, Option<String>>(8)?.filter(|_| target_kind == TargetKind::Channel);
        Ok(SendLine {
            send_id: SendId(send_id),
            run_id: RunId(row.get(0)?),
            letter: read::letter(row, 2, &cluster)?,
            target_kind,
            target: row.get(6)?,
            call: row.get::<_, Option<String>>(7)?.unwrap_or_default(),
            route: route.unwrap_or_default(),
            size_bytes: row.get::<_, i64>(9)?.max(0).cast_unsigned(),
            hash: row.get(10)?,
            key_id: row.get(11)?,
            replay_count: u32::try_from(row.get::<_, i64>(12)?).unwrap_or(u32::MAX),
            replay_id: row.get(13)?,
            again: row.get(14)?,
            failed_group: row.get(15)?,
            at_ns: row.get(16)?,
            settled: read::settled(outcome.as_deref(), row.get(18)?, read::place(row, 19)?, row.get(20)?),
            settled_ns: row.get(21)?,
            fate: fate.and_then(|word| match word.as_str() {
                "consumed" => Some(Fate::Consumed),
                "dead again" => Some(Fate::DeadAgain),
                _ => None,
            }),
            evidence: row.get::<_, Option<String>>(23)?.unwrap_or_default(),
            fate_ns: row.get(24)?,
            is_edited: row.get::<_, Option<i64>>(25)?.is_some_and(|edited| edited != 0),
            cluster,
        })
    });
    Ok(line.optional()?)
}
