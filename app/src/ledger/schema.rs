//! The file: how it is opened, and its tables.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::LedgerError;

/// Written into the file's header, so that another program's file is not taken for a ledger.
const APPLICATION_ID: i64 = 0x5377_4c67;
/// Version of the tables.
const VERSION: i64 = 1;
/// How long another window on the same profile may hold the file.
const BUSY: Duration = Duration::from_secs(2);

/// The tables. A line, once settled, does not change and does not go: the file's own triggers see to that. A letter whose
/// send was acknowledged, or may have been, cannot be intended a second time.
const TABLES: &str = "
CREATE TABLE runs (
  run_id INTEGER PRIMARY KEY,
  replay_id TEXT NOT NULL UNIQUE,
  operator TEXT NOT NULL,
  cluster TEXT NOT NULL,
  cluster_id TEXT NOT NULL,
  target TEXT NOT NULL,
  num_planned INTEGER NOT NULL,
  started_ns INTEGER NOT NULL,
  ended_ns INTEGER,
  ending TEXT CHECK (ending IN ('finished', 'stopped', 'halted')),
  reason TEXT
) STRICT;
CREATE TABLE sends (
  send_id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES runs,
  cluster TEXT NOT NULL,
  channel TEXT NOT NULL,
  partition INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  timestamp_ns INTEGER,
  kind INTEGER NOT NULL,
  failed_group TEXT,
  target TEXT NOT NULL,
  target_partition INTEGER,
  target_offset INTEGER,
  hash TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  replay_count INTEGER NOT NULL,
  replay_id TEXT NOT NULL,
  intended_ns INTEGER NOT NULL,
  outcome TEXT CHECK (outcome IN ('persisted', 'not persisted', 'possibly persisted', 'skipped', 'refused')),
  reason TEXT,
  settled_ns INTEGER,
  fate TEXT CHECK (fate IN ('consumed', 'dead again')),
  evidence TEXT,
  fate_ns INTEGER
) STRICT;
CREATE UNIQUE INDEX sent_once ON sends (cluster, channel, partition, offset, ifnull(timestamp_ns, -1))
  WHERE outcome IS NULL OR outcome IN ('persisted', 'possibly persisted');
CREATE INDEX sends_of_run ON sends (run_id);
CREATE TABLE refusals (
  refusal_id INTEGER PRIMARY KEY,
  operator TEXT NOT NULL,
  cluster TEXT NOT NULL,
  command TEXT NOT NULL,
  target TEXT NOT NULL,
  num_letters INTEGER NOT NULL,
  reason TEXT NOT NULL,
  at_ns INTEGER NOT NULL
) STRICT;
CREATE TABLE parkings (
  parking_id INTEGER PRIMARY KEY,
  cluster TEXT NOT NULL,
  channel TEXT NOT NULL,
  partition INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  timestamp_ns INTEGER,
  kind INTEGER NOT NULL,
  note TEXT,
  operator TEXT NOT NULL,
  at_ns INTEGER NOT NULL
) STRICT;
CREATE TRIGGER outcome_stays BEFORE UPDATE OF outcome ON sends WHEN OLD.outcome IS NOT NULL
  BEGIN SELECT RAISE(ABORT, 'an outcome does not change'); END;
CREATE TRIGGER sends_stay BEFORE DELETE ON sends BEGIN SELECT RAISE(ABORT, 'lines of the ledger stay'); END;
CREATE TRIGGER runs_stay BEFORE DELETE ON runs BEGIN SELECT RAISE(ABORT, 'lines of the ledger stay'); END;
CREATE TRIGGER refusals_stay BEFORE DELETE ON refusals BEGIN SELECT RAISE(ABORT, 'lines of the ledger stay'); END;
";

/// Opens the file, made if it is not there, readable by its owner only.
pub(super) fn open(path: &Path) -> Result<Connection, LedgerError> {
    let failed = |what: &str, reason: String| LedgerError::Open { path: path.to_owned(), reason: format!("{what}: {reason}") };
    if let Some(folder) = path.parent() {
        make_folder(folder).map_err(|error| failed("its folder cannot be made", error.to_string()))?;
    }
    // A pipe would keep whoever opens it waiting.
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(failed("it cannot be opened", "it is no file".to_owned()));
    }
    make_file(path).map_err(|error| failed("it cannot be made", error.to_string()))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(|error| failed("it cannot be opened", error.to_string()))?;
    prepare(&mut connection).map_err(|error| failed("it is no ledger that can be written", error.to_string()))?;
    let (application_id, version) = identity(&connection).map_err(|error| failed("it cannot be read", error.to_string()))?;
    if application_id != APPLICATION_ID {
        return Err(failed("it belongs to another program", format!("application id {application_id:#x}")));
    }
    if version != VERSION {
        return Err(failed("a newer Switchboard wrote it", format!("version {version}, this one knows {VERSION}")));
    }
    Ok(connection)
}

/// Settings of the connection, and the tables of a new file.
fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    // FULL: a commit is on the disk before the call returns, also in the write-ahead log.
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let num_tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if num_tables == 0 {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()
}

fn identity(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get(0));
    Ok((number("application_id")?, number("user_version")?))
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}

/// `SQLite` gives its side files the mode of the main one.
fn make_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path).map(drop)
}
