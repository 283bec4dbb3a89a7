//! Where the window's data come from, and what it can ask for in return.

use std::sync::{Arc, mpsc::Receiver};

use switchboard_engine::view::{Answer, Query, Snapshot};
use switchboard_model::OperationId;

use switchboard_desk::lab::LabState;
use switchboard_desk::ledger::{LedgerBoard, LedgerExport, LedgerLook};
use switchboard_desk::operations::OperationsBoard;
use switchboard_desk::send::replay::{ReplayBoard, ReplayCommand};
use switchboard_desk::send::{SendBoard, SendCommand};
use switchboard_desk::sources_desk::{SourcesBoard, SourcesCommand};

/// Gives the window its data. Every method returns at once: no waiting, no lock that others hold for long.
pub trait SnapshotSource {
    /// The newest snapshot.
    fn snapshot(&mut self) -> Snapshot;

    /// Why the engine does not run any more, in a sentence; `None` while it runs.
    fn engine_failure(&mut self) -> Option<String> {
        None
    }

    /// How the demo's lab is; changes are told as publications are.
    fn lab(&mut self) -> LabState {
        LabState::Well
    }

    /// Calls `wake` after each publication from now on, from any thread.
    fn on_publish(&mut self, wake: Box<dyn Fn() + Send + Sync>);

    /// Asks the engine. The receiver is disconnected without an answer where nobody can give one.
    fn query(&mut self, query: Query) -> Receiver<Answer>;

    /// What can be seen of replaying; changes are told as publications are.
    fn replay(&mut self) -> Arc<ReplayBoard>;

    /// What can be seen of sending; changes are told as publications are.
    fn send(&mut self) -> Arc<SendBoard>;

    /// What can be seen of the ledger, while this is looked at; `None` = nobody looks. What was read comes later, and is told as publications are.
    fn ledger(&mut self, look: Option<&LedgerLook>) -> Arc<LedgerBoard>;

    /// The sources as the profile has them; changes are told as publications are.
    fn sources(&mut self) -> Arc<SourcesBoard>;

    /// What touches the world because somebody asked for it; changes are told as publications are.
    fn operations(&mut self) -> Arc<OperationsBoard>;

    /// Carries out what the user asked for.
    fn command(&mut self, command: SessionCommand);

    /// When the window is to close by itself; `None` = when the user closes it.
    fn closes_in(&mut self) -> Option<std::time::Duration> {
        None
    }

    /// Now, ns since the Unix epoch, by the clock that batches carry.
    fn now_ns(&mut self) -> i64 {
        switchboard_model::now_ns()
    }
}

/// What the window asks of the session.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionCommand {
    /// Every source reads again now, without waiting for its next poll.
    RefreshSources,
    /// An operation is stopped.
    CancelOperation(OperationId),
    /// The engine begins anew, after it has failed.
    RestartEngine,
    /// The demo's lab is started again, after it has ended by itself.
    RestartLab,
    /// Something about dead letters and sending them again.
    Replay(Box<ReplayCommand>),
    /// Something about sending.
    Send(Box<SendCommand>),
    /// Lines of the ledger are written into a file.
    ExportLedger(Box<LedgerExport>),
    /// Something about sources.
    Sources(Box<SourcesCommand>),
}

/// What the window knows of its session from the start.
#[derive(Clone, Debug, Default)]
pub struct WindowOptions {
    /// Name of the profile.
    pub profile_name: String,
    /// Port of OTLP over gRPC; `None` = off.
    pub otlp_grpc_port: Option<u16>,
    /// Port of OTLP over HTTP; `None` = off.
    pub otlp_http_port: Option<u16>,
    /// Colours asked for on the command line; `None` = as remembered.
    pub theme: Option<super::ThemeChoice>,
    /// Addresses of the same objects in other programs.
    pub links: switchboard_desk::links::Links,
    /// The program's own log.
    pub own_log: switchboard_desk::own_log::OwnLog,
}

impl WindowOptions {
    /// What an SDK's `OTEL_EXPORTER_OTLP_ENDPOINT` is to be set to; `None` without a receiver.
    pub fn otlp_endpoint(&self) -> Option<String> {
        self.otlp_grpc_port.or(self.otlp_http_port).map(|port| format!("http://localhost:{port}"))
    }

    /// The line to paste where a service runs; `None` without a receiver.
    pub fn otlp_setting(&self) -> Option<String> {
        self.otlp_endpoint().map(|endpoint| format!("OTEL_EXPORTER_OTLP_ENDPOINT={endpoint}"))
    }
}
