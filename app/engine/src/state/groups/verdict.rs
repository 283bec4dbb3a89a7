//! What a group's standing on a topic comes to: judged partition by partition, the group's verdict is the worst of them. How long one whose lag
//! does not move may stand before it is stuck is reckoned in `lag.rs`, from its own pauses; here is what partitions and members beside it change.

use std::sync::Arc;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::state::groups::head::GroupHead;
use crate::state::groups::lag::SampleWindow;
use crate::state::groups::members::GroupMembers;
use crate::state::groups::partition_course::{Growth, PartitionCourses};
use crate::state::groups::topic::Topic;
use crate::state::groups::waiting::Part;
use crate::view::{LagVerdict, Pace};
use crate::words;

const SECOND_NS: i64 = 1_000_000_000;

/// One partition is called stuck beside others that move only after this long: a slow consumer empties its partitions in turn.
const PARTITION_STUCK_NS: i64 = 90 * SECOND_NS;
/// A member none of whose partitions moves is called stuck beside others after this long: it has no other turn to take.
const MEMBER_STUCK_NS: i64 = 30 * SECOND_NS;
/// A transaction that is open for less is an ordinary one.
const OPEN_AFTER_NS: i64 = 10 * SECOND_NS;
/// Text from brokers is cut here.
pub(crate) const MAX_FOREIGN_CHARS: usize = 200;

/// What a verdict is made from, beside the partitions.
pub(crate) struct Course<'a> {
    pub(crate) head: &'a GroupHead,
    pub(crate) topic_name: &'a str,
    pub(crate) topic: &'a Topic,
    pub(crate) samples: &'a SampleWindow,
    /// How partitions go on one by one; `None` = they are not followed.
    pub(crate) courses: Option<&'a PartitionCourses>,
    /// Since when the group is being rebalanced; `None` = it is not.
    pub(crate) rebalancing_since_ns: Option<i64>,
}

/// A verdict with its cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) verdict: LagVerdict,
    /// The partition that it is about, where it is about one.
    pub(crate) partition: Option<i32>,
    /// Since when it holds, where that is told.
    pub(crate) since_ns: Option<i64>,
    /// Why, in words.
    pub(crate) reason: Arc<str>,
    pub(crate) pace: Option<Pace>,
}

impl Judged {
    pub(crate) fn plain(verdict: LagVerdict, reason: String) -> Self {
        Self { verdict, partition: None, since_ns: None, reason: reason.into(), pace: None }
    }

    /// The coordinator gives the partitions out anew.
    pub(crate) fn rebalancing(since_ns: i64, read_ns: i64, more: &str) -> Self {
        let lasted = words::duration(read_ns.saturating_sub(since_ns));
        let reason = format!("since {}, {lasted} before it was read; {more}", words::clock(since_ns));
        Self { since_ns: Some(since_ns), ..Self::plain(LagVerdict::Rebalancing, reason) }
    }

    fn on(self, partition: i32) -> Self {
        Self { partition: Some(partition), ..self }
    }

    fn since(self, since_ns: Option<i64>) -> Self {
        Self { since_ns, ..self }
    }
}

/// Why members are not known; `None` = they are.
pub(crate) fn unlisted(head: &GroupHead) -> Option<String> {
    match (&head.members, &head.members_reason) {
        (None, Some(reason)) => Some(format!("the broker does not list members: {}", words::visible(reason, MAX_FOREIGN_CHARS))),
        (None, None) => Some("the broker does not list members".into()),
        _ => None,
    }
}

