//! What was wrong a short while ago: so that it does not look as if nothing had been. Pure.

use std::collections::BTreeMap;

use super::scene::{Scene, Selection};
use crate::ink::Tone;

/// How long something stays marked as recovered, ns.
const MARKED_NS: i64 = 300_000_000_000;

/// States of boxes and edges from scene to scene.
#[derive(Debug, Default)]
pub(crate) struct Recoveries {
    states: BTreeMap<Selection, State>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// Going wrong or wrong.
    Unusual,
    /// No more, since then.
    RecoveredAt(i64),
}

impl Recoveries {
    /// Compares a new scene with the ones before it, and marks what has recovered lately.
    pub(crate) fn mark(&mut self, scene: &mut Scene, now_ns: i64) {
        let mut seen = BTreeMap::new();
        for node in &mut scene.nodes {
            node.recovered_ns = self.step(&mut seen, Selection::Node(node.node_id), node.tone, now_ns);
        }
        for edge in &mut scene.edges {
            edge.recovered_ns = self.step(&mut seen, Selection::Edge(edge.edge_id), edge.tone, now_ns);
        }
        // What is gone is forgotten.
        self.states = seen;
    }

    fn step(&self, seen: &mut BTreeMap<Selection, State>, selection: Selection, tone: Tone, now_ns: i64) -> Option<i64> {
        let before = self.states.get(&selection).copied();
        let state = match (tone, before) {
            (Tone::Warn | Tone::Bad, _) => State::Unusual,
            // Not heard of any more is not recovered.
            (Tone::Unknown, before) => before?,
            (Tone::Quiet, Some(State::Unusual)) => State::RecoveredAt(now_ns),
            (Tone::Quiet, Some(State::RecoveredAt(at_ns))) if now_ns - at_ns < MARKED_NS => State::RecoveredAt(at_ns),
            (Tone::Quiet, _) => return None,
        };
        seen.insert(selection, state);
        match state {
            State::RecoveredAt(at_ns) if tone == Tone::Quiet => Some((now_ns - at_ns).max(0)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Business, NOW_NS, figure};

    const S: i64 = 1_000_000_000;

    #[test]
    fn what_failed_stays_marked_for_five_minutes() {
        let scene = |failed: u64| {
            let mut business = Business::default();
            business.service("orders", 1, figure(100, failed, 1, 2));
            Scene::build(&business.snapshot(), NOW_NS)
        };
        let mut recoveries = Recoveries::default();
        let mut at = |after_s: i64, failed: u64| {
            let mut scene = scene(failed);
            recoveries.mark(&mut scene, NOW_NS + after_s * S);
            scene.nodes[0].recovered_ns.map(|ns| ns / S)
        };
        assert_eq!(at(0, 0), None, "always healthy");
        assert_eq!(at(10, 20), None, "failing");
        assert_eq!(at(20, 0), Some(0));
        assert_eq!(at(140, 0), Some(120));
        assert_eq!(at(150, 30), None, "failing again");
        assert_eq!(at(160, 0), Some(0));
        assert_eq!(at(459, 0), Some(299));
        assert_eq!(at(460, 0), None);
        assert_eq!(at(470, 0), None);
    }
}
