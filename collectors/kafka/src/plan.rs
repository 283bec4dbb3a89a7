//! Which partitions are tailed, from where, and why others are not.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;
use switchboard_model::{DeadLetterName, TailFrom, TailState, dead_letter_name, is_retry_name};

use crate::catalogue::{Catalogue, Partition, Topic, TopicId};
use crate::control::Wishes;

/// How far back a dead-letter channel is read at most, in records per partition.
pub(crate) const DEAD_LETTER_BACKLOG: i64 = 10_000;

/// Where the reading of a partition begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// First offset that is asked for.
    pub offset: i64,
    /// Offsets below this one are passed over.
    pub first_wanted: i64,
}

/// A partition by name.
pub(crate) type PartitionKey = (Arc<str>, i32);

/// What the tail is to read.
pub(crate) type TailPlan = BTreeMap<PartitionKey, Start>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Wished(TailFrom),
    DeadLetter,
    Retry,
    Seen,
}

/// Makes plans, and keeps where each partition began.
pub(crate) struct Planner {
    most_partitions: usize,
    starts: HashMap<(TopicId, i32), Start>,
    tailed: HashMap<TopicId, Reason>,
}

/// Offsets by time: asks the brokers, in one call, for the first offset at or after a time (ms) in these partitions.
pub(crate) type OffsetsAt<'a> = dyn FnMut(&str, &[i32], i64) -> HashMap<i32, i64> + 'a;

impl Planner {
    pub fn new(most_partitions: usize) -> Self {
        Self { most_partitions, starts: HashMap::new(), tailed: HashMap::new() }
    }

    /// A topic is gone: one that comes back under the name is another one.
    pub fn forget(&mut self, id: TopicId) {
        self.starts.retain(|(topic, _), _| *topic != id);
        self.tailed.remove(&id);
    }

    /// Decides anew. What is tailed stays tailed; then come wishes, dead-letter channels, retry channels and channels seen in spans, as long as
    /// there is room. A partition whose watermarks are not known yet waits for the next time.
    pub fn plan(&mut self, catalogue: &mut Catalogue, wishes: &Wishes, denied: &[Arc<str>], offsets_at: &mut OffsetsAt<'_>) -> TailPlan {
        let mut wanted: Vec<(bool, u8, Arc<str>, TopicId, Reason)> = Vec::new();
        let mut refused: Vec<(TopicId, String)> = Vec::new();
        for (id, topic) in catalogue.present() {
            match reason_for(topic, wishes) {
                Ok(_) if denied.contains(&topic.name) => refused.push((id, "the brokers do not allow this user to read it".to_owned())),
                Ok(reason) => {
                    let rank = match reason {
                        Reason::Wished(..) => 0,
                        Reason::DeadLetter => 1,
                        Reason::Retry | Reason::Seen => 2,
                    };
                    let is_tailed = self.tailed.contains_key(&id);
                    wanted.push((!is_tailed || rank == 0, rank, Arc::clone(&topic.name), id, reason));
                }
                Err(why) => refused.push((id, why)),
            }
        }
        // Wishes first, then what is tailed already, then by rank and name.
        wanted.sort_by(|a, b| (a.1 != 0, a.0, a.1, &a.2).cmp(&(b.1 != 0, b.0, b.1, &b.2)));
        let mut plan = TailPlan::new();
        let mut room = self.most_partitions;
        self.tailed.clear();
        for (.., id, reason) in wanted {
            let topic = catalogue.topic(id);
            if topic.partitions.len() > room {
                refused.push((id, format!("at most {} partitions are tailed", self.most_partitions)));
                continue;
            }
            room -= topic.partitions.len();
            self.tailed.insert(id, reason);
            self.add(&mut plan, id, topic, reason, offsets_at);
            catalogue.set_tail(id, TailState::Tailed);
        }
        for (id, why) in refused {
            catalogue.set_tail(id, TailState::NotTailed(why));
        }
        plan
    }