/// Judges.
pub(crate) fn judge(course: &Course<'_>, parts: &[Part<'_>], (lag, lag_s): (Option<u64>, Option<f64>)) -> Judged {
    let head = course.head;
    if let (Some(error), None) = (&head.error, lag) {
        return Judged::plain(LagVerdict::Unknown, format!("could not be read: {}", words::visible(error, MAX_FOREIGN_CHARS)));
    }
    let unlisted = unlisted(head);
    let committed: Vec<&Part<'_>> = parts.iter().filter(|part| part.known.committed().is_some()).collect();
    if committed.is_empty() {
        return uncommitted(course, lag, unlisted.as_ref());
    }
    let mut notes = notes(course, parts);
    let Some(lag) = lag else {
        let unknown: Vec<i32> = committed.iter().filter(|part| part.known.end().is_none()).map(|part| part.known.partition).collect();
        return Judged::plain(LagVerdict::Unknown, joined(format!("the end of {} is unknown", words::partitions(&unknown)), &notes));
    };
    let behind = match (lag, lag_s) {
        (0, _) => "nothing waits".to_owned(),
        (_, Some(lag_s)) => format!("behind by {}, {}", words::records(lag), words::duration((lag_s * 1e9) as i64)),
        (_, None) => format!("behind by {}", words::records(lag)),
    };
    let mut found: Vec<Judged> = Vec::new();
    found.extend(beyond_the_end(course, &committed));
    let lagging: Vec<&Part<'_>> = committed.iter().filter(|part| part.lag() > Some(0)).copied().collect();
    if let Some(since_ns) = course.rebalancing_since_ns {
        found.push(Judged::rebalancing(since_ns, head.read_ns, &behind));
    } else if let Some(nobody) = nobody_reads(course).filter(|_| lag > 0) {
        found.push(Judged::plain(LagVerdict::NoMembers, format!("{behind}; {nobody}")));
    } else {
        let unread = unread(course, parts);
        found.extend(unread.first().map(|part| unread_part(part, &unread, &behind)));
        let blocked: Vec<&Part<'_>> = committed.iter().filter(|part| is_blocked(course, part)).copied().collect();
        found.extend(blocked.iter().max_by_key(|part| (part.lag(), Reverse(part.known.partition))).map(|part| open_transaction(course, part)));
        let explained: BTreeSet<i32> = blocked.iter().chain(&unread).map(|part| part.known.partition).collect();
        let free: Vec<&Part<'_>> = lagging.iter().filter(|part| !explained.contains(&part.known.partition)).copied().collect();
        let is_all_explained = free.is_empty() && !lagging.is_empty();
        let trend = trend(course, &committed, &lagging, &behind);
        let places = lagging.iter().filter_map(|part| Some((part.known.partition, part.position()?)));
        let due_ns = course.topic.dues.next_due_ns(places, head.read_ns);
        if let Some(due_ns) = due_ns.filter(|_| matches!(trend.verdict, LagVerdict::Growing | LagVerdict::Stuck)) {
            found.push(backing_off(due_ns, head.read_ns, &behind));
        } else {
            let is_of_all = trend.verdict >= LagVerdict::Growing;
            let pace = trend.pace;
            if !(is_all_explained && is_of_all) {
                found.push(trend);
            }
            if let Some(stuck) = stuck_beside_others(course, &committed, &free).filter(|_| due_ns.is_none()) {
                found.push(Judged { pace, ..stuck });
            }
            if let Some(behind) = falls_behind(course, &free, &behind).filter(|_| due_ns.is_none()) {
                found.push(behind);
            }
        }
    }
    // Of equal ones the first: max_by_key takes the last.
    let urgency = |judged: &Judged| {
        let lasted_ns = judged.since_ns.map(|since_ns| head.read_ns.saturating_sub(since_ns));
        (judged.verdict.severity(Some(lag.max(1)), lasted_ns), judged.verdict)
    };
    let worst = found.into_iter().rev().max_by_key(urgency);
    let Some(worst) = worst else { return Judged::plain(LagVerdict::Ok, joined(behind, &notes)) };
    if worst.verdict == LagVerdict::Stuck {
        notes.extend(unlisted);
    }
    Judged { reason: joined(worst.reason.to_string(), &notes).into(), ..worst }
}

