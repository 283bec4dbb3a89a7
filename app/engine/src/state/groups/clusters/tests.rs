use proptest::prelude::*;
use switchboard_model::{Broker, GroupKind, GroupMember, OpenTransaction, PartitionFact, SourceId, SourceInfo, SourceKind, SourcePhase, SourceStatus};

use super::*;
use crate::source_shares::Shares;
use crate::state::groups::room::{MAX_GROUPS, MAX_TOPICS};
use crate::view::LagVerdict;

const S: i64 = 1_000_000_000;

fn cluster() -> ClusterRef {
    ClusterRef { system: "kafka".into(), cluster_id: Some("c1".into()), name: "lab".into() }
}

fn topic(name: &str, partitions: &[(Option<i64>, Option<i64>)]) -> TopicFact {
    let fact =
        |(number, (low, high)): (usize, &(Option<i64>, Option<i64>))| PartitionFact { partition: number as i32, leader: Some(1), low: *low, high: *high };
    TopicFact {
        cluster: cluster(),
        topic: name.into(),
        partitions: partitions.iter().enumerate().map(fact).collect(),
        tail: TailState::Tailed,
        topic_id: None,
        made_again_ns: None,
    }
}

fn offset(partition: i32, committed: Option<i64>, low: Option<i64>, end: Option<i64>) -> GroupOffset {
    GroupOffset { topic: "orders".into(), partition, committed, end, low, ..GroupOffset::default() }
}

fn group(second: i64, offsets: Vec<GroupOffset>) -> GroupFact {
    GroupFact {
        cluster: cluster(),
        group: "inventory".into(),
        kind: None,
        state: Some("Stable".into()),
        members: Some(vec![member("c-1", &[("orders", 0), ("orders", 1)])]),
        members_reason: None,
        offsets,
        read_ns: second * S,
        error: None,
    }
}

fn member(client_id: &str, assignment: &[(&str, i32)]) -> GroupMember {
    GroupMember {
        member_id: format!("{client_id}-m"),
        client_id: client_id.into(),
        host: "/127.0.0.1".into(),
        assignment: assignment.iter().map(|(topic, partition)| ((*topic).to_owned(), *partition)).collect(),
    }
}

