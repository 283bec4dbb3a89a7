//! Which layer each box belongs to.

use std::collections::VecDeque;

use petgraph::{
    Incoming,
    algo::toposort,
    graph::{DiGraph, NodeIndex},
};
use switchboard_engine::view::NodeKind;

/// Layers, and the edges that go from left to right over them.
pub(super) struct Layering {
    /// Layer of each box, 0 = leftmost.
    pub layer_of: Vec<usize>,
    /// Edges that do not close a cycle; the others lead back and are drawn around.
    pub forward: Vec<(usize, usize)>,
}

impl Layering {
    pub(super) fn num_layers(&self) -> usize {
        self.layer_of.iter().max().map_or(0, |last| last + 1)
    }

    /// Boxes in the fullest layer.
    pub(super) fn highest_layer(&self) -> usize {
        let mut num_boxes = vec![0; self.num_layers()];
        for &layer in &self.layer_of {
            num_boxes[layer] += 1;
        }
        num_boxes.into_iter().max().unwrap_or(0)
    }
}

/// Assigns layers by longest path from the callers; who only calls stands right before what it calls.
pub(super) fn assign(kinds: &[NodeKind], edges: &[(usize, usize)]) -> Layering {
    let num_nodes = kinds.len();
    let mut callees: Vec<Vec<usize>> = vec![Vec::new(); num_nodes];
    let mut num_callers = vec![0_usize; num_nodes];
    for &(from, to) in edges {
        callees[from].push(to);
        num_callers[to] += 1;
    }
    let starts = starts(kinds, &callees, &num_callers);
    let distance = distances(kinds, &starts, &callees);
    let back = back_edges(&starts, &mut callees, &distance);
    let forward: Vec<(usize, usize)> = edges.iter().copied().filter(|edge| !back.contains(edge)).collect();
    let layer_of = longest_paths(kinds, &forward);
    let by_path = Layering { layer_of, forward };
    let layers_max = ((num_nodes as f32).sqrt() * 1.5).max(12.0) as usize;
    if by_path.num_layers() <= layers_max { by_path } else { by_distance(distance, edges) }
}

/// Layers by the shortest way from a start, for tangles in which the longest path runs through nearly everything.
fn by_distance(layer_of: Vec<usize>, edges: &[(usize, usize)]) -> Layering {
    let forward = edges.iter().copied().filter(|&(from, to)| layer_of[from] < layer_of[to]).collect();
    Layering { layer_of, forward }
}

/// Where reading begins: users, then services that nobody calls, then those that call most more than they are called. Channels
/// come last: one without a writer is seldom an entry, its writer is only not known yet.
fn starts(kinds: &[NodeKind], callees: &[Vec<usize>], num_callers: &[usize]) -> Vec<usize> {
    let mut starts: Vec<usize> = (0..kinds.len()).collect();
    starts.sort_by_key(|&node| {
        let rank = match (kinds[node], num_callers[node]) {
            (NodeKind::User, _) => 0,
            (NodeKind::Channel | NodeKind::Group, 0) => 3,
            (NodeKind::Channel | NodeKind::Group, _) => 4,
            (_, 0) => 1,
            _ => 2,
        };
        let surplus = callees[node].len() as i64 - num_callers[node] as i64;
        (rank, if matches!(rank, 2 | 4) { -surplus } else { 0 }, node)
    });
    starts
}

/// Steps from the nearest entry. Entries are users and services that nobody calls; channels without a known writer count
/// only for what is reached in no other way, and so do the starts of rings.
fn distances(kinds: &[NodeKind], starts: &[usize], callees: &[Vec<usize>]) -> Vec<usize> {
    let mut is_called = vec![false; callees.len()];
    callees.iter().flatten().for_each(|&callee| is_called[callee] = true);
    let mut distance = vec![usize::MAX; callees.len()];
    let (entries, others): (Vec<usize>, Vec<usize>) =
        starts.iter().copied().partition(|&node| !is_called[node] && !matches!(kinds[node], NodeKind::Channel | NodeKind::Group));
    let mut queue = VecDeque::from(entries);
    for &node in &queue {
        distance[node] = 0;
    }
    let mut others = others.into_iter();
    loop {
        while let Some(node) = queue.pop_front() {
            for &callee in &callees[node] {
                if distance[callee] == usize::MAX {
                    distance[callee] = distance[node] + 1;
                    queue.push_back(callee);
                }
            }
        }
        // What no entry reaches begins at the best start that is left.
        let Some(next) = others.find(|&node| distance[node] == usize::MAX) else { return distance };
        distance[next] = 0;
        queue.push_back(next);
    }
}

