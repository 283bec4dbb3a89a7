//! The nodes of a plan: services, what is called, channels, groups.

use hashbrown::HashMap;
use switchboard_model::SourceId;

use crate::flow::plan::draft::Draft;
use crate::flow::plan::ids::NodeKey;
use crate::flow::plan::planned::PlannedNode;
use crate::flow::plan::room::MAX_NODES;
use crate::names::{ChannelId, OTHER_NAME, PeerId, ServiceId};
use crate::view::{InstanceView, Node, NodeBasis, NodeId, NodeKind};

impl Draft<'_> {
    /// The node of a key, or "other" where its source has no room for it.
    pub(super) fn node(&mut self, key: &NodeKey, kind: NodeKind, name: &str, basis: NodeBasis, source: Option<SourceId>) -> NodeId {
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
                last_seen_ns: None,
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
            planned.node.last_seen_ns = Some(known.last_seen_ns);
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

    /// The node of what a caller names.
    pub(super) fn peer(&mut self, peer: PeerId) -> NodeId {
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
    pub(super) fn tell_databases_apart(&mut self) {
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

    /// Makes the node of a channel of which a broker tells.
    pub(super) fn place_broker_channel(&mut self, at: usize) -> NodeId {
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
}
