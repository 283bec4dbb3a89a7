//! Topics and consumer groups as brokers tell of them.

use std::collections::BTreeMap;

use switchboard_model::{ClusterFact, ClusterRef, GroupFact, GroupOffset, SourceId, TailState, TopicFact};

use crate::source_shares::shared_out;
use crate::state::groups::group_topic::GroupTopic;
use crate::state::groups::head::GroupHead;
use crate::state::groups::members::GroupMembers;
use crate::state::groups::partition_course::MOST_FOLLOWED;
use crate::state::groups::rebalancing::StateCourse;
use crate::state::groups::room::{Kept, MAX_GROUP_TOPICS, Room};
use crate::state::groups::standing::{Standing, total};
use crate::state::groups::topic::Topic;
use crate::state::latest::Latest;
use crate::state::sources::Sources;
use crate::view::GroupView;

/// Groups' topics up to which what follows from a reading is kept until something new comes.
const MOST_KEPT_STANDINGS: usize = 10_000;

/// All clusters: their topics, their groups.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    pub(super) clusters: BTreeMap<String, Cluster>,
    pub(super) room: Room,
    /// Rows of groups without offsets that found no room when they were shown last, by source.
    rows_left_out: BTreeMap<SourceId, u64>,
    /// Partitions of all groups.
    pub(super) num_partitions: usize,
    /// By how much the machine's clock was set, ns.
    clock_set_by_ns: i64,
}

/// What a broker says of a channel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ChannelState {
    /// The source that tells of it.
    pub(crate) source: SourceId,
    /// The cluster; its `name` is the source that reads it.
    pub(crate) cluster: ClusterRef,
    /// The topic.
    pub(crate) topic: String,
    /// Partitions; unknown = `None`.
    pub(crate) partitions: Option<u64>,
    /// Sum of high − low watermark; `None` where that of any partition is unknown.
    pub(crate) records: Option<u64>,
    /// Whether its records are read, and why not.
    pub(crate) tail: TailState,
    /// Partitions that no broker of the cluster leads.
    pub(crate) leaderless: Vec<i32>,
    /// When it was seen to be made again, ns since the Unix epoch; `None` = it was not.
    pub(crate) made_again_ns: Option<i64>,
}

#[derive(Debug, Default)]
pub(super) struct Cluster {
    /// The source that reads it.
    pub(super) source: SourceId,
    brokers: Latest<ClusterFact>,
    pub(super) topics: BTreeMap<String, Topic>,
    pub(super) groups: BTreeMap<String, Group>,
}

impl Cluster {
    /// What is known of a topic beside readings changed: verdicts on it are made anew.
    fn judge_anew(&mut self, topic: &str) {
        for group in self.groups.values_mut() {
            if let Some(topic) = group.topics.get_mut(topic) {
                topic.standing = None;
            }
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) head: Latest<GroupHead>,
    /// Whether it was being rebalanced, over time.
    pub(crate) states: StateCourse,
    /// When its offsets were last read without an error.
    pub(super) read_whole_ns: Option<i64>,
    pub(super) gone_ns: Option<i64>,
    /// Apart from their names: the tree leaves room between its entries.
    pub(super) topics: BTreeMap<String, Box<GroupTopic>>,
}

impl Group {
    /// Whether it was seen to be no more after it was read last.
    pub(super) fn is_gone(&self) -> bool {
        self.head.get().is_none_or(|head| self.gone_ns > Some(head.read_ns))
    }
}

impl Groups {
    /// A cluster's brokers.
    pub(crate) fn apply_cluster(&mut self, fact: &ClusterFact, received_ns: i64) {
        self.cluster(&fact.cluster).brokers.offer(received_ns, fact);
    }

    /// What the cluster that a source reads calls itself; `None` = it has not said.
    pub(crate) fn cluster_id(&self, source: &str) -> Option<String> {
        self.clusters
            .values()
            .filter_map(|cluster| cluster.brokers.get())
            .find(|fact| fact.cluster.name == source)
            .and_then(|fact| fact.cluster.cluster_id.clone())
    }

