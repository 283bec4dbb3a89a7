//! The ledger as people look through it: a desk that is told what is looked at and puts pages of it on a board. It reads on a thread of its own,
//! over a connection that cannot write, so that neither the window nor whoever sends waits for it.

mod export;
mod page;
mod query;
mod reading;
#[cfg(test)]
mod tests;

pub use export::{ExportState, Exported};
pub use page::{LineId, LineKind, RunLine, RunsPage, SendCounts, SendLine, SendsPage, fate_word};
pub use query::{Became, LedgerExport, LedgerFilter, LedgerLook, PAGE, RunsQuery, SendsQuery, outcome_word};

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rusqlite::InterruptHandle;
use switchboard_model::OperationInfo;

use super::LedgerPlace;
use crate::operations::Operations;
use reading::{Reading, Unread};

/// Between two looks whether something was written.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What took so long to read is read again after so many times that, while others write.
const REST: u32 = 10;

/// How the file is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LedgerState {
    /// It was not looked at yet.
    #[default]
    Unasked,
    /// Nothing was ever sent: there is no file, or nothing in it.
    Nothing,
    /// It was read.
    Read,
    /// It cannot be read.
    Failed {
        /// What is the matter, in a sentence.
        reason: String,
        /// What to do about it.
        next_step: String,
    },
}

/// All that can be seen of the ledger: replaced as a whole with each change, and never waited for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LedgerBoard {
    /// Rises with each change.
    pub version: u64,
    /// Where it lies; `None` = the platform has no place for it.
    pub path: Option<PathBuf>,
    /// How it is.
    pub state: LedgerState,
    /// To what the pages are the answer; `None` = nothing was asked.
    pub look: Option<LedgerLook>,
    /// Whether all of the page's lines are counted.
    pub is_counted: bool,
    /// Runs and refusals.
    pub runs: Arc<RunsPage>,
    /// Sends of one of them; `None` = none were asked for.
    pub sends: Option<Arc<SendsPage>>,
    /// How far the last export is; `None` = there was none.
    pub export: Option<ExportState>,
}

/// The desk, as session and window reach it. Its thread begins with the first look, and ends with it.
pub struct LedgerDesk {
    shared: Arc<Shared>,
    operations: Operations,
    runtime: tokio::runtime::Handle,
}

struct Shared {
    place: Option<LedgerPlace>,
    board: Mutex<Arc<LedgerBoard>>,
    on_change: Box<dyn Fn() + Send + Sync>,
    asked: Mutex<Asked>,
    is_asked: Condvar,
    /// Stops what is read for a look that nobody wants any more.
    interrupt: Mutex<Option<InterruptHandle>>,
}

/// What is looked at. Only the last look counts, so nothing queues up.
#[derive(Default)]
struct Asked {
    look: Option<LedgerLook>,
    /// It was not answered yet.
    is_new: bool,
    /// The board that was seen last.
    seen: u64,
    has_thread: bool,
    is_over: bool,
}

impl Shared {
    fn update(&self, change: impl FnOnce(&mut LedgerBoard)) {
        let mut board = self.board.lock();
        let mut next = LedgerBoard::clone(&board);
        change(&mut next);
        if next == **board {
            return;
        }
        next.version += 1;
        *board = Arc::new(next);
        drop(board);
        (self.on_change)();
    }
}

impl LedgerDesk {
    /// Opens the desk; nothing is read before something is asked. `on_change` is called, from any thread, after each change of the board.
    pub fn start(place: Option<LedgerPlace>, operations: Operations, runtime: &tokio::runtime::Handle, on_change: Box<dyn Fn() + Send + Sync>) -> Self {
        let board = LedgerBoard { path: place.as_ref().map(|place| place.file.clone()), ..LedgerBoard::default() };
        let shared =
            Shared { place, board: Mutex::new(Arc::new(board)), on_change, asked: Mutex::default(), is_asked: Condvar::new(), interrupt: Mutex::default() };
        Self { shared: Arc::new(shared), operations, runtime: runtime.clone() }
    }

