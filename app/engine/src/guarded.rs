//! Retries and time-outs that a library tells of calls, shown with the calls.

use std::collections::BTreeMap;

use crate::flow::Plan;
use crate::state::Guarded;
use crate::view::{InteractionReport, InteractionView, NodeId};

/// Calls between two that may be guarded, by their protocol: not what goes over a channel.
fn is_call(via: &str) -> bool {
    matches!(via, "call" | "http" | "grpc" | "rpc")
}

/// Retries and time-outs that the library tells and spans do not show: of two tallies of the same the greater. Between two that talk
/// in several ways they are those of the way that is used most.
pub(crate) fn show(plan: &Plan, guarded: &BTreeMap<(String, String), Guarded>, views: &mut [InteractionView]) {
    if guarded.is_empty() {
        return;
    }
    let name = |node_id: Option<NodeId>| node_id.and_then(|node_id| plan.node(node_id)).map(|planned| planned.node.name.as_str());
    for ((caller, callee), tally) in guarded {
        let is_between = |view: &&mut InteractionView| is_call(&view.via) && name(view.from) == Some(caller.as_str()) && name(view.to) == Some(callee.as_str());
        if let Some(view) = views.iter_mut().filter(is_between).max_by_key(|view| view.figure.total_calls) {
            view.retries = view.retries.max(tally.retries);
            view.timeouts = view.timeouts.max(tally.time_outs);
        }
    }
}

/// The same in a report of the session.
pub(crate) fn report(guarded: &BTreeMap<(String, String), Guarded>, rows: &mut [InteractionReport]) {
    for ((caller, callee), tally) in guarded {
        let is_between = |row: &&mut InteractionReport| is_call(&row.via) && row.from.as_ref() == Some(caller) && row.to.as_ref() == Some(callee);
        if let Some(row) = rows.iter_mut().filter(is_between).max_by_key(|row| row.calls) {
            row.retries = row.retries.max(tally.retries);
            row.timeouts = row.timeouts.max(tally.time_outs);
        }
    }
}
