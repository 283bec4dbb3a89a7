//! The file: how it is opened, and its tables.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::tables::{EDITED, INDEXES, TABLES, VERSION, WIDE_INDEX};
use super::{LedgerError, version_1};

/// Written into the file's header, so that another program's file is not taken for a ledger.
pub(super) const APPLICATION_ID: i64 = 0x5377_4c67;
/// How long another window may hold the file.
const BUSY: Duration = Duration::from_secs(2);
/// Between two tries where `SQLite` itself does not wait.
const AGAIN: Duration = Duration::from_millis(10);

/// No file with anything in it is shorter.
const SMALLEST_BYTES: u64 = 512;

pub(super) const LET_GO: &str = "close the other program that holds it and try again";
pub(super) const MAKE_ROOM: &str = "make room on its disk and try again";
pub(super) const LOOK_AFTER: &str = "look after its disk and try again";
pub(super) const LET_WRITE: &str = "let the program write to it and to its folder, or name another file in the profile: ledger = \"…\"";
const NAME_ANOTHER: &str = "name another file in the profile: ledger = \"…\"";
const PUT_BACK: &str = "put a copy from before in its place and start again: it alone knows what was sent";

/// What whoever is told of a failure can do about it.
pub(super) fn next_step(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => LET_GO,
        Some(ErrorCode::DiskFull) => MAKE_ROOM,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => LET_WRITE,
        Some(ErrorCode::DatabaseCorrupt) => PUT_BACK,
        Some(ErrorCode::NotADatabase) => "put the ledger in its place, or name another file in the profile: ledger = \"…\"",
        _ => LOOK_AFTER,
    }
}

pub(super) fn next_step_of_io(error: &std::io::Error) -> &'static str {
    if error.kind() == std::io::ErrorKind::StorageFull { MAKE_ROOM } else { LET_WRITE }
}

/// A file that is being opened, and what is said of it where it cannot be.
struct Opening<'a> {
    path: &'a Path,
}

/// What a file turned out to be.
enum Found {
    /// Nobody has written to it yet.
    New,
    /// A whole ledger of this version.
    Version(i64),
}

impl Opening<'_> {
    fn failed(&self, what: &str, reason: &str, next_step: &'static str) -> LedgerError {
        LedgerError::Open { path: self.path.to_owned(), reason: format!("{what}: {reason}"), next_step }
    }

    fn unmade(&self, what: &str, error: &std::io::Error) -> LedgerError {
        self.failed(what, &error.to_string(), next_step_of_io(error))
    }

    fn unusable(&self, what: &str, error: &rusqlite::Error) -> LedgerError {
        self.failed(what, &error.to_string(), next_step(error))
    }

    /// A pipe would keep whoever opens it waiting.
    fn is_no_pipe(&self) -> Result<(), LedgerError> {
        if std::fs::metadata(self.path).is_ok_and(|found| !found.is_file()) {
            Err(self.failed("it cannot be opened", "it is no file", NAME_ANOTHER))
        } else {
            Ok(())
        }
    }

    /// Connects to what lies there, by its path or another name for it.
    fn connect(&self, name: &Path, mode: OpenFlags) -> Result<Connection, LedgerError> {
        // `SQLite` takes a single byte for an empty file, and an empty file for a new one.
        if std::fs::metadata(self.path).is_ok_and(|found| (1..SMALLEST_BYTES).contains(&found.len())) {
            return Err(self.failed("it is damaged", "it is cut off", PUT_BACK));
        }
        let unopened = |error: rusqlite::Error| self.unusable("it cannot be opened", &error);
        let connection = Connection::open_with_flags(name, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(unopened)?;
        connection.busy_timeout(BUSY).map_err(unopened)?;
        Ok(connection)
    }

    /// Looks at all of it; an error where it is not ours, or not whole.
    fn look(&self, connection: &Connection) -> Result<Found, LedgerError> {
        let unreadable = |error: rusqlite::Error| self.unusable("it cannot be read", &error);
        // All of it at one moment: another program may be making it.
        let identity = connection.unchecked_transaction().and_then(|at_once| identity(&at_once)).map_err(unreadable)?;
        if identity.is_new() {
            return Ok(Found::New);
        }
        if identity.application_id != APPLICATION_ID {
            return Err(self.failed("it belongs to another program", &format!("application id {:#x}", identity.application_id), NAME_ANOTHER));
        }
        if !(1..=VERSION).contains(&identity.version) {
            let versions = format!("version {}, this one knows {VERSION}", identity.version);
            return Err(self.failed("a newer Switchboard wrote it", &versions, "start that one, or name another file in the profile: ledger = \"…\""));
        }
        // A byte that changed on the disk may be the one that keeps a letter from being sent twice.
        match fault(connection).map_err(unreadable)? {
            Some(fault) => Err(self.failed("it is damaged", &fault, PUT_BACK)),
            None => Ok(Found::Version(identity.version)),
        }
    }
}