/// Edges that lead back to where a walk came from. The walk takes near callees first, so that replies, not requests, lead back.
fn back_edges(starts: &[usize], callees: &mut [Vec<usize>], distance: &[usize]) -> std::collections::BTreeSet<(usize, usize)> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        OnPath,
        Done,
    }
    for list in callees.iter_mut() {
        list.sort_by_key(|&callee| (distance[callee], callee));
    }
    let mut marks = vec![Mark::New; callees.len()];
    let mut back = std::collections::BTreeSet::new();
    for &start in starts {
        if marks[start] != Mark::New {
            continue;
        }
        marks[start] = Mark::OnPath;
        let mut path = vec![(start, 0_usize)];
        while let Some((node, next)) = path.last_mut() {
            if let Some(&callee) = callees[*node].get(*next) {
                *next += 1;
                match marks[callee] {
                    Mark::New => {
                        marks[callee] = Mark::OnPath;
                        path.push((callee, 0));
                    }
                    Mark::OnPath => drop(back.insert((*node, callee))),
                    Mark::Done => {}
                }
            } else {
                marks[*node] = Mark::Done;
                path.pop();
            }
        }
    }
    back
}

/// The longest way to each box, over edges that close no cycle.
fn longest_paths(kinds: &[NodeKind], forward: &[(usize, usize)]) -> Vec<usize> {
    let mut graph = DiGraph::<(), ()>::with_capacity(kinds.len(), forward.len());
    for _ in kinds {
        graph.add_node(());
    }
    graph.extend_with_edges(forward.iter().map(|&(from, to)| (NodeIndex::new(from), NodeIndex::new(to))));
    let sorted = toposort(&graph, None).unwrap_or_default();
    let mut layer_of = vec![0_usize; kinds.len()];
    for &node in &sorted {
        for callee in graph.neighbors(node) {
            layer_of[callee.index()] = layer_of[callee.index()].max(layer_of[node.index()] + 1);
        }
    }
    // Who only calls need not stand at the far left; users do.
    for &node in sorted.iter().rev() {
        if graph.neighbors_directed(node, Incoming).next().is_none()
            && kinds[node.index()] != NodeKind::User
            && let Some(nearest) = graph.neighbors(node).map(|callee| layer_of[callee.index()]).min()
        {
            layer_of[node.index()] = nearest - 1;
        }
    }
    layer_of
}

#[cfg(test)]
mod tests {
    use super::*;
    use NodeKind::{Channel, Group, Service, User};

    fn layers_of(kinds: &[NodeKind], edges: &[(usize, usize)]) -> Vec<usize> {
        assign(kinds, edges).layer_of
    }

    #[test]
    fn a_reply_channel_stands_right_of_who_writes_to_it() {
        // 0 inventory, 1 orders, 2 inventory.reserved, 3 orders.placed, 4 user.
        let kinds = [Service, Service, Channel, Channel, User];
        let layers = layers_of(&kinds, &[(4, 1), (1, 3), (3, 0), (0, 2), (2, 1)]);
        assert_eq!(layers, [3, 1, 4, 2, 0]);
    }

    #[test]
    fn without_an_entry_the_ring_begins_where_most_goes_out() {
        // As above without a user, orders calling 4 payments.
        let kinds = [Service, Service, Channel, Channel, Service];
        let layers = layers_of(&kinds, &[(1, 3), (3, 0), (0, 2), (2, 1), (1, 4)]);
        assert_eq!((layers[1], layers[3], layers[0], layers[2]), (0, 1, 2, 3));
    }

    #[test]
    fn groups_in_the_ring_change_nothing() {
        // 0 inventory, 1 orders, 2 storefront, 3 reserved, 4 placed, 5 inventory's group, 6 replies' group.
        let kinds = [Service, Service, Service, Channel, Channel, Group, Group];
        let layers = layers_of(&kinds, &[(2, 1), (1, 4), (4, 5), (5, 0), (0, 3), (3, 6), (6, 1)]);
        assert_eq!(layers, [4, 1, 0, 5, 2, 3, 6]);
    }

    #[test]
    fn a_channel_without_a_known_writer_is_no_entry() {
        // 0 inventory, 1 orders, 2 audit (unknown writer), 3 placed, 4 reserved: the ring is still read from orders, who calls.
        let kinds = [Service, Service, Channel, Channel, Channel, Service];
        let layers = layers_of(&kinds, &[(2, 0), (1, 3), (3, 0), (0, 4), (4, 1), (1, 5)]);
        assert!(layers[1] < layers[3] && layers[3] < layers[0] && layers[0] < layers[4], "{layers:?}");
    }
}
