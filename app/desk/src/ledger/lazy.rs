//! The ledger as all that send in a session share it: opened once, when it is first needed.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::{Ledger, LedgerError, LedgerPlace};

/// A ledger that is opened, or made, when it is first asked for. Cheap to clone.
#[derive(Clone)]
pub struct LazyLedger {
    place: Option<LedgerPlace>,
    opened: Arc<Mutex<Option<Ledger>>>,
}

impl LazyLedger {
    /// One that lies here; `None` = the platform has no place for it, so nothing can be sent.
    pub fn new(place: Option<LedgerPlace>) -> Self {
        Self { place, opened: Arc::default() }
    }

    /// Whether there is one already.
    pub fn is_there(&self) -> bool {
        self.place.as_ref().is_some_and(LedgerPlace::is_there)
    }

    /// Where it lies, or would; `None` = the platform has no place for it.
    pub fn file(&self) -> Option<PathBuf> {
        self.place.as_ref().map(|place| place.file.clone())
    }

    /// The ledger. One that could not be opened is tried again the next time.
    pub async fn open(&self) -> Result<Ledger, LedgerError> {
        let mut opened = self.opened.lock().await;
        if let Some(ledger) = opened.as_ref() {
            return Ok(ledger.clone());
        }
        let Some(place) = self.place.clone() else {
            let reason = "this platform names no folder for data".to_owned();
            return Err(LedgerError::Open { path: PathBuf::from("(none)"), reason, next_step: "name a file in the profile: ledger = \"…\"" });
        };
        let ledger = tokio::task::spawn_blocking(move || Ledger::open_at(&place)).await.unwrap_or(Err(LedgerError::Ended))?;
        *opened = Some(ledger.clone());
        Ok(ledger)
    }
}
