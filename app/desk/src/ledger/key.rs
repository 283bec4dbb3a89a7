//! The key under which the ledger hashes what was sent. It lies in a file beside the ledger, for its owner only, and outlives sessions: a
//! hash that was written down can be compared after a restart, which one under a session's key for redaction never can.

use std::fmt;
use std::hash::Hasher as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, TransactionBehavior};
use siphasher::sip::SipHasher13;
use switchboard_model::{OutgoingRecord, RawHash};

use super::{LedgerError, schema};

const KEY_BYTES: usize = 16;
/// The key, then the hash of a fixed text under it, which tells whether the key is whole and which one it is.
const FILE_BYTES: usize = KEY_BYTES + 8;
const TEXT: &[u8] = b"key of a Switchboard ledger";

const MEND: &str = "put a copy from before in its place, or take it away: what was sent stays known, but no hash from before can be compared with a new one";

/// The key of a ledger.
#[derive(Clone)]
pub struct HashKey {
    key: [u8; KEY_BYTES],
    id: Arc<str>,
}

impl HashKey {
    fn new(key: [u8; KEY_BYTES]) -> Self {
        Self { id: format!("{:016x}", check(&key)).into(), key }
    }

    /// Keyed hash of what is sent.
    pub fn hash(&self, record: &OutgoingRecord) -> RawHash {
        RawHash::of(&self.key, &record.parts())
    }

    /// The same of what has other parts than a record.
    pub fn hash_parts(&self, parts: &[Option<&[u8]>]) -> RawHash {
        RawHash::of(&self.key, parts)
    }

    /// Tells keys apart, and tells nothing of them.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashKey").field("id", &self.id).finish_non_exhaustive()
    }
}

fn check(key: &[u8; KEY_BYTES]) -> u64 {
    let mut hasher = SipHasher13::new_with_key(key);
    hasher.write(TEXT);
    hasher.finish()
}

/// The key of the ledger in this file, made if there is none yet. Two programs that open a new ledger at once agree on one: it is
/// made while nobody else may write to the ledger.
pub(super) fn of(ledger: &Path, connection: &mut Connection) -> Result<HashKey, LedgerError> {
    // By whatever name the ledger was opened.
    let unfound = |error: &io::Error| LedgerError::Open { path: ledger.to_owned(), reason: format!("its key cannot be looked for: {error}"), next_step: MEND };
    let path = beside(&std::fs::canonicalize(ledger).map_err(|error| unfound(&error))?);
    if let Some(key) = read(&path)? {
        return Ok(key);
    }
    let held = |error: rusqlite::Error| LedgerError::Open {
        path: ledger.to_owned(),
        reason: format!("it cannot be written: {error}"),
        next_step: schema::next_step(&error),
    };
    let _alone = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(held)?;
    if let Some(key) = read(&path)? {
        return Ok(key);
    }
    make(&path).map_err(|error| failed(&path, format!("it cannot be made: {error}"), schema::next_step_of_io(&error)))
}

fn failed(path: &Path, reason: String, next_step: &'static str) -> LedgerError {
    LedgerError::Open { path: path.to_owned(), reason, next_step }
}

/// `ledger.key` beside `ledger.sqlite`.
fn beside(ledger: &Path) -> PathBuf {
    let path = ledger.with_extension("key");
    if path == ledger { ledger.with_extension("key.key") } else { path }
}

/// The key in this file; `None` = there is no such file.
fn read(path: &Path) -> Result<Option<HashKey>, LedgerError> {
    let unreadable = |error: &io::Error| failed(path, format!("it cannot be read: {error}"), MEND);
    let found = match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found.map_err(|error| unreadable(&error))?,
    };
    if !found.is_file() || found.len() != FILE_BYTES as u64 {
        return Err(failed(path, format!("it is damaged: no key of {FILE_BYTES} bytes lies there"), MEND));
    }
    keep_private(path, &found);
    let bytes = std::fs::read(path).map_err(|error| unreadable(&error))?;
    match bytes.split_first_chunk::<KEY_BYTES>() {
        Some((key, told)) if told == check(key).to_le_bytes() => Ok(Some(HashKey::new(*key))),
        _ => Err(failed(path, "it is damaged: its bytes have changed".to_owned(), MEND)),
    }
}

/// A key that others may read, as after it was copied, is its owner's alone again.
#[cfg(unix)]
fn keep_private(path: &Path, found: &std::fs::Metadata) {
    use std::os::unix::fs::PermissionsExt as _;
    let may_others = found.permissions().mode() & 0o077 != 0;
    if may_others && let Err(error) = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)) {
        tracing::warn!("Others may read the ledger's key {}, and that cannot be changed: {error}", path.display());
    }
}

#[cfg(not(unix))]
fn keep_private(_path: &Path, _found: &std::fs::Metadata) {}

/// Written beside, then renamed: it is there whole, or not at all. What a program left that was killed in between is of unknown mode, or a link
/// to somewhere else: it goes first.
fn make(path: &Path) -> io::Result<HashKey> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(|error| io::Error::other(format!("the system gives no random numbers: {error}")))?;
    let new = path.with_extension("key.new");
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(&new)?;
    file.write_all(&key)?;
    file.write_all(&check(&key).to_le_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    Ok(HashKey::new(key))
}
