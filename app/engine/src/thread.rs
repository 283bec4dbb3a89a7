//! The engine's thread: takes inputs in slices of at most 2 ms, answers questions between them, publishes at most 30 times
//! a second and only when something changed. If it panics, that is a state that can be seen, and ingest stops.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use switchboard_model::{Intake, Outlet, SourceInfo, Waker};

use crate::engine::{Engine, EngineConfig};
use crate::queries::{Scan, ScanKind, merge};
use crate::view::{Answer, Query, Report, ScanQuery, Snapshot};

/// Inputs are taken for so long before anything else has its turn.
const SLICE: Duration = Duration::from_millis(2);
/// Between two publications.
const PUBLISH_EVERY: Duration = Duration::from_millis(33);
/// Making snapshots takes at most this share of the time: one in so many parts.
const PUBLISH_SHARE: u32 = 8;
/// Nothing to do: look again after so long.
const IDLE: Duration = Duration::from_millis(500);
/// Commands that may wait.
const MAX_COMMANDS: usize = 256;
/// Parts of an answer that may wait.
const MAX_PARTS: usize = 4;

/// Whether the engine runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineState {
    /// It does.
    Running,
    /// It ended by a fault of its own, with this text; what was observed is lost, and nothing more is taken in.
    Panicked(String),
}

enum Command {
    AddSource(SourceInfo),
    AddDeadLetterChannel(String),
    Query(Query, SyncSender<Answer>),
    Report(SyncSender<Report>),
}

struct Shared {
    snapshot: Mutex<Snapshot>,
    state: Mutex<EngineState>,
    is_ending: AtomicBool,
}

/// Gives out the newest snapshot. Cheap to clone.
#[derive(Clone)]
pub struct Snapshots {
    shared: Arc<Shared>,
}

impl Snapshots {
    /// The newest snapshot.
    pub fn latest(&self) -> Snapshot {
        self.shared.snapshot.lock().clone()
    }
}

/// Asks the engine, without keeping it. Cheap to clone.
#[derive(Clone)]
pub struct Queries {
    commands: SyncSender<Command>,
    waker: Waker,
}

impl Queries {
    /// Asks a question. The receiver is disconnected without an answer if the engine has ended, if too many questions
    /// wait, or if newer searches of the kind superseded this one: one of [`ScanQuery::Find`], [`ScanQuery::RecordMatches`]
    /// and [`ScanQuery::MostUsed`], four of the others. To a [`ScanQuery::Find`] come several answers; what the receiver does not take in time is merged.
    pub fn query(&self, query: Query) -> Receiver<Answer> {
        let (answer, receiver) = sync_channel(if matches!(query, Query::Scan(ScanQuery::Find { .. })) { MAX_PARTS } else { 1 });
        if self.commands.try_send(Command::Query(query, answer)).is_ok() {
            self.waker.wake();
        }
        receiver
    }
}

/// An engine on a thread of its own. Ends when dropped.
pub struct EngineThread {
    shared: Arc<Shared>,
    commands: SyncSender<Command>,
    waker: Waker,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl EngineThread {
    /// Starts an engine on these sources. `outlet` is what it takes in, `intake` the same queue, for its counts.
    /// `on_publish` is called, on the engine's thread, after each new snapshot and if the engine panics.
    pub fn spawn(config: EngineConfig, sources: Vec<SourceInfo>, outlet: Outlet, intake: Intake, on_publish: Box<dyn Fn() + Send>) -> Self {
        let shared = Arc::new(Shared {
            snapshot: Mutex::new(Snapshot { started_ns: config.started_ns, as_of_ns: config.started_ns, ..Snapshot::default() }),
            state: Mutex::new(EngineState::Running),
            is_ending: AtomicBool::new(false),
        });
        let (commands, receiver) = sync_channel(MAX_COMMANDS);
        let waker = outlet.waker();
        let worker = Worker {
            shared: Arc::clone(&shared),
            commands: receiver,
            outlet,
            intake,
            on_publish: Arc::new(Mutex::new(on_publish)),
            sources,
            scans: Vec::new(),
        };
        let of_thread = Arc::clone(&shared);
        let spawned = std::thread::Builder::new().name("engine".to_owned()).spawn(move || worker.run_caught(config));
        let thread = match spawned {
            Ok(thread) => Some(thread),
            Err(error) => {
                *of_thread.state.lock() = EngineState::Panicked(format!("the engine's thread could not be started: {error}"));
                None
            }
        };
        Self { shared, commands, waker, thread }
    }

    /// A source that the session has made; what it sends from now on is of its environment.
    pub fn add_source(&self, source: SourceInfo) {
        self.tell_surely(Command::AddSource(source));
    }

    /// Takes a channel for one of dead letters whatever its name, because the profile says so. Told before its first record.
    pub fn add_dead_letter_channel(&self, channel: &str) {
        self.tell_surely(Command::AddDeadLetterChannel(channel.to_owned()));
    }

    fn tell_surely(&self, command: Command) {
        // An engine that has ended needs no commands.
        if self.commands.send(command).is_ok() {
            self.waker.wake();
        }
    }

    /// Asks a question, as [`Queries::query`] does.
    pub fn query(&self, query: Query) -> Receiver<Answer> {
        self.queries().query(query)
    }

    /// Gives out answers, without the engine.
    pub fn queries(&self) -> Queries {
        Queries { commands: self.commands.clone(), waker: self.waker.clone() }
    }

    /// Asks for the report as of now. Disconnected without one if the engine has ended or too many questions wait.
    pub fn report(&self) -> Receiver<Report> {
        let (report, receiver) = sync_channel(1);
        self.tell(Command::Report(report));
        receiver
    }

    fn tell(&self, command: Command) {
        if self.commands.try_send(command).is_ok() {
            self.waker.wake();
        }
    }

    /// The newest snapshot.
    pub fn snapshot(&self) -> Snapshot {
        self.shared.snapshot.lock().clone()
    }

    /// Gives out snapshots, without the engine.
    pub fn snapshots(&self) -> Snapshots {
        Snapshots { shared: Arc::clone(&self.shared) }
    }

    /// Whether the engine runs.
    pub fn state(&self) -> EngineState {
        self.shared.state.lock().clone()
    }
}

impl Drop for EngineThread {
    fn drop(&mut self) {
        self.shared.is_ending.store(true, Ordering::SeqCst);
        self.waker.wake();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("The engine's thread ended badly.");
        }
    }
}

