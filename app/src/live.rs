//! A session that a window looks at: it can be begun anew while the window stays open.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use switchboard_engine::EngineState;
use switchboard_engine::view::{Answer, Query, Snapshot};
use switchboard_model::SourceCommand;

use crate::demo::LabDesk;
use switchboard_desk::lab::LabState;
use switchboard_desk::ledger::{LedgerBoard, LedgerLook};
use switchboard_desk::operations::OperationsBoard;
use switchboard_desk::own_log::OwnLog;
use switchboard_desk::profile::Profile;
use switchboard_desk::send::SendBoard;
use switchboard_desk::send::replay::ReplayBoard;
use switchboard_desk::session::Session;
use switchboard_desk::sources_desk::{SourcesBoard, SourcesDesk};
use switchboard_window::{SessionCommand, SnapshotSource};

/// Wakes whoever asked to be told of publications.
#[derive(Clone, Default)]
pub struct Wake {
    wake: Arc<Mutex<Option<WakeFn>>>,
}

type WakeFn = Box<dyn Fn() + Send + Sync>;

impl Wake {
    fn call(&self) {
        if let Some(wake) = &*self.wake.lock() {
            wake();
        }
    }
}

/// The session, between window and command line.
#[derive(Clone)]
pub struct LiveSession {
    current: Arc<Mutex<Option<Session>>>,
    /// No session is begun any more.
    is_over: Arc<AtomicBool>,
    /// Held by whoever begins a session anew: one at a time.
    beginning: Arc<tokio::sync::Mutex<()>>,
    sources: SourcesDesk,
    data_folder: Option<PathBuf>,
    memory_bytes: usize,
    runtime: tokio::runtime::Handle,
    wake: Wake,
    close_at: Arc<Mutex<Option<Instant>>>,
    lab: Option<LabDesk>,
    last: Snapshot,
    last_board: Arc<ReplayBoard>,
    last_sends: Arc<SendBoard>,
    last_operations: Arc<OperationsBoard>,
    last_ledger: Arc<LedgerBoard>,
}

impl LiveSession {
    /// Starts a session. In `data_folder` lies the ledger of profiles that name none of their own.
    pub fn start(
        profile: &Profile,
        path: Option<&Path>,
        data_folder: Option<PathBuf>,
        memory_bytes: usize,
        runtime: &tokio::runtime::Handle,
    ) -> anyhow::Result<Self> {
        let wake = Wake::default();
        let session = start(profile, data_folder.as_deref(), memory_bytes, runtime, &wake)?;
        Ok(Self {
            current: Arc::new(Mutex::new(Some(session))),
            is_over: Arc::default(),
            beginning: Arc::default(),
            sources: SourcesDesk::new(profile.clone(), path.map(Path::to_owned), memory_bytes, runtime, {
                let wake = wake.clone();
                Box::new(move || wake.call())
            }),
            data_folder,
            memory_bytes,
            runtime: runtime.clone(),
            wake,
            close_at: Arc::default(),
            lab: None,
            last: Snapshot::default(),
            last_board: Arc::default(),
            last_sends: Arc::default(),
            last_operations: Arc::default(),
            last_ledger: Arc::default(),
        })
    }

