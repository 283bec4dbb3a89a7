//! The desk where replaying is asked for, as the session and the window reach it. `worker` is the one task behind it.

mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use switchboard_model::Redactor;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::ledger::LazyLedger;
use crate::operations::Operations;
use crate::send::replay::board::ReplayBoard;
use crate::send::replay::clusters::ReplayClusters;
use crate::send::replay::desk::worker::Worker;
use crate::send::replay::follow::Ends;
use crate::send::replay::pace::Pace;
use crate::send::replay::{ClusterAccess, Observed, Planned, ReplayCommand, Sighting};

/// Commands that may wait.
const MAX_COMMANDS: usize = 64;

/// What the desk works with.
pub struct ReplayDeskConfig {
    /// The ledger, as all that send share it.
    pub ledger: LazyLedger,
    /// Name of the profile, as the ledger writes it.
    pub profile: String,
    /// Who sits here: the user's name on this machine.
    pub operator: String,
    /// The session's.
    pub redactor: Arc<Redactor>,
    /// The session's: previews run as operations.
    pub operations: Operations,
    /// What was observed.
    pub observed: Arc<dyn Observed>,
    /// How fast, and how carefully.
    pub pace: Pace,
}

/// Replaces the board, and tells of it.
pub(super) struct Shared {
    board: Mutex<Arc<ReplayBoard>>,
    on_change: Box<dyn Fn() + Send + Sync>,
    /// Replay ids of letters whose traces are wanted.
    wanted_traces: Mutex<BTreeSet<String>>,
    /// By replay id: how long a letter was tried again before it died.
    retried_ns: Mutex<BTreeMap<String, i64>>,
    /// By run: where dead-letter channels ended before it sent anything.
    ends: Mutex<BTreeMap<String, Arc<Ends>>>,
    /// By replay id: what was seen of those that were sent.
    sightings: Mutex<Arc<BTreeMap<String, Sighting>>>,
}

impl Shared {
    /// Changes the board.
    pub(super) fn update(&self, change: impl FnOnce(&mut ReplayBoard)) {
        let mut board = self.board.lock();
        let mut next = ReplayBoard::clone(&board);
        change(&mut next);
        next.version += 1;
        *board = Arc::new(next);
        drop(board);
        (self.on_change)();
    }

    /// A preview that is being made does not come any more; one that was made stays.
    fn give_up_preview(&self, reason: &str) {
        self.update(|board| {
            if board.preparing.take().is_some() {
                board.refusal = Some(reason.to_owned());
            }
        });
    }

    /// A run is about to send; until now dead-letter channels ended here.
    pub(super) fn begins(&self, replay_id: &str, ends: Ends) {
        self.ends.lock().insert(replay_id.to_owned(), Arc::new(ends));
    }

    /// A letter is about to be sent; of the first few their traces are wanted too.
    pub(super) fn sends(&self, planned: &Planned, is_canary: bool) {
        if is_canary {
            self.wanted_traces.lock().insert(planned.replay_id.clone());
        }
        if let Some(retried_ns) = planned.asked.retried_ns {
            self.retried_ns.lock().insert(planned.replay_id.clone(), retried_ns);
        }
    }

    /// What was seen of letters that were sent, by their replay ids.
    pub(super) fn sightings(&self) -> Arc<BTreeMap<String, Sighting>> {
        Arc::clone(&self.sightings.lock())
    }
}

/// The desk, as session and window reach it.
pub struct ReplayDesk {
    commands: mpsc::Sender<ReplayCommand>,
    clusters: ReplayClusters,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl ReplayDesk {
    /// Opens the desk. `on_change` is called, from any thread, after each change of the board.
    pub fn start(config: ReplayDeskConfig, runtime: &tokio::runtime::Handle, on_change: Box<dyn Fn() + Send + Sync>) -> Self {
        let (commands, receiver) = mpsc::channel(MAX_COMMANDS);
        let shared = Arc::new(Shared {
            board: Mutex::default(),
            on_change,
            wanted_traces: Mutex::default(),
            retried_ns: Mutex::default(),
            ends: Mutex::default(),
            sightings: Mutex::default(),
        });
        let clusters = ReplayClusters::default();
        let worker = Worker::new(config, clusters.clone(), Arc::clone(&shared));
        Self { commands, clusters, shared, task: runtime.spawn(worker.run(receiver)) }
    }

    /// A cluster of the profile.
    pub fn add_cluster(&self, name: &str, access: Arc<dyn ClusterAccess>) {
        self.clusters.add(name, access);
    }

    /// The clusters, for whoever gets to know them later.
    pub fn clusters(&self) -> ReplayClusters {
        self.clusters.clone()
    }

    /// A cluster is no longer reached: nothing is read from it or sent to it any more.
    pub fn remove_cluster(&self, name: &str) {
        self.clusters.remove(name);
    }

    /// Carries out a command. With more commands waiting than anybody can give, it is refused, visibly.
    pub fn command(&self, command: ReplayCommand) {
        if self.commands.try_send(command).is_err() {
            self.shared.update(|board| board.refusal = Some("too many commands wait, or the session ends; try again".to_owned()));
        }
    }

    /// What can be seen.
    pub fn board(&self) -> Arc<ReplayBoard> {
        Arc::clone(&self.shared.board.lock())
    }

    /// Stops a run, and waits until what was on its way is written down, and a plan that is being saved.
    pub async fn stop(self) {
        drop(self.commands);
        if tokio::time::timeout(Duration::from_millis(1_500), self.task).await.is_err() {
            tracing::error!("A replay took longer than 1.5 s to stop. What was on its way reads as possibly persisted in the ledger.");
        }
    }
}