struct Worker {
    shared: Arc<Shared>,
    commands: Receiver<Command>,
    outlet: Outlet,
    intake: Intake,
    on_publish: Arc<Mutex<Box<dyn Fn() + Send>>>,
    sources: Vec<SourceInfo>,
    /// Ends scans that run, oldest first.
    scans: Vec<(ScanKind, Arc<AtomicBool>)>,
}

impl Worker {
    fn run_caught(self, config: EngineConfig) {
        let shared = Arc::clone(&self.shared);
        let on_publish = Arc::clone(&self.on_publish);
        // Unwinding drops the outlet: from then on every sink is closed.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(move || self.run(config))) {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
            let text = text.unwrap_or_else(|| "no text".to_owned());
            tracing::error!(%text, "The engine ended by a fault of its own; nothing more is taken in.");
            *shared.state.lock() = EngineState::Panicked(text);
            // Should it be this that panics, there is nobody left to tell.
            let _told_or_not = catch_unwind(AssertUnwindSafe(|| (on_publish.lock())()));
        }
    }

    fn run(mut self, config: EngineConfig) {
        let mut engine = Engine::new(config);
        for source in std::mem::take(&mut self.sources) {
            engine.add_source(source);
        }
        let mut publish_at = Instant::now();
        while !self.shared.is_ending.load(Ordering::SeqCst) {
            let wait = if engine.is_dirty() { publish_at.saturating_duration_since(Instant::now()) } else { IDLE };
            let mut input = self.outlet.recv(wait);
            let slice_ends = Instant::now() + SLICE;
            loop {
                // A source is told of before its first batch is queued: commands have the first turn.
                self.obey(&mut engine);
                let Some(taken) = input else { break };
                engine.apply(taken);
                if Instant::now() >= slice_ends {
                    break;
                }
                input = self.outlet.recv(Duration::ZERO);
            }
            let begun = Instant::now();
            if begun >= publish_at && engine.is_dirty() {
                self.publish(&mut engine);
                publish_at = begun + PUBLISH_EVERY.max(begun.elapsed() * PUBLISH_SHARE);
            }
        }
        for (_, cancel) in &self.scans {
            cancel.store(true, Ordering::Relaxed);
        }
    }

    fn publish(&self, engine: &mut Engine) {
        let snapshot = engine.snapshot(&self.intake.counts());
        let is_new = self.shared.snapshot.lock().generation != snapshot.generation;
        if is_new {
            let old = std::mem::replace(&mut *self.shared.snapshot.lock(), snapshot);
            (self.on_publish.lock())();
            drop(old);
        }
    }

    fn obey(&mut self, engine: &mut Engine) {
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::AddSource(source) => engine.add_source(source),
                Command::AddDeadLetterChannel(channel) => engine.add_dead_letter_channel(&channel),
                Command::Query(Query::Scan(query), answer) => self.scan(engine.scan(&query), answer),
                // Whoever asked may have gone: then nobody misses the answer.
                Command::Query(Query::Point(query), answer) => drop(answer.try_send(engine.answer(&query))),
                Command::Report(answer) => drop(answer.try_send(engine.report(&self.intake.counts()))),
            }
        }
    }

    /// A scan looks at all that is stored, on a thread of its own; newer ones of its kind end the oldest.
    fn scan(&mut self, scan: Scan, answer: SyncSender<Answer>) {
        let kind = scan.kind();
        // Those that ended hold their part no more.
        self.scans.retain(|(_, cancel)| Arc::strong_count(cancel) > 1);
        if self.scans.iter().filter(|(other, _)| *other == kind).count() >= kind.max_running()
            && let Some(oldest) = self.scans.iter().position(|(other, _)| *other == kind)
        {
            self.scans.remove(oldest).1.store(true, Ordering::Relaxed);
        }
        let cancel = Arc::new(AtomicBool::new(false));
        self.scans.push((kind, Arc::clone(&cancel)));
        let run = move || {
            let mut waiting = None;
            scan.run(&cancel, &mut |part| match answer.try_send(merge(waiting.take(), part)) {
                Ok(()) => {}
                // Whoever asked lags behind: the next part takes this one along.
                Err(TrySendError::Full(part)) => waiting = Some(part),
                Err(TrySendError::Disconnected(_)) => cancel.store(true, Ordering::Relaxed),
            });
            if let Some(part) = waiting.filter(|_| !cancel.load(Ordering::Relaxed)) {
                drop(cancel);
                // Nobody asks any more if it fails.
                drop(answer.send(part));
            }
        };
        if let Err(error) = std::thread::Builder::new().name("engine search".to_owned()).spawn(run) {
            tracing::error!(%error, "A search could not be started: no thread.");
        }
    }
}
