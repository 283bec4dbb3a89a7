//! Verdicts as real systems ask for them: lag is about records that can be read.

use super::*;
use crate::view::{CatchUp, Severity};

pub(super) fn known(partition: i32, committed: i64, end: i64) -> GroupOffset {
    offset(partition, Some(committed), Some(0), Some(end))
}

/// A partition that transactions were written to: how many of the offsets behind are records.
fn transactional(partition: i32, committed: i64, end: i64, readable: u64) -> GroupOffset {
    GroupOffset { last_stable: Some(end), readable_behind: Some(readable), ..known(partition, committed, end) }
}

/// The same reading for so many seconds.
pub(super) fn standing(seconds: i64, fact: impl Fn(i64) -> GroupFact) -> Vec<GroupFact> {
    (0..=seconds / 2).map(|poll| fact(poll * 2)).collect()
}

pub(super) fn open(stable: i64, end: i64, committed: i64, since_s: Option<i64>) -> GroupOffset {
    let open = OpenTransaction {
        transactional_id: Some("payments-tx-1".into()),
        since_ns: since_s.map(|second| second * S),
        first_offset: Some(stable),
        ..OpenTransaction::default()
    };
    GroupOffset { last_stable: Some(stable), open_transaction: Some(open), ..known(0, committed, end) }
}

fn seen(offset: GroupOffset) -> GroupOffset {
    GroupOffset { open_transaction: offset.open_transaction.map(|open| OpenTransaction { since_at_least: true, ..open }), ..offset }
}

