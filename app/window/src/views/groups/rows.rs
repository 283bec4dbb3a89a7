//! Groups as rows, and how lag went. Pure.

use std::collections::HashMap;

use switchboard_engine::view::{GroupView, LagPoint, LagVerdict};

use crate::{
    figures,
    ink::{
        Glyph, Tone,
        signs::{group_tone, verdict_glyph},
    },
    sanitise::visible,
    widgets::{
        table::SortKey,
        time_axis::{TimeAxis, WHOLE_NS},
    },
};

/// Time between two points of a course, ns.
const STEP_NS: i64 = 5_000_000_000;
/// Points of a course that are kept.
const POINTS_MAX: usize = (WHOLE_NS / STEP_NS) as usize + 1;
/// Groups whose courses are kept; of more than that only the first have one.
const COURSES_MAX: usize = 2_000;

/// What names a group on a topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct GroupKey {
    /// Name of the source that reads its cluster.
    pub cluster: Option<String>,
    /// `group.id`.
    pub group: String,
    /// The topic.
    pub topic: String,
}

impl GroupKey {
    /// The key of a group.
    pub(crate) fn of(group: &GroupView) -> Self {
        Self { cluster: group.cluster.clone(), group: group.group.clone(), topic: group.topic.clone() }
    }

    /// Whether it names this group; without a cluster any will do.
    pub(crate) fn names(&self, group: &GroupView) -> bool {
        self.group == group.group && self.topic == group.topic && (self.cluster.is_none() || self.cluster == group.cluster)
    }
}

/// A verdict for the eye.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    /// Its sign, where it is unusual.
    pub glyph: Option<Glyph>,
    /// In words, with the reason: `falls behind: 12 messages a second come in, 3 are handled`.
    pub text: String,
    /// How urgent.
    pub tone: Tone,
}

/// What a group's lag comes to.
pub(crate) fn verdict(group: &GroupView) -> Verdict {
    Verdict { glyph: verdict_glyph(group.verdict), text: visible(&group.sentence()).into_owned(), tone: group_tone(group) }
}

/// How far it is behind in time: `38 s`, `unknown`.
pub(crate) fn seconds(group: &GroupView) -> String {
    group.lag_s.map_or_else(|| "unknown".to_owned(), figures::age_s)
}

/// All groups in a few words: how many, and how they stand.
pub(crate) fn summary(groups: &[GroupView]) -> (String, String) {
    let num = |of: fn(&GroupView) -> &str| groups.iter().map(of).collect::<std::collections::BTreeSet<_>>().len() as u64;
    let (num_groups, num_topics) = (num(|group| &group.group), num(|group| &group.topic));
    let title = format!("{} on {}", figures::things(num_groups, "group", "groups"), figures::things(num_topics, "topic", "topics"));
    let count = |verdict: LagVerdict| groups.iter().filter(|group| group.verdict == verdict).count() as u64;
    let mut parts: Vec<String> = LagVerdict::ALL
        .into_iter()
        .map(|verdict| (count(verdict), verdict.counted_word()))
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{} {word}", figures::count(n)))
        .collect();
    let lag: u64 = groups.iter().filter_map(|group| group.lag).sum();
    let behind = figures::things(lag, "message", "messages");
    parts.push(if groups.iter().any(|group| group.lag.is_none()) { format!("{behind} behind where it is known") } else { format!("{behind} behind in all") });
    (title, parts.join(" · "))
}

/// Places of groups, the most urgent first, then those that are farthest behind.
pub(crate) fn natural(groups: &[GroupView]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..groups.len()).collect();
    let name = |place: usize| (&groups[place].group, &groups[place].topic, &groups[place].cluster);
    let urgency = |place: usize| (groups[place].severity(), groups[place].lag);
    order.sort_by(|one, other| urgency(*other).cmp(&urgency(*one)).then_with(|| name(*one).cmp(&name(*other))));
    order
}