/// A group that never committed on the topic.
fn uncommitted(course: &Course<'_>, lag: Option<u64>, unlisted: Option<&String>) -> Judged {
    let head = course.head;
    if let Some(since_ns) = course.rebalancing_since_ns {
        return Judged::rebalancing(since_ns, head.read_ns, "no commit yet");
    }
    if lag == Some(0) {
        return Judged::plain(LagVerdict::Ok, "nothing waits: the topic is empty, and nothing was committed yet".into());
    }
    if let Some(switchboard_model::GroupKind::Share) = head.kind {
        let is_empty = head.members.as_ref().is_some_and(|members| members.len() == 0);
        let verdict = if is_empty { LagVerdict::NoMembers } else { LagVerdict::NoOffsets };
        let nobody = if is_empty { "the group has no members; " } else { "" };
        let why = format!("{nobody}a share group has records acknowledged one by one: there is no committed offset to tell by");
        return Judged::plain(verdict, joined(why, unlisted.map_or(&[][..], std::slice::from_ref)));
    }
    Judged::plain(LagVerdict::Unknown, joined("no commit yet".into(), unlisted.map_or(&[][..], std::slice::from_ref)))
}

fn beyond_the_end(course: &Course<'_>, committed: &[&Part<'_>]) -> Option<Judged> {
    let beyond: Vec<&&Part<'_>> = committed.iter().filter(|part| part.is_beyond()).collect();
    let first = beyond.first()?;
    let (committed, end) = (first.known.committed()?, first.known.end()?);
    let mut reason = format!("the topic was made anew or cut; partition {} ends at {end}, and {committed} is committed", first.known.partition);
    if beyond.len() > 1 {
        let others: Vec<i32> = beyond[1..].iter().map(|part| part.known.partition).collect();
        reason.push_str(&format!("; so it is on {}", words::partitions(&others)));
    }
    if let Some(made_again_ns) = course.topic.made_again_ns {
        reason.push_str(&format!("; it was made again at {}", crate::view::rfc3339(made_again_ns)));
    }
    Some(Judged::plain(LagVerdict::BeyondEnd, reason).on(first.known.partition))
}

/// Partitions that no member reads while members read others of the topic, and on which something waits.
fn unread<'a, 'b>(course: &Course<'_>, parts: &'b [Part<'a>]) -> Vec<&'b Part<'a>> {
    let Some(members) = course.head.members.as_ref().filter(|members| members.reads(course.topic_name)) else { return Vec::new() };
    let read: BTreeSet<i32> = members.readers(course.topic_name).map(|(_, partition)| partition).collect();
    let waits = |part: &&Part<'_>| part.lag() > Some(0) || part.is_uncommitted();
    parts.iter().filter(|part| !read.contains(&part.known.partition)).filter(waits).collect()
}

fn unread_part(first: &Part<'_>, unread: &[&Part<'_>], behind: &str) -> Judged {
    let numbers: Vec<i32> = unread.iter().map(|part| part.known.partition).collect();
    let lag = unread.iter().filter_map(|part| part.lag()).fold(0_u64, u64::saturating_add);
    let reason = format!("{behind}; nobody reads {}, where {} {}", words::partitions(&numbers), words::records(lag), if lag == 1 { "waits" } else { "wait" });
    Judged::plain(LagVerdict::NoMembers, reason).on(first.known.partition)
}

/// Whether the reader waits for a transaction that has been open for longer than an ordinary one.
fn is_blocked(course: &Course<'_>, part: &Part<'_>) -> bool {
    let is_young = |since_ns: i64| course.head.read_ns.saturating_sub(since_ns) < OPEN_AFTER_NS;
    part.waits_for_transaction() && !part.open_transaction().and_then(|open| open.since_ns).is_some_and(is_young)
}

