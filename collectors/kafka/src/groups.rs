//! Consumer groups: which there are, and where each stands. Committed offsets are read before end offsets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::{HashMap, HashSet};
use rdkafka::consumer::Consumer as _;
use switchboard_model::{ClusterRef, GroupFact, GroupMember, GroupOffset, OWN_USER_AGENT};

use crate::admin::{self, GroupDescription, PartitionAt, Patience};
use crate::catalogue::{Catalogue, TopicId};
use crate::client::Consumer;
use crate::failure::{CallError, Code};
use crate::tail::now_ns;

/// Groups followed where the brokers list them.
const MOST_LISTED: usize = 5_000;
/// Groups of one turn: described in one call, then read, then followed by one reading of end offsets.
const MOST_IN_TURN: usize = 25;
/// Committed offsets held in memory before end offsets are read.
const MOST_OFFSETS_IN_TURN: usize = 100_000;
/// Partitions asked for where the coordinator has to be told which.
const MOST_ASKED_BY_NAME: usize = 20_000;
/// A group with so many partitions is asked for those it is known to have. The library needs as many steps for an answer to "all"
/// as the square of their number.
const LARGE: usize = 2_000;
/// How often a large group is asked for all nevertheless, one such group a round.
const READ_WHOLE_EVERY: Duration = Duration::from_mins(5);
/// Calls that may time out in one round; the rest of the groups waits for the next one.
const MOST_TIMEOUTS: usize = 2;

/// What the brokers said when asked for all groups.
#[derive(Clone, Debug)]
pub(crate) enum Listing {
    /// Not asked yet.
    Unasked,
    /// They list them; `is_partial` = some brokers did not answer.
    Works { is_partial: bool },
    /// They cannot.
    Unsupported,
    /// They may not, for this user.
    Refused(String),
    /// They did not answer.
    Failed(CallError),
}

impl Listing {
    fn of(answer: Result<admin::GroupListing, CallError>) -> (Self, Vec<String>) {
        let listing = match answer {
            Err(error) if error.code == Code::UNSUPPORTED_FEATURE => return (Self::Unsupported, Vec::new()),
            Err(error) if error.code.is_refused() => return (Self::Refused(error.text), Vec::new()),
            Err(error) => return (Self::Failed(error), Vec::new()),
            Ok(listing) => listing,
        };
        if listing.groups.is_empty() {
            if listing.errors.iter().any(|error| error.code == Code::UNSUPPORTED_FEATURE) {
                return (Self::Unsupported, Vec::new());
            }
            if let Some(error) = listing.errors.iter().find(|error| error.code.is_refused()) {
                return (Self::Refused(error.text.clone()), Vec::new());
            }
            if let Some(error) = listing.errors.first() {
                return (Self::Failed(error.clone()), Vec::new());
            }
        }
        (Self::Works { is_partial: !listing.errors.is_empty() }, listing.groups)
    }

    /// Why members are unknown; `None` = they are asked for.
    fn members_reason(&self) -> Option<String> {
        match self {
            Self::Works { .. } | Self::Unasked => None,
            Self::Unsupported => Some("the brokers do not offer listing of groups; followed by committed offsets".to_owned()),
            Self::Refused(why) => Some(format!("listing of groups is refused ({why}); followed by committed offsets")),
            Self::Failed(error) => Some(format!("groups could not be listed: {error}")),
        }
    }
}

/// A group as it is known between rounds.
#[derive(Clone, Debug, Default)]
struct KnownGroup {
    /// Partitions with a commit or an assignment when it was last read.
    partitions: Vec<(TopicId, i32)>,
    is_listed: bool,
    was_told: bool,
    /// Its coordinator answered nothing to "all partitions": it is asked by name.
    is_asked_by_name: bool,
    /// When its coordinator was last asked for all it has.
    read_whole: Option<Instant>,
}

/// One group read in this turn, before end offsets are known.
pub(crate) struct ReadGroup {
    pub group: String,
    state: Option<String>,
    members: Option<Vec<GroupMember>>,
    members_reason: Option<String>,
    /// Topic, partition, committed.
    committed: Vec<(TopicId, i32, Option<i64>)>,
    read_ns: i64,
    errors: Vec<String>,
}

/// What happened to the groups in a round.
#[derive(Clone, Debug, Default)]
pub(crate) struct RoundReport {
    /// Groups whose offsets could not be read, and why the first of them.
    pub failed: Vec<(String, CallError)>,
    /// Names beyond what is followed by offsets alone.
    pub left_out: Vec<String>,
    /// Calls that timed out.
    pub num_timeouts: usize,
    /// Whether a large group was asked for all it has.
    read_a_large_one: bool,
}

