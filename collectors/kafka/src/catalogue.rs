//! The topics of a cluster as metadata and watermarks say, and what of it was told.

use std::sync::Arc;

use hashbrown::HashMap;
use switchboard_model::{ClusterRef, Fact, PartitionFact, TailState, TopicFact};

/// A topic's number in the catalogue; stays its own as long as the collector runs.
pub(crate) type TopicId = u32;

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    pub partition: i32,
    pub leader: Option<i32>,
    pub low: Option<i64>,
    pub high: Option<i64>,
    /// It came after the first look at the cluster: all its records are new.
    pub is_new: bool,
}

/// A topic.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    pub name: Arc<str>,
    /// Whether the newest metadata names it.
    pub is_there: bool,
    /// In the order of their numbers.
    pub partitions: Vec<Partition>,
    /// Whether its records are read.
    pub tail: TailState,
    /// As the brokers last told it.
    topic_id: Option<String>,
    made_again_ns: Option<i64>,
    /// It was there, went, and came back: its id says whether it is the same one.
    is_back: bool,
    told: Option<TopicFact>,
}

impl Topic {
    /// Topics the brokers keep for themselves.
    pub fn is_internal(&self) -> bool {
        self.name.starts_with("__")
    }

    /// A partition by its number.
    pub fn partition(&self, partition: i32) -> Option<&Partition> {
        self.partitions.get(find(&self.partitions, partition)?)
    }

    fn partition_mut(&mut self, partition: i32) -> Option<&mut Partition> {
        let at = find(&self.partitions, partition)?;
        self.partitions.get_mut(at)
    }
}

/// Where a partition stands among those of its topic: most are numbered from 0 on, but a broker may number them as it likes.
fn find(partitions: &[Partition], partition: i32) -> Option<usize> {
    match usize::try_from(partition) {
        Ok(at) if partitions.get(at).is_some_and(|found| found.partition == partition) => Some(at),
        _ => partitions.binary_search_by_key(&partition, |found| found.partition).ok(),
    }
}

/// A topic as metadata tell it: name, and number and leader of each partition.
pub(crate) struct ListedTopic<'a> {
    pub name: &'a str,
    pub partitions: Vec<(i32, Option<i32>)>,
}

/// Topics that are ever met at most: their numbers are not given twice, and a broker may name new ones as long as it runs.
const MOST_TOPICS: usize = 100_000;

/// All topics met so far.
#[derive(Default)]
pub(crate) struct Catalogue {
    topics: Vec<Topic>,
    /// Topics of the newest metadata that found no room.
    pub num_left_out: usize,
    by_name: HashMap<Arc<str>, TopicId>,
    was_listed: bool,
}

