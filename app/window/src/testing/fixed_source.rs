//! A source whose snapshot stays what it is until a test changes it.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};

use parking_lot::Mutex;
use switchboard_engine::view::{Answer, Query, Snapshot};

use super::{NOW_NS, SECOND_NS};
use crate::{SessionCommand, SnapshotSource};
use switchboard_desk::lab::LabState;
use switchboard_desk::ledger::{LedgerBoard, LedgerLook};
use switchboard_desk::operations::OperationsBoard;
use switchboard_desk::send::SendBoard;
use switchboard_desk::send::replay::ReplayBoard;
use switchboard_desk::sources_desk::SourcesBoard;

/// A source whose snapshot stays what it is until a test changes it.
#[derive(Clone)]
pub struct FixedSource(Arc<Mutex<Fixed>>);

struct Fixed {
    snapshot: Snapshot,
    now_ns: i64,
    failure: Option<String>,
    lab: LabState,
    commands: Vec<SessionCommand>,
    closes_in: Option<Duration>,
    wake: Option<Box<dyn Fn() + Send + Sync>>,
    answers: Option<Answers>,
    late_by: Option<Late>,
    late: Vec<(usize, SyncSender<Answer>, Answer)>,
    queries: Vec<Query>,
    sources: Arc<SourcesBoard>,
    replay: Arc<ReplayBoard>,
    send: Arc<SendBoard>,
    operations: Arc<OperationsBoard>,
    ledger: Ledger,
}

/// What is looked at in the ledger, and what is read of it.
struct Ledger {
    read: LedgerRead,
    look: Option<LedgerLook>,
    board: Arc<LedgerBoard>,
}

/// Reads the ledger in place.
type LedgerRead = Box<dyn FnMut(&LedgerLook) -> LedgerBoard + Send>;

/// Frames until an answer comes, and which do not come at once.
#[derive(Clone, Copy)]
struct Late {
    frames: usize,
    is_late: fn(&Query) -> bool,
}

/// Answers questions in place; `None` = nobody answers.
type Answers = Box<dyn FnMut(&Query) -> Option<Answer> + Send>;

impl FixedSource {
    /// A source of this snapshot.
    pub fn new(snapshot: Snapshot) -> Self {
        Self(Arc::new(Mutex::new(Fixed {
            snapshot,
            now_ns: NOW_NS,
            failure: None,
            lab: LabState::Well,
            commands: Vec::new(),
            closes_in: None,
            wake: None,
            answers: None,
            late_by: None,
            late: Vec::new(),
            queries: Vec::new(),
            sources: Arc::default(),
            replay: Arc::default(),
            send: Arc::default(),
            operations: Arc::default(),
            ledger: Ledger { read: Box::new(|_| LedgerBoard::default()), look: None, board: Arc::default() },
        })))
    }

    /// Publishes another snapshot.
    pub fn publish(&self, mut snapshot: Snapshot) {
        let mut fixed = self.0.lock();
        snapshot.generation = fixed.snapshot.generation + 1;
        fixed.snapshot = snapshot;
        if let Some(wake) = &fixed.wake {
            wake();
        }
    }

    /// Lets time on the wall pass.
    pub fn advance_s(&self, seconds: i64) {
        self.0.lock().now_ns += seconds * SECOND_NS;
    }

    /// Sets the time on the wall, ns since the Unix epoch.
    pub fn set_now_ns(&self, now_ns: i64) {
        self.0.lock().now_ns = now_ns;
    }

    /// The engine stops, or runs again.
    pub fn fail(&self, failure: Option<&str>) {
        self.0.lock().failure = failure.map(str::to_owned);
    }

    /// The demo's lab ends, or is started again.
    pub fn show_lab(&self, lab: LabState) {
        self.0.lock().lab = lab;
    }

    /// The window is to close after this time.
    pub fn close_in(&self, closes_in: Duration) {
        self.0.lock().closes_in = Some(closes_in);
    }

    /// Answers questions from now on.
    pub fn answer_with(&self, answers: impl FnMut(&Query) -> Option<Answer> + Send + 'static) {
        self.0.lock().answers = Some(Box::new(answers));
    }

    /// From now on answers to these questions come so many frames after them, not with them.
    pub fn answer_late(&self, frames: usize, is_late: fn(&Query) -> bool) {
        self.0.lock().late_by = Some(Late { frames: frames.max(1), is_late });
    }

    /// Lets other sources be seen.
    pub fn show_sources(&self, board: SourcesBoard) {
        let mut fixed = self.0.lock();
        fixed.sources = Arc::new(board);
        if let Some(wake) = &fixed.wake {
            wake();
        }
    }