    fn add(&mut self, plan: &mut TailPlan, id: TopicId, topic: &Topic, reason: Reason, offsets_at: &mut OffsetsAt<'_>) {
        let mut by_time = HashMap::new();
        if let Reason::Wished(TailFrom::Time(time_ns)) = reason {
            let open: Vec<i32> = topic
                .partitions
                .iter()
                .filter(|p| p.leader.is_some() && p.high.is_some() && !self.starts.contains_key(&(id, p.partition)))
                .map(|p| p.partition)
                .collect();
            if !open.is_empty() {
                // A record of the same millisecond but earlier is better shown than one lost.
                by_time = offsets_at(&topic.name, &open, time_ns.div_euclid(1_000_000));
            }
        }
        for partition in &topic.partitions {
            let key = (id, partition.partition);
            let known = self.starts.get(&key).copied();
            let Some(start) = known.or_else(|| start_of(partition, reason, by_time.get(&partition.partition).copied())) else { continue };
            self.starts.insert(key, start);
            plan.insert((Arc::clone(&topic.name), partition.partition), start);
        }
    }
}

fn reason_for(topic: &Topic, wishes: &Wishes) -> Result<Reason, String> {
    let name = &*topic.name;
    if topic.is_internal() {
        return Err("a topic that the brokers keep for themselves".to_owned());
    }
    if let Some(from) = wishes.tails.get(name) {
        return Ok(Reason::Wished(*from));
    }
    if wishes.dead_letter.contains(name) || dead_letter_name(name) != DeadLetterName::No {
        return Ok(Reason::DeadLetter);
    }
    // What is sent again is followed there.
    if is_retry_name(name) {
        return Ok(Reason::Retry);
    }
    if wishes.seen.contains(name) {
        return Ok(Reason::Seen);
    }
    Err("no span named it and it is no dead-letter or retry channel".to_owned())
}