/// Opens the file, made if it is not there, readable by its owner only; one of version 1 is brought to this version. One that is not a whole
/// ledger is left as it is.
pub(super) fn open(path: &Path) -> Result<Connection, LedgerError> {
    let opening = Opening { path };
    if let Some(folder) = path.parent() {
        make_folder(folder).map_err(|error| opening.unmade("its folder cannot be made", &error))?;
    }
    opening.is_no_pipe()?;
    make_file(path).map_err(|error| opening.unmade("it cannot be made", &error))?;
    let mut connection = opening.connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let found = opening.look(&connection)?;
    prepare(&mut connection).map_err(|error| opening.unusable("it cannot be written", &error))?;
    if matches!(found, Found::New) {
        // Somebody else may have made it in the meantime.
        opening.look(&connection)?;
    }
    Ok(connection)
}

/// Opens a file of version 1, and never writes to it; `None` = it is empty, or is a ledger of this version, that a profile names. One at rest is
/// read without a lock, and nothing is made beside it: its folder may be one that nobody may write to.
pub(super) fn open_version_1(path: &Path, is_at_rest: bool) -> Result<Option<Connection>, LedgerError> {
    let opening = Opening { path };
    opening.is_no_pipe()?;
    let connection = if is_at_rest {
        opening.connect(Path::new(&immutable(path)), OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)?
    } else {
        opening.connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?
    };
    Ok(matches!(opening.look(&connection)?, Found::Version(1)).then_some(connection))
}

/// A file's name for `SQLite`, by which it takes it for one that nobody writes to.
fn immutable(path: &Path) -> String {
    let bytes: Vec<String> = path.as_os_str().as_encoded_bytes().iter().map(|byte| format!("%{byte:02X}")).collect();
    format!("file:{}?immutable=1", bytes.concat())
}

/// Settings of the connection, the tables of a new file, and those of an old one as they are now.
fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    write_ahead(connection)?;
    // FULL: a commit is on the disk before the call returns, also in the write-ahead log.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    // As it is now that nobody else may write to it.
    let found = identity(&transaction)?;
    if found.num_tables == 0 {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    } else if (found.application_id, found.version) == (APPLICATION_ID, 1) {
        version_1::migrate(&transaction)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    if transaction.query_row("SELECT count(*) FROM pragma_table_info('sends') WHERE name = 'edited'", [], |row| row.get::<_, i64>(0))? == 0 {
        transaction.execute_batch(EDITED)?;
    }
    if transaction.query_row(WIDE_INDEX, [], |row| row.get::<_, i64>(0))? > 0 {
        transaction.execute_batch("DROP INDEX sent_once")?;
    }
    transaction.execute_batch(INDEXES)?;
    transaction.commit()
}

/// Begins the write-ahead log. Of several programs that do so at once `SQLite` turns all but one away, and lets none of them wait.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let deadline = Instant::now() + BUSY;
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < deadline => std::thread::sleep(AGAIN),
            done => return done,
        }
    }
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