/// The one row after these facts, seen at the second of the last of them.
fn row(facts: &[GroupFact]) -> GroupView {
    let mut groups = Groups::default();
    for fact in facts {
        groups.apply_group(fact, fact.read_ns);
    }
    let now_ns = facts.iter().map(|fact| fact.read_ns).max().unwrap_or(0);
    let mut rows = groups.views(now_ns, &Sources::default());
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

#[test]
fn a_channels_records_are_the_sum_of_its_watermarks_or_unknown() {
    let mut groups = Groups::default();
    groups.apply_topic(&topic("orders", &[(Some(0), Some(10)), (Some(5), Some(7))]), 1);
    groups.apply_topic(&topic("half", &[(Some(0), Some(10)), (Some(5), None)]), 1);
    groups.apply_topic(&topic("empty", &[]), 1);
    let told: Vec<_> = groups.channels().into_iter().map(|channel| (channel.topic, channel.partitions, channel.records)).collect();
    assert_eq!(told, [("empty".into(), None, None), ("half".into(), Some(2), None), ("orders".into(), Some(2), Some(12))]);
    groups.topic_gone(&cluster(), "half", 2);
    assert_eq!(groups.channels().len(), 2);
    groups.apply_topic(&topic("half", &[(Some(0), Some(1))]), 3);
    assert_eq!(groups.channels()[1].records, Some(1), "a topic of that name came again");
}

#[test]
fn partitions_without_a_leader_of_the_cluster_are_told() {
    let mut groups = Groups::default();
    let mut fact = topic("orders", &[(Some(0), Some(1)), (Some(0), Some(1)), (Some(0), Some(1))]);
    fact.partitions[0].leader = None;
    fact.partitions[1].leader = Some(2);
    groups.apply_topic(&fact, 1);
    assert_eq!(groups.channels()[0].leaderless, [0]);
    groups.apply_cluster(&ClusterFact { cluster: cluster(), brokers: vec![Broker { broker_id: 1, host: "h".into(), port: 9 }] }, 1);
    assert_eq!(groups.channels()[0].leaderless, [0, 1]);
}

/// Name, readings, and the lag, verdict and reason that follow.
type Case = (&'static str, Vec<GroupFact>, Option<u64>, LagVerdict, &'static str);

#[test]
fn lag_and_reason_by_reading() {
    let known = |partition, committed, end| offset(partition, Some(committed), Some(0), Some(end));
    let no_members = |second, offsets| GroupFact { members: Some(vec![]), state: Some("Empty".into()), ..group(second, offsets) };
    let unlisted = |second, offsets| GroupFact { members: None, members_reason: Some("unsupported".into()), ..group(second, offsets) };
    let elsewhere = |second, offsets| GroupFact { members: Some(vec![member("c", &[("other", 0)]), member("d", &[])]), ..group(second, offsets) };
    let table: Vec<Case> = vec![
        ("caught up", vec![group(1, vec![known(0, 5, 5), known(1, 7, 7)])], Some(0), LagVerdict::Ok, "nothing waits"),
        ("never below 0", vec![group(1, vec![known(0, 5, 5), known(1, 4, 4)])], Some(0), LagVerdict::Ok, "nothing waits"),
        (
            "commit beyond the end",
            vec![group(1, vec![known(0, 9, 5), known(1, 4, 4)])],
            Some(0),
            LagVerdict::BeyondEnd,
            "the topic was made anew or cut; partition 0 ends at 5, and 9 is committed",
        ),
        (
            "one partition does not hide another",
            vec![group(1, vec![known(0, 9, 5), known(1, 4, 10)])],
            Some(6),
            LagVerdict::BeyondEnd,
            "the topic was made anew or cut; partition 0 ends at 5, and 9 is committed",
        ),
        ("no commit", vec![group(1, vec![offset(0, None, Some(0), Some(8))])], None, LagVerdict::Unknown, "no commit yet"),
        (
            "no commit, members unknown",
            vec![unlisted(1, vec![offset(0, None, Some(0), Some(8))])],
            None,
            LagVerdict::Unknown,
            "no commit yet; the broker does not list members: unsupported",
        ),
        (
            "a partition without a commit is not counted",
            vec![group(1, vec![known(0, 5, 5), offset(1, None, Some(0), Some(8)), offset(2, None, Some(3), Some(3))])],
            Some(0),
            LagVerdict::Ok,
            "nothing waits; partition 1 not counted: no commit yet",
        ),
        (
            "an end is unknown",
            vec![group(1, vec![known(0, 5, 5), offset(1, Some(3), Some(0), None)])],
            None,
            LagVerdict::Unknown,
            "the end of partition 1 is unknown",
        ),
        (
            "a read failed",
            vec![GroupFact { error: Some("broker transport failure".into()), ..group(1, vec![known(0, 5, 5), offset(1, None, None, None)]) }],
            None,
            LagVerdict::Unknown,
            "could not be read: broker transport failure",
        ),
        (
            "a read failed, but not of this topic",
            vec![GroupFact { error: Some("1 end offsets are unknown".into()), ..group(1, vec![known(0, 5, 5)]) }],
            Some(0),
            LagVerdict::Ok,
            "nothing waits",
        ),
        ("nobody reads", vec![no_members(1, vec![known(0, 5, 125)])], Some(120), LagVerdict::NoMembers, "behind by 120 records; the group has no members"),
        ("nobody needs to read", vec![no_members(1, vec![known(0, 5, 5)])], Some(0), LagVerdict::Ok, "nothing waits"),
        (
            "members read something else",
            vec![elsewhere(1, vec![known(0, 5, 6)])],
            Some(1),
            LagVerdict::NoMembers,
            "behind by 1 record; none of the group's 2 members reads this topic",
        ),
        (
            "stuck, members unknown",
            (0..8).map(|poll| unlisted(poll * 2, vec![known(0, 5, 125)])).collect(),
            Some(120),
            LagVerdict::Stuck,
            "committed nothing for 14 s with 120 records waiting; the broker does not list members: unsupported",
        ),
        (
            "growing",
            (0..12).map(|poll| group(poll * 2, vec![known(0, 10 + poll, 20 + poll * 11)])).collect(),
            Some(120),
            LagVerdict::Growing,
            "behind by 120 records, 21 s; grew by 100 in the last 20 s",
        ),
        (
            "lost to retention",
            vec![group(1, vec![offset(0, Some(10), Some(322), Some(322)), known(1, 1, 1)])],
            Some(0),
            LagVerdict::Ok,
            "nothing waits; 312 lost to retention",
        ),
        (
            "set back",
            vec![group(1, vec![known(0, 400, 400)]), group(3, vec![known(0, 90, 400)]), group(5, vec![known(0, 100, 400)])],
            Some(300),
            LagVerdict::Ok,
            "behind by 300 records; fell by 10 in the last 2 s; set back by 300 records behind the highest commit seen",
        ),
    ];
    for (name, facts, lag, verdict, reason) in table {
        let row = row(&facts);
        assert_eq!((row.lag, row.verdict), (lag, verdict), "{name}: {}", row.reason);
        if name == "set back" {
            assert!(row.reason.ends_with("set back by 300 records behind the highest commit seen"), "{}", row.reason);
        } else {
            assert_eq!(&*row.reason, reason, "{name}");
        }
    }
}

#[test]
fn lag_in_time_is_that_of_the_most_belated_partition() {
    let reading = |second, ends: [i64; 2], committed: [i64; 2]| {
        group(second, (0..2).map(|partition| offset(partition, Some(committed[partition as usize]), Some(0), Some(ends[partition as usize]))).collect())
    };
    let facts = [reading(10, [100, 50], [100, 50]), reading(20, [200, 50], [150, 50]), reading(30, [300, 60], [150, 60])];
    assert_eq!(row(&facts[..1]).lag_s, Some(0.0));
    assert_eq!(row(&facts[..2]).lag_s, Some(5.0));
    assert_eq!(row(&facts).lag_s, Some(15.0));
    let belated = [facts.as_slice(), &[reading(40, [400, 70], [400, 3])]].concat();
    assert_eq!((row(&belated).lag, row(&belated).lag_s), (Some(67), None), "the commit lies before the oldest end known");
}

#[test]
fn a_partition_that_stands_still_for_long_is_told_beside_others_that_move() {
    let fact = |poll: i64| group(poll * 2, vec![offset(0, Some(poll * 10), Some(0), Some(poll * 10 + 1)), offset(1, Some(7), Some(0), Some(27))]);
    assert_eq!(row(&(0..30).map(fact).collect::<Vec<_>>()).verdict, LagVerdict::Ok);
    let row = row(&(0..60).map(fact).collect::<Vec<_>>());
    assert_eq!((row.verdict, &*row.reason), (LagVerdict::Stuck, "partition 1 committed nothing for 1 min with 20 records waiting"));
}

#[test]
fn what_was_handled_never_shrinks() {
    let reading = |second, committed: Option<i64>| group(second, vec![offset(0, committed, Some(0), Some(500))]);
    let facts = [reading(1, None), reading(2, Some(100)), reading(3, Some(140)), reading(4, Some(20)), reading(5, Some(60)), reading(6, Some(150))];
    let handled: Vec<Option<u64>> = (1..=facts.len()).map(|num| row(&facts[..num]).committed_since_start).collect();
    assert_eq!(handled, [None, Some(0), Some(40), Some(40), Some(40), Some(50)]);
}

#[test]
fn what_lies_beyond_the_first_end_seen_was_handled_since_even_without_a_commit_before() {
    let first_commit = group(4, vec![offset(0, Some(30), Some(0), Some(31))]);
    for (earlier, handled) in [(Some(0), 30), (Some(12), 18), (Some(40), 0), (None, 0)] {
        let seen = group(2, vec![offset(0, None, Some(0), earlier)]);
        assert_eq!(row(&[seen, first_commit.clone()]).committed_since_start, Some(handled), "{earlier:?}");
    }
    let mut groups = Groups::default();
    groups.apply_group(&first_commit, 4 * S);
    groups.apply_topic(&topic("orders", &[(Some(0), Some(0))]), S);
    assert_eq!(groups.views(5 * S, &Sources::default())[0].committed_since_start, Some(30), "told by the topic, and late");
}

#[test]
fn old_readings_and_failed_sources_are_told_and_judge_nothing() {
    let mut groups = Groups::default();
    let mut sources = Sources::default();
    sources.add(SourceInfo { id: SourceId(1), name: "lab".into(), kind: SourceKind::Kafka, environment: None });
    for poll in 0..8 {
        groups.apply_group(&group(poll * 2, vec![offset(0, Some(5), Some(0), Some(9))]), poll * 2 * S);
    }
    let view = |groups: &mut Groups, sources: &Sources, second: i64| groups.views(second * S, sources).remove(0);
    assert_eq!(view(&mut groups, &sources, 16).verdict, LagVerdict::Stuck);
    let old = view(&mut groups, &sources, 59);
    assert_eq!((old.verdict, old.lag, old.lag_s), (LagVerdict::Unknown, Some(4), None));
    assert_eq!(&*old.reason, "last read 45 s ago; then: committed nothing for 14 s with 4 records waiting");
    let status = |second: i64| SourceStatus {
        source: SourceId(1),
        at_ns: second * S,
        phase: SourcePhase::Failed,
        failure: None,
        detail: "no broker answers".into(),
        next_step: String::new(),
    };
    sources.apply_status(&status(13));
    assert_eq!(view(&mut groups, &sources, 16).verdict, LagVerdict::Stuck, "it was read after the failure");
    sources.apply_status(&status(15));
    let failed = view(&mut groups, &sources, 16);
    assert_eq!((failed.verdict, failed.lag), (LagVerdict::Unknown, None));
    assert_eq!(&*failed.reason, "last read 2 s ago; its source has failed: no broker answers");
}

#[test]
fn groups_and_topics_come_and_go() {
    let mut groups = Groups::default();
    let now = |groups: &mut Groups| groups.views(100 * S, &Sources::default()).len();
    groups.apply_topic(&topic("orders", &[(Some(0), Some(9))]), S);
    groups.apply_group(&group(2, vec![offset(0, Some(5), Some(0), Some(9))]), 2 * S);
    assert_eq!(now(&mut groups), 1);
    groups.group_gone(&cluster(), "inventory", 3 * S);
    assert_eq!(now(&mut groups), 0);
    groups.apply_group(&group(4, vec![offset(0, Some(6), Some(0), Some(9))]), 4 * S);
    assert_eq!(now(&mut groups), 1);
    groups.apply_group(&group(5, vec![]), 5 * S);
    assert_eq!(now(&mut groups), 0, "its commits on the topic are gone");
    groups.apply_group(&group(6, vec![offset(0, Some(6), Some(0), Some(9))]), 6 * S);
    groups.topic_gone(&cluster(), "orders", 7 * S);
    assert_eq!(now(&mut groups), 0);
    groups.topic_gone(&cluster(), "never seen", 7 * S);
    groups.group_gone(&cluster(), "never seen", 7 * S);
}

#[test]
fn a_group_that_is_asked_for_topics_it_never_read_shows_only_those_it_reads() {
    let mut groups = Groups::default();
    let other = GroupOffset { topic: "other".into(), ..offset(0, None, Some(0), Some(3)) };
    let fact = GroupFact { members: None, ..group(1, vec![offset(0, Some(5), Some(0), Some(9)), other]) };
    groups.apply_group(&fact, S);
    let topics: Vec<String> = groups.views(S, &Sources::default()).into_iter().map(|row| row.topic).collect();
    assert_eq!(topics, ["orders"]);
}

#[test]
fn members_are_told_with_their_partitions_of_the_topic() {
    let fact = GroupFact {
        members: Some(vec![member("b", &[("orders", 3), ("other", 1), ("orders", 2)]), member("a", &[])]),
        ..group(1, vec![offset(0, Some(5), Some(0), Some(9))])
    };
    let members = row(&[fact]).members.expect("known");
    let told: Vec<(&str, &[i32])> = members.iter().map(|member| (&*member.client_id, &*member.partitions)).collect();
    assert_eq!(told, [("a", [].as_slice()), ("b", &[2, 3])]);
}

#[test]
fn caps_are_shared_out_by_source_and_count_what_they_leave_out() {
    let of = |source: u32, name: &str| ClusterRef { name: format!("cluster-{source}"), cluster_id: Some(name.to_owned()), ..topic("t", &[]).cluster };
    let tell = |groups: &mut Groups, source: u32, names: std::ops::Range<usize>, second: i64| {
        groups.set_teller(SourceId(source), second * S);
        for number in names {
            let fact = TopicFact { cluster: of(source, "c"), topic: format!("t{number}"), ..topic("t", &[(Some(0), Some(1))]) };
            groups.apply_topic(&fact, second * S);
        }
    };
    let held = |groups: &Groups| {
        let num = |name: &str| groups.channels().iter().filter(|channel| channel.cluster.name == name).count();
        (num("cluster-1"), num("cluster-2"))
    };
    let mut groups = Groups::default();
    tell(&mut groups, 1, 0..MAX_TOPICS + 50, 1);
    assert_eq!((held(&groups), groups.shares().map(Shares::num_left_out)), ((MAX_TOPICS, 0), [50, 0, 0]));
    // Another source finds its share, up to the half, and keeps it.
    tell(&mut groups, 2, 0..100, 2);
    let (first, second) = held(&groups);
    assert!(second == 100 && first >= MAX_TOPICS - 128 && first + second <= MAX_TOPICS, "{first} {second}");
    assert_eq!(groups.shares()[0].left_out().get(&SourceId(1)), Some(&(50 + (MAX_TOPICS - first) as u64)));
    // What is gone makes room for its own, and is no loss.
    let before = groups.shares()[0].num_left_out();
    (0..40).for_each(|number| groups.topic_gone(&of(1, "c"), &format!("t{}", 5_000 + number), 3 * S));
    let room = MAX_TOPICS - first - second;
    tell(&mut groups, 1, 30_000..30_000 + room + 40, 20);
    assert_eq!((held(&groups), groups.shares()[0].num_left_out()), ((first + room, 100), before));
}

#[test]
fn groups_without_offsets_are_bounded_too() {
    let mut groups = Groups::default();
    for number in 0..MAX_GROUPS + 7 {
        groups.apply_group(&GroupFact { group: format!("g{number}"), offsets: vec![], ..group(1, vec![]) }, 1);
    }
    assert_eq!(groups.shares().map(Shares::num_left_out), [0, 7, 0]);
    assert_eq!(groups.clusters.values().map(|cluster| cluster.groups.len()).sum::<usize>(), MAX_GROUPS);
}

#[test]
fn partitions_are_counted_once_also_where_room_is_made_for_them() {
    let mut groups = Groups::default();
    for (source, num) in [(1, MAX_GROUP_TOPICS), (2, 100)] {
        groups.set_teller(SourceId(source), S);
        let offsets = (0..num).map(|number| GroupOffset { topic: format!("t{number}"), ..offset(0, Some(1), Some(0), Some(2)) }).collect();
        groups.apply_group(&GroupFact { cluster: ClusterRef { name: format!("cluster-{source}"), ..cluster() }, ..group(1, offsets) }, S);
    }
    let topics = groups.clusters.values().flat_map(|cluster| cluster.groups.values()).flat_map(|group| group.topics.values());
    let num: usize = topics.map(|on_topic| on_topic.partitions.len()).sum();
    assert_eq!((groups.num_partitions, groups.shares()[2].of(SourceId(2))), (num, 100));
    assert!(num <= MAX_GROUP_TOPICS, "{num}");
}

#[test]
fn rows_of_groups_without_offsets_are_shared_out_by_source_and_what_finds_no_room_is_counted() {
    let mut groups = Groups::default();
    let names: Vec<String> = (0..200).map(|number| format!("t{number}")).collect();
    let assignment: Vec<(&str, i32)> = names.iter().map(|name| (name.as_str(), 0)).collect();
    let tell = |groups: &mut Groups, source: u32, num: usize, members: Option<&[GroupMember]>| {
        groups.set_teller(SourceId(source), S);
        for number in 0..num {
            let cluster = ClusterRef { name: format!("cluster-{source}"), ..cluster() };
            let share = GroupFact {
                cluster,
                group: format!("g{number}"),
                kind: Some(GroupKind::Share),
                members: members.map(<[GroupMember]>::to_vec),
                ..group(1, vec![])
            };
            groups.apply_group(&share, S);
        }
    };
    // The first alone would fill all rows, and comes first by name.
    tell(&mut groups, 1, 150, Some(&[member("c-1", &assignment)]));
    tell(&mut groups, 2, 3, None);
    let views = groups.views(S, &Sources::default());
    let num = |name: &str| views.iter().filter(|view| view.cluster.as_deref() == Some(name)).count();
    assert_eq!((num("cluster-1"), num("cluster-2")), (MAX_GROUP_TOPICS - 3, 3));
    assert_eq!(*groups.rows_left_out(), BTreeMap::from([(SourceId(1), (150 * 200 - (MAX_GROUP_TOPICS - 3)) as u64)]));
}

mod partitions;
mod verdicts;

/// One thing that a broker may say.
#[derive(Clone, Debug)]
enum Said {
    Topic(i64, TopicFact),
    TopicGone(i64),
    Group(i64, GroupFact),
    GroupGone(i64),
}

/// Partition, committed, end, low, since when a transaction is open, and what can be read.
type Numbers = (i32, Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<i64>);

fn said() -> impl Strategy<Value = Said> {
    let told = || prop::option::of(0_i64..60);
    let offsets = prop::collection::vec((0_i32..3, prop::option::of(0_i64..40), told(), prop::option::of(0_i64..5), told(), told()), 0..4);
    let state = prop_oneof![3 => Just(Some("Stable".to_owned())), 2 => Just(Some("Assigning".to_owned())), 1 => Just(None)];
    let members = prop::option::of(prop::collection::vec(Just(member("c", &[("orders", 0)])), 0..2));
    let error = prop::option::weighted(0.1, Just("failed".to_owned()));
    let reading = (0_i64..60, offsets, members, error, state).prop_map(|(second, offsets, members, error, state)| {
        let of = |(partition, committed, end, low, last_stable, readable): Numbers| {
            let open_transaction = last_stable.map(|since_s| OpenTransaction { since_ns: Some(since_s * S), ..OpenTransaction::default() });
            GroupOffset { last_stable, readable_behind: readable.map(i64::unsigned_abs), open_transaction, ..offset(partition, committed, low, end) }
        };
        Said::Group(second, GroupFact { members, error, state, ..group(second, offsets.into_iter().map(of).collect()) })
    });
    prop_oneof![
        // Watermarks rise with time, as a broker's do.
        2 => (0_i64..60).prop_map(|second| Said::Topic(second, topic("orders", &[(Some(second / 9), Some(second / 2))]))),
        1 => (0_i64..60).prop_map(|second| Said::Topic(second, TopicFact { made_again_ns: Some(second / 20 * 20 * S), ..topic("orders", &[(Some(0), Some(second / 2))]) })),
        1 => (0_i64..60).prop_map(Said::TopicGone),
        8 => reading,
        1 => (0_i64..60).prop_map(Said::GroupGone),
    ]
}

fn told(said: &[Said]) -> (Vec<ChannelState>, Vec<GroupView>) {
    let mut groups = Groups::default();
    for one in said {
        match one {
            Said::Topic(second, fact) => groups.apply_topic(fact, second * S),
            Said::TopicGone(second) => groups.topic_gone(&cluster(), "orders", second * S),
            Said::Group(second, fact) => groups.apply_group(fact, second * S),
            Said::GroupGone(second) => groups.group_gone(&cluster(), "inventory", second * S),
        }
    }
    (groups.channels(), groups.views(61 * S, &Sources::default()))
}

proptest! {
    #[test]
    fn order_of_arrival_does_not_matter(said in prop::collection::vec(said(), 1..25).prop_flat_map(|said| (Just(said.clone()), Just(said).prop_shuffle()))) {
        prop_assert_eq!(told(&said.0), told(&said.1));
    }

    #[test]
    fn lag_is_never_negative_nor_not_a_number(offsets in prop::collection::vec((any::<i32>(), any::<Option<i64>>(), any::<Option<i64>>(), any::<Option<i64>>()), 0..12), second in 0_i64..9_000_000_000) {
        let mut groups = Groups::default();
        for later in 0..4 {
            let offsets = offsets.iter().map(|(partition, committed, end, low)| offset(*partition, *committed, *low, end.map(|end| end.saturating_add(later)))).collect();
            groups.apply_group(&group(second + later, offsets), second * S);
        }
        for row in groups.views(second * S, &Sources::default()) {
            prop_assert!(row.lag_s.is_none_or(|lag_s| lag_s >= 0.0 && lag_s.is_finite()), "{:?}", row.lag_s);
            prop_assert_eq!(row.lag.is_none() && row.lag_s.is_some(), false);
            prop_assert!(!row.reason.is_empty());
        }
    }
}
