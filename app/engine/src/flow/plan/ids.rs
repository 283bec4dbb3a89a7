//! What nodes and edges are told apart by.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::flow::plan::planned::{PlannedEdge, PlannedNode};
use crate::flow::plan::room::MAX_NODES;
use crate::names::Via;
use crate::view::{EdgeId, HopKind, NodeId};

/// Ids that are remembered of nodes that may come back, and of edges.
const MAX_IDS: (usize, usize) = (4 * MAX_NODES, 20 * MAX_NODES);

/// What makes a node the same as before.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum NodeKey {
    /// By its serial, which no other ever has.
    Service(u32),
    InferredService(String),
    Channel {
        name: String,
        cluster: String,
        system: String,
    },
    Group {
        name: String,
        cluster: String,
    },
    /// Its address; where none is told its name, and then the system tells it from another of that name.
    Database {
        name: String,
        system: String,
    },
    External(String),
    User,
    Missing,
    Other,
}

impl NodeKey {
    /// The key that it had before its cluster, or its system, was known.
    pub(super) fn before(&self) -> Option<Self> {
        match self {
            Self::Channel { name, cluster, system } if !cluster.is_empty() => {
                Some(Self::Channel { name: name.clone(), cluster: String::new(), system: system.clone() })
            }
            Self::Channel { name, system, .. } if !system.is_empty() => {
                Some(Self::Channel { name: name.clone(), cluster: String::new(), system: String::new() })
            }
            Self::Group { name, cluster } if !cluster.is_empty() => Some(Self::Group { name: name.clone(), cluster: String::new() }),
            _ => None,
        }
    }
}

/// Ids of nodes and edges: given once, never reused.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    pub(super) nodes: HashMap<NodeKey, NodeId>,
    edges: HashMap<(NodeId, NodeId, HopKind, Option<Via>), EdgeId>,
    num_nodes: u32,
    num_edges: u32,
}

impl Ids {
    /// The id of a node.
    pub(super) fn node(&mut self, key: &NodeKey) -> NodeId {
        if let Some(known) = self.nodes.get(key) {
            return *known;
        }
        let node_id = NodeId(self.num_nodes);
        self.num_nodes += 1;
        self.nodes.insert(key.clone(), node_id);
        node_id
    }

    /// The id of an edge.
    pub(super) fn edge(&mut self, from: NodeId, to: NodeId, kind: HopKind, via: Option<Via>) -> EdgeId {
        let next = &mut self.num_edges;
        *self.edges.entry((from, to, kind, via)).or_insert_with(|| {
            *next += 1;
            EdgeId(*next - 1)
        })
    }

    /// Where there are many, those that are not drawn are forgotten.
    pub(super) fn forget_but(&mut self, nodes: &BTreeMap<NodeId, PlannedNode>, edges: &BTreeMap<EdgeId, PlannedEdge>) {
        if self.nodes.len() > MAX_IDS.0 {
            self.nodes.retain(|_, node_id| nodes.contains_key(node_id));
        }
        if self.edges.len() > MAX_IDS.1 {
            self.edges.retain(|_, edge_id| edges.contains_key(edge_id));
        }
    }
}
