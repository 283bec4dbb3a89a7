//! Further attempts that nobody numbers: the same call again, under the same parent, after it had failed.

use crate::extract::Role;
use crate::flow::Flow;
use crate::flow::hot::{Entry, Mark, Seq, Sides};

/// Calls under one parent that are compared, the last that came.
const MAX_COMPARED: usize = 256;

/// Whether two calls ask the same of the same; whoever spreads calls over instances asks each under its own address.
fn is_same(one: &Entry, other: &Entry) -> bool {
    let is_call = one.role == Role::Client && other.role == Role::Client && one.service == other.service;
    is_call && one.operation == other.operation && one.request == other.request && (one.peer == other.peer || one.request != 0)
}

/// Whether a call is another attempt of one that had failed before it began.
fn follows(later: &Entry, earlier: &Entry) -> bool {
    earlier.has_failed() && is_same(later, earlier) && later.start_ns >= earlier.end_ns && (earlier.start_ns, earlier.key()) < (later.start_ns, later.key())
}

impl Flow {
    /// A call came: it may follow one that failed, or be one that others follow.
    pub(super) fn settle_attempts(&mut self, call: Seq, parent: Seq) {
        let (Some(entry), Some(above)) = (self.hot.get(call).copied(), self.hot.get(parent)) else { return };
        // Most calls have no failed one beside them.
        if !entry.has_failed() && !above.is(Mark::HasFailed) {
            return;
        }
        let sides = self.hot.find(entry.parent_key());
        if entry.has_failed() {
            self.set_has_failed(sides, true);
        }
        let mut is_attempt = false;
        let mut attempts = Vec::new();
        for (sibling, other) in self.calls_under(sides).filter(|(sibling, _)| *sibling != call) {
            is_attempt |= follows(&entry, other);
            if !other.is(Mark::Attempt) && follows(other, &entry) {
                attempts.push(sibling);
            }
        }
        self.mark(call, Mark::Attempt, is_attempt);
        for attempt in attempts {
            self.mark(attempt, Mark::Attempt, true);
        }
    }

    /// Calls under a span came to be others: all of them are compared anew.
    pub(super) fn settle_all_attempts(&mut self, parent: Sides) {
        let calls: Vec<(Seq, Entry)> = self.calls_under(parent).map(|(call, entry)| (call, *entry)).collect();
        self.set_has_failed(parent, calls.iter().any(|(_, entry)| entry.has_failed()));
        for (call, entry) in &calls {
            let is_attempt = calls.iter().any(|(other, earlier)| other != call && follows(entry, earlier));
            self.mark(*call, Mark::Attempt, is_attempt);
        }
    }

    pub(super) fn calls_under(&self, parent: Sides) -> impl Iterator<Item = (Seq, &Entry)> {
        let of_both = self.hot.children(parent.caller).chain(self.hot.children(parent.callee));
        of_both.filter(|(_, child)| child.role == Role::Client).take(MAX_COMPARED)
    }

    fn set_has_failed(&mut self, parent: Sides, yes: bool) {
        for side in [parent.caller, parent.callee] {
            if let Some(above) = self.hot.get_mut(side) {
                above.set(Mark::HasFailed, yes);
            }
        }
    }
}