/// All groups, and whose turn it is.
pub(crate) struct Groups {
    most_by_offsets: usize,
    known: HashMap<String, KnownGroup>,
    order: Vec<String>,
    next: usize,
    pub listing: Listing,
    pub report: RoundReport,
}

impl Groups {
    pub fn new(most_by_offsets: usize) -> Self {
        Self { most_by_offsets, known: HashMap::new(), order: Vec::new(), next: 0, listing: Listing::Unasked, report: RoundReport::default() }
    }

    /// How many groups are followed.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Asks which groups there are and takes in what was wished for. Returns those that are there no more.
    pub fn list(&mut self, consumer: &Consumer, wished: &[String], patience: &Patience<'_>) -> Vec<String> {
        let (listing, mut listed) = Listing::of(admin::list_groups(consumer.client(), patience));
        self.listing = listing;
        self.report = RoundReport::default();
        if matches!(self.listing, Listing::Failed(_)) {
            return Vec::new();
        }
        listed.retain(|group| !is_own(group));
        listed.sort();
        listed.truncate(MOST_LISTED);
        let is_listed: HashSet<&str> = listed.iter().map(String::as_str).collect();
        let works = matches!(self.listing, Listing::Works { .. });
        let mut followed: Vec<String> = listed.clone();
        for group in wished.iter().filter(|group| !is_own(group) && !is_listed.contains(group.as_str())) {
            if works || followed.len() < self.most_by_offsets {
                followed.push(group.clone());
            } else {
                self.report.left_out.push(group.clone());
            }
        }
        let is_partial = matches!(self.listing, Listing::Works { is_partial: true });
        let mut gone = Vec::new();
        for (group, known) in &mut self.known {
            let there = is_listed.contains(group.as_str());
            if known.is_listed && !there && !is_partial && works && std::mem::take(&mut known.was_told) {
                gone.push(group.clone());
            }
            known.is_listed = there || (known.is_listed && is_partial);
        }
        if is_partial {
            followed.extend(
                self.order.iter().filter(|group| !is_listed.contains(group.as_str()) && self.known.get(*group).is_some_and(|known| known.is_listed)).cloned(),
            );
        }
        for group in &followed {
            self.known.entry(group.clone()).or_default().is_listed |= is_listed.contains(group.as_str());
        }
        let follows: HashSet<&String> = followed.iter().collect();
        self.known.retain(|group, _| follows.contains(group));
        drop(follows);
        self.merge(followed);
        gone
    }

    /// Keeps the ring's order, so that nobody is passed over: those that stay first, newcomers behind.
    fn merge(&mut self, followed: Vec<String>) {
        let whose_turn = self.order.get(self.next).cloned();
        let wanted: HashSet<&String> = followed.iter().collect();
        let mut order: Vec<String> = std::mem::take(&mut self.order).into_iter().filter(|group| wanted.contains(group)).collect();
        drop(wanted);
        let there: HashSet<String> = order.iter().cloned().collect();
        order.extend(followed.into_iter().filter(|group| !there.contains(group)));
        self.next = whose_turn.and_then(|group| order.iter().position(|known| *known == group)).unwrap_or(0);
        self.order = order;
    }

    /// Whether a round that began now may go on: not too many calls timed out.
    pub fn may_go_on(&self) -> bool {
        self.report.num_timeouts < MOST_TIMEOUTS
    }

    /// Reads the committed offsets of the next groups of the ring, at most `most`. Returns them and how far the ring moved on:
    /// a group that is named and not there has no entry.
    pub fn read_turn(&mut self, consumer: &Consumer, catalogue: &mut Catalogue, most: usize, patience: &Patience<'_>) -> (Vec<ReadGroup>, usize) {
        if matches!(self.listing, Listing::Failed(_) | Listing::Unasked) {
            return (Vec::new(), most);
        }
        let num_in_turn = most.min(MOST_IN_TURN).min(self.order.len());
        let names: Vec<String> = (0..num_in_turn).map(|at| self.order[(self.next + at) % self.order.len()].clone()).collect();
        let mut described = self.describe(consumer, &names, patience);
        let mut turn = Vec::with_capacity(names.len());
        let (mut num_offsets, mut num_passed) = (0, 0);
        for group in names {
            if !self.may_go_on() || num_offsets >= MOST_OFFSETS_IN_TURN || (patience.stopped)() {
                break;
            }
            self.next = (self.next + 1) % self.order.len();
            num_passed += 1;
            let description = described.remove(&group);
            if let Some(read) = self.read(consumer, catalogue, group, description, patience) {
                num_offsets += read.committed.len();
                turn.push(read);
            }
        }
        (turn, num_passed)
    }

