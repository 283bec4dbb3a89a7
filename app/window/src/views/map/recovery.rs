//! What was wrong a short while ago: so that it does not look as if nothing had been. Pure.

use std::collections::BTreeMap;

use super::scene::{Recovered, Scene, Selection, badge_in_words};
use crate::ink::Tone;

/// How long something that was going wrong stays marked as recovered, ns.
const WARNED_NS: i64 = 30_000_000_000;
/// The same of what was wrong.
const BAD_NS: i64 = 300_000_000_000;

/// States of boxes and edges from scene to scene.
#[derive(Debug, Default)]
pub(crate) struct Recoveries {
    states: BTreeMap<Selection, State>,
}

/// What is or was wrong.
#[derive(Clone, Debug, PartialEq)]
struct State {
    /// Since when, ns since the Unix epoch.
    since_ns: i64,
    /// At its worst.
    worst: Tone,
    /// What it was then, in words.
    was: String,
    /// Since when it is no more; `None` = it still is.
    recovered_at_ns: Option<i64>,
}

impl Recoveries {
    /// Compares a new scene with the ones before it, and marks what has recovered lately: an edge only where neither of its ends
    /// is marked, for it would say the same twice.
    pub(crate) fn mark(&mut self, scene: &mut Scene, now_ns: i64) {
        let mut seen = BTreeMap::new();
        // What is wrong with a box may stand on the edge that leads to it.
        let mut of_edges: BTreeMap<usize, String> = BTreeMap::new();
        for edge in scene.edges.iter().filter(|edge| edge.tone >= Tone::Warn) {
            if let Some(pill) = &edge.pill {
                of_edges.entry(edge.to).or_insert_with(|| badge_in_words(pill));
            }
        }
        for (index, node) in scene.nodes.iter_mut().enumerate() {
            let words = || match node.badges.iter().max_by_key(|badge| badge.tone) {
                Some(badge) => badge_in_words(badge),
                None => of_edges.get(&index).cloned().unwrap_or_default(),
            };
            node.recovered = self.step(&mut seen, Selection::Node(node.node_id), (node.tone, &words), now_ns);
        }
        for edge in &mut scene.edges {
            let words = || edge.unusual_in_words();
            let recovered = self.step(&mut seen, Selection::Edge(edge.edge_id), (edge.tone, &words), now_ns);
            let is_told = [edge.from, edge.to].iter().any(|end| scene.nodes[*end].recovered.is_some());
            edge.recovered = recovered.filter(|_| !is_told);
        }
        // What is gone is forgotten.
        self.states = seen;
    }

    fn step(&self, seen: &mut BTreeMap<Selection, State>, selection: Selection, now: (Tone, &dyn Fn() -> String), now_ns: i64) -> Option<Recovered> {
        let (tone, words) = now;
        let before = self.states.get(&selection);
        let still = before.filter(|state| state.recovered_at_ns.is_none());
        let state = match (tone, before) {
            (Tone::Warn | Tone::Bad, _) => {
                let (since_ns, worst) = still.map_or((now_ns, tone), |state| (state.since_ns, state.worst));
                let was = still.filter(|state| state.worst > tone).map_or_else(words, |state| state.was.clone());
                State { since_ns, worst: worst.max(tone), was, recovered_at_ns: None }
            }
            // Not heard of any more is not recovered.
            (Tone::Unknown, before) => before?.clone(),
            (Tone::Quiet, before) => {
                let before = before?;
                let recovered_at_ns = before.recovered_at_ns.unwrap_or(now_ns);
                let marked_ns = if before.worst == Tone::Bad { BAD_NS } else { WARNED_NS };
                if now_ns - recovered_at_ns >= marked_ns {
                    return None;
                }
                State { recovered_at_ns: Some(recovered_at_ns), ..before.clone() }
            }
        };
        let recovered = state.recovered_at_ns.filter(|_| tone == Tone::Quiet).map(|at_ns| Recovered {
            ago_ns: (now_ns - at_ns).max(0),
            lasted_ns: (at_ns - state.since_ns).max(0),
            was: state.was.clone(),
        });
        seen.insert(selection, state);
        recovered
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Business, NOW_NS, figure};

    const S: i64 = 1_000_000_000;

    /// What is told of a service of whose hundred calls so many failed, after so many seconds.
    fn told(recoveries: &mut Recoveries, after_s: i64, failed: u64) -> Option<(i64, String)> {
        let mut business = Business::default();
        business.service("orders", 1, figure(100, failed, 1, 2));
        let mut scene = Scene::build(&business.snapshot(), NOW_NS);
        recoveries.mark(&mut scene, NOW_NS + after_s * S);
        scene.nodes[0].recovered.as_ref().map(|recovered| (recovered.ago_ns / S, recovered.in_words()))
    }

    #[test]
    fn what_was_wrong_stays_marked_for_five_minutes_and_says_what_it_was() {
        let recoveries = &mut Recoveries::default();
        assert_eq!(told(recoveries, 0, 0), None, "always healthy");
        assert_eq!(told(recoveries, 10, 20), None, "failing");
        assert_eq!(told(recoveries, 15, 2), None, "failing less");
        assert_eq!(told(recoveries, 20, 0), Some((0, "recovered 0 s ago, after 10 s: 20 % failed".to_owned())));
        assert_eq!(told(recoveries, 140, 0).map(|told| told.0), Some(120));
        assert_eq!(told(recoveries, 150, 30), None, "failing again");
        assert_eq!(told(recoveries, 160, 0).map(|told| told.0), Some(0));
        assert_eq!(told(recoveries, 459, 0).map(|told| told.0), Some(299));
        assert_eq!(told(recoveries, 460, 0), None);
        assert_eq!(told(recoveries, 470, 0), None);
    }

    #[test]
    fn what_was_only_going_wrong_stays_marked_for_half_a_minute() {
        let recoveries = &mut Recoveries::default();
        assert_eq!(told(recoveries, 0, 2), None, "warned of");
        assert_eq!(told(recoveries, 10, 0).map(|told| told.0), Some(0));
        assert_eq!(told(recoveries, 39, 0).map(|told| told.0), Some(29));
        assert_eq!(told(recoveries, 40, 0), None);
    }
}
