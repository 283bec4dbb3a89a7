//! Which layer each box belongs to.

use std::collections::VecDeque;

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
    let distance = distances(&starts, &callees);
    let back = back_edges(&starts, &mut callees, &distance);
    let forward: Vec<(usize, usize)> = edges.iter().copied().filter(|edge| !back.contains(edge)).collect();
    let layer_of = longest_paths(kinds, &forward);
    let by_path = Layering { layer_of, forward };
    let layers_max = ((num_nodes as f32).sqrt() * 1.5).max(12.0) as usize;
    if by_path.num_layers() <= layers_max { by_path } else { by_distance(distance, edges) }
}

/// Layers by the shortest way from a start, for tangles in which the longest path runs through nearly everything.
fn by_distance(distance: Vec<usize>, edges: &[(usize, usize)]) -> Layering {
    let last = distance.iter().copied().filter(|layer| *layer != usize::MAX).max().unwrap_or(0);
    let layer_of: Vec<usize> = distance.into_iter().map(|layer| if layer == usize::MAX { last + 1 } else { layer }).collect();
    let forward = edges.iter().copied().filter(|&(from, to)| layer_of[from] < layer_of[to]).collect();
    Layering { layer_of, forward }
}

/// Where reading begins: users, then those nobody calls, then those who call most more than they are called.
fn starts(kinds: &[NodeKind], callees: &[Vec<usize>], num_callers: &[usize]) -> Vec<usize> {
    let mut starts: Vec<usize> = (0..kinds.len()).collect();
    starts.sort_by_key(|&node| {
        let rank = match (kinds[node], num_callers[node]) {
            (NodeKind::User, _) => 0,
            (_, 0) => 1,
            _ => 2,
        };
        let surplus = callees[node].len() as i64 - num_callers[node] as i64;
        (rank, if rank == 2 { -surplus } else { 0 }, node)
    });
    starts
}

/// Steps from the nearest start that nobody calls (of a ring, from its first start); what only cycles reach is far.
fn distances(starts: &[usize], callees: &[Vec<usize>]) -> Vec<usize> {
    let mut is_called = vec![false; callees.len()];
    callees.iter().flatten().for_each(|&callee| is_called[callee] = true);
    let mut distance = vec![usize::MAX; callees.len()];
    let mut queue: VecDeque<usize> = starts.iter().copied().filter(|&node| !is_called[node]).collect();
    if queue.is_empty() {
        queue.extend(starts.first());
    }
    for &node in &queue {
        distance[node] = 0;
    }
    while let Some(node) = queue.pop_front() {
        for &callee in &callees[node] {
            if distance[callee] == usize::MAX {
                distance[callee] = distance[node] + 1;
                queue.push_back(callee);
            }
        }
    }
    distance
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

fn longest_paths(kinds: &[NodeKind], forward: &[(usize, usize)]) -> Vec<usize> {
    let num_nodes = kinds.len();
    let mut callees: Vec<Vec<usize>> = vec![Vec::new(); num_nodes];
    let mut open = vec![0_usize; num_nodes];
    for &(from, to) in forward {
        callees[from].push(to);
        open[to] += 1;
    }
    let num_callers = open.clone();
    let mut layer_of = vec![0_usize; num_nodes];
    let mut queue: VecDeque<usize> = (0..num_nodes).filter(|&node| open[node] == 0).collect();
    let mut sorted = Vec::with_capacity(num_nodes);
    while let Some(node) = queue.pop_front() {
        sorted.push(node);
        for &callee in &callees[node] {
            layer_of[callee] = layer_of[callee].max(layer_of[node] + 1);
            open[callee] -= 1;
            if open[callee] == 0 {
                queue.push_back(callee);
            }
        }
    }
    // Who only calls need not stand at the far left; users do.
    for &node in sorted.iter().rev() {
        if num_callers[node] == 0
            && kinds[node] != NodeKind::User
            && let Some(nearest) = callees[node].iter().map(|&callee| layer_of[callee]).min()
        {
            layer_of[node] = nearest - 1;
        }
    }
    layer_of
}
