//! Who is in a group, and who of them reads what: kept once a group, whatever the number of its topics.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use switchboard_model::GroupMember;

use crate::view::MemberView;

#[derive(Clone, Debug, PartialEq)]
struct Member {
    member_id: Arc<str>,
    client_id: Arc<str>,
    host: Arc<str>,
}

/// Members by their place, and the partitions of a topic that each reads.
type Readers = Vec<(u32, Arc<[i32]>)>;

/// The members of a group, by client and id.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GroupMembers {
    all: Vec<Member>,
    /// Who reads which partitions, by topic.
    assigned: BTreeMap<String, Readers>,
}

impl GroupMembers {
    /// As the coordinator told.
    pub(crate) fn of(members: &[GroupMember]) -> Self {
        let mut sorted: Vec<&GroupMember> = members.iter().collect();
        sorted.sort_by(|left, right| (&left.client_id, &left.member_id, &left.host).cmp(&(&right.client_id, &right.member_id, &right.host)));
        let mut assigned: BTreeMap<String, Readers> = BTreeMap::new();
        // Most assignors give a member the same partitions of each topic.
        let mut lists: HashSet<Arc<[i32]>> = HashSet::new();
        for (at, member) in sorted.iter().enumerate() {
            let mut by_topic: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
            for (topic, partition) in &member.assignment {
                by_topic.entry(topic).or_default().push(*partition);
            }
            for (topic, mut partitions) in by_topic {
                partitions.sort_unstable();
                let list = match lists.get(partitions.as_slice()) {
                    Some(list) => Arc::clone(list),
                    None => partitions.into(),
                };
                lists.insert(Arc::clone(&list));
                let readers = match assigned.get_mut(topic) {
                    Some(readers) => readers,
                    None => assigned.entry(topic.to_owned()).or_default(),
                };
                readers.push((at as u32, list));
            }
        }
        assigned.values_mut().for_each(Vec::shrink_to_fit);
        let member = |member: &GroupMember| Member {
            member_id: member.member_id.as_str().into(),
            client_id: member.client_id.as_str().into(),
            host: member.host.as_str().into(),
        };
        Self { all: sorted.into_iter().map(member).collect(), assigned }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether anything is assigned; without any assignment the group is being rebalanced.
    pub(crate) fn is_assigned(&self) -> bool {
        !self.assigned.is_empty()
    }

    /// Topics of which members read partitions, by name.
    pub(crate) fn topics(&self) -> impl Iterator<Item = &str> {
        self.assigned.keys().map(String::as_str)
    }

    /// Which member, by its place, reads each partition of a topic.
    pub(crate) fn readers(&self, topic: &str) -> impl Iterator<Item = (u32, i32)> {
        self.assigned.get(topic).into_iter().flatten().flat_map(|(member, partitions)| partitions.iter().map(|partition| (*member, *partition)))
    }

    /// Whether any member reads a topic.
    pub(crate) fn reads(&self, topic: &str) -> bool {
        self.assigned.contains_key(topic)
    }

    /// The id of the member that reads a partition.
    pub(crate) fn reader_of(&self, topic: &str, partition: i32) -> Option<&str> {
        let (member, _) = self.assigned.get(topic)?.iter().find(|(_, partitions)| partitions.binary_search(&partition).is_ok())?;
        Some(&self.all.get(*member as usize)?.member_id)
    }

    /// All members, each with its partitions of a topic.
    pub(crate) fn views(&self, topic: &str) -> Vec<MemberView> {
        let readers = self.assigned.get(topic).map_or(&[][..], Vec::as_slice);
        let partitions = |at: usize| {
            let found = readers.binary_search_by_key(&(at as u32), |(member, _)| *member).ok();
            found.map_or_else(|| Arc::from([]), |found| Arc::clone(&readers[found].1))
        };
        let view = |(at, member): (usize, &Member)| MemberView {
            member_id: Arc::clone(&member.member_id),
            client_id: Arc::clone(&member.client_id),
            host: Arc::clone(&member.host),
            partitions: partitions(at),
        };
        self.all.iter().enumerate().map(view).collect()
    }
}