    /// Waits until all that can listen listens.
    pub async fn listening(&self) {
        let deadline = Instant::now() + Duration::from_secs(5);
        while !self.current.lock().as_ref().is_some_and(Session::is_listening) && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Wakes the window within a second of a new line of the log.
    pub fn wake_with_lines_of(&self, own_log: &OwnLog) {
        let (own_log, wake) = (own_log.clone(), self.wake.clone());
        self.runtime.spawn(async move {
            let mut told = own_log.revision();
            let mut seconds = tokio::time::interval(Duration::from_secs(1));
            loop {
                seconds.tick().await;
                if std::mem::replace(&mut told, own_log.revision()) != told {
                    wake.call();
                }
            }
        });
    }

    /// When the window closes by itself.
    pub fn close_at(&self, close_at: Option<Instant>) {
        *self.close_at.lock() = close_at;
        self.wake.call();
    }

    /// Whether a window was ever shown.
    pub fn was_shown(&self) -> bool {
        self.wake.wake.lock().is_some()
    }

    /// Lets the window see the demo's lab, and start it again.
    pub fn keep_lab(&mut self, lab: LabDesk) {
        let wake = self.wake.clone();
        lab.on_change(Arc::new(move || wake.call()));
        self.lab = Some(lab);
    }

    /// Takes the session out, to be finished.
    pub fn take(&self) -> anyhow::Result<Session> {
        self.is_over.store(true, Ordering::SeqCst);
        self.current.lock().take().ok_or_else(|| anyhow::anyhow!("the session was just being begun anew; nothing can be written"))
    }

    /// Ends the session and starts another one with the same profile: what was observed is gone.
    fn restart(&self) {
        let live = self.clone();
        self.runtime.spawn(async move { live.begin_anew().await });
    }

    async fn begin_anew(&self) {
        let _one_at_a_time = self.beginning.lock().await;
        if self.is_over.load(Ordering::SeqCst) {
            return;
        }
        let old = self.current.lock().take();
        if let Some(old) = old {
            old.stop().await;
        }
        match start(&self.sources.board().profile, self.data_folder.as_deref(), self.memory_bytes, &self.runtime, &self.wake) {
            Ok(session) => *self.current.lock() = Some(session),
            Err(error) => tracing::error!(%error, "The session could not be begun anew."),
        }
        self.wake.call();
    }

    /// Starts another lab in place of one that ended, and a session that watches it from its beginning.
    fn restart_lab(&self) {
        let Some(lab) = self.lab.clone() else { return };
        let live = self.clone();
        self.runtime.spawn(async move {
            match lab.start_again().await {
                Ok(profile) => {
                    live.sources.replace(profile);
                    live.begin_anew().await;
                    live.listening().await;
                    lab.go().await;
                }
                Err(error) => tracing::error!(error = format!("{error:#}"), "The lab could not be started again."),
            }
        });
    }
}

fn start(profile: &Profile, data_folder: Option<&Path>, memory_bytes: usize, runtime: &tokio::runtime::Handle, wake: &Wake) -> anyhow::Result<Session> {
    let wake = wake.clone();
    Session::start(profile, data_folder, memory_bytes, runtime, Box::new(move || wake.call()))
}

impl SnapshotSource for LiveSession {
    fn snapshot(&mut self) -> Snapshot {
        if let Some(session) = &*self.current.lock() {
            self.last = session.snapshot();
        }
        self.last.clone()
    }

    fn engine_failure(&mut self) -> Option<String> {
        match self.current.lock().as_ref().map(Session::engine_state) {
            Some(EngineState::Panicked(text)) => Some(text),
            Some(EngineState::Running) | None => None,
        }
    }

    fn on_publish(&mut self, wake: Box<dyn Fn() + Send + Sync>) {
        *self.wake.wake.lock() = Some(wake);
    }

    fn query(&mut self, query: Query) -> Receiver<Answer> {
        match &*self.current.lock() {
            Some(session) => session.query(query),
            // Between two sessions nobody answers.
            None => sync_channel(1).1,
        }
    }

    fn replay(&mut self) -> Arc<ReplayBoard> {
        if let Some(session) = &*self.current.lock() {
            self.last_board = session.replay_board();
        }
        Arc::clone(&self.last_board)
    }

    fn send(&mut self) -> Arc<SendBoard> {
        if let Some(session) = &*self.current.lock() {
            self.last_sends = session.send_board();
        }
        Arc::clone(&self.last_sends)
    }

    fn ledger(&mut self, look: Option<&LedgerLook>) -> Arc<LedgerBoard> {
        if let Some(session) = &*self.current.lock() {
            self.last_ledger = session.ledger(look);
        }
        Arc::clone(&self.last_ledger)
    }

    fn sources(&mut self) -> Arc<SourcesBoard> {
        self.sources.board()
    }

    fn operations(&mut self) -> Arc<OperationsBoard> {
        if let Some(session) = &*self.current.lock() {
            self.last_operations = session.operations().board();
        }
        Arc::clone(&self.last_operations)
    }

    fn command(&mut self, command: SessionCommand) {
        match command {
            SessionCommand::RefreshSources => {
                if let Some(session) = &*self.current.lock() {
                    session.command(&SourceCommand::Refresh);
                }
            }
            SessionCommand::CancelOperation(id) => {
                if let Some(session) = &*self.current.lock() {
                    session.operations().cancel(id);
                }
            }
            SessionCommand::RestartEngine => self.restart(),
            SessionCommand::RestartLab => self.restart_lab(),
            SessionCommand::Sources(command) => self.sources.command(&self.current, *command),
            SessionCommand::Send(command) => {
                if let Some(session) = &*self.current.lock() {
                    session.send(*command);
                }
            }
            SessionCommand::ExportLedger(export) => {
                if let Some(session) = &*self.current.lock() {
                    session.export_ledger(*export);
                }
            }
            SessionCommand::Replay(command) => {
                if let Some(session) = &*self.current.lock() {
                    session.replay(*command);
                }
            }
        }
    }

    fn lab(&mut self) -> LabState {
        self.lab.as_ref().map(LabDesk::state).unwrap_or_default()
    }

    fn closes_in(&mut self) -> Option<Duration> {
        self.close_at.lock().map(|close_at| close_at.saturating_duration_since(Instant::now()))
    }
}
