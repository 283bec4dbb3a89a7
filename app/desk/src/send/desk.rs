//! The desk where sending is asked for, as session and window reach it. `worker` is the one task behind it; each send is an operation of its own
//! (`sending`), which carries a request (`request`), a call (`call`), many of these (`many`) or records (`records`, on their way by `flight`); what it
//! names outside of itself is read (`named`). What methods take is asked by a call, too (`reflection`).

mod bodies;
mod boxed;
mod call;
mod flight;
mod leave;
mod live;
mod many;
mod named;
mod records;
mod reflection;
mod replies;
mod request;
mod sending;
mod unread;
mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use switchboard_model::Origin;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::ledger::LazyLedger;
use crate::operations::Operations;
use crate::profile::NamedSecret;
use crate::send::access::{Observed, ServerAccess};
use crate::send::board::{Asking, Reply, SendBoard, Sent, SentId};
use crate::send::command::{SendAsk, SendCommand};
use crate::send::desk::leave::Way;
use crate::send::desk::worker::Worker;
use crate::send::replay::ReplayClusters;

/// Commands that may wait.
const MAX_COMMANDS: usize = 64;
/// Of what was sent in a session so many are kept.
const MAX_SENT: usize = 200;
/// Bodies and messages of all that is kept, bytes.
const KEPT_BYTES_MAX: usize = 64 << 20;

/// What the desk works with.
pub struct SendDeskConfig {
    /// The ledger, as all that send share it.
    pub ledger: LazyLedger,
    /// Name of the profile, as the ledger writes it.
    pub profile: String,
    /// Who sits here: the user's name on this machine.
    pub operator: String,
    /// The session's: each send is one.
    pub operations: Operations,
    /// What was observed.
    pub observed: Arc<dyn Observed>,
    /// Clusters that records can be sent to.
    pub clusters: ReplayClusters,
    /// Servers that requests and calls go to.
    pub servers: Arc<dyn ServerAccess>,
    /// The folder of requests that are kept; `None` = nowhere.
    pub requests: Option<PathBuf>,
    /// Secrets that requests can name.
    pub secrets: Vec<NamedSecret>,
}

/// What all that is done at the desk shares.
struct Office {
    config: SendDeskConfig,
    board: Mutex<Arc<SendBoard>>,
    on_change: Box<dyn Fn() + Send + Sync>,
    last_sent: AtomicU64,
    /// What the question on the board is about.
    asked: Mutex<Option<Asked>>,
    /// Servers on this machine to which something was sent that may change something, as somebody confirmed.
    confirmed: Mutex<BTreeSet<Origin>>,
    /// Streams that are open for messages.
    open: Mutex<BTreeMap<SentId, OpenStream>>,
    /// Whole bodies of answers that are longer than what is shown.
    bodies: Mutex<BTreeMap<SentId, Bytes>>,
}

/// What was asked, and what it is about.
struct Asked {
    asking: Asking,
    way: Way,
    then: Then,
}

/// What is done once it is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Send,
    /// The server is asked what its methods take.
    Describe,
}

/// A stream that takes messages by hand.
struct OpenStream {
    messages: mpsc::Sender<Bytes>,
    method: String,
    schema: Arc<dyn crate::send::access::MethodSchema>,
    live: live::Live,
}

impl Office {
    /// Changes the board.
    fn update(&self, change: impl FnOnce(&mut SendBoard)) {
        let mut board = self.board.lock();
        let mut next = SendBoard::clone(&board);
        change(&mut next);
        next.version += 1;
        *board = Arc::new(next);
        drop(board);
        (self.on_change)();
    }

    /// Asks something, in the place of what was asked before.
    fn asks(&self, asked: Asked) {
        // Before it shows: who sees it may answer at once.
        let asking = Arc::new(asked.asking.clone());
        *self.asked.lock() = Some(asked);
        self.update(|board| board.asking = Some(asking));
    }

    /// What was wrong or asked before is no more.
    fn clears(&self) {
        let is_clear = {
            let board = self.board.lock();
            board.mistake.is_none() && board.refusal.is_none() && board.asking.is_none()
        };
        if !is_clear {
            self.update(|board| (board.mistake, board.refusal, board.asking) = (None, None, None));
        }
    }

