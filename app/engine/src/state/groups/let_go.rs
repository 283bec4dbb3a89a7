//! What gives way where there is no room. A source's own give way only once they are gone: a broker tells of all that there are
//! again and again, and would else drive out its own.

use switchboard_model::SourceId;

use crate::source_shares::Shares;
use crate::state::groups::clusters::{Cluster, Group, Groups};
use crate::state::groups::room::Kept;
use crate::state::groups::topic::Topic;

/// How many are let go at once, for each time all are looked at.
const AT_ONCE: usize = 32;
/// Where nothing could go, it is looked again after this time, ns.
const AGAIN_AFTER_NS: i64 = 5_000_000_000;

impl Groups {
    /// Who tells what comes next, and when it arrived.
    pub(crate) fn set_teller(&mut self, source: SourceId, received_ns: i64) {
        self.room.teller = (source, received_ns);
    }

    /// What found no room: topics, groups, and what groups read.
    pub(crate) fn shares(&self) -> [&Shares; 3] {
        [&self.room.topics, &self.room.groups, &self.room.group_topics]
    }

    /// Takes room for one more, if there is some for whoever tells now; else that is counted.
    pub(super) fn take_room(&mut self, kept: Kept) -> bool {
        let (source, now_ns) = self.room.teller;
        let shares = self.room.shares(kept);
        if let Some(from) = shares.yields_to(source, kept.cap()) {
            let is_own = from == source;
            let spare = if is_own { AT_ONCE } else { shares.of(from).saturating_sub(shares.share(source, kept.cap())).clamp(1, AT_ONCE) };
            let is_looked_at = !is_own || self.room.full.get(&(source, kept)).is_none_or(|full_ns| now_ns.saturating_sub(*full_ns) >= AGAIN_AFTER_NS);
            if !is_looked_at || !self.let_go(kept, from, spare, is_own) {
                if is_looked_at {
                    self.room.full.insert((source, kept), now_ns);
                }
                self.room.shares(kept).leave_out(source, 1);
                return false;
            }
        }
        self.room.shares(kept).take(source);
        true
    }

    /// Lets go what is gone, and if a source holds another's share, what it told of longest ago; whether anything went.
    fn let_go(&mut self, kept: Kept, from: SourceId, most: usize, only_gone: bool) -> bool {
        let mut found: Vec<(bool, i64, &str, &str, &str)> = Vec::new();
        for (cluster_name, cluster) in self.clusters.iter().filter(|(_, cluster)| cluster.source == from) {
            match kept {
                Kept::Topic => {
                    found.extend(
                        cluster
                            .topics
                            .iter()
                            .map(|(name, topic)| (!topic.is_gone(), topic.latest.at_ns().unwrap_or(0), cluster_name.as_str(), "", name.as_str())),
                    );
                }
                Kept::Group => {
                    found.extend(
                        cluster
                            .groups
                            .iter()
                            .map(|(name, group)| (!group.is_gone(), group.head.at_ns().unwrap_or(0), cluster_name.as_str(), name.as_str(), "")),
                    );
                }
                Kept::GroupTopic => {
                    for (name, group) in &cluster.groups {
                        let of_group = group
                            .topics
                            .keys()
                            .map(|topic| (cluster.is_read(group, topic), read_ns(group, topic), cluster_name.as_str(), name.as_str(), topic.as_str()));
                        found.extend(of_group);
                    }
                }
            }
        }
        found.retain(|(is_there, ..)| !only_gone || !is_there);
        found.sort_unstable();
        found.truncate(most);
        let found: Vec<(bool, String, String, String)> =
            found.into_iter().map(|(is_there, _, cluster, group, topic)| (is_there, cluster.to_owned(), group.to_owned(), topic.to_owned())).collect();
        for (is_there, cluster_name, group, topic) in &found {
            let Some(cluster) = self.clusters.get_mut(cluster_name) else { continue };
            let num_read = match kept {
                Kept::Topic => {
                    cluster.topics.remove(topic);
                    cluster.groups.values_mut().filter_map(|group| group.topics.remove(topic)).count()
                }
                Kept::Group => cluster.groups.remove(group).map_or(0, |group| group.topics.len()),
                Kept::GroupTopic => usize::from(cluster.groups.get_mut(group).and_then(|group| group.topics.remove(topic)).is_some()),
            };
            (0..num_read).for_each(|_| self.room.group_topics.give_back(from));
            if kept != Kept::GroupTopic {
                self.room.shares(kept).give_back(from);
            }
            self.room.shares(kept).leave_out(from, u64::from(*is_there));
        }
        let topics = self.clusters.values().flat_map(|cluster| cluster.groups.values()).flat_map(|group| group.topics.values());
        self.num_partitions = topics.map(|on_topic| on_topic.partitions.len()).sum();
        !found.is_empty()
    }
}

fn read_ns(group: &Group, topic: &str) -> i64 {
    group.topics.get(topic).and_then(|on_topic| on_topic.reading).map_or(0, |(read_ns, _)| read_ns)
}

impl Cluster {
    /// Whether the newest reading of a group tells of a topic that is there.
    fn is_read(&self, group: &Group, topic: &str) -> bool {
        let read_ns = read_ns(group, topic);
        let is_of_now = |topic: &Topic| !topic.is_gone() && read_ns >= topic.began_ns();
        !group.is_gone() && Some(read_ns) >= group.read_whole_ns && self.topics.get(topic).is_some_and(is_of_now)
    }
}
