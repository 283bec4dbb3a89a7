//! The part of the plan that is about messages: publish, deliver and process, who reaches whom by them, and groups of which
//! only brokers tell.

use hashbrown::HashMap;

use crate::figures::{Row, RowId, RowKey, Subscription};
use crate::flow::plan::{Draft, Over};
use crate::flow::style::Flows;
use crate::flow::{ChannelId, GroupId};
use crate::intern::ServiceId;
use crate::view::{GroupView, HopKind, NodeBasis, NodeId};

impl Draft<'_> {
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

    fn consume(&mut self, row_id: RowId, to: Subscription, flows: &mut Flows) {
        let (channel, service) = (self.channel(to.channel), self.service(to.service));
        let group_name = self.flow.names.get_group(to.group);
        let source = if to.group.is_some() {
            let group = self.group(group_name, NodeBasis::Inferred);
            let deliver = self.edge(channel, group, HopKind::Deliver, None);
            deliver.rows.push(row_id);
            deliver.edge.inferred = false;
            deliver.latencies.get_or_insert_default();
            self.add_to_node(group, &[row_id]);
            flows.reads(channel, group_name);
            group
        } else {
            flows.reads_without_group(channel, to.service);
            channel
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
            if to.group.is_some() {
                let group = self.group(self.flow.names.get_group(to.group), NodeBasis::Inferred);
                self.edge(channel, group, HopKind::Deliver, None).latencies.get_or_insert_default().push(row_id);
            }
        }
    }

    /// The place among the brokers' channels.
    pub(super) fn broker_channel_of(&self, topic: &str, cluster: &str) -> Option<usize> {
        self.by_topic.get(topic)?.iter().copied().find(|at| self.brokers.channels[*at].cluster.name == cluster)
    }

    fn topic_of(&mut self, group: &GroupView) -> Option<NodeId> {
        let cluster = group.cluster.as_deref().unwrap_or_default();
        let at = self.broker_channel_of(&group.topic, cluster)?;
        Some(self.broker_channel(at))
    }

    /// Groups of which brokers tell and no span does: what they committed shows that they read.
    pub(super) fn silent_groups(&mut self, rows: &[(RowId, &Row)]) {
        let mut readers: HashMap<NodeId, Vec<GroupId>> = HashMap::new();
        let mut writers: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
        for (_, row) in rows {
            match row.key {
                RowKey::Consume(to) if to.channel.is_some() => readers.entry(self.channel(to.channel)).or_default().push(to.group),
                RowKey::Publish { service, channel } => writers.entry(self.channel(channel)).or_default().push(self.service(service)),
                _ => {}
            }
        }
        for told in self.brokers.groups {
            let Some(channel) = self.topic_of(told) else { continue };
            let group = self.group(&told.group, NodeBasis::Broker);
            let num_committed = told.committed_since_start.unwrap_or(0);
            let reading = readers.get(&channel).map_or(&[][..], Vec::as_slice);
            if reading.iter().any(|group| self.flow.names.get_group(*group) == told.group) {
                continue;
            }
            let edge = self.edge(channel, group, HopKind::Deliver, None);
            edge.num_more += num_committed;
            if let Some(planned) = self.nodes.get_mut(&group) {
                planned.num_more += num_committed;
            }
            // Spans that do not name their group may be its.
            let is_unsure = reading.contains(&GroupId::NONE);
            let mut publishers = writers.get(&channel).map_or(&[][..], Vec::as_slice).iter().copied();
            let publisher = publishers.next();
            if num_committed > 0 && !is_unsure && publisher.is_some() {
                let only = publisher.filter(|first| publishers.all(|other| other == *first));
                self.interaction(only, None, Over::Channel(Some(channel))).num_more += num_committed;
            }
        }
    }
}