    /// Lets another board be seen.
    pub fn show_replay(&self, board: ReplayBoard) {
        let mut fixed = self.0.lock();
        fixed.replay = Arc::new(board);
        if let Some(wake) = &fixed.wake {
            wake();
        }
    }

    /// Lets another board of sending be seen.
    pub fn show_send(&self, board: SendBoard) {
        let mut fixed = self.0.lock();
        fixed.send = Arc::new(board);
        if let Some(wake) = &fixed.wake {
            wake();
        }
    }

    /// Lets a ledger be read from now on.
    pub fn show_ledger(&self, read: impl FnMut(&LedgerLook) -> LedgerBoard + Send + 'static) {
        let mut fixed = self.0.lock();
        fixed.ledger.read = Box::new(read);
        fixed.ledger.look = None;
        if let Some(wake) = &fixed.wake {
            wake();
        }
    }

    /// What is looked at in the ledger; `None` = nobody looks.
    pub fn ledger_look(&self) -> Option<LedgerLook> {
        self.0.lock().ledger.look.clone()
    }

    /// Lets other operations be seen.
    pub fn show_operations(&self, board: OperationsBoard) {
        let mut fixed = self.0.lock();
        fixed.operations = Arc::new(board);
        if let Some(wake) = &fixed.wake {
            wake();
        }
    }

    /// What the window asked the engine so far.
    pub fn queries(&self) -> Vec<Query> {
        self.0.lock().queries.clone()
    }

    /// What the window asked for so far.
    pub fn commands(&self) -> Vec<SessionCommand> {
        self.0.lock().commands.clone()
    }
}

impl Fixed {
    /// Answers that are to be given with this frame.
    fn due(&mut self) -> Vec<(SyncSender<Answer>, Answer)> {
        self.late.iter_mut().for_each(|(frames, ..)| *frames -= 1);
        let (due, late) = std::mem::take(&mut self.late).into_iter().partition(|(frames, ..)| *frames == 0);
        self.late = late;
        let due: Vec<(usize, SyncSender<Answer>, Answer)> = due;
        due.into_iter().map(|(_, sender, answer)| (sender, answer)).collect()
    }
}

impl SnapshotSource for FixedSource {
    fn snapshot(&mut self) -> Snapshot {
        let mut fixed = self.0.lock();
        // It is taken once a frame.
        for (sender, answer) in fixed.due() {
            drop(sender.try_send(answer));
        }
        fixed.snapshot.clone()
    }

    fn engine_failure(&mut self) -> Option<String> {
        self.0.lock().failure.clone()
    }

    fn lab(&mut self) -> LabState {
        self.0.lock().lab.clone()
    }

    fn on_publish(&mut self, wake: Box<dyn Fn() + Send + Sync>) {
        self.0.lock().wake = Some(wake);
    }

    fn query(&mut self, query: Query) -> Receiver<Answer> {
        let mut fixed = self.0.lock();
        let (sender, receiver) = sync_channel(1);
        if let Some(answer) = fixed.answers.as_mut().and_then(|answers| answers(&query)) {
            match fixed.late_by.filter(|late| (late.is_late)(&query)) {
                Some(Late { frames, .. }) => fixed.late.push((frames, sender, answer)),
                None => drop(sender.try_send(answer)),
            }
        }
        fixed.queries.push(query);
        receiver
    }

    fn sources(&mut self) -> Arc<SourcesBoard> {
        Arc::clone(&self.0.lock().sources)
    }

    fn replay(&mut self) -> Arc<ReplayBoard> {
        Arc::clone(&self.0.lock().replay)
    }

    fn send(&mut self) -> Arc<SendBoard> {
        Arc::clone(&self.0.lock().send)
    }

    fn ledger(&mut self, look: Option<&LedgerLook>) -> Arc<LedgerBoard> {
        let Ledger { read, look: before, board } = &mut self.0.lock().ledger;
        if before.as_ref() != look {
            *before = look.cloned();
            if let Some(look) = look {
                *board = Arc::new(read(look));
            }
        }
        Arc::clone(board)
    }

    fn operations(&mut self) -> Arc<OperationsBoard> {
        Arc::clone(&self.0.lock().operations)
    }

    fn command(&mut self, command: SessionCommand) {
        self.0.lock().commands.push(command);
    }

    fn closes_in(&mut self) -> Option<Duration> {
        self.0.lock().closes_in
    }

    fn now_ns(&mut self) -> i64 {
        self.0.lock().now_ns
    }
}