fn open_transaction(course: &Course<'_>, part: &Part<'_>) -> Judged {
    let open = part.open_transaction();
    let name = open.and_then(|open| open.transactional_id.as_deref());
    let name = name.map_or_else(|| "a transaction that is not named".to_owned(), |name| format!("transaction {}", words::visible(name, MAX_FOREIGN_CHARS)));
    let since_ns = open.and_then(|open| open.since_ns);
    let at_least = if open.is_some_and(|open| open.since_at_least) { "at least " } else { "" };
    let age = since_ns.map_or_else(
        || "is open since a time that is not known".to_owned(),
        |since_ns| format!("has been open for {at_least}{}", words::duration(course.head.read_ns.saturating_sub(since_ns))),
    );
    let behind = part.known.end().zip(part.position()).map_or(0, |(end, position)| end.saturating_sub(position).max(0) as u64);
    let offsets = if behind == 1 { "1 offset lies".to_owned() } else { format!("{} offsets lie", words::count(behind)) };
    let reason = format!("{name} {age} on partition {}; {offsets} behind its begin", part.known.partition);
    Judged::plain(LagVerdict::OpenTransaction, reason).on(part.known.partition).since(since_ns)
}

/// The next record of a retry topic is not due yet.
fn backing_off(due_ns: i64, read_ns: i64, behind: &str) -> Judged {
    let next = if due_ns > read_ns { format!("the next in {}", words::duration(due_ns - read_ns)) } else { "the next now".to_owned() };
    Judged::plain(LagVerdict::Waits, format!("waits until its records are due, {next}; {behind}"))
}

/// How the sum over all partitions goes; it names the partition where one stands for it.
fn trend(course: &Course<'_>, committed: &[&Part<'_>], lagging: &[&Part<'_>], behind: &str) -> Judged {
    let began_ns = course.topic.began_ns();
    let unmoved = committed.iter().map(|part| part.known.unmoved_since_ns()).collect::<Option<Vec<i64>>>();
    let unmoved_since_ns = unmoved.and_then(|times| times.into_iter().max());
    let trend = course.samples.trend(began_ns, unmoved_since_ns.map(|since_ns| since_ns.max(began_ns)));
    let worst = lagging.iter().max_by_key(|part| (part.lag(), Reverse(part.known.partition)));
    let lag: u64 = lagging.iter().filter_map(|part| part.lag()).fold(0, u64::saturating_add);
    // It is named where it is not the only one there is, and holds most of what waits.
    let stands_out = worst.filter(|part| committed.len() > 1 && part.lag().unwrap_or(0).saturating_mul(2) > lag);
    let mut clause = trend.clause;
    if let Some(part) = stands_out.filter(|_| trend.verdict >= LagVerdict::Growing) {
        let share = if lagging.len() == 1 { "all".to_owned() } else { format!("{} of them", words::count(part.lag().unwrap_or(0))) };
        clause.push_str(&format!("; {share} on partition {}", part.known.partition));
    }
    let reason = match trend.verdict {
        LagVerdict::Stuck => clause,
        _ if lagging.is_empty() => behind.to_owned(),
        _ => format!("{behind}; {clause}"),
    };
    let verdict = if lagging.is_empty() { LagVerdict::Ok } else { trend.verdict };
    let named = if committed.len() == 1 { worst } else { stands_out };
    let partition = named.filter(|_| verdict >= LagVerdict::Growing).map(|part| part.known.partition);
    Judged { verdict, partition, since_ns: trend.since_ns, reason: reason.into(), pace: trend.pace }
}

/// Why nobody reads although something waits; `None` if somebody does, or that is not known.
fn nobody_reads(course: &Course<'_>) -> Option<String> {
    let members = course.head.members.as_ref()?;
    if members.len() == 0 {
        return (!course.samples.commits_without_members(course.topic.began_ns())).then(|| "the group has no members".into());
    }
    (members.is_assigned() && !members.reads(course.topic_name)).then(|| match members.len() {
        1 => "the group's one member does not read this topic".into(),
        num => format!("none of the group's {num} members reads this topic"),
    })
}