    fn describe(&mut self, consumer: &Consumer, names: &[String], patience: &Patience<'_>) -> HashMap<String, Result<GroupDescription, CallError>> {
        if names.is_empty() || !matches!(self.listing, Listing::Works { .. }) {
            return HashMap::new();
        }
        let asked: Vec<&str> = names.iter().map(String::as_str).collect();
        match admin::describe_groups(consumer.client(), &asked, patience) {
            Ok(described) => {
                described.into_iter().map(|mut description| (description.group.clone(), description.error.take().map_or(Ok(description), Err))).collect()
            }
            Err(error) => {
                self.report.num_timeouts += usize::from(error.code.is_unreachable());
                names.iter().map(|name| (name.clone(), Err(error.clone()))).collect()
            }
        }
    }

    fn read(
        &mut self,
        consumer: &Consumer,
        catalogue: &mut Catalogue,
        group: String,
        description: Option<Result<GroupDescription, CallError>>,
        patience: &Patience<'_>,
    ) -> Option<ReadGroup> {
        let is_listed = self.known.get(&group).is_some_and(|known| known.is_listed);
        let is_missing = match &description {
            Some(Ok(description)) => description.state.as_deref() == Some("Dead"),
            Some(Err(error)) => error.code == Code::GROUP_ID_NOT_FOUND,
            None => false,
        };
        if is_missing && !is_listed {
            // Named by the profile or a span, but not there (yet).
            return None;
        }
        let (state, members, members_reason) = match description {
            Some(Ok(description)) => (description.state, Some(description.members), None),
            Some(Err(error)) => (None, None, Some(format!("the group could not be described: {error}"))),
            None => (None, None, self.listing.members_reason()),
        };
        let mut read = ReadGroup { group, state, members, members_reason, committed: Vec::new(), read_ns: now_ns(), errors: Vec::new() };
        match self.committed_of(consumer, catalogue, &read, patience) {
            Ok(Answers { committed, unknown }) => {
                read.committed = committed;
                if let Some((num, code)) = unknown {
                    read.errors.push(format!("{num} committed offsets are unknown: {}", admin::code_text(code)));
                }
                add_assigned(&mut read, catalogue);
            }
            Err(error) if error.code == Code::DESTROYED => return None,
            Err(error) => {
                self.report.num_timeouts += usize::from(error.code.is_unreachable());
                read.errors.push(format!("committed offsets are unknown: {error}"));
                self.report.failed.push((read.group.clone(), error));
                let known = self.known.get(&read.group).map(|known| known.partitions.as_slice()).unwrap_or_default();
                read.committed = known.iter().map(|(topic, partition)| (*topic, *partition, None)).collect();
            }
        }
        if let Some(known) = self.known.get_mut(&read.group) {
            known.partitions.clear();
            known.partitions.extend(read.committed.iter().map(|(topic, partition, _)| (*topic, *partition)));
            known.partitions.shrink_to_fit();
        }
        Some(read)
    }

    /// A group's committed offsets, by topic and partition. Where the coordinator answers nothing to "all partitions", or too much,
    /// it is asked by name.
    fn committed_of(&mut self, consumer: &Consumer, catalogue: &mut Catalogue, read: &ReadGroup, patience: &Patience<'_>) -> Result<Answers, CallError> {
        let works = matches!(self.listing, Listing::Works { .. });
        let mut known = self.known.get(&read.group).cloned().unwrap_or_default();
        let num_assigned: usize = read.members.iter().flatten().map(|member| member.assignment.len()).sum();
        let is_large = known.partitions.len().max(num_assigned) >= LARGE;
        let is_due = known.read_whole.is_none_or(|at| at.elapsed() >= READ_WHOLE_EVERY) && !self.report.read_a_large_one;
        let mut answers = Answers::default();
        if works && is_large && !is_due {
            let mut asked = known.partitions;
            for (topic, partition) in read.members.iter().flatten().flat_map(|member| &member.assignment) {
                asked.push((catalogue.id(topic), *partition));
            }
            asked.sort_unstable();
            asked.dedup();
            answers.ask(consumer, catalogue, &read.group, &asked, patience)?;
            answers.committed.sort_unstable_by_key(|(topic, partition, _)| (*topic, *partition));
            return Ok(answers);
        }
        if works || !known.is_asked_by_name {
            admin::group_offsets(consumer.client(), &read.group, None, patience, |topic, partition, offset| {
                answers.take(catalogue.id(topic), partition, offset);
            })?;
            self.report.read_a_large_one |= answers.committed.len() >= LARGE;
            known.read_whole = Some(Instant::now());
        }
        if answers.committed.is_empty() && !works {
            known.is_asked_by_name = true;
            let all = catalogue.present().filter(|(_, topic)| !topic.is_internal());
            let asked: Vec<(TopicId, i32)> =
                all.flat_map(|(id, topic)| topic.partitions.iter().map(move |p| (id, p.partition))).take(MOST_ASKED_BY_NAME).collect();
            answers.ask(consumer, catalogue, &read.group, &asked, patience)?;
            // A topic without any commit of this group has nothing to do with it.
            let with_commit: HashSet<TopicId> = answers.committed.iter().filter(|(.., offset)| offset.is_some()).map(|(topic, ..)| *topic).collect();
            answers.committed.retain(|(topic, ..)| with_commit.contains(topic));
        }
        if let Some(entry) = self.known.get_mut(&read.group) {
            (entry.read_whole, entry.is_asked_by_name) = (known.read_whole, known.is_asked_by_name);
        }
        answers.committed.sort_unstable_by_key(|(topic, partition, _)| (*topic, *partition));
        Ok(answers)
    }