/// What a group is sorted by in a column; a course by how much longer it became.
pub(crate) fn sort_key(group: &GroupView, title: &'static str, course: &[(i64, Option<f64>)]) -> SortKey {
    match title {
        "group" => SortKey::text(&group.group),
        "topic" => SortKey::text(&group.topic),
        "behind" => SortKey::number(group.lag.map(|lag| lag as f64)),
        "in time" => SortKey::number(group.lag_s),
        "verdict" => SortKey::Number(f64::from(group.severity() as u8)),
        "members" => match (&group.members, group.readers.len()) {
            (Some(members), _) => SortKey::Number(members.len() as f64),
            (None, num_readers) => SortKey::number((num_readers > 0).then_some(num_readers as f64)),
        },
        "lag" => {
            let mut known = course.iter().filter_map(|(_, lag)| *lag);
            SortKey::number(known.next().and_then(|first| Some(known.next_back()? - first)))
        }
        _ => SortKey::Unknown,
    }
}

/// How the lag of a group went.
#[derive(Clone, Debug, Default)]
struct Course {
    /// Readings, oldest first.
    points: Vec<(i64, Option<f64>)>,
    /// The readings that the engine kept of before have been taken in.
    is_begun: bool,
}

/// How the lag of groups went: as the engine remembers it from before the window looked, and then as snapshots tell it one after another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Courses {
    courses: HashMap<GroupKey, Course>,
    /// The first reading of all.
    first_ns: Option<i64>,
    started_ns: i64,
    taken_ns: i64,
}

impl Courses {
    /// Takes in the groups of a snapshot of that time, unless the last ones are hardly older.
    pub(crate) fn take(&mut self, groups: &[GroupView], started_ns: i64, as_of_ns: i64) {
        if self.started_ns != started_ns {
            *self = Self { started_ns, ..Self::default() };
        }
        if as_of_ns < self.taken_ns.saturating_add(STEP_NS) {
            return;
        }
        self.taken_ns = as_of_ns;
        for group in groups.iter().take(COURSES_MAX) {
            let Some(read_ns) = group.read_ns else { continue };
            let points = &mut self.courses.entry(GroupKey::of(group)).or_default().points;
            if points.last().is_some_and(|(at_ns, _)| *at_ns >= read_ns) {
                continue;
            }
            points.push((read_ns, group.lag.map(|lag| lag as f64)));
            let oldest = points.partition_point(|(at_ns, _)| *at_ns < read_ns.saturating_sub(WHOLE_NS));
            let surplus = points.len().saturating_sub(POINTS_MAX);
            points.drain(..oldest.max(surplus));
        }
        if self.courses.len() > groups.len() {
            let known: std::collections::HashSet<GroupKey> = groups.iter().map(GroupKey::of).collect();
            self.courses.retain(|key, _| known.contains(key));
        }
        self.note_first();
    }

    /// Whether the engine may remember what went before the first reading that was seen here.
    pub(crate) fn lacks_beginning(&self, group: &GroupView) -> bool {
        self.courses.get(&GroupKey::of(group)).is_some_and(|course| !course.is_begun)
    }

    /// Takes in what the engine remembers of a group.
    pub(crate) fn begin(&mut self, group: &GroupView, history: &[LagPoint]) {
        let Some(course) = self.courses.get_mut(&GroupKey::of(group)) else { return };
        course.is_begun = true;
        let first_ns = course.points.first().map_or(i64::MAX, |(at_ns, _)| *at_ns);
        // From the last one back, a point a step.
        let mut before: Vec<(i64, Option<f64>)> = Vec::new();
        for point in history.iter().rev().filter(|point| point.at_ns < first_ns) {
            let next_ns = before.last().map_or(first_ns, |(at_ns, _)| *at_ns);
            if next_ns.saturating_sub(point.at_ns) >= STEP_NS {
                before.push((point.at_ns, point.lag.map(|lag| lag as f64)));
            }
        }
        before.truncate(POINTS_MAX.saturating_sub(course.points.len()));
        before.reverse();
        course.points.splice(0..0, before);
        self.note_first();
    }

    fn note_first(&mut self) {
        self.first_ns = self.courses.values().filter_map(|course| course.points.first()).map(|(at_ns, _)| *at_ns).min();
    }

    /// The course of a group.
    pub(crate) fn of(&self, group: &GroupView) -> &[(i64, Option<f64>)] {
        self.courses.get(&GroupKey::of(group)).map_or(&[], |course| course.points.as_slice())
    }

