//! Retries and time-outs that a library tells of calls, shown with the calls.

use std::collections::BTreeMap;

use crate::flow::Plan;
use crate::state::Guarded;
use crate::view::{InteractionReport, InteractionView, NodeId};

/// Calls between two that may be guarded, by their protocol: not what goes over a channel.
fn is_call(via: &str) -> bool {
    matches!(via, "call" | "http" | "grpc" | "rpc")
}

/// One of the ways in which two talk.
struct Way<'a> {
    calls: u64,
    errors: u64,
    /// Whether spans tell of all calls, as far as is known.
    is_whole: bool,
    retries: &'a mut u64,
    time_outs: &'a mut u64,
}

/// Retries and time-outs that the library tells and spans do not show: of two tallies of the same the greater. The library also counts
/// attempts that a breaker refused, so where spans of all calls show retries of any way, these are all there were. Between two that talk
/// in several ways they are those of the way that fails most, then of the one that is used most.
fn add(tally: &Guarded, ways: Vec<Way<'_>>) {
    let has_retries = ways.iter().all(|way| way.is_whole) && ways.iter().any(|way| *way.retries > 0);
    let Some(guarded) = ways.into_iter().max_by_key(|way| (way.errors, way.calls)) else { return };
    if !has_retries {
        *guarded.retries = tally.retries.max(*guarded.retries);
    }
    *guarded.time_outs = tally.time_outs.max(*guarded.time_outs);
}

/// Adds what a library tells to what is seen on the map.
pub(crate) fn show(plan: &Plan, guarded: &BTreeMap<(String, String), Guarded>, views: &mut [InteractionView]) {
    if guarded.is_empty() {
        return;
    }
    let name = |node_id: Option<NodeId>| node_id.and_then(|node_id| plan.node(node_id)).map(|planned| planned.node.name.as_str());
    for ((caller, callee), tally) in guarded {
        let is_between = |view: &&mut InteractionView| is_call(&view.via) && name(view.from) == Some(caller.as_str()) && name(view.to) == Some(callee.as_str());
        let ways = views.iter_mut().filter(is_between).map(|view| Way {
            calls: view.figure.total_calls,
            errors: view.figure.total_errors,
            is_whole: view.sampled_share.is_none_or(|share| share >= 1.0),
            retries: &mut view.retries,
            time_outs: &mut view.timeouts,
        });
        add(tally, ways.collect());
    }
}

/// The same in a report of the session.
pub(crate) fn report(guarded: &BTreeMap<(String, String), Guarded>, rows: &mut [InteractionReport]) {
    for ((caller, callee), tally) in guarded {
        let is_between = |row: &&mut InteractionReport| is_call(&row.via) && row.from.as_ref() == Some(caller) && row.to.as_ref() == Some(callee);
        let ways = rows.iter_mut().filter(is_between).map(|row| Way {
            calls: row.calls,
            errors: row.errors,
            is_whole: row.basis.sampled_share.is_none_or(|share| share >= 1.0),
            retries: &mut row.retries,
            time_outs: &mut row.timeouts,
        });
        add(tally, ways.collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls, errors, and retries as spans tell them; and whether spans tell of all.
    type Told = (u64, u64, u64, bool);

    fn with(tally: u64, told: &[Told]) -> Vec<u64> {
        let mut counts: Vec<(u64, u64)> = told.iter().map(|way| (way.2, 1)).collect();
        let ways = told.iter().zip(&mut counts).map(|(way, (retries, time_outs))| Way { calls: way.0, errors: way.1, is_whole: way.3, retries, time_outs });
        add(&Guarded { retries: tally, time_outs: 4 }, ways.collect());
        assert_eq!(counts.iter().map(|(_, time_outs)| *time_outs).max().unwrap_or(4), 4, "of time-outs the greater tally");
        counts.into_iter().map(|(retries, _)| retries).collect()
    }

    #[test]
    fn what_a_library_tells_is_of_the_way_that_fails_and_of_none_where_spans_tell_it() {
        assert_eq!(with(3, &[(27, 0, 0, true), (24, 5, 2, true)]), [0, 2], "one of the three was refused by a breaker: it was no call");
        assert_eq!(with(3, &[(27, 0, 0, true), (24, 5, 0, true)]), [0, 3], "spans show none");
        assert_eq!(with(31, &[(40, 2, 2, false)]), [31], "spans are a sample");
        assert_eq!(with(3, &[(27, 0, 0, true), (24, 0, 0, true)]), [3, 0], "none failed");
        assert_eq!(with(3, &[]), [0; 0]);
    }
}
