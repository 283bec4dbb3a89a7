//! The plan: nodes, edges and interactions with the rows of their figures.

use std::collections::BTreeMap;

use hashbrown::{Equivalent, HashMap};
use switchboard_model::SourceId;

use crate::figures::RowId;
use crate::flow::Flow;
use crate::names::{ChannelId, ServiceId, Via};
use crate::state::{ChannelState, Sources};
use crate::view::{DeadLetterView, Edge, GroupView, Node, NodeId, NodeKind, Style};

/// What brokers tell, as far as the plan needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Brokers<'a> {
    /// Their topics.
    pub(crate) channels: &'a [ChannelState],
    /// Their groups.
    pub(crate) groups: &'a [GroupView],
    /// Dead letters in their topics.
    pub(crate) dead_letters: &'a [DeadLetterView],
}

/// A node and the rows of its figure.
#[derive(Clone, Debug)]
pub(crate) struct PlannedNode {
    /// The node.
    pub(crate) node: Node,
    /// Rows that are summed.
    pub(crate) rows: Vec<RowId>,
    /// What is known without spans.
    pub(crate) num_more: u64,
    /// The service that sends spans under this name.
    pub(crate) service: Option<ServiceId>,
    /// What its broker says of a channel: the place among the brokers' channels.
    pub(crate) channel: Option<usize>,
    /// The cluster of a channel or group; empty = unknown, or it has none.
    pub(super) cluster: String,
    /// The source that tells of it; `None` = it is nobody's.
    pub(super) source: Option<SourceId>,
}

impl PlannedNode {
    /// By how much its clock runs ahead, as [`crate::view::NodeFigure::clock_ahead_ns`] tells it.
    pub(crate) fn clock_ahead_ns(&self, flow: &Flow, sources: &Sources) -> Option<i64> {
        flow.names.get_service(self.service?).clock.ahead_ns(|from_ns| sources.clock_set_by_ns(from_ns))
    }
}

/// An edge and the rows of its figure.
#[derive(Clone, Debug)]
pub(crate) struct PlannedEdge {
    /// The edge.
    pub(crate) edge: Edge,
    /// Rows that are summed.
    pub(crate) rows: Vec<RowId>,
    /// Rows from which the latencies are taken, where they are not those of `rows`.
    pub(crate) latencies: Option<Vec<RowId>>,
    /// What is known without spans.
    pub(crate) num_more: u64,
}

/// A service-to-service interaction and the rows of its figure.
#[derive(Clone, Debug)]
pub(crate) struct PlannedInteraction {
    /// Who calls or publishes.
    pub(crate) from: Option<NodeId>,
    /// Who answers or handles.
    pub(crate) to: Option<NodeId>,
    /// Protocol or channel.
    pub(crate) via: String,
    /// The style, and why.
    pub(crate) style: Option<Style>,
    /// Why, in words.
    pub(crate) style_reason: String,
    /// Rows that are summed.
    pub(crate) rows: Vec<RowId>,
    /// The same as the callee saw it.
    pub(crate) callee: Vec<RowId>,
    /// What is known without spans: committed offsets.
    pub(crate) num_more: u64,
}

/// The whole plan.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// By id.
    pub(crate) nodes: Vec<PlannedNode>,
    /// By id.
    pub(crate) edges: Vec<PlannedEdge>,
    /// By ends and channel.
    pub(crate) interactions: Vec<PlannedInteraction>,
    /// Whether something was held back that may still find its partner.
    pub(crate) has_held_back: bool,
    /// Nodes of each source that found no room.
    pub(crate) left_out: BTreeMap<SourceId, u64>,
    /// Nodes of the channels that spans name.
    pub(super) by_channel: HashMap<ChannelId, NodeId>,
    /// Nodes and their clusters, by kind and name.
    pub(super) by_name: HashMap<(NodeKind, String), Vec<(String, NodeId)>>,
}

impl Plan {
    /// A node of the plan.
    pub(crate) fn node(&self, node_id: NodeId) -> Option<&PlannedNode> {
        self.nodes.binary_search_by_key(&node_id, |planned| planned.node.node_id).ok().map(|at| &self.nodes[at])
    }

    /// The node of a service that sends spans, by name; `None` where several have it.
    pub(crate) fn service_named(&self, name: &str) -> Option<NodeId> {
        self.only_named(NodeKind::Service, name)
    }

    /// The node of whoever is called by this name: a service, else a database or another peer.
    pub(crate) fn callee_named(&self, name: &str) -> Option<NodeId> {
        [NodeKind::Service, NodeKind::Database, NodeKind::External].into_iter().find_map(|kind| self.only_named(kind, name))
    }

    /// What a channel that spans name is called on the map.
    pub(crate) fn channel_name(&self, channel: ChannelId) -> Option<&str> {
        self.by_channel.get(&channel).and_then(|node_id| self.node(*node_id)).map(|planned| planned.node.name.as_str())
    }

    /// The node of a channel of a cluster.
    pub(crate) fn channel_on(&self, cluster: &str, name: &str) -> Option<NodeId> {
        self.named_on(NodeKind::Channel, cluster, name)
    }

    /// The node of a group of a cluster.
    pub(crate) fn group_on(&self, cluster: &str, name: &str) -> Option<NodeId> {
        self.named_on(NodeKind::Group, cluster, name)
    }

    fn named_on(&self, kind: NodeKind, cluster: &str, name: &str) -> Option<NodeId> {
        self.by_name.get(&Named { kind, name })?.iter().find(|(known, _)| known == cluster).map(|(_, node_id)| *node_id)
    }

    fn only_named(&self, kind: NodeKind, name: &str) -> Option<NodeId> {
        match self.by_name.get(&Named { kind, name })?.as_slice() {
            [(_, only)] => Some(*only),
            _ => None,
        }
    }
}

/// A key of [`Plan::by_name`], borrowed.
#[derive(Hash)]
struct Named<'a> {
    kind: NodeKind,
    name: &'a str,
}

impl Equivalent<(NodeKind, String)> for Named<'_> {
    fn equivalent(&self, key: &(NodeKind, String)) -> bool {
        self.kind == key.0 && self.name == key.1
    }
}

/// Over what an interaction goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Over {
    /// A protocol.
    Protocol(Via),
    /// A channel; `None` = no span says which.
    Channel(Option<NodeId>),
}

/// Who, with whom, over what.
pub(super) type InteractionKey = (Option<NodeId>, Option<NodeId>, Over);
