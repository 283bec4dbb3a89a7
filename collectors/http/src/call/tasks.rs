//! The tasks that drive one connection, all of which end with it.

use std::sync::{Arc, Weak};

use hyper::rt::Executor;
use parking_lot::Mutex;
use tokio::task::JoinSet;

/// The tasks of one connection. Dropped, they are aborted, and what they hold is closed.
#[derive(Debug, Default)]
pub(super) struct Tasks(Arc<Mutex<JoinSet<()>>>);

/// Starts tasks of a connection as long as that is there.
#[derive(Clone, Debug)]
pub(super) struct TaskStarter(Weak<Mutex<JoinSet<()>>>);

impl Tasks {
    /// For tasks that the connection starts by itself.
    pub fn starter(&self) -> TaskStarter {
        // Held weakly: the tasks hold it themselves, and would otherwise keep each other alive.
        TaskStarter(Arc::downgrade(&self.0))
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.lock().abort_all();
    }
}

impl<F> Executor<F> for TaskStarter
where
    F: Future + Send + 'static,
{
    fn execute(&self, work: F) {
        let Some(tasks) = self.0.upgrade() else { return };
        let mut tasks = tasks.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            // What a task finds is told to whoever waits for the answer.
            let _ = work.await;
        });
    }
}
