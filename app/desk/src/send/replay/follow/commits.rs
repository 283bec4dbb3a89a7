//! What the groups on the channels where letters wait have committed, and since when nobody was in them.

use std::collections::{BTreeMap, BTreeSet};

use switchboard_engine::view::{Answer, GroupView, PointQuery, Query, Snapshot};

use crate::ledger::{KindHash, LetterRecord};
use crate::send::replay::follow::{ByChannel, Follower, Round, Sent, place};
use crate::send::replay::sighting::{GroupReading, Proof, is_of_group};
use crate::send::replay::{GroupsAt, Observed};

/// What groups have committed, by their names.
pub(super) type Commits = ByChannel<BTreeMap<String, GroupReading>>;

/// The groups that are known on a channel, those too that only spans name.
fn groups_on<'a>(snapshot: &'a Snapshot, cluster: &str, channel: &str) -> impl Iterator<Item = &'a str> {
    let is_there = move |group: &&GroupView| group.topic == channel && group.cluster.as_deref().is_none_or(|name| name == cluster);
    snapshot.groups.iter().filter(is_there).map(|group| group.group.as_str())
}

impl Follower {
    /// What the groups on the channels where letters wait have committed.
    pub(super) async fn commits(&self, observed: &dyn Observed, snapshot: &Snapshot, waiting: &[Sent<'_>], now_ns: i64) -> Commits {
        let of = |sent: &Sent<'_>| self.channels(sent.record).map(|channel| (sent.cluster.to_owned(), channel.to_owned()));
        let channels: BTreeSet<(String, String)> = waiting.iter().flat_map(of).collect();
        let mut commits = Commits::new();
        for (cluster, channel) in channels {
            let before = self.commits.get(&(cluster.clone(), channel.clone()));
            let groups: BTreeSet<&str> = groups_on(snapshot, &cluster, &channel).collect();
            let mut readings = BTreeMap::new();
            for group in groups {
                let query = Query::Point(PointQuery::Group { cluster: Some(cluster.clone()), group: group.to_owned(), topic: channel.clone() });
                match observed.query(query).await {
                    Some(Answer::Group(Some(detail))) => {
                        let is_empty_since = self.empty_since.get(&(cluster.clone(), group.to_owned())).copied();
                        readings.insert(group.to_owned(), GroupReading::of(&detail, is_empty_since, now_ns));
                    }
                    // Nobody answered: what was known holds on, with its age.
                    None => readings.extend(before.and_then(|known| known.get(group)).map(|known| (group.to_owned(), known.clone()))),
                    Some(_) => {}
                }
            }
            commits.insert((cluster, channel), readings);
        }
        commits
    }

    /// The channel where a record waits.
    fn channel<'a>(&'a self, record: &'a LetterRecord) -> &'a str {
        let retry = self.sightings.get(&record.replay_id).and_then(|sighting| sighting.retry.as_ref());
        retry.map_or(record.target.as_str(), |retry| retry.at.channel.as_str())
    }

    /// The channels of which it is asked who reads them: the one where a record waits, and the one that it was sent to.
    fn channels<'a>(&'a self, record: &'a LetterRecord) -> [&'a str; 2] {
        [self.channel(record), record.target.as_str()]
    }

