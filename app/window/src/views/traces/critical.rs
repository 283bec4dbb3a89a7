//! The critical path of a trace: at each instant the one span that the end waited for. Pure, and it does not recurse.

use super::tree::Tree;

/// A piece of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The node that was waited for.
    pub node: u32,
    /// From when on, ns since the Unix epoch.
    pub from_ns: i64,
    /// Until when.
    pub to_ns: i64,
}

/// The path of the longest tree at the top, latest piece first turned into time order. It walks back from the end over the
/// child that ended last; children are cut to their parents, so that what goes on after the answer does not count.
pub(crate) fn critical_path(tree: &Tree) -> Vec<Piece> {
    let length_ns = |place: &u32| {
        let node = &tree.nodes[*place as usize];
        node.end_ns.saturating_sub(node.start_ns)
    };
    let Some(root) = tree.children(None).max_by_key(|place| (length_ns(place), std::cmp::Reverse(*place))) else { return Vec::new() };
    let mut path = Vec::new();
    // Each entry: a node, up to where it is looked at, its children by end (last first), and the next of them.
    let mut open = vec![Frame::new(tree, root, tree.nodes[root as usize].end_ns)];
    while let Some(frame) = open.last_mut() {
        let node = &tree.nodes[frame.node as usize];
        if let Some((child, child_end_ns)) = frame.next_child(tree) {
            if child_end_ns < frame.until_ns {
                path.push(Piece { node: frame.node, from_ns: child_end_ns, to_ns: frame.until_ns });
            }
            frame.until_ns = tree.nodes[child as usize].start_ns.max(node.start_ns);
            open.push(Frame::new(tree, child, child_end_ns));
            continue;
        }
        if node.start_ns < frame.until_ns {
            path.push(Piece { node: frame.node, from_ns: node.start_ns, to_ns: frame.until_ns });
        }
        open.pop();
    }
    path.reverse();
    path
}

struct Frame {
    node: u32,
    until_ns: i64,
    by_end: Vec<(i64, u32)>,
}

impl Frame {
    fn new(tree: &Tree, node: u32, until_ns: i64) -> Self {
        let mut by_end: Vec<(i64, u32)> = tree.children(Some(node)).map(|child| (tree.nodes[child as usize].end_ns, child)).collect();
        by_end.sort_unstable();
        Self { node, until_ns, by_end }
    }

    /// The child that ended last before what is already explained, and its end. One that begins before its parent is cut.
    fn next_child(&mut self, tree: &Tree) -> Option<(u32, i64)> {
        let start_ns = tree.nodes[self.node as usize].start_ns;
        while let Some((end_ns, child)) = self.by_end.pop() {
            let child_start_ns = tree.nodes[child as usize].start_ns;
            let end_ns = end_ns.min(self.until_ns);
            // Begun after what is explained, or over before the parent began: another clock, or not waited for.
            if child_start_ns < end_ns && end_ns > start_ns {
                return Some((child, end_ns));
            }
        }
        None
    }
}