    /// Something is being sent from now on; what was wrong or asked before is no more.
    fn begins(&self, sent: Sent) {
        self.update(|board| {
            (board.mistake, board.refusal, board.asking) = (None, None, None);
            board.sent.insert(0, Arc::new(sent));
        });
    }

    /// Something ends, and the oldest that ended are forgotten where all of them take too much room.
    fn ends(&self, sent_id: SentId, end: impl FnOnce(&mut Sent)) {
        self.update(|board| {
            if let Some(sent) = board.sent.iter_mut().find(|sent| sent.sent_id == sent_id) {
                end(Arc::make_mut(sent));
            }
            // What goes on is never forgotten.
            let mut num_bytes = 0;
            let mut place = 0;
            let before = board.sent.len();
            board.sent.retain(|sent| {
                num_bytes += sent.answer.kept_bytes() + sent.reply.as_ref().map_or(0, Reply::kept_bytes);
                place += 1;
                sent.is_going() || place <= MAX_SENT && num_bytes <= KEPT_BYTES_MAX
            });
            board.num_forgotten += (before - board.sent.len()) as u64;
        });
    }

    /// Changes what is seen of something that was sent; nothing where it is forgotten.
    fn change(&self, sent_id: SentId, change: impl FnOnce(&mut Sent)) {
        self.update(|board| {
            if let Some(sent) = board.sent.iter_mut().find(|sent| sent.sent_id == sent_id) {
                change(Arc::make_mut(sent));
            }
        });
    }

    fn next_id(&self) -> SentId {
        SentId(self.last_sent.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn refuse(&self, reason: impl Into<String>) {
        let reason = reason.into();
        self.update(|board| board.refusal = Some(reason));
    }

    fn now_ns(&self) -> i64 {
        self.config.observed.now_ns()
    }

    /// What a cluster calls itself, as it told.
    fn cluster_id(&self, name: &str) -> Option<String> {
        let snapshot = self.config.observed.snapshot();
        snapshot.sources.iter().find(|source| source.kind.has_channels() && source.name == name).and_then(|source| source.cluster_id.clone())
    }

    /// Values of an environment.
    fn variables(&self, ask: &SendAsk) -> BTreeMap<String, String> {
        let mut variables = self.board.lock().saved.variables(ask.environment.as_deref());
        variables.extend(ask.given.clone());
        variables
    }
}

/// The desk, as session and window reach it.
pub struct SendDesk {
    commands: mpsc::Sender<SendCommand>,
    office: Arc<Office>,
    task: JoinHandle<()>,
}

impl SendDesk {
    /// Opens the desk. `on_change` is called, from any thread, after each change of the board.
    pub fn start(config: SendDeskConfig, runtime: &tokio::runtime::Handle, on_change: Box<dyn Fn() + Send + Sync>) -> Self {
        let (commands, receiver) = mpsc::channel(MAX_COMMANDS);
        let secrets = config.secrets.iter().filter_map(|secret| Some((secret.name.clone(), Origin::parse(&secret.server).ok()?.0))).collect();
        let office = Arc::new(Office {
            config,
            board: Mutex::new(Arc::new(SendBoard { secrets, ..SendBoard::default() })),
            on_change,
            last_sent: AtomicU64::new(0),
            asked: Mutex::default(),
            confirmed: Mutex::default(),
            open: Mutex::default(),
            bodies: Mutex::default(),
        });
        let task = runtime.spawn(Worker::new(Arc::clone(&office)).run(receiver));
        Self { commands, office, task }
    }

    /// Carries out a command. With more commands waiting than anybody can give, it is refused, visibly.
    pub fn command(&self, command: SendCommand) {
        if self.commands.try_send(command).is_err() {
            let reason = "too many commands wait, or the session ends; try again".to_owned();
            self.office.update(|board| (board.refusal, board.num_lost) = (Some(reason), board.num_lost + 1));
        }
    }

    /// What can be seen.
    pub fn board(&self) -> Arc<SendBoard> {
        Arc::clone(&self.office.board.lock())
    }

    /// Takes no more commands. What is being sent are operations, which the session ends after this.
    pub async fn stop(self) {
        drop(self.commands);
        if tokio::time::timeout(Duration::from_millis(500), self.task).await.is_err() {
            tracing::error!("The desk for sending took longer than 500 ms to stop.");
        }
    }
}

#[cfg(test)]
mod tests;