/// The partition that falls behind furthest, whatever the sum over all does: others may catch up meanwhile.
fn falls_behind(course: &Course<'_>, free: &[&Part<'_>], behind: &str) -> Option<Judged> {
    let (partition, growth) = free
        .iter()
        .filter_map(|part| Some((part.known.partition, growth(course, part)?)))
        .max_by_key(|(partition, growth)| (growth.by, Reverse(*partition)))?;
    let reason = format!("{behind}; partition {partition} grew by {} in the last {}", words::count(growth.by), words::duration(growth.pace.over_ns));
    Some(Judged { pace: Some(growth.pace), ..Judged::plain(LagVerdict::Growing, reason).on(partition) })
}

fn growth(course: &Course<'_>, part: &Part<'_>) -> Option<Growth> {
    course.courses?.growth(part.known.partition, course.topic.began_ns())
}

/// What each partition comes to by itself, by the same rules.
pub(crate) fn judge_parts(course: &Course<'_>, parts: &[Part<'_>]) -> Vec<LagVerdict> {
    let committed: Vec<&Part<'_>> = parts.iter().filter(|part| part.known.committed().is_some()).collect();
    let lagging: Vec<&Part<'_>> = committed.iter().filter(|part| part.lag() > Some(0)).copied().collect();
    let nobody = nobody_reads(course).is_some();
    let unread: BTreeSet<i32> = unread(course, parts).into_iter().map(|part| part.known.partition).collect();
    let trend = trend(course, &committed, &lagging, "");
    let stuck: BTreeSet<i32> = stuck_parts(course, &committed, &lagging).into_iter().map(|(part, _)| part.known.partition).collect();
    let verdict = |part: &Part<'_>| {
        let waits = part.lag() > Some(0) || part.is_uncommitted();
        let is_due_later = || {
            part.position().and_then(|position| course.topic.dues.next_due_ns(std::iter::once((part.known.partition, position)), course.head.read_ns)).is_some()
        };
        match part.lag() {
            _ if part.is_beyond() => LagVerdict::BeyondEnd,
            _ if waits && course.rebalancing_since_ns.is_some() => LagVerdict::Rebalancing,
            _ if waits && (nobody || unread.contains(&part.known.partition)) => LagVerdict::NoMembers,
            None if part.is_empty_and_uncommitted() => LagVerdict::Ok,
            None => LagVerdict::Unknown,
            Some(_) if is_blocked(course, part) => LagVerdict::OpenTransaction,
            Some(0) => LagVerdict::Ok,
            Some(_) if is_due_later() => LagVerdict::Waits,
            Some(_) if trend.verdict == LagVerdict::Stuck || stuck.contains(&part.known.partition) => LagVerdict::Stuck,
            Some(_) if growth(course, part).is_some() => LagVerdict::Growing,
            // Where partitions are not followed one by one, or not for long enough, the sum's verdict is that of all that lag.
            Some(_) if trend.verdict == LagVerdict::Growing && trend.partition.is_none_or(|named| named == part.known.partition) => LagVerdict::Growing,
            Some(_) if trend.verdict == LagVerdict::Unknown => LagVerdict::Unknown,
            Some(_) => LagVerdict::Ok,
        }
    };
    parts.iter().map(verdict).collect()
}

/// A partition that stands still for long while others move. A single record that waits may be the marker of a transaction, unless
/// it is known that it can be read.
fn stuck_beside_others(course: &Course<'_>, committed: &[&Part<'_>], free: &[&Part<'_>]) -> Option<Judged> {
    let (read_ns, began_ns) = (course.head.read_ns, course.topic.began_ns());
    let (worst, since_ns) =
        stuck_parts(course, committed, free).into_iter().max_by_key(|(part, since_ns)| (Reverse(*since_ns), Reverse(part.known.partition)))?;
    let unmoved_since_ns = worst.known.unmoved_since_ns()?.max(began_ns);
    let (lag, unmoved_ns) = (words::records(worst.lag()?), read_ns.saturating_sub(unmoved_since_ns));
    let partition = worst.known.partition;
    let reason = format!("partition {partition} committed nothing for {} with {lag} waiting", words::duration(unmoved_ns));
    Some(Judged::plain(LagVerdict::Stuck, reason).on(partition).since(Some(since_ns)))
}