    /// A topic's partitions and watermarks.
    pub(crate) fn apply_topic(&mut self, fact: &TopicFact, received_ns: i64) {
        let Some(topic) = self.topic(&fact.cluster, &fact.topic) else { return };
        topic.latest.offer(received_ns, fact);
        let is_made_again = fact.made_again_ns > topic.made_again_ns;
        topic.made_again_ns = topic.made_again_ns.max(fact.made_again_ns);
        for partition in &fact.partitions {
            topic.watermarks.entry(partition.partition).or_default().observe(received_ns, partition.low, partition.high);
        }
        if is_made_again {
            self.cluster(&fact.cluster).judge_anew(&fact.topic);
        }
    }

    /// A record of a retry topic is due then.
    pub(crate) fn record_due(&mut self, cluster: &ClusterRef, topic: &str, (partition, offset): (i32, i64), due_ns: i64) {
        let clock_set_by_ns = self.clock_set_by_ns;
        let Some(known) = self.topic(cluster, topic) else { return };
        known.dues.clock_set_by_ns = clock_set_by_ns;
        known.dues.observe(partition, offset, due_ns);
        self.cluster(cluster).judge_anew(topic);
    }

    /// The machine's clock was set, by which records are due.
    pub(crate) fn clock_set(&mut self, by_ns: i64) {
        self.clock_set_by_ns = self.clock_set_by_ns.saturating_add(by_ns);
        for cluster in self.clusters.values_mut() {
            for topic in cluster.topics.values_mut() {
                topic.dues.clock_set_by_ns = self.clock_set_by_ns;
            }
            for on_topic in cluster.groups.values_mut().flat_map(|group| group.topics.values_mut()) {
                on_topic.standing = None;
            }
        }
    }

    /// A topic is no more. What was known of it before is another topic's, should one of that name come again.
    pub(crate) fn topic_gone(&mut self, cluster: &ClusterRef, name: &str, received_ns: i64) {
        let Some(topic) = self.topic(cluster, name) else { return };
        topic.gone_ns = topic.gone_ns.max(Some(received_ns));
        self.cluster(cluster).judge_anew(name);
    }

    /// A group's state, members and offsets.
    pub(crate) fn apply_group(&mut self, fact: &GroupFact, received_ns: i64) {
        let read_ns = if fact.read_ns > 0 { fact.read_ns } else { received_ns };
        let whole = fact.error.is_none();
        let memberless = fact.members.as_ref().is_some_and(Vec::is_empty);
        if self.group(&fact.cluster, &fact.group).is_none() {
            return;
        }
        let is_followed = self.num_partitions <= MOST_FOLLOWED;
        let mut by_topic: BTreeMap<&str, Vec<&GroupOffset>> = BTreeMap::new();
        for offset in &fact.offsets {
            by_topic.entry(&offset.topic).or_default().push(offset);
        }
        for (name, offsets) in by_topic {
            let Some(topic) = self.topic(&fact.cluster, name) else { continue };
            for offset in &offsets {
                topic.watermarks.entry(offset.partition).or_default().observe(read_ns, offset.low, offset.end);
            }
            let of_group = |groups: &Self| groups.clusters.get(&fact.cluster.name)?.groups.get(&fact.group)?.topics.get(name).map(|_| ());
            if of_group(self).is_none() && !self.take_room(Kept::GroupTopic) {
                continue;
            }
            let Some(group) = self.group(&fact.cluster, &fact.group) else { continue };
            let on_topic = group.topics.entry(name.to_owned()).or_default();
            let num_before = on_topic.partitions.len();
            on_topic.apply(read_ns, &offsets, (whole, memberless, is_followed));
            // At once: to make room for the next topic, all are counted anew.
            let num_more = on_topic.partitions.len().saturating_sub(num_before);
            self.num_partitions += num_more;
        }
        if is_followed && self.num_partitions > MOST_FOLLOWED {
            let all = self.clusters.values_mut().flat_map(|cluster| cluster.groups.values_mut()).flat_map(|group| group.topics.values_mut());
            all.for_each(|on_topic| on_topic.courses = None);
        }
        let head = GroupHead {
            read_ns,
            kind: fact.kind.clone(),
            state: fact.state.as_deref().map(Into::into),
            members: fact.members.as_deref().map(GroupMembers::of),
            members_reason: fact.members_reason.clone(),
            error: fact.error.clone(),
        };
        let Some(group) = self.group(&fact.cluster, &fact.group) else { return };
        group.states.observe(read_ns, fact.state.as_deref());
        if group.head.offer(read_ns, &head) {
            group.topics.values_mut().for_each(|topic| topic.standing = None);
        }
        if whole {
            group.read_whole_ns = group.read_whole_ns.max(Some(read_ns));
        }
    }