    /// What can be seen, while this is looked at: `None` = nobody looks, so nothing is read. Returns at once; what was read comes with a later call.
    pub fn look(&self, look: Option<&LedgerLook>) -> Arc<LedgerBoard> {
        let board = Arc::clone(&self.shared.board.lock());
        self.look_at(look, board.version);
        board
    }

    fn look_at(&self, look: Option<&LedgerLook>, seen: u64) {
        let shared = &self.shared;
        let mut asked = shared.asked.lock();
        asked.seen = seen;
        if asked.look.as_ref() == look {
            return;
        }
        (asked.look, asked.is_new) = (look.cloned(), look.is_some());
        if look.is_none() {
            return;
        }
        let has_thread = std::mem::replace(&mut asked.has_thread, true);
        drop(asked);
        if let Some(interrupt) = &*shared.interrupt.lock() {
            interrupt.interrupt();
        }
        shared.is_asked.notify_one();
        if has_thread {
            return;
        }
        let worker = Worker { shared: Arc::clone(shared), reading: None, seen_version: None, rest: LOOK_EVERY };
        if let Err(error) = std::thread::Builder::new().name("ledger, read".to_owned()).spawn(move || worker.run()) {
            shared.asked.lock().has_thread = false;
            let (reason, next_step) = (format!("Its thread could not be started: {error}"), "End other programs and try again".to_owned());
            shared.update(|board| board.state = LedgerState::Failed { reason, next_step });
        }
    }

    /// Writes what passes a filter into a file, as an operation; how that goes is on the board.
    pub fn export(&self, export: LedgerExport) {
        let LedgerExport { filter, file } = export;
        let shared = Arc::clone(&self.shared);
        let fail = |reason: String| shared.update(|board| board.export = Some(ExportState::Failed(reason)));
        let Some(place) = &shared.place else { return fail("This platform names no folder for data".to_owned()) };
        if matches!(shared.board.lock().export, Some(ExportState::Writing { .. })) {
            return;
        }
        let path = match export::place(&place.file, &file) {
            Ok(path) => path,
            Err(reason) => return fail(reason),
        };
        shared.update(|board| board.export = Some(ExportState::Writing { path: path.clone() }));
        let (ledger, of_work, runtime) = (place.file.clone(), Arc::clone(&shared), self.runtime.clone());
        let info = OperationInfo { what: "Export of the ledger".to_owned(), source: "ledger".to_owned() };
        let started = self.operations.start(info, move |teller| async move {
            let work = move || {
                let written = export::write(&ledger, &filter, &path, &teller);
                // Here, and not where it is waited for: who is stopped waits no more.
                of_work.update(|board| {
                    board.export = Some(match &written {
                        Ok(exported) => ExportState::Done(exported.clone()),
                        Err(failure) => ExportState::Failed(failure.to_string()),
                    });
                });
                written.map(drop)
            };
            match runtime.spawn_blocking(work).await {
                Ok(written) => written,
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            }
        });
        if let Err(failure) = started {
            fail(failure.to_string());
        }
    }
}

impl Drop for LedgerDesk {
    fn drop(&mut self) {
        self.shared.asked.lock().is_over = true;
        if let Some(interrupt) = &*self.shared.interrupt.lock() {
            interrupt.interrupt();
        }
        self.shared.is_asked.notify_one();
    }
}

/// The thread that reads.
struct Worker {
    shared: Arc<Shared>,
    reading: Option<Reading>,
    /// As the file was when it was read last.
    seen_version: Option<i64>,
    /// Until it is read again where others write.
    rest: Duration,
}

impl Worker {
    fn run(mut self) {
        while let Some((look, is_new)) = self.next() {
            if !is_new && !self.is_changed() {
                continue;
            }
            let begun = Instant::now();
            self.answer(&look);
            self.rest = LOOK_EVERY.max(begun.elapsed() * REST);
        }
    }

