//! The part of the plan that is about messages: publish, deliver and process, who reaches whom by them, and groups of which
//! only brokers tell.

use hashbrown::{HashMap, HashSet};

use crate::figures::{Row, RowId, RowKey, Subscription};
use crate::flow::RABBITMQ;
use crate::flow::plan::draft::Draft;
use crate::flow::plan::planned::Over;
use crate::flow::plan::style::Flows;
use crate::names::{ChannelId, GroupId, ServiceId};
use crate::view::{GroupView, HopKind, NodeBasis, NodeId};

impl<'a> Draft<'a> {
    /// Messages: publish, deliver, process, and who reached whom by them.
    pub(super) fn messages(&mut self, rows: &[(RowId, &Row)]) -> Flows {
        let mut flows = Flows::default();
        let mut processing: HashMap<(ChannelId, ServiceId), Vec<GroupId>> = HashMap::new();
        for (_, row) in rows {
            if let RowKey::Consume(to) = row.key
                && !to.receive
            {
                processing.entry((to.channel, to.service)).or_default().push(to.group);
            }
        }
        // Who fetches and then handles is counted where he handles.
        let is_counted = |to: &Subscription| {
            let is_same = |group: &GroupId| *group == to.group || *group == GroupId::NONE || to.group == GroupId::NONE;
            !to.receive || !processing.get(&(to.channel, to.service)).is_some_and(|groups| groups.iter().any(is_same))
        };
        self.place_groups(rows.iter().filter_map(|(_, row)| match row.key {
            RowKey::Consume(to) if is_counted(&to) => Some(to),
            _ => None,
        }));
        for (row_id, row) in rows {
            match row.key {
                RowKey::Publish { service, channel } => {
                    let (from, to) = (self.service(service), self.channel(channel));
                    let edge = self.edge(from, to, HopKind::Publish, None);
                    edge.rows.push(*row_id);
                    edge.edge.inferred = false;
                    self.add_to_node(to, &[*row_id]);
                }
                RowKey::Handled(to) if is_counted(&to) => {
                    let service = self.service(to.service);
                    self.add_to_node(service, &[*row_id]);
                }
                RowKey::Consume(to) if is_counted(&to) && to.channel.is_some() => self.consume(*row_id, to, &mut flows),
                RowKey::Message { from, to } if is_counted(&to) => self.message(*row_id, from, to, &mut flows),
                _ => {}
            }
        }
        for group in self.brokers.groups {
            if let Some(channel) = self.topic_of(group) {
                flows.reads(channel, &group.group);
            }
        }
        flows
    }

    /// Finds out in which clusters groups of each name are: where brokers tell of them, and where they read.
    fn place_groups(&mut self, readers: impl Iterator<Item = Subscription>) {
        let (flow, brokers) = (self.flow, self.brokers);
        let mut places: HashSet<(&'a str, &'a str)> = brokers.groups.iter().filter_map(|told| Some((told.group.as_str(), told.cluster.as_deref()?))).collect();
        for to in readers.filter(|to| to.channel.is_some() && to.group.is_some()) {
            let channel = self.channel(to.channel);
            if let Some(at) = self.nodes.get(&channel).and_then(|planned| planned.channel) {
                places.insert((flow.names.get_group(to.group), &brokers.channels[at].cluster.name));
            }
        }
        for (group, cluster) in places {
            self.group_clusters.entry(group).and_modify(|of_name| *of_name = None).or_insert(Some(cluster));
        }
    }

    /// Finds the channels from which `RabbitMQ`'s queues get their messages: a producer names exchange and key, a consumer
    /// these and its queue, which then is to the channel what a group is to a topic. A consumer that names its queue alone gets from the
    /// exchange to which all of its messages were published, as pairs of spans prove.
    pub(super) fn find_queues(&mut self, rows: &[(RowId, &Row)]) {
        let names = &self.flow.names;
        let published = |key: RowKey| match key {
            RowKey::Publish { channel, .. } => Some((names.get_channel(channel), channel)),
            _ => None,
        };
        let published: HashMap<&str, ChannelId> = rows
            .iter()
            .filter_map(|(_, row)| published(row.key))
            .filter(|(known, _)| known.system == RABBITMQ)
            .map(|(known, channel)| (known.name.as_str(), channel))
            .collect();
        let bound = self.flow.bindings.only();
        for (channel, known) in names.channels().filter(|(_, known)| known.system == RABBITMQ && !published.contains_key(known.name.as_str())) {
            let name = known.name.as_str();
            let of_prefix = |(at, _): (usize, &str)| published.get(&name[..at]).map(|exchange| (*exchange, &name[at + 1..]));
            let of_pairs =
                || bound.get(&channel).copied().flatten().filter(|exchange| published.values().any(|known| known == exchange)).map(|exchange| (exchange, name));
            if let Some(found) = name.rmatch_indices(':').find_map(of_prefix).filter(|(_, queue)| !queue.is_empty()).or_else(of_pairs) {
                self.queues.insert(channel, found);
            }
        }
    }