    /// The axis that all courses share.
    pub(crate) fn axis(&self, as_of_ns: i64) -> TimeAxis {
        TimeAxis::of(self.first_ns, as_of_ns, WHOLE_NS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        testing,
        widgets::table::{Sorting, Way},
    };

    #[test]
    fn the_worst_stand_first_and_each_column_sorts() {
        let groups = testing::order_business().groups;
        let names = |sorting: Sorting| {
            let mut places = natural(&groups);
            sorting.arrange(&mut places, &groups, |group, title| sort_key(group, title, &[(0, Some(2.0)), (1, None), (2, Some(7.0))]));
            places.into_iter().map(|place| groups[place].group.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(names(Sorting::default()), ["inventory", "fraud", "shipping", "notifications", "orders-replies"]);
        assert_eq!(names(Sorting::by("group", Way::Up)), ["fraud", "inventory", "notifications", "orders-replies", "shipping"]);
        assert_eq!(names(Sorting::by("behind", Way::Up))[4], "inventory");
        assert_eq!(names(Sorting::by("topic", Way::Up))[0], "orders-replies");
        assert_eq!(sort_key(&groups[0], "lag", &[(0, Some(2.0)), (1, None), (2, Some(7.0))]), SortKey::Number(5.0));
    }

    #[test]
    fn all_groups_are_told_in_a_few_words() {
        let groups = testing::order_business().groups;
        assert_eq!(summary(&groups), ("5 groups on 2 topics".to_owned(), "1 falling behind · 4 keeping up · 1,209 messages behind in all".to_owned()));
        let unknown = GroupView { lag: None, verdict: LagVerdict::Unknown, ..groups[0].clone() };
        assert_eq!(summary(&[unknown]).1, "1 unknown · 0 messages behind where it is known");
    }

    #[test]
    fn a_course_has_one_point_a_reading_and_forgets_what_is_gone() {
        let groups = testing::order_business().groups.to_vec();
        let mut courses = Courses::default();
        let at = |step: i64| testing::NOW_NS + step * STEP_NS;
        courses.take(&groups, 1, at(0));
        courses.take(&groups, 1, at(1));
        assert_eq!(courses.of(&groups[0]).len(), 1, "the same reading");
        for step in 1..2_000 {
            let later: Vec<GroupView> =
                groups.iter().cloned().map(|group| GroupView { read_ns: group.read_ns.map(|ns| ns + step * STEP_NS), ..group }).collect();
            courses.take(&later, 1, at(step + 1));
            courses.take(&groups, 1, at(step + 1) + 1);
        }
        let points = courses.of(&groups[0]);
        assert!(points.len() <= 182 && points[points.len() - 1].0 - points[0].0 <= WHOLE_NS, "{} points", points.len());
        courses.take(&groups[1..], 1, at(2_001));
        assert!(courses.of(&groups[0]).is_empty());
        courses.take(&groups, 2, at(2_002));
        assert_eq!(courses.of(&groups[1]).len(), 1, "another session begins anew");
    }

    #[test]
    fn a_course_begins_with_what_the_engine_remembers_and_all_share_an_axis() {
        let groups = testing::order_business().groups.to_vec();
        let mut courses = Courses::default();
        assert!(!courses.lacks_beginning(&groups[0]), "nothing was read yet");
        courses.take(&groups, 1, testing::NOW_NS);
        assert!(courses.lacks_beginning(&groups[0]));
        assert_eq!(courses.axis(testing::NOW_NS).words(), "last 1 min");
        let read_ns = groups[0].read_ns.expect("it was read");
        let point = |back_s: i64| LagPoint { at_ns: read_ns - back_s * 1_000_000_000, lag: Some(back_s as u64), committed: None, end: None };
        // Read each two seconds for a minute and a half; the last one is known here already.
        courses.begin(&groups[0], &(0..45).rev().map(|step| point(step * 2)).collect::<Vec<_>>());
        let told: Vec<i64> = courses.of(&groups[0]).iter().map(|(at_ns, _)| (read_ns - at_ns) / 1_000_000_000).collect();
        assert_eq!((told.first(), told.last(), told.len()), (Some(&84), Some(&0), 15));
        assert!(told.windows(2).all(|pair| pair[0] - pair[1] == 6), "{told:?}");
        assert!(!courses.lacks_beginning(&groups[0]) && courses.lacks_beginning(&groups[1]));
        assert_eq!(courses.axis(testing::NOW_NS).words(), "last 2 min");
        courses.begin(&groups[1], &[]);
        assert_eq!(courses.of(&groups[1]).len(), 1, "nothing is known of before");
    }
}
