//! Where a consumer group stands on a topic, and the words that say so.

use std::cmp::Reverse;

use crate::state::group_partitions::GroupPartition;
use crate::state::groups::{GroupHead, GroupTopic, Topic};
use crate::state::words;
use crate::view::{GroupView, LagVerdict};

/// Older readings say nothing of now.
const STALE_NS: i64 = 30_000_000_000;
/// One partition is called stuck beside others that move only after this long: a slow consumer empties its partitions in turn.
const PARTITION_STUCK_NS: i64 = 90_000_000_000;
/// Text from brokers is cut here.
const MAX_FOREIGN_CHARS: usize = 200;

/// What follows from a reading, apart from its age.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    lag: Option<u64>,
    lag_s: Option<f64>,
    verdict: LagVerdict,
    reason: String,
    committed_since_start: Option<u64>,
    has_commit: bool,
    is_assigned: bool,
}

impl Standing {
    /// Works it out.
    pub(crate) fn of(head: &GroupHead, topic_name: &str, on_topic: &GroupTopic, topic: &Topic) -> Self {
        let committed: Vec<GroupPartition> = on_topic.partitions.iter().filter(|known| known.committed().is_some()).collect();
        // After an error a partition without a commit may have one.
        let is_told = !committed.is_empty() && (head.error.is_none() || committed.len() == on_topic.num_read);
        let lag = if is_told { total(committed.iter().map(GroupPartition::lag)) } else { None };
        let lag_s = lag.and_then(|_| lag_s(head.read_ns, &committed, topic));
        let first_end = |number: i32| topic.watermarks.get(&number).and_then(|known| known.first_end(topic.began_ns()));
        let handled: Vec<u64> = on_topic.partitions.iter().filter_map(|known| known.handled(first_end(known.partition))).collect();
        let (verdict, reason) = judge(head, (topic_name, topic), on_topic, &committed, (lag, lag_s));
        Self {
            is_assigned: head.members.as_ref().is_some_and(|members| members.reads(topic_name)),
            has_commit: !committed.is_empty(),
            committed_since_start: (!handled.is_empty()).then(|| handled.iter().fold(0, |sum: u64, part| sum.saturating_add(*part))),
            lag,
            lag_s,
            verdict,
            reason,
        }
    }

    /// Whether the group reads the topic at all, as far as is known. A group that is followed by its offsets is asked for
    /// topics that it never read; those are told by having no commit while others have.
    pub(crate) fn is_read(&self, commits_elsewhere: bool) -> bool {
        self.has_commit || self.is_assigned || !commits_elsewhere
    }

    /// The row, with its age taken into account. `names` are those of cluster, group and topic; `failure` is why the source
    /// cannot be read now, and since when.
    pub(crate) fn view(&self, head: &GroupHead, names: (&str, &str, &str), failure: Option<(i64, &str)>, now_ns: i64) -> GroupView {
        let age_ns = now_ns.saturating_sub(head.read_ns);
        let failure = failure.filter(|(since_ns, _)| *since_ns >= head.read_ns).map(|(_, detail)| words::visible(detail, MAX_FOREIGN_CHARS));
        let aged = match &failure {
            Some(detail) => Some(format!("last read {} ago; its source has failed: {detail}", words::duration(age_ns))),
            None if age_ns > STALE_NS => Some(format!("last read {} ago; then: {}", words::duration(age_ns), self.reason)),
            None => None,
        };
        GroupView {
            node_id: None,
            group: names.1.to_owned(),
            topic: names.2.to_owned(),
            cluster: Some(names.0.to_owned()),
            state: head.state.clone(),
            members: head.members.as_ref().map(|members| members.views(names.2)),
            members_reason: head.members_reason.clone(),
            lag: self.lag.filter(|_| failure.is_none()),
            lag_s: self.lag_s.filter(|_| aged.is_none()),
            verdict: if aged.is_some() { LagVerdict::Unknown } else { self.verdict },
            reason: aged.unwrap_or_else(|| self.reason.clone()),
            read_ns: Some(head.read_ns),
            committed_since_start: self.committed_since_start,
        }
    }
}

/// The row of all groups and topics that found no room.
pub(crate) fn others(num_facts: u64) -> GroupView {
    GroupView {
        node_id: None,
        group: "other".into(),
        topic: "other".into(),
        cluster: None,
        state: None,
        members: None,
        members_reason: Some("not told apart".into()),
        lag: None,
        lag_s: None,
        verdict: LagVerdict::Unknown,
        reason: format!("too many groups and topics: {} on further ones found no room", words::facts(num_facts)),
        read_ns: None,
        committed_since_start: None,
    }
}

/// The sum, or `None` where a part is unknown.
pub(crate) fn total(mut parts: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    parts.try_fold(0_u64, |sum, part| Some(sum.saturating_add(part?)))
}

/// How long ago the most belated partition ended where the group stands, in seconds. `None` where that of any lagging
/// partition is unknown.
fn lag_s(read_ns: i64, committed: &[GroupPartition], topic: &Topic) -> Option<f64> {
    let mut longest_ns = 0;
    for partition in committed.iter().filter(|partition| partition.lag() != Some(0)) {
        let reached_ns = topic.watermarks.get(&partition.partition)?.reached_ns(partition.committed()?, topic.began_ns())?;
        longest_ns = longest_ns.max(read_ns.saturating_sub(reached_ns));
    }
    Some(longest_ns as f64 / 1e9)
}