/// Partitions that stand still for long, and since when something has waited there.
fn stuck_parts<'a, 'b>(course: &Course<'_>, committed: &[&Part<'_>], free: &[&'b Part<'a>]) -> Vec<(&'b Part<'a>, i64)> {
    let (read_ns, began_ns) = (course.head.read_ns, course.topic.began_ns());
    let unmoved_since = |part: &Part<'_>| part.known.unmoved_since_ns().map(|since_ns| since_ns.max(began_ns));
    // What waits came after the commit, maybe long after it.
    let waiting_since = |part: &Part<'_>| {
        let reached_ns = course.topic.watermarks.get(&part.known.partition).and_then(|ends| ends.reached_ns(part.position()?, began_ns));
        unmoved_since(part).map(|since_ns| since_ns.max(reached_ns.unwrap_or(since_ns)))
    };
    let members = course.head.members.as_ref();
    let readers: BTreeMap<i32, u32> =
        members.into_iter().flat_map(|members| GroupMembers::readers(members, course.topic_name)).map(|(member, partition)| (partition, member)).collect();
    let num_readers = readers.values().collect::<BTreeSet<_>>().len();
    // When any partition of a member last moved.
    let mut moved: BTreeMap<u32, i64> = BTreeMap::new();
    for part in committed {
        let at_ns = part.known.unmoved_since_ns().is_none().then_some(read_ns).or(part.known.moved_ns());
        if let (Some(member), Some(at_ns)) = (readers.get(&part.known.partition), at_ns) {
            let known = moved.entry(*member).or_insert(at_ns);
            *known = (*known).max(at_ns);
        }
    }
    let patience_ns = |part: &Part<'_>| match readers.get(&part.known.partition) {
        Some(member) if num_readers > 1 && moved.get(member).is_none_or(|at_ns| read_ns.saturating_sub(*at_ns) >= MEMBER_STUCK_NS) => MEMBER_STUCK_NS,
        _ => PARTITION_STUCK_NS,
    };
    let since_ns = |part: &&'b Part<'a>| {
        let since_ns = waiting_since(part).filter(|_| part.lag() > Some(1) || part.is_exact())?;
        (read_ns.saturating_sub(since_ns) >= patience_ns(part)).then_some((*part, since_ns))
    };
    free.iter().filter_map(since_ns).collect()
}

/// What must be said beside the verdict.
fn notes(course: &Course<'_>, parts: &[Part<'_>]) -> Vec<String> {
    let began_ns = course.topic.began_ns();
    let mut notes = Vec::new();
    let sum = |of: &dyn Fn(&Part<'_>) -> u64| parts.iter().map(of).fold(0_u64, u64::saturating_add);
    let lost = sum(&|part| part.num_lost());
    if lost > 0 {
        notes.push(format!("{} lost to retention", words::count(lost)));
    }
    let rewound = sum(&|part| if part.is_beyond() { 0 } else { part.known.rewound(began_ns) });
    if rewound > 0 {
        notes.push(format!("set back by {} behind the highest commit seen", words::records(rewound)));
    }
    let uncommitted: Vec<i32> = parts.iter().filter(|part| part.is_uncommitted()).map(|part| part.known.partition).collect();
    if !uncommitted.is_empty() {
        notes.push(format!("{} not counted: no commit yet", words::partitions(&uncommitted)));
    }
    notes
}

fn joined(head: String, notes: &[String]) -> String {
    notes.iter().fold(head, |text, note| text + "; " + note)
}
