//! What sources say of themselves, as lines of the program's own log: each change once.

use std::collections::BTreeMap;

use switchboard_engine::view::{Severity, Snapshot, SourceView};
use switchboard_model::SourcePhase;

/// What was told of each source last.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<String, SourcePhase>);

impl Told {
    /// Writes a line for each source that is in another phase than before.
    pub(super) fn news(&mut self, snapshot: &Snapshot) {
        for source in snapshot.sources.iter() {
            if source.phase != SourcePhase::Connecting && self.0.insert(source.name.clone(), source.phase) != Some(source.phase) {
                line(source);
            }
        }
    }
}

fn line(source: &SourceView) {
    let SourceView { name, detail, next_step, .. } = source;
    let word = source.word();
    match source.severity() {
        Severity::Bad => tracing::error!(source = name, next_step, "{name} {word}: {detail}"),
        Severity::Warning => tracing::warn!(source = name, next_step, "{name} {word}: {detail}"),
        Severity::Quiet | Severity::Notice | Severity::Unknown => tracing::info!(source = name, "{name} {word}: {detail}"),
    }
}
