//! Which rows make which nodes, edges and interactions: peers resolved to services, "receive" left out where there is
//! "process", groups that send no spans added from what they committed. Made from all rows at once, so that it does not
//! depend on the order in which anything arrived.

use std::collections::BTreeMap;

use hashbrown::{Equivalent, HashMap};
use switchboard_model::SourceId;

use crate::figures::{End, Row, RowId, RowKey, Rule};
use crate::flow::Flow;
use crate::flow::node_room::{MAX_NODES, NodeRoom};
use crate::flow::style::{Flows, Styled};
use crate::names::{ChannelId, OTHER_NAME, PeerId, ServiceId, Via};
use crate::state::{ChannelState, Sources};
use crate::view::{DeadLetterView, Edge, EdgeId, GroupView, HopKind, InstanceView, Node, NodeBasis, NodeId, NodeKind, Style};

/// Ids that are remembered of nodes that may come back, and of edges.
const MAX_IDS: (usize, usize) = (4 * MAX_NODES, 20 * MAX_NODES);
/// How long a peer or a missing parent must stay unknown before the map shows it: most partners come within this time, ns.
const GRACE_NS: i64 = 10_000_000_000;

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

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum NodeKey {
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
    fn before(&self) -> Option<Self> {
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
    nodes: HashMap<NodeKey, NodeId>,
    edges: HashMap<(NodeId, NodeId, HopKind, Option<Via>), EdgeId>,
    num_nodes: u32,
    num_edges: u32,
}

impl Ids {
    fn node(&mut self, key: &NodeKey) -> NodeId {
        if let Some(known) = self.nodes.get(key) {
            return *known;
        }
        let node_id = NodeId(self.num_nodes);
        self.num_nodes += 1;
        self.nodes.insert(key.clone(), node_id);
        node_id
    }

    fn edge(&mut self, from: NodeId, to: NodeId, kind: HopKind, via: Option<Via>) -> EdgeId {
        let next = &mut self.num_edges;
        *self.edges.entry((from, to, kind, via)).or_insert_with(|| {
            *next += 1;
            EdgeId(*next - 1)
        })
    }

    /// Where there are many, those that are not drawn are forgotten.
    fn forget_but(&mut self, nodes: &BTreeMap<NodeId, PlannedNode>, edges: &BTreeMap<EdgeId, PlannedEdge>) {
        if self.nodes.len() > MAX_IDS.0 {
            self.nodes.retain(|_, node_id| nodes.contains_key(node_id));
        }
        if self.edges.len() > MAX_IDS.1 {
            self.edges.retain(|_, edge_id| edges.contains_key(edge_id));
        }
    }
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
    cluster: String,
    /// The source that tells of it; `None` = it is nobody's.
    source: Option<SourceId>,
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
    by_channel: HashMap<ChannelId, NodeId>,
    /// Nodes and their clusters, by kind and name.
    by_name: HashMap<(NodeKind, String), Vec<(String, NodeId)>>,
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

/// A plan in the making.
pub(super) struct Draft<'a> {
    pub(super) flow: &'a Flow,
    pub(super) brokers: Brokers<'a>,
    ids: &'a mut Ids,
    pub(super) nodes: BTreeMap<NodeId, PlannedNode>,
    room: NodeRoom<NodeKey>,
    edges: BTreeMap<EdgeId, PlannedEdge>,
    interactions: BTreeMap<InteractionKey, PlannedInteraction>,
    by_channel: HashMap<ChannelId, NodeId>,
    by_peer: HashMap<PeerId, NodeId>,
    /// Nodes of the brokers' channels.
    by_place: Vec<NodeId>,
    /// The cluster of groups by name; `None` where several have one of that name.
    pub(super) group_clusters: HashMap<&'a str, Option<&'a str>>,
    /// Brokers' channels by name.
    pub(super) by_topic: HashMap<&'a str, Vec<usize>>,
    /// Services by name; `None` where several have it.
    by_name: HashMap<&'a str, Option<ServiceId>>,
    /// Queues by the channel that messages are published to, from which they get them, and their own names.
    pub(super) queues: HashMap<ChannelId, (ChannelId, &'a str)>,
    /// The one system that has channels of a name; `None` where several have.
    systems: HashMap<&'a str, Option<&'a str>>,
    /// Addresses of databases.
    databases: HashMap<&'a str, &'a str>,
}

impl Flow {
    /// Plans the map. With `grace` what may still find its partner is held back.
    pub(crate) fn plan(&self, ids: &mut Ids, brokers: Brokers<'_>, grace: bool) -> Plan {
        let mut draft = Draft {
            flow: self,
            brokers,
            ids,
            nodes: BTreeMap::new(),
            room: NodeRoom::new(&self.num_told(brokers)),
            edges: BTreeMap::new(),
            interactions: BTreeMap::new(),
            by_channel: HashMap::new(),
            by_peer: HashMap::new(),
            by_place: Vec::with_capacity(brokers.channels.len()),
            group_clusters: HashMap::new(),
            by_topic: HashMap::new(),
            by_name: HashMap::new(),
            queues: HashMap::new(),
            systems: HashMap::new(),
            databases: HashMap::new(),
        };
        for (_, known) in self.names.channels().filter(|(_, known)| !known.system.is_empty()) {
            let system = known.system.as_str();
            draft.systems.entry(&known.name).and_modify(|of_name| *of_name = of_name.filter(|of_name| *of_name == system)).or_insert(Some(system));
        }
        for known in self.names.peers().filter(|known| known.has_host && !known.system.is_empty()) {
            let system = draft.databases.entry(&known.text).or_insert(&known.system);
            *system = (*system).min(&known.system);
        }
        for (at, channel) in brokers.channels.iter().enumerate() {
            draft.by_topic.entry(&channel.topic).or_default().push(at);
        }
        for (service, known) in self.names.services() {
            draft.by_name.entry(&known.name).and_modify(|of_name| *of_name = None).or_insert(Some(service));
        }
        let is_held_back = |row: &Row| grace && row.since_ns.saturating_add(GRACE_NS) > self.now_ns && draft.is_unproved(row);
        // What is in flight comes and goes in the row of a proved peer: it belongs to the map also while it is empty.
        let is_proved_peer = |row: &Row| grace && matches!(row.key, RowKey::Call { to: End::Peer(peer), .. } if self.proofs.service(peer).is_some());
        let is_planned = |row: &Row| if row.series.total().calls > 0 { !is_held_back(row) } else { is_proved_peer(row) };
        let has_held_back = self.rows.held().any(|(_, row)| is_held_back(row));
        let rows: Vec<(RowId, &Row)> = self.rows.all().filter(|(_, row)| is_planned(row)).collect();
        draft.find_queues(&rows);
        let mut services: Vec<ServiceId> = self.names.services().map(|(service, _)| service).collect();
        if draft.room.is_narrow() {
            services.sort_by_key(|service| std::cmp::Reverse(self.names.seen(*service)));
        }
        for service in services {
            draft.service(service);
        }
        for at in 0..brokers.channels.len() {
            let node_id = draft.place_broker_channel(at);
            draft.by_place.push(node_id);
        }
        for (row_id, row) in &rows {
            draft.call(*row_id, row);
        }
        let flows = draft.messages(&rows);
        draft.silent_groups(&rows);
        draft.fold();
        draft.style(&flows);
        draft.tell_databases_apart();
        let mut by_name: HashMap<(NodeKind, String), Vec<(String, NodeId)>> = HashMap::new();
        for planned in draft.nodes.values() {
            let key = (planned.node.kind, planned.node.name.clone());
            by_name.entry(key).or_default().push((planned.cluster.clone(), planned.node.node_id));
        }
        draft.ids.forget_but(&draft.nodes, &draft.edges);
        Plan {
            left_out: draft.room.left_out(),
            nodes: draft.nodes.into_values().collect(),
            edges: draft.edges.into_values().collect(),
            interactions: draft.interactions.into_values().collect(),
            has_held_back,
            by_channel: draft.by_channel,
            by_name,
        }
    }
}

impl Flow {
    /// How many nodes each source may tell of, at most.
    fn num_told(&self, brokers: Brokers<'_>) -> BTreeMap<SourceId, usize> {
        let mut told: BTreeMap<SourceId, usize> = BTreeMap::new();
        for (source, num) in self.names.num_held() {
            *told.entry(source).or_default() += num;
        }
        let mut clusters: BTreeMap<&str, SourceId> = BTreeMap::new();
        for channel in brokers.channels {
            *told.entry(channel.source).or_default() += 1;
            clusters.insert(&channel.cluster.name, channel.source);
        }
        let mut last = ("", "");
        for group in brokers.groups {
            // They come by cluster and group.
            let (cluster, name) = (group.cluster.as_deref().unwrap_or_default(), group.group.as_str());
            if std::mem::replace(&mut last, (cluster, name)) != (cluster, name)
                && let Some(source) = clusters.get(cluster)
            {
                *told.entry(*source).or_default() += 1;
            }
        }
        told
    }
}

impl Draft<'_> {
    /// Whether nothing proves what a row says, so that a partner may still come for all that it holds.
    fn is_unproved(&self, row: &Row) -> bool {
        match row.key {
            RowKey::Call { from, to, .. } => {
                from == End::Missing
                    || (matches!(from, End::Peer(_)) && row.rules[Rule::MissingParent as usize] > 0)
                    || match to {
                        End::Peer(peer) => self.flow.names.get_peer(peer).system.is_empty() && self.flow.proofs.service(peer).is_none(),
                        End::Unknown => true,
                        _ => false,
                    }
            }
            RowKey::Message { from, .. } => from == ServiceId::NONE,
            _ => false,
        }
    }

    /// The node of a key, or "other" where its source has no room for it.
    fn node(&mut self, key: &NodeKey, kind: NodeKind, name: &str, basis: NodeBasis, source: Option<SourceId>) -> NodeId {
        self.adopt(key);
        let is_drawn = |node_id: &NodeId| self.nodes.contains_key(node_id);
        let is_common = matches!(key, NodeKey::Other | NodeKey::User | NodeKey::Missing);
        let is_full = !is_common && self.nodes.len() + 3 >= MAX_NODES;
        if !self.ids.nodes.get(key).is_some_and(is_drawn) && !self.room.take(key, source, is_full) {
            return self.node(&NodeKey::Other, NodeKind::Other, OTHER_NAME, NodeBasis::Inferred, None);
        }
        let node_id = self.ids.node(key);
        self.nodes.entry(node_id).or_insert_with(|| PlannedNode {
            node: Node {
                node_id,
                kind,
                name: name.to_owned(),
                namespace: None,
                environment: None,
                system: None,
                version: None,
                basis,
                instances: Vec::new(),
                first_seen_ns: None,
                labels: Vec::new(),
                folded_into: None,
            },
            rows: Vec::new(),
            num_more: 0,
            service: None,
            channel: None,
            cluster: match key {
                NodeKey::Channel { cluster, .. } | NodeKey::Group { cluster, .. } => cluster.clone(),
                _ => String::new(),
            },
            source,
        });
        node_id
    }

    /// What was on the map before its cluster, or its system, was known is the same node once it is known.
    fn adopt(&mut self, key: &NodeKey) {
        if self.ids.nodes.contains_key(key) {
            return;
        }
        let mut earlier = key.before();
        while let Some(unplaced) = earlier {
            if let Some(node_id) = self.ids.nodes.get(&unplaced).copied()
                && !self.nodes.contains_key(&node_id)
            {
                self.ids.nodes.remove(&unplaced);
                self.ids.nodes.insert(key.clone(), node_id);
                return;
            }
            earlier = unplaced.before();
        }
    }

    /// The node of a service.
    pub(super) fn service(&mut self, service: ServiceId) -> NodeId {
        if service == ServiceId::OTHER || service == ServiceId::NONE {
            return self.node(&NodeKey::Other, NodeKind::Other, OTHER_NAME, NodeBasis::Inferred, None);
        }
        let known = self.flow.names.get_service(service);
        let key = NodeKey::Service(self.flow.names.serial(service));
        let node_id = self.node(&key, NodeKind::Service, &known.name, NodeBasis::Traced, self.flow.names.service_source(service));
        if let Some(planned) = self.nodes.get_mut(&node_id)
            && planned.node.kind == NodeKind::Service
            && planned.node.first_seen_ns.is_none()
        {
            let told = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            planned.service = Some(service);
            planned.node.namespace = told(&known.namespace);
            planned.node.environment = told(&known.environment);
            planned.node.version = told(&known.version.1);
            planned.node.first_seen_ns = Some(known.first_seen_ns);
            let mut instances: Vec<InstanceView> = known
                .instances
                .iter()
                .map(|known| InstanceView { instance: known.instance.clone(), version: told(&known.version.1), last_seen_ns: known.version.0 })
                .collect();
            instances.sort_by(|one, other| one.instance.cmp(&other.instance));
            planned.node.instances = instances;
            planned.node.labels = known.labels.iter().map(|(key, (_, value))| (key.clone(), value.clone())).collect();
        }
        node_id
    }

    fn peer(&mut self, peer: PeerId) -> NodeId {
        if let Some(known) = self.by_peer.get(&peer) {
            return *known;
        }
        let known = self.flow.names.get_peer(peer);
        let source = self.flow.names.peer_source(peer);
        let named = || self.by_name.get(known.text.as_str()).copied().flatten();
        let node_id = if peer == PeerId::OTHER {
            self.service(ServiceId::OTHER)
        } else if !known.system.is_empty() {
            self.database(&known.text, &known.system, known.has_host, source)
        } else if let Some(service) = self.flow.proofs.service(peer).or_else(|| if known.is_name { named() } else { None }) {
            self.service(service)
        } else if known.is_name {
            self.node(&NodeKey::InferredService(known.text.clone()), NodeKind::Service, &known.text, NodeBasis::Inferred, source)
        } else if let Some(system) = self.databases.get(known.text.as_str()).filter(|_| known.has_host).copied() {
            // Some calls to it say that it is a database, others do not.
            self.database(&known.text, system, true, source)
        } else {
            self.node(&NodeKey::External(known.text.clone()), NodeKind::External, &known.text, NodeBasis::Inferred, source)
        };
        self.by_peer.insert(peer, node_id);
        node_id
    }

    fn database(&mut self, name: &str, system: &str, has_host: bool, source: Option<SourceId>) -> NodeId {
        // At one address is one database, however its system is spelt.
        let of_key = if has_host { "" } else { system };
        let key = NodeKey::Database { name: name.to_owned(), system: of_key.to_owned() };
        let node_id = self.node(&key, NodeKind::Database, name, NodeBasis::Inferred, source);
        let system = if has_host { self.databases.get(name).copied().unwrap_or(system) } else { system };
        if let Some(planned) = self.nodes.get_mut(&node_id)
            && planned.node.kind == NodeKind::Database
        {
            planned.node.system = Some(system.to_owned());
        }
        node_id
    }

    /// A database that bears the name of a service, or of another database, shows its system beside it.
    fn tell_databases_apart(&mut self) {
        let mut num_named: HashMap<String, u32> = HashMap::new();
        for planned in self.nodes.values().filter(|planned| matches!(planned.node.kind, NodeKind::Service | NodeKind::Database)) {
            *num_named.entry(planned.node.name.clone()).or_default() += 1;
        }
        for planned in self.nodes.values_mut().filter(|planned| planned.node.kind == NodeKind::Database) {
            let node = &mut planned.node;
            if let Some(system) = node.system.as_deref().filter(|system| *system != node.name)
                && num_named.get(&node.name).is_some_and(|num| *num > 1)
            {
                node.name = format!("{} ({system})", node.name);
            }
        }
    }

    /// The node of a channel of which a broker tells.
    pub(super) fn broker_channel(&self, at: usize) -> NodeId {
        self.by_place[at]
    }

    fn place_broker_channel(&mut self, at: usize) -> NodeId {
        let told = &self.brokers.channels[at];
        let key = NodeKey::Channel { name: told.topic.clone(), cluster: told.cluster.name.clone(), system: told.cluster.system.clone() };
        let node_id = self.node(&key, NodeKind::Channel, &told.topic, NodeBasis::Broker, Some(told.source));
        if let Some(planned) = self.nodes.get_mut(&node_id)
            && planned.node.kind == NodeKind::Channel
        {
            planned.channel = Some(at);
            planned.node.system = Some(told.cluster.system.clone());
        }
        node_id
    }

    /// The channel that spans name: that of the only broker that has one of this name, else one of its own.
    pub(super) fn channel(&mut self, channel: ChannelId) -> NodeId {
        if let Some(known) = self.by_channel.get(&channel) {
            return *known;
        }
        if let Some((published, _)) = self.queues.get(&channel).copied() {
            let node_id = self.channel(published);
            self.by_channel.insert(channel, node_id);
            return node_id;
        }
        let told = self.flow.names.get_channel(channel);
        let system = if told.system.is_empty() { self.systems.get(told.name.as_str()).copied().flatten().unwrap_or_default() } else { &told.system };
        let of_name = self.by_topic.get(told.name.as_str()).map_or(&[][..], Vec::as_slice);
        let mut same = of_name.iter().map(|at| (*at, &self.brokers.channels[*at])).filter(|(_, known)| {
            let is_system = system.is_empty() || system == known.cluster.system;
            let is_cluster = told.cluster_id.is_empty() || known.cluster.cluster_id.as_ref().is_none_or(|cluster_id| *cluster_id == told.cluster_id);
            is_system && is_cluster
        });
        let node_id = if let (Some((at, _)), None) = (same.next(), same.next()) {
            self.broker_channel(at)
        } else {
            let key = NodeKey::Channel { name: told.name.clone(), cluster: String::new(), system: system.to_owned() };
            let node_id = self.node(&key, NodeKind::Channel, &told.name, NodeBasis::Inferred, self.flow.names.channel_source(channel));
            if let Some(planned) = self.nodes.get_mut(&node_id)
                && !system.is_empty()
            {
                planned.node.system.get_or_insert_with(|| system.to_owned());
            }
            node_id
        };
        self.by_channel.insert(channel, node_id);
        node_id
    }

    /// The source that tells of a node.
    pub(super) fn source_of(&self, node_id: NodeId) -> Option<SourceId> {
        self.nodes.get(&node_id)?.source
    }

    /// The cluster of a channel of which a broker tells.
    pub(super) fn cluster_of(&self, channel: NodeId) -> Option<&str> {
        let at = self.nodes.get(&channel)?.channel?;
        Some(&self.brokers.channels[at].cluster.name)
    }

    /// The node of a group of a cluster; empty = unknown.
    pub(super) fn group(&mut self, name: &str, cluster: &str, basis: NodeBasis, source: Option<SourceId>) -> NodeId {
        let key = NodeKey::Group { name: name.to_owned(), cluster: cluster.to_owned() };
        let node_id = self.node(&key, NodeKind::Group, name, basis, source);
        if let Some(planned) = self.nodes.get_mut(&node_id)
            && basis == NodeBasis::Broker
        {
            planned.node.basis = basis;
        }
        node_id
    }

    /// Rows count in a node's figure.
    pub(super) fn add_to_node(&mut self, node_id: NodeId, rows: &[RowId]) {
        if let Some(planned) = self.nodes.get_mut(&node_id) {
            planned.rows.extend_from_slice(rows);
        }
    }

    /// The edge between two nodes.
    pub(super) fn edge(&mut self, from: NodeId, to: NodeId, kind: HopKind, via: Option<Via>) -> &mut PlannedEdge {
        let edge_id = self.ids.edge(from, to, kind, via);
        let via = via.map(|via| via.name().to_owned());
        self.edges.entry(edge_id).or_insert_with(|| PlannedEdge {
            edge: Edge { edge_id, from, to, kind, via, inferred: true },
            rows: Vec::new(),
            latencies: None,
            num_more: 0,
        })
    }

    /// The interaction of two nodes.
    pub(super) fn interaction(&mut self, from: Option<NodeId>, to: Option<NodeId>, over: Over) -> &mut PlannedInteraction {
        let nodes = &self.nodes;
        let via = || match over {
            Over::Protocol(via) => via.name().to_owned(),
            Over::Channel(channel) => {
                channel.and_then(|channel| nodes.get(&channel)).map_or_else(|| "unknown channel".to_owned(), |planned| planned.node.name.clone())
            }
        };
        self.interactions.entry((from, to, over)).or_insert_with(|| PlannedInteraction {
            from,
            to,
            via: via(),
            style: None,
            style_reason: String::new(),
            rows: Vec::new(),
            callee: Vec::new(),
            num_more: 0,
        })
    }

    /// Calls, and what services received.
    fn call(&mut self, row_id: RowId, row: &Row) {
        match row.key {
            RowKey::Call { from, to, via } => {
                let from_node = match from {
                    End::Service(service) => self.service(service),
                    End::Missing => self.node(&NodeKey::Missing, NodeKind::Missing, "missing", NodeBasis::Inferred, None),
                    End::Peer(peer) => self.peer(peer),
                    _ => self.node(&NodeKey::User, NodeKind::User, "user", NodeBasis::Inferred, None),
                };
                let to_node = match to {
                    End::Service(service) => Some(self.service(service)),
                    End::Peer(peer) => Some(self.peer(peer)),
                    _ => None,
                };
                let is_proved = row.rules[Rule::Parent as usize] > 0;
                if let Some(to_node) = to_node {
                    let edge = self.edge(from_node, to_node, HopKind::Call, Some(via));
                    edge.rows.push(row_id);
                    edge.edge.inferred &= !is_proved;
                    let is_callee = self.nodes.get(&to_node).is_some_and(|planned| planned.node.basis != NodeBasis::Traced);
                    if is_callee {
                        self.add_to_node(to_node, &[row_id]);
                    }
                }
                if matches!(from, End::Root | End::Missing) {
                    self.add_to_node(from_node, &[row_id]);
                }
                self.interaction(Some(from_node), to_node, Over::Protocol(via)).rows.push(row_id);
            }
            RowKey::Callee { from, to, via } => {
                let (from, to) = (self.service(from), self.service(to));
                self.interaction(Some(from), Some(to), Over::Protocol(via)).callee.push(row_id);
            }
            RowKey::Received { service } => {
                let service = self.service(service);
                self.add_to_node(service, &[row_id]);
            }
            _ => {}
        }
    }

    /// Dead-letter channels belong to the channel that their records prove to be the origin.
    fn fold(&mut self) {
        for letters in self.brokers.dead_letters.iter().filter(|letters| letters.dialect.is_some() && !letters.is_among_others) {
            let Some(origin) = letters.origin.as_deref() else { continue };
            let find = |name: &str| self.broker_channel_of(name, &letters.cluster);
            if let (Some(channel), Some(origin)) = (find(&letters.channel), find(origin)) {
                let (channel, origin) = (self.broker_channel(channel), self.broker_channel(origin));
                if let Some(planned) = self.nodes.get_mut(&channel)
                    && channel != origin
                {
                    planned.node.folded_into = Some(planned.node.folded_into.map_or(origin, |known| known.min(origin)));
                }
            }
        }
    }

    fn style(&mut self, flows: &Flows) {
        for (key, interaction) in &mut self.interactions {
            let styled = match flows.style(key, &self.flow.conversations, |node_id| self.nodes.get(&node_id)) {
                Some(styled) => styled,
                None => Styled::of_call(self.flow, interaction),
            };
            interaction.style = styled.style;
            interaction.style_reason = styled.reason;
        }
    }
}

impl Styled {
    /// A call: its very kind says that an answer is awaited.
    fn of_call(flow: &Flow, interaction: &PlannedInteraction) -> Self {
        let is_call = interaction.rows.iter().any(|row| matches!(flow.rows.get(*row).key, RowKey::Call { .. }));
        if !is_call {
            return Self { style: None, reason: "nothing tells".to_owned() };
        }
        let num_paired: u64 = interaction.rows.iter().map(|row| flow.rows.get(*row).rules[Rule::Parent as usize]).sum();
        let reason = if num_paired > 0 {
            format!("{num_paired} calls were seen with their server spans")
        } else {
            "the spans' kind says that an answer is awaited; only one side sends spans".to_owned()
        };
        Self { style: Some(Style::RequestResponse), reason }
    }
}
