//! What stands outside of its group: what is unusual, with the way to it from the entry, and what the user wants to see. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use switchboard_engine::view::NodeKind;

use super::Apart;
use crate::{ink::Tone, views::map::scene::Scene};

/// At most so many boxes stand outside because they are unusual, with what leads to them; the most urgent first.
pub(super) const OUTSIDE_MAX: usize = 40;

/// Boxes that stand outside: those of no group, the pinned, those of open groups, the unusual and what leads to them.
pub(super) fn outside(scene: &Scene, homes: &[Option<String>], apart: Apart<'_>) -> BTreeSet<usize> {
    let mut outside: BTreeSet<usize> = (0..scene.nodes.len())
        .filter(|&index| {
            let is_open = homes[index].as_ref().is_none_or(|home| apart.open.contains(home));
            is_open || apart.pinned.contains(&scene.nodes[index].node_id)
        })
        .collect();
    let mut urgent: Vec<(Tone, usize)> = unusual(scene).into_iter().map(|(index, tone)| (tone, index)).collect();
    urgent.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let before = ways_from_entry(scene);
    let mut room = OUTSIDE_MAX;
    for (_, index) in urgent {
        let mut way = vec![index];
        while let Some(from) = way.last().and_then(|last| before[*last]) {
            way.push(from);
        }
        way.retain(|index| !outside.contains(index));
        if way.len() > room {
            continue;
        }
        room -= way.len();
        outside.extend(way);
    }
    outside
}

/// Boxes that are unusual themselves or at an end of an unusual edge, and how much.
pub(super) fn unusual(scene: &Scene) -> BTreeMap<usize, Tone> {
    let mut found = BTreeMap::new();
    let mut note = |index: usize, tone: Tone| {
        if tone > Tone::Quiet {
            let known: &mut Tone = found.entry(index).or_default();
            *known = tone.max(*known);
        }
    };
    for (index, node) in scene.nodes.iter().enumerate() {
        note(index, if node.recovered.is_some() { node.tone.max(Tone::Unknown) } else { node.tone });
    }
    for edge in scene.edges.iter().filter(|edge| edge.tone > Tone::Unknown) {
        note(edge.from, edge.tone);
        note(edge.to, edge.tone);
    }
    found
}

/// For each box the one before it on the shortest way from an entry: a user, or a service that nobody calls.
pub(super) fn ways_from_entry(scene: &Scene) -> Vec<Option<usize>> {
    let mut callees: Vec<Vec<usize>> = vec![Vec::new(); scene.nodes.len()];
    let mut is_called = vec![false; scene.nodes.len()];
    for edge in scene.edges.iter().filter(|edge| edge.from != edge.to) {
        callees[edge.from].push(edge.to);
        is_called[edge.to] = true;
    }
    let is_entry = |index: &usize| match scene.nodes[*index].kind {
        NodeKind::User => true,
        NodeKind::Service => !is_called[*index],
        _ => false,
    };
    let mut queue: VecDeque<usize> = (0..scene.nodes.len()).filter(is_entry).collect();
    let mut before = vec![None; scene.nodes.len()];
    let mut met: Vec<bool> = (0..scene.nodes.len()).map(|index| is_entry(&index)).collect();
    while let Some(index) = queue.pop_front() {
        for &callee in &callees[index] {
            if !std::mem::replace(&mut met[callee], true) {
                before[callee] = Some(index);
                queue.push_back(callee);
            }
        }
    }
    before
}
