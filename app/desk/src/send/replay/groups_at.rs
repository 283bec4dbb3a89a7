//! How far the groups on a channel are with a record that never was a dead letter: of such a one no group is the one that failed, so each counts. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::send::replay::sighting::{At, GroupReading};

/// Groups that are named at most where they are told of.
const NAMED_MAX: usize = 5;

/// How far the groups known on a channel are with a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupsAt {
    /// Those that have read it.
    pub read_by: BTreeSet<String>,
    /// Those that have not, as far as is known.
    pub unread_by: BTreeSet<String>,
    /// Of these, those of which waiting does not tell it: nobody is in them, or what they have committed proves nothing; why, in words.
    pub untellable: BTreeMap<String, String>,
}

impl GroupsAt {
    /// Of a record at this place, by what groups have committed. `sent_ns`: when it was sent there, ns since the Unix epoch.
    pub(super) fn of(groups: &BTreeMap<String, GroupReading>, at: &At, sent_ns: i64, now_ns: i64) -> Self {
        let mut found = Self::default();
        for (group, reading) in groups {
            let Err(why) = reading.has_read(group, at, sent_ns) else {
                found.read_by.insert(group.clone());
                continue;
            };
            found.unread_by.insert(group.clone());
            if !reading.stands_before(at) {
                found.untellable.insert(group.clone(), reading.with_age(why, now_ns));
            }
        }
        found
    }

    /// Takes in groups that are known on the channel: one that told nothing of itself has not read it, as far as is known.
    pub(super) fn take_those_of_which_nothing_is_told<'a>(&mut self, known: impl Iterator<Item = &'a str>) {
        for group in known.filter(|group| !self.read_by.contains(*group) && !self.unread_by.contains(*group)).map(str::to_owned).collect::<BTreeSet<_>>() {
            self.untellable.insert(group.clone(), format!("nothing is known of what {group} has committed"));
            self.unread_by.insert(group);
        }
    }

    /// Whether there are groups, and each has read it.
    pub fn have_all_read(&self) -> bool {
        self.unread_by.is_empty() && !self.read_by.is_empty()
    }

    /// Whether a group is on its way to it: somebody is in it, and it stands before it.
    pub(super) fn is_awaited(&self) -> bool {
        self.unread_by.len() > self.untellable.len()
    }

    /// `read by billing, inventory; not yet by audit`, and why waiting does not tell it, where that is so; empty where no group is known.
    pub fn words(&self) -> String {
        let not_yet = match (self.read_by.is_empty(), self.unread_by.is_empty()) {
            (true, true) => return String::new(),
            (false, true) => return format!("read by {}", named(&self.read_by)),
            (false, false) => format!("read by {}; not yet by {}", named(&self.read_by), named(&self.unread_by)),
            (true, false) => format!("not yet read by {}", named(&self.unread_by)),
        };
        match self.untellable.values().next() {
            None => not_yet,
            Some(why) if self.untellable.len() == 1 => format!("{not_yet}: {why}"),
            Some(why) => format!("{not_yet}: {why}, and of {} more waiting does not tell it either", self.untellable.len() - 1),
        }
    }
}

/// The first few by name, and how many more there are.
fn named(groups: &BTreeSet<String>) -> String {
    let names: Vec<&str> = groups.iter().take(NAMED_MAX).map(String::as_str).collect();
    let more = groups.len().saturating_sub(NAMED_MAX);
    if more > 0 { format!("{} and {more} more", names.join(", ")) } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::send::replay::sighting::PartitionReading;

    /// What a group has committed on partition 2, and since when nobody is in it.
    fn reading(committed: Option<i64>, is_empty_since: Option<i64>) -> GroupReading {
        let partition = PartitionReading { committed, low: Some(0), end: None };
        GroupReading { partitions: BTreeMap::from([(2, partition)]), is_empty_since, answered_ns: 0 }
    }

    #[test]
    fn each_group_is_told_by_its_name_and_waiting_tells_it_only_where_one_is_on_its_way() {
        let at = At { channel: "orders".into(), partition: 2, offset: 100 };
        let (past, before, stopped, never) = (reading(Some(101), None), reading(Some(7), None), reading(Some(7), Some(5)), reading(None, None));
        // Nobody was in it since before the record was sent.
        let set = reading(Some(500), Some(5));
        for (of, words, have_all_read, is_awaited) in [
            (vec![], "", false, false),
            (vec![("inventory", &past), ("billing", &past)], "read by billing, inventory", true, false),
            (vec![("inventory", &past), ("billing", &past), ("audit", &before)], "read by billing, inventory; not yet by audit", false, true),
            (vec![("audit", &before)], "not yet read by audit", false, true),
            (vec![("inventory", &past), ("audit", &stopped)], "read by inventory; not yet by audit: audit has no members", false, false),
            (vec![("audit", &never)], "not yet read by audit: audit has committed nothing on partition 2", false, false),
            (vec![("audit", &set)], "not yet read by audit: audit is past 2@100, but nobody was in it since: its offsets were set from outside", false, false),
            (
                vec![("a", &past), ("b", &stopped), ("c", &never), ("d", &before)],
                "read by a; not yet by b, c, d: b has no members, and of 1 more waiting does not tell it either",
                false,
                true,
            ),
            (
                vec![("a", &past), ("b", &past), ("c", &past), ("d", &past), ("e", &past), ("f", &past), ("g", &past)],
                "read by a, b, c, d, e and 2 more",
                true,
                false,
            ),
        ] {
            let groups = of.into_iter().map(|(group, reading)| (group.to_owned(), reading.clone())).collect();
            let found = GroupsAt::of(&groups, &at, 10, 0);
            assert_eq!((found.words().as_str(), found.have_all_read(), found.is_awaited()), (words, have_all_read, is_awaited));
        }
        // One that only spans name is known, and has told nothing.
        let mut found = GroupsAt::of(&BTreeMap::from([("inventory".to_owned(), past)]), &at, 10, 0);
        found.take_those_of_which_nothing_is_told(["inventory", "audit", "audit"].into_iter());
        assert_eq!((found.have_all_read(), found.is_awaited()), (false, false));
        assert_eq!(found.words(), "read by inventory; not yet by audit: nothing is known of what audit has committed");
    }
}
