//! Starts operations, keeps what can be seen of them, and ends them.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use parking_lot::Mutex;
use switchboard_model::{FailureKind, OperationEnd, OperationFailure, OperationId, OperationInfo, now_ns};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

use super::line::{Ends, Line};
use super::{OperationEnded, OperationHandle, OperationView, OperationsBoard, Teller};

/// How many may be at work at once, those included that were stopped and have not let go yet.
pub const MAX_RUNNING: usize = 16;
/// How many that have ended are kept.
pub const MAX_ENDED: usize = 50;
/// Between two boards.
pub(super) const PUBLISH_EVERY: Duration = Duration::from_millis(34);
/// What was told to stop and has not ended by itself after this long is dropped where it waits.
const LEAVE_WITHIN: Duration = Duration::from_millis(200);
/// How long the session's end waits for all of them.
const END_WITHIN: Duration = Duration::from_millis(500);
/// Names and sentences are cut here, characters.
const MAX_CHARS: usize = 1_000;

/// The id given last, in all sessions: a word to stop never reaches another one than was meant.
static LAST_ID: AtomicU64 = AtomicU64::new(0);

/// All operations of a session. Cheap to clone.
#[derive(Clone)]
pub struct Operations {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    state: Mutex<State>,
    board: Mutex<Arc<OperationsBoard>>,
    /// Operations whose work was not let go yet. Changed under the lock of the state.
    num_at_work: watch::Sender<usize>,
    runtime: Handle,
    wake: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    running: Vec<Running>,
    /// The last one first.
    ended: VecDeque<OperationView>,
    num_forgotten: u64,
    /// Whether the session has ended.
    is_over: bool,
    /// Whether a board is about to be published.
    is_due: bool,
    published: Option<Instant>,
}

struct Running {
    view: OperationView,
    ends: Arc<dyn Ends>,
}

impl Operations {
    /// None yet; their work runs on this runtime. `wake` is called, from any thread, after each change of the board: at most 30 times a
    /// second.
    pub fn new(runtime: &Handle, wake: Box<dyn Fn() + Send + Sync>) -> Self {
        let shared = Shared { state: Mutex::default(), board: Mutex::default(), num_at_work: watch::Sender::new(0), runtime: runtime.clone(), wake };
        Self { shared: Arc::new(shared) }
    }

    /// Starts one, beside whoever calls. An error where there are too many, or the session has ended.
    pub fn start<P, W, F>(&self, info: OperationInfo, work: W) -> Result<OperationHandle<P>, OperationFailure>
    where
        P: Send + 'static,
        W: FnOnce(Teller<P>) -> F,
        F: Future<Output = Result<(), OperationFailure>> + Send + 'static,
    {
        let shared = &self.shared;
        let (id, line) = (OperationId(LAST_ID.fetch_add(1, Ordering::Relaxed) + 1), Arc::new(Line::default()));
        let work = work(Teller { id, line: Arc::clone(&line), shared: Arc::clone(shared) });
        let info = OperationInfo { what: cut(info.what), source: cut(info.source) };
        let view = OperationView { id, info, started_ns: now_ns(), progress: None, num_lost: 0, num_late: 0, end: None };
        shared.take_up(Running { view, ends: Arc::clone(&line) as Arc<dyn Ends> })?;
        let work = Box::pin(AssertUnwindSafe(work).catch_unwind());
        shared.runtime.spawn(see_through(AtWork(Arc::clone(shared)), id, Arc::clone(&line), work));
        Ok(OperationHandle { id, line, shared: Arc::clone(shared), is_start_told: false, is_end_told: false })
    }

    /// What can be seen.
    pub fn board(&self) -> Arc<OperationsBoard> {
        Arc::clone(&self.shared.board.lock())
    }

    /// Stops one: it counts as cancelled from now on, however long its work takes to let go. One that has ended stays as it is.
    pub fn cancel(&self, id: OperationId) {
        self.shared.end(id, OperationEnd::Cancelled);
    }

    /// Stops all of them for good, and waits a little until their work has let go.
    pub async fn end_all(&self) {
        let running: Vec<OperationId> = {
            let mut state = self.shared.state.lock();
            state.is_over = true;
            state.running.iter().map(|running| running.view.id).collect()
        };
        for id in running {
            self.cancel(id);
        }
        let mut num_at_work = self.shared.num_at_work.subscribe();
        let let_go = tokio::time::timeout(END_WITHIN, num_at_work.wait_for(|num| *num == 0)).await.is_ok();
        if !let_go {
            tracing::warn!("An operation took longer than 500 ms to end and was left behind.");
        }
        self.shared.publish();
    }
}

