//! Consumer groups: which there are, and where each stands. Committed offsets are read before end offsets.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use switchboard_model::{ClusterRef, GroupFact, GroupKind, GroupOffset, OWN_USER_AGENT, now_ns};

use crate::asking::{Ask, GroupDescription, GroupListing, ListedGroup, OffsetsOf, PartitionName, Patience};
use crate::catalogue::{Catalogue, TopicId};
use crate::failure::{CallError, Code};
use crate::native;
use crate::read_group::{Answers, Committed, ReadGroup};

/// The brokers keep committed offsets here.
const OFFSETS_TOPIC: &str = "__consumer_offsets";
/// Groups followed where the brokers list them; further ones are counted.
const MOST_LISTED: usize = 5_000;
/// Groups of one turn: described in one call, then read, then followed by one reading of end offsets.
const MOST_IN_TURN: usize = 25;
/// Committed offsets held in memory before end offsets are read.
const MOST_OFFSETS_IN_TURN: usize = 100_000;
/// Partitions asked for where the coordinator has to be told which.
const MOST_ASKED_BY_NAME: usize = 20_000;
/// Groups whose offsets are asked for at the same time.
const AT_ONCE: usize = 4;
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
    fn of(answer: Result<GroupListing, CallError>) -> (Self, Vec<ListedGroup>) {
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
    kind: Option<GroupKind>,
    /// What the brokers last listed of it; `None` = it is named by the profile or a span, and not listed.
    listed: Option<ListedGroup>,
    was_told: bool,
    /// Its coordinator answered nothing to "all partitions": it is asked by name.
    is_asked_by_name: bool,
}

