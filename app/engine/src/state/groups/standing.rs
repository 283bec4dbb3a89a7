//! Where a consumer group stands on a topic, as a row.

use std::sync::Arc;

use switchboard_model::GroupKind;

use crate::state::groups::group_topic::GroupTopic;
use crate::state::groups::head::GroupHead;
use crate::state::groups::topic::Topic;
use crate::state::groups::verdict::{Course, Judged, MAX_FOREIGN_CHARS, judge, judge_parts, unlisted};
use crate::state::groups::waiting::Part;
use crate::view::{GROUP_STALE_NS, GroupView, LagVerdict, group_kind_word};
use crate::words;

/// What follows from a reading, apart from its age.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    lag: Option<u64>,
    lag_s: Option<f64>,
    judged: Judged,
    committed_since_start: Option<u64>,
    has_commit: bool,
    is_assigned: bool,
}

impl Standing {
    /// Works it out.
    pub(crate) fn of(head: &GroupHead, rebalancing_since_ns: Option<i64>, topic_name: &str, on_topic: &GroupTopic, topic: &Topic) -> Self {
        let parts: Vec<Part<'_>> = on_topic.parts(topic).collect();
        let committed: Vec<Part<'_>> = parts.iter().filter(|part| part.known.committed().is_some()).copied().collect();
        // After an error a partition without a commit may have one.
        let is_told = !committed.is_empty() && (head.error.is_none() || committed.len() == on_topic.num_read);
        let nothing_was_ever_there = head.error.is_none() && !parts.is_empty() && parts.iter().all(Part::is_empty_and_uncommitted);
        let lag = match () {
            () if is_told => total(committed.iter().map(Part::lag)),
            () if nothing_was_ever_there => Some(0),
            () => None,
        };
        let lag_s = lag.and_then(|_| lag_s(head.read_ns, &committed, topic));
        let first_end = |number: i32| topic.watermarks.get(&number).and_then(|known| known.first_end(topic.began_ns()));
        let handled: Vec<u64> = parts.iter().filter_map(|part| part.known.handled(first_end(part.known.partition))).collect();
        let course = Course { head, topic_name, topic, samples: &on_topic.samples, courses: on_topic.courses.as_deref(), rebalancing_since_ns };
        let judged = judge(&course, &parts, (lag, lag_s));
        Self {
            is_assigned: head.members.as_ref().is_some_and(|members| members.reads(topic_name)),
            has_commit: !committed.is_empty(),
            committed_since_start: (!handled.is_empty()).then(|| handled.iter().fold(0, |sum: u64, part| sum.saturating_add(*part))),
            lag,
            lag_s,
            judged,
        }
    }

    /// What each partition comes to, in the order of [`GroupTopic::parts`]: the group's verdict is the worst of them. What is not told of
    /// the group now is not told of them.
    pub(crate) fn of_parts(
        &self,
        head: &GroupHead,
        rebalancing_since_ns: Option<i64>,
        (topic_name, on_topic, topic): (&str, &GroupTopic, &Topic),
        shown: LagVerdict,
    ) -> Vec<LagVerdict> {
        let parts: Vec<Part<'_>> = on_topic.parts(topic).collect();
        if shown != self.judged.verdict {
            return vec![LagVerdict::Unknown; parts.len()];
        }
        let course = Course { head, topic_name, topic, samples: &on_topic.samples, courses: on_topic.courses.as_deref(), rebalancing_since_ns };
        judge_parts(&course, &parts)
    }

    /// A reader of which no offsets are told: on a topic that its members are assigned, or on topics that nobody tells.
    pub(crate) fn without_offsets(head: &GroupHead, rebalancing_since_ns: Option<i64>, topic_name: Option<&str>) -> Self {
        let kind = group_kind_word(head.kind.as_ref());
        let mut reason = match &head.kind {
            Some(GroupKind::Share) => "a share group has records acknowledged one by one: there is no committed offset to tell by".to_owned(),
            Some(GroupKind::Other(name)) => {
                format!("a group of a kind that is not known here ({}): no offsets are told", words::visible(name, MAX_FOREIGN_CHARS))
            }
            _ => format!("no offsets of this {kind} are told"),
        };
        if topic_name.is_none() {
            reason.push_str("; nor which topics it reads");
        }
        if let Some(error) = &head.error {
            reason = format!("could not be read: {}", words::visible(error, MAX_FOREIGN_CHARS));
        }
        let is_empty = head.members.as_ref().is_some_and(|members| members.len() == 0);
        let judged = match rebalancing_since_ns {
            Some(since_ns) => Judged::rebalancing(since_ns, head.read_ns, &reason),
            None if is_empty => Judged::plain(LagVerdict::NoMembers, format!("the group has no members; {reason}")),
            None => Judged::plain(LagVerdict::NoOffsets, format!("{reason}{}", unlisted(head).map(|why| format!("; {why}")).unwrap_or_default())),
        };
        Self { lag: None, lag_s: None, judged, committed_since_start: None, has_commit: false, is_assigned: true }
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
            None if age_ns > GROUP_STALE_NS => Some(format!("last read {} ago; then: {}", words::duration(age_ns), self.judged.reason)),
            None => None,
        };
        let judged = &self.judged;
        GroupView {
            node_id: None,
            group: names.1.to_owned(),
            topic: names.2.to_owned(),
            cluster: Some(names.0.to_owned()),
            kind: head.kind.clone(),
            state: head.state.clone(),
            members: head.members.as_ref().map(|members| members.views(names.2)),
            members_reason: head.members_reason.clone(),
            readers: Vec::new(),
            lag: self.lag.filter(|_| failure.is_none()),
            lag_s: self.lag_s.filter(|_| aged.is_none()),
            verdict: if aged.is_some() { LagVerdict::Unknown } else { judged.verdict },
            partition: judged.partition.filter(|_| aged.is_none()),
            since_ns: judged.since_ns.filter(|_| aged.is_none()),
            pace: judged.pace.filter(|_| aged.is_none()),
            reason: aged.map_or_else(|| Arc::clone(&judged.reason), Into::into),
            read_ns: Some(head.read_ns),
            committed_since_start: self.committed_since_start,
        }
    }
}

/// The sum, or `None` where a part is unknown.
pub(crate) fn total(mut parts: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    parts.try_fold(0_u64, |sum, part| Some(sum.saturating_add(part?)))
}

/// How long ago the most belated partition ended where the group stands, in seconds. `None` where that of any lagging
/// partition is unknown.
fn lag_s(read_ns: i64, committed: &[Part<'_>], topic: &Topic) -> Option<f64> {
    let mut longest_ns = 0;
    for part in committed.iter().filter(|part| part.lag() != Some(0)) {
        let reached_ns = topic.watermarks.get(&part.known.partition)?.reached_ns(part.position()?, topic.began_ns())?;
        longest_ns = longest_ns.max(read_ns.saturating_sub(reached_ns));
    }
    Some(longest_ns as f64 / 1e9)
}