/// Where to begin; `None` = what it takes is not known yet.
fn start_of(partition: &Partition, reason: Reason, by_time: Option<i64>) -> Option<Start> {
    let (low, high) = (partition.low, partition.high?);
    let at = |offset: i64| Some(Start { offset, first_wanted: offset });
    let backlog = || at(low?.max(high - DEAD_LETTER_BACKLOG));
    match reason {
        // A partition that came while we watched has only records that are new.
        Reason::Wished(TailFrom::End) | Reason::Retry | Reason::Seen if partition.is_new => backlog(),
        Reason::Wished(TailFrom::End) | Reason::Retry | Reason::Seen => at(high),
        Reason::DeadLetter => backlog(),
        Reason::Wished(TailFrom::Beginning) => at(low?),
        Reason::Wished(TailFrom::Offset(offset)) => Some(Start { offset: offset.clamp(low?.min(high), high), first_wanted: offset.max(low?) }),
        Reason::Wished(TailFrom::Time(_)) => at(match by_time? {
            // No record is as late as that.
            offset if offset < 0 => high,
            offset => offset,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::ListedTopic;

    fn catalogue(topics: &[(&str, i32)]) -> Catalogue {
        let mut catalogue = Catalogue::default();
        catalogue.list(topics.iter().map(|(name, n)| ListedTopic { name, partitions: (0..*n).map(|p| (p, Some(1))).collect() }));
        for (name, n) in topics {
            for partition in 0..*n {
                catalogue.set_low(name, partition, Some(5));
                catalogue.set_high(name, partition, Some(20_005));
            }
        }
        catalogue
    }

    fn no_times(_: &str, _: &[i32], _: i64) -> HashMap<i32, i64> {
        HashMap::new()
    }

    fn start(plan: &TailPlan, topic: &str) -> Option<(i64, i64)> {
        plan.get(&(topic.into(), 0)).map(|start| (start.offset, start.first_wanted))
    }

    #[test]
    fn what_is_tailed_and_from_where() {
        let mut catalogue = catalogue(&[
            ("seen", 1),
            ("orders-dlt", 1),
            ("chosen-dead", 1),
            ("other", 1),
            ("__consumer_offsets", 1),
            ("from", 1),
            ("off", 1),
            ("dlq-lcc-8w3kq", 1),
            ("user_error", 1),
            ("orders-retry-0", 1),
        ]);
        let mut wishes = Wishes::default();
        wishes.seen.extend(["seen".to_owned(), "__consumer_offsets".to_owned()]);
        wishes.dead_letter.insert("chosen-dead".to_owned());
        wishes.tails.insert("from".to_owned(), TailFrom::Beginning);
        wishes.tails.insert("off".to_owned(), TailFrom::Offset(30_000));
        let plan = Planner::new(100).plan(&mut catalogue, &wishes, &[], &mut no_times);
        assert_eq!(start(&plan, "seen"), Some((20_005, 20_005)));
        assert_eq!(start(&plan, "orders-dlt"), Some((10_005, 10_005)));
        assert_eq!(start(&plan, "chosen-dead"), Some((10_005, 10_005)));
        assert_eq!(start(&plan, "dlq-lcc-8w3kq"), Some((10_005, 10_005)));
        assert_eq!(start(&plan, "user_error"), Some((10_005, 10_005)), "what its records are, their headers tell");
        assert_eq!(start(&plan, "orders-retry-0"), Some((20_005, 20_005)), "what waits to be tried again is seen as it comes");
        assert_eq!(start(&plan, "from"), Some((5, 5)));
        assert_eq!(start(&plan, "off"), Some((20_005, 30_000)));
        for (name, why) in [("other", "no span"), ("__consumer_offsets", "brokers keep")] {
            assert_eq!(start(&plan, name), None);
            assert!(matches!(&catalogue.find(name).expect("topic").tail, TailState::NotTailed(reason) if reason.contains(why)), "{name}");
        }
    }

    #[test]
    fn the_cap_keeps_what_is_tailed_and_says_what_is_not() {
        let mut catalogue = catalogue(&[("a", 4), ("b", 4), ("c-dlt", 4)]);
        let mut wishes = Wishes::default();
        wishes.seen.insert("b".to_owned());
        let mut planner = Planner::new(9);
        assert_eq!(planner.plan(&mut catalogue, &wishes, &[], &mut no_times).len(), 8);
        wishes.seen.insert("a".to_owned());
        let plan = planner.plan(&mut catalogue, &wishes, &[], &mut no_times);
        assert_eq!((plan.len(), start(&plan, "a")), (8, None));
        assert!(matches!(&catalogue.find("a").expect("a").tail, TailState::NotTailed(why) if why.contains("at most 9 partitions")));
        wishes.tails.insert("a".to_owned(), TailFrom::End);
        let plan = planner.plan(&mut catalogue, &wishes, &[], &mut no_times);
        assert!(start(&plan, "a").is_some() && plan.len() == 8);
    }

    #[test]
    fn starts_stay_and_unknown_waits() {
        let mut catalogue = catalogue(&[("a", 1), ("timed", 1), ("late", 1)]);
        let mut wishes = Wishes::default();
        wishes.seen.insert("a".to_owned());
        let mut planner = Planner::new(9);
        catalogue.set_high("a", 0, None);
        assert!(planner.plan(&mut catalogue, &wishes, &[], &mut no_times).is_empty());
        catalogue.set_high("a", 0, Some(7));
        assert_eq!(start(&planner.plan(&mut catalogue, &wishes, &[], &mut no_times), "a"), Some((7, 7)));
        catalogue.set_high("a", 0, Some(9));
        assert_eq!(start(&planner.plan(&mut catalogue, &wishes, &[], &mut no_times), "a"), Some((7, 7)));
        wishes.tails.insert("timed".to_owned(), TailFrom::Time(3_000_000));
        let mut times = |_: &str, _: &[i32], at: i64| HashMap::from([(0, at + 3)]);
        assert_eq!(start(&planner.plan(&mut catalogue, &wishes, &[], &mut times), "timed"), Some((6, 6)));
        wishes.tails.insert("late".to_owned(), TailFrom::Time(3_000_000));
        let mut too_late = |_: &str, _: &[i32], _: i64| HashMap::from([(0, -1)]);
        let plan = planner.plan(&mut catalogue, &wishes, &[], &mut too_late);
        assert_eq!((start(&plan, "late"), start(&plan, "timed"), start(&plan, "a")), (Some((20_005, 20_005)), Some((6, 6)), Some((7, 7))));
    }
}