    /// Remembers since when nobody is in the groups on the channels where letters wait, or will: what such a group commits was set
    /// from outside.
    pub(super) fn note_who_is_empty(&mut self, snapshot: &Snapshot, waiting: &[Sent<'_>], round: &Round<'_>, now_ns: i64) {
        let mut channels: BTreeSet<(&str, &str)> = BTreeSet::new();
        for sent in waiting {
            channels.extend(self.channels(sent.record).map(|channel| (sent.cluster, channel)));
        }
        channels.extend(round.targets.iter().copied());
        let mut empty_since = BTreeMap::new();
        for group in snapshot.groups.iter().filter(|group| group.members.as_ref().is_some_and(Vec::is_empty)) {
            let on = channels.iter().filter(|(cluster, topic)| group.topic == *topic && group.cluster.as_deref().is_none_or(|name| name == *cluster));
            for (cluster, _) in on {
                let key = ((*cluster).to_owned(), group.group.clone());
                let since_ns = self.empty_since.get(&key).copied().unwrap_or_else(|| group.read_ns.unwrap_or(now_ns));
                empty_since.insert(key, since_ns);
            }
        }
        self.empty_since = empty_since;
    }

    /// Takes in what the groups on a letter's channel have committed.
    pub(super) fn weigh(&mut self, sent: Sent<'_>, commits: &Commits, now_ns: i64) {
        let Sent { record, cluster, .. } = sent;
        let Some((sighting, at)) = self.sighting(record) else { return };
        if sighting.groups.take().is_some() {
            // Dead letters were seen on its channel since, so it may have been one: what was proved of every group proves nothing of the one that failed.
            sighting.proof = None;
        }
        let none = BTreeMap::new();
        let known = commits.get(&(cluster.to_owned(), at.channel.clone()));
        // Where it was moved to this round, it is looked for readers from the next one on.
        sighting.is_unread = known.is_none();
        let groups = known.unwrap_or(&none);
        let Some(failed) = &record.failed_group else {
            sighting.others.extend(groups.iter().filter(|(_, reading)| reading.is_past(&at)).map(|(group, _)| group.clone()));
            let why = if record.kind == KindHash::default() {
                "it was chosen by its place, and nothing tells in which group it died"
            } else {
                "its headers do not tell in which group it died"
            };
            (sighting.waits_for, sighting.is_untellable) = (why.to_owned(), true);
            return;
        };
        let own = |group: &str| is_of_group(group, failed);
        sighting.others.extend(groups.iter().filter(|(group, reading)| !own(group) && reading.is_past(&at)).map(|(group, _)| group.clone()));
        if sighting.proof.as_ref().is_some_and(|proof| proof.at == at) {
            (sighting.waits_for, sighting.is_untellable) = (String::new(), false);
            return;
        }
        let sent_ns = sighting.retry.as_ref().map_or(record.intended_ns, |retry| retry.since_ns);
        let own_readings = groups.iter().filter(|(group, _)| own(group));
        let has_read = |group: &str, reading: &GroupReading| reading.has_read(group, &at, sent_ns).map_err(|why| reading.with_age(why, now_ns));
        let mut readings = own_readings.map(|(group, reading)| (has_read(group, reading), reading.is_past(&at))).peekable();
        sighting.is_untellable = readings.peek().is_none() && sighting.retry.as_ref().is_none_or(|retry| retry.over_ns.is_none());
        sighting.waits_for = match readings.peek() {
            None if sighting.retry.is_some() => format!("no group is known that reads {} for {failed}", at.channel),
            None => format!("nothing is known of what {failed} has committed on {}", at.channel),
            Some(_) => String::new(),
        };
        for (reading, is_past) in readings {
            match reading {
                Ok(evidence) => {
                    (sighting.is_unread, sighting.is_untellable) = (false, false);
                    return sighting.proved(Proof { evidence, at: at.clone(), since_ns: now_ns, has_settled: false });
                }
                Err(why) => (sighting.waits_for, sighting.is_unread) = (why, true),
            }
            // Who was moved past a record will not come back to it.
            sighting.is_untellable |= is_past && sighting.retry.is_some();
        }
    }

    /// Takes in how far the groups are with a record that never was a dead letter: no group is the one that failed, so it is read once every group
    /// has read it that is known where it was sent to, and where it was moved to be tried again.
    pub(super) fn weigh_groups(&mut self, sent: Sent<'_>, snapshot: &Snapshot, commits: &Commits, now_ns: i64) {
        let Sent { record, cluster, .. } = sent;
        let (Some((sighting, at)), Some(sent_to)) = (self.sighting(record), place(record)) else { return };
        let none = BTreeMap::new();
        let on = |channel: &str| commits.get(&(cluster.to_owned(), channel.to_owned()));
        let mut groups = GroupsAt::of(on(&sent_to.channel).unwrap_or(&none), &sent_to, record.intended_ns, now_ns);
        groups.take_those_of_which_nothing_is_told(groups_on(snapshot, cluster, &sent_to.channel));
        let retried = sighting.retry.as_ref().map(|retry| GroupsAt::of(on(&at.channel).unwrap_or(&none), &at, retry.since_ns, now_ns));
        // Where it was moved to this round, it is looked for readers from the next one on.
        let of_place = retried.as_ref().unwrap_or(&groups);
        sighting.is_unread = on(&at.channel).is_none() || !of_place.unread_by.is_empty() || !groups.unread_by.is_empty();
        if groups.have_all_read() && retried.as_ref().is_none_or(GroupsAt::have_all_read) {
            sighting.proved(Proof { evidence: groups.words(), at, since_ns: now_ns, has_settled: false });
            (sighting.waits_for, sighting.is_untellable) = (String::new(), false);
        } else {
            // One that came since has not read it yet.
            sighting.proof = None;
            sighting.is_untellable = !groups.is_awaited() && !retried.as_ref().is_some_and(GroupsAt::is_awaited);
            let of_those_that_wait = if groups.have_all_read() { of_place } else { &groups };
            sighting.waits_for = match of_those_that_wait.words() {
                words if words.is_empty() => format!("no group is known that reads {}", if groups.have_all_read() { &at.channel } else { &sent_to.channel }),
                words => words,
            };
        }
        sighting.groups = Some(groups);
    }
}
