//! A group is as its worst partition, and not as the sum of them.

use super::verdicts::{known, open, standing};
use super::*;
use crate::view::Severity;
use crate::words;

/// The detail of the group after these readings.
fn detail_of(facts: &[GroupFact]) -> crate::view::GroupDetail {
    let mut groups = Groups::default();
    for fact in facts {
        groups.apply_group(fact, fact.read_ns);
    }
    let now_ns = facts.iter().map(|fact| fact.read_ns).max().unwrap_or(0);
    let detail = groups.detail((None, "inventory", "orders"), now_ns, &Sources::default()).expect("the group");
    assert_eq!(groups.views(now_ns, &Sources::default())[0], detail.view, "the list says the same");
    detail
}

#[test]
fn a_partition_that_falls_behind_is_told_though_the_sum_catches_up() {
    let readers = || vec![member("a", &[("orders", 0)]), member("b", &[("orders", 1)]), member("c", &[("orders", 2)])];
    // Partition 1 is behind by 2 more each second, while 0 catches up by 10 and 2 keeps up.
    let reading = |second: i64| {
        let offsets = vec![known(0, second * 30, 2_000 + second * 20), known(1, second * 4, 50 + second * 6), known(2, second * 5, second * 5)];
        GroupFact { members: Some(readers()), ..group(second, offsets) }
    };
    let detail = detail_of(&standing(120, reading));
    let view = &detail.view;
    assert_eq!((view.verdict, view.partition, view.severity()), (LagVerdict::Growing, Some(1), Severity::Warning), "{}", view.reason);
    assert!(view.reason.contains("partition 1 grew by "), "{}", view.reason);
    // What came in and what was handled is of the same readings as what it grew by.
    let pace = view.pace.expect("it is told");
    assert!(
        view.reason.contains(&format!("partition 1 grew by {} in the last {}", pace.came_in - pace.handled, words::duration(pace.over_ns))),
        "{}",
        view.reason
    );
    let verdicts: Vec<LagVerdict> = detail.partitions.iter().map(|partition| partition.verdict).collect();
    assert_eq!(verdicts, [LagVerdict::Ok, LagVerdict::Growing, LagVerdict::Ok]);
    // For too short a time nothing is said.
    assert_eq!(detail_of(&standing(40, reading)).view.verdict, LagVerdict::Ok);
}

#[test]
fn partitions_that_are_emptied_in_turn_do_not_fall_behind() {
    // One reader takes three partitions in turn, each for ten seconds, and keeps up with what comes in on all.
    let reading = |second: i64| {
        let committed = |partition: i64| {
            let (round, within) = (second / 30, second % 30);
            let read_in_round = (within - partition * 10).clamp(0, 10);
            (round * 30 + read_in_round * 3) * 10
        };
        let reader = vec![member("a", &[("orders", 0), ("orders", 1), ("orders", 2)])];
        let offsets = (0..3_i32).map(|partition| known(partition, committed(i64::from(partition)), 400 + second * 10)).collect();
        GroupFact { members: Some(reader), ..group(second, offsets) }
    };
    let detail = detail_of(&standing(180, reading));
    assert_eq!(detail.view.verdict, LagVerdict::Ok, "{}", detail.view.reason);
    assert!(detail.partitions.iter().all(|partition| partition.verdict == LagVerdict::Ok), "{:?}", detail.partitions);
}

#[test]
fn the_groups_verdict_is_the_worst_of_its_partitions() {
    let two = || vec![member("a", &[("orders", 0)]), member("b", &[("orders", 1)])];
    let of = |second: i64, members: Vec<GroupMember>, offsets: Vec<GroupOffset>| GroupFact { members: Some(members), ..group(second, offsets) };
    let moving = |second: i64| known(1, second * 10, second * 10 + 2);
    let cases: Vec<(&str, Vec<GroupFact>, Vec<LagVerdict>)> = vec![
        ("one hangs", standing(120, |second| of(second, two(), vec![known(0, 5, 5 + second * 3), moving(second)])), vec![LagVerdict::Stuck, LagVerdict::Ok]),
        (
            "nobody reads one",
            standing(30, |second| of(second, vec![member("a", &[("orders", 1)])], vec![known(0, 5, 9), moving(second)])),
            vec![LagVerdict::NoMembers, LagVerdict::Ok],
        ),
        ("nobody reads any", standing(30, |second| of(second, vec![], vec![known(0, 5, 9), known(1, 5, 5)])), vec![LagVerdict::NoMembers, LagVerdict::Ok]),
        ("one is beyond the end", standing(30, |second| of(second, two(), vec![known(0, 9, 5), moving(second)])), vec![LagVerdict::BeyondEnd, LagVerdict::Ok]),
        (
            "one waits for a transaction",
            standing(60, |second| of(second, two(), vec![open(5, 15, 5, Some(0)), moving(second)])),
            vec![LagVerdict::OpenTransaction, LagVerdict::Ok],
        ),
        ("all hang", standing(120, |second| of(second, two(), vec![known(0, 5, 9 + second), known(1, 7, 7)])), vec![LagVerdict::Stuck, LagVerdict::Ok]),
        ("it keeps up", standing(60, |second| of(second, two(), vec![known(0, second, second), moving(second)])), vec![LagVerdict::Ok, LagVerdict::Ok]),
    ];
    for (name, facts, expected) in cases {
        let detail = detail_of(&facts);
        let verdicts: Vec<LagVerdict> = detail.partitions.iter().map(|partition| partition.verdict).collect();
        assert_eq!(verdicts, expected, "{name}");
        let worst =
            detail.partitions.iter().max_by_key(|partition| (partition.severity(), partition.verdict, std::cmp::Reverse(partition.partition))).expect("one");
        assert_eq!((detail.view.verdict, detail.view.partition.unwrap_or(worst.partition)), (worst.verdict, worst.partition), "{name}: {}", detail.view.reason);
    }
}

#[test]
fn of_very_many_partitions_only_the_sum_is_followed() {
    let mut groups = Groups::default();
    let many = i32::try_from(crate::state::groups::partition_course::MOST_FOLLOWED).expect("few") + 1;
    groups.apply_group(&group(0, vec![known(0, 1, 2)]), 0);
    let is_followed = |groups: &Groups| {
        groups.clusters.values().flat_map(|cluster| cluster.groups.values()).flat_map(|group| group.topics.values()).any(|on_topic| on_topic.courses.is_some())
    };
    assert!(is_followed(&groups));
    groups.apply_group(&GroupFact { group: "wide".into(), ..group(2, (0..many).map(|partition| known(partition, 1, 2)).collect()) }, 2 * S);
    groups.apply_group(&group(4, vec![known(0, 1, 2)]), 4 * S);
    assert!(!is_followed(&groups));
}