impl Catalogue {
    /// Takes in what metadata list, and says which topics are there no more.
    pub fn list<'a>(&mut self, listed: impl Iterator<Item = ListedTopic<'a>>) -> Vec<TopicId> {
        let mut is_there = vec![false; self.topics.len()];
        let first_look = !self.was_listed;
        self.num_left_out = 0;
        for mut topic in listed {
            topic.partitions.sort_unstable();
            let Some(id) = self.id(topic.name) else {
                self.num_left_out += 1;
                continue;
            };
            if let Some(there) = is_there.get_mut(id as usize) {
                *there = true;
            }
            let known = &mut self.topics[id as usize];
            let was_there = std::mem::replace(&mut known.is_there, true);
            let before = std::mem::take(&mut known.partitions);
            known.partitions = topic
                .partitions
                .into_iter()
                .map(|(partition, leader)| match find(&before, partition).filter(|_| was_there) {
                    Some(at) => Partition { leader, ..before[at].clone() },
                    None => Partition { partition, leader, low: None, high: None, is_new: !first_look },
                })
                .collect();
        }
        self.was_listed = true;
        let mut gone = Vec::new();
        for (id, there) in is_there.into_iter().enumerate() {
            let topic = &mut self.topics[id];
            if topic.is_there && !there {
                topic.is_there = false;
                topic.partitions.clear();
                topic.told = None;
                topic.is_back = true;
                gone.push(id as TopicId);
            }
        }
        gone
    }

    /// The number of a topic, given to it now if it is new and there is room.
    pub fn id(&mut self, name: &str) -> Option<TopicId> {
        if let Some(id) = self.by_name.get(name) {
            return Some(*id);
        }
        if self.topics.len() >= MOST_TOPICS {
            return None;
        }
        let id = self.topics.len() as TopicId;
        let name: Arc<str> = name.into();
        self.by_name.insert(Arc::clone(&name), id);
        self.topics.push(Topic {
            name,
            is_there: false,
            partitions: Vec::new(),
            tail: TailState::NotTailed(String::new()),
            topic_id: None,
            made_again_ns: None,
            is_back: false,
            told: None,
        });
        Some(id)
    }

    /// Whether the newest metadata name a topic.
    pub fn is_there(&self, name: &str) -> bool {
        self.by_name.get(name).is_some_and(|id| self.topics[*id as usize].is_there)
    }

    #[cfg(test)]
    pub fn find(&self, name: &str) -> Option<&Topic> {
        self.by_name.get(name).map(|id| &self.topics[*id as usize])
    }

    pub fn topic(&self, id: TopicId) -> &Topic {
        &self.topics[id as usize]
    }

    pub fn set_tail(&mut self, id: TopicId, tail: TailState) {
        self.topics[id as usize].tail = tail;
    }

    /// Topics that are there, with their numbers.
    pub fn present(&self) -> impl Iterator<Item = (TopicId, &Topic)> {
        self.topics.iter().enumerate().filter(|(_, topic)| topic.is_there).map(|(id, topic)| (id as TopicId, topic))
    }

    /// Partitions that have a leader: topic, partition.
    pub fn led_partitions(&self) -> impl Iterator<Item = (&str, i32)> {
        self.present().flat_map(|(_, topic)| topic.partitions.iter().filter(|p| p.leader.is_some()).map(|p| (&*topic.name, p.partition)))
    }

    /// Writes a high watermark down; `None` = unknown.
    pub fn set_high(&mut self, topic: &str, partition: i32, high: Option<i64>) {
        if let Some(found) = self.partition_mut(topic, partition) {
            found.high = high;
        }
    }

    /// Writes a low watermark down; `None` = unknown.
    pub fn set_low(&mut self, topic: &str, partition: i32, low: Option<i64>) {
        if let Some(found) = self.partition_mut(topic, partition) {
            found.low = low;
        }
    }

    fn partition_mut(&mut self, topic: &str, partition: i32) -> Option<&mut Partition> {
        let id = *self.by_name.get(topic)?;
        self.topics[id as usize].partition_mut(partition)
    }

    /// Topics whose id is asked for now: all of them, or those whose id says whether they are what they were.
    pub fn asked_for_ids(&self, all: bool) -> Vec<Arc<str>> {
        self.present().filter(|(_, topic)| all || topic.is_back || topic.topic_id.is_none()).map(|(_, topic)| Arc::clone(&topic.name)).collect()
    }

    /// Takes the ids of topics in, and says which of them are others than before under the same name. `None` = the brokers tell no ids:
    /// then a topic that came back is taken for another one.
    pub fn identify(&mut self, ids: Option<&HashMap<String, String>>, now_ns: i64) -> Vec<TopicId> {
        let mut made_again = Vec::new();
        for (at, topic) in self.topics.iter_mut().enumerate().filter(|(_, topic)| topic.is_there) {
            let new_id = ids.and_then(|ids| ids.get(&*topic.name));
            let is_other = match (new_id, &topic.topic_id) {
                (Some(new), Some(known)) => new != known,
                // Its id was not told this time; it is asked for again.
                (None, Some(_)) => continue,
                _ => topic.is_back,
            };
            topic.is_back = false;
            if let Some(new_id) = new_id {
                topic.topic_id = Some(new_id.clone());
            }
            if is_other {
                topic.made_again_ns = Some(now_ns);
                for partition in &mut topic.partitions {
                    (partition.low, partition.high, partition.is_new) = (None, None, true);
                }
                made_again.push(at as TopicId);
            }
        }
        made_again
    }

    /// Forgets all high watermarks: they are about to be read anew, and what is not read is unknown.
    pub fn forget_highs(&mut self) {
        for partition in self.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
            partition.high = None;
        }
    }

    /// Forgets what a cluster that does not answer cannot vouch for: leaders and watermarks.
    pub fn forget_all(&mut self) {
        for partition in self.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
            (partition.leader, partition.low, partition.high) = (None, None, None);
        }
    }

    /// The facts of topics that changed since they were told.
    pub fn untold(&self, cluster: &ClusterRef) -> Vec<(TopicId, TopicFact)> {
        self.present()
            .filter_map(|(id, topic)| {
                let fact = TopicFact {
                    cluster: cluster.clone(),
                    topic: topic.name.to_string(),
                    partitions: topic.partitions.iter().map(|p| PartitionFact { partition: p.partition, leader: p.leader, low: p.low, high: p.high }).collect(),
                    tail: topic.tail.clone(),
                    topic_id: topic.topic_id.clone(),
                    made_again_ns: topic.made_again_ns,
                };
                (topic.told.as_ref() != Some(&fact)).then_some((id, fact))
            })
            .collect()
    }

    /// Takes note that a topic's fact reached the sink.
    pub fn told(&mut self, id: TopicId, fact: TopicFact) {
        self.topics[id as usize].told = Some(fact);
    }

    /// All is to be told again.
    pub fn tell_again(&mut self) {
        for topic in &mut self.topics {
            topic.told = None;
        }
    }

    /// That a topic is gone, as a fact.
    pub fn gone_fact(&self, id: TopicId, cluster: &ClusterRef) -> Fact {
        Fact::TopicGone { cluster: cluster.clone(), topic: self.topic(id).name.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str, num_partitions: i32) -> ListedTopic<'_> {
        ListedTopic { name, partitions: (0..num_partitions).map(|p| (p, Some(1))).collect() }
    }

    #[test]
    fn topics_come_grow_and_go() {
        let mut catalogue = Catalogue::default();
        assert!(catalogue.list([listed("a", 1), listed("b", 2)].into_iter()).is_empty());
        catalogue.set_high("b", 1, Some(7));
        assert_eq!(catalogue.untold(&ClusterRef::default()).len(), 2);
        for (id, fact) in catalogue.untold(&ClusterRef::default()) {
            catalogue.told(id, fact);
        }
        assert!(catalogue.untold(&ClusterRef::default()).is_empty());
        let gone = catalogue.list([listed("b", 3), listed("c", 1)].into_iter());
        assert_eq!(gone, [0]);
        let b = catalogue.find("b").expect("b");
        assert_eq!(b.partitions.iter().map(|p| (p.high, p.is_new)).collect::<Vec<_>>(), [(None, false), (Some(7), false), (None, true)]);
        assert!(catalogue.find("c").expect("c").partitions[0].is_new);
        let told: Vec<String> = catalogue.untold(&ClusterRef::default()).into_iter().map(|(_, fact)| fact.topic).collect();
        assert_eq!(told, ["b", "c"]);
    }

    #[test]
    fn partitions_are_found_however_a_broker_numbers_them() {
        let sparse = || ListedTopic { name: "a", partitions: [7, -3, 0, 900].map(|p| (p, Some(1))).to_vec() };
        let mut catalogue = Catalogue::default();
        catalogue.list([sparse()].into_iter());
        for partition in [7, -3, 0, 900, 1] {
            catalogue.set_high("a", partition, Some(i64::from(partition) + 10));
        }
        catalogue.list([sparse()].into_iter());
        let a = catalogue.find("a").expect("a");
        assert_eq!(a.partitions.iter().map(|p| (p.partition, p.high)).collect::<Vec<_>>(), [(-3, Some(7)), (0, Some(10)), (7, Some(17)), (900, Some(910))]);
        assert!(a.partition(1).is_none() && a.partition(900).is_some());
    }

    #[test]
    fn names_without_end_find_no_room_and_are_counted() {
        let mut catalogue = Catalogue::default();
        for round in 0..3 {
            let names: Vec<String> = (0..40_000).map(|number| format!("{round}-{number}")).collect();
            catalogue.list(names.iter().map(|name| listed(name, 1)).chain([listed("orders", 1)]));
        }
        assert_eq!((catalogue.topics.len(), catalogue.num_left_out), (MOST_TOPICS, 20_001));
        assert!(catalogue.find("orders").expect("it was there before").is_there);
        assert_eq!(catalogue.id("another"), None);
        catalogue.list([listed("orders", 1)].into_iter());
        assert_eq!(catalogue.num_left_out, 0);
    }

    #[test]
    fn a_topic_that_comes_back_is_a_new_one() {
        let mut catalogue = Catalogue::default();
        catalogue.list([listed("a", 1)].into_iter());
        catalogue.set_high("a", 0, Some(9));
        assert_eq!(catalogue.list(std::iter::empty()), [0]);
        assert_eq!(catalogue.list([listed("a", 1)].into_iter()), [] as [TopicId; 0]);
        let partition = &catalogue.find("a").expect("a").partitions[0];
        assert_eq!((partition.high, partition.is_new), (None, true));
        assert_eq!(catalogue.asked_for_ids(false).len(), 1);
        assert_eq!((catalogue.identify(None, 5), catalogue.untold(&ClusterRef::default())[0].1.made_again_ns), (vec![0], Some(5)));
        assert_eq!(catalogue.identify(None, 6), [] as [TopicId; 0]);
    }

    #[test]
    fn an_id_says_whether_a_topic_is_the_same() {
        let id = |id: &str| HashMap::from([("a".to_owned(), id.to_owned())]);
        let mut catalogue = Catalogue::default();
        catalogue.list([listed("a", 1)].into_iter());
        assert_eq!(catalogue.identify(Some(&id("x")), 1), [] as [TopicId; 0]);
        // Gone for a while, as when its brokers were: the same one.
        catalogue.list(std::iter::empty());
        catalogue.list([listed("a", 1)].into_iter());
        assert_eq!(catalogue.identify(Some(&id("x")), 2), [] as [TopicId; 0]);
        // The same, while ids cannot be read: it is asked for again, and nothing is said meanwhile.
        catalogue.list(std::iter::empty());
        catalogue.list([listed("a", 1)].into_iter());
        assert_eq!((catalogue.identify(None, 2), catalogue.asked_for_ids(false).len()), (vec![], 1));
        assert_eq!(catalogue.identify(Some(&id("x")), 2), [] as [TopicId; 0]);
        // Made again between two looks.
        catalogue.set_high("a", 0, Some(9));
        assert_eq!(catalogue.identify(Some(&id("y")), 3), [0]);
        let fact = catalogue.untold(&ClusterRef::default()).remove(0).1;
        assert_eq!((fact.topic_id.as_deref(), fact.made_again_ns, fact.partitions[0].high), (Some("y"), Some(3), None));
        assert!(catalogue.find("a").expect("a").partitions[0].is_new);
    }
}