/// What happened to the groups in a round.
#[derive(Clone, Debug, Default)]
pub(crate) struct RoundReport {
    /// Groups whose offsets could not be read, and why the first of them.
    pub failed: Vec<(String, CallError)>,
    /// Names beyond what is followed by offsets alone.
    pub left_out: Vec<String>,
    /// Groups that the brokers list beyond what is followed.
    pub num_unfollowed: usize,
    /// Partitions beyond those that coordinators are asked for by name.
    pub num_unasked: usize,
    /// Calls that timed out.
    pub num_timeouts: usize,
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
    pub fn list(&mut self, ask: &dyn Ask, wished: &[String], patience: &Patience<'_>) -> Vec<String> {
        let (listing, mut listed) = Listing::of(ask.list_groups(patience));
        self.listing = listing;
        self.report = RoundReport::default();
        if matches!(self.listing, Listing::Failed(_)) {
            return Vec::new();
        }
        listed.retain(|group| !is_own(&group.name));
        listed.sort_by(|a, b| a.name.cmp(&b.name));
        // While a coordinator moves, two brokers may list the same group.
        listed.dedup_by(|a, b| a.name == b.name);
        // Those that are followed stay: what is left out of a round would else be told as gone.
        listed.sort_by_key(|group| self.known.get(&group.name).is_none_or(|known| known.listed.is_none()));
        self.report.num_unfollowed = listed.len().saturating_sub(MOST_LISTED);
        listed.truncate(MOST_LISTED);
        let listed: HashMap<String, ListedGroup> = listed.into_iter().map(|group| (group.name.clone(), group)).collect();
        let works = matches!(self.listing, Listing::Works { .. });
        let mut followed: Vec<String> = listed.keys().cloned().collect();
        followed.sort_unstable();
        for group in wished.iter().filter(|group| !is_own(group) && !listed.contains_key(*group)) {
            if works || followed.len() < self.most_by_offsets {
                followed.push(group.clone());
            } else {
                self.report.left_out.push(group.clone());
            }
        }
        let is_partial = matches!(self.listing, Listing::Works { is_partial: true });
        let mut gone = Vec::new();
        for (group, known) in &mut self.known {
            let there = listed.contains_key(group);
            if known.listed.is_some() && !there && !is_partial && works && std::mem::take(&mut known.was_told) {
                gone.push(group.clone());
            }
            if !there && !is_partial {
                known.listed = None;
            }
        }
        if is_partial {
            followed.extend(
                self.order.iter().filter(|group| !listed.contains_key(*group) && self.known.get(*group).is_some_and(|known| known.listed.is_some())).cloned(),
            );
        }
        let follows: HashSet<&String> = followed.iter().collect();
        self.known.retain(|group, _| follows.contains(group));
        drop(follows);
        for group in &followed {
            self.known.entry(group.clone()).or_default();
        }
        for (name, group) in listed {
            self.known.entry(name).or_default().listed = Some(group);
        }
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

    /// Whether a coordinator may be asked. One that is asked makes the brokers keep offsets (`__consumer_offsets`), which nobody on
    /// this cluster may have wanted yet.
    fn may_ask_coordinators(&self, catalogue: &Catalogue) -> bool {
        !matches!(self.listing, Listing::Works { .. }) || catalogue.is_there(OFFSETS_TOPIC) || self.known.values().any(|known| known.listed.is_some())
    }

    /// Reads the committed offsets of the next groups of the ring, at most `most`. Returns them and how far the ring moved on:
    /// a group that is named and not there has no entry.
    pub fn read_turn(&mut self, ask: &dyn Ask, catalogue: &mut Catalogue, most: usize, patience: &Patience<'_>) -> (Vec<ReadGroup>, usize) {
        if matches!(self.listing, Listing::Failed(_) | Listing::Unasked) || !self.may_ask_coordinators(catalogue) {
            return (Vec::new(), most);
        }
        let num_in_turn = most.min(MOST_IN_TURN).min(self.order.len());
        let names: Vec<String> = (0..num_in_turn).map(|at| self.order[(self.next + at) % self.order.len()].clone()).collect();
        let mut described = self.describe(ask, &names, patience);
        let mut turn = Vec::with_capacity(names.len());
        let (mut num_offsets, mut num_passed) = (0, 0);
        for some in names.chunks(AT_ONCE) {
            if !self.may_go_on() || num_offsets >= MOST_OFFSETS_IN_TURN || (patience.stopped)() {
                break;
            }
            self.next = (self.next + some.len()) % self.order.len();
            num_passed += some.len();
            let reads = some.iter().filter_map(|group| self.begin(group, described.remove(group))).collect();
            let reads = self.read(ask, catalogue, reads, patience);
            num_offsets += reads.iter().map(|read| read.committed.len()).sum::<usize>();
            turn.extend(reads);
        }
        (turn, num_passed)
    }

    fn describe(&mut self, ask: &dyn Ask, names: &[String], patience: &Patience<'_>) -> HashMap<String, Result<GroupDescription, CallError>> {
        if names.is_empty() || !matches!(self.listing, Listing::Works { .. }) {
            return HashMap::new();
        }
        let groups: Vec<ListedGroup> = names
            .iter()
            .map(|name| {
                let listed = self.known.get(name).and_then(|known| known.listed.clone());
                listed.unwrap_or_else(|| ListedGroup { name: name.clone(), kind: None, state: None })
            })
            .collect();
        let described = ask.describe_groups(&groups, patience);
        // One call for all: it counts once.
        self.report.num_timeouts += usize::from(described.values().any(|answer| answer.as_ref().is_err_and(|error| error.code.is_unreachable())));
        described
    }

    /// A group that is to be read, with what its coordinator said of it; `None` where it is not there.
    fn begin(&self, group: &str, description: Option<Result<GroupDescription, CallError>>) -> Option<ReadGroup> {
        let listed = self.known.get(group).and_then(|known| known.listed.as_ref());
        let is_missing = match &description {
            Some(Ok(description)) => description.state.as_deref() == Some("Dead"),
            Some(Err(error)) => error.code == Code::GROUP_ID_NOT_FOUND,
            None => false,
        };
        if is_missing && listed.is_none() {
            // Named by the profile or a span, but not there (yet).
            return None;
        }
        let mut kind = listed.and_then(|listed| listed.kind.clone());
        let (state, members, members_reason) = match description {
            Some(Ok(description)) => {
                kind = kind.or(description.kind);
                match description.members {
                    Ok(members) => (description.state, Some(members), None),
                    Err(why) => (description.state, None, Some(why)),
                }
            }
            Some(Err(error)) => (None, None, Some(format!("the group could not be described: {error}"))),
            None => (None, None, self.listing.members_reason()),
        };
        Some(ReadGroup { group: group.to_owned(), kind, state, members, members_reason, committed: Vec::new(), read_ns: now_ns(), errors: Vec::new() })
    }

    /// Reads the committed offsets of these groups.
    fn read(&mut self, ask: &dyn Ask, catalogue: &mut Catalogue, reads: Vec<ReadGroup>, patience: &Patience<'_>) -> Vec<ReadGroup> {
        let answers = self.committed_of(ask, catalogue, &reads, patience);
        let mut done = Vec::with_capacity(reads.len());
        for (mut read, answer) in reads.into_iter().zip(answers) {
            match answer {
                Ok(Answers { committed, unknown }) => {
                    read.committed = committed;
                    if let Some((num, code)) = unknown {
                        read.errors.push(format!("{num} committed offsets are unknown: {}", native::code_text(code)));
                    }
                    read.add_assigned(catalogue);
                }
                Err(error) if error.code == Code::DESTROYED => continue,
                Err(error) => {
                    self.report.num_timeouts += usize::from(error.code.is_unreachable());
                    read.errors.push(format!("committed offsets are unknown: {error}"));
                    self.report.failed.push((read.group.clone(), error));
                    let known = self.known.get(&read.group).map(|known| known.partitions.as_slice()).unwrap_or_default();
                    read.committed = known.iter().map(|(topic, partition)| Committed::unknown(*topic, *partition)).collect();
                }
            }
            if let Some(known) = self.known.get_mut(&read.group) {
                known.kind.clone_from(&read.kind);
                known.partitions.clear();
                known.partitions.extend(read.partitions());
                known.partitions.shrink_to_fit();
            }
            done.push(read);
        }
        done
    }

    /// Committed offsets by topic and partition. Where a coordinator answers nothing to "all partitions", it is asked by name.
    fn committed_of(&mut self, ask: &dyn Ask, catalogue: &mut Catalogue, reads: &[ReadGroup], patience: &Patience<'_>) -> Vec<Result<Answers, CallError>> {
        let works = matches!(self.listing, Listing::Works { .. });
        // Brokers that list no groups (librdkafka's mock cluster) answer nothing, or garble, when asked for all.
        let lists_none = matches!(self.listing, Listing::Unsupported);
        let is_known_silent = |read: &ReadGroup| self.known.get(&read.group).is_some_and(|known| known.is_asked_by_name);
        let mut by_name: Vec<bool> = reads.iter().map(|read| lists_none || (!works && is_known_silent(read))).collect();
        let topics = catalogue.present().filter(|(_, topic)| !works && !topic.is_internal());
        let mut all: Vec<PartitionName> = topics.flat_map(|(_, topic)| topic.partitions.iter().map(|p| (Arc::clone(&topic.name), p.partition))).collect();
        let num_unasked = all.len().saturating_sub(MOST_ASKED_BY_NAME);
        all.truncate(MOST_ASKED_BY_NAME);
        let asked =
            |at: usize, by_name: bool| OffsetsOf { group: &reads[at].group, kind: reads[at].kind.as_ref(), partitions: by_name.then_some(all.as_slice()) };
        let first: Vec<OffsetsOf<'_>> = by_name.iter().enumerate().map(|(at, by_name)| asked(at, *by_name)).collect();
        let mut answers = ask.committed(&first, patience);
        let is_silent = |at: &usize| !works && !by_name[*at] && answers[*at].as_ref().is_ok_and(Vec::is_empty);
        let again: Vec<usize> = (0..answers.len()).filter(is_silent).collect();
        if !again.is_empty() && !all.is_empty() {
            let second: Vec<OffsetsOf<'_>> = again.iter().map(|at| asked(*at, true)).collect();
            for (at, answer) in again.iter().zip(ask.committed(&second, patience)) {
                (answers[*at], by_name[*at]) = (answer, true);
                if let Some(known) = self.known.get_mut(&reads[*at].group) {
                    known.is_asked_by_name = true;
                }
            }
        }
        if by_name.contains(&true) {
            self.report.num_unasked = self.report.num_unasked.max(num_unasked);
        }
        answers.into_iter().zip(by_name).map(|(answer, by_name)| Answers::of(answer?, by_name, catalogue)).collect()
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
                kind: known.kind.clone(),
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use switchboard_model::OpenTransaction;

    use super::*;
    use crate::asking::{CommittedOffset, EachOffset, Which};

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

    /// Brokers that list groups, and answer nothing else.
    struct Lister(std::ops::Range<usize>);

    impl Ask for Lister {
        fn brokers_changed(&self, _: &Patience<'_>) {}

        fn list_groups(&self, _: &Patience<'_>) -> Result<GroupListing, CallError> {
            let named = |number: usize| ListedGroup { name: format!("g{number:05}"), kind: None, state: None };
            Ok(GroupListing { groups: self.0.clone().map(named).collect(), errors: Vec::new() })
        }

        fn describe_groups(&self, _: &[ListedGroup], _: &Patience<'_>) -> HashMap<String, Result<GroupDescription, CallError>> {
            HashMap::new()
        }

        fn committed(&self, groups: &[OffsetsOf<'_>], _: &Patience<'_>) -> Vec<Result<Vec<CommittedOffset>, CallError>> {
            groups.iter().map(|_| Err(CallError::stopped())).collect()
        }

        fn offsets(&self, _: &[PartitionName], _: Which, _: &Patience<'_>, _: &mut EachOffset<'_>) -> Result<(), CallError> {
            Err(CallError::stopped())
        }

        fn topic_ids(&self, _: &[&str], _: &Patience<'_>) -> Result<HashMap<String, String>, CallError> {
            Err(CallError::stopped())
        }

        fn open_transactions(&self, _: &[PartitionName], _: &Patience<'_>) -> Result<HashMap<(String, i32), OpenTransaction>, CallError> {
            Err(CallError::stopped())
        }
    }

    #[test]
    fn groups_beyond_what_is_followed_are_counted_and_drive_none_out() {
        let list =
            |groups: &mut Groups, names: std::ops::Range<usize>| groups.list(&Lister(names), &[], &Patience { timeout: Duration::ZERO, stopped: &|| false });
        let mut groups = Groups::new(16);
        assert!(list(&mut groups, 10..MOST_LISTED + 10).is_empty());
        assert_eq!((groups.len(), groups.report.num_unfollowed), (MOST_LISTED, 0));
        groups.order.clone().iter().for_each(|group| groups.told(group));
        // Newcomers that stand first by name find no room, and none of the others is told as gone.
        assert!(list(&mut groups, 0..MOST_LISTED + 10).is_empty());
        assert_eq!((groups.len(), groups.report.num_unfollowed), (MOST_LISTED, 10));
        assert!(!groups.order.contains(&"g00000".to_owned()));
        // The room of one that was deleted is a newcomer's.
        assert_eq!(list(&mut groups, 0..MOST_LISTED + 9), [format!("g{:05}", MOST_LISTED + 9)]);
        assert!(groups.order.contains(&"g00000".to_owned()));
        assert_eq!((groups.len(), groups.report.num_unfollowed), (MOST_LISTED, 9));
    }

    #[test]
    fn what_listing_answers_says_whether_it_works() {
        let error = |code| CallError { code, text: "why".to_owned() };
        let listing = |groups: &[&str], errors: &[Code]| {
            let named = |name: &&str| ListedGroup { name: (*name).to_owned(), kind: None, state: None };
            let groups = groups.iter().map(named).collect();
            Listing::of(Ok(GroupListing { groups, errors: errors.iter().map(|code| error(*code)).collect() })).0
        };
        assert!(matches!(listing(&[], &[]), Listing::Works { is_partial: false }));
        assert!(matches!(listing(&["a"], &[Code::TIMED_OUT]), Listing::Works { is_partial: true }));
        assert!(matches!(listing(&[], &[Code::UNSUPPORTED_FEATURE]), Listing::Unsupported));
        assert!(matches!(listing(&[], &[Code::CLUSTER_AUTHORIZATION_FAILED]), Listing::Refused(_)));
        assert!(matches!(listing(&[], &[Code::TIMED_OUT]), Listing::Failed(_)));
        assert!(matches!(Listing::of(Err(error(Code::UNSUPPORTED_FEATURE))).0, Listing::Unsupported));
    }
}
