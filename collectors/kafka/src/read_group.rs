//! One group as it was read: where it stands in each partition, and the fact that follows once end offsets are known.

use hashbrown::{HashMap, HashSet};
use switchboard_model::{ClusterRef, GroupFact, GroupKind, GroupMember, GroupOffset, OpenTransaction};

use crate::asking::CommittedOffset;
use crate::catalogue::{Catalogue, TopicId};
use crate::failure::{CallError, Code};
use crate::native;

/// One group read in this turn, before end offsets are known.
pub(crate) struct ReadGroup {
    pub group: String,
    pub kind: Option<GroupKind>,
    pub state: Option<String>,
    pub members: Option<Vec<GroupMember>>,
    pub members_reason: Option<String>,
    pub committed: Vec<Committed>,
    pub read_ns: i64,
    pub errors: Vec<String>,
}

/// What is known of a partition besides its ends, for those groups that are behind in it.
#[derive(Default)]
pub(crate) struct Ahead {
    /// Last stable offsets.
    pub stable: HashMap<(TopicId, i32), i64>,
    /// What holds them back.
    pub transactions: HashMap<(TopicId, i32), OpenTransaction>,
    /// Records that can be read from an offset to the end, by topic, partition and offset.
    pub readable: HashMap<(TopicId, i32, i64), u64>,
}

/// What is known of a group on a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Committed {
    pub topic: TopicId,
    pub partition: i32,
    pub offset: Option<i64>,
    /// Records that wait, where the coordinator counts them.
    pub waiting: Option<u64>,
}

impl Committed {
    pub fn unknown(topic: TopicId, partition: i32) -> Self {
        Self { topic, partition, offset: None, waiting: None }
    }

    pub fn key(&self) -> (TopicId, i32) {
        (self.topic, self.partition)
    }
}

/// What a coordinator answered, partition by partition, in their order.
#[derive(Default)]
pub(crate) struct Answers {
    pub committed: Vec<Committed>,
    /// How many could not be read, and why the last of them.
    pub unknown: Option<(usize, Code)>,
}

impl Answers {
    /// Takes an answer in. An error if none of the partitions that were asked for by name can be told.
    pub fn of(answer: Vec<CommittedOffset>, by_name: bool, catalogue: &mut Catalogue) -> Result<Self, CallError> {
        let mut answers = Self::default();
        for committed in answer {
            let Some(topic) = catalogue.id(&committed.topic) else { continue };
            let offset = committed.offset.unwrap_or_else(|code| {
                answers.unknown = Some((answers.unknown.map_or(0, |(num, _)| num) + 1, code));
                None
            });
            answers.committed.push(Committed { topic, partition: committed.partition, offset, waiting: committed.waiting });
        }
        if by_name {
            if let Some((num, code)) = answers.unknown
                && num == answers.committed.len()
            {
                return Err(CallError { code, text: native::code_text(code) });
            }
            // A topic without any commit of this group has nothing to do with it.
            let with_commit: HashSet<TopicId> = answers.committed.iter().filter(|c| c.offset.is_some()).map(|c| c.topic).collect();
            answers.committed.retain(|c| with_commit.contains(&c.topic));
        }
        answers.committed.sort_unstable_by_key(Committed::key);
        Ok(answers)
    }
}

impl ReadGroup {
    /// Adds partitions that are assigned to a member and have no commit.
    pub fn add_assigned(&mut self, catalogue: &mut Catalogue) {
        let num_committed = self.committed.len();
        for (topic, partition) in self.members.iter().flatten().flat_map(|member| &member.assignment) {
            let Some(topic) = catalogue.id(topic) else { continue };
            let key = (topic, *partition);
            if self.committed[..num_committed].binary_search_by_key(&key, Committed::key).is_err() {
                self.committed.push(Committed::unknown(key.0, key.1));
            }
        }
        self.committed.sort_unstable_by_key(Committed::key);
        self.committed.dedup_by_key(|c| c.key());
    }

    /// Partitions whose end offsets are to be read now.
    pub fn partitions(&self) -> impl Iterator<Item = (TopicId, i32)> {
        self.committed.iter().map(Committed::key)
    }