    /// A group is no more.
    pub(crate) fn group_gone(&mut self, cluster: &ClusterRef, group: &str, received_ns: i64) {
        let Some(group) = self.group(cluster, group) else { return };
        group.gone_ns = group.gone_ns.max(Some(received_ns));
    }

    /// Every topic that a broker tells of, by cluster and name.
    pub(crate) fn channels(&self) -> Vec<ChannelState> {
        let mut channels = Vec::with_capacity(self.clusters.values().map(|cluster| cluster.topics.len()).sum());
        for cluster in self.clusters.values() {
            let brokers = cluster.brokers.get();
            let led =
                |leader: Option<i32>| leader.is_some_and(|leader| brokers.is_none_or(|known| known.brokers.iter().any(|broker| broker.broker_id == leader)));
            for topic in cluster.topics.values().filter(|topic| !topic.is_gone()) {
                let Some(fact) = topic.latest.get() else { continue };
                let size = |low: Option<i64>, high: Option<i64>| Some(high?.saturating_sub(low?).max(0) as u64);
                let known = !fact.partitions.is_empty();
                channels.push(ChannelState {
                    source: cluster.source,
                    cluster: fact.cluster.clone(),
                    topic: fact.topic.clone(),
                    partitions: known.then_some(fact.partitions.len() as u64),
                    records: total(fact.partitions.iter().map(|partition| size(partition.low, partition.high))).filter(|_| known),
                    tail: fact.tail.clone(),
                    leaderless: fact.partitions.iter().filter(|partition| !led(partition.leader)).map(|partition| partition.partition).collect(),
                    made_again_ns: topic.made_again_ns,
                });
            }
        }
        channels
    }

    /// Names of topics whose records are not read, by cluster and name, up to a number; and how many more there are.
    pub(crate) fn not_tailed(&self, most: usize) -> (Vec<&str>, usize) {
        let topics = self.clusters.values().flat_map(|cluster| cluster.topics.values()).filter(|topic| !topic.is_gone());
        let unread = topics.filter_map(|topic| topic.latest.get()).filter(|fact| matches!(fact.tail, TailState::NotTailed(_)));
        let mut names: Vec<&str> = Vec::new();
        let mut num_more = 0;
        for fact in unread {
            if names.len() < most { names.push(&fact.topic) } else { num_more += 1 }
        }
        (names, num_more)
    }

