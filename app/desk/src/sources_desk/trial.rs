//! One bounded attempt to connect: the real collector on a queue that nobody reads, until it says how it is doing.

use std::sync::Arc;
use std::time::Duration;

use switchboard_model::{Input, Outlet, Redactor, SourceId, SourcePhase, SourceStatus, channel};

use crate::session::collector::Prepared;

/// An attempt takes at most so long.
pub(super) const WITHIN: Duration = Duration::from_secs(10);
/// How long a collector may take to end.
const STOP_WITHIN: Duration = Duration::from_millis(500);
/// What an attempt may take in before it ends.
const QUEUE_BYTES: usize = 4 << 20;
/// Between two looks at what the collector says.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Tries until the source is live, has failed, or the time is over; `said` hears of each step, and what was said last comes back. Dropping it
/// ends the attempt: the collector then ends by itself.
pub(super) async fn attempt(
    prepared: Prepared,
    redactor: Arc<Redactor>,
    runtime: tokio::runtime::Handle,
    mut said: impl FnMut(&SourceStatus),
) -> Option<SourceStatus> {
    let (intake, mut outlet) = channel(QUEUE_BYTES);
    // What it says is shown, as a session's sources are.
    intake.redact_with(Arc::clone(&redactor));
    let source_id = SourceId(1);
    let mut running = Some(prepared.start(intake.sink(source_id), redactor, &runtime));
    let deadline = tokio::time::Instant::now() + WITHIN;
    let mut last: Option<SourceStatus> = None;
    while last.as_ref().is_none_or(|status| status.phase == SourcePhase::Connecting) && tokio::time::Instant::now() < deadline {
        for status in statuses(&mut outlet) {
            said(&status);
            last = Some(status);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    intake.close(source_id);
    if let Some(collector) = running.take() {
        // One that takes longer is left behind; it ends with its queue.
        let _left_behind = tokio::time::timeout(STOP_WITHIN, collector.stop()).await;
    }
    last
}

/// What the collector said since the last look; what it collected is thrown away.
fn statuses(outlet: &mut Outlet) -> Vec<SourceStatus> {
    let mut found = Vec::new();
    while let Some(input) = outlet.recv(Duration::ZERO) {
        if let Input::Status(status) = input {
            found.push(status);
        }
    }
    found
}
