//! What the session observed, as replaying asks for it.

use std::sync::mpsc::Receiver;
use std::time::Duration;

use switchboard_engine::view::{Answer, Query, Snapshot};
use switchboard_engine::{Queries, Snapshots};

use crate::send::replay::{Answering, Observed};
use crate::session::now_ns;

/// A question is given up after this long.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The engine's snapshots and answers.
pub(super) struct SessionObserved {
    pub snapshots: Snapshots,
    pub queries: Queries,
}

impl Observed for SessionObserved {
    fn snapshot(&self) -> Snapshot {
        self.snapshots.latest()
    }

    fn query(&self, query: Query) -> Answering {
        let receiver: Receiver<Answer> = self.queries.query(query);
        Box::pin(async move { tokio::task::spawn_blocking(move || receiver.recv_timeout(ANSWER_WITHIN).ok()).await.ok().flatten() })
    }

    fn now_ns(&self) -> i64 {
        now_ns()
    }
}
