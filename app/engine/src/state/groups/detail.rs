//! One group on one topic, in all detail.

use std::collections::BTreeMap;

use crate::state::groups::clusters::{Cluster, Group, Groups};
use crate::state::groups::group_topic::GroupTopic;
use crate::state::groups::standing::Standing;
use crate::state::groups::topic::Topic;
use crate::state::groups::waiting::Part;
use crate::state::sources::Sources;
use crate::view::{GroupDetail, LagPoint, LagVerdict, PartitionLag};

impl Groups {
    /// A group on a topic; `cluster` is the name of the source that reads it, `None` the first that tells of both.
    pub(crate) fn detail(&mut self, (cluster, group, topic): (Option<&str>, &str, &str), now_ns: i64, sources: &Sources) -> Option<GroupDetail> {
        let mut clusters = self.clusters.iter_mut().filter(|(name, _)| cluster.is_none_or(|cluster| cluster == name.as_str()));
        clusters.find_map(|(name, known)| known.detail((name, group, topic), now_ns, sources))
    }
}

impl Cluster {
    fn detail(&mut self, names: (&str, &str, &str), now_ns: i64, sources: &Sources) -> Option<GroupDetail> {
        let (cluster_name, group_name, topic_name) = names;
        let topic = self.topics.get(topic_name).filter(|topic| !topic.is_gone())?;
        let others = others(&self.groups, group_name, topic_name);
        let group = self.groups.get_mut(group_name)?;
        let head = group.head.get()?;
        if group.gone_ns > Some(head.read_ns) {
            return None;
        }
        let on_topic = group.topics.get_mut(topic_name)?;
        let (read_ns, _) = on_topic.reading?;
        if read_ns < topic.began_ns() || Some(read_ns) < group.read_whole_ns {
            return None;
        }
        let standing = match on_topic.standing.take() {
            Some(standing) => standing,
            None => Box::new(Standing::of(head, group.states.rebalancing_since_ns(), topic_name, on_topic, topic)),
        };
        let view = standing.view(head, names, sources.failure(cluster_name), now_ns);
        let verdicts = standing.of_parts(head, group.states.rebalancing_since_ns(), (topic_name, on_topic, topic), view.verdict);
        on_topic.standing = Some(standing);
        let owner = |partition: i32| head.members.as_ref().and_then(|members| members.reader_of(topic_name, partition)).map(str::to_owned);
        Some(GroupDetail { view, partitions: partitions(on_topic, topic, (owner, &verdicts)), history: history(on_topic, topic), others })
    }
}

fn others(groups: &BTreeMap<String, Group>, but: &str, topic: &str) -> Vec<String> {
    let reads = |group: &Group| {
        let is_gone = group.head.get().is_none_or(|head| group.gone_ns > Some(head.read_ns));
        let on_topic = group.topics.get(topic).is_some_and(|on_topic| on_topic.partitions.iter().any(|known| known.committed().is_some()));
        let is_assigned = || group.head.get().and_then(|head| head.members.as_ref()).is_some_and(|members| members.reads(topic));
        !is_gone && (on_topic || is_assigned())
    };
    groups.iter().filter(|(name, group)| *name != but && reads(group)).map(|(name, _)| name.clone()).collect()
}

fn partitions(on_topic: &GroupTopic, topic: &Topic, (owner, verdicts): (impl Fn(i32) -> Option<String>, &[LagVerdict])) -> Vec<PartitionLag> {
    let partition = |(part, verdict): (Part<'_>, &LagVerdict)| PartitionLag {
        verdict: *verdict,
        partition: part.known.partition,
        low: part.low,
        end: part.known.end(),
        committed: part.known.committed(),
        lag: part.lag(),
        member_id: owner(part.known.partition),
        committed_ns: part.known.moved_ns(),
    };
    on_topic.parts(topic).zip(verdicts).map(partition).collect()
}

fn history(on_topic: &GroupTopic, topic: &Topic) -> Vec<LagPoint> {
    let point = |sample: &crate::state::groups::lag::Sample| LagPoint {
        at_ns: sample.read_ns,
        lag: Some(sample.lag),
        committed: u64::try_from(sample.committed).ok(),
        end: u64::try_from(sample.end).ok(),
    };
    on_topic.samples.since(topic.began_ns()).iter().map(point).collect()
}