    /// The name of whoever reads a channel together: a group, else the queue.
    fn reader_name(&self, to: Subscription) -> &'a str {
        let group = self.flow.names.get_group(to.group);
        if group.is_empty() { self.queues.get(&to.channel).map_or("", |known| known.1) } else { group }
    }

    /// The node of a group that reads a channel: of the channel's cluster; where that is unknown, of the only one that has a
    /// group of this name.
    fn reader(&mut self, name: &str, channel: NodeId, to: Subscription) -> NodeId {
        let names = &self.flow.names;
        let source = self.source_of(channel).or_else(|| names.channel_source(to.channel)).or_else(|| names.group_source(to.group));
        let cluster = self.cluster_of(channel).or_else(|| self.group_clusters.get(name).copied().flatten()).unwrap_or_default().to_owned();
        self.group(name, &cluster, NodeBasis::Inferred, source)
    }

    fn consume(&mut self, row_id: RowId, to: Subscription, flows: &mut Flows) {
        let (channel, service) = (self.channel(to.channel), self.service(to.service));
        let group_name = self.reader_name(to);
        let source = if group_name.is_empty() {
            flows.reads_without_group(channel, to.service);
            channel
        } else {
            let group = self.reader(group_name, channel, to);
            let deliver = self.edge(channel, group, HopKind::Deliver, None);
            deliver.rows.push(row_id);
            deliver.edge.inferred = false;
            deliver.latencies.get_or_insert_default();
            self.add_to_node(group, &[row_id]);
            flows.reads(channel, group_name);
            group
        };
        let process = self.edge(source, service, HopKind::Process, None);
        process.rows.push(row_id);
        process.edge.inferred = false;
        flows.consumes(to.service, self.flow.names.get_channel(to.channel).name_hash, channel);
    }

    fn message(&mut self, row_id: RowId, from: ServiceId, to: Subscription, flows: &mut Flows) {
        let to_node = self.service(to.service);
        let from_node = (from != ServiceId::NONE).then(|| self.service(from));
        let channel = to.channel.is_some().then(|| self.channel(to.channel));
        let over = Over::Channel(channel);
        self.interaction(from_node, Some(to_node), over).rows.push(row_id);
        if let Some(channel) = channel {
            let name_hash = self.flow.names.get_channel(to.channel).name_hash;
            flows.message((from_node, Some(to_node), over), from, to.service, name_hash);
            let group_name = self.reader_name(to);
            if !group_name.is_empty() {
                let group = self.reader(group_name, channel, to);
                self.edge(channel, group, HopKind::Deliver, None).latencies.get_or_insert_default().push(row_id);
            }
        }
    }

    /// The place among the brokers' channels.
    pub(super) fn broker_channel_of(&self, topic: &str, cluster: &str) -> Option<usize> {
        self.by_topic.get(topic)?.iter().copied().find(|at| self.brokers.channels[*at].cluster.name == cluster)
    }

    fn topic_of(&self, group: &GroupView) -> Option<NodeId> {
        let cluster = group.cluster.as_deref().unwrap_or_default();
        let at = self.broker_channel_of(&group.topic, cluster)?;
        Some(self.broker_channel(at))
    }

    /// Groups of which brokers tell and no span does: what they committed shows that they read.
    pub(super) fn silent_groups(&mut self, rows: &[(RowId, &Row)]) {
        // Each told group is looked up once, however many read its channel.
        let mut readers: HashSet<(NodeId, &str)> = HashSet::new();
        // The one service that publishes to a channel; `None` where several do.
        let mut writers: HashMap<NodeId, Option<NodeId>> = HashMap::new();
        for (_, row) in rows {
            match row.key {
                RowKey::Consume(to) if to.channel.is_some() => {
                    readers.insert((self.channel(to.channel), self.reader_name(to)));
                }
                RowKey::Publish { service, channel } => {
                    let (channel, service) = (self.channel(channel), self.service(service));
                    let one = writers.entry(channel).or_insert(Some(service));
                    *one = one.filter(|known| *known == service);
                }
                _ => {}
            }
        }
        for told in self.brokers.groups {
            let Some(channel) = self.topic_of(told) else { continue };
            let group = self.group(&told.group, told.cluster.as_deref().unwrap_or_default(), NodeBasis::Broker, self.source_of(channel));
            let num_committed = told.committed_since_start.unwrap_or(0);
            if readers.contains(&(channel, told.group.as_str())) {
                continue;
            }
            let edge = self.edge(channel, group, HopKind::Deliver, None);
            edge.num_more += num_committed;
            if let Some(planned) = self.nodes.get_mut(&group) {
                planned.num_more += num_committed;
            }
            // Spans that do not name their group may be its.
            let is_unsure = readers.contains(&(channel, ""));
            if num_committed > 0
                && !is_unsure
                && let Some(only) = writers.get(&channel)
            {
                self.interaction(*only, None, Over::Channel(Some(channel))).num_more += num_committed;
            }
        }
    }
}