/// Name, readings, and the lag, verdict, partition, severity and words of the reason that follow.
type Case = (&'static str, Vec<GroupFact>, Option<u64>, LagVerdict, Option<i32>, Severity, &'static [&'static str]);

#[test]
fn verdicts_of_real_systems() {
    use LagVerdict::{BeyondEnd, Growing, NoMembers, NoOffsets, Ok, OpenTransaction, Rebalancing, Stuck, Unknown};
    use Severity::{Bad, Notice, Quiet, Warning};
    let two = |second, members: Vec<GroupMember>, offsets| GroupFact { members: Some(members), ..group(second, offsets) };
    let three_threads = || vec![member("a", &[("orders", 0)]), member("b", &[("orders", 1)]), member("c", &[("orders", 2)])];
    let state = |state: &str, fact: GroupFact| GroupFact { state: Some(state.into()), ..fact };
    let table: Vec<Case> = vec![
        (
            "both transactions of two partitions are read: only markers lie behind",
            standing(60, |second| group(second, vec![transactional(0, 10, 11, 0), transactional(1, 7, 8, 0)])),
            Some(0),
            Ok,
            None,
            Quiet,
            &["nothing waits"],
        ),
        (
            "one unread record beside the marker",
            standing(4, |second| group(second, vec![transactional(0, 10, 12, 1), transactional(1, 7, 8, 0)])),
            Some(1),
            Ok,
            None,
            Quiet,
            &["behind by 1 record"],
        ),
        (
            "one unread record that nobody reads on is no marker",
            standing(14, |second| group(second, vec![transactional(0, 10, 12, 1)])),
            Some(1),
            Stuck,
            Some(0),
            Bad,
            &["committed nothing for 14 s with 1 record waiting"],
        ),
        (
            "an open transaction",
            standing(40, |second| group(second + 200, vec![open(5, 15, 5, Some(60))])),
            Some(10),
            OpenTransaction,
            Some(0),
            Warning,
            &["payments-tx-1 has been open for 3 min", "partition 0", "10 offsets"],
        ),
        (
            "an open transaction whose begin is not told",
            standing(0, |second| group(second, vec![open(5, 15, 5, None)])),
            Some(10),
            OpenTransaction,
            Some(0),
            Warning,
            &["payments-tx-1 is open since a time that is not known"],
        ),
        (
            "an open transaction that nobody dates, seen for 20 s",
            standing(20, |second| group(second, vec![seen(open(5, 15, 5, Some(0)))])),
            Some(10),
            OpenTransaction,
            Some(0),
            Warning,
            &["payments-tx-1 has been open for at least 20 s"],
        ),
        (
            "an open transaction that nobody dates, seen just now",
            standing(4, |second| group(second, vec![seen(open(5, 15, 5, Some(0)))])),
            Some(10),
            Ok,
            None,
            Quiet,
            &["keeps pace"],
        ),
        (
            "a transaction that hangs",
            standing(40, |second| group(second + 2_000, vec![open(5, 15, 5, Some(60))])),
            Some(10),
            OpenTransaction,
            Some(0),
            Bad,
            &["has been open for 33 min"],
        ),
        (
            "a transaction that has only just begun is an ordinary one",
            standing(4, |second| group(second, vec![open(5, 15, 5, Some(second - 1))])),
            Some(10),
            Ok,
            None,
            Quiet,
            &["keeps pace"],
        ),
        (
            "who reads what is not committed does not wait for it",
            standing(40, |second| group(second, vec![open(5, 15, 9, Some(-100))])),
            Some(6),
            Stuck,
            Some(0),
            Bad,
            &["committed nothing"],
        ),
        (
            "only markers lie before the open transaction",
            standing(40, |second| group(second, vec![GroupOffset { readable_behind: Some(0), ..open(5, 15, 4, Some(-100)) }])),
            Some(0),
            OpenTransaction,
            Some(0),
            Warning,
            &["payments-tx-1"],
        ),
        (
            "retention took half of it",
            standing(4, |second| group(second, vec![offset(0, Some(10), Some(60), Some(100))])),
            Some(40),
            Ok,
            None,
            Quiet,
            &["behind by 40 records", "; 50 lost to retention"],
        ),
        (
            "retention took all of it",
            standing(60, |second| group(second, vec![offset(0, Some(10), Some(100), Some(100))])),
            Some(0),
            Ok,
            None,
            Quiet,
            &["nothing waits; 90 lost to retention"],
        ),
        (
            "committed beyond the end",
            vec![group(1, vec![known(0, 500, 20), known(1, 3, 3)])],
            Some(0),
            BeyondEnd,
            Some(0),
            Bad,
            &["the topic was made anew or cut; partition 0 ends at 20, and 500 is committed"],
        ),
        (
            "a partition that nobody reads",
            standing(4, |second| two(second, vec![member("a", &[("orders", 0)])], vec![known(0, second, second), known(1, 5, 9)])),
            Some(4),
            NoMembers,
            Some(1),
            Bad,
            &["nobody reads partition 1, where 4 records wait"],
        ),
        (
            "a partition that nobody reads and nobody ever read",
            standing(4, |second| two(second, vec![member("a", &[("orders", 0)])], vec![known(0, second, second), offset(1, None, Some(0), Some(9))])),
            Some(0),
            NoMembers,
            Some(1),
            Bad,
            &["nobody reads partition 1"],
        ),
        (
            "a partition that nobody reads and that is empty",
            standing(4, |second| two(second, vec![member("a", &[("orders", 0)])], vec![known(0, second, second), offset(1, None, Some(0), Some(0))])),
            Some(0),
            Ok,
            None,
            Quiet,
            &["nothing waits"],
        ),
        (
            "one thread of three hangs",
            standing(40, |second| two(second, three_threads(), vec![known(0, second, second), known(1, 5, 5 + second), known(2, second, second + 1)])),
            Some(41),
            Stuck,
            Some(1),
            Bad,
            &["partition 1 committed nothing for 40 s with 40 records waiting"],
        ),
        (
            "one thread of three reads its partitions in turn",
            standing(40, |second| {
                let members = vec![member("a", &[("orders", 0), ("orders", 1)]), member("c", &[("orders", 2)])];
                two(second, members, vec![known(0, second, second), known(1, 5, 25), known(2, second, second + 1)])
            }),
            Some(21),
            Ok,
            None,
            Quiet,
            &["behind by 21 records"],
        ),
        (
            "one partition holds most of what waits",
            standing(20, |second| {
                two(second, three_threads(), vec![known(0, second, second), known(1, 1 + second, 20 + second * 10), known(2, second, second + 1)])
            }),
            Some(200),
            Growing,
            Some(1),
            Warning,
            &["behind by 200 records", "grew by 180 in the last 20 s; 199 of them on partition 1"],
        ),
        (
            "rebalancing",
            standing(20, |second| state(if second < 10 { "Stable" } else { "PreparingRebalance" }, group(second, vec![known(0, 5, 30)]))),
            Some(25),
            Rebalancing,
            None,
            Notice,
            &["since 00:00:10 UTC, 10 s before it was read; behind by 25 records"],
        ),
        (
            "rebalancing for 30 s",
            standing(40, |second| state("Assigning", group(second, vec![known(0, 5, 30)]))),
            Some(25),
            Rebalancing,
            None,
            Warning,
            &["since 00:00:00 UTC, 40 s before it was read; behind by 25 records"],
        ),
        (
            "rebalanced, and stands since",
            standing(40, |second| state(if second < 20 { "Reconciling" } else { "Stable" }, group(second, vec![known(0, 5, 30)]))),
            Some(25),
            Stuck,
            Some(0),
            Bad,
            &["committed nothing for 40 s"],
        ),
        (
            "empty before its first commit on an empty topic",
            vec![state("Empty", two(1, vec![], vec![offset(0, None, Some(0), Some(0)), offset(1, None, Some(7), Some(7))]))],
            Some(0),
            Ok,
            None,
            Quiet,
            &["nothing waits"],
        ),
        (
            "before its first commit, and records are there",
            vec![group(1, vec![offset(0, None, Some(0), Some(0)), offset(1, None, Some(7), Some(9))])],
            None,
            Unknown,
            None,
            Severity::Unknown,
            &["no commit yet"],
        ),
        (
            "a share group",
            vec![GroupFact { kind: Some(GroupKind::Share), ..group(1, vec![offset(0, None, Some(0), Some(9))]) }],
            None,
            NoOffsets,
            None,
            Severity::Unknown,
            &["acknowledged one by one"],
        ),
        (
            "a share group that nobody is in",
            vec![GroupFact { kind: Some(GroupKind::Share), members: Some(vec![]), ..group(1, vec![offset(0, None, Some(0), Some(9))]) }],
            None,
            NoMembers,
            None,
            Severity::Unknown,
            &["the group has no members"],
        ),
        (
            "a streams group commits as others do",
            vec![GroupFact { kind: Some(GroupKind::Streams), ..group(1, vec![known(0, 9, 9)]) }],
            Some(0),
            Ok,
            None,
            Quiet,
            &["nothing waits"],
        ),
    ];
    for (name, facts, lag, verdict, partition, severity, words) in table {
        let row = row(&facts);
        assert_eq!((row.lag, row.verdict, row.partition), (lag, verdict, partition), "{name}: {}", row.reason);
        assert_eq!(row.severity(), severity, "{name}: {}", row.reason);
        for part in words {
            assert!(row.reason.contains(part), "{name}: {}", row.reason);
        }
    }
}

#[test]
fn stuck_never_stands_beside_a_time_when_it_has_caught_up() {
    let stuck = row(&standing(40, |second| group(second, vec![known(0, 5 + second.min(20), 100)])));
    assert_eq!(stuck.verdict, LagVerdict::Stuck, "{}", stuck.reason);
    assert_eq!(stuck.catch_up(), CatchUp::NotWhile(LagVerdict::Stuck));
    let hangs = standing(40, |second| {
        let members = vec![member("a", &[("orders", 0)]), member("b", &[("orders", 1)])];
        GroupFact { members: Some(members), ..group(second, vec![known(0, second * 50, 3_000), known(1, 5, 30)]) }
    });
    let hangs = row(&hangs);
    assert_eq!((hangs.verdict, hangs.partition, hangs.catch_up()), (LagVerdict::Stuck, Some(1), CatchUp::NotWhile(LagVerdict::Stuck)), "{}", hangs.reason);
    let falls = row(&standing(40, |second| group(second, vec![known(0, second * 50, 3_000)])));
    assert_eq!((falls.verdict, falls.catch_up()), (LagVerdict::Ok, CatchUp::In(20.0)), "{}", falls.reason);
}

#[test]
fn what_came_in_and_what_was_handled_add_up_to_the_growth_that_is_told() {
    for (comes, handled) in [(20, 10), (11, 1), (50, 49), (7, 0)] {
        let row = row(&standing(60, |second| group(second, vec![known(0, second * handled + 1, 50 + second * comes), known(1, second, second)])));
        let Some(pace) = row.pace else { panic!("{comes} and {handled}: no pace") };
        let grew = pace.came_in - pace.handled;
        assert_eq!(pace.came_in, (pace.over_ns / S * (comes + 1)) as u64, "{}", row.reason);
        if row.verdict == LagVerdict::Growing {
            let told = format!("grew by {} in the last {} s", crate::words::count(grew), pace.over_ns / S);
            assert!(row.reason.contains(&told), "{told}: {}", row.reason);
            assert_eq!(row.catch_up(), CatchUp::Never);
        }
    }
}

#[test]
fn readers_without_offsets_are_listed_on_what_their_members_read_or_on_what_nobody_tells() {
    let rows = |fact: &GroupFact| {
        let mut groups = Groups::default();
        groups.apply_topic(&topic("orders", &[(Some(0), Some(9))]), S);
        groups.apply_group(fact, S);
        let told = |row: GroupView| (row.topic.clone(), row.verdict, row.sentence());
        groups.views(S, &Sources::default()).into_iter().map(told).collect::<Vec<_>>()
    };
    let share = |members| GroupFact { kind: Some(GroupKind::Share), members, ..group(1, vec![]) };
    let assigned = rows(&share(Some(vec![member("c", &[("orders", 0)]), member("d", &[("payments", 0), ("payments", 1)])])));
    assert_eq!(
        assigned.iter().map(|(topic, verdict, _)| (topic.as_str(), *verdict)).collect::<Vec<_>>(),
        [("orders", LagVerdict::NoOffsets), ("payments", LagVerdict::NoOffsets)]
    );
    assert!(assigned[0].2.starts_with("lag not known: a share group has records acknowledged one by one"), "{}", assigned[0].2);
    let untold = rows(&share(None));
    assert_eq!((untold.len(), untold[0].0.as_str(), untold[0].1), (1, "", LagVerdict::NoOffsets));
    assert!(untold[0].2.contains("nor which topics it reads") && untold[0].2.contains("does not list members"), "{}", untold[0].2);
    let streams = rows(&GroupFact { kind: Some(GroupKind::Streams), members: None, ..group(1, vec![]) });
    assert_eq!((streams.len(), streams[0].1), (1, LagVerdict::NoOffsets));
    let other = rows(&GroupFact { kind: Some(GroupKind::Other("queue\u{202e}".into())), members: None, ..group(1, vec![]) });
    assert!(other[0].2.contains("(queue\\u{202e})"), "{}", other[0].2);
    assert!(rows(&GroupFact { kind: Some(GroupKind::Classic), ..group(1, vec![]) }).iter().all(|(topic, ..)| topic == "orders"));
    assert_eq!(rows(&GroupFact { kind: Some(GroupKind::Classic), members: Some(vec![]), ..group(1, vec![]) }), []);
}

#[test]
fn a_retry_topic_waits_until_its_records_are_due() {
    let seen = |name: &str, due_s: Option<i64>, seconds: i64| {
        let mut groups = Groups::default();
        for poll in 0..=seconds / 2 {
            let mut fact = group(poll * 2, vec![offset(0, Some(7), Some(0), Some(8 + poll))]);
            fact.offsets[0].topic = name.to_owned();
            fact.members = Some(vec![member("c", &[(name, 0)])]);
            groups.apply_group(&fact, fact.read_ns);
        }
        if let Some(due_s) = due_s {
            groups.record_due(&cluster(), name, (0, 7), due_s * S);
        }
        let row = groups.views(seconds * S, &Sources::default()).remove(0);
        (row.verdict, row.severity(), row.reason.to_string())
    };
    let waits = |told: (LagVerdict, Severity, String), words: &str| {
        assert_eq!((told.0, told.1), (LagVerdict::Waits, Severity::Notice), "{}", told.2);
        assert!(told.2.contains(words), "{}", told.2);
    };
    waits(seen("orders-retry-0", Some(90), 40), "waits until its records are due, the next in 50 s; behind by 21 records");
    waits(seen("orders-retry-0", Some(30), 40), "the next now");
    for (name, due_s, seconds) in [("orders-retry-0", Some(5), 40), ("orders-retry", None, 700), ("orders", None, 40)] {
        let told = seen(name, due_s, seconds);
        assert_eq!(told.0, LagVerdict::Stuck, "{name}: {}", told.2);
    }
}

#[test]
fn records_are_due_by_the_machines_clock_as_it_was_set() {
    let mut groups = Groups::default();
    for poll in 0..=20 {
        let mut fact = group(poll * 2, vec![offset(0, Some(7), Some(0), Some(8 + poll))]);
        fact.offsets[0].topic = "orders-retry-0".to_owned();
        fact.members = Some(vec![member("c", &[("orders-retry-0", 0)])]);
        groups.apply_group(&fact, fact.read_ns);
    }
    let told = |groups: &mut Groups| groups.views(40 * S, &Sources::default()).remove(0);
    groups.record_due(&cluster(), "orders-retry-0", (0, 7), 90 * S);
    assert_eq!(told(&mut groups).verdict, LagVerdict::Waits);
    groups.clock_set(3_600 * S);
    assert_eq!(told(&mut groups).verdict, LagVerdict::Stuck, "it is long due by the listener's clock");
    // One that was written by that clock.
    groups.record_due(&cluster(), "orders-retry-0", (0, 7), 3_690 * S);
    let row = told(&mut groups);
    assert_eq!(row.verdict, LagVerdict::Waits);
    assert!(row.reason.contains("the next in 50 s"), "{}", row.reason);
}

#[test]
fn a_topic_that_was_made_again_is_another_one() {
    let mut groups = Groups::default();
    groups.apply_topic(&topic("orders", &[(Some(0), Some(500))]), S);
    for poll in 0..20 {
        groups.apply_group(&group(poll * 2, vec![known(0, 400, 500)]), poll * 2 * S);
    }
    groups.apply_topic(&TopicFact { made_again_ns: Some(50 * S), ..topic("orders", &[(Some(0), Some(2))]) }, 52 * S);
    assert_eq!(groups.channels()[0].made_again_ns, Some(50 * S));
    assert_eq!(groups.views(53 * S, &Sources::default()), [], "what was read before is of the topic that is gone");
    groups.apply_group(&group(54, vec![known(0, 400, 2)]), 54 * S);
    let row = groups.views(55 * S, &Sources::default()).remove(0);
    assert_eq!((row.verdict, row.lag), (LagVerdict::BeyondEnd, Some(0)));
    assert!(row.reason.ends_with("it was made again at 1970-01-01T00:00:50.000Z"), "{}", row.reason);
}

#[test]
fn every_verdict_has_a_word_of_its_own_and_the_worst_is_the_first() {
    let words: std::collections::BTreeSet<&str> = LagVerdict::ALL.into_iter().map(LagVerdict::word).collect();
    assert_eq!(words.len(), LagVerdict::ALL.len());
    let urgencies: Vec<Severity> = LagVerdict::ALL.into_iter().map(|verdict| verdict.severity(Some(1), Some(60 * S))).collect();
    assert!(urgencies.is_sorted_by(|one, next| one >= next), "{urgencies:?}");
    for (lag, severity) in [(Some(0), Severity::Notice), (Some(3), Severity::Bad), (None, Severity::Unknown)] {
        assert_eq!(LagVerdict::NoMembers.severity(lag, None), severity, "{lag:?}");
    }
}