    /// One row a group and topic, by cluster, group and topic.
    pub(crate) fn views(&mut self, now_ns: i64, sources: &Sources) -> Vec<GroupView> {
        // Of so many rows it is worked out anew each time: memory before time.
        let num_group_topics = self.clusters.values().flat_map(|cluster| cluster.groups.values()).map(|group| group.topics.len()).sum();
        let is_large = num_group_topics > MOST_KEPT_STANDINGS;
        let mut views = Vec::with_capacity(num_group_topics);
        let mut rooms = self.room_without_offsets();
        self.rows_left_out.clear();
        for (cluster_name, cluster) in &mut self.clusters {
            let failure = sources.failure(cluster_name);
            let room = rooms.entry(cluster.source).or_default();
            let mut num_without_room = 0;
            for (name, group) in &mut cluster.groups {
                let Some(head) = group.head.get() else { continue };
                if group.gone_ns > Some(head.read_ns) {
                    continue;
                }
                let commits_elsewhere = group.topics.values().any(|topic| topic.partitions.iter().any(|known| known.committed().is_some()));
                let rebalancing_since_ns = group.states.rebalancing_since_ns();
                let num_before = views.len();
                for (topic_name, on_topic) in &mut group.topics {
                    let (Some((read_ns, _)), Some(topic)) = (on_topic.reading, cluster.topics.get(topic_name)) else { continue };
                    if topic.is_gone() || read_ns < topic.began_ns() || Some(read_ns) < group.read_whole_ns {
                        continue;
                    }
                    let standing = match on_topic.standing.take() {
                        Some(standing) => standing,
                        None => Box::new(Standing::of(head, rebalancing_since_ns, topic_name, on_topic, topic)),
                    };
                    let standing = on_topic.standing.insert(standing);
                    if standing.is_read(commits_elsewhere) {
                        views.push(standing.view(head, (cluster_name, name, topic_name), failure, now_ns));
                    }
                    if is_large {
                        on_topic.standing = None;
                    }
                }
                // Groups without offsets read all the same: what their members are assigned, or topics that nobody tells.
                if !head.is_listed_as_reader() {
                    continue;
                }
                let mut is_shown = views.len() > num_before;
                let mut show = |topic_name: Option<&str>| {
                    if *room == 0 {
                        num_without_room += 1;
                        return;
                    }
                    *room -= 1;
                    let standing = Standing::without_offsets(head, rebalancing_since_ns, topic_name);
                    views.push(standing.view(head, (cluster_name, name, topic_name.unwrap_or_default()), failure, now_ns));
                };
                for topic_name in head.members.iter().flat_map(GroupMembers::topics) {
                    let is_there = cluster.topics.get(topic_name).is_none_or(|topic| !topic.is_gone());
                    if is_there && !group.topics.contains_key(topic_name) {
                        is_shown = true;
                        show(Some(topic_name));
                    }
                }
                if !is_shown {
                    show(None);
                }
            }
            if num_without_room > 0 {
                *self.rows_left_out.entry(cluster.source).or_default() += num_without_room;
            }
        }
        views
    }

    /// How many rows of groups without offsets each source may have.
    fn room_without_offsets(&self) -> BTreeMap<SourceId, usize> {
        let mut needs: BTreeMap<SourceId, usize> = BTreeMap::new();
        for cluster in self.clusters.values() {
            let heads = cluster.groups.values().filter(|group| !group.is_gone()).filter_map(|group| group.head.get());
            let num_topics = |head: &GroupHead| head.members.as_ref().map_or(0, |members| members.topics().count());
            *needs.entry(cluster.source).or_default() += heads.filter(|head| head.is_listed_as_reader()).map(|head| num_topics(head).max(1)).sum::<usize>();
        }
        shared_out(&needs, MAX_GROUP_TOPICS)
    }

    /// Rows of groups without offsets that found no room when they were shown last, by source.
    pub(crate) fn rows_left_out(&self) -> &BTreeMap<SourceId, u64> {
        &self.rows_left_out
    }

    fn cluster(&mut self, cluster: &ClusterRef) -> &mut Cluster {
        let source = self.room.teller.0;
        self.clusters.entry(cluster.name.clone()).or_insert_with(|| Cluster { source, ..Cluster::default() })
    }

    fn topic(&mut self, cluster: &ClusterRef, name: &str) -> Option<&mut Topic> {
        if !self.cluster(cluster).topics.contains_key(name) && !self.take_room(Kept::Topic) {
            return None;
        }
        Some(self.cluster(cluster).topics.entry(name.to_owned()).or_default())
    }

    fn group(&mut self, cluster: &ClusterRef, name: &str) -> Option<&mut Group> {
        if !self.cluster(cluster).groups.contains_key(name) && !self.take_room(Kept::Group) {
            return None;
        }
        Some(self.cluster(cluster).groups.entry(name.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests;
