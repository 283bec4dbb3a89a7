//! Which rows make which nodes, edges and interactions: peers resolved to services, "receive" left out where there is
//! "process", groups that send no spans added from what they committed. Made from all rows at once, so that it does not
//! depend on the order in which anything arrived.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use switchboard_model::SourceId;

use crate::figures::{End, Row, RowId, RowKey, Rule};
use crate::flow::Flow;
use crate::flow::plan::ids::{Ids, NodeKey};
use crate::flow::plan::planned::{Brokers, InteractionKey, Over, Plan, PlannedEdge, PlannedInteraction, PlannedNode};
use crate::flow::plan::room::NodeRoom;
use crate::flow::plan::style::{Flows, Styled};
use crate::names::{ChannelId, PeerId, ServiceId, Via};
use crate::view::{Edge, EdgeId, HopKind, NodeBasis, NodeId, NodeKind};

/// How long a peer or a missing parent must stay unknown before the map shows it: most partners come within this time, ns.
const GRACE_NS: i64 = 10_000_000_000;

/// A plan in the making.
pub(super) struct Draft<'a> {
    pub(super) flow: &'a Flow,
    pub(super) brokers: Brokers<'a>,
    pub(super) ids: &'a mut Ids,
    pub(super) nodes: BTreeMap<NodeId, PlannedNode>,
    pub(super) room: NodeRoom<NodeKey>,
    edges: BTreeMap<EdgeId, PlannedEdge>,
    interactions: BTreeMap<InteractionKey, PlannedInteraction>,
    pub(super) by_channel: HashMap<ChannelId, NodeId>,
    pub(super) by_peer: HashMap<PeerId, NodeId>,
    /// Nodes of the brokers' channels.
    pub(super) by_place: Vec<NodeId>,
    /// The cluster of groups by name; `None` where several have one of that name.
    pub(super) group_clusters: HashMap<&'a str, Option<&'a str>>,
    /// Brokers' channels by name.
    pub(super) by_topic: HashMap<&'a str, Vec<usize>>,
    /// Services by name; `None` where several have it.
    pub(super) by_name: HashMap<&'a str, Option<ServiceId>>,
    /// Queues by the channel that messages are published to, from which they get them, and their own names.
    pub(super) queues: HashMap<ChannelId, (ChannelId, &'a str)>,
    /// The one system that has channels of a name; `None` where several have.
    pub(super) systems: HashMap<&'a str, Option<&'a str>>,
    /// Addresses of databases.
    pub(super) databases: HashMap<&'a str, &'a str>,
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
