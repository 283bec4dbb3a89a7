//! The file: how it is opened, and its tables.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::LedgerError;

/// Written into the file's header, so that another program's file is not taken for a ledger.
const APPLICATION_ID: i64 = 0x5377_4c67;
/// Version of the tables.
const VERSION: i64 = 1;
/// How long another window on the same profile may hold the file.
const BUSY: Duration = Duration::from_secs(2);

/// No file with anything in it is shorter.
const SMALLEST_BYTES: u64 = 512;

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

const MAKE_ROOM: &str = "make room on its disk and try again";
const LET_WRITE: &str = "let the program write to it and to its folder, or name another file in the profile: ledger = \"…\"";
const NAME_ANOTHER: &str = "name another file in the profile: ledger = \"…\"";
const PUT_BACK: &str = "put a copy from before in its place and start again: it alone knows what was sent";

/// What whoever is told of a failure can do about it.
pub(super) fn next_step(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
            "close the other program that holds it and try again"
        }
        Some(ErrorCode::DiskFull) => MAKE_ROOM,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => LET_WRITE,
        Some(ErrorCode::DatabaseCorrupt) => PUT_BACK,
        Some(ErrorCode::NotADatabase) => "put the ledger in its place, or name another file in the profile: ledger = \"…\"",
        _ => "look after its disk and try again",
    }
}

fn next_step_of_io(error: &std::io::Error) -> &'static str {
    if error.kind() == std::io::ErrorKind::StorageFull { MAKE_ROOM } else { LET_WRITE }
}

/// Opens the file, made if it is not there, readable by its owner only. One that is not a whole ledger is left as it is.
pub(super) fn open(path: &Path) -> Result<Connection, LedgerError> {
    let failed = |what: &str, reason: &str, next_step| LedgerError::Open { path: path.to_owned(), reason: format!("{what}: {reason}"), next_step };
    let not_made = |what: &str, error: &std::io::Error| failed(what, &error.to_string(), next_step_of_io(error));
    let unusable = |what: &str, error: &rusqlite::Error| failed(what, &error.to_string(), next_step(error));
    if let Some(folder) = path.parent() {
        make_folder(folder).map_err(|error| not_made("its folder cannot be made", &error))?;
    }
    // A pipe would keep whoever opens it waiting.
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(failed("it cannot be opened", "it is no file", NAME_ANOTHER));
    }
    make_file(path).map_err(|error| not_made("it cannot be made", &error))?;
    // `SQLite` takes a single byte for an empty file, and an empty file for a new one.
    if std::fs::metadata(path).is_ok_and(|found| (1..SMALLEST_BYTES).contains(&found.len())) {
        return Err(failed("it is damaged", "it is cut off", PUT_BACK));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(|error| unusable("it cannot be opened", &error))?;
    // Whether nobody has written to it yet; an error where it is not ours, or not whole.
    let is_new = |connection: &Connection| -> Result<bool, LedgerError> {
        let unreadable = |error: rusqlite::Error| unusable("it cannot be read", &error);
        let identity = identity(connection).map_err(unreadable)?;
        if identity.is_new() {
            return Ok(true);
        }
        if identity.application_id != APPLICATION_ID {
            return Err(failed("it belongs to another program", &format!("application id {:#x}", identity.application_id), NAME_ANOTHER));
        }
        if identity.version != VERSION {
            let versions = format!("version {}, this one knows {VERSION}", identity.version);
            return Err(failed("a newer Switchboard wrote it", &versions, "start that one, or name another file in the profile: ledger = \"…\""));
        }
        // A byte that changed on the disk may be the one that keeps a letter from being sent twice.
        match fault(connection).map_err(unreadable)? {
            Some(fault) => Err(failed("it is damaged", &fault, PUT_BACK)),
            None => Ok(false),
        }
    };
    connection.busy_timeout(BUSY).map_err(|error| unusable("it cannot be opened", &error))?;
    let was_new = is_new(&connection)?;
    prepare(&mut connection).map_err(|error| unusable("it cannot be written", &error))?;
    if was_new {
        // Somebody else may have made it in the meantime.
        is_new(&connection)?;
    }
    Ok(connection)
}

/// Settings of the connection, and the tables of a new file.
fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
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

/// Whose file it is.
struct Identity {
    application_id: i64,
    version: i64,
    num_tables: i64,
}

impl Identity {
    /// Whether nobody has written to it yet.
    fn is_new(&self) -> bool {
        self.application_id == 0 && self.version == 0 && self.num_tables == 0
    }
}

fn identity(connection: &Connection) -> rusqlite::Result<Identity> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get(0));
    let num_tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(Identity { application_id: number("application_id")?, version: number("user_version")?, num_tables })
}

/// The first thing in it that does not fit together: pages, indexes, what columns may hold.
fn fault(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    Ok((found != "ok").then(|| found.lines().last().unwrap_or_default().to_owned()))
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