fn judge(
    head: &GroupHead,
    (topic_name, topic): (&str, &Topic),
    on_topic: &GroupTopic,
    committed: &[GroupPartition],
    (lag, lag_s): (Option<u64>, Option<f64>),
) -> (LagVerdict, String) {
    if let (Some(error), None) = (&head.error, lag) {
        return (LagVerdict::Unknown, format!("could not be read: {}", words::visible(error, MAX_FOREIGN_CHARS)));
    }
    let unlisted = match (&head.members, &head.members_reason) {
        (None, Some(reason)) => format!("the broker does not list members: {}", words::visible(reason, MAX_FOREIGN_CHARS)),
        (None, None) => "the broker does not list members".into(),
        _ => String::new(),
    };
    let mut notes = notes(on_topic, committed, topic);
    let began_ns = topic.began_ns();
    if committed.is_empty() {
        notes.clear();
        notes.extend((!unlisted.is_empty()).then_some(unlisted));
        return (LagVerdict::Unknown, joined("no commit yet".into(), &notes));
    }
    let Some(lag) = lag else {
        let unknown: Vec<i32> = committed.iter().filter(|known| known.end().is_none()).map(|known| known.partition).collect();
        return (LagVerdict::Unknown, joined(format!("the end of {} is unknown", words::partitions(&unknown)), &notes));
    };
    if lag == 0 {
        return (LagVerdict::Ok, joined("nothing waits".into(), &notes));
    }
    let behind = match lag_s {
        Some(lag_s) => format!("behind by {}, {}", words::records(lag), words::duration((lag_s * 1e9) as i64)),
        None => format!("behind by {}", words::records(lag)),
    };
    if let Some(nobody) = nobody_reads(head, (topic_name, began_ns), on_topic) {
        return (LagVerdict::NoMembers, joined(format!("{behind}; {nobody}"), &notes));
    }
    let unmoved_since_ns = committed.iter().map(GroupPartition::unmoved_since_ns).collect::<Option<Vec<i64>>>().and_then(|times| times.into_iter().max());
    let trend = on_topic.samples.trend(began_ns, unmoved_since_ns.map(|since_ns| since_ns.max(began_ns)));
    let stuck = stuck_beside_others(head.read_ns, began_ns, committed);
    match trend.verdict {
        LagVerdict::Stuck => {
            notes.extend((!unlisted.is_empty()).then_some(unlisted));
            (LagVerdict::Stuck, joined(trend.clause, &notes))
        }
        _ if stuck.is_some() => (LagVerdict::Stuck, joined(stuck.unwrap_or_default(), &notes)),
        verdict => (verdict, joined(format!("{behind}; {}", trend.clause), &notes)),
    }
}

/// Why nobody reads although something waits; `None` if somebody does, or that is not known.
fn nobody_reads(head: &GroupHead, (topic_name, began_ns): (&str, i64), on_topic: &GroupTopic) -> Option<String> {
    let members = head.members.as_ref()?;
    if members.len() == 0 {
        return (!on_topic.samples.commits_without_members(began_ns)).then(|| "the group has no members".into());
    }
    (members.is_assigned() && !members.reads(topic_name)).then(|| match members.len() {
        1 => "the group's one member does not read this topic".into(),
        num => format!("none of the group's {num} members reads this topic"),
    })
}

/// A partition that stands still for long while others move. A single record that waits may be the marker of a
/// transaction.
fn stuck_beside_others(read_ns: i64, began_ns: i64, committed: &[GroupPartition]) -> Option<String> {
    let unmoved_ns = |known: &GroupPartition| known.unmoved_since_ns().map(|since_ns| read_ns.saturating_sub(since_ns.max(began_ns)));
    let stuck = |known: &&GroupPartition| known.lag() > Some(1) && unmoved_ns(known) >= Some(PARTITION_STUCK_NS);
    let worst = committed.iter().filter(stuck).max_by_key(|known| (unmoved_ns(known), Reverse(known.partition)))?;
    let lag = words::records(worst.lag()?);
    Some(format!("partition {} committed nothing for {} with {lag} waiting", worst.partition, words::duration(unmoved_ns(worst)?)))
}

/// What must be said beside the verdict.
fn notes(on_topic: &GroupTopic, committed: &[GroupPartition], topic: &Topic) -> Vec<String> {
    let began_ns = topic.began_ns();
    let low = |known: &GroupPartition| topic.watermarks.get(&known.partition)?.low(began_ns);
    let mut notes = Vec::new();
    let sum = |parts: &dyn Fn(&GroupPartition) -> Option<u64>| committed.iter().filter_map(parts).fold(0_u64, u64::saturating_add);
    let lost = sum(&|known| Some((low(known)? - known.committed()?).max(0) as u64));
    if lost > 0 {
        notes.push(format!("lost {} to retention", words::records(lost)));
    }
    let rewound = sum(&|known| Some(known.rewound(began_ns)));
    if rewound > 0 {
        notes.push(format!("set back by {} behind the highest commit seen", words::records(rewound)));
    }
    let beyond: Vec<i32> = committed.iter().filter(|known| known.end().is_some() && known.end() < known.committed()).map(|known| known.partition).collect();
    if !beyond.is_empty() {
        notes.push(format!("the commit lies beyond the end of {}: the topic was made anew, or the offset was set by hand", words::partitions(&beyond)));
    }
    let uncommitted: Vec<i32> = on_topic
        .partitions
        .iter()
        .filter(|known| known.committed().is_none() && (known.end().is_none() || known.end() != low(known)))
        .map(|known| known.partition)
        .collect();
    if !uncommitted.is_empty() {
        notes.push(format!("{} not counted: no commit yet", words::partitions(&uncommitted)));
    }
    notes
}

fn joined(head: String, notes: &[String]) -> String {
    notes.iter().fold(head, |text, note| text + "; " + note)
}