    /// Where it stands in partitions that have more: topic, partition, committed, end.
    pub fn behind(&self, catalogue: &Catalogue) -> impl Iterator<Item = (TopicId, i32, i64, i64)> {
        self.committed.iter().filter_map(|c| {
            let (committed, end) = (c.offset?, catalogue.topic(c.topic).partition(c.partition)?.high?);
            (committed < end).then_some((c.topic, c.partition, committed, end))
        })
    }

    /// The fact, once end offsets were read after the committed ones.
    pub fn into_fact(mut self, catalogue: &Catalogue, ahead: &Ahead, cluster: &ClusterRef) -> GroupFact {
        let mut num_unknown_ends = 0;
        let offsets = self
            .committed
            .into_iter()
            .map(|Committed { topic: id, partition, offset: committed, waiting }| {
                let topic = catalogue.topic(id);
                let found = topic.partition(partition);
                let end = found.and_then(|p| p.high);
                num_unknown_ends += usize::from(end.is_none());
                let last_stable = end.and_then(|end| ahead.stable.get(&(id, partition)).map(|stable| (*stable).min(end)));
                // Nothing can wait for who has read all there is.
                let is_done = committed.is_some_and(|committed| end.is_some_and(|end| committed >= end));
                let counted = committed.and_then(|committed| ahead.readable.get(&(id, partition, committed)).copied());
                GroupOffset {
                    topic: topic.name.to_string(),
                    partition,
                    committed,
                    end,
                    low: found.and_then(|p| p.low),
                    last_stable,
                    readable_behind: waiting.or(if is_done { Some(0) } else { counted }),
                    open_transaction: ahead.transactions.get(&(id, partition)).filter(|_| last_stable.is_some_and(|stable| end > Some(stable))).cloned(),
                }
            })
            .collect();
        if num_unknown_ends > 0 {
            self.errors.push(format!("{num_unknown_ends} end offsets are unknown"));
        }
        GroupFact {
            cluster: cluster.clone(),
            group: self.group,
            kind: self.kind,
            state: self.state,
            members: self.members,
            members_reason: self.members_reason,
            offsets,
            read_ns: self.read_ns,
            error: (!self.errors.is_empty()).then(|| self.errors.join("; ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_told_by_committed_and_end_and_unknown_stays_unknown() {
        let mut catalogue = Catalogue::default();
        catalogue.list(std::iter::once(crate::catalogue::ListedTopic { name: "t", partitions: vec![(0, Some(1)), (1, Some(1)), (2, None)] }));
        catalogue.set_high("t", 0, Some(10));
        catalogue.set_high("t", 1, Some(20));
        catalogue.set_low("t", 0, Some(2));
        let id = catalogue.id("t").expect("room");
        let member = |assignment| GroupMember { member_id: "m".into(), client_id: "c".into(), host: "/h".into(), assignment };
        let mut read = ReadGroup {
            group: "g".to_owned(),
            kind: Some(GroupKind::Classic),
            state: Some("Stable".to_owned()),
            members: Some(vec![member(vec![("t".to_owned(), 1), ("t".to_owned(), 0), ("t".to_owned(), 2)])]),
            members_reason: None,
            committed: vec![Committed { topic: id, partition: 0, offset: Some(4), waiting: None }],
            read_ns: 1,
            errors: vec![],
        };
        read.add_assigned(&mut catalogue);
        let mut ahead = Ahead::default();
        assert_eq!(read.behind(&catalogue).collect::<Vec<_>>(), [(id, 0, 4, 10)]);
        ahead.stable.insert((id, 0), 6);
        let open = OpenTransaction { transactional_id: Some("tx".to_owned()), since_ns: Some(1), first_offset: Some(6), ..OpenTransaction::default() };
        ahead.transactions.insert((id, 0), open.clone());
        ahead.readable.insert((id, 0, 4), 2);
        let fact = read.into_fact(&catalogue, &ahead, &ClusterRef::default());
        assert_eq!((fact.offsets[0].last_stable, fact.offsets[0].readable_behind, &fact.offsets[0].open_transaction), (Some(6), Some(2), &Some(open)));
        let offsets: Vec<_> = fact.offsets.iter().map(|o| (o.partition, o.committed, o.end, o.low)).collect();
        assert_eq!(offsets, [(0, Some(4), Some(10), Some(2)), (1, None, Some(20), None), (2, None, None, None)]);
        assert_eq!(fact.error.as_deref(), Some("1 end offsets are unknown"));
    }
}
