//! What can be seen of operations: replaced as a whole, and never waited for.

use switchboard_model::{OperationEnd, OperationId, OperationInfo, Progress};

/// All that can be seen of operations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperationsBoard {
    /// Those that run, in the order in which they were started.
    pub running: Vec<OperationView>,
    /// Those that ended, the last one first; so many are kept that this has a bound.
    pub ended: Vec<OperationView>,
    /// Those that ended before these and are not kept any more.
    pub num_forgotten: u64,
}

/// An operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationView {
    /// Which.
    pub id: OperationId,
    /// What it does.
    pub info: OperationInfo,
    /// When it was started, ns since the Unix epoch.
    pub started_ns: i64,
    /// How far it is, or was when it ended; `None` = it has not told.
    pub progress: Option<Progress>,
    /// Pages that found no room with whoever asked for them.
    pub num_lost: u64,
    /// Pages that came after its end.
    pub num_late: u64,
    /// How it ended; `None` = it runs.
    pub end: Option<OperationEnded>,
}

/// The end of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationEnded {
    /// When, ns since the Unix epoch.
    pub at_ns: i64,
    /// How.
    pub how: OperationEnd,
}