    /// Takes note that a group's fact reached the sink.
    pub fn told(&mut self, group: &str) {
        if let Some(known) = self.known.get_mut(group) {
            known.was_told = true;
        }
    }

    /// The facts of a cluster that does not answer: every group that was told, with all it had unknown.
    pub fn unknown_facts(&self, catalogue: &Catalogue, cluster: &ClusterRef, why: &str) -> Vec<GroupFact> {
        let unknown = |(topic, partition): &(TopicId, i32)| GroupOffset {
            topic: catalogue.topic(*topic).name.to_string(),
            partition: *partition,
            ..GroupOffset::default()
        };
        self.order
            .iter()
            .filter_map(|group| self.known.get(group).filter(|known| known.was_told).map(|known| (group, known)))
            .map(|(group, known)| GroupFact {
                cluster: cluster.clone(),
                group: group.clone(),
                kind: None,
                state: None,
                members: None,
                members_reason: Some(why.to_owned()),
                offsets: known.partitions.iter().map(unknown).collect(),
                read_ns: now_ns(),
                error: Some(why.to_owned()),
            })
            .collect()
    }
}

/// Groups of a Switchboard, which are own traffic.
fn is_own(group: &str) -> bool {
    group.strip_prefix(OWN_USER_AGENT).is_some_and(|rest| rest.starts_with('-'))
}

/// What a coordinator answered, partition by partition.
#[derive(Default)]
struct Answers {
    committed: Vec<(TopicId, i32, Option<i64>)>,
    /// How many could not be read, and why the last of them.
    unknown: Option<(usize, Code)>,
}

impl Answers {
    /// Asks for these partitions by name. An error if none of them can be told.
    fn ask(&mut self, consumer: &Consumer, catalogue: &mut Catalogue, group: &str, asked: &[(TopicId, i32)], patience: &Patience<'_>) -> Result<(), CallError> {
        if asked.is_empty() {
            return Ok(());
        }
        let names: Vec<(Arc<str>, i32)> = asked.iter().map(|(topic, partition)| (Arc::clone(&catalogue.topic(*topic).name), *partition)).collect();
        let partitions: Vec<PartitionAt<'_>> = names.iter().map(|(topic, partition)| (&**topic, *partition, 0)).collect();
        admin::group_offsets(consumer.client(), group, Some(&partitions), patience, |topic, partition, offset| {
            self.take(catalogue.id(topic), partition, offset);
        })?;
        match self.unknown {
            Some((num, code)) if num == self.committed.len() => Err(CallError { code, text: admin::code_text(code) }),
            _ => Ok(()),
        }
    }

    fn take(&mut self, topic: TopicId, partition: i32, offset: Result<Option<i64>, Code>) {
        let offset = offset.unwrap_or_else(|code| {
            self.unknown = Some((self.unknown.map_or(0, |(num, _)| num) + 1, code));
            None
        });
        self.committed.push((topic, partition, offset));
    }
}

/// Adds partitions that are assigned to a member and have no commit.
fn add_assigned(read: &mut ReadGroup, catalogue: &mut Catalogue) {
    let num_committed = read.committed.len();
    for (topic, partition) in read.members.iter().flatten().flat_map(|member| &member.assignment) {
        let key = (catalogue.id(topic), *partition);
        if read.committed[..num_committed].binary_search_by_key(&key, |(topic, partition, _)| (*topic, *partition)).is_err() {
            read.committed.push((key.0, key.1, None));
        }
    }
    read.committed.sort_unstable_by_key(|(topic, partition, _)| (*topic, *partition));
    read.committed.dedup_by_key(|(topic, partition, _)| (*topic, *partition));
}

