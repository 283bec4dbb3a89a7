//! What replaying needs of the session: a cluster to read from and to write to, and what was observed.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use switchboard_engine::view::{Answer, Query, Snapshot};
use switchboard_model::{OriginalRecord, Outcome, OutgoingRecord, PermitRefused, SeenRecord, Skipped};

/// What is waited for.
pub type Waiting<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A cluster of the profile.
pub trait ClusterAccess: Send + Sync {
    /// Reads records again, in the order in which they are asked for. Dropping it ends the reading.
    fn read(&self, seen: Vec<SeenRecord>) -> Waiting<Vec<Result<OriginalRecord, Skipped>>>;

    /// Whether there is leave to write to this cluster, with what was typed to confirm it. Nothing is connected to.
    fn may_write(&self, cluster_id: Option<&str>, typed_name: Option<&str>) -> Result<(), PermitRefused>;

    /// Whether its name has to be typed before anything is sent.
    fn asks_for_name(&self) -> bool;

    /// Makes what sends, for one run, where there is leave to; the reason in words where there is none.
    fn connect(&self, cluster_id: Option<String>, typed_name: Option<String>) -> Waiting<Result<Arc<dyn RecordSender>, String>>;
}

/// Sends records to one cluster.
pub trait RecordSender: Send + Sync {
    /// How many partitions a topic has, as the brokers say now.
    fn num_partitions(&self, topic: &str) -> Waiting<Result<i32, String>>;

    /// Where a topic's partitions end, by their numbers, as the brokers say now.
    fn ends(&self, topic: &str) -> Waiting<Result<Vec<i64>, String>>;

    /// Sends a record; comes back once it is known, as far as it can be, what became of it.
    fn send(&self, record: OutgoingRecord) -> Waiting<Outcome>;

    /// Takes back what is queued. All that is on its way comes back within 200 ms.
    fn cancel(&self);
}

/// What was observed.
pub trait Observed: Send + Sync {
    /// The newest snapshot.
    fn snapshot(&self) -> Snapshot;

    /// Asks the engine; `None` if nobody answers.
    fn query(&self, query: Query) -> Answering;

    /// The time on the wall, ns since the Unix epoch.
    fn now_ns(&self) -> i64;
}

/// An answer that is waited for.
pub type Answering = Waiting<Option<Answer>>;