    /// What to look at, and whether it is a new question; `None` = nothing any more.
    fn next(&self) -> Option<(LedgerLook, bool)> {
        let shared = &self.shared;
        let mut asked = shared.asked.lock();
        loop {
            if asked.is_over {
                return None;
            }
            match asked.look.clone() {
                Some(look) if std::mem::take(&mut asked.is_new) => return Some((look, true)),
                Some(look) => {
                    let is_due = shared.is_asked.wait_for(&mut asked, self.rest).timed_out();
                    if is_due && !asked.is_new && !asked.is_over && asked.seen >= shared.board.lock().version {
                        return Some((look, false));
                    }
                }
                None => shared.is_asked.wait(&mut asked),
            }
        }
    }

    /// Whether the file is another than it was; one that could not be read is tried again.
    fn is_changed(&self) -> bool {
        let Some(reading) = &self.reading else { return true };
        !reading.is_current() || reading.data_version().ok() != self.seen_version
    }

    fn answer(&mut self, look: &LedgerLook) {
        if let Err(unread) = self.read(look) {
            let state = match unread {
                Unread::Interrupted => {
                    // By a newer look, or by one that came just before this one was begun.
                    self.shared.asked.lock().is_new = true;
                    return;
                }
                Unread::Nothing => LedgerState::Nothing,
                Unread::Failed { reason, next_step } => LedgerState::Failed { reason, next_step },
            };
            self.let_go();
            let state = if state == LedgerState::Nothing { self.of_before() } else { state };
            self.shared.update(|board| {
                (board.state, board.look, board.is_counted) = (state, Some(look.clone()), true);
                (board.runs, board.sends) = (Arc::new(RunsPage { of: look.runs.clone(), ..RunsPage::default() }), None);
            });
        }
    }

    fn let_go(&mut self) {
        (self.reading, self.seen_version) = (None, None);
        *self.shared.interrupt.lock() = None;
    }

    /// What stands in files of before and was not taken over yet is not nothing.
    fn of_before(&self) -> LedgerState {
        let place = self.shared.place.as_ref();
        if place.is_some_and(|place| place.files_before().is_ok_and(|files| files.is_empty())) {
            return LedgerState::Nothing;
        }
        match place {
            None => LedgerState::Failed {
                reason: "This platform names no folder for data".to_owned(),
                next_step: "Name a file in the profile: ledger = \"…\"".to_owned(),
            },
            Some(_) => LedgerState::Failed {
                reason: "What was sent stands in files of an older Switchboard, which are taken over before something is sent".to_owned(),
                next_step: "Start again, or make a preview of a replay: then they are read".to_owned(),
            },
        }
    }

    fn read(&mut self, look: &LedgerLook) -> Result<(), Unread> {
        let Some(place) = &self.shared.place else { return Err(Unread::Nothing) };
        if self.reading.as_ref().is_some_and(|reading| !reading.is_current()) {
            self.reading = None;
        }
        let reading = match &mut self.reading {
            Some(reading) => reading,
            none => {
                let reading = Reading::open(&place.file)?;
                *self.shared.interrupt.lock() = Some(reading.interrupt_handle());
                none.insert(reading)
            }
        };
        self.seen_version = reading.data_version().ok();
        let (mut runs, sends) = reading.look(look)?;
        let is_counted = runs.rows.iter().all(|row| row.counts.is_some() || row.is_refusal());
        let sends = sends.map(Arc::new);
        self.shared.update(|board| {
            (board.state, board.look, board.is_counted) = (LedgerState::Read, Some(look.clone()), is_counted);
            (board.runs, board.sends) = (Arc::new(runs.clone()), sends);
        });
        // The page is there; what became of its runs comes after it.
        if reading.count(&mut runs.rows)? || !is_counted {
            self.shared.update(|board| (board.runs, board.is_counted) = (Arc::new(runs), true));
        }
        Ok(())
    }
}