impl ReadGroup {
    /// Partitions whose end offsets are to be read now.
    pub fn partitions(&self) -> impl Iterator<Item = (TopicId, i32)> {
        self.committed.iter().map(|(topic, partition, _)| (*topic, *partition))
    }

    /// The fact, once end offsets were read after the committed ones.
    pub fn into_fact(mut self, catalogue: &Catalogue, cluster: &ClusterRef) -> GroupFact {
        let mut num_unknown_ends = 0;
        let offsets = self
            .committed
            .into_iter()
            .map(|(topic, partition, committed)| {
                let topic = catalogue.topic(topic);
                let found = topic.partition(partition);
                let end = found.and_then(|p| p.high);
                num_unknown_ends += usize::from(end.is_none());
                GroupOffset { topic: topic.name.to_string(), partition, committed, end, low: found.and_then(|p| p.low), ..GroupOffset::default() }
            })
            .collect();
        if num_unknown_ends > 0 {
            self.errors.push(format!("{num_unknown_ends} end offsets are unknown"));
        }
        GroupFact {
            cluster: cluster.clone(),
            group: self.group,
            kind: None,
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
    fn own_groups_are_recognised() {
        assert!(is_own("switchboard-1234"));
        assert!(!is_own("switchboard") && !is_own("switchboards-x") && !is_own("orders"));
    }

    #[test]
    fn the_ring_passes_nobody_over() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut groups = Groups::new(16);
        groups.merge(names(&["a", "b", "c"]));
        groups.next = 2;
        groups.merge(names(&["a", "c", "d"]));
        assert_eq!((groups.order.clone(), groups.next), (names(&["a", "c", "d"]), 1));
        groups.merge(names(&["d", "a"]));
        assert_eq!((groups.order.clone(), groups.next), (names(&["a", "d"]), 0));
    }

    #[test]
    fn what_listing_answers_says_whether_it_works() {
        let error = |code| CallError { code, text: "why".to_owned() };
        let listing = |groups: &[&str], errors: &[Code]| {
            let groups = groups.iter().map(|group| (*group).to_owned()).collect();
            Listing::of(Ok(admin::GroupListing { groups, errors: errors.iter().map(|code| error(*code)).collect() })).0
        };
        assert!(matches!(listing(&[], &[]), Listing::Works { is_partial: false }));
        assert!(matches!(listing(&["a"], &[Code::TIMED_OUT]), Listing::Works { is_partial: true }));
        assert!(matches!(listing(&[], &[Code::UNSUPPORTED_FEATURE]), Listing::Unsupported));
        assert!(matches!(listing(&[], &[Code::CLUSTER_AUTHORIZATION_FAILED]), Listing::Refused(_)));
        assert!(matches!(listing(&[], &[Code::TIMED_OUT]), Listing::Failed(_)));
        assert!(matches!(Listing::of(Err(error(Code::UNSUPPORTED_FEATURE))).0, Listing::Unsupported));
    }

    #[test]
    fn lag_is_told_by_committed_and_end_and_unknown_stays_unknown() {
        let mut catalogue = Catalogue::default();
        catalogue.list(std::iter::once(crate::catalogue::ListedTopic { name: "t", partitions: vec![(0, Some(1)), (1, Some(1)), (2, None)] }));
        catalogue.set_high("t", 0, Some(10));
        catalogue.set_high("t", 1, Some(20));
        catalogue.set_low("t", 0, Some(2));
        let id = catalogue.id("t");
        let member = |assignment| GroupMember { member_id: "m".into(), client_id: "c".into(), host: "/h".into(), assignment };
        let mut read = ReadGroup {
            group: "g".to_owned(),
            state: Some("Stable".to_owned()),
            members: Some(vec![member(vec![("t".to_owned(), 1), ("t".to_owned(), 0), ("t".to_owned(), 2)])]),
            members_reason: None,
            committed: vec![(id, 0, Some(4))],
            read_ns: 1,
            errors: vec![],
        };
        add_assigned(&mut read, &mut catalogue);
        let fact = read.into_fact(&catalogue, &ClusterRef::default());
        let offsets: Vec<_> = fact.offsets.iter().map(|o| (o.partition, o.committed, o.end, o.low)).collect();
        assert_eq!(offsets, [(0, Some(4), Some(10), Some(2)), (1, None, Some(20), None), (2, None, None, None)]);
        assert_eq!(fact.error.as_deref(), Some("1 end offsets are unknown"));
    }
}