/// Works until it is done. Where it is to stop it has a moment to end by itself, and is dropped then; it holds its place until it is gone.
async fn see_through<P>(at_work: AtWork, id: OperationId, line: Arc<Line<P>>, mut work: impl Future<Output = Worked> + Unpin) {
    tokio::select! {
        biased;
        ended = &mut work => at_work.0.end(id, end_of(ended)),
        // However busy the work is: it has no part in what the work may do before it lets others do something.
        () = tokio::task::coop::unconstrained(line.over()) => {
            let _dropped = tokio::time::timeout(LEAVE_WITHIN, work).await;
        }
    }
}

/// How work ended, or what it panicked with.
type Worked = Result<Result<(), OperationFailure>, Box<dyn Any + Send>>;

fn end_of(ended: Worked) -> OperationEnd {
    match ended {
        Ok(Ok(())) => OperationEnd::Done,
        Ok(Err(failure)) => OperationEnd::Failed(OperationFailure { reason: cut(failure.reason), next_step: cut(failure.next_step), ..failure }),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
            OperationEnd::Failed(OperationFailure {
                kind: FailureKind::Internal,
                reason: cut(format!("Switchboard itself failed: {}", text.unwrap_or_else(|| "a panic without words".to_owned()))),
                next_step: "Try again; where it comes back, report it with the lines of the log".to_owned(),
            })
        }
    }
}

/// The place that an operation holds while its work goes on.
struct AtWork(Arc<Shared>);

impl Drop for AtWork {
    fn drop(&mut self) {
        let _in_turn = self.0.state.lock();
        self.0.num_at_work.send_modify(|num| *num -= 1);
    }
}

impl Shared {
    fn take_up(self: &Arc<Self>, running: Running) -> Result<(), OperationFailure> {
        let refused = |reason: &str, next_step: &str| OperationFailure { kind: FailureKind::Limit, reason: reason.into(), next_step: next_step.into() };
        let mut state = self.state.lock();
        if state.is_over {
            return Err(refused("The session has ended", "Try again once another has begun"));
        }
        if *self.num_at_work.borrow() >= MAX_RUNNING {
            return Err(refused(&format!("{MAX_RUNNING} operations run already"), "Stop one of them, or wait until one has ended"));
        }
        self.num_at_work.send_modify(|num| *num += 1);
        state.running.push(running);
        self.publish_soon(&mut state);
        Ok(())
    }

    /// Changes what is seen of one, also of one that has ended and is still kept.
    pub(super) fn change(self: &Arc<Self>, id: OperationId, change: impl FnOnce(&mut OperationView)) {
        let mut state = self.state.lock();
        let State { running, ended, .. } = &mut *state;
        let found = running.iter_mut().map(|running| &mut running.view).chain(ended.iter_mut()).find(|view| view.id == id);
        if let Some(view) = found {
            change(view);
            self.publish_soon(&mut state);
        }
    }

    /// One ends, if it has not.
    pub(super) fn end(self: &Arc<Self>, id: OperationId, how: OperationEnd) {
        let mut state = self.state.lock();
        let Some(place) = state.running.iter().position(|running| running.view.id == id) else { return };
        let Running { mut view, ends } = state.running.remove(place);
        ends.end(&how);
        view.end = Some(OperationEnded { at_ns: now_ns(), how });
        state.ended.push_front(view);
        if state.ended.len() > MAX_ENDED {
            state.ended.pop_back();
            state.num_forgotten += 1;
        }
        self.publish_soon(&mut state);
    }

    /// Publishes at once, or when the last board is old enough; what changes until then comes with it.
    fn publish_soon(self: &Arc<Self>, state: &mut State) {
        if std::mem::replace(&mut state.is_due, true) {
            return;
        }
        let (shared, due) = (Arc::clone(self), state.published.map(|published| published + PUBLISH_EVERY));
        self.runtime.spawn(async move {
            if let Some(due) = due {
                tokio::time::sleep_until(due).await;
            }
            shared.publish();
        });
    }

    fn publish(&self) {
        let mut state = self.state.lock();
        state.is_due = false;
        state.published = Some(Instant::now());
        let board = OperationsBoard {
            running: state.running.iter().map(|running| running.view.clone()).collect(),
            ended: state.ended.iter().cloned().collect(),
            num_forgotten: state.num_forgotten,
        };
        *self.board.lock() = Arc::new(board);
        drop(state);
        (self.wake)();
    }
}

/// A text that has a bound.
fn cut(text: String) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((place, _)) => format!("{}…", &text[..place]),
        None => text,
    }
}
